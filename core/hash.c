/* hash.c: SHA-256 of bytes and files (OpenSSL's libcrypto, which uses the processor's instructions for it).
 */
#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/threads.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

enum { DIGEST = 32, READ_BLOCK = 256 << 10 };

static void to_hex(const uint8_t digest[DIGEST], char hex[GK_SHA256_HEX]) {
    for (size_t i = 0; i < DIGEST; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

void gk_sha256_bytes(const void *data, size_t len, char hex[GK_SHA256_HEX]) {
    uint8_t digest[DIGEST] = {0};
    EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL);
    to_hex(digest, hex);
}

static bool digest_stream(FILE *f, EVP_MD_CTX *ctx, uint8_t digest[DIGEST]) {
    uint8_t *block = gk_alloc(READ_BLOCK);
    bool ok = EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
    size_t n;
    errno = 0;
    while (ok && (n = fread(block, 1, READ_BLOCK, f)) > 0) ok = EVP_DigestUpdate(ctx, block, n) == 1;
    gk_free(block);
    return ok && !ferror(f) && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
}

bool gk_sha256_file(const char *path, char hex[GK_SHA256_HEX], gk_error *err) {
    FILE *f = fopen(path, "rbe");
    if (!f) return gk_fail_errno(err, GK_AT_FILE(path), "opening the file", errno);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t digest[DIGEST];
    bool ok = ctx && digest_stream(f, ctx, digest);
    if (ok)
        to_hex(digest, hex);
    else
        gk_fail_errno(err, GK_AT_FILE(path), "reading the file", errno);
    EVP_MD_CTX_free(ctx);
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
