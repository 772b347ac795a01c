/* modules: core
 *
 * test_gguf.c: GGUF files written byte by byte are read back, one that another program wrote too. */
#include "tests/support/gguf_words.h"

/* ---------------------------------------------------------------- good files */

START_TEST(a_good_file) {
    scratch s = scratch_new();
    gk_error err = {0};
    gk_gguf *g = open_words(&s, GOOD);
    const char *text;
    size_t len;
    int64_t n = 0;
    ck_assert_uint_eq(gk_gguf_version(g), 3);
    ck_assert_uint_eq(gk_gguf_count(g), 4);
    ck_assert_str_eq(gk_gguf_key(g, 0), "general.architecture");
    ck_assert_str_eq(gk_gguf_key(g, 3), "general.alignment");
    ck_assert_ptr_null(gk_gguf_key(g, 4));
    ck_assert(gk_gguf_has(g, "n") && !gk_gguf_has(g, "m") && !gk_gguf_has(g, ""));
    ck_assert(gk_gguf_type_of(g, "n") == GK_GGUF_U32 && gk_gguf_type_of(g, "words") == GK_GGUF_ARRAY);
    ck_assert(gk_gguf_type_of(g, "m") == GK_GGUF_NONE);
    ck_assert(gk_gguf_int(g, "n", 7, 7, &n, &err) && n == 7);
    ck_assert(gk_gguf_str(g, "general.architecture", s.a, &text, &err));
    ck_assert_str_eq(text, "llama");
    gk_gguf_array a;
    ck_assert(gk_gguf_array_of(g, "words", GK_GGUF_STRING, &a, &err) && a.n == 3);
    gk_gguf_array again = a;
    static const char *const words[] = {"ab", "", "c"};
    for (int i = 0; i < 3; i++) {
        ck_assert(gk_gguf_next(&a, &text, &len));
        ck_assert(len == strlen(words[i]) && memcmp(text, words[i], len) == 0);
    }
    ck_assert(!gk_gguf_next(&a, &text, &len));
    ck_assert(gk_gguf_next(&again, &text, &len) && len == 2);
    gk_gguf_close(g);
    scratch_free(&s);
}
END_TEST

START_TEST(its_tensors) {
    scratch s = scratch_new();
    gk_gguf *g = open_words(&s, GOOD);
    ck_assert_uint_eq(gk_gguf_tensors(g), 3);
    const gk_gguf_tensor *w = gk_gguf_tensor_at(g, 0), *b = gk_gguf_tensor_find(g, "b"),
                         *q = gk_gguf_tensor_find(g, "q");
    ck_assert(w == gk_gguf_tensor_find(g, "w") && b == gk_gguf_tensor_at(g, 1) &&
              q == gk_gguf_tensor_at(g, 2));
    ck_assert(!gk_gguf_tensor_at(g, 3) && !gk_gguf_tensor_find(g, "c") && !gk_gguf_tensor_find(g, ""));
    ck_assert(w->n_dims == 2 && w->shape[0] == 2 && w->shape[1] == 3 && w->shape[2] == 1 && w->shape[3] == 1);
    ck_assert(w->n_values == 6 && w->bytes == 24 && w->offset % 64 == 0);
    ck_assert_str_eq(w->type_name, "F32");
    ck_assert(((const float *)w->data)[0] == 1.0f && ((const float *)w->data)[1] == 2.0f);
    ck_assert(b->type == 1 && b->bytes == 4 && b->offset == w->offset - 64);
    ck_assert(((const uint16_t *)b->data)[1] == 0x4000);
    ck_assert_str_eq(b->type_name, "F16");
    ck_assert(q->n_dims == 3 && q->n_values == 64 && q->bytes == 68 && q->offset == w->offset + 64);
    gk_place at = gk_gguf_tensor_place(g, q);
    ck_assert(at.has_byte && memcmp((const char *)q->data - q->offset + at.byte + 8, "q", 1) == 0);
    ck_assert_str_eq(at.field, "q");
    gk_gguf_close(g);
    scratch_free(&s);
}
END_TEST

/* Version 2 differs in nothing that is read; no tensors need no data; empty and 0-dimensional tensors exist;
 * the same bytes may not be shared but holes are fine; the last tensor's padding may be missing. */
START_TEST(other_good_files) {
    scratch s = scratch_new();
    gk_gguf *g = open_words(&s, "'GGUF 4:2 8:0 8:0");
    ck_assert(gk_gguf_version(g) == 2 && gk_gguf_count(g) == 0 && gk_gguf_tensors(g) == 0);
    ck_assert(!gk_gguf_has(g, "x") && !gk_gguf_tensor_find(g, "x"));
    gk_gguf_close(g);
    g = open_words(
        &s, HEAD(3, 0) "s:e 4:2 8:0 8:5 4:0 8:0 s:p 4:0 4:0 8:0 s:r 4:1 8:1 4:24 8:96 a:32 4:1 z:92 1:9");
    ck_assert(gk_gguf_tensor_at(g, 0)->bytes == 0 && gk_gguf_tensor_at(g, 0)->n_values == 0);
    ck_assert(gk_gguf_tensor_at(g, 1)->bytes == 4 && gk_gguf_tensor_at(g, 1)->n_values == 1);
    ck_assert(*(const uint8_t *)gk_gguf_tensor_at(g, 2)->data == 9);
    gk_gguf_close(g);
    g = open_words(&s, HEAD(1, 0) "s:e 4:1 8:0 4:0 8:0"); /* ends before the padding */
    ck_assert(gk_gguf_tensor_at(g, 0)->bytes == 0);
    gk_gguf_close(g);
    scratch_free(&s);
}
END_TEST

/* tests/fixtures/quant.gguf was written by gguf-py. */
START_TEST(another_programs_file) {
    gk_error err = {0};
    gk_arena *a = gk_arena_new();
    static const struct {
        const char *key;
        int64_t value;
    } ints[] = {{"a.u8", 200},         {"a.i8", -100},         {"a.u16", 60000},    {"a.i16", -30000},
                {"a.u32", 4000000000}, {"a.i32", -2000000000}, {"a.i64", INT64_MIN}};
    gk_gguf *g = gk_gguf_open(GK_SOURCE_DIR "/tests/fixtures/quant.gguf", &err);
    ck_assert_ptr_nonnull(g);
    int64_t n;
    double x;
    bool yes = false;
    const char *text;
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        ck_assert(gk_gguf_int(g, ints[i].key, INT64_MIN, INT64_MAX, &n, &err) && n == ints[i].value);
        ck_assert(gk_gguf_num(g, ints[i].key, &x, &err) && x == (double)n);
    }
    ck_assert(gk_gguf_num(g, "a.u64", &x, &err) && x == 0x1p64);
    ck_assert(gk_gguf_num(g, "a.f32", &x, &err) && x == (double)0.1f);
    ck_assert(gk_gguf_num(g, "a.f64", &x, &err) && x == 0.1);
    ck_assert(gk_gguf_bool(g, "a.bool", &yes, &err) && yes);
    ck_assert(gk_gguf_str(g, "a.string", a, &text, &err));
    ck_assert_str_eq(text, "naïve");
    gk_gguf_array list;
    ck_assert(gk_gguf_array_of(g, "a.ints", GK_GGUF_NONE, &list, &err) && list.n == 3);
    ck_assert(gk_gguf_item_int(&list, 1, -5, 5, &n, &err) && n == -1);
    ck_assert(gk_gguf_item_num(&list, 2, &x, &err) && x == 4);
    ck_assert(gk_gguf_array_of(g, "a.bools", GK_GGUF_BOOL, &list, &err));
    ck_assert(gk_gguf_item_bool(&list, 1, &yes, &err) && !yes);
    ck_assert(gk_gguf_array_of(g, "a.floats", GK_GGUF_F32, &list, &err));
    ck_assert(gk_gguf_item_num(&list, 1, &x, &err) && x == -1.5);
    gk_gguf_close(g);
    gk_arena_free(a);
}
END_TEST

/* As many strings as the largest vocabularies, and then some; reading all of them twice takes no time. */
START_TEST(long_arrays) {
    enum { N = 300000 };
    scratch s = scratch_new();
    gk_buf b = compose(HEAD(0, 2) "s:tokens 4:9 4:8");
    gk_buf_add(&b, (const char *)&(uint64_t){N}, 8);
    for (uint64_t i = 0; i < N; i++) {
        char word[16];
        uint64_t len = (uint64_t)snprintf(word, sizeof word, "w%" PRIu64, i);
        gk_buf_add(&b, (const char *)&len, 8);
        gk_buf_add(&b, word, len);
    }
    gk_buf tail = compose("s:after 4:0 1:3");
    gk_buf_add(&b, tail.data, tail.len);
    gk_gguf *g = gk_gguf_open(write_bytes(&s, b.data, b.len), NULL);
    ck_assert_ptr_nonnull(g);
    gk_gguf_array a;
    ck_assert(gk_gguf_array_of(g, "tokens", GK_GGUF_STRING, &a, NULL) && a.n == N);
    const char *text;
    size_t len, n = 0;
    for (; gk_gguf_next(&a, &text, &len); n++)
        ck_assert(text[0] == 'w' && strtoull(text + 1, NULL, 10) == n); /* a length follows: no digit */
    ck_assert_uint_eq(n, N);
    int64_t three;
    ck_assert(gk_gguf_int(g, "after", 0, 9, &three, NULL) && three == 3);
    gk_gguf_close(g);
    gk_buf_free(&b);
    gk_buf_free(&tail);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- wrong types and values */

static const char VALUES[] =
    HEAD(0, 13) "s:u8 4:0 1:200 s:u64 4:10 8:0xFFFFFFFFFFFFFFFF s:f32 4:6 4:0x3F000000 "
                "s:nan 4:12 8:0x7FF8000000000000 s:yes 4:7 1:1 s:text 4:8 s:abc "
                "s:nul 4:8 8:3 x:610062 s:bad 4:8 8:2 x:61FF s:line 4:8 8:3 x:610A62 "
                "s:ints 4:9 4:5 8:2 4:1 4:0xFFFFFFFF s:strings 4:9 4:8 8:1 s:a "
                "s:floats 4:9 4:6 8:1 4:0x7F800000 s:none 4:9 4:0 8:0";

typedef enum way { INT, NUM, BOOL, STR, BYTES, ARRAY, INTS, NUMS, BOOLS } way;

static const struct {
    way way;
    const char *key;
    const char *error;
} WRONG[] = {
    {INT, "no", ": field 'no': is missing; must be an integer from -5 to 100"},
    {INT, "u8", ": byte 38: field 'u8': is 200; must be an integer from -5 to 100"},
    {INT, "u64", ": byte 54: field 'u64': is 18446744073709551615; must be an integer"},
    {INT, "f32", ": byte 77: field 'f32': is the f32 0.5; must be an integer"},
    {INT, "yes", ": byte 119: field 'yes': is true; must be an integer"},
    {INT, "text", ": byte 136: field 'text': is the string \"abc\"; must be an integer"},
    {INT, "ints", ": byte 241: field 'ints': is an array of 2 i32; must be an integer"},
    {NUM, "nan", ": byte 96: field 'nan': is the f64 nan; must be a finite number"},
    {NUM, "yes", ": byte 119: field 'yes': is true; must be a finite number"},
    {NUM, "no", ": field 'no': is missing; must be a finite number"},
    {BOOL, "u8", ": byte 38: field 'u8': is 200; must be true or false"},
    {BOOL, "line", ": byte 214: field 'line': is a string of 3 bytes; must be true or false"},
    {STR, "u8", ": byte 38: field 'u8': is 200; must be a string"},
    {STR, "nul", ": byte 171: field 'nul': the string has a NUL in it; must be a string without NUL"},
    {STR, "bad", ": byte 197: field 'bad': the string is no valid UTF-8; must be a string of UTF-8"},
    {BYTES, "ints", ": byte 241: field 'ints': is an array of 2 i32; must be a string"},
    {ARRAY, "u8", ": byte 38: field 'u8': is 200; must be an array of u32"},
    {ARRAY, "ints", ": byte 241: field 'ints': is an array of 2 i32; must be an array of u32"},
    {INTS, "ints", ": byte 257: field 'ints[1]': is -1; must be an integer from 0 to 100"},
    {INTS, "strings", ": field 'strings[1]': is missing: the array has 1 items; must be an integer"},
    {INTS, "none", ": field 'none[1]': is missing: the array has 0 items; must be an integer"},
    {NUMS, "strings", ": field 'strings[0]': is a string; must be a finite number"},
    {NUMS, "floats", ": byte 331: field 'floats[0]': is the f32 inf; must be a finite number"},
    {BOOLS, "ints", ": byte 253: field 'ints[0]': is 1; must be true or false"},
};

static bool ask(const gk_gguf *g, way how, const char *key, gk_arena *a, gk_error *err) {
    int64_t n;
    double x;
    bool yes;
    const char *text;
    size_t len;
    gk_gguf_array list;
    if (how >= INTS) ck_assert(gk_gguf_array_of(g, key, GK_GGUF_NONE, &list, err));
    switch (how) {
    case INT:
        return gk_gguf_int(g, key, -5, 100, &n, err);
    case NUM:
        return gk_gguf_num(g, key, &x, err);
    case BOOL:
        return gk_gguf_bool(g, key, &yes, err);
    case STR:
        return gk_gguf_str(g, key, a, &text, err);
    case BYTES:
        return gk_gguf_bytes(g, key, &text, &len, err);
    case ARRAY:
        return gk_gguf_array_of(g, key, GK_GGUF_U32, &list, err);
    case INTS:
        return gk_gguf_item_int(&list, 1, 0, 100, &n, err);
    case NUMS:
        return gk_gguf_item_num(&list, 0, &x, err);
    case BOOLS:
        return gk_gguf_item_bool(&list, 0, &yes, err);
    }
    return true;
}

START_TEST(wrong_types_and_values) {
    scratch s = scratch_new();
    gk_error err = {0};
    gk_gguf *g = open_words(&s, VALUES);
    ck_assert(!ask(g, WRONG[_i].way, WRONG[_i].key, s.a, &err));
    assert_error_at(&err, scratch_path(&s, "x.gguf"), WRONG[_i].error);
    gk_gguf_close(g);
    scratch_free(&s);
}
END_TEST

/* What a string may hold is the caller's business when it asks for bytes. */
START_TEST(texts_of_any_bytes) {
    scratch s = scratch_new();
    gk_gguf *g = open_words(&s, VALUES);
    const char *text = NULL;
    size_t len = 0;
    ck_assert(gk_gguf_bytes(g, "nul", &text, &len, NULL));
    ck_assert(len == 3 && memcmp(text, "a\0b", 3) == 0);
    ck_assert(gk_gguf_bytes(g, "bad", &text, &len, NULL));
    ck_assert(len == 2 && memcmp(text, "a\xff", 2) == 0);
    gk_gguf_array a;
    ck_assert(gk_gguf_array_of(g, "ints", GK_GGUF_NONE, &a, NULL));
    ck_assert(!gk_gguf_next(&a, &text, &len));
    gk_gguf_close(g);
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("gguf");
    TCase *t = tcase_create("gguf");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_good_file);
    tcase_add_test(t, its_tensors);
    tcase_add_test(t, other_good_files);
    tcase_add_test(t, another_programs_file);
    tcase_add_test(t, long_arrays);
    tcase_add_loop_test(t, wrong_types_and_values, 0, sizeof WRONG / sizeof *WRONG);
    tcase_add_test(t, texts_of_any_bytes);
    suite_add_tcase(s, t);
    return run_suite(s);
}
