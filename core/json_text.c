/* json_text.c: see json_text.h. */
#include "core/json.h"
#include "core/json_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTEGER_DIGITS 19 /* of the largest of 64 bits */

/* A character that no text has, behind which "0" stands for U+0000 and itself for itself. */
#define MARK "\xF4\x8F\xBF\xBF"

typedef struct edit {
    size_t at; /* in the new text, behind what was put there */
    int more;  /* characters */
} edit;

typedef struct rewriter {
    gk_json__text *out;
    const char *end;
    gk_json__kind kind;
} rewriter;

static bool begins(const rewriter *r, const char *s, const char *word) {
    size_t n = strlen(word);
    return (size_t)(r->end - s) >= n && memcmp(s, word, n) == 0;
}

/* Puts `to` in place of `n` characters of one byte. */
static size_t replace(rewriter *r, size_t n, size_t characters, const char *to) {
    gk_buf_puts(&r->out->copy, to);
    edit e = {r->out->copy.len, (int)characters - (int)n};
    gk_buf_add(&r->out->edits, (const char *)&e, sizeof e);
    return n;
}

/* A number that is none, where a value may stand: the bytes it takes, or 0. */
static size_t number_word(rewriter *r, const char *s) {
    static const char *const WORD[] = {"NaN", "Infinity", "-Infinity"};
    static const char *const QUOTED[] = {"\"NaN\"", "\"Infinity\"", "\"-Infinity\""};
    for (int i = 0; i < 3; i++) {
        if (!begins(r, s, WORD[i])) continue;
        size_t n = strlen(WORD[i]);
        const char *behind = s + n;
        while (behind < r->end && *behind && strchr(" \t\r\n", *behind)) behind++;
        if (behind < r->end && *behind == ':') return 0; /* a key, which Python does not take either */
        const char *to = r->kind == GK_JSON__WORDS ? QUOTED[i] : "null";
        return replace(r, n, strlen(to), to);
    }
    return 0;
}

static bool is_escape(const rewriter *r, const char *s, const char *digits) {
    if (!begins(r, s, "\\u") || r->end - s < 6) return false;
    for (int i = 0; i < 4; i++)
        if ((s[2 + i] | ('a' - 'A')) != digits[i] && s[2 + i] != digits[i]) return false;
    return true;
}

/* U+0000 and the mark, inside a string: the bytes they take, or 0. */
static size_t special(rewriter *r, const char *s) {
    if (r->kind == GK_JSON__LINE) return 0;
    if (is_escape(r, s, "0000")) return replace(r, 6, 2, MARK "0");
    if (is_escape(r, s, "dbff") && is_escape(r, s + 6, "dfff")) return replace(r, 12, 2, MARK MARK);
    if (!begins(r, s, MARK)) return 0;
    replace(r, 1, 2, MARK MARK);
    return strlen(MARK);
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* An integer of more digits than the parser's have, which Python's may, becomes a real: the bytes it takes,
 * or 0. In a line it is left to the parser, which refuses it: there it may be meant as text. */
static size_t long_integer(rewriter *r, const char *s) {
    size_t n = *s == '-', left = (size_t)(r->end - s);
    char text[32];
    if (r->kind == GK_JSON__LINE) return 0;
    while (n < left && is_digit(s[n])) n++;
    if (n < INTEGER_DIGITS || (n < left && strchr(".eE", s[n]))) return 0;
    if (n < sizeof text) {
        snprintf(text, sizeof text, "%.*s", (int)n, s);
        errno = 0;
        (void)strtoll(text, NULL, 10);
        if (errno == 0) return 0;
    }
    gk_buf_add(&r->out->copy, s, n);
    replace(r, 0, 2, "e0");
    return n;
}

static bool has_long_integer(const char *text, size_t len) {
    size_t digits = 0;
    for (size_t i = 0; i < len && digits < INTEGER_DIGITS; i++) digits = is_digit(text[i]) ? digits + 1 : 0;
    return digits == INTEGER_DIGITS;
}

static size_t outside(rewriter *r, const char *s, bool number_before) {
    if (!number_before && (*s == '-' || is_digit(*s))) {
        size_t taken = long_integer(r, s);
        if (taken) return taken;
    }
    return number_word(r, s);
}

static void rewrite(rewriter *r, const char *s) {
    bool in_string = false;
    const char *begin = s;
    while (s < r->end) {
        bool in_number = s > begin && s[-1] && (is_digit(s[-1]) || strchr("-+.eE", s[-1]));
        size_t taken = in_string ? special(r, s) : outside(r, s, in_number);
        if (taken) {
            s += taken;
            continue;
        }
        size_t n = in_string && *s == '\\' && s + 1 < r->end ? 2 : 1;
        in_string ^= *s == '"';
        gk_buf_add(&r->out->copy, s, n);
        s += n;
    }
}

gk_json__text gk_json__rewrite(const char *text, size_t len, gk_json__kind kind) {
    static const char *const SUSPECT[] = {"NaN", "Infinity", "\\u0000", MARK, "\\udbff", "\\uDBFF"};
    gk_json__text t = {.text = text, .len = len};
    bool any = kind != GK_JSON__LINE && has_long_integer(text, len);
    for (size_t i = 0; !any && i < sizeof SUSPECT / sizeof *SUSPECT; i++)
        any = memmem(text, len, SUSPECT[i], strlen(SUSPECT[i])) != NULL;
    if (!any) return t;
    rewriter r = {.out = &t, .end = text + len, .kind = kind};
    rewrite(&r, text);
    t.text = t.copy.data ? t.copy.data : "";
    t.len = t.copy.len;
    return t;
}

int gk_json__shift(const gk_json__text *t, size_t at) {
    const edit *e = (const edit *)(const void *)t->edits.data;
    size_t n = t->edits.len / sizeof *e;
    int shift = 0;
    if (at > t->len) at = t->len;
    for (size_t i = 0; i < n && e[i].at <= at; i++)
        if (!memchr(t->text + e[i].at, '\n', at - e[i].at)) shift += e[i].more;
    return shift;
}

void gk_json__text_free(gk_json__text *t) {
    gk_buf_free(&t->copy);
    gk_buf_free(&t->edits);
}

const char *gk_json_plain(gk_arena *a, const char *s, size_t *len) {
    *len = strlen(s);
    if (!strstr(s, MARK)) return s;
    char *out = gk_arena_alloc(a, strlen(s) + 1), *to = out;
    while (*s) {
        if (strncmp(s, MARK "0", strlen(MARK) + 1) == 0) {
            *to++ = '\0';
            s += strlen(MARK) + 1;
        } else if (strncmp(s, MARK MARK, 2 * strlen(MARK)) == 0) {
            memcpy(to, MARK, strlen(MARK));
            to += strlen(MARK);
            s += 2 * strlen(MARK);
        } else {
            *to++ = *s++;
        }
    }
    *len = (size_t)(to - out);
    return out;
}
