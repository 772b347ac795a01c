/* shipped.h: files that come along with graftkit, by kind and name (shipped.c).
 *
 * Schemes, recipes, lists … lie below one folder, the program's home, in the same places in the source tree
 * and where graftkit is installed (PREFIX/share/graftkit). A row a kind: id, what several are called where
 * users name one (else NULL) and what one is called, its folder and how its files' names end. */
#ifndef GK_CORE_SHIPPED_H
#define GK_CORE_SHIPPED_H

#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"

#define GK_SHIPPED_KINDS(X)                                             \
    X(SCHEMES, "schemes", "scheme file", "graft/schemes", ".yaml")      \
    X(PARTS, "parts", "file of parts", "graft/parts", ".yaml")          \
    X(RECIPES, "recipes", "recipe", "train/recipes", ".yaml")           \
    X(EXPERIMENTS, "experiments", "experiment", "experiments", ".yaml") \
    X(TEMPLATES, "templates", "folder of templates", "templates", "")   \
    X(LISTS, NULL, "word list", "data/lists", ".txt")                   \
    X(TABLES, NULL, "table of facts", "data/lists", ".tsv")             \
    X(GENERAL, "general", "general text", "data/general", ".txt")       \
    X(PIPELINE, NULL, "description of the pipeline", "tools/pipeline", ".mk")
typedef enum gk_shipped {
#define X(id, word, one, folder, ending) GK_SHIPPED_##id,
    GK_SHIPPED_KINDS(X)
#undef X
        GK_N_SHIPPED
} gk_shipped;
const char *gk_shipped_word(gk_shipped kind);   /* "schemes"; NULL: users name none */
const char *gk_shipped_folder(gk_shipped kind); /* below home: "graft/schemes" */
/* HOME/FOLDER/NAME with the kind's ending, in `a`; whether there is such a file is not looked at. */
char *gk_shipped_path(gk_arena *a, const char *home, gk_shipped kind, const char *name);
/* The names of all that come along, in alphabetical order, in `a`; fails where there is none. */
bool gk_shipped_names(gk_arena *a, const char *home, gk_shipped kind, const char ***names, size_t *n,
                      gk_error *err);
/* The file that a user means by `word`, in `a` or `word` itself. What holds a / or . is a path: that of a
 * file here, else of one below home where there is one (graft/schemes/layers.yaml, from any folder), else it
 * stays what it is, for whoever opens it to complain. Anything else is a name: the file of that name that
 * comes along (layers), or else a file here. NULL where there is neither, or both; the message names `option`
 * ("--recipe", or NULL) and lists `more` (names that the option takes besides, or NULL) and what comes along.
 */
const char *gk_shipped_find(gk_arena *a, const char *home, gk_shipped kind, const char *word,
                            const char *option, const char *more, gk_error *err);

#endif
