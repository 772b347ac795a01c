/* test_patterns.c: regular expressions of a tokenizer.json find what they find in the reference, by hashes of
 * the matches (tests/fixtures/patterns.json, tools/reference/fixtures/make_pattern_fixture.py); what libpcre2
 * would take for another thing is refused. modules: tokenizer core */
#include "core/json.h"
#include "tests/support/tokenizer_fixture.h"
#include "tokenizer/internal.h"

#include <utf8proc.h>

static json_t *fixture(void) {
    json_t *json = gk_json_load(GK_SOURCE_DIR "/tests/fixtures/patterns.json", &err);
    ck_assert_msg(json != NULL, "%s", message());
    return json;
}

/* "BEGIN END\n" of each match that is not empty, and an empty line. */
static void find(const gk_tok__pattern *p, gk_tok__matcher *m, const char *text, size_t len, gk_buf *out) {
    gk_tok__match s = {.pattern = p, .matcher = m, .text = text, .len = len};
    int more;
    while ((more = gk_tok__match_next(&s, &err)) > 0)
        if (s.end > s.begin) gk_buf_printf(out, "%zu %zu\n", s.begin, s.end);
    ck_assert_msg(more == 0, "%s", message());
    gk_buf_puts(out, "\n");
}

static void check(const char *source, const json_t *texts, const char *want) {
    gk_tok__pattern p;
    gk_buf found = {0};
    char hex[GK_SHA256_HEX];
    ck_assert_msg(gk_tok__pattern_regex(&p, source, GK_AT_FILE("a file"), &err), "%s: %s", source, message());
    gk_tok__matcher *m = gk_tok__matcher_new();
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const json_t *text = json_array_get(texts, i);
        find(&p, m, json_string_value(text), json_string_length(text), &found);
    }
    gk_sha256_bytes(found.data, found.len, hex);
    ck_assert_msg(strncmp(hex, want, strlen(want)) == 0, "%s finds other things: %.2000s", source,
                  found.data);
    gk_buf_free(&found);
    gk_tok__matcher_free(m);
    gk_tok__pattern_free(&p);
}

START_TEST(patterns_find_the_reference_s) {
    json_t *doc = fixture(), *patterns = json_object_get(doc, "patterns"), *want;
    const char *source;
    ck_assert_uint_ge(json_object_size(patterns), 50);
    json_object_foreach(patterns, source, want)
        check(source, json_object_get(doc, "texts"), json_string_value(want));
    json_decref(doc);
}
END_TEST

START_TEST(sets_have_the_reference_s_characters) {
    json_t *doc = fixture(), *sets = json_object_get(doc, "sets"), *want, *texts = json_array();
    gk_buf text = {0};
    for (int32_t c = 0; c < 0x110000; c++) {
        utf8proc_uint8_t bytes[4];
        if (c < 0xD800 || c >= 0xE000)
            gk_buf_add(&text, (const char *)bytes, (size_t)utf8proc_encode_char(c, bytes));
    }
    json_array_append_new(texts, json_stringn(text.data, text.len));
    const char *source;
    ck_assert_uint_ge(json_object_size(sets), 30);
    json_object_foreach(sets, source, want) check(source, texts, json_string_value(want));
    gk_buf_free(&text);
    json_decref(texts);
    json_decref(doc);
}
END_TEST

/* Each means another thing to Oniguruma than to libpcre2, or characters that the latter does not know. */
START_TEST(what_is_refused) {
    static const struct {
        const char *source, *says;
    } BAD[] = {
        {"a(?i)b|c", "flags in the middle in a pattern, before \"(?i)b|c\""},
        {"x(?i:'ss)", "(?i) with ss, ff, fi, fl or st in a pattern, before \"s)\""},
        {"(?i)ST", "(?i) with ss"},
        {"(?i)stra\xc3\x9f"
         "e",
         "(?i) with ss"},
        {"(?i)[\xc3\x9f]", "(?i) with a letter that is not ASCII"},
        {"(?i)[\\p{Lu}x]", "(?i) with \\p{Lu}"},
        {"(?x)a b", "a group of a kind that is not known here"},
        {"(?s).", "a group of a kind"},
        {"(?#a comment)a", "a group of a kind"},
        {"(*FAIL)", "a group of a kind"},
        {"(?~a)", "a group of a kind"},
        {"\\Qa+\\E", "an escape that is not known here in a pattern, before \"\\Qa+\\E\""},
        {"\\X", "an escape"},
        {"\\O", "an escape"},
        {"[\\R]", "an escape"},
        {"\\xe9", "\\x of a byte"},
        {"\\x{41 42}", "\\x{ } that is not one number"},
        {"\\u41", "\\u without four digits"},
        {"\\351", "a number after"},
        {"\\10", "a number after"},
        {"\\pL", "a property other than a category or a script"},
        {"\\p{L&}", "a property"},
        {"\\p{Cn}", "a property"},
        {"\\p{C}", "a property"},
        {"\\p{Alphabetic}", "a property"},
        {"\\p{sc=Han}", "a property"},
        {"\\p{}", "a property"},
        {"\\p{Han", "a property"},
        {"[\\P{L}]", "\\P of a property that has grown"},
        {"[\\W]", "\\W within a set"},
        {"[\\D]", "a complement within a set"},
        {"[[:^punct:]]", "a complement within a set"},
        {"[[:alpha:]]", "one of the sets [:alpha:]"},
        {"[[:upper:]]", "one of the sets"},
        {"[a&&b]", "&&"},
        {"[a[^b]]", "a set within a set"},
        {"[a-[b]]", "a set within a set"},
        {"[a[b]-c]", "a set within a set"},
        {"a(", "not a usable pattern"},
        {"a)", "not a usable pattern"},
        {"+", "not a usable pattern"},
        {"a\\", "not a usable pattern"},
        {"(?", "a group of a kind"},
        {"(?<", "not a usable pattern"},
        {"[", "not a usable pattern"},
        {"{1,2}+", "not a usable pattern"},
    };
    for (size_t i = 0; i < COUNT(BAD); i++) {
        gk_tok__pattern p;
        ck_assert_msg(!gk_tok__pattern_regex(&p, BAD[i].source, GK_AT_FILE("a file"), &err), "taken: %s",
                      BAD[i].source);
        ck_assert_msg(strstr(message(), BAD[i].says) != NULL, "%s says: %s", BAD[i].source, message());
    }
    gk_buf deep = {0};
    gk_tok__pattern p;
    for (int i = 0; i < 65; i++) gk_buf_puts(&deep, "(");
    ck_assert(!gk_tok__pattern_regex(&p, deep.data, GK_AT_FILE("a file"), &err));
    ck_assert_ptr_nonnull(strstr(message(), "64 deep"));
    gk_buf_free(&deep);
}
END_TEST

int main(void) {
    TCase *c = tcase_create("patterns");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 240);
    tcase_add_test(c, patterns_find_the_reference_s);
    tcase_add_test(c, sets_have_the_reference_s_characters);
    tcase_add_test(c, what_is_refused);
    Suite *s = suite_create("patterns");
    suite_add_tcase(s, c);
    return run_suite(s);
}
