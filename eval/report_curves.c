/* report_curves.c: the training curves of the run's models, from their metrics.jsonl. */
#include "eval/report.h"

#include <math.h>
#include <string.h>

typedef struct point {
    double step, loss;
} point;
typedef struct points {
    point *item;
    size_t n, cap;
} points;
typedef struct curve {
    points train, valid;
    double peak_lr, tokens;
} curve;

enum { MOST_POINTS = 1200, WIDTH = 560, HEIGHT = 300 };

static void add_point(points *p, double step, double loss) {
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 1024;
        p->item = gk_grow(p->item, p->cap * sizeof *p->item, cap * sizeof *p->item);
        p->cap = cap;
    }
    p->item[p->n++] = (point){step, loss};
}

static void free_curve(curve *c) {
    gk_free(c->train.item);
    gk_free(c->valid.item);
}

/* ---------------------------------------------------------------- reading */

static bool take_line(curve *c, const json_t *obj, gk_place at, gk_error *err) {
    double step, loss, lr;
    if (!gk_json_num(obj, "step", &step, at, err) || !gk_json_num(obj, "tokens", &c->tokens, at, err))
        return false;
    if (json_object_get(obj, "valid_loss")) {
        if (!gk_json_num(obj, "valid_loss", &loss, at, err)) return false;
        add_point(&c->valid, step, loss);
        return true;
    }
    if (!gk_json_num(obj, "loss", &loss, at, err) || !gk_json_num(obj, "lr", &lr, at, err)) return false;
    add_point(&c->train, step, loss);
    if (lr > c->peak_lr) c->peak_lr = lr;
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

/* Columns: step, loss, mean loss of the `window` steps around it. Long runs are thinned; the mean is of all
 * steps. */
static void add_train(gk_buf *out, const points *p) {
    size_t half = window_of(p) / 2, stride = (p->n + MOST_POINTS - 1) / MOST_POINTS, from = 0, to = 0;
    double sum = 0;
    for (size_t i = 0; i < p->n; i++) {
        while (to < p->n && to <= i + half) sum += p->item[to++].loss;
        while (from + half < i) sum -= p->item[from++].loss;
        if (i % stride == 0 || i + 1 == p->n)
            gk_buf_printf(out, "%.17g\t%.7g\t%.7g\n", p->item[i].step, p->item[i].loss,
                          sum / (double)(to - from));
    }
}

static void script_curve(gk__plot *p, bool valid) {
    gk_buf_puts(
        &p->script,
        "set border 3 lc rgb '#888888'\nset tics nomirror out tc rgb '#333333'\nset grid ytics lt 1 lw 0.6 "
        "lc rgb "
        "'#dddddd'\nset xlabel 'step'\nset ylabel 'loss (nats a token)'\nset yrange [0:*]\nset xrange [0:*]\n"
        "set key above right horizontal samplen 2\nset style circle radius screen 0.008\nset rmargin 3\nset "
        "xtics "
        "autofreq\n"
        "plot '0' using 1:2 with lines lw 1 lc rgb '#9ccfee' title 'each step', "
        "'0' using 1:3 with lines lw 2.6 lc rgb '#0072B2' title 'running mean'");
    if (valid)
        gk_buf_puts(&p->script, ", '1' using 1:2 with lines lw 1.6 lc rgb '#D55E00' title 'held-out texts', "
                                "'1' using 1:2 with circles fs solid noborder lc rgb '#D55E00' notitle");
    gk_buf_puts(&p->script, "\n");
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
}

static bool add_curve(gk__report *r, const char *name, const curve *c) {
    gk__plot p = {.width = WIDTH, .height = HEIGHT};
    add_train(&p.data[0], &c->train);
    for (size_t i = 0; i < c->valid.n; i++)
        gk_buf_printf(&p.data[1], "%.17g\t%.7g\n", c->valid.item[i].step, c->valid.item[i].loss);
    script_curve(&p, c->valid.n > 0);
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
    curve c = {0};
    gk_error why = {0};
    char text[1600];
    bool ok = true;
    if (read_curve(gk_path_join(r->a, m->dir, "metrics.jsonl"), &c, &why)) {
        ok = add_curve(r, m->name, &c);
    } else {
        gk_buf_puts(&r->html, "<p class=\"note\">No training curve of <strong>");
        gk__html_text(&r->html, m->name);
        gk_buf_puts(&r->html, "</strong>: ");
        gk__html_text(&r->html, gk_error_text(&why, text, sizeof text));
        gk_buf_puts(&r->html, "</p>\n");
    }
    free_curve(&c);
    return ok;
}

bool gk__report_curves(gk__report *r) {
    if (r->o->n_models == 0) return true;
    gk_buf_puts(&r->html, "<h2>Training</h2>\n<div class=\"grid\">\n");
    for (size_t i = 0; i < r->o->n_models; i++)
        if (!add_model(r, &r->o->models[i])) return false;
    gk_buf_puts(&r->html, "</div>\n");
    return true;
}
