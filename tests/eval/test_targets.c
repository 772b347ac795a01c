/* test_targets.c: targets of several tokens, and what a scheme says: a sweep against the definition, token by
 * token, and against the model's own forward. */
/* modules: report eval graft train model tokenizer core */
#include "graftkit/model/session.h"
#include "tests/support/targets_fixture.h"

/* Rows some of whose targets are a single token. */
static void mixed_rows(void) {
    gk_buf b = {0};
    for (int i = 0; i < 8; i++) fx_row(&b, i);
    gk_buf_puts(&b, "{\"id\": 20, \"first_actor\": \"Ada Kane\", \"second_actor\": \"River\", "
                    "\"movie_title\": \"Blue\"}\n"
                    "{\"id\": 21, \"first_actor\": \"Bo Lund\", \"second_actor\": \"actor\", "
                    "\"movie_title\": \"Blue\"}\n");
    fx_write("rows.jsonl", b.data);
    gk_buf_free(&b);
}

/* Schemes in which grafts and patches go on behind the prompt. */
static const char GOING_ON[] =
    "set: going on\nschemes:\n"
    "  - {name: LT, grafts: [{at: last, donor: sft}], head: {last: sft}}\n"
    "  - {name: FE^C, grafts: [{at: {not: first_actor}, donor: sft, components: qkv}]}\n"
    "  - {name: as published, as_published: true, grafts: [{at: last, donor: sft}]}\n"
    "  - {name: if any, grafts: [{at: [last, {if_any: {all_of: [first_actor, last]}}], donor: sft}]}\n"
    "  - {name: patch LT, patches: [{at: last, layers: 0, from: sft}]}\n"
    "  - {name: patch FE, patches: [{at: first_actor, layers: [embed, 0], from: sft}]}\n";

START_TEST(sums_and_matches_are_those_of_the_definition) {
    mixed_rows();
    fx_write("on.yaml", GOING_ON);
    gk_sweep_options o = fx_options("r.db", "small.yaml", "on.yaml");
    fx_sweep(&o);
    tally t = check_store(&o, check_target);
    ck_assert_uint_gt(t.n, 100);
    ck_assert_uint_eq(t.missing, 0);
    ck_assert_uint_gt(t.tokens, 2 * t.n); /* most targets are several tokens */
    ck_assert_double_gt(fx_sql("r.db", "SELECT count(*) FROM prompt WHERE target_tokens = 1"), 0);
}
END_TEST

START_TEST(what_is_generated_is_greedy_decoding_by_the_definition) {
    mixed_rows();
    fx_write("on.yaml", GOING_ON);
    gk_sweep_options o = fx_options("r.db", "small.yaml", "on.yaml");
    o.generate = GENERATE;
    fx_sweep(&o);
    ck_assert_uint_gt(check_store(&o, check_spoken).texts, 100);
    ck_assert_double_gt(fx_sql("r.db", "SELECT count(DISTINCT generated) FROM result"), 10);
    double naive = fx_sql("r.db", "SELECT value FROM run WHERE key = 'rows_naive'");
    /* Without the whole target no token is known beforehand: the same texts. */
    o.out = fx_path("first.db");
    o.prompts.whole = false;
    o.budget_bytes = 1 << 20;
    fx_sweep(&o);
    ck_assert_uint_gt(check_store(&o, check_spoken).texts, 100);
    ck_assert_double_lt(fx_sql("first.db", "SELECT value FROM run WHERE key = 'rows_naive'"), naive);
}
END_TEST

/* The sum of the log-probabilities of the target's tokens in one forward pass. */
static double forward_sum(const gk_model *m, const gk_prompt *p) {
    int n = (int)(p->tokens.n + p->n_target) - 1, k = (int)p->n_target;
    int32_t start[2] = {0, n}, row[LONGEST];
    for (int i = 0; i < k; i++) row[i] = n - k + i;
    gk_batch b = {.n_rows = n, .n_seqs = 1, .token = p->forced, .seq_start = start};
    gk_session *s = gk_session_new(gk_model_config(m), n, false, NULL);
    float *x = gk_alloc((size_t)(k * VOCAB) * sizeof *x);
    ck_assert(gk_forward(s, m, &b, row, k, x, NULL));
    double sum = 0;
    for (int i = 0; i < k; i++) {
        double logits[VOCAB];
        for (int v = 0; v < VOCAB; v++) logits[v] = (double)x[i * VOCAB + v];
        sum += logprob_of(logits, p->forced[n - k + 1 + i]);
    }
    gk_free(x);
    gk_session_free(s);
    return sum;
}

START_TEST(whole_models_give_the_sums_of_their_forward) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_sweep(&o);
    world w = open_world(&o);
    static const char *const scheme[] = {"PRE", "SFT"};
    for (size_t i = 0; i < w.prompts.n; i++) {
        for (int k = 0; k < 2 && !w.prompts.item[i].dropped; k++) {
            double there =
                fx_sql("r.db", gk_arena_printf(fx_arena,
                                               "SELECT whole_logprob FROM result r JOIN scheme s ON s.id ="
                                               " r.scheme WHERE s.name = '%s' AND prompt = %zu",
                                               scheme[k], i));
            ck_assert_double_eq_tol(there, forward_sum(w.model[k], &w.prompts.item[i]), 1e-3);
        }
    }
    close_world(&w);
}
END_TEST

static bool pass_over(void *ctx, size_t job, const float *logits) {
    (void)ctx, (void)job, (void)logits;
    return true;
}

/* A target's jobs are beginnings of one another: the engine computes one pass, as gk_graft_rows counts it. */
START_TEST(a_target_costs_its_own_rows) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    world w = open_world(&o);
    const gk_config *c = gk_model_config(w.model[0]);
    enum { n = 6, k = 3 };
    static const int32_t token[n + k] = {1, 20, 30, 40, 50, 60, 70, 80, 90}; /* one twice would share rows */
    gk_job job[k];
    gk_plan single = gk_plan_single(fx_arena, c, n, 1);
    gk_graft_stats stats = {0};
    uint64_t apart = 0;
    for (int i = 0; i < k; i++) {
        gk_plan *plan = gk_arena_alloc(fx_arena, sizeof *plan);
        *plan = gk_plan_extend(fx_arena, &single, i);
        job[i] = (gk_job){.token = token, .n = n + i, .plan = plan};
        apart += gk_graft_rows(c, n + i, 1);
    }
    ck_assert(gk_graft_run(&w.cast, job, k, 1 << 28, pass_over, NULL, &stats, NULL));
    ck_assert_uint_eq(stats.rows_naive, apart);
    ck_assert_uint_eq(stats.rows_unique, gk_graft_rows(c, n + k - 1, k));
    close_world(&w);
}
END_TEST

int main(void) {
    Suite *s = suite_create("targets");
    TCase *t = tcase_create("targets");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, fx_start, fx_stop);
    tcase_add_test(t, sums_and_matches_are_those_of_the_definition);
    tcase_add_test(t, what_is_generated_is_greedy_decoding_by_the_definition);
    tcase_add_test(t, whole_models_give_the_sums_of_their_forward);
    tcase_add_test(t, a_target_costs_its_own_rows);
    suite_add_tcase(s, t);
    return run_suite(s);
}
