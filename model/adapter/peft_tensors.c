/* peft_tensors.c: the tensors of an adapter's file: their names, the order of their rows, their values. */
#include "model/adapter/peft.h"

#include <math.h>
#include <string.h>

void gk_peft__tensor_name(const gk_checkpoint__slot *s, const char *which, char *out, size_t size) {
    char module[96];
    gk_adapter__module_name(s, module, sizeof module);
    snprintf(out, size, GK_PEFT__PREFIX "%s.%s", module, which);
}

const gk_safetensors__entry *gk_peft__reading_find(gk_peft__reading *r, const char *name) {
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->entry[i].array.name, name) == 0) {
            r->used[i] = true;
            return &r->entry[i];
        }
    return NULL;
}

gk_place gk_peft__reading_at(const gk_peft__reading *r, const gk_safetensors__entry *e) {
    return (gk_place){.file = r->path, .has_byte = true, .byte = e->begin, .field = e->array.name};
}

bool gk_peft__reading_check(const gk_peft__reading *r, const gk_safetensors__entry *e, const int64_t *shape,
                            int n_dims, gk_error *err) {
    const char *type = e->type->name;
    char hint[96];
    if (!gk_checkpoint__float_type(type))
        return gk_fail(err, gk_peft__reading_at(r, e), "F32, F16 or BF16", "the tensor's type is %.20s",
                       type);
    if (e->array.n_dims == n_dims && memcmp(e->array.shape, shape, (size_t)n_dims * sizeof *shape) == 0)
        return true;
    if (n_dims == 1)
        snprintf(hint, sizeof hint, "the base model asks for [%lld]", (long long)shape[0]);
    else
        snprintf(hint, sizeof hint, "the rank and the base model ask for [%lld, %lld]", (long long)shape[0],
                 (long long)shape[1]);
    return gk_fail(err, gk_peft__reading_at(r, e), hint,
                   "the tensor has %d dimensions, the first two %lld and %lld", e->array.n_dims,
                   (long long)e->array.shape[0], (long long)e->array.shape[1]);
}

bool gk_peft__reading_values(const gk_peft__reading *r, const gk_safetensors__entry *e, size_t n, float *out,
                             gk_error *err) {
    gk_quant__dequantise(gk_checkpoint__float_type(e->type->name), gk_safetensors__bytes(r->file, e), out, n);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(out[i]))
            return gk_fail(err, gk_peft__reading_at(r, e), "every weight must be a finite number",
                           "the value at index %zu is %s", i, out[i] != out[i] ? "NaN" : "infinite");
    return true;
}

void gk_peft__reorder(const gk_adapter *a, const gk_adapter__site *s, size_t width, float *ours, float *file,
                      bool to_file) {
    int before = 0;
    for (int p = 0; p < s->slot.rule->n_parts; p++) {
        int rows = gk_checkpoint__slot_part_rows(&a->cfg, &s->slot, p);
        for (int i = 0; i < rows; i++) {
            float *x = ours + (size_t)(before + i) * width,
                  *y = file + gk_checkpoint__slot_row(&a->cfg, &s->slot, p, before, i) * width;
            memcpy(to_file ? y : x, to_file ? x : y, width * sizeof *x);
        }
        before += rows;
    }
}
