/* error.c: what went wrong, where, and what would be right, as plain data and as one line of text. */
#include "graftkit/core/error.h"

#include <stdarg.h>
#include <string.h>

/* True for the second and later bytes of a UTF-8 sequence. */
static bool continues(char c) {
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* Cuts a full buffer back to a whole character and marks the cut. */
static void mark_cut(char *dst, size_t size) {
    size_t end = size - 4;
    while (end > 0 && continues(dst[end])) end--;
    memcpy(dst + end, "...", 4);
}

static void copy_head(char *dst, size_t size, const char *src) {
    dst[0] = '\0';
    if (src && (size_t)snprintf(dst, size, "%s", src) >= size) mark_cut(dst, size);
}

/* The end of a path says more than its start. */
static void copy_tail(char *dst, size_t size, const char *src) {
    size_t len = src ? strlen(src) : 0;
    if (len < size) {
        memcpy(dst, src ? src : "", len + 1);
        return;
    }
    src += len - (size - 4);
    while (continues(*src)) src++;
    snprintf(dst, size, "...%s", src);
}

static void set_place(gk_error *err, gk_place at) {
    copy_tail(err->file, sizeof err->file, at.file);
    copy_head(err->field, sizeof err->field, at.field);
    err->line = at.line;
    err->column = at.column;
    err->has_byte = at.has_byte;
    err->byte = at.byte;
}

bool gk_fail(gk_error *err, gk_place at, const char *hint, const char *what_fmt, ...) {
    if (!err) return false;
    gk_error e = {0}; /* built aside: `at`, `hint` and the arguments may point into *err */
    va_list ap;
    va_start(ap, what_fmt);
    if ((size_t)vsnprintf(e.what, sizeof e.what, what_fmt, ap) >= sizeof e.what)
        mark_cut(e.what, sizeof e.what);
    va_end(ap);
    copy_head(e.hint, sizeof e.hint, hint);
    set_place(&e, at);
    *err = e;
    return false;
}

bool gk_fail_errno(gk_error *err, gk_place at, const char *verb, int errnum) {
    char text[128];
    return gk_fail(err, at, NULL, "%s failed: %s", verb, strerror_r(errnum, text, sizeof text));
}

/* Appends to buf, silently stopping at its end. */
static void add(char *buf, size_t size, size_t *len, const char *fmt, ...) GK_PRINTF(4, 5);
static void add(char *buf, size_t size, size_t *len, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(buf + *len, size - *len, fmt, ap);
    va_end(ap);
    if (n > 0) *len = *len + (size_t)n < size ? *len + (size_t)n : size - 1;
}

static void add_place(char *buf, size_t size, size_t *len, const gk_error *err) {
    size_t before = *len;
    if (err->file[0]) add(buf, size, len, "%s", err->file);
    if (err->line > 0) add(buf, size, len, "%s%ld", err->file[0] ? ":" : "line ", err->line);
    if (err->line > 0 && err->column > 0) add(buf, size, len, ":%ld", err->column);
    if (err->has_byte)
        add(buf, size, len, "%sbyte %llu", *len > before ? ": " : "", (unsigned long long)err->byte);
    if (*len > before) add(buf, size, len, ": ");
}

char *gk_error_text(const gk_error *err, char *buf, size_t size) {
    if (size == 0) return buf;
    size_t len = 0;
    buf[0] = '\0';
    add_place(buf, size, &len, err);
    if (err->field[0]) add(buf, size, &len, "field '%s': ", err->field);
    add(buf, size, &len, "%s", err->what);
    if (err->hint[0]) add(buf, size, &len, "; %s", err->hint);
    /* The parts may quote input: keep it one line, and keep escape sequences off the terminal. */
    for (char *p = buf; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F) *p = ' ';
    return buf;
}

/* ---------------------------------------------------------------- notices */

static gk_notice_fn *notice_fn;
static void *notice_ctx;

void gk_notice_to(gk_notice_fn *fn, void *ctx) {
    notice_fn = fn;
    notice_ctx = ctx;
}

void gk_notice(gk_place at, const char *fmt, ...) {
    if (!notice_fn) return;
    gk_error e;
    char what[sizeof e.what], line[1400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    gk_fail(&e, at, NULL, "%s", what);
    notice_fn(notice_ctx, gk_error_text(&e, line, sizeof line));
}
