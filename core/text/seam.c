/* seam.c: what is put between a prompt and the answer behind it. docs/guide.md has the table. */
#include "graftkit/core/template.h"

#include <string.h>
#include <utf8proc.h>

typedef struct range {
    int32_t first, last;
} range;

/* Blocks of scripts that put no blanks between words, with their punctuation. */
static const range UNSPACED[] = {
    {0x0E00, 0x0EFF},   /* Thai, Lao */
    {0x0F00, 0x109F},   /* Tibetan, Myanmar */
    {0x1780, 0x17FF},   /* Khmer */
    {0x1950, 0x19FF},   /* Tai Le, New Tai Lue, Khmer symbols */
    {0x1A20, 0x1AAF},   /* Tai Tham */
    {0x1B00, 0x1B7F},   /* Balinese */
    {0x2E80, 0x312F},   /* Han radicals, CJK punctuation, kana, Bopomofo */
    {0x3190, 0x9FFF},   /* more of them, Han */
    {0xA980, 0xA9FF},   /* Javanese, Myanmar */
    {0xAA60, 0xAADF},   /* Myanmar, Tai Viet */
    {0xF900, 0xFAFF},   /* Han */
    {0xFE30, 0xFE4F},   /* CJK punctuation */
    {0xFF00, 0xFF9F},   /* full-width forms, half-width kana */
    {0x1AFF0, 0x1B16F}, /* kana */
    {0x20000, 0x3FFFF}, /* Han */
};

static bool unspaced(int32_t c) {
    for (size_t i = 0; i < sizeof UNSPACED / sizeof *UNSPACED; i++)
        if (c >= UNSPACED[i].first && c <= UNSPACED[i].last) return true;
    return false;
}

static int category(int32_t c) {
    return c < 0 ? UTF8PROC_CATEGORY_CN : (int)utf8proc_category(c);
}

static bool white(int32_t c) {
    int k = category(c);
    bool separator = k == UTF8PROC_CATEGORY_ZS || k == UTF8PROC_CATEGORY_ZL || k == UTF8PROC_CATEGORY_ZP;
    return separator || k == UTF8PROC_CATEGORY_CC || c == 0x200B || c == 0x2060 || c == 0xFEFF;
}

static bool in_word(int32_t c) {
    int k = category(c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NO);
}

static bool digit(int32_t c) {
    return category(c) == UTF8PROC_CATEGORY_ND;
}

/* Quotation marks that open and close one another in some language; 0: no quotation mark. */
static int quotes(int32_t c) {
    switch (c) {
    case '"':
    case '`':
    case '\'':
        return c;
    case 0x201C: /* the double ones: “…”, „…“, ”…” */
    case 0x201D:
    case 0x201E:
    case 0x201F:
        return 0x201C;
    case 0x2018: /* the single ones */
    case 0x2019:
    case 0x201A:
    case 0x201B:
        return 0x2018;
    case 0x00AB: /* «…», »…« */
    case 0x00BB:
        return 0x00AB;
    case 0x2039:
    case 0x203A:
        return 0x2039;
    default:
        return 0;
    }
}

/* The character at *i, which moves behind it; -1 at the end and where there is none. */
static int32_t next_char(const char *s, size_t len, size_t *i) {
    utf8proc_int32_t c = -1;
    if (*i >= len) return -1;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)s + *i, (utf8proc_ssize_t)(len - *i), &c);
    *i += n > 0 ? (size_t)n : 1;
    return n > 0 ? c : -1;
}

/* The character that ends at *end, which moves before it; -1 at the start and where there is none. */
static int32_t last_char(const char *s, size_t *end) {
    size_t i = *end;
    if (i == 0) return -1;
    do i--;
    while (i > 0 && ((unsigned char)s[i] & 0xC0) == 0x80);
    size_t at = i;
    int32_t c = next_char(s, *end, &at);
    *end = i;
    return c;
}

/* Whether the quotation mark that ends the text opens: what is quoted behind it has not begun. A mark opens
 * where none of its kind is open, and behind a blank (not guillemets, which French closes behind one). A
 * single one is an apostrophe inside a word, and where it would open behind a letter. */
static bool opens(const char *s, size_t len, int kind) {
    bool single = kind == '\'' || kind == 0x2018, angular = kind == 0x00AB || kind == 0x2039, open = false;
    int32_t before = -1;
    for (size_t i = 0; i < len;) {
        int32_t c = next_char(s, len, &i);
        size_t peek = i;
        bool apostrophe = single && in_word(before) && (!open || in_word(next_char(s, len, &peek)));
        if (quotes(c) == kind && !apostrophe) open = !open || (!angular && (before < 0 || white(before)));
        before = c;
    }
    return open;
}

/* Signs that stand before what they belong to. */
static bool leads(int32_t c, int32_t before) {
    if (category(c) == UTF8PROC_CATEGORY_SC) return !digit(before);  /* $5; but 5€ */
    if (c == '#') return !in_word(before);                           /* #5; but C# */
    if (category(c) == UTF8PROC_CATEGORY_PD) return in_word(before); /* ex-; but a dash behind a blank */
    return c == 0xBF || c == 0xA1 || (c > 0 && c < 0x80 && strchr("<@/\\_", (int)c));
}

const char *gk_seam(const char *prompt, size_t len) {
    size_t end = len;
    int32_t c = last_char(prompt, &end);
    while (category(c) == UTF8PROC_CATEGORY_CF && !white(c)) { /* marks of direction and the like */
        len = end;
        c = last_char(prompt, &end);
    }
    if (len == 0) return "";
    int32_t before = last_char(prompt, &end);
    if (quotes(c)) return opens(prompt, len, quotes(c)) || unspaced(before) ? "" : " ";
    bool bracket = category(c) == UTF8PROC_CATEGORY_PS;
    return white(c) || unspaced(c) || bracket || leads(c, before) ? "" : " ";
}
