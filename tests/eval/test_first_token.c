/* test_first_token.c: targets of which only the first token counts: prompts that have no whole target, and
 * stores without. */
/* modules: report eval graft train model tokenizer core */
#include "tests/support/eval_fixture.h"

#include <math.h>

/* A tokenizer that knows no words: "a " is a piece, and so is " b". The tokens are those of the whole text,
 * and the target begins with the first that holds a byte behind the prompt. */
START_TEST(a_prompt_that_merges_with_its_target_is_counted) {
    static const struct {
        const char *row;
        size_t n; /* the prompt's tokens */
        int32_t target[2];
        size_t n_target;
        bool merged;
    } want[] = {{"{\"first_actor\": \"b a\", \"second_actor\": \"b\"}", 2, {3, 1}, 2, true},   /* b| |a |b */
                {"{\"first_actor\": \"b b\", \"second_actor\": \"b\"}", 2, {4}, 1, false},     /* b| b| b */
                {"{\"first_actor\": \"b b\", \"second_actor\": \"a\"}", 2, {2, 0}, 2, false}}; /* b| b| |a */
    ck_assert(gk_mkdirs(fx_path("odd"), NULL));
    fx_write(
        "odd/tokenizer.json",
        "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \" \": 2, \"a \": 3, \" b\": 4},"
        " \"merges\": [[\"a\", \" \"], [\" \", \"b\"]]}}");
    fx_write("eval.jsonl", "{\"template\": \"{first_actor}\"}\n");
    fx_write("rows.jsonl", gk_arena_printf(fx_arena, "%s\n%s\n%s\n", want[0].row, want[1].row, want[2].row));
    gk_error err;
    gk_tok *tok = gk_tok_load(fx_path("odd"), &err);
    ck_assert_msg(tok != NULL, "%s", err.what);
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    gk_prompts p;
    for (int whole = 1; whole >= 0; whole--) {
        o.prompts.whole = whole;
        ck_assert_msg(gk_prompts_load(fx_arena, &o.prompts, tok, 64, &p, &err), "%s", err.what);
        ck_assert_uint_eq(p.n_dropped + p.n_no_whole, 0);
        ck_assert_uint_eq(p.n_merged, 1);
        for (int i = 0; i < 3; i++) {
            const gk_prompt *x = &p.item[i];
            ck_assert_uint_eq(x->tokens.n, want[i].n);
            ck_assert_int_eq(x->target_id, want[i].target[0]);
            ck_assert_int_eq(x->merged, want[i].merged);
            ck_assert_uint_eq(x->n_target, whole ? want[i].n_target : 0);
            for (size_t k = 0; k < x->n_target; k++)
                ck_assert_int_eq(x->forced[x->tokens.n + k], want[i].target[k]);
        }
    }
    gk_tok_free(tok);
}
END_TEST

START_TEST(first_tokens_alone_give_the_same_first_tokens) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_sweep(&o);
    o.out = fx_path("first.db");
    o.prompts.whole = false;
    fx_sweep(&o);
    ck_assert_double_eq(fx_sql("first.db",
                               "SELECT count(*) FROM result WHERE whole_logprob IS NOT NULL OR exact IS"
                               " NOT NULL OR generated IS NOT NULL"),
                        0);
    const char *sums[] = {"SELECT sum(logprob) FROM result", "SELECT sum(rank) FROM result",
                          "SELECT count(*) FROM result"};
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq_tol(fx_sql("r.db", sums[i]), fx_sql("first.db", sums[i]), 1e-3);
    gk_store *s = gk_store_open(o.out, NULL);
    gk_cells c;
    ck_assert(gk_store_cells(s, fx_arena, &c, NULL));
    for (size_t i = 0; i < c.n; i++) {
        ck_assert_uint_eq(c.item[i].stats.n_whole, 0);
        ck_assert(isnan(c.item[i].stats.value[GK_METRIC_exact]) &&
                  isnan(c.item[i].stats.low[GK_METRIC_whole_logprob]));
    }
    gk_store_close(s);
}
END_TEST

START_TEST(a_store_with_other_columns_is_refused_or_replaced) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_sweep(&o);
    o.prompts.whole = false;
    gk_error err = fx_refused(&o, "another whole_target (1 there, 0 now)");
    ck_assert_ptr_nonnull(strstr(err.hint, "--replace"));
    o.prompts.whole = true;
    o.generate = 2;
    fx_refused(&o, "another generate");
    o.generate = 0;
    o.bf16 = true;
    fx_refused(&o, "another bf16 (false there, true now)");
    o.bf16 = false;
    ck_assert_uint_eq(fx_sweep(&o), 0);
    sqlite3 *d; /* as an earlier graftkit wrote it */
    ck_assert_int_eq(sqlite3_open(fx_path("r.db"), &d), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(d, "PRAGMA user_version = 1", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(d);
    fx_refused(&o, "schema version 1, not 3");
    ck_assert_ptr_null(gk_store_open(o.out, &err));
    o.replace = true;
    ck_assert_uint_gt(fx_sweep(&o), 0);
    ck_assert_uint_eq(fx_sweep(&o), 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("first_token");
    TCase *t = tcase_create("first_token");
    tcase_add_checked_fixture(t, fx_start, fx_stop);
    tcase_add_test(t, a_prompt_that_merges_with_its_target_is_counted);
    tcase_add_test(t, first_tokens_alone_give_the_same_first_tokens);
    tcase_add_test(t, a_store_with_other_columns_is_refused_or_replaced);
    suite_add_tcase(s, t);
    return run_suite(s);
}
