/* prompts.c: templates x rows -> encoded prompts with their targets, and the reasons of those that cannot be
 * used. */
#include "eval/eval.h"

#include <string.h>

typedef struct row {
    json_t *obj;
    long line;
} row;

typedef struct loader {
    gk_arena *a;
    const gk_prompt_options *o;
    const gk_tok *tok;
    size_t max_tokens;
    gk_template **tmpl, *target;
    size_t n_templates;
    json_t *fillers;  /* an array: one object a template */
    json_t *seen_ids; /* an object used as a set */
    json_t *known;    /* the fields of any row, as a set */
    row *rows;
    size_t n_rows, rows_room;
} loader;

/* ---------------------------------------------------------------- reading the files */

static bool read_fillers(loader *l, gk_error *err) {
    json_t *common = l->o->fillers ? gk_json_load(l->o->fillers, err) : json_object();
    if (!common) return false;
    if (!json_is_object(common)) {
        json_decref(common);
        return gk_fail(err, GK_AT_FILE(l->o->fillers), "write {\"relation\": \"stars\", ...}",
                       "the fillers are not a JSON object");
    }
    l->fillers = json_array();
    for (size_t t = 0; t < l->n_templates; t++) json_array_append_new(l->fillers, json_deep_copy(common));
    json_decref(common);
    return true;
}

/* A template line's own fillers take the place of the common ones of the same name. */
static bool read_overrides(loader *l, gk_error *err) {
    gk_jsonl *r = gk_jsonl_open(l->o->templates, err);
    if (!r) return false;
    json_t *line = NULL;
    bool ok = true;
    int got = 1;
    for (size_t t = 0; ok && t < l->n_templates && (got = gk_jsonl_next(r, &line, err)) == 1; t++) {
        gk_place at = gk_jsonl_place(r);
        at.field = "fillers";
        json_t *own = json_object_get(line, "fillers");
        if (own && !json_is_object(own))
            ok = gk_fail(err, at, "write {\"relation\": \"stars\", ...}", "is not a JSON object");
        else if (own)
            json_object_update(json_array_get(l->fillers, t), own);
        json_decref(line);
    }
    gk_jsonl_close(r);
    return ok && got >= 0;
}

static void add_row(loader *l, json_t *obj, long line) {
    if (l->n_rows == l->rows_room) {
        size_t room = l->rows_room ? 2 * l->rows_room : 256;
        l->rows = gk_grow(l->rows, l->rows_room * sizeof *l->rows, room * sizeof *l->rows);
        l->rows_room = room;
    }
    l->rows[l->n_rows++] = (row){obj, line};
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

static const char *row_key(loader *l, const row *r) {
    const json_t *id = json_object_get(r->obj, "id");
    if (json_is_string(id) && json_string_length(id) > 0) return gk_arena_strdup(l->a, json_string_value(id));
    if (json_is_integer(id)) return gk_arena_printf(l->a, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
    return gk_arena_printf(l->a, "line %ld", r->line);
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

static const char *missing_field(const loader *l, size_t t, const gk_eval_template *tmpl, const json_t *obj) {
    const json_t *fillers = json_array_get(l->fillers, t);
    for (size_t i = 0; i < tmpl->n_fields; i++) {
        const char *field = tmpl->fields[i].field;
        if (!json_object_get(obj, field) && !json_object_get(fillers, field)) return field;
    }
    return json_object_get(obj, l->o->target) ? NULL : l->o->target;
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

static const char *unusable(loader *l, const gk_prompt *p) {
    if (p->tokens.n == 0) return "the prompt has no tokens";
    if (p->tokens.n > l->max_tokens)
        return gk_arena_printf(l->a, "the prompt is longer than the model's %zu positions", l->max_tokens);
    for (size_t i = 0; i < p->n_fields; i++) {
        const char *field = p->fields[i].field;
        size_t t = first_token(&p->tokens, p->fields[i].span);
        if (t == p->tokens.n) return gk_arena_printf(l->a, "no token covers field '%s'", field);
        if (p->tokens.id[t] == p->target_id)
            return gk_arena_printf(l->a, "the target's first token also begins field '%s' of the prompt",
                                   field);
    }
    return NULL;
}

static bool same_ids(const int32_t *a, const int32_t *b, size_t n) {
    return n == 0 || memcmp(a, b, n * sizeof *a) == 0;
}

/* The target's tokens as they stand behind this prompt; or why there are none to be scored. */
static const char *add_whole(loader *l, gk_prompt *p) {
    gk_error why;
    gk_tokens all;
    size_t n = p->tokens.n;
    const char *text = gk_arena_printf(l->a, "%s %s", p->text, p->target);
    if (!gk_tok_encode(l->tok, text, strlen(text), GK_BOS_DEFAULT, l->a, &all, &why))
        return gk_arena_printf(l->a, "the prompt and its target cannot be encoded: %s", why.what);
    if (all.n <= n || !same_ids(all.id, p->tokens.id, n))
        return "tokenised together with its target, the prompt has other tokens";
    if (all.id[n] != p->target_id) return "behind this prompt the target begins with another token";
    if (all.n - 1 > l->max_tokens)
        return gk_arena_printf(l->a, "the prompt and its target are longer than the model's %zu positions",
                               l->max_tokens);
    p->forced = all.id;
    p->n_target = all.n - n;
    return NULL;
}

/* Fills in what is known of a prompt, and its `dropped` when something stands in the way. */
static void encode(loader *l, const row *r, size_t t, gk_prompt *p) {
    gk_error why;
    gk_rendered text, target;
    if (!gk_template_render(l->target, r->obj, NULL, row_place(l, r, NULL), l->a, &target, &why)) {
        p->dropped = bad_value(l, &why);
        return;
    }
    p->target = target.text + strspn(target.text, " "); /* some files write " English" */
    if (!gk_template_render(l->tmpl[t], r->obj, json_array_get(l->fillers, t), row_place(l, r, NULL), l->a,
                            &text, &why)) {
        p->dropped = bad_value(l, &why);
        return;
    }
    p->text = text.text;
    p->fields = text.fields;
    p->n_fields = text.n_fields;
    if (!gk_tok_first(l->tok, p->target, &p->target_id, &why)) {
        p->target_id = -1;
        p->dropped = gk_arena_printf(l->a, "the target cannot be encoded: %s", why.what);
    } else if (!gk_tok_encode(l->tok, p->text, text.len, GK_BOS_DEFAULT, l->a, &p->tokens, &why)) {
        p->tokens = (gk_tokens){0};
        p->dropped = gk_arena_printf(l->a, "the prompt cannot be encoded: %s", why.what);
    } else {
        p->dropped = unusable(l, p);
        if (!p->dropped && l->o->whole) p->no_whole = add_whole(l, p);
    }
}

static bool make_row(loader *l, size_t index, gk_prompts *out, gk_error *err) {
    const row *r = &l->rows[index];
    const char *key = row_key(l, r);
    bool seen = json_object_get(l->seen_ids, key) != NULL;
    json_object_set_new(l->seen_ids, key, json_true());
    for (size_t t = 0; t < l->n_templates; t++) {
        gk_prompt *p = &out->item[index * l->n_templates + t];
        *p = (gk_prompt){.tmpl = (uint32_t)t,
                         .row = (uint32_t)index,
                         .row_key = key,
                         .text = "",
                         .target = "",
                         .target_id = -1};
        const char *lacks = missing_field(l, t, &out->tmpl[t], r->obj);
        if (lacks && !missing(l, r, lacks, p, err)) return false;
        if (seen) p->dropped = "a row with this id came before";
        if (!p->dropped) encode(l, r, t, p);
        out->n_dropped += p->dropped != NULL;
        out->n_no_whole += p->no_whole != NULL;
    }
    return true;
}

/* ---------------------------------------------------------------- the templates' fields */

/* A template's fields can only be asked for by name; every name that a prompt can use is a row's or a
 * filler's. */
static bool describe_template(loader *l, size_t t, gk_eval_template *out, json_t *all, gk_error *err) {
    json_t *names = json_deep_copy(json_array_get(l->fillers, t));
    json_object_update(names, l->known);
    bool ok = gk_template_check(l->tmpl[t], names, NULL, err);
    out->text = gk_template_text(l->tmpl[t]);
    out->fields = gk_arena_alloc(l->a, json_object_size(names) * sizeof *out->fields);
    const char *name;
    json_t *v;
    json_object_foreach(names, name, v) {
        if (!gk_template_has(l->tmpl[t], name)) continue;
        out->fields[out->n_fields++].field = gk_arena_strdup(l->a, name);
        json_object_set_new(all, name, json_true());
    }
    out->titled = gk_template_has(l->tmpl[t], "movie_title");
    json_decref(names);
    return ok;
}

static bool describe_templates(loader *l, gk_prompts *out, gk_error *err) {
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

/* ---------------------------------------------------------------- all of it */

/* Only for the sake of what comes before the target; fillers stay with their templates. */
static bool cut_templates(loader *l, gk_error *err) {
    size_t n = 0;
    for (size_t t = 0; t < l->n_templates; t++) {
        gk_template *cut = gk_template_before(l->a, l->tmpl[t], l->o->target);
        if (!cut) continue;
        json_array_set(l->fillers, n, json_array_get(l->fillers, t));
        l->tmpl[n++] = cut;
    }
    if (n == 0)
        return gk_fail(err, GK_AT_FILE(l->o->templates),
                       "write the target's field behind a blank and another field",
                       "no template leads up to '%s'", l->o->target);
    l->n_templates = n;
    return true;
}

static bool make_target(loader *l, gk_error *err) {
    const char *field = l->o->target;
    if (!field || !*field || strpbrk(field, "{}"))
        return gk_fail(err, GK_NOWHERE, "name a field of the rows, e.g. second_actor",
                       "there is no target field '%s'", field ? field : "");
    if (!json_object_get(l->known, field))
        return gk_fail(err, GK_AT_FIELD(l->o->rows, field), "name a field of the rows",
                       "no row has the target field");
    l->target = gk_template_parse(l->a, gk_arena_printf(l->a, "{%s}", field), GK_NOWHERE, err);
    return l->target != NULL;
}

static bool load(loader *l, gk_prompts *out, gk_error *err) {
    if (!gk_templates_load(l->a, l->o->templates, &l->tmpl, &l->n_templates, err)) return false;
    if (!read_fillers(l, err) || !read_overrides(l, err) || !read_rows(l, err)) return false;
    if (!make_target(l, err) || (l->o->cut && !cut_templates(l, err))) return false;
    if (!describe_templates(l, out, err)) return false;
    out->n_rows = l->n_rows;
    out->n = l->n_rows * l->n_templates;
    out->item = gk_arena_alloc(l->a, out->n * sizeof *out->item);
    for (size_t i = 0; i < l->n_rows; i++)
        if (!make_row(l, i, out, err)) return false;
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
