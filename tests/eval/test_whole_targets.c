/* test_whole_targets.c: when a target of several tokens counts as said, where a text ends, and which have no
 * whole target. */
/* modules: report eval graft train model tokenizer core */
#include "core/json.h"
#include "eval/store/write.h"
#include "tests/support/targets_fixture.h"

/* ---------------------------------------------------------------- a model that knows a name */

typedef struct taught {
    int32_t from[8], to[8];
    int n;
} taught;

static float *param(gk_model *m, gk_component comp, size_t *count) {
    const gk_param *list;
    size_t n = gk_model_params(m, &list);
    for (size_t i = 0; i < n; i++)
        if (list[i].comp == comp) {
            *count = list[i].count;
            return gk_model_data(m) + list[i].offset;
        }
    ck_abort_msg("no such component");
    return NULL;
}

/* A donor that says to[i] behind from[i], whatever came before: its layers add nothing. */
static void teach(const taught *t) {
    gk_model *m = gk_model_load(fx_path("sft"), NULL);
    const gk_param *list;
    size_t n = gk_model_params(m, &list), count;
    for (size_t i = 0; i < n; i++)
        if (list[i].comp == GK_O || list[i].comp == GK_DOWN)
            memset(gk_model_data(m) + list[i].offset, 0, list[i].count * sizeof(float));
    size_t d = (size_t)gk_model_config(m)->d_model;
    float *head = param(m, GK_HEAD, &count);
    const float *embed = param(m, GK_EMBED, &count);
    memset(head, 0, count * sizeof *head);
    for (int i = 0; i < t->n; i++) {
        float norm = 0;
        for (size_t k = 0; k < d; k++)
            norm += embed[(size_t)t->from[i] * d + k] * embed[(size_t)t->from[i] * d + k];
        for (size_t k = 0; k < d; k++)
            head[(size_t)t->to[i] * d + k] += 20 * embed[(size_t)t->from[i] * d + k] / sqrtf(norm);
    }
    ck_assert(gk_model_save(m, fx_path("sft"), NULL));
    gk_model_free(m);
}

/* Every prompt ends in "alongside"; the donor knows one row's co-actor. */
static taught one_name(gk_sweep_options *o, const char *name) {
    fx_write("eval.jsonl", "{\"template\": \"{first_actor} {relation} in a movie alongside\"}\n");
    fx_write("rows.jsonl",
             gk_arena_printf(fx_arena,
                             "{\"id\": 1, \"first_actor\": \"Ada Kane\", \"second_actor\": \"%s\"}\n"
                             "{\"id\": 2, \"first_actor\": \"Bo Lund\", \"second_actor\": \"Cleo Tate\"}\n",
                             name));
    fx_write("know.yaml", "set: know\nschemes:\n  - {name: PRE}\n"
                          "  - {name: LT, grafts: [{at: last, donor: sft}], head: {last: sft}}\n"
                          "  - {name: rh, grafts: [{at: all, donor: sft}]}\n");
    *o = fx_options("r.db", "know.yaml", NULL);
    world w = open_world(o);
    const gk_prompt *p = &w.prompts.item[0];
    ck_assert_ptr_null(p->dropped);
    ck_assert_uint_ge(p->n_target, 3);
    taught t = {.n = (int)p->n_target};
    for (int i = 0; i < t.n; i++) {
        t.from[i] = p->forced[(int)p->tokens.n - 1 + i];
        t.to[i] = p->forced[(int)p->tokens.n + i];
        for (int k = 0; k < i; k++) ck_assert_int_ne(t.from[k], t.from[i]); /* one successor each */
    }
    close_world(&w);
    return t;
}

static double of(const char *what, const char *scheme, int row) {
    return fx_sql("r.db",
                  gk_arena_printf(fx_arena,
                                  "SELECT %s FROM result r JOIN scheme s ON s.id = r.scheme JOIN prompt p ON"
                                  " p.id = r.prompt WHERE s.name = '%s' AND p.row_key = '%d'",
                                  what, scheme, row));
}

START_TEST(a_name_is_matched_only_where_it_is_said_whole) {
    gk_sweep_options o;
    taught t = one_name(&o, "Bo Lund");
    teach(&t);
    o.generate = GENERATE;
    fx_sweep(&o);
    ck_assert_double_eq(of("exact", "LT", 1), 1);
    ck_assert_double_eq(of("generated GLOB ' Bo Lund*'", "LT", 1), 1);
    ck_assert_double_eq(of("exact", "LT", 2), 0);
    ck_assert_double_eq(of("exact", "PRE", 1), 0);
    ck_assert_double_eq(of("exact", "rh", 1), 0); /* the recipient's head does not know it */
    ck_assert_uint_eq(check_store(&o, check_target).exact, 1);
    ck_assert_uint_eq(check_store(&o, check_spoken).texts, 6);

    gk_store *s = gk_store_open(o.out, NULL);
    gk_cells c;
    ck_assert(gk_store_cells(s, fx_arena, &c, NULL));
    for (size_t i = 0; i < c.n; i++) {
        ck_assert_uint_eq(c.item[i].stats.n_whole, 2);
        double want = strcmp(c.item[i].scheme, "LT") == 0 ? 0.5 : 0;
        ck_assert_double_eq(c.item[i].stats.value[GK_METRIC_exact], want);
        ck_assert_double_eq(c.item[i].stats.low[GK_METRIC_exact], 0);
        /* Where none of two rows is right the interval is the exact one. */
        ck_assert_double_eq_tol(c.item[i].stats.high[GK_METRIC_exact], want > 0 ? 1 : 1 - sqrt(0.025), 1e-9);
    }
    gk_store_close(s);

    /* Its first token alone is not the name. */
    fx_model("sft", 2, "tok");
    t.n--;
    teach(&t);
    o.restart = true;
    fx_sweep(&o);
    ck_assert_double_eq(of("rank", "LT", 1), 0);
    ck_assert_double_eq(of("exact", "LT", 1), 0);
}
END_TEST

START_TEST(of_equal_logits_the_target_counts_as_taken) {
    gk_sweep_options o;
    taught t = one_name(&o, "Bo Lund");
    /* A lower id becomes as likely as the target's second token. */
    int32_t twin = 5;
    for (int i = 0; i < t.n; i++) ck_assert_int_gt(t.to[i], twin);
    t.from[t.n] = t.from[1];
    t.to[t.n++] = twin;
    teach(&t);
    o.generate = GENERATE;
    fx_sweep(&o);
    ck_assert_double_eq(of("rank", "LT", 1), 0);
    ck_assert_double_eq(of("exact", "LT", 1), 1);
    ck_assert_double_eq(of("generated GLOB ' Bo Lund*'", "LT", 1), 0); /* decoding takes the lower id */
    ck_assert_uint_eq(check_store(&o, check_spoken).texts, 6);
}
END_TEST

START_TEST(generation_stops_where_a_text_ends) {
    gk_sweep_options o;
    taught t = one_name(&o, "Bo Lund");
    gk_tok *tok = gk_tok_load(fx_path("tok"), NULL);
    t.from[t.n] = t.to[t.n - 1];
    t.to[t.n++] = gk_tok_eos(tok);
    gk_tok_free(tok);
    teach(&t);
    o.generate = 30;
    fx_sweep(&o);
    ck_assert_double_eq(of("generated = ' Bo Lund'", "LT", 1), 1);
    ck_assert_double_eq(of("exact", "LT", 1), 1);
}
END_TEST

/* ---------------------------------------------------------------- what has no whole target */

static void short_models(int positions) {
    static const char *const name[] = {"pre", "sft"};
    for (int i = 0; i < 2; i++) {
        gk_error err;
        json_t *c = gk_json_load(fx_path(gk_arena_printf(fx_arena, "%s/config.json", name[i])), &err);
        ck_assert_ptr_nonnull(c);
        json_object_set_new(c, "max_position_embeddings", json_integer(positions));
        ck_assert(gk_json_save(fx_path(gk_arena_printf(fx_arena, "%s/config.json", name[i])), c, &err));
        json_decref(c);
    }
}

START_TEST(a_target_that_does_not_fit_is_counted_and_its_first_token_stays) {
    gk_sweep_options o;
    one_name(&o, "Bo Lund");
    world w = open_world(&o);
    int n = (int)w.prompts.item[0].tokens.n, k = (int)w.prompts.item[0].n_target;
    close_world(&w);
    fx_write("rows.jsonl", "{\"id\": 1, \"first_actor\": \"Ada Kane\", \"second_actor\": \"Bo Lund\"}\n"
                           "{\"id\": 2, \"first_actor\": \"Bo Lund\", \"second_actor\": \"Iris\"}\n");
    o.generate = GENERATE;
    short_models(n + k - 1); /* the last token of a target is not fed */
    fx_sweep(&o);
    ck_assert_double_eq(fx_sql("r.db", "SELECT count(*) FROM result WHERE whole_logprob IS NOT NULL"), 6);
    o.out = fx_path("short.db");
    short_models(n + k - 2);
    fx_sweep(&o);
    ck_assert_double_eq(fx_sql("short.db",
                               "SELECT count(*) FROM prompt WHERE row_key = 1 AND dropped IS NULL AND"
                               " target_tokens IS NULL AND whole_dropped GLOB 'the prompt and its target"
                               " are longer than the model?s * positions'"),
                        1);
    ck_assert_double_eq(fx_sql("short.db", "SELECT count(*) FROM result WHERE rank IS NOT NULL"), 6);
    ck_assert_double_eq(fx_sql("short.db", "SELECT count(*) FROM result WHERE exact IS NOT NULL"), 3);
    ck_assert_double_eq(fx_sql("short.db", "SELECT count(*) FROM result WHERE generated IS NOT NULL"), 6);
    gk_store *s = gk_store_open(o.out, NULL);
    gk_cells c;
    ck_assert(gk_store_cells(s, fx_arena, &c, NULL));
    ck_assert_uint_eq(c.item[0].stats.n, 2);
    ck_assert_uint_eq(c.item[0].stats.n_whole, 1);
    json_t *m = gk_store_manifest(s, NULL), *lost = json_object_get(m, "whole_dropped");
    ck_assert_uint_eq(json_array_size(lost), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(lost, 0), "count")), 1);
    json_decref(m);
    gk_store_close(s);
}
END_TEST

/* The prompt's own tokens come first, then the target's, of which the first is the target of every metric. */
START_TEST(prompts_carry_their_whole_target) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    world w = open_world(&o);
    size_t n = 0;
    for (size_t i = 0; i < w.prompts.n; i++) {
        const gk_prompt *p = &w.prompts.item[i];
        ck_assert(p->dropped ? !p->forced && !p->no_whole : p->forced != NULL);
        if (p->dropped) continue;
        gk_tokens want = target_tokens(&w, p);
        ck_assert_mem_eq(p->forced, p->tokens.id, p->tokens.n * sizeof(int32_t));
        ck_assert_uint_eq(p->n_target, want.n);
        ck_assert_mem_eq(p->forced + p->tokens.n, want.id, want.n * sizeof(int32_t));
        ck_assert_int_eq(want.id[0], p->target_id);
        n++;
    }
    ck_assert_uint_gt(n, 50);
    close_world(&w);
}
END_TEST

int main(void) {
    Suite *s = suite_create("whole_targets");
    TCase *t = tcase_create("whole_targets");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, fx_start, fx_stop);
    tcase_add_test(t, a_name_is_matched_only_where_it_is_said_whole);
    tcase_add_test(t, of_equal_logits_the_target_counts_as_taken);
    tcase_add_test(t, generation_stops_where_a_text_ends);
    tcase_add_test(t, a_target_that_does_not_fit_is_counted_and_its_first_token_stays);
    tcase_add_test(t, prompts_carry_their_whole_target);
    suite_add_tcase(s, t);
    return run_suite(s);
}
