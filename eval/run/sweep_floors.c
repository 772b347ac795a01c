/* sweep_floors.c: what a sweep's results are compared with: placebo twins of its schemes; and which schemes
 * select the same. */
#include "eval/run/sweep.h"
#include "graftkit/core/file.h"

#include <string.h>

/* ---------------------------------------------------------------- twins */

static bool is_model(const gk_sweep *s, const char *name) {
    for (int i = 0; i < s->in.cast.n; i++)
        if (strcmp(s->in.cast.name[i], name) == 0) return true;
    return false;
}

/* "sft=task" */
static bool read_pair(gk_sweep *s, const char *text, const char **from, const char **to, gk_error *err) {
    const char *equals = strchr(text, '='), *hint = "write DONOR=PLACEBO, e.g. sft=task";
    gk_place at = GK_AT_FIELD(NULL, "--placebo");
    if (!equals) return gk_fail(err, at, hint, "'%.80s' is no pair of models", text);
    *from = gk_arena_strndup(s->a, text, (size_t)(equals - text));
    *to = gk_arena_strdup(s->a, equals + 1);
    if (!is_model(s, *from) || !is_model(s, *to))
        return gk_fail(err, at, hint, "'%.80s' is none of the run's models",
                       is_model(s, *from) ? *to : *from);
    return strcmp(*from, *to) != 0 || gk_fail(err, at, hint, "'%.80s' is no placebo of itself", *from);
}

static bool read_pairs(gk_sweep *s, const char *const *placebo, size_t n, const char **from, const char **to,
                       gk_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (!read_pair(s, placebo[i], &from[i], &to[i], err)) return false;
        for (size_t k = 0; k < i; k++)
            if (strcmp(from[k], from[i]) == 0)
                return gk_fail(err, GK_AT_FIELD(NULL, "--placebo"), "give each donor one",
                               "'%.80s' has two placebos", from[i]);
    }
    return true;
}

bool gk_sweep__twins(gk_sweep *s, const char *const *placebo, size_t n, gk_error *err) {
    const char **from = gk_arena_alloc(s->a, (n + 1) * sizeof *from),
               **to = gk_arena_alloc(s->a, (n + 1) * sizeof *to);
    size_t *of = gk_arena_alloc(s->a, 2 * s->schemes.n * sizeof *of), twins = 0;
    s->all = (gk_schemes){gk_arena_alloc(s->a, 2 * s->schemes.n * sizeof(gk_scheme *)), s->schemes.n,
                          s->schemes.n_written, s->schemes.contrast, s->schemes.n_contrasts};
    memcpy(s->all.item, s->schemes.item, s->schemes.n * sizeof(gk_scheme *));
    memset(of, 0, 2 * s->schemes.n * sizeof *of);
    s->twin_of = of;
    if (!read_pairs(s, placebo, n, from, to, err)) return false;
    for (size_t i = 0; n > 0 && i < s->schemes.n; i++) {
        gk_scheme *twin = gk_scheme_twin(s->a, s->schemes.item[i], from, to, n);
        if (!twin) continue;
        of[s->all.n] = i + 1;
        s->all.item[s->all.n++] = twin;
        twins++;
    }
    if (n > 0 && twins == 0) /* a pipeline gives placebos whatever its schemes are */
        gk_notice(GK_AT_FIELD(NULL, "--placebo"), "no scheme has '%.80s' without '%.80s': there are no twins",
                  from[0], to[0]);
    return true;
}

/* ---------------------------------------------------------------- what schemes select */

/* Goes on from the hash of what came before. */
static uint64_t mix(uint64_t before, const void *bytes, size_t n) {
    const uint64_t both[2] = {before, n ? gk_checksum(bytes, n) : 0};
    return gk_checksum(both, sizeof both);
}

static uint64_t hash_plan(const gk_plan *p) {
    uint64_t h = mix(0, p->model, (size_t)p->n_slots * (size_t)p->n_tokens);
    return p->patch ? mix(h, p->patch, (size_t)p->n_patches * (size_t)p->n_tokens) : h;
}

static uint64_t hash_last(const gk_plan *p) {
    uint64_t h = 0;
    for (int s = 1; s <= p->n_slots; s++) h = mix(h, &p->model[s * p->n_tokens - 1], 1);
    for (int i = 1; i <= p->n_patches; i++) h = mix(h, &p->patch[i * p->n_tokens - 1], 1);
    return h;
}

/* False where no prompt of the template is evaluated under the scheme. */
static bool select_in(gk_sweep *s, size_t k, size_t tmpl, gk_selection *out) {
    size_t n = 0;
    bool varied = false;
    *out = (gk_selection){.source = s->source[k], .tmpl = tmpl};
    for (size_t i = tmpl; i < s->prompts.n; i += s->prompts.n_templates) {
        gk_error why;
        if (!gk_sweep__has(s, k, i)) continue;
        gk_arena_reset(s->chunk_arena);
        const gk_plan *p = gk_sweep__plan(s, k, i, &why);
        uint64_t plan = p ? hash_plan(p) : 1, last = p ? hash_last(p) : 1;
        varied |= n > 0 && last != out->last;
        out->last = last;
        out->plan = mix(out->plan, &plan, sizeof plan);
        n++;
    }
    if (varied) out->last = 0;
    return n > 0;
}

typedef struct known {
    const gk_sweep *s;
    bool *by_unique;
} known;

static void mark_known(void *ctx, int64_t source) {
    known *k = ctx;
    size_t at = source >= 0 && (size_t)source < k->s->n_sources ? k->s->by_source[source] : 0;
    if (at) k->by_unique[at - 1] = true;
}

bool gk_sweep__selections(gk_sweep *s, gk_error *err) {
    size_t room = s->prompts.n_templates, n = 0;
    gk_selection *list = gk_alloc((s->n_listed * room + 1) * sizeof *list);
    known k = {s, gk_alloc(s->n_unique + 1)};
    bool ok = gk_store_selected(s->store, mark_known, &k, err);
    for (size_t i = 0; ok && i < s->n_listed; i++)
        for (size_t t = 0; !k.by_unique[i] && t < room; t++) n += select_in(s, i, t, &list[n]);
    ok = ok && (n == 0 || gk_store_add_selections(s->store, list, n, err));
    gk_free(k.by_unique);
    gk_free(list);
    return ok;
}
