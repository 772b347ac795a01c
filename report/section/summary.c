/* summary.c: the headline: a line a question, and the checks. What may be said is checks.c's.
 */
#include "report/internal.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

/* ---------------------------------------------------------------- words */

static void say(const gk_report__state *r, gk_buf *b, const char *fmt, ...) GK_PRINTF(3, 4);
static void say(const gk_report__state *r, gk_buf *b, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    size_t n = (size_t)vsnprintf(NULL, 0, fmt, ap) + 1;
    char *line = gk_arena_alloc(r->a, n);
    vsnprintf(line, n, fmt, again);
    va_end(again);
    va_end(ap);
    gk_page__html_text(b, line);
}

/* "97.3% [95.0, 99.3]" */
static const char *with_interval(const gk_report__state *r, const char *scheme) {
    const gk_stats *s = &gk_report__cell(r, scheme, "pooled")->stats;
    return gk_arena_printf(r->a, "%.1f%% [%.1f, %.1f]", 100 * s->value[GK_METRIC_top5],
                           100 * s->low[GK_METRIC_top5], 100 * s->high[GK_METRIC_top5]);
}

/* ", FE 27.5%", or nothing where there is no such scheme. */
static void say_value(const gk_report__state *r, gk_buf *b, const char *scheme) {
    double x = gk_report__top5(r, scheme);
    if (!isnan(x)) say(r, b, "%s%s %s", b->len ? ", " : "", scheme, gk_report__percent(r, x));
}

/* ---------------------------------------------------------------- the lines */

static void models_line(gk_report__state *r, gk_buf *b) {
    const gk_checks__pattern *p = &r->pattern;
    const gk_roles *who = &r->roles;
    if (!isnan(p->sft)) {
        const gk_cell *c = gk_report__cell(r, who->sft, "pooled");
        say(r, b,
            "The finetuned model (%s) has the right answer among its five best guesses for %s of %zu prompts",
            who->sft, with_interval(r, who->sft), c->stats.n);
        if (p->sft < 0.95 && !p->unsaid) say(r, b, ": it has not learned its facts well");
    }
    if (!isnan(p->pre)) {
        say(r, b, "%s (%s) for %s", b->len ? ", the untouched one" : "The untouched model has it", who->pre,
            with_interval(r, who->pre));
        if (p->pre > p->untaught && !p->unsaid)
            say(r, b, ", more than a model that has never seen these facts should");
    }
    if (b->len && p->targets > 5)
        say(r, b, "; five blind guesses among the %lld different first tokens of the targets, %s",
            (long long)p->targets, gk_report__percent(r, 5.0 / (double)p->targets));
    if (b->len) say(r, b, ".");
    if (p->ceiling_name && p->ceiling_name != who->sft)
        say(r, b, " The ceiling of grafts, which %s, is %s: %s.",
            who->head && strcmp(who->head, "recipient") != 0
                ? "are not read by the donor\u2019s own final norm and head"
                : "keep the recipient\u2019s head",
            p->ceiling_name, with_interval(r, p->ceiling_name));
}

static const char *pathways(const gk_report__state *r) {
    const gk_checks__test *t = &r->pattern.test[GK_CHECKS__FE_LT];
    if (!(t->holm < 0.05)) return "neither is clearly the stronger";
    return t->paired.diff > 0 ? "this model leans on enrichment, at the entity"
                              : "this model leans on recall, at the last token";
}

static void say_both(const gk_report__state *r, gk_buf *b) {
    const gk_checks__pattern *p = &r->pattern;
    double both = gk_report__top5(r, r->roles.both), share = both / p->both_ceiling;
    if (isnan(both)) return;
    say(r, b, "With its weights at %s and the last token only (%s), %s, %s of the ceiling: %s.",
        r->roles.entity, r->roles.both, with_interval(r, r->roles.both), gk_report__percent(r, share),
        share >= 0.95   ? "these two positions recover nearly all of it"
        : share >= 0.85 ? "these two positions recover most of it"
        : share >= 0.5  ? "a part, and less than the expected 85%"
                        : "these two positions do not suffice here");
}

static void say_others(const gk_report__state *r, gk_buf *b) {
    const gk_checks__pattern *p = &r->pattern;
    const gk_roles *who = &r->roles;
    double rest = gk_report__top5(r, who->rest), fe = gk_report__top5(r, who->fe),
           lt = gk_report__top5(r, who->lt);
    if (!isnan(rest))
        say(r, b, " Everywhere else (%s), %s, %s.", who->rest, gk_report__percent(r, rest),
            rest <= p->rest_pre + 0.05
                ? gk_arena_printf(r->a, "within five points of %s", who->pre)
                : gk_arena_printf(r->a, "%.1f points above %s: other positions carry knowledge too",
                                  100 * (rest - p->rest_pre), who->pre));
    if (!isnan(fe + lt))
        say(r, b, " Alone, %s %s and %s %s: %s.", who->fe, gk_report__percent(r, fe), who->lt,
            gk_report__percent(r, lt), pathways(r));
}

/* Numbers alone, where nothing follows from them. */
static void say_unjudged(const gk_report__state *r, gk_buf *b, const char *const *scheme, size_t n,
                         const char *what, const char *why) {
    gk_buf list = {0};
    for (size_t i = 0; i < n; i++) say_value(r, &list, scheme[i]);
    if (list.len) {
        gk_buf_puts(b, what);
        gk_buf_puts(b, " cannot be judged here: ");
        say(r, b, "%s. (", why);
        gk_buf_puts(b, list.data);
        gk_buf_puts(b, ")");
    }
    gk_buf_free(&list);
}

static void positions_line(gk_report__state *r, gk_buf *b) {
    const gk_roles *who = &r->roles;
    const char *all[] = {who->both, who->rest, who->fe, who->lt, who->all_three};
    if (r->pattern.no_way) {
        say_unjudged(r, b, all, 5, "Which positions suffice", r->pattern.no_way);
        return;
    }
    say_both(r, b);
    say_others(r, b);
}

static void parts_line(gk_report__state *r, gk_buf *b, const gk_checks__parts *x) {
    const gk_part_roles *who = x->who;
    const char *all[] = {who->attn_o_ffn, who->o_ffn, who->ffn, who->o};
    double o = gk_report__top5(r, who->o), ffn = gk_report__top5(r, who->ffn),
           o_ffn = gk_report__top5(r, who->o_ffn), most = gk_report__top5(r, who->attn_o_ffn);
    if (isnan(most + o_ffn + ffn)) return;
    if (x->no_share) {
        say_unjudged(r, b, all, 4, "Which components suffice", x->no_share);
        return;
    }
    const gk_checks__test *t = &r->pattern.test[x->o_ffn_ffn];
    say(r, b, "At the last token, %s: attention and feed-forward %s, O+FFN %s, FFN %s", x->what,
        gk_report__percent(r, most), gk_report__percent(r, o_ffn), gk_report__percent(r, ffn));
    if (!isnan(o)) say(r, b, ", O %s", gk_report__percent(r, o));
    say(r, b, ", and without any %s. O+FFN goes %s of the way, %s; FFN without O is %s.",
        gk_report__percent(r, gk_report__top5(r, x->start)), gk_report__percent(r, x->way),
        x->enough ? "and is enough" : "less than the expected 85%",
        t->paired.diff <= 0 ? "no worse, which is not expected"
        : t->holm < 0.05    ? gk_arena_printf(r->a, "%.1f points below O+FFN", 100 * t->paired.diff)
                            : "not significantly below O+FFN");
}

static void in_task_line(gk_report__state *r, gk_buf *b) {
    parts_line(r, b, &r->pattern.parts[0]);
}

static void after_entity_line(gk_report__state *r, gk_buf *b) {
    parts_line(r, b, &r->pattern.parts[1]);
}

static void hybrid_line(gk_report__state *r, gk_buf *b) {
    const gk_roles *who = &r->roles;
    const char *all[] = {who->hybrid, who->hybrid_part};
    if (isnan(gk_report__top5(r, all[0]) + gk_report__top5(r, all[1]))) return;
    if (r->pattern.no_way) {
        say_unjudged(r, b, all, 2, "Whether a second model helps", r->pattern.no_way);
        return;
    }
    const gk_checks__test *t = &r->pattern.test[GK_CHECKS__HYBRID_PART];
    say(r, b,
        "The hybrid (%s), O+FFN of %s at the last token and all else there of another model, has %s; that "
        "O+FFN alone (%s) %s: the other model %s.",
        all[0], who->donor, with_interval(r, all[0]), all[1], with_interval(r, all[1]),
        t->paired.diff <= 0 ? "adds nothing"
        : t->holm < 0.05    ? gk_arena_printf(r->a, "adds %.1f points", 100 * t->paired.diff)
                            : "adds nothing significant");
}

/* Each adds one line of HTML, or nothing where the run has none to tell; in the page's order. */
static void (*const LINES[])(gk_report__state *r, gk_buf *line) = {models_line, positions_line, in_task_line,
                                                                   after_entity_line, hybrid_line};

static void add_lines(gk_report__state *r) {
    gk_buf *b = &r->html;
    gk_buf_puts(b, "<ul class=\"summary\">\n");
    size_t begin = b->len;
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        gk_buf line = {0};
        LINES[i](r, &line);
        if (line.len) gk_buf_printf(b, "<li>%s</li>\n", line.data);
        gk_buf_free(&line);
    }
    if (b->len == begin) gk_page__prose(b, "nothing judged", NULL);
    gk_buf_puts(b, "</ul>\n");
}

/* ---------------------------------------------------------------- what to mind, and the checks */

static void add_notes(gk_report__state *r) {
    const gk_checks__pattern *p = &r->pattern;
    gk_buf *b = &r->html;
    if (json_integer_value(json_object_get(r->manifest, "complete")) != 1)
        gk_page__prose(b, "incomplete", NULL);
    if (p->few)
        gk_page__prose(b, "few facts", "facts",
                       gk_arena_printf(r->a, "%zu fact%s", p->rows, p->rows == 1 ? "" : "s"), "least",
                       gk_arena_printf(r->a, "%.2g", gk_least_p(p->rows)), "tests",
                       gk_arena_printf(r->a, "%zu", p->n_tests), NULL);
}

/* Of the checks of the models alone: nothing of the paper's pattern follows from these. */
static void say_models_checked(const gk_report__state *r, gk_buf *b) {
    const gk_checks__pattern *p = &r->pattern;
    size_t said = 0, holds = 0;
    for (size_t i = 0; i < p->n_of_models; i++) {
        said += !p->check[i].why;
        holds += !p->check[i].why && p->check[i].holds;
    }
    if (said) say(r, b, "Checks of the models alone that hold: %zu of %zu.", holds, said);
}

static void add_verdict(gk_report__state *r) {
    const gk_checks__pattern *p = &r->pattern;
    gk_buf *b = &r->html;
    size_t said = p->n_checks - p->n_unsaid;
    bool grafts = p->n_checks > p->n_of_models;
    if (!grafts && said == 0) return; /* the table says why */
    gk_buf_puts(b, "<p class=\"verdict\"><strong>");
    if (p->n_of_grafts == 0) {
        if (grafts)
            say(r, b, "The paper\u2019s pattern cannot be judged here: %s.%s", p->check[p->n_of_models].why,
                said ? " " : "");
        say_models_checked(r, b);
    } else if (p->n_failed)
        say(r, b, "The paper\u2019s pattern fails in %zu of the %zu checks made.", p->n_failed, said);
    else if (p->n_unsaid)
        say(r, b, "Of %zu checks of the paper\u2019s pattern, none fails.", p->n_checks);
    else
        say(r, b, "The paper\u2019s pattern holds (%zu of %zu checks made).", said, said);
    if (p->n_of_grafts && p->n_unsaid) say(r, b, " %zu cannot be judged.", p->n_unsaid);
    gk_buf_puts(b, "</strong></p>\n");
}

static void add_checks(gk_report__state *r) {
    const gk_checks__pattern *p = &r->pattern;
    gk_buf *b = &r->html;
    if (p->n_checks == 0) return;
    add_verdict(r);
    gk_buf_puts(
        b, "<div class=\"scroll\"><table class=\"text checks\"><thead><tr><th>expected (pooled top-5)</th>"
           "<th>seen</th><th></th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < p->n_checks; i++) {
        const gk_checks__check *c = &p->check[i];
        gk_buf_puts(b, "<tr><td>");
        gk_page__html_text(b, c->claim);
        gk_buf_puts(b, "</td><td>");
        gk_page__html_text(b, c->seen);
        if (c->why) {
            gk_buf_puts(b, "</td><td class=\"unsaid\">? not judged: ");
            gk_page__html_text(b, c->why);
            gk_buf_puts(b, "</td></tr>\n");
        } else
            gk_buf_puts(b, c->holds ? "</td><td class=\"yes\">\u2713 holds</td></tr>\n"
                                    : "</td><td class=\"no\">\u2717 fails</td></tr>\n");
    }
    gk_buf_puts(b, "</tbody></table></div>\n");
}

bool gk_report__summary(gk_report__state *r) {
    if (!gk_checks__judge(r)) return false;
    add_lines(r);
    gk_report__headline(r);
    add_notes(r);
    add_checks(r);
    return true;
}
