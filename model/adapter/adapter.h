/* adapter.h: what an adapter is made of. Internal to model/. */
#ifndef GK_MODEL_ADAPTER_H
#define GK_MODEL_ADAPTER_H

#include "graftkit/core/error.h"
#include "graftkit/model/adapter.h"
#include "graftkit/model/config.h"
#include "graftkit/model/weights.h"
#include "model/checkpoint/safetensors.h"
#include "model/checkpoint/slots.h"

/* One adapted tensor of the family's checkpoints: a component's matrix, or several components' whose outputs
 * follow each other. B has their rows in that order, whatever the file's (GPT-NeoX goes head by head). */
typedef struct gk_adapter__site {
    gk_checkpoint__slot slot; /* its weight's */
    gk_component first;
    int rank;
    float scale;
    size_t a, b;      /* where A and B stand in the vector */
    float *magnitude; /* DoRA: [slot.out] in B's order, the length of each row of W + scale B A; NULL: as it
                         is */
} gk_adapter__site;

/* A tensor that takes the place of the model's. */
typedef struct gk_adapter__whole {
    gk_checkpoint__slot slot; /* embed and head may have more or fewer rows than the model's */
    float *values;            /* [slot.out x slot.in], the components' rows after one another */
} gk_adapter__whole;

struct gk_adapter {
    gk_config cfg;
    int rank; /* the largest */
    double alpha;
    bool rslora;
    gk_adapter__site *site; /* in file order */
    size_t n_sites;
    gk_adapter__whole *whole; /* in file order */
    size_t n_wholes;
    bool unties;           /* embedding and head are no longer one, or get new values of their own */
    gk_adapter__site **at; /* [n_layers x GK_N_COMPONENTS]; NULL where a component is not adapted */
    gk_param *params;
    float *data;
    size_t floats, count;
};

/* The slots of matrices in layers, of which adapters are made; `list` is freed by the caller. */
gk_checkpoint__slots gk_adapter__slots(const gk_config *c);
/* What an adapter_config.json says; peft_config.c. `module` is a tensor's name without .weight or .bias.
 */
typedef struct gk_peft__spec gk_peft__spec;
gk_peft__spec *gk_peft__spec_read(const char *path, gk_error *err);
gk_peft__spec *gk_peft__spec_plain(const gk_lora *o); /* one rank and scale, and any target */
void gk_peft__spec_free(gk_peft__spec *s);            /* NULL is fine */
/* Fails when an expression could not be matched with a name that was asked for since. */
bool gk_peft__spec_answered(const gk_peft__spec *s, const char *path, gk_error *err);
const gk_lora *gk_peft__spec_lora(const gk_peft__spec *s);
bool gk_peft__spec_dora(const gk_peft__spec *s);
bool gk_peft__spec_ensures_tied(const gk_peft__spec *s);
int gk_peft__spec_rank(gk_peft__spec *s, const char *module);
float gk_peft__spec_scale(gk_peft__spec *s, const char *module);
bool gk_peft__spec_targets(gk_peft__spec *s, const char *module, int layer); /* has an A and a B */
bool gk_peft__spec_whole(const gk_peft__spec *s, const char *module);        /* modules_to_save has it */

/* The name in PEFT's files of a slot's module: its tensor's without .weight or .bias. */
void gk_adapter__module_name(const gk_checkpoint__slot *s, char *out, size_t size);
/* All zeros, of the slots that are marked. */
gk_adapter *gk_adapter__blank(const gk_config *c, gk_peft__spec *spec, const gk_checkpoint__slots *slots,
                              const bool *chosen, gk_error *err);
/* peft_load.c: the tensors of gk_adapter_load. */
gk_adapter *gk_adapter__weights(const char *path, const gk_config *c, gk_peft__spec *spec, gk_error *err);

static inline const gk_adapter__site *gk_adapter__site_of(const gk_adapter *a, int layer, gk_component c) {
    return a->at[(size_t)layer * GK_N_COMPONENTS + (size_t)c];
}

#endif
