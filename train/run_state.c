/* run_state.c: where a run stands and what it was made from, as JSON, and whether two runs are of the same.
 */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "train/internal.h"
#include "train/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- state */

static void put_loss(json_t *obj, const char *key, double x) {
    if (isfinite(x)) json_object_set_new(obj, key, json_real(x));
}

json_t *gk_train__state_json(const gk_train__state *s) {
    json_t *obj = json_object();
    json_object_set_new(obj, "step", json_integer(s->step));
    json_object_set_new(obj, "tokens", json_integer(s->tokens));
    json_object_set_new(obj, "metrics_bytes", json_integer(s->metrics_bytes));
    json_object_set_new(obj, "best_step", json_integer(s->best_step));
    json_object_set_new(obj, "since_best", json_integer(s->since_best));
    json_object_set_new(obj, "stopped", json_boolean(s->stopped));
    json_object_set_new(obj, "seconds", json_real(s->seconds));
    put_loss(obj, "loss", s->loss);
    put_loss(obj, "valid_loss", s->valid_loss);
    put_loss(obj, "best_loss", s->best_loss);
    return obj;
}

static bool get_loss(const json_t *obj, const char *key, double *out, gk_place at, gk_error *err) {
    *out = NAN;
    return !json_object_get(obj, key) || gk_json_num(obj, key, out, at, err);
}

bool gk_train__state_parse(const json_t *json, int64_t total_steps, gk_train__state *out, gk_place at,
                           gk_error *err) {
    return gk_json_int(json, "step", 0, total_steps, &out->step, at, err) &&
           gk_json_int(json, "tokens", 0, INT64_MAX, &out->tokens, at, err) &&
           gk_json_int(json, "metrics_bytes", 0, INT64_MAX, &out->metrics_bytes, at, err) &&
           gk_json_int(json, "best_step", 0, out->step, &out->best_step, at, err) &&
           gk_json_int(json, "since_best", 0, out->step, &out->since_best, at, err) &&
           gk_json_bool(json, "stopped", &out->stopped, at, err) &&
           gk_json_num(json, "seconds", &out->seconds, at, err) &&
           get_loss(json, "loss", &out->loss, at, err) &&
           get_loss(json, "valid_loss", &out->valid_loss, at, err) &&
           get_loss(json, "best_loss", &out->best_loss, at, err);
}

/* ---------------------------------------------------------------- inputs */

static json_t *model_json(const gk_model *m) {
    const gk_config *c = gk_model_config(m);
    char hex[GK_SHA256_HEX];
    gk_sha256_bytes(gk_model_data((gk_model *)(uintptr_t)m), gk_model_floats(m) * sizeof(float), hex);
    return json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:b, s:s}", "family",
                     gk_family_name(c->family), "vocab", c->vocab, "d_model", c->d_model, "layers",
                     c->n_layers, "heads", c->n_heads, "kv_heads", c->n_kv_heads, "head_dim", c->head_dim,
                     "ffn", c->d_ffn, "max_positions", c->max_positions, "norm_eps", (double)c->norm_eps,
                     "rope_theta", (double)c->rotary.theta, "tied", c->tied, "initial_sha256", hex);
}

json_t *gk_train__inputs_json(const gk_train_job *job) {
    char seed[24];
    snprintf(seed, sizeof seed, "%" PRIu64, job->seed);
    json_t *obj = json_object();
    json_object_set_new(obj, "recipe", gk_recipe_json(job->recipe));
    json_object_set_new(obj, "seed", json_string(seed));
    json_object_set_new(obj, "data_sha256", json_string(job->corpus->sha256));
    if (job->mix) json_object_set_new(obj, "mix_sha256", json_string(job->mix->sha256));
    json_object_set_new(obj, "model", model_json(job->model));
    return obj;
}

void gk_train__inputs_align(json_t *there, const json_t *here, const gk_config *c) {
    json_t *recipe = json_object_get(there, "recipe"), *was = json_object_get(recipe, "freeze"),
           *is = json_object_get(json_object_get(here, "recipe"), "freeze");
    if (!json_equal(was, is) && gk_train__freeze_same(was, is, c)) json_object_set(recipe, "freeze", is);
}

static char *dump(const json_t *v) {
    return v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : NULL;
}

/* The first member that differs, by its path from the top: false when there is one. */
static bool compare(const json_t *there, const json_t *here, const char *path, gk_place at, gk_error *err) {
    const char *key;
    json_t *want;
    if (json_equal(there, here)) return true;
    if (json_is_object(there) && json_is_object(here)) {
        json_object_foreach((json_t *)(uintptr_t)here, key, want) {
            char below[96];
            snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", key);
            if (!compare(json_object_get(there, key), want, below, at, err)) return false;
        }
    }
    char *a = dump(there), *b = dump(here);
    gk_fail(err, at, "use another --out, the same inputs, or --replace (make: REPLACE=1) to start over",
            "the folder holds a run with other inputs: %.60s is %.80s there and %.80s here",
            *path ? path : "inputs", a ? a : "missing", b ? b : "missing");
    free(a);
    free(b);
    return false;
}

bool gk_train__inputs_match(const json_t *there, const json_t *here, gk_place at, gk_error *err) {
    return compare(there, here, "", at, err);
}
