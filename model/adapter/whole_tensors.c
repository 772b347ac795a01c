/* whole_tensors.c: tensors that an adapter's file has whole: those of modules_to_save, embedding and head,
 * which PEFT adds by itself when the vocabulary was changed, and biases. */
#include "model/adapter/peft.h"

#include <string.h>

static const gk_adapter__site *site_of(const gk_adapter *a, const gk_checkpoint__slot *s) {
    return s->layer < 0 ? NULL : gk_adapter__site_of(a, s->layer, s->rule->part[0]);
}

static bool is(const gk_checkpoint__slot *s, gk_component c) {
    return s->rule->part[0] == c && !s->bias;
}

/* The tensor of a slot in a module of that name. PEFT wraps the module of a matrix with an adapter, and what
 * it had is in "base_layer" then. */
static const gk_safetensors__entry *find_in(gk_peft__reading *r, const gk_adapter *a,
                                            const gk_checkpoint__slot *s, const char *module) {
    char name[192];
    snprintf(name, sizeof name, GK_PEFT__PREFIX "%s%s.%s", module, site_of(a, s) ? ".base_layer" : "",
             s->bias ? "bias" : "weight");
    return gk_peft__reading_find(r, name);
}

/* Beside a tensor that modules_to_save names PEFT may leave two more, of which none is used: the one that
 * the module, or one that it is in, had before, and another of the new one. */
static void pass_over_copies(gk_peft__reading *r, const gk_checkpoint__slot *s, const char *module) {
    static const char *const copies[] = {"original_module", "modules_to_save", "modules_to_save.default"};
    char name[224];
    for (const char *end = module + strcspn(module, "."); end;
         end = *end ? end + 1 + strcspn(end + 1, ".") : NULL)
        for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
            snprintf(name, sizeof name, GK_PEFT__PREFIX "%.*s.%s%s.%s", (int)(end - module), module,
                     copies[i], end, s->bias ? "bias" : "weight");
            gk_peft__reading_find(r, name);
        }
}

/* From the file's order to the components' rows, one component after another. */
static void unpack(const gk_adapter *a, const gk_checkpoint__slot *s, const float *file, float *out) {
    int before = 0;
    for (int p = 0; p < s->rule->n_parts; p++) {
        int rows = is(s, GK_EMBED) || is(s, GK_HEAD) ? s->out : gk_checkpoint__slot_part_rows(&a->cfg, s, p);
        for (int r = 0; r < rows; r++, out += s->in) {
            size_t row = s->rule->n_parts > 1 ? gk_checkpoint__slot_row(&a->cfg, s, p, before, r) : (size_t)r;
            if (!gk_checkpoint__slot_transposed(s)) {
                memcpy(out, file + row * (size_t)s->in, (size_t)s->in * sizeof *out);
                continue;
            }
            for (int i = 0; i < s->in; i++) out[i] = file[(size_t)i * (size_t)s->out + row];
        }
        before += rows;
    }
}

static bool add_whole(gk_peft__reading *r, gk_adapter *a, const gk_checkpoint__slot *s,
                      const gk_safetensors__entry *e, gk_error *err) {
    gk_adapter__whole w = {.slot = *s};
    if ((is(s, GK_EMBED) || is(s, GK_HEAD)) && e->array.n_dims == 2 && e->array.shape[0] > 0 &&
        e->array.shape[0] <= 1 << 24) {
        w.slot.out = (int)e->array.shape[0];
        w.slot.shape[0] = e->array.shape[0];
    }
    if (!gk_peft__reading_check(r, e, w.slot.shape, w.slot.n_dims, err)) return false;
    size_t n = (size_t)w.slot.out * (size_t)w.slot.in;
    float *file = gk_try_alloc(n * sizeof *file);
    w.values = gk_try_alloc(n * sizeof *w.values);
    bool ok = file && w.values;
    if (!ok)
        gk_fail(err, gk_peft__reading_at(r, e), "a machine with more memory", "not enough memory for it");
    else if ((ok = gk_peft__reading_values(r, e, n, file, err)))
        unpack(a, &w.slot, file, w.values);
    gk_free(file);
    if (ok)
        a->whole[a->n_wholes++] = w;
    else
        gk_free(w.values);
    return ok;
}

static gk_adapter__whole *find(gk_adapter *a, gk_component c) {
    for (size_t i = 0; i < a->n_wholes; i++)
        if (is(&a->whole[i].slot, c)) return &a->whole[i];
    return NULL;
}

static bool same_values(const gk_adapter__whole *x, const gk_adapter__whole *y) {
    return x->slot.out == y->slot.out &&
           memcmp(x->values, y->values, (size_t)x->slot.out * (size_t)x->slot.in * sizeof(float)) == 0;
}

/* Whether modules_to_save has a slot's module. transformers calls every family's head lm_head now. */
static bool in_list(const gk_peft__reading *r, const gk_checkpoint__slot *s) {
    char module[96];
    gk_adapter__module_name(s, module, sizeof module);
    return gk_peft__spec_whole(r->spec, module) ||
           (is(s, GK_HEAD) && gk_peft__spec_whole(r->spec, "lm_head"));
}

/* In a tied model the file may have the one matrix under either name or both; what modules_to_save names is a
 * copy of its own, unless the adapter keeps copies tied. */
static bool settle_tied(gk_peft__reading *r, gk_adapter *a, const gk_checkpoint__slot *embed_slot,
                        gk_error *err) {
    gk_adapter__whole *embed = find(a, GK_EMBED), *head = find(a, GK_HEAD);
    bool copies = (embed && in_list(r, &embed->slot)) || (head && in_list(r, &head->slot));
    a->unties = copies && !gk_peft__spec_ensures_tied(r->spec);
    if (a->unties || !head) return true;
    if (embed && !same_values(embed, head))
        return gk_fail(err, GK_AT_FILE(r->path), "a model whose embedding and head are not tied",
                       "the base ties the head to the embedding, but the adapter's differ");
    if (!embed) {
        int rows = head->slot.out;
        head->slot = *embed_slot;
        head->slot.out = rows;
        head->slot.shape[0] = rows;
    } else {
        gk_free(head->values);
        memmove(head, head + 1, (size_t)(a->whole + a->n_wholes - (head + 1)) * sizeof *head);
        a->n_wholes--;
    }
    return true;
}

/* Embedding and head have one number of rows. */
static bool check_vocab(const gk_peft__reading *r, gk_adapter *a, gk_error *err) {
    const gk_adapter__whole *embed = find(a, GK_EMBED), *head = find(a, GK_HEAD);
    bool one = a->cfg.tied && !a->unties;
    int in = embed ? embed->slot.out : a->cfg.vocab, out = head ? head->slot.out : one ? in : a->cfg.vocab;
    return in == out ||
           gk_fail(err, GK_AT_FILE(r->path), "an adapter that has both, or a base of that vocabulary",
                   "the embedding has %d rows, the head %d", in, out);
}

/* The tensor that stands for a slot's; *missing: there is none, though modules_to_save names its module. */
static const gk_safetensors__entry *find_whole(gk_peft__reading *r, const gk_adapter *a,
                                               const gk_checkpoint__slot *s, bool *missing) {
    char module[96];
    gk_adapter__module_name(s, module, sizeof module);
    const gk_safetensors__entry *e = find_in(r, a, s, module);
    const char *name = module;
    *missing = !e && gk_peft__spec_whole(r->spec, module);
    if (!e && is(s, GK_HEAD) && strcmp(module, "lm_head") != 0) {
        name = "lm_head";
        e = find_in(r, a, s, name);
        *missing =
            !e && gk_peft__spec_whole(r->spec, name); /* under its old name it is nothing that PEFT finds */
    }
    if (e && (in_list(r, s) || (is(s, GK_HEAD) && gk_peft__spec_ensures_tied(r->spec))))
        pass_over_copies(r, s, name);
    return e;
}

static bool read_wholes(gk_peft__reading *r, gk_adapter *a, const gk_checkpoint__slots *slots,
                        gk_error *err) {
    const gk_checkpoint__slot *embed = NULL;
    for (size_t i = 0; i < slots->n; i++) {
        const gk_checkpoint__slot *s = &slots->list[i];
        bool missing;
        if (is(s, GK_EMBED)) embed = s;
        const gk_safetensors__entry *e = find_whole(r, a, s, &missing);
        if (missing)
            return gk_fail(err, GK_AT_FIELD(r->path, s->name), "modules_to_save asks for it",
                           "the tensor is missing");
        if (e && !add_whole(r, a, s, e, err)) return false;
    }
    return (!a->cfg.tied || settle_tied(r, a, embed, err)) && check_vocab(r, a, err);
}

bool gk_peft__read_wholes(gk_peft__reading *r, gk_adapter *a, gk_error *err) {
    gk_config c = a->cfg;
    gk_checkpoint__layout layout = gk_checkpoint__layout_hf(c.family);
    c.tied = false; /* a head may be there where the model has none of its own */
    gk_checkpoint__slots slots = gk_checkpoint__slots_make(&c, &layout);
    a->whole = gk_alloc(slots.n * sizeof *a->whole);
    bool ok = read_wholes(r, a, &slots, err);
    gk_free(slots.list);
    return ok;
}
