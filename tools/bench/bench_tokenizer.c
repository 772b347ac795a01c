/* bench_tokenizer.c: how fast texts become ids, one thread. The texts are this repository's sources and
 * documents, one call a file. Every tokenizer under ../shared/tokenizers is measured, or the one that the
 * first argument names. With a second argument the texts are also written there, for
 * tools/bench/bench_tokenizer_hf.py to encode the same. */
#include "core/json.h"
#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/progress.h"
#include "graftkit/tokenizer.h"

#include <dirent.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#define TOKENIZERS GK_SOURCE_DIR "/../shared/tokenizers"
enum { ROUNDS = 5 };

typedef struct texts {
    gk_arena *a;
    char *item[1000];
    size_t len[1000], n, bytes;
} texts;

static bool read_texts(texts *t, gk_error *err) {
    static const char *const PATTERNS[] = {"/*/*.[ch]",  "/*/*/*.[ch]",          "/*.md",
                                           "/docs/*.md", "/templates/*/*.jsonl", "/data/lists/*"};
    for (size_t i = 0; i < sizeof PATTERNS / sizeof *PATTERNS; i++) {
        glob_t found;
        if (glob(gk_arena_printf(t->a, "%s%s", GK_SOURCE_DIR, PATTERNS[i]), 0, NULL, &found) != 0) continue;
        for (size_t k = 0; k < found.gl_pathc && t->n < 1000; k++, t->n++) {
            t->item[t->n] = gk_read_file(t->a, found.gl_pathv[k], (size_t)1 << 24, &t->len[t->n], err);
            if (!t->item[t->n]) return false;
            t->bytes += t->len[t->n];
        }
        globfree(&found);
    }
    return true;
}

static bool write_texts(const texts *t, const char *path, gk_error *err) {
    gk_out out;
    if (!gk_out_open(path, &out, err)) return false;
    for (size_t i = 0; i < t->n; i++) {
        json_t *row = json_pack("{s:s}", "text", t->item[i]);
        gk_jsonl_write(out.f, row);
        json_decref(row);
    }
    return gk_out_commit(&out, err);
}

static bool round_of(const gk_tok *tok, const texts *t, size_t *ids, gk_error *err) {
    gk_arena *a = gk_arena_new();
    gk_tokens k;
    bool ok = true;
    *ids = 0;
    for (size_t i = 0; i < t->n && ok; i++) {
        gk_arena_reset(a);
        ok = gk_tok_encode(tok, t->item[i], t->len[i], GK_BOS_NO, a, &k, err);
        *ids += k.n;
    }
    gk_arena_free(a);
    return ok;
}

static bool measure(const char *name, const char *path, const texts *t, gk_error *err) {
    double start = gk_now(), best = 1e9;
    gk_tok *tok = gk_tok_load(path, err);
    double load = gk_now() - start;
    size_t ids = 0;
    bool ok = tok != NULL;
    for (int i = 0; i < ROUNDS && ok; i++) {
        start = gk_now();
        ok = round_of(tok, t, &ids, err);
        if (gk_now() - start < best) best = gk_now() - start;
    }
    gk_tok_free(tok);
    if (!ok) return false;
    printf("%-10s %8.2f MB/s, %zu ids, loaded in %.3f s\n", name, 1e-6 * (double)t->bytes / best, ids, load);
    printf("RESULT tokenizer=%s mb_per_s=%.2f ids=%zu load_s=%.3f threads=1\n", name,
           1e-6 * (double)t->bytes / best, ids, load);
    return true;
}

static bool measure_all(const texts *t, gk_error *err) {
    struct dirent **entry = NULL;
    int n = scandir(TOKENIZERS, &entry, NULL, alphasort);
    if (n < 0) printf("skip: %s is not there\nRESULT tokenizers=0\n", TOKENIZERS);
    bool ok = true;
    for (int i = 0; i < n; i++) {
        const char *name = entry[i]->d_name;
        ok = ok && (name[0] == '.' || measure(name, gk_path_join(t->a, TOKENIZERS, name), t, err));
        free(entry[i]);
    }
    free(entry);
    return ok;
}

int main(int argc, char **argv) {
    gk_error err = {0};
    texts t = {.a = gk_arena_new()};
    bool ok = read_texts(&t, &err) && (argc < 3 || write_texts(&t, argv[2], &err));
    if (ok) ok = argc > 1 ? measure(argv[1], argv[1], &t, &err) : measure_all(&t, &err);
    gk_arena_free(t.a);
    char text[1600];
    if (!ok) fprintf(stderr, "bench_tokenizer: %s\n", gk_error_text(&err, text, sizeof text));
    return ok ? 0 : 1;
}
