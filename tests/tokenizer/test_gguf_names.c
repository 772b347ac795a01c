/* test_gguf_names.c: what each name of a GGUF's pre-tokenizer stands for, against what `tokenizers` makes of
 * the tokenizer.json that it was converted from (tests/fixtures/tokenizer/gguf_names.json, written by
 * tools/reference/fixtures/make_gguf_names_fixture.py). modules: tokenizer core */
#include "core/json.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/tokenizer_fixture.h"
#include "tokenizer/internal.h"

static json_t *fixture(void) {
    json_t *doc = gk_json_load(GK_SOURCE_DIR "/tests/fixtures/tokenizer/gguf_names.json", &err);
    ck_assert_msg(doc != NULL, "%s", message());
    return doc;
}

static void put_texts(gguf_writer *w, const char *key, const json_t *list, const char *const *more,
                      size_t n_more) {
    size_t n = json_array_size(list);
    gw_array(w, key, GK_GGUF_STRING, n + n_more);
    for (size_t i = 0; i < n; i++) gw_text(&w->kv, json_string_value(json_array_get(list, i)));
    for (size_t i = 0; i < n_more; i++) gw_text(&w->kv, more[i]);
}

/* The fixture's vocabulary, then its two added tokens: BOS, which is a control token, and one of users. */
static const char *file_of(const json_t *doc, const char *pre) {
    static const char *const ADDED[] = {"<bos>", "<|word|>"};
    enum { CONTROL = 3, USER_DEFINED = 4 };
    const json_t *pieces = json_object_get(doc, "pieces");
    size_t n = json_array_size(pieces);
    gguf_writer w = {0};
    gw_str(&w, "tokenizer.ggml.model", "gpt2");
    gw_str(&w, "tokenizer.ggml.pre", pre);
    put_texts(&w, "tokenizer.ggml.tokens", pieces, ADDED, COUNT(ADDED));
    put_texts(&w, "tokenizer.ggml.merges", json_object_get(doc, "merges"), NULL, 0);
    gw_array(&w, "tokenizer.ggml.token_type", GK_GGUF_I32, n + COUNT(ADDED));
    for (size_t i = 0; i < n; i++) gw_raw(&w.kv, 1, 4);
    gw_raw(&w.kv, CONTROL, 4);
    gw_raw(&w.kv, USER_DEFINED, 4);
    gw_u32(&w, "tokenizer.ggml.bos_token_id", (uint32_t)n);
    return gw_save(&w, &box, "names.gguf");
}

static const char *ids_text(const gk_tokens *k) {
    gk_buf b = {0};
    gk_buf_puts(&b, "");
    for (size_t i = 0; i < k->n; i++) gk_buf_printf(&b, "%s%d", i ? " " : "", k->id[i]);
    const char *text = gk_arena_strdup(box.a, b.data);
    gk_buf_free(&b);
    return text;
}

static void check_ids(const gk_tok *t, const char *name, const json_t *texts, const json_t *ids) {
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const char *text = json_string_value(json_array_get(texts, i)),
                   *want = json_string_value(json_array_get(ids, i));
        gk_tokens k = encoded(t, text, GK_BOS_DEFAULT);
        ck_assert_msg(strcmp(ids_text(&k), want) == 0, "%s: '%s'\n  gives %s\n  not   %s", name, text,
                      ids_text(&k), want);
    }
}

/* Of the file itself and of the folder that is saved of it. */
static void check_name(const json_t *doc, const char *name, const json_t *ids) {
    const json_t *texts = json_object_get(doc, "texts");
    const char *dir = in_dir(name);
    gk_tok *t = load(file_of(doc, name));
    check_ids(t, name, texts, ids);
    ck_assert_msg(gk_tok_save(t, dir, &err), "%s", message());
    gk_tok_free(t);
    t = load(dir);
    check_ids(t, name, texts, ids);
    gk_tok_free(t);
}

START_TEST(names_are_the_tokenizers_they_stand_for) {
    json_t *doc = fixture();
    const json_t *groups = json_object_get(doc, "groups");
    size_t checked = 0, known = 0;
    for (size_t i = 0; i < json_array_size(groups); i++) {
        const json_t *g = json_array_get(groups, i), *names = json_object_get(g, "names");
        for (size_t k = 0; k < json_array_size(names); k++, checked++)
            check_name(doc, json_string_value(json_array_get(names, k)), json_object_get(g, "ids"));
    }
    while (gk_tok__gguf_pre_at(known)) known++;
    ck_assert_uint_eq(checked + 1, known); /* "default" is no tokenizer.json's */
    json_decref(doc);
}
END_TEST

/* No name is guessed, and the message says which there are and what else can be done. */
START_TEST(other_names_are_refused) {
    static const char *const OTHERS[] = {"", "poro-chat", "falcon3", "gpt2", "viking", "llama-bpe ", "qwen"};
    json_t *doc = fixture();
    for (size_t i = 0; i < COUNT(OTHERS); i++) {
        char want[96];
        ck_assert_ptr_null(gk_tok_load(file_of(doc, OTHERS[i]), &err));
        snprintf(want, sizeof want, "the pre-tokeniser \"%s\", which is not built", OTHERS[i]);
        ck_assert_str_eq(err.what, want);
        ck_assert_str_eq(err.field, "tokenizer.ggml.pre");
        for (size_t k = 0; gk_tok__gguf_pre_at(k); k++)
            ck_assert_ptr_nonnull(strstr(err.hint, gk_tok__gguf_pre_at(k)));
        ck_assert_ptr_nonnull(strstr(err.hint, "tokenizer.json as its tokenizer"));
    }
    json_decref(doc);
}
END_TEST

int main(void) {
    TCase *c = tcase_create("names");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, names_are_the_tokenizers_they_stand_for);
    tcase_add_test(c, other_names_are_refused);
    Suite *s = suite_create("gguf names");
    suite_add_tcase(s, c);
    return run_suite(s);
}
