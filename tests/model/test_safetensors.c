/* modules: model core
 *
 * test_safetensors.c: what is saved is read back bit by bit, and a file that lies about itself is refused
 * with its place. */
#include "model/arrays.h"
#include "tests/support/scratch.h"

#include <math.h>

#define F(name, shape, begin, end) \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"

/* Writes header length, header, and `data_bytes` bytes of data 0, 1, 2, …; returns the path. */
static char *write_file(scratch *s, uint64_t header_len, const char *header, size_t data_bytes) {
    gk_buf b = {0};
    gk_buf_add(&b, (const char *)&header_len, sizeof header_len);
    gk_buf_puts(&b, header);
    for (size_t i = 0; i < data_bytes; i++) gk_buf_add(&b, &(char){(char)i}, 1);
    char *path = scratch_path(s, "x.safetensors");
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(b.data, 1, b.len, f), b.len);
    ck_assert_int_eq(fclose(f), 0);
    gk_buf_free(&b);
    return path;
}

static gk_array array_of(const char *name, const float *data, int n_dims, int64_t d0, int64_t d1) {
    return (gk_array){.name = name, .data = data, .shape = {d0, d1}, .n_dims = n_dims};
}

/* ---------------------------------------------------------------- round trips */

START_TEST(test_round_trip) {
    static const float w[6] = {1.5f, -0.0f, 3e-42f, INFINITY, 1e38f, 0.1f}, b[2] = {7, -8}, one[1] = {42};
    scratch s = scratch_new();
    gk_error err = {0};
    char *path = scratch_path(&s, "a.safetensors");
    gk_array arrays[] = {array_of("w", w, 2, 2, 3), array_of("b \"quoted\" ü", b, 1, 2, 0),
                         array_of("scalar", one, 0, 0, 0), array_of("empty", NULL, 2, 0, 5)};
    json_t *meta = json_pack("{s:s}", "step", "12");
    ck_assert(gk_safetensors_save(path, arrays, 4, meta, &err));
    gk_safetensors *f = gk_safetensors_open(path, &err);
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(gk_safetensors_count(f), 4);
    ck_assert(json_equal(gk_safetensors_meta(f), meta));
    for (int i = 0; i < 4; i++) {
        const gk_array *got = gk_safetensors_find(f, arrays[i].name);
        ck_assert_ptr_nonnull(got);
        ck_assert_int_eq(got->n_dims, arrays[i].n_dims);
        size_t n = 1;
        for (int d = 0; d < got->n_dims; d++) {
            ck_assert_int_eq(got->shape[d], arrays[i].shape[d]);
            n *= (size_t)got->shape[d];
        }
        ck_assert(n == 0 || memcmp(got->data, arrays[i].data, n * sizeof(float)) == 0);
    }
    ck_assert_str_eq(gk_safetensors_at(f, 0)->name, "w"); /* in the order given */
    ck_assert_uint_eq((uintptr_t)gk_safetensors_at(f, 0)->data % 8, 0);
    ck_assert_ptr_null(gk_safetensors_at(f, 4));
    ck_assert_ptr_null(gk_safetensors_find(f, "nothing"));
    gk_safetensors_close(f);
    json_decref(meta);
    scratch_free(&s);
}
END_TEST

START_TEST(test_empty_file_of_no_tensors) {
    scratch s = scratch_new();
    gk_error err = {0};
    char *path = scratch_path(&s, "none.safetensors");
    ck_assert(gk_safetensors_save(path, NULL, 0, NULL, &err));
    gk_safetensors *f = gk_safetensors_open(path, &err);
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(gk_safetensors_count(f), 0);
    ck_assert_ptr_null(gk_safetensors_meta(f));
    gk_safetensors_close(f);
    scratch_free(&s);
}
END_TEST

/* Older writers do not pad the header; the floats then lie at any byte. */
START_TEST(test_unaligned_data) {
    scratch s = scratch_new();
    gk_error err = {0};
    for (int pad = 0; pad < 8; pad++) {
        char header[128];
        snprintf(header, sizeof header, "{" F("a", "[2]", 0, 8) "}%*s", pad, "");
        gk_safetensors *f = gk_safetensors_open(write_file(&s, strlen(header), header, 8), &err);
        ck_assert_ptr_nonnull(f);
        const gk_array *a = gk_safetensors_find(f, "a");
        ck_assert_int_eq(memcmp(a->data, (char[]){0, 1, 2, 3, 4, 5, 6, 7}, 8), 0);
        ck_assert_uint_eq((uintptr_t)a->data % _Alignof(float), 0);
        gk_safetensors_close(f);
    }
    scratch_free(&s);
}
END_TEST

/* Types that graftkit does not compute with are checked like the others, and not exposed. */
START_TEST(test_other_types_are_hidden) {
    scratch s = scratch_new();
    gk_error err = {0};
    const char *header =
        "{\"h\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}," F("a", "[1]", 4, 8) "}";
    gk_safetensors *f = gk_safetensors_open(write_file(&s, strlen(header), header, 8), &err);
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(gk_safetensors_count(f), 1);
    ck_assert_str_eq(gk_safetensors_at(f, 0)->name, "a");
    ck_assert_ptr_null(gk_safetensors_find(f, "h"));
    gk_safetensors_close(f);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- hostile headers */

static const struct {
    const char *header;
    size_t data_bytes;
    const char *error; /* after the path */
} HOSTILE[] = {
    {"[]", 0, ": byte 8: the header does not start with '{'"},
    {"{", 0, ": byte 9: the header is not valid"},
    {"{\"a\":1}", 0, ": byte 8: field 'a': the header's entry is malformed"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, ": byte 8: field 'a': the header's entry is malformed"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4,
     ": byte 8: field 'a': the header's entry is malformed"},
    {"{\"a\":{\"dtype\":4,\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
     ": byte 8: field 'a': the dtype is no string"},
    {"{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
     ": byte 8: field 'a': the dtype 'F33' is unknown; F32, F16 or BF16 is what"},
    {"{" F("a", "4", 0, 4) "}", 4, ": byte 8: field 'a': the shape is no array"},
    {"{" F("a", "[1,1,1,1,1]", 0, 4) "}", 4, ": byte 8: field 'a': the shape has 5 dimensions; at most 4"},
    {"{" F("a", "[-1]", 0, 4) "}", 4, ": byte 8: field 'a': the shape's dimension 0 is not a size"},
    {"{" F("a", "[1.0]", 0, 4) "}", 4, ": byte 8: field 'a': the shape's dimension 0 is not a size"},
    {"{" F("a", "[4611686018427387904,4611686018427387904]", 0, 4) "}", 4,
     ": byte 8: field 'a': the shape's product overflows"},
    {"{" F("a", "[4611686018427387905]", 0, 4) "}", 4, ": byte 8: field 'a': the shape's product overflows"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4,
     ": byte 8: field 'a': data_offsets are not two integers"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4.0]}}", 4,
     ": byte 8: field 'a': data_offsets are not two integers"},
    {"{" F("a", "[1]", -4, 0) "}", 4,
     ": byte 8: field 'a': data_offsets [-4, 0] do not lie in the file's 4 bytes of data"},
    {"{" F("a", "[1]", 4, 0) "}", 4, ": byte 8: field 'a': data_offsets [4, 0] do not lie in"},
    {"{" F("a", "[2]", 0, 8) "}", 4,
     ": byte 8: field 'a': data_offsets [0, 8] do not lie in the file's 4 bytes of data; "
     "the file may be truncated or damaged"},
    {"{" F("a", "[1]", 0, 9223372036854775807) "}", 4,
     ": byte 8: field 'a': data_offsets [0, 9223372036854775807] do"},
    {"{" F("a", "[2]", 0, 4) "}", 4,
     ": byte 62: field 'a': shape and type (F32) take 8 bytes, data_offsets give 4"},
    {"{" F("a", "[1]", 0, 4) "," F("a", "[1]", 4, 8) "}", 8,
     ": byte 65: the header is not valid: duplicate object key"},
    {"{" F("a", "[2]", 0, 8) "," F("b", "[1]", 4, 8) "}", 8,
     ": byte 119: field 'b': overlaps 'a', which ends at byte 123; tensors must not share bytes"},
    {"{" F("a", "[1]", 0, 4) "," F("b", "[1]", 8, 12) "}", 12,
     ": byte 124: field 'b': bytes 120 to 123 before it belong to no tensor; tensors must follow each other"},
    {"{" F("b", "[1]", 4, 8) "}", 8, ": byte 66: field 'b': bytes 62 to 65 before it belong to no tensor"},
    {"{" F("a", "[1]", 0, 4) "}", 9, ": byte 66: the last 5 bytes belong to no tensor"},
    {"{\"__metadata__\":[]}", 0, ": field '__metadata__': is no object; must be an object of strings"},
    {"{\"__metadata__\":{\"k\":1}}", 0,
     ": field '__metadata__': 'k' is not a string; must be an object of strings"},
    {"{\"a\\u0000b\":1}", 0, ": byte "},
    {"{\"\xff\":1}", 0, ": byte "},
};

START_TEST(test_hostile_header) {
    scratch s = scratch_new();
    gk_error err = {0};
    char *path = write_file(&s, strlen(HOSTILE[_i].header), HOSTILE[_i].header, HOSTILE[_i].data_bytes);
    ck_assert_ptr_null(gk_safetensors_open(path, &err));
    assert_error_at(&err, path, HOSTILE[_i].error);
    scratch_free(&s);
}
END_TEST

START_TEST(test_header_length) {
    static const struct {
        uint64_t len;
        const char *error;
    } cases[] = {
        {0, ": byte 8: the header does not start with '{'"},
        {3, ": byte 0: the header's length 3 exceeds the file; the file is truncated or no safetensors file"},
        {100000001, ": byte 0: the header's length 100000001 exceeds 100000000 bytes"},
        {UINT64_MAX, ": byte 0: the header's length 18446744073709551615 exceeds 100000000 bytes"},
        {UINT64_MAX - 7, ": byte 0: the header's length 18446744073709551608 exceeds 100000000 bytes"},
    };
    scratch s = scratch_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gk_error err = {0};
        char *path = write_file(&s, cases[i].len, "{}", 0);
        ck_assert_ptr_null(gk_safetensors_open(path, &err));
        assert_error_at(&err, path, cases[i].error);
    }
    scratch_free(&s);
}
END_TEST

/* Cut anywhere, a file is refused: no prefix of a file of tensors is one. */
START_TEST(test_truncated_everywhere) {
    static const float w[6] = {1, 2, 3, 4, 5, 6};
    scratch s = scratch_new();
    gk_error err = {0};
    char *whole = scratch_path(&s, "whole.safetensors"), *cut = scratch_path(&s, "cut.safetensors");
    gk_array arrays[] = {array_of("w", w, 2, 2, 2), array_of("b", w + 4, 1, 2, 0)};
    ck_assert(gk_safetensors_save(whole, arrays, 2, NULL, &err));
    size_t len;
    const char *bytes = gk_read_file(s.a, whole, 1 << 20, &len, &err);
    for (size_t n = 0; n < len; n++) {
        FILE *f = fopen(cut, "wb");
        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
        ck_assert_int_eq(fclose(f), 0);
        ck_assert_ptr_null(gk_safetensors_open(cut, &err));
        char at[96];
        if (n < 8)
            snprintf(at, sizeof at, ": byte %zu: the file ends after %zu bytes", n, n);
        else if (n < len - 24)
            snprintf(at, sizeof at, ": byte 0: the header's length %zu exceeds the file", len - 24 - 8);
        else
            snprintf(at, sizeof at, ": byte 8: field '%s': data_offsets", n < len - 8 ? "w" : "b");
        assert_error_at(&err, cut, at);
    }
    ck_assert_ptr_null(gk_safetensors_open(scratch_path(&s, "absent"), &err));
    assert_error_at(&err, scratch_path(&s, "absent"), ": opening the file failed: No such file");
    ck_assert_ptr_null(gk_safetensors_open(s.dir, &err));
    assert_error_at(&err, s.dir, ": this is a folder");
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- refusals to save */

START_TEST(test_save_refuses) {
    static const float x[2] = {1, 2};
    const struct {
        gk_array second;
        const char *error;
    } cases[] = {
        {array_of("a", x, 1, 1, 0), ": field 'a': this array's name is taken; names must be unique"},
        {array_of("__metadata__", x, 1, 1, 0), ": field '__metadata__': this array's name is taken"},
        {array_of("\xff", x, 1, 1, 0),
         ": field '\xff': this array's name cannot be written; names must be UTF-8"},
        {array_of("n", x, 1, -1, 0), ": field 'n': this array's shape cannot be written"},
        {array_of("o", x, 2, INT64_MAX, 2), ": field 'o': this array's shape cannot be written"},
        {array_of("d", x, 5, 1, 1),
         ": field 'd': this array's shape cannot be written; at most 4 dimensions"},
    };
    scratch s = scratch_new();
    char *path = scratch_file(&s, "keep.safetensors", "precious");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gk_error err = {0};
        gk_array arrays[] = {array_of("a", x, 1, 1, 0), cases[i].second};
        ck_assert(!gk_safetensors_save(path, arrays, 2, NULL, &err));
        assert_error_at(&err, path, cases[i].error);
    }
    gk_error err = {0};
    json_t *meta = json_pack("{s:i}", "step", 12);
    ck_assert(!gk_safetensors_save(path, NULL, 0, meta, &err));
    assert_error_at(&err, path, ": field '__metadata__': 'step' is not a string");
    json_decref(meta);
    ck_assert_str_eq(gk_read_file(s.a, path, 100, NULL, &err), "precious");
    ck_assert(!gk_safetensors_save(scratch_path(&s, "no/such/folder"), NULL, 0, NULL, &err));
    assert_error_at(&err, scratch_path(&s, "no/such/folder"), ": creating the file failed: No such file");
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("safetensors");
    TCase *t = tcase_create("safetensors");
    tcase_add_test(t, test_round_trip);
    tcase_add_test(t, test_empty_file_of_no_tensors);
    tcase_add_test(t, test_unaligned_data);
    tcase_add_test(t, test_other_types_are_hidden);
    tcase_add_loop_test(t, test_hostile_header, 0, sizeof HOSTILE / sizeof *HOSTILE);
    tcase_add_test(t, test_header_length);
    tcase_add_test(t, test_truncated_everywhere);
    tcase_add_test(t, test_save_refuses);
    suite_add_tcase(s, t);
    return run_suite(s);
}
