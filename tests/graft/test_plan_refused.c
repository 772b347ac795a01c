/* test_plan_refused.c: schemes and prompts that cannot be planned; a plan that goes on behind its prompt.
 * modules: graft model tokenizer core */
#include "tests/support/plan_fixture.h"

/* ---------------------------------------------------------------- what cannot be planned */

static const struct {
    const char *family, *body, *message;
} BAD[] = {
    {"llama", "grafts: [{at: {not: all}, donor: sft}]", ":3:27: empty selection: all covers all 9 tokens"},
    {"llama", "grafts: [{at: [last, nowhere], donor: sft}]",
     ":3:34: empty selection: the prompt has no field 'nowhere'"},
    {"llama", "grafts: [{at: [last, hole], donor: sft}]",
     ":3:34: empty selection: no token covers the span [9, 9) of 'hole'"},
    {"llama", "grafts: [{at: beyond.last, donor: sft}]",
     ":3:27: empty selection: no token covers the span [40, 44)"},
    {"llama", "grafts: [{at: 9, donor: sft}]", ":3:27: empty selection: no token 9 in a prompt of 9 tokens"},
    {"llama", "grafts: [{at: -10, donor: sft}]", ":3:27: empty selection: no token -10"},
    {"llama", "grafts: [{at: 7-9, donor: sft}]",
     ":3:27: empty selection: no token 9 in a prompt of 9 tokens"},
    {"llama", "grafts: [{at: -12..3, donor: sft}]", ":3:27: empty selection: no token -12"},
    {"llama", "grafts: [{at: 7..-4, donor: sft}]", ":3:27: empty selection: 7..-4 ends before it begins"},
    {"llama", "grafts: [{at: {after: last}, donor: sft}]",
     ":3:27: empty selection: no token stands after last"},
    {"llama", "grafts: [{at: [last, {before: 0}], donor: sft}]",
     ":3:34: empty selection: no token stands before 0"},
    {"llama", "grafts: [{at: {if_any: {all_of: [last, {not: all}]}}, donor: sft}]",
     ":3:52: empty selection: all covers all"},
    {"llama", "grafts: [{at: {all_of: [first_actor, last]}, donor: sft}]",
     ":3:27: empty selection: no token is in all_of(first_actor,last)"},
    {"llama", "grafts: [{at: last, donor: sft, layers: 0.5-0.7}]",
     ":3:53: empty selection: the depth 5/10 to 7/10 of 2 layers holds no layer"},
    {"llama", "grafts: [{at: last, donor: sft, layers: {not: 0-1}}]",
     ":3:53: empty selection: layers not(0-1) leave none of 2"},
    {"llama", "grafts: [{at: last, donor: sft, components: pos, layers: all}]",
     ":3:57: empty selection: llama models have no pos"},
    {"gpt2", "grafts: [{at: last, donor: sft, components: gate, layers: {drop: 0.5, seed: 1}}]",
     ":3:57: empty selection: gpt2 models have no gate"},
    {"llama", "grafts: [{at: last, donor: sft, layers: 3/4}]",
     ":3:53: empty selection: part 3/4 of 2 layers"},
    {"llama", "grafts: [{at: last, donor: sft, layers: 1-2}]",
     ":3:53: no layer 2: the models have layers 0 to 1"},
    {"llama", "grafts: [{at: last, donor: sft, components: pos}]",
     ":3:57: empty selection: llama models have no pos"},
    {"gpt2", "grafts: [{at: last, donor: sft, components: gate}]",
     ":3:57: empty selection: gpt2 models have no gate"},
    {"llama", "grafts: [{at: first_actor, donor: sft}, {at: 2, donor: task}]",
     ":3:53: conflict at token 2: this graft takes it from 'task', an earlier one from 'sft'"},
    {"llama", "grafts: [{at: all, donor: sft}, {at: last, donor: pre, components: o}]",
     ":3:45: conflict at token 8"},
    {"llama", "patches: [{at: all, from: sft}, {at: last, from: task, layers: 1}]",
     ":3:45: conflict at token 8: this one puts in the residual stream of 'task', an earlier one the "
     "residual "
     "stream of 'sft'"},
    {"llama", "patches: [{at: last, layers: embed, from: sft}], ablations: [{at: last, from: sft}]",
     ":3:74: conflict at token 8: this one puts in the mean of 'sft', an earlier one the residual stream of"},
    {"llama", "patches: [{at: hole, from: sft}]", ":3:28: empty selection: no token covers the span"},
    {"llama", "ablations: [{at: last, layers: 3/4}]", ":3:44: empty selection: part 3/4 of 2 layers"},
    {"llama", "patches: [{at: last, from: sft, layers: [embed, 2]}]", ":3:53: no layer 2"},
    {"llama", "patches: [{at: last, from: stf}]", ":3:40: unknown model 'stf'"},
    {"llama", "grafts: [{at: last, donor: stf}]", ":3:40: unknown model 'stf'"},
    {"llama", "recipient: stf", ":3:24: unknown model 'stf'"},
    {"llama", "head: stf", ":3:19: unknown model 'stf'"},
    {"llama", "grafts: [{at: last, donor: sft, layers: [upper half, third_eighth]}]",
     ":3:53: empty selection: the public code's third_eighth of 2 layers holds no layer; leave it out"},
    {"llama", "grafts: [{at: last, donor: sft, layers: first_quarter}]",
     ":3:53: empty selection: the public code's first_quarter of 2 layers holds no layer"},
    {"gpt2", "as_published: true, grafts: [{at: last, donor: sft, components: [q, o]}]",
     ":3:77: the public code cannot graft q, k and v of gpt2 models apart: they are one tensor; write qkv"},
    {"gpt_neox", "as_published: true, grafts: [{at: last, donor: sft, components: [k, v]}]",
     ":3:77: the public code cannot graft q, k and v of gpt_neox models apart"},
};

/* What follows the prompt is computed as its last token, slot by slot. */
START_TEST(a_plan_goes_on_as_its_last_token) {
    stagehand h = start("gpt2", 2);
    gk_plan p =
        plan(&h, "grafts: [{at: [first_actor, last], donor: sft, components: ffn, layers: 1},"
                 " {at: {not: last}, donor: task, components: qkv}], head: {last: sft},"
                 " patches: [{at: last, layers: [embed, 1], from: task}, {at: first_actor, from: sft}]");
    for (int extra = 0; extra < 4; extra++) {
        gk_plan q = gk_plan_extend(h.s.a, &p, extra);
        ck_assert_int_eq(q.n_slots, p.n_slots);
        ck_assert_int_eq(q.n_tokens, N + extra);
        for (int l = 0; l <= h.c.n_layers; l++)
            for (int t = 0; t < q.n_tokens; t++)
                ck_assert_uint_eq(q.patch[l * q.n_tokens + t], p.patch[l * N + (t < N ? t : N - 1)]);
        for (int s = 0; s < q.n_slots; s++)
            for (int t = 0; t < q.n_tokens; t++)
                ck_assert_uint_eq(q.model[s * q.n_tokens + t], p.model[s * N + (t < N ? t : N - 1)]);
    }
    stop(&h);
}
END_TEST

START_TEST(bad_plans) {
    stagehand h = start(BAD[_i].family, 2);
    gk_field_span fields[N_FIELDS + 2];
    memcpy(fields, FIELDS, sizeof FIELDS);
    fields[N_FIELDS] = (gk_field_span){"hole", {9, 9}};
    fields[N_FIELDS + 1] = (gk_field_span){"beyond", {40, 44}};
    gk_plan p;
    gk_error err = {0};
    const gk_scheme *s = parse(&h, BAD[_i].body);
    ck_assert(!gk_plan_make(h.s.a, s, &h.cast, &PROMPT, fields, N_FIELDS + 2, &p, &err));
    assert_error_at(&err, scratch_path(&h.s, "s.yaml"), BAD[_i].message);
    stop(&h);
}
END_TEST

START_TEST(bad_prompts) {
    stagehand h = start("llama", 2);
    gk_plan p;
    gk_error err;
    gk_tokens none = {ids, spans, 0}, many = {ids, spans, (size_t)h.c.max_positions + 1};
    const gk_scheme *s = parse(&h, "grafts: []");
    ck_assert(!gk_plan_make(h.s.a, s, &h.cast, &none, NULL, 0, &p, &err));
    ck_assert(!gk_plan_make(h.s.a, s, &h.cast, &many, NULL, 0, &p, &err));
    ck_assert_ptr_nonnull(strstr(err.what, "these models take 1 to"));
    stop(&h);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("plan_refused");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_plan_goes_on_as_its_last_token);
    tcase_add_loop_test(t, bad_plans, 0, sizeof BAD / sizeof *BAD);
    tcase_add_test(t, bad_prompts);
    Suite *s = suite_create("plan_refused");
    suite_add_tcase(s, t);
    return run_suite(s);
}
