/* bench_train.c: training throughput of the default model: forward, backward, clipping and AdamW on ragged
 * batches. With a path as its argument it also writes the batches there (one text a line, ids separated by
 * blanks, a blank line after each batch), for tools/reference/bench_train_torch.py to run the same ones. */
#include "model/model.h"
#include "train/train.h"

#include <stdlib.h>
#include <string.h>

enum { BATCHES = 60, TEXTS = 16, SHORTEST = 14, LONGEST = 28, MOST_ROWS = TEXTS * LONGEST };

typedef struct made {
    int32_t token[MOST_ROWS], target[MOST_ROWS], start[TEXTS + 1];
    gk_batch batch;
} made;

static void make_batch(gk_rng *rng, int vocab, made *m) {
    int n = 0;
    for (int s = 0; s < TEXTS; s++) {
        int len = SHORTEST + (int)gk_rng_below(rng, LONGEST - SHORTEST + 1);
        m->start[s] = n;
        for (int i = 0; i < len; i++) m->token[n + i] = (int32_t)gk_rng_below(rng, (uint64_t)vocab);
        for (int i = 0; i < len; i++) m->target[n + i] = i + 1 < len ? m->token[n + i + 1] : -1;
        n += len;
    }
    m->start[TEXTS] = n;
    m->batch = (gk_batch){n, TEXTS, m->token, m->target, m->start};
}

static bool write_batches(const char *path, const made *batches, gk_error *err) {
    gk_out out;
    if (!gk_out_open(path, &out, err)) return false;
    for (int b = 0; b < BATCHES; b++) {
        const made *m = &batches[b];
        for (int s = 0; s < TEXTS; s++)
            for (int i = m->start[s]; i < m->start[s + 1]; i++)
                fprintf(out.f, "%d%s", m->token[i], i + 1 < m->start[s + 1] ? " " : "\n");
        fputc('\n', out.f);
    }
    return gk_out_commit(&out, err);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool train(const char *family, const made *batches, double *tokens_per_s, gk_error *err) {
    gk_config c;
    gk_config_default(gk_family_find(family), 2000, &c);
    gk_model *m = gk_model_new(&c, 1, err);
    gk_session *s = m ? gk_session_new(&c, MOST_ROWS, true, err) : NULL;
    const gk_param *params;
    size_t n_params = m ? gk_model_params(m, &params) : 0;
    gk_adamw_opts o = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .weight_decay = 0.01};
    gk_adamw *a = s ? gk_adamw_new(params, n_params, gk_model_floats(m), &o, NULL, err) : NULL;
    if (!a) return false;
    float *grad = gk_alloc(gk_model_floats(m) * sizeof *grad);
    double rate[BATCHES], loss = 0;
    for (int b = 0; b < BATCHES; b++) {
        const gk_batch *batch = &batches[b].batch;
        int64_t n = batch->n_rows - batch->n_seqs;
        double start = gk_now();
        if (!gk_forward_backward(s, m, batch, &(gk_backprop){.scale = 1.0f / (float)n, .grad = grad}, &loss,
                                 &n, err))
            return false;
        double norm = gk_adamw_norm(a, grad);
        gk_adamw_step(a, gk_model_data(m), grad, b + 1, 1e-3, gk_clip_factor(norm, 1));
        rate[b] = batch->n_rows / (gk_now() - start);
    }
    qsort(rate + 10, BATCHES - 10, sizeof *rate, by_value); /* the first ten warm up */
    *tokens_per_s = rate[10 + (BATCHES - 10) / 2];
    printf("%-6s %8zu parameters  %8.0f tokens/s (median step; last loss %.3f)\n", family, gk_model_count(m),
           *tokens_per_s, loss / (batches[BATCHES - 1].batch.n_rows - TEXTS));
    gk_free(grad);
    gk_adamw_free(a);
    gk_session_free(s);
    gk_model_free(m);
    return true;
}

int main(int argc, char **argv) {
    static made batches[BATCHES];
    gk_error err;
    gk_rng rng;
    gk_rng_seed(&rng, 1, "bench_train");
    for (int b = 0; b < BATCHES; b++) make_batch(&rng, 2000, &batches[b]);
    gk_gemm_info info;
    gk_gemm_describe(&info);
    printf("%s, %d threads; BLIS %s; oneDNN %s; %s\n", info.cpu, gk_threads(), info.blis, info.onednn,
           info.used);
    double llama = 0, gpt2 = 0;
    if ((argc > 1 && !write_batches(argv[1], batches, &err)) || !train("llama", batches, &llama, &err) ||
        !train("gpt2", batches, &gpt2, &err)) {
        char line[1024];
        fprintf(stderr, "bench_train: %s\n", gk_error_text(&err, line, sizeof line));
        return 1;
    }
    printf("RESULT llama_tokens_per_s=%.0f gpt2_tokens_per_s=%.0f threads=%d\n", llama, gpt2, gk_threads());
    return 0;
}
