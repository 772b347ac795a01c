/* curves.c: the training curves of the run's models, from their metrics.jsonl. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "report/internal.h"

#include <math.h>
#include <string.h>

typedef struct point {
    double step, loss, lr, norm; /* NaN: not told */
} point;
typedef struct points {
    point *item;
    size_t n, cap;
} points;
typedef struct answers { /* of a quiz after some epoch: top-1 and top-5, NaN where not asked */
    double step, trained[2], held_out[2];
} answers;
enum { MOST_ANSWERS = 1000 };
typedef struct curve {
    points train, valid;
    answers quiz[MOST_ANSWERS]; /* the first so many */
    size_t n_quiz;
    double peak_lr, peak_norm, tokens;
} curve;

enum {
    MOST_POINTS = 1200,
    WIDTH = 560,
    LEFT = 92,
    TITLE = 77,
    TITLE_RIGHT = 54,
    RIGHT = 74,
    LOSS_HEIGHT = 210,
    RATE_HEIGHT = 110,
    QUIZ_HEIGHT = 140
};

static void add_point(points *p, point x) {
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 1024;
        p->item = gk_grow(p->item, p->cap * sizeof *p->item, cap * sizeof *p->item);
        p->cap = cap;
    }
    p->item[p->n++] = x;
}

static void free_curve(curve *c) {
    gk_free(c->train.item);
    gk_free(c->valid.item);
}

/* ---------------------------------------------------------------- reading */

/* A number that a line need not have. */
static double number(const json_t *obj, const char *key) {
    const json_t *v = json_object_get(obj, key);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

static void take_answers(curve *c, const json_t *obj, double step) {
    if (c->n_quiz == MOST_ANSWERS) return;
    c->quiz[c->n_quiz++] =
        (answers){.step = step,
                  .trained = {number(obj, "trained_top1"), number(obj, "trained_top5")},
                  .held_out = {number(obj, "held_out_top1"), number(obj, "held_out_top5")}};
}

static bool take_line(curve *c, const json_t *obj, gk_place at, gk_error *err) {
    double step, loss, lr;
    if (!gk_json_num(obj, "step", &step, at, err) || !gk_json_num(obj, "tokens", &c->tokens, at, err))
        return false;
    if (json_object_get(obj, "epochs")) {
        if (json_object_get(obj, "held_out_top5")) take_answers(c, obj, step);
        return true;
    }
    if (json_object_get(obj, "valid_loss")) {
        if (!gk_json_num(obj, "valid_loss", &loss, at, err)) return false;
        add_point(&c->valid, (point){step, loss, (double)NAN, (double)NAN});
        return true;
    }
    if (!gk_json_num(obj, "loss", &loss, at, err) || !gk_json_num(obj, "lr", &lr, at, err)) return false;
    add_point(&c->train, (point){step, loss, lr, number(obj, "grad_norm")});
    if (lr > c->peak_lr) c->peak_lr = lr;
    if (number(obj, "grad_norm") > c->peak_norm) c->peak_norm = number(obj, "grad_norm");
    return true;
}

static bool read_curve(const char *path, curve *c, gk_error *err) {
    gk_jsonl *in = gk_jsonl_open(path, err);
    if (!in) return false;
    json_t *obj;
    int got;
    while ((got = gk_jsonl_next(in, &obj, err)) > 0) {
        bool ok = take_line(c, obj, gk_jsonl_place(in), err);
        json_decref(obj);
        if (!ok) break;
    }
    gk_jsonl_close(in);
    if (got == 0 && c->train.n == 0) gk_fail(err, GK_AT_FILE(path), NULL, "there is no training step in it");
    return got == 0 && c->train.n > 0;
}

/* ---------------------------------------------------------------- drawing */

static size_t window_of(const points *p) {
    return p->n / 25 > 1 ? p->n / 25 : 1;
}

static gk_chart__point point_at(double x, double y) {
    return (gk_chart__point){.x = x, .y = y, .low = (double)NAN, .high = (double)NAN};
}

/* What a point of a curve says, and a curve as a whole. */
static const gk_chart__says *says_of(gk_arena *a, const char *series, double step, const char *metric,
                                     const char *value, const char *unit) {
    gk_chart__says *says = gk_arena_alloc(a, sizeof *says);
    *says = (gk_chart__says){.series = series,
                             .x_name = "step",
                             .x = gk_arena_printf(a, "%.0f", step),
                             .metric = metric,
                             .what = metric,
                             .value = value,
                             .unit = unit};
    return says;
}

static const gk_chart__says *says_whole(gk_arena *a, const char *series, const char *metric, const curve *c) {
    gk_chart__says *says = gk_arena_alloc(a, sizeof *says);
    *says = (gk_chart__says){.series = series, .metric = metric, .n = c->train.n};
    return says;
}

/* The curves of the training: loss, mean loss of the steps around, learning rate, gradient norm. Long runs
 * are thinned; the mean is of all steps. */
enum { LOSS, MEAN, RATE, NORM, N_CURVES };
static void take_train(gk_arena *a, const points *p, gk_chart__series s[N_CURVES]) {
    size_t half = window_of(p) / 2, stride = (p->n + MOST_POINTS - 1) / MOST_POINTS, from = 0, to = 0, n = 0;
    double sum = 0;
    gk_chart__point *out[N_CURVES];
    for (int k = 0; k < N_CURVES; k++)
        s[k].point = out[k] = gk_arena_alloc(a, (p->n / stride + 2) * sizeof **out);
    for (size_t i = 0; i < p->n; i++) {
        const point *x = &p->item[i];
        while (to < p->n && to <= i + half) sum += p->item[to++].loss;
        while (from + half < i) sum -= p->item[from++].loss;
        if (i % stride != 0 && i + 1 != p->n) continue;
        const double value[N_CURVES] = {x->loss, sum / (double)(to - from), x->lr, x->norm};
        for (int k = 0; k < N_CURVES; k++) out[k][n] = point_at(x->step, value[k]);
        n++;
    }
    for (int k = 0; k < N_CURVES; k++) s[k].n = n;
}

static gk_chart__axis steps_of(gk_arena *a, const curve *c) {
    gk_chart__axis x = gk_chart__axis_round(a, 0, c->train.item[c->train.n - 1].step, 7, "");
    x.title = "step";
    return x;
}

/* From 0 to a little over the highest. */
static gk_chart__axis axis_to(gk_arena *a, double high, size_t most, const char *title, double away) {
    gk_chart__axis y = gk_chart__axis_round(a, 0, isfinite(high) && high > 0 ? 1.05 * high : 1, most, "");
    y.title = title;
    y.away = away;
    return y;
}

static gk_chart__axis loss_axis(gk_arena *a, const gk_chart__series *s, size_t n) {
    double high = 0;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < s[k].n; i++) high = fmax(high, s[k].point[i].y);
    return axis_to(a, high, 6, "loss (nats a token)", TITLE);
}

static gk_chart__series held_out_of(gk_arena *a, const points *p) {
    gk_chart__point *out = gk_arena_alloc(a, (p->n + 1) * sizeof *out);
    for (size_t i = 0; i < p->n; i++) {
        out[i] = point_at(p->item[i].step, p->item[i].loss);
        out[i].says = says_of(a, "held-out texts", p->item[i].step, "loss",
                              gk_arena_printf(a, "%.3f", p->item[i].loss), NULL);
    }
    return (gk_chart__series){.line = true,
                              .dots = true,
                              .colour = gk_chart__ink_hex(GK_CHART__RED),
                              .width = 1.6,
                              .point = out,
                              .n = p->n};
}

/* A legend over the panel, then the panel; returns where it ends. */
typedef struct panel_stack {
    gk_arena *a;
    gk_chart__canvas *c;
    double top, left, width;
} panel_stack;

static void draw(panel_stack *at, const gk_chart__panel *p, const gk_chart__key *key, size_t n,
                 double height) {
    at->top += 4 + gk_chart__legend(at->c, key, n, at->left, at->top, at->width) + 6;
    gk_chart__panel_draw(at->a, at->c, p, (gk_chart__box){at->left, at->top, at->width, height});
    at->top += height + (p->bare ? 8 : gk_chart__axis_depth(&p->x, at->width, GK_CHART__SMALL_SIZE));
}

static void draw_loss(panel_stack *at, const curve *c, const gk_chart__series train[N_CURVES]) {
    gk_chart__series s[3] = {train[LOSS], train[MEAN], held_out_of(at->a, &c->valid)};
    s[0].colour = gk_chart__ink_hex(GK_CHART__PALE);
    s[0].width = 1;
    s[0].says = says_whole(at->a, "each step", "loss", c);
    s[1].colour = gk_chart__ink_hex(GK_CHART__BLUE);
    s[1].width = 2.6;
    s[1].says = says_whole(at->a, "running mean", "loss", c);
    const gk_chart__key key[] = {
        {.shape = GK_CHART__KEY_LINE, .colour = s[0].colour, .text = "each step"},
        {.shape = GK_CHART__KEY_LINE, .colour = s[1].colour, .text = "running mean"},
        {.shape = GK_CHART__KEY_LINE, .colour = s[2].colour, .text = "held-out texts"}};
    size_t n = c->valid.n ? 3 : 2;
    gk_chart__panel p = {
        .x = steps_of(at->a, c), .y = loss_axis(at->a, s, n), .bare = true, .series = s, .n = n};
    draw(at, &p, key, n, LOSS_HEIGHT);
}

/* A learning rate is known by its peak: ticks at zero, a half and the whole of it. */
static gk_chart__axis rate_axis(gk_arena *a, double peak) {
    gk_chart__tick *tick = gk_arena_alloc(a, 3 * sizeof *tick);
    if (!(peak > 0)) peak = 1;
    tick[0] = (gk_chart__tick){0, "0"};
    tick[1] = (gk_chart__tick){peak / 2, gk_chart__text_number(a, gk_arena_printf(a, "%.3g", peak / 2))};
    tick[2] = (gk_chart__tick){peak, gk_chart__text_number(a, gk_arena_printf(a, "%.3g", peak))};
    return (gk_chart__axis){
        .high = 1.1 * peak, .title = "learning rate", .away = TITLE, .tick = tick, .n = 3};
}

static void draw_rate(panel_stack *at, const curve *c, const gk_chart__series train[N_CURVES]) {
    gk_chart__series s[2] = {train[NORM], train[RATE]};
    s[0].right = true;
    s[0].colour = gk_chart__ink_hex(GK_CHART__PINK);
    s[0].width = 1;
    s[0].says = says_whole(at->a, "gradient norm", "grad_norm", c);
    s[1].colour = gk_chart__ink_hex(GK_CHART__GREEN);
    s[1].says = says_whole(at->a, "learning rate", "lr", c);
    const gk_chart__key key[] = {
        {.shape = GK_CHART__KEY_LINE, .colour = s[1].colour, .text = "learning rate"},
        {.shape = GK_CHART__KEY_LINE, .colour = s[0].colour, .text = "gradient norm"}};
    gk_chart__panel p = {.x = steps_of(at->a, c),
                         .y = rate_axis(at->a, c->peak_lr),
                         .right = axis_to(at->a, c->peak_norm, 4, "gradient norm", TITLE_RIGHT),
                         .bare = c->n_quiz > 0,
                         .series = s,
                         .n = 2};
    draw(at, &p, key, 2, RATE_HEIGHT);
}

/* Top-1 is a dashed line, top-5 a whole one. */
static gk_chart__series answers_of(gk_arena *a, const curve *c, const char *who, bool held_out, int top5) {
    gk_chart__point *p = gk_arena_alloc(a, (c->n_quiz + 1) * sizeof *p);
    for (size_t i = 0; i < c->n_quiz; i++) {
        const answers *q = &c->quiz[i];
        double share = 100 * (held_out ? q->held_out : q->trained)[top5];
        p[i] = point_at(q->step, share);
        if (isfinite(share))
            p[i].says =
                says_of(a, who, q->step, top5 ? "top5" : "top1", gk_arena_printf(a, "%.1f", share), "%");
    }
    return (gk_chart__series){.line = true,
                              .dots = true,
                              .colour = gk_chart__ink_hex(held_out ? GK_CHART__RED : GK_CHART__BLUE),
                              .dash = top5 ? NULL : "5 4",
                              .width = top5 ? 2.2 : 1.4,
                              .point = p,
                              .n = c->n_quiz};
}

static void draw_quiz(panel_stack *at, const curve *c) {
    static const char *const name[] = {"words trained, top-1", "words trained, top-5", "other words, top-1",
                                       "other words, top-5"};
    gk_chart__series s[4];
    gk_chart__key key[4];
    size_t n = 0;
    for (int k = isfinite(c->quiz[0].trained[1]) ? 0 : 2; k < 4; k++) {
        s[n] = answers_of(at->a, c, name[k], k >= 2, k % 2);
        key[n] = (gk_chart__key){
            .shape = GK_CHART__KEY_LINE, .colour = s[n].colour, .dash = s[n].dash, .text = name[k]};
        n++;
    }
    gk_chart__panel p = {.x = steps_of(at->a, c), .y = gk_chart__axis_percent(), .series = s, .n = n};
    p.y.high = 104;
    p.y.title = "right answers (%)";
    p.y.away = TITLE;
    draw(at, &p, key, n, QUIZ_HEIGHT);
}

static void draw_curve(gk_arena *a, const curve *c, gk_chart__canvas *out) {
    gk_chart__series train[N_CURVES] = {{.line = true}, {.line = true}, {.line = true}, {.line = true}};
    take_train(a, &c->train, train);
    panel_stack at = {.a = a, .c = out, .top = 4, .left = LEFT, .width = WIDTH - LEFT - RIGHT};
    draw_loss(&at, c, train);
    draw_rate(&at, c, train);
    if (c->n_quiz) draw_quiz(&at, c);
    out->width = WIDTH;
    out->height = at.top + 4;
}

static double last_loss(const curve *c) {
    size_t n = window_of(&c->train);
    double sum = 0;
    for (size_t i = c->train.n - n; i < c->train.n; i++) sum += c->train.item[i].loss;
    return sum / (double)n;
}

static void add_caption(gk_buf *b, const char *name, const curve *c) {
    gk_buf_puts(b, "<strong>");
    gk_page__html_text(b, name);
    gk_buf_printf(
        b,
        "</strong>: %.0f steps, %.0f target tokens; peak learning rate %.3g; loss over the last %zu logged "
        "steps ",
        c->train.item[c->train.n - 1].step, c->tokens, c->peak_lr, window_of(&c->train));
    gk_buf_printf(b, "%.3f", last_loss(c));
    if (c->valid.n) gk_buf_printf(b, ", on held-out texts %.3f", c->valid.item[c->valid.n - 1].loss);
    gk_buf_puts(b, ".");
    if (c->n_quiz == 0) return;
    const answers *q = &c->quiz[c->n_quiz - 1];
    gk_buf_printf(
        b, " Asked for its rows after the last epoch, it has %.1f%% of the targets among its five likeliest",
        100 * q->held_out[1]);
    gk_buf_puts(b, " tokens in words that it was not trained on");
    if (isfinite(q->trained[1])) gk_buf_printf(b, ", and %.1f%% in words that it was", 100 * q->trained[1]);
    gk_buf_puts(b, ".");
}

static void add_curve(gk_report__state *r, const char *name, const curve *c) {
    gk_chart__canvas chart = {0};
    gk_buf caption = {0};
    draw_curve(r->a, c, &chart);
    add_caption(&caption, name, c);
    const char *const file[] = {"training", name, NULL};
    gk_report__figure(r, &chart, file, gk_arena_printf(r->a, "Training of %s", name), caption.data);
    gk_buf_free(&caption);
}

/* False, with a note that says why, where there is none. */
static bool read_model(gk_report__state *r, const gk_report_model *m, curve *c) {
    gk_error why = {0};
    char text[1600];
    if (read_curve(gk_path_join(r->a, m->dir, "metrics.jsonl"), c, &why)) return true;
    gk_buf_puts(&r->html, "<p class=\"note\">No training curve of <strong>");
    gk_page__html_text(&r->html, m->name);
    gk_buf_puts(&r->html, "</strong>: ");
    gk_page__html_text(&r->html, gk_error_text(&why, text, sizeof text));
    gk_buf_puts(&r->html, "</p>\n");
    return false;
}

static void add_whole(gk_report__state *r) {
    gk_buf_puts(&r->html, "<div class=\"grid\">\n");
    for (size_t i = 0; i < r->o->n_models; i++) {
        curve *c = gk_arena_alloc(r->a, sizeof *c);
        if (read_model(r, &r->o->models[i], c)) add_curve(r, r->o->models[i].name, c);
        free_curve(c);
    }
    gk_buf_puts(&r->html, "</div>\n");
}

/* ---------------------------------------------------------------- many models */

/* A figure each of more models than these would be most of the page. */
enum { MOST_WHOLE = 6, SMALL_POINTS = 60 };

/* Of the steps around, as in the large figures. */
static double mean_around(const points *p, size_t i) {
    size_t half = window_of(p) / 2, from = i > half ? i - half : 0, to = i + half + 1;
    double sum = 0;
    if (to > p->n) to = p->n;
    for (size_t k = from; k < to; k++) sum += p->item[k].loss;
    return sum / (double)(to - from);
}

/* Over the share of the run, in percent, so that short and long ones have one axis. */
static gk_chart__series small_of(gk_arena *a, const points *p, double steps, bool mean) {
    const size_t stride = (p->n + SMALL_POINTS - 1) / SMALL_POINTS;
    gk_chart__point *out = gk_arena_alloc(a, (SMALL_POINTS + 2) * sizeof *out);
    gk_chart__series s = {.line = true, .point = out, .width = mean ? 2.2 : 1.6};
    s.colour = gk_chart__ink_hex(mean ? GK_CHART__BLUE : GK_CHART__RED);
    for (size_t i = 0; i < p->n; i++)
        if (i % stride == 0 || i + 1 == p->n)
            out[s.n++] = point_at(100 * p->item[i].step / steps, mean ? mean_around(p, i) : p->item[i].loss);
    return s;
}

static gk_chart__panel small_panel(gk_arena *a, const char *name, const curve *c) {
    const double steps = c->train.item[c->train.n - 1].step;
    gk_chart__series *s = gk_arena_alloc(a, 2 * sizeof *s);
    s[0] = small_of(a, &c->train, steps, true);
    s[0].says = says_whole(a, name, "loss", c);
    s[1] = small_of(a, &c->valid, steps, false);
    return (gk_chart__panel){.title = name, .series = s, .n = 2};
}

static void add_number(gk_buf *b, const char *format, double x) {
    gk_buf_puts(b, "</td><td>");
    if (isfinite(x))
        gk_buf_printf(b, format, x);
    else
        gk_buf_puts(b, "\u2013");
}

static void add_line(gk_report__state *r, const char *name, const curve *c) {
    gk_buf *b = &r->html;
    const answers none = {0, {(double)NAN, (double)NAN}, {(double)NAN, (double)NAN}},
                  *q = c->n_quiz ? &c->quiz[c->n_quiz - 1] : &none;
    gk_buf_puts(b, "<tr><td class=\"name\">");
    gk_page__html_text(b, name);
    add_number(b, "%.0f", c->train.item[c->train.n - 1].step);
    add_number(b, "%.0f", c->tokens);
    add_number(b, "%.3g", c->peak_lr);
    add_number(b, "%.3f", last_loss(c));
    add_number(b, "%.3f", c->valid.n ? c->valid.item[c->valid.n - 1].loss : (double)NAN);
    add_number(b, "%.1f", 100 * q->trained[1]);
    add_number(b, "%.1f", 100 * q->held_out[1]);
    gk_buf_puts(b, "</td></tr>\n");
}

static void add_small_figure(gk_report__state *r, const char *const *name, curve *const *c, size_t n) {
    gk_chart__panel *p = gk_arena_alloc(r->a, n * sizeof *p);
    double high = 0;
    for (size_t i = 0; i < n; i++) {
        p[i] = small_panel(r->a, name[i], c[i]);
        for (size_t k = 0; k < 2; k++)
            for (size_t j = 0; j < p[i].series[k].n; j++) high = fmax(high, p[i].series[k].point[j].y);
    }
    for (size_t i = 0; i < n; i++) {
        p[i].x = gk_chart__axis_round(r->a, 0, 100, 4, "");
        p[i].x.title = "% of the steps";
        p[i].y = axis_to(r->a, high, 5, "loss", 0);
    }
    const gk_chart__key key[] = {
        {.shape = GK_CHART__KEY_LINE, .colour = p[0].series[0].colour, .text = "running mean"},
        {.shape = GK_CHART__KEY_LINE, .colour = p[0].series[1].colour, .text = "held-out texts"}};
    const char *const file[] = {"training", NULL};
    gk_report__panels(r, p, n, key, 2, file, "Training of every model",
                      "<strong>Loss</strong> in nats a token, over the steps of each run.");
}

/* One figure of small panels, and a table of what captions say. */
static void add_small(gk_report__state *r) {
    curve **c = gk_arena_alloc(r->a, r->o->n_models * sizeof(*c));
    const char **name = gk_arena_alloc(r->a, r->o->n_models * sizeof *name);
    size_t n = 0;
    for (size_t i = 0; i < r->o->n_models; i++) {
        c[n] = gk_arena_alloc(r->a, sizeof **c);
        name[n] = r->o->models[i].name;
        if (read_model(r, &r->o->models[i], c[n]))
            n++;
        else
            free_curve(c[n]);
    }
    if (n == 0) return;
    add_small_figure(r, name, c, n);
    gk_buf_puts(&r->html,
                "<div class=\"scroll\"><table class=\"training\"><thead><tr><th>model</th><th>steps</th>"
                "<th>target tokens</th><th>peak learning rate</th><th>loss</th><th>on held-out texts</th>"
                "<th>words trained: top-5 %</th><th>other words: top-5 %</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < n; i++) {
        add_line(r, name[i], c[i]);
        free_curve(c[i]);
    }
    gk_buf_puts(&r->html, "</tbody></table></div>\n");
}

void gk_report__curves(gk_report__state *r) {
    if (r->o->n_models == 0) return;
    gk_report__section_begin(r, "training", "Training");
    if (r->o->n_models > MOST_WHOLE)
        add_small(r);
    else
        add_whole(r);
}
