/* checks.c: what can be said of the paper's pattern: the tests that it takes, and check by check
 * whether it holds, fails, or cannot be judged. Nothing passes for want of numbers that could fail it. */
#include "report/internal.h"

#include <math.h>
#include <string.h>

static const double CLEAR = 0.05;    /* of a corrected p-value */
static const double APART = 0.10;    /* that a ceiling is above what it is compared with, at least */
static const double UNTAUGHT = 0.10; /* what a model that has not seen the facts may have, at least */
enum { GUESSES = 5 };

/* The recipient alone, by the name of its scheme; where there is none, nothing that is said of it is judged.
 */
static const char *pre_name(const gk_report__state *r) {
    return r->roles.pre ? r->roles.pre : "PRE";
}

/* ---------------------------------------------------------------- what is compared */

static void add_test(const gk_report__state *r, gk_checks__pattern *p, gk_checks__test_id id, const char *low,
                     const char *high) {
    gk_checks__test *t = &p->test[id];
    t->holm = (double)NAN;
    if (isnan(gk_report__top5(r, low) + gk_report__top5(r, high))) return;
    gk_pair(gk_outcomes_of(&r->outcomes, low), gk_outcomes_of(&r->outcomes, high), r->seed, 0, &t->paired);
    t->there = t->paired.n > 0;
}

/* Corrected over all tests of the headline, and so the smallest that these rows could give. */
static void correct(gk_checks__pattern *p) {
    double at[GK_CHECKS__N_TESTS], least[GK_CHECKS__N_TESTS], holm[GK_CHECKS__N_TESTS],
        least_holm[GK_CHECKS__N_TESTS];
    p->few = true;
    for (int i = 0; i < GK_CHECKS__N_TESTS; i++) {
        const gk_checks__test *t = &p->test[i];
        at[i] = t->there ? t->paired.p : (double)NAN;
        least[i] = t->there ? gk_least_p(t->paired.rows) : (double)NAN;
        p->n_tests += t->there;
        if (t->there && t->paired.rows > p->rows) p->rows = t->paired.rows;
    }
    gk_holm(at, GK_CHECKS__N_TESTS, holm);
    gk_holm(least, GK_CHECKS__N_TESTS, least_holm);
    for (int i = 0; i < GK_CHECKS__N_TESTS; i++) {
        p->test[i].holm = holm[i];
        p->few &= !(least_holm[i] < CLEAR);
    }
    p->few &= p->n_tests > 0;
}

/* The second of its schemes is better, significantly so. */
static bool is_clear(const gk_checks__test *t) {
    return t->there && t->holm < CLEAR && t->paired.diff > 0;
}

static void make_tests(const gk_report__state *r, gk_checks__pattern *p) {
    const gk_roles *who = &r->roles;
    add_test(r, p, GK_CHECKS__CEILING_PRE, who->pre, p->ceiling_name);
    add_test(r, p, GK_CHECKS__FE_PRE, who->pre, who->fe);
    add_test(r, p, GK_CHECKS__CEILING_FE, who->fe, p->ceiling_name);
    add_test(r, p, GK_CHECKS__LT_PRE, who->pre, who->lt);
    add_test(r, p, GK_CHECKS__CEILING_LT, who->lt, p->ceiling_name);
    add_test(r, p, GK_CHECKS__FE_LT, who->lt, who->fe);
    add_test(r, p, GK_CHECKS__HYBRID_PART, who->hybrid_part, who->hybrid);
    for (int i = 0; i < GK_CHECKS__N_PARTS; i++) {
        const gk_checks__parts *x = &p->parts[i];
        add_test(r, p, x->all_start, x->start, x->who->attn_o_ffn);
        add_test(r, p, x->o_ffn_ffn, x->who->ffn, x->who->o_ffn);
    }
    correct(p);
}

/* The donor under the head that the grafts have, where that is worse than under its own. */
static void find_ceiling(const gk_report__state *r, gk_checks__pattern *p) {
    const gk_roles *who = &r->roles;
    double sft = gk_report__top5(r, who->sft), under = gk_report__top5(r, who->ceiling);
    bool lower = isnan(sft) || under < sft;
    p->pre = gk_report__top5(r, who->pre);
    p->sft = sft;
    p->ceiling_name = !lower ? who->sft : isnan(under) ? NULL : who->ceiling;
    p->ceiling = lower ? under : sft;
}

static void find_parts(const gk_report__state *r, gk_checks__pattern *p) {
    const gk_roles *who = &r->roles;
    p->parts[0] = (gk_checks__parts){.who = &who->in_task,
                                     .start = who->in_task.none,
                                     .what = gk_arena_printf(r->a, "with %s for the recipient", who->task),
                                     .all_start = GK_CHECKS__IN_TASK,
                                     .o_ffn_ffn = GK_CHECKS__IN_TASK + 1};
    p->parts[1] = (gk_checks__parts){.who = &who->after_entity,
                                     .start = who->after_entity.none ? who->after_entity.none : who->pre,
                                     .what = gk_arena_printf(r->a, "once %s is grafted", who->entity),
                                     .all_start = GK_CHECKS__AFTER_ENTITY,
                                     .o_ffn_ffn = GK_CHECKS__AFTER_ENTITY + 1};
}

/* Why no number of this sweep says much; NULL where some can. */
static const char *why_not(const gk_report__state *r, const gk_checks__pattern *p) {
    if (p->few)
        return gk_arena_printf(r->a, "with %zu fact%s no difference can be significant", p->rows,
                               p->rows == 1 ? "" : "s");
    return p->targets > GUESSES
               ? NULL
               : gk_arena_printf(r->a, "five guesses take in all %lld different first tokens of the targets",
                                 (long long)p->targets);
}

/* Why grafts cannot be judged by how far they come from PRE to the ceiling. */
static const char *why_no_way(const gk_report__state *r, const gk_checks__pattern *p) {
    if (p->unsaid) return p->unsaid;
    if (isnan(p->pre)) return "no scheme is the recipient alone, which a ceiling must be above";
    if (isnan(p->ceiling)) return "no scheme is the finetuned model alone, which is the ceiling";
    if (is_clear(&p->test[GK_CHECKS__CEILING_PRE]) && p->ceiling - p->pre >= APART) return NULL;
    return gk_arena_printf(r->a, "the ceiling (%s, %s) is not clearly above PRE (%s, %s)", p->ceiling_name,
                           gk_report__percent(r, p->ceiling), r->roles.pre, gk_report__percent(r, p->pre));
}

/* ---------------------------------------------------------------- the checks */

/* `why`: it cannot be judged, and why; NULL: it can. */
static void add_check(gk_checks__pattern *p, const char *claim, const char *seen, bool holds,
                      const char *why) {
    p->check[p->n_checks++] = (gk_checks__check){claim, seen, why, holds};
    p->n_unsaid += why != NULL;
    p->n_failed += !why && !holds;
}

static const char *of_it(const gk_report__state *r, double x, double whole) {
    if (isnan(whole)) return gk_report__percent(r, x);
    return gk_arena_printf(r->a, "%s of %s", gk_report__percent(r, x), gk_report__percent(r, whole));
}

static void check_models(const gk_report__state *r, gk_checks__pattern *p) {
    const gk_roles *who = &r->roles;
    if (!isnan(p->sft))
        add_check(p, gk_arena_printf(r->a, "%s knows the new facts: top-5 at least 95%%", who->sft),
                  gk_report__percent(r, p->sft), p->sft >= 0.95, p->unsaid);
    if (!isnan(p->pre))
        add_check(p,
                  gk_arena_printf(r->a, "%s does not: top-5 at most %s", who->pre,
                                  p->untaught > UNTAUGHT
                                      ? gk_arena_printf(r->a, "that of five blind guesses, %s",
                                                        gk_report__percent(r, p->untaught))
                                      : "10%"),
                  gk_report__percent(r, p->pre), p->pre <= p->untaught, p->unsaid);
}

/* PRE and the ceiling on the prompts that the scheme was evaluated on: templates may lack a field that it
 * uses. */
typedef struct ends {
    double x, pre, ceiling;
} ends;

static double on_its_prompts(const gk_report__state *r, const char *reference, const char *scheme) {
    gk_paired d;
    double all = gk_report__top5(r, reference);
    if (isnan(all) ||
        gk_report__cell(r, reference, "pooled")->stats.n == gk_report__cell(r, scheme, "pooled")->stats.n)
        return all;
    gk_pair(gk_outcomes_of(&r->outcomes, reference), gk_outcomes_of(&r->outcomes, scheme), r->seed, 0, &d);
    return gk_report__top5(r, scheme) - d.diff;
}

static ends ends_of(const gk_report__state *r, const gk_checks__pattern *p, const char *scheme) {
    ends e = {.x = gk_report__top5(r, scheme), .pre = (double)NAN, .ceiling = (double)NAN};
    if (isnan(e.x)) return e;
    e.pre = on_its_prompts(r, r->roles.pre, scheme);
    e.ceiling = on_its_prompts(r, p->ceiling_name, scheme);
    return e;
}

/* Whether the scheme has `share` of the ceiling; not where PRE has that already. */
static void check_share(const gk_report__state *r, gk_checks__pattern *p, const char *claim, double share,
                        ends e) {
    const char *why = p->no_way;
    if (!why && !(e.pre < share * e.ceiling && e.ceiling - e.pre >= APART))
        why = gk_arena_printf(r->a, "%s alone has %s", r->roles.pre, of_it(r, e.pre, e.ceiling));
    add_check(p, claim, of_it(r, e.x, e.ceiling), e.x >= share * e.ceiling, why);
}

/* FE and LT against both sides: shown, refuted, or neither. */
static void check_alone(const gk_report__state *r, gk_checks__pattern *p) {
    static const gk_checks__test_id sides[] = {GK_CHECKS__FE_PRE, GK_CHECKS__CEILING_FE, GK_CHECKS__LT_PRE,
                                               GK_CHECKS__CEILING_LT};
    const gk_roles *who = &r->roles;
    double fe = gk_report__top5(r, who->fe), lt = gk_report__top5(r, who->lt);
    if (isnan(fe + lt)) return;
    bool clear = true, between = true; /* on the prompts that both of a pair have */
    for (int i = 0; i < 4; i++) {
        clear &= is_clear(&p->test[sides[i]]);
        between &= p->test[sides[i]].there && p->test[sides[i]].paired.diff > 0;
    }
    const char *why = p->no_way;
    if (!why && between && !clear) why = "not all four differences are significant";
    add_check(p,
              gk_arena_printf(r->a, "%s and %s alone lie strictly between %s and the ceiling", who->fe,
                              who->lt, pre_name(r)),
              gk_arena_printf(r->a, "%s %s, %s %s", who->fe, gk_report__percent(r, fe), who->lt,
                              gk_report__percent(r, lt)),
              between, why);
}

/* One scheme is better than another, significantly; not judged where it may be chance. */
static void check_above(const gk_report__state *r, gk_checks__pattern *p, gk_checks__test_id id,
                        const char *high, const char *low, const char *why) {
    bool above = p->test[id].there && p->test[id].paired.diff > 0;
    if (!why && above && !is_clear(&p->test[id])) why = "the difference is not significant";
    add_check(p, gk_arena_printf(r->a, "%s is above %s", high, low),
              gk_arena_printf(r->a, "%s, %s", gk_report__percent(r, gk_report__top5(r, high)),
                              gk_report__percent(r, gk_report__top5(r, low))),
              above, why);
}

static void check_positions(const gk_report__state *r, gk_checks__pattern *p) {
    const gk_roles *who = &r->roles;
    ends both = ends_of(r, p, who->both), rest = ends_of(r, p, who->rest),
         third = ends_of(r, p, who->all_three);
    p->both_ceiling = both.ceiling;
    p->rest_pre = rest.pre;
    if (!isnan(both.x))
        check_share(r, p, gk_arena_printf(r->a, "%s reaches at least 85%% of the ceiling", who->both), 0.85,
                    both);
    if (!isnan(rest.x))
        add_check(p, gk_arena_printf(r->a, "%s is at most 5 points above %s", who->rest, pre_name(r)),
                  gk_arena_printf(r->a, "%s; %s %s", gk_report__percent(r, rest.x), pre_name(r),
                                  gk_report__percent(r, rest.pre)),
                  rest.x <= rest.pre + 0.05, p->no_way);
    check_alone(r, p);
    if (!isnan(third.x))
        check_share(r, p,
                    gk_arena_printf(r->a, "Where there is %s, %s reaches at least 95%% of the ceiling there",
                                    who->third, who->all_three),
                    0.95, third);
}

/* Why it cannot be said what a part of every matrix has; NULL where it can. */
static const char *why_no_share(const gk_report__state *r, const gk_checks__pattern *p,
                                const gk_checks__parts *x) {
    double start = gk_report__top5(r, x->start), all = gk_report__top5(r, x->who->attn_o_ffn);
    if (p->unsaid) return p->unsaid;
    if (isnan(start)) return "no scheme is that to which these are added, alone";
    if (is_clear(&p->test[x->all_start]) && all - start >= APART && start < 0.9 * all) return NULL;
    return gk_arena_printf(r->a, "%s (%s) is not clearly above %s (%s): there is nothing to share out",
                           x->who->attn_o_ffn, gk_report__percent(r, all), x->start,
                           gk_report__percent(r, start));
}

/* The paper's: with O, FFN does what every matrix does; without O it does not. */
static void check_parts(const gk_report__state *r, gk_checks__pattern *p, gk_checks__parts *x) {
    const gk_part_roles *who = x->who;
    double all = gk_report__top5(r, who->attn_o_ffn), o_ffn = gk_report__top5(r, who->o_ffn);
    double ffn = gk_report__top5(r, who->ffn), start = gk_report__top5(r, x->start);
    if (isnan(all + o_ffn + ffn)) return;
    x->no_share = why_no_share(r, p, x);
    x->way = (o_ffn - start) / (all - start);
    x->enough = !x->no_share && x->way >= 0.85;
    add_check(p,
              gk_arena_printf(r->a, "%s goes at least 85%% of the way from %s to %s", who->o_ffn, x->start,
                              who->attn_o_ffn),
              gk_arena_printf(r->a, "%s to %s: %s", gk_report__percent(r, start), gk_report__percent(r, all),
                              gk_report__percent(r, o_ffn)),
              x->enough, x->no_share);
    check_above(r, p, x->o_ffn_ffn, who->o_ffn, who->ffn, x->no_share);
}

static void check_hybrid(const gk_report__state *r, gk_checks__pattern *p) {
    const gk_roles *who = &r->roles;
    if (isnan(gk_report__top5(r, who->hybrid) + gk_report__top5(r, who->hybrid_part))) return;
    check_above(r, p, GK_CHECKS__HYBRID_PART, who->hybrid, who->hybrid_part, p->no_way);
}

bool gk_checks__judge(gk_report__state *r) {
    gk_checks__pattern *p = &r->pattern;
    *p = (gk_checks__pattern){.pre = (double)NAN};
    gk_asked asked;
    if (!gk_store_asked(r->s, &asked, r->err)) return false;
    p->targets = asked.first_tokens;
    find_ceiling(r, p);
    find_parts(r, p);
    make_tests(r, p);
    /* Who knows which answers there are, and no more, has that of blind guesses. */
    p->untaught = p->targets ? fmax(UNTAUGHT, fmin(1, (double)GUESSES / (double)p->targets)) : UNTAUGHT;
    p->unsaid = why_not(r, p);
    p->no_way = why_no_way(r, p);
    check_models(r, p);
    gk_checks__check unseen;
    if (!gk_checks__unseen(r, &unseen)) return false;
    if (unseen.claim)
        add_check(p, unseen.claim, unseen.seen, unseen.holds, p->unsaid ? p->unsaid : unseen.why);
    p->n_of_models = p->n_checks;
    check_positions(r, p);
    for (int i = 0; i < GK_CHECKS__N_PARTS; i++) check_parts(r, p, &p->parts[i]);
    check_hybrid(r, p);
    for (size_t i = p->n_of_models; i < p->n_checks; i++) p->n_of_grafts += !p->check[i].why;
    return true;
}
