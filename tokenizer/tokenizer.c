/* tokenizer.c: what all kinds of tokenizers have in common. */
#include "graftkit/core/file.h"
#include "tokenizer/internal.h"
#include "tokenizer/spm/spm.h"

#include <string.h>

void gk_tok_free(gk_tok *t) {
    if (!t) return;
    if (t->kind) t->kind->free(t->model);
    gk_arena_free(t->arena);
    gk_free(t);
}

int gk_tok_size(const gk_tok *t) {
    return t->kind->size(t->model);
}

int gk_tok_own_size(const gk_tok *t) {
    int size = gk_tok_size(t);
    return t->own > 0 && t->own < size ? t->own : size;
}

int gk_tok_bos(const gk_tok *t) {
    return t->bos;
}

int gk_tok_eos(const gk_tok *t) {
    return t->eos;
}

const char *gk_tok_piece(const gk_tok *t, int id) {
    return id >= 0 && id < gk_tok_size(t) ? t->kind->piece(t->model, id) : NULL;
}

/* ---------------------------------------------------------------- encoding and decoding */

static bool check_text(const char *text, size_t len, gk_error *err) {
    size_t bad = 0;
    if (len > GK_TOK__TEXT_MAX)
        return gk_fail(err, GK_NOWHERE, "encode it in parts",
                       "a text of %zu bytes; at most %zu can be encoded", len, GK_TOK__TEXT_MAX);
    if (!gk_utf8_valid(text, len, &bad))
        return gk_fail(err, GK_AT_BYTE(NULL, bad), "text in UTF-8", "the text is not UTF-8");
    return true;
}

/* Whether encoding starts with BOS; fails when it should and the model has none. */
static bool choose_bos(const gk_tok *t, gk_bos bos, bool *out, gk_error *err) {
    bool has = gk_tok_bos(t) >= 0;
    *out = bos == GK_BOS_YES || (bos == GK_BOS_DEFAULT && t->add_bos && has);
    if (*out && !has)
        return gk_fail(err, GK_NOWHERE, "encode without BOS", "this tokenizer has no BOS token");
    return true;
}

/* The ids behind BOS, which stands first in `k`. */
static void put_behind_bos(const gk_tok *t, gk_arena *a, gk_tokens *k) {
    size_t more = t->n_behind_bos, rest = k->n - 1;
    gk_tokens all = {.id = gk_arena_alloc(a, (k->n + more) * sizeof *all.id),
                     .span = gk_arena_alloc(a, (k->n + more) * sizeof *all.span),
                     .n = k->n + more};
    all.id[0] = k->id[0];
    memcpy(all.id + 1, t->behind_bos, more * sizeof *all.id);
    if (rest) memcpy(all.id + 1 + more, k->id + 1, rest * sizeof *all.id);
    if (rest) memcpy(all.span + 1 + more, k->span + 1, rest * sizeof *all.span);
    *k = all;
}

static bool encode(const gk_tok *t, const char *text, size_t len, int bos, gk_arena *a, gk_tokens *out,
                   gk_error *err) {
    if (len > 0) return t->kind->encode(t->model, text, len, bos, a, out, err);
    *out = (gk_tokens){.id = gk_arena_alloc(a, sizeof *out->id),
                       .span = gk_arena_alloc(a, sizeof *out->span),
                       .n = bos >= 0 ? 1 : 0};
    if (bos >= 0) out->id[0] = bos;
    return true;
}

bool gk_tok_encode(const gk_tok *t, const char *text, size_t len, gk_bos bos, gk_arena *a, gk_tokens *out,
                   gk_error *err) {
    *out = (gk_tokens){0};
    bool with_bos = false;
    if (len == 0) text = "";
    if (!check_text(text, len, err) || !choose_bos(t, bos, &with_bos, err)) return false;
    if (!encode(t, text, len, with_bos ? t->bos : -1, a, out, err)) return false;
    if (with_bos && t->n_behind_bos > 0) put_behind_bos(t, a, out);
    return true;
}

static bool has_text(const gk_tok *t, int32_t id) {
    const char *piece = gk_tok_piece(t, id);
    return piece && *piece;
}

char *gk_tok_show(const gk_tok *t, const int32_t *id, size_t n, gk_arena *a, gk_error *err) {
    char *all = gk_arena_strdup(a, "");
    for (size_t i = 0, end; i < n; i = end) {
        end = i + 1;
        if (!has_text(t, id[i])) {
            all = gk_arena_printf(a, "%s<id %d>", all, (int)id[i]);
            continue;
        }
        while (end < n && has_text(t, id[end])) end++;
        char *part = gk_tok_decode(t, id + i, end - i, a, err);
        if (!part) return NULL;
        all = *all ? gk_arena_printf(a, "%s%s", all, part) : part;
    }
    return all;
}

bool gk_tok_first(const gk_tok *t, const char *text, int32_t *id, gk_error *err) {
    if (!*text) return gk_fail(err, GK_NOWHERE, "a name, for instance", "an empty text has no first token");
    if (!check_text(text, strlen(text), err)) return false;
    /* A word before it, because models differ in what they make of a space at the start: another space before
     * it, nothing, or the space that it is. */
    static const char before[] = "a";
    const size_t space = sizeof before - 1;
    gk_arena *a = gk_arena_new();
    const char *after = gk_arena_printf(a, "%s %s", before, text);
    gk_tokens tokens = {0};
    bool ok = gk_tok_encode(t, after, strlen(after), GK_BOS_NO, a, &tokens, err);
    /* The spans tile the text, so one token holds the space. */
    for (size_t i = tokens.n; i-- > 0 && tokens.span[i].end > space;) *id = tokens.id[i];
    gk_arena_free(a);
    return ok;
}

char *gk_tok_decode(const gk_tok *t, const int32_t *id, size_t n, gk_arena *a, gk_error *err) {
    int size = gk_tok_size(t);
    for (size_t i = 0; i < n; i++)
        if (id[i] < 0 || id[i] >= size) {
            gk_fail(err, GK_NOWHERE, "an id of this tokenizer", "token %zu is %d; the ids are 0 to %d", i,
                    id[i], size - 1);
            return NULL;
        }
    return t->kind->decode(t->model, id, n, a, err);
}

const char *gk_tok_sentencepiece(void) {
    return gk_spm__version();
}
