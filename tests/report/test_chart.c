/* test_chart.c: the chart writer: every mark of a page against the store's cells, lines, ticks, titles,
 * shades. */
/* modules: report eval graft train model tokenizer core */
#include "report/chart/figures.h"
#include "tests/support/report_fixture.h"

/* ---------------------------------------------------------------- marks against the store */

/* What a tag's attribute says, unescaped as far as names here need it; NULL where it has none. */
static const char *attribute(bench *b, const char *tag, const char *name) {
    const char *end = strchr(tag, '>'), *at = strstr(tag, gk_arena_printf(b->s.a, " %s=\"", name));
    if (!at || at > end) return NULL;
    at = strchr(at, '"') + 1;
    return gk_arena_strndup(b->s.a, at, strcspn(at, "\""));
}

static const gk_cell *cell_of(bench *b, const gk_cells *cells, const char *scheme,
                              const char *template_name) {
    for (size_t i = 0; i < cells->n; i++)
        if (strcmp(escaped(b, cells->item[i].scheme), scheme) == 0 &&
            strcmp(cells->item[i].template_name, template_name) == 0)
            return &cells->item[i];
    return NULL;
}

/* Its number is the cell's, written as the tables have it; so are the interval's ends and the count, and all
 * of it is said on hover. */
static void check_mark(bench *b, const char *tag, const gk_cell *c, gk_metric m, bool interval) {
    char value[32], low[32], high[32];
    const char *title = strstr(tag, "<title>") + 7, *end = strstr(title, "</title>");
    ck_assert_ptr_nonnull(c);
    ck_assert_str_eq(attribute(b, tag, "data-value"), gk_metric_text(m, c->stats.value[m], value));
    ck_assert_str_eq(attribute(b, tag, "data-n"), gk_arena_printf(b->s.a, "%zu", c->stats.n));
    if (interval) {
        ck_assert_str_eq(attribute(b, tag, "data-low"), gk_metric_text(m, c->stats.low[m], low));
        ck_assert_str_eq(attribute(b, tag, "data-high"), gk_metric_text(m, c->stats.high[m], high));
    }
    const char *said[] = {escaped(b, c->scheme),
                          gk_report__template(&(gk_report__state){.a = b->s.a}, c->template_name),
                          value + (*value == '-'), gk_arena_printf(b->s.a, "n = %zu", c->stats.n)};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        const char *at = strstr(title, said[i]);
        ck_assert_msg(at && at < end, "no %s in %.*s", said[i], (int)(end - title), title);
    }
}

/* Every mark that has a template and a metric of the cells. Returns how many. */
static size_t check_cells(bench *b, const char *page, const gk_cells *cells, gk_metric m) {
    size_t n = 0;
    const char *key = gk_arena_printf(b->s.a, " data-metric=\"%s\"", gk_metric_key(m));
    for (const char *at = page; (at = strstr(at, "<g class=\"mark\"")); at++) {
        const char *end = strchr(at, '>'), *is = strstr(at, key);
        if (!is || is > end || !attribute(b, at, "data-value")) continue;
        const char *scheme = attribute(b, at, "data-scheme"),
                   *template_name = attribute(b, at, "data-template");
        ck_assert(scheme && template_name);
        check_mark(b, at, cell_of(b, cells, scheme, template_name), m, true);
        n++;
    }
    return n;
}

START_TEST(marks_are_the_cells) {
    bench b = bench_new();
    gk_report_options o = options(&b);
    const char *page = write_report(&b, &o);
    gk_error err;
    gk_store *s = gk_store_open(b.db, &err);
    gk_cells cells;
    ck_assert(gk_store_cells(s, b.s.a, &cells, &err));
    gk_store_close(s);
    size_t bars = 0, dots = 0, rules = 0;
    for (size_t i = 0; i < cells.n; i++) {
        const gk_cell *c = &cells.item[i];
        bool position = strcmp(c->set, "position") == 0, pooled = strcmp(c->template_name, "pooled") == 0;
        if (!c->applies) continue;
        /* A bar for pooled cells and a ring for each template; those of the set that is judged as bars of
         * their own. */
        bool other = strcmp(c->template_name, "full") == 0 || strcmp(c->template_name, "lacking") == 0;
        bars += !other && (pooled || c->stats.n > 0);
        bars += position && !pooled;
        dots += !other && c->stats.n > 0;
    }
    for (size_t i = 0; i < 2;
         i++) { /* PRE and SFT are lines in all charts: of four sets, and of four templates and two pools */
        const char *end = i ? "SFT" : "PRE";
        rules += cell_of(&b, &cells, end, "full") ? 4 + 6 : 4;
    }
    ck_assert_uint_eq(check_cells(&b, page, &cells, GK_METRIC_top5), bars + rules);
    ck_assert_uint_eq(check_cells(&b, page, &cells, GK_METRIC_logit_diff), dots);
    bench_free(&b);
}
END_TEST

/* The numbers of a line are those of the results; the bars of ranks add up. */
START_TEST(curves_are_the_results) {
    bench b = bench_new();
    keep_set(&b, "component");
    gk_report_options o = options(&b);
    const char *page = write_report(&b, &o);
    size_t lines = 0, bars = 0;
    double sum = 0;
    for (const char *at = page; (at = strstr(at, "<g class=\"mark\"")); at++) {
        const char *metric = attribute(&b, at, "data-metric"), *scheme = attribute(&b, at, "data-scheme");
        if (strcmp(metric, "topk") == 0) {
            const char *k = attribute(&b, at, "data-values-x"), *value = attribute(&b, at, "data-values");
            for (int i = 1; i <= 100; i++) {
                double share = sql_value(
                    &b, gk_arena_printf(b.s.a,
                                        "SELECT 100.0 * avg(rank < %d) FROM result WHERE dropped IS NULL AND"
                                        " scheme = (SELECT source FROM scheme WHERE name = '%s')",
                                        i, scheme));
                ck_assert_int_eq((int)strtol(k, (char **)&k, 10), i);
                ck_assert_double_eq_tol(strtod(value, (char **)&value), share, 0.0501);
            }
            ck_assert(*k == 0 && *value == 0);
            lines++;
        }
        if (strcmp(metric, "rank") == 0) {
            sum += strtod(attribute(&b, at, "data-value"), NULL);
            bars++;
        }
    }
    double schemes = sql_value(&b, "SELECT count(*) FROM scheme");
    ck_assert_uint_eq(lines, (size_t)schemes);
    ck_assert_uint_eq(bars, 9 * (size_t)schemes);
    ck_assert_double_eq_tol(sum, 100 * schemes, 0.06 * (double)bars);
    bench_free(&b);
}
END_TEST

/* A bar is as long as its number says: 25 and 100 percent are ticks. */
START_TEST(bars_are_as_long_as_their_numbers) {
    scratch s = scratch_new();
    gk_chart__row_mark mark[] = {
        {.shape = GK_CHART__BAR, .x = 25, .low = (double)NAN, .colour = "#123456", .says = {.value = "25.0"}},
        {.shape = GK_CHART__BAR,
         .x = 100,
         .low = 50,
         .high = 75,
         .colour = "#123456",
         .says = {.value = "100.0"}}};
    gk_chart__row row[] = {{.name = "a", .schemes = "a", .mark = &mark[0], .n = 1},
                           {.name = "b", .schemes = "b", .mark = &mark[1], .n = 1}};
    gk_chart__rows k = {.width = 500, .row = row, .n = 2, .x = gk_chart__axis_percent()};
    gk_chart__canvas chart = {0};
    gk_chart__rows_draw(s.a, &k, &chart);
    double width[2] = {0};
    const char *at = chart.body.data;
    for (int i = 0; i < 2; i++, at++) {
        at = strstr(at, "fill=\"#123456\"");
        double left, right;
        ck_assert_int_eq(sscanf(at, "fill=\"#123456\" points=\"%lf,%*f %lf,", &left, &right), 2);
        width[i] = right - left;
    }
    ck_assert_double_eq_tol(4 * width[0], width[1], 0.25);
    /* The interval from 50 to 75 is a quarter of it. */
    double length;
    const char *line = strstr(at, "<path");
    ck_assert_int_eq(sscanf(strstr(line, "d=\"M"), "d=\"M%*[0-9.],%*[0-9.]l%lf,", &length), 1);
    ck_assert_double_eq_tol(4 * length, width[1], 0.45);
    gk_chart__free(&chart);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- lines */

/* A long line is nowhere farther than half a tenth of a pixel from where it was. */
START_TEST(lines_do_not_drift) {
    enum { POINTS = 3000 };
    scratch s = scratch_new();
    gk_chart__canvas chart = {0};
    double xy[2 * POINTS];
    gk_rng rng;
    gk_rng_seed(&rng, 5, "lines");
    for (int i = 0; i < POINTS; i++) {
        xy[2 * i] = round(100 * (i * 0.33 + 2 * gk_rng_uniform(&rng))) / 100;
        xy[2 * i + 1] = round(100 * (200 * gk_rng_uniform(&rng) - 50)) / 100;
    }
    gk_chart__path(&chart, xy, POINTS, "#000000", 1, NULL);
    char *at = strstr(gk_arena_strdup(s.a, chart.body.data), "d=\"M") + 4;
    double here[2] = {0, 0};
    for (int i = 0; i < POINTS; i++)
        for (int k = 0; k < 2; k++) {
            at += strspn(at, "l, ");
            here[k] += strtod(at, &at);
            ck_assert_double_eq_tol(here[k], xy[2 * i + k], 0.0501);
        }
    ck_assert_str_eq(at, "\" stroke=\"#000000\"/>");
    gk_chart__free(&chart);
    scratch_free(&s);
}
END_TEST

/* It begins anew behind what is no place, says nothing twice, and writes numbers short. */
START_TEST(lines_are_short_and_can_stop) {
    const double nowhere = (double)NAN;
    const double xy[] = {0.5, -2, 3, 4, 3, 4.01, nowhere, 1, 7, -0.04, 8, nowhere, 10, 10, 10.5, 9.5};
    gk_chart__canvas chart = {0};
    gk_chart__path(&chart, xy, sizeof xy / sizeof *xy / 2, "#123456", 1.5, "5 4");
    ck_assert_str_eq(
        chart.body.data,
        "<path fill=\"none\" d=\"M.5-2l2.5,6M7,0M10,10l.5-.5\" stroke=\"#123456\" stroke-width=\"1.5\" "
        "stroke-dasharray=\"5 4\"/>");
    gk_chart__free(&chart);
}
END_TEST

/* ---------------------------------------------------------------- axes and texts */

START_TEST(ticks_are_round) {
    static const struct {
        double low, high;
        size_t most;
        const char *unit, *want;
    } cases[] = {
        {0, 1, 5, "", "0.0 0.2 0.4 0.6 0.8 1.0"},
        {-7.1, 3.8, 7, "", "\u22126 \u22124 \u22122 0 2"},
        {0, 1234, 6, "", "0 500 1000"},
        {-2, 102, 8, "%", "0% 20% 40% 60% 80% 100%"},
        {0.0011, 0.0042, 4, "", "0.002 0.003 0.004"},
        {5, 5, 4, "", ""},
        {0, INFINITY, 4, "", ""},
        {-0.5, 0.5, 2, "", "\u22120.5 0.0 0.5"},
    };
    scratch s = scratch_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gk_chart__axis x =
            gk_chart__axis_round(s.a, cases[i].low, cases[i].high, cases[i].most, cases[i].unit);
        const char *all = "";
        for (size_t k = 0; k < x.n; k++) {
            ck_assert(x.tick[k].at >= x.low - 1e-9 && x.tick[k].at <= x.high + 1e-9);
            all = gk_arena_printf(s.a, "%s%s%s", all, k ? " " : "", x.tick[k].text);
        }
        ck_assert_str_eq(all, cases[i].want);
    }
    gk_chart__axis log = {.low = 1, .high = 100, .log = true};
    ck_assert_double_eq_tol(gk_chart__axis_place(&log, 10, 0, 300), 150, 1e-9);
    ck_assert_double_eq_tol(gk_chart__axis_place(&log, 100, 300, 0), 0, 1e-9);
    scratch_free(&s);
}
END_TEST

/* Whatever a name is, the picture stays well formed, on a page and alone. */
START_TEST(names_are_escaped) {
    scratch s = scratch_new();
    static const char evil[] = "<b a=\"1\" c='2'>&\x01\xff\nsecond";
    gk_chart__says says = {.scheme = evil, .series = evil, .x = evil, .value = "-1.5", .unit = evil};
    gk_chart__canvas chart = {.width = 10, .height = 10};
    gk_buf out = {0};
    gk_chart__schemes(&chart, evil);
    gk_chart__mark(&chart, &says);
    gk_chart__text(&chart, 1, 2, &(gk_chart__face){.upward = true}, evil);
    gk_chart__close(&chart);
    gk_chart__close(&chart);
    gk_chart__svg(&chart, evil, &out);
    check_balance(out.data);
    ck_assert_ptr_null(strstr(out.data, "<b "));
    ck_assert_ptr_null(strstr(out.data, "\x01"));
    ck_assert(gk_utf8_valid(out.data, out.len, NULL));
    ck_assert_ptr_nonnull(strstr(
        out.data, "<g data-s=\"&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;\uFFFD\uFFFD&#10;second\">"));
    ck_assert_ptr_nonnull(
        strstr(out.data, " data-value=\"-1.5\"")); /* for programs; readers get a minus sign */
    ck_assert_ptr_nonnull(strstr(out.data, "\u22121.5"));
    gk_buf_free(&out);
    gk_chart__free(&chart);
    scratch_free(&s);
}
END_TEST

/* Names of files are letters, digits and hyphens, and no two are equal. */
START_TEST(files_have_names) {
    scratch s = scratch_new();
    gk_chart__figures f = {.a = s.a, .kept = true};
    static const char *const parts[][3] = {
        {"A set!", "top5", NULL},
        {"a/set", "Top5", NULL},
        {"../", "\u00e9", NULL},
        {"", NULL},
        {"a set whose name is longer than that of a file can be", "top5", NULL}};
    static const char *const want[] = {"a-set-top5", "a-set-top5-2", "figure", "figure-2",
                                       "a-set-whose-name-is-longer-than-that-of-a-top5"};
    gk_buf page = {0};
    for (size_t i = 0; i < 5; i++) {
        gk_chart__canvas chart = {.width = 1, .height = 1};
        gk_chart__figures_add(&f, &page, &chart, parts[i], "title", "caption");
        ck_assert_str_eq(f.item[i].name, want[i]);
    }
    ck_assert_uint_eq(count(page.data, "<svg"), 5);
    gk_buf_free(&page);
    gk_chart__figures_free(&f);
    scratch_free(&s);
}
END_TEST

START_TEST(shades_go_from_light_to_dark) {
    char hex[8];
    double before = 1e9;
    for (int i = 0; i <= 20; i++) {
        unsigned r, g, b;
        ck_assert_int_eq(sscanf(gk_chart__shade_hex(i / 20.0, hex), "#%2x%2x%2x", &r, &g, &b), 3);
        double light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        ck_assert_msg(light < before, "shade %d is not darker than the one before", i);
        before = light;
    }
    ck_assert_str_eq(gk_chart__shade_hex(-3, hex), "#ffffd9");
    ck_assert_str_eq(gk_chart__shade_hex(3, hex), "#081d58");
}
END_TEST

/* Both sides of nothing grow darker, red and blue. */
START_TEST(sides_are_told_apart) {
    char hex[8];
    unsigned r, g, b;
    ck_assert_str_eq(gk_chart__sides_hex(0.5, hex), "#f7f7f7");
    for (int side = -1; side < 2; side += 2) {
        double before = 1e9;
        for (int i = 1; i <= 10; i++) {
            ck_assert_int_eq(
                sscanf(gk_chart__sides_hex(0.5 + side * i / 20.0, hex), "#%2x%2x%2x", &r, &g, &b), 3);
            double light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
            ck_assert_double_lt(light, before);
            ck_assert(side < 0 ? r > b : b > r);
            before = light;
        }
    }
    ck_assert_str_eq(gk_chart__sides_hex(-9, hex), "#b2182b");
}
END_TEST

/* A bar that does not begin at the axis: from its one end to the other, whichever is larger. */
START_TEST(bars_may_float) {
    gk_arena *a = gk_arena_new();
    const double none = (double)NAN;
    const gk_chart__row_mark
        up = {.x = 6, .low = none, .high = none, .floats = true, .from = 2, .colour = "red"},
        down = {.x = 1, .low = none, .high = none, .floats = true, .from = 6, .colour = "blue"};
    const gk_chart__row row[] = {{.name = "up", .mark = &up, .n = 1},
                                 {.name = "down", .mark = &down, .n = 1}};
    gk_chart__rows k = {.width = 500, .row = row, .n = 2, .x = {.low = 0, .high = 10}};
    gk_chart__canvas c = {0};
    gk_chart__rows_draw(a, &k, &c);
    double left[2], right[2];
    const char *at = c.body.data;
    for (int i = 0; i < 2; i++, at++) {
        at = strstr(at, "<polygon ");
        ck_assert_ptr_nonnull(at);
        ck_assert_int_eq(sscanf(strstr(at, "points="), "points=\"%lf,%*f %lf", &left[i], &right[i]), 2);
    }
    double unit = (right[0] - left[0]) / 4;
    ck_assert_double_gt(unit, 10);
    ck_assert_double_eq_tol((right[1] - left[1]) / unit, 5, 0.02);
    ck_assert_double_eq_tol((left[0] - left[1]) / unit, 1, 0.02);
    ck_assert_double_eq_tol(right[0], right[1], 0.11);
    gk_chart__free(&c);
    gk_arena_free(a);
}
END_TEST

int main(void) {
    Suite *s = suite_create("chart");
    TCase *t = tcase_create("chart");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, marks_are_the_cells);
    tcase_add_test(t, curves_are_the_results);
    tcase_add_test(t, bars_are_as_long_as_their_numbers);
    tcase_add_test(t, sides_are_told_apart);
    tcase_add_test(t, bars_may_float);
    tcase_add_test(t, lines_do_not_drift);
    tcase_add_test(t, lines_are_short_and_can_stop);
    tcase_add_test(t, ticks_are_round);
    tcase_add_test(t, names_are_escaped);
    tcase_add_test(t, files_have_names);
    tcase_add_test(t, shades_go_from_light_to_dark);
    suite_add_tcase(s, t);
    return run_suite(s);
}
