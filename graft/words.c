/* words.c: what the words of schemes share. */
#include "graft/internal.h"

#include <stdlib.h>
#include <string.h>

gk_place gk_graft__yaml_place(gk_ynode n, const char *file) {
    gk_place at = gk_yaml_place(n);
    at.file = file;
    at.field = NULL; /* the messages name what is wrong; a YAML key called a field would mislead here */
    return at;
}

bool gk_graft__name_ok(const char *name) {
    if (!*name) return false;
    for (const char *p = name; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c <= ' ' || c == 127 || strchr("|,;:=()[]{}\"'", c)) return false;
    }
    return true;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t gk_graft__sort_texts(const char **text, size_t n) {
    if (n == 0) return 0;
    qsort(text, n, sizeof *text, by_text);
    size_t kept = 1;
    for (size_t i = 1; i < n; i++)
        if (strcmp(text[i], text[kept - 1]) != 0) text[kept++] = text[i];
    return kept;
}

const char *gk_graft__join_texts(gk_arena *a, const char *const *text, size_t n, const char *separator) {
    gk_buf b = {0};
    gk_buf_puts(&b, "");
    for (size_t i = 0; i < n; i++) gk_buf_printf(&b, "%s%s", i ? separator : "", text[i]);
    const char *joined = gk_arena_strdup(a, b.data);
    gk_buf_free(&b);
    return joined;
}

bool gk_graft__whole_number(const char *s, long lo, long hi, int *out) {
    char *end;
    if (!*s || strspn(s, "-0123456789") != strlen(s)) return false;
    long v = strtol(s, &end, 10);
    if (*end || v < lo || v > hi) return false;
    *out = (int)v;
    return true;
}
