/* public_token.c: a piece of a vocabulary as the text that Hugging Face's decode gives for it alone. */
#include "eval/export/public.h"
#include "graftkit/core/file.h"

#include <stdlib.h>
#include <string.h>

/* The bytes that byte-level vocabularies write as themselves; the others are U+0100 and on, in their order.
 */
static bool is_itself(int byte) {
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

static int byte_of(uint32_t c) {
    if (c < 256) return is_itself((int)c) ? (int)c : -1;
    uint32_t at = 256;
    for (int byte = 0; byte < 256; byte++)
        if (!is_itself(byte) && at++ == c) return byte;
    return -1;
}

/* The character of 1 or 2 bytes at *s, which moves behind it; more than any byte stands for where it is
 * longer. */
static uint32_t next_character(const char **s) {
    const unsigned char *at = (const unsigned char *)*s;
    size_t n = at[0] >= 0xC0 && at[0] < 0xE0 && at[1] ? 2 : 1;
    *s += n;
    if (n == 2) return (uint32_t)(at[0] & 31) << 6 | (at[1] & 63);
    return at[0] < 0x80 ? at[0] : UINT32_MAX;
}

/* A part of a character is shown as U+FFFD. */
static char *whole_characters(gk_arena *a, const char *bytes, size_t n) {
    gk_buf out = {0};
    size_t bad;
    while (n > 0 && !gk_utf8_valid(bytes, n, &bad)) {
        gk_buf_add(&out, bytes, bad);
        gk_buf_puts(&out, "\xEF\xBF\xBD");
        bytes += bad + 1;
        n -= bad + 1;
        while (n > 0 && ((unsigned char)*bytes & 0xC0) == 0x80) bytes++, n--;
    }
    gk_buf_add(&out, bytes, n);
    char *text = gk_arena_strndup(a, out.data ? out.data : "", out.len);
    gk_buf_free(&out);
    return text;
}

static const char *of_bytes(gk_arena *a, const char *piece) {
    char *bytes = gk_arena_alloc(a, strlen(piece) + 1);
    size_t n = 0;
    for (const char *at = piece; *at;) {
        int byte = byte_of(next_character(&at));
        if (byte < 0) return piece; /* an added token */
        bytes[n++] = (char)byte;
    }
    return whole_characters(a, bytes, n);
}

static const char *of_sentencepiece(gk_arena *a, const char *piece) {
    static const char blank[] = "\xE2\x96\x81";
    unsigned byte;
    int used = 0;
    if (sscanf(piece, "<0x%2x>%n", &byte, &used) == 1 && used == 6 && !piece[6]) {
        char one = (char)byte;
        return whole_characters(a, &one, 1);
    }
    gk_buf out = {0};
    for (const char *next; (next = strstr(piece, blank)); piece = next + sizeof blank - 1) {
        gk_buf_add(&out, piece, (size_t)(next - piece));
        gk_buf_puts(&out, " ");
    }
    gk_buf_puts(&out, piece);
    char *text = gk_arena_strdup(a, out.data ? out.data : "");
    gk_buf_free(&out);
    return text;
}

const char *gk_export__public_token(gk_arena *a, bool bytes, const char *piece) {
    return bytes ? of_bytes(a, piece) : of_sentencepiece(a, piece);
}
