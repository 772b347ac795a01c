/* unmatched.h: a checkpoint's tensors that the model does not ask for, and those that it asks for in vain.
 * Internal to model/. */
#ifndef GK_MODEL_UNMATCHED_H
#define GK_MODEL_UNMATCHED_H

#include "model/checkpoint/slots.h"

/* Refuses what would change the numbers if it were used (anything in a layer but buffers, another bias of a
 * tensor that the model has), and says in one line what else there is. */
bool gk_checkpoint__unmatched(const gk_config *c, const gk_checkpoint__layout *l,
                              const gk_checkpoint__stored *const *rest, size_t n, gk_error *err);
/* The error for a tensor that is not in the files, which may be there under a name that a wrapper gave it. */
bool gk_checkpoint__missing(const gk_checkpoint__layout *l, const gk_checkpoint__files *files,
                            const gk_checkpoint__slot *s, gk_error *err);

#endif
