/* test_head_text.c: head policies and schemes as published: their canonical text, and what is refused.
 * modules: graft model tokenizer core */
#include "graftkit/graft/scheme.h"
#include "tests/support/scratch.h"

static const char *canonical(scratch *s, const char *body) {
    gk_schemes all = {0};
    gk_error err = {0};
    char *text = gk_arena_printf(s->a, "set: t\nschemes:\n- {name: x, %s}\n", body);
    bool ok = gk_schemes_parse(s->a, text, strlen(text), "t", 0, &all, &err);
    ck_assert_msg(ok, "%s: %s", body, err.what);
    return gk_scheme_canonical(all.item[0]);
}

/* What stores have as keys, and what eval/store/roles.c reads back. */
START_TEST(head_policies_as_text) {
    static const char *const text[][2] = {
        {"head: recipient", "recipient"},
        {"head: d", "d"},
        {"head: {last: d}", "last:d"},
        {"head: {donor: d}", "d|norm:recipient"},
        {"head: {norm: d}", "recipient|norm:d"},
        {"head: {donor: d, norm: e}", "d|norm:e"},
        {"head: {last: {donor: d}}", "last:d|norm:recipient"},
        {"head: {last: {norm: d}}", "last:recipient|norm:d"},
    };
    scratch s = scratch_new();
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        ck_assert_str_eq(canonical(&s, text[i][0]),
                         gk_arena_printf(s.a, "recipient=(first); head=%s", text[i][1]));
    scratch_free(&s);
}
END_TEST

static const char PUBLIC_ALL[] = "embed+ln1+q+k+v+o+ln2+gate+up+down";

/* What a scheme as published is, beside the same words without; what both compute alike has one text. */
START_TEST(as_published_as_text) {
    static const char *const same[][2] = {
        {"as_published: true, grafts: [{at: a, donor: d, components: attn, layers: 2/2}]",
         "grafts: [{at: a, donor: d, components: attn, layers: 2/2}]"},
        {"as_published: true, head: recipient", "grafts: []"},
        {"as_published: true, head: {donor: d}", "head: {donor: d}"},
        {"as_published: false, grafts: [{at: a, donor: d}]", "grafts: [{at: a, donor: d}]"},
        {"as_published: true, grafts: [{at: a, donor: d}], head: {donor: d}",
         "grafts: [{at: a, donor: d, components: [embed, ln1, attn, ln2, ffn]}], head: {donor: d}"},
        {"as_published: true, grafts: [{at: a, donor: d, components: [embed, o], layers: 3}]",
         "as_published: true, grafts: [{at: a, donor: d, components: o, layers: 3}, {at: a, donor: d, "
         "components: embed}]"},
        {"as_published: true, grafts: [{at: a, donor: d, components: norms}]",
         "grafts: [{at: a, donor: d, components: [ln1, ln2]}]"},
    };
    scratch s = scratch_new();
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        ck_assert_str_eq(canonical(&s, same[i][0]), canonical(&s, same[i][1]));
    ck_assert_str_eq(
        canonical(&s, "as_published: true, grafts: [{at: a, donor: d}]"),
        gk_arena_printf(s.a,
                        "recipient=(first); head=recipient|tied:embed; graft(at=a, donor=d, components=%s, "
                        "layers=all)",
                        PUBLIC_ALL));
    ck_assert_str_ne(canonical(&s, "as_published: true, grafts: [{at: a, donor: d, components: embed}]"),
                     canonical(&s, "grafts: [{at: a, donor: d, components: embed}]"));
    scratch_free(&s);
}
END_TEST

/* A file says it for its schemes, a scheme for itself, a grid for some of its cells. */
START_TEST(as_published_of_a_file) {
    static const char text[] = "set: t\nas_published: true\nschemes:\n"
                               "- {name: a, grafts: [{at: last, donor: d}]}\n"
                               "- {name: b, as_published: false, grafts: [{at: last, donor: d}]}\n"
                               "- {name: c $p, grid: {p: [true, false]}, as_published: $p, "
                               "grafts: [{at: last, donor: d}]}\n";
    scratch s = scratch_new();
    gk_schemes all = {0};
    gk_error err = {0};
    ck_assert_msg(gk_schemes_load(s.a, scratch_file(&s, "p.yaml", text), &all, &err), "%s", err.what);
    ck_assert_uint_eq(all.n, 4);
    for (size_t i = 0; i < all.n; i++)
        ck_assert_int_eq(strstr(gk_scheme_canonical(all.item[i]), "head=recipient|tied:embed;") != NULL,
                         i % 2 == 0);
    ck_assert_str_eq(gk_scheme_canonical(all.item[0]), gk_scheme_canonical(all.item[2]));
    ck_assert_str_eq(gk_scheme_canonical(all.item[1]), gk_scheme_canonical(all.item[3]));
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- messages */

#define PUBLIC "set: t\nschemes:\n- name: x\n  as_published: true\n"
static const struct {
    const char *text, *message;
} BAD[] = {
    {"set: t\nschemes:\n- name: x\n  head: {}\n",
     ":4:9: this head policy names no model; the head policy is"},
    {"set: t\nschemes:\n- name: x\n  head: {last: {}}\n", ":4:16: this head policy names no model"},
    {"set: t\nschemes:\n- name: x\n  head: {last: d, norm: d}\n",
     ":4:19: unknown key 'norm'; the keys allowed here are: last"},
    {"set: t\nschemes:\n- name: x\n  head: {last: {last: d}}\n",
     ":4:17: unknown key 'last'; the keys allowed here are: donor, norm"},
    {"set: t\nschemes:\n- name: x\n  head: {last: [d]}\n", ":4:16: a head policy cannot be a list"},
    {"set: t\nschemes:\n- name: x\n  head: {donor: [d]}\n", ":4:17: field 'donor': is a list"},
    {"set: t\nschemes:\n- name: x\n  head: {norm: a b}\n", ":4:16: 'a b' cannot be the name of a model"},
    {"set: t\nas_published: maybe\nschemes:\n- name: x\n",
     ":2:15: field 'as_published': is 'maybe'; must be true or false"},
    {"set: t\nschemes:\n- name: x\n  as_published: 1\n", ":4:17: field 'as_published': is '1'"},
    {PUBLIC "  head: d\n", ":5:9: the public code never grafts the final norm; write head: {donor: SFT,"},
    {PUBLIC "  head: {last: {norm: d}}\n", ":5:9: the public code never grafts the final norm"},
    {PUBLIC "  grafts: [{at: a, donor: d, components: [embed, pos]}]\n",
     ":5:50: the public code never grafts 'pos'; leave it out"},
    {PUBLIC "  grafts: [{at: a, donor: d, components: q_norm}]\n",
     ":5:42: the public code never grafts 'q_norm'"},
    {PUBLIC "  grafts: [{at: a, donor: d, layers: {drop: 0.4, seed: 1}}]\n",
     ":5:38: the public code drops other layers at each token, of no seed"},
    {PUBLIC "  grafts: [{at: a, donor: d, components: embed, layers: 2}]\n",
     ":5:42: embed and pos belong to no layer"},
    {PUBLIC "  patches: [{at: a, from: d}]\n", ":5:13: the public code has no patches and no ablations"},
    {PUBLIC "  ablations: [{at: a}]\n", ":5:15: the public code has no patches and no ablations"},
};

START_TEST(bad_files) {
    scratch s = scratch_new();
    gk_schemes out = {0};
    gk_error err = {0};
    char *path = scratch_file(&s, "bad.yaml", BAD[_i].text);
    ck_assert_msg(!gk_schemes_load(s.a, path, &out, &err), "accepted: %s", BAD[_i].text);
    assert_error_at(&err, path, BAD[_i].message);
    scratch_free(&s);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("head_text");
    tcase_add_test(t, head_policies_as_text);
    tcase_add_test(t, as_published_as_text);
    tcase_add_test(t, as_published_of_a_file);
    tcase_add_loop_test(t, bad_files, 0, sizeof BAD / sizeof *BAD);
    Suite *s = suite_create("head_text");
    suite_add_tcase(s, t);
    return run_suite(s);
}
