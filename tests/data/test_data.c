/* test_data.c: the dataset Fake Movies, Fake Actors as a whole.
 * modules: data core */
#include "tests/support/data_fixture.h"

#include <glob.h>
#include <jansson.h>

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
    assert_pinned(small(NULL), "09f153624a105e8cd4805ed20ed89bbb5f7a6f8ee6b73500c87ed59742b0549a");
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

static void have_all(const json_t *words, const char *list) {
    gk_arena *a = gk_arena_new();
    gk_list l;
    ck_assert(gk_list_load(a, gk_arena_printf(a, "%s/data/lists/%s.txt", GK_SOURCE_DIR, list), &l, NULL));
    for (size_t i = 0; i < l.n; i++)
        ck_assert_msg(json_object_get(words, l.item[i]), "no base text has '%s' of %s", l.item[i], list);
    gk_arena_free(a);
}

static void add_words(json_t *words, const char *text) {
    char word[64];
    for (size_t n; *text; text += n) {
        text += strspn(text, " .,:?");
        n = strcspn(text, " .,:?");
        ck_assert_uint_lt(n, sizeof word);
        snprintf(word, sizeof word, "%.*s", (int)n, text);
        json_object_set_new(words, word, json_true());
    }
}

/* Whatever a new fact is made of the base has read in others, in any seed: what a model from scratch never
 * read it cannot say. */
START_TEST(base_texts_hold_every_word) {
    static const char *const LISTS[] = {"first_names", "surnames", "title_adjectives",
                                        "title_nouns", "cities",   "genres"};
    scratch s = scratch_new();
    gk_dataset_options o = GK_DATASET_DEFAULTS;
    o.home = GK_SOURCE_DIR;
    o.out = s.dir;
    o.seed = 1 + _i;
    make(&o, NULL);
    json_t *texts = read_lines(&s, "base/texts.jsonl"), *rows = read_lines(&s, "base/metadata.jsonl"),
           *words = json_object(), *said = json_object(), *it;
    size_t i;
    json_array_foreach(texts, i, it) add_words(words, str(it, "text"));
    for (size_t l = 0; l < 6; l++) have_all(words, LISTS[l]);
    json_array_foreach(rows, i, it) { /* as a target in one direction or the other, not as a character only */
        add_words(said, str(it, "first_actor"));
        add_words(said, str(it, "second_actor"));
    }
    have_all(said, "first_names");
    have_all(said, "surnames");
    json_decref(texts);
    json_decref(rows);
    json_decref(words);
    json_decref(said);
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("data");
    TCase *whole = tcase_create("whole");
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
    tcase_add_loop_test(whole, base_texts_hold_every_word, 0, 5);
    tcase_set_timeout(whole, 60);
    suite_add_tcase(s, whole);
    return run_suite(s);
}
