/* search_score.c: runs the engine over grafts of the search, and scores their answers. */
#include "eval/run/search.h"

#include <math.h>

/* Plans of one call of the engine: every cell of every prompt has a byte a slot. */
static const size_t MOST_PLAN_BYTES = (size_t)128 << 20;

typedef struct scoring {
    gk_search *s;
    const size_t *prompt; /* of the part */
    size_t n_prompts, begin, n_sets;
    gk_obs *out;
    gk_progress *progress;
    size_t before, done;
} scoring;

/* Jobs are prompt by prompt, so that those of one prompt, which share rows, share a chunk. */
static bool take_logits(void *ctx, size_t job, const float *logits) {
    scoring *k = ctx;
    size_t j = k->begin + job / k->n_sets, i = job % k->n_sets;
    const gk_prompt *p = &k->s->prompts.item[k->prompt[j]];
    gk_score score;
    int vocab = k->s->cells.cfg->vocab;
    gk_obs *o = &k->out[i * k->n_prompts + j];
    bool ok = gk_score_logits(logits, vocab, p->target_id, &score, NULL);
    *o = (gk_obs){.row = p->row,
                  .weight = 1,
                  .rank = ok ? (double)score.rank : vocab,
                  .prob = ok ? score.prob : 0,
                  .logprob = ok ? score.logprob : -INFINITY,
                  .logit_diff = ok ? score.logit_diff : -INFINITY};
    gk_progress_update(k->progress, (double)(k->before + ++k->done), NULL);
    k->s->stopped = gk_interrupted();
    return !k->s->stopped;
}

static size_t fit_prompts(const scoring *k, size_t begin) {
    size_t bytes = 0, end = begin;
    while (end < k->n_prompts) {
        size_t tokens = k->s->prompts.item[k->prompt[end]].tokens.n;
        bytes += tokens * (size_t)gk_plan_slots(k->s->cells.cfg) * k->n_sets;
        if (end > begin && bytes > MOST_PLAN_BYTES) break;
        end++;
    }
    return end;
}

static bool score_range(scoring *k, const bool *const *sets, size_t end, gk_error *err) {
    gk_search *s = k->s;
    size_t n = (end - k->begin) * k->n_sets;
    gk_arena_reset(s->scratch);
    gk_job *jobs = gk_arena_alloc(s->scratch, n * sizeof *jobs);
    gk_plan *plan = gk_arena_alloc(s->scratch, n * sizeof *plan);
    for (size_t j = 0; j < n; j++) {
        size_t prompt = k->prompt[k->begin + j / k->n_sets];
        const gk_tokens *t = &s->prompts.item[prompt].tokens;
        plan[j] = gk_search__cells_plan(s->scratch, &s->cells, &s->prompts, prompt, sets[j % k->n_sets]);
        jobs[j] = (gk_job){.token = t->id, .n = (int)t->n, .plan = &plan[j]};
    }
    k->before += k->done;
    k->done = 0;
    return gk_graft_run(&s->in.cast, jobs, n, s->budget, take_logits, k, &s->stats, err);
}

bool gk_search__score(gk_search *s, int part, const bool *const *sets, size_t n, const char *label,
                      gk_obs *out, gk_error *err) {
    scoring k = {.s = s, .prompt = s->part[part], .n_prompts = s->n_part[part], .n_sets = n, .out = out};
    k.progress = gk_progress_start(s->o.progress, label, (double)(n * k.n_prompts), "grafts");
    bool ok = !gk_interrupted();
    s->stopped = !ok;
    for (size_t end; ok && k.begin < k.n_prompts; k.begin = end) {
        end = fit_prompts(&k, k.begin);
        ok = score_range(&k, sets, end, err);
    }
    gk_progress_end(k.progress, NULL);
    return ok;
}
