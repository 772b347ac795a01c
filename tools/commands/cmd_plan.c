/* cmd_plan.c: draws what schemes do on one prompt: which model computes each layer at each token. Reads
 * tokenizer and configuration, no weights. */
#include "graftkit/core/file.h"
#include "graftkit/core/template.h"
#include "graftkit/eval/prompts.h"
#include "graftkit/graft/cast.h"
#include "graftkit/graft/plan.h"
#include "graftkit/graft/scheme.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/report.h"
#include "graftkit/tokenizer.h"
#include "graftkit/train/corpus.h"
#include "tools/tools.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_DRAWN = 50 };

typedef struct args {
    const char *recipient, *tokenizer, *templates, *fillers, *rows, *entity, *target, *prompt, *svg, *colour;
    gk_strings donors, schemes, chosen, spans;
    int64_t row, tmpl;
    bool list, no_bos, keep_shared_first;
} args;

typedef struct scene {
    const args *g;
    gk_arena *a;
    gk_cast cast;     /* names only */
    const char *path; /* the recipient's */
    gk_config config;
    gk_tok *tok;
    gk_schemes schemes;
    const char *text;
    gk_tokens tokens;
    gk_field_span *fields;
    size_t n_fields;
    const char **token, **label; /* as shown */
    gk_drawing *drawing;
    size_t n_drawings, n_left_out;
} scene;

/* ---------------------------------------------------------------- models, schemes */

/* The part before `=`, if any: of a donor what follows is not needed to draw. */
static bool add_donor(scene *s, const char *spec, gk_error *err) {
    static const char option[] = "--donor";
    const char *name = gk_arena_strndup(s->a, spec, strcspn(spec, "="));
    if (!*name) return gk_fail(err, GK_AT_FIELD(NULL, option), "write NAME=PATH", "'%s' has no name", spec);
    for (int i = 0; i < s->cast.n; i++)
        if (strcmp(s->cast.name[i], name) == 0)
            return gk_fail(err, GK_AT_FIELD(NULL, option), "give every model its own name",
                           "two models are named '%s'", name);
    if (s->cast.n == GK_MAX_MODELS)
        return gk_fail(err, GK_AT_FIELD(NULL, option), NULL, "more than %d models", GK_MAX_MODELS);
    s->cast.name[s->cast.n++] = name;
    return true;
}

static bool name_models(scene *s, gk_error *err) {
    s->cast.name[s->cast.n++] = gk_arena_named(s->a, s->g->recipient, &s->path);
    if (!s->path)
        return gk_fail(err, GK_AT_FIELD(NULL, "--recipient"), "write NAME=PATH, e.g. pre=runs/default/base",
                       "'%s' is not a named model", s->g->recipient);
    for (size_t i = 0; i < s->g->donors.n; i++)
        if (!add_donor(s, s->g->donors.item[i], err)) return false;
    return true;
}

static bool read_shape(scene *s, gk_error *err) {
    gk_inspection *model = gk_inspect(s->path, err);
    if (!model) return false;
    s->config = model->config;
    gk_inspection_free(model);
    return true;
}

static bool load_schemes(scene *s, gk_error *err) {
    for (size_t i = 0; i < s->g->schemes.n; i++)
        if (!gk_schemes_load_for(s->a, s->g->schemes.item[i], s->config.n_layers, &s->schemes, err))
            return false;
    return true;
}

/* Name, set and place in its grid, a line a scheme. */
static void list_schemes(const scene *s) {
    for (size_t i = 0; i < s->schemes.n; i++) {
        size_t n;
        const gk_axis *axis = gk_scheme_axes(s->schemes.item[i], &n);
        printf("%s\t%s", gk_scheme_name(s->schemes.item[i]), gk_scheme_set(s->schemes.item[i]));
        for (size_t k = 0; k < n; k++) printf("%s%s=%s", k ? " " : "\t", axis[k].name, axis[k].value);
        putchar('\n');
    }
    fflush(stdout);
    fprintf(stderr, "%zu schemes of %zu entries\n", s->schemes.n, s->schemes.n_written);
}

/* ---------------------------------------------------------------- the prompt */

/* "field=text": every place at which the text stands in the prompt. */
static bool add_spans(scene *s, const char *spec, gk_error *err) {
    const char *words, *field = gk_arena_named(s->a, spec, &words);
    if (!field)
        return gk_fail(err, GK_AT_FIELD(NULL, "--span"), "write FIELD=TEXT, e.g. first_actor='Ann Lee'",
                       "'%s' is not a named text", spec);
    size_t before = s->n_fields;
    bool entity = strcmp(field, s->g->entity) == 0 && strcmp(field, GK_ENTITY) != 0;
    for (const char *at = s->text; (at = strstr(at, words)); at += strlen(words)) {
        gk_field_span *more = gk_arena_alloc(s->a, (s->n_fields + 2) * sizeof *more);
        if (s->n_fields) memcpy(more, s->fields, s->n_fields * sizeof *more);
        uint32_t begin = (uint32_t)(at - s->text);
        gk_span span = {begin, begin + (uint32_t)strlen(words)};
        more[s->n_fields++] = (gk_field_span){field, span};
        if (entity) more[s->n_fields++] = (gk_field_span){GK_ENTITY, span};
        s->fields = more;
    }
    return s->n_fields > before || gk_fail(err, GK_AT_FIELD(NULL, "--span"), "write it as the prompt has it",
                                           "the prompt does not hold '%s'", words);
}

static bool plain_prompt(scene *s, gk_error *err) {
    if (s->g->templates || s->g->rows)
        return gk_fail(err, GK_AT_FIELD(NULL, "--prompt"), "leave one of them out",
                       "--prompt and --templates with --rows are two ways to give the prompt");
    s->text = s->g->prompt;
    for (size_t i = 0; i < s->g->spans.n; i++)
        if (!add_spans(s, s->g->spans.item[i], err)) return false;
    return gk_tok_encode(s->tok, s->text, strlen(s->text), s->g->no_bos ? GK_BOS_NO : GK_BOS_DEFAULT, s->a,
                         &s->tokens, err);
}

static bool templated_prompt(scene *s, gk_error *err) {
    const args *g = s->g;
    gk_prompt_options o = {.templates = g->templates,
                           .fillers = g->fillers,
                           .rows = g->rows,
                           .entity = g->entity,
                           .maybe_entity = strcmp(g->entity, GK_ENTITY_FIELD) == 0,
                           .target = g->target,
                           .limit = g->row,
                           .keep_shared_first = g->keep_shared_first,
                           .drop_bad_rows = true};
    gk_prompts p;
    if (!g->templates || !g->rows || g->spans.n || g->no_bos)
        return gk_fail(err, GK_NOWHERE, "give --templates and --rows, or --prompt with --span FIELD=TEXT",
                       "there is no prompt to draw on");
    if (!gk_prompts_load(s->a, &o, s->tok, s->config.max_positions, &p, err)) return false;
    if (g->row < 1 || (size_t)g->row > p.n_rows)
        return gk_fail(err, GK_AT_FIELD(NULL, "--row"), "rows count from 1", "there are %zu rows in %s",
                       p.n_rows, g->rows);
    if (g->tmpl < 1 || (size_t)g->tmpl > p.n_templates)
        return gk_fail(err, GK_AT_FIELD(NULL, "--template"), "templates count from 1",
                       "there are %zu templates in %s", p.n_templates, g->templates);
    const gk_prompt *e = &p.item[(size_t)(g->row - 1) * p.n_templates + (size_t)(g->tmpl - 1)];
    if (e->dropped)
        return gk_fail(err, GK_AT_FIELD(g->rows, "--row"), "choose another row or template",
                       "a sweep drops this prompt: %s", e->dropped);
    s->text = e->text;
    s->tokens = e->tokens;
    s->fields = e->fields;
    s->n_fields = e->n_fields;
    return true;
}

/* A token as it stands in the prompt, blanks and control characters visible; its piece where it has no text
 * of its own. */
static const char *show_token(const scene *s, size_t i) {
    gk_span span = s->tokens.span[i];
    const char *piece = gk_tok_piece(s->tok, s->tokens.id[i]), *text = s->text + span.begin;
    if (span.begin == span.end || !gk_utf8_valid(text, span.end - span.begin, NULL))
        return piece ? piece : "?";
    gk_buf b = {0};
    gk_buf_puts(&b, "");
    for (const char *p = text; p < s->text + span.end; p++) {
        if (*p == ' ')
            gk_buf_puts(&b, "·");
        else if (*p == '\n')
            gk_buf_puts(&b, "\\n");
        else if ((unsigned char)*p < ' ' || *p == 127)
            gk_buf_printf(&b, "\\x%02x", (unsigned)(unsigned char)*p);
        else
            gk_buf_add(&b, p, 1);
    }
    const char *shown = gk_arena_strdup(s->a, b.data);
    gk_buf_free(&b);
    return shown;
}

/* The fields that the token belongs to, each once. */
static const char *show_fields(const scene *s, size_t i) {
    const char *label = "";
    gk_span t = s->tokens.span[i];
    for (size_t k = 0; k < s->n_fields; k++) {
        gk_span f = s->fields[k].span;
        bool known = false;
        for (size_t j = 0; j < k; j++)
            known = known || (strcmp(s->fields[j].field, s->fields[k].field) == 0 &&
                              s->fields[j].span.begin < t.end && t.begin < s->fields[j].span.end);
        if (f.begin < t.end && t.begin < f.end && !known)
            label = gk_arena_printf(s->a, "%s%s%s", label, *label ? ", " : "", s->fields[k].field);
    }
    if (i + 1 == s->tokens.n) label = gk_arena_printf(s->a, "%s%slast", label, *label ? ", " : "");
    return label;
}

static bool make_prompt(scene *s, gk_error *err) {
    s->tok = s->g->tokenizer ? gk_tok_load(s->g->tokenizer, err) : gk_tokenizer_of(s->path, err);
    if (!s->tok || !(s->g->prompt ? plain_prompt(s, err) : templated_prompt(s, err))) return false;
    s->token = gk_arena_alloc(s->a, (s->tokens.n + 1) * sizeof *s->token);
    s->label = gk_arena_alloc(s->a, (s->tokens.n + 1) * sizeof *s->label);
    for (size_t i = 0; i < s->tokens.n; i++) {
        s->token[i] = show_token(s, i);
        s->label[i] = show_fields(s, i);
    }
    return true;
}

/* ---------------------------------------------------------------- plans */

static bool chosen(const scene *s, const gk_scheme *scheme) {
    for (size_t i = 0; i < s->g->chosen.n; i++)
        if (strcmp(s->g->chosen.item[i], gk_scheme_name(scheme)) == 0) return true;
    return s->g->chosen.n == 0;
}

static bool check_chosen(const scene *s, gk_error *err) {
    const char **names = gk_arena_alloc(s->a, (s->schemes.n + 1) * sizeof *names);
    for (size_t i = 0; i < s->schemes.n; i++) names[i] = gk_scheme_name(s->schemes.item[i]);
    for (size_t i = 0; i < s->g->chosen.n; i++) {
        size_t k = 0;
        while (k < s->schemes.n && strcmp(names[k], s->g->chosen.item[i]) != 0) k++;
        if (k < s->schemes.n) continue;
        const char *near = gk_nearest(s->g->chosen.item[i], names, s->schemes.n);
        return gk_fail(err, GK_AT_FIELD(NULL, "--scheme"),
                       near ? gk_arena_printf(s->a, "did you mean '%s'?", near) : "--list shows their names",
                       "no scheme is named '%s'", s->g->chosen.item[i]);
    }
    return true;
}

/* Schemes that were not asked for by name are left out where the prompt lacks their fields. */
static bool plan_one(scene *s, const gk_scheme *scheme, gk_error *err) {
    if (!gk_scheme_applies(scheme, s->fields, s->n_fields) && s->g->chosen.n == 0) {
        s->n_left_out++;
        return true;
    }
    if (s->n_drawings == MOST_DRAWN)
        return gk_fail(err, GK_NOWHERE, "choose some with --scheme; --list shows their names",
                       "more than %d schemes to draw", MOST_DRAWN);
    const char **fields = gk_arena_alloc(s->a, (s->n_fields + 1) * sizeof *fields);
    for (size_t i = 0; i < s->n_fields; i++) fields[i] = s->fields[i].field;
    gk_plan *plan = gk_arena_alloc(s->a, sizeof *plan);
    if (!gk_scheme_check(scheme, &s->cast, fields, err) ||
        !gk_plan_lay(s->a, scheme, &s->cast, &s->config, &s->tokens, s->fields, s->n_fields, plan, err))
        return false;
    s->drawing[s->n_drawings++] = (gk_drawing){.title = gk_scheme_name(scheme),
                                               .about = gk_scheme_about(scheme),
                                               .cast = &s->cast,
                                               .config = &s->config,
                                               .plan = plan,
                                               .token = s->token,
                                               .label = s->label};
    return true;
}

static bool make_plans(scene *s, gk_error *err) {
    if (!check_chosen(s, err)) return false;
    s->drawing = gk_arena_alloc(s->a, MOST_DRAWN * sizeof *s->drawing);
    for (size_t i = 0; i < s->schemes.n; i++)
        if (chosen(s, s->schemes.item[i]) && !plan_one(s, s->schemes.item[i], err)) return false;
    if (s->n_left_out)
        fprintf(stderr, "%zu schemes left out: the prompt lacks fields that they name\n", s->n_left_out);
    return s->n_drawings > 0 ||
           gk_fail(err, GK_NOWHERE, "name fields with --span, or choose another template",
                   "none of the schemes applies to this prompt");
}

/* ---------------------------------------------------------------- running */

static bool wants_colour(const char *when, bool *out, gk_error *err) {
    const char *no = getenv("NO_COLOR");
    *out =
        strcmp(when, "always") == 0 || (strcmp(when, "auto") == 0 && isatty(STDOUT_FILENO) && !(no && *no));
    return *out || strcmp(when, "auto") == 0 || strcmp(when, "never") == 0 ||
           gk_fail(err, GK_AT_FIELD(NULL, "--color"), "write auto, always or never", "is '%s'", when);
}

static void print_drawings(const scene *s, bool colour) {
    gk_buf b = {0};
    for (size_t i = 0; i < s->n_drawings; i++) {
        if (i) gk_buf_puts(&b, "\n");
        gk_draw_text(&s->drawing[i], colour, &b);
    }
    fwrite(b.data, 1, b.len, stdout);
    gk_buf_free(&b);
}

static bool check_out(const scene *s, gk_error *err) {
    const args *g = s->g;
    const gk_named_path named[] = {{"--rows", g->rows, GK_INPUT},
                                   {"--templates", g->templates, GK_INPUT},
                                   {"--fillers", g->fillers, GK_INPUT},
                                   {"--recipient", s->path, GK_MODEL},
                                   {"--svg", g->svg, GK_OUTPUT}};
    for (size_t i = 0; i < g->schemes.n; i++) {
        const gk_named_path scheme[] = {{"--schemes", g->schemes.item[i], GK_INPUT},
                                        {"--svg", g->svg, GK_OUTPUT}};
        if (!gk_check_outputs(scheme, 2, err)) return false;
    }
    return !g->svg ||
           (gk_check_outputs(named, sizeof named / sizeof *named, err) && gk_out_check(g->svg, err));
}

static int run(const args *g, gk_arena *a) {
    gk_error err;
    bool colour = false;
    scene s = {.g = g, .a = a};
    bool ok = wants_colour(g->colour, &colour, &err) && name_models(&s, &err) && check_out(&s, &err) &&
              read_shape(&s, &err) && load_schemes(&s, &err);
    if (ok && g->list) {
        list_schemes(&s);
    } else if (ok) {
        ok = make_prompt(&s, &err) && make_plans(&s, &err);
        if (ok) print_drawings(&s, colour);
        if (ok && g->svg) ok = gk_draw_svg(s.drawing, s.n_drawings, g->svg, &err);
    }
    gk_tok_free(s.tok);
    return ok ? 0 : gk_die("plan", &err);
}

int cmd_plan(int argc, char **argv) {
    args g = {.entity = GK_ENTITY_FIELD, .target = GK_TARGET_FIELD, .row = 1, .tmpl = 1, .colour = "auto"};
    const gk_opt opts[] = {
        {"recipient", GK_OPT_STR, &g.recipient, "NAME=PATH",
         "the model that is grafted into; its tokenizer and shape are read, no weights", true},
        {"donor", GK_OPT_LIST, &g.donors, "NAME[=PATH]", "a donor; only its name counts; may be repeated",
         false},
        {"schemes", GK_OPT_LIST, &g.schemes, "FILE",
         "graft schemes (YAML), or the name of some that come along; may be repeated", true},
        {"scheme", GK_OPT_LIST, &g.chosen, "NAME",
         "draw this one; may be repeated; without it all that apply", false},
        {"list", GK_OPT_FLAG, &g.list, NULL, "list the schemes, grids expanded, and draw nothing", false},
        {"prompt", GK_OPT_STR, &g.prompt, "TEXT", "the prompt", false},
        {"span", GK_OPT_LIST, &g.spans, "FIELD=TEXT", "a field of --prompt; may be repeated", false},
        {"no-bos", GK_OPT_FLAG, &g.no_bos, NULL, "do not start --prompt with the tokenizer's BOS", false},
        {"templates", GK_OPT_STR, &g.templates, "FILE", "evaluation templates (JSONL), instead of --prompt",
         false},
        {"fillers", GK_OPT_STR, &g.fillers, "FILE", "fixed values of template fields (JSON)", false},
        {"rows", GK_OPT_STR, &g.rows, "FILE", "metadata rows (JSONL)", false},
        {"row", GK_OPT_INT, &g.row, "N", "which row, from 1", false},
        {"template", GK_OPT_INT, &g.tmpl, "N", "which template, from 1", false},
        {"entity", GK_OPT_STR, &g.entity, "FIELD", "the field that schemes call `entity`", false},
        {"target", GK_OPT_STR, &g.target, "FIELD", "the field that the prompts ask for", false},
        {"keep-shared-first", GK_OPT_FLAG, &g.keep_shared_first, NULL,
         "keep prompts whose target's first token also begins one of their fields", false},
        {"tokenizer", GK_OPT_STR, &g.tokenizer, "PATH", "its tokenizer [the recipient's]", false},
        {"svg", GK_OPT_STR, &g.svg, "FILE", "write the drawing there too (SVG)", false},
        {"color", GK_OPT_STR, &g.colour, "WHEN", "auto (in a terminal), always or never", false},
    };
    gk_arena *a = gk_arena_new();
    int code = gk_args("plan", "draw which model computes what on a prompt", opts, sizeof opts / sizeof *opts,
                       argc, argv, a);
    gk_error err;
    if (code < 0 && !gk_find_all(a, GK_SHIPPED_SCHEMES, "--schemes", &g.schemes, &err))
        code = gk_die("plan", &err);
    if (code < 0) code = run(&g, a);
    gk_arena_free(a);
    return code;
}
