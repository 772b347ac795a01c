/* internal.h: what the files of graft/ share. */
#ifndef GK_GRAFT_INTERNAL_H
#define GK_GRAFT_INTERNAL_H

#include "core/yaml.h"
#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/template.h"
#include "graftkit/graft/cast.h"
#include "graftkit/graft/engine.h"
#include "graftkit/graft/plan.h"
#include "graftkit/graft/scheme.h"
#include "graftkit/model/config.h"
#include "graftkit/model/products.h"
#include "graftkit/model/weights.h"
#include "graftkit/tokenizer.h"

/* ---------------------------------------------------------------- the YAML of a scheme (grid.c) */

/* One value of a grid's axis. */
typedef struct gk_graft__axis_value {
    const char *label; /* what names, tables and `gk_scheme_axis` show */
    const char *text;  /* what stands for $axis inside a text; NULL where the value is a list or a map */
    gk_ynode node;     /* what stands for a $axis of its own; absent where the value is only a text */
} gk_graft__axis_value;
typedef struct gk_graft__axis {
    const char *name;
    gk_place place;
    gk_graft__axis_value *value;
    size_t n, now; /* the value of the cell that is being read */
    bool used;     /* by anything that changes what is computed */
} gk_graft__axis;
typedef struct gk_graft__grid {
    gk_graft__axis *axis;
    size_t n;
    size_t cells;
} gk_graft__grid;

/* Where the words of a scheme come from. */
typedef struct gk_graft__yaml_source {
    gk_arena *a;
    const char *file;     /* outlives the document */
    gk_graft__grid *grid; /* NULL: the scheme has none, and $ is a character like others in its name */
} gk_graft__yaml_source;

enum { GK_GRAFT__MOST_SCHEMES = 100000 };
/* The axes of `grid: {axis: values, …}`. n_layers: of the models; 0: not known. */
bool gk_graft__grid_parse(const gk_graft__yaml_source *src, gk_ynode n, int n_layers, gk_graft__grid *out,
                          gk_error *err);
/* Cell i of grid->cells; the last axis runs fastest. */
void gk_graft__grid_go(gk_graft__grid *grid, size_t i);
/* After the cells have been read: every axis was used. */
bool gk_graft__grid_check(const gk_graft__grid *grid, gk_error *err);
/* Members of maps and lists, with the value of $axis where that is all that stands there. */
gk_ynode gk_graft__yaml_get(const gk_graft__yaml_source *src, gk_ynode map, const char *key);
gk_ynode gk_graft__yaml_item(const gk_graft__yaml_source *src, gk_ynode list, size_t i);
/* gk_yaml_str with the values of $axis and ${axis} filled in; in src->a. */
bool gk_graft__yaml_text(const gk_graft__yaml_source *src, gk_ynode n, const char **out, gk_error *err);
/* The same for names and descriptions: axes are labels, and using them does not count. */
bool gk_graft__yaml_title(const gk_graft__yaml_source *src, gk_ynode n, const char **out, gk_error *err);

/* ---------------------------------------------------------------- a scheme as parsed (scheme.c …) */

typedef enum gk_graft__positions_kind {
    GK_GRAFT__AT_ALL,
    GK_GRAFT__AT_RANGE,
    GK_GRAFT__AT_FIELD,
    GK_GRAFT__AT_NOT,
    GK_GRAFT__AT_AFTER,
    GK_GRAFT__AT_BEFORE,
    GK_GRAFT__AT_ALL_OF,
    GK_GRAFT__AT_UNION
} gk_graft__positions_kind;
typedef enum gk_graft__span_part {
    GK_GRAFT__SPAN_WHOLE,
    GK_GRAFT__SPAN_FIRST,
    GK_GRAFT__SPAN_FINAL
} gk_graft__span_part; /* which tokens of each of the field's spans */

/* A selection of token positions: a tree. */
typedef struct gk_graft__positions {
    gk_graft__positions_kind kind;
    gk_graft__span_part part;
    int from, to;      /* GK_GRAFT__AT_RANGE: both ends belong; from 0, negative ones count from the end */
    const char *field; /* GK_GRAFT__AT_FIELD */
    struct gk_graft__positions *item;
    size_t n;    /* members of GK_GRAFT__AT_UNION and GK_GRAFT__AT_ALL_OF; 1 for GK_GRAFT__AT_NOT, _AFTER and
                    _BEFORE */
    bool if_any; /* of these four: it may be empty */
    const char *text; /* canonical */
    gk_place place;
} gk_graft__positions;

/* Layers a..b (of = 0), or those of the depth a/of to b/of: floor(a L / of) to floor(b L / of) - 1. Or a
 * group of the public code, number `group` - 1 of its table (layers.c); then of = 0. */
typedef struct gk_graft__layer_item {
    int a, b, of, group;
} gk_graft__layer_item;
enum { GK_GRAFT__MILLION = 1000000 }; /* fractions are counted in millionths */
typedef struct gk_graft__layer_set {
    bool all;   /* and then embed and pos too */
    bool embed; /* the embedding's output, which patches and ablations may name */
    gk_graft__layer_item *item;
    size_t n;
    bool inverse;     /* the layers that are not in the items */
    bool drop;        /* of the items' layers, round(rate * number) are left out at random */
    int rate;         /* in millionths */
    uint64_t seed;    /* of the draw */
    const char *text; /* canonical */
    gk_place place;
} gk_graft__layer_set;

typedef struct gk_graft__model_name { /* a model's name where the YAML gives it */
    const char *name;
    gk_place place;
} gk_graft__model_name;

typedef struct gk_graft__assignment {
    gk_graft__positions at;
    gk_graft__model_name donor;
    uint32_t components; /* bit per gk_component */
    gk_graft__layer_set layers;
    gk_place place, components_place;
} gk_graft__assignment;

/* A patch or, with `mean`, an ablation. */
typedef struct gk_graft__patch {
    gk_graft__positions at;
    gk_graft__layer_set layers;
    gk_graft__model_name from; /* name NULL: the scheme's recipient */
    bool mean;
    gk_place place;
} gk_graft__patch;

/* Whose head and whose final norm read the prediction; name NULL: the scheme's recipient. */
typedef struct gk_graft__head_policy {
    gk_graft__model_name donor, norm;
    bool last; /* so at the last token only, the recipient's before */
    bool tied; /* a head that is tied to the embedding goes where the embedding is grafted from */
    gk_place place;
} gk_graft__head_policy;

struct gk_scheme {
    const char *name, *set, *set_title, *set_about, *about, *canonical;
    gk_place place;
    gk_graft__model_name recipient; /* name NULL: the cast's first */
    bool published;                 /* what the paper's public code computes: see published.c */
    gk_graft__head_policy head;
    gk_graft__assignment *graft;
    size_t n_grafts;
    gk_graft__patch *patch; /* the patches, then the ablations */
    size_t n_patches;
    gk_axis *axis; /* where in its grid it stands */
    size_t n_axes;
};

/* One selection, component set, layer set from YAML into src->a. */
bool gk_graft__positions_parse(const gk_graft__yaml_source *src, gk_ynode n, gk_graft__positions *out,
                               gk_error *err);
/* `known`: those that can be named, and that groups hold. */
bool gk_graft__components_parse(const gk_graft__yaml_source *src, gk_ynode n, uint32_t known, uint32_t *out,
                                gk_error *err);
bool gk_graft__layers_parse(const gk_graft__yaml_source *src, gk_ynode n, gk_graft__layer_set *out,
                            gk_error *err);
/* A scheme's list of grafts (scheme.c), and its name, which is one line of text. */
bool gk_graft__grafts_parse(const gk_graft__yaml_source *src, gk_ynode n, gk_scheme *s, gk_error *err);
bool gk_graft__title_parse(const gk_graft__yaml_source *src, gk_ynode n, const char **out, gk_error *err);
/* A group of the public code: its layers are *begin .. *end - 1 of so many, none where *end <= *begin. False
 * where the word names none. */
bool gk_graft__layers_group(const char *word, int n_layers, int *begin, int *end);
/* The graft takes nothing, by its own words: a drop rate of 1. */
bool gk_graft__layers_none(const gk_graft__layer_set *set);

typedef struct gk_graft__prompt {
    gk_arena *a;
    const gk_tokens *tokens;
    const gk_field_span *fields;
    size_t n_fields;
} gk_graft__prompt;
/* Adds the tokens of a selection to in[tokens]; fails where the selection, or one that it is made of, is
 * empty. */
bool gk_graft__positions_mark(const gk_graft__prompt *p, const gk_graft__positions *at, bool *in,
                              gk_error *err);
/* Sets in[n_layers], which is all false. */
bool gk_graft__layers_mark(gk_arena *a, const gk_graft__layer_set *set, int n_layers, bool *in,
                           gk_error *err);

gk_place gk_graft__yaml_place(gk_ynode n, const char *file);
/* Adds to a message which scheme of a grid it is about: the place in the file is that of many. Returns false.
 */
bool gk_graft__name_scheme(const gk_scheme *s, gk_error *err);
/* Names of fields and models must keep the canonical text unambiguous. */
bool gk_graft__name_ok(const char *name);
/* A model's name from YAML (cast.c). */
bool gk_graft__model_name_parse(const gk_graft__yaml_source *src, gk_ynode n, gk_graft__model_name *out,
                                gk_error *err);
/* An integer that is written with digits and perhaps a minus, and nothing else. */
bool gk_graft__whole_number(const char *s, long lo, long hi, int *out);
/* Sorts strings and drops repeats; returns how many are left. */
size_t gk_graft__sort_texts(const char **text, size_t n);
const char *gk_graft__join_texts(gk_arena *a, const char *const *text, size_t n, const char *separator);
/* "embed, pos, ln1": the components of a mask, or "all". In `a`. */
const char *gk_graft__components_text(gk_arena *a, uint32_t components, const char *separator);
/* The head policy (head_policy.c), after the recipient has been read, and its part of the canonical text. */
bool gk_graft__head_parse(const gk_graft__yaml_source *src, gk_ynode n, gk_scheme *s, gk_error *err);
const char *gk_graft__head_text(gk_arena *a, const gk_graft__head_policy *h);
/* Patches and ablations (patch.c): their lists in a scheme's map, and their part of its canonical text. */
bool gk_graft__patches_parse(const gk_graft__yaml_source *src, gk_ynode scheme, gk_scheme *s, gk_error *err);
const char *gk_graft__patches_text(gk_arena *a, const gk_scheme *s);
/* What a scheme does, in one line (scheme.c). */
const char *gk_graft__canonical_text(gk_arena *a, const gk_scheme *s);
/* `compare:` of a file (compare.c): appended to out's contrasts. */
bool gk_graft__contrasts_parse(const gk_graft__yaml_source *src, gk_ynode list, const char *set,
                               gk_schemes *out, gk_error *err);
/* embed … down; lnf and head follow the head policy. */
#define GK_GRAFT__ALL_COMPONENTS ((1u << GK_LNF) - 1u)
/* Those of a scheme that is as published: what the paper's public code can graft (published.c). */
extern const uint32_t gk_graft__published_components;
/* What a scheme that is as published cannot have, once all of it but its head policy has been read; then the
 * policy, which is completed. */
bool gk_graft__published_check(const gk_scheme *s, gk_error *err);
bool gk_graft__published_head(gk_scheme *s, gk_error *err);
/* The same on a prompt: components that the public code cannot take apart in models of such a family. */
bool gk_graft__published_fits(const gk_scheme *s, const gk_config *c, gk_error *err);
/* Whether the head of model m is its embedding; of a model that is but a name, whether `c` says so. */
bool gk_graft__published_tied(const gk_cast *cast, int m, const gk_config *c);

/* ---------------------------------------------------------------- a scheme on a prompt (plan.c) */

/* Sets slots[gk_plan_slots], which are all false, where the graft has them at the tokens that it marks; fails
 * where it has none. */
bool gk_graft__slots_mark(gk_arena *a, const gk_graft__assignment *g, const gk_config *c, bool *slots,
                          gk_error *err);
/* The model's number in the cast, or -1 (cast.c). */
int gk_graft__model_find(const gk_cast *cast, const gk_graft__model_name *m, gk_error *err);
/* The scheme's patches and ablations into out->patch (patch.c). */
bool gk_graft__patches_lay(const gk_graft__prompt *p, const gk_scheme *s, const gk_cast *cast,
                           const gk_config *c, int recipient, gk_plan *out, gk_error *err);

/* ---------------------------------------------------------------- growing arrays of plain data (intern.c) */

/* Memory that keeps its size between stages, layers and chunks. `tally` (may be NULL) holds the bytes of all.
 */
typedef struct gk_graft__room {
    void *p;
    size_t bytes;
} gk_graft__room;
/* At least `bytes`; the first `keep` bytes survive. */
void *gk_graft__room_for(gk_graft__room *r, size_t bytes, size_t keep, size_t *tally);

/* ------------------------------------------------- what computes a slot (weights.c, derived.c) */

typedef enum gk_graft__weights_kind {
    GK_GRAFT__PLAIN,    /* `from` */
    GK_GRAFT__LOW_RANK, /* from + low */
    GK_GRAFT__BLEND,    /* from + alpha (to - from) */
    GK_GRAFT__SELECT    /* to where |to - from| is large, else from */
} gk_graft__weights_kind;
/* One component's weights in one layer. The bias, if any, is from.b whatever the kind. */
typedef struct gk_graft__weights {
    gk_graft__weights_kind kind;
    gk_tensor from, to;
    gk_low_rank low;
    float alpha;
    /* GK_GRAFT__SELECT: the bits of the smallest difference that is taken, and the last entry that is taken
     * with just that one. */
    uint32_t least;
    size_t last;
} gk_graft__weights;
/* Those of model m of the cast (derived.c). */
gk_graft__weights gk_graft__weights_of(const gk_cast *cast, int m, int layer, gk_component comp);
/* Bit-equal weights and bias (when both are of one kind, from the same tensors). */
bool gk_graft__weights_same(const gk_graft__weights *a, const gk_graft__weights *b);
bool gk_graft__tensor_same(gk_tensor a, gk_tensor b);                 /* weights alone */
bool gk_graft__floats_same(const float *a, const float *b, size_t n); /* NULL is equal to NULL */
/* The bits of |b - a|, which order as the numbers do. */
uint32_t gk_graft__difference_bits(float a, float b);
/* Whether one product gives the rows of both, but for what gk_graft__weights_add_low adds. */
bool gk_graft__weights_share(const gk_graft__weights *a, const gk_graft__weights *b);
/* As gk_products_linear, without `low`; `block` is scratch. */
void gk_graft__weights_linear(gk_products *p, const gk_graft__weights *w, int n, const float *x, int ldx,
                              const uint32_t *row, float *y, int ldy, gk_graft__room *block, size_t *tally);
/* Whether products with them may pick out rows. */
bool gk_graft__weights_kept(const gk_products *p, const gk_graft__weights *w);
/* Adds the product with `low`, if there is one; `low` is scratch. */
void gk_graft__weights_add_low(const gk_graft__weights *w, int n, const float *x, int ldx, float *y, int ldy,
                               gk_graft__room *low, size_t *tally);
double gk_graft__weights_flops(const gk_graft__weights *w); /* of one row's product */
/* As gk_op_embed and gk_op_pos. */
void gk_graft__weights_embed(const gk_config *c, const gk_graft__weights *w, int n, const int32_t *token,
                             float *x);
void gk_graft__weights_pos(const gk_graft__weights *w, int n, const int32_t *position, float *x);

/* ---------------------------------------------------------------- interning (intern.c) */

/* Equal keys get equal ids, counted from 0 in order of first appearance. A key is `words` 32-bit words. */
typedef struct gk_graft__interned {
    size_t words;
    uint32_t n, mask;
    gk_graft__room keys, buckets;
} gk_graft__interned;
void gk_graft__intern_start(gk_graft__interned *t, size_t words, size_t expected, size_t *tally);
/* *fresh: the key was not there. Fewer than 2^31 keys. */
uint32_t gk_graft__intern_add(gk_graft__interned *t, const uint32_t *key, bool *fresh, size_t *tally);
const uint32_t *gk_graft__intern_key(const gk_graft__interned *t, uint32_t id);
void gk_graft__intern_free(gk_graft__interned *t);

/* ---------------------------------------------------------------- a chunk of jobs as a trie (trie.c) */

/* Jobs that have the same tokens and the same plan columns up to a token share a node for it; a parent comes
 * before its children. Everything that follows works on nodes. */
typedef struct gk_graft__trie_node {
    uint32_t parent; /* GK_GRAFT__NONE at position 0 */
    uint32_t token, column;
    uint32_t path; /* where the path of a job through this node starts in gk_graft__trie.path */
    /* Where gk_graft__trie.source lists, by model, the nodes of plain runs that this one's patches take from;
     * GK_GRAFT__NONE: it has no such patch. */
    uint32_t source;
    int32_t position;
} gk_graft__trie_node;
#define GK_GRAFT__NONE UINT32_MAX

typedef struct gk_graft__trie {
    int n_slots,
        n_patches; /* entries of a column: slots, then patches (n_layers + 1, or 0 in a run without) */
    size_t column_words;
    const uint8_t *canon; /* [n_slots x GK_MAX_MODELS]: the first model with the same weights in that slot */
    gk_graft__interned nodes, columns;
    gk_graft__room node, path, source, key;
    size_t path_n, source_n;
    size_t *tally;
} gk_graft__trie;
void gk_graft__trie_start(gk_graft__trie *t);
/* Adds a job, and of the plain runs that its patches take from the tokens up to the last that they do.
 * Returns the node of the job's last token. */
uint32_t gk_graft__trie_add(gk_graft__trie *t, const gk_job *job);
/* The same for one model alone. */
uint32_t gk_graft__trie_add_plain(gk_graft__trie *t, const int32_t *token, int n, int model);
/* A token behind a node, in that node's column, and behind the plain runs that the column's patches take
 * from.
 */
uint32_t gk_graft__trie_extend(gk_graft__trie *t, uint32_t parent, int32_t token);
/* Lists the paths of these nodes and of those that their patches take from, in place of all others. */
void gk_graft__trie_list_paths(gk_graft__trie *t, const uint32_t *node, uint32_t n);
/* How many paths of at most its length a job adds. */
int gk_graft__trie_paths(const gk_graft__trie *t, const gk_job *job);
static inline const gk_graft__trie_node *gk_graft__trie_at(const gk_graft__trie *t, uint32_t i) {
    return (const gk_graft__trie_node *)t->node.p + i;
}
static inline uint8_t gk_graft__trie_model(const gk_graft__trie *t, uint32_t node, int slot) {
    const uint8_t *column =
        (const uint8_t *)gk_graft__intern_key(&t->columns, gk_graft__trie_at(t, node)->column);
    return column[slot];
}
/* What replaces the residual stream (gk_plan.patch). */
static inline uint8_t gk_graft__trie_patch(const gk_graft__trie *t, uint32_t node, int index) {
    const uint8_t *column =
        (const uint8_t *)gk_graft__intern_key(&t->columns, gk_graft__trie_at(t, node)->column);
    return t->n_patches ? column[t->n_slots + index] : GK_PATCH_NONE;
}
void gk_graft__trie_free(gk_graft__trie *t);

/* ---------------------------------------------------------------- stages (stages.c) */

/* The distinct rows of one stage, sorted so that each model's are together. */
typedef struct gk_graft__stage_rows {
    uint32_t n;
    int width;                         /* floats a row */
    uint32_t start[GK_MAX_MODELS + 1]; /* rows start[m] .. start[m+1]-1 are computed by model m */
    gk_graft__room of;                 /* uint32_t [nodes]: a node's row */
    gk_graft__room in, in2, node;      /* uint32_t [n]: input rows; a node that has this row */
    gk_graft__room x;                  /* float [n x width] */
} gk_graft__stage_rows;

/* Of one layer, what tokens that come later read. */
typedef struct gk_graft__kept_keys {
    uint32_t n, n_prefixes;    /* rows; distinct prefixes */
    gk_graft__room k, v;       /* float [n x kv_dim] */
    gk_graft__room of, prefix; /* uint32_t [nodes]: a node's row; its prefix */
} gk_graft__kept_keys;

typedef struct gk_graft__engine {
    const gk_cast *cast;
    const gk_config *cfg;
    gk_products *products; /* the grafter's, or this engine's own */
    gk_graft__trie trie;
    gk_graft__interned table, prefixes;
    uint32_t n_nodes, n_all, n_last;
    gk_graft__room all, last;  /* uint32_t: every node of this pass; those that end a job */
    gk_graft__kept_keys *kept; /* [n_layers]; NULL: no token comes later */
    uint32_t n_later;          /* nodes that may come later */
    bool further;              /* this pass computes such nodes alone */
    /* Of the layer at hand: the nodes that it computes keys and values of, and of them those that it computes
     * the rest of (needed_nodes.c). */
    const uint32_t *keys, *outputs;
    uint32_t n_keys, n_outputs;
    gk_graft__room live, live_keys, live_outputs; /* where patches make them differ from layer to layer */
    gk_graft__stage_rows embed, x, norm, raw, q, k, v, pair, context, out, post, residual, gate, up, act,
        logits;
    gk_graft__room prefix, context_ids, context_list, context_len; /* attention's inputs */
    gk_graft__room first, order, number, gathered, gathered2;      /* scratch of one stage */
    gk_graft__room weights;                                        /* rows of weights made for it */
    size_t tally;                                                  /* bytes of all rooms */
    bool counting;  /* rows are interned and counted, and not computed */
    uint8_t *canon; /* gk_graft__trie.canon where it is this engine's own */
    double begun;
    gk_graft_stats stats;
} gk_graft__engine;

/* needed_nodes.c: what each layer must compute for the nodes in `last`; sets keys and outputs for the layer
 * index - 1 (0: the embedding, of which keys alone are); replaces the rows of `x` after it where there are
 * patches. */
void gk_graft__needed_find(gk_graft__engine *e);
void gk_graft__needed_layer(gk_graft__engine *e, int index);
void gk_graft__patch_rows(gk_graft__engine *e, int index);

/* kept_keys.c: keys and values that stay from pass to pass. Before the first pass of a chunk, behind which so
 * many nodes may come (0: keep nothing). */
void gk_graft__kept_start(gk_graft__engine *e, uint32_t n_later);
/* Inside attention: takes over the rows of `pair`, which were just interned; then where a node's row is. */
void gk_graft__kept_take(gk_graft__engine *e, int layer);
/* The next pass is of `n` nodes that end a job, listed in `last`, whose parents have been computed. */
void gk_graft__kept_go_on(gk_graft__engine *e);
double gk_graft__kept_bytes(const gk_config *c, double nodes, double later, double path);
void gk_graft__kept_free(gk_graft__engine *e);

/* All layers for the trie's jobs, up to what the head reads; `logits.of` has the row of every node in `last`.
 */
void gk_graft__stages_run(gk_graft__engine *e);
/* Rows begin .. end-1 of the logits, until the next call. */
const float *gk_graft__stages_logits(gk_graft__engine *e, uint32_t begin, uint32_t end);
/* How many of them are made at a time, of a chunk of `jobs`. */
double gk_graft__stages_block(const gk_config *c, double jobs);
/* The same without the final norm and the head. `tap` (may be NULL) is called when `x` is the residual stream
 * after the embedding (index 0) and after layer index - 1. */
typedef void gk_graft__tap(void *ctx, const gk_graft__engine *e, int index);
void gk_graft__stages_layers(gk_graft__engine *e, gk_graft__tap *tap, void *ctx);

/* check_job.c: job number i of a list. */
bool gk_graft__job_check(const gk_cast *cast, const gk_config *c, const gk_job *job, size_t i, gk_error *err);

/* kept_matrices.c: the products of a cast, of the operands that it asks for, with as many matrices kept as
 * fit; and those that are kept before anybody says. `canon` is gk_graft__trie.canon. */
gk_products *gk_graft__products(const gk_cast *cast, const uint8_t *canon, size_t most_bytes);
gk_products *gk_graft__first_products(const gk_cast *cast, const uint8_t *canon);

/* engine.c: an engine for the models of a cast without jobs; its end, which adds to `stats` (may be NULL). */
gk_graft__engine *gk_graft__engine_new(const gk_cast *cast, bool patches);
void gk_graft__engine_free(gk_graft__engine *e, gk_graft_stats *stats);
/* Working memory that `nodes` nodes of `jobs` jobs with `path` tokens in all may take. */
double gk_graft__stages_bytes(const gk_config *c, double nodes, double jobs, double path);
/* Of a budget, what a chunk takes: no more than helps. */
size_t gk_graft__stages_enough(const gk_config *c, size_t budget, bool texts);
/* Rows that one pass computes for a prompt of n tokens on its own. */
uint64_t gk_graft__stages_rows(const gk_config *c, int n);
void gk_graft__stages_free(gk_graft__engine *e);

#endif
