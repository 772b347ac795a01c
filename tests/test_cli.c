/* modules: core
 *
 * test_cli.c: the program as a person runs it: a small pipeline from dataset to report, and what each kind of
 * bad input gets: one clear line, exit code 1, and nothing overwritten. $GRAFTKIT names the binary (make test
 * sets it). */
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
    succeeds(
        "report --db $D/results.db --base $D/base --gate $D/base/gate.json --donor sft=$D/relation --out "
        "$D/report/index.html");
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
    static const char *const keys[] = {"top1",      "top5",        "top10",        "top50",     "top100",
                                       "mean_rank", "median_rank", "mean_logprob", "logit_diff"};
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

#define ASK                                                      \
    "--rows $D/data/relation/metadata.jsonl --eval-rows 3 " EVAL \
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
    refused(FINETUNE "--rows $D/data/relation/metadata.jsonl --out $D/no", "--templates", "both");
    refused(FINETUNE EVAL "--out $D/no", "--rows", "both");
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

int main(void) {
    Suite *suite = suite_create("cli");
    TCase *t = tcase_create("cli");
    tcase_set_timeout(t, 300);
    tcase_add_unchecked_fixture(t, pipeline, remove_run);
    tcase_add_test(t, the_pipeline_leaves_its_files);
    tcase_add_test(t, a_finished_step_is_not_redone);
    tcase_add_test(t, an_unknown_option);
    tcase_add_test(t, numbers_out_of_range);
    tcase_add_test(t, outputs_are_looked_at_first);
    tcase_add_test(t, interrupted_is_130);
    tcase_add_test(t, what_was_learned_is_told);
    tcase_add_test(t, what_cannot_be_asked);
    tcase_add_test(t, what_stands_against_training);
    tcase_add_test(t, a_path_may_hold_a_comma);
    tcase_add_test(t, a_truncated_model);
    tcase_add_test(t, a_template_with_an_unknown_field);
    tcase_add_test(t, a_template_with_an_unclosed_brace);
    tcase_add_test(t, a_scheme_that_names_what_does_not_exist);
    tcase_add_test(t, a_row_without_a_field);
    tcase_add_test(t, an_unwritable_run_folder);
    tcase_add_test(t, another_models_results_are_kept);
    tcase_add_test(t, texts_go_on);
    tcase_add_test(t, texts_that_cannot_be_run);
    tcase_add_test(t, inspecting_and_comparing);
    tcase_add_test(t, what_cannot_be_inspected_or_compared);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
