/* templates.c: a folder of templates, and the check that evaluation prompts are no training text. */
#include "core/json.h"
#include "data/internal.h"
#include "graftkit/core/file.h"

#include <string.h>

json_t *gk_row_swapped(const json_t *row, gk_swap swap) {
    json_t *copy = json_copy((json_t *)(uintptr_t)row);
    json_t *a = json_object_get(row, swap.a), *b = json_object_get(row, swap.b);
    json_object_del(copy, swap.a);
    json_object_del(copy, swap.b);
    if (b) json_object_set(copy, swap.a, b);
    if (a) json_object_set(copy, swap.b, a);
    return copy;
}

/* The templates of a file that may be absent. */
static bool load_some(gk_arena *a, const char *dir, const char *name, gk_template ***out, size_t *n,
                      gk_error *err) {
    const char *path = gk_path_join(a, dir, name);
    *n = 0;
    return !gk_exists(path) || gk_templates_load(a, path, out, n, err);
}

static bool load_joined(gk_arena *a, const char *dir, gk_wording *out, gk_error *err) {
    static const char *const FILES[] = {"article.jsonl", "qa.jsonl", "paraphrases.jsonl"};
    gk_template **part[3];
    size_t n[3];
    for (int i = 0; i < 3; i++)
        if (!load_some(a, dir, FILES[i], &part[i], &n[i], err)) return false;
    out->n_article = n[0];
    out->n_training = n[0] + n[1];
    out->all = gk_arena_alloc(a, (out->n_training + n[2] + 1) * sizeof *out->all);
    for (int i = 0; i < 3; i++) {
        if (n[i]) memcpy(out->all + out->n_all, part[i], n[i] * sizeof *out->all);
        out->n_all += n[i];
    }
    return load_some(a, dir, "reverse.jsonl", &out->reverse, &out->n_reverse, err);
}

bool gk_wording_load(gk_arena *a, const char *dir, gk_wording *out, gk_error *err) {
    *out = (gk_wording){0};
    if (!load_joined(a, dir, out, err)) return false;
    if (!gk_templates_load(a, gk_path_join(a, dir, "eval.jsonl"), &out->eval, &out->n_eval, err))
        return false;
    const char *path = gk_path_join(a, dir, "fillers.json");
    out->fillers = gk_fillers_load(gk_exists(path) ? path : NULL, err);
    return out->fillers != NULL;
}

void gk_wording_free(gk_wording *w) {
    json_decref(w->fillers);
    *w = (gk_wording){0};
}

/* ---------------------------------------------------------------- evaluation against training */

/* A row whose every field reads as its own hole, "{field}": rendering with it fills in the fillers only. */
static json_t *hole_row(const json_t *row) {
    json_t *holes = json_object();
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)row, key, value) {
        json_object_set_new(holes, key, json_sprintf("{%s}", key));
    }
    return holes;
}

bool gk_prompt_in(const gk_rendered *prompt, const char *text) {
    if (prompt->len == 0) return false;
    while ((text = strstr(text, prompt->text))) {
        const char *behind = text + prompt->len;
        if (!*behind || strncmp(behind, prompt->seam, strlen(prompt->seam)) == 0) return true;
        text++;
    }
    return false;
}

const char *gk_data__template_line(gk_arena *a, const gk_template *t) {
    gk_place at = gk_template_place(t);
    const char *slash = at.file ? strrchr(at.file, '/') : NULL;
    return gk_arena_printf(a, "%s:%ld", slash ? slash + 1 : "", at.line);
}

static bool check_pair(const gk_wording *w, const gk_template *eval, const gk_template *training,
                       json_t *const holes[2], bool exchange, gk_arena *a, gk_error *err) {
    gk_rendered prompt, text;
    if (!gk_template_render(eval, holes[0], w->fillers, GK_NOWHERE, a, &prompt, err)) return false;
    /* What a field ends in is not known here. */
    if (prompt.n_fields && prompt.fields[prompt.n_fields - 1].span.end == prompt.len) prompt.seam = "";
    for (int swapped = 0; swapped < 1 + exchange; swapped++) {
        if (!gk_template_render(training, holes[swapped], w->fillers, GK_NOWHERE, a, &text, err))
            return false;
        if (gk_prompt_in(&prompt, text.text))
            return gk_fail(err, gk_template_place(eval),
                           "reword one of them, so that evaluation does not ask for a known text",
                           "the evaluation prompt \"%s\" stands inside the training template \"%s\" (%s%s)",
                           prompt.text, gk_template_text(training), gk_data__template_line(a, training),
                           swapped ? ", B2A" : "");
    }
    return true;
}

static bool check_fields(const gk_wording *w, const json_t *row, gk_error *err) {
    for (size_t i = 0; i < w->n_all; i++)
        if (!gk_template_check(w->all[i], row, w->fillers, err)) return false;
    for (size_t i = 0; i < w->n_reverse; i++)
        if (!gk_template_check(w->reverse[i], row, w->fillers, err)) return false;
    for (size_t i = 0; i < w->n_eval; i++)
        if (!gk_template_check(w->eval[i], row, w->fillers, err)) return false;
    return true;
}

/* What the base has read in these very words finetuning need not teach, and a task model has nothing to
 * bring. */
static bool check_paraphrase(const gk_wording *w, const gk_template *paraphrase, const gk_template *training,
                             json_t *const holes[2], bool exchange, gk_arena *a, gk_error *err) {
    gk_rendered own, text;
    if (!gk_template_render(paraphrase, holes[0], w->fillers, GK_NOWHERE, a, &own, err)) return false;
    for (int swapped = 0; swapped < 1 + exchange; swapped++) {
        if (!gk_template_render(training, holes[swapped], w->fillers, GK_NOWHERE, a, &text, err))
            return false;
        if (strcmp(own.text, text.text) == 0)
            return gk_fail(err, gk_template_place(paraphrase),
                           "reword one of them: paraphrases are the base corpus's own wordings",
                           "the paraphrase is the training template of %s%s",
                           gk_data__template_line(a, training), swapped ? ", B2A" : "");
    }
    return true;
}

static bool check_paraphrases(const gk_wording *w, json_t *const holes[2], bool exchange, gk_arena *a,
                              gk_error *err) {
    for (size_t p = w->n_training; p < w->n_all; p++) {
        for (size_t t = 0; t < w->n_training; t++)
            if (!check_paraphrase(w, w->all[p], w->all[t], holes, exchange, a, err)) return false;
        for (size_t t = 0; t < w->n_reverse; t++)
            if (!check_paraphrase(w, w->all[p], w->reverse[t], holes, false, a, err)) return false;
    }
    return true;
}

bool gk_wording_check(const gk_wording *w, const json_t *row, gk_swap swap, gk_error *err) {
    if (!check_fields(w, row, err)) return false;
    gk_arena *a = gk_arena_new();
    json_t *holes[2] = {hole_row(row), NULL};
    holes[1] = gk_row_swapped(holes[0], swap);
    bool ok = check_paraphrases(w, holes, swap.exchange && !w->n_reverse, a, err);
    for (size_t e = 0; ok && e < w->n_eval; e++)
        for (size_t t = 0; ok && t < w->n_all + w->n_reverse; t++) {
            const gk_template *training = t < w->n_all ? w->all[t] : w->reverse[t - w->n_all];
            ok = check_pair(w, w->eval[e], training, holes, swap.exchange && !w->n_reverse, a, err);
        }
    json_decref(holes[0]);
    json_decref(holes[1]);
    gk_arena_free(a);
    return ok;
}
