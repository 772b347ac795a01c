/* checks.h: what may be said of the paper's pattern (checks.c). Internal to report/. */
#ifndef GK_REPORT_CHECKS_H
#define GK_REPORT_CHECKS_H

#include "eval/store/outcomes.h"
#include "graftkit/eval/measure.h"

typedef enum gk_checks__test_id { /* that the second has more prompts right than the first */
                                  GK_CHECKS__CEILING_PRE,
                                  GK_CHECKS__FE_PRE,
                                  GK_CHECKS__CEILING_FE,
                                  GK_CHECKS__LT_PRE,
                                  GK_CHECKS__CEILING_LT,
                                  GK_CHECKS__FE_LT,
                                  GK_CHECKS__ALL_START,
                                  GK_CHECKS__O_FFN_FFN,
                                  GK_CHECKS__FFN_O,
                                  GK_CHECKS__N_TESTS
} gk_checks__test_id;
typedef struct gk_checks__test {
    bool there;
    gk_paired paired; /* without an interval */
    double holm;      /* its p, corrected over all tests here; NaN where it is not there */
} gk_checks__test;
typedef struct gk_checks__check {
    const char *claim, *seen;
    const char *why; /* it cannot be judged, and why; NULL: it is */
    bool holds;
} gk_checks__check;
/* Shares are top-5 over all templates; NaN where there is no such scheme. */
typedef struct gk_checks__pattern {
    double pre, sft, ceiling;
    const char
        *ceiling_name; /* SFT, or the donor alone under the head that the grafts have, where that is lower */
    const char *start; /* what ATTN+FFN at the last token is added to: FE, or PRE */
    double both_ceiling, rest_pre; /* on the prompts of FE+LT, and of all but FE and LT */
    gk_checks__test test[GK_CHECKS__N_TESTS];
    size_t n_tests, rows; /* that are there; facts they are over */
    int64_t targets;      /* different first tokens that are asked for */
    double untaught;      /* top-5 that PRE may have: of five blind guesses among them, or the paper's */
    bool few;             /* so few facts that no test can come out significant */
    bool order, order_clear, enough; /* O+FFN > FFN > O, significantly; O+FFN has 90% of ATTN+FFN */
    /* Why nothing can be judged; nor the way from PRE to the ceiling; nor what components add. NULL: it can.
     */
    const char *unsaid, *no_way, *no_share;
    gk_checks__check check[8]; /* the models' first, then the grafts', which alone show the paper's pattern */
    size_t n_checks, n_failed, n_unsaid;
    size_t n_of_models, n_of_grafts; /* checks of models alone; checks of grafts that are judged */
} gk_checks__pattern;

#endif
