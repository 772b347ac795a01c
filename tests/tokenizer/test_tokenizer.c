/* test_tokenizer.c: tokenizer.h held to its word, on a small trained model and, where it is there, Llama 2's.
 * modules: tokenizer core */
#include "core/json.h"
#include "tests/support/trained_tokenizer.h"

/* ---------------------------------------------------------------- encoding */

START_TEST(test_round_trip) {
    gk_tok *t = trained("tok");
    check_round_trips(t);
    gk_tok_free(t);
}
END_TEST

START_TEST(test_known_spans) {
    gk_tok *t = trained("tok");
    gk_tokens k = encoded(t, "Ada Abbott", GK_BOS_YES);
    ck_assert_uint_eq(k.n, 3);
    ck_assert_str_eq(gk_tok_piece(t, k.id[1]), "▁Ada");
    ck_assert_str_eq(gk_tok_piece(t, k.id[2]), "▁Abbott");
    const gk_span want[] = {{0, 0}, {0, 3}, {3, 10}};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(k.span[i].begin, want[i].begin);
        ck_assert_uint_eq(k.span[i].end, want[i].end);
    }
    gk_tok_free(t);
}
END_TEST

/* A character without a piece becomes its bytes, and each byte piece stands for its own byte. */
START_TEST(test_byte_fallback_spans) {
    gk_tok *t = trained("tok");
    const char *text = "Ada 東😀";
    gk_tokens k = encoded(t, text, GK_BOS_NO);
    size_t bytes = 0;
    for (size_t i = 0; i < k.n; i++) {
        unsigned value = 0;
        if (sscanf(gk_tok_piece(t, k.id[i]), "<0x%2X>", &value) != 1) continue;
        bytes++;
        ck_assert_uint_eq(k.span[i].end - k.span[i].begin, 1);
        ck_assert_uint_eq((unsigned char)text[k.span[i].begin], value);
    }
    ck_assert_uint_eq(bytes, 3 + 4);
    gk_tok_free(t);
}
END_TEST

START_TEST(test_empty_text) {
    gk_tok *t = trained("tok");
    gk_tokens k;
    ck_assert(gk_tok_encode(t, NULL, 0, GK_BOS_NO, box.a, &k, &err));
    ck_assert_uint_eq(k.n, 0);
    const char *back = gk_tok_decode(t, k.id, 0, box.a, &err);
    ck_assert_ptr_nonnull(back);
    ck_assert_str_eq(back, "");
    gk_tok_free(t);
}
END_TEST

START_TEST(test_invalid_utf8_is_refused) {
    gk_tok *t = trained("tok");
    gk_tokens k;
    ck_assert(!gk_tok_encode(t, "Ada \xC3(", 6, GK_BOS_YES, box.a, &k, &err));
    ck_assert(err.has_byte);
    ck_assert_uint_eq(err.byte, 4);
    ck_assert_uint_eq(k.n, 0);
    ck_assert(!gk_tok_encode(t, "\xE6\x9D", 2, GK_BOS_YES, box.a, &k, NULL));
    gk_tok_free(t);
}
END_TEST

START_TEST(test_decode_refuses_foreign_ids) {
    gk_tok *t = trained("tok");
    const int32_t bad[][2] = {{5, -1}, {5, VOCAB}, {INT32_MIN, 5}};
    for (size_t i = 0; i < COUNT(bad); i++) ck_assert_ptr_null(gk_tok_decode(t, bad[i], 2, box.a, &err));
    ck_assert_ptr_null(gk_tok_piece(t, -1));
    ck_assert_ptr_null(gk_tok_piece(t, VOCAB));
    gk_tok_free(t);
}
END_TEST

START_TEST(test_first_is_the_name_inside_a_sentence) {
    gk_tok *t = trained("tok");
    for (size_t i = 0; i < COUNT(first_names); i++) {
        const char *text = gk_arena_printf(box.a, "with %s", first_names[i]);
        gk_tokens k = encoded(t, text, GK_BOS_NO);
        int32_t first = -1;
        ck_assert(gk_tok_first(t, first_names[i], &first, &err));
        ck_assert_int_eq(first, k.id[k.n - 1]); /* every name is one piece */
        ck_assert_uint_eq(k.span[k.n - 1].begin, 4);
    }
    int32_t first = -1;
    ck_assert(!gk_tok_first(t, "", &first, &err));
    ck_assert(!gk_tok_first(t, "\xFF", &first, &err));
    gk_tok_free(t);
}
END_TEST

/* ---------------------------------------------------------------- training and files */

START_TEST(test_trained_vocabulary) {
    gk_tok *t = trained("tok");
    ck_assert_int_eq(gk_tok_size(t), VOCAB);
    ck_assert_str_eq(gk_tok_piece(t, 0), "<unk>");
    ck_assert_int_eq(gk_tok_bos(t), 1);
    ck_assert_int_eq(gk_tok_eos(t), 2);
    for (size_t i = 0; i < COUNT(first_names); i++) {
        ck_assert_uint_eq(encoded(t, first_names[i], GK_BOS_NO).n, 1);
        ck_assert_uint_eq(encoded(t, surnames[i], GK_BOS_NO).n, 1);
    }
    gk_tok_free(t);
}
END_TEST

static void check_same_file(const char *a, const char *b) {
    char ha[GK_SHA256_HEX], hb[GK_SHA256_HEX];
    ck_assert_msg(gk_sha256_file(a, ha, &err) && gk_sha256_file(b, hb, &err), "%s", message());
    ck_assert_str_eq(ha, hb);
}

START_TEST(test_training_is_deterministic) {
    gk_tok *one = trained("one");
    /* Another shape of the heap: nothing may hang on where the library's symbols lie. */
    void *hole[512];
    for (size_t i = 0; i < COUNT(hole); i++) hole[i] = malloc(16 + 8 * (i * 7919 % 64));
    for (size_t i = 0; i < COUNT(hole); i += 2) free(hole[i]);
    gk_tok *two = trained("two");
    for (size_t i = 1; i < COUNT(hole); i += 2) free(hole[i]);
    check_same_file(in_dir("one/tokenizer.model"), in_dir("two/tokenizer.model"));
    check_same_file(in_dir("one/tokenizer_config.json"), in_dir("two/tokenizer_config.json"));
    gk_tok_free(one);
    gk_tok_free(two);
}
END_TEST

START_TEST(test_config_for_transformers) {
    gk_tok_free(trained("tok"));
    json_t *c = gk_json_load(in_dir("tok/tokenizer_config.json"), &err);
    ck_assert_msg(c != NULL, "%s", message());
    const char *s = NULL;
    bool add_bos = false;
    ck_assert(gk_json_str(c, "tokenizer_class", &s, GK_NOWHERE, &err));
    ck_assert_str_eq(s, "LlamaTokenizer");
    ck_assert(gk_json_str(c, "bos_token", &s, GK_NOWHERE, &err));
    ck_assert_str_eq(s, "<s>");
    ck_assert(gk_json_bool(c, "add_bos_token", &add_bos, GK_NOWHERE, &err) && add_bos);
    json_decref(c);
}
END_TEST

START_TEST(test_save_gives_the_same_files) {
    gk_tok *t = trained("tok");
    ck_assert_msg(gk_tok_save(t, in_dir("a/b"), &err), "%s", message());
    check_same_file(in_dir("tok/tokenizer.model"), in_dir("a/b/tokenizer.model"));
    check_same_file(in_dir("tok/tokenizer_config.json"), in_dir("a/b/tokenizer_config.json"));
    gk_tok_free(t);
    /* From the file alone, the configuration is written anew, and is the same here. */
    t = gk_tok_load(in_dir("tok/tokenizer.model"), &err);
    ck_assert_ptr_nonnull(t);
    ck_assert(gk_tok_save(t, in_dir("c"), &err));
    check_same_file(in_dir("tok/tokenizer_config.json"), in_dir("c/tokenizer_config.json"));
    gk_tok_free(t);
}
END_TEST

static gk_tok *with_config(const char *config) {
    ck_assert(gk_write_file(in_dir("tok/tokenizer_config.json"), config, strlen(config), &err));
    return gk_tok_load(in_dir("tok"), &err);
}

START_TEST(test_config_decides_bos) {
    gk_tok *t = trained("tok");
    ck_assert_uint_eq(encoded(t, "Ada", GK_BOS_DEFAULT).n, 2);
    ck_assert_uint_eq(encoded(t, "Ada", GK_BOS_NO).n, 1);
    gk_tok_free(t);
    t = with_config("{\"add_bos_token\": false}");
    ck_assert_msg(t != NULL, "%s", message());
    ck_assert_uint_eq(encoded(t, "Ada", GK_BOS_DEFAULT).n, 1);
    ck_assert_uint_eq(encoded(t, "Ada", GK_BOS_YES).n, 2);
    gk_tok_free(t);
    t = with_config("{\"add_bos_token\": null}");
    ck_assert_msg(t != NULL, "%s", message());
    ck_assert_uint_eq(encoded(t, "Ada", GK_BOS_DEFAULT).n, 2);
    gk_tok_free(t);
}
END_TEST

START_TEST(test_bad_config_is_refused) {
    gk_tok_free(trained("tok"));
    static const char *const bad[] = {"", "[]", "{\"add_bos_token\": \"yes\"}", "{\"add_bos_token\":", "3"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        ck_assert_msg(with_config(bad[i]) == NULL, "accepted: %s", bad[i]);
        ck_assert_ptr_nonnull(strstr(err.file, "tokenizer_config.json"));
    }
}
END_TEST

START_TEST(test_untrainable_input_is_refused) {
    const char **s = NULL;
    size_t n = corpus(&s);
    static const char *const bad_utf8[] = {"fine", "not \xFF"}, *const spaces[] = {"  ", ""},
                             *const one[] = {"a"};
    char *word = gk_arena_alloc(box.a, 70001);
    memset(word, 'x', 70000);
    const char *const long_word[] = {word};
    ck_assert(!gk_tok_train(s, n, 259, in_dir("no"), &err));    /* no room to learn */
    ck_assert(!gk_tok_train(s, n, 265, in_dir("no"), &err));    /* fewer than the characters */
    ck_assert(!gk_tok_train(s, n, 100000, in_dir("no"), &err)); /* more than the text can give */
    ck_assert(!gk_tok_train(s, n, INT32_MAX, in_dir("no"), &err));
    ck_assert(!gk_tok_train(s, 0, VOCAB, in_dir("no"), &err));
    ck_assert(!gk_tok_train(spaces, 2, VOCAB, in_dir("no"), &err));
    ck_assert(!gk_tok_train(one, 1, VOCAB, in_dir("no"), &err));
    ck_assert(!gk_tok_train(long_word, 1, VOCAB, in_dir("no"), &err));
    ck_assert(!gk_tok_train(bad_utf8, 2, VOCAB, in_dir("no"), &err));
    ck_assert_str_eq(err.field, "sentence 1");
    ck_assert_uint_eq(err.byte, 4);
    ck_assert(!gk_exists(in_dir("no")));
}
END_TEST

START_TEST(test_failed_training_keeps_what_was_there) {
    gk_tok_free(trained("tok"));
    gk_tok_free(trained("same"));
    const char **s = NULL;
    size_t n = corpus(&s);
    ck_assert(!gk_tok_train(s, n, 100000, in_dir("tok"), &err));
    check_same_file(in_dir("tok/tokenizer.model"), in_dir("same/tokenizer.model"));
    ck_assert(gk_write_file(in_dir("file"), "x", 1, &err));
    ck_assert(!gk_tok_train(s, n, VOCAB, in_dir("file"), &err)); /* a file where the folder should be */
}
END_TEST

/* ---------------------------------------------------------------- Llama 2 */

START_TEST(test_llama2) {
    if (!gk_exists(LLAMA2)) {
        printf("skip: %s is not there\n", LLAMA2);
        return;
    }
    gk_tok *t = gk_tok_load(LLAMA2, &err);
    ck_assert_msg(t != NULL, "%s", message());
    ck_assert_int_eq(gk_tok_size(t), 32000);
    ck_assert_int_eq(gk_tok_bos(t), 1);
    ck_assert_int_eq(gk_tok_eos(t), 2);
    check_round_trips(t);
    static const int32_t want[] = {1, 15043, 445, 338, 263, 1243}; /* as published with Llama's tokenizer */
    gk_tokens k = encoded(t, "Hello this is a test", GK_BOS_DEFAULT);
    ck_assert_uint_eq(k.n, COUNT(want));
    ck_assert_mem_eq(k.id, want, sizeof want);
    int32_t first = -1;
    ck_assert(gk_tok_first(t, "this", &first, &err));
    ck_assert_int_eq(first, k.id[2]);
    gk_tok_free(t);
}
END_TEST

int main(void) {
    TCase *c = tcase_create("tokenizer");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, test_round_trip);
    tcase_add_test(c, test_known_spans);
    tcase_add_test(c, test_byte_fallback_spans);
    tcase_add_test(c, test_empty_text);
    tcase_add_test(c, test_invalid_utf8_is_refused);
    tcase_add_test(c, test_decode_refuses_foreign_ids);
    tcase_add_test(c, test_first_is_the_name_inside_a_sentence);
    tcase_add_test(c, test_trained_vocabulary);
    tcase_add_test(c, test_training_is_deterministic);
    tcase_add_test(c, test_config_for_transformers);
    tcase_add_test(c, test_save_gives_the_same_files);
    tcase_add_test(c, test_config_decides_bos);
    tcase_add_test(c, test_bad_config_is_refused);
    tcase_add_test(c, test_untrainable_input_is_refused);
    tcase_add_test(c, test_failed_training_keeps_what_was_there);
    tcase_add_test(c, test_llama2);
    Suite *s = suite_create("tokenizer");
    suite_add_tcase(s, c);
    return run_suite(s);
}
