/* engine.c: many jobs in chunks: sort so that jobs that share prompts meet, run the stages, hand out
 * logits. */
#include "graft/internal.h"
#include "graftkit/core/progress.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/operators.h"

#include <assert.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_TOKENS = 1 << 24, /* in a chunk: row numbers stay far from 2^31 */
    FEWEST_BYTES = 4 << 20 /* of a worker: with less, one worker and all threads inside its operators */
};

/* ---------------------------------------------------------------- equal weights */

static void find_equals(const gk_cast *cast, int layer, gk_component comp, uint8_t *first) {
    for (int m = 0; m < cast->n; m++) {
        gk_graft__weights mine = gk_graft__weights_of(cast, m, layer, comp);
        int same = 0;
        for (; same < m; same++) {
            if (first[same] != same) continue;
            gk_graft__weights other = gk_graft__weights_of(cast, same, layer, comp);
            if (gk_graft__weights_same(&mine, &other)) break;
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
    const gk_job *job, *first; /* first: of its group */
    size_t index;
    uint32_t end, row; /* the node of its last token; the row of its logits */
} sorted;

/* Jobs of a group have the place of its first one. */
static int by_tokens(const sorted *a, const sorted *b) {
    const gk_job *x = a->first, *y = b->first;
    int n = x->n < y->n ? x->n : y->n;
    if (x->token == y->token && x->n == y->n) return 0;
    for (int t = 0; t < n; t++)
        if (x->token[t] != y->token[t]) return x->token[t] < y->token[t] ? -1 : 1;
    return x->n < y->n ? -1 : x->n > y->n;
}

static int by_tokens_and_index(const void *a, const void *b) {
    const sorted *x = a, *y = b;
    int order = by_tokens(x, y);
    return order ? order : x->index < y->index ? -1 : 1;
}

static int by_row_and_index(const void *a, const void *b) {
    const sorted *x = a, *y = b;
    if (x->row != y->row) return x->row < y->row ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static size_t count_prompts(const sorted *jobs, size_t n) {
    size_t prompts = n > 0;
    for (size_t i = 1; i < n; i++) prompts += by_tokens(&jobs[i - 1], &jobs[i]) != 0;
    return prompts;
}

/* What a chunk may come to. */
typedef struct bounds {
    size_t bytes, prompts;
    int later; /* tokens behind each group */
} bounds;

typedef struct group {
    size_t jobs, tokens; /* tokens: of all its jobs and of the plain runs that they take from */
    /* Tokens that may come behind it; the paths of the longest text then; nodes that may come. */
    size_t later, path, later_nodes;
} group;

static group group_of(const gk_graft__engine *e, const sorted *jobs, size_t n, int later) {
    group g = {0};
    size_t paths = 0;
    for (; g.jobs < n && jobs[g.jobs].first == jobs[0].first; g.jobs++) {
        const gk_job *job = jobs[g.jobs].job;
        size_t p = (size_t)gk_graft__trie_paths(&e->trie, job),
               room = (size_t)(e->cfg->max_positions - job->n);
        size_t more = room < (size_t)later ? room : (size_t)later;
        g.tokens += (size_t)job->n * p;
        if (more > g.later) g.later = more;
        if ((size_t)job->n + more > g.path) g.path = (size_t)job->n + more;
        if (p > paths) paths = p;
    }
    g.later_nodes = g.later * paths;
    g.path *= paths;
    return g;
}

/* Puts jobs into the trie, whole groups, until one of the bounds is reached; at least one group. Returns how
 * many, and leaves in *prompts how many different ones they have and in *later the nodes that may come behind
 * them. */
static size_t fill_chunk(gk_graft__engine *e, sorted *jobs, size_t n, bounds most, size_t *prompts,
                         size_t *later) {
    size_t taken = 0, tokens = 0, later_path = 0;
    *prompts = *later = 0;
    gk_graft__trie_start(&e->trie);
    while (taken < n) {
        group g = group_of(e, jobs + taken, n - taken, most.later);
        bool another = taken == 0 || by_tokens(&jobs[taken - 1], &jobs[taken]) != 0;
        double nodes = (double)(e->trie.nodes.n + g.tokens), path = (double)(e->trie.path_n + g.tokens);
        double after = (double)(*later + g.later_nodes), held = (double)(taken + g.jobs);
        double bytes = gk_graft__stages_bytes(e->cfg, nodes, held, path);
        if (after > 0) bytes += gk_graft__kept_bytes(e->cfg, nodes, after, (double)(later_path + g.path));
        bool full = bytes + (double)e->trie.columns.keys.bytes > (double)most.bytes;
        if (taken > 0 && (full || tokens + g.tokens + g.later_nodes > MOST_TOKENS ||
                          (another && *prompts == most.prompts)))
            break;
        for (size_t i = taken; i < taken + g.jobs; i++)
            jobs[i].end = gk_graft__trie_add(&e->trie, jobs[i].job);
        *prompts += another;
        *later += g.later_nodes;
        later_path += g.path;
        tokens += g.tokens + g.later_nodes;
        taken += g.jobs;
    }
    return taken;
}

/* Lists in `last` the nodes that end a job, each once. */
static void list_ends(gk_graft__engine *e, const sorted *jobs, size_t n) {
    uint32_t *last = gk_graft__room_for(&e->last, n * sizeof *last, 0, &e->tally);
    bool *seen = gk_alloc(e->trie.nodes.n);
    e->n_last = 0;
    for (size_t i = 0; i < n; i++) {
        if (!seen[jobs[i].end]) last[e->n_last++] = jobs[i].end;
        seen[jobs[i].end] = true;
    }
    gk_free(seen);
}

/* Lists the nodes: all, and those that end a job. */
static void list_nodes(gk_graft__engine *e, const sorted *jobs, size_t n) {
    e->n_nodes = e->n_all = e->trie.nodes.n;
    uint32_t *all = gk_graft__room_for(&e->all, e->n_nodes * sizeof *all, 0, &e->tally);
    for (uint32_t i = 0; i < e->n_nodes; i++) all[i] = i;
    list_ends(e, jobs, n);
}

static void run_stages(gk_graft__engine *e, sorted *jobs, size_t n, size_t later) {
    list_nodes(e, jobs, n);
    gk_graft__kept_start(e, (uint32_t)later);
    gk_graft__stages_run(e);
    for (size_t i = 0; i < n; i++) {
        jobs[i].row = ((const uint32_t *)e->logits.of.p)[jobs[i].end];
        e->stats.rows_naive += gk_graft__stages_rows(e->cfg, jobs[i].job->n);
    }
}

/* Another token behind each job whose text goes on: these come to the front, and are computed. Returns how
 * many they are. */
static size_t run_further(gk_graft__engine *e, sorted *jobs, size_t n, const gk_generation *text, void *ctx) {
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        sorted job = jobs[i];
        if (gk_graft__trie_at(&e->trie, job.end)->position + 1 >= e->cfg->max_positions) continue;
        int32_t token = text->next(ctx, job.index);
        assert(token < e->cfg->vocab);
        if (token < 0) continue;
        job.end = gk_graft__trie_extend(&e->trie, job.end, token);
        jobs[left++] = job;
    }
    if (left == 0) return 0;
    list_ends(e, jobs, left);
    gk_graft__kept_go_on(e);
    gk_graft__trie_list_paths(&e->trie, e->last.p, e->n_last);
    gk_graft__stages_run(e);
    for (size_t i = 0; i < left; i++) jobs[i].row = ((const uint32_t *)e->logits.of.p)[jobs[i].end];
    e->stats.rows_naive += left * (gk_graft_rows(e->cfg, 2, 2) - gk_graft_rows(e->cfg, 1, 1));
    return left;
}

/* Rows are linear in the tokens; what is left of one token is what only a prediction needs. */
uint64_t gk_graft_rows(const gk_config *c, int n, int predictions) {
    uint64_t prediction = 2 * gk_graft__stages_rows(c, 1) - gk_graft__stages_rows(c, 2);
    return gk_graft__stages_rows(c, n) + (uint64_t)(predictions - 1) * prediction;
}

size_t gk_graft_memory(const gk_config *c, const gk_job *jobs, size_t n_jobs, size_t budget_bytes) {
    double tokens = 0;
    for (size_t i = 0; i < n_jobs; i++) tokens += jobs[i].n;
    double bytes = gk_graft__stages_bytes(c, tokens, (double)n_jobs, tokens);
    return bytes < (double)budget_bytes ? (size_t)bytes : budget_bytes;
}

/* ---------------------------------------------------------------- a run: workers, each with its own chunks
 */

struct gk_grafter {
    const gk_cast *cast;
    const gk_config *cfg;
    uint8_t *canon;
    gk_products *products;
    gk_graft__engine **worker; /* they keep their memory from run to run */
    int n_workers;
};

typedef struct run {
    gk_grafter *g;
    sorted *jobs;
    size_t n, next, prompts; /* all jobs; the first that nobody took; prompts that nobody took */
    int workers;
    size_t budget;             /* of one worker */
    const gk_generation *text; /* NULL: nothing comes behind the jobs */
    gk_logits_fn *fn;
    void *ctx;
    atomic_bool stopped;
} run;

/* The next jobs for a worker, into its trie. Where a chunk ends depends on where it begins only, not on who
 * takes it when; chunks get smaller towards the end, so that all workers end together. */
static sorted *take(run *r, gk_graft__engine *e, size_t *n, size_t *later) {
    *n = 0;
    if (r->stopped || r->next == r->n) return NULL;
    sorted *first = r->jobs + r->next;
    size_t share = (r->prompts + (size_t)r->workers - 1) / (size_t)r->workers, prompts;
    bounds most = {r->budget, share, r->text ? r->text->most : 0};
    *n = fill_chunk(e, first, r->n - r->next, most, &prompts, later);
    r->next += *n;
    /* A prompt whose jobs do not fit in one chunk is counted again in the next. */
    bool cut = r->next < r->n && by_tokens(&r->jobs[r->next - 1], &r->jobs[r->next]) == 0;
    r->prompts -= prompts - cut;
    return first;
}

static void hand_out(run *r, gk_graft__engine *e, sorted *jobs, size_t n) {
    qsort(jobs, n, sizeof *jobs, by_row_and_index);
    uint32_t block = (uint32_t)gk_graft__stages_block(e->cfg, (double)n), begin = 0, end = 0;
    const float *logits = NULL;
    for (size_t i = 0; i < n && !r->stopped; i++) {
        if (jobs[i].row >= end) {
            begin = jobs[i].row;
            end = e->logits.n - begin < block ? e->logits.n : begin + block;
            logits = gk_graft__stages_logits(e, begin, end);
        }
        if (!r->fn(r->ctx, jobs[i].index, logits + (size_t)(jobs[i].row - begin) * (size_t)e->cfg->vocab))
            r->stopped = true;
    }
}

static void run_chunk(run *r, gk_graft__engine *e, sorted *jobs, size_t n, size_t later) {
    run_stages(e, jobs, n, later);
    hand_out(r, e, jobs, n);
    for (int i = 0; r->text && i < r->text->most && n > 0 && !r->stopped; i++) {
        n = run_further(e, jobs, n, r->text, r->ctx);
        hand_out(r, e, jobs, n);
    }
}

static void work(run *r, gk_graft__engine *e) {
    for (;;) {
        sorted *jobs;
        size_t n, later;
#pragma omp critical(gk_graft_take)
        jobs = take(r, e, &n, &later);
        if (n == 0) return;
        run_chunk(r, e, jobs, n, later);
    }
}

/* Workers do not wait for each other after every operator, as threads inside one do: one a thread, where
 * there are prompts enough and each one's part of the budget is worth it. */
static int choose_workers(size_t prompts, size_t budget) {
    int threads = gk_threads();
    bool enough = prompts >= (size_t)threads && budget / (size_t)threads >= FEWEST_BYTES;
    return enough ? threads : 1;
}

static void add_counts(gk_graft_stats *to, const gk_graft__engine *e) {
    to->rows_naive += e->stats.rows_naive;
    to->rows_unique += e->stats.rows_unique;
    to->flops += e->stats.flops;
}

static gk_graft__engine *make_engine(const gk_cast *cast, const uint8_t *canon, gk_products *products,
                                     bool patches) {
    gk_graft__engine *e = gk_alloc(sizeof *e);
    e->begun = gk_now();
    e->cast = cast;
    e->products = products;
    e->cfg = gk_model_config(cast->model[0]);
    e->trie = (gk_graft__trie){.n_slots = gk_plan_slots(e->cfg), .canon = canon, .tally = &e->tally};
    if (patches) e->trie.n_patches = e->cfg->n_layers + 1;
    return e;
}

gk_graft__engine *gk_graft__engine_new(const gk_cast *cast, bool patches) {
    uint8_t *canon = canonical_models(cast, gk_model_config(cast->model[0]));
    gk_graft__engine *e = make_engine(cast, canon, gk_graft__first_products(cast, canon), patches);
    e->canon = canon;
    return e;
}

void gk_graft__engine_free(gk_graft__engine *e, gk_graft_stats *stats) {
    if (stats) {
        add_counts(stats, e);
        stats->seconds += gk_now() - e->begun;
        if (stats->peak_bytes < e->tally) stats->peak_bytes = e->tally;
    }
    gk_graft__stages_free(e);
    if (e->canon) gk_products_free(e->products);
    gk_free(e->canon);
    gk_free(e);
}

static bool any_patches(const gk_job *jobs, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (jobs[i].plan->patch) return true;
    return false;
}

static void need_workers(gk_grafter *g, int n, bool patches) {
    for (int i = 0; i < g->n_workers; i++) g->worker[i]->trie.n_patches = patches ? g->cfg->n_layers + 1 : 0;
    if (n <= g->n_workers) return;
    g->worker = gk_grow(g->worker, (size_t)g->n_workers * sizeof(gk_graft__engine *),
                        (size_t)n * sizeof(gk_graft__engine *));
    while (g->n_workers < n) g->worker[g->n_workers++] = make_engine(g->cast, g->canon, g->products, patches);
}

/* Adds what the workers counted, and sets them back. */
static void collect(gk_grafter *g, gk_graft_stats *to, double seconds) {
    size_t bytes = gk_products_bytes(g->products);
    for (int i = 0; i < g->n_workers; i++) {
        bytes += g->worker[i]->tally;
        if (to) add_counts(to, g->worker[i]);
        g->worker[i]->stats = (gk_graft_stats){0};
    }
    if (!to) return;
    to->seconds += seconds;
    if (to->peak_bytes < bytes) to->peak_bytes = bytes;
}

static sorted *sort_jobs(const gk_cast *cast, const gk_config *c, const gk_job *jobs, size_t n,
                         const gk_generation *text, gk_error *err) {
    for (size_t i = 0; i < n; i++)
        if (!gk_graft__job_check(cast, c, &jobs[i], i, err)) return NULL;
    sorted *order = gk_alloc((n + 1) * sizeof *order);
    for (size_t i = 0; i < n; i++) {
        bool joins = i > 0 && text && text->group && text->group[i] == text->group[i - 1];
        order[i] = (sorted){.job = &jobs[i], .first = joins ? order[i - 1].first : &jobs[i], .index = i};
    }
    qsort(order, n, sizeof *order, by_tokens_and_index);
    return order;
}

/* ---------------------------------------------------------------- public */

gk_grafter *gk_grafter_new(const gk_cast *cast, gk_error *err) {
    if (!gk_cast_check(cast, err)) return NULL;
    gk_grafter *g = gk_alloc(sizeof *g);
    g->cast = cast;
    g->cfg = gk_model_config(cast->model[0]);
    g->canon = canonical_models(cast, g->cfg);
    g->products = gk_graft__first_products(cast, g->canon);
    return g;
}

size_t gk_grafter_keep(gk_grafter *g, size_t most_bytes) {
    gk_products_free(g->products);
    g->products = gk_graft__products(g->cast, g->canon, most_bytes);
    for (int i = 0; i < g->n_workers; i++) g->worker[i]->products = g->products;
    return gk_grafter_kept(g);
}

size_t gk_grafter_kept(const gk_grafter *g) {
    return gk_products_bytes(g->products);
}

void gk_grafter_free(gk_grafter *g) {
    if (!g) return;
    for (int i = 0; i < g->n_workers; i++) gk_graft__engine_free(g->worker[i], NULL);
    gk_products_free(g->products);
    gk_free(g->worker);
    gk_free(g->canon);
    gk_free(g);
}

bool gk_grafter_generate(gk_grafter *g, const gk_job *jobs, size_t n_jobs, const gk_generation *text,
                         size_t budget_bytes, gk_logits_fn *fn, void *ctx, gk_graft_stats *stats,
                         gk_error *err) {
    double begun = gk_now();
    sorted *order = sort_jobs(g->cast, g->cfg, jobs, n_jobs, text, err);
    if (!order) return false;
    size_t prompts = count_prompts(order, n_jobs);
    int workers = choose_workers(prompts, budget_bytes);
    run r = {.g = g,
             .jobs = order,
             .n = n_jobs,
             .prompts = prompts,
             .workers = workers,
             .budget = gk_graft__stages_enough(g->cfg, budget_bytes / (size_t)workers, text != NULL),
             .text = text,
             .fn = fn,
             .ctx = ctx};
    need_workers(g, workers, any_patches(jobs, n_jobs));
    gk_gemm_init();
    if (workers == 1) {
        work(&r, g->worker[0]);
    } else {
#pragma omp parallel num_threads(workers)
        work(&r, g->worker[omp_get_thread_num()]);
    }
    collect(g, stats, gk_now() - begun);
    gk_free(order);
    return !r.stopped;
}

bool gk_grafter_run(gk_grafter *g, const gk_job *jobs, size_t n_jobs, size_t budget_bytes, gk_logits_fn *fn,
                    void *ctx, gk_graft_stats *stats, gk_error *err) {
    return gk_grafter_generate(g, jobs, n_jobs, NULL, budget_bytes, fn, ctx, stats, err);
}

/* Some token, behind the first job of each group. */
static int32_t any_token(void *ctx, size_t job) {
    const gk_generation *text = ctx;
    return text->group && job > 0 && text->group[job] == text->group[job - 1] ? -1 : 0;
}

bool gk_grafter_count(gk_grafter *g, const gk_job *jobs, size_t n_jobs, const gk_generation *text,
                      gk_graft_stats *stats, gk_error *err) {
    double begun = gk_now();
    static const float no_mean = 0;
    gk_cast cast = *g->cast;
    for (int m = 0; m < cast.n; m++) /* what means hold does not matter here */
        if (!cast.mean[m]) cast.mean[m] = &no_mean;
    sorted *order = sort_jobs(&cast, g->cfg, jobs, n_jobs, text, err);
    if (!order) return false;
    gk_graft__engine *e = make_engine(g->cast, g->canon, g->products, any_patches(jobs, n_jobs));
    gk_generation all = text ? *text : (gk_generation){0};
    all.next = any_token;
    bounds most = {SIZE_MAX, n_jobs, all.most};
    size_t prompts, later;
    e->counting = true;
    for (size_t done = 0, taken; done < n_jobs; done += taken) {
        taken = fill_chunk(e, order + done, n_jobs - done, most, &prompts, &later);
        run_stages(e, order + done, taken, later);
        size_t left = taken;
        for (int i = 0; i < all.most && left > 0; i++) left = run_further(e, order + done, left, &all, &all);
    }
    add_counts(stats, e);
    stats->seconds += gk_now() - begun;
    gk_graft__engine_free(e, NULL);
    gk_free(order);
    return true;
}

/* ---------------------------------------------------------------- one caller at a time */

typedef struct one_at_a_time {
    gk_logits_fn *fn;
    void *ctx;
    bool stopped;
} one_at_a_time;

static bool call_alone(void *ctx, size_t job, const float *logits) {
    one_at_a_time *o = ctx;
    bool go_on;
#pragma omp critical(gk_graft_call)
    {
        if (!o->stopped) o->stopped = !o->fn(o->ctx, job, logits);
        go_on = !o->stopped;
    }
    return go_on;
}

bool gk_graft_run(const gk_cast *cast, const gk_job *jobs, size_t n_jobs, size_t budget_bytes,
                  gk_logits_fn *fn, void *ctx, gk_graft_stats *stats, gk_error *err) {
    gk_grafter *g = gk_grafter_new(cast, err);
    if (!g) return false;
    one_at_a_time o = {fn, ctx, false};
    bool ok = gk_grafter_run(g, jobs, n_jobs, budget_bytes, call_alone, &o, stats, err);
    gk_grafter_free(g);
    return ok;
}
