/* fake_movies.c: rows of Fake Movies, Fake Actors. */
#include "data/internal.h"

#include <string.h>

enum { FIRST, SURNAME, ADJECTIVE, NOUN, CITY, GENRE, N_LISTS };
static const char *const LISTS[N_LISTS] = {"first_names", "surnames", "title_adjectives",
                                           "title_nouns", "cities",   "genres"};
enum { PEOPLE_A_ROW = 3 };

/* Every pair of two lists' words in random order, taken from the front: none comes twice. */
typedef struct pairs {
    const gk_list *left, *right;
    uint32_t *order; /* left index * right->n + right index */
    size_t n, taken;
} pairs;

static pairs pairs_new(const gk_list *left, const gk_list *right, uint64_t seed, const char *stream) {
    gk_rng rng;
    pairs p = {.left = left, .right = right, .n = left->n * right->n};
    p.order = gk_alloc(p.n * sizeof *p.order);
    for (size_t i = 0; i < p.n; i++) p.order[i] = (uint32_t)i;
    gk_rng_seed(&rng, seed, stream);
    gk_rng_shuffle(&rng, p.order, p.n, sizeof *p.order);
    return p;
}

static const char *left_word(const pairs *p, uint32_t pair) {
    return p->left->item[pair / p->right->n];
}

static const char *right_word(const pairs *p, uint32_t pair) {
    return p->right->item[pair % p->right->n];
}

static bool alike(const pairs *p, uint32_t x, uint32_t y) {
    return x / p->right->n == y / p->right->n || x % p->right->n == y % p->right->n;
}

/* Takes `want` (at most PEOPLE_A_ROW) pairs that share no word with each other; false when none are left. */
static bool take_apart(pairs *p, size_t want, uint32_t *got) {
    for (size_t k = 0; k < want; k++) {
        size_t at = p->taken;
        for (size_t j = 0; at < p->n && j < k;) {
            bool clash = alike(p, p->order[at], got[j]);
            at += clash;
            j = clash ? 0 : j + 1;
        }
        if (at == p->n) return false;
        got[k] = p->order[at];
        /* The pairs skipped keep their turn: they move up behind the one taken. */
        memmove(p->order + p->taken + 1, p->order + p->taken, (at - p->taken) * sizeof *p->order);
        p->order[p->taken++] = got[k];
    }
    return true;
}

static void set_person(json_t *row, const char *field, const pairs *people, uint32_t pair) {
    json_object_set_new(row, field, json_sprintf("%s %s", left_word(people, pair), right_word(people, pair)));
}

static const char *any(const gk_list *l, gk_rng *rng) {
    return l->item[gk_rng_below(rng, l->n)];
}

static json_t *make_row(const gk_list *lists, const pairs *people, const uint32_t who[PEOPLE_A_ROW],
                        const pairs *films, uint32_t film, size_t id, gk_rng *rng) {
    json_t *row = json_object();
    json_object_set_new(row, "id", json_integer((json_int_t)id));
    set_person(row, "first_actor", people, who[0]);
    set_person(row, "second_actor", people, who[1]);
    json_object_set_new(row, "movie_title",
                        json_sprintf("%s%s %s", gk_rng_below(rng, 2) ? "The " : "", left_word(films, film),
                                     right_word(films, film)));
    set_person(row, "main_character", people, who[2]);
    json_object_set_new(row, "release_year", json_integer(1990 + (json_int_t)gk_rng_below(rng, 41)));
    json_object_set_new(row, "genre", json_string(any(&lists[GENRE], rng)));
    json_object_set_new(row, "city", json_string(any(&lists[CITY], rng)));
    json_object_set_new(row, "box_office_earnings", json_integer(1 + (json_int_t)gk_rng_below(rng, 10)));
    return row;
}

static bool too_many(size_t asked, const pairs *people, const pairs *films, gk_error *err) {
    return gk_fail(err, GK_NOWHERE, "ask for fewer rows, or add words to data/lists",
                   "%zu rows in all are more than the lists give: people for %zu, film titles for %zu", asked,
                   people->n / PEOPLE_A_ROW, films->n);
}

static bool fill(const gk_list *lists, uint64_t seed, pairs *people, pairs *films, gk_rows *splits,
                 size_t n_splits, gk_error *err) {
    gk_rng rng;
    size_t asked = 0, id = 0;
    for (size_t s = 0; s < n_splits; s++) asked += splits[s].n;
    if (asked > films->n || asked > people->n / PEOPLE_A_ROW) return too_many(asked, people, films, err);
    gk_rng_seed(&rng, seed, "film details");
    for (size_t s = 0; s < n_splits; s++)
        for (size_t i = 0; i < splits[s].n; i++, id++) {
            uint32_t who[PEOPLE_A_ROW];
            if (!take_apart(people, PEOPLE_A_ROW, who))
                return gk_fail(err, GK_NOWHERE, "ask for fewer rows, or add words to data/lists",
                               "after %zu rows no three people are left that share no name", id);
            splits[s].row[i] = make_row(lists, people, who, films, films->order[films->taken++], id, &rng);
        }
    return true;
}

static bool make(const gk_list *lists, uint64_t seed, gk_rows *splits, size_t n_splits, gk_error *err) {
    pairs people = pairs_new(&lists[FIRST], &lists[SURNAME], seed, "people");
    pairs films = pairs_new(&lists[ADJECTIVE], &lists[NOUN], seed, "film titles");
    bool ok = fill(lists, seed, &people, &films, splits, n_splits, err);
    gk_free(people.order);
    gk_free(films.order);
    return ok;
}

const gk__generator gk__fake_movies = {
    .name = "fake_movies_fake_actors",
    .swap = {"first_actor", "second_actor"},
    .lists = LISTS,
    .n_lists = N_LISTS,
    .n_names = 2,
    .make = make,
};
