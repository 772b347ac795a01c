/* head.c: what the page is about (model, size, dataset, seeds), and at its end how to read it. The
 * words for positions, fields and models are the run's own. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "graftkit/eval/prompts.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "report/internal.h"

#include <string.h>

/* ---------------------------------------------------------------- the model */

static const json_t *recipient_of(const gk_report__state *r) {
    return gk_manifest__item(r->manifest, "models", gk_report__run(r, "recipient"));
}

/* "1.7 million", "124 million", "1.24 billion" */
static const char *in_words(gk_arena *a, double n) {
    double x = n < 999.5e6 ? n / 1e6 : n / 1e9;
    return gk_arena_printf(a, "%.*f %s", x < 9.95 ? 1 + (n >= 999.5e6) : x < 99.5 && n >= 999.5e6, x,
                           n < 999.5e6 ? "million" : "billion");
}

static const char *size_text(gk_arena *a, const char *family, double parameters, long long layers,
                             long long width) {
    return gk_arena_printf(a, "%s, %s parameters (%lld layers of width %lld)", family,
                           in_words(a, parameters), layers, width);
}

/* A store that was made earlier does not say it: then the folder does, if it still holds that model. */
static const char *inspected(const gk_report__state *r, const json_t *model) {
    char hash[GK_SHA256_HEX];
    const char *path = gk_manifest__text(model, "path"), *text = NULL;
    if (!gk_sha256_file(gk_path_join(r->a, path, "config.json"), hash, NULL) ||
        strcmp(hash, gk_manifest__text(model, "config_sha256")) != 0)
        return NULL;
    gk_inspection *i = gk_inspect(path, NULL);
    if (i)
        text = size_text(r->a, gk_family_name(i->config.family), (double)i->params, i->config.n_layers,
                         i->config.d_model);
    gk_inspection_free(i);
    return text;
}

static const char *size_of(const gk_report__state *r, const json_t *model) {
    const json_t *n = json_object_get(r->manifest, "parameters");
    const char *family = gk_report__run(r, "family");
    if (!family || !json_is_number(n)) return model ? inspected(r, model) : NULL;
    return size_text(r->a, family, json_number_value(n),
                     (long long)json_integer_value(json_object_get(r->manifest, "layers")),
                     (long long)json_integer_value(json_object_get(r->manifest, "width")));
}

static void begin_fact(gk_buf *b, const char *what) {
    gk_buf_printf(b, "<div><dt>%s</dt><dd>", what);
}

static void add_models(gk_report__state *r) {
    const json_t *recipient = recipient_of(r);
    const char *size = size_of(r, recipient);
    gk_buf *b = &r->html;
    size_t i;
    json_t *m;
    if (!recipient) return;
    begin_fact(b, "Model");
    gk_page__html_code(b, gk_manifest__text(recipient, "path"));
    gk_buf_puts(b, size ? ": " : "");
    gk_page__html_text(b, size ? size : "");
    gk_buf_puts(b, "</dd></div>\n");
    if (json_array_size(json_object_get(r->manifest, "models")) < 2) return;
    begin_fact(b, "Donors");
    const char *comma = "";
    json_array_foreach(json_object_get(r->manifest, "models"), i, m) {
        if (m == recipient) continue;
        gk_buf_puts(b, comma);
        gk_page__html_text(b, gk_manifest__text(m, "name"));
        gk_buf_puts(b, " ");
        gk_page__html_code(b, gk_manifest__text(m, "path"));
        comma = ", ";
    }
    gk_buf_puts(b, "</dd></div>\n");
}

/* ---------------------------------------------------------------- data and seeds */

static bool add_data(gk_report__state *r, const json_t *card) {
    gk_buf *b = &r->html;
    gk_asked n;
    bool ok = gk_store_asked(r->s, &n, r->err);
    if (ok) {
        int64_t facts = n.rows, prompts = n.prompts;
        const char *name = gk_manifest__text(card, "name"), *rows = gk_report__run(r, "rows"),
                   *target = gk_report__run(r, "target"), *entity = r->outcomes.entity,
                   *source = gk_manifest__text(json_object_get(card, "source"), "name");
        begin_fact(b, "Dataset");
        gk_page__html_code(b, *name ? name : rows ? rows : "unknown");
        if (*source) {
            gk_buf_puts(b, " from ");
            gk_page__html_code(b, source);
        }
        gk_buf_printf(b, ": %lld fact%s in %zu template%s, %lld prompt%s", (long long)facts,
                      facts == 1 ? "" : "s", r->n_templates, r->n_templates == 1 ? "" : "s",
                      (long long)prompts, prompts == 1 ? "" : "s");
        if (n.dropped > 0) gk_buf_printf(b, " of which %lld were dropped", (long long)n.dropped);
        if (entity && !(r->o->usual_entity && strcmp(entity, r->o->usual_entity) == 0)) {
            gk_buf_puts(b, "; about: ");
            gk_page__html_code(b, entity);
        }
        if (target) {
            gk_buf_puts(b, "; asked for: ");
            gk_page__html_code(b, target);
        }
        gk_buf_puts(b, "</dd></div>\n");
    }
    return ok;
}

typedef struct seeds {
    gk_buf text;
    const char *first;
    size_t n;
    bool differ;
} seeds;

static void add_seed(seeds *s, const char *of, const char *seed) {
    if (!*seed) return;
    s->differ |= s->first && strcmp(s->first, seed) != 0;
    if (!s->first) s->first = seed;
    gk_buf_printf(&s->text, "%s%s %s", s->n++ ? ", " : "", of, seed);
}

static const char *whole_text(gk_arena *a, const json_t *v) {
    return json_is_string(v)    ? gk_arena_strdup(a, json_string_value(v))
           : json_is_integer(v) ? gk_arena_printf(a, "%lld", (long long)json_integer_value(v))
                                : "";
}

static void add_seeds(gk_report__state *r, const json_t *card) {
    seeds s = {.first = NULL};
    add_seed(&s, "data", whole_text(r->a, json_object_get(card, "seed")));
    for (size_t i = 0; i < r->o->n_models; i++) {
        json_t *run = gk_json_load(gk_path_join(r->a, r->o->models[i].dir, "train.json"), NULL);
        add_seed(&s, r->o->models[i].name,
                 whole_text(r->a, json_object_get(json_object_get(run, "inputs"), "seed")));
        json_decref(run);
    }
    add_seed(&s, "sweep", whole_text(r->a, json_object_get(r->manifest, "seed")));
    if (s.n) {
        begin_fact(&r->html, "Seed");
        gk_page__html_text(&r->html, s.differ ? s.text.data : s.first);
        if (!s.differ && s.n > 1) gk_buf_puts(&r->html, " throughout");
        gk_buf_puts(&r->html, "</dd></div>\n");
    }
    gk_buf_free(&s.text);
}

bool gk_report__head(gk_report__state *r) {
    json_t *card =
        r->o->card ? gk_json_load(r->o->card, NULL) : NULL; /* what is wrong is told further down */
    gk_buf_puts(&r->html, "<dl class=\"facts\">\n");
    add_models(r);
    bool ok = add_data(r, card);
    add_seeds(r, card);
    if (gk_manifest__bf16(r->manifest)) {
        begin_fact(&r->html, "Products");
        gk_buf_puts(&r->html, "of bf16 operands, with fp32 sums</dd></div>\n");
    }
    const char *version = gk_report__run(r, "version"), *ended = gk_report__run(r, "ended");
    if (version || ended) {
        begin_fact(&r->html, "Made");
        if (version) gk_buf_puts(&r->html, "by graftkit ");
        gk_page__html_text(&r->html, version ? version : "");
        if (ended) gk_buf_printf(&r->html, "%s%.10s", version ? ", " : "", ended);
        gk_buf_puts(&r->html, "</dd></div>\n");
    }
    gk_buf_puts(&r->html, "</dl>\n");
    json_decref(card);
    return ok;
}

/* ---------------------------------------------------------------- how to read it */

static void add_name(gk_buf *b, const char *name, const char *what) {
    gk_buf_puts(b, " <strong>");
    gk_page__html_text(b, name);
    gk_buf_puts(b, "</strong> ");
    gk_buf_puts(b, what);
}

/* Which scheme is which model or which place: the first that each is. */
static void add_names(gk_report__state *r) {
    gk_buf *b = &r->html;
    const gk_roles *who = &r->roles;
    if (who->pre) add_name(b, who->pre, "is the recipient alone.");
    if (who->sft) add_name(b, who->sft, "is the finetuned donor alone.");
    if (who->sft_rh) add_name(b, who->sft_rh, "is that under the recipient&#39;s final norm and head.");
    if (who->ceiling && who->ceiling != who->sft && who->ceiling != who->sft_rh)
        add_name(b, who->ceiling, "is that under the head that the grafts have.");
    json_t *seen = json_object();
    for (size_t i = 0; i < r->outcomes.n; i++) {
        const char *at = gk_sole_place(r->a, r->outcomes.scheme[i].canonical);
        if (!at || strcmp(at, "all") == 0 || json_object_get(seen, at)) continue;
        json_object_set_new(seen, at, json_true());
        add_name(b, r->outcomes.scheme[i].scheme, "grafts at ");
        if (strcmp(at, "last") == 0)
            gk_buf_puts(b, "the last token");
        else
            gk_page__html_code(b, at);
        gk_buf_puts(b, ".");
    }
    json_decref(seen);
    gk_buf_puts(b, " <strong>^C</strong> is every position but those named.");
}

void gk_report__read(gk_report__state *r) {
    gk_buf *b = &r->html;
    const char *target = gk_report__run(r, "target");
    gk_report__section_begin(r, "read", "How to read this");
    gk_page__prose(b, "read: grafts", NULL);
    add_names(r);
    gk_page__prose(b, "read: top-5", "target", target ? target : "the target", NULL);
    if (r->placebo || r->permuted) gk_page__prose(b, "floors", NULL);
    if (r->whole) gk_page__prose(b, "read: exact", NULL);
    gk_page__prose(b, "read: intervals and checks", "resamples", gk_arena_printf(r->a, "%d", GK_RESAMPLES),
                   "tests", gk_arena_printf(r->a, "%zu", r->pattern.n_tests), NULL);
}
