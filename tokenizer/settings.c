/* settings.c: what the files beside a tokenizer say: whether BOS is put first, which ids BOS and EOS have. */
#include "tokenizer/internal.h"

#include <string.h>

#define SETTINGS_BYTES_MAX ((size_t)16 << 20)

const gk__file *gk__keep_file(gk_tok *t, const char *dir, const char *name, gk_error *err) {
    bool settings =
        strcmp(name, "tokenizer_config.json") == 0 || strcmp(name, "special_tokens_map.json") == 0;
    gk__file *f = &t->file[t->n_files];
    f->bytes = gk_read_file(t->arena, gk_path_join(t->arena, dir, name),
                            settings ? SETTINGS_BYTES_MAX : GK__FILE_MAX, &f->len, err);
    if (!f->bytes) return NULL;
    f->name = name;
    t->n_files++;
    return f;
}

int gk__find_piece(const gk_tok *t, const char *text) {
    const gk__bpe *b = t->model;
    int id = gk__strings_get(&b->added_ids, text, strlen(text));
    return id >= 0 ? id : gk__strings_get(&b->vocab, text, strlen(text));
}

/* What is said of BOS and EOS so far; the first file that says something counts. */
typedef struct said {
    bool add_bos, token[2];
} said;
enum { BOS, EOS };
static const char *const TOKEN_KEYS[] = {"bos_token", "eos_token"};
static const char *const ID_KEYS[] = {"bos_token_id", "eos_token_id"};

static void set_token(gk_tok *t, int which, int id) {
    *(which == BOS ? &t->bos : &t->eos) = id;
}

/* "bos_token": "<s>" or {"content": "<s>"} or null. */
static bool read_token(gk_tok *t, const json_t *json, int which, bool *known, gk_place at, gk_error *err) {
    const char *key = TOKEN_KEYS[which], *text = NULL;
    const json_t *v = json_object_get(json, key);
    if (!v || *known) return true;
    *known = true;
    if (json_is_null(v)) {
        set_token(t, which, -1);
        return true;
    }
    at.field = json_is_object(v) ? key : NULL;
    if (!(at.field ? gk_json_str(v, "content", &text, at, err) : gk_json_str(json, key, &text, at, err)))
        return false;
    int id = gk__find_piece(t, text);
    /* A name that the tokenizer does not know is what some folders have; the model then has none. */
    set_token(t, which, id);
    return true;
}

static bool read_add_bos(gk_tok *t, const json_t *json, bool *known, gk_place at, gk_error *err) {
    const json_t *v = json_object_get(json, "add_bos_token");
    if (!v || json_is_null(v)) return true;
    *known = true;
    return gk_json_bool(json, "add_bos_token", &t->add_bos, at, err);
}

/* "model_max_length" is often 1e30 as an integer, which is too big for one: numbers are read as reals here.
 */
static json_t *parse(const gk__file *f, const char *path, gk_error *err) {
    return gk_json_parse_reals(f->bytes, f->len, GK_AT_FILE(path), err);
}

/* One of the tokenizer's settings files, which is kept for saving. */
static bool read_file(gk_tok *t, const char *dir, const char *name, said *s, gk_error *err) {
    const char *path = gk_path_join(t->arena, dir, name);
    if (!gk_exists(path)) return true;
    const gk__file *f = gk__keep_file(t, dir, name, err);
    json_t *json = f ? parse(f, path, err) : NULL;
    if (!json) return false;
    bool bpe = t->kind == &gk__bpe_kind;
    bool ok = json_is_object(json) ||
              gk_fail(err, GK_AT_FILE(path), "a JSON object", "not a tokenizer configuration");
    ok = ok && read_add_bos(t, json, &s->add_bos, GK_AT_FILE(path), err);
    for (int i = BOS; i <= EOS && ok && bpe; i++)
        ok = read_token(t, json, i, &s->token[i], GK_AT_FILE(path), err);
    json_decref(json);
    return ok;
}

/* config.json is the model's, so it is neither kept nor judged here: what it says is taken where it can be.
 */
static void read_model_config(gk_tok *t, const char *dir, const said *s) {
    json_t *json = gk_json_load(gk_path_join(t->arena, dir, "config.json"), NULL);
    for (int i = BOS; i <= EOS; i++) {
        const json_t *v = json_object_get(json, ID_KEYS[i]);
        if (json_is_array(v)) v = json_array_get(v, 0);
        if (s->token[i] || !json_is_integer(v)) continue;
        json_int_t id = json_integer_value(v);
        if (id >= 0 && id < t->kind->size(t->model)) set_token(t, i, (int)id);
    }
    json_decref(json);
}

bool gk__read_settings(gk_tok *t, const char *dir, gk_error *err) {
    said s = {0};
    int template_bos = t->add_bos ? t->bos : -1;
    if (!read_file(t, dir, "tokenizer_config.json", &s, err)) return false;
    if (t->kind != &gk__bpe_kind) return true; /* a sentencepiece model says the rest itself */
    if (!read_file(t, dir, "special_tokens_map.json", &s, err)) return false;
    if (!s.token[BOS] || !s.token[EOS]) read_model_config(t, dir, &s);
    if (t->bos < 0) t->bos = template_bos;
    return true;
}
