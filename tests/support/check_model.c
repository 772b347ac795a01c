/* check_model.c: graftkit's half of check_families.py, which builds and runs it. Not part of graftkit.
 * check_model pass FOLDER IDS OUT SAVED GRADIENTS: IDS is a file with a text a line, as token ids. All texts
 * go through the model in one ragged batch. OUT (safetensors) gets logits.<s> [rows x vocab] and, of the same
 * text given token by token behind its first half, decoded.<s> [rows of the second half x vocab], and loss
 * [1], the mean over all tokens that follow another. SAVED is a folder with the model as graftkit saves it,
 * GRADIENTS one with the gradients of that loss in place of the weights: saving maps both the same way, so
 * they bear the checkpoint's names.
 *
 * check_model engine A B SEED: random plans over two models of one
 * configuration, by the engine and by tests/support/definition.h; prints the largest difference, by the scale
 * of the logits.
 */
#include "graftkit/core/random.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/decode.h"
#include "graftkit/model/session.h"
#include "model/arrays.h"
#include "tests/support/definition.h"

#include <string.h>

enum { MOST_TEXTS = 8, MOST_ROWS = MOST_TEXTS * LONGEST };

static int failed(const gk_error *err) {
    char text[1600];
    fprintf(stderr, "check_model: %s\n", gk_error_text(err, text, sizeof text));
    return 1;
}

/* ---------------------------------------------------------------- pass */

typedef struct texts {
    int n;
    int32_t token[MOST_ROWS], target[MOST_ROWS], row[MOST_ROWS], start[MOST_TEXTS + 1];
} texts;

static bool read_texts(const char *path, texts *t, gk_error *err) {
    FILE *f = fopen(path, "r");
    char line[16 * LONGEST];
    int rows = 0;
    if (!f) return gk_fail(err, GK_AT_FILE(path), "a text a line", "cannot be opened");
    while (t->n < MOST_TEXTS && fgets(line, sizeof line, f)) {
        for (char *word = strtok(line, " \n"); word && rows < MOST_ROWS; word = strtok(NULL, " \n")) {
            t->row[rows] = rows;
            t->target[rows] = -1;
            t->token[rows] = (int32_t)strtol(word, NULL, 10);
            if (rows > t->start[t->n]) t->target[rows - 1] = t->token[rows];
            rows++;
        }
        t->start[++t->n] = rows;
    }
    fclose(f);
    return true;
}

static bool gradients(const gk_model *m, const texts *t, const char *folder, float *loss, gk_error *err) {
    const gk_config *c = gk_model_config(m);
    int rows = t->start[t->n];
    gk_batch b = {
        .n_rows = rows, .n_seqs = t->n, .token = t->token, .target = t->target, .seq_start = t->start};
    gk_model *grad = gk_model_blank(c, err);
    gk_session *s = grad ? gk_session_new(c, rows, true, err) : NULL;
    double sum = 0;
    int64_t n = 0;
    gk_backprop p = {.scale = 1 / (float)(rows - t->n), .grad = grad ? gk_model_data(grad) : NULL};
    bool ok = s && gk_forward_backward(s, m, &b, &p, &sum, &n, err) && gk_model_save(grad, folder, err);
    *loss = n ? (float)(sum / (double)n) : 0;
    gk_session_free(s);
    gk_model_free(grad);
    return ok;
}

/* Logits of text s's second half, each token fed alone. */
static bool decode(const gk_model *m, const texts *t, int s, float *logits, gk_error *err) {
    int begin = t->start[s], n = t->start[s + 1] - begin, half = (n + 1) / 2,
        vocab = gk_model_config(m)->vocab;
    gk_decoder *d = gk_decoder_new(m, n, err);
    bool ok = d && gk_decoder_feed(d, t->token + begin, half, logits, err);
    for (int i = half; ok && i < n; i++)
        ok =
            gk_decoder_feed(d, t->token + begin + i, 1, logits + (size_t)(i - half + 1) * (size_t)vocab, err);
    gk_decoder_free(d);
    return ok;
}

static bool write_all(const gk_model *m, const texts *t, const float *logits, float *decoded, float loss,
                      const char *path, gk_error *err) {
    gk_array arrays[2 * MOST_TEXTS + 1] = {{.name = "loss", .data = &loss, .shape = {1}, .n_dims = 1}};
    size_t n = 1, vocab = (size_t)gk_model_config(m)->vocab;
    gk_arena *a = gk_arena_new();
    bool ok = true;
    for (int s = 0; ok && s < t->n; s++) {
        size_t at = (size_t)t->start[s] * vocab;
        int rows = t->start[s + 1] - t->start[s];
        ok = decode(m, t, s, decoded + at, err);
        arrays[n++] = (gk_array){gk_arena_printf(a, "logits.%d", s), logits + at, {rows, (int64_t)vocab}, 2};
        arrays[n++] = (gk_array){gk_arena_printf(a, "decoded.%d", s),
                                 decoded + at,
                                 {rows - (rows + 1) / 2 + 1, (int64_t)vocab},
                                 2};
    }
    ok = ok && gk_safetensors_save(path, arrays, n, NULL, err);
    gk_arena_free(a);
    return ok;
}

static bool pass(char **argv, gk_error *err) {
    texts t = {0};
    gk_model *m = read_texts(argv[3], &t, err) ? gk_model_load(argv[2], err) : NULL;
    if (!m) return false;
    const gk_config *c = gk_model_config(m);
    int rows = t.start[t.n];
    gk_batch b = {.n_rows = rows, .n_seqs = t.n, .token = t.token, .seq_start = t.start};
    float loss = 0, *logits = gk_alloc((size_t)rows * (size_t)c->vocab * sizeof *logits);
    float *decoded = gk_alloc((size_t)rows * (size_t)c->vocab * sizeof *decoded);
    gk_session *s = gk_session_new(c, rows, false, err);
    bool ok = s && gk_forward(s, m, &b, t.row, rows, logits, err) && gradients(m, &t, argv[6], &loss, err) &&
              write_all(m, &t, logits, decoded, loss, argv[4], err) && gk_model_save(m, argv[5], err);
    gk_session_free(s);
    gk_model_free(m);
    gk_free(decoded);
    gk_free(logits);
    return ok;
}

/* ---------------------------------------------------------------- engine */

enum { N_JOBS = 12 };

typedef struct answers {
    float logits[N_JOBS][VOCAB];
} answers;

static bool take(void *ctx, size_t job, const float *logits) {
    answers *a = ctx;
    memcpy(a->logits[job], logits, sizeof a->logits[job]);
    return true;
}

/* Every fourth job computes a run of slots at a run of tokens by the other model; the rest draw a model for
 * each. */
static void draw_models(gk_plan *p, int kind, gk_rng *r) {
    int slot = (int)gk_rng_below(r, (uint64_t)p->n_slots),
        token = (int)gk_rng_below(r, (uint64_t)p->n_tokens);
    for (int s = 0; s < p->n_slots; s++)
        for (int t = 0; t < p->n_tokens; t++)
            p->model[s * p->n_tokens + t] = kind == 0 ? s >= slot && t >= token : (uint8_t)gk_rng_below(r, 2);
}

static void draw_patches(gk_arena *a, const gk_config *c, gk_plan *p, gk_rng *r) {
    p->n_patches = c->n_layers + 1;
    p->patch = gk_arena_alloc(a, (size_t)(p->n_patches * p->n_tokens));
    memset(p->patch, GK_PATCH_NONE, (size_t)(p->n_patches * p->n_tokens));
    for (int i = 0; i < 3; i++) {
        int model = (int)gk_rng_below(r, 2);
        uint64_t at = gk_rng_below(r, (uint64_t)(p->n_patches * p->n_tokens));
        p->patch[at] = gk_rng_below(r, 2) ? gk_patch_plain(model) : gk_patch_mean(model);
    }
}

/* Texts of up to LONGEST tokens, the first as long as may be; two jobs each. */
static void draw_jobs(gk_arena *a, const gk_config *c, gk_job *jobs, gk_rng *r) {
    int most = c->max_positions < LONGEST ? c->max_positions : LONGEST;
    for (int i = 0; i < N_JOBS; i++) {
        int n = i < 2 ? most : i % 2 ? jobs[i - 1].n : 1 + (int)gk_rng_below(r, (uint64_t)most);
        int32_t *token = gk_arena_alloc(a, (size_t)n * sizeof *token);
        for (int t = 0; t < n; t++)
            token[t] = i % 2 ? jobs[i - 1].token[t] : (int32_t)gk_rng_below(r, (uint64_t)c->vocab);
        gk_plan *p = gk_arena_alloc(a, sizeof *p);
        *p = gk_plan_single(a, c, n, 0);
        draw_models(p, i % 4, r);
        if (i >= N_JOBS - 4) draw_patches(a, c, p, r);
        jobs[i] = (gk_job){token, n, p};
    }
}

static double worst_of(const gk_cast *cast, const gk_job *jobs, const answers *got) {
    double worst = 0;
    for (int i = 0; i < N_JOBS; i++) {
        double want[VOCAB] = {0}, scale = 1e-9, off = 0;
        define(cast, &jobs[i], want);
        for (int v = 0; v < VOCAB; v++) {
            double d = fabs(want[v] - (double)got->logits[i][v]);
            scale = fmax(scale, fabs(want[v]));
            off = d <= off ? off : d; /* NaN too */
        }
        worst = off / scale <= worst ? worst : off / scale;
    }
    return worst;
}

static bool engine(char **argv, gk_error *err) {
    gk_arena *a = gk_arena_new();
    gk_cast cast = {.name = {"pre", "sft"}, .n = 2};
    gk_job jobs[N_JOBS];
    gk_graft_text prompt[N_JOBS];
    answers *got = gk_alloc(sizeof *got);
    gk_model *m[2] = {gk_model_load(argv[2], err), NULL};
    m[1] = m[0] ? gk_model_load(argv[3], err) : NULL;
    const gk_config *c = m[0] ? gk_model_config(m[0]) : NULL;
    bool ok = m[1] != NULL;
    if (ok &&
        (c->vocab != VOCAB || c->d_model > WIDEST || c->d_ffn > WIDEST || c->n_heads * c->head_dim > WIDEST))
        ok = gk_fail(err, GK_AT_FILE(argv[2]), "rows of at most WIDEST and VOCAB tokens",
                     "does not fit definition.h");
    gk_rng r;
    gk_rng_seed(&r, strtoull(argv[4], NULL, 10), "check-model");
    for (int i = 0; i < 2; i++) cast.model[i] = m[i];
    if (ok) draw_jobs(a, c, jobs, &r);
    for (int i = 0; ok && i < N_JOBS; i++) prompt[i] = (gk_graft_text){jobs[i].token, jobs[i].n};
    for (int i = 0; ok && i < 2; i++) {
        float *mean = gk_arena_alloc(a, (size_t)((c->n_layers + 1) * c->d_model) * sizeof *mean);
        ok = gk_graft_means(&cast, i, prompt, N_JOBS, mean, NULL, err);
        cast.mean[i] = mean;
    }
    ok = ok && gk_graft_run(&cast, jobs, N_JOBS, 1 << 20, take, got, NULL, err);
    if (ok) printf("%.3g\n", worst_of(&cast, jobs, got));
    for (int i = 0; i < 2; i++) gk_model_free(m[i]);
    gk_free(got);
    gk_arena_free(a);
    return ok;
}

int main(int argc, char **argv) {
    gk_error err = {0};
    if (argc == 7 && strcmp(argv[1], "pass") == 0) return pass(argv, &err) ? 0 : failed(&err);
    if (argc == 5 && strcmp(argv[1], "engine") == 0) return engine(argv, &err) ? 0 : failed(&err);
    fprintf(stderr, "usage: check_model pass FOLDER IDS OUT SAVED GRADIENTS | engine A B SEED\n");
    return 2;
}
