/* internal.h: what a row generator hands to dataset.c. Internal to data/. */
#ifndef GK_DATA_INTERNAL_H
#define GK_DATA_INTERNAL_H

#include "data/data.h"

typedef struct gk__generator {
    const char *name; /* of the dataset and of its folder in templates/ */
    gk_swap swap;
    /* Files of data/lists, without ".txt". The first is the list that a target's first word comes from; the
     * first n_names are kept whole by the tokenizer. */
    const char *const *lists;
    size_t n_lists, n_names;
    /* Fills splits[s].row, an array of splits[s].n NULLs, with new references; no two splits share anything
     * that a fact is about. `lists` are as above. */
    bool (*make)(const gk_list *lists, uint64_t seed, gk_rows *splits, size_t n_splits, gk_error *err);
} gk__generator;

extern const gk__generator gk__fake_movies;

#endif
