/* permute.c: another fact's target for every prompt: what guessing the right kind of word would give. */
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"
#include "graftkit/eval/prompts.h"

#include <stdlib.h>
#include <string.h>

typedef struct fact { /* a prompt of the template, and what it is ordered by */
    size_t prompt;
    int32_t token;
    char of_token[GK_SHA256_HEX], of_row[GK_SHA256_HEX];
} fact;

static void hash(uint64_t seed, const char *what, const char *text, char hex[GK_SHA256_HEX]) {
    gk_buf b = {0};
    gk_buf_printf(&b, "%llu|%s|%s", (unsigned long long)seed, what, text);
    gk_sha256_bytes(b.data, b.len, hex);
    gk_buf_free(&b);
}

static int by_hash(const void *a, const void *b) {
    const fact *x = a, *y = b;
    int order = strcmp(x->of_token, y->of_token);
    return order ? order : strcmp(x->of_row, y->of_row);
}

static size_t collect(const gk_prompts *p, size_t tmpl, uint64_t seed, fact *out) {
    size_t n = 0;
    for (size_t i = tmpl; i < p->n; i += p->n_templates) {
        const gk_prompt *it = &p->item[i];
        char token[16];
        if (it->dropped) continue;
        fact *f = &out[n++];
        f->prompt = i;
        f->token = it->target_id;
        snprintf(token, sizeof token, "%d", (int)it->target_id);
        hash(seed, "token", token, f->of_token);
        hash(seed, "row", it->row_key, f->of_row);
    }
    qsort(out, n, sizeof *out, by_hash);
    return n;
}

/* Of facts whose equal tokens stand together: how many have the most common one, which *at begins with. */
static size_t most_common(const fact *f, size_t n, size_t *at) {
    size_t most = 0;
    for (size_t i = 0, begin = 0; i < n; i++) {
        if (f[i].token != f[begin].token) begin = i;
        if (i - begin + 1 <= most) continue;
        most = i - begin + 1;
        *at = begin;
    }
    return most;
}

void gk_prompts_permute(gk_arena *a, const gk_prompts *p, uint64_t seed, gk_permuted *out) {
    fact *f = gk_alloc((p->n_rows + 1) * sizeof *f);
    out->other = gk_arena_alloc(a, (p->n + 1) * sizeof *out->other);
    out->why = gk_arena_alloc(a, (p->n_templates + 1) * sizeof *out->why);
    out->seed = seed;
    for (size_t i = 0; i < p->n; i++) out->other[i] = -1;
    for (size_t t = 0; t < p->n_templates; t++) {
        size_t n = collect(p, t, seed, f), at = 0, most = most_common(f, n, &at);
        out->why[t] = NULL;
        if (2 * most > n)
            out->why[t] = gk_arena_printf(
                a, "%zu of the %zu targets begin with the same token: not all facts can have another's", most,
                n);
        else /* so far on there is another token, as no more than `most` facts share one */
            for (size_t i = 0; i < n; i++) out->other[f[i].prompt] = (int64_t)f[(i + most) % n].prompt;
    }
    gk_free(f);
}
