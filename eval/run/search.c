/* search.c: beam search for a small graft that recovers what the donor knows: forward until the goal is
 * reached, then back as long as it stays reached. */
#include "eval/run/search.h"
#include "graftkit/core/random.h"

#include <math.h>
#include <string.h>

enum { DEFAULT_BUDGET = 256 << 20, LEAST_ROWS = 10 };

bool gk_objective_parse(const char *name, gk_objective *out, gk_error *err) {
    static const char *const names[] = {"logprob", "prob", "accuracy"};
    for (int i = 0; i < 3; i++) {
        *out = (gk_objective)i;
        if (name && strcmp(name, names[i]) == 0) return true;
    }
    return gk_fail(err, GK_AT_FIELD(NULL, "--objective"), "write logprob, prob or accuracy",
                   "unknown objective '%.80s'", name ? name : "");
}

/* ---------------------------------------------------------------- opening */

static bool check_metric(gk_search *s, gk_error *err) {
    static const struct {
        int top;
        gk_metric metric;
    } known[] = {{1, GK_METRIC_top1},
                 {5, GK_METRIC_top5},
                 {10, GK_METRIC_top10},
                 {50, GK_METRIC_top50},
                 {100, GK_METRIC_top100}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        s->metric = known[i].metric;
        if (known[i].top == s->o.top) return true;
    }
    return gk_fail(err, GK_AT_FIELD(NULL, "--top"), "use 1, 5, 10, 50 or 100", "no top-%d accuracy is kept",
                   s->o.top);
}

static bool check_options(gk_search *s, gk_error *err) {
    const gk_search_options *o = &s->o;
    if (!o->out || !*o->out)
        return gk_fail(err, GK_AT_FIELD(NULL, "--out"), "name a folder", "there is no output folder");
    if (!(o->goal > 0 && o->goal <= 1))
        return gk_fail(err, GK_AT_FIELD(NULL, "--goal"), "0.9 is nine tenths of the way from PRE to SFT-rh",
                       "%g is not above 0 and at most 1", o->goal);
    if (!(o->held_out > 0 && o->held_out < 1))
        return gk_fail(err, GK_AT_FIELD(NULL, "--held-out"), "0.5 holds out half of the rows",
                       "%g is not between 0 and 1", o->held_out);
    if (o->beam < 1)
        return gk_fail(err, GK_AT_FIELD(NULL, "--beam"), "1 is a greedy search", "a beam holds 1 or more");
    return check_metric(s, err);
}

/* Rows, not prompts: a fact that stands in four templates is on one side only. */
static bool split(gk_search *s, gk_error *err) {
    const gk_prompts *p = &s->prompts;
    bool *held = gk_arena_alloc(s->a, p->n_rows);
    size_t *row = gk_arena_alloc(s->a, p->n_rows * sizeof *row), n = 0;
    for (size_t i = 0; i < p->n; i++)
        if (!p->item[i].dropped && (n == 0 || row[n - 1] != p->item[i].row)) row[n++] = p->item[i].row;
    gk_rng rng;
    gk_rng_seed(&rng, s->o.seed, "search split");
    gk_rng_shuffle(&rng, row, n, sizeof *row);
    s->rows[GK_SEARCH__HELD_OUT] = (size_t)(s->o.held_out * (double)n + 0.5);
    s->rows[GK_SEARCH__SEARCHED] = n - s->rows[GK_SEARCH__HELD_OUT];
    if (s->rows[GK_SEARCH__HELD_OUT] < LEAST_ROWS || s->rows[GK_SEARCH__SEARCHED] < LEAST_ROWS)
        return gk_fail(err, GK_AT_FILE(s->o.prompts.rows), "use more rows or another --held-out",
                       "%zu usable rows leave %zu to search and %zu held out; each part needs %d", n,
                       s->rows[GK_SEARCH__SEARCHED], s->rows[GK_SEARCH__HELD_OUT], LEAST_ROWS);
    for (size_t i = 0; i < s->rows[GK_SEARCH__HELD_OUT]; i++) held[row[i]] = true;
    for (int k = 0; k < GK_SEARCH__PARTS; k++) s->part[k] = gk_arena_alloc(s->a, p->n * sizeof *s->part[k]);
    for (size_t i = 0; i < p->n; i++) {
        int k = held[p->item[i].row] ? GK_SEARCH__HELD_OUT : GK_SEARCH__SEARCHED;
        if (!p->item[i].dropped) s->part[k][s->n_part[k]++] = i;
    }
    return true;
}

static const char *copy(gk_arena *a, const char *text) {
    return text ? gk_arena_strdup(a, text) : NULL;
}

static const char *const *copy_list(gk_arena *a, const char *const *list, size_t n) {
    const char **out = gk_arena_alloc(a, (n + 1) * sizeof *out);
    for (size_t i = 0; i < n; i++) out[i] = gk_arena_strdup(a, list[i]);
    return out;
}

static void copy_options(gk_search *s, const gk_search_options *o) {
    s->o = *o;
    s->o.out = copy(s->a, o->out);
    s->in.tokenizer = s->o.tokenizer = copy(s->a, o->tokenizer);
    s->in.cast.bf16 = o->bf16;
    s->o.prompts.rows = copy(s->a, o->prompts.rows);
    s->o.prompts.templates = copy(s->a, o->prompts.templates);
    s->o.prompts.fillers = copy(s->a, o->prompts.fillers);
    s->o.prompts.target = copy(s->a, o->prompts.target);
    s->o.prompts.entity = copy(s->a, o->prompts.entity);
    s->o.positions = copy_list(s->a, o->positions, o->n_positions);
    s->o.components = copy_list(s->a, o->components, o->n_components);
}

static bool open_all(gk_search *s, gk_error *err) {
    return check_options(s, err) && gk_run__inputs_named(&s->in, s->a, "--recipient", s->o.recipient, err) &&
           gk_run__inputs_named(&s->in, s->a, "--donor", s->o.donor, err) &&
           gk_run__inputs_prompts(&s->in, s->a, &s->o.prompts, &s->prompts, err) &&
           gk_search__cells_make(s->a, &s->o, &s->in.cast, &s->prompts, &s->cells, err) && split(s, err) &&
           gk_search__identify(s, err) && gk_mkdirs(s->o.out, err) && gk_search__load(s, err);
}

gk_search *gk_search_open(const gk_search_options *o, gk_error *err) {
    gk_search *s = gk_alloc(sizeof *s);
    s->a = gk_arena_new();
    s->scratch = gk_arena_new();
    s->budget = o->budget_bytes ? o->budget_bytes : DEFAULT_BUDGET;
    s->identity = json_object();
    copy_options(s, o);
    if (open_all(s, err)) return s;
    gk_search_close(s);
    return NULL;
}

void gk_search_close(gk_search *s) {
    if (!s) return;
    gk_run__inputs_free(&s->in);
    json_decref(s->identity);
    gk_free(s->step);
    gk_arena_free(s->scratch);
    gk_arena_free(s->a);
    gk_free(s);
}

const gk_prompts *gk_search_prompts(const gk_search *s) {
    return &s->prompts;
}

const char *const *gk_search_left_out(const gk_search *s) {
    return s->cells.left_out;
}

const gk_search_result *gk_search_found(const gk_search *s) {
    return s->result;
}

gk_graft_stats gk_search_stats(const gk_search *s) {
    return s->stats;
}

/* ---------------------------------------------------------------- scores */

static double accuracy(const gk_search *s, const gk_obs *obs, size_t n) {
    double hits = 0;
    for (size_t i = 0; i < n; i++) hits += obs[i].rank < s->o.top;
    return hits / (double)n;
}

static double objective(const gk_search *s, const gk_obs *obs, size_t n) {
    double sum = 0;
    if (s->o.objective == GK_BY_ACCURACY) return accuracy(s, obs, n);
    for (size_t i = 0; i < n; i++) sum += s->o.objective == GK_BY_PROB ? exp(obs[i].logprob) : obs[i].logprob;
    return sum / (double)n;
}

/* ---------------------------------------------------------------- the two ends */

static bool better(const gk_search *s, int part, gk_error *err) {
    if (s->full[part] > s->pre[part]) return true;
    return gk_fail(err, GK_NOWHERE, "choose a donor that knows the rows",
                   "there is nothing to recover: on the rows %s, top-%d accuracy is %.1f%% with '%.60s' and "
                   "%.1f%% with '%.60s' alone",
                   part == GK_SEARCH__SEARCHED ? "to search" : "held out", s->o.top, 100 * s->full[part],
                   s->in.cast.name[1], 100 * s->pre[part], s->in.cast.name[0]);
}

static bool find_ends(gk_search *s, gk_error *err) {
    bool *none = gk_arena_alloc(s->a, s->cells.n), *all = gk_arena_alloc(s->a, s->cells.n);
    memset(all, true, s->cells.n);
    const bool *sets[] = {none, all};
    for (int k = 0; k < GK_SEARCH__PARTS && !s->known; k++) {
        size_t n = s->n_part[k];
        gk_obs *obs = gk_alloc(2 * n * sizeof *obs);
        bool ok =
            gk_search__score(s, k, sets, 2, k == GK_SEARCH__SEARCHED ? "PRE, SFT-rh" : "held out", obs, err);
        s->pre[k] = accuracy(s, obs, n);
        s->full[k] = accuracy(s, obs + n, n);
        for (size_t i = 0; ok && i < 2 * n; i++)
            ok = isfinite(obs[i].logprob) ||
                 gk_fail(err, GK_NOWHERE, "the weights hold NaN or overflow on some prompts",
                         "the logits of '%.60s' are not finite", s->in.cast.name[i >= n]);
        gk_free(obs);
        if (!ok) return false;
    }
    s->known = true;
    return better(s, GK_SEARCH__SEARCHED, err) && better(s, GK_SEARCH__HELD_OUT, err) &&
           gk_search__save(s, err);
}

/* ---------------------------------------------------------------- steps */

static bool reached(const gk_search *s, double accuracy_there) {
    double way = s->full[GK_SEARCH__SEARCHED] - s->pre[GK_SEARCH__SEARCHED];
    return accuracy_there - s->pre[GK_SEARCH__SEARCHED] >= s->o.goal * way - 1e-12;
}

static size_t size_of(const gk_search *s, const bool *in) {
    size_t n = 0;
    for (size_t i = 0; i < s->cells.n; i++) n += in[i];
    return n;
}

typedef struct proposals {
    gk_search__candidate *item;
    const bool **in;
    size_t n;
} proposals;

/* `from` with cell `c` turned over. */
static void propose(const gk_search *s, proposals *p, const bool *from, size_t c) {
    bool *in = gk_alloc(s->cells.n);
    memcpy(in, from, s->cells.n);
    in[c] = !in[c];
    p->in[p->n] = in;
    p->item[p->n++] = (gk_search__candidate){.in = in, .changed = c};
}

static proposals start_proposals(size_t most) {
    return (proposals){gk_alloc((most + 1) * sizeof(gk_search__candidate)),
                       gk_alloc((most + 1) * sizeof(bool *)), 0};
}

static void free_proposals(proposals *p) {
    for (size_t i = 0; i < p->n; i++) gk_free(p->item[i].in);
    gk_free(p->item);
    gk_free(p->in);
}

/* Whether an earlier member of the beam comes to the same set, which has one cell more than each of them. */
static bool proposed(const gk_search *s, const bool *const *beam, size_t i, size_t cell) {
    for (size_t b = 0; b < i; b++) {
        size_t missing = 0;
        for (size_t c = 0; c < s->cells.n; c++) missing += (beam[i][c] || c == cell) && !beam[b][c];
        if (missing == 1) return true;
    }
    return false;
}

static proposals extensions(const gk_search *s, const bool *const *beam, size_t n) {
    proposals p = start_proposals(n * s->cells.n);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < s->cells.n; c++)
            if (!beam[i][c] && !proposed(s, beam, i, c)) propose(s, &p, beam[i], c);
    return p;
}

static proposals reductions(const gk_search *s, const bool *in) {
    proposals p = start_proposals(s->cells.n);
    for (size_t c = 0; c < s->cells.n; c++)
        if (in[c]) propose(s, &p, in, c);
    return p;
}

static bool score_proposals(gk_search *s, proposals *p, const char *label, gk_error *err) {
    size_t n = s->n_part[GK_SEARCH__SEARCHED];
    gk_obs *obs = gk_alloc(p->n * n * sizeof *obs);
    bool ok = gk_search__score(s, GK_SEARCH__SEARCHED, p->in, p->n, label, obs, err);
    for (size_t i = 0; ok && i < p->n; i++) {
        p->item[i].accuracy = accuracy(s, obs + i * n, n);
        p->item[i].objective = objective(s, obs + i * n, n);
    }
    gk_free(obs);
    return ok;
}

/* The best proposal that is not taken (that reaches the goal, if so asked); of equals the first. -1: none. */
static long best(const gk_search *s, const proposals *p, const bool *taken, bool at_goal) {
    long found = -1;
    for (size_t i = 0; i < p->n; i++) {
        if (taken[i] || (at_goal && !reached(s, p->item[i].accuracy))) continue;
        if (found < 0 || p->item[i].objective > p->item[found].objective) found = (long)i;
    }
    return found;
}

static void keep(gk_search *s, bool drop, const proposals *p, const size_t *which, size_t n) {
    gk_search__step *step = gk_search__add_step(s, drop, n);
    for (size_t i = 0; i < n; i++) {
        bool *in = step->beam[i].in;
        step->beam[i] = p->item[which[i]];
        step->beam[i].in = memcpy(in, p->item[which[i]].in, s->cells.n);
    }
}

static void tell(const gk_search *s) {
    const gk_search__step *step = &s->step[s->n_steps - 1];
    const gk_search__candidate *node = &step->beam[0];
    if (!s->o.progress) return;
    fprintf(s->o.progress, "  %c %s: recovery %.1f%%\n", step->drop ? '-' : '+', s->cells.name[node->changed],
            100 * (node->accuracy - s->pre[GK_SEARCH__SEARCHED]) /
                (s->full[GK_SEARCH__SEARCHED] - s->pre[GK_SEARCH__SEARCHED]));
}

/* One cell more. A graft that reaches the goal ends the way forward, whatever else is better by the
 * objective. */
static bool step_forward(gk_search *s, gk_error *err) {
    const gk_search__step *last = s->n_steps ? &s->step[s->n_steps - 1] : NULL;
    size_t n = last ? last->n : 1, kept = 0;
    const bool **beam = gk_alloc(n * sizeof *beam);
    bool *none = gk_alloc(s->cells.n);
    for (size_t i = 0; i < n; i++) beam[i] = last ? last->beam[i].in : none;
    proposals p = extensions(s, beam, n);
    char label[48];
    snprintf(label, sizeof label, "step %zu", s->n_steps + 1);
    bool ok = score_proposals(s, &p, label, err);
    bool *taken = gk_alloc(p.n + 1);
    size_t *which = gk_alloc((size_t)s->o.beam * sizeof *which);
    long i = ok ? best(s, &p, taken, true) : -1;
    bool there = i >= 0;
    if (there) which[kept++] = (size_t)i;
    while (ok && !there && kept < (size_t)s->o.beam && (i = best(s, &p, taken, false)) >= 0) {
        taken[i] = true;
        which[kept++] = (size_t)i;
    }
    if (ok) keep(s, false, &p, which, kept);
    free_proposals(&p);
    gk_free(which);
    gk_free(taken);
    gk_free(none);
    gk_free(beam);
    return ok;
}

/* One cell less, where the goal stays reached; *done where it does not. */
static bool step_back(gk_search *s, bool *done, gk_error *err) {
    proposals p = reductions(s, s->step[s->n_steps - 1].beam[0].in);
    char label[48];
    snprintf(label, sizeof label, "step %zu, back", s->n_steps + 1);
    bool ok = p.n < 2 || score_proposals(s, &p, label, err);
    bool *taken = gk_alloc(p.n + 1);
    long i = ok && p.n > 1 ? best(s, &p, taken, true) : -1;
    size_t which = i < 0 ? 0 : (size_t)i;
    if (i >= 0) keep(s, true, &p, &which, 1);
    *done = i < 0;
    gk_free(taken);
    free_proposals(&p);
    return ok;
}

static bool go_on(gk_search *s, gk_error *err) {
    const gk_search__step *last = s->n_steps ? &s->step[s->n_steps - 1] : NULL;
    bool there = last && reached(s, last->beam[0].accuracy), done = false;
    size_t most = s->o.most_cells > 0 ? (size_t)s->o.most_cells : s->cells.n;
    if (!there && last && size_of(s, last->beam[0].in) >= most)
        done = true; /* the goal is out of reach of so few cells */
    else if (there ? !step_back(s, &done, err) : !step_forward(s, err))
        return false;
    s->complete = done;
    if (!done) tell(s);
    return gk_search__save(s, err);
}

bool gk_search_run(gk_search *s, gk_error *err) {
    bool ok = find_ends(s, err);
    while (ok && !s->complete) ok = go_on(s, err);
    ok = ok && gk_search__measure(s, err) && gk_search__write(s, err);
    if (!ok) s->result = NULL;
    return ok || s->stopped;
}
