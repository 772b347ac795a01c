/* test_public_results.c: results in the public code's folders: every number is the store's, under names that
 * its readers find. tools/reference/check_public_results.py reads them with those readers. */
/* modules: report eval graft train model tokenizer core */
#include "eval/export/public.h"
#include "tests/support/report_fixture.h"

#include <glob.h>
#include <math.h>
#include <sys/stat.h>

#define EXPORT(b, dir) export_to(b, dir, NULL, "llama3")

static bool try_export(bench *b, const char *dir, const char *dataset, const char *model, gk_error *err) {
    gk_store *s = gk_store_open(b->db, err);
    ck_assert_ptr_nonnull(s);
    bool ok = gk_export_public(s, dir, dataset, model, err);
    gk_store_close(s);
    return ok;
}

static const char *export_to(bench *b, const char *name, const char *dataset, const char *model) {
    gk_error err;
    char text[1024];
    char *dir = scratch_path(&b->s, name);
    ck_assert_msg(try_export(b, dir, dataset, model, &err), "%s", gk_error_text(&err, text, sizeof text));
    return dir;
}

static json_t *load(const char *path) {
    json_t *j = json_load_file(path, 0, NULL);
    ck_assert_msg(j != NULL, "%s cannot be read", path);
    return j;
}

static double number(const json_t *j, const char *a, const char *b) {
    const json_t *at = json_object_get(j, a);
    if (b) at = json_object_get(at, b);
    ck_assert(json_is_number(at));
    return json_number_value(at);
}

/* The numbers of a file are those of its scheme's cell on its template. */
static void check_file(const char *path, const gk_cells *cells) {
    json_t *file = load(path);
    const json_t *list = json_object_get(file, "results");
    const char *scheme = json_string_value(json_object_get(json_object_get(file, "patch_config"), "scheme")),
               *sentence = strstr(path, "/sentence_") + strlen("/sentence_");
    const gk_cell *cell = NULL;
    for (size_t i = 0; i < cells->n; i++)
        if (strcmp(cells->item[i].scheme, scheme) == 0 &&
            strncmp(cells->item[i].template_name, sentence, strcspn(sentence, "/")) == 0)
            cell = &cells->item[i];
    ck_assert_msg(cell != NULL, "no cell of %s", path);
    ck_assert_uint_eq(json_array_size(list), cell->stats.n);
    double prob = 0, rank = 0, top5 = 0, n = (double)json_array_size(list);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i), *top = json_object_get(one, "top_predictions");
        ck_assert(json_is_integer(json_object_get(one, "ex_id")));
        ck_assert(json_is_array(json_object_get(json_object_get(one, "dropout_record"), "layers")));
        ck_assert(json_is_string(json_object_get(json_object_get(one, "target"), "token")));
        int64_t r = (int64_t)number(one, "target", "token_rank");
        if (r < 5) /* as the fixture draws them */
            ck_assert_double_eq(number(json_array_get(top, (size_t)r), "token_id", NULL),
                                number(one, "target", "token_idx"));
        ck_assert_double_eq(number(json_array_get(top, 1), "probability", NULL), 0.25);
        prob += number(one, "target", "token_prob") / n;
        rank += (double)r / n;
        top5 += (r < 5) / n;
    }
    ck_assert_double_eq_tol(prob, cell->stats.value[GK_METRIC_mean_prob], 1e-9);
    ck_assert_double_eq_tol(rank, cell->stats.value[GK_METRIC_mean_rank], 1e-9);
    ck_assert_double_eq_tol(top5, cell->stats.value[GK_METRIC_top5], 1e-9);
    json_decref(file);
}

START_TEST(every_cell_has_its_file) {
    bench b = bench_new();
    gk_error err;
    gk_cells cells;
    glob_t found;
    const char *dir = EXPORT(&b, "out/public");
    gk_store *s = gk_store_open(b.db, &err);
    ck_assert(gk_store_cells(s, b.s.a, &cells, &err));
    gk_store_close(s);
    size_t want = 0;
    for (size_t i = 0; i < cells.n; i++)
        want += cells.item[i].stats.n > 0 && strspn(cells.item[i].template_name, "0123456789") > 0;
    /* lm_head/dataset/model/direction/patch/run/sentence/dropout */
    ck_assert_int_eq(glob(gk_arena_printf(b.s.a, "%s/*/*/*/*/*/*/*/*/results.json", dir), 0, NULL, &found),
                     0);
    ck_assert_uint_eq(found.gl_pathc, want);
    for (size_t i = 0; i < found.gl_pathc; i++) check_file(found.gl_pathv[i], &cells);
    globfree(&found);
    bench_free(&b);
}
END_TEST

START_TEST(folders_have_the_public_names) {
    static const char *const there[] = {
        "lm_head_never/fake_movies_fake_actors/llama3/sft2pre/fe_lt_complement/*/sentence_1/"
        "dropout_0.0_layer_count",
        "lm_head_never/fake_movies_fake_actors/llama3/sft2pre/no_patching/*/sentence_4/no_patching",
        "lm_head_never/fake_movies_fake_actors/llama3/pre2sft/no_patching/*/sentence_2/no_patching",
        "lm_head_never/fake_movies_fake_actors/llama3/both2one/attn_o_ffn/*/sentence_1/"
        "dropout_0.0_layer_count",
        "lm_head_never/fake_movies_fake_actors/llama3/hybrid/hybrid_fe_ffn/*/sentence_1/"
        "dropout_0.0_layer_count",
        "lm_head_never/fake_movies_fake_actors/llama3/sft2pre/m_lt/*/sentence_3/dropout_0.0_layer_count"};
    bench b = bench_new();
    const char *dir = EXPORT(&b, "public");
    glob_t found;
    for (size_t i = 0; i < sizeof there / sizeof *there; i++) {
        ck_assert_msg(glob(gk_arena_printf(b.s.a, "%s/%s/results.json", dir, there[i]), 0, NULL, &found) == 0,
                      "no %s", there[i]);
        ck_assert_uint_eq(found.gl_pathc, 1);
        globfree(&found);
    }
    ck_assert_int_eq(
        glob(gk_arena_printf(b.s.a, "%s/*/*/*/both2one/ffn/*/experiment_config.json", dir), 0, NULL, &found),
        0);
    json_t *config = load(found.gl_pathv[0]);
    const json_t *model = json_object_get(config, "model");
    ck_assert_str_eq(json_string_value(json_object_get(model, "pretrained")), "llama3");
    ck_assert_str_eq(json_string_value(json_object_get(model, "patch_direction")), "both2one");
    ck_assert_str_eq(json_string_value(json_object_get(config, "patch_config_filename")), "ffn.yaml");
    json_decref(config);
    globfree(&found);
    bench_free(&b);
}
END_TEST

/* What its readers would pass over or take for the same gets another name. */
START_TEST(odd_names) {
    bench b = bench_begin();
    gk_error err;
    b.schemes = (gk_schemes){0};
    char *file = scratch_file(
        &b.s, "odd.yaml",
        "set: odd\nschemes:\n  - {name: debug, grafts: [{at: 0, donor: sft}]}\n"
        "  - {name: a+b, grafts: [{at: 1, donor: sft}]}\n  - {name: a b, grafts: [{at: 2, donor: sft}]}\n"
        "  - {name: dropped, grafts: [{at: 0, donor: sft, layers: {of: all, drop: 0.4, seed: 2}}]}\n"
        "  - {name: head, head: {donor: sft}, grafts: [{at: 0, donor: sft}]}\n"
        "  - {name: norm, head: sft, grafts: [{at: 0, donor: sft}]}\n"
        "  - {name: patched, patches: [{at: 0, from: sft}]}\n");
    ck_assert(gk_schemes_load(b.s.a, file, &b.schemes, &err));
    make_store(&b);
    const char *dir = export_to(&b, "public", "mine", "gpt2");
    static const char *const there[] = {
        "lm_head_never/mine/gpt2/sft2pre/deb-ug",
        "lm_head_never/mine/gpt2/sft2pre/a_b",
        "lm_head_never/mine/gpt2/sft2pre/a_b_2",
        "lm_head_never/mine/gpt2/sft2pre/dropped/*/sentence_1/dropout_0.4_layer_count",
        "lm_head_always/mine/gpt2/sft2pre/head",
        "lm_head_sft/mine/gpt2/sft2pre/norm"};
    glob_t found;
    for (size_t i = 0; i < sizeof there / sizeof *there; i++) {
        ck_assert_msg(glob(gk_arena_printf(b.s.a, "%s/%s", dir, there[i]), 0, NULL, &found) == 0, "no %s",
                      there[i]);
        globfree(&found);
    }
    ck_assert_int_eq(glob(gk_arena_printf(b.s.a, "%s/*/*/*/*/patched", dir), 0, NULL, &found), GLOB_NOMATCH);
    bench_free(&b);
}
END_TEST

START_TEST(refused_before_anything_is_written) {
    bench b = bench_new();
    const char *out = scratch_path(&b.s, "p"), *file = scratch_file(&b.s, "file", "x");
    const struct {
        const char *dir, *dataset, *model, *message;
    } bad[] = {{file, NULL, "llama3", "there is a file in the way"},
               {"results_archive", NULL, "llama3", "pass over every path that holds 'archive'"},
               {out, "a/b", "llama3", "is 'a/b'; give the name of one folder"},
               {out, "bugs", "llama3", "pass over every path that holds 'bug'"},
               {out, NULL, "..", "is '..'; give the name of one folder"},
               {out, NULL, NULL, "field '--public-model': the public code has no model of the family"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gk_error err;
        char text[1024];
        ck_assert(!try_export(&b, bad[i].dir, bad[i].dataset, bad[i].model, &err));
        ck_assert_msg(strstr(gk_error_text(&err, text, sizeof text), bad[i].message) != NULL, "%s", text);
        ck_assert(!gk_exists(out));
    }
    bench_free(&b);
}
END_TEST

START_TEST(tokens_as_they_are_decoded) {
    static const struct {
        bool bytes;
        const char *piece, *text;
    } cases[] = {{true, "\xC4\xA0\x41nn", " Ann"},
                 {true, "\xC4\x8A", "\n"},
                 {true, "\xC3\x83\xC2\xA9", "\xC3\xA9"},
                 {true, "\xC3\x83", "\xEF\xBF\xBD"},
                 {true, "<|end|>", "<|end|>"},
                 {true, "\xE2\x82\xAC", "\xE2\x82\xAC"},
                 {false, "\xE2\x96\x81\x41nn", " Ann"},
                 {false, "<0x0A>", "\n"},
                 {false, "<0xC3>", "\xEF\xBF\xBD"},
                 {false, "<0x0A>x", "<0x0A>x"},
                 {false, "\xE2\x96\x81\xE2\x96\x81", "  "}};
    gk_arena *a = gk_arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_str_eq(gk_export__public_token(a, cases[i].bytes, cases[i].piece), cases[i].text);
    gk_arena_free(a);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("public_results");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_cell_has_its_file);
    tcase_add_test(t, folders_have_the_public_names);
    tcase_add_test(t, odd_names);
    tcase_add_test(t, refused_before_anything_is_written);
    tcase_add_test(t, tokens_as_they_are_decoded);
    Suite *s = suite_create("public_results");
    suite_add_tcase(s, t);
    return run_suite(s);
}
