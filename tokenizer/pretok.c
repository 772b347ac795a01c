/* pretok.c: cuts a text into the words within which pieces are merged. */
#include "tokenizer/internal.h"

#include <string.h>

/* ---------------------------------------------------------------- lists of ranges */

typedef struct list {
    gk_arena *a;
    gk_tok__range *item;
    size_t n, cap;
} list;

static void put(list *l, size_t begin, size_t end) {
    if (begin == end) return; /* empty words never matter */
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        gk_tok__range *item = gk_arena_alloc(l->a, cap * sizeof *item);
        if (l->n) memcpy(item, l->item, l->n * sizeof *item);
        l->item = item;
        l->cap = cap;
    }
    l->item[l->n++] = (gk_tok__range){(uint32_t)begin, (uint32_t)end};
}

/* ---------------------------------------------------------------- splitting */

/* Matches and what lies between them arrive in order; the behaviour decides which of them are words. */
typedef struct splitter {
    gk_tok__behaviour behaviour;
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
    case GK_TOK__REMOVED:
        if (!is_match) put(s->out, begin, end);
        return;
    case GK_TOK__ISOLATED:
        put(s->out, begin, end);
        return;
    case GK_TOK__CONTIGUOUS:
        if (is_match == s->previous && !first)
            s->end = end;
        else
            start(s, begin, end);
        break;
    case GK_TOK__MERGED_PREVIOUS:
        if (is_match && !s->previous && !first)
            s->end = end;
        else
            start(s, begin, end);
        break;
    case GK_TOK__MERGED_NEXT:
        /* A match that another follows stands alone; the last before text belongs to it. */
        if (!is_match && s->previous && !first)
            s->end = end;
        else
            start(s, begin, end);
        break;
    }
    s->previous = is_match;
}

static bool split_one(const gk_tok__pre_step *step, const gk_tok__work *w, const gk_tok__view *v,
                      gk_tok__range r, list *out) {
    gk_tok__match s = {
        .pattern = &step->pattern, .matcher = w->matcher, .text = v->text + r.begin, .len = r.end - r.begin};
    splitter into = {.behaviour = step->behaviour, .out = out};
    size_t done = 0;
    int more;
    while ((more = gk_tok__match_next(&s, w->err)) > 0) {
        if (s.begin > done) take(&into, r.begin + done, r.begin + s.begin, step->invert);
        take(&into, r.begin + s.begin, r.begin + s.end, !step->invert);
        done = s.end;
    }
    if (done < s.len) take(&into, r.begin + done, r.end, step->invert);
    flush(&into);
    return more == 0;
}

static bool split(const gk_tok__pre_step *step, const gk_tok__work *w, gk_tok__words *words) {
    list out = {.a = w->a};
    for (size_t i = 0; i < words->n; i++)
        if (!split_one(step, w, &words->view, words->item[i], &out)) return false;
    words->item = out.item;
    words->n = out.n;
    return true;
}

/* ---------------------------------------------------------------- steps that write */

/* A space before every word that has none. */
static bool prefix_space(const gk_tok__pre_step *step, const gk_tok__work *w, gk_tok__words *words) {
    (void)step;
    const gk_tok__view *v = &words->view;
    gk_tok__writer writer = gk_tok__writer_new(w->a, v);
    list out = {.a = w->a};
    for (size_t i = 0; i < words->n; i++) {
        gk_tok__range r = words->item[i];
        size_t begin = writer.len;
        if (v->text[r.begin] != ' ' && !gk_tok__write(&writer, v, r.begin, r.begin, " ", 1, w->err))
            return false;
        if (!gk_tok__write_same(&writer, v, r.begin, r.end, w->err)) return false;
        put(&out, begin, writer.len);
    }
    *words = (gk_tok__words){gk_tok__written(&writer, v), out.item, out.n};
    return true;
}

/* Marks for the spaces of a word, and one before it where the scheme wants that. */
static bool write_marked(const gk_tok__pre_step *step, const gk_tok__work *w, const gk_tok__view *v,
                         gk_tok__range r, gk_tok__writer *out) {
    size_t mark = strlen(step->mark), done = r.begin;
    bool marked = v->text[r.begin] == ' ' ||
                  (r.end - r.begin >= mark && memcmp(v->text + r.begin, step->mark, mark) == 0);
    bool wanted =
        step->scheme == GK_TOK__ALWAYS || (step->scheme == GK_TOK__FIRST && gk_tok__view_at(v, r.begin) == 0);
    if (wanted && !marked && !gk_tok__write(out, v, r.begin, r.begin, step->mark, mark, w->err)) return false;
    for (;;) {
        const char *space = memchr(v->text + done, ' ', r.end - done);
        size_t at = space ? (size_t)(space - v->text) : r.end;
        if (!gk_tok__write_same(out, v, done, at, w->err)) return false;
        if (!space) return true;
        if (!gk_tok__write(out, v, at, at + 1, step->mark, mark, w->err)) return false;
        done = at + 1;
    }
}

static bool metaspace(const gk_tok__pre_step *step, const gk_tok__work *w, gk_tok__words *words) {
    const gk_tok__view *v = &words->view;
    gk_tok__writer writer = gk_tok__writer_new(w->a, v);
    list out = {.a = w->a};
    for (size_t i = 0; i < words->n; i++) {
        size_t begin = writer.len;
        if (!write_marked(step, w, v, words->item[i], &writer)) return false;
        put(&out, begin, writer.len);
    }
    *words = (gk_tok__words){gk_tok__written(&writer, v), out.item, out.n};
    return true;
}

/* Every byte as the character that shows it in byte-level pieces. */
static bool show_bytes(const gk_tok__pre_step *step, const gk_tok__work *w, gk_tok__words *words) {
    (void)step;
    const gk_tok__view *v = &words->view;
    gk_tok__writer writer = gk_tok__writer_new(w->a, v);
    list out = {.a = w->a};
    for (size_t i = 0; i < words->n; i++) {
        size_t begin = writer.len;
        for (size_t k = words->item[i].begin; k < words->item[i].end; k++) {
            char shown[4];
            size_t n = gk_tok__utf8_put(gk_tok__char_of_byte((unsigned char)v->text[k]), shown);
            if (!gk_tok__write(&writer, v, k, k + 1, shown, n, w->err)) return false;
        }
        put(&out, begin, writer.len);
    }
    *words = (gk_tok__words){gk_tok__written(&writer, v), out.item, out.n};
    return true;
}

bool gk_tok__pretokenize(const gk_tok__pre_steps *steps, const gk_tok__work *w, const gk_tok__view *in,
                         gk_tok__words *out) {
    typedef bool step(const gk_tok__pre_step *, const gk_tok__work *, gk_tok__words *);
    static step *const STEP[] = {[GK_TOK__SPLIT] = split,
                                 [GK_TOK__PREFIX_SPACE] = prefix_space,
                                 [GK_TOK__METASPACE] = metaspace,
                                 [GK_TOK__SHOW_BYTES] = show_bytes};
    list all = {.a = w->a};
    put(&all, 0, in->len);
    *out = (gk_tok__words){*in, all.item, all.n};
    for (size_t i = 0; i < steps->n; i++)
        if (!STEP[steps->item[i].kind](&steps->item[i], w, out)) return false;
    return true;
}
