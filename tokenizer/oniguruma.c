/* oniguruma.c: a regular expression of Oniguruma's (Ruby's syntax), which the reference matches with, as
 * libpcre2 wants it.
 *
 * What means the same to both is passed on; what does not is rewritten: \s (Oniguruma has no U+180E in it),
 * \w and \b (marks are in it), \d, \h, \v, \u, sets like [:punct:] (symbols are in it), names of scripts
 * (PCRE2 takes them for script extensions), (?m), an interval with + or ? behind it (not possessive, not
 * lazy), {,n}, and the characters that are newer than libpcre2's Unicode. The rest is refused: an escape, a
 * group or a property that is not listed here may mean another thing there.
 */
#include "tokenizer/internal.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

/* As they stand within [ ], each with its complement (NULL: none that is exact). */
#define SPACES \
    "\\t-\\r \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
#define NO_SPACES                                                                                       \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}!-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-" \
    "\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}"
/* Alphabetic, marks, digits, letter numbers, connectors; alone Oniguruma has some more in Latin-1. */
#define WORD                                                                               \
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}\\x{1f150}-" \
    "\\x{1f169}\\x{1f170}-\\x{1f189}"
#define WORD_ALONE "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}"
#define HEX "0-9A-Fa-f"
#define NO_HEX "\\x{0}-/:-@G-`g-\\x{10ffff}"

static const struct class {
    char letter;      /* of an escape; 0: none */
    const char *name; /* in [: :] */
    const char *set, *complement;
    const char *newer; /* categories whose newer characters belong to it */
} CLASSES[] = {{'s', "space", SPACES, NO_SPACES, ""},
               {'w', "word", WORD, NULL, "L M Nd Pc"},
               {'h', "xdigit", HEX, NO_HEX, ""},
               {'d', "digit", "\\p{Nd}", NULL, "Nd"},
               {0, "punct", "\\p{P}\\p{S}", NULL, "P S"},
               {0, "blank", "\\t \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{202f}\\x{205f}\\x{3000}", NULL, ""},
               {0, "ascii", "\\x{0}-\\x{7f}", "\\x{80}-\\x{10ffff}", ""},
               {0, "cntrl", "\\p{Cc}", "\\P{Cc}", ""}};
enum { N_CLASSES = sizeof CLASSES / sizeof *CLASSES };

enum { DEEPEST = 64 };
typedef struct translation {
    const char *source, *s; /* the whole, and what is left of it */
    bool in_set, in_inner;  /* the second: in a set within it, whose members are the outer one's too */
    bool caseless;
    char letter; /* the letter just read, 0: another thing; to find the pairs that make one character */
    size_t atom; /* where in `out` begins what a quantifier is of */
    size_t group[DEEPEST]; /* where the groups that are open begin */
    bool outside[DEEPEST]; /* whether case counts not, outside of them */
    int depth;
    gk_buf out;
    const char *why; /* what cannot be translated */
} translation;

/* ---------------------------------------------------------------- classes and properties */

static bool compiles(const char *pattern) {
    int code = 0;
    PCRE2_SIZE place = 0;
    pcre2_code *re =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &code, &place, NULL);
    pcre2_code_free(re);
    return re != NULL;
}

static const struct addition {
    const char *name; /* a category of two letters or a script's name or abbreviation */
    uint32_t begin, end;
} ADDITIONS[] = {
#include "tokenizer/unicode/unicode_additions.h"
#include "tokenizer/unicode/unicode_scripts.h"
};

/* Of "L" those of all its categories. True: there are any. */
static bool put_additions(gk_buf *out, const char *name) {
    bool any = false, one = strlen(name) == 1;
    for (size_t i = 0; i < sizeof ADDITIONS / sizeof *ADDITIONS; i++) {
        const char *of = ADDITIONS[i].name;
        if (one ? strlen(of) != 2 || of[0] != name[0] : strcasecmp(of, name) != 0) continue;
        if (out) gk_buf_printf(out, "\\x{%x}-\\x{%x}", ADDITIONS[i].begin, ADDITIONS[i].end);
        any = true;
    }
    return any;
}

/* \p{L}, \p{Lu} or \p{Han}, with what Unicode has added since. Under (?i) \p{Lu} is upper case all the same,
 * where libpcre2 from 10.45 on takes every letter that has a case. */
static void put_named(translation *t, const char *pcre, const char *name, bool negated) {
    bool cased = t->caseless && (!strcmp(name, "Lu") || !strcmp(name, "Ll") || !strcmp(name, "Lt"));
    if (cased && t->in_set) t->why = "(?i) with \\p{Lu}, \\p{Ll} or \\p{Lt} within a set";
    if (t->in_set && negated) {
        if (put_additions(NULL, name)) t->why = "\\P of a property that has grown, within a set,";
        gk_buf_printf(&t->out, "\\P{%s}", pcre);
        return;
    }
    if (cased) gk_buf_puts(&t->out, "(?-i:");
    if (!t->in_set) gk_buf_puts(&t->out, negated ? "[^" : "[");
    gk_buf_printf(&t->out, "\\p{%s}", pcre);
    put_additions(&t->out, name);
    if (!t->in_set) gk_buf_puts(&t->out, cased ? "])" : "]");
}

static void put_members(gk_buf *out, const struct class *c, bool alone) {
    char name[3];
    gk_buf_puts(out, c->set);
    if (alone && c->letter == 'w') gk_buf_puts(out, WORD_ALONE);
    for (const char *n = c->newer; *n; n += strspn(n, " ")) {
        size_t len = strcspn(n, " ");
        snprintf(name, sizeof name, "%.*s", (int)len, n);
        put_additions(out, name);
        n += len;
    }
}

/* \s, \w, \h, \d, [:punct:] … and their complements. */
static void put_class(translation *t, const struct class *c, bool negated) {
    if (t->in_set && negated) {
        if (!c->complement) t->why = c->letter == 'w' ? "\\W within a set" : "a complement within a set";
        if (c->complement) gk_buf_puts(&t->out, c->complement);
        return;
    }
    if (!t->in_set) gk_buf_puts(&t->out, negated ? "[^" : "[");
    put_members(&t->out, c, !t->in_set);
    if (!t->in_set) gk_buf_puts(&t->out, "]");
}

/* \b and \B, by what \w has. */
static void put_boundary(translation *t, bool negated) {
    gk_buf w = {0};
    put_members(&w, &CLASSES[1], true);
    const char *set = w.data;
    gk_buf_printf(&t->out, "(?:(?<=[%s])(?%c[%s])|(?<![%s])(?%c[%s]))", set, negated ? '=' : '!', set, set,
                  negated ? '!' : '=', set);
    gk_buf_free(&w);
}

/* \p{Name} of a category or a script. t->s is at the backslash. */
static void put_property(translation *t) {
    static const char *const SAME[] = {"Any", "ASCII", "White_Space", "Space"};
    const char *open = t->s + 2, *close = *open == '{' ? strchr(open, '}') : NULL;
    bool negated = close && open[1] == '^';
    char name[48] = "", probe[64];
    if (close && close - open < 42)
        snprintf(name, sizeof name, "%.*s", (int)(close - open - 1 - negated), open + 1 + negated);
    negated ^= t->s[1] == 'P';
    snprintf(probe, sizeof probe, "sc:%s", name);
    size_t len = strlen(name), same = 0;
    while (same < sizeof SAME / sizeof *SAME && strcasecmp(name, SAME[same]) != 0) same++;
    if (len == 1 || len == 2) {
        name[0] = (char)(name[0] & ~0x20);
        name[1] = (char)(name[1] | (len == 2 ? 0x20 : 0));
    }
    char whole[80];
    snprintf(whole, sizeof whole, "\\p{%s}", len > 2 ? probe : name);
    bool plain = name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")] == 0;
    if (!close || !plain ||
        (len <= 2 &&
         (!len || !strchr("LMNPSZC", *name) || strcmp(name, "Cn") == 0 || strcmp(name, "Lc") == 0)) ||
        strcmp(name, "C") == 0 || strcasecmp(name, "Unknown") == 0 || strcasecmp(name, "Zzzz") == 0)
        t->why = "a property other than a category or a script";
    else if (same < sizeof SAME / sizeof *SAME)
        gk_buf_printf(&t->out, "\\%c{%s}", negated ? 'P' : 'p', SAME[same]);
    else if (!compiles(whole))
        t->why = "a property other than a category or a script";
    else
        put_named(t, len > 2 ? probe : name, name, negated);
    t->s = close ? close + 1 : t->s + 2;
}

/* ---------------------------------------------------------------- escapes */

/* \x41, \x{41}, \u0041, \101, of which the short ones are bytes above 7f; or \1. */
static void put_number(translation *t) {
    static const char HEX_DIGITS[] = "0123456789abcdefABCDEF";
    const char *s = t->s + 1;
    size_t n = 0;
    if (*s == 'u') {
        if (strspn(s + 1, HEX_DIGITS) < 4) t->why = "\\u without four digits";
        gk_buf_printf(&t->out, "\\x{%.4s}", s + 1);
        n = strnlen(s, 5);
    } else if (*s == 'x' && s[1] == '{') {
        n = 2 + strspn(s + 2, HEX_DIGITS);
        if (s[n++] != '}' || n < 4 || n > 11) t->why = "\\x{ } that is not one number";
        gk_buf_printf(&t->out, "\\%.*s", (int)n, s);
    } else if (*s == 'x') {
        n = strspn(s + 1, HEX_DIGITS);
        n = 1 + (n < 2 ? n : 2);
        if (n < 2 || (n == 3 && !strchr("01234567", s[1]))) t->why = "\\x of a byte";
        gk_buf_printf(&t->out, "\\%.*s", (int)n, s);
    } else {
        n = strspn(s, "0123456789");
        if (n > 3 || (n == 3 && *s >= '2') || (n == 2 && *s != '0') || (t->in_set && *s >= '8'))
            t->why = "a number after \\ that is no place below \\10 and no character below \\200";
        gk_buf_printf(&t->out, "\\%.*s", (int)n, s);
    }
    if (!t->why) t->s = s + n;
}

/* \k<name> and \cA are longer than two characters, and end by themselves. */
static void put_escape(translation *t) {
    char c = t->s[1];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    t->letter = 0;
    for (size_t i = 0; letter && i < N_CLASSES; i++)
        if (CLASSES[i].letter == (c | 0x20)) {
            t->s += 2;
            put_class(t, &CLASSES[i], CLASSES[i].letter != c);
            return;
        }
    if (c == 'p' || c == 'P') {
        put_property(t);
    } else if (c == 'u' || c == 'x' || (c >= '0' && c <= '9')) {
        put_number(t);
    } else if ((c == 'b' || c == 'B') && !t->in_set) {
        put_boundary(t, c == 'B');
        t->s += 2;
    } else if (c == 'v') {
        gk_buf_puts(&t->out, "\\x{b}");
        t->s += 2;
    } else if (letter && !strchr(t->in_set ? "tnrfaecb" : "tnrfaeckAzZGKRN", c)) {
        t->why = "an escape that is not known here";
    } else {
        size_t n = c ? 1 + gk_tok__utf8_len(c) : 1;
        gk_buf_add(&t->out, t->s, n);
        t->s += n;
    }
}

/* ---------------------------------------------------------------- groups, sets, quantifiers */

static void open_group(translation *t) {
    if (t->depth == DEEPEST) {
        t->why = "groups more than 64 deep";
        return;
    }
    t->outside[t->depth] = t->caseless;
    t->group[t->depth++] = t->out.len;
}

/* Flags: (?m) of Ruby is (?s) elsewhere. Those that stand in the middle of a group would take the
 * alternatives behind them along. */
static void put_flags(translation *t, size_t n) {
    char after = t->s[2 + n];
    bool on = true;
    if (after == ')' && t->s != t->source) t->why = "flags in the middle";
    if (after == ':') open_group(t);
    gk_buf_puts(&t->out, "(?");
    for (size_t i = 0; i < n; i++) {
        char flag = t->s[2 + i];
        on = on && flag != '-';
        t->caseless = t->caseless || (on && flag == 'i');
        if (flag == 'm') flag = 's';
        gk_buf_add(&t->out, &flag, 1);
    }
    gk_buf_add(&t->out, &after, 1);
    t->s += 3 + n;
}

static void put_group(translation *t) {
    const char *s = t->s;
    size_t flags = s[1] == '?' ? strspn(s + 2, "im-") : 0;
    if (flags && (s[2 + flags] == ':' || s[2 + flags] == ')')) {
        put_flags(t, flags);
        return;
    }
    bool known = s[1] == '?' ? s[2] && (strchr(":=!>", s[2]) || s[2] == '<') : s[1] != '*';
    if (!known) t->why = "a group of a kind that is not known here";
    open_group(t);
    size_t n = s[1] != '?' ? 1 : s[2] != '<' ? 3 : s[3] == '=' || s[3] == '!' ? 4 : 2 + strcspn(s + 2, ">");
    gk_buf_add(&t->out, s, strnlen(s, n));
    t->s += strnlen(s, n);
}

static void put_posix(translation *t, const char *end) {
    bool negated = t->s[2] == '^';
    const char *name = t->s + 2 + negated;
    size_t n = (size_t)(end - name), i = 0;
    while (i < N_CLASSES && (strlen(CLASSES[i].name) != n || strncmp(CLASSES[i].name, name, n) != 0)) i++;
    if (i == N_CLASSES)
        t->why = "one of the sets [:alpha:], [:alnum:], [:upper:], [:lower:], [:graph:], [:print:]";
    else
        put_class(t, &CLASSES[i], negated);
    t->s = end + 2;
}

/* The brackets of a set within a set are left out. What then would stand beside a - of another set is not
 * taken. */
static void put_inner_bound(translation *t) {
    bool opens = t->s[0] == '[';
    if (t->s[-1] == '-' || t->s[1] == '-' || (opens && (t->in_inner || t->s[1] == '^' || t->s[1] == ']')))
        t->why = "a set within a set that is not plain";
    t->in_inner = opens;
    t->s++;
}

static void put_set_char(translation *t) {
    const char *end = t->s[0] == '[' && t->s[1] == ':' ? strstr(t->s, ":]") : NULL;
    if (end) {
        put_posix(t, end);
        return;
    }
    if (t->s[0] == '[' || (t->s[0] == ']' && t->in_inner)) {
        put_inner_bound(t);
        return;
    }
    if (t->s[0] == '&' && t->s[1] == '&') t->why = "an intersection of sets (&&)";
    if (t->s[0] == ']') t->in_set = false;
    gk_buf_add(&t->out, t->s++, 1);
}

static void wrap_atom(translation *t) {
    size_t rest = t->out.len - t->atom;
    gk_buf_puts(&t->out, "(?:");
    memmove(t->out.data + t->atom + 3, t->out.data + t->atom, rest);
    memcpy(t->out.data + t->atom, "(?:", 3);
}

/* {2}, {2,}, {2,3}, {,3}; false: it is none, and { is itself. Behind it + is another quantifier, and ? as
 * well where it is one number. */
static bool put_interval(translation *t) {
    const char *low = t->s + 1, *s = low + strspn(low, "0123456789"), *comma = *s == ',' ? s : NULL;
    if (comma) s += 1 + strspn(s + 1, "0123456789");
    if (*s != '}' || s - low == (comma != NULL)) return false;
    bool again = s[1] == '+' || (s[1] == '?' && !comma);
    if (again) wrap_atom(t);
    gk_buf_printf(&t->out, "{%s%.*s}", comma == low ? "0" : "", (int)(s - low), low);
    if (again) gk_buf_puts(&t->out, ")");
    t->s = s + 1;
    return true;
}

/* Oniguruma takes two letters for one character where they are one in another case: ss is \u00df. */
static void check_caseless(translation *t) {
    static const char *const PAIRS[] = {"ss", "ff", "fi", "fl", "st"};
    unsigned char c = (unsigned char)t->s[0];
    char letter = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    for (size_t i = 0; i < sizeof PAIRS / sizeof *PAIRS; i++)
        if (t->caseless && !t->in_set && t->letter == PAIRS[i][0] && letter == PAIRS[i][1])
            t->why = "(?i) with ss, ff, fi, fl or st";
    t->letter = letter;
    if (c < 0x80 || !t->caseless) return;
    utf8proc_category_t kind = utf8proc_category((utf8proc_int32_t)gk_tok__utf8_char(t->s));
    if (kind != UTF8PROC_CATEGORY_LO && kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_ME)
        t->why = "(?i) with a letter that is not ASCII";
}

static void put_char(translation *t) {
    char c = t->s[0];
    if (c == ')' && t->depth > 0) {
        t->atom = t->group[--t->depth];
        t->caseless = t->outside[t->depth];
    }
    if (!strchr("*+?{})", c)) t->atom = t->out.len;
    if (c == '(') {
        t->letter = 0;
        put_group(t);
    } else if (c == '[') { /* a ] that stands first is itself */
        size_t n = 1 + (t->s[1] == '^');
        n += t->s[n] == ']';
        gk_buf_add(&t->out, t->s, n);
        t->s += n;
        t->in_set = true;
        t->letter = 0;
    } else if (c != '{' || !put_interval(t)) {
        if (c == '{' || c == '}') t->atom = t->out.len;
        size_t n = gk_tok__utf8_len(c);
        gk_buf_add(&t->out, t->s, n);
        t->s += n;
    }
}

const char *gk_tok__oniguruma(const char *source, gk_buf *out, const char **rest) {
    translation t = {.source = source, .s = source};
    *rest = source;
    while (*t.s && !t.why) {
        *rest = t.s;
        if (*t.s == '\\') {
            if (!t.in_set) t.atom = t.out.len;
            put_escape(&t);
            continue;
        }
        check_caseless(&t);
        if (t.why) break;
        if (t.in_set)
            put_set_char(&t);
        else
            put_char(&t);
    }
    *out = t.out;
    return t.why;
}
