/* modules: core
 *
 * test_bench.c: what the benchmarks' scripts make of the figures that were measured: medians and ratios, rows
 * of bench/results/, pictures of them; and that those rows are what they say. */
#include "tests/support/program.h"

#include <glob.h>
#include <sys/stat.h>

/* Runs a shell command in the source tree with $D as the scratch folder; both streams in `out`. */
static int shell(scratch *s, const char *command, char *out, size_t size) {
    return run_clean(s, GK_SOURCE_DIR, gk_arena_printf(s->a, "D='%s'", s->dir), command, out, size);
}

static void script(scratch *s, const char *name, const char *text) {
    ck_assert_int_eq(chmod(scratch_file(s, name, text), 0755), 0);
}

/* A row for each figure of a RESULT line that has a unit, who was measured and what from the label. */
START_TEST(benchmarks_note_their_figures) {
    scratch s = scratch_new();
    char out[8192];
    script(&s, "graftkit",
           "#!/bin/sh\nprintf 'graftkit 9.8\\nCPU       Some CPU, 3 GHz\\nkernels   avx2\\n'"
           "'threads   7\\nBLIS      0.9.0, x\\noneDNN    3.7\\n'\n");
    script(&s, "bench_train",
           "#!/bin/sh\necho RESULT shape=x tokens_per_s=500 best_tokens_per_s=525.5 peak_gib=1.25 threads=2 "
           "floor_s=0.75 floor_ratio=1.5 gemm_gflops=90\n");
    script(&s, "python",
           "#!/bin/bash\n[[ $* != *bf16* ]] || exit 1\n"
           "echo RESULT tokens_per_s=160 peak_gib=2.50 threads=2 isa=AVX2 torch=2.1 transformers=5\n");
    int code =
        shell(&s,
              "mkdir -p $D/older/build/release; sed s/9.8/9.7/ $D/graftkit >$D/older/build/release/graftkit; "
              "sed s/=500/=400/ $D/bench_train >$D/older/build/release/bench_train; chmod +x "
              "$D/older/build/release/*; "
              "BIN=$D OLDER=$D/older PYTHON=$D/python COMPILE=1 ROUNDS=1 CSV=$D/speed.csv "
              "tools/bench/bench_train.sh",
              out, sizeof out);
    ck_assert_msg(code == 0, "%d: %s", code, out);
    code = shell(&s, "cut -d, -f3- $D/speed.csv; cut -d, -f1 $D/speed.csv | sort -u | tr '\\n' ' '", out,
                 sizeof out);
    static const char *const rows[] = {
        "cpu,kernels,threads,peer,version,what,figure,unit\n",
        "Some CPU,avx2; oneDNN 3.7; BLIS 0.9.0,2,graftkit,9.8,training gpt2-124m fp32,500,tokens/s\n",
        ",2,graftkit,9.8,training gpt2-124m fp32 best,525.5,tokens/s\n",
        ",2,graftkit,9.8,training gpt2-124m bf16 peak,1.25,GiB\n",
        ",2,graftkit,9.8,training gpt2-124m bf16 floor,0.75,s\n",
        ",2,graftkit,9.8,training gpt2-124m bf16 floor ratio,1.5,times\n",
        ",2,graftkit,9.8,training gpt2-124m bf16 gemm,90,GFLOP/s\n",
        ",9.7,training gpt2-124m fp32,400,tokens/s\n",
        "Some CPU,avx2,2,torch,torch 2.1; transformers 5,training gpt2-124m fp32,160,tokens/s\n",
        "Some CPU,avx2,2,torch.compile,torch 2.1; transformers 5,training gpt2-124m fp32 peak,2.50,GiB\n"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(strstr(out, rows[i]), "'%s' is missing in:\n%s", rows[i], out);
    ck_assert_msg(!strstr(out, ",threads,2") && !strstr(out, "shape"), "%s", out);
    const char *days = strrchr(out, '\n');
    int year, month, day;
    ck_assert_msg(sscanf(days, " %d-%d-%d date", &year, &month, &day) == 3, "%s", out);
    scratch_free(&s);
}
END_TEST

/* tools/bench/draw.sh: the newest figures of who was measured on the same processor. */
START_TEST(noted_figures_are_drawn) {
    scratch s = scratch_new();
    char out[16384];
    scratch_file(&s, "a.csv",
                 "date,commit,cpu,kernels,threads,peer,version,what,figure,unit\n"
                 "2026-01-01,aaaaaaa,A & B,avx2,2,graftkit,1,training x,50,tokens/s\n"
                 "2026-01-02,bbbbbbb,A & B,avx2,2,graftkit,1,training x,90,tokens/s\n"
                 "2026-01-02,bbbbbbb,A & B,avx2,2,graftkit,1,training x,110,tokens/s\n"
                 "2026-01-01,aaaaaaa,A & B,,2,torch,2,training x,40,tokens/s\n"
                 "2026-01-01,aaaaaaa,A & B,avx2,2,graftkit,1,sweep x,2,s\n"
                 "2026-01-01,aaaaaaa,A & B,,2,torch loop,2,sweep x,1,s\n"
                 "2026-01-01,aaaaaaa,A & B,avx2,2,graftkit,1,sweep gpt2 40 prompts 1 schemes,1,s\n"
                 "2026-01-01,aaaaaaa,A & B,avx2,2,graftkit,1,sweep gpt2 40 prompts 8 schemes,3,s\n");
    int code = shell(&s, "tools/bench/draw.sh $D $D && cat $D/speed.svg $D/sweep-curve.svg", out, sizeof out);
    ck_assert_msg(code == 0, "%d: %s", code, out);
    ck_assert_msg(strstr(out, ">2.50 × torch (100, 40 tokens/s)<") &&
                      strstr(out, ">0.50 × torch loop (2, 1 s)<"),
                  "%s", out);
    ck_assert_msg(strstr(out, "A &amp; B, 2 threads") && strstr(out, "<title>8 schemes: 3.0 s</title>"), "%s",
                  out);
    scratch_file(&s, "b.csv", "date\n2026-01-01,too,few\n");
    code = shell(&s, "tools/bench/draw.sh $D $D", out, sizeof out);
    ck_assert_msg(code != 0 && strstr(out, "b.csv:2: has 3 fields, not 10"), "%d: %s", code, out);
    scratch_free(&s);
}
END_TEST

/* tools/bench/bench_train.sh with stand-ins for both sides: medians and ratios come from the RESULT lines of
 * its own runs, and a peer that fails is left out. */
START_TEST(bench_train_tells_medians_and_ratios) {
    scratch s = scratch_new();
    char out[8192];
    script(&s, "bench_train",
           "#!/bin/bash\n[[ $* = *bf16* ]] && echo RESULT mode=bf16 tokens_per_s=700 best_tokens_per_s=800 "
           "peak_gib=1.25 "
           "&& exit\necho >>$D/n; echo RESULT mode=fp32 tokens_per_s=$((100 * ($(wc -l <$D/n) * 2 % 5))) "
           "best_tokens_per_s=450 peak_gib=1.50\n");
    script(&s, "python",
           "#!/bin/bash\ncase \"$*\" in *bf16*) echo no memory >&2; exit 1;; esac\n"
           "echo RESULT mode=fp32 tokens_per_s=160.0 best_tokens_per_s=180 peak_gib=2.50 torch=2\n");
    int code =
        shell(&s, "BIN=$D PYTHON=$D/python ROUNDS=3 THREADS=2 tools/bench/bench_train.sh", out, sizeof out);
    ck_assert_msg(code == 0, "%d: %s", code, out);
    ck_assert_msg(strstr(out, "\n| gpt2-124m graftkit fp32 | 100 / 200 / 400 | 200 | 450 | - | - | 1.50 |\n"),
                  "%s", out);
    ck_assert_msg(strstr(out, "\n| gpt2-124m graftkit bf16 | 700 / 700 / 700 | 700 | 800 | - | - | 1.25 |\n"),
                  "%s", out);
    ck_assert_msg(
        strstr(out,
               "\n| gpt2-124m torch fp32 | 160.0 / 160.0 / 160.0 | 160.0 | 180 | 1.25 | 2.50 | 2.50 |\n"),
        "%s", out);
    ck_assert_msg(strstr(out, "failed: no memory\n") && !strstr(out, "| gpt2-124m torch bf16"), "%s", out);

    ck_assert_msg(!gk_exists(scratch_path(&s, "speed.csv")), "no CSV= was given");

    ck_assert_int_eq(shell(&s, "SHAPES='small odd' tools/bench/bench_train.sh", out, sizeof out), 1);
    ck_assert_ptr_nonnull(strstr(out, "SHAPES: 'odd' is none of small texts gpt2-124m"));
    ck_assert_int_eq(shell(&s, "SHAPES=texts tools/bench/bench_train.sh", out, sizeof out), 1);
    ck_assert_ptr_nonnull(strstr(out, "TOKENIZER=DIR"));
    ck_assert_int_eq(shell(&s, "BIN=$D/none PYTHON= tools/bench/bench_train.sh", out, sizeof out), 1);
    ck_assert_ptr_nonnull(strstr(out, "bench-train: gpt2-124m graftkit fp32: "));
    scratch_free(&s);
}
END_TEST

/* The columns of a row, which are cut apart; how many. */
static int columns(char *line, char *column[10]) {
    int n = 0;
    for (char *at = line; at; n++) {
        if (n < 10) column[n] = at;
        at = strchr(at, ',');
        if (at) *at++ = '\0';
    }
    return n;
}

static bool known(const char *word, const char *const *among) {
    while (*among && strcmp(word, *among) != 0) among++;
    return *among != NULL;
}

static size_t check_rows(scratch *s, const char *path) {
    static const char *const units[] = {"tokens/s", "texts/s", "MB/s", "GFLOP/s", "GiB",
                                        "s",        "times",   "%",    NULL};
    static const char header[] = "date,commit,cpu,kernels,threads,peer,version,what,figure,unit\n";
    gk_error err;
    char *text = gk_read_file(s->a, path, (size_t)1 << 22, NULL, &err), *state = NULL, *c[10];
    ck_assert_msg(text != NULL && strncmp(text, header, sizeof header - 1) == 0, "%s: another header", path);
    size_t rows = 0;
    int line_no = 2, year, month, day;
    for (char *line = strtok_r(text + sizeof header - 1, "\n", &state); line;
         line = strtok_r(NULL, "\n", &state), line_no++, rows++) {
        ck_assert_msg(columns(line, c) == 10, "%s:%d: not ten columns", path, line_no);
        for (int i = 0; i < 10; i++) /* others have no kernels of ours */
            ck_assert_msg(*c[i] || (i == 3 && strcmp(c[5], "graftkit") != 0), "%s:%d: column %d is empty",
                          path, line_no, i + 1);
        ck_assert_msg(sscanf(c[0], "20%2d-%2d-%2d", &year, &month, &day) == 3 && strlen(c[0]) == 10,
                      "%s:%d: day '%s'", path, line_no, c[0]);
        char *end;
        double figure = strtod(c[8], &end);
        ck_assert_msg(!*end && figure > 0 && atoi(c[4]) > 0, "%s:%d: '%s'", path, line_no, c[8]);
        ck_assert_msg(known(c[9], units), "%s:%d: unit '%s'", path, line_no, c[9]);
    }
    return rows;
}

START_TEST(rows_say_what_they_are) {
    scratch s = scratch_new();
    glob_t found;
    size_t rows = 0;
    ck_assert_int_eq(glob(GK_SOURCE_DIR "/bench/results/*.csv", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) rows += check_rows(&s, found.gl_pathv[i]);
    ck_assert_uint_gt(rows, 200);
    globfree(&found);
    scratch_free(&s);
}
END_TEST

/* What the committed pictures say, not where: places may differ by a processor's logarithm. */
START_TEST(pictures_are_of_these_rows) {
    scratch s = scratch_new();
    char out[4096];
    int code =
        shell(&s,
              "tools/bench/draw.sh bench/results $D && for f in speed sweep-curve; do "
              "diff <(grep -o '>[^<]*<' docs/results/$f.svg) <(grep -o '>[^<]*<' $D/$f.svg) || exit 9; done",
              out, sizeof out);
    ck_assert_msg(code == 0, "make bench-draw draws others: %d:\n%s", code, out);
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bench");
    TCase *t = tcase_create("bench");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, bench_train_tells_medians_and_ratios);
    tcase_add_test(t, benchmarks_note_their_figures);
    tcase_add_test(t, noted_figures_are_drawn);
    tcase_add_test(t, rows_say_what_they_are);
    tcase_add_test(t, pictures_are_of_these_rows);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
