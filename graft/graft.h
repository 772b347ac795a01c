/* graft.h: schemes (what a user writes), plans (who computes each row) and the engine that evaluates many
 * plans over many prompts in one layer-by-layer pass. The method is told in docs/design.md.
 *
 * A plan is the method's γ: for each (layer, component, position), which model's weights compute it. The
 * residual stream and the keys and values of earlier positions stay as they were computed.
 */
#ifndef GK_GRAFT_H
#define GK_GRAFT_H

#include "core/core.h"
#include "model/model.h"
#include "tokenizer/tokenizer.h"

GK_PUBLIC_BEGIN

#define GK_MAX_MODELS 32

typedef struct gk_derived gk_derived; /* a donor that is no checkpoint; see below */

/* The models of a run, by the names that schemes use. models[0] is the recipient unless a
 * scheme names another. */
typedef struct gk_cast {
    const char *name[GK_MAX_MODELS]; /* "pre", "sft", "task", … */
    /* Of a derived donor: the model that it was made from, whose configuration it has. */
    const gk_model *model[GK_MAX_MODELS];
    const gk_derived *derived[GK_MAX_MODELS]; /* then its weights are these; NULL: a checkpoint */
    int n;
    /* What mean ablation puts in place: [(n_layers + 1) x d_model] as gk_graft_means gives it, of the models
     * whose means a plan asks for; NULL for the rest. */
    const float *mean[GK_MAX_MODELS];
} gk_cast;
/* Same configuration throughout, unique names without blanks, quotes, brackets or any of | , ; : = (and
 * not "recipient", which head policies use); names the pair that differs. */
bool gk_cast_check(const gk_cast *cast, gk_error *err);

/* ------------------------------------------------ donors that are no checkpoints (derived.c, weights.c)
 *
 * A donor may be computed from the recipient's and another model's weights while the engine runs; no copy of
 * the model is made. What the derivations take from where:
 *
 *            matrices (embed, pos, head too)                     norms, biases
 *   rank     recipient + the first r singular directions of      the donor's
 *            donor - recipient; all of them: the donor's
 *   top      the donor's in the fraction of its entries where    the donor's
 *            |donor - recipient| is largest (of equal ones
 *            the first rows', in a row the first), else the
 *            recipient's
 *   alpha    recipient + alpha (donor - recipient)               the same
 *   adapter  the base's + scale B A                              the base's
 *
 * alpha 0 and alpha 1, a matrix with no more than r singular values and top 1 are the recipient's or the
 * donor's own tensors, bit for bit. A tied head is embed, derived alike. */
typedef enum gk_derive_kind { GK_DERIVE_RANK, GK_DERIVE_TOP, GK_DERIVE_ALPHA } gk_derive_kind;
typedef struct gk_derivation {
    gk_derive_kind kind;
    int rank;     /* 1 .. gk_derive_most_rank */
    double value; /* top: in (0, 1]; alpha: finite */
} gk_derivation;
const char *gk_derive_name(gk_derive_kind k); /* "rank", "top", "alpha" */
/* The smaller side of the model's largest matrix; of that rank a donor is whole. */
int gk_derive_most_rank(const gk_config *c);
/* Whether the numbers are within those bounds. */
bool gk_derivation_check(const gk_derivation *d, const gk_config *c, gk_error *err);
/* `f`: the factors of donor - recipient of at least that rank, for ranks below the most (else it may be
 * NULL). Reads both models' weights (for top: three times). All that is passed in must outlive the result,
 * but not `d`. NULL when the configurations or the numbers do not fit, or gk_interrupted(). */
gk_derived *gk_derive(const gk_model *recipient, const gk_model *donor, const gk_derivation *d,
                      const gk_factors *f, gk_error *err);
/* `base` with the adapter, which is not merged into it. Both must outlive the result. */
gk_derived *gk_derive_adapter(const gk_model *base, const gk_adapter *a, gk_error *err);
void gk_derived_free(gk_derived *d); /* NULL is fine */

/* ---------------------------------------------------------------- schemes (scheme.c, grid.c, positions.c …)
 *
 * A YAML file; shipped ones are in graft/schemes/, and docs/schemes.md explains every word:
 *
 *   set: position                       # groups schemes in the report
 *   about: Which positions matter       # optional, as in each scheme
 *   schemes:
 *     - name: FE+LT
 *       about: first entity and last token
 *       recipient: pre                  # default: the first model of the cast
 *       grafts:                         # default: none
 *         - at: [first_actor, last]     # field | field.first | field.last | last | all | token number |
 *                                       # 2..5 | list | {not: ...} | {after: ...} | {before: ...} |
 *                                       # {all_of: [...]}
 *           donor: sft
 *           components: all             # default; attn | qkv | ffn | norms | a component | list.
 *                                       # all is embed … down
 *           layers: all                 # default; lower half | upper half | 2/4 | 0.25-0.5 | 3-5 | 3 |
 *                                       # list | {not: ...} | {of: ..., drop: 0.4, seed: 1}; layers
 *                                       # count from 0. embed and pos belong to no layer: only `all`
 *                                       # includes them
 *       head: recipient                 # default; final norm and head: recipient | DONOR | {last: DONOR}
 *       patches:                        # default: none. The residual stream after a layer is replaced
 *         - at: last                    # as in grafts
 *           layers: all                 # default, and then embed too; embed: what layer 0 reads
 *           from: sft                   # by what it is there in this model's plain run of the prompt
 *       ablations:                      # default: none. The same by a model's mean residual stream
 *         - at: last
 *           layers: lower half
 *           from: recipient             # default
 *     - name: LT $what, layer $layer    # one scheme for every pair of values
 *       grid: {layer: each, what: [attn, ffn]}
 *       grafts: [{at: last, donor: sft, components: $what, layers: $layer}]
 */

/* What schemes call the field that a prompt is about, whatever its name: whoever makes prompts gives its
 * spans this name too. */
#define GK_ENTITY "entity"

typedef struct gk_scheme gk_scheme;
typedef struct gk_schemes {
    gk_scheme **item;
    size_t n;
    size_t n_written; /* entries of the files: a grid counts once here and once a cell in n */
} gk_schemes;
/* Appends the schemes of a YAML file to `out` (start with {0}), in `a`; on failure `out` is as it was.
 * Components, layer sets and head policies are checked here, with file:line:column; names must be unique
 * over all files loaded into `out`. Grids are expanded, for models of n_layers layers; where that is 0 a grid
 * whose axes depend on it is an error. More than 100,000 schemes are refused. */
bool gk_schemes_load_for(gk_arena *a, const char *path, int n_layers, gk_schemes *out, gk_error *err);
bool gk_schemes_load(gk_arena *a, const char *path, gk_schemes *out, gk_error *err); /* n_layers = 0 */
/* The same from a text; errors call it `name`. */
bool gk_schemes_parse(gk_arena *a, const char *text, size_t len, const char *name, int n_layers,
                      gk_schemes *out, gk_error *err);
const char *gk_scheme_name(const gk_scheme *s); /* "FE+LT" */
const char *gk_scheme_set(const gk_scheme *s);  /* "position", "component", …: the file's `set` */
/* What its file says of the set, a heading and a text; each may be "". Files may share a set, each with its
 * own words. */
const char *gk_scheme_set_title(const gk_scheme *s);
const char *gk_scheme_set_about(const gk_scheme *s);
const char *gk_scheme_about(const gk_scheme *s); /* one sentence for the report; may be "" */
/* Canonical one-line text of what it does: two schemes with the same text are the same. Keys
 * the results store. */
const char *gk_scheme_canonical(const gk_scheme *s);
/* Where a scheme of a grid stands in it: its value of every axis, in the order of the axes; none for a scheme
 * that stands alone. Strings live as long as the scheme. */
typedef struct gk_axis {
    const char *name, *value; /* "layer", "3" */
} gk_axis;
const gk_axis *gk_scheme_axes(const gk_scheme *s, size_t *n);
const char *gk_scheme_axis(const gk_scheme *s,
                           const char *name); /* its value; NULL when there is no such axis */
/* Every model it names is in the cast and every field in `fields` (NULL-terminated: the fields some
 * template has); otherwise the place in the YAML and the known names. */
bool gk_scheme_check(const gk_scheme *s, const gk_cast *cast, const char *const *fields, gk_error *err);
/* True when every field it refers to is among the prompt's: false = not applicable to this template. */
bool gk_scheme_applies(const gk_scheme *s, const gk_field_span *fields, size_t n_fields);
/* Whose means its ablations need (gk_cast.mean): bit m for model m of the cast, which gk_scheme_check has
 * passed. */
uint32_t gk_scheme_means(const gk_scheme *s, const gk_cast *cast);

/* ---------------------------------------------------------------- plans (plan.c) */

/* Which model computes slot s at token t: model[s * n_tokens + t]. */
typedef struct gk_plan {
    int n_slots, n_tokens;
    uint8_t *model;
    /* NULL, or what replaces the residual stream at token t after the embedding (i = 0) or after layer i - 1:
     * patch[i * n_tokens + t], [n_patches = n_layers + 1 x n_tokens]. Nothing (0), the residual stream that
     * the plain run of a model has there (gk_patch_plain), or the mean of a model's (gk_patch_mean). It wins
     * over the slots that would compute it. */
    uint8_t *patch;
    int n_patches; /* 0 where patch is NULL */
} gk_plan;
enum { GK_PATCH_NONE = 0, GK_PATCH_KINDS = 1 + 2 * GK_MAX_MODELS };
static inline uint8_t gk_patch_plain(int model) {
    return (uint8_t)(1 + model);
}
static inline uint8_t gk_patch_mean(int model) {
    return (uint8_t)(1 + GK_MAX_MODELS + model);
}
static inline bool gk_patch_is_mean(uint8_t patch) {
    return patch > GK_MAX_MODELS;
}
static inline int gk_patch_model(uint8_t patch) { /* of a patch other than none */
    return (patch - 1) % GK_MAX_MODELS;
}
int gk_plan_slots(const gk_config *c);
/* embed, pos: before layer 0; lnf, head: last (their layer is ignored). -1 where the family lacks the
 * component or the model the layer. */
int gk_plan_slot(const gk_config *c, int layer, gk_component comp);
/* All slots computed by one model. In `a`. */
gk_plan gk_plan_single(gk_arena *a, const gk_config *c, int n_tokens, int model);
/* The plan for the prompt and `extra` (>= 0) tokens behind it: each of them is computed as the prompt's last
 * token is, its patches included, so that what a scheme does at `last`, and its head's policy there, goes on
 * over a target that is fed or a text that is generated. A new plan in `a`; p->n_tokens >= 1. */
gk_plan gk_plan_extend(gk_arena *a, const gk_plan *p, int extra);
/* The scheme on one tokenised prompt: a token belongs to a field when it holds any byte of one of its
 * spans. Fails when a selection is empty (a field span that no token covers, an empty layer set; a layer set
 * with `drop` may be), two grafts name different donors for the same slot and token, or two patches or
 * ablations put different things in one place. A tied head follows the head policy, not the grafts of embed.
 */
bool gk_plan_make(gk_arena *a, const gk_scheme *s, const gk_cast *cast, const gk_tokens *tokens,
                  const gk_field_span *fields, size_t n_fields, gk_plan *out, gk_error *err);
/* The same without weights: of the cast only n and the names are looked at, `c` is the models'
 * configuration. */
bool gk_plan_lay(gk_arena *a, const gk_scheme *s, const gk_cast *cast, const gk_config *c,
                 const gk_tokens *tokens, const gk_field_span *fields, size_t n_fields, gk_plan *out,
                 gk_error *err);

/* ---------------------------------------------------------------- the engine (engine.c …) */

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

/* An engine for one cast (which must outlive it): knows which weights are equal, and keeps its working memory
 * from run to run. One run at a time. */
typedef struct gk_grafter gk_grafter;
gk_grafter *gk_grafter_new(const gk_cast *cast, gk_error *err);
void gk_grafter_free(gk_grafter *g); /* NULL is fine */
/* Evaluates all jobs in chunks of about budget_bytes of working memory (one job at least): a chunk a thread
 * where there are prompts and memory enough, else all threads on one. Results do not depend on the chunking
 * beyond float rounding; the same jobs, budget and thread count give the same bits. Models that have
 * bit-equal weights in a slot count as one model there. `fn` may be called from several threads at once, for
 * different jobs. `stats` (may be NULL) is added to. Fails on a job that does not fit its models. Where a
 * patch takes from a model's plain run, that run is computed as far as it is needed, once for all jobs of a
 * chunk; what is overwritten is not computed. */
bool gk_grafter_run(gk_grafter *g, const gk_job *jobs, size_t n_jobs, size_t budget_bytes, gk_logits_fn *fn,
                    void *ctx, gk_graft_stats *stats, gk_error *err);
/* Adds the rows and FLOPs that these jobs take in one chunk, exactly, and computes nothing; `seconds` is what
 * the counting took. */
bool gk_grafter_count(gk_grafter *g, const gk_job *jobs, size_t n_jobs, gk_graft_stats *stats, gk_error *err);
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
