/* intern.c: exact hash-consing of short keys: open addressing over keys kept in order of first appearance. */
#include "graft/internal.h"

#include <string.h>

typedef struct bucket {
    uint32_t hash, id1; /* id1 = 0: free */
} bucket;

void *gk_graft__room_for(gk_graft__room *r, size_t bytes, size_t keep, size_t *tally) {
    if (bytes <= r->bytes) return r->p;
    size_t size = keep ? bytes + bytes / 2 : bytes + bytes / 8;
    void *p;
    if (keep) {
        p = gk_grow(r->p, keep, size);
    } else {
        gk_free(r->p);
        p = gk_alloc(size);
    }
    if (tally) *tally += size - r->bytes;
    *r = (gk_graft__room){p, size};
    return p;
}

static uint32_t hash_words(const uint32_t *key, size_t words) {
    uint64_t h = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < words; i++) {
        h = (h ^ key[i]) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    return (uint32_t)h;
}

static void clear_buckets(gk_graft__interned *t, size_t expected, size_t *tally) {
    size_t n = 64;
    while (n < 2 * expected) n *= 2;
    memset(gk_graft__room_for(&t->buckets, n * sizeof(bucket), 0, tally), 0, n * sizeof(bucket));
    t->mask = (uint32_t)(n - 1);
}

void gk_graft__intern_start(gk_graft__interned *t, size_t words, size_t expected, size_t *tally) {
    t->words = words;
    t->n = 0;
    gk_graft__room_for(&t->keys, (expected + 1) * words * sizeof(uint32_t), 0, tally);
    clear_buckets(t, expected, tally);
}

static bucket *find_free(gk_graft__interned *t, uint32_t hash) {
    bucket *buckets = t->buckets.p;
    uint32_t i = hash & t->mask;
    while (buckets[i].id1) i = (i + 1) & t->mask;
    return &buckets[i];
}

static void rehash(gk_graft__interned *t, size_t *tally) {
    clear_buckets(t, 2 * (size_t)t->n, tally);
    for (uint32_t id = 0; id < t->n; id++) {
        uint32_t hash = hash_words(gk_graft__intern_key(t, id), t->words);
        *find_free(t, hash) = (bucket){hash, id + 1};
    }
}

uint32_t gk_graft__intern_add(gk_graft__interned *t, const uint32_t *key, bool *fresh, size_t *tally) {
    size_t bytes = t->words * sizeof(uint32_t);
    uint32_t hash = hash_words(key, t->words);
    const bucket *buckets = t->buckets.p;
    for (uint32_t i = hash & t->mask; buckets[i].id1; i = (i + 1) & t->mask) {
        if (buckets[i].hash != hash || memcmp(gk_graft__intern_key(t, buckets[i].id1 - 1), key, bytes) != 0)
            continue;
        *fresh = false;
        return buckets[i].id1 - 1;
    }
    if (2 * ((size_t)t->n + 1) > t->mask) rehash(t, tally);
    *find_free(t, hash) = (bucket){hash, t->n + 1};
    gk_graft__room_for(&t->keys, (t->n + 1) * bytes, t->n * bytes, tally);
    memcpy((char *)t->keys.p + t->n * bytes, key, bytes);
    *fresh = true;
    return t->n++;
}

const uint32_t *gk_graft__intern_key(const gk_graft__interned *t, uint32_t id) {
    return (const uint32_t *)t->keys.p + id * t->words;
}

void gk_graft__intern_free(gk_graft__interned *t) {
    gk_free(t->keys.p);
    gk_free(t->buckets.p);
    *t = (gk_graft__interned){0};
}
