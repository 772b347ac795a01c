/* row_splits.c: rows that a user gave: which can be used, and dealing them into splits that share nothing. */
#include "core/json.h"
#include "data/internal.h"

#include <stdarg.h>
#include <string.h>

void gk_data__drop(gk_data__making *m, const char *where, const char *why_fmt, ...) {
    char text[1024];
    va_list ap;
    va_start(ap, why_fmt);
    vsnprintf(text, sizeof text, why_fmt, ap);
    va_end(ap);
    json_t *entry = json_pack("{s:s,s:s}", "where", where, "why", text);
    if (!entry)
        entry = json_pack("{s:s,s:s}", "where", "(not UTF-8)", "why", "its name or reason is not UTF-8");
    json_array_append_new(m->dropped, entry);
}

void gk_data__pool_free(gk_data__pool *p) {
    for (size_t i = 0; i < p->n; i++) json_decref(p->row[i]);
    gk_free(p->row);
    gk_free(p->where);
    gk_free(p->number);
    json_decref(p->ids);
    json_decref(p->known);
    *p = (gk_data__pool){0};
}

/* ---------------------------------------------------------------- one row */

/* The value of a field as text without blanks around it, in the arena; NULL when there is none. */
static const char *trimmed(gk_arena *a, const json_t *v) {
    static const char blanks[] = " \t\r\n";
    const char *s = gk_value_text(a, v);
    if (!s) return NULL;
    s += strspn(s, blanks);
    size_t n = strlen(s);
    while (n > 0 && strchr(blanks, s[n - 1])) n--;
    return n ? gk_arena_strndup(a, s, n) : NULL;
}

static const char *no_value(const json_t *v) {
    if (!v) return "is missing";
    if (json_is_null(v)) return "is null or NaN";
    if (json_is_string(v)) return "is empty";
    return "is no text";
}

static bool usable(gk_data__making *m, gk_data__pool *p, json_t *row, const char *id, const char *where) {
    const char *const field[2] = {m->swap.a, m->swap.b};
    static const char *const ROLE[2] = {"entity", "target"};
    const char *value[2];
    if (id && json_object_get(p->ids, id)) {
        gk_data__drop(m, where, "a row with this id came before");
        return false;
    }
    if (id) json_object_set_new(p->ids, id, json_true());
    for (int i = 0; i < 2; i++) {
        const json_t *v = json_object_get(row, field[i]);
        value[i] = trimmed(m->a, v);
        if (!value[i]) {
            gk_data__drop(m, where, "the %s (field '%s') %s", ROLE[i], field[i], no_value(v));
            return false;
        }
    }
    if (strcmp(value[0], value[1]) == 0) {
        gk_data__drop(m, where, "the target equals the entity");
        return false;
    }
    for (int i = 0; i < 2; i++) json_object_set_new(row, field[i], json_string(value[i]));
    return true;
}

static void add(gk_data__pool *p, json_t *row, const char *where, size_t number) {
    if (p->n == p->room) {
        size_t room = p->room ? 2 * p->room : 256;
        p->row = gk_grow(p->row, p->room * sizeof *p->row, room * sizeof *p->row);
        p->where = gk_grow(p->where, p->room * sizeof *p->where, room * sizeof *p->where);
        p->number = gk_grow(p->number, p->room * sizeof *p->number, room * sizeof *p->number);
        p->room = room;
    }
    p->row[p->n] = row;
    p->number[p->n] = number;
    p->where[p->n++] = where;
}

bool gk_data__pool_add(gk_data__making *m, gk_data__pool *p, json_t *row, const char *where, size_t n,
                       gk_error *err) {
    if (!p->ids) p->ids = json_object();
    if (!p->known) p->known = json_object();
    const char *key;
    json_t *v;
    json_object_foreach(row, key, v) json_object_set_new(p->known, key, json_true());
    const char *id;
    if (n >= p->n_source) p->n_source = n + 1;
    bool ok = gk_row_id(m->a, row, GK_AT_FILE(where), &id, err);
    if (ok && usable(m, p, row, id, where))
        add(p, row, where, id ? GK_DATA__UNSET : n);
    else
        json_decref(row);
    return ok;
}

static bool number_taken(const gk_data__pool *p, size_t number) {
    char text[32];
    snprintf(text, sizeof text, "%zu", number);
    return json_object_get(p->ids, text) != NULL;
}

/* Rows without an id get the number of their place, or, where that is a row's id, one behind all places. */
static void number_rows(gk_data__pool *p) {
    size_t next = p->n_source;
    for (size_t i = 0; i < p->n; i++) {
        size_t number = p->number[i];
        if (number == GK_DATA__UNSET) continue;
        if (number_taken(p, number)) {
            while (number_taken(p, next)) next++;
            number = next++;
        }
        json_object_set_new(p->row[i], "id", json_integer((json_int_t)number));
    }
}

/* ---------------------------------------------------------------- rows against templates */

typedef struct checking {
    gk_data__making *m;
    gk_data__pool *p;
    gk_arena *scratch;
    gk_template **text; /* those that training texts are made with */
    size_t n_texts;
} checking;

static bool filled(checking *c, size_t i, const gk_template *t, gk_rendered *out) {
    gk_error why;
    const json_t *row = c->p->row[i], *fillers = c->m->wording->fillers;
    if (gk_template_render(t, row, fillers, GK_NOWHERE, c->scratch, out, &why)) return true;
    const char *lacks = gk_template_lacks(t, row, fillers), *needs = gk_data__template_line(c->scratch, t);
    if (lacks)
        gk_data__drop(c->m, c->p->where[i], "field '%s' is missing; %s needs it", lacks, needs);
    else if (why.field[0])
        gk_data__drop(c->m, c->p->where[i], "field '%s' %s; %s needs it", why.field, why.what, needs);
    else
        gk_data__drop(c->m, c->p->where[i], "%s", why.what);
    return false;
}

/* Whether every template can be filled with the row. (Entity and target both have values: then they can also
 * be filled with the two exchanged.) A row's own values may make a prompt of it that its texts hold. */
static bool fits(checking *c, size_t i) {
    const gk_wording *w = c->m->wording;
    gk_arena_reset(c->scratch);
    gk_rendered *text = gk_arena_alloc(c->scratch, (c->n_texts + 1) * sizeof *text), prompt;
    for (size_t t = 0; t < c->n_texts; t++)
        if (!filled(c, i, c->text[t], &text[t])) return false;
    for (size_t e = 0; e < w->n_eval; e++) {
        if (!filled(c, i, w->eval[e], &prompt)) return false;
        for (size_t t = 0; t < c->n_texts; t++) {
            if (!gk_prompt_in(&prompt, text[t].text)) continue;
            gk_data__drop(c->m, c->p->where[i],
                          "its prompt number %zu stands word for word in its text \"%.200s\"", e + 1,
                          gk_template_text(c->text[t]));
            return false;
        }
    }
    return true;
}

/* Paraphrases are for the base corpus only. */
static void list_texts(checking *c) {
    const gk_wording *w = c->m->wording;
    size_t base = c->m->splits[GK_DATA__BASE].n,
           n = base != 0 && base != GK_DATA__UNSET ? w->n_all : w->n_training;
    c->text = gk_arena_alloc(c->m->a, (n + w->n_reverse + 1) * sizeof *c->text);
    for (size_t t = 0; t < n; t++) c->text[c->n_texts++] = w->all[t];
    for (size_t t = 0; t < w->n_reverse; t++) c->text[c->n_texts++] = w->reverse[t];
}

bool gk_data__pool_check(gk_data__making *m, gk_data__pool *p, gk_error *err) {
    checking c = {.m = m, .p = p};
    list_texts(&c);
    number_rows(p);
    if (p->n > 0 && !gk_wording_check(m->wording, p->known, m->swap, err)) return false;
    c.scratch = gk_arena_new();
    size_t kept = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (!fits(&c, i)) {
            json_decref(p->row[i]);
            continue;
        }
        p->row[kept] = p->row[i];
        p->where[kept++] = p->where[i];
    }
    p->n = kept;
    gk_arena_free(c.scratch);
    return true;
}

/* ---------------------------------------------------------------- dealing */

typedef struct dealer {
    gk_data__making *m;
    gk_data__pool *p;
    const char *const *keys;
    json_t *claims; /* "kind\nvalue" -> the split whose it is */
} dealer;

/* Entities and targets are one kind: who is asked about in one split is no answer in another. */
static const char *claim_key(const gk_data__making *m, const char *key, const json_t *v) {
    const char *text = trimmed(m->a, v);
    bool role = strcmp(key, m->swap.a) == 0 || strcmp(key, m->swap.b) == 0;
    return text ? gk_arena_printf(m->a, "%s\n%s", role ? "" : key, text) : NULL;
}

/* The split that the row's values belong to: one of them, -1 when to none yet, -2 when to several. */
static int owner(const dealer *d, const json_t *row, const char **clash) {
    int got = -1;
    for (size_t k = 0; d->keys[k]; k++) {
        const char *key = claim_key(d->m, d->keys[k], json_object_get(row, d->keys[k]));
        const json_t *v = key ? json_object_get(d->claims, key) : NULL;
        if (!v) continue;
        int s = (int)json_integer_value(v);
        if (got >= 0 && s != got) {
            *clash = d->keys[k];
            return -2;
        }
        got = s;
    }
    return got;
}

static void claim(const dealer *d, const json_t *row, int s) {
    for (size_t k = 0; d->keys[k]; k++) {
        const char *key = claim_key(d->m, d->keys[k], json_object_get(row, d->keys[k]));
        if (key) json_object_set_new(d->claims, key, json_integer(s));
    }
}

/* The split that lacks the greatest part of what it asks for; -1 when all are full. */
static int neediest(const gk_rows *splits, const size_t want[GK_DATA__N_SPLITS]) {
    int best = -1;
    for (int s = 0; s < GK_DATA__N_SPLITS; s++) {
        if (splits[s].n >= want[s]) continue;
        if (best < 0 || splits[s].n * want[best] < splits[best].n * want[s]) best = s;
    }
    return best;
}

static void deal_one(dealer *d, size_t i, const size_t want[GK_DATA__N_SPLITS]) {
    gk_rows *splits = d->m->splits;
    const char *clash = NULL;
    int s = owner(d, d->p->row[i], &clash);
    if (s == -2) {
        gk_data__drop(d->m, d->p->where[i], "two splits would share it: its '%s' stands in rows of another",
                      clash);
        return;
    }
    if (s == -1) s = neediest(splits, want);
    if (s < 0 || splits[s].n >= want[s]) {
        d->m->unused++;
        return;
    }
    claim(d, d->p->row[i], s);
    splits[s].row[splits[s].n++] = json_incref(d->p->row[i]);
}

/* What to do, and why the first row was dropped. */
static const char *advice(const gk_data__making *m) {
    const json_t *first = json_array_get(m->dropped, 0);
    if (m->unused) /* though a split is short: they belong to one that is full */
        return gk_arena_printf(
            m->a,
            "%zu are left that share an entity or a target with rows of another split: ask for "
            "fewer rows, or put all under test with --task-rows 0 (make: TASK_ROWS=0)",
            m->unused);
    if (!first) return "ask for fewer rows, or give more";
    return gk_arena_printf(m->a, "ask for fewer rows, or mend those that were dropped; the first is %s: %s",
                           json_string_value(json_object_get(first, "where")),
                           json_string_value(json_object_get(first, "why")));
}

static bool enough(const gk_data__making *m, const size_t want[GK_DATA__N_SPLITS],
                   const bool firm[GK_DATA__N_SPLITS], size_t usable_rows, gk_error *err) {
    static const char *const NAME[GK_DATA__N_SPLITS] = {"base", "relation", "task"};
    for (int s = 0; s < GK_DATA__N_SPLITS; s++)
        if (m->splits[s].n < want[s] && (firm[s] || m->splits[s].n == 0))
            return gk_fail(err, GK_AT_FILE(m->source), advice(m),
                           "only %zu of %zu %s rows could be dealt from %zu usable ones (%zu dropped)",
                           m->splits[s].n, want[s], NAME[s], usable_rows, json_array_size(m->dropped));
    return true;
}

static void tell_apart(gk_data__making *m) {
    json_t *words = json_object();
    for (int s = 0; s < GK_DATA__N_SPLITS; s++)
        for (size_t i = 0; i < m->splits[s].n; i++) {
            const char *t = json_string_value(json_object_get(m->splits[s].row[i], m->swap.b));
            json_object_set_new(words, gk_arena_strndup(m->a, t, strcspn(t, " ")), json_true());
        }
    m->n_first_words = json_object_size(words);
    json_decref(words);
}

/* How many rows each split shall have, and whether that was asked for; makes the splits' arrays. */
static void set_quotas(gk_data__making *m, size_t n, size_t want[GK_DATA__N_SPLITS],
                       bool firm[GK_DATA__N_SPLITS]) {
    size_t asked = 0;
    for (int s = 0; s < GK_DATA__N_SPLITS; s++) {
        firm[s] = m->splits[s].n != GK_DATA__UNSET;
        want[s] = firm[s] ? m->splits[s].n : 0;
        asked += want[s];
    }
    size_t left = n > asked ? n - asked : 0;
    bool both = !firm[GK_DATA__RELATION] && !firm[GK_DATA__TASK];
    if (!firm[GK_DATA__TASK]) want[GK_DATA__TASK] = left > 1 ? (both ? left / 2 : left) : 1;
    if (!firm[GK_DATA__RELATION]) want[GK_DATA__RELATION] = left > 1 ? (both ? left - left / 2 : left) : 1;
    for (int s = 0; s < GK_DATA__N_SPLITS; s++) {
        size_t room = want[s] < n ? want[s] : n;
        m->splits[s].row = want[s] ? gk_alloc((room + 1) * sizeof(json_t *)) : NULL;
        m->splits[s].n = 0;
    }
}

bool gk_data__deal(gk_data__making *m, gk_data__pool *p, const char *const *keys, gk_error *err) {
    dealer d = {m, p, keys, json_object()};
    size_t want[GK_DATA__N_SPLITS], *order = gk_alloc((p->n + 1) * sizeof *order);
    bool firm[GK_DATA__N_SPLITS];
    gk_rng rng;
    set_quotas(m, p->n, want, firm);
    for (size_t i = 0; i < p->n; i++) order[i] = i;
    gk_rng_seed(&rng, (uint64_t)m->opt->seed, "splits");
    gk_rng_shuffle(&rng, order, p->n, sizeof *order);
    for (size_t i = 0; i < p->n; i++) deal_one(&d, order[i], want);
    gk_free(order);
    json_decref(d.claims);
    tell_apart(m);
    return enough(m, want, firm, p->n, err);
}
