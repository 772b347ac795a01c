/* test_scheme.c: schemes from YAML: canonical text, and messages with their places.
 * modules: graft model tokenizer core */
#include "graftkit/core/template.h"
#include "graftkit/graft/cast.h"
#include "graftkit/graft/scheme.h"
#include "tests/support/scratch.h"

static const char *const FIELDS[] = {"first_actor", "entity",      "relation", "relation_preposition",
                                     "movie_title", "preposition", NULL};

/* ---------------------------------------------------------------- canonical text */

static const char *canonical(scratch *s, const char *body) {
    gk_schemes all = {0};
    gk_error err = {0};
    char *text = gk_arena_printf(s->a, "set: t\nschemes:\n- {name: x, %s}\n", body);
    bool ok = gk_schemes_load(s->a, scratch_file(s, "c.yaml", text), &all, &err);
    ck_assert_msg(ok, "%s: %s", body, err.what);
    return gk_scheme_canonical(all.item[0]);
}

START_TEST(canonical_equal) {
    static const char *const same[][2] = {
        {"grafts: []", "head: recipient"},
        {"grafts: [{at: [a, last], donor: d}]",
         "grafts: [{donor: d, at: [last, a, a], layers: all, components: all}]"},
        {"grafts: [{at: a, donor: d}]", "grafts: [{at: [a], donor: d}]"},
        {"grafts: [{at: [a, [b, c]], donor: d}]", "grafts: [{at: [a, b, c], donor: d}]"},
        {"grafts: [{at: {not: {not: a}}, donor: d}]", "grafts: [{at: a, donor: d}]"},
        {"grafts: [{at: -1, donor: d}]", "grafts: [{at: last, donor: d}]"},
        {"grafts: [{at: [a, all], donor: d}]", "grafts: [{at: all, donor: d}]"},
        {"grafts: [{at: [b, [c, a]], donor: d}]", "grafts: [{at: [a, b, c], donor: d}]"},
        {"grafts: [{at: 2-5, donor: d}]", "grafts: [{at: [4..5, 2, 3-4], donor: d}]"},
        {"grafts: [{at: -3..-1, donor: d}]", "grafts: [{at: [last, -2, -3], donor: d}]"},
        {"grafts: [{at: 3..3, donor: d}]", "grafts: [{at: 3, donor: d}]"},
        {"grafts: [{at: 0..-1, donor: d}]", "grafts: [{at: all, donor: d}]"},
        {"grafts: [{at: {all_of: [a, {all_of: [all, b]}]}, donor: d}]",
         "grafts: [{at: {all_of: [b, a, a]}, donor: d}]"},
        {"grafts: [{at: {all_of: [a]}, donor: d}]", "grafts: [{at: a, donor: d}]"},
        {"grafts: [{at: a, donor: d, layers: [10, 2, 3-4, 5]}]",
         "grafts: [{at: a, donor: d, layers: [2-5, 10]}]"},
        {"grafts: [{at: a, donor: d, layers: 0.25-0.5}]", "grafts: [{at: a, donor: d, layers: 2/4}]"},
        {"grafts: [{at: a, donor: d, layers: 0.0-1}]", "grafts: [{at: a, donor: d}]"},
        {"grafts: [{at: a, donor: d, layers: .50-1.0}]", "grafts: [{at: a, donor: d, layers: upper half}]"},
        {"grafts: [{at: a, donor: d, layers: {of: 2/2, drop: 0, seed: 4}}]",
         "grafts: [{at: a, donor: d, layers: upper half}]"},
        {"grafts: [{at: a, donor: d, layers: {of: all, drop: .4, seed: 1}}]",
         "grafts: [{at: a, donor: d, layers: {drop: 0.40, seed: 01}}]"},
        {"grafts: [{at: a, donor: d, layers: {drop: 1, seed: 3}}]", "grafts: []"},
        {"grafts: [{at: a, donor: d, layers: {drop: 0, seed: 3}}]",
         "grafts: [{at: a, donor: d, layers: {drop: 0, seed: 4}}]"},
        {"grafts: [{at: a, donor: d}, {at: b, donor: e}]", "grafts: [{at: b, donor: e}, {at: a, donor: d}]"},
        {"grafts: [{at: a, donor: d}, {at: a, donor: d}]", "grafts: [{at: a, donor: d}]"},
        {"grafts: [{at: a, donor: d, layers: upper half}]", "grafts: [{at: a, donor: d, layers: 2/2}]"},
        {"grafts: [{at: a, donor: d, layers: [fourth_quarter, 2, third_quarter, third_quarter]}]",
         "grafts: [{at: a, donor: d, layers: [2, third_quarter, fourth_quarter]}]"},
        {"grafts: [{at: a, donor: d, layers: 3}]", "grafts: [{at: a, donor: d, layers: [3-3, 3]}]"},
        {"grafts: [{at: a, donor: d, layers: [2, all]}]", "grafts: [{at: a, donor: d, layers: 1/1}]"},
        {"grafts: [{at: a, donor: d, components: attn}]",
         "grafts: [{at: a, donor: d, components: [o, v, qkv]}]"},
        {"patches: [], ablations: []", "head: recipient"},
        {"patches: [{at: [a, last], from: d}]",
         "patches: [{from: d, at: [last, a], layers: all}, {at: [a, last], layers: [embed, all], from: d}]"},
        {"patches: [{at: a, layers: [3, embed], from: d}]",
         "patches: [{at: a, layers: [embed, 3], from: d}]"},
        {"ablations: [{at: a}], recipient: p", "recipient: p, ablations: [{at: a, from: p}]"},
        {"ablations: [{at: a}]", "ablations: [{at: a, from: recipient}]"},
        {"patches: [{at: a, from: d}], ablations: [{at: b}]",
         "ablations: [{at: b}], patches: [{at: a, from: d}]"},
        {"recipient: p, head: p", "recipient: p, head: recipient"},
        {"recipient: p, head: {last: p}", "recipient: p"},
        {"head: {donor: d, norm: d}", "head: d"},
        {"head: {last: {norm: d, donor: d}}", "head: {last: d}"},
        {"head: {donor: d}", "head: {norm: recipient, donor: d}"},
        {"head: {norm: d}", "head: {donor: recipient, norm: d}"},
        {"head: {donor: recipient}", "head: recipient"},
        {"head: {last: {donor: recipient, norm: recipient}}", "grafts: []"},
        {"recipient: p, head: {donor: p, norm: d}", "recipient: p, head: {norm: d}"},
    };
    scratch s = scratch_new();
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        ck_assert_str_eq(canonical(&s, same[i][0]), canonical(&s, same[i][1]));
    scratch_free(&s);
}
END_TEST

START_TEST(canonical_different) {
    static const char *const all[] = {
        "grafts: []",
        "recipient: p",
        "head: d",
        "head: {last: d}",
        "head: {donor: d}",
        "head: {norm: d}",
        "head: {donor: d, norm: e}",
        "head: {donor: e, norm: d}",
        "head: {last: {donor: d}}",
        "head: {last: {norm: d}}",
        "head: {last: {donor: d, norm: e}}",
        "grafts: [{at: a, donor: d}]",
        "grafts: [{at: a, donor: e}]",
        "grafts: [{at: a.first, donor: d}]",
        "grafts: [{at: a.last, donor: d}]",
        "grafts: [{at: 0, donor: d}]",
        "grafts: [{at: -2, donor: d}]",
        "grafts: [{at: last, donor: d}]",
        "grafts: [{at: all, donor: d}]",
        "grafts: [{at: [a, b], donor: d}]",
        "grafts: [{at: {not: a}, donor: d}]",
        "grafts: [{at: {not: [a, b]}, donor: d}]",
        "grafts: [{at: [{not: a}, b], donor: d}]",
        "grafts: [{at: a, donor: d, components: ffn}]",
        "grafts: [{at: a, donor: d, components: norms}]",
        "grafts: [{at: a, donor: d, layers: 2}]",
        "grafts: [{at: a, donor: d, layers: 1-2}]",
        "grafts: [{at: a, donor: d, layers: 1/2}]",
        "grafts: [{at: a, donor: d, layers: 1/4}]",
        "grafts: [{at: a, donor: d, layers: first_quarter}]",
        "grafts: [{at: a, donor: d, layers: first_eighth}]",
        "grafts: [{at: a, donor: d, layers: 0}]",
        "patches: [{at: a, from: d}]",
        "patches: [{at: a, from: e}]",
        "patches: [{at: b, from: d}]",
        "patches: [{at: a, from: d, layers: embed}]",
        "patches: [{at: a, from: d, layers: 0}]",
        "patches: [{at: a, from: recipient}]",
        "ablations: [{at: a}]",
        "ablations: [{at: a, from: d}]",
        "grafts: [{at: a, donor: d}], patches: [{at: a, from: d}]",
        "grafts: [{at: a, donor: d, layers: 0.25-0.75}]",
        "grafts: [{at: a, donor: d, layers: {not: 2}}]",
        "grafts: [{at: a, donor: d, layers: {drop: 0, seed: 1}}]",
        "grafts: [{at: a, donor: d, layers: {drop: 0.4, seed: 1}}]",
        "grafts: [{at: a, donor: d, layers: {drop: 0.4, seed: 2}}]",
        "grafts: [{at: a, donor: d, layers: {drop: 0.6, seed: 1}}]",
        "grafts: [{at: a, donor: d, layers: {of: 1/2, drop: 0.6, seed: 1}}]",
        "grafts: [{at: 1..2, donor: d}]",
        "grafts: [{at: 1..-2, donor: d}]",
        "grafts: [{at: -2..-1, donor: d}]",
        "grafts: [{at: {after: a}, donor: d}]",
        "grafts: [{at: {before: a}, donor: d}]",
        "grafts: [{at: {all_of: [a, b]}, donor: d}]",
        "grafts: [{at: {after: [a, b]}, donor: d}]",
    };
    enum { COUNT = sizeof all / sizeof *all };
    const char *text[COUNT];
    scratch s = scratch_new();
    for (size_t i = 0; i < COUNT; i++) {
        text[i] = canonical(&s, all[i]);
        for (size_t j = 0; j < i; j++) ck_assert_str_ne(text[i], text[j]);
    }
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- messages */

static const struct {
    const char *text, *message;
} BAD[] = {
    {"set: t\n", ":1:1: schemes must be a list with at least one scheme; write one '- name: ...' item"},
    {"schemes: []\n", ":1:1: field 'set': is missing; must be a text"},
    {"set: t\nschemes: []\n", ":2:10: schemes must be a list"},
    {"set: t\nschemas: 1\n",
     ":2:1: unknown key 'schemas'; the keys allowed here are: set, title, about, schemes"},
    {"set: t\nschemes:\n- grafts: []\n", ":3:3: field 'name': is missing"},
    {"set: t\nschemes:\n- name: \"\"\n", ":3:9: the name is empty"},
    {"set: t\nschemes:\n- name: x\n  graft: []\n",
     ":4:3: unknown key 'graft'; the keys allowed here are: name, about"},
    {"set: t\nschemes:\n- name: x\n  grafts: {at: a}\n", ":4:11: grafts must be a list"},
    {"set: t\nschemes:\n- name: x\n- name: x\n", ":4:9: scheme 'x' is already at "},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - donor: d\n",
     ":5:5: the positions ('at' or 'not') are missing"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - at: a\n", ":5:5: field 'donor': is missing"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - at: a\n    doner: d\n", ":6:5: unknown key 'doner'"},
    {"set: t\nschemes:\n- name: x\n  grafts: [{at: [], donor: d}]\n",
     ":4:17: an empty list selects no token"},
    {"set: t\nschemes:\n- name: x\n  grafts: [{at: {none: a}, donor: d}]\n", ":4:18: unknown key 'none'"},
    {"set: t\nschemes:\n- name: x\n  grafts: [{at: a b, donor: d}]\n", ":4:17: 'a b' is no position"},
    {"set: t\nschemes:\n- name: x\n  grafts: [{at: [a, 2-1], donor: d}]\n",
     ":4:21: '2-1' is no token number and no range"},
    {"set: t\nschemes:\n- name: x\n  grafts: [{at: [a, 1-2-3], donor: d}]\n",
     ":4:21: '1-2-3' is no token number and no range"},
    {"set: t\nschemes:\n- name: x\n  grafts: [{at: -1..-3, donor: d}]\n",
     ":4:17: '-1..-3' is no token number and no range"},
    {"set: t\nschemes:\n- name: x\n  grafts: [{at: 2.5, donor: d}]\n",
     ":4:17: '2.5' is no token number and no range"},
    {"set: t\nschemes:\n- name: x\n  grafts: [{at: {after: a, not: b}, donor: d}]\n",
     ":4:17: a map of positions has one key, not 2"},
    {"set: t\nschemes:\n- name: x\n  grafts: [{at: {if_any: a}, donor: d}]\n",
     ":4:26: if_any has a selection that others make empty"},
    {"set: t\nschemes:\n- name: x\n  grafts: [{at: {all_of: a}, donor: d}]\n",
     ":4:17: all_of needs a list of positions"},
    {"set: t\nschemes:\n- name: x\n  grafts: [{at: 99999999999, donor: d}]\n",
     ":4:17: '99999999999' is no token number"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - at: a\n    donor: d\n    components: [o, mlp]\n",
     ":7:21: unknown component 'mlp'; components are all, attn (q k v o), qkv, ffn"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - at: a\n    donor: d\n    components: head\n",
     ":7:17: component 'head' follows the scheme's head policy"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - at: a\n    donor: d\n    components: []\n",
     ":7:17: no components are named here"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - at: a\n    donor: d\n    components: [embed, q]\n    "
     "layers: 1\n",
     ":7:17: embed and pos belong to no layer"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - at: a\n    donor: d\n    layers: top half\n",
     ":7:13: unknown layer set 'top half'; layer sets are all, lower half, upper half"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - {at: a, donor: d, layers: [0, 5/4]}\n",
     ":5:35: unknown layer set '5/4'"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - {at: a, donor: d, layers: eighth_eighth}\n",
     ":5:31: unknown layer set 'eighth_eighth'"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - {at: a, donor: d, layers: 0/4}\n",
     ":5:31: unknown layer set '0/4'"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - {at: a, donor: d, layers: 5-3}\n",
     ":5:31: unknown layer set '5-3'"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - {at: a, donor: d, layers: 1-2-3}\n",
     ":5:31: unknown layer set"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - {at: a, donor: d, layers: []}\n",
     ":5:31: no layers are named"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - {at: a, donor: d, layers: [embed, 1]}\n",
     ":5:31: the layer 'embed' is for patches and ablations; grafts have it as a component; write "
     "components"},
    {"set: t\nschemes:\n- name: x\n  patches: {at: a}\n", ":4:12: patches must be a list"},
    {"set: t\nschemes:\n- name: x\n  ablations: mean\n", ":4:14: ablations must be a list"},
    {"set: t\nschemes:\n- name: x\n  patches: [{at: a}]\n", ":4:13: a patch says where it comes from"},
    {"set: t\nschemes:\n- name: x\n  patches: [{from: d}]\n",
     ":4:13: the positions ('at' or 'not') are missing"},
    {"set: t\nschemes:\n- name: x\n  ablations: [{at: a, from: d e}]\n",
     ":4:29: 'd e' cannot be the name of a model"},
    {"set: t\nschemes:\n- name: x\n  patches: [{at: a, donor: d}]\n",
     ":4:21: unknown key 'donor'; the keys allowed here are: at, layers, from"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - {at: a, donor: d, layers: {}}\n",
     ":5:31: no layers are named"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - {at: a, donor: d, layers: 0.5}\n",
     ":5:31: unknown layer set '0.5'"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - {at: a, donor: d, layers: 0.5-0.25}\n",
     ":5:31: unknown layer set '0.5-0.25'"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - {at: a, donor: d, layers: 0.5-1.2}\n",
     ":5:31: unknown layer set '0.5-1.2'"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - {at: a, donor: d, layers: {not: 3, of: all}}\n",
     ":5:31: 'not' stands alone in its map of layers"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - {at: a, donor: d, layers: {of: all, drop: 40%, seed: 1}}\n",
     ":5:47: '40%' cannot be a drop rate; write a fraction from 0 to 1"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - {at: a, donor: d, layers: {of: all, drop: 1.4, seed: 1}}\n",
     ":5:47: '1.4' cannot be a drop rate"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - {at: a, donor: d, layers: {drop: 0.4}}\n",
     ":5:31: field 'seed': is missing"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - {at: a, donor: d, layers: {drop: 0.4, seed: -1}}\n",
     ":5:49: '-1' cannot be a seed"},
    {"set: t\nschemes:\n- name: x\n  grafts:\n  - {at: a, donor: d, components: embed, layers: {drop: 0, "
     "seed: 1}}\n",
     ":5:35: embed and pos belong to no layer"},
    {"set: t\nschemes:\n- name: x\n  head: [d]\n",
     ":4:9: a head policy cannot be a list; the head policy is recipient"},
    {"set: t\nschemes:\n- name: x\n  head: {first: d}\n",
     ":4:10: unknown key 'first'; the keys allowed here are: donor, norm, last"},
    {"set: t\nschemes:\n- name: x\n  recipient: a b\n", ":4:14: 'a b' cannot be the name of a model"},
    {"set: t\nschemes:\n- name: x\n  grafts: [{at: "
     "[[[[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]]]], donor: d}]\n",
     ":4:34: more than 16 levels"},
};

START_TEST(bad_files) {
    scratch s = scratch_new();
    gk_schemes out = {0};
    gk_error err = {0};
    char *path = scratch_file(&s, "bad.yaml", BAD[_i].text);
    ck_assert_msg(!gk_schemes_load(s.a, path, &out, &err), "accepted: %s", BAD[_i].text);
    ck_assert_uint_eq(out.n, 0);
    assert_error_at(&err, path, BAD[_i].message);
    scratch_free(&s);
}
END_TEST

START_TEST(names_are_unique_over_files) {
    scratch s = scratch_new();
    gk_schemes out = {0};
    gk_error err;
    char *one = scratch_file(&s, "1.yaml", "set: a\nschemes:\n- name: x\n- name: y\n");
    char *two = scratch_file(&s, "2.yaml", "set: b\nschemes:\n- name: z\n- name: y\n");
    ck_assert(gk_schemes_load(s.a, one, &out, &err));
    ck_assert(!gk_schemes_load(s.a, two, &out, &err));
    assert_error_at(&err, two, ":4:9: scheme 'y' is already at ");
    ck_assert_ptr_nonnull(strstr(err.what, "1.yaml:4"));
    ck_assert_uint_eq(out.n, 2);
    ck_assert(!gk_schemes_load(s.a, scratch_path(&s, "none.yaml"), &out, &err));
    scratch_free(&s);
}
END_TEST

START_TEST(unknown_models_and_fields) {
    static const struct {
        const char *body, *message;
    } cases[] = {
        {"grafts: [{at: first_actor, donor: stf}]", ":3:47: unknown model 'stf'; known models: pre, sft"},
        {"grafts: [{at: [last, {not: second_actor}], donor: sft}]",
         ":3:40: unknown field 'second_actor'; known fields: first_actor, entity, relation, "
         "relation_preposition, "
         "movie_title"},
        {"grafts: [{at: movie.first, donor: sft}]", ":3:27: unknown field 'movie'"},
        {"patches: [{at: last, from: task}]", ":3:40: unknown model 'task'"},
        {"ablations: [{at: nobody}]", ":3:30: unknown field 'nobody'"},
        {"recipient: base", ":3:24: unknown model 'base'"},
        {"head: task", ":3:19: unknown model 'task'"},
        {"head: {last: task}", ":3:26: unknown model 'task'"},
        {"head: {donor: task}", ":3:27: unknown model 'task'"},
        {"head: {donor: sft, norm: task}", ":3:38: unknown model 'task'"},
    };
    scratch s = scratch_new();
    gk_cast cast = {.name = {"pre", "sft"}, .n = 2};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gk_schemes out = {0};
        gk_error err;
        char *text = gk_arena_printf(s.a, "set: t\nschemes:\n- {name: x, %s}\n", cases[i].body);
        char *path = scratch_file(&s, "u.yaml", text);
        ck_assert_msg(gk_schemes_load(s.a, path, &out, &err), "%s: %s", cases[i].body, err.what);
        ck_assert(!gk_scheme_check(out.item[0], &cast, FIELDS, &err));
        assert_error_at(&err, path, cases[i].message);
    }
    scratch_free(&s);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("scheme");
    tcase_add_test(t, canonical_equal);
    tcase_add_test(t, canonical_different);
    tcase_add_loop_test(t, bad_files, 0, sizeof BAD / sizeof *BAD);
    tcase_add_test(t, names_are_unique_over_files);
    tcase_add_test(t, unknown_models_and_fields);
    Suite *s = suite_create("scheme");
    suite_add_tcase(s, t);
    return run_suite(s);
}
