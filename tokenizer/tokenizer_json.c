/* tokenizer_json.c: tokenizer.json as Hugging Face's `tokenizers` library writes it, and the two files of
 * GPT-2, which are made into one. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "tokenizer/tokenizer_config.h"

#include <string.h>

/* GPT-2 and its kin use one token for both; where no file names them and it is there, it is that. */
#define END_OF_TEXT "<|endoftext|>"

static bool read_doc(gk_tok__bpe *b, const json_t *doc, gk_tok__lead *lead, gk_place at, gk_error *err) {
    const json_t *added = json_object_get(doc, "added_tokens");
    return gk_tok__read_pre_tokenizer(b, json_object_get(doc, "pre_tokenizer"), at, err) &&
           gk_tok__read_normalizer(b, json_object_get(doc, "normalizer"), at, err) &&
           gk_tok__read_decoder(b, json_object_get(doc, "decoder"), at, err) &&
           gk_tok__read_model(b, json_object_get(doc, "model"), json_array_size(added), at, err) &&
           gk_tok__read_added(b, added, at, err) &&
           gk_tok__read_post_processor(json_object_get(doc, "post_processor"), lead, at, err);
}

bool gk_tok__load_json_doc(gk_tok *t, const json_t *doc, const char *name, gk_error *err) {
    gk_place at = {.file = name};
    if (!json_is_object(doc)) return gk_fail(err, at, "a tokenizer.json", "not a JSON object");
    gk_tok__bpe *b = gk_tok__bpe_new();
    t->kind = &gk_tok__bpe_kind;
    t->model = b;
    gk_tok__lead lead = {.n = 0};
    if (!read_doc(b, doc, &lead, at, err)) return false;
    for (size_t i = 0; i < lead.n; i++)
        if (lead.id[i] >= b->size || !b->piece[lead.id[i]].there)
            return gk_fail(err, GK_AT_FIELD(name, "post_processor"), "an id of this tokenizer",
                           "puts the id %d before the text, which there is not", (int)lead.id[i]);
    int bos = lead.n > 0 ? lead.id[0] : -1;
    t->bos = bos;
    t->add_bos = bos >= 0;
    if (lead.n > 1) {
        t->n_behind_bos = lead.n - 1;
        t->behind_bos = memcpy(gk_arena_alloc(t->arena, t->n_behind_bos * sizeof *t->behind_bos), lead.id + 1,
                               t->n_behind_bos * sizeof *t->behind_bos);
    }
    int end = gk_tok__strings_get(&b->added_ids, END_OF_TEXT, strlen(END_OF_TEXT));
    if (end >= 0) {
        t->eos = end;
        if (bos < 0) t->bos = end;
    }
    return true;
}

/* The pieces of a model and their ids, a new reference; no object where there are none. */
static json_t *vocab_of(const json_t *doc) {
    json_t *vocab = json_object_get(json_object_get(doc, "model"), "vocab");
    if (!json_is_array(vocab)) return json_incref(vocab);
    json_t *ids = json_object(), *one;
    size_t i;
    json_array_foreach(vocab, i, one) {
        const char *piece = json_string_value(json_array_get(one, 0));
        if (piece) json_object_set_new(ids, piece, json_integer((json_int_t)i));
    }
    return ids;
}

/* Puts what the files beside it say into a tokenizer.json, and makes the tokenizer of that. */
static bool load_beside(gk_tok *t, gk_tok__config *s, json_t *doc, const char *name, gk_error *err) {
    if (!gk_tok__config_prefix(s, doc, err)) return false;
    json_t *vocab = vocab_of(doc);
    if (json_is_object(vocab)) {
        json_t *added = gk_tok__config_tokens(s, json_object_get(doc, "added_tokens"), vocab, NULL, err);
        json_decref(vocab);
        if (!added) return false;
        json_object_set_new(doc, "added_tokens", added);
    }
    if (!gk_tok__load_json_doc(t, doc, name, err)) return false;
    ((gk_tok__bpe *)t->model)->split_special = s->split_special;
    int first = t->bos;
    if (t->bos >= s->first_new) t->bos = -1; /* <|endoftext|>, which only the class names */
    if (t->eos >= s->first_new) t->eos = -1;
    gk_tok__config_ends(s, t);
    if (t->add_bos) t->bos = first; /* the file's own template, which add_bos_token does not overrule */
    return true;
}

bool gk_tok__load_json(gk_tok *t, const char *text, size_t len, const char *name, const char *dir,
                       gk_error *err) {
    json_t *doc = gk_json_parse(text, len, GK_AT_FILE(name), err);
    gk_tok__config s = {0};
    bool ok = doc && (dir ? gk_tok__config_read(t, dir, doc, &s, err) && load_beside(t, &s, doc, name, err)
                          : gk_tok__load_json_doc(t, doc, name, err));
    gk_tok__config_free(&s);
    json_decref(doc);
    return ok;
}

/* ---------------------------------------------------------------- vocab.json and merges.txt */

/* The lines of merges.txt as a list of strings. */
static json_t *merge_lines(const gk_tok__file *f, const char *path, gk_error *err) {
    json_t *list = json_array();
    const char *end = f->bytes + f->len;
    long line = 1;
    for (const char *s = f->bytes; s < end; line++) {
        const char *stop = memchr(s, '\n', (size_t)(end - s));
        size_t n = (size_t)((stop ? stop : end) - s);
        if (n > 0 && s[n - 1] == '\r') n--;
        json_t *text = json_stringn(s, n);
        if (!text) {
            gk_fail(err, GK_AT_LINE(path, line, 1), "text in UTF-8", "a line that is not UTF-8");
            json_decref(list);
            return NULL;
        }
        if (n == 0 || strncmp(s, "#version", 8) == 0)
            json_decref(text);
        else
            json_array_append_new(list, text);
        s = stop ? stop + 1 : end;
    }
    return list;
}

/* What a class makes of the two files; NULL where it is none that reads them. */
static json_t *steps_of(const gk_tok__config *s, gk_error *err) {
    /* The name that GGUF has for its steps. */
    static const struct {
        const char *class, *pre;
    } OF[] = {{"GPT2Tokenizer", "gpt-2"}, {"GPTNeoXTokenizer", "olmo"}, {"Qwen2Tokenizer", "qwen2"}};
    gk_tok__gguf_steps pre;
    for (size_t i = 0; i < sizeof OF / sizeof *OF; i++)
        if (strcmp(s->class.name, OF[i].class) == 0 && gk_tok__gguf_pre(OF[i].pre, &pre))
            return json_pack("{s:o, s:o}", "pre_tokenizer", json_loads(pre.pre_tokenizer, 0, NULL),
                             "normalizer", pre.nfc ? json_pack("{s:s}", "type", "NFC") : json_null());
    gk_fail(err, GK_AT_FIELD(gk_path_join(s->a, s->dir, "tokenizer_config.json"), "tokenizer_class"),
            "GPT2Tokenizer, GPTNeoXTokenizer or Qwen2Tokenizer; or save it as a tokenizer.json",
            "\"%.60s\" beside vocab.json and merges.txt, which is not built", s->class.name);
    return NULL;
}

static bool check_eos(const gk_tok__config *s, gk_error *err) {
    return s->add_eos != GK_TOK__YES ||
           gk_fail(err, GK_AT_FIELD(gk_path_join(s->a, s->dir, "tokenizer_config.json"), "add_eos_token"),
                   "false: a prompt that ends in EOS has been answered, and training puts EOS itself",
                   "puts EOS after every text, which is not built");
}

static bool load_two(gk_tok *t, gk_tok__config *s, json_t *vocab, json_t *merges, const char *name,
                     gk_error *err) {
    json_t *doc = check_eos(s, err) ? steps_of(s, err) : NULL;
    if (!doc) return false;
    json_object_set_new(doc, "decoder", json_pack("{s:s}", "type", "ByteLevel"));
    json_object_set_new(doc, "model",
                        json_pack("{s:s, s:O, s:O}", "type", "BPE", "vocab", vocab, "merges", merges));
    bool ok = load_beside(t, s, doc, name, err);
    if (ok) t->add_bos = s->add_bos == GK_TOK__YES && t->bos >= 0;
    json_decref(doc);
    return ok;
}

bool gk_tok__load_gpt2(gk_tok *t, const gk_tok__file *vocab, const gk_tok__file *merges, const char *dir,
                       gk_error *err) {
    const char *vocab_path = gk_path_join(t->arena, dir, vocab->name);
    const char *merges_path = gk_path_join(t->arena, dir, merges->name);
    json_t *pieces = gk_json_parse(vocab->bytes, vocab->len, GK_AT_FILE(vocab_path), err);
    json_t *lines = pieces ? merge_lines(merges, merges_path, err) : NULL;
    gk_tok__config s = {0};
    bool ok = lines && gk_tok__config_read(t, dir, NULL, &s, err);
    if (ok) {
        gk_tok__config_else(&s, "GPT2Tokenizer");
        ok = load_two(t, &s, pieces, lines, vocab_path, err);
    }
    gk_tok__config_free(&s);
    json_decref(lines);
    json_decref(pieces);
    return ok;
}
