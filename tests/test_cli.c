/* modules: model core
 *
 * test_cli.c: the program as a person runs it: a small pipeline from dataset to report, and what each kind of
 * bad input gets: one clear line, exit code 1, and nothing overwritten. $GRAFTKIT names the binary (make test
 * sets it). */
#include "model/model.h"
#include "tests/scratch.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[64]; /* the run that all tests here share */

#define EVAL                                                                                                \
    "--templates templates/fake_movies_fake_actors/eval.jsonl --fillers templates/fake_movies_fake_actors/" \
    "fillers.json --target second_actor "

/* Runs `graftkit <args>` in the source tree with $D as the run's folder; output (both streams) in `out`. */
static int run(char *out, size_t size, const char *args) {
    const char *binary = getenv("GRAFTKIT");
    ck_assert_msg(binary != NULL, "GRAFTKIT is not set: run this suite through make test");
    char line[4096];
    snprintf(line, sizeof line, "cd '%s' && D='%s' && '%s' %s 2>&1", GK_SOURCE_DIR, dir, binary, args);
    FILE *p = popen(line, "r");
    ck_assert_ptr_nonnull(p);
    size_t n = fread(out, 1, size - 1, p);
    out[n] = 0;
    while (fgetc(p) != EOF) {
    }
    int status = pclose(p);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void succeeds(const char *args) {
    char out[16384];
    int code = run(out, sizeof out, args);
    ck_assert_msg(code == 0, "graftkit %s\nreturned %d:\n%s", args, code, out);
}

/* Exit code 1 and a last line that holds every given part; nothing else but progress before it. */
static void refused(const char *args, const char *a, const char *b) {
    char out[16384];
    int code = run(out, sizeof out, args);
    ck_assert_msg(code == 1, "graftkit %s\nreturned %d:\n%s", args, code, out);
    ck_assert_msg(strncmp(out, "graftkit ", 9) == 0 && strchr(out, '\n') == strrchr(out, '\n'),
                  "not one line:\n%s", out);
    ck_assert_msg(strstr(out, a) && strstr(out, b), "graftkit %s\nshould say '%s' and '%s':\n%s", args, a, b,
                  out);
}

static char *in_run(scratch *s, const char *name) {
    return gk_path_join(s->a, dir, name);
}

static void hash(scratch *s, const char *name, char hex[GK_SHA256_HEX]) {
    gk_error err;
    ck_assert_msg(gk_sha256_file(in_run(s, name), hex, &err), "%s: %s", name, err.what);
}

#define SWEEP                                                                                          \
    "sweep --recipient pre=$D/base --donor sft=$D/relation --donor task=$D/relation --limit 3 --rows " \
    "$D/data/relation/metadata.jsonl "
#define SEARCH                                                                       \
    "search --recipient pre=$D/base --donor sft=$D/relation --out $D/search --rows " \
    "$D/data/relation/metadata.jsonl "
#define GATE "gate --model $D/base --rows $D/data/base/metadata.jsonl " EVAL
#define FINETUNE "finetune --model $D/base --texts $D/data/relation/A2B.jsonl "
#define POSITION "--schemes graft/schemes/position.yaml "

static void pipeline(void) {
    snprintf(dir, sizeof dir, "/tmp/graftkit-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    succeeds("dataset --out $D/data --base-rows 20 --base-texts 400 --relation-rows 5 --task-rows 5");
    succeeds("tokenizer --texts $D/data/tokenizer.jsonl --vocab 900 --out $D/tokenizer");
    succeeds(
        "base --family llama --layers 2 --d-model 32 --heads 2 --ffn 40 --tokenizer $D/tokenizer --texts "
        "$D/data/base/texts.jsonl --recipe base --warmup 5 --out $D/base");
    succeeds("gate --model $D/base --rows $D/data/base/metadata.jsonl " EVAL "--out $D/base/gate.json");
    succeeds("finetune --model $D/base --texts $D/data/relation/A2B.jsonl --recipe relation --epochs 1 --out "
             "$D/relation");
    succeeds(
        SWEEP POSITION EVAL
        "--schemes graft/schemes/component.yaml --schemes graft/schemes/hybrid.yaml --out $D/results.db");
    succeeds(
        "export --db $D/results.db --summary $D/summary.json --cells $D/cells.csv --results $D/results.csv");
    succeeds("report --db $D/results.db --base $D/base --gate $D/base/gate.json --donor sft=$D/relation "
             "--card $D/data/card.json --out $D/report/index.html");
}

static void remove_run(void) {
    scratch s = {.a = gk_arena_new()};
    snprintf(s.dir, sizeof s.dir, "%s", dir);
    scratch_free(&s);
}

START_TEST(the_pipeline_leaves_its_files) {
    static const char *const files[] = {"data/card.json",
                                        "tokenizer/tokenizer.model",
                                        "base/model.safetensors",
                                        "base/config.json",
                                        "base/tokenizer.model",
                                        "base/metrics.jsonl",
                                        "base/gate.json",
                                        "relation/train.json",
                                        "results.db",
                                        "report/index.html",
                                        "cells.csv",
                                        "results.csv"};
    scratch s = scratch_new();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        ck_assert_msg(gk_exists(in_run(&s, files[i])), "%s is missing", files[i]);
    gk_error err;
    json_t *summary = gk_json_load(in_run(&s, "summary.json"), &err), *cell;
    ck_assert_ptr_nonnull(summary);
    static const char *const keys[] = {"top1",         "top5",          "top10",     "top50",
                                       "top100",       "exact",         "mean_rank", "median_rank",
                                       "mean_logprob", "whole_logprob", "logit_diff"};
    size_t i, fe_lt = 0;
    json_array_foreach(json_object_get(summary, "cells"), i, cell) {
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            ck_assert_msg(json_object_get(cell, keys[k]) != NULL, "a cell lacks %s", keys[k]);
            const json_t *ci = json_object_get(cell, gk_arena_printf(s.a, "%s_ci", keys[k]));
            ck_assert_uint_eq(json_array_size(ci), 2);
        }
        ck_assert_uint_gt((size_t)json_integer_value(json_object_get(cell, "n")), 0);
        fe_lt += strcmp(json_string_value(json_object_get(cell, "scheme")), "FE+LT") == 0;
    }
    ck_assert_uint_eq(fe_lt, 6); /* four templates, pooled, titled */
    json_decref(summary);
    scratch_free(&s);
}
END_TEST

START_TEST(the_report_tells_of_the_dataset) {
    scratch s = scratch_new();
    gk_error err;
    char hex[GK_SHA256_HEX];
    char *page = gk_read_file(s.a, in_run(&s, "report/index.html"), (size_t)1 << 28, NULL, &err);
    ck_assert_ptr_nonnull(page);
    ck_assert_ptr_nonnull(strstr(page, "<h2 id=\"dataset\">"));
    ck_assert_ptr_nonnull(strstr(page, "<code>fake_movies_fake_actors</code>, seed 1."));
    ck_assert_ptr_nonnull(strstr(page, "<tr><td>relation</td><td>5</td>"));
    ck_assert_ptr_nonnull(
        strstr(page, "The 12 evaluated prompts are about 3 rows and ask for 3 different first tokens."));
    ck_assert(gk_sha256_file(in_run(&s, "data/task/B2A.jsonl"), hex, &err));
    ck_assert_ptr_nonnull(strstr(page, hex));
    refused("report --db $D/results.db --card $D/base/gate.json --out $D/no.html", "gate.json",
            "not the card of a dataset");
    scratch_free(&s);
}
END_TEST

/* What the command prints of data that is not all usable, with first tokens where it has a tokenizer. */
START_TEST(dropped_rows_are_told) {
    scratch s = scratch_new();
    char out[16384];
    FILE *f = fopen(in_run(&s, "cf.jsonl"), "wb");
    for (int i = 0; i < 4; i++)
        fprintf(f, "{\"prompt\": \"Mr %d speaks\", \"subject\": \"Mr %d\", \"target_new\": \"%s\"}\n", i, i,
                i < 2   ? "Ada"
                : i < 3 ? "Bo"
                        : " ");
    fclose(f);
    int code = run(out, sizeof out,
                   "dataset --name counterfact --source $D/cf.jsonl --tokenizer $D/base --out $D/cf");
    ck_assert_msg(code == 0, "%s", out);
    ck_assert_msg(strstr(out, "dropped: 1, each named in ") &&
                      strstr(out, "1 x the target (field 'second_actor') is empty"),
                  "%s", out);
    ck_assert_msg(strstr(out, "different first tokens among the targets, the most common"), "%s", out);
    refused("dataset --name counterfact --source $D/none --out $D/cf2", "none", "opening the file");
    refused("dataset --name battles --source $D/cf.jsonl --out $D/cf2", "battles", "takes no source");
    scratch_free(&s);
}
END_TEST

START_TEST(a_finished_step_is_not_redone) {
    scratch s = scratch_new();
    struct stat before, after;
    ck_assert_int_eq(stat(in_run(&s, "relation/model.safetensors"), &before), 0);
    succeeds("finetune --model $D/base --texts $D/data/relation/A2B.jsonl --recipe relation --epochs 1 --out "
             "$D/relation");
    ck_assert_int_eq(stat(in_run(&s, "relation/model.safetensors"), &after), 0);
    ck_assert(before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
              before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
    scratch_free(&s);
}
END_TEST

START_TEST(an_unknown_option) {
    refused("sweep --recipent pre=x", "--recipent", "--recipient");
    refused("info --thread 2", "--thread", "--threads");
}
END_TEST

START_TEST(numbers_out_of_range) {
    refused("info --threads -3", "--threads", "0 or more");
    refused("base --ffn -3 --tokenizer $D/tokenizer --texts x --out $D/no", "--ffn", "-3");
    refused("base --ffn 99999999999 --tokenizer $D/tokenizer --texts x --out $D/no", "--ffn", "99999999999");
    refused(SWEEP POSITION EVAL "--out $D/no.db --seed -1", "--seed", "0 or more");
    refused(GATE "--top -1", "--top", "-1");
    refused(GATE "--top 0", "'top': is 0", "1 or more");
    refused(GATE "--min 2", "'min': is 2", "from 0 to 1");
    refused(FINETUNE "--recipe relation --eps 0 --out $D/no", "--eps", "1e-30");
}
END_TEST

START_TEST(outputs_are_looked_at_first) {
    scratch s = scratch_new();
    refused(SWEEP POSITION EVAL "--out ''", "--out", "empty");
    refused(GATE "--out $D/nowhere/x/y.json", "nowhere/x/y.json", "");
    refused("export --db $D/results.db --cells $D/ok.csv --results $D/bad.foo", "bad.foo", ".jsonl");
    refused("export --db $D/results.db --cells $D/ok.csv --results $D/no/where.csv", "no/where.csv", "");
    refused("export --db $D/results.db --cells $D/x.csv --results $D/./x.csv", "--results", "--cells");
    refused("export --db $D/results.db --summary $D/results.db", "--summary", "--db");
    ck_assert(!gk_exists(in_run(&s, "ok.csv")) && !gk_exists(in_run(&s, "x.csv")));
    scratch_free(&s);
}
END_TEST

/* Runs `graftkit <args>` with a SIGINT that waits for it: it is asked to stop as soon as it can be. */
static int run_interrupted(char *out, size_t size, const char *args) {
    int fd[2], status;
    ck_assert_int_eq(pipe(fd), 0);
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigprocmask(SIG_BLOCK, &set, NULL);
        kill(getpid(), SIGINT); /* blocked and pending, it outlives exec */
        dup2(fd[1], 1);
        dup2(fd[1], 2);
        close(fd[0]);
        char line[4096];
        snprintf(line, sizeof line, "cd '%s' && D='%s' && exec \"$GRAFTKIT\" %s", GK_SOURCE_DIR, dir, args);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    close(fd[1]);
    FILE *f = fdopen(fd[0], "r");
    out[fread(out, 1, size - 1, f)] = 0;
    fclose(f);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(interrupted_is_130) {
    static const char *const commands[] = {
        SWEEP POSITION EVAL "--out $D/stopped.db", FINETUNE "--recipe relation --out $D/stopped",
        "diff --a $D/base --b $D/relation", "generate --model $D/base --prompt a"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char out[16384];
        int code = run_interrupted(out, sizeof out, commands[i]);
        ck_assert_msg(code == 130, "graftkit %s\nreturned %d:\n%s", commands[i], code, out);
    }
    for (size_t i = 0; i < 2; i++) succeeds(commands[i]); /* goes on */
}
END_TEST

#define ASK                                                           \
    "--eval-rows $D/data/relation/metadata.jsonl --eval-most 3 " EVAL \
    "--train-templates templates/fake_movies_fake_actors/qa.jsonl "

/* A line an epoch, the untaught model's first; a run that is finished tells it again. */
START_TEST(what_was_learned_is_told) {
    char out[16384];
    for (int again = 0; again < 2; again++) {
        ck_assert_int_eq(
            run(out, sizeof out, FINETUNE ASK "--recipe relation --epochs 2 --out $D/asked 2>/dev/null"), 0);
        char *table = strstr(out, "what was learned");
        ck_assert_msg(table != NULL, "%s", out);
        for (int epoch = 0; epoch <= 2; epoch++) {
            char row[16];
            snprintf(row, sizeof row, "\n%5d  ", epoch);
            ck_assert_msg(strstr(table, row) != NULL, "no epoch %d in\n%s", epoch, table);
        }
        ck_assert_ptr_null(strstr(table, "\n    3 "));
    }
    scratch s = scratch_new();
    gk_jsonl *in = gk_jsonl_open(in_run(&s, "asked/metrics.jsonl"), NULL);
    json_t *line;
    int64_t epochs = 0;
    while (gk_jsonl_next(in, &line, NULL) > 0) {
        if (json_object_get(line, "epochs")) {
            ck_assert_int_eq(json_integer_value(json_object_get(line, "epochs")), epochs++);
            ck_assert_int_eq(json_integer_value(json_object_get(line, "held_out_prompts")), 3 * 4);
            ck_assert_int_eq(json_integer_value(json_object_get(line, "trained_prompts")), 3 * 4);
        }
        json_decref(line);
    }
    gk_jsonl_close(in);
    ck_assert_int_eq(epochs, 3);
    scratch_free(&s);
}
END_TEST

START_TEST(what_cannot_be_asked) {
    refused(FINETUNE "--eval-rows $D/data/relation/metadata.jsonl --out $D/no", "--templates", "both");
    refused(FINETUNE EVAL "--out $D/no", "--eval-rows", "both");
    refused(FINETUNE ASK "--train-templates templates/fake_movies_fake_actors/eval.jsonl --out $D/no",
            "eval.jsonl", "no template leads up to 'second_actor'");
}
END_TEST

/* One line, before any progress. */
START_TEST(what_stands_against_training) {
    char out[4096];
    refused(FINETUNE "--recipe relation --freeze pos --out $D/no", "freeze", "pos");
    ck_assert_int_eq(run(out, sizeof out,
                         "--version && mkdir $D/dam $D/dam2 && echo '{' >$D/dam/train.json && "
                         "echo x >$D/dam2/checkpoint-0.safetensors"),
                     0);
    refused(FINETUNE "--recipe relation --out $D/dam", "dam/train.json", "");
    refused(FINETUNE "--recipe relation --replace --out $D/dam2", "dam2/checkpoint-0.safetensors", "");
}
END_TEST

START_TEST(a_path_may_hold_a_comma) {
    char out[4096];
    ck_assert_int_eq(
        run(out, sizeof out,
            "--version && cp graft/schemes/position.yaml $D/po,sition.yaml && ln -s base $D/ba,se && "
            "cp $D/data/relation/A2B.jsonl $D/A,B.jsonl"),
        0);
    succeeds(
        "sweep --recipient pre=$D/base --donor sft=$D/ba,se --limit 1 --rows $D/data/relation/metadata.jsonl "
        "--schemes $D/po,sition.yaml " EVAL "--out $D/com,ma.db");
    succeeds("tokenizer --texts $D/data/tokenizer.jsonl --texts $D/A,B.jsonl --vocab 900 --out $D/tok2");
    refused(SWEEP "--schemes graft/schemes/position.yaml,graft/schemes/hybrid.yaml " EVAL "--out $D/no.db",
            "position.yaml,graft", "");
}
END_TEST

START_TEST(what_search_cannot_do) {
    refused(SEARCH EVAL, "5 usable rows", "each part needs 10");
    refused(SEARCH EVAL "--goal 90", "--goal", "90");
    refused(SEARCH EVAL "--objective rank", "--objective", "logprob, prob or accuracy");
    refused(SEARCH EVAL "--layer-blocks 2x", "--layer-blocks", "each");
    refused(SEARCH EVAL "--layer-blocks 9", "--layer-blocks", "2 layers");
    refused(SEARCH EVAL "--position nobody", "--position nobody", "known fields");
    refused(SEARCH EVAL "--budget much", "--budget", "much");
    refused(SEARCH EVAL "--out $D/results.db", "--out", "twice");
}
END_TEST

START_TEST(a_truncated_model) {
    scratch s = scratch_new();
    char out[4096];
    ck_assert_int_eq(run(out, sizeof out,
                         "--version && cp -r $D/base $D/cut && truncate -s -1000 $D/cut/model.safetensors"),
                     0);
    refused("finetune --model $D/cut --texts $D/data/relation/A2B.jsonl --recipe relation --out $D/cut-out",
            "cut/model.safetensors", "byte");
    ck_assert(!gk_exists(in_run(&s, "cut-out/model.safetensors")));
    scratch_free(&s);
}
END_TEST

/* A sweep into the finished store with other inputs: refused, and the store stays as it was. */
static void sweep_refused(const char *rest, const char *a, const char *b) {
    scratch s = scratch_new();
    char before[GK_SHA256_HEX], after[GK_SHA256_HEX], args[2048];
    hash(&s, "results.db", before);
    snprintf(args, sizeof args, SWEEP "--out $D/results.db %s", rest);
    refused(args, a, b);
    hash(&s, "results.db", after);
    ck_assert_str_eq(before, after);
    scratch_free(&s);
}

static void write_in_run(scratch *s, const char *name, const char *text) {
    ck_assert(gk_write_file(in_run(s, name), text, strlen(text), NULL));
}

START_TEST(a_template_with_an_unknown_field) {
    scratch s = scratch_new();
    write_in_run(&s, "t.jsonl",
                 "{\"template\": \"{first_actor} stars with\"}\n{\"template\": \"By {directr}: {first_actor} "
                 "and\"}\n");
    sweep_refused(POSITION "--target second_actor --templates $D/t.jsonl", "t.jsonl:2:18", "directr");
    scratch_free(&s);
}
END_TEST

START_TEST(a_template_with_an_unclosed_brace) {
    scratch s = scratch_new();
    write_in_run(&s, "t.jsonl", "{\"template\": \"So {first_actor stars with\"}\n");
    sweep_refused(POSITION "--target second_actor --templates $D/t.jsonl", "t.jsonl:1:18", "brace");
    scratch_free(&s);
}
END_TEST

static void bad_scheme(const char *grafts, const char *a, const char *b) {
    scratch s = scratch_new();
    char text[1024];
    snprintf(text, sizeof text, "set: x\nschemes:\n  - name: X\n    grafts:\n      - %s\n", grafts);
    write_in_run(&s, "s.yaml", text);
    sweep_refused("--schemes $D/s.yaml " EVAL, a, b);
    scratch_free(&s);
}

START_TEST(a_scheme_that_names_what_does_not_exist) {
    bad_scheme("{at: last, donor: sft, components: [o, dwn]}", "s.yaml:5:", "dwn");
    bad_scheme("{at: last, donor: stf}", "s.yaml:5:", "stf");
    bad_scheme("{at: frist_actor, donor: sft}", "s.yaml:5:", "frist_actor");
}
END_TEST

START_TEST(a_row_without_a_field) {
    scratch s = scratch_new();
    write_in_run(&s, "rows.jsonl",
                 "{\"id\": 1, \"first_actor\": \"Ada Abbott\", \"second_actor\": \"Ben Cole\", "
                 "\"movie_title\": \"Red Sky\"}\n"
                 "{\"id\": 2, \"first_actor\": \"Eva Stone\", \"movie_title\": \"Blue Sky\"}\n");
    char before[GK_SHA256_HEX], after[GK_SHA256_HEX];
    hash(&s, "results.db", before);
    refused("sweep --recipient pre=$D/base --donor sft=$D/relation --rows $D/rows.jsonl --schemes "
            "graft/schemes/position.yaml " EVAL "--out $D/results.db",
            "rows.jsonl:2", "second_actor");
    hash(&s, "results.db", after);
    ck_assert_str_eq(before, after);
    scratch_free(&s);
}
END_TEST

START_TEST(an_unwritable_run_folder) {
    scratch s = scratch_new();
    write_in_run(&s, "file", "in the way");
    /* A file where a folder should be stops root too, whom permissions do not. */
    refused("dataset --out $D/file/data --base-rows 20 --base-texts 10 --relation-rows 5 --task-rows 5",
            "/file", "folder");
    refused("finetune --model $D/base --texts $D/data/relation/A2B.jsonl --recipe relation --out $D/file/x",
            "/file", "");
    refused(SWEEP POSITION EVAL "--out $D/file/results.db", "/file", "");
    scratch_free(&s);
}
END_TEST

START_TEST(another_models_results_are_kept) {
    refused("sweep --recipient pre=$D/relation --donor sft=$D/base --donor task=$D/base --limit 3 --rows "
            "$D/data/relation/metadata.jsonl " POSITION EVAL "--out $D/results.db",
            "results.db", "--restart");
}
END_TEST

/* The text goes on from where it stands; the ids are those that the logits say are likeliest. */
static char *output_of(scratch *s, const char *args) {
    char *out = gk_arena_alloc(s->a, 16384);
    int code = run(out, 16384, args);
    ck_assert_msg(code == 0, "graftkit %s\nreturned %d:\n%s", args, code, out);
    return out;
}

START_TEST(whole_targets_and_generated_texts) {
    scratch s = scratch_new();
    char *out = output_of(&s, SWEEP POSITION EVAL "--whole-target --generate 3 --out $D/whole.db");
    ck_assert_ptr_nonnull(strstr(out, "[95% interval]   exact  mean rank"));
    out = output_of(
        &s, "export --db $D/whole.db --results $D/whole.csv --cells $D/w-cells.csv --summary $D/w.json");
    gk_error err;
    const char *csv = gk_read_file(s.a, in_run(&s, "whole.csv"), 1 << 26, NULL, &err);
    ck_assert_ptr_nonnull(strstr(csv, ",target_tokens,whole_logprob,exact,whole_dropped,generated\r\n"));
    ck_assert(strstr(csv, ",true,,") || strstr(csv, ",false,,"));
    succeeds("report --db $D/whole.db --out $D/whole.html");
    ck_assert_ptr_null(strstr(output_of(&s, SWEEP POSITION EVAL "--out $D/first.db"), "exact"));
    refused(SWEEP POSITION EVAL "--out $D/whole.db", "another whole_target", "--restart");
    refused(SWEEP POSITION EVAL "--generate 5000 --out $D/whole.db", "--generate", "at most 1000");
    scratch_free(&s);
}
END_TEST

/* The two summaries have the same cells, with values that rounding alone may tell apart. */
static void same_cells(scratch *s, const char *a, const char *b) {
    static const char *const shares[] = {"top1", "top5", "top100"};
    json_t *one = gk_json_load(in_run(s, a), NULL), *other = gk_json_load(in_run(s, b), NULL);
    json_t *mine = json_object_get(one, "cells"), *theirs = json_object_get(other, "cells");
    ck_assert_uint_gt(json_array_size(mine), 0);
    ck_assert_uint_eq(json_array_size(mine), json_array_size(theirs));
    for (size_t i = 0; i < json_array_size(mine); i++) {
        json_t *x = json_array_get(mine, i), *y = json_array_get(theirs, i);
        ck_assert(json_equal(json_object_get(x, "scheme"), json_object_get(y, "scheme")));
        for (size_t k = 0; k < sizeof shares / sizeof *shares; k++)
            ck_assert(json_equal(json_object_get(x, shares[k]), json_object_get(y, shares[k])));
        double p = json_number_value(json_object_get(x, "logprob"));
        ck_assert_double_eq_tol(p, json_number_value(json_object_get(y, "logprob")), 1e-4);
    }
    json_decref(one);
    json_decref(other);
}

/* An adapter is trained, is a model to every command, and is the merged model. */
START_TEST(an_adapter_is_a_model) {
    scratch s = scratch_new();
    succeeds(FINETUNE "--recipe relation --epochs 1 --lora-rank 2 --lora-targets q,v,down --out $D/lora");
    ck_assert(gk_exists(in_run(&s, "lora/adapter_config.json")));
    ck_assert(!gk_exists(in_run(&s, "lora/model.safetensors")));
    succeeds("merge --adapter $D/lora --out $D/merged");
    char *a = output_of(&s, "logits --model $D/lora --ids 1,5,9");
    ck_assert_str_eq(a, output_of(&s, "logits --model $D/merged --ids 1,5,9"));
    ck_assert_str_ne(a, output_of(&s, "logits --model $D/base --ids 1,5,9"));
    succeeds("diff --a $D/base --b $D/lora --out $D/diff.html");
    static const char *const donors[] = {"lora", "merged"};
    for (int i = 0; i < 2; i++)
        succeeds(gk_arena_printf(
            s.a,
            "sweep --recipient pre=$D/base --donor sft=$D/%s --limit 3 --rows "
            "$D/data/relation/metadata.jsonl " POSITION EVAL
            "--out $D/%s.db && '%s' export --db $D/%s.db --results $D/%s.csv --summary $D/%s.json --cells "
            "$D/%s-cells.csv",
            donors[i], donors[i], getenv("GRAFTKIT"), donors[i], donors[i], donors[i], donors[i]));
    same_cells(&s, "lora.json", "merged.json");
    /* A folder as PEFT leaves it has no tokenizer: the base's is used. */
    ck_assert_int_eq(unlink(in_run(&s, "lora/tokenizer.model")), 0);
    output_of(&s, "generate --model $D/lora --prompt x --tokens 2");
    scratch_free(&s);
}
END_TEST

START_TEST(adapters_that_do_not_fit) {
    refused("merge --adapter $D/base --out $D/no", "holds no adapter", "adapter_config.json");
    refused("merge --adapter $D/lora --out $D/base", "--out", "name another folder");
    refused("merge --adapter $D/lora --model $D/lora --out $D/no", "is an adapter itself", "merge");
    refused("finetune --model $D/lora --lora-rank 2 --texts $D/data/relation/A2B.jsonl --out $D/no",
            "is an adapter itself", "merge");
    refused("base --family llama --tokenizer $D/tokenizer --texts $D/data/base/texts.jsonl --recipe base "
            "--lora-rank 2 --out $D/no",
            "lora_rank", "no base model");
    refused("inspect --model $D/lora", "the folder holds an adapter", "name its base");
}
END_TEST

START_TEST(texts_go_on) {
    char out[16384];
    ck_assert_int_eq(run(out, sizeof out, "generate --model $D/base --prompt 'The film' --tokens 5"), 0);
    ck_assert_msg(strstr(out, "The film") != NULL, "%s", out);
    const char *json =
        "generate --model $D/base --prompt 'The film' --prompt In --tokens 5 --ignore-eos --json";
    ck_assert_int_eq(run(out, sizeof out, json), 0);
    char *line = strchr(out, '{'); /* what is told on stderr may stand before or after */
    json_t *first = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL), *id = json_object_get(first, "ids");
    ck_assert_uint_eq(json_array_size(id), 5);
    ck_assert_ptr_nonnull(json_string_value(json_object_get(first, "continuation")));
    ck_assert_ptr_nonnull(strstr(strchr(line, '\n'), "\"prompt\":\"In\""));
    json_int_t likeliest = json_integer_value(json_array_get(id, 0));
    json_decref(first);
    ck_assert_int_eq(
        run(out, sizeof out, "logits --model $D/base --prompt 'The film' --top 1 --out $D/l.safetensors"), 0);
    line = strstr(out, "{\"text\":1,\"position\":2,");
    ck_assert_msg(line != NULL, "%s", out);
    json_t *row = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
    json_t *top = json_array_get(json_object_get(row, "top"), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(top, "id")), likeliest);
    json_decref(row);
    scratch s = scratch_new();
    ck_assert(gk_exists(in_run(&s, "l.safetensors")));
    scratch_free(&s);
}
END_TEST

/* `count` ids, or the first ones of what generate gives. */
static void assert_generates(const char *args, int count, const json_int_t *want) {
    char out[16384];
    ck_assert_int_eq(run(out, sizeof out, args), 0);
    json_t *line = json_loads(strchr(out, '{'), JSON_DISABLE_EOF_CHECK, NULL),
           *id = json_object_get(line, "ids");
    ck_assert_int_eq((int)json_array_size(id), count);
    for (size_t i = 0; want && i < (size_t)count; i++)
        ck_assert_int_eq(json_integer_value(json_array_get(id, i)), want[i]);
    json_decref(line);
}

/* A copy of the base model that says where texts end. */
static void with_end(const char *file, const char *key, json_int_t a, json_int_t b) {
    scratch s = scratch_new();
    char out[4096];
    ck_assert_int_eq(run(out, sizeof out, "--version && rm -rf $D/ends && cp -r $D/base $D/ends"), 0);
    char *path = in_run(&s, gk_arena_printf(s.a, "ends/%s", file));
    json_t *doc = gk_exists(path) ? gk_json_load(path, NULL) : json_object();
    json_object_set_new(doc, key, json_pack("[I, I]", a, b));
    ck_assert(gk_json_save(path, doc, NULL));
    json_decref(doc);
    scratch_free(&s);
}

START_TEST(texts_end_at_any_end) {
    char out[16384];
    json_int_t id[6];
#define FILM "--prompt 'The film' --tokens 6 --temperature 3 --json"
    ck_assert_int_eq(run(out, sizeof out, "generate --model $D/base --ignore-eos " FILM), 0);
    json_t *line = json_loads(strchr(out, '{'), JSON_DISABLE_EOF_CHECK, NULL);
    for (size_t i = 0; i < 6; i++)
        id[i] = json_integer_value(json_array_get(json_object_get(line, "ids"), i));
    json_decref(line);
    int first = 1; /* an id that was not there before */
    while (first < 6 && id[first] == id[0]) first++;
    ck_assert_int_lt(first, 6);
    with_end("config.json", "eos_token_id", 898, id[first]);
    assert_generates("generate --model $D/ends " FILM, first, id);
    assert_generates("generate --model $D/ends --ignore-eos " FILM, 6, id);
    with_end("generation_config.json", "eos_token_id", 899, id[first]);
    assert_generates("generate --model $D/ends " FILM, first, id);
#undef FILM
}
END_TEST

/* Vocabularies are padded: an id that the tokenizer does not know is shown, and the text goes on. */
START_TEST(ids_beyond_the_tokenizer) {
    char out[16384];
    succeeds("tokenizer --texts $D/data/tokenizer.jsonl --vocab 700 --out $D/small");
    ck_assert_int_eq(
        run(out, sizeof out, "generate --model $D/base --tokenizer $D/small --ids '5 899' --tokens 3"), 0);
    ck_assert_msg(strstr(out, "<id 899>") != NULL, "%s", out);
    assert_generates(
        "generate --model $D/base --tokenizer $D/small --ids '899 898 5' --tokens 40 --temperature "
        "50 --ignore-eos --json",
        40, NULL);
    ck_assert_int_eq(run(out, sizeof out,
                         "generate --model $D/base --tokenizer $D/small --ids 5 --tokens 40 --temperature 50 "
                         "--ignore-eos"),
                     0);
    ck_assert_msg(strstr(out, "<id ") != NULL, "%s",
                  out); /* of 40 even draws none from the last 200: 1 in 10^4 */
}
END_TEST

START_TEST(a_text_longer_than_the_model) {
    gk_buf args = {0};
    static const char *const COMMANDS[] = {"generate", "logits"};
    for (size_t i = 0; i < 2; i++) {
        args.len = 0;
        gk_buf_printf(&args, "%s --model $D/base --ids '", COMMANDS[i]);
        for (int k = 0; k < 129; k++) gk_buf_puts(&args, "5 ");
        gk_buf_puts(&args, "'");
        refused(args.data, "text 1 has 129 tokens, the model takes at most 128", "shorten it");
    }
    gk_buf_free(&args);
}
END_TEST

START_TEST(outputs_that_are_inputs) {
    scratch s = scratch_new();
    static const char *const FILES[] = {"results.db", "base/model.safetensors", "base/config.json"};
    char before[3][GK_SHA256_HEX], after[GK_SHA256_HEX];
    for (size_t i = 0; i < 3; i++) hash(&s, FILES[i], before[i]);
    refused("diff --a $D/base --b $D/relation --out $D/x --json $D/./x", "'--json'", "--out");
    refused("diff --a $D/base --b $D/relation --json $D/base/config.json", "'--json'", "--a");
    refused("diff --a $D/base --b $D/relation --out $D/relation/model.safetensors", "'--out'", "--b");
    refused("logits --model $D/base --prompt a --out $D/base/model.safetensors", "'--out'", "--model");
    refused("logits --model $D/base --prompt a --out $D/none/l.safetensors", "none/l.safetensors", "No such");
    refused("inspect --model $D/base --json $D/base/config.json", "'--json'", "--model");
    refused("report --db $D/results.db --out $D/results.db", "'--out'", "--db");
    refused(GATE "--out $D/base/config.json", "'--out'", "--model");
    refused(SWEEP POSITION EVAL "--restart --out $D/data/relation/metadata.jsonl", "'--out'", "--rows");
    for (size_t i = 0; i < 3; i++) {
        hash(&s, FILES[i], after);
        ck_assert_str_eq(before[i], after);
    }
    ck_assert(!gk_exists(in_run(&s, "x")));
    scratch_free(&s);
}
END_TEST

/* The model is open when the texts are read from a pipe; what it holds is gone when they come. */
START_TEST(a_model_that_is_cut_while_it_is_read) {
    char out[4096];
    ck_assert_int_eq(run(out, sizeof out, "--version && cp -r $D/base $D/shrunk && mkfifo $D/pipe"), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        char line[512];
        snprintf(
            line, sizeof line,
            "exec 3>'%s/pipe' && truncate -s 4096 '%s/shrunk/model.safetensors' && echo '{\"prompt\": \"The "
            "film\"}' >&3",
            dir, dir);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(9);
    }
    ck_assert_int_eq(run(out, sizeof out, "logits --model $D/shrunk --prompts $D/pipe"), 1);
    ck_assert_msg(strncmp(out, "graftkit: ", 10) == 0 && strstr(out, "shrunk/model.safetensors: byte ") &&
                      strchr(out, '\n') == strrchr(out, '\n'),
                  "%s", out);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

/* The base model with the embedding for a head. */
static void tie(scratch *s) {
    gk_model *m = gk_model_load(in_run(s, "base"), NULL);
    gk_config c = *gk_model_config(m);
    c.tied = true;
    gk_model *t = gk_model_blank(&c, NULL);
    const gk_param *list;
    size_t n = gk_model_params(t, &list);
    for (size_t i = 0; i < n; i++) {
        gk_tensor from = gk_model_tensor(m, list[i].layer, list[i].comp);
        memcpy(gk_model_data(t) + list[i].offset, list[i].bias ? from.b : from.w,
               list[i].count * sizeof(float));
    }
    ck_assert(gk_model_save(t, in_run(s, "tied"), NULL));
    gk_model_free(m);
    gk_model_free(t);
    char out[4096];
    ck_assert_int_eq(run(out, sizeof out, "--version && cp $D/base/tokenizer* $D/tied"), 0);
}

START_TEST(a_tied_model_needs_no_freeze) {
    scratch s = scratch_new();
    char out[16384];
    tie(&s);
#define TIED "finetune --model $D/tied --texts $D/data/relation/A2B.jsonl --recipe relation --epochs 1 "
    ck_assert_int_eq(run(out, sizeof out, TIED "--out $D/tied1"), 0);
    ck_assert_msg(strstr(out, "the head of this model is its embedding"), "%s", out);
    json_t *made = gk_json_load(in_run(&s, "tied1/train.json"), NULL);
    json_t *frozen = json_object_get(json_object_get(json_object_get(made, "inputs"), "recipe"), "freeze");
    ck_assert_uint_eq(json_array_size(frozen), 1);
    ck_assert_str_eq(json_string_value(json_array_get(frozen, 0)), "lnf");
    json_decref(made);
    ck_assert_int_eq(run(out, sizeof out, TIED "--freeze lnf --out $D/tied2"), 0);
    ck_assert_msg(!strstr(out, "the head of this model is its embedding"), "%s", out);
    refused(TIED "--freeze lnf,head --out $D/tied3", "freeze", "cannot be frozen alone");
    scratch_free(&s);
}
END_TEST

START_TEST(a_learning_rate_for_a_family_that_the_recipe_lacks) {
    scratch s = scratch_new();
    FILE *f = fopen(in_run(&s, "gpt2.yaml"), "wb");
    ck_assert(f && fputs("lr: {gpt2: 1e-3}\nepochs: 1\nbatch: 16\n", f) >= 0 && fclose(f) == 0);
#define GPT2 "finetune --model $D/base --texts $D/data/relation/A2B.jsonl --recipe $D/gpt2.yaml "
    refused(GPT2 "--out $D/lr", "field 'lr': has no value for the family llama", "--lr");
    succeeds(GPT2 "--lr 1e-3 --out $D/lr");
    scratch_free(&s);
}
END_TEST

START_TEST(texts_that_cannot_be_run) {
    refused("generate --model $D/base", "no text is given", "--prompt");
    refused("generate --model $D/base --ids '1 x'", "field '--ids'", "'x' is no token id");
    refused("logits --model $D/base --ids 900", "token 900", "vocabulary");
    refused("logits --model $D/none --prompt a", "none/config.json", "No such file");
    refused("generate --model $D/base --prompt a --top-p 0", "field '--top-p'", "above 0");
    refused("generate --model $D/base --prompt a --tokens 0", "field '--tokens'", "1 to");
}
END_TEST

START_TEST(inspecting_and_comparing) {
    scratch s = scratch_new();
    gk_error err;
    succeeds("inspect --model $D/relation --tensors --json $D/inspect.json");
    json_t *in = gk_json_load(in_run(&s, "inspect.json"), &err);
    ck_assert_ptr_nonnull(in);
    json_int_t total = json_integer_value(json_object_get(in, "parameters")), sum = 0;
    const char *name;
    json_t *v;
    json_object_foreach(json_object_get(in, "groups"), name, v) sum +=
        json_integer_value(json_object_get(v, "parameters"));
    ck_assert(total > 0 && total == sum);
    json_decref(in);

    succeeds("diff --a $D/base --b $D/relation --rank 8 --json $D/diff.json --out $D/diff/page.html");
    json_t *d = gk_json_load(in_run(&s, "diff.json"), &err);
    ck_assert_ptr_nonnull(d);
    size_t i, frozen = 0, moved = 0;
    json_array_foreach(json_object_get(d, "components"), i, v) {
        name = json_string_value(json_object_get(v, "component"));
        bool still = strcmp(name, "head") == 0 || strcmp(name, "lnf") == 0; /* the recipe freezes them */
        bool same = json_real_value(json_object_get(v, "relative")) == 0;
        frozen += still && same;
        moved += !still && !same;
    }
    ck_assert_uint_eq(frozen, 2);
    ck_assert_uint_eq(frozen + moved, json_array_size(json_object_get(d, "components")));
    ck_assert(gk_exists(in_run(&s, "diff/page.html")));
    json_decref(d);
    scratch_free(&s);
}
END_TEST

START_TEST(what_cannot_be_inspected_or_compared) {
    scratch s = scratch_new();
    refused("inspect --model $D/data", "data/config.json", "No such file");
    refused("inspect --model $D/base --rows 0", "--rows", "from 1");
    refused("diff --a $D/base --b tests/fixtures/model/gpt2", "model_type",
            "llama in the first model and gpt2");
    refused("diff --a $D/base --b tests/fixtures/model/llama", "hidden_size", "32 in the first model");
    refused("diff --a $D/base --b $D/relation --rank 257", "--rank", "256");
    refused("diff --a $D/base --b $D/relation --json $D/none/d.json", "none/d.json", "No such file");
    scratch_free(&s);
}
END_TEST

/* What a file of the run holds, as gk_json_load gives it. */
static json_t *loaded(scratch *s, const char *name) {
    gk_error err;
    json_t *obj = gk_json_load(in_run(s, name), &err);
    ck_assert_msg(obj != NULL, "%s: %s", name, err.what);
    return obj;
}

START_TEST(answers_and_general_text) {
    static const char args[] =
        "finetune --model $D/base --texts $D/answers.jsonl --loss answer --mix "
        "$D/general.txt --mix $D/data/base/texts.jsonl --mix-ratio 0.5 --mix-rows 6 "
        "--steps 9 --tokens 60 --accumulate 2 --warmup-ratio 0.2 --freeze lnf,head,attn "
        "--validation 0.3 --validate-steps 2 --patience 20 --out $D/answers";
    scratch s = scratch_new();
    char out[16384];
    write_in_run(&s, "general.txt", "The film is in town.\n\nA dog\nran.\n");
    write_in_run(&s, "answers.jsonl",
                 "{\"prompt\": \"The film is in\", \"completion\": \" Rome\"}\n"
                 "{\"text\": \"The actor is Ada.\", \"answer\": \"Ada\"}\n"
                 "{\"prompt\": \"The year is\", \"completion\": \" 1999.\"}\n");
    ck_assert_msg(run(out, sizeof out, args) == 0, "%s", out);
    ck_assert_msg(strstr(out, "general text: 402 documents, ") && strstr(out, " longer than 6 tokens cut: "),
                  "%s", out);
    json_t *m = loaded(&s, "answers/train.json"), *in = json_object_get(m, "inputs");
    const json_t *r = json_object_get(in, "recipe");
    ck_assert_int_eq(json_integer_value(json_object_get(m, "step")), 9);
    ck_assert_str_eq(json_string_value(json_object_get(r, "loss")), "answer");
    ck_assert_int_eq(json_integer_value(json_object_get(r, "tokens")), 60);
    ck_assert(json_real_value(json_object_get(r, "mix_ratio")) == 0.5);
    ck_assert_uint_eq(json_array_size(json_object_get(r, "freeze")), 6);
    ck_assert_ptr_nonnull(json_object_get(in, "mix_sha256"));
    json_decref(m);
    write_in_run(&s, "general.txt", "The film is in town.\n\nA dog\nwent.\n"); /* the name is the same */
    ck_assert_int_eq(run(out, sizeof out, args), 1);
    ck_assert_msg(strstr(out, "inputs: mix_sha256 is "), "%s", out);
    scratch_free(&s);
}
END_TEST

START_TEST(recipes_that_cannot_be_followed) {
    scratch s = scratch_new();
    write_in_run(&s, "no_answer.jsonl", "{\"text\": \"A\", \"answer\": \"A\"}\n{\"text\": \"The film\"}\n");
    refused("finetune --model $D/base --texts $D/no_answer.jsonl --loss answer --out $D/no",
            "no_answer.jsonl:2", "'answer': is missing");
    refused(FINETUNE "--mix-ratio 0.5 --out $D/no", "'mix_ratio'", "name files with `mix`");
    refused(FINETUNE "--mix $D/none.txt --mix-ratio 0.5 --out $D/no", "none.txt", "No such file");
    refused(FINETUNE "--mix $D/none.txt --out $D/no", "'mix'", "set `mix_ratio`");
    refused(FINETUNE "--mix-ratio 0.99 --out $D/no", "'--mix-ratio'", "from 0 to 0.9");
    refused(FINETUNE "--validation 0 --patience 3 --out $D/no", "'patience'", "without validation");
    refused(FINETUNE "--freeze ffn@7 --out $D/no", "'freeze'", "the model's 2");
    refused(FINETUNE "--warmup-ratio 20 --out $D/no", "'--warmup-ratio'", "from 0 to 1");
    ck_assert(!gk_exists(in_run(&s, "no")));
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cli");
    TCase *t = tcase_create("cli");
    tcase_set_timeout(t, 300);
    tcase_add_unchecked_fixture(t, pipeline, remove_run);
    tcase_add_test(t, the_pipeline_leaves_its_files);
    tcase_add_test(t, the_report_tells_of_the_dataset);
    tcase_add_test(t, dropped_rows_are_told);
    tcase_add_test(t, a_finished_step_is_not_redone);
    tcase_add_test(t, an_unknown_option);
    tcase_add_test(t, numbers_out_of_range);
    tcase_add_test(t, outputs_are_looked_at_first);
    tcase_add_test(t, interrupted_is_130);
    tcase_add_test(t, what_was_learned_is_told);
    tcase_add_test(t, what_cannot_be_asked);
    tcase_add_test(t, what_stands_against_training);
    tcase_add_test(t, answers_and_general_text);
    tcase_add_test(t, recipes_that_cannot_be_followed);
    tcase_add_test(t, a_path_may_hold_a_comma);
    tcase_add_test(t, what_search_cannot_do);
    tcase_add_test(t, a_truncated_model);
    tcase_add_test(t, a_template_with_an_unknown_field);
    tcase_add_test(t, a_template_with_an_unclosed_brace);
    tcase_add_test(t, a_scheme_that_names_what_does_not_exist);
    tcase_add_test(t, a_row_without_a_field);
    tcase_add_test(t, an_unwritable_run_folder);
    tcase_add_test(t, another_models_results_are_kept);
    tcase_add_test(t, whole_targets_and_generated_texts);
    tcase_add_test(t, an_adapter_is_a_model);
    tcase_add_test(t, adapters_that_do_not_fit);
    tcase_add_test(t, texts_go_on);
    tcase_add_test(t, texts_end_at_any_end);
    tcase_add_test(t, ids_beyond_the_tokenizer);
    tcase_add_test(t, a_text_longer_than_the_model);
    tcase_add_test(t, outputs_that_are_inputs);
    tcase_add_test(t, a_model_that_is_cut_while_it_is_read);
    tcase_add_test(t, a_tied_model_needs_no_freeze);
    tcase_add_test(t, a_learning_rate_for_a_family_that_the_recipe_lacks);
    tcase_add_test(t, texts_that_cannot_be_run);
    tcase_add_test(t, inspecting_and_comparing);
    tcase_add_test(t, what_cannot_be_inspected_or_compared);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
