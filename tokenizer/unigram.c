/* unigram.c: words into the pieces of which the sum of scores is the highest, as the `tokenizers` library
 * does it: a character that is no piece costs 10 more than the worst piece, and neighbours of that kind are
 * one.
 */
#include "tokenizer/internal.h"

#include <stdlib.h>
#include <string.h>

#define UNKNOWN_COSTS 10.0

struct gk_tok__unigram {
    double *score;        /* of an id */
    gk_tok__merges edges; /* of a trie of the pieces: node and byte -> node */
    int32_t *id;          /* of the piece that ends at a node; -1: none does */
    double unknown;       /* score */
};

/* ---------------------------------------------------------------- building */

typedef struct piece {
    const char *text;
    uint32_t len;
    int32_t id;
} piece;

static int by_text(const void *a, const void *b) {
    const piece *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* Sorted, a piece needs a node for each byte behind what it has in common with the one before. */
static size_t count_nodes(const piece *sorted, size_t n) {
    size_t nodes = 1;
    for (size_t i = 0; i < n; i++) {
        size_t same = 0;
        while (i > 0 && same < sorted[i - 1].len && same < sorted[i].len &&
               sorted[i - 1].text[same] == sorted[i].text[same])
            same++;
        nodes += sorted[i].len - same;
    }
    return nodes;
}

static void add_piece(gk_tok__unigram *u, const piece *p, int32_t *nodes) {
    int32_t at = 0;
    for (size_t i = 0; i < p->len; i++) {
        uint32_t byte = (unsigned char)p->text[i];
        const gk_tok__merge *edge = gk_tok__merges_get(&u->edges, (uint32_t)at, byte);
        int32_t next = edge ? edge->id : *nodes;
        if (!edge) {
            gk_tok__merges_add(&u->edges, (gk_tok__merge){(uint32_t)at, byte, 0, next});
            u->id[(*nodes)++] = -1;
        }
        at = next;
    }
    if (at) u->id[at] = p->id;
}

gk_tok__unigram *gk_tok__unigram_new(const gk_tok__bpe *b, const double *score) {
    gk_tok__unigram *u = gk_arena_alloc(b->a, sizeof *u);
    size_t n = (size_t)b->size;
    piece *sorted = gk_alloc((n + 1) * sizeof *sorted);
    u->score = gk_arena_alloc(b->a, (n + 1) * sizeof *u->score);
    memcpy(u->score, score, n * sizeof *score);
    u->unknown = score[0];
    for (size_t i = 0; i < n; i++) {
        sorted[i] = (piece){b->piece[i].text, b->piece[i].len, (int32_t)i};
        if (score[i] < u->unknown) u->unknown = score[i];
    }
    u->unknown -= UNKNOWN_COSTS;
    qsort(sorted, n, sizeof *sorted, by_text);
    size_t nodes = count_nodes(sorted, n);
    int32_t used = 1;
    gk_tok__merges_init(&u->edges, b->a, nodes);
    u->id = gk_arena_alloc(b->a, nodes * sizeof *u->id);
    for (size_t i = 0; i < n; i++) add_piece(u, &sorted[i], &used);
    gk_free(sorted);
    return u;
}

double gk_tok__unigram_score(const gk_tok__unigram *u, int id) {
    return u->score[id];
}

/* ---------------------------------------------------------------- the best way through a word */

/* How a text up to some byte is best cut: the last piece of it. */
typedef struct step {
    double score;
    uint32_t begin; /* of the piece; NONE: nothing ends here */
    int32_t id;     /* the unknown piece's where there is none */
} step;
#define NONE UINT32_MAX

static void offer(step *to, double score, size_t begin, int32_t id) {
    if (to->begin == NONE || score > to->score) *to = (step){score, (uint32_t)begin, id};
}

static void fill(const gk_tok__unigram *u, int32_t unk, const char *text, size_t len, step *at) {
    for (size_t i = 0; i <= len; i++) at[i] = (step){0, NONE, -1};
    for (size_t begin = 0, n; begin < len; begin += n) {
        double so_far = at[begin].score;
        bool single = false;
        n = gk_tok__utf8_len(text[begin]);
        const gk_tok__merge *edge = NULL;
        for (size_t end = begin; end < len; end++) {
            edge = gk_tok__merges_get(&u->edges, edge ? (uint32_t)edge->id : 0, (unsigned char)text[end]);
            if (!edge) break;
            int32_t id = u->id[edge->id];
            if (id < 0) continue;
            offer(&at[end + 1], so_far + u->score[id], begin, id);
            single = single || end + 1 - begin == n;
        }
        if (!single) offer(&at[begin + n], so_far + u->unknown, begin, unk);
    }
}

/* [begin, end) of the word, which no piece spells. */
static void put_unknown(const gk_tok__bpe *b, const gk_tok__view *v, gk_tok__range r, gk_tok__ids *out) {
    const gk_tok__bpe_model *m = &b->model;
    int32_t whole = gk_tok__strings_get(&b->vocab, v->text + r.begin, r.end - r.begin);
    bool bytes = whole < 0 && m->byte_fallback;
    for (size_t i = r.begin; i < r.end && bytes; i++) bytes = m->byte_id[(unsigned char)v->text[i]] >= 0;
    if (!bytes) {
        gk_tok__ids_add(out, whole >= 0 ? whole : m->unk, gk_tok__view_at(v, r.end));
        return;
    }
    for (size_t i = r.begin; i < r.end; i++)
        gk_tok__ids_add(out, m->byte_id[(unsigned char)v->text[i]], gk_tok__view_at(v, i + 1));
}

static void one_word(const gk_tok__bpe *b, const gk_tok__view *v, gk_tok__range r, step *at,
                     gk_tok__ids *out) {
    size_t len = r.end - r.begin;
    fill(b->unigram, b->model.unk, v->text + r.begin, len, at);
    /* The way leads from the end to the begin: turned round, a step says where the next piece ends. */
    uint32_t next = NONE;
    for (uint32_t end = (uint32_t)len; end != NONE;) {
        uint32_t begin = at[end].begin;
        at[end].begin = next;
        next = end;
        end = end == 0 ? NONE : begin;
    }
    for (uint32_t begin = 0, end; begin < len; begin = end) {
        end = at[begin].begin;
        if (at[end].id != b->model.unk) {
            gk_tok__ids_add(out, at[end].id, gk_tok__view_at(v, r.begin + end));
            continue;
        }
        while (end < len && at[at[end].begin].id == b->model.unk) end = at[end].begin;
        put_unknown(b, v, (gk_tok__range){r.begin + begin, r.begin + end}, out);
    }
}

void gk_tok__unigram_words(const gk_tok__bpe *b, const gk_tok__words *words, gk_tok__ids *out) {
    size_t longest = 0;
    for (size_t i = 0; i < words->n; i++) {
        size_t len = words->item[i].end - words->item[i].begin;
        if (len > longest) longest = len;
    }
    step *at = gk_alloc((longest + 1) * sizeof *at);
    for (size_t i = 0; i < words->n; i++) one_word(b, &words->view, words->item[i], at, out);
    gk_free(at);
}
