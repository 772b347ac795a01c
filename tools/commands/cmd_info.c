/* cmd_info.c: `graftkit info`: what this machine is and what the matrix products make of it. */
#include "graftkit/core/isa.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/operators.h"
#include "graftkit/model/weights.h"
#include "tools/tools.h"

static const struct {
    const char *what;
    int m, n, k;
} shapes[] = {
    {"one row (a last token)", 1, 768, 768},       {"few rows", 8, 3072, 768},
    {"the default model's MLP", 384, 682, 128},    {"the default model's head", 384, 2000, 128},
    {"GPT-2's MLP, 1024 tokens", 1024, 3072, 768}, {"square", 1024, 1024, 1024},
};

int cmd_info(int argc, char **argv) {
    gk_arena *a = gk_arena_new();
    int64_t threads = 0;
    double seconds = 0.3;
    const gk_opt opts[] = {
        {"threads", GK_OPT_INT, &threads, "N", "threads to measure with; 0: all cores", false},
        {"seconds", GK_OPT_NUM, &seconds, "S", "time to spend on each figure", false},
    };
    int code = gk_args(argv[0], "show CPU, kernels, threads and measured GFLOP/s", opts, 2, argc, argv, a);
    gk_arena_free(a);
    if (code >= 0) return code;
    gk_use_threads(threads);
    int n = gk_threads();
    gk_gemm_info info;
    gk_gemm_describe(&info);
    double peak1 = gk_flops_peak(1, seconds), peak = gk_flops_peak(n, seconds);
    printf(
        "graftkit %s\nCPU       %s\nfeatures  %s\nkernels   %s%s\nthreads   %d\nBLIS      %s\noneDNN    %s\n"
        "used      %s\nbf16      %s\n",
        GK_VERSION, info.cpu, info.features, gk_isa_name(gk_isa_used()),
        gk_isa_forced() ? " (GRAFTKIT_ISA)" : "", n, info.blis, info.onednn, info.used,
        gk_bf16_faster() ? "by oneDNN, fp32 sums"
                         : "in fp32 from rounded operands: no instructions that are faster, or no oneDNN");
    printf("fp32 FMA peak (registers): %.0f GFLOP/s a core, %.0f with %d threads\n\n", peak1, peak, n);
    printf("%-28s %17s %8s %8s %8s %9s %8s   (GFLOP/s, %d threads, median)\n", "product x W^T",
           "rows x out x in", "BLIS", "oneDNN", "used", "of peak", "bf16", n);
    double best = 0, best_bf16 = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        int m = shapes[i].m, out = shapes[i].n, k = shapes[i].k;
        double blis = gk_gemm_measure("blis", m, out, k, n, seconds),
               dnnl = gk_gemm_measure("onednn", m, out, k, n, seconds);
        double used = gk_gemm_measure("auto", m, out, k, n, seconds);
        double bf16 = gk_gemm_measure("bf16", m, out, k, n, seconds);
        if (used > best) best = used;
        if (bf16 > best_bf16) best_bf16 = bf16;
        printf("%-28s %5d x %4d x %4d %8.1f %8.1f %8.1f %8.0f%% %8.1f\n", shapes[i].what, m, out, k, blis,
               dnnl, used, 100 * used / peak, bf16);
    }
    printf("RESULT threads=%d peak_gflops=%.1f best_gemm_gflops=%.1f of_peak=%.3f best_bf16_gflops=%.1f\n", n,
           peak, best, best / peak, best_bf16);
    return 0;
}
