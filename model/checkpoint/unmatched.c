/* unmatched.c: see unmatched.h. */
#include "model/checkpoint/unmatched.h"

#include <string.h>

/* ---------------------------------------------------------------- wrappers */

/* Parts of a name that say that a wrapper was saved in place of the model. */
static const struct {
    const char *part, *whose, *mend;
} WRAPPERS[] = {
    {"_orig_mod.", "torch.compile's",
     "save the model that was compiled (model._orig_mod), or take '_orig_mod.' out of the names"},
    {"module.", "DataParallel's", "save the model inside (model.module), or take 'module.' out of the names"},
    {"base_model.model.", "PEFT's", "merge_and_unload() before saving, or save the adapter alone"},
};

/* The wrapper's part at the head of the name or behind a point of it; -1: none. */
static int wrapper_of(const char *name) {
    for (size_t i = 0; i < sizeof WRAPPERS / sizeof *WRAPPERS; i++) {
        const char *at = strstr(name, WRAPPERS[i].part);
        if (at && (at == name || at[-1] == '.')) return (int)i;
    }
    return -1;
}

/* A tensor whose name ends in the slot's behind a point, as that of a model inside another one; NULL: none.
 */
static const gk_checkpoint__stored *inside_another(const gk_checkpoint__layout *l,
                                                   const gk_checkpoint__files *files,
                                                   const gk_checkpoint__slot *s, size_t *before) {
    const char *bare = gk_checkpoint__bare_name(l->prefix, s->name);
    for (size_t i = 0; i < files->n; i++) {
        size_t n = strlen(files->list[i].name), own = strlen(s->name), end = strlen(bare);
        if (n <= end + 1 || strcmp(files->list[i].name + n - end, bare) != 0) continue;
        bool whole = n > own && strcmp(files->list[i].name + n - own, s->name) == 0;
        *before = n - (whole ? own : end);
        if (files->list[i].name[*before - 1] == '.') return &files->list[i];
    }
    return NULL;
}

bool gk_checkpoint__missing(const gk_checkpoint__layout *l, const gk_checkpoint__files *files,
                            const gk_checkpoint__slot *s, gk_error *err) {
    char shape[96], hint[192];
    for (size_t i = 0; !l->strict && i < files->n; i++) {
        int w = wrapper_of(files->list[i].name);
        if (w >= 0)
            return gk_fail(err, gk_checkpoint__at(&files->list[i]), WRAPPERS[w].mend,
                           "'%s' in the names is %s: a wrapper was saved, not the model", WRAPPERS[w].part,
                           WRAPPERS[w].whose);
    }
    size_t before;
    const gk_checkpoint__stored *other = l->strict ? NULL : inside_another(l, files, s, &before);
    if (other) {
        snprintf(hint, sizeof hint, "take '%.*s' out of the names, if what stands behind it is the model",
                 (int)(before < 120 ? before : 120), other->name);
        return gk_fail(err, gk_checkpoint__at(other), hint, "ends in '%s', which is missing", s->name);
    }
    snprintf(hint, sizeof hint, "the configuration asks for it with the shape %s",
             gk_checkpoint__shape_text(s->shape, s->n_dims, shape, sizeof shape));
    return gk_fail(err, GK_AT_FIELD(files->n ? files->list[0].path : NULL, s->name), hint,
                   "the tensor is missing");
}

/* ---------------------------------------------------------------- left over */

/* What follows the words before a layer's number, from the number on; NULL: the name is of no layer. */
static const char *in_layer(const gk_checkpoint__layout *l, const char *bare) {
    for (size_t i = 0; i < l->n_rules; i++) {
        const char *rule = gk_checkpoint__bare_name(l->prefix, l->rules[i].name), *mark = strchr(rule, '#');
        if (mark && strncmp(bare, rule, (size_t)(mark - rule)) == 0) return bare + (mark - rule);
    }
    return NULL;
}

/* Whether the name is one of the model's own tensors outside the layers, with another ending. */
static bool of_own(const gk_checkpoint__layout *l, const char *bare) {
    for (size_t i = 0; i < l->n_rules; i++) {
        const char *rule = gk_checkpoint__bare_name(l->prefix, l->rules[i].name);
        size_t n = strlen(rule);
        if (!strchr(rule, '#') && strncmp(bare, rule, n) == 0 && bare[n] == '.') return true;
    }
    size_t n = l->head_alias ? strlen(l->head_alias) : 0;
    return n > 0 && strncmp(bare, l->head_alias, n) == 0 && bare[n] == '.';
}

static bool is_buffer(const gk_checkpoint__layout *l, const char *name) {
    for (const char *const *b = l->buffers; *b; b++)
        if (gk_checkpoint__name_matches(*b, name)) return true;
    return false;
}

static bool may_stay(const gk_checkpoint__layout *l, const char *name) {
    const char *bare = gk_checkpoint__bare_name(l->prefix, name), *inside = in_layer(l, bare);
    if (l->strict) return is_buffer(l, name);
    if (inside) return is_buffer(l, inside);
    return !of_own(l, bare) && wrapper_of(name) < 0 && !strstr(name, "lora_");
}

/* The name with a star for its first number, so that a buffer of every layer is named once. */
static void starred(const char *name, char *out, size_t size) {
    const char *at = name;
    while (*at && !(at > name && at[-1] == '.' && *at >= '0' && *at <= '9')) at++;
    if (*at)
        snprintf(out, size, "%.*s*%s", (int)(at - name), name, at + strspn(at, "0123456789"));
    else
        snprintf(out, size, "%s", name);
}

static void tell(const gk_checkpoint__stored *const *rest, size_t n) {
    enum { MOST = 6 };
    char last[128] = "", name[128];
    gk_buf names = {0};
    size_t kinds = 0;
    for (size_t i = 0; i < n; i++) {
        starred(rest[i]->name, name, sizeof name);
        if (kinds > 0 && strstr(names.data, name)) continue;
        if (strcmp(name, last) != 0 && kinds++ < MOST)
            gk_buf_printf(&names, "%s%s", kinds > 1 ? ", " : "", name);
        snprintf(last, sizeof last, "%s", name);
    }
    if (kinds > MOST) gk_buf_printf(&names, " and %zu more", kinds - MOST);
    gk_notice(GK_AT_FILE(rest[0]->path), "not used, as they are no part of a language model: %s", names.data);
    gk_buf_free(&names);
}

bool gk_checkpoint__unmatched(const gk_config *c, const gk_checkpoint__layout *l,
                              const gk_checkpoint__stored *const *rest, size_t n, gk_error *err) {
    for (size_t i = 0; i < n; i++)
        if (!may_stay(l, rest[i]->name))
            return gk_fail(err, gk_checkpoint__at(rest[i]), "check that config.json belongs to this file",
                           "a %s model of %d layers has no such tensor", gk_family_name(c->family),
                           c->n_layers);
    if (n > 0 && !l->strict) tell(rest, n);
    return true;
}
