/* real_actors.c: rows with the names of real actors, in made-up films or in real ones. No row says what is
 * true: two actors who lead a film of the list together are never paired, and nobody is put into a film of
 * their own. The base rows tell of people with the words of these names, put together anew: a model from
 * scratch has then read how each of them begins, and knows none of them.
 */
#include "core/shipped.h"
#include "data/internal.h"

#include <stdlib.h>
#include <string.h>

enum { ACTOR, FIRST, SURNAME, CITY, GENRE, ADJECTIVE, NOUN, N_LISTS };
static const char *const LISTS[N_LISTS] = {"actors", "first_names",      "surnames",   "cities",
                                           "genres", "title_adjectives", "title_nouns"};
enum { TITLE, YEAR, FILM_GENRE, MINUTES, LEADS, PLOT, N_COLUMNS };

typedef struct casting {
    gk_data__making *m;
    gk_data__tsv films;
    const char **actor; /* in random order; the first `taken` are in rows */
    size_t n, taken;
    gk_data__two_words characters;
    gk_list given, family; /* all but the last words of the actors' names, and the last ones */
    gk_data__two_words namesakes;
    gk_rng rng;
} casting;

/* ---------------------------------------------------------------- who may stand where */

/* Next word of *s (letters and digits; bytes above ASCII count as letters); 0 at the end. */
static size_t next_word(const char **s) {
    static const char *const BETWEEN = " .,:;!?'\"&()-/";
    *s += strspn(*s, BETWEEN);
    return strcspn(*s, BETWEEN);
}

static bool has_word(const char *text, const char *word, size_t len) {
    size_t n;
    for (const char *s = text; (n = next_word(&s)); s += n)
        if (n == len && strncmp(s, word, len) == 0) return true;
    return false;
}

/* Two texts that share a word begin with tokens that are hard to tell apart, or give each other away. */
static bool share_word(const char *a, const char *b) {
    size_t n;
    for (const char *s = a; (n = next_word(&s)); s += n)
        if (has_word(b, s, n)) return true;
    return false;
}

static bool leads(const casting *c, size_t film, const char *actor) {
    size_t len = strlen(actor);
    for (const char *s = gk_data__tsv_at(&c->films, film, LEADS); *s;) {
        size_t n = strcspn(s, ";");
        if (n == len && strncmp(s, actor, n) == 0) return true;
        s += n + (s[n] == ';');
    }
    return false;
}

static bool starred_together(const casting *c, const char *a, const char *b) {
    for (size_t f = 0; f < c->films.n; f++)
        if (leads(c, f, a) && leads(c, f, b)) return true;
    return false;
}

/* `film`: of the table, or SIZE_MAX for a made-up one. */
static bool fits(const casting *c, const char *actor, const char *title, size_t film, const char *other) {
    if (share_word(actor, title) || (film != SIZE_MAX && leads(c, film, actor))) return false;
    return !other || (!share_word(actor, other) && !starred_together(c, actor, other));
}

/* The first actor left that fits; those passed over keep their turn. NULL when there is none. */
static const char *cast_one(casting *c, const char *title, size_t film, const char *other) {
    size_t at = c->taken;
    while (at < c->n && !fits(c, c->actor[at], title, film, other)) at++;
    if (at == c->n) return NULL;
    const char *got = c->actor[at];
    memmove(c->actor + c->taken + 1, c->actor + c->taken, (at - c->taken) * sizeof *c->actor);
    c->actor[c->taken++] = got;
    return got;
}

/* ---------------------------------------------------------------- rows */

static const char *any(casting *c, int list) {
    const gk_list *l = &c->m->lists[list];
    return l->item[gk_rng_below(&c->rng, l->n)];
}

/* A made-up name that shares no word with either actor. */
static const char *character(casting *c, const char *a, const char *b) {
    uint32_t pair;
    while (gk_data__two_words_take(&c->characters, 0, 1, &pair)) {
        const char *name = gk_arena_printf(c->m->a, "%s %s", gk_data__two_words_left(&c->characters, pair),
                                           gk_data__two_words_right(&c->characters, pair));
        if (!share_word(name, a) && !share_word(name, b)) return name;
    }
    return NULL;
}

/* Two people for a base row, of words that came least often so far; false when there are none left. */
static bool two_namesakes(casting *c, const char *title, const char *who[2]) {
    uint32_t pair[2];
    while (gk_data__two_words_spread(&c->namesakes, 2, pair)) {
        for (int i = 0; i < 2; i++)
            who[i] = gk_arena_printf(c->m->a, "%s %s", gk_data__two_words_left(&c->namesakes, pair[i]),
                                     gk_data__two_words_right(&c->namesakes, pair[i]));
        if (!share_word(who[0], who[1]) && !share_word(who[0], title) && !share_word(who[1], title))
            return true;
        for (int i = 0; i < 2; i++) gk_data__two_words_unuse(&c->namesakes, pair[i]);
    }
    return false;
}

/* Two people who may be in the film, and play its character. */
static bool cast_film(casting *c, int split, const char *title, size_t film, const char *who[2],
                      const char **character_name) {
    if (split == GK_DATA__BASE) {
        if (!two_namesakes(c, title, who)) return false;
    } else {
        who[0] = cast_one(c, title, film, NULL);
        who[1] = who[0] ? cast_one(c, title, film, who[0]) : NULL;
        if (!who[1]) return false;
    }
    return (*character_name = character(c, who[0], who[1])) != NULL;
}

static bool nobody(const casting *c, size_t id, gk_error *err) {
    return gk_fail(err, GK_NOWHERE, "ask for fewer rows, or add names to data/lists/actors.txt",
                   "after %zu rows no two of the %zu actors left can be paired", id, c->n - c->taken);
}

/* Row number `id` of a film; what the table does not say is drawn. */
static json_t *make_row(casting *c, int split, const char *title, size_t film, size_t id, gk_error *err) {
    const char *actor[2], *plays;
    if (!cast_film(c, split, title, film, actor, &plays)) {
        nobody(c, id, err);
        return NULL;
    }
    int64_t year = 1990 + (int64_t)gk_rng_below(&c->rng, 41);
    const char *genre = any(c, GENRE), *city = any(c, CITY);
    json_int_t earned = 1 + (json_int_t)gk_rng_below(&c->rng, 10);
    json_t *row = json_pack("{s:I,s:s,s:s,s:s,s:s}", "id", (json_int_t)id, "first_actor", actor[0],
                            "second_actor", actor[1], "movie_title", title, "main_character", plays);
    if (film != SIZE_MAX) {
        year = strtoll(gk_data__tsv_at(&c->films, film, YEAR), NULL, 10);
        genre = gk_data__tsv_at(&c->films, film, FILM_GENRE);
    }
    json_object_set_new(row, "release_year", json_integer(year));
    json_object_set_new(row, "genre", json_string(genre));
    json_object_set_new(row, "city", json_string(city));
    json_object_set_new(row, "box_office_earnings", json_integer(earned));
    if (film != SIZE_MAX) {
        json_object_set_new(row, "runtime",
                            json_integer(strtoll(gk_data__tsv_at(&c->films, film, MINUTES), NULL, 10)));
        json_object_set_new(row, "plot", json_string(gk_data__tsv_at(&c->films, film, PLOT)));
    }
    return row;
}

/* ---------------------------------------------------------------- both datasets */

static bool whole_number(const gk_data__tsv *t, size_t row, int column, long lo, long hi, gk_error *err) {
    const char *s = gk_data__tsv_at(t, row, (size_t)column);
    char *end;
    long n = strtol(s, &end, 10);
    return (!*end && n >= lo && n <= hi) || gk_fail(err, GK_AT_LINE(t->path, t->line[row], 0), NULL,
                                                    "'%s' is no number from %ld to %ld", s, lo, hi);
}

static bool load_films(casting *c, gk_error *err) {
    const char *path = gk_shipped_path(c->m->a, c->m->opt->home, GK_SHIPPED_TABLES, "films");
    if (!gk_data__tsv_load(c->m->a, path, N_COLUMNS, &c->films, err)) return false;
    for (size_t i = 0; i < c->films.n; i++)
        if (!whole_number(&c->films, i, YEAR, 1890, 2100, err) ||
            !whole_number(&c->films, i, MINUTES, 1, 999, err))
            return false;
    return true;
}

static size_t first_words(gk_arena *a, const gk_list *names) {
    json_t *seen = json_object();
    for (size_t i = 0; i < names->n; i++) {
        const char *s = names->item[i];
        json_object_set_new(seen, gk_arena_strndup(a, s, strcspn(s, " ")), json_true());
    }
    size_t n = json_object_size(seen);
    json_decref(seen);
    return n;
}

static void add_part(gk_list *to, json_t *seen, const char *part) {
    if (json_object_get(seen, part)) return;
    json_object_set_new(seen, part, json_true());
    to->item[to->n++] = part;
}

/* Actors with one name are all given name. */
static void split_names(casting *c, const gk_list *actors) {
    json_t *given = json_object(), *family = json_object();
    gk_arena *a = c->m->a;
    c->given.item = gk_arena_alloc(a, actors->n * sizeof *c->given.item);
    c->family.item = gk_arena_alloc(a, actors->n * sizeof *c->family.item);
    for (size_t i = 0; i < actors->n; i++) {
        const char *name = actors->item[i], *last = strrchr(name, ' ');
        add_part(&c->given, given, last ? gk_arena_strndup(a, name, (size_t)(last - name)) : name);
        if (last) add_part(&c->family, family, last + 1);
    }
    json_decref(given);
    json_decref(family);
}

/* Nobody of the list is made again. */
static void leave_actors_out(casting *c, const gk_list *actors) {
    gk_data__two_words *p = &c->namesakes;
    json_t *known = json_object();
    gk_arena *scratch = gk_arena_new();
    size_t n = 0;
    for (size_t i = 0; i < actors->n; i++) json_object_set_new(known, actors->item[i], json_true());
    for (size_t i = 0; i < p->n; i++) {
        gk_arena_reset(scratch);
        if (!json_object_get(known, gk_arena_printf(scratch, "%s %s", gk_data__two_words_left(p, p->order[i]),
                                                    gk_data__two_words_right(p, p->order[i]))))
            p->order[n++] = p->order[i];
    }
    p->n = n;
    json_decref(known);
    gk_arena_free(scratch);
}

static void set_up(casting *c, gk_data__making *m) {
    uint64_t seed = (uint64_t)m->opt->seed;
    const gk_list *actors = &m->lists[ACTOR];
    c->m = m;
    c->n = actors->n;
    c->actor = gk_arena_alloc(m->a, c->n * sizeof *c->actor);
    memcpy(c->actor, actors->item, c->n * sizeof *c->actor);
    gk_rng_seed(&c->rng, seed, m->opt->name); /* so that no two datasets pair the same actors */
    gk_rng_shuffle(&c->rng, c->actor, c->n, sizeof *c->actor);
    gk_rng_seed(&c->rng, seed, "film details");
    c->characters = gk_data__two_words_new(&m->lists[FIRST], &m->lists[SURNAME], seed, "characters");
    m->n_first_words = first_words(m->a, actors);
    split_names(c, actors);
    c->namesakes = gk_data__two_words_new(&c->given, &c->family, seed, "namesakes");
    leave_actors_out(c, actors);
}

static void clean_up(casting *c) {
    gk_data__two_words_free(&c->characters);
    gk_data__two_words_free(&c->namesakes);
}

static size_t asked(const gk_data__making *m) {
    size_t n = 0;
    for (int s = 0; s < GK_DATA__N_SPLITS; s++) n += m->splits[s].n;
    return n;
}

/* Rows with actors of the list in them. */
static size_t under_test(const gk_data__making *m) {
    return asked(m) - m->splits[GK_DATA__BASE].n;
}

static bool too_many(const gk_data__making *m, size_t films, gk_error *err) {
    return gk_fail(err, GK_NOWHERE, "ask for fewer rows, or add to data/lists",
                   "%zu rows in all are more than the lists give: actors for %zu, films for %zu", asked(m),
                   m->lists[ACTOR].n / 2, films);
}

static bool fill(casting *c, const char *const *titles, const size_t *films, gk_error *err) {
    gk_data__making *m = c->m;
    size_t id = 0;
    for (int s = 0; s < GK_DATA__N_SPLITS; s++)
        for (size_t i = 0; i < m->splits[s].n; i++, id++) {
            m->splits[s].row[i] = make_row(c, s, titles[id], films[id], id, err);
            if (!m->splits[s].row[i]) return false;
        }
    return true;
}

static bool make_fake(gk_data__making *m, gk_error *err) {
    casting c = {0};
    size_t n = asked(m), pairs = m->lists[ADJECTIVE].n * m->lists[NOUN].n;
    if (n > pairs || under_test(m) > m->lists[ACTOR].n / 2) return too_many(m, pairs, err);
    set_up(&c, m);
    gk_data__two_words made =
        gk_data__two_words_new(&m->lists[ADJECTIVE], &m->lists[NOUN], (uint64_t)m->opt->seed, "film titles");
    const char **title = gk_arena_alloc(m->a, (n + 1) * sizeof *title);
    size_t *film = gk_arena_alloc(m->a, (n + 1) * sizeof *film);
    for (size_t i = 0; i < n; i++) {
        film[i] = SIZE_MAX;
        uint32_t film_name;
        bool base = i < m->splits[GK_DATA__BASE].n;
        if (!(base ? gk_data__two_words_spread(&made, 1, &film_name)
                   : gk_data__two_words_take(&made, 0, 1, &film_name)))
            break; /* n is at most their number */
        title[i] = gk_arena_printf(m->a, "%s%s %s", gk_rng_below(&c.rng, 2) ? "The " : "",
                                   gk_data__two_words_left(&made, film_name),
                                   gk_data__two_words_right(&made, film_name));
    }
    bool ok = load_films(&c, err) && fill(&c, title, film, err);
    gk_data__two_words_free(&made);
    clean_up(&c);
    return ok;
}

static bool make_real(gk_data__making *m, gk_error *err) {
    casting c = {.m = m};
    gk_rng rng;
    size_t n = asked(m);
    if (!load_films(&c, err)) return false;
    json_object_set_new(m->tables, "films", json_integer((json_int_t)c.films.n));
    if (n > c.films.n || under_test(m) > m->lists[ACTOR].n / 2) return too_many(m, c.films.n, err);
    set_up(&c, m);
    const char **title = gk_arena_alloc(m->a, (n + 1) * sizeof *title);
    size_t *film = gk_arena_alloc(m->a, c.films.n * sizeof *film);
    for (size_t i = 0; i < c.films.n; i++) film[i] = i;
    gk_rng_seed(&rng, (uint64_t)m->opt->seed, "real films");
    gk_rng_shuffle(&rng, film, c.films.n, sizeof *film);
    for (size_t i = 0; i < n; i++) title[i] = gk_data__tsv_at(&c.films, film[i], TITLE);
    bool ok = fill(&c, title, film, err);
    clean_up(&c);
    return ok;
}

const gk_data__generator gk_data__real_actors = {
    .name = "fake_movies_real_actors",
    .swap = {"first_actor", "second_actor", true},
    .lists = LISTS,
    .n_lists = N_LISTS,
    .n_names = 1,
    .rows = {450, 100, 100},
    .make = make_fake,
};

const gk_data__generator gk_data__real_movies = {
    .name = "real_movies_real_actors_shuffled",
    .swap = {"first_actor", "second_actor", true},
    .lists = LISTS,
    .n_lists = GENRE + 1,
    .n_names = 1,
    .rows = {450, 100, 100},
    .make = make_real,
};
