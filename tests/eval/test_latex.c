/* test_latex.c: the tables for a paper hold the store's numbers, and nothing that LaTeX would take for a
 * command. */
/* modules: report eval graft train model tokenizer core */
#include "tests/support/report_fixture.h"

/* Of an export: braces and environments balance, and a row has as many fields as its table. Returns the rows.
 */
static size_t check_tex(bench *b, const char *text) {
    int depth = 0, inside = 0;
    size_t rows = 0, fields = 0, columns = 0, declared = 0;
    for (char *rest = gk_arena_strdup(b->s.a, text), *line; (line = strsep(&rest, "\n"));) {
        size_t here = 0;
        if (*line == '%') continue;
        for (const char *at = line; *at; at++) {
            ck_assert_msg(!strchr("#%_^~\"`<>|", *at), "a bare %c in %s", *at, line);
            if (*at == '\\' && at[1] && strchr("\\{}&%$#_", at[1])) {
                at++;
                continue;
            }
            depth += *at == '{';
            depth -= *at == '}';
            here += *at == '&';
            ck_assert_int_ge(depth, 0);
        }
        inside += strstr(line, "\\begin{") != NULL;
        const char *spec = strstr(line, "{@{}");
        if (spec) declared = strspn(spec + 4, "lr");
        inside -= strstr(line, "\\end{") != NULL;
        if (strstr(line, "scheme & $n$") || strstr(line, "contrast & metric")) columns = here;
        if (here == 0) continue;
        ck_assert_uint_eq(declared, here + 1);
        ck_assert_msg(here == columns, "%zu fields, not %zu: %s", here, columns, line);
        ck_assert_ptr_nonnull(strstr(line, " \\\\"));
        fields += here;
        rows++;
    }
    ck_assert_int_eq(depth, 0);
    ck_assert_int_eq(inside, 0);
    ck_assert_uint_gt(fields, 0);
    return rows;
}

static char *read_text(bench *b, const char *path) {
    gk_error err;
    char *text = gk_read_file(b->s.a, path, 1 << 24, NULL, &err);
    ck_assert_msg(text != NULL, "%s", err.what);
    return text;
}

static gk_error export_fails(bench *b, const char *path) {
    gk_error err = {0};
    gk_store *s = gk_store_open(b->db, &err);
    ck_assert(!gk_export_latex_check(path, &err));
    ck_assert_str_ne(err.hint, "");
    ck_assert(!gk_export_latex(s, path, &err));
    gk_store_close(s);
    return err;
}

/* "$-$" for a minus, as the table has it. */
static const char *number(bench *b, gk_metric m, double x) {
    char text[GK_METRIC_TEXT];
    gk_metric_text(m, x, text);
    return *text == '-' ? gk_arena_printf(b->s.a, "$-$%s", text + 1) : gk_arena_strdup(b->s.a, text);
}

static const char *with_stat(bench *b, const char *row, const gk_stats *s, gk_metric m) {
    if (s->n == 0) return gk_arena_printf(b->s.a, "%s & --", row);
    return gk_arena_printf(b->s.a, "%s & %s {\\scriptsize [%s, %s]}", row, number(b, m, s->value[m]),
                           number(b, m, s->low[m]), number(b, m, s->high[m]));
}

/* Without floors, and with both. */
START_TEST(a_table_holds_the_cells_of_its_set) {
    bench b = _i ? bench_with_floors() : bench_new();
    gk_error err;
    gk_store *s = gk_store_open(b.db, &err);
    char *path = scratch_path(&b.s, "all.tex");
    gk_cells cells;
    ck_assert(gk_export_latex_check(path, &err) && gk_export_latex(s, path, &err));
    ck_assert(gk_store_cells(s, b.s.a, &cells, &err));
    gk_store_close(s);
    const char *text = read_text(&b, path);
    size_t n = 0, tables = 0, with_placebo = 0;
    for (size_t i = 0; i < cells.n; i++) {
        const gk_cell *c = &cells.item[i];
        if (strcmp(c->template_name, "pooled") != 0) continue;
        n++;
        const gk_metric shown[] = {GK_METRIC_top1, GK_METRIC_top5, GK_METRIC_exact, GK_METRIC_mean_logprob};
        const char *row = gk_arena_printf(b.s.a, " & %zu & %zu", c->stats.n, c->stats.rows);
        for (size_t k = 0; k < 4; k++) row = with_stat(&b, row, &c->stats, shown[k]);
        bool any = false; /* of its set has a placebo */
        for (size_t k = 0; k < cells.n; k++)
            any |= cells.item[k].placebo.n > 0 && strcmp(cells.item[k].set, c->set) == 0;
        with_placebo += any;
        if (any) row = with_stat(&b, row, &c->placebo, GK_METRIC_top5);
        if (_i) row = with_stat(&b, row, &c->permuted, GK_METRIC_top5);
        row = gk_arena_printf(b.s.a, "%s \\\\\n", row);
        ck_assert_msg(strstr(text, row) != NULL, "no row %s of %s", row, c->scheme);
    }
    ck_assert((with_placebo > 0) == (_i > 0));
    for (const char *at = text; (at = strstr(at, "\\begin{table}")); at++) tables++;
    ck_assert_uint_eq(tables, N_SETS + 1 + N_SETS); /* those that come along plan contrasts */
    ck_assert_uint_eq(check_tex(&b, text), n + tables + b.schemes.n_contrasts * 2);
    ck_assert_ptr_nonnull(strstr(text, "\\label{tab:position}"));
    ck_assert_int_eq(strstr(text, " Floors, in top-5: a placebo in the donor's place, and") != NULL, _i);
    ck_assert_ptr_nonnull(strstr(text, "Which token positions need the finetuned weights"));
    bench_free(&b);
}
END_TEST

START_TEST(special_characters_are_escaped) {
    bench b = bench_new();
    gk_error err;
    gk_store *s = gk_store_open(b.db, &err);
    char *path = scratch_path(&b.s, "all.tex");
    ck_assert(gk_export_latex(s, path, &err));
    gk_store_close(s);
    const char *text = read_text(&b, path);
    ck_assert_ptr_nonnull(strstr(
        text, "\n\\textbackslash{} \\# \\% @ \\& \\textasciitilde{} \\textasciicircum{}\\_\\{x\\} & "));
    ck_assert_ptr_nonnull(
        strstr(text, "\n\\textless{}img src=x onerror=alert(1)\\textgreater{} 'q' \\textasciigrave{}id"));
    ck_assert_ptr_nonnull(strstr(text, "(FE+LT)\\textasciicircum{}C & "));
    bench_free(&b);
}
END_TEST

/* A row that begins with a bracket would be an argument of the line break before it. */
START_TEST(names_cannot_break_a_table) {
    bench b = bench_begin();
    gk_error err;
    b.schemes = (gk_schemes){0};
    char *file = scratch_file(
        &b.s, "odd.yaml",
        "set: a b\nschemes:\n  - {name: \"[4cm] *x\"}\n  - {name: \"*\", grafts: [{at: last, donor: sft}]}\n"
        "  - {name: \"a--b ''c''\", grafts: [{at: all, donor: sft}]}\n");
    char *other = scratch_file(&b.s, "other.yaml",
                               "set: a_b\ntitle: Is 5 < 6?\nabout: Not this.\nschemes:\n"
                               "  - {name: x, grafts: [{at: 0, donor: sft}]}\n");
    ck_assert(gk_schemes_load(b.s.a, file, &b.schemes, &err) &&
              gk_schemes_load(b.s.a, other, &b.schemes, &err));
    make_store(&b);
    gk_store *s = gk_store_open(b.db, &err);
    char *folder = scratch_path(&b.s, "tables/");
    ck_assert(gk_export_latex_check(folder, &err) && gk_export_latex(s, folder, &err));
    gk_store_close(s);
    const char *first = read_text(&b, scratch_path(&b.s, "tables/a-b.tex")),
               *second = read_text(&b, scratch_path(&b.s, "tables/a-b-2.tex"));
    check_tex(&b, first);
    check_tex(&b, second);
    ck_assert_ptr_nonnull(strstr(first, "\n{[}4cm{]} {*}x & "));
    ck_assert_ptr_nonnull(strstr(first, "\n{*} & "));
    ck_assert_ptr_nonnull(strstr(first, "\na-{-}b '{'}c'{'} & "));
    ck_assert_ptr_nonnull(strstr(second, "\\caption{\\textbf{a\\_b}. Is 5 \\textless{} 6? All templates"));
    ck_assert_ptr_nonnull(strstr(second, "\\label{tab:a-b-2}"));
    ck_assert_ptr_null(strstr(second, "Not this"));
    bench_free(&b);
}
END_TEST

START_TEST(a_long_set_goes_over_pages) {
    bench b = bench_begin();
    gk_error err;
    b.schemes = (gk_schemes){0};
    char *file = scratch_file(&b.s, "long.yaml",
                              "set: long\nschemes:\n  - name: token $i\n    grid: {i: {from: 0, to: 49}}\n"
                              "    grafts: [{at: $i, donor: sft}]\n");
    ck_assert_msg(gk_schemes_load(b.s.a, file, &b.schemes, &err), "%s", err.what);
    make_store(&b);
    gk_store *s = gk_store_open(b.db, &err);
    char *path = scratch_path(&b.s, "long.tex");
    ck_assert(gk_export_latex(s, path, &err));
    gk_store_close(s);
    const char *text = read_text(&b, path);
    ck_assert_uint_eq(check_tex(&b, text), 50 + 1);
    ck_assert(strstr(text, "\\usepackage{longtable}") && strstr(text, "\\endhead") &&
              strstr(text, "\\label{tab:long}\\\\"));
    bench_free(&b);
}
END_TEST

/* Whatever a set is called, its table has a file. */
START_TEST(any_set_has_a_file) {
    bench b = bench_begin();
    gk_error err;
    b.schemes = (gk_schemes){0};
    char *name = gk_arena_alloc(b.s.a, 301);
    memset(name, 'L', 300);
    const char *const sets[] = {name, "..", "\u6f22", "-a"};
    for (int i = 0; i < 4; i++) {
        char *text = gk_arena_printf(
            b.s.a, "set: \"%s\"\nschemes:\n  - {name: s%d, grafts: [{at: %d, donor: sft}]}\n", sets[i], i, i);
        ck_assert(gk_schemes_load(b.s.a, scratch_file(&b.s, gk_arena_printf(b.s.a, "%d.yaml", i), text),
                                  &b.schemes, &err));
    }
    make_store(&b);
    gk_store *s = gk_store_open(b.db, &err);
    ck_assert_msg(gk_export_latex(s, scratch_path(&b.s, "tables/"), &err), "%s", err.what);
    gk_store_close(s);
    name[80] = '\0';
    ck_assert(gk_exists(scratch_path(&b.s, gk_arena_printf(b.s.a, "tables/%s.tex", name))) &&
              gk_exists(scratch_path(&b.s, "tables/set.tex")) &&
              gk_exists(scratch_path(&b.s, "tables/set-2.tex")) &&
              gk_exists(scratch_path(&b.s, "tables/a.tex")));
    bench_free(&b);
}
END_TEST

static bool says_unfinished(bench *b) {
    gk_error err;
    gk_store *s = gk_store_open(b->db, &err);
    char *path = scratch_path(&b->s, "all.tex");
    ck_assert(gk_export_latex(s, path, &err));
    gk_store_close(s);
    const char *text = read_text(b, path);
    size_t said = count(text, "The sweep is not complete");
    ck_assert(said == 0 || said == count(text, "\\caption{"));
    return said > 0;
}

START_TEST(an_unfinished_sweep_is_said) {
    bench b = bench_new();
    alter(&b, "INSERT OR REPLACE INTO run VALUES ('complete', '1')");
    ck_assert(!says_unfinished(&b));
    alter(&b, "INSERT OR REPLACE INTO run VALUES ('complete', '0')");
    ck_assert(says_unfinished(&b));
    bench_free(&b);
}
END_TEST

START_TEST(other_paths_are_refused) {
    bench b = bench_new();
    scratch_file(&b.s, "file", "");
    gk_error err;
    ck_assert(!gk_export_latex_check(scratch_path(&b.s, "file/"), &err));
    ck_assert_str_eq(err.what, "there is a file in the way");
    ck_assert_ptr_nonnull(strstr(export_fails(&b, scratch_path(&b.s, "t.pdf")).hint, ".tex"));
    ck_assert_ptr_nonnull(strstr(export_fails(&b, "").hint, ".tex"));
    bench_free(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("latex");
    TCase *t = tcase_create("latex");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, a_table_holds_the_cells_of_its_set, 0, 2);
    tcase_add_test(t, special_characters_are_escaped);
    tcase_add_test(t, names_cannot_break_a_table);
    tcase_add_test(t, a_long_set_goes_over_pages);
    tcase_add_test(t, any_set_has_a_file);
    tcase_add_test(t, an_unfinished_sweep_is_said);
    tcase_add_test(t, other_paths_are_refused);
    suite_add_tcase(s, t);
    return run_suite(s);
}
