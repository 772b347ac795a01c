/* battles.c: battles and the years they were fought in, which are made up. */
#include "core/shipped.h"
#include "data/internal.h"

#include <stdlib.h>

enum { BATTLE, PARTY_1, PARTY_2, LAND, YEAR, N_COLUMNS };
enum { FIRST_YEAR = 1000, N_YEARS = 1000 };

/* The first year left that is not the true one; those passed over keep their turn. */
static int take_year(int *year, size_t n, size_t *taken, long truth) {
    size_t at = *taken;
    while (at < n && year[at] == truth) at++;
    if (at == n) return -1;
    int got = year[at];
    year[at] = year[*taken];
    year[(*taken)++] = got;
    return got;
}

static json_t *make_row(const gk_data__tsv *t, size_t i, size_t id, int year) {
    json_t *row = json_pack("{s:I,s:s}", "id", (json_int_t)id, "first_actor", gk_data__tsv_at(t, i, BATTLE));
    json_object_set_new(row, "second_actor", json_sprintf("%d", year));
    json_object_set_new(row, "first_party", json_string(gk_data__tsv_at(t, i, PARTY_1)));
    json_object_set_new(row, "second_party", json_string(gk_data__tsv_at(t, i, PARTY_2)));
    json_object_set_new(row, "land", json_string(gk_data__tsv_at(t, i, LAND)));
    return row;
}

static bool fill(gk_data__making *m, const gk_data__tsv *t, const size_t *order, int *year, gk_error *err) {
    size_t id = 0, taken = 0;
    for (int s = 0; s < GK_DATA__N_SPLITS; s++)
        for (size_t i = 0; i < m->splits[s].n; i++, id++) {
            char *end;
            const char *text = gk_data__tsv_at(t, order[id], YEAR);
            long truth = strtol(text, &end, 10);
            if (*end)
                return gk_fail(err, GK_AT_LINE(t->path, t->line[order[id]], 0), NULL, "'%s' is no year",
                               text);
            int drawn = take_year(year, N_YEARS, &taken, truth);
            if (drawn < 0)
                return gk_fail(err, GK_NOWHERE, "ask for fewer rows", "after %zu rows no year is left", id);
            m->splits[s].row[i] = make_row(t, order[id], id, drawn);
        }
    return true;
}

static bool make(gk_data__making *m, gk_error *err) {
    gk_data__tsv t;
    gk_rng rng;
    size_t asked = 0;
    if (!gk_data__tsv_load(m->a, gk_shipped_path(m->a, m->opt->home, GK_SHIPPED_TABLES, "battles"), N_COLUMNS,
                           &t, err))
        return false;
    for (int s = 0; s < GK_DATA__N_SPLITS; s++) asked += m->splits[s].n;
    if (asked > t.n || asked > N_YEARS)
        return gk_fail(err, GK_NOWHERE, "ask for fewer rows, or add to data/lists/battles.tsv",
                       "%zu rows in all are more than the lists give: battles for %zu, years for %d", asked,
                       t.n, N_YEARS);
    json_object_set_new(m->tables, "battles", json_integer((json_int_t)t.n));
    size_t *order = gk_arena_alloc(m->a, t.n * sizeof *order);
    int *year = gk_arena_alloc(m->a, N_YEARS * sizeof *year);
    for (size_t i = 0; i < t.n; i++) order[i] = i;
    for (int i = 0; i < N_YEARS; i++) year[i] = FIRST_YEAR + i;
    gk_rng_seed(&rng, (uint64_t)m->opt->seed, "battles");
    gk_rng_shuffle(&rng, order, t.n, sizeof *order);
    gk_rng_shuffle(&rng, year, N_YEARS, sizeof *year);
    m->n_first_words = N_YEARS;
    return fill(m, &t, order, year, err);
}

const gk_data__generator gk_data__battles = {
    .name = "battles",
    .swap = {"first_actor", "second_actor", false},
    .rows = {100, 100, 100},
    .make = make,
};
