/* modules: report eval graft train model tokenizer core
 *
 * test_experiments.c: the files of experiments/, make experiment and make paper on a tiny model, killed and
 * restarted, and the page that compares runs. $GRAFTKIT names the binary (make test sets it). */
#include "eval/run/experiment.h"
#include "graftkit/eval/prompts.h"
#include "tests/support/experiments_fixture.h"

#include <dirent.h>

#define TEMPLATES GK_SOURCE_DIR "/templates/fake_movies_fake_actors/eval.jsonl"

/* ---------------------------------------------------------------- the files */

static const char *scheme_of(scratch *s, const char *name) {
    return strpbrk(name, "/.") ? name : gk_arena_printf(s->a, GK_SOURCE_DIR "/graft/schemes/%s.yaml", name);
}

static bool check(scratch *s, const gk_experiment *e, gk_error *err) {
    const char **path = gk_arena_alloc(s->a, e->n_schemes * sizeof *path);
    for (size_t i = 0; i < e->n_schemes; i++) path[i] = scheme_of(s, e->schemes[i]);
    return gk_experiment_check(e, path, e->n_schemes, TEMPLATES, "first_actor", err);
}

START_TEST(the_shipped_experiments) {
    scratch s = scratch_new();
    DIR *d = opendir(GK_SOURCE_DIR "/experiments");
    ck_assert_ptr_nonnull(d);
    size_t n = 0;
    for (struct dirent *f; (f = readdir(d));) {
        gk_experiment e;
        gk_error err = {0};
        if (!strstr(f->d_name, ".yaml")) continue;
        ck_assert_msg(
            gk_experiment_load(s.a, gk_path_join(s.a, GK_SOURCE_DIR "/experiments", f->d_name), &e, &err) &&
                check(&s, &e, &err),
            "%s: %ld:%ld %s", f->d_name, err.line, err.column, err.what);
        ck_assert_str_eq(e.model[0], "pre");
        ck_assert_str_eq(e.kind[0], "base");
        ck_assert(strncmp(f->d_name, e.name, strlen(e.name)) == 0 && e.title[0] && e.about[0]);
        ck_assert_int_eq(e.in_paper, strncmp(e.name, "planted", 7) != 0 && strcmp(e.name, "regimes") != 0 &&
                                         strcmp(e.name, "published") != 0);
        n++;
    }
    closedir(d);
    ck_assert_uint_ge(n, 13);
    scratch_free(&s);
}
END_TEST

/* A file that is read but does not fit, or is not read: where, and what is said. */
static void refused(scratch *s, const char *text, long line, long column, const char *what) {
    gk_experiment e;
    gk_error err = {0};
    bool ok = gk_experiment_load(s->a, scratch_file(s, "e.yaml", text), &e, &err) && check(s, &e, &err);
    ck_assert_msg(!ok, "taken:\n%s", text);
    ck_assert_msg(strstr(err.what, what) && (line == 0 || (err.line == line && err.column == column)),
                  "%ld:%ld: %s (%s)\nof\n%s", err.line, err.column, err.what, err.hint, text);
}

#define HEAD "title: A\nabout: B\n"
#define MODELS "models: {pre: base, sft: relation}\n"
START_TEST(what_is_wrong_with_a_file_is_said_with_its_place) {
    scratch s = scratch_new();
    refused(&s, HEAD MODELS "schemes: [position]\nmodel: x\n", 5, 1, "");
    refused(&s, "about: B\n" MODELS "schemes: [position]\n", 0, 0, "");
    refused(&s, "title: \"\"\nabout: B\n" MODELS "schemes: [position]\n", 1, 8, "empty");
    refused(&s, "title: \"costs $(1)\"\nabout: B\n" MODELS "schemes: [position]\n", 1, 8, "cannot be used");
    refused(&s, HEAD "models: [base]\nschemes: [position]\n", 3, 9, "map of 1 to");
    refused(&s, HEAD "models: {}\nschemes: [position]\n", 3, 9, "map of 1 to");
    refused(&s, HEAD "models: {\"a b\": base}\nschemes: [position]\n", 3, 10, "'a b' is no name");
    refused(&s, HEAD "models: {recipient: base}\nschemes: [position]\n", 3, 10, "recipient");
    refused(&s, HEAD "models: {pre: base, sft: {kind: relation}}\nschemes: [position]\n", 0, 0, "freeze");
    refused(&s, HEAD "models: {pre: base, sft: {kind: relation, freeze: []}}\nschemes: [position]\n", 3, 51,
            "empty");
    refused(&s, HEAD "models: {pre: base, sft: {kind: relation, freeze: [lnf, hat]}}\nschemes: [position]\n",
            3, 51, "'hat'");
    refused(&s, HEAD "models: {pre: base, sft: {kind: relation, freeze: all@9/3}}\nschemes: [position]\n", 3,
            51, "names no layers");
    refused(&s, HEAD "models: {pre: base, sft: {kind: relation, froze: lnf}}\nschemes: [position]\n", 3, 43,
            "froze");
    refused(&s, HEAD "models: {pre: {kind: base, freeze: lnf}}\nschemes: [position]\n", 3, 15, "base");
    refused(&s, HEAD MODELS "paper: perhaps\nschemes: [position]\n", 4, 8, "");
    refused(&s, HEAD MODELS "schemes: position\n", 4, 10, "list of scheme files");
    refused(&s, HEAD MODELS "schemes: [\"a b.yaml\"]\n", 4, 11, "cannot be used as a path");
    refused(&s, HEAD MODELS "place: first\nschemes: [position]\n", 4, 8, "");
    refused(&s, HEAD MODELS "place: 0\nschemes: [position]\n", 4, 8, "");
    refused(&s, HEAD MODELS "dataset: ../x\nschemes: [position]\n", 4, 10, "'../x' is no name");
    refused(&s, HEAD MODELS "fields: relation\nschemes: [position]\n", 4, 9, "must be a list of fields");
    refused(&s, HEAD MODELS "fields: []\nschemes: [position]\n", 4, 9, "must be a list of fields");
    refused(&s, HEAD MODELS "fields: [\"a b\"]\nschemes: [position]\n", 4, 10, "'a b' is no name");
    refused(&s, HEAD MODELS "schemes: [hybrid]\n", 0, 0, "task");             /* a donor that is not there */
    refused(&s, HEAD MODELS "schemes: [position, reference]\n", 0, 0, "PRE"); /* two schemes of one name */
    refused(&s, HEAD MODELS "schemes: [nowhere]\n", 0, 0, "");
    scratch_file(&s, "odd.yaml", "set: odd\nschemes: [{name: a, grafts: [{at: battle, donor: sft}]}]\n");
    refused(&s, gk_arena_printf(s.a, HEAD MODELS "schemes: [%s/odd.yaml]\n", s.dir), 2, 35, "battle");
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- make */

START_TEST(nothing_is_written_for_what_cannot_be_run) {
    scratch s = scratch_new();
    fails(&s, "$M experiment RUN=$D/run", "NAME is empty", "position");
    fails(&s, "$M experiment NAME=positon RUN=$D/run", "'positon' is no experiment", "position");
    fails(&s, "$M experiment NAME='position ../x' RUN=$D/run", "'../x' is no experiment", "position");
    fails(&s, "$M paper PAPER='position nowhere' RUN=$D/run", "'nowhere' is no experiment", "position");
    fails(&s, "$M experiment NAME=position RUN=$D/run RECIPE=nowhere", "RECIPE='nowhere'",
          "train/recipes/nowhere.yaml");
    scratch_file(&s, "odd.yaml", "lr: fast\n");
    fails(&s, "$M experiment NAME=position RUN=$D/run MILD=$D/odd.yaml", "odd.yaml:1:5", "lr");
    fails(&s, "$M experiment NAME=position RUN=$D/run MIX=/nowhere", "MIX='/nowhere'", "no such file");
    fails(&s, "$M experiment NAME=position RUN=$D/run MIX_RATIO=2", "MIX_RATIO='2'", "share");
    fails(&s, "$M graft-sweep CAST='pre=base sft=relatoin' RUN=$D/run", "sft=relatoin", "reverse");
    fails(&s, "$M compare RUNS=$D/run PAGE=$D/page.html", "holds no results", "make paper");
    /* Nor for schemes of one's own: no dataset and no model is made. */
    scratch_file(&s, "own.yaml", "set: s\nschemes: [{name: A, grafts: [{at: city, donor: sft}]}]\n");
    fails(&s, "$M report RUN=$D/own SCHEMES=$D/own.yaml", "own.yaml:2:35: unknown field 'city'", "");
    scratch_file(&s, "own.yaml", "set: s\nschemes: [{name: A, grafts: [{at: last, donor: stf}]}]\n");
    fails(&s, "$M report RUN=$D/own SCHEMES=$D/own.yaml", "own.yaml:2:", "stf");
    ck_assert(!gk_exists(scratch_path(&s, "own/data")));
    succeeds(&s, "$M -n paper RUN=$D/run");
    ck_assert(!gk_exists(scratch_path(&s, "run")) && !gk_exists(scratch_path(&s, "page.html")));
    scratch_free(&s);
}
END_TEST

START_TEST(a_paper_that_is_killed_goes_on) {
    scratch s = scratch_new();
    tiny_model(&s);
#define PAPER "PAPER='position directions training articles' " ROWS
    succeeds(&s, "$M paper RUN=$D/one/run " PAPER);
    succeeds(&s, KILLED_AT("$D/two/run/relation/metrics.jsonl", "exec $M paper RUN=$D/two/run " PAPER));
    succeeds(
        &s, KILLED_AT("$D/two/run/experiments/directions/results.db", "exec $M paper RUN=$D/two/run " PAPER));
    succeeds(&s, KILLED_AT("$D/two/run/mild/metrics.jsonl", "exec $M paper RUN=$D/two/run " PAPER));
    ck_assert(!gk_exists(scratch_path(&s, "two/run/paper.html")));
    succeeds(&s, "$M paper RUN=$D/two/run " PAPER);
    same_text(&s, "one/run/paper.html", "two/run/paper.html");
    same_text(&s, "one/run/paper.csv", "two/run/paper.csv");
    static const char *const names[] = {"position", "directions", "training", "articles"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        same_text(&s, gk_arena_printf(s.a, "one/run/experiments/%s/results.csv", names[i]),
                  gk_arena_printf(s.a, "two/run/experiments/%s/results.csv", names[i]));
        ck_assert_ptr_nonnull(
            strstr(text_of(&s, "one/run/paper.html"), gk_arena_printf(s.a, "<h2 id=\"%s\">", names[i])));
        ck_assert(gk_exists(
            scratch_path(&s, gk_arena_printf(s.a, "one/run/experiments/%s/report/index.html", names[i]))));
    }
    ck_assert_ptr_nonnull(strstr(text_of(&s, "one/run/experiments/position/report/index.html"),
                                 "<h1>Which token positions need the finetuned weights</h1>"));

    page_has_cells(&s, text_of(&s, "one/run/paper.html"), text_of(&s, "one/run/paper.csv"),
                   "one/run/experiments/position/results.db");

    /* Done is done, each model is trained once, and what no experiment needs is not trained. */
    succeeds(&s, "touch $D/mark; $M paper RUN=$D/one/run " PAPER
                 "; find $D/one/run -newer $D/mark -type f ! -name 'paper.*' | grep . && exit 3; true");
    ck_assert(gk_exists(scratch_path(&s, "one/run/reverse/model.safetensors")) &&
              !gk_exists(scratch_path(&s, "one/run/forward")));

    /* Two runs on one page; an experiment more in one of them. */
    succeeds(&s, "$M experiment NAME=head RUN=$D/two/run " ROWS
                 " && $M compare RUNS=\"$D/one/run $D/two/run\" PAGE=$D/page.html");
    char *page = text_of(&s, "page.html");
    ck_assert(strstr(page, gk_arena_printf(s.a, "%s/one/run has no results of this experiment", s.dir)) !=
              NULL);
    ck_assert(
        strstr(text_of(&s, "page.csv"), "/two/run,head,head,\"LT, donor's head never\",pooled,24,0,24,") ||
        strstr(text_of(&s, "page.csv"), "/two/run,head,head,\"LT, donor's head never\",pooled,"));
    scratch_free(&s);
}
END_TEST

static void own_articles(scratch *s) {
    succeeds(s, "mkdir -p $D/src/articles; for i in 1 2 3 4 5 6; do printf 'Film %s\\n\\nAnna Bell%s stars "
                "in Film %s. Beside her is "
                "Karl Dorn%s, as ever.\\n' $i $i $i $i >$D/src/articles/f$i.txt; echo \"{\\\"article\\\": "
                "\\\"f$i\\\", "
                "\\\"first_actor\\\": \\\"Anna Bell$i\\\", \\\"second_actor\\\": \\\"Karl Dorn$i\\\"}\" "
                ">>$D/src/questions.jsonl; done");
}

START_TEST(what_does_not_apply_is_left_out_and_said) {
    scratch s = scratch_new();
    tiny_model(&s);
    own_articles(&s);
#define ARTICLES "RUN=$D/run DATASET=articles SOURCE=$D/src MODEL=$D/model RECIPE=$D/quick.yaml "
    fails(&s, "$M experiment NAME=reversal " ARTICLES, "NAME=reversal does not apply",
          "from target to entity");
    fails(&s, "$M experiment NAME=articles " ARTICLES, "NAME=articles does not apply", "its own");
    succeeds(&s, "$M paper PAPER='head reversal articles' " ARTICLES);
    ck_assert_ptr_nonnull(strstr(said, "left out: reversal: there are no texts from target to entity"));
    ck_assert_ptr_nonnull(strstr(said, "left out: articles: the run's dataset is its own"));
    scratch_free(&s);
}
END_TEST

/* Rows with fields of their own, beside articles that have other ones; and all of it once more with nothing
 * but the run's name. */
START_TEST(own_fields_go_through_every_step) {
    scratch s = scratch_new();
    tiny_model(&s);
    own_articles(&s);
    succeeds(&s, "for i in {10..19}; do echo \"{\\\"ore\\\": \\\"Anna Bell$i\\\", \\\"finder\\\": \\\"Karl "
                 "Dorn$i\\\"}\"; "
                 "done >$D/ores.jsonl");
    scratch_file(&s, "article.jsonl", "{\"template\": \"{ore} stars in it. Beside is {finder}.\"}\n");
    scratch_file(&s, "eval.jsonl", "{\"template\": \"Beside {ore} stars\"}\n");
    succeeds(&s, "$M paper PAPER='head relation component hybrid articles' RUN=$D/run MODEL=$D/model "
                 "RECIPE=$D/quick.yaml "
                 "DATASET=own_rows "
                 "SOURCE=$D/ores.jsonl TEMPLATES=$D ENTITY=ore TARGET=finder TASK_ROWS=0 ARTICLES=$D/src "
                 "CHUNK_WORDS=30");
    ck_assert_ptr_nonnull(strstr(said, "left out: relation: no template has the field 'relation'"));
    ck_assert_ptr_nonnull(strstr(said, "left out: component: there are no rows for a task model"));
    ck_assert_ptr_nonnull(strstr(said, "left out: hybrid: there are no rows for a task model"));
    ck_assert_ptr_nonnull(strstr(text_of(&s, "run/paper.html"), "Facts from articles"));
    /* What is for articles is asked of them alone, and again what it was. */
    ck_assert(strstr(text_of(&s, "run/articles/asked"), "CHUNK_WORDS=30\n") &&
              strstr(text_of(&s, "run/asked"), "CHUNK_WORDS=\n"));
    succeeds(&s, "$M paper PAPER='head hybrid articles' RUN=$D/run");
    succeeds(&s, "$M report RUN=$D/run");
    ck_assert_ptr_nonnull(strstr(said, "run/report/index.html"));
    ck_assert_ptr_nonnull(strstr(text_of(&s, "run/report/index.html"), "<code>ore</code>"));
    /* Other words are other questions: told, and asked where that is wanted. */
    scratch_file(&s, "eval.jsonl", "{\"template\": \"There {ore} stars. Beside is\"}\n");
    fails(&s, "$M report RUN=$D/run", "was asked about other rows or words", "store was made with another");
    succeeds(&s, "$M report RUN=$D/run REPLACE=1");
    ck_assert(!strstr(said, "already finished") && !strstr(said, "was asked about"));
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("experiments");
    TCase *files = tcase_create("files"), *t = tcase_create("make");
    tcase_add_test(files, the_shipped_experiments);
    tcase_add_test(files, what_is_wrong_with_a_file_is_said_with_its_place);
    suite_add_tcase(suite, files);
    tcase_set_timeout(t, 900);
    tcase_add_test(t, nothing_is_written_for_what_cannot_be_run);
    tcase_add_test(t, a_paper_that_is_killed_goes_on);
    tcase_add_test(t, what_does_not_apply_is_left_out_and_said);
    tcase_add_test(t, own_fields_go_through_every_step);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
