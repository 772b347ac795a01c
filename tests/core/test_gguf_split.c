/* modules: model tokenizer core
 *
 * test_gguf_split.c: a model in several GGUF files (tests/fixtures/gguf/parts-0000I-of-00003.gguf, written by
 * gguf-py: llama-mqa.gguf with a tokenizer, in a file of metadata and two of tensors) is opened from any of
 * them, and refused when they are not all there or not of one model. */
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/weights.h"
#include "graftkit/tokenizer.h"
#include "tests/support/gguf_writer.h"

#define WHOLE GK_SOURCE_DIR "/tests/fixtures/gguf/llama-mqa.gguf"
enum { PARTS = 3 };

static char why[2048];

static const char *name_of(scratch *s, int i, int n) {
    return gk_arena_printf(s->a, "parts-%05d-of-%05d.gguf", i + 1, n);
}

static char *fixture(scratch *s, int i, size_t *len) {
    char *path = gk_arena_printf(s->a, GK_SOURCE_DIR "/tests/fixtures/gguf/%s", name_of(s, i, PARTS));
    char *bytes = gk_read_file(s->a, path, 1 << 20, len, NULL);
    ck_assert_ptr_nonnull(bytes);
    return bytes;
}

static void put(scratch *s, const char *name, const char *bytes, size_t len) {
    FILE *f = fopen(scratch_path(s, name), "wb");
    ck_assert(f && fwrite(bytes, 1, len, f) == len && fclose(f) == 0);
}

static void copy_part(scratch *s, int i) {
    size_t len;
    char *bytes = fixture(s, i, &len);
    put(s, name_of(s, i, PARTS), bytes, len);
}

/* The number of a u16 or i32 key of a part becomes another. */
static void patch_part(scratch *s, int i, const char *key, uint16_t value) {
    size_t len;
    char *bytes = fixture(s, i, &len), *at = memmem(bytes, len, key, strlen(key));
    ck_assert_ptr_nonnull(at);
    memcpy(at + strlen(key) + 4, &value, sizeof value);
    put(s, name_of(s, i, PARTS), bytes, len);
}

static scratch copied(void) {
    scratch s = scratch_new();
    for (int i = 0; i < PARTS; i++) copy_part(&s, i);
    return s;
}

static gk_model *load(const char *path) {
    gk_error err = {0};
    gk_model *m = gk_model_load(path, &err);
    ck_assert_msg(m != NULL, "%s", gk_error_text(&err, why, sizeof why));
    return m;
}

/* ---------------------------------------------------------------- any part is the model */

START_TEST(any_part_is_the_model) {
    scratch s = copied();
    gk_error err = {0};
    char *path = scratch_path(&s, name_of(&s, _i, PARTS));
    gk_model *want = load(WHOLE), *got = load(path), *opened = gk_model_open(path, &err);
    ck_assert_ptr_nonnull(opened);
    ck_assert(gk_config_same(gk_model_config(want), gk_model_config(got)));
    ck_assert_int_eq(memcmp(gk_model_data(want), gk_model_data(got), gk_model_floats(want) * sizeof(float)),
                     0);
    const char **list;
    size_t n;
    ck_assert(gk_model_files(path, s.a, &list, &n, &err));
    ck_assert_uint_eq(n, PARTS);
    for (int i = 0; i < PARTS; i++) ck_assert_str_eq(list[i], scratch_path(&s, name_of(&s, i, PARTS)));
    gk_inspection *seen = gk_inspect(path, &err), *whole = gk_inspect(WHOLE, &err);
    ck_assert(seen && whole && seen->gguf);
    ck_assert(seen->n_files == PARTS && whole->n_files == 1 && seen->n_tensors == whole->n_tensors);
    ck_assert_uint_eq(seen->param_bytes, whole->param_bytes);
    for (size_t i = 0; i < seen->n_tensors; i++)
        ck_assert_ptr_nonnull(strstr(seen->tensor[i].file, i < 12 ? "-00002-" : "-00003-"));
    gk_inspection_free(seen);
    gk_inspection_free(whole);
    gk_model_free(want);
    gk_model_free(got);
    gk_model_free(opened);
    scratch_free(&s);
}
END_TEST

START_TEST(any_part_has_the_tokenizer) {
    scratch s = copied();
    gk_error err = {0};
    char *path = scratch_path(&s, name_of(&s, _i, PARTS));
    gk_tok *t = gk_tok_load(path, &err);
    ck_assert_msg(t != NULL, "%s", gk_error_text(&err, why, sizeof why));
    ck_assert_int_eq(gk_tok_size(t), 259);
    gk_tok_free(t);
    scratch_free(&s);
}
END_TEST

/* What gguf-split leaves when it puts parts together, and a model of one part. */
START_TEST(one_part_is_a_file) {
    scratch s = scratch_new();
    size_t len;
    char *bytes = gk_read_file(s.a, WHOLE, 1 << 20, &len, NULL);
    for (uint32_t count = 0; count < 2; count++) {
        gguf_writer w = {0};
        gw_u32(&w, "split.count", count);
        gw_u32(&w, "split.no", 0);
        gk_model_free(load(gw_insert(&w, &s, bytes, len, "any.gguf")));
    }
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- what is not one model */

static void refused(scratch *s, int given, int at, const char *rest) {
    gk_error err = {0};
    ck_assert_ptr_null(gk_model_open(scratch_path(s, name_of(s, given, PARTS)), &err));
    assert_error_at(&err, scratch_path(s, name_of(s, at, PARTS)), rest);
}

START_TEST(a_part_is_missing) {
    scratch s = copied();
    int given = (_i + 1) % PARTS;
    ck_assert_int_eq(remove(scratch_path(&s, name_of(&s, _i, PARTS))), 0);
    refused(&s, given, _i,
            gk_arena_printf(s.a, ": part %d of 3 is missing; all of a model's files must be in one folder",
                            _i + 1));
    scratch_free(&s);
}
END_TEST

START_TEST(a_part_of_another_name) {
    scratch s = copied();
    gk_error err = {0};
    char *path = scratch_path(&s, "model.gguf");
    ck_assert_int_eq(rename(scratch_path(&s, name_of(&s, 1, PARTS)), path), 0);
    ck_assert_ptr_null(gk_model_open(path, &err));
    assert_error_at(&err, path,
                    ": field 'split.no': the file is part 2 of 3, but its name does not end in "
                    "'-00002-of-00003.gguf'; the parts must keep the names");
    scratch_free(&s);
}
END_TEST

START_TEST(numbers_that_disagree) {
    scratch s = copied();
    patch_part(&s, 1, "split.no", 2);
    refused(&s, 0, 1, ": byte ");
    patch_part(&s, 1, "split.no", 1);
    patch_part(&s, 2, "split.count", 4);
    refused(&s, 0, 2, ": byte ");
    patch_part(&s, 2, "split.count", 3);
    patch_part(&s, 2, "split.tensors.count", 20);
    refused(&s, 0, 2, ": byte ");
    for (int i = 0; i < PARTS; i++) patch_part(&s, i, "split.tensors.count", 22);
    gk_error err = {0};
    ck_assert_ptr_null(gk_model_open(scratch_path(&s, name_of(&s, 0, PARTS)), &err));
    ck_assert_str_eq(err.field, "split.tensors.count");
    ck_assert_str_eq(err.what, "is 22, but the 3 parts have 21 tensors");
    patch_part(&s, 0, "split.no", 7);
    ck_assert_ptr_null(gk_model_open(scratch_path(&s, name_of(&s, 0, PARTS)), &err));
    ck_assert_str_eq(err.field, "split.no");
    scratch_free(&s);
}
END_TEST

/* Parts in one another's place say their number; a part of another model shows by a tensor that is there
 * twice, or by what it says of the model. */
START_TEST(parts_of_another_model) {
    scratch s = copied();
    gk_error err = {0};
    size_t len;
    char *bytes = fixture(&s, 2, &len), *at = memmem(bytes, len, "blk.1.", 6);
    ck_assert_ptr_nonnull(at);
    at[4] = '0'; /* a tensor of the second part's layer */
    put(&s, name_of(&s, 2, PARTS), bytes, len);
    ck_assert_ptr_null(gk_model_open(scratch_path(&s, name_of(&s, 0, PARTS)), &err));
    ck_assert_msg(strstr(err.what, "the tensor is in '") &&
                      strstr(err.what, "parts-00002-of-00003.gguf' too"),
                  "%s", err.what);
    ck_assert_str_eq(err.file, scratch_path(&s, name_of(&s, 2, PARTS)));
    gguf_writer w = {0};
    bytes = fixture(&s, 2, &len);
    gw_str(&w, "general.architecture", "qwen2");
    gw_insert(&w, &s, bytes, len, name_of(&s, 2, PARTS));
    ck_assert_ptr_null(gk_model_open(scratch_path(&s, name_of(&s, 0, PARTS)), &err));
    ck_assert_str_eq(err.file, scratch_path(&s, name_of(&s, 2, PARTS)));
    ck_assert_str_eq(err.what, "the first part does not say the same");
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("gguf split");
    TCase *t = tcase_create("split");
    tcase_add_loop_test(t, any_part_is_the_model, 0, PARTS);
    tcase_add_loop_test(t, any_part_has_the_tokenizer, 0, PARTS);
    tcase_add_test(t, one_part_is_a_file);
    tcase_add_loop_test(t, a_part_is_missing, 0, PARTS);
    tcase_add_test(t, a_part_of_another_name);
    tcase_add_test(t, numbers_that_disagree);
    tcase_add_test(t, parts_of_another_model);
    suite_add_tcase(s, t);
    return run_suite(s);
}
