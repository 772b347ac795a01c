/* failures.c: how it fails: what was said instead of the target, how sure the model was, and whether its
 * probabilities can be believed. */
#include "report/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_BINS = 10, N_TOKENS = 3, N_TEXTS = 2, MOST_OPEN = 24 };

typedef struct bin { /* of the probability of the most probable token */
    size_t n, right;
    double sum;
} bin;
typedef struct failures {
    size_t n, wrong;
    double sure_wrong, sure_right; /* mean probability of the most probable token; NaN where there is none */
    bin bin[N_BINS];
    double error;            /* expected calibration error */
    int32_t token[N_TOKENS]; /* what was said instead, most frequent first; of equals the lower id */
    size_t times[N_TOKENS];
    int n_tokens;
} failures;

/* ---------------------------------------------------------------- counting */

static int by_id(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void take_run(failures *f, int32_t id, size_t times) {
    int at = f->n_tokens;
    while (at > 0 && f->times[at - 1] < times) at--;
    if (at == N_TOKENS) return;
    if (f->n_tokens < N_TOKENS) f->n_tokens++;
    for (int i = f->n_tokens - 1; i > at; i--) {
        f->token[i] = f->token[i - 1];
        f->times[i] = f->times[i - 1];
    }
    f->token[at] = id;
    f->times[at] = times;
}

static void count_tokens(failures *f, int32_t *id, size_t n) {
    qsort(id, n, sizeof *id, by_id);
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i; k < n && id[k] == id[i]; k++) {
        }
        take_run(f, id[i], k - i);
    }
}

static void count_bins(failures *f) {
    for (int i = 0; i < N_BINS; i++) {
        const bin *b = &f->bin[i];
        if (b->n) f->error += fabs((double)b->right - b->sum) / (double)f->n;
    }
}

/* Results without a list of tokens (a damaged store) do not count. */
static failures count(const gk_tried *t) {
    failures f = {0};
    double sum[2] = {0, 0};
    int32_t *id = gk_alloc((t->n + 1) * sizeof *id);
    for (size_t i = 0; i < t->n; i++) {
        const gk_outcome *o = &t->item[i];
        if (!(o->top_prob >= 0 && o->top_prob <= 1.0001)) continue;
        bool right = o->rank < 1;
        int k = (int)(o->top_prob * N_BINS);
        bin *b = &f.bin[k < N_BINS ? k : N_BINS - 1];
        b->n++;
        b->right += right;
        b->sum += o->top_prob;
        sum[right] += o->top_prob;
        if (!right) id[f.wrong++] = o->top_id;
        f.n++;
    }
    count_tokens(&f, id, f.wrong);
    gk_free(id);
    count_bins(&f);
    f.sure_wrong = f.wrong ? sum[0] / (double)f.wrong : (double)NAN;
    f.sure_right = f.n > f.wrong ? sum[1] / (double)(f.n - f.wrong) : (double)NAN;
    return f;
}

/* ---------------------------------------------------------------- what was said */

static bool add_tokens(gk__report *r, sqlite3_stmt *q, const failures *f) {
    for (int i = 0; i < f->n_tokens; i++) {
        int got = gk_sql_bind(r->s, q, r->err, "i", (int64_t)f->token[i]) ? gk_sql_next(r->s, q, r->err) : -1;
        if (got < 0) return false;
        gk_buf_puts(&r->html, i ? ", " : "");
        gk__html_piece(&r->html, got ? gk_sql_text(q, 0) : "(no such token)");
        gk_buf_printf(&r->html, " \u00d7%zu", f->times[i]);
    }
    return true;
}

static bool add_texts(gk__report *r, sqlite3_stmt *q, const gk_tried *t) {
    bool ok = gk_sql_bind(r->s, q, r->err, "ss", t->set, t->scheme);
    int got = ok ? 1 : -1;
    for (int i = 0; i < N_TEXTS && got == 1 && (got = gk_sql_next(r->s, q, r->err)) == 1; i++) {
        const char *text = gk_sql_text(q, 0);
        gk_buf_puts(&r->html, i ? "<br>" : "");
        gk__html_text(&r->html, *text ? text : "(the end of the text)");
        gk_buf_printf(&r->html, " \u00d7%lld", (long long)sqlite3_column_int64(q, 1));
    }
    return got >= 0;
}

static void add_share(gk_buf *b, double x) {
    if (isnan(x))
        gk_buf_puts(b, "<td>\u2013</td>");
    else
        gk_buf_printf(b, "<td>%.3f</td>", x);
}

static bool add_row(gk__report *r, const gk_tried *t, sqlite3_stmt *pieces, sqlite3_stmt *texts) {
    failures f = count(t);
    gk_buf *b = &r->html;
    if (f.n == 0) return true;
    gk_buf_puts(b, "<tr><td class=\"name\">");
    gk__html_text(b, t->scheme);
    gk_buf_printf(b, "</td><td>%zu</td><td>%zu</td><td>%.1f</td>", f.n, f.wrong,
                  100 * (double)f.wrong / (double)f.n);
    add_share(b, f.sure_wrong);
    add_share(b, f.sure_right);
    add_share(b, f.error);
    gk_buf_puts(b, "<td class=\"instead\">");
    if (!add_tokens(r, pieces, &f)) return false;
    if (r->generated) {
        gk_buf_puts(b, "</td><td class=\"instead\">");
        if (!add_texts(r, texts, t)) return false;
    }
    gk_buf_puts(b, "</td></tr>\n");
    return true;
}

static bool add_table(gk__report *r, const gk__set *set, sqlite3_stmt *pieces, sqlite3_stmt *texts) {
    gk_buf *b = &r->html;
    bool ok = true;
    gk_buf_printf(b, "<details class=\"long\"%s><summary>", set->n > MOST_OPEN ? "" : " open");
    gk__html_text(b, set->name);
    gk_buf_puts(b,
                ": what was said instead</summary>\n<div class=\"scroll\"><table class=\"fails\"><thead><tr>"
                "<th>scheme</th><th>n</th><th>wrong</th><th>wrong %</th><th>how sure when wrong</th>"
                "<th>when right</th><th>calibration error</th><th class=\"left\">said instead</th>");
    if (r->generated) gk_buf_puts(b, "<th class=\"left\">whole answers instead</th>");
    gk_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; ok && i < set->n; i++) {
        const gk_tried *t = gk_outcomes_of(&r->outcomes, set->scheme[i]);
        ok = !t || add_row(r, t, pieces, texts);
    }
    gk_buf_puts(b, "</tbody></table></div></details>\n");
    return ok;
}

/* ---------------------------------------------------------------- calibration */

/* A dot a bin that has prompts. */
static gk__series series_of(gk__report *r, const gk_tried *t, const failures *f) {
    gk__point *p = gk_arena_alloc(r->a, N_BINS * sizeof *p);
    gk__series s = {.line = true, .dots = true, .colour = gk__ink_hex(GK__BLUE), .point = p};
    for (int k = 0; k < N_BINS; k++) {
        const bin *x = &f->bin[k];
        if (x->n == 0) continue;
        gk__says *says = gk_arena_alloc(r->a, sizeof *says);
        double mean = x->sum / (double)x->n, right = (double)x->right / (double)x->n;
        *says = (gk__says){.scheme = t->scheme,
                           .template_name = "pooled",
                           .place = gk__report_template(r, "pooled"),
                           .x_name = "mean probability",
                           .x = gk_arena_printf(r->a, "%.3f", mean),
                           .metric = "right",
                           .what = "right",
                           .value = gk_arena_printf(r->a, "%.1f", 100 * right),
                           .unit = "%",
                           .n = x->n};
        p[s.n++] = (gk__point){.x = mean, .y = right, .low = (double)NAN, .high = (double)NAN, .says = says};
    }
    return s;
}

static void add_reliability(gk__report *r, const char *set, const gk_tried **t, size_t n) {
    gk__panel *p = gk_arena_alloc(r->a, (n + 1) * sizeof *p);
    gk__axis x = gk__axis_round(r->a, 0, 1, 5, ""), y = x;
    x.title = "probability of what it says";
    y.title = "share right";
    y.low = -0.03; /* dots at the ends are whole */
    y.high = 1.03;
    for (size_t i = 0; i < n; i++) {
        failures f = count(t[i]);
        gk__series *s = gk_arena_alloc(r->a, sizeof *s);
        *s = series_of(r, t[i], &f);
        p[i] = (gk__panel){.title = gk_arena_printf(r->a, "%s (%.2f)", t[i]->scheme, f.error),
                           .schemes = t[i]->scheme,
                           .x = x,
                           .y = y,
                           .diagonal = true,
                           .series = s,
                           .n = 1};
    }
    const gk__key key[] = {{.shape = GK__KEY_LINE, .colour = gk__ink_hex(GK__GREY), .dash = "2 3", .text = "both agree"}};
    const char *const name[] = {set, "calibration", NULL};
    gk__report_panels(
        r, p, n, key, 1, name, gk_arena_printf(r->a, "Calibration, set %s", set),
        "<strong>Can its probabilities be believed?</strong> Prompts by the probability of the most "
        "probable token, in ten bins of equal width: mean probability across, share of right ones up. "
        "On the dotted line both agree; below it the model is too sure. In brackets: the expected "
        "calibration error. Bins can hold few prompts: the table has their numbers.");
}

static void add_bins(gk__report *r, const gk__set *set) {
    gk_buf *b = &r->html;
    gk_buf_puts(b, "<details><summary>");
    gk__html_text(b, set->name);
    gk_buf_puts(b,
                ": reliability, bin by bin</summary>\n<div class=\"scroll\"><table class=\"bins\"><thead><tr>"
                "<th>scheme</th><th>from</th><th>to</th><th>n</th><th>mean probability</th><th>right %</th>"
                "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < set->n; i++) {
        const gk_tried *t = gk_outcomes_of(&r->outcomes, set->scheme[i]);
        failures f = t ? count(t) : (failures){0};
        for (int k = 0; k < N_BINS; k++) {
            const bin *x = &f.bin[k];
            if (x->n == 0) continue;
            gk_buf_puts(b, "<tr><td class=\"name\">");
            gk__html_text(b, t->scheme);
            gk_buf_printf(b, "</td><td>%.1f</td><td>%.1f</td><td>%zu</td><td>%.3f</td><td>%.1f</td></tr>\n",
                          k / 10.0, (k + 1) / 10.0, x->n, x->sum / (double)x->n,
                          100 * (double)x->right / (double)x->n);
        }
    }
    gk_buf_puts(b, "</tbody></table></div></details>\n");
}

/* ---------------------------------------------------------------- the section */

static bool add_sets(gk__report *r, sqlite3_stmt *pieces, sqlite3_stmt *texts) {
    const gk_tried **t = gk_arena_alloc(r->a, (r->cells.n + 1) * sizeof(*t));
    bool ok = true;
    for (size_t i = 0; ok && i < r->n_sets; i++) {
        gk_buf_puts(&r->html, "<h3>");
        gk__html_text(&r->html, r->set[i].name);
        gk_buf_puts(&r->html, "</h3>\n");
        size_t n = gk__report_shown(r, &r->set[i], t);
        if (n) add_reliability(r, r->set[i].name, t, n);
        ok = add_table(r, &r->set[i], pieces, texts);
        if (ok) add_bins(r, &r->set[i]);
    }
    return ok;
}

bool gk__report_fail(gk__report *r) {
    gk__report_section(r, "fails", "How it fails");
    gk__page_prose(&r->html, "fails", NULL);
    sqlite3_stmt *pieces = gk_sql_prepare(r->s, "SELECT piece FROM token WHERE id = ?", r->err);
    sqlite3_stmt *texts = gk_sql_prepare(
        r->s,
        "SELECT r.generated, count(*) AS n FROM scheme s JOIN applies a ON a.scheme = s.id JOIN prompt p ON "
        "p.template ="
        " a.template JOIN result r ON r.scheme = s.source AND r.prompt = p.id WHERE s.\"set\" = ? AND s.name "
        "= ? AND"
        " r.generated IS NOT NULL AND r.exact = 0 GROUP BY r.generated ORDER BY n DESC, r.generated",
        r->err);
    bool ok = pieces && texts && add_sets(r, pieces, texts);
    sqlite3_finalize(pieces);
    sqlite3_finalize(texts);
    return ok;
}
