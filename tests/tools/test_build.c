/* modules: core
 *
 * test_build.c: what is compiled again when a library comes, goes or changes, and what is said of one that
 * lacks. A stand-in compiler writes empty files and lists what it was given; the headers are in a root of
 * their own. */
#include "tests/support/program.h"

#include <sys/stat.h>

static scratch s;

/* What it only looks at is for the real compiler, which says to be as old as $OLD. */
#define COMPILER                                                                                         \
    "#!/bin/sh\n"                                                                                        \
    "for a; do case $a in -E | -print-* | -dump*) exec cc ${OLD:+-U__GNUC__ -D__GNUC__=$OLD} \"$@\";; "  \
    "esac; done\n"                                                                                       \
    "while [ $# -gt 0 ]; do case $1 in -o) out=$2 && shift;; *.c | *.cc) src=$1;; esac && shift; done\n" \
    "echo \"${src:-link $out}\" >>$D/did\n"                                                              \
    ": >$out\n"

static void header(const char *name, const char *text) {
    scratch_file(&s, gk_arena_printf(s.a, "root/usr/include/%s", name), text);
}

static void script(const char *name, const char *text) {
    ck_assert_int_eq(chmod(scratch_file(&s, name, text), 0755), 0);
}

/* A shell line in the source tree; $M: make with the stand-ins, $B: its folder. */
static int shell(const char *command, char *out, size_t size) {
    char *given =
        gk_arena_printf(s.a,
                        "PATH=\"%s/bin:$PATH\" D='%s' M='make ARCH=x BUILD=%s/build SYSROOT=%s/root "
                        "CC=%s/bin/gcc CXX=%s/bin/gcc'",
                        s.dir, s.dir, s.dir, s.dir, s.dir, s.dir);
    return run_clean(&s, GK_SOURCE_DIR, given, command, out, size);
}

static char *prints(const char *command) {
    char *out = gk_arena_alloc(s.a, 1 << 16);
    int code = shell(command, out, 1 << 16);
    ck_assert_msg(code == 0, "%s: %d: %.2000s", command, code, out);
    return out;
}

/* What `make` with these arguments compiles and links, sorted, in words. */
static char *made(const char *arguments) {
    return prints(gk_arena_printf(s.a,
                                  "rm -f $D/did; $M %s >$D/said || cat $D/said; touch $D/did; "
                                  "sed 's,link .*/,link ,' $D/did | sort | tr '\\n' ' '",
                                  arguments));
}

/* The sources that hold one of these words, and the link. */
static char *those_with(const char *words) {
    return prints(gk_arena_printf(s.a,
                                  "(grep -rlE '%s' --include=*.c --include=*.cc core tokenizer model train "
                                  "graft data eval report tools; echo link graftkit) | sort | tr '\\n' ' '",
                                  words));
}

/* One line that holds both, and make's own behind it. */
static void refused(const char *arguments, const char *a, const char *b) {
    char out[4096];
    int code = shell(gk_arena_printf(s.a, "%s", arguments), out, sizeof out);
    char *second = strchr(out, '\n');
    ck_assert_msg(code == 2 && second, "%s: %d: %s", arguments, code, out);
    ck_assert_msg(!second[1] || (strncmp(second + 1, "make: *** ", 10) == 0 && !strchr(second + 1, '\n')[1]),
                  "%s: more than one line: %s", arguments, out);
    *second = '\0';
    ck_assert_msg(strstr(out, a) && strstr(out, b), "%s: should say '%s' and '%s': %s", arguments, a, b, out);
}

#define DNNL(major) \
    "#define DNNL_VERSION_MAJOR " #major "\n#define DNNL_VERSION_MINOR 6\n#define DNNL_VERSION_PATCH 1\n"

static void start(void) {
    s = scratch_new();
    static const char *const folders[] = {"bin", "root/usr/include/openssl", "root/usr/include/oneapi/dnnl"};
    for (size_t i = 0; i < 3; i++) ck_assert(gk_mkdirs(scratch_path(&s, folders[i]), NULL));
    script("bin/gcc", COMPILER);
    header("jansson.h", "#define JANSSON_VERSION \"2.14\"\n");
    header("yaml.h", "");
    header("openssl/evp.h", "#define OPENSSL_VERSION_STR \"3.0\"\n");
    header("sentencepiece_processor.h", "");
    header("pcre2.h", "#define PCRE2_MAJOR 10\n#define PCRE2_MINOR 42\n");
    header("utf8proc.h", "#define UTF8PROC_VERSION_MAJOR 2\n#define UTF8PROC_VERSION_MINOR 8\n");
    header("blis.h", "");
    header("sqlite3.h", "#define SQLITE_VERSION \"3.40.1\"\n");
    ck_assert_ptr_nonnull(strstr(made(""), "model/gemm/gemm.c"));
    prints("mkdir $D/saved && cp -a $D/bin $D/root $D/build $D/saved");
}

/* Every test begins with the build that start left. */
static void again(void) {
    prints("rm -rf $D/bin $D/root $D/build && cp -a $D/saved/* $D");
}

static void stop(void) {
    scratch_free(&s);
}

START_TEST(a_library_that_comes_and_goes) {
    ck_assert_str_eq(made(""), "");
    ck_assert_ptr_nonnull(strstr(prints("cat $D/said"), "built without oneDNN"));
    ck_assert_ptr_nonnull(strstr(prints("cat $D/said"), "libdnnl-dev"));

    const char *users = those_with("GK_HAVE_DNNL");
    ck_assert(strstr(users, "model/") && !strstr(users, "core/") && !strstr(users, "eval/"));
    header("oneapi/dnnl/dnnl.h", DNNL(2));
    ck_assert_str_eq(made(""), users);
    ck_assert_ptr_null(strstr(prints("cat $D/said"), "oneDNN"));
    ck_assert_str_eq(made("DNNL=1"), "");
    header("oneapi/dnnl/dnnl.h", DNNL(3));
    ck_assert_str_eq(made(""), users);
    ck_assert_str_eq(made("DNNL="), users);
    ck_assert_ptr_nonnull(strstr(prints("cat $D/said"), "as DNNL= says"));
    ck_assert_str_eq(made(""), users);
    ck_assert_int_eq(unlink(scratch_path(&s, "root/usr/include/oneapi/dnnl/dnnl.h")), 0);
    ck_assert_str_eq(made(""), users);
    ck_assert_ptr_nonnull(strstr(prints("cat $D/said"), "built without oneDNN"));
}
END_TEST

START_TEST(what_another_version_touches) {
    header("utf8proc.h", "#define UTF8PROC_VERSION_MAJOR 2\n#define UTF8PROC_VERSION_MINOR 9\n");
    ck_assert_str_eq(made(""), those_with("<utf8proc.h>"));
    header("sqlite3.h", "#define SQLITE_VERSION \"3.46.1\"\n");
    const char *of_eval = made(""); /* the header is reached through another */
    ck_assert(strstr(of_eval, "eval/store/read.c") && !strstr(of_eval, "graft/") &&
              !strstr(of_eval, "tools/"));
    header("jansson.h", "#define JANSSON_VERSION \"2.15\"\n");
    const char *of_json = made("");
    ck_assert(strstr(of_json, "core/json.c ") && strstr(of_json, "core/row_id.c ") &&
              strstr(of_json, "tools/commands/cmd_list.c ") && strstr(of_json, "eval/store/write.c "));
    ck_assert(!strstr(of_json, "core/arena.c ") && !strstr(of_json, "model/gemm/") &&
              !strstr(of_json, "graft/engine/engine.c"));
}
END_TEST

/* Files that the assembler puts into an object: no compiler tells make of them. */
START_TEST(embedded_files_are_depended_on) {
    const char *rules = prints("$M COMPILING=1 -pn suites | grep -E '^[^ ]*/(page|store)/files.o:'");
    const char *files = prints("grep -hoE 'GK_EMBED_FILE\\(.*\"\\)' report/page/files.c eval/store/files.c | "
                               "sed 's/.*, \"//; s/\")//'");
    size_t n = 0;
    for (char *rest = gk_arena_strdup(s.a, files), *file; (file = strsep(&rest, "\n")) && *file; n++)
        ck_assert_msg(strstr(rules, gk_arena_printf(s.a, " %s", file)) != NULL, "no rule has %s: %s", file,
                      rules);
    ck_assert_uint_ge(n, 6);
    ck_assert_str_eq(
        prints("grep -rl '^GK_EMBED_FILE(' --include=*.c core tokenizer model train graft data eval "
               "report tools | sort | tr '\\n' ' '"),
        "eval/store/files.c report/page/files.c ");
}
END_TEST

START_TEST(other_flags) {
    const char *all = made("CFLAGS=-DX CXXFLAGS=-DX");
    ck_assert(strstr(all, "core/arena.c ") && strstr(all, "tokenizer/spm/spm.cc ") &&
              strstr(all, "tools/main.c "));
    ck_assert_str_eq(made("CFLAGS=-DX CXXFLAGS=-DX"), "");
    ck_assert_str_eq(made("CFLAGS=-DX CXXFLAGS=-DX LDFLAGS=-s"), "link graftkit ");
    ck_assert_str_eq(made("CFLAGS=-DX CXXFLAGS=-DX ARCH=y"), all);
    prints("cp $D/bin/gcc $D/bin/other");
    ck_assert_str_eq(made("CFLAGS=-DX CXXFLAGS=-DX ARCH=y CC=$D/bin/other CXX=$D/bin/other"), all);
}
END_TEST

/* The package comes while make runs, after it has read the Makefile; and another make, asked for all at once.
 */
START_TEST(packages_that_this_call_installs) {
    script("bin/dpkg-query", "#!/bin/bash\n[ -f $D/root/usr/include/yaml.h ] && echo -n installed\n");
    script("bin/sudo", "#!/bin/bash\nexec \"$@\"\n");
    script("bin/apt-get", "#!/bin/bash\ncase $* in *install*) echo >$D/root/usr/include/yaml.h;; esac\n");
    script("bin/apt-cache", "#!/bin/bash\necho '  Candidate: (none)'\n");
    ck_assert_int_eq(unlink(scratch_path(&s, "root/usr/include/yaml.h")), 0);
    char *out = prints("rm -rf $D/build; $M -j9 deps all");
    ck_assert(strstr(out, "there is no libdnnl-dev here") && strstr(out, "  CC  core/yaml.c\n"));
    ck_assert_str_eq(prints("$M deps"), "deps: everything is installed\n");
}
END_TEST

START_TEST(what_lacks_is_told_in_a_line) {
    refused("$M CC=none", "CC='none'", "install gcc");
    refused("$M CXX=none", "CXX='none'", "install g++");
    refused("$M CC=true", "CC='true' is no C compiler", "gcc 12");
    refused("OLD=11 $M", "gcc 11", "graftkit needs gcc 12");
    refused("$M DNNL=1", "libdnnl-dev (oneapi/dnnl/dnnl.h)", "make deps");
    refused("$M DNNL=0", "DNNL='0'", "empty");
    refused("$M FLAVOUR=fast", "FLAVOUR='fast'", "release, asan");
    refused("$M BUILD='a b'", "BUILD='a b'", "blank");
    refused("$M $D/build/release/tests/tools/test_build", "check (check.h)", "make deps");
    header("jansson.h", "#define JANSSON_VERSION \"2.4\"\n");
    refused("$M", "libjansson-dev 2.11 or newer", "2.4");
    ck_assert_int_eq(unlink(scratch_path(&s, "root/usr/include/jansson.h")), 0);
    ck_assert_int_eq(unlink(scratch_path(&s, "root/usr/include/pcre2.h")), 0);
    refused("$M", "libjansson-dev (jansson.h), libpcre2-dev (pcre2.h)", "make deps");
}
END_TEST

/* rm is a stand-in that notes what it is asked for. */
START_TEST(only_what_was_built_is_removed) {
    script("bin/rm", "#!/bin/bash\necho \"$@\" >>$D/removed\n");
    prints("mkdir $D/precious && touch $D/precious/thesis && ln -s / $D/link");
    static const char *const folders[] = {"/",        ".",  "..",          "//",      "/usr/..", "core",
                                          "Makefile", "$D", "$D/precious", "$D/link", "$PWD"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        refused(gk_arena_printf(s.a, "$M clean BUILD=%s", folders[i]), "BUILD='", "name a folder");
        if (strcmp(folders[i], "Makefile") != 0)
            refused(gk_arena_printf(s.a, "$M BUILD=%s", folders[i]), "BUILD='", "");
    }
    refused("$M clean BUILD=", "BUILD=''", "name a folder");
    ck_assert(!gk_exists(scratch_path(&s, "removed")));
    prints("$M clean");
    ck_assert_str_eq(prints("cat $D/removed"), gk_arena_printf(s.a, "-rf -- %s/build\n", s.dir));
}
END_TEST

/* What a program sees of the library: the headers where make install-lib puts them, from C and C++, in a
 * folder that has headers of the same names. */
START_TEST(installed_headers_stand_alone) {
    prints("mkdir $D/lib && touch $D/lib/libgraftkit.{a,so.9.8.7} && echo -lz >$D/lib/link-private && "
           "for h in include/graftkit/{,*/}*.h; do echo '#error another' >$D/${h##*/}; done");
    prints("tools/build/install_lib.sh $D/lib 9.8.7 $D/inst /usr /usr/lib/here");
    scratch_file(&s, "program.c",
                 "#include <graftkit/graftkit.h>\n"
                 "int main(void) { gk_error e; return gk_model_load(\"m\", &e) == 0; }\n");
    ck_assert_str_eq(
        prints("cd $D && for c in 'cc -std=c11 -Wpedantic' 'c++ -x c++'; do "
               "$c -Wall -Wextra -Werror -fsyntax-only -I. -I$D/inst/usr/include program.c; done"),
        "");
    const char *pc = prints("cat $D/inst/usr/lib/here/pkgconfig/graftkit.pc");
    ck_assert(strstr(pc, "\nVersion: 9.8.7\n") && strstr(pc, "\nLibs: -L${libdir} -lgraftkit\n") &&
              strstr(pc, "\nLibs.private: -lz\n") && strstr(pc, "\nlibdir=/usr/lib/here\n") &&
              !strstr(pc, "Requires"));
    ck_assert_str_eq(prints("cd $D/inst/usr/lib/here && readlink libgraftkit.so $(readlink libgraftkit.so)"),
                     "libgraftkit.so.9\nlibgraftkit.so.9.8.7\n");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("build");
    TCase *t = tcase_create("build");
    tcase_set_timeout(t, 120);
    tcase_add_unchecked_fixture(t, start, stop);
    tcase_add_checked_fixture(t, again, NULL);
    tcase_add_test(t, a_library_that_comes_and_goes);
    tcase_add_test(t, what_another_version_touches);
    tcase_add_test(t, embedded_files_are_depended_on);
    tcase_add_test(t, other_flags);
    tcase_add_test(t, packages_that_this_call_installs);
    tcase_add_test(t, what_lacks_is_told_in_a_line);
    tcase_add_test(t, only_what_was_built_is_removed);
    tcase_add_test(t, installed_headers_stand_alone);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
