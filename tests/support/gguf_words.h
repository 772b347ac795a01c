/* gguf_words.h: GGUF files in a small language. */
#ifndef GK_TESTS_GGUF_WORDS_H
#define GK_TESTS_GGUF_WORDS_H

#include "core/gguf.h"
#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "tests/support/scratch.h"

#include <inttypes.h>

/* Words: 'TEXT as it stands; 1:N 2:N 4:N 8:N a little-endian number of that many bytes; s:TEXT its length (8
 * bytes) and the text; x:HEX bytes; z:N zeros; a:N zeros up to a multiple of N. */
static inline void add_word(gk_buf *b, const char *word) {
    uint64_t n = strtoull(word + 2, NULL, 0);
    if (word[0] == '\'') {
        gk_buf_puts(b, word + 1);
    } else if (word[0] == 's') {
        gk_buf_add(b, (const char *)&(uint64_t){strlen(word + 2)}, 8);
        gk_buf_puts(b, word + 2);
    } else if (word[0] == 'x') {
        for (const char *p = word + 2; *p; p += 2) {
            char digits[] = {p[0], p[1], 0};
            gk_buf_add(b, &(char){(char)strtol(digits, NULL, 16)}, 1);
        }
    } else if (word[0] == 'z' || word[0] == 'a') {
        uint64_t end = word[0] == 'z' ? b->len + n : (b->len + n - 1) / n * n;
        while (b->len < end) gk_buf_add(b, "", 1);
    } else {
        ck_assert(strchr("1248", word[0]) && word[1] == ':');
        gk_buf_add(b, (const char *)&n, (size_t)(word[0] - '0'));
    }
}

static inline gk_buf compose(const char *words) {
    gk_buf b = {0};
    char *copy = strdup(words), *save = NULL;
    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) add_word(&b, w);
    free(copy);
    return b;
}

static inline char *write_bytes(scratch *s, const char *bytes, size_t n) {
    char *path = scratch_path(s, "x.gguf");
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(n ? fwrite(bytes, 1, n, f) : 0, n);
    ck_assert_int_eq(fclose(f), 0);
    return path;
}

static inline char *write_words(scratch *s, const char *words) {
    gk_buf b = compose(words);
    char *path = write_bytes(s, b.data, b.len);
    gk_buf_free(&b);
    return path;
}

static inline gk_gguf *open_words(scratch *s, const char *words) {
    gk_error err = {0};
    char text[2048];
    gk_gguf *g = gk_gguf_open(write_words(s, words), &err);
    ck_assert_msg(g != NULL, "%s", gk_error_text(&err, text, sizeof text));
    return g;
}

#define HEAD(tensors, pairs) "'GGUF 4:3 8:" #tensors " 8:" #pairs " "

static const char GOOD[] =
    HEAD(3, 4) "s:general.architecture 4:8 s:llama s:n 4:4 4:7 s:words 4:9 4:8 8:3 s:ab s: s:c "
               "s:general.alignment 4:4 4:64 "
               "s:w 4:2 8:2 8:3 4:0 8:64 s:b 4:1 8:2 4:1 8:0 s:q 4:3 8:32 8:1 8:2 4:8 8:128 "
               "a:64 2:0x3C00 2:0x4000 a:64 4:0x3F800000 4:0x40000000 z:16 a:64 z:68";

#endif
