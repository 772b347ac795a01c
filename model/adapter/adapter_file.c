/* adapter_file.c: an adapter's folder as PEFT lays it out (https://github.com/huggingface/peft): its base,
 * and the tensors base_model.model.MODULE.lora_A.weight, …lora_B.weight and …lora_magnitude_vector. What
 * adapter_config.json may say is in adapter_config.c, tensors that stand whole in adapter_whole.c. */
#include "model/adapter/adapter.h"
#include "model/internal.h"
#include "model/checkpoint/safetensors.h"

#include <math.h>
#include <string.h>

#define CONFIG "adapter_config.json"
#define WEIGHTS "adapter_model.safetensors"
#define BASE_KEY "base_model_name_or_path"

/* ---------------------------------------------------------------- the folder and its base */

bool gk_is_adapter(const char *path) {
    gk_arena *a = gk_arena_new();
    bool yes = gk_exists(gk_path_join(a, path, CONFIG)) &&
               !gk_exists(gk_path_join(a, path, "model.safetensors")) &&
               !gk_exists(gk_path_join(a, path, "model.safetensors.index.json"));
    gk_arena_free(a);
    return yes;
}

const char *gk_adapter_base(const char *dir, gk_arena *a, gk_error *err) {
    const char *path = gk_path_join(a, dir, CONFIG), *name;
    json_t *doc = gk_json_load_words(path, err);
    if (!doc) return NULL;
    bool ok = gk_json_str(doc, BASE_KEY, &name, GK_AT_FILE(path), err);
    const char *base = ok ? gk_arena_strdup(a, name) : NULL, *beside = ok ? gk_path_join(a, dir, name) : NULL;
    json_decref(doc);
    if (!ok) return NULL;
    if (*base != '/' && *base && gk_exists(beside)) base = beside;
    if (!*base || !gk_exists(base)) {
        gk_fail(err, GK_AT_FIELD(path, BASE_KEY),
                "write the path of the base model's folder there, or merge it: graftkit merge --model BASE",
                "there is no '%.200s' here", base);
        return NULL;
    }
    if (!gk_is_adapter(base)) return base;
    gk_fail(err, GK_AT_FIELD(path, BASE_KEY), "merge that one first: graftkit merge",
            "the base '%.200s' is an adapter itself", base);
    return NULL;
}

/* ---------------------------------------------------------------- tensors: reading */

/* base_model.model.MODULE.lora_A.weight of a slot, whose own name is MODULE.weight. */
static void tensor_name(const gk__slot *s, const char *which, char *out, size_t size) {
    char module[96];
    gk__module_name(s, module, sizeof module);
    snprintf(out, size, GK__PEFT_PREFIX "%s.%s", module, which);
}

static const char *const PAIR[] = {"lora_A.weight", "lora_B.weight"};
static const char MAGNITUDE[] = "lora_magnitude_vector";

const gk__entry *gk__reading_find(gk__reading *r, const char *name) {
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->entry[i].array.name, name) == 0) {
            r->used[i] = true;
            return &r->entry[i];
        }
    return NULL;
}

gk_place gk__reading_at(const gk__reading *r, const gk__entry *e) {
    return (gk_place){.file = r->path, .has_byte = true, .byte = e->begin, .field = e->array.name};
}

bool gk__reading_check(const gk__reading *r, const gk__entry *e, const int64_t *shape, int n_dims,
                       gk_error *err) {
    const char *type = e->type->name;
    char hint[96];
    if (!gk__float_type(type))
        return gk_fail(err, gk__reading_at(r, e), "F32, F16 or BF16", "the tensor's type is %.20s", type);
    if (e->array.n_dims == n_dims && memcmp(e->array.shape, shape, (size_t)n_dims * sizeof *shape) == 0)
        return true;
    if (n_dims == 1)
        snprintf(hint, sizeof hint, "the base model asks for [%lld]", (long long)shape[0]);
    else
        snprintf(hint, sizeof hint, "the rank and the base model ask for [%lld, %lld]", (long long)shape[0],
                 (long long)shape[1]);
    return gk_fail(err, gk__reading_at(r, e), hint,
                   "the tensor has %d dimensions, the first two %lld and %lld", e->array.n_dims,
                   (long long)e->array.shape[0], (long long)e->array.shape[1]);
}

static bool check_pair(gk__reading *r, const gk__slot *s, const char *module, const gk__entry *const e[2],
                       gk_error *err) {
    int rank = gk__spec_rank(r->spec, module);
    if (!gk__spec_targets(r->spec, module, s->layer))
        return gk_fail(err, gk__reading_at(r, e[0]), "target_modules must name it, or the tensors go",
                       "adapter_config.json does not make '%.80s' a target, and PEFT leaves its tensors out",
                       module);
    return gk__reading_check(r, e[0], (int64_t[]){rank, s->in}, 2, err) &&
           gk__reading_check(r, e[1], (int64_t[]){s->out, rank}, 2, err);
}

/* Marks the slots that have a pair of tensors of the right shapes. */
static bool match(gk__reading *r, const gk__slots *slots, bool *chosen, gk_error *err) {
    for (size_t i = 0; i < slots->n; i++) {
        const gk__slot *s = &slots->list[i];
        char name[2][160], module[96];
        const gk__entry *e[2];
        gk__module_name(s, module, sizeof module);
        for (int k = 0; k < 2; k++) {
            tensor_name(s, PAIR[k], name[k], sizeof name[k]);
            e[k] = gk__reading_find(r, name[k]);
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
    size_t before = strlen(GK__PEFT_PREFIX);
    if (strncmp(name, GK__PEFT_PREFIX, before) != 0) return false;
    for (size_t i = 0; i <= c->family->n_rules; i++) { /* the last: as transformers calls every head now */
        const gk__rule *rule = i < c->family->n_rules ? &c->family->rules[i] : NULL;
        const char *module = rule ? rule->name : "lm_head";
        size_t n = strlen(module);
        if ((!rule || !gk_component_in_layer(rule->part[0])) && strncmp(name + before, module, n) == 0 &&
            (strncmp(name + before + n, ".lora_", 6) == 0 ||
             strncmp(name + before + n, ".base_layer.", 12) == 0))
            return true;
    }
    return false;
}

static bool check_rest(const gk__reading *r, const gk_config *c, gk_error *err) {
    for (size_t i = 0; i < r->n; i++) {
        if (r->used[i]) continue;
        if (of_embed_or_head(c, r->entry[i].array.name))
            return gk_fail(err, gk__reading_at(r, &r->entry[i]), GK__PEFT_MERGE,
                           "an adapter of the embedding or the head is not supported");
        return gk_fail(err, gk__reading_at(r, &r->entry[i]),
                       "adapters of a layer's matrices are read; is the base model the right one?",
                       "is no such adapter of a %s model of %d layers", gk_family_name(c->family),
                       c->n_layers);
    }
    return r->n > 0 || gk_fail(err, GK_AT_FILE(r->path), NULL, "the file holds no tensor");
}

bool gk__reading_values(const gk__reading *r, const gk__entry *e, size_t n, float *out, gk_error *err) {
    gk__dequantise(gk__float_type(e->type->name), gk__safetensors_bytes(r->file, e), out, n);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(out[i]))
            return gk_fail(err, gk__reading_at(r, e), "every weight must be a finite number",
                           "the value at index %zu is %s", i, out[i] != out[i] ? "NaN" : "infinite");
    return true;
}

/* Rows of `width` values, as many as B has, between the file's order and ours. */
static void reorder(const gk_adapter *a, const gk__site *s, size_t width, float *ours, float *file,
                    bool to_file) {
    int before = 0;
    for (int p = 0; p < s->slot.rule->n_parts; p++) {
        int rows = gk__slot_part_rows(&a->cfg, &s->slot, p);
        for (int i = 0; i < rows; i++) {
            float *x = ours + (size_t)(before + i) * width,
                  *y = file + gk__slot_row(&a->cfg, &s->slot, p, before, i) * width;
            memcpy(to_file ? y : x, to_file ? x : y, width * sizeof *x);
        }
        before += rows;
    }
}

/* A tensor with a row for each output. */
static bool read_rows(gk__reading *r, const gk_adapter *a, const gk__site *s, const char *name, size_t width,
                      float *out, gk_error *err) {
    size_t n = (size_t)s->slot.out * width;
    float *rows = gk_alloc(n * sizeof *rows);
    bool ok = gk__reading_values(r, gk__reading_find(r, name), n, rows, err);
    reorder(a, s, width, out, rows, false);
    gk_free(rows);
    return ok;
}

static bool read_magnitude(gk__reading *r, const gk_adapter *a, gk__site *s, gk_error *err) {
    char name[160];
    tensor_name(&s->slot, MAGNITUDE, name, sizeof name);
    const gk__entry *e = gk__reading_find(r, name);
    if (!e)
        return gk_fail(err, GK_AT_FIELD(r->path, name), "use_dora asks for one beside every lora_B",
                       "the tensor is missing");
    if (!gk__reading_check(r, e, (int64_t[]){s->slot.out}, 1, err)) return false;
    s->magnitude = gk_alloc((size_t)s->slot.out * sizeof *s->magnitude);
    return read_rows(r, a, s, name, 1, s->magnitude, err);
}

static bool read_sites(gk__reading *r, gk_adapter *a, gk_error *err) {
    for (size_t i = 0; i < a->n_sites; i++) {
        gk__site *s = &a->site[i];
        char name[160];
        tensor_name(&s->slot, PAIR[0], name, sizeof name);
        if (!gk__reading_values(r, gk__reading_find(r, name), a->params[2 * i].count, a->data + s->a, err))
            return false;
        tensor_name(&s->slot, PAIR[1], name, sizeof name);
        if (!read_rows(r, a, s, name, (size_t)s->rank, a->data + s->b, err)) return false;
        if (gk__spec_dora(r->spec) && !read_magnitude(r, a, s, err)) return false;
    }
    return true;
}

static gk_adapter *read_tensors(gk__reading *r, const gk_config *c, gk_error *err) {
    gk__slots slots = gk__adapter_slots(c);
    bool *chosen = gk_alloc(slots.n * sizeof *chosen);
    gk_adapter *a = match(r, &slots, chosen, err) ? gk__adapter_blank(c, r->spec, &slots, chosen, err) : NULL;
    gk_free(chosen);
    gk_free(slots.list);
    if (a && read_sites(r, a, err) && gk__adapter_wholes(r, a, err) && check_rest(r, c, err) &&
        gk__spec_answered(r->spec, r->path, err))
        return a;
    gk_adapter_free(a);
    return NULL;
}

gk_adapter *gk__adapter_weights(const char *path, const gk_config *c, gk__adapter_spec *spec, gk_error *err) {
    gk_safetensors *file = gk__safetensors_map(path, err);
    if (!file) return NULL;
    gk__reading r = {.path = path, .file = file, .spec = spec};
    r.n = gk__safetensors_entries(file, &r.entry);
    r.used = gk_alloc(r.n * sizeof *r.used);
    gk_adapter *a = read_tensors(&r, c, err);
    gk_free(r.used);
    gk_safetensors_close(file);
    return a;
}

gk_adapter *gk_adapter_load(const char *dir, const gk_config *c, gk_error *err) {
    gk_arena *m = gk_arena_new();
    gk__adapter_spec *spec = gk__adapter_spec_read(gk_path_join(m, dir, CONFIG), err);
    gk_adapter *a = spec ? gk__adapter_weights(gk_path_join(m, dir, WEIGHTS), c, spec, err) : NULL;
    gk__adapter_spec_free(spec);
    gk_arena_free(m);
    return a;
}

/* ---------------------------------------------------------------- writing */

static bool adapts_rule(const gk_adapter *a, const gk__rule *r, int layer) {
    return gk__site_of(a, layer, r->part[0]) != NULL;
}

/* Every layer is adapted at the same places: then names without layers say which. */
static bool uniform(const gk_adapter *a) {
    for (int l = 1; l < a->cfg.n_layers; l++)
        for (int c = 0; c < GK_N_COMPONENTS; c++)
            if (gk_adapter_has(a, l, (gk_component)c) != gk_adapter_has(a, 0, (gk_component)c)) return false;
    return true;
}

/* "q_proj" or, where another tensor that is not adapted ends so too, "attn.c_proj". */
static const char *short_name(const gk_adapter *a, const gk__rule *rule) {
    const char *last = strrchr(rule->name, '.') + 1, *from = strchr(rule->name, '#') + 2;
    const gk_family *f = a->cfg.family;
    for (size_t i = 0; i < f->n_rules; i++) {
        const gk__rule *other = &f->rules[i];
        const char *end = strrchr(other->name, '.');
        if (end && strcmp(end + 1, last) == 0 && gk_component_in_layer(other->part[0]) &&
            !adapts_rule(a, other, 0))
            return from;
    }
    return last;
}

static bool listed(const json_t *list, const char *name) {
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), name) == 0) return true;
    return false;
}

static json_t *target_modules(const gk_adapter *a) {
    json_t *list = json_array();
    bool same = uniform(a);
    for (size_t i = 0; i < a->n_sites; i++) {
        const gk__slot *s = &a->site[i].slot;
        char module[96];
        gk__slot_name(s->rule->name, s->layer, "", module, sizeof module);
        const char *name = same ? short_name(a, s->rule) : module;
        if (!listed(list, name)) json_array_append_new(list, json_string(name));
    }
    return list;
}

/* alpha as Python reads and writes it: an integer where it is one. */
static json_t *number(double x) {
    return x == floor(x) && fabs(x) < 1e15 ? json_integer((json_int_t)x) : json_real(x);
}

static bool save_config(const gk_adapter *a, const char *base, const char *path, gk_error *err) {
    json_t *name = json_string(base);
    if (!name) return gk_fail(err, GK_AT_FILE(base), "rename it", "the base model's path is not UTF-8");
    json_t *doc =
        json_pack("{s:s, s:s, s:o, s:i, s:o, s:b, s:f, s:s, s:b, s:b, s:b, s:b, s:n, s:o}", "peft_type",
                  "LORA", "task_type", "CAUSAL_LM", BASE_KEY, name, "r", a->rank, "lora_alpha",
                  number(a->alpha), "use_rslora", (int)a->rslora, "lora_dropout", 0.0, "bias", "none",
                  "fan_in_fan_out", (int)a->site[0].slot.rule->transposed, "use_dora", 0, "init_lora_weights",
                  1, "inference_mode", 1, "modules_to_save", "target_modules", target_modules(a));
    bool ok = gk_json_save(path, doc, err);
    json_decref(doc);
    return ok;
}

typedef struct saver {
    const gk_adapter *a;
    float *rows; /* B of the site at hand in the file's order */
    size_t n;
} saver;

static const void *fill(void *ctx, size_t i, gk_error *err) {
    (void)err;
    saver *v = ctx;
    const gk__site *s = &v->a->site[i / 2];
    if (i % 2 == 0) return v->a->data + s->a;
    size_t n = v->a->params[i].count;
    if (n > v->n) {
        gk_free(v->rows);
        v->rows = gk_alloc(n * sizeof *v->rows);
        v->n = n;
    }
    reorder(v->a, s, (size_t)s->rank, v->a->data + s->b, v->rows, true);
    return v->rows;
}

static bool save_weights(const gk_adapter *a, const char *path, gk_error *err) {
    size_t n = 2 * a->n_sites;
    gk__typed *list = gk_alloc(n * sizeof *list);
    char(*name)[160] = gk_alloc(n * sizeof *name);
    for (size_t i = 0; i < n; i++) {
        tensor_name(&a->site[i / 2].slot, PAIR[i % 2], name[i], sizeof name[i]);
        list[i] =
            (gk__typed){.array = {.name = name[i], .shape = {a->params[i].out, a->params[i].in}, .n_dims = 2},
                        .dtype = "F32"};
    }
    json_t *meta = json_pack("{s:s}", "format", "pt");
    saver v = {.a = a};
    bool ok = gk__safetensors_write(path, list, n, meta, fill, &v, err);
    json_decref(meta);
    gk_free(v.rows);
    gk_free(name);
    gk_free(list);
    return ok;
}

bool gk_adapter_save(const gk_adapter *a, const char *base, const char *dir, gk_error *err) {
    if (!gk_mkdirs(dir, err)) return false;
    gk_arena *m = gk_arena_new();
    bool ok = save_weights(a, gk_path_join(m, dir, WEIGHTS), err) &&
              save_config(a, base, gk_path_join(m, dir, CONFIG), err);
    gk_arena_free(m);
    return ok;
}
