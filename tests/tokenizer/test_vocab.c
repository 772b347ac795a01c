/* test_vocab.c: vocabularies with a piece that C's strings cannot hold, with a byte order mark, and with
 * tokens behind another's. modules: tokenizer core */
#include "core/json.h"
#include "tests/support/tokenizer_fixture.h"

/* The tokenizer.json of a style of tests/fixtures/tokenizer. */
static json_t *style(const char *name) {
    json_t *f =
        gk_json_load(gk_arena_printf(box.a, GK_SOURCE_DIR "/tests/fixtures/tokenizer/%s.json", name), &err);
    ck_assert_msg(f != NULL, "%s", message());
    json_t *tok = json_incref(json_object_get(f, "tokenizer"));
    json_decref(f);
    return tok;
}

static json_t *vocab_of(json_t *tok) {
    return json_object_get(json_object_get(tok, "model"), "vocab");
}

static gk_tok *made(const json_t *tok, const char *before) {
    char *text = json_dumps(tok, 0);
    gk_tok *t = load(scratch_file(&box, "t.json", gk_arena_printf(box.a, "%s%s", before, text)));
    free(text);
    return t;
}

static const char TEXT[] = "The actor, in  1999, said: \"no\"";

static void assert_same_ids(const gk_tok *a, const gk_tok *b) {
    gk_tokens x = encoded(a, TEXT, GK_BOS_DEFAULT), y = encoded(b, TEXT, GK_BOS_DEFAULT);
    ck_assert_uint_eq(x.n, y.n);
    ck_assert_int_eq(memcmp(x.id, y.id, x.n * sizeof *x.id), 0);
}

START_TEST(a_piece_of_the_nul_character) {
    json_t *tok = style("gpt2");
    json_array_clear(json_object_get(tok, "added_tokens")); /* their ids follow the vocabulary's */
    gk_tok *plain = made(tok, "");
    int n = gk_tok_size(plain);
    json_object_setn_new_nocheck(vocab_of(tok), "\0", 1, json_integer(n));
    json_object_setn_new_nocheck(vocab_of(tok), "\xF4\x8F\xBF\xBF", 4, json_integer(n + 1));
    gk_tok *with = made(tok, "");
    ck_assert_int_eq(gk_tok_size(with), n + 2);
    ck_assert_str_eq(gk_tok_piece(with, n), "");
    ck_assert_str_eq(gk_tok_piece(with, n + 1), "\xF4\x8F\xBF\xBF");
    assert_same_ids(plain, with);
    gk_tok_free(plain);
    gk_tok_free(with);
    json_decref(tok);
}
END_TEST

START_TEST(a_byte_order_mark_before_a_tokenizer) {
    json_t *tok = style("gpt2");
    gk_tok *plain = made(tok, ""), *marked = made(tok, "\xEF\xBB\xBF");
    ck_assert(gk_tok_same(plain, marked));
    gk_tok_free(plain);
    gk_tok_free(marked);
    json_decref(tok);
}
END_TEST

START_TEST(an_empty_path_is_no_folder) {
    ck_assert_ptr_null(gk_tok_load("", &err));
    ck_assert_str_eq(err.what, "the tokenizer's path is empty");
}
END_TEST

static void append_added(json_t *tok, int id, const char *content) {
    json_array_append_new(json_object_get(tok, "added_tokens"),
                          json_pack("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "id", id, "content", content,
                                    "single_word", 0, "lstrip", 0, "rstrip", 0, "normalized", 0, "special",
                                    1));
}

START_TEST(tokens_behind_anothers) {
    json_t *tok = style("gpt2");
    gk_tok *plain = made(tok, "");
    int n = gk_tok_size(plain);
    append_added(tok, n, "[PAD]");
    append_added(tok, n + 1, "<actor>");
    gk_tok *more = made(tok, "");
    ck_assert(gk_tok_extends(more, plain));
    ck_assert(!gk_tok_extends(plain, more) && !gk_tok_extends(plain, plain) && !gk_tok_same(more, plain));
    assert_same_ids(plain, more);
    json_t *merges = json_object_get(json_object_get(tok, "model"), "merges");
    json_array_remove(merges, json_array_size(merges) - 1); /* ids of some texts differ */
    gk_tok *other = made(tok, "");
    ck_assert(!gk_tok_extends(other, plain));
    gk_tok_free(plain);
    gk_tok_free(more);
    gk_tok_free(other);
    json_decref(tok);
}
END_TEST

int main(void) {
    Suite *s = suite_create("vocab");
    TCase *t = tcase_create("vocab");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_piece_of_the_nul_character);
    tcase_add_test(t, a_byte_order_mark_before_a_tokenizer);
    tcase_add_test(t, an_empty_path_is_no_folder);
    tcase_add_test(t, tokens_behind_anothers);
    suite_add_tcase(s, t);
    return run_suite(s);
}
