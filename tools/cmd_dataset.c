/* cmd_dataset.c: `graftkit dataset`. */
#include "data/data.h"
#include "tools/tools.h"

#include <inttypes.h>

static void print_split(const char *name, const json_t *split) {
    json_int_t rows = json_integer_value(json_object_get(split, "rows"));
    const json_t *base = json_object_get(split, "texts"), *one_way = json_object_get(split, "A2B");
    const json_t *targets = json_object_get(split, "targets_A2B");
    printf("  %-9s %6" JSON_INTEGER_FORMAT " rows, %7" JSON_INTEGER_FORMAT " texts%s; %" JSON_INTEGER_FORMAT
           " different first words among the targets\n",
           name, rows, json_integer_value(base ? base : one_way), base ? "" : " a direction",
           json_integer_value(json_object_get(targets, "distinct_first_words")));
}

static void print_card(const json_t *card, const char *out) {
    const json_t *chance = json_object_get(card, "chance_first_word");
    const char *name;
    json_t *split;
    printf("%s, seed %" JSON_INTEGER_FORMAT ", in %s\n", json_string_value(json_object_get(card, "name")),
           json_integer_value(json_object_get(card, "seed")), out);
    json_object_foreach(json_object_get(card, "splits"), name, split) print_split(name, split);
    printf("  chance of a target's first word: top-1 %.2f%%, top-5 %.2f%%\n",
           100 * json_real_value(json_object_get(chance, "top1")),
           100 * json_real_value(json_object_get(chance, "top5")));
}

int cmd_dataset(int argc, char **argv) {
    gk_dataset_options o = GK_DATASET_DEFAULTS;
    const gk_opt opts[] = {
        {"name", GK_OPT_STR, &o.name, "NAME", "which dataset", false},
        {"out", GK_OPT_STR, &o.out, "DIR", "folder to write", true},
        {"seed", GK_OPT_INT, &o.seed, "S", "seed; the same seed gives the same bytes", false},
        {"base-rows", GK_OPT_INT, &o.base_rows, "N", "rows of the base corpus", false},
        {"base-texts", GK_OPT_INT, &o.base_texts, "N", "texts of the base corpus", false},
        {"relation-rows", GK_OPT_INT, &o.relation_rows, "N", "rows under test", false},
        {"task-rows", GK_OPT_INT, &o.task_rows, "N", "rows of the task model", false},
    };
    gk_arena *a = gk_arena_new();
    int code = gk_args("dataset", "Makes a dataset: rows, training texts and splits.", opts,
                       sizeof opts / sizeof *opts, argc, argv, a);
    if (code < 0) {
        gk_error err;
        json_t *card = NULL;
        o.home = gk_home();
        code = gk_dataset_make(&o, &card, &err) ? 0 : gk_die("dataset", &err);
        if (card) print_card(card, o.out);
        json_decref(card);
    }
    gk_arena_free(a);
    return code;
}
