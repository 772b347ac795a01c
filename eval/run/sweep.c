/* sweep.c: schemes x prompts -> results store, chunk by chunk, going on where it left off. */
#include "eval/run/sweep.h"
#include "graftkit/model/checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEFAULT_BUDGET = 1 << 30 };

/* ---------------------------------------------------------------- loading */

static bool load_models(gk_sweep *s, gk_error *err) {
    s->in.tokenizer = s->o->tokenizer;
    s->in.cast.bf16 = s->o->bf16;
    if (!gk_run__inputs_named(&s->in, s->a, "--recipient", s->o->recipient, err)) return false;
    for (size_t i = 0; i < s->o->n_donors; i++)
        if (!gk_run__inputs_named(&s->in, s->a, "--donor", s->o->donors[i], err)) return false;
    for (size_t i = 0; i < s->o->n_derive; i++)
        if (!gk_run__inputs_plan(&s->in, s->a, s->o->derive[i], err)) return false;
    return true;
}

static const gk_prompt *first_kept(const gk_prompts *p, size_t tmpl) {
    for (size_t i = tmpl; i < p->n; i += p->n_templates)
        if (!p->item[i].dropped) return &p->item[i];
    return NULL;
}

/* A scheme that cannot be planned for one prompt is a property of the prompt; one that cannot be planned for
 * the first prompt of any template is a mistake in the scheme, better heard of now. */
static bool check_plans(gk_sweep *s, const gk_scheme *scheme, gk_error *err) {
    bool tried = false;
    for (size_t t = 0; t < s->prompts.n_templates; t++) {
        const gk_prompt *p = first_kept(&s->prompts, t);
        if (!p || !gk_scheme_applies(scheme, p->fields, p->n_fields)) continue;
        gk_plan plan;
        gk_arena_reset(s->chunk_arena);
        if (gk_plan_make(s->chunk_arena, scheme, &s->in.cast, &p->tokens, p->fields, p->n_fields, &plan, err))
            return true;
        tried = true;
    }
    return !tried;
}

/* Of every contrast both schemes have prompts. */
static bool check_contrasts(gk_sweep *s, gk_error *err) {
    size_t n = s->prompts.n_templates, *n_fields = gk_arena_alloc(s->a, n * sizeof *n_fields);
    const gk_field_span **fields = gk_arena_alloc(s->a, n * sizeof(*fields));
    for (size_t t = 0; t < n; t++) {
        fields[t] = s->prompts.tmpl[t].fields;
        n_fields[t] = s->prompts.tmpl[t].n_fields;
    }
    if (!gk_contrasts_check(&s->schemes, err)) return false;
    for (size_t i = 0; i < s->schemes.n_contrasts; i++)
        if (!gk_contrast_check(&s->schemes, &s->schemes.contrast[i], fields, n_fields, n, err)) return false;
    return true;
}

static bool load_schemes(gk_sweep *s, gk_error *err) {
    for (size_t i = 0; i < s->o->n_schemes; i++)
        if (!gk_schemes_load_for(s->a, s->o->schemes[i], gk_model_config(s->in.model[0])->n_layers,
                                 &s->schemes, err))
            return false;
    if (s->o->parts && s->o->n_schemes)
        return gk_fail(err, GK_NOWHERE, "leave one of them out", "there are both schemes and parts");
    if (s->o->parts && !gk_sweep__coalitions(s, err)) return false;
    if (s->schemes.n == 0)
        return gk_fail(err, GK_NOWHERE, "name a scheme file, e.g. graft/schemes/position.yaml",
                       "there are no schemes");
    for (size_t i = 0; i < s->schemes.n; i++)
        if (!gk_scheme_check(s->schemes.item[i], &s->in.cast, s->prompts.fields, err) ||
            !check_plans(s, s->schemes.item[i], err))
            return false;
    return check_contrasts(s, err);
}

/* ---------------------------------------------------------------- the manifest */

/* Everything about the prompts that a result depends on. */
static void hash_prompts(const gk_prompts *p, char hex[GK_SHA256_HEX]) {
    gk_buf b = {0};
    for (size_t i = 0; i < p->n; i++) {
        const gk_prompt *e = &p->item[i];
        gk_buf_printf(&b, "%zu|%s|%s|%d|%s|", i, e->row_key, e->text, (int)e->target_id,
                      e->dropped ? e->dropped : "");
        for (size_t t = 0; t < e->tokens.n; t++) gk_buf_printf(&b, " %d", (int)e->tokens.id[t]);
        for (size_t t = 0; t < e->n_target; t++) gk_buf_printf(&b, " >%d", (int)e->forced[e->tokens.n + t]);
        if (e->no_whole) gk_buf_printf(&b, "|%s", e->no_whole);
        gk_buf_puts(&b, "\n");
    }
    gk_sha256_bytes(b.data, b.len, hex);
    gk_buf_free(&b);
}

/* What the recipient is, for who reads the results; an adapter's base does not stand here. */
static void put_size(json_t *info, const char *path) {
    gk_inspection *i = gk_inspect(path, NULL);
    if (!i) return;
    gk_run__put_text(info, "family", "%s", gk_family_name(i->config.family));
    gk_run__put_text(info, "parameters", "%zu", i->params);
    gk_run__put_text(info, "layers", "%d", i->config.n_layers);
    gk_run__put_text(info, "width", "%d", i->config.d_model);
    gk_inspection_free(i);
}

static bool describe(gk_sweep *s, gk_error *err) {
    const gk_prompt_options *p = &s->o->prompts;
    json_t *id = s->identity, *info = s->info;
    gk_run__put_text(id, "recipient", "%s", s->in.cast.name[0]);
    gk_run__put_text(id, "entity", "%s", p->entity ? p->entity : "none");
    gk_run__put_text(id, "target", "%s", p->target);
    gk_run__put_text(id, "keep_shared_first", "%d", p->keep_shared_first);
    gk_run__put_text(id, "limit", "%lld", (long long)(p->limit > 0 ? p->limit : 0));
    gk_run__put_text(id, "whole_target", "%d", p->whole);
    gk_run__put_text(id, "generate", "%d", s->generate);
    gk_run__put_text(id, "bf16", "%s", s->in.cast.bf16 ? "true" : "false");
    gk_run__inputs_identify(&s->in, id);
    if (!gk_run__put_hash(id, "templates_sha256", p->templates, err) ||
        !gk_run__put_hash(id, "fillers_sha256", p->fillers, err) ||
        !gk_run__put_hash(id, "rows_sha256", p->rows, err))
        return false;
    char hex[GK_SHA256_HEX];
    hash_prompts(&s->prompts, hex);
    gk_run__put_text(id, "prompts_sha256", "%s", hex);
    if (s->o->parts) gk_sweep__identify_coalitions(s);

    static const char *const zero[] = {"seconds", "rows_naive", "rows_unique", "flops", "peak_bytes"};
    for (size_t i = 0; i < sizeof zero / sizeof *zero; i++) gk_run__put_text(s->first, zero[i], "0");
    gk_run__put_time(s->first, "started");

    gk_run__put_machine(info);
    put_size(info, s->in.info[0].path);
    gk_run__put_text(info, "seed", "%llu", (unsigned long long)s->o->seed);
    gk_run__put_text(info, "budget_bytes", "%zu", s->budget);
    gk_run__put_text(info, "tokenizer_file", "%s", s->o->tokenizer ? s->o->tokenizer : "none");
    gk_run__put_text(info, "templates_file", "%s", p->templates);
    gk_run__put_text(info, "fillers", "%s", p->fillers ? p->fillers : "none");
    gk_run__put_text(info, "rows", "%s", p->rows);
    gk_run__put_text(info, "shared_first", "%zu", s->prompts.n_shared_first);
    gk_run__put_text(info, "merged", "%zu", s->prompts.n_merged);
    gk_run__put_text(info, "complete", "0");
    for (size_t i = 0; i < s->o->n_schemes; i++)
        if (!gk_run__put_hash(info, gk_arena_printf(s->a, "schemes:%s", s->o->schemes[i]), s->o->schemes[i],
                              err))
            return false;
    return true;
}

/* ---------------------------------------------------------------- what there is to do */

static void add_unique(gk_sweep *s, const gk_scheme *scheme, int64_t source) {
    if (s->by_source[source]) return;
    s->unique[s->n_unique] = scheme;
    s->source[s->n_unique++] = source;
    s->by_source[source] = s->n_unique;
}

static void mark_done(void *ctx, int64_t source, int64_t prompt) {
    gk_sweep *s = ctx;
    size_t k = source >= 0 && (size_t)source < s->n_sources ? s->by_source[source] : 0;
    if (k && prompt >= 0 && (size_t)prompt < s->prompts.n)
        s->done[(k - 1) * s->prompts.n + (size_t)prompt] = true;
}

static bool find_pending(gk_sweep *s, const int64_t *source, gk_error *err) {
    s->unique = gk_arena_alloc(s->a, s->all.n * sizeof *s->unique);
    s->source = gk_arena_alloc(s->a, s->all.n * sizeof *s->source);
    for (size_t i = 0; i < s->all.n; i++)
        if ((size_t)source[i] >= s->n_sources) s->n_sources = (size_t)source[i] + 1;
    s->by_source = gk_arena_alloc(s->a, s->n_sources * sizeof *s->by_source);
    for (size_t i = 0; i < s->all.n; i++) {
        add_unique(s, s->all.item[i], source[i]);
        if (i < s->schemes.n) s->n_listed = s->n_unique;
    }
    s->done = gk_arena_alloc(s->a, s->n_unique * s->prompts.n);
    if (!gk_store_done(s->store, mark_done, s, err)) return false;
    for (size_t k = 0; k < s->n_unique; k++) {
        for (size_t i = 0; i < s->prompts.n; i++) {
            bool *done = &s->done[k * s->prompts.n + i];
            bool real = gk_sweep__has(s, k, i);
            s->total += real;
            s->pending += real && !*done;
            *done = *done || !real;
        }
    }
    return true;
}

/* ---------------------------------------------------------------- opening */

static void remove_journals(gk_sweep *s, const char *path) {
    static const char *const suffix[] = {"-journal", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) unlink(gk_arena_printf(s->a, "%s%s", path, suffix[i]));
}

/* Where a new store grows while the old one still stands. */
static char *beside(gk_sweep *s) {
    return gk_arena_printf(s->a, "%s.new", s->out);
}

static bool open_store(gk_sweep *s, int64_t *source, gk_error *err) {
    gk_run run = {.identity = s->identity, .first = s->first, .info = s->info, .n_models = s->in.cast.n};
    memcpy(run.model, s->in.info, sizeof run.model);
    run.prompts = &s->prompts;
    run.tok = s->in.tok;
    run.schemes = &s->all;
    run.twin_of = s->twin_of;
    run.permuted = &s->permuted;
    bool other;
    s->store = gk_store_begin(s->work, &run, source, &other, err);
    if (!s->store && other && s->o->replace && s->work == s->out) {
        s->work = beside(s);
        s->store = gk_store_begin(s->work, &run, source, &other, err);
    }
    if (!s->store && other && s->work != s->out) { /* left by a restart of something else, never finished */
        unlink(s->work);
        remove_journals(s, s->work);
        s->store = gk_store_begin(s->work, &run, source, &other, err);
    }
    return s->store != NULL;
}

static bool read_number(gk_sweep *s, const char *key, double *out, gk_error *err) {
    const char *text = gk_store_get(s->store, s->a, key, err);
    if (text) *out = strtod(text, NULL);
    return text != NULL;
}

static bool read_stats(gk_sweep *s, gk_error *err) {
    double naive, unique, peak;
    if (!read_number(s, "seconds", &s->seconds, err) || !read_number(s, "rows_naive", &naive, err) ||
        !read_number(s, "rows_unique", &unique, err) || !read_number(s, "flops", &s->stats.flops, err) ||
        !read_number(s, "peak_bytes", &peak, err))
        return false;
    s->stats.rows_naive = (uint64_t)naive;
    s->stats.rows_unique = (uint64_t)unique;
    s->stats.peak_bytes = (size_t)peak;
    return true;
}

static const char *folder_of(gk_sweep *s, const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? gk_arena_strndup(s->a, path, (size_t)(slash - path) + 1) : ".";
}

static bool open_all(gk_sweep *s, gk_error *err) {
    if (!s->out || !*s->out)
        return gk_fail(err, GK_NOWHERE, "name the results store to write", "there is no output file");
    if (!load_models(s, err) || !gk_run__inputs_prompts(&s->in, s->a, &s->o->prompts, &s->prompts, err) ||
        !load_schemes(s, err) || !gk_sweep__twins(s, s->o->placebo, s->o->n_placebo, err) ||
        !describe(s, err))
        return false;
    gk_prompts_permute(s->a, &s->prompts, s->o->seed, &s->permuted);
    int64_t *source = gk_arena_alloc(s->a, s->all.n * sizeof *source);
    if ((s->o->parts && !gk_mkdirs(folder_of(s, s->out), err)) || !open_store(s, source, err) ||
        !find_pending(s, source, err) || !read_stats(s, err))
        return false;
    s->before = s->stats;
    return gk_sweep__grafter(s, err) && gk_sweep__cut(s, err);
}

gk_sweep *gk_sweep_open(const gk_sweep_options *o, gk_error *err) {
    gk_sweep *s = gk_alloc(sizeof *s);
    s->o = o;
    s->a = gk_arena_new();
    s->chunk_arena = gk_arena_new();
    s->plan_arena = gk_arena_new();
    s->identity = json_object();
    s->first = json_object();
    s->info = json_object();
    s->budget = o->budget_bytes ? o->budget_bytes : DEFAULT_BUDGET;
    s->generate = o->generate > 0 ? o->generate : 0;
    s->seed = o->seed;
    s->out = o->out ? gk_arena_strdup(s->a, o->out) : NULL;
    s->svd = o->svd ? gk_arena_strdup(s->a, o->svd) : gk_arena_printf(s->a, "%s.svd", o->out ? o->out : "");
    s->work = o->check_bf16 ? ":memory:" : o->restart && s->out ? beside(s) : s->out; /* SQLite's word */
    bool ok = open_all(s, err);
    s->o = NULL;
    if (ok) return s;
    gk_sweep_close(s);
    return NULL;
}

void gk_sweep_close(gk_sweep *s) {
    if (!s) return;
    gk_store_close(s->store);
    gk_grafter_free(s->grafter);
    gk_run__inputs_free(&s->in);
    json_decref(s->identity);
    json_decref(s->first);
    json_decref(s->info);
    gk_arena_free(s->chunk_arena);
    gk_arena_free(s->plan_arena);
    gk_arena_free(s->a);
    gk_free(s);
}

size_t gk_sweep_total(const gk_sweep *s) {
    return s->total;
}

size_t gk_sweep_pending(const gk_sweep *s) {
    return s->pending;
}

const gk_schemes *gk_sweep_schemes(const gk_sweep *s) {
    return &s->schemes;
}

size_t gk_sweep_twins(const gk_sweep *s) {
    return s->all.n - s->schemes.n;
}

const gk_prompts *gk_sweep_prompts(const gk_sweep *s) {
    return &s->prompts;
}

/* ---------------------------------------------------------------- running */

typedef struct chunk {
    gk_sweep *s;
    gk_stored *stored;
    size_t n_stored;
    gk_run__evaluated *pairs;
    size_t n_pairs;
} chunk;

/* The token that another fact's target begins with; -1: none. */
static int32_t permuted_id(const gk_sweep *s, size_t prompt) {
    int64_t other = s->permuted.other[prompt];
    return other < 0 ? -1 : s->prompts.item[other].target_id;
}

static void add_pair(chunk *c, size_t k, size_t prompt) {
    gk_sweep *s = c->s;
    const gk_prompt *p = &s->prompts.item[prompt];
    gk_stored *r = &c->stored[c->n_stored++];
    *r = (gk_stored){.source = s->source[k], .prompt = prompt};
    gk_error why;
    const gk_plan *plan = gk_sweep__plan(s, k, prompt, &why);
    if (plan)
        c->pairs[c->n_pairs++] =
            (gk_run__evaluated){.prompt = p, .plan = plan, .permuted = permuted_id(s, prompt), .out = r};
    else
        r->dropped = gk_arena_printf(s->chunk_arena, "no plan: %s", why.what);
}

static bool store_chunk(const chunk *c, double begun, gk_error *err) {
    gk_sweep *s = c->s;
    json_t *info = json_object();
    gk_run__put_text(info, "seconds", "%.3f", s->seconds + gk_now() - begun);
    gk_run__put_text(info, "rows_naive", "%llu", (unsigned long long)s->stats.rows_naive);
    gk_run__put_text(info, "rows_unique", "%llu", (unsigned long long)s->stats.rows_unique);
    gk_run__put_text(info, "flops", "%.6g", s->stats.flops);
    gk_run__put_text(info, "peak_bytes", "%zu", s->stats.peak_bytes);
    gk_run__put_time(info, "ended");
    bool ok = gk_store_add(s->store, c->stored, c->n_stored, info, err);
    json_decref(info);
    return ok;
}

static void add_spent(gk_graft_stats *to, const gk_graft_stats *more, size_t plans) {
    to->rows_naive += more->rows_naive;
    to->rows_unique += more->rows_unique;
    to->flops += more->flops;
    to->seconds += more->seconds;
    if (to->peak_bytes < more->peak_bytes + plans) to->peak_bytes = more->peak_bytes + plans;
}

static bool run_chunk(gk_sweep *s, size_t begin, size_t end, gk_progress *progress, double begun,
                      gk_error *err) {
    gk_arena_reset(s->chunk_arena);
    size_t room = (end - begin) * s->n_unique;
    chunk c = {.s = s};
    c.stored = gk_arena_alloc(s->chunk_arena, room * sizeof *c.stored);
    c.pairs = gk_arena_alloc(s->chunk_arena, room * sizeof *c.pairs);
    for (size_t i = begin; i < end; i++)
        for (size_t k = 0; k < s->n_unique; k++)
            if (!s->done[k * s->prompts.n + i]) add_pair(&c, k, i);
    if (c.n_stored == 0) return true;
    size_t plans = 0;
    for (size_t i = 0; i < c.n_pairs; i++) plans += gk_sweep__plan_bytes(s, c.pairs[i].prompt);
    gk_run__evaluation e = {.grafter = s->grafter,
                            .cfg = gk_model_config(s->in.model[0]),
                            .tok = s->in.tok,
                            .budget = s->room > plans ? s->room - plans : 0,
                            .generate = s->generate,
                            .a = s->chunk_arena,
                            .progress = progress,
                            .before = (double)(s->total - s->pending + c.n_stored - c.n_pairs)};
    gk_graft_stats spent = {0};
    if (!gk_run__evaluate(&e, c.pairs, c.n_pairs, &spent, err)) return false;
    add_spent(&s->stats, &spent, plans);
    if (!store_chunk(&c, begun, err)) return false;
    s->pending -= c.n_stored;
    gk_progress_update(progress, (double)(s->total - s->pending), NULL);
    return true;
}

/* The finished store takes the place of the one that a restart left alone until now. */
static bool replace_old(gk_sweep *s, gk_error *err) {
    gk_store_close(s->store);
    s->store = NULL;
    /* A journal that a dead sweep left beside the old store must not be applied to the new one. */
    remove_journals(s, s->out);
    if (rename(s->work, s->out) != 0)
        return gk_fail_errno(err, GK_AT_FILE(s->out), "replacing the results store", errno);
    return true;
}

bool gk_sweep_run(gk_sweep *s, gk_progress *progress, gk_error *err) {
    double begun = gk_now();
    if (!gk_sweep__selections(s, err)) return false;
    if (!gk_sweep_prepare(s, NULL, err) || (s->pending > 0 && !gk_sweep__means(s, err)))
        return gk_interrupted();
    for (size_t begin = 0; begin < s->prompts.n && s->pending > 0; begin += s->chunk) {
        if (gk_interrupted()) return true;
        size_t left = s->prompts.n - begin;
        if (!run_chunk(s, begin, begin + (left < s->chunk ? left : s->chunk), progress, begun, err))
            return false;
    }
    if (!gk_store_finish(s->store, err)) return false;
    const char *whole = gk_store_get(s->store, s->a, "complete", err);
    if (!whole) return false;
    if (strcmp(whole, "1") != 0)
        gk_notice(GK_AT_FILE(s->out), "schemes or placebos of earlier runs lack results in this store: give "
                                      "their --schemes and --placebo again");
    return s->work == s->out || replace_old(s, err);
}
