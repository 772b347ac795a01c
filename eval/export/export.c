/* export.c: a results store as CSV, JSONL and summary.json. */
#include "core/json.h"
#include "eval/export/table.h"
#include "eval/store/contrasts.h"
#include "eval/store/outcomes.h"
#include "eval/store/write.h"
#include "graftkit/core/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool gk_export_check(const char *path, gk_error *err) {
    bool csv;
    return gk_export__table_kind(path, &csv, err) && gk_out_check(path, err);
}

/* ---------------------------------------------------------------- a table of a list */

typedef struct listed {
    const void *item, *none; /* none: an item to take the columns' names from */
    size_t n, size;
    void (*put)(json_t *row, const void *item);
} listed;

static bool write_list(const char *path, bool csv, const listed *l, gk_error *err) {
    gk_out out;
    if (!gk_out_open(path, &out, err)) return false;
    gk_export__table t = {.f = out.f, .csv = csv, .row = json_object()};
    l->put(t.row, l->none);
    gk_export__table_header(&t);
    for (size_t i = 0; i < l->n; i++) {
        l->put(t.row, (const char *)l->item + i * l->size);
        gk_export__table_row(&t);
    }
    json_decref(t.row);
    return gk_out_commit(&out, err);
}

/* ---------------------------------------------------------------- cells */

void gk_cell_numbers(const gk_cell *c, gk_cell_number out[GK_CELL_NUMBERS]) {
    const gk_metric top5 = GK_METRIC_top5, ahead = GK_METRIC_logit_diff;
    const gk_stats *p = &c->placebo, *q = &c->permuted;
    const gk_cell_number all[GK_CELL_NUMBERS] = {{"icc_top5", c->stats.icc_top5},
                                                 {"icc_logit_diff", c->stats.icc_logit_diff},
                                                 {"placebo_n", (double)p->n},
                                                 {"placebo_top5", p->value[top5]},
                                                 {"placebo_top5_low", p->low[top5]},
                                                 {"placebo_top5_high", p->high[top5]},
                                                 {"placebo_logit_diff", p->value[ahead]},
                                                 {"placebo_logit_diff_low", p->low[ahead]},
                                                 {"placebo_logit_diff_high", p->high[ahead]},
                                                 {"permuted_n", (double)q->n},
                                                 {"permuted_top5", q->value[top5]},
                                                 {"permuted_top5_low", q->low[top5]},
                                                 {"permuted_top5_high", q->high[top5]},
                                                 {"permuted_logit_diff", q->value[ahead]},
                                                 {"permuted_logit_diff_low", q->low[ahead]},
                                                 {"permuted_logit_diff_high", q->high[ahead]}};
    memcpy(out, all, sizeof all);
}

static void put_numbers(json_t *row, const gk_cell *c) {
    gk_cell_number x[GK_CELL_NUMBERS];
    gk_cell_numbers(c, x);
    for (size_t i = 0; i < GK_CELL_NUMBERS; i++)
        json_object_set_new(row, x[i].name, gk_export__number_json(x[i].value));
}

/* A list of the lines of a text; null where there are none. */
static json_t *lines_json(const char *text) {
    json_t *list = *text ? json_array() : json_null();
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, "\n");
        json_array_append_new(list, json_stringn(at, n));
        at += n + (at[n] == '\n');
    }
    return list;
}

/* {"layer": "3", "components": "o+ffn"}; null for a scheme that is no cell of a grid. */
static json_t *grid_json(const gk_cell *c) {
    json_t *grid = c->n_axes ? json_object() : json_null();
    for (size_t i = 0; i < c->n_axes; i++)
        json_object_set_new(grid, c->axis[i].name, gk_export__text_json(c->axis[i].value));
    return grid;
}

static void put_counts(json_t *row, const gk_cell *c) {
    json_object_set_new(row, "set", gk_export__text_json(c->set));
    json_object_set_new(row, "scheme", gk_export__text_json(c->scheme));
    json_object_set_new(row, "grid", grid_json(c));
    json_object_set_new(row, "template", gk_export__text_json(c->template_name));
    json_object_set_new(row, "n", json_integer((json_int_t)c->stats.n));
    json_object_set_new(row, "rows", json_integer((json_int_t)c->stats.rows));
    json_object_set_new(row, "dropped", json_integer((json_int_t)c->dropped));
    json_object_set_new(row, "n_whole", json_integer((json_int_t)c->stats.n_whole));
    json_object_set_new(row, "same_as", lines_json(c->same_as));
    json_object_set_new(row, "left_out", *c->left_out ? gk_export__text_json(c->left_out) : json_null());
    json_object_set_new(row, "twin", gk_export__text_json(c->twin));
}

/* A table's row: intervals as two columns. */
static void put_flat(json_t *row, const void *item) {
    const gk_cell *c = item;
    put_counts(row, c);
    json_object_set_new(row, "applies", json_boolean(c->applies));
    for (int m = 0; m < GK_N_METRICS; m++) {
        char key[64];
        const char *name = gk_metric_key((gk_metric)m);
        json_object_set_new(row, name, gk_export__number_json(c->stats.value[m]));
        snprintf(key, sizeof key, "%s_low", name);
        json_object_set_new(row, key, gk_export__number_json(c->stats.low[m]));
        snprintf(key, sizeof key, "%s_high", name);
        json_object_set_new(row, key, gk_export__number_json(c->stats.high[m]));
    }
    put_numbers(row, c);
}

static json_t *summary_cell(const gk_cell *c) {
    json_t *row = json_object();
    put_counts(row, c);
    for (int m = 0; m < GK_N_METRICS; m++) {
        char key[64];
        const char *name = gk_metric_key((gk_metric)m);
        json_object_set_new(row, name, gk_export__number_json(c->stats.value[m]));
        snprintf(key, sizeof key, "%s_ci", name);
        json_t *ci = json_array();
        json_array_append_new(ci, gk_export__number_json(c->stats.low[m]));
        json_array_append_new(ci, gk_export__number_json(c->stats.high[m]));
        json_object_set_new(row, key, ci);
    }
    put_numbers(row, c);
    return row;
}

bool gk_export_cells(gk_store *s, const char *path, gk_error *err) {
    bool csv;
    if (!gk_export__table_kind(path, &csv, err)) return false;
    gk_arena *a = gk_arena_new();
    gk_cells cells;
    const gk_cell none = {.same_as = "", .left_out = ""};
    bool ok = gk_store_cells(s, a, &cells, err);
    ok = ok && write_list(path, csv, &(listed){cells.item, &none, cells.n, sizeof none, put_flat}, err);
    gk_arena_free(a);
    return ok;
}

/* ---------------------------------------------------------------- results */

static json_t *top_json(const gk_result *r) {
    json_t *top = json_array();
    for (int i = 0; i < r->n_top; i++) {
        json_t *pair = json_array();
        json_array_append_new(pair, gk_export__text_json(r->top_piece[i]));
        json_array_append_new(pair, gk_export__number_json(r->top_prob[i]));
        json_array_append_new(top, pair);
    }
    return top;
}

static void put_floor(json_t *row, const char *of, const gk_floor *f) {
    char key[64];
    snprintf(key, sizeof key, "%s_logprob", of);
    json_object_set_new(row, key, f->there ? gk_export__number_json(f->logprob) : json_null());
    snprintf(key, sizeof key, "%s_rank", of);
    json_object_set_new(row, key, f->there ? json_integer(f->rank) : json_null());
    snprintf(key, sizeof key, "%s_logit_diff", of);
    json_object_set_new(row, key, f->there ? gk_export__number_json(f->logit_diff) : json_null());
}

static void put_result(json_t *row, const gk_result *r) {
    bool there = r->dropped == NULL;
    json_object_set_new(row, "set", gk_export__text_json(r->set));
    json_object_set_new(row, "scheme", gk_export__text_json(r->scheme));
    json_object_set_new(row, "template", json_integer(r->template_id));
    json_object_set_new(row, "row", gk_export__text_json(r->row_key));
    json_object_set_new(row, "text", gk_export__text_json(r->text));
    json_object_set_new(row, "target", gk_export__text_json(r->target));
    json_object_set_new(row, "target_id", json_integer(r->target_id));
    json_object_set_new(row, "n_tokens", json_integer(r->n_tokens));
    json_object_set_new(row, "dropped", gk_export__text_json(r->dropped));
    json_object_set_new(row, "prob", there ? gk_export__number_json(r->prob) : json_null());
    json_object_set_new(row, "logprob", there ? gk_export__number_json(r->logprob) : json_null());
    json_object_set_new(row, "rank", there ? json_integer(r->rank) : json_null());
    json_object_set_new(row, "logit_diff", there ? gk_export__number_json(r->logit_diff) : json_null());
    json_object_set_new(row, "top", there ? top_json(r) : json_null());
    json_object_set_new(row, "target_tokens",
                        r->target_tokens ? json_integer(r->target_tokens) : json_null());
    json_object_set_new(row, "whole_logprob",
                        r->whole ? gk_export__number_json(r->whole_logprob) : json_null());
    json_object_set_new(row, "exact", r->whole ? json_boolean(r->exact) : json_null());
    json_object_set_new(row, "whole_dropped", gk_export__text_json(r->whole_dropped));
    json_object_set_new(row, "generated", gk_export__text_json(r->generated));
    json_object_set_new(row, "permuted_id", r->permuted_id >= 0 ? json_integer(r->permuted_id) : json_null());
    put_floor(row, "permuted", &r->permuted);
    json_object_set_new(row, "placebo", gk_export__text_json(r->twin));
    put_floor(row, "placebo", &r->placebo);
}

static bool write_result(void *ctx, const gk_result *r, gk_error *err) {
    (void)err;
    gk_export__table *t = ctx;
    put_result(t->row, r);
    gk_export__table_row(t);
    return true;
}

bool gk_export_results(gk_store *s, const char *path, gk_error *err) {
    bool csv;
    gk_out out;
    if (!gk_export__table_kind(path, &csv, err) || !gk_out_open(path, &out, err)) return false;
    gk_export__table t = {.f = out.f, .csv = csv, .row = json_object()};
    put_result(t.row, &(gk_result){0});
    gk_export__table_header(&t);
    bool ok = gk_store_each(s, write_result, &t, err);
    json_decref(t.row);
    if (ok) return gk_out_commit(&out, err);
    gk_out_abort(&out);
    return false;
}

/* ---------------------------------------------------------------- differences */

static void put_difference(json_t *row, const void *item) {
    const gk_difference *d = item;
    const gk_paired *x = &d->paired;
    json_object_set_new(row, "set", gk_export__text_json(d->set));
    json_object_set_new(row, "scheme", gk_export__text_json(d->scheme));
    json_object_set_new(row, "reference", gk_export__text_json(d->reference));
    json_object_set_new(row, "n", json_integer((json_int_t)x->n));
    json_object_set_new(row, "rows", json_integer((json_int_t)x->rows));
    json_object_set_new(row, "top5_difference", gk_export__number_json(x->diff));
    json_object_set_new(row, "top5_difference_low", gk_export__number_json(x->low));
    json_object_set_new(row, "top5_difference_high", gk_export__number_json(x->high));
    json_object_set_new(row, "rows_more", json_integer((json_int_t)x->rows_more));
    json_object_set_new(row, "rows_fewer", json_integer((json_int_t)x->rows_fewer));
    json_object_set_new(row, "p", gk_export__number_json(x->p));
    json_object_set_new(row, "p_holm", gk_export__number_json(d->p_holm));
    json_object_set_new(row, "p_holm_least", gk_export__number_json(d->p_holm_least));
}

static bool read_outcomes(gk_store *s, gk_arena *a, gk_outcomes *all, uint64_t *seed, gk_error *err) {
    return gk_outcomes_read(s, a, all, err) && gk_store_seed(s, seed, err);
}

bool gk_export_differences(gk_store *s, const char *path, gk_error *err) {
    bool csv;
    gk_outcomes all;
    gk_differences d;
    uint64_t seed;
    if (!gk_export__table_kind(path, &csv, err)) return false;
    gk_arena *a = gk_arena_new();
    bool ok = read_outcomes(s, a, &all, &seed, err);
    if (ok) {
        const gk_difference none = {0};
        gk_differences_of(&all, a, seed, &d);
        ok = write_list(path, csv, &(listed){d.item, &none, d.n, sizeof none, put_difference}, err);
    }
    gk_arena_free(a);
    return ok;
}

/* ---------------------------------------------------------------- contrasts */

static void put_contrast(json_t *row, const void *item) {
    const gk_contrasted *c = item;
    const gk_planned *p = &c->plan;
    /* Without its folder, which is the machine's. */
    const char *base = p->file ? strrchr(p->file, '/') : NULL;
    const gk_contrast_stats *x = &c->stats;
    json_object_set_new(row, "set", gk_export__text_json(p->set));
    json_object_set_new(row, "a", gk_export__text_json(p->a));
    json_object_set_new(row, "b", gk_export__text_json(p->b));
    json_object_set_new(row, "metric", gk_export__text_json(gk_metric_key(p->metric)));
    json_object_set_new(row, "n", json_integer((json_int_t)x->n));
    json_object_set_new(row, "rows", json_integer((json_int_t)x->rows));
    json_object_set_new(row, "templates", json_integer((json_int_t)c->templates));
    json_object_set_new(row, "mean_a", gk_export__number_json(x->mean_a));
    json_object_set_new(row, "mean_b", gk_export__number_json(x->mean_b));
    json_object_set_new(row, "difference", gk_export__number_json(x->diff));
    json_object_set_new(row, "difference_low", gk_export__number_json(x->low));
    json_object_set_new(row, "difference_high", gk_export__number_json(x->high));
    json_object_set_new(row, "rows_more", json_integer((json_int_t)x->rows_more));
    json_object_set_new(row, "rows_fewer", json_integer((json_int_t)x->rows_fewer));
    json_object_set_new(row, "p", gk_export__number_json(x->p));
    json_object_set_new(row, "p_holm", gk_export__number_json(c->p_holm));
    json_object_set_new(row, "margin", gk_export__number_json(x->margin));
    json_object_set_new(row, "equal_low", gk_export__number_json(x->equal_low));
    json_object_set_new(row, "equal_high", gk_export__number_json(x->equal_high));
    json_object_set_new(row, "p_equal", gk_export__number_json(x->p_equal));
    json_object_set_new(row, "p_equal_holm", gk_export__number_json(c->p_equal_holm));
    json_object_set_new(row, "verdict", gk_export__text_json(gk_verdict_key(c->verdict)));
    json_object_set_new(row, "ahead", json_boolean(p->ahead));
    json_object_set_new(row, "file", gk_export__text_json(base ? base + 1 : p->file));
    json_object_set_new(row, "about", gk_export__text_json(p->about));
}

bool gk_export_contrasts(gk_store *s, const char *path, gk_error *err) {
    bool csv;
    gk_outcomes all;
    gk_contrasts c;
    if (!gk_export__table_kind(path, &csv, err)) return false;
    gk_arena *a = gk_arena_new();
    const gk_contrasted none = {.verdict = GK_NOT_JUDGED};
    bool ok = gk_outcomes_read(s, a, &all, err) && gk_contrasts_of(s, &all, a, &c, err);
    ok = ok && write_list(path, csv, &(listed){c.item, &none, c.n, sizeof none, put_contrast}, err);
    gk_arena_free(a);
    return ok;
}

/* ---------------------------------------------------------------- summary */

static json_t *summary(const gk_cells *cells, const gk_differences *d, const gk_contrasts *plans,
                       json_t *headline, json_t *manifest) {
    json_t *all = json_object(), *list = json_array(), *absent = json_array(), *differ = json_array(),
           *planned = json_array();
    for (size_t i = 0; i < cells->n; i++) {
        const gk_cell *c = &cells->item[i];
        if (c->applies) {
            json_array_append_new(list, summary_cell(c));
            continue;
        }
        json_t *pair = json_object();
        json_object_set_new(pair, "scheme", gk_export__text_json(c->scheme));
        json_object_set_new(pair, "template", gk_export__text_json(c->template_name));
        json_array_append_new(absent, pair);
    }
    for (size_t i = 0; i < d->n; i++) {
        json_t *row = json_object();
        put_difference(row, &d->item[i]);
        json_array_append_new(differ, row);
    }
    for (size_t i = 0; i < plans->n; i++) {
        json_t *row = json_object();
        put_contrast(row, &plans->item[i]);
        json_array_append_new(planned, row);
    }
    json_object_set_new(all, "cells", list);
    json_object_set_new(all, "not_applicable", absent);
    json_object_set_new(all, "differences", differ);
    json_object_set_new(all, "contrasts", planned);
    json_object_set_new(all, "headline", headline);
    json_object_set_new(all, "manifest", manifest);
    return all;
}

bool gk_export_summary(gk_store *s, const char *path, gk_error *err) {
    gk_arena *a = gk_arena_new();
    gk_cells cells;
    gk_outcomes outcomes;
    gk_differences d;
    gk_contrasts c;
    uint64_t seed;
    bool read = gk_store_cells(s, a, &cells, err) && read_outcomes(s, a, &outcomes, &seed, err) &&
                gk_contrasts_of(s, &outcomes, a, &c, err);
    json_t *manifest = read ? gk_store_manifest(s, err) : NULL;
    bool ok = manifest != NULL;
    if (ok) {
        gk_differences_of(&outcomes, a, seed, &d);
        json_t *all = summary(&cells, &d, &c, gk_headline_json(&outcomes, seed), manifest);
        ok = gk_json_save(path, all, err);
        json_decref(all);
    }
    gk_arena_free(a);
    return ok;
}
