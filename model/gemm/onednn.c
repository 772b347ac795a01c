/* onednn.c: oneDNN's fp32 product, and its bf16 primitives, made once a shape. The same for oneDNN 2 (Debian
 * 12) and 3 (Debian 13), whose descriptors are no plain structures any more. */
#include "graftkit/core/isa.h"
#include "graftkit/core/memory.h"
#include "model/gemm/onednn.h"
#include "model/gemm/scratch.h"

#include <string.h>

#ifndef GK_HAVE_DNNL
void gk_onednn__version(char *out, size_t size) {
    snprintf(out, size, "not built in (Debian: libdnnl-dev)");
}

bool gk_onednn__built_in(void) {
    return false;
}

bool gk_onednn__sgemm(const gk_gemm__product *p) {
    (void)p;
    return false;
}

bool gk_onednn__bf16(const gk_gemm__bf16_product *p) {
    (void)p;
    return false;
}

bool gk_onednn__has_bf16(void) {
    return false;
}
#else
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdlib.h>

void gk_onednn__version(char *out, size_t size) {
    const dnnl_version_t *v = dnnl_version();
    snprintf(out, size, "%d.%d.%d", v->major, v->minor, v->patch);
}

bool gk_onednn__built_in(void) {
    return true;
}

/* In a serial region oneDNN would start its own team. Returns what to give back. */
static int one_thread(void) {
    int before = omp_in_parallel() ? 0 : omp_get_max_threads();
    if (before) omp_set_num_threads(1);
    return before;
}

static void threads_again(int before) {
    if (before) omp_set_num_threads(before);
}

/* GRAFTKIT_ISA holds for oneDNN too, unless its own variable says otherwise. It must be told before its first
 * use. */
static void keep_to_isa(void) {
    if (!gk_isa_forced() || getenv("DNNL_MAX_CPU_ISA") || getenv("ONEDNN_MAX_CPU_ISA")) return;
    if (gk_isa_used() == GK_BASELINE) dnnl_set_max_cpu_isa(dnnl_cpu_isa_sse41);
    if (gk_isa_used() == GK_AVX2) dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
}

static pthread_once_t isa_once = PTHREAD_ONCE_INIT;

bool gk_onednn__sgemm(const gk_gemm__product *p) {
    pthread_once(&isa_once, keep_to_isa);
    char ta = p->kind == GK_GEMM_TN ? 'T' : 'N', tb = p->kind == GK_GEMM_NT ? 'T' : 'N';
    int before = one_thread();
    dnnl_status_t st =
        dnnl_sgemm(ta, tb, p->m, p->n, p->k, 1.0f, p->a, p->lda, p->b, p->ldb, p->beta, p->c, p->ldc);
    threads_again(before);
    return st == dnnl_success;
}

/* ---------------------------------------------------------------- what differs between oneDNN 2 and 3 */

#if DNNL_VERSION_MAJOR >= 3
#define GIVEN(d) (d)
static bool describe(dnnl_memory_desc_t *d, int n_dims, const dnnl_dims_t dims, dnnl_data_type_t type,
                     const dnnl_dims_t strides) {
    return dnnl_memory_desc_create_with_strides(d, n_dims, dims, type, strides) == dnnl_success;
}
static void forget(dnnl_memory_desc_t d) {
    if (d) dnnl_memory_desc_destroy(d);
}
static bool add_to_c(dnnl_post_ops_t ops) {
    return dnnl_post_ops_append_sum(ops, 1.0f, 0, dnnl_data_type_undef) == dnnl_success;
}
static bool plan_product(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_memory_desc_t a,
                         dnnl_memory_desc_t b, dnnl_memory_desc_t c, dnnl_primitive_attr_t attr) {
    return dnnl_matmul_primitive_desc_create(pd, engine, a, b, NULL, c, attr) == dnnl_success;
}
#else
#define GIVEN(d) (&(d))
static bool describe(dnnl_memory_desc_t *d, int n_dims, const dnnl_dims_t dims, dnnl_data_type_t type,
                     const dnnl_dims_t strides) {
    return dnnl_memory_desc_init_by_strides(d, n_dims, dims, type, strides) == dnnl_success;
}
static void forget(dnnl_memory_desc_t d) {
    (void)d;
}
static bool add_to_c(dnnl_post_ops_t ops) {
    return dnnl_post_ops_append_sum(ops, 1.0f) == dnnl_success;
}
static bool plan_product(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_memory_desc_t a,
                         dnnl_memory_desc_t b, dnnl_memory_desc_t c, dnnl_primitive_attr_t attr) {
    dnnl_matmul_desc_t d;
    return dnnl_matmul_desc_init(&d, &a, &b, NULL, &c) == dnnl_success &&
           dnnl_primitive_desc_create(pd, &d, attr, engine, NULL) == dnnl_success;
}
#endif

/* ---------------------------------------------------------------- oneDNN's primitives, made once a shape */

enum { CACHE_SLOTS = 1024 }; /* ragged batches bring new shapes; making one takes about 0.3 ms */

typedef struct product_shape {
    int kind, m, n, k, lda, ldb, ldc, add;
} product_shape;

typedef struct primitive {
    product_shape key;
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t a, b, c;
    size_t scratch;
    int users; /* a primitive in use is not thrown out */
} primitive;

static struct {
    pthread_mutex_t lock;
    dnnl_engine_t engine;
    primitive *slot[CACHE_SLOTS];
    bool able;
} made = {.lock = PTHREAD_MUTEX_INITIALIZER};
static pthread_once_t made_once = PTHREAD_ONCE_INIT;

static void start_made(void) {
    pthread_once(&isa_once, keep_to_isa);
    int isa = (int)dnnl_get_effective_cpu_isa();
    bool has = (isa & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
    made.able = has && dnnl_engine_create(&made.engine, dnnl_cpu, 0) == dnnl_success;
}

static size_t hash(const product_shape *s) {
    const int v[] = {s->kind, s->m, s->n, s->k, s->lda, s->ldb, s->ldc, s->add};
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) h = (h ^ (uint32_t)v[i]) * 0x100000001b3u;
    return (size_t)(h >> 40) % CACHE_SLOTS;
}

static bool matrix(dnnl_memory_desc_t *d, int rows, int cols, dnnl_data_type_t type, int down, int right) {
    const dnnl_dims_t dims = {rows, cols}, strides = {down, right};
    return describe(d, 2, dims, type, strides);
}

static bool create(const product_shape *s, primitive *x) {
    bool ta = s->kind == GK_GEMM_TN, tb = s->kind == GK_GEMM_NT;
    dnnl_post_ops_t ops = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    bool ok = matrix(&x->a, s->m, s->k, dnnl_bf16, ta ? 1 : s->lda, ta ? s->lda : 1) &&
              matrix(&x->b, s->k, s->n, dnnl_bf16, tb ? 1 : s->ldb, tb ? s->ldb : 1) &&
              matrix(&x->c, s->m, s->n, dnnl_f32, s->ldc, 1) &&
              dnnl_primitive_attr_create(&attr) == dnnl_success &&
              dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) == dnnl_success;
    if (ok && s->add)
        ok = dnnl_post_ops_create(&ops) == dnnl_success && add_to_c(ops) &&
             dnnl_primitive_attr_set_post_ops(attr, ops) == dnnl_success;
    ok = ok && plan_product(&pd, made.engine, x->a, x->b, x->c, attr) &&
         dnnl_primitive_create(&x->primitive, pd) == dnnl_success;
    if (ok)
        x->scratch = dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0));
    if (pd) dnnl_primitive_desc_destroy(pd);
    if (ops) dnnl_post_ops_destroy(ops);
    if (attr) dnnl_primitive_attr_destroy(attr);
    return ok;
}

static void destroy(primitive *x) {
    if (!x) return;
    if (x->primitive) dnnl_primitive_destroy(x->primitive);
    forget(x->a);
    forget(x->b);
    forget(x->c);
    gk_free(x);
}

/* Where all is taken by others' use, the new one belongs to its caller alone: `owned`. */
static primitive *get(const product_shape *s, bool *owned) {
    pthread_mutex_lock(&made.lock);
    primitive **slot = &made.slot[hash(s)], *x = *slot;
    *owned = false;
    if (!x || memcmp(&x->key, s, sizeof *s) != 0) {
        primitive *fresh = gk_alloc(sizeof *fresh);
        fresh->key = *s;
        if (!create(s, fresh)) {
            destroy(fresh);
            pthread_mutex_unlock(&made.lock);
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
    pthread_mutex_unlock(&made.lock);
    return x;
}

static void put(primitive *x, bool owned) {
    if (owned) {
        destroy(x);
        return;
    }
    pthread_mutex_lock(&made.lock);
    x->users--;
    pthread_mutex_unlock(&made.lock);
}

static bool execute(const primitive *x, const gk_gemm__bf16_product *p) {
    union { /* oneDNN's handles are not const; it reads a and b only */
        const uint16_t *in;
        void *out;
    } a = {p->a.h}, b = {p->b.h};
    float *scratch = gk_gemm__scratch(GK_GEMM__SCRATCH_DNNL, x->scratch);
    dnnl_memory_desc_t pad = {0};
    const dnnl_dims_t bytes = {(dnnl_dim_t)x->scratch}, one = {1};
    dnnl_stream_t stream = NULL;
    dnnl_memory_t ma = NULL, mb = NULL, mc = NULL, ms = NULL;
    bool ok = describe(&pad, 1, bytes, dnnl_u8, one) &&
              dnnl_memory_create(&ma, GIVEN(x->a), made.engine, a.out) == dnnl_success &&
              dnnl_memory_create(&mb, GIVEN(x->b), made.engine, b.out) == dnnl_success &&
              dnnl_memory_create(&mc, GIVEN(x->c), made.engine, p->c) == dnnl_success &&
              dnnl_memory_create(&ms, GIVEN(pad), made.engine, scratch) == dnnl_success &&
              dnnl_stream_create(&stream, made.engine, dnnl_stream_default_flags) == dnnl_success;
    dnnl_exec_arg_t args[] = {
        {DNNL_ARG_SRC, ma}, {DNNL_ARG_WEIGHTS, mb}, {DNNL_ARG_DST, mc}, {DNNL_ARG_SCRATCHPAD, ms}};
    ok = ok && dnnl_primitive_execute(x->primitive, stream, 4, args) == dnnl_success &&
         dnnl_stream_wait(stream) == dnnl_success;
    if (stream) dnnl_stream_destroy(stream);
    dnnl_memory_t all[] = {ma, mb, mc, ms};
    for (int i = 0; i < 4; i++)
        if (all[i]) dnnl_memory_destroy(all[i]);
    forget(pad);
    return ok;
}

bool gk_onednn__bf16(const gk_gemm__bf16_product *p) {
    if (!gk_onednn__has_bf16()) return false;
    product_shape s = {(int)p->kind, p->m, p->n, p->k, p->lda, p->ldb, p->ldc, p->add};
    bool owned;
    int before = one_thread();
    primitive *x = get(&s, &owned);
    bool ok = x && execute(x, p);
    if (x) put(x, owned);
    threads_again(before);
    return ok;
}

bool gk_onednn__has_bf16(void) {
    pthread_once(&made_once, start_made);
    return made.able;
}
#endif
