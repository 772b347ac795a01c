/* attribution_export.c: an attribution as CSV and JSON. */
#include "core/json.h"
#include "eval/export/table.h"
#include "eval/store/write.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"
#include "graftkit/eval/attribute.h"

#include <math.h>

/* ---------------------------------------------------------------- CSV */

static void put_game(json_t *row, const gk_game *g) {
    json_object_set_new(row, "metric", gk_export__text_json(gk_metric_key(g->metric)));
    json_object_set_new(row, "template", gk_export__text_json(g->template_name));
    json_object_set_new(row, "n", json_integer((json_int_t)g->n));
    json_object_set_new(row, "facts", json_integer((json_int_t)g->facts));
    json_object_set_new(row, "left_out", json_integer((json_int_t)g->left_out));
}

static void put_mean(json_t *row, gk_mean x) {
    json_object_set_new(row, "value", gk_export__number_json(x.value));
    json_object_set_new(row, "low", gk_export__number_json(x.low));
    json_object_set_new(row, "high", gk_export__number_json(x.high));
}

static void put_value(json_t *row, const gk_game *g, const char *part, gk_mean x, double share) {
    put_game(row, g);
    json_object_set_new(row, "part", gk_export__text_json(part));
    put_mean(row, x);
    json_object_set_new(row, "share", gk_export__number_json(share));
}

static void value_row(gk_export__table *t, const gk_game *g, const char *part, gk_mean x, double share) {
    put_value(t->row, g, part, x, share);
    gk_export__table_row(t);
}

static void value_rows(gk_export__table *t, const gk_attribution *x) {
    put_value(t->row, x->game, "", x->game->none, 0);
    gk_export__table_header(t);
    for (const gk_game *g = x->game; g < x->game + x->n_games; g++) {
        for (size_t i = 0; i < x->n_parts; i++) value_row(t, g, x->part[i], g->value[i], g->share[i]);
        const double none = (double)NAN;
        value_row(t, g, "none", g->none, none);
        value_row(t, g, "all", g->all, none);
        value_row(t, g, "total", g->total, none);
    }
}

static void put_pair(json_t *row, const gk_game *g, const char *part, const char *other, gk_mean x) {
    put_game(row, g);
    json_object_set_new(row, "part", gk_export__text_json(part));
    json_object_set_new(row, "other", gk_export__text_json(other));
    put_mean(row, x);
}

static void pair_rows(gk_export__table *t, const gk_attribution *x) {
    put_pair(t->row, x->game, "", "", x->game->none); /* one part makes no pair */
    gk_export__table_header(t);
    for (const gk_game *g = x->game; g < x->game + x->n_games; g++)
        for (size_t i = 0; i < x->n_parts; i++)
            for (size_t k = i + 1; k < x->n_parts; k++) {
                put_pair(t->row, g, x->part[i], x->part[k], g->pair[i * x->n_parts + k]);
                gk_export__table_row(t);
            }
}

static bool write_csv(const char *path, const gk_attribution *x,
                      void rows(gk_export__table *, const gk_attribution *), gk_error *err) {
    gk_out out;
    if (!gk_out_open(path, &out, err)) return false;
    gk_export__table t = {.f = out.f, .csv = true, .row = json_object()};
    rows(&t, x);
    json_decref(t.row);
    return gk_out_commit(&out, err);
}

/* ---------------------------------------------------------------- JSON */

static void put_ci(json_t *row, const char *key, gk_mean x) {
    char ci[32];
    snprintf(ci, sizeof ci, "%s_ci", key);
    json_object_set_new(row, key, gk_export__number_json(x.value));
    json_object_set_new(row, ci,
                        json_pack("[o, o]", gk_export__number_json(x.low), gk_export__number_json(x.high)));
}

static json_t *game_json(const gk_attribution *x, const gk_game *g) {
    json_t *all = json_object(), *values = json_array(), *pairs = json_array();
    put_game(all, g);
    put_ci(all, "none", g->none);
    put_ci(all, "all", g->all);
    put_ci(all, "total", g->total);
    for (size_t i = 0; i < x->n_parts; i++) {
        json_t *row = json_object();
        json_object_set_new(row, "part", gk_export__text_json(x->part[i]));
        put_ci(row, "value", g->value[i]);
        json_object_set_new(row, "share", gk_export__number_json(g->share[i]));
        json_array_append_new(values, row);
    }
    for (size_t i = 0; i < x->n_parts; i++)
        for (size_t k = i + 1; k < x->n_parts; k++) {
            json_t *row = json_object();
            json_object_set_new(row, "part", gk_export__text_json(x->part[i]));
            json_object_set_new(row, "other", gk_export__text_json(x->part[k]));
            put_ci(row, "value", g->pair[i * x->n_parts + k]);
            json_array_append_new(pairs, row);
        }
    json_object_set_new(all, "values", values);
    json_object_set_new(all, "interactions", pairs);
    return all;
}

static json_t *attribution_json(const gk_attribution *x) {
    json_t *all = json_object(), *parts = json_array(), *games = json_array();
    for (size_t i = 0; i < x->n_parts; i++) json_array_append_new(parts, gk_export__text_json(x->part[i]));
    for (size_t i = 0; i < x->n_games; i++) json_array_append_new(games, game_json(x, &x->game[i]));
    json_object_set_new(all, "parts", parts);
    json_object_set_new(all, "coalitions", json_integer((json_int_t)x->coalitions));
    json_object_set_new(all, "games", games);
    return all;
}

static bool write_summary(gk_store *s, const gk_attribution *x, const char *path, gk_error *err) {
    json_t *manifest = gk_store_manifest(s, err);
    if (!manifest) return false;
    json_t *all = json_pack("{s: o, s: o}", "attribution", attribution_json(x), "manifest", manifest);
    bool ok = gk_json_save(path, all, err);
    json_decref(all);
    return ok;
}

bool gk_attribution_save(gk_store *s, const gk_attribution *x, const char *dir, gk_error *err) {
    gk_arena *a = gk_arena_new();
    bool ok = write_csv(gk_path_join(a, dir, "attribution.csv"), x, value_rows, err) &&
              write_csv(gk_path_join(a, dir, "interactions.csv"), x, pair_rows, err) &&
              write_summary(s, x, gk_path_join(a, dir, "summary.json"), err);
    gk_arena_free(a);
    return ok;
}
