/* template.h (core): texts with {field} holes, and where the value of each field comes to stand.
 *
 * Example:
 *     gk_arena *a = gk_arena_new();
 *     const char *const row[] = {"first_actor", "Ada Moss", "movie_title", "Green Rain", NULL};
 *     gk_template *t = gk_template_parse(a, "{first_actor} stars in {movie_title} with", GK_NOWHERE, err);
 *     gk_rendered prompt;
 *     bool ok = t && gk_template_fill(t, row, a, &prompt, err);
 *     if (ok) printf("%s: the name ends at byte %u\n", prompt.text, prompt.fields[0].span.end);
 *     gk_arena_free(a);
 *     return ok;
 */
#ifndef GRAFTKIT_CORE_TEMPLATE_H
#define GRAFTKIT_CORE_TEMPLATE_H

#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"

GK_PUBLIC_BEGIN

/* A text with {field} holes; "{{" and "}}" stand for braces. */
typedef struct gk_template gk_template;
typedef struct gk_field_span { /* where a field's value stands in a rendered text */
    const char *field;
    gk_span span;
} gk_field_span;
typedef struct gk_rendered {
    char *text;
    size_t len;
    gk_field_span *fields;
    size_t n_fields;
    const char *seam; /* what stands between this text and an answer behind it */
} gk_rendered;
/* Every template of a JSONL file, in order, into `a`. A line is {"template": "..."}; "fillers", an object of
 * texts and numbers, gives it values of fields, and "target_delimiter", a text, what stands between the
 * prompt and the answer instead of gk_seam. Any other key is an error. Errors (unclosed or stray brace, empty
 * field name) carry file:line:column of the brace in the file as it stands. */
bool gk_templates_load(gk_arena *a, const char *path, gk_template ***out, size_t *n, gk_error *err);
/* Of one text, into `a`; `at` names its place for messages and is copied. Errors as there. */
gk_template *gk_template_parse(gk_arena *a, const char *text, gk_place at, gk_error *err);
const char *gk_template_text(const gk_template *t);            /* as written */
gk_place gk_template_place(const gk_template *t);              /* file and line of one that a file gave */
bool gk_template_has(const gk_template *t, const char *field); /* whether it has a hole for it */
/* Fails at the first of n templates that has the target's field: such a prompt would only be copied from. */
bool gk_templates_ask(gk_template *const *t, size_t n, const char *target, gk_error *err);
/* The fields of its holes, each once, in the order of the text: a NULL-terminated list in `a`. */
const char *const *gk_template_fields(gk_arena *a, const gk_template *t);
/* What stands before the first hole of `field`, up to the hole: a prompt that goes on as it stands. NULL
 * where there is no such hole or no other hole before it. */
gk_template *gk_template_before(gk_arena *a, const gk_template *t, const char *field);
/* Fills every hole. `values`: names of fields and their texts in turn, then NULL; fields that are not among
 * them have the values that the template's own line gives. Fails on a hole without a value (at its
 * file:line:column), and where a text is empty or not UTF-8. `out` is in `a`. */
bool gk_template_fill(const gk_template *t, const char *const *values, gk_arena *a, gk_rendered *out,
                      gk_error *err);

/* What stands between a prompt and the answer behind it, "" or " ", by what the prompt ends in (seam.c).
 * Nothing behind white space, an opening bracket or quotation mark, a sign that leads ($ # @ / _ and a hyphen
 * behind a word) and in scripts that put no blanks between words; a blank behind everything else. Where a
 * text cannot tell, a template line's target_delimiter does. */
const char *gk_seam(const char *prompt, size_t len);

GK_PUBLIC_END

#endif
