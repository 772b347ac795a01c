/* spm_kind.c: the sentencepiece kind. The model is checked by spm_check.c and loaded by the library
 * (spm.cc), which trains, decodes, and encodes where a table of merges cannot (spm_bpe.c). */
#include "tokenizer/spm_bpe.h"

#include <string.h>

#define MODEL_NAME "tokenizer.model"
#define CONFIG_NAME "tokenizer_config.json"
/* <unk> <s> </s>, the 256 bytes, and one piece to learn. */
#define VOCAB_MIN 260
#define VOCAB_MAX (1 << 20)

typedef struct spm {
    gk__spm *model;
    gk__spm_facts facts;
    gk__spm_bpe *bpe; /* NULL: the library encodes */
    int16_t *byte;    /* the value of each byte-fallback piece, -1 of the others */
} spm;

static void spm_free(void *model) {
    spm *s = model;
    if (!s) return;
    gk__spm_bpe_free(s->bpe);
    gk__spm_free(s->model);
    gk_free(s->byte);
    gk_free(s);
}

static int spm_size(const void *model) {
    return gk__spm_size(((const spm *)model)->model);
}

static const char *spm_piece(const void *model, int id) {
    return gk__spm_piece(((const spm *)model)->model, id);
}

/* ---------------------------------------------------------------- encoding */

/* How many ids from ids->id[i] on stand for one character: the byte pieces of a character that has no piece
 * of its own, else 1. */
static size_t group_len(const spm *s, const gk__ids *ids, size_t i) {
    int lead = s->byte[ids->id[i]];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    size_t len = 1;
    while (len < want && i + len < ids->n && s->byte[ids->id[i + len]] >= 0) len++;
    return len;
}

/* The library gives all bytes of a character to the last of its byte pieces, and no bytes to what it left out
 * of the text. Here each byte piece gets its byte, and left-out bytes go to the token that follows (at the
 * end: the last one), so that the spans tile the text. */
static void tile(const spm *s, const gk__ids *ids, uint32_t len, gk_span *span) {
    uint32_t at = 0;
    for (size_t i = 0; i < ids->n;) {
        size_t group = group_len(s, ids, i);
        uint32_t end = i + group == ids->n ? len : ids->end[i + group - 1];
        if (end < at) end = at;
        for (size_t left = group; left > 0; left--, i++) {
            uint32_t next = left == 1 || at == end ? end : at + 1;
            span[i] = (gk_span){at, next};
            at = next;
        }
    }
}

static bool encode_by_library(const spm *s, const char *text, size_t len, gk__ids *out, gk_error *err) {
    char why[GK__SPM_WHY] = "";
    gk__spm_token *raw = NULL;
    size_t n = 0;
    if (!gk__spm_encode(s->model, text, len, &raw, &n, why))
        return gk_fail(err, GK_NOWHERE, NULL, "sentencepiece cannot encode the text: %s", why);
    for (size_t i = 0; i < n; i++) gk__ids_add(out, raw[i].id, raw[i].end);
    gk__spm_release(raw);
    return true;
}

static bool spm_encode(const void *model, const char *text, size_t len, int bos, gk_arena *a, gk_tokens *out,
                       gk_error *err) {
    const spm *s = model;
    gk__ids ids = {0};
    bool ok = true;
    if (s->bpe)
        gk__spm_bpe_encode(s->bpe, text, len, &ids);
    else
        ok = encode_by_library(s, text, len, &ids, err);
    if (ok && ids.n == 0)
        ok =
            gk_fail(err, GK_NOWHERE, "a text that is not only spaces", "this tokenizer drops the whole text");
    if (ok) {
        size_t first = bos >= 0 ? 1 : 0, n = ids.n + first;
        *out = (gk_tokens){.id = gk_arena_alloc(a, (n + 1) * sizeof *out->id),
                           .span = gk_arena_alloc(a, (n + 1) * sizeof *out->span),
                           .n = n};
        if (first) out->id[0] = bos;
        if (ids.n) memcpy(out->id + first, ids.id, ids.n * sizeof *ids.id);
        tile(s, &ids, (uint32_t)len, out->span + first);
    }
    gk__ids_free(&ids);
    return ok;
}

static char *spm_decode(const void *model, const int32_t *id, size_t n, gk_arena *a, gk_error *err) {
    char why[GK__SPM_WHY] = "";
    char *text = NULL;
    size_t len = 0;
    if (!gk__spm_decode(((const spm *)model)->model, id, n, &text, &len, why)) {
        gk_fail(err, GK_NOWHERE, NULL, "sentencepiece cannot decode the ids: %s", why);
        return NULL;
    }
    char *copy = gk_arena_strndup(a, text, len);
    gk__spm_release(text);
    return copy;
}

static void spm_describe(const void *model, gk_buf *out) {
    const spm *s = model;
    const gk__spm_facts *f = &s->facts;
    gk_buf_printf(out, "spm %d %d %d %d %d %d ", gk__spm_unk(s->model), f->dummy_prefix, f->squeeze,
                  f->escape, f->byte_fallback, f->user_defined);
    for (int i = 0; i < gk__spm_size(s->model); i++) {
        const char *piece = gk__spm_piece(s->model, i);
        gk__describe_text(out, piece, strlen(piece));
        gk_buf_printf(out, "%a %d %d %d ", (double)gk__spm_score(s->model, i), s->byte[i],
                      gk__spm_is_unused(s->model, i), gk__spm_is_reserved(s->model, i));
    }
}

static const gk__kind spm_kind = {spm_free, spm_size, spm_piece, spm_encode, spm_decode, spm_describe};

/* ---------------------------------------------------------------- loading */

bool gk__load_spm(gk_tok *t, const char *bytes, size_t len, const char *name, gk_error *err) {
    spm *s = gk_alloc(sizeof *s);
    t->kind = &spm_kind;
    t->model = s;
    if (!gk__spm_check(bytes, len, name, &s->facts, err)) return false;
    char why[GK__SPM_WHY] = "";
    s->model = gk__spm_open(bytes, len, why);
    if (!s->model)
        return gk_fail(err, GK_AT_FILE(name), "a tokenizer.model as sentencepiece wrote it",
                       "not a usable model: %s", why);
    int size = gk__spm_size(s->model);
    s->byte = gk_alloc((size_t)size * sizeof *s->byte);
    for (int i = 0; i < size; i++) s->byte[i] = (int16_t)gk__spm_byte(s->model, i);
    s->bpe = gk__spm_bpe_new(s->model, &s->facts);
    t->bos = gk__spm_bos(s->model);
    t->eos = gk__spm_eos(s->model);
    t->add_bos = true;
    return true;
}

bool gk__spm_by_library(gk_tok *t) {
    spm *s = t->kind == &spm_kind ? t->model : NULL;
    bool had = s && s->bpe;
    if (!had) return false;
    gk__spm_bpe_free(s->bpe);
    s->bpe = NULL;
    return true;
}

/* ---------------------------------------------------------------- saving */

static void set_token(json_t *config, const char *key, const gk__spm *m, int id) {
    json_object_set_new(config, key, id < 0 ? json_null() : json_string(gk__spm_piece(m, id)));
}

/* The configuration with which transformers' LlamaTokenizer gives the ids that gk_tok_encode gives. `legacy`
 * false: no dummy prefix after a special token inside a text. */
bool gk__write_spm_config(const gk_tok *t, const char *dir, gk_error *err) {
    const spm *s = t->model;
    gk_arena *a = gk_arena_new();
    const char *path = gk_path_join(a, dir, CONFIG_NAME);
    json_t *config = json_object();
    json_object_set_new(config, "tokenizer_class", json_string("LlamaTokenizer"));
    json_object_set_new(config, "add_bos_token", json_boolean(t->add_bos && gk_tok_bos(t) >= 0));
    json_object_set_new(config, "add_eos_token", json_false());
    json_object_set_new(config, "add_prefix_space", json_boolean(s->facts.dummy_prefix));
    set_token(config, "bos_token", s->model, gk_tok_bos(t));
    set_token(config, "eos_token", s->model, gk_tok_eos(t));
    set_token(config, "unk_token", s->model, gk__spm_unk(s->model));
    json_object_set_new(config, "pad_token", json_null());
    json_object_set_new(config, "clean_up_tokenization_spaces", json_false());
    json_object_set_new(config, "legacy", json_false());
    bool ok = gk_json_save(path, config, err);
    json_decref(config);
    gk_arena_free(a);
    return ok;
}

/* ---------------------------------------------------------------- training */

/* The longest run of bytes without a space. */
static size_t longest_word(const char *text) {
    size_t longest = 0;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (n > longest) longest = n;
        text += n + (text[n] == ' ');
    }
    return longest;
}

static bool check_sentence(const char *text, size_t index, gk_error *err) {
    char name[48];
    snprintf(name, sizeof name, "sentence %zu", index);
    gk_place at = {.field = name};
    size_t len = strlen(text);
    if (len > GK__SPM_TEXT_MAX)
        return gk_fail(err, at, "a sentence a string", "%zu bytes; at most %zu can be learnt from", len,
                       GK__SPM_TEXT_MAX);
    size_t bad = 0;
    if (!gk_utf8_valid(text, len, &bad)) {
        at.has_byte = true;
        at.byte = bad;
        return gk_fail(err, at, "text in UTF-8", "the text is not UTF-8");
    }
    size_t word = longest_word(text);
    if (word > GK__SPM_WORD_MAX)
        return gk_fail(err, at, "text with spaces between words",
                       "a word of %zu bytes; at most %zu can be learnt from", word, GK__SPM_WORD_MAX);
    return true;
}

bool gk_tok_train(const char *const *sentences, size_t n, int vocab, const char *dir, gk_error *err) {
    if (vocab < VOCAB_MIN || vocab > VOCAB_MAX)
        return gk_fail(err, GK_AT_FIELD(NULL, "vocab"),
                       "260 (3 special tokens, 256 bytes, one more) to 1048576", "a vocabulary of %d pieces",
                       vocab);
    if (n == 0) return gk_fail(err, GK_NOWHERE, "one sentence or more", "no text to train a tokenizer on");
    for (size_t i = 0; i < n; i++)
        if (!check_sentence(sentences[i], i, err)) return false;
    char why[GK__SPM_WHY] = "";
    char *bytes = NULL;
    size_t len = 0;
    if (!gk__spm_train(sentences, n, vocab, &bytes, &len, why))
        return gk_fail(err, GK_NOWHERE,
                       "as many pieces as the text can give, and more than it has characters",
                       "sentencepiece cannot train %d pieces: %s", vocab, why);
    gk_tok *t = gk__tok_from_memory(bytes, len, "the trained model", err);
    gk__spm_release(bytes);
    if (t) t->file[0].name = MODEL_NAME;
    bool ok = t && gk_tok_save(t, dir, err);
    gk_tok_free(t);
    return ok;
}
