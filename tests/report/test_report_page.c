/* test_report_page.c: the report's pictures as part of the page: what the filter knows, and how large a page
 * gets. */
/* modules: report eval graft train model tokenizer core */
#include "tests/support/report_fixture.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------- what the filter knows */

static char *next_figure(bench *b, const char **page) {
    const char *from = strstr(*page, "<svg"), *to = from ? strstr(from, "</svg>") : NULL;
    if (!to) return NULL;
    *page = to;
    return gk_arena_strndup(b->s.a, from, (size_t)(to - from));
}

/* What the filter dims of the scheme is its name and its marks. */
static void check_group(bench *b, const char *figure, const char *scheme) {
    const char *name = escaped(b, scheme);
    const char *group = strstr(figure, gk_arena_printf(b->s.a, "<g data-s=\"%s\">", name));
    ck_assert_msg(group, "%s has no group", scheme);
    const char *next = strstr(group + 1, "<g data-s="), *end = next ? next : group + strlen(group);
    const char *text = strstr(group, gk_arena_printf(b->s.a, ">%s</text>", name)),
               *mark = strstr(group, gk_arena_printf(b->s.a, " data-scheme=\"%s\"", name));
    ck_assert_msg(text && text < end, "%s has no name in its group", scheme);
    ck_assert_msg(mark && mark < end, "%s has no mark in its group", scheme);
}

START_TEST(bars_have_groups) {
    bench b = bench_new();
    keep_set(&b, "component");
    gk_report_options o = options(&b);
    const char *page = write_report(&b, &o);
    static const char *const schemes[] = {"task | ATTN+O", "task | O+FFN", "task | O+FFN-up"};
    for (int k = 0; k < 7; k++) { /* bars, logit differences; contrasts; top-k, ranks, reliability */
        char *figure = next_figure(&b, &page);
        ck_assert_ptr_nonnull(figure);
        if (k == 2 ||
            k == 3) { /* three contrasts; in top-5 one has a margin, whose band is a group of its own */
            ck_assert_uint_eq(count(figure, " data-s=\""), k == 2 ? 4 : 3);
            ck_assert_ptr_nonnull(strstr(figure, "<g data-s=\"task | O+FFN&#10;task | ATTN+FFN\">"));
            continue;
        }
        ck_assert_uint_eq(count(figure, " data-s=\""), (size_t)sql_value(&b, "SELECT count(*) FROM scheme"));
        for (int i = 0; k < 6 && i < 3; i++) check_group(&b, figure, schemes[i]);
    }
    ck_assert_ptr_null(next_figure(&b, &page));
    bench_free(&b);
}
END_TEST

/* Lines and dots of a grid, a square of a heatmap, and a row of its table know their schemes. */
START_TEST(grids_know_their_schemes) {
    bench b = bench_new();
    keep_set(&b, "hybrid");
    keep_first(&b, 8);
    alter(&b, "WITH k AS (SELECT id, row_number() OVER (ORDER BY ord, id) - 1 AS i FROM scheme)"
              " INSERT INTO axis(scheme, ord, name, value) SELECT id, 0, 'rate', CAST(i / 4 AS TEXT) FROM k "
              "UNION ALL"
              " SELECT id, 1, 'at', CASE i % 2 WHEN 0 THEN 'even' ELSE 'odd' END FROM k UNION ALL"
              " SELECT id, 2, 'seed', CAST(i % 4 / 2 AS TEXT) FROM k;"
              "UPDATE scheme SET \"set\" = 'placed', name = 's' || (SELECT group_concat(value, '') FROM"
              " (SELECT value FROM axis WHERE axis.scheme = scheme.id ORDER BY ord))");
    gk_report_options o = options(&b);
    const char *page = write_report(&b, &o), *all = page;
    for (int m = 0; m < 2; m++) { /* two lines; on each two dots, each with a ring a seed */
        char *figure = next_figure(&b, &page);
        ck_assert_uint_eq(count(figure, "<g data-s=\"s0even0&#10;s0even1&#10;s1even0&#10;s1even1\">"), 1);
        ck_assert_uint_eq(count(figure, "<g data-s=\"s0odd0&#10;s0odd1&#10;s1odd0&#10;s1odd1\">"), 1);
        ck_assert_uint_eq(count(figure, "<g data-s=\"s0even0&#10;s0even1\">"), 1);
        ck_assert_uint_eq(count(figure, "<g data-s=\"s1odd0&#10;s1odd1\">"), 1);
        ck_assert_uint_eq(count(figure, "<g data-s=\"s1odd1\">"), 1);
        ck_assert_uint_eq(count(figure, " data-s="), 2 + 4 + 8);
        ck_assert_uint_eq(count(figure, " data-scheme=\"s0even0&#10;s0even1\""), 1);
        ck_assert_uint_eq(count(figure, " data-scheme="), 4 + 8);
    }
    ck_assert_uint_eq(count(all, "<tr data-s=\"s0even0\ns0even1\"><td>even</td><td>0</td><td>2</td>"), 1);
    alter(&b, "UPDATE axis SET name = 'part' WHERE name = 'seed'");
    page = write_report(&b, &o);
    for (int m = 0; m < 2; m++) ck_assert_uint_eq(count(next_figure(&b, &page), "<g data-s=\"s"), 8);
    alter(&b,
          "DELETE FROM axis WHERE name = 'part'"); /* each place twice: two grids, and no mean of theirs */
    page = write_report(&b, &o);
    ck_assert_uint_eq(count(page, "<td>even</td><td>0</td><td>1</td>"), 2);
    for (int m = 0; m < 4; m++) ck_assert_uint_eq(count(next_figure(&b, &page), "<g data-s=\"s"), 4);
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
    static const char *const schemes[] = {"task | ATTN+O", "task | O+FFN", "task | O+FFN-up"};
    for (int i = 0; i < 3; i++) check_group(&b, figure, schemes[i]);
    ck_assert_uint_eq(count(figure, " data-s=\""), (size_t)sql_value(&b, "SELECT count(*) FROM scheme"));
    ck_assert_uint_eq(count(page, "<script>"), 1);
    ck_assert_ptr_nonnull(strstr(page, " schemes shown'"));
    ck_assert_ptr_nonnull(
        strstr(page, "<h3>component</h3>\n<p class=\"muted\">Which components recall the fact at the"));
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
        ck_assert_ptr_nonnull(strstr(figure, ">SFT-rh</text>"));
        ck_assert_int_eq(strstr(figure, ">(FE+LT)^C</text>") != NULL, k == 0);
    }
    ck_assert_ptr_null(next_figure(&b, &page));
    bench_free(&b);
}
END_TEST

/* ---------------------------------------------------------------- figures as files */

/* The number of files of the folder whose names end so. */
static size_t files(const char *dir, const char *ending) {
    size_t n = 0;
    DIR *d = opendir(dir);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *e; (e = readdir(d));) {
        size_t len = strlen(e->d_name), tail = strlen(ending);
        n += len > tail && strcmp(e->d_name + len - tail, ending) == 0;
    }
    closedir(d);
    return n;
}

/* The PDFs fail with this text: page and SVG files are there, a PDF that was there stays, and nothing
 * half-made is left. */
static void check_no_pdf(bench *b, const char *path, const char *want) {
    gk_report_options o = options(b);
    gk_error err = {0};
    char text[2048];
    o.figures = scratch_path(&b->s, "figures");
    unlink(o.out);
    ck_assert(gk_mkdirs(o.figures, &err));
    char *kept = scratch_file(&b->s, "figures/component-top5.pdf", "old");
    ck_assert_int_eq(setenv("PATH", path, 1), 0);
    ck_assert(!gk_report_write(&o, &err));
    ck_assert_msg(strstr(gk_error_text(&err, text, sizeof text), want) != NULL, "%s", text);
    ck_assert_ptr_null(strchr(text, '\n'));
    size_t figures = count(gk_read_file(b->s.a, o.out, (size_t)1 << 28, NULL, &err), "<svg");
    ck_assert_uint_eq(files(o.figures, ".svg"), figures);
    ck_assert_uint_eq(files(o.figures, ".pdf"), 1);
    ck_assert_uint_eq(files(o.figures, ".part"), 0);
    ck_assert_str_eq(gk_read_file(b->s.a, kept, 100, NULL, &err), "old");
}

START_TEST(rsvg_failing_is_clear) {
    bench b = bench_new();
    keep_set(&b, "component");
    gk_error err;
    char *bin = scratch_path(&b.s, "bin");
    ck_assert(gk_mkdirs(bin, &err));
    check_no_pdf(&b, bin, "librsvg2-bin");
    char *fake =
        scratch_file(&b.s, "bin/rsvg-convert", "#!/bin/sh\necho 'odd <word>' >&2\necho more >&2\nexit 3\n");
    ck_assert_int_eq(chmod(fake, 0700), 0);
    check_no_pdf(&b, bin, "rsvg-convert failed (exit code 3): odd <word>");
    scratch_file(&b.s, "bin/rsvg-convert", "#!/bin/sh\nexit 4\n");
    check_no_pdf(&b, bin, "rsvg-convert failed (exit code 4): it does not say why");
    scratch_file(&b.s, "bin/rsvg-convert", "#!/bin/sh\n: > \"$3\"\nkill -TERM $$\n");
    check_no_pdf(&b, bin, "ended by signal 15");
    bench_free(&b);
}
END_TEST

/* The SVG files are the page's pictures; every one has a PDF. */
START_TEST(figures_are_files) {
    bench b = bench_new();
    keep_set(&b, "component");
    gk_error err;
    char *bin = scratch_path(&b.s, "bin");
    ck_assert(gk_mkdirs(bin, &err));
    char *fake = scratch_file(&b.s, "bin/rsvg-convert",
                              "#!/bin/sh\n[ \"$1 $2\" = '--format=pdf --output' ] && : > \"$3\"\n");
    ck_assert_int_eq(chmod(fake, 0700), 0);
    ck_assert_int_eq(setenv("PATH", bin, 1), 0);
    gk_report_options o = options(&b);
    o.figures = scratch_path(&b.s, "new/figures");
    const char *page = write_report(&b, &o);
    static const char *const names[] = {"component-top5",
                                        "component-logit-difference",
                                        "component-top-k",
                                        "component-ranks",
                                        "component-calibration",
                                        "component-contrasts-top5",
                                        "component-contrasts-logit-diff"};
    enum { N = sizeof names / sizeof *names };
    ck_assert_uint_eq(count(page, "<svg"), N);
    ck_assert_uint_eq(files(o.figures, ".svg"), N);
    ck_assert_uint_eq(files(o.figures, ".pdf"), N);
    for (size_t i = 0; i < N; i++) {
        const char *svg =
            gk_read_file(b.s.a, gk_path_join(b.s.a, o.figures, gk_arena_printf(b.s.a, "%s.svg", names[i])),
                         (size_t)1 << 24, NULL, &err);
        ck_assert_msg(svg && strstr(page, svg), "%s is not in the page", names[i]);
        ck_assert(strncmp(svg, "<svg xmlns=\"http://www.w3.org/2000/svg\"", 39) == 0);
        ck_assert(strstr(svg, " font-family=\"") && strstr(svg, " aria-label=\""));
        check_balance(svg);
        ck_assert(gk_exists(gk_path_join(b.s.a, o.figures, gk_arena_printf(b.s.a, "%s.pdf", names[i]))));
    }
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
    tcase_add_test(t, bars_have_groups);
    tcase_add_test(t, grids_know_their_schemes);
    tcase_add_test(t, compared_runs_can_be_filtered);
    tcase_add_test(t, models_alone_stand_in_every_chart);
    tcase_add_test(t, rsvg_failing_is_clear);
    tcase_add_test(t, figures_are_files);
    tcase_add_test(t, many_schemes_are_no_huge_page);
    suite_add_tcase(s, t);
    return run_suite(s);
}
