/* import_write.c: a patch configuration of the public code as a scheme.
 *
 * There the last patch made at a token is the one that holds; here grafts add up. So each patch is written
 * without the tokens of later ones that do something else, and patches that do the same are one graft. */
#include "graft/import/import.h"
#include "graft/internal.h"

#include <string.h>

#define BIT(c) (1u << (c))
static const uint32_t PUBLIC_ALL = BIT(GK_EMBED) | BIT(GK_LN1) | BIT(GK_Q) | BIT(GK_K) | BIT(GK_V) |
                                   BIT(GK_O) | BIT(GK_LN2) | BIT(GK_GATE) | BIT(GK_UP) | BIT(GK_DOWN);
/* What the relation model has in the upper half of the mixed donor of the last token. The gate is not. */
static const uint32_t MIXED = BIT(GK_O) | BIT(GK_UP) | BIT(GK_DOWN);

typedef enum part { WHOLE, BEFORE_LAST, ONLY_LAST } part; /* of a patch's tokens */

typedef struct writer {
    gk_arena *a;
    const gk_graft__import_config *c;
    gk_buf *out;
    size_t n_grafts;
} writer;

static const char *models(gk_graft__import_direction d, const char **recipient) {
    static const char *const recipients[] = {"pre", "sft", "task", "pre"}, *const donors[] = {"sft", "pre",
                                                                                              "sft", "task"};
    *recipient = recipients[d];
    return donors[d];
}

void gk_graft__import_quote(gk_buf *b, const char *text) {
    gk_buf_puts(b, "'");
    for (; *text; text++) gk_buf_add(b, *text == '\'' ? "''" : text, *text == '\'' ? 2 : 1);
    gk_buf_puts(b, "'");
}

/* ---------------------------------------------------------------- positions */

static bool same(const gk_graft__import_patch *x, const gk_graft__import_patch *y) {
    if (x->components != y->components) return false;
    return x->components == 0 ||
           (x->layers.all == y->layers.all && (x->layers.all || strcmp(x->layers.text, y->layers.text) == 0));
}

static const char *add_item(gk_arena *a, const char *list, const char *item) {
    return list ? gk_arena_printf(a, "%s, %s", list, item) : item;
}

/* The tokens of later patches that do something else; NULL: there are none. */
static const char *later(const writer *w, size_t i, bool *has_last) {
    const gk_graft__import_config *c = w->c;
    const char *list = NULL;
    *has_last = false;
    for (size_t j = i + 1; j < c->n; j++) {
        if (same(&c->patch[i], &c->patch[j])) continue;
        list = add_item(w->a, list, c->patch[j].at);
        *has_last |= c->patch[j].has_last;
    }
    return list;
}

/* The tokens at which patch i holds, or those of them that are (not) the last; NULL: none, as is seen without
 * a prompt. */
static const char *tokens_of(const writer *w, size_t i, part which) {
    const gk_graft__import_patch *p = &w->c->patch[i];
    bool other = p->where == GK_GRAFT__IMPORT_OTHER, tokens = p->where == GK_GRAFT__IMPORT_TOKENS, taken;
    const char *but = later(w, i, &taken), *at = other ? NULL : p->at;
    if (which == ONLY_LAST && (taken || (tokens && p->never_last))) return NULL;
    if (which == BEFORE_LAST && tokens && p->only_last) return NULL;
    if (which == BEFORE_LAST && !taken && !(tokens && p->never_last)) but = add_item(w->a, but, "last");
    if (which == ONLY_LAST && (other || p->has_last)) at = "last";
    bool alone = which != ONLY_LAST || strcmp(at, "last") == 0;
    if (at && (but || !alone) && strchr(at, ',')) at = gk_arena_printf(w->a, "[%s]", at);
    if (!alone) at = add_item(w->a, at, "last");
    if (but) but = gk_arena_printf(w->a, "{not: [%s]}", but);
    if (!at) return but ? but : "all";
    if (but) at = add_item(w->a, at, but);
    return but || !alone ? gk_arena_printf(w->a, "{if_any: {all_of: [%s]}}", at) : at;
}

/* Those of every patch that does what patch i does. */
static const char *tokens_of_all(const writer *w, size_t i, part which) {
    const char *list = NULL;
    for (size_t j = i; j < w->c->n; j++) {
        if (!same(&w->c->patch[i], &w->c->patch[j])) continue;
        const char *at = tokens_of(w, j, which);
        if (at && strcmp(at, "last") == 0 && which == ONLY_LAST) return at;
        if (at) list = add_item(w->a, list, at);
    }
    return list;
}

/* ---------------------------------------------------------------- grafts */

static const char *components_of(const writer *w, uint32_t mask) {
    const gk_family *family = w->c->setting.family;
    bool no_gate = family && gk_family_fuses_qkv(family);
    if ((mask | (no_gate ? BIT(GK_GATE) : 0)) == PUBLIC_ALL) return "all";
    const char *text = gk_graft__components_text(w->a, mask, ", ");
    return strchr(text, ',') ? gk_arena_printf(w->a, "[%s]", text) : text;
}

static void put_graft(writer *w, const char *at, const char *donor, uint32_t mask, const char *layers) {
    if (!at || !mask || (layers && !*layers)) return;
    if (mask == BIT(GK_EMBED)) layers = NULL; /* whatever the layers are */
    if (w->n_grafts++ == 0) gk_buf_puts(w->out, "    grafts:\n");
    gk_buf_printf(w->out, "      - {at: [%s], donor: %s, components: %s", at, donor, components_of(w, mask));
    if (layers) gk_buf_printf(w->out, ", layers: %s", layers);
    gk_buf_puts(w->out, "}\n");
}

/* Of these layers, those of one half of the depth. "": none. */
static const char *half(const writer *w, const gk_graft__import_layers *l, int n_layers, bool upper) {
    if (l->all) return upper ? "upper half" : "lower half";
    const char *list = NULL;
    for (int i = 0; i < n_layers; i++)
        if (l->number[i] && (i >= n_layers / 2) == upper)
            list = add_item(w->a, list, gk_arena_printf(w->a, "%d", i));
    return list ? gk_arena_printf(w->a, "[%s]", list) : "";
}

/* Patch i and those that do the same. */
static void put_grafts(writer *w, size_t i, const char *donor, int n_layers) {
    const gk_graft__import_patch *p = &w->c->patch[i];
    const char *layers = p->layers.all ? NULL : p->layers.text;
    if (w->c->setting.direction != GK_GRAFT__HYBRID) {
        put_graft(w, tokens_of_all(w, i, WHOLE), donor, p->components, layers);
        return;
    }
    const char *last = tokens_of_all(w, i, ONLY_LAST);
    put_graft(w, tokens_of_all(w, i, BEFORE_LAST), donor, p->components, layers);
    put_graft(w, last, donor, p->components & ~MIXED, layers);
    if (!(p->components & MIXED)) return;
    put_graft(w, last, donor, p->components & MIXED, half(w, &p->layers, n_layers, false));
    put_graft(w, last, "sft", p->components & MIXED, half(w, &p->layers, n_layers, true));
}

void gk_graft__import_write(gk_arena *a, const gk_graft__import_config *c, int n_layers, gk_buf *out) {
    writer w = {a, c, out, 0};
    const char *recipient, *donor = models(c->setting.direction, &recipient);
    const char *slash = strrchr(c->path, '/');
    gk_buf_puts(out, "  - name: ");
    gk_graft__import_quote(out, c->name);
    gk_buf_puts(out, "\n    about: ");
    gk_graft__import_quote(out, gk_arena_printf(a, "of %s", slash ? slash + 1 : c->path));
    gk_buf_printf(out, "\n    recipient: %s\n", recipient);
    if (!c->setting.patching) return;
    if (c->setting.head_always) gk_buf_printf(out, "    head: {donor: %s, norm: recipient}\n", donor);
    for (size_t i = 0; i < c->n; i++) {
        bool first = c->patch[i].components != 0;
        for (size_t j = 0; j < i; j++) first &= !same(&c->patch[j], &c->patch[i]);
        if (first) put_grafts(&w, i, donor, n_layers);
    }
}
