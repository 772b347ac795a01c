/* test_cli_attribute.c: graftkit attribute as a person runs it: what it writes, what it refuses, and its
 * section of the report. */
/* modules: report eval graft train model tokenizer core */
#include "graftkit/eval/attribute.h"
#include "tests/support/eval_fixture.h"
#include "tests/support/program.h"

static int run(const char *args, char *out, size_t size) {
    return run_line(gk_arena_printf(fx_arena, "cd '%s' && '%s' %s 2>&1", fx_dir, program(), args), out, size);
}

#define PROMPTS                                                                                            \
    "--rows rows.jsonl --templates eval.jsonl --fillers fillers.json --recipient pre=pre --donor sft=sft " \
    "--keep-shared-first "

static char *succeeds(const char *args) {
    char *out = gk_arena_alloc(fx_arena, 16384);
    int code = run(args, out, 16384);
    ck_assert_msg(code == 0, "graftkit %s\nreturned %d:\n%s", args, code, out);
    return out;
}

/* In one line that holds both, and nothing is written. */
static void refused(const char *parts, const char *a, const char *b) {
    char out[4096];
    const char *args = "attribute " PROMPTS "--parts ./parts.yaml --out bad";
    fx_write("parts.yaml", parts);
    int code = run(args, out, sizeof out);
    assert_refusal(args, code, out, a, b);
    ck_assert(!gk_exists(fx_path("bad")));
}

START_TEST(bad_parts_are_refused_and_nothing_is_written) {
    gk_buf eleven = {0};
    refused("parts:\n"
            "  - {name: FE, grafts: [{at: entity, donor: sft}]}\n"
            "  - {name: some, grafts: [{at: 1, donor: sft, components: [q, down], layers: 1}]}\n",
            "parts.yaml:3:27: part 'FE' and part 'some' both have token 1, layer 1, q in template 1 (row 1)",
            "parts may not overlap on any prompt");
    refused("parts: [{name: a, grafts: [{at: last, donor: stf}]}]\n",
            "parts.yaml:1:46: ", "unknown model 'stf'");
    refused("parts: [{name: a, grafts: [{at: lsat, donor: sft}]}]\n",
            "parts.yaml:1:33: ", "unknown field 'lsat'");
    refused("parts: []\n", "parts.yaml:1:8: ", "at least one part");
    for (int i = 0; i < 11; i++)
        gk_buf_printf(&eleven, "%s{name: p%d, grafts: [{at: %d, donor: sft}]}", i ? ", " : "parts: [", i, i);
    gk_buf_puts(&eleven, "]\n");
    refused(eleven.data, "parts.yaml:1:8: ", "11 parts: there can be 10");
    gk_buf_free(&eleven);
    refused(
        "parts: [{name: a, grafts: [{at: 1, donor: sft}]}, {name: a, grafts: [{at: last, donor: sft}]}]\n",
        "parts.yaml:1:58: ", "part 'a' is already at line 1");
    refused("parts: [{name: a, grafts: [{at: last, donor: sft}]}]\nrset: r\n", "parts.yaml:2:1: ", "rset");
    refused("parts: [{name: a, grafts: [{at: {after: last}, donor: sft}]}]\n",
            "parts.yaml:1:", "empty selection");
    refused("parts: [{name: a, grafts: [{at: last, donor: pre}]}]\n",
            "parts.yaml:1:46: ", "would be grafted from the recipient");
    refused("parts: [{name: a, grafts: [{at: {all_of: [movie_title, relation]}, donor: sft}]}]\n",
            "parts.yaml:1:", "empty selection");
}
END_TEST

START_TEST(options_are_refused) {
    static const char *const bad[][3] = {
        {"--parts palces --out bad", "'palces' is no file of parts that comes along", "places, streams"},
        {"--parts ./nowhere.yaml --out bad", "nowhere.yaml", ""},
        {"--parts places", "--out", "required"},
        {"--out bad", "--parts", "required"},
        {"--parts places --out pre", "the folder holds a model or a run", ""},
        {"--parts places --out bad --budget much", "--budget", "much"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char out[4096];
        const char *args = gk_arena_printf(fx_arena, "attribute " PROMPTS "%s", bad[i][0]);
        int code = run(args, out, sizeof out);
        assert_refusal(args, code, out, bad[i][1], bad[i][2]);
        ck_assert(!gk_exists(fx_path("bad")));
    }
}
END_TEST

/* The columns of a table are those of its part of docs/store.md, in that order. */
static void columns_are_told(const char *csv, const char *heading) {
    char *text = gk_arena_strdup(fx_arena, fx_read(csv, NULL)),
         *at = strstr(gk_read_file(fx_arena, GK_SOURCE_DIR "/docs/store.md", 1 << 20, NULL, NULL), heading);
    ck_assert_ptr_nonnull(at);
    *strstr(text, "\r\n") = 0;
    for (char *name; (name = strsep(&text, ","));) {
        char *cell = strstr(at, gk_arena_printf(fx_arena, "`%s`", name));
        ck_assert_msg(cell != NULL, "%s is not told, or not behind the one before", name);
        at = cell;
    }
}

static double field_of(const char *line, int n) {
    for (int i = 0; i < n; i++) line = strchr(line, ',') + 1;
    return strtod(line, NULL);
}

START_TEST(files_and_figures) {
    const char *out = succeeds("attribute " PROMPTS "--parts places --out found");
    static const char *const names[] = {"results.db",   "attribution.csv", "interactions.csv",
                                        "summary.json", "attribution.svg", "interactions.svg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert(gk_exists(fx_path(gk_arena_printf(fx_arena, "found/%s", names[i]))));
    columns_are_told("found/attribution.csv", "\n## `attribution.csv`");
    columns_are_told("found/interactions.csv", "\n## `interactions.csv`");
    const char *csv = fx_read("found/attribution.csv", NULL);
    double sum = 0;
    static const char *const parts[] = {"FE", "LT", "rest"};
    for (int i = 0; i < 3; i++) {
        const char *line = strstr(csv, gk_arena_printf(fx_arena, ",%s,", parts[i]));
        while (line[-1] != '\n') line--;
        ck_assert(strncmp(line, "logit_diff,pooled,90,30,0,", 26) == 0);
        sum += field_of(line, 6);
        /* What the picture says of it is that, in two digits. */
        ck_assert_ptr_nonnull(strstr(fx_read("found/attribution.svg", NULL),
                                     gk_arena_printf(fx_arena,
                                                     "data-series=\"%s\" data-template=\"pooled\" "
                                                     "data-metric=\"Shapley value\" data-value=\"%.2f\"",
                                                     parts[i], field_of(line, 6))));
    }
    const char *total = strstr(csv, ",total,");
    ck_assert_double_eq_tol(sum, strtod(total + 7, NULL), 1e-9);
    ck_assert_ptr_nonnull(strstr(out, "the values sum to"));
    const char *interactions = fx_read("found/interactions.svg", NULL);
    size_t marks = 0;
    for (const char *at = interactions; (at = strstr(at, "data-metric=\"interaction\"")); at++) marks++;
    ck_assert_uint_eq(marks, 6); /* each pair twice, no part with itself */
    ck_assert_ptr_nonnull(strstr(fx_read("found/summary.json", NULL), "\"coalitions\": 8"));
}
END_TEST

START_TEST(a_section_of_the_report) {
    char out[4096];
    succeeds("sweep " PROMPTS "--schemes small.yaml --out plain.db");
    succeeds("attribute " PROMPTS "--parts places --out found");
    succeeds("report --db plain.db --attribution found --out with.html");
    succeeds("report --db plain.db --out without.html");
    succeeds("report --db found/results.db --out own.html");
    ck_assert_ptr_nonnull(strstr(fx_read("with.html", NULL), "<h2 id=\"attribution\">"));
    ck_assert_ptr_null(strstr(fx_read("without.html", NULL), "<h2 id=\"attribution\">"));
    ck_assert_ptr_nonnull(strstr(fx_read("own.html", NULL), "<h2 id=\"attribution\">"));
    fx_rows("other.jsonl", 12);
    succeeds("attribute --rows other.jsonl --templates eval.jsonl --fillers fillers.json --recipient pre=pre "
             "--donor "
             "sft=sft --keep-shared-first --parts places --out others");
    fx_model("sft2", 3, "tok");
    succeeds("attribute --rows rows.jsonl --templates eval.jsonl --fillers fillers.json --recipient pre=pre "
             "--donor "
             "sft=sft2 --keep-shared-first --parts places --out another");
    ck_assert(gk_mkdirs(fx_path("plain"), NULL));
    succeeds("sweep " PROMPTS "--schemes small.yaml --out plain/results.db");
    static const char *const bad[][2] = {
        {"others", "it is of other rows than the sweep"},
        {"another", "attribution grafted another model than the sweep's 'sft'"},
        {"plain", "this store is of no parts"},
        {"nowhere", "there is no such results store"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *args =
            gk_arena_printf(fx_arena, "report --db plain.db --attribution %s --out bad.html", bad[i][0]);
        int code = run(args, out, sizeof out);
        assert_refusal(args, code, out, bad[i][1], bad[i][0]);
        ck_assert(!gk_exists(fx_path("bad.html")));
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("cli_attribute");
    TCase *t = tcase_create("cli_attribute");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, fx_start, fx_stop);
    tcase_add_test(t, bad_parts_are_refused_and_nothing_is_written);
    tcase_add_test(t, options_are_refused);
    tcase_add_test(t, files_and_figures);
    tcase_add_test(t, a_section_of_the_report);
    suite_add_tcase(s, t);
    return run_suite(s);
}
