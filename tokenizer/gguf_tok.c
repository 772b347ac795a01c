/* gguf_tok.c: the tokenizer in the metadata of a GGUF file, made into the files that the other loaders read:
 * a tokenizer.json of "gpt2" (byte-level BPE), a tokenizer.model of "llama" (sentencepiece's BPE) and "t5"
 * (its Unigram). */
#include "core/gguf.h"
#include "graftkit/core/file.h"
#include "tokenizer/internal.h"

#include <stdlib.h>
#include <string.h>

#define KEY(name) "tokenizer.ggml." name
#define TOKENS_MAX ((size_t)1 << 22)

enum {
    NORMAL = 1,
    CONTROL = 3,
    USER_DEFINED = 4,
    BYTE = 6
}; /* of token_type; the numbers are sentencepiece's */

typedef struct source {
    const gk_gguf *g;
    gk_tok *t;
    gk_gguf_array tokens, types, scores, merges;
    bool has_types;
    const char *pre;
    gk_error *err;
} source;

static bool fail_at(const source *s, const char *key, const char *hint, const char *what) {
    return gk_fail(s->err, gk_gguf_place(s->g, key), hint, "%s", what);
}

static bool type_of(const source *s, size_t i, int64_t *type) {
    *type = NORMAL;
    return !s->has_types || gk_gguf_item_int(&s->types, i, 1, 6, type, s->err);
}

static bool open_arrays(source *s) {
    static const char TOKENS[] = KEY("tokens"), TYPES[] = KEY("token_type");
    if (!gk_gguf_array_of(s->g, TOKENS, GK_GGUF_STRING, &s->tokens, s->err)) return false;
    if (s->tokens.n == 0 || s->tokens.n > TOKENS_MAX)
        return fail_at(s, TOKENS, "1 to 4194304 tokens", "no tokens, or too many");
    s->has_types = gk_gguf_has(s->g, TYPES);
    if (!s->has_types) return true;
    if (!gk_gguf_array_of(s->g, TYPES, GK_GGUF_NONE, &s->types, s->err)) return false;
    return s->types.n == s->tokens.n ||
           fail_at(s, TYPES, "a type for every token", "another number of types");
}

/* An id that the file may give; -1 where it does not. */
static bool read_id(const source *s, const char *key, int *out) {
    int64_t id = -1;
    if (gk_gguf_has(s->g, key) && !gk_gguf_int(s->g, key, 0, (int64_t)s->tokens.n - 1, &id, s->err))
        return false;
    *out = (int)id;
    return true;
}

static bool read_flag(const source *s, const char *key, bool *out) {
    return !gk_gguf_has(s->g, key) || gk_gguf_bool(s->g, key, out, s->err);
}

static void remember(gk_tok *t, const char *name, const char *bytes, size_t len) {
    char *copy = gk_arena_alloc(t->arena, len + 1);
    memcpy(copy, bytes, len);
    gk_tok__remember(t, (gk_tok__file){name, copy, len});
}

/* ---------------------------------------------------------------- gpt2: a tokenizer.json */

static bool find_pre(const source *s, gk_tok__gguf_steps *out) {
    if (gk_tok__gguf_pre(s->pre, out)) return true;
    gk_buf hint = {0};
    for (size_t i = 0; gk_tok__gguf_pre_at(i); i++) gk_buf_printf(&hint, "%s ", gk_tok__gguf_pre_at(i));
    gk_buf_puts(&hint, "are; or give the model's own tokenizer.json as its tokenizer");
    gk_fail(s->err, gk_gguf_place(s->g, KEY("pre")), hint.data,
            "the pre-tokeniser \"%.60s\", which is not built", s->pre);
    gk_buf_free(&hint);
    return false;
}

/* The vocabulary, and of control and user-defined tokens added ones. */
static bool put_tokens(source *s, json_t *vocab, json_t *added) {
    const char *text;
    size_t len;
    for (size_t i = 0; gk_gguf_next(&s->tokens, &text, &len); i++) {
        int64_t type;
        if (!type_of(s, i, &type)) return false;
        if (memchr(text, 0, len) || !gk_utf8_valid(text, len, NULL))
            return gk_fail(s->err, gk_gguf_place(s->g, KEY("tokens")), "UTF-8 without NUL",
                           "token %zu is not text", i);
        char *key = gk_arena_strndup(s->t->arena, text, len);
        if (json_object_get(vocab, key))
            return gk_fail(s->err, gk_gguf_place(s->g, KEY("tokens")), "every token once",
                           "token %zu, \"%.60s\", is there twice", i, key);
        json_object_set_new(vocab, key, json_integer((json_int_t)i));
        if (len > 0 && (type == CONTROL || type == USER_DEFINED))
            json_array_append_new(added, json_pack("{s:I, s:s, s:b, s:b, s:b, s:b, s:b}", "id", (json_int_t)i,
                                                   "content", key, "single_word", 0, "lstrip", 0, "rstrip", 0,
                                                   "normalized", 0, "special", type == CONTROL));
    }
    return true;
}

static bool put_merges(source *s, json_t *merges) {
    const char *text;
    size_t len;
    if (!gk_gguf_array_of(s->g, KEY("merges"), GK_GGUF_STRING, &s->merges, s->err)) return false;
    for (size_t i = 0; gk_gguf_next(&s->merges, &text, &len); i++) {
        json_t *merge = json_stringn(text, len);
        if (!merge)
            return gk_fail(s->err, gk_gguf_place(s->g, KEY("merges")), "UTF-8", "merge %zu is not text", i);
        json_array_append_new(merges, merge);
    }
    return true;
}

/* A settings file that says what the GGUF says of BOS and EOS, so that what is saved behaves as what was
 * read. */
static void remember_config(const source *s) {
    gk_tok *t = s->t;
    const char *bos = gk_tok_piece(t, t->bos), *eos = gk_tok_piece(t, t->eos);
    json_t *config = json_pack("{s:s, s:b, s:s?, s:s?, s:b}", "tokenizer_class", "PreTrainedTokenizerFast",
                               "add_bos_token", t->add_bos, "bos_token", bos, "eos_token", eos,
                               "clean_up_tokenization_spaces", 0);
    char *text = json_dumps(config, JSON_INDENT(2));
    remember(t, "tokenizer_config.json", text, strlen(text));
    free(text);
    json_decref(config);
}

static bool set_special(const source *s, bool add_bos) {
    gk_tok *t = s->t;
    if (!read_id(s, KEY("bos_token_id"), &t->bos) || !read_id(s, KEY("eos_token_id"), &t->eos) ||
        !read_flag(s, KEY("add_bos_token"), &add_bos))
        return false;
    t->add_bos = add_bos;
    return true;
}

/* BOS before a text, as the reference puts it: by a template. */
static void put_bos(const source *s, json_t *doc) {
    const gk_tok *t = s->t;
    if (!t->add_bos || t->bos < 0) return;
    const char *bos = gk_tok_piece(t, t->bos);
    json_t *first = json_pack("{s:{s:s, s:i}}", "SpecialToken", "id", bos, "type_id", 0);
    json_t *a = json_pack("{s:{s:s, s:i}}", "Sequence", "id", "A", "type_id", 0);
    json_t *b = json_pack("{s:{s:s, s:i}}", "Sequence", "id", "B", "type_id", 1);
    json_t *tokens = json_object();
    json_object_set_new(tokens, bos,
                        json_pack("{s:s, s:[i], s:[s]}", "id", bos, "ids", t->bos, "tokens", bos));
    json_object_set_new(doc, "post_processor",
                        json_pack("{s:s, s:[O,O], s:[O,O,O,O], s:o}", "type", "TemplateProcessing", "single",
                                  first, a, "pair", first, a, first, b, "special_tokens", tokens));
    json_decref(first);
    json_decref(a);
    json_decref(b);
}

static bool load_gpt2(source *s, const char *name) {
    gk_tok__gguf_steps pre;
    if (!find_pre(s, &pre)) return false;
    json_t *vocab = json_object(), *merges = json_array(), *added = json_array();
    json_t *model =
        json_pack("{s:s, s:n, s:n, s:n, s:n, s:b, s:b, s:b, s:o, s:o}", "type", "BPE", "dropout", "unk_token",
                  "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", 0, "byte_fallback", 0,
                  "ignore_merges", (int)pre.ignore_merges, "vocab", vocab, "merges", merges);
    json_t *doc = json_pack("{s:s, s:n, s:n, s:o, s:n, s:o, s:n, s:o, s:o}", "version", "1.0", "truncation",
                            "padding", "added_tokens", added, "normalizer", "pre_tokenizer",
                            json_loads(pre.pre_tokenizer, 0, NULL), "post_processor", "decoder",
                            json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 0,
                                      "trim_offsets", 1, "use_regex", 1),
                            "model", model);
    if (pre.nfc) json_object_set_new(doc, "normalizer", json_pack("{s:s}", "type", "NFC"));
    bool ok = put_tokens(s, vocab, added) && put_merges(s, merges) &&
              gk_tok__load_json_doc(s->t, doc, name, s->err) && set_special(s, pre.add_bos);
    if (ok) {
        put_bos(s, doc);
        char *text = json_dumps(doc, JSON_COMPACT);
        remember(s->t, "tokenizer.json", text, strlen(text));
        free(text);
        remember_config(s);
    }
    json_decref(doc);
    return ok;
}

/* ---------------------------------------------------------------- llama: a tokenizer.model */

static void put_varint(gk_buf *b, uint64_t v) {
    for (; v > 127; v >>= 7) gk_buf_add(b, &(char){(char)(v | 128)}, 1);
    gk_buf_add(b, &(char){(char)v}, 1);
}

static void put_number(gk_buf *b, unsigned field, uint64_t v) {
    put_varint(b, field << 3);
    put_varint(b, v);
}

static void put_bytes(gk_buf *b, unsigned field, const char *bytes, size_t n) {
    put_varint(b, field << 3 | 2);
    put_varint(b, n);
    gk_buf_add(b, bytes, n);
}

/* SentencePiece: piece = 1, score = 2, type = 3. */
static bool put_pieces(source *s, gk_buf *model) {
    const char *text;
    size_t len;
    gk_buf piece = {0};
    bool ok = true;
    for (size_t i = 0; ok && gk_gguf_next(&s->tokens, &text, &len); i++) {
        int64_t type = NORMAL;
        double score = 0;
        ok = type_of(s, i, &type) && gk_gguf_item_num(&s->scores, i, &score, s->err);
        float value = (float)score;
        piece.len = 0;
        put_bytes(&piece, 1, text, len);
        put_varint(&piece, 2 << 3 | 5);
        gk_buf_add(&piece, (const char *)&value, sizeof value);
        put_number(&piece, 3, (uint64_t)type);
        put_bytes(model, 1, piece.data, piece.len);
    }
    gk_buf_free(&piece);
    return ok;
}

/* The text of token `id`, for the settings that name tokens by text. */
static void put_token_name(const source *s, gk_buf *trainer, unsigned field, int id) {
    gk_gguf_array all;
    const char *text = "";
    size_t len = 0;
    if (id < 0 || !gk_gguf_array_of(s->g, KEY("tokens"), GK_GGUF_STRING, &all, NULL)) return;
    for (int i = 0; i <= id && gk_gguf_next(&all, &text, &len);) i++;
    put_bytes(trainer, field, text, len);
}

/* TrainerSpec: model_type = 3 (Unigram is 1, BPE 2), byte_fallback = 35, unk, bos and eos ids = 40 to 42,
 * their pieces = 45 to
 * 47. NormalizerSpec: name = 1, precompiled_charsmap = 2, add_dummy_prefix = 3, remove_extra_whitespaces = 4,
 * escape_whitespaces = 5.
 */
typedef struct settings {
    bool unigram, bytes, prefix, squeeze;
    int id[3];
    gk_buf charsmap;
} settings;

static void put_settings(const source *s, gk_buf *model, const settings *set) {
    const int *id = set->id;
    gk_buf trainer = {0}, normalizer = {0};
    put_number(&trainer, 3, set->unigram ? 1 : 2);
    put_number(&trainer, 35, set->bytes);
    for (unsigned i = 0; i < 3; i++) {
        put_number(&trainer, 40 + i, (uint64_t)(int64_t)id[i]);
        put_token_name(s, &trainer, 45 + i, id[i]);
    }
    put_bytes(&normalizer, 1, "identity", 8);
    if (set->charsmap.len) put_bytes(&normalizer, 2, set->charsmap.data, set->charsmap.len);
    put_number(&normalizer, 3, set->prefix);
    put_number(&normalizer, 4, set->squeeze);
    put_number(&normalizer, 5, 1);
    put_bytes(model, 2, trainer.data, trainer.len);
    put_bytes(model, 3, normalizer.data, normalizer.len);
    gk_buf_free(&trainer);
    gk_buf_free(&normalizer);
}

static bool read_charsmap(const source *s, gk_buf *out) {
    static const char MAP[] = KEY("precompiled_charsmap");
    gk_gguf_array all;
    if (!gk_gguf_has(s->g, MAP)) return true;
    if (!gk_gguf_array_of(s->g, MAP, GK_GGUF_NONE, &all, s->err)) return false;
    for (size_t i = 0; i < all.n; i++) {
        int64_t byte;
        if (!gk_gguf_item_int(&all, i, -128, 255, &byte, s->err)) return false;
        gk_buf_add(out, &(char){(char)byte}, 1);
    }
    return true;
}

/* Whether there are pieces for bytes. */
static bool has_bytes(const source *s, bool *out) {
    for (size_t i = 0; i < s->types.n && !*out; i++) {
        int64_t type;
        if (!type_of(s, i, &type)) return false;
        *out = type == BYTE;
    }
    return true;
}

static bool read_settings(source *s, settings *set) {
    static const char *const IDS[] = {KEY("unknown_token_id"), KEY("bos_token_id"), KEY("eos_token_id")};
    for (int i = 0; i < 3; i++)
        if (gk_gguf_has(s->g, IDS[i]) && !read_id(s, IDS[i], &set->id[i])) return false;
    if (!gk_gguf_has(s->g, KEY("token_type")))
        return gk_fail(s->err, gk_gguf_place(s->g, KEY("token_type")), "a list of every token's type",
                       "is missing: which tokens are bytes, and which one is unknown, is not said");
    if (!read_charsmap(s, &set->charsmap) || (set->unigram && !has_bytes(s, &set->bytes)) ||
        !read_flag(s, KEY("add_space_prefix"), &set->prefix) ||
        !read_flag(s, KEY("remove_extra_whitespaces"), &set->squeeze) ||
        !gk_gguf_array_of(s->g, KEY("scores"), GK_GGUF_NONE, &s->scores, s->err))
        return false;
    return s->scores.n == s->tokens.n ||
           fail_at(s, KEY("scores"), "a score for every token", "another number of scores");
}

static bool load_spm(source *s, const char *name, bool unigram) {
    settings set = {.unigram = unigram, .bytes = !unigram, .prefix = true}; /* where nothing is said */
    bool add_bos = !unigram;
    gk_buf model = {0};
    for (int i = 0; i < 3; i++) set.id[i] = unigram ? -1 : i;
    bool ok = read_settings(s, &set) && read_flag(s, KEY("add_bos_token"), &add_bos) && put_pieces(s, &model);
    if (ok) {
        put_settings(s, &model, &set);
        remember(s->t, "tokenizer.model", model.data, model.len);
        const gk_tok__file *f = &s->t->file[0];
        ok = gk_tok__load_spm_special(s->t, f->bytes, f->len, name, s->err);
        s->t->add_bos = add_bos;
    }
    gk_buf_free(&set.charsmap);
    gk_buf_free(&model);
    return ok;
}

/* ---------------------------------------------------------------- loading */

/* What is no part of the ids: a chat template is kept for saving, EOS behind every text is refused. */
static bool take_rest(const source *s) {
    static const char TEMPLATE[] = "tokenizer.chat_template";
    const char *text = NULL;
    bool eos = false;
    if (!read_flag(s, KEY("add_eos_token"), &eos)) return false;
    if (eos)
        return fail_at(s, KEY("add_eos_token"),
                       "false: a prompt that ends in EOS has been answered, and training puts EOS itself",
                       "puts EOS after every text, which is not built");
    if (!gk_gguf_has(s->g, TEMPLATE)) return true;
    if (!gk_gguf_str(s->g, TEMPLATE, s->t->arena, &text, s->err)) return false;
    remember(s->t, "chat_template.jinja", text, strlen(text));
    return true;
}

bool gk_tok__load_gguf(gk_tok *t, const char *path, gk_error *err) {
    gk_gguf *g = gk_gguf_open(path, err);
    if (!g) return false;
    source s = {.g = g, .t = t, .pre = "default", .err = err};
    const char *model = NULL;
    bool ok = gk_gguf_str(g, KEY("model"), t->arena, &model, err) && open_arrays(&s) &&
              (!gk_gguf_has(g, KEY("pre")) || gk_gguf_str(g, KEY("pre"), t->arena, &s.pre, err));
    if (ok && strcmp(model, "gpt2") == 0)
        ok = load_gpt2(&s, path);
    else if (ok && strcmp(model, "llama") == 0)
        ok = load_spm(&s, path, false);
    else if (ok && strcmp(model, "t5") == 0)
        ok = load_spm(&s, path, true);
    else if (ok)
        ok = gk_fail(err, gk_gguf_place(g, KEY("model")), "gpt2, llama or t5",
                     "a tokenizer of the model \"%.60s\", which is not built", model);
    ok = ok && take_rest(&s);
    gk_gguf_close(g);
    return ok;
}
