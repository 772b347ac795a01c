/* text_files.c: the texts of a corpus as they stand in its files: JSON lines, or paragraphs of plain text. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "train/internal.h"

#include <string.h>

static bool add_text(gk_train__examples *t, gk_train__example x, gk_place at, gk_error *err) {
    if (t->n == UINT32_MAX) return gk_fail(err, at, "use fewer texts", "more than %u texts", UINT32_MAX);
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 1024;
        t->item = gk_grow(t->item, t->cap * sizeof *t->item, cap * sizeof *t->item);
        t->cap = cap;
    }
    x.line = at.line;
    t->item[t->n++] = x;
    return true;
}

/* ---------------------------------------------------------------- JSON lines */

static bool member(const json_t *obj, const char *key, bool may_be_empty, const char **s, size_t *len,
                   gk_place at, gk_error *err) {
    if (!gk_json_str(obj, key, s, at, err)) return false;
    *len = json_string_length(json_object_get(obj, key));
    at.field = key;
    return *len > 0 || may_be_empty || gk_fail(err, at, "leave out lines that have no text", "is empty");
}

/* {"prompt": "…", "completion": "…"}: the completion is the answer. */
static bool take_pair(gk_train__examples *t, const json_t *obj, gk_train__example *x, gk_place at,
                      gk_error *err) {
    const char *prompt, *completion;
    size_t n, m;
    if (!member(obj, "prompt", true, &prompt, &n, at, err) ||
        !member(obj, "completion", false, &completion, &m, at, err))
        return false;
    char *both = gk_arena_alloc(t->a, n + m + 1);
    memcpy(both, prompt, n);
    memcpy(both + n, completion, m);
    x->utf8 = both;
    x->len = x->answer_end = n + m;
    x->answer = n;
    return true;
}

/* The one place of "answer" in "text". */
static bool find_answer(const json_t *obj, gk_train__example *x, gk_place at, gk_error *err) {
    const char *answer;
    size_t len;
    if (!json_object_get(obj, "answer")) {
        at.field = "answer";
        return gk_fail(err, at, "give it, or \"prompt\" and \"completion\"; or train with loss: all",
                       "is missing, and loss is for answers only");
    }
    if (!member(obj, "answer", false, &answer, &len, at, err)) return false;
    at.field = "answer";
    const char *found = memmem(x->utf8, x->len, answer, len);
    if (!found) return gk_fail(err, at, "it must be a part of \"text\"", "does not stand in the text");
    x->answer = (size_t)(found - x->utf8);
    x->answer_end = x->answer + len;
    if (!memmem(found + 1, x->len - x->answer - 1, answer, len)) return true;
    return gk_fail(err, at, "give \"prompt\" and \"completion\" instead",
                   "stands in the text more than once");
}

static bool take_line(gk_train__examples *t, const json_t *obj, gk_loss loss, const char *file, gk_place at,
                      gk_error *err) {
    gk_train__example x = {.file = file};
    if (!json_object_get(obj, "text") && json_object_get(obj, "prompt")) {
        if (!take_pair(t, obj, &x, at, err)) return false;
    } else {
        const char *s;
        if (!member(obj, "text", false, &s, &x.len, at, err)) return false;
        x.utf8 = gk_arena_strndup(t->a, s, x.len);
        if (loss == GK_LOSS_ANSWER && !find_answer(obj, &x, at, err)) return false;
    }
    return add_text(t, x, at, err);
}

static bool read_lines(gk_train__examples *t, const char *file, gk_loss loss, gk_error *err) {
    gk_jsonl *in = gk_jsonl_open(file, err);
    if (!in) return false;
    json_t *obj;
    int got;
    while ((got = gk_jsonl_next(in, &obj, err)) > 0) {
        bool ok = take_line(t, obj, loss, file, gk_jsonl_place(in), err);
        json_decref(obj);
        if (!ok) break;
    }
    gk_jsonl_close(in);
    return got == 0;
}

/* ---------------------------------------------------------------- plain text */

static bool is_blank(const char *line, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (!strchr(" \t\r\f\v", line[i]) || !line[i]) return false;
    return true;
}

static bool add_paragraph(gk_train__examples *t, const char *from, const char *to, const char *file,
                          long line, gk_error *err) {
    while (to > from && (to[-1] == '\n' || to[-1] == '\r')) to--;
    if (to == from) return true;
    size_t len = (size_t)(to - from);
    gk_train__example x = {.utf8 = gk_arena_strndup(t->a, from, len), .len = len, .file = file};
    return add_text(t, x, GK_AT_LINE(file, line, 0), err);
}

static bool read_paragraphs(gk_train__examples *t, const char *file, gk_error *err) {
    gk_map map;
    if (!gk_map_open(file, &map, err)) return false;
    const char *p = (const char *)map.data, *end = p + map.size, *from = NULL;
    long line = 1, from_line = 0;
    size_t skip;
    bool ok = gk_text_begin(p, map.size, file, &skip, err);
    p += skip;
    for (; ok && p < end; line++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        const char *next = stop ? stop + 1 : end;
        bool blank = is_blank(p, (size_t)((stop ? stop : end) - p));
        if (blank && from) ok = add_paragraph(t, from, p, file, from_line, err);
        if (blank) from = NULL;
        if (!blank && !from) from = p, from_line = line;
        p = next;
    }
    if (ok && from) ok = add_paragraph(t, from, end, file, from_line, err);
    gk_map_close(&map);
    return ok;
}

/* ---------------------------------------------------------------- files */

static bool is_json(const char *file) {
    const char *dot = strrchr(file, '.');
    return dot && (strcmp(dot, ".jsonl") == 0 || strcmp(dot, ".json") == 0);
}

bool gk_train__read_examples(gk_train__examples *t, const char *const *files, size_t n_files, bool plain,
                             gk_loss loss, gk_error *err) {
    if (n_files == 0)
        return gk_fail(err, GK_NOWHERE, "name at least one file of texts", "there are no texts");
    for (size_t i = 0; i < n_files; i++) {
        size_t before = t->n;
        bool ok = plain && !is_json(files[i]) ? read_paragraphs(t, files[i], err)
                                              : read_lines(t, files[i], loss, err);
        if (!ok) return false;
        if (t->n == before)
            return gk_fail(err, GK_AT_FILE(files[i]), "one {\"text\": \"...\"} object a line",
                           "there is no text in this file");
    }
    return true;
}
