/* stages.c: one pass over the layers for all nodes of a trie. Every stage first interns its rows (serial,
 * exact), then computes the distinct ones, a group of rows for each model (parallel inside the operators). */
#include "graft/internal.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/operators.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { COPY_GRAIN = 128, FEWEST_LOGITS = 64 };
static const double LOGITS_BYTES = 16 << 20;

static uint32_t *words(gk_graft__engine *e, gk_graft__room *r, size_t n) {
    return gk_graft__room_for(r, (n + 1) * sizeof(uint32_t), 0, &e->tally);
}

static const uint32_t *of(const gk_graft__stage_rows *r) {
    return r->of.p;
}

static int slot_of(const gk_graft__engine *e, int layer, gk_component comp) {
    return gk_plan_slot(e->cfg, layer, comp);
}

/* ---------------------------------------------------------------- interning a stage */

/* What a row is made of: two inputs by node (NULL: nothing there), and the slot whose model computes it. For
 * a stage that no model computes, the slot is its second input's, which changes no identity and keeps the
 * rows in that input's order. */
typedef struct recipe {
    const uint32_t *in, *in2;
    int slot;
    bool position; /* the position takes part, in the place of in2 */
} recipe;

/* Gives the interned rows their final numbers, sorted by model. */
static void number_rows(gk_graft__engine *e, gk_graft__stage_rows *out, const uint32_t *live,
                        uint32_t n_live) {
    const uint32_t *first = e->first.p;
    uint32_t count[GK_MAX_MODELS] = {0}, *order = words(e, &e->order, e->table.n), *node_row = out->of.p;
    uint32_t *in = words(e, &out->in, e->table.n), *in2 = words(e, &out->in2, e->table.n);
    uint32_t *node = words(e, &out->node, e->table.n);
    out->n = e->table.n;
    for (uint32_t id = 0; id < out->n; id++) count[gk_graft__intern_key(&e->table, id)[2]]++;
    out->start[0] = 0;
    for (int m = 0; m < GK_MAX_MODELS; m++) {
        out->start[m + 1] = out->start[m] + count[m];
        count[m] = out->start[m];
    }
    for (uint32_t id = 0; id < out->n; id++) {
        const uint32_t *key = gk_graft__intern_key(&e->table, id);
        uint32_t row = order[id] = count[key[2]]++;
        in[row] = key[0];
        in2[row] = key[1];
        node[row] = first[id];
    }
    for (uint32_t i = 0; i < n_live; i++) node_row[live[i]] = order[node_row[live[i]]];
}

static void intern(gk_graft__engine *e, gk_graft__stage_rows *out, recipe r, const uint32_t *live,
                   uint32_t n_live) {
    assert(r.in);
    uint32_t *node_row = words(e, &out->of, e->n_nodes), *first = words(e, &e->first, n_live);
    gk_graft__intern_start(&e->table, 3, n_live, &e->tally);
    for (uint32_t i = 0; i < n_live; i++) {
        uint32_t node = live[i];
        uint32_t second = r.position ? (uint32_t)gk_graft__trie_at(&e->trie, node)->position
                          : r.in2    ? r.in2[node]
                                     : 0;
        uint32_t key[3] = {r.in[node], second, gk_graft__trie_model(&e->trie, node, r.slot)};
        bool fresh;
        uint32_t id = gk_graft__intern_add(&e->table, key, &fresh, &e->tally);
        if (fresh) first[id] = node;
        node_row[node] = id;
    }
    number_rows(e, out, live, n_live);
}

/* Interns a stage that computes; its rows have no place yet. `last_only`: where the layer's output is needed,
 * which in the last layer is where a job ends; otherwise where its keys and values are. */
static void count_stage(gk_graft__engine *e, gk_graft__stage_rows *out, recipe r, int width, bool last_only) {
    intern(e, out, r, last_only ? e->outputs : e->keys, last_only ? e->n_outputs : e->n_keys);
    out->width = width;
    e->stats.rows_unique += out->n;
}

/* The same, and makes room for the rows: at once for as many as any layer of this chunk can have, so that
 * nothing moves (pages that are not touched cost nothing). False: they are only counted. */
static bool stage(gk_graft__engine *e, gk_graft__stage_rows *out, recipe r, int width, bool last_only) {
    count_stage(e, out, r, width, last_only);
    if (e->counting) return false;
    size_t most = last_only ? e->n_outputs : e->n_keys;
    gk_graft__room_for(&out->x, most * (size_t)width * sizeof(float), 0, &e->tally);
    return true;
}

/* ---------------------------------------------------------------- moving rows */

typedef struct copy {
    const float *from, *add_from;
    const uint32_t *index, *add_index;
    float *to;
    size_t width;
} copy;

static void copy_range(void *ctx, size_t begin, size_t end) {
    const copy *c = ctx;
    for (size_t i = begin; i < end; i++)
        memcpy(c->to + i * c->width, c->from + c->index[i] * c->width, c->width * sizeof(float));
}

static void add_range(void *ctx, size_t begin, size_t end) {
    const copy *c = ctx;
    for (size_t i = begin; i < end; i++) {
        const float *a = c->from + c->index[i] * c->width, *b = c->add_from + c->add_index[i] * c->width;
        float *to = c->to + i * c->width;
        for (size_t j = 0; j < c->width; j++) to[j] = a[j] + b[j];
    }
}

static void copy_rows(const gk_graft__stage_rows *from, const uint32_t *index, uint32_t n, float *to) {
    copy c = {.from = from->x.p, .index = index, .to = to, .width = (size_t)from->width};
    gk_parallel_for(n, COPY_GRAIN, copy_range, &c);
}

/* The listed rows next to each other: where they already are when possible, else copied into `room`. */
static const float *gather(gk_graft__engine *e, const gk_graft__stage_rows *from, const uint32_t *index,
                           uint32_t n, gk_graft__room *room) {
    const float *x = from->x.p;
    uint32_t i = 1;
    while (i < n && index[i] == index[0] + i) i++;
    if (i >= n) return n ? x + (size_t)index[0] * (size_t)from->width : x;
    float *to = gk_graft__room_for(room, (size_t)n * (size_t)from->width * sizeof(float), 0, &e->tally);
    copy_rows(from, index, n, to);
    return to;
}

static float *row_at(const gk_graft__stage_rows *r, uint32_t i) {
    return (float *)r->x.p + (size_t)i * (size_t)r->width;
}

/* ---------------------------------------------------------------- computing a stage */

/* Rotates the rows of q or k, whose stage has the positions in its key. */
static void rotate(gk_graft__engine *e, gk_graft__stage_rows *out, int layer) {
    gk_op_rope(e->cfg, layer, (int)out->n, out->width / e->cfg->head_dim, out->in2.p, out->x.p, out->width);
}

static bool is_qk(gk_component comp) {
    return comp == GK_Q || comp == GK_K || comp == GK_Q_NORM || comp == GK_K_NORM;
}

static void norm_stage(gk_graft__engine *e, gk_graft__stage_rows *out, const gk_graft__stage_rows *in,
                       int layer, gk_component comp, bool last_only) {
    bool rotated = is_qk(comp) && gk_config_rotated(e->cfg, layer);
    recipe r = {.in = of(in), .slot = slot_of(e, layer, comp), .position = rotated};
    if (!stage(e, out, r, in->width, last_only)) return;
    copy_rows(in, out->in.p, out->n, out->x.p);
    for (int m = 0; m < e->cast->n; m++) {
        int n = (int)(out->start[m + 1] - out->start[m]);
        float *x = row_at(out, out->start[m]);
        if (n) {
            gk_tensor ln = gk_graft__weights_of(e->cast, m, layer, comp).from;
            gk_op_norm(e->cfg, ln, n, out->width / ln.out, x, x);
        }
    }
    if (rotated) rotate(e, out, layer);
}

/* The model after those whose rows follow m's and come from one product with the same tensor. */
static int end_of_run(const gk_graft__engine *e, const gk_graft__stage_rows *out, int m, int layer,
                      gk_component comp) {
    gk_graft__weights w = gk_graft__weights_of(e->cast, m, layer, comp);
    int next = m + 1;
    for (; next < e->cast->n; next++) {
        gk_graft__weights other = gk_graft__weights_of(e->cast, next, layer, comp);
        if (out->start[next] < out->start[next + 1] && !gk_graft__weights_share(&w, &other)) break;
    }
    return next;
}

static uint32_t most(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* What the models m .. next-1 add to the product of rows from .. to-1, which are in y from row `begin` on. */
static void add_low_ranks(gk_graft__engine *e, const gk_graft__stage_rows *out, int layer, gk_component comp,
                          int m, int next, uint32_t from, uint32_t to, uint32_t begin, const float *x,
                          int width, float *y) {
    for (; m < next; m++) {
        uint32_t first = most(out->start[m], from), last = least(out->start[m + 1], to);
        if (first >= last) continue;
        gk_graft__weights w = gk_graft__weights_of(e->cast, m, layer, comp);
        gk_graft__weights_add_low(&w, (int)(last - first), x + (size_t)(first - from) * (size_t)width, width,
                                  y + (size_t)(first - begin) * (size_t)out->width, out->width, &e->gathered2,
                                  &e->tally);
    }
}

static bool adds_low_rank(const gk_graft__engine *e, int layer, gk_component comp, int m, int next) {
    for (; m < next; m++)
        if (gk_graft__weights_of(e->cast, m, layer, comp).kind == GK_GRAFT__LOW_RANK) return true;
    return false;
}

/* Rows begin .. end-1 of a linear stage, to `y`: a product for the models that share a tensor and have some
 * of them, and what each adds to it. Inputs are gathered where the product cannot pick them out. */
static void multiply(gk_graft__engine *e, const gk_graft__stage_rows *out, const gk_graft__stage_rows *in,
                     int layer, gk_component comp, uint32_t begin, uint32_t end, float *y) {
    for (int m = 0, next; m < e->cast->n; m = next) {
        next = end_of_run(e, out, m, layer, comp);
        uint32_t from = most(out->start[m], begin), to = least(out->start[next], end);
        if (from >= to) continue;
        gk_graft__weights w = gk_graft__weights_of(e->cast, m, layer, comp);
        bool low = adds_low_rank(e, layer, comp, m, next),
             picks = !low && gk_graft__weights_kept(e->products, &w);
        const uint32_t *row = (const uint32_t *)out->in.p + from;
        const float *x = picks ? in->x.p : gather(e, in, row, to - from, &e->gathered);
        gk_graft__weights_linear(e->products, &w, (int)(to - from), x, in->width, picks ? row : NULL,
                                 y + (size_t)(from - begin) * (size_t)out->width, out->width, &e->weights,
                                 &e->tally);
        if (low) add_low_ranks(e, out, layer, comp, m, next, from, to, begin, x, in->width, y);
    }
}

static void count_flops(gk_graft__engine *e, const gk_graft__stage_rows *out, int layer, gk_component comp) {
    for (int m = 0; m < e->cast->n; m++) {
        gk_graft__weights w = gk_graft__weights_of(e->cast, m, layer, comp);
        e->stats.flops += gk_graft__weights_flops(&w) * (out->start[m + 1] - out->start[m]);
    }
}

static void linear_stage(gk_graft__engine *e, gk_graft__stage_rows *out, const gk_graft__stage_rows *in,
                         int layer, gk_component comp, bool last_only) {
    gk_tensor shape = gk_model_tensor(e->cast->model[0], layer, comp);
    bool rotated = !e->cfg->qk_norm && is_qk(comp) && gk_config_rotated(e->cfg, layer);
    recipe r = {.in = of(in), .slot = slot_of(e, layer, comp), .position = rotated};
    bool compute = stage(e, out, r, shape.out, last_only);
    count_flops(e, out, layer, comp);
    if (!compute) return;
    multiply(e, out, in, layer, comp, 0, out->n, out->x.p);
    if (rotated) rotate(e, out, layer);
}

/* q or k: the product, and its norm where the model has one. */
static void qk_stage(gk_graft__engine *e, gk_graft__stage_rows *out, const gk_graft__stage_rows *in,
                     int layer, gk_component comp, gk_component norm, bool last_only) {
    bool normed = gk_config_has(e->cfg, norm);
    linear_stage(e, normed ? &e->raw : out, in, layer, comp, last_only);
    if (normed) norm_stage(e, out, &e->raw, layer, norm, last_only);
}

/* The rows after the norm `comp`; `in` itself where the model has no such norm. */
static const gk_graft__stage_rows *maybe_norm(gk_graft__engine *e, gk_graft__stage_rows *out,
                                              const gk_graft__stage_rows *in, int layer, gk_component comp,
                                              bool last_only) {
    if (!gk_config_has(e->cfg, comp)) return in;
    norm_stage(e, out, in, layer, comp, last_only);
    return out;
}

/* out = a + b; ordered as b, whose component is `comp`. */
static void add_stage(gk_graft__engine *e, gk_graft__stage_rows *out, const gk_graft__stage_rows *a,
                      const gk_graft__stage_rows *b, int layer, gk_component comp, bool last_only) {
    recipe r = {.in = of(a), .in2 = of(b), .slot = slot_of(e, layer, comp)};
    if (!stage(e, out, r, a->width, last_only)) return;
    copy c = {a->x.p, b->x.p, out->in.p, out->in2.p, out->x.p, (size_t)a->width};
    gk_parallel_for(out->n, COPY_GRAIN, add_range, &c);
}

static void embed_stage(gk_graft__engine *e) {
    const gk_config *c = e->cfg;
    uint32_t *token = words(e, &e->number, e->n_nodes);
    gk_graft__stage_rows *embed = gk_config_has(c, GK_POS) ? &e->embed : &e->x;
    for (uint32_t i = 0; i < e->n_nodes; i++) token[i] = gk_graft__trie_at(&e->trie, i)->token;
    bool compute =
        stage(e, embed, (recipe){.in = token, .slot = slot_of(e, -1, GK_EMBED)}, c->d_model, false);
    for (int m = 0; compute && m < e->cast->n; m++) {
        uint32_t begin = embed->start[m], n = embed->start[m + 1] - begin;
        gk_graft__weights w = gk_graft__weights_of(e->cast, m, -1, GK_EMBED);
        if (n) gk_graft__weights_embed(c, &w, (int)n, (int32_t *)embed->in.p + begin, row_at(embed, begin));
    }
    if (embed == &e->x) return;
    recipe r = {.in = of(embed), .slot = slot_of(e, -1, GK_POS), .position = true};
    if (!stage(e, &e->x, r, c->d_model, false)) return;
    copy_rows(embed, e->x.in.p, e->x.n, e->x.x.p);
    for (int m = 0; m < e->cast->n; m++) {
        uint32_t begin = e->x.start[m], n = e->x.start[m + 1] - begin;
        gk_graft__weights w = gk_graft__weights_of(e->cast, m, -1, GK_POS);
        if (n) gk_graft__weights_pos(&w, (int)n, (int32_t *)e->x.in2.p + begin, row_at(&e->x, begin));
    }
}

/* ---------------------------------------------------------------- attention */

/* A node's prefix: the key and value rows of its own and all earlier positions. */
static uint32_t *intern_prefixes(gk_graft__engine *e, gk_graft__kept_keys *kept) {
    uint32_t *prefix = kept ? kept->prefix.p : words(e, &e->prefix, e->n_nodes);
    uint32_t before = kept ? kept->n_prefixes : 0;
    gk_graft__intern_start(&e->prefixes, 2, e->n_nodes, &e->tally);
    for (uint32_t k = 0; k < e->n_keys; k++) { /* with a node, all before it are among them */
        uint32_t i = e->keys[k], parent = gk_graft__trie_at(&e->trie, i)->parent;
        uint32_t key[2] = {parent == GK_GRAFT__NONE ? GK_GRAFT__NONE : prefix[parent], of(&e->pair)[i]};
        bool fresh;
        prefix[i] = before + gk_graft__intern_add(&e->prefixes, key, &fresh, &e->tally);
    }
    if (kept) kept->n_prefixes += e->prefixes.n;
    return prefix;
}

/* Points every distinct context at the rows it sees; `row` has those of the nodes. */
static void list_contexts(gk_graft__engine *e, const uint32_t *row, const int32_t ***list,
                          const int32_t **len) {
    const uint32_t *path = e->trie.path.p, *node = e->context.node.p;
    int32_t *ids = gk_graft__room_for(&e->context_ids, e->trie.path_n * sizeof *ids, 0, &e->tally);
    for (size_t i = 0; i < e->trie.path_n; i++) ids[i] = (int32_t)row[path[i]];
    *list = gk_graft__room_for(&e->context_list, e->context.n * sizeof **list, 0, &e->tally);
    int32_t *n_ctx = gk_graft__room_for(&e->context_len, e->context.n * sizeof *n_ctx, 0, &e->tally);
    double seen = 0;
    for (uint32_t i = 0; i < e->context.n; i++) {
        const gk_graft__trie_node *at = gk_graft__trie_at(&e->trie, node[i]);
        (*list)[i] = ids + at->path;
        n_ctx[i] = at->position + 1;
        seen += n_ctx[i];
    }
    *len = n_ctx;
    e->stats.flops += 4.0 * e->q.width * seen;
}

static void attend_stage(gk_graft__engine *e, int layer, bool last_only) {
    const int32_t **list, *len;
    recipe pair = {.in = of(&e->k), .in2 = of(&e->v), .slot = slot_of(e, layer, GK_K)};
    intern(e, &e->pair, pair, e->keys, e->n_keys);
    gk_graft__kept_keys *kept = e->kept ? &e->kept[layer] : NULL;
    if (kept) gk_graft__kept_take(e, layer);
    recipe r = {.in = of(&e->q), .in2 = intern_prefixes(e, kept), .slot = slot_of(e, layer, GK_Q)};
    bool compute = stage(e, &e->context, r, e->q.width, last_only);
    list_contexts(e, kept ? kept->of.p : of(&e->pair), &list, &len);
    if (!compute) return;
    const float *k = kept ? kept->k.p : gather(e, &e->k, e->pair.in.p, e->pair.n, &e->gathered);
    const float *v = kept ? kept->v.p : gather(e, &e->v, e->pair.in2.p, e->pair.n, &e->gathered2);
    const float *q = gather(e, &e->q, e->context.in.p, e->context.n, &e->number);
    gk_op_attend(e->cfg, layer, (int)e->context.n, q, list, len, k, v, e->context.x.p);
}

/* ---------------------------------------------------------------- layers */

/* x = residual + the branch that ended in e->out with component `last`. */
static void branch_stage(gk_graft__engine *e, gk_graft__stage_rows *out, const gk_graft__stage_rows *residual,
                         int layer, gk_component last, gk_component post, bool last_only) {
    const gk_graft__stage_rows *branch = maybe_norm(e, &e->post, &e->out, layer, post, last_only);
    add_stage(e, out, residual, branch, layer, branch == &e->out ? last : post, last_only);
}

typedef struct activation {
    const gk_config *c;
    const gk_graft__stage_rows *gate, *up, *out;
} activation;

static void act_range(void *ctx, size_t begin, size_t end) {
    const activation *a = ctx;
    const uint32_t *gate = a->out->in.p, *up = a->out->in2.p;
    for (size_t i = begin; i < end; i++)
        gk_op_act(a->c, 1, row_at(a->gate, gate[i]), row_at(a->up, up[i]), row_at(a->out, (uint32_t)i));
}

static void mlp_stage(gk_graft__engine *e, const gk_graft__stage_rows *in, int layer, bool last_only) {
    const gk_config *c = e->cfg;
    bool gated = gk_config_has(c, GK_GATE);
    if (gated) linear_stage(e, &e->gate, in, layer, GK_GATE, last_only);
    linear_stage(e, &e->up, in, layer, GK_UP, last_only);
    const gk_graft__stage_rows *gate = gated ? &e->gate : &e->up;
    recipe r = {.in = of(gate), .in2 = of(&e->up), .slot = slot_of(e, layer, GK_UP)};
    if (stage(e, &e->act, r, c->d_ffn, last_only)) {
        activation a = {c, gate, &e->up, &e->act};
        gk_parallel_for(e->act.n, COPY_GRAIN, act_range, &a);
    }
    linear_stage(e, &e->out, &e->act, layer, GK_DOWN, last_only);
}

static void run_layer(gk_graft__engine *e, int layer) {
    if (e->n_keys == 0) { /* all that is needed after this layer is patched in */
        e->x.n = 0;
        return;
    }
    const gk_graft__stage_rows *in = maybe_norm(e, &e->norm, &e->x, layer, GK_LN1, false);
    qk_stage(e, &e->q, in, layer, GK_Q, GK_Q_NORM, true);
    qk_stage(e, &e->k, in, layer, GK_K, GK_K_NORM, false);
    linear_stage(e, &e->v, in, layer, GK_V, false);
    attend_stage(e, layer, true);
    linear_stage(e, &e->out, &e->context, layer, GK_O, true);
    branch_stage(e, &e->residual, &e->x, layer, GK_O, GK_LN1_POST, true);
    in = maybe_norm(e, &e->norm, e->cfg->parallel ? &e->x : &e->residual, layer, GK_LN2, true);
    mlp_stage(e, in, layer, true);
    branch_stage(e, &e->x, &e->residual, layer, GK_DOWN, GK_LN2_POST, true);
}

void gk_graft__stages_layers(gk_graft__engine *e, gk_graft__tap *tap, void *ctx) {
    gk_graft__needed_find(e);
    for (int index = 0; index <= e->cfg->n_layers; index++) {
        gk_graft__needed_layer(e, index);
        if (index == 0)
            embed_stage(e);
        else
            run_layer(e, index - 1);
        gk_graft__patch_rows(e, index);
        if (tap) tap(ctx, e, index);
    }
}

void gk_graft__stages_run(gk_graft__engine *e) {
    const gk_config *c = e->cfg;
    gk_graft__stages_layers(e, NULL, NULL);
    e->outputs = e->last.p;
    e->n_outputs = e->n_last;
    norm_stage(e, &e->norm, &e->x, -1, GK_LNF, true);
    count_stage(e, &e->logits, (recipe){.in = of(&e->norm), .slot = slot_of(e, -1, GK_HEAD)}, c->vocab, true);
    count_flops(e, &e->logits, -1, GK_HEAD);
}

const float *gk_graft__stages_logits(gk_graft__engine *e, uint32_t begin, uint32_t end) {
    size_t floats = (size_t)(end - begin) * (size_t)e->cfg->vocab;
    float *y = gk_graft__room_for(&e->logits.x, floats * sizeof *y, 0, &e->tally);
    multiply(e, &e->logits, &e->norm, -1, GK_HEAD, begin, end, y);
    gk_op_softcap(e->cfg->final_softcap, floats, y);
    return y;
}

/* ---------------------------------------------------------------- sizes */

/* The logits of a chunk never exist as a whole: so many rows at a time. Fewer would repeat the packing of the
 * head's weights too often. */
double gk_graft__stages_block(const gk_config *c, double jobs) {
    double most = LOGITS_BYTES / (c->vocab * (double)sizeof(float));
    if (most < FEWEST_LOGITS) most = FEWEST_LOGITS;
    return jobs < most ? jobs : floor(most);
}

/* What the rooms of one chunk hold at most; see run_layer for who is where. */
double gk_graft__stages_bytes(const gk_config *c, double nodes, double jobs, double path) {
    double d = c->d_model, q = (double)c->n_heads * c->head_dim, kv = (double)c->n_kv_heads * c->head_dim;
    double f = c->d_ffn, widest = f > q ? f : q;
    double rows = d * (4 + gk_config_has(c, GK_POS) +
                       (gk_config_has(c, GK_LN1_POST) ? 1 : 0)); /* x norm residual out */
    rows += 2 * (q + kv) + (c->qk_norm ? q : 0);                 /* q k v context, raw */
    rows += (gk_config_has(c, GK_GATE) ? 3 : 2) * f;             /* gate up act */
    rows += (widest > d ? widest : d) + kv + q;                  /* gathered: inputs, v, q */
    /* Row lists of 16 stages and more; three tables; a node; lists and contexts. */
    double tables = 3 * 32 + 8 * 1.25 * sizeof(uint32_t), node = 1.25 * sizeof(gk_graft__trie_node);
    double lists = 16 + (c->qk_norm ? 4 : 0); /* rows before and after those norms have theirs */
    double index = lists * 4 * sizeof(uint32_t) + tables + node + 36 + c->n_layers;
    return nodes * (rows * sizeof(float) + index) + path * 2 * sizeof(uint32_t) +
           gk_graft__stages_block(c, jobs) * c->vocab * sizeof(float);
}

/* More nodes than these leave the caches, and memory that is touched first costs time. A round of texts has a
 * few of a chunk's nodes only, and its products' rows are to be more. */
size_t gk_graft__stages_enough(const gk_config *c, size_t budget, bool texts) {
    double nodes = texts ? 4096 : 1024, enough = gk_graft__stages_bytes(c, nodes, nodes, 16 * nodes);
    return (double)budget < enough ? budget : (size_t)enough;
}

uint64_t gk_graft__stages_rows(const gk_config *c, int n) {
    uint64_t tokens = (uint64_t)n, layers = (uint64_t)c->n_layers;
#define HAS(comp) (uint64_t) gk_config_has(c, GK_##comp)
    uint64_t keys = 2 + HAS(LN1) + HAS(K_NORM); /* ln1 k k_norm v */
    /* q q_norm attend o ln1_post add, ln2 gate up act down ln2_post add, less what has no component. */
    uint64_t rest = 8 + HAS(Q_NORM) + HAS(LN1_POST) + HAS(LN2) + HAS(GATE) + HAS(LN2_POST);
    uint64_t outer = 1 + HAS(POS);
#undef HAS
    return tokens * (outer + layers * keys + (layers - 1) * rest) + rest + 2;
}

void gk_graft__stages_free(gk_graft__engine *e) {
    gk_graft__stage_rows *rows[] = {&e->embed, &e->x,    &e->norm,    &e->raw,   &e->q,    &e->k,
                                    &e->v,     &e->pair, &e->context, &e->out,   &e->post, &e->residual,
                                    &e->gate,  &e->up,   &e->act,     &e->logits};
    gk_graft__room *rooms[] = {&e->all,          &e->last,      &e->live,        &e->live_keys,
                               &e->live_outputs, &e->prefix,    &e->context_ids, &e->context_list,
                               &e->context_len,  &e->first,     &e->order,       &e->number,
                               &e->gathered,     &e->gathered2, &e->weights};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gk_free(rows[i]->of.p);
        gk_free(rows[i]->in.p);
        gk_free(rows[i]->in2.p);
        gk_free(rows[i]->node.p);
        gk_free(rows[i]->x.p);
    }
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) gk_free(rooms[i]->p);
    gk_graft__kept_free(e);
    gk_graft__intern_free(&e->table);
    gk_graft__intern_free(&e->prefixes);
    gk_graft__trie_free(&e->trie);
}
