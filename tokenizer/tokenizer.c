/* tokenizer.c: the public face of tokenizer/. The model itself is read by spm_check.c and run by spm.cc. */
#include "tokenizer/tokenizer.h"
#include "tokenizer/spm.h"

#include <string.h>
#include <sys/stat.h>

#define MODEL_NAME "tokenizer.model"
#define CONFIG_NAME "tokenizer_config.json"
#define MODEL_BYTES_MAX ((size_t)256 << 20)
#define CONFIG_BYTES_MAX ((size_t)16 << 20)
/* <unk> <s> </s>, the 256 bytes, and one piece to learn. */
#define VOCAB_MIN 260
#define VOCAB_MAX (1 << 20)

struct gk_tok {
    gk__spm *spm;
    gk__spm_facts facts;
    bool add_bos;
    gk_arena *files;   /* holds the two below */
    const char *model; /* tokenizer.model as it was read, so that saving gives the same bytes */
    size_t model_len;
    const char *config; /* tokenizer_config.json as it was read; NULL when there was none */
    size_t config_len;
};

/* ---------------------------------------------------------------- loading */

/* Takes over `files`, which holds `model`. `name` is for messages. */
static gk_tok *tok_open(gk_arena *files, const char *model, size_t len, const char *name, gk_error *err) {
    gk_tok *t = gk_alloc(sizeof *t);
    *t = (gk_tok){.files = files, .model = model, .model_len = len, .add_bos = true};
    if (!gk__spm_check(model, len, name, &t->facts, err)) goto failed;
    char why[GK__SPM_WHY] = "";
    t->spm = gk__spm_open(model, len, why);
    if (!t->spm) {
        gk_fail(err, GK_AT_FILE(name), "a tokenizer.model as sentencepiece wrote it",
                "not a usable model: %s", why);
        goto failed;
    }
    return t;
failed:
    gk_tok_free(t);
    return NULL;
}

static bool read_config(gk_tok *t, const char *path, gk_error *err) {
    t->config = gk_read_file(t->files, path, CONFIG_BYTES_MAX, &t->config_len, err);
    if (!t->config) return false;
    json_t *config = gk_json_parse(t->config, t->config_len, GK_AT_FILE(path), err);
    if (!config) return false;
    bool ok = true;
    json_t *add_bos = json_object_get(config, "add_bos_token");
    if (!json_is_object(config))
        ok = gk_fail(err, GK_AT_FILE(path), "a JSON object", "not a tokenizer configuration");
    else if (add_bos && !json_is_null(add_bos))
        ok = gk_json_bool(config, "add_bos_token", &t->add_bos, GK_AT_FILE(path), err);
    json_decref(config);
    return ok;
}

gk_tok *gk_tok_load(const char *path, gk_error *err) {
    gk_arena *files = gk_arena_new();
    struct stat st;
    bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    const char *file = folder ? gk_path_join(files, path, MODEL_NAME) : path;
    size_t len = 0;
    char *model = gk_read_file(files, file, MODEL_BYTES_MAX, &len, err);
    if (!model) {
        gk_arena_free(files);
        return NULL;
    }
    gk_tok *t = tok_open(files, model, len, file, err);
    if (!t || !folder) return t;
    const char *config = gk_path_join(files, path, CONFIG_NAME);
    if (!gk_exists(config) || read_config(t, config, err)) return t;
    gk_tok_free(t);
    return NULL;
}

void gk_tok_free(gk_tok *t) {
    if (!t) return;
    gk__spm_free(t->spm);
    gk_arena_free(t->files);
    gk_free(t);
}

int gk_tok_size(const gk_tok *t) {
    return gk__spm_size(t->spm);
}

int gk_tok_bos(const gk_tok *t) {
    return gk__spm_bos(t->spm);
}

int gk_tok_eos(const gk_tok *t) {
    return gk__spm_eos(t->spm);
}

const char *gk_tok_piece(const gk_tok *t, int id) {
    return id >= 0 && id < gk_tok_size(t) ? gk__spm_piece(t->spm, id) : NULL;
}

/* ---------------------------------------------------------------- encoding */

/* The value of a byte-fallback piece "<0xE2>", or -1. */
static int byte_value(const gk__spm *m, int32_t id) {
    unsigned value = 0;
    if (!gk__spm_is_byte(m, id) || sscanf(gk__spm_piece(m, id), "<0x%2X>", &value) != 1) return -1;
    return (int)value;
}

/* How many tokens from raw[i] on stand for one character: the byte pieces of a character that has no piece of
 * its own, else 1. */
static size_t group_len(const gk__spm *m, const gk__spm_token *raw, size_t n, size_t i) {
    int lead = byte_value(m, raw[i].id);
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    size_t len = 1;
    while (len < want && i + len < n && byte_value(m, raw[i + len].id) >= 0) len++;
    return len;
}

/* The library gives all bytes of a character to the last of its byte pieces, and no bytes to what it left out
 * of the text. Here each byte piece gets its byte, and left-out bytes go to the token that follows (at the
 * end: the last one), so that the spans tile the text. */
static void tile(const gk__spm *m, const gk__spm_token *raw, size_t n, uint32_t len, gk_span *span) {
    uint32_t at = 0;
    for (size_t i = 0; i < n;) {
        size_t group = group_len(m, raw, n, i);
        uint32_t end = i + group == n ? len : raw[i + group - 1].end;
        if (end < at) end = at;
        for (size_t left = group; left > 0; left--, i++) {
            uint32_t next = left == 1 || at == end ? end : at + 1;
            span[i] = (gk_span){at, next};
            at = next;
        }
    }
}

static bool check_text(const char *text, size_t len, gk_error *err) {
    size_t bad = 0;
    if (len > GK__SPM_TEXT_MAX)
        return gk_fail(err, GK_NOWHERE, "encode it in parts",
                       "a text of %zu bytes; at most %zu can be encoded", len, GK__SPM_TEXT_MAX);
    if (!gk_utf8_valid(text, len, &bad))
        return gk_fail(err, GK_AT_BYTE(NULL, bad), "text in UTF-8", "the text is not UTF-8");
    return true;
}

/* Whether encoding starts with BOS; fails when it should and the model has none. */
static bool choose_bos(const gk_tok *t, gk_bos bos, bool *out, gk_error *err) {
    bool has = gk_tok_bos(t) >= 0;
    *out = bos == GK_BOS_YES || (bos == GK_BOS_DEFAULT && t->add_bos && has);
    if (*out && !has)
        return gk_fail(err, GK_NOWHERE, "encode without BOS", "this tokenizer has no BOS token");
    return true;
}

bool gk_tok_encode(const gk_tok *t, const char *text, size_t len, gk_bos bos, gk_arena *a, gk_tokens *out,
                   gk_error *err) {
    *out = (gk_tokens){0};
    bool with_bos = false;
    if (len == 0) text = "";
    if (!check_text(text, len, err) || !choose_bos(t, bos, &with_bos, err)) return false;
    char why[GK__SPM_WHY] = "";
    gk__spm_token *raw = NULL;
    size_t n = 0;
    if (!gk__spm_encode(t->spm, text, len, &raw, &n, why))
        return gk_fail(err, GK_NOWHERE, NULL, "sentencepiece cannot encode the text: %s", why);
    if (n == 0 && len > 0) {
        gk__spm_release(raw);
        return gk_fail(err, GK_NOWHERE, "a text that is not only spaces",
                       "this tokenizer drops the whole text");
    }
    size_t first = with_bos ? 1 : 0;
    *out = (gk_tokens){.id = gk_arena_alloc(a, (n + first + 1) * sizeof *out->id),
                       .span = gk_arena_alloc(a, (n + first + 1) * sizeof *out->span),
                       .n = n + first};
    if (with_bos) out->id[0] = gk_tok_bos(t);
    for (size_t i = 0; i < n; i++) out->id[first + i] = raw[i].id;
    tile(t->spm, raw, n, (uint32_t)len, out->span + first);
    gk__spm_release(raw);
    return true;
}

bool gk_tok_first(const gk_tok *t, const char *text, int32_t *id, gk_error *err) {
    if (!*text) return gk_fail(err, GK_NOWHERE, "a name, for instance", "an empty text has no first token");
    if (!check_text(text, strlen(text), err)) return false;
    /* A word before it, because models differ in what they make of a space at the start: another space before
     * it, nothing, or the space that it is. */
    static const char before[] = "a";
    const size_t space = sizeof before - 1;
    gk_arena *a = gk_arena_new();
    const char *after = gk_arena_printf(a, "%s %s", before, text);
    gk_tokens tokens = {0};
    bool ok = gk_tok_encode(t, after, strlen(after), GK_BOS_NO, a, &tokens, err);
    /* The spans tile the text, so one token holds the space. */
    for (size_t i = tokens.n; i-- > 0 && tokens.span[i].end > space;) *id = tokens.id[i];
    gk_arena_free(a);
    return ok;
}

/* ---------------------------------------------------------------- decoding */

char *gk_tok_decode(const gk_tok *t, const int32_t *id, size_t n, gk_arena *a, gk_error *err) {
    int size = gk_tok_size(t);
    for (size_t i = 0; i < n; i++)
        if (id[i] < 0 || id[i] >= size) {
            gk_fail(err, GK_NOWHERE, "an id of this tokenizer", "token %zu is %d; the ids are 0 to %d", i,
                    id[i], size - 1);
            return NULL;
        }
    char why[GK__SPM_WHY] = "";
    char *text = NULL;
    size_t len = 0;
    if (!gk__spm_decode(t->spm, id, n, &text, &len, why)) {
        gk_fail(err, GK_NOWHERE, NULL, "sentencepiece cannot decode the ids: %s", why);
        return NULL;
    }
    char *copy = gk_arena_strndup(a, text, len);
    gk__spm_release(text);
    return copy;
}

/* ---------------------------------------------------------------- saving */

static void set_token(json_t *config, const char *key, const gk__spm *m, int id) {
    json_object_set_new(config, key, id < 0 ? json_null() : json_string(gk__spm_piece(m, id)));
}

/* The configuration with which transformers' LlamaTokenizer gives the ids that gk_tok_encode gives. `legacy`
 * false: no dummy prefix after a special token inside a text. */
static bool write_config(const gk_tok *t, const char *path, gk_error *err) {
    json_t *config = json_object();
    json_object_set_new(config, "tokenizer_class", json_string("LlamaTokenizer"));
    json_object_set_new(config, "add_bos_token", json_boolean(t->add_bos && gk_tok_bos(t) >= 0));
    json_object_set_new(config, "add_eos_token", json_false());
    json_object_set_new(config, "add_prefix_space", json_boolean(t->facts.dummy_prefix));
    set_token(config, "bos_token", t->spm, gk_tok_bos(t));
    set_token(config, "eos_token", t->spm, gk_tok_eos(t));
    set_token(config, "unk_token", t->spm, gk__spm_unk(t->spm));
    json_object_set_new(config, "pad_token", json_null());
    json_object_set_new(config, "clean_up_tokenization_spaces", json_false());
    json_object_set_new(config, "legacy", json_false());
    bool ok = gk_json_save(path, config, err);
    json_decref(config);
    return ok;
}

bool gk_tok_save(const gk_tok *t, const char *dir, gk_error *err) {
    gk_arena *a = gk_arena_new();
    const char *model = gk_path_join(a, dir, MODEL_NAME), *config = gk_path_join(a, dir, CONFIG_NAME);
    bool ok =
        gk_mkdirs(dir, err) && gk_write_file(model, t->model, t->model_len, err) &&
        (t->config ? gk_write_file(config, t->config, t->config_len, err) : write_config(t, config, err));
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
    gk_arena *files = gk_arena_new();
    char *model = gk_arena_alloc(files, len);
    memcpy(model, bytes, len);
    gk__spm_release(bytes);
    gk_tok *t = tok_open(files, model, len, "the trained model", err);
    bool ok = t && gk_tok_save(t, dir, err);
    gk_tok_free(t);
    return ok;
}
