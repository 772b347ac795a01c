/* experiments_fixture.h: make's experiments on a tiny model, killed and gone on with, and what their pages
 * hold. $GRAFTKIT names the binary (make test sets it). */
#ifndef GK_TESTS_EXPERIMENTS_FIXTURE_H
#define GK_TESTS_EXPERIMENTS_FIXTURE_H

#include "graftkit/eval/store.h"
#include "tests/support/program.h"

/* Runs a shell command in the source tree; $D: the scratch folder, $MAKE: make with the binary under test. */
static inline int shell(scratch *s, const char *command, char *out, size_t size) {
    char *given =
        gk_arena_printf(s->a, "D='%s' G='%s' M='make G=%s THREADS=1'", s->dir, program(), program());
    return run_clean(s, GK_SOURCE_DIR, given, command, out, size);
}

static char said[1 << 16];
static inline const char *end_of_said(void) {
    size_t n = strlen(said);
    return n > 2000 ? said + n - 2000 : said;
}
static inline void succeeds(scratch *s, const char *command) {
    int code = shell(s, command, said, sizeof said);
    ck_assert_msg(code == 0, "%s\nreturned %d:\n%s", command, code, end_of_said());
}

static inline void fails(scratch *s, const char *command, const char *a, const char *b) {
    int code = shell(s, command, said, sizeof said);
    ck_assert_msg(code == 2 && strstr(said, a) && strstr(said, b),
                  "%s\nreturned %d and should say '%s' and '%s':\n%s", command, code, a, b, end_of_said());
}

/* A model that can say the names, in $D/model; a quick recipe. */
static inline void tiny_model(scratch *s) {
    scratch_file(s, "quick.yaml", "lr: 3e-3\nepochs: 1\nbatch: 16\nschedule: linear\nfreeze: [lnf, head]\n");
    succeeds(s,
             "$G dataset --out $D/words --base-rows 12 --base-texts 200 --relation-rows 4 --task-rows 4 && "
             "$G tokenizer --texts $D/words/tokenizer.jsonl --vocab 500 --out $D/tok && "
             "$G base --family llama --layers 4 --d-model 16 --heads 2 --ffn 24 --positions 640 --tokenizer "
             "$D/tok --texts "
             "$D/words/base/texts.jsonl --recipe base --warmup 2 --threads 1 --out $D/model");
}

#define ROWS \
    "MODEL=$D/model BASE_ROWS=12 RELATION_ROWS=6 TASK_ROWS=5 RECIPE=$D/quick.yaml MILD=$D/quick.yaml "

static inline char *text_of(scratch *s, const char *name) {
    gk_error err;
    char *text = gk_read_file(s->a, scratch_path(s, name), (size_t)1 << 28, NULL, &err);
    ck_assert_msg(text != NULL, "%s", err.what);
    return text;
}

static inline void same_text(scratch *s, const char *a, const char *b) {
    ck_assert_msg(strcmp(text_of(s, a), text_of(s, b)) == 0, "%s and %s differ", a, b);
}

/* Every pooled cell of a store stands in the page's table, and in the CSV. */
static inline void page_has_cells(scratch *s, const char *page, const char *csv, const char *db) {
    gk_error err;
    gk_cells cells;
    gk_store *store = gk_store_open(scratch_path(s, db), &err);
    ck_assert(store && gk_store_cells(store, s->a, &cells, &err));
    size_t n = 0;
    for (size_t i = 0; i < cells.n; i++) {
        const gk_cell *c = &cells.item[i];
        const double *v = c->stats.value, *low = c->stats.low, *high = c->stats.high;
        if (strcmp(c->template_name, "pooled") != 0 || strpbrk(c->scheme, "&<>\"',")) continue;
        const char *row = gk_arena_printf(
            s->a, "<td class=\"name\">%s</td><td>%.1f<small>[%.1f, %.1f]</small></td>", c->scheme,
            100 * v[GK_METRIC_top5], 100 * low[GK_METRIC_top5], 100 * high[GK_METRIC_top5]);
        ck_assert_msg(strstr(page, row) != NULL, "the page lacks %s", row);
        row = gk_arena_printf(s->a, ",%s,%s,pooled,%zu,%zu,%zu,%zu,%.17g,", c->set, c->scheme, c->stats.n,
                              c->stats.rows, c->dropped, c->stats.n_whole, v[GK_METRIC_top1]);
        ck_assert_msg(strstr(csv, row) != NULL, "the table lacks %s", row);
        n++;
    }
    ck_assert_uint_ge(n, 5);
    gk_store_close(store);
}

/* Starts `command` in a process group of its own and kills the group as soon as `file` is there; fails where
 * the command has ended before that. */
#define KILLED_AT(file, command)                                     \
    "set -m; (" command ") >/dev/null 2>&1 & p=$!; until [ -e " file \
    " ] || ! kill -0 -- -$p 2>/dev/null; do sleep .02; done; "       \
    "kill -9 -- -$p 2>/dev/null; [ -e " file " ]"

#endif
