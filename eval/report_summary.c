/* report_summary.c: the opening paragraph and the checks, both computed from the pooled cells. */
#include "eval/report.h"

#include <math.h>
#include <string.h>

/* A cell's top-5 accuracy; NaN when the sweep has no such scheme or nothing was evaluated. */
static double top5(const gk__report *r, const char *scheme, const char *tmpl) {
    const gk_cell *c = gk__report_cell(r, scheme, tmpl);
    return c && c->applies && c->stats.n ? c->stats.value[GK_METRIC_top5] : (double)NAN;
}

static const char *percent(const gk__report *r, double x) {
    return gk_arena_printf(r->a, "%.1f%%", 100 * x);
}

/* "97.3% [95.0, 99.3]" */
static const char *with_interval(const gk__report *r, const char *scheme, const char *tmpl) {
    const gk_stats *s = &gk__report_cell(r, scheme, tmpl)->stats;
    return gk_arena_printf(r->a, "%.1f%% [%.1f, %.1f]", 100 * s->value[GK_METRIC_top5],
                           100 * s->low[GK_METRIC_top5], 100 * s->high[GK_METRIC_top5]);
}

/* ---------------------------------------------------------------- checks */

typedef struct check {
    const char *claim, *seen; /* seen: HTML-free text */
    bool holds;
} check;
typedef struct checks {
    check item[8];
    size_t n, failed;
} checks;

static void add_check(checks *c, const char *claim, bool holds, const char *seen) {
    c->item[c->n++] = (check){claim, seen, holds};
    c->failed += !holds;
}

static const char ORDER[] = "FE | O+FFN";

static void check_positions(const gk__report *r, checks *c) {
    double pre = top5(r, "PRE", "pooled"), sft = top5(r, "SFT", "pooled"), both = top5(r, "FE+LT", "pooled");
    double rest = top5(r, "(FE+LT)^C", "pooled"), fe = top5(r, "FE", "pooled"), lt = top5(r, "LT", "pooled");
    double film = top5(r, "FE+M+LT", "titled"), sft_film = top5(r, "SFT", "titled");
    if (!isnan(sft))
        add_check(c, "SFT knows the new facts: top-5 at least 95%", sft >= 0.95, percent(r, sft));
    if (!isnan(pre)) add_check(c, "PRE does not: top-5 at most 10%", pre <= 0.10, percent(r, pre));
    if (!isnan(both + sft))
        add_check(c, "FE+LT reaches at least 85% of SFT", both >= 0.85 * sft,
                  gk_arena_printf(r->a, "%s of %s", percent(r, both), percent(r, sft)));
    if (!isnan(rest + pre))
        add_check(c, "(FE+LT)^C is at most 5 points above PRE", rest <= pre + 0.05,
                  gk_arena_printf(r->a, "%s; PRE %s", percent(r, rest), percent(r, pre)));
    if (!isnan(fe + lt + pre + sft))
        add_check(c, "FE and LT alone lie strictly between PRE and SFT",
                  fe > pre && fe < sft && lt > pre && lt < sft,
                  gk_arena_printf(r->a, "FE %s, LT %s", percent(r, fe), percent(r, lt)));
    if (!isnan(film + sft_film))
        add_check(c, "With the film named, FE+M+LT reaches at least 95% of SFT", film >= 0.95 * sft_film,
                  gk_arena_printf(r->a, "%s of %s", percent(r, film), percent(r, sft_film)));
}

static void check_components(const gk__report *r, checks *c) {
    double all = top5(r, "FE | ATTN+FFN", "pooled"), o_ffn = top5(r, ORDER, "pooled");
    double ffn = top5(r, "FE | FFN", "pooled"), o = top5(r, "FE | O", "pooled");
    if (isnan(all + o_ffn + ffn + o)) return;
    add_check(c, "At LT, once FE is grafted: O+FFN at least 90% of ATTN+FFN, and O+FFN > FFN > O",
              o_ffn >= 0.9 * all && o_ffn > ffn && ffn > o,
              gk_arena_printf(r->a, "ATTN+FFN %s, O+FFN %s, FFN %s, O %s", percent(r, all), percent(r, o_ffn),
                              percent(r, ffn), percent(r, o)));
}

static void add_checks(gk_buf *b, const checks *c) {
    if (c->n == 0) return;
    gk_buf_puts(b, "<h3>The pattern, check by check (pooled top-5)</h3>\n<div class=\"scroll\"><table "
                   "class=\"text checks\">"
                   "<thead><tr><th>expected</th><th>seen</th><th></th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < c->n; i++) {
        gk_buf_puts(b, "<tr><td>");
        gk__html_text(b, c->item[i].claim);
        gk_buf_puts(b, "</td><td>");
        gk__html_text(b, c->item[i].seen);
        gk_buf_puts(b, c->item[i].holds ? "</td><td class=\"yes\">\u2713 holds</td></tr>\n"
                                        : "</td><td class=\"no\">\u2717 fails</td></tr>\n");
    }
    gk_buf_puts(b, "</tbody></table></div>\n");
}

/* ---------------------------------------------------------------- the paragraph */

static void say(const gk__report *r, gk_buf *b, const char *fmt, ...) GK_PRINTF(3, 4);
static void say(const gk__report *r, gk_buf *b, const char *fmt, ...) {
    gk_buf text = {0};
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    size_t n = (size_t)vsnprintf(NULL, 0, fmt, ap) + 1;
    char *line = gk_arena_alloc(r->a, n);
    vsnprintf(line, n, fmt, again);
    va_end(again);
    va_end(ap);
    gk__html_text(&text, line);
    gk_buf_puts(b, text.data ? text.data : "");
    gk_buf_puts(b, " ");
    gk_buf_free(&text);
}

static bool count_targets(gk__report *r, int64_t *targets) {
    sqlite3_stmt *q = gk__sql_prepare(
        r->s, "SELECT count(DISTINCT target_id) FROM prompt WHERE dropped IS NULL AND target_id >= 0",
        r->err);
    bool ok = q && gk__sql_next(r->s, q, r->err) == 1;
    *targets = ok ? sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);
    return ok;
}

static void say_models(const gk__report *r, gk_buf *b, double pre, double sft, int64_t targets) {
    if (!isnan(sft))
        say(r, b,
            "The finetuned model (SFT) has the right name among its five best guesses for %s of %zu "
            "prompts%s",
            with_interval(r, "SFT", "pooled"), gk__report_cell(r, "SFT", "pooled")->stats.n,
            sft >= 0.95 ? "."
                        : ": it has not learned its facts well, so the grafts below have little to show.");
    if (!isnan(pre))
        say(r, b, "The untouched model (PRE) has it for %s%s", with_interval(r, "PRE", "pooled"),
            pre <= 0.10 ? "." : ", more than a model that has never seen these facts should.");
    if (targets > 5)
        say(r, b, "Five blind guesses among the %lld different targets would be right %s of the time.",
            (long long)targets, percent(r, 5.0 / (double)targets));
}

static void say_both(const gk__report *r, gk_buf *b, double pre, double sft) {
    double both = top5(r, "FE+LT", "pooled"), rest = top5(r, "(FE+LT)^C", "pooled");
    if (!isnan(both + sft)) {
        double share = sft > 0 ? both / sft : (double)NAN;
        say(r, b, "With its weights at the first entity and the last token only (FE+LT), top-5 is %s%s",
            with_interval(r, "FE+LT", "pooled"),
            isnan(share) ? "."
                         : gk_arena_printf(r->a, ", %s of SFT: %s", percent(r, share),
                                           share >= 0.95   ? "these two positions recover nearly all of it."
                                           : share >= 0.85 ? "these two positions recover most of it."
                                           : share >= 0.5  ? "a part, and less than the expected 85%."
                                                           : "these two positions do not suffice here."));
    }
    if (!isnan(rest + pre))
        say(r, b, "With them everywhere else ((FE+LT)^C) it is %s, %s",
            with_interval(r, "(FE+LT)^C", "pooled"),
            rest <= pre + 0.05
                ? "within five points of PRE."
                : gk_arena_printf(r->a, "%.1f points above PRE: the other positions carry knowledge too.",
                                  100 * (rest - pre)));
}

static const char *compare_pathways(const gk__report *r, double fe, double lt) {
    const gk_stats *a = &gk__report_cell(r, "FE", "pooled")->stats,
                   *b = &gk__report_cell(r, "LT", "pooled")->stats;
    bool overlap = a->low[GK_METRIC_top5] <= b->high[GK_METRIC_top5] &&
                   b->low[GK_METRIC_top5] <= a->high[GK_METRIC_top5];
    if (overlap) return "their intervals overlap, so neither pathway is clearly the stronger.";
    return fe > lt ? "this model leans on enrichment (FE)." : "this model leans on recall (LT).";
}

static void say_alone(const gk__report *r, gk_buf *b, double pre, double sft) {
    double fe = top5(r, "FE", "pooled"), lt = top5(r, "LT", "pooled");
    if (isnan(fe + lt + pre + sft)) return;
    bool between = fe > pre && fe < sft && lt > pre && lt < sft;
    say(r, b, "Alone, FE reaches %s and LT %s%s %s", with_interval(r, "FE", "pooled"),
        with_interval(r, "LT", "pooled"),
        between ? ", each strictly between PRE and SFT;"
                : ", which is not strictly between PRE and SFT for both;",
        compare_pathways(r, fe, lt));
}

static void say_film(const gk__report *r, gk_buf *b) {
    double film = top5(r, "FE+M+LT", "titled"), sft = top5(r, "SFT", "titled");
    if (isnan(film + sft)) return;
    say(r, b, "Where the prompt names the film, adding its title (FE+M+LT) gives %s against SFT's %s%s",
        with_interval(r, "FE+M+LT", "titled"), percent(r, sft),
        film >= 0.95 * sft ? "." : ", less than the expected 95% of it.");
}

static void say_components(const gk__report *r, gk_buf *b) {
    double o_ffn = top5(r, ORDER, "pooled"), ffn = top5(r, "FE | FFN", "pooled"),
           o = top5(r, "FE | O", "pooled");
    double all = top5(r, "FE | ATTN+FFN", "pooled");
    if (isnan(o_ffn + ffn + o + all)) return;
    bool order = o_ffn > ffn && ffn > o, enough = o_ffn >= 0.9 * all;
    say(r, b,
        "At the last token, with FE grafted, the attention output and feed-forward matrices (O+FFN) reach %s "
        "where all of "
        "ATTN+FFN reach %s, FFN alone %s and O alone %s:",
        percent(r, o_ffn), percent(r, all), percent(r, ffn), percent(r, o));
    say(r, b, "%s%s",
        order ? "the order is O+FFN > FFN > O, as expected" : "the expected order O+FFN > FFN > O fails",
        enough  ? ", and O+FFN is enough."
        : order ? ", but O+FFN is not enough."
                : ", and O+FFN is not enough.");
}

static void say_verdict(const gk__report *r, gk_buf *b, const checks *c) {
    gk_buf_puts(b, "<strong>");
    if (c->n == 0)
        say(r, b, "This sweep has none of the schemes that the pattern is judged by.");
    else if (c->failed == 0)
        say(r, b, "The paper's pattern holds (%zu of %zu checks made).", c->n, c->n);
    else
        say(r, b, "The paper's pattern fails in %zu of the %zu checks made.", c->failed, c->n);
    gk_buf_puts(b, "</strong>");
}

bool gk__report_summary(gk__report *r) {
    gk_buf *b = &r->html;
    int64_t targets;
    if (!count_targets(r, &targets)) return false;
    double pre = top5(r, "PRE", "pooled"), sft = top5(r, "SFT", "pooled");
    checks c = {0};
    check_positions(r, &c);
    check_components(r, &c);
    if (json_integer_value(json_object_get(r->manifest, "complete")) != 1)
        gk_buf_puts(
            b,
            "<p class=\"note\">The sweep is not complete: some cells below lack prompts that are still to be "
            "computed.</p>\n");
    gk_buf_puts(b, "<p class=\"summary\">");
    say_models(r, b, pre, sft, targets);
    say_both(r, b, pre, sft);
    say_alone(r, b, pre, sft);
    say_film(r, b);
    say_components(r, b);
    say_verdict(r, b, &c);
    gk_buf_puts(b, "</p>\n");
    add_checks(b, &c);
    return true;
}
