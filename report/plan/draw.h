/* draw.h: what the drawings of a plan share. Internal to report/. */
#ifndef GK_REPORT_PLAN_DRAW_H
#define GK_REPORT_PLAN_DRAW_H

#include "graftkit/core/memory.h"
#include "graftkit/graft/cast.h"
#include "graftkit/model/config.h"
#include "graftkit/report.h"

/* embed, pos, each layer, lnf, head, where the family has them. */
typedef struct gk_draw__column {
    const char *name; /* "embed", "12" */
    int layer;        /* -1: outside the layers */
    gk_component comp[GK_N_COMPONENTS];
    int n; /* components, in the order in which they compute */
} gk_draw__column;

enum { GK_DRAW__MIXED = GK_MAX_MODELS, GK_DRAW__PATCH = GK_N_COMPONENTS, GK_DRAW__MIX };
/* A plan as a table: a column for each gk_draw__column, a row for each token. */
typedef struct gk_draw__table_of_plan {
    gk_draw__column *column;
    int n_columns, n_tokens;
    int *
        cell; /* [n_columns x n_tokens]: a model, or GK_DRAW__MIXED + a mixture; a patched one is a mixture */
    uint8_t (*mix)[GK_DRAW__MIX];  /* the model of each of a layer's components; at GK_DRAW__PATCH the plan's
                                      patch */
    const gk_draw__column **mixed; /* a column with these components */
    int n_mix;
    bool used[GK_MAX_MODELS];   /* somewhere in the plan */
    char letter[GK_MAX_MODELS]; /* '.' for the cast's first */
} gk_draw__table_of_plan;
gk_draw__table_of_plan gk_draw__table(gk_arena *a, const gk_drawing *d);
static inline int gk_draw__cell(const gk_draw__table_of_plan *t, int column, int token) {
    return t->cell[column * t->n_tokens + token];
}
/* "o gate up down from sft, the rest from pre"; "all from sft". In `a`. */
const char *gk_draw__words(gk_arena *a, const gk_drawing *d, const gk_draw__table_of_plan *t, int cell);
/* Characters, which are columns of a terminal but for wide scripts. */
int gk_draw__width(const char *text);

/* One colour a model, which people with colour-blindness can tell apart too (Okabe and Ito); beyond eight
 * they come again, and the letters tell. */
typedef struct gk_draw__colour {
    const char *hex; /* "#0072b2" */
    int ansi;        /* of the 256 of terminals */
    bool dark;       /* wants light letters */
} gk_draw__colour;
gk_draw__colour gk_draw__colour_of(int model);

#endif
