/* engine.h (graft): many plans over many prompts in one pass, layer by layer, each row computed once.
 *
 * Example:
 *     gk_model *m = gk_model_open("base", err);
 *     if (!m) return false;
 *     gk_cast cast = {{"pre"}, {m}, {NULL}, 1, {NULL}, false};
 *     gk_arena *a = gk_arena_new();
 *     gk_plan plan = gk_plan_single(a, gk_model_config(m), 3, 0);
 *     const int32_t token[] = {1, 5, 7};
 *     const gk_job job = {token, 3, &plan};
 *     gk_graft_stats stats = {0, 0, 0, 0, 0};
 *     gk_grafter *g = gk_grafter_new(&cast, err);
 *     bool ok = g && gk_grafter_count(g, &job, 1, NULL, &stats, err); // examples/graft.c runs them
 *     if (ok) printf("%llu rows\n", (unsigned long long)stats.rows_unique);
 *     gk_grafter_free(g);
 *     gk_arena_free(a);
 *     gk_model_free(m);
 *     return ok;
 */
#ifndef GRAFTKIT_GRAFT_ENGINE_H
#define GRAFTKIT_GRAFT_ENGINE_H

#include "graftkit/graft/plan.h"

GK_PUBLIC_BEGIN

typedef struct gk_job { /* predict what follows token[0..n) under `plan` */
    const int32_t *token;
    int n;
    const gk_plan *plan;
} gk_job;
typedef struct gk_graft_stats {
    /* Rows of the stages embed, pos, ln1, q, k, v, attention, o, residual, ln2, gate, up, activation,
     * down, residual, lnf and head, where the family has them; of the last layer only ln1, k and v at all
     * tokens and the rest at the last. */
    uint64_t rows_naive;  /* that one forward pass a job would compute */
    uint64_t rows_unique; /* rows that were computed, those of plain runs that patches take from among them */
    double flops;         /* of the rows computed: products with weights, attention's scores and sums */
    double seconds;
    size_t peak_bytes; /* working memory of all threads, without weights; the largest of the runs added */
} gk_graft_stats;
/* logits [V] of the job's last token; valid during the call only. Called once a job, in no particular order.
 * Returning false stops the run: it returns false too and leaves `err` to the callback. */
typedef bool gk_logits_fn(void *ctx, size_t job, const float *logits);
/* Text that grows behind jobs, each new token in the column of the plan that the job's last token has
 * (gk_plan_extend): what stands before it is not computed again. */
typedef struct gk_generation {
    int most; /* tokens that are put behind a job at most; those beyond the models' positions are not */
    /* Jobs with equal numbers, which stand together in the list, are computed together; NULL: all apart. */
    const size_t *group;
    /* What comes behind the tokens that the job has by now, 0 to V-1; negative: nothing, its text ends. Asked
     * when gk_logits_fn has had the logits of all jobs of the group, and again after the logits of each token
     * that it gave. It gets the run's ctx; several threads call it, for different groups. */
    int32_t (*next)(void *ctx, size_t job);
} gk_generation;

/* An engine for one cast (which must outlive it): knows which weights are equal, and keeps its working memory
 * from run to run. One run at a time. */
typedef struct gk_grafter gk_grafter;
/* NULL where gk_cast_check fails. */
gk_grafter *gk_grafter_new(const gk_cast *cast, gk_error *err);
void gk_grafter_free(gk_grafter *g); /* NULL is fine */
/* From now on runs keep matrices laid out for their products, as many as fit `most_bytes` (0: none, as at
 * first; always the same for the same cast), and so are faster, the more so the fewer rows a donor has.
 * Returns the bytes that they take, beside the runs' budget, once they have been used. Worth it where a
 * matrix will multiply some hundred rows. Results differ in the last bits from those without. Not during a
 * run. */
size_t gk_grafter_keep(gk_grafter *g, size_t most_bytes);
/* The bytes that kept matrices take beside the runs' budget; a cast of bf16 keeps all of them. */
size_t gk_grafter_kept(const gk_grafter *g);
/* Evaluates all jobs in chunks of about budget_bytes of working memory (one job at least): a chunk a thread
 * where there are prompts and memory enough, else all threads on one. Results do not depend on the chunking
 * beyond float rounding; the same jobs, budget and thread count give the same bits. Models that have
 * bit-equal weights in a slot count as one model there. `fn` may be called from several threads at once, for
 * different jobs. `stats` (may be NULL) is added to. Fails on a job that does not fit its models. Where a
 * patch takes from a model's plain run, that run is computed as far as it is needed, once for all jobs of a
 * chunk; what is overwritten is not computed. */
bool gk_grafter_run(gk_grafter *g, const gk_job *jobs, size_t n_jobs, size_t budget_bytes, gk_logits_fn *fn,
                    void *ctx, gk_graft_stats *stats, gk_error *err);
/* The same, and then for the tokens that `text` puts behind the jobs: `fn` is called again for each of them.
 * The keys and values of a chunk stay until its last text ends, within the budget. */
bool gk_grafter_generate(gk_grafter *g, const gk_job *jobs, size_t n_jobs, const gk_generation *text,
                         size_t budget_bytes, gk_logits_fn *fn, void *ctx, gk_graft_stats *stats,
                         gk_error *err);
/* Adds the rows and FLOPs that these jobs take in one chunk, exactly, and computes nothing; `seconds` is what
 * the counting took. With `text` (may be NULL; its `next` is not called) as if behind the first job of each
 * group there came all the tokens that may. */
bool gk_grafter_count(gk_grafter *g, const gk_job *jobs, size_t n_jobs, const gk_generation *text,
                      gk_graft_stats *stats, gk_error *err);
/* One run of an engine of its own; `fn` is called from one thread at a time, and not again after it returned
 * false. */
bool gk_graft_run(const gk_cast *cast, const gk_job *jobs, size_t n_jobs, size_t budget_bytes,
                  gk_logits_fn *fn, void *ctx, gk_graft_stats *stats, gk_error *err);
/* The most working memory that a run of these jobs takes, where they patch nothing. */
size_t gk_graft_memory(const gk_config *c, const gk_job *jobs, size_t n_jobs, size_t budget_bytes);
/* Rows (as rows_naive counts them) of one pass over n tokens that predicts what follows each of the last
 * `predictions` (1 to n) of them: rows_naive counts jobs that are beginnings of one another as passes of
 * their own, while nobody would run them so. */
uint64_t gk_graft_rows(const gk_config *c, int n, int predictions);

typedef struct gk_graft_text { /* one tokenised prompt */
    const int32_t *token;
    int n;
} gk_graft_text;
/* The residual stream of one of the models' plain runs, averaged over every token of every text (equal texts
 * count as often as they are given; first tokens and BOS count too): mean[i * d_model ...] is what it is
 * after the embedding (i = 0) and after layer i - 1, [(n_layers + 1) x d_model]. Sums are in double, texts
 * are taken in order in pieces of a fixed size: the same for the same texts and number of threads. `stats`
 * (may be NULL) is added to, but for rows_naive. Fails on a token or a text that does not fit the model,
 * without texts, and when gk_interrupted(). */
bool gk_graft_means(const gk_cast *cast, int model, const gk_graft_text *texts, size_t n_texts, float *mean,
                    gk_graft_stats *stats, gk_error *err);

GK_PUBLIC_END

#endif
