/* search_yaml.c: a set of cells in the words of schemes, as few grafts as positions and columns allow. */
#include "eval/run/search.h"

#include <string.h>

/* Whether two columns are taken at the same positions. */
static bool same_spots(const gk_search__cells *c, const bool *in, size_t x, size_t y) {
    for (size_t i = 0; i < c->n_spots; i++)
        if (in[i * c->n_columns + x] != in[i * c->n_columns + y]) return false;
    return true;
}

static size_t count_spots(const gk_search__cells *c, const bool *in, size_t column) {
    size_t n = 0;
    for (size_t i = 0; i < c->n_spots; i++) n += in[i * c->n_columns + column];
    return n;
}

/* The columns that are taken where `column` is; false when an earlier column stands for them. */
static bool collect(const gk_search__cells *c, const bool *in, size_t column, bool *with) {
    for (size_t k = 0; k < c->n_columns; k++) {
        with[k] = same_spots(c, in, column, k);
        if (with[k] && k < column) return false;
    }
    return true;
}

static void add_list(const gk_search__cells *c, const bool *in, size_t column, bool which, gk_buf *out) {
    const char *comma = "";
    for (size_t i = 0; i < c->n_spots; i++) {
        if (in[i * c->n_columns + column] != which) continue;
        gk_buf_printf(out, "%s%s", comma, c->spot[i].at);
        comma = ", ";
    }
}

/* With the rest, which is itself a complement, the positions are told by those that are missing. */
static void add_at(const gk_search__cells *c, const bool *in, size_t column, gk_buf *out) {
    size_t n = count_spots(c, in, column);
    bool rest = c->rest && in[(c->n_spots - 1) * c->n_columns + column];
    gk_buf_printf(out, "      - {at: %s", n == c->n_spots ? "all" : rest ? "{not: [" : n > 1 ? "[" : "");
    if (n < c->n_spots) add_list(c, in, column, !rest, out);
    gk_buf_puts(out, n == c->n_spots ? "" : rest ? "]}" : n > 1 ? "]" : "");
}

static void add_components(const gk_search__cells *c, uint32_t mask, gk_buf *out) {
    const char *comma = "";
    gk_buf_puts(out, ", components: [");
    for (int i = 0; i < GK_LNF; i++) {
        if (!(mask & (1u << i)) || !gk_config_has(c->cfg, (gk_component)i)) continue;
        gk_buf_printf(out, "%s%s", comma, gk_component_name((gk_component)i));
        comma = ", ";
    }
    gk_buf_puts(out, "]");
}

static const bool *blocks_of(const gk_search__cells *c, const bool *with, size_t team, bool *blocks,
                             size_t *n) {
    *n = 0;
    for (size_t b = 0; b < c->n_blocks; b++) *n += blocks[b] = with[1 + b * c->n_teams + team];
    return blocks;
}

static void add_layers(const gk_search__cells *c, const bool *blocks, size_t n, gk_buf *out) {
    const char *comma = "";
    if (n < c->n_blocks) gk_buf_puts(out, n > 1 ? ", layers: [" : ", layers: ");
    for (size_t b = 0; n < c->n_blocks && b < c->n_blocks; b++) {
        if (!blocks[b]) continue;
        gk_buf_printf(out, "%s%zu/%zu", comma, b + 1, c->n_blocks);
        comma = ", ";
    }
    if (n > 1 && n < c->n_blocks) gk_buf_puts(out, "]");
}

/* One graft for each set of blocks that groups have in common. */
static void add_teams(const gk_search__cells *c, const char *donor, const bool *in, size_t column,
                      const bool *with, gk_buf *out) {
    bool *mine = gk_alloc(c->n_blocks), *other = gk_alloc(c->n_blocks), *told = gk_alloc(c->n_teams);
    for (size_t g = 0; g < c->n_teams; g++) {
        size_t n, n_other;
        blocks_of(c, with, g, mine, &n);
        if (n == 0 || told[g]) continue;
        uint32_t mask = 0;
        for (size_t h = g; h < c->n_teams; h++) {
            blocks_of(c, with, h, other, &n_other);
            if (memcmp(mine, other, c->n_blocks) != 0) continue;
            told[h] = true;
            mask |= c->team[h].components;
        }
        add_at(c, in, column, out);
        gk_buf_printf(out, ", donor: '%s'", donor);
        add_components(c, mask, out);
        add_layers(c, mine, n, out);
        gk_buf_puts(out, "}\n");
    }
    gk_free(mine);
    gk_free(other);
    gk_free(told);
}

void gk_search__cells_yaml(const gk_search__cells *c, const char *donor, const bool *in, gk_buf *out) {
    bool *with = gk_alloc(c->n_columns);
    gk_buf_puts(out, "");
    for (size_t column = 0; column < c->n_columns; column++) {
        if (count_spots(c, in, column) == 0 || !collect(c, in, column, with)) continue;
        bool whole = true;
        for (size_t k = 0; k < c->n_columns; k++) whole = whole && with[k];
        if (whole || with[0]) {
            add_at(c, in, column, out);
            gk_buf_printf(out, ", donor: '%s'", donor);
            if (!whole) add_components(c, 1u << GK_EMBED | 1u << GK_POS, out);
            gk_buf_puts(out, "}\n");
        }
        if (!whole) add_teams(c, donor, in, column, with, out);
    }
    gk_free(with);
}
