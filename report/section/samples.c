/* samples.c: what each scheme said on a few prompts. */
#include "graftkit/eval/prompts.h"
#include "graftkit/graft/scheme.h"
#include "graftkit/tokenizer.h"
#include "graftkit/train/corpus.h"
#include "report/internal.h"

#include <string.h>

enum { MOST_SAMPLES = 4, N_SHOWN = 3 };

typedef struct answer {
    const char *scheme, *dropped;
    int64_t rank;
    double prob;
    bool whole, exact;
    double whole_logprob;
    const char *generated;
    int n_top;
    const char *piece[N_SHOWN];
    double top_prob[N_SHOWN];
} answer;

typedef struct sample {
    gk_asked_prompt of;
    answer *answers;
    size_t n, room;
} sample;

typedef struct samples {
    gk_report__state *r;
    sample item[MOST_SAMPLES];
    size_t n;
} samples;

/* ---------------------------------------------------------------- choosing and collecting */

/* One prompt a template, of rows spread over the file, so that no choice of ours flatters a scheme. */
static bool choose(samples *s, gk_error *err) {
    int64_t n = s->r->n_templates < MOST_SAMPLES ? (int64_t)s->r->n_templates : MOST_SAMPLES;
    for (int64_t t = 0; t < n; t++) {
        sample *e = &s->item[s->n];
        int got = gk_store_asked_prompt(s->r->s, s->r->a, t + 1, t, n, &e->of, err);
        if (got < 0) return false;
        if (got == 0) continue;
        e->room = s->r->cells.n; /* at least a cell a scheme */
        e->answers = gk_arena_alloc(s->r->a, e->room * sizeof *e->answers);
        s->n++;
    }
    return true;
}

static void take(gk_arena *a, sample *e, const gk_result *g) {
    if (e->n == e->room) return;
    answer *w = &e->answers[e->n++];
    *w = (answer){.scheme = gk_arena_strdup(a, g->scheme), .rank = g->rank, .prob = g->prob};
    if (g->dropped) w->dropped = gk_arena_strdup(a, g->dropped);
    w->whole = g->whole;
    w->exact = g->exact;
    w->whole_logprob = g->whole_logprob;
    w->generated = g->generated ? gk_arena_strdup(a, g->generated) : NULL;
    w->n_top = g->n_top < N_SHOWN ? g->n_top : N_SHOWN;
    for (int i = 0; i < w->n_top; i++) {
        w->piece[i] = gk_arena_strdup(a, g->top_piece[i]);
        w->top_prob[i] = g->top_prob[i];
    }
}

static bool collect(void *ctx, const gk_result *g, gk_error *err) {
    samples *s = ctx;
    (void)err;
    for (size_t i = 0; i < s->n; i++) {
        sample *e = &s->item[i];
        if (e->of.template_id == g->template_id && strcmp(e->of.row_key, g->row_key) == 0 &&
            strcmp(e->of.text, g->text) == 0)
            take(s->r->a, e, g);
    }
    return true;
}

/* ---------------------------------------------------------------- the prompt, its spans marked */

static gk_tok *open_tokenizer(const gk_report__state *r) {
    const char *recipient = gk_report__run(r, "recipient"), *given = gk_report__run(r, "tokenizer_file");
    if (given) return gk_tok_load(given, NULL);
    const char *path = gk_manifest__text(gk_manifest__item(r->manifest, "models", recipient), "path");
    return *path ? gk_tokenizer_of(path, NULL) : NULL;
}

/* The run's prompts made again from the files that the store names: the store keeps no spans. False when the
 * files are not there any more. A prompt that comes out otherwise than stored is not used (see same_prompt).
 */
static bool load_prompts(gk_report__state *r, gk_tok *tok, gk_prompts *out) {
    const char *entity = gk_report__run(r, "entity"), *templates = gk_report__run(r, "templates_file"),
               *rows = gk_report__run(r, "rows"), *target = gk_report__run(r, "target");
    json_int_t limit = json_integer_value(json_object_get(r->manifest, "limit"));
    gk_prompt_options o = {.templates = templates,
                           .fillers = gk_report__run(r, "fillers"),
                           .rows = rows,
                           .entity = entity && strcmp(entity, "none") != 0 ? entity : NULL,
                           .maybe_entity = true,
                           .target = target,
                           .limit = limit,
                           .keep_shared_first = true, /* those that were dropped are not samples */
                           .drop_bad_rows = true};
    return templates && rows && target && tok && gk_prompts_load(r->a, &o, tok, INT32_MAX, out, NULL);
}

static const gk_prompt *same_prompt(const gk_prompts *p, const sample *e) {
    if (e->of.prompt < 0 || (size_t)e->of.prompt >= p->n) return NULL;
    const gk_prompt *q = &p->item[e->of.prompt];
    bool same = !q->dropped && strcmp(q->text, e->of.text) == 0 && strcmp(q->row_key, e->of.row_key) == 0 &&
                q->target_id == e->of.target_id && (int64_t)q->tokens.n == e->of.n_tokens;
    return same ? q : NULL;
}

/* What a token is marked as: the name of the short scheme that grafts its field alone, else the field's own
 * name; NULL where no scheme names the field. The last token is one by itself. */
typedef struct marks {
    const char *field, *label, *class;
} marks;

/* Whether the canonical text names the field in a position. */
static bool names_field(const char *canonical, const char *field) {
    size_t n = strlen(field);
    for (const char *at = canonical; (at = strstr(at, field)); at += n) {
        bool begins = at > canonical &&
                      (strchr("|(", at[-1]) || (at - canonical >= 3 && memcmp(at - 3, "at=", 3) == 0));
        if (begins && at[n] && strchr("|),.", at[n])) return true;
    }
    return false;
}

static const char *label_of(const gk_report__state *r, const char *place, const char *otherwise) {
    enum { SHORT = 8 };
    const char *label = NULL;
    for (size_t i = 0; i < r->outcomes.n; i++) {
        const gk_tried *t = &r->outcomes.scheme[i];
        const char *sole = gk_sole_place(r->a, t->canonical);
        if (sole && strcmp(sole, place) == 0 && strlen(t->scheme) <= SHORT) return t->scheme;
        if (names_field(t->canonical, place)) label = otherwise;
    }
    return label;
}

/* The marks of all fields of the prompt, in its order, and of the last token behind them. */
static marks *marks_of(const gk_report__state *r, const gk_prompt *p) {
    marks *m = gk_arena_alloc(r->a, (p->n_fields + 1) * sizeof *m);
    for (size_t i = 0; i < p->n_fields; i++) {
        const char *field = p->fields[i].field;
        bool entity =
            strcmp(field, GK_ENTITY) == 0 || (r->roles.entity && strcmp(r->roles.entity, field) == 0);
        m[i] = (marks){field, label_of(r, field, field), entity ? "fe" : "m"};
    }
    const char *last = label_of(r, "last", "last token");
    m[p->n_fields] = (marks){"last", last ? last : "last token", "lt"};
    return m;
}

/* A token belongs to a field when it holds a byte of it. */
static const marks *mark_of(const gk_prompt *p, const marks *m, size_t token) {
    if (token + 1 == p->tokens.n) return &m[p->n_fields];
    gk_span s = p->tokens.span[token];
    for (size_t i = 0; i < p->n_fields; i++) {
        gk_span f = p->fields[i].span;
        if (m[i].label && s.begin < f.end && f.begin < s.end) return &m[i];
    }
    return NULL;
}

static void add_mark(gk_report__state *r, const marks *m, const char *text, size_t n) {
    gk_buf *b = &r->html;
    if (m) gk_buf_printf(b, "<mark class=\"%s\">", m->class);
    gk_page__html_text(b, gk_arena_strndup(r->a, text, n));
    if (!m) return;
    gk_buf_puts(b, "<sub>");
    gk_page__html_text(b, m->label);
    gk_buf_puts(b, "</sub></mark>");
}

static void add_marked(gk_report__state *r, const gk_prompt *p) {
    const marks *all = marks_of(r, p);
    for (size_t t = 0; t < p->tokens.n;) {
        const marks *m = mark_of(p, all, t);
        size_t end = t + 1;
        while (end < p->tokens.n && mark_of(p, all, end) == m) end++;
        gk_span from = p->tokens.span[t], to = p->tokens.span[end - 1];
        if (to.end > from.begin) add_mark(r, m, p->text + from.begin, to.end - from.begin);
        t = end;
    }
}

/* ---------------------------------------------------------------- the tables */

/* How the whole target did, and what was said. */
static void add_whole(gk_report__state *r, const answer *w) {
    gk_buf *b = &r->html;
    if (r->whole && w->whole)
        gk_buf_printf(b, "<td>%.2f</td><td>%s</td>", w->whole_logprob, w->exact ? "yes" : "no");
    if (r->whole && !w->whole) gk_buf_puts(b, "<td>\u2013</td><td>\u2013</td>");
    if (!r->generated) return;
    gk_buf_puts(b, w->exact ? "<td class=\"said\"><span class=\"hit\">" : "<td class=\"said\"><span>");
    const char *text = w->generated ? w->generated : "\u2013";
    gk_page__html_text(b, *text ? text : "(the end of the text)");
    gk_buf_puts(b, "</span></td>");
}

static void add_answer(gk_report__state *r, const sample *e, const answer *w) {
    gk_buf *b = &r->html;
    gk_buf_puts(b, "<tr><td class=\"name\">");
    gk_page__html_text(b, w->scheme);
    gk_buf_puts(b, "</td>");
    if (w->dropped) {
        gk_buf_printf(b, "<td colspan=\"%d\">dropped: ", N_SHOWN + 2 + 2 * r->whole + r->generated);
        gk_page__html_text(b, w->dropped);
        gk_buf_puts(b, "</td></tr>\n");
        return;
    }
    for (int i = 0; i < N_SHOWN; i++) {
        gk_buf_puts(b, "<td>");
        if (i < w->n_top) {
            bool hit = strcmp(w->piece[i], e->of.piece) == 0;
            gk_buf_puts(b, hit ? "<span class=\"hit\">" : "<span>");
            gk_page__html_piece(b, w->piece[i]);
            gk_buf_printf(b, "</span> <small>%.3f</small>", w->top_prob[i]);
        }
        gk_buf_puts(b, "</td>");
    }
    gk_buf_printf(b, "<td>%lld</td><td>%.3g</td>", (long long)w->rank, w->prob);
    add_whole(r, w);
    gk_buf_puts(b, "</tr>\n");
}

static void add_sample(gk_report__state *r, const sample *e, const gk_prompt *p, bool open) {
    gk_buf *b = &r->html;
    gk_buf_printf(b, "<details%s><summary>Template %lld, row ", open ? " open" : "",
                  (long long)e->of.template_id);
    gk_page__html_text(b, e->of.row_key);
    gk_buf_puts(b, "</summary>\n<p class=\"prompt\">");
    if (p)
        add_marked(r, p);
    else
        gk_page__html_text(b, e->of.text);
    gk_buf_puts(b, " <span class=\"muted\">\u2192 ");
    gk_page__html_text(b, e->of.target);
    gk_buf_puts(b, ", first token</span> <span class=\"hit\">");
    gk_page__html_piece(b, e->of.piece);
    gk_buf_puts(b, "</span></p>\n<div class=\"scroll\"><table class=\"text "
                   "samples\"><thead><tr><th>scheme</th><th>1st</th>"
                   "<th>2nd</th><th>3rd</th><th>target&#39;s rank</th><th>its probability</th>");
    if (r->whole) gk_buf_puts(b, "<th>whole target&#39;s log-prob.</th><th>exact</th>");
    if (r->generated) gk_buf_puts(b, "<th>it said</th>");
    gk_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < e->n; i++) add_answer(r, e, &e->answers[i]);
    gk_buf_puts(b, "</tbody></table></div></details>\n");
}

static void add_samples(gk_report__state *r, const samples *s) {
    gk_tok *tok = open_tokenizer(r);
    gk_prompts prompts;
    bool marked = load_prompts(r, tok, &prompts);
    gk_report__section_begin(r, "samples", "What each scheme said");
    gk_page__prose(&r->html, "samples", NULL);
    if (!marked) gk_page__prose(&r->html, "samples unmarked", NULL);
    for (size_t i = 0; i < s->n; i++)
        add_sample(r, &s->item[i], marked ? same_prompt(&prompts, &s->item[i]) : NULL, i == 0);
    gk_tok_free(tok);
}

bool gk_report__samples(gk_report__state *r) {
    samples s = {.r = r};
    if (!choose(&s, r->err) || !gk_store_each(r->s, collect, &s, r->err)) return false;
    if (s.n) add_samples(r, &s);
    return true;
}
