/* gemm_bf16.c: products of bf16 operands with fp32 sums, by oneDNN where it was built in and the processor
 * has the instructions, else in fp32 on the same rounded operands (slower, and the same up to the order of
 * sums). */
#include "model/gemm.h"
#include "model/half.h"

#include <omp.h>
#include <pthread.h>
#include <string.h>
#ifdef GK_HAVE_DNNL
#include <oneapi/dnnl/dnnl.h>
#endif

#define LEAST_SIDE 64 /* columns or rows of a piece */

typedef struct bf16_product {
    gk_gemm_kind kind;
    int m, n, k, lda, ldb, ldc;
    const uint16_t *a, *b;
    float *c;
    bool add; /* to C, else C is overwritten */
} bf16_product;

/* ---------------------------------------------------------------- without the instructions */

enum {
    WIDE_FLOATS = 1 << 20
}; /* of the larger operand at a time: stays in cache, and a head's whole would not fit memory */

static float *widen(gk__scratch_use use, const uint16_t *x, int rows, int width, int ld) {
    float *wide = gk__scratch(use, (size_t)rows * (size_t)width * sizeof *wide);
    for (size_t r = 0; r < (size_t)rows; r++)
        gk__bf16_to_f32(x + r * (size_t)ld, wide + r * (size_t)width, (size_t)width);
    return wide;
}

static int block_of(int side, int other) {
    int n = WIDE_FLOATS / other;
    n = n < LEAST_SIDE ? LEAST_SIDE : n;
    return n < side ? n : side;
}

/* B's rows, which are C's columns, a block at a time. */
static void widened_nt(const bf16_product *p) {
    float *a = widen(GK__SCRATCH_WIDE_A, p->a, p->m, p->k, p->lda);
    for (int at = 0, n = block_of(p->n, p->k); at < p->n; at += n) {
        n = p->n - at < n ? p->n - at : n;
        float *b = widen(GK__SCRATCH_WIDE_B, p->b + (ptrdiff_t)at * p->ldb, n, p->k, p->ldb);
        gk__product f = {GK_GEMM_NT,          p->m, n, p->k, p->k, p->k, p->ldc, a, b, p->c + at,
                         p->add ? 1.0f : 0.0f};
        gk__product_run(&f, GK__BY_CHOICE);
    }
}

/* The terms of the sums a block at a time. */
static void widened_nn(const bf16_product *p) {
    for (int at = 0, k = block_of(p->k, p->n > p->m ? p->n : p->m); at < p->k; at += k) {
        k = p->k - at < k ? p->k - at : k;
        float *a = widen(GK__SCRATCH_WIDE_A, p->a + at, p->m, k, p->lda);
        float *b = widen(GK__SCRATCH_WIDE_B, p->b + (ptrdiff_t)at * p->ldb, k, p->n, p->ldb);
        float beta = p->add || at > 0 ? 1.0f : 0.0f;
        gk__product f = {GK_GEMM_NN, p->m, p->n, k, k, p->n, p->ldc, a, b, p->c, beta};
        gk__product_run(&f, GK__BY_CHOICE);
    }
}

/* A's columns, which are C's rows, a block at a time. */
static void widened_tn(const bf16_product *p) {
    float *b = widen(GK__SCRATCH_WIDE_B, p->b, p->k, p->n, p->ldb);
    for (int at = 0, m = block_of(p->m, p->k); at < p->m; at += m) {
        m = p->m - at < m ? p->m - at : m;
        float *a = widen(GK__SCRATCH_WIDE_A, p->a + at, p->k, m, p->lda);
        float *c = p->c + (ptrdiff_t)at * p->ldc;
        gk__product f = {GK_GEMM_TN, m, p->n, p->k, m, p->n, p->ldc, a, b, c, p->add ? 1.0f : 0.0f};
        gk__product_run(&f, GK__BY_CHOICE);
    }
}

static void run_widened(const bf16_product *p) {
    if (p->kind == GK_GEMM_NT)
        widened_nt(p);
    else if (p->kind == GK_GEMM_NN)
        widened_nn(p);
    else
        widened_tn(p);
}

#ifdef GK_HAVE_DNNL
/* ---------------------------------------------------------------- oneDNN's primitives, made once a shape */

enum { CACHE_SLOTS = 1024 }; /* ragged batches bring new shapes; making one takes about 0.3 ms */

typedef struct shape {
    int kind, m, n, k, lda, ldb, ldc, add;
} shape;

typedef struct made {
    shape key;
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t a, b, c;
    size_t scratch;
    int users; /* a primitive in use is not thrown out */
} made;

static struct {
    pthread_mutex_t lock;
    dnnl_engine_t engine;
    made *slot[CACHE_SLOTS];
    bool able;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};
static pthread_once_t cache_once = PTHREAD_ONCE_INIT;

static void start_cache(void) {
    int isa = (int)dnnl_get_effective_cpu_isa();
    bool has = (isa & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
    cache.able = has && dnnl_engine_create(&cache.engine, dnnl_cpu, 0) == dnnl_success;
}

static size_t hash(const shape *s) {
    const int v[] = {s->kind, s->m, s->n, s->k, s->lda, s->ldb, s->ldc, s->add};
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) h = (h ^ (uint32_t)v[i]) * 0x100000001b3u;
    return (size_t)(h >> 40) % CACHE_SLOTS;
}

static bool describe(dnnl_memory_desc_t *d, int rows, int cols, dnnl_data_type_t type, int down, int right) {
    dnnl_dims_t dims = {rows, cols}, strides = {down, right};
    return dnnl_memory_desc_init_by_strides(d, 2, dims, type, strides) == dnnl_success;
}

static bool create(const shape *s, made *x) {
    bool ta = s->kind == GK_GEMM_TN, tb = s->kind == GK_GEMM_NT;
    dnnl_matmul_desc_t d;
    dnnl_post_ops_t ops = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    bool ok = describe(&x->a, s->m, s->k, dnnl_bf16, ta ? 1 : s->lda, ta ? s->lda : 1) &&
              describe(&x->b, s->k, s->n, dnnl_bf16, tb ? 1 : s->ldb, tb ? s->ldb : 1) &&
              describe(&x->c, s->m, s->n, dnnl_f32, s->ldc, 1) &&
              dnnl_matmul_desc_init(&d, &x->a, &x->b, NULL, &x->c) == dnnl_success &&
              dnnl_primitive_attr_create(&attr) == dnnl_success &&
              dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) == dnnl_success;
    if (ok && s->add)
        ok = dnnl_post_ops_create(&ops) == dnnl_success &&
             dnnl_post_ops_append_sum(ops, 1.0f) == dnnl_success &&
             dnnl_primitive_attr_set_post_ops(attr, ops) == dnnl_success;
    ok = ok && dnnl_primitive_desc_create(&pd, &d, attr, cache.engine, NULL) == dnnl_success &&
         dnnl_primitive_create(&x->primitive, pd) == dnnl_success;
    if (ok)
        x->scratch = dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0));
    if (pd) dnnl_primitive_desc_destroy(pd);
    if (ops) dnnl_post_ops_destroy(ops);
    if (attr) dnnl_primitive_attr_destroy(attr);
    return ok;
}

static void destroy(made *x) {
    if (!x) return;
    if (x->primitive) dnnl_primitive_destroy(x->primitive);
    gk_free(x);
}

/* Where all is taken by others' use, the new one belongs to its caller alone: `owned`. */
static made *get(const shape *s, bool *owned) {
    pthread_mutex_lock(&cache.lock);
    made **slot = &cache.slot[hash(s)], *x = *slot;
    *owned = false;
    if (!x || memcmp(&x->key, s, sizeof *s) != 0) {
        made *fresh = gk_alloc(sizeof *fresh);
        fresh->key = *s;
        if (!create(s, fresh)) {
            destroy(fresh);
            pthread_mutex_unlock(&cache.lock);
            return NULL;
        }
        *owned = x && x->users > 0;
        if (!*owned) {
            destroy(x);
            *slot = fresh;
        }
        x = fresh;
    }
    x->users++;
    pthread_mutex_unlock(&cache.lock);
    return x;
}

static void put(made *x, bool owned) {
    if (owned) {
        destroy(x);
        return;
    }
    pthread_mutex_lock(&cache.lock);
    x->users--;
    pthread_mutex_unlock(&cache.lock);
}

static bool execute(const made *x, const bf16_product *p) {
    union { /* oneDNN's handles are not const; it reads a and b only */
        const uint16_t *in;
        void *out;
    } a = {p->a}, b = {p->b};
    float *scratch = gk__scratch(GK__SCRATCH_DNNL, x->scratch);
    dnnl_memory_desc_t pad;
    dnnl_dims_t bytes = {(dnnl_dim_t)x->scratch};
    dnnl_stream_t stream = NULL;
    dnnl_memory_t ma = NULL, mb = NULL, mc = NULL, ms = NULL;
    bool ok = dnnl_memory_desc_init_by_tag(&pad, 1, bytes, dnnl_u8, dnnl_a) == dnnl_success &&
              dnnl_memory_create(&ma, &x->a, cache.engine, a.out) == dnnl_success &&
              dnnl_memory_create(&mb, &x->b, cache.engine, b.out) == dnnl_success &&
              dnnl_memory_create(&mc, &x->c, cache.engine, p->c) == dnnl_success &&
              dnnl_memory_create(&ms, &pad, cache.engine, scratch) == dnnl_success &&
              dnnl_stream_create(&stream, cache.engine, dnnl_stream_default_flags) == dnnl_success;
    dnnl_exec_arg_t args[] = {
        {DNNL_ARG_SRC, ma}, {DNNL_ARG_WEIGHTS, mb}, {DNNL_ARG_DST, mc}, {DNNL_ARG_SCRATCHPAD, ms}};
    ok = ok && dnnl_primitive_execute(x->primitive, stream, 4, args) == dnnl_success &&
         dnnl_stream_wait(stream) == dnnl_success;
    if (stream) dnnl_stream_destroy(stream);
    dnnl_memory_t all[] = {ma, mb, mc, ms};
    for (int i = 0; i < 4; i++)
        if (all[i]) dnnl_memory_destroy(all[i]);
    return ok;
}

static bool run_dnnl(const bf16_product *p) {
    shape s = {(int)p->kind, p->m, p->n, p->k, p->lda, p->ldb, p->ldc, p->add};
    bool serial = !omp_in_parallel(), owned; /* in a serial region oneDNN would start its own team */
    int before = serial ? omp_get_max_threads() : 1;
    if (serial) omp_set_num_threads(1);
    made *x = get(&s, &owned);
    bool ok = x && execute(x, p);
    if (x) put(x, owned);
    if (serial) omp_set_num_threads(before);
    return ok;
}
#endif

bool gk_bf16_fast(void) {
#ifdef GK_HAVE_DNNL
    pthread_once(&cache_once, start_cache);
    return cache.able;
#else
    return false;
#endif
}

static void run(const bf16_product *p) {
#ifdef GK_HAVE_DNNL
    if (gk_bf16_fast() && run_dnnl(p)) return;
#endif
    run_widened(p);
}

/* ---------------------------------------------------------------- over the threads */

typedef struct split {
    bf16_product whole;
    bool rows;
} split;

static void piece(void *ctx, size_t begin, size_t end) {
    const split *s = ctx;
    bf16_product p = s->whole;
    ptrdiff_t from = (ptrdiff_t)begin;
    if (s->rows) {
        p.a += p.kind == GK_GEMM_TN ? from : from * p.lda;
        p.c += from * p.ldc;
        p.m = (int)(end - begin);
    } else {
        p.b += p.kind == GK_GEMM_NT ? from * p.ldb : from;
        p.c += from;
        p.n = (int)(end - begin);
    }
    run(&p);
}

void gk__gemm_bf16(gk_gemm_kind kind, int m, int n, int k, const uint16_t *a, int lda, const uint16_t *b,
                   int ldb, bool add, float *c, int ldc) {
    if (m <= 0 || n <= 0) return;
    gk_gemm_init();
    split s = {.whole = {kind, m, n, k, lda, ldb, ldc, a, b, c, add}, .rows = m >= n};
    int side = s.rows ? m : n, threads = gk_threads(), grain = (side + threads - 1) / threads;
    grain = (grain + 31) / 32 * 32;
    gk_parallel_for((size_t)side, (size_t)(grain < LEAST_SIDE ? LEAST_SIDE : grain), piece, &s);
}

/* ---------------------------------------------------------------- operands */

typedef struct narrow_job {
    const float *x;
    uint16_t *out;
    size_t width, ld;
} narrow_job;

static void narrow_rows(void *ctx, size_t begin, size_t end) {
    const narrow_job *j = ctx;
    for (size_t r = begin; r < end; r++) gk__f32_to_bf16(j->x + r * j->ld, j->out + r * j->width, j->width);
}

void gk__narrow(const float *x, int rows, int width, int ld, uint16_t *out) {
    narrow_job j = {x, out, (size_t)width, (size_t)ld};
    gk_parallel_for((size_t)rows, 1 + 65536 / (size_t)width, narrow_rows, &j);
}

/* ---------------------------------------------------------------- memory that a thread keeps */

typedef struct scratch {
    void *data[GK__SCRATCHES];
    size_t bytes[GK__SCRATCHES];
} scratch;

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void free_scratch(void *p) {
    scratch *s = p;
    for (int i = 0; i < GK__SCRATCHES; i++) gk_free(s->data[i]);
    gk_free(s);
}

static void make_key(void) {
    pthread_key_create(&scratch_key, free_scratch);
}

void *gk__scratch(gk__scratch_use use, size_t bytes) {
    pthread_once(&scratch_once, make_key);
    scratch *s = pthread_getspecific(scratch_key);
    if (!s) {
        s = gk_alloc(sizeof *s);
        pthread_setspecific(scratch_key, s);
    }
    if (s->bytes[use] < bytes) {
        gk_free(s->data[use]);
        s->data[use] = gk_alloc(bytes);
        s->bytes[use] = bytes;
    }
    return s->data[use];
}
