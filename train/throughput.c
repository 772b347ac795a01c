/* throughput.c: how fast a run goes, and what share of the machine that is. */
#include "graftkit/core/progress.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/operators.h"
#include "train/internal.h"

#include <math.h>

/* Long enough to find the clock rate, too short to be noticed. */
static const double MEASURE_S = 0.05;
enum { SQUARE = 1024 }; /* as large as products reach their best rate at */

/* Copied, not multiplied: embed and pos. */
static bool is_product(const gk_param *p) {
    return p->comp != GK_EMBED && p->comp != GK_POS && !p->bias && !gk_component_is_norm(p->comp);
}

double gk_train_product_flops(const gk_model *m, int64_t rows) {
    const gk_config *c = gk_model_config(m);
    const gk_param *list;
    double matrices = c->tied ? (double)c->vocab * c->d_model : 0;
    for (size_t n = gk_model_params(m, &list), i = 0; i < n; i++)
        if (is_product(&list[i])) matrices += (double)list[i].count;
    return 6 * matrices * (double)rows;
}

double gk_train_attention_flops(const gk_config *c, int64_t rows) {
    double pairs = (double)rows * (double)(rows + 1) / 2;
    return 12.0 * c->n_layers * c->n_heads * c->head_dim * pairs;
}

double gk_train_flops(const gk_model *m, int64_t rows) {
    return gk_train_product_flops(m, rows) + gk_train_attention_flops(gk_model_config(m), rows);
}

/* A frozen weight has no gradient, which is a third of its operations; below layer `lowest` there is no
 * backward pass, which is another; an adapter's come on top. */
static double saved_a_row(const gk_model *m, const gk_train__trained *t, const uint32_t *frozen, int lowest) {
    const gk_config *c = gk_model_config(m);
    const gk_param *list;
    const uint32_t outside = frozen ? frozen[c->n_layers] : 0;
    double still = c->tied && (t->adapter || outside >> GK_EMBED & 1u) ? (double)c->vocab * c->d_model : 0;
    for (size_t n = gk_model_params(m, &list), i = 0; i < n; i++) {
        uint32_t mask = list[i].layer < 0 || !frozen ? outside : frozen[list[i].layer];
        if (!is_product(&list[i])) continue;
        if (t->adapter || mask >> list[i].comp & 1u) still += (double)list[i].count;
        if (list[i].layer >= 0 && list[i].layer < lowest) still += (double)list[i].count;
    }
    return 2 * still - (t->adapter ? 6 * (double)gk_adapter_count(t->adapter) : 0);
}

/* In GFLOP/s, of the type that products are computed in: fp32's from registers; bf16's, whose instructions
 * differ, as the library's best product shows it. */
static double peak_rate(const gk_recipe *r) {
    bool narrow = r->bf16 || r->memory == GK_MEMORY_LEAN;
    if (narrow && gk_bf16_faster())
        return gk_gemm_measure("bf16", SQUARE, SQUARE, SQUARE, gk_threads(), MEASURE_S);
    return gk_flops_peak(gk_threads(), MEASURE_S);
}

void gk_train__throughput_begin(gk_train__throughput *p, const gk_train_job *job, const gk_train__trained *t,
                                const uint32_t *frozen, int lowest, const gk_train__state *at,
                                int64_t total_steps) {
    *p = (gk_train__throughput){.total = total_steps, .first_step = at->step, .first_tokens = at->tokens};
    p->less_a_row = saved_a_row(job->model, t, frozen, lowest);
    p->less_attention = 2.0 / 3 * lowest / gk_model_config(job->model)->n_layers;
    p->peak = 1e9 * peak_rate(job->recipe);
    p->begun = p->logged = gk_now();
    p->logged_tokens = at->tokens;
}

void gk_train__throughput_step(gk_train__throughput *p, const gk_train_job *job,
                               const gk_train__next_texts *texts) {
    for (size_t i = 0; i < texts->n; i++) {
        const bool own = texts->text[i] < job->corpus->n;
        const gk_corpus *c = own ? job->corpus : job->mix;
        const size_t k = own ? texts->text[i] : texts->text[i] - job->corpus->n;
        const int64_t rows = (int64_t)(c->start[k + 1] - c->start[k]) - 1;
        p->flops += gk_train_product_flops(job->model, rows) - p->less_a_row * (double)rows;
        p->flops += gk_train_attention_flops(gk_model_config(job->model), rows) * (1 - p->less_attention);
    }
}

static gk_train__speed speed(const gk_train__throughput *p, const gk_train__state *at, double since,
                             int64_t since_tokens, double since_flops) {
    double now = gk_now(), steps = (double)(at->step - p->first_step), seconds = fmax(now - since, 1e-9);
    gk_train__speed s = {.tokens_per_s = (double)(at->tokens - since_tokens) / seconds};
    s.gflops_per_s = (p->flops - since_flops) / seconds / 1e9;
    s.peak_share = p->peak > 0 ? 1e9 * s.gflops_per_s / p->peak : 0;
    s.seconds_left = steps > 0 ? (now - p->begun) / steps * (double)(p->total - at->step) : 0;
    return s;
}

gk_train__speed gk_train__throughput_now(const gk_train__throughput *p, const gk_train__state *at) {
    return speed(p, at, p->begun, p->first_tokens, 0);
}

gk_train__speed gk_train__throughput_since_log(gk_train__throughput *p, const gk_train__state *at) {
    gk_train__speed s = speed(p, at, p->logged, p->logged_tokens, p->logged_flops);
    p->logged = gk_now();
    p->logged_tokens = at->tokens;
    p->logged_flops = p->flops;
    return s;
}
