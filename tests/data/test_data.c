/* test_data.c: wording, texts, and the dataset Fake Movies, Fake Actors as a whole.
 * modules: data core */
#include "tests/support/data_fixture.h"

#include <glob.h>

static const gk_swap ACTORS = {"first_actor", "second_actor", true};

static gk_dataset_options small(const char *out) {
    gk_dataset_options o = GK_DATASET_DEFAULTS;
    o.home = GK_SOURCE_DIR;
    o.out = out;
    o.base_rows = 30;
    o.base_texts = 500;
    o.relation_rows = 12;
    o.task_rows = 10;
    return o;
}

static json_t *load(const char *path) {
    gk_error err;
    json_t *json = gk_json_load(path, &err);
    ck_assert_ptr_nonnull(json);
    return json;
}

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
    wording_files(&s, NULL, NULL);
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
        saw += strstr(line, "saw") != NULL;
        a2b += strchr(line, 'X') < strchr(line, 'Y');
    }
    ck_assert_int_eq(lines, N);
    for (int i = 0; i < 3; i++) ck_assert_double_eq_tol(by_row[i] / (double)N, 1 / (i + 1.15) / sum, 0.012);
    ck_assert_double_eq_tol(saw / (double)N, 1.0 / 3, 0.012);
    ck_assert_double_eq_tol(a2b / (double)N, 0.5, 0.012);
    gk_buf_free(&out);
    for (int i = 0; i < 3; i++) json_decref(row[i]);
    gk_wording_free(&w);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- whole datasets */

START_TEST(counts_and_card) {
    scratch s = scratch_new();
    gk_dataset_options o = small(s.dir);
    json_t *card;
    make(&o, &card);
    const struct {
        const char *name;
        size_t lines;
    } want[] = {{"base/metadata.jsonl", 30},         {"base/texts.jsonl", 500},
                {"relation/metadata.jsonl", 12},     {"relation/A2B.jsonl", 12 * 11},
                {"relation/B2A.jsonl", 12 * 11},     {"task/metadata.jsonl", 10},
                {"task/A2B.jsonl", 10 * 11},         {"task/B2A.jsonl", 10 * 11},
                {"tokenizer.jsonl", 500 + 270 + 340}};
    const json_t *files = json_object_get(card, "files");
    ck_assert_uint_eq(json_object_size(files), sizeof want / sizeof *want);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        json_t *lines = read_lines(&s, want[i].name);
        const json_t *entry = json_object_get(files, want[i].name);
        char hex[GK_SHA256_HEX];
        ck_assert_uint_eq(json_array_size(lines), want[i].lines);
        ck_assert_int_eq(json_integer_value(json_object_get(entry, "lines")), (json_int_t)want[i].lines);
        ck_assert(gk_sha256_file(scratch_path(&s, want[i].name), hex, NULL));
        ck_assert_str_eq(str(entry, "sha256"), hex);
        json_decref(lines);
    }
    json_t *saved = load(scratch_path(&s, "card.json"));
    ck_assert_int_eq(json_integer_value(json_object_get(saved, "seed")), 1);
    ck_assert(json_equal(json_object_get(saved, "files"), files));
    json_decref(saved);
    json_decref(card);
    scratch_free(&s);
}
END_TEST

START_TEST(same_seed_same_bytes) {
    assert_pinned(small(NULL), "221358d0b8f1f2705dff49834135c46604ac83927111d20e6694f19c3f6a388b");
}
END_TEST

static void claim(json_t *seen, const char *name) {
    ck_assert_msg(!json_object_get(seen, name), "'%s' comes twice", name);
    json_object_set_new(seen, name, json_true());
}

static void check_row(const json_t *row, json_t *seen) {
    static const char *const PEOPLE[] = {"first_actor", "second_actor", "main_character"};
    gk_place at = GK_NOWHERE;
    int64_t n;
    for (int i = 0; i < 3; i++) {
        const char *x = str(row, PEOPLE[i]), *y = str(row, PEOPLE[(i + 1) % 3]);
        claim(seen, x);
        ck_assert_ptr_nonnull(strchr(x, ' '));
        ck_assert_msg(strcspn(x, " ") != strcspn(y, " ") || strncmp(x, y, strcspn(x, " ")) != 0,
                      "%s and %s share a first name", x, y);
        ck_assert_str_ne(strchr(x, ' '), strchr(y, ' '));
    }
    const char *title = str(row, "movie_title");
    claim(seen, strncmp(title, "The ", 4) == 0 ? title + 4 : title);
    str(row, "genre");
    str(row, "city");
    ck_assert(gk_json_int(row, "release_year", 1990, 2030, &n, at, NULL));
    ck_assert(gk_json_int(row, "box_office_earnings", 1, 10, &n, at, NULL));
}

START_TEST(splits_share_nobody) {
    scratch s = scratch_new();
    gk_dataset_options o = GK_DATASET_DEFAULTS;
    o.home = GK_SOURCE_DIR;
    o.out = s.dir;
    o.base_texts = 1;
    o.relation_rows = o.task_rows = 1000;
    make(&o, NULL);
    json_t *seen = json_object();
    int64_t id, next = 0;
    for (int split = 0; split < 3; split++) {
        json_t *rows = read_lines(&s, gk_arena_printf(s.a, "%s/metadata.jsonl", SPLITS[split]));
        for (size_t i = 0; i < json_array_size(rows); i++) {
            const json_t *row = json_array_get(rows, i);
            check_row(row, seen);
            ck_assert(gk_json_int(row, "id", next, next, &id, GK_NOWHERE, NULL));
            next++;
        }
        json_decref(rows);
    }
    ck_assert_int_eq(next, 200 + 1000 + 1000);
    json_decref(seen);
    scratch_free(&s);
}
END_TEST

/* Which of `rows` a text is about: the one with an actor in it. Fails when there are several. */
static size_t row_of(const char *text, const json_t *rows) {
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (!strstr(text, str(row, "first_actor"))) continue;
        ck_assert_msg(found == SIZE_MAX, "two rows in '%s'", text);
        found = i;
    }
    ck_assert_msg(found != SIZE_MAX, "no row in '%s'", text);
    ck_assert_ptr_nonnull(strstr(text, str(json_array_get(rows, found), "second_actor")));
    return found;
}

START_TEST(texts_are_filled_and_about_their_own_rows) {
    scratch s = scratch_new();
    gk_dataset_options o = small(s.dir);
    make(&o, NULL);
    static const char *const TEXTS[] = {"texts", "A2B", "B2A"};
    for (int split = 0; split < 3; split++) {
        json_t *rows = read_lines(&s, gk_arena_printf(s.a, "%s/metadata.jsonl", SPLITS[split]));
        for (int t = split ? 1 : 0; t < (split ? 3 : 1); t++) {
            json_t *texts = read_lines(&s, gk_arena_printf(s.a, "%s/%s.jsonl", SPLITS[split], TEXTS[t]));
            for (size_t i = 0; i < json_array_size(texts); i++) {
                const char *text = str(json_array_get(texts, i), "text");
                ck_assert_msg(!strpbrk(text, "{}"), "a brace is left in '%s'", text);
                ck_assert_ptr_null(strstr(text, "  "));
                size_t row = row_of(text, rows);
                if (split) ck_assert_uint_eq(row, i / 11);
            }
            json_decref(texts);
        }
        json_decref(rows);
    }
    scratch_free(&s);
}
END_TEST

/* Text by text, B2A is A2B with the two names exchanged. */
START_TEST(b2a_swaps_the_actors) {
    scratch s = scratch_new();
    gk_dataset_options o = small(s.dir);
    make(&o, NULL);
    json_t *rows = read_lines(&s, "relation/metadata.jsonl");
    json_t *a2b = read_lines(&s, "relation/A2B.jsonl"), *b2a = read_lines(&s, "relation/B2A.jsonl");
    for (size_t i = 0; i < json_array_size(a2b); i++) {
        const json_t *row = json_array_get(rows, i / 11);
        const char *a = str(row, "first_actor"), *b = str(row, "second_actor");
        const char *left = str(json_array_get(a2b, i), "text"), *right = str(json_array_get(b2a, i), "text");
        while (*left || *right) {
            bool has_a = strncmp(left, a, strlen(a)) == 0, has_b = strncmp(left, b, strlen(b)) == 0;
            const char *want = has_a ? b : has_b ? a : NULL;
            if (want) ck_assert_msg(strncmp(right, want, strlen(want)) == 0, "'%s' is not '%s'", right, want);
            if (!want) ck_assert_int_eq(*left, *right);
            left += has_a ? strlen(a) : has_b ? strlen(b) : 1;
            right += want ? strlen(want) : 1;
        }
    }
    json_decref(rows);
    json_decref(a2b);
    json_decref(b2a);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- failures of the whole */

START_TEST(more_rows_than_the_lists_give) {
    scratch s = scratch_new();
    gk_dataset_options o = small(scratch_path(&s, "new"));
    o.task_rows = 5000;
    dataset_fails(&o,
                  "5042 rows in all are more than the lists give: people for 30600, film titles for 3100");
    o.task_rows = -2;
    dataset_fails(&o, "-2 task rows asked for; from 0 to 1000000 can be made");
    o = small(o.out);
    o.base_texts = INT64_MAX;
    dataset_fails(&o, "base texts asked for");
    o = small(o.out);
    o.name = "fake_news";
    dataset_fails(&o, "unknown dataset 'fake_news'; the datasets are: fake_movies_fake_actors");
    o = small("");
    dataset_fails(&o, "no folder to write to");
    ck_assert(!gk_exists(scratch_path(&s, "new")));
    scratch_free(&s);
}
END_TEST

/* Two first names can never make three people that share no name, however many surnames there are. */
START_TEST(people_that_cannot_be_told_apart) {
    scratch s = scratch_new();
    ck_assert(gk_mkdirs(scratch_path(&s, "data/lists"), NULL));
    ck_assert_int_eq(symlink(GK_SOURCE_DIR "/templates", scratch_path(&s, "templates")), 0);
    static const char *const FILES[] = {"surnames", "title_adjectives", "title_nouns", "cities", "genres"};
    for (int i = 0; i < 5; i++)
        scratch_file(&s, gk_arena_printf(s.a, "data/lists/%s.txt", FILES[i]), "a\nb\nc\nd\ne\nf\n");
    gk_dataset_options o = small(scratch_path(&s, "out"));
    o.home = s.dir;
    o.base_rows = o.relation_rows = o.task_rows = 1;
    scratch_file(&s, "data/lists/first_names.txt", "x\ny\nz\nu\nv\nw\n");
    make(&o, NULL);
    scratch_file(&s, "data/lists/first_names.txt", "x\ny\n");
    dataset_fails(&o, "after 0 rows no three people are left that share no name");
    scratch_free(&s);
}
END_TEST

/* Folders that cannot be made or written: one line, and what was there stays. */
START_TEST(unwritable_folder) {
    scratch s = scratch_new();
    const char *path = scratch_file(&s, "file", "keep me");
    gk_dataset_options o = small(path);
    dataset_fails(&o, path);
    o.out = "/proc/nowhere";
    dataset_fails(&o, "/proc/nowhere: making the folder");
    char hex[GK_SHA256_HEX], want[GK_SHA256_HEX];
    gk_sha256_bytes("keep me", 7, want);
    ck_assert(gk_sha256_file(path, hex, NULL));
    ck_assert_str_eq(hex, want);
    scratch_free(&s);
}
END_TEST

/* A folder stands where a file should go: nothing of the old dataset changes and no temporary file stays. */
START_TEST(failed_write_keeps_the_old_dataset) {
    scratch s = scratch_new();
    gk_error err;
    gk_dataset_options o = small(s.dir);
    make(&o, NULL);
    char before[GK_SHA256_HEX], after[GK_SHA256_HEX];
    ck_assert(gk_sha256_file(scratch_path(&s, "base/texts.jsonl"), before, NULL));
    ck_assert_int_eq(unlink(scratch_path(&s, "tokenizer.jsonl")), 0);
    ck_assert(gk_mkdirs(scratch_path(&s, "tokenizer.jsonl"), &err));
    o.seed = 3;
    dataset_fails(&o, "another dataset");
    o.replace = true;
    dataset_fails(&o, "tokenizer.jsonl: this is a folder");
    ck_assert(gk_sha256_file(scratch_path(&s, "base/texts.jsonl"), after, NULL));
    ck_assert_str_eq(before, after);
    ck_assert(gk_exists(scratch_path(&s, "card.json")));
    glob_t left = {0};
    ck_assert_int_eq(glob(scratch_path(&s, "*.tmp-*"), 0, NULL, &left), GLOB_NOMATCH);
    ck_assert_int_eq(glob(scratch_path(&s, "*/*.tmp-*"), 0, NULL, &left), GLOB_NOMATCH);
    scratch_free(&s);
}
END_TEST

/* What stands in the folder is replaced when that is asked for, and with it what only the old one had. */
START_TEST(nothing_is_replaced_unasked) {
    scratch s = scratch_new();
    gk_dataset_options o = small(s.dir);
    scratch_file(&s, "dropped.jsonl", "my own\n"); /* no file of this dataset */
    ck_assert(gk_mkdirs(scratch_path(&s, "relation"), NULL));
    scratch_file(&s, "relation/A2B.jsonl", "my own\n");
    dataset_fails(&o, "relation/A2B.jsonl: the folder holds a file that no dataset made");
    ck_assert(!gk_exists(scratch_path(&s, "card.json")) && !gk_exists(scratch_path(&s, "base")));
    ck_assert_int_eq(unlink(scratch_path(&s, "relation/A2B.jsonl")), 0);
    make(&o, NULL);
    make(&o, NULL); /* the same is nothing new */
    ck_assert_int_eq(unlink(scratch_path(&s, "card.json")), 0);
    make(&o, NULL); /* as a killed one leaves it */
    o.seed = 3;
    dataset_fails(&o, "the folder holds another dataset");
    o.seed = small(s.dir).seed;
    scratch_file(&s, "task/B2A.jsonl", "changed\n");
    dataset_fails(&o, "task/B2A.jsonl: the folder holds another dataset, or this file was changed since");
    o.replace = true;
    o.base_rows = 0;
    make(&o, NULL);
    ck_assert(!gk_exists(scratch_path(&s, "base/texts.jsonl")) &&
              !gk_exists(scratch_path(&s, "tokenizer.jsonl")) &&
              gk_exists(scratch_path(&s, "dropped.jsonl")));
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("data");
    TCase *parts = tcase_create("parts"), *whole = tcase_create("whole");
    tcase_add_test(parts, wording_errors_name_the_place);
    tcase_add_test(parts, wording_refuses_a_known_prompt);
    tcase_add_test(parts, shipped_wording);
    tcase_add_test(parts, rows_swap);
    tcase_add_test(parts, texts_follow_rows_and_templates);
    tcase_add_test(parts, a_bad_row_is_named);
    tcase_add_test(parts, draws_are_zipf_and_balanced);
    tcase_add_test(whole, counts_and_card);
    tcase_add_test(whole, same_seed_same_bytes);
    tcase_add_test(whole, splits_share_nobody);
    tcase_add_test(whole, texts_are_filled_and_about_their_own_rows);
    tcase_add_test(whole, b2a_swaps_the_actors);
    tcase_add_test(whole, more_rows_than_the_lists_give);
    tcase_add_test(whole, people_that_cannot_be_told_apart);
    tcase_add_test(whole, unwritable_folder);
    tcase_add_test(whole, failed_write_keeps_the_old_dataset);
    tcase_add_test(whole, nothing_is_replaced_unasked);
    tcase_set_timeout(whole, 60);
    suite_add_tcase(s, parts);
    suite_add_tcase(s, whole);
    return run_suite(s);
}
