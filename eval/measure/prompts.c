/* prompts.c: templates x rows -> encoded prompts with their targets, and the reasons of those that cannot be
 * used. */
#include "core/json.h"
#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/template.h"
#include "graftkit/eval/prompts.h"
#include "graftkit/graft/scheme.h"
#include "graftkit/tokenizer.h"

#include <string.h>

typedef struct row {
    json_t *obj;
    long line;
    const char *key; /* what it is called */
} row;

typedef struct loader {
    gk_arena *a;
    const gk_prompt_options *o;
    const gk_tok *tok;
    size_t max_tokens;
    gk_template **tmpl, *target;
    size_t n_templates;
    json_t *fillers;  /* the file's */
    json_t *seen_ids; /* an object used as a set */
    json_t *known;    /* the fields of any row, as a set */
    row *rows;
    size_t n_rows, rows_room;
    bool alias; /* the entity's field is not called GK_ENTITY */
} loader;

/* ---------------------------------------------------------------- reading the files */

static void add_row(loader *l, json_t *obj, long line) {
    if (l->n_rows == l->rows_room) {
        size_t room = l->rows_room ? 2 * l->rows_room : 256;
        l->rows = gk_grow(l->rows, l->rows_room * sizeof *l->rows, room * sizeof *l->rows);
        l->rows_room = room;
    }
    l->rows[l->n_rows++] = (row){obj, line, NULL};
    const char *key;
    json_t *v;
    json_object_foreach(obj, key, v) json_object_set_new(l->known, key, json_true());
}

static bool read_rows(loader *l, gk_error *err) {
    gk_jsonl *r = gk_jsonl_open(l->o->rows, err);
    if (!r) return false;
    json_t *obj;
    int got = 0;
    while ((l->o->limit <= 0 || l->n_rows < (size_t)l->o->limit) && (got = gk_jsonl_next(r, &obj, err)) == 1)
        add_row(l, obj, gk_jsonl_place(r).line);
    gk_jsonl_close(r);
    if (got < 0) return false;
    if (l->n_rows == 0)
        return gk_fail(err, GK_AT_FILE(l->o->rows), "write one JSON object a line", "there are no rows");
    if (l->n_rows > UINT32_MAX / l->n_templates)
        return gk_fail(err, GK_AT_FILE(l->o->rows), "use fewer rows", "too many prompts");
    return true;
}

/* ---------------------------------------------------------------- one prompt */

static gk_place row_place(const loader *l, const row *r, const char *field) {
    return (gk_place){.file = l->o->rows, .line = r->line, .field = field};
}

/* Rows go by their ids, and those without one by their lines; no row by what another's id is. */
static bool name_rows(loader *l, gk_error *err) {
    json_t *ids = json_object();
    bool ok = true;
    for (size_t i = 0; ok && i < l->n_rows; i++) {
        row *r = &l->rows[i];
        ok = gk_row_id(l->a, r->obj, row_place(l, r, NULL), &r->key, err);
        if (ok && r->key) json_object_set_new(ids, r->key, json_true());
    }
    for (size_t i = 0; ok && i < l->n_rows; i++) {
        row *r = &l->rows[i];
        if (r->key) continue;
        r->key = gk_arena_printf(l->a, "line %ld", r->line);
        while (json_object_get(ids, r->key)) r->key = gk_arena_printf(l->a, "%s (no id)", r->key);
    }
    json_decref(ids);
    return ok;
}

/* Drops the prompt when that was asked for; otherwise the row is an error. */
static bool missing(loader *l, const row *r, const char *field, gk_prompt *p, gk_error *err) {
    p->dropped = gk_arena_printf(l->a, "the row has no field '%s'", field);
    if (l->o->drop_bad_rows) return true;
    return gk_fail(err, row_place(l, r, field),
                   "add the field, or use --drop-bad-rows to leave such rows out",
                   "the row lacks a field that the prompts need");
}

static const char *bad_value(loader *l, const gk_error *why) {
    return gk_arena_printf(l->a, "field '%s' %s", why->field, why->what);
}

static const char *missing_field(const loader *l, size_t t, const json_t *obj) {
    const char *lacks = gk_template_lacks(l->tmpl[t], obj, l->fillers);
    return lacks || json_object_get(obj, l->o->target) ? lacks : l->o->target;
}

static bool overlaps(gk_span a, gk_span b) {
    return a.begin < b.end && b.begin < a.end;
}

/* Index of the first token that holds a byte of the span; tokens->n when none does. */
static size_t first_token(const gk_tokens *tokens, gk_span span) {
    size_t i = 0;
    while (i < tokens->n && !overlaps(tokens->span[i], span)) i++;
    return i;
}

/* The field that begins with the target's first token, which a model that copies would find there. */
static const char *shared_first(const gk_prompt *p) {
    for (size_t i = 0; i < p->n_fields; i++)
        if (p->tokens.id[first_token(&p->tokens, p->fields[i].span)] == p->target_id)
            return p->fields[i].field;
    return NULL;
}

static const char *unusable(loader *l, gk_prompt *p) {
    if (p->tokens.n == 0) return "the prompt has no tokens";
    if (p->tokens.n > l->max_tokens)
        return gk_arena_printf(l->a, "the prompt is longer than the model's %zu positions", l->max_tokens);
    for (size_t i = 0; i < p->n_fields; i++)
        if (first_token(&p->tokens, p->fields[i].span) == p->tokens.n)
            return gk_arena_printf(l->a, "no token covers field '%s'", p->fields[i].field);
    const char *shared = shared_first(p);
    p->shared_first = shared != NULL;
    if (!shared || l->o->keep_shared_first) return NULL;
    return gk_arena_printf(l->a, "the target's first token also begins field '%s' of the prompt", shared);
}

static bool same_ids(const int32_t *a, const int32_t *b, size_t n) {
    return n == 0 || memcmp(a, b, n * sizeof *a) == 0;
}

/* Prompt, seam and target as one text; *n: the first token that holds a byte behind the prompt. */
static bool encode_joined(const gk_tok *tok, const gk_rendered *prompt, const char *target, gk_arena *a,
                          gk_tokens *all, size_t *n, gk_error *err) {
    const char *text = gk_arena_printf(a, "%s%s%s", prompt->text, prompt->seam, target);
    if (!gk_tok_encode(tok, text, strlen(text), GK_BOS_DEFAULT, a, all, err)) return false;
    for (*n = 0; *n < all->n && all->span[*n].end <= prompt->len;) ++*n;
    return *n < all->n || gk_fail(err, GK_NOWHERE, NULL, "no token is left of it");
}

bool gk_prompt_first(const gk_tok *tok, const gk_rendered *prompt, const char *target, int32_t *id,
                     gk_error *err) {
    gk_arena *a = gk_arena_new();
    gk_tokens all;
    size_t n;
    bool ok = encode_joined(tok, prompt, target, a, &all, &n, err);
    if (ok) *id = all.id[n];
    gk_arena_free(a);
    return ok;
}

/* Encodes prompt and target; returns why that cannot be, or NULL. */
static const char *join(loader *l, gk_prompt *p, const gk_rendered *text) {
    static const char cannot[] = "the target cannot be encoded: ";
    gk_error why;
    gk_tokens alone, all;
    size_t n;
    if (!gk_tok_encode(l->tok, text->text, text->len, GK_BOS_DEFAULT, l->a, &alone, &why))
        return gk_arena_printf(l->a, "the prompt cannot be encoded: %s", why.what);
    if (!encode_joined(l->tok, text, p->target, l->a, &all, &n, &why))
        return gk_arena_printf(l->a, "%s%s", cannot, why.what);
    if (all.n == alone.n && same_ids(alone.id, all.id, all.n))
        return gk_arena_printf(l->a, "%sno token is left of it", cannot);
    p->merged = alone.n != n || !same_ids(alone.id, all.id, n);
    p->tokens = (gk_tokens){.id = all.id, .span = all.span, .n = n};
    p->target_id = all.id[n];
    if (!l->o->whole) return NULL;
    if (all.n - 1 > l->max_tokens) {
        p->no_whole = gk_arena_printf(
            l->a, "the prompt and its target are longer than the model's %zu positions", l->max_tokens);
        return NULL;
    }
    p->forced = all.id;
    p->n_target = all.n - n;
    return NULL;
}

/* Without the blanks around it: some files write " English". */
static const char *stripped(loader *l, const char *text) {
    static const char blanks[] = " \t\r\n";
    text += strspn(text, blanks);
    size_t n = strlen(text);
    while (n > 0 && strchr(blanks, text[n - 1])) n--;
    return gk_arena_strndup(l->a, text, n);
}

/* The entity's field goes by the name that schemes use, too. */
static void name_entity(const loader *l, gk_prompt *p) {
    if (!l->alias) return;
    gk_field_span *all = gk_arena_alloc(l->a, 2 * p->n_fields * sizeof *all);
    size_t n = p->n_fields;
    if (n) memcpy(all, p->fields, n * sizeof *all);
    for (size_t i = 0; i < p->n_fields; i++)
        if (strcmp(all[i].field, l->o->entity) == 0) all[n++] = (gk_field_span){GK_ENTITY, all[i].span};
    p->fields = all;
    p->n_fields = n;
}

/* Fills in what is known of a prompt, and its `dropped` when something stands in the way. */
static void encode(loader *l, const row *r, size_t t, gk_prompt *p) {
    gk_error why;
    gk_rendered text, target;
    if (!gk_template_render(l->target, r->obj, NULL, row_place(l, r, NULL), l->a, &target, &why)) {
        p->dropped = bad_value(l, &why);
        return;
    }
    p->target = stripped(l, target.text);
    if (!gk_template_render(l->tmpl[t], r->obj, l->fillers, row_place(l, r, NULL), l->a, &text, &why)) {
        p->dropped = bad_value(l, &why);
        return;
    }
    p->text = text.text;
    p->seam = text.seam;
    p->fields = text.fields;
    p->n_fields = text.n_fields;
    p->dropped = *p->target ? join(l, p, &text) : gk_arena_printf(l->a, "field '%s' is empty", l->o->target);
    if (!p->dropped) p->dropped = unusable(l, p);
    if (p->dropped) p->no_whole = NULL;
    name_entity(l, p);
}

static bool make_row(loader *l, size_t index, gk_prompts *out, gk_error *err) {
    const row *r = &l->rows[index];
    bool seen = json_object_get(l->seen_ids, r->key) != NULL;
    json_object_set_new(l->seen_ids, r->key, json_true());
    for (size_t t = 0; t < l->n_templates; t++) {
        gk_prompt *p = &out->item[index * l->n_templates + t];
        *p = (gk_prompt){.tmpl = (uint32_t)t,
                         .row = (uint32_t)index,
                         .row_key = r->key,
                         .text = "",
                         .seam = "",
                         .target = "",
                         .target_id = -1};
        const char *lacks = missing_field(l, t, r->obj);
        if (lacks && !missing(l, r, lacks, p, err)) return false;
        if (seen) p->dropped = "a row with this id came before";
        if (!p->dropped) encode(l, r, t, p);
        out->n_dropped += p->dropped != NULL;
        out->n_no_whole += p->no_whole != NULL;
        out->n_shared_first += p->shared_first;
        out->n_merged += p->merged && !p->dropped;
    }
    return true;
}

/* ---------------------------------------------------------------- the templates' fields */

/* Whether the entity's field needs a second name; an error where that name is another field's. */
static bool find_alias(loader *l, gk_error *err) {
    const char *entity = l->o->entity;
    bool there = false, taken = false;
    for (size_t t = 0; t < l->n_templates; t++) {
        there = there || (entity && gk_template_has(l->tmpl[t], entity));
        taken = taken || gk_template_has(l->tmpl[t], GK_ENTITY);
    }
    l->alias = there && strcmp(entity, GK_ENTITY) != 0;
    if (entity && !there && !l->o->maybe_entity)
        return gk_fail(err, GK_AT_FIELD(l->o->templates, entity), "name a field of the templates",
                       "no template has the entity's field");
    return !l->alias || !taken ||
           gk_fail(err, GK_AT_FIELD(l->o->templates, GK_ENTITY), "name the entity's field with --entity",
                   "schemes call the entity so, and '%.80s' is said to be it", entity);
}

/* Every name that a template can use is a row's or a filler's. */
static bool describe_template(loader *l, size_t t, gk_eval_template *out, json_t *all, gk_error *err) {
    if (!gk_template_check(l->tmpl[t], l->known, l->fillers, err)) return false;
    const char *const *names = gk_template_fields(l->a, l->tmpl[t]);
    while (names[out->n_fields]) json_object_set_new(all, names[out->n_fields++], json_true());
    out->text = gk_template_text(l->tmpl[t]);
    out->fields = gk_arena_alloc(l->a, (out->n_fields + 1) * sizeof *out->fields);
    for (size_t i = 0; i < out->n_fields; i++) out->fields[i].field = names[i];
    if (l->alias && gk_template_has(l->tmpl[t], l->o->entity)) {
        out->fields[out->n_fields++].field = GK_ENTITY;
        json_object_set_new(all, GK_ENTITY, json_true());
    }
    return true;
}

static bool describe_templates(loader *l, gk_prompts *out, gk_error *err) {
    if (!find_alias(l, err)) return false;
    out->n_templates = l->n_templates;
    out->tmpl = gk_arena_alloc(l->a, l->n_templates * sizeof *out->tmpl);
    json_t *all = json_object();
    bool ok = true;
    for (size_t t = 0; ok && t < l->n_templates; t++) ok = describe_template(l, t, &out->tmpl[t], all, err);
    const char **names = gk_arena_alloc(l->a, (json_object_size(all) + 1) * sizeof *names);
    const char *name;
    json_t *v;
    size_t n = 0;
    json_object_foreach(all, name, v) names[n++] = gk_arena_strdup(l->a, name);
    out->fields = names;
    json_decref(all);
    return ok;
}

/* ---------------------------------------------------------------- rows about the same */

/* The row at `index` has this key; so may an earlier one, which `first` knows by it. */
static void note_key(json_t *first, const char *key, size_t index, bool *repeats) {
    const json_t *before = json_object_get(first, key);
    if (!before) {
        json_object_set_new(first, key, json_integer((json_int_t)index));
    } else if ((size_t)json_integer_value(before) != index) {
        repeats[json_integer_value(before)] = repeats[index] = true;
    }
}

/* What the row's value of the field is, as text; NULL where it has none. */
static const char *value_of(loader *l, const row *r, const char *field) {
    const json_t *v = json_object_get(r->obj, field);
    if (json_is_string(v)) return stripped(l, json_string_value(v));
    return json_is_integer(v) ? gk_arena_printf(l->a, "%" JSON_INTEGER_FORMAT, json_integer_value(v)) : NULL;
}

static bool is_asked_of(const loader *l) {
    bool there = false;
    for (size_t t = 0; t < l->n_templates; t++)
        there |= l->o->entity && gk_template_has(l->tmpl[t], l->o->entity);
    return there;
}

/* Rows that are evaluated and have their entity in common with another; by their prompts, where it is not
 * said which field that is. */
static size_t count_repeats(loader *l, const gk_prompts *p) {
    bool *repeats = gk_arena_alloc(l->a, l->n_rows * sizeof *repeats), by_entity = is_asked_of(l);
    memset(repeats, 0, l->n_rows * sizeof *repeats);
    json_t *first = json_object();
    for (size_t i = 0; i < p->n; i++) {
        const gk_prompt *it = &p->item[i];
        if (it->dropped) continue;
        const char *key = by_entity ? value_of(l, &l->rows[it->row], l->o->entity)
                                    : gk_arena_printf(l->a, "%u %s", it->tmpl, it->text);
        if (key) note_key(first, key, it->row, repeats);
    }
    json_decref(first);
    size_t n = 0;
    for (size_t i = 0; i < l->n_rows; i++) n += repeats[i];
    return n;
}

/* ---------------------------------------------------------------- all of it */

/* Only for the sake of what comes before the target. */
static bool cut_templates(loader *l, gk_error *err) {
    size_t n = 0;
    for (size_t t = 0; t < l->n_templates; t++) {
        gk_template *cut = gk_template_before(l->a, l->tmpl[t], l->o->target);
        if (cut) l->tmpl[n++] = cut;
    }
    if (n == 0 && !l->o->maybe_none)
        return gk_fail(err, GK_AT_FILE(l->o->templates), "write the target's field behind another field",
                       "no template leads up to '%s'", l->o->target);
    l->n_templates = n;
    return true;
}

static bool no_target(const loader *l, const char *field, gk_error *err) {
    gk_buf hint = {0};
    gk_buf_printf(&hint, "name it with --target (make: TARGET=): the fields are");
    const char *key;
    json_t *v;
    json_object_foreach(l->known, key, v) gk_buf_printf(&hint, " %s", key);
    gk_fail(err, GK_AT_FIELD(l->o->rows, field), hint.data, "no row has the target field");
    gk_buf_free(&hint);
    return false;
}

static bool make_target(loader *l, gk_error *err) {
    const char *field = l->o->target;
    if (!field || !*field || strpbrk(field, "{}"))
        return gk_fail(err, GK_NOWHERE, "name a field of the rows", "there is no target field '%s'",
                       field ? field : "");
    if (!json_object_get(l->known, field)) return no_target(l, field, err);
    l->target = gk_template_parse(l->a, gk_arena_printf(l->a, "{%s}", field), GK_NOWHERE, err);
    return l->target != NULL;
}

static bool prompts_ask(const loader *l, gk_error *err) {
    const char *target = l->o->target, *entity = l->o->entity;
    if (entity && strcmp(entity, target) == 0 && !l->o->maybe_entity)
        return gk_fail(err, GK_AT_FIELD(NULL, "--target"), "name another field", "'%s' is the entity's field",
                       target);
    return gk_templates_ask(l->tmpl, l->n_templates, target, err);
}

static bool load(loader *l, gk_prompts *out, gk_error *err) {
    if (!l->o->templates || !l->o->rows)
        return gk_fail(err, GK_NOWHERE, "name a JSONL file", "there are no %s",
                       l->o->templates ? "rows" : "templates");
    if (!gk_templates_load(l->a, l->o->templates, &l->tmpl, &l->n_templates, err)) return false;
    l->fillers = gk_fillers_load(l->o->fillers, err);
    if (!l->fillers || !read_rows(l, err) || !name_rows(l, err)) return false;
    if (!make_target(l, err) || (l->o->cut && !cut_templates(l, err))) return false;
    if (!prompts_ask(l, err) || !describe_templates(l, out, err)) return false;
    out->n_rows = l->n_rows;
    out->n = l->n_rows * l->n_templates;
    out->item = gk_arena_alloc(l->a, out->n * sizeof *out->item);
    for (size_t i = 0; i < l->n_rows; i++)
        if (!make_row(l, i, out, err)) return false;
    out->n_repeats = count_repeats(l, out);
    return true;
}

bool gk_prompts_load(gk_arena *a, const gk_prompt_options *o, const gk_tok *tok, int max_tokens,
                     gk_prompts *out, gk_error *err) {
    loader l = {.a = a, .o = o, .tok = tok, .max_tokens = (size_t)(max_tokens > 0 ? max_tokens : 0)};
    l.seen_ids = json_object();
    l.known = json_object();
    *out = (gk_prompts){0};
    bool ok = load(&l, out, err);
    for (size_t i = 0; i < l.n_rows; i++) json_decref(l.rows[i].obj);
    gk_free(l.rows);
    json_decref(l.fillers);
    json_decref(l.seen_ids);
    json_decref(l.known);
    return ok;
}
