/* measure.h (eval/measure): what a model's next-token distribution says about a target, means with their
 * intervals, and differences with their tests.
 *
 * One measurement is a (scheme, prompt) pair: the distribution after the prompt's last token under the
 * scheme's graft.
 *
 * Example:
 *     const float logits[] = {0.5f, 3, -1, 2};
 *     gk_score s;
 *     if (!gk_score_logits(logits, 4, 3, &s, err)) return false;
 *     printf("p = %.3f, rank %lld\n", s.prob, (long long)s.rank);
 *     const gk_obs obs[] = {{0, 1, (double)s.rank, s.prob, s.logprob, s.logit_diff, false, 0, 0}};
 *     gk_stats mean;
 *     gk_stats_compute(obs, 1, 1, GK_RESAMPLES, &mean);
 *     return mean.value[GK_METRIC_top5] == 1;
 */
#ifndef GRAFTKIT_EVAL_MEASURE_H
#define GRAFTKIT_EVAL_MEASURE_H

#include "graftkit/core/error.h"

GK_PUBLIC_BEGIN

/* ---------------------------------------------------------------- one prediction */

#define GK_TOP 20

typedef struct gk_score {
    double prob, logprob;   /* of the target; log-softmax computed in double */
    double logit_diff;      /* target's logit minus the best other token's */
    int64_t rank;           /* tokens with a strictly higher logit: 0 is best, ties favour the target */
    int n_top;              /* min(GK_TOP, vocab) */
    int32_t top_id[GK_TOP]; /* most probable first; of equal logits the lower id first */
    float top_prob[GK_TOP];
} gk_score;
/* Fails when the target is no id of the vocabulary (which has at least 2 entries), or when a logit is NaN or
 * +inf or the target's is not finite. */
bool gk_score_logits(const float *logits, int vocab, int32_t target, gk_score *out, gk_error *err);
/* What the distribution that gk_score_logits scored for `target` says of another token. False where that is
 * no id of the vocabulary or its logit is not finite. */
typedef struct gk_score_other {
    double logprob, logit_diff; /* as in gk_score */
    int64_t rank;
} gk_score_other;
bool gk_score_logits_other(const float *logits, int vocab, int32_t target, const gk_score *s, int32_t other,
                           gk_score_other *out);

/* ---------------------------------------------------------------- cells */

/* X(key in every export, what it is). Accuracies are shares in [0, 1]; a rank counts from 0 (see gk_score).
 * `exact`: at every token of the whole target, fed so far, the next has rank 0; with equal logits the target
 * counts as taken. `exact` and `whole_logprob` are over the prompts that have a whole target. */
#define GK_METRICS(X)                                                                \
    X(top1, "share of prompts whose target is the most probable token")              \
    X(top5, "share of prompts whose target is among the 5 most probable tokens")     \
    X(top10, "share of prompts whose target is among the 10 most probable tokens")   \
    X(top50, "share of prompts whose target is among the 50 most probable tokens")   \
    X(top100, "share of prompts whose target is among the 100 most probable tokens") \
    X(exact, "share of prompts whose whole target greedy decoding gives")            \
    X(mean_rank, "mean number of tokens more probable than the target")              \
    X(median_rank, "median number of tokens more probable than the target")          \
    X(mean_prob, "mean probability of the target")                                   \
    X(mean_logprob, "mean natural logarithm of the target's probability")            \
    X(whole_logprob, "mean natural logarithm of the whole target's probability")     \
    X(logit_diff, "mean difference of the target's logit to the best other token's")
typedef enum gk_metric {
#define X(key, about) GK_METRIC_##key,
    GK_METRICS(X)
#undef X
        GK_N_METRICS
} gk_metric;
const char *gk_metric_key(gk_metric m);   /* "top5" */
const char *gk_metric_about(gk_metric m); /* the sentence above */
/* A value as every table shows it: "97.3" of a share 0.973 (percent), "4.20" of a rank …; an en dash where it
 * is not finite. Returns buf. */
enum { GK_METRIC_TEXT = 32 };
char *gk_metric_text(gk_metric m, double x, char buf[GK_METRIC_TEXT]);

/* One scored prompt. Prompts of one row (the same fact in several templates) share `row`. */
typedef struct gk_obs {
    uint32_t row;
    double weight; /* 1 unless rows are weighted */
    double rank, prob, logprob, logit_diff;
    bool whole; /* there is a whole target, with these numbers */
    double exact, whole_logprob;
} gk_obs;

typedef struct gk_stats {
    size_t n;       /* observations; 0: every value is NaN */
    size_t rows;    /* facts that they are of */
    size_t n_whole; /* of them, with a whole target; 0: exact and whole_logprob are NaN */
    /* How alike a row's observations are (gk_icc of statistics.h), by whether the target is among the 5 most
     * probable tokens, and by the logit difference; NaN where no row has several. */
    double icc_top5, icc_logit_diff;
    double value[GK_N_METRICS], low[GK_N_METRICS], high[GK_N_METRICS];
} gk_stats;

#define GK_RESAMPLES 2000

/* Values and their 95% percentile bootstrap intervals. The bootstrap draws ROWS with replacement, each with
 * all its observations: a row that appears in several templates is one fact, not several. Depends on the
 * observations and the seed only; cells over the same rows get the same draws, so their intervals can be
 * compared.
 *
 * Where every row has the same share x of a metric that counts prompts (top1 … exact), resampling would give
 * the interval [x, x]. Its place is taken by Clopper and Pearson's exact interval: of the rows that were not
 * seen, no more than gk_unseen_share(rows) are other than these, so [x - x u, x + (1 - x) u]; rows of unequal
 * weight count as (sum of weights)^2 / (sum of their squares) rows. One row alone says nothing of how a mean
 * varies: low and high of every other metric are NaN then. */
void gk_stats_compute(const gk_obs *obs, size_t n, uint64_t seed, int resamples, gk_stats *out);
/* The same for many cells, in parallel; out[i] is what gk_stats_compute gives for cell i. */
typedef struct gk_obs_list {
    const gk_obs *obs;
    size_t n;
} gk_obs_list;
void gk_stats_compute_all(const gk_obs_list *cells, size_t n_cells, uint64_t seed, int resamples,
                          gk_stats *out);

/* Draws of one thing, which differ in a seed: `sum` holds the mean of those before, `draws` of them, with the
 * least and the most for an interval, and takes one more. Start with {0}. */
void gk_stats_add_draw(gk_stats *sum, size_t draws, const gk_stats *s);

/* The p-quantile of n > 0 values, linear between neighbours (numpy's default); leaves them in another order.
 */
double gk_percentile(double *v, size_t n, double p);
/* The ends of the middle 95% of the values. Reorders v[]. n > 0. */
void gk_percentile_ends(double *v, size_t n, double *low, double *high);

/* The largest share of rows that may be of a kind of which none was among `rows`, at the upper end of Clopper
 * and Pearson's two-sided 95% interval: 1 - 0.025^(1 / rows). */
double gk_unseen_share(double rows);

/* How much of the way from `low` (the recipient alone) to `high` (the donor) a graft goes, as measured by a
 * metric that is a mean: (graft - low) / (high - low). The interval is of the whole ratio: each draw takes
 * the same rows from all three. */
typedef struct gk_recovered {
    /* NaN where `high` is not above `low`. Where every draw gives the same ratio (the graft does as one of
     * the ends in every row), low and high are gk_unseen_share(rows) of the rows away from it. */
    double value, low, high;
    int undefined; /* draws left out of the interval because `high` was not above `low` in them */
} gk_recovered;
/* The three lists hold n observations of the same prompts in the same order, with equal rows and weights. */
void gk_recovery(const gk_obs *low, const gk_obs *high, const gk_obs *obs, size_t n, gk_metric metric,
                 uint64_t seed, int resamples, gk_recovered *out);

/* Two schemes on the same prompts: how much more often the one has the target among the `top` most
 * probable tokens. The interval is a bootstrap over rows, each drawn with all its prompts (where all rows
 * differ alike: as exact as gk_stats_compute's). The test is over rows, because prompts of one row are not
 * independent: a row counts for the scheme that has more of its prompts right, and not at all where both have
 * as many. With one prompt a row that is McNemar's exact test, with several the sign test. */
typedef struct gk_paired {
    size_t n, rows;         /* prompts; rows they are of */
    double diff, low, high; /* of the shares, in [-1, 1]; NaN where n is 0, low and high without draws */
    size_t rows_more, rows_fewer; /* rows with more, with fewer prompts right than under the reference */
    double p;                     /* gk_mcnemar of these two; NaN where n is 0 */
} gk_paired;
/* ref and obs hold n observations of the same prompts in the same order; weights do not count. */
void gk_paired_compute(const gk_obs *ref, const gk_obs *obs, size_t n, int top, uint64_t seed, int resamples,
                       gk_paired *out);
/* Two-sided exact p-value of so many against so many where either is as likely: the binomial tail, doubled,
 * at most 1. */
double gk_mcnemar(size_t more, size_t fewer);
/* Two schemes in one metric, by facts: each fact's prompts are averaged first, in each scheme, and facts
 * count alike. docs/report.md explains every choice. */
typedef struct gk_contrast_stats {
    size_t n, rows;               /* prompts; facts that they are of */
    double mean_a, mean_b;        /* of the facts' means; everything is NaN where n is 0 */
    double diff, low, high;       /* a - b; its 95% bootstrap interval over facts */
    size_t rows_more, rows_fewer; /* facts with a positive, with a negative difference */
    double p; /* that they differ: of a share gk_mcnemar of these two, else gk_signed_rank */
    double margin, equal_low, equal_high; /* as given; the 90% t interval of the difference */
    /* Of two one-sided paired t tests: the larger. NaN without a margin, with one fact, and where all facts
     * have the same difference in what is no share; in a share that is tested exactly. */
    double p_equal;
} gk_contrast_stats;
/* m: a metric that is a mean over all prompts. a and b hold n observations of the same prompts in the same
 * order; weights do not count. margin: NaN for none. */
void gk_contrast_compute(const gk_obs *a, const gk_obs *b, size_t n, gk_metric m, double margin,
                         uint64_t seed, int resamples, gk_contrast_stats *out);
/* Wilcoxon's signed-rank test, two-sided: zeros are left out, ties have their mean rank. Exact up to 500
 * differences, ties included; beyond that normal, with the variance corrected for ties. */
double gk_signed_rank(const double *differences, size_t n);
/* Fisher's exact test, one-sided: the probability of at most `hits` right ones among n, of which n_other
 * others have hits_other, were the right ones drawn from all alike. 1 where n or n_other is 0. */
double gk_fisher_fewer(size_t hits, size_t n, size_t hits_other, size_t n_other);
/* Student's t with df > 0 degrees of freedom: the probability to be above t; what the share p, at most 1/2,
 * is above. */
double gk_student_above(double t, double df);
double gk_student_value(double p, double df);
/* Holm's step-down correction of n p-values. NaN stays NaN and does not count. `out` may not be `p`. */
void gk_holm(const double *p, size_t n, double *out);

GK_PUBLIC_END

#endif
