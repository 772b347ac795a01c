/* test_head.c: head policies against the definition with spliced weights: a whole model for each token, put
 * together by hand, and the prompt run through them token by token.
 * modules: graft model tokenizer core */
#include "graftkit/graft/scheme.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/tokenizer.h"
#include "tests/support/engine_fixture.h"

/* BOS, "ab", "cd", "ef", "gh": the entity is the second token. */
enum { N = 5 };
static int32_t ids[N] = {3, 11, 7, 30, 22};
static gk_span spans[N] = {{0, 0}, {0, 2}, {2, 4}, {4, 6}, {6, 8}};
static const gk_tokens PROMPT = {ids, spans, N};
static const gk_field_span FIELDS[] = {{"entity", {0, 2}}};
static const char *const FAMILIES[] = {"llama", "gpt2", "gpt_neox", "gemma"};
enum { N_FAMILIES = sizeof FAMILIES / sizeof *FAMILIES, PRE = 0, SFT, TASK, N_MODELS };

/* Every family with its head tied and untied. */
static bench start_number(int i) {
    return start(FAMILIES[i / 2], 4, i % 2, N_MODELS, 900 + (uint64_t)i);
}

static gk_plan plan_of(bench *b, const char *body) {
    gk_schemes all = {0};
    gk_plan p;
    gk_error err = {0};
    const char *text = gk_arena_printf(b->a, "set: t\nschemes:\n- {name: x, %s}\n", body);
    ck_assert_msg(gk_schemes_parse(b->a, text, strlen(text), "t", 3, &all, &err), "%s: %s", body, err.what);
    ck_assert_msg(gk_plan_make(b->a, all.item[0], &b->cast, &PROMPT, FIELDS, 1, &p, &err), "%s: %s", body,
                  err.what);
    return p;
}

static const float *graft(bench *b, const char *body) {
    gk_plan *p = gk_arena_alloc(b->a, sizeof *p);
    *p = plan_of(b, body);
    gk_job job = {ids, N, p};
    return run(b, &job, 1, 1 << 30, NULL)->logits[0];
}

/* ---------------------------------------------------------------- spliced by hand */

/* A token's weights: the recipient's, but `donor` has these components, those in layers from `first` on. */
typedef struct splice {
    int donor;
    uint32_t components;
    int first;
    int norm, head;
} splice;

static int whose(const splice *s, int layer, gk_component comp) {
    if (comp == GK_LNF || comp == GK_HEAD) return comp == GK_LNF ? s->norm : s->head;
    return (s->components >> comp & 1) && (layer < 0 || layer >= s->first) ? s->donor : PRE;
}

/* An untied model, so that embedding and head can be of different ones. */
static gk_model *put_together(const bench *b, const splice *s) {
    gk_config untied = b->c;
    untied.tied = false;
    gk_model *m = gk_model_blank(&untied, NULL);
    ck_assert_ptr_nonnull(m);
    const gk_param *list;
    size_t n = gk_model_params(m, &list);
    for (size_t i = 0; i < n; i++) {
        gk_tensor t =
            gk_model_tensor(b->own[whose(s, list[i].layer, list[i].comp)], list[i].layer, list[i].comp);
        memcpy(gk_model_data(m) + list[i].offset, list[i].bias ? t.b : t.w, list[i].count * sizeof(float));
    }
    return m;
}

/* The definition with token t computed by the model of token[t] alone. */
static void define_spliced(const bench *b, const splice *token, double *logits) {
    gk_cast cast = {.n = N};
    gk_model *own[N];
    for (int t = 0; t < N; t++) {
        cast.model[t] = own[t] = put_together(b, &token[t]);
        cast.name[t] = "spliced";
    }
    gk_plan p = gk_plan_single(b->a, gk_model_config(own[0]), N, 0);
    for (int s = 0; s < p.n_slots; s++)
        for (int t = 0; t < N; t++) p.model[s * N + t] = (uint8_t)t;
    gk_job job = {ids, N, &p};
    define(&cast, &job, logits);
    for (int t = 0; t < N; t++) gk_model_free(own[t]);
}

static void assert_spliced(bench *b, const char *body, const splice *token) {
    double want[VOCAB], worst = 0;
    const float *got = graft(b, body);
    define_spliced(b, token, want);
    for (int i = 0; i < VOCAB; i++) worst = fmax(worst, fabs((double)got[i] - want[i]));
    ck_assert_msg(worst < 1e-4, "%s of %s: %g apart", body, gk_family_name(b->c.family), worst);
}

/* ---------------------------------------------------------------- head and final norm apart */

static const uint32_t EVERYTHING = (1u << GK_LNF) - 1;
static const char *const NAMES[] = {"recipient", "sft", "task"};

/* The entity and the last token grafted from sft, under every pair of head and norm. */
static void assert_policy(bench *b, int head, int norm, bool last) {
    splice token[N];
    for (int t = 0; t < N; t++) {
        int m = t == 1 || t == N - 1 ? SFT : PRE;
        bool on = !last || t == N - 1;
        token[t] = (splice){m, EVERYTHING, 0, on ? norm : PRE, on ? head : PRE};
    }
    const char *policy = gk_arena_printf(b->a, "{donor: %s, norm: %s}", NAMES[head], NAMES[norm]);
    if (last) policy = gk_arena_printf(b->a, "{last: %s}", policy);
    assert_spliced(b, gk_arena_printf(b->a, "grafts: [{at: [entity, last], donor: sft}], head: %s", policy),
                   token);
}

START_TEST(policies_are_as_defined) {
    bench b = start_number(_i);
    for (int head = 0; head < N_MODELS; head++)
        for (int norm = 0; norm < N_MODELS; norm++)
            for (int last = 0; last < 2; last++) assert_policy(&b, head, norm, last);
    stop(&b);
}
END_TEST

/* No two pairs predict the same, so that a test can tell them. */
START_TEST(policies_can_be_told_apart) {
    bench b = start_number(_i);
    const float *logits[N_MODELS * N_MODELS];
    for (int i = 0; i < N_MODELS * N_MODELS; i++) {
        logits[i] =
            graft(&b, gk_arena_printf(b.a, "grafts: [{at: last, donor: sft}], head: {donor: %s, norm: %s}",
                                      NAMES[i / N_MODELS], NAMES[i % N_MODELS]));
        for (int j = 0; j < i; j++) ck_assert(differs(logits[i], logits[j]));
    }
    stop(&b);
}
END_TEST

static void assert_same_plan(bench *b, const char *one, const char *other) {
    gk_plan p = plan_of(b, one), q = plan_of(b, other);
    ck_assert_int_eq(p.n_slots, q.n_slots);
    ck_assert_msg(memcmp(p.model, q.model, (size_t)p.n_slots * N) == 0, "%s and %s", one, other);
}

/* Both of one model is that model's name, and what is left out is the recipient's. */
START_TEST(equal_policies_are_one) {
    bench b = start_number(_i);
    assert_same_plan(&b, "head: sft", "head: {donor: sft, norm: sft}");
    assert_same_plan(&b, "head: {last: sft}", "head: {last: {donor: sft, norm: sft}}");
    assert_same_plan(&b, "grafts: []", "head: {donor: recipient, norm: recipient}");
    assert_same_plan(&b, "head: {donor: sft}", "head: {donor: sft, norm: recipient}");
    assert_same_plan(&b, "recipient: task, head: {norm: sft}",
                     "recipient: task, head: {donor: task, norm: sft}");
    stop(&b);
}
END_TEST

/* A donor that is the recipient again changes nothing, to the bit; everything grafted under the donor's head
 * and norm is the donor. */
START_TEST(identities) {
    static const char *const policies[] = {"{donor: sft}", "{norm: sft}", "{last: {donor: sft}}",
                                           "{last: {norm: sft}}"};
    bench b = start_number(_i);
    gk_model *copy = gk_model_copy(b.own[PRE]);
    float want[VOCAB];
    gk_job job = {ids, N, NULL};
    const float *all = graft(&b, "grafts: [{at: all, donor: sft}], head: {donor: sft, norm: sft}");
    forward(&b, SFT, &job, want);
    close_to(all, want, 1e-5);
    const float *plain = graft(&b, "grafts: []");
    b.cast.model[SFT] = copy;
    for (int i = 0; i < 4; i++) {
        const float *got = graft(&b, gk_arena_printf(b.a, "head: %s", policies[i]));
        ck_assert_mem_eq(got, plain, VOCAB * sizeof *got);
    }
    b.cast.model[SFT] = b.own[SFT];
    gk_model_free(copy);
    stop(&b);
}
END_TEST

/* ---------------------------------------------------------------- as published */

#define BIT(c) (1u << GK_##c)
/* What the public code has names for. */
static const uint32_t PUBLIC =
    BIT(EMBED) | BIT(LN1) | BIT(Q) | BIT(K) | BIT(V) | BIT(O) | BIT(LN2) | BIT(GATE) | BIT(UP) | BIT(DOWN);
static const uint32_t MLP = BIT(GATE) | BIT(UP) | BIT(DOWN);

/* Grafts of sft, and what the public code's loop over tokens copies: modules into the recipient, whose head
 * is one with its embedding where that is tied. head: whose head `always` reads with; -1: never. */
static const struct {
    const char *body;
    const char *tokens; /* which are patched */
    uint32_t components;
    int first, head;
} PUBLISHED[] = {
    {"grafts: [{at: last, donor: sft}]", "00001", PUBLIC, 0, -1},
    {"grafts: [{at: [entity, last], donor: sft}]", "01001", PUBLIC, 0, -1},
    {"grafts: [{at: {not: last}, donor: sft}]", "11110", PUBLIC, 0, -1},
    {"grafts: [{at: all, donor: sft}]", "11111", PUBLIC, 0, -1},
    {"grafts: [{at: all, donor: sft}], head: recipient", "11111", PUBLIC, 0, -1},
    {"grafts: [{at: last, donor: sft, layers: 1-2}]", "00001", PUBLIC, 1, -1},
    {"grafts: [{at: last, donor: sft, components: [embed, ffn], layers: [2]}]", "00001", BIT(EMBED) | MLP, 2,
     -1},
    {"grafts: [{at: last, donor: sft, components: embed}]", "00001", BIT(EMBED), 0, -1},
    {"grafts: [{at: all, donor: sft, components: norms}]", "11111", BIT(LN1) | BIT(LN2), 0, -1},
    {"grafts: [{at: last, donor: sft, components: ffn, layers: 1-2}]", "00001", MLP, 1, -1},
    {"grafts: [{at: last, donor: sft}], head: {donor: sft}", "00001", PUBLIC, 0, SFT},
    {"grafts: [{at: last, donor: sft}], head: {last: {donor: task}}", "00001", PUBLIC, 0, TASK},
    {"head: {donor: sft, norm: recipient}", "00000", 0, 0, SFT},
};

static void assert_published(bench *b, size_t i) {
    splice token[N];
    for (int t = 0; t < N; t++) {
        bool on = PUBLISHED[i].tokens[t] == '1',
             along = on && b->c.tied && (PUBLISHED[i].components & BIT(EMBED));
        token[t] =
            (splice){on ? SFT : PRE, PUBLISHED[i].components, PUBLISHED[i].first, PRE, along ? SFT : PRE};
        if (PUBLISHED[i].head >= 0) token[t].head = PUBLISHED[i].head;
    }
    assert_spliced(b, gk_arena_printf(b->a, "as_published: true, %s", PUBLISHED[i].body), token);
}

START_TEST(as_published_is_as_defined) {
    bench b = start_number(_i);
    for (size_t i = 0; i < sizeof PUBLISHED / sizeof *PUBLISHED; i++) assert_published(&b, i);
    stop(&b);
}
END_TEST

/* At the last token a tied head makes a difference, an untied one none; position embeddings everywhere. */
START_TEST(as_published_differs_where_it_should) {
    bench b = start_number(_i);
    const float *plain = graft(&b, "grafts: [{at: last, donor: sft}]"),
                *published = graft(&b, "as_published: true, grafts: [{at: last, donor: sft}]");
    bool pos = gk_config_has(&b.c, GK_POS);
    ck_assert_int_eq(differs(plain, published), b.c.tied || pos);
    assert_same_plan(&b, "as_published: true, grafts: [{at: last, donor: sft, components: [attn, ffn]}]",
                     "grafts: [{at: last, donor: sft, components: [attn, ffn]}]");
    assert_same_plan(
        &b, "as_published: true, grafts: [{at: last, donor: sft}], head: {donor: sft}",
        "grafts: [{at: last, donor: sft, components: [embed, ln1, attn, ln2, ffn]}], head: {donor: sft}");
    if (!b.c.tied && !pos)
        assert_same_plan(&b, "as_published: true, grafts: [{at: last, donor: sft}]",
                         "grafts: [{at: last, donor: sft}]");
    stop(&b);
}
END_TEST

static bool published(bench *b, gk_plan *p, gk_error *err) {
    static const char text[] = "set: t\nas_published: true\nschemes:\n"
                               "- {name: x, grafts: [{at: last, donor: sft}]}\n";
    gk_schemes all = {0};
    ck_assert(gk_schemes_parse(b->a, text, strlen(text), "t", 3, &all, err));
    return gk_plan_make(b->a, all.item[0], &b->cast, &PROMPT, FIELDS, 1, p, err);
}

/* In a run of tied and untied models the configurations say untied, and a head that is an embedding is one
 * still. Only the recipient's counts; a head that no model has is refused. */
START_TEST(as_published_of_mixed_ties) {
    bench b = start_number(_i);
    int head = gk_plan_slot(&b.c, -1, GK_HEAD) * N + N - 1;
    gk_error err = {0};
    gk_plan p;
    for (int m = 0; m < N_MODELS; m++) gk_model_untie(b.own[m]);
    ck_assert(published(&b, &p, &err));
    ck_assert_int_eq(p.model[head], b.c.tied ? SFT : PRE);
    gk_config other = b.c;
    other.tied = !b.c.tied;
    gk_model *donor = random_model(&other, 77);
    gk_model_untie(donor);
    b.cast.model[SFT] = donor;
    ck_assert_int_eq(published(&b, &p, &err), !b.c.tied);
    if (b.c.tied)
        assert_error_at(&err, "t", ":4:3: the head of 'pre' is tied to its embedding, that of 'sft' is not");
    else
        ck_assert_int_eq(p.model[head], PRE);
    b.cast.model[SFT] = b.own[SFT];
    gk_model_free(donor);
    stop(&b);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("head");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, policies_are_as_defined, 0, 2 * N_FAMILIES);
    tcase_add_loop_test(t, policies_can_be_told_apart, 0, 2 * N_FAMILIES);
    tcase_add_loop_test(t, equal_policies_are_one, 0, 2 * N_FAMILIES);
    tcase_add_loop_test(t, identities, 0, 2 * N_FAMILIES);
    tcase_add_loop_test(t, as_published_is_as_defined, 0, 2 * N_FAMILIES);
    tcase_add_loop_test(t, as_published_differs_where_it_should, 0, 2 * N_FAMILIES);
    tcase_add_loop_test(t, as_published_of_mixed_ties, 0, 2 * N_FAMILIES);
    Suite *s = suite_create("head");
    suite_add_tcase(s, t);
    return run_suite(s);
}
