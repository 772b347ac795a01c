/* search_cells.c: what a search chooses from: every prompt cut into positions, the layers into blocks, their
 * components into groups. Words are read by graft/: each becomes a scheme, and its plan says what it selects.
 */
#include "eval/run/search.h"

#include <string.h>

enum { MOST_SPOTS = 64, MOST_TEAMS = 32 };

typedef struct maker {
    gk_arena *a, *plans; /* plans: until the next prompt */
    const gk_search_options *o;
    const gk_cast *cast;
    gk_prompts *p;
    gk_search__cells *c;
    const char *asked[MOST_SPOTS]; /* positions in order of precedence: last first */
    gk_scheme *scheme[MOST_SPOTS];
    size_t n;
    bool fields;                  /* they are the templates' fields, not the user's choice */
    bool *overlaps;               /* [n x n]: a token of position i was taken by position j before it */
    bool rest_somewhere, no_rest; /* some prompt has tokens for the rest; some prompt has none */
} maker;

/* ---------------------------------------------------------------- words */

static bool plain(const char *name) {
    static const char *const not_fields[] = {"all", "last", "null", "rest"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (size_t i = 0; i < sizeof not_fields / sizeof *not_fields; i++)
        if (strcmp(name, not_fields[i]) == 0) return false;
    return *name && strchr(letters, *name) && name[strspn(name, letters)] != '.' &&
           !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")];
}

/* The scheme that grafts one selection; errors name the option instead of a place in a text of ours. */
static gk_scheme *scheme_of(const maker *m, const char *option, const char *at, const char *components,
                            gk_error *err) {
    const char *word = strcmp(option, "--position") == 0 ? at : components;
    const char *name = gk_arena_printf(m->a, "%s %.200s", option, word);
    gk_buf text = {0};
    gk_schemes list = {0};
    gk_error why;
    gk_buf_printf(&text,
                  "set: cells\nschemes:\n  - name: cell\n    grafts:\n      - at: %s\n        donor: '%s'\n  "
                  "      components: %s\n",
                  at, m->cast->name[1], components);
    bool odd = strpbrk(word, "\r\n#") != NULL; /* would end the line or hide its rest */
    bool ok = !odd && gk_schemes_parse(m->a, text.data, text.len, name, m->c->cfg->n_layers, &list, &why) &&
              gk_scheme_check(list.item[0], m->cast, m->p->fields, &why);
    gk_buf_free(&text);
    if (ok) return list.item[0];
    if (odd) gk_fail(&why, GK_AT_FILE(name), "write it as in a scheme file", "is not one line of YAML");
    why.line = why.column = 0;
    if (err) *err = why;
    return NULL;
}

/* ---------------------------------------------------------------- positions */

static const gk_prompt *first_kept(const gk_prompts *p) {
    for (size_t i = 0; i < p->n; i++)
        if (!p->item[i].dropped) return &p->item[i];
    return NULL;
}

static bool shared(const gk_prompts *p, const char *field) {
    for (size_t t = 0; t < p->n_templates; t++) {
        size_t i = 0;
        while (i < p->tmpl[t].n_fields && strcmp(p->tmpl[t].fields[i].field, field) != 0) i++;
        if (i == p->tmpl[t].n_fields) return false;
    }
    return true;
}

static bool asked_before(const maker *m, const char *word) {
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->asked[i], word) == 0) return true;
    return false;
}

static bool ask(maker *m, const char *word, gk_error *err) {
    if (asked_before(m, word))
        return gk_fail(err, GK_AT_FIELD(NULL, "--position"), "name each position once",
                       "'%.80s' is there twice", word);
    if (m->n == MOST_SPOTS - 1)
        return gk_fail(err, GK_AT_FIELD(NULL, "--position"), NULL, "more than %d positions", MOST_SPOTS - 1);
    m->asked[m->n] = word;
    m->scheme[m->n] = scheme_of(m, "--position", word, "all", err);
    return m->scheme[m->n] && ++m->n;
}

/* The entity's field is a position by its own name. */
static bool second_name(const maker *m, const gk_prompt *p, const char *field) {
    const char *entity = m->o->prompts.entity;
    bool there = false;
    for (size_t i = 0; entity && i < p->n_fields; i++) there |= strcmp(p->fields[i].field, entity) == 0;
    return there && strcmp(entity, GK_ENTITY) != 0 && strcmp(field, GK_ENTITY) == 0;
}

/* `last` comes first whether or not it is named: the prediction is made there. */
static bool list_positions(maker *m, gk_error *err) {
    const gk_prompt *p = first_kept(m->p);
    if (!ask(m, "last", err)) return false;
    for (size_t i = 0; i < m->o->n_positions; i++) {
        const char *word = m->o->positions[i];
        if (strcmp(word, "last") == 0 || strcmp(word, "-1") == 0 || strcmp(word, "rest") == 0) continue;
        if (!ask(m, word, err)) return false;
    }
    m->fields = m->o->n_positions == 0;
    for (size_t i = 0; m->fields && i < p->n_fields; i++)
        if (plain(p->fields[i].field) && !second_name(m, p, p->fields[i].field) &&
            shared(m->p, p->fields[i].field) && !asked_before(m, p->fields[i].field) &&
            !ask(m, p->fields[i].field, err))
            return false;
    return m->n > 1 || !m->fields ||
           gk_fail(err, GK_AT_FILE(m->o->prompts.templates), "name the positions with --position",
                   "the templates have no field in common");
}

/* Gives the tokens of a prompt that position i selects and none before it has to i; *some says whether there
 * were any. */
static const char *claim(maker *m, size_t i, const gk_prompt *p, uint8_t *spot, bool *some) {
    gk_plan plan;
    gk_error why;
    if (!gk_plan_make(m->plans, m->scheme[i], m->cast, &p->tokens, p->fields, p->n_fields, &plan, &why))
        return gk_arena_printf(m->a, "no plan: %s", why.what);
    const uint8_t *embed = plan.model; /* slot 0 */
    *some = false;
    size_t all = 0;
    for (size_t t = 0; t < p->tokens.n; t++) {
        all += embed[t] == 1;
        if (embed[t] != 1) continue;
        if (spot[t] < i)
            m->overlaps[i * m->n + spot[t]] = true;
        else
            spot[t] = (uint8_t)i;
        *some = *some || spot[t] == i;
    }
    return all == p->tokens.n && i > 0 ? gk_arena_printf(m->a, "position %.80s covers all of it", m->asked[i])
                                       : NULL;
}

/* Cuts one prompt; returns why it cannot be, or NULL. *empty: the position that is left without a token. */
static const char *cut(maker *m, const gk_prompt *p, uint8_t *spot, size_t *empty) {
    memset(spot, (int)m->n, p->tokens.n);
    gk_arena_reset(m->plans);
    for (size_t i = 0; i < m->n; i++) {
        bool some = false;
        const char *why = claim(m, i, p, spot, &some);
        if (!why && !some) {
            *empty = i;
            why = gk_arena_printf(m->a, "no token is left for position %.80s", m->asked[i]);
        }
        if (why) return why;
    }
    bool rest = memchr(spot, (int)m->n, p->tokens.n) != NULL;
    m->rest_somewhere = m->rest_somewhere || rest;
    m->no_rest = m->no_rest || !rest;
    return NULL;
}

static void forget(maker *m, size_t i, size_t *n_left) {
    m->c->left_out[(*n_left)++] = m->asked[i];
    m->n--;
    memmove(m->asked + i, m->asked + i + 1, (m->n - i) * sizeof *m->asked);
    memmove(m->scheme + i, m->scheme + i + 1, (m->n - i) * sizeof *m->scheme);
}

/* Cuts all prompts. False: a field had to be given up, and all is to be done again. */
static bool cut_all(maker *m, const char **dropped, size_t *n_left) {
    size_t empty;
    m->overlaps = gk_arena_alloc(m->a, m->n * m->n);
    m->rest_somewhere = m->no_rest = false;
    for (size_t i = 0; i < m->p->n; i++) {
        const gk_prompt *p = &m->p->item[i];
        if (p->dropped) continue;
        empty = m->n;
        dropped[i] = cut(m, p, m->c->spot_of[i], &empty);
        if (m->fields && empty > 0 && empty < m->n) {
            forget(m, empty, n_left);
            return false;
        }
    }
    if (!m->fields || !m->rest_somewhere || !m->no_rest || m->n == 1) return true;
    forget(m, m->n - 1, n_left);
    return false;
}

/* A position, without the tokens that went to those before it. */
static const char *without(const maker *m, size_t i) {
    gk_buf b = {0};
    gk_buf_printf(&b, "{not: [{not: %s}", m->asked[i]);
    size_t taken = 0;
    for (size_t j = 0; j < i; j++) {
        if (!m->overlaps[i * m->n + j]) continue;
        gk_buf_printf(&b, ", %s", m->asked[j]);
        taken++;
    }
    gk_buf_puts(&b, "]}");
    const char *text = taken ? gk_arena_strdup(m->a, b.data) : m->asked[i];
    gk_buf_free(&b);
    return text;
}

static void name_spots(maker *m) {
    gk_search__cells *c = m->c;
    c->rest = m->rest_somewhere;
    c->n_spots = m->n + c->rest;
    c->spot = gk_arena_alloc(m->a, c->n_spots * sizeof *c->spot);
    gk_buf rest = {0};
    for (size_t i = 0; i < m->n; i++) {
        c->spot[i] = (gk_search__position){m->asked[i], without(m, i)};
        gk_buf_printf(&rest, "%s%s", i ? ", " : "{not: [", m->asked[i]);
    }
    gk_buf_puts(&rest, "]}");
    if (m->rest_somewhere) c->spot[m->n] = (gk_search__position){"rest", gk_arena_strdup(m->a, rest.data)};
    gk_buf_free(&rest);
}

static bool make_spots(maker *m, gk_error *err) {
    gk_prompts *p = m->p;
    const char **dropped = gk_arena_alloc(m->a, p->n * sizeof *dropped);
    size_t n_left = 0;
    if (!list_positions(m, err)) return false;
    m->c->spot_of = gk_arena_alloc(m->a, p->n * sizeof *m->c->spot_of);
    for (size_t i = 0; i < p->n; i++)
        if (!p->item[i].dropped) m->c->spot_of[i] = gk_arena_alloc(m->a, p->item[i].tokens.n);
    m->c->left_out = gk_arena_alloc(m->a, (m->n + 1) * sizeof *m->c->left_out);
    while (!cut_all(m, dropped, &n_left)) memset(dropped, 0, p->n * sizeof *dropped);
    name_spots(m);
    const char *first = NULL;
    for (size_t i = 0; i < p->n; i++) {
        gk_prompt *e = &p->item[i];
        if (e->dropped) continue;
        if (!dropped[i] && m->rest_somewhere && !memchr(m->c->spot_of[i], (int)m->n, e->tokens.n))
            dropped[i] = "no token is left for the rest";
        if (!dropped[i]) continue;
        if (!first) first = dropped[i];
        e->dropped = dropped[i];
        p->n_dropped++;
    }
    return p->n_dropped < p->n ||
           gk_fail(err, GK_AT_FIELD(NULL, "--position"), "choose positions that every template has",
                   "none of the %zu prompts can be cut into these positions; the first: %s", p->n, first);
}

/* ---------------------------------------------------------------- component groups */

static uint32_t bit(gk_component c) {
    return 1u << c;
}

/* The norms that go with a group which is all of one half of the block. */
static uint32_t norms_of(const char *word) {
    if (strcmp(word, "attn") == 0) return bit(GK_LN1) | bit(GK_Q_NORM) | bit(GK_K_NORM) | bit(GK_LN1_POST);
    return strcmp(word, "ffn") == 0 ? bit(GK_LN2) | bit(GK_LN2_POST) : 0;
}

static uint32_t has(const gk_config *cfg, bool in_layer) {
    uint32_t mask = 0;
    for (int i = 0; i < GK_LNF; i++)
        if (gk_config_has(cfg, (gk_component)i) && gk_component_in_layer((gk_component)i) == in_layer)
            mask |= bit((gk_component)i);
    return mask;
}

static bool components_of(const maker *m, const char *word, uint32_t *out, gk_error *err) {
    gk_scheme *s = scheme_of(m, "--components", "all", word, err);
    const gk_prompt *p = first_kept(m->p);
    gk_plan plan;
    if (!s || !gk_plan_make(m->plans, s, m->cast, &p->tokens, p->fields, p->n_fields, &plan, err))
        return false;
    *out = 0;
    for (int i = 0; i < GK_LNF; i++) {
        int slot = gk_plan_slot(m->c->cfg, gk_component_in_layer((gk_component)i) ? 0 : -1, (gk_component)i);
        if (slot >= 0 && plan.model[(size_t)slot * p->tokens.n] == 1) *out |= bit((gk_component)i);
    }
    if (!(*out & has(m->c->cfg, false))) return true;
    return gk_fail(err, GK_AT_FIELD(NULL, "--components"), "name components of a layer",
                   "'%.80s' holds embed or pos, which are a group of their own", word);
}

static bool make_teams(maker *m, gk_error *err) {
    static const char *const usual[] = {"attn", "ffn"};
    const char *const *word = m->o->n_components ? m->o->components : usual;
    size_t n = m->o->n_components ? m->o->n_components : 2;
    gk_search__cells *c = m->c;
    uint32_t taken = 0, all = has(c->cfg, true);
    if (n > MOST_TEAMS)
        return gk_fail(err, GK_AT_FIELD(NULL, "--components"), NULL, "more than %d groups", MOST_TEAMS);
    c->team = gk_arena_alloc(m->a, (n + 1) * sizeof *c->team);
    for (size_t i = 0; i < n; i++) {
        gk_search__group *t = &c->team[c->n_teams++];
        t->name = word[i];
        if (!components_of(m, word[i], &t->components, err)) return false;
        if (t->components & taken)
            return gk_fail(err, GK_AT_FIELD(NULL, "--components"), "a component belongs to one group",
                           "'%.80s' overlaps a group before it", word[i]);
        taken |= t->components;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t norms = norms_of(word[i]) & all & ~taken;
        c->team[i].components |= norms;
        taken |= norms;
    }
    if (all & ~taken) c->team[c->n_teams++] = (gk_search__group){"others", all & ~taken};
    return true;
}

/* ---------------------------------------------------------------- blocks, columns, cells */

static bool choose_blocks(maker *m, gk_error *err) {
    int layers = m->c->cfg->n_layers, n = m->o->layer_blocks;
    if (n == 0) n = layers < 4 ? layers : 4;
    if (n < 0) n = layers;
    if (n > layers)
        return gk_fail(err, GK_AT_FIELD(NULL, "--layer-blocks"), NULL,
                       "%d blocks of layers, but the models have %d layers", n, layers);
    m->c->n_blocks = (size_t)n;
    return true;
}

/* The first layer of part i (from 0) of n, as schemes divide them. */
static int block_begin(const gk_search__cells *c, size_t i) {
    return (int)((int64_t)i * c->cfg->n_layers / (int64_t)c->n_blocks);
}

static void fill_slot(gk_search__cells *c, const gk_model *model, int layer, gk_component comp, int column) {
    int slot = gk_plan_slot(c->cfg, layer, comp);
    gk_tensor t = gk_model_tensor(model, layer, comp);
    c->column[slot] = column;
    c->weight[slot] = (comp < GK_LN1 ? 1.0 : (double)t.out) * (double)t.in + (t.b ? (double)t.out : 0);
}

static void fill_columns(maker *m) {
    gk_search__cells *c = m->c;
    int slots = gk_plan_slots(c->cfg);
    const gk_model *model = m->cast->model[0];
    c->n_columns = 1 + c->n_blocks * c->n_teams;
    c->n = c->n_spots * c->n_columns;
    c->column = gk_arena_alloc(m->a, (size_t)slots * sizeof *c->column);
    c->weight = gk_arena_alloc(m->a, (size_t)slots * sizeof *c->weight);
    for (int s = 0; s < slots; s++) c->column[s] = -1;
    for (int i = 0; i < GK_LN1; i++)
        if (gk_config_has(c->cfg, (gk_component)i)) fill_slot(c, model, -1, (gk_component)i, 0);
    for (size_t b = 0; b < c->n_blocks; b++)
        for (int l = block_begin(c, b); l < block_begin(c, b + 1); l++)
            for (size_t g = 0; g < c->n_teams; g++)
                for (int i = GK_LN1; i < GK_LNF; i++)
                    if (c->team[g].components & bit((gk_component)i))
                        fill_slot(c, model, l, (gk_component)i, (int)(1 + b * c->n_teams + g));
}

static void name_cells(maker *m) {
    gk_search__cells *c = m->c;
    c->name = gk_arena_alloc(m->a, c->n * sizeof *c->name);
    for (size_t i = 0; i < c->n; i++) {
        const char *spot = c->spot[i / c->n_columns].name;
        size_t column = i % c->n_columns;
        if (column == 0)
            c->name[i] = gk_arena_printf(m->a, "%s · embed", spot);
        else
            c->name[i] =
                gk_arena_printf(m->a, "%s · %s · %zu/%zu", spot, c->team[(column - 1) % c->n_teams].name,
                                (column - 1) / c->n_teams + 1, c->n_blocks);
    }
}

bool gk_search__cells_make(gk_arena *a, const gk_search_options *o, const gk_cast *cast, gk_prompts *p,
                           gk_search__cells *out, gk_error *err) {
    maker m = {.a = a, .plans = gk_arena_new(), .o = o, .cast = cast, .p = p, .c = out};
    out->cfg = gk_model_config(cast->model[0]);
    bool ok = choose_blocks(&m, err) && make_teams(&m, err) && make_spots(&m, err);
    gk_arena_free(m.plans);
    if (!ok) return false;
    fill_columns(&m);
    name_cells(&m);
    return true;
}

/* ---------------------------------------------------------------- sets of cells */

gk_plan gk_search__cells_plan(gk_arena *a, const gk_search__cells *c, const gk_prompts *p, size_t prompt,
                              const bool *in) {
    size_t n = p->item[prompt].tokens.n;
    gk_plan plan = gk_plan_single(a, c->cfg, (int)n, 0);
    for (int s = 0; s < plan.n_slots; s++) {
        if (c->column[s] < 0) continue;
        const bool *of_spot = in + c->column[s];
        for (size_t t = 0; t < n; t++)
            plan.model[(size_t)s * n + t] = of_spot[c->spot_of[prompt][t] * c->n_columns];
    }
    return plan;
}

double gk_search__cells_share(const gk_search__cells *c, const gk_prompts *p, const bool *in) {
    double *column = gk_alloc(c->n_columns * sizeof *column), whole = 0, sum = 0;
    size_t kept = 0;
    for (int s = 0; s < gk_plan_slots(c->cfg); s++) {
        if (c->column[s] < 0) continue;
        column[c->column[s]] += c->weight[s];
        whole += c->weight[s];
    }
    for (size_t i = 0; i < p->n; i++) {
        if (p->item[i].dropped) continue;
        double taken = 0;
        for (size_t t = 0; t < p->item[i].tokens.n; t++)
            for (size_t k = 0; k < c->n_columns; k++)
                if (in[c->spot_of[i][t] * c->n_columns + k]) taken += column[k];
        sum += taken / (whole * (double)p->item[i].tokens.n);
        kept++;
    }
    gk_free(column);
    return sum / (double)kept;
}
