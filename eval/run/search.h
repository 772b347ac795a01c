/* search.h: what the parts of the search for small grafts share. Internal to eval/run. */
#ifndef GK_RUN_SEARCH_H
#define GK_RUN_SEARCH_H

#include "eval/run/inputs.h"

/* ---------------------------------------------------------------- cells (search_cells.c) */

typedef struct gk__spot {  /* a position: one part of every prompt */
    const char *name, *at; /* as asked for; the same without tokens of earlier ones, as YAML */
} gk__spot;

typedef struct gk__team { /* a component group */
    const char *name;
    uint32_t components; /* bit per gk_component; never lnf and head */
} gk__team;

/* Column 0 of a position is embed and pos; then come the groups of each layer block. */
typedef struct gk__cells {
    const gk_config *cfg;
    gk__spot *spot;
    bool rest;      /* the last one is what the others leave */
    gk__team *team; /* inside the layers */
    size_t n_spots, n_teams, n_blocks, n_columns, n;
    const char **name;     /* [n] */
    const char **left_out; /* NULL-terminated; see gk_search_left_out */
    int *column;           /* [slots]: -1 for lnf and head */
    double *weight;        /* [slots]: weights that a token is multiplied with */
    uint8_t **spot_of;     /* [prompts][tokens]: index in spot; NULL for dropped prompts */
} gk__cells;

/* Makes the cells and drops the prompts in which one of them would be empty. */
bool gk__cells_make(gk_arena *a, const gk_search_options *o, const gk_cast *cast, gk_prompts *p,
                    gk__cells *out, gk_error *err);
/* The plan that takes the cells of `in` from model 1 and the rest from model 0. */
gk_plan gk__cells_plan(gk_arena *a, const gk__cells *c, const gk_prompts *p, size_t prompt, const bool *in);
/* See gk_search_rung. */
double gk__cells_share(const gk__cells *c, const gk_prompts *p, const bool *in);
/* Adds the grafts of a scheme, a line each; "" for an empty set. */
void gk__cells_yaml(const gk__cells *c, const char *donor, const bool *in, gk_buf *out);

/* ---------------------------------------------------------------- the search (search.c) */

enum { GK__SEARCH, GK__HELD_OUT, GK__PARTS };

typedef struct gk__node {       /* a graft that was looked at */
    bool *in;                   /* [cells] */
    size_t changed;             /* the cell that was added or dropped */
    double objective, accuracy; /* on the rows to search */
} gk__node;

typedef struct gk__step {
    bool drop;
    gk__node *beam; /* best first */
    size_t n;
} gk__step;

struct gk_search {
    gk_arena *a, *scratch;
    gk_search_options o; /* strings in `a` */
    gk__inputs in;
    gk_prompts prompts;
    gk__cells cells;
    gk_metric metric;
    size_t budget;
    size_t *part[GK__PARTS], n_part[GK__PARTS], rows[GK__PARTS]; /* indices of prompts; rows they are of */
    json_t *identity;

    bool known, complete;                   /* the two references; the search has ended */
    double pre[GK__PARTS], full[GK__PARTS]; /* accuracy of the recipient, of all cells */
    gk__step *step;
    size_t n_steps, room;

    bool stopped; /* gk_interrupted() became true */
    gk_graft_stats stats;
    gk_search_result *result;
};

/* ---------------------------------------------------------------- scores (search_score.c) */

/* Scores n sets on a part: out[i * prompts of the part + j]. A prompt whose logits are not finite ranks last,
 * with a log-probability of -inf. False and s->stopped: asked to stop. */
bool gk__search_score(gk_search *s, int part, const bool *const *sets, size_t n, const char *label,
                      gk_obs *out, gk_error *err);

/* ---------------------------------------------------------------- its state (search_state.c) */

/* The next step, with room for n grafts. */
gk__step *gk__search_add_step(gk_search *s, bool drop, size_t n);
bool gk__search_identify(gk_search *s, gk_error *err);
bool gk__search_save(const gk_search *s, gk_error *err);
/* Nothing where there is no state yet. */
bool gk__search_load(gk_search *s, gk_error *err);

/* ---------------------------------------------------------------- the claim (search_write.c) */

/* Measures the ladder, fills s->result. */
bool gk__search_measure(gk_search *s, gk_error *err);
bool gk__search_write(gk_search *s, gk_error *err);

#endif
