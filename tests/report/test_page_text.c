/* test_page_text.c: what pages say in files of their own: the named pieces of an embedded file, prose.html
 * against the calls that take its pieces, and what a set of schemes says of itself. */
/* modules: report eval graft train model tokenizer core */
#include "core/embed.h"
#include "report/page/files.h"
#include "tests/support/report_fixture.h"

#include <dirent.h>
#include <jansson.h>

/* ---------------------------------------------------------------- pieces */

static void is_piece(const char *text, const char *name, const char *want) {
    size_t n = 99;
    const char *at = gk_piece(text, name, &n);
    if (!want) {
        ck_assert_ptr_null(at);
        return;
    }
    ck_assert_msg(at && n == strlen(want) && memcmp(at, want, n) == 0, "piece %s is '%.*s', not '%s'", name,
                  at ? (int)n : 0, at, want);
}

START_TEST(pieces_are_found_by_name) {
    static const char text[] =
        "a head\n-- [one] and more\nfirst\n\nline\n\n-- [two words]\n-- no piece\n<!-- [last] -->\n"
        "{x}\n-- [open\n-- [empty]";
    is_piece(text, "one", "first\n\nline");
    is_piece(text, "two words", "-- no piece");
    is_piece(text, "last", "{x}\n-- [open");
    is_piece(text, "empty", "");
    is_piece(text, "two", NULL);
    is_piece(text, "open", NULL);
    is_piece("", "one", NULL);
}
END_TEST

static const char *prose(bench *b, const char *piece, const char *key, const char *value) {
    gk_buf out = {0};
    gk_page__prose(&out, piece, key, value, NULL);
    const char *text = gk_arena_strdup(b->s.a, out.data);
    gk_buf_free(&out);
    return text;
}

START_TEST(prose_has_its_values_escaped) {
    bench b = bench_begin();
    const char *text = prose(&b, "read: top-5", "target", "<b>{target}</b>");
    ck_assert_ptr_nonnull(strstr(text, "<code>&lt;b&gt;{target}&lt;/b&gt;</code>"));
    ck_assert_uint_eq(count(text, "\n"), 1); /* where the file breaks a line, the page need not */
    ck_assert_ptr_nonnull(strstr(prose(&b, "read: top-5", "other", "x"), "{target}"));
    bench_free(&b);
}
END_TEST

/* ---------------------------------------------------------------- prose.html and who takes its pieces */

/* The text after `before` up to `end`, for every place where it stands. */
static void each_name(bench *b, const char *text, const char *before, char end, json_t *names) {
    for (const char *at = text; (at = strstr(at, before));) {
        at += strlen(before);
        json_object_set_new(names, gk_arena_strndup(b->s.a, at, strcspn(at, (char[]){end, '\n', 0})),
                            json_true());
    }
}

static void read_sources(bench *b, const char *dir, json_t *taken) {
    DIR *d = opendir(dir);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *e; (e = readdir(d));) {
        char *path = gk_path_join(b->s.a, dir, e->d_name);
        if (e->d_name[0] == '.') continue;
        if (e->d_type == DT_DIR && strcmp(e->d_name, "page") != 0) read_sources(b, path, taken);
        const char *dot = strrchr(e->d_name, '.');
        char *text = dot && strcmp(dot, ".c") == 0 ? gk_read_file(b->s.a, path, 1 << 20, NULL, NULL) : NULL;
        if (!text) continue;
        for (const char *at = text; (at = strstr(at, "gk_page__prose(")); at++) {
            const char *name = at + strcspn(at, "\";");
            ck_assert_msg(*name == '"', "%s: a piece by no name of its own", path);
            json_object_set_new(taken, gk_arena_strndup(b->s.a, name + 1, strcspn(name + 1, "\"")),
                                json_true());
        }
    }
    closedir(d);
}

START_TEST(every_piece_is_there_and_taken) {
    bench b = bench_begin();
    json_t *written = json_object(), *taken = json_object(), *v;
    const char *name;
    each_name(&b, gk_page__prose_file, "\n<!-- [", ']', written);
    read_sources(&b, home(&b, "report"), taken);
    ck_assert_uint_gt(json_object_size(taken), 15);
    json_object_foreach(taken, name, v)
        ck_assert_msg(json_object_get(written, name) != NULL, "no piece '%s'", name);
    json_object_foreach(written, name, v)
        ck_assert_msg(json_object_get(taken, name) != NULL, "no one takes '%s'", name);
    json_decref(written);
    json_decref(taken);
    bench_free(&b);
}
END_TEST

/* No key is left over on a page. */
START_TEST(every_key_is_given) {
    bench b = bench_new();
    gk_report_options o = {.db = b.db, .out = b.out};
    const char *body = strstr(write_report(&b, &o), "</style>");
    json_t *keys = json_object(), *v;
    const char *name;
    each_name(&b, strstr(gk_page__prose_file, "<!-- ["), "{", '}', keys);
    ck_assert_uint_gt(json_object_size(keys), 10);
    json_object_foreach(keys, name, v)
        ck_assert_msg(strstr(body, gk_arena_printf(b.s.a, "{%s}", name)) == NULL, "{%s} is not given", name);
    json_decref(keys);
    bench_free(&b);
}
END_TEST

/* ---------------------------------------------------------------- what a set says of itself */

START_TEST(a_set_has_its_own_title) {
    bench b = bench_begin();
    gk_error err;
    b.schemes = (gk_schemes){0};
    char *file = scratch_file(&b.s, "own.yaml",
                              "set: mine\ntitle: \"Heads & <tails>\"\nabout: First. Second.\nschemes:\n"
                              "  - {name: x}\n");
    ck_assert(gk_schemes_load(b.s.a, file, &b.schemes, &err));
    ck_assert_str_eq(gk_scheme_set_title(b.schemes.item[0]), "Heads & <tails>");
    make_store(&b);
    gk_report_options o = {.db = b.db, .out = b.out};
    const char *page = write_report(&b, &o);
    ck_assert_ptr_nonnull(strstr(page, "\">mine: Heads &amp; &lt;tails&gt;</h2>\n<p>First. Second.</p>"));
    const char *runs[] = {b.s.dir};
    gk_compare_options c = {.runs = runs, .n_runs = 1, .out = b.out};
    ck_assert(gk_compare_write(&c, &err));
    page = gk_read_file(b.s.a, b.out, 1 << 24, NULL, &err);
    ck_assert_ptr_nonnull(
        strstr(page, "<h3>mine: Heads &amp; &lt;tails&gt;</h3>\n<p class=\"muted\">First. Second.</p>"));
    bench_free(&b);
}
END_TEST

START_TEST(a_title_is_one_line) {
    static const char *const bad[] = {"title: \"\"",         "title: \"a\\nb\"", "title: [a]",
                                      "title: \"a\\u0007\"", "kind: x",          "Title: a"};
    bench b = bench_begin();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gk_schemes all = {0};
        gk_error err = {0};
        char *file = scratch_file(&b.s, "bad.yaml",
                                  gk_arena_printf(b.s.a, "set: s\n%s\nschemes:\n  - {name: x}\n", bad[i]));
        ck_assert_msg(!gk_schemes_load(b.s.a, file, &all, &err), "%s is taken", bad[i]);
        ck_assert_msg(err.line == 2 && *err.hint, "%s: line %d, %s", bad[i], (int)err.line, err.what);
    }
    bench_free(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("page_text");
    TCase *t = tcase_create("page_text");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, pieces_are_found_by_name);
    tcase_add_test(t, prose_has_its_values_escaped);
    tcase_add_test(t, every_piece_is_there_and_taken);
    tcase_add_test(t, every_key_is_given);
    tcase_add_test(t, a_set_has_its_own_title);
    tcase_add_test(t, a_title_is_one_line);
    suite_add_tcase(s, t);
    return run_suite(s);
}
