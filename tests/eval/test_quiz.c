/* modules: report eval graft train model tokenizer core
 *
 * test_quiz.c: what is asked of a model in training, against the model's own forward pass. */
#include "core/json.h"
#include "graftkit/eval/learned.h"
#include "graftkit/model/session.h"
#include "tests/support/eval_fixture.h"

/* No prompt leaves out the first actor; two of these lead up to the target. */
static const char TRAINED[] =
    "{\"template\": \"{first_actor} stars with {second_actor}.\"}\n"
    "{\"template\": \"{second_actor} stars with {first_actor}.\"}\n"
    "{\"template\": \"In {movie_title}, {first_actor} works with {second_actor}.\"}\n";

static gk_quiz_options options(const char *const *trained, size_t n) {
    return (gk_quiz_options){
        .held_out = fx_options("x.db", "small.yaml", NULL).prompts, .templates = trained, .n_templates = n};
}

static gk_quiz *open_quiz(const gk_quiz_options *o, const gk_model *m) {
    gk_tok *tok = gk_tok_load(fx_path("tok"), NULL);
    gk_error err = {0};
    gk_quiz *q = gk_quiz_open(o, tok, gk_model_config(m), &err);
    gk_tok_free(tok);
    ck_assert_msg(q != NULL, "%s: %s", err.file, err.what);
    return q;
}

/* The share of prompts whose target is among the k best, by a forward pass for each. */
static double by_hand(const gk_model *m, const gk_prompts *p, int k, size_t from, size_t step, size_t *n) {
    const int vocab = gk_model_config(m)->vocab;
    gk_session *s = gk_session_new(gk_model_config(m), 64, false, NULL);
    float *logits = gk_alloc((size_t)vocab * sizeof *logits);
    size_t right = 0;
    *n = 0;
    for (size_t i = from; i < p->n; i += step) {
        const gk_prompt *x = &p->item[i];
        if (x->dropped) continue;
        int rows = (int)x->tokens.n, above = 0;
        int32_t start[] = {0, rows}, last = rows - 1;
        gk_batch b = {.n_rows = rows, .n_seqs = 1, .token = x->tokens.id, .seq_start = start};
        ck_assert(gk_forward(s, m, &b, &last, 1, logits, NULL));
        for (int v = 0; v < vocab; v++) above += logits[v] > logits[x->target_id];
        right += above < k;
        ++*n;
    }
    gk_free(logits);
    gk_session_free(s);
    return (double)right / (double)*n;
}

static void load(const gk_prompt_options *o, gk_prompts *p) {
    gk_tok *tok = gk_tok_load(fx_path("tok"), NULL);
    ck_assert(gk_prompts_load(fx_arena, o, tok, 64, p, NULL));
    gk_tok_free(tok);
}

/* A random model that gets some prompts right. */
static gk_model *make_model(void) {
    fx_model("random", 7, "tok");
    gk_model *m = gk_model_load(fx_path("random"), NULL);
    ck_assert_ptr_nonnull(m);
    return m;
}

START_TEST(shares_are_those_of_the_forward_pass) {
    gk_model *m = make_model();
    gk_quiz_options o = options(NULL, 0);
    gk_quiz *q = open_quiz(&o, m);
    gk_quiz_score held_out, trained;
    ck_assert(gk_quiz_ask(q, m, &held_out, &trained, NULL));
    gk_prompts p;
    size_t n;
    load(&o.held_out, &p);
    ck_assert_double_eq_tol(held_out.top5, by_hand(m, &p, 5, 0, 1, &n), 1e-12);
    ck_assert_double_eq_tol(held_out.top1, by_hand(m, &p, 1, 0, 1, &n), 1e-12);
    ck_assert_uint_eq(held_out.n, n);
    ck_assert_uint_eq(trained.n, 0);
    ck_assert_uint_gt(gk_quiz_bytes(q), 1000);
    ck_assert_uint_lt(gk_quiz_bytes(q), 100 << 20); /* few prompts of a small model: not the whole budget */
    ck_assert_msg(held_out.top5 > 0, "the random model knows nothing at all: the test shows nothing");
    gk_quiz_close(q);
    o.budget_bytes = 1000;
    q = open_quiz(&o, m);
    ck_assert_uint_eq(gk_quiz_bytes(q), 1000);
    gk_quiz_close(q);
    gk_model_free(m);
}
END_TEST

/* 30 rows by 3 held-out templates: 2 a row of the training ones, which are fewer: all of both. */
START_TEST(training_templates_are_cut_before_the_target) {
    fx_write("trained.jsonl", TRAINED);
    const char *files[] = {fx_path("trained.jsonl")};
    gk_model *m = make_model();
    gk_quiz_options o = options(files, 1);
    gk_quiz *q = open_quiz(&o, m);
    gk_quiz_score held_out, trained;
    ck_assert(gk_quiz_ask(q, m, &held_out, &trained, NULL));
    gk_prompt_options one = o.held_out;
    one.templates = files[0];
    one.cut = true;
    gk_prompts p;
    size_t n;
    load(&one, &p);
    ck_assert_uint_eq(p.n_templates, 2);
    ck_assert_str_eq(p.item[0].text, "Ada Kane stars with ");
    ck_assert_str_eq(p.item[1].text, "In Cold Stone, Ada Kane works with ");
    ck_assert_double_eq_tol(trained.top5, by_hand(m, &p, 5, 0, 1, &n), 1e-12);
    ck_assert_uint_eq(trained.n, n);
    gk_quiz_close(q);
    gk_model_free(m);
}
END_TEST

/* Two files of three and two templates in turn: 3 of 4 each row, so that all come up equally often. */
START_TEST(training_templates_are_asked_in_turn) {
    fx_write("a.jsonl", "{\"template\": \"{first_actor} with {second_actor}\"}\n"
                        "{\"template\": \"{first_actor} alongside {second_actor}\"}\n"
                        "{\"template\": \"{first_actor} stars with {second_actor}\"}\n");
    fx_write("b.jsonl", "{\"template\": \"Who works with {first_actor}? {second_actor}\"}\n");
    const char *files[] = {fx_path("a.jsonl"), fx_path("b.jsonl")};
    gk_model *m = make_model();
    gk_quiz_options o = options(files, 2);
    o.held_out.limit = 4;
    gk_quiz *q = open_quiz(&o, m);
    gk_quiz_score held_out, trained;
    ck_assert(gk_quiz_ask(q, m, &held_out, &trained, NULL));
    ck_assert_uint_eq(held_out.n, 4 * 3);
    ck_assert_uint_eq(trained.n, 4 * 3);
    gk_quiz_close(q);
    gk_model_free(m);
}
END_TEST

/* Public files write " English" where others write "English": both are the first token behind a blank. */
START_TEST(a_blank_before_the_target_does_not_count) {
    gk_quiz_options o = options(NULL, 0);
    gk_prompts plain, blank;
    load(&o.held_out, &plain);
    gk_jsonl *in = gk_jsonl_open(o.held_out.rows, NULL);
    gk_buf rows = {0};
    json_t *row;
    while (gk_jsonl_next(in, &row, NULL) == 1) {
        const char *target = json_string_value(json_object_get(row, "second_actor"));
        json_object_set_new(row, "second_actor", json_sprintf("  %s", target));
        char *line = json_dumps(row, JSON_COMPACT);
        gk_buf_printf(&rows, "%s\n", line);
        free(line);
        json_decref(row);
    }
    gk_jsonl_close(in);
    ck_assert_ptr_nonnull(rows.data);
    fx_write("blank.jsonl", rows.data);
    o.held_out.rows = fx_path("blank.jsonl");
    load(&o.held_out, &blank);
    ck_assert_uint_eq(plain.n, blank.n);
    for (size_t i = 0; i < plain.n; i++) {
        ck_assert_str_eq(plain.item[i].target, blank.item[i].target);
        ck_assert_int_eq(plain.item[i].target_id, blank.item[i].target_id);
    }
    gk_buf_free(&rows);
}
END_TEST

static void hear(void *ctx, const char *line) {
    gk_buf_printf(ctx, "%s\n", line);
}

/* Such a file is told of and left out; where none is left, so is the column. */
START_TEST(files_that_lead_nowhere_are_left_out) {
    gk_model *m = make_model();
    fx_write("no.jsonl", "{\"template\": \"{second_actor} stars with {first_actor}\"}\n");
    fx_write("yes.jsonl", "{\"template\": \"{first_actor} with {second_actor}\"}\n");
    const char *files[] = {fx_path("no.jsonl"), fx_path("yes.jsonl"), fx_path("no.jsonl")};
    gk_buf heard = {0};
    gk_quiz_options o = options(files, 3), plain = options(files + 1, 1), none = options(files, 1);
    gk_notice_to(hear, &heard);
    gk_quiz *q[] = {open_quiz(&o, m), open_quiz(&plain, m), open_quiz(&none, m)};
    gk_notice_to(NULL, NULL);
    const char *line = gk_arena_printf(
        fx_arena, "%s: is left out of the quiz: no template leads up to 'second_actor'\n", files[0]);
    ck_assert_str_eq(heard.data, gk_arena_printf(fx_arena, "%s%s%s", line, line, line));
    gk_quiz_score held_out[3], trained[3];
    for (int i = 0; i < 3; i++) {
        ck_assert(gk_quiz_ask(q[i], m, &held_out[i], &trained[i], NULL));
        ck_assert_uint_gt(held_out[i].n, 0);
        gk_quiz_close(q[i]);
    }
    ck_assert_uint_gt(trained[1].n, 0);
    ck_assert_uint_eq(trained[0].n, trained[1].n);
    ck_assert_double_eq(trained[0].top5, trained[1].top5);
    ck_assert_uint_eq(trained[2].n, 0);
    gk_buf_free(&heard);
    gk_model_free(m);
}
END_TEST

START_TEST(what_cannot_be_asked_is_refused) {
    gk_model *m = make_model();
    gk_tok *tok = gk_tok_load(fx_path("tok"), NULL);
    gk_error err = {0};
    fx_write("no.jsonl", "{\"template\": \"{second_actor} stars with {first_actor}\"}\n");
    const char *files[] = {fx_path("no.jsonl")};
    gk_quiz_options o = options(files, 1);
    o.held_out.templates = files[0];
    ck_assert_ptr_null(gk_quiz_open(&o, tok, gk_model_config(m), &err));
    assert_error_at(&err, files[0], ":1: the prompt holds its own answer, field 'second_actor'");
    o = options(NULL, 0);
    o.held_out.rows = fx_path("none.jsonl");
    ck_assert_ptr_null(gk_quiz_open(&o, tok, gk_model_config(m), &err));
    assert_error_at(&err, o.held_out.rows, ": opening the file failed");
    gk_tok_free(tok);
    gk_model_free(m);
}
END_TEST

int main(void) {
    Suite *s = suite_create("quiz");
    TCase *t = tcase_create("quiz");
    tcase_set_timeout(t, 60);
    tcase_add_unchecked_fixture(t, fx_start, fx_stop);
    tcase_add_test(t, shares_are_those_of_the_forward_pass);
    tcase_add_test(t, training_templates_are_cut_before_the_target);
    tcase_add_test(t, training_templates_are_asked_in_turn);
    tcase_add_test(t, a_blank_before_the_target_does_not_count);
    tcase_add_test(t, files_that_lead_nowhere_are_left_out);
    tcase_add_test(t, what_cannot_be_asked_is_refused);
    suite_add_tcase(s, t);
    return run_suite(s);
}
