/* forgetting.c: what the finetuned models have forgotten: how well they still read general text, and
 * how far their weights have moved, from their metrics.jsonl. */
#include "core/json.h"
#include "eval/learned/forgetting.h"
#include "graftkit/core/file.h"
#include "report/internal.h"

#include <math.h>
#include <string.h>

typedef struct story { /* of one model */
    const char *name;
    gk_forgetting f;
    json_t *before, *after; /* lines of metrics.jsonl */
} story;

/* The step that a run with keep_best ended with; -1: the last. */
static json_int_t kept_step(const gk_report__state *r, const char *dir) {
    json_t *m = gk_json_load(gk_path_join(r->a, dir, "train.json"), NULL);
    bool best =
        json_is_true(json_object_get(json_object_get(json_object_get(m, "inputs"), "recipe"), "keep_best"));
    json_int_t step = best ? json_integer_value(json_object_get(m, "best_step")) : -1;
    json_decref(m);
    return step > 0 ? step : -1;
}

static void take(story *s, json_t *line, json_int_t kept) {
    if (!json_object_get(line, "general_loss")) return;
    if (!s->before) s->before = json_incref(line);
    if (kept >= 0 && json_integer_value(json_object_get(line, "step")) != kept) return;
    json_decref(s->after);
    s->after = json_incref(line);
}

/* False where the folder does not tell. Folders without metrics are no error: models come from elsewhere,
 * too. */
static bool read_story(const gk_report__state *r, const gk_report_model *m, story *s) {
    *s = (story){.name = m->name};
    const char *path = gk_path_join(r->a, m->dir, "metrics.jsonl");
    gk_jsonl *in = gk_exists(path) ? gk_jsonl_open(path, NULL) : NULL;
    json_int_t kept = in ? kept_step(r, m->dir) : -1;
    json_t *line;
    while (in && gk_jsonl_next(in, &line, NULL) > 0) {
        take(s, line, kept);
        json_decref(line);
    }
    if (in) gk_jsonl_close(in);
    return s->before && s->after && s->before != s->after && gk_forgetting_read(s->before, s->after, &s->f);
}

static void free_story(story *s) {
    json_decref(s->before);
    json_decref(s->after);
}

static bool is_donor(const gk_report_model *m) {
    return strcmp(m->name, "base") != 0;
}

void gk_report__lost(gk_report__state *r) {
    char text[512];
    for (size_t i = 0; i < r->o->n_models; i++) {
        story s;
        if (is_donor(&r->o->models[i]) && read_story(r, &r->o->models[i], &s) && s.f.verdict == GK_LOST) {
            gk_buf_puts(&r->html, "<p class=\"note\"><strong>The donor ");
            gk_page__html_text(&r->html, s.name);
            gk_buf_puts(&r->html, " has lost its language.</strong> ");
            gk_page__html_text(&r->html, gk_forgetting_text(&s.f, text, sizeof text));
            gk_buf_puts(&r->html, ". <a href=\"#forgetting\">More</a></p>\n");
        }
        if (is_donor(&r->o->models[i])) free_story(&s);
    }
}

static void add_number(gk_buf *b, double x) {
    if (isfinite(x))
        gk_buf_printf(b, "<td>%.4g</td>", x);
    else
        gk_buf_puts(b, "<td>\u2013</td>");
}

static void add_row(gk_buf *b, const story *s) {
    static const char *const words[] = {[GK_NO_LANGUAGE] = "the base did not read it",
                                        [GK_KEPT] = "kept its language",
                                        [GK_FORGOT] = "forgot some",
                                        [GK_LOST] = "lost its language"};
    gk_buf_puts(b, "<tr><td class=\"name\">");
    gk_page__html_text(b, s->name);
    gk_buf_puts(b, "</td>");
    add_number(b, s->f.before);
    add_number(b, s->f.after);
    add_number(b, s->f.times);
    gk_buf_printf(b, "<td>%s</td></tr>\n", words[s->f.verdict]);
}

static void add_changes(gk_buf *b, const story *list, size_t n) {
    const json_t *columns = json_object_get(list[0].after, "change");
    const char *name;
    json_t *x;
    if (!columns) return;
    gk_page__prose(b, "weights moved", NULL);
    gk_buf_puts(b, "<div class=\"scroll\"><table class=\"text\"><thead><tr><th>model</th>");
    json_object_foreach((json_t *)(uintptr_t)columns, name, x) {
        gk_buf_puts(b, "<th>");
        gk_page__html_text(b, name);
        gk_buf_puts(b, "</th>");
    }
    gk_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < n; i++) {
        gk_buf_puts(b, "<tr><td class=\"name\">");
        gk_page__html_text(b, list[i].name);
        gk_buf_puts(b, "</td>");
        json_object_foreach((json_t *)(uintptr_t)columns, name, x) {
            const json_t *v = json_object_get(json_object_get(list[i].after, "change"), name);
            add_number(b, json_is_number(v) ? json_number_value(v) : (double)NAN);
        }
        gk_buf_puts(b, "</tr>\n");
    }
    gk_buf_puts(b, "</tbody></table></div>\n");
}

void gk_report__forgetting(gk_report__state *r) {
    story *list = gk_arena_alloc(r->a, (r->o->n_models + 1) * sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < r->o->n_models; i++) {
        if (!is_donor(&r->o->models[i])) continue;
        if (read_story(r, &r->o->models[i], &list[n]))
            n++;
        else
            free_story(&list[n]);
    }
    gk_buf *b = &r->html;
    if (n > 0) {
        gk_report__section_begin(r, "forgetting", "What was forgotten");
        gk_page__prose(b, "forgotten", "tokens", gk_arena_printf(r->a, "%.0f", list[0].f.tokens), "kept",
                       gk_arena_printf(r->a, "%.1f", GK_KEPT_TIMES), "lost",
                       gk_arena_printf(r->a, "%.0f", GK_LOST_TIMES), NULL);
        gk_buf_puts(b, "<div class=\"scroll\"><table "
                       "class=\"text\"><thead><tr><th>model</th><th>before</th><th>after</th>"
                       "<th>times</th><th></th></tr></thead>\n<tbody>\n");
        for (size_t i = 0; i < n; i++) add_row(b, &list[i]);
        gk_buf_puts(b, "</tbody></table></div>\n");
        add_changes(b, list, n);
    }
    for (size_t i = 0; i < n; i++) free_story(&list[i]);
}
