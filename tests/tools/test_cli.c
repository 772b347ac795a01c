/* modules: core
 *
 * test_cli.c: the program as a person runs it: a small pipeline from dataset to report, and what each kind of
 * bad input gets: one clear line, exit code 1, and nothing overwritten. $GRAFTKIT names the binary (make test
 * sets it). */
#include "core/json.h"
#include "tests/support/cli_fixture.h"

#include <sys/stat.h>

#define SWEEP                                                                                          \
    "sweep --recipient pre=$D/base --donor sft=$D/relation --donor task=$D/relation --limit 3 --rows " \
    "$D/data/relation/metadata.jsonl "
#define SEARCH                                                                       \
    "search --recipient pre=$D/base --donor sft=$D/relation --out $D/search --rows " \
    "$D/data/relation/metadata.jsonl "
#define GATE "gate --model $D/base --rows $D/data/base/metadata.jsonl " EVAL

static void hash(scratch *s, const char *name, char hex[GK_SHA256_HEX]) {
    gk_error err;
    ck_assert_msg(gk_sha256_file(in_run(s, name), hex, &err), "%s: %s", name, err.what);
}

static void pipeline(void) {
    trained_models();
    succeeds("gate --model $D/base --rows $D/data/base/metadata.jsonl " EVAL "--out $D/base/gate.json");
    succeeds(
        SWEEP POSITION EVAL
        "--schemes graft/schemes/component.yaml --schemes graft/schemes/hybrid.yaml --out $D/results.db");
    succeeds(
        "export --db $D/results.db --summary $D/summary.json --cells $D/cells.csv --results $D/results.csv");
    succeeds("report --db $D/results.db --base $D/base --gate $D/base/gate.json --donor sft=$D/relation "
             "--card $D/data/card.json --out $D/report/index.html");
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
    static const char *const keys[] = {"top1",      "top5",         "top10",         "top50",
                                       "top100",    "exact",        "mean_rank",     "median_rank",
                                       "mean_prob", "mean_logprob", "whole_logprob", "logit_diff"};
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
    ck_assert_uint_eq(fe_lt, 7); /* four templates, pooled, full, lacking */
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
    ck_assert_msg(strstr(out, "different first tokens among the targets, the most common") &&
                      strstr(out, "so few first tokens that top-5 says nothing"),
                  "%s", out);
    refused("dataset --name counterfact --source $D/none --out $D/cf2", "none", "opening the file");
    refused("dataset --name battles --source $D/cf.jsonl --out $D/cf2", "battles", "takes no source");
    scratch_free(&s);
}
END_TEST

/* Two rows of one entity are no two facts: nothing is dropped, but it is told. A row by itself, a row that is
 * dropped (its id came before) and a target in common are not meant. */
START_TEST(rows_that_share_an_entity_are_told) {
    scratch s = scratch_new();
#define FACT(id, a, b, title)                                                                              \
    "{\"id\": " #id ", \"first_actor\": \"" a "\", \"second_actor\": \"" b "\", \"movie_title\": \"" title \
    "\"}\n"
#define ALONE                           \
    FACT(1, "Ann Lee", "Cid Moe", "Ox") \
    FACT(2, "Bo Ray", "Cid Moe", "Elk") FACT(2, "Ann Lee", "Di Fox", "Owl")
    write_in_run(&s, "alone.jsonl", ALONE);
    write_in_run(&s, "again.jsonl",
                 ALONE FACT(3, " Ann Lee", "Eve Noe", "Cat") FACT(4, "Ann Lee", "Cid Moe", "Ox")
                     FACT(5, "Gus Zoe", "Al Poe", "Ape"));
    static const char told[] = "3 rows tell of an entity that another row tells of: each counts as a fact of "
                               "its own";
#define SWEPT "sweep --recipient pre=$D/base --donor sft=$D/relation " POSITION EVAL "--keep-shared-first "
    const char *said = output_of(&s, SWEPT "--rows $D/again.jsonl --out $D/again.db");
    ck_assert_msg(strstr(said, gk_arena_printf(s.a, " dropped\n  %s", told)) != NULL, "%s", said);
    said = output_of(&s, SWEPT "--rows $D/alone.jsonl --out $D/alone.db");
    ck_assert_msg(!strstr(said, "tell of an entity"), "%s", said);
    /* The gate is not told which field the entity is: it goes by the prompts, in which a blank counts. */
    said = output_of(&s, "gate --model $D/base --keep-shared-first --rows $D/again.jsonl " EVAL);
    ck_assert_msg(strstr(said, "gate: 2 rows tell of an entity that another row tells of: ") != NULL, "%s",
                  said);
    said = output_of(&s, "gate --model $D/base --keep-shared-first --rows $D/alone.jsonl " EVAL);
    ck_assert_msg(!strstr(said, "tell of an entity"), "%s", said);
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
    refused(GATE "--min 2", "'min': is 2", "above 0 and up to 1");
    refused(GATE "--min 0", "'min': is 0", "above 0 and up to 1");
    refused(GATE "--top 100000", "'top': is 100000", "less than the number of tokens");
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

/* Blocked and pending, it outlives exec: the program is asked to stop as soon as it can be. */
static void interrupt_waits(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGINT);
}

START_TEST(interrupted_is_130) {
    static const char *const commands[] = {
        SWEEP POSITION EVAL "--out $D/stopped.db", FINETUNE "--recipe relation --out $D/stopped",
        "diff --a $D/base --b $D/relation", "generate --model $D/base --prompt a"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char out[16384], line[4096];
        snprintf(line, sizeof line, "cd '%s' && D='%s' && exec '%s' %s 2>&1", GK_SOURCE_DIR, dir, program(),
                 commands[i]);
        int code = run_shell(line, NULL, interrupt_waits, out, sizeof out);
        ck_assert_msg(code == 130, "graftkit %s\nreturned %d:\n%s", commands[i], code, out);
    }
    for (size_t i = 0; i < 2; i++) succeeds(commands[i]); /* goes on */
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
    refused(
        "finetune --model $D/base --texts $D/data/relation/A2B.jsonl --recipe relation --freeze lnf --out "
        "$D/file/x",
        "/file", "");
    refused(SWEEP POSITION EVAL "--out $D/file/results.db", "/file", "");
    scratch_free(&s);
}
END_TEST

START_TEST(another_models_results_are_kept) {
    refused("sweep --recipient pre=$D/relation --donor sft=$D/base --donor task=$D/base --limit 3 --rows "
            "$D/data/relation/metadata.jsonl " POSITION EVAL "--out $D/results.db",
            "results.db", "--replace");
}
END_TEST

START_TEST(whole_targets_and_generated_texts) {
    scratch s = scratch_new();
    char *out = output_of(&s, SWEEP POSITION EVAL "--whole-target --generate 3 --out $D/whole.db");
    ck_assert_ptr_nonnull(strstr(out, "[95% interval]   exact  mean rank"));
    succeeds("export --db $D/whole.db --results $D/whole.csv --cells $D/w-cells.csv --summary $D/w.json");
    gk_error err;
    const char *csv = gk_read_file(s.a, in_run(&s, "whole.csv"), 1 << 26, NULL, &err);
    ck_assert_ptr_nonnull(
        strstr(csv, ",target_tokens,whole_logprob,exact,whole_dropped,generated,permuted_id,"));
    ck_assert(strstr(csv, ",true,,") || strstr(csv, ",false,,"));
    succeeds("report --db $D/whole.db --out $D/whole.html");
    ck_assert_ptr_null(strstr(output_of(&s, SWEEP POSITION EVAL "--out $D/first.db"), "exact"));
    refused(SWEEP POSITION EVAL "--out $D/whole.db", "another whole_target", "--replace");
    refused(SWEEP POSITION EVAL "--bf16 true --whole-target --generate 3 --out $D/whole.db", "another bf16",
            "--replace");
    refused(SWEEP POSITION EVAL "--bf16 yes --out $D/whole.db", "--bf16", "must be true or false");
    refused(SWEEP POSITION EVAL "--check-bf16 9 --replace --out $D/whole.db", "--replace", "leave it out");
    refused(SWEEP POSITION EVAL "--generate 5000 --out $D/whole.db", "--generate", "at most 1000");
    scratch_free(&s);
}
END_TEST

/* Models without a tokenizer that can be read go by the one that is given; one that reads otherwise may not.
 */
START_TEST(a_tokenizer_that_is_given) {
    scratch s = scratch_new();
    char out[4096];
    ck_assert_int_eq(run(out, sizeof out,
                         "--version && cp -r $D/base $D/bare && cp -r $D/relation $D/bare-sft && rm "
                         "$D/bare/tokenizer* $D/bare-sft/tokenizer*"),
                     0);
#define BARE "--recipient pre=$D/bare --donor sft=$D/bare-sft --rows $D/data/relation/metadata.jsonl " EVAL
#define CELLS POSITION "--limit 2 --out "
    refused("sweep " BARE CELLS "$D/bare.db", "tokenizer", "No such file");
    succeeds("sweep " BARE "--tokenizer $D/tokenizer " CELLS "$D/bare.db");
    succeeds(
        "sweep --recipient pre=$D/base --donor sft=$D/relation --rows $D/data/relation/metadata.jsonl " EVAL
            CELLS "$D/own.db");
    succeeds("export --db $D/bare.db --cells $D/bare.csv");
    succeeds("export --db $D/own.db --cells $D/own.csv");
    char a[GK_SHA256_HEX], b[GK_SHA256_HEX];
    hash(&s, "bare.csv", a);
    hash(&s, "own.csv", b);
    ck_assert_str_eq(a, b);
    succeeds("report --db $D/bare.db --out $D/bare.html"); /* whose samples need it again */
    refused("search " BARE "--out $D/bare-search", "tokenizer", "No such file");
    refused("search " BARE "--tokenizer $D/tokenizer --out $D/bare-search", "5 usable rows",
            "each part needs 10");
    succeeds("gate --model $D/bare --tokenizer $D/tokenizer --rows $D/data/base/metadata.jsonl " EVAL);
    succeeds("tokenizer --texts $D/data/tokenizer.jsonl --vocab 600 --out $D/other");
    refused("sweep --recipient pre=$D/bare --donor sft=$D/relation --tokenizer $D/other --rows "
            "$D/data/relation/metadata.jsonl " EVAL CELLS "$D/other.db",
            "the tokenizer differs from that of", "/other");
    refused("sweep " BARE "--tokenizer $D/none " CELLS "$D/none.db", "none", "No such file");
    scratch_free(&s);
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

int main(void) {
    Suite *suite = suite_create("cli");
    TCase *t = tcase_create("cli");
    tcase_set_timeout(t, 300);
    tcase_add_unchecked_fixture(t, pipeline, remove_run);
    tcase_add_test(t, the_pipeline_leaves_its_files);
    tcase_add_test(t, the_report_tells_of_the_dataset);
    tcase_add_test(t, dropped_rows_are_told);
    tcase_add_test(t, rows_that_share_an_entity_are_told);
    tcase_add_test(t, a_finished_step_is_not_redone);
    tcase_add_test(t, an_unknown_option);
    tcase_add_test(t, numbers_out_of_range);
    tcase_add_test(t, outputs_are_looked_at_first);
    tcase_add_test(t, interrupted_is_130);
    tcase_add_test(t, a_path_may_hold_a_comma);
    tcase_add_test(t, what_search_cannot_do);
    tcase_add_test(t, a_template_with_an_unknown_field);
    tcase_add_test(t, a_template_with_an_unclosed_brace);
    tcase_add_test(t, a_scheme_that_names_what_does_not_exist);
    tcase_add_test(t, a_row_without_a_field);
    tcase_add_test(t, an_unwritable_run_folder);
    tcase_add_test(t, another_models_results_are_kept);
    tcase_add_test(t, whole_targets_and_generated_texts);
    tcase_add_test(t, a_tokenizer_that_is_given);
    tcase_add_test(t, outputs_that_are_inputs);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
