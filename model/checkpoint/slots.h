/* slots.h: a model's configuration and a file layout's rules give slots, one for each tensor of the file: its
 * name and shape, and the components whose rows it holds. Loading and saving walk the same slots. Internal to
 * model/. */
#ifndef GK_MODEL_SLOTS_H
#define GK_MODEL_SLOTS_H

#include "model/checkpoint/files.h"

typedef struct gk__slot {
    char name[96];
    const gk__rule *rule;
    int layer; /* -1: outside the layers */
    bool bias;
    int out, in; /* of all parts together; in is 1 for a bias or norm */
    int64_t shape[2];
    int n_dims;
    const gk__stored *stored; /* when loading */
} gk__slot;

typedef struct gk__slots {
    const gk_config *cfg;
    gk__slot *list; /* gk_free */
    size_t n;
} gk__slots;

/* In file order. */
gk__slots gk__slots_make(const gk_config *c, const gk__layout *l);
/* Writes `pattern` with '#' as the layer's number, then `suffix`. */
void gk__slot_name(const char *pattern, int layer, const char *suffix, char *out, size_t size);
/* The name without the part that some files leave out. */
const char *gk__bare_name(const char *prefix, const char *name);
/* Whether `name` is `pattern` with a number for every '#'. */
bool gk__name_matches(const char *pattern, const char *name);

/* A matrix that is stored [in x out]. */
bool gk__slot_transposed(const gk__slot *s);
/* The tensor's values are the component's, as they stand. */
bool gk__slot_plain(const gk__slot *s);
/* The row of the file's tensor where row `r` of part `p` stands; `before`: rows of earlier parts. */
size_t gk__slot_row(const gk_config *c, const gk__slot *s, int p, int before, int r);
/* Rows of part p. */
int gk__slot_part_rows(const gk_config *c, const gk__slot *s, int p);

/* For messages: where it is, and its shape. */
gk_place gk__at_stored(const gk__stored *s);
char *gk__shape_text(const int64_t *shape, int n, char *buf, size_t size); /* "[2, 3]" */

#endif
