/* sets.c: the sections of the sets: their bars, logit differences, grids and numbers. */
#include "report/internal.h"

#include <math.h>
#include <string.h>

/* "; dashed: PRE and SFT", as far as they are there. */
static const char *dashed(gk_report__state *r) {
    const char *low = r->roles.pre, *high = r->pattern.ceiling_name;
    gk_buf b = {0};
    if (low || high) gk_buf_puts(&b, "; dashed: ");
    if (low) gk_page__html_text(&b, low);
    if (low && high) gk_buf_puts(&b, " and ");
    if (high) {
        gk_page__html_text(&b, high);
        gk_buf_puts(&b, ", the ceiling");
    }
    const char *text = gk_arena_strdup(r->a, b.len ? b.data : "");
    gk_buf_free(&b);
    return text;
}

static void add_pooled(gk_report__state *r, const gk_report__set *set) {
    bool partial = false;
    for (size_t i = 0; i < set->n; i++) partial |= gk_report__partial(r, set->scheme[i]);
    gk_buf_puts(&r->html, "<div class=\"grid\">\n");
    gk_report__bars(
        r, set, "pooled",
        gk_arena_printf(
            r->a, "Top-5 accuracy over all templates to which a scheme applies, with 95%% intervals%s%s.%s",
            r->n_templates > 1 ? "; rings: each template alone" : "", dashed(r),
            partial ? " Schemes that use a field which some templates lack are over fewer prompts: "
                      "compare them template by template."
                    : ""));
    gk_report__spread(r, set);
    gk_buf_puts(&r->html, "</div>\n");
}

static const char *template_text(const gk_report__state *r, size_t t) {
    const char *text = json_string_value(
        json_object_get(json_array_get(json_object_get(r->manifest, "templates"), t), "text"));
    return text ? text : "";
}

static void add_per_template(gk_report__state *r, const gk_report__set *set) {
    gk_buf_puts(&r->html,
                "<details open><summary>The same, template by template</summary>\n<div class=\"grid\">\n");
    static const char *const pool[] = {"full", "lacking"};
    for (size_t t = 0; t < r->n_templates + 2; t++) {
        const char *name =
            t < r->n_templates ? gk_arena_printf(r->a, "%zu", t + 1) : pool[t - r->n_templates];
        if (!gk_report__cell(r, set->scheme[0], name)) continue;
        gk_buf caption = {0};
        gk_buf_printf(&caption, "<strong>%s.</strong> ", gk_report__template(r, name));
        if (t < r->n_templates) {
            gk_buf_puts(&caption, "<code>");
            gk_page__html_text(&caption, template_text(r, t));
            gk_buf_puts(&caption, "</code>");
        } else {
            gk_buf_printf(&caption, "Every scheme on the same prompts; each of these templates %s.",
                          t == r->n_templates ? "has every field that some template has"
                                              : "lacks a field that another has");
        }
        gk_report__bars(r, set, name, caption.data);
        gk_buf_free(&caption);
    }
    gk_buf_puts(&r->html, "</div>\n");
    gk_page__prose(&r->html, "template by template", NULL);
    gk_buf_puts(&r->html, "</details>\n");
}

static void add_set_table(gk_report__state *r, const gk_report__set *set) {
    static const gk_metric shown[] = {GK_METRIC_top1, GK_METRIC_top5, GK_METRIC_mean_prob,
                                      GK_METRIC_mean_rank, GK_METRIC_logit_diff};
    gk_buf *b = &r->html;
    gk_buf_puts(b, "<details><summary>What each scheme of the set is, and its numbers</summary>\n"
                   "<div class=\"scroll\"><table "
                   "class=\"set-table\"><thead><tr><th>scheme</th><th>n</th><th>rows</th><th>top-1 %</th>"
                   "<th>top-5 %</th><th>prob.</th><th>mean rank</th><th>logit diff.</th>");
    gk_report__floor_heads(r, b);
    gk_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < set->n; i++) {
        const gk_cell *c = gk_report__cell(r, set->scheme[i], "pooled");
        if (!c || !c->applies) continue;
        gk_buf_puts(b, "<tr><td class=\"name\">");
        gk_page__html_text(b, c->scheme);
        gk_buf_puts(b, "<small>");
        gk_page__html_text(b, gk_report__about(r, c->scheme));
        gk_buf_printf(b, "</small></td><td>%zu</td><td>%zu</td>", c->stats.n, c->stats.rows);
        for (size_t m = 0; m < sizeof shown / sizeof *shown; m++) {
            gk_buf_puts(b, "<td>");
            gk_page__html_stat(b, &c->stats, shown[m]);
            gk_buf_puts(b, "</td>");
        }
        gk_report__floor_values(r, b, c);
        gk_buf_puts(b, "</tr>\n");
    }
    gk_buf_puts(b, "</tbody></table></div>\n</details>\n");
}

static bool has(const gk_report__set *set, const char *scheme) {
    for (size_t i = 0; scheme && i < set->n; i++)
        if (strcmp(set->scheme[i], scheme) == 0) return true;
    return false;
}

/* The set that the headline's positions are judged in is also shown template by template. */
static bool is_judged(const gk_report__state *r, const gk_report__set *set) {
    bool judged = has(set, r->roles.both) || (has(set, r->roles.fe) && has(set, r->roles.lt));
    return r->n_templates > 1 && judged;
}

/* "position: Which token positions need the finetuned weights": its title, or the first sentence of what its
 * file says. */
static const char *title_of(const gk_report__state *r, const gk_report__set *set) {
    enum { MOST = 120 };
    if (*set->title) return gk_arena_printf(r->a, "%s: %s", set->name, set->title);
    size_t n = strcspn(set->about, ".?!");
    while (set->about[n] && set->about[n + 1] && set->about[n + 1] != ' ')
        n += 1 + strcspn(set->about + n + 1, ".?!");
    if (set->about[n] == '?' || set->about[n] == '!') n++;
    if (n == 0 || n > MOST) return gk_arena_printf(r->a, "Schemes of the set \u201c%s\u201d", set->name);
    return gk_arena_printf(r->a, "%s: %.*s", set->name, (int)n, set->about);
}

/* Grids first, and as bars only what stands in none. */
static void add_set(gk_report__state *r, const gk_report__set *set, size_t number) {
    gk_report__set rest;
    const char *title = title_of(r, set);
    gk_report__section_begin(r, gk_arena_printf(r->a, "set-%zu", number), title);
    if (!strstr(title, set->about)) {
        gk_buf_puts(&r->html, "<p>");
        gk_page__html_text(&r->html, set->about);
        gk_buf_puts(&r->html, "</p>\n");
    }
    gk_report__same(r, set);
    gk_report__grids(r, set, &rest);
    if (rest.n) add_pooled(r, &rest);
    if (rest.n == set->n && is_judged(r, set)) add_per_template(r, set);
    gk_report__alike(r, set);
    add_set_table(r, set);
}

void gk_report__sets(gk_report__state *r) {
    for (size_t i = 0; i < r->n_sets; i++) add_set(r, &r->set[i], i + 1);
}
