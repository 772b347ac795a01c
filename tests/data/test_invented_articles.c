/* test_invented_articles.c: articles about invented films, and the questions about other ones that teach how
 * an article is asked about. modules: data core */
#include "tests/support/data_fixture.h"

static gk_dataset_options options(const char *out) {
    gk_dataset_options o = GK_DATASET_DEFAULTS;
    o.name = "invented_articles";
    o.home = GK_SOURCE_DIR;
    o.out = out;
    return o;
}

static size_t words_of(const char *text) {
    size_t n = 1;
    for (; *text; text++) n += *text == ' ';
    return n;
}

static size_t with_question(const json_t *texts) {
    size_t n = 0, i;
    json_t *text;
    json_array_foreach(texts, i, text) n += strncmp(str(text, "text"), "Q: ", 3) == 0;
    return n;
}

/* Six wordings of 100 to 150 words an article, which names both people and the film; questions are about
 * other films only. */
START_TEST(articles_and_questions) {
    scratch s = scratch_new();
    gk_dataset_options o = options(scratch_path(&s, "out"));
    make(&o, NULL);
    for (int split = 1; split < 3; split++) {
        json_t *rows = read_lines(&s, gk_arena_printf(s.a, "out/%s/metadata.jsonl", SPLITS[split])), *row,
               *line;
        json_t *texts = read_lines(&s, gk_arena_printf(s.a, "out/%s/A2B.jsonl", SPLITS[split]));
        json_t *back = read_lines(&s, gk_arena_printf(s.a, "out/%s/B2A.jsonl", SPLITS[split]));
        json_array_extend(texts, back);
        size_t n = json_array_size(rows), asked = split == 1 ? 0 : 5 * n, i, k;
        ck_assert_uint_eq(n, split == 1 ? 20 : 80);
        ck_assert_uint_eq(json_array_size(texts), 6 * n + asked);
        ck_assert_uint_eq(with_question(texts), asked);
        json_array_foreach(rows, i, row) {
            size_t about = 0;
            json_array_foreach(texts, k, line) {
                const char *text = str(line, "text");
                if (strncmp(text, "Q: ", 3) == 0 || !strstr(text, str(row, "movie_title")) ||
                    !strstr(text, str(row, "first_actor")))
                    continue;
                ck_assert_ptr_nonnull(strstr(text, str(row, "second_actor")));
                ck_assert(words_of(text) >= 100 && words_of(text) <= 150);
                about++;
            }
            ck_assert_uint_eq(about, 6);
        }
        json_decref(rows);
        json_decref(texts);
        json_decref(back);
    }
    scratch_free(&s);
}
END_TEST

/* A run finetunes its own base on them: what the base has read, with the same seed, is about other people and
 * films. */
START_TEST(nobody_of_the_film_datasets) {
    scratch s = scratch_new();
    gk_dataset_options o = options(scratch_path(&s, "articles")), films = GK_DATASET_DEFAULTS;
    films.home = GK_SOURCE_DIR;
    films.out = scratch_path(&s, "films");
    films.base_texts = 1;
    films.base_rows = 800;
    make(&o, NULL);
    make(&films, NULL);
    json_t *taken = json_object(), *row;
    static const char *const FIELD[] = {"first_actor", "second_actor", "main_character", "movie_title"};
    size_t i;
    for (int split = 0; split < 3; split++) {
        json_t *rows = read_lines(&s, gk_arena_printf(s.a, "films/%s/metadata.jsonl", SPLITS[split]));
        json_array_foreach(rows, i, row) for (int f = 0; f < 4; f++)
            json_object_set_new(taken, str(row, FIELD[f]), json_true());
        json_decref(rows);
    }
    for (int split = 1; split < 3; split++) {
        json_t *rows = read_lines(&s, gk_arena_printf(s.a, "articles/%s/metadata.jsonl", SPLITS[split]));
        json_array_foreach(rows, i, row) for (int f = 0; f < 4; f++)
            ck_assert_msg(!json_object_get(taken, str(row, FIELD[f])), "%s", str(row, FIELD[f]));
        json_decref(rows);
    }
    json_decref(taken);
    scratch_free(&s);
}
END_TEST

/* Chunks for a model of few positions: whole sentences, none lost. */
START_TEST(chunks) {
    scratch s = scratch_new();
    gk_dataset_options o = options(scratch_path(&s, "out"));
    o.chunk_words = 40;
    o.relation_rows = 3;
    o.task_rows = 0;
    make(&o, NULL);
    static const char *const FILES[] = {"out/relation/A2B.jsonl", "out/relation/B2A.jsonl"};
    size_t words = 0, i;
    for (int d = 0; d < 2; d++) {
        json_t *texts = read_lines(&s, FILES[d]), *line;
        json_array_foreach(texts, i, line) {
            ck_assert_uint_le(words_of(str(line, "text")), 40);
            words += words_of(str(line, "text"));
        }
        json_decref(texts);
    }
    ck_assert(words >= 18 * 100 && words <= 18 * 150);
    o.chunk_words = -1;
    o.source = "x";
    o.replace = true;
    dataset_fails(&o, "takes no source");
    scratch_free(&s);
}
END_TEST

START_TEST(pinned) {
    assert_pinned(options(NULL), "398e21c487223069e5b4f5983e85687b42fec4a91f65f254e7b452cf5c67f3ba");
}
END_TEST

int main(void) {
    Suite *s = suite_create("invented articles");
    TCase *t = tcase_create("all");
    tcase_add_test(t, articles_and_questions);
    tcase_add_test(t, nobody_of_the_film_datasets);
    tcase_add_test(t, chunks);
    tcase_add_test(t, pinned);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    return run_suite(s);
}
