/* curves.c: the training curves of the run's models, from their metrics.jsonl. */
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

enum { MOST_POINTS = 1200, WIDTH = 560, LOSS_HEIGHT = 250, RATE_HEIGHT = 160, QUIZ_HEIGHT = 200, FOOT = 52 };

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

/* Columns: step, loss, mean loss of the `window` steps around it, learning rate, gradient norm. Long runs are
 * thinned; the mean is of all steps. */
static void add_train(gk_buf *out, const points *p) {
    size_t half = window_of(p) / 2, stride = (p->n + MOST_POINTS - 1) / MOST_POINTS, from = 0, to = 0;
    double sum = 0;
    for (size_t i = 0; i < p->n; i++) {
        const point *x = &p->item[i];
        while (to < p->n && to <= i + half) sum += p->item[to++].loss;
        while (from + half < i) sum -= p->item[from++].loss;
        if (i % stride == 0 || i + 1 == p->n)
            gk_buf_printf(out, "%.17g\t%.7g\t%.7g\t%.7g\t%.7g\n", x->step, x->loss, sum / (double)(to - from),
                          x->lr, x->norm);
    }
}

static void add_quiz(gk_buf *out, const curve *c) {
    for (size_t i = 0; i < c->n_quiz; i++) {
        const answers *q = &c->quiz[i];
        gk_buf_printf(out, "%.17g\t%.7g\t%.7g\t%.7g\t%.7g\n", q->step, 100 * q->trained[0],
                      100 * q->trained[1], 100 * q->held_out[0], 100 * q->held_out[1]);
    }
}

/* The next panel from above, `height` of `total` high, `top` already taken. The last one has the steps below
 * it. */
static void begin_panel(gk_buf *b, int top, int height, int total, bool last) {
    int foot = last ? FOOT : 0;
    gk_buf_printf(b, "set origin 0,%.5f\nset size 1,%.5f\nset tmargin 1\nset bmargin %s\n",
                  1 - (double)(top + height + foot) / total, (double)(height + foot) / total,
                  last ? "4" : "1");
    gk_buf_puts(b, last ? "set xlabel 'step'\nset format x '%h'\n" : "set format x ''\n");
}

static void script_loss(gk_buf *b, bool valid) {
    gk_buf_puts(b, "set ylabel 'loss (nats a token)'\nset yrange [0:*]\n"
                   "plot '0' using 1:2 with lines lw 1 lc rgb '#9ccfee' title 'each step', "
                   "'0' using 1:3 with lines lw 2.6 lc rgb '#0072B2' title 'running mean'");
    if (valid)
        gk_buf_puts(b, ", '1' using 1:2 with lines lw 1.6 lc rgb '#D55E00' title 'held-out texts', "
                       "'1' using 1:2 with points pt 7 ps 0.85 lc rgb '#D55E00' notitle");
    gk_buf_puts(b, "\n");
}

/* Zero, a half and the whole on an axis that ends at `peak`. */
static void script_tics(gk_buf *b, const char *axis, double peak) {
    if (!(peak > 0)) peak = 1;
    gk_buf_printf(b, "set %srange [0:%.7g]\nset %stics nomirror out ('0' 0, '%.2g' %.7g, '%.2g' %.7g)\n",
                  axis, 1.1 * peak, axis, peak / 2, peak / 2, peak, peak);
}

static void script_rate(gk_buf *b, const curve *c) {
    gk_buf_puts(b, "set ylabel 'learning rate'\nset y2label 'gradient norm'\nset border 11\n");
    script_tics(b, "y", c->peak_lr);
    script_tics(b, "y2", c->peak_norm);
    gk_buf_puts(b, "plot '0' using 1:5 axes x1y2 with lines lw 1 lc rgb '#CC79A7' title 'gradient norm', "
                   "'0' using 1:4 with lines lw 2 lc rgb '#009E73' title 'learning rate'\n"
                   "unset y2tics\nunset y2label\nset border 3\n");
}

static void script_quiz(gk_buf *b, bool trained) {
    static const char *const who[] = {"words trained", "other words"};
    static const char *const colour[] = {"#0072B2", "#D55E00"};
    gk_buf_puts(b, "set ylabel 'right answers (%)'\nset yrange [0:104]\nset ytics (0, 25, 50, 75, 100)\n"
                   "set key inside right bottom\nplot ");
    for (int i = trained ? 0 : 1; i < 2; i++)
        gk_buf_printf(b,
                      "%s'2' using 1:%d with lines lw 1.4 dt 2 lc rgb '%s' title '%s, top-1', "
                      "'2' using 1:%d with lines lw 2.2 lc rgb '%s' title '%s, top-5', "
                      "'2' using 1:%d with points pt 7 ps 0.85 lc rgb '%s' notitle",
                      trained && i ? ", " : "", 2 + 2 * i, colour[i], who[i], 3 + 2 * i, colour[i], who[i],
                      3 + 2 * i, colour[i]);
    gk_buf_puts(b, "\n");
}

static void script_curve(gk__plot *p, const curve *c) {
    gk_buf *b = &p->script;
    bool quiz = c->n_quiz > 0;
    gk_buf_printf(
        b,
        "set border 3 lc rgb '#888888'\nset tics nomirror out tc rgb '#333333'\nset grid ytics lt 1 "
        "lw 0.6 lc rgb '#dddddd'\nset xrange [0:%.17g]\nset key inside right top samplen 2\n"
        "set lmargin 10\nset rmargin 9\nset xtics autofreq\n"
        "set multiplot\n",
        c->train.item[c->train.n - 1].step);
    begin_panel(b, 0, LOSS_HEIGHT, p->height, false);
    script_loss(b, c->valid.n > 0);
    begin_panel(b, LOSS_HEIGHT, RATE_HEIGHT, p->height, !quiz);
    script_rate(b, c);
    if (quiz) {
        begin_panel(b, LOSS_HEIGHT + RATE_HEIGHT, QUIZ_HEIGHT, p->height, true);
        script_quiz(b, isfinite(c->quiz[0].trained[1]));
    }
    gk_buf_puts(b, "unset multiplot\n");
}

static void add_caption(gk__report *r, const char *name, const curve *c) {
    gk_buf *b = &r->html;
    gk_buf_puts(b, "<strong>");
    gk__html_text(b, name);
    gk_buf_printf(
        b,
        "</strong>: %.0f steps, %.0f target tokens; peak learning rate %.3g; loss over the last %zu logged "
        "steps ",
        c->train.item[c->train.n - 1].step, c->tokens, c->peak_lr, window_of(&c->train));
    double sum = 0;
    for (size_t i = c->train.n - window_of(&c->train); i < c->train.n; i++) sum += c->train.item[i].loss;
    gk_buf_printf(b, "%.3f", sum / (double)window_of(&c->train));
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

static bool add_curve(gk__report *r, const char *name, const curve *c) {
    gk__plot p = {.width = WIDTH, .height = LOSS_HEIGHT + RATE_HEIGHT + FOOT + (c->n_quiz ? QUIZ_HEIGHT : 0)};
    add_train(&p.data[0], &c->train);
    add_quiz(&p.data[2], c);
    for (size_t i = 0; i < c->valid.n; i++)
        gk_buf_printf(&p.data[1], "%.17g\t%.7g\n", c->valid.item[i].step, c->valid.item[i].loss);
    script_curve(&p, c);
    int id = ++r->n_figures;
    gk_buf_puts(&r->html, "<figure><div>");
    bool ok = gk__plot_svg(&p, id, &r->html, r->err);
    gk__plot_free(&p);
    gk_buf_printf(&r->html, "</div><figcaption id=\"cap%d\">", id);
    add_caption(r, name, c);
    gk_buf_puts(&r->html, "</figcaption></figure>\n");
    return ok;
}

/* A curve, or a note that says why there is none. */
static bool add_model(gk__report *r, const gk_report_model *m) {
    curve *c = gk_arena_alloc(r->a, sizeof *c);
    gk_error why = {0};
    char text[1600];
    bool ok = true;
    if (read_curve(gk_path_join(r->a, m->dir, "metrics.jsonl"), c, &why)) {
        ok = add_curve(r, m->name, c);
    } else {
        gk_buf_puts(&r->html, "<p class=\"note\">No training curve of <strong>");
        gk__html_text(&r->html, m->name);
        gk_buf_puts(&r->html, "</strong>: ");
        gk__html_text(&r->html, gk_error_text(&why, text, sizeof text));
        gk_buf_puts(&r->html, "</p>\n");
    }
    free_curve(c);
    return ok;
}

bool gk__report_curves(gk__report *r) {
    if (r->o->n_models == 0) return true;
    gk__report_section(r, "training", "Training");
    gk_buf_puts(&r->html, "<div class=\"grid\">\n");
    for (size_t i = 0; i < r->o->n_models; i++)
        if (!add_model(r, &r->o->models[i])) return false;
    gk_buf_puts(&r->html, "</div>\n");
    return true;
}
