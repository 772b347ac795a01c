/* test_report.c: the HTML report over a synthetic store: its numbers and escaping. */
/* modules: report eval graft train model tokenizer core */
#include "tests/support/report_fixture.h"

#include <math.h>
#include <sys/stat.h>

/* ---------------------------------------------------------------- numbers */

static const char *number_after(const char *at, double *out) {
    if (strncmp(at, "\u2013", 3) == 0) { /* an en dash: nothing was evaluated */
        *out = (double)NAN;
        return at + 3;
    }
    char *end;
    *out = strtod(at, &end);
    ck_assert_msg(end != at, "no number at %.30s", at);
    return end;
}

static void check_stat(const char **at, const gk_stats *s, gk_metric m) {
    bool log = m == GK_METRIC_mean_prob || m == GK_METRIC_mean_logprob || m == GK_METRIC_whole_logprob;
    double scale = m <= GK_METRIC_exact ? 100 : 1, step = log ? 0.0005 : 0.0501, got;
    *at = strstr(*at, "<td>");
    ck_assert_ptr_nonnull(*at);
    *at = number_after(*at + 4, &got);
    ck_assert_int_eq(s->n == 0, isnan(got));
    if (s->n == 0) return;
    ck_assert_double_eq_tol(got, scale * s->value[m], step);
    if (isnan(s->low[m])) return;
    ck_assert_int_eq(strncmp(*at, "<small>[", 8), 0);
    *at = number_after(*at + 8, &got);
    ck_assert_double_eq_tol(got, scale * s->low[m], step);
    ck_assert_int_eq(strncmp(*at, ", ", 2), 0);
    *at = number_after(*at + 2, &got);
    ck_assert_double_eq_tol(got, scale * s->high[m], step);
}

static void check_row(const char *table, const gk_cell *c) {
    static const gk_metric shown[] = {GK_METRIC_top1,      GK_METRIC_top5,         GK_METRIC_exact,
                                      GK_METRIC_top10,     GK_METRIC_mean_rank,    GK_METRIC_median_rank,
                                      GK_METRIC_mean_prob, GK_METRIC_mean_logprob, GK_METRIC_whole_logprob,
                                      GK_METRIC_logit_diff};
    gk_buf want = {0};
    gk_buf_puts(&want, "<td class=\"name\">");
    gk_page__html_text(&want, c->scheme);
    gk_buf_puts(&want, "</td>");
    const char *at = strstr(table, want.data);
    ck_assert_msg(at != NULL, "no row %s", want.data);
    at += want.len;
    gk_buf_free(&want);
    if (!c->applies) {
        ck_assert_ptr_eq(strstr(at, "not applicable"), at + strlen("<td colspan=\"13\" class=\"muted\">"));
        return;
    }
    unsigned long n, rows, dropped;
    ck_assert_int_eq(sscanf(at, "<td>%lu</td><td>%lu</td><td>%lu</td>", &n, &rows, &dropped), 3);
    ck_assert_uint_eq(n, c->stats.n);
    ck_assert_uint_eq(rows, c->stats.rows);
    ck_assert_uint_eq(dropped, c->dropped);
    for (int i = 0; i < 3; i++) at = strstr(at + 1, "</td>");
    for (size_t m = 0; m < sizeof shown / sizeof *shown; m++) check_stat(&at, &c->stats, shown[m]);
}

START_TEST(a_usual_entity_is_not_told) {
    bench b = bench_new();
    gk_report_options o = options(&b);
    ck_assert_ptr_null(strstr(write_report(&b, &o), "; about: "));
    o.usual_entity = NULL;
    ck_assert_ptr_nonnull(strstr(write_report(&b, &o), "; about: <code>first_actor</code>"));
    o.usual_entity = "movie_title";
    ck_assert_ptr_nonnull(strstr(write_report(&b, &o), "; about: <code>first_actor</code>"));
    bench_free(&b);
}
END_TEST

START_TEST(tables_hold_the_cells) {
    bench b = bench_new();
    gk_report_options o = options(&b);
    char *page = write_report(&b, &o);
    gk_error err;
    gk_store *s = gk_store_open(b.db, &err);
    gk_cells cells;
    ck_assert(gk_store_cells(s, b.s.a, &cells, &err));
    ck_assert_uint_eq(cells.n, b.schemes.n * (4 + 3));
    size_t dropped = 0;
    for (size_t i = 0; i < cells.n; i++) {
        const char *table =
            strstr(page, gk_arena_printf(b.s.a, "data-template=\"%s\"><thead>", cells.item[i].template_name));
        ck_assert_ptr_nonnull(table);
        char *end = strstr(table, "</table>");
        check_row(gk_arena_strndup(b.s.a, table, (size_t)(end - table)), &cells.item[i]);
        dropped += cells.item[i].dropped;
    }
    ck_assert_uint_gt(dropped, 0);
    gk_store_close(s);
    bench_free(&b);
}
END_TEST

START_TEST(bars_hold_the_cells) {
    bench b = bench_new();
    gk_report_options o = options(&b);
    char *page = write_report(&b, &o);
    gk_error err;
    gk_store *s = gk_store_open(b.db, &err);
    gk_cells cells;
    ck_assert(gk_store_cells(s, b.s.a, &cells, &err));
    char *figure = strstr(page, "<svg");
    figure = gk_arena_strndup(b.s.a, figure, (size_t)(strstr(figure, "</svg>") - figure));
    ck_assert_ptr_nonnull(strstr(figure, ">50</text>"));
    ck_assert_ptr_nonnull(strstr(figure, ">100%</text>"));
    for (size_t i = 0; i < cells.n; i++) { /* the first figure: set position, pooled */
        const gk_cell *c = &cells.item[i];
        if (strcmp(c->set, "position") != 0 || strcmp(c->template_name, "pooled") != 0) continue;
        ck_assert_ptr_nonnull(strstr(figure, gk_arena_printf(b.s.a, ">%s</text>", c->scheme)));
        const char *value = gk_arena_printf(b.s.a, ">%.1f%%</text>", 100 * c->stats.value[GK_METRIC_top5]);
        ck_assert_msg(strstr(figure, value) != NULL, "%s has no %s", c->scheme, value);
    }
    gk_store_close(s);
    bench_free(&b);
}
END_TEST

/* ---------------------------------------------------------------- the summary follows the numbers */

/* Every result of the scheme gets this rank. */
static void set_rank(const bench *b, const char *scheme, int rank) {
    alter(b, gk_arena_printf(b->s.a,
                             "UPDATE result SET rank = %d WHERE dropped IS NULL AND scheme ="
                             " (SELECT source FROM scheme WHERE name = '%s')",
                             rank, scheme));
}

static void set_half(const bench *b, const char *scheme) {
    set_rank(b, scheme, 0);
    alter(b, gk_arena_printf(b->s.a,
                             "UPDATE result SET rank = 99 WHERE dropped IS NULL AND prompt %% 2 AND scheme ="
                             " (SELECT source FROM scheme WHERE name = '%s')",
                             scheme));
}

static void set_pattern(const bench *b) {
    static const char *const high[] = {
        "SFT", "FE+LT", "FE+M+LT", "task | ATTN+O+FFN", "task | O+FFN", "hybrid, FE ATTN+O"};
    static const char *const low[] = {"PRE", "(FE+LT)^C", "task | none", "task | O"};
    static const char *const half[] = {"FE", "LT", "task | FFN", "rel O+FFN at LT"};
    for (size_t i = 0; i < sizeof high / sizeof *high; i++) set_rank(b, high[i], 0);
    for (size_t i = 0; i < sizeof low / sizeof *low; i++) set_rank(b, low[i], 99);
    for (size_t i = 0; i < sizeof half / sizeof *half; i++) set_half(b, half[i]);
}

START_TEST(summary_is_computed) {
    bench b = bench_new();
    gk_report_options o = options(&b);
    set_pattern(&b);
    char *page = write_report(&b, &o);
    ck_assert_ptr_nonnull(strstr(page, "pattern holds (9 of 9 checks made)"));
    ck_assert_ptr_nonnull(strstr(page, "recover nearly all of it"));
    ck_assert_ptr_nonnull(strstr(page, "At the last token, with task for the recipient: attention and "
                                       "feed-forward 100.0%, O+FFN 100.0%, FFN 50.0%, O 0.0%, and without "
                                       "any 0.0%. O+FFN goes 100.0% of the way, and is enough; FFN without "
                                       "O is 50.0 points below O+FFN."));
    ck_assert_ptr_nonnull(strstr(page, "the other model adds 50.0 points."));
    ck_assert_uint_eq(count(page, "class=\"yes\""), 9);
    ck_assert_uint_eq(count(page, "class=\"no\""), 0);

    set_rank(&b, "(FE+LT)^C", 0);
    set_rank(&b, "task | O+FFN", 99);
    set_rank(&b, "FE+LT", 50);
    set_rank(&b, "rel O+FFN at LT", 0);
    page = write_report(&b, &o);
    ck_assert_ptr_nonnull(strstr(page, "pattern fails in 5 of the 9 checks made"));
    ck_assert_ptr_nonnull(strstr(page, "100.0 points above PRE"));
    ck_assert_ptr_nonnull(strstr(page, "these two positions do not suffice here"));
    ck_assert_ptr_nonnull(strstr(page, "O+FFN goes 0.0% of the way, less than the expected 85%; FFN without "
                                       "O is no worse, which is not expected."));
    ck_assert_ptr_nonnull(strstr(page, "the other model adds nothing."));
    ck_assert_uint_eq(count(page, "class=\"no\""), 5);
    bench_free(&b);
}
END_TEST

START_TEST(absent_sets_are_left_out) {
    bench b = bench_new();
    gk_report_options o = options(&b);
    char *page = write_report(&b, &o);
    ck_assert_ptr_nonnull(strstr(page, "component: Which components recall the fact at the last token"));
    ck_assert_ptr_nonnull(strstr(page, "Whether the task&#39;s attention"));
    size_t figures = count(page, "<svg");
    /* bars, logit differences, two of ranks, reliability for each of four sets; bars of each template and
     * of two pools; contrasts of three sets in two metrics */
    ck_assert_uint_eq(figures, 4 * 5 + 6 + 3 * 2);
    alter(
        &b,
        "DELETE FROM applies WHERE scheme IN (SELECT id FROM scheme WHERE \"set\" <> 'position');"
        "DELETE FROM scheme WHERE \"set\" <> 'position'; UPDATE run SET value = '0' WHERE key = 'complete'");
    page = write_report(&b, &o);
    ck_assert_ptr_null(strstr(page, "component: Which components recall the fact at the last token"));
    ck_assert_ptr_null(strstr(page, "Whether the task&#39;s attention"));
    ck_assert_ptr_null(strstr(page, "O+FFN"));
    ck_assert_ptr_nonnull(strstr(page, "The sweep is not complete"));
    ck_assert_uint_eq(count(page, "<svg"), 5 + 6 + 2);
    bench_free(&b);
}
END_TEST

/* ---------------------------------------------------------------- the page as HTML */

START_TEST(page_is_escaped_and_self_contained) {
    bench b = bench_new();
    alter(&b, "UPDATE token SET piece = CAST(x'3C693EFF2601' AS TEXT) WHERE id > 5;"
              "UPDATE prompt SET row_key = '<u>' || row_key");
    gk_report_options o = options(&b);
    char *page = write_report(&b, &o);
    static const char *const never[] = {"<script>a", "<img",    "<i>about",    "<b>",
                                        "<u>",       "<cpu>",   "<reason>",    "src=\"",
                                        "url(",      "@import", "href=\"http", "<defs>"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        ck_assert_msg(!strstr(page, never[i]), "the page has %s", never[i]);
    ck_assert_uint_eq(count(page, "<script"), 1); /* the page's own */
    ck_assert_ptr_nonnull(strstr(page, "<h1>A &lt;title&gt; &amp; &#39;more&#39;</h1>"));
    ck_assert_ptr_nonnull(
        strstr(page, "&lt;img src=x onerror=alert(1)&gt; &#39;q&#39; `id` $(id) &quot;d&quot;"));
    ck_assert_ptr_nonnull(
        strstr(page, ">&lt;img src=x onerror=alert(1)&gt;</text>")); /* a long name, in two lines */
    ck_assert_ptr_nonnull(strstr(page, ">&#39;q&#39; `id` $(id) &quot;d&quot;</text>"));
    ck_assert_ptr_nonnull(strstr(page, ">\\ # % @ &amp; ~ ^_{x}</text>"));
    ck_assert_ptr_nonnull(strstr(page, "&lt;cpu&gt; &amp; &quot;kernels&quot;"));
    ck_assert(gk_utf8_valid(page, strlen(page), NULL));
    check_balance(page);
    check_unique_ids(&b, page);
    bench_free(&b);
}
END_TEST

/* The samples' columns of the whole target agree with the store, and a generated text stays text. */
START_TEST(samples_say_what_was_generated) {
    bench b = bench_new();
    keep_set(&b, "component");
    gk_report_options o = options(&b);
    char *page = write_report(&b, &o);
    ck_assert_ptr_nonnull(
        strstr(page, "<th>whole target&#39;s log-prob.</th><th>exact</th><th>it said</th>"));
    ck_assert_ptr_nonnull(strstr(page, "<td class=\"said\"><span> Bo &lt;i&gt;Lund&lt;/i&gt;</span></td>"));
    ck_assert_ptr_null(strstr(page, "<i>Lund"));
    ck_assert_ptr_nonnull(strstr(page, "<em>Exact</em> is"));
    ck_assert_ptr_nonnull(strstr(page, "Prompts without a whole target"));
    /* Without whole targets and texts, their columns are not there. */
    alter(&b, "UPDATE run SET value = '0' WHERE key IN ('whole_target', 'generate')");
    page = write_report(&b, &o);
    static const char *const gone[] = {"<th>exact</th>", "exact %",        "Exact",
                                       "it said",        "class=\"said\"", "whole target&#39;s"};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        ck_assert_ptr_null(strstr(strstr(page, "</style>"), gone[i]));
    bench_free(&b);
}
END_TEST

START_TEST(sample_prompts_are_marked) {
    bench b = bench_new();
    keep_set(&b, "hybrid");
    gk_report_options o = options(&b);
    char *page = write_report(&b, &o);
    ck_assert_uint_eq(count(page, "<p class=\"prompt\">"), 4);
    /* No scheme is the last token alone, and none names the film: fields bear the names that schemes use. */
    ck_assert_uint_eq(count(page, "<mark class=\"fe\">"), 4);
    ck_assert_uint_eq(count(page, "<sub>entity</sub>"), 4);
    ck_assert_uint_eq(count(page, "<mark class=\"m\">"), 0);
    ck_assert_uint_eq(count(page, "<sub>last token</sub>"), 4);
    ck_assert_ptr_nonnull(strstr(page, "<p class=\"prompt\"><mark class=\"fe\">"));
    ck_assert_ptr_nonnull(strstr(page, "The &lt;b&gt;Film&lt;/b&gt;"));
    alter(&b, "UPDATE prompt SET n_tokens = n_tokens + 1 WHERE template = 3"); /* another tokenizer */
    page = write_report(&b, &o);
    ck_assert_uint_eq(count(page, "<sub>last token</sub>"), 3);
    ck_assert_int_eq(unlink(b.rows), 0);
    page = write_report(&b, &o);
    ck_assert_ptr_null(strstr(page, "<mark"));
    ck_assert_ptr_nonnull(strstr(page, "are not marked"));
    bench_free(&b);
}
END_TEST

/* With the schemes of positions the marks are these schemes' names. */
START_TEST(marks_are_named_after_schemes) {
    bench b = bench_new();
    keep_set(&b, "position");
    gk_report_options o = options(&b);
    char *page = write_report(&b, &o);
    ck_assert_uint_eq(count(page, "<sub>FE</sub>"), 4);
    ck_assert_uint_eq(count(page, "<sub>M</sub>"), 2);
    ck_assert_uint_eq(count(page, "<sub>LT</sub>"), 4);
    ck_assert_ptr_nonnull(strstr(page, "<sub>preposition</sub>"));
    alter(&b, "UPDATE scheme SET name = 'El' WHERE name = 'FE'");
    page = write_report(&b, &o);
    ck_assert_uint_eq(count(page, "<sub>El</sub>"), 4);
    ck_assert_ptr_nonnull(strstr(page, "<strong>El</strong> grafts at <code>entity</code>."));
    bench_free(&b);
}
END_TEST

/* ---------------------------------------------------------------- models and gate */

static const char METRICS[] =
    "{\"step\":1,\"epoch\":0,\"tokens\":100,\"loss\":7.5,\"grad_norm\":1,\"lr\":0.001}\n"
    "{\"step\":2,\"epoch\":0,\"tokens\":200,\"loss\":6.5,\"grad_norm\":1,\"lr\":0.002}\n"
    "{\"step\":2,\"epoch\":0,\"tokens\":200,\"valid_loss\":6.25}\n";
static const char QUIZ[] =
    "{\"step\":0,\"epochs\":0,\"tokens\":0,\"held_out_top1\":0,\"held_out_top5\":0.125}\n"
    "{\"step\":1,\"epoch\":0,\"tokens\":100,\"loss\":7.5,\"grad_norm\":650,\"lr\":0.004}\n"
    "{\"step\":1,\"epochs\":1,\"tokens\":100,\"other\":1}\n"
    "{\"step\":1,\"epochs\":1,\"tokens\":100,\"held_out_top1\":0.5,\"held_out_top5\":0.7654%s}\n";

START_TEST(curves_or_a_note) {
    bench b = bench_new();
    keep_set(&b, "component");
    gk_error err;
    ck_assert(gk_mkdirs(scratch_path(&b.s, "good"), &err) && gk_mkdirs(scratch_path(&b.s, "bad"), &err));
    scratch_file(&b.s, "good/metrics.jsonl", METRICS);
    scratch_file(&b.s, "good/train.json", "{\"seed\": 42, \"recipe\": {\"lr\": 0.5, \"frozen\": [\"lnf\"]}}");
    scratch_file(&b.s, "bad/metrics.jsonl",
                 "{\"step\":1,\"tokens\":100,\"loss\":7.5,\"lr\":0.001}\n{\"step\":\n");
    scratch_file(&b.s, "bad/train.json", "[");
    alter(&b, "INSERT INTO model VALUES ('<sft>', '', '', ''), ('task', '', '', '')");
    gk_report_model models[] = {{"base", scratch_path(&b.s, "good")},
                                {"<sft>", scratch_path(&b.s, "bad")},
                                {"task", scratch_path(&b.s, "absent")}};
    gk_report_options o = options(&b);
    size_t before = count(write_report(&b, &o), "<svg");
    o.models = models;
    o.n_models = 3;
    char *page = write_report(&b, &o);
    ck_assert_uint_eq(count(page, "<svg"), before + 1);
    ck_assert_ptr_nonnull(
        strstr(page, "<strong>base</strong>: 2 steps, 200 target tokens; peak learning rate 0.002"));
    ck_assert_ptr_nonnull(strstr(page, "on held-out texts 6.250"));
    ck_assert_ptr_nonnull(strstr(page, "No training curve of <strong>&lt;sft&gt;</strong>: "));
    ck_assert_ptr_nonnull(strstr(page, "metrics.jsonl:2"));
    ck_assert_ptr_nonnull(strstr(page, "No training curve of <strong>task</strong>: "));
    ck_assert_ptr_nonnull(strstr(page, "<td>recipe.frozen</td><td class=\"mono\">lnf</td>"));
    check_balance(page);
    bench_free(&b);
}
END_TEST

START_TEST(answers_and_rates_are_drawn) {
    bench b = bench_new();
    keep_set(&b, "component");
    gk_error err;
    ck_assert(gk_mkdirs(scratch_path(&b.s, "good"), &err));
    gk_report_model model = {"sft", scratch_path(&b.s, "good")};
    gk_report_options o = options(&b);
    size_t before = count(write_report(&b, &o), "<svg");
    o.models = &model;
    o.n_models = 1;
    for (int trained = 0; trained < 2; trained++) {
        scratch_file(&b.s, "good/metrics.jsonl",
                     gk_arena_printf(b.s.a, QUIZ, trained ? ",\"trained_top5\":0.9876" : ""));
        char *page = write_report(&b, &o);
        ck_assert_uint_eq(count(page, "<svg"), before + 1);
        ck_assert_ptr_nonnull(strstr(page, "it has 76.5% of the targets"));
        ck_assert_int_eq(strstr(page, "and 98.8% in words that it was") != NULL, trained);
        static const char *const drawn[] = {
            ">learning rate</text>", ">gradient norm</text>",     ">0.004</text>",
            ">600</text>",           ">right answers (%)</text>", ">other words, top-5</text>"};
        for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++)
            ck_assert_msg(strstr(page, drawn[i]) != NULL, "no %s", drawn[i]);
        check_balance(page);
        check_unique_ids(&b, page);
    }
    bench_free(&b);
}
END_TEST

START_TEST(gate_is_told) {
    bench b = bench_new();
    keep_set(&b, "component");
    gk_error err;
    gk_report_options o = options(&b);
    o.gate = scratch_file(&b.s, "gate.json", "{\"pass\": false, \"top\": 5, \"min\": 0.9, \"share\": 0.5}");
    char *page = write_report(&b, &o);
    ck_assert_ptr_nonnull(strstr(page, "Top-5 is 50.0%, at least 90.0% is asked for"));
    ck_assert_ptr_nonnull(strstr(page, "<strong class=\"no\">fails"));
    o.gate = scratch_file(&b.s, "gate.json", "{\"pass\": true, \"top\": 5, \"min\": 0, \"share\": 0}");
    ck_assert_ptr_nonnull(strstr(write_report(&b, &o), "asks for nothing, and says nothing"));
    o.gate = scratch_file(&b.s, "gate.json",
                          "{\"pass\": true, \"top\": 5, \"min\": 0.9, \"share\": 1, \"targets\": 5}");
    ck_assert_ptr_nonnull(strstr(write_report(&b, &o), "so many guesses take in every target"));
    o.gate = scratch_file(&b.s, "gate.json", "{\"pass\": 1}");
    ck_assert(!gk_report_write(&o, &err));
    assert_error_at(&err, o.gate, ": field 'pass': this is not the result of a gate");
    bench_free(&b);
}
END_TEST

/* ---------------------------------------------------------------- failing */

START_TEST(bad_input_is_clear) {
    bench b = bench_new();
    gk_error err;
    gk_report_options o = options(&b);
    o.db = scratch_path(&b.s, "none.db");
    ck_assert(!gk_report_write(&o, &err));
    assert_error_at(&err, o.db, ": there is no such results store");
    o.db = scratch_file(&b.s, "text.db",
                        "this is no database, and long enough to be read as one by whoever does not look");
    ck_assert(!gk_report_write(&o, &err));
    ck_assert_str_eq(err.file, o.db);
    ck_assert(!gk_exists(o.out));
    o = options(&b);
    o.out = b.s.dir; /* a folder */
    ck_assert(!gk_report_write(&o, &err));
    alter(&b, "DELETE FROM scheme");
    o = options(&b);
    ck_assert(!gk_report_write(&o, &err));
    assert_error_at(&err, b.db, ": the results store has no schemes");
    bench_free(&b);
}
END_TEST

START_TEST(damaged_stores_do_not_crash) {
    static const char *const damage[] = {
        "DELETE FROM token",
        "DELETE FROM template",
        "DELETE FROM result",
        "UPDATE prompt SET dropped = 'all'",
        "UPDATE result SET top = x'0102030405'",
        "UPDATE result SET rank = 1e300, logprob = -1e308, logit_diff = 'text'",
        "UPDATE template SET text = NULL, id = id + 7; UPDATE applies SET template = 99",
        "UPDATE run SET value = x'ff00'",
        "DELETE FROM prompt",
        "UPDATE prompt SET id = id + 5, text = '', target_id = -4",
    };
    bench b = bench_new();
    keep_set(&b, "component");
    gk_report_options o = options(&b);
    char *copy = scratch_path(&b.s, "copy.db");
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        gk_map whole;
        gk_error err = {0};
        ck_assert(gk_map_open(b.db, &whole, &err) && gk_write_file(copy, whole.data, whole.size, &err));
        gk_map_close(&whole);
        sqlite3 *db;
        ck_assert_int_eq(sqlite3_open(copy, &db), SQLITE_OK);
        sqlite3_exec(db, damage[i], NULL, NULL,
                     NULL); /* a constraint may forbid it: then nothing is damaged */
        sqlite3_close(db);
        o.db = copy;
        if (gk_report_write(&o, &err))
            check_balance(gk_read_file(b.s.a, o.out, (size_t)1 << 28, NULL, &err));
        else
            ck_assert(err.what[0] != 0);
    }
    bench_free(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("report");
    TCase *t = tcase_create("report");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_usual_entity_is_not_told);
    tcase_add_test(t, tables_hold_the_cells);
    tcase_add_test(t, bars_hold_the_cells);
    tcase_add_test(t, summary_is_computed);
    tcase_add_test(t, absent_sets_are_left_out);
    tcase_add_test(t, page_is_escaped_and_self_contained);
    tcase_add_test(t, sample_prompts_are_marked);
    tcase_add_test(t, marks_are_named_after_schemes);
    tcase_add_test(t, samples_say_what_was_generated);
    tcase_add_test(t, curves_or_a_note);
    tcase_add_test(t, answers_and_rates_are_drawn);
    tcase_add_test(t, gate_is_told);
    tcase_add_test(t, bad_input_is_clear);
    tcase_add_test(t, damaged_stores_do_not_crash);
    suite_add_tcase(s, t);
    return run_suite(s);
}
