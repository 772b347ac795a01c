/* vocab.c: a model with the vocabulary of another: padded rows at the end of embedding and head go, or come;
 * and with a head of its own beside one that has it. */
#include "graftkit/core/memory.h"
#include "graftkit/model/checkpoint.h"
#include "model/weights/weights.h"

#include <string.h>

static bool is_one(const gk_model *m, gk_component c) {
    gk_tensor t = m->outer[c];
    return (t.w || t.h) && !(c == GK_HEAD && m->cfg.tied);
}

/* The rows of `t` and, behind them, those of `from` that it lacks, in the wider of the two types. */
static bool extend(gk_model *m, gk_tensor *t, gk_tensor from, gk_error *err) {
    bool half = t->h && from.h && !t->w && !from.w && t->type == from.type;
    size_t in = (size_t)t->in, have = (size_t)t->out * in, all = (size_t)from.out * in;
    void *p = gk_try_alloc(all * (half ? sizeof(uint16_t) : sizeof(float)));
    if (!p)
        return gk_fail(err, GK_NOWHERE, "a machine with more memory",
                       "not enough memory for a vocabulary of %d", from.out);
    m->own = gk_grow(m->own, m->n_own * sizeof *m->own, (m->n_own + 1) * sizeof *m->own);
    m->own[m->n_own++] = p;
    if (half) {
        memcpy(p, t->h, have * sizeof *t->h);
        memcpy((uint16_t *)p + have, from.h + have, (all - have) * sizeof *t->h);
        t->h = p;
    } else {
        gk_tensor_floats(*t, 0, have, p);
        gk_tensor_floats(from, have, all - have, (float *)p + have);
        t->w = p;
        t->h = NULL;
        t->type = GK_F32;
    }
    t->out = from.out;
    return true;
}

bool gk_model_fit_vocab(gk_model *m, const gk_model *to, gk_error *err) {
    static const gk_component BOTH[] = {GK_EMBED, GK_HEAD};
    const int vocab = to->cfg.vocab;
    gk_config fitted = m->cfg;
    gk_config_diff d;
    fitted.vocab = vocab;
    if (m->data || m->half || gk_config_difference(&fitted, &to->cfg, &d)) return true;
    for (int i = 0; i < 2 && m->cfg.vocab != vocab; i++) {
        gk_tensor *t = &m->outer[BOTH[i]];
        if (!is_one(m, BOTH[i])) continue;
        if (m->cfg.vocab > vocab)
            t->out = vocab;
        else if (!extend(m, t, gk_model_tensor(to, -1, BOTH[i]), err))
            return false;
    }
    if (m->cfg.tied) m->outer[GK_HEAD] = m->outer[GK_EMBED];
    m->cfg.vocab = vocab;
    return true;
}

void gk_model_untie(gk_model *m) {
    m->cfg.tied = false; /* outer[GK_HEAD] is there already, the same view as the embedding's */
}
