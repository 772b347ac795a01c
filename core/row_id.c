/* row_id.c: what a row of metadata is called, the same for all that read rows. */
#include "core/json.h"
#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"

#include <string.h>

bool gk_row_id(gk_arena *a, const json_t *row, gk_place at, const char **id, gk_error *err) {
    static const char blanks[] = " \t\r\n";
    const json_t *v = json_object_get(row, "id");
    *id = NULL;
    if (!v || json_is_null(v)) return true;
    at.field = "id";
    if (!json_is_string(v) && !json_is_number(v))
        return gk_fail(err, at, "must be a text or a number, or be left out", "is %s",
                       json_is_boolean(v)  ? "true or false"
                       : json_is_object(v) ? "an object"
                                           : "a list");
    const char *s = gk_value_text(a, v);
    if (!s) return true; /* empty */
    s += strspn(s, blanks);
    size_t n = strlen(s);
    while (n > 0 && strchr(blanks, s[n - 1])) n--;
    if (n) *id = gk_arena_strndup(a, s, n);
    return true;
}
