/* public_places.c: under which names the public code has what a scheme does. */
#include "eval/export/public.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Names of its patch configurations that its plots know, by the names of the schemes that come along. */
static const struct {
    const char *ours, *theirs;
} NAMES[] = {{"FE", "fe"},
             {"LT", "lt"},
             {"M", "m"},
             {"R", "r"},
             {"FE+LT", "fe_lt"},
             {"M+LT", "m_lt"},
             {"FE+M", "fe_m"},
             {"FE+M+LT", "fe_m_lt"},
             {"FE+R", "fe_r"},
             {"R+LT", "r_lt"},
             {"FE+R+LT", "fe_r_lt"},
             {"FE+M+P", "fe_m_p"},
             {"FE+M+P+LT", "fe_m_p_lt"},
             {"(FE+LT)^C", "fe_lt_complement"},
             {"FE^C", "not_fe"},
             {"LT^C", "not_lt"},
             {"(FE+M)^C", "not_fe_m"},
             {"(FE+M+LT)^C", "not_fe_m_lt"},
             {"task | ATTN+O+FFN", "attn_o_ffn"},
             {"task | ATTN+FFN", "attn_ffn"},
             {"task | ATTN+O", "attn_o"},
             {"task | O+FFN", "o_ffn"},
             {"task | O", "o"},
             {"task | FFN", "ffn"},
             {"task | O+FFN-up", "o_ffn_up"},
             {"task | O+FFN-down", "o_ffn_down"},
             {"as published, FE none", "attn_o_ffn_no_fe"},
             {"as published, FE all", "attn_o_ffn_full_fe"},
             {"as published, FE ATTN+O", "attn_o_ffn_fe_attn"},
             {"as published, FE FFN", "attn_o_ffn_fe_ffn"},
             {"as published, FE O+FFN", "attn_o_ffn_fe_o_ffn"}};

/* Its readers pass over every path that holds one of these. */
static const char *const HIDDEN[] = {"archive", "bug", "skip", "smoke_test"};

const char *gk_export__public_hidden(const char *path) {
    for (size_t i = 0; i < sizeof HIDDEN / sizeof *HIDDEN; i++)
        if (strstr(path, HIDDEN[i])) return HIDDEN[i];
    return NULL;
}

/* Letters, digits and hyphens; an underscore for what is between them. */
static char *folder_name(gk_arena *a, const char *text) {
    enum { LONGEST = 100 };
    char *name = gk_arena_alloc(a, strlen(text) + 2), *to = name;
    for (const char *at = text; *at && to - name < LONGEST; at++) {
        unsigned char c = (unsigned char)*at;
        if (c < 128 && (isalnum(c) || c == '-'))
            *to++ = (char)tolower(c);
        else if (to > name && to[-1] != '_')
            *to++ = '_';
    }
    while (to > name && to[-1] == '_') to--;
    *to = '\0';
    if (!*name) *name = '_';
    /* A hyphen into the middle keeps it from being passed over: "debug" becomes "deb-ug". */
    for (const char *word; (word = gk_export__public_hidden(name));) {
        char *at = strstr(name, word) + 1;
        name = gk_arena_printf(a, "%.*s-%s", (int)(at - name), name, at);
    }
    return name;
}

/* ---------------------------------------------------------------- what it does */

static const char *value_of(gk_arena *a, const char *canonical, const char *key) {
    const char *at = strstr(canonical, key);
    if (!at) return "";
    at += strlen(key);
    return gk_arena_strndup(a, at, strcspn(at, ";,"));
}

/* The models that weights come from: the first, and whether there is another. */
static const char *donor_of(gk_arena *a, const char *canonical, bool *several) {
    const char *first = NULL;
    *several = false;
    for (const char *at = canonical; (at = strstr(at, "donor=")); at++) {
        const char *name = value_of(a, at, "donor=");
        if (!first) first = name;
        *several |= strcmp(first, name) != 0;
    }
    return first;
}

/* The rate behind "drop(": its only number between colons; "0.0" where there is none. */
static const char *dropout_of(gk_arena *a, const char *canonical) {
    const char *at = strstr(canonical, "drop("), *colon = at ? strchr(at, ':') : NULL;
    if (!colon) return "0.0";
    const char *rate = gk_arena_strndup(a, colon + 1, strcspn(colon + 1, ":)"));
    return strchr(rate, '.') ? rate : gk_arena_printf(a, "%s.0", rate);
}

static void name_head(gk_arena *a, const char *head, gk_export__public_place *out) {
    const char *bar = strchr(head, '|');
    bool never = strcmp(head, "recipient") == 0 || strcmp(head, "recipient|tied:embed") == 0;
    bool always = bar && strcmp(bar, "|norm:recipient") == 0 && strncmp(head, "last:", 5) != 0;
    out->policy = never ? "never" : always ? "always" : folder_name(a, head);
    out->lm_head = gk_arena_printf(a, "lm_head_%s", out->policy);
}

static const char *known_name(const char *scheme) {
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (strcmp(scheme, NAMES[i].ours) == 0) return NAMES[i].theirs;
    return NULL;
}

/* Which models play the parts that the public code's words for directions are of. */
typedef struct cast {
    const char *pre, *sft;
} cast;

static const char *part_of(const cast *c, const char *model) {
    if (strcmp(model, "(first)") == 0 || strcmp(model, c->pre) == 0) return "pre";
    return c->sft && strcmp(model, c->sft) == 0 ? "sft" : model;
}

static const char *direction_of(gk_arena *a, const char *donor, const char *recipient) {
    bool task = strcmp(donor, "sft") == 0 && strcmp(recipient, "pre") != 0;
    return folder_name(a, task ? "both2one" : gk_arena_printf(a, "%s2%s", donor, recipient));
}

static void name_scheme(gk_arena *a, const gk_tried *t, const cast *c, gk_export__public_place *out) {
    bool several;
    const char *recipient = part_of(c, value_of(a, t->canonical, "recipient=")), *donor,
               *head = value_of(a, t->canonical, "head="), *from = donor_of(a, t->canonical, &several),
               *patch = known_name(t->scheme);
    gk_kind kind = gk_kind_of(a, t->canonical);
    *out = (gk_export__public_place){.scheme = t->scheme, .canonical = t->canonical, .patching = true};
    if (kind == GK_IS_PATCH || kind == GK_IS_ABLATION) return;
    donor = from ? part_of(c, from) : NULL;
    bool alone = kind == GK_IS_ALONE && (!from || strcmp(head, from) == 0);
    const char *model = donor ? donor : recipient; /* the one that computes all, where it is alone */
    out->patching = !alone;
    out->dropout = dropout_of(a, t->canonical);
    name_head(a, alone ? "recipient" : head, out);
    out->patch = alone ? "no_patching" : patch ? patch : folder_name(a, t->scheme);
    if (several)
        out->direction = "hybrid";
    else if (alone)
        out->direction = strcmp(model, "pre") == 0 ? "sft2pre" : direction_of(a, "pre", model);
    else
        out->direction = direction_of(a, donor ? donor : "sft", recipient);
}

static bool same_folder(const gk_export__public_place *x, const gk_export__public_place *y) {
    return strcmp(x->lm_head, y->lm_head) == 0 && strcmp(x->direction, y->direction) == 0 &&
           strcmp(x->patch, y->patch) == 0;
}

/* The second of two that would share a folder becomes NAME_2. */
static void tell_apart(gk_arena *a, gk_export__public_place *all, size_t n) {
    const char *name = all[n].patch;
    for (size_t number = 2, i = 0; name && i < n; i++) {
        if (!all[i].patch || !same_folder(&all[i], &all[n])) continue;
        all[n].patch = gk_arena_printf(a, "%s_%zu", name, number++);
        i = SIZE_MAX; /* from the start */
    }
}

gk_export__public_place *gk_export__public_places(gk_arena *a, const gk_outcomes *o, const char *recipient) {
    gk_export__public_place *all = gk_arena_alloc(a, (o->n + 1) * sizeof *all);
    gk_roles roles;
    gk_roles_of(o, a, &roles);
    cast c = {recipient, roles.donor};
    for (size_t i = 0; i < o->n; i++) {
        name_scheme(a, &o->scheme[i], &c, &all[i]);
        tell_apart(a, all, i);
    }
    return all;
}
