/* fake_movies.c: rows of Fake Movies, Fake Actors. */
#include "core/json.h"
#include "data/internal.h"

#include <string.h>

enum { FIRST, SURNAME, ADJECTIVE, NOUN, CITY, GENRE, N_LISTS };
static const char *const LISTS[N_LISTS] = {"first_names", "surnames", "title_adjectives",
                                           "title_nouns", "cities",   "genres"};
enum { ACTORS_A_ROW = 2, PEOPLE_A_ROW = 3 };

static void set_person(json_t *row, const char *field, const gk_data__two_words *people, uint32_t pair) {
    json_object_set_new(
        row, field,
        json_sprintf("%s %s", gk_data__two_words_left(people, pair), gk_data__two_words_right(people, pair)));
}

/* What a row has beside people and film. */
enum { FIRST_YEAR = 1990, N_YEARS = 41, MOST_EARNINGS = 10 };
typedef struct details {
    gk_data__deck years, genres, cities, earnings;
    gk_rng rng;
} details;

static details details_new(const gk_data__making *m) {
    details d = {gk_data__deck_new(m->a, N_YEARS),
                 gk_data__deck_new(m->a, m->lists[GENRE].n),
                 gk_data__deck_new(m->a, m->lists[CITY].n),
                 gk_data__deck_new(m->a, MOST_EARNINGS),
                 {{0}}};
    gk_rng_seed(&d.rng, (uint64_t)m->opt->seed, "film details");
    return d;
}

static json_t *make_row(const gk_list *lists, const gk_data__two_words *people,
                        const uint32_t who[PEOPLE_A_ROW], const gk_data__two_words *films, uint32_t film,
                        size_t id, details *d) {
    json_t *row = json_object();
    json_object_set_new(row, "id", json_integer((json_int_t)id));
    set_person(row, "first_actor", people, who[0]);
    set_person(row, "second_actor", people, who[1]);
    json_object_set_new(row, "movie_title",
                        json_sprintf("%s%s %s", gk_rng_below(&d->rng, 2) ? "The " : "",
                                     gk_data__two_words_left(films, film),
                                     gk_data__two_words_right(films, film)));
    set_person(row, "main_character", people, who[2]);
    size_t year = gk_data__deck_deal(&d->years, &d->rng), genre = gk_data__deck_deal(&d->genres, &d->rng),
           city = gk_data__deck_deal(&d->cities, &d->rng), earned = gk_data__deck_deal(&d->earnings, &d->rng);
    json_object_set_new(row, "release_year", json_integer(FIRST_YEAR + (json_int_t)year));
    json_object_set_new(row, "genre", json_string(lists[GENRE].item[genre]));
    json_object_set_new(row, "city", json_string(lists[CITY].item[city]));
    json_object_set_new(row, "box_office_earnings", json_integer(1 + (json_int_t)earned));
    return row;
}

static bool too_many(size_t asked, const gk_data__two_words *people, const gk_data__two_words *films,
                     gk_error *err) {
    return gk_fail(err, GK_NOWHERE, "ask for fewer rows, or add words to data/lists",
                   "%zu rows in all are more than the lists give: people for %zu, film titles for %zu", asked,
                   people->n / PEOPLE_A_ROW, films->n);
}

/* The base rows have every word of the lists, as far as they reach: what a model from scratch never read it
 * cannot say. */
static bool take(gk_data__two_words *people, gk_data__two_words *films, int split, uint32_t *who,
                 uint32_t *film) {
    if (split != GK_DATA__BASE)
        return gk_data__two_words_take(people, 0, PEOPLE_A_ROW, who) &&
               gk_data__two_words_take(films, 0, 1, film);
    return gk_data__two_words_spread(people, ACTORS_A_ROW, who) &&
           gk_data__two_words_take(people, ACTORS_A_ROW, PEOPLE_A_ROW - ACTORS_A_ROW, who) &&
           gk_data__two_words_spread(films, 1, film);
}

static bool fill(gk_data__making *m, gk_data__two_words *people, gk_data__two_words *films, gk_error *err) {
    size_t asked = 0, id = 0;
    for (size_t s = 0; s < GK_DATA__N_SPLITS; s++) asked += m->splits[s].n;
    if (asked > films->n || asked > people->n / PEOPLE_A_ROW) return too_many(asked, people, films, err);
    details d = details_new(m);
    for (int s = 0; s < GK_DATA__N_SPLITS; s++)
        for (size_t i = 0; i < m->splits[s].n; i++, id++) {
            uint32_t who[PEOPLE_A_ROW], film;
            if (!take(people, films, s, who, &film))
                return gk_fail(err, GK_NOWHERE, "ask for fewer rows, or add words to data/lists",
                               "after %zu rows no three people are left that share no name", id);
            m->splits[s].row[i] = make_row(m->lists, people, who, films, film, id, &d);
        }
    return true;
}

static void turn_around(gk_data__two_words *p) {
    for (size_t i = 0; i < p->n / 2; i++) {
        uint32_t t = p->order[i];
        p->order[i] = p->order[p->n - 1 - i];
        p->order[p->n - 1 - i] = t;
    }
}

bool gk_data__fake_film_rows(gk_data__making *m, bool from_end, gk_error *err) {
    uint64_t seed = (uint64_t)m->opt->seed;
    gk_data__two_words people = gk_data__two_words_new(&m->lists[FIRST], &m->lists[SURNAME], seed, "people");
    gk_data__two_words films =
        gk_data__two_words_new(&m->lists[ADJECTIVE], &m->lists[NOUN], seed, "film titles");
    if (from_end) {
        turn_around(&people);
        turn_around(&films);
    }
    bool ok = fill(m, &people, &films, err);
    m->n_first_words = m->lists[FIRST].n;
    gk_data__two_words_free(&people);
    gk_data__two_words_free(&films);
    return ok;
}

static bool make(gk_data__making *m, gk_error *err) {
    return gk_data__fake_film_rows(m, false, err);
}

const gk_data__generator gk_data__fake_movies = {
    .name = "fake_movies_fake_actors",
    .swap = {"first_actor", "second_actor", true},
    .lists = LISTS,
    .n_lists = N_LISTS,
    .n_names = 2,
    .rows = {200, 100, 100},
    .make = make,
};

/* ---------------------------------------------------------------- articles about such films */

enum { WORDS_MOST = 200 }; /* an article is one text unless it is to be cut */

static bool make_articles(gk_data__making *m, gk_error *err) {
    if (m->wording->n_article == 0)
        return gk_fail(err, GK_AT_FIELD(m->opt->templates, "article.jsonl"),
                       "write articles with fields into it", "there is no article to fill");
    return gk_data__fake_film_rows(m, true, err);
}

/* The articles of a row; of all but the rows under test also questions with their answers, which teach how
 * what an article says is asked for. */
static bool article_texts(const gk_data__making *m, int split, bool swapped, gk_buf *out, gk_error *err) {
    const gk_wording *w = m->wording;
    const gk_rows *rows = &m->splits[split];
    int64_t limit = m->opt->chunk_words;
    gk_data__chunker c = {.limit = limit > 0 ? (size_t)limit : WORDS_MOST, .swapped = swapped, .out = out};
    gk_arena *a = gk_arena_new();
    bool ok = true;
    for (size_t i = 0; ok && i < rows->n; i++)
        for (size_t t = 0; ok && t < w->n_article; t++) {
            gk_rendered text;
            gk_arena_reset(a);
            c.row = rows->row[i];
            ok = gk_template_render(w->all[t], c.row, w->fillers, GK_AT_LINE(rows->path, (long)i + 1, 0), a,
                                    &text, err);
            if (ok) gk_data__chunk(&c, text.text);
        }
    gk_arena_free(a);
    if (!ok || swapped || split == GK_DATA__RELATION) return ok;
    return gk_texts_of(w, rows, w->all + w->n_article, w->n_training - w->n_article, out, err);
}

const gk_data__generator gk_data__invented_articles = {
    .name = "invented_articles",
    .swap = {"first_actor", "second_actor", false},
    .lists = LISTS,
    .n_lists = N_LISTS,
    .n_names = 2,
    .rows = {0, 20, 80},
    .make = make_articles,
    .texts = article_texts,
};
