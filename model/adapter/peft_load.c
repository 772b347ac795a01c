/* peft_load.c: reads an adapter's folder. What adapter_config.json may say is in peft_config.c, tensors that
 * stand whole in whole_tensors.c. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "model/adapter/peft.h"

#include <string.h>

static const char *const PAIR[] = {GK_PEFT__A, GK_PEFT__B};

/* ---------------------------------------------------------------- the folder and its base */

const char *gk_adapter_base(const char *dir, gk_arena *a, gk_error *err) {
    const char *path = gk_path_join(a, dir, GK_PEFT__CONFIG), *name;
    json_t *doc = gk_json_load_words(path, err);
    if (!doc) return NULL;
    bool ok = gk_json_str(doc, GK_PEFT__BASE, &name, GK_AT_FILE(path), err);
    const char *base = ok ? gk_arena_strdup(a, name) : NULL, *beside = ok ? gk_path_join(a, dir, name) : NULL;
    json_decref(doc);
    if (!ok) return NULL;
    if (*base != '/' && *base && gk_exists(beside)) base = beside;
    if (!*base || !gk_exists(base)) {
        gk_fail(err, GK_AT_FIELD(path, GK_PEFT__BASE),
                "write the path of the base model's folder there, or merge it: graftkit merge --model BASE",
                "there is no '%.200s' here", base);
        return NULL;
    }
    if (!gk_is_adapter(base)) return base;
    gk_fail(err, GK_AT_FIELD(path, GK_PEFT__BASE), "merge that one first: graftkit merge",
            "the base '%.200s' is an adapter itself", base);
    return NULL;
}

/* ---------------------------------------------------------------- tensors: reading */

static bool check_pair(gk_peft__reading *r, const gk_checkpoint__slot *s, const char *module,
                       const gk_safetensors__entry *const e[2], gk_error *err) {
    int rank = gk_peft__spec_rank(r->spec, module);
    if (!gk_peft__spec_targets(r->spec, module, s->layer))
        return gk_fail(err, gk_peft__reading_at(r, e[0]), "target_modules must name it, or the tensors go",
                       "adapter_config.json does not make '%.80s' a target, and PEFT leaves its tensors out",
                       module);
    return gk_peft__reading_check(r, e[0], (int64_t[]){rank, s->in}, 2, err) &&
           gk_peft__reading_check(r, e[1], (int64_t[]){s->out, rank}, 2, err);
}

/* Marks the slots that have a pair of tensors of the right shapes. */
static bool match(gk_peft__reading *r, const gk_checkpoint__slots *slots, bool *chosen, gk_error *err) {
    for (size_t i = 0; i < slots->n; i++) {
        const gk_checkpoint__slot *s = &slots->list[i];
        char name[2][160], module[96];
        const gk_safetensors__entry *e[2];
        gk_adapter__module_name(s, module, sizeof module);
        for (int k = 0; k < 2; k++) {
            gk_peft__tensor_name(s, PAIR[k], name[k], sizeof name[k]);
            e[k] = gk_peft__reading_find(r, name[k]);
        }
        if (!e[0] && !e[1]) continue;
        if (!e[0] || !e[1])
            return gk_fail(err, GK_AT_FIELD(r->path, name[e[0] ? 1 : 0]), "A and B come in pairs",
                           "the tensor is missing");
        if (!check_pair(r, s, module, e, err)) return false;
        chosen[i] = true;
    }
    return true;
}

/* Whether the name is of a matrix outside the layers that PEFT wrapped to adapt it. */
static bool of_embed_or_head(const gk_config *c, const char *name) {
    size_t before = strlen(GK_PEFT__PREFIX);
    if (strncmp(name, GK_PEFT__PREFIX, before) != 0) return false;
    for (size_t i = 0; i <= c->family->n_rules; i++) { /* the last: as transformers calls every head now */
        const gk_config__tensor_rule *rule = i < c->family->n_rules ? &c->family->rules[i] : NULL;
        const char *module = rule ? rule->name : "lm_head";
        size_t n = strlen(module);
        if ((!rule || !gk_component_in_layer(rule->part[0])) && strncmp(name + before, module, n) == 0 &&
            (strncmp(name + before + n, ".lora_", 6) == 0 ||
             strncmp(name + before + n, ".base_layer.", 12) == 0))
            return true;
    }
    return false;
}

static bool check_rest(const gk_peft__reading *r, const gk_config *c, gk_error *err) {
    for (size_t i = 0; i < r->n; i++) {
        if (r->used[i]) continue;
        if (of_embed_or_head(c, r->entry[i].array.name))
            return gk_fail(err, gk_peft__reading_at(r, &r->entry[i]), GK_PEFT__MERGE,
                           "an adapter of the embedding or the head is not supported");
        return gk_fail(err, gk_peft__reading_at(r, &r->entry[i]),
                       "adapters of a layer's matrices are read; is the base model the right one?",
                       "is no such adapter of a %s model of %d layers", gk_family_name(c->family),
                       c->n_layers);
    }
    return r->n > 0 || gk_fail(err, GK_AT_FILE(r->path), NULL, "the file holds no tensor");
}

/* A tensor with a row for each output. */
static bool read_rows(gk_peft__reading *r, const gk_adapter *a, const gk_adapter__site *s, const char *name,
                      size_t width, float *out, gk_error *err) {
    size_t n = (size_t)s->slot.out * width;
    float *rows = gk_alloc(n * sizeof *rows);
    bool ok = gk_peft__reading_values(r, gk_peft__reading_find(r, name), n, rows, err);
    gk_peft__reorder(a, s, width, out, rows, false);
    gk_free(rows);
    return ok;
}

static bool read_magnitude(gk_peft__reading *r, const gk_adapter *a, gk_adapter__site *s, gk_error *err) {
    char name[160];
    gk_peft__tensor_name(&s->slot, GK_PEFT__MAGNITUDE, name, sizeof name);
    const gk_safetensors__entry *e = gk_peft__reading_find(r, name);
    if (!e)
        return gk_fail(err, GK_AT_FIELD(r->path, name), "use_dora asks for one beside every lora_B",
                       "the tensor is missing");
    if (!gk_peft__reading_check(r, e, (int64_t[]){s->slot.out}, 1, err)) return false;
    s->magnitude = gk_alloc((size_t)s->slot.out * sizeof *s->magnitude);
    return read_rows(r, a, s, name, 1, s->magnitude, err);
}

static bool read_sites(gk_peft__reading *r, gk_adapter *a, gk_error *err) {
    for (size_t i = 0; i < a->n_sites; i++) {
        gk_adapter__site *s = &a->site[i];
        char name[160];
        gk_peft__tensor_name(&s->slot, PAIR[0], name, sizeof name);
        if (!gk_peft__reading_values(r, gk_peft__reading_find(r, name), a->params[2 * i].count,
                                     a->data + s->a, err))
            return false;
        gk_peft__tensor_name(&s->slot, PAIR[1], name, sizeof name);
        if (!read_rows(r, a, s, name, (size_t)s->rank, a->data + s->b, err)) return false;
        if (gk_peft__spec_dora(r->spec) && !read_magnitude(r, a, s, err)) return false;
    }
    return true;
}

static gk_adapter *read_tensors(gk_peft__reading *r, const gk_config *c, gk_error *err) {
    gk_checkpoint__slots slots = gk_adapter__slots(c);
    bool *chosen = gk_alloc(slots.n * sizeof *chosen);
    gk_adapter *a = match(r, &slots, chosen, err) ? gk_adapter__blank(c, r->spec, &slots, chosen, err) : NULL;
    gk_free(chosen);
    gk_free(slots.list);
    if (a && read_sites(r, a, err) && gk_peft__read_wholes(r, a, err) && check_rest(r, c, err) &&
        gk_peft__spec_answered(r->spec, r->path, err))
        return a;
    gk_adapter_free(a);
    return NULL;
}

gk_adapter *gk_adapter__weights(const char *path, const gk_config *c, gk_peft__spec *spec, gk_error *err) {
    gk_safetensors *file = gk_safetensors__map(path, err);
    if (!file) return NULL;
    gk_peft__reading r = {.path = path, .file = file, .spec = spec};
    r.n = gk_safetensors__entries(file, &r.entry);
    r.used = gk_alloc(r.n * sizeof *r.used);
    gk_adapter *a = read_tensors(&r, c, err);
    gk_free(r.used);
    gk_safetensors_close(file);
    return a;
}

gk_adapter *gk_adapter_load(const char *dir, const gk_config *c, gk_error *err) {
    gk_arena *m = gk_arena_new();
    gk_peft__spec *spec = gk_peft__spec_read(gk_path_join(m, dir, GK_PEFT__CONFIG), err);
    gk_adapter *a = spec ? gk_adapter__weights(gk_path_join(m, dir, GK_PEFT__WEIGHTS), c, spec, err) : NULL;
    gk_peft__spec_free(spec);
    gk_arena_free(m);
    return a;
}
