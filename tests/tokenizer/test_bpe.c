/* test_bpe.c: tokenizer.json and GPT-2's files against what Hugging Face's `tokenizers` made of the same
 * texts (tests/fixtures/tokenizer, written by tools/reference/fixtures/make_tokenizer_fixtures.py), and files
 * that are not to be trusted. modules: tokenizer core */
#include "core/json.h"
#include "graftkit/core/random.h"
#include "tests/support/tokenizer_fixture.h"

#define FIXTURES GK_SOURCE_DIR "/tests/fixtures/tokenizer"
#define REAL GK_SOURCE_DIR "/../shared/tokenizers"

static const char *const STYLES[] = {
    "gpt2",   "llama3",          "smollm",           "mixed", "falcon", "gemma",
    "llama2", "metaspace_first", "metaspace_always", "words", "bloom",  "glm4",
    "suffix", "both_affixes",    "unigram_rules",    "llm_jp"};

static json_t *fixture(const char *name) {
    json_t *json = gk_json_load(gk_arena_printf(box.a, "%s/%s.json", FIXTURES, name), &err);
    ck_assert_msg(json != NULL, "%s", message());
    return json;
}

static const char *write_json(const char *name, const json_t *json) {
    char *text = json_dumps(json, 0); /* not gk_json_save, which waits for the disk */
    const char *path = scratch_file(&box, name, text);
    free(text);
    return path;
}

static gk_tok *load_style(const char *style) {
    json_t *f = fixture(style);
    gk_tok *t = load(write_json("style.json", json_object_get(f, "tokenizer")));
    json_decref(f);
    return t;
}

/* "12 5 7" */
static const char *ids_text(const gk_tokens *k) {
    gk_buf b = {0};
    gk_buf_puts(&b, "");
    for (size_t i = 0; i < k->n; i++) gk_buf_printf(&b, "%s%d", i ? " " : "", k->id[i]);
    const char *text = gk_arena_strdup(box.a, b.data);
    gk_buf_free(&b);
    return text;
}

/* ---------------------------------------------------------------- against the reference */

static void check_text(const gk_tok *t, const char *style, const char *text, const char *want_ids,
                       const char *want_text) {
    gk_tokens k;
    if (!gk_tok_encode(t, text, strlen(text), GK_BOS_DEFAULT, box.a, &k, &err)) {
        /* Of the reference's there is BOS at most. */
        ck_assert_msg(!strchr(want_ids, ' ') && strstr(err.what, "drops the whole text"), "%s: %s: %s", style,
                      text, message());
        return;
    }
    check_tiles(t, &k, strlen(text));
    ck_assert_msg(strcmp(ids_text(&k), want_ids) == 0, "%s: '%s'\n  gives %s\n  not   %s", style, text,
                  ids_text(&k), want_ids);
    if (!want_text) return;
    const char *back = gk_tok_decode(t, k.id, k.n, box.a, &err);
    ck_assert_msg(back != NULL, "%s", message());
    ck_assert_msg(strcmp(back, want_text) == 0, "%s: decodes to '%s', not '%s'", style, back, want_text);
}

START_TEST(test_ids_and_texts_of_the_reference) {
    const char *style = STYLES[_i];
    json_t *texts = fixture("texts"), *f = fixture(style);
    gk_tok *t = load_style(style);
    size_t n = json_array_size(texts);
    ck_assert_uint_gt(n, 200);
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(texts, i));
        const char *back = json_string_value(json_array_get(json_object_get(f, "decoded"), i));
        const char *ids = json_string_value(json_array_get(json_object_get(f, "ids"), i));
        ck_assert(text && ids);
        check_text(t, style, text, ids, back ? back : text);
    }
    gk_tok_free(t);
    json_decref(f);
    json_decref(texts);
}
END_TEST

START_TEST(test_real_tokenizers) {
    static const char *const NAMES[] = {"gpt2", "llama3", "gemma", "pythia", "llama2"};
    const char *name = NAMES[_i], *dir = gk_arena_printf(box.a, "%s/%s", REAL, name);
    if (!gk_exists(dir)) {
        printf("skip: %s is not there\n", dir);
        return;
    }
    json_t *f = fixture("real"), *texts = json_object_get(f, "texts"), *ids = json_object_get(f, name);
    ck_assert_uint_gt(json_array_size(texts), 20);
    gk_tok *t = load(dir);
    for (size_t i = 0; i < json_array_size(texts); i++)
        check_text(t, name, json_string_value(json_array_get(texts, i)),
                   json_string_value(json_array_get(ids, i)), NULL);
    gk_tok_free(t);
    json_decref(f);
}
END_TEST

/* A hundred thousand bytes without a space: the ids join up to the text, and it ends in time. */
/* The reference's Digits knows those of Unicode 17, which libpcre2 and its own \p{N} do not. */
START_TEST(test_digits_of_unicode_17) {
    static const char *const text[] = {"a\U00011de1b", "a\U00016ff5b", "a9b", "acb"}, *const ids[] = {
                                                                                          "1 2 1 0 1 3",
                                                                                          "1 2 1 0 1 3",
                                                                                          "1 2 1 0 1 3",
                                                                                          "1 2 0 3"};
    gk_tok *t = load(scratch_file(
        &box, "digits.json",
        "{\"version\": \"1.0\", \"added_tokens\": [], \"pre_tokenizer\": {\"type\": \"Sequence\", "
        "\"pretokenizers\": [{\"type\": \"Digits\", \"individual_digits\": true}, {\"type\": \"Metaspace\", "
        "\"replacement\": \"▁\", \"prepend_scheme\": \"always\", \"split\": false}]}, \"model\": {\"type\": "
        "\"BPE\", \"unk_token\": \"<unk>\", \"vocab\": {\"<unk>\": 0, \"▁\": 1, \"a\": 2, \"b\": 3}, "
        "\"merges\": []}}"));
    for (size_t i = 0; i < COUNT(text); i++) check_text(t, "digits", text[i], ids[i], NULL);
    gk_tok_free(t);
}
END_TEST

START_TEST(test_long_words) {
    enum { N = 100000 };
    gk_tok *t = load_style(STYLES[_i]);
    char *text = gk_arena_alloc(box.a, N + 1);
    gk_rng rng;
    gk_rng_seed(&rng, 3, "long");
    for (size_t i = 0; i < N; i++) text[i] = (char)('a' + gk_rng_below(&rng, 26));
    encoded(t, text, GK_BOS_DEFAULT);
    memset(text, ' ', N);
    text[N - 1] = 'x';
    encoded(t, text, GK_BOS_DEFAULT);
    for (size_t i = 0; i + 1 < N; i += 2) memcpy(text + i, "\xCC\x81", 2);
    encoded(t, text, GK_BOS_DEFAULT);
    gk_tok_free(t);
}
END_TEST

/* ---------------------------------------------------------------- spans */

static void check_spans(const gk_tok *t, const char *text, const gk_span *want, size_t n) {
    gk_tokens k = encoded(t, text, GK_BOS_NO);
    ck_assert_msg(k.n == n, "%s: %zu ids: %s", text, k.n, ids_text(&k));
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_eq(k.span[i].begin, want[i].begin);
        ck_assert_uint_eq(k.span[i].end, want[i].end);
    }
}

START_TEST(test_spans_through_rewriting) {
    /* NFC: e + U+0301 becomes é, one added token; its bytes in the text are three. */
    gk_tok *t = load_style("smollm");
    check_spans(t, "cafe\xCC\x81 1", (const gk_span[]){{0, 6}, {6, 7}, {7, 8}}, 3);
    gk_tok_free(t);
    /* The dummy prefix has no bytes. A space of the text has. */
    t = load_style("llama2");
    gk_tokens k = encoded(t, "a", GK_BOS_NO);
    ck_assert_uint_eq(k.span[k.n - 1].end, 1);
    k = encoded(t, "\xF0\x9F\x98\x80", GK_BOS_YES);
    ck_assert_uint_ge(k.n, 5);
    for (size_t i = 0; i < 4; i++) ck_assert_uint_eq(k.span[k.n - 4 + i].begin, i); /* a byte each */
    gk_tok_free(t);
    /* Added tokens with the spaces that they take. */
    t = load_style("llama3");
    k = encoded(t, "a  <mask>b", GK_BOS_NO);
    ck_assert_uint_eq(k.n, 3);
    ck_assert_uint_eq(k.span[1].begin, 1);
    ck_assert_uint_eq(k.span[1].end, 9);
    gk_tok_free(t);
}
END_TEST

START_TEST(test_invalid_utf8_is_refused) {
    for (size_t i = 0; i < COUNT(STYLES); i++) {
        gk_tok *t = load_style(STYLES[i]);
        gk_tokens k;
        ck_assert(!gk_tok_encode(t, "Ada \xC3(", 6, GK_BOS_DEFAULT, box.a, &k, &err));
        ck_assert(err.has_byte && err.byte == 4 && k.n == 0);
        ck_assert(gk_tok_encode(t, "a\0b", 3, GK_BOS_DEFAULT, box.a, &k, &err)); /* NUL is a character */
        check_tiles(t, &k, 3);
        gk_tok_free(t);
    }
}
END_TEST

START_TEST(test_first_is_the_word_inside_a_sentence) {
    gk_tok *t = load_style("gpt2");
    int32_t first = -1;
    ck_assert(gk_tok_first(t, "the", &first, &err));
    ck_assert_str_eq(gk_tok_piece(t, first), "\xC4\xA0the"); /* "Ġthe" */
    ck_assert(!gk_tok_first(t, "", &first, &err));
    ck_assert_ptr_null(gk_tok_piece(t, gk_tok_size(t)));
    const int32_t bad = gk_tok_size(t);
    ck_assert_ptr_null(gk_tok_decode(t, &bad, 1, box.a, &err));
    gk_tok_free(t);
}
END_TEST

/* ---------------------------------------------------------------- folders */

static void put(const char *path, const char *text) {
    ck_assert_msg(gk_write_file(in_dir(path), text, strlen(text), &err), "%s", message());
}

/* The style as a tokenizer.json in a folder. */
static void put_style(const char *dir, const char *style) {
    json_t *f = fixture(style);
    ck_assert(gk_mkdirs(in_dir(dir), &err));
    write_json(gk_arena_printf(box.a, "%s/tokenizer.json", dir), json_object_get(f, "tokenizer"));
    json_decref(f);
}

static void put_gpt2_files(const char *dir) {
    ck_assert(gk_mkdirs(in_dir(dir), &err));
    json_t *f = fixture("gpt2"), *model = json_object_get(json_object_get(f, "tokenizer"), "model");
    json_t *vocab = json_object_get(model, "vocab"), *merges = json_object_get(model, "merges");
    json_object_set_new(vocab, "<|endoftext|>", json_integer((json_int_t)json_object_size(vocab)));
    write_json(gk_arena_printf(box.a, "%s/vocab.json", dir), vocab);
    gk_buf b = {0};
    gk_buf_puts(&b, "#version: 0.2\n");
    for (size_t i = 0; i < json_array_size(merges); i++)
        gk_buf_printf(&b, "%s\n", json_string_value(json_array_get(merges, i)));
    put(gk_arena_printf(box.a, "%s/merges.txt", dir), b.data);
    gk_buf_free(&b);
    json_decref(f);
}

static void check_same_file(const char *a, const char *b) {
    char ha[GK_SHA256_HEX], hb[GK_SHA256_HEX];
    ck_assert_msg(gk_sha256_file(in_dir(a), ha, &err) && gk_sha256_file(in_dir(b), hb, &err), "%s",
                  message());
    ck_assert_str_eq(ha, hb);
}

START_TEST(test_gpt2_files) {
    put_gpt2_files("g");
    gk_tok *t = load(in_dir("g"));
    json_t *texts = fixture("texts"), *f = fixture("gpt2");
    for (size_t i = 0; i < json_array_size(texts); i++)
        check_text(t, "files", json_string_value(json_array_get(texts, i)),
                   json_string_value(json_array_get(json_object_get(f, "ids"), i)), NULL);
    ck_assert_int_eq(gk_tok_bos(t), gk_tok_size(t) - 1);
    ck_assert_int_eq(gk_tok_eos(t), gk_tok_bos(t));
    ck_assert_msg(gk_tok_save(t, in_dir("saved"), &err), "%s", message());
    check_same_file("g/vocab.json", "saved/vocab.json");
    check_same_file("g/merges.txt", "saved/merges.txt");
    gk_tok_free(t);
    json_decref(f);
    json_decref(texts);
    put("g/merges.txt", "#version: 0.2\na b c\n");
    ck_assert_ptr_null(gk_tok_load(in_dir("g"), &err));
    ck_assert_ptr_nonnull(strstr(err.what, "merge 0"));
    ck_assert_int_eq(remove(in_dir("g/merges.txt")), 0);
    ck_assert_ptr_null(gk_tok_load(in_dir("g"), &err));
    ck_assert_ptr_nonnull(strstr(err.file, "merges.txt"));
}
END_TEST

START_TEST(test_a_tokenizer_json_comes_first) {
    put_gpt2_files("f");
    ck_assert_int_eq(remove(in_dir("f/merges.txt")), 0); /* would be needed */
    put("f/tokenizer.model", "no model");
    ck_assert_ptr_null(gk_tok_load(in_dir("f"), &err)); /* before vocab.json */
    ck_assert_ptr_nonnull(strstr(err.file, "tokenizer.model"));
    put_style("f", "llama3");
    gk_tok *t = load(in_dir("f"));
    ck_assert_str_eq(gk_tok_piece(t, gk_tok_bos(t)), "<|begin_of_text|>");
    ck_assert_msg(!gk_tok_save(t, in_dir("f"), &err), "saved among files of another tokenizer");
    gk_tok_free(t);
}
END_TEST

START_TEST(test_settings_of_a_folder) {
    put_style("s", "llama3");
    gk_tok *t = load(in_dir("s"));
    ck_assert_int_eq(encoded(t, "a", GK_BOS_DEFAULT).id[0], gk_tok_bos(t)); /* its post-processor */
    ck_assert_int_eq(gk_tok_eos(t), -1);
    gk_tok_free(t);
    put("s/tokenizer_config.json", "{\"add_bos_token\": false, \"eos_token\": {\"content\": \"<|eot_id|>\"},"
                                   " \"model_max_length\": 1000000000000000019884624838656}");
    put("s/special_tokens_map.json", "{\"bos_token\": \"<|end_of_text|>\"}");
    t = load(in_dir("s"));
    /* The template decides what stands first, and so do `tokenizers` and transformers 5. */
    ck_assert_str_eq(gk_tok_piece(t, encoded(t, "a", GK_BOS_DEFAULT).id[0]), "<|begin_of_text|>");
    ck_assert_str_eq(gk_tok_piece(t, gk_tok_bos(t)), "<|begin_of_text|>");
    ck_assert_str_eq(gk_tok_piece(t, gk_tok_eos(t)), "<|eot_id|>");
    ck_assert(gk_tok_save(t, in_dir("copy"), &err));
    gk_tok_free(t);
    static const char *const FILES[] = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"};
    for (size_t i = 0; i < COUNT(FILES); i++)
        check_same_file(gk_arena_printf(box.a, "s/%s", FILES[i]),
                        gk_arena_printf(box.a, "copy/%s", FILES[i]));
    put("s/tokenizer_config.json", "{\"bos_token\": null}");
    ck_assert_int_eq(remove(in_dir("s/special_tokens_map.json")), 0);
    put("s/config.json", "{\"bos_token_id\": 5, \"eos_token_id\": [7, 8]}");
    t = load(in_dir("s"));
    ck_assert_int_eq(gk_tok_eos(t), 7);
    ck_assert_str_eq(gk_tok_piece(t, gk_tok_bos(t)), "<|begin_of_text|>");
    gk_tok_free(t);
    static const char *const BAD[] = {"[]", "{\"add_bos_token\": 1}", "{\"bos_token\": 3}", "{"};
    for (size_t i = 0; i < COUNT(BAD); i++) {
        put("s/tokenizer_config.json", BAD[i]);
        ck_assert_ptr_null(gk_tok_load(in_dir("s"), &err));
        ck_assert_ptr_nonnull(strstr(err.file, "tokenizer_config.json"));
    }
}
END_TEST

/* ---------------------------------------------------------------- files not to be trusted */

/* A small tokenizer.json with one member of it, or of its model, replaced. */
static gk_tok *load_with(const char *where, const char *key, const char *value) {
    static const char SMALL[] =
        "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2, \"c\": 3, \"abc\": 4},"
        " \"merges\": [\"a b\", [\"ab\", \"c\"]]}, \"added_tokens\": [{\"id\": 5, \"content\": \"<x>\"}]}";
    json_t *doc = json_loads(SMALL, 0, NULL), *v = json_loads(value, JSON_DECODE_ANY, NULL);
    ck_assert_msg(doc && v, "the test's own JSON: %s", value);
    json_object_set_new(strcmp(where, "model") == 0 ? json_object_get(doc, "model") : doc, key, v);
    const char *path = write_json("bad.json", doc);
    json_decref(doc);
    return gk_tok_load(path, &err);
}

static const struct {
    const char *where, *key, *value, *says;
} BAD[] = {
    {"", "model", "null", "missing or no object"},
    {"model", "type", "\"WordPiece\"", "WordPiece"},
    {"model", "type", "\"Unigram\"", "0 pieces"},
    {"", "model", "{\"type\": \"Unigram\", \"vocab\": [[\"a\", 0]]}", "unk_id"},
    {"", "model", "{\"type\": \"Unigram\", \"unk_id\": 1, \"vocab\": [[\"a\", 0]]}", "unk_id"},
    {"", "model", "{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\", \"0\"]]}", "entry 0"},
    {"", "model", "{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\", 0], [\"a\", 1]]}", "twice"},
    {"model", "type", "7", "7"},
    {"model", "vocab", "[]", "no vocabulary"},
    {"model", "vocab", "{}", "0 pieces"},
    {"model", "vocab", "{\"a\": 0, \"b\": 0}", "both have the id 0"},
    {"model", "vocab", "{\"a\": -1}", "the id of \"a\""},
    {"model", "vocab", "{\"a\": 2000000000}", "the id of \"a\""},
    {"model", "vocab", "{\"a\": 9223372036854775807}", "the id of \"a\""},
    {"model", "vocab", "{\"a\": \"0\"}", "the id of \"a\""},
    {"model", "vocab", "{\"a\": 0, \"b\": 1}", "\"ab\", which is not in the vocabulary"},
    {"model", "merges", "{}", "no merges"},
    {"model", "merges", "[\"ab\"]", "merge 0 is not two pieces"},
    {"model", "merges", "[\"a b c\"]", "merge 0 is not two pieces"},
    {"model", "merges", "[[\"a\", \"b\", \"c\"]]", "merge 0 is not two pieces"},
    {"model", "merges", "[[\"a\", 1]]", "merge 0 is not two pieces"},
    {"model", "merges", "[\"a b\", \"b a\"]", "merge 1 needs \"ba\""},
    {"model", "dropout", "0.5", "dropout"},
    {"model", "unk_token", "\"?\"", "\"?\""},
    {"model", "unk_token", "1", "1"},
    {"model", "byte_fallback", "\"yes\"", "yes"},
    {"model", "end_of_word_suffix", "1", "end_of_word_suffix"},
    {"model", "continuing_subword_prefix", "\"##\"", "merge 0 needs"},
    {"", "normalizer", "{\"type\": \"Precompiled\"}", "precompiled_charsmap"},
    {"", "normalizer", "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAA\"}", "no base64"},
    {"", "normalizer", "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAAA/w==\"}", "Precompiled"},
    {"", "normalizer", "{\"type\": \"StripAccents\"}", "StripAccents"},
    {"", "normalizer", "{}", "missing"},
    {"", "normalizer", "{\"type\": \"Sequence\"}", "Sequence"},
    {"", "normalizer", "{\"type\": \"Replace\", \"pattern\": {\"String\": \"\"}, \"content\": \"\"}",
     "empty"},
    {"", "pre_tokenizer", "{\"type\": \"UnicodeScripts\"}", "UnicodeScripts"},
    {"", "pre_tokenizer",
     "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"a(\"}, \"behavior\": \"Isolated\"}",
     "not a usable pattern"},
    {"", "pre_tokenizer",
     "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"[a&&b]\"}, \"behavior\": \"Isolated\"}", "&&"},
    {"", "pre_tokenizer",
     "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"[a[^b]]\"}, \"behavior\": \"Isolated\"}",
     "a set within a set"},
    {"", "pre_tokenizer", "{\"type\": \"Split\", \"pattern\": {\"String\": \"a\"}, \"behavior\": \"Odd\"}",
     "Odd"},
    {"", "pre_tokenizer", "{\"type\": \"Metaspace\", \"replacement\": \"ab\"}", "ab"},
    {"", "decoder", "{\"type\": \"CTC\"}", "CTC"},
    {"", "decoder", "{\"type\": \"Strip\", \"content\": \"a\", \"start\": -1, \"stop\": 0}", "-1"},
    {"", "post_processor", "{\"type\": \"BertProcessing\"}", "BertProcessing"},
    {"", "post_processor",
     "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"b\"}}],"
     " \"special_tokens\": {\"b\": {\"ids\": [99]}}}",
     "99"},
    {"", "added_tokens", "{}", "no list"},
    {"", "added_tokens", "[{\"id\": 7, \"content\": \"<x>\"}]", "by its place it is 5"},
    {"", "added_tokens", "[{\"id\": 2, \"content\": \"a\"}]", "by its place it is 0"},
    {"", "added_tokens", "[{\"id\": 5, \"content\": \"\"}]", "0 bytes"},
    {"", "added_tokens", "[{\"id\": 5, \"content\": \"x\"}, {\"id\": 6, \"content\": \"x\"}]", ""},
    {"", "added_tokens", "[{\"id\": 5, \"content\": \"x\", \"lstrip\": 1}]", "1"},
    {"", "added_tokens", "[3]", "no member"},
};

START_TEST(test_small_file) {
    gk_tok *t = load_with("model", "fuse_unk", "false");
    ck_assert_msg(t != NULL, "%s", message()); /* the way of building is right */
    ck_assert_str_eq(ids_text(&(gk_tokens){.n = 0}), "");
    gk_tokens k = encoded(t, "abc<x>ab", GK_BOS_DEFAULT);
    ck_assert_str_eq(ids_text(&k), "4 5 2");
    gk_tok_free(t);
}
END_TEST

START_TEST(test_wrong_files_say_what_is_wrong) {
    for (size_t i = 0; i < COUNT(BAD); i++) {
        gk_tok *t = load_with(BAD[i].where, BAD[i].key, BAD[i].value);
        ck_assert_msg(t == NULL, "accepted: %s: %s", BAD[i].key, BAD[i].value);
        ck_assert_msg(strstr(message(), BAD[i].says) != NULL, "%s: %s says: %s", BAD[i].key, BAD[i].value,
                      message());
        ck_assert_ptr_nonnull(strstr(err.file, "bad.json"));
    }
}
END_TEST

START_TEST(test_catastrophic_pattern) {
    gk_tok *t = load_with("", "pre_tokenizer",
                          "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"(a+)+$|(a|aa)+b(?=c)\"}, "
                          "\"behavior\": \"Isolated\"}");
    ck_assert_msg(t != NULL, "%s", message());
    char text[200];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'c';
    gk_tokens k;
    ck_assert(!gk_tok_encode(t, text, sizeof text, GK_BOS_DEFAULT, box.a, &k, &err));
    ck_assert_msg(strstr(err.what, "gives up") != NULL, "%s", message());
    ck_assert_uint_eq(k.n, 0);
    gk_tok_free(t);
}
END_TEST

/* Cut anywhere, and with any byte changed, a file either fails or works within its bounds. */
START_TEST(test_damaged) {
    json_t *f = fixture(STYLES[_i]);
    char *text = json_dumps(json_object_get(f, "tokenizer"), 0);
    size_t len = strlen(text), failed = 0;
    for (size_t cut = 0; cut < 40; cut++) {
        char *part = gk_arena_strndup(box.a, text, len * cut / 40);
        ck_assert_ptr_null(gk_tok_load(scratch_file(&box, "cut.json", part), &err));
    }
    gk_rng rng;
    gk_rng_seed(&rng, 4, STYLES[_i]);
    for (int i = 0; i < 150; i++) {
        size_t at = gk_rng_below(&rng, len);
        char kept = text[at];
        text[at] = (char)(gk_rng_below(&rng, 2) ? '0' + gk_rng_below(&rng, 10) : 32 + gk_rng_below(&rng, 95));
        const char *path = scratch_file(&box, "damaged.json", text);
        text[at] = kept;
        gk_tok *t = gk_tok_load(path, &err);
        failed += t == NULL;
        static const char sample[] = "Ada's 12 caf\xC3\xA9 <|endoftext|> <s>\xF0\x9F\x98\x80  x\n";
        gk_tokens k;
        if (t && gk_tok_encode(t, sample, sizeof sample - 1, GK_BOS_DEFAULT, box.a, &k, &err)) {
            check_tiles(t, &k, sizeof sample - 1);
            gk_tok_decode(t, k.id, k.n, box.a, &err);
        }
        gk_tok_free(t);
    }
    ck_assert_uint_gt(failed, 0);
    free(text);
    json_decref(f);
}
END_TEST

int main(void) {
    TCase *c = tcase_create("bpe");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, test_ids_and_texts_of_the_reference, 0, (int)COUNT(STYLES));
    tcase_add_loop_test(c, test_real_tokenizers, 0, 5);
    tcase_add_loop_test(c, test_long_words, 0, (int)COUNT(STYLES));
    tcase_add_test(c, test_digits_of_unicode_17);
    tcase_add_test(c, test_spans_through_rewriting);
    tcase_add_test(c, test_invalid_utf8_is_refused);
    tcase_add_test(c, test_first_is_the_word_inside_a_sentence);
    tcase_add_test(c, test_gpt2_files);
    tcase_add_test(c, test_a_tokenizer_json_comes_first);
    tcase_add_test(c, test_settings_of_a_folder);
    tcase_add_test(c, test_small_file);
    tcase_add_test(c, test_wrong_files_say_what_is_wrong);
    tcase_add_test(c, test_catastrophic_pattern);
    tcase_add_loop_test(c, test_damaged, 0, (int)COUNT(STYLES));
    Suite *s = suite_create("bpe");
    suite_add_tcase(s, c);
    return run_suite(s);
}
