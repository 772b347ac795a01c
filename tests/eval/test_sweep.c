/* test_sweep.c: sweeps against the model's own forward, resuming, refusing, dropping; the gate. */
/* modules: report eval graft train model tokenizer core */
#include "core/json.h"
#include "eval/store/write.h"
#include "graftkit/eval/gate.h"
#include "graftkit/model/session.h"
#include "tests/support/eval_fixture.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <signal.h>
#include <sys/wait.h>

/* ---------------------------------------------------------------- right numbers */

/* The log-probability of a target by gk_forward and a softmax in long double. */
static double forward_logprob(const gk_model *m, const gk_prompt *p) {
    const gk_config *c = gk_model_config(m);
    int n = (int)p->tokens.n;
    int32_t start[2] = {0, n}, last = n - 1;
    gk_batch b = {.n_rows = n, .n_seqs = 1, .token = p->tokens.id, .seq_start = start};
    gk_session *s = gk_session_new(c, n, false, NULL);
    float *x = gk_alloc((size_t)c->vocab * sizeof *x);
    ck_assert(gk_forward(s, m, &b, &last, 1, x, NULL));
    long double sum = 0;
    for (int i = 0; i < c->vocab; i++) sum += expl((long double)x[i] - x[p->target_id]);
    gk_free(x);
    gk_session_free(s);
    return (double)-logl(sum);
}

START_TEST(whole_models_score_as_their_forward) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_sweep(&o);
    gk_tok *tok = gk_tok_load(fx_path("tok"), NULL);
    gk_prompts p;
    ck_assert(gk_prompts_load(fx_arena, &o.prompts, tok, 64, &p, NULL));
    static const char *const folder[] = {"pre", "sft"}, *const scheme[] = {"PRE", "SFT"};
    for (int k = 0; k < 2; k++) {
        gk_model *m = gk_model_load(fx_path(folder[k]), NULL);
        for (size_t i = 0; i < p.n; i++) {
            if (p.item[i].dropped) continue;
            double there =
                fx_sql("r.db", gk_arena_printf(fx_arena,
                                               "SELECT logprob FROM result r JOIN scheme s ON s.id = r.scheme"
                                               " WHERE s.name = '%s' AND prompt = %zu",
                                               scheme[k], i));
            ck_assert_double_eq_tol(there, forward_logprob(m, &p.item[i]), 1e-4);
        }
        gk_model_free(m);
    }
    gk_tok_free(tok);
}
END_TEST

START_TEST(results_do_not_depend_on_chunks_or_budget) {
    gk_sweep_options o = fx_options("a.db", "small.yaml", NULL);
    fx_sweep(&o);
    const char *sql = "SELECT sum(logprob) FROM result";
    double a = fx_sql("a.db", sql);
    o.out = fx_path("b.db");
    o.chunk = 0;
    o.budget_bytes = 1 << 20;
    fx_sweep(&o);
    ck_assert_double_eq_tol(fx_sql("b.db", sql), a, 1e-3);
    ck_assert_double_eq(fx_sql("b.db", "SELECT count(*) FROM result"),
                        fx_sql("a.db", "SELECT count(*) FROM result"));
}
END_TEST

/* ---------------------------------------------------------------- stores of something else */

START_TEST(stores_of_other_inputs_are_refused) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_sweep(&o);
    const char *before = contents("r.db");
    fx_model("sft", 3, "tok");
    gk_error err = fx_refused(&o, "another model.safetensors for 'sft'");
    ck_assert_ptr_nonnull(strstr(err.hint, "--replace"));
    fx_model("sft", 2, "tok");
    ck_assert_uint_eq(fx_sweep(&o), 0); /* the same weights again */
    fx_rows("rows.jsonl", FX_ROWS - 1);
    fx_refused(&o, "rows_sha256");
    fx_rows("rows.jsonl", FX_ROWS);
    fx_write("fillers.json", "{\"relation\": \"sings\"}");
    fx_refused(&o, "fillers_sha256");
    fx_write("fillers.json", "{\"relation\": \"stars\"}");
    fx_write("eval.jsonl", "{\"template\": \"{first_actor} {relation} with {movie_title}\"}\n");
    fx_refused(&o, "templates_sha256");
    fx_write("eval.jsonl", FX_TEMPLATES);
    o.prompts.limit = 4;
    fx_refused(&o, "limit");
    o.prompts.limit = 0;
    fx_write("changed.yaml", "set: small\nschemes: [{name: FE, grafts: [{at: last, donor: sft}]}]\n");
    gk_sweep_options changed = fx_options("r.db", "changed.yaml", NULL);
    fx_refused(&changed, "means something else");
    ck_assert_str_eq(contents("r.db"), before);
}
END_TEST

START_TEST(a_restart_keeps_the_old_store_until_it_is_done) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_sweep(&o);
    const char *old = contents("r.db");
    fx_model("sft", 3, "tok");
    o.restart = true;
    gk_sweep *s = gk_sweep_open(&o, NULL);
    ck_assert_ptr_nonnull(s);
    gk_sweep_close(s); /* given up before the end */
    ck_assert_str_eq(contents("r.db"), old);
    fx_model("sft", 4, "tok"); /* and what was begun is of yet other weights now */
    ck_assert_uint_gt(fx_sweep(&o), 0);
    ck_assert(!gk_exists(fx_path("r.db.new")));
    ck_assert_str_ne(contents("r.db"), old);
    o.restart = false;
    ck_assert_uint_eq(fx_sweep(&o), 0);
}
END_TEST

START_TEST(only_a_store_of_other_inputs_is_replaced) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    o.replace = true;
    fx_sweep(&o);
    const char *old = contents("r.db");
    ck_assert_uint_eq(fx_sweep(&o), 0);
    fx_model("sft", 3, "tok");
    gk_sweep *s = gk_sweep_open(&o, NULL);
    ck_assert_ptr_nonnull(s);
    gk_sweep_close(s);
    ck_assert_str_eq(contents("r.db"), old); /* until the new one is complete */
    ck_assert_uint_gt(fx_sweep(&o), 0);
    ck_assert(!gk_exists(fx_path("r.db.new")));
    ck_assert_uint_eq(fx_sweep(&o), 0);
    fx_write("changed.yaml", "set: small\nschemes: [{name: FE, grafts: [{at: last, donor: sft}]}]\n");
    gk_sweep_options changed = fx_options("r.db", "changed.yaml", NULL);
    changed.replace = true;
    ck_assert_uint_gt(fx_sweep(&changed), 0);
    fx_write("r.db", "this is no store");
    fx_refused(&o, "not a database");
}
END_TEST

START_TEST(two_sweeps_do_not_share_a_store) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    gk_sweep *s = gk_sweep_open(&o, NULL);
    ck_assert_ptr_nonnull(s);
    int status;
    pid_t pid = fork(); /* SQLite's locks are between processes */
    if (pid == 0) {
        gk_error err = {0};
        gk_sweep *second = gk_sweep_open(&o, &err);
        _exit(!second && strstr(err.hint, "another process") ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
    ck_assert(gk_sweep_run(s, NULL, NULL));
    gk_sweep_close(s);
}
END_TEST

/* ---------------------------------------------------------------- inputs that do not fit */

START_TEST(models_and_schemes_that_do_not_fit_are_named) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    o.recipient = "pre";
    fx_refused(&o, "'pre' is not a named model");
    o = fx_options("r.db", "small.yaml", NULL);
    o.recipient = gk_arena_printf(fx_arena, "pre=%s", fx_path("nowhere"));
    fx_refused(&o, "failed");
    const char *twice[] = {gk_arena_printf(fx_arena, "pre=%s", fx_path("sft"))};
    o = fx_options("r.db", "small.yaml", NULL);
    o.donors = twice;
    fx_refused(&o, "both named 'pre'");
    o = fx_options("r.db", "small.yaml", NULL);
    o.n_donors = 0;
    fx_refused(&o, "sft");
    fx_write("field.yaml", "set: small\nschemes: [{name: X, grafts: [{at: no_such_field, donor: sft}]}]\n");
    o = fx_options("r.db", "field.yaml", NULL);
    gk_error err = fx_refused(&o, "no_such_field");
    ck_assert_str_eq(err.file, fx_path("field.yaml"));
    ck_assert_int_eq(err.line, 2);
    fx_write("sft/tokenizer_config.json", "{\"add_bos_token\": false}");
    o = fx_options("r.db", "small.yaml", NULL);
    fx_refused(&o, "tokenizer differs");
    ck_assert(!gk_exists(fx_path("r.db"))); /* nothing was made by any of these */
}
END_TEST

/* What training saves of a folder has other tokenizer files than the folder that it was read from. */
START_TEST(a_tokenizer_in_other_files_is_the_same) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    unlink(fx_path("pre/tokenizer_config.json"));              /* a bare tokenizer.model */
    fx_write("pre/special_tokens_map.json", "{\"a\": \"b\"}"); /* which such a model does not look at */
    fx_write("sft/vocab.json", "{}");                          /* nor at these */
    fx_sweep(&o);
    fx_write("pre/tokenizer_config.json", fx_read("sft/tokenizer_config.json", NULL));
    gk_sweep *s = gk_sweep_open(&o, NULL); /* nor is the store refused now */
    ck_assert_ptr_nonnull(s);
    ck_assert_uint_eq(gk_sweep_pending(s), 0);
    gk_sweep_close(s);
}
END_TEST

START_TEST(templates_and_rows_that_do_not_fit_are_named) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_write("eval.jsonl", "{\"template\": \"{first_actor} in\"}\n\n{\"template\": \"{first_actr} in\"}\n");
    gk_error err = fx_refused(&o, "first_actr");
    ck_assert_str_eq(err.file, fx_path("eval.jsonl"));
    ck_assert_int_eq(err.line, 3);
    ck_assert_int_eq(err.column, 15);
    fx_write("eval.jsonl", "{\"template\": \"{first_actor} {in\"}\n");
    err = fx_refused(&o, "{");
    ck_assert_int_eq(err.line, 1);
    fx_write("eval.jsonl", "{\"template\": \"{first_actor}\", \"fillers\": 3}\n");
    fx_refused(&o, "is not a JSON object");
    fx_write("eval.jsonl", FX_TEMPLATES);
    fx_write("fillers.json", "[]");
    fx_refused(&o, "");
    fx_write("fillers.json", "{\"relation\": \"stars\"}");
    o.prompts.target = "nobody";
    err = fx_refused(&o, "no row has the target field");
    ck_assert_str_eq(
        err.hint,
        "name it with --target (make: TARGET=): the fields are id first_actor second_actor movie_title");
    o.prompts.target = "a{b";
    fx_refused(&o, "no target field");
    gk_sweep_options none = o;
    none.prompts.rows = NULL;
    fx_refused(&none, "there are no rows");
    none.prompts.templates = NULL;
    fx_refused(&none, "there are no templates");
    o.prompts.target = "second_actor";
    fx_write("rows.jsonl", "\n");
    fx_refused(&o, "there are no rows");
    ck_assert(!gk_exists(fx_path("r.db")));
}
END_TEST

static const char BAD_ROWS[] =
    "{\"id\": 1, \"first_actor\": \"Ada Kane\", \"second_actor\": \"Bo Lund\", \"movie_title\": \"Blue "
    "River\"}\n"
    "{\"id\": 2, \"first_actor\": \"Ada Kane\", \"second_actor\": \"Bo Lund\"}\n"
    "{\"id\": 3, \"first_actor\": \"\", \"second_actor\": \"Bo Lund\", \"movie_title\": \"Blue River\"}\n"
    "{\"id\": 4, \"first_actor\": \"Ada Kane\", \"second_actor\": null, \"movie_title\": \"Blue River\"}\n"
    "{\"id\": 1, \"first_actor\": \"Cleo Kane\", \"second_actor\": \"Bo Lund\", \"movie_title\": \"Blue "
    "River\"}\n"
    "{\"id\": 6, \"first_actor\": \"Bo Kane\", \"second_actor\": \"Bo Lund\", \"movie_title\": \"Blue "
    "River\"}\n"
    "{\"id\": 7, \"first_actor\": \"Ada "
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\","
    " \"second_actor\": \"Bo Lund\", \"movie_title\": \"Blue River\"}\n"
    "{\"first_actor\": \"Ada Kane\", \"movie_title\": \"Blue River\"}\n";

static void check_dropped(const char *row, int tmpl, const char *reason) {
    double n =
        fx_sql("r.db", gk_arena_printf(fx_arena,
                                       "SELECT count(*) FROM prompt WHERE row_key = '%s' AND template = %d"
                                       " AND dropped GLOB '*%s*'",
                                       row, tmpl, reason));
    ck_assert_msg(n == 1, "row %s, template %d: not dropped for: %s", row, tmpl, reason);
}

START_TEST(a_row_without_a_field_is_an_error_unless_dropped) {
    fx_write("rows.jsonl", BAD_ROWS);
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    gk_error err = fx_refused(&o, "lacks a field");
    ck_assert_str_eq(err.file, fx_path("rows.jsonl"));
    ck_assert_int_eq(err.line, 2);
    ck_assert_str_eq(err.field, "movie_title");
    ck_assert(!gk_exists(fx_path("r.db")));

    o.prompts.drop_bad_rows = true;
    fx_sweep(&o);
    check_dropped("2", 2, "no field ?movie_title?");
    check_dropped("3", 1, "?first_actor? is empty");
    check_dropped("4", 1, "?second_actor? is null");
    check_dropped("1", 3, "a row with this id came before");
    check_dropped("6", 1, "also begins field ?first_actor?");
    check_dropped("7", 1, "longer than the model");
    check_dropped("line 8", 1, "no field ?second_actor?");
    /* What is left: row 1 whole, row 2 where the title is not needed. */
    ck_assert_double_eq(fx_sql("r.db", "SELECT count(*) FROM prompt"), 24);
    ck_assert_double_eq(fx_sql("r.db", "SELECT count(*) FROM prompt WHERE dropped IS NULL"), 5);

    gk_store *s = gk_store_open(fx_path("r.db"), NULL);
    gk_cells c;
    ck_assert(gk_store_cells(s, fx_arena, &c, NULL));
    ck_assert_uint_eq(c.item[3].stats.n, 5); /* PRE, pooled */
    ck_assert_uint_eq(c.item[3].dropped, 19);
    ck_assert_uint_eq(c.item[1].stats.n, 1); /* PRE, template 2 */
    ck_assert_uint_eq(c.item[1].dropped, 7);
    json_t *m = gk_store_manifest(s, NULL), *d;
    size_t i, counted = 0;
    json_array_foreach(json_object_get(m, "dropped"), i, d) {
        counted += (size_t)json_integer_value(json_object_get(d, "count"));
        ck_assert_uint_gt(json_string_length(json_object_get(d, "reason")), 5);
    }
    ck_assert_uint_eq(counted, 19);
    json_decref(m);
    gk_store_close(s);
}
END_TEST

START_TEST(a_sweep_with_no_usable_prompt_is_an_error) {
    fx_write("rows.jsonl",
             "{\"id\": 1, \"first_actor\": \"\", \"second_actor\": \"Bo\", \"movie_title\": \"x\"}\n");
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_refused(&o, "none of the 3 prompts can be evaluated");
}
END_TEST

START_TEST(a_model_that_overflows_is_counted_not_hidden) {
    gk_model *m = gk_model_load(fx_path("sft"), NULL);
    const gk_param *list;
    size_t n_params = gk_model_params(m, &list);
    for (size_t k = 0; k < n_params; k++) {
        if (list[k].comp != GK_LNF && list[k].comp != GK_HEAD) continue;
        float *w = gk_model_data(m) + list[k].offset;
        for (size_t j = 0; j < list[k].count; j++) w[j] *= 1e30f;
    }
    ck_assert(gk_model_save(m, fx_path("sft"), NULL));
    gk_model_free(m);
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_sweep(&o);
    gk_store *s = gk_store_open(fx_path("r.db"), NULL);
    ck_assert(gk_export_summary(s, fx_path("s.json"), NULL) && gk_export_results(s, fx_path("s.csv"), NULL));
    gk_store_close(s);
    json_t *all = gk_json_load(fx_path("s.json"), NULL), *cell;
    size_t i;
    json_array_foreach(json_object_get(all, "cells"), i, cell) {
        bool broken = strcmp(json_string_value(json_object_get(cell, "scheme")), "SFT") == 0;
        json_int_t n = json_integer_value(json_object_get(cell, "n"));
        ck_assert((n == 0) == broken);
        ck_assert(json_is_null(json_object_get(cell, "top5")) == broken);
        if (broken && strcmp(json_string_value(json_object_get(cell, "template")), "pooled") == 0)
            ck_assert_int_eq(n + json_integer_value(json_object_get(cell, "dropped")), 3 * FX_ROWS);
    }
    json_decref(all);
    ck_assert_double_gt(
        fx_sql("r.db", "SELECT count(*) FROM result WHERE dropped = 'the logits are not finite'"), 0);
    ck_assert_uint_eq(fx_sweep(&o), 0); /* such a result is a result */
}
END_TEST

START_TEST(prompts_carry_their_template_and_target) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    gk_tok *tok = gk_tok_load(fx_path("tok"), NULL);
    gk_prompts p;
    ck_assert(gk_prompts_load(fx_arena, &o.prompts, tok, 64, &p, NULL));
    ck_assert_uint_eq(p.n, 3 * FX_ROWS);
    ck_assert_str_eq(p.item[0].text, "Ada Kane stars in a movie alongside");
    ck_assert_str_eq(p.item[2].text, "Who works with Ada Kane? An actor"); /* its own filler */
    for (size_t t = 0; t < 3; t++) {
        bool title = false;
        for (size_t i = 0; i < p.tmpl[t].n_fields; i++)
            title |= strcmp(p.tmpl[t].fields[i].field, "movie_title") == 0;
        ck_assert_int_eq(title, t == 1);
    }
    for (size_t i = 0; i < p.n; i++) {
        int32_t id;
        ck_assert_uint_eq(p.item[i].tmpl, i % 3);
        ck_assert_uint_eq(p.item[i].row, i / 3);
        ck_assert(gk_tok_first(tok, p.item[i].target, &id, NULL));
        ck_assert_int_eq(p.item[i].target_id, id);
        if (!p.item[i].dropped) ck_assert_int_eq(p.item[i].tokens.id[0], gk_tok_bos(tok));
    }
    gk_tok_free(tok);
}
END_TEST

/* ---------------------------------------------------------------- gate */

typedef struct tally {
    double hits, n, weighted_hits, weight;
} tally;

static bool add_hit(void *ctx, const gk_result *r, gk_error *err) {
    (void)err;
    tally *t = ctx;
    if (r->dropped || strcmp(r->scheme, "PRE") != 0) return true;
    double w = 1 / (atof(r->row_key) + 1 + 0.05 * FX_ROWS), hit = r->rank < 50;
    t->hits += hit;
    t->n++;
    t->weighted_hits += w * hit;
    t->weight += w;
    return true;
}

START_TEST(the_gate_counts_what_the_plain_model_knows) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_sweep(&o);
    gk_store *s = gk_store_open(fx_path("r.db"), NULL);
    tally t = {0};
    ck_assert(gk_store_each(s, add_hit, &t, NULL));
    gk_store_close(s);
    ck_assert_double_gt(t.hits, 0);
    ck_assert_double_lt(t.hits, t.n);
    gk_gate_options g = {
        .model = fx_path("pre"), .prompts = o.prompts, .top = 50, .min = t.hits / t.n, .seed = 1};
    gk_gate r;
    g.out = fx_path("gate.json");
    ck_assert(gk_gate_run(&g, &r, NULL));
    ck_assert_uint_eq(r.n, (size_t)t.n);
    ck_assert_uint_eq(r.n + r.dropped, 3 * FX_ROWS);
    ck_assert_double_eq_tol(r.plain.value, t.hits / t.n, 1e-12);
    ck_assert_double_eq_tol(r.weighted.value, t.weighted_hits / t.weight, 1e-12);
    ck_assert_double_lt(r.plain.low, r.plain.value);
    ck_assert_double_lt(r.plain.value, r.plain.high);
    ck_assert(r.pass);
    json_t *json = gk_json_load(g.out, NULL);
    ck_assert(json_is_true(json_object_get(json, "pass")));
    ck_assert_double_eq(json_real_value(json_object_get(json, "share")), r.plain.value);
    json_decref(json);
    g.out = NULL;
    g.min = 0.001 + t.hits / t.n;
    ck_assert(gk_gate_run(&g, &r, NULL));
    ck_assert(!r.pass);
    gk_error err;
    g.top = 0;
    ck_assert(!gk_gate_run(&g, &r, &err));
    g.top = 5;
    g.model = fx_path("nowhere");
    ck_assert(!gk_gate_run(&g, &r, &err));
}
END_TEST

/* Rows whose targets begin as no text does; the texts have every word of FX_FIRST but two. */
START_TEST(the_gate_counts_targets_that_were_never_read) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    gk_gate_options g = {.model = fx_path("pre"), .prompts = o.prompts, .top = 50, .min = 0.5, .seed = 1};
    gk_gate r;
    gk_error err;
    ck_assert(gk_gate_run(&g, &r, NULL));
    ck_assert_uint_eq(r.new_facts, 0);
    gk_buf texts = {0};
    for (int i = 0; i < 10; i++)
        if (i != 3 && i != 8) gk_buf_printf(&texts, "{\"text\": \"With %s %s.\"}\n", FX_FIRST[i], FX_LAST[i]);
    fx_write("read.jsonl", texts.data);
    gk_buf_free(&texts);
    g.texts = fx_path("read.jsonl");
    ck_assert(!gk_gate_run(&g, &r, &err));
    assert_error(&err, "field '--new-rows': is missing beside --texts; give both or neither");
    g.new_rows = fx_path("rows.jsonl");
    g.out = fx_path("gate.json");
    ck_assert(gk_gate_run(&g, &r, NULL));
    gk_tok *tok = gk_tok_load(fx_path("tok"), NULL);
    size_t expected = 0;
    int32_t id, dina, iris;
    ck_assert(gk_tok_first(tok, "Dina", &dina, NULL) && gk_tok_first(tok, "Iris", &iris, NULL));
    for (int i = 0; i < FX_ROWS; i++) {
        ck_assert(gk_tok_first(tok, FX_FIRST[(i + 1 + i / 10) % 10], &id, NULL));
        expected += id == dina || id == iris;
    }
    gk_tok_free(tok);
    ck_assert_uint_gt(expected, 0);
    ck_assert_uint_eq(r.unseen, expected);
    ck_assert_uint_eq(r.new_facts, FX_ROWS);
    json_t *json = gk_json_load(g.out, NULL), *rows = json_object_get(json, "new_rows");
    ck_assert_int_eq(json_integer_value(json_object_get(rows, "unseen")), (json_int_t)expected);
    ck_assert_uint_eq(json_array_size(json_object_get(rows, "tokens")), 2);
    json_decref(json);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sweep");
    TCase *t = tcase_create("sweep");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, fx_start, fx_stop);
    tcase_add_test(t, whole_models_score_as_their_forward);
    tcase_add_test(t, results_do_not_depend_on_chunks_or_budget);
    tcase_add_test(t, stores_of_other_inputs_are_refused);
    tcase_add_test(t, a_restart_keeps_the_old_store_until_it_is_done);
    tcase_add_test(t, only_a_store_of_other_inputs_is_replaced);
    tcase_add_test(t, two_sweeps_do_not_share_a_store);
    tcase_add_test(t, models_and_schemes_that_do_not_fit_are_named);
    tcase_add_test(t, a_tokenizer_in_other_files_is_the_same);
    tcase_add_test(t, templates_and_rows_that_do_not_fit_are_named);
    tcase_add_test(t, a_row_without_a_field_is_an_error_unless_dropped);
    tcase_add_test(t, a_sweep_with_no_usable_prompt_is_an_error);
    tcase_add_test(t, a_model_that_overflows_is_counted_not_hidden);
    tcase_add_test(t, prompts_carry_their_template_and_target);
    tcase_add_test(t, the_gate_counts_what_the_plain_model_knows);
    tcase_add_test(t, the_gate_counts_targets_that_were_never_read);
    suite_add_tcase(s, t);
    return run_suite(s);
}
