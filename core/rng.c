/* rng.c: xoshiro256** streams and what is drawn from them. */
#include "graftkit/core/random.h"

#include <math.h>
#include <string.h>

/* A fused multiply-add rounds once, not twice: results would depend on the machine. gcc leaves them out under
 * -std=c11. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

static uint64_t splitmix64(uint64_t *x) {
    uint64_t z = (*x += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint64_t fnv1a(const char *s) {
    uint64_t h = 0xCBF29CE484222325u;
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 0x100000001B3u;
    return h;
}

void gk_rng_seed(gk_rng *r, uint64_t seed, const char *stream) {
    /* The seed is mixed before the name is joined, so that near seeds and near names cannot cancel. */
    uint64_t x = splitmix64(&seed) ^ fnv1a(stream ? stream : "");
    for (int i = 0; i < 4; i++) r->s[i] = splitmix64(&x);
}

static uint64_t rotl(uint64_t x, int k) {
    return (x << k) | (x >> (64 - k));
}

uint64_t gk_rng_u64(gk_rng *r) {
    uint64_t *s = r->s;
    uint64_t out = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

double gk_rng_uniform(gk_rng *r) {
    return (double)(gk_rng_u64(r) >> 11) * 0x1p-53;
}

uint64_t gk_rng_below(gk_rng *r, uint64_t n) {
    if (n == 0) return 0;
    uint64_t x;
    /* The draws below 2^64 mod n would favour small remainders; looked at only where one may be. */
    do x = gk_rng_u64(r);
    while (x < n && x < (0 - n) % n);
    return x % n;
}

/* Natural logarithm of a normal double in (0, 1), from operations that IEEE 754 pins down: the C library's
 * log may differ in its last bit from one CPU to the next. 2 artanh((m-1)/(m+1)) as a series. */
static double portable_log(double x) {
    int e;
    double m = frexp(x, &e);
    if (m < 0.70710678118654752) {
        m *= 2;
        e--;
    }
    double s = (m - 1) / (m + 1), s2 = s * s, sum = 0;
    for (int k = 23; k >= 1; k -= 2) sum = sum * s2 + 1.0 / k;
    return 2 * s * sum + e * 0.69314718055994531;
}

double gk_rng_normal(gk_rng *r) {
    double u, v, q;
    do { /* Marsaglia's polar method; the second value is let go, so that the state is the four words alone */
        u = 2 * gk_rng_uniform(r) - 1;
        v = 2 * gk_rng_uniform(r) - 1;
        q = u * u + v * v;
    } while (q >= 1 || q == 0);
    return u * sqrt(-2 * portable_log(q) / q);
}

static void swap_bytes(char *a, char *b, size_t n) {
    char tmp[64];
    while (n > 0) {
        size_t part = n < sizeof tmp ? n : sizeof tmp;
        memcpy(tmp, a, part);
        memcpy(a, b, part);
        memcpy(b, tmp, part);
        a += part;
        b += part;
        n -= part;
    }
}

void gk_rng_shuffle(gk_rng *r, void *items, size_t n, size_t item_bytes) {
    char *base = items;
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)gk_rng_below(r, i);
        if (j != i - 1) swap_bytes(base + j * item_bytes, base + (i - 1) * item_bytes, item_bytes);
    }
}
