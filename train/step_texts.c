/* step_texts.c: which texts each step takes.
 *
 * The texts of an epoch, in its order, form a stream; general text is woven into it: the next text is a
 * general one whenever less than mix_ratio of the tokens taken so far is. A step is a stretch of that stream,
 * and never goes beyond the end of an epoch. Nothing of it is stored: a run that goes on walks the stream
 * from its start again, which costs no more than adding up the lengths. */
#include "train/internal.h"

#include <math.h>

typedef struct cursor {
    int64_t step, epoch;
    size_t own;                 /* texts taken of the epoch */
    size_t mixed;               /* general texts taken in all */
    int64_t own_rows, mix_rows; /* taken in all; counted where there is something to mix in */
} cursor;

struct gk_train__step_texts {
    gk_arena *a;
    const gk_train_job *job;
    const gk_recipe *recipe;
    uint64_t seed;
    gk_split split, general; /* `general` trains on all of job->mix */
    uint32_t *order, *mix_order;
    int64_t order_epoch, mix_pass; /* that `order` and `mix_order` are of */
    cursor at;
    int64_t steps;
    uint32_t *text; /* of the step */
    size_t n, cap;
};

/* ---------------------------------------------------------------- the stream */

static uint32_t own_text(gk_train__step_texts *p) {
    if (p->order_epoch != p->at.epoch) {
        gk_epoch_order(&p->split, p->recipe->shuffle, p->seed, p->at.epoch, p->order);
        p->order_epoch = p->at.epoch;
    }
    return p->order[p->at.own];
}

/* Passes over the general texts follow one another, each in an order of its own. */
static uint32_t mix_text(gk_train__step_texts *p) {
    int64_t pass = (int64_t)(p->at.mixed / p->general.n_train);
    if (p->mix_pass != pass) {
        gk_train__stream_order(&p->general, p->recipe->shuffle, p->seed, "train/mix", pass, p->mix_order);
        p->mix_pass = pass;
    }
    return p->mix_order[p->at.mixed % p->general.n_train];
}

static bool mix_is_due(const gk_train__step_texts *p) {
    const cursor *c = &p->at;
    return p->job->mix && (double)c->mix_rows < p->recipe->mix_ratio * (double)(c->own_rows + c->mix_rows);
}

static int64_t rows_of(const gk_corpus *c, uint32_t text) {
    return (int64_t)(c->start[text + 1] - c->start[text]) - 1;
}

static void give(gk_train__step_texts *p, uint32_t text) {
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 64;
        p->text = gk_grow(p->text, p->cap * sizeof *p->text, cap * sizeof *p->text);
        p->cap = cap;
    }
    p->text[p->n++] = text;
}

/* Takes the next text where it fits with `count` texts of *rows rows. */
static bool take(gk_train__step_texts *p, int64_t count, int64_t *rows, bool give_texts) {
    const gk_recipe *r = p->recipe;
    const bool mix = mix_is_due(p), lengths = r->tokens > 0 || p->job->mix;
    uint32_t text = mix ? mix_text(p) : lengths || give_texts ? own_text(p) : 0;
    int64_t more = lengths ? rows_of(mix ? p->job->mix : p->job->corpus, text) : 0;
    bool fits = count == 0 || (r->tokens > 0 ? *rows + more <= r->tokens : count < r->batch);
    if (!fits) return false;
    *rows += more;
    *(mix ? &p->at.mix_rows : &p->at.own_rows) += more;
    p->at.mixed += mix;
    p->at.own += !mix;
    if (give_texts) give(p, mix ? (uint32_t)p->job->corpus->n + text : text);
    return true;
}

static bool epoch_is_over(const gk_train__step_texts *p) {
    return p->at.own == p->split.n_train;
}

static void advance(gk_train__step_texts *p, bool give_texts) {
    p->n = 0;
    if (epoch_is_over(p)) {
        p->at.epoch++;
        p->at.own = 0;
    }
    for (int64_t part = 0; part < p->recipe->accumulate && !epoch_is_over(p); part++) {
        int64_t count = 0, rows = 0;
        while (!epoch_is_over(p) && take(p, count, &rows, give_texts)) count++;
    }
    p->at.step++;
}

/* ---------------------------------------------------------------- the run */

static int64_t count_steps(gk_train__step_texts *p) {
    if (p->recipe->steps > 0) return p->recipe->steps;
    while (p->at.epoch + 1 < p->recipe->epochs || !epoch_is_over(p)) advance(p, false);
    return p->at.step;
}

static bool few_enough(const gk_train_job *job, gk_error *err) {
    if (!job->mix || job->mix->n <= UINT32_MAX - job->corpus->n) return true;
    return gk_fail(err, GK_NOWHERE, "use fewer texts or fewer general ones",
                   "%zu texts and %zu general ones are more than %u", job->corpus->n, job->mix->n,
                   UINT32_MAX);
}

gk_train__step_texts *gk_train__step_texts_new(const gk_train_job *job, gk_error *err) {
    const gk_recipe *r = job->recipe;
    gk_arena *a = gk_arena_new();
    gk_train__step_texts *p = gk_arena_alloc(a, sizeof *p);
    *p = (gk_train__step_texts){.a = a, .job = job, .recipe = r, .order_epoch = -1, .mix_pass = -1};
    p->seed = r->data_seed > 0 ? (uint64_t)r->data_seed : job->seed;
    if (!few_enough(job, err) || !gk_split_make(a, job->corpus->n, r->validation, p->seed, &p->split, err) ||
        (job->mix && !gk_split_make(a, job->mix->n, 0, p->seed, &p->general, err))) {
        gk_arena_free(a);
        return NULL;
    }
    p->order = gk_arena_alloc(a, p->split.n_train * sizeof *p->order);
    p->mix_order = gk_arena_alloc(a, p->general.n_train * sizeof *p->mix_order);
    p->steps = count_steps(p);
    gk_train__step_texts_seek(p, 0);
    return p;
}

void gk_train__step_texts_free(gk_train__step_texts *p) {
    if (!p) return;
    gk_free(p->text);
    gk_arena_free(p->a);
}

const gk_split *gk_train__step_texts_split(const gk_train__step_texts *p) {
    return &p->split;
}

int64_t gk_train__step_texts_steps(const gk_train__step_texts *p) {
    return p->steps;
}

int64_t gk_train__step_texts_warmup(const gk_train__step_texts *p) {
    if (p->recipe->warmup_ratio > 0) return (int64_t)ceil(p->recipe->warmup_ratio * (double)p->steps);
    return p->recipe->warmup;
}

void gk_train__step_texts_seek(gk_train__step_texts *p, int64_t step) {
    p->at = (cursor){0};
    while (p->at.step < step) advance(p, false);
}

gk_train__next_texts gk_train__step_texts_next(gk_train__step_texts *p) {
    advance(p, true);
    return (gk_train__next_texts){
        .text = p->text, .n = p->n, .epoch = p->at.epoch, .ends_epoch = epoch_is_over(p)};
}
