/* adapter.h (model): low-rank adapters, as PEFT writes them.
 *
 * Example:
 *     gk_model *m = gk_model_load("base", err);
 *     gk_adapter *a = m ? gk_adapter_load("lora", gk_model_config(m), err) : NULL;
 *     bool ok = a && gk_adapter_merge(a, m, err) && gk_model_save(m, "merged", err);
 *     gk_adapter_free(a);
 *     gk_model_free(m);
 *     return ok;
 */
#ifndef GRAFTKIT_MODEL_ADAPTER_H
#define GRAFTKIT_MODEL_ADAPTER_H

#include "graftkit/model/checkpoint.h"

GK_PUBLIC_BEGIN

/* LoRA (Hu et al. 2021): a matrix W of the base model gives x W^T + scale (x A^T) B^T, A [rank x in], B [out
 * x rank]; only A and B are trained. Components that the family's checkpoints store in one tensor (GPT-2's
 * and GPT-NeoX's q, k, v) are adapted together, with one A, as in PEFT. */
typedef struct gk_adapter gk_adapter;
enum { /* beside bits (1u << component) in gk_lora.targets: what the model has of them */
       GK_LORA_ATTN = 1 << 28,  /* q k v o */
       GK_LORA_FFN = 1 << 29,   /* gate up down */
       GK_LORA_MOST_RANK = 4096 /* of a new adapter */
};
typedef struct gk_lora {
    int64_t rank;
    double alpha;
    bool rslora; /* scale = alpha / sqrt(rank) (Kalajdzievski 2023), else alpha / rank */
    uint32_t targets;
} gk_lora;
/* As PEFT begins: A uniform within 1 / sqrt(in), drawn by the seed, B zero. Fails when a target is no matrix
 * of a layer, when the model lacks it, when only a part of a tensor is asked for, or for lack of memory. */
gk_adapter *gk_adapter_new(const gk_config *c, const gk_lora *o, uint64_t seed, gk_error *err);
/* The folder as PEFT saves it: adapter_config.json and adapter_model.safetensors (F32, F16 or BF16), for a
 * model of this configuration. A matrix may have a rank and a scale of its own (rank_pattern, alpha_pattern),
 * and rows of a given length (DoRA); norms, biases, embedding, head and other tensors may be there whole
 * (modules_to_save), the vocabulary another. What changes the computation in another way, tensors of no place
 * and values that are not finite are errors. */
gk_adapter *gk_adapter_load(const char *dir, const gk_config *c, gk_error *err);
/* Writes both files, F32, each atomically; `base` is what base_model_name_or_path becomes. `dir` is made when
 * absent. */
bool gk_adapter_save(const gk_adapter *a, const char *base, const char *dir, gk_error *err);
void gk_adapter_free(gk_adapter *a); /* NULL is fine */
const gk_config *gk_adapter_config(const gk_adapter *a);
int gk_adapter_rank(const gk_adapter *a); /* the largest */
/* Whether it does nothing but add scale B A; any other must be merged before the model is run. */
bool gk_adapter_low_rank(const gk_adapter *a);
/* Whether it adds scale B A to that component of that layer. */
bool gk_adapter_has(const gk_adapter *a, int layer, gk_component c);
/* What it adds to one component's matrix; rank 0 where it adds nothing. Lives as long as `a`. */
gk_low_rank gk_adapter_part(const gk_adapter *a, int layer, gk_component c);
/* All A and B in one vector, as gk_model_data, gk_model_floats, gk_model_params and gk_model_count give a
 * model's. Of a tensor's components `comp` is the first. */
float *gk_adapter_data(gk_adapter *a);
size_t gk_adapter_floats(const gk_adapter *a);                        /* of that vector */
size_t gk_adapter_params(const gk_adapter *a, const gk_param **list); /* its arrays; borrowed */
size_t gk_adapter_count(const gk_adapter *a);                         /* without padding */
/* Adds scale B A to the matrices of a model of the configuration that the adapter was loaded for, and does
 * the rest; the model's vocabulary and whether its head is tied are then the adapter's. In one that
 * gk_model_open gave the changed tensors become floats in memory of their own, and a narrow model's copy
 * follows; a lean one is refused. After another failure (memory) the model is only good to be freed. */
bool gk_adapter_merge(const gk_adapter *a, gk_model *m, gk_error *err);
/* Whether `path` is a folder with an adapter instead of a model. gk_model_load and gk_model_open merge it
 * into its base, gk_model_files lists its files before its base's. */
bool gk_is_adapter(const char *path);
/* Where the base of an adapter's folder is: base_model_name_or_path, an absolute path or one from that folder
 * or from the working directory. In `a`; NULL when there is no such model here. */
const char *gk_adapter_base(const char *dir, gk_arena *a, gk_error *err);

GK_PUBLIC_END

#endif
