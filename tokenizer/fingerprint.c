/* fingerprint.c: whether tokenizers are the same, whatever files they were read from. */
#include "graftkit/core/file.h"
#include "tokenizer/internal.h"

#include <string.h>

void gk_tok_fingerprint(const gk_tok *t, char hex[GK_SHA256_HEX]) {
    gk_buf text = {0};
    gk_buf_printf(&text, "%d %d %d ", t->bos, t->eos, t->add_bos && t->bos >= 0);
    t->kind->describe(t->model, &text);
    for (size_t i = 0; i < t->n_behind_bos; i++) gk_buf_printf(&text, "behind %d ", (int)t->behind_bos[i]);
    gk_sha256_bytes(text.data, text.len, hex);
    gk_buf_free(&text);
}

static bool same_pieces(const gk_tok *a, const gk_tok *b) {
    int n = gk_tok_size(a);
    if (n != gk_tok_size(b) || a->bos != b->bos || a->eos != b->eos) return false;
    for (int i = 0; i < n; i++)
        if (strcmp(gk_tok_piece(a, i), gk_tok_piece(b, i)) != 0) return false;
    return true;
}

bool gk_tok_same(const gk_tok *a, const gk_tok *b) {
    char x[GK_SHA256_HEX], y[GK_SHA256_HEX];
    if (a->kind != b->kind) return same_pieces(a, b);
    gk_tok_fingerprint(a, x);
    gk_tok_fingerprint(b, y);
    return strcmp(x, y) == 0;
}

bool gk_tok_extends(const gk_tok *more, const gk_tok *a) {
    int n = gk_tok_size(a);
    if (a->kind != &gk_tok__bpe_kind || more->kind != a->kind || gk_tok_size(more) <= n) return false;
    if (a->bos != more->bos || a->eos != more->eos || a->add_bos != more->add_bos ||
        a->n_behind_bos != more->n_behind_bos)
        return false;
    for (size_t i = 0; i < a->n_behind_bos; i++)
        if (a->behind_bos[i] != more->behind_bos[i]) return false;
    gk_buf x = {0}, y = {0};
    gk_tok__bpe_describe_upto(a->model, n, &x);
    gk_tok__bpe_describe_upto(more->model, n, &y);
    bool same = x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
    gk_buf_free(&x);
    gk_buf_free(&y);
    return same;
}
