/* cmd_logits.c: what a model says at every token of a text, for scripts: the likeliest next tokens, the
 * log-probability of the one that follows, perplexity; all logits on request. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "graftkit/eval/measure.h"
#include "graftkit/model/config.h"
#include "graftkit/model/session.h"
#include "model/arrays.h"
#include "tools/input_texts.h"

#include <math.h>
#include <string.h>

typedef struct settings {
    gk_input_texts_args texts;
    int64_t top;
    const char *out;
} settings;

typedef struct job {
    const settings *o;
    const gk_input_texts *t;
    gk_arena *a;
    float **logits; /* of each text [n x V] */
} job;

static bool forward(job *j, size_t i, gk_error *err) {
    const gk_input_text *x = &j->t->text[i];
    const gk_config *c = gk_model_config(j->t->model);
    size_t floats = (size_t)x->n * (size_t)c->vocab;
    int32_t start[2] = {0, x->n}, *row = gk_arena_alloc(j->a, (size_t)x->n * sizeof *row);
    for (int r = 0; r < x->n; r++) row[r] = r;
    gk_batch b = {.n_rows = x->n, .n_seqs = 1, .token = x->id, .seq_start = start};
    j->logits[i] = gk_try_alloc(floats * sizeof(float));
    if (!j->logits[i])
        return gk_fail(err, GK_NOWHERE, "a shorter text", "not enough memory for the logits of %d tokens",
                       x->n);
    gk_session *s = gk_session_new(c, x->n, false, err);
    bool ok = s && gk_forward(s, j->t->model, &b, row, x->n, j->logits[i], err);
    gk_session_free(s);
    return ok;
}

static json_t *token_text(const gk_input_texts *t, int32_t id, gk_arena *a) {
    char *text = t->tok && id < gk_tok_size(t->tok) ? gk_tok_decode(t->tok, &id, 1, a, NULL) : NULL;
    return text ? json_string(text) : json_null();
}

/* One line a token: what came next, how likely it was, and what was likelier. */
static bool tell_row(job *j, const gk_input_text *x, size_t text, int row, double *nll, gk_error *err) {
    const gk_config *c = gk_model_config(j->t->model);
    bool last = row + 1 == x->n;
    const float *logits = j->logits[text] + (size_t)row * (size_t)c->vocab;
    gk_score s;
    if (!gk_score_logits(logits, c->vocab, last ? 0 : x->id[row + 1], &s, err)) return false;
    json_t *line = json_pack("{s:i, s:i, s:i, s:o}", "text", (int)text + 1, "position", row, "id",
                             (int)x->id[row], "token", token_text(j->t, x->id[row], j->a));
    if (!last) {
        json_object_set_new(line, "next", json_integer(x->id[row + 1]));
        json_object_set_new(line, "logprob", json_real(s.logprob));
        json_object_set_new(line, "rank", json_integer(s.rank));
        *nll -= s.logprob;
    }
    json_t *top = json_array();
    for (int i = 0; i < s.n_top && i < j->o->top; i++)
        json_array_append_new(top, json_pack("{s:i, s:o, s:f, s:f}", "id", (int)s.top_id[i], "token",
                                             token_text(j->t, s.top_id[i], j->a), "prob",
                                             (double)s.top_prob[i], "logit", (double)logits[s.top_id[i]]));
    if (j->o->top > 0)
        json_object_set_new(line, "top", top);
    else
        json_decref(top);
    gk_jsonl_write(stdout, line);
    json_decref(line);
    return true;
}

static bool tell(job *j, size_t i, gk_error *err) {
    const gk_input_text *x = &j->t->text[i];
    double nll = 0;
    for (int r = 0; r < x->n; r++)
        if (!tell_row(j, x, i, r, &nll, err)) return false;
    if (x->n > 1)
        fprintf(stderr, "logits: text %zu: %d tokens, %.6f nats a token, perplexity %.5f\n", i + 1, x->n,
                nll / (x->n - 1), exp(nll / (x->n - 1)));
    return true;
}

/* Arrays ids.<i> [n] and logits.<i> [n x V], i from 0. */
static bool write_all(job *j, gk_error *err) {
    int64_t vocab = gk_model_config(j->t->model)->vocab;
    gk_array *list = gk_arena_alloc(j->a, 2 * j->t->n * sizeof *list);
    for (size_t i = 0; i < j->t->n; i++) {
        const gk_input_text *x = &j->t->text[i];
        float *id = gk_arena_alloc(j->a, (size_t)x->n * sizeof *id);
        for (int r = 0; r < x->n; r++) id[r] = (float)x->id[r];
        list[2 * i] = (gk_array){gk_arena_printf(j->a, "ids.%zu", i), id, {x->n}, 1};
        list[2 * i + 1] = (gk_array){gk_arena_printf(j->a, "logits.%zu", i), j->logits[i], {x->n, vocab}, 2};
    }
    return gk_safetensors_save(j->o->out, list, 2 * j->t->n, NULL, err);
}

/* Before the work, so that it is not for nothing. */
static bool can_write(const settings *o, gk_error *err) {
    const gk_named_path named[] = {{"--model", o->texts.model, GK_MODEL},
                                   {"--tokenizer", o->texts.tokenizer, GK_MODEL},
                                   {"--prompts", o->texts.file, GK_INPUT},
                                   {"--out", o->out, GK_OUTPUT}};
    return !o->out ||
           (gk_check_outputs(named, sizeof named / sizeof *named, err) && gk_out_check(o->out, err));
}

static int run(const settings *o) {
    gk_error err;
    gk_input_texts t;
    gk_arena *a = gk_arena_new();
    if (!can_write(o, &err) || !gk_input_texts_open(&o->texts, a, &t, &err)) {
        gk_arena_free(a);
        return gk_die("logits", &err);
    }
    job j = {.o = o, .t = &t, .a = a, .logits = gk_arena_alloc(a, t.n * sizeof *j.logits)};
    bool ok = true;
    for (size_t i = 0; ok && i < t.n; i++) {
        ok = forward(&j, i, &err) && tell(&j, i, &err);
        if (o->out) continue;
        gk_free(j.logits[i]);
        j.logits[i] = NULL;
    }
    ok = ok && (!o->out || write_all(&j, &err));
    for (size_t i = 0; i < t.n; i++) gk_free(j.logits[i]);
    gk_input_texts_close(&t);
    gk_arena_free(a);
    return ok ? 0 : gk_die("logits", &err);
}

int cmd_logits(int argc, char **argv) {
    settings o = {.top = 5};
    const gk_opt opts[] = {
        GK_INPUT_TEXTS_OPTS(&o.texts),
        {"top", GK_OPT_INT, &o.top, "N", "list the N likeliest next tokens, up to 20", false},
        {"out", GK_OPT_STR, &o.out, "FILE", "write all logits there (safetensors: ids.<i>, logits.<i>)",
         false},
    };
    gk_arena *a = gk_arena_new();
    int code = gk_args("logits", "print what a model says at every token", opts, sizeof opts / sizeof *opts,
                       argc, argv, a);
    if (code < 0) {
        gk_use_threads(o.texts.threads);
        code = run(&o);
    }
    gk_arena_free(a);
    return code;
}
