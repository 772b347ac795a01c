/* dataset.c: the dataset's card: counts, how far its targets can be told apart, what was dropped,
 * hashes. */
#include "core/json.h"
#include "report/internal.h"

static void add_count(gk_buf *b, const json_t *obj, const char *key) {
    const json_t *v = json_object_get(obj, key);
    if (v)
        gk_buf_printf(b, "<td>%lld</td>", (long long)json_integer_value(v));
    else
        gk_buf_puts(b, "<td>\u2013</td>");
}

/* How many different ones there are, and how many rows share the most common. */
static void add_spread(gk_buf *b, const json_t *targets, const char *distinct, const char *most) {
    const json_t *n = json_object_get(targets, distinct);
    if (n)
        gk_buf_printf(b, "<td>%lld (%lld)</td>", (long long)json_integer_value(n),
                      (long long)json_integer_value(json_object_get(targets, most)));
    else
        gk_buf_puts(b, "<td>\u2013</td>");
}

static void add_splits(gk_buf *b, const json_t *splits) {
    const char *name;
    json_t *s;
    gk_buf_puts(
        b, "<div class=\"scroll\"><table><thead><tr><th>split</th><th>rows</th><th>texts (A2B + B2A)</th>"
           "<th>first words</th><th>first tokens</th></tr></thead>\n<tbody>\n");
    json_object_foreach((json_t *)(uintptr_t)splits, name, s) {
        const json_t *targets = json_object_get(s, "targets_A2B");
        gk_buf_puts(b, "<tr><td>");
        gk_page__html_text(b, name);
        gk_buf_puts(b, "</td>");
        add_count(b, s, "rows");
        if (json_object_get(s, "texts"))
            add_count(b, s, "texts");
        else
            gk_buf_printf(b, "<td>%lld + %lld</td>", (long long)json_integer_value(json_object_get(s, "A2B")),
                          (long long)json_integer_value(json_object_get(s, "B2A")));
        add_spread(b, targets, "distinct_first_words", "most_common");
        add_spread(b, targets, "distinct_first_tokens", "most_common_token");
        gk_buf_puts(b, "</tr>\n");
    }
    gk_buf_puts(b, "</tbody></table></div>\n");
    gk_page__prose(b, "splits", NULL);
}

static void add_source(gk_buf *b, const json_t *source) {
    const char *why;
    json_t *n;
    if (!source) return;
    gk_buf_printf(b,
                  "<p>Of the source, %lld rows or files were dropped and %lld usable rows stand in no split.",
                  (long long)json_integer_value(json_object_get(source, "dropped")),
                  (long long)json_integer_value(json_object_get(source, "unused")));
    json_object_foreach(json_object_get(source, "reasons"), why, n) {
        gk_buf_printf(b, "<br>%lld \u00d7 ", (long long)json_integer_value(n));
        gk_page__html_text(b, why);
    }
    gk_buf_puts(b, "</p>\n");
}

static void add_files(gk_buf *b, const json_t *files) {
    const char *name;
    json_t *f;
    gk_buf_puts(
        b, "<details><summary>The dataset&#39;s files</summary>\n<div class=\"scroll\"><table class=\"text "
           "manifest\"><thead><tr><th>file</th><th>lines</th><th>sha256</th></tr></thead>\n<tbody>\n");
    json_object_foreach((json_t *)(uintptr_t)files, name, f) {
        const char *hash = json_string_value(json_object_get(f, "sha256"));
        gk_buf_puts(b, "<tr><td class=\"mono\">");
        gk_page__html_text(b, name);
        gk_buf_puts(b, "</td>");
        add_count(b, f, "lines");
        gk_buf_puts(b, "<td class=\"mono\">");
        gk_page__html_text(b, hash ? hash : "");
        gk_buf_puts(b, "</td></tr>\n");
    }
    gk_buf_puts(b, "</tbody></table></div>\n</details>\n");
}

/* What a model is really asked for: the first tokens of the prompts that were evaluated. */
static bool add_asked(gk_report__state *r) {
    gk_asked n;
    if (!gk_store_asked(r->s, &n, r->err)) return false;
    gk_page__prose(&r->html, "asked", "prompts", gk_arena_printf(r->a, "%lld", (long long)n.evaluated),
                   "rows", gk_arena_printf(r->a, "%lld", (long long)n.rows_evaluated), "tokens",
                   gk_arena_printf(r->a, "%lld", (long long)n.first_tokens), NULL);
    return true;
}

static bool add_card(gk_report__state *r, const json_t *card) {
    gk_buf *b = &r->html;
    const char *name = json_string_value(json_object_get(card, "name"));
    const json_t *chance = json_object_get(card, "chance_first_word"),
                 *splits = json_object_get(card, "splits");
    if (!name || !json_is_object(splits))
        return gk_fail(r->err, GK_AT_FILE(r->o->card), "name the card.json that the dataset command wrote",
                       "this is not the card of a dataset");
    gk_report__section_begin(r, "dataset", "The dataset");
    gk_buf_puts(b, "<p><code>");
    gk_page__html_text(b, name);
    gk_buf_printf(b, "</code>, seed %lld.", (long long)json_integer_value(json_object_get(card, "seed")));
    if (chance) {
        gk_buf_puts(b, " ");
        gk_page__prose(
            b, "chance", "one",
            gk_arena_printf(r->a, "%.2f%%", 100 * json_number_value(json_object_get(chance, "top1"))), "five",
            gk_arena_printf(r->a, "%.2f%%", 100 * json_number_value(json_object_get(chance, "top5"))), NULL);
    }
    gk_buf_puts(b, "</p>\n");
    add_splits(b, splits);
    if (!add_asked(r)) return false;
    add_source(b, json_object_get(card, "source"));
    add_files(b, json_object_get(card, "files"));
    return true;
}

bool gk_report__dataset(gk_report__state *r) {
    if (!r->o->card) return true;
    json_t *card = gk_json_load(r->o->card, r->err);
    bool ok = card && add_card(r, card);
    json_decref(card);
    return ok;
}
