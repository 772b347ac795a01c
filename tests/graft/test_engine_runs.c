/* test_engine_runs.c: what results must not depend on: threads, workers, memory that is kept, the types of
 * weights. modules: graft model tokenizer core */
#include "graftkit/core/threads.h"
#include "graftkit/model/checkpoint.h"
#include "tests/support/engine_fixture.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { N_JOBS = 60 };

/* 12 prompts of 5 plans each. */
static void make_jobs(bench *b, gk_job jobs[N_JOBS]) {
    for (int i = 0; i < N_JOBS; i++) {
        int n = 3 + i / 5 % 6;
        const int32_t *token = i % 5 ? jobs[i - 1].token : random_tokens(b, n, 6);
        jobs[i] = (gk_job){token, n, i % 2 ? random_plan(b, n) : block_plan(b, n)};
    }
}

static int by_logit(const float *logits, int rank) {
    int best = -1;
    bool taken[VOCAB] = {false};
    for (int r = 0; r <= rank; r++) {
        best = -1;
        for (int i = 0; i < VOCAB; i++)
            if (!taken[i] && (best < 0 || logits[i] > logits[best])) best = i;
        taken[best] = true;
    }
    return best;
}

/* The same numbers to 1e-4, and the same order of the first five wherever they are further apart than that.
 */
static void same_answers(const results *a, const results *b, int n) {
    for (int i = 0; i < n; i++) {
        close_to(a->logits[i], b->logits[i], 1e-4);
        for (int r = 0; r < 5; r++) {
            int x = by_logit(a->logits[i], r), y = by_logit(b->logits[i], r);
            ck_assert(x == y || fabsf(b->logits[i][x] - b->logits[i][y]) < 2e-4f);
        }
    }
}

START_TEST(threads_do_not_matter) {
    bench b = start_kind(_i, 600 + (uint64_t)_i);
    gk_job jobs[N_JOBS];
    make_jobs(&b, jobs);
    gk_threads_set(1);
    results *one = run(&b, jobs, N_JOBS, (size_t)1 << 30, NULL);
    for (int threads = 2; threads <= 4; threads += 2) {
        gk_threads_set(threads);
        results *workers = run(&b, jobs, N_JOBS, (size_t)1 << 30, NULL);
        same_answers(workers, one, N_JOBS);
        /* Whoever takes which chunk: the same bytes again. */
        ck_assert_mem_eq(run(&b, jobs, N_JOBS, (size_t)1 << 30, NULL)->logits, workers->logits,
                         sizeof workers->logits);
    }
    /* Too little memory for workers: the threads share every operator. */
    gk_threads_set(2);
    same_answers(run(&b, jobs, N_JOBS, 1 << 20, NULL), one, N_JOBS);
    gk_threads_set(0);
    stop(&b);
}
END_TEST

START_TEST(a_stop_is_the_last_call) {
    bench b = start_kind(0, 7);
    gk_job jobs[N_JOBS];
    make_jobs(&b, jobs);
    gk_threads_set(4);
    for (size_t after = 1; after < 20; after += 6) {
        results *r = gk_arena_alloc(b.a, sizeof *r);
        r->stop_after = after;
        ck_assert(!gk_graft_run(&b.cast, jobs, N_JOBS, (size_t)1 << 30, keep, r, NULL, NULL));
        ck_assert_uint_eq(r->n_calls, after);
    }
    gk_threads_set(0);
    stop(&b);
}
END_TEST

/* Plans of one model give the bits that a cast of that model alone gives, whatever else is in the cast. */
START_TEST(single_models_are_not_touched_by_others) {
    bench b = start_kind(_i, 650 + (uint64_t)_i);
    gk_job jobs[12];
    for (int i = 0; i < 12; i++) {
        int n = 1 + i % LONGEST;
        jobs[i] = (gk_job){random_tokens(&b, n, VOCAB), n, single(&b, n, 1)};
    }
    results *among = run(&b, jobs, 12, (size_t)1 << 30, NULL);
    bench alone = b;
    alone.cast = (gk_cast){.name = {"sft"}, .model = {b.own[1]}, .n = 1};
    for (int i = 0; i < 12; i++) jobs[i].plan = single(&b, jobs[i].n, 0);
    ck_assert_mem_eq(run(&alone, jobs, 12, (size_t)1 << 30, NULL)->logits, among->logits,
                     sizeof among->logits);
    stop(&b);
}
END_TEST

/* ---------------------------------------------------------------- an engine that stays */

/* Each job's first logit. */
static bool first_logit(void *ctx, size_t job, const float *logits) {
    ((double *)ctx)[job] = (double)logits[0];
    return true;
}

START_TEST(an_engine_keeps_its_memory_and_nothing_else) {
    enum { BUDGET = 400000 };
    bench b = start_kind(_i, 700 + (uint64_t)_i);
    gk_job jobs[N_JOBS];
    make_jobs(&b, jobs);
    gk_error err;
    gk_threads_set(1);
    gk_grafter *g = gk_grafter_new(&b.cast, &err);
    double first[N_JOBS] = {0}, again[N_JOBS] = {0};
    gk_graft_stats before = {0}, after = {0};
    ck_assert(gk_grafter_run(g, jobs, N_JOBS, BUDGET, first_logit, first, &before, &err));
    for (int i = 0; i < 20; i++) {
        after = (gk_graft_stats){0};
        ck_assert(
            gk_grafter_run(g, jobs + i, (size_t)(N_JOBS - i), BUDGET, first_logit, again, &after, &err));
    }
    ck_assert(gk_grafter_run(g, jobs, N_JOBS, BUDGET, first_logit, again, &after, &err));
    ck_assert_mem_eq(first, again, sizeof first);
    ck_assert_uint_le(after.peak_bytes, before.peak_bytes + before.peak_bytes / 10);
    ck_assert_uint_le(after.peak_bytes, BUDGET + BUDGET / 10);
    gk_threads_set(0);
    gk_grafter_free(g);
    stop(&b);
}
END_TEST

START_TEST(counting_is_exact_and_computes_nothing) {
    bench b = start_kind(_i, 800 + (uint64_t)_i);
    gk_job jobs[N_JOBS];
    make_jobs(&b, jobs);
    gk_error err;
    gk_threads_set(1);
    gk_graft_stats counted = {0}, real = {0};
    gk_grafter *g = gk_grafter_new(&b.cast, &err);
    ck_assert(gk_grafter_count(g, jobs, N_JOBS, NULL, &counted, &err));
    run(&b, jobs, N_JOBS, (size_t)1 << 32, &real);
    ck_assert_uint_eq(counted.rows_naive, real.rows_naive);
    ck_assert_uint_eq(counted.rows_unique, real.rows_unique);
    ck_assert_double_eq(counted.flops, real.flops);
    ck_assert_uint_eq(counted.peak_bytes, 0);
    size_t told = gk_graft_memory(gk_model_config(b.cast.model[0]), jobs, N_JOBS, (size_t)1 << 32);
    ck_assert_uint_le(real.peak_bytes, told + told / 10);
    ck_assert_uint_eq(gk_graft_memory(gk_model_config(b.cast.model[0]), jobs, N_JOBS, 1000), 1000);
    gk_job bad = jobs[0];
    bad.n = 0;
    ck_assert(!gk_grafter_count(g, &bad, 1, NULL, &counted, &err));
    gk_grafter_free(g);
    gk_threads_set(0);
    stop(&b);
}
END_TEST

/* Logits come in blocks of rows: a vocabulary so large that a chunk needs several of them. */
START_TEST(blocks_of_logits_are_joined) {
    enum { MANY = 140 };
    gk_config c = tiny("llama", 2);
    c.vocab = 200000;
    c.tied = true;
    gk_model *m = gk_model_new(&c, 1, NULL);
    gk_cast cast = {.name = {"pre"}, .model = {m}, .n = 1};
    gk_arena *a = gk_arena_new();
    gk_plan p = gk_plan_single(a, &c, 2, 0);
    gk_job jobs[MANY];
    int32_t token[MANY][2];
    double many[MANY] = {0}, alone[1];
    for (int i = 0; i < MANY; i++) {
        token[i][0] = 7 * i;
        token[i][1] = 3;
        jobs[i] = (gk_job){token[i], 2, &p};
    }
    gk_threads_set(1);
    ck_assert(gk_graft_run(&cast, jobs, MANY, (size_t)1 << 34, first_logit, many, NULL, NULL));
    for (int i = 0; i < MANY; i += 9) {
        ck_assert(gk_graft_run(&cast, &jobs[i], 1, 1 << 20, first_logit, alone, NULL, NULL));
        ck_assert_double_eq_tol(alone[0], many[i], 1e-5);
    }
    gk_threads_set(0);
    gk_arena_free(a);
    gk_model_free(m);
}
END_TEST

/* ---------------------------------------------------------------- 16-bit weights */

/* Every weight becomes a value that F16 and BF16 both hold exactly. */
static void round_weights(gk_model *m) {
    const gk_param *list;
    size_t n = gk_model_params(m, &list);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < list[i].count; j++) {
            float *w = gk_model_data(m) + list[i].offset + j;
            uint32_t bits;
            memcpy(&bits, w, sizeof bits);
            bits = fabsf(*w) < 0.001f ? 0 : bits & 0xffff0000u;
            memcpy(w, &bits, sizeof bits);
        }
}

static uint16_t narrow_bits(uint32_t bits, bool half) {
    if (!half || bits == 0) return (uint16_t)(bits >> 16);
    uint32_t exponent = (bits >> 23 & 0xff) - 112, sign = bits >> 16 & 0x8000;
    return (uint16_t)(sign | exponent << 10 | (bits >> 13 & 0x3ff));
}

/* The F32 checkpoint in `dir` as a 16-bit one: half the bytes, half the offsets, another type. */
static void narrow_file(scratch *s, const char *dir, bool half) {
    const char *path = gk_path_join(s->a, dir, "model.safetensors");
    size_t len;
    char *file = gk_read_file(s->a, path, 1 << 28, &len, NULL);
    uint64_t head;
    memcpy(&head, file, 8);
    json_t *all = json_loadb(file + 8, head, 0, NULL), *t;
    const char *name;
    json_object_foreach(all, name, t) {
        if (strcmp(name, "__metadata__") == 0) continue;
        json_object_set_new(t, "dtype", json_string(half ? "F16" : "BF16"));
        json_t *at = json_object_get(t, "data_offsets");
        for (size_t i = 0; i < 2; i++)
            json_array_set_new(at, i, json_integer(json_integer_value(json_array_get(at, i)) / 2));
    }
    char *text = json_dumps(all, JSON_COMPACT);
    gk_buf out = {0};
    uint64_t size = (strlen(text) + 7) / 8 * 8;
    gk_buf_add(&out, (const char *)&size, 8);
    gk_buf_printf(&out, "%-*s", (int)size, text);
    for (size_t i = 8 + head; i + 4 <= len; i += 4) {
        uint32_t bits;
        memcpy(&bits, file + i, 4);
        uint16_t h = narrow_bits(bits, half);
        gk_buf_add(&out, (const char *)&h, 2);
    }
    ck_assert(gk_write_file(path, out.data, out.len, NULL));
    gk_buf_free(&out);
    free(text);
    json_decref(all);
}

static gk_model *reopened(scratch *s, const gk_model *m, const char *name, bool half) {
    gk_error err;
    const char *dir = scratch_path(s, name);
    ck_assert(gk_model_save(m, dir, &err));
    narrow_file(s, dir, half);
    gk_model *opened = gk_model_open(dir, &err);
    ck_assert_msg(opened != NULL, "%s", err.what);
    return opened;
}

/* Against the definition on the same values as floats: all stored in 16 bits, and beside an F32 model. */
START_TEST(sixteen_bit_checkpoints) {
    bool half = _i % 2;
    bench b = start_kind(_i / 2, 900 + (uint64_t)_i);
    scratch s = scratch_new();
    gk_model *narrow[4];
    gk_job jobs[20];
    float want[20][VOCAB];
    for (int m = 0; m < b.cast.n; m++) {
        round_weights(b.own[m]);
        narrow[m] = reopened(&s, b.own[m], b.cast.name[m], half);
    }
    for (int i = 0; i < 20; i++) {
        int n = 2 + i % 6;
        jobs[i] = (gk_job){random_tokens(&b, n, VOCAB), n, random_plan(&b, n)};
        reference_logits(&b, &jobs[i], want[i]);
    }
    for (int m = b.cast.n - 1; m >= 0; m--) {
        b.cast.model[m] = narrow[m];
        results *r = run(&b, jobs, 20, 1 << 30, NULL);
        for (int i = 0; i < 20; i++) close_to(r->logits[i], want[i], 1e-4);
    }
    /* A donor that holds the recipient's values in another type changes not one bit. */
    b.cast.model[0] = b.own[0];
    b.cast.model[1] = narrow[0];
    b.cast.n = 2;
    jobs[0].plan = single(&b, jobs[0].n, 0);
    jobs[1] = (gk_job){jobs[0].token, jobs[0].n, random_plan(&b, jobs[0].n)};
    for (int i = 0; i < jobs[1].plan->n_slots * jobs[1].n; i++) jobs[1].plan->model[i] &= 1;
    results *r = run(&b, jobs, 2, 1 << 30, NULL);
    ck_assert_mem_eq(r->logits[0], r->logits[1], sizeof r->logits[0]);
    b.cast.n = KINDS[_i / 2].n_models;
    for (int m = 0; m < b.cast.n; m++) gk_model_free(narrow[m]);
    scratch_free(&s);
    stop(&b);
}
END_TEST

/* Models whose products are bf16 (they round what they multiply, too): as near as eight bits let them be. */
START_TEST(narrow_models) {
    bench b = start_kind(_i, 1000 + (uint64_t)_i);
    gk_job jobs[20];
    float want[20][VOCAB];
    for (int i = 0; i < 20; i++) {
        int n = 2 + i % 6;
        jobs[i] = (gk_job){random_tokens(&b, n, VOCAB), n, random_plan(&b, n)};
        reference_logits(&b, &jobs[i], want[i]);
    }
    for (int m = 0; m < b.cast.n; m++) ck_assert(gk_model_narrow(b.own[m], NULL));
    results *r = run(&b, jobs, 20, 1 << 30, NULL);
    for (int i = 0; i < 20; i++) close_to(r->logits[i], want[i], 0.08);
    stop(&b);
}
END_TEST

static bool keep_alone(void *ctx, size_t job, const float *logits) {
    bool ok;
#pragma omp critical
    ok = keep(ctx, job, logits);
    return ok;
}

/* How many jobs there are, of how many threads and in what chunks no longer shows in what is kept: the same
 * bits. */
START_TEST(kept_matrices_give_the_same) {
    bench b = start_kind(_i, 900 + (uint64_t)_i);
    gk_job jobs[N_JOBS];
    make_jobs(&b, jobs);
    gk_error err;
    results *plain = run(&b, jobs, N_JOBS, (size_t)1 << 30, NULL), *first = NULL;
    gk_grafter *g = gk_grafter_new(&b.cast, &err);
    size_t all = gk_grafter_keep(g, SIZE_MAX);
    ck_assert_uint_gt(all, 0);
    ck_assert_uint_le(gk_grafter_keep(g, all - 1), all - 1);
    ck_assert_uint_eq(gk_grafter_keep(g, all), all);
    static const struct {
        int threads;
        size_t budget;
    } WAYS[] = {{1, 1 << 30}, {1, 300000}, {3, 1 << 30}, {2, 300000}};
    for (size_t w = 0; w < sizeof WAYS / sizeof *WAYS; w++) {
        results *kept = gk_arena_alloc(b.a, sizeof *kept);
        gk_graft_stats stats = {0};
        memset(kept, 0, sizeof *kept);
        gk_threads_set(WAYS[w].threads);
        ck_assert(gk_grafter_run(g, jobs, N_JOBS, WAYS[w].budget, keep_alone, kept, &stats, &err));
        ck_assert_uint_gt(stats.peak_bytes, all);
        for (int i = 0; i < N_JOBS; i++) {
            close_to(kept->logits[i], plain->logits[i], 1e-5);
            if (first) ck_assert_mem_eq(kept->logits[i], first->logits[i], sizeof kept->logits[i]);
        }
        first = first ? first : kept;
    }
    gk_threads_set(0);
    gk_grafter_free(g);
    stop(&b);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("runs");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, threads_do_not_matter, 0, N_KINDS);
    tcase_add_loop_test(t, single_models_are_not_touched_by_others, 0, N_KINDS);
    tcase_add_test(t, a_stop_is_the_last_call);
    tcase_add_loop_test(t, an_engine_keeps_its_memory_and_nothing_else, 0, N_KINDS);
    tcase_add_loop_test(t, counting_is_exact_and_computes_nothing, 0, N_KINDS);
    tcase_add_loop_test(t, kept_matrices_give_the_same, 0, N_KINDS);
    tcase_add_test(t, blocks_of_logits_are_joined);
    tcase_add_loop_test(t, sixteen_bit_checkpoints, 0, 2 * N_KINDS);
    tcase_add_loop_test(t, narrow_models, 0, N_KINDS);
    Suite *s = suite_create("engine_runs");
    suite_add_tcase(s, t);
    return run_suite(s);
}
