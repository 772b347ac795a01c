/* describe.c: what a tokenizer is, as bytes that do not depend on the files it was read from. */
#include "tokenizer/internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void add_number(gk_buf *out, long long n) {
    gk_buf_printf(out, "%lld ", n);
}

/* With its length before it, so that no two lists of texts look alike. */
void gk_tok__describe_text(gk_buf *out, const char *text, size_t len) {
    gk_buf_printf(out, "%zu:", len);
    if (len) gk_buf_add(out, text, len);
}

static void put_string(gk_buf *out, const char *text) {
    gk_tok__describe_text(out, text ? text : "", text ? strlen(text) : 0);
}

static void put_pattern(gk_buf *out, const gk_tok__pattern *p) {
    put_string(out, p->code ? "regex" : p->literal ? "literal" : "none");
    put_string(out, p->code ? p->source : p->literal);
}

/* ---------------------------------------------------------------- the parts of the BPE kind */

static void put_steps(gk_buf *out, const gk_tok__bpe *b) {
    put_string(out, "normalizer");
    for (size_t i = 0; i < b->norms.n; i++) {
        const gk_tok__norm *n = &b->norms.item[i];
        add_number(out, n->kind);
        add_number(out, n->form);
        put_pattern(out, &n->pattern);
        gk_tok__describe_text(out, n->content, n->content_len);
        if (n->kind == GK_TOK__CHARSMAP) gk_tok__describe_text(out, n->map.bytes, n->map.len);
        if (n->kind == GK_TOK__STRIP) gk_buf_printf(out, "%d %d ", n->left, n->right);
    }
    put_string(out, "pre_tokenizer");
    for (size_t i = 0; i < b->steps.n; i++) {
        const gk_tok__pre_step *s = &b->steps.item[i];
        add_number(out, s->kind);
        put_pattern(out, &s->pattern);
        add_number(out, s->behaviour);
        add_number(out, s->invert);
        put_string(out, s->mark);
        add_number(out, s->scheme);
    }
    put_string(out, b->decs.any ? "decoder" : "no decoder");
    for (size_t i = 0; i < b->decs.n; i++) {
        const gk_tok__dec *d = &b->decs.item[i];
        add_number(out, d->kind);
        put_pattern(out, &d->pattern);
        put_string(out, d->content);
        add_number(out, (long long)d->start);
        add_number(out, (long long)d->stop);
        add_number(out, d->drop_first);
    }
}

void gk_tok__describe_added(gk_buf *out, const gk_tok__added_token *t) {
    gk_buf_printf(out, "%d %d%d%d%d%d ", t->id, t->single_word, t->lstrip, t->rstrip, t->normalized,
                  t->special);
    gk_tok__describe_text(out, t->content, t->len);
}

/* Those with ids below `end`. */
static void put_pieces(gk_buf *out, const gk_tok__bpe *b, int end) {
    put_string(out, "pieces");
    for (int i = 0; i < b->size && i < end; i++) {
        const struct gk_tok__bpe_piece *p = &b->piece[i];
        if (!p->there) continue;
        add_number(out, i);
        gk_tok__describe_text(out, p->text, p->len);
    }
    put_string(out, b->split_special ? "added, special ones not found" : "added");
    for (size_t i = 0; i < b->n_added; i++)
        if (b->added[i].id < end) gk_tok__describe_added(out, &b->added[i]);
}

static void put_scores(gk_buf *out, const gk_tok__bpe *b, int end) {
    put_string(out, "unigram");
    for (int i = 0; i < (int)b->n_vocab && i < end; i++)
        gk_buf_printf(out, "%a ", gk_tok__unigram_score(b->unigram, i));
}

static int by_rank(const void *a, const void *b) {
    uint32_t x = ((const gk_tok__merge *)a)->rank, y = ((const gk_tok__merge *)b)->rank;
    return (x > y) - (x < y);
}

/* In their order: the table's own depends on a random number. */
static void put_merges(gk_buf *out, const gk_tok__merges *pairs) {
    size_t slots = pairs->slot ? pairs->mask + 1 : 0, n = 0;
    gk_tok__merge *list = gk_alloc((slots + 1) * sizeof *list);
    for (size_t i = 0; i < slots; i++)
        if (pairs->slot[i].rank != UINT32_MAX) list[n++] = pairs->slot[i];
    qsort(list, n, sizeof *list, by_rank);
    put_string(out, "merges");
    for (size_t i = 0; i < n; i++) gk_buf_printf(out, "%u %u %d ", list[i].left, list[i].right, list[i].id);
    gk_free(list);
}

static bool never_unknown(const gk_tok__bpe_model *m) {
    for (int i = 0; i < 256; i++)
        if (m->byte_id[i] < 0) return false;
    return m->bytes;
}

void gk_tok__bpe_describe_upto(const gk_tok__bpe *b, int end, gk_buf *out) {
    const gk_tok__bpe_model *m = &b->model;
    gk_buf_printf(out, "bpe %d %d %d ", m->bytes, m->ignore_merges, b->shows_bytes);
    if (!never_unknown(m)) gk_buf_printf(out, "%d %d %d ", m->unk, m->byte_fallback, m->fuse_unk);
    if (m->prefix || m->suffix) {
        put_string(out, m->prefix);
        put_string(out, m->suffix);
    }
    put_steps(out, b);
    put_pieces(out, b, end);
    if (b->unigram) put_scores(out, b, end);
    put_merges(out, &m->pairs);
}

void gk_tok__bpe_describe(const void *bpe, gk_buf *out) {
    gk_tok__bpe_describe_upto(bpe, INT_MAX, out);
}
