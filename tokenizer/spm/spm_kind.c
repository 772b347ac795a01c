/* spm_kind.c: the sentencepiece kind. The model is checked by spm_check.c and loaded by the library
 * (spm.cc), which trains, decodes, and encodes where a table of merges cannot (spm_bpe.c). */
#include "graftkit/core/file.h"
#include "tokenizer/spm/spm_bpe.h"
#include "tokenizer/tokenizer_config.h"

#include <string.h>

#define CONFIG_NAME "tokenizer_config.json"
#define MARK "\xE2\x96\x81" /* U+2581, for a space */

/* Where a space goes before a text that the model encodes: at its begin, and behind an added token. */
typedef enum spm_lead {
    LEAD_EACH,   /* before every stretch, as the library does it */
    LEAD_MARKED, /* the same, but not behind a token where there is one already */
    LEAD_FIRST,  /* at the begin of the whole text only */
    LEAD_NEVER
} spm_lead;

typedef struct spm {
    gk_arena *a;
    gk_spm__model *model; /* puts a space before a text where the model says so */
    gk_spm__model *unled; /* the library's way without that space; NULL: not needed */
    gk_spm__facts facts;
    gk_spm__bpe *bpe; /* NULL: the library encodes */
    int16_t *byte;    /* [pieces] the value of each byte-fallback piece, -1 of the others */
    spm_lead lead;
    int size;          /* with the added tokens */
    const char **name; /* [size] of added tokens, NULL for the others; NULL: there are none */
    gk_tok__added_token *added;
    size_t n_added;
    bool split_special; /* special tokens in a text are text */
    gk_tok__finder *raw,
        *normalized; /* NULL: no such token; the second is looked for in what the first leaves */
} spm;

static void spm_free(void *model) {
    spm *s = model;
    if (!s) return;
    gk_spm__bpe_free(s->bpe);
    gk_spm__free(s->model);
    gk_spm__free(s->unled);
    gk_free(s->byte);
    gk_arena_free(s->a);
    gk_free(s);
}

static int spm_size(const void *model) {
    return ((const spm *)model)->size;
}

static const char *spm_piece(const void *model, int id) {
    const spm *s = model;
    if (s->name && s->name[id]) return s->name[id];
    return id < gk_spm__size(s->model) ? gk_spm__piece(s->model, id) : "";
}

static int spm_find(const void *model, const char *text) {
    const spm *s = model;
    for (size_t i = 0; i < s->n_added; i++)
        if (strcmp(s->added[i].content, text) == 0) return s->added[i].id;
    return gk_spm__find(s->model, text);
}

/* ---------------------------------------------------------------- encoding */

static int byte_of(const spm *s, int32_t id) {
    return id < gk_spm__size(s->model) ? s->byte[id] : -1;
}

/* How many ids from ids->id[i] on stand for one character: the byte pieces of a character that has no piece
 * of its own, else 1. */
static size_t group_len(const spm *s, const gk_tok__ids *ids, size_t i) {
    int byte = byte_of(s, ids->id[i]);
    size_t want = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    size_t len = 1;
    while (len < want && i + len < ids->n && byte_of(s, ids->id[i + len]) >= 0) len++;
    return len;
}

/* The library gives all bytes of a character to the last of its byte pieces, and no bytes to what it left out
 * of the text. Here each byte piece gets its byte, and left-out bytes go to the token that follows (at the
 * end: the last one), so that the spans tile the text. */
static void tile(const spm *s, const gk_tok__ids *ids, uint32_t len, gk_span *span) {
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

static bool encode_by_library(const spm *s, bool prefix, const char *text, size_t len, gk_tok__ids *out,
                              gk_error *err) {
    const gk_spm__model *m = prefix || !s->unled ? s->model : s->unled;
    char why[GK_SPM__WHY] = "";
    gk_spm__token *raw = NULL;
    size_t n = 0;
    if (s->facts.longest > 3 && len > 3 * GK_SPM__TEXT_MAX / s->facts.longest)
        return gk_fail(err, GK_NOWHERE, "encode it in parts",
                       "%zu bytes without an added token, which may become too many when they are rewritten",
                       len);
    if (!gk_spm__encode(m, text, len, &raw, &n, why))
        return gk_fail(err, GK_NOWHERE, NULL, "sentencepiece cannot encode the text: %s", why);
    for (size_t i = 0; i < n; i++) gk_tok__ids_add(out, raw[i].id, raw[i].end);
    gk_spm__release(raw);
    return true;
}

/* `lead` is that of the stretch: behind a token that is found where spaces are marks, LEAD_EACH is
 * LEAD_MARKED. */
static bool leads(spm_lead lead, const char *text, size_t len, size_t at) {
    if (at == 0 || lead == LEAD_EACH) return lead != LEAD_NEVER;
    return lead == LEAD_MARKED && text[0] != ' ' &&
           (len < strlen(MARK) || memcmp(text, MARK, strlen(MARK)) != 0);
}

/* The stretch of `whole` from `at` on, in which there is no added token. */
static bool encode_stretch(const spm *s, spm_lead lead, const char *whole, size_t at, size_t len,
                           gk_tok__ids *out, gk_error *err) {
    const char *text = whole + at;
    bool prefix = leads(lead, text, len, at);
    size_t before = out->n;
    if (s->bpe)
        gk_spm__bpe_encode(s->bpe, prefix, text, len, out);
    else if (!encode_by_library(s, prefix, text, len, out, err))
        return false;
    for (size_t i = before; i < out->n; i++) out->end[i] += (uint32_t)at;
    return true;
}

static bool encode_parts(const spm *s, const char *whole, size_t at, size_t len, bool raw, gk_arena *tmp,
                         gk_tok__ids *out, gk_error *err) {
    gk_tok__stretches parts =
        gk_tok__finder_split(raw ? s->raw : s->normalized, s->split_special, whole + at, len, tmp);
    bool ok = true;
    for (size_t i = 0; i < parts.n && ok; i++) {
        const gk_tok__stretch *p = &parts.item[i];
        spm_lead lead = !raw && i > 0 && s->lead == LEAD_EACH ? LEAD_MARKED : s->lead;
        if (p->token)
            gk_tok__ids_add(out, p->token->id, (uint32_t)(at + p->end));
        else if (raw && s->normalized)
            ok = encode_parts(s, whole, at + p->begin, p->end - p->begin, false, tmp, out, err);
        else
            ok = encode_stretch(s, lead, whole, at + p->begin, p->end - p->begin, out, err);
    }
    return ok;
}

static bool spm_encode(const void *model, const char *text, size_t len, int bos, gk_arena *a, gk_tokens *out,
                       gk_error *err) {
    const spm *s = model;
    gk_tok__ids ids = {0};
    gk_arena *tmp = gk_arena_new();
    bool ok = s->n_added ? encode_parts(s, text, 0, len, true, tmp, &ids, err)
                         : encode_stretch(s, s->lead, text, 0, len, &ids, err);
    gk_arena_free(tmp);
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
    gk_tok__ids_free(&ids);
    return ok;
}

static const gk_tok__added_token *added_of(const spm *s, int32_t id) {
    for (size_t i = 0; s->name && s->name[id] && i < s->n_added; i++)
        if (s->added[i].id == id) return &s->added[i];
    return NULL;
}

/* Ids among which there are added ones, as the reference decodes them: piece by piece. */
static char *decode_added(const spm *s, const int32_t *id, size_t n, gk_arena *a, gk_error *err) {
    static const gk_tok__pattern mark = {.literal = MARK, .literal_len = sizeof MARK - 1};
    gk_tok__decs d = {.item = {{.kind = GK_TOK__DEC_REPLACE, .pattern = mark, .content = " "},
                               {.kind = GK_TOK__DEC_BYTE_FALLBACK},
                               {.kind = GK_TOK__DEC_FUSE},
                               {.kind = GK_TOK__DEC_STRIP, .content = " ", .start = 1}},
                      .n = s->lead == LEAD_NEVER ? 3 : 4,
                      .any = true};
    gk_tok__work w = {.a = gk_arena_new(), .matcher = gk_tok__matcher_new(), .err = err};
    gk_tok__pieces p = {.item = gk_arena_alloc(w.a, (n + 1) * sizeof *p.item)};
    for (size_t i = 0; i < n; i++) {
        const gk_tok__added_token *t = added_of(s, id[i]);
        /* The reference knows a special token by its name, which is not what it is looked for as here. */
        bool renamed = t && t->marked && strchr(t->content, ' ');
        bool silent = t ? t->special && !renamed
                        : id[i] < gk_spm__size(s->model) && gk_spm__is_control(s->model, id[i]);
        const char *text = spm_piece(s, id[i]);
        if (!silent) p.item[p.n++] = (struct gk_tok__piece){text, strlen(text)};
    }
    char *text = gk_tok__decode_pieces(&d, &w, p, a);
    gk_tok__matcher_free(w.matcher);
    gk_arena_free(w.a);
    return text;
}

static char *spm_decode(const void *model, const int32_t *id, size_t n, gk_arena *a, gk_error *err) {
    const spm *s = model;
    char why[GK_SPM__WHY] = "";
    char *text = NULL;
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        if (added_of(s, id[i])) return decode_added(s, id, n, a, err);
    if (!gk_spm__decode(s->lead == LEAD_NEVER && s->unled ? s->unled : s->model, id, n, &text, &len, why)) {
        gk_fail(err, GK_NOWHERE, NULL, "sentencepiece cannot decode the ids: %s", why);
        return NULL;
    }
    char *copy = gk_arena_strndup(a, text, len);
    gk_spm__release(text);
    return copy;
}

/* What stands beside a model is described only where it matters, so that a model that was read by itself is
 * the same as in a folder. */
static void describe_added(const spm *s, gk_buf *out) {
    bool first = s->lead != LEAD_NEVER;
    if (s->n_added == 0 && first == s->facts.dummy_prefix) return;
    gk_buf_printf(out, "added %d %d ", s->n_added ? (int)s->lead : first, s->split_special);
    for (size_t i = 0; i < s->n_added; i++) gk_tok__describe_added(out, &s->added[i]);
}

static void spm_describe(const void *model, gk_buf *out) {
    const spm *s = model;
    const gk_spm__facts *f = &s->facts;
    gk_buf_printf(out, "spm %d %d %d %d %d %d ", gk_spm__unk(s->model), f->dummy_prefix, f->squeeze,
                  f->escape, f->byte_fallback, f->user_defined);
    for (int i = 0; i < gk_spm__size(s->model); i++) {
        const char *piece = gk_spm__piece(s->model, i);
        gk_tok__describe_text(out, piece, strlen(piece));
        gk_buf_printf(out, "%a %d %d %d ", (double)gk_spm__score(s->model, i), s->byte[i],
                      gk_spm__is_unused(s->model, i), gk_spm__is_reserved(s->model, i));
    }
    if (f->unigram) gk_buf_puts(out, "unigram ");
    if (f->charsmap) gk_tok__describe_text(out, f->charsmap, f->charsmap_len);
    describe_added(s, out);
}

static const gk_tok__kind spm_kind = {spm_free,   spm_size,   spm_piece,   spm_find,
                                      spm_encode, spm_decode, spm_describe};

/* ---------------------------------------------------------------- loading */

/* The pieces by name, and the control pieces among them, which the reference finds in a text. */
static json_t *pieces_of(const spm *s, json_t *control) {
    json_t *all = json_object();
    for (int i = 0; i < gk_spm__size(s->model); i++) {
        const char *piece = gk_spm__piece(s->model, i);
        json_object_set_new(all, piece, json_integer(i));
        if (gk_spm__is_control(s->model, i))
            json_array_append_new(
                control, json_pack("{s:s, s:b, s:b}", "content", piece, "normalized", 0, "special", 1));
    }
    return all;
}

/* Whether an id decodes to nothing, added token or not. */
static bool is_silent(const spm *s, int id) {
    return id < gk_spm__size(s->model) && gk_spm__is_reserved(s->model, id) && s->byte[id] < 0;
}

/* Whether there is nothing to an added token but what the model does by itself. */
static bool is_idle(const spm *s, const gk_tok__added_token *t) {
    return s->split_special && t->special && is_silent(s, t->id);
}

static bool take_added(spm *s, const json_t *list, gk_place at, gk_error *err) {
    size_t n = json_array_size(list), idle = 0;
    int most = gk_spm__size(s->model);
    s->added = gk_arena_alloc(s->a, (n + 1) * sizeof *s->added);
    for (size_t i = 0; i < n; i++) {
        gk_tok__added_token *t = &s->added[i];
        if (!gk_tok__read_one_added(s->a, json_array_get(list, i), t, at, err)) return false;
        if (t->id >= most) most = t->id + 1;
        idle += is_idle(s, t);
    }
    if (idle == n) return true;
    s->n_added = n;
    s->size = most;
    s->name = gk_arena_alloc(s->a, (size_t)most * sizeof *s->name);
    for (size_t i = 0; i < n; i++) {
        gk_tok__added_token *t = &s->added[i];
        gk_tok__finder **f = t->normalized ? &s->normalized : &s->raw;
        s->name[t->id] = t->content;
        if (!*f) *f = gk_tok__finder_new(s->a);
        gk_tok__finder_add(*f, t->content, t->len, t);
    }
    return true;
}

/* Whether a space goes before a text: as the classes of transformers have it, but that a text of which the
 * first character is a space gets one too, as the model was trained (docs/tokenizers.md). */
static spm_lead choose_lead(const spm *s, const gk_tok__config *b) {
    if (b->class.metaspace)
        return b->prefix_space == GK_TOK__NO ? LEAD_NEVER
               : b->legacy == GK_TOK__YES    ? LEAD_MARKED
                                             : LEAD_FIRST;
    if (!s->facts.dummy_prefix) return LEAD_NEVER;
    return b->legacy == GK_TOK__NO ? LEAD_FIRST : LEAD_EACH;
}

/* The library's way without a space before a text, where it is called for and the table does not stand for
 * it. */
static bool open_unled(spm *s, const char *bytes, size_t len, const char *name, gk_error *err) {
    char why[GK_SPM__WHY] = "";
    bool called_for = s->lead == LEAD_NEVER ? s->facts.dummy_prefix : s->n_added && s->lead != LEAD_EACH;
    if (!called_for) return true;
    s->unled = gk_spm__open(bytes, len, false, why);
    return s->unled || gk_fail(err, GK_AT_FILE(name), NULL, "not a usable model: %s", why);
}

/* A piece that added_tokens_decoder calls otherwise: a placeholder, whose name no text gives. */
static bool rename_piece(const spm *s, const gk_tok__listed *one, json_t *pieces, gk_place at,
                         gk_error *err) {
    const char *old = gk_spm__piece(s->model, (int)one->id);
    if (strcmp(old, one->name) == 0) return true;
    if (!gk_spm__is_control(s->model, (int)one->id) && !gk_spm__is_unused(s->model, (int)one->id))
        return gk_fail(err, at, "the piece's own name, or an id of none",
                       "the token \"%.60s\" takes the place of the piece \"%.60s\" (%d), which is not built",
                       one->name, old, (int)one->id);
    json_object_del(pieces, old);
    json_object_set_new(pieces, one->name, json_integer(one->id));
    return true;
}

/* As the class that takes a file's steps as they are does it. */
static bool rename_pieces(const spm *s, const gk_tok__config *b, json_t *pieces, gk_place at, gk_error *err) {
    size_t n;
    gk_tok__listed *all = gk_tok__config_listed(b, &n);
    for (size_t i = 0; i < n; i++) {
        bool kept = json_object_get(pieces, all[i].name) != NULL;
        if (all[i].id < gk_spm__size(s->model) && !kept && !rename_piece(s, &all[i], pieces, at, err))
            return false;
    }
    return true;
}

/* Where that class finds tokens: those that are listed with ids in the text as it is, and those with a role,
 * if a file says so of them, where spaces are marks. */
static void find_raw(const spm *s, const gk_tok__config *b, json_t *list) {
    size_t n, k;
    json_t *one;
    gk_tok__listed *all = gk_tok__config_listed(b, &n);
    for (size_t i = 0; s->facts.dummy_prefix && i < n; i++)
        json_array_foreach(
            list, k, one) if (strcmp(json_string_value(json_object_get(one, "content")), all[i].name) == 0)
            json_object_set_new(one, "normalized", json_false());
}

/* A class that takes nothing for granted takes what the model has. */
static void name_by_model(const spm *s, gk_tok__class *class) {
    const int id[] = {[GK_TOK__BOS] = gk_spm__bos(s->model),
                      [GK_TOK__EOS] = gk_spm__eos(s->model),
                      [GK_TOK__UNK] = gk_spm__unk(s->model)};
    for (size_t i = 0; i < sizeof id / sizeof *id; i++)
        if (id[i] >= 0) class->token[i] = gk_spm__piece(s->model, id[i]);
}

static bool load_beside(gk_tok *t, gk_tok__config *b, gk_error *err) {
    spm *s = t->model;
    gk_place at = GK_AT_FIELD(gk_path_join(b->a, b->dir, CONFIG_NAME), NULL);
    if (b->add_eos == GK_TOK__YES) {
        at.field = "add_eos_token";
        return gk_fail(err, at,
                       "false: a prompt that ends in EOS has been answered, and training puts EOS itself",
                       "puts EOS after every text, which is not built");
    }
    json_t *control = json_array(), *pieces = pieces_of(s, control);
    json_t *list = NULL;
    s->split_special = b->split_special;
    if (b->class.generic) name_by_model(s, &b->class);
    bool ok = (!b->class.generic || rename_pieces(s, b, pieces, at, err)) &&
              (list = gk_tok__config_tokens(b, NULL, pieces, control, err));
    if (ok && b->class.generic) find_raw(s, b, list);
    ok = ok && take_added(s, list, at, err);
    for (size_t i = 0; ok && b->class.generic && i < s->n_added; i++)
        s->added[i].marked = s->added[i].normalized;
    json_decref(list);
    json_decref(pieces);
    json_decref(control);
    if (!ok) return false;
    s->lead = choose_lead(s, b);
    gk_tok__config_ends(b, t);
    t->add_bos = b->add_bos != GK_TOK__NO;
    return true;
}

/* A model by itself, or in a folder that says nothing of it, is the library's. */
static bool load_settings(gk_tok *t, const char *dir, gk_error *err) {
    gk_tok__config b;
    bool ok = gk_tok__config_read(t, dir, NULL, &b, err);
    if (ok && gk_tok__config_says(&b)) ok = load_beside(t, &b, err);
    gk_tok__config_free(&b);
    return ok;
}

static bool open_model(spm *s, const char *bytes, size_t len, const char *name, gk_error *err) {
    char why[GK_SPM__WHY] = "";
    if (!gk_spm__check(bytes, len, name, &s->facts, err)) return false;
    s->model = gk_spm__open(bytes, len, s->facts.dummy_prefix, why);
    if (!s->model)
        return gk_fail(err, GK_AT_FILE(name), "a tokenizer.model as sentencepiece wrote it",
                       "not a usable model: %s", why);
    s->size = gk_spm__size(s->model);
    s->byte = gk_alloc((size_t)s->size * sizeof *s->byte);
    for (int i = 0; i < s->size; i++) s->byte[i] = (int16_t)gk_spm__byte(s->model, i);
    s->bpe = gk_spm__bpe_new(s->model, &s->facts);
    s->lead = s->facts.dummy_prefix ? LEAD_EACH : LEAD_NEVER;
    return true;
}

static bool load_bare(gk_tok *t, const char *bytes, size_t len, const char *name, gk_error *err) {
    spm *s = gk_alloc(sizeof *s);
    t->kind = &spm_kind;
    t->model = s;
    s->a = gk_arena_new();
    if (!open_model(s, bytes, len, name, err)) return false;
    t->bos = gk_spm__bos(s->model);
    t->eos = gk_spm__eos(s->model);
    t->add_bos = true;
    return true;
}

bool gk_tok__load_spm(gk_tok *t, const char *bytes, size_t len, const char *name, const char *dir,
                      gk_error *err) {
    return load_bare(t, bytes, len, name, err) && (!dir || load_settings(t, dir, err)) &&
           open_unled(t->model, bytes, len, name, err);
}

bool gk_tok__load_spm_special(gk_tok *t, const char *bytes, size_t len, const char *name, gk_error *err) {
    if (!load_bare(t, bytes, len, name, err)) return false;
    spm *s = t->model;
    json_t *list = json_array(), *pieces = pieces_of(s, list), *one;
    size_t i;
    if (gk_spm__unk(s->model) >= 0)
        json_array_append_new(list, json_pack("{s:s, s:b, s:b}", "content",
                                              gk_spm__piece(s->model, gk_spm__unk(s->model)), "normalized", 0,
                                              "special", 1));
    json_array_foreach(list, i, one) json_object_set(
        one, "id", json_object_get(pieces, json_string_value(json_object_get(one, "content"))));
    bool ok = take_added(s, list, GK_AT_FILE(name), err);
    if (s->n_added && s->lead == LEAD_EACH) s->lead = LEAD_FIRST;
    json_decref(pieces);
    json_decref(list);
    return ok && open_unled(s, bytes, len, name, err);
}

bool gk_spm__by_library(gk_tok *t) {
    spm *s = t->kind == &spm_kind ? t->model : NULL;
    bool had = s && s->bpe;
    if (!had) return false;
    gk_spm__bpe_free(s->bpe);
    s->bpe = NULL;
    return true;
}

/* ---------------------------------------------------------------- saving */

static void set_token(json_t *config, const char *key, const gk_spm__model *m, int id) {
    json_object_set_new(config, key, id < 0 ? json_null() : json_string(gk_spm__piece(m, id)));
}

/* The configuration with which transformers' LlamaTokenizer gives the ids that gk_tok_encode gives. */
json_t *gk_spm__config(const gk_tok *t) {
    const spm *s = t->model;
    json_t *config = json_object();
    json_object_set_new(config, "tokenizer_class", json_string("LlamaTokenizer"));
    json_object_set_new(config, "add_bos_token", json_boolean(t->add_bos && gk_tok_bos(t) >= 0));
    json_object_set_new(config, "add_eos_token", json_false());
    json_object_set_new(config, "add_prefix_space", json_boolean(s->facts.dummy_prefix));
    set_token(config, "bos_token", s->model, gk_tok_bos(t));
    set_token(config, "eos_token", s->model, gk_tok_eos(t));
    set_token(config, "unk_token", s->model, gk_spm__unk(s->model));
    json_object_set_new(config, "pad_token", json_null());
    json_object_set_new(config, "clean_up_tokenization_spaces", json_false());
    json_object_set_new(config, "legacy", json_false());
    json_object_set_new(config, "split_special_tokens", json_boolean(s->n_added == 0));
    return config;
}
