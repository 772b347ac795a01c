/* normalize.c: what is done to a text before it is cut: Unicode normal forms and graphemes (libutf8proc),
 * replacements. */
#include "tokenizer/internal.h"

#include <string.h>
#include <utf8proc.h>

/* ---------------------------------------------------------------- Unicode forms */

static bool between(uint32_t c, uint32_t lo, uint32_t hi) {
    return c >= lo && c <= hi;
}

/* Characters that libutf8proc may not know yet. */
static const struct {
    char category[3];
    uint32_t begin, end;
} ADDITIONS[] = {
#include "tokenizer/unicode/unicode_additions.h"
};
enum { N_ADDITIONS = sizeof ADDITIONS / sizeof *ADDITIONS };

/* The reference's normal forms are those of Unicode 9: it leaves alone what was added since, and so must we.
 */
static bool is_newer(uint32_t c) {
    static const struct {
        uint32_t begin, end;
    } INERT[] = {
#include "tokenizer/unicode/unicode_inert.h"
    };
    for (size_t i = 0; i < sizeof INERT / sizeof *INERT; i++)
        if (between(c, INERT[i].begin, INERT[i].end)) return true;
    for (size_t i = 0; i < N_ADDITIONS; i++)
        if (between(c, ADDITIONS[i].begin, ADDITIONS[i].end)) return true;
    return false;
}

/* Whether nothing before this character can change by what follows and nothing after it by what goes before:
 * normal forms can be made of the stretches between such characters, one by one. Marks and the vowels and
 * finals of Hangul join what they follow; some compatibility characters are made of those. */
static bool stands_alone(uint32_t c) {
    if (c < 0x300) return true;
    if (c == 0x11A7) return true; /* stands before the finals of Hangul; utf8proc takes it for one */
    if (between(c, 0x1100, 0x11FF) || between(c, 0xA960, 0xA97F) || between(c, 0xD7B0, 0xD7FF) ||
        between(c, 0x3130, 0x318F) || between(c, 0xFF9E, 0xFFDC))
        return false;
    const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)c);
    bool mark = p->category == UTF8PROC_CATEGORY_MN || p->category == UTF8PROC_CATEGORY_MC ||
                p->category == UTF8PROC_CATEGORY_ME;
    return (p->combining_class == 0 && !mark) || is_newer(c);
}

/* Whether a character by itself is in every normal form already. */
static bool unchanged(uint32_t c) {
    if (c < 0xA0) return true;
    if (between(c, 0xAC00, 0xD7A3)) return false;
    const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)c);
    return (p->decomp_seqindex == UINT16_MAX && p->combining_class == 0) || is_newer(c);
}

typedef struct chars {
    utf8proc_int32_t *item, *sorted;
    size_t n, cap;
    gk_arena *a;
    gk_buf text;
} chars;

#define DECOMPOSED_MAX 32 /* U+FDFA has 18 */

static void decompose(chars *c, uint32_t ch, int form) {
    if (c->n + DECOMPOSED_MAX > c->cap) {
        size_t cap = 2 * c->cap + 8 * DECOMPOSED_MAX;
        utf8proc_int32_t *item = gk_arena_alloc(c->a, cap * sizeof *item);
        if (c->n) memcpy(item, c->item, c->n * sizeof *item);
        c->item = item;
        c->sorted = gk_arena_alloc(c->a, cap * sizeof *item);
        c->cap = cap;
    }
    if (is_newer(ch)) {
        c->item[c->n++] = (utf8proc_int32_t)ch;
        return;
    }
    int boundary = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char(
        (utf8proc_int32_t)ch, c->item + c->n, DECOMPOSED_MAX,
        (utf8proc_option_t)((form & UTF8PROC_COMPAT) | UTF8PROC_DECOMPOSE | UTF8PROC_STABLE), &boundary);
    if (n < 0 || n > DECOMPOSED_MAX) { /* no character of Unicode 15 does this */
        c->item[c->n] = (utf8proc_int32_t)ch;
        n = 1;
    }
    c->n += (size_t)n;
}

static unsigned class_of(utf8proc_int32_t c) {
    unsigned class = (unsigned)utf8proc_get_property(c)->combining_class & 0xFFU;
    return class != 0 && is_newer((uint32_t)c) ? 0 : class;
}

/* Sorts marks by class, equal ones in their order. */
static void sort_marks(utf8proc_int32_t *mark, utf8proc_int32_t *room, size_t n) {
    size_t at[257] = {0};
    for (size_t i = 0; i < n; i++) at[class_of(mark[i]) + 1]++;
    for (size_t k = 1; k < 257; k++) at[k] += at[k - 1];
    for (size_t i = 0; i < n; i++) room[at[class_of(mark[i])]++] = mark[i];
    memcpy(mark, room, n * sizeof *mark);
}

static void reorder(chars *c) {
    for (size_t i = 0, end; i < c->n; i = end + 1) {
        for (end = i; end < c->n && class_of(c->item[end]) != 0;) end++;
        if (end - i > 1) sort_marks(c->item + i, c->sorted, end - i);
    }
}

/* The stretch [begin, end), which stands alone. */
static bool write_normal(const gk_tok__view *in, size_t begin, size_t end, int form, chars *c,
                         gk_tok__writer *w, gk_error *err) {
    c->n = 0;
    for (size_t i = begin; i < end; i += gk_tok__utf8_len(in->text[i]))
        decompose(c, gk_tok__utf8_char(in->text + i), form);
    reorder(c);
    utf8proc_ssize_t n = (utf8proc_ssize_t)c->n;
    if (form & UTF8PROC_COMPOSE) n = utf8proc_normalize_utf32(c->item, n, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    c->text.len = 0;
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        utf8proc_uint8_t bytes[4];
        gk_buf_add(&c->text, (const char *)bytes, (size_t)utf8proc_encode_char(c->item[i], bytes));
    }
    if (c->text.len == end - begin && memcmp(c->text.data, in->text + begin, end - begin) == 0)
        return gk_tok__write_same(w, in, begin, end, err);
    return gk_tok__write(w, in, begin, end, c->text.data, c->text.len, err);
}

/* The end of the stretch that begins at i. *plain: it is of characters that no form changes. */
static size_t stretch(const gk_tok__view *in, size_t i, bool *plain) {
    uint32_t c = gk_tok__utf8_char(in->text + i);
    *plain = unchanged(c);
    bool alone = *plain;
    size_t end = i + gk_tok__utf8_len(in->text[i]), last = i;
    while (end < in->len) {
        c = gk_tok__utf8_char(in->text + end);
        bool starts = stands_alone(c);
        if (starts && !(alone && unchanged(c))) return end;
        if (!starts) {
            /* The character before goes with what follows it. */
            if (alone && last > i) return last;
            alone = *plain = false;
        }
        last = end;
        end += gk_tok__utf8_len(in->text[end]);
    }
    return end;
}

static bool unicode_form(const gk_tok__norm *norm, const gk_tok__work *w, const gk_tok__view *in,
                         gk_tok__view *out) {
    *out = *in;
    bool plain = true;
    size_t end = in->len ? stretch(in, 0, &plain) : 0;
    if (plain && end == in->len) return true;
    gk_tok__writer writer = gk_tok__writer_new(w->a, in);
    chars c = {.a = w->a};
    bool ok = true;
    for (size_t i = 0; i < in->len && ok; i = end) {
        end = stretch(in, i, &plain);
        ok = plain ? gk_tok__write_same(&writer, in, i, end, w->err)
                   : write_normal(in, i, end, norm->form, &c, &writer, w->err);
    }
    gk_buf_free(&c.text);
    if (ok) *out = gk_tok__written(&writer, in);
    return ok;
}

/* ---------------------------------------------------------------- the others */

static bool replace(const gk_tok__norm *norm, const gk_tok__work *w, const gk_tok__view *in,
                    gk_tok__view *out) {
    gk_tok__match s = {.pattern = &norm->pattern, .matcher = w->matcher, .text = in->text, .len = in->len};
    gk_tok__writer writer = {0};
    size_t done = 0;
    int more;
    *out = *in;
    while ((more = gk_tok__match_next(&s, w->err)) > 0) {
        if (!writer.a) writer = gk_tok__writer_new(w->a, in);
        if (!gk_tok__write_same(&writer, in, done, s.begin, w->err) ||
            !gk_tok__write(&writer, in, s.begin, s.end, norm->content, norm->content_len, w->err))
            return false;
        done = s.end;
    }
    if (more < 0) return false;
    if (!writer.a) return true;
    if (!gk_tok__write_same(&writer, in, done, in->len, w->err)) return false;
    *out = gk_tok__written(&writer, in);
    return true;
}

static bool prepend(const gk_tok__norm *norm, const gk_tok__work *w, const gk_tok__view *in,
                    gk_tok__view *out) {
    gk_tok__writer writer = gk_tok__writer_new(w->a, in);
    if (!gk_tok__write(&writer, in, 0, 0, norm->content, norm->content_len, w->err) ||
        !gk_tok__write_same(&writer, in, 0, in->len, w->err))
        return false;
    *out = gk_tok__written(&writer, in);
    return true;
}

/* Of letters that libutf8proc may not know yet: Unicode 16 and 17, as the reference's language has them. */
static uint32_t lower(uint32_t c) {
    static const struct {
        uint32_t begin, end, to;
    } NEW[] = {{0x1C89, 0x1C89, 0x1C8A},   {0xA7CB, 0xA7CB, 0x264},  {0xA7CC, 0xA7CC, 0xA7CD},
               {0xA7CE, 0xA7CE, 0xA7CF},   {0xA7D2, 0xA7D2, 0xA7D3}, {0xA7D4, 0xA7D4, 0xA7D5},
               {0xA7DA, 0xA7DA, 0xA7DB},   {0xA7DC, 0xA7DC, 0x19B},  {0x10D50, 0x10D65, 0x10D70},
               {0x16EA0, 0x16EB8, 0x16EBB}};
    if (c == 0x130) return 'i'; /* whose lower case is two characters */
    for (size_t i = 0; c > 0x1C88 && i < sizeof NEW / sizeof *NEW; i++)
        if (between(c, NEW[i].begin, NEW[i].end)) return NEW[i].to + (c - NEW[i].begin);
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
}

static bool lowercase(const gk_tok__norm *norm, const gk_tok__work *w, const gk_tok__view *in,
                      gk_tok__view *out) {
    (void)norm;
    gk_tok__writer writer = gk_tok__writer_new(w->a, in);
    for (size_t i = 0; i < in->len;) {
        size_t n = gk_tok__utf8_len(in->text[i]);
        uint32_t c = gk_tok__utf8_char(in->text + i);
        utf8proc_uint8_t bytes[8];
        size_t len = (size_t)utf8proc_encode_char((utf8proc_int32_t)lower(c), bytes);
        if (c == 0x130) len += (size_t)utf8proc_encode_char(0x307, bytes + len);
        if (!gk_tok__write(&writer, in, i, i + n, (const char *)bytes, len, w->err)) return false;
        i += n;
    }
    *out = gk_tok__written(&writer, in);
    return true;
}

/* A character for libutf8proc, which may not know a mark: another stands for it. Those of Unicode 17 are
 * here. */
static utf8proc_int32_t known_mark(uint32_t c) {
    if (between(c, 0x1ACF, 0x1ADD) || between(c, 0x1AE0, 0x1AEB)) return 0x300;
    for (size_t i = 0; i < N_ADDITIONS; i++)
        if (between(c, ADDITIONS[i].begin, ADDITIONS[i].end) && ADDITIONS[i].category[0] == 'M') return 0x300;
    return (utf8proc_int32_t)c;
}

/* The end of the grapheme that begins at i. */
static size_t grapheme(const gk_tok__view *in, size_t i) {
    utf8proc_int32_t before = known_mark(gk_tok__utf8_char(in->text + i)), state = 0;
    for (i += gk_tok__utf8_len(in->text[i]); i < in->len; i += gk_tok__utf8_len(in->text[i])) {
        utf8proc_int32_t c = known_mark(gk_tok__utf8_char(in->text + i));
        if (utf8proc_grapheme_break_stateful(before, c, &state)) break;
        before = c;
    }
    return i;
}

#define GRAPHEME_BYTES 6 /* from here on the reference looks at characters alone */

static const char *map_of(const gk_tok__norm *norm, const gk_tok__view *in, size_t begin, size_t end) {
    return gk_tok__charsmap_find(&norm->map, in->text + begin, end - begin);
}

/* As the reference does it: what a short grapheme begins with stands for all of it. */
static bool charsmap(const gk_tok__norm *norm, const gk_tok__work *w, const gk_tok__view *in,
                     gk_tok__view *out) {
    gk_tok__writer writer = gk_tok__writer_new(w->a, in);
    for (size_t i = 0, end; i < in->len; i = end) {
        end = grapheme(in, i);
        const char *to = end - i < GRAPHEME_BYTES ? map_of(norm, in, i, end) : NULL;
        if (to && !gk_tok__write(&writer, in, i, end, to, strlen(to), w->err)) return false;
        for (size_t n; !to && i < end; i += n) {
            n = gk_tok__utf8_len(in->text[i]);
            const char *one = map_of(norm, in, i, i + n);
            if (!(one ? gk_tok__write(&writer, in, i, i + n, one, strlen(one), w->err)
                      : gk_tok__write_same(&writer, in, i, i + n, w->err)))
                return false;
        }
    }
    *out = gk_tok__written(&writer, in);
    return true;
}

static bool strip(const gk_tok__norm *norm, const gk_tok__work *w, const gk_tok__view *in,
                  gk_tok__view *out) {
    size_t begin = 0, end = in->len;
    (void)w;
    while (norm->left && begin < end && gk_tok__is_space(gk_tok__utf8_char(in->text + begin)))
        begin += gk_tok__utf8_len(in->text[begin]);
    while (norm->right && begin < end) {
        size_t last = end;
        do last--;
        while (((unsigned char)in->text[last] & 0xC0) == 0x80);
        if (!gk_tok__is_space(gk_tok__utf8_char(in->text + last))) break;
        end = last;
    }
    *out = gk_tok__view_part(in, begin, end);
    return true;
}

/* What becomes of a character: itself, a space, or nothing (0). */
static uint32_t by_nmt(uint32_t c) {
    if (between(c, 1, 8) || c == 0xB || between(c, 0xE, 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F)
        return 0;
    bool space = c == 9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 || between(c, 0x200B, 0x200F) ||
                 c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
    return space ? ' ' : c;
}

static bool nmt(const gk_tok__norm *norm, const gk_tok__work *w, const gk_tok__view *in, gk_tok__view *out) {
    (void)norm;
    gk_tok__writer writer = gk_tok__writer_new(w->a, in);
    for (size_t i = 0, n; i < in->len; i += n) {
        uint32_t c = gk_tok__utf8_char(in->text + i), to = by_nmt(c);
        n = gk_tok__utf8_len(in->text[i]);
        if (to == 0 && c != 0) continue;
        if (!(to == c ? gk_tok__write_same(&writer, in, i, i + n, w->err)
                      : gk_tok__write(&writer, in, i, i + n, " ", 1, w->err)))
            return false;
    }
    *out = gk_tok__written(&writer, in);
    return true;
}

bool gk_tok__normalize(const gk_tok__norms *norms, const gk_tok__work *w, const gk_tok__view *in,
                       gk_tok__view *out) {
    typedef bool step(const gk_tok__norm *, const gk_tok__work *, const gk_tok__view *, gk_tok__view *);
    static step *const STEP[] = {[GK_TOK__UNICODE] = unicode_form,
                                 [GK_TOK__REPLACE] = replace,
                                 [GK_TOK__PREPEND] = prepend,
                                 [GK_TOK__LOWERCASE] = lowercase,
                                 [GK_TOK__CHARSMAP] = charsmap,
                                 [GK_TOK__STRIP] = strip,
                                 [GK_TOK__NMT] = nmt};
    *out = *in;
    for (size_t i = 0; i < norms->n && out->len > 0; i++) {
        gk_tok__view before = *out;
        if (!STEP[norms->item[i].kind](&norms->item[i], w, &before, out)) return false;
    }
    return true;
}
