/* scheme.h (graft): schemes, what a user writes: who computes what, by position, layer and component.
 *
 * A YAML file; shipped ones are in graft/schemes/, and docs/schemes.md explains every word:
 *
 *   set: position                       # groups schemes in the report
 *   about: Which positions matter       # optional, as in each scheme
 *   as_published: false                 # default; true: what the public code computes. In a scheme too
 *   schemes:
 *     - name: FE+LT
 *       about: first entity and last token
 *       recipient: pre                  # default: the first model of the cast
 *       grafts:                         # default: none
 *         - at: [first_actor, last]     # field | field.first | field.last | last | all | token number |
 *                                       # 2..5 | list | {not: ...} | {after: ...} | {before: ...} |
 *                                       # {all_of: [...]} | {if_any: ...}
 *           donor: sft
 *           components: all             # default; attn | qkv | ffn | norms | a component | list.
 *                                       # all is embed … down
 *           layers: all                 # default; lower half | upper half | 2/4 | 0.25-0.5 | 3-5 | 3 |
 *                                       # list | {not: ...} | {of: ..., drop: 0.4, seed: 1}; layers
 *                                       # count from 0. embed and pos belong to no layer: only `all`
 *                                       # includes them
 *       head: recipient                 # default; final norm and head: recipient | DONOR |
 *                                       # {donor: DONOR, norm: recipient}, apart | {last: one of these}
 *       patches:                        # default: none. The residual stream after a layer is replaced
 *         - at: last                    # as in grafts
 *           layers: all                 # default, and then embed too; embed: what layer 0 reads
 *           from: sft                   # by what it is there in this model's plain run of the prompt
 *       ablations:                      # default: none. The same by a model's mean residual stream
 *         - at: last
 *           layers: lower half
 *           from: recipient             # default
 *     - name: LT $what, layer $layer    # one scheme for every pair of values
 *       grid: {layer: each, what: [attn, ffn]}
 *       grafts: [{at: last, donor: sft, components: $what, layers: $layer}]
 *   compare:                            # optional: contrasts that are planned
 *     - [FE+LT, LT]
 *     - {compare: [FE+LT, SFT], metric: top5, margin: 0.05}
 *
 * Example:
 *     gk_arena *a = gk_arena_new();
 *     gk_schemes schemes = {NULL, 0, 0, NULL, 0};
 *     bool ok = gk_schemes_load(a, "graft/schemes/position.yaml", &schemes, err);
 *     for (size_t i = 0; i < schemes.n; i++)
 *         printf("%s: %s\n", gk_scheme_name(schemes.item[i]), gk_scheme_about(schemes.item[i]));
 *     gk_arena_free(a);
 *     return ok;
 */
#ifndef GRAFTKIT_GRAFT_SCHEME_H
#define GRAFTKIT_GRAFT_SCHEME_H

#include "graftkit/core/memory.h"
#include "graftkit/core/template.h"
#include "graftkit/graft/cast.h"

GK_PUBLIC_BEGIN

/* What schemes call the field that a prompt is about, whatever its name: whoever makes prompts gives its
 * spans this name too. */
#define GK_ENTITY "entity"

typedef struct gk_scheme gk_scheme;
/* Two schemes that a file plans to compare, a minus b. Strings live as long as the schemes. */
typedef struct gk_contrast {
    const char *a, *b;      /* names, of whatever file */
    const char *set, *file; /* of the file that plans it; contrasts of one set are corrected together */
    const char *about;      /* may be "" */
    bool top5, logit_diff;  /* in which metrics */
    double top5_margin, logit_diff_margin; /* of equivalence: a share below 1, nats; NaN: none */
    gk_place place, name_place[2];         /* of the entry and of the names in it */
} gk_contrast;
typedef struct gk_schemes {
    gk_scheme **item;
    size_t n;
    size_t n_written;      /* entries of the files: a grid counts once here and once a cell in n */
    gk_contrast *contrast; /* what the files plan to compare; gk_contrasts_check looks at the names */
    size_t n_contrasts;
} gk_schemes;
/* Appends the schemes of a YAML file to `out` (start with {0}), in `a`; on failure `out` is as it was.
 * Components, layer sets and head policies are checked here, with file:line:column; names must be unique
 * over all files loaded into `out`. Grids are expanded, for models of n_layers layers; where that is 0 a grid
 * whose axes depend on it is an error. More than 100,000 schemes are refused. */
bool gk_schemes_load_for(gk_arena *a, const char *path, int n_layers, gk_schemes *out, gk_error *err);
bool gk_schemes_load(gk_arena *a, const char *path, gk_schemes *out, gk_error *err); /* n_layers = 0 */
/* The same from a text; errors call it `name`. */
bool gk_schemes_parse(gk_arena *a, const char *text, size_t len, const char *name, int n_layers,
                      gk_schemes *out, gk_error *err);
/* Of the contrasts, when all files are loaded: there are such schemes, the two do not do the same, and no two
 * are planned in one metric twice. Otherwise the place in the YAML. */
bool gk_contrasts_check(const gk_schemes *s, gk_error *err);
/* Of one of them, which gk_contrasts_check has passed: some of the templates, given by their fields, has
 * those of both its schemes. */
bool gk_contrast_check(const gk_schemes *s, const gk_contrast *c, const gk_field_span *const *fields,
                       const size_t *n_fields, size_t n_templates, gk_error *err);
const char *gk_scheme_name(const gk_scheme *s); /* "FE+LT" */
const char *gk_scheme_set(const gk_scheme *s);  /* "position", "component", …: the file's `set` */
/* What its file says of the set, a heading and a text; each may be "". Files may share a set, each with its
 * own words. */
const char *gk_scheme_set_title(const gk_scheme *s);
const char *gk_scheme_set_about(const gk_scheme *s);
const char *gk_scheme_file(const gk_scheme *s);  /* the path that it was loaded from */
const char *gk_scheme_about(const gk_scheme *s); /* one sentence for the report; may be "" */
/* Canonical one-line text of what it does: two schemes with the same text are the same. Keys
 * the results store. */
const char *gk_scheme_canonical(const gk_scheme *s);
/* Where a scheme of a grid stands in it: its value of every axis, in the order of the axes; none for a scheme
 * that stands alone. Strings live as long as the scheme. */
typedef struct gk_axis {
    const char *name, *value; /* "layer", "3" */
} gk_axis;
const gk_axis *gk_scheme_axes(const gk_scheme *s, size_t *n);
const char *gk_scheme_axis(const gk_scheme *s,
                           const char *name); /* its value; NULL when there is no such axis */
/* Every model it names is in the cast and every field in `fields` (NULL-terminated: the fields some
 * template has); otherwise the place in the YAML and the known names. */
bool gk_scheme_check(const gk_scheme *s, const gk_cast *cast, const char *const *fields, gk_error *err);
/* True when every field it refers to is among the prompt's: false = not applicable to this template. */
bool gk_scheme_applies(const gk_scheme *s, const gk_field_span *fields, size_t n_fields);
/* Whose means its ablations need (gk_cast.mean): bit m for model m of the cast, which gk_scheme_check has
 * passed. */
uint32_t gk_scheme_means(const gk_scheme *s, const gk_cast *cast);
/* The same scheme with other models: wherever it names from[i], as a donor, a head's, a patch's source or its
 * recipient, the twin names to[i]. Its name is that of `s` and which models stand in it. NULL where `s` names
 * none of `from`, or one of `to` already. In `a`; the names are kept, not copied. */
gk_scheme *gk_scheme_twin(gk_arena *a, const gk_scheme *s, const char *const *from, const char *const *to,
                          size_t n);

GK_PUBLIC_END

#endif
