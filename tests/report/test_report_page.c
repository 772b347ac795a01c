/* test_report_page.c: the report's pictures as part of the page: gnuplot's SVG made small, what the filter
 * covers, and how large a page gets. */
/* modules: report eval graft train model tokenizer core */
#include "tests/support/report_fixture.h"

/* ---------------------------------------------------------------- SVG made small */

static char *small(scratch *s, const gk__plot *p, const char *svg) {
    gk_buf out = {0};
    gk__svg_add(p, 3, svg, svg + strlen(svg), &out);
    char *text = gk_arena_strdup(s->a, out.len ? out.data : "");
    gk_buf_free(&out);
    return text;
}

#define GROUP                                                                         \
    "<g fill=\"none\" color=\"black\" stroke=\"currentColor\" stroke-width=\"1.30\" " \
    "stroke-linecap=\"butt\" stroke-linejoin=\"miter\">\n"

START_TEST(svg_says_the_same_in_less) {
    static const struct {
        const char *from, *to;
    } cases[] = {
        {GROUP "</g>\n", ""},
        {GROUP GROUP "</g>\n</g>\n" GROUP "</g>", ""},
        {"<g id=\"gnuplot_canvas\">\n" GROUP
         "<path stroke='rgb( 42, 111, 151)'  d='M1.00,2.04 L3.00,4.00 L2.50,-4.00  '/></g>\n</g>",
         "<g fill=\"none\" stroke-width=\"1.3\"><path stroke=\"#2a6f97\" d=\"M1,2l2,2-.5-8\"/></g>"},
        /* Equal groups are one; others stay apart, and an empty one between them does not count. */
        {GROUP "<path d='M0,0 L1,1'/></g>\n<g fill=\"red\">\n</g>" GROUP
               "<path d='M5,5 L6,6 Z M7,7 L7.01,7.01 L8,7'/></g>",
         "<g fill=\"none\" stroke-width=\"1.3\"><path d=\"M0,0l1,1\"/><path d=\"M5,5l1,1zM7,7l1,0\"/></g>"},
        {"<g fill=\"red\"><path d='M0,0 L1,1'/></g><g fill=\"blue\"><path d='M0,0 L1,1'/></g>",
         "<g fill=\"red\"><path d=\"M0,0l1,1\"/></g><g fill=\"blue\"><path d=\"M0,0l1,1\"/></g>"},
        {"<g transform=\"translate(60.45,341.83) rotate(270)\" stroke=\"none\" font-family=\"sans-serif\" "
         "font-size=\"14.00\"  text-anchor=\"end\">\n"
         "\t<text> a &lt; b> 0.50 </text>\n</g>",
         "<g transform=\"translate(60.5,341.8) rotate(270)\" stroke=\"none\" text-anchor=\"end\"><text> a "
         "&lt; b> 0.50 </text></g>"},
        {"<polygon fill = 'rgb(  0,   0, 255)' fill-opacity = '0.850000' points = '63.63,82.97 297.10,82.97 "
         "'/>",
         "<polygon fill=\"#0000ff\" fill-opacity=\".85\" points=\"63.6,83 297.1,83 \"/>"},
        {"<use xlink:href='#gpPt5' transform='translate(80.41,331.31) scale(2.44)' color='rgb(153, 153, "
         "153)'/>"
         "<use xlink:href='#gpPt6' transform='translate(-0.04,0.50) scale(3.00)' color='red'/>"
         "<use xlink:href='#gpDot' x='486.21' y='63.01' color='red'/>",
         "<circle cx=\"80.4\" cy=\"331.3\" r=\"2.4\" stroke=\"#999999\"/><circle cx=\"0\" cy=\".5\" r=\"3\" "
         "fill=\"red\"/>"},
        {"<defs>\n<path id='gpPt0' d='M-1,0 h2'/>\n</defs>\n<title>Gnuplot</title><desc>x</desc>", ""},
        /* Neither plot 0 nor plot 4 is known, nor another figure's. */
        {"<g id=\"fig3_plot_2\" ><title>t</title>\n<path d='M0,0'/></g><g id=\"fig3_plot_4\" ><path "
         "d='M0,0'/></g>"
         "<g id=\"fig3_plot_0\" ><path d='M0,0'/></g><g id=\"fig1_plot_2\" ><path d='M0,0'/></g>",
         "<g data-s=\"a &amp; &quot;b&quot;\nc\"><path d=\"M0,0\"/></g><path d=\"M0,0\"/><path "
         "d=\"M0,0\"/><path d=\"M0,0\"/>"},
        /* gnuplot 6 says of the group that nothing fills it. */
        {"<g id=\"fig3_plot_2\"  fill=\"none\"><title>t</title>\n<path d='M0,0'/></g><g id=\"fig3_plot_7\"  "
         "fill=\"none\"><path d='M0,0'/></g>",
         "<g data-s=\"a &amp; &quot;b&quot;\nc\"><path d=\"M0,0\"/></g><path d=\"M0,0\"/>"},
        /* What is not as gnuplot writes it stays. */
        {"<path d='M0,0 A1,1 0 0 0 2,2'/>", "<path d=\"M0,0 A1,1 0 0 0 2,2\"/>"},
        {"</g></g><path d='M0,0'/><g", "<path d=\"M0,0\"/>"},
    };
    scratch s = scratch_new();
    const char *shown[] = {NULL, "a & \"b\"\nc", NULL};
    gk__plot p = {.shown = shown, .n_shown = 3};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_str_eq(small(&s, &p, cases[i].from), cases[i].to);
    scratch_free(&s);
}
END_TEST

/* A long line is nowhere farther than half a tenth of a pixel from where it was. */
START_TEST(lines_do_not_drift) {
    enum { POINTS = 3000 };
    scratch s = scratch_new();
    gk_buf path = {0};
    double x[POINTS], y[POINTS];
    gk_rng rng;
    gk_rng_seed(&rng, 5, "lines");
    gk_buf_puts(&path, "<path d='");
    for (int i = 0; i < POINTS; i++) {
        x[i] = round(100 * (i * 0.33 + 2 * gk_rng_uniform(&rng))) / 100;
        y[i] = round(100 * (200 * gk_rng_uniform(&rng) - 50)) / 100;
        gk_buf_printf(&path, "%s%.2f,%.2f", i ? " L" : "M", x[i], y[i]);
    }
    gk_buf_puts(&path, "'/>");
    gk__plot p = {0};
    char *at = strstr(small(&s, &p, path.data), "M") + 1;
    double here[2] = {0, 0};
    for (int i = 0; i < POINTS; i++)
        for (int k = 0; k < 2; k++) {
            at += strspn(at, "l, ");
            here[k] += strtod(at, &at);
            ck_assert_double_eq_tol(here[k], k ? y[i] : x[i], 0.0501);
        }
    ck_assert_str_eq(at, "\"/>");
    gk_buf_free(&path);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- what the filter covers */

static const char *escaped(bench *b, const char *text) {
    gk_buf out = {0};
    gk__html_text(&out, text);
    const char *kept = gk_arena_strdup(b->s.a, out.data);
    gk_buf_free(&out);
    return kept;
}

static char *next_figure(bench *b, const char **page) {
    const char *from = strstr(*page, "<svg"), *to = from ? strstr(from, "</svg>") : NULL;
    if (!to) return NULL;
    *page = to;
    return gk_arena_strndup(b->s.a, from, (size_t)(to - from));
}

/* The scheme's veil lies over its name. */
static void check_veil(bench *b, const char *figure, const char *scheme) {
    double x, y, width, height, at = 0;
    const char *text = strstr(figure, gk_arena_printf(b->s.a, "<text>%s</text>", escaped(b, scheme)));
    const char *veil = strstr(figure, gk_arena_printf(b->s.a, " data-s=\"%s\"/>", escaped(b, scheme)));
    ck_assert_msg(text && veil, "%s has no name or no veil", scheme);
    while (strncmp(text, "translate(", 10) != 0) text--;
    while (*veil != '<') veil--;
    ck_assert_int_eq(sscanf(text, "translate(%*f,%lf)", &at), 1);
    ck_assert_int_eq(
        sscanf(veil, "<rect x=\"%lf\" y=\"%lf\" width=\"%lf\" height=\"%lf\"", &x, &y, &width, &height), 4);
    ck_assert_msg(at > y + 8 && at < y + height, "%s at %g is not under %g to %g", scheme, at, y, y + height);
}

START_TEST(bars_have_veils) {
    bench b = bench_new();
    keep_set(&b, "component");
    gk_report_options o = options(&b);
    const char *page = write_report(&b, &o);
    static const char *const schemes[] = {"FE | ATTN", "FE | O+FFN", "FE | QKV"};
    for (int k = 0; k < 5; k++) { /* bars, logit differences; top-k, ranks, reliability */
        char *figure = next_figure(&b, &page);
        ck_assert_ptr_nonnull(figure);
        ck_assert_uint_eq(count(figure, " data-s=\""), (size_t)sql_value(&b, "SELECT count(*) FROM scheme"));
        for (int i = 0; k < 4 && i < 3; i++) check_veil(&b, figure, schemes[i]);
    }
    ck_assert_ptr_null(next_figure(&b, &page));
    bench_free(&b);
}
END_TEST

/* Lines and values across of a grid, a square of a heatmap, and a row of its table know their schemes. */
START_TEST(grids_know_their_schemes) {
    bench b = bench_new();
    keep_set(&b, "hybrid");
    alter(&b, "WITH k AS (SELECT id, row_number() OVER (ORDER BY ord, id) - 1 AS i FROM scheme)"
              " INSERT INTO axis(scheme, ord, name, value) SELECT id, 0, 'rate', CAST(i / 4 AS TEXT) FROM k "
              "UNION ALL"
              " SELECT id, 1, 'at', CASE i % 2 WHEN 0 THEN 'even' ELSE 'odd' END FROM k UNION ALL"
              " SELECT id, 2, 'seed', CAST(i % 4 / 2 AS TEXT) FROM k;"
              "UPDATE scheme SET \"set\" = 'placed', name = 's' || (SELECT group_concat(value, '') FROM"
              " (SELECT value FROM axis WHERE axis.scheme = scheme.id ORDER BY ord))");
    gk_report_options o = options(&b);
    const char *page = write_report(&b, &o), *all = page;
    for (int m = 0; m < 2; m++) { /* four plot elements a line, two values across */
        char *figure = next_figure(&b, &page);
        ck_assert_uint_eq(count(figure, "<g data-s=\"s0even0\ns0even1\ns1even0\ns1even1\">"), 4);
        ck_assert_uint_eq(count(figure, "<g data-s=\"s0odd0\ns0odd1\ns1odd0\ns1odd1\">"), 4);
        ck_assert_uint_eq(count(figure, " data-s=\"s0even0\ns0even1\ns0odd0\ns0odd1\"/>"), 1);
        ck_assert_uint_eq(count(figure, " data-s=\"s1even0\ns1even1\ns1odd0\ns1odd1\"/>"), 1);
        ck_assert_uint_eq(count(figure, " data-s="), 10);
    }
    ck_assert_uint_eq(count(all, "<tr data-s=\"s0even0\ns0even1\"><td>even</td><td>0</td><td>2</td>"), 1);
    alter(&b, "UPDATE axis SET name = 'part' WHERE name = 'seed'");
    page = write_report(&b, &o);
    for (int m = 0; m < 2; m++)
        ck_assert_uint_eq(count(next_figure(&b, &page), " width=\"44\" height=\"27\" data-s=\"s"), 8);
    alter(&b,
          "DELETE FROM axis WHERE name = 'part'"); /* each place twice: two grids, and no mean of theirs */
    page = write_report(&b, &o);
    ck_assert_uint_eq(count(page, "<td>even</td><td>0</td><td>1</td>"), 2);
    for (int m = 0; m < 4; m++)
        ck_assert_uint_eq(count(next_figure(&b, &page), " width=\"44\" height=\"27\" data-s=\"s"), 4);
    bench_free(&b);
}
END_TEST

START_TEST(compared_runs_can_be_filtered) {
    bench b = bench_new();
    keep_set(&b, "component");
    const char *runs[] = {b.s.dir, b.s.dir};
    gk_compare_options o = {.runs = runs, .n_runs = 2, .out = b.out};
    gk_error err = {0};
    ck_assert_msg(gk_compare_write(&o, &err), "%s", err.what);
    const char *page = gk_read_file(b.s.a, o.out, (size_t)1 << 28, NULL, &err), *at = page;
    char *figure = next_figure(&b, &at);
    static const char *const schemes[] = {"FE | ATTN", "FE | O+FFN", "FE | QKV"};
    for (int i = 0; i < 3; i++) check_veil(&b, figure, schemes[i]);
    ck_assert_uint_eq(count(figure, " data-s=\""), (size_t)sql_value(&b, "SELECT count(*) FROM scheme"));
    ck_assert_uint_eq(count(page, "<script>"), 1);
    ck_assert_ptr_nonnull(strstr(page, " schemes shown'"));
    ck_assert_ptr_nonnull(
        strstr(page, "<h3>component</h3>\n<p class=\"muted\">Which components at the last token"));
    check_balance(page);
    check_unique_ids(&b, page);
    bench_free(&b);
}
END_TEST

/* Models alone stand in the charts of all sets, whatever their own is called; a set called reference whose
 * schemes are grafts does not. */
START_TEST(models_alone_stand_in_every_chart) {
    bench b = bench_new();
    alter(&b, "UPDATE scheme SET \"set\" = 'ends' WHERE name IN ('PRE', 'SFT', 'SFT-rh');"
              "UPDATE scheme SET \"set\" = 'reference' WHERE \"set\" = 'position'");
    const char *runs[] = {b.s.dir};
    gk_compare_options o = {.runs = runs, .n_runs = 1, .out = b.out};
    gk_error err = {0};
    ck_assert_msg(gk_compare_write(&o, &err), "%s", err.what);
    const char *page = gk_read_file(b.s.a, o.out, (size_t)1 << 28, NULL, &err);
    ck_assert_ptr_null(strstr(page, "<h3>ends</h3>"));
    for (int k = 0; k < 4; k++) { /* reference, component, hybrid, evil */
        char *figure = next_figure(&b, &page);
        ck_assert_ptr_nonnull(strstr(figure, "<text>SFT-rh</text>"));
        ck_assert_int_eq(strstr(figure, "<text>(FE+LT)^C</text>") != NULL, k == 0);
    }
    ck_assert_ptr_null(next_figure(&b, &page));
    bench_free(&b);
}
END_TEST

/* ---------------------------------------------------------------- how large it gets */

/* A grid of all components in each of twelve layers and in windows of them. */
START_TEST(many_schemes_are_no_huge_page) {
    bench b = bench_begin();
    gk_error err;
    ck_assert(gk_schemes_load_for(b.s.a, home(&b, "graft/schemes/reference.yaml"), 12, &b.schemes, &err));
    ck_assert(gk_schemes_load_for(b.s.a, home(&b, "graft/schemes/layers.yaml"), 12, &b.schemes, &err));
    ck_assert_uint_gt(b.schemes.n, 120);
    make_store(&b);
    gk_report_options o = options(&b);
    char *page = write_report(&b, &o);
    ck_assert_uint_lt(strlen(page), 1500000);
    ck_assert_uint_ge(count(page, "<td class=\"name\">"), 6 * b.schemes.n); /* and yet every cell is there */
    check_balance(page);
    bench_free(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("report_page");
    TCase *t = tcase_create("report_page");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, svg_says_the_same_in_less);
    tcase_add_test(t, lines_do_not_drift);
    tcase_add_test(t, bars_have_veils);
    tcase_add_test(t, grids_know_their_schemes);
    tcase_add_test(t, compared_runs_can_be_filtered);
    tcase_add_test(t, models_alone_stand_in_every_chart);
    tcase_add_test(t, many_schemes_are_no_huge_page);
    suite_add_tcase(s, t);
    return run_suite(s);
}
