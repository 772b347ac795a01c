/* run.c: the section on what the run was made of: any JSON object as tables. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "report/internal.h"

#include <string.h>

static void add_scalar(gk_buf *b, const json_t *v) {
    if (json_is_string(v)) {
        gk_page__html_text(b, json_string_value(v));
    } else if (json_is_integer(v)) {
        gk_buf_printf(b, "%lld", (long long)json_integer_value(v));
    } else if (json_is_real(v)) {
        gk_buf_printf(b, "%.6g", json_real_value(v));
    } else {
        gk_buf_puts(b, json_is_true(v) ? "yes" : json_is_false(v) ? "no" : "\u2013");
    }
}

static void add_list(gk_buf *b, const json_t *list) {
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) {
        if (i) gk_buf_puts(b, ", ");
        add_scalar(b, v);
    }
}

static bool is_table(const json_t *v) {
    return json_is_array(v) && json_is_object(json_array_get(v, 0));
}

/* One row a member; members of members under "outer.inner". Lists of objects are left to add_object_list. */
static void add_members(gk_report__state *r, const char *prefix, const json_t *obj) {
    gk_buf *b = &r->html;
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)obj, key, v) {
        const char *name = *prefix ? gk_arena_printf(r->a, "%s.%s", prefix, key) : key;
        if (json_is_object(v)) {
            add_members(r, name, v);
        } else if (!is_table(v) && !(json_is_array(v) && json_array_size(v) == 0)) {
            gk_buf_puts(b, "<tr><td>");
            gk_page__html_text(b, name);
            gk_buf_puts(b, "</td><td class=\"mono\">");
            if (json_is_array(v))
                add_list(b, v);
            else
                add_scalar(b, v);
            gk_buf_puts(b, "</td></tr>\n");
        }
    }
}

static void add_object(gk_report__state *r, const char *title, const json_t *obj) {
    gk_buf_puts(&r->html, "<h3>");
    gk_page__html_text(&r->html, title);
    gk_buf_puts(&r->html, "</h3>\n<div class=\"scroll\"><table class=\"text manifest\"><tbody>\n");
    add_members(r, "", obj);
    gk_buf_puts(&r->html, "</tbody></table></div>\n");
}

/* One row an object, columns as in the first. */
static void add_object_list(gk_report__state *r, const char *title, const json_t *list) {
    gk_buf *b = &r->html;
    const char *key;
    size_t i;
    json_t *v, *row, *first = json_array_get(list, 0);
    gk_buf_puts(b, "<h3>");
    gk_page__html_text(b, title);
    gk_buf_puts(b, "</h3>\n<div class=\"scroll\"><table class=\"text manifest\"><thead><tr>");
    json_object_foreach(first, key, v) {
        gk_buf_puts(b, "<th>");
        gk_page__html_text(b, key);
        gk_buf_puts(b, "</th>");
    }
    gk_buf_puts(b, "</tr></thead>\n<tbody>\n");
    json_array_foreach(list, i, row) {
        gk_buf_puts(b, "<tr>");
        json_object_foreach(first, key, v) {
            gk_buf_puts(b, "<td class=\"mono\">");
            add_scalar(b, json_object_get(row, key));
            gk_buf_puts(b, "</td>");
        }
        gk_buf_puts(b, "</tr>\n");
    }
    gk_buf_puts(b, "</tbody></table></div>\n");
}

static void add_work(gk_report__state *r) {
    double naive = json_number_value(json_object_get(r->manifest, "rows_naive"));
    double unique = json_number_value(json_object_get(r->manifest, "rows_unique"));
    double seconds = json_number_value(json_object_get(r->manifest, "seconds"));
    if (naive > 0 && unique > 0)
        gk_page__prose(&r->html, "work", "seconds", gk_arena_printf(r->a, "%.1f", seconds), "naive",
                       gk_arena_printf(r->a, "%.3f", naive / 1e6), "unique",
                       gk_arena_printf(r->a, "%.3f", unique / 1e6), "share",
                       gk_arena_printf(r->a, "%.2f", naive / unique), NULL);
}

/* Passed or failed, or passed by no merit: nothing was asked for, or the guesses take in every target. */
static void add_verdict(gk_buf *b, const json_t *gate) {
    const json_t *targets = json_object_get(gate, "targets"), *min = json_object_get(gate, "min");
    bool pass = json_is_true(json_object_get(gate, "pass"));
    bool guessed = json_is_integer(targets) &&
                   json_integer_value(targets) <= json_integer_value(json_object_get(gate, "top"));
    const char *text = pass ? "passes."
                            : "fails: a base that does not know its facts may lack the circuit that "
                              "the grafts are to find.";
    if (guessed) text = "says nothing: so many guesses take in every target.";
    if (!(json_number_value(min) > 0)) text = "asks for nothing, and says nothing.";
    gk_buf_printf(b, "the gate%s <strong class=\"%s\">%s</strong></p>\n",
                  json_is_true(json_object_get(gate, "bf16")) ? ", in products of bf16 operands," : "",
                  guessed || !(json_number_value(min) > 0) ? "unsaid"
                  : pass                                   ? "yes"
                                                           : "no",
                  text);
}

static bool add_gate(gk_report__state *r) {
    if (!r->o->gate) return true;
    json_t *gate = gk_json_load(r->o->gate, r->err);
    if (!gate) return false;
    bool ok = json_is_boolean(json_object_get(gate, "pass")) ||
              gk_fail(r->err, GK_AT_FIELD(r->o->gate, "pass"), "name the file that the gate command wrote",
                      "this is not the result of a gate");
    if (ok) {
        gk_page__prose(
            &r->html, "gate", "top",
            gk_arena_printf(r->a, "%lld", (long long)json_integer_value(json_object_get(gate, "top"))),
            "share", gk_report__percent(r, json_number_value(json_object_get(gate, "share"))), "min",
            gk_report__percent(r, json_number_value(json_object_get(gate, "min"))), NULL);
        add_verdict(&r->html, gate);
        gk_buf_puts(&r->html, "<details><summary>The gate&#39;s record</summary>\n");
        add_object(r, "gate", gate);
        gk_buf_puts(&r->html, "</details>\n");
    }
    json_decref(gate);
    return ok;
}

static void add_training(gk_report__state *r) {
    for (size_t i = 0; i < r->o->n_models; i++) {
        const gk_report_model *m = &r->o->models[i];
        json_t *record = gk_json_load(gk_path_join(r->a, m->dir, "train.json"), NULL);
        if (json_is_object(record)) {
            gk_buf_puts(&r->html, "<details><summary>The training run of ");
            gk_page__html_text(&r->html, m->name);
            gk_buf_puts(&r->html, "</summary>\n");
            add_object(r, "train.json", record);
            gk_buf_puts(&r->html, "</details>\n");
        }
        json_decref(record);
    }
}

bool gk_report__of_run(gk_report__state *r) {
    gk_report__section_begin(r, "run", "The run");
    add_work(r);
    if (!add_gate(r)) return false;
    static const struct {
        const char *key, *title;
    } lists[] = {{"models", "Models"},
                 {"templates", "Templates"},
                 {"dropped", "Dropped prompts"},
                 {"whole_dropped", "Prompts without a whole target"},
                 {"schemes", "Schemes"}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const json_t *list = json_object_get(r->manifest, lists[i].key);
        if (!is_table(list)) continue;
        bool fold = strcmp(lists[i].key, "schemes") == 0;
        if (fold)
            gk_buf_puts(&r->html, "<details><summary>The schemes, as the engine reads them</summary>\n");
        add_object_list(r, lists[i].title, list);
        if (fold) gk_buf_puts(&r->html, "</details>\n");
    }
    gk_buf_puts(&r->html, "<details><summary>What the results store says of itself</summary>\n");
    add_object(r, "Results store", r->manifest);
    gk_buf_puts(&r->html, "</details>\n");
    add_training(r);
    return true;
}
