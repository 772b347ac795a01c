/* info.c: what the matrix products run on, and how fast: for `graftkit info` and the benchmarks. */
#include "graftkit/core/memory.h"
#include "graftkit/core/progress.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/operators.h"
#include "model/gemm/gemm.h"
#include "model/gemm/onednn.h"

#include <blis.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

static void cpu_name(char *out, size_t size) {
    snprintf(out, size, "unknown CPU");
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f) return;
    char line[512];
    while (fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(out, size, "%s", colon + 2);
        break;
    }
    fclose(f);
}

static void cpu_features(char *out, size_t size) {
    out[0] = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    struct {
        const char *name;
        bool has;
    } all[] = {{"avx2", __builtin_cpu_supports("avx2")},
               {"fma", __builtin_cpu_supports("fma")},
               {"avx512f", __builtin_cpu_supports("avx512f")},
               {"avx512vnni", __builtin_cpu_supports("avx512vnni")},
               {"avx512bf16", __builtin_cpu_supports("avx512bf16")},
               {"amx_bf16", gk_gemm__has_amx()}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].has)
            snprintf(out + strlen(out), size - strlen(out), "%s%s", out[0] ? " " : "", all[i].name);
#endif
    if (!out[0]) snprintf(out, size, "none known");
}

void gk_gemm_describe(gk_gemm_info *out) {
    bool chosen_by_user = getenv("BLIS_ARCH_TYPE") != NULL;
    gk_gemm_init();
    arch_t used = bli_arch_query_id();
    cpu_name(out->cpu, sizeof out->cpu);
    cpu_features(out->features, sizeof out->features);
    const char *why = chosen_by_user             ? " (BLIS_ARCH_TYPE)"
                      : getenv("BLIS_ARCH_TYPE") ? " (by CPU features)"
                                                 : "";
    snprintf(out->blis, sizeof out->blis, "%.16s, %.16s kernels%s", bli_info_get_version_str(),
             bli_arch_string(used), why);
    gk_onednn__version(out->onednn, sizeof out->onednn);
    snprintf(out->used, sizeof out->used,
             "forward products of up to %d rows: graftkit's own kernel; all others: %s", GK_GEMM__FEW_ROWS,
             gk_onednn__built_in() ? "oneDNN" : "BLIS");
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

#define MOST_CALLS 4096

typedef struct narrow_product {
    uint16_t *a, *b; /* NULL: the fp32 product */
} narrow_product;

static narrow_product narrow_operands(const gk_gemm__product *p) {
    size_t na = (size_t)p->m * (size_t)p->k, nb = (size_t)p->n * (size_t)p->k;
    narrow_product h = {gk_alloc(na * sizeof *h.a), gk_alloc(nb * sizeof *h.b)};
    gk_bf16_round(p->a, h.a, na);
    gk_bf16_round(p->b, h.b, nb);
    return h;
}

static void multiply(const gk_gemm__product *p, gk_gemm__library which, const narrow_product *h) {
    if (h->a)
        gk_gemm__bf16(p->kind, p->m, p->n, p->k, (gk_gemm__bf16_operand){.h = h->a}, p->k,
                      (gk_gemm__bf16_operand){.h = h->b}, p->k, false, p->c, p->ldc);
    else
        gk_gemm__split(p, which);
}

double gk_gemm_measure(const char *library, int m, int n, int k, int threads, double seconds) {
    gk_gemm__library which = strcmp(library, "blis") == 0     ? GK_GEMM__BY_BLIS
                             : strcmp(library, "onednn") == 0 ? GK_GEMM__BY_DNNL
                                                              : GK_GEMM__BY_CHOICE;
    bool bf16 = strcmp(library, "bf16") == 0;
    if (bf16 && !gk_bf16_faster()) return 0;
    if (which == GK_GEMM__BY_DNNL && !gk_onednn__built_in()) return 0;
    size_t sm = (size_t)m, sn = (size_t)n, sk = (size_t)k;
    float *a = gk_alloc(sm * sk * 4), *b = gk_alloc(sn * sk * 4), *c = gk_alloc(sm * sn * 4);
    for (size_t i = 0; i < sm * sk; i++) a[i] = (float)(i % 13) - 6;
    for (size_t i = 0; i < sn * sk; i++) b[i] = (float)(i % 7) - 3;
    gk_gemm__product p = {GK_GEMM_NT, m, n, k, k, k, n, a, b, c, 0};
    narrow_product h = {NULL, NULL};
    if (bf16) h = narrow_operands(&p);
    int before = gk_threads();
    gk_threads_set(threads);
    multiply(&p, which, &h); /* not counted: first touch, kernel generation */
    double *took = gk_alloc(MOST_CALLS * sizeof *took), start = gk_now();
    size_t calls = 0;
    while (calls < MOST_CALLS && (calls < 3 || gk_now() - start < seconds)) {
        double t = gk_now();
        multiply(&p, which, &h);
        took[calls++] = gk_now() - t;
    }
    gk_threads_set(before);
    qsort(took, calls, sizeof *took, by_value);
    double median = took[calls / 2];
    gk_free(took);
    void *all[] = {a, b, c, h.a, h.b};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) gk_free(all[i]);
    return median > 0 ? 2.0 * m * n * k / median / 1e9 : 0;
}
