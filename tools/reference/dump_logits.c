/* dump_logits.c: graftkit's half of check_saved_model.py, which builds and runs it. Not part of graftkit.
 * dump_logits FOLDER OUT: runs the model in FOLDER over a few random texts, all in one ragged batch, and
 * writes input_ids.<s> [rows] and logits.<s> [rows x vocab] of each sequence s to the safetensors file OUT.
 */
#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/random.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "model/arrays.h"

enum { N_SEQS = 4, LONGEST = 48 };

static int failed(const gk_error *err) {
    char text[1600];
    fprintf(stderr, "dump_logits: %s\n", gk_error_text(err, text, sizeof text));
    return 1;
}

typedef struct texts {
    int32_t token[N_SEQS * LONGEST], row[N_SEQS * LONGEST], start[N_SEQS + 1];
    float id[N_SEQS * LONGEST]; /* the tokens as the file keeps them */
} texts;

static void make_texts(const gk_config *c, texts *t) {
    int longest = c->max_positions < LONGEST ? c->max_positions : LONGEST;
    gk_rng rng;
    gk_rng_seed(&rng, 1, "dump-logits");
    t->start[0] = 0;
    for (int s = 0; s < N_SEQS; s++) {
        /* The first is as long as may be, the second one token. */
        int n = s == 0 ? longest : s == 1 ? 1 : 1 + (int)gk_rng_below(&rng, (uint64_t)longest);
        t->start[s + 1] = t->start[s] + n;
    }
    for (int i = 0; i < t->start[N_SEQS]; i++) {
        t->row[i] = i;
        t->token[i] = (int32_t)gk_rng_below(&rng, (uint64_t)c->vocab);
        t->id[i] = (float)t->token[i];
    }
}

static bool write_texts(const char *path, const gk_config *c, const texts *t, const float *logits,
                        gk_error *err) {
    gk_array arrays[2 * N_SEQS];
    gk_arena *a = gk_arena_new();
    for (int s = 0; s < N_SEQS; s++) {
        int begin = t->start[s], n = t->start[s + 1] - begin;
        arrays[2 * s] = (gk_array){
            .name = gk_arena_printf(a, "input_ids.%d", s), .data = t->id + begin, .shape = {n}, .n_dims = 1};
        arrays[2 * s + 1] = (gk_array){.name = gk_arena_printf(a, "logits.%d", s),
                                       .data = logits + (size_t)begin * (size_t)c->vocab,
                                       .shape = {n, c->vocab},
                                       .n_dims = 2};
    }
    bool ok = gk_safetensors_save(path, arrays, 2 * N_SEQS, NULL, err);
    gk_arena_free(a);
    return ok;
}

static bool dump(const gk_model *m, const char *path, gk_error *err) {
    const gk_config *c = gk_model_config(m);
    texts t;
    make_texts(c, &t);
    int n = t.start[N_SEQS];
    gk_batch b = {.n_rows = n, .n_seqs = N_SEQS, .token = t.token, .seq_start = t.start};
    float *logits = gk_alloc((size_t)n * (size_t)c->vocab * sizeof *logits);
    gk_session *s = gk_session_new(c, n, false, err);
    bool ok = s && gk_forward(s, m, &b, t.row, n, logits, err) && write_texts(path, c, &t, logits, err);
    gk_session_free(s);
    gk_free(logits);
    return ok;
}

int main(int argc, char **argv) {
    gk_error err = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: dump_logits FOLDER OUT\n");
        return 2;
    }
    gk_model *m = gk_model_load(argv[1], &err);
    bool ok = m && dump(m, argv[2], &err);
    gk_model_free(m);
    return ok ? 0 : failed(&err);
}
