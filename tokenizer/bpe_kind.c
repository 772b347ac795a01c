/* bpe_kind.c: the kind of a tokenizer.json: a text through added tokens, normalisers, pre-tokenisers and
 * merges, or Unigram's best pieces. */
#include "tokenizer/internal.h"

#include <string.h>

gk_tok__bpe *gk_tok__bpe_new(void) {
    gk_arena *a = gk_arena_new();
    gk_tok__bpe *b = gk_arena_alloc(a, sizeof *b);
    b->a = a;
    b->model.unk = -1;
    return b;
}

static void bpe_free(void *bpe) {
    gk_tok__bpe *b = bpe;
    if (!b) return;
    for (size_t i = 0; i < b->norms.n; i++) gk_tok__pattern_free(&b->norms.item[i].pattern);
    for (size_t i = 0; i < b->steps.n; i++) gk_tok__pattern_free(&b->steps.item[i].pattern);
    for (size_t i = 0; i < b->decs.n; i++) gk_tok__pattern_free(&b->decs.item[i].pattern);
    gk_arena_free(b->a);
}

static int bpe_size(const void *bpe) {
    return ((const gk_tok__bpe *)bpe)->size;
}

static const char *bpe_piece(const void *bpe, int id) {
    const gk_tok__bpe *b = bpe;
    return b->piece[id].there ? b->piece[id].text : "";
}

static int bpe_find(const void *bpe, const char *text) {
    const gk_tok__bpe *b = bpe;
    int id = gk_tok__strings_get(&b->added_ids, text, strlen(text));
    return id >= 0 ? id : gk_tok__strings_get(&b->vocab, text, strlen(text));
}

/* ---------------------------------------------------------------- encoding */

typedef struct call {
    const gk_tok__bpe *b;
    gk_tok__work work;
    gk_tok__word_cache *cache;
    gk_tok__ids ids;
} call;

/* Text in which no added token is left. */
static bool encode_words(call *c, const gk_tok__view *v) {
    gk_tok__words words;
    if (!gk_tok__pretokenize(&c->b->steps, &c->work, v, &words)) return false;
    if (c->b->unigram)
        gk_tok__unigram_words(c->b, &words, &c->ids);
    else
        gk_tok__bpe_words(&c->b->model, &words, c->cache, &c->ids);
    return true;
}

static bool encode_parts(call *c, const gk_tok__view *v, bool raw);

static bool encode_part(call *c, const gk_tok__view *v, const gk_tok__stretch *part, bool raw) {
    if (part->token) {
        gk_tok__ids_add(&c->ids, part->token->id, gk_tok__view_at(v, part->end));
        return true;
    }
    gk_tok__view text = gk_tok__view_part(v, part->begin, part->end), normal;
    if (!raw) return encode_words(c, &text);
    return gk_tok__normalize(&c->b->norms, &c->work, &text, &normal) && encode_parts(c, &normal, false);
}

/* `raw`: the text as it is, to be normalised between the tokens that are in it; else normalised text. */
static bool encode_parts(call *c, const gk_tok__view *v, bool raw) {
    const gk_tok__finder *f = raw ? c->b->raw : c->b->normalized;
    gk_tok__stretches parts = gk_tok__finder_split(f, c->b->split_special, v->text, v->len, c->work.a);
    for (size_t i = 0; i < parts.n; i++)
        if (!encode_part(c, v, &parts.item[i], raw)) return false;
    return true;
}

/* The ends in order, so that the spans tile the text: bytes without an id of their own belong to the id that
 * follows, at the end to the last. */
static void finish(const gk_tok__ids *ids, size_t len, int bos, gk_arena *a, gk_tokens *out) {
    size_t first = bos >= 0 ? 1 : 0, n = ids->n + first;
    *out = (gk_tokens){.id = gk_arena_alloc(a, (n + 1) * sizeof *out->id),
                       .span = gk_arena_alloc(a, (n + 1) * sizeof *out->span),
                       .n = n};
    if (first) out->id[0] = bos;
    if (ids->n) memcpy(out->id + first, ids->id, ids->n * sizeof *ids->id);
    uint32_t at = 0;
    for (size_t i = 0; i < ids->n; i++) {
        uint32_t end = i + 1 == ids->n ? (uint32_t)len : ids->end[i];
        if (end < at) end = at;
        out->span[first + i] = (gk_span){at, end};
        at = end;
    }
}

static bool bpe_encode(const void *bpe, const char *text, size_t len, int bos, gk_arena *a, gk_tokens *out,
                       gk_error *err) {
    call c = {.b = bpe,
              .work = {.a = gk_arena_new(), .matcher = gk_tok__matcher_new(), .err = err},
              .cache = gk_tok__word_cache_new(len)};
    gk_tok__view all = {.text = text, .len = len};
    bool ok = encode_parts(&c, &all, true);
    if (ok && c.ids.n == 0)
        ok = gk_fail(err, GK_NOWHERE, "a text of which something remains",
                     "this tokenizer drops the whole text");
    if (ok) finish(&c.ids, len, bos, a, out);
    gk_tok__ids_free(&c.ids);
    gk_tok__word_cache_free(c.cache);
    gk_tok__matcher_free(c.work.matcher);
    gk_arena_free(c.work.a);
    return ok;
}

/* ---------------------------------------------------------------- decoding */

static char *bpe_decode(const void *bpe, const int32_t *id, size_t n, gk_arena *a, gk_error *err) {
    const gk_tok__bpe *b = bpe;
    gk_tok__work w = {.a = gk_arena_new(), .matcher = gk_tok__matcher_new(), .err = err};
    gk_tok__pieces p = {.item = gk_arena_alloc(w.a, (n + 1) * sizeof *p.item)};
    for (size_t i = 0; i < n; i++) {
        const struct gk_tok__bpe_piece *piece = &b->piece[id[i]];
        if (piece->there && !piece->special) p.item[p.n++] = (struct gk_tok__piece){piece->text, piece->len};
    }
    char *text = gk_tok__decode_pieces(&b->decs, &w, p, a);
    gk_tok__matcher_free(w.matcher);
    gk_arena_free(w.a);
    return text;
}

const gk_tok__kind gk_tok__bpe_kind = {bpe_free,   bpe_size,   bpe_piece,           bpe_find,
                                       bpe_encode, bpe_decode, gk_tok__bpe_describe};
