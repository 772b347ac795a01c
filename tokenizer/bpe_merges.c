/* bpe_merges.c: words into pieces by merging pairs, the lowest rank first and of equals the leftmost.
 *
 * Short words look for the lowest rank by looking at all pairs, long ones with a heap, so that a text without
 * a space costs n log n. Words that were seen before in a text are looked up.
 */
#include "tokenizer/internal.h"

#include <string.h>

#define SHORT 40      /* symbols */
#define CACHED_MAX 48 /* bytes of a word that is remembered */

/* ---------------------------------------------------------------- ids that grow */

void gk_tok__ids_add(gk_tok__ids *ids, int32_t id, uint32_t end) {
    if (ids->n == ids->cap) {
        size_t cap = ids->cap ? 2 * ids->cap : 64;
        ids->id = gk_grow(ids->id, ids->n * sizeof *ids->id, cap * sizeof *ids->id);
        ids->end = gk_grow(ids->end, ids->n * sizeof *ids->end, cap * sizeof *ids->end);
        ids->cap = cap;
    }
    ids->id[ids->n] = id;
    ids->end[ids->n++] = end;
}

void gk_tok__ids_free(gk_tok__ids *ids) {
    gk_free(ids->id);
    gk_free(ids->end);
    *ids = (gk_tok__ids){0};
}

/* ---------------------------------------------------------------- the cache and the rooms of one call */

/* A word's pieces stand in the pool; their ends count from the word's begin. */
typedef struct entry {
    const char *text;
    uint32_t len, first, n;
} entry;

typedef struct symbol {
    int32_t id;
    uint32_t end;              /* of its bytes in the word */
    uint32_t prev, next;       /* neighbours, NONE at the ends */
    const gk_tok__merge *pair; /* of this symbol and the next, NULL: they do not merge */
} symbol;
#define NONE UINT32_MAX

struct gk_tok__word_cache {
    entry *slot;
    size_t mask;
    gk_tok__ids pool;
    symbol *symbol;
    size_t n_symbols, symbols_cap;
    uint64_t *heap; /* rank << 32 | place */
    size_t n_heap, heap_cap;
};

gk_tok__word_cache *gk_tok__word_cache_new(size_t text_len) {
    gk_tok__word_cache *c = gk_alloc(sizeof *c);
    size_t slots = 16;
    while (slots < text_len / 16 && slots < 16384) slots *= 2;
    c->slot = gk_alloc(slots * sizeof *c->slot);
    c->mask = slots - 1;
    return c;
}

void gk_tok__word_cache_free(gk_tok__word_cache *c) {
    if (!c) return;
    gk_tok__ids_free(&c->pool);
    gk_free(c->slot);
    gk_free(c->symbol);
    gk_free(c->heap);
    gk_free(c);
}

static entry *slot_of(gk_tok__word_cache *c, const char *text, size_t len) {
    uint64_t h = len, word;
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        memcpy(&word, text + i, 8);
        h = (h ^ word) * 0x9E3779B97F4A7C15U;
        h ^= h >> 29;
    }
    for (word = 0; i < len; i++) word = word << 8 | (unsigned char)text[i];
    h = (h ^ word) * 0x9E3779B97F4A7C15U;
    return &c->slot[(h >> 40) & c->mask];
}

static void add_symbol(gk_tok__word_cache *c, int32_t id, uint32_t end) {
    if (c->n_symbols == c->symbols_cap) {
        size_t cap = c->symbols_cap ? 2 * c->symbols_cap : 256;
        c->symbol = gk_grow(c->symbol, c->n_symbols * sizeof *c->symbol, cap * sizeof *c->symbol);
        c->symbols_cap = cap;
    }
    c->symbol[c->n_symbols++] = (symbol){.id = id, .end = end};
}

/* ---------------------------------------------------------------- a word's first symbols */

static void byte_symbols(const gk_tok__bpe_model *m, gk_tok__word_cache *c, const char *text, size_t len) {
    bool pending = false;
    uint32_t pending_end = 0;
    for (size_t i = 0; i < len; i++) {
        int32_t id = m->byte_id[(unsigned char)text[i]];
        bool unknown = id < 0 && m->unk >= 0;
        if (pending && (id >= 0 || (unknown && !m->fuse_unk))) {
            add_symbol(c, m->unk, pending_end);
            pending = false;
        }
        if (id >= 0) add_symbol(c, id, (uint32_t)i + 1);
        if (unknown) {
            pending = true;
            pending_end = (uint32_t)i + 1;
        }
    }
    if (pending) add_symbol(c, m->unk, pending_end);
}

/* A character as the vocabulary has it, with the word's affixes. */
typedef struct spelled {
    const char *text;
    size_t len, before; /* bytes of the prefix */
    int32_t id;         /* -1: it is no piece */
} spelled;

static spelled plain(const gk_tok__bpe_model *m, const char *text, size_t n) {
    int32_t id = n == 1 ? m->ascii_id[(unsigned char)*text & 0x7F] : gk_tok__strings_get(&m->words, text, n);
    return (spelled){text, n, 0, id};
}

#define AFFIXED_MAX (2 * GK_TOK__AFFIX_MAX + 4)

static spelled with_affixes(const gk_tok__bpe_model *m, char buf[AFFIXED_MAX], const char *text, size_t n,
                            bool first, bool last) {
    size_t before = m->prefix && !first ? strlen(m->prefix) : 0,
           after = m->suffix && last ? strlen(m->suffix) : 0, len = before + n + after;
    if (before) memcpy(buf, m->prefix, before);
    memcpy(buf + before, text, n);
    if (after) memcpy(buf + before + n, m->suffix, after);
    return (spelled){buf, len, before, gk_tok__strings_get(&m->words, buf, len)};
}

/* [at, end) of the word is the character. Bytes of an affix are symbols too, which stand for none of the
 * word's. */
static bool fall_back(const gk_tok__bpe_model *m, gk_tok__word_cache *c, const spelled *s, size_t at,
                      size_t end) {
    if (!m->byte_fallback) return false;
    for (size_t i = 0; i < s->len; i++)
        if (m->byte_id[(unsigned char)s->text[i]] < 0) return false;
    for (size_t i = 0; i < s->len; i++) {
        size_t place = i < s->before ? at : at + i + 1 - s->before;
        add_symbol(c, m->byte_id[(unsigned char)s->text[i]], (uint32_t)(place < end ? place : end));
    }
    return true;
}

/* Bytes of a character that has no piece go before an unknown one that waits: the reference does it so. */
static void char_symbols(const gk_tok__bpe_model *m, gk_tok__word_cache *c, const char *text, size_t len) {
    bool pending = false;
    uint32_t pending_end = 0;
    char buf[AFFIXED_MAX];
    for (size_t i = 0, n; i < len; i += n) {
        n = gk_tok__utf8_len(text[i]);
        spelled s = m->prefix || m->suffix ? with_affixes(m, buf, text + i, n, i == 0, i + n == len)
                                           : plain(m, text + i, n);
        int32_t id = s.id;
        bool unknown = id < 0 && !fall_back(m, c, &s, i, i + n) && m->unk >= 0;
        if (pending && (id >= 0 || (unknown && !m->fuse_unk))) {
            add_symbol(c, m->unk, pending_end);
            pending = false;
        }
        if (id >= 0) add_symbol(c, id, (uint32_t)(i + n));
        if (unknown) {
            pending = true;
            pending_end = (uint32_t)(i + n);
        }
    }
    if (pending) add_symbol(c, m->unk, pending_end);
}

/* ---------------------------------------------------------------- merging */

static const gk_tok__merge *pair_of(const gk_tok__bpe_model *m, const symbol *left, const symbol *right) {
    return gk_tok__merges_get(&m->pairs, (uint32_t)left->id, (uint32_t)right->id);
}

static void merge_short(const gk_tok__bpe_model *m, gk_tok__word_cache *c) {
    symbol *s = c->symbol;
    size_t n = c->n_symbols;
    for (size_t i = 0; i + 1 < n; i++) s[i].pair = pair_of(m, &s[i], &s[i + 1]);
    while (n > 1) {
        size_t best = n;
        uint32_t rank = UINT32_MAX;
        for (size_t i = 0; i + 1 < n; i++)
            if (s[i].pair && s[i].pair->rank < rank) {
                rank = s[i].pair->rank;
                best = i;
            }
        if (best == n) break;
        s[best].id = s[best].pair->id;
        s[best].end = s[best + 1].end;
        memmove(&s[best + 1], &s[best + 2], (n - best - 2) * sizeof *s);
        n--;
        s[best].pair = best + 1 < n ? pair_of(m, &s[best], &s[best + 1]) : NULL;
        if (best > 0) s[best - 1].pair = pair_of(m, &s[best - 1], &s[best]);
    }
    c->n_symbols = n;
}

static void push(gk_tok__word_cache *c, uint64_t key) {
    if (c->n_heap == c->heap_cap) {
        size_t cap = c->heap_cap ? 2 * c->heap_cap : 256;
        c->heap = gk_grow(c->heap, c->n_heap * sizeof *c->heap, cap * sizeof *c->heap);
        c->heap_cap = cap;
    }
    size_t i = c->n_heap++;
    for (; i > 0 && c->heap[(i - 1) / 2] > key; i = (i - 1) / 2) c->heap[i] = c->heap[(i - 1) / 2];
    c->heap[i] = key;
}

static uint64_t pop(gk_tok__word_cache *c) {
    uint64_t top = c->heap[0], last = c->heap[--c->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < c->n_heap; i = child) {
        if (child + 1 < c->n_heap && c->heap[child + 1] < c->heap[child]) child++;
        if (c->heap[child] >= last) break;
        c->heap[i] = c->heap[child];
    }
    c->heap[i] = last;
    return top;
}

static void look(const gk_tok__bpe_model *m, gk_tok__word_cache *c, uint32_t at) {
    symbol *s = &c->symbol[at];
    s->pair = s->next == NONE ? NULL : pair_of(m, s, &c->symbol[s->next]);
    if (s->pair) push(c, (uint64_t)s->pair->rank << 32 | at);
}

static void merge_long(const gk_tok__bpe_model *m, gk_tok__word_cache *c) {
    symbol *s = c->symbol;
    size_t n = c->n_symbols;
    c->n_heap = 0;
    for (size_t i = 0; i < n; i++) {
        s[i].prev = i ? (uint32_t)i - 1 : NONE;
        s[i].next = i + 1 < n ? (uint32_t)i + 1 : NONE;
    }
    for (size_t i = 0; i < n; i++) look(m, c, (uint32_t)i);
    while (c->n_heap > 0) {
        uint64_t top = pop(c);
        uint32_t at = (uint32_t)top;
        /* Since this was pushed the symbol may have gone or got another neighbour. */
        if (!s[at].pair || s[at].pair->rank != top >> 32) continue;
        symbol *right = &s[s[at].next];
        s[at].id = s[at].pair->id;
        s[at].end = right->end;
        s[at].next = right->next;
        right->pair = NULL;
        if (right->next != NONE) s[right->next].prev = at;
        look(m, c, at);
        if (s[at].prev != NONE) look(m, c, s[at].prev);
    }
    size_t kept = 0;
    for (uint32_t i = 0; i != NONE; kept++) {
        uint32_t next = s[i].next;
        s[kept] = s[i];
        i = next;
    }
    c->n_symbols = kept;
}

/* ---------------------------------------------------------------- words */

static void merge_word(const gk_tok__bpe_model *m, gk_tok__word_cache *c, const char *text, size_t len) {
    c->n_symbols = 0;
    if (m->bytes)
        byte_symbols(m, c, text, len);
    else
        char_symbols(m, c, text, len);
    if (c->n_symbols > SHORT)
        merge_long(m, c);
    else if (c->n_symbols > 1)
        merge_short(m, c);
}

static void one_word(const gk_tok__bpe_model *m, gk_tok__word_cache *c, const gk_tok__view *v,
                     gk_tok__range r, gk_tok__ids *out) {
    const char *text = v->text + r.begin;
    size_t len = r.end - r.begin;
    if (m->ignore_merges) {
        int32_t whole = gk_tok__strings_get(&m->words, text, len);
        if (whole >= 0) {
            gk_tok__ids_add(out, whole, gk_tok__view_at(v, r.end));
            return;
        }
    }
    entry *e = len <= CACHED_MAX ? slot_of(c, text, len) : NULL;
    if (!e || e->len != len || memcmp(e->text, text, len) != 0) {
        merge_word(m, c, text, len);
        if (!e) {
            for (size_t i = 0; i < c->n_symbols; i++)
                gk_tok__ids_add(out, c->symbol[i].id, gk_tok__view_at(v, r.begin + c->symbol[i].end));
            return;
        }
        *e = (entry){text, (uint32_t)len, (uint32_t)c->pool.n, (uint32_t)c->n_symbols};
        for (size_t i = 0; i < c->n_symbols; i++)
            gk_tok__ids_add(&c->pool, c->symbol[i].id, c->symbol[i].end);
    }
    for (size_t i = e->first; i < e->first + e->n; i++)
        gk_tok__ids_add(out, c->pool.id[i], gk_tok__view_at(v, r.begin + c->pool.end[i]));
}

void gk_tok__bpe_words(const gk_tok__bpe_model *m, const gk_tok__words *words, gk_tok__word_cache *cache,
                       gk_tok__ids *out) {
    for (size_t i = 0; i < words->n; i++) one_word(m, cache, &words->view, words->item[i], out);
}
