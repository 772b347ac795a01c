/* test_spm_hostile.c: files of sentencepiece models that are damaged, or that would break what tokenizer.h
 * promises. modules: tokenizer core */
#include "graftkit/core/random.h"
#include "tests/support/trained_tokenizer.h"

/* ---------------------------------------------------------------- hostile files */

static gk_tok *load_bytes(const void *bytes, size_t n) {
    ck_assert(gk_write_file(in_dir("x.model"), bytes, n, NULL));
    return gk_tok_load(in_dir("x.model"), &err);
}

static uint8_t *model_bytes(size_t *len) {
    gk_tok_free(trained("tok"));
    uint8_t *bytes = (uint8_t *)gk_read_file(box.a, in_dir("tok/tokenizer.model"), 1 << 20, len, &err);
    ck_assert_ptr_nonnull(bytes);
    return bytes;
}

START_TEST(test_missing_and_garbage) {
    ck_assert_ptr_null(gk_tok_load(in_dir("nowhere"), &err));
    ck_assert_ptr_null(gk_tok_load(box.dir, &err)); /* a folder without a model */
    ck_assert_ptr_nonnull(strstr(err.file, "tokenizer.model"));
    ck_assert_ptr_null(load_bytes("", 0));
    ck_assert_ptr_null(load_bytes("{\"model\": {\"type\": \"BPE\"}}", 26));
    gk_rng rng;
    gk_rng_seed(&rng, 1, "garbage");
    uint8_t noise[300];
    for (int k = 0; k < 100; k++) {
        for (size_t i = 0; i < sizeof noise; i++) noise[i] = (uint8_t)gk_rng_u64(&rng);
        ck_assert_ptr_null(load_bytes(noise, sizeof noise));
        ck_assert_str_ne(err.what, "");
    }
}
END_TEST

/* A file cut short anywhere fails: at a field's end too, because the settings stand last. */
START_TEST(test_truncated) {
    size_t len = 0;
    uint8_t *bytes = model_bytes(&len);
    for (size_t cut = 0; cut < 200; cut++) ck_assert_ptr_null(load_bytes(bytes, len * cut / 200));
    for (size_t cut = 1; cut < 300; cut++) ck_assert_ptr_null(load_bytes(bytes, len - cut));
    ck_assert(err.has_byte);
}
END_TEST

/* A damaged model either fails or still works within its bounds. */
START_TEST(test_damaged) {
    size_t len = 0, failed = 0;
    uint8_t *bytes = model_bytes(&len);
    gk_rng rng;
    gk_rng_seed(&rng, 2, "damage");
    for (int k = 0; k < 300; k++) {
        size_t at = gk_rng_below(&rng, 2) ? len - 1 - gk_rng_below(&rng, 200) : gk_rng_below(&rng, len);
        uint8_t kept = bytes[at];
        bytes[at] = (uint8_t)gk_rng_u64(&rng);
        gk_tok *t = load_bytes(bytes, len);
        bytes[at] = kept;
        failed += t == NULL;
        for (size_t i = 0; t && i < COUNT(texts); i++) {
            gk_tokens k1;
            if (!gk_tok_encode(t, texts[i], strlen(texts[i]), GK_BOS_NO, box.a, &k1, &err)) continue;
            check_tiles(t, &k1, strlen(texts[i]));
            gk_tok_decode(t, k1.id, k1.n, box.a, &err);
        }
        gk_tok_free(t);
    }
    ck_assert_uint_gt(failed, 0);
    ck_assert_uint_lt(failed, 300);
}
END_TEST

/* One field of a protobuf message: a length-delimited one with `n` (< 2^14) bytes. */
static void put_bytes(gk_buf *b, unsigned number, const void *bytes, size_t n) {
    const char head[] = {(char)(number << 3 | 2), (char)(n | 0x80), (char)(n >> 7)};
    gk_buf_add(b, head, 3);
    gk_buf_add(b, bytes, n);
}

/* A valid model with one more field `number` holding `bytes`: the sub-message's, merged over what is there.
 */
static gk_tok *load_with(const uint8_t *model, size_t len, unsigned number, const void *bytes, size_t n) {
    gk_buf b = {0};
    gk_buf_add(&b, (const char *)model, len);
    put_bytes(&b, number, bytes, n);
    gk_tok *t = load_bytes(b.data, b.len);
    gk_buf_free(&b);
    return t;
}

START_TEST(test_models_that_would_break_promises) {
    enum { PIECE = 1, TRAINER = 2, NORMALIZER = 3, DENORMALIZER = 5 };
    size_t len = 0;
    uint8_t *m = model_bytes(&len);
    const struct {
        unsigned number;
        const char *bytes;
        size_t n;
        const char *says;
    } bad[] = {
        {NORMALIZER, "\x12\x05\xFF\xFF\xFF\x7F\x01", 7,
         "replacements cannot be used"}, /* a character table of nonsense */
        {DENORMALIZER, "\x12\x05\xFF\xFF\xFF\x7F\x01", 7, "replacements cannot be used"},
        {TRAINER, "\xC0\x01\x01", 3, "the word before"},      /* treat_whitespace_as_suffix */
        {TRAINER, "\x18\x03", 2, "type 3"},                   /* words */
        {PIECE, "\x0A\x00", 2, "a piece of 0 bytes"},         /* empty piece */
        {PIECE, "\x0A\x01\xFF", 3, "not text"},               /* not UTF-8 */
        {PIECE, "\x0A\x01z\x15\x00\x00\xC0\x7F", 8, "score"}, /* NaN */
        {PIECE, "\x0A\x04▁Ad\x18", 7, "not a sentencepiece"}, /* ends inside a number */
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        ck_assert_msg(load_with(m, len, bad[i].number, bad[i].bytes, bad[i].n) == NULL, "accepted: %s",
                      bad[i].says);
        ck_assert_msg(strstr(err.what, bad[i].says) != NULL, "%zu: %s", i, message());
    }
    gk_tok *t = load_with(m, len, PIECE, "\x0A\x03zzz\x18\x01", 7);
    ck_assert_msg(t != NULL, "%s", message()); /* the way of building is right */
    ck_assert_int_eq(gk_tok_size(t), VOCAB + 1);
    gk_tok_free(t);
}
END_TEST

/* A model without dummy prefix that drops spaces at the ends and all but one of a run. */
START_TEST(test_model_that_drops_spaces) {
    size_t len = 0;
    uint8_t *m = model_bytes(&len);
    gk_tok *t = load_with(m, len, 3, "\x18\x00\x20\x01", 4);
    ck_assert_msg(t != NULL, "%s", message());
    static const char *const spaced[] = {"Ada  Abbott", "  Ada", "Ada Abbott  ", "   Ada   東   "};
    for (size_t i = 0; i < COUNT(spaced); i++) {
        gk_tokens k = encoded(t, spaced[i], GK_BOS_YES);
        check_tiles(t, &k, strlen(spaced[i]));
    }
    gk_tokens k;
    ck_assert(!gk_tok_encode(t, "  ", 2, GK_BOS_YES, box.a, &k, &err));
    int32_t first = -1;
    ck_assert(gk_tok_first(t, "Ada", &first, &err));
    ck_assert_str_eq(gk_tok_piece(t, first), "▁Ada");
    gk_tok_free(t);
}
END_TEST

/* 65 nested user-defined symbols would overflow an array inside the library. */
START_TEST(test_nested_symbols_are_refused) {
    size_t len = 0;
    uint8_t *m = model_bytes(&len);
    gk_buf b = {0};
    gk_buf_add(&b, (const char *)m, len);
    for (size_t n = 1; n <= 80; n++) {
        char piece[100] = {0x0A, (char)n};
        memset(piece + 2, '#', n);
        memcpy(piece + 2 + n, "\x18\x04", 2);
        put_bytes(&b, 1, piece, n + 4);
        gk_tok *t = load_bytes(b.data, b.len);
        ck_assert_msg((t != NULL) == (n <= 64), "%zu: %s", n, message());
        if (n == 64) {
            char text[200];
            memset(text, '#', sizeof text);
            gk_tokens k;
            ck_assert(gk_tok_encode(t, text, sizeof text, GK_BOS_NO, box.a, &k, &err));
            check_tiles(t, &k, sizeof text);
        }
        gk_tok_free(t);
    }
    gk_buf_free(&b);
}
END_TEST

int main(void) {
    TCase *c = tcase_create("spm_hostile");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, test_missing_and_garbage);
    tcase_add_test(c, test_truncated);
    tcase_add_test(c, test_damaged);
    tcase_add_test(c, test_models_that_would_break_promises);
    tcase_add_test(c, test_model_that_drops_spaces);
    tcase_add_test(c, test_nested_symbols_are_refused);
    Suite *s = suite_create("spm_hostile");
    suite_add_tcase(s, c);
    return run_suite(s);
}
