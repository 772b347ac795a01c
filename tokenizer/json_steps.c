/* json_steps.c: the normalizer, pre_tokenizer, decoder and post_processor of a tokenizer.json. */
#include "core/json.h"
#include "tokenizer/internal.h"

#include <string.h>
#include <utf8proc.h>

#define DEPTH_MAX 8

/* What is being read, for one step reader after the other. */
typedef struct reader {
    gk_tok__bpe *b;
    const char *what; /* "normalizer" */
    const char *list; /* the member of a Sequence that holds its parts */
    bool (*one)(struct reader *, const json_t *, const char *type);
    gk_place at;
    gk_error *err;
} reader;

static bool read_step(reader *r, const json_t *json, int depth) {
    const char *type = NULL;
    if (!json || json_is_null(json)) return true;
    r->at.field = r->what;
    if (!gk_json_str(json, "type", &type, r->at, r->err)) return false;
    if (strcmp(type, "Sequence") != 0) return r->one(r, json, type);
    const json_t *list = json_object_get(json, r->list);
    if (!json_is_array(list) || depth == DEPTH_MAX)
        return gk_fail(r->err, r->at, "a list of steps, at most 8 deep", "a Sequence without '%s'", r->list);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!read_step(r, json_array_get(list, i), depth + 1)) return false;
    return true;
}

static bool not_built(reader *r, const char *type) {
    return gk_fail(r->err, r->at, NULL, "a %s of type \"%.60s\", which is not built", r->what, type);
}

static bool room(reader *r, size_t n) {
    return n < GK_TOK__STEPS_MAX || gk_fail(r->err, r->at, NULL, "more than %d steps", GK_TOK__STEPS_MAX);
}

/* A member that may be missing. */
static bool flag(reader *r, const json_t *json, const char *key, bool otherwise, bool *out) {
    *out = otherwise;
    return !json_object_get(json, key) || gk_json_bool(json, key, out, r->at, r->err);
}

static bool literal(gk_tok__pattern *p, const char *text, gk_arena *a, gk_place at, gk_error *err) {
    if (!*text) return gk_fail(err, at, "one character or more", "an empty pattern");
    *p = (gk_tok__pattern){.literal = gk_arena_strdup(a, text), .literal_len = strlen(text)};
    return true;
}

static bool read_pattern(reader *r, const json_t *json, gk_tok__pattern *p) {
    const json_t *pattern = json_object_get(json, "pattern");
    char field[64];
    const char *text = "";
    snprintf(field, sizeof field, "%s.pattern", r->what);
    gk_place at = r->at;
    at.field = field;
    if (json_object_get(pattern, "Regex"))
        return gk_json_str(pattern, "Regex", &text, at, r->err) && gk_tok__pattern_regex(p, text, at, r->err);
    return gk_json_str(pattern, "String", &text, at, r->err) && literal(p, text, r->b->a, at, r->err);
}

static bool read_char(reader *r, const json_t *json, const char *key, const char **out) {
    const char *text = NULL;
    if (!gk_json_str(json, key, &text, r->at, r->err)) return false;
    if (!*text || strlen(text) != gk_tok__utf8_len(text[0]))
        return gk_fail(r->err, r->at, "one character", "'%s' is \"%.40s\"", key, text);
    *out = gk_arena_strdup(r->b->a, text);
    return true;
}

/* ---------------------------------------------------------------- normalizer */

static int base64_value(char c) {
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(DIGITS, c) : NULL;
    return at ? (int)(at - DIGITS) : -1;
}

/* NULL: it is no base64. */
static char *from_base64(const char *s, gk_arena *a, size_t *len) {
    size_t n = strlen(s);
    char *out = gk_arena_alloc(a, n / 4 * 3 + 1);
    *len = 0;
    if (n % 4 != 0) return NULL;
    for (size_t i = 0; i < n; i += 4) {
        unsigned word = 0;
        size_t pad = i + 4 == n ? (s[n - 1] == '=') + (size_t)(s[n - 1] == '=' && s[n - 2] == '=') : 0;
        for (size_t k = 0; k < 4; k++) {
            int digit = k < 4 - pad ? base64_value(s[i + k]) : 0;
            if (digit < 0) return NULL;
            word = word << 6 | (unsigned)digit;
        }
        for (size_t k = 0; k < 3 - pad; k++) out[(*len)++] = (char)(word >> (16 - 8 * k) & 0xFF);
    }
    return out;
}

static bool read_charsmap(reader *r, const json_t *json, gk_tok__norm *norm) {
    const char *text = NULL, *why = "it is no base64";
    size_t len = 0;
    norm->kind = GK_TOK__CHARSMAP;
    if (!gk_json_str(json, "precompiled_charsmap", &text, r->at, r->err)) return false;
    const char *bytes = from_base64(text, r->b->a, &len);
    if (bytes) why = gk_tok__charsmap_open(&norm->map, bytes, len);
    return !why || gk_fail(r->err, r->at, "a table as sentencepiece compiles it",
                           "the Precompiled 'precompiled_charsmap' cannot be used: %s", why);
}

static bool one_normalizer(reader *r, const json_t *json, const char *type) {
    static const struct {
        const char *name;
        int form;
    } FORMS[] = {{"NFC", UTF8PROC_COMPOSE},
                 {"NFD", UTF8PROC_DECOMPOSE},
                 {"NFKC", UTF8PROC_COMPOSE | UTF8PROC_COMPAT},
                 {"NFKD", UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT}};
    gk_tok__norms *norms = &r->b->norms;
    if (!room(r, norms->n)) return false;
    gk_tok__norm *norm = &norms->item[norms->n++];
    *norm = (gk_tok__norm){.kind = GK_TOK__UNICODE};
    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++)
        if (strcmp(type, FORMS[i].name) == 0) {
            norm->form = FORMS[i].form;
            return true;
        }
    bool prepends = strcmp(type, "Prepend") == 0, replaces = strcmp(type, "Replace") == 0;
    if (prepends || replaces) {
        const char *content = NULL;
        norm->kind = prepends ? GK_TOK__PREPEND : GK_TOK__REPLACE;
        if (!gk_json_str(json, prepends ? "prepend" : "content", &content, r->at, r->err)) return false;
        norm->content = gk_arena_strdup(r->b->a, content);
        norm->content_len = strlen(content);
        return prepends || read_pattern(r, json, &norm->pattern);
    }
    if (strcmp(type, "Precompiled") == 0) return read_charsmap(r, json, norm);
    if (strcmp(type, "Strip") == 0) {
        norm->kind = GK_TOK__STRIP;
        return flag(r, json, "strip_left", true, &norm->left) &&
               flag(r, json, "strip_right", true, &norm->right);
    }
    norm->kind = strcmp(type, "Nmt") == 0 ? GK_TOK__NMT : GK_TOK__LOWERCASE;
    return norm->kind == GK_TOK__NMT || strcmp(type, "Lowercase") == 0 || not_built(r, type);
}

bool gk_tok__read_normalizer(gk_tok__bpe *b, const json_t *json, gk_place at, gk_error *err) {
    reader r = {
        .b = b, .what = "normalizer", .list = "normalizers", .one = one_normalizer, .at = at, .err = err};
    return read_step(&r, json, 0);
}

/* ---------------------------------------------------------------- pre_tokenizer */

static gk_tok__pre_step *add_step(reader *r, gk_tok__pre_step_kind kind) {
    gk_tok__pre_steps *steps = &r->b->steps;
    if (!room(r, steps->n)) return NULL;
    gk_tok__pre_step *step = &steps->item[steps->n++];
    *step = (gk_tok__pre_step){.kind = kind};
    return step;
}

static bool add_regex(reader *r, const char *pattern, gk_tok__behaviour behaviour, bool invert) {
    gk_tok__pre_step *step = add_step(r, GK_TOK__SPLIT);
    if (!step) return false;
    step->behaviour = behaviour;
    step->invert = invert;
    return gk_tok__pattern_regex(&step->pattern, pattern, r->at, r->err);
}

static bool read_behaviour(reader *r, const json_t *json, gk_tok__behaviour *out) {
    static const char *const NAMES[] = {[GK_TOK__REMOVED] = "Removed",
                                        [GK_TOK__ISOLATED] = "Isolated",
                                        [GK_TOK__CONTIGUOUS] = "Contiguous",
                                        [GK_TOK__MERGED_PREVIOUS] = "MergedWithPrevious",
                                        [GK_TOK__MERGED_NEXT] = "MergedWithNext"};
    const char *name = NULL;
    if (!gk_json_str(json, "behavior", &name, r->at, r->err)) return false;
    for (int i = 0; i <= GK_TOK__MERGED_NEXT; i++)
        if (strcmp(name, NAMES[i]) == 0) {
            *out = (gk_tok__behaviour)i;
            return true;
        }
    return gk_fail(r->err, r->at, "Removed, Isolated, Contiguous, MergedWithPrevious or MergedWithNext",
                   "the behaviour \"%.40s\"", name);
}

/* How the reference cuts where ByteLevel has a pattern of its own: GPT-2's. */
#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

static bool read_byte_level(reader *r, const json_t *json) {
    bool prefix = true, regex = true;
    if (!flag(r, json, "add_prefix_space", true, &prefix) || !flag(r, json, "use_regex", true, &regex))
        return false;
    if (prefix && !add_step(r, GK_TOK__PREFIX_SPACE)) return false;
    r->b->model.bytes = true;
    return !regex || add_regex(r, GPT2, GK_TOK__ISOLATED, false);
}

static bool read_split(reader *r, const json_t *json) {
    gk_tok__pre_step *step = add_step(r, GK_TOK__SPLIT);
    return step && read_pattern(r, json, &step->pattern) && read_behaviour(r, json, &step->behaviour) &&
           flag(r, json, "invert", false, &step->invert);
}

static bool read_scheme(reader *r, const json_t *json, gk_tok__prepend_scheme *out) {
    static const char *const NAMES[] = {
        [GK_TOK__ALWAYS] = "always", [GK_TOK__FIRST] = "first", [GK_TOK__NEVER] = "never"};
    const char *name = "always";
    bool prefix = true;
    if (json_object_get(json, "prepend_scheme")) {
        if (!gk_json_str(json, "prepend_scheme", &name, r->at, r->err)) return false;
    } else if (!flag(r, json, "add_prefix_space", true, &prefix)) {
        return false;
    } else if (!prefix) {
        name = "never";
    }
    for (int i = 0; i <= GK_TOK__NEVER; i++)
        if (strcmp(name, NAMES[i]) == 0) {
            *out = (gk_tok__prepend_scheme)i;
            return true;
        }
    return gk_fail(r->err, r->at, "always, first or never", "the prepend_scheme \"%.40s\"", name);
}

static bool read_metaspace(reader *r, const json_t *json) {
    gk_tok__pre_step *step = add_step(r, GK_TOK__METASPACE);
    const char *mark = "";
    bool split = true;
    if (!step || !read_char(r, json, "replacement", &mark) || !read_scheme(r, json, &step->scheme))
        return false;
    step->mark = mark;
    if (!json_is_null(json_object_get(json, "split")) && !flag(r, json, "split", true, &split)) return false;
    if (!split) return true;
    gk_tok__pre_step *cut = add_step(r, GK_TOK__SPLIT);
    if (!cut) return false;
    cut->behaviour = GK_TOK__MERGED_NEXT;
    return literal(&cut->pattern, mark, r->b->a, r->at, r->err);
}

/* The reference's \w here is that of another library than in Split: Alphabetic, marks, digits, connectors,
 * joiners. */
#define WORD                                                                                      \
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{200c}\\x{200d}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}" \
    "\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}"

static const char PUNCTUATION[] = "(?!["
#include "tokenizer/unicode/unicode_unknown.h"
                                  "])[!-/:-@\\[-`{-~\\p{P}]";

/* The reference's digits are those of its language's library, which is of Unicode 17. */
#define NUMERIC "[\\p{N}\\x{11de0}-\\x{11de9}\\x{16ff4}-\\x{16ff6}]"

static bool one_pre_tokenizer(reader *r, const json_t *json, const char *type) {
    gk_tok__bpe *b = r->b;
    if (b->model.bytes) {
        /* A step after ByteLevel sees the characters that bytes are shown as. */
        if (!add_step(r, GK_TOK__SHOW_BYTES)) return false;
        b->model.bytes = false;
        b->shows_bytes = true;
    }
    if (strcmp(type, "ByteLevel") == 0) {
        if (b->shows_bytes) return gk_fail(r->err, r->at, "ByteLevel once", "ByteLevel after ByteLevel");
        return read_byte_level(r, json);
    }
    if (strcmp(type, "Split") == 0) return read_split(r, json);
    if (strcmp(type, "Metaspace") == 0) return read_metaspace(r, json);
    if (strcmp(type, "Digits") == 0) {
        bool each = false;
        return flag(r, json, "individual_digits", false, &each) &&
               add_regex(r, NUMERIC, each ? GK_TOK__ISOLATED : GK_TOK__CONTIGUOUS, false);
    }
    if (strcmp(type, "Punctuation") == 0) {
        gk_tok__behaviour behaviour = GK_TOK__ISOLATED;
        return (!json_object_get(json, "behavior") || read_behaviour(r, json, &behaviour)) &&
               add_regex(r, PUNCTUATION, behaviour, false);
    }
    if (strcmp(type, "WhitespaceSplit") == 0) return add_regex(r, "\\s", GK_TOK__REMOVED, false);
    if (strcmp(type, "Whitespace") == 0)
        return add_regex(r, "[" WORD "]+|[^\\s" WORD "]+", GK_TOK__REMOVED, true);
    return not_built(r, type);
}

bool gk_tok__read_pre_tokenizer(gk_tok__bpe *b, const json_t *json, gk_place at, gk_error *err) {
    reader r = {.b = b,
                .what = "pre_tokenizer",
                .list = "pretokenizers",
                .one = one_pre_tokenizer,
                .at = at,
                .err = err};
    return read_step(&r, json, 0);
}

/* ---------------------------------------------------------------- decoder */

static bool one_decoder(reader *r, const json_t *json, const char *type) {
    static const char *const NAMES[] = {[GK_TOK__DEC_BYTE_LEVEL] = "ByteLevel",
                                        [GK_TOK__DEC_REPLACE] = "Replace",
                                        [GK_TOK__DEC_BYTE_FALLBACK] = "ByteFallback",
                                        [GK_TOK__DEC_FUSE] = "Fuse",
                                        [GK_TOK__DEC_STRIP] = "Strip",
                                        [GK_TOK__DEC_METASPACE] = "Metaspace",
                                        [GK_TOK__DEC_SUFFIX] = "BPEDecoder"};
    gk_tok__decs *decs = &r->b->decs;
    if (!room(r, decs->n)) return false;
    gk_tok__dec *dec = &decs->item[decs->n++];
    int kind = 0;
    while (kind <= GK_TOK__DEC_SUFFIX && strcmp(type, NAMES[kind]) != 0) kind++;
    if (kind > GK_TOK__DEC_SUFFIX) return not_built(r, type);
    *dec = (gk_tok__dec){.kind = (gk_tok__dec_kind)kind};
    if (kind == GK_TOK__DEC_REPLACE) {
        const char *content = NULL;
        if (!gk_json_str(json, "content", &content, r->at, r->err)) return false;
        dec->content = gk_arena_strdup(r->b->a, content);
        return read_pattern(r, json, &dec->pattern);
    }
    if (kind == GK_TOK__DEC_STRIP) {
        int64_t start = 0, stop = 0;
        bool ok = read_char(r, json, "content", &dec->content) &&
                  gk_json_int(json, "start", 0, 1 << 20, &start, r->at, r->err) &&
                  gk_json_int(json, "stop", 0, 1 << 20, &stop, r->at, r->err);
        dec->start = (size_t)start;
        dec->stop = (size_t)stop;
        return ok;
    }
    if (kind == GK_TOK__DEC_SUFFIX) {
        const char *suffix = NULL;
        if (!gk_json_str(json, "suffix", &suffix, r->at, r->err)) return false;
        if (!*suffix) return gk_fail(r->err, r->at, "one character or more", "an empty 'suffix'");
        dec->content = gk_arena_strdup(r->b->a, suffix);
    }
    if (kind == GK_TOK__DEC_METASPACE) {
        gk_tok__prepend_scheme scheme = GK_TOK__ALWAYS;
        if (!read_char(r, json, "replacement", &dec->content) || !read_scheme(r, json, &scheme)) return false;
        dec->drop_first = scheme != GK_TOK__NEVER;
    }
    return true;
}

bool gk_tok__read_decoder(gk_tok__bpe *b, const json_t *json, gk_place at, gk_error *err) {
    reader r = {.b = b, .what = "decoder", .list = "decoders", .one = one_decoder, .at = at, .err = err};
    b->decs.any = json && !json_is_null(json);
    return read_step(&r, json, 0);
}

/* ---------------------------------------------------------------- post_processor */

/* The ids of a special token of a template, which may be several. */
static bool read_special(const json_t *json, const char *name, gk_tok__lead *lead, gk_place at,
                         gk_error *err) {
    const json_t *ids =
        json_object_get(json_object_get(json_object_get(json, "special_tokens"), name), "ids");
    size_t n = json_array_size(ids);
    bool ok = n > 0 && n <= GK_TOK__STEPS_MAX - lead->n;
    for (size_t i = 0; i < n && ok; i++) {
        const json_t *id = json_array_get(ids, i);
        ok = json_is_integer(id) && json_integer_value(id) >= 0 && json_integer_value(id) <= INT32_MAX;
        if (ok) lead->id[lead->n++] = (int32_t)json_integer_value(id);
    }
    at.field = "post_processor.special_tokens";
    return ok || gk_fail(err, at, "\"ids\" with the id of the token", "nothing usable on \"%.60s\"", name);
}

/* What stands before the text of a template. */
static bool read_template(const json_t *json, gk_tok__lead *lead, gk_place at, gk_error *err) {
    const json_t *single = json_object_get(json, "single");
    bool text = false;
    at.field = "post_processor.single";
    for (size_t i = 0; i < json_array_size(single); i++) {
        const json_t *special = json_object_get(json_array_get(single, i), "SpecialToken");
        const char *name = NULL;
        text = text || !special;
        if (!special) continue;
        if (!gk_json_str(special, "id", &name, at, err)) return false;
        if (text)
            return gk_fail(err, at,
                           "tokens before the text alone: a prompt that ends in EOS has been answered",
                           "puts \"%.60s\" after the text, which is not built", name);
        if (!read_special(json, name, lead, at, err)) return false;
    }
    return true;
}

bool gk_tok__read_post_processor(const json_t *json, gk_tok__lead *lead, gk_place at, gk_error *err) {
    const char *type = NULL;
    if (!json || json_is_null(json)) return true;
    at.field = "post_processor";
    if (!gk_json_str(json, "type", &type, at, err)) return false;
    if (strcmp(type, "ByteLevel") == 0) return true;
    if (strcmp(type, "TemplateProcessing") == 0) {
        gk_tok__lead before = *lead;
        lead->n = 0;
        if (!read_template(json, lead, at, err)) return false;
        /* A later one puts its tokens before those of an earlier one. */
        if (before.n > GK_TOK__STEPS_MAX - lead->n)
            return gk_fail(err, at, NULL, "more than %d tokens before a text", GK_TOK__STEPS_MAX);
        memcpy(lead->id + lead->n, before.id, before.n * sizeof *before.id);
        lead->n += before.n;
        return true;
    }
    if (strcmp(type, "Sequence") != 0)
        return gk_fail(err, at, NULL, "a post_processor of type \"%.60s\", which is not built", type);
    const json_t *list = json_object_get(json, "processors");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (json_object_get(one, "processors"))
            return gk_fail(err, at, NULL, "a Sequence within a Sequence, which is not built");
        if (!gk_tok__read_post_processor(one, lead, at, err)) return false;
    }
    return true;
}
