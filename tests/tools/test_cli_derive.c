/* test_cli_derive.c: donors that are no checkpoints, as graftkit sweep takes them: results, the store's
 * identity, the folder of factors, and what is refused. $GRAFTKIT names the binary (make test sets it).
 * modules: report eval graft train model tokenizer core */
#include "core/json.h"
#include "graftkit/core/random.h"
#include "graftkit/model/adapter.h"
#include "tests/support/eval_fixture.h"
#include "tests/support/program.h"

#include <dirent.h>
#include <math.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---------------------------------------------------------------- the program */

/* Runs `graftkit sweep` on the fixture's world, where $D is its folder, with `args` besides. */
static int sweep(char *out, size_t size, const char *args) {
    char line[4096];
    snprintf(line, sizeof line,
             "D='%s' && '%s' sweep --threads 1 --recipient pre=$D/pre --templates $D/eval.jsonl --fillers "
             "$D/fillers.json --rows $D/rows.jsonl --limit 6 %s 2>&1",
             fx_dir, program(), args);
    return run_line(line, out, size);
}

static void succeeds(const char *args, const char *says) {
    char out[16384];
    int code = sweep(out, sizeof out, args);
    ck_assert_msg(code == 0 && strstr(out, says), "sweep %s\nreturned %d and should say '%s':\n%s", args,
                  code, says, out);
}

static void refused(const char *args, const char *a, const char *b) {
    char out[16384];
    int code = sweep(out, sizeof out, args);
    assert_refusal(args, code, out, a, b);
}

/* One scheme a donor: it computes all, the head too. */
static void write_schemes(const char *file, const char *donors) {
    gk_buf b = {0};
    char *list = gk_arena_strdup(fx_arena, donors), *rest;
    gk_buf_puts(&b, "set: all\nschemes:\n");
    for (char *d = strtok_r(list, " ", &rest); d; d = strtok_r(NULL, " ", &rest))
        gk_buf_printf(&b, "  - {name: %s, grafts: [{at: all, donor: '%s'}], head: '%s'}\n", d, d, d);
    fx_write(file, b.data);
    gk_buf_free(&b);
}

/* The largest difference of two schemes' log-probabilities over all prompts. */
static double apart(const char *db, const char *a, const char *b) {
    char sql[512];
    snprintf(
        sql, sizeof sql,
        "SELECT max(abs(x.logprob - y.logprob)) FROM result x JOIN result y ON x.prompt = y.prompt WHERE "
        "x.scheme = (SELECT source FROM scheme WHERE name = '%s') AND y.scheme = (SELECT source FROM "
        "scheme WHERE name = '%s')",
        a, b);
    return fx_sql(db, sql);
}

/* ---------------------------------------------------------------- results */

/* A placebo's twins are the schemes with the other model in the donor's place, to the bit. */
START_TEST(placebos) {
    fx_model("task", 3, "tok");
    fx_write("only.yaml",
             "set: x\nschemes: [{name: pre, grafts: []}, {name: lt, grafts: [{at: last, donor: sft}]}]\n");
    fx_write("both.yaml", "set: x\nschemes: [{name: other, grafts: [{at: last, donor: task}]}]\n");
    succeeds("--donor sft=$D/sft --donor task=$D/task --schemes $D/only.yaml --schemes $D/both.yaml "
             "--placebo sft=task "
             "--out $D/placebo.db",
             "1 of them with a placebo too");
    ck_assert_double_eq(fx_sql("placebo.db", "SELECT count(*) FROM twin"), 1);
    ck_assert_double_eq(apart("placebo.db", "lt (placebo: task)", "other"), 0);
    /* What a run that was ended has left open stays so where it is not asked for again, and that is told. */
    succeeds(
        "--donor sft=$D/sft --donor task=$D/task --schemes $D/only.yaml --placebo sft=task --out $D/open.db",
        "");
    fx_sql("open.db", "DELETE FROM result WHERE scheme = (SELECT source FROM scheme WHERE name LIKE "
                      "'%placebo%') RETURNING 1");
    succeeds("--donor sft=$D/sft --donor task=$D/task --schemes $D/only.yaml --out $D/open.db",
             "lack results in this store: give their --schemes and --placebo again");
    succeeds(
        "--donor sft=$D/sft --donor task=$D/task --schemes $D/both.yaml --placebo sft=task --out $D/none.db",
        "no scheme has 'sft' without 'task'");
    refused("--donor sft=$D/sft --schemes $D/only.yaml --placebo sft=task --out $D/no.db", "--placebo",
            "'task'");
}
END_TEST

#define LADDER                                                                                  \
    "--donor sft=$D/sft --derive 'r{}=sft:rank=1,6,16' --derive 't{}=sft:top=0.05,1' --derive " \
    "'a{}=sft:alpha=0,0.5,1,-1.5' "

START_TEST(ladders) {
    write_schemes("all.yaml", "pre sft r1 r6 r16 t0.05 t1 a0 a0.5 a1 a-1.5");
    succeeds(LADDER "--schemes $D/all.yaml --out $D/ladder.db", "r16");
    ck_assert_double_eq(apart("ladder.db", "a0", "pre"), 0);
    ck_assert_double_eq(apart("ladder.db", "a1", "sft"), 0);
    ck_assert_double_eq(apart("ladder.db", "t1", "sft"), 0);
    ck_assert_double_eq(apart("ladder.db", "r16", "sft"), 0);
    static const char *const own[] = {"r1", "r6", "t0.05", "a0.5", "a-1.5"};
    for (size_t i = 0; i < 5; i++) {
        ck_assert_double_gt(apart("ladder.db", own[i], "pre"), 1e-3);
        ck_assert_double_gt(apart("ladder.db", own[i], "sft"), 1e-3);
    }
    ck_assert_double_eq(fx_sql("ladder.db", "SELECT count(*) FROM model WHERE path = 'sft:rank=6'"), 1);
    /* The store is complete: nothing is derived again, and the factors may be gone. */
    ck_assert_int_eq(rename(fx_path("ladder.db.svd"), fx_path("moved")), 0);
    succeeds(LADDER "--schemes $D/all.yaml --out $D/ladder.db", "are stored already");
    ck_assert(!gk_exists(fx_path("ladder.db.svd")));
}
END_TEST

/* Patches and means come from a derived donor's own run, not from that of the model it is made of. */
START_TEST(controls) {
    fx_write("controls.yaml", "set: controls\nschemes:\n"
                              "  - {name: mean sft, ablations: [{at: last, layers: 0, from: sft}]}\n"
                              "  - {name: mean one, ablations: [{at: last, layers: 0, from: one}]}\n"
                              "  - {name: mean half, ablations: [{at: last, layers: 0, from: half}]}\n"
                              "  - {name: patch sft, patches: [{at: last, layers: 0, from: sft}]}\n"
                              "  - {name: patch one, patches: [{at: last, layers: 0, from: one}]}\n"
                              "  - {name: patch half, patches: [{at: last, layers: 0, from: half}]}\n");
    succeeds("--donor sft=$D/sft --derive one=sft:alpha=1 --derive half=sft:alpha=0.5 --schemes "
             "$D/controls.yaml --out $D/controls.db",
             "patch half");
    ck_assert_double_le(apart("controls.db", "mean sft", "mean one"), 1e-6);
    ck_assert_double_le(apart("controls.db", "patch sft", "patch one"), 1e-6);
    ck_assert_double_gt(apart("controls.db", "mean sft", "mean half"), 1e-4);
    ck_assert_double_gt(apart("controls.db", "patch sft", "patch half"), 1e-4);
}
END_TEST

static int files_of(const char *folder, bool spoil) {
    DIR *d = opendir(fx_path(folder));
    ck_assert_ptr_nonnull(d);
    int n = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        n++;
        if (!spoil) continue;
        FILE *f = fopen(gk_path_join(fx_arena, fx_path(folder), e->d_name), "r+b");
        ck_assert_ptr_nonnull(f);
        fseek(f, -4, SEEK_END);
        fputc(77, f);
        fclose(f);
    }
    closedir(d);
    return n;
}

START_TEST(factors_are_kept) {
    write_schemes("r.yaml", "r3 r1");
    static const char *const runs[] = {"one.db", "two.db", "three.db"};
    for (int i = 0; i < 3; i++) {
        char args[512];
        if (i == 2) files_of("kept", true);
        snprintf(
            args, sizeof args,
            "--donor sft=$D/sft --svd $D/kept --derive 'r{}=sft:rank=1,3' --schemes $D/r.yaml --out $D/%s",
            runs[i]);
        succeeds(args, "r3");
        ck_assert_int_eq(files_of("kept", false), 2 + 2 * 7); /* embed, head and two layers' */
        if (i == 0) continue;
        ck_assert_double_eq(fx_sql(runs[i], "SELECT sum(logprob) FROM result"),
                            fx_sql("one.db", "SELECT sum(logprob) FROM result"));
    }
}
END_TEST

/* ---------------------------------------------------------------- adapters */

/* An adapter of `pre` with random factors in $D/lora, and the sum of both in $D/merged. */
static void make_adapter(void) {
    gk_error err = {0};
    gk_model *m = gk_model_load(fx_path("pre"), &err);
    ck_assert_msg(m != NULL, "%s", err.what);
    gk_lora o = {.rank = 2, .alpha = 4, .targets = GK_LORA_ATTN | GK_LORA_FFN};
    gk_adapter *a = gk_adapter_new(gk_model_config(m), &o, 3, &err);
    ck_assert_ptr_nonnull(a);
    gk_rng rng;
    gk_rng_seed(&rng, 4, "adapter");
    for (size_t i = 0; i < gk_adapter_floats(a); i++)
        gk_adapter_data(a)[i] = (float)(0.3 * gk_rng_normal(&rng));
    ck_assert(gk_adapter_save(a, fx_path("pre"), fx_path("lora"), &err));
    ck_assert(gk_adapter_merge(a, m, &err));
    ck_assert(gk_model_save(m, fx_path("merged"), &err));
    gk_tok *t = gk_tok_load(fx_path("pre"), &err);
    ck_assert(t && gk_tok_save(t, fx_path("merged"), &err));
    gk_tok_free(t);
    gk_adapter_free(a);
    gk_model_free(m);
}

START_TEST(adapters) {
    make_adapter();
    write_schemes("lora.yaml", "pre lora merged half-lora half-merged r2-lora");
    succeeds(
        "--donor lora=$D/lora --donor merged=$D/merged --derive half-lora=lora:alpha=0.5 --derive "
        "half-merged=merged:alpha=0.5 --derive r2-lora=lora:rank=2 --schemes $D/lora.yaml --out $D/lora.db",
        "half-lora");
    ck_assert_double_le(apart("lora.db", "lora", "merged"), 1e-4);
    ck_assert_double_le(apart("lora.db", "half-lora", "half-merged"), 1e-4);
    ck_assert_double_le(apart("lora.db", "r2-lora", "merged"), 1e-4); /* its rank */
    ck_assert_double_gt(apart("lora.db", "lora", "pre"), 1e-2);
    ck_assert_double_gt(apart("lora.db", "half-lora", "lora"), 1e-2);
}
END_TEST

/* $D/lora with a scale of its own for the queries and, in $D/whole, with another final norm besides. */
static void make_more_adapters(void) {
    size_t len;
    uint64_t head;
    gk_error err = {0};
    char *bytes = gk_read_file(fx_arena, fx_path("lora/adapter_model.safetensors"), 1 << 24, &len, &err);
    memcpy(&head, bytes, sizeof head);
    json_t *doc = json_loadb(bytes + 8, head, 0, NULL),
           *config = gk_json_load(fx_path("lora/adapter_config.json"), &err);
    ck_assert(doc && config);
    size_t data = len - 8 - head;
    gk_model *base = gk_model_open(fx_path("pre"), &err);
    int d = gk_model_config(base)->d_model;
    gk_model_free(base);
    json_object_set_new(doc, "base_model.model.model.norm.weight",
                        json_pack("{s:s, s:[i], s:[I,I]}", "dtype", "F32", "shape", d, "data_offsets",
                                  (json_int_t)data, (json_int_t)(data + 4 * (size_t)d)));
    char *header = json_dumps(doc, JSON_COMPACT);
    gk_buf file = {0};
    head = strlen(header);
    gk_buf_add(&file, (const char *)&head, sizeof head);
    gk_buf_puts(&file, header);
    gk_buf_add(&file, bytes + len - data, data);
    for (int i = 0; i < d; i++)
        gk_buf_add(&file, (const char *)&(float){0.5f + 0.1f * (float)(i % 7)}, sizeof(float));
    json_object_set_new(config, "alpha_pattern", json_pack("{s:i}", "q_proj", 16));
    for (int k = 0; k < 2; k++) {
        const char *dir = k ? "whole" : "scaled";
        ck_assert(gk_mkdirs(fx_path(dir), &err));
        ck_assert(gk_write_file(gk_path_join(fx_arena, fx_path(dir), "adapter_model.safetensors"),
                                k ? file.data : bytes, k ? file.len : len, &err));
        if (k) json_object_set_new(config, "modules_to_save", json_pack("[s]", "model.norm"));
        ck_assert(gk_json_save(gk_path_join(fx_arena, fx_path(dir), "adapter_config.json"), config, &err));
    }
    gk_buf_free(&file);
    free(header);
    json_decref(doc);
    json_decref(config);
}

static void merged(const char *name) {
    char line[1024], out[4096];
    snprintf(line, sizeof line, "D='%s' && '%s' merge --adapter $D/%s --out $D/%s-sum 2>&1", fx_dir,
             program(), name, name);
    ck_assert_msg(run_line(line, out, sizeof out) == 0, "%s", out);
}

/* Such an adapter is a donor as it is, merged, and what others are derived from. */
START_TEST(adapters_of_other_kinds) {
    make_adapter();
    make_more_adapters();
    merged("scaled");
    merged("whole");
    write_schemes("kinds.yaml", "lora scaled scaled-sum whole whole-sum half half-sum");
    succeeds(
        "--donor lora=$D/lora --donor scaled=$D/scaled --donor scaled-sum=$D/scaled-sum --donor "
        "whole=$D/whole "
        "--donor whole-sum=$D/whole-sum --derive half=whole:alpha=0.5 --derive half-sum=whole-sum:alpha=0.5 "
        "--schemes $D/kinds.yaml --out $D/kinds.db",
        "half-sum");
    ck_assert_double_le(apart("kinds.db", "scaled", "scaled-sum"), 1e-4);
    ck_assert_double_le(apart("kinds.db", "whole", "whole-sum"), 1e-4);
    ck_assert_double_le(apart("kinds.db", "half", "half-sum"), 1e-4);
    ck_assert_double_gt(apart("kinds.db", "scaled", "lora"), 1e-2);
    ck_assert_double_gt(apart("kinds.db", "whole", "scaled"), 1e-2);
}
END_TEST

/* ---------------------------------------------------------------- identity and errors */

#define ONE "--donor sft=$D/sft --schemes $D/x.yaml --out $D/same.db "

START_TEST(another_derivation_is_another_donor) {
    write_schemes("x.yaml", "x");
    fx_model("changing", 3, "tok");
    succeeds(ONE "--donor other=$D/changing --derive x=sft:rank=2", "x");
    refused(ONE "--derive x=sft:rank=3", "derivation of 'x'", "--replace");
    refused(ONE "--derive x=sft:top=0.5", "derivation of 'x'", "--replace");
    refused(ONE "--donor other=$D/changing --derive x=other:rank=2", "derivation of 'x'", "--replace");
    refused(ONE "--donor x=$D/sft", "model.safetensors for 'x'", "--replace");
    succeeds(ONE "--replace --derive x=sft:top=0.5", "x");
    /* The name of the donor is not what it is: the same weights under another name are the same. */
    succeeds("--donor again=$D/sft --schemes $D/x.yaml --out $D/same.db --derive x=again:top=0.5", "already");
    fx_model("sft", 9, "tok");
    refused("--donor again=$D/sft --schemes $D/x.yaml --out $D/same.db --derive x=again:top=0.5", "another",
            "--replace");
    fx_model("sft", 2, "tok");
}
END_TEST

START_TEST(what_is_refused) {
    static const struct {
        const char *derive, *a, *b;
    } bad[] = {
        {"x", "'x' is no derived donor", "NAME=DONOR:rank=8"},
        {"x=sft", "is no derived donor", "NAME=DONOR"},
        {"x=sft:rank=", "is no derived donor", "NAME=DONOR"},
        {"=sft:rank=2", "is no derived donor", "NAME=DONOR"},
        {"x=sft:tip=2", "by rank, top or alpha, not 'tip'", "'x=sft:tip=2'"},
        {"x=sfd:rank=2", "there is no donor 'sfd'", "--donor NAME=DIR"},
        {"x=pre:rank=2", "the recipient does not differ from itself", "name a donor"},
        {"x=sft:rank=0", "cannot be 0", "from 1 to 16"},
        {"x=sft:rank=17", "cannot be 17", "from 1 to 16"},
        {"x=sft:rank=99999999999999999999", "cannot be", "from 1 to 16"},
        {"x=sft:rank=2.5", "'2.5' is no number", "NAME=DONOR"},
        {"x=sft:top=0", "fraction of entries cannot be 0", "at most 1"},
        {"x=sft:top=1.5", "cannot be 1.5", "at most 1"},
        {"x=sft:alpha=nan", "alpha cannot be nan", "finite"},
        {"x=sft:alpha=1,,2", "'' is no number", "NAME=DONOR"},
        {"x=sft:rank=1,2", "one name to several donors", "{}"},
        {"r{}=sft:rank=1,1", "both named 'r1'", "its own name"},
        {"sft=sft:rank=1", "both named 'sft'", "its own name"},
        {"a|b=sft:rank=1", "cannot be named 'a|b'", "no blanks"},
        {"x=y:rank=1", "'y' is derived itself", "derive it from a model"},
    };
    write_schemes("x.yaml", "x");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char args[512];
        bool ladder = strstr(bad[i].derive, "1,,2") != NULL;
        snprintf(args, sizeof args, "%s --out $D/bad.db %s --derive '%s%s'",
                 "--donor sft=$D/sft --schemes $D/x.yaml",
                 i + 1 < sizeof bad / sizeof *bad ? "" : "--derive y=sft:rank=2", ladder ? "{}" : "",
                 bad[i].derive);
        refused(args, bad[i].a, bad[i].b);
        ck_assert(!gk_exists(fx_path("bad.db")));
    }
    /* The folder is asked for once the store has been opened, after which progress is shown. */
    char out[16384];
    fx_write("file", "x");
    ck_assert_int_eq(sweep(out, sizeof out,
                           "--donor sft=$D/sft --schemes $D/x.yaml --out $D/bad.db --svd $D/file --derive "
                           "x=sft:rank=2"),
                     1);
    ck_assert_msg(strstr(out, "/file: there is a file in the way; name a folder\n"), "%s", out);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("derive");
    tcase_set_timeout(t, 240);
    tcase_add_unchecked_fixture(t, fx_start, fx_stop);
    tcase_add_test(t, placebos);
    tcase_add_test(t, ladders);
    tcase_add_test(t, controls);
    tcase_add_test(t, factors_are_kept);
    tcase_add_test(t, adapters);
    tcase_add_test(t, adapters_of_other_kinds);
    tcase_add_test(t, another_derivation_is_another_donor);
    tcase_add_test(t, what_is_refused);
    Suite *s = suite_create("cli_derive");
    suite_add_tcase(s, t);
    return run_suite(s);
}
