/* gate.c: does a model, ungrafted, know its own facts? */
#include "core/json.h"
#include "eval/run/inputs.h"
#include "eval/run/unseen.h"
#include "graftkit/eval/gate.h"
#include "graftkit/graft/engine.h"
#include "graftkit/graft/plan.h"

#include <string.h>

typedef struct gate {
    const gk_gate_options *o;
    gk_arena *a;
    gk_run__inputs in;
    gk_prompts prompts;
    gk_obs *plain, *weighted;
    const gk_prompt **of_job;
    gk_job *jobs;
    size_t n_jobs, n;
    size_t unscored; /* logits that were not finite */
    gk_run__unseen unseen;
    gk_progress *progress;
} gate;

/* A hit is rank 0 and a miss is rank 1, so that the cell's top-1 is top-k for any k, intervals included. */
static bool take_logits(void *ctx, size_t job, const float *logits) {
    gate *g = ctx;
    const gk_prompt *p = g->of_job[job];
    gk_score score;
    if (gk_score_logits(logits, gk_model_config(g->in.model[0])->vocab, p->target_id, &score, NULL)) {
        gk_obs *o = &g->plain[g->n];
        *o = (gk_obs){.row = p->row, .weight = 1, .rank = score.rank < g->o->top ? 0 : 1};
        g->weighted[g->n] = *o;
        g->weighted[g->n++].weight = 1 / (p->row + 1 + 0.05 * (double)g->prompts.n_rows);
    } else {
        g->unscored++;
    }
    gk_progress_update(g->progress, (double)(g->n + g->unscored), NULL);
    return true;
}

static void add_job(gate *g, const gk_prompt *p) {
    gk_plan *plan = gk_arena_alloc(g->a, sizeof *plan);
    *plan = gk_plan_single(g->a, gk_model_config(g->in.model[0]), (int)p->tokens.n, 0);
    g->of_job[g->n_jobs] = p;
    g->jobs[g->n_jobs++] = (gk_job){.token = p->tokens.id, .n = (int)p->tokens.n, .plan = plan};
}

static bool evaluate(gate *g, gk_error *err) {
    size_t n = g->prompts.n;
    g->plain = gk_arena_alloc(g->a, n * sizeof *g->plain);
    g->weighted = gk_arena_alloc(g->a, n * sizeof *g->weighted);
    g->of_job = gk_arena_alloc(g->a, n * sizeof *g->of_job);
    g->jobs = gk_arena_alloc(g->a, n * sizeof *g->jobs);
    for (size_t i = 0; i < n; i++)
        if (!g->prompts.item[i].dropped) add_job(g, &g->prompts.item[i]);
    size_t budget = g->o->budget_bytes ? g->o->budget_bytes : (size_t)1 << 30;
    g->progress = gk_progress_start(g->o->progress, "gate", (double)g->n_jobs, "prompts");
    bool ok = gk_graft_run(&g->in.cast, g->jobs, g->n_jobs, budget, take_logits, g, NULL, err);
    gk_progress_end(g->progress, NULL);
    if (!ok) return false;
    return g->n > 0 || gk_fail(err, GK_AT_FILE(g->o->model), "the weights hold NaN or overflow",
                               "no prompt gave finite logits");
}

static gk_interval share(const gate *g, const gk_obs *obs) {
    gk_stats s;
    gk_stats_compute(obs, g->n, g->o->seed, GK_RESAMPLES, &s);
    return (gk_interval){s.value[GK_METRIC_top1], s.low[GK_METRIC_top1], s.high[GK_METRIC_top1]};
}

static void put_interval(json_t *to, const char *key, const gk_interval *v) {
    char ci[64];
    snprintf(ci, sizeof ci, "%s_ci", key);
    json_object_set_new(to, key, json_real(v->value));
    json_t *range = json_array();
    json_array_append_new(range, json_real(v->low));
    json_array_append_new(range, json_real(v->high));
    json_object_set_new(to, ci, range);
}

static json_t *dropped_json(const gk_prompts *p) {
    json_t *reasons = json_object();
    for (size_t i = 0; i < p->n; i++) {
        const char *why = p->item[i].dropped;
        if (!why) continue;
        json_int_t n = json_integer_value(json_object_get(reasons, why));
        json_object_set_new(reasons, why, json_integer(n + 1));
    }
    return reasons;
}

/* What the report asks again of the tokens (report/checks.c). */
static bool put_unseen(const gate *g, json_t *to, gk_error *err) {
    json_t *j = json_pack("{s:I,s:I,s:O}", "rows", (json_int_t)g->unseen.rows, "unseen",
                          (json_int_t)g->unseen.unseen, "tokens", g->unseen.tokens);
    json_object_set_new(to, "new_rows", j);
    return gk_run__put_hash(j, "texts_sha256", g->o->texts, err) &&
           gk_run__put_hash(j, "rows_sha256", g->o->new_rows, err);
}

static json_t *gate_json(const gate *g, const gk_gate *out, gk_error *err) {
    json_t *j = json_object();
    json_object_set_new(j, "pass", json_boolean(out->pass));
    json_object_set_new(j, "top", json_integer(g->o->top));
    json_object_set_new(j, "min", json_real(g->o->min));
    put_interval(j, "share", &out->plain);
    put_interval(j, "weighted_share", &out->weighted);
    json_object_set_new(j, "n", json_integer((json_int_t)out->n));
    json_object_set_new(j, "targets", json_integer((json_int_t)out->targets));
    json_object_set_new(j, "dropped", json_integer((json_int_t)out->dropped));
    json_object_set_new(j, "dropped_reasons", dropped_json(&g->prompts));
    json_object_set_new(j, "unscored", json_integer((json_int_t)g->unscored));
    json_object_set_new(j, "bf16", json_boolean(g->o->bf16));
    json_object_set_new(j, "seed", json_integer((json_int_t)g->o->seed));
    gk_run__put_text(j, "model", "%s", g->o->model);
    gk_run__put_text(j, "model_sha256", "%s", g->in.info[0].sha256);
    gk_run__inputs_identify(&g->in, j);
    bool ok = gk_run__put_hash(j, "templates_sha256", g->o->prompts.templates, err) &&
              gk_run__put_hash(j, "rows_sha256", g->o->prompts.rows, err);
    if (ok && g->unseen.tokens) ok = put_unseen(g, j, err);
    gk_run__put_machine(j);
    gk_run__put_time(j, "when");
    if (ok) return j;
    json_decref(j);
    return NULL;
}

static bool write(const gate *g, const gk_gate *out, gk_error *err) {
    json_t *all = gate_json(g, out, err);
    bool ok = all && gk_json_save(g->o->out, all, err);
    json_decref(all);
    return ok;
}

static size_t count_targets(const gate *g) {
    int vocab = gk_model_config(g->in.model[0])->vocab;
    bool *seen = gk_arena_alloc(g->a, (size_t)vocab * sizeof *seen);
    size_t n = 0;
    for (size_t i = 0; i < g->n_jobs; i++) {
        bool *it = &seen[g->of_job[i]->target_id];
        n += !*it;
        *it = true;
    }
    return n;
}

static bool find_unseen(gate *g, gk_error *err) {
    const gk_gate_options *o = g->o;
    if (!o->texts && !o->new_rows) return true;
    if (!o->texts || !o->new_rows)
        return gk_fail(err, GK_AT_FIELD(NULL, o->texts ? "--new-rows" : "--texts"), "give both or neither",
                       "is missing beside %s", o->texts ? "--texts" : "--new-rows");
    return gk_run__unseen_find(&g->in, g->a, &o->prompts, o->new_rows, o->texts, &g->unseen, err);
}

static bool run(gate *g, gk_gate *out, gk_error *err) {
    if (g->o->top < 1) return gk_fail(err, GK_AT_FIELD(NULL, "top"), "must be 1 or more", "is %d", g->o->top);
    if (!(g->o->min > 0 && g->o->min <= 1)) /* 0 would ask for nothing */
        return gk_fail(err, GK_AT_FIELD(NULL, "min"), "must be a share above 0 and up to 1", "is %g",
                       g->o->min);
    g->in.tokenizer = g->o->tokenizer;
    g->in.cast.bf16 = g->o->bf16;
    if (!gk_run__inputs_add(&g->in, g->a, "model", g->o->model, err)) return false;
    if (g->o->top >= gk_model_config(g->in.model[0])->vocab)
        return gk_fail(
            err, GK_AT_FIELD(NULL, "top"), "must be less than the number of tokens, or all are right",
            "is %d, and the model has %d tokens", g->o->top, gk_model_config(g->in.model[0])->vocab);
    if (!gk_run__inputs_prompts(&g->in, g->a, &g->o->prompts, &g->prompts, err) || !find_unseen(g, err) ||
        !evaluate(g, err))
        return false;
    out->n = g->n;
    out->targets = count_targets(g);
    out->dropped = g->prompts.n_dropped + g->unscored;
    out->repeats = g->prompts.n_repeats;
    out->plain = share(g, g->plain);
    out->weighted = share(g, g->weighted);
    out->new_facts = g->unseen.rows;
    out->unseen = g->unseen.unseen;
    out->pass = out->plain.value >= g->o->min;
    return !g->o->out || write(g, out, err);
}

bool gk_gate_run(const gk_gate_options *o, gk_gate *out, gk_error *err) {
    gate g = {.o = o, .a = gk_arena_new()};
    *out = (gk_gate){0};
    bool ok = (!o->out || gk_out_check(o->out, err)) && run(&g, out, err);
    json_decref(g.unseen.tokens);
    gk_run__inputs_free(&g.in);
    gk_arena_free(g.a);
    return ok;
}
