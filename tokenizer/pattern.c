/* pattern.c: regular expressions as tokenizer.json states them, run by libpcre2.
 *
 * The reference matches with Oniguruma (Ruby's syntax). Most of what tokenizers use means the same to PCRE2;
 * what does not is rewritten here: \s (Oniguruma has no U+180E in it), \w (marks are in it), \h, \u, names of
 * scripts (PCRE2 takes them for script extensions), (?m), ^ and $, which know lines, and the characters that
 * are newer than libpcre2's Unicode. Sets within sets and && are refused.
 */
#include "tokenizer/internal.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#define SOURCE_MAX 16384

/* As they stand within [ ], each with its complement (\w has none that is exact). */
#define SPACES \
    "\\t-\\r \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
#define NO_SPACES                                                                                       \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}!-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-" \
    "\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}"
/* Alphabetic, marks, digits, letter numbers, connectors, and what Oniguruma has of its own in Latin-1. */
#define WORD                                                                                              \
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}\\x{24b6}-\\x{24e9}\\x{1f130}-" \
    "\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}"
#define HEX "0-9A-Fa-f"
#define NO_HEX "\\x{0}-/:-@G-`g-\\x{10ffff}"

static const struct {
    char letter;
    const char *set, *complement;
} CLASSES[] = {{'s', SPACES, NO_SPACES}, {'w', WORD, NULL}, {'h', HEX, NO_HEX}};

typedef struct translation {
    const char *s; /* what is left of the source */
    bool in_set;
    gk_buf out;
    const char *why; /* what cannot be translated */
} translation;

static bool compiles(const char *pattern) {
    int code = 0;
    PCRE2_SIZE place = 0;
    pcre2_code *re =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &code, &place, NULL);
    pcre2_code_free(re);
    return re != NULL;
}

static const struct addition {
    char category[3];
    uint32_t begin, end;
} ADDITIONS[] = {
#include "tokenizer/unicode_additions.h"
};

static void put_additions(translation *t, const char *name) {
    for (size_t i = 0; i < sizeof ADDITIONS / sizeof *ADDITIONS; i++)
        if (strncmp(ADDITIONS[i].category, name, strlen(name)) == 0)
            gk_buf_printf(&t->out, "\\x{%x}-\\x{%x}", ADDITIONS[i].begin, ADDITIONS[i].end);
}

/* \p{L} or \p{Lu}, with what Unicode has added since. */
static void put_category(translation *t, const char *name, bool negated) {
    if (t->in_set && negated) {
        gk_buf_printf(&t->out, "\\P{%s}", name);
        return;
    }
    if (!t->in_set) gk_buf_puts(&t->out, negated ? "[^" : "[");
    gk_buf_printf(&t->out, "\\p{%s}", name);
    put_additions(t, name);
    if (!t->in_set) gk_buf_puts(&t->out, "]");
}

/* \s, \w, \h and their complements: index into CLASSES. */
static void put_class(translation *t, size_t index, bool negated) {
    if (t->in_set && negated && !CLASSES[index].complement) {
        t->why = "\\W within a set";
        return;
    }
    if (t->in_set && negated) {
        gk_buf_puts(&t->out, CLASSES[index].complement);
        return;
    }
    if (!t->in_set) gk_buf_puts(&t->out, negated ? "[^" : "[");
    gk_buf_puts(&t->out, CLASSES[index].set);
    if (CLASSES[index].letter == 'w')
        for (size_t i = 0; i < 4; i++) put_additions(t, (const char *[]){"L", "M", "Nd", "Pc"}[i]);
    if (!t->in_set) gk_buf_puts(&t->out, "]");
}

/* \p{Name} where Name is a category with additions or a script; false: as it stands. t->s is at the
 * backslash. */
static bool put_property(translation *t) {
    const char *open = t->s + 2, *close = *open == '{' ? strchr(open, '}') : NULL;
    if (!close || close - open > 40 || close - open < 2) return false;
    bool negated = open[1] == '^';
    char name[48], probe[64];
    snprintf(name, sizeof name, "%.*s", (int)(close - open - 1 - negated), open + 1 + negated);
    negated ^= t->s[1] == 'P';
    snprintf(probe, sizeof probe, "\\p{sc:%s}", name);
    if (strlen(name) <= 2 && *name && strchr("LMNPS", *name) && strcmp(name, "L&") != 0)
        put_category(t, name, negated);
    else if (strlen(name) > 2 && compiles(probe))
        gk_buf_printf(&t->out, "\\%c{sc:%s}", negated ? 'P' : 'p', name);
    else
        return false;
    t->s = close + 1;
    return true;
}

static void put_escape(translation *t) {
    char c = t->s[1];
    for (size_t i = 0; i < sizeof CLASSES / sizeof *CLASSES; i++)
        if (CLASSES[i].letter == (c | 0x20) && c) {
            put_class(t, i, CLASSES[i].letter != c);
            t->s += 2;
            return;
        }
    if ((c == 'p' || c == 'P') && put_property(t)) return;
    if (c == 'u' && strspn(t->s + 2, "0123456789abcdefABCDEF") >= 4) {
        gk_buf_printf(&t->out, "\\x{%.4s}", t->s + 2);
        t->s += 6;
        return;
    }
    size_t n = c ? 1 + gk__utf8_len(c) : 1;
    gk_buf_add(&t->out, t->s, n);
    t->s += n;
}

/* (?m) of Ruby is (?s) elsewhere. */
static void put_group(translation *t) {
    size_t n = strspn(t->s + 2, "imx-");
    char after = t->s[2 + n];
    gk_buf_puts(&t->out, "(?");
    for (size_t i = 0; i < n; i++) {
        char flag = t->s[2 + i];
        if (flag == 'm' && (after == ':' || after == ')')) flag = 's';
        gk_buf_add(&t->out, &flag, 1);
    }
    t->s += 2 + n;
}

static void put_set_char(translation *t) {
    if (t->s[0] == '[' && t->s[1] == ':') {
        const char *end = strstr(t->s, ":]");
        size_t n = end ? (size_t)(end + 2 - t->s) : 1;
        gk_buf_add(&t->out, t->s, n);
        t->s += n;
        return;
    }
    if (t->s[0] == '[') t->why = "a set within a set";
    if (t->s[0] == '&' && t->s[1] == '&') t->why = "an intersection of sets (&&)";
    if (t->s[0] == ']') t->in_set = false;
    gk_buf_add(&t->out, t->s++, 1);
}

static void put_char(translation *t) {
    if (t->s[0] == '(' && t->s[1] == '?') {
        put_group(t);
        return;
    }
    if (t->s[0] == '[') { /* a ] that stands first is itself */
        size_t n = 1 + (t->s[1] == '^');
        n += t->s[n] == ']';
        gk_buf_add(&t->out, t->s, n);
        t->s += n;
        t->in_set = true;
        return;
    }
    gk_buf_add(&t->out, t->s++, 1);
}

static pcre2_code *compile(const char *pattern, gk_place at, gk_error *err) {
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    int code = 0;
    PCRE2_SIZE place = 0;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                   PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &code,
                                   &place, context);
    pcre2_compile_context_free(context);
    if (!re) {
        PCRE2_UCHAR why[160] = "";
        pcre2_get_error_message(code, why, sizeof why);
        gk_fail(err, at, "a regular expression that libpcre2 can compile",
                "not a usable pattern: %s, before \"%.40s\"", (const char *)why, pattern + place);
        return NULL;
    }
    /* Where there is no JIT the interpreter does the same, slower. */
    (void)pcre2_jit_compile(re, PCRE2_JIT_COMPLETE);
    return re;
}

bool gk__pattern_regex(gk__pattern *p, const char *source, gk_place at, gk_error *err) {
    *p = (gk__pattern){0};
    if (strlen(source) > SOURCE_MAX)
        return gk_fail(err, at, "at most 16 KiB", "a pattern of %zu bytes", strlen(source));
    translation t = {.s = source};
    while (*t.s && !t.why) {
        if (t.s[0] == '\\')
            put_escape(&t);
        else if (t.in_set)
            put_set_char(&t);
        else
            put_char(&t);
    }
    if (t.why)
        gk_fail(err, at, "a pattern without it", "%s in a pattern, which is not built", t.why);
    else
        p->code = compile(t.out.data ? t.out.data : "", at, err);
    gk_buf_free(&t.out);
    if (p->code) {
        size_t n = strlen(source) + 1;
        p->source = gk_alloc(n);
        memcpy(p->source, source, n);
    }
    return p->code != NULL;
}

void gk__pattern_free(gk__pattern *p) {
    pcre2_code_free(p->code);
    gk_free(p->source);
    p->code = NULL;
    p->source = NULL;
}

/* ---------------------------------------------------------------- matching */

/* Steps one match may take: an honest pattern needs a few a byte. */
#define STEPS_BASE 5000000U
#define STEPS_PER_BYTE 16U
#define JIT_STACK_MAX ((size_t)16 << 20)

struct gk__matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    size_t limited_for; /* the length of text that the limit is set for */
};

gk__matcher *gk__matcher_new(void) {
    gk__matcher *m = gk_alloc(sizeof *m);
    m->data = pcre2_match_data_create(1, NULL);
    m->context = pcre2_match_context_create(NULL);
    m->limited_for = SIZE_MAX;
    return m;
}

void gk__matcher_free(gk__matcher *m) {
    if (!m) return;
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    pcre2_jit_stack_free(m->stack);
    gk_free(m);
}

static void set_limit(gk__matcher *m, size_t len) {
    if (m->limited_for == len) return;
    size_t more = len < (UINT32_MAX - STEPS_BASE) / STEPS_PER_BYTE ? len * STEPS_PER_BYTE : UINT32_MAX / 2;
    pcre2_set_match_limit(m->context, STEPS_BASE + (uint32_t)more);
    m->limited_for = len;
}

static int match(const gk__search *s) {
    gk__matcher *m = s->matcher;
    set_limit(m, s->len);
    for (;;) {
        int rc = pcre2_match(s->pattern->code, (PCRE2_SPTR)s->text, s->len, s->from, PCRE2_NO_UTF_CHECK,
                             m->data, m->context);
        if (rc != PCRE2_ERROR_JIT_STACKLIMIT || m->stack) return rc;
        m->stack = pcre2_jit_stack_create((size_t)64 << 10, JIT_STACK_MAX, NULL);
        if (!m->stack) return rc;
        pcre2_jit_stack_assign(m->context, NULL, m->stack);
    }
}

static int next_regex(gk__search *s, gk_error *err) {
    while (s->from <= s->len) {
        int rc = match(s);
        if (rc == PCRE2_ERROR_NOMATCH) return 0;
        if (rc < 0) {
            PCRE2_UCHAR why[160] = "";
            pcre2_get_error_message(rc, why, sizeof why);
            gk_fail(err, GK_NOWHERE, "a pattern that needs fewer steps, or a shorter text",
                    "a pattern of the tokenizer gives up on the text: %s", (const char *)why);
            return -1;
        }
        const PCRE2_SIZE *found = pcre2_get_ovector_pointer(s->matcher->data);
        /* An empty match right after a match is passed over, as by the reference (\K can put it before). */
        bool empty_again = found[0] >= found[1] && s->any && found[1] <= s->end;
        if (!empty_again && found[0] >= s->end) {
            s->begin = found[0];
            s->end = s->from = found[1] > found[0] ? found[1] : found[0];
            s->any = true;
            return 1;
        }
        s->from += s->from < s->len ? gk__utf8_len(s->text[s->from]) : 1;
    }
    return 0;
}

int gk__search_next(gk__search *s, gk_error *err) {
    if (s->pattern->code) return next_regex(s, err);
    const gk__pattern *p = s->pattern;
    const char *found = memmem(s->text + s->from, s->len - s->from, p->literal, p->literal_len);
    if (!found) return 0;
    s->begin = (size_t)(found - s->text);
    s->end = s->from = s->begin + p->literal_len;
    s->any = true;
    return 1;
}
