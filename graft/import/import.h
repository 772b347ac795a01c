/* import.h: a patch configuration of the public code as it was read. Internal to the import_*.c files. */
#ifndef GK_GRAFT_IMPORT_H
#define GK_GRAFT_IMPORT_H

#include "core/yaml.h"
#include "graftkit/core/memory.h"
#include "graftkit/graft/import_patch.h"
#include "graftkit/model/config.h"

#include <stdint.h>

typedef enum gk_graft__import_direction {
    GK_GRAFT__SFT2PRE,
    GK_GRAFT__PRE2SFT,
    GK_GRAFT__BOTH2ONE,
    GK_GRAFT__HYBRID
} gk_graft__import_direction;

/* What an experiment says, or the options do. */
typedef struct gk_graft__import_setting {
    const char *experiment;  /* the file; NULL: the options */
    const gk_family *family; /* NULL: not known */
    bool first_gpt2;         /* its model `gpt2`, of which it knows fewer modules than of gpt2-xl */
    gk_graft__import_direction direction;
    bool head_always;
    bool patching;    /* false: one model alone */
    bool all_dropped; /* a dropout rate of 1 */
    const char *name; /* patch_config_filename; NULL: there is none */
} gk_graft__import_setting;

/* Layers that a patch names. `number` has them where the depth of the models is known. */
typedef struct gk_graft__import_layers {
    bool all, none;
    const char *text; /* as schemes write them */
    bool *number;
} gk_graft__import_layers;

typedef enum gk_graft__import_where {
    GK_GRAFT__IMPORT_OTHER,
    GK_GRAFT__IMPORT_FIELD,
    GK_GRAFT__IMPORT_TOKENS
} gk_graft__import_where;

typedef struct gk_graft__import_patch {
    gk_graft__import_where where;
    const char *at;                       /* a field, or token numbers with commas, as schemes write them */
    bool has_last, only_last, never_last; /* of token numbers, as far as they tell */
    uint32_t components;                  /* 0: nothing is grafted */
    gk_graft__import_layers layers;
} gk_graft__import_patch;

typedef struct gk_graft__import_config {
    const char *path, *name; /* the file, and what the scheme is called */
    gk_graft__import_setting setting;
    gk_graft__import_patch *patch; /* in the order in which they take effect */
    size_t n;
} gk_graft__import_config;

/* import_setting.c: the options as a setting; an experiment (the root of its file) as one. `templates` gets
 * its test templates, where it has some. */
bool gk_graft__import_options_setting(const gk_import_options *o, gk_graft__import_setting *out,
                                      gk_error *err);
bool gk_graft__import_experiment(gk_arena *a, gk_ynode root, const char *path, const gk_import_options *o,
                                 gk_graft__import_setting *out, const char **templates, gk_error *err);
/* A bare null. */
bool gk_graft__import_is_null(gk_ynode n);

/* import_read.c: `patches: …` of a patch configuration. */
bool gk_graft__import_read(gk_arena *a, gk_ynode root, const char *path, const gk_graft__import_setting *s,
                           const gk_import_options *o, gk_graft__import_config *out, gk_error *err);

/* import_write.c: a text as YAML has it, in quotes. */
void gk_graft__import_quote(gk_buf *b, const char *text);
/* Adds the scheme to a file of schemes. n_layers: of the models, 0: not known. */
void gk_graft__import_write(gk_arena *a, const gk_graft__import_config *c, int n_layers, gk_buf *out);

#endif
