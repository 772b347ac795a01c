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
