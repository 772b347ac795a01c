/* hash_tables.c: hash tables of strings and of pairs of ids. Both are seeded anew in every process, so that a
 * file cannot be made to put all its strings into one place. */
#include "tokenizer/internal.h"

#include <string.h>
#include <sys/random.h>

static uint64_t random_seed(void) {
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed) seed = (uint64_t)(uintptr_t)&seed;
    return seed | 1;
}

static size_t slots_for(size_t n) {
    size_t slots = 16;
    while (slots < n + n / 2) slots *= 2;
    return slots;
}

/* ---------------------------------------------------------------- strings */

void gk_tok__strings_init(gk_tok__strings *s, gk_arena *a, size_t room) {
    size_t slots = slots_for(room);
    *s = (gk_tok__strings){
        .slot = gk_arena_alloc(a, slots * sizeof *s->slot), .mask = slots - 1, .seed = random_seed()};
}

static uint64_t hash_of(const gk_tok__strings *s, const char *text, size_t len) {
    uint64_t h = s->seed ^ (len * 0x9E3779B97F4A7C15U), word;
    for (; len >= 8; text += 8, len -= 8) {
        memcpy(&word, text, 8);
        h = (h ^ word) * 0xD6E8FEB86659FD93U;
        h ^= h >> 32;
    }
    word = 0;
    memcpy(&word, text, len);
    h = (h ^ word) * 0xD6E8FEB86659FD93U;
    h = (h ^ h >> 29) * s->seed;
    return h ^ h >> 32;
}

static struct gk_tok__string_slot *find(const gk_tok__strings *s, const char *text, size_t len) {
    for (size_t i = hash_of(s, text, len) & s->mask;; i = (i + 1) & s->mask) {
        struct gk_tok__string_slot *slot = &s->slot[i];
        if (!slot->text || (slot->len == len && memcmp(slot->text, text, len) == 0)) return slot;
    }
}

/* The table was made with room for all that is added, which keeps free slots in it. */
bool gk_tok__strings_add(gk_tok__strings *s, const char *text, size_t len, int32_t id) {
    struct gk_tok__string_slot *slot = find(s, text, len);
    if (slot->text) return false;
    *slot = (struct gk_tok__string_slot){text, (uint32_t)len, id};
    s->n++;
    return true;
}

int32_t gk_tok__strings_get(const gk_tok__strings *s, const char *text, size_t len) {
    if (!s->slot) return -1;
    const struct gk_tok__string_slot *slot = find(s, text, len);
    return slot->text ? slot->id : -1;
}

/* ---------------------------------------------------------------- pairs */

void gk_tok__merges_init(gk_tok__merges *p, gk_arena *a, size_t room) {
    size_t slots = slots_for(room);
    unsigned bits = 0;
    while ((size_t)1 << bits < slots) bits++;
    *p = (gk_tok__merges){.slot = gk_arena_alloc(a, slots * sizeof *p->slot),
                          .shift = 64 - bits,
                          .mask = slots - 1,
                          .odd = (random_seed() ^ 0x9E3779B97F4A7C15U) | 1};
    for (size_t i = 0; i < slots; i++) p->slot[i].rank = UINT32_MAX;
}

void gk_tok__merges_add(gk_tok__merges *p, gk_tok__merge pair) {
    uint64_t key = (uint64_t)pair.left << 32 | pair.right;
    size_t i = (size_t)((key * p->odd) >> p->shift);
    while (p->slot[i].rank != UINT32_MAX && (p->slot[i].left != pair.left || p->slot[i].right != pair.right))
        i = (i + 1) & p->mask;
    p->slot[i] = pair;
}
