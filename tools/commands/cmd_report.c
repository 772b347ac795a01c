/* cmd_report.c: `graftkit report`. */
#include "graftkit/report.h"
#include "tools/tools.h"

typedef struct settings {
    gk_report_options report;
    const char *base;
    gk_strings donors;
} settings;

/* --base DIR and --donor NAME=DIR, in this order. */
static bool list_models(settings *s, gk_arena *a, gk_error *err) {
    gk_report_model *m = gk_arena_alloc(a, (s->donors.n + 1) * sizeof *m);
    size_t n = 0;
    if (s->base) m[n++] = (gk_report_model){"base", s->base};
    for (size_t i = 0; i < s->donors.n; i++) {
        const char *dir, *name = gk_arena_named(a, s->donors.item[i], &dir);
        if (!name)
            return gk_fail(err, GK_AT_FIELD(NULL, "--donor"),
                           "write NAME=DIR, e.g. sft=runs/default/relation", "'%s' is not a named folder",
                           s->donors.item[i]);
        m[n++] = (gk_report_model){name, dir};
    }
    s->report.models = m;
    s->report.n_models = n;
    return true;
}

static bool write_report(const settings *s, gk_error *err) {
    const gk_report_options *o = &s->report;
    const gk_named_path named[] = {{"--db", o->db, GK_INPUT},
                                   {"--gate", o->gate, GK_INPUT},
                                   {"--card", o->card, GK_INPUT},
                                   {"--out", o->out, GK_OUTPUT}};
    return gk_check_outputs(named, sizeof named / sizeof *named, err) && gk_report_write(o, err);
}

int cmd_report(int argc, char **argv) {
    settings s = {.report.usual_entity = GK_ENTITY_FIELD};
    const gk_opt opts[] = {
        {"db", GK_OPT_STR, &s.report.db, "FILE", "results database of a sweep", true},
        {"out", GK_OPT_STR, &s.report.out, "FILE", "HTML file to write", true},
        {"base", GK_OPT_STR, &s.base, "DIR",
         "the folder of the base model, the recipient, for its training curve", false},
        {"donor", GK_OPT_LIST, &s.donors, "NAME=DIR",
         "a finetuned model of the sweep, for its training curve; may be repeated", false},
        {"gate", GK_OPT_STR, &s.report.gate, "FILE", "gate.json of the base model", false},
        {"card", GK_OPT_STR, &s.report.card, "FILE", "card.json of the dataset", false},
        {"attribution", GK_OPT_STR, &s.report.attribution, "DIR",
         "the folder of graftkit attribute on the same models and rows", false},
        {"figures", GK_OPT_STR, &s.report.figures, "DIR",
         "a folder for every figure of the page as SVG and PDF", false},
        {"title", GK_OPT_STR, &s.report.title, "TEXT", "title of the page", false},
        {"about", GK_OPT_STR, &s.report.about, "TEXT", "a sentence under the title", false},
    };
    gk_arena *a = gk_arena_new();
    gk_error err;
    int code =
        gk_args("report", "write the HTML report of a run", opts, sizeof opts / sizeof *opts, argc, argv, a);
    if (code < 0) {
        code = list_models(&s, a, &err) && write_report(&s, &err) ? 0 : gk_die("report", &err);
        if (code == 0) printf("%s\n", s.report.out);
    }
    gk_arena_free(a);
    return code;
}
