/* test_tied.c: models whose head is tied to the embedding: the two are grafted apart.
 * modules: graft model tokenizer core */
#include "graftkit/graft/cast.h"
#include "graftkit/graft/engine.h"
#include "graftkit/graft/plan.h"
#include "graftkit/graft/scheme.h"
#include "graftkit/model/config.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "graftkit/tokenizer.h"
#include "tests/support/scratch.h"

#include <math.h>

enum { VOCAB = 40, N = 5 };
static int32_t ids[N] = {3, 11, 7, 30, 22};
static gk_span spans[N] = {{0, 0}, {0, 2}, {2, 4}, {4, 6}, {6, 8}};
static const gk_tokens PROMPT = {ids, spans, N};

typedef struct pair {
    scratch s;
    gk_config tied, untied;
    gk_model *pre, *sft;
    gk_cast cast;
} pair;

static pair start(const char *family) {
    pair p = {.s = scratch_new()};
    gk_config_default(gk_family_find(family), VOCAB, &p.tied);
    p.tied.d_model = 16;
    p.tied.n_layers = 2;
    p.tied.n_heads = p.tied.n_kv_heads = 2;
    p.tied.head_dim = 8;
    p.tied.d_ffn = 24;
    p.tied.tied = true;
    p.untied = p.tied;
    p.untied.tied = false;
    p.pre = gk_model_new(&p.tied, 1, NULL);
    p.sft = gk_model_new(&p.tied, 2, NULL);
    /* Scores are far apart only where embeddings are large. */
    for (int i = 0; i < 2; i++) {
        gk_model *m = i ? p.sft : p.pre;
        gk_tensor t = gk_model_tensor(m, -1, GK_EMBED);
        float *w = gk_model_data(m) + (t.w - gk_model_data(m));
        for (int j = 0; j < t.out * t.in; j++) w[j] *= 30;
    }
    p.cast = (gk_cast){.name = {"pre", "sft"}, .model = {p.pre, p.sft}, .n = 2};
    return p;
}

static void stop(pair *p) {
    gk_model_free(p->pre);
    gk_model_free(p->sft);
    scratch_free(&p->s);
}

/* An untied model: every array of `body`, but for the embedding, the final norm and the head. */
static gk_model *assemble(const pair *p, const gk_model *body, const gk_model *embed, const gk_model *head) {
    gk_model *m = gk_model_blank(&p->untied, NULL);
    ck_assert_ptr_nonnull(m);
    const gk_param *list;
    size_t n = gk_model_params(m, &list);
    for (size_t i = 0; i < n; i++) {
        bool is_head = list[i].comp == GK_HEAD || list[i].comp == GK_LNF;
        const gk_model *from = is_head ? head : list[i].comp == GK_EMBED ? embed : body;
        gk_tensor t = gk_model_tensor(from, list[i].layer, list[i].comp);
        memcpy(gk_model_data(m) + list[i].offset, list[i].bias ? t.b : t.w, list[i].count * sizeof(float));
    }
    return m;
}

static bool keep(void *ctx, size_t job, const float *logits) {
    (void)job;
    memcpy(ctx, logits, VOCAB * sizeof(float));
    return true;
}

static void graft(pair *p, const char *body, gk_plan *plan, float *logits) {
    gk_schemes all = {0};
    gk_error err = {0};
    char *text = gk_arena_printf(p->s.a, "set: t\nschemes:\n- {name: x, %s}\n", body);
    ck_assert_msg(gk_schemes_load(p->s.a, scratch_file(&p->s, "s.yaml", text), &all, &err), "%s", err.what);
    ck_assert_msg(gk_plan_make(p->s.a, all.item[0], &p->cast, &PROMPT, NULL, 0, plan, &err), "%s", err.what);
    gk_job job = {ids, N, plan};
    ck_assert_msg(gk_graft_run(&p->cast, &job, 1, 1 << 24, keep, logits, NULL, &err), "%s", err.what);
}

static void forward(const pair *p, const gk_model *m, float *logits) {
    gk_session *s = gk_session_new(&p->untied, N, false, NULL);
    int32_t ends[2] = {0, N}, last = N - 1;
    gk_batch b = {.n_rows = N, .n_seqs = 1, .token = ids, .seq_start = ends};
    ck_assert(gk_forward(s, m, &b, &last, 1, logits, NULL));
    gk_session_free(s);
}

static double distance(const float *a, const float *b) {
    double worst = 0;
    for (int i = 0; i < VOCAB; i++) worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    return worst;
}

/* Which model's tensor stands as embedding and as head, for each way to ask. */
static const struct {
    const char *body;
    bool embed, layers, head; /* of the donor */
} CASES[] = {
    {"grafts: [{at: all, donor: sft, components: embed}]", true, false, false},
    {"grafts: [{at: all, donor: sft, components: embed}], head: sft", true, false, true},
    {"head: sft", false, false, true},
    {"head: {last: sft}", false, false, true},
    {"grafts: [{at: all, donor: sft}]", true, true, false},
    {"grafts: [{at: all, donor: sft}], head: sft", true, true, true},
    {"grafts: [{at: all, donor: sft, layers: {drop: 0, seed: 1}}]", false, true, false},
};

START_TEST(embedding_and_head_are_grafted_apart) {
    static const char *const families[] = {"llama", "gemma"};
    enum { N_CASES = sizeof CASES / sizeof *CASES };
    for (int f = 0; f < 2; f++) {
        pair p = start(families[f]);
        float got[N_CASES][VOCAB], want[VOCAB];
        for (int i = 0; i < N_CASES; i++) {
            gk_plan plan;
            graft(&p, CASES[i].body, &plan, got[i]);
            const uint8_t *head = plan.model + (size_t)gk_plan_slot(&p.tied, -1, GK_HEAD) * N;
            ck_assert_int_eq(head[N - 1], CASES[i].head);
            gk_model *m = assemble(&p, CASES[i].layers ? p.sft : p.pre, CASES[i].embed ? p.sft : p.pre,
                                   CASES[i].head ? p.sft : p.pre);
            forward(&p, m, want);
            ck_assert_double_le(distance(got[i], want), 1e-3);
            gk_model_free(m);
        }
        /* The cases can be told apart. */
        for (int i = 0; i < N_CASES; i++)
            for (int j = 0; j < i; j++) {
                bool same = CASES[i].embed == CASES[j].embed && CASES[i].layers == CASES[j].layers &&
                            CASES[i].head == CASES[j].head;
                if (!same) ck_assert_double_gt(distance(got[i], got[j]), 0.05);
            }
        stop(&p);
    }
}
END_TEST

int main(void) {
    TCase *t = tcase_create("tied");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, embedding_and_head_are_grafted_apart);
    Suite *s = suite_create("tied");
    suite_add_tcase(s, t);
    return run_suite(s);
}
