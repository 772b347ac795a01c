/* test_floors.c: what a scheme's results are compared with: placebo twins, permuted targets; schemes that
 * select the same in a template; how alike a fact's results are. */
/* modules: report eval graft train model tokenizer core */
#include "eval/store/outcomes.h"
#include "graftkit/eval/statistics.h"
#include "tests/support/eval_fixture.h"

#include <math.h>

static const char PLACEBO[] =
    "set: small\n"
    "schemes:\n"
    "  - {name: PRE}\n"
    "  - {name: SFT, grafts: [{at: all, donor: sft}], head: sft}\n"
    "  - {name: M+LT, grafts: [{at: [movie_title, last], donor: sft}]}\n"
    "  - {name: half, grafts: [{at: last, donor: sft, layers: 1}], head: {last: sft}}\n"
    "  - {name: from SFT, recipient: sft, grafts: [{at: last, donor: pre}]}\n"
    "  - {name: both, grafts: [{at: first_actor, donor: sft}, {at: last, donor: task}]}\n"
    "  - {name: patch, patches: [{at: last, layers: 0, from: sft}]}\n";

static gk_sweep_options with_task(const char *out, const char *scheme) {
    gk_sweep_options o = fx_options(out, scheme, NULL);
    const char **donors = gk_arena_alloc(fx_arena, 2 * sizeof *donors);
    if (!gk_exists(fx_path("task"))) fx_model("task", 3, "tok");
    donors[0] = o.donors[0];
    donors[1] = gk_arena_printf(fx_arena, "task=%s", fx_path("task"));
    o.donors = donors;
    o.n_donors = 2;
    return o;
}

static gk_sweep_options with_placebo(const char *out, const char *scheme) {
    static const char *const placebo[] = {"sft=task"};
    gk_sweep_options o = with_task(out, scheme);
    o.placebo = placebo;
    o.n_placebo = 1;
    return o;
}

/* Rows whose targets begin with several tokens: in those of the fixture most begin with the blank alone. */
static const char *spread_rows(void) {
    static const char *const second[] = {"Bo", "Dina", "Fritz", "Iris", "Bo", "Hal"};
    gk_buf b = {0};
    for (int i = 0; i < FX_ROWS; i++)
        gk_buf_printf(&b,
                      "{\"id\": %d, \"first_actor\": \"Cleo %s\", \"second_actor\": \"%s %s\", "
                      "\"movie_title\": \"Blue River\"}\n",
                      i, FX_LAST[i % 10], second[i % 6], FX_LAST[(i * 3 + 1) % 10]);
    fx_write("spread.jsonl", b.data);
    gk_buf_free(&b);
    return fx_path("spread.jsonl");
}

/* ---------------------------------------------------------------- twins */

/* The same schemes, written with the placebo in the donor's place, give the numbers that the twins have. */
START_TEST(a_twin_is_the_scheme_with_another_donor) {
    gk_buf swapped = {0};
    for (const char *at = PLACEBO; *at; at++) {
        bool sft = strncmp(at, "sft", 3) == 0;
        gk_buf_add(&swapped, sft ? "task" : at, sft ? 4 : 1);
        at += sft ? 2 : 0;
    }
    fx_write("placebo.yaml", PLACEBO);
    fx_write("swapped.yaml", swapped.data);
    gk_buf_free(&swapped);
    gk_sweep_options o = with_placebo("r.db", "placebo.yaml"), w = with_task("w.db", "swapped.yaml");
    fx_sweep(&o);
    fx_sweep(&w);
    const char *const name[] = {"SFT", "M+LT", "half", "from SFT", "patch"};
    ck_assert_double_eq(fx_sql("r.db", "SELECT count(*) FROM twin"), 5); /* not PRE; not what has both */
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        double n = 0;
        for (int what = 0; what < 4; what++) {
            static const char *const column[] = {"count(*)", "sum(r.prob * (r.prompt + 1))", "sum(r.rank)",
                                                 "sum(r.logit_diff * (r.prompt + 1))"};
            const char *twin = gk_arena_printf(
                fx_arena,
                "SELECT %s FROM twin t JOIN scheme a ON a.id = t.\"of\" JOIN scheme b ON b.id = t.scheme "
                "JOIN "
                "result r ON r.scheme = b.source WHERE a.name = '%s' AND b.name = '%s (placebo: task)'",
                column[what], name[i], name[i]);
            const char *written = gk_arena_printf(
                fx_arena, "SELECT %s FROM scheme s JOIN result r ON r.scheme = s.source WHERE s.name = '%s'",
                column[what], name[i]);
            ck_assert_double_eq_tol(fx_sql("r.db", twin), fx_sql("w.db", written), 1e-9);
            if (what == 0) n = fx_sql("r.db", twin);
        }
        ck_assert_double_gt(n, 20);
    }
    /* They are listed nowhere, but under their schemes. */
    gk_store *s = gk_store_open(fx_path("r.db"), NULL);
    gk_cells c;
    gk_outcomes all;
    ck_assert(gk_store_cells(s, fx_arena, &c, NULL) && gk_outcomes_read(s, fx_arena, &all, NULL));
    ck_assert_uint_eq(c.n, 7 * (3 + 3));
    ck_assert_uint_eq(all.n, 7);
    for (size_t i = 0; i < c.n; i++) {
        const gk_cell *x = &c.item[i];
        ck_assert_ptr_null(strstr(x->scheme, "placebo"));
        bool has = strcmp(x->scheme, "PRE") != 0 && strcmp(x->scheme, "both") != 0;
        ck_assert_int_eq(x->twin != NULL, has);
        if (!x->applies) continue;
        ck_assert_uint_eq(x->placebo.n, has ? x->stats.n : 0);
        if (strcmp(x->template_name, "pooled") == 0 && has)
            ck_assert_double_eq_tol(
                x->placebo.value[GK_METRIC_logit_diff],
                fx_sql("w.db", gk_arena_printf(fx_arena,
                                               "SELECT avg(r.logit_diff) FROM scheme s JOIN result r ON "
                                               "r.scheme = s.source WHERE s.name = '%s'",
                                               x->scheme)),
                1e-9);
    }
    gk_store_close(s);
    ck_assert_ptr_null(strstr(strchr(contents("r.db"), '\n'), "\nsmall,SFT (placebo"));
    /* Swept again, and without: what is there stays. */
    ck_assert_uint_eq(fx_sweep(&o), 0);
    o.n_placebo = 0;
    ck_assert_uint_eq(fx_sweep(&o), 0);
    ck_assert_double_eq(fx_sql("r.db", "SELECT count(*) FROM twin"), 5);
    ck_assert_double_eq(fx_sql("r.db", "SELECT value FROM run WHERE key = 'complete'"), 1);
}
END_TEST

START_TEST(placebos_that_are_none_are_refused) {
    static const char *const bad[][2] = {{"sft", "is no pair"},
                                         {"sft=nobody", "'nobody' is none of the run's models"},
                                         {"nobody=task", "'nobody' is none of the run's models"},
                                         {"sft=sft", "no placebo of itself"}};
    fx_write("placebo.yaml", PLACEBO);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gk_sweep_options o = with_task("r.db", "placebo.yaml");
        o.placebo = &bad[i][0];
        o.n_placebo = 1;
        fx_refused(&o, bad[i][1]);
        ck_assert(!gk_exists(fx_path("r.db")));
    }
    static const char *const twice[] = {"sft=task", "sft=pre"};
    gk_sweep_options o = with_task("r.db", "placebo.yaml");
    o.placebo = twice;
    o.n_placebo = 2;
    fx_refused(&o, "two placebos");
    /* Another one than the store has. */
    gk_sweep_options first = with_placebo("r.db", "small.yaml");
    fx_sweep(&first);
    static const char *const other[] = {"sft=pre"};
    first.placebo = other;
    fx_refused(&first, "has another placebo");
}
END_TEST

/* ---------------------------------------------------------------- permuted targets */

/* By the definition in graftkit/eval/prompts.h: who is `m` places on. */
static void check_permutation(const gk_prompts *p, const gk_permuted *q, size_t tmpl) {
    size_t n = 0, most = 0, met = 0;
    for (size_t i = tmpl; i < p->n; i += p->n_templates) {
        size_t same = 0;
        n += !p->item[i].dropped;
        for (size_t k = tmpl; k < p->n && !p->item[i].dropped; k += p->n_templates)
            same += !p->item[k].dropped && p->item[k].target_id == p->item[i].target_id;
        most = same > most ? same : most;
    }
    ck_assert_int_eq(q->why[tmpl] != NULL, 2 * most > n);
    for (size_t i = tmpl; i < p->n; i += p->n_templates) {
        const gk_prompt *it = &p->item[i];
        size_t before = 0, other_before = 0, takers = 0;
        if (it->dropped || q->why[tmpl]) {
            ck_assert_int_eq(q->other[i], -1);
            continue;
        }
        size_t other = (size_t)q->other[i];
        ck_assert_uint_eq(other % p->n_templates, tmpl);
        ck_assert(!p->item[other].dropped && p->item[other].target_id != it->target_id);
        for (size_t k = tmpl; k < p->n; k += p->n_templates) {
            const gk_prompt *x = &p->item[k];
            if (x->dropped) continue;
            takers += q->other[k] == (int64_t)other;
            char hex[3][2][GK_SHA256_HEX];
            const gk_prompt *of[3] = {it, &p->item[other], x};
            for (int h = 0; h < 3; h++) {
                const char *token = gk_arena_printf(fx_arena, "%llu|token|%d", (unsigned long long)q->seed,
                                                    (int)of[h]->target_id),
                           *row = gk_arena_printf(fx_arena, "%llu|row|%s", (unsigned long long)q->seed,
                                                  of[h]->row_key);
                gk_sha256_bytes(token, strlen(token), hex[h][0]);
                gk_sha256_bytes(row, strlen(row), hex[h][1]);
            }
            for (int h = 0; h < 2; h++) {
                int order = strcmp(hex[2][0], hex[h][0]);
                bool less = order < 0 || (order == 0 && strcmp(hex[2][1], hex[h][1]) < 0);
                *(h ? &other_before : &before) += less;
            }
        }
        ck_assert_uint_eq(takers, 1);
        ck_assert_uint_eq(other_before, (before + most) % n);
        met++;
    }
    ck_assert(q->why[tmpl] || met == n);
}

START_TEST(every_fact_gets_anothers_target) {
    gk_tok *tok = gk_tok_load(fx_path("tok"), NULL);
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    o.prompts.rows = spread_rows();
    for (int limit = 1; limit <= 30; limit += limit < 4 ? 1 : 13) {
        gk_prompts p;
        gk_permuted q;
        gk_error err;
        o.prompts.limit = limit;
        ck_assert(gk_prompts_load(fx_arena, &o.prompts, tok, 64, &p, &err));
        gk_prompts_permute(fx_arena, &p, 5, &q);
        for (size_t t = 0; t < p.n_templates; t++) check_permutation(&p, &q, t);
        ck_assert(limit > 1 || q.why[0]); /* one fact has no other */
        ck_assert(limit < 30 || !q.why[0]);
    }
    gk_tok_free(tok);
}
END_TEST

/* The 20 most probable tokens, which the store has of each result, tell of many of the others' targets. */
static bool check_against_top(void *ctx, const gk_result *r, gk_error *err) {
    (void)err;
    size_t *met = ctx;
    if (r->dropped) return true;
    ck_assert(r->permuted.there && r->permuted_id >= 0 && r->permuted_id != r->target_id);
    ck_assert_double_le(r->permuted.logprob, 0);
    ck_assert((r->permuted.rank == 0) == (r->permuted.logit_diff >= 0));
    if (r->permuted.rank >= GK_TOP) return true;
    met[0]++;
    ck_assert_double_eq_tol(exp(r->permuted.logprob), r->top_prob[r->permuted.rank], 1e-6);
    ck_assert_double_eq_tol(r->permuted.logit_diff,
                            r->permuted.logprob - log(r->top_prob[r->permuted.rank == 0]), 1e-4);
    return true;
}

START_TEST(permuted_targets_are_scored) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    o.prompts.rows = spread_rows();
    fx_sweep(&o);
    gk_store *s = gk_store_open(fx_path("r.db"), NULL);
    size_t met = 0;
    gk_cells c;
    ck_assert(gk_store_each(s, check_against_top, &met, NULL) && gk_store_cells(s, fx_arena, &c, NULL));
    gk_store_close(s);
    ck_assert_uint_gt(met, 10);
    for (size_t i = 0; i < c.n; i++) ck_assert_uint_eq(c.item[i].permuted.n, c.item[i].stats.n);
    ck_assert_double_eq_tol(c.item[3].permuted.value[GK_METRIC_logit_diff],
                            fx_sql("r.db", "SELECT avg(logit_diff) FROM permuted_result WHERE scheme = 1"),
                            1e-9);
    /* A sweep with another seed adds to the same. */
    const char *before = "SELECT sum((prompt + 1) * other) FROM permuted";
    double sum = fx_sql("r.db", before);
    gk_sweep_options more = fx_options("r.db", "more.yaml", NULL);
    more.seed = 99;
    more.prompts.rows = o.prompts.rows;
    fx_sweep(&more);
    ck_assert_double_eq(fx_sql("r.db", before), sum);
    ck_assert_double_eq(fx_sql("r.db", "SELECT value FROM run WHERE key = 'permuted_seed'"), 5);
    ck_assert_double_eq(fx_sql("r.db", "SELECT count(*) FROM permuted_result"),
                        fx_sql("r.db", "SELECT count(*) FROM result WHERE dropped IS NULL"));
}
END_TEST

START_TEST(where_no_other_target_is_that_is_said) {
    fx_write("one.jsonl", "{\"id\": 1, \"first_actor\": \"Ada Kane\", \"second_actor\": \"Bo Lund\", "
                          "\"movie_title\": \"Blue River\"}\n"
                          "{\"id\": 2, \"first_actor\": \"Cleo Moss\", \"second_actor\": \"Bo Nash\", "
                          "\"movie_title\": \"Blue River\"}\n");
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    o.prompts.rows = fx_path("one.jsonl");
    fx_sweep(&o);
    ck_assert_double_eq(fx_sql("r.db", "SELECT count(*) FROM permuted_result"), 0);
    ck_assert_double_eq(fx_sql("r.db", "SELECT count(*) FROM permuted WHERE other IS NULL AND reason LIKE "
                                       "'2 of the 2 targets begin with the same token%'"),
                        fx_sql("r.db", "SELECT count(*) FROM prompt WHERE dropped IS NULL"));
    gk_store *s = gk_store_open(fx_path("r.db"), NULL);
    gk_cells c;
    ck_assert(gk_store_cells(s, fx_arena, &c, NULL));
    for (size_t i = 0; i < c.n; i++) ck_assert_uint_eq(c.item[i].permuted.n, 0);
    gk_store_close(s);
}
END_TEST

/* A store that was made before there were floors. */
START_TEST(an_older_store_has_none) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    o.prompts.rows = spread_rows();
    fx_sweep(&o);
    sqlite3 *d;
    ck_assert_int_eq(sqlite3_open(fx_path("r.db"), &d), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_exec(d,
                     "DROP VIEW results; DROP VIEW coincidence; DROP TABLE selection; DROP TABLE "
                     "permuted_result; DROP TABLE permuted; DROP TABLE twin",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(d);
    for (int again = 0; again < 2; again++) {
        gk_store *s = gk_store_open(fx_path("r.db"), NULL);
        gk_cells c;
        ck_assert_ptr_nonnull(s);
        ck_assert(gk_store_cells(s, fx_arena, &c, NULL));
        ck_assert(gk_export_results(s, fx_path("old.csv"), NULL));
        gk_store_close(s);
        ck_assert_uint_eq(c.n, 30);
        for (size_t i = 0; i < c.n; i++)
            ck_assert(c.item[i].permuted.n == 0 && c.item[i].placebo.n == 0 && !*c.item[i].left_out);
        ck_assert_uint_eq(fx_sweep(&o), 0); /* its results stay as they are */
    }
    ck_assert_double_gt(fx_sql("r.db", "SELECT count(permuted_id) FROM results"), 0);
}
END_TEST

/* ---------------------------------------------------------------- schemes that select the same */

static const char SAME[] =
    "set: same\n"
    "schemes:\n"
    "  - {name: PRE}\n"
    "  - {name: P, grafts: [{at: preposition, donor: sft}]}\n"
    "  - {name: LT, grafts: [{at: last, donor: sft}]}\n"
    "  - {name: FE+P, grafts: [{at: [first_actor, preposition], donor: sft}]}\n"
    "  - {name: FE+LT, grafts: [{at: [first_actor, last], donor: sft}]}\n"
    "  - {name: FE+P+LT, grafts: [{at: [first_actor, preposition, last], donor: sft}]}\n"
    "  - {name: (FE+P)^C, grafts: [{at: {not: [first_actor, preposition]}, donor: sft}]}\n"
    "  - {name: (FE+P+LT)^C, grafts: [{at: {not: [first_actor, preposition, last]}, donor: sft}]}\n"
    "  - {name: LT too, grafts: [{at: {after: -2}, donor: sft}]}\n";

static const gk_cell *cell(const gk_cells *c, const char *scheme, const char *tmpl) {
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->item[i].scheme, scheme) == 0 && strcmp(c->item[i].template_name, tmpl) == 0)
            return &c->item[i];
    ck_abort_msg("no cell %s / %s", scheme, tmpl);
    return NULL;
}

START_TEST(what_is_one_in_a_template_is_said_and_not_pooled) {
    fx_write("eval.jsonl", "{\"template\": \"{first_actor} {relation} in a movie {preposition}\"}\n"
                           "{\"template\": \"{first_actor} {relation} {preposition} the actor\"}\n");
    fx_write("fillers.json", "{\"relation\": \"stars\", \"preposition\": \"alongside\"}");
    fx_write("same.yaml", SAME);
    gk_sweep_options o = fx_options("r.db", "same.yaml", NULL);
    o.prompts.rows = spread_rows();
    fx_sweep(&o);
    gk_store *s = gk_store_open(fx_path("r.db"), NULL);
    gk_cells c;
    gk_outcomes all;
    ck_assert(gk_store_cells(s, fx_arena, &c, NULL) && gk_outcomes_read(s, fx_arena, &all, NULL));
    gk_store_close(s);
    static const struct {
        const char *scheme, *same_as, *left_out;
    } want[] = {{"PRE", "", ""},
                {"P", "LT\nLT too", "1"},
                {"LT", "P\nLT too", ""},
                {"LT too", "P\nLT", ""},
                {"FE+P", "FE+LT\nFE+P+LT", "1"},
                {"FE+LT", "FE+P\nFE+P+LT", ""},
                {"FE+P+LT", "FE+P\nFE+LT", ""},
                {"(FE+P)^C", "(FE+P+LT)^C", "1"},
                {"(FE+P+LT)^C", "(FE+P)^C", ""}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const gk_cell *one = cell(&c, want[i].scheme, "1"), *two = cell(&c, want[i].scheme, "2"),
                      *pool = cell(&c, want[i].scheme, "pooled");
        ck_assert_str_eq(one->same_as, want[i].same_as);
        ck_assert_str_eq(pool->left_out, want[i].left_out);
        ck_assert_uint_eq(pool->stats.n, two->stats.n + (*want[i].left_out ? 0 : one->stats.n));
        ck_assert_uint_eq(gk_outcomes_of(&all, want[i].scheme)->n, pool->stats.n);
        ck_assert_uint_eq(pool->permuted.n, pool->stats.n);
    }
    ck_assert_str_eq(cell(&c, "LT", "2")->same_as, "LT too"); /* everywhere: no template is an exception */
    gk_paired d;
    gk_pair(gk_outcomes_of(&all, "FE+LT"), gk_outcomes_of(&all, "FE+P+LT"), 1, 0, &d);
    ck_assert_uint_eq(d.n, cell(&c, "FE+LT", "2")->stats.n); /* in the first they are one */
    gk_pair(gk_outcomes_of(&all, "LT"), gk_outcomes_of(&all, "LT too"), 1, 0, &d);
    ck_assert_uint_eq(d.n, 0);
    gk_pair(gk_outcomes_of(&all, "PRE"), gk_outcomes_of(&all, "FE+LT"), 1, 0, &d);
    ck_assert_uint_eq(d.n, cell(&c, "PRE", "pooled")->stats.n);
}
END_TEST

/* ---------------------------------------------------------------- how alike */

/* Shrout and Fleiss (1979), six targets and four judges: ICC(1,1) is .17. */
START_TEST(icc_is_the_textbooks) {
    static const double x[6][4] = {{9, 2, 5, 8}, {6, 1, 3, 2},  {8, 4, 6, 8},
                                   {7, 1, 2, 6}, {10, 5, 6, 9}, {6, 2, 4, 7}};
    gk_obs obs[24];
    for (uint32_t i = 0; i < 24; i++)
        obs[i] = (gk_obs){
            .row = 7 * (i % 6), .weight = 1, .logit_diff = x[i % 6][i / 6], .rank = i % 6 < 2 ? 0 : 9};
    ck_assert_double_eq_tol(gk_icc(obs, 24, GK_METRIC_logit_diff), 0.16574, 1e-5);
    ck_assert_double_eq_tol(gk_icc(obs, 24, GK_METRIC_top5), 1, 1e-12); /* the same in all of a row */
    /* Rows of one, two and three observations, by hand: means 1, 3, 3 around 2 2/3; k0 = (6 - 14/6) / 2. */
    static const double y[] = {1, 2, 4, 2, 3, 4};
    static const uint32_t row[] = {0, 1, 1, 2, 2, 2};
    for (int i = 0; i < 6; i++) obs[i] = (gk_obs){.row = row[i], .weight = 1, .logit_diff = y[i]};
    double msb = (1 * 25.0 / 9 + 2 * 1.0 / 9 + 3 * 1.0 / 9) / 2, msw = (2 + 2) / 3.0, k0 = (6 - 14 / 6.0) / 2;
    ck_assert_double_eq_tol(gk_icc(obs, 6, GK_METRIC_logit_diff), (msb - msw) / (msb + (k0 - 1) * msw),
                            1e-12);
    ck_assert(isnan(gk_icc(obs, 1, GK_METRIC_logit_diff)) && isnan(gk_icc(obs, 0, GK_METRIC_top5)));
    ck_assert(isnan(gk_icc(obs, 2, GK_METRIC_logit_diff))); /* two rows of one each */
    gk_stats s;
    gk_stats_compute(obs, 6, 1, 0, &s);
    ck_assert_double_eq(s.icc_logit_diff, gk_icc(obs, 6, GK_METRIC_logit_diff));
    ck_assert_uint_eq(s.rows, 3);
}
END_TEST

int main(void) {
    Suite *s = suite_create("floors");
    TCase *t = tcase_create("floors");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, fx_start, fx_stop);
    tcase_add_test(t, a_twin_is_the_scheme_with_another_donor);
    tcase_add_test(t, placebos_that_are_none_are_refused);
    tcase_add_test(t, every_fact_gets_anothers_target);
    tcase_add_test(t, permuted_targets_are_scored);
    tcase_add_test(t, where_no_other_target_is_that_is_said);
    tcase_add_test(t, an_older_store_has_none);
    tcase_add_test(t, what_is_one_in_a_template_is_said_and_not_pooled);
    tcase_add_test(t, icc_is_the_textbooks);
    suite_add_tcase(s, t);
    return run_suite(s);
}
