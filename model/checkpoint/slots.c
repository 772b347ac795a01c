/* slots.c: see slots.h. */
#include "model/checkpoint/slots.h"

#include <string.h>

/* ---------------------------------------------------------------- names */

void gk_checkpoint__slot_name(const char *pattern, int layer, const char *suffix, char *out, size_t size) {
    const char *mark = strchr(pattern, '#');
    if (mark)
        snprintf(out, size, "%.*s%d%s%s", (int)(mark - pattern), pattern, layer, mark + 1, suffix);
    else
        snprintf(out, size, "%s%s", pattern, suffix);
}

bool gk_checkpoint__name_matches(const char *pattern, const char *name) {
    for (; *pattern; pattern++) {
        if (*pattern != '#') {
            if (*name++ != *pattern) return false;
            continue;
        }
        size_t digits = strspn(name, "0123456789");
        if (digits == 0) return false;
        name += digits;
    }
    return *name == '\0';
}

const char *gk_checkpoint__bare_name(const char *prefix, const char *name) {
    size_t len = prefix ? strlen(prefix) : 0;
    return len && strncmp(name, prefix, len) == 0 ? name + len : name;
}

/* ---------------------------------------------------------------- slots */

static void add_slot(gk_checkpoint__slots *s, const gk_config__tensor_rule *r, int layer, bool bias) {
    gk_checkpoint__slot *t = &s->list[s->n];
    *t = (gk_checkpoint__slot){.rule = r, .layer = layer, .bias = bias};
    for (int p = 0; p < r->n_parts; p++) {
        int out, in;
        if (!gk_config__component_shape(s->cfg, r->part[p], &out, &in)) return;
        if (bias && !gk_config__component_biased(s->cfg, r->part[p])) return;
        t->out += out;
        t->in = bias ? 1 : in;
    }
    bool vector = bias || gk_component_is_norm(r->part[0]);
    t->n_dims = vector ? 1 : 2;
    t->shape[0] = r->transposed && !vector ? t->in : t->out;
    t->shape[1] = r->transposed && !vector ? t->out : t->in;
    gk_checkpoint__slot_name(r->name, layer, bias ? ".bias" : ".weight", t->name, sizeof t->name);
    s->n++;
}

static bool in_layer(const gk_config__tensor_rule *r) {
    return gk_component_in_layer(r->part[0]);
}

gk_checkpoint__slots gk_checkpoint__slots_make(const gk_config *c, const gk_checkpoint__layout *l) {
    gk_checkpoint__slots s = {.cfg = c,
                              .list = gk_alloc(2 * l->n_rules * (size_t)c->n_layers * sizeof *s.list)};
    size_t begin = 0, end;
    while (begin < l->n_rules) {
        /* A run of rules of one kind; a run of layer rules is repeated for every layer. */
        for (end = begin; end < l->n_rules && in_layer(&l->rules[end]) == in_layer(&l->rules[begin]);) end++;
        bool layered = in_layer(&l->rules[begin]);
        for (int layer = layered ? 0 : -1; layer < (layered ? c->n_layers : 0); layer++)
            for (size_t r = begin; r < end; r++) {
                add_slot(&s, &l->rules[r], layer, false);
                add_slot(&s, &l->rules[r], layer, true);
            }
        begin = end;
    }
    return s;
}

/* ---------------------------------------------------------------- where rows stand */

bool gk_checkpoint__slot_transposed(const gk_checkpoint__slot *s) {
    return s->rule->transposed && s->n_dims == 2;
}

bool gk_checkpoint__slot_plain(const gk_checkpoint__slot *s) {
    return s->rule->n_parts == 1 && !s->rule->by_head && !s->rule->rope_pairs &&
           !gk_checkpoint__slot_transposed(s);
}

size_t gk_checkpoint__slot_row(const gk_config *c, const gk_checkpoint__slot *s, int p, int before, int r) {
    int head = r / c->head_dim, at = r % c->head_dim;
    if (s->rule->by_head) return (size_t)((head * s->rule->n_parts + p) * c->head_dim + at);
    if (s->rule->rope_pairs) {
        int half = c->head_dim / 2;
        return (size_t)(head * c->head_dim + at % half * 2 + at / half);
    }
    return (size_t)(before + r);
}

int gk_checkpoint__slot_part_rows(const gk_config *c, const gk_checkpoint__slot *s, int p) {
    int out = 0, in;
    gk_config__component_shape(c, s->rule->part[p], &out, &in);
    return out;
}

/* ---------------------------------------------------------------- for messages */

gk_place gk_checkpoint__at(const gk_checkpoint__stored *s) {
    return (gk_place){.file = s->path, .has_byte = true, .byte = s->byte, .field = s->name};
}

char *gk_checkpoint__shape_text(const int64_t *shape, int n, char *buf, size_t size) {
    size_t len = (size_t)snprintf(buf, size, "[");
    for (int i = 0; i < n; i++)
        len += (size_t)snprintf(buf + len, size - len, "%s%lld", i ? ", " : "", (long long)shape[i]);
    snprintf(buf + len, size - len, "]");
    return buf;
}
