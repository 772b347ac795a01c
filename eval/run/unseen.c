/* unseen.c: targets that begin with a token which a model never read in training. */
#include "eval/run/unseen.h"
#include "graftkit/train/corpus.h"

#include <limits.h>

/* Which tokens the texts have; in `a`. NULL on failure. */
static bool *tokens_of(const gk_run__inputs *in, gk_arena *a, const char *texts, int vocab, gk_error *err) {
    gk_corpus *c = gk_corpus_load(in->tok, &texts, 1, INT_MAX, GK_LOSS_ALL, err);
    if (!c) return NULL;
    bool *read = gk_arena_alloc(a, (size_t)vocab * sizeof *read);
    for (size_t i = 0; i < c->start[c->n]; i++)
        if (c->token[i] < vocab) read[c->token[i]] = true;
    gk_corpus_free(c);
    return read;
}

bool gk_run__unseen_find(gk_run__inputs *in, gk_arena *a, const gk_prompt_options *o, const char *rows,
                         const char *texts, gk_run__unseen *out, gk_error *err) {
    gk_prompts p;
    gk_prompt_options asked = *o;
    int vocab = gk_model_config(in->model[0])->vocab;
    asked.rows = rows;
    asked.limit = 0;
    *out = (gk_run__unseen){0};
    if (!gk_run__inputs_prompts(in, a, &asked, &p, err)) return false;
    const bool *read = tokens_of(in, a, texts, vocab, err);
    if (!read) return false;
    bool *lacks = gk_arena_alloc(a, (size_t)vocab * sizeof *lacks);
    for (size_t row = 0; row < p.n_rows; row++) {
        bool asks = false, unseen = false;
        for (size_t t = 0; t < p.n_templates; t++) {
            const gk_prompt *it = &p.item[row * p.n_templates + t];
            if (it->dropped) continue;
            asks = true;
            if (read[it->target_id]) continue;
            unseen = lacks[it->target_id] = true;
        }
        out->rows += asks;
        out->unseen += unseen;
    }
    out->tokens = json_array();
    for (int id = 0; id < vocab; id++)
        if (lacks[id]) json_array_append_new(out->tokens, json_integer(id));
    return true;
}
