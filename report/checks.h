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
                                  GK_CHECKS__HYBRID_PART,
                                  GK_CHECKS__IN_TASK, /* of each experiment with parts, two tests */
                                  GK_CHECKS__AFTER_ENTITY = GK_CHECKS__IN_TASK + 2,
                                  GK_CHECKS__N_TESTS = GK_CHECKS__AFTER_ENTITY + 2
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

/* An experiment with components at the last token: what it adds them to, and what can be said of it. */
typedef struct gk_checks__parts {
    const gk_part_roles *who;
    const char *start;                       /* what they are added to */
    const char *what;                        /* in words */
    gk_checks__test_id all_start, o_ffn_ffn; /* its tests */
    double way;           /* the share of the way from start to every matrix that O+FFN goes */
    bool enough;          /* 85% of it, at least */
    const char *no_share; /* why nothing can be judged; NULL: it can */
} gk_checks__parts;
enum { GK_CHECKS__N_PARTS = 2 };

/* Shares are top-5 over all templates; NaN where there is no such scheme. */
typedef struct gk_checks__pattern {
    double pre, sft, ceiling;
    const char
        *ceiling_name; /* SFT, or the donor alone under the head that the grafts have, where that is lower */
    gk_checks__parts parts[GK_CHECKS__N_PARTS]; /* in the task model; after the entity */
    double both_ceiling, rest_pre;              /* on the prompts of FE+LT, and of all but FE and LT */
    gk_checks__test test[GK_CHECKS__N_TESTS];
    size_t n_tests, rows; /* that are there; facts they are over */
    int64_t targets;      /* different first tokens that are asked for */
    double untaught;      /* top-5 that PRE may have: of five blind guesses among them, or the paper's */
    bool few;             /* so few facts that no test can come out significant */
    /* Why nothing can be judged; nor the way from PRE to the ceiling. NULL: it can. */
    const char *unsaid, *no_way;
    gk_checks__check
        check[13]; /* the models' first, then the grafts', which alone show the paper's pattern */
    size_t n_checks, n_failed, n_unsaid;
    size_t n_of_models, n_of_grafts; /* checks of models alone; checks of grafts that are judged */
} gk_checks__pattern;

#endif
