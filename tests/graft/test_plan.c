/* test_plan.c: a scheme on a tokenised prompt: which model has each slot, token by token.
 * modules: graft model tokenizer core */
#include "tests/support/plan_fixture.h"

/* ---------------------------------------------------------------- slots */

START_TEST(slots_are_numbered) {
    stagehand l = start("llama", 3), g = start("gpt2", 3);
    ck_assert_int_eq(gk_plan_slots(&l.c), 1 + 3 * 9 + 2);
    ck_assert_int_eq(gk_plan_slots(&g.c), 2 + 3 * 8 + 2);
    ck_assert_int_eq(gk_plan_slot(&l.c, 0, GK_POS), -1);
    ck_assert_int_eq(gk_plan_slot(&g.c, 1, GK_GATE), -1);
    ck_assert_int_eq(gk_plan_slot(&g.c, 3, GK_Q), -1);
    stagehand *both[] = {&l, &g};
    for (int i = 0; i < 2; i++) {
        int next = 0; /* every slot once, in order */
        const gk_config *c = &both[i]->c;
        for (int comp = 0; comp < GK_LN1; comp++) next += gk_plan_slot(c, -1, (gk_component)comp) == next;
        for (int layer = 0; layer < 3; layer++)
            for (int comp = GK_LN1; comp < GK_LNF; comp++)
                next += gk_plan_slot(c, layer, (gk_component)comp) == next;
        for (int comp = GK_LNF; comp < GK_N_COMPONENTS; comp++)
            next += gk_plan_slot(c, -1, (gk_component)comp) == next;
        ck_assert_int_eq(next, gk_plan_slots(c));
    }
    stop(&l);
    stop(&g);
}
END_TEST

/* ---------------------------------------------------------------- positions */

static const struct {
    const char *at, *tokens;
} POSITIONS[] = {
    {"all", "111111111"},
    {"last", "000000001"},
    {"-1", "000000001"},
    {"0", "100000000"},
    {"-9", "100000000"},
    {"[2, -2]", "001000010"},
    {"first_actor", "011100000"},
    {"first_actor.first", "010000000"},
    {"first_actor.last", "000100000"},
    {"relation", "000010000"},
    {"movie_title", "000000110"},
    {"preposition", "000000001"},
    {"[first_actor, last]", "011100001"},
    {"[first_actor, movie_title, last]", "011100111"},
    {"[first_actor, movie_title, preposition, last]", "011100111"},
    {"{not: first_actor}", "100011111"},
    {"{not: [first_actor, last]}", "100011110"},
    {"{not: [first_actor, movie_title, last]}", "100011000"},
    {"{not: {not: relation}}", "000010000"},
    {"[{not: first_actor}, first_actor.first]", "110011111"},
    {"{not: [{not: first_actor}, first_actor.first]}", "001100000"},
    {"2-5", "001111000"},
    {"2..5", "001111000"},
    {"-3..-1", "000000111"},
    {"1..-2", "011111110"},
    {"[0, 2-3, -2..-1]", "101100011"},
    {"{after: first_actor}", "000011111"},
    {"{after: relation}", "000001111"},
    {"{after: first_actor.first}", "001111111"},
    {"{before: first_actor}", "100000000"},
    {"{before: movie_title.last}", "111111100"},
    {"{after: [relation, 2]}", "000001111"},
    {"{all_of: [{after: first_actor}, {before: movie_title}]}", "000011000"},
    {"{all_of: [{not: 0}, {before: relation}]}", "011100000"},
    {"{not: {after: first_actor}}", "111100000"},
    {"[0, {if_any: {all_of: [first_actor, last]}}]", "100000000"},
    {"[0, {if_any: {all_of: [first_actor, {not: 1}]}}]", "101100000"},
    {"[0, {if_any: {after: last}}, {not: {if_any: {before: 0}}}]", "111111111"},
};

START_TEST(positions) {
    stagehand h = start("llama", 2);
    gk_plan p = plan(&h, gk_arena_printf(h.s.a, "grafts: [{at: %s, donor: sft}]", POSITIONS[_i].at));
    static const gk_component outer[] = {GK_LNF, GK_HEAD};
    ck_assert_str_eq(row(&h, &p, -1, GK_EMBED), POSITIONS[_i].tokens);
    for (int l = 0; l < 2; l++)
        for (int c = GK_LN1; c < GK_LNF; c++)
            if (gk_config_has(&h.c, (gk_component)c))
                ck_assert_str_eq(row(&h, &p, l, (gk_component)c), POSITIONS[_i].tokens);
    for (int i = 0; i < 2; i++) ck_assert_str_eq(row(&h, &p, -1, outer[i]), "000000000");
    stop(&h);
}
END_TEST

START_TEST(a_field_that_stands_twice) {
    stagehand h = start("llama", 2);
    const gk_field_span twice[] = {{"a", {1, 5}}, {"a", {14, 24}}}; /* tokens 1-2 and 5-7 */
    static const char *const want[][2] = {
        {"a", "011001110"}, {"a.first", "010001000"}, {"a.last", "001000010"}};
    for (int i = 0; i < 3; i++) {
        gk_plan p;
        const char *body = gk_arena_printf(h.s.a, "grafts: [{at: %s, donor: task}]", want[i][0]);
        ck_assert(gk_plan_make(h.s.a, parse(&h, body), &h.cast, &PROMPT, twice, 2, &p, NULL));
        const char *got = row(&h, &p, 0, GK_Q);
        for (int t = 0; t < N; t++) ck_assert_int_eq(got[t] == '2', want[i][1][t] == '1');
    }
    stop(&h);
}
END_TEST

/* ---------------------------------------------------------------- components, layers, heads */

START_TEST(components) {
    static const struct {
        const char *set;
        uint32_t mask;
    } cases[] = {
        {"all", (1u << GK_LNF) - 1},
        {"attn", 1u << GK_Q | 1u << GK_K | 1u << GK_V | 1u << GK_O},
        {"qkv", 1u << GK_Q | 1u << GK_K | 1u << GK_V},
        {"ffn", 1u << GK_GATE | 1u << GK_UP | 1u << GK_DOWN},
        {"norms", 1u << GK_LN1 | 1u << GK_LN2},
        {"[o, down]", 1u << GK_O | 1u << GK_DOWN},
        {"[embed, pos, ln2, ffn]",
         1u << GK_EMBED | 1u << GK_POS | 1u << GK_LN2 | 1u << GK_GATE | 1u << GK_UP | 1u << GK_DOWN},
    };
    static const char *const families[] = {"llama", "gpt2"};
    stagehand h = start(families[_i], 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gk_plan p = plan(
            &h, gk_arena_printf(h.s.a, "grafts: [{at: last, donor: sft, components: %s}]", cases[i].set));
        for (int c = 0; c < GK_N_COMPONENTS; c++) {
            if (!gk_config_has(&h.c, (gk_component)c)) continue;
            const char *want = cases[i].mask >> c & 1 ? "000000001" : "000000000";
            for (int l = 0; l < 2; l++) ck_assert_str_eq(row(&h, &p, l, (gk_component)c), want);
        }
    }
    stop(&h);
}
END_TEST

/* "001101": the layers of six (or of `n`) that a set holds. */
static const struct {
    const char *set;
    int n;
    const char *layers;
} LAYERS[] = {
    {"all", 6, "111111"},
    {"lower half", 6, "111000"},
    {"upper half", 6, "000111"},
    {"1/4", 6, "100000"},
    {"2/4", 6, "011000"},
    {"3/4", 6, "000100"},
    {"4/4", 6, "000011"},
    {"3-5", 6, "000111"},
    {"0", 6, "100000"},
    {"[0, 2-3, 3/3]", 6, "101111"},
    {"lower half", 5, "11000"},
    {"upper half", 5, "00111"},
    {"8/8", 8, "00000001"},
    /* Groups of the public code, as it makes them for models of so many layers. */
    {"first_quarter", 6, "100000"},
    {"second_quarter", 6, "010000"},
    {"third_quarter", 6, "001000"},
    {"fourth_quarter", 6, "000111"},
    {"second_eighth", 6, "100000"},
    {"fourth_eighth", 6, "010000"},
    {"sixth_eighth", 6, "001000"},
    {"first_quarter", 16, "1111000000000000"},
    {"second_quarter", 16, "0000111100000000"},
    {"third_quarter", 16, "0000000011110000"},
    {"fourth_quarter", 16, "0000000000001111"},
    {"first_eighth", 16, "1100000000000000"},
    {"second_eighth", 16, "0011000000000000"},
    {"fourth_eighth", 16, "0000001100000000"},
    {"fifth_eighth", 16, "0000000011000000"},
    {"sixth_eighth", 16, "0000000000110000"},
    {"first_quarter", 22, "1111100000000000000000"},
    {"second_quarter", 22, "0000011111000000000000"},
    {"third_quarter", 22, "0000000000111110000000"},
    {"fourth_quarter", 22, "0000000000000001111111"},
    {"first_eighth", 22, "1100000000000000000000"},
    {"second_eighth", 22, "0011100000000000000000"},
    {"fourth_eighth", 22, "0000000111000000000000"},
    {"fifth_eighth", 22, "0000000000110000000000"},
    {"sixth_eighth", 22, "0000000000001110000000"},
    {"fourth_quarter", 3, "111"},
    {"[third_quarter, fourth_quarter]", 6, "001111"},
    {"[third_quarter, fourth_quarter]", 18, "000000001111111111"},
    {"[first_quarter, 4]", 6, "100010"},
    {"{not: fourth_quarter}", 6, "111000"},
    {"0.25-0.5", 8, "00110000"},
    {"0.0-0.3", 8, "11000000"},
    {"0.3-1", 8, "00111111"}, /* fits the one before: neighbours share a bound */
    {"0.5-1.0", 5, "00111"},
    {"{not: 3}", 6, "111011"},
    {"{not: [upper half, 0]}", 6, "011000"},
    {"{drop: 0, seed: 1}", 6, "111111"},
    {"{of: 3-5, drop: 0, seed: 1}", 6, "000111"},
    {"{drop: 1, seed: 1}", 6, "000000"},
    {"{drop: 0.9, seed: 1}", 4, "0000"}, /* round(3.6) */
    /* The draw of seed 1, the same on every machine. */
    {"{drop: 0.4, seed: 1}", 10, "1001100111"},
};

START_TEST(layers) {
    stagehand h = start("llama", LAYERS[_i].n);
    gk_plan p =
        plan(&h, gk_arena_printf(h.s.a, "grafts: [{at: last, donor: sft, layers: %s}]", LAYERS[_i].set));
    bool all = strchr(LAYERS[_i].layers, '0') == NULL && !strstr(LAYERS[_i].set, "drop") &&
               !strstr(LAYERS[_i].set, "quarter"); /* a group is never said to be all layers */
    ck_assert_str_eq(row(&h, &p, -1, GK_EMBED), all ? "000000001" : "000000000");
    for (int l = 0; l < LAYERS[_i].n; l++)
        ck_assert_str_eq(row(&h, &p, l, GK_UP), LAYERS[_i].layers[l] == '1' ? "000000001" : "000000000");
    stop(&h);
}
END_TEST

static int count_grafted(stagehand *h, const gk_plan *p, bool *in) {
    int n = 0;
    for (int l = 0; l < h->c.n_layers; l++) n += in[l] = row(h, p, l, GK_UP)[N - 1] == '1';
    return n;
}

/* Exactly round(rate * n) layers go; more of them at a larger rate, and other ones with another seed. */
START_TEST(layer_dropout) {
    static const char *const rates[] = {"0", "0.2", "0.4", "0.5", "0.6", "0.8", "1"};
    static const int kept[2][7] = {{7, 6, 4, 3, 3, 1, 0}, {10, 8, 6, 5, 4, 2, 0}};
    stagehand h = start("llama", _i ? 10 : 7);
    int differ = 0;
    for (int seed = 1; seed <= 4; seed++) {
        bool before[10], first[10] = {0};
        for (int r = 0; r < 7; r++) {
            bool in[10];
            gk_plan p = plan(
                &h, gk_arena_printf(h.s.a, "grafts: [{at: last, donor: sft, layers: {drop: %s, seed: %d}}]",
                                    rates[r], seed));
            ck_assert_int_eq(count_grafted(&h, &p, in), kept[_i][r]);
            ck_assert_str_eq(row(&h, &p, -1, GK_EMBED), "000000000");
            for (int l = 0; r && l < h.c.n_layers; l++) ck_assert(!in[l] || before[l]);
            memcpy(before, in, sizeof before);
            if (r == 3) memcpy(first, in, sizeof first);
        }
        static bool seed_one[10];
        if (seed == 1) memcpy(seed_one, first, sizeof first);
        differ += memcmp(seed_one, first, sizeof first) != 0;
    }
    ck_assert_int_gt(differ, 0);
    stop(&h);
}
END_TEST

START_TEST(dropout_within_a_set) {
    stagehand h = start("llama", 10);
    bool in[10];
    gk_plan p = plan(&h, "grafts: [{at: last, donor: sft, layers: {of: upper half, drop: 0.4, seed: 3}}]");
    ck_assert_int_eq(count_grafted(&h, &p, in), 3);
    for (int l = 0; l < 5; l++) ck_assert(!in[l]);
    stop(&h);
}
END_TEST

START_TEST(recipients_and_heads) {
    static const struct {
        const char *body, *q, *norm, *head;
    } cases[] = {
        {"grafts: []", "000000000", "000000000", "000000000"},
        {"recipient: task", "222222222", "222222222", "222222222"},
        {"recipient: task, grafts: [{at: first_actor, donor: sft}]", "211122222", "222222222", "222222222"},
        {"head: sft", "000000000", "111111111", "111111111"},
        {"head: {last: sft}, grafts: [{at: all, donor: task}]", "222222222", "000000001", "000000001"},
        {"head: pre, recipient: sft", "111111111", "000000000", "000000000"},
        {"grafts: [{at: first_actor, donor: sft}, {at: last, donor: task}]", "011100002", "000000000",
         "000000000"},
        {"grafts: [{at: [first_actor, last], donor: sft}, {at: last, donor: sft}]", "011100001", "000000000",
         "000000000"},
        {"head: {donor: sft}", "000000000", "000000000", "111111111"},
        {"head: {norm: sft}", "000000000", "111111111", "000000000"},
        {"head: {donor: task, norm: sft}", "000000000", "111111111", "222222222"},
        {"head: {last: {donor: sft}}, grafts: [{at: all, donor: task}]", "222222222", "000000000",
         "000000001"},
        {"head: {last: {donor: task, norm: sft}}", "000000000", "000000001", "000000002"},
        {"head: {norm: pre}, recipient: sft", "111111111", "000000000", "111111111"},
        {"head: {last: {donor: sft, norm: task}}, recipient: sft", "111111111", "111111112", "111111111"},
    };
    stagehand h = start("llama", 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gk_plan p = plan(&h, cases[i].body);
        ck_assert_str_eq(row(&h, &p, 1, GK_Q), cases[i].q);
        ck_assert_str_eq(row(&h, &p, -1, GK_LNF), cases[i].norm);
        ck_assert_str_eq(row(&h, &p, -1, GK_HEAD), cases[i].head);
    }
    stop(&h);
}
END_TEST

/* ---------------------------------------------------------------- patches */

/* ".ss..M..." of a row of patches: the model a patch is from, in capitals where it is the mean. */
static const char *patches(stagehand *h, const gk_plan *p, int index) {
    char *text = gk_arena_alloc(h->s.a, N + 1);
    for (int t = 0; t < N; t++) {
        uint8_t patch = p->patch[index * N + t];
        const char *letters = gk_patch_is_mean(patch) ? "PST" : "pst";
        text[t] = '.';
        if (patch != GK_PATCH_NONE) text[t] = letters[gk_patch_model(patch)];
    }
    return text;
}

START_TEST(patches_are_laid) {
    stagehand h = start("llama", 4);
    gk_plan p =
        plan(&h, "patches: [{at: first_actor, from: sft}, {at: last, layers: [embed, 2-3], from: task}], "
                 "ablations: [{at: [0, last], layers: 1}]");
    ck_assert_str_eq(patches(&h, &p, 0), ".sss....t");
    ck_assert_str_eq(patches(&h, &p, 1), ".sss....."); /* layer 0 */
    ck_assert_str_eq(patches(&h, &p, 2), "Psss....P");
    ck_assert_str_eq(patches(&h, &p, 3), ".sss....t");
    ck_assert_str_eq(patches(&h, &p, 4), ".sss....t");
    ck_assert_str_eq(row(&h, &p, 2, GK_Q), "000000000"); /* who computes is another matter */
    p = plan(&h,
             "recipient: task, ablations: [{at: last, layers: upper half}, {at: 1, layers: 3, from: sft}], "
             "patches: [{at: 0, layers: embed, from: recipient}], grafts: [{at: last, donor: pre}]");
    ck_assert_str_eq(patches(&h, &p, 0), "t........");
    ck_assert_str_eq(patches(&h, &p, 2), ".........");
    ck_assert_str_eq(patches(&h, &p, 3), "........T");
    ck_assert_str_eq(patches(&h, &p, 4), ".S......T");
    ck_assert_str_eq(row(&h, &p, 3, GK_Q), "222222220");
    ck_assert_ptr_null(plan(&h, "grafts: [{at: last, donor: sft}]").patch);
    ck_assert_uint_eq(gk_scheme_means(parse(&h, "patches: [{at: 0, from: sft}]"), &h.cast), 0);
    ck_assert_uint_eq(gk_scheme_means(parse(&h, "ablations: [{at: 0}, {at: 1, from: task}]"), &h.cast), 5);
    ck_assert_uint_eq(gk_scheme_means(parse(&h, "recipient: sft, ablations: [{at: 0}]"), &h.cast), 2);
    stop(&h);
}
END_TEST

/* ---------------------------------------------------------------- shipped schemes on a prompt */

START_TEST(shipped_schemes_make_plans) {
    static const char *const files[] = {"position", "component",        "component_after_entity",
                                        "hybrid",   "hybrid_published", "component_groupings",
                                        "patching", "relation"};
    static const char *const families[] = {"llama", "gpt2"};
    stagehand h = start(families[_i], 6);
    gk_schemes all = {0};
    gk_error err;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *path = gk_arena_printf(h.s.a, GK_SOURCE_DIR "/graft/schemes/%s.yaml", files[i]);
        ck_assert(gk_schemes_load(h.s.a, path, &all, &err));
    }
    for (size_t i = 0; i < all.n; i++) {
        gk_plan p;
        ck_assert(gk_scheme_applies(all.item[i], FIELDS, N_FIELDS));
        bool ok = gk_plan_make(h.s.a, all.item[i], &h.cast, &PROMPT, FIELDS, N_FIELDS, &p, &err);
        ck_assert_msg(ok, "%s: %s", gk_scheme_name(all.item[i]), err.what);
        bool hybrid = strcmp(gk_scheme_name(all.item[i]), "hybrid, FE ATTN+O") == 0;
        bool slip = strcmp(gk_scheme_name(all.item[i]), "hybrid, FE ATTN+O, task gate") == 0;
        if (!hybrid && !slip) continue;
        ck_assert_str_eq(row(&h, &p, 0, GK_O), "022200002");
        ck_assert_str_eq(row(&h, &p, 5, GK_O), "022200001");
        ck_assert_str_eq(row(&h, &p, 5, GK_K), "022200002");
        ck_assert_str_eq(row(&h, &p, 5, GK_LN2), "000000002");
        ck_assert_str_eq(row(&h, &p, 5, GK_DOWN), "000000001");
        ck_assert_str_eq(row(&h, &p, 2, GK_DOWN), "000000002");
        ck_assert_str_eq(row(&h, &p, -1, GK_EMBED), "000000000");
        if (gk_config_has(&h.c, GK_GATE))
            ck_assert_str_eq(row(&h, &p, 5, GK_GATE), slip ? "000000002" : "000000001");
    }
    stop(&h);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("plan");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, slots_are_numbered);
    tcase_add_loop_test(t, positions, 0, sizeof POSITIONS / sizeof *POSITIONS);
    tcase_add_test(t, a_field_that_stands_twice);
    tcase_add_loop_test(t, components, 0, 2);
    tcase_add_loop_test(t, layers, 0, sizeof LAYERS / sizeof *LAYERS);
    tcase_add_loop_test(t, layer_dropout, 0, 2);
    tcase_add_test(t, dropout_within_a_set);
    tcase_add_test(t, recipients_and_heads);
    tcase_add_test(t, patches_are_laid);
    tcase_add_loop_test(t, shipped_schemes_make_plans, 0, 2);
    Suite *s = suite_create("plan");
    suite_add_tcase(s, t);
    return run_suite(s);
}
