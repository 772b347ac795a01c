/* test_report_figures.c: what the report draws besides bars: grids, ranks, failures, logit differences; each
 * number against the store. */
/* modules: report eval graft train model tokenizer core */
#include "tests/support/report_fixture.h"

/* The set's schemes get two coordinates: the first one counts up to `n`, over and over. */
static void place(const bench *b, const char *set, const char *across, const char *down, int n) {
    alter(b, gk_arena_printf(
                 b->s.a,
                 "WITH k AS (SELECT id, row_number() OVER (ORDER BY ord, id) - 1 AS i FROM scheme WHERE"
                 " \"set\" = '%s') INSERT INTO axis(scheme, ord, name, value)"
                 " SELECT id, 0, '%s', CAST(i %% %d AS TEXT) FROM k UNION ALL"
                 " SELECT id, 1, '%s', CAST(i / %d + 1 AS TEXT) FROM k",
                 set, across, n, down, n));
    alter(b, gk_arena_printf(b->s.a, "UPDATE scheme SET \"set\" = 'placed' WHERE \"set\" = '%s'", set));
}

static const char *body_of(bench *b, const char *page, const char *class_name) {
    const char *at = strstr(page, gk_arena_printf(b->s.a, "<table class=\"%s\">", class_name));
    ck_assert_msg(at != NULL, "no table %s", class_name);
    return gk_arena_strndup(b->s.a, at, (size_t)(strstr(at, "</table>") - at));
}

static void must_have(const char *text, const char *what) {
    ck_assert_msg(strstr(text, what) != NULL, "there is no %s", what);
}

START_TEST(two_axes_are_a_heatmap) {
    bench b = bench_new();
    keep_set(&b, "component");
    place(&b, "component", "layer", "part", 3);
    gk_report_options o = options(&b);
    char *page = write_report(&b, &o);
    const char *table = body_of(&b, page, "grid-table");
    char *figure = strstr(page, "<svg");
    figure = gk_arena_strndup(b.s.a, figure, (size_t)(strstr(figure, "</svg>") - figure));
    gk_error err;
    gk_store *s = gk_store_open(b.db, &err);
    gk_cells cells;
    size_t seen = 0;
    ck_assert(gk_store_cells(s, b.s.a, &cells, &err));
    gk_store_close(s);
    for (size_t i = 0; i < cells.n; i++) {
        const gk_cell *c = &cells.item[i];
        if (strcmp(c->template_name, "pooled") != 0) continue;
        ck_assert_uint_eq(c->n_axes, 2);
        double top5 = 100 * c->stats.value[GK_METRIC_top5];
        must_have(figure, gk_arena_printf(b.s.a, ">%.0f</text>", top5));
        must_have(table,
                  gk_arena_printf(
                      b.s.a, "<tr data-s=\"%s\"><td>%s</td><td>%s</td><td>1</td><td>%zu</td><td>%.1f<small>",
                      c->scheme, c->axis[1].value, c->axis[0].value, c->stats.n, top5));
        seen++;
    }
    ck_assert_uint_eq(seen, 9);
    ck_assert_uint_eq(count(table, "<tr data-s="), 9);
    must_have(figure, ">layer</text>");
    check_balance(page);
    check_unique_ids(&b, page);
    bench_free(&b);
}
END_TEST

/* Eight schemes: two rates, four seeds each, whose results are taken together. */
START_TEST(seeds_are_pooled) {
    bench b = bench_new();
    keep_set(&b, "hybrid");
    keep_first(&b, 8);
    place(&b, "hybrid", "rate", "seed", 2);
    gk_report_options o = options(&b);
    char *page = write_report(&b, &o);
    const char *table = body_of(&b, page, "grid-table");
    size_t schemes = (size_t)sql_value(&b, "SELECT count(*) FROM scheme");
    ck_assert_uint_eq(schemes, 8);
    ck_assert_uint_eq(count(table, "<tr data-s="), 2);
    for (int rate = 0; rate < 2; rate++) {
        const char *from =
            gk_arena_printf(b.s.a,
                            "FROM axis x JOIN scheme s ON s.id = x.scheme JOIN result r ON r.scheme ="
                            " s.source WHERE x.name = 'rate' AND x.value = '%d' AND r.dropped IS NULL",
                            rate);
        double n = sql_value(&b, gk_arena_printf(b.s.a, "SELECT count(*) %s", from));
        double top5 = sql_value(&b, gk_arena_printf(b.s.a, "SELECT 100.0 * avg(r.rank < 5) %s", from));
        must_have(table,
                  gk_arena_printf(b.s.a, "<td>%d</td><td>4</td><td>%.0f</td><td>%.1f<small>", rate, n, top5));
    }
    must_have(page, "rings: each seed alone");
    check_balance(page);
    bench_free(&b);
}
END_TEST

START_TEST(ranks_and_failures_hold_the_results) {
    bench b = bench_new();
    keep_set(&b, "component");
    gk_report_options o = options(&b);
    char *page = write_report(&b, &o);
    const char *ranks = body_of(&b, page, "ranks"), *fails = body_of(&b, page, "fails"),
               *bins = body_of(&b, page, "bins");
    const char *scheme[] = {"task | ATTN+O", "task | O+FFN", "task | O+FFN-up"};
    for (int i = 0; i < 3; i++) {
        const char *from = gk_arena_printf(
            b.s.a,
            "FROM result WHERE dropped IS NULL AND scheme = (SELECT source FROM scheme WHERE name = '%s')",
            scheme[i]);
        double n = sql_value(&b, gk_arena_printf(b.s.a, "SELECT count(*) %s", from));
        double top1 = sql_value(&b, gk_arena_printf(b.s.a, "SELECT 100.0 * avg(rank < 1) %s", from));
        double top2 = sql_value(&b, gk_arena_printf(b.s.a, "SELECT 100.0 * avg(rank < 2) %s", from));
        double over =
            sql_value(&b, gk_arena_printf(b.s.a, "SELECT 100.0 * avg(rank >= 10 AND rank < 20) %s", from));
        double wrong = sql_value(&b, gk_arena_printf(b.s.a, "SELECT sum(rank > 0) %s", from));
        const char *row = strstr(
            ranks, gk_arena_printf(b.s.a, "<td class=\"name\">%s</td><td>%.0f</td><td>%.1f</td><td>%.1f</td>",
                                   scheme[i], n, top1, top2));
        ck_assert_ptr_nonnull(row);
        char *line = gk_arena_strndup(b.s.a, row, (size_t)(strstr(row, "</tr>") - row)), *at = line;
        for (int k = 0; k < 2 + 8 + 4; k++)
            at = strstr(at + 1, "<td"); /* n, eight of top-k, then bins: 11-20 is the fifth */
        ck_assert_int_eq(strncmp(at, gk_arena_printf(b.s.a, "<td>%.1f</td>", over), strlen("<td>0.0</td>")),
                         0);
        /* The most probable token has probability 0.5 throughout (see draw_score). */
        must_have(
            fails,
            gk_arena_printf(b.s.a,
                            "<td class=\"name\">%s</td><td>%.0f</td><td>%.0f</td><td>%.1f</td><td>0.500</td>",
                            scheme[i], n, wrong, 100 * wrong / n));
        must_have(fails,
                  gk_arena_printf(b.s.a, "<td>%.3f</td><td class=\"instead\">", fabs(top1 / 100 - 0.5)));
        must_have(bins, gk_arena_printf(
                            b.s.a, "%s</td><td>0.5</td><td>0.6</td><td>%.0f</td><td>0.500</td><td>%.1f</td>",
                            scheme[i], n, top1));
    }
    must_have(fails, " Bo &lt;i&gt;Lund&lt;/i&gt; \u00d7");
    bench_free(&b);
}
END_TEST

/* The token most often said in the target's place, with how often. */
START_TEST(wrong_tokens_are_counted) {
    bench b = bench_new();
    keep_set(&b, "component");
    alter(&b,
          "UPDATE result SET rank = 3, top = x'090000000000403F' WHERE prompt % 3 > 0 AND dropped IS NULL;"
          "UPDATE result SET rank = 3, top = x'0B0000000000403F' WHERE prompt % 3 = 0 AND dropped IS NULL;"
          "UPDATE token SET piece = CAST(x'E29681' AS TEXT) || '<nine>' WHERE id = 9");
    gk_report_options o = options(&b);
    char *page = write_report(&b, &o);
    const char *fails = body_of(&b, page, "fails");
    double nine =
        sql_value(&b, "SELECT count(*) FROM result WHERE prompt % 3 > 0 AND dropped IS NULL AND scheme ="
                      " (SELECT source FROM scheme WHERE name = 'task | ATTN+O')");
    const char *row = strstr(fails, "task | ATTN+O</td>");
    must_have(
        gk_arena_strndup(b.s.a, row, (size_t)(strstr(row, "</tr>") - row)),
        gk_arena_printf(b.s.a,
                        "<td>0.750</td><td>\u2013</td><td>0.750</td><td class=\"instead\">\u00b7&lt;nine&gt; "
                        "\u00d7%.0f, ",
                        nine));
    bench_free(&b);
}
END_TEST

START_TEST(logit_differences_are_drawn) {
    bench b = bench_new();
    keep_set(&b, "component");
    gk_report_options o = options(&b);
    char *page = write_report(&b, &o), *caption = strstr(page, "<strong>Logit difference</strong>");
    ck_assert_ptr_nonnull(caption);
    char *figure = strstr(strstr(page, "<svg") + 1, "<svg"); /* the second */
    ck_assert(figure < caption);
    figure = gk_arena_strndup(b.s.a, figure, (size_t)(caption - figure));
    double v = sql_value(&b, "SELECT avg(logit_diff) FROM result WHERE dropped IS NULL AND scheme ="
                             " (SELECT source FROM scheme WHERE name = 'task | O+FFN')");
    must_have(figure, gk_arena_printf(b.s.a, "%s%.2f</text>", v < 0 ? ">\u2212" : ">", fabs(v)));
    must_have(figure, ">task | O+FFN</text>");
    bench_free(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("report_figures");
    TCase *t = tcase_create("report_figures");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, two_axes_are_a_heatmap);
    tcase_add_test(t, seeds_are_pooled);
    tcase_add_test(t, ranks_and_failures_hold_the_results);
    tcase_add_test(t, wrong_tokens_are_counted);
    tcase_add_test(t, logit_differences_are_drawn);
    suite_add_tcase(s, t);
    return run_suite(s);
}
