/* peft.h: an adapter's folder as PEFT lays it out (https://github.com/huggingface/peft): adapter_config.json,
 * and the tensors base_model.model.MODULE.lora_A.weight, …lora_B.weight and …lora_magnitude_vector. Internal
 * to model/. */
#ifndef GK_MODEL_PEFT_H
#define GK_MODEL_PEFT_H

#include "model/adapter/adapter.h"
#include "model/arrays.h"

#define GK_PEFT__CONFIG "adapter_config.json"
#define GK_PEFT__WEIGHTS "adapter_model.safetensors"
#define GK_PEFT__BASE "base_model_name_or_path" /* the key */
#define GK_PEFT__A "lora_A.weight"
#define GK_PEFT__B "lora_B.weight"
#define GK_PEFT__MAGNITUDE "lora_magnitude_vector"
#define GK_PEFT__PREFIX "base_model.model."
/* The way out where an adapter is refused. */
#define GK_PEFT__MERGE "make a model of it with PEFT: model.merge_and_unload().save_pretrained(DIR)"
typedef struct gk_peft__reading {
    const char *path;
    const gk_safetensors *file;
    gk_peft__spec *spec;
    const gk_safetensors__entry *entry;
    size_t n;
    bool *used;
} gk_peft__reading;
/* The tensor of that name, which then counts as used; NULL: there is none. */
const gk_safetensors__entry *gk_peft__reading_find(gk_peft__reading *r, const char *name);
gk_place gk_peft__reading_at(const gk_peft__reading *r, const gk_safetensors__entry *e);
bool gk_peft__reading_check(const gk_peft__reading *r, const gk_safetensors__entry *e, const int64_t *shape,
                            int n_dims, gk_error *err);
/* Its values as floats, in the file's order; finite. */
bool gk_peft__reading_values(const gk_peft__reading *r, const gk_safetensors__entry *e, size_t n, float *out,
                             gk_error *err);
/* whole_tensors.c: reads the tensors that stand whole into a->whole. */
bool gk_peft__read_wholes(gk_peft__reading *r, gk_adapter *a, gk_error *err);

/* base_model.model.MODULE.lora_A.weight of a slot, whose own name is MODULE.weight. */
void gk_peft__tensor_name(const gk_checkpoint__slot *s, const char *which, char *out, size_t size);
/* Rows of `width` values, as many as B has, between the file's order and ours. */
void gk_peft__reorder(const gk_adapter *a, const gk_adapter__site *s, size_t width, float *ours, float *file,
                      bool to_file);

#endif
