/* decode.c: pieces into text, step by step as the file's decoder says. */
#include "graftkit/core/file.h"
#include "tokenizer/internal.h"

#include <string.h>

/* ---------------------------------------------------------------- bytes as characters */

/* Byte-level pieces show a byte as a character that can be seen: printable Latin-1 as itself, the other 68 as
 * U+0100 and on, in order. */
static bool shown_as_itself(int byte) {
    return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD && byte <= 0xFF);
}

uint32_t gk_tok__char_of_byte(int byte) {
    if (shown_as_itself(byte)) return (uint32_t)byte;
    if (byte < '!') return 0x100 + (uint32_t)byte;
    if (byte == 0xAD) return 0x143;
    return 0x100 + 33 + (uint32_t)byte - 0x7F;
}

int gk_tok__byte_of_char(uint32_t c) {
    if (c < 0x100) return shown_as_itself((int)c) ? (int)c : -1;
    if (c < 0x121) return (int)c - 0x100;
    if (c < 0x143) return (int)c - 0x121 + 0x7F;
    return c == 0x143 ? 0xAD : -1;
}

/* ---------------------------------------------------------------- bytes that may be no UTF-8 */

/* How many bytes from s on are one ill-formed part: the longest begin of a sequence, or one byte. */
static size_t bad_part(const char *s, size_t n) {
    unsigned char c = (unsigned char)s[0];
    size_t want = c >= 0xC2 && c < 0xE0 ? 2 : c >= 0xE0 && c < 0xF0 ? 3 : c >= 0xF0 && c < 0xF5 ? 4 : 1;
    size_t have = 1;
    while (have < want && have < n) {
        unsigned char next = (unsigned char)s[have];
        unsigned char lo = 0x80, hi = 0xBF;
        if (have == 1) {
            if (c == 0xE0) lo = 0xA0;
            if (c == 0xF0) lo = 0x90;
            if (c == 0xED) hi = 0x9F;
            if (c == 0xF4) hi = 0x8F;
        }
        if (next < lo || next > hi) break;
        have++;
    }
    return have;
}

#define REPLACEMENT "\xEF\xBF\xBD"

static struct gk_tok__piece kept(const gk_buf *b, gk_arena *a) {
    char *text = gk_arena_alloc(a, b->len + 1);
    if (b->len) memcpy(text, b->data, b->len);
    return (struct gk_tok__piece){text, b->len};
}

/* The bytes with U+FFFD for every ill-formed part. */
static struct gk_tok__piece well_formed(const char *s, size_t n, gk_arena *a) {
    if (n == 0) return (struct gk_tok__piece){"", 0};
    gk_buf b = {0};
    size_t bad = 0;
    while (!gk_utf8_valid(s, n, &bad)) {
        gk_buf_add(&b, s, bad);
        gk_buf_puts(&b, REPLACEMENT);
        bad += bad_part(s + bad, n - bad);
        s += bad;
        n -= bad;
    }
    gk_buf_add(&b, s, n);
    struct gk_tok__piece piece = kept(&b, a);
    gk_buf_free(&b);
    return piece;
}

/* ---------------------------------------------------------------- steps */

typedef bool step(const gk_tok__dec *, const gk_tok__work *, gk_tok__pieces *);

/* A piece with a character that shows no byte (an added token) is its own bytes. */
static bool byte_level(const gk_tok__dec *d, const gk_tok__work *w, gk_tok__pieces *p) {
    (void)d;
    gk_buf all = {0};
    for (size_t i = 0; i < p->n; i++) {
        const char *s = p->item[i].text;
        size_t before = all.len, at = 0;
        while (at < p->item[i].len) {
            int byte = gk_tok__byte_of_char(gk_tok__utf8_char(s + at));
            if (byte < 0) break;
            gk_buf_add(&all, &(char){(char)byte}, 1);
            at += gk_tok__utf8_len(s[at]);
        }
        if (at == p->item[i].len) continue;
        all.len = before;
        gk_buf_add(&all, s, p->item[i].len);
    }
    p->item[0] = well_formed(all.data, all.len, w->a);
    p->n = 1;
    gk_buf_free(&all);
    return true;
}

static bool replace(const gk_tok__dec *d, const gk_tok__work *w, gk_tok__pieces *p) {
    for (size_t i = 0; i < p->n; i++) {
        struct gk_tok__piece *piece = &p->item[i];
        gk_tok__match s = {
            .pattern = &d->pattern, .matcher = w->matcher, .text = piece->text, .len = piece->len};
        gk_buf b = {0};
        size_t done = 0;
        int more;
        while ((more = gk_tok__match_next(&s, w->err)) > 0) {
            gk_buf_add(&b, piece->text + done, s.begin - done);
            gk_buf_puts(&b, d->content);
            done = s.end;
        }
        if (s.any) {
            gk_buf_add(&b, piece->text + done, piece->len - done);
            *piece = kept(&b, w->a);
        }
        gk_buf_free(&b);
        if (more < 0) return false;
    }
    return true;
}

static int hex_value(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static int byte_of_piece(const struct gk_tok__piece *p) {
    if (p->len != 6 || memcmp(p->text, "<0x", 3) != 0 || p->text[5] != '>') return -1;
    int hi = hex_value(p->text[3]), lo = hex_value(p->text[4]);
    return hi < 0 || lo < 0 ? -1 : 16 * hi + lo;
}

/* A run of byte pieces is its text, or U+FFFD for every byte when it is none. */
static bool byte_fallback(const gk_tok__dec *d, const gk_tok__work *w, gk_tok__pieces *p) {
    (void)d;
    size_t n = 0;
    for (size_t i = 0; i < p->n;) {
        gk_buf run = {0};
        for (int byte; i < p->n && (byte = byte_of_piece(&p->item[i])) >= 0; i++)
            gk_buf_add(&run, &(char){(char)byte}, 1);
        if (run.len == 0) {
            p->item[n++] = p->item[i++];
            continue;
        }
        size_t bytes = run.len;
        if (!gk_utf8_valid(run.data, run.len, NULL)) {
            run.len = 0;
            for (size_t k = 0; k < bytes; k++) gk_buf_puts(&run, REPLACEMENT);
        }
        p->item[n++] = kept(&run, w->a);
        gk_buf_free(&run);
    }
    p->n = n;
    return true;
}

static struct gk_tok__piece joined(const gk_tok__pieces *p, const char *between, gk_arena *a) {
    gk_buf b = {0};
    for (size_t i = 0; i < p->n; i++) {
        if (i > 0) gk_buf_puts(&b, between);
        gk_buf_add(&b, p->item[i].text, p->item[i].len);
    }
    struct gk_tok__piece piece = kept(&b, a);
    gk_buf_free(&b);
    return piece;
}

static bool fuse(const gk_tok__dec *d, const gk_tok__work *w, gk_tok__pieces *p) {
    (void)d;
    p->item[0] = joined(p, "", w->a);
    p->n = 1;
    return true;
}

/* At most `start` of the character from the begin of every piece, and `stop` from its end. */
static bool strip(const gk_tok__dec *d, const gk_tok__work *w, gk_tok__pieces *p) {
    (void)w;
    size_t len = strlen(d->content);
    for (size_t i = 0; i < p->n; i++) {
        struct gk_tok__piece *s = &p->item[i];
        for (size_t k = 0; k < d->start && s->len >= len && memcmp(s->text, d->content, len) == 0; k++) {
            s->text += len;
            s->len -= len;
        }
        for (size_t k = 0; k < d->stop && s->len >= len; k++) {
            if (memcmp(s->text + s->len - len, d->content, len) != 0) break;
            s->len -= len;
        }
    }
    return true;
}

static bool metaspace(const gk_tok__dec *d, const gk_tok__work *w, gk_tok__pieces *p) {
    size_t len = strlen(d->content);
    for (size_t i = 0; i < p->n; i++) {
        gk_buf b = {0};
        const char *s = p->item[i].text, *end = s + p->item[i].len;
        while (s < end) {
            const char *mark = memmem(s, (size_t)(end - s), d->content, len);
            gk_buf_add(&b, s, (size_t)((mark ? mark : end) - s));
            if (!mark) break;
            if (i > 0 || !d->drop_first) gk_buf_puts(&b, " ");
            s = mark + len;
        }
        p->item[i] = kept(&b, w->a);
        gk_buf_free(&b);
    }
    return true;
}

/* The suffix is a space, at the end of the text nothing. */
static bool suffix(const gk_tok__dec *d, const gk_tok__work *w, gk_tok__pieces *p) {
    gk_tok__dec one = {.pattern = {.literal = d->content, .literal_len = strlen(d->content)}, .content = " "};
    gk_tok__pieces most = {p->item, p->n - 1}, last = {p->item + p->n - 1, 1};
    if (!replace(&one, w, &most)) return false;
    one.content = "";
    return replace(&one, w, &last);
}

char *gk_tok__decode_pieces(const gk_tok__decs *d, const gk_tok__work *w, gk_tok__pieces p, gk_arena *out) {
    static step *const STEP[] = {[GK_TOK__DEC_BYTE_LEVEL] = byte_level,
                                 [GK_TOK__DEC_REPLACE] = replace,
                                 [GK_TOK__DEC_BYTE_FALLBACK] = byte_fallback,
                                 [GK_TOK__DEC_FUSE] = fuse,
                                 [GK_TOK__DEC_STRIP] = strip,
                                 [GK_TOK__DEC_METASPACE] = metaspace,
                                 [GK_TOK__DEC_SUFFIX] = suffix};
    for (size_t i = 0; i < d->n && p.n > 0; i++)
        if (!STEP[d->item[i].kind](&d->item[i], w, &p)) return NULL;
    struct gk_tok__piece text = joined(&p, d->any ? "" : " ", w->a);
    return gk_arena_strndup(out, text.text, text.len);
}
