/* import_patch.h (graft): patch configurations of the paper's public code, as schemes.
 *
 * Example:
 *     gk_arena *a = gk_arena_new();
 *     const char *file[] = {"patch_configs/fe_lt.yaml"};
 *     gk_import_options o = {"public", "first_actor", NULL, NULL, NULL, 0};
 *     gk_import out;
 *     bool ok = gk_import_patches(a, file, 1, NULL, &o, &out, err);
 *     if (ok) fputs(out.schemes, stdout);
 *     gk_arena_free(a);
 *     return ok;
 */
#ifndef GRAFTKIT_GRAFT_IMPORT_PATCH_H
#define GRAFTKIT_GRAFT_IMPORT_PATCH_H

#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"

GK_PUBLIC_BEGIN

/* What the files do not say. Strings are borrowed; NULL and 0: not given. */
typedef struct gk_import_options {
    const char *set;    /* the name of the set of schemes; needed */
    const char *entity; /* the field that becomes `entity`; needed */
    /* llama, gemma, gpt2 or gpt_neox: needed where a target means other matrices in some of them, as q does,
     * unless an experiment names its model */
    const char *family;
    const char *direction; /* sft2pre (the default), pre2sft, both2one, hybrid */
    const char *lm_head;   /* never (the default), always, last_token */
    int n_layers;          /* of the models; needed where a hybrid names groups of layers */
} gk_import_options;

typedef struct gk_import {
    const char *schemes;   /* a YAML file of schemes, `as_published`; in the arena */
    const char *templates; /* the templates of the experiments, as JSON lines with fillers; NULL: there are
                              none */
} gk_import;

/* Reads n files: patch configurations (`patches: …`), or experiments that hold one (`patch_config: …`). Each
 * becomes one scheme, named as the file is; docs/public-code.md says what each key becomes. `experiment` (may
 * be NULL) is an experiment without a patch_config, which the patch configurations are run by; with one, in
 * either way, the options direction and lm_head must not be given. Models are called pre, sft and task.
 *
 * Fails at file:line:column where a key is unknown, or would make the public code stop, or has no
 * counterpart. A setting of an experiment that belongs to a run and not to a scheme (rows, number of
 * examples) is told by gk_notice. Thread-safe but for the notices. */
bool gk_import_patches(gk_arena *a, const char *const *path, size_t n, const char *experiment,
                       const gk_import_options *o, gk_import *out, gk_error *err);

GK_PUBLIC_END

#endif
