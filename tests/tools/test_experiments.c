/* modules: report eval graft train model tokenizer core
 *
 * test_experiments.c: the files of experiments/, make experiment and make paper on a tiny model, killed and
 * restarted, and the page that compares runs. $GRAFTKIT names the binary (make test sets it). */
#include "eval/run/experiment.h"
#include "graftkit/eval/prompts.h"
#include "graftkit/eval/store.h"
#include "tests/support/program.h"

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

/* Runs a shell command in the source tree; $D: the scratch folder, $MAKE: make with the binary under test. */
static int shell(scratch *s, const char *command, char *out, size_t size) {
    char *given =
        gk_arena_printf(s->a, "D='%s' G='%s' M='make G=%s THREADS=1'", s->dir, program(), program());
    return run_clean(s, GK_SOURCE_DIR, given, command, out, size);
}

static char said[1 << 16];
static const char *end_of_said(void) {
    size_t n = strlen(said);
    return n > 2000 ? said + n - 2000 : said;
}
static void succeeds(scratch *s, const char *command) {
    int code = shell(s, command, said, sizeof said);
    ck_assert_msg(code == 0, "%s\nreturned %d:\n%s", command, code, end_of_said());
}

static void fails(scratch *s, const char *command, const char *a, const char *b) {
    int code = shell(s, command, said, sizeof said);
    ck_assert_msg(code == 2 && strstr(said, a) && strstr(said, b),
                  "%s\nreturned %d and should say '%s' and '%s':\n%s", command, code, a, b, end_of_said());
}

/* A model that can say the names, in $D/model; a quick recipe. */
static void tiny_model(scratch *s) {
    scratch_file(s, "quick.yaml", "lr: 3e-3\nepochs: 1\nbatch: 16\nschedule: linear\nfreeze: [lnf, head]\n");
    succeeds(s,
             "$G dataset --out $D/words --base-rows 12 --base-texts 200 --relation-rows 4 --task-rows 4 && "
             "$G tokenizer --texts $D/words/tokenizer.jsonl --vocab 500 --out $D/tok && "
             "$G base --family llama --layers 4 --d-model 16 --heads 2 --ffn 24 --positions 640 --tokenizer "
             "$D/tok --texts "
             "$D/words/base/texts.jsonl --recipe base --warmup 2 --threads 1 --out $D/model");
}

#define ROWS \
    "MODEL=$D/model BASE_ROWS=12 RELATION_ROWS=6 TASK_ROWS=5 RECIPE=$D/quick.yaml MILD=$D/quick.yaml "

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

static char *text_of(scratch *s, const char *name) {
    gk_error err;
    char *text = gk_read_file(s->a, scratch_path(s, name), (size_t)1 << 28, NULL, &err);
    ck_assert_msg(text != NULL, "%s", err.what);
    return text;
}

static void same_text(scratch *s, const char *a, const char *b) {
    ck_assert_msg(strcmp(text_of(s, a), text_of(s, b)) == 0, "%s and %s differ", a, b);
}

/* Every pooled cell of a store stands in the page's table, and in the CSV. */
static void page_has_cells(scratch *s, const char *page, const char *csv, const char *db) {
    gk_error err;
    gk_cells cells;
    gk_store *store = gk_store_open(scratch_path(s, db), &err);
    ck_assert(store && gk_store_cells(store, s->a, &cells, &err));
    size_t n = 0;
    for (size_t i = 0; i < cells.n; i++) {
        const gk_cell *c = &cells.item[i];
        const double *v = c->stats.value, *low = c->stats.low, *high = c->stats.high;
        if (strcmp(c->template_name, "pooled") != 0 || strpbrk(c->scheme, "&<>\"',")) continue;
        const char *row = gk_arena_printf(
            s->a, "<td class=\"name\">%s</td><td>%.1f<small>[%.1f, %.1f]</small></td>", c->scheme,
            100 * v[GK_METRIC_top5], 100 * low[GK_METRIC_top5], 100 * high[GK_METRIC_top5]);
        ck_assert_msg(strstr(page, row) != NULL, "the page lacks %s", row);
        row = gk_arena_printf(s->a, ",%s,%s,pooled,%zu,%zu,%zu,%zu,%.17g,", c->set, c->scheme, c->stats.n,
                              c->stats.rows, c->dropped, c->stats.n_whole, v[GK_METRIC_top1]);
        ck_assert_msg(strstr(csv, row) != NULL, "the table lacks %s", row);
        n++;
    }
    ck_assert_uint_ge(n, 5);
    gk_store_close(store);
}

/* Starts `command` in a process group of its own and kills the group as soon as `file` is there; fails where
 * the command has ended before that. */
#define KILLED_AT(file, command)                                     \
    "set -m; (" command ") >/dev/null 2>&1 & p=$!; until [ -e " file \
    " ] || ! kill -0 -- -$p 2>/dev/null; do sleep .02; done; "       \
    "kill -9 -- -$p 2>/dev/null; [ -e " file " ]"

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

/* Models with a freeze of their own, in a run a seed; killed in one of them and gone on with. What is not in
 * `make paper` is asked for by name. */
START_TEST(planted_models_are_trained_a_run_a_seed) {
    scratch s = scratch_new();
    tiny_model(&s);
#define PLANTED "$M experiment NAME=planted SEEDS='1 2' " ROWS
    fails(&s, "$M experiment NAME=planted SEEDS='1 x' RUN=$D/no " ROWS, "SEEDS: 'x'", "integer");
    fails(&s, "$M experiment NAME=planted FAMILIES=lama RUN=$D/no", "FAMILIES: 'lama' is no family", "gpt2");
    fails(&s, "$M experiment NAME=planted FAMILIES=llama RUN=$D/no " ROWS, "FAMILIES='llama'",
          "its own architecture");
    ck_assert(!gk_exists(scratch_path(&s, "no")));
    succeeds(&s, PLANTED "RUN=$D/one");
    ck_assert_ptr_nonnull(strstr(said, "planted_pretrained: model 2 of 3, relation.lower2_e, about"));
    succeeds(&s, KILLED_AT("$D/two/model-2/relation.lower2_e/metrics.jsonl", "exec " PLANTED "RUN=$D/two"));
    ck_assert(!gk_exists(scratch_path(&s, "two/compare.html")));
    succeeds(&s, PLANTED "RUN=$D/two");
    same_text(&s, "one/compare.csv", "two/compare.csv");
    same_text(&s, "one/compare.html", "two/compare.html");
    page_has_cells(&s, text_of(&s, "one/compare.html"), text_of(&s, "one/compare.csv"),
                   "one/model-1/experiments/planted_pretrained/results.db");
    /* What was frozen is where it was, and only that. */
    succeeds(&s,
             "$G diff --a $D/model --b $D/one/model-1/relation.lower2_e --json $D/lower.json >/dev/null && "
             "awk '/\"component\"/ { c = $2 } /\"layer\"/ { l = $2 } /\"changed\"/ { print c l $2 }' "
             "$D/lower.json "
             ">$D/changed && grep -x '\"embed\",null,0,' $D/changed && grep -x '\"q\",0,0,' $D/changed && "
             "grep -x '\"down\",0,0,' $D/changed && ! grep -x '\"q\",1,0,' $D/changed && "
             "! grep -x '\"down\",3,0,' $D/changed");
    /* Done is done; another freeze under the old name is another model. */
    succeeds(&s, "touch $D/mark; " PLANTED
                 "RUN=$D/one; find $D/one/model-? -newer $D/mark -type f | grep . && exit 3; true");
    succeeds(&s,
             "$M experiment NAME=planted SEEDS='1 2' MODEL=$D/model RUN=$D/one"); /* as it was asked for */
    fails(&s, "$M finetune RUN=$D/one/model-1 FREEZES=lower2_e=lnf CAST='pre=base sft=relation.lower2_e'",
          "relation.lower2_e", "--replace");
    ck_assert_ptr_null(strstr(
        (shell(&s, "$G list experiments | grep -v 'by name only'", said, sizeof said), said), "planted"));
    scratch_free(&s);
}
END_TEST

/* The numbers of a small table are those of the large one, rounded; as many lines as pooled cells. */
static void small_table(scratch *s, const char *table, const char *large) {
    succeeds(
        s,
        gk_arena_printf(
            s->a,
            "head -n 1 %s | grep -qx "
            "run,experiment,set,scheme,template,n,rows,top5,top5_low,top5_high,logit_diff,"
            "logit_diff_low,logit_diff_high && [ $(grep -cE ',(pooled|full),' %s) = $(($(wc -l <%s) - 1)) ]",
            table, large, table));
    const char *text = gk_read_file(s->a, gk_arena_printf(s->a, "%s/one/replication/pretrained.csv", s->dir),
                                    1 << 24, NULL, &(gk_error){0});
    succeeds(s, gk_arena_printf(s->a, "cat %s", table));
    char *state, *line = strtok_r(said, "\n", &state);
    size_t n = 0;
    while ((line = strtok_r(NULL, "\n", &state))) {
        char *comma = strrchr(line, '"') ? strrchr(line, '"') + 1 : line;
        const size_t skip = comma == line ? 5 : 2; /* to behind run, experiment, set, scheme and template */
        for (size_t i = 0; i < skip; i++) comma = strchr(comma + (i > 0), ',');
        double prompts, rows, top5, wanted;
        ck_assert_msg(sscanf(comma, ",%lf,%lf,%lf", &prompts, &rows, &top5) == 3, "%s", line);
        const char *cell = strstr(text, gk_arena_printf(s->a, "\n%.*s,", (int)(comma - line), line));
        ck_assert_msg(cell != NULL, "%s is in no line of the large table", line);
        cell += comma - line + 2;
        for (int i = 0; i < 7; i++) cell = strchr(cell, ',') + 1; /* n rows dropped n_whole top1, low, high */
        ck_assert_int_eq(sscanf(cell, "%lf", &wanted), 1);
        ck_assert_double_eq_tol(top5, wanted, 1e-5);
        n++;
    }
    ck_assert_uint_ge(n, 2 * 2 * 2 * 15);
}

/* Both regimes of two seeds, killed in a training of the second and gone on with: the same page and tables.
 */
START_TEST(a_replication_that_is_killed_goes_on) {
    scratch s = scratch_new();
    tiny_model(&s);
#define REPLICATION \
    "$M replication DATASETS=fake_movies_fake_actors SEEDS='1 2' PAPER='position hybrid training' " ROWS
    succeeds(&s, REPLICATION "RUN=$D/one TABLES=$D/tables");
    ck_assert_ptr_nonnull(strstr(said, "replication: run 4 of 4, "));
    ck_assert_ptr_nonnull(strstr(said, "fake_movies_fake_actors-2-free, about "));
    succeeds(&s, KILLED_AT("$D/two/replication/fake_movies_fake_actors-2/mild.free/metrics.jsonl",
                           "exec " REPLICATION "RUN=$D/two"));
    ck_assert(!gk_exists(scratch_path(&s, "two/replication/pretrained.html")));
    succeeds(&s, REPLICATION "RUN=$D/two DRY=1");
    ck_assert_ptr_nonnull(strstr(said, "fake_movies_fake_actors-1-free  done, 3 of 3 experiments\n"));
    ck_assert_ptr_nonnull(strstr(said, "fake_movies_fake_actors-2-free  2 of 3 experiments\n"));
    succeeds(&s, REPLICATION "RUN=$D/two");
    same_text(&s, "one/replication/pretrained.html", "two/replication/pretrained.html");
    same_text(&s, "one/replication/pretrained-seeds.csv", "two/replication/pretrained-seeds.csv");
    same_text(&s, "tables/pretrained.csv", "two/replication/tables/pretrained.csv");
    same_text(&s, "tables/pretrained-seeds.csv", "two/replication/tables/pretrained-seeds.csv");
    small_table(&s, "$D/tables/pretrained.csv", "$D/one/replication/pretrained.csv");
    /* The regimes are averaged apart, each over its seeds. */
    succeeds(&s, "cut -d '\"' -f 2 $D/tables/pretrained-seeds.csv | sort -u; grep -c ',PRE,top5,2,' "
                 "$D/tables/pretrained-seeds.csv");
    ck_assert_str_eq(said, "fake_movies_fake_actors-1, fake_movies_fake_actors-2\n"
                           "fake_movies_fake_actors-1-free, fake_movies_fake_actors-2-free\n"
                           "runs,experiment,set,scheme,metric,seeds,mean,sd,t_low,t_high,low,high\n6\n");
    /* Frozen is embedding, head and lower third; free is what may be free. */
    succeeds(
        &s,
        "cd $D/one/replication/fake_movies_fake_actors-1; for m in relation free mild mild.free; do $G diff "
        "--a "
        "$D/model --b $m --json $D/d.json >/dev/null; awk -v m=$m '/\"component\"/ { c = $2 } /\"layer\"/ { "
        "l = $2 } /\"changed\"/ && c ~ /embed|head|q/ { print m c l $2 }' $D/d.json; done >$D/changed; "
        "grep -x 'relation\"embed\",null,0,' $D/changed && grep -x 'mild\"q\",0,0,' $D/changed && "
        "grep 'free\"embed\",null,[1-9]' $D/changed && grep 'mild.free\"q\",0,[1-9]' $D/changed && "
        "grep -x 'free\"head\",null,0,' $D/changed");
    succeeds(
        &s,
        "touch $D/mark; " REPLICATION
        "RUN=$D/one TABLES=$D/tables; find $D/one/replication/*/* -newer $D/mark -type f ! -name 'paper.*' ! "
        "-name replicated | grep . && exit 3; true");
    scratch_free(&s);
}
END_TEST

START_TEST(a_replication_is_checked_before_it_begins) {
    scratch s = scratch_new();
    tiny_model(&s);
#define OF_MODEL "MODEL=$D/model RUN=$D/no "
    fails(&s, "$M replication FAMILIES=lama RUN=$D/no", "FAMILIES: 'lama' is no family", "gpt2");
    fails(&s, "$M replication FAMILIES='llama llama' RUN=$D/no", "FAMILIES: 'llama' is named twice", "");
    fails(&s, "$M replication SEEDS='1 x' RUN=$D/no", "SEEDS: 'x'", "integer");
    fails(&s, "$M replication SEED=2 RUN=$D/no", "SEED='2'", "SEEDS=");
    fails(&s, "$M replication FREEZE=embed RUN=$D/no", "FREEZE='embed'", "RECIPE");
    fails(&s, "$M replication DATASETS=battles RUN=$D/no", "DATASETS='battles'", "MODEL=PATH");
    fails(&s, "$M replication REGIME=free RUN=$D/no", "REGIME='free'", "REGIMES=frozen");
    fails(&s, "$M replication REGIMES=free RUN=$D/no", "REGIMES='free'", "frozen,free");
    fails(&s, "$M replication PAPER='position nowhere' RUN=$D/no", "'nowhere' is no experiment", "position");
    fails(&s, "$M replication DRY=yes RUN=$D/no", "DRY='yes'", "1 or nothing");
    fails(&s, "$M replication DATASETS='battles nowhere' " OF_MODEL, "DATASETS: 'nowhere' is no dataset",
          "battles");
    fails(&s, "$M replication FAMILIES=llama " OF_MODEL, "FAMILIES='llama'", "its own architecture");
    fails(&s, "$M replication RECIPE=nowhere " OF_MODEL, "RECIPE='nowhere'", "");
    fails(&s, "$M replication TEMPLATES=$D DATASETS='battles counterfact' " OF_MODEL,
          "TEMPLATES=", "several datasets");
    fails(&s, "$M experiment NAME=position REGIME=fre RUN=$D/no", "REGIME='fre'", "must be free");
    fails(&s, "$M experiment NAME=regimes REGIME=free RUN=$D/no", "'regimes' is of free models already", "");
    succeeds(&s, "$M replication DRY=1 FAMILIES=llama SEEDS=3 RUN=$D/no");
    ck_assert_ptr_nonnull(strstr(said, "/no/replication/llama-3-free  not begun"));
    ck_assert_ptr_nonnull(strstr(said, "not begun"));
    succeeds(&s, "$M -n replication " OF_MODEL);
    ck_assert_ptr_nonnull(strstr(said, "/no/replication/real_movies_real_actors_shuffled-1-free  not begun"));
    ck_assert(!gk_exists(scratch_path(&s, "no")));
    /* A run that is there already under that name is not written into. */
    succeeds(&s, "mkdir $D/run-free && echo SEED=1 >$D/run-free/asked");
    fails(&s, "$M experiment NAME=position REGIME=free RUN=$D/run", "run-free, which is a run of its own",
          "another RUN");
    ck_assert(!gk_exists(scratch_path(&s, "run")));
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("experiments");
    TCase *files = tcase_create("files"), *t = tcase_create("make"),
          *replication = tcase_create("replication");
    tcase_add_test(files, the_shipped_experiments);
    tcase_add_test(files, what_is_wrong_with_a_file_is_said_with_its_place);
    suite_add_tcase(suite, files);
    tcase_set_timeout(t, 900);
    tcase_add_test(t, nothing_is_written_for_what_cannot_be_run);
    tcase_add_test(t, a_paper_that_is_killed_goes_on);
    tcase_add_test(t, planted_models_are_trained_a_run_a_seed);
    tcase_add_test(t, what_does_not_apply_is_left_out_and_said);
    tcase_add_test(t, own_fields_go_through_every_step);
    suite_add_tcase(suite, t);
    tcase_set_timeout(replication, 900);
    tcase_add_test(replication, a_replication_is_checked_before_it_begins);
    tcase_add_test(replication, a_replication_that_is_killed_goes_on);
    suite_add_tcase(suite, replication);
    return run_suite(suite);
}
