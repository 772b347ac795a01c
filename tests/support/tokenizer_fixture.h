/* tokenizer_fixture.h: what the suites of tokenizers share: a folder and an error for each test, and
 * encoding.
 */
#ifndef GK_TESTS_TOKENIZER_FIXTURE_H
#define GK_TESTS_TOKENIZER_FIXTURE_H

#include "graftkit/tokenizer.h"
#include "tests/support/scratch.h"

#define LLAMA2 GK_SOURCE_DIR "/../shared/tokenizers/llama2/tokenizer.model"
#define COUNT(a) (sizeof(a) / sizeof *(a))

static scratch box;
static gk_error err;

static inline void setup(void) {
    box = scratch_new();
    err = (gk_error){0};
}

static inline void teardown(void) {
    scratch_free(&box);
}

static inline const char *in_dir(const char *name) {
    return scratch_path(&box, name);
}

static inline const char *message(void) {
    static char text[1600];
    return gk_error_text(&err, text, sizeof text);
}

static inline gk_tok *load(const char *path) {
    gk_tok *t = gk_tok_load(path, &err);
    ck_assert_msg(t != NULL, "%s", message());
    return t;
}

/* The spans tile text[0, len), and every id is one. */
static inline void check_tiles(const gk_tok *t, const gk_tokens *k, size_t len) {
    uint32_t at = 0;
    for (size_t i = 0; i < k->n; i++) {
        ck_assert(k->id[i] >= 0 && k->id[i] < gk_tok_size(t));
        ck_assert_uint_eq(k->span[i].begin, at);
        ck_assert_uint_ge(k->span[i].end, at);
        at = k->span[i].end;
    }
    ck_assert_uint_eq(at, len);
}

static inline gk_tokens encoded(const gk_tok *t, const char *text, gk_bos bos) {
    gk_tokens k;
    ck_assert_msg(gk_tok_encode(t, text, strlen(text), bos, box.a, &k, &err), "%s", message());
    check_tiles(t, &k, strlen(text));
    return k;
}

#endif
