/* test_unicode.c: Unicode's normal forms over all of Unicode, against hashes of what the reference makes
 * (tools/reference/fixtures/make_unicode_forms.py). modules: tokenizer core */
#include "core/json.h"
#include "tests/support/tokenizer_fixture.h"
#include "tokenizer/internal.h"

#include <utf8proc.h>

#define HEX 16 /* digits of a hash in the fixture */

static const int FORMS[] = {UTF8PROC_COMPOSE, UTF8PROC_DECOMPOSE, UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
                            UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT};

static json_t *fixture(void) {
    json_t *json = gk_json_load(GK_SOURCE_DIR "/tests/fixtures/unicode_forms.json", &err);
    ck_assert_msg(json != NULL, "%s", message());
    return json;
}

static void put(gk_buf *text, uint32_t c) {
    utf8proc_uint8_t bytes[4];
    gk_buf_add(text, (const char *)bytes, (size_t)utf8proc_encode_char((utf8proc_int32_t)c, bytes));
}

/* The text's four forms have the hashes; "": the text is in that form already. */
static void check_forms(const gk_buf *text, const json_t *hashes, const char *what, uint32_t which) {
    for (size_t f = 0; f < COUNT(FORMS); f++) {
        gk_tok__norms norms = {.item = {{.kind = GK_TOK__UNICODE, .form = FORMS[f]}}, .n = 1};
        gk_tok__work w = {.a = gk_arena_new(), .err = &err};
        gk_tok__view in = {.text = text->data, .len = text->len}, out;
        char hex[GK_SHA256_HEX], same[GK_SHA256_HEX];
        ck_assert_msg(gk_tok__normalize(&norms, &w, &in, &out), "%s", message());
        gk_sha256_bytes(out.text, out.len, hex);
        gk_sha256_bytes(text->data, text->len, same);
        const char *want = json_string_value(json_array_get(hashes, f));
        ck_assert_ptr_nonnull(want);
        ck_assert_msg(strncmp(hex, *want ? want : same, HEX) == 0, "form %zu of %s U+%04X", f, what, which);
        gk_arena_free(w.a);
    }
}

START_TEST(every_code_point) {
    json_t *doc = fixture(), *points = json_object_get(doc, "points");
    ck_assert_uint_eq(json_array_size(points), 0x110);
    for (uint32_t block = 0; block < 0x110; block++) {
        gk_buf text = {0};
        for (uint32_t c = block << 12; c < (block + 1) << 12; c++) {
            if (c >= 0xD800 && c < 0xE000) continue;
            put(&text, c);
            gk_buf_puts(&text, "\n");
        }
        if (text.len) check_forms(&text, json_array_get(points, block), "the block from", block << 12);
        gk_buf_free(&text);
    }
    json_decref(doc);
}
END_TEST

static uint32_t number(const json_t *list, size_t i) {
    return (uint32_t)json_integer_value(json_array_get(list, i));
}

static void put_compositions(gk_buf *text, uint32_t first, const json_t *seconds, const json_t *between) {
    for (size_t s = 0; s < json_array_size(seconds); s++)
        for (size_t b = 0; b < json_array_size(between); b++) {
            put(text, first);
            gk_buf_puts(text, json_string_value(json_array_get(between, b)));
            put(text, number(seconds, s));
            gk_buf_puts(text, "\n");
        }
}

START_TEST(every_composition) {
    json_t *doc = fixture(), *firsts = json_object_get(doc, "firsts"),
           *all = json_object_get(doc, "compositions");
    size_t group = (size_t)json_integer_value(json_object_get(doc, "group"));
    ck_assert_uint_gt(json_array_size(firsts), 300);
    for (size_t i = 0; i < json_array_size(firsts); i += group) {
        gk_buf text = {0};
        for (size_t k = i; k < i + group && k < json_array_size(firsts); k++)
            put_compositions(&text, number(firsts, k), json_object_get(doc, "seconds"),
                             json_object_get(doc, "between"));
        check_forms(&text, json_array_get(all, i / group), "the compositions from", number(firsts, i));
        gk_buf_free(&text);
    }
    json_decref(doc);
}
END_TEST

/* U+11A7 stands before the trailing consonants and is none: it is in the texts. */
START_TEST(every_syllable_of_hangul) {
    json_t *doc = fixture();
    for (uint32_t l = 0; l < 19; l++) {
        gk_buf text = {0};
        for (uint32_t v = 0; v < 21; v++)
            for (int whole = 0; whole < 2; whole++)
                for (uint32_t t = 0x11A6; t < 0x11C5; t++) {
                    if (whole) {
                        put(&text, 0xAC00 + (l * 21 + v) * 28);
                    } else {
                        put(&text, 0x1100 + l);
                        put(&text, 0x1161 + v);
                    }
                    put(&text, t);
                    gk_buf_puts(&text, "\n");
                }
        check_forms(&text, json_array_get(json_object_get(doc, "hangul"), l), "Hangul", 0x1100 + l);
        gk_buf_free(&text);
    }
    json_decref(doc);
}
END_TEST

int main(void) {
    TCase *c = tcase_create("unicode");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 240);
    tcase_add_test(c, every_code_point);
    tcase_add_test(c, every_composition);
    tcase_add_test(c, every_syllable_of_hangul);
    Suite *s = suite_create("unicode");
    suite_add_tcase(s, c);
    return run_suite(s);
}
