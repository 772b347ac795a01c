/* tokenizer_json.c: tokenizer.json as Hugging Face's `tokenizers` library writes it, and the two files of
 * GPT-2, which are made into one. */
#include "tokenizer/internal.h"

#include <string.h>

/* GPT-2 and its kin use one token for both; where no file names them and it is there, it is that. */
#define END_OF_TEXT "<|endoftext|>"

static bool read_doc(gk__bpe *b, const json_t *doc, int *bos, gk_place at, gk_error *err) {
    const json_t *added = json_object_get(doc, "added_tokens");
    return gk__read_pre_tokenizer(b, json_object_get(doc, "pre_tokenizer"), at, err) &&
           gk__read_normalizer(b, json_object_get(doc, "normalizer"), at, err) &&
           gk__read_decoder(b, json_object_get(doc, "decoder"), at, err) &&
           gk__read_model(b, json_object_get(doc, "model"), json_array_size(added), at, err) &&
           gk__read_added(b, added, at, err) &&
           gk__read_post_processor(json_object_get(doc, "post_processor"), bos, at, err);
}

bool gk__load_json_doc(gk_tok *t, const json_t *doc, const char *name, gk_error *err) {
    gk_place at = {.file = name};
    if (!json_is_object(doc)) return gk_fail(err, at, "a tokenizer.json", "not a JSON object");
    gk__bpe *b = gk__bpe_new();
    t->kind = &gk__bpe_kind;
    t->model = b;
    int bos = -1;
    if (!read_doc(b, doc, &bos, at, err)) return false;
    if (bos >= b->size || (bos >= 0 && !b->piece[bos].there))
        return gk_fail(err, GK_AT_FIELD(name, "post_processor"), "an id of this tokenizer",
                       "puts the id %d before the text, which there is not", bos);
    t->bos = bos;
    t->add_bos = bos >= 0;
    int end = gk__strings_get(&b->added_ids, END_OF_TEXT, strlen(END_OF_TEXT));
    if (end >= 0) {
        t->eos = end;
        if (bos < 0) t->bos = end;
    }
    return true;
}

bool gk__load_json(gk_tok *t, const char *text, size_t len, const char *name, gk_error *err) {
    json_t *doc = gk_json_parse(text, len, GK_AT_FILE(name), err);
    if (!doc) return false;
    bool ok = gk__load_json_doc(t, doc, name, err);
    json_decref(doc);
    return ok;
}

/* ---------------------------------------------------------------- vocab.json and merges.txt */

/* The lines of merges.txt as a list of strings. */
static json_t *merge_lines(const gk__file *f, const char *path, gk_error *err) {
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

/* What GPT2Tokenizer makes of the two files. */
static json_t *gpt2_doc(const json_t *vocab, json_t *merges) {
    json_t *doc = json_pack("{s:{s:s,s:b}, s:{s:s}, s:{s:s,s:O,s:o}}", "pre_tokenizer", "type", "ByteLevel",
                            "add_prefix_space", 0, "decoder", "type", "ByteLevel", "model", "type", "BPE",
                            "vocab", vocab, "merges", merges);
    const json_t *end = json_object_get(vocab, END_OF_TEXT);
    json_t *added = json_array();
    if (json_is_integer(end))
        json_array_append_new(added, json_pack("{s:I, s:s, s:b}", "id", json_integer_value(end), "content",
                                               END_OF_TEXT, "special", 1));
    json_object_set_new(doc, "added_tokens", added);
    return doc;
}

bool gk__load_gpt2(gk_tok *t, const gk__file *vocab, const gk__file *merges, const char *dir, gk_error *err) {
    const char *vocab_path = gk_path_join(t->arena, dir, vocab->name);
    const char *merges_path = gk_path_join(t->arena, dir, merges->name);
    json_t *pieces = gk_json_parse(vocab->bytes, vocab->len, GK_AT_FILE(vocab_path), err);
    json_t *lines = pieces ? merge_lines(merges, merges_path, err) : NULL;
    bool ok = lines != NULL;
    if (ok) {
        json_t *doc = gpt2_doc(pieces, lines);
        ok = gk__load_json_doc(t, doc, vocab_path, err);
        json_decref(doc);
    }
    json_decref(pieces);
    return ok;
}
