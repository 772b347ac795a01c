/* test_spm_bpe.c: a tokenizer.model is encoded by a table of merges as by sentencepiece: same ids and spans.
 * modules: tokenizer core */
#include "graftkit/core/random.h"
#include "tests/support/tokenizer_fixture.h"
#include "tokenizer/internal.h"

#define MODEL "tok/tokenizer.model"

/* ---------------------------------------------------------------- models */

static const char *const WORDS[] = {"Ada",   "Abbott", "Quimby", "film", "with",   "the",  "stars", "in",
                                    "naïve", "東京",   "Москва", "(a)",  "return", "x=1;", "aaaa",  "été"};

/* The bytes of a model trained on sentences of WORDS, with `extra`, fields of the message, after them. */
static gk_buf model_with(const void *extra, size_t n) {
    const char *sentence[300];
    gk_rng r;
    gk_rng_seed(&r, 3, "sentences");
    for (size_t i = 0; i < COUNT(sentence); i++) {
        sentence[i] = "";
        for (size_t k = 0; k < 8; k++)
            sentence[i] = gk_arena_printf(box.a, "%s%s%s", sentence[i], k ? " " : "",
                                          WORDS[gk_rng_below(&r, COUNT(WORDS))]);
    }
    ck_assert_msg(gk_tok_train(sentence, COUNT(sentence), 370, scratch_path(&box, "tok"), &err), "%s",
                  message());
    size_t len = 0;
    const char *bytes = gk_read_file(box.a, scratch_path(&box, MODEL), 1 << 20, &len, &err);
    ck_assert_ptr_nonnull(bytes);
    gk_buf b = {0};
    gk_buf_add(&b, bytes, len);
    if (n) gk_buf_add(&b, extra, n);
    return b;
}

static gk_tok *load_with(const void *extra, size_t n) {
    gk_buf b = model_with(extra, n);
    gk_tok *t = gk_tok__from_memory(b.data, b.len, "x.model", &err);
    gk_buf_free(&b);
    ck_assert_msg(t != NULL, "%s", message());
    return t;
}

/* ---------------------------------------------------------------- texts */

static void put_char(gk_buf *b, uint32_t c) {
    char s[4];
    size_t n = 0;
    if (c < 0x80) {
        s[n++] = (char)c;
    } else if (c < 0x800) {
        s[n++] = (char)(0xC0 | c >> 6);
    } else if (c < 0x10000) {
        s[n++] = (char)(0xE0 | c >> 12);
        s[n++] = (char)(0x80 | (c >> 6 & 0x3F));
    } else {
        s[n++] = (char)(0xF0 | c >> 18);
        s[n++] = (char)(0x80 | (c >> 12 & 0x3F));
        s[n++] = (char)(0x80 | (c >> 6 & 0x3F));
    }
    if (c >= 0x80) s[n++] = (char)(0x80 | (c & 0x3F));
    gk_buf_add(b, s, n);
}

/* Firsts and sizes of blocks of all kinds of scripts. */
static const uint32_t BLOCKS[][2] = {{0x0, 0x80},      {0x20, 0x5F},    {0xA0, 0x1B0},    {0x370, 0x90},
                                     {0x400, 0x100},   {0x590, 0x170},  {0x900, 0x80},    {0xE00, 0x60},
                                     {0x1100, 0x100},  {0x2000, 0x100}, {0x3040, 0xC0},   {0x4E00, 0x5200},
                                     {0xAC00, 0x2BA4}, {0xE000, 0x100}, {0xFE00, 0x1F0},  {0x10000, 0x500},
                                     {0x1F300, 0x400}, {0x61, 26},      {0xE0000, 0x100}, {0x10FF00, 0x100}};

static void put_stretch(gk_buf *b, gk_rng *r) {
    static const char *const ODD[] = {" ",
                                      "  ",
                                      "▁",
                                      "▁▁",
                                      " ▁ ",
                                      "\n",
                                      "\t",
                                      "<s>",
                                      "</s>",
                                      "",
                                      "\r\n",
                                      ", ",
                                      ".",
                                      "<0x41>",
                                      "<unk>",
                                      "e\xCC\x81",
                                      "👩‍👩‍👧",
                                      "aaa"};
    size_t kind = gk_rng_below(r, 6), n = 1 + gk_rng_below(r, kind == 3 ? 20 : 6);
    if (kind == 0) {
        const uint32_t *block = BLOCKS[gk_rng_below(r, COUNT(BLOCKS))];
        while (n-- > 0) put_char(b, block[0] + (uint32_t)gk_rng_below(r, block[1]));
    } else if (kind == 1) {
        const char *odd = ODD[gk_rng_below(r, COUNT(ODD))];
        gk_buf_add(b, odd, strlen(odd));
    } else if (kind == 2) {
        while (n-- > 0) put_char(b, 'a' + (uint32_t)gk_rng_below(r, 26));
    } else if (kind == 3) {
        while (n-- > 0) gk_buf_add(b, " ", 1);
    } else {
        const char *word = WORDS[gk_rng_below(r, COUNT(WORDS))];
        gk_buf_add(b, word, strlen(word));
        if (kind == 4) gk_buf_add(b, " ", 1);
    }
}

/* ---------------------------------------------------------------- the two ways */

static void check_same(const gk_tok *table, const gk_tok *library, const gk_buf *text) {
    gk_arena *a = gk_arena_new();
    gk_tokens x, y;
    gk_bos bos = text->len % 2 ? GK_BOS_YES : GK_BOS_NO;
    bool ok = gk_tok_encode(table, text->data, text->len, bos, a, &x, &err);
    ck_assert_int_eq(ok, gk_tok_encode(library, text->data, text->len, bos, a, &y, &err));
    const char *shown = gk_arena_strndup(a, text->len ? text->data : "", text->len < 300 ? text->len : 300);
    ck_assert_msg(x.n == y.n, "%zu and %zu ids: \"%s\"", x.n, y.n, shown);
    for (size_t i = 0; i < x.n; i++)
        ck_assert_msg(x.id[i] == y.id[i] && x.span[i].begin == y.span[i].begin &&
                          x.span[i].end == y.span[i].end,
                      "token %zu: %d [%u, %u) and %d [%u, %u): \"%s\"", i, x.id[i], x.span[i].begin,
                      x.span[i].end, y.id[i], y.span[i].begin, y.span[i].end, shown);
    gk_arena_free(a);
}

static void check_random(const gk_tok *table, const gk_tok *library, size_t n) {
    gk_rng r;
    gk_rng_seed(&r, 4, "texts");
    gk_buf b = {0};
    for (size_t i = 0; i < n; i++) {
        b.len = 0;
        for (size_t k = 1 + gk_rng_below(&r, 25); k > 0; k--) put_stretch(&b, &r);
        check_same(table, library, &b);
    }
    gk_buf_free(&b);
}

static void check_long(const gk_tok *table, const gk_tok *library) {
    static const char *const UNIT[] = {"a",  "ab",       " ",  "▁",   "東",  "Ada",
                                       "=-", "aaa東▁▁▁", "\n", "a  ", "\x01"};
    gk_rng r;
    gk_rng_seed(&r, 5, "long texts");
    gk_buf b = {0};
    for (size_t i = 0; i < COUNT(UNIT); i++) {
        b.len = 0;
        while (b.len < 100000) gk_buf_add(&b, UNIT[i], strlen(UNIT[i]));
        check_same(table, library, &b);
    }
    for (uint32_t spread = 2; spread <= 26; spread += 8) {
        b.len = 0;
        while (b.len < 100000) put_char(&b, 'a' + (uint32_t)gk_rng_below(&r, spread));
        check_same(table, library, &b);
    }
    gk_buf_free(&b);
}

static void check_both(gk_tok *table, gk_tok *library, size_t n) {
    ck_assert(gk_spm__by_library(library));
    check_random(table, library, n);
    check_long(table, library);
    ck_assert(gk_spm__by_library(table)); /* it was not the library all the time */
    ck_assert(!gk_spm__by_library(table));
    gk_tok_free(table);
    gk_tok_free(library);
}

START_TEST(test_trained) {
    check_both(load_with(NULL, 0), load_with(NULL, 0), 3000);
}
END_TEST

/* Settings of the normaliser (field 3): the dummy prefix (3) and dropped spaces (4). */
START_TEST(test_settings) {
    static const char *const SETTINGS[] = {"\x1A\x02\x18\x00", "\x1A\x02\x20\x01",
                                           "\x1A\x04\x18\x00\x20\x01"};
    static const size_t LEN[] = {4, 4, 6};
    for (size_t i = 0; i < COUNT(LEN); i++)
        check_both(load_with(SETTINGS[i], LEN[i]), load_with(SETTINGS[i], LEN[i]), 2000);
}
END_TEST

/* Pieces of equal scores, where only the place decides, and a piece across two words. */
START_TEST(test_equal_scores) {
    static const char PIECES[] = "\x0A\x09\x0A\x02zz\x15\0\0\0\0"
                                 "\x0A\x08\x0A\x01z\x15\0\0\0\0"
                                 "\x0A\x0A\x0A\x03zzz\x15\0\0\0\0"
                                 "\x0A\x09\x0A\x02za\x15\0\0\0\0"
                                 "\x0A\x09\x0A\x02"
                                 "az\x15\0\0\0\0"
                                 "\x0A\x0B\x0A\x04z\xE2\x96\x81\x15\0\0\0\x80";
    gk_tok *t = load_with(PIECES, sizeof PIECES - 1), *u = load_with(PIECES, sizeof PIECES - 1);
    gk_rng r;
    gk_rng_seed(&r, 6, "ties");
    gk_buf b = {0};
    ck_assert(gk_spm__by_library(u));
    for (size_t i = 0; i < 2000; i++) {
        b.len = 0;
        for (size_t n = 1 + gk_rng_below(&r, i % 2 ? 100 : 12); n > 0; n--)
            gk_buf_add(&b, &"zzzaa "[gk_rng_below(&r, 6)], 1);
        check_same(t, u, &b);
    }
    gk_buf_free(&b);
    ck_assert(gk_spm__by_library(t));
    gk_tok_free(t);
    gk_tok_free(u);
}
END_TEST

/* What a table cannot stand for stays with the library. */
START_TEST(test_left_to_the_library) {
    static const struct {
        const char *bytes;
        size_t n;
    } MODELS[] = {
        {"\x0A\x07\x0A\x03zzz\x18\x04", 9},             /* user-defined */
        {"\x0A\x07\x0A\x03zzz\x18\x05", 9},             /* unused */
        {"\x0A\x05\x0A\x01z\x18\x03", 7},               /* a control piece of one character */
        {"\x0A\x09\x0A\x05\xE2\x96\x81in\x18\x03", 11}, /* a control piece that a piece spells */
        {"\x0A\x05\x0A\x03zzz", 7},                     /* z is no piece */
        {"\x1A\x02\x28\x00", 4},                        /* spaces stay spaces */
    };
    for (size_t i = 0; i < COUNT(MODELS); i++) {
        gk_tok *t = load_with(MODELS[i].bytes, MODELS[i].n);
        ck_assert_msg(!gk_spm__by_library(t), "model %zu", i);
        gk_tok_free(t);
    }
}
END_TEST

START_TEST(test_llama2) {
    if (!gk_exists(LLAMA2)) {
        printf("skip: %s is not there\n", LLAMA2);
        return;
    }
    gk_tok *t = gk_tok_load(LLAMA2, &err), *u = gk_tok_load(LLAMA2, &err);
    ck_assert_msg(t && u, "%s", message());
    check_both(t, u, 5000);
}
END_TEST

int main(void) {
    TCase *c = tcase_create("spm_bpe");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 240);
    tcase_add_test(c, test_trained);
    tcase_add_test(c, test_settings);
    tcase_add_test(c, test_equal_scores);
    tcase_add_test(c, test_left_to_the_library);
    tcase_add_test(c, test_llama2);
    Suite *s = suite_create("spm_bpe");
    suite_add_tcase(s, c);
    return run_suite(s);
}
