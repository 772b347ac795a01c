/* draw.c: a plan as a table: a column for each layer, a row for each token, a mark for who computes. */
#include "graftkit/graft/plan.h"
#include "report/chart/chart.h"
#include "report/plan/draw.h"

#include <string.h>

/* ---------------------------------------------------------------- columns */

static void add_column(gk_draw__table_of_plan *t, const gk_config *c, const char *name, int layer, int first,
                       int end) {
    gk_draw__column *col = &t->column[t->n_columns];
    *col = (gk_draw__column){.name = name, .layer = layer};
    for (int i = first; i < end; i++)
        if (gk_config_has(c, (gk_component)i)) col->comp[col->n++] = (gk_component)i;
    t->n_columns += col->n > 0;
}

static void add_columns(gk_arena *a, gk_draw__table_of_plan *t, const gk_config *c) {
    t->column = gk_arena_alloc(a, ((size_t)c->n_layers + 4) * sizeof *t->column);
    add_column(t, c, gk_component_name(GK_EMBED), -1, GK_EMBED, GK_EMBED + 1);
    add_column(t, c, gk_component_name(GK_POS), -1, GK_POS, GK_POS + 1);
    for (int l = 0; l < c->n_layers; l++) add_column(t, c, gk_arena_printf(a, "%d", l), l, GK_LN1, GK_LNF);
    add_column(t, c, gk_component_name(GK_LNF), -1, GK_LNF, GK_LNF + 1);
    add_column(t, c, gk_component_name(GK_HEAD), -1, GK_HEAD, GK_HEAD + 1);
}

/* ---------------------------------------------------------------- cells */

static int find_mix(const gk_draw__table_of_plan *t, const gk_draw__column *col, const uint8_t *models) {
    for (int i = 0; i < t->n_mix; i++)
        if (t->mixed[i]->n == col->n && memcmp(t->mix[i], models, GK_DRAW__MIX) == 0) return i;
    return -1;
}

static int add_mix(gk_arena *a, gk_draw__table_of_plan *t, const gk_draw__column *col,
                   const uint8_t *models) {
    if ((t->n_mix & (t->n_mix - 1)) == 0) { /* full: 0, 1, 2, 4, … */
        size_t room = t->n_mix ? 2 * (size_t)t->n_mix : 1, old = (size_t)t->n_mix;
        void *mix = gk_arena_alloc(a, room * sizeof *t->mix),
             *mixed = gk_arena_alloc(a, room * sizeof *t->mixed);
        if (old) memcpy(mix, t->mix, old * sizeof *t->mix);
        if (old) memcpy(mixed, t->mixed, old * sizeof *t->mixed);
        t->mix = mix;
        t->mixed = mixed;
    }
    memcpy(t->mix[t->n_mix], models, GK_DRAW__MIX);
    t->mixed[t->n_mix] = col;
    return t->n_mix++;
}

static int make_cell(gk_arena *a, const gk_drawing *d, gk_draw__table_of_plan *t, const gk_draw__column *col,
                     int token) {
    uint8_t models[GK_DRAW__MIX] = {0};
    bool same = true;
    if (d->plan->patch && col->comp[0] < GK_LNF) { /* what comes after the embedding, or after the layer */
        models[GK_DRAW__PATCH] = d->plan->patch[(col->layer + 1) * d->plan->n_tokens + token];
        if (models[GK_DRAW__PATCH]) t->used[gk_patch_model(models[GK_DRAW__PATCH])] = true;
    }
    for (int i = 0; i < col->n; i++) {
        int slot = gk_plan_slot(d->config, col->layer, col->comp[i]);
        models[i] = d->plan->model[slot * d->plan->n_tokens + token];
        t->used[models[i]] = true;
        same = same && models[i] == models[0];
    }
    if (same && !models[GK_DRAW__PATCH]) return models[0];
    int mix = find_mix(t, col, models);
    return GK_DRAW__MIXED + (mix >= 0 ? mix : add_mix(a, t, col, models));
}

/* The first letter of a model's name, or the next that is free. */
static void choose_letters(const gk_drawing *d, gk_draw__table_of_plan *t) {
    bool taken[26] = {false};
    t->letter[0] = '.';
    for (int m = 1; m < d->cast->n; m++) {
        char c = d->cast->name[m][0];
        int at = c >= 'a' && c <= 'z' ? c - 'a' : c >= 'A' && c <= 'Z' ? c - 'A' : 0;
        while (taken[at]) at = (at + 1) % 26;
        taken[at] = true;
        t->letter[m] = (char)('A' + at);
    }
}

gk_draw__table_of_plan gk_draw__table(gk_arena *a, const gk_drawing *d) {
    gk_draw__table_of_plan t = {.n_tokens = d->plan->n_tokens};
    add_columns(a, &t, d->config);
    t.cell = gk_arena_alloc(a, (size_t)t.n_columns * (size_t)t.n_tokens * sizeof *t.cell);
    for (int c = 0; c < t.n_columns; c++)
        for (int i = 0; i < t.n_tokens; i++)
            t.cell[c * t.n_tokens + i] = make_cell(a, d, &t, &t.column[c], i);
    choose_letters(d, &t);
    return t;
}

/* ---------------------------------------------------------------- words and colours */

static void add_words(gk_buf *b, const gk_drawing *d, const gk_draw__column *col, const uint8_t *models) {
    bool rest = false, same = true;
    for (int i = 0; i < col->n; i++) {
        rest = rest || models[i] == 0;
        same = same && models[i] == models[0];
    }
    if (same) gk_buf_printf(b, "all from %s", d->cast->name[models[0]]);
    for (int m = 1; !same && m < d->cast->n; m++) {
        size_t before = b->len;
        for (int i = 0; i < col->n; i++)
            if (models[i] == m)
                gk_buf_printf(b, "%s%s",
                              b->len > before ? " "
                              : before        ? ", "
                                              : "",
                              gk_component_name(col->comp[i]));
        if (b->len > before) gk_buf_printf(b, " from %s", d->cast->name[m]);
    }
    if (rest && !same) gk_buf_printf(b, ", the rest from %s", d->cast->name[0]);
}

const char *gk_draw__words(gk_arena *a, const gk_drawing *d, const gk_draw__table_of_plan *t, int cell) {
    if (cell < GK_DRAW__MIXED) return gk_arena_printf(a, "all from %s", d->cast->name[cell]);
    const uint8_t *models = t->mix[cell - GK_DRAW__MIXED], patch = models[GK_DRAW__PATCH];
    gk_buf b = {0};
    gk_buf_puts(&b, "");
    add_words(&b, d, t->mixed[cell - GK_DRAW__MIXED], models);
    if (patch)
        gk_buf_printf(&b, ", then replaced by %s of %s",
                      gk_patch_is_mean(patch) ? "the mean" : "the plain run",
                      d->cast->name[gk_patch_model(patch)]);
    const char *words = gk_arena_strdup(a, b.data);
    gk_buf_free(&b);
    return words;
}

int gk_draw__width(const char *text) {
    int n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

gk_draw__colour gk_draw__colour_of(int model) {
    static const struct {
        int ansi;
        bool dark;
    } series[GK_CHART__N_SERIES_INKS] = {
        [GK_CHART__BLUE] = {25, true},     [GK_CHART__ORANGE] = {214, false}, [GK_CHART__GREEN] = {36, false},
        [GK_CHART__PINK] = {175, false},   [GK_CHART__SKY] = {74, false},     [GK_CHART__RED] = {166, true},
        [GK_CHART__YELLOW] = {227, false}, [GK_CHART__DARK] = {236, true}};
    if (model == 0) return (gk_draw__colour){gk_chart__ink_hex(GK_CHART__GROUND), 252, false};
    int i = (model - 1) % GK_CHART__N_SERIES_INKS;
    return (gk_draw__colour){gk_chart__series_hex((size_t)i), series[i].ansi, series[i].dark};
}
