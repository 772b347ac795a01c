/* load.h: a checkpoint as a model, and what can be told before any value is read. Internal to model/. */
#ifndef GK_MODEL_LOAD_H
#define GK_MODEL_LOAD_H

#include "graftkit/model/weights.h"
#include "model/checkpoint/slots.h"

typedef enum gk_checkpoint__way {
    GK_CHECKPOINT__VECTOR, /* as gk_model_load gives it, */
    GK_CHECKPOINT__MAPPED, /* as gk_model_open, */
    GK_CHECKPOINT__STORED  /* as gk_model_open_stored */
} gk_checkpoint__way;
/* The model at a path that is a folder or a GGUF file and no adapter's. */
gk_model *gk_checkpoint__load(const char *path, gk_checkpoint__way way, gk_error *err);
/* That of a training's checkpoint; training_checkpoint.c. */
gk_model *gk_checkpoint__load_training(const char *path, gk_error *err);

/* Of a slot whose tensor was found: an opened model reads the file's own bytes; else it unpacks them, */
bool gk_checkpoint__slot_in_place(const gk_checkpoint__slot *s, const gk_checkpoint__layout *l);
gk_dtype gk_checkpoint__slot_dtype(const gk_checkpoint__slot *s); /* to this type. */

/* A checkpoint with all its tensors found and none of their values read. */
typedef struct gk_checkpoint__survey {
    gk_config cfg;
    gk_checkpoint__files files;
    gk_checkpoint__layout layout;
    gk_checkpoint__slots slots; /* each with what is stored for it */
} gk_checkpoint__survey;
/* The errors of gk_model_open, but for what only values can tell. `out` is closed by the caller after success
 * only, and stays where it is until then. */
bool gk_checkpoint__survey_open(const char *path, gk_checkpoint__survey *out, gk_error *err);
void gk_checkpoint__survey_close(gk_checkpoint__survey *s);

#endif
