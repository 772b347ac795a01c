/* head_policy.c: whose final norm and whose head read the prediction: from YAML, and as canonical text. */
#include "graft/internal.h"

#include <string.h>

static const char hint[] =
    "the head policy is recipient, the name of a donor, {donor: SFT, norm: recipient} (whose head, "
    "whose final norm), or one of these for the last token alone, as in {last: SFT}";

/* A model's name; none where it is the recipient. */
static bool parse_whose(const gk_graft__yaml_source *src, gk_ynode n, const gk_scheme *s,
                        gk_graft__model_name *out, gk_error *err) {
    if (!gk_graft__model_name_parse(src, n, out, err)) return false;
    bool recipient = strcmp(out->name, "recipient") == 0 ||
                     (s->recipient.name && strcmp(out->name, s->recipient.name) == 0);
    if (recipient) out->name = NULL;
    return true;
}

/* What the keys of {donor: …, norm: …} say; a key that is not there is the recipient's. */
static bool parse_apart(const gk_graft__yaml_source *src, gk_ynode n, gk_scheme *s, gk_error *err) {
    static const char *const keys[] = {"donor", "norm", "last", NULL}, *const inside[] = {"donor", "norm",
                                                                                          NULL};
    gk_graft__model_name *const to[] = {&s->head.donor, &s->head.norm};
    if (!gk_yaml_only(n, s->head.last ? inside : keys, err)) return false;
    if (gk_yaml_len(n) == 0)
        return gk_fail(err, gk_graft__yaml_place(n, src->file), hint, "this head policy names no model");
    for (int i = 0; i < 2; i++) {
        gk_ynode whose = gk_graft__yaml_get(src, n, keys[i]);
        if (gk_yaml_kind_of(whose) != GK_YAML_NONE && !parse_whose(src, whose, s, to[i], err)) return false;
    }
    return true;
}

bool gk_graft__head_parse(const gk_graft__yaml_source *src, gk_ynode n, gk_scheme *s, gk_error *err) {
    static const char *const keys[] = {"last", NULL};
    gk_graft__head_policy *h = &s->head;
    if (gk_yaml_kind_of(n) == GK_YAML_NONE) return true;
    h->place = gk_graft__yaml_place(n, src->file);
    h->last = gk_yaml_kind_of(n) == GK_YAML_MAP && gk_yaml_kind_of(gk_yaml_get(n, "last")) != GK_YAML_NONE;
    if (h->last) {
        if (!gk_yaml_only(n, keys, err)) return false;
        n = gk_graft__yaml_get(src, n, "last");
    }
    if (gk_yaml_kind_of(n) == GK_YAML_LIST)
        return gk_fail(err, gk_graft__yaml_place(n, src->file), hint, "a head policy cannot be a list");
    if (gk_yaml_kind_of(n) == GK_YAML_MAP) {
        if (!parse_apart(src, n, s, err)) return false;
    } else {
        if (!parse_whose(src, n, s, &h->donor, err)) return false;
        h->norm = h->donor;
    }
    h->last = h->last && (h->donor.name || h->norm.name);
    return true;
}

static const char *whose(const gk_graft__model_name *m) {
    return m->name ? m->name : "recipient";
}

const char *gk_graft__head_text(gk_arena *a, const gk_graft__head_policy *h) {
    const char *last = h->last ? "last:" : "", *donor = whose(&h->donor), *norm = whose(&h->norm);
    if (h->tied) return "recipient|tied:embed";
    if (strcmp(donor, norm) == 0) return gk_arena_printf(a, "%s%s", last, donor);
    return gk_arena_printf(a, "%s%s|norm:%s", last, donor, norm);
}
