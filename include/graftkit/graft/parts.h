/* parts.h (graft): named parts of a graft, and a scheme for each of their coalitions.
 *
 * A YAML file; shipped ones are in graft/parts/, and docs/attribution.md explains it:
 *
 *   about: Which parts of the graft carry the fact   # optional
 *   parts:
 *     - {name: FE, grafts: [{at: entity, donor: sft}]}   # grafts as in schemes; several are a list
 *     - {name: LT, grafts: [{at: last, donor: sft}]}
 *   rest: rest                       # optional: everything that no other part has, up to the final norm and
 *                                    # the head; {name: rest, donor: sft} where the parts have several donors
 *
 * Example:
 *     gk_arena *a = gk_arena_new();
 *     const gk_parts *parts = gk_parts_load(a, "graft/parts/places.yaml", err);
 *     gk_schemes all = {NULL, 0, 0};
 *     bool ok = parts && gk_parts_coalitions(a, parts, "pre", &all, err);
 *     for (size_t i = 0; i < all.n; i++) printf("%s\n", gk_scheme_name(all.item[i]));
 *     gk_arena_free(a);
 *     return ok;
 */
#ifndef GRAFTKIT_GRAFT_PARTS_H
#define GRAFTKIT_GRAFT_PARTS_H

#include "graftkit/graft/plan.h"

GK_PUBLIC_BEGIN

enum { GK_MOST_PARTS = 10 };
/* What a coalition's place on a part's axis (gk_scheme_axes) says. */
#define GK_PART_IN "in"
#define GK_PART_OUT "out"

typedef struct gk_parts gk_parts;
/* The parts of a file, in `a`; NULL, with the place in it, where it is none. Names are unique, and none of
 * `none`, `all` and `total`; there are 1 to GK_MOST_PARTS of them, the rest being the last. */
const gk_parts *gk_parts_load(gk_arena *a, const char *path, gk_error *err);
/* The same from a text; errors call it `name`. */
const gk_parts *gk_parts_parse(gk_arena *a, const char *text, size_t len, const char *name, gk_error *err);
size_t gk_parts_n(const gk_parts *p);
const char *gk_parts_name(const gk_parts *p, size_t i);
/* Appends 2^n schemes of the set "coalitions" to `out`, in `a`: bit i of a scheme's number says whether part
 * i is in it, as its axes do by name (GK_PART_IN, GK_PART_OUT). They are called "none", "FE", "LT", "FE + LT"
 * …, "all". Each says of every part whether its donor has it or the recipient, so that all apply to the same
 * prompts. Fails where a part's donor is the recipient. */
bool gk_parts_coalitions(gk_arena *a, const gk_parts *p, const char *recipient, gk_schemes *out,
                         gk_error *err);
/* That no two parts have one component of one layer at one token of a prompt, which messages call `prompt`
 * ("template 2"). What a part selects nothing on is not this one's to say: gk_plan_make does. Scratch comes
 * from `a`. Thread-safe with one arena per thread. */
bool gk_parts_apart(gk_arena *a, const gk_parts *p, const gk_config *c, const gk_tokens *tokens,
                    const gk_field_span *fields, size_t n_fields, const char *prompt, gk_error *err);

GK_PUBLIC_END

#endif
