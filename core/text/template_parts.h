/* template_parts.h: a template as it is parsed, for the files that make and use it. Internal to core/. */
#ifndef GK_CORE_TEMPLATE_PARTS_H
#define GK_CORE_TEMPLATE_PARTS_H

#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/template.h"

#include <jansson.h>

/* Literal text, or a hole when `field` is set. */
typedef struct gk_template__piece {
    const char *text, *field;
    gk_place at; /* of the hole's opening brace */
} gk_template__piece;

typedef struct gk_template__filler { /* of the template's own line */
    const char *field, *text;
} gk_template__filler;

struct gk_template {
    const char *text;
    gk_template__piece *pieces;
    size_t n_pieces, n_holes;
    gk_template__filler *fillers;
    size_t n_fillers;
    gk_place at;
    const char *delimiter; /* what stands between it and an answer; NULL: gk_seam says */
};

/* Where a template's text stands: at `at`, and, when it came out of a JSON line, as the escaped string at
 * raw. */
typedef struct gk_template__origin {
    gk_place at;
    const char *line, *raw;
} gk_template__origin;

/* A template of `text`, in `a`; NULL on failure (template_parse.c). */
gk_template *gk_template__parse(gk_arena *a, const char *text, const gk_template__origin *from,
                                gk_error *err);
/* One unit of a valid JSON string's inside: how many raw bytes it takes; *decoded: how many bytes it stands
 * for. */
size_t gk_template__json_unit(const char *s, size_t *decoded);
/* Appends a value as it stands in a text; fails on what is none (template.c). */
bool gk_template__add_value(gk_buf *b, const char *field, const json_t *v, gk_place at, gk_error *err);

#endif
