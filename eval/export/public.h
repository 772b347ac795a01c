/* public.h: what writes results as the public code does. Internal to eval/export. */
#ifndef GK_EXPORT_PUBLIC_H
#define GK_EXPORT_PUBLIC_H

#include "eval/store/outcomes.h"
#include "graftkit/eval/store.h"

/* A token's text, in `a`. bytes: the vocabulary is a byte-level one. */
const char *gk_export__public_token(gk_arena *a, bool bytes, const char *piece);

/* A word for which the public code's readers pass over a path that holds it; NULL: there is none. */
const char *gk_export__public_hidden(const char *path);

/* Where the results of a scheme go, and what is said of it. */
typedef struct gk_export__public_place {
    const char *scheme;
    const char *lm_head, *direction, *patch; /* names of folders; patch NULL: it grafts no weights */
    const char *dropout;                     /* a rate; "0.0" */
    const char *policy;                      /* of its head, without "lm_head_" */
    const char *canonical;
    bool patching; /* false: one model alone */
} gk_export__public_place;
/* Of every scheme, in `a`, in the store's order; no two are alike. `recipient`: the run's. */
gk_export__public_place *gk_export__public_places(gk_arena *a, const gk_outcomes *o, const char *recipient);

#endif
