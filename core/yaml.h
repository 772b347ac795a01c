/* yaml.h: YAML documents by path and place. Shared between graftkit's modules; not installed. */
#ifndef GK_CORE_YAML_H
#define GK_CORE_YAML_H

#include "graftkit/core/error.h"

typedef struct gk_yaml gk_yaml; /* a parsed document */
typedef enum gk_yaml_kind { GK_YAML_NONE, GK_YAML_SCALAR, GK_YAML_LIST, GK_YAML_MAP } gk_yaml_kind;
/* A handle into a document; "absent" when gk_yaml_kind_of says GK_YAML_NONE, as for {0}. */
typedef struct gk_ynode {
    const gk_yaml *doc;
    int id; /* internal */
    /* the key it was looked up by, which messages name; borrowed from the caller or the document */
    const char *key;
} gk_ynode;

/* One document of at most 16 MiB. Duplicate keys, keys that are no scalars and aliases (*name) are errors;
 * an empty document has an absent root. */
gk_yaml *gk_yaml_load(const char *path, gk_error *err);
gk_yaml *gk_yaml_parse(const char *text, size_t len, const char *name, gk_error *err);
void gk_yaml_free(gk_yaml *y);
gk_ynode gk_yaml_root(const gk_yaml *y);
gk_yaml_kind gk_yaml_kind_of(gk_ynode n);     /* GK_YAML_NONE for an absent node */
gk_place gk_yaml_place(gk_ynode n);           /* file, line, column, key; of an absent node: of its map */
size_t gk_yaml_len(gk_ynode n);               /* items of a list or map, else 0 */
gk_ynode gk_yaml_at(gk_ynode list, size_t i); /* i-th item of a list, or i-th value of a map */
gk_ynode gk_yaml_key(gk_ynode map, size_t i); /* i-th key of a map */
gk_ynode gk_yaml_get(gk_ynode map, const char *key); /* absent when there is none */
const char *gk_yaml_text(gk_ynode scalar);           /* NULL when not a scalar */
/* Typed access to a scalar node: false with file:line:column when it is absent or malformed. A quoted
 * scalar is a text, not a number or a bool. */
bool gk_yaml_int(gk_ynode n, int64_t lo, int64_t hi, int64_t *out, gk_error *err);
bool gk_yaml_num(gk_ynode n, double *out, gk_error *err);
bool gk_yaml_bool(gk_ynode n, bool *out, gk_error *err);
/* A bare null, ~ or nothing is no text; "" is. */
bool gk_yaml_str(gk_ynode n, const char **out, gk_error *err);
/* Fails, naming the key and the allowed ones, when `map` is no map or has a key that is not in the
 * NULL-terminated list. */
bool gk_yaml_only(gk_ynode map, const char *const *allowed, gk_error *err);

#endif
