/* spm_bpe.c: a sentencepiece BPE model as a table of merges, encoded with by bpe_merges.c.
 *
 * The library merges two neighbours when what they spell is a piece, the highest score first and of equal
 * scores the leftmost. So each way to cut a piece into two pieces is an entry of the table, and the rank is
 * the place of the score among all scores, highest first, one rank for equal scores. Characters without a
 * piece become bytes, which merge with nothing.
 *
 * The table stands for a model exactly, or is not made and the library encodes. It is not made where
 * - there is no byte fallback, or spaces are not written as U+2581, or that has no piece;
 * - the model is Unigram's, or rewrites the text;
 * - there are user-defined symbols, which are cut out of the text first, or unused pieces, which are merged
 *   and taken apart again;
 * - a control, unknown or byte piece spells what can be a symbol: the library gives such text its id;
 * - a character of a piece has no piece of its own: then it is no symbol here, but one there;
 * - a piece is longer than PIECE_MAX, for which looking at all cuts takes too long.
 */
#include "tokenizer/spm/spm_bpe.h"

#include <stdlib.h>
#include <string.h>

#define MARK "\xE2\x96\x81" /* U+2581, for a space */
#define MARK_LEN ((size_t)3)
#define PIECE_MAX 256 /* bytes */
#define WORDS 256     /* handed on at a time */

/* Characters as the ends of words tell them apart: ASCII, the mark, all others. */
enum { CLASS_MARK = 0x80, CLASS_OTHER, CLASSES };

struct gk_spm__bpe {
    gk_arena *a;
    gk_tok__bpe_model model;
    bool squeeze;
    bool joined[CLASSES][CLASSES]; /* some piece has one after the other */
};

/* ---------------------------------------------------------------- building */

typedef struct builder {
    const gk_spm__model *m;
    gk_spm__bpe *b;
    gk_arena *tmp;
    gk_tok__strings normal; /* all that can be a symbol */
    uint32_t *rank;         /* of an id */
    gk_tok__merge *pair;
    size_t n_pairs, pairs_cap, n_chars;
} builder;

static size_t class_of(const char *s) {
    if ((unsigned char)*s < 0x80) return (unsigned char)*s;
    return memcmp(s, MARK, MARK_LEN) == 0 ? CLASS_MARK : CLASS_OTHER;
}

static bool is_char(const char *piece, size_t len) {
    return len == gk_tok__utf8_len(*piece);
}

static bool collect_normal(builder *w, int size) {
    gk_tok__strings_init(&w->normal, w->tmp, (size_t)size);
    for (int id = 0; id < size; id++) {
        const char *piece = gk_spm__piece(w->m, id);
        size_t len = strlen(piece);
        if (gk_spm__is_unused(w->m, id)) return false;
        if (gk_spm__is_reserved(w->m, id)) continue;
        if (len > PIECE_MAX || !gk_tok__strings_add(&w->normal, piece, len, id)) return false;
        w->n_chars += is_char(piece, len);
    }
    return gk_tok__strings_get(&w->normal, MARK, MARK_LEN) >= 0;
}

static bool collect_reserved(builder *w, int size) {
    int32_t *byte_id = w->b->model.byte_id;
    for (int i = 0; i < 256; i++) byte_id[i] = -1;
    for (int id = 0; id < size; id++) {
        if (!gk_spm__is_reserved(w->m, id)) continue;
        const char *piece = gk_spm__piece(w->m, id);
        size_t len = strlen(piece);
        if (is_char(piece, len) || gk_tok__strings_get(&w->normal, piece, len) >= 0) return false;
        int value = gk_spm__byte(w->m, id);
        if (value >= 0) byte_id[value] = id;
    }
    for (int i = 0; i < 256; i++)
        if (byte_id[i] < 0) return false;
    return true;
}

typedef struct scored {
    float score;
    int32_t id;
} scored;

static int by_score(const void *a, const void *b) {
    float x = ((const scored *)a)->score, y = ((const scored *)b)->score;
    return (x < y) - (x > y);
}

static void rank_pieces(builder *w, int size) {
    scored *all = gk_arena_alloc(w->tmp, (size_t)size * sizeof *all);
    for (int i = 0; i < size; i++) all[i] = (scored){gk_spm__score(w->m, i), i};
    qsort(all, (size_t)size, sizeof *all, by_score);
    w->rank = gk_arena_alloc(w->tmp, (size_t)size * sizeof *w->rank);
    uint32_t rank = 0;
    for (int i = 0; i < size; i++) {
        if (i > 0 && all[i].score < all[i - 1].score) rank++;
        w->rank[all[i].id] = rank;
    }
}

static void add_char(builder *w, const char *piece, size_t len, int32_t id) {
    if (len == 1)
        w->b->model.ascii_id[(unsigned char)*piece] = id;
    else
        gk_tok__strings_add(&w->b->model.words, piece, len, id);
}

static void add_pair(builder *w, int32_t left, int32_t right, int32_t id) {
    if (w->n_pairs == w->pairs_cap) {
        size_t cap = w->pairs_cap ? 2 * w->pairs_cap : 1024;
        w->pair = gk_grow(w->pair, w->n_pairs * sizeof *w->pair, cap * sizeof *w->pair);
        w->pairs_cap = cap;
    }
    w->pair[w->n_pairs++] = (gk_tok__merge){(uint32_t)left, (uint32_t)right, w->rank[id], id};
}

/* All ways to cut a piece of several characters in two. */
static bool add_piece(builder *w, const char *piece, size_t len, int32_t id) {
    for (size_t i = 0, n; i < len; i += n) {
        n = gk_tok__utf8_len(piece[i]);
        if (gk_tok__strings_get(&w->normal, piece + i, n) < 0) return false;
        if (i + n == len) break;
        w->b->joined[class_of(piece + i)][class_of(piece + i + n)] = true;
        int32_t left = gk_tok__strings_get(&w->normal, piece, i + n);
        int32_t right = left < 0 ? -1 : gk_tok__strings_get(&w->normal, piece + i + n, len - i - n);
        if (right >= 0) add_pair(w, left, right, id);
    }
    return true;
}

static bool build(builder *w) {
    int size = gk_spm__size(w->m);
    gk_tok__bpe_model *model = &w->b->model;
    if (!collect_normal(w, size) || !collect_reserved(w, size)) return false;
    rank_pieces(w, size);
    gk_tok__strings_init(&model->words, w->b->a, w->n_chars);
    for (size_t i = 0; i < sizeof model->ascii_id / sizeof *model->ascii_id; i++) model->ascii_id[i] = -1;
    for (int id = 0; id < size; id++) {
        if (gk_spm__is_reserved(w->m, id)) continue;
        const char *piece = gk_spm__piece(w->m, id);
        size_t len = strlen(piece);
        if (is_char(piece, len))
            add_char(w, piece, len, id);
        else if (!add_piece(w, piece, len, id))
            return false;
    }
    gk_tok__merges_init(&model->pairs, w->b->a, w->n_pairs);
    for (size_t i = 0; i < w->n_pairs; i++) gk_tok__merges_add(&model->pairs, w->pair[i]);
    return true;
}

gk_spm__bpe *gk_spm__bpe_new(const gk_spm__model *m, const gk_spm__facts *facts) {
    if (!facts->byte_fallback || !facts->escape || facts->user_defined || facts->unigram || facts->charsmap)
        return NULL;
    gk_spm__bpe *b = gk_alloc(sizeof *b);
    *b = (gk_spm__bpe){
        .a = gk_arena_new(), .model = {.byte_fallback = true, .unk = -1}, .squeeze = facts->squeeze};
    builder w = {.m = m, .b = b, .tmp = gk_arena_new()};
    bool ok = build(&w);
    gk_free(w.pair);
    gk_arena_free(w.tmp);
    if (ok) return b;
    gk_spm__bpe_free(b);
    return NULL;
}

void gk_spm__bpe_free(gk_spm__bpe *b) {
    if (!b) return;
    gk_arena_free(b->a);
    gk_free(b);
}

/* ---------------------------------------------------------------- normalising */

typedef struct normal {
    char *text;
    uint32_t *at;
    size_t len;
} normal;

static void put(normal *o, const char *bytes, size_t n, size_t at) {
    for (size_t i = 0; i < n; i++) {
        o->text[o->len] = bytes[i];
        o->at[o->len++] = (uint32_t)at;
    }
}

/* As the library does it, down to where a byte belongs: all bytes of a character begin where it does; spaces
 * left out belong to what is before them; at the end a U+2581 of the text is left out like a space. */
static gk_tok__view normalize(const gk_spm__bpe *b, bool prefix, const char *text, size_t len, gk_arena *a) {
    size_t room = len + MARK_LEN, i = 0, end = len;
    for (size_t k = 0; k < len; k++) room += text[k] == ' ' ? MARK_LEN - 1 : 0;
    while (b->squeeze && i < len && text[i] == ' ') i++;
    if (i == len) return (gk_tok__view){.text = ""};
    normal o = {gk_arena_alloc(a, room + 1), gk_arena_alloc(a, (room + 1) * sizeof *o.at), 0};
    if (prefix) put(&o, MARK, MARK_LEN, i);
    bool after_space = b->squeeze;
    while (i < len) {
        if (text[i] == ' ') {
            if (!after_space) put(&o, MARK, MARK_LEN, i);
            after_space = b->squeeze;
            i++;
        } else {
            size_t n = gk_tok__utf8_len(text[i]);
            put(&o, text + i, n, i);
            after_space = false;
            i += n;
        }
    }
    while (b->squeeze && o.len >= MARK_LEN && memcmp(o.text + o.len - MARK_LEN, MARK, MARK_LEN) == 0) {
        o.len -= MARK_LEN;
        end = o.at[o.len];
    }
    o.at[o.len] = (uint32_t)end;
    return (gk_tok__view){.text = o.text, .len = o.len, .at = o.at};
}

/* ---------------------------------------------------------------- encoding */

/* Where no piece has one character after the other, no merge reaches across, so the text can be cut there:
 * what is on one side never changes the other. The words are short, and come again. */
void gk_spm__bpe_encode(const gk_spm__bpe *b, bool prefix, const char *text, size_t len, gk_tok__ids *out) {
    gk_arena *a = gk_arena_new();
    gk_tok__word_cache *cache = gk_tok__word_cache_new(len);
    gk_tok__range range[WORDS];
    gk_tok__words words = {.view = normalize(b, prefix, text, len, a), .item = range};
    const char *s = words.view.text;
    size_t begin = 0, n;
    for (size_t i = 0, left = words.view.len ? class_of(s) : 0; i < words.view.len; i += n) {
        n = gk_tok__utf8_len(s[i]);
        bool last = i + n == words.view.len;
        size_t right = last ? 0 : class_of(s + i + n);
        if (last || !b->joined[left][right]) {
            range[words.n++] = (gk_tok__range){(uint32_t)begin, (uint32_t)(i + n)};
            begin = i + n;
        }
        left = right;
        if (last || words.n == WORDS) {
            gk_tok__bpe_words(&b->model, &words, cache, out);
            words.n = 0;
        }
    }
    gk_tok__word_cache_free(cache);
    gk_arena_free(a);
}
