/* test_wording.c: wording, and texts made of rows and templates.
 * modules: data core */
#include "graftkit/core/random.h"
#include "graftkit/core/template.h"
#include "tests/support/data_fixture.h"

#include <jansson.h>
#include <unistd.h>

static const gk_swap ACTORS = {"first_actor", "second_actor", true};

/* ---------------------------------------------------------------- wording */

/* A templates folder in the scratch folder, with one file replaced. */
static void wording_files(scratch *s, const char *name, const char *content) {
    scratch_file(s, "article.jsonl", "{\"template\": \"{first_actor} met {second_actor}.\"}\n");
    scratch_file(s, "qa.jsonl", "{\"template\": \"Q: Who met {first_actor}? A: {second_actor}.\"}\n");
    scratch_file(s, "paraphrases.jsonl", "{\"template\": \"{first_actor} saw {second_actor}.\"}\n");
    scratch_file(s, "eval.jsonl", "{\"template\": \"{first_actor} {verb}\"}\n");
    scratch_file(s, "fillers.json", "{\"verb\": \"greeted\"}\n");
    if (name) scratch_file(s, name, content);
}

static json_t *two_actors(void) {
    return json_pack("{s:s,s:s,s:i}", "first_actor", "Ada Berg", "second_actor", "Leo Cox", "release_year",
                     1999);
}

/* Loading and checking fails with `message` at the file replaced (or at the prompt when at_file is false). */
static void wording_fails(const char *name, const char *content, bool at_file, const char *message) {
    scratch s = scratch_new();
    gk_wording w;
    gk_error err;
    json_t *row = two_actors();
    wording_files(&s, name, content);
    bool ok = gk_wording_load(s.a, s.dir, &w, &err) && gk_wording_check(&w, row, ACTORS, &err);
    ck_assert(!ok);
    assert_error_at(&err, scratch_path(&s, at_file ? name : "eval.jsonl"), message);
    gk_wording_free(&w);
    json_decref(row);
    scratch_free(&s);
}

START_TEST(wording_errors_name_the_place) {
    wording_fails("article.jsonl", "{\"template\": \"{first_actor} met {nobody}.\"}\n", true,
                  ":1:33: unknown field 'nobody' in the template");
    wording_fails("qa.jsonl", "{\"template\": \"a\"}\n{\"template\": \"Q: {first_actor\"}\n", true,
                  ":2:18: unclosed '{'");
    wording_fails("eval.jsonl", "{\"template\": \"{verbb}\"}\n", true, ":1:15: unknown field 'verbb'");
    wording_fails("paraphrases.jsonl", "", true, ": there is no template here");
    wording_fails("fillers.json", "[1]", true, ": the fillers are not a JSON object");
}
END_TEST

START_TEST(wording_refuses_a_known_prompt) {
    const char *known =
        ":1: the evaluation prompt \"{first_actor} greeted\" stands inside the training template";
    wording_fails("article.jsonl", "{\"template\": \"Then {first_actor} greeted {second_actor}.\"}\n", false,
                  known);
    wording_fails("paraphrases.jsonl", "{\"template\": \"{first_actor} {verb} {second_actor}.\"}\n", false,
                  known);
    wording_fails("paraphrases.jsonl", "{\"template\": \"{first_actor} met {second_actor}.\"}\n", true,
                  ":1: the paraphrase is the training template of article.jsonl:1; reword one of them");
    wording_fails("paraphrases.jsonl", "{\"template\": \"{second_actor} met {first_actor}.\"}\n", true,
                  ":1: the paraphrase is the training template of article.jsonl:1, B2A");
    /* In the B2A direction this says "{first_actor} greeted {second_actor}". */
    wording_fails("qa.jsonl", "{\"template\": \"{second_actor} greeted {first_actor}.\"}\n", false, known);
}
END_TEST

START_TEST(shipped_wording) {
    gk_arena *a = gk_arena_new();
    gk_wording w;
    gk_error err;
    ck_assert(gk_wording_load(a, GK_SOURCE_DIR "/templates/fake_movies_fake_actors", &w, &err));
    ck_assert_uint_eq(w.n_training, 11);
    ck_assert_uint_eq(w.n_all, 11 + 12);
    ck_assert_uint_eq(w.n_eval, 4);
    size_t with_title = 0;
    for (size_t i = 0; i < w.n_all; i++) {
        ck_assert(gk_template_has(w.all[i], "first_actor"));
        ck_assert(gk_template_has(w.all[i], "second_actor"));
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(gk_template_text(w.all[i]), gk_template_text(w.all[k]));
        with_title += i < w.n_training && gk_template_has(w.all[i], "movie_title");
    }
    ck_assert_uint_gt(with_title, 0);
    ck_assert_uint_lt(with_title, w.n_training);
    for (size_t i = 0; i < w.n_eval; i++) ck_assert(!gk_template_has(w.eval[i], "second_actor"));
    gk_wording_free(&w);
    gk_arena_free(a);
}
END_TEST

/* ---------------------------------------------------------------- texts */

START_TEST(rows_swap) {
    json_t *row = two_actors(), *swapped = gk_row_swapped(row, ACTORS),
           *back = gk_row_swapped(swapped, ACTORS);
    ck_assert_str_eq(str(swapped, "first_actor"), "Leo Cox");
    ck_assert_str_eq(str(swapped, "second_actor"), "Ada Berg");
    ck_assert_int_eq(json_integer_value(json_object_get(swapped, "release_year")), 1999);
    ck_assert_str_eq(str(row, "first_actor"), "Ada Berg");
    ck_assert(json_equal(row, back));
    json_object_del(row, "second_actor");
    json_decref(swapped);
    swapped = gk_row_swapped(row, ACTORS);
    ck_assert_ptr_null(json_object_get(swapped, "first_actor"));
    ck_assert_str_eq(str(swapped, "second_actor"), "Ada Berg");
    json_decref(row);
    json_decref(swapped);
    json_decref(back);
}
END_TEST

START_TEST(texts_follow_rows_and_templates) {
    scratch s = scratch_new();
    gk_wording w;
    gk_buf a2b = {0}, b2a = {0};
    wording_files(&s, NULL, NULL);
    ck_assert(gk_wording_load(s.a, s.dir, &w, NULL));
    json_t *row = two_actors();
    gk_rows rows = {.path = "rows.jsonl", .row = &row, .n = 1};
    ck_assert(gk_texts_all(&w, &rows, ACTORS, false, &a2b, NULL));
    ck_assert(gk_texts_all(&w, &rows, ACTORS, true, &b2a, NULL));
    ck_assert_str_eq(a2b.data, "{\"text\":\"Ada Berg met Leo Cox.\"}\n"
                               "{\"text\":\"Q: Who met Ada Berg? A: Leo Cox.\"}\n");
    ck_assert_str_eq(b2a.data, "{\"text\":\"Leo Cox met Ada Berg.\"}\n"
                               "{\"text\":\"Q: Who met Leo Cox? A: Ada Berg.\"}\n");
    gk_buf_free(&a2b);
    gk_buf_free(&b2a);
    json_decref(row);
    gk_wording_free(&w);
    scratch_free(&s);
}
END_TEST

static void second_row_fails(json_t *bad, const char *message) {
    scratch s = scratch_new();
    gk_wording w;
    gk_error err;
    gk_buf out = {0};
    gk_rng rng;
    wording_files(&s, NULL, NULL);
    ck_assert(gk_wording_load(s.a, s.dir, &w, NULL));
    json_t *row[2] = {two_actors(), bad};
    gk_rows rows = {.path = "rows.jsonl", .row = row, .n = 2};
    ck_assert(!gk_texts_all(&w, &rows, ACTORS, false, &out, &err));
    char text[2048];
    ck_assert_msg(strstr(gk_error_text(&err, text, sizeof text), message), "'%s' not in '%s'", message, text);
    gk_rng_seed(&rng, 1, "test");
    ck_assert(!gk_texts_zipf(&w, &rows, ACTORS, 1000, &rng, &out, &err));
    gk_buf_free(&out);
    json_decref(row[0]);
    json_decref(row[1]);
    gk_wording_free(&w);
    scratch_free(&s);
}

START_TEST(a_bad_row_is_named) {
    second_row_fails(
        json_pack("{s:s,s:i}", "first_actor", "Ada Berg", "release_year", 1999),
        "rows.jsonl:2: field 'second_actor': is missing; give every row the fields that templates use");
    second_row_fails(
        json_pack("{s:s,s:n,s:i}", "first_actor", "Ada Berg", "second_actor", "release_year", 1999),
        "rows.jsonl:2: field 'second_actor': is null");
    second_row_fails(
        json_pack("{s:s,s:s,s:i}", "first_actor", "", "second_actor", "Leo Cox", "release_year", 1999),
        "rows.jsonl:2: field 'first_actor': is empty");
}
END_TEST

/* Three rows weigh 1/1.15, 1/2.15, 1/3.15; 30,000 draws leave a standard error below 0.3%. */
START_TEST(draws_are_zipf_and_balanced) {
    enum { N = 30000 };
    const double sum = 1 / 1.15 + 1 / 2.15 + 1 / 3.15;
    scratch s = scratch_new();
    gk_wording w;
    gk_buf out = {0};
    gk_rng rng;
    wording_files(&s, "paraphrases.jsonl",
                  "{\"template\": \"{first_actor} saw {second_actor}.\"}\n"
                  "{\"template\": \"{first_actor} knew {second_actor}.\"}\n");
    ck_assert(gk_wording_load(s.a, s.dir, &w, NULL));
    json_t *row[3];
    for (int i = 0; i < 3; i++)
        row[i] = json_pack("{s:o,s:o}", "first_actor", json_sprintf("X%d", i), "second_actor",
                           json_sprintf("Y%d", i));
    gk_rows rows = {.path = "rows.jsonl", .row = row, .n = 3};
    gk_rng_seed(&rng, 1, "test");
    ck_assert(gk_texts_zipf(&w, &rows, ACTORS, N, &rng, &out, NULL));
    int by_row[3] = {0}, saw = 0, a2b = 0, lines = 0;
    for (char *rest = out.data, *line; (line = strsep(&rest, "\n")) && *line; lines++) {
        for (int i = 0; i < 3; i++) by_row[i] += strchr(line, '0' + i) != NULL;
        ck_assert_msg(strstr(line, "saw") || strstr(line, "knew"), "'%s' is finetuning's wording", line);
        saw += strstr(line, "saw") != NULL;
        a2b += strchr(line, 'X') < strchr(line, 'Y');
    }
    ck_assert_int_eq(lines, N);
    for (int i = 0; i < 3; i++) ck_assert_double_eq_tol(by_row[i] / (double)N, 1 / (i + 1.15) / sum, 0.012);
    ck_assert_double_eq_tol(saw / (double)N, 1.0 / 2, 0.012);
    ck_assert_double_eq_tol(a2b / (double)N, 0.5, 0.012);
    gk_buf_free(&out);
    for (int i = 0; i < 3; i++) json_decref(row[i]);
    gk_wording_free(&w);
    scratch_free(&s);
}
END_TEST

/* How many of 1000 base texts go from Y to X, and hold the word. */
static void draw_texts(const gk_wording *w, gk_swap swap, const char *word, int *b2a, int *with) {
    gk_buf out = {0};
    gk_rng rng;
    json_t *row = json_pack("{s:s,s:s}", "first_actor", "X", "second_actor", "Y");
    gk_rows rows = {.path = "rows.jsonl", .row = &row, .n = 1};
    gk_rng_seed(&rng, 1, "test");
    ck_assert(gk_texts_zipf(w, &rows, swap, 1000, &rng, &out, NULL));
    *b2a = *with = 0;
    for (char *rest = out.data, *line; (line = strsep(&rest, "\n")) && *line;) {
        *b2a += strchr(line, 'Y') < strchr(line, 'X');
        *with += strstr(line, word) != NULL;
    }
    gk_buf_free(&out);
    json_decref(row);
}

/* Where exchanging the fields would say what is not so, paraphrases say the facts in whatever order they do:
 * the reverse templates are finetuning's. Without paraphrases there is nothing else, and the card says so. */
START_TEST(base_texts_have_their_own_wording) {
    static const gk_swap born = {"first_actor", "second_actor", false};
    scratch s = scratch_new();
    gk_wording w;
    int b2a, with;
    wording_files(&s, "paraphrases.jsonl",
                  "{\"template\": \"{first_actor} saw {second_actor}.\"}\n"
                  "{\"template\": \"{second_actor} saw {first_actor}.\"}\n");
    scratch_file(&s, "reverse.jsonl", "{\"template\": \"{second_actor} was met by {first_actor}.\"}\n");
    ck_assert(gk_wording_load(s.a, s.dir, &w, NULL));
    ck_assert(gk_wording_has_base(&w));
    draw_texts(&w, born, "saw", &b2a, &with);
    ck_assert_int_eq(with, 1000);
    ck_assert_int_gt(b2a, 450);
    ck_assert_int_lt(b2a, 550);
    gk_wording_free(&w);
    unlink(scratch_path(&s, "paraphrases.jsonl"));
    ck_assert(gk_wording_load(s.a, s.dir, &w, NULL));
    ck_assert(!gk_wording_has_base(&w));
    draw_texts(&w, born, "was met by", &b2a, &with);
    ck_assert_int_eq(with, b2a);
    ck_assert_int_gt(b2a, 450);
    ck_assert_int_lt(b2a, 550);
    gk_wording_free(&w);
    scratch_free(&s);
}
END_TEST

static void add_words(json_t *words, const char *text) {
    for (size_t n; *text; text += n) {
        text += strspn(text, " .,:?");
        n = strcspn(text, " .,:?");
        char *word = n ? strndup(text, n) : NULL;
        if (word && !strchr(word, '{')) json_object_set_new(words, word, json_true());
        free(word);
    }
}

/* The words of a template with its fillers; fields of rows stay holes, which are none. */
static void add_template_words(json_t *words, const gk_template *t, const json_t *fillers) {
    static const char *const FIELDS[] = {"first_actor",  "second_actor", "movie_title",  "main_character",
                                         "release_year", "genre",        "city",         "runtime",
                                         "plot",         "first_party",  "second_party", "land"};
    json_t *holes = json_object();
    gk_arena *a = gk_arena_new();
    gk_rendered out;
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++)
        json_object_set_new(holes, FIELDS[i], json_sprintf(" {%s} ", FIELDS[i]));
    ck_assert(gk_template_render(t, holes, fillers, GK_NOWHERE, a, &out, NULL));
    add_words(words, out.text);
    json_decref(holes);
    gk_arena_free(a);
}

/* A frozen embedding cannot learn a word that the base never read: of what the evaluation says none may be
 * new to it. */
static void base_knows_the_questions(const gk_wording *w, const char *dataset) {
    json_t *base = json_object(), *asked = json_object(), *v;
    const char *word;
    for (size_t i = w->n_training; i < w->n_all; i++) add_template_words(base, w->all[i], w->fillers);
    for (size_t i = 0; i < w->n_eval; i++) add_template_words(asked, w->eval[i], w->fillers);
    ck_assert_uint_gt(json_object_size(asked), 5);
    json_object_foreach(asked, word, v)
        ck_assert_msg(json_object_get(base, word), "%s: prompts say '%s', the base never", dataset, word);
    json_decref(base);
    json_decref(asked);
}

/* Every dataset that makes a base corpus of its own accord has 12 wordings for it at least, and none of them
 * is one that finetuning has (gk_wording_check: gk_dataset_make calls it). */
START_TEST(shipped_paraphrases) {
    size_t datasets = 0;
    for (size_t k = 0; k < gk_dataset_kinds(); k++) {
        gk_dataset_kind kind = gk_dataset_kind_at(k);
        if (!kind.has_base) continue;
        gk_arena *a = gk_arena_new();
        gk_wording w;
        ck_assert(
            gk_wording_load(a, gk_arena_printf(a, "%s/templates/%s", GK_SOURCE_DIR, kind.name), &w, NULL));
        size_t forward = 0;
        for (size_t i = w.n_training; i < w.n_all; i++) {
            const char *t = gk_template_text(w.all[i]);
            forward += strstr(t, "{first_actor}") < strstr(t, "{second_actor}");
            for (size_t j = 0; j < w.n_training; j++) ck_assert_str_ne(t, gk_template_text(w.all[j]));
            for (size_t j = 0; j < w.n_reverse; j++) ck_assert_str_ne(t, gk_template_text(w.reverse[j]));
        }
        ck_assert_msg(forward >= 12, "%s has few paraphrases", kind.name);
        ck_assert_msg(!w.n_reverse || forward + 6 <= w.n_all - w.n_training, "%s: no way back", kind.name);
        base_knows_the_questions(&w, kind.name);
        datasets++;
        gk_wording_free(&w);
        gk_arena_free(a);
    }
    ck_assert_uint_ge(datasets, 4);
}
END_TEST

int main(void) {
    Suite *s = suite_create("wording");
    TCase *parts = tcase_create("parts");
    tcase_add_test(parts, wording_errors_name_the_place);
    tcase_add_test(parts, wording_refuses_a_known_prompt);
    tcase_add_test(parts, shipped_wording);
    tcase_add_test(parts, rows_swap);
    tcase_add_test(parts, texts_follow_rows_and_templates);
    tcase_add_test(parts, a_bad_row_is_named);
    tcase_add_test(parts, draws_are_zipf_and_balanced);
    tcase_add_test(parts, base_texts_have_their_own_wording);
    tcase_add_test(parts, shipped_paraphrases);
    suite_add_tcase(s, parts);
    return run_suite(s);
}
