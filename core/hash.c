/* hash.c: SHA-256 of bytes and files (libmd). */
#include "core/core.h"

#include <errno.h>
#include <sha2.h>
#include <string.h>

static void to_hex(SHA2_CTX *ctx, char hex[GK_SHA256_HEX]) {
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256Final(digest, ctx);
    for (size_t i = 0; i < sizeof digest; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

void gk_sha256_bytes(const void *data, size_t len, char hex[GK_SHA256_HEX]) {
    SHA2_CTX ctx;
    SHA256Init(&ctx);
    if (len) SHA256Update(&ctx, data, len);
    to_hex(&ctx, hex);
}

bool gk_sha256_file(const char *path, char hex[GK_SHA256_HEX], gk_error *err) {
    FILE *f = fopen(path, "rbe");
    if (!f) return gk_fail_errno(err, GK_AT_FILE(path), "opening the file", errno);
    SHA2_CTX ctx;
    SHA256Init(&ctx);
    uint8_t block[64 << 10];
    size_t n;
    errno = 0;
    while ((n = fread(block, 1, sizeof block, f)) > 0) SHA256Update(&ctx, block, n);
    bool ok = !ferror(f);
    if (ok)
        to_hex(&ctx, hex);
    else
        gk_fail_errno(err, GK_AT_FILE(path), "reading the file", errno);
    fclose(f);
    return ok;
}

/* ---------------------------------------------------------------- checksum */

/* SHA-256 takes seconds for a gigabyte; damage by a disk is not malice, so a hash of one multiplication a
 * word will do. Multiplying by an odd number and rotating are both reversible: two inputs that differ in one
 * word cannot meet again. The rotation carries high bits down, where the next multiplication spreads them;
 * without it, two flipped signs would cancel. Four chains keep the multiplier busy. */
enum { LANES = 4, STRIPE = LANES * 8, CHECKSUM_BLOCK = 1 << 20 };
static const uint64_t ODD[2] = {0x9E3779B97F4A7C15u, 0xD1B54A32D192ED03u}; /* of splitmix64's kind */

static uint64_t mix(uint64_t h, uint64_t word) {
    h = (h ^ word) * ODD[0];
    return h << 29 | h >> 35;
}

static uint64_t word_at(const uint8_t *p, size_t n) {
    uint64_t w = 0;
    memcpy(&w, p, n);
    return w;
}

static uint64_t block_checksum(const uint8_t *p, size_t len) {
    uint64_t h[LANES] = {1, 2, 3, 4}, all = len;
    size_t at = 0;
    for (; len - at >= STRIPE; at += STRIPE)
        for (size_t i = 0; i < LANES; i++) h[i] = mix(h[i], word_at(p + at + 8 * i, 8));
    for (size_t i = 0; i < LANES; i++) all = mix(all, h[i]);
    for (; at < len; at += 8) all = mix(all, word_at(p + at, len - at < 8 ? len - at : 8));
    all = (all ^ all >> 32) * ODD[1];
    return all ^ all >> 29;
}

typedef struct checksum_task {
    const uint8_t *data;
    uint64_t *sum;
} checksum_task;

static void checksum_range(void *ctx, size_t begin, size_t end) {
    const checksum_task *t = ctx;
    t->sum[begin / CHECKSUM_BLOCK] = block_checksum(t->data + begin, end - begin);
}

uint64_t gk_checksum(const void *data, size_t len) {
    if (len <= CHECKSUM_BLOCK) return block_checksum(data, len);
    size_t blocks = (len + CHECKSUM_BLOCK - 1) / CHECKSUM_BLOCK;
    checksum_task t = {.data = data, .sum = gk_alloc(blocks * sizeof *t.sum)};
    gk_parallel_for(len, CHECKSUM_BLOCK, checksum_range, &t);
    uint64_t all = block_checksum((const uint8_t *)t.sum, blocks * sizeof *t.sum);
    gk_free(t.sum);
    return all ^ len;
}
