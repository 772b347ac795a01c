/* sweep_cost.c: what a sweep's cells cost, before they are computed: how many prompts a transaction has, and
 * the estimate. */
#include "eval/run/sweep.h"

#include <string.h>

enum { MOST_PROMPTS_A_CHUNK = 256, SAMPLE_PROMPTS = 8 };
/* Work a transaction may cost (multiply-adds counted twice): what a kill can lose. */
static const double CHUNK_FLOPS = 1e12;
/* Work of the sample that an estimate of the time is made from. */
static const double SAMPLE_FLOPS = 4e10;

/* ---------------------------------------------------------------- samples and estimates */

/* The cells of a few rows from all over the sweep, each with all its templates. */
typedef struct sample {
    gk_job *jobs;
    const gk_prompt **prompt_of; /* of a job */
    size_t *group;               /* of a job: its pair */
    size_t n, prompts, pairs, plan_bytes;
    double naive; /* rows */
} sample;

static int said_at_most(const gk_sweep *s, const gk_prompt *p) {
    int room = gk_model_config(s->in.model[0])->max_positions + 1 - (int)p->tokens.n;
    return s->generate < room ? s->generate : room;
}

static void sample_prompt(gk_sweep *s, size_t i, bool all, sample *out) {
    const gk_prompt *p = &s->prompts.item[i];
    size_t before = out->pairs;
    for (size_t k = 0; k < s->n_unique; k++) {
        gk_error why;
        if (!gk_sweep__has(s, k, i) || (!all && s->done[k * s->prompts.n + i])) continue;
        const gk_plan *plan = gk_sweep__plan(s, k, i, &why);
        if (!plan) continue;
        int n = gk_run__target_jobs(s->chunk_arena, p, plan, out->jobs + out->n);
        for (int j = 0; j < n; j++) {
            out->group[out->n] = out->pairs;
            out->prompt_of[out->n++] = p;
        }
        out->pairs++;
        out->plan_bytes += gk_sweep__plan_bytes(s, p);
        out->naive += (double)gk_run__naive_rows(gk_model_config(s->in.model[0]), p, said_at_most(s, p));
    }
    out->prompts += out->pairs > before;
}

/* `all`: also those that are in the store already. In the chunk's arena. */
static sample take_sample(gk_sweep *s, bool all) {
    const gk_prompts *p = &s->prompts;
    size_t rows = SAMPLE_PROMPTS / p->n_templates, room = 0;
    if (rows < 1) rows = 1;
    if (rows > p->n_rows) rows = p->n_rows;
    gk_arena_reset(s->chunk_arena);
    for (size_t r = 0; r < rows; r++)
        for (size_t t = 0; t < p->n_templates; t++)
            room += (size_t)gk_run__target_steps(&p->item[r * p->n_rows / rows * p->n_templates + t]) *
                    s->n_unique;
    sample out = {.jobs = gk_arena_alloc(s->chunk_arena, room * sizeof *out.jobs)};
    out.prompt_of = gk_arena_alloc(s->chunk_arena, room * sizeof *out.prompt_of);
    out.group = gk_arena_alloc(s->chunk_arena, room * sizeof *out.group);
    for (size_t r = 0; r < rows; r++)
        for (size_t t = 0; t < p->n_templates; t++)
            sample_prompt(s, r * p->n_rows / rows * p->n_templates + t, all, &out);
    return out;
}

/* As if no text ended early. */
static bool count_sample(gk_sweep *s, const sample *some, gk_graft_stats *cost, gk_error *err) {
    gk_generation text = gk_run__generation(s->generate, some->group);
    return gk_grafter_count(s->grafter, some->jobs, some->n, &text, cost, err);
}

/* A chunk's plans may take an eighth of the budget. */
bool gk_sweep__cut(gk_sweep *s, gk_error *err) {
    sample all = take_sample(s, true);
    gk_graft_stats cost = {0};
    if (!count_sample(s, &all, &cost, err)) return false;
    double fit = MOST_PROMPTS_A_CHUNK, prompts = (double)all.prompts;
    if (cost.flops > 0 && CHUNK_FLOPS / cost.flops * prompts < fit) fit = CHUNK_FLOPS / cost.flops * prompts;
    double plans = all.prompts ? (double)all.plan_bytes / prompts : 0;
    if (plans > 0 && (double)s->budget / 8 / plans < fit) fit = (double)s->budget / 8 / plans;
    s->chunk = fit < 1 ? 1 : (size_t)fit;
    if (s->o->chunk > 0) s->chunk = (size_t)s->o->chunk;
    return true;
}

typedef struct trial {
    const gk_sweep *s;
    const sample *sample;
} trial;

static bool score_trial(void *ctx, size_t job, const float *logits) {
    const trial *t = ctx;
    const gk_sweep *s = t->s;
    gk_score score;
    gk_error why;
    gk_score_logits(logits, gk_model_config(s->in.model[0])->vocab, t->sample->prompt_of[job]->target_id,
                    &score, &why);
    return true;
}

/* Seconds a FLOP: the sample's first jobs, whole prompts, twice: the first time brings the weights to memory.
 */
static bool try_sample(gk_sweep *s, const sample *some, double flops, double *pace, gk_error *err) {
    size_t n = some->n;
    if (flops > SAMPLE_FLOPS) n = (size_t)((double)n * SAMPLE_FLOPS / flops);
    if (n == 0) n = 1; /* of a large model one job is more than that */
    while (n < some->n && some->prompt_of[n] == some->prompt_of[n - 1]) n++;
    trial t = {s, some};
    gk_graft_stats run = {0};
    for (int i = 0; i < 2 && !gk_interrupted(); i++) {
        run = (gk_graft_stats){0};
        if (!gk_grafter_run(s->grafter, some->jobs, n, s->room, score_trial, &t, &run, err)) return false;
    }
    *pace = run.flops > 0 ? run.seconds / run.flops : 0;
    return true;
}

static size_t weight_bytes(const gk_model *m) {
    const gk_config *c = gk_model_config(m);
    size_t bytes = 0;
    for (int i = 0; i < GK_N_COMPONENTS; i++)
        for (int l = 0; l < (gk_component_in_layer((gk_component)i) ? c->n_layers : 1); l++) {
            if (!gk_config_has(c, (gk_component)i) || (i == GK_HEAD && c->tied)) continue;
            gk_tensor t = gk_model_tensor(m, l, (gk_component)i);
            bytes += (size_t)t.out * (size_t)t.in * (t.w ? sizeof *t.w : sizeof *t.h);
            bytes += t.b ? (size_t)t.out * sizeof *t.b : 0;
        }
    return bytes;
}

bool gk_sweep_estimate(gk_sweep *s, gk_sweep_cost *out, gk_error *err) {
    *out = (gk_sweep_cost){.budget = s->budget};
    for (int i = 0; i < s->in.cast.n; i++)
        if (s->in.model[i]) out->weights += weight_bytes(s->in.model[i]);
    if (!gk_sweep_prepare(s, NULL, err)) return gk_interrupted();
    if (s->in.cast.bf16) out->budget += gk_grafter_kept(s->grafter);
    sample some = take_sample(s, false);
    gk_graft_stats cost = {0};
    if (s->pending == 0 || some.n == 0) return true;
    if (!count_sample(s, &some, &cost, err)) return false;
    double times = (double)s->pending / (double)some.pairs, pace;
    if (!gk_sweep__means(s, err)) return gk_interrupted();
    if (!try_sample(s, &some, cost.flops, &pace, err)) return false;
    out->rows_naive = some.naive * times;
    out->rows_unique = (double)cost.rows_unique * times;
    out->flops = cost.flops * times;
    out->seconds = out->flops * pace;
    return true;
}

void gk_sweep_spent(const gk_sweep *s, gk_sweep_cost *out) {
    *out = (gk_sweep_cost){.rows_naive = (double)(s->stats.rows_naive - s->before.rows_naive),
                           .rows_unique = (double)(s->stats.rows_unique - s->before.rows_unique),
                           .flops = s->stats.flops - s->before.flops,
                           .seconds = s->stats.seconds,
                           .budget = s->stats.peak_bytes};
}
