/* report_fixture.h: a synthetic results store without models, the page made from it, and what every page must
 * be. */
#ifndef TESTS_REPORT_FIXTURE_H
#define TESTS_REPORT_FIXTURE_H

#include "eval/store/write.h"
#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/random.h"
#include "graftkit/eval/measure.h"
#include "graftkit/eval/prompts.h"
#include "graftkit/eval/store.h"
#include "graftkit/graft/scheme.h"
#include "graftkit/report.h"
#include "graftkit/tokenizer.h"
#include "report/internal.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <sqlite3.h>

enum { ROWS = 12, VOCAB = 400, N_SETS = 3 };

/* ---------------------------------------------------------------- a store without models */

typedef struct bench {
    scratch s;
    gk_tok *tok;
    gk_prompts prompts;
    gk_schemes schemes;
    size_t *twin_of;       /* as in gk_run; NULL: no twins */
    gk_permuted *permuted; /* NULL: none */
    char *db, *out, *rows, *evil;
} bench;

static inline char *home(bench *b, const char *name) {
    return gk_arena_printf(b->s.a, "%s/%s", GK_SOURCE_DIR, name);
}

static inline void make_rows(bench *b) {
    static const char *const first[] = {"Ada", "Bela", "Cyra", "Dora", "Egon", "Fritz"};
    static const char *const last[] = {"Marlow", "Quist", "Tamm", "Voss"};
    gk_buf rows = {0};
    for (int i = 0; i < ROWS; i++)
        gk_buf_printf(&rows,
                      "{\"id\":%d,\"first_actor\":\"%s %s\",\"second_actor\":\"%s %s\",\"movie_title\":\"The "
                      "<b>Film</b> "
                      "%d\"}\n",
                      i, first[i % 6], last[i % 4], first[(i + 1) % 6], last[(i + 2) % 4], i);
    b->rows = scratch_file(&b->s, "rows.jsonl", rows.data);
    gk_buf_free(&rows);
}

static inline void make_tokenizer(bench *b) {
    const char *sentences[64];
    size_t n = 0;
    gk_error err;
    for (int i = 0; i < 60; i++)
        sentences[n++] =
            gk_arena_printf(b->s.a,
                            "Ada Marlow stars in a movie alongside Bela Quist and Cyra Tamm number %d. "
                            "Q: Who? A: Dora Voss, Egon, Fritz! <b>In a new film</b>",
                            i);
    ck_assert(gk_tok_train(sentences, n, VOCAB, b->s.dir, &err));
    b->tok = gk_tok_load(b->s.dir, &err);
    ck_assert_ptr_nonnull(b->tok);
}

static inline void load_schemes(bench *b) {
    static const char *const files[N_SETS] = {"position", "component", "hybrid"};
    gk_error err;
    for (int i = 0; i < N_SETS; i++)
        ck_assert(gk_schemes_load(b->s.a, home(b, gk_arena_printf(b->s.a, "graft/schemes/%s.yaml", files[i])),
                                  &b->schemes, &err));
    b->evil =
        scratch_file(&b->s, "evil.yaml",
                     "set: <script>alert('set')</script>\nschemes:\n"
                     "  - name: \"<img src=x onerror=alert(1)> 'q' `id` $(id) \\\"d\\\"\"\n"
                     "    about: \"<i>about</i> & more\"\n"
                     "    grafts: [{at: first_actor, donor: sft, layers: 1}]\n"
                     "  - {name: \"\\\\ # % @ & ~ ^_{x}\", grafts: [{at: last, donor: sft, layers: 1}]}\n");
    ck_assert(gk_schemes_load(b->s.a, b->evil, &b->schemes, &err));
}

static inline void load_prompts(bench *b) {
    gk_error err;
    gk_prompt_options o = {.templates = home(b, "templates/fake_movies_fake_actors/eval.jsonl"),
                           .fillers = home(b, "templates/fake_movies_fake_actors/fillers.json"),
                           .rows = b->rows,
                           .entity = "first_actor",
                           .maybe_entity = true,
                           .target = "second_actor"};
    ck_assert(gk_prompts_load(b->s.a, &o, b->tok, 512, &b->prompts, &err));
}

static inline void put(json_t *obj, const char *key, const char *value) {
    json_object_set_new(obj, key, json_string(value));
}

/* Ranks drawn around a skill of the scheme's own; a top list that agrees with the rank. */
static inline gk_score draw_score(const bench *b, gk_rng *rng, size_t scheme, const gk_prompt *p) {
    double skill = scheme == 0 ? 60 : scheme < 3 ? 0.4 : (double)(gk_rng_below(rng, 3) * (3 + scheme));
    gk_score g = {.prob = gk_rng_uniform(rng), .logit_diff = gk_rng_normal(rng), .n_top = 5};
    g.rank = (int64_t)(skill * gk_rng_uniform(rng) * 2);
    g.logprob = log(g.prob);
    for (int i = 0; i < g.n_top; i++) {
        g.top_id[i] = (int32_t)gk_rng_below(rng, (uint64_t)gk_tok_size(b->tok));
        g.top_prob[i] = (float)(0.5 / (i + 1));
        if (g.rank == i) g.top_id[i] = p->target_id;
    }
    return g;
}

static inline void add_results(bench *b, gk_store *s, const int64_t *source) {
    gk_rng rng;
    gk_rng_seed(&rng, 7, "report");
    gk_error err;
    json_t *info = json_object();
    gk_stored *all = gk_arena_alloc(b->s.a, b->schemes.n * b->prompts.n * sizeof *all);
    size_t n = 0;
    for (size_t k = 0; k < b->schemes.n; k++) {
        bool again = false;
        for (size_t j = 0; j < k; j++) again |= source[j] == source[k];
        for (size_t i = 0; i < b->prompts.n && !again; i++) {
            const gk_prompt *p = &b->prompts.item[i];
            if (p->dropped || !gk_scheme_applies(b->schemes.item[k], p->fields, p->n_fields)) continue;
            all[n] = (gk_stored){.source = source[k], .prompt = i, .score = draw_score(b, &rng, k, p)};
            all[n].whole = i % 5 != 4;
            all[n].exact = all[n].whole && all[n].score.rank == 0 && i % 2;
            all[n].whole_logprob = 2 * all[n].score.logprob - 1;
            all[n].generated = i % 2 ? " Bo <i>Lund</i>" : "";
            if (!all[n].whole) all[n].whole_dropped = "the logits are not finite";
            if (b->permuted && b->permuted->other[i] >= 0) {
                all[n].permuted = true;
                all[n].other = (gk_score_other){-9 - gk_rng_uniform(&rng), -8 + gk_rng_normal(&rng),
                                                (int64_t)gk_rng_below(&rng, 40)};
            }
            if (k == 5 && i == 3) all[n].dropped = "a <reason>";
            n++;
        }
    }
    ck_assert(gk_store_add(s, all, n, info, &err));
    json_decref(info);
}

static inline void make_store(bench *b) {
    gk_error err;
    gk_run run = {.identity = json_object(), .first = json_object(), .info = json_object(), .n_models = 2};
    put(run.identity, "entity", "first_actor");
    put(run.identity, "target", "second_actor");
    put(run.identity, "recipient", "pre");
    put(run.identity, "limit", "0");
    put(run.identity, "whole_target", "1");
    put(run.identity, "generate", "4");
    put(run.info, "seed", "3");
    put(run.info, "rows", b->rows);
    put(run.info, "templates_file", home(b, "templates/fake_movies_fake_actors/eval.jsonl"));
    put(run.info, "fillers", home(b, "templates/fake_movies_fake_actors/fillers.json"));
    put(run.info, "cpu", "<cpu> & \"kernels\"");
    put(run.info, "rows_naive", "1000");
    put(run.info, "rows_unique", "250");
    put(run.info, "seconds", "1.5");
    run.model[0] = (gk_run_model){.name = "pre", .path = b->s.dir, .sha256 = "00ff", .config_sha256 = "aa"};
    run.model[1] =
        (gk_run_model){.name = "sft", .path = "elsewhere", .sha256 = "11ff", .config_sha256 = "aa"};
    run.prompts = &b->prompts;
    run.tok = b->tok;
    run.schemes = &b->schemes;
    run.twin_of = b->twin_of;
    run.permuted = b->permuted;
    int64_t *source = gk_arena_alloc(b->s.a, b->schemes.n * sizeof *source);
    bool other;
    gk_store *s = gk_store_begin(b->db, &run, source, &other, &err);
    ck_assert_ptr_nonnull(s);
    add_results(b, s, source);
    ck_assert(gk_store_finish(s, &err));
    gk_store_close(s);
    json_decref(run.identity);
    json_decref(run.first);
    json_decref(run.info);
}

/* Everything but schemes and a store. */
static inline bench bench_begin(void) {
    bench b = {.s = scratch_new()};
    b.db = scratch_path(&b.s, "results.db");
    b.out = scratch_path(&b.s, "report/index.html");
    make_rows(&b);
    make_tokenizer(&b);
    load_prompts(&b);
    return b;
}

static inline bench bench_new(void) {
    bench b = bench_begin();
    load_schemes(&b);
    make_store(&b);
    return b;
}

/* With the floors that a sweep makes: twins with the task model in sft's place, permuted targets. */
static inline bench bench_with_floors(void) {
    static const char *const from[] = {"sft"}, *const to[] = {"task"};
    bench b = bench_begin();
    load_schemes(&b);
    size_t n = b.schemes.n;
    gk_scheme **all = gk_arena_alloc(b.s.a, 2 * n * sizeof(*all));
    b.twin_of = gk_arena_alloc(b.s.a, 2 * n * sizeof *b.twin_of);
    memset(b.twin_of, 0, 2 * n * sizeof *b.twin_of);
    memcpy(all, b.schemes.item, n * sizeof(*all));
    b.schemes.item = all;
    for (size_t i = 0; i < n; i++) {
        gk_scheme *twin = gk_scheme_twin(b.s.a, all[i], from, to, 1);
        if (twin) b.twin_of[b.schemes.n] = i + 1;
        if (twin) all[b.schemes.n++] = twin;
    }
    b.permuted = gk_arena_alloc(b.s.a, sizeof *b.permuted);
    gk_prompts_permute(b.s.a, &b.prompts, 3, b.permuted);
    make_store(&b);
    return b;
}

static inline void bench_free(bench *b) {
    gk_tok_free(b->tok);
    scratch_free(&b->s);
}

static inline gk_report_options options(const bench *b) {
    return (gk_report_options){
        .db = b->db, .out = b->out, .title = "A <title> & 'more'", .usual_entity = "first_actor"};
}

static inline char *write_report(bench *b, const gk_report_options *o) {
    gk_error err = {0};
    char text[2048];
    ck_assert_msg(gk_report_write(o, &err), "%s", gk_error_text(&err, text, sizeof text));
    char *page = gk_read_file(b->s.a, o->out, (size_t)1 << 28, NULL, &err);
    ck_assert_ptr_nonnull(page);
    return page;
}

/* A text as it stands in the page. */
static inline const char *escaped(bench *b, const char *text) {
    gk_buf out = {0};
    gk_page__html_text(&out, text);
    const char *kept = gk_arena_strdup(b->s.a, out.data);
    gk_buf_free(&out);
    return kept;
}

static inline size_t count(const char *text, const char *what) {
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what)) n++;
    return n;
}

/* Runs SQL on the closed store. */
static inline void alter(const bench *b, const char *sql) {
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(b->db, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* One set, so that a page takes few figures. */
static inline void keep_set(const bench *b, const char *set) {
    alter(b,
          gk_arena_printf(b->s.a,
                          "DELETE FROM applies WHERE scheme IN (SELECT id FROM scheme WHERE \"set\" <> '%s');"
                          "DELETE FROM scheme WHERE \"set\" <> '%s'",
                          set, set));
}

/* The first n schemes of a store. */
static inline void keep_first(const bench *b, int n) {
    alter(b,
          gk_arena_printf(b->s.a,
                          "DELETE FROM scheme WHERE id IN (SELECT id FROM scheme ORDER BY ord, id LIMIT -1 "
                          "OFFSET %d);"
                          "DELETE FROM applies WHERE scheme NOT IN (SELECT id FROM scheme)",
                          n));
}

/* The first number that a query gives. */
static inline double sql_value(const bench *b, const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *q;
    ck_assert_int_eq(sqlite3_open(b->db, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_step(q), SQLITE_ROW);
    double x = sqlite3_column_double(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return x;
}

/* ---------------------------------------------------------------- the page as HTML */

static inline bool is_void_tag(const char *name) {
    return strcmp(name, "meta") == 0 || strcmp(name, "link") == 0 || strcmp(name, "br") == 0;
}

/* Every element is closed, in order. */
static inline void check_balance(const char *page) {
    char stack[64][16];
    size_t depth = 0;
    for (const char *at = page; (at = strchr(at, '<')); at++) {
        char name[16] = "";
        bool closing = at[1] == '/';
        if (at[1] == '!' || sscanf(at + 1 + closing, "%15[a-z0-9A-Z]", name) != 1) continue;
        const char *end = strchr(at, '>');
        ck_assert_ptr_nonnull(end);
        if (is_void_tag(name) || end[-1] == '/') continue;
        if (!closing) {
            ck_assert_uint_lt(depth, 64);
            strcpy(stack[depth++], name);
            continue;
        }
        ck_assert_msg(depth > 0 && strcmp(stack[depth - 1], name) == 0, "</%s> closes <%s> at %.80s", name,
                      depth ? stack[depth - 1] : "nothing", at);
        depth--;
    }
    ck_assert_uint_eq(depth, 0);
}

static inline void check_unique_ids(bench *b, const char *page) {
    for (const char *at = page; (at = strstr(at, " id=\"")); at++) {
        const char *end = strchr(at + 5, '"') + 1;
        ck_assert_uint_eq(count(page, gk_arena_strndup(b->s.a, at, (size_t)(end - at))), 1);
    }
}

#endif
