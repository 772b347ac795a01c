/* peft_save.c: writes an adapter's folder. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "model/adapter/peft.h"

#include <math.h>
#include <string.h>

static const char *const PAIR[] = {GK_PEFT__A, GK_PEFT__B};

static bool adapts_rule(const gk_adapter *a, const gk_config__tensor_rule *r, int layer) {
    return gk_adapter__site_of(a, layer, r->part[0]) != NULL;
}

/* Every layer is adapted at the same places: then names without layers say which. */
static bool uniform(const gk_adapter *a) {
    for (int l = 1; l < a->cfg.n_layers; l++)
        for (int c = 0; c < GK_N_COMPONENTS; c++)
            if (gk_adapter_has(a, l, (gk_component)c) != gk_adapter_has(a, 0, (gk_component)c)) return false;
    return true;
}

/* "q_proj" or, where another tensor that is not adapted ends so too, "attn.c_proj". */
static const char *short_name(const gk_adapter *a, const gk_config__tensor_rule *rule) {
    const char *last = strrchr(rule->name, '.') + 1, *from = strchr(rule->name, '#') + 2;
    const gk_family *f = a->cfg.family;
    for (size_t i = 0; i < f->n_rules; i++) {
        const gk_config__tensor_rule *other = &f->rules[i];
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
        const gk_checkpoint__slot *s = &a->site[i].slot;
        char module[96];
        gk_checkpoint__slot_name(s->rule->name, s->layer, "", module, sizeof module);
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
                  "LORA", "task_type", "CAUSAL_LM", GK_PEFT__BASE, name, "r", a->rank, "lora_alpha",
                  number(a->alpha), "use_rslora", (int)a->rslora, "lora_dropout", 0.0, "bias", "none",
                  "fan_in_fan_out", (int)a->site[0].slot.rule->transposed, "use_dora", 0, "init_lora_weights",
                  1, "inference_mode", 1, "modules_to_save", "target_modules", target_modules(a));
    bool ok = gk_json_save(path, doc, err);
    json_decref(doc);
    return ok;
}

typedef struct adapter_saver {
    const gk_adapter *a;
    float *rows; /* B of the site at hand in the file's order */
    size_t n;
} adapter_saver;

static const void *fill(void *ctx, size_t i, gk_error *err) {
    (void)err;
    adapter_saver *v = ctx;
    const gk_adapter__site *s = &v->a->site[i / 2];
    if (i % 2 == 0) return v->a->data + s->a;
    size_t n = v->a->params[i].count;
    if (n > v->n) {
        gk_free(v->rows);
        v->rows = gk_alloc(n * sizeof *v->rows);
        v->n = n;
    }
    gk_peft__reorder(v->a, s, (size_t)s->rank, v->a->data + s->b, v->rows, true);
    return v->rows;
}

static bool save_weights(const gk_adapter *a, const char *path, gk_error *err) {
    size_t n = 2 * a->n_sites;
    gk_safetensors__typed *list = gk_alloc(n * sizeof *list);
    char(*name)[160] = gk_alloc(n * sizeof *name);
    for (size_t i = 0; i < n; i++) {
        gk_peft__tensor_name(&a->site[i / 2].slot, PAIR[i % 2], name[i], sizeof name[i]);
        list[i] = (gk_safetensors__typed){
            .array = {.name = name[i], .shape = {a->params[i].out, a->params[i].in}, .n_dims = 2},
            .dtype = "F32"};
    }
    json_t *meta = json_pack("{s:s}", "format", "pt");
    adapter_saver v = {.a = a};
    bool ok = gk_safetensors__write(path, list, n, meta, fill, &v, err);
    json_decref(meta);
    gk_free(v.rows);
    gk_free(name);
    gk_free(list);
    return ok;
}

bool gk_adapter_save(const gk_adapter *a, const char *base, const char *dir, gk_error *err) {
    if (!gk_mkdirs(dir, err)) return false;
    gk_arena *m = gk_arena_new();
    bool ok = save_weights(a, gk_path_join(m, dir, GK_PEFT__WEIGHTS), err) &&
              save_config(a, base, gk_path_join(m, dir, GK_PEFT__CONFIG), err);
    gk_arena_free(m);
    return ok;
}
