/* spectrum.c: see spectrum.h. After N. Halko, P. G. Martinsson and J. A. Tropp, "Finding structure with
 * randomness" (2011): a random subspace is multiplied by D^T D until its Ritz values stand still. The basis V
 * is kept as [w x in], a row a vector, so that everything large is one of model/gemm/gemm.c's products.
 */
#include "graftkit/core/memory.h"
#include "graftkit/core/progress.h"
#include "graftkit/core/random.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/operators.h"
#include "model/difference/kernels.h"

#include <math.h>
#include <string.h>

enum { OVERSAMPLE = 16, BLOCK_FLOATS = 1 << 21, FEWEST_ROWS = 16, MOST_ROWS = 1024, MOST_SWEEPS = 40 };
static const double SETTLED = 1e-4, SETTLED_DIRECTIONS = 1e-6;
/* A vector of which so little (squared) is left beside the others is rounding noise. */
static const double NOISE = 1e-10;

/* ---------------------------------------------------------------- small symmetric matrices */

/* Makes the entry at (p, q) zero, unless its square is `tiny` already. */
static void rotate(int n, double *m, double *vector, int p, int q, double tiny) {
    double apq = m[p * n + q];
    if (apq * apq <= tiny) return;
    double theta = (m[q * n + q] - m[p * n + p]) / (2 * apq);
    double t = copysign(1, theta) / (fabs(theta) + sqrt(theta * theta + 1));
    double c = 1 / sqrt(t * t + 1), s = t * c;
    for (int i = 0; i < n; i++) {
        double x = m[i * n + p], y = m[i * n + q];
        m[i * n + p] = c * x - s * y;
        m[i * n + q] = s * x + c * y;
    }
    for (int i = 0; i < n; i++) {
        double x = m[p * n + i], y = m[q * n + i];
        m[p * n + i] = c * x - s * y;
        m[q * n + i] = s * x + c * y;
        x = vector[p * n + i], y = vector[q * n + i];
        vector[p * n + i] = c * x - s * y;
        vector[q * n + i] = s * x + c * y;
    }
}

/* Sums of squares off the diagonal and on it. */
static void square_sums(int n, const double *m, double *off, double *on) {
    *off = *on = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) *(i == j ? on : off) += m[i * n + j] * m[i * n + j];
}

void gk_spectrum__eigen(int n, double *m, double *value, double *vector) {
    double off, on, done = 1e-24, entries = (double)n * (double)n;
    memset(vector, 0, (size_t)n * (size_t)n * sizeof *vector);
    for (int i = 0; i < n; i++) vector[i * n + i] = 1;
    for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
        square_sums(n, m, &off, &on);
        if (off <= done * on) break;
        /* Entries so small may all stay, and most are once the basis has settled. */
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++) rotate(n, m, vector, p, q, done * on / entries);
    }
    for (int i = 0; i < n; i++) value[i] = m[i * n + i];
    for (int i = 0; i < n; i++) {
        int best = i;
        for (int j = i + 1; j < n; j++)
            if (value[j] > value[best]) best = j;
        if (best == i) continue;
        double v = value[i];
        value[i] = value[best];
        value[best] = v;
        for (int j = 0; j < n; j++) {
            v = vector[i * n + j];
            vector[i * n + j] = vector[best * n + j];
            vector[best * n + j] = v;
        }
    }
}

/* ---------------------------------------------------------------- the basis */

typedef struct iteration {
    const gk_spectrum__matrix *m;
    int w, block;          /* vectors; rows read at a time */
    float *v, *z;          /* [w x in]: the basis; D^T D times it */
    float *rows, *y, *yy;  /* [block x in], [block x w], [w x w] */
    double *ritz, *vector; /* [w], [w x w] */
    double *gram;          /* [w x w] */
    gk_rng rng;
} iteration;

static void gram_rows(void *ctx, size_t begin, size_t end) {
    const iteration *it = ctx;
    size_t in = (size_t)it->m->in, w = (size_t)it->w;
    for (size_t i = begin; i < end; i++)
        for (size_t j = 0; j <= i; j++) {
            const float *a = it->v + i * in, *b = it->v + j * in;
            double sum = 0;
#pragma omp simd reduction(+ : sum)
            for (size_t c = 0; c < in; c++) sum += (double)a[c] * (double)b[c];
            it->gram[i * w + j] = sum;
        }
}

static void random_vector(iteration *it, int i) {
    float *v = it->v + (size_t)i * (size_t)it->m->in;
    for (int c = 0; c < it->m->in; c++) v[c] = (float)gk_rng_normal(&it->rng);
}

static void normalise(iteration *it) {
    for (int i = 0; i < it->w; i++) {
        float *v = it->v + (size_t)i * (size_t)it->m->in;
        double sum = 0;
        for (int c = 0; c < it->m->in; c++) sum += (double)v[c] * (double)v[c];
        for (int c = 0; sum > 0 && c < it->m->in; c++) v[c] = (float)((double)v[c] / sqrt(sum));
    }
}

/* G = L L^T in place; then `inverse` = L^-1, with a zero row for every vector that depends on the ones before
 * it. Returns how many do. */
static int invert_cholesky(iteration *it, float *inverse, bool *dropped) {
    int w = it->w, n = 0;
    double *l = it->gram, *x = it->vector;
    for (int i = 0; i < w; i++) {
        for (int j = 0; j <= i; j++) {
            double sum = l[i * w + j];
            for (int c = 0; c < j; c++) sum -= l[i * w + c] * l[j * w + c];
            if (i == j)
                l[i * w + i] = sum > NOISE ? sqrt(sum) : 0;
            else
                l[i * w + j] = l[j * w + j] > 0 ? sum / l[j * w + j] : 0;
        }
        dropped[i] = l[i * w + i] == 0;
        n += dropped[i];
    }
    for (int i = 0; i < w; i++)
        for (int j = 0; j < w; j++) {
            double sum = i == j ? 1 : 0;
            for (int c = j; c < i; c++) sum -= l[i * w + c] * x[c * w + j];
            x[i * w + j] = dropped[i] || dropped[j] || j > i ? 0 : sum / l[i * w + i];
            inverse[i * w + j] = (float)x[i * w + j];
        }
    return n;
}

/* Rows of v become orthonormal. Done twice: the second time makes good what rounding left of the first, and
 * takes in the random vectors that replaced those which had become noise. */
static void orthonormalise(iteration *it) {
    int w = it->w, in = it->m->in;
    bool *dropped = gk_alloc((size_t)w * sizeof *dropped);
    for (int round = 0; round < 2; round++) {
        normalise(it);
        gk_parallel_for((size_t)w, 1, gram_rows, it);
        int lost = invert_cholesky(it, it->yy, dropped);
        gk_gemm__f32(GK_GEMM_NN, w, in, w, it->yy, w, it->v, in, 0, it->z, in);
        float *swap = it->v;
        it->v = it->z;
        it->z = swap;
        for (int i = 0; round == 0 && lost && i < w; i++)
            if (dropped[i]) random_vector(it, i);
    }
    gk_free(dropped);
}

/* ---------------------------------------------------------------- a pass */

/* z = (D^T D V)^T, and the Ritz values and vectors of D^T D in V. */
static bool multiply(iteration *it) {
    int w = it->w, in = it->m->in;
    size_t ww = (size_t)w * (size_t)w;
    memset(it->gram, 0, ww * sizeof *it->gram);
    for (int first = 0; first < it->m->out; first += it->block) {
        if (gk_interrupted()) return false;
        int n = it->m->out - first < it->block ? it->m->out - first : it->block;
        it->m->read(it->m->ctx, first, n, it->rows);
        gk_gemm__f32(GK_GEMM_NT, n, w, in, it->rows, in, it->v, in, 0, it->y, w);
        gk_gemm__f32(GK_GEMM_TN, w, in, n, it->y, w, it->rows, in, first ? 1.0f : 0.0f, it->z, in);
        gk_gemm__f32(GK_GEMM_TN, w, w, n, it->y, w, it->y, w, 0, it->yy, w);
        for (size_t i = 0; i < ww; i++) it->gram[i] += (double)it->yy[i];
    }
    for (int i = 0; i < w; i++)
        for (int j = 0; j < i; j++)
            it->gram[i * w + j] = it->gram[j * w + i] = (it->gram[i * w + j] + it->gram[j * w + i]) / 2;
    gk_spectrum__eigen(w, it->gram, it->ritz, it->vector);
    return true;
}

/* v = the Ritz vectors times D^T D, made orthonormal: they are nearly so, which V times it is not. */
static void advance(iteration *it) {
    int w = it->w, in = it->m->in;
    for (size_t i = 0; i < (size_t)w * (size_t)w; i++) it->yy[i] = (float)it->vector[i];
    gk_gemm__f32(GK_GEMM_NN, w, in, w, it->yy, w, it->z, in, 0, it->v, in);
    orthonormalise(it);
}

static void start(iteration *it, const gk_spectrum__matrix *m, int k, uint64_t seed) {
    int smaller = m->out < m->in ? m->out : m->in, rows = BLOCK_FLOATS / m->in;
    rows = rows < FEWEST_ROWS ? FEWEST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
    *it = (iteration){.m = m, .w = k + OVERSAMPLE < smaller ? k + OVERSAMPLE : smaller};
    it->block = rows < m->out ? rows : m->out;
    size_t w = (size_t)it->w, in = (size_t)m->in, block = (size_t)it->block;
    it->v = gk_alloc(w * in * sizeof *it->v);
    it->z = gk_alloc(w * in * sizeof *it->z);
    it->rows = gk_alloc(block * in * sizeof *it->rows);
    it->y = gk_alloc(block * w * sizeof *it->y);
    it->yy = gk_alloc(w * w * sizeof *it->yy);
    it->gram = gk_alloc(w * w * sizeof *it->gram);
    it->ritz = gk_alloc(w * sizeof *it->ritz);
    it->vector = gk_alloc(w * w * sizeof *it->vector);
    gk_rng_seed(&it->rng, seed, "spectrum");
    for (int i = 0; i < it->w; i++) random_vector(it, i);
    orthonormalise(it);
}

static void end(iteration *it) {
    gk_free(it->v);
    gk_free(it->z);
    gk_free(it->rows);
    gk_free(it->y);
    gk_free(it->yy);
    gk_free(it->gram);
    gk_free(it->ritz);
    gk_free(it->vector);
}

/* Passes until another one changes the sum of the first k squares by less than `settled` of it. */
static bool settle(iteration *it, int k, double settled, int most, gk_spectrum__pass_fn *pass, void *ctx) {
    double before = -1, sum = 0;
    bool ok = true;
    for (int p = 0; ok && p < most && fabs(sum - before) > settled * sum; p++) {
        if (p > 0) advance(it);
        if (pass) pass(ctx, p);
        before = sum;
        sum = 0;
        ok = multiply(it);
        for (int i = 0; ok && i < k; i++) sum += it->ritz[i];
    }
    return ok;
}

bool gk_spectrum__values(const gk_spectrum__matrix *m, int k, uint64_t seed, gk_spectrum__pass_fn *pass,
                         void *ctx, double *sigma) {
    iteration it;
    start(&it, m, k, seed);
    bool ok = settle(&it, k, SETTLED, GK_SPECTRUM__MOST_PASSES, pass, ctx);
    for (int i = 0; ok && i < k; i++) sigma[i] = sqrt(fmax(it.ritz[i], 0));
    end(&it);
    return ok;
}

/* left = D right^T, in one more reading. */
static bool project(iteration *it, int k, const float *right, float *left) {
    int in = it->m->in;
    for (int first = 0; first < it->m->out; first += it->block) {
        if (gk_interrupted()) return false;
        int n = it->m->out - first < it->block ? it->m->out - first : it->block;
        it->m->read(it->m->ctx, first, n, it->rows);
        gk_gemm__f32(GK_GEMM_NT, n, k, in, it->rows, in, right, in, 0, left + (size_t)first * (size_t)k, k);
    }
    return true;
}

bool gk_spectrum__directions(const gk_spectrum__matrix *m, int k, uint64_t seed, float *right, float *left) {
    iteration it;
    gk_gemm_init();
    start(&it, m, k, seed);
    bool ok = settle(&it, k, SETTLED_DIRECTIONS, GK_SPECTRUM__MOST_DIRECTION_PASSES, NULL, NULL);
    if (ok) { /* the first k Ritz vectors */
        for (size_t i = 0; i < (size_t)k * (size_t)it.w; i++) it.yy[i] = (float)it.vector[i];
        gk_gemm__f32(GK_GEMM_NN, k, m->in, it.w, it.yy, it.w, it.v, m->in, 0, right, m->in);
        ok = project(&it, k, right, left);
    }
    end(&it);
    return ok;
}
