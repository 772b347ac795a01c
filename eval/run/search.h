/* search.h: what the parts of the search for small grafts share. Internal to eval/run. */
#ifndef GK_RUN_SEARCH_H
#define GK_RUN_SEARCH_H

#include "eval/run/inputs.h"
#include "graftkit/eval/measure.h"
#include "graftkit/eval/search.h"
#include "graftkit/graft/engine.h"
#include "graftkit/graft/plan.h"
#include "graftkit/model/config.h"

/* ---------------------------------------------------------------- cells (search_cells.c) */

typedef struct gk_search__position { /* a position: one part of every prompt */
    const char *name, *at;           /* as asked for; the same without tokens of earlier ones, as YAML */
} gk_search__position;

typedef struct gk_search__group { /* a component group */
    const char *name;
    uint32_t components; /* bit per gk_component; never lnf and head */
} gk_search__group;

/* Column 0 of a position is embed and pos; then come the groups of each layer block. */
typedef struct gk_search__cells {
    const gk_config *cfg;
    gk_search__position *spot;
    bool rest;              /* the last one is what the others leave */
    gk_search__group *team; /* inside the layers */
    size_t n_spots, n_teams, n_blocks, n_columns, n;
    const char **name;     /* [n] */
    const char **left_out; /* NULL-terminated; see gk_search_left_out */
    int *column;           /* [slots]: -1 for lnf and head */
    double *weight;        /* [slots]: weights that a token is multiplied with */
    uint8_t **spot_of;     /* [prompts][tokens]: index in spot; NULL for dropped prompts */
} gk_search__cells;

/* Makes the cells and drops the prompts in which one of them would be empty. */
bool gk_search__cells_make(gk_arena *a, const gk_search_options *o, const gk_cast *cast, gk_prompts *p,
                           gk_search__cells *out, gk_error *err);
/* The plan that takes the cells of `in` from model 1 and the rest from model 0. */
gk_plan gk_search__cells_plan(gk_arena *a, const gk_search__cells *c, const gk_prompts *p, size_t prompt,
                              const bool *in);
/* See gk_search_rung. */
double gk_search__cells_share(const gk_search__cells *c, const gk_prompts *p, const bool *in);
/* Adds the grafts of a scheme, a line each; "" for an empty set. */
void gk_search__cells_yaml(const gk_search__cells *c, const char *donor, const bool *in, gk_buf *out);

/* ---------------------------------------------------------------- the search (search.c) */

enum { GK_SEARCH__SEARCHED, GK_SEARCH__HELD_OUT, GK_SEARCH__PARTS };

typedef struct gk_search__candidate { /* a graft that was looked at */
    bool *in;                         /* [cells] */
    size_t changed;                   /* the cell that was added or dropped */
    double objective, accuracy;       /* on the rows to search */
} gk_search__candidate;

typedef struct gk_search__step {
    bool drop;
    gk_search__candidate *beam; /* best first */
    size_t n;
} gk_search__step;

struct gk_search {
    gk_arena *a, *scratch;
    gk_search_options o; /* strings in `a` */
    gk_run__inputs in;
    gk_prompts prompts;
    gk_search__cells cells;
    gk_metric metric;
    size_t budget;
    size_t *part[GK_SEARCH__PARTS], n_part[GK_SEARCH__PARTS],
        rows[GK_SEARCH__PARTS]; /* indices of prompts; rows they are of */
    json_t *identity;

    bool known, complete;                                 /* the two references; the search has ended */
    double pre[GK_SEARCH__PARTS], full[GK_SEARCH__PARTS]; /* accuracy of the recipient, of all cells */
    gk_search__step *step;
    size_t n_steps, room;

    bool stopped; /* gk_interrupted() became true */
    gk_graft_stats stats;
    gk_search_result *result;
};

/* ---------------------------------------------------------------- scores (search_score.c) */

/* Scores n sets on a part: out[i * prompts of the part + j]. A prompt whose logits are not finite ranks last,
 * with a log-probability of -inf. False and s->stopped: asked to stop. */
bool gk_search__score(gk_search *s, int part, const bool *const *sets, size_t n, const char *label,
                      gk_obs *out, gk_error *err);

/* ---------------------------------------------------------------- its state (search_state.c) */

/* The next step, with room for n grafts. */
gk_search__step *gk_search__add_step(gk_search *s, bool drop, size_t n);
bool gk_search__identify(gk_search *s, gk_error *err);
bool gk_search__save(const gk_search *s, gk_error *err);
/* Nothing where there is no state yet. */
bool gk_search__load(gk_search *s, gk_error *err);

/* ---------------------------------------------------------------- the claim (search_write.c) */

/* Measures the ladder, fills s->result. */
bool gk_search__measure(gk_search *s, gk_error *err);
bool gk_search__write(gk_search *s, gk_error *err);

#endif
