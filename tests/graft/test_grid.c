/* test_grid.c: entries of scheme files that stand for many schemes, and every example of docs/schemes.md.
 * modules: graft model tokenizer core */
#include "graftkit/core/template.h"
#include "graftkit/graft/cast.h"
#include "graftkit/graft/plan.h"
#include "graftkit/graft/scheme.h"
#include "graftkit/model/config.h"
#include "graftkit/tokenizer.h"
#include "tests/support/scratch.h"

static const char *const FIELDS[] = {"first_actor", "entity",      "relation", "relation_preposition",
                                     "movie_title", "preposition", NULL};
static const gk_cast CAST = {.name = {"pre", "sft", "task"}, .n = 3};

static gk_schemes load(scratch *s, const char *text, int n_layers) {
    gk_schemes all = {0};
    gk_error err = {0};
    bool ok = gk_schemes_load_for(s->a, scratch_file(s, "g.yaml", text), n_layers, &all, &err);
    ck_assert_msg(ok, "%ld:%ld: %s (%s)\n%s", err.line, err.column, err.what, err.hint, text);
    return all;
}

/* An entry whose grafts are given and whose name holds the axes a and b (b of one value where not used). */
static gk_schemes expand(scratch *s, const char *entry, int n_layers) {
    return load(s, gk_arena_printf(s->a, "set: t\nschemes:\n- %s\n", entry), n_layers);
}

/* "first, second, …": every name. */
static const char *names(scratch *s, const gk_schemes *all) {
    char *text = gk_arena_strdup(s->a, "");
    for (size_t i = 0; i < all->n; i++)
        text = gk_arena_printf(s->a, "%s%s%s", text, i ? ", " : "", gk_scheme_name(all->item[i]));
    return text;
}

/* ---------------------------------------------------------------- axes */

static const struct {
    const char *axis;
    int layers;
    const char *values;
} AXES[] = {
    {"each", 4, "0, 1, 2, 3"},
    {"each", 1, "0"},
    {"halves", 4, "1/2, 2/2"},
    {"quarters", 0, "1/4, 2/4, 3/4, 4/4"},
    {"eighths", 8, "1/8, 2/8, 3/8, 4/8, 5/8, 6/8, 7/8, 8/8"},
    {"{parts: 3}", 0, "1/3, 2/3, 3/3"},
    {"{window: 2}", 5, "0-1, 1-2, 2-3, 3-4"},
    {"{window: 2, stride: 2}", 6, "0-1, 2-3, 4-5"},
    {"{window: 4, stride: 2}", 7, "0-3, 2-5, 3-6"}, /* the last one ends at the last layer */
    {"{window: 3, stride: 5}", 5, "0-2, 2-4"},
    {"{window: 1, stride: 3}", 7, "0, 3, 6"},
    {"{window: 4}", 4, "0-3"},
    {"{from: 2, to: 4}", 0, "2, 3, 4"},
    {"{from: 0, to: 6, step: 3}", 0, "0, 3, 6"},
    {"[lower half, 3-4, [0, 2], {not: 1}]", 0, "lower half, 3-4, 0+2, not(1)"},
    {"[{name: early, value: [0, 1]}, {name: late, value: 2/2}]", 0, "early, late"},
};

START_TEST(axes) {
    scratch s = scratch_new();
    gk_schemes all = expand(&s,
                            gk_arena_printf(s.a,
                                            "{name: $a, grid: {a: %s}, grafts: [{at: last, donor: sft, "
                                            "layers: $a}]}",
                                            AXES[_i].axis),
                            AXES[_i].layers);
    ck_assert_str_eq(names(&s, &all), AXES[_i].values);
    ck_assert_uint_eq(all.n_written, 1);
    for (size_t i = 0; i < all.n; i++) {
        size_t n;
        const gk_axis *axis = gk_scheme_axes(all.item[i], &n);
        ck_assert_uint_eq(n, 1);
        ck_assert_str_eq(axis[0].name, "a");
        ck_assert_str_eq(gk_scheme_axis(all.item[i], "a"), gk_scheme_name(all.item[i]));
        ck_assert_ptr_null(gk_scheme_axis(all.item[i], "b"));
    }
    scratch_free(&s);
}
END_TEST

/* A cell of a grid is the scheme that one would have written by hand. */
START_TEST(cells_are_what_one_would_write) {
    static const struct {
        const char *grid, *cell, *by_hand;
    } cases[] = {
        {"{name: $c at $l, grid: {l: each, c: [attn, [o, ffn]]}, grafts: [{at: last, donor: sft, "
         "components: $c, layers: $l}]}",
         "o+ffn at 2", "{name: x, grafts: [{at: last, donor: sft, components: [ffn, o], layers: 2}]}"},
        {"{name: $d, grid: {d: [sft, task]}, recipient: $d, head: {last: $d}, grafts: [{at: 0, donor: pre}]}",
         "task", "{name: x, recipient: task, head: recipient, grafts: [{at: 0, donor: pre}]}"},
        {"{name: $p, grid: {p: [last, {not: [first_actor, last]}]}, grafts: [{at: $p, donor: sft}]}",
         "not(first_actor+last)", "{name: x, grafts: [{at: {not: [last, first_actor]}, donor: sft}]}"},
        {"{name: $f, grid: {f: [first_actor, movie_title]}, grafts: [{at: [\"${f}.last\", $f.first, last], "
         "donor: sft}]}",
         "movie_title", "{name: x, grafts: [{at: [last, movie_title.first, movie_title.last], donor: sft}]}"},
        {"{name: $i of 4, grid: {i: {from: 1, to: 4}}, grafts: [{at: last, donor: sft, layers: [$i/4, 0]}]}",
         "3 of 4", "{name: x, grafts: [{at: last, donor: sft, layers: [0, 3/4]}]}"},
        {"{name: $r $s, grid: {r: [0.2, 0.8], s: {from: 1, to: 2}}, grafts: [{at: last, donor: sft, layers: "
         "{of: 2/2, drop: $r, seed: $s}}]}",
         "0.8 1", "{name: x, grafts: [{at: last, donor: sft, layers: {of: 2/2, drop: 0.80, seed: 1}}]}"},
        {"{name: $g, grid: {g: [{name: one, value: [{at: last, donor: sft}]}, {name: two, value: [{at: last, "
         "donor: sft}, {at: 0, donor: task}]}]}, grafts: $g}",
         "two", "{name: x, grafts: [{at: 0, donor: task}, {at: last, donor: sft}]}"},
    };
    scratch s = scratch_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gk_schemes all = expand(&s, cases[i].grid, 6), one = expand(&s, cases[i].by_hand, 0);
        size_t k = 0;
        while (k < all.n && strcmp(gk_scheme_name(all.item[k]), cases[i].cell) != 0) k++;
        ck_assert_msg(k < all.n, "no cell '%s' among %s", cases[i].cell, names(&s, &all));
        ck_assert_str_eq(gk_scheme_canonical(all.item[k]), gk_scheme_canonical(one.item[0]));
        size_t n;
        ck_assert_ptr_null(gk_scheme_axes(one.item[0], &n));
        ck_assert_uint_eq(n, 0);
    }
    scratch_free(&s);
}
END_TEST

START_TEST(products_and_titles) {
    scratch s = scratch_new();
    gk_schemes all = load(&s,
                          "set: t\nschemes:\n- {name: costs $5}\n"
                          "- {name: \"$a${b}c\", about: from $b to $a, grid: {a: [0, 1], b: [sft, task]}, "
                          "grafts: [{at: $a, donor: $b}]}\n",
                          0);
    ck_assert_str_eq(names(&s, &all), "costs $5, 0sftc, 0taskc, 1sftc, 1taskc");
    ck_assert_str_eq(gk_scheme_about(all.item[2]), "from task to 0");
    ck_assert_str_eq(gk_scheme_axis(all.item[3], "a"), "1");
    ck_assert_str_eq(gk_scheme_axis(all.item[3], "b"), "sft");
    ck_assert_uint_eq(all.n_written, 2);
    scratch_free(&s);
}
END_TEST

START_TEST(large_grids) {
    scratch s = scratch_new();
    gk_schemes all =
        expand(&s,
               "{name: $l $s, grid: {l: each, s: {from: 1, to: 500}}, grafts: [{at: last, donor: "
               "sft, layers: {of: $l, drop: 0.5, seed: $s}}]}",
               40);
    ck_assert_uint_eq(all.n, 20000);
    ck_assert_str_eq(gk_scheme_name(all.item[19999]), "39 500");
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- messages */

#define GRAFT ", grafts: [{at: last, donor: sft, layers: $a}]}"
static const struct {
    const char *entry, *message;
} BAD[] = {
    {"{name: $a, grid: [a]" GRAFT, ":3:20: a grid is a map of axes"},
    {"{name: $a, grid: {}" GRAFT, ":3:20: a grid is a map of axes"},
    {"{name: $a, grid: {a: each}" GRAFT, NULL},
    {"{name: $a, grid: {a: {window: 7}}" GRAFT, ":3:24: a window of 7 layers in models of 6 layers"},
    {"{name: $a, grid: {a: {window: 0}}" GRAFT, ":3:33: field 'window': is '0'; must be an integer from 1"},
    {"{name: $a, grid: {a: {window: 2, step: 1}}" GRAFT, ":3:36: unknown key 'step'"},
    {"{name: $a, grid: {a: {every: 2}}" GRAFT, ":3:24: axis 'a' is a map of none of the known kinds"},
    {"{name: $a, grid: {a: thirds}" GRAFT, ":3:24: axis 'a' has the unknown values 'thirds'; an axis is"},
    {"{name: $a, grid: {a: []}" GRAFT, ":3:24: axis 'a' has no values"},
    {"{name: $a, grid: {a: {from: 3, to: 1}}" GRAFT, ":3:24: axis 'a' ends before it begins"},
    {"{name: $a, grid: {a-b: [0]}" GRAFT, ":3:21: 'a-b' cannot be the name of an axis"},
    {"{name: $a, grid: {a: [0, 1], b: [x, y]}" GRAFT,
     ":3:35: axis 'b' is used by no graft and no model of this scheme"},
    {"{name: $a $b, grid: {a: [0, 1], b: [x, y]}" GRAFT, ":3:38: axis 'b' is used by no graft"},
    {"{name: $b, grid: {a: [0, 1]}" GRAFT, ":3:10: unknown placeholder '$b'; the axes of the grid: a"},
    {"{name: x, grid: {a: [0, 1]}" GRAFT,
     ":3:10: two cells of the grid are both named 'x'; the name must hold every axis"},
    {"{name: $a, grid: {a: [0, 1]}, grafts: [{at: $pos, donor: sft, layers: $a}]}",
     ":3:47: unknown placeholder '$pos'"},
    {"{name: x, grafts: [{at: $pos, donor: sft}]}",
     ":3:27: unknown placeholder '$pos'; the scheme has no grid"},
    {"{name: x, grafts: [{at: last, donor: $who}]}", ":3:40: unknown placeholder '$who'"},
    {"{name: $a, grid: {a: [0, top]}" GRAFT, ":3:28: unknown layer set 'top'"},
    {"{name: $a, grid: {a: [$b, 1], b: [1]}" GRAFT,
     ":3:25: the values of a grid cannot refer to axes ('$b')"},
    {"{name: $a, grid: {a: [[0, 1], 2]}, grafts: [{at: last, donor: sft, layers: 0-$a}]}",
     ":3:78: '$a' is a list or a map and cannot be part of a text"},
    {"{name: $a, grid: {a: [1, 2], b: [last]}, grafts: [{at: $b, donor: sft, layers: 0/$a}]}",
     ":3:82: unknown layer set '0/1'"},
    {"{name: $a, grid: {a: {parts: 100001}}" GRAFT, ":3:24: axis 'a' has 100001 values; a run takes 100000"},
    {"{name: $a, grid: {a: {parts: 1000}, b: {from: 1, to: 101}}" GRAFT,
     ":3:20: this would make 101000 schemes, with 0 before it; a run takes 100000"},
};

START_TEST(bad_grids) {
    scratch s = scratch_new();
    gk_schemes out = {0};
    gk_error err = {0};
    char *text = gk_arena_printf(s.a, "set: t\nschemes:\n- %s\n", BAD[_i].entry);
    char *path = scratch_file(&s, "bad.yaml", text);
    bool ok = gk_schemes_load_for(s.a, path, 6, &out, &err);
    ck_assert_msg(ok == !BAD[_i].message, "accepted: %s", BAD[_i].entry);
    if (!ok) ck_assert_uint_eq(out.n, 0);
    if (!ok) assert_error_at(&err, path, BAD[_i].message);
    scratch_free(&s);
}
END_TEST

START_TEST(depth_must_be_known) {
    scratch s = scratch_new();
    gk_schemes out = {0};
    gk_error err = {0};
    char *path = scratch_file(&s, "d.yaml", "set: t\nschemes:\n- {name: $a, grid: {a: each}" GRAFT "\n");
    ck_assert(!gk_schemes_load(s.a, path, &out, &err));
    assert_error_at(&err, path, ":3:24: how many layers the models have is not known here");
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- on a prompt */

/* BOS, then "Ann Lee stars in Big Sun with". */
enum { N = 9, LAYERS = 12 };
static int32_t ids[N] = {1, 10, 11, 12, 13, 14, 15, 16, 17};
static gk_span spans[N] = {{0, 0}, {0, 3}, {3, 5}, {5, 7}, {7, 13}, {13, 16}, {16, 20}, {20, 24}, {24, 29}};
static const gk_tokens PROMPT = {ids, spans, N};
static const gk_field_span PROMPT_FIELDS[] = {{"first_actor", {0, 7}},   {"entity", {0, 7}},
                                              {"relation", {8, 13}},     {"relation_preposition", {14, 16}},
                                              {"movie_title", {17, 24}}, {"preposition", {25, 29}}};

static void plan_all(scratch *s, const gk_schemes *all, const gk_config *c) {
    for (size_t i = 0; i < all->n; i++) {
        gk_plan p;
        gk_error err = {0};
        const char *name = gk_scheme_name(all->item[i]);
        ck_assert_msg(gk_scheme_check(all->item[i], &CAST, FIELDS, &err), "%s: %s", name, err.what);
        bool ok = gk_plan_lay(s->a, all->item[i], &CAST, c, &PROMPT, PROMPT_FIELDS, 6, &p, &err);
        ck_assert_msg(ok, "%s: %s", name, err.what);
    }
}

/* What is wrong with one cell names it: the place is that of the whole grid. */
START_TEST(a_cell_that_does_not_fit_is_named) {
    static const char *const messages[] = {
        "empty selection: llama models have no pos (in 'pos 0')",
        "conflict at token 8: this graft takes it from 'task', an earlier one from 'sft' (in 'x last')",
        "unknown model 'stf' (in 'from stf')"};
    static const char *const entries[] = {
        "{name: $c 0, grid: {c: [pos, embed]}, grafts: [{at: last, donor: sft, components: $c}]}",
        "{name: x $p, grid: {p: [last, 0]}, grafts: [{at: last, donor: sft}, {at: $p, donor: task}]}",
        "{name: from $d, grid: {d: [stf, sft]}, grafts: [{at: last, donor: $d}]}"};
    scratch s = scratch_new();
    gk_config c;
    gk_config_default(gk_family_find("llama"), 32, &c);
    for (int i = 0; i < 3; i++) {
        gk_schemes all = expand(&s, entries[i], 0);
        gk_plan p;
        gk_error err = {0};
        bool ok = gk_scheme_check(all.item[0], &CAST, FIELDS, &err) &&
                  gk_plan_lay(s.a, all.item[0], &CAST, &c, &PROMPT, PROMPT_FIELDS, 6, &p, &err);
        ck_assert(!ok);
        ck_assert_str_eq(err.what, messages[i]);
        ck_assert(gk_plan_lay(s.a, all.item[1], &CAST, &c, &PROMPT, PROMPT_FIELDS, 6, &p, &err));
    }
    scratch_free(&s);
}
END_TEST

START_TEST(the_shipped_grids) {
    scratch s = scratch_new();
    gk_schemes all = {0};
    gk_error err = {0};
    const char *path = GK_SOURCE_DIR "/graft/schemes/layers.yaml";
    ck_assert_msg(gk_schemes_load_for(s.a, path, LAYERS, &all, &err), "%s", err.what);
    ck_assert_uint_eq(all.n, 9 * LAYERS + 4 * 5);
    ck_assert_uint_eq(all.n_written, 2);
    ck_assert_str_eq(gk_scheme_name(all.item[4]), "LT O, layer 0");
    ck_assert_str_eq(gk_scheme_canonical(all.item[4]),
                     "recipient=(first); head=recipient; graft(at=last, donor=sft, components=o, layers=0)");
    ck_assert_str_eq(gk_scheme_axis(all.item[4], "components"), "O");
    ck_assert_str_eq(gk_scheme_axis(all.item[4], "layer"), "0");
    gk_config c;
    gk_config_default(gk_family_find("llama"), 32, &c);
    c.n_layers = LAYERS;
    plan_all(&s, &all, &c);
    scratch_free(&s);
}
END_TEST

static const char *canonical_of(const gk_schemes *all, const char *name) {
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(gk_scheme_name(all->item[i]), name) == 0) return gk_scheme_canonical(all->item[i]);
    return NULL;
}

/* Every ```yaml block: a file, or entries of one. What has the name of a shipped scheme is that scheme. */
START_TEST(examples_of_the_documentation) {
    scratch s = scratch_new();
    size_t blocks = 0, schemes = 0, shared = 0;
    gk_schemes shipped = {0};
    ck_assert(gk_schemes_load(s.a, GK_SOURCE_DIR "/graft/schemes/position.yaml", &shipped, NULL));
    ck_assert(gk_schemes_load(s.a, GK_SOURCE_DIR "/graft/schemes/hybrid.yaml", &shipped, NULL));
    ck_assert(gk_schemes_load(s.a, GK_SOURCE_DIR "/graft/schemes/component.yaml", &shipped, NULL));
    ck_assert(gk_schemes_load(s.a, GK_SOURCE_DIR "/graft/schemes/relation.yaml", &shipped, NULL));
    gk_config c;
    gk_config_default(gk_family_find("llama"), 32, &c);
    c.n_layers = LAYERS;
    char *doc = gk_read_file(s.a, GK_SOURCE_DIR "/docs/schemes.md", 1 << 20, NULL, NULL);
    ck_assert_ptr_nonnull(doc);
    for (char *at = doc; (at = strstr(at, "```yaml\n")); blocks++) {
        at += strlen("```yaml\n");
        char *end = strstr(at, "```");
        ck_assert_ptr_nonnull(end);
        const char *text = gk_arena_strndup(s.a, at, (size_t)(end - at));
        bool whole = strncmp(text, "set:", 4) == 0;
        gk_schemes all = load(&s, whole ? text : gk_arena_printf(s.a, "set: t\nschemes:\n%s", text), LAYERS);
        plan_all(&s, &all, &c);
        schemes += all.n;
        for (size_t i = 0; i < all.n; i++) {
            const char *same = canonical_of(&shipped, gk_scheme_name(all.item[i]));
            if (same && !whole) ck_assert_str_eq(gk_scheme_canonical(all.item[i]), same);
            shared += same != NULL;
        }
        at = end + 3;
    }
    ck_assert_uint_ge(blocks, 5);
    ck_assert_uint_ge(schemes, 100);
    ck_assert_uint_ge(shared, 29);
    scratch_free(&s);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("grid");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, axes, 0, sizeof AXES / sizeof *AXES);
    tcase_add_test(t, cells_are_what_one_would_write);
    tcase_add_test(t, products_and_titles);
    tcase_add_test(t, large_grids);
    tcase_add_loop_test(t, bad_grids, 0, sizeof BAD / sizeof *BAD);
    tcase_add_test(t, depth_must_be_known);
    tcase_add_test(t, a_cell_that_does_not_fit_is_named);
    tcase_add_test(t, the_shipped_grids);
    tcase_add_test(t, examples_of_the_documentation);
    Suite *s = suite_create("grid");
    suite_add_tcase(s, t);
    return run_suite(s);
}
