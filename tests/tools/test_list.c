/* modules: model core
 *
 * test_list.c: graftkit list, whose lines shell and make read, graftkit models and its page, and that what
 * stands in several places says the same: the pipeline's defaults and those of the commands. $GRAFTKIT names
 * the binary (make test sets it). */
#include "graftkit/model/config.h"
#include "tests/support/program.h"

static scratch s;

static void start(void) {
    s = scratch_new();
}

static void stop(void) {
    scratch_free(&s);
}

/* Runs a shell command in the scratch folder with $G the binary; what comes along is the source tree's. */
static int shell(const char *command, char *out, size_t size) {
    return run_line(
        gk_arena_printf(s.a, "cd '%s' && G='%s' GRAFTKIT_HOME='%s' && export GRAFTKIT_HOME && { %s; } 2>&1",
                        s.dir, program(), GK_SOURCE_DIR, command),
        out, size);
}

static char *prints(const char *command) {
    char *out = gk_arena_alloc(s.a, 1 << 16);
    int code = shell(command, out, 1 << 16);
    ck_assert_msg(code == 0, "%s\nreturned %d:\n%s", command, code, out);
    return out;
}

static void refused(const char *args, const char *a, const char *b) {
    char out[4096];
    int code = shell(gk_arena_printf(s.a, "$G %s", args), out, sizeof out);
    assert_refusal(args, code, out, a, b);
}

START_TEST(tables_of_the_program) {
    char *families = gk_arena_strdup(s.a, "");
    for (size_t i = 0; gk_family_at(i); i++)
        families = gk_arena_printf(s.a, "%s%s\n", families, gk_family_name(gk_family_at(i)));
    ck_assert_str_eq(prints("$G list families"), families);
    ck_assert_ptr_nonnull(strstr(families, "llama\ngpt2\n"));
    const char *datasets = prints("$G list datasets");
    ck_assert_ptr_nonnull(strstr(datasets, "battles\tsource=none\tbase=own\tfields=fixed\n"));
    ck_assert_ptr_nonnull(strstr(datasets, "counterfact\tsource=required\tbase=none\tfields=fixed\n"));
    ck_assert_ptr_nonnull(strstr(datasets, "invented_articles\tsource=none\tbase=none\tfields=fixed\n"));
    ck_assert_ptr_nonnull(strstr(datasets, "own_rows\tsource=required\tbase=none\tfields=named\n"));
    /* Each has its templates, and each folder of templates is a dataset's. */
    ck_assert_str_eq(prints("$G list datasets | grep -v ^own_rows | cut -f 1 | LC_ALL=C sort"),
                     prints("$G list templates"));
    ck_assert_str_eq(prints("$G list home"), GK_SOURCE_DIR "\n");
    ck_assert_str_eq(prints("for d in $($G list folders); do [ -d $GRAFTKIT_HOME/$d ] || echo $d; done"), "");
}
END_TEST

/* docs/models.md is what the program prints; each family has its lines, and none of those that are called
 * unsupported is one. */
START_TEST(models) {
    gk_error err;
    const char *page = gk_read_file(s.a, GK_SOURCE_DIR "/docs/models.md", 1 << 20, NULL, &err);
    ck_assert_msg(page && strcmp(prints("$G models --markdown"), page) == 0,
                  "docs/models.md is not what `graftkit models --markdown` prints: write it anew");
    const char *text = prints("$G models");
    for (size_t i = 0; gk_family_at(i); i++) {
        const char *name = gk_family_name(gk_family_at(i));
        ck_assert_ptr_nonnull(strstr(text, gk_arena_printf(s.a, "%s\n    ", name)));
        for (size_t j = 0; gk_unbuilt_at(j); j++)
            ck_assert_ptr_null(strstr(gk_arena_printf(s.a, " %s ", gk_unbuilt_at(j)->names),
                                      gk_arena_printf(s.a, " %s ", name)));
        ck_assert_ptr_nonnull(strstr(gk_family_checkpoints(gk_family_at(i)), "/"));
    }
    prints("mkdir -p mamba && echo '{\"model_type\":\"mamba\"}' >mamba/config.json");
    refused("inspect --model mamba", "the model family 'mamba' is not supported: it has state-space layers",
            "`graftkit models` lists those that are");
}
END_TEST

/* Every error that names datasets or families has all of them. */
START_TEST(messages_name_what_is_listed) {
    refused("dataset --name nowhere --out x", "unknown dataset 'nowhere'",
            gk_arena_printf(s.a, "the datasets are: %s",
                            prints("$G list datasets | cut -f 1 | paste -sd ' ' | tr -d '\\n'")));
    const char *families = prints("$G list families | paste -sd , | sed 's/,/, /g' | tr -d '\\n'");
    ck_assert_ptr_nonnull(strstr(prints("$G base --help"), families));
    prints("$G dataset --out d --base-rows 20 --base-texts 300 --relation-rows 5 --task-rows 5 && "
           "$G tokenizer --texts d/tokenizer.jsonl --vocab 500 --out t");
    refused("base --family lama --tokenizer t --texts d/base/texts.jsonl --out b", "no family 'lama'",
            families);
}
END_TEST

START_TEST(files_that_come_along) {
    ck_assert_ptr_nonnull(strstr(prints("$G list recipes"), "\nrelation\tFinetune the default small model"));
    ck_assert_ptr_nonnull(strstr(prints("$G list schemes"), "layers\tWhich layers carry the recall"));
    ck_assert_str_eq(
        prints("$G list experiments | sed -n '1p;8p'"),
        "position\tWhich token positions need the finetuned weights\nhead\tWhose final norm and head\n");
    ck_assert_str_eq(prints("$G list experiments | wc -l"), prints("ls $GRAFTKIT_HOME/experiments | wc -l"));
    ck_assert_ptr_nonnull(
        strstr(prints("$G list recipes --path"), "\ntask\t" GK_SOURCE_DIR "/train/recipes/task.yaml\n"));
    ck_assert_str_eq(prints("$G list schemes --name hybrid"), GK_SOURCE_DIR "/graft/schemes/hybrid.yaml\n");
    ck_assert_str_eq(prints("$G list schemes --name graft/schemes/hybrid.yaml"),
                     GK_SOURCE_DIR "/graft/schemes/hybrid.yaml\n");
    ck_assert_str_eq(prints("$G list recipes --name mine.yaml"), "mine.yaml\n");
    /* What is chosen by size may be any of these. */
    ck_assert_str_eq(prints("$G list recipes --name auto-mild | sed 's,.*/,,'"),
                     "relation-mild.yaml\npretrained-100m-mild.yaml\npaper-mild.yaml\npaper-mild.yaml\n");
    ck_assert_str_eq(prints("for f in $($G list recipes --name auto) $($G list recipes --name auto-mild); do "
                            "[ -f $f ] || echo $f; done"),
                     "");
}
END_TEST

START_TEST(what_is_no_list_is_refused) {
    refused("list", "does not say which list", "families, datasets, defaults");
    refused("list recipe", "no list 'recipe'", "did you mean recipes?");
    refused("list lists", "no list 'lists'", "");
    refused("list families --path", "--path", "leave it out");
    refused("list datasets --name battles", "--name", "leave it out");
    refused("list recipes --name nowhere", "'nowhere' is no recipe", "auto, auto-mild, base");
    refused("list recipes schemes", "'schemes' is not an option", "");
}
END_TEST

/* --schemes and --recipe take names in every command that has them. */
START_TEST(commands_take_names) {
    const char *const commands[] = {"sweep --recipient pre=x --templates x --rows x --out x",
                                    "plan --recipient pre=x", "experiment --templates x --cast pre=base"};
    for (size_t i = 0; i < 3; i++)
        refused(gk_arena_printf(s.a, "%s --schemes nowhere", commands[i]), "'nowhere' is no scheme file",
                "position_untitled, published, reference");
    refused("experiment --templates x --file nowhere", "'nowhere' is no experiment",
            "patching, planted, planted_pretrained, position");
    ck_assert_ptr_nonnull(strstr(prints("$G experiment --file head --recipe relation --templates "
                                        "$GRAFTKIT_HOME/templates/fake_movies_fake_actors/eval.jsonl"),
                                 "schemes\tgraft/schemes/head.yaml\n"));
}
END_TEST

/* The default that an option's line of --help shows. */
static const char *shown(const char *command, const char *option) {
    return prints(gk_arena_printf(
        s.a, "$G %s --help | sed -n 's/^  --%s .*\\[\\(.*\\)\\]$/\\1/p' | tr -d '\\n'", command, option));
}

/* run.mk says what the pipeline asks for by default, and each command what it does by itself: the same. */
START_TEST(defaults_agree) {
    static const struct {
        const char *variable, *command, *option;
    } same[] = {
        {"FAMILY", "base", "family"},    {"VOCAB", "tokenizer", "vocab"},   {"DATASET", "dataset", "name"},
        {"SEED", "dataset", "seed"},     {"SEED", "base", "seed"},          {"SEED", "finetune", "seed"},
        {"SEED", "sweep", "seed"},       {"SEED", "gate", "seed"},          {"THREADS", "base", "threads"},
        {"THREADS", "sweep", "threads"}, {"ENTITY", "sweep", "entity"},     {"TARGET", "sweep", "target"},
        {"TARGET", "gate", "target"},    {"TARGET", "finetune", "target"},  {"ENTITY", "plan", "entity"},
        {"TARGET", "plan", "target"},    {"ENTITY", "experiment", "entity"}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        const char *now = prints(
            gk_arena_printf(s.a, "$G list defaults | sed -n 's/^%s\\t//p' | tr -d '\\n'", same[i].variable));
        ck_assert_msg(*now && strcmp(now, shown(same[i].command, same[i].option)) == 0,
                      "%s is '%s' by default, --%s of %s is '%s'", same[i].variable, now, same[i].option,
                      same[i].command, shown(same[i].command, same[i].option));
    }
    /* And make takes what is listed. */
    const char *plan = prints(
        gk_arena_printf(s.a, "env -i PATH=\"$PATH\" make -C '%s' -n report RUN=$PWD/x G=$G", GK_SOURCE_DIR));
    ck_assert(strstr(plan, "--family llama") && strstr(plan, "--vocab 2000") && strstr(plan, "--seed 1 ") &&
              strstr(plan, "--threads 0") && strstr(plan, "--target second_actor"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("list");
    TCase *t = tcase_create("list");
    tcase_set_timeout(t, 120);
    tcase_add_unchecked_fixture(t, start, stop);
    tcase_add_test(t, tables_of_the_program);
    tcase_add_test(t, models);
    tcase_add_test(t, messages_name_what_is_listed);
    tcase_add_test(t, files_that_come_along);
    tcase_add_test(t, what_is_no_list_is_refused);
    tcase_add_test(t, commands_take_names);
    tcase_add_test(t, defaults_agree);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
