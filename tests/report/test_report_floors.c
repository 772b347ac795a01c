/* test_report_floors.c: floors in figures and tables, each number against the store's cells; what is one in a
 * template; how alike templates are. */
/* modules: report eval graft train model tokenizer core */
#include "tests/support/report_fixture.h"

static const char *attribute(bench *b, const char *tag, const char *name) {
    const char *end = strchr(tag, '>'), *at = strstr(tag, gk_arena_printf(b->s.a, " %s=\"", name));
    if (!at || at > end) return NULL;
    at = strchr(at, '"') + 1;
    return gk_arena_strndup(b->s.a, at, strcspn(at, "\""));
}

static const gk_cell *cell_of(bench *b, const gk_cells *cells, const char *scheme, const char *tmpl) {
    for (size_t i = 0; i < cells->n; i++)
        if (strcmp(escaped(b, cells->item[i].scheme), scheme) == 0 &&
            strcmp(cells->item[i].template_name, tmpl) == 0)
            return &cells->item[i];
    return NULL;
}

static gk_cells read_cells(bench *b) {
    gk_error err;
    gk_cells cells;
    gk_store *s = gk_store_open(b->db, &err);
    ck_assert(s && gk_store_cells(s, b->s.a, &cells, &err));
    gk_store_close(s);
    return cells;
}

/* Marks of this floor; each is its cell's. */
static size_t check_marks(bench *b, const char *page, const gk_cells *cells, bool placebo, gk_metric m) {
    const char *key = gk_arena_printf(b->s.a, "%s_%s", placebo ? "placebo" : "permuted", gk_metric_key(m));
    size_t n = 0;
    for (const char *at = page; (at = strstr(at, "<g class=\"mark\"")); at++) {
        const char *metric = attribute(b, at, "data-metric");
        if (!metric || strcmp(metric, key) != 0) continue;
        const gk_cell *c =
            cell_of(b, cells, attribute(b, at, "data-scheme"), attribute(b, at, "data-template"));
        ck_assert_ptr_nonnull(c);
        const gk_stats *s = placebo ? &c->placebo : &c->permuted;
        char value[32], low[32];
        ck_assert_str_eq(attribute(b, at, "data-value"), gk_metric_text(m, s->value[m], value));
        ck_assert_str_eq(attribute(b, at, "data-low"), gk_metric_text(m, s->low[m], low));
        ck_assert_str_eq(attribute(b, at, "data-n"), gk_arena_printf(b->s.a, "%zu", s->n));
        ck_assert_str_eq(attribute(b, at, "data-rows"), gk_arena_printf(b->s.a, "%zu", s->rows));
        n++;
    }
    return n;
}

START_TEST(floors_are_the_cells) {
    bench b = bench_with_floors();
    gk_report_options o = options(&b);
    const char *page = write_report(&b, &o);
    gk_cells cells = read_cells(&b);
    size_t bars[2] = {0, 0}, dots[2] = {0, 0};
    for (size_t i = 0; i < cells.n; i++) {
        const gk_cell *c = &cells.item[i];
        bool pooled = strcmp(c->template_name, "pooled") == 0, position = strcmp(c->set, "position") == 0;
        for (int placebo = 0; c->applies && placebo < 2; placebo++) {
            const gk_stats *s = placebo ? &c->placebo : &c->permuted;
            bars[placebo] += s->n && (pooled || position);
            dots[placebo] += s->n && pooled;
        }
    }
    ck_assert_uint_gt(bars[0], 30);
    ck_assert_uint_gt(bars[1], 30);
    for (int placebo = 0; placebo < 2; placebo++) {
        ck_assert_uint_eq(check_marks(&b, page, &cells, placebo, GK_METRIC_top5), bars[placebo]);
        ck_assert_uint_eq(check_marks(&b, page, &cells, placebo, GK_METRIC_logit_diff), dots[placebo]);
    }
    ck_assert_ptr_nonnull(strstr(page, "floor: placebo donor"));
    ck_assert_ptr_nonnull(strstr(page, "floor: permuted targets"));
    ck_assert_ptr_nonnull(strstr(page, "<th title=\"a placebo in the donor&#39;s place: top-5\">"));
    ck_assert_ptr_null(strstr(page, "(placebo: task)"));
    check_balance(page);
    bench_free(&b);
    b = bench_new(); /* without any nothing is said of them */
    o = options(&b);
    page = write_report(&b, &o);
    ck_assert_ptr_null(strstr(page, "placebo"));
    ck_assert_ptr_null(strstr(page, "permuted"));
    bench_free(&b);
}
END_TEST

/* In a grid the highest floor of a place stands for all lines; the table has each. */
START_TEST(grids_have_floors) {
    bench b = bench_with_floors();
    keep_set(&b, "component");
    alter(&b,
          "DELETE FROM twin WHERE \"of\" NOT IN (SELECT id FROM scheme);"
          "INSERT INTO axis(scheme, ord, name, value) SELECT id, 0, 'layer', CAST(row_number() OVER (ORDER "
          "BY id) AS TEXT) FROM scheme WHERE id NOT IN (SELECT scheme FROM twin)");
    gk_report_options o = options(&b);
    const char *page = write_report(&b, &o);
    gk_cells cells = read_cells(&b);
    size_t n = 0;
    double most = 0;
    for (size_t i = 0; i < cells.n; i++) {
        const gk_cell *c = &cells.item[i];
        if (strcmp(c->template_name, "pooled") != 0) continue;
        n++;
        most = fmax(most, 100 * c->permuted.value[GK_METRIC_top5]);
        ck_assert_ptr_nonnull(
            strstr(page, gk_arena_printf(b.s.a, "<td>%.1f<small>[%.1f, %.1f]</small></td></tr>",
                                         100 * c->permuted.value[GK_METRIC_top5],
                                         100 * c->permuted.low[GK_METRIC_top5],
                                         100 * c->permuted.high[GK_METRIC_top5])));
    }
    ck_assert_uint_gt(n, 5);
    ck_assert_uint_eq(check_marks(&b, page, &cells, false, GK_METRIC_top5), n);
    ck_assert_ptr_nonnull(strstr(page, gk_arena_printf(b.s.a, "permuted targets %.1f%%", most)));
    bench_free(&b);
}
END_TEST

/* Each bar of a pair has its own, on it. */
START_TEST(bars_of_regimes_have_their_floors) {
    bench b = bench_with_floors();
    keep_set(&b, "component");
    alter(
        &b,
        "DELETE FROM twin WHERE \"of\" NOT IN (SELECT id FROM scheme);"
        "CREATE TEMP TABLE o AS SELECT id, row_number() OVER (ORDER BY id) - 1 AS k FROM scheme WHERE id NOT "
        "IN (SELECT scheme FROM twin);"
        "INSERT INTO axis(scheme, ord, name, value) SELECT id, 0, 'graft', 'pair ' || (k / 2) FROM o;"
        "INSERT INTO axis(scheme, ord, name, value) SELECT id, 1, 'regime', iif(k % 2, 'free', 'frozen') "
        "FROM o; DROP TABLE o");
    gk_report_options o = options(&b);
    const char *page = write_report(&b, &o);
    gk_cells cells = read_cells(&b);
    const char *figure = strstr(page, "aria-label=\"Top-5 accuracy by regime");
    ck_assert_ptr_nonnull(figure);
    figure = gk_arena_strndup(b.s.a, figure, (size_t)(strstr(figure, "</svg>") - figure));
    size_t n[2] = {0, 0};
    for (size_t i = 0; i < cells.n; i++) {
        if (strcmp(cells.item[i].template_name, "pooled") != 0) continue;
        n[0] += cells.item[i].permuted.n > 0;
        n[1] += cells.item[i].placebo.n > 0;
    }
    ck_assert_uint_gt(n[0], 5);
    ck_assert_uint_eq(check_marks(&b, figure, &cells, false, GK_METRIC_top5), n[0]);
    ck_assert_uint_eq(check_marks(&b, figure, &cells, true, GK_METRIC_top5), n[1]);
    bench_free(&b);
}
END_TEST

START_TEST(what_is_one_is_said) {
    bench b = bench_with_floors();
    alter(&b,
          "INSERT INTO selection SELECT s.id, a.template, CASE WHEN a.template = 3 AND s.name IN ('FE+M+P', "
          "'FE+M+P+LT') THEN 'same' ELSE s.name END, CASE WHEN a.template = 3 OR s.name = 'FE+M+P+LT' THEN "
          "'last' ELSE 'none' END FROM scheme s JOIN applies a ON a.scheme = s.id WHERE s.name IN ('FE+M+P', "
          "'FE+M+P+LT')");
    gk_report_options o = options(&b);
    const char *page = write_report(&b, &o);
    ck_assert_ptr_nonnull(
        strstr(page, "In template 3 FE+M+P and FE+M+P+LT select the same and are one; they are not compared "
                     "there. The template is left out of what is pooled of FE+M+P: elsewhere"));
    gk_cells cells = read_cells(&b);
    ck_assert_uint_eq(cell_of(&b, &cells, "FE+M+P", "pooled")->stats.n,
                      cell_of(&b, &cells, "FE+M+P", "4")->stats.n);
    bench_free(&b);
}
END_TEST

START_TEST(every_caption_says_of_how_many) {
    bench b = bench_with_floors();
    gk_report_options o = options(&b);
    const char *page = write_report(&b, &o);
    size_t figures = 0;
    for (const char *at = page; (at = strstr(at, "<figcaption")); at++, figures++) {
        const char *end = strstr(at, "</figcaption>"), *n = strstr(at, "n = ");
        ck_assert_msg(n && n < end, "%.*s", (int)(end - at), at);
        n = strstr(n, " facts.");
        ck_assert_msg(n && n < end, "%.*s", (int)(end - at), at);
    }
    ck_assert_uint_eq(figures, count(page, "<svg"));
    const gk_cells cells = read_cells(&b);
    const gk_cell *c = cell_of(&b, &cells, "LT", "pooled");
    ck_assert_ptr_nonnull(
        strstr(page, gk_arena_printf(b.s.a, "<td class=\"name\">LT</td><td>%zu</td><td>%zu</td>", c->stats.n,
                                     c->stats.rows)));
    /* Intraclass correlations stand last in their table's halves. */
    const char *table = strstr(page, "<table class=\"alike\">");
    ck_assert_ptr_nonnull(table);
    const char *row = strstr(table, "<td class=\"name\">LT</td>");
    ck_assert_ptr_nonnull(row);
    row = gk_arena_strndup(b.s.a, row, (size_t)(strstr(row, "</tr>") - row));
    ck_assert_ptr_nonnull(strstr(row, gk_arena_printf(b.s.a, "<td>%.2f</td>", c->stats.icc_top5)));
    ck_assert_ptr_nonnull(strstr(row, gk_arena_printf(b.s.a, "<td>%.2f</td>", c->stats.icc_logit_diff)));
    bench_free(&b);
}
END_TEST

/* A row of the headline's table. */
static const char *headline_row(bench *b, const char *page, const char *scheme) {
    const char *table = strstr(page, "<table class=\"headline\">");
    ck_assert_ptr_nonnull(table);
    const char *row =
        strstr(table, gk_arena_printf(b->s.a, "<td class=\"name\">%s</td>", escaped(b, scheme)));
    ck_assert_ptr_nonnull(row);
    return gk_arena_strndup(b->s.a, row, (size_t)(strstr(row, "</tr>") - row));
}

static const char *share_text(bench *b, const json_t *summary, const char *metric, const char *what) {
    const json_t *x = json_object_get(
        json_object_get(json_object_get(json_object_get(summary, "headline"), metric), what), "value");
    ck_assert(json_is_real(x));
    return gk_arena_printf(b->s.a, "<td>%.1f<small>", 100 * json_real_value(x));
}

START_TEST(the_headline_has_both_metrics) {
    bench b = bench_with_floors();
    alter(
        &b,
        "UPDATE result SET logit_diff = logit_diff + 9 WHERE scheme IN (SELECT source FROM scheme WHERE name "
        "IN ('SFT', 'FE+LT'))");
    gk_report_options o = options(&b);
    const char *page = write_report(&b, &o);
    gk_error err;
    gk_store *s = gk_store_open(b.db, &err);
    const char *path = scratch_path(&b.s, "summary.json");
    ck_assert(gk_export_summary(s, path, &err));
    gk_store_close(s);
    json_t *summary = json_load_file(path, 0, NULL);
    gk_cells cells = read_cells(&b);
    static const char *const scheme[][2] = {{"PRE", NULL},     {"FE", "fe"},        {"LT", "lt"},
                                            {"FE+LT", "both"}, {"(FE+LT)^C", NULL}, {"SFT", NULL}};
    for (size_t i = 0; i < sizeof scheme / sizeof *scheme; i++) {
        const char *row = headline_row(&b, page, scheme[i][0]);
        const gk_stats *x = &cell_of(&b, &cells, scheme[i][0], "pooled")->stats;
        char text[GK_METRIC_TEXT];
        static const gk_metric both[] = {GK_METRIC_top5, GK_METRIC_logit_diff};
        for (int m = 0; m < 2; m++) {
            ck_assert_ptr_nonnull(
                strstr(row, gk_arena_printf(b.s.a, "<td>%s<small>",
                                            gk_metric_text(both[m], x->value[both[m]], text))));
            if (scheme[i][1])
                ck_assert_ptr_nonnull(
                    strstr(row, share_text(&b, summary, m ? "logit_diff" : "top5", scheme[i][1])));
        }
    }
    ck_assert_ptr_nonnull(strstr(page, "Top-5 is a threshold"));
    json_decref(summary);
    /* Where no way from PRE to SFT is clear, no share of it is told. */
    alter(&b, "UPDATE result SET rank = 50 WHERE scheme = (SELECT source FROM scheme WHERE name = 'SFT')");
    alter(&b, "UPDATE result SET rank = 50 WHERE scheme = (SELECT source FROM scheme WHERE name = 'SFT-rh')");
    page = write_report(&b, &o);
    headline_row(&b, page, "FE+LT");
    ck_assert_ptr_null(strstr(page, "Top-5 is a threshold"));
    bench_free(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("report_floors");
    TCase *t = tcase_create("report_floors");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, floors_are_the_cells);
    tcase_add_test(t, grids_have_floors);
    tcase_add_test(t, bars_of_regimes_have_their_floors);
    tcase_add_test(t, what_is_one_is_said);
    tcase_add_test(t, every_caption_says_of_how_many);
    tcase_add_test(t, the_headline_has_both_metrics);
    suite_add_tcase(s, t);
    return run_suite(s);
}
