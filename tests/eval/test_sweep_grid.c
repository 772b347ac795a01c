/* test_sweep_grid.c: grids of schemes in a sweep: expanded for the models' depth, kept with their
 * coordinates. modules: report eval graft train model tokenizer core */
#include "core/json.h"
#include "tests/support/eval_fixture.h"
#include "tests/support/scratch.h"

static const char GRID[] = "set: grid\n"
                           "schemes:\n"
                           "  - name: LT $what, layer $layer\n"
                           "    grid: {layer: each, what: [attn, {name: O+FFN, value: [o, ffn]}]}\n"
                           "    grafts: [{at: last, donor: sft, components: $what, layers: $layer}]\n"
                           "  - name: dropped $rate\n"
                           "    grid: {rate: [0.5, 1]}\n"
                           "    grafts: [{at: movie_title, donor: sft, layers: {drop: $rate, seed: 1}}]\n"
                           "  - {name: PRE}\n";

/* The same four schemes, by hand. */
static const char BY_HAND[] =
    "set: hand\n"
    "schemes:\n"
    "  - {name: a, grafts: [{at: last, donor: sft, components: attn, layers: 0}]}\n"
    "  - {name: b, grafts: [{at: last, donor: sft, components: [ffn, o], layers: 0-0}]}\n"
    "  - {name: c, grafts: [{at: -1, donor: sft, components: [q, k, v, o], layers: 1}]}\n"
    "  - {name: \"LT O+FFN, layer 1\", grafts: [{at: last, donor: sft, components: [o, ffn], layers: 1}]}\n";

static gk_sweep_options world(void) {
    fx_write("grid.yaml", GRID);
    fx_write("hand.yaml", BY_HAND);
    return fx_options("g.db", "grid.yaml", NULL);
}

/* Every scheme of the store with its axes, from the cells. */
static const char *coordinates(const char *db) {
    gk_error err;
    gk_cells cells;
    gk_store *s = gk_store_open(fx_path(db), &err);
    ck_assert_msg(s && gk_store_cells(s, fx_arena, &cells, &err), "%s", err.what);
    char *text = gk_arena_strdup(fx_arena, "");
    for (size_t i = 0; i < cells.n; i++) {
        const gk_cell *c = &cells.item[i];
        if (strcmp(c->template_name, "pooled") != 0) continue;
        text = gk_arena_printf(fx_arena, "%s[%s]", text, c->scheme);
        for (size_t k = 0; k < c->n_axes; k++)
            text = gk_arena_printf(fx_arena, "%s %s=%s", text, c->axis[k].name, c->axis[k].value);
        text = gk_arena_printf(fx_arena, "%s\n", text);
    }
    gk_store_close(s);
    return text;
}

START_TEST(cells_keep_their_coordinates) {
    gk_sweep_options o = world();
    /* PRE and the one whose layers are all dropped do the same. */
    ck_assert_uint_eq(fx_sweep(&o), (size_t)fx_sql("g.db", "SELECT count(*) FROM result"));
    ck_assert_double_eq(fx_sql("g.db", "SELECT count(DISTINCT source) FROM scheme"), 6);
    ck_assert_double_eq(fx_sql("g.db", "SELECT count(*) FROM axis"), 2 * 4 + 2);
    ck_assert_double_eq(fx_sql("g.db", "SELECT count(*) FROM axis WHERE name = 'layer' AND value = '1'"), 2);
    ck_assert_str_eq(coordinates("g.db"), "[LT attn, layer 0] layer=0 what=attn\n"
                                          "[LT O+FFN, layer 0] layer=0 what=O+FFN\n"
                                          "[LT attn, layer 1] layer=1 what=attn\n"
                                          "[LT O+FFN, layer 1] layer=1 what=O+FFN\n"
                                          "[dropped 0.5] rate=0.5\n"
                                          "[dropped 1] rate=1\n"
                                          "[PRE]\n");
    ck_assert_uint_eq(fx_sweep(&o), 0); /* nothing left to do */
}
END_TEST

START_TEST(exports_have_the_grid) {
    gk_sweep_options o = world();
    fx_sweep(&o);
    gk_store *s = gk_store_open(fx_path("g.db"), NULL);
    ck_assert(gk_export_cells(s, fx_path("c.csv"), NULL) && gk_export_summary(s, fx_path("s.json"), NULL));
    gk_store_close(s);
    const char *csv = fx_read("c.csv", NULL);
    ck_assert_ptr_eq(strstr(csv, "set,scheme,grid,template,"), csv);
    ck_assert_ptr_nonnull(strstr(
        csv, "grid,\"LT O+FFN, layer 1\",\"{\"\"layer\"\":\"\"1\"\",\"\"what\"\":\"\"O+FFN\"\"}\",pooled,"));
    ck_assert_ptr_nonnull(strstr(csv, "grid,PRE,,pooled,"));
    json_t *summary = gk_json_load(fx_path("s.json"), NULL), *cells = json_object_get(summary, "cells");
    const json_t *grid = json_object_get(json_array_get(cells, 0), "grid");
    ck_assert_str_eq(json_string_value(json_object_get(grid, "layer")), "0");
    ck_assert_str_eq(json_string_value(json_object_get(grid, "what")), "attn");
    json_decref(summary);
}
END_TEST

/* What was computed by hand is not computed again, and a scheme that the grid has too learns its place. */
START_TEST(a_grid_extends_a_store) {
    gk_sweep_options o = world();
    const char *const hand[] = {fx_path("hand.yaml")}, *const grid[] = {fx_path("grid.yaml")};
    o.schemes = hand;
    ck_assert_uint_gt(fx_sweep(&o), 0);

    o.schemes = grid;
    size_t rest = fx_sweep(&o);
    ck_assert_double_eq(fx_sql("g.db", "SELECT count(*) FROM result WHERE scheme > 4"), (double)rest);
    ck_assert_double_eq(fx_sql("g.db", "SELECT count(DISTINCT source) FROM scheme WHERE source > 4"), 2);
    ck_assert_ptr_nonnull(strstr(coordinates("g.db"), "[LT O+FFN, layer 1] layer=1 what=O+FFN\n"));
}
END_TEST

/* Stores from before there were grids have no such table. */
START_TEST(old_stores_are_read_and_extended) {
    gk_sweep_options o = world();
    const char *const hand[] = {fx_path("hand.yaml")}, *const grid[] = {fx_path("grid.yaml")};
    o.schemes = hand;
    fx_sweep(&o);
    sqlite3 *d;
    ck_assert_int_eq(sqlite3_open(fx_path("g.db"), &d), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_exec(d, "DROP TABLE axis; DROP TABLE scheme_set; DROP VIEW results", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(d);
    ck_assert_str_eq(coordinates("g.db"), "[a]\n[b]\n[c]\n[LT O+FFN, layer 1]\n");
    o.schemes = grid;
    ck_assert_uint_gt(fx_sweep(&o), 0);
    ck_assert_double_eq(fx_sql("g.db", "SELECT count(*) FROM axis"), 2 * 4 + 2);
    ck_assert_double_gt(fx_sql("g.db", "SELECT count(*) FROM results"), 0);
    ck_assert_double_eq(fx_sql("g.db", "SELECT count(*) FROM scheme_set WHERE about = ''"), 1);
    /* What a set and a scheme say of themselves may change, and computes nothing again. */
    const char *said = "set: s\nabout: what it is\nschemes: [{name: a, about: %s}]\n";
    for (int i = 0; i < 2; i++) {
        fx_write("hand.yaml", gk_arena_printf(fx_arena, said, i ? "later" : "first"));
        o.schemes = hand;
        o.out = fx_path("said.db");
        ck_assert(fx_sweep(&o) > 0 || i == 1);
    }
    ck_assert_double_eq(
        fx_sql("said.db", "SELECT count(*) FROM scheme_set WHERE name = 's' AND about = 'what it is'"), 1);
    ck_assert_double_eq(fx_sql("said.db", "SELECT count(*) FROM scheme WHERE about = 'later'"), 1);
    /* Two files of one set. */
    fx_write("grid.yaml",
             "set: s\nabout: and more\nschemes: [{name: d, grafts: [{at: last, donor: sft}]}]\n");
    const char *const both[] = {hand[0], grid[0]};
    o.schemes = both;
    o.n_schemes = 2;
    fx_sweep(&o);
    ck_assert_double_eq(
        fx_sql("said.db", "SELECT count(*) FROM scheme_set WHERE about = 'what it is. and more'"), 1);
}
END_TEST

START_TEST(grids_that_do_not_fit_are_named) {
    gk_sweep_options o = world();
    fx_write("grid.yaml", "set: t\nschemes:\n- name: $w\n  grid: {w: {window: 4}}\n"
                          "  grafts: [{at: last, donor: sft, layers: $w}]\n");
    gk_error err = fx_refused(&o, "a window of 4 layers in models of 2 layers");
    ck_assert_int_eq(err.line, 4);
    fx_write("grid.yaml", "set: t\nschemes:\n- name: from $d\n  grid: {d: [sft, stf]}\n"
                          "  grafts: [{at: last, donor: $d}]\n");
    err = fx_refused(&o, "unknown model 'stf'");
    ck_assert_int_eq(err.line, 4);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sweep_grid");
    TCase *t = tcase_create("sweep_grid");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, fx_start, fx_stop);
    tcase_add_test(t, cells_keep_their_coordinates);
    tcase_add_test(t, exports_have_the_grid);
    tcase_add_test(t, a_grid_extends_a_store);
    tcase_add_test(t, old_stores_are_read_and_extended);
    tcase_add_test(t, grids_that_do_not_fit_are_named);
    suite_add_tcase(s, t);
    return run_suite(s);
}
