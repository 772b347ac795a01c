/* test_fingerprint.c: what makes two tokenizers one: not their files, and everything else. And that a
 * tokenizer read from a GGUF file is saved as one that other programs open. modules: tokenizer core */
#include "core/json.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/tokenizer_fixture.h"

static const char *folder(const char *name) {
    const char *path = scratch_path(&box, name);
    ck_assert(gk_mkdirs(path, NULL));
    return path;
}

static void put(const char *dir, const char *name, const char *text) {
    scratch_file(&box, gk_arena_printf(box.a, "%s/%s", dir, name), text);
}

static const char *fingerprint(const gk_tok *t) {
    char *hex = gk_arena_alloc(box.a, GK_SHA256_HEX);
    gk_tok_fingerprint(t, hex);
    return hex;
}

static void assert_same(const gk_tok *a, const gk_tok *b) {
    ck_assert_str_eq(fingerprint(a), fingerprint(b));
    ck_assert(gk_tok_same(a, b));
}

/* ---------------------------------------------------------------- tokenizer.json, vocab.json, merges.txt */

static const char VOCAB[] = "{\"a\": 0, \"b\": 1, \"ab\": 2, \"ba\": 3, \"<|endoftext|>\": 4}";
static const char MERGES[] = "#version: 0.2\na b\nb a\n";
static const char JSON[] =
    "{\"version\": \"1.0\", \"truncation\": null, \"padding\": null, \"added_tokens\": [{\"id\": 4, "
    "\"content\": \"<|endoftext|>\", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
    "\"normalized\": false, \"special\": true}], \"normalizer\": null, \"pre_tokenizer\": {\"type\": "
    "\"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true}, "
    "\"post_processor\": null, \"decoder\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": \"BPE\", "
    "\"unk_token\": null, \"ignore_merges\": false, \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2, \"ba\": 3, "
    "\"<|endoftext|>\": 4}, \"merges\": [[\"a\", \"b\"], [\"b\", \"a\"]]}}";

START_TEST(files_do_not_matter) {
    const char *both = folder("both"), *gpt2 = folder("gpt2"), *saved = scratch_path(&box, "saved");
    put("both", "tokenizer.json", JSON);
    put("both", "vocab.json", VOCAB);
    put("both", "merges.txt", MERGES);
    put("gpt2", "vocab.json", VOCAB);
    put("gpt2", "merges.txt", MERGES);
    gk_tok *a = load(both), *b = load(gpt2);
    assert_same(a, b);
    ck_assert(gk_tok_save(a, saved, NULL));
    gk_tok *c = load(saved);
    assert_same(a, c);
    gk_tok_free(a);
    gk_tok_free(b);
    gk_tok_free(c);
}
END_TEST

/* The first text of each pair, wherever it stands in JSON, becomes the second. */
static const char *const CHANGES[][2] = {
    {"\"ab\": 2,", "\"ab\": 2, \"c\": 5,"},
    {"[[\"a\", \"b\"], [\"b\", \"a\"]]", "[[\"b\", \"a\"], [\"a\", \"b\"]]"},
    {"[[\"a\", \"b\"], [\"b\", \"a\"]]", "[[\"a\", \"b\"]]"},
    {"\"a\": 0, \"b\": 1", "\"a\": 1, \"b\": 0"},
    {"\"lstrip\": false", "\"lstrip\": true"},
    {"\"rstrip\": false", "\"rstrip\": true"},
    {"\"single_word\": false", "\"single_word\": true"},
    {"\"normalized\": false", "\"normalized\": true"},
    {"\"special\": true", "\"special\": false"},
    {"\"ignore_merges\": false", "\"ignore_merges\": true"},
    {"\"add_prefix_space\": false", "\"add_prefix_space\": true"},
    {"\"use_regex\": true", "\"use_regex\": false"},
    {"\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}"},
    {"\"normalizer\": null", "\"normalizer\": {\"type\": \"NFKC\"}"},
    {"\"decoder\": {\"type\": \"ByteLevel\"}", "\"decoder\": null"},
    {"\"decoder\": {\"type\": \"ByteLevel\"}", "\"decoder\": {\"type\": \"Fuse\"}"},
    {"\"unk_token\": null", "\"unk_token\": \"b\""},
    {"{\"type\": \"ByteLevel\", \"add_prefix",
     "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", "
     "\"pattern\": {\"Regex\": \"a+\"}, \"behavior\": \"Isolated\", \"invert\": false}]}, \"was\": "
     "{\"add_prefix"},
    {"{\"type\": \"ByteLevel\", \"add_prefix",
     "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", "
     "\"pattern\": {\"Regex\": \"b+\"}, \"behavior\": \"Isolated\", \"invert\": false}]}, \"was\": "
     "{\"add_prefix"},
    {"\"post_processor\": null",
     "\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"a\", "
     "\"type_id\": 0}}], \"special_tokens\": {\"a\": {\"id\": \"a\", \"ids\": [0], \"tokens\": [\"a\"]}}}"},
};

static gk_tok *changed(const char *from, const char *to) {
    gk_buf text = {0};
    const char *at = JSON, *found;
    for (; (found = strstr(at, from)); at = found + strlen(from)) {
        gk_buf_add(&text, at, (size_t)(found - at));
        gk_buf_puts(&text, to);
    }
    ck_assert_msg(at != JSON, "nothing to change: %s", from);
    gk_buf_puts(&text, at);
    gk_tok *t = load(scratch_file(&box, "changed.json", text.data));
    gk_buf_free(&text);
    return t;
}

START_TEST(everything_else_matters) {
    const char *seen[COUNT(CHANGES) + 1];
    gk_tok *plain = load(scratch_file(&box, "plain.json", JSON));
    seen[0] = fingerprint(plain);
    for (size_t i = 0; i < COUNT(CHANGES); i++) {
        gk_tok *t = changed(CHANGES[i][0], CHANGES[i][1]);
        ck_assert(!gk_tok_same(t, plain));
        seen[i + 1] = fingerprint(t);
        for (size_t j = 0; j <= i; j++)
            ck_assert_msg(strcmp(seen[j], seen[i + 1]) != 0, "no difference: %s", CHANGES[i][1]);
        gk_tok_free(t);
    }
    gk_tok_free(plain);
}
END_TEST

START_TEST(settings_of_a_folder_matter) {
    static const char *const SETTINGS[] = {"{}", "{\"eos_token\": \"a\"}", "{\"bos_token\": \"a\"}",
                                           "{\"bos_token\": \"a\", \"split_special_tokens\": true}",
                                           "{\"bos_token\": \"a\", \"pad_token\": \"b\"}"};
    const char *dir = folder("set"), *seen[COUNT(SETTINGS)];
    put("set", "tokenizer.json", JSON);
    for (size_t i = 0; i < COUNT(SETTINGS); i++) {
        put("set", "tokenizer_config.json", SETTINGS[i]);
        gk_tok *t = load(dir);
        seen[i] = fingerprint(t);
        for (size_t j = 0; j < i; j++) ck_assert_str_ne(seen[i], seen[j]);
        gk_tok_free(t);
    }
}
END_TEST

/* ---------------------------------------------------------------- sentencepiece */

#define TOKEN_TYPE "tokenizer.ggml.token_type"
#define NORMAL_PIECES 5

/* <unk> <s> </s>, the bytes, and pieces whose scores begin at `score`. */
static const char *llama_gguf_with(const char *name, float score, bool add_bos, const char *template,
                                   bool add_eos) {
    static const char *const PIECES[NORMAL_PIECES] = {"▁", "a", "b", "ab", "▁ab"};
    const size_t n = 3 + 256 + NORMAL_PIECES;
    gguf_writer w = {0};
    gw_str(&w, "tokenizer.ggml.model", "llama");
    gw_bool(&w, "tokenizer.ggml.add_bos_token", add_bos);
    if (template) gw_str(&w, "tokenizer.chat_template", template);
    if (add_eos) gw_bool(&w, "tokenizer.ggml.add_eos_token", add_eos);
    gw_array(&w, "tokenizer.ggml.tokens", GK_GGUF_STRING, n);
    gw_text(&w.kv, "<unk>");
    gw_text(&w.kv, "<s>");
    gw_text(&w.kv, "</s>");
    for (unsigned i = 0; i < 256; i++) gw_text(&w.kv, gk_arena_printf(box.a, "<0x%02X>", i));
    for (int i = 0; i < NORMAL_PIECES; i++) gw_text(&w.kv, PIECES[i]);
    gw_array(&w, TOKEN_TYPE, GK_GGUF_I32, n);
    for (size_t i = 0; i < n; i++) gw_raw(&w.kv, i == 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1, 4);
    gw_array(&w, "tokenizer.ggml.scores", GK_GGUF_F32, n);
    for (size_t i = 0; i < n; i++) {
        float x = i < 259 ? 0 : score - (float)i;
        gk_buf_add(&w.kv, (const char *)&x, sizeof x);
    }
    return gw_save(&w, &box, name);
}

static const char *llama_gguf(const char *name, float score, bool add_bos) {
    return llama_gguf_with(name, score, add_bos, NULL, false);
}

static void assert_ids(const gk_tok *t, const char *text, const int32_t *id, size_t n) {
    gk_tokens got = {0};
    ck_assert_msg(gk_tok_encode(t, text, strlen(text), GK_BOS_NO, box.a, &got, &err), "%s", message());
    ck_assert_uint_eq(got.n, n);
    for (size_t i = 0; i < n; i++) ck_assert_int_eq(got.id[i], id[i]);
}

START_TEST(a_chat_template_of_gguf_is_kept) {
    gk_tok *t = load(llama_gguf_with("chat.gguf", 0, true, "{{ messages }}", false));
    const char *saved = scratch_path(&box, "chat");
    ck_assert_msg(gk_tok_save(t, saved, &err), "%s", message());
    const char *file = gk_path_join(box.a, saved, "chat_template.jinja");
    ck_assert_str_eq(gk_read_file(box.a, file, 100, NULL, &err), "{{ messages }}");
    gk_tok *again = load(saved);
    assert_same(t, again);
    gk_tok_free(again);
    gk_tok_free(t);
    ck_assert_ptr_null(gk_tok_load(llama_gguf_with("eos.gguf", 0, true, NULL, true), &err));
    ck_assert_ptr_nonnull(strstr(message(), "add_eos_token"));
}
END_TEST

START_TEST(a_bare_sentencepiece_model) {
    gk_tok *gguf = load(llama_gguf("a.gguf", 0, true));
    const char *saved = scratch_path(&box, "saved"), *bare = folder("bare");
    ck_assert_msg(gk_tok_save(gguf, saved, &err), "%s", message());
    size_t len;
    const char *model =
        gk_read_file(box.a, gk_path_join(box.a, saved, "tokenizer.model"), 1 << 20, &len, NULL);
    ck_assert(model && gk_write_file(gk_path_join(box.a, bare, "tokenizer.model"), model, len, NULL));
    gk_tok *without = load(bare), *with = load(saved);
    assert_same(gguf, with);
    /* transformers finds the control tokens of a GGUF in a text, the library by itself does not. */
    ck_assert(!gk_tok_same(gguf, without));
    assert_ids(gguf, "ab</s>ab<unk>", (int32_t[]){263, 2, 262, 0}, 4);
    assert_ids(with, "ab</s>ab<unk>", (int32_t[]){263, 2, 262, 0}, 4);
    gk_tokens text = {0};
    ck_assert(gk_tok_encode(without, "ab</s>", 6, GK_BOS_NO, box.a, &text, &err) && text.n > 4);
    gk_tok *score = load(llama_gguf("b.gguf", -1, true)), *bos = load(llama_gguf("c.gguf", 0, false));
    ck_assert(!gk_tok_same(gguf, score));
    ck_assert(!gk_tok_same(gguf, bos));
    gk_tok_free(score);
    gk_tok_free(bos);
    gk_tok_free(gguf);
    gk_tok_free(with);
    gk_tok_free(without);
}
END_TEST

/* ---------------------------------------------------------------- GGUF: byte-level BPE */

static const char *const PRES[] = {"gpt-2", "smollm", "llama-bpe", "qwen2", "default"};

static const char *bpe_gguf(const char *pre) {
    static const char *const TOKENS[] = {"a", "b", "ab", "ba", "<|endoftext|>", "<user>"};
    static const char *const MERGE[] = {"a b", "b a"};
    gguf_writer w = {0};
    gw_str(&w, "tokenizer.ggml.model", "gpt2");
    gw_str(&w, "tokenizer.ggml.pre", pre);
    gw_strings(&w, "tokenizer.ggml.tokens", TOKENS, COUNT(TOKENS));
    gw_array(&w, TOKEN_TYPE, GK_GGUF_I32, COUNT(TOKENS));
    for (size_t i = 0; i < COUNT(TOKENS); i++) gw_raw(&w.kv, i == 4 ? 3 : i == 5 ? 4 : 1, 4);
    gw_strings(&w, "tokenizer.ggml.merges", MERGE, COUNT(MERGE));
    gw_u32(&w, "tokenizer.ggml.bos_token_id", 4);
    gw_u32(&w, "tokenizer.ggml.eos_token_id", 4);
    return gw_save(&w, &box, "bpe.gguf");
}

/* The members without which the `tokenizers` library does not open a file. */
static void assert_members(const json_t *step, const char *path, const char *const *names) {
    for (; *names; names++) ck_assert_msg(json_object_get(step, *names) != NULL, "%s lacks %s", path, *names);
}

static void assert_step(const json_t *step) {
    static const char *const BYTE_LEVEL[] = {"add_prefix_space", "trim_offsets", "use_regex", NULL};
    static const char *const SPLIT[] = {"pattern", "behavior", "invert", NULL};
    static const char *const DIGITS[] = {"individual_digits", NULL};
    const char *type = json_string_value(json_object_get(step, "type"));
    ck_assert_ptr_nonnull(type);
    if (strcmp(type, "Sequence") == 0) {
        const json_t *list = json_object_get(step, "pretokenizers");
        ck_assert_uint_gt(json_array_size(list), 0);
        for (size_t i = 0; i < json_array_size(list); i++) assert_step(json_array_get(list, i));
        return;
    }
    bool bytes = strcmp(type, "ByteLevel") == 0, split = strcmp(type, "Split") == 0;
    ck_assert(bytes || split || strcmp(type, "Digits") == 0);
    assert_members(step, type, bytes ? BYTE_LEVEL : split ? SPLIT : DIGITS);
}

START_TEST(a_saved_gguf_tokenizer_is_complete) {
    static const char *const DOC[] = {
        "version",        "truncation", "padding",       "added_tokens", "normalizer",
        "post_processor", "decoder",    "pre_tokenizer", "model",        NULL};
    static const char *const MODEL[] = {"type",
                                        "dropout",
                                        "unk_token",
                                        "continuing_subword_prefix",
                                        "end_of_word_suffix",
                                        "fuse_unk",
                                        "byte_fallback",
                                        "ignore_merges",
                                        "vocab",
                                        "merges",
                                        NULL};
    static const char *const TOKEN[] = {"id",     "content",    "single_word", "lstrip",
                                        "rstrip", "normalized", "special",     NULL};
    const char *pre = PRES[_i], *dir = scratch_path(&box, "saved");
    gk_tok *read = load(bpe_gguf(pre));
    ck_assert_msg(gk_tok_save(read, dir, &err), "%s", message());
    gk_tok *again = load(dir);
    assert_same(read, again);
    json_t *doc = gk_json_load(gk_path_join(box.a, dir, "tokenizer.json"), NULL);
    const json_t *added = json_object_get(doc, "added_tokens");
    assert_members(doc, "tokenizer.json", DOC);
    assert_members(json_object_get(doc, "model"), "model", MODEL);
    assert_step(json_object_get(doc, "decoder"));
    assert_step(json_object_get(doc, "pre_tokenizer"));
    ck_assert_uint_eq(json_array_size(added), 2);
    for (size_t i = 0; i < 2; i++) assert_members(json_array_get(added, i), "added_tokens", TOKEN);
    bool bos =
        strcmp(pre, "llama-bpe") == 0; /* whose BOS a template puts, for those who do not read the rest */
    ck_assert_int_eq(json_is_object(json_object_get(doc, "post_processor")), bos);
    json_decref(doc);
    gk_tok_free(read);
    gk_tok_free(again);
}
END_TEST

int main(void) {
    TCase *c = tcase_create("fingerprint");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, files_do_not_matter);
    tcase_add_test(c, everything_else_matters);
    tcase_add_test(c, settings_of_a_folder_matter);
    tcase_add_test(c, a_chat_template_of_gguf_is_kept);
    tcase_add_test(c, a_bare_sentencepiece_model);
    tcase_add_loop_test(c, a_saved_gguf_tokenizer_is_complete, 0, (int)COUNT(PRES));
    Suite *s = suite_create("fingerprint");
    suite_add_tcase(s, c);
    return run_suite(s);
}
