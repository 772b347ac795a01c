/* input_texts.c: see input_texts.h. */
#include "core/json.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/train/corpus.h"
#include "tools/input_texts.h"

#include <stdlib.h>
#include <string.h>

typedef struct list {
    gk_arena *a;
    gk_input_text *item;
    size_t n, cap;
} list;

static gk_input_text *add(list *l) {
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 16;
        gk_input_text *more = gk_arena_alloc(l->a, cap * sizeof *more);
        if (l->n) memcpy(more, l->item, l->n * sizeof *more);
        l->item = more;
        l->cap = cap;
    }
    return &l->item[l->n++];
}

static bool add_text(list *l, const gk_input_texts *t, const char *text, gk_bos bos, gk_place at,
                     gk_error *err) {
    gk_tokens tokens;
    if (!t->tok) return gk_fail(err, at, "--tokenizer PATH", "there is no tokenizer for a text");
    if (!gk_tok_encode(t->tok, text, strlen(text), bos, l->a, &tokens, err)) {
        if (err && !err->file[0] && at.file) snprintf(err->file, sizeof err->file, "%s", at.file);
        return false;
    }
    if (tokens.n == 0 || tokens.n > INT32_MAX / 2)
        return gk_fail(err, at, "at least one token", "the text has %zu tokens", tokens.n);
    *add(l) = (gk_input_text){gk_arena_strdup(l->a, text), tokens.id, (int)tokens.n};
    return true;
}

static bool add_ids(list *l, const char *text, gk_error *err) {
    gk_place at = GK_AT_FIELD(NULL, "--ids");
    int32_t *id = gk_arena_alloc(l->a, (strlen(text) + 1) * sizeof *id);
    int n = 0;
    for (const char *p = text + strspn(text, " ,"); *p; p += strspn(p, " ,")) {
        char *end;
        long v = strtol(p, &end, 10);
        if (end == p || v < 0 || v > INT32_MAX || (*end && !strchr(" ,", *end)))
            return gk_fail(err, at, "token ids with blanks between them", "'%.40s' is no token id", p);
        id[n++] = (int32_t)v;
        p = end;
    }
    if (n == 0) return gk_fail(err, at, "at least one token id", "the text has none");
    *add(l) = (gk_input_text){NULL, id, n};
    return true;
}

static bool add_file(list *l, const gk_input_texts *t, const char *path, gk_bos bos, gk_error *err) {
    gk_jsonl *in = gk_jsonl_open(path, err);
    if (!in) return false;
    json_t *obj;
    int got;
    while ((got = gk_jsonl_next(in, &obj, err)) > 0) {
        const char *text, *key = json_object_get(obj, "prompt") ? "prompt" : "text";
        gk_place at = gk_jsonl_place(in);
        bool ok = gk_json_str(obj, key, &text, at, err) && add_text(l, t, text, bos, at, err);
        json_decref(obj);
        if (!ok) break;
    }
    gk_jsonl_close(in);
    return got == 0;
}

static bool check_texts(const gk_input_texts *t, gk_error *err) {
    const gk_config *c = gk_model_config(t->model);
    for (size_t i = 0; i < t->n; i++) {
        if (t->text[i].n > c->max_positions)
            return gk_fail(err, GK_NOWHERE, "shorten it, or give it in parts",
                           "text %zu has %d tokens, the model takes at most %d", i + 1, t->text[i].n,
                           c->max_positions);
        for (int j = 0; j < t->text[i].n; j++)
            if (t->text[i].id[j] >= c->vocab)
                return gk_fail(err, GK_NOWHERE, "the tokenizer that the model was trained with",
                               "text %zu has token %d at position %d, the model's vocabulary has %d", i + 1,
                               t->text[i].id[j], j, c->vocab);
    }
    return true;
}

static bool read_all(const gk_input_texts_args *args, gk_arena *a, gk_input_texts *out, gk_error *err) {
    list l = {.a = a};
    gk_bos bos = args->no_bos ? GK_BOS_NO : GK_BOS_DEFAULT;
    bool ok = true;
    for (size_t i = 0; ok && i < args->prompts.n; i++)
        ok = add_text(&l, out, args->prompts.item[i], bos, GK_AT_FIELD(NULL, "--prompt"), err);
    for (size_t i = 0; ok && i < args->ids.n; i++) ok = add_ids(&l, args->ids.item[i], err);
    ok = ok && (!args->file || add_file(&l, out, args->file, bos, err));
    if (ok && l.n == 0)
        ok = gk_fail(err, GK_NOWHERE, "--prompt TEXT, --prompts FILE or --ids IDS", "no text is given");
    out->text = l.item;
    out->n = l.n;
    return ok && check_texts(out, err);
}

bool gk_input_texts_open(const gk_input_texts_args *args, gk_arena *a, gk_input_texts *out, gk_error *err) {
    *out = (gk_input_texts){.model = gk_model_open_stored(args->model, err)};
    if (!out->model) return false;
    bool needed = args->prompts.n > 0 || args->file;
    out->tok = args->tokenizer ? gk_tok_load(args->tokenizer, err) : gk_tokenizer_of(args->model, err);
    bool ok = out->tok || (!needed && !args->tokenizer);
    if (ok && read_all(args, a, out, err)) return true;
    gk_input_texts_close(out);
    return false;
}

void gk_input_texts_close(gk_input_texts *t) {
    gk_tok_free(t->tok);
    gk_model_free(t->model);
    *t = (gk_input_texts){0};
}
