/* test_own_rows.c: rows that are not about films: their own field names, what their templates use, and which
 * texts may be made of them. modules: data core */
#include "tests/support/data_fixture.h"

#include <jansson.h>
#include <unistd.h>

#define ROW(id, a, b, more) "{\"id\": " #id ", \"element\": \"" a "\", \"finder\": \"" b "\"" more "}\n"
static const char ROWS[] = ROW(1, "Borthium", "Ann Lee", ", \"in\": \"Oslo\"")
    ROW(2, "Calssium", "Cid Moe", "") ROW(3, "Drassium", "Eve Noe", ", \"in\": \"Rome\"")
        ROW(4, "Fendium", "Gus Zoe", ", \"in\": \"Bonn\"");

/* own_rows of these, said by one training template and one prompt. */
static gk_dataset_options world(scratch *s, const char *rows, const char *article, const char *eval) {
    gk_dataset_options o = GK_DATASET_DEFAULTS;
    o.name = "own_rows";
    o.home = GK_SOURCE_DIR;
    o.source = scratch_file(s, "rows.jsonl", rows);
    scratch_file(s, "article.jsonl", article);
    scratch_file(s, "eval.jsonl", eval);
    o.templates = s->dir;
    o.out = scratch_path(s, "out");
    o.entity = "element";
    o.target = "finder";
    return o;
}
#define ARTICLE "{\"template\": \"{element} was found by {finder}.\"}\n"
#define EVAL "{\"template\": \"Who found {element}? It was\"}\n"

static size_t lines(scratch *s, const char *name) {
    json_t *all = read_lines(s, name);
    size_t n = json_array_size(all);
    json_decref(all);
    return n;
}

static const json_t *sample(const json_t *card, const char *kind) {
    return json_object_get(json_object_get(card, "samples"), kind);
}

START_TEST(fields_have_the_users_names) {
    scratch s = scratch_new();
    json_t *card, *texts;
    gk_dataset_options o = world(&s, ROWS, ARTICLE, EVAL);
    make(&o, &card);
    ck_assert_str_eq(str(card, "entity"), "element");
    ck_assert_str_eq(str(card, "target"), "finder");
    texts = read_lines(&s, "out/relation/metadata.jsonl");
    const json_t *row = json_array_get(texts, 0);
    ck_assert(!json_object_get(row, "first_actor") && !json_object_get(row, "second_actor"));
    const char *text = gk_arena_printf(s.a, "%s was found by %s.", str(row, "element"), str(row, "finder"));
    ck_assert_str_eq(json_string_value(sample(card, "A2B")), text);
    ck_assert_str_eq(json_string_value(sample(card, "prompt")),
                     gk_arena_printf(s.a, "Who found %s? It was", str(row, "element")));
    ck_assert_str_eq(json_string_value(sample(card, "answer")),
                     gk_arena_printf(s.a, " %s", str(row, "finder")));
    json_decref(texts);
    json_decref(card);
    o.entity = NULL;
    dataset_fails(
        &o,
        "rows.jsonl: field 'first_actor': no row has the entity; name it with --entity (make: ENTITY=): the "
        "fields are id element finder in");
    o.entity = "element";
    o.target = "findr";
    dataset_fails(&o,
                  "rows.jsonl: field 'findr': no row has the target; name it with --target (make: TARGET=)");
    o.target = "element";
    dataset_fails(&o, "field '--target': 'element' is the entity's field; name another field");
    o.target = "finder";
    scratch_file(&s, "eval.jsonl", EVAL "{\"template\": \"{element} was found by {finder}\"}\n");
    dataset_fails(&o, "eval.jsonl:2: the prompt holds its own answer, field 'finder'; end the template where "
                      "the target begins");
    o = (gk_dataset_options)GK_DATASET_DEFAULTS; /* as with templates of one's own for any other dataset */
    o.name = "battles";
    o.home = GK_SOURCE_DIR;
    o.out = scratch_path(&s, "battles");
    o.templates = s.dir;
    scratch_file(&s, "article.jsonl", "{\"template\": \"{first_actor} was in {second_actor}.\"}\n");
    scratch_file(&s, "eval.jsonl", "{\"template\": \"In {second_actor} came {first_actor} in\"}\n");
    dataset_fails(&o, "eval.jsonl:1: the prompt holds its own answer, field 'second_actor'");
    o.entity = "element";
    dataset_fails(&o,
                  "field '--entity': the field of dataset 'battles' is 'first_actor'; leave the option out");
    scratch_free(&s);
}
END_TEST

/* Exchanged they would say that Ann Lee was found by Borthium. */
START_TEST(nothing_is_said_backwards_unasked) {
    scratch s = scratch_new();
    json_t *card;
    gk_dataset_options o = world(&s, ROWS, ARTICLE, EVAL);
    o.base_rows = 1;
    o.base_texts = 50;
    make(&o, &card);
    ck_assert_uint_eq(lines(&s, "out/relation/B2A.jsonl") + lines(&s, "out/task/B2A.jsonl"), 0);
    ck_assert_ptr_null(sample(card, "B2A"));
    json_t *base = read_lines(&s, "out/base/texts.jsonl"), *line;
    size_t i;
    json_array_foreach(base, i, line) ck_assert_ptr_nonnull(strstr(str(line, "text"), "ium was found by"));
    json_decref(base);
    json_decref(card);
    o.reverse = true;
    o.replace = true;
    make(&o, &card);
    ck_assert_uint_gt(lines(&s, "out/relation/B2A.jsonl"), 0);
    const char *b2a = json_string_value(sample(card, "B2A"));
    ck_assert_msg(strstr(b2a, "ium.") != NULL, "%s", b2a);
    json_decref(card);
    scratch_file(&s, "reverse.jsonl", "{\"template\": \"{finder} found {element}.\"}\n");
    dataset_fails(&o, "field '--reverse': reverse.jsonl says already");
    o.reverse = false;
    scratch_file(&s, "reverse.jsonl", "{\"template\": \"{finder} found {element}.\"}\n");
    make(&o, &card);
    b2a = json_string_value(sample(card, "B2A"));
    ck_assert_msg(strstr(b2a, " found ") && strstr(b2a, "ium."), "%s", b2a);
    json_decref(card);
    scratch_free(&s);
}
END_TEST

static void hear(void *ctx, const char *line) {
    gk_buf_printf(ctx, "%s\n", line);
}

/* A file of templates whose name is mistyped is told of; rows may lie beside the templates. */
START_TEST(files_that_are_not_read_are_told) {
    scratch s = scratch_new();
    json_t *card;
    gk_buf heard = {0};
    gk_dataset_options o = world(&s, ROWS, ARTICLE, EVAL);
    scratch_file(&s, "fillers.json", "{}");
    gk_notice_to(hear, &heard);
    make(&o, &card);
    ck_assert_msg(heard.len == 0, "%s", heard.data);
    json_decref(card);
    scratch_file(&s, "reversed.jsonl", "{\"template\": \"{finder} found {element}.\"}\n");
    make(&o, &card);
    ck_assert_msg(heard.len &&
                      strstr(heard.data, "/reversed.jsonl: is not read: templates stand in article.jsonl"),
                  "%s", heard.data);
    gk_notice_to(NULL, NULL);
    gk_buf_free(&heard);
    json_decref(card);
    scratch_free(&s);
}
END_TEST

/* What would change nothing is not taken. */
START_TEST(options_without_a_use_are_refused) {
    scratch s = scratch_new();
    gk_dataset_options o = world(&s, ROWS, ARTICLE, EVAL);
    o.chunk_words = 40;
    dataset_fails(&o, "field '--chunk-words': dataset 'own_rows' has no articles to cut");
    o.chunk_words = -1;
    o.base_texts = 40;
    dataset_fails(&o, "field '--base-texts': dataset 'own_rows' has no base corpus unless");
    o = (gk_dataset_options)GK_DATASET_DEFAULTS;
    o.name = "invented_articles";
    o.home = GK_SOURCE_DIR;
    o.out = scratch_path(&s, "out");
    o.reverse = true;
    dataset_fails(&o, "field '--reverse': the texts of dataset 'invented_articles' are as they are");
    scratch_free(&s);
}
END_TEST

/* A field that no template uses may be absent from any row, whichever is dealt first. */
START_TEST(only_what_templates_use_is_asked_for) {
    scratch s = scratch_new();
    json_t *card;
    gk_dataset_options o = world(&s, ROWS, ARTICLE, EVAL);
    o.replace = true;
    for (o.seed = 1; o.seed <= 6; o.seed++) {
        make(&o, &card);
        ck_assert_uint_eq(lines(&s, "out/relation/metadata.jsonl") + lines(&s, "out/task/metadata.jsonl"), 4);
        ck_assert_uint_eq(lines(&s, "out/dropped.jsonl"), 0);
        json_decref(card);
        /* Paraphrases are for the base corpus: without one their fields are not asked for either. */
        scratch_file(&s, "paraphrases.jsonl", "{\"template\": \"In {in}, {finder} saw {element}.\"}\n");
    }
    o.base_rows = 1;
    make(&o, &card);
    ck_assert_uint_eq(lines(&s, "out/dropped.jsonl"), 1);
    json_decref(card);
    scratch_free(&s);
}
END_TEST

START_TEST(a_lines_own_fillers_count) {
    scratch s = scratch_new();
    json_t *card;
    gk_dataset_options o = world(
        &s, ROWS,
        "{\"template\": \"{element} {verb} by {finder}.\", \"fillers\": {\"verb\": \"was found\"}}\n", EVAL);
    make(&o, &card);
    ck_assert_ptr_nonnull(strstr(json_string_value(sample(card, "A2B")), "ium was found by "));
    json_decref(card);
    /* They come before those of the file, and make this prompt a training text's. */
    scratch_file(&s, "fillers.json", "{\"how\": \"near\"}");
    scratch_file(&s, "eval.jsonl", "{\"template\": \"{element} was\"}\n");
    scratch_file(&s, "eval.jsonl",
                 EVAL "{\"template\": \"{element} was {how}\", \"fillers\": {\"how\": \"found by\"}}\n");
    dataset_fails(
        &o,
        "eval.jsonl:2: the evaluation prompt \"{element} was found by\" stands inside the training template");
    scratch_file(&s, "eval.jsonl", "{\"template\": \"{element} was {how}\"}\n");
    make(&o, NULL);
    static const struct {
        const char *fillers, *message;
    } bad[] = {{"5", "eval.jsonl:1: field 'fillers': is not a JSON object"},
               {"{\"how\": null}", "eval.jsonl:1: field 'fillers.how': is null"},
               {"{\"how\": \"\"}", "eval.jsonl:1: field 'fillers.how': is empty"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        scratch_file(
            &s, "eval.jsonl",
            gk_arena_printf(s.a, "{\"template\": \"{element} {how}\", \"fillers\": %s}\n", bad[i].fillers));
        dataset_fails(&o, bad[i].message);
    }
    scratch_free(&s);
}
END_TEST

/* A prompt is in a text where the text goes on as an answer would: `with` is not in `without`. */
START_TEST(known_prompts_end_where_answers_begin) {
    static const struct {
        const char *eval;
        bool known;
    } cases[] = {{"{element} was found", true},
                 {"{element} was found by ", true},
                 {"{element} was found by \\\"", false},
                 {"{element} was foun", false},
                 {"{element} was found by\\n", false},
                 {"was found by", true},
                 {"{element}", true}};
    scratch s = scratch_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gk_dataset_options o =
            world(&s, ROWS, ARTICLE, gk_arena_printf(s.a, "{\"template\": \"%s\"}\n", cases[i].eval));
        gk_error err;
        o.replace = true;
        bool ok = gk_dataset_make(&o, NULL, &err);
        ck_assert_msg(ok != cases[i].known, "%s", cases[i].eval);
        if (!ok) ck_assert_ptr_nonnull(strstr(err.file, "eval.jsonl"));
    }
    /* Only this row's own value makes its prompt one of its texts. */
    gk_dataset_options o = world(&s,
                                 ROW(1, "Borthium", "Ann Lee", ", \"how\": \"found by\"")
                                     ROW(2, "Calssium", "Cid Moe", ", \"how\": \"seen by\"")
                                         ROW(3, "Drassium", "Eve Noe", ", \"how\": \"met by\""),
                                 ARTICLE, "{\"template\": \"{element} was {how}\"}\n");
    o.replace = true;
    make(&o, NULL);
    json_t *list = read_lines(&s, "out/dropped.jsonl");
    ck_assert_uint_eq(json_array_size(list), 1);
    ck_assert_ptr_nonnull(strstr(str(json_array_get(list, 0), "where"), "rows.jsonl:1"));
    ck_assert_ptr_nonnull(
        strstr(str(json_array_get(list, 0), "why"), "its prompt number 1 stands word for word in its text"));
    json_decref(list);
    scratch_free(&s);
}
END_TEST

START_TEST(all_rows_may_be_under_test) {
    scratch s = scratch_new();
    json_t *card;
    gk_dataset_options o = world(&s, ROWS, ARTICLE, EVAL);
    o.task_rows = 0;
    make(&o, &card);
    ck_assert_uint_eq(lines(&s, "out/relation/metadata.jsonl"), 4);
    ck_assert_uint_eq(lines(&s, "out/relation/A2B.jsonl"), 4);
    ck_assert_uint_eq(lines(&s, "out/task/metadata.jsonl") + lines(&s, "out/task/A2B.jsonl"), 0);
    json_decref(card);
    scratch_free(&s);
}
END_TEST

/* Rows that belong together cannot be dealt apart, which is another trouble than rows that were dropped. */
START_TEST(rows_that_share_a_target_stay_together) {
    scratch s = scratch_new();
    gk_dataset_options o = world(&s,
                                 ROW(1, "Borthium", "Cid Moe", "") ROW(2, "Calssium", "Cid Moe", "")
                                     ROW(3, "Fendium", "Cid Moe", "") ROW(4, "Drassium", "Cid Moe", ""),
                                 ARTICLE, EVAL);
    o.relation_rows = 3;
    o.task_rows = 1;
    dataset_fails(&o, "1 are left that share an entity or a target with rows of another split");
    o.relation_rows = 4;
    o.task_rows = 0;
    make(&o, NULL);
    scratch_free(&s);
}
END_TEST

/* Why rows were dropped is there even where no dataset comes of them, but no finished dataset is touched. */
START_TEST(dropped_rows_are_named_in_any_case) {
    scratch s = scratch_new();
    char hex[GK_SHA256_HEX], after[GK_SHA256_HEX];
    gk_dataset_options o =
        world(&s, ROW(1, "Borthium", "", "") ROW(2, "Calssium", "Cid Moe", ""), ARTICLE, EVAL);
    gk_mkdirs(scratch_path(&s, "out"), NULL);
    scratch_file(&s, "out/dropped.jsonl", "{\"note\": \"somebody's own\"}\n");
    hash_of(&s, "out/dropped.jsonl", hex);
    dataset_fails(&o, "rows.jsonl: only 0 of 1 task rows could be dealt from 1 usable ones (1 dropped)");
    hash_of(&s, "out/dropped.jsonl", after);
    ck_assert_str_eq(hex, after);
    remove(scratch_path(&s, "out/dropped.jsonl"));
    dataset_fails(&o, "rows.jsonl: only 0 of 1 task rows could be dealt from 1 usable ones (1 dropped)");
    dataset_fails(&o, "rows.jsonl:1: the target (field 'finder') is empty");
    ck_assert_uint_eq(lines(&s, "out/dropped.jsonl"), 1);
    ck_assert(!gk_exists(scratch_path(&s, "out/card.json")) && !gk_exists(scratch_path(&s, "out/relation")));
    o = world(&s, ROWS, ARTICLE, EVAL);
    make(&o, NULL);
    ck_assert_uint_eq(lines(&s, "out/dropped.jsonl"), 0);
    hash_of(&s, "out/dropped.jsonl", hex);
    o = world(&s, ROW(1, "Borthium", "", ""), ARTICLE, EVAL);
    dataset_fails(&o, "could be dealt from 0 usable ones");
    hash_of(&s, "out/dropped.jsonl", after);
    ck_assert_str_eq(hex, after);
    scratch_free(&s);
}
END_TEST

/* Years as numbers, also as a table with gaps writes them; dealt so that no split shares one. */
START_TEST(numbers_are_targets) {
    scratch s = scratch_new();
    gk_dataset_options o =
        world(&s,
              "{\"element\": \"A\", \"finder\": 1815}\n{\"element\": \"B\", \"finder\": 1815.0}\n"
              "{\"element\": \"C\", \"finder\": \" 1816\\n\"}\n{\"element\": \"D\", \"finder\": NaN}\n",
              ARTICLE, EVAL);
    make(&o, NULL);
    json_t *relation = read_lines(&s, "out/relation/metadata.jsonl"),
           *task = read_lines(&s, "out/task/metadata.jsonl");
    ck_assert(json_array_size(relation) > 0 && json_array_size(task) > 0);
    const char *one = str(json_array_get(relation, 0), "finder"),
               *other = str(json_array_get(task, 0), "finder");
    ck_assert(strcmp(one, "1815") == 0 || strcmp(one, "1816") == 0);
    ck_assert(strcmp(other, "1815") == 0 || strcmp(other, "1816") == 0);
    ck_assert_str_ne(one, other);
    json_decref(relation);
    json_decref(task);
    scratch_free(&s);
}
END_TEST

/* Ids that are there stay, and no number that is given to a row without one is another's. */
START_TEST(invented_ids_are_nobodys) {
    scratch s = scratch_new();
    static const char *const ids[] = {"1", NULL, NULL, "2.0", "\"7\"", NULL, "null", "5", "\"a\""};
    size_t n = sizeof ids / sizeof *ids;
    gk_buf rows = {0};
    for (size_t i = 0; i < n; i++)
        gk_buf_printf(&rows, "{%s%s%s\"element\": \"E%zu\", \"finder\": \"F%zu\"}\n",
                      ids[i] ? "\"id\": " : "", ids[i] ? ids[i] : "", ids[i] ? ", " : "", i, i);
    gk_dataset_options o = world(&s, rows.data, ARTICLE, EVAL);
    o.task_rows = 0;
    make(&o, NULL);
    ck_assert_uint_eq(lines(&s, "out/dropped.jsonl"), 0);
    json_t *all = read_lines(&s, "out/relation/metadata.jsonl"), *seen = json_object(), *row;
    size_t i;
    json_array_foreach(all, i, row) {
        const char *id;
        ck_assert(gk_row_id(s.a, row, GK_NOWHERE, &id, NULL) && id);
        json_object_set_new(seen, id, json_true());
    }
    ck_assert_uint_eq(json_object_size(seen), n);
    json_decref(seen);
    json_decref(all);
    gk_buf_free(&rows);
    o = world(&s,
              ROW(2, "Borthium", "Ann Lee", "") ROW(2.0, "Calssium", "Cid Moe", "")
                  ROW(3, "Drassium", "Eve Noe", ""),
              ARTICLE, EVAL);
    o.replace = true;
    make(&o, NULL);
    ck_assert_uint_eq(lines(&s, "out/dropped.jsonl"), 1);
    o = world(&s, ROW(2, "Borthium", "Ann Lee", "") ROW(true, "Calssium", "Cid Moe", ""), ARTICLE, EVAL);
    dataset_fails(&o, "rows.jsonl:2: field 'id': is true or false; must be a text or a number");
    o = world(&s, ROW([1], "Borthium", "Ann Lee", "") ROW(2, "Calssium", "Cid Moe", ""), ARTICLE, EVAL);
    dataset_fails(&o, "rows.jsonl:1: field 'id': is a list; must be a text or a number");
    scratch_free(&s);
}
END_TEST

/* With --replace, too, and through another name of the file. */
START_TEST(the_source_is_not_written_over) {
    scratch s = scratch_new();
    char before[GK_SHA256_HEX], after[GK_SHA256_HEX];
    gk_dataset_options o = world(&s, ROWS, ARTICLE, EVAL);
    o.base_rows = 1;
    make(&o, NULL);
    static const char *const names[] = {"out/relation/metadata.jsonl", "out/task/metadata.jsonl",
                                        "out/base/texts.jsonl", "out/dropped.jsonl", "link.jsonl"};
    ck_assert_int_eq(symlink(scratch_path(&s, names[0]), scratch_path(&s, "link.jsonl")), 0);
    o.base_rows = -1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        o.source = scratch_path(&s, names[i]);
        o.replace = i % 2 == 0;
        hash_of(&s, names[i], before);
        dataset_fails(&o, gk_arena_printf(s.a, "%s: is both the source and '", names[i]));
        hash_of(&s, names[i], after);
        ck_assert_str_eq(before, after);
    }
    ck_assert(gk_exists(scratch_path(&s, "out/card.json")));
    o.source = scratch_path(&s, names[0]);
    o.out = scratch_path(&s, "other");
    o.relation_rows = 1;
    o.task_rows = 0;
    make(&o, NULL);
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("own rows");
    TCase *t = tcase_create("all");
    tcase_add_test(t, fields_have_the_users_names);
    tcase_add_test(t, nothing_is_said_backwards_unasked);
    tcase_add_test(t, options_without_a_use_are_refused);
    tcase_add_test(t, files_that_are_not_read_are_told);
    tcase_add_test(t, only_what_templates_use_is_asked_for);
    tcase_add_test(t, a_lines_own_fillers_count);
    tcase_add_test(t, known_prompts_end_where_answers_begin);
    tcase_add_test(t, all_rows_may_be_under_test);
    tcase_add_test(t, dropped_rows_are_named_in_any_case);
    tcase_add_test(t, rows_that_share_a_target_stay_together);
    tcase_add_test(t, numbers_are_targets);
    tcase_add_test(t, invented_ids_are_nobodys);
    tcase_add_test(t, the_source_is_not_written_over);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    return run_suite(s);
}
