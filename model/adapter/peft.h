/* peft.h: an adapter's folder as PEFT lays it out (https://github.com/huggingface/peft): adapter_config.json,
 * and the tensors base_model.model.MODULE.lora_A.weight, …lora_B.weight and …lora_magnitude_vector. Internal
 * to model/. */
#ifndef GK_MODEL_PEFT_H
#define GK_MODEL_PEFT_H

#include "model/adapter/adapter.h"

#define GK__PEFT_CONFIG "adapter_config.json"
#define GK__PEFT_WEIGHTS "adapter_model.safetensors"
#define GK__PEFT_BASE "base_model_name_or_path" /* the key */
#define GK__PEFT_A "lora_A.weight"
#define GK__PEFT_B "lora_B.weight"
#define GK__PEFT_MAGNITUDE "lora_magnitude_vector"
#define GK__PEFT_PREFIX "base_model.model."
/* The way out where an adapter is refused. */
#define GK__PEFT_MERGE "make a model of it with PEFT: model.merge_and_unload().save_pretrained(DIR)"
typedef struct gk__reading {
    const char *path;
    const gk_safetensors *file;
    gk__adapter_spec *spec;
    const gk__entry *entry;
    size_t n;
    bool *used;
} gk__reading;
/* The tensor of that name, which then counts as used; NULL: there is none. */
const gk__entry *gk__reading_find(gk__reading *r, const char *name);
gk_place gk__reading_at(const gk__reading *r, const gk__entry *e);
bool gk__reading_check(const gk__reading *r, const gk__entry *e, const int64_t *shape, int n_dims,
                       gk_error *err);
/* Its values as floats, in the file's order; finite. */
bool gk__reading_values(const gk__reading *r, const gk__entry *e, size_t n, float *out, gk_error *err);
/* whole_tensors.c: reads the tensors that stand whole into a->whole. */
bool gk__adapter_wholes(gk__reading *r, gk_adapter *a, gk_error *err);

/* base_model.model.MODULE.lora_A.weight of a slot, whose own name is MODULE.weight. */
void gk__peft_tensor_name(const gk__slot *s, const char *which, char *out, size_t size);
/* Rows of `width` values, as many as B has, between the file's order and ours. */
void gk__peft_reorder(const gk_adapter *a, const gk__site *s, size_t width, float *ours, float *file,
                      bool to_file);

#endif
