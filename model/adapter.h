/* adapter.h: what an adapter is made of. Internal to model/. */
#ifndef GK_MODEL_ADAPTER_H
#define GK_MODEL_ADAPTER_H

#include "model/slots.h"

/* One adapted tensor of the family's checkpoints: a component's matrix, or several components' whose outputs
 * follow each other. B has their rows in that order, whatever the file's (GPT-NeoX goes head by head). */
typedef struct gk__site {
    gk__slot slot; /* its weight's */
    gk_component first;
    size_t a, b; /* where A and B stand in the vector */
} gk__site;

struct gk_adapter {
    gk_config cfg;
    int rank;
    double alpha;
    bool rslora;
    float scale;
    gk__site *site; /* in file order */
    size_t n_sites;
    gk__site **at; /* [n_layers x GK_N_COMPONENTS]; NULL where a component is not adapted */
    gk_param *params;
    float *data;
    size_t floats, count;
};

/* The slots of matrices in layers, of which adapters are made; `list` is freed by the caller. */
gk__slots gk__adapter_slots(const gk_config *c);
/* All zeros, of the slots that are marked. */
gk_adapter *gk__adapter_blank(const gk_config *c, const gk_lora *o, const gk__slots *slots,
                              const bool *chosen, gk_error *err);
/* adapter_file.c: what the two files of gk_adapter_load say. */
bool gk__adapter_config(const char *path, gk_lora *o, gk_error *err);
gk_adapter *gk__adapter_weights(const char *path, const gk_config *c, const gk_lora *o, gk_error *err);

static inline const gk__site *gk__site_of(const gk_adapter *a, int layer, gk_component c) {
    return a->at[(size_t)layer * GK_N_COMPONENTS + (size_t)c];
}

#endif
