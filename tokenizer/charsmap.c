/* charsmap.c: a table of replacements as sentencepiece compiles it ("precompiled_charsmap"): the size of a
 * double-array trie in bytes, the trie, and the replacements, each with a NUL behind it. A unit of the trie
 * is a label (the byte that leads to it) and the way to its children, or the place of a replacement.
 *
 * The library trusts such a table, so all of it is looked at before it may be used, here or there. */
#include "graftkit/core/file.h"
#include "tokenizer/internal.h"

#include <string.h>

#define BLOCK 256     /* units: what differs in the last byte stands in one block */
#define LEAVES_MAX 32 /* of strings that begin each other; the library has room for no more */
#define IS_VALUE 0x80000000U

static uint32_t read_u32(const unsigned char *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t unit_at(const gk_tok__charsmap *m, uint32_t at) {
    return read_u32(m->units + 4 * (size_t)at);
}

static uint32_t offset_of(uint32_t unit) {
    return (unit >> 10) << ((unit & 0x200) >> 6);
}

static bool has_leaf(uint32_t unit) {
    return (unit & 0x100) != 0;
}

static bool has_label(uint32_t unit, uint32_t byte) {
    return (unit & (IS_VALUE | 0xFF)) == byte;
}

/* ---------------------------------------------------------------- checking */

static bool unit_is_sound(const gk_tok__charsmap *m, uint32_t at) {
    uint32_t unit = unit_at(m, at), next = at ^ offset_of(unit);
    if (unit & IS_VALUE) return true;
    if (next >= m->n_units) return false;
    if (!has_leaf(unit)) return true;
    uint32_t value = unit_at(m, next) & ~IS_VALUE;
    return value < m->text_len && ((unsigned char)m->text[value] & 0xC0) != 0x80;
}

/* A node that is being looked at: where its children are, which of them is next, and how many strings end on
 * the longest way down so far. Nodes may share their children. */
typedef struct visit {
    uint32_t node, byte;
    uint8_t leaves;
} visit;
enum { UNSEEN = 0, OPEN = 255 }; /* else 1 more than the leaves */

/* Goes down to the next child that nobody has looked at; false: there is none. */
static bool next_child(const gk_tok__charsmap *m, const uint8_t *state, visit *v, visit *child, bool *ok) {
    for (; v->byte < BLOCK; v->byte++) {
        uint32_t at = v->node ^ v->byte, unit = unit_at(m, at), node = at ^ offset_of(unit);
        if (!has_label(unit, v->byte)) continue;
        if (state[node] == UNSEEN) {
            *child = (visit){.node = node, .byte = 1};
            return true;
        }
        unsigned leaves = state[node] - 1U + has_leaf(unit);
        if (state[node] == OPEN || leaves > LEAVES_MAX) *ok = false;
        if (leaves > v->leaves) v->leaves = (uint8_t)leaves;
    }
    return false;
}

/* Whether no way leads round, and no string has more than LEAVES_MAX begins that are strings too. */
static bool is_trie(const gk_tok__charsmap *m) {
    uint8_t *state = gk_alloc(m->n_units);
    visit *stack = gk_alloc(((size_t)m->n_units + 1) * sizeof *stack), child;
    size_t n = 1;
    bool ok = true;
    stack[0] = (visit){.node = offset_of(unit_at(m, 0)), .byte = 1};
    while (n > 0 && ok) {
        visit *v = &stack[n - 1];
        state[v->node] = OPEN;
        if (next_child(m, state, v, &child, &ok)) {
            stack[n++] = child;
        } else {
            state[v->node] = (uint8_t)(v->leaves + 1);
            n--;
        }
    }
    gk_free(stack);
    gk_free(state);
    return ok;
}

const char *gk_tok__charsmap_open(gk_tok__charsmap *m, const void *bytes, size_t len) {
    const unsigned char *p = bytes;
    *m = (gk_tok__charsmap){.bytes = bytes, .len = len};
    size_t size = len > 4 ? read_u32(p) : 0;
    if (size == 0 || size > len - 4 || size % (4 * (size_t)BLOCK) != 0) return "its trie has no usable size";
    m->units = p + 4;
    m->n_units = (uint32_t)(size / 4);
    m->text = (const char *)bytes + 4 + size;
    m->text_len = len - 4 - size;
    if (m->text_len == 0 || m->text[m->text_len - 1] != 0 || !gk_utf8_valid(m->text, m->text_len, NULL))
        return "its replacements are no texts";
    for (uint32_t i = 0; i < m->n_units; i++)
        if (!unit_is_sound(m, i)) return "its trie leads out of the table";
    for (size_t begin = 0; begin < m->text_len; begin += strlen(m->text + begin) + 1)
        if (strlen(m->text + begin) > m->longest) m->longest = strlen(m->text + begin);
    return is_trie(m) ? NULL : "its trie is none, or more than 32 of its strings begin each other";
}

/* ---------------------------------------------------------------- looking up */

const char *gk_tok__charsmap_find(const gk_tok__charsmap *m, const char *text, size_t len) {
    uint32_t node = offset_of(unit_at(m, 0));
    for (size_t i = 0; i < len && text[i]; i++) {
        uint32_t byte = (unsigned char)text[i], unit = unit_at(m, node ^= byte);
        if (!has_label(unit, byte)) return NULL;
        node ^= offset_of(unit);
        if (has_leaf(unit)) return m->text + (unit_at(m, node) & ~IS_VALUE);
    }
    return NULL;
}
