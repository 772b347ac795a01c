/* json_model.c: the vocabulary, the merges and the added tokens of a tokenizer.json. */
#include "core/json.h"
#include "tokenizer/internal.h"

#include <string.h>

#define ENTRIES_MAX ((size_t)1 << 22)
#define ADDED_BYTES_MAX 4096 /* of one added token */

/* ---------------------------------------------------------------- vocabulary */

static bool put_piece(gk_tok__bpe *b, const char *text, size_t len, int32_t id) {
    struct gk_tok__bpe_piece *p = &b->piece[id];
    if (p->there) return false;
    *p = (struct gk_tok__bpe_piece){.text = text, .len = (uint32_t)len, .there = true};
    if (id >= b->size) b->size = id + 1;
    return true;
}

/* NULL: the one before `id` has the text already. */
static const char *kept_piece(gk_tok__bpe *b, const char *text, size_t *len, int32_t id) {
    const char *plain = gk_json_plain(b->a, text, len);
    if (plain == text) plain = gk_arena_strndup(b->a, text, *len);
    return gk_tok__strings_add(&b->vocab, plain, *len, id) ? plain : NULL;
}

/* Ids may leave holes, but not many more than there are pieces: room is made for every id. */
static int64_t id_limit(size_t entries) {
    return (int64_t)(2 * entries + 65536);
}

static bool read_vocab(gk_tok__bpe *b, const json_t *vocab, size_t n_added, gk_place at, gk_error *err) {
    at.field = "model.vocab";
    if (!json_is_object(vocab)) return gk_fail(err, at, "an object of pieces and their ids", "no vocabulary");
    size_t n = json_object_size(vocab);
    if (n == 0 || n > ENTRIES_MAX)
        return gk_fail(err, at, "1 to 4194304 pieces", "a vocabulary of %zu pieces", n);
    int64_t limit = id_limit(n);
    b->piece = gk_arena_alloc(b->a, ((size_t)limit + n_added + 1) * sizeof *b->piece);
    gk_tok__strings_init(&b->vocab, b->a, n + 1);
    const char *key;
    const json_t *value;
    for (void *i = json_object_iter((json_t *)(uintptr_t)vocab); i;
         i = json_object_iter_next((json_t *)(uintptr_t)vocab, i)) {
        key = json_object_iter_key(i);
        value = json_object_iter_value(i);
        if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) >= limit)
            return gk_fail(err, at, "an integer id, from 0 and without great holes", "the id of \"%.60s\"",
                           key);
        int32_t id = (int32_t)json_integer_value(value);
        size_t len;
        const char *text = kept_piece(b, key, &len, id);
        if (!put_piece(b, text, len, id))
            return gk_fail(err, at, "an id for every piece", "\"%.60s\" and \"%.60s\" both have the id %d",
                           b->piece[id].text, key, id);
    }
    b->n_vocab = n;
    return true;
}

/* The vocabulary of Unigram: [["piece", score], …], of which the place is the id. */
static bool read_scored(gk_tok__bpe *b, const json_t *vocab, size_t n_added, double *score, gk_place at,
                        gk_error *err) {
    size_t n = json_array_size(vocab);
    b->piece = gk_arena_alloc(b->a, (n + n_added + 1) * sizeof *b->piece);
    gk_tok__strings_init(&b->vocab, b->a, n + 1);
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(vocab, i);
        const char *text = json_string_value(json_array_get(one, 0));
        size_t len = 0;
        score[i] = json_number_value(json_array_get(one, 1));
        if (!text || json_array_size(one) != 2 || !json_is_number(json_array_get(one, 1)))
            return gk_fail(err, at, "[\"piece\", score]", "entry %zu is no piece with a score", i);
        const char *piece = kept_piece(b, text, &len, (int32_t)i);
        if (!piece)
            return gk_fail(err, at, "every piece once", "entry %zu, \"%.60s\", is there twice", i, text);
        put_piece(b, piece, len, (int32_t)i);
    }
    b->n_vocab = n;
    return true;
}

/* ---------------------------------------------------------------- merges */

/* The halves of a merge: ["a", "b"] or "a b". */
static bool halves(gk_arena *a, const json_t *merge, const char *half[2], size_t len[2]) {
    if (json_is_string(merge)) {
        size_t all;
        const char *text = gk_json_plain(a, json_string_value(merge), &all), *space = memchr(text, ' ', all);
        if (!space || memchr(space + 1, ' ', all - (size_t)(space + 1 - text))) return false;
        half[0] = text;
        len[0] = (size_t)(space - text);
        half[1] = space + 1;
        len[1] = all - len[0] - 1;
        return true;
    }
    for (size_t i = 0; i < 2; i++) {
        const json_t *part = json_array_get(merge, i);
        if (!json_is_string(part)) return false;
        half[i] = gk_json_plain(a, json_string_value(part), &len[i]);
    }
    return json_array_size(merge) == 2;
}

/* The piece that is neither half nor whole in the vocabulary, for the message. */
static bool unknown_piece(const char *text, size_t len, size_t index, gk_place at, gk_error *err) {
    return gk_fail(err, at, "a merge of two pieces of the vocabulary into a third",
                   "merge %zu needs \"%.*s\", which is not in the vocabulary", index,
                   (int)(len < 60 ? len : 60), text);
}

static bool read_merge(gk_tok__bpe *b, const json_t *merge, size_t index, uint32_t rank, gk_buf *whole,
                       gk_place at, gk_error *err) {
    const size_t prefix = b->model.prefix ? strlen(b->model.prefix) : 0;
    const char *half[2];
    size_t len[2];
    int32_t id[2];
    if (!halves(b->a, merge, half, len))
        return gk_fail(err, at, "\"a b\" or [\"a\", \"b\"]", "merge %zu is not two pieces", index);
    whole->len = 0;
    for (size_t i = 0; i < 2; i++) {
        id[i] = gk_tok__strings_get(&b->vocab, half[i], len[i]);
        if (id[i] < 0) return unknown_piece(half[i], len[i], index, at, err);
        size_t cut = i > 0 ? prefix : 0; /* the second half begins no word, the whole may */
        if (len[i] < cut) return unknown_piece(half[i], len[i], index, at, err);
        gk_buf_add(whole, half[i] + cut, len[i] - cut);
    }
    int32_t merged = gk_tok__strings_get(&b->vocab, whole->data, whole->len);
    if (merged < 0) return unknown_piece(whole->data, whole->len, index, at, err);
    gk_tok__merges_add(&b->model.pairs, (gk_tok__merge){(uint32_t)id[0], (uint32_t)id[1], rank, merged});
    return true;
}

static bool read_merges(gk_tok__bpe *b, const json_t *merges, gk_place at, gk_error *err) {
    at.field = "model.merges";
    if (!json_is_array(merges)) return gk_fail(err, at, "a list of merges", "no merges");
    size_t n = json_array_size(merges);
    if (n > 4 * ENTRIES_MAX) return gk_fail(err, at, "at most 16777216", "%zu merges", n);
    gk_tok__merges_init(&b->model.pairs, b->a, n);
    gk_buf whole = {0};
    uint32_t rank = 0;
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++) {
        const json_t *merge = json_array_get(merges, i);
        const char *text = json_string_value(merge);
        if (text && strncmp(text, "#version", 8) == 0) continue; /* the head of a merges.txt */
        ok = read_merge(b, merge, i, rank++, &whole, at, err);
    }
    gk_buf_free(&whole);
    return ok;
}

/* ---------------------------------------------------------------- the symbols that words begin as */

static bool all_bytes(const gk_tok__bpe_model *m) {
    for (int i = 0; i < 256; i++)
        if (m->byte_id[i] < 0) return false;
    return true;
}

/* Words of bytes: byte-level pieces as the bytes they show, for ignore_merges. */
static void raw_words(gk_tok__bpe *b) {
    gk_tok__strings_init(&b->model.words, b->a, (size_t)b->size + 1);
    gk_buf raw = {0};
    for (int id = 0; id < b->size; id++) {
        const struct gk_tok__bpe_piece *p = &b->piece[id];
        raw.len = 0;
        size_t i = 0;
        for (int byte; i < p->len && (byte = gk_tok__byte_of_char(gk_tok__utf8_char(p->text + i))) >= 0;
             i += gk_tok__utf8_len(p->text[i]))
            gk_buf_add(&raw, &(char){(char)byte}, 1);
        if (i < p->len || i == 0) continue;
        char *copy = gk_arena_alloc(b->a, raw.len);
        memcpy(copy, raw.data, raw.len);
        gk_tok__strings_add(&b->model.words, copy, raw.len, id);
    }
    gk_buf_free(&raw);
}

static void find_symbols(gk_tok__bpe *b) {
    gk_tok__bpe_model *m = &b->model;
    for (int i = 0; i < 256; i++) {
        char text[8];
        size_t len = m->bytes ? gk_tok__utf8_put(gk_tok__char_of_byte(i), text)
                              : (size_t)snprintf(text, sizeof text, "<0x%02X>", (unsigned)i);
        m->byte_id[i] = gk_tok__strings_get(&b->vocab, text, len);
    }
    for (int i = 0; i < 0x80; i++) m->ascii_id[i] = gk_tok__strings_get(&b->vocab, &(char){(char)i}, 1);
    if (!m->bytes)
        m->words = b->vocab;
    else if (m->ignore_merges)
        raw_words(b);
}

/* ---------------------------------------------------------------- the model */

/* A member that may be missing or null. */
static bool setting(const json_t *model, const char *key, bool *out, gk_place at, gk_error *err) {
    const json_t *v = json_object_get(model, key);
    return !v || json_is_null(v) || gk_json_bool(model, key, out, at, err);
}

/* What characters have before or behind them in the vocabulary; NULL: nothing. */
static bool read_affix(gk_tok__bpe *b, const json_t *model, const char *key, const char **out, gk_place at,
                       gk_error *err) {
    const json_t *v = json_object_get(model, key);
    const char *text = NULL;
    if (!v || json_is_null(v)) return true;
    if (!gk_json_str(model, key, &text, at, err)) return false;
    if (strlen(text) > GK_TOK__AFFIX_MAX)
        return gk_fail(err, at, "at most 64 bytes", "'%s' of %zu bytes", key, strlen(text));
    if (*text) *out = gk_arena_strdup(b->a, text);
    return true;
}

/* Words of bytes are shown as characters, where a model knows characters alone. */
static bool want_chars(gk_tok__bpe *b, gk_place at, gk_error *err) {
    if (!b->model.bytes) return true;
    if (b->steps.n == GK_TOK__STEPS_MAX)
        return gk_fail(err, at, NULL, "more than %d steps", GK_TOK__STEPS_MAX);
    b->steps.item[b->steps.n++] = (gk_tok__pre_step){.kind = GK_TOK__SHOW_BYTES};
    b->model.bytes = false;
    b->shows_bytes = true;
    return true;
}

static bool read_affixes(gk_tok__bpe *b, const json_t *model, gk_place at, gk_error *err) {
    gk_tok__bpe_model *m = &b->model;
    return read_affix(b, model, "continuing_subword_prefix", &m->prefix, at, err) &&
           read_affix(b, model, "end_of_word_suffix", &m->suffix, at, err) &&
           (!(m->prefix || m->suffix) || want_chars(b, at, err));
}

static bool check_dropout(const json_t *model, gk_place at, gk_error *err) {
    const json_t *dropout = json_object_get(model, "dropout");
    return !dropout || json_is_null(dropout) || json_number_value(dropout) == 0.0 ||
           gk_fail(err, at, "null", "'dropout' is set: ids would be random");
}

static bool read_unknown(gk_tok__bpe *b, const json_t *model, gk_place at, gk_error *err) {
    const char *text = NULL;
    const json_t *v = json_object_get(model, "unk_token");
    gk_tok__bpe_model *m = &b->model;
    if (v && !json_is_null(v)) {
        if (!gk_json_str(model, "unk_token", &text, at, err)) return false;
        m->unk = gk_tok__strings_get(&b->vocab, text, strlen(text));
        if (m->unk < 0 && !(m->bytes && all_bytes(m)))
            return gk_fail(err, at, "a piece of the vocabulary", "unk_token \"%.60s\" is in no vocabulary",
                           text);
    }
    if (m->bytes && m->byte_fallback && !all_bytes(m))
        return gk_fail(err, at, "a vocabulary with all 256 bytes",
                       "byte_fallback with ByteLevel, which is not built");
    return true;
}

static bool read_bpe(gk_tok__bpe *b, const json_t *model, size_t n_added, gk_place at, gk_error *err) {
    gk_tok__bpe_model *m = &b->model;
    if (!check_dropout(model, at, err) || !read_affixes(b, model, at, err) ||
        !setting(model, "ignore_merges", &m->ignore_merges, at, err) ||
        !setting(model, "byte_fallback", &m->byte_fallback, at, err) ||
        !setting(model, "fuse_unk", &m->fuse_unk, at, err) ||
        !read_vocab(b, json_object_get(model, "vocab"), n_added, at, err) ||
        !read_merges(b, json_object_get(model, "merges"), at, err))
        return false;
    find_symbols(b);
    return read_unknown(b, model, at, err);
}

static bool read_unigram(gk_tok__bpe *b, const json_t *model, size_t n_added, gk_place at, gk_error *err) {
    const json_t *vocab = json_object_get(model, "vocab");
    size_t n = json_array_size(vocab);
    int64_t unk = 0;
    gk_place here = {.file = at.file, .field = "model.vocab"};
    if (n == 0 || n > ENTRIES_MAX)
        return gk_fail(err, here, "1 to 4194304 pieces", "a vocabulary of %zu pieces", n);
    if (!gk_json_int(model, "unk_id", 0, (int64_t)n - 1, &unk, at, err) ||
        !setting(model, "byte_fallback", &b->model.byte_fallback, at, err) || !want_chars(b, at, err))
        return false;
    double *score = gk_alloc(n * sizeof *score);
    bool ok = read_scored(b, vocab, n_added, score, here, err);
    if (ok) {
        b->model.unk = (int32_t)unk;
        find_symbols(b);
        b->unigram = gk_tok__unigram_new(b, score);
    }
    gk_free(score);
    return ok;
}

/* The type of a model; older files do not name theirs. */
static bool read_type(const json_t *model, const char **type, gk_place at, gk_error *err) {
    *type = "BPE";
    if (json_object_get(model, "type")) return gk_json_str(model, "type", type, at, err);
    return json_object_get(model, "merges") || gk_fail(err, at, "\"type\": \"BPE\"", "has no type");
}

bool gk_tok__read_model(gk_tok__bpe *b, const json_t *model, size_t n_added, gk_place at, gk_error *err) {
    const char *type;
    at.field = "model";
    if (!json_is_object(model)) return gk_fail(err, at, "a tokenizer.json", "is missing or no object");
    if (!read_type(model, &type, at, err)) return false;
    if (strcmp(type, "BPE") == 0) return read_bpe(b, model, n_added, at, err);
    if (strcmp(type, "Unigram") == 0) return read_unigram(b, model, n_added, at, err);
    return gk_fail(err, at, "a model of type BPE or Unigram", "a model of type \"%.60s\", which is not built",
                   type);
}

/* ---------------------------------------------------------------- added tokens */

/* The id that the reference gives: that of the piece, else the next after the vocabulary and the added ones.
 */
static bool check_id(const gk_tok__bpe *b, const gk_tok__added_token *t, int64_t next, gk_place at,
                     gk_error *err) {
    int32_t piece = gk_tok__strings_get(&b->vocab, t->content, t->len);
    int64_t want = piece >= 0 ? piece : next;
    if (t->id != want)
        return gk_fail(err, at, "ids that follow the vocabulary's",
                       "the added token \"%.60s\" has the id %d, but by its place it is %lld", t->content,
                       t->id, (long long)want);
    if (piece < 0 && b->piece[t->id].there)
        return gk_fail(err, at, "an id for every token", "\"%.60s\" and \"%.60s\" both have the id %d",
                       b->piece[t->id].text, t->content, t->id);
    return true;
}

bool gk_tok__read_one_added(gk_arena *a, const json_t *json, gk_tok__added_token *t, gk_place at,
                            gk_error *err) {
    const char *content = NULL;
    int64_t id = 0;
    if (!gk_json_str(json, "content", &content, at, err) ||
        !gk_json_int(json, "id", 0, 2 * (int64_t)ENTRIES_MAX, &id, at, err) ||
        !setting(json, "single_word", &t->single_word, at, err) ||
        !setting(json, "lstrip", &t->lstrip, at, err) || !setting(json, "rstrip", &t->rstrip, at, err) ||
        !setting(json, "normalized", &t->normalized, at, err) ||
        !setting(json, "special", &t->special, at, err))
        return false;
    const char *plain = gk_json_plain(a, content, &t->len);
    if (t->len == 0 || t->len > ADDED_BYTES_MAX)
        return gk_fail(err, at, "1 to 4096 bytes", "an added token of %zu bytes", t->len);
    t->content = plain == content ? gk_arena_strdup(a, content) : plain;
    t->id = (int32_t)id;
    return true;
}

static bool find_normalized(gk_tok__bpe *b, const gk_tok__added_token *t, const gk_tok__work *w) {
    gk_tok__view in = {.text = t->content, .len = t->len}, out;
    if (!gk_tok__normalize(&b->norms, w, &in, &out)) return false;
    char *text = gk_arena_alloc(b->a, out.len + 1);
    memcpy(text, out.text, out.len);
    b->piece[t->id].text = text; /* what it decodes to */
    b->piece[t->id].len = (uint32_t)out.len;
    if (!b->normalized) b->normalized = gk_tok__finder_new(b->a);
    gk_tok__finder_add(b->normalized, out.text, out.len, t);
    return true;
}

/* Special tokens first: of equal strings (as normalised) the last is found. */
static bool fill_finders(gk_tok__bpe *b, gk_error *err) {
    gk_tok__work w = {.a = gk_arena_new(), .matcher = gk_tok__matcher_new(), .err = err};
    bool ok = true;
    for (size_t i = 0; i < 2 * b->n_added && ok; i++) {
        const gk_tok__added_token *t = &b->added[i % b->n_added];
        if (t->special != (i < b->n_added)) continue;
        if (t->normalized) {
            ok = find_normalized(b, t, &w);
        } else {
            if (!b->raw) b->raw = gk_tok__finder_new(b->a);
            gk_tok__finder_add(b->raw, t->content, t->len, t);
        }
    }
    gk_tok__matcher_free(w.matcher);
    gk_arena_free(w.a);
    return ok;
}

/* The reference skips a token in decoding when its string, as it decodes, is that of a special token. */
static void mark_special(gk_tok__bpe *b) {
    gk_tok__strings special;
    gk_arena *a = gk_arena_new();
    gk_tok__strings_init(&special, a, b->n_added + 1);
    for (size_t i = 0; i < b->n_added; i++)
        if (b->added[i].special)
            gk_tok__strings_add(&special, b->added[i].content, b->added[i].len, b->added[i].id);
    for (size_t i = 0; i < b->n_added; i++) {
        struct gk_tok__bpe_piece *p = &b->piece[b->added[i].id];
        p->special = gk_tok__strings_get(&special, p->text, p->len) >= 0;
    }
    gk_arena_free(a);
}

bool gk_tok__read_added(gk_tok__bpe *b, const json_t *list, gk_place at, gk_error *err) {
    at.field = "added_tokens";
    if (!list || json_is_null(list)) return true;
    if (!json_is_array(list)) return gk_fail(err, at, "a list", "is no list");
    size_t n = json_array_size(list);
    b->added = gk_arena_alloc(b->a, (n + 1) * sizeof *b->added);
    gk_tok__strings_init(&b->added_ids, b->a, n + 1);
    int64_t next = (int64_t)b->n_vocab;
    for (size_t i = 0; i < n; i++) {
        gk_tok__added_token *t = &b->added[b->n_added];
        char field[48];
        snprintf(field, sizeof field, "added_tokens[%zu]", i);
        gk_place here = {.file = at.file, .field = field};
        if (!gk_tok__read_one_added(b->a, json_array_get(list, i), t, here, err) ||
            !check_id(b, t, next, here, err))
            return false;
        if (!gk_tok__strings_add(&b->added_ids, t->content, t->len, t->id))
            return gk_fail(err, here, "every token once", "\"%.60s\" is there twice", t->content);
        if (t->id >= next) next = (int64_t)t->id + 1;
        if (!b->piece[t->id].there) put_piece(b, t->content, t->len, t->id);
        b->n_added++;
    }
    if (b->n_added > 0 && !fill_finders(b, err)) return false;
    mark_special(b);
    return true;
}
