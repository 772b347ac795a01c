/* report.c: the HTML report: gathers what the store says, has every section written, and puts the page in
 * place. */
#include "report/internal.h"

#include <string.h>

/* ---------------------------------------------------------------- what the store says */

const gk_cell *gk__report_cell(const gk__report *r, const char *scheme, const char *template_name) {
    for (size_t i = 0; i < r->cells.n; i++) {
        const gk_cell *c = &r->cells.item[i];
        if (strcmp(c->scheme, scheme) == 0 && strcmp(c->template_name, template_name) == 0) return c;
    }
    return NULL;
}

const gk__set *gk__report_set(const gk__report *r, const char *name) {
    for (size_t i = 0; i < r->n_sets; i++)
        if (strcmp(r->set[i].name, name) == 0) return &r->set[i];
    return NULL;
}

static const char *scheme_text(const gk__report *r, const char *scheme, const char *key) {
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(r->manifest, "schemes"), i, v) {
        const char *name = json_string_value(json_object_get(v, "name"));
        const char *text = json_string_value(json_object_get(v, key));
        if (name && text && strcmp(name, scheme) == 0) return text;
    }
    return "";
}

const char *gk__report_about(const gk__report *r, const char *scheme) {
    return scheme_text(r, scheme, "about");
}

const char *gk__report_canonical(const gk__report *r, const char *scheme) {
    return scheme_text(r, scheme, "canonical");
}

bool gk__report_partial(const gk__report *r, const char *scheme) {
    for (size_t i = 0; i < r->cells.n; i++)
        if (strcmp(r->cells.item[i].scheme, scheme) == 0 && !r->cells.item[i].applies) return true;
    return false;
}

const char *gk__report_template(const gk__report *r, const char *template_name) {
    if (strcmp(template_name, "pooled") == 0) return "All templates pooled";
    if (strcmp(template_name, "titled") == 0) return "Templates with the field movie_title, pooled";
    return gk_arena_printf(r->a, "Template %s", template_name);
}

const char *gk__report_run(const gk__report *r, const char *key) {
    const char *v = json_string_value(json_object_get(r->manifest, key));
    return v && strcmp(v, "none") != 0 ? v : NULL;
}

const json_t *gk__manifest_item(const json_t *manifest, const char *list, const char *name) {
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(manifest, list), i, v) {
        const char *its = json_string_value(json_object_get(v, "name"));
        if (its && name && strcmp(its, name) == 0) return v;
    }
    return NULL;
}

const char *gk__manifest_text(const json_t *item, const char *key) {
    const char *text = json_string_value(json_object_get(item, key));
    return text ? text : "";
}

static void add_to_set(gk__report *r, const gk_cell *c) {
    gk__set *set = NULL;
    for (size_t i = 0; i < r->n_sets && !set; i++)
        if (strcmp(r->set[i].name, c->set) == 0) set = &r->set[i];
    if (!set) {
        set = &r->set[r->n_sets++];
        set->name = c->set;
        set->about = gk__manifest_text(gk__manifest_item(r->manifest, "sets", c->set), "about");
        set->scheme = gk_arena_alloc(r->a, r->cells.n * sizeof *set->scheme);
    }
    if (set->n == 0 || strcmp(set->scheme[set->n - 1], c->scheme) != 0) set->scheme[set->n++] = c->scheme;
}

static bool gather(gk__report *r) {
    r->manifest = gk_store_manifest(r->s, r->err);
    if (!r->manifest || !gk_store_cells(r->s, r->a, &r->cells, r->err) ||
        !gk_outcomes_read(r->s, r->a, &r->outcomes, r->err) || !gk_store_seed(r->s, &r->seed, r->err))
        return false;
    if (r->cells.n == 0)
        return gk_fail(r->err, GK_AT_FILE(r->o->db), "run a sweep into it first",
                       "the results store has no schemes");
    r->n_templates = json_array_size(json_object_get(r->manifest, "templates"));
    r->whole = json_integer_value(json_object_get(r->manifest, "whole_target")) > 0;
    r->generated = json_integer_value(json_object_get(r->manifest, "generate")) > 0;
    r->set = gk_arena_alloc(r->a, r->cells.n * sizeof *r->set);
    for (size_t i = 0; i < r->cells.n; i++) add_to_set(r, &r->cells.item[i]);
    gk_roles_of(&r->outcomes, r->a, &r->roles);
    return true;
}

/* ---------------------------------------------------------------- the page */

void gk__report_section(gk__report *r, const char *id, const char *title) {
    gk_buf_printf(&r->html, "<h2 id=\"%s\">", id);
    gk__html_text(&r->html, title);
    gk_buf_puts(&r->html, "</h2>\n");
    if (r->n_sections < GK__MOST_SECTIONS)
        r->section[r->n_sections++] = (gk__section){id, gk_arena_strdup(r->a, title)};
}

/* The list of sections, put where it belongs when all are known. */
static void add_contents(gk__report *r) {
    gk_buf page = {0}, *b = &r->html;
    gk_buf_add(&page, b->data, r->contents);
    gk_buf_puts(&page, "<nav class=\"contents\"><h2 id=\"contents\">Contents</h2>\n<ol>\n");
    for (size_t i = 0; i < r->n_sections; i++) {
        gk_buf_printf(&page, "<li><a href=\"#%s\">", r->section[i].id);
        gk__html_text(&page, r->section[i].title);
        gk_buf_puts(&page, "</a></li>\n");
    }
    gk_buf_puts(&page, "</ol>\n</nav>\n");
    gk_buf_add(&page, b->data + r->contents, b->len - r->contents);
    gk_buf_free(b);
    *b = page;
}

static bool add_page(gk__report *r) {
    gk__html_head(&r->html,
                  r->o->title ? r->o->title : "Dynamic weight grafting: where the finetuned facts come from");
    if (r->o->about) {
        gk_buf_puts(&r->html, "<p>");
        gk__html_text(&r->html, r->o->about);
        gk_buf_puts(&r->html, "</p>\n");
    }
    gk__report_lost(r);
    if (!gk__report_head(r) || !gk__report_summary(r)) return false;
    r->contents = r->html.len;
    if (!gk__report_sets(r)) return false;
    gk__report_differ(r);
    if (!gk__report_ranks(r) || !gk__report_fail(r) || !gk__report_curves(r)) return false;
    gk__report_forgetting(r);
    gk__report_tables(r);
    if (!gk__report_dataset(r) || !gk__report_samples(r) || !gk__report_manifest(r)) return false;
    gk__report_read(r);
    add_contents(r);
    gk__html_script(&r->html);
    gk_buf_puts(&r->html, "</body>\n</html>\n");
    return true;
}

bool gk__make_folder_of(const char *path, gk_arena *a, gk_error *err) {
    const char *slash = strrchr(path, '/');
    return !slash || slash == path || gk_mkdirs(gk_arena_strndup(a, path, (size_t)(slash - path)), err);
}

bool gk_report_write(const gk_report_options *o, gk_error *err) {
    gk__report r = {.o = o, .a = gk_arena_new(), .err = err};
    r.s = gk_store_open(o->db, err);
    bool ok = r.s && gather(&r) && gk__report_check_beside(&r) && add_page(&r) &&
              gk__make_folder_of(o->out, r.a, err) && gk_write_file(o->out, r.html.data, r.html.len, err);
    gk_store_close(r.s);
    json_decref(r.manifest);
    gk_buf_free(&r.html);
    gk_arena_free(r.a);
    return ok;
}
