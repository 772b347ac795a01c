/* inspect.c: what a checkpoint holds and what it would take in memory, from its headers alone. */
#include "graftkit/model/checkpoint.h"
#include "model/checkpoint/load.h"
#include "model/weights/weights.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

typedef struct inspector {
    const gk_checkpoint__survey *survey;
    gk_inspection *out;
    gk_tensor_info *tensor; /* as the survey's files list them */
} inspector;

static size_t type_index(gk_inspection *out, const char *name) {
    size_t i = 0;
    while (i < out->n_types && strcmp(out->type[i].name, name) != 0) i++;
    if (i == out->n_types) out->type[out->n_types++].name = name; /* there are fewer types than places */
    return i;
}

/* A fused tensor's bytes fall to its parts by their values: no block of a packed type spans two rows. */
static void count_part(inspector *in, const gk_checkpoint__slot *s, int part) {
    gk_inspection *out = in->out;
    const gk_quant__type *q = s->stored->type;
    size_t params = (size_t)gk_checkpoint__slot_part_rows(&in->survey->cfg, s, part) * (size_t)s->in;
    uint64_t bytes = (uint64_t)params * q->bytes / q->block;
    size_t type = type_index(out, q->name);
    gk_component_info *c = &out->comp[s->rule->part[part]];
    c->params += params;
    c->bytes += bytes;
    c->types |= 1u << type;
    out->type[type].params += params;
    out->type[type].bytes += bytes;
    out->params += params;
    out->param_bytes += bytes;
}

static void count_slot(inspector *in, const gk_checkpoint__slot *s) {
    gk_tensor_info *t = &in->tensor[s->stored - in->survey->files.list];
    t->n_parts = s->rule->n_parts;
    memcpy(t->part, s->rule->part, sizeof t->part);
    t->layer = s->layer;
    t->bias = s->bias;
    t->in_place = gk_checkpoint__slot_in_place(s, &in->survey->layout);
    for (int p = 0; p < s->rule->n_parts; p++) count_part(in, s, p);
    if (t->in_place)
        in->out->mapped_bytes += s->stored->bytes;
    else
        in->out->unpacked_bytes +=
            (uint64_t)s->out * (uint64_t)s->in *
            (gk_checkpoint__slot_dtype(s) == GK_F32 ? sizeof(float) : sizeof(uint16_t));
}

static void list_tensors(inspector *in) {
    const gk_checkpoint__files *f = &in->survey->files;
    gk_arena *a = in->out->memory;
    const char *last = NULL, *file = NULL;
    in->tensor = gk_arena_alloc(a, (f->n + 1) * sizeof *in->tensor);
    for (size_t i = 0; i < f->n; i++) {
        const gk_checkpoint__stored *s = &f->list[i];
        if (s->path != last) file = gk_arena_strdup(a, s->path); /* one string a file */
        last = s->path;
        in->tensor[i] = (gk_tensor_info){.name = gk_arena_strdup(a, s->name),
                                         .type = gk_arena_strdup(a, s->type_name),
                                         .file = file,
                                         .n_dims = s->n_dims,
                                         .offset = s->byte,
                                         .bytes = s->bytes,
                                         .layer = -1};
        memcpy(in->tensor[i].shape, s->shape, sizeof s->shape);
    }
    in->out->tensor = in->tensor;
    in->out->n_tensors = f->n;
}

static bool measure_files(const gk_checkpoint__files *f, gk_inspection *out, gk_error *err) {
    out->n_files = f->n_paths;
    for (size_t i = 0; i < f->n_paths; i++) {
        struct stat st;
        if (stat(f->path[i], &st) != 0)
            return gk_fail_errno(err, GK_AT_FILE(f->path[i]), "measuring the file", errno);
        out->file_bytes += (uint64_t)st.st_size;
    }
    return true;
}

gk_inspection *gk_inspect(const char *path, gk_error *err) {
    gk_checkpoint__survey survey;
    if (!gk_checkpoint__survey_open(path, &survey, err)) return NULL;
    gk_arena *a = gk_arena_new();
    gk_inspection *out = gk_arena_alloc(a, sizeof *out);
    *out = (gk_inspection){.config = survey.cfg,
                           .gguf = survey.files.gguf != NULL,
                           .vector_floats = gk_weights__floats(&survey.cfg),
                           .memory = a};
    inspector in = {.survey = &survey, .out = out};
    list_tensors(&in);
    for (size_t i = 0; i < survey.slots.n; i++) count_slot(&in, &survey.slots.list[i]);
    bool ok = measure_files(&survey.files, out, err);
    gk_checkpoint__survey_close(&survey);
    if (ok) return out;
    gk_arena_free(a);
    return NULL;
}

void gk_inspection_free(gk_inspection *i) {
    if (i) gk_arena_free(i->memory);
}
