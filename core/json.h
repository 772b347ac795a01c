/* json.h: JSON documents and lines, templates filled from rows. Shared between graftkit's modules; not
 * installed, since its types are jansson's.
 */
#ifndef GK_CORE_JSON_H
#define GK_CORE_JSON_H

#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/template.h"

#include <jansson.h>

/* A JSON document with unique keys. The caller owns the reference (json_decref). Errors carry
 * line and column. An integer that 64 bits do not hold, which Python writes too, is a real. */
json_t *gk_json_load(const char *path, gk_error *err);
json_t *gk_json_parse(const char *text, size_t len, gk_place at, gk_error *err);
/* Python writes NaN, Infinity and -Infinity, which are no JSON: these two read them as null. This one reads
 * them as strings of themselves, so that who asks for a number there is told. */
json_t *gk_json_load_words(const char *path, gk_error *err);
json_t *gk_json_parse_reals(const char *text, size_t len, gk_place at,
                            gk_error *err); /* integers of any size */
/* A key or text of a document may hold "\u0000", which C's strings cannot: it comes as a mark in its place
 * (U+10FFFF and "0", and U+10FFFF itself twice). The text as it was: `s` itself, or in `a` and with no NUL
 * behind it. */
const char *gk_json_plain(gk_arena *a, const char *s, size_t *len);
/* Atomic, indented, keys in insertion order. */
bool gk_json_save(const char *path, const json_t *json, gk_error *err);

/* Typed access to member `key` of object `obj`; `at` names the place for the message. False (with a
 * message that names file, field, what is there and what would be right) when it is absent or not what
 * was asked for. */
bool gk_json_int(const json_t *obj, const char *key, int64_t lo, int64_t hi, int64_t *out, gk_place at,
                 gk_error *err);
bool gk_json_num(const json_t *obj, const char *key, double *out, gk_place at, gk_error *err); /* finite */
bool gk_json_bool(const json_t *obj, const char *key, bool *out, gk_place at, gk_error *err);
/* *out is borrowed. */
bool gk_json_str(const json_t *obj, const char *key, const char **out, gk_place at, gk_error *err);
/* Fails at the first key that is not `known` (NULL-terminated); the hint lists those. */
bool gk_json_only(const json_t *obj, const char *const *known, gk_place at, gk_error *err);

/* One JSON object a line; blank lines and leading blanks are skipped. NaN, Infinity and -Infinity, which
 * Python writes though they are no JSON, are read as null. */
typedef struct gk_jsonl gk_jsonl;
gk_jsonl *gk_jsonl_open(const char *path, gk_error *err);
/* 1: *out is a new reference to the next object; 0: end of file; -1: error (file:line in err). */
int gk_jsonl_next(gk_jsonl *r, json_t **out, gk_error *err);
gk_place gk_jsonl_place(const gk_jsonl *r); /* file and line of the object last returned */
/* The raw line last read, without its newline (borrowed until the next call). */
const char *gk_jsonl_line(const gk_jsonl *r);
void gk_jsonl_close(gk_jsonl *r);
/* Writes one object and a newline, compact. */
void gk_jsonl_write(FILE *f, const json_t *obj);

/* ---------------------------------------------------------------- rows and templates */

/* A file of fillers, {"field": "value", ...}, a new reference; an empty object for a NULL path. */
json_t *gk_fillers_load(const char *path, gk_error *err);
/* The first field that neither `row`, nor the template's own fillers, nor `fillers` (which may be NULL) has;
 * NULL when there is none. Values are looked up in this order. */
const char *gk_template_lacks(const gk_template *t, const json_t *row, const json_t *fillers);
/* Fails at the hole's file:line:column when the template lacks a field. */
bool gk_template_check(const gk_template *t, const json_t *row, const json_t *fillers, gk_error *err);
/* Fills every hole; strings and numbers are values (integers print without a point). Fails as
 * gk_template_check does, and when a value is null, empty or not a scalar (`at`: the row). */
bool gk_template_render(const gk_template *t, const json_t *row, const json_t *fillers, gk_place at,
                        gk_arena *a, gk_rendered *out, gk_error *err);
/* A value as templates say it, in `a`; NULL where it is no text and no number, or empty. */
const char *gk_value_text(gk_arena *a, const json_t *value);
/* A row's "id" as text without blanks around it, in `a`: 25, 25.0 and "25" are one. *id is NULL where there
 * is none, or it is null or blank. Fails at `at` where it is neither a text nor a number. */
bool gk_row_id(gk_arena *a, const json_t *row, gk_place at, const char **id, gk_error *err);

#endif
