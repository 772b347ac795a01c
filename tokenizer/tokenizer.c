/* tokenizer.c: the public face of tokenizer/: which kind a file is, and what all kinds have in common. */
#include "tokenizer/internal.h"
#include "tokenizer/spm.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The files a folder may hold, the first that is there being the tokenizer. */
#define JSON_NAME "tokenizer.json"
#define MODEL_NAME "tokenizer.model"
#define VOCAB_NAME "vocab.json"
#define MERGES_NAME "merges.txt"
#define CONFIG_NAME "tokenizer_config.json"
static const char *const NAMES[] = {JSON_NAME,   MODEL_NAME,  VOCAB_NAME,
                                    MERGES_NAME, CONFIG_NAME, "special_tokens_map.json"};

/* ---------------------------------------------------------------- loading */

static gk_tok *new_tok(void) {
    gk_tok *t = gk_alloc(sizeof *t);
    t->arena = gk_arena_new();
    t->bos = t->eos = -1;
    return t;
}

void gk_tok_free(gk_tok *t) {
    if (!t) return;
    if (t->kind) t->kind->free(t->model);
    gk_arena_free(t->arena);
    gk_free(t);
}

static bool looks_like_json(const char *bytes, size_t len) {
    size_t i = 0;
    while (i < len && strchr(" \t\r\n", bytes[i])) i++;
    return i < len && bytes[i] == '{';
}

/* One file by itself: the bytes say what it is. */
static bool load_bytes(gk_tok *t, const gk__file *f, const char *name, gk_error *err) {
    return looks_like_json(f->bytes, f->len) ? gk__load_json(t, f->bytes, f->len, name, err)
                                             : gk__load_spm(t, f->bytes, f->len, name, err);
}

gk_tok *gk__tok_from_memory(const char *bytes, size_t len, const char *name, gk_error *err) {
    gk_tok *t = new_tok();
    char *copy = gk_arena_alloc(t->arena, len + 1);
    if (len) memcpy(copy, bytes, len);
    t->file[t->n_files++] = (gk__file){looks_like_json(bytes, len) ? JSON_NAME : MODEL_NAME, copy, len};
    if (load_bytes(t, &t->file[0], name, err)) return t;
    gk_tok_free(t);
    return NULL;
}

static bool load_folder(gk_tok *t, const char *dir, gk_error *err) {
    const char *json = gk_path_join(t->arena, dir, JSON_NAME),
               *model = gk_path_join(t->arena, dir, MODEL_NAME);
    const gk__file *f = NULL;
    bool ok = false;
    if (gk_exists(json)) {
        f = gk__keep_file(t, dir, JSON_NAME, err);
        ok = f && gk__load_json(t, f->bytes, f->len, json, err);
    } else if (gk_exists(model) || !gk_exists(gk_path_join(t->arena, dir, VOCAB_NAME))) {
        f = gk__keep_file(t, dir, MODEL_NAME, err);
        ok = f && gk__load_spm(t, f->bytes, f->len, model, err);
    } else {
        f = gk__keep_file(t, dir, VOCAB_NAME, err);
        const gk__file *merges = f ? gk__keep_file(t, dir, MERGES_NAME, err) : NULL;
        ok = merges && gk__load_gpt2(t, f, merges, dir, err);
    }
    return ok && gk__read_settings(t, dir, err);
}

static bool load_file(gk_tok *t, const char *path, gk_error *err) {
    if (gk_gguf_is(path)) return gk__load_gguf(t, path, err);
    gk__file *f = &t->file[0];
    f->bytes = gk_read_file(t->arena, path, GK__FILE_MAX, &f->len, err);
    if (!f->bytes) return false;
    f->name = looks_like_json(f->bytes, f->len) ? JSON_NAME : MODEL_NAME;
    t->n_files = 1;
    return load_bytes(t, f, path, err);
}

const char *gk_tok_sentencepiece(void) {
    return gk__spm_version();
}

bool gk_tok_present(const char *dir) {
    static const char *const enough[] = {JSON_NAME, MODEL_NAME, VOCAB_NAME};
    gk_arena *a = gk_arena_new();
    bool any = false;
    for (size_t i = 0; i < sizeof enough / sizeof *enough; i++)
        any = any || gk_exists(gk_path_join(a, dir, enough[i]));
    gk_arena_free(a);
    return any;
}

gk_tok *gk_tok_load(const char *path, gk_error *err) {
    gk_tok *t = new_tok();
    struct stat st;
    bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    if (folder ? load_folder(t, path, err) : load_file(t, path, err)) return t;
    gk_tok_free(t);
    return NULL;
}

int gk_tok_size(const gk_tok *t) {
    return t->kind->size(t->model);
}

int gk_tok_bos(const gk_tok *t) {
    return t->bos;
}

int gk_tok_eos(const gk_tok *t) {
    return t->eos;
}

const char *gk_tok_piece(const gk_tok *t, int id) {
    return id >= 0 && id < gk_tok_size(t) ? t->kind->piece(t->model, id) : NULL;
}

/* ---------------------------------------------------------------- encoding and decoding */

static bool check_text(const char *text, size_t len, gk_error *err) {
    size_t bad = 0;
    if (len > GK__TEXT_MAX)
        return gk_fail(err, GK_NOWHERE, "encode it in parts",
                       "a text of %zu bytes; at most %zu can be encoded", len, GK__TEXT_MAX);
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
    if (len > 0) return t->kind->encode(t->model, text, len, with_bos ? t->bos : -1, a, out, err);
    *out = (gk_tokens){.id = gk_arena_alloc(a, sizeof *out->id),
                       .span = gk_arena_alloc(a, sizeof *out->span),
                       .n = with_bos ? 1 : 0};
    if (with_bos) out->id[0] = t->bos;
    return true;
}

static bool has_text(const gk_tok *t, int32_t id) {
    const char *piece = gk_tok_piece(t, id);
    return piece && *piece;
}

char *gk_tok_show(const gk_tok *t, const int32_t *id, size_t n, gk_arena *a, gk_error *err) {
    char *all = gk_arena_strdup(a, "");
    for (size_t i = 0, end; i < n; i = end) {
        end = i + 1;
        if (!has_text(t, id[i])) {
            all = gk_arena_printf(a, "%s<id %d>", all, (int)id[i]);
            continue;
        }
        while (end < n && has_text(t, id[end])) end++;
        char *part = gk_tok_decode(t, id + i, end - i, a, err);
        if (!part) return NULL;
        all = *all ? gk_arena_printf(a, "%s%s", all, part) : part;
    }
    return all;
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

char *gk_tok_decode(const gk_tok *t, const int32_t *id, size_t n, gk_arena *a, gk_error *err) {
    int size = gk_tok_size(t);
    for (size_t i = 0; i < n; i++)
        if (id[i] < 0 || id[i] >= size) {
            gk_fail(err, GK_NOWHERE, "an id of this tokenizer", "token %zu is %d; the ids are 0 to %d", i,
                    id[i], size - 1);
            return NULL;
        }
    return t->kind->decode(t->model, id, n, a, err);
}

/* ---------------------------------------------------------------- saving */

static const gk__file *file_named(const gk_tok *t, const char *name) {
    for (size_t i = 0; i < t->n_files; i++)
        if (strcmp(t->file[i].name, name) == 0) return &t->file[i];
    return NULL;
}

/* Files of another tokenizer in the folder would be loaded instead of, or with, those that are written. */
static bool check_folder(const gk_tok *t, const char *dir, gk_arena *a, gk_error *err) {
    bool spm = file_named(t, MODEL_NAME) != NULL;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        const char *path = gk_path_join(a, dir, NAMES[i]);
        bool written = file_named(t, NAMES[i]) || (spm && strcmp(NAMES[i], CONFIG_NAME) == 0);
        if (!written && gk_exists(path))
            return gk_fail(err, GK_AT_FILE(path), "another folder, or one without it",
                           "a file of another tokenizer stands where this one is to be saved");
    }
    return true;
}

bool gk_tok_save(const gk_tok *t, const char *dir, gk_error *err) {
    gk_arena *a = gk_arena_new();
    bool ok = gk_mkdirs(dir, err) && check_folder(t, dir, a, err);
    for (size_t i = 0; i < t->n_files && ok; i++)
        ok = gk_write_file(gk_path_join(a, dir, t->file[i].name), t->file[i].bytes, t->file[i].len, err);
    gk_arena_free(a);
    if (ok && file_named(t, MODEL_NAME) && !file_named(t, CONFIG_NAME))
        ok = gk__write_spm_config(t, dir, err);
    return ok;
}

bool gk_tok_remove(const char *dir, gk_error *err) {
    gk_arena *a = gk_arena_new();
    bool ok = true;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES && ok; i++) {
        const char *path = gk_path_join(a, dir, NAMES[i]);
        if (unlink(path) != 0 && errno != ENOENT)
            ok = gk_fail_errno(err, GK_AT_FILE(path), "removing the file", errno);
    }
    gk_arena_free(a);
    return ok;
}
