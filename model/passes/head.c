/* head.c: what comes after the last layer: the final norm and the head, over the rows that predict something.
 */
#include "graftkit/model/operators.h"
#include "model/passes/session.h"

#include <string.h>

void gk_session__final_norm(gk_session *s, const gk_model *m, const int32_t *rows, int n) {
    size_t d = (size_t)s->cfg.d_model;
    for (int i = 0; i < n; i++)
        memcpy(s->picked + (size_t)i * d, s->x_out + (size_t)rows[i] * d, d * sizeof(float));
    int width = s->cfg.d_model;
    gk_op__norm_forward(&s->cfg, gk_model_tensor(m, -1, GK_LNF), n, 1, s->picked, width, s->lnf, width,
                        s->statsf);
}

void gk_session__head(const gk_config *c, const gk_model *m, int n, const float *x, float *logits) {
    gk_op_linear(gk_model_tensor(m, -1, GK_HEAD), n, x, c->d_model, logits, c->vocab);
    gk_op_softcap(c->final_softcap, (size_t)n * (size_t)c->vocab, logits);
}

int gk_session__rows_with_target(gk_session *s, const gk_batch *b) {
    int n = 0;
    for (int r = 0; b->target && r < b->n_rows; r++)
        if (b->target[r] >= 0) {
            s->rows[n] = r;
            s->target[n++] = b->target[r];
        }
    return n;
}
