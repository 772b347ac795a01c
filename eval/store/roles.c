/* roles.c: what a scheme is, judged by what it does: its canonical text is read back, its name is not looked
 * at. */
#include "eval/store/outcomes.h"
#include "graftkit/graft/scheme.h"

#include <string.h>

/* ---------------------------------------------------------------- reading a canonical text */

/* As graft/scheme.c writes it: "recipient=R; head=H; graft(at=A, donor=D, components=C, layers=L); …". No
 * name in it holds one of ; , = ( ) | : */
enum { MOST_GRAFTS = 4 };
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

bool gk_is_donor_alone(gk_arena *a, const char *canonical) {
    doing d = read_doing(a, canonical);
    return is_model(&d);
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

/* A donor of which there is no model alone: the first that is grafted, into the first model if any is. */
static void find_donor(finder *f) {
    for (int any = 0; any < 2; any++)
        for (size_t i = 0; i < f->o->n && !f->out->donor; i++)
            if ((any || plain(&f->d[i])) && f->d[i].n > 0) f->out->donor = f->d[i].graft[0].donor;
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

/* ---------------------------------------------------------------- components at the last token */

static bool is_donors_at_last(const finder *f, const graft *g) {
    return same(g->at, "last") && same(g->donor, f->out->donor);
}

/* Of a scheme that grafts the entity whole and something at the last token: that. */
static const graft *after_entity(const finder *f, const doing *d) {
    if (!plain(d) || d->n != 2) return NULL;
    for (int k = 0; k < 2; k++) {
        const graft *other = &d->graft[1 - k];
        if (is_donors_at_last(f, &d->graft[k]) && same(other->donor, f->out->donor) && is_whole(other) &&
            same(other->at, f->out->entity))
            return &d->graft[k];
    }
    return NULL;
}

/* Of a scheme whose recipient is neither the first model nor the donor, with something of the donor at the
 * last token and nothing else: that. */
static const graft *in_task(const finder *f, const doing *d) {
    bool other = !same(d->recipient, "(first)") && !same(d->recipient, f->out->donor);
    bool fits = other && d->n == 1 && !d->patch && !d->ablation && is_donors_at_last(f, &d->graft[0]) &&
                (!f->out->task || same(d->recipient, f->out->task));
    return fits ? &d->graft[0] : NULL;
}

/* The first schemes that graft each, all of the layers of the first; which models they have, `of` says. */
static void find_parts(const finder *f, const char *head, const graft *(*of)(const finder *, const doing *),
                       gk_part_roles *r) {
    const struct {
        const char *components, **name;
    } want[] = {{"q+k+v+o+gate+up+down", &r->attn_o_ffn},
                {"o+gate+up+down", &r->o_ffn},
                {"gate+up+down", &r->ffn},
                {"o", &r->o}};
    const char *layers = NULL;
    for (size_t w = 0; w < sizeof want / sizeof *want; w++)
        for (size_t i = 0; i < f->o->n && !*want[w].name; i++) {
            const graft *g = same(f->d[i].head, head) ? of(f, &f->d[i]) : NULL;
            if (!g || !same(g->components, want[w].components) || (layers && !same(g->layers, layers)))
                continue;
            layers = g->layers;
            *want[w].name = f->o->scheme[i].scheme;
            if (of == in_task) f->out->task = f->d[i].recipient;
        }
}

/* The task model untouched; it has its own head, as its schemes do. */
static const char *untouched(const finder *f, const char *recipient) {
    for (size_t i = 0; recipient && i < f->o->n; i++)
        if (same(f->d[i].recipient, recipient) && is_recipient(&f->d[i])) return f->o->scheme[i].scheme;
    return NULL;
}

/* Which donor shares the last token with the donor's O+FFN of some layers, so that the two are all of it: in
 * canonical order the donor's graft may be anywhere. NULL where that is not what the scheme does. */
static const char *shares_last(const finder *f, const doing *d, const graft **part) {
    const char *partner = NULL, *rest = NULL;
    bool everything = false;
    *part = NULL;
    for (size_t i = 0; i < d->n; i++) {
        const graft *g = &d->graft[i];
        if (!same(g->at, "last")) continue;
        if (same(g->donor, f->out->donor) && same(g->components, "o+gate+up+down"))
            *part = g;
        else if (partner && !same(g->donor, partner))
            return NULL;
        else {
            partner = g->donor;
            if (same(g->components, "ln1+q+k+v+q_norm+k_norm+ln1_post+ln2+ln2_post")) rest = g->layers;
            everything |= same(g->components, "ln1+q+k+v+q_norm+k_norm+o+ln1_post+ln2+gate+up+down+ln2_post");
        }
    }
    bool fits = *part && everything && same(rest, (*part)->layers) && !same(partner, f->out->donor);
    return fits ? partner : NULL;
}

static void find_hybrid(finder *f, const char *head) {
    gk_roles *r = f->out;
    const char *layers = NULL;
    for (size_t i = 0; i < f->o->n && !r->hybrid; i++) {
        const doing *d = &f->d[i];
        const graft *part;
        if (!plain(d) || d->n != 4 || !same(d->head, head)) continue;
        const char *partner = shares_last(f, d, &part);
        for (size_t k = 0; partner && k < d->n; k++) {
            const graft *g = &d->graft[k];
            bool entity = r->entity ? same(g->at, r->entity) : may_be_entity(f, g->at);
            if (!entity || !same(g->donor, partner) || !same(g->components, "q+k+v+o") ||
                !same(g->layers, "all"))
                continue;
            r->hybrid = f->o->scheme[i].scheme;
            layers = part->layers;
        }
    }
    for (size_t i = 0; r->hybrid && i < f->o->n && !r->hybrid_part; i++) {
        const doing *d = &f->d[i];
        if (plain(d) && d->n == 1 && same(d->head, head) && is_donors_at_last(f, &d->graft[0]) &&
            same(d->graft[0].components, "o+gate+up+down") && same(d->graft[0].layers, layers))
            r->hybrid_part = f->o->scheme[i].scheme;
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
        find_parts(&f, heads[h], after_entity, &out->after_entity);
        find_parts(&f, heads[h], in_task, &out->in_task);
        find_hybrid(&f, heads[h]);
        if (out->fe || out->lt || out->both || out->rest || out->after_entity.attn_o_ffn ||
            out->in_task.attn_o_ffn || out->hybrid)
            out->head = heads[h];
    }
    out->after_entity.none = out->fe;
    out->in_task.none = untouched(&f, out->task);
    find_ceiling(&f);
}

/* ---------------------------------------------------------------- what a scheme is compared with */

/* The first scheme that is `donor` everywhere in `recipient`, under `head`. */
static const gk_tried *alone_in(const finder *f, const char *recipient, const char *donor, const char *head) {
    for (size_t i = 0; i < f->o->n; i++) {
        const doing *d = &f->d[i];
        if (is_model(d) && same(d->recipient, recipient) && same(d->graft[0].donor, donor) &&
            same(d->head, head))
            return &f->o->scheme[i];
    }
    return NULL;
}

/* Nothing grafted; a model under its own head is the same put into any other. */
static const gk_tried *recipient_alone(const finder *f, const char *recipient) {
    for (size_t i = 0; i < f->o->n; i++)
        if (is_recipient(&f->d[i]) && same(f->d[i].recipient, recipient)) return &f->o->scheme[i];
    return alone_in(f, "(first)", recipient, recipient);
}

static const gk_tried *donor_alone(const finder *f, const char *recipient, const char *donor) {
    const gk_tried *in = alone_in(f, recipient, donor, "recipient");
    if (!in) in = alone_in(f, "(first)", donor, "recipient");
    return in ? in : alone_in(f, "(first)", donor, donor);
}

/* Of several donors the one that the roles are of, else the first that there is a model alone of. */
static const gk_tried *donor_of(const finder *f, const doing *d) {
    const gk_tried *first = NULL;
    for (size_t k = 0; k < d->n && k < MOST_GRAFTS; k++) {
        const gk_tried *it = donor_alone(f, d->recipient, d->graft[k].donor);
        if (it && same(d->graft[k].donor, f->out->donor)) return it;
        if (!first) first = it;
    }
    return first;
}

/* Another recipient alone has the donor that others graft into it. */
static const doing *with_donor(const finder *f, const doing *d) {
    if (d->n > 0 || plain(d)) return d;
    for (size_t i = 0; i < f->o->n; i++)
        if (f->d[i].n > 0 && same(f->d[i].recipient, d->recipient)) return &f->d[i];
    return d;
}

void gk_references_of(const gk_outcomes *o, const gk_roles *who, gk_arena *a, gk_references *out) {
    gk_roles roles = *who;
    finder f = {.a = a, .o = o, .d = gk_arena_alloc(a, (o->n + 1) * sizeof(doing)), .out = &roles};
    const gk_tried *usual = gk_outcomes_of(o, who->sft_rh ? who->sft_rh : who->sft ? who->sft : "");
    for (size_t i = 0; i < o->n; i++) f.d[i] = read_doing(a, o->scheme[i].canonical);
    for (size_t i = 0; i < o->n; i++) {
        const gk_tried *donor = donor_of(&f, with_donor(&f, &f.d[i]));
        out[i] = (gk_references){recipient_alone(&f, f.d[i].recipient), donor ? donor : usual};
    }
}
