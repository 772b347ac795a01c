/* test_plan.c: a scheme on a tokenised prompt: which model has each slot, token by token.
 * modules: graft model tokenizer core */
#include "graft/graft.h"
#include "tests/support/scratch.h"

/* BOS, then "Ann Lee stars in Big Sun with": the first actor is three tokens, the film's tokens begin with
 * blanks that are not part of its name, and the last token is the preposition. */
enum { N = 9 };
static int32_t ids[N] = {1, 10, 11, 12, 13, 14, 15, 16, 17};
static gk_span spans[N] = {{0, 0}, {0, 3}, {3, 5}, {5, 7}, {7, 13}, {13, 16}, {16, 20}, {20, 24}, {24, 29}};
static const gk_tokens PROMPT = {ids, spans, N};
static const gk_field_span FIELDS[] = {{"first_actor", {0, 7}},   {"entity", {0, 7}},
                                       {"relation", {8, 13}},     {"relation_preposition", {14, 16}},
                                       {"movie_title", {17, 24}}, {"preposition", {25, 29}}};
enum { N_FIELDS = sizeof FIELDS / sizeof *FIELDS };

typedef struct stagehand {
    scratch s;
    gk_config c;
    gk_cast cast;
    gk_model *model[3];
} stagehand;

static stagehand start(const char *family, int layers) {
    static const char *const names[] = {"pre", "sft", "task"};
    stagehand h = {.s = scratch_new(), .cast = {.n = 3}};
    gk_config_default(gk_family_find(family), 32, &h.c);
    h.c.n_layers = layers;
    for (int i = 0; i < 3; i++) {
        h.cast.model[i] = h.model[i] = gk_model_blank(&h.c, NULL);
        h.cast.name[i] = names[i];
    }
    return h;
}

static void stop(stagehand *h) {
    for (int i = 0; i < 3; i++) gk_model_free(h->model[i]);
    scratch_free(&h->s);
}

static const gk_scheme *parse(stagehand *h, const char *body) {
    gk_schemes all = {0};
    gk_error err;
    char *text = gk_arena_printf(h->s.a, "set: t\nschemes:\n- {name: x, %s}\n", body);
    bool ok = gk_schemes_load(h->s.a, scratch_file(&h->s, "s.yaml", text), &all, &err);
    ck_assert_msg(ok, "%s: %s", body, err.what);
    return all.item[0];
}

static gk_plan plan(stagehand *h, const char *body) {
    gk_plan p;
    gk_error err;
    bool ok = gk_plan_make(h->s.a, parse(h, body), &h->cast, &PROMPT, FIELDS, N_FIELDS, &p, &err);
    ck_assert_msg(ok, "%s: %s", body, err.what);
    ck_assert_int_eq(p.n_tokens, N);
    ck_assert_int_eq(p.n_slots, gk_plan_slots(&h->c));
    return p;
}

/* "011100001": the model that has the slot at each token. */
static const char *row(stagehand *h, const gk_plan *p, int layer, gk_component comp) {
    char *text = gk_arena_alloc(h->s.a, N + 1);
    for (int t = 0; t < N; t++) text[t] = (char)('0' + p->model[gk_plan_slot(&h->c, layer, comp) * N + t]);
    return text;
}

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
    bool all = strchr(LAYERS[_i].layers, '0') == NULL && !strstr(LAYERS[_i].set, "drop");
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
        const char *body, *q, *head;
    } cases[] = {
        {"grafts: []", "000000000", "000000000"},
        {"recipient: task", "222222222", "222222222"},
        {"recipient: task, grafts: [{at: first_actor, donor: sft}]", "211122222", "222222222"},
        {"head: sft", "000000000", "111111111"},
        {"head: {last: sft}, grafts: [{at: all, donor: task}]", "222222222", "000000001"},
        {"head: pre, recipient: sft", "111111111", "000000000"},
        {"grafts: [{at: first_actor, donor: sft}, {at: last, donor: task}]", "011100002", "000000000"},
        {"grafts: [{at: [first_actor, last], donor: sft}, {at: last, donor: sft}]", "011100001", "000000000"},
    };
    stagehand h = start("llama", 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gk_plan p = plan(&h, cases[i].body);
        ck_assert_str_eq(row(&h, &p, 1, GK_Q), cases[i].q);
        ck_assert_str_eq(row(&h, &p, -1, GK_LNF), cases[i].head);
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
    static const char *const files[] = {"position", "component", "hybrid", "patching"};
    static const char *const families[] = {"llama", "gpt2"};
    stagehand h = start(families[_i], 6);
    gk_schemes all = {0};
    gk_error err;
    for (int i = 0; i < 4; i++) {
        const char *path = gk_arena_printf(h.s.a, GK_SOURCE_DIR "/graft/schemes/%s.yaml", files[i]);
        ck_assert(gk_schemes_load(h.s.a, path, &all, &err));
    }
    for (size_t i = 0; i < all.n; i++) {
        gk_plan p;
        ck_assert(gk_scheme_applies(all.item[i], FIELDS, N_FIELDS));
        bool ok = gk_plan_make(h.s.a, all.item[i], &h.cast, &PROMPT, FIELDS, N_FIELDS, &p, &err);
        ck_assert_msg(ok, "%s: %s", gk_scheme_name(all.item[i]), err.what);
        if (strcmp(gk_scheme_name(all.item[i]), "task ATTN@FE + task ATTN@LT + rel O+FFN@LT") == 0) {
            ck_assert_str_eq(row(&h, &p, 0, GK_O), "022200002");
            ck_assert_str_eq(row(&h, &p, 5, GK_O), "022200001");
            ck_assert_str_eq(row(&h, &p, 5, GK_K), "022200002");
            ck_assert_str_eq(row(&h, &p, 5, GK_DOWN), "000000001");
            ck_assert_str_eq(row(&h, &p, 2, GK_DOWN), "000000000");
        }
    }
    stop(&h);
}
END_TEST

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
    tcase_add_test(t, a_plan_goes_on_as_its_last_token);
    tcase_add_loop_test(t, bad_plans, 0, sizeof BAD / sizeof *BAD);
    tcase_add_test(t, bad_prompts);
    Suite *s = suite_create("plan");
    suite_add_tcase(s, t);
    return run_suite(s);
}
