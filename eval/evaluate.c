/* evaluate.c: (scheme, prompt) pairs through the engine. */
#include "eval/evaluate.h"

#include <math.h>
#include <string.h>

typedef struct speech { /* a pair under way */
    double *logprob;    /* [steps]: of the target's token at each step */
    int32_t *best;      /* [steps]: the most probable token there; -1: the logits were not finite */
    int steps;          /* tokens of the target that are scored: 1, or the whole target */
    bool exact;
    int32_t *token; /* generation: the prompt's tokens and what was said */
    int said;
    bool ended, broken; /* broken: logits were not finite */
} speech;

typedef struct source { /* of a job */
    size_t pair;
    int step; /* tokens behind the prompt */
} source;

typedef struct run {
    const gk__evaluation *e;
    const gk_config *c;
    const gk__pair *pair;
    speech *speech;
    size_t n;
    gk_job *jobs;
    source *of_job;
    size_t n_jobs;
    double scored;
    gk_id_list ends;
} run;

static void add_job(run *r, gk_arena *a, size_t pair, const int32_t *token, int step) {
    const gk__pair *p = &r->pair[pair];
    const gk_plan *plan = p->plan;
    if (step > 0) {
        gk_plan *longer = gk_arena_alloc(a, sizeof *longer);
        *longer = gk_plan_extend(a, p->plan, step);
        plan = longer;
    }
    r->jobs[r->n_jobs] = (gk_job){.token = token, .n = (int)p->prompt->tokens.n + step, .plan = plan};
    r->of_job[r->n_jobs++] = (source){pair, step};
}

/* ---------------------------------------------------------------- the target */

static bool take_target(void *ctx, size_t job, const float *logits) {
    run *r = ctx;
    source from = r->of_job[job];
    const gk__pair *p = &r->pair[from.pair];
    speech *w = &r->speech[from.pair];
    int32_t target =
        from.step ? p->prompt->forced[p->prompt->tokens.n + (size_t)from.step] : p->prompt->target_id;
    gk_score score;
    gk_error why;
    if (gk_score_logits(logits, r->c->vocab, target, &score, &why)) {
        w->logprob[from.step] = score.logprob;
        w->best[from.step] = score.top_id[0];
        w->exact = w->exact && score.rank == 0;
        if (from.step == 0) p->out->score = score;
    } else {
        w->best[from.step] = -1;
        const char **reason = from.step ? &p->out->whole_dropped : &p->out->dropped;
        *reason = gk_arena_strdup(r->e->a, why.what);
    }
    r->scored += 1.0 / w->steps;
    gk_progress_update(r->e->progress, r->e->before + r->scored, NULL);
    return true;
}

static void start(run *r) {
    gk_arena *a = r->e->a;
    size_t most = 0;
    for (size_t i = 0; i < r->n; i++) {
        speech *w = &r->speech[i];
        w->steps = r->pair[i].prompt->n_target ? (int)r->pair[i].prompt->n_target : 1;
        w->exact = true;
        w->logprob = gk_arena_alloc(a, (size_t)w->steps * sizeof *w->logprob);
        w->best = gk_arena_alloc(a, (size_t)w->steps * sizeof *w->best);
        most += (size_t)w->steps;
    }
    r->jobs = gk_arena_alloc(a, most * sizeof *r->jobs);
    r->of_job = gk_arena_alloc(a, most * sizeof *r->of_job);
    for (size_t i = 0; i < r->n; i++) {
        const gk_prompt *p = r->pair[i].prompt;
        for (int k = 0; k < r->speech[i].steps; k++) add_job(r, a, i, k ? p->forced : p->tokens.id, k);
    }
}

static void finish_target(run *r, size_t i) {
    gk_stored *out = r->pair[i].out;
    const speech *w = &r->speech[i];
    if (out->dropped) out->whole_dropped = NULL; /* one reason is enough */
    if (out->dropped || out->whole_dropped || r->pair[i].prompt->n_target == 0) return;
    out->whole = true;
    out->exact = w->exact;
    for (int k = 0; k < w->steps; k++) out->whole_logprob += w->logprob[k];
}

/* ---------------------------------------------------------------- what it says instead */

static int32_t most_probable(const float *logits, int vocab) {
    int32_t best = 0;
    for (int32_t i = 0; i < vocab; i++) {
        if (isnan(logits[i]) || logits[i] == INFINITY) return -1;
        if (logits[i] > logits[best]) best = i;
    }
    return logits[best] == -INFINITY ? -1 : best;
}

static void say(run *r, size_t i, int32_t id) {
    speech *w = &r->speech[i];
    int n = (int)r->pair[i].prompt->tokens.n;
    w->ended = w->broken = id < 0;
    for (int k = 0; k < r->ends.n; k++) w->ended = w->ended || id == r->ends.id[k];
    if (w->ended) return;
    w->token[n + w->said++] = id;
    w->ended = w->said == r->e->generate || n + w->said > r->c->max_positions;
}

/* As long as it says the target itself, scoring has seen what comes next. */
static void say_known(run *r, size_t i) {
    speech *w = &r->speech[i];
    const gk_prompt *p = r->pair[i].prompt;
    for (int k = 0; k < w->steps && !w->ended; k++) {
        if (k > 0 && w->token[p->tokens.n + (size_t)k - 1] != p->forced[p->tokens.n + (size_t)k - 1]) return;
        say(r, i, w->best[k]);
    }
}

static bool take_next(void *ctx, size_t job, const float *logits) {
    run *r = ctx;
    say(r, r->of_job[job].pair, most_probable(logits, r->c->vocab));
    return true;
}

static bool text_of(run *r, size_t i, gk_error *err) {
    const speech *w = &r->speech[i];
    if (w->broken) return true;
    gk_arena *a = r->e->a;
    size_t n = r->pair[i].prompt->tokens.n, said = (size_t)w->said;
    char *before = gk_tok_show(r->e->tok, w->token, n, a, err);
    char *all = before ? gk_tok_show(r->e->tok, w->token, n + said, a, err) : NULL;
    if (!all) return false;
    /* With the prompt before it, because a text's first token may lose its blank. */
    if (strncmp(all, before, strlen(before)) == 0)
        all += strlen(before);
    else
        all = gk_tok_show(r->e->tok, w->token + n, said, a, err);
    r->pair[i].out->generated = all;
    return all != NULL;
}

static bool one_round(run *r, gk_arena *a, gk_graft_stats *stats, gk_error *err) {
    r->n_jobs = 0;
    for (size_t i = 0; i < r->n; i++)
        if (!r->speech[i].ended) add_job(r, a, i, r->speech[i].token, r->speech[i].said);
    return r->n_jobs == 0 ||
           gk_graft_run(r->e->cast, r->jobs, r->n_jobs, r->e->budget, take_next, r, stats, err);
}

static bool generate(run *r, gk_graft_stats *stats, gk_error *err) {
    for (size_t i = 0; i < r->n; i++) {
        speech *w = &r->speech[i];
        const gk_tokens *t = &r->pair[i].prompt->tokens;
        w->token = gk_arena_alloc(r->e->a, (t->n + (size_t)r->e->generate) * sizeof *w->token);
        memcpy(w->token, t->id, t->n * sizeof *w->token);
        say_known(r, i);
    }
    gk_arena *a = gk_arena_new();
    bool ok = true;
    do {
        gk_arena_reset(a);
        ok = one_round(r, a, stats, err);
    } while (ok && r->n_jobs > 0);
    gk_arena_free(a);
    for (size_t i = 0; i < r->n && ok; i++) ok = text_of(r, i, err);
    return ok;
}

/* ---------------------------------------------------------------- all of it */

static uint64_t naive_rows(const run *r, size_t i) {
    const speech *w = &r->speech[i];
    int n = (int)r->pair[i].prompt->tokens.n, further = w->said > 1 ? w->said - 1 : 0;
    return gk_graft_rows(r->c, n + w->steps - 1, w->steps) + gk_graft_rows(r->c, n + further, 1 + further) -
           gk_graft_rows(r->c, n, 1);
}

bool gk__evaluate(const gk__evaluation *e, const gk__pair *pairs, size_t n, gk_graft_stats *stats,
                  gk_error *err) {
    if (n == 0) return true;
    run r = {.e = e, .c = gk_model_config(e->cast->model[0]), .pair = pairs, .n = n};
    r.speech = gk_arena_alloc(e->a, n * sizeof *r.speech);
    r.ends = gk_config_ends(r.c);
    if (r.ends.n == 0) r.ends = (gk_id_list){1, {gk_tok_eos(e->tok)}};
    uint64_t naive = stats->rows_naive;
    start(&r);
    if (!gk_graft_run(e->cast, r.jobs, r.n_jobs, e->budget, take_target, &r, stats, err)) return false;
    for (size_t i = 0; i < n; i++) finish_target(&r, i);
    if (e->generate > 0 && !generate(&r, stats, err)) return false;
    for (size_t i = 0; i < n; i++) naive += naive_rows(&r, i);
    stats->rows_naive = naive;
    return true;
}
