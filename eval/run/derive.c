/* derive.c: donors that are derived from those of a run: what the command line says of them, which weights
 * they depend on, and making them. */
#include "eval/run/inputs.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Part of every identity: donors derived in another way are other donors. */
#define METHOD "graftkit derive 1"
#define FORM "write NAME=DONOR:rank=8, :top=0.01 or :alpha=0.5; in 'r{}=DONOR:rank=1,2,4' {} is the value"

/* ---------------------------------------------------------------- reading */

typedef struct spec {
    const char *text; /* as given */
    const char *name, *donor, *kind, *values;
} spec;

static bool split(gk_arena *a, const char *text, spec *s, gk_error *err) {
    const char *eq = strchr(text, '='), *colon = eq ? strchr(eq, ':') : NULL;
    const char *is = colon ? strchr(colon, '=') : NULL;
    if (!is || eq == text || colon == eq + 1 || is == colon + 1 || !is[1]) {
        gk_fail(err, GK_NOWHERE, FORM, "'%.80s' is no derived donor", text);
        return false;
    }
    *s = (spec){.text = text,
                .name = gk_arena_strndup(a, text, (size_t)(eq - text)),
                .donor = gk_arena_strndup(a, eq + 1, (size_t)(colon - eq - 1)),
                .kind = gk_arena_strndup(a, colon + 1, (size_t)(is - colon - 1)),
                .values = is + 1};
    return true;
}

static bool read_kind(const spec *s, gk_derive_kind *out, gk_error *err) {
    static const gk_derive_kind kinds[] = {GK_DERIVE_RANK, GK_DERIVE_TOP, GK_DERIVE_ALPHA};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        *out = kinds[i];
        if (strcmp(s->kind, gk_derive_name(kinds[i])) == 0) return true;
    }
    return gk_fail(err, GK_NOWHERE, FORM, "'%.80s': donors are derived by rank, top or alpha, not '%.40s'",
                   s->text, s->kind);
}

static bool find_donor(const gk_run__inputs *in, const spec *s, int *out, gk_error *err) {
    for (*out = 0; *out < in->cast.n; ++*out)
        if (strcmp(in->cast.name[*out], s->donor) == 0) break;
    if (*out == in->cast.n)
        return gk_fail(err, GK_NOWHERE, "name it with --donor NAME=DIR", "'%.80s': there is no donor '%.40s'",
                       s->text, s->donor);
    if (*out == 0)
        return gk_fail(err, GK_NOWHERE, "name a donor, e.g. one of --donor",
                       "'%.80s': the recipient does not differ from itself", s->text);
    return !in->info[*out].derived || gk_fail(err, GK_NOWHERE, "derive it from a model",
                                              "'%.80s': '%.40s' is derived itself", s->text, s->donor);
}

static bool read_value(const spec *s, const char *value, gk_derive_kind kind, const gk_config *c,
                       gk_derivation *out, gk_error *err) {
    char *end;
    *out = (gk_derivation){.kind = kind};
    errno = 0;
    if (kind == GK_DERIVE_RANK) {
        long rank = strtol(value, &end, 10);
        out->rank = rank < -1 ? -1 : rank > 1 << 30 ? 1 << 30 : (int)rank;
    } else {
        out->value = strtod(value, &end);
    }
    gk_error why = {0};
    if (*end || end == value)
        return gk_fail(err, GK_NOWHERE, FORM, "'%.80s': '%.40s' is no number", s->text, value);
    return gk_derivation_check(out, c, &why) ||
           gk_fail(err, GK_NOWHERE, why.hint, "'%.80s': %s", s->text, why.what);
}

/* "sft-r{}" with "8": "sft-r8". */
static const char *name_of(gk_arena *a, const spec *s, const char *value) {
    const char *hole = strstr(s->name, "{}");
    if (!hole) return s->name;
    return gk_arena_printf(a, "%.*s%s%s", (int)(hole - s->name), s->name, value, hole + 2);
}

/* What a donor is and of which weights, in a hash. */
static void identify(const gk_run__inputs *in, const gk_run__derivation *d, gk_run_model *info) {
    const gk_run_model *donor = &in->info[d->donor];
    gk_buf text = {0};
    gk_buf_printf(&text, METHOD " | %s=", gk_derive_name(d->how.kind));
    if (d->how.kind == GK_DERIVE_RANK)
        gk_buf_printf(&text, "%d", d->how.rank);
    else
        gk_buf_printf(&text, "%.17g", d->how.value);
    gk_buf_printf(&text, " | %s | %s", in->info[0].sha256, donor->sha256);
    gk_sha256_bytes(text.data, text.len, info->sha256);
    memcpy(info->config_sha256, donor->config_sha256, sizeof info->config_sha256);
    gk_buf_free(&text);
}

static bool add_one(gk_run__inputs *in, gk_arena *a, const spec *s, const char *value, gk_run__derivation d,
                    gk_error *err) {
    int i = in->cast.n;
    if (i == GK_MAX_MODELS)
        return gk_fail(err, GK_NOWHERE, NULL, "a run has at most %d models", GK_MAX_MODELS);
    gk_run_model *info = &in->info[i];
    if (!read_value(s, value, d.how.kind, gk_model_config(in->model[0]), &d.how, err)) return false;
    *info = (gk_run_model){.derived = true};
    info->name = in->cast.name[i] = name_of(a, s, value);
    info->path = gk_arena_printf(a, "%s:%s=%s", s->donor, s->kind, value);
    identify(in, &d, info);
    in->cast.model[i] = in->cast.model[d.donor];
    d.model = i;
    in->derive[in->n_derive++] = d;
    in->cast.n++;
    return gk_cast_check(&in->cast, err);
}

bool gk_run__inputs_plan(gk_run__inputs *in, gk_arena *a, const char *text, gk_error *err) {
    spec s = {0};
    gk_run__derivation d = {0};
    if (!gk_run__inputs_hashed(in, err) || !split(a, text, &s, err) || !read_kind(&s, &d.how.kind, err) ||
        !find_donor(in, &s, &d.donor, err))
        return false;
    if (strchr(s.values, ',') && !strstr(s.name, "{}"))
        return gk_fail(err, GK_NOWHERE, "write {} in the name where the value is to stand, e.g. r{}",
                       "'%.80s' gives one name to several donors", text);
    for (const char *at = s.values; at;) {
        const char *comma = strchr(at, ',');
        const char *value = comma ? gk_arena_strndup(a, at, (size_t)(comma - at)) : at;
        if (!add_one(in, a, &s, gk_arena_strdup(a, value), d, err)) return false;
        at = comma ? comma + 1 : NULL;
    }
    return true;
}

/* ---------------------------------------------------------------- making */

/* The largest rank that is asked of a donor's difference and is not the donor itself; 0: none. */
static int largest_rank(const gk_run__inputs *in, int donor) {
    int rank = 0, most = gk_derive_most_rank(gk_model_config(in->model[0]));
    for (int i = 0; i < in->n_derive; i++) {
        const gk_run__derivation *d = &in->derive[i];
        if (d->donor == donor && d->how.kind == GK_DERIVE_RANK && d->how.rank < most && d->how.rank > rank)
            rank = d->how.rank;
    }
    return rank;
}

size_t gk_run__inputs_matrices(const gk_run__inputs *in) {
    size_t n = 0;
    for (int i = 0; i < in->cast.n; i++)
        if (largest_rank(in, i) > 0) n += gk_factors_total(gk_model_config(in->model[0]));
    return n;
}

/* The donor's weights as a model; an adapter's are merged for this. */
static const gk_model *weights_of(gk_run__inputs *in, int donor, gk_error *err) {
    if (!in->adapter[donor]) return in->model[donor];
    if (!in->merged[donor]) in->merged[donor] = gk_model_open(in->info[donor].path, err);
    return in->merged[donor];
}

/* Once a donor. */
static bool factor(gk_run__inputs *in, int donor, const gk_model *m, const char *cache, gk_progress *p,
                   gk_error *err) {
    size_t before = 0, each = gk_factors_total(gk_model_config(m));
    for (int i = 0; i < donor; i++) before += in->factors[i] ? each : 0;
    char key[2 * GK_SHA256_HEX + 2];
    snprintf(key, sizeof key, "%s %s", in->info[0].sha256, in->info[donor].sha256);
    gk_factors_opts o = {
        .rank = largest_rank(in, donor), .cache = cache, .key = key, .progress = p, .before = before};
    if (o.rank > 0 && !in->factors[donor]) in->factors[donor] = gk_factors_make(in->model[0], m, &o, err);
    return o.rank == 0 || in->factors[donor];
}

bool gk_run__inputs_derive(gk_run__inputs *in, const char *cache, gk_progress *p, gk_error *err) {
    for (int i = 0; i < in->n_derive; i++) {
        const gk_run__derivation *d = &in->derive[i];
        const gk_model *m = weights_of(in, d->donor, err);
        if (!m || !factor(in, d->donor, m, cache, p, err)) return false;
        in->derived[d->model] = gk_derive(in->model[0], m, &d->how, in->factors[d->donor], err);
        if (!in->derived[d->model]) return false;
        in->cast.derived[d->model] = in->derived[d->model];
    }
    return true;
}
