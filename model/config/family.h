/* family.h: what sets one model family apart from another, as data. A new family is a new row in families.c.
 */
#ifndef GK_MODEL_FAMILY_H
#define GK_MODEL_FAMILY_H

#include "graftkit/core/error.h"
#include "graftkit/model/config.h"
#include "graftkit/model/weights.h"

#include <jansson.h>
#include <limits.h>

/* One tensor of a layer (or of the model) in the checkpoint and the components it holds. The file's name is
 * `name` +
 * ".weight" or ".bias", with '#' standing for the layer number. */
typedef struct gk_config__tensor_rule {
    const char *name;
    int n_parts; /* more than one: fused, the parts' outputs follow each other */
    gk_component part[3];
    bool transposed; /* a matrix is stored [in x out] (GPT-2's Conv1D) */
    bool rope_pairs; /* a head's two halves are interleaved (GGUF files of llama) */
    bool by_head; /* fused head by head: the first head's rows of every part, the second's, … (GPT-NeoX) */
} gk_config__tensor_rule;

typedef enum gk_config__field_kind {
    GK_CONFIG__INT,
    GK_CONFIG__NUM,
    GK_CONFIG__CAP, /* a number above 0; null: none */
    GK_CONFIG__BOOL,
    GK_CONFIG__ACT, /* the name of an activation */
    GK_CONFIG__ID,  /* a token id; null or absent: none; of a list the first counts */
    GK_CONFIG__IDS  /* the same, and the rest of a list goes into more_eos */
} gk_config__field_kind;

/* One member of config.json. */
typedef struct gk_config__field {
    const char *key;
    gk_config__field_kind kind;
    size_t member;     /* offsetof in gk_config */
    double standard;   /* what an absent member means; 0 of a size: it follows from the others */
    bool nullable;     /* null: none */
    const char *alias; /* another name that counts before `key`; NULL: none */
} gk_config__field;

struct gk_family {
    const char *name;         /* Hugging Face's model_type */
    const char *architecture; /* its class */
    const char *checkpoints;  /* those that people use, by their names on Hugging Face, with ", " between */
    gk_config base;           /* what the family fixes, and what a missing member of config.json means */
    bool plain_heads;     /* config.json cannot say otherwise: head_dim = d / n_heads, n_kv_heads = n_heads */
    bool embed_scaled;    /* embeddings are multiplied by sqrt(d) */
    const char *act_name; /* how this family's files call base.act */
    bool gelu_is_tanh;    /* an activation called "gelu" means the tanh form (Gemma's first files) */
    const char *theta_key;  /* rope_theta's name outside rope_parameters */
    const char *rotary_key; /* the rotated share of a head; NULL: all of it */
    double rotary_default;
    int window_period; /* layer l has a window unless (l + 1) % this is 0 or layer_types says so; 0: none has
                        */
    const char *period_key; /* by which a file may say another; NULL: none */
    bool layer_types;       /* config.json may say which layers have a window */
    bool switched_window; /* use_sliding_window says whether there are any, max_window_layers from which layer
                             on */
    int window_from;      /* the latter where it is not said */
    bool rotates_windows; /* where there is a window's width, only the layers with a window are rotated */
    int rope_period; /* layer l is rotated unless (l + 1) % this is 0 or no_rope_layers says so; 0: all are */
    bool attention_types;         /* GPT-Neo's list of layers, "global" and "local" */
    const char *theta_window_key; /* the same for layers with a window, where rotary_apart */
    double theta, theta_window;   /* what they mean where they are absent; 0: 10,000 */
    const gk_config__field *fields;
    size_t n_fields;
    const gk_config__tensor_rule *rules; /* in file order */
    size_t n_rules;
    const char *prefix;     /* the part of every name that some files leave out */
    const char *head_alias; /* another name of the head's tensor; NULL: none */
};

/* A component's weight is [*out x *in] (norms: in = 1); false where the model has no such component of its
 * own. */
bool gk_config__component_shape(const gk_config *c, gk_component comp, int *out, int *in);
bool gk_config__component_biased(const gk_config *c, gk_component comp);

enum { GK_CONFIG__ALL_LAYERS = INT_MAX }; /* as a period: each layer has a window */
/* All layers l but those where l + 1 is a multiple of `period`; 0: none. */
gk_layer_set gk_config__layers_but_every(int period);
/* A configuration with what the family fixes and its defaults; the sizes are 0. */
gk_config gk_config__of_family(const gk_family *f);
/* `at` with the field that the configuration's member is called in config.json, else `name`. */
gk_place gk_config__at_member(gk_place at, const gk_config *c, size_t member, const char *name);

/* ---- unbuilt.c: what a model_type that is no row of the table would need; NULL where that is not known */
const char *gk_config__lacks(const char *model_type);

/* ---- hf_config.c: config.json */
bool gk_config__load(const char *path, gk_config *out, gk_error *err);
/* With the members of `kept` (NULL: none) that are not the configuration's own. */
bool gk_config__save(const gk_config *c, gk_dtype weights, const json_t *kept, const char *path,
                     gk_error *err);
/* generation_config.json of a folder, which need not be there: the ids that end a text. */
bool gk_config__generation_load(const char *dir, gk_config *c, gk_error *err);
/* `kept` is written as it is; without it (NULL) a file with the ids, where config.json cannot say them. */
bool gk_config__generation_save(const gk_config *c, const json_t *kept, const char *dir, gk_error *err);
/* ---- config_keys.c: every key that a config.json may have */
typedef enum gk_config__key_use {
    GK_CONFIG__KEY_READ,  /* honoured, or refused where its value is not built */
    GK_CONFIG__KEY_FIXED, /* must have the value in *detail (JSON text), else it is refused by name */
    GK_CONFIG__KEY_VOID,  /* changes nothing, for the ground in *detail */
    GK_CONFIG__KEY_OTHER  /* transformers does not look at it for this family: the same here, and a notice
                             names it */
} gk_config__key_use;
gk_config__key_use gk_config__key_of(const gk_family *f, const char *key, const char **detail);
/* Refuses fixed keys with another value; names those of no use in one notice. */
bool gk_config__check_keys(const json_t *doc, const gk_config *c, gk_place at, gk_error *err);

/* Whether the family's config.json can say this member. */
bool gk_config__family_says(const gk_family *f, size_t member);
/* Its value where it is not said; 0 for one that cannot be said. */
double gk_config__family_standard(const gk_family *f, size_t member);

#endif
