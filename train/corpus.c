#include "train/train.h"

#include <limits.h>
#include <string.h>

/* Texts tokenised by one call of a parallel loop: they share an arena. */
#define GRAIN 256

typedef struct text {
    const char *utf8;
    size_t len;
    const char *file;
    long line;
    gk_tokens ids;
} text;

typedef struct texts {
    text *item;
    size_t n, cap;
    gk_arena *a;
} texts;

/* ---------------------------------------------------------------- reading */

static void add_text(texts *t, const json_t *string, gk_place at, const char *file) {
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 1024;
        t->item = gk_grow(t->item, t->cap * sizeof *t->item, cap * sizeof *t->item);
        t->cap = cap;
    }
    size_t len = json_string_length(string);
    t->item[t->n++] = (text){.utf8 = gk_arena_strndup(t->a, json_string_value(string), len),
                             .len = len,
                             .file = file,
                             .line = at.line};
}

static bool read_lines(texts *t, gk_jsonl *in, const char *file, gk_error *err) {
    json_t *obj;
    int got;
    while ((got = gk_jsonl_next(in, &obj, err)) > 0) {
        gk_place at = gk_jsonl_place(in);
        const char *s;
        bool ok = gk_json_str(obj, "text", &s, at, err);
        at.field = "text";
        if (ok && !*s) ok = gk_fail(err, at, "leave out lines that have no text", "is empty");
        if (ok && t->n == UINT32_MAX)
            ok = gk_fail(err, at, "use fewer texts", "more than %u texts", UINT32_MAX);
        if (ok) add_text(t, json_object_get(obj, "text"), at, file);
        json_decref(obj);
        if (!ok) return false;
    }
    return got == 0;
}

static bool read_files(texts *t, const char *const *files, size_t n_files, gk_error *err) {
    for (size_t i = 0; i < n_files; i++) {
        gk_jsonl *in = gk_jsonl_open(files[i], err);
        if (!in) return false;
        size_t before = t->n;
        bool ok = read_lines(t, in, files[i], err);
        gk_jsonl_close(in);
        if (!ok) return false;
        if (t->n == before)
            return gk_fail(err, GK_AT_FILE(files[i]), "one {\"text\": \"...\"} object a line",
                           "there is no text in this file");
    }
    return true;
}

/* ---------------------------------------------------------------- tokenising */

typedef struct encode_task {
    const gk_tok *tok;
    texts *texts;
    gk_arena **arena; /* one a range */
    gk_error *error;  /* one a range */
    bool *failed;
} encode_task;

static void encode_range(void *ctx, size_t begin, size_t end) {
    encode_task *t = ctx;
    size_t range = begin / GRAIN;
    t->arena[range] = gk_arena_new();
    for (size_t i = begin; i < end && !t->failed[range]; i++) {
        text *x = &t->texts->item[i];
        gk_error *e = &t->error[range];
        if (gk_tok_encode(t->tok, x->utf8, x->len, GK_BOS_DEFAULT, t->arena[range], &x->ids, e)) continue;
        t->failed[range] = true;
        snprintf(e->file, sizeof e->file, "%s", x->file);
        e->line = x->line;
    }
}

static size_t rows_of(const text *x, int eos) {
    return x->ids.n + (eos >= 0) - 1;
}

static bool check_lengths(const texts *t, int eos, int max_rows, gk_error *err) {
    size_t too_long = 0;
    const text *first = NULL;
    for (size_t i = 0; i < t->n; i++) {
        const text *x = &t->item[i];
        if (x->ids.n + (eos >= 0) < 2)
            return gk_fail(err, GK_AT_LINE(x->file, x->line, 0), NULL,
                           "the text is a single token: there is nothing to predict");
        if (rows_of(x, eos) <= (size_t)max_rows) continue;
        if (!first) first = x;
        too_long++;
    }
    if (!first) return true;
    return gk_fail(
        err, GK_AT_LINE(first->file, first->line, 0),
        "shorten or split them, or use a model with more positions",
        "%zu of %zu texts are longer than the model's %d positions; this, the first, has %zu tokens",
        too_long, t->n, max_rows, rows_of(first, eos));
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
    char hex[3 * GK_SHA256_HEX];
    gk_sha256_bytes(c->token, c->start[c->n] * sizeof *c->token, hex);
    gk_sha256_bytes(c->start, (c->n + 1) * sizeof *c->start, hex + GK_SHA256_HEX);
    hash_vocabulary(tok, hex + 2 * GK_SHA256_HEX);
    gk_sha256_bytes(hex, sizeof hex, c->sha256);
}

static gk_corpus *flatten(const texts *t, const gk_tok *tok) {
    gk_arena *a = gk_arena_new();
    gk_corpus *c = gk_arena_alloc(a, sizeof *c);
    const int eos = gk_tok_eos(tok);
    size_t total = 0, *start = gk_arena_alloc(a, (t->n + 1) * sizeof *start);
    for (size_t i = 0; i < t->n; i++) total += rows_of(&t->item[i], eos) + 1;
    int32_t *token = gk_arena_alloc(a, total * sizeof *token);
    for (size_t i = 0; i < t->n; i++) {
        const gk_tokens *ids = &t->item[i].ids;
        memcpy(token + start[i], ids->id, ids->n * sizeof *token);
        start[i + 1] = start[i] + ids->n;
        if (eos >= 0) token[start[i + 1]++] = eos;
    }
    *c = (gk_corpus){.n = t->n, .token = token, .start = start, .memory = a};
    find_extremes(c);
    hash_corpus(c, tok);
    return c;
}

static gk_corpus *encode(texts *t, const gk_tok *tok, int max_rows, gk_error *err) {
    size_t ranges = (t->n + GRAIN - 1) / GRAIN;
    encode_task task = {.tok = tok,
                        .texts = t,
                        .arena = gk_alloc(ranges * sizeof *task.arena),
                        .error = gk_alloc(ranges * sizeof *task.error),
                        .failed = gk_alloc(ranges * sizeof *task.failed)};
    gk_parallel_for(t->n, GRAIN, encode_range, &task);
    gk_corpus *c = NULL;
    size_t bad = 0;
    while (bad < ranges && !task.failed[bad]) bad++;
    if (bad < ranges && err) *err = task.error[bad];
    if (bad == ranges && check_lengths(t, gk_tok_eos(tok), max_rows, err)) c = flatten(t, tok);
    for (size_t i = 0; i < ranges; i++) gk_arena_free(task.arena[i]);
    gk_free(task.arena);
    gk_free(task.error);
    gk_free(task.failed);
    return c;
}

gk_corpus *gk_corpus_load(const gk_tok *tok, const char *const *files, size_t n_files, int max_rows,
                          gk_error *err) {
    texts t = {.a = gk_arena_new()};
    gk_corpus *c = NULL;
    if (n_files == 0)
        gk_fail(err, GK_NOWHERE, "name at least one file of texts", "there are no texts");
    else if (read_files(&t, files, n_files, err))
        c = encode(&t, tok, max_rows, err);
    gk_free(t.item);
    gk_arena_free(t.a);
    return c;
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
