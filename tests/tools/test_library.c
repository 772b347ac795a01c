/* modules: eval graft train model tokenizer core
 *
 * test_library.c: graftkit as somebody's library: each public header alone, from C and C++, and the example
 * in it; what the built libraries show; the program of examples/ against them. */
#include "graftkit/eval/measure.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/decode.h"
#include "graftkit/model/weights.h"
#include "graftkit/tokenizer.h"
#include "tests/support/program.h"

#include <ctype.h>
#include <glob.h>

#define C_COMPILER "cc -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror "
#define CXX_COMPILER "c++ -x c++ -std=c++17 -Wall -Wextra -Werror "

static scratch s;
static char *names[128]; /* "adapter", … */
static size_t n_names;

/* The exit code of a shell line in the source tree: $D is the scratch folder, $B that of the built library.
 */
static int shell(const char *line, char *out, size_t size) {
    const char *binary = program(), *slash = strrchr(binary, '/');
    const char *all = gk_arena_printf(s.a, "cd '%s' && D='%s' B='%.*s' && { %s; } 2>&1", GK_SOURCE_DIR, s.dir,
                                      (int)(slash - binary), binary, line);
    return run_line(all, out, size);
}

static char *prints(const char *line) {
    char *out = gk_arena_alloc(s.a, 1 << 16);
    int code = shell(line, out, 1 << 16);
    ck_assert_msg(code == 0, "%s\nreturned %d: %.4000s", line, code, out);
    return out;
}

static bool has_cxx(void) {
    char out[64];
    if (shell("command -v c++", out, sizeof out) == 0) return true;
    printf("skip: there is no C++ compiler here\n");
    return false;
}

static void start(void) {
    s = scratch_new();
    glob_t found;
    ck_assert_int_eq(glob(GK_SOURCE_DIR "/include/graftkit/{,*/}*.h", GLOB_BRACE, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc && n_names < 128; i++) {
        const char *name = found.gl_pathv[i] + strlen(GK_SOURCE_DIR "/include/graftkit/");
        names[n_names++] = gk_arena_strndup(s.a, name, strlen(name) - 2);
    }
    globfree(&found);
    ck_assert_uint_gt(n_names, 30);
}

static void stop(void) {
    scratch_free(&s);
}

static char *header(const char *name) {
    char *path = gk_arena_printf(s.a, "%s/include/graftkit/%s.h", GK_SOURCE_DIR, name);
    char *text = gk_read_file(s.a, path, 1 << 20, NULL, NULL);
    ck_assert_ptr_nonnull(text);
    return text;
}

/* ---------------------------------------------------------------- the headers */

START_TEST(each_header_stands_alone) {
    const char *loop =
        "for h in include/graftkit/{,*/}*.h; do echo \"#include \\\"${h#include/}\\\"\" >$D/one.%s; "
        "%s -Iinclude -fsyntax-only $D/one.%s || exit 1; done";
    prints(gk_arena_printf(s.a, loop, "c", C_COMPILER, "c"));
    if (has_cxx()) prints(gk_arena_printf(s.a, loop, "cc", CXX_COMPILER, "cc"));
}
END_TEST

START_TEST(headers_are_short_and_listed) {
    const char *all = header("graftkit");
    const char *page = gk_read_file(s.a, GK_SOURCE_DIR "/docs/library.md", 1 << 20, NULL, NULL);
    ck_assert_ptr_nonnull(page);
    for (size_t i = 0; i < n_names; i++) {
        int lines = 0;
        for (const char *t = header(names[i]); *t; t++) lines += *t == '\n';
        ck_assert_msg(lines <= 250, "%s.h has %d lines, more than 250", names[i], lines);
        ck_assert_msg(strstr(page, gk_arena_printf(s.a, "`%s.h`", names[i])), "docs/library.md lacks `%s.h`",
                      names[i]);
        if (strcmp(names[i], "graftkit") == 0) continue;
        ck_assert_msg(strstr(all, gk_arena_printf(s.a, "#include \"graftkit/%s.h\"\n", names[i])),
                      "graftkit.h does not include %s.h", names[i]);
    }
}
END_TEST

/* The indented lines behind " * Example:" of a header, as a function's body. */
static void add_example(gk_buf *out, const char *name) {
    const char *text = header(name), *line = strstr(text, "\n * Example:\n");
    ck_assert_msg(line != NULL, "%s.h has no example", name);
    line += strlen("\n * Example:\n");
    int number = 1;
    for (const char *t = text; t < line; t++) number += *t == '\n';
    char *id = gk_arena_strdup(s.a, name);
    for (char *c = id; *c; c++) *c = *c == '/' ? '_' : *c;
    gk_buf_printf(out, "bool example_%s(gk_error *err);\nbool example_%s(gk_error *err) {\n", id, id);
    gk_buf_printf(out, "(void)err;\n#line %d \"include/graftkit/%s.h\"\n", number, name);
    size_t lines = 0;
    for (; strncmp(line, " *     ", 7) == 0; lines++) {
        size_t len = strcspn(line, "\n");
        gk_buf_printf(out, "%.*s\n", (int)(len - 7), line + 7);
        line += len + 1;
    }
    gk_buf_puts(out, "}\n");
    ck_assert_msg(lines > 0 && strncmp(line, " */\n", 4) == 0, "%s.h: its example ends in no comment's end",
                  name);
}

/* A header's example is what a reader copies: it has what it needs, and compiles in both languages. */
START_TEST(examples_in_headers_compile) {
    gk_buf out = {0};
    gk_buf_puts(&out, "#include <graftkit/graftkit.h>\n");
    for (size_t i = 0; i < n_names; i++)
        if (strcmp(names[i], "graftkit") != 0) add_example(&out, names[i]);
    scratch_file(&s, "examples.c", out.data);
    gk_buf_free(&out);
    const char *strict = " -Wno-missing-field-initializers -Iinclude -fsyntax-only $D/examples.c";
    prints(gk_arena_printf(s.a, "%s%s", C_COMPILER, strict));
    if (has_cxx()) prints(gk_arena_printf(s.a, "%s%s", CXX_COMPILER, strict));
}
END_TEST

/* ---------------------------------------------------------------- what is shown */

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The gk_ name before the first parenthesis of a declaration; NULL where it is none of a function that has
 * its definition elsewhere. */
static char *declared(const char *text, size_t len) {
    char *copy = gk_arena_strndup(s.a, text, len), *open = strchr(copy, '(');
    if (!open || strstr(copy, "typedef ") || strstr(copy, "static ")) return NULL;
    while (open > copy && open[-1] == ' ') open--;
    *open = '\0';
    char *name = open;
    while (name > copy && (isalnum((unsigned char)name[-1]) || name[-1] == '_')) name--;
    return strncmp(name, "gk_", 3) == 0 ? name : NULL;
}

/* The functions that graftkit.h declares, one a line, in order: what is left of it without comments, macros
 * and the insides of braces, cut at each semicolon and behind the body of an inline function. */
static char *declared_functions(void) {
    prints("echo '#include \"graftkit/graftkit.h\"' | cc -Iinclude -DGK_PUBLIC_BEGIN= -DGK_PUBLIC_END= -E -P "
           "-x c - >$D/all.h");
    const char *text = gk_read_file(s.a, scratch_path(&s, "all.h"), 1 << 24, NULL, NULL);
    ck_assert_ptr_nonnull(text);
    char *list[2048], *flat = gk_arena_alloc(s.a, strlen(text) + 1);
    size_t n = 0, len = 0;
    int depth = 0;
    for (const char *t = text; *t; t++) {
        depth -= *t == '}';
        bool body = *t == '}' && depth == 0 && memmem(flat, len, "static ", 7) && memchr(flat, '(', len);
        if (depth == 0 && (*t == ';' || body)) {
            char *name = declared(flat, len);
            ck_assert_uint_lt(n, 2048);
            if (name) list[n++] = name;
            len = 0;
        } else if (depth == 0 && *t != '}') {
            flat[len++] = *t == '\n' ? ' ' : *t;
        }
        depth += *t == '{';
    }
    qsort(list, n, sizeof *list, by_text);
    gk_buf out = {0};
    for (size_t i = 0; i < n; i++) gk_buf_printf(&out, "%s\n", list[i]);
    char *all = gk_arena_strdup(s.a, out.data ? out.data : "");
    gk_buf_free(&out);
    return all;
}

/* Neither more nor less: lines with < are declared and not there, those with > are there and not declared. */
START_TEST(the_shared_library_shows_what_headers_declare) {
    scratch_file(&s, "declared", declared_functions());
    ck_assert_ptr_nonnull(strstr(prints("cat $D/declared"), "\ngk_graft_run\n"));
    prints("nm -D --defined-only $B/libgraftkit.so.*.*.* | sed 's/.* //' | LC_ALL=C sort >$D/shown && "
           "LC_ALL=C sort -c $D/declared && diff $D/declared $D/shown");
}
END_TEST

/* What the archive has beside them is hidden: whoever puts it into a shared library of his own shows none of
 * it. All carries graftkit's prefix, so that it meets no name of his. (C++'s templates are weak; locks are
 * OpenMP's.) */
START_TEST(the_archive_keeps_to_its_prefix) {
    scratch_file(&s, "declared", declared_functions());
    prints("readelf -sW $B/libgraftkit.a >$D/symbols && "
           "awk '$5 == \"GLOBAL\" && $7 != \"UND\" && $8 !~ /^[.]gomp_critical_user_/ {print $6, $8}' "
           "$D/symbols | "
           "LC_ALL=C sort -u >$D/defined && sed -n 's/^DEFAULT //p' $D/defined | diff $D/declared -");
    ck_assert_str_eq(prints("sed -n 's/^HIDDEN //p' $D/defined | grep -vE '^(__odr_asan[.])?gk_' || true"),
                     "");
    ck_assert_ptr_nonnull(strstr(prints("cat $D/defined"), "HIDDEN gk_session__"));
}
END_TEST

/* ---------------------------------------------------------------- the program */

#define PROMPT "Ada Moss stars in Green Rain with"

/* Two models of one tokenizer in $D/pre and $D/sft, which is all that they have in common. */
static void two_models(gk_tok **tok, gk_model *model[2]) {
    static const char *const dir[] = {"pre", "sft"};
    static const char *const texts[] = {PROMPT " Tom Field", "Tom Field stars in Green Rain with Ada Moss"};
    ck_assert(gk_tok_train(texts, 2, 300, scratch_path(&s, "tokenizer"), NULL));
    *tok = gk_tok_load(scratch_path(&s, "tokenizer"), NULL);
    ck_assert_ptr_nonnull(*tok);
    gk_config c;
    gk_config_default(gk_family_find("llama"), gk_tok_size(*tok), &c);
    c.n_layers = 2;
    for (int i = 0; i < 2; i++) {
        model[i] = gk_model_new(&c, (uint64_t)i + 1, NULL);
        ck_assert(gk_model_save(model[i], scratch_path(&s, dir[i]), NULL));
        ck_assert(gk_tok_save(*tok, scratch_path(&s, dir[i]), NULL));
    }
}

/* What the program should print of a model alone, by another way: token after token. */
static char *alone(const char *name, const gk_tok *tok, const gk_model *m) {
    gk_tokens t;
    gk_score score;
    float *logits = gk_arena_alloc(s.a, (size_t)gk_model_config(m)->vocab * sizeof *logits);
    gk_decoder *d = gk_decoder_new(m, 64, NULL);
    ck_assert(gk_tok_encode(tok, PROMPT, strlen(PROMPT), GK_BOS_DEFAULT, s.a, &t, NULL));
    ck_assert(gk_decoder_feed(d, t.id, (int)t.n, logits, NULL));
    ck_assert(gk_score_logits(logits, gk_model_config(m)->vocab, 0, &score, NULL));
    gk_decoder_free(d);
    gk_buf out = {0};
    gk_buf_printf(&out, "%s\n", name);
    for (int k = 0; k < 5; k++)
        gk_buf_printf(&out, "%6.2f%% %s\n", 100 * (double)score.top_prob[k],
                      gk_tok_show(tok, &score.top_id[k], 1, s.a, NULL));
    char *text = gk_arena_strdup(s.a, out.data);
    gk_buf_free(&out);
    return text;
}

/* $D/inst has the library as it is installed. */
static void install(void) {
    prints("tools/build/install_lib.sh $B \"$(sed -n 's/^#define GK_VERSION \"\\(.*\\)\"/\\1/p' "
           "include/graftkit/core/base.h)\" $D/inst /usr /usr/lib");
}

START_TEST(the_example_grafts) {
    gk_tok *tok;
    gk_model *model[2];
    two_models(&tok, model);
    const char *run = "$B/examples/graft $D/pre $D/sft '" PROMPT "' 'Ada Moss'";
    char *out = prints(run), *pre = alone("PRE", tok, model[0]), *sft = alone("SFT", tok, model[1]);
    char *middle = strstr(out, "FE+LT\n");
    ck_assert_msg(strncmp(out, pre, strlen(pre)) == 0 && middle == out + strlen(pre), "%s\nshould begin\n%s",
                  out, pre);
    ck_assert_msg(strcmp(strstr(out, "SFT\n"), sft) == 0, "%s\nshould end\n%s", out, sft);
    const char *both = middle + strlen("FE+LT\n");
    ck_assert(strncmp(both, pre + strlen("PRE\n"), strlen(pre) - strlen("PRE\n")) != 0);
    ck_assert(strncmp(both, sft + strlen("SFT\n"), strlen(sft) - strlen("SFT\n")) != 0);
    /* Grafting one token changes what grafting two did. */
    ck_assert_str_ne(prints("$B/examples/graft $D/pre $D/sft '" PROMPT "' Green"), out);

    install();
    const char *shared = " -I$D/inst/usr/include -L$D/inst/usr/lib -Wl,-rpath,$D/inst/usr/lib -o $D/mine "
                         "examples/graft.c -lgraftkit && ";
    const char *mine = "$D/mine $D/pre $D/sft '" PROMPT "' 'Ada Moss'";
    char bare[16];
    if (shell("nm $B/libgraftkit.a | grep -qE ' __(asan|ubsan)_'", bare, sizeof bare) == 0)
        printf("skip: a program without sanitizers does not take a library with them\n");
    else {
        ck_assert_str_eq(prints(gk_arena_printf(s.a, "%s%s%s", C_COMPILER, shared, mine)), out);
        if (has_cxx())
            ck_assert_str_eq(prints(gk_arena_printf(s.a, "%s%s%s", CXX_COMPILER, shared, mine)), out);
    }
    gk_model_free(model[0]);
    gk_model_free(model[1]);
    gk_tok_free(tok);
}
END_TEST

START_TEST(the_example_refuses_in_a_line) {
    gk_tok *tok;
    gk_model *model[2];
    two_models(&tok, model);
    static const struct {
        const char *args, *says;
        int code;
    } cases[] = {
        {"$D/pre $D/sft '" PROMPT "' Nobody", "graft: the prompt does not have \"Nobody\" in it\n", 1},
        {"$D/pre $D/none '" PROMPT "' Ada", "none", 1},
        {"$D/pre", "usage: graft RECIPIENT DONOR PROMPT ENTITY\n", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[4096];
        int code = shell(gk_arena_printf(s.a, "$B/examples/graft %s", cases[i].args), out, sizeof out);
        ck_assert_msg(code == cases[i].code && strstr(out, cases[i].says) && strchr(out, '\n')[1] == '\0',
                      "graft %s: %d: %s", cases[i].args, code, out);
    }
    gk_model_free(model[0]);
    gk_model_free(model[1]);
    gk_tok_free(tok);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("library");
    TCase *t = tcase_create("library");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, start, stop);
    tcase_add_test(t, each_header_stands_alone);
    tcase_add_test(t, headers_are_short_and_listed);
    tcase_add_test(t, examples_in_headers_compile);
    tcase_add_test(t, the_shared_library_shows_what_headers_declare);
    tcase_add_test(t, the_archive_keeps_to_its_prefix);
    tcase_add_test(t, the_example_grafts);
    tcase_add_test(t, the_example_refuses_in_a_line);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
