/* roles.c: what a scheme is, judged by what it does: its canonical text is read back, its name is not looked
 * at. */
#include "eval/store/outcomes.h"
#include "graftkit/graft/scheme.h"

#include <string.h>

/* ---------------------------------------------------------------- reading a canonical text */

/* As graft/scheme.c writes it: "recipient=R; head=H; graft(at=A, donor=D, components=C, layers=L); …". No
 * name in it holds one of ; , = ( ) | : */
enum { MOST_GRAFTS = 2 };
typedef struct graft {
    const char *at, *donor, *components, *layers;
} graft;
typedef struct doing {
    const char *recipient, *head;     /* "(first)"; as gk_roles.head */
    graft graft[MOST_GRAFTS];         /* the first of them */
    size_t n;                         /* how many there are */
    bool patch, ablation, complement; /* complement: every graft is at a "not(…)" */
} doing;

/* What stands between `before` and `after` in *text, which moves behind it; NULL where that is not so. */
static const char *take(gk_arena *a, const char **text, const char *before, const char *after) {
    const char *end = strstr(*text, after);
    size_t skip = strlen(before);
    if (strncmp(*text, before, skip) != 0 || !end) return NULL;
    const char *value = gk_arena_strndup(a, *text + skip, (size_t)(end - *text) - skip);
    *text = end + strlen(after);
    return value;
}

/* The place that "not(…)" leaves out, as a whole; NULL where `at` is no such place. */
static const char *left_out(gk_arena *a, const char *at) {
    size_t n = strlen(at), depth = 0;
    if (strncmp(at, "not(", 4) != 0 || at[n - 1] != ')') return NULL;
    for (size_t i = 3; i + 1 < n; i++) {
        depth += at[i] == '(';
        depth -= at[i] == ')';
        if (depth == 0) return NULL; /* not(x)|y(z) */
    }
    return gk_arena_strndup(a, at + 4, n - 5);
}

static void read_part(gk_arena *a, const char *text, doing *d) {
    if (strncmp(text, "patch(", 6) == 0) d->patch = true;
    if (strncmp(text, "ablation(", 9) == 0) d->ablation = true;
    if (strncmp(text, "graft(", 6) != 0) return;
    graft g;
    text += 6;
    g.at = take(a, &text, "at=", ", donor=");
    g.donor = g.at ? take(a, &text, "", ", components=") : NULL;
    g.components = g.donor ? take(a, &text, "", ", layers=") : NULL;
    if (!g.components) return;
    g.layers = gk_arena_strndup(a, text, strlen(text) - (*text != 0)); /* without the bracket */
    d->complement = (d->n == 0 || d->complement) && left_out(a, g.at);
    if (d->n < MOST_GRAFTS) d->graft[d->n] = g;
    d->n++;
}

static doing read_doing(gk_arena *a, const char *canonical) {
    doing d = {.recipient = "", .head = ""};
    for (const char *at = canonical; *at;) {
        const char *end = strstr(at, "; ");
        size_t n = end ? (size_t)(end - at) : strlen(at);
        const char *part = gk_arena_strndup(a, at, n);
        if (strncmp(part, "recipient=", 10) == 0) d.recipient = part + 10;
        if (strncmp(part, "head=", 5) == 0) d.head = part + 5;
        read_part(a, part, &d);
        at += n + (end ? 2 : 0);
    }
    return d;
}

static bool same(const char *x, const char *y) {
    return x && y && strcmp(x, y) == 0;
}

/* Every component of every layer, or every one that the public code grafts (as_published). */
static bool is_whole(const graft *g) {
    static const char published[] = "embed+ln1+q+k+v+o+ln2+gate+up+down";
    return (same(g->components, "all") || same(g->components, published)) && same(g->layers, "all");
}

/* One donor everywhere, under whatever head. */
static bool is_model(const doing *d) {
    return d->n == 1 && is_whole(&d->graft[0]) && same(d->graft[0].at, "all") && !d->patch && !d->ablation;
}

static bool is_recipient(const doing *d) {
    return d->n == 0 && !d->patch && !d->ablation && same(d->head, "recipient");
}

gk_kind gk_kind_of(gk_arena *a, const char *canonical) {
    doing d = read_doing(a, canonical);
    if (d.patch) return GK_IS_PATCH;
    if (d.ablation) return GK_IS_ABLATION;
    if (*canonical && (is_recipient(&d) || is_model(&d))) return GK_IS_ALONE;
    return d.complement ? GK_IS_COMPLEMENT : GK_IS_GRAFT;
}

const char *gk_sole_place(gk_arena *a, const char *canonical) {
    doing d = read_doing(a, canonical);
    bool sole = d.n == 1 && is_whole(&d.graft[0]) && !d.patch && !d.ablation && !strpbrk(d.graft[0].at, "|(");
    return sole ? d.graft[0].at : NULL;
}

/* ---------------------------------------------------------------- who has which role */

typedef struct finder {
    gk_arena *a;
    const gk_outcomes *o;
    doing *d; /* by scheme */
    gk_roles *out;
} finder;

static bool plain(const doing *d) {
    return same(d->recipient, "(first)") && !d->patch && !d->ablation;
}

/* A field: no word, number or range, and not a set of positions. */
static bool is_field(const char *at) {
    return !strpbrk(at, "|(") && strcmp(at, "all") != 0 && strcmp(at, "last") != 0 &&
           strspn(at, "+-.0123456789") < strlen(at);
}

/* What the union `at` has beside `entity` and the last token: "" where it is just these two, NULL where it is
 * not these and one field at most. */
static const char *beside(gk_arena *a, const char *at, const char *entity) {
    const char *other = "";
    size_t members = 0, known = 0;
    if (strchr(at, '(')) return NULL;
    for (const char *from = at; *from; members++) {
        size_t n = strcspn(from, "|");
        const char *member = gk_arena_strndup(a, from, n);
        if (strcmp(member, entity) == 0 || strcmp(member, "last") == 0)
            known++;
        else
            other = member;
        from += n + (from[n] == '|');
    }
    bool fits = known == 2 && members <= 3 && (!*other || is_field(other));
    return fits ? other : NULL;
}

static bool is_both(gk_arena *a, const char *at, const char *entity) {
    return same(beside(a, at, entity), "");
}

/* The first scheme that grafts the donor whole at one place only, under `head`, and that place. */
static const char *place_of(const finder *f, size_t i, const char *head) {
    const doing *d = &f->d[i];
    bool fits = plain(d) && d->n == 1 && same(d->head, head) && same(d->graft[0].donor, f->out->donor) &&
                is_whole(&d->graft[0]);
    return fits ? d->graft[0].at : NULL;
}

static void find_models(finder *f) {
    gk_roles *r = f->out;
    for (size_t i = 0; i < f->o->n; i++) {
        const doing *d = &f->d[i];
        const char *name = f->o->scheme[i].scheme;
        if (!plain(d)) continue;
        if (!r->pre && is_recipient(d)) r->pre = name;
        if (!is_model(d)) continue;
        if (!r->donor) r->donor = d->graft[0].donor;
        if (!same(r->donor, d->graft[0].donor)) continue;
        if (!r->sft && same(d->head, r->donor)) r->sft = name;
        if (!r->sft_rh && same(d->head, "recipient")) r->sft_rh = name;
    }
}

/* A donor of which there is no model alone: the first that is grafted. */
static void find_donor(finder *f) {
    for (size_t i = 0; i < f->o->n && !f->out->donor; i++)
        if (plain(&f->d[i]) && f->d[i].n > 0) f->out->donor = f->d[i].graft[0].donor;
}

/* Whether the place may be the entity: it is, or nobody said what is. */
static bool may_be_entity(const finder *f, const char *at) {
    const char *entity = f->o->entity;
    return at && is_field(at) && (!entity || same(at, entity) || same(at, GK_ENTITY));
}

/* The entity as it is grafted alone, by its field or as the word; where nobody said what it is, a field that
 * is grafted alone, and with the last token too where there is such a scheme. */
static void find_entity(finder *f, const char *head) {
    gk_roles *r = f->out;
    const char *first = NULL;
    for (size_t i = 0; i < f->o->n && !r->entity; i++) {
        const char *field = place_of(f, i, head);
        if (!may_be_entity(f, field)) continue;
        if (!first) first = field;
        for (size_t k = 0; k < f->o->n && !r->entity; k++) {
            const char *both = place_of(f, k, head);
            if (both && is_both(f->a, both, field)) r->entity = field;
        }
    }
    if (!r->entity) r->entity = first;
}

static void find_positions(finder *f, const char *head) {
    gk_roles *r = f->out;
    for (size_t i = 0; i < f->o->n; i++) {
        const char *at = place_of(f, i, head), *name = f->o->scheme[i].scheme;
        if (!at) continue;
        if (!r->lt && same(at, "last")) r->lt = name;
        if (!r->entity) continue;
        const char *out = left_out(f->a, at);
        if (!r->fe && same(at, r->entity)) r->fe = name;
        if (!r->both && is_both(f->a, at, r->entity)) r->both = name;
        if (!r->rest && out && is_both(f->a, out, r->entity)) r->rest = name;
        const char *third = beside(f->a, at, r->entity);
        if (r->all_three || !third || !*third) continue;
        r->third = third;
        r->all_three = name;
    }
}

/* Of a scheme that grafts the entity whole and something at the last token: that. */
static const graft *at_last(const finder *f, size_t i, const char *head) {
    const doing *d = &f->d[i];
    if (!plain(d) || d->n != 2 || !same(d->head, head)) return NULL;
    for (int k = 0; k < 2; k++) {
        const graft *g = &d->graft[k], *other = &d->graft[1 - k];
        if (same(g->at, "last") && same(g->donor, f->out->donor) && same(other->donor, g->donor) &&
            is_whole(other) && same(other->at, f->out->entity))
            return g;
    }
    return NULL;
}

static void find_components(finder *f, const char *head) {
    gk_roles *r = f->out;
    const struct {
        const char *components, **name;
    } want[] = {{"q+k+v+o+gate+up+down", &r->attn_ffn},
                {"o+gate+up+down", &r->o_ffn},
                {"gate+up+down", &r->ffn},
                {"o", &r->o}};
    const char *layers = NULL;
    for (size_t w = 0; w < sizeof want / sizeof *want; w++)
        for (size_t i = 0; i < f->o->n && !*want[w].name; i++) {
            const graft *g = at_last(f, i, head);
            if (!g || !same(g->components, want[w].components)) continue;
            if (layers && !same(g->layers, layers)) continue;
            layers = g->layers;
            *want[w].name = f->o->scheme[i].scheme;
        }
}

/* The donor everywhere, read as the grafts are. */
static void find_ceiling(finder *f) {
    gk_roles *r = f->out;
    const char *head = r->head ? r->head : "recipient";
    for (size_t i = 0; i < f->o->n && !r->ceiling; i++) {
        const doing *d = &f->d[i];
        bool fits = plain(d) && is_model(d) && same(d->graft[0].donor, r->donor) && same(d->head, head);
        if (fits) r->ceiling = f->o->scheme[i].scheme;
    }
}

void gk_roles_of(const gk_outcomes *o, gk_arena *a, gk_roles *out) {
    *out = (gk_roles){0};
    finder f = {.a = a, .o = o, .d = gk_arena_alloc(a, (o->n + 1) * sizeof(doing)), .out = out};
    for (size_t i = 0; i < o->n; i++) f.d[i] = read_doing(a, o->scheme[i].canonical);
    find_models(&f);
    find_donor(&f);
    if (!out->donor) return;
    const char *own = out->donor;
    const char *heads[] = {
        "recipient",
        "recipient|tied:embed", /* as_published */
        own,
        gk_arena_printf(a, "last:%s", own),
        gk_arena_printf(a, "%s|norm:recipient", own),
        gk_arena_printf(a, "last:%s|norm:recipient", own),
        gk_arena_printf(a, "recipient|norm:%s", own),
        gk_arena_printf(a, "last:recipient|norm:%s", own),
    };
    for (size_t h = 0; h < sizeof heads / sizeof *heads && !out->head; h++) {
        find_entity(&f, heads[h]);
        find_positions(&f, heads[h]);
        find_components(&f, heads[h]);
        if (out->fe || out->lt || out->both || out->rest || out->attn_ffn) out->head = heads[h];
    }
    find_ceiling(&f);
}
