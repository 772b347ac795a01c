/* modules: report eval graft train model tokenizer core
 *
 * test_cli_public.c: import-patch and export --public as a person runs them. $GRAFTKIT names the binary (make
 * test sets it). */
#include "tests/support/program.h"

#define TARGETS "{q: true, k: true, v: true, o: true}"
static const char FE[] = "patches:\n  first_actor: {key: first_actor, targets: " TARGETS ", layers: all}\n";
static const char LT[] = "patches:\n  token_idx: {values: [-1], targets: " TARGETS ", layers: all}\n";
static const char EXPERIMENT[] =
    "patching_flag: true\nn_examples: 7\nmodel: {pretrained: gemma, patch_direction: both2one}\n"
    "inference_config: {patch_lm_head: never}\ntest_templates:\n"
    "  sentence_1: {test_sentence_template: '{first_actor} is', preposition: a, relation: b, "
    "relation_preposition: c}\n";

static scratch s;

static void world(void) {
    s = scratch_new();
    scratch_file(&s, "fe.yaml", FE);
    scratch_file(&s, "lt.yaml", LT);
    scratch_file(&s, "bad.yaml", "patches:\n  first_actor: {key: first_actor, targets: {mlp: true}}\n");
    scratch_file(&s, "e.yaml", EXPERIMENT);
}

static void end(void) {
    scratch_free(&s);
}

static int run(char *out, size_t size, const char *args) {
    char line[4096];
    snprintf(line, sizeof line, "cd '%s' && '%s' %s 2>&1", s.dir, program(), args);
    return run_line(line, out, size);
}

static const char *says(const char *args) {
    static char out[65536];
    int code = run(out, sizeof out, args);
    ck_assert_msg(code == 0, "graftkit %s\nreturned %d:\n%s", args, code, out);
    return out;
}

static const char *file(const char *name) {
    gk_error err;
    const char *text = gk_read_file(s.a, scratch_path(&s, name), 1 << 20, NULL, &err);
    ck_assert_msg(text != NULL, "%s", err.what);
    return text;
}

START_TEST(files_become_a_set) {
    const char *printed = says("import-patch fe.yaml lt.yaml");
    ck_assert_ptr_nonnull(strstr(printed, "set: 'public'\nas_published: true\n"));
    ck_assert_ptr_nonnull(strstr(printed, "  - name: 'fe'\n"));
    ck_assert_ptr_nonnull(strstr(printed, "  - name: 'lt'\n"));
    char *first = gk_arena_strdup(s.a, printed);
    /* Wherever the files stand, and by their option. */
    ck_assert_str_eq(says("import-patch --out a.yaml fe.yaml --entity first_actor lt.yaml"), "");
    ck_assert_str_eq(says("import-patch --patch fe.yaml --patch=lt.yaml --out=b.yaml"), "");
    ck_assert_str_eq(file("a.yaml"), first);
    ck_assert_str_eq(file("b.yaml"), first);
    ck_assert_ptr_nonnull(
        strstr(says("import-patch fe.yaml --entity battle --set \"it's: mine\""), "set: 'it''s: mine'\n"));
    ck_assert_ptr_nonnull(strstr(says("import-patch fe.yaml --entity battle"), "at: [first_actor]"));
}
END_TEST

START_TEST(an_experiment_of_its_own) {
    const char *note = says("import-patch --experiment e.yaml fe.yaml --out c.yaml --templates t.jsonl");
    ck_assert_ptr_nonnull(strstr(note, "give --limit 7 to sweep"));
    ck_assert_ptr_nonnull(strstr(file("c.yaml"), "recipient: task\n"));
    ck_assert_ptr_nonnull(strstr(file("t.jsonl"), "{\"template\":\"{first_actor} is\",\"fillers\":{"));
}
END_TEST

START_TEST(a_line_and_nothing_written) {
    static const char *const bad[][2] = {
        {"import-patch", "no patch configuration is named"},
        {"import-patch --out x.yaml", "no patch configuration is named"},
        {"import-patch none.yaml --out x.yaml", "none.yaml"},
        {"import-patch fe.yaml bad.yaml --out x.yaml", "bad.yaml:2:45: unknown key 'mlp'"},
        {"import-patch fe.yaml --out fe.yaml", "field '--out': is the file of --patch"},
        {"import-patch $(seq -f %g.yaml 80) fe.yaml --out fe.yaml", "field '--out': is the file of --patch"},
        {"import-patch fe.yaml --templates x.yaml", "no file has templates"},
        {"import-patch fe.yaml --family bert --out x.yaml", "is 'bert'"},
        {"import-patch fe.yaml --experiment e.yaml --direction hybrid --out x.yaml", "field '--direction'"},
        {"import-patch fe.yaml --set $'a\\nb' --out x.yaml", "field '--set': a name is one line"},
        {"import-patch fe.yaml --layers 1000000 --out x.yaml", "field '--layers'"},
        {"export --db none.db --public-model gemma", "nothing to write"},
        {"export --db none.db --cells x.csv --public-dataset d", "give --public DIR too"},
        {"export --db none.db --public x_archive", "pass over every path that holds 'archive'"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char out[4096];
        int code = run(out, sizeof out, bad[i][0]);
        assert_refusal(bad[i][0], code, out, bad[i][1], "");
        ck_assert(!gk_exists(scratch_path(&s, "x.yaml")) && !gk_exists(scratch_path(&s, "x.csv")));
        ck_assert_str_eq(file("fe.yaml"), FE);
    }
}
END_TEST

int main(void) {
    TCase *t = tcase_create("cli_public");
    tcase_add_checked_fixture(t, world, end);
    tcase_add_test(t, files_become_a_set);
    tcase_add_test(t, an_experiment_of_its_own);
    tcase_add_test(t, a_line_and_nothing_written);
    Suite *suite = suite_create("cli_public");
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
