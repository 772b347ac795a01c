/* factors.c: the difference of two models as low-rank factors, matrix by matrix, kept in a folder. */
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/progress.h"
#include "graftkit/model/difference.h"
#include "model/arrays.h"
#include "model/config/family.h"
#include "model/difference/spectrum.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Part of every key: another method makes other files. */
#define METHOD "graftkit factors 1"

typedef struct factor { /* of one matrix; n 0: nothing differs, or it is no matrix of the model's own */
    int n, out, in;
    const float *left, *right; /* [out x n], [n x in] */
    float *own;                /* both, where no file has them */
    gk_safetensors *file;
} factor;

struct gk_factors {
    gk_config cfg;
    factor *item; /* [(n_layers + 1) x GK_N_COMPONENTS]; the last row: outside the layers */
    size_t matrices, computed;
};

/* One matrix on its way. */
typedef struct factoring {
    gk_diff__delta delta;
    int layer;
    gk_component comp;
    int rank;
    const char *path, *key; /* its file; NULL: none */
    factor *out;
} factoring;

static factor *factor_at(const gk_factors *f, int layer, gk_component c) {
    size_t row = (size_t)(layer < 0 ? f->cfg.n_layers : layer);
    return f->item + row * GK_N_COMPONENTS + (size_t)c;
}

static const char *name_of(const factoring *t, char buf[48]) {
    if (t->layer < 0)
        snprintf(buf, 48, "%s", gk_component_name(t->comp));
    else
        snprintf(buf, 48, "%s of layer %d", gk_component_name(t->comp), t->layer);
    return buf;
}

static size_t right_floats(const factoring *t, int n) {
    return (size_t)n * (size_t)t->delta.a.in;
}

static size_t left_floats(const factoring *t, int n) {
    return (size_t)n * (size_t)t->delta.a.out;
}

/* ---------------------------------------------------------------- files */

static void checksum(const factoring *t, int n, const float *left, const float *right, char text[40]) {
    snprintf(text, 40, "%016" PRIx64 "-%016" PRIx64, gk_checksum(left, left_floats(t, n) * sizeof *left),
             gk_checksum(right, right_floats(t, n) * sizeof *right));
}

static bool says(const json_t *meta, const char *key, const char *want) {
    const char *have = json_string_value(json_object_get(meta, key));
    return have && strcmp(have, want) == 0;
}

/* The file's factors, when they are of these weights, enough and undamaged. */
static bool read_file(const factoring *t, gk_error *err) {
    if (!t->path || !gk_exists(t->path)) return false;
    gk_safetensors *s = gk_safetensors_open(t->path, err);
    if (!s) return false;
    const json_t *meta = gk_safetensors_meta(s);
    const gk_array *left = gk_safetensors_find(s, "left"), *right = gk_safetensors_find(s, "right");
    bool ok = says(meta, "key", t->key) && left && right && left->n_dims == 2 && right->n_dims == 2 &&
              left->shape[0] == t->delta.a.out && right->shape[1] == t->delta.a.in &&
              left->shape[1] == right->shape[0] && right->shape[0] >= t->rank &&
              right->shape[0] <= (t->delta.a.out < t->delta.a.in ? t->delta.a.out : t->delta.a.in);
    if (ok) {
        char sum[40];
        checksum(t, (int)right->shape[0], left->data, right->data, sum);
        ok = says(meta, "checksum", sum);
    }
    if (!ok) {
        gk_safetensors_close(s);
        return gk_fail(err, GK_AT_FILE(t->path), NULL, "the file does not hold what is looked for");
    }
    t->out->n = (int)right->shape[0];
    t->out->left = left->data;
    t->out->right = right->data;
    t->out->file = s;
    return true;
}

static bool write_file(const factoring *t, gk_error *err) {
    factor *f = t->out;
    char sum[40];
    checksum(t, f->n, f->left, f->right, sum);
    json_t *meta = json_object();
    json_object_set_new(meta, "key", json_string(t->key));
    json_object_set_new(meta, "checksum", json_string(sum));
    const gk_array list[] = {{"left", f->left, {f->out, f->n}, 2}, {"right", f->right, {f->n, f->in}, 2}};
    bool ok = gk_safetensors_save(t->path, list, 2, meta, err);
    json_decref(meta);
    return ok;
}

/* From memory to the map of the file just written, which the system may drop and read again. */
static bool move_to_file(const factoring *t, gk_error *err) {
    float *own = t->out->own;
    if (!write_file(t, err) || !read_file(t, err)) return false;
    gk_free(own);
    t->out->own = NULL;
    return true;
}

/* ---------------------------------------------------------------- one matrix */

/* |B - A|, in blocks of rows; not finite where a value is not. */
static double norm(const gk_diff__delta *d) {
    enum { BLOCK = 1 << 16 };
    gk_diff__delta plain = {d->a, d->b, 1};
    int rows = BLOCK / d->a.in + 1;
    float *x = gk_alloc((size_t)rows * (size_t)d->a.in * sizeof *x);
    double sum = 0;
    for (int first = 0; first < d->a.out; first += rows) {
        int n = d->a.out - first < rows ? d->a.out - first : rows;
        gk_diff__delta_read(&plain, first, n, x);
        for (size_t i = 0; i < (size_t)n * (size_t)d->a.in; i++) sum += (double)x[i] * (double)x[i];
    }
    gk_free(x);
    return sqrt(sum);
}

/* Entries are scaled to a size of about 1, far from what a float cannot square. */
static bool compute(factoring *t, double size, gk_error *err) {
    factor *f = t->out;
    int out = t->delta.a.out, in = t->delta.a.in;
    char name[48];
    t->delta.scale = sqrt((double)out * (double)in) / size;
    f->own = gk_try_alloc((left_floats(t, t->rank) + right_floats(t, t->rank)) * sizeof *f->own);
    if (!f->own)
        return gk_fail(err, GK_NOWHERE, "a lower rank", "not enough memory for %d directions of %s", t->rank,
                       name_of(t, name));
    float *left = f->own, *right = f->own + left_floats(t, t->rank);
    gk_spectrum__matrix rows = {.out = out, .in = in, .read = gk_diff__delta_read, .ctx = &t->delta};
    uint64_t seed = (uint64_t)(t->layer + 1) * GK_N_COMPONENTS + t->comp;
    if (!gk_spectrum__directions(&rows, t->rank, seed, right, left))
        return gk_fail(err, GK_NOWHERE, NULL, "interrupted before every matrix was factored");
    for (size_t i = 0; i < left_floats(t, t->rank); i++) left[i] = (float)((double)left[i] / t->delta.scale);
    f->n = t->rank;
    f->left = left;
    f->right = right;
    return !t->path || move_to_file(t, err);
}

static bool factor_one(gk_factors *f, factoring *t, gk_error *err) {
    char name[48];
    double size = norm(&t->delta);
    if (gk_interrupted())
        return gk_fail(err, GK_NOWHERE, NULL, "interrupted before every matrix was factored");
    if (!isfinite(size))
        return gk_fail(err, GK_NOWHERE, NULL, "%s has a value that is not finite", name_of(t, name));
    if (size == 0) return true;
    f->matrices++;
    t->out->out = t->delta.a.out;
    t->out->in = t->delta.a.in;
    if (read_file(t, NULL)) return true;
    f->computed++;
    return compute(t, size, err);
}

static bool factor_component(gk_factors *f, const gk_model *a, const gk_model *b, int layer, gk_component c,
                             const gk_factors_opts *o, gk_arena *memory, gk_error *err) {
    factoring t = {.delta = {gk_model_tensor(a, layer, c), gk_model_tensor(b, layer, c), 1},
                   .layer = layer,
                   .comp = c,
                   .out = factor_at(f, layer, c)};
    int smaller = t.delta.a.out < t.delta.a.in ? t.delta.a.out : t.delta.a.in;
    t.rank = o->rank < smaller ? o->rank : smaller;
    if (o->cache) {
        char hex[GK_SHA256_HEX];
        t.key = gk_arena_printf(memory, METHOD " | %s | %s %d", o->key ? o->key : "", gk_component_name(c),
                                layer);
        gk_sha256_bytes(t.key, strlen(t.key), hex);
        t.path = gk_path_join(memory, o->cache, gk_arena_printf(memory, "%.32s.safetensors", hex));
    }
    return factor_one(f, &t, err);
}

/* ---------------------------------------------------------------- all of them */

static size_t count_matrices(const gk_config *c, bool inside) {
    size_t n = 0;
    int out, in;
    for (int i = 0; i < GK_N_COMPONENTS; i++) {
        gk_component comp = (gk_component)i;
        n += gk_component_in_layer(comp) == inside && !gk_component_is_norm(comp) &&
             gk_config__component_shape(c, comp, &out, &in);
    }
    return n;
}

static bool factor_all(gk_factors *f, const gk_model *a, const gk_model *b, const gk_factors_opts *o,
                       gk_error *err) {
    gk_arena *memory = gk_arena_new();
    bool ok = !o->cache || gk_mkdirs(o->cache, err);
    double done = (double)o->before;
    int out, in;
    for (int l = -1; ok && l < f->cfg.n_layers; l++)
        for (int i = 0; ok && i < GK_N_COMPONENTS; i++) {
            gk_component c = (gk_component)i;
            if (gk_component_in_layer(c) != (l >= 0) || gk_component_is_norm(c) ||
                !gk_config__component_shape(&f->cfg, c, &out, &in))
                continue;
            ok = factor_component(f, a, b, l, c, o, memory, err);
            gk_progress_update(o->progress, ++done, NULL);
        }
    gk_arena_free(memory);
    return ok;
}

gk_factors *gk_factors_make(const gk_model *a, const gk_model *b, const gk_factors_opts *o, gk_error *err) {
    gk_config_diff d;
    if (gk_config_difference(gk_model_config(a), gk_model_config(b), &d)) {
        gk_fail(err, GK_AT_FIELD(NULL, d.field),
                "only models of one architecture and shape have a difference",
                "is %s in the first model and %s in the second", d.a, d.b);
        return NULL;
    }
    if (o->rank < 1) {
        gk_fail(err, GK_NOWHERE, NULL, "the rank must be 1 or more, not %d", o->rank);
        return NULL;
    }
    gk_factors *f = gk_alloc(sizeof *f);
    f->cfg = *gk_model_config(a);
    f->item = gk_alloc((size_t)(f->cfg.n_layers + 1) * GK_N_COMPONENTS * sizeof *f->item);
    if (factor_all(f, a, b, o, err)) return f;
    gk_factors_free(f);
    return NULL;
}

size_t gk_factors_total(const gk_config *c) {
    return count_matrices(c, false) + count_matrices(c, true) * (size_t)c->n_layers;
}

gk_low_rank gk_factors_of(const gk_factors *f, int layer, gk_component c, int rank) {
    if (c == GK_HEAD && f->cfg.tied) c = GK_EMBED;
    const factor *t = factor_at(f, layer, c);
    int n = rank < t->n ? rank : t->n;
    if (n < 1) return (gk_low_rank){0};
    return (gk_low_rank){
        .a = t->right, .b = t->left, .out = t->out, .in = t->in, .rank = n, .ldb = t->n, .scale = 1};
}

size_t gk_factors_matrices(const gk_factors *f) {
    return f->matrices;
}

size_t gk_factors_computed(const gk_factors *f) {
    return f->computed;
}

void gk_factors_free(gk_factors *f) {
    if (!f) return;
    for (size_t i = 0; i < (size_t)(f->cfg.n_layers + 1) * GK_N_COMPONENTS; i++) {
        gk_free(f->item[i].own);
        gk_safetensors_close(f->item[i].file);
    }
    gk_free(f->item);
    gk_free(f);
}
