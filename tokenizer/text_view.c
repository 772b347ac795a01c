/* text_view.c: stretches of text that remember where in the original every byte came from. */
#include "tokenizer/internal.h"

#include <string.h>

#define WRITTEN_MAX ((size_t)1 << 30)

gk_tok__view gk_tok__view_part(const gk_tok__view *v, size_t begin, size_t end) {
    return (gk_tok__view){v->text + begin, end - begin, v->at ? v->at + begin : NULL,
                          v->base + (uint32_t)begin};
}

static void make_room(gk_tok__writer *w, size_t cap) {
    char *text = gk_arena_alloc(w->a, cap + 1);
    uint32_t *at = gk_arena_alloc(w->a, (cap + 1) * sizeof *at);
    if (w->at) {
        memcpy(text, w->text, w->len);
        memcpy(at, w->at, (w->len + 1) * sizeof *at);
    }
    w->text = text;
    w->at = at;
    w->cap = cap;
}

gk_tok__writer gk_tok__writer_new(gk_arena *a, const gk_tok__view *from) {
    gk_tok__writer w = {.a = a};
    make_room(&w, from->len + from->len / 2 + 16);
    w.at[0] = gk_tok__view_at(from, 0);
    return w;
}

static bool reserve(gk_tok__writer *w, size_t n, gk_error *err) {
    if (n > WRITTEN_MAX - w->len)
        return gk_fail(err, GK_NOWHERE, "encode it in parts",
                       "the tokenizer's normalisation makes more than 1 GiB of the text");
    if (w->len + n > w->cap) make_room(w, 2 * (w->len + n));
    return true;
}

/* at[len] is where the byte that is written next begins. Bytes left out between two writes so belong to what
 * is written after them, and a boundary inside rewritten bytes is put where the same number of original bytes
 * has passed. */
bool gk_tok__write(gk_tok__writer *w, const gk_tok__view *from, size_t begin, size_t end, const char *bytes,
                   size_t n, gk_error *err) {
    if (!reserve(w, n, err)) return false;
    if (n == 0) return true;
    uint32_t first = gk_tok__view_at(from, begin), last = gk_tok__view_at(from, end);
    memcpy(w->text + w->len, bytes, n);
    for (size_t i = 1; i < n; i++) {
        uint32_t place = i < last - first ? first + (uint32_t)i : last;
        w->at[w->len + i] = place > w->at[w->len] ? place : w->at[w->len];
    }
    w->len += n;
    w->at[w->len] = last;
    return true;
}

bool gk_tok__write_same(gk_tok__writer *w, const gk_tok__view *from, size_t begin, size_t end,
                        gk_error *err) {
    size_t n = end - begin;
    if (!reserve(w, n, err)) return false;
    memcpy(w->text + w->len, from->text + begin, n);
    for (size_t i = 1; i <= n; i++) w->at[w->len + i] = gk_tok__view_at(from, begin + i);
    w->len += n;
    return true;
}

gk_tok__view gk_tok__written(gk_tok__writer *w, const gk_tok__view *from) {
    if (w->len > 0) w->at[w->len] = gk_tok__view_at(from, from->len);
    return (gk_tok__view){w->text, w->len, w->at, 0};
}

uint32_t gk_tok__utf8_char(const char *s) {
    const unsigned char *u = (const unsigned char *)s;
    if (u[0] < 0x80) return u[0];
    if (u[0] < 0xE0) return (u[0] & 0x1FU) << 6 | (u[1] & 0x3FU);
    if (u[0] < 0xF0) return (u[0] & 0x0FU) << 12 | (u[1] & 0x3FU) << 6 | (u[2] & 0x3FU);
    return (u[0] & 0x07U) << 18 | (u[1] & 0x3FU) << 12 | (u[2] & 0x3FU) << 6 | (u[3] & 0x3FU);
}

size_t gk_tok__utf8_put(uint32_t c, char out[4]) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    out[0] = (char)(0xC0 | c >> 6);
    out[1] = (char)(0x80 | (c & 0x3F));
    return 2;
}
