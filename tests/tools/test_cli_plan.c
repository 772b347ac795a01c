/* modules: report eval graft train model tokenizer core
 *
 * test_cli_plan.c: graftkit plan as a person runs it. $GRAFTKIT names the binary (make test sets it). */
#include "tests/support/eval_fixture.h"
#include "tests/support/program.h"

/* Runs `graftkit plan <args>` in the world's folder; both streams in `out`. */
static int run(char *out, size_t size, const char *args) {
    char line[4096];
    snprintf(line, sizeof line, "cd '%s' && '%s' plan %s 2>&1", fx_dir, program(), args);
    return run_line(line, out, size);
}

static const char *says(const char *args) {
    static char out[65536];
    int code = run(out, sizeof out, args);
    ck_assert_msg(code == 0, "plan %s\nreturned %d:\n%s", args, code, out);
    return out;
}

static void refused(const char *args, const char *words) {
    char out[65536];
    int code = run(out, sizeof out, args);
    assert_refusal(args, code, out, words, "");
    ck_assert_int_eq(strncmp(out, "graftkit plan: ", 15), 0);
}

static void world(void) {
    fx_start();
    fx_write("s.yaml", FX_SCHEMES);
    fx_write("grid.yaml", "set: grid\nschemes:\n- name: LT $what, layer $layer\n"
                          "  grid: {layer: each, what: [attn, ffn]}\n"
                          "  grafts: [{at: last, donor: sft, components: $what, layers: $layer}]\n");
}

#define MODELS "--recipient pre=pre --donor sft "
#define PROMPT "--prompt 'Ada Kane stars in Blue River' --span 'first_actor=Ada Kane' "
#define ROWS "--templates eval.jsonl --fillers fillers.json --rows rows.jsonl "

START_TEST(a_prompt_of_ones_own) {
    const char *out = says(MODELS PROMPT "--schemes s.yaml --scheme FE");
    ck_assert_ptr_eq(strstr(out, "FE\n     embed  0  1  lnf head\n"), out);
    ck_assert_ptr_nonnull(strstr(out, "\n   2   S    S  S   .   .    Ada     first_actor, entity\n"));
    ck_assert_ptr_nonnull(strstr(out, "     . pre   S sft\n"));
    ck_assert_ptr_null(strchr(out, '\033')); /* no terminal */
    ck_assert_ptr_nonnull(strstr(says(MODELS PROMPT "--schemes s.yaml --color always"), "\033["));
    /* Without --scheme, those that apply; the others are counted. */
    out = says(MODELS PROMPT "--schemes s.yaml");
    ck_assert_ptr_nonnull(strstr(out, "1 schemes left out: the prompt lacks fields that they name"));
    ck_assert_ptr_nonnull(strstr(out, "\nFE again\n"));
    ck_assert_ptr_null(strstr(out, "\nM+LT\n"));
}
END_TEST

START_TEST(a_prompt_of_a_sweep) {
    const char *out = says(MODELS ROWS "--row 2 --template 2 --schemes s.yaml --scheme M+LT");
    ck_assert_ptr_nonnull(strstr(out, "movie_title"));
    ck_assert_ptr_nonnull(strstr(out, "first_actor"));
    char *second = gk_arena_strdup(fx_arena, out);
    ck_assert_str_ne(says(MODELS ROWS "--row 1 --template 2 --schemes s.yaml --scheme M+LT"), second);
    out = second;
    ck_assert_ptr_nonnull(strstr(out, "last\n"));
    refused(MODELS ROWS "--row 2 --template 1 --schemes s.yaml --scheme M+LT", "unknown field 'movie_title'");
    refused(MODELS ROWS "--row 31 --schemes s.yaml", "there are 30 rows in rows.jsonl");
    refused(MODELS ROWS "--template 4 --schemes s.yaml", "there are 3 templates in eval.jsonl");
}
END_TEST

START_TEST(grids_are_listed_and_drawn) {
    ck_assert_str_eq(says("--recipient pre=pre --schemes grid.yaml --list"),
                     "LT attn, layer 0\tgrid\tlayer=0 what=attn\n"
                     "LT ffn, layer 0\tgrid\tlayer=0 what=ffn\n"
                     "LT attn, layer 1\tgrid\tlayer=1 what=attn\n"
                     "LT ffn, layer 1\tgrid\tlayer=1 what=ffn\n"
                     "4 schemes of 1 entries\n");
    const char *out = says(MODELS PROMPT "--schemes grid.yaml --scheme 'LT ffn, layer 1' --svg p.svg");
    ck_assert_ptr_nonnull(strstr(out, "     1 gate up down from sft, the rest from pre\n"));
    ck_assert_ptr_nonnull(strstr(fx_read("p.svg", NULL), "gate up down from sft, the rest from pre"));
}
END_TEST

START_TEST(what_is_wrong_is_said) {
    refused("--recipient pre --schemes s.yaml --list", "'pre' is not a named model");
    refused("--recipient pre=nowhere --schemes s.yaml --list", "nowhere");
    refused("--recipient pre=pre --donor pre --schemes s.yaml --list", "two models are named 'pre'");
    refused(MODELS "--schemes s.yaml", "there is no prompt to draw on");
    refused(MODELS PROMPT ROWS "--schemes s.yaml", "two ways to give the prompt");
    refused(MODELS PROMPT "--span 'movie_title=Red River' --schemes s.yaml",
            "the prompt does not hold 'Red River'");
    refused(MODELS PROMPT "--span movie_title --schemes s.yaml", "'movie_title' is not a named text");
    refused(MODELS PROMPT "--schemes s.yaml --scheme 'FE agin'",
            "no scheme is named 'FE agin'; did you mean 'FE again'?");
    refused(MODELS PROMPT "--schemes s.yaml --scheme M+LT", "unknown field 'movie_title'");
    refused("--recipient pre=pre " PROMPT "--schemes s.yaml --scheme FE",
            "unknown model 'sft'; known models: pre");
    refused(MODELS PROMPT "--schemes s.yaml --color blue", "is 'blue'; write auto, always or never");
    refused(MODELS PROMPT "--schemes s.yaml --svg s.yaml", "is the file of --schemes");
    refused(MODELS PROMPT "--schemes s.yaml --svg no/such/p.svg", "no/such");
    ck_assert_ptr_nonnull(strstr(says("--help"), "--span FIELD=TEXT"));
}
END_TEST

/* By name, by the path below the program's home, or by a path from anywhere. */
START_TEST(schemes_that_come_along) {
    static const char *const ways[] = {"position", "graft/schemes/position.yaml",
                                       GK_SOURCE_DIR "/graft/schemes/position.yaml"};
    char *first = NULL;
    for (size_t i = 0; i < 3; i++) {
        const char *out = says(gk_arena_printf(fx_arena, MODELS "--list --schemes %s", ways[i]));
        ck_assert_ptr_nonnull(strstr(out, "SFT-rh\tposition"));
        if (!first) first = gk_arena_strdup(fx_arena, out);
        ck_assert_str_eq(out, first);
    }
    fx_write("own", FX_SCHEMES); /* without an ending */
    ck_assert_ptr_nonnull(strstr(says(MODELS "--list --schemes own"), "FE again"));
    fx_write("position", FX_SCHEMES);
    refused(MODELS "--list --schemes position",
            "'position' is a file here, and a scheme file that comes along");
    refused(MODELS "--list --schemes positions", "'positions' is no scheme file that comes along");
}
END_TEST

int main(void) {
    Suite *s = suite_create("cli_plan");
    TCase *t = tcase_create("cli_plan");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, world, fx_stop);
    tcase_add_test(t, a_prompt_of_ones_own);
    tcase_add_test(t, a_prompt_of_a_sweep);
    tcase_add_test(t, grids_are_listed_and_drawn);
    tcase_add_test(t, what_is_wrong_is_said);
    tcase_add_test(t, schemes_that_come_along);
    suite_add_tcase(s, t);
    return run_suite(s);
}
