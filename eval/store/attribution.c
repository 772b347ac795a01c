/* attribution.c: the coalitions of a store as a game: what each part is worth, and each pair of them. */
#include "eval/store/internal.h"
#include "eval/store/outcomes.h"
#include "graftkit/eval/attribute.h"
#include "graftkit/graft/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const gk_metric METRICS[] = {GK_METRIC_logit_diff, GK_METRIC_mean_logprob, GK_METRIC_top5};
enum { N_METRICS = sizeof METRICS / sizeof *METRICS };

typedef struct reading {
    gk_store *s;
    gk_arena *a;
    gk_error *err;
    const gk_tried **of; /* [coalitions]: the scheme of each */
    gk_attribution *out;
    size_t *prompts, n_templates; /* by template: how many there are, whether they count or not */
    /* The prompts that count: their row and template, and of each metric the columns of each prompt. */
    uint32_t *row, *tmpl;
    double *x[N_METRICS];
    size_t n, columns;
    uint64_t seed;
} reading;

static bool damaged(const reading *r) {
    return gk_fail(r->err, GK_AT_FILE(r->s->path), "begin a new one", "the results store is damaged");
}

/* ---------------------------------------------------------------- which scheme is which coalition */

/* The parts are the axes of the coalitions, in their order. */
static bool take_axis(reading *r, sqlite3_stmt *q, size_t *number) {
    const int64_t place = sqlite3_column_int64(q, 1);
    if (place < 0 || place >= GK_MOST_PARTS) return false;
    const char *name = gk_sql_text(q, 2);
    const char **part = &r->out->part[place];
    if (!*part) *part = gk_arena_strdup(r->a, name);
    if ((size_t)place >= r->out->n_parts) r->out->n_parts = (size_t)place + 1;
    if (strcmp(gk_sql_text(q, 3), GK_PART_IN) == 0) *number |= (size_t)1 << place;
    return strcmp(*part, name) == 0;
}

static bool read_coalitions(reading *r, const gk_outcomes *o) {
    sqlite3_stmt *q = gk_sql_query(r->s, "coalitions", r->err);
    size_t number = 0, found = 0;
    const gk_tried *now = NULL;
    int got = q ? 1 : -1;
    while (got == 1 && (got = gk_sql_next(r->s, q, r->err)) == 1) {
        const gk_tried *t = gk_outcomes_of(o, gk_sql_text(q, 0));
        if (t != now && now) r->of[number] = now;
        found += t != now;
        number = t == now ? number : 0;
        now = t;
        if (!t || !take_axis(r, q, &number)) got = damaged(r) ? 0 : -1;
    }
    sqlite3_finalize(q);
    if (got != 0) return false;
    if (now) r->of[number] = now;
    r->out->coalitions = (size_t)1 << r->out->n_parts;
    if (found != r->out->coalitions) return damaged(r);
    for (size_t i = 0; i < r->out->coalitions; i++)
        if (!r->of[i]) return damaged(r);
    return true;
}

static bool count_prompts(reading *r) {
    sqlite3_stmt *q = gk_sql_query(r->s, "prompts by template", r->err);
    int got = q ? 1 : -1;
    r->prompts = gk_arena_alloc(r->a, sizeof *r->prompts);
    while (got == 1 && (got = gk_sql_next(r->s, q, r->err)) == 1) {
        size_t *more = gk_arena_alloc(r->a, (r->n_templates + 1) * sizeof *more);
        memcpy(more, r->prompts, r->n_templates * sizeof *more);
        r->prompts = more;
        r->prompts[r->n_templates++] = (size_t)sqlite3_column_int64(q, 0);
    }
    sqlite3_finalize(q);
    return got == 0;
}

/* ---------------------------------------------------------------- a prompt's games */

static double worth(const gk_outcome *o, gk_metric m) {
    return m == GK_METRIC_logit_diff ? o->logit_diff : m == GK_METRIC_mean_logprob ? o->logprob : o->rank < 5;
}

/* A prompt's columns: the parts' values, the pairs', the worth of none, of all, and the difference. */
static void fill_columns(const reading *r, const double *v, double *x) {
    const int n = (int)r->out->n_parts;
    double pair[GK_MOST_PARTS * GK_MOST_PARTS];
    gk_shapley(v, n, x);
    gk_shapley_pairs(v, n, pair);
    x += n;
    for (int i = 0; i < n; i++)
        for (int k = i + 1; k < n; k++) *x++ = pair[i * n + k];
    *x++ = v[0];
    *x++ = v[r->out->coalitions - 1];
    *x = v[r->out->coalitions - 1] - v[0];
}

static void add_prompt(reading *r, const gk_outcome *const *at) {
    double *v = gk_alloc(r->out->coalitions * sizeof *v);
    for (int m = 0; m < N_METRICS; m++) {
        for (size_t c = 0; c < r->out->coalitions; c++) v[c] = worth(at[c], METRICS[m]);
        fill_columns(r, v, r->x[m] + r->n * r->columns);
    }
    r->row[r->n] = at[0]->row;
    r->tmpl[r->n++] = at[0]->tmpl;
    gk_free(v);
}

/* Every coalition's results are by prompt. */
static void take_prompts(reading *r) {
    const size_t n = r->out->coalitions, most = r->of[0]->n;
    size_t *next = gk_arena_alloc(r->a, n * sizeof *next);
    const gk_outcome **at = gk_arena_alloc(r->a, n * sizeof(*at));
    r->columns = r->out->n_parts * (r->out->n_parts + 1) / 2 + 3;
    r->row = gk_arena_alloc(r->a, (most + 1) * sizeof *r->row);
    r->tmpl = gk_arena_alloc(r->a, (most + 1) * sizeof *r->tmpl);
    for (int m = 0; m < N_METRICS; m++)
        r->x[m] = gk_arena_alloc(r->a, (most * r->columns + 1) * sizeof *r->x[m]);
    for (size_t i = 0; i < most; i++) {
        size_t c = 0;
        for (; c < n; c++) {
            const gk_tried *t = r->of[c];
            while (next[c] < t->n && t->item[next[c]].prompt < r->of[0]->item[i].prompt) next[c]++;
            if (next[c] == t->n || t->item[next[c]].prompt != r->of[0]->item[i].prompt) break;
            at[c] = &t->item[next[c]];
        }
        if (c == n) add_prompt(r, at);
    }
}

/* ---------------------------------------------------------------- means over prompts */

static void ranges_of(const reading *r, gk_metric m, gk_range *range) {
    const size_t n = r->out->n_parts;
    for (size_t c = 0; c < r->columns; c++) {
        double ends = c < n ? 1 : c + 3 < r->columns ? 2 : 1; /* a difference; one of two differences */
        range[c] = (gk_range){-ends, ends};
        if (c + 3 == r->columns || c + 2 == r->columns) range[c].low = 0; /* a share */
        if (m != GK_METRIC_top5) range[c] = (gk_range){-INFINITY, INFINITY};
    }
}

static size_t count_rows(const uint32_t *row, size_t n) {
    uint32_t last = 0;
    size_t facts = 0;
    for (size_t i = 0; i < n; i++) last = row[i] > last ? row[i] : last;
    bool *seen = gk_alloc((size_t)last + 1);
    for (size_t i = 0; i < n; i++) {
        facts += !seen[row[i]];
        seen[row[i]] = true;
    }
    gk_free(seen);
    return facts;
}

/* From the means of all columns. */
static void fill_game(const reading *r, const gk_mean *mean, gk_game *g) {
    const size_t n = r->out->n_parts;
    double *share = gk_arena_alloc(r->a, n * sizeof *share);
    gk_mean *pair = gk_arena_alloc(r->a, n * n * sizeof *pair);
    g->value = mean;
    g->none = mean[r->columns - 3];
    g->all = mean[r->columns - 2];
    g->total = mean[r->columns - 1];
    for (size_t i = 0; i < n; i++)
        share[i] = g->total.low > 0 ? g->value[i].value / g->total.value : (double)NAN;
    const gk_mean *next = mean + n;
    for (size_t i = 0; i < n; i++) {
        pair[i * n + i] = (gk_mean){(double)NAN, (double)NAN, (double)NAN};
        for (size_t k = i + 1; k < n; k++) pair[i * n + k] = pair[k * n + i] = *next++;
    }
    g->share = share;
    g->pair = pair;
}

/* Of the metric METRICS[m] on the template (from 1), or on all of them (0). */
static void compute(const reading *r, int m, size_t tmpl, gk_game *g) {
    double *x = gk_alloc((r->n * r->columns + 1) * sizeof *x);
    uint32_t *row = gk_alloc((r->n + 1) * sizeof *row);
    gk_range *range = gk_alloc(r->columns * sizeof *range);
    gk_mean *mean = gk_arena_alloc(r->a, r->columns * sizeof *mean);
    *g = (gk_game){.metric = METRICS[m],
                   .template_name = tmpl ? gk_arena_printf(r->a, "%zu", tmpl) : "pooled"};
    for (size_t i = 0; i < r->n; i++) {
        if (tmpl && r->tmpl[i] != tmpl) continue;
        memcpy(x + g->n * r->columns, r->x[m] + i * r->columns, r->columns * sizeof *x);
        row[g->n++] = r->row[i];
    }
    for (size_t t = 0; t < r->n_templates; t++)
        if (!tmpl || t + 1 == tmpl) g->left_out += r->prompts[t];
    g->left_out -= g->n;
    g->facts = count_rows(row, g->n);
    ranges_of(r, METRICS[m], range);
    gk_means_compute(x, row, g->n, r->columns, range, r->seed, GK_RESAMPLES, mean);
    fill_game(r, mean, g);
    gk_free(x);
    gk_free(row);
    gk_free(range);
}

static void compute_all(reading *r) {
    gk_game *g = gk_arena_alloc(r->a, N_METRICS * (r->n_templates + 1) * sizeof *g);
    for (int m = 0; m < N_METRICS; m++)
        for (size_t t = 0; t <= r->n_templates; t++) compute(r, m, t, &g[r->out->n_games++]);
    r->out->game = g;
}

/* ---------------------------------------------------------------- all of it */

bool gk_attribution_read(gk_store *s, gk_arena *a, gk_attribution *out, gk_error *err) {
    *out = (gk_attribution){.part = gk_arena_alloc(a, GK_MOST_PARTS * sizeof(*out->part))};
    if (!gk_store_get(s, a, "parts_sha256", NULL)) return true;
    reading r = {.s = s, .a = a, .err = err, .out = out};
    r.of = gk_arena_alloc(a, ((size_t)1 << GK_MOST_PARTS) * sizeof(*r.of));
    const char *complete = gk_store_get(s, a, "complete", err);
    gk_outcomes o;
    if (!complete) return false;
    if (strcmp(complete, "1") != 0)
        return gk_fail(err, GK_AT_FILE(s->path), "let graftkit attribute go on, by the same command",
                       "this attribution is not finished");
    if (!gk_outcomes_read(s, a, &o, err) || !gk_store_seed(s, &r.seed, err) || !read_coalitions(&r, &o) ||
        !count_prompts(&r))
        return false;
    take_prompts(&r);
    if (r.n == 0)
        return gk_fail(err, GK_AT_FILE(s->path), "export its results (graftkit export): `dropped` says why",
                       "no prompt has results of all %zu coalitions", out->coalitions);
    compute_all(&r);
    return true;
}

const gk_game *gk_attribution_game(const gk_attribution *x, gk_metric metric, const char *template_name) {
    for (size_t i = 0; i < x->n_games; i++)
        if (x->game[i].metric == metric && strcmp(x->game[i].template_name, template_name) == 0)
            return &x->game[i];
    return NULL;
}
