/* compare.c: what a file plans to compare, as it is read: two schemes, in which metrics, within which
 * margins. */
#include "graft/internal.h"

#include <math.h>
#include <string.h>

enum { MOST_CONTRASTS = 1000 };

static bool parse_margin(const gk_graft__yaml_source *src, gk_ynode n, const char *metric, double most,
                         double *out, gk_error *err) {
    if (!gk_yaml_num(n, out, err)) return false;
    if (*out > 0 && *out < most) return true;
    return gk_fail(err, gk_graft__yaml_place(n, src->file),
                   isinf(most) ? "write how many nats are as good as none, above 0"
                               : "write a share between 0 and 1: 0.05 is five points",
                   "%g cannot be an equivalence margin of %s", *out, metric);
}

/* A number is of top-5, or of logit difference where that alone is compared; a map says of which. */
static bool parse_margins(const gk_graft__yaml_source *src, gk_ynode n, gk_contrast *c, gk_error *err) {
    static const char *const keys[] = {"top5", "logit_diff", NULL};
    gk_ynode of[] = {n, n};
    const bool compared[] = {c->top5, c->logit_diff};
    double *const margin[] = {&c->top5_margin, &c->logit_diff_margin};
    const int only = c->top5 ? 0 : 1;
    gk_yaml_kind kind = gk_yaml_kind_of(n);
    if (kind == GK_YAML_NONE) return true;
    if (kind == GK_YAML_MAP && !gk_yaml_only(n, keys, err)) return false;
    if (kind == GK_YAML_MAP && gk_yaml_len(n) == 0)
        return gk_fail(err, gk_graft__yaml_place(n, src->file), "write {top5: 0.05}, or leave it out",
                       "there is no margin in the map");
    for (int i = 0; i < 2; i++) {
        if (kind == GK_YAML_MAP) of[i] = gk_yaml_get(n, keys[i]);
        if (kind != GK_YAML_MAP && i != only) continue;
        if (gk_yaml_kind_of(of[i]) == GK_YAML_NONE) continue;
        if (!compared[i])
            return gk_fail(err, gk_graft__yaml_place(of[i], src->file), "leave one of the two out",
                           "the margin is of %s, which is not compared", keys[i]);
        if (!parse_margin(src, of[i], keys[i], i == 0 ? 1 : (double)INFINITY, margin[i], err)) return false;
    }
    return true;
}

static bool parse_metric(const gk_graft__yaml_source *src, gk_ynode n, gk_contrast *c, gk_error *err) {
    const char *text = "both";
    if (gk_yaml_kind_of(n) != GK_YAML_NONE && !gk_yaml_str(n, &text, err)) return false;
    bool both = strcmp(text, "both") == 0;
    c->top5 = both || strcmp(text, "top5") == 0;
    c->logit_diff = both || strcmp(text, "logit_diff") == 0;
    return c->top5 || c->logit_diff ||
           gk_fail(err, gk_graft__yaml_place(n, src->file), "write top5, logit_diff or both",
                   "'%.80s' is no metric that contrasts are in", text);
}

static const char pair_hint[] = "write [A, B], the names of two schemes";

static bool parse_pair(const gk_graft__yaml_source *src, gk_ynode n, gk_contrast *c, gk_error *err) {
    size_t len = gk_yaml_len(n);
    const char **const name[] = {&c->a, &c->b};
    if (gk_yaml_kind_of(n) != GK_YAML_LIST)
        return gk_fail(err, gk_graft__yaml_place(n, src->file), pair_hint,
                       "a contrast is a list of two schemes");
    if (len != 2)
        return gk_fail(err, gk_graft__yaml_place(n, src->file), pair_hint,
                       "a contrast is of two schemes, this one names %zu", len);
    for (size_t i = 0; i < 2; i++) {
        gk_ynode item = gk_yaml_at(n, i);
        if (!gk_yaml_str(item, name[i], err)) return false;
        *name[i] = gk_arena_strdup(src->a, *name[i]);
        c->name_place[i] = gk_graft__yaml_place(item, src->file);
    }
    return strcmp(c->a, c->b) != 0 || gk_fail(err, c->name_place[1], "name another scheme",
                                              "the scheme '%.80s' is compared with itself", c->b);
}

static bool parse_contrast(const gk_graft__yaml_source *src, gk_ynode n, gk_contrast *c, gk_error *err) {
    static const char *const keys[] = {"compare", "margin", "metric", "about", NULL};
    gk_ynode about = gk_yaml_get(n, "about");
    c->about = "";
    c->top5_margin = c->logit_diff_margin = (double)NAN;
    c->place = gk_graft__yaml_place(n, src->file);
    if (gk_yaml_kind_of(n) != GK_YAML_MAP) {
        c->top5 = c->logit_diff = true;
        return parse_pair(src, n, c, err);
    }
    if (!gk_yaml_only(n, keys, err) || !parse_pair(src, gk_yaml_get(n, "compare"), c, err) ||
        !parse_metric(src, gk_yaml_get(n, "metric"), c, err) ||
        !parse_margins(src, gk_yaml_get(n, "margin"), c, err) ||
        (gk_yaml_kind_of(about) != GK_YAML_NONE && !gk_yaml_str(about, &c->about, err)))
        return false;
    c->about = gk_arena_strdup(src->a, c->about);
    return true;
}

bool gk_graft__contrasts_parse(const gk_graft__yaml_source *src, gk_ynode list, const char *set,
                               gk_schemes *out, gk_error *err) {
    gk_yaml_kind kind = gk_yaml_kind_of(list);
    size_t n = gk_yaml_len(list), all = out->n_contrasts + n;
    if (kind == GK_YAML_NONE) return true;
    if (kind != GK_YAML_LIST)
        return gk_fail(err, gk_graft__yaml_place(list, src->file), "write one '- [A, B]' item for each",
                       "compare must be a list of contrasts");
    if (all > MOST_CONTRASTS)
        return gk_fail(err, gk_graft__yaml_place(list, src->file), "plan fewer",
                       "this would make %zu contrasts; a run takes %d at most", all, MOST_CONTRASTS);
    gk_contrast *c = gk_arena_alloc(src->a, (all + 1) * sizeof *c);
    if (out->n_contrasts) memcpy(c, out->contrast, out->n_contrasts * sizeof *c);
    for (size_t i = 0; i < n; i++) {
        gk_contrast *new = &c[out->n_contrasts + i];
        *new = (gk_contrast){.set = set, .file = src->file};
        if (!parse_contrast(src, gk_yaml_at(list, i), new, err)) return false;
    }
    out->contrast = c;
    out->n_contrasts = all;
    return true;
}
