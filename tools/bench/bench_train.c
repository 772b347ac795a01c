/* bench_train.c: training throughput: whole steps (forward, backward, clipping, AdamW) on random weights.
 *
 * Without options: the default model of two families on small ragged batches of random tokens; --write also
 * writes them (one text a line, ids separated by blanks, a blank line after each batch), for
 * tools/bench/bench_train_torch.py to run the same ones. --shape: a published model's shape, with the
 * time its products alone would take at the best rate measured here (the floor). --texts: that shape on real
 * texts. tools/bench/bench_train.sh (make bench-train) sets each beside PyTorch. */
#include "graftkit/core/file.h"
#include "graftkit/core/progress.h"
#include "graftkit/core/random.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/operators.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "graftkit/tokenizer.h"
#include "graftkit/train/corpus.h"
#include "graftkit/train/optimizer.h"
#include "graftkit/train/recipe.h"
#include "graftkit/train/training.h"
#include "tools/bench/shapes.h"
#include "tools/tools.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* ---------------------------------------------------------------- batches */

typedef struct made {
    gk_batch batch;
    int32_t *token, *target, *start;
} made;

/* `texts` texts of random tokens, of shortest to longest rows; `predict_last` (a random token) or not. */
static void make_batch(gk_rng *rng, int vocab, int texts, int shortest, int longest, bool predict_last,
                       gk_arena *a, made *m) {
    size_t most = (size_t)texts * (size_t)longest;
    m->token = gk_arena_alloc(a, most * sizeof *m->token);
    m->target = gk_arena_alloc(a, most * sizeof *m->target);
    m->start = gk_arena_alloc(a, ((size_t)texts + 1) * sizeof *m->start);
    int n = 0;
    for (int s = 0; s < texts; s++) {
        int len = shortest + (int)gk_rng_below(rng, (uint64_t)(longest - shortest + 1));
        m->start[s] = n;
        for (int i = 0; i < len; i++) m->token[n + i] = (int32_t)gk_rng_below(rng, (uint64_t)vocab);
        for (int i = 0; i + 1 < len; i++) m->target[n + i] = m->token[n + i + 1];
        m->target[n + len - 1] = predict_last ? (int32_t)gk_rng_below(rng, (uint64_t)vocab) : -1;
        n += len;
    }
    m->start[texts] = n;
    m->batch = (gk_batch){n, texts, m->token, m->target, m->start};
}

static bool write_batches(const char *path, const made *batches, int n_batches, gk_error *err) {
    gk_out out;
    if (!gk_out_open(path, &out, err)) return false;
    for (int b = 0; b < n_batches; b++) {
        const made *m = &batches[b];
        for (int s = 0; s < m->batch.n_seqs; s++)
            for (int i = m->start[s]; i < m->start[s + 1]; i++)
                fprintf(out.f, "%d%s", m->token[i], i + 1 < m->start[s + 1] ? " " : "\n");
        fputc('\n', out.f);
    }
    return gk_out_commit(&out, err);
}

/* ---------------------------------------------------------------- steps */

enum { MOST_STEPS = 1000 };

typedef enum mode { FP32, BF16, LEAN } mode;
static const char *const MODES[] = {"fp32", "bf16", "lean"};

typedef struct trainer {
    mode mode;
    gk_model *model;
    gk_session *session;
    gk_adamw *adamw; /* NULL: lean */
    gk_lean *lean;
    float *grad;
    uint32_t *frozen; /* masks; NULL: none */
    double phase[MOST_STEPS][GK_N_PHASES];
    double lr;
    int warmup, done;                             /* steps: not timed; taken */
    double total[MOST_STEPS], passes[MOST_STEPS], /* seconds of each timed step: all, forward and backward, */
        norm[MOST_STEPS], update[MOST_STEPS], cpu[MOST_STEPS], /* gradient norm, AdamW, all threads' time, */
        loss;                                                  /* last mean loss */
} trainer;

static void trainer_close(trainer *t) {
    gk_free(t->grad);
    gk_free(t->frozen);
    gk_adamw_free(t->adamw);
    gk_lean_free(t->lean);
    gk_session_free(t->session);
    gk_model_free(t->model);
}

static bool optimiser_open(trainer *t, gk_error *err) {
    const gk_param *params;
    size_t n = gk_model_params(t->model, &params);
    gk_adamw_opts o = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .weight_decay = 0.01, .decay_embed = true};
    if (t->mode == LEAN) {
        t->lean = gk_lean_new(t->model, &o, t->frozen, 1, 1, err);
        return t->lean != NULL;
    }
    t->adamw = gk_adamw_new(params, n, gk_model_floats(t->model), &o, t->frozen, err);
    if (!t->adamw) return false;
    gk_adamw_narrow(t->adamw, gk_model_narrowed(t->model));
    t->grad = gk_alloc(gk_adamw_floats(t->adamw) * sizeof *t->grad);
    return true;
}

static bool find_frozen(trainer *t, const gk_config *c, const char *freeze, gk_error *err) {
    gk_recipe r;
    gk_recipe_default(&r);
    if (!freeze) return true;
    t->frozen = gk_alloc(((size_t)c->n_layers + 1) * sizeof *t->frozen);
    return gk_recipe_set(&r, "freeze", freeze, GK_AT_FIELD(NULL, "--freeze"), err) &&
           gk_recipe_frozen(&r, c, t->frozen, err);
}

static bool trainer_open(trainer *t, const gk_config *c, int rows, mode how, const char *freeze, double lr,
                         int warmup, gk_error *err) {
    *t = (trainer){.mode = how, .lr = lr, .warmup = warmup};
    bool ok = find_frozen(t, c, freeze, err);
    gk_session_opts o = {.max_rows = rows,
                         .backward = true,
                         .recompute = how == LEAN,
                         .narrow = how != FP32,
                         .frozen = t->frozen};
    t->model = ok ? gk_model_new(c, 1, err) : NULL;
    ok = t->model != NULL;
    if (ok && how == BF16) ok = gk_model_narrow(t->model, err);
    if (ok && how == LEAN) ok = gk_model_lean(t->model, err);
    t->session = ok ? gk_session_make(c, &o, err) : NULL;
    ok = t->session && optimiser_open(t, err);
    if (!ok) trainer_close(t);
    return ok;
}

/* Gradient norm and update; a lean model's are parts of the passes. */
static void update(trainer *t, double *normed) {
    double norm = gk_adamw_norm(t->adamw, t->grad);
    *normed = gk_now();
    gk_adamw_step(t->adamw, gk_model_data(t->model), t->grad, t->done + 1, t->lr, gk_clip_factor(norm, 1));
}

/* Of all threads together: another process that takes a core away hardly changes it. */
static double cpu_seconds(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static bool step(trainer *t, const gk_batch *b, gk_error *err) {
    int64_t targets = 0;
    double cpu = cpu_seconds();
    for (int i = 0; i < b->n_rows; i++) targets += b->target[i] >= 0;
    double start = gk_now(), sum;
    gk_backprop p = t->lean ? gk_lean_begin(t->lean, t->done + 1, t->lr) : (gk_backprop){.grad = t->grad};
    p.scale = 1.0f / (float)targets;
    if (!gk_forward_backward(t->session, t->model, b, &p, &sum, &targets, err)) return false;
    double passed = gk_now(), normed = passed;
    if (t->adamw) update(t, &normed);
    double end = gk_now();
    t->loss = sum / (double)targets;
    int i = t->done++ - t->warmup;
    if (i < 0) return true;
    t->total[i] = end - start;
    t->passes[i] = passed - start;
    t->norm[i] = normed - passed;
    t->update[i] = end - normed;
    t->cpu[i] = cpu_seconds() - cpu;
    gk_session_phases(t->session, t->phase[i]);
    return true;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts. */
static double median(double *x, int n) {
    qsort(x, (size_t)n, sizeof *x, by_value);
    return x[n / 2];
}

/* Steps that take differently long are told by their rate. */
static double median_rate(const trainer *t, const made *batches, int n) {
    double rate[MOST_STEPS];
    for (int i = 0; i < n; i++) rate[i] = batches[t->warmup + i].batch.n_rows / t->total[i];
    return median(rate, n);
}

static double peak_gib(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss / (1 << 20);
}

/* ---------------------------------------------------------------- the floor */

static double attention_flops(const gk_config *c, const gk_batch *b) {
    double flops = 0;
    for (int s = 0; s < b->n_seqs; s++)
        flops += gk_train_attention_flops(c, b->seq_start[s + 1] - b->seq_start[s]);
    return flops;
}

/* Bytes that must move: what norms, residual sums, activations and the sums of biases' gradients read and
 * write a row and layer, forward and backward; the softmax of the logits; AdamW's four vectors. */
static double rows_bytes(const gk_config *c, const gk_batch *b) {
    double d = c->d_model, f = c->d_ffn, gu = c->gated ? 2 * f : f,
           qkv = c->head_dim * (c->n_heads + 2 * c->n_kv_heads);
    double biases = (c->qkv_bias ? qkv : 0) + (c->o_bias ? d : 0) + (c->mlp_bias ? f + d : 0);
    return 4.0 * b->n_rows * c->n_layers * (8 * d + gu + f + 8 * d + 2 * gu + f + biases);
}

static double loss_bytes(const gk_config *c, const gk_batch *b) {
    return 4.0 * 3 * b->n_rows * c->vocab;
}

static double update_bytes(const gk_model *m, mode how) {
    return (how == FP32 ? 32.0 : 34.0) *
           (double)gk_model_count(m); /* the norm reads the gradient once more */
}

/* Bytes a second that all threads read and write together, the best of a few passes over 256 MiB. */
static void scale_range(void *ctx, size_t begin, size_t end) {
    float *x = ctx;
    for (size_t i = begin; i < end; i++) x[i] *= 1.0001f;
}

static double memory_rate(void) {
    size_t n = (size_t)64 << 20;
    float *x = gk_alloc(n * sizeof *x);
    double best = 0;
    for (int i = 0; i < 6; i++) {
        double start = gk_now();
        gk_parallel_for(n, 1 << 16, scale_range, x);
        double rate = 2.0 * (double)(n * sizeof *x) / (gk_now() - start);
        if (rate > best) best = rate;
    }
    gk_free(x);
    return best;
}

/* The best rate that products were seen to reach, and where: another process takes it away for a while, so it
 * is looked for again and again. */
typedef struct gemm_rate {
    const char *library;
    int m, n, k;
    double gflops;
} gemm_rate;

static void measure_rate(gemm_rate *best, const char *library, int m, int n, int k, double seconds) {
    double got = gk_gemm_measure(library, m, n, k, gk_threads(), seconds);
    if (got > best->gflops) *best = (gemm_rate){library, m, n, k, got};
}

/* Of all libraries, at the large shapes that `graftkit info` shows and this model's own. */
static gemm_rate best_gemm(const gk_config *c, int rows, mode how) {
    static const char *const FULL[] = {"auto", "onednn", "blis"}, *const NARROW[] = {"bf16", "bf16", "bf16"};
    const char *const *LIBRARIES = how == FP32 || !gk_bf16_faster() ? FULL : NARROW;
    const int shapes[][3] = {{1024, 3072, 768}, {1024, 1024, 1024}, {rows, c->d_ffn, c->d_model}};
    gemm_rate best = {.gflops = 0};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t l = 0; l < sizeof FULL / sizeof *FULL; l++)
            measure_rate(&best, LIBRARIES[l], shapes[i][0], shapes[i][1], shapes[i][2], 0.3);
    return best;
}

/* ---------------------------------------------------------------- what is measured */

typedef struct asked {
    const char *shape, *write, *tokenizer, *mode, *freeze;
    enum mode how;
    gk_strings texts;
    int64_t batch, rows, steps, warmup, threads;
    gk_arena *a;
} asked;

static bool small_models(const asked *o, gk_error *err) {
    static const char *const FAMILIES[] = {"llama", "gpt2"};
    enum { BATCHES = 60, WARMUP = 10, TEXTS = 16, SHORTEST = 14, LONGEST = 28, VOCAB = 2000 };
    made *batches = gk_arena_alloc(o->a, BATCHES * sizeof *batches);
    trainer *t = gk_arena_alloc(o->a, sizeof *t);
    double rate[2] = {0};
    gk_rng rng;
    gk_rng_seed(&rng, 1, "bench_train");
    for (int b = 0; b < BATCHES; b++)
        make_batch(&rng, VOCAB, TEXTS, SHORTEST, LONGEST, false, o->a, &batches[b]);
    if (o->write && !write_batches(o->write, batches, BATCHES, err)) return false;
    for (int f = 0; f < 2; f++) {
        gk_config c;
        gk_config_default(gk_family_find(FAMILIES[f]), VOCAB, &c);
        if (!trainer_open(t, &c, TEXTS * LONGEST, FP32, o->freeze, 1e-3, WARMUP, err)) return false;
        bool ok = true;
        for (int b = 0; ok && b < BATCHES; b++) ok = step(t, &batches[b].batch, err);
        rate[f] = ok ? median_rate(t, batches, BATCHES - WARMUP) : 0;
        printf("%-6s %8zu parameters  %8.0f tokens/s (median step; last loss %.3f)\n", FAMILIES[f],
               gk_model_count(t->model), rate[f], t->loss);
        trainer_close(t);
        if (!ok) return false;
    }
    printf("RESULT llama_tokens_per_s=%.0f gpt2_tokens_per_s=%.0f threads=%d\n", rate[0], rate[1],
           gk_threads());
    return true;
}

/* Prints the steps' medians and, last, RESULT; `unit` counts are in `of` batches. */
static void tell(const asked *o, trainer *t, int n, const char *unit, double rate, double best_rate) {
    double passes = median(t->passes, n), norm = median(t->norm, n), update = median(t->update, n),
           cpu = median(t->cpu, n);
    printf("%.2f %s/s (median of %d steps of %.3f to %.3f s: forward and backward %.3f, gradient norm %.3f, "
           "AdamW %.3f; all threads' time %.3f); loss %.3f; peak memory %.2f GiB\n",
           rate, unit, n, t->total[0], t->total[n - 1], passes, norm, update, cpu, t->loss, peak_gib());
    printf("RESULT shape=%s mode=%s %s_per_s=%.2f best_%s_per_s=%.2f cpu_s=%.3f peak_gib=%.2f threads=%d",
           o->shape, MODES[t->mode], unit, rate, unit, best_rate, cpu, peak_gib(), gk_threads());
}

static double median_phase(const trainer *t, int n, gk_phase p) {
    double x[MOST_STEPS];
    for (int i = 0; i < n; i++) x[i] = t->phase[i][p];
    return median(x, n);
}

/* Where a step's time goes, beside the least that each part could take: operations at the best measured rate
 * of products, bytes at that of memory. Reads the steps' figures as they came, before `tell` sorts them. */
static void tell_phases(const trainer *t, const gk_batch *b, int n, double products, double attention) {
    const gk_config *c = gk_model_config(t->model);
    double memory = memory_rate(), update[MOST_STEPS];
    for (int i = 0; i < n; i++) update[i] = t->norm[i] + t->update[i];
    const struct {
        const char *what;
        double took, least;
    } row[] = {{"products", median_phase(t, n, GK_PHASE_PRODUCTS), products},
               {"attention", median_phase(t, n, GK_PHASE_ATTENTION), attention},
               {"norms, activations, sums", median_phase(t, n, GK_PHASE_ROWS), rows_bytes(c, b) / memory},
               {"softmax and loss", median_phase(t, n, GK_PHASE_LOSS), loss_bytes(c, b) / memory},
               {"gradient norm and AdamW", median(update, n), update_bytes(t->model, t->mode) / memory}};
    printf("%-26s %9s %9s %7s   (memory: %.1f GB/s)\n", "where the time goes", "s", "floor, s", "ratio",
           memory / 1e9);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        printf("%-26s %9.4f %9.4f %7.2f\n", row[i].what, row[i].took, row[i].least,
               row[i].took / row[i].least);
}

static bool full_size(const asked *o, const gk_shape *s, gk_error *err) {
    gk_config c;
    gk_shape_config(s, &c);
    int texts = o->batch ? (int)o->batch : s->batch, rows = (int)o->rows;
    made m;
    trainer *t = gk_arena_alloc(o->a, sizeof *t);
    gk_rng rng;
    gk_rng_seed(&rng, 1, "bench_train");
    make_batch(&rng, c.vocab, texts, rows, rows, true, o->a, &m);
    gemm_rate best = best_gemm(&c, m.batch.n_rows, o->how);
    if (!trainer_open(t, &c, m.batch.n_rows, o->how, o->freeze, 1e-4, (int)o->warmup, err)) return false;
    printf("%s %s: %.1f M parameters, %d x %d tokens a step\n", s->name, MODES[o->how],
           (double)gk_model_count(t->model) / 1e6, texts, rows);
    bool ok = true;
    for (int64_t i = 0; ok && i < o->warmup + o->steps; i++) {
        ok = step(t, &m.batch, err);
        measure_rate(&best, best.library, best.m, best.n, best.k, 0.1);
    }
    if (ok) {
        int n = (int)o->steps;
        double took = median(t->total, n), tokens = m.batch.n_rows, gflops = best.gflops;
        double products = gk_train_product_flops(t->model, m.batch.n_rows),
               attention = attention_flops(&c, &m.batch);
        double floor_s = (products + attention) / gflops / 1e9;
        if (o->how != LEAN) tell_phases(t, &m.batch, n, products / gflops / 1e9, attention / gflops / 1e9);
        printf("floor: %.1f GFLOP of products, %.3f s at %.0f GFLOP/s (the best measured): a step takes %.2f "
               "times as long\n",
               floor_s * gflops, floor_s, gflops, took / floor_s);
        tell(o, t, n, "tokens", tokens / took, tokens / t->total[0]);
        if (o->freeze) /* a step of less than the floor is of */
            printf(" gemm_gflops=%.1f\n", gflops);
        else
            printf(" floor_s=%.3f floor_ratio=%.3f gemm_gflops=%.1f\n", floor_s, took / floor_s, gflops);
    }
    trainer_close(t);
    return ok;
}

/* Steps of `batch` texts each, in the order of a first epoch (again and again). */
static bool train_on(const asked *o, const gk_corpus *corpus, gk_packer *p, int batch, trainer *t,
                     gk_error *err) {
    gk_split split;
    if (!gk_split_make(o->a, corpus->n, 0, 1, &split, err)) return false;
    uint32_t *order = gk_arena_alloc(o->a, split.n_train * sizeof *order);
    gk_epoch_order(&split, true, 1, 0, order);
    size_t at = 0;
    for (int64_t i = 0; i < o->warmup + o->steps; i++) {
        gk_batch b;
        if (at + (size_t)batch > split.n_train) at = 0;
        at += gk_pack(p, order + at, (size_t)batch, &b);
        if (!step(t, &b, err)) return false;
    }
    return true;
}

static bool on_corpus(const asked *o, const gk_config *c, const gk_corpus *corpus, gk_error *err) {
    int batch = o->batch ? (int)o->batch : 16, n = (int)o->steps;
    if (corpus->max_id >= c->vocab)
        return gk_fail(err, GK_AT_FIELD(NULL, "--tokenizer"), "give the shape's tokenizer",
                       "gives id %d, and the shape has %d", (int)corpus->max_id, c->vocab);
    if ((size_t)batch > corpus->n)
        return gk_fail(err, GK_AT_FIELD(NULL, "--batch"), "give less or more texts", "is %d, of %zu texts",
                       batch, corpus->n);
    printf("%s %s: %zu texts of %.1f tokens, %d a step\n", o->shape, MODES[o->how], corpus->n,
           (double)corpus->start[corpus->n] / (double)corpus->n, batch);
    trainer *t = gk_arena_alloc(o->a, sizeof *t);
    gk_packer *p = gk_packer_new(corpus, NULL, 1 << 20, batch); /* a step is one batch */
    bool ok = trainer_open(t, c, gk_packer_rows(p), o->how, o->freeze, 1e-4, (int)o->warmup, err);
    if (ok) {
        ok = train_on(o, corpus, p, batch, t, err);
        if (ok) {
            double took = median(t->total, n);
            tell(o, t, n, "texts", batch / took, batch / t->total[0]);
            printf(" batch=%d\n", batch);
        }
        trainer_close(t);
    }
    gk_packer_free(p);
    return ok;
}

static bool real_texts(const asked *o, const gk_shape *s, gk_error *err) {
    gk_config c;
    gk_shape_config(s, &c);
    gk_tok *tok = gk_tok_load(o->tokenizer, err);
    gk_corpus *corpus =
        tok ? gk_corpus_load(tok, o->texts.item, o->texts.n, c.max_positions, GK_LOSS_ALL, err) : NULL;
    bool ok = corpus && on_corpus(o, &c, corpus, err);
    gk_corpus_free(corpus);
    gk_tok_free(tok);
    return ok;
}

static bool bench(const asked *o, gk_error *err) {
    gk_use_threads(o->threads);
    gk_gemm_info info;
    gk_gemm_describe(&info);
    printf("%s, %d threads; BLIS %s; oneDNN %s; %s\n", info.cpu, gk_threads(), info.blis, info.onednn,
           info.used);
    if (!o->shape) return small_models(o, err);
    const gk_shape *s = gk_shape_find(o->shape, err);
    if (!s) return false;
    return o->texts.n ? real_texts(o, s, err) : full_size(o, s, err);
}

static bool check(asked *o, gk_error *err) {
    while (o->how < LEAN && strcmp(o->mode, MODES[o->how]) != 0) o->how++;
    if (strcmp(o->mode, MODES[o->how]) != 0)
        return gk_fail(err, GK_AT_FIELD(NULL, "--mode"), "give fp32, bf16 or lean", "is '%.60s'", o->mode);
    if (o->steps < 1 || o->warmup + o->steps > MOST_STEPS)
        return gk_fail(err, GK_AT_FIELD(NULL, "--steps"), "give 1 to 990", "is %d", (int)o->steps);
    if (o->rows < 1 || o->rows > 1024 || o->batch > 1024)
        return gk_fail(err, GK_NOWHERE, "give 1 to 1024 of each", "%d texts of %d rows", (int)o->batch,
                       (int)o->rows);
    if (o->texts.n && (!o->tokenizer || !o->shape))
        return gk_fail(err, GK_AT_FIELD(NULL, "--texts"), "give --tokenizer and --shape with it",
                       "says not how texts become tokens");
    return true;
}

int main(int argc, char **argv) {
    asked o = {.mode = "fp32", .rows = 128, .steps = 7, .warmup = 2, .a = gk_arena_new()};
    const gk_opt opts[] = {
        {"shape", GK_OPT_STR, &o.shape, "NAME",
         "gpt2-124m, smollm2-135m, llama-3.2-1b or gemma-2b; without: small models", false},
        {"mode", GK_OPT_STR, &o.mode, "NAME", "of a shape: fp32, bf16 or lean", false},
        {"freeze", GK_OPT_STR, &o.freeze, "WORDS", "as a recipe's freeze; floors are of training all", false},
        {"batch", GK_OPT_INT, &o.batch, "N", "texts a step; 0: the shape's, 16 of --texts", false},
        {"rows", GK_OPT_INT, &o.rows, "N", "tokens a text, without --texts", false},
        {"steps", GK_OPT_INT, &o.steps, "N", "timed steps", false},
        {"warmup", GK_OPT_INT, &o.warmup, "N", "steps before", false},
        {"threads", GK_OPT_INT, &o.threads, "N", "0: all cores", false},
        {"texts", GK_OPT_LIST, &o.texts, "FILE", "JSONL file of {\"text\": \"...\"} lines; may be repeated",
         false},
        {"tokenizer", GK_OPT_STR, &o.tokenizer, "DIR", "of the texts", false},
        {"write", GK_OPT_STR, &o.write, "FILE", "where the small models' batches go", false},
    };
    gk_error err;
    int code =
        gk_args("bench_train", "how fast training is", opts, sizeof opts / sizeof *opts, argc, argv, o.a);
    if (code < 0) code = check(&o, &err) && bench(&o, &err) ? 0 : gk_die("bench_train", &err);
    gk_arena_free(o.a);
    return code;
}
