/* modules: core
 *
 * test_run.c: the pipeline without the source tree: `graftkit run` of an installed program does what make
 * does here, interrupted or not, and says what it lacks. $GRAFTKIT names the binary (make test sets it). */
#include "tests/support/program.h"

static scratch s;
static char said[1 << 16];

/* Runs a shell command in $D/elsewhere, which holds nothing of the source tree; $R: the installed program,
 * $M: make in the source tree with the binary under test. */
static int shell(const char *command) {
    char *given = gk_arena_printf(s.a,
                                  "D='%s' R='%s/root/usr/bin/graftkit' G='%s' M='make -C %s G=%s' "
                                  "MODEL_ROWS='MODEL=%s/model BASE_ROWS=12 "
                                  "RELATION_ROWS=6 TASK_ROWS=5 RECIPE=%s/quick.yaml THREADS=1'",
                                  s.dir, s.dir, program(), GK_SOURCE_DIR, program(), s.dir, s.dir);
    return run_clean(&s, scratch_path(&s, "elsewhere"), given, command, said, sizeof said);
}

static const char *end_of_said(void) {
    size_t n = strlen(said);
    return n > 2000 ? said + n - 2000 : said;
}

static void succeeds(const char *command) {
    int code = shell(command);
    ck_assert_msg(code == 0, "%s\nreturned %d:\n%s", command, code, end_of_said());
}

static void fails(const char *command, const char *a, const char *b) {
    int code = shell(command);
    ck_assert_msg(code == 1 && strstr(said, a) && strstr(said, b),
                  "%s\nreturned %d and should say '%s' and '%s':\n%s", command, code, a, b, end_of_said());
}

/* An installed program in $D/root, a model that can say the names in $D/model, a quick recipe. */
static void start(void) {
    s = scratch_new();
    ck_assert(gk_mkdirs(scratch_path(&s, "elsewhere"), NULL));
    scratch_file(&s, "quick.yaml", "lr: 3e-3\nepochs: 1\nbatch: 16\nschedule: linear\nfreeze: [lnf, head]\n");
    succeeds("B=$(dirname $G); $M -s -o $G install DESTDIR=$D/root PREFIX=/usr BUILD=$(dirname $B) "
             "FLAVOUR=$(basename $B)");
    succeeds("$R dataset --out $D/words --base-rows 12 --base-texts 200 --relation-rows 4 --task-rows 4 && "
             "$R tokenizer --texts $D/words/tokenizer.jsonl --vocab 500 --out $D/tok && "
             "$R base --family llama --layers 4 --d-model 16 --heads 2 --ffn 24 --positions 640 --tokenizer "
             "$D/tok --texts $D/words/base/texts.jsonl --recipe base --warmup 2 --threads 1 --out $D/model");
}

static void stop(void) {
    scratch_free(&s);
}

static char *text_of(const char *name) {
    gk_error err;
    char *text = gk_read_file(s.a, scratch_path(&s, name), (size_t)1 << 28, NULL, &err);
    ck_assert_msg(text != NULL, "%s", err.what);
    return text;
}

static void same(const char *a, const char *b, const char *name) {
    int code = shell(gk_arena_printf(s.a, "cmp $D/%s/%s $D/%s/%s", a, name, b, name));
    ck_assert_msg(code == 0, "%s", said);
}

/* Starts `command` in a process group of its own, and sends the signal to one process of it, or to the group,
 * as soon as `file` is there; ends with its exit code. */
#define STOPPED_AT(file, signal, whom, command)                                                           \
    "set -m; (exec " command ") >$D/log 2>&1 & p=$!; for i in {1..3000}; do [ -e " file                   \
    " ] && break; sleep .02; done; [ -e " file " ] || exit 99; kill -" signal " -- " whom "$p; wait $p; " \
    "code=$?; for i in {1..500}; do kill -0 -- -$p 2>/dev/null || break; sleep .02; done; "               \
    "! kill -0 -- -$p 2>/dev/null || exit 98; exit $code"

START_TEST(an_installed_program_does_what_make_does) {
    succeeds("$M report RUN=$D/made $MODEL_ROWS");
    /* Asked to stop, stopped hard, and then left alone. */
    int code = shell(STOPPED_AT("ran/relation/metrics.jsonl", "TERM", "", "$R run RUN=ran $MODEL_ROWS"));
    ck_assert_msg(code == 130 || code == 0, "%d: %s", code, said);
    code = shell(STOPPED_AT("ran/task/metrics.jsonl", "KILL", "-", "$R run RUN=ran $MODEL_ROWS"));
    ck_assert_msg(code == 137, "%d: %s", code, said);
    ck_assert(!gk_exists(scratch_path(&s, "elsewhere/ran/report/index.html")));
    succeeds("$R run report RUN=ran $MODEL_ROWS");
    ck_assert_msg(strstr(end_of_said(), "open ran/report/index.html"), "%s", end_of_said());
    static const char *const files[] = {"asked",
                                        "asked-schemes",
                                        "data/card.json",
                                        "data/relation/A2B.jsonl",
                                        "relation/model.safetensors",
                                        "task/model.safetensors",
                                        "results.csv",
                                        "cells.csv",
                                        "differences.csv",
                                        "contrasts.csv"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) same("made", "elsewhere/ran", files[i]);
    /* What is done is not done again, by the one nor by the other. */
    succeeds("touch $D/mark; $R run RUN=ran $MODEL_ROWS && $M report RUN=$D/elsewhere/ran $MODEL_ROWS && "
             "find ran -newer $D/mark -type f | grep . && exit 3; true");
    /* With all else forgotten it is still the same run; another one is refused, or made anew where that is
     * asked for, and only what depends on it. */
    succeeds(
        "$R run RUN=ran && $M report RUN=$D/elsewhere/ran && find ran -newer $D/mark -type f | grep . && "
        "exit 3; true");
    fails("$R run RUN=ran SEED=2", "SEED='2', but ran was made with SEED='1'",
          "graftkit run report RUN=ran SEED=2 REPLACE=1");
    succeeds("find ran -newer $D/mark -type f | grep . && exit 3; true");
    /* That the recipe is another one is noted. */
    fails("echo 'weight_decay: 0.1' >>$D/quick.yaml; $R run RUN=ran",
          "the folder holds a run with other inputs", "REPLACE=1");
    succeeds("find ran -newer $D/mark -type f ! -name asked-training | grep . && exit 3; true");
    succeeds("$R run RUN=ran REPLACE=1 && [ ran/relation/train.json -nt $D/mark ] && "
             "! [ ran/data/card.json -nt $D/mark ]");
}
END_TEST

START_TEST(experiments_and_files_that_come_along) {
    succeeds("$R run paper RUN=own PAPER='head articles' $MODEL_ROWS MILD=$D/quick.yaml");
    ck_assert_ptr_nonnull(strstr(text_of("elsewhere/own/paper.html"), "<h2 id=\"articles\">"));
    ck_assert_ptr_nonnull(strstr(text_of("elsewhere/own/experiments/head/asked-schemes"),
                                 "  graft/schemes/head.yaml\n")); /* as in the source tree */
    succeeds("$R run compare RUNS=own PAGE=page.html && [ -s page.csv ]");
    succeeds(
        "$R run replication RUN=own DRY=1 DATASETS=fake_movies_fake_actors $MODEL_ROWS MILD=$D/quick.yaml && "
        "! [ -e own/replication ]");
    ck_assert_ptr_nonnull(
        strstr(said, "own/replication/fake_movies_fake_actors-1-free  not begun, 6 experiments"));
    succeeds("$R run --dry-run SCHEMES='graft/schemes/layers.yaml' TEMPLATES=templates/battles");
    ck_assert_ptr_nonnull(
        strstr(said, "/root/usr/share/graftkit/templates/battles/eval.jsonl --fillers")); /* not here */
    ck_assert_ptr_nonnull(strstr(
        said, gk_arena_printf(s.a, "--schemes %s/root/usr/share/graftkit/graft/schemes/layers.yaml", s.dir)));
    succeeds("mkdir -p templates && cp -R $D/root/usr/share/graftkit/templates/battles templates && "
             "$R run --dry-run TEMPLATES=templates/battles");
    ck_assert_ptr_nonnull(strstr(said, "--templates templates/battles/eval.jsonl")); /* here */
}
END_TEST

START_TEST(what_cannot_be_run_is_refused) {
    fails("$R run repotr", "'repotr' is no step", "report");
    fails("$R run report run=x --nothing", "--nothing", "graftkit run");
    fails("$R run SEED=x RUN=bad", "graftkit run: SEED='x' must be an integer", "");
    fails("$R run RUN=bad experiment", "graftkit run: NAME is empty; there is:", "position");
    fails("$R run RUN=bad experiment NAME=nowhere", "'nowhere' is no experiment", "position");
    ck_assert(!gk_exists(scratch_path(&s, "elsewhere/bad")));
    fails("PATH=$D/bin $R run", "the package make", "apt install make");
    ck_assert_ptr_eq(strchr(said, '\n'), strrchr(said, '\n'));
    fails("mkdir -p $D/bin && ln -sf $(command -v make) $D/bin/make && PATH=$D/bin $R run",
          "the package bash", "apt install bash");
    fails("mkdir -p $D/empty && GRAFTKIT_HOME=$D/empty $R run",
          "empty: the folder lacks tools/pipeline/run.mk", "GRAFTKIT_HOME");
    fails("cp -R $D/root \"$D/my root\" && \"$D/my root/usr/bin/graftkit\" run", "my root/usr",
          "without blanks");
    /* An outer make's settings are not this one's. */
    succeeds("MAKEFLAGS='-n -- RUN=outer' MAKELEVEL=1 $R run dataset RUN=inner BASE_ROWS=12 RELATION_ROWS=6 "
             "TASK_ROWS=5 && [ -e inner/data/card.json ] && [ ! -e outer ]");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("run");
    TCase *t = tcase_create("run");
    tcase_set_timeout(t, 600);
    tcase_add_unchecked_fixture(t, start, stop);
    tcase_add_test(t, an_installed_program_does_what_make_does);
    tcase_add_test(t, experiments_and_files_that_come_along);
    tcase_add_test(t, what_cannot_be_run_is_refused);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
