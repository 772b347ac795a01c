/* pretok.c: cuts a text into the words within which pieces are merged. */
#include "tokenizer/internal.h"

#include <string.h>

/* ---------------------------------------------------------------- lists of ranges */

typedef struct list {
    gk_arena *a;
    gk__range *item;
    size_t n, cap;
} list;

static void put(list *l, size_t begin, size_t end) {
    if (begin == end) return; /* empty words never matter */
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        gk__range *item = gk_arena_alloc(l->a, cap * sizeof *item);
        if (l->n) memcpy(item, l->item, l->n * sizeof *item);
        l->item = item;
        l->cap = cap;
    }
    l->item[l->n++] = (gk__range){(uint32_t)begin, (uint32_t)end};
}

/* ---------------------------------------------------------------- splitting */

/* Matches and what lies between them arrive in order; the behaviour decides which of them are words. */
typedef struct splitter {
    gk__behaviour behaviour;
    list *out;
    size_t begin, end; /* the word that may still grow */
    bool open, previous;
} splitter;

static void flush(splitter *s) {
    if (s->open) put(s->out, s->begin, s->end);
    s->open = false;
}

static void start(splitter *s, size_t begin, size_t end) {
    flush(s);
    s->begin = begin;
    s->end = end;
    s->open = true;
}

static void take(splitter *s, size_t begin, size_t end, bool is_match) {
    bool first = !s->open;
    switch (s->behaviour) {
    case GK__REMOVED:
        if (!is_match) put(s->out, begin, end);
        return;
    case GK__ISOLATED:
        put(s->out, begin, end);
        return;
    case GK__CONTIGUOUS:
        if (is_match == s->previous && !first)
            s->end = end;
        else
            start(s, begin, end);
        break;
    case GK__MERGED_PREVIOUS:
        if (is_match && !s->previous && !first)
            s->end = end;
        else
            start(s, begin, end);
        break;
    case GK__MERGED_NEXT:
        /* A match that another follows stands alone; the last before text belongs to it. */
        if (!is_match && s->previous && !first)
            s->end = end;
        else
            start(s, begin, end);
        break;
    }
    s->previous = is_match;
}

static bool split_one(const gk__step *step, const gk__work *w, const gk__view *v, gk__range r, list *out) {
    gk__search s = {
        .pattern = &step->pattern, .matcher = w->matcher, .text = v->text + r.begin, .len = r.end - r.begin};
    splitter into = {.behaviour = step->behaviour, .out = out};
    size_t done = 0;
    int more;
    while ((more = gk__search_next(&s, w->err)) > 0) {
        if (s.begin > done) take(&into, r.begin + done, r.begin + s.begin, step->invert);
        take(&into, r.begin + s.begin, r.begin + s.end, !step->invert);
        done = s.end;
    }
    if (done < s.len) take(&into, r.begin + done, r.end, step->invert);
    flush(&into);
    return more == 0;
}

static bool split(const gk__step *step, const gk__work *w, gk__words *words) {
    list out = {.a = w->a};
    for (size_t i = 0; i < words->n; i++)
        if (!split_one(step, w, &words->view, words->item[i], &out)) return false;
    words->item = out.item;
    words->n = out.n;
    return true;
}

/* ---------------------------------------------------------------- steps that write */

/* A space before every word that has none. */
static bool prefix_space(const gk__step *step, const gk__work *w, gk__words *words) {
    (void)step;
    const gk__view *v = &words->view;
    gk__writer writer = gk__writer_new(w->a, v);
    list out = {.a = w->a};
    for (size_t i = 0; i < words->n; i++) {
        gk__range r = words->item[i];
        size_t begin = writer.len;
        if (v->text[r.begin] != ' ' && !gk__write(&writer, v, r.begin, r.begin, " ", 1, w->err)) return false;
        if (!gk__write_same(&writer, v, r.begin, r.end, w->err)) return false;
        put(&out, begin, writer.len);
    }
    *words = (gk__words){gk__written(&writer, v), out.item, out.n};
    return true;
}

/* Marks for the spaces of a word, and one before it where the scheme wants that. */
static bool write_marked(const gk__step *step, const gk__work *w, const gk__view *v, gk__range r,
                         gk__writer *out) {
    size_t mark = strlen(step->mark), done = r.begin;
    bool marked = v->text[r.begin] == ' ' ||
                  (r.end - r.begin >= mark && memcmp(v->text + r.begin, step->mark, mark) == 0);
    bool wanted = step->scheme == GK__ALWAYS || (step->scheme == GK__FIRST && gk__view_at(v, r.begin) == 0);
    if (wanted && !marked && !gk__write(out, v, r.begin, r.begin, step->mark, mark, w->err)) return false;
    for (;;) {
        const char *space = memchr(v->text + done, ' ', r.end - done);
        size_t at = space ? (size_t)(space - v->text) : r.end;
        if (!gk__write_same(out, v, done, at, w->err)) return false;
        if (!space) return true;
        if (!gk__write(out, v, at, at + 1, step->mark, mark, w->err)) return false;
        done = at + 1;
    }
}

static bool metaspace(const gk__step *step, const gk__work *w, gk__words *words) {
    const gk__view *v = &words->view;
    gk__writer writer = gk__writer_new(w->a, v);
    list out = {.a = w->a};
    for (size_t i = 0; i < words->n; i++) {
        size_t begin = writer.len;
        if (!write_marked(step, w, v, words->item[i], &writer)) return false;
        put(&out, begin, writer.len);
    }
    *words = (gk__words){gk__written(&writer, v), out.item, out.n};
    return true;
}

/* Every byte as the character that shows it in byte-level pieces. */
static bool show_bytes(const gk__step *step, const gk__work *w, gk__words *words) {
    (void)step;
    const gk__view *v = &words->view;
    gk__writer writer = gk__writer_new(w->a, v);
    list out = {.a = w->a};
    for (size_t i = 0; i < words->n; i++) {
        size_t begin = writer.len;
        for (size_t k = words->item[i].begin; k < words->item[i].end; k++) {
            char shown[4];
            size_t n = gk__utf8_put(gk__char_of_byte((unsigned char)v->text[k]), shown);
            if (!gk__write(&writer, v, k, k + 1, shown, n, w->err)) return false;
        }
        put(&out, begin, writer.len);
    }
    *words = (gk__words){gk__written(&writer, v), out.item, out.n};
    return true;
}

bool gk__pretokenize(const gk__steps *steps, const gk__work *w, const gk__view *in, gk__words *out) {
    typedef bool step(const gk__step *, const gk__work *, gk__words *);
    static step *const STEP[] = {[GK__SPLIT] = split,
                                 [GK__PREFIX_SPACE] = prefix_space,
                                 [GK__METASPACE] = metaspace,
                                 [GK__SHOW_BYTES] = show_bytes};
    list all = {.a = w->a};
    put(&all, 0, in->len);
    *out = (gk__words){*in, all.item, all.n};
    for (size_t i = 0; i < steps->n; i++)
        if (!STEP[steps->item[i].kind](&steps->item[i], w, out)) return false;
    return true;
}
