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
        must_have(
            table,
            gk_arena_printf(
                b.s.a,
                "<tr data-s=\"%s\"><td>%s</td><td>%s</td><td>1</td><td>%zu</td><td>%zu</td><td>%.1f<small>",
                c->scheme, c->axis[1].value, c->axis[0].value, c->stats.n, c->stats.rows, top5));
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
        double rows = sql_value(
            &b, gk_arena_printf(
                    b.s.a, "SELECT count(DISTINCT (SELECT row FROM prompt WHERE id = r.prompt)) %s", from));
        double top5 = sql_value(&b, gk_arena_printf(b.s.a, "SELECT 100.0 * avg(r.rank < 5) %s", from));
        must_have(table,
                  gk_arena_printf(b.s.a, "<td>%d</td><td>4</td><td>%.0f</td><td>%.0f</td><td>%.1f<small>",
                                  rate, n, rows, top5));
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
        double rows = sql_value(
            &b, gk_arena_printf(b.s.a, "SELECT count(DISTINCT (SELECT row FROM prompt WHERE id = prompt)) %s",
                                from));
        double top1 = sql_value(&b, gk_arena_printf(b.s.a, "SELECT 100.0 * avg(rank < 1) %s", from));
        double top2 = sql_value(&b, gk_arena_printf(b.s.a, "SELECT 100.0 * avg(rank < 2) %s", from));
        double over =
            sql_value(&b, gk_arena_printf(b.s.a, "SELECT 100.0 * avg(rank >= 10 AND rank < 20) %s", from));
        double wrong = sql_value(&b, gk_arena_printf(b.s.a, "SELECT sum(rank > 0) %s", from));
        const char *row = strstr(
            ranks,
            gk_arena_printf(b.s.a,
                            "<td class=\"name\">%s</td><td>%.0f</td><td>%.0f</td><td>%.1f</td><td>%.1f</td>",
                            scheme[i], n, rows, top1, top2));
        ck_assert_ptr_nonnull(row);
        char *line = gk_arena_strndup(b.s.a, row, (size_t)(strstr(row, "</tr>") - row)), *at = line;
        for (int k = 0; k < 2 + 9 + 4; k++)
            at = strstr(at + 1, "<td"); /* n, rows, eight of top-k, then bins: 11-20 is the fifth */
        ck_assert_int_eq(strncmp(at, gk_arena_printf(b.s.a, "<td>%.1f</td>", over), strlen("<td>0.0</td>")),
                         0);
        /* The most probable token has probability 0.5 throughout (see draw_score). */
        must_have(
            fails,
            gk_arena_printf(
                b.s.a,
                "<td "
                "class=\"name\">%s</td><td>%.0f</td><td>%.0f</td><td>%.0f</td><td>%.1f</td><td>0.500</td>",
                scheme[i], n, rows, wrong, 100 * wrong / n));
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

/* Four schemes of the set position become a grid of two grafts at two places: a whole donor, and what is
 * grafted of it. The second has learned nothing. */
static void graft_axes(const bench *b, const char *across, const char *x0, const char *x1) {
    static const char *const name[] = {"SFT-rh", "SFT", "FE", "LT"};
    keep_set(b, "position");
    alter(b, "UPDATE result SET rank = 50 WHERE scheme = (SELECT source FROM scheme WHERE name = 'SFT');"
             "DELETE FROM applies WHERE scheme IN (SELECT id FROM scheme WHERE name NOT IN ('SFT-rh', 'SFT', "
             "'FE', 'LT'));"
             "DELETE FROM scheme WHERE name NOT IN ('SFT-rh', 'SFT', 'FE', 'LT'); UPDATE scheme SET \"set\" "
             "= 'placed'");
    for (int i = 0; i < 4; i++)
        alter(b, gk_arena_printf(
                     b->s.a,
                     "INSERT INTO axis(scheme, ord, name, value) SELECT id, 0, 'graft', '%s' FROM scheme "
                     "WHERE name = '%s' UNION ALL SELECT id, 1, '%s', '%s' FROM scheme WHERE name = '%s'",
                     i < 2 ? "all" : "some", name[i], across, i % 2 ? x1 : x0, name[i]));
}

static const char *figure_named(bench *b, const char *page, const char *title) {
    const char *at = strstr(page, gk_arena_printf(b->s.a, "aria-label=\"%s", title));
    ck_assert_msg(at != NULL, "no figure '%s'", title);
    return gk_arena_strndup(b->s.a, at, (size_t)(strstr(at, "</svg>") - at));
}

static double top5_of(const bench *b, const char *scheme) {
    return sql_value(
        b, gk_arena_printf(b->s.a,
                           "SELECT 100.0 * avg(rank < 5) FROM result WHERE dropped IS NULL AND scheme = "
                           "(SELECT source FROM scheme WHERE name = '%s')",
                           scheme));
}

/* The mark of a scheme, from its opening on; and whether it is a ring. */
static const char *mark_of(bench *b, const char *figure, const char *scheme, const char *series) {
    const char *mark =
        strstr(figure, gk_arena_printf(b->s.a, "class=\"mark\" data-scheme=\"%s\" data-series=\"%s\"", scheme,
                                       series));
    ck_assert_msg(mark != NULL, "no mark of %s, %s", scheme, series);
    must_have(gk_arena_strndup(b->s.a, mark, 400),
              gk_arena_printf(b->s.a, "data-value=\"%.1f\"", top5_of(b, scheme)));
    return gk_arena_strndup(b->s.a, mark, (size_t)(strstr(mark, "</g>") - mark));
}

#define RING "pointer-events=\"all\"" /* lines and dots have none */
START_TEST(grafts_are_lines_and_what_was_not_learned_is_beside_them) {
    bench b = bench_new();
    graft_axes(&b, "depth", "0", "1");
    gk_report_options o = options(&b);
    const char *page = write_report(&b, &o);
    const char *figure = figure_named(&b, page, "Top-5 accuracy by depth and graft");
    ck_assert(top5_of(&b, "SFT") < 50 && top5_of(&b, "SFT-rh") > 50);
    ck_assert_ptr_null(strstr(mark_of(&b, figure, "SFT", "all"), RING));
    ck_assert_ptr_null(strstr(mark_of(&b, figure, "FE", "some"), RING));
    ck_assert_ptr_nonnull(strstr(mark_of(&b, figure, "LT", "some"), RING));
    must_have(figure, ">the model has not learned half of its facts</text>");
    /* Over two runs: their mean, which the one that has not learned is no part of, and a ring each. */
    const char *runs[] = {b.s.dir, b.s.dir};
    gk_compare_options c = {.runs = runs, .n_runs = 2, .out = b.out};
    gk_error err = {0};
    ck_assert_msg(gk_compare_write(&c, &err), "%s", err.what);
    figure =
        figure_named(&b, gk_read_file(b.s.a, c.out, (size_t)1 << 28, NULL, &err), "Top-5 accuracy by depth");
    mark_of(&b, figure, "FE", "mean of the runs");
    mark_of(&b, figure, "SFT", "mean of the runs");
    ck_assert_ptr_null(strstr(figure, "data-scheme=\"LT\" data-series=\"mean of the runs\""));
    ck_assert_ptr_nonnull(strstr(mark_of(&b, figure, "LT", b.s.dir), RING));
    ck_assert_uint_eq(count(figure, "data-scheme=\"FE\""), 3);
    bench_free(&b);
}
END_TEST

START_TEST(regimes_are_bars_beside_each_other) {
    bench b = bench_new();
    graft_axes(&b, "regime", "free", "frozen");
    gk_report_options o = options(&b);
    const char *page = write_report(&b, &o), *figure = figure_named(&b, page, "Top-5 accuracy by regime");
    static const char *const name[] = {"SFT-rh", "FE", "SFT", "LT"}, *const regime[] = {"free", "frozen"};
    for (int i = 0; i < 4; i++) {
        mark_of(&b, figure, name[i], regime[i / 2]);
        must_have(figure, gk_arena_printf(b.s.a, ">%.1f%%</text>", top5_of(&b, name[i])));
    }
    ck_assert(strstr(figure, ">all</text>") && strstr(figure, ">some</text>"));
    const char *runs[] = {b.s.dir, b.s.dir};
    gk_compare_options c = {.runs = runs, .n_runs = 2, .out = b.out};
    gk_error err = {0};
    ck_assert_msg(gk_compare_write(&c, &err), "%s", err.what);
    figure =
        figure_named(&b, gk_read_file(b.s.a, c.out, (size_t)1 << 28, NULL, &err), "Top-5 accuracy by regime");
    mark_of(&b, figure, "FE", "mean of the runs");
    ck_assert_ptr_null(strstr(figure, "data-scheme=\"LT\"")); /* of a model that has not learned */
    bench_free(&b);
}
END_TEST

/* More models than that are one figure, and a line each of what is said under the large ones. */
START_TEST(many_trainings_are_one_figure) {
    enum { MODELS = 9 };
    bench b = bench_new();
    gk_report_model models[MODELS];
    gk_report_options o = options(&b);
    size_t before = count(write_report(&b, &o), "<svg");
    for (int i = 0; i < MODELS; i++) {
        char *name = gk_arena_printf(b.s.a, "m%d", i);
        gk_error err;
        ck_assert(gk_mkdirs(scratch_path(&b.s, name), &err));
        scratch_file(&b.s, gk_arena_printf(b.s.a, "%s/metrics.jsonl", name),
                     gk_arena_printf(b.s.a,
                                     "{\"step\":1,\"tokens\":100,\"loss\":7.5,\"lr\":0.001}\n"
                                     "{\"step\":2,\"tokens\":20%d,\"loss\":6.5,\"lr\":0.002}\n"
                                     "{\"step\":2,\"tokens\":20%d,\"valid_loss\":6.25}\n",
                                     i, i));
        alter(&b, gk_arena_printf(b.s.a, "INSERT INTO model VALUES ('%s', '', '', '')", name));
        models[i] = (gk_report_model){name, scratch_path(&b.s, i == 4 ? "absent" : name)};
    }
    o.models = models;
    o.n_models = MODELS;
    const char *page = write_report(&b, &o);
    ck_assert_uint_eq(count(page, "<svg"), before + 1);
    for (int i = 0; i < MODELS; i++)
        ck_assert_int_eq(
            strstr(page,
                   gk_arena_printf(b.s.a,
                                   "<tr><td class=\"name\">m%d</td><td>2</td><td>20%d</td><td>0.002</td>"
                                   "<td>6.500</td><td>6.250</td><td>\u2013</td><td>\u2013</td></tr>",
                                   i, i)) != NULL,
            i != 4);
    ck_assert_ptr_nonnull(strstr(page, "No training curve of <strong>m4</strong>: "));
    check_balance(page);
    bench_free(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("report_figures");
    TCase *t = tcase_create("report_figures");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, two_axes_are_a_heatmap);
    tcase_add_test(t, seeds_are_pooled);
    tcase_add_test(t, grafts_are_lines_and_what_was_not_learned_is_beside_them);
    tcase_add_test(t, regimes_are_bars_beside_each_other);
    tcase_add_test(t, ranks_and_failures_hold_the_results);
    tcase_add_test(t, wrong_tokens_are_counted);
    tcase_add_test(t, logit_differences_are_drawn);
    tcase_add_test(t, many_trainings_are_one_figure);
    suite_add_tcase(s, t);
    return run_suite(s);
}
