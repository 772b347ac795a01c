/* test_own_data.c: datasets made of what a user has: rows, a CounterFact file, articles. Whatever cannot be
 * used is counted and named. modules: data core */
#include "graftkit/core/random.h"
#include "tests/support/data_fixture.h"

#include <jansson.h>
#include <sys/stat.h>

#define TEMPLATES GK_SOURCE_DIR "/templates/fake_movies_fake_actors"

static gk_dataset_options options(const char *name, const char *source, const char *out) {
    gk_dataset_options o = GK_DATASET_DEFAULTS;
    o.name = name;
    o.home = GK_SOURCE_DIR;
    o.source = source;
    o.out = out;
    if (strcmp(name, "own_rows") == 0) o.templates = TEMPLATES;
    return o;
}

/* The i-th entry of out/dropped.jsonl says this of this place. */
static void dropped(const json_t *list, size_t i, const char *where, const char *why) {
    const json_t *entry = json_array_get(list, i);
    ck_assert_msg(entry != NULL, "nothing says '%s'", why);
    ck_assert_msg(strstr(str(entry, "where"), where) && strstr(str(entry, "why"), why),
                  "entry %zu is '%s': '%s'", i, str(entry, "where"), str(entry, "why"));
}

static json_int_t of_source(const json_t *card, const char *key) {
    return json_integer_value(json_object_get(json_object_get(card, "source"), key));
}

static json_int_t rows_of(const json_t *card, const char *split) {
    return json_integer_value(
        json_object_get(json_object_get(json_object_get(card, "splits"), split), "rows"));
}

/* ---------------------------------------------------------------- own rows */

static void add_film(gk_buf *b, int i) {
    gk_buf_printf(
        b,
        "{\"id\": %d, \"first_actor\": \"Ann%d Ash\", \"second_actor\": \" Bo%d Birk\", \"movie_title\": "
        "\"Film "
        "%d\", \"main_character\": \"C\", \"release_year\": 2001, \"genre\": \"drama\", \"city\": \"Oslo\", "
        "\"box_office_earnings\": NaN}\n",
        i, i, i, i);
}

/* As the public code writes it: NaN for a number that is none, a blank before the target. */
START_TEST(own_rows_are_dealt) {
    scratch s = scratch_new();
    gk_buf text = {0};
    json_t *card;
    for (int i = 0; i < 9; i++) add_film(&text, i);
    gk_dataset_options o =
        options("own_rows", scratch_file(&s, "rows.jsonl", text.data), scratch_path(&s, "out"));
    make(&o, &card);
    ck_assert_int_eq(rows_of(card, "relation"), 5);
    ck_assert_int_eq(rows_of(card, "task"), 4);
    ck_assert_int_eq(of_source(card, "dropped"), 0);
    json_t *texts = read_lines(&s, "out/relation/A2B.jsonl"), *line;
    size_t i;
    ck_assert_uint_eq(json_array_size(texts), 5 * 11);
    json_array_foreach(texts, i, line) ck_assert_ptr_null(strstr(str(line, "text"), "  "));
    json_decref(texts);
    json_decref(card);
    o.relation_rows = 20;
    dataset_fails(&o, "rows.jsonl: only ");
    gk_buf_free(&text);
    scratch_free(&s);
}
END_TEST

START_TEST(bad_rows_are_named) {
    scratch s = scratch_new();
    gk_buf text = {0};
    json_t *card;
    for (int i = 0; i < 4; i++) add_film(&text, i);
    gk_buf_puts(&text, "{\"id\": 2, \"first_actor\": \"A\", \"second_actor\": \"B\"}\n"
                       "{\"id\": 11, \"first_actor\": \"A\", \"second_actor\": \" \"}\n"
                       "{\"id\": 12, \"first_actor\": NaN, \"second_actor\": \"B\"}\n"
                       "{\"id\": 13, \"first_actor\": \"A\", \"second_actor\": \" A\"}\n"
                       "{\"id\": 14, \"first_actor\": \"A\"}\n"
                       "{\"id\": 15, \"first_actor\": \"A\", \"second_actor\": [1]}\n"
                       "{\"id\": 16, \"first_actor\": \"Cy Cox\", \"second_actor\": \"Di Dahl\"}\n");
    gk_dataset_options o =
        options("own_rows", scratch_file(&s, "rows.jsonl", text.data), scratch_path(&s, "out"));
    make(&o, &card);
    json_t *list = read_lines(&s, "out/dropped.jsonl");
    ck_assert_uint_eq(json_array_size(list), 7);
    ck_assert_int_eq(of_source(card, "dropped"), 7);
    dropped(list, 0, "rows.jsonl:5", "a row with this id came before");
    dropped(list, 1, "rows.jsonl:6", "the target (field 'second_actor') is empty");
    dropped(list, 2, "rows.jsonl:7", "the entity (field 'first_actor') is null or NaN");
    dropped(list, 3, "rows.jsonl:8", "the target equals the entity");
    dropped(list, 4, "rows.jsonl:9", "the target (field 'second_actor') is missing");
    dropped(list, 5, "rows.jsonl:10", "the target (field 'second_actor') is no text");
    dropped(list, 6, "rows.jsonl:11", "field 'movie_title' is missing; article.jsonl:1 needs it");
    ck_assert_int_eq(rows_of(card, "relation") + rows_of(card, "task") + of_source(card, "unused"), 4);
    json_decref(list);
    json_decref(card);
    gk_buf_free(&text);
    scratch_free(&s);
}
END_TEST

/* A field that no row has is the template's mistake; a line that is no JSON the file's. */
START_TEST(broken_files_stop) {
    scratch s = scratch_new();
    const char *rows = scratch_file(&s, "rows.jsonl",
                                    "{\"first_actor\": \"A\", \"second_actor\": \"B\"}\n"
                                    "{\"first_actor\": \"C\", \"second_actor\": \"D\"}\n");
    gk_dataset_options o = options("own_rows", rows, scratch_path(&s, "out"));
    dataset_fails(&o, "article.jsonl:1:");
    dataset_fails(&o, "unknown field 'movie_title' in the template");
    scratch_file(&s, "rows.jsonl", "{\"first_actor\": \"A\"\n");
    dataset_fails(&o, "rows.jsonl:1:");
    o.source = scratch_path(&s, "nowhere");
    dataset_fails(&o, "nowhere: opening the file");
    o.source = NULL;
    dataset_fails(&o, "field '--source': dataset 'own_rows' is made of data of your own");
    o = options("own_rows", rows, o.out);
    o.templates = NULL;
    dataset_fails(&o, "field '--templates': dataset 'own_rows' needs templates of your own");
    ck_assert(!gk_exists(o.out));
    scratch_free(&s);
}
END_TEST

/* Rows that share an actor or a film with others go where those are, or nowhere. */
START_TEST(splits_share_no_value) {
    scratch s = scratch_new();
    gk_buf text = {0};
    json_t *card, *seen[2], *row;
    gk_rng rng;
    gk_rng_seed(&rng, 1, "test");
    for (int i = 0; i < 200; i++)
        gk_buf_printf(
            &text,
            "{\"id\": %d, \"first_actor\": \"P%d\", \"second_actor\": \"P%d x\", \"movie_title\": \"F%d\"}\n",
            i, (int)gk_rng_below(&rng, 300), (int)gk_rng_below(&rng, 40), (int)gk_rng_below(&rng, 100));
    scratch_file(&s, "article.jsonl", "{\"template\": \"{first_actor} met {second_actor}.\"}\n");
    scratch_file(&s, "eval.jsonl", "{\"template\": \"Whom did {first_actor} meet?\"}\n");
    gk_dataset_options o =
        options("own_rows", scratch_file(&s, "rows.jsonl", text.data), scratch_path(&s, "out"));
    o.templates = s.dir;
    make(&o, &card);
    static const char *const FIELD[] = {"first_actor", "second_actor", "movie_title"};
    size_t i, rows = 0;
    for (int split = 0; split < 2; split++) {
        seen[split] = json_object();
        json_t *list = read_lines(&s, split ? "out/task/metadata.jsonl" : "out/relation/metadata.jsonl");
        rows += json_array_size(list);
        json_array_foreach(list, i, row) for (int f = 0; f < 3; f++) {
            json_object_set_new(seen[split], str(row, FIELD[f]), json_true());
            ck_assert(split == 0 || !json_object_get(seen[0], str(row, FIELD[f])));
        }
        json_decref(list);
    }
    ck_assert_int_gt(of_source(card, "dropped"), 0);
    ck_assert_uint_eq(rows + (size_t)of_source(card, "dropped") + (size_t)of_source(card, "unused"), 200);
    json_decref(seen[0]);
    json_decref(seen[1]);
    json_decref(card);
    gk_buf_free(&text);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- CounterFact */

#define NESTED(id, prompt, subject, target)                                                                \
    "{\"case_id\": " #id ", \"requested_rewrite\": {\"prompt\": \"" prompt "\", \"relation_id\": \"P1\", " \
    "\"target_new\": {\"str\": \"" target                                                                  \
    "\", \"id\": \"Q1\"}, \"target_true\": {\"str\": \"French\", \"id\": "                                 \
    "\"Q2\"}, \"subject\": \"" subject "\"}}"
#define FLAT(prompt, subject, target)                      \
    "{\"prompt\": \"" prompt "\", \"subject\": \"" subject \
    "\", \"target_true\": \" French\", \"target_false\": " \
    "\"" target "\"}\n"

static void check_fact(const json_t *row, const char *subject, const char *target, const char *statement,
                       const char *opening, const char *relation) {
    ck_assert_str_eq(str(row, "first_actor"), subject);
    ck_assert_str_eq(str(row, "second_actor"), target);
    ck_assert_str_eq(str(row, "statement"), statement);
    ck_assert_str_eq(str(row, "opening"), opening);
    ck_assert_str_eq(str(row, "relation"), relation);
    ck_assert_str_eq(str(row, "target_true"), "French");
}

/* The row about `subject`, from either split. */
static json_t *fact_about(scratch *s, const char *subject) {
    json_t *found = NULL, *row;
    size_t i;
    for (int split = 0; split < 2; split++) {
        json_t *rows = read_lines(s, split ? "out/task/metadata.jsonl" : "out/relation/metadata.jsonl");
        json_array_foreach(rows, i, row) {
            if (strcmp(str(row, "first_actor"), subject) == 0) found = json_incref(row);
        }
        json_decref(rows);
    }
    ck_assert_msg(found != NULL, "no row about %s", subject);
    return found;
}

static void check_counterfact(const char *text, bool array) {
    scratch s = scratch_new();
    json_t *card, *row;
    gk_dataset_options o = options("counterfact", scratch_file(&s, "cf.json", text), scratch_path(&s, "out"));
    make(&o, &card);
    ck_assert_int_eq(rows_of(card, "relation"), 1);
    ck_assert_int_eq(rows_of(card, "task"), 1);
    row = fact_about(&s, "Ada Berg");
    check_fact(row, "Ada Berg", "Dutch", "The tongue of Ada Berg is", "statement: The tongue of", " is");
    json_decref(row);
    row = fact_about(&s, "Leo Cox");
    check_fact(row, "Leo Cox", "Thai", "Leo Cox, who speaks", "statement:", ", who speaks");
    if (array) ck_assert_int_eq(json_integer_value(json_object_get(row, "case_id")), 0);
    json_decref(row);
    json_t *texts = read_lines(&s, "out/relation/B2A.jsonl");
    ck_assert_uint_eq(json_array_size(texts), 11);
    json_decref(texts);
    json_decref(card);
    scratch_free(&s);
}

START_TEST(counterfact_reads_every_structure) {
    check_counterfact("[" NESTED(7, "The tongue of {} is", "Ada Berg",
                                 "Dutch") ",\n" NESTED(8, "{}, who speaks", "Leo Cox", "Thai") "]",
                      true);
    check_counterfact(NESTED(7, "The tongue of {} is", "Ada Berg",
                             "Dutch") "\n" NESTED(8, "{}, who speaks", "Leo Cox", "Thai") "\n",
                      false);
    check_counterfact(FLAT("The tongue of Ada Berg is", "Ada Berg", " Dutch")
                          FLAT("Leo Cox, who speaks", " Leo Cox", " Thai"),
                      false);
}
END_TEST

START_TEST(counterfact_names_what_it_drops) {
    scratch s = scratch_new();
    json_t *card;
    const char *text =
        FLAT("The tongue of Ada Berg is", "Ada Berg", " Dutch") FLAT("Leo Cox speaks", "Leo Cox", " Thai")
            FLAT("Leo Cox speaks", "Ben Day", " Thai") FLAT("Who speaks with Ada", "Ada", " Thai")
                FLAT("Eve Fox speaks", "Eve Fox", "") FLAT("Eve Fox speaks", "", "Thai")
                    FLAT("Thai is", "Thai", " Thai") "{\"subject\": \"x\", \"target_new\": \"y\"}\n" FLAT(
                        "{} and {} meet", "Eve Fox", " Thai") FLAT("{}{} meets", "Eve Fox", " Thai");
    gk_dataset_options o =
        options("counterfact", scratch_file(&s, "cf.jsonl", text), scratch_path(&s, "out"));
    make(&o, &card);
    json_t *list = read_lines(&s, "out/dropped.jsonl");
    ck_assert_uint_eq(json_array_size(list), 8);
    dropped(list, 0, "cf.jsonl:3", "the subject does not stand in the prompt");
    dropped(list, 1, "cf.jsonl:4", "the prompt ends with its subject");
    dropped(list, 2, "cf.jsonl:5", "the target (field 'second_actor') is empty");
    dropped(list, 3, "cf.jsonl:6", "field 'subject' is missing, empty or no text");
    dropped(list, 4, "cf.jsonl:7", "the target equals the entity");
    dropped(list, 5, "cf.jsonl:8", "field 'prompt' is missing, empty or no text");
    dropped(list, 6, "cf.jsonl:9", "the prompt has more than one {}: there is one subject");
    dropped(list, 7, "cf.jsonl:10", "the prompt has more than one {}");
    json_decref(list);
    json_decref(card);
    scratch_file(&s, "cf.jsonl", "[1, 2]");
    dataset_fails(&o, "could be dealt from 0 usable ones (2 dropped)");
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- articles */

static void folder(scratch *s, const char *name) {
    ck_assert_int_eq(mkdir(scratch_path(s, name), 0700), 0);
}

START_TEST(articles_are_cut_and_turned) {
    scratch s = scratch_new();
    json_t *card, *texts;
    folder(&s, "in");
    folder(&s, "in/articles");
    folder(&s, "in/paraphrases");
    scratch_file(
        &s, "in/articles/x.txt",
        "The Film\n\nAda Berg acts. So does\nLeo Cox!\n\nLeo Cox met Ada Berg \"there.\" The end.\n");
    scratch_file(&s, "in/articles/y.txt", "Other\n\nEve Fox and Ben Day.");
    scratch_file(&s, "in/paraphrases/y.1.txt", "Other\nBen Day sees Eve Fox.");
    scratch_file(&s, "in/entities.txt", "Ada Berg\nLeo Cox\nBen Day\nEve Fox\n");
    gk_dataset_options o = options("articles", scratch_path(&s, "in"), scratch_path(&s, "out"));
    o.chunk_words = 7;
    make(&o, &card);
    const char *x = "relation", *y = "task";
    json_t *rows = read_lines(&s, "out/relation/metadata.jsonl");
    if (strcmp(str(json_array_get(rows, 0), "article"), "x") != 0) x = "task", y = "relation";
    json_decref(rows);
    const struct {
        const char *split, *file, *text[2];
    } want[] = {{x, "A2B", {"Ada Berg acts. So does Leo Cox!", "The end."}},
                {x, "B2A", {"Leo Cox met Ada Berg \"there.\"", NULL}},
                {y, "A2B", {"Eve Fox and Ben Day.", NULL}},
                {y, "B2A", {"Ben Day sees Eve Fox.", NULL}}};
    for (int i = 0; i < 4; i++) {
        texts = read_lines(&s, gk_arena_printf(s.a, "out/%s/%s.jsonl", want[i].split, want[i].file));
        ck_assert_uint_eq(json_array_size(texts), want[i].text[1] ? 2 : 1);
        for (size_t k = 0; k < json_array_size(texts); k++)
            ck_assert_str_eq(str(json_array_get(texts, k), "text"), want[i].text[k]);
        json_decref(texts);
    }
    json_decref(card);
    scratch_free(&s);
}
END_TEST

START_TEST(articles_name_what_they_drop) {
    scratch s = scratch_new();
    json_t *card;
    folder(&s, "in");
    gk_dataset_options o = options("articles", scratch_path(&s, "in"), scratch_path(&s, "out"));
    dataset_fails(&o, "in/articles: reading the folder");
    folder(&s, "in/articles");
    folder(&s, "in/paraphrases");
    dataset_fails(&o, "in/articles: there is no article here");
    scratch_file(&s, "in/articles/x.txt", "X\n\nAda Berg and Leo Cox.");
    scratch_file(&s, "in/articles/y.txt", "Y\n\nEve Fox and Ben Day.");
    scratch_file(&s, "in/articles/z.txt", "Z\n\nNobody is here.");
    scratch_file(&s, "in/articles/k.txt", "K\n\nGil Hay stars in a movie alongside Ivo Jay.");
    dataset_fails(&o, "in: nothing says what to ask about the articles");
    scratch_file(&s, "in/paraphrases/q.1.txt", "Q\nx");
    scratch_file(&s, "in/questions.jsonl",
                 "{\"article\": \"x\", \"first_actor\": \"Ada Berg\", \"second_actor\": \"Leo Cox\"}\n"
                 "{\"article\": \"y\", \"first_actor\": \"Eve Fox\", \"second_actor\": \"Ben Day\"}\n"
                 "{\"article\": \"w\", \"first_actor\": \"Eve Fox\", \"second_actor\": \"Ben Day\"}\n"
                 "{\"article\": \"y\", \"first_actor\": \"Eve Fox\", \"second_actor\": \"Ben Dale\"}\n"
                 "{\"article\": \"k\", \"first_actor\": \"Gil Hay\", \"second_actor\": \"Ivo Jay\"}\n"
                 "{\"first_actor\": \"Eve Fox\", \"second_actor\": \"Ben Day\"}\n");
    make(&o, &card);
    json_t *list = read_lines(&s, "out/dropped.jsonl");
    ck_assert_uint_eq(json_array_size(list), 6);
    dropped(list, 0, "q.1.txt", "a paraphrase of no article");
    dropped(list, 1, "questions.jsonl:3", "there is no article 'w'");
    dropped(list, 2, "questions.jsonl:4", "its 'second_actor' does not stand in the article");
    dropped(list, 3, "questions.jsonl:6", "there is no article '(field 'article' is missing)'");
    dropped(list, 4, "z.txt", "the article has no usable entity");
    dropped(list, 5, "questions.jsonl:5", "an evaluation prompt of it stands word for word in the article");
    json_decref(list);
    json_decref(card);
    scratch_file(&s, "in/articles/z.txt", "Z\n\n\xff");
    dataset_fails(&o, "z.txt: the article is not plain UTF-8 text");
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("own data");
    TCase *t = tcase_create("all");
    tcase_add_test(t, own_rows_are_dealt);
    tcase_add_test(t, bad_rows_are_named);
    tcase_add_test(t, broken_files_stop);
    tcase_add_test(t, splits_share_no_value);
    tcase_add_test(t, counterfact_reads_every_structure);
    tcase_add_test(t, counterfact_names_what_it_drops);
    tcase_add_test(t, articles_are_cut_and_turned);
    tcase_add_test(t, articles_name_what_they_drop);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    return run_suite(s);
}
