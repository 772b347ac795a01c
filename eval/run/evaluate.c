/* evaluate.c: (scheme, prompt) pairs through the engine. */
#include "eval/run/evaluate.h"

#include <math.h>
#include <string.h>

typedef struct speech { /* a pair under way */
    double *logprob;    /* [steps]: of the target's token at each step */
    int32_t *best;      /* [steps]: the most probable token there; -1: the logits were not finite */
    int steps;          /* tokens of the target that are scored: 1, or the whole target */
    bool exact;
    int32_t *token;     /* generation: the prompt's tokens and what was said */
    int said, told;     /* tokens; of them, those that the progress has counted */
    int from;           /* the step behind whose job it goes on */
    bool begun;         /* the target is scored, and what is known of it said */
    bool ended, broken; /* broken: logits were not finite */
} speech;

typedef struct origin { /* of a job */
    size_t pair;
    int step; /* tokens behind the prompt */
} origin;

typedef struct run {
    const gk_run__evaluation *e;
    const gk_config *c;
    const gk_run__evaluated *pair;
    speech *speech;
    size_t n;
    gk_job *jobs;
    origin *of_job;
    size_t *group; /* of a job: its pair */
    size_t n_jobs;
    double told; /* pairs and parts of pairs that the progress has counted */
    gk_id_list ends;
} run;

int gk_run__target_steps(const gk_prompt *p) {
    return p->n_target ? (int)p->n_target : 1;
}

/* The prompt's tokens and `step` more. */
static gk_job job_of(gk_arena *a, const gk_prompt *p, const gk_plan *plan, const int32_t *token, int step) {
    gk_job job = {.token = token, .n = (int)p->tokens.n + step, .plan = plan};
    if (step > 0) {
        gk_plan *longer = gk_arena_alloc(a, sizeof *longer);
        *longer = gk_plan_extend(a, plan, step);
        job.plan = longer;
    }
    return job;
}

int gk_run__target_jobs(gk_arena *a, const gk_prompt *p, const gk_plan *plan, gk_job *out) {
    int steps = gk_run__target_steps(p);
    for (int k = 0; k < steps; k++) out[k] = job_of(a, p, plan, k ? p->forced : p->tokens.id, k);
    return steps;
}

gk_generation gk_run__generation(int tokens, const size_t *group) {
    return (gk_generation){.most = tokens > 1 ? tokens - 1 : 0, .group = group};
}

uint64_t gk_run__naive_rows(const gk_config *c, const gk_prompt *p, int said) {
    int n = (int)p->tokens.n, steps = gk_run__target_steps(p), further = said > 1 ? said - 1 : 0;
    return gk_graft_rows(c, n + steps - 1, steps) + gk_graft_rows(c, n + further, 1 + further) -
           gk_graft_rows(c, n, 1);
}

/* ---------------------------------------------------------------- the target */

/* A pair is done to the share of its rounds that are over: one of scoring and one a token that is generated.
 */
static void tell(run *r, double rounds) {
#pragma omp critical(gk_evaluate_tell)
    {
        r->told += rounds / (1 + r->e->generate);
        gk_progress_update(r->e->progress, r->e->before + r->told, NULL);
    }
}

static const char *keep_text(run *r, const char *text) {
    const char *kept;
#pragma omp critical(gk_evaluate_text)
    kept = gk_arena_strdup(r->e->a, text);
    return kept;
}

/* Several threads do this, for different pairs: the steps of one are computed together. */
static void take_target(run *r, origin from, const float *logits) {
    const gk_run__evaluated *p = &r->pair[from.pair];
    speech *w = &r->speech[from.pair];
    int32_t target =
        from.step ? p->prompt->forced[p->prompt->tokens.n + (size_t)from.step] : p->prompt->target_id;
    gk_score score;
    gk_error why;
    bool ok = gk_score_logits(logits, r->c->vocab, target, &score, &why);
    w->best[from.step] = ok ? score.top_id[0] : -1;
    w->logprob[from.step] = ok ? score.logprob : 0;
    w->exact = w->exact && ok && score.rank == 0;
    if (ok && from.step == 0) {
        p->out->score = score;
        p->out->permuted =
            gk_score_logits_other(logits, r->c->vocab, target, &score, p->permuted, &p->out->other);
    }
    const char **reason = from.step ? &p->out->whole_dropped : &p->out->dropped;
    if (!ok) *reason = keep_text(r, why.what);
    tell(r, 1.0 / w->steps);
}

static void start(run *r) {
    gk_arena *a = r->e->a;
    size_t most = 0;
    for (size_t i = 0; i < r->n; i++) most += (size_t)gk_run__target_steps(r->pair[i].prompt);
    r->jobs = gk_arena_alloc(a, most * sizeof *r->jobs);
    r->of_job = gk_arena_alloc(a, most * sizeof *r->of_job);
    r->group = gk_arena_alloc(a, most * sizeof *r->group);
    for (size_t i = 0; i < r->n; i++) {
        speech *w = &r->speech[i];
        w->steps = gk_run__target_jobs(a, r->pair[i].prompt, r->pair[i].plan, r->jobs + r->n_jobs);
        w->exact = true;
        w->logprob = gk_arena_alloc(a, (size_t)w->steps * sizeof *w->logprob);
        w->best = gk_arena_alloc(a, (size_t)w->steps * sizeof *w->best);
        for (int k = 0; k < w->steps; k++) {
            r->group[r->n_jobs] = i;
            r->of_job[r->n_jobs++] = (origin){i, k};
        }
        const gk_tokens *t = &r->pair[i].prompt->tokens;
        if (r->e->generate == 0) continue;
        w->token = gk_arena_alloc(a, (t->n + (size_t)r->e->generate) * sizeof *w->token);
        memcpy(w->token, t->id, t->n * sizeof *w->token);
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

/* What has ended needs none of the rounds that were left to it. */
static void tell_said(run *r, speech *w) {
    int over = w->ended ? r->e->generate : w->said;
    tell(r, over - w->told);
    w->told = over;
}

/* As long as it says the target itself, scoring has seen what comes next. */
static void say_known(run *r, size_t i) {
    speech *w = &r->speech[i];
    const gk_prompt *p = r->pair[i].prompt;
    w->begun = true;
    for (int k = 0; k < w->steps && !w->ended; k++) {
        if (k > 0 && w->token[p->tokens.n + (size_t)k - 1] != p->forced[p->tokens.n + (size_t)k - 1]) break;
        w->from = k;
        say(r, i, w->best[k]);
    }
    tell_said(r, w);
}

/* The last token that was said, behind the job that has all before it. */
static int32_t next_token(void *ctx, size_t job) {
    run *r = ctx;
    origin from = r->of_job[job];
    speech *w = &r->speech[from.pair];
    if (!w->begun) say_known(r, from.pair);
    if (w->ended || from.step != w->from) return -1;
    return w->token[r->pair[from.pair].prompt->tokens.n + (size_t)w->said - 1];
}

static bool take_logits(void *ctx, size_t job, const float *logits) {
    run *r = ctx;
    origin from = r->of_job[job];
    speech *w = &r->speech[from.pair];
    if (!w->begun) {
        take_target(r, from, logits);
        return true;
    }
    say(r, from.pair, most_probable(logits, r->c->vocab));
    tell_said(r, w);
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

/* ---------------------------------------------------------------- all of it */

bool gk_run__evaluate(const gk_run__evaluation *e, const gk_run__evaluated *pairs, size_t n,
                      gk_graft_stats *stats, gk_error *err) {
    if (n == 0) return true;
    run r = {.e = e, .c = e->cfg, .pair = pairs, .n = n};
    r.speech = gk_arena_alloc(e->a, n * sizeof *r.speech);
    r.ends = gk_config_ends(r.c);
    if (r.ends.n == 0) r.ends = (gk_id_list){1, {gk_tok_eos(e->tok)}};
    uint64_t naive = stats->rows_naive;
    start(&r);
    gk_generation text = gk_run__generation(e->generate, r.group);
    text.next = next_token;
    if (!gk_grafter_generate(e->grafter, r.jobs, r.n_jobs, &text, e->budget, take_logits, &r, stats, err))
        return false;
    for (size_t i = 0; i < n; i++) finish_target(&r, i);
    for (size_t i = 0; i < n && e->generate > 0; i++) {
        if (!r.speech[i].begun)
            say_known(&r, i); /* nothing comes behind a token, or behind the last position */
        if (!text_of(&r, i, err)) return false;
    }
    for (size_t i = 0; i < n; i++) naive += gk_run__naive_rows(r.c, pairs[i].prompt, r.speech[i].said);
    stats->rows_naive = naive;
    return true;
}
