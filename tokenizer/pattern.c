/* pattern.c: regular expressions as tokenizer.json states them, run by libpcre2. ^ and $ know lines, as with
 * Oniguruma; the rest of what it wants otherwise is in oniguruma.c. */
#include "tokenizer/internal.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#define SOURCE_MAX 16384

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

bool gk_tok__pattern_regex(gk_tok__pattern *p, const char *source, gk_place at, gk_error *err) {
    *p = (gk_tok__pattern){0};
    if (strlen(source) > SOURCE_MAX)
        return gk_fail(err, at, "at most 16 KiB", "a pattern of %zu bytes", strlen(source));
    gk_buf text = {0};
    const char *rest, *why = gk_tok__oniguruma(source, &text, &rest);
    if (why)
        gk_fail(err, at, "a pattern without it", "%s in a pattern, before \"%.40s\", which is not built", why,
                rest);
    else
        p->code = compile(text.data ? text.data : "", at, err);
    gk_buf_free(&text);
    if (p->code) {
        size_t n = strlen(source) + 1;
        p->source = gk_alloc(n);
        memcpy(p->source, source, n);
    }
    return p->code != NULL;
}

void gk_tok__pattern_free(gk_tok__pattern *p) {
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

struct gk_tok__matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    size_t limited_for; /* the length of text that the limit is set for */
};

gk_tok__matcher *gk_tok__matcher_new(void) {
    gk_tok__matcher *m = gk_alloc(sizeof *m);
    m->data = pcre2_match_data_create(1, NULL);
    m->context = pcre2_match_context_create(NULL);
    m->limited_for = SIZE_MAX;
    return m;
}

void gk_tok__matcher_free(gk_tok__matcher *m) {
    if (!m) return;
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    pcre2_jit_stack_free(m->stack);
    gk_free(m);
}

static void set_limit(gk_tok__matcher *m, size_t len) {
    if (m->limited_for == len) return;
    size_t more = len < (UINT32_MAX - STEPS_BASE) / STEPS_PER_BYTE ? len * STEPS_PER_BYTE : UINT32_MAX / 2;
    pcre2_set_match_limit(m->context, STEPS_BASE + (uint32_t)more);
    m->limited_for = len;
}

static int match(const gk_tok__match *s) {
    gk_tok__matcher *m = s->matcher;
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

static int next_regex(gk_tok__match *s, gk_error *err) {
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
        s->from += s->from < s->len ? gk_tok__utf8_len(s->text[s->from]) : 1;
    }
    return 0;
}

int gk_tok__match_next(gk_tok__match *s, gk_error *err) {
    if (s->pattern->code) return next_regex(s, err);
    const gk_tok__pattern *p = s->pattern;
    const char *found = memmem(s->text + s->from, s->len - s->from, p->literal, p->literal_len);
    if (!found) return 0;
    s->begin = (size_t)(found - s->text);
    s->end = s->from = s->begin + p->literal_len;
    s->any = true;
    return 1;
}
