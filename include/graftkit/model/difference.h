/* difference.h (model): how far two models are apart, matrix by matrix and in leading directions.
 *
 * Example:
 *     gk_model *a = gk_model_open("base", err);
 *     gk_model *b = a ? gk_model_open("sft", err) : NULL;
 *     gk_diff *d = b ? gk_model_diff(a, b, 4, NULL, err) : NULL;
 *     if (d) printf("|B - A| / |A| is %.3f\n", gk_diff_relative_of(d, -2, GK_N_COMPONENTS));
 *     gk_diff_free(d);
 *     gk_model_free(b);
 *     gk_model_free(a);
 *     return d != NULL;
 */
#ifndef GRAFTKIT_MODEL_DIFFERENCE_H
#define GRAFTKIT_MODEL_DIFFERENCE_H

#include "graftkit/core/memory.h"
#include "graftkit/core/progress.h"
#include "graftkit/model/weights.h"

GK_PUBLIC_BEGIN

/* ------------------------------------------------ how far two models are apart */

/* One component of one layer: B - A, by value, whatever types they are stored in. */
typedef struct gk_diff_item {
    gk_component comp;
    int layer;              /* -1: outside the layers */
    int out, in;            /* of its matrix; a norm has in = 1 */
    size_t values, changed; /* weights and biases; those that are not equal */
    /* Frobenius norms of weights and biases together: |A|, |B|, |B - A|. Where the configuration's norms
     * multiply by 1 + weight, that is what |A| and |B| are of. */
    double norm_a, norm_b, delta;
    /* Of the matrix alone: |B - A| and its largest singular values, descending: as many as were asked for, or
     * as it has. None for norms and where the matrices are equal. */
    double matrix_delta;
    const double *sigma;
    int n_sigma;
} gk_diff_item;
typedef struct gk_diff {
    gk_config config;   /* A's */
    int rank;           /* singular values asked for */
    gk_diff_item *item; /* embed, pos, the layers, lnf, head (a tied one is not listed) */
    size_t n;
    gk_arena *memory; /* internal */
} gk_diff;
enum { GK_MOST_RANK = 256 };
/* NULL when the configurations differ (the error names the first member that does), a value is not finite,
 * rank is not within 0 (norms only) and GK_MOST_RANK, or gk_interrupted(). Reads the weights in blocks of
 * rows, a few times; `p` (may be NULL) counts up to gk_model_count(a). The same for the same thread count. */
gk_diff *gk_model_diff(const gk_model *a, const gk_model *b, int rank, gk_progress *p, gk_error *err);
void gk_diff_free(gk_diff *d); /* NULL is fine */
/* NULL when the models have no such component of their own; layer: -1 outside the layers. */
const gk_diff_item *gk_diff_find(const gk_diff *d, int layer, gk_component c);
/* |B - A| / |A|: 0 where equal, infinity where only A is 0. */
double gk_diff_relative(const gk_diff_item *i);
/* The same of several components together: layer -2 takes all layers and what is outside them;
 * GK_N_COMPONENTS all components. */
double gk_diff_relative_of(const gk_diff *d, int layer, gk_component c);
/* The share of |B - A|^2 in the matrix's first r singular directions; NaN where that is not known. */
double gk_diff_share(const gk_diff_item *i, int r);
/* |B - A|^2 / sigma_1^2: 1 for a difference of rank 1; NaN where there is no spectrum. */
double gk_diff_stable_rank(const gk_diff_item *i);
/* The median over the layers in which the component differs; NaN where none does. r: directions, as in
 * gk_diff_share; 0: the stable rank. */
double gk_diff_median(const gk_diff *d, gk_component c, int r);

/* ------------------------------------------ that difference in its leading directions */

/* For each matrix (embed, pos and head among them; not norms and biases) the first singular directions of B -
 * A, as a product left x right: of all matrices of that rank the nearest to B - A (Eckart and Young 1936). By
 * randomised subspace iteration until another reading of the matrix would change the share of |B - A|^2 in
 * them by less than 1e-6 of it; deterministic for the same rank and thread count. A lower rank is the first
 * of these directions. */
typedef struct gk_factors gk_factors;
typedef struct gk_factors_opts {
    int rank; /* 1 or more; a matrix has at most its smaller side */
    /* A folder in which every matrix's factors are kept, made when absent, and a text that stands for both
     * models' weights (their hashes). Files of other weights, of a lower rank or damaged (checksums) are not
     * used and computed anew; each is written atomically. They are mapped: do not truncate them meanwhile.
     * NULL: in memory only. */
    const char *cache, *key;
    gk_progress *progress; /* counts matrices, gk_factors_total of them beyond `before`; may be NULL */
    size_t before;
} gk_factors_opts;
size_t gk_factors_total(const gk_config *c); /* matrices of such a model */
/* NULL when the configurations differ, a value is not finite, the cache cannot be written, memory does not
 * suffice, or gk_interrupted(). Keeps no reference to a and b. */
gk_factors *gk_factors_make(const gk_model *a, const gk_model *b, const gk_factors_opts *o, gk_error *err);
/* The first `rank` directions of one component, at most as many as there are; rank 0 where the matrices are
 * equal and for norms. A tied head has embed's. Lives as long as f. */
gk_low_rank gk_factors_of(const gk_factors *f, int layer, gk_component c, int rank);
size_t gk_factors_matrices(const gk_factors *f); /* those that differ */
size_t gk_factors_computed(const gk_factors *f); /* of them, those that no file had */
void gk_factors_free(gk_factors *f);             /* NULL is fine */

GK_PUBLIC_END

#endif
