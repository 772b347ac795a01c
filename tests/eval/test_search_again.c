/* test_search_again.c: a search begun again, killed or interrupted comes to the same end; what is refused,
 * and fields without tokens of their own. */
/* modules: report eval graft train model tokenizer core */
#include "tests/support/search_fixture.h"

#include <sys/wait.h>

static void refused(const gk_search_options *o, const char *words) {
    gk_error err = {0};
    char text[2048];
    gk_search *s = gk_search_open(o, &err);
    ck_assert_msg(!s || !gk_search_run(s, &err), "accepted; expected: %s", words);
    gk_search_close(s);
    gk_error_text(&err, text, sizeof text);
    ck_assert_msg(strstr(text, words) != NULL, "'%s' lacks '%s'", text, words);
    ck_assert_ptr_null(strchr(text, '\n'));
}

static const char *file(const char *out, const char *name) {
    return fx_read(gk_arena_printf(fx_arena, "%s/%s", out, name), NULL);
}

/* ---------------------------------------------------------------- again, and after a death */

static const char *const FILES[] = {"state.json", "ladder.json", "ladder.csv", "scheme.yaml"};

static void same_files(const char *a, const char *b) {
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++)
        ck_assert_msg(strcmp(file(a, FILES[i]), file(b, FILES[i])) == 0, "%s differs", FILES[i]);
}

/* Every column is in docs/store.md, in its order, and no other. */
START_TEST(columns_are_as_told) {
    gk_search_options o = options("one", "columns");
    gk_search_close(search(&o));
    char *text = gk_arena_strdup(fx_arena, file("columns", "ladder.csv")),
         *page = gk_read_file(fx_arena, GK_SOURCE_DIR "/docs/store.md", 1 << 20, NULL, NULL);
    char *at = strstr(page, "\n## `ladder.csv`");
    ck_assert_ptr_nonnull(at);
    *strstr(text, "\r\n") = 0;
    size_t n = 0;
    for (char *name; (name = strsep(&text, ",")); n++) {
        char *cell = strstr(at, gk_arena_printf(fx_arena, "`%s`", name));
        ck_assert_msg(cell != NULL, "%s is not told, or not behind the one before", name);
        at = cell;
    }
    ck_assert_uint_eq(n, 5 + 2 * 8);
}
END_TEST

static gk_search_options messy(const char *out) {
    gk_search_options o = options("noisy", out);
    o.beam = 2;
    o.goal = 1;
    return o;
}

START_TEST(the_same_search_gives_the_same_bytes) {
    gk_search_options a = messy("a"), b = messy("b");
    gk_search_close(search(&a));
    gk_search_close(search(&b));
    same_files("a", "b");
    gk_search_close(search(&a)); /* a finished one only measures again */
    same_files("a", "b");
}
END_TEST

static int lines_to_live, death; /* of a doomed process */

static ssize_t count_lines(void *ctx, const char *text, size_t n) {
    (void)ctx, (void)text;
    if (lines_to_live-- == 0) kill(getpid(), death);
    for (int i = 0; death == SIGINT && lines_to_live < 0 && i < 5000 && !gk_interrupted(); i++) usleep(1000);
    return (ssize_t)n;
}

/* A process of its own, which a signal meets when it tells its n-th line of progress. Its exit code: 0 at the
 * end, 1 stopped as it was asked to, -1 killed. */
static int search_apart(gk_search_options o, int signal_, int n) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (signal_ == SIGINT) gk_interrupt_catch();
        lines_to_live = n;
        death = signal_;
        o.progress = fopencookie(NULL, "w", (cookie_io_functions_t){.write = count_lines});
        setvbuf(o.progress, NULL, _IONBF, 0);
        gk_search *s = gk_search_open(&o, NULL);
        bool ok = s && gk_search_run(s, NULL);
        int code = !ok ? 3 : gk_search_found(s) ? 0 : 1;
        gk_search_close(s);
        fclose(o.progress);
        _exit(code);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(!WIFEXITED(status) || WEXITSTATUS(status) < 2);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(a_killed_or_interrupted_search_goes_on_to_the_same_end) {
    gk_search_options a = messy("a"), b = messy("b"), c = messy("c");
    gk_search_close(search(&a));
    int deaths = 0, stops = 0, rc;
    while ((rc = search_apart(b, SIGKILL, 7)) == -1 && deaths < 60) deaths++;
    ck_assert_int_eq(rc, 0);
    ck_assert_int_ge(deaths, 2);
    same_files("a", "b");
    while ((rc = search_apart(c, SIGINT, 7)) == 1 && stops < 60) stops++;
    ck_assert_int_eq(rc, 0);
    ck_assert_int_ge(stops, 2);
    same_files("a", "c");
}
END_TEST

/* ---------------------------------------------------------------- refusals */

START_TEST(a_folder_with_another_search_is_refused) {
    gk_search_options o = options("one", "s");
    gk_search_close(search(&o));
    o.goal = 0.8;
    refused(&o, "'goal' differs");
    o = options("two", "s");
    refused(&o, "'donor_sha256' differs");
    o.restart = true;
    gk_search_close(search(&o));
    o.restart = false;
    gk_search_close(search(&o));
    fx_write("s/state.json", "{\"search_state\": 1, \"identity\": []}\n");
    refused(&o, "differs");
    fx_write("s/state.json", "[1]\n");
    refused(&o, "not the state of a search");
    fx_write("s/state.json", "{\"search");
    refused(&o, "state.json:1");
}
END_TEST

START_TEST(files_of_others_are_not_written_over) {
    static const char *const theirs[] = {"scheme.yaml", "ladder.csv", "ladder.json", "ladder.svg"};
    for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++) {
        const char *dir = gk_arena_printf(fx_arena, "theirs%zu", i);
        const char *path = gk_path_join(fx_arena, dir, theirs[i]);
        gk_search_options o = options("one", dir);
        ck_assert(gk_mkdirs(fx_path(dir), NULL));
        fx_write(path, "mine\n");
        refused(&o, gk_arena_printf(fx_arena, "%s: the folder holds a file that no search known here made",
                                    theirs[i]));
        ck_assert_str_eq(fx_read(path, NULL), "mine\n");
        if (i > 0) continue;
        o.restart = true;
        gk_search_close(search(&o));
        ck_assert_str_ne(fx_read(path, NULL), "mine\n");
    }
}
END_TEST

static void damaged(const char *from, const char *to) {
    gk_search_options o = options("one", "s");
    gk_search_close(search(&o));
    char *text = fx_read("s/state.json", NULL), *at = strstr(text, from);
    ck_assert_msg(at != NULL, "no %s in\n%s", from, text);
    fx_write("s/state.json",
             gk_arena_printf(fx_arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)));
    refused(&o, "damaged");
    unlink(fx_path("s/state.json"));
}

START_TEST(a_damaged_state_is_refused) {
    damaged("\"changed\": ", "\"changed\": 9999999");
    damaged("\"changed\": ", "\"changed\": -");
    damaged("\"cells\": [", "\"cells\": [1.5,");
    damaged("\"objective\": -", "\"objective\": \"\", \"o\": -");
    damaged("\"drop\": false", "\"drop\": 0");
    damaged("\"complete\": true", "\"complete\": 1");
    damaged("\"ends\": [", "\"ends\": [0,");
}
END_TEST

START_TEST(what_cannot_be_searched_is_named) {
    gk_search_options o = options("pre", "s");
    refused(
        &o,
        "nothing to recover: on the rows to search, top-5 accuracy is 0.0% with 'sft' and 0.0% with 'pre'");
    o = options("one", "s");
    o.goal = 1.01;
    refused(&o, "--goal");
    o.goal = 0;
    refused(&o, "--goal");
    o.goal = NAN;
    refused(&o, "--goal");
    o = options("one", "s");
    o.held_out = 1;
    refused(&o, "--held-out");
    o.held_out = 0.1;
    refused(&o, "24 usable rows leave 22 to search and 2 held out; each part needs 10");
    o = options("one", "s");
    o.top = 3;
    refused(&o, "--top");
    o = options("one", "s");
    o.layer_blocks = 3;
    refused(&o, "3 blocks of layers, but the models have 2 layers");
    o.donor = "sft";
    refused(&o, "--donor");
    o.beam = 0;
    refused(&o, "--beam");
}
END_TEST

START_TEST(words_that_select_nothing_are_named) {
    const char *word[2] = {"first_actr", NULL};
    gk_search_options o = options("one", "s");
    o.positions = word;
    o.n_positions = 1;
    refused(&o, "--position first_actr: unknown field 'first_actr'; known fields:");
    word[0] = "first_actor, donor: pre";
    refused(&o, "--position");
    word[0] = "a # b";
    refused(&o, "is not one line of YAML");
    word[0] = "all";
    refused(&o, "covers all of it");
    word[0] = word[1] = "first_actor";
    o.n_positions = 2;
    refused(&o, "'first_actor' is there twice");
    word[0] = "99";
    o.n_positions = 1;
    refused(&o,
            "none of the 72 prompts can be cut into these positions; the first: no plan: empty selection");
    o = options("one", "s");
    o.components = word;
    o.n_components = 1;
    word[0] = "mlp";
    refused(&o, "--components mlp: unknown component 'mlp'");
    word[0] = "all";
    refused(&o, "embed or pos");
    word[0] = "gate";
    refused(&o, "gpt2 models have no gate");
    word[0] = "attn";
    word[1] = "[o, up]";
    o.n_components = 2;
    refused(&o, "'[o, up]' overlaps a group before it");
    fx_write("apart.jsonl", "{\"template\": \"Who works with {first_actor}?\"}\n"
                            "{\"template\": \"Who stars in {movie_title}?\"}\n");
    o = options("one", "s");
    o.prompts.templates = fx_path("apart.jsonl");
    refused(&o, "the templates have no field in common");
}
END_TEST

/* A field of which nothing but the last token is left in one template is no position of its own. */
START_TEST(a_field_without_tokens_joins_the_rest) {
    fx_write("ends.jsonl", "{\"template\": \"Who stars with {first_actor} in {movie_title}? {relation}\"}\n"
                           "{\"template\": \"{first_actor} {relation} in {movie_title} alongside\"}\n");
    fx_write("a.json", "{\"relation\": \"a\"}");
    gk_search_options o = options("one", "s");
    o.prompts.templates = fx_path("ends.jsonl");
    o.prompts.fillers = fx_path("a.json");
    gk_search *s = search(&o);
    ck_assert_uint_eq(gk_search_found(s)->n_positions, 4); /* last, first_actor, movie_title, rest */
    ck_assert_str_eq(gk_search_left_out(s)[0], "relation");
    ck_assert_ptr_null(gk_search_left_out(s)[1]);
    ck_assert_uint_eq(gk_search_prompts(s)->n_dropped, 0);
    gk_search_close(s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("search_again");
    TCase *t = tcase_create("search_again");
    tcase_set_timeout(t, 240);
    tcase_add_checked_fixture(t, start, fx_stop);
    tcase_add_test(t, columns_are_as_told);
    tcase_add_test(t, the_same_search_gives_the_same_bytes);
    tcase_add_test(t, a_killed_or_interrupted_search_goes_on_to_the_same_end);
    tcase_add_test(t, a_folder_with_another_search_is_refused);
    tcase_add_test(t, files_of_others_are_not_written_over);
    tcase_add_test(t, a_damaged_state_is_refused);
    tcase_add_test(t, what_cannot_be_searched_is_named);
    tcase_add_test(t, words_that_select_nothing_are_named);
    tcase_add_test(t, a_field_without_tokens_joins_the_rest);
    suite_add_tcase(s, t);
    return run_suite(s);
}
