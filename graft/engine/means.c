/* means.c: the mean residual stream of a model's plain runs, which mean ablation puts in place. */
#include "graft/internal.h"
#include "graftkit/core/progress.h"

enum { TOKENS_A_CHUNK = 512 }; /* whatever the budget: the sums must not depend on it */

typedef struct sums {
    double *sum;           /* [(n_layers + 1) x d_model] */
    const uint32_t *count; /* how often each node stands in the texts */
} sums;

static void add_rows(void *ctx, const gk_graft__engine *e, int index) {
    const sums *s = ctx;
    size_t d = (size_t)e->cfg->d_model;
    const uint32_t *of = e->x.of.p;
    double *sum = s->sum + (size_t)index * d;
    for (uint32_t i = 0; i < e->n_nodes; i++) {
        const float *x = (const float *)e->x.x.p + of[i] * d;
        for (size_t j = 0; j < d; j++) sum[j] += (double)s->count[i] * (double)x[j];
    }
}

/* The first texts of the list, as many as make a chunk; returns how many. */
static size_t add_chunk(gk_graft__engine *e, const gk_graft_text *texts, size_t n, double *sum) {
    size_t taken = 0, tokens = 0;
    gk_graft__trie_start(&e->trie);
    uint32_t end[TOKENS_A_CHUNK]; /* a text has a token at least */
    while (taken < n && (taken == 0 || tokens + (size_t)texts[taken].n <= TOKENS_A_CHUNK)) {
        end[taken] = gk_graft__trie_add_plain(&e->trie, texts[taken].token, texts[taken].n, 0);
        tokens += (size_t)texts[taken++].n;
    }
    e->n_nodes = e->n_all = e->n_last = e->trie.nodes.n;
    uint32_t *all = gk_graft__room_for(&e->all, e->n_nodes * sizeof *all, 0, &e->tally);
    uint32_t *last = gk_graft__room_for(&e->last, e->n_nodes * sizeof *last, 0, &e->tally);
    for (uint32_t i = 0; i < e->n_nodes; i++) all[i] = last[i] = i;
    uint32_t *count = gk_alloc(e->n_nodes * sizeof *count);
    for (size_t i = 0; i < taken; i++)
        for (uint32_t at = end[i]; at != GK_GRAFT__NONE; at = gk_graft__trie_at(&e->trie, at)->parent)
            count[at]++;
    gk_graft__stages_layers(e, add_rows, &(sums){sum, count});
    gk_free(count);
    return taken;
}

static bool check_texts(const gk_config *c, const gk_graft_text *texts, size_t n, double *tokens,
                        gk_error *err) {
    if (n == 0) return gk_fail(err, GK_NOWHERE, NULL, "there are no texts to take a mean over");
    for (size_t i = 0; i < n; i++) {
        if (texts[i].n < 1 || texts[i].n > c->max_positions)
            return gk_fail(err, GK_NOWHERE, NULL, "text %zu has %d tokens; the model takes 1 to %d", i,
                           texts[i].n, c->max_positions);
        for (int t = 0; t < texts[i].n; t++)
            if (texts[i].token[t] < 0 || texts[i].token[t] >= c->vocab)
                return gk_fail(err, GK_NOWHERE, "were the texts tokenised with this model's tokenizer?",
                               "text %zu: token %d at position %d is outside the vocabulary of %d", i,
                               texts[i].token[t], t, c->vocab);
        *tokens += texts[i].n;
    }
    return true;
}

bool gk_graft_means(const gk_cast *models, int model, const gk_graft_text *texts, size_t n_texts, float *mean,
                    gk_graft_stats *stats, gk_error *err) {
    const gk_cast cast = {.name = {models->name[model]},
                          .model = {models->model[model]},
                          .derived = {models->derived[model]},
                          .n = 1,
                          .bf16 = models->bf16};
    const gk_config *c = gk_model_config(cast.model[0]);
    size_t values = ((size_t)c->n_layers + 1) * (size_t)c->d_model, done = 0;
    double tokens = 0;
    if (!check_texts(c, texts, n_texts, &tokens, err)) return false;
    double *sum = gk_alloc(values * sizeof *sum);
    gk_graft__engine *e = gk_graft__engine_new(&cast, false);
    while (done < n_texts && !gk_interrupted()) done += add_chunk(e, texts + done, n_texts - done, sum);
    for (size_t i = 0; i < values; i++) mean[i] = (float)(sum[i] / tokens);
    gk_graft__engine_free(e, stats);
    gk_free(sum);
    return done == n_texts || gk_fail(err, GK_NOWHERE, NULL, "interrupted");
}
