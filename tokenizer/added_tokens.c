/* added_tokens.c: tokens that are matched in the text before anything else is done with it. */
#include "tokenizer/internal.h"

#include <string.h>
#include <utf8proc.h>

/* A trie; a node's children are a list. The root's have a table. */
typedef struct trie_node {
    const gk_tok__added_token *token; /* of the string that ends here */
    uint32_t child, next;             /* 0: none */
    unsigned char byte;
} trie_node;

struct gk_tok__finder {
    gk_arena *a;
    trie_node *node; /* [0] is the root */
    size_t n, cap;
    uint32_t first[256]; /* the root's children */
};

static uint32_t add_node(gk_tok__finder *f, unsigned char byte) {
    if (f->n == f->cap) {
        trie_node *grown = gk_arena_alloc(f->a, 2 * f->cap * sizeof *grown);
        memcpy(grown, f->node, f->n * sizeof *grown);
        f->node = grown;
        f->cap *= 2;
    }
    f->node[f->n].byte = byte;
    return (uint32_t)f->n++;
}

gk_tok__finder *gk_tok__finder_new(gk_arena *a) {
    gk_tok__finder *f = gk_arena_alloc(a, sizeof *f);
    f->a = a;
    f->cap = 256;
    f->node = gk_arena_alloc(a, f->cap * sizeof *f->node);
    f->n = 1;
    return f;
}

static uint32_t child_of(const gk_tok__finder *f, uint32_t at, unsigned char byte) {
    uint32_t c = at == 0 ? f->first[byte] : f->node[at].child;
    while (c && f->node[c].byte != byte) c = f->node[c].next;
    return c;
}

void gk_tok__finder_add(gk_tok__finder *f, const char *text, size_t len, const gk_tok__added_token *token) {
    uint32_t at = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        uint32_t child = child_of(f, at, byte);
        if (!child) {
            child = add_node(f, byte);
            if (at == 0) {
                f->first[byte] = child;
            } else {
                f->node[child].next = f->node[at].child;
                f->node[at].child = child;
            }
        }
        at = child;
    }
    if (at) f->node[at].token = token;
}

/* The longest string that begins at text[0]; NULL: none does. */
static const gk_tok__added_token *longest(const gk_tok__finder *f, const char *text, size_t len, size_t *n) {
    const gk_tok__added_token *found = NULL;
    uint32_t at = 0;
    for (size_t i = 0; i < len && (at = child_of(f, at, (unsigned char)text[i])) != 0; i++)
        if (f->node[at].token) {
            found = f->node[at].token;
            *n = i + 1;
        }
    return found;
}

/* ---------------------------------------------------------------- what stands beside a match */

bool gk_tok__is_space(uint32_t c) {
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
           c == 0x3000;
}

/* Letters, marks, digits and connectors that libutf8proc may not know yet. */
static bool is_new_word(uint32_t c) {
    static const struct {
        char category[3];
        uint32_t begin, end;
    } ADDITIONS[] = {
#include "tokenizer/unicode/unicode_additions.h"
    };
    for (size_t i = 0; i < sizeof ADDITIONS / sizeof *ADDITIONS; i++)
        if (c >= ADDITIONS[i].begin && c <= ADDITIONS[i].end)
            return strchr("LM", ADDITIONS[i].category[0]) || strcmp(ADDITIONS[i].category, "Nd") == 0;
    return false;
}

/* \w of the reference's regular expressions: Alphabetic, marks, digits, connectors, joiners. */
static bool is_word(uint32_t c) {
    if ((c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
        (c >= 0x1F170 && c <= 0x1F189) || c == 0x200C || c == 0x200D)
        return true;
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
        return true;
    case UTF8PROC_CATEGORY_CN:
        return is_new_word(c);
    default:
        return false;
    }
}

static size_t char_before(const char *text, size_t at) {
    do at--;
    while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80);
    return at;
}

static bool alone(const char *text, size_t len, size_t begin, size_t end) {
    return (begin == 0 || !is_word(gk_tok__utf8_char(text + char_before(text, begin)))) &&
           (end == len || !is_word(gk_tok__utf8_char(text + end)));
}

static bool strips(const gk_tok__added_token *t, const char *at) {
    return gk_tok__is_space(gk_tok__utf8_char(at)) && !(t->marked && *at == ' ');
}

static size_t spaces_from(const gk_tok__added_token *t, const char *text, size_t len, size_t at) {
    while (at < len && strips(t, text + at)) at += gk_tok__utf8_len(text[at]);
    return at;
}

static size_t spaces_until(const gk_tok__added_token *t, const char *text, size_t at, size_t least) {
    while (at > least && strips(t, text + char_before(text, at))) at = char_before(text, at);
    return at;
}

/* ---------------------------------------------------------------- splitting */

typedef struct out {
    gk_arena *a;
    gk_tok__stretches parts;
    size_t cap;
} out;

static void put(out *o, const gk_tok__added_token *token, size_t begin, size_t end) {
    if (begin >= end) return;
    if (o->parts.n == o->cap) {
        size_t cap = o->cap ? 2 * o->cap : 8;
        gk_tok__stretch *item = gk_arena_alloc(o->a, cap * sizeof *item);
        if (o->parts.n) memcpy(item, o->parts.item, o->parts.n * sizeof *item);
        o->parts.item = item;
        o->cap = cap;
    }
    o->parts.item[o->parts.n++] = (gk_tok__stretch){token, begin, end};
}

gk_tok__stretches gk_tok__finder_split(const gk_tok__finder *f, bool but_special, const char *text,
                                       size_t len, gk_arena *a) {
    out o = {.a = a};
    size_t done = 0;
    for (size_t i = 0; f && i < len;) {
        size_t n = 0;
        const gk_tok__added_token *t = longest(f, text + i, len - i, &n);
        if (!t) {
            i++;
            continue;
        }
        size_t begin = i, end = i + n;
        i = end; /* a match that is not taken is passed over too, and so are the spaces beside one */
        if (but_special && t->special) continue;
        if (t->single_word && !alone(text, len, begin, end)) continue;
        if (t->lstrip) begin = begin < done ? done : spaces_until(t, text, begin, done);
        if (t->rstrip) end = spaces_from(t, text, len, end);
        if (done < begin) put(&o, NULL, done, begin);
        put(&o, t, begin, end);
        done = begin < end ? end : begin;
    }
    if (done < len) put(&o, NULL, done, len);
    return o.parts;
}
