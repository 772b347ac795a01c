/* engine.c: many jobs in chunks: check, sort so that jobs that share prompts meet, run the stages, hand out
 * logits. */
#include "graft/internal.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_TOKENS = 1 << 24 }; /* in a chunk: row numbers stay far from 2^31 */

/* ---------------------------------------------------------------- checks */

static bool check_patches(const gk_cast *cast, int n_layers, const gk_plan *p, size_t i, gk_error *err) {
    size_t n = (size_t)p->n_patches * (size_t)p->n_tokens;
    if (p->n_patches != (p->patch ? n_layers + 1 : 0))
        return gk_fail(err, GK_NOWHERE, "make the plan from the same models as the job",
                       "job %zu: its plan has %d rows of patches, not %d", i, p->n_patches,
                       p->patch ? n_layers + 1 : 0);
    for (size_t j = 0; j < n; j++) {
        uint8_t patch = p->patch[j];
        if (patch == GK_PATCH_NONE) continue;
        int model = gk_patch_model(patch);
        if (patch >= GK_PATCH_KINDS || model >= cast->n)
            return gk_fail(err, GK_NOWHERE, NULL, "job %zu: its plan patches in %d of a cast of %d", i, patch,
                           cast->n);
        if (gk_patch_is_mean(patch) && !cast->mean[model])
            return gk_fail(err, GK_NOWHERE, "gk_graft_means computes it",
                           "job %zu: its plan asks for the mean of '%.80s', which the cast lacks", i,
                           cast->name[model]);
    }
    return true;
}

static bool check_plan(const gk_cast *cast, const gk_config *c, const gk_job *job, size_t i, gk_error *err) {
    const gk_plan *p = job->plan;
    int slots = gk_plan_slots(c);
    if (!p || !p->model || p->n_slots != slots || p->n_tokens != job->n)
        return gk_fail(err, GK_NOWHERE, "make the plan from the same tokens and models as the job",
                       "job %zu: its plan has %d slots and %d tokens, not %d and %d", i, p ? p->n_slots : 0,
                       p ? p->n_tokens : 0, slots, job->n);
    for (size_t j = 0; j < (size_t)slots * (size_t)job->n; j++)
        if (p->model[j] >= cast->n)
            return gk_fail(err, GK_NOWHERE, NULL, "job %zu: its plan asks for model %d of a cast of %d", i,
                           p->model[j], cast->n);
    return check_patches(cast, c->n_layers, p, i, err);
}

static bool check_job(const gk_cast *cast, const gk_config *c, const gk_job *job, size_t i, gk_error *err) {
    if (job->n < 1 || job->n > c->max_positions)
        return gk_fail(err, GK_NOWHERE, NULL, "job %zu has %d tokens; these models take 1 to %d", i, job->n,
                       c->max_positions);
    for (int t = 0; t < job->n; t++)
        if (job->token[t] < 0 || job->token[t] >= c->vocab)
            return gk_fail(err, GK_NOWHERE, "were the prompts tokenised with these models' tokenizer?",
                           "job %zu: token %d at position %d is outside the vocabulary of %d", i,
                           job->token[t], t, c->vocab);
    return check_plan(cast, c, job, i, err);
}

/* ---------------------------------------------------------------- equal weights */

static void find_equals(const gk_cast *cast, int layer, gk_component comp, uint8_t *first) {
    for (int m = 0; m < cast->n; m++) {
        gk__weights mine = gk__weights_of(cast, m, layer, comp);
        int same = 0;
        for (; same < m; same++) {
            if (first[same] != same) continue;
            gk__weights other = gk__weights_of(cast, same, layer, comp);
            if (gk__weights_same(&mine, &other)) break;
        }
        first[m] = (uint8_t)same;
    }
}

/* For every slot and model, the first model with bit-equal weights there: what finetuning left alone (a
 * frozen head, say) is shared, and a donor that equals the recipient changes not one bit. */
static uint8_t *canonical_models(const gk_cast *cast, const gk_config *c) {
    uint8_t *first = gk_alloc((size_t)gk_plan_slots(c) * GK_MAX_MODELS);
    for (int i = 0; i < GK_N_COMPONENTS; i++) {
        gk_component comp = (gk_component)i;
        if (!gk_config_has(c, comp)) continue;
        int layers = gk_component_in_layer(comp) ? c->n_layers : 1;
        for (int l = 0; l < layers; l++)
            find_equals(cast, gk_component_in_layer(comp) ? l : -1, comp,
                        first + gk_plan_slot(c, l, comp) * GK_MAX_MODELS);
    }
    return first;
}

/* ---------------------------------------------------------------- chunks */

typedef struct sorted {
    const gk_job *job;
    size_t index;
    uint32_t end; /* the node of its last token */
} sorted;

static int by_tokens(const void *a, const void *b) {
    const sorted *x = a, *y = b;
    int n = x->job->n < y->job->n ? x->job->n : y->job->n;
    for (int t = 0; t < n; t++)
        if (x->job->token[t] != y->job->token[t]) return x->job->token[t] < y->job->token[t] ? -1 : 1;
    if (x->job->n != y->job->n) return x->job->n < y->job->n ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static int by_index(const void *a, const void *b) {
    const sorted *x = a, *y = b;
    return x->index < y->index ? -1 : 1;
}

/* Puts jobs into the trie until the budget is full; at least one. Returns how many. */
static size_t fill_chunk(gk__engine *e, sorted *jobs, size_t n, size_t budget) {
    size_t taken = 0, tokens = 0;
    gk__trie_start(&e->trie);
    while (taken < n) {
        size_t more = (size_t)jobs[taken].job->n * (size_t)gk__trie_paths(&e->trie, jobs[taken].job);
        double nodes = (double)e->trie.nodes.n + (double)more, path = (double)(e->trie.path_n + more);
        bool full = gk__stages_bytes(e->cfg, nodes, (double)taken + 1, path) > (double)budget;
        if (taken > 0 && (full || tokens + more > MOST_TOKENS)) break;
        jobs[taken].end = gk__trie_add(&e->trie, jobs[taken].job);
        tokens += more;
        taken++;
    }
    return taken;
}

/* Lists the nodes: all, and those that end a job (each once). */
static void list_nodes(gk__engine *e, const sorted *jobs, size_t n) {
    e->n_nodes = e->trie.nodes.n;
    uint32_t *all = gk__room_for(&e->all, e->n_nodes * sizeof *all, 0, &e->tally);
    uint32_t *last = gk__room_for(&e->last, n * sizeof *last, 0, &e->tally);
    bool *seen = gk_alloc(e->n_nodes);
    for (uint32_t i = 0; i < e->n_nodes; i++) all[i] = i;
    e->n_last = 0;
    for (size_t i = 0; i < n; i++) {
        if (!seen[jobs[i].end]) last[e->n_last++] = jobs[i].end;
        seen[jobs[i].end] = true;
    }
    gk_free(seen);
}

/* Runs the first jobs of the list, as many as fit; *taken says how many. */
static bool run_chunk(gk__engine *e, sorted *jobs, size_t n, size_t budget, gk_logits_fn *fn, void *ctx,
                      size_t *taken) {
    *taken = fill_chunk(e, jobs, n, budget);
    qsort(jobs, *taken, sizeof *jobs, by_index);
    list_nodes(e, jobs, *taken);
    gk__stages_run(e);
    bool ok = true;
    for (size_t i = 0; i < *taken && ok; i++) {
        size_t row = ((const uint32_t *)e->logits.of.p)[jobs[i].end];
        e->stats.rows_naive += gk__stages_rows(e->cfg, jobs[i].job->n);
        ok = fn(ctx, jobs[i].index, (const float *)e->logits.x.p + row * (size_t)e->cfg->vocab);
    }
    return ok;
}

static void add_stats(gk_graft_stats *to, const gk__engine *e) {
    if (!to) return;
    to->rows_naive += e->stats.rows_naive;
    to->rows_unique += e->stats.rows_unique;
    to->flops += e->stats.flops;
    to->seconds += gk_now() - e->begun;
    if (to->peak_bytes < e->tally) to->peak_bytes = e->tally;
}

gk__engine *gk__engine_new(const gk_cast *cast, bool patches) {
    gk__engine *e = gk_alloc(sizeof *e);
    e->begun = gk_now();
    e->cast = cast;
    e->cfg = gk_model_config(cast->model[0]);
    e->canon = canonical_models(cast, e->cfg);
    e->trie = (gk__trie){.n_slots = gk_plan_slots(e->cfg), .canon = e->canon, .tally = &e->tally};
    if (patches) e->trie.n_patches = e->cfg->n_layers + 1;
    return e;
}

void gk__engine_free(gk__engine *e, gk_graft_stats *stats) {
    add_stats(stats, e);
    gk__stages_free(e);
    gk_free(e->canon);
    gk_free(e);
}

bool gk_graft_run(const gk_cast *cast, const gk_job *jobs, size_t n_jobs, size_t budget_bytes,
                  gk_logits_fn *fn, void *ctx, gk_graft_stats *stats, gk_error *err) {
    bool patches = false, ok = true;
    if (!gk_cast_check(cast, err)) return false;
    const gk_config *c = gk_model_config(cast->model[0]);
    for (size_t i = 0; i < n_jobs; i++)
        if (!check_job(cast, c, &jobs[i], i, err)) return false;
    for (size_t i = 0; i < n_jobs; i++) patches = patches || jobs[i].plan->patch;
    sorted *order = gk_alloc((n_jobs + 1) * sizeof *order);
    for (size_t i = 0; i < n_jobs; i++) order[i] = (sorted){&jobs[i], i, 0};
    qsort(order, n_jobs, sizeof *order, by_tokens);
    gk__engine *e = gk__engine_new(cast, patches);
    for (size_t done = 0, taken = 0; done < n_jobs && ok; done += taken)
        ok = run_chunk(e, order + done, n_jobs - done, budget_bytes, fn, ctx, &taken);
    gk__engine_free(e, stats);
    gk_free(order);
    return ok;
}
