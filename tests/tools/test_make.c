/* modules: core
 *
 * test_make.c: what the Makefile's pipeline says to variables that cannot be right, before anything is
 * written; and what it notes of those that can, so that a step is done again exactly when it was asked for
 * something else. */
#include "tests/support/program.h"

#include <sys/stat.h>

/* Runs a shell command in the source tree with $D as the scratch folder and $G the binary, and nothing of
 * what an outer make left in the environment; both streams in `out`. */
static int shell(scratch *s, const char *command, char *out, size_t size) {
    char *given = gk_arena_printf(s->a, "D='%s' G='%s'", s->dir, program());
    return run_clean(s, GK_SOURCE_DIR, given, command, out, size);
}

#define ASKED                                                                                             \
    "export DECIDE='FAMILY MODEL DATASET SOURCE TEMPLATES BASE_ROWS RELATION_ROWS TASK_ROWS CHUNK_WORDS " \
    "TASK SEED FREEZE REGIMES RECIPE MILD MIX MIX_RATIO GENERAL'; export RUN=$D/run FAMILY=llama MODEL= " \
    "SEED=1 "                                                                                             \
    "THREADS=0 "                                                                                          \
    "DATASET=fake_movies_fake_actors SCHEMES='graft/schemes/position.yaml'; "                             \
    "export G CALLED=make OUT=$RUN TASK=disjoint MIX_RATIO=0.3 MILD=relation-mild REGIMES=frozen "        \
    "USUAL_SCHEMES=$SCHEMES CAST='pre=base sft=relation task=task'; export USUAL_CAST=$CAST; "
#define NOTE                                              \
    "export TEMPLATES=${TEMPLATES:-templates/$DATASET}; " \
    "for f in asked asked-training asked-schemes; do "    \
    "tools/pipeline/asked.sh $RUN/$f || exit 1; done"

/* Notes what is asked for, with `changes` (shell assignments) to the variables. */
static void note(scratch *s, const char *changes) {
    char out[4096];
    int code = shell(s, gk_arena_printf(s->a, ASKED "%s; " NOTE, changes), out, sizeof out);
    ck_assert_msg(code == 0 && !*out, "%s: %d: %s", changes, code, out);
}

static void backdate(scratch *s) {
    char out[256];
    ck_assert_int_eq(shell(s, "touch -d '2001-01-01' $D/run/asked*", out, sizeof out), 0);
}

/* Which of the notes were written since backdate: 1 asked, 2 asked-schemes, 4 asked-training. */
static int written(scratch *s) {
    struct stat asked, schemes, training;
    ck_assert_int_eq(stat(scratch_path(s, "run/asked"), &asked), 0);
    ck_assert_int_eq(stat(scratch_path(s, "run/asked-schemes"), &schemes), 0);
    ck_assert_int_eq(stat(scratch_path(s, "run/asked-training"), &training), 0);
    const time_t later = 1100000000;
    return (asked.st_mtime > later) + 2 * (schemes.st_mtime > later) + 4 * (training.st_mtime > later);
}

/* make with these variables fails with one line that holds a and b (and make's own after it) and writes
 * nothing. */
static void refused(scratch *s, const char *variables, const char *a, const char *b) {
    char out[4096];
    backdate(s);
    int code = shell(s, gk_arena_printf(s->a, "make report G=$G RUN=$D/run %s", variables), out, sizeof out);
    ck_assert_msg(code == 2, "make %s returned %d: %s", variables, code, out);
    char *second = strchr(out, '\n');
    ck_assert_msg(!second[1] || strncmp(second + 1, "make: *** ", 10) == 0, "make %s: more than one line: %s",
                  variables, out);
    ck_assert_msg(strchr(second + 1, '\n') == strrchr(second + 1, '\n'), "make %s: too many lines: %s",
                  variables, out);
    *second = '\0';
    ck_assert_msg(strstr(out, a) && strstr(out, b), "make %s: should say '%s' and '%s': %s", variables, a, b,
                  out);
    ck_assert_int_eq(written(s), 0);
}

START_TEST(mistyped_variables_change_nothing) {
    scratch s = scratch_new();
    note(&s, "export FREEZE=lnf,ffn@0-3,all@1/2");
    refused(&s, "DATASET=typo", "DATASET='typo'", "fake_movies_fake_actors");
    refused(&s, "DATASET=", "DATASET=''", "fake_movies_fake_actors");
    refused(&s, "FAMILY=lama", "FAMILY='lama'", "llama gpt2");
    refused(&s, "FAMILY=", "FAMILY=''", "llama gpt2");
    refused(&s, "VOCAB=many", "VOCAB='many'", "number of pieces");
    refused(&s, "FAMILY=gpt2 MODEL=/nonexistent", "FAMILY='gpt2'", "MODEL='/nonexistent' has its own");
    refused(&s, "VOCAB=500 MODEL=/nonexistent", "VOCAB='500'", "MODEL='/nonexistent' has its own tokenizer");
    refused(&s, "SEED=abc", "SEED='abc'", "integer of 0 or more");
    refused(&s, "SEED=-1", "SEED='-1'", "integer of 0 or more");
    refused(&s, "SEED='1; touch x'", "SEED='1; touch x'", "integer of 0 or more");
    refused(&s, "THREADS=two", "THREADS='two'", "integer of 0 or more");
    refused(&s, "FREEZE=LNF", "FREEZE='LNF'", "components with commas");
    refused(&s, "REGIMES=free", "REGIMES='free'", "frozen,free");
    refused(&s, "REGIMES=", "REGIMES=''", "frozen,free");
    refused(&s, "FREEZES=lower", "FREEZES: 'lower'", "NAME=COMPONENTS");
    refused(&s, "FREEZES=a/b=lnf", "FREEZES='a/b=lnf'", "NAME=COMPONENTS");
    refused(&s, "FREEZES=lower=lnf CAST='pre=base sft=relation.upper'", "'sft=relation.upper'",
            "FREEZES='lower=lnf'");
    refused(&s, "FREEZES=lower=lnf CAST='pre=base.lower sft=relation'", "'pre=base.lower'", "kinds are:");
    refused(&s, "CAST='pre=base sft=relation.lower'", "'sft=relation.lower'", "FREEZES=''");
    refused(&s, "SCHEMES=nofile.yaml", "SCHEMES", "nofile.yaml");
    refused(&s, "SCHEMES='graft/schemes/position.yaml my file.yaml'", "SCHEMES", "'my'");
    refused(&s, "SCHEMES=", "SCHEMES is empty", "");
    refused(&s, "SCHEMES='layers nowhere'", "SCHEMES: 'nowhere' is no scheme file", "position_untitled");
    refused(&s, "RECIPE=nowhere", "RECIPE='nowhere' is no recipe", "pretrained-1b");
    refused(&s, "MILD=./nowhere.yaml", "MILD='./nowhere.yaml' is no recipe", "no file");
    refused(&s, "MODEL=/nonexistent", "MODEL='/nonexistent'", "/nonexistent/config.json");
    refused(&s, "DATASET=counterfact", "DATASET=counterfact", "SOURCE=FILE");
    refused(&s, "DATASET=counterfact SOURCE=/nonexistent", "SOURCE='/nonexistent'", "no such file");
    refused(&s, "DATASET=invented_articles", "DATASET=invented_articles needs MODEL=PATH", "BASE_ROWS=N");
    refused(&s, "DATASET=own_rows", "TEMPLATES='templates/own_rows'", "templates/own_rows/eval.jsonl");
    refused(&s, "DATASET=battles SOURCE=Makefile", "SOURCE='Makefile'", "takes no source");
    refused(&s, "SOURCE='a b'", "SOURCE='a b'", "blank");
    refused(&s, "TEMPLATES=/nonexistent", "TEMPLATES='/nonexistent'", "/nonexistent/eval.jsonl");
    refused(&s, "TASK=other", "TASK='other'", "disjoint");
    refused(&s, "KEEP_SHARED_FIRST=yes", "KEEP_SHARED_FIRST='yes'", "1 or nothing");
    refused(&s, "TASK_ROWS=ten", "TASK_ROWS='ten'", "number");
    refused(&s, "TASK_ROWS=0 CAST='pre=base task=task'", "has a task model", "TASK_ROWS=N");
    refused(&s, "TASK_ROWS=0 CAST='pre=base task=free_task'", "has a task model", "TASK_ROWS=N");
    refused(&s, "TASK_ROWS=0 FREEZES=a=lnf CAST='pre=base task=task.a'", "has a task model", "TASK_ROWS=N");
    refused(&s, "DATASET=own_rows SOURCE=Makefile TEMPLATES=templates/articles BASE_ROWS=9 TASK=reverse",
            "templates/articles/reverse.jsonl", "REVERSE=1");
    refused(&s, "BASE_ROWS=0", "BASE_ROWS=0 leaves no base corpus", "MODEL=PATH");
    scratch_free(&s);
}
END_TEST

/* What make would run, with the variables given. */
static char *planned(scratch *s, const char *variables) {
    char *out = gk_arena_alloc(s->a, 1 << 16);
    int code = shell(s, gk_arena_printf(s->a, "make -n report G=$G RUN=$D/plan %s", variables), out, 1 << 16);
    ck_assert_msg(code == 0, "make -n %s: %d: %s", variables, code, out);
    return out;
}

START_TEST(data_is_asked_for) {
    scratch s = scratch_new();
    char *plan = planned(&s, "");
    ck_assert_ptr_nonnull(strstr(plan, "dataset --name fake_movies_fake_actors --out"));
    ck_assert(!strstr(plan, "--source") && !strstr(plan, "-rows 1") && strstr(plan, "in task/A2B task/B2A;"));
    ck_assert_ptr_nonnull(strstr(plan, "--schemes graft/schemes/position.yaml"));
    ck_assert(strstr(plan, "--vocab 2000") && strstr(planned(&s, "VOCAB=900"), "--vocab 900"));
    ck_assert_ptr_nonnull(strstr(plan, "/plan/data/card.json --out"));
    scratch_file(&s, "eval.jsonl", "{\"template\": \"{movie_title} is by\"}\n");
    plan = planned(&s, "DATASET=own_rows TEMPLATES=$D SOURCE=Makefile MODEL=m"); /* no preposition in it */
    ck_assert_ptr_nonnull(strstr(plan, "--schemes graft/schemes/position_untitled.yaml"));
    plan = planned(&s, "DATASET=battles TASK=reverse BASE_ROWS=13 TASK_ROWS=11");
    ck_assert(strstr(plan, "--base-rows 13") && strstr(plan, "--task-rows 11") &&
              !strstr(plan, "--relation-rows"));
    ck_assert(strstr(plan, "in relation/B2A;") && !strstr(plan, "task/A2B"));
    ck_assert_ptr_null(strstr(plan, "plan/data/task/metadata.jsonl"));
    ck_assert(strstr(plan, "--schemes graft/schemes/position_untitled.yaml") &&
              !strstr(plan, "position.yaml"));
    ck_assert_ptr_null(strstr(plan, "--train-templates templates/battles/reverse.jsonl"));
    ck_assert_ptr_nonnull(strstr(planned(&s, "DATASET=articles MODEL=m CHUNK_WORDS=40"), "--chunk-words 40"));
    /* Prompts that give the answer away: the same in all steps that ask. */
    ck_assert_ptr_null(strstr(plan, "--keep-shared-first"));
    plan = planned(&s, "KEEP_SHARED_FIRST=1");
    static const char *const asking[] = {"graftkit gate ", "graftkit finetune ", "graftkit sweep "};
    for (int i = 0; i < 3; i++) {
        const char *at = strstr(plan, asking[i]), *kept = at ? strstr(at, "--keep-shared-first") : NULL;
        ck_assert_msg(kept && kept < strstr(at + 1, "graftkit "), "%s: %s", asking[i], plan);
    }
    /* Without rows for it there is no task model, and no scheme that wants one. */
    plan = planned(&s, "TASK_ROWS=0");
    ck_assert(!strstr(plan, "/task") && !strstr(plan, "task=") && !strstr(plan, "hybrid") &&
              !strstr(plan, "/component.yaml") && strstr(plan, "schemes/component_after_entity.yaml"));
    plan = planned(&s, "TASK_ROWS=0 TASK=reverse");
    ck_assert(strstr(plan, "--donor task=") && strstr(plan, "schemes/hybrid.yaml") &&
              strstr(plan, "schemes/component.yaml") && !strstr(plan, "after_entity"));
    /* The base's training and gate are the report's where grafts go into it. */
    ck_assert(strstr(plan, "/plan/base --gate ") != NULL);
    ck_assert_ptr_null(strstr(planned(&s, "CAST='pre=relation sft=base'"), " --gate "));
    scratch_free(&s);
}
END_TEST

/* The lines of a plan that finetune into RUN/`model`. */
static const char *training_of(scratch *s, const char *plan, const char *model) {
    const char *out = strstr(plan, gk_arena_printf(s->a, "--out %s/plan/%s ", s->dir, model));
    ck_assert_msg(out != NULL, "%s is not trained in %s", model, plan);
    return gk_arena_strndup(s->a, out, strcspn(out, "\n"));
}

START_TEST(models_have_the_freeze_that_is_theirs) {
    scratch s = scratch_new();
    char *plan = planned(&s, "");
    ck_assert_ptr_null(strstr(training_of(&s, plan, "relation"), "--freeze"));
    ck_assert_ptr_null(strstr(training_of(&s, plan, "task"), "--freeze"));
    ck_assert_ptr_nonnull(strstr(training_of(&s, plan, "free"), "--freeze lnf,own_head "));
    ck_assert_ptr_nonnull(strstr(training_of(&s, plan, "free_task"), "--freeze lnf,own_head "));
    ck_assert(strstr(plan, "--schemes graft/schemes/regimes.yaml") &&
              strstr(plan, "--schemes graft/schemes/regimes_task.yaml"));
    plan = planned(&s, "TASK_ROWS=0");
    ck_assert(strstr(plan, "regimes.yaml") && !strstr(plan, "regimes_task") && !strstr(plan, "free_task"));
    /* A freeze of one's own, and a model that costs as much again, are one regime. */
    static const char *const one[] = {"FREEZE=lnf", "MODEL=m", "REGIMES=frozen"};
    for (int i = 0; i < 3; i++) {
        plan = planned(&s, one[i]);
        ck_assert_msg(!strstr(plan, "regimes") && !strstr(plan, "free="), "%s: %s", one[i], plan);
    }
    plan = planned(&s, "FREEZE=lnf REGIMES=frozen,free");
    ck_assert_ptr_nonnull(strstr(training_of(&s, plan, "relation"), "--freeze lnf "));
    ck_assert_ptr_nonnull(strstr(training_of(&s, plan, "free"), "--freeze lnf,own_head "));
    ck_assert_ptr_nonnull(strstr(planned(&s, "MODEL=m REGIMES=frozen,free"), "--donor free_task="));
    plan = planned(&s, "FREEZE=lnf FREEZES='low=embed,all@1/3 all=none' SCHEMES=position "
                       "CAST='pre=base sft=relation.low task=task.all mild=mild.low'");
    ck_assert_ptr_nonnull(strstr(training_of(&s, plan, "relation.low"), "--freeze embed,all@1/3 "));
    ck_assert_ptr_nonnull(strstr(training_of(&s, plan, "task.all"), "--freeze none "));
    ck_assert(strstr(plan, "in task/A2B task/B2A;") && strstr(plan, "--recipe relation-mild"));
    scratch_free(&s);
}
END_TEST

/* The fields of own rows have their names in every step that asks for one. */
START_TEST(own_fields_are_named_everywhere) {
    scratch s = scratch_new();
    char *plan = planned(&s, "DATASET=own_rows SOURCE=Makefile TEMPLATES=templates/battles MODEL=m "
                             "ENTITY=mineral TARGET=describer");
    static const char *const step[] = {"graftkit dataset ", "graftkit finetune ", "graftkit sweep "};
    for (int i = 0; i < 3; i++) {
        const char *at = strstr(plan, step[i]);
        ck_assert_ptr_nonnull(at);
        const char *end = strstr(at + 1, "graftkit "), *target = strstr(at, "--target describer"),
                   *entity = strstr(at, "--entity mineral");
        ck_assert_msg(target && target < end, "%s: %s", step[i], plan);
        ck_assert_msg(i == 1 || (entity && entity < end), "%s: %s", step[i], plan);
    }
    scratch_free(&s);
}
END_TEST

START_TEST(names_that_make_cannot_use_are_refused) {
    scratch s = scratch_new();
    note(&s, "true");
    refused(&s, "RUN='a b'", "RUN='a b'", "blank");
    refused(&s, "RUN=a:b", "RUN='a:b'", "holds :");
    refused(&s, "RUN=\"a'b\"", "RUN='a'b'", "holds '");
    refused(&s, "RUN='a\"b'", "RUN='a\"b'", "holds \"");
    refused(&s, "RUN=", "RUN is empty", "");
    refused(&s, "RUN=$D/run/asked/x", "RUN=", "folder");
    refused(&s, "MODEL='my model'", "MODEL='my model'", "blank");
    refused(&s, "SCHEMES=\"it's.yaml\"", "SCHEMES=", "holds '");
    scratch_free(&s);
}
END_TEST

START_TEST(a_variable_that_is_none_is_refused) {
    scratch s = scratch_new();
    note(&s, "true");
    refused(&s, "RELATIONROWS=3", "RELATIONROWS is no variable", "did you mean RELATION_ROWS?");
    refused(&s, "sed=3", "sed is no variable", "did you mean SEED?");
    refused(&s, "FLAVOR=asan", "FLAVOR is no variable", "did you mean FLAVOUR?");
    refused(&s, "QQQQQQQQ=3", "QQQQQQQQ is no variable", "");
    refused(&s, "LR=3", "LR is no variable.", ""); /* and not AR, which is as far as any two letters are */
    refused(&s, "EPOCHS=3", "EPOCHS is no variable.", "");
    refused(&s, "GENERAL=nofile", "GENERAL='nofile'", "no such file");
    refused(&s, "ENTITY=a", "ENTITY, TARGET and REVERSE are for DATASET=own_rows", "");
    refused(&s, "CHUNK_WORDS=40", "CHUNK_WORDS=40 is for DATASET=articles", "fake_movies_fake_actors");
    refused(&s, "REVERSE=yes", "REVERSE='yes'", "1 or nothing");
    refused(&s, "REPLACE=yes", "REPLACE='yes'", "1 or nothing");
    planned(&s, "CC=gcc FLAVOUR=release ARCH=native BUILD=build THREADS=2");
    char *plan = planned(&s, "BF16=false"); /* a name with digits is one too */
    ck_assert_msg(strstr(plan, "--bf16 false"), "%s", plan);
    scratch_free(&s);
}
END_TEST

#define ASKED_BEFORE                                                                                     \
    "export FAMILY=gpt2 SEED=7 RELATION_ROWS=12 FREEZE=lnf TEMPLATES=templates/battles DATASET=battles " \
    "RECIPE=paper-mild SCHEMES='graft/schemes/position_untitled.yaml graft/schemes/layers.yaml' "        \
    "CAST='pre=base sft=forward' USUAL_SCHEMES=others"

/* What is not given is as the run was asked for; what is given and differs is refused, with what would do it.
 */
START_TEST(forgotten_variables_are_those_of_the_run) {
    scratch s = scratch_new();
    note(&s, ASKED_BEFORE);
    char *plan = gk_arena_alloc(s.a, 1 << 16);
    int code = shell(&s, "make -n report G=$G RUN=$D/run", plan, 1 << 16);
    ck_assert_msg(code == 0, "%s", plan);
    static const char *const kept[] = {"--family gpt2",        "--seed 7",       "--relation-rows 12",
                                       "--freeze lnf",         "--name battles", "--recipe paper-mild",
                                       "/schemes/layers.yaml", "--donor sft="};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        ck_assert_msg(strstr(plan, kept[i]), "%s is not in %s", kept[i], plan);
    ck_assert(!strstr(plan, "hybrid.yaml") && !strstr(plan, "--replace") && !strstr(plan, "task/A2B"));

    /* What came to nothing, a field forgotten perhaps, is asked for again with less ado. */
    note(&s, "export GIVEN=SEED; " ASKED_BEFORE " SEED=9");
    note(&s, ASKED_BEFORE);
    ck_assert(gk_mkdirs(scratch_path(&s, "run/data"), NULL));
    scratch_file(&s, "run/data/card.json", "{}");
    refused(&s, "SEED=9", "SEED='9', but", "was made with SEED='7'");
    refused(&s, "SEED=9", "make report RUN=", "SEED=9 REPLACE=1");
    refused(&s, "FREEZE=", "FREEZE='', but", "FREEZE='lnf'");
    refused(&s, "GENERAL=Makefile", "GENERAL='Makefile', but", "was made with GENERAL=''");
    refused(&s, "DATASET=fake_movies_fake_actors", "was made with DATASET='battles'", "REPLACE=1");
    refused(&s, "MILD=paper-mild SEED=7", "was made with MILD='relation-mild'", "MILD=paper-mild");
    refused(&s, "TASK_ROWS=5 OUT=$D/run/experiments/x", "TASK_ROWS='5'", "RUN");
    code = shell(&s, "make -n report G=$G RUN=$D/run SEED=9 REPLACE=1", plan, 1 << 16);
    ck_assert_msg(code == 0 && strstr(plan, "--seed 9") && strstr(plan, "--family gpt2") &&
                      strstr(plan, "--replace"),
                  "%s", plan);
    /* The same said again, whatever the order, is the same; so are schemes, which take nothing away. */
    backdate(&s);
    note(&s, "export GIVEN='SEED TEMPLATES FREEZE'; " ASKED_BEFORE);
    ck_assert_int_eq(written(&s), 0);
    note(&s, "export GIVEN='SCHEMES CAST'; " ASKED_BEFORE " SCHEMES=graft/schemes/layers.yaml");
    ck_assert_int_eq(written(&s), 2);
    note(&s, "export GIVEN=SCHEMES; " ASKED_BEFORE " SCHEMES='layers position_untitled'");
    code = shell(&s, "make -n report G=$G RUN=$D/run && cat $D/run/asked-*", plan, 1 << 16);
    ck_assert_msg(code == 0 && strstr(plan, "--schemes layers --schemes position_untitled") &&
                      strstr(plan, "  graft/schemes/layers.yaml\n") &&
                      strstr(plan, "  train/recipes/paper-mild.yaml\n"),
                  "%s", plan);
    /* Usual schemes stay usual, also when another dataset has other ones. */
    note(&s, "export REPLACE=1 DATASET=battles SCHEMES=graft/schemes/position_untitled.yaml; "
             "export USUAL_SCHEMES=$SCHEMES");
    code = shell(&s, "make -n report G=$G RUN=$D/run", plan, 1 << 16);
    ck_assert_msg(code == 0 && strstr(plan, "position_untitled.yaml") && strstr(plan, "hybrid.yaml"), "%s",
                  plan);
    scratch_free(&s);
}
END_TEST

#define SET(name) "set: " name "\nschemes: [{name: A, grafts: [{at: all, donor: sft}]}]\n"
START_TEST(a_note_is_written_when_something_else_is_asked_for) {
    scratch s = scratch_new();
    scratch_file(&s, "my.yaml", SET("mine"));
    note(&s, "true");
    backdate(&s);
    note(&s, "true");
    ck_assert_int_eq(written(&s), 0);
    note(&s, "THREADS=3"); /* decides nothing that is not remembered elsewhere */
    ck_assert_int_eq(written(&s), 0);
    note(&s, "SEED=2");
    ck_assert_int_eq(written(&s), 1);
    backdate(&s);
    note(&s, "SEED=2 SCHEMES=$D/my.yaml");
    ck_assert_int_eq(written(&s), 2);
    backdate(&s);
    scratch_file(&s, "my.yaml", SET("ours")); /* however old the file says it is */
    char out[256];
    ck_assert_int_eq(shell(&s, "touch -d '2000-01-01' $D/my.yaml", out, sizeof out), 0);
    note(&s, "SEED=2 SCHEMES=$D/my.yaml");
    ck_assert_int_eq(written(&s), 2);
    scratch_free(&s);
}
END_TEST

/* Rows, templates and recipes too: another one that is older, and one that is gone. */
START_TEST(other_inputs_under_the_same_names_are_noticed) {
    static const char own[] =
        "export DATASET=own_rows SOURCE=$D/rows.jsonl TEMPLATES=$D/words RECIPE=$D/mine.yaml "
        "BASE_ROWS=3";
#define PROMPTS "templates/fake_movies_fake_actors/eval.jsonl"
    static const char *const changes[] = {
        "echo x >$D/rows.jsonl && touch -d 2000-01-01 $D/rows.jsonl",
        "cd $D/words && sed -i 1d eval.jsonl && touch -d 2000-01-01 eval.jsonl",
        "echo x >$D/mine.yaml && touch -d 2000-01-01 $D/mine.yaml", "rm $D/words/qa.jsonl"};
    static const int at[] = {1, 1, 4, 1};
    scratch s = scratch_new();
    char out[256];
    ck_assert(gk_mkdirs(scratch_path(&s, "words"), NULL));
    ck_assert_int_eq(shell(&s, "cp " PROMPTS " $D/words", out, sizeof out), 0);
    scratch_file(&s, "words/qa.jsonl", "{}");
    scratch_file(&s, "rows.jsonl", "{}");
    scratch_file(&s, "mine.yaml", "lr: 1");
    note(&s, own);
    for (size_t i = 0; i < 4; i++) {
        backdate(&s);
        note(&s, i ? own : gk_arena_printf(s.a, "%s; TEMPLATES=$D/words/", own));
        ck_assert_int_eq(written(&s), 0);
        ck_assert_int_eq(shell(&s, changes[i], out, sizeof out), 0);
        note(&s, own);
        ck_assert_int_eq(written(&s), at[i]);
    }
    scratch_free(&s);
}
END_TEST

START_TEST(other_weights_under_the_same_name_are_noticed) {
    scratch s = scratch_new();
    ck_assert(gk_mkdirs(scratch_path(&s, "model"), NULL));
    scratch_file(&s, "model/config.json", "{}");
    scratch_file(&s, "model/tokenizer.model", "t");
    scratch_file(&s, "model/model.safetensors", "one");
    note(&s, "FAMILY= MODEL=$D/model");
    backdate(&s);
    note(&s, "FAMILY= MODEL=$D/model");
    ck_assert_int_eq(written(&s), 0);
    scratch_file(&s, "model/model.safetensors", "three");
    note(&s, "FAMILY= MODEL=$D/model");
    ck_assert_int_eq(written(&s), 1);
    scratch_free(&s);
}
END_TEST

/* Any part of a GGUF model stands for all of them. */
START_TEST(parts_of_a_model_are_noticed) {
    scratch s = scratch_new();
    note(&s, "true");
    scratch_file(&s, "m-00001-of-00002.gguf", "one");
    refused(&s, "MODEL=$D/m-00001-of-00002.gguf", "part 2 is missing", "m-00002-of-00002.gguf");
    scratch_file(&s, "m-00002-of-00002.gguf", "two");
    note(&s, "FAMILY= MODEL=$D/m-00001-of-00002.gguf");
    backdate(&s);
    note(&s, "FAMILY= MODEL=$D/m-00001-of-00002.gguf");
    ck_assert_int_eq(written(&s), 0);
    scratch_file(&s, "m-00002-of-00002.gguf", "three");
    note(&s, "FAMILY= MODEL=$D/m-00001-of-00002.gguf");
    ck_assert_int_eq(written(&s), 1);
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("make");
    TCase *t = tcase_create("make");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, mistyped_variables_change_nothing);
    tcase_add_test(t, data_is_asked_for);
    tcase_add_test(t, models_have_the_freeze_that_is_theirs);
    tcase_add_test(t, names_that_make_cannot_use_are_refused);
    tcase_add_test(t, own_fields_are_named_everywhere);
    tcase_add_test(t, a_variable_that_is_none_is_refused);
    tcase_add_test(t, forgotten_variables_are_those_of_the_run);
    tcase_add_test(t, a_note_is_written_when_something_else_is_asked_for);
    tcase_add_test(t, other_inputs_under_the_same_names_are_noticed);
    tcase_add_test(t, other_weights_under_the_same_name_are_noticed);
    tcase_add_test(t, parts_of_a_model_are_noticed);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
