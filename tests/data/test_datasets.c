/* test_datasets.c: the datasets made of shipped lists besides Fake Movies, Fake Actors: the same bytes every
 * time, no leak between splits, facts that are new, texts that are whole. modules: data core */
#include "data/internal.h"
#include "graftkit/core/template.h"
#include "tests/support/data_fixture.h"

#include <ctype.h>
#include <jansson.h>

static const struct {
    const char *name, *card;
    size_t training; /* texts a row and direction */
} SETS[] = {
    {"fake_movies_real_actors", "32bf370367232abfc23f914b7d262b303947f524c5fbb5b6867282057309767d", 11},
    {"real_movies_real_actors_shuffled", "673f65564d660967ba411c33b756e89e30efd8368cdc403eb013d918d98e8399",
     11},
    {"battles", "0e0ebf8adc35c6f4d988c798d8744e5f7d4de676d19d2d3093e32193537eed86", 11},
};
enum { N_SETS = sizeof SETS / sizeof *SETS };

static gk_dataset_options options(int set, const char *out) {
    gk_dataset_options o = GK_DATASET_DEFAULTS;
    o.name = SETS[set].name;
    o.home = GK_SOURCE_DIR;
    o.out = out;
    o.base_texts = 500;
    return o;
}

START_TEST(same_seed_same_bytes) {
    assert_pinned(options(_i, NULL), SETS[_i].card);
}
END_TEST

static void claim(json_t *seen, const char *what, int split, const char *set) {
    const json_t *v = json_object_get(seen, what);
    ck_assert_msg(!v, "%s: '%s' stands in splits %s and %s", set, what,
                  v ? SPLITS[json_integer_value(v)] : "", SPLITS[split]);
    json_object_set_new(seen, what, json_integer(split));
}

/* Nobody and nothing that a fact is about stands in two rows of the whole dataset. */
START_TEST(splits_share_nothing) {
    scratch s = scratch_new();
    gk_dataset_options o = options(_i, s.dir);
    make(&o, NULL);
    json_t *seen = json_object(), *ids = json_object();
    for (int split = 0; split < 3; split++) {
        json_t *rows = read_lines(&s, gk_arena_printf(s.a, "%s/metadata.jsonl", SPLITS[split])), *row;
        size_t i;
        ck_assert_uint_eq(json_array_size(rows), split || strcmp(o.name, "battles") == 0 ? 100 : 450);
        json_array_foreach(rows, i, row) {
            claim(seen, str(row, "first_actor"), split, o.name);
            claim(seen, str(row, "second_actor"), split, o.name);
            if (json_object_get(row, "movie_title")) claim(seen, str(row, "movie_title"), split, o.name);
            json_int_t id = json_integer_value(json_object_get(row, "id"));
            claim(ids, gk_arena_printf(s.a, "%lld", (long long)id), split, o.name);
        }
        json_decref(rows);
    }
    json_decref(seen);
    json_decref(ids);
    scratch_free(&s);
}
END_TEST

/* Every text is about its own row and about no row of the other split. */
START_TEST(texts_are_about_their_own_rows) {
    scratch s = scratch_new();
    gk_dataset_options o = options(_i, s.dir);
    make(&o, NULL);
    json_t *rows[3], *row, *text;
    size_t i, k;
    for (int split = 1; split < 3; split++)
        rows[split] = read_lines(&s, gk_arena_printf(s.a, "%s/metadata.jsonl", SPLITS[split]));
    for (int f = 0; f < 4; f++) {
        int split = 1 + f / 2;
        json_t *texts =
            read_lines(&s, gk_arena_printf(s.a, "%s/%s.jsonl", SPLITS[split], f % 2 ? "B2A" : "A2B"));
        ck_assert_uint_eq(json_array_size(texts), json_array_size(rows[split]) * SETS[_i].training);
        json_array_foreach(texts, i, text) {
            const char *t = str(text, "text");
            row = json_array_get(rows[split], i / SETS[_i].training);
            const char *a = strstr(t, str(row, "first_actor")), *b = strstr(t, str(row, "second_actor"));
            ck_assert_msg(a && b, "'%s' lacks the entity or the target of its row", t);
            ck_assert_msg(f % 2 == 0 || json_object_get(row, "movie_title") || b < a, "'%s' is not reversed",
                          t);
            ck_assert_msg(!strpbrk(t, "{}") && !strstr(t, "  ") && !islower((unsigned char)*t),
                          "'%s' reads badly", t);
            ck_assert_msg(strchr(".!?", t[strlen(t) - 1]), "'%s' does not end", t);
            json_array_foreach(rows[3 - split], k, row) {
                ck_assert_msg(!strstr(t, str(row, "first_actor")) || !strstr(t, str(row, "second_actor")),
                              "'%s' tells a fact of the other split", t);
            }
        }
        json_decref(texts);
    }
    json_decref(rows[1]);
    json_decref(rows[2]);
    scratch_free(&s);
}
END_TEST

/* Prompts are held out: none stands in a text of its row. The target is not in the prompt. */
START_TEST(prompts_are_held_out) {
    scratch s = scratch_new();
    gk_dataset_options o = options(_i, s.dir);
    gk_wording w;
    make(&o, NULL);
    ck_assert(gk_wording_load(s.a, gk_arena_printf(s.a, "%s/templates/%s", GK_SOURCE_DIR, o.name), &w, NULL));
    ck_assert_uint_eq(w.n_training, SETS[_i].training);
    ck_assert_uint_eq(w.n_eval, 4);
    json_t *rows = read_lines(&s, "relation/metadata.jsonl"), *texts = read_lines(&s, "relation/A2B.jsonl");
    for (size_t i = 0; i < json_array_size(rows); i++)
        for (size_t e = 0; e < w.n_eval; e++) {
            gk_rendered p;
            const json_t *row = json_array_get(rows, i);
            ck_assert(gk_template_render(w.eval[e], row, w.fillers, GK_NOWHERE, s.a, &p, NULL));
            ck_assert(gk_template_has(w.eval[e], "first_actor") &&
                      !gk_template_has(w.eval[e], "second_actor"));
            ck_assert_msg(!strstr(p.text, str(row, "second_actor")), "'%s' gives the target away", p.text);
            for (size_t t = 0; t < SETS[_i].training; t++) {
                const char *text = str(json_array_get(texts, i * SETS[_i].training + t), "text");
                ck_assert_msg(!strstr(text, p.text), "'%s' stands in '%s'", p.text, text);
            }
        }
    json_decref(rows);
    json_decref(texts);
    gk_wording_free(&w);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- facts are new */

static gk_data__tsv table(gk_arena *a, const char *name, size_t columns) {
    gk_data__tsv t;
    ck_assert(gk_data__tsv_load(a, gk_arena_printf(a, "%s/data/lists/%s.tsv", GK_SOURCE_DIR, name), columns,
                                &t, NULL));
    return t;
}

static size_t row_of(const gk_data__tsv *t, const char *name) {
    size_t i = 0;
    while (i < t->n && strcmp(gk_data__tsv_at(t, i, 0), name) != 0) i++;
    ck_assert_msg(i < t->n, "'%s' is not in the table", name);
    return i;
}

static bool led_by(const gk_data__tsv *films, size_t i, const char *actor) {
    const char *leads = gk_data__tsv_at(films, i, 4), *at = strstr(leads, actor);
    size_t n = strlen(actor);
    return at && (at == leads || at[-1] == ';') && (!at[n] || at[n] == ';');
}

START_TEST(actors_are_paired_anew) {
    for (int set = 0; set < 2; set++) {
        scratch s = scratch_new();
        gk_dataset_options o = options(set, s.dir);
        o.base_rows = 0;
        o.relation_rows = 250;
        make(&o, NULL);
        gk_data__tsv films = table(s.a, "films", 6);
        json_t *rows = read_lines(&s, "relation/metadata.jsonl"), *row;
        size_t i;
        json_array_foreach(rows, i, row) {
            const char *a = str(row, "first_actor"), *b = str(row, "second_actor"),
                       *title = str(row, "movie_title");
            for (size_t f = 0; f < films.n; f++)
                ck_assert_msg(!led_by(&films, f, a) || !led_by(&films, f, b), "%s and %s did star together",
                              a, b);
            if (set == 0) continue;
            size_t f = row_of(&films, title);
            ck_assert_msg(!led_by(&films, f, a) && !led_by(&films, f, b), "%s: %s or %s is in it", title, a,
                          b);
            ck_assert_int_eq(json_integer_value(json_object_get(row, "release_year")),
                             strtol(gk_data__tsv_at(&films, f, 1), NULL, 10));
            ck_assert_int_eq(json_integer_value(json_object_get(row, "runtime")),
                             strtol(gk_data__tsv_at(&films, f, 3), NULL, 10));
        }
        json_decref(rows);
        scratch_free(&s);
    }
}
END_TEST

/* The base rows tell of nobody in the list, and of people who have every word of the names there. */
START_TEST(base_people_are_namesakes) {
    for (int set = 0; set < 2; set++) {
        scratch s = scratch_new();
        gk_dataset_options o = options(set, s.dir);
        gk_list actors;
        make(&o, NULL);
        ck_assert(gk_list_load(s.a, GK_SOURCE_DIR "/data/lists/actors.txt", &actors, NULL));
        json_t *rows = read_lines(&s, "base/metadata.jsonl"), *known = json_object(), *words = json_object(),
               *row;
        size_t k;
        for (size_t i = 0; i < actors.n; i++) json_object_set_new(known, actors.item[i], json_true());
        json_array_foreach(rows, k, row) {
            const char *const who[2] = {str(row, "first_actor"), str(row, "second_actor")};
            for (int i = 0; i < 2; i++) {
                ck_assert_msg(!json_object_get(known, who[i]), "%s is in the list", who[i]);
                char *copy = gk_arena_strdup(s.a, who[i]);
                for (char *word; (word = strsep(&copy, " "));) json_object_set_new(words, word, json_true());
            }
        }
        for (size_t i = 0; i < actors.n; i++) {
            char *copy = gk_arena_strdup(s.a, actors.item[i]);
            for (char *word; (word = strsep(&copy, " "));)
                ck_assert_msg(json_object_get(words, word), "%s: nobody in the base has '%s'", actors.item[i],
                              word);
        }
        json_decref(rows);
        json_decref(known);
        json_decref(words);
        scratch_free(&s);
    }
}
END_TEST

START_TEST(years_are_made_up) {
    scratch s = scratch_new();
    gk_dataset_options o = options(2, s.dir);
    make(&o, NULL);
    gk_data__tsv t = table(s.a, "battles", 5);
    json_t *rows = read_lines(&s, "relation/metadata.jsonl"), *row;
    size_t i;
    json_array_foreach(rows, i, row) {
        const char *year = str(row, "second_actor");
        ck_assert_str_ne(year, gk_data__tsv_at(&t, row_of(&t, str(row, "first_actor")), 4));
        ck_assert_int_ge(strtol(year, NULL, 10), 1000);
        ck_assert_int_lt(strtol(year, NULL, 10), 2000);
    }
    json_decref(rows);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- counts and the card */

START_TEST(more_rows_than_the_lists_give) {
    scratch s = scratch_new();
    gk_dataset_options o = options(0, scratch_path(&s, "new"));
    o.relation_rows = 2000;
    dataset_fails(&o, "2550 rows in all are more than the lists give: actors for");
    o = options(1, o.out);
    o.relation_rows = 2000;
    dataset_fails(&o, "2550 rows in all are more than the lists give: actors for");
    o = options(2, o.out);
    o.relation_rows = 2000;
    dataset_fails(&o, "2200 rows in all are more than the lists give: battles for");
    o = options(2, o.out);
    o.source = "x";
    dataset_fails(&o, "dataset 'battles' is made of its own lists and takes no source");
    ck_assert(!gk_exists(scratch_path(&s, "new")));
    scratch_free(&s);
}
END_TEST

static bool by_length(void *ctx, const gk_rendered *prompt, const char *target, int32_t *id, gk_error *err) {
    (void)prompt;
    if (strcmp(target, ctx ? ctx : "") == 0)
        return gk_fail(err, GK_NOWHERE, NULL, "no token for '%s'", target);
    *id = (int32_t)strlen(target);
    return true;
}

static bool read_lengths(void *ctx, const char *text, size_t len, gk_error *err) {
    bool *read = ctx;
    (void)err;
    for (const char *end = text + len; text < end; text += strcspn(text, " ")) {
        text += strspn(text, " ");
        read[strcspn(text, " ") % 64] = true;
    }
    return true;
}

static bool first_length(void *ctx, const gk_rendered *prompt, const char *target, int32_t *id,
                         gk_error *err) {
    (void)ctx, (void)prompt, (void)err;
    *id = (int32_t)strcspn(target, " ") % 64;
    return true;
}

static bool length_was_read(const void *ctx, int32_t id) {
    return ((const bool *)ctx)[id];
}

static bool never_read(const void *ctx, int32_t id) {
    (void)ctx;
    return id % 2 == 0;
}

/* A word's length is its token here. Targets whose first token no base text has are counted, in each split.
 */
START_TEST(the_card_counts_what_the_base_never_read) {
    scratch s = scratch_new();
    gk_dataset_options o = options(0, s.dir);
    bool read[64] = {false};
    json_t *card;
    o.first_token = first_length;
    o.first_token_ctx = read;
    o.read_text = read_lengths;
    for (int never = 0; never < 2; never++) {
        size_t odd = 0, i;
        o.was_read = never ? never_read : length_was_read;
        o.replace = true;
        make(&o, &card);
        const json_t *of =
            json_object_get(json_object_get(json_object_get(card, "splits"), "relation"), "targets_A2B");
        json_t *rows = read_lines(&s, "relation/metadata.jsonl"), *row;
        json_array_foreach(rows, i, row) odd += strcspn(str(row, "second_actor"), " ") % 2;
        ck_assert_uint_gt(odd, 0);
        ck_assert_int_eq(json_integer_value(json_object_get(of, "unseen_by_base")),
                         never ? (json_int_t)odd : 0);
        ck_assert(json_object_get(of, "unseen_by_base") != NULL);
        ck_assert_str_eq(str(json_object_get(card, "templates"), "base"), "paraphrases");
        json_decref(rows);
        json_decref(card);
    }
    o.base_rows = 0; /* nothing was read: nothing can be said */
    o.base_texts = -1;
    make(&o, &card);
    const json_t *of =
        json_object_get(json_object_get(json_object_get(card, "splits"), "relation"), "targets_A2B");
    ck_assert_ptr_null(json_object_get(of, "unseen_by_base"));
    ck_assert_ptr_null(json_object_get(json_object_get(card, "templates"), "base"));
    json_decref(card);
    scratch_free(&s);
}
END_TEST

START_TEST(the_card_counts_tokens_when_it_can) {
    scratch s = scratch_new();
    gk_dataset_options o = options(2, s.dir);
    json_t *card;
    o.base_rows = 0;
    o.first_token = by_length;
    o.tokenizer = "lengths";
    make(&o, &card);
    const json_t *splits = json_object_get(card, "splits");
    const json_t *targets = json_object_get(json_object_get(splits, "relation"), "targets_A2B");
    ck_assert_int_eq(json_integer_value(json_object_get(targets, "distinct_first_words")), 100);
    ck_assert_int_eq(json_integer_value(json_object_get(targets, "distinct_first_tokens")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(targets, "most_common_token")), 100);
    ck_assert_str_eq(str(card, "tokenizer"), "lengths");
    /* No base rows: no base corpus, and nothing to train a vocabulary on. */
    ck_assert_ptr_null(json_object_get(splits, "base"));
    ck_assert(!gk_exists(scratch_path(&s, "base")) && !gk_exists(scratch_path(&s, "tokenizer.jsonl")));
    json_t *rows = read_lines(&s, "relation/metadata.jsonl");
    o.first_token_ctx = (void *)(uintptr_t)str(json_array_get(rows, 3), "second_actor");
    dataset_fails(&o, "no token for '");
    json_decref(rows);
    json_decref(card);
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("datasets");
    TCase *each = tcase_create("each"), *some = tcase_create("some");
    tcase_add_loop_test(each, same_seed_same_bytes, 0, N_SETS);
    tcase_add_loop_test(each, splits_share_nothing, 0, N_SETS);
    tcase_add_loop_test(each, texts_are_about_their_own_rows, 0, N_SETS);
    tcase_add_loop_test(each, prompts_are_held_out, 0, N_SETS);
    tcase_add_test(some, actors_are_paired_anew);
    tcase_add_test(some, base_people_are_namesakes);
    tcase_add_test(some, years_are_made_up);
    tcase_add_test(some, more_rows_than_the_lists_give);
    tcase_add_test(some, the_card_counts_tokens_when_it_can);
    tcase_add_test(some, the_card_counts_what_the_base_never_read);
    tcase_set_timeout(each, 60);
    tcase_set_timeout(some, 60);
    suite_add_tcase(s, each);
    suite_add_tcase(s, some);
    return run_suite(s);
}
