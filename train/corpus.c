/* corpus.c: texts as tokens, with what carries loss; general text cut into windows; a hash of it all. */
#include "graftkit/core/file.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/checkpoint.h"
#include "train/internal.h"

#include <limits.h>
#include <string.h>

/* Texts tokenised by one call of a parallel loop: they share an arena. */
#define GRAIN 256

/* How texts become a corpus. */
typedef struct making {
    const gk_tok *tok;
    int eos; /* -1: none */
    size_t max_rows;
    bool general; /* long texts are cut; else refused */
    gk_loss loss;
} making;

/* ---------------------------------------------------------------- tokenising */

typedef struct encode_task {
    const gk_tok *tok;
    gk_train__examples *texts;
    gk_arena **arena; /* one a range */
    gk_error *error;  /* one a range */
    bool *failed;
} encode_task;

static void encode_range(void *ctx, size_t begin, size_t end) {
    encode_task *t = ctx;
    size_t range = begin / GRAIN;
    t->arena[range] = gk_arena_new();
    for (size_t i = begin; i < end && !t->failed[range]; i++) {
        gk_train__example *x = &t->texts->item[i];
        gk_error *e = &t->error[range];
        if (gk_tok_encode(t->tok, x->utf8, x->len, GK_BOS_DEFAULT, t->arena[range], &x->ids, e)) continue;
        t->failed[range] = true;
        snprintf(e->file, sizeof e->file, "%s", x->file);
        e->line = x->line;
    }
}

static size_t rows_of(const making *m, const gk_train__example *x) {
    return x->ids.n + (m->eos >= 0) - 1;
}

static bool is_single(const making *m, const gk_train__example *x) {
    return x->ids.n + (m->eos >= 0) < 2;
}

static bool check_lengths(const making *m, const gk_train__examples *t, gk_error *err) {
    size_t too_long = 0;
    const gk_train__example *first = NULL;
    for (size_t i = 0; i < t->n && !m->general; i++) {
        const gk_train__example *x = &t->item[i];
        if (is_single(m, x))
            return gk_fail(err, GK_AT_LINE(x->file, x->line, 0), NULL,
                           "the text is a single token: there is nothing to predict");
        if (rows_of(m, x) <= m->max_rows) continue;
        if (!first) first = x;
        too_long++;
    }
    if (!first) return true;
    return gk_fail(
        err, GK_AT_LINE(first->file, first->line, 0),
        "shorten or split them, or use a model with more positions",
        "%zu of %zu texts are longer than the model's %zu positions; this, the first, has %zu tokens",
        too_long, t->n, m->max_rows, rows_of(m, first));
}

/* ---------------------------------------------------------------- the flat form */

static void find_extremes(gk_corpus *c) {
    for (size_t i = 0; i < c->n; i++) {
        int rows = (int)(c->start[i + 1] - c->start[i] - 1);
        if (rows > c->longest) c->longest = rows;
    }
    for (size_t i = 0; i < c->start[c->n]; i++)
        if (c->token[i] > c->max_id) c->max_id = c->token[i];
}

static void hash_vocabulary(const gk_tok *tok, char hex[GK_SHA256_HEX]) {
    gk_buf all = {0};
    for (int i = 0; tok && i < gk_tok_size(tok); i++) {
        const char *piece = gk_tok_piece(tok, i);
        gk_buf_add(&all, piece ? piece : "", piece ? strlen(piece) + 1 : 1);
    }
    gk_sha256_bytes(all.data ? all.data : "", all.len, hex);
    gk_buf_free(&all);
}

static void hash_corpus(gk_corpus *c, const gk_tok *tok) {
    char hex[4 * GK_SHA256_HEX];
    size_t parts = c->carries ? 4 : 3;
    gk_sha256_bytes(c->token, c->start[c->n] * sizeof *c->token, hex);
    gk_sha256_bytes(c->start, (c->n + 1) * sizeof *c->start, hex + GK_SHA256_HEX);
    hash_vocabulary(tok, hex + 2 * GK_SHA256_HEX);
    if (c->carries) gk_sha256_bytes(c->carries, c->start[c->n] * sizeof *c->carries, hex + 3 * GK_SHA256_HEX);
    gk_sha256_bytes(hex, parts * GK_SHA256_HEX, c->sha256);
}

/* A token carries loss when it holds a byte of the answer, and EOS when the answer goes before it. */
static bool mark_answer(const gk_train__example *x, bool eos, bool *carries, gk_error *err) {
    bool any = false;
    size_t n = x->ids.n;
    for (size_t i = 0; i < n; i++) {
        gk_span s = x->ids.span[i];
        carries[i] = s.begin < s.end && s.begin < x->answer_end && s.end > x->answer;
        any = any || (i > 0 && carries[i]);
    }
    if (eos) carries[n] = x->answer_end == x->len;
    if (any || (eos && carries[n])) return true;
    return gk_fail(err, GK_AT_LINE(x->file, x->line, 0), "put some text before it",
                   "the answer is the text's first token: nothing goes before it to predict it from");
}

/* The document's tokens in as few windows as max_rows allows, of nearly equal length; a window begins with
 * the token that the one before ended with. */
static void cut(gk_corpus *c, int32_t *token, size_t *start, const int32_t *doc, size_t rows,
                size_t max_rows) {
    size_t windows = (rows + max_rows - 1) / max_rows;
    for (size_t w = 0; w < windows; w++) {
        size_t from = w * rows / windows, to = (w + 1) * rows / windows, n = to - from + 1;
        memcpy(token + start[c->n], doc + from, n * sizeof *token);
        start[c->n + 1] = start[c->n] + n;
        c->n++;
    }
    c->cut += windows > 1;
}

static void count_sizes(const making *m, const gk_train__examples *t, size_t *texts, size_t *tokens,
                        size_t *longest) {
    *texts = *tokens = *longest = 0;
    for (size_t i = 0; i < t->n; i++) {
        size_t rows = rows_of(m, &t->item[i]);
        size_t windows = is_single(m, &t->item[i]) ? 0 : (rows + m->max_rows - 1) / m->max_rows;
        *texts += windows;
        *tokens += windows > 0 ? rows + windows : 0;
        if (rows + 1 > *longest) *longest = rows + 1;
    }
}

/* NULL when an answer cannot be predicted, or nothing at all. */
static gk_corpus *flatten(const making *m, const gk_train__examples *t, gk_error *err) {
    gk_arena *a = gk_arena_new(), *scratch = gk_arena_new();
    gk_corpus *c = gk_arena_alloc(a, sizeof *c);
    size_t texts, tokens, longest;
    count_sizes(m, t, &texts, &tokens, &longest);
    size_t *start = gk_arena_alloc(a, (texts + 1) * sizeof *start);
    int32_t *token = gk_arena_alloc(a, tokens * sizeof *token);
    int32_t *doc = gk_arena_alloc(scratch, longest * sizeof *doc);
    bool *carries = m->loss == GK_LOSS_ANSWER ? gk_arena_alloc(a, tokens * sizeof *carries) : NULL, ok = true;
    *c = (gk_corpus){.token = token, .start = start, .carries = carries, .memory = a};
    if (m->general) c->documents = t->n;
    for (size_t i = 0; i < t->n && ok; i++) {
        const gk_train__example *x = &t->item[i];
        if (is_single(m, x)) {
            c->left_out++;
            continue;
        }
        memcpy(doc, x->ids.id, x->ids.n * sizeof *doc);
        if (m->eos >= 0) doc[x->ids.n] = m->eos;
        if (carries) ok = mark_answer(x, m->eos >= 0, carries + start[c->n], err);
        cut(c, token, start, doc, rows_of(m, x), m->max_rows);
    }
    gk_arena_free(scratch);
    if (ok && c->n == 0)
        ok = gk_fail(err, GK_AT_FILE(t->item[0].file), NULL, "no text in it is longer than a single token");
    if (!ok) {
        gk_arena_free(a);
        return NULL;
    }
    find_extremes(c);
    hash_corpus(c, m->tok);
    return c;
}

static gk_corpus *encode(const making *m, gk_train__examples *t, gk_error *err) {
    size_t ranges = (t->n + GRAIN - 1) / GRAIN;
    encode_task task = {.tok = m->tok,
                        .texts = t,
                        .arena = gk_alloc(ranges * sizeof *task.arena),
                        .error = gk_alloc(ranges * sizeof *task.error),
                        .failed = gk_alloc(ranges * sizeof *task.failed)};
    gk_parallel_for(t->n, GRAIN, encode_range, &task);
    gk_corpus *c = NULL;
    size_t bad = 0;
    while (bad < ranges && !task.failed[bad]) bad++;
    if (bad < ranges && err) *err = task.error[bad];
    if (bad == ranges && check_lengths(m, t, err)) c = flatten(m, t, err);
    for (size_t i = 0; i < ranges; i++) gk_arena_free(task.arena[i]);
    gk_free(task.arena);
    gk_free(task.error);
    gk_free(task.failed);
    return c;
}

static gk_corpus *load(const making *m, const char *const *files, size_t n_files, gk_error *err) {
    gk_train__examples t = {.a = gk_arena_new()};
    gk_corpus *c = NULL;
    if (gk_train__read_examples(&t, files, n_files, m->general, m->loss, err)) c = encode(m, &t, err);
    gk_free(t.item);
    gk_arena_free(t.a);
    return c;
}

gk_corpus *gk_corpus_load(const gk_tok *tok, const char *const *files, size_t n_files, int max_rows,
                          gk_loss loss, gk_error *err) {
    making m = {.tok = tok, .eos = gk_tok_eos(tok), .max_rows = (size_t)max_rows, .loss = loss};
    return load(&m, files, n_files, err);
}

gk_corpus *gk_corpus_load_mix(const gk_tok *tok, const char *const *files, size_t n_files, int max_rows,
                              gk_error *err) {
    making m = {.tok = tok, .eos = gk_tok_eos(tok), .max_rows = (size_t)max_rows, .general = true};
    return load(&m, files, n_files, err);
}

gk_corpus *gk_corpus_from_ids(const int32_t *token, const size_t *start, size_t n, gk_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (start[i + 1] >= start[i] + 2 && start[i + 1] - start[i] <= INT_MAX) continue;
        gk_fail(err, GK_NOWHERE, "a text needs two tokens or more", "text %zu has the wrong length", i);
        return NULL;
    }
    if (n == 0 || n > UINT32_MAX || start[0] != 0) {
        gk_fail(err, GK_NOWHERE, "give one text or more, the first from 0 on", "there is no such text");
        return NULL;
    }
    gk_arena *a = gk_arena_new();
    gk_corpus *c = gk_arena_alloc(a, sizeof *c);
    int32_t *ids = gk_arena_alloc(a, start[n] * sizeof *ids);
    size_t *starts = gk_arena_alloc(a, (n + 1) * sizeof *starts);
    memcpy(ids, token, start[n] * sizeof *ids);
    memcpy(starts, start, (n + 1) * sizeof *starts);
    *c = (gk_corpus){.n = n, .token = ids, .start = starts, .memory = a};
    find_extremes(c);
    hash_corpus(c, NULL);
    return c;
}

void gk_corpus_free(gk_corpus *c) {
    if (c) gk_arena_free(c->memory);
}

/* ---------------------------------------------------------------- a model's tokenizer */

const char *gk_tokenizer_path(const char *path, gk_arena *a, gk_error *err) {
    if (gk_is_checkpoint(path)) {
        const char *slash = strrchr(path, '/');
        return slash ? gk_arena_strndup(a, path, (size_t)(slash - path)) : ".";
    }
    bool elsewhere = gk_is_adapter(path) && !gk_tok_present(path);
    return elsewhere ? gk_adapter_base(path, a, err) : path;
}

gk_tok *gk_tokenizer_of(const char *path, gk_error *err) {
    gk_arena *a = gk_arena_new();
    const char *at = gk_tokenizer_path(path, a, err);
    gk_tok *t = at ? gk_tok_load(at, err) : NULL;
    gk_arena_free(a);
    return t;
}
