/* sweep_check.c: some cells of a sweep in fp32 and with products of bf16 operands, side by side. */
#include "eval/run/sweep.h"
#include "graftkit/core/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS_AT_ONCE = 1024 };

typedef struct pick { /* a cell */
    size_t scheme, prompt;
} pick;

static int by_prompt(const void *a, const void *b) {
    const pick *x = a, *y = b;
    if (x->prompt != y->prompt) return x->prompt < y->prompt ? -1 : 1;
    return x->scheme < y->scheme ? -1 : x->scheme > y->scheme;
}

/* Each scheme in turn has the next of the prompts, which stand in an order that the seed gives; each begins
 * elsewhere in it. */
static size_t choose(gk_sweep *s, size_t n, pick *out) {
    size_t prompts = s->prompts.n, schemes = s->n_unique, taken = 0, before;
    size_t *order = gk_alloc((prompts + 1) * sizeof *order), *next = gk_alloc((schemes + 1) * sizeof *next);
    gk_rng rng;
    gk_rng_seed(&rng, s->seed, "check bf16");
    for (size_t i = 0; i < prompts; i++) order[i] = i;
    gk_rng_shuffle(&rng, order, prompts, sizeof *order);
    do {
        before = taken;
        for (size_t k = 0; k < schemes && taken < n; k++)
            while (next[k] < prompts) {
                size_t prompt = order[(next[k]++ + k * prompts / schemes) % prompts];
                if (!gk_sweep__has(s, k, prompt)) continue;
                out[taken++] = (pick){k, prompt};
                break;
            }
    } while (taken > before && taken < n);
    gk_free(order);
    gk_free(next);
    qsort(out, taken, sizeof *out, by_prompt);
    return taken;
}

/* Those cells in the precision that the cast has; a cell without a plan says so in `dropped`. */
static bool evaluate(gk_sweep *s, const pick *cell, size_t n, gk_stored *out, gk_progress *progress,
                     double before, gk_error *err) {
    gk_run__evaluated *pair = gk_alloc((n + 1) * sizeof *pair);
    size_t plans = 0, n_pairs = 0;
    gk_arena_reset(s->chunk_arena);
    for (size_t i = 0; i < n; i++) {
        const gk_prompt *p = &s->prompts.item[cell[i].prompt];
        gk_error why;
        const gk_plan *plan = gk_sweep__plan(s, cell[i].scheme, cell[i].prompt, &why);
        out[i] = (gk_stored){.dropped = plan ? NULL : "no plan"};
        if (!plan) continue;
        pair[n_pairs++] = (gk_run__evaluated){.prompt = p, .plan = plan, .permuted = -1, .out = &out[i]};
        plans += gk_sweep__plan_bytes(s, p);
    }
    gk_run__evaluation e = {.grafter = s->grafter,
                            .cfg = gk_model_config(s->in.model[0]),
                            .tok = s->in.tok,
                            .budget = s->room > plans ? s->room - plans : 0,
                            .a = s->chunk_arena,
                            .progress = progress,
                            .before = before};
    gk_graft_stats spent = {0};
    bool ok = gk_run__evaluate(&e, pair, n_pairs, &spent, err);
    gk_free(pair);
    return ok;
}

/* From now on in this precision; the means that ablations put in are computed anew. */
static bool begin(gk_sweep *s, bool bf16, gk_error *err) {
    s->in.cast.bf16 = bf16;
    s->has_means = false;
    return gk_sweep__grafter(s, err) && gk_sweep__means(s, err);
}

static bool all_cells(gk_sweep *s, const pick *cell, size_t n, gk_stored *out, gk_progress *progress,
                      double before, gk_error *err) {
    for (size_t at = 0, some; at < n; at += some) {
        if (gk_interrupted()) return gk_fail(err, GK_NOWHERE, NULL, "interrupted");
        some = n - at < PAIRS_AT_ONCE ? n - at : PAIRS_AT_ONCE;
        if (!evaluate(s, cell + at, some, out + at, progress, before + (double)at, err)) return false;
    }
    return true;
}

static void compare(const gk_stored *x, const gk_stored *y, size_t n, gk_bf16_check *out) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (x[i].dropped || y[i].dropped) {
            out->dropped++;
            continue;
        }
        const gk_score *a = &x[i].score, *b = &y[i].score;
        double d = fabs(a->logprob - b->logprob);
        out->cells++;
        sum += d;
        if (d > out->largest) out->largest = d;
        out->top1 += (a->rank < 1) != (b->rank < 1);
        out->top5 += (a->rank < 5) != (b->rank < 5);
        out->likeliest += a->top_id[0] != b->top_id[0];
    }
    if (out->cells) out->mean = sum / (double)out->cells;
}

bool gk_sweep_check_bf16(gk_sweep *s, size_t cells, gk_progress *progress, gk_bf16_check *out,
                         gk_error *err) {
    *out = (gk_bf16_check){0};
    if (cells > s->total) cells = s->total;
    pick *cell = gk_alloc((cells + 1) * sizeof *cell);
    gk_stored *half = gk_alloc((cells + 1) * sizeof *half), *whole = gk_alloc((cells + 1) * sizeof *whole);
    size_t n = choose(s, cells, cell);
    bool ok = gk_sweep_prepare(s, NULL, err) && begin(s, false, err) &&
              all_cells(s, cell, n, whole, progress, 0, err) && begin(s, true, err) &&
              all_cells(s, cell, n, half, progress, (double)n, err);
    if (ok) compare(whole, half, n, out);
    gk_free(cell);
    gk_free(half);
    gk_free(whole);
    return ok;
}
