/* test_tokenizer_config.c: what stands beside a tokenizer, against what transformers' AutoTokenizer made of
 * the same folders and texts (tests/fixtures/tokenizer/beside.json, written by
 * tools/reference/fixtures/make_beside_fixtures.py); what is refused by name; what is saved. */
/* modules: tokenizer core */
#include "core/json.h"
#include "tests/support/tokenizer_fixture.h"

#define FIXTURES GK_SOURCE_DIR "/tests/fixtures/tokenizer/"

static json_t *fixture(const char *name) {
    json_t *json = gk_json_load(gk_arena_printf(box.a, FIXTURES "%s", name), &err);
    ck_assert_msg(json != NULL, "%s", message());
    return json;
}

static void put(const char *dir, const char *name, const char *bytes, size_t len) {
    const char *path = in_dir(gk_arena_printf(box.a, "%s/%s", dir, name));
    ck_assert_msg(gk_write_file(path, bytes, len, &err), "%s", message());
}

static void put_text(const char *dir, const char *name, const char *text) {
    put(dir, name, text, strlen(text));
}

static void put_json(const char *dir, const char *name, const json_t *json) {
    char *text = json_dumps(json, 0);
    put_text(dir, name, text);
    free(text);
}

/* merges.txt of a model's merges, "a b" or ["a", "b"]. */
static void put_merges(const char *dir, const json_t *merges) {
    gk_buf text = {0};
    size_t i;
    const json_t *m;
    gk_buf_puts(&text, "#version: 0.2\n");
    json_array_foreach(merges, i, m) {
        if (json_is_string(m))
            gk_buf_printf(&text, "%s\n", json_string_value(m));
        else
            gk_buf_printf(&text, "%s %s\n", json_string_value(json_array_get(m, 0)),
                          json_string_value(json_array_get(m, 1)));
    }
    put_text(dir, "merges.txt", text.data);
    gk_buf_free(&text);
}

/* A folder with a tokenizer of that kind alone. */
static void put_kind(const char *dir, const char *kind) {
    ck_assert_msg(gk_mkdirs(in_dir(dir), &err), "%s", message());
    if (strcmp(kind, "spm") == 0) {
        size_t len = 0;
        const char *model = gk_read_file(box.a, FIXTURES "beside.model", 1 << 20, &len, &err);
        ck_assert_msg(model != NULL, "%s", message());
        put(dir, "tokenizer.model", model, len);
        return;
    }
    json_t *doc = fixture(strcmp(kind, "gpt2") == 0 ? "gpt2.json" : "llama3.json");
    const json_t *tok = json_object_get(doc, "tokenizer"), *model = json_object_get(tok, "model");
    if (strcmp(kind, "json") == 0) {
        put_json(dir, "tokenizer.json", tok);
    } else {
        put_json(dir, "vocab.json", json_object_get(model, "vocab"));
        put_merges(dir, json_object_get(model, "merges"));
    }
    json_decref(doc);
}

/* ---------------------------------------------------------------- as the reference reads them */

static const char *ids_text(const int32_t *id, size_t n) {
    const char *all = "";
    for (size_t i = 0; i < n; i++) all = gk_arena_printf(box.a, "%s %d", all, (int)id[i]);
    return all;
}

static const char *wanted_text(const json_t *ids) {
    const char *all = "";
    for (size_t i = 0; i < json_array_size(ids); i++)
        all = gk_arena_printf(box.a, "%s %d", all, (int)json_integer_value(json_array_get(ids, i)));
    return all;
}

static void check_texts(const gk_tok *t, const json_t *one, size_t which) {
    const json_t *texts = json_object_get(one, "texts"), *ids = json_object_get(one, "ids");
    char *files = json_dumps(json_object_get(one, "files"), 0);
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const char *text = json_string_value(json_array_get(texts, i));
        gk_tokens k = encoded(t, text, GK_BOS_DEFAULT);
        const char *have = ids_text(k.id, k.n), *want = wanted_text(json_array_get(ids, i));
        ck_assert_msg(strcmp(have, want) == 0, "%zu: '%s' gives%s, not%s\n%s", which, text, have, want,
                      files);
        const char *back = gk_tok_decode(t, k.id, k.n, box.a, &err);
        ck_assert_str_eq(back, json_string_value(json_array_get(json_object_get(one, "decoded"), i)));
    }
    free(files);
}

static void check_folder(const json_t *one, size_t which) {
    const char *dir = gk_arena_printf(box.a, "%zu", which), *name;
    const char *again = gk_arena_printf(box.a, "%zu-again", which);
    json_t *content;
    char before[GK_SHA256_HEX], after[GK_SHA256_HEX];
    put_kind(dir, json_string_value(json_object_get(one, "kind")));
    json_object_foreach(json_object_get(one, "files"), name, content) put_json(dir, name, content);
    gk_tok *t = load(in_dir(dir));
    check_texts(t, one, which);
    int eos = (int)json_integer_value(json_object_get(one, "eos"));
    if (eos >= 0 && eos < gk_tok_own_size(t)) ck_assert_int_eq(gk_tok_eos(t), eos);
    gk_tok_fingerprint(t, before);
    ck_assert_msg(gk_tok_save(t, in_dir(again), &err), "%s", message());
    gk_tok_free(t);
    content = json_object_get(json_object_get(one, "files"), "config.json"); /* the model's to save */
    put_json(again, "config.json", content);
    t = load(in_dir(again));
    gk_tok_fingerprint(t, after);
    ck_assert_str_eq(before, after);
    gk_tok_free(t);
}

START_TEST(folders_are_read_as_the_reference_reads_them) {
    json_t *all = fixture("beside.json");
    ck_assert_uint_gt(json_array_size(all), 70);
    for (size_t i = 0; i < json_array_size(all); i++) check_folder(json_array_get(all, i), i);
    json_decref(all);
}
END_TEST

/* ---------------------------------------------------------------- what is followed where references differ
 */

/* Text of a tokenizer.model is sentencepiece's, which transformers 5 is not where a text begins with a space
 * or has two in a row. */
START_TEST(text_between_tokens_is_sentencepieces) {
    static const char *const TEXTS[] = {" the stars", "the  stars", "in   the", "\xE2\x96\x81the"};
    put_kind("bare", "spm");
    put_kind("beside", "spm");
    put_text("beside", "tokenizer_config.json",
             "{\"tokenizer_class\": \"LlamaTokenizer\", \"add_bos_token\": true, \"pad_token\": \"<pad>\"}");
    gk_tok *bare = load(in_dir("bare")), *beside = load(in_dir("beside"));
    for (size_t i = 0; i < COUNT(TEXTS); i++) {
        gk_tokens a = encoded(bare, TEXTS[i], GK_BOS_DEFAULT), b = encoded(beside, TEXTS[i], GK_BOS_DEFAULT);
        ck_assert_str_eq(ids_text(a.id, a.n), ids_text(b.id, b.n));
    }
    ck_assert_int_eq(gk_tok_size(beside), gk_tok_size(bare) + 1);
    ck_assert_int_eq(gk_tok_own_size(beside), gk_tok_size(bare));
    gk_tok_free(bare);
    gk_tok_free(beside);
}
END_TEST

/* By itself it is the library's, which knows no special tokens in a text; its saved folder is the same. */
START_TEST(a_model_by_itself_finds_no_tokens) {
    put_kind("bare", "spm");
    gk_tok *t = load(in_dir("bare"));
    ck_assert_uint_gt(encoded(t, "</s>", GK_BOS_NO).n, 1);
    ck_assert_msg(gk_tok_save(t, in_dir("saved"), &err), "%s", message());
    gk_tok *saved = load(in_dir("saved"));
    ck_assert(gk_tok_same(t, saved));
    ck_assert_uint_gt(encoded(saved, "</s>", GK_BOS_NO).n, 1);
    gk_tok_free(saved);
    gk_tok_free(t);
}
END_TEST

/* An adapter's folder has no config.json: its base's counts, also where that has numbers that are no JSON. */
START_TEST(an_adapter_has_its_bases_settings) {
    static const char *const EXTRA[] = {"", ", \"note\": 1000000000000000019884624838656",
                                        ", \"note\": -Infinity"};
    put_kind("base", "json");
    put_kind("adapter", "json");
    put_text("base", "tokenizer_config.json", "{\"pad_token\": \"<pad>\"}");
    put_text("adapter", "tokenizer_config.json", "{\"pad_token\": \"<pad>\"}");
    for (size_t i = 0; i < COUNT(EXTRA); i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"eos_token_id\": 7%s}", EXTRA[i]);
        put_text("base", "config.json", text);
        snprintf(text, sizeof text, "{\"base_model_name_or_path\": \"%s\"%s}", i ? "../base" : in_dir("base"),
                 EXTRA[i]);
        put_text("adapter", "adapter_config.json", text);
        gk_tok *base = load(in_dir("base")), *adapter = load(in_dir("adapter"));
        ck_assert_int_eq(gk_tok_eos(base), 7);
        ck_assert_int_eq(gk_tok_eos(adapter), 7);
        ck_assert(gk_tok_same(base, adapter));
        gk_tok_free(base);
        gk_tok_free(adapter);
    }
}
END_TEST

/* ---------------------------------------------------------------- refused by name */

START_TEST(what_is_not_built_is_refused) {
    static const struct {
        const char *kind, *name, *content, *says;
    } BAD[] = {
        {"gpt2", "tokenizer_config.json", "{\"tokenizer_class\": \"RobertaTokenizer\"}", "RobertaTokenizer"},
        {"gpt2", "tokenizer_config.json", "{\"add_eos_token\": true}", "add_eos_token"},
        {"spm", "tokenizer_config.json", "{\"add_eos_token\": true}", "add_eos_token"},
        {"gpt2", "tokenizer_config.json", "{\"add_prefix_space\": 1}", "add_prefix_space"},
        {"json", "tokenizer_config.json",
         "{\"tokenizer_class\": \"GPT2Tokenizer\", \"add_prefix_space\": true}", "add_prefix_space"},
        {"gpt2", "tokenizer_config.json", "{\"pad_token\": 3}", "pad_token"},
        {"gpt2", "tokenizer_config.json", "{\"added_tokens_decoder\": []}", "added_tokens_decoder"},
        {"gpt2", "tokenizer_config.json", "{\"added_tokens_decoder\": {\"x\": {}}}", "added_tokens_decoder"},
        {"gpt2", "tokenizer_config.json", "{\"added_tokens_decoder\": {\"5\": {}}}", "added_tokens_decoder"},
        {"gpt2", "tokenizer_config.json", "{\"extra_special_tokens\": \"<x>\"}", "extra_special_tokens"},
        {"gpt2", "tokenizer_config.json", "{\"extra_special_tokens\": [3]}", "extra_special_tokens"},
        {"gpt2", "special_tokens_map.json", "{\"eos_token\": {\"lstrip\": true}}", "eos_token"},
        {"gpt2", "special_tokens_map.json", "[]", "special_tokens_map.json"},
        {"gpt2", "added_tokens.json", "{\"<x>\": \"5\"}", "added_tokens.json"},
        {"json", "added_tokens.json", "{", "added_tokens.json"},
        {"spm", "tokenizer_config.json", "{\"added_tokens_decoder\": {\"300\": {\"content\": \"<x>\"}}}",
         "<x>"},
    };
    for (size_t i = 0; i < COUNT(BAD); i++) {
        const char *dir = gk_arena_printf(box.a, "bad%zu", i);
        put_kind(dir, BAD[i].kind);
        put_text(dir, BAD[i].name, BAD[i].content);
        ck_assert_msg(gk_tok_load(in_dir(dir), &err) == NULL, "accepted: %s", BAD[i].content);
        ck_assert_msg(strstr(message(), BAD[i].says) != NULL, "%s", message());
        ck_assert_ptr_nonnull(strstr(err.file, BAD[i].name));
    }
}
END_TEST

/* A template that puts more than BOS before the text. */
START_TEST(a_template_with_eos_is_refused) {
    json_t *doc = fixture("llama3.json"), *tok = json_object_get(doc, "tokenizer");
    json_t *post =
        json_loads("{\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": \"A\"}},"
                   " {\"SpecialToken\": {\"id\": \"</s>\"}}], \"special_tokens\": {}}",
                   0, NULL);
    json_object_set_new(tok, "post_processor", post);
    ck_assert(gk_mkdirs(in_dir("t"), &err));
    put_json("t", "tokenizer.json", tok);
    ck_assert_ptr_null(gk_tok_load(in_dir("t"), &err));
    ck_assert_ptr_nonnull(strstr(message(), "</s>"));
    json_decref(doc);
}
END_TEST

/* ---------------------------------------------------------------- what is saved */

static void same_file(const char *a, const char *b) {
    char x[GK_SHA256_HEX], y[GK_SHA256_HEX];
    ck_assert_msg(gk_sha256_file(in_dir(a), x, &err) && gk_sha256_file(in_dir(b), y, &err), "%s", message());
    ck_assert_str_eq(x, y);
}

START_TEST(chat_templates_are_kept) {
    static const char *const FILES[] = {"tokenizer.json", "chat_template.jinja", "chat_templates/tools.jinja",
                                        "additional_chat_templates/rag.jinja", "added_tokens.json"};
    put_kind("a", "json");
    ck_assert(gk_mkdirs(in_dir("a/chat_templates"), &err) &&
              gk_mkdirs(in_dir("a/additional_chat_templates"), &err));
    put_text("a", "chat_template.jinja", "{{ messages }}");
    put_text("a", "chat_templates/tools.jinja", "{{ tools }}");
    put_text("a", "additional_chat_templates/rag.jinja", "{{ documents }}");
    put_text("a", "added_tokens.json", "{}");
    gk_tok *t = load(in_dir("a"));
    ck_assert_msg(gk_tok_save(t, in_dir("b"), &err), "%s", message());
    for (size_t i = 0; i < COUNT(FILES); i++)
        same_file(gk_arena_printf(box.a, "a/%s", FILES[i]), gk_arena_printf(box.a, "b/%s", FILES[i]));
    gk_tok_free(t);
    /* A template that is not the tokenizer's would be taken for it. */
    put_kind("plain", "json");
    t = load(in_dir("plain"));
    ck_assert(!gk_tok_save(t, in_dir("b"), &err));
    ck_assert_msg(gk_tok_remove(in_dir("b"), &err), "%s", message());
    for (size_t i = 0; i < COUNT(FILES); i++)
        ck_assert(!gk_exists(in_dir(gk_arena_printf(box.a, "b/%s", FILES[i]))));
    ck_assert_msg(gk_tok_save(t, in_dir("b"), &err), "%s", message());
    gk_tok_free(t);
}
END_TEST

int main(void) {
    TCase *c = tcase_create("beside");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 240);
    tcase_add_test(c, folders_are_read_as_the_reference_reads_them);
    tcase_add_test(c, text_between_tokens_is_sentencepieces);
    tcase_add_test(c, a_model_by_itself_finds_no_tokens);
    tcase_add_test(c, an_adapter_has_its_bases_settings);
    tcase_add_test(c, what_is_not_built_is_refused);
    tcase_add_test(c, a_template_with_eos_is_refused);
    tcase_add_test(c, chat_templates_are_kept);
    Suite *s = suite_create("tokenizer config");
    suite_add_tcase(s, c);
    return run_suite(s);
}
