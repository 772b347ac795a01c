/* pace.c: how fast a run goes, and what share of the machine that is. */
#include "train/internal.h"

#include <math.h>

/* Long enough to find the clock rate, too short to be noticed. */
static const double MEASURE_S = 0.05;

double gk_train_flops(const gk_model *m, int64_t rows) {
    const gk_config *c = gk_model_config(m);
    const gk_param *list;
    double matrices = c->tied ? (double)c->vocab * c->d_model : 0;
    double pairs = (double)rows * (double)(rows + 1) / 2;
    for (size_t n = gk_model_params(m, &list), i = 0; i < n; i++) {
        bool looked_up = list[i].comp == GK_EMBED || list[i].comp == GK_POS; /* copied, not multiplied */
        if (!looked_up && !list[i].bias && !gk_component_is_norm(list[i].comp))
            matrices += (double)list[i].count;
    }
    double attention = 2.0 * c->n_layers * c->n_heads * c->head_dim * pairs;
    return 6 * (matrices * (double)rows + attention);
}

static double flops_a_token(const gk_model *m, const gk_corpus *corpus, const uint32_t *texts, size_t n) {
    double flops = 0, tokens = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t rows = (int64_t)(corpus->start[texts[i] + 1] - corpus->start[texts[i]]) - 1;
        flops += gk_train_flops(m, rows);
        tokens += (double)rows;
    }
    return tokens > 0 ? flops / tokens : 0;
}

void gk__pace_begin(gk__pace *p, const gk_train_job *job, const gk_split *split, const gk__state *at,
                    int64_t total_steps) {
    *p = (gk__pace){.total = total_steps, .first_step = at->step, .first_tokens = at->tokens};
    p->flops_a_token = flops_a_token(job->model, job->corpus, split->train, split->n_train);
    p->peak = 1e9 * gk_flops_peak(gk_threads(), MEASURE_S);
    p->begun = p->logged = gk_now();
    p->logged_tokens = at->tokens;
}

static gk__speed speed(const gk__pace *p, const gk__state *at, double since, int64_t since_tokens) {
    double now = gk_now(), steps = (double)(at->step - p->first_step);
    gk__speed s = {.tokens_per_s = (double)(at->tokens - since_tokens) / fmax(now - since, 1e-9)};
    s.gflops_per_s = s.tokens_per_s * p->flops_a_token / 1e9;
    s.peak_share = p->peak > 0 ? 1e9 * s.gflops_per_s / p->peak : 0;
    s.seconds_left = steps > 0 ? (now - p->begun) / steps * (double)(p->total - at->step) : 0;
    return s;
}

gk__speed gk__pace_now(const gk__pace *p, const gk__state *at) {
    return speed(p, at, p->begun, p->first_tokens);
}

gk__speed gk__pace_since_log(gk__pace *p, const gk__state *at) {
    gk__speed s = speed(p, at, p->logged, p->logged_tokens);
    p->logged = gk_now();
    p->logged_tokens = at->tokens;
    return s;
}
