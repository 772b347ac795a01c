/* slots.h: a model's configuration and a file layout's rules give slots, one for each tensor of the file: its
 * name and shape, and the components whose rows it holds. Loading and saving walk the same slots. Internal to
 * model/. */
#ifndef GK_MODEL_SLOTS_H
#define GK_MODEL_SLOTS_H

#include "model/checkpoint/files.h"

typedef struct gk_checkpoint__slot {
    char name[96];
    const gk_config__tensor_rule *rule;
    int layer; /* -1: outside the layers */
    bool bias;
    int out, in; /* of all parts together; in is 1 for a bias or norm */
    int64_t shape[2];
    int n_dims;
    const gk_checkpoint__stored *stored; /* when loading */
} gk_checkpoint__slot;

typedef struct gk_checkpoint__slots {
    const gk_config *cfg;
    gk_checkpoint__slot *list; /* gk_free */
    size_t n;
} gk_checkpoint__slots;

/* In file order. */
gk_checkpoint__slots gk_checkpoint__slots_make(const gk_config *c, const gk_checkpoint__layout *l);
/* Writes `pattern` with '#' as the layer's number, then `suffix`. */
void gk_checkpoint__slot_name(const char *pattern, int layer, const char *suffix, char *out, size_t size);
/* The name without the part that some files leave out. */
const char *gk_checkpoint__bare_name(const char *prefix, const char *name);
/* Whether `name` is `pattern` with a number for every '#'. */
bool gk_checkpoint__name_matches(const char *pattern, const char *name);

/* A matrix that is stored [in x out]. */
bool gk_checkpoint__slot_transposed(const gk_checkpoint__slot *s);
/* The tensor's values are the component's, as they stand. */
bool gk_checkpoint__slot_plain(const gk_checkpoint__slot *s);
/* The row of the file's tensor where row `r` of part `p` stands; `before`: rows of earlier parts. */
size_t gk_checkpoint__slot_row(const gk_config *c, const gk_checkpoint__slot *s, int p, int before, int r);
/* Rows of part p. */
int gk_checkpoint__slot_part_rows(const gk_config *c, const gk_checkpoint__slot *s, int p);

/* For messages: where it is, and its shape. */
gk_place gk_checkpoint__at(const gk_checkpoint__stored *s);
char *gk_checkpoint__shape_text(const int64_t *shape, int n, char *buf, size_t size); /* "[2, 3]" */

#endif
