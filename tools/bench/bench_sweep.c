/* bench_sweep.c: what the graft engine costs.
 *
 * Without options: a grid over layers and components at the last token, and the prompts' plain forward
 * passes, in memory, on random weights of a small model (or of --shape). The rest is for
 * tools/bench/bench_sweep.sh (make bench-sweep): --write makes a recipient and a donor as folders, --cells
 * lists what a sweep computes, token by token, for tools/bench/bench_sweep_torch.py to compute the same,
 * --alone times the recipient's own forward pass of a sweep's prompts. */
#include "graftkit/core/file.h"
#include "graftkit/core/progress.h"
#include "graftkit/core/random.h"
#include "graftkit/core/threads.h"
#include "graftkit/eval/prompts.h"
#include "graftkit/graft/cast.h"
#include "graftkit/graft/engine.h"
#include "graftkit/graft/plan.h"
#include "graftkit/graft/scheme.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/operators.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "graftkit/tokenizer.h"
#include "graftkit/train/corpus.h"
#include "tools/bench/shapes.h"
#include "tools/tools.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

typedef struct asked {
    const char *shape, *write, *from, *cells, *recipient, *templates, *fillers, *rows;
    gk_strings donors, schemes;
    int64_t prompts, tokens, threads, limit, budget, keep;
    size_t working; /* of the budget, what kept matrices leave */
    bool alone;
    gk_arena *a;
} asked;

/* ---------------------------------------------------------------- models */

/* As after a finetuning: every weight a little away from where it was. */
static void perturb(gk_model *m, uint64_t seed) {
    gk_rng r;
    gk_rng_seed(&r, seed, "donor");
    const gk_param *list;
    size_t n = gk_model_params(m, &list);
    for (size_t i = 0; i < n; i++) {
        float *w = gk_model_data(m) + list[i].offset;
        for (size_t j = 0; j < list[i].count; j++)
            w[j] += 0.2f * (0.01f + (w[j] < 0 ? -w[j] : w[j])) * ((float)gk_rng_uniform(&r) - 0.5f);
    }
}

static gk_model *make_recipient(const asked *o, gk_error *err) {
    gk_config c;
    if (o->from) return gk_model_load(o->from, err);
    if (o->shape) {
        const gk_shape *s = gk_shape_find(o->shape, err);
        if (!s) return NULL;
        gk_shape_config(s, &c);
    } else {
        gk_config_default(gk_family_find("llama"), 2000, &c);
    }
    return gk_model_new(&c, 1, err);
}

/* --from's tokenizer goes with its copies. */
static bool save(const asked *o, const gk_model *m, const char *name, gk_error *err) {
    const char *dir = gk_path_join(o->a, o->write, name);
    if (!gk_model_save(m, dir, err)) return false;
    gk_tok *tok = o->from ? gk_tokenizer_of(o->from, err) : NULL;
    bool ok = !o->from || (tok && gk_tok_save(tok, dir, err));
    gk_tok_free(tok);
    return ok;
}

static bool write_models(const asked *o, gk_error *err) {
    gk_model *m = make_recipient(o, err);
    bool ok = m && save(o, m, "pre", err);
    if (ok) perturb(m, 2);
    ok = ok && save(o, m, "sft", err);
    gk_model_free(m);
    return ok;
}

/* ---------------------------------------------------------------- in memory */

enum { N_SETS = 9 };
/* q, k, v, o, attn, gate, up, down, ffn: the sets of a layer; what a family lacks is left out of them. */
static const uint32_t SETS[N_SETS] = {
    1u << GK_Q,
    1u << GK_K,
    1u << GK_V,
    1u << GK_O,
    1u << GK_Q | 1u << GK_K | 1u << GK_V | 1u << GK_O,
    1u << GK_UP,
    1u << GK_DOWN,
    1u << GK_UP | 1u << GK_DOWN,
    1u << GK_O | 1u << GK_GATE | 1u << GK_UP | 1u << GK_DOWN,
};

static gk_plan *grid_plan(gk_arena *a, const gk_config *c, int n, int layer, uint32_t set) {
    gk_plan *p = gk_arena_alloc(a, sizeof *p);
    *p = gk_plan_single(a, c, n, 0);
    for (int i = 0; i < GK_N_COMPONENTS; i++)
        if ((set & 1u << i) && gk_config_has(c, (gk_component)i))
            p->model[gk_plan_slot(c, layer, (gk_component)i) * n + n - 1] = 1;
    return p;
}

static bool ignore(void *ctx, size_t job, const float *logits) {
    (void)ctx, (void)job, (void)logits;
    return true;
}

static bool measure(const asked *o, gk_grafter *g, const gk_job *jobs, size_t n, const char *what,
                    double *seconds, gk_error *err) {
    gk_graft_stats s = {0};
    clock_t before = clock();
    if (!gk_grafter_run(g, jobs, n, o->working, ignore, NULL, &s, err)) return false;
    printf("%s: %zu cells in %.2f s; rows %llu of %llu (%.2f%%); %.1f GFLOP, %.1f GFLOP/s; CPU %.2f s; %.0f "
           "MB\n",
           what, n, s.seconds, (unsigned long long)s.rows_unique, (unsigned long long)s.rows_naive,
           100.0 * (double)s.rows_unique / (double)s.rows_naive, s.flops / 1e9, s.flops / s.seconds / 1e9,
           (double)(clock() - before) / CLOCKS_PER_SEC, (double)s.peak_bytes / 1e6);
    *seconds = s.seconds;
    return true;
}

static bool run_grid(asked *o, const gk_cast *cast, gk_error *err) {
    const gk_config *c = gk_model_config(cast->model[0]);
    size_t prompts = (size_t)o->prompts, each = (size_t)c->n_layers * N_SETS;
    int n = (int)o->tokens;
    gk_job *plain = gk_arena_alloc(o->a, prompts * sizeof *plain);
    gk_job *grid = gk_arena_alloc(o->a, prompts * each * sizeof *grid);
    gk_plan *none = grid_plan(o->a, c, n, 0, 0), **plan = gk_arena_alloc(o->a, each * sizeof *plan);
    for (size_t i = 0; i < each; i++) plan[i] = grid_plan(o->a, c, n, (int)(i / N_SETS), SETS[i % N_SETS]);
    gk_rng r;
    gk_rng_seed(&r, 1, "prompts");
    for (size_t p = 0; p < prompts; p++) {
        int32_t *token = gk_arena_alloc(o->a, (size_t)n * sizeof *token);
        for (int t = 0; t < n; t++) token[t] = (int32_t)gk_rng_below(&r, (uint64_t)c->vocab);
        plain[p] = (gk_job){token, n, none};
        for (size_t i = 0; i < each; i++) grid[p * each + i] = (gk_job){token, n, plan[i]};
    }
    double t_plain, t_grid;
    gk_grafter *g = gk_grafter_new(cast, err);
    size_t budget = (size_t)o->budget << 20;
    if (g) o->working = budget - gk_grafter_keep(g, (size_t)o->keep << 20);
    bool ok = g && measure(o, g, plain, prompts, "plain", &t_plain, err) &&
              measure(o, g, plain, prompts, "plain, again", &t_plain, err) &&
              measure(o, g, grid, prompts * each, "grid", &t_grid, err);
    gk_grafter_free(g);
    if (!ok) return false;
    printf("RESULT shape=%s layers=%d cells=%zu grid_of_plain=%.2f threads=%d\n",
           o->shape ? o->shape : "default", c->n_layers, each, t_grid / t_plain, gk_threads());
    return true;
}

static bool in_memory(asked *o, gk_error *err) {
    gk_gemm_info info;
    gk_gemm_describe(&info);
    printf("%s, %d threads; BLIS %s; oneDNN %s; %s\n", info.cpu, gk_threads(), info.blis, info.onednn,
           info.used);
    gk_model *pre = make_recipient(o, err), *sft = pre ? gk_model_copy(pre) : NULL;
    if (sft) perturb(sft, 2);
    gk_cast cast = {.name = {"pre", "sft"}, .model = {pre, sft}, .n = 2};
    bool ok = sft && run_grid(o, &cast, err);
    gk_model_free(pre);
    gk_model_free(sft);
    return ok;
}

/* ---------------------------------------------------------------- a sweep's cells, for the peers */

static bool same_column(const gk_plan *p, int a, int b) {
    for (int t = 0; t < p->n_tokens; t++)
        if (p->model[a * p->n_tokens + t] != p->model[b * p->n_tokens + t]) return false;
    return true;
}

/* The models of the tokens for every run of slots that are alike: [[first slot, slots, [models]], …]. */
static json_t *plan_json(const gk_plan *p) {
    json_t *list = json_array();
    for (int s = 0, end; s < p->n_slots; s = end) {
        for (end = s + 1; end < p->n_slots && same_column(p, s, end);) end++;
        json_t *models = json_array();
        for (int t = 0; t < p->n_tokens; t++)
            json_array_append_new(models, json_integer(p->model[s * p->n_tokens + t]));
        json_array_append_new(list, json_pack("[i, i, o]", s, end - s, models));
    }
    return list;
}

static json_t *slots_json(const gk_config *c) {
    json_t *list = json_array();
    for (int s = 0; s < gk_plan_slots(c); s++)
        for (int i = 0; i < GK_N_COMPONENTS; i++)
            for (int l = -1; l < c->n_layers; l++) {
                gk_component comp = (gk_component)i;
                if (gk_component_in_layer(comp) != (l >= 0) || gk_plan_slot(c, l, comp) != s) continue;
                json_array_append_new(list, json_pack("[i, s]", l, gk_component_name(comp)));
            }
    return list;
}

static bool write_cell(FILE *f, gk_arena *a, const gk_scheme *s, const gk_cast *cast, const gk_prompt *p,
                       gk_error *err) {
    gk_plan plan;
    if (!gk_plan_make(a, s, cast, &p->tokens, p->fields, p->n_fields, &plan, err)) return false;
    json_t *tokens = json_array();
    for (size_t t = 0; t < p->tokens.n; t++) json_array_append_new(tokens, json_integer(p->tokens.id[t]));
    json_t *cell = json_pack("{s:s, s:s, s:i, s:o, s:o}", "scheme", gk_scheme_name(s), "text", p->text,
                             "target", (int)p->target_id, "tokens", tokens, "plan", plan_json(&plan));
    json_dumpf(cell, f, JSON_COMPACT);
    fputc('\n', f);
    json_decref(cell);
    return true;
}

static bool load_prompts(const asked *o, const gk_config *c, const gk_tok *tok, gk_prompts *out,
                         gk_error *err) {
    gk_prompt_options po = {.templates = o->templates,
                            .fillers = o->fillers,
                            .rows = o->rows,
                            .target = "second_actor",
                            .limit = o->limit};
    return gk_prompts_load(o->a, &po, tok, c->max_positions, out, err);
}

static bool write_all(const asked *o, gk_cast *cast, const gk_tok *tok, gk_error *err) {
    gk_prompts prompts;
    gk_schemes schemes = {0};
    const gk_config *c = gk_model_config(cast->model[0]);
    if (!load_prompts(o, c, tok, &prompts, err)) return false;
    for (size_t i = 0; i < o->schemes.n; i++)
        if (!gk_schemes_load(o->a, o->schemes.item[i], &schemes, err)) return false;
    gk_out out;
    if (!gk_out_open(o->cells, &out, err)) return false;
    json_t *head = json_pack("{s:o}", "slots", slots_json(c));
    json_dumpf(head, out.f, JSON_COMPACT);
    fputc('\n', out.f);
    json_decref(head);
    bool ok = true;
    for (size_t i = 0; ok && i < prompts.n; i++)
        for (size_t k = 0; ok && k < schemes.n; k++) {
            const gk_prompt *p = &prompts.item[i];
            if (p->dropped || !gk_scheme_applies(schemes.item[k], p->fields, p->n_fields)) continue;
            ok = write_cell(out.f, o->a, schemes.item[k], cast, p, err);
        }
    if (ok) return gk_out_commit(&out, err);
    gk_out_abort(&out);
    return false;
}

/* All prompts as one batch, sharing nothing: the model's own forward pass, and each one's last logits. */
static bool time_alone(const asked *o, const gk_model *m, const gk_tok *tok, gk_error *err) {
    enum { ROUNDS = 3 };
    gk_prompts prompts;
    const gk_config *c = gk_model_config(m);
    if (!load_prompts(o, c, tok, &prompts, err)) return false;
    int rows = 0, n = 0;
    for (size_t i = 0; i < prompts.n; i++)
        rows += prompts.item[i].dropped ? 0 : (int)prompts.item[i].tokens.n;
    int32_t *token = gk_arena_alloc(o->a, (size_t)rows * sizeof *token);
    int32_t *start = gk_arena_alloc(o->a, (prompts.n + 1) * sizeof *start);
    int32_t *last = gk_arena_alloc(o->a, prompts.n * sizeof *last);
    start[0] = 0;
    for (size_t i = 0; i < prompts.n; i++) {
        const gk_tokens *t = &prompts.item[i].tokens;
        if (prompts.item[i].dropped) continue;
        memcpy(token + start[n], t->id, t->n * sizeof *token);
        start[n + 1] = start[n] + (int32_t)t->n;
        last[n] = start[n + 1] - 1;
        n++;
    }
    gk_batch b = {.n_rows = rows, .n_seqs = n, .token = token, .seq_start = start};
    gk_session *s = gk_session_new(c, rows, false, err);
    float *logits = gk_alloc((size_t)n * (size_t)c->vocab * sizeof *logits);
    double seconds[ROUNDS] = {0};
    bool ok = s != NULL;
    for (int r = 0; ok && r < ROUNDS; r++) {
        double begun = gk_now();
        ok = gk_forward(s, m, &b, last, n, logits, err);
        seconds[r] = gk_now() - begun;
    }
    if (ok)
        printf("RESULT alone_seconds=%.3f first=%.3f again=%.3f prompts=%d\n", seconds[2], seconds[0],
               seconds[1], n);
    gk_free(logits);
    gk_session_free(s);
    return ok;
}

/* The first model's shape and tokenizer decide; the donors are names only. */
static bool of_sweep(const asked *o, gk_error *err) {
    if (!o->recipient || !o->templates || !o->rows || (!o->alone && !o->schemes.n))
        return gk_fail(err, GK_AT_FIELD(NULL, o->alone ? "--alone" : "--cells"),
                       "give --recipient, --templates, --rows and, with --cells, --schemes",
                       "needs to know of which sweep");
    gk_model *m = gk_model_open(o->recipient, err);
    gk_tok *tok = m ? gk_tokenizer_of(o->recipient, err) : NULL;
    gk_cast cast = {.name = {"pre", "sft"}, .model = {m, m}, .n = 2};
    bool ok = tok && (o->alone ? time_alone(o, m, tok, err) : write_all(o, &cast, tok, err));
    gk_tok_free(tok);
    gk_model_free(m);
    return ok;
}

int main(int argc, char **argv) {
    asked o = {.prompts = 32, .tokens = 16, .budget = 1024, .keep = 128, .a = gk_arena_new()};
    const gk_opt opts[] = {
        {"shape", GK_OPT_STR, &o.shape, "NAME", "gpt2-124m, smollm2-135m, …; without: a small model", false},
        {"prompts", GK_OPT_INT, &o.prompts, "N", "random prompts of the grid", false},
        {"tokens", GK_OPT_INT, &o.tokens, "N", "tokens of each", false},
        {"budget", GK_OPT_INT, &o.budget, "MIB", "working memory", false},
        {"threads", GK_OPT_INT, &o.threads, "N", "0: all cores", false},
        {"keep", GK_OPT_INT, &o.keep, "MIB", "of it: matrices laid out; a sweep's share is an eighth", false},
        {"write", GK_OPT_STR, &o.write, "DIR", "makes the models DIR/pre and DIR/sft, and nothing else",
         false},
        {"from", GK_OPT_STR, &o.from, "MODEL", "of this one, as floats, instead of random weights", false},
        {"cells", GK_OPT_STR, &o.cells, "FILE", "lists a sweep's cells, and nothing else", false},
        {"alone", GK_OPT_FLAG, &o.alone, NULL, "times the recipient on a sweep's prompts, and nothing else",
         false},
        {"recipient", GK_OPT_STR, &o.recipient, "MODEL", "of that sweep; so are:", false},
        {"schemes", GK_OPT_LIST, &o.schemes, "FILE", "schemes (YAML); may be repeated", false},
        {"templates", GK_OPT_STR, &o.templates, "FILE", "templates (JSONL)", false},
        {"fillers", GK_OPT_STR, &o.fillers, "FILE", "fixed values (JSON)", false},
        {"rows", GK_OPT_STR, &o.rows, "FILE", "rows (JSONL)", false},
        {"limit", GK_OPT_INT, &o.limit, "N", "the first N rows; 0: all", false},
    };
    gk_error err;
    int code =
        gk_args("bench_sweep", "what grafting costs", opts, sizeof opts / sizeof *opts, argc, argv, o.a);
    if (code < 0) {
        gk_use_threads(o.threads);
        if (o.keep > o.budget) o.keep = o.budget;
        bool ok = o.write              ? write_models(&o, &err)
                  : o.cells || o.alone ? of_sweep(&o, &err)
                                       : in_memory(&o, &err);
        code = ok ? 0 : gk_die("bench_sweep", &err);
    }
    gk_arena_free(o.a);
    return code;
}
