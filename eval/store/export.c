/* export.c: a results store as CSV, JSONL and summary.json. */
#include "core/json.h"
#include "eval/store/outcomes.h"
#include "eval/store/table.h"
#include "eval/store/write.h"
#include "graftkit/core/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool gk_export_check(const char *path, gk_error *err) {
    bool csv;
    return gk_store__table_kind(path, &csv, err) && gk_out_check(path, err);
}

/* ---------------------------------------------------------------- cells */

/* {"layer": "3", "components": "o+ffn"}; null for a scheme that is no cell of a grid. */
static json_t *grid_json(const gk_cell *c) {
    json_t *grid = c->n_axes ? json_object() : json_null();
    for (size_t i = 0; i < c->n_axes; i++)
        json_object_set_new(grid, c->axis[i].name, gk_store__text_json(c->axis[i].value));
    return grid;
}

static void put_counts(json_t *row, const gk_cell *c) {
    json_object_set_new(row, "set", gk_store__text_json(c->set));
    json_object_set_new(row, "scheme", gk_store__text_json(c->scheme));
    json_object_set_new(row, "grid", grid_json(c));
    json_object_set_new(row, "template", gk_store__text_json(c->template_name));
    json_object_set_new(row, "n", json_integer((json_int_t)c->stats.n));
    json_object_set_new(row, "dropped", json_integer((json_int_t)c->dropped));
    json_object_set_new(row, "n_whole", json_integer((json_int_t)c->stats.n_whole));
}

/* A table's row: intervals as two columns. */
static void put_flat(json_t *row, const gk_cell *c) {
    put_counts(row, c);
    json_object_set_new(row, "applies", json_boolean(c->applies));
    for (int m = 0; m < GK_N_METRICS; m++) {
        char key[64];
        const char *name = gk_metric_key((gk_metric)m);
        json_object_set_new(row, name, gk_store__number_json(c->stats.value[m]));
        snprintf(key, sizeof key, "%s_low", name);
        json_object_set_new(row, key, gk_store__number_json(c->stats.low[m]));
        snprintf(key, sizeof key, "%s_high", name);
        json_object_set_new(row, key, gk_store__number_json(c->stats.high[m]));
    }
}

static json_t *summary_cell(const gk_cell *c) {
    json_t *row = json_object();
    put_counts(row, c);
    for (int m = 0; m < GK_N_METRICS; m++) {
        char key[64];
        const char *name = gk_metric_key((gk_metric)m);
        json_object_set_new(row, name, gk_store__number_json(c->stats.value[m]));
        snprintf(key, sizeof key, "%s_ci", name);
        json_t *ci = json_array();
        json_array_append_new(ci, gk_store__number_json(c->stats.low[m]));
        json_array_append_new(ci, gk_store__number_json(c->stats.high[m]));
        json_object_set_new(row, key, ci);
    }
    return row;
}

static bool write_cells(const gk_cells *cells, const char *path, bool csv, gk_error *err) {
    gk_out out;
    if (!gk_out_open(path, &out, err)) return false;
    gk_store__table t = {.f = out.f, .csv = csv, .row = json_object()};
    for (size_t i = 0; i < cells->n; i++) {
        put_flat(t.row, &cells->item[i]);
        gk_store__table_row(&t);
    }
    json_decref(t.row);
    return gk_out_commit(&out, err);
}

bool gk_export_cells(gk_store *s, const char *path, gk_error *err) {
    bool csv;
    if (!gk_store__table_kind(path, &csv, err)) return false;
    gk_arena *a = gk_arena_new();
    gk_cells cells;
    bool ok = gk_store_cells(s, a, &cells, err) && write_cells(&cells, path, csv, err);
    gk_arena_free(a);
    return ok;
}

/* ---------------------------------------------------------------- results */

static json_t *top_json(const gk_result *r) {
    json_t *top = json_array();
    for (int i = 0; i < r->n_top; i++) {
        json_t *pair = json_array();
        json_array_append_new(pair, gk_store__text_json(r->top_piece[i]));
        json_array_append_new(pair, gk_store__number_json(r->top_prob[i]));
        json_array_append_new(top, pair);
    }
    return top;
}

static bool put_result(void *ctx, const gk_result *r, gk_error *err) {
    (void)err;
    gk_store__table *t = ctx;
    json_t *row = t->row;
    bool there = r->dropped == NULL;
    json_object_set_new(row, "set", gk_store__text_json(r->set));
    json_object_set_new(row, "scheme", gk_store__text_json(r->scheme));
    json_object_set_new(row, "template", json_integer(r->template_id));
    json_object_set_new(row, "row", gk_store__text_json(r->row_key));
    json_object_set_new(row, "text", gk_store__text_json(r->text));
    json_object_set_new(row, "target", gk_store__text_json(r->target));
    json_object_set_new(row, "target_id", json_integer(r->target_id));
    json_object_set_new(row, "n_tokens", json_integer(r->n_tokens));
    json_object_set_new(row, "dropped", gk_store__text_json(r->dropped));
    json_object_set_new(row, "prob", there ? gk_store__number_json(r->prob) : json_null());
    json_object_set_new(row, "logprob", there ? gk_store__number_json(r->logprob) : json_null());
    json_object_set_new(row, "rank", there ? json_integer(r->rank) : json_null());
    json_object_set_new(row, "logit_diff", there ? gk_store__number_json(r->logit_diff) : json_null());
    json_object_set_new(row, "top", there ? top_json(r) : json_null());
    json_object_set_new(row, "target_tokens",
                        r->target_tokens ? json_integer(r->target_tokens) : json_null());
    json_object_set_new(row, "whole_logprob",
                        r->whole ? gk_store__number_json(r->whole_logprob) : json_null());
    json_object_set_new(row, "exact", r->whole ? json_boolean(r->exact) : json_null());
    json_object_set_new(row, "whole_dropped", gk_store__text_json(r->whole_dropped));
    json_object_set_new(row, "generated", gk_store__text_json(r->generated));
    gk_store__table_row(t);
    return true;
}

bool gk_export_results(gk_store *s, const char *path, gk_error *err) {
    bool csv;
    gk_out out;
    if (!gk_store__table_kind(path, &csv, err) || !gk_out_open(path, &out, err)) return false;
    gk_store__table t = {.f = out.f, .csv = csv, .row = json_object()};
    bool ok = gk_store_each(s, put_result, &t, err);
    json_decref(t.row);
    if (ok) return gk_out_commit(&out, err);
    gk_out_abort(&out);
    return false;
}

/* ---------------------------------------------------------------- differences */

static void put_difference(json_t *row, const gk_difference *d) {
    const gk_paired *x = &d->paired;
    json_object_set_new(row, "set", gk_store__text_json(d->set));
    json_object_set_new(row, "scheme", gk_store__text_json(d->scheme));
    json_object_set_new(row, "reference", gk_store__text_json(d->reference));
    json_object_set_new(row, "n", json_integer((json_int_t)x->n));
    json_object_set_new(row, "rows", json_integer((json_int_t)x->rows));
    json_object_set_new(row, "top5_difference", gk_store__number_json(x->diff));
    json_object_set_new(row, "top5_difference_low", gk_store__number_json(x->low));
    json_object_set_new(row, "top5_difference_high", gk_store__number_json(x->high));
    json_object_set_new(row, "rows_more", json_integer((json_int_t)x->rows_more));
    json_object_set_new(row, "rows_fewer", json_integer((json_int_t)x->rows_fewer));
    json_object_set_new(row, "p", gk_store__number_json(x->p));
    json_object_set_new(row, "p_holm", gk_store__number_json(d->p_holm));
    json_object_set_new(row, "p_holm_least", gk_store__number_json(d->p_holm_least));
}

static bool read_differences(gk_store *s, gk_arena *a, gk_differences *out, gk_error *err) {
    gk_outcomes all;
    uint64_t seed;
    if (!gk_outcomes_read(s, a, &all, err) || !gk_store_seed(s, &seed, err)) return false;
    gk_differences_of(&all, a, seed, out);
    return true;
}

bool gk_export_differences(gk_store *s, const char *path, gk_error *err) {
    bool csv;
    gk_out out;
    gk_differences d;
    if (!gk_store__table_kind(path, &csv, err)) return false;
    gk_arena *a = gk_arena_new();
    bool ok = read_differences(s, a, &d, err) && gk_out_open(path, &out, err);
    if (ok) {
        gk_store__table t = {.f = out.f, .csv = csv, .row = json_object()};
        for (size_t i = 0; i < d.n; i++) {
            put_difference(t.row, &d.item[i]);
            gk_store__table_row(&t);
        }
        json_decref(t.row);
        ok = gk_out_commit(&out, err);
    }
    gk_arena_free(a);
    return ok;
}

/* ---------------------------------------------------------------- summary */

static json_t *summary(const gk_cells *cells, const gk_differences *d, json_t *manifest) {
    json_t *all = json_object(), *list = json_array(), *absent = json_array(), *differ = json_array();
    for (size_t i = 0; i < cells->n; i++) {
        const gk_cell *c = &cells->item[i];
        if (c->applies) {
            json_array_append_new(list, summary_cell(c));
            continue;
        }
        json_t *pair = json_object();
        json_object_set_new(pair, "scheme", gk_store__text_json(c->scheme));
        json_object_set_new(pair, "template", gk_store__text_json(c->template_name));
        json_array_append_new(absent, pair);
    }
    for (size_t i = 0; i < d->n; i++) {
        json_t *row = json_object();
        put_difference(row, &d->item[i]);
        json_array_append_new(differ, row);
    }
    json_object_set_new(all, "cells", list);
    json_object_set_new(all, "not_applicable", absent);
    json_object_set_new(all, "differences", differ);
    json_object_set_new(all, "manifest", manifest);
    return all;
}

bool gk_export_summary(gk_store *s, const char *path, gk_error *err) {
    gk_arena *a = gk_arena_new();
    gk_cells cells;
    gk_differences d;
    bool read = gk_store_cells(s, a, &cells, err) && read_differences(s, a, &d, err);
    json_t *manifest = read ? gk_store_manifest(s, err) : NULL;
    bool ok = manifest != NULL;
    if (ok) {
        json_t *all = summary(&cells, &d, manifest);
        ok = gk_json_save(path, all, err);
        json_decref(all);
    }
    gk_arena_free(a);
    return ok;
}
