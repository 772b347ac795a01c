/* trained_weights.c: what a run trains and leaves: the model's own parameters and a model, or those of an
 * adapter beside a frozen model and an adapter. */
#include "graftkit/model/checkpoint.h"
#include "train/internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- the key lora_targets */

static const struct {
    const char *name;
    uint32_t bits;
} GROUPS[] = {{"all-linear", GK_LORA_ATTN | GK_LORA_FFN}, {"attn", GK_LORA_ATTN}, {"ffn", GK_LORA_FFN}};
enum { N_GROUPS = sizeof GROUPS / sizeof *GROUPS };

static bool target_bits(const char *name, uint32_t *bits) {
    gk_component c;
    for (size_t i = 0; i < N_GROUPS; i++)
        if (strcmp(name, GROUPS[i].name) == 0) {
            *bits |= GROUPS[i].bits;
            return true;
        }
    if (!gk_component_parse(name, &c)) return false;
    *bits |= 1u << c;
    return true;
}

bool gk_train__targets_parse(const char *text, uint32_t *out, gk_place at, gk_error *err) {
    uint32_t bits = 0;
    for (const char *p = text;; p++) {
        char name[41];
        size_t len = strcspn(p, ",");
        snprintf(name, sizeof name, "%.*s", len < 40 ? (int)len : 40, p);
        if (!target_bits(name, &bits))
            return gk_fail(err, at, "names of q k v o gate up down attn ffn all-linear, with commas",
                           "there is no target '%s'", name);
        p += len;
        if (!*p) break;
    }
    *out = bits;
    return true;
}

json_t *gk_train__targets_json(uint32_t targets) {
    json_t *list = json_array();
    for (size_t i = 0; i < N_GROUPS; i++) {
        if ((targets & GROUPS[i].bits) != GROUPS[i].bits) continue;
        json_array_append_new(list, json_string(GROUPS[i].name));
        targets &= ~GROUPS[i].bits;
    }
    for (int c = 0; c < GK_N_COMPONENTS; c++)
        if (targets >> c & 1u) json_array_append_new(list, json_string(gk_component_name((gk_component)c)));
    return list;
}

/* ---------------------------------------------------------------- what a run trains and leaves */

/* `freeze` says of a component that it stays as it is, `lora_targets` that it changes. */
static bool check_freeze(const gk_adapter *a, const uint32_t *frozen, gk_error *err) {
    for (int l = 0; l < gk_adapter_config(a)->n_layers; l++)
        for (int i = 0; i < GK_N_COMPONENTS; i++)
            if ((frozen[l] >> i & 1u) && gk_adapter_has(a, l, (gk_component)i))
                return gk_fail(
                    err, GK_AT_FIELD(NULL, "lora_targets"),
                    "leave it out of one of the two (--freeze none, where a recipe freezes layers)",
                    "'%s' of layer %d is to be frozen and to get an adapter",
                    gk_component_name((gk_component)i), l);
    return true;
}

bool gk_train__trained_make(const gk_train_job *job, const uint32_t *frozen, gk_train__trained *out,
                            gk_error *err) {
    gk_model *m = job->model;
    const gk_recipe *r = job->recipe;
    *out = (gk_train__trained){.floats = gk_model_floats(m), .data = gk_model_data(m)};
    out->n_params = gk_model_params(m, &out->params);
    if (r->lora.rank == 0) return true;
    if (!job->base || gk_is_adapter(job->base))
        return gk_fail(err, GK_AT_FIELD(NULL, "lora_rank"),
                       job->base ? "merge them first: graftkit merge" : "train the model itself: 0",
                       job->base ? "the base '%.200s' is an adapter itself"
                                 : "there is no base model that an adapter could be of%s",
                       job->base ? job->base : "");
    gk_adapter *a = gk_adapter_new(gk_model_config(m), &r->lora, job->seed, err);
    if (!a) return false;
    *out = (gk_train__trained){.adapter = a, .floats = gk_adapter_floats(a), .data = gk_adapter_data(a)};
    out->n_params = gk_adapter_params(a, &out->params);
    return check_freeze(a, frozen, err);
}

void gk_train__trained_free(gk_train__trained *t) {
    gk_adapter_free(t->adapter);
    t->adapter = NULL;
}

gk_model *gk_train__trained_merged(const gk_train__trained *t, const gk_model *m, gk_error *err) {
    gk_model *sum = gk_model_copy(m);
    if (!sum) {
        gk_fail(err, GK_NOWHERE, "a machine with more memory, or ask nothing after an epoch",
                "not enough memory for a copy of the model with its adapter");
        return NULL;
    }
    if (gk_adapter_merge(t->adapter, sum, err)) return sum;
    gk_model_free(sum);
    return NULL;
}

bool gk_train__trained_save(const gk_train__trained *t, const gk_train_job *job, gk_error *err) {
    if (!t->adapter) return gk_model_save(job->model, job->dir, err);
    /* Absolute, so that PEFT finds it from anywhere too. */
    char *path = realpath(job->base, NULL);
    bool ok = gk_adapter_save(t->adapter, path ? path : job->base, job->dir, err);
    free(path);
    return ok;
}
