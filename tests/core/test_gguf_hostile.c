/* modules: core
 *
 * test_gguf_hostile.c: a GGUF file that lies about itself is refused with the place of the lie. */
#include "tests/support/gguf_words.h"

#define TENSOR(dims, type, offset) HEAD(1, 0) "s:t " dims " 4:" #type " 8:" #offset " a:32 z:64"

static const struct {
    const char *words, *error;
} HOSTILE[] = {
    /* the header */
    {"'GGML 4:3 8:0 8:0", ": byte 0: the file does not start with 'GGUF'; the file is no GGUF file"},
    {"'GGUF 4:1 4:0 4:0", ": byte 4: the file's version is 1; versions 2 and 3 are supported"},
    {"'GGUF 4:0 8:0 8:0", ": byte 4: the file's version is 0; versions 2 and 3 are supported"},
    {"'GGUF 4:4 8:0 8:0", ": byte 4: the file's version is 4; versions 2 and 3 are supported"},
    {"'GGUF x:00000003 8:0 8:0",
     ": byte 4: the file is big-endian; convert the model to a little-endian file"},
    {HEAD(1048577, 0), ": byte 8: the number of tensors is 1048577, which is more than 1048576"},
    {HEAD(0xFFFFFFFFFFFFFFFF, 0),
     ": byte 8: the number of tensors is 18446744073709551615, which is more than"},
    {HEAD(1000, 0), ": byte 8: the number of tensors is 1000, which the rest of the file cannot hold"},
    {HEAD(0, 1048577), ": byte 16: the number of metadata pairs is 1048577, which is more than 1048576"},
    {HEAD(0, 2) "s:a 4:0 1:0",
     ": byte 16: the number of metadata pairs is 2, which the rest of the file cannot"},
    /* keys */
    {HEAD(0, 1) "8:0 z:20", ": byte 24: a key is 0 bytes long; it must be 1 to 65535 bytes"},
    {HEAD(0, 1) "8:65536 z:70000", ": byte 24: a key is 65536 bytes long; it must be 1 to 65535 bytes"},
    {HEAD(0, 1) "8:0xFFFFFFFFFFFFFFFF z:20", ": byte 24: a key is 18446744073709551615 bytes long"},
    {HEAD(0, 1) "8:100 z:20",
     ": byte 32: a key takes 100 bytes, the file has 20 left; the file is truncated"},
    {HEAD(0, 1) "8:3 x:610062 4:0 1:0", ": byte 33: a key has a NUL in it; names hold no NUL"},
    {HEAD(0, 1) "8:3 x:61C362 4:0 1:0", ": byte 33: a key is no valid UTF-8; names are UTF-8"},
    {HEAD(0, 3) "s:a 4:0 1:0 s:b 4:0 1:0 s:a 4:4 4:0",
     ": byte 65: field 'a': the key is there twice; keys must"},
    /* values */
    {HEAD(0, 1) "s:k 4:13 z:9", ": byte 33: field 'k': the value has the unknown type 13; types are 0 to 12"},
    {HEAD(0, 1) "s:k 4:0xFFFFFFFF z:9", ": byte 33: field 'k': the value has the unknown type 4294967295"},
    {HEAD(0, 1) "s:k 4:12 z:7", ": byte 37: field 'k': a value takes 8 bytes, the file has 7 left"},
    {HEAD(0, 1) "s:k 4:7 1:2", ": byte 37: field 'k': this bool is 2; a bool is 0 or 1"},
    {HEAD(0, 1) "s:k 4:8 8:6 'hello", ": byte 45: field 'k': a string takes 6 bytes, the file has 5 left"},
    {HEAD(0, 1) "s:k 4:8 8:0xFFFFFFFFFFFFFFFF 'hello",
     ": byte 45: field 'k': a string takes 18446744073709551615"},
    {HEAD(0, 1) "s:k 4:9 4:9 8:1 4:0 8:0", ": byte 37: field 'k': this is an array of arrays; items must be"},
    {HEAD(0, 1) "s:k 4:9 4:14 8:1 8:0", ": byte 37: field 'k': the array's items have the unknown type 14"},
    {HEAD(0, 1) "s:k 4:9 4:4 8:3 z:11",
     ": byte 41: field 'k': an array of 3 u32 does not fit into the file's last 11"},
    {HEAD(0, 1) "s:k 4:9 4:12 8:0x2000000000000001 z:64",
     ": byte 41: field 'k': an array of 2305843009213693953 f64"},
    {HEAD(0, 1) "s:k 4:9 4:8 8:3 s:abc s:defgh",
     ": byte 73: field 'k': a string's length takes 8 bytes, the file"},
    {HEAD(0, 1) "s:k 4:9 4:8 8:2 s:abc 8:9 'd",
     ": byte 68: field 'k': a string takes 9 bytes, the file has 1 left"},
    {HEAD(0, 1) "s:k 4:9 4:8 8:0xFFFFFFFFFFFFFFFF s:a",
     ": byte 41: field 'k': an array of 18446744073709551615 str"},
    {HEAD(0, 1) "s:k 4:9 4:7 8:3 1:0 1:1 1:9", ": byte 51: field 'k': this bool is 9; a bool is 0 or 1"},
    /* alignment */
    {HEAD(0, 1) "s:general.alignment 4:4 4:0",
     ": byte 53: field 'general.alignment': is 0; must be an integer from 8"},
    {HEAD(0, 1) "s:general.alignment 4:4 4:4",
     ": byte 53: field 'general.alignment': is 4; must be an integer from 8"},
    {HEAD(0, 1) "s:general.alignment 4:4 4:24",
     ": byte 53: field 'general.alignment': is 24; must be a power of two"},
    {HEAD(0, 1) "s:general.alignment 4:4 4:0x80000000",
     ": byte 53: field 'general.alignment': is 2147483648; must be"},
    {HEAD(0, 1) "s:general.alignment 4:8 s:32",
     ": byte 53: field 'general.alignment': is the string \"32\"; must be"},
    /* tensors */
    {HEAD(1, 0) "8:0 z:60", ": byte 24: a tensor's name is 0 bytes long; it must be 1 to 65535 bytes"},
    {HEAD(1, 0) "8:2 x:FF61 z:60", ": byte 32: a tensor's name is no valid UTF-8; names are UTF-8"},
    {TENSOR("4:5 8:1 8:1 8:1 8:1 8:1", 0, 0), ": byte 33: field 't': the shape has 5 dimensions; at most 4"},
    {TENSOR("4:1 8:0x8000000000000000", 0, 0),
     ": byte 37: field 't': the shape's dimension 0 is 9223372036854775808"},
    {TENSOR("4:2 8:0x100000000 8:0x80000000", 0, 0), ": byte 53: field 't': the shape's product overflows"},
    {TENSOR("4:3 8:0x100000000 8:0 8:0x80000000", 0, 0),
     ": byte 61: field 't': the shape's product overflows"},
    {TENSOR("4:2 8:0x10000 8:0x7FFFFFFFFFFF", 28, 0),
     ": byte 53: field 't': the shape's size in bytes overflows"},
    {TENSOR("4:1 8:1", 4, 0),
     ": byte 45: field 't': the element type 4 is unknown; the file is damaged, or newer"},
    {TENSOR("4:1 8:1", 0xFFFFFFFF, 0), ": byte 45: field 't': the element type 4294967295 is unknown"},
    {TENSOR("4:2 8:16 8:2", 8, 0),
     ": byte 53: field 't': rows of 16 values are not made of Q8_0's blocks of 32"},
    {TENSOR("4:0", 8, 0), ": byte 37: field 't': rows of 1 values are not made of Q8_0's blocks of 32"},
    {TENSOR("4:1 8:1", 0, 33), ": byte 49: field 't': the offset 33 is no multiple of the alignment 32"},
    {TENSOR("4:1 8:1", 0, 96),
     ": byte 64: field 't': 4 bytes at offset 96 do not lie in the file's 64 bytes of data"},
    {TENSOR("4:1 8:1", 0, 0xFFFFFFFFFFFFFFE0),
     ": byte 64: field 't': 4 bytes at offset 18446744073709551584 do"},
    {TENSOR("4:1 8:17", 0, 0),
     ": byte 64: field 't': 68 bytes at offset 0 do not lie in the file's 64 bytes of"},
    {TENSOR("4:1 8:9", 0, 32),
     ": byte 64: field 't': 36 bytes at offset 32 do not lie in the file's 64 bytes of"},
    {HEAD(2, 0) "s:a 4:1 8:9 4:0 8:0 s:b 4:1 8:1 4:0 8:32 a:32 z:64",
     ": byte 128: field 'b': overlaps 'a', which ends at byte 132; tensors must not share bytes"},
    {HEAD(2, 0) "s:a 4:1 8:1 4:0 8:32 s:b 4:1 8:1 4:0 8:32 a:32 z:64",
     ": byte 128: field 'b': overlaps 'a', which"},
    {HEAD(2, 0) "s:a 4:1 8:1 4:0 8:0 s:a 4:1 8:1 4:0 8:32 a:32 z:64",
     ": byte 57: field 'a': the tensor is there twice; names must be unique"},
    {HEAD(1, 0) "s:t 4:1 8:1 4:0 8:0",
     ": byte 57: field 't': 4 bytes at offset 0 do not lie in the file's 0 bytes"},
};

START_TEST(files_that_lie) {
    scratch s = scratch_new();
    gk_error err = {0};
    char *path = write_words(&s, HOSTILE[_i].words);
    ck_assert_ptr_null(gk_gguf_open(path, &err));
    assert_error_at(&err, path, HOSTILE[_i].error);
    scratch_free(&s);
}
END_TEST

/* Cut anywhere, a file that its last tensor ends is refused, at a byte that it has or just lacks. */
START_TEST(truncated_everywhere) {
    scratch s = scratch_new();
    gk_buf b = compose(GOOD);
    for (size_t n = 0; n < b.len; n++) {
        gk_error err = {0};
        char *path = write_bytes(&s, b.data, n);
        ck_assert_ptr_null(gk_gguf_open(path, &err));
        ck_assert(err.has_byte && err.byte <= n && err.what[0]);
    }
    gk_gguf *g = gk_gguf_open(write_bytes(&s, b.data, b.len), NULL);
    ck_assert_ptr_nonnull(g);
    gk_gguf_close(g);
    gk_buf_free(&b);
    scratch_free(&s);
}
END_TEST

/* Every byte of the file's description, changed: refused or read, but never followed out of the file. (The
 * sanitizers' builds make this test what it is.) */
START_TEST(damaged_everywhere) {
    scratch s = scratch_new();
    gk_buf b = compose(GOOD);
    size_t refused = 0, read = 0;
    for (size_t i = 0; i < 256; i++)
        for (int bit = 0; bit < 8; bit++) {
            b.data[i] = (char)(b.data[i] ^ 1 << bit);
            gk_gguf *g = gk_gguf_open(write_bytes(&s, b.data, b.len), NULL);
            g ? read++ : refused++;
            for (size_t t = 0; g && t < gk_gguf_tensors(g); t++) {
                const gk_gguf_tensor *x = gk_gguf_tensor_at(g, t);
                ck_assert(x->offset + x->bytes <= b.len);
            }
            gk_gguf_close(g);
            b.data[i] = (char)(b.data[i] ^ 1 << bit);
        }
    ck_assert(refused > 500 && read > 100);
    gk_buf_free(&b);
    scratch_free(&s);
}
END_TEST

START_TEST(files_that_are_none) {
    scratch s = scratch_new();
    gk_error err = {0};
    ck_assert_ptr_null(gk_gguf_open(scratch_path(&s, "absent"), &err));
    assert_error_at(&err, scratch_path(&s, "absent"), ": opening the file failed: No such file");
    ck_assert_ptr_null(gk_gguf_open(s.dir, &err));
    assert_error_at(&err, s.dir, ": this is a folder");
    ck_assert_ptr_null(gk_gguf_open(write_words(&s, ""), &err));
    assert_error_at(&err, scratch_path(&s, "x.gguf"),
                    ": byte 0: the magic number takes 4 bytes, the file has 0");
    gk_gguf_close(NULL);
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("gguf_hostile");
    TCase *t = tcase_create("gguf_hostile");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, files_that_lie, 0, sizeof HOSTILE / sizeof *HOSTILE);
    tcase_add_test(t, truncated_everywhere);
    tcase_add_test(t, damaged_everywhere);
    tcase_add_test(t, files_that_are_none);
    suite_add_tcase(s, t);
    return run_suite(s);
}
