/* random.h (core): random numbers that are the same from one seed on every machine.
 *
 * Example:
 *     gk_rng rng;
 *     gk_rng_seed(&rng, 7, "my draw");
 *     printf("%.3f %llu\n", gk_rng_uniform(&rng), (unsigned long long)gk_rng_below(&rng, 6));
 *     return true;
 */
#ifndef GRAFTKIT_CORE_RANDOM_H
#define GRAFTKIT_CORE_RANDOM_H

#include "graftkit/core/base.h"

GK_PUBLIC_BEGIN

/* xoshiro256** (Blackman and Vigna), seeded by splitmix64 over (seed, stream name): the same on every
 * machine. Plain data: copy it to save its state. */
typedef struct gk_rng {
    uint64_t s[4];
} gk_rng;
/* Streams of one seed are independent of one another, and the same whenever they are drawn. */
void gk_rng_seed(gk_rng *r, uint64_t seed, const char *stream);
/* What looks like 32 random bits and follows from x, one to one; for loops that vectorise. */
static inline uint32_t gk_mix32(uint32_t x) {
    x = (x ^ x >> 16) * 0x7feb352du;
    x = (x ^ x >> 15) * 0x846ca68bu;
    return x ^ x >> 16;
}
uint64_t gk_rng_u64(gk_rng *r);                                           /* 64 random bits */
double gk_rng_uniform(gk_rng *r);                                         /* [0, 1), 53 bits */
uint64_t gk_rng_below(gk_rng *r, uint64_t n);                             /* 0 .. n-1 without bias; n > 0 */
double gk_rng_normal(gk_rng *r);                                          /* mean 0, variance 1 */
void gk_rng_shuffle(gk_rng *r, void *items, size_t n, size_t item_bytes); /* Fisher-Yates */

GK_PUBLIC_END

#endif
