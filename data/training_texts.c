/* training_texts.c: rows x templates, as {"text": ...} lines. */
#include "core/json.h"
#include "data/data.h"

#include <stdlib.h>

void gk_rows_free(gk_rows *r) {
    for (size_t i = 0; i < r->n; i++) json_decref(r->row[i]);
    gk_free(r->row);
    *r = (gk_rows){0};
}

bool gk_text_add(gk_buf *out, const char *text, size_t len) {
    json_t *line = json_pack("{s:s%}", "text", text, len);
    if (!line) return false;
    char *dump = json_dumps(line, JSON_COMPACT);
    gk_buf_printf(out, "%s\n", dump);
    free(dump);
    json_decref(line);
    return true;
}

static bool known_elsewhere(const gk_rows *rows, const char *field) {
    for (size_t i = 0; i < rows->n; i++)
        if (json_object_get(rows->row[i], field)) return true;
    return false;
}

/* Adds one line: `row`, number i of `rows` or its swapped copy, said as template t says it. */
static bool add_text(const gk_wording *w, const gk_rows *rows, size_t i, const json_t *row,
                     const gk_template *t, gk_arena *scratch, gk_buf *out, gk_error *err) {
    gk_rendered text;
    gk_arena_reset(scratch);
    gk_place at = GK_AT_LINE(rows->path, (long)i + 1, 0);
    at.field = gk_template_lacks(t, row, w->fillers);
    if (at.field && known_elsewhere(rows, at.field))
        return gk_fail(err, at, "give every row the fields that templates use", "is missing");
    at.field = NULL;
    if (!gk_template_render(t, row, w->fillers, at, scratch, &text, err)) return false;
    return gk_text_add(out, text.text, text.len) ||
           gk_fail(err, at, "save it as UTF-8", "a value is not UTF-8");
}

bool gk_texts_of(const gk_wording *w, const gk_rows *rows, gk_template *const *tmpl, size_t n, gk_buf *out,
                 gk_error *err) {
    gk_arena *scratch = gk_arena_new();
    bool ok = true;
    for (size_t i = 0; ok && i < rows->n; i++)
        for (size_t t = 0; ok && t < n; t++)
            ok = add_text(w, rows, i, rows->row[i], tmpl[t], scratch, out, err);
    gk_arena_free(scratch);
    return ok;
}

static bool reversible(const gk_wording *w, gk_swap swap) {
    return w->n_reverse || swap.exchange;
}

/* The row as texts of that direction say it: B2A has templates of its own, or the fields exchanged. */
static json_t *turned(const gk_wording *w, json_t *row, gk_swap swap, bool swapped) {
    return swapped && !w->n_reverse ? gk_row_swapped(row, swap) : json_incref(row);
}

bool gk_texts_all(const gk_wording *w, const gk_rows *rows, gk_swap swap, bool swapped, gk_buf *out,
                  gk_error *err) {
    if (swapped && !reversible(w, swap)) return true;
    gk_arena *scratch = gk_arena_new();
    bool ok = true;
    for (size_t i = 0; ok && i < rows->n; i++) {
        json_t *row = turned(w, rows->row[i], swap, swapped);
        bool reverse = swapped && w->n_reverse;
        gk_template *const *tmpl = reverse ? w->reverse : w->all;
        size_t n = reverse ? w->n_reverse : w->n_training;
        for (size_t t = 0; ok && t < n; t++) ok = add_text(w, rows, i, row, tmpl[t], scratch, out, err);
        json_decref(row);
    }
    gk_arena_free(scratch);
    return ok;
}

/* cumulative[i]: the sum of the weights of rows 0 .. i. */
static double *zipf_cumulative(size_t n) {
    double *cumulative = gk_alloc(n * sizeof *cumulative);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += 1.0 / ((double)(i + 1) + 0.05 * (double)n);
        cumulative[i] = sum;
    }
    return cumulative;
}

static size_t draw(const double *cumulative, size_t n, gk_rng *rng) {
    double x = gk_rng_uniform(rng) * cumulative[n - 1];
    size_t lo = 0, hi = n - 1;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (cumulative[mid] <= x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Wordings that finetuning has not, where there are some; which say the facts in either order where
 * exchanging the fields would not. */
static json_t *base_text(const gk_wording *w, json_t *row, gk_swap swap, gk_rng *rng, gk_template **t) {
    bool own = gk_wording_has_base(w);
    size_t first = own ? w->n_training : 0, k = (size_t)gk_rng_below(rng, w->n_all - first);
    bool swapped = gk_rng_below(rng, 2) && (own ? swap.exchange && !w->n_reverse : reversible(w, swap));
    *t = swapped && w->n_reverse ? w->reverse[k % w->n_reverse] : w->all[first + k];
    return turned(w, row, swap, swapped);
}

bool gk_texts_zipf(const gk_wording *w, const gk_rows *rows, gk_swap swap, size_t n, gk_rng *rng, gk_buf *out,
                   gk_error *err) {
    if (rows->n == 0)
        return gk_fail(err, GK_AT_FILE(rows->path), "give at least one row", "there are no rows");
    gk_arena *scratch = gk_arena_new();
    double *cumulative = zipf_cumulative(rows->n);
    bool ok = true;
    for (size_t k = 0; ok && k < n; k++) {
        gk_template *t;
        size_t i = draw(cumulative, rows->n, rng);
        json_t *row = base_text(w, rows->row[i], swap, rng, &t);
        ok = add_text(w, rows, i, row, t, scratch, out, err);
        json_decref(row);
    }
    gk_free(cumulative);
    gk_arena_free(scratch);
    return ok;
}
