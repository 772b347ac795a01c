/* adapter_file.c: an adapter's folder as PEFT lays it out (https://github.com/huggingface/peft): what
 * adapter_config.json may say, and the tensors base_model.model.MODULE.lora_A.weight and …lora_B.weight. */
#include "model/adapter.h"
#include "model/internal.h"
#include "model/safetensors.h"

#include <math.h>
#include <string.h>

#define CONFIG "adapter_config.json"
#define WEIGHTS "adapter_model.safetensors"
#define BASE_KEY "base_model_name_or_path"
#define PREFIX "base_model.model."
enum { MOST_RANK = 1 << 20 };

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

/* ---------------------------------------------------------------- adapter_config.json: reading */

/* Members that change what the adapter computes: they must be absent or have a value that does not. */
typedef struct demand {
    const char *key;
    const char *also; /* a string that is as good as absent, or NULL */
} demand;
static const demand DEMANDS[] = {{"use_dora", NULL},
                                 {"lora_bias", NULL},
                                 {"use_qalora", NULL},
                                 {"use_bdlora", NULL},
                                 {"bias", "none"},
                                 {"modules_to_save", NULL},
                                 {"rank_pattern", NULL},
                                 {"alpha_pattern", NULL},
                                 {"layer_replication", NULL},
                                 {"target_parameters", NULL},
                                 {"arrow_config", NULL},
                                 {"trainable_token_indices", NULL},
                                 {"alora_invocation_tokens", NULL},
                                 {"kasa_config", NULL},
                                 {"monteclora_config", NULL},
                                 {"velora_config", NULL}};

/* null, false, an empty list or object. */
static bool says_nothing(const json_t *v) {
    return !v || json_is_null(v) || json_is_false(v) || (json_is_array(v) && json_array_size(v) == 0) ||
           (json_is_object(v) && json_object_size(v) == 0);
}

static bool check_demands(const json_t *doc, const char *path, gk_error *err) {
    for (size_t i = 0; i < sizeof DEMANDS / sizeof *DEMANDS; i++) {
        const demand *d = &DEMANDS[i];
        const json_t *v = json_object_get(doc, d->key);
        const char *text = json_string_value(v);
        if (says_nothing(v) || (d->also && text && strcmp(text, d->also) == 0)) continue;
        return gk_fail(err, GK_AT_FIELD(path, d->key),
                       "graftkit reads plain LoRA; PEFT's merge_and_unload makes a model of any adapter",
                       "this kind of adapter is not supported");
    }
    return true;
}

/* Some ways to begin change the base model, which is then not the one that the adapter goes on. */
static bool check_init(const json_t *doc, const char *path, gk_error *err) {
    static const char *const harmless[] = {"gaussian", "eva", "orthogonal"};
    const json_t *v = json_object_get(doc, "init_lora_weights");
    const char *text = json_string_value(v);
    if (!text) return true;
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (strcmp(text, harmless[i]) == 0) return true;
    return gk_fail(err, GK_AT_FIELD(path, "init_lora_weights"),
                   "convert it to plain LoRA with PEFT, or merge it there",
                   "'%.40s' changes the base model as well", text);
}

bool gk__adapter_config(const char *path, gk_lora *o, gk_error *err) {
    gk_place at = GK_AT_FILE(path);
    const char *type;
    json_t *doc = gk_json_load_words(path, err);
    if (!doc) return false;
    bool ok = gk_json_str(doc, "peft_type", &type, at, err);
    if (ok && strcmp(type, "LORA") != 0)
        ok = gk_fail(err, GK_AT_FIELD(path, "peft_type"), "must be LORA", "is '%.40s'", type);
    ok = ok && gk_json_int(doc, "r", 1, MOST_RANK, &o->rank, at, err) &&
         gk_json_num(doc, "lora_alpha", &o->alpha, at, err) && check_demands(doc, path, err) &&
         check_init(doc, path, err);
    if (ok && json_object_get(doc, "use_rslora")) ok = gk_json_bool(doc, "use_rslora", &o->rslora, at, err);
    json_decref(doc);
    return ok;
}

/* ---------------------------------------------------------------- tensors: reading */

typedef struct reading {
    const char *path;
    const gk_safetensors *file;
    const gk__entry *entry;
    size_t n;
    bool *used;
} reading;

/* base_model.model.MODULE.lora_A.weight of a slot, whose own name is MODULE.weight. */
static void tensor_name(const gk__slot *s, char which, char *out, size_t size) {
    char module[96];
    gk__slot_name(s->rule->name, s->layer, "", module, sizeof module);
    snprintf(out, size, PREFIX "%s.lora_%c.weight", module, which);
}

static const gk__entry *find(reading *r, const char *name) {
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->entry[i].array.name, name) == 0) {
            r->used[i] = true;
            return &r->entry[i];
        }
    return NULL;
}

static gk_place at_entry(const reading *r, const gk__entry *e) {
    return (gk_place){.file = r->path, .has_byte = true, .byte = e->begin, .field = e->array.name};
}

static bool check_entry(const reading *r, const gk__entry *e, int out, int in, gk_error *err) {
    const char *type = e->type->name;
    char hint[96];
    if (!gk__float_type(type))
        return gk_fail(err, at_entry(r, e), "F32, F16 or BF16", "the tensor's type is %.20s", type);
    if (e->array.n_dims == 2 && e->array.shape[0] == out && e->array.shape[1] == in) return true;
    snprintf(hint, sizeof hint, "the rank and the base model ask for [%d, %d]", out, in);
    return gk_fail(err, at_entry(r, e), hint, "the tensor has %d dimensions, the first two %lld and %lld",
                   e->array.n_dims, (long long)e->array.shape[0], (long long)e->array.shape[1]);
}

/* Marks the slots that have a pair of tensors of the right shapes. */
static bool match(reading *r, const gk__slots *slots, int rank, bool *chosen, gk_error *err) {
    for (size_t i = 0; i < slots->n; i++) {
        const gk__slot *s = &slots->list[i];
        char name[2][160];
        const gk__entry *e[2];
        for (int k = 0; k < 2; k++) {
            tensor_name(s, "AB"[k], name[k], sizeof name[k]);
            e[k] = find(r, name[k]);
        }
        if (!e[0] && !e[1]) continue;
        if (!e[0] || !e[1])
            return gk_fail(err, GK_AT_FIELD(r->path, name[e[0] ? 1 : 0]), "A and B come in pairs",
                           "the tensor is missing");
        if (!check_entry(r, e[0], rank, s->in, err) || !check_entry(r, e[1], s->out, rank, err)) return false;
        chosen[i] = true;
    }
    return true;
}

static bool check_rest(const reading *r, const gk_config *c, gk_error *err) {
    for (size_t i = 0; i < r->n; i++)
        if (!r->used[i])
            return gk_fail(err, at_entry(r, &r->entry[i]),
                           "adapters of a layer's matrices are read; is the base model the right one?",
                           "is no such adapter of a %s model of %d layers", gk_family_name(c->family),
                           c->n_layers);
    return r->n > 0 || gk_fail(err, GK_AT_FILE(r->path), NULL, "the file holds no tensor");
}

/* A tensor's values as floats, in the file's order; finite. */
static bool read_values(const reading *r, const gk__entry *e, size_t n, float *out, gk_error *err) {
    gk__dequantise(gk__float_type(e->type->name), gk__safetensors_bytes(r->file, e), out, n);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(out[i]))
            return gk_fail(err, at_entry(r, e), "every weight must be a finite number",
                           "the value at index %zu is %s", i, out[i] != out[i] ? "NaN" : "infinite");
    return true;
}

/* Rows of B between the file's order and ours. */
static void reorder(const gk_adapter *a, const gk__site *s, float *ours, float *file, bool to_file) {
    size_t r = (size_t)a->rank;
    int before = 0;
    for (int p = 0; p < s->slot.rule->n_parts; p++) {
        int rows = gk__slot_part_rows(&a->cfg, &s->slot, p);
        for (int i = 0; i < rows; i++) {
            float *x = ours + (size_t)(before + i) * r,
                  *y = file + gk__slot_row(&a->cfg, &s->slot, p, before, i) * r;
            memcpy(to_file ? y : x, to_file ? x : y, r * sizeof *x);
        }
        before += rows;
    }
}

static bool read_sites(reading *r, gk_adapter *a, gk_error *err) {
    bool ok = true;
    for (size_t i = 0; ok && i < a->n_sites; i++) {
        const gk__site *s = &a->site[i];
        char name[160];
        tensor_name(&s->slot, 'A', name, sizeof name);
        ok = read_values(r, find(r, name), a->params[2 * i].count, a->data + s->a, err);
        tensor_name(&s->slot, 'B', name, sizeof name);
        size_t n = a->params[2 * i + 1].count;
        float *rows = gk_alloc(n * sizeof *rows);
        ok = ok && read_values(r, find(r, name), n, rows, err);
        reorder(a, s, a->data + s->b, rows, false);
        gk_free(rows);
    }
    return ok;
}

static gk_adapter *read_tensors(reading *r, const gk_config *c, const gk_lora *o, gk_error *err) {
    gk__slots slots = gk__adapter_slots(c);
    bool *chosen = gk_alloc(slots.n * sizeof *chosen);
    bool ok = match(r, &slots, (int)o->rank, chosen, err) && check_rest(r, c, err);
    gk_adapter *a = ok ? gk__adapter_blank(c, o, &slots, chosen, err) : NULL;
    gk_free(chosen);
    gk_free(slots.list);
    if (!a || read_sites(r, a, err)) return a;
    gk_adapter_free(a);
    return NULL;
}

gk_adapter *gk__adapter_weights(const char *path, const gk_config *c, const gk_lora *o, gk_error *err) {
    gk_safetensors *file = gk__safetensors_map(path, err);
    if (!file) return NULL;
    reading r = {.path = path, .file = file};
    r.n = gk__safetensors_entries(file, &r.entry);
    r.used = gk_alloc(r.n * sizeof *r.used);
    gk_adapter *a = read_tensors(&r, c, o, err);
    gk_free(r.used);
    gk_safetensors_close(file);
    return a;
}

gk_adapter *gk_adapter_load(const char *dir, const gk_config *c, gk_error *err) {
    gk_arena *m = gk_arena_new();
    gk_lora o = {0};
    bool ok = gk__adapter_config(gk_path_join(m, dir, CONFIG), &o, err);
    gk_adapter *a = ok ? gk__adapter_weights(gk_path_join(m, dir, WEIGHTS), c, &o, err) : NULL;
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
    reorder(v->a, s, v->a->data + s->b, v->rows, true);
    return v->rows;
}

static bool save_weights(const gk_adapter *a, const char *path, gk_error *err) {
    size_t n = 2 * a->n_sites;
    gk__typed *list = gk_alloc(n * sizeof *list);
    char(*name)[160] = gk_alloc(n * sizeof *name);
    for (size_t i = 0; i < n; i++) {
        tensor_name(&a->site[i / 2].slot, "AB"[i % 2], name[i], sizeof name[i]);
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
