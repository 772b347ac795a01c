/* quiz.c: what a model in training knows, asked in words it was trained on and in others. */
#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/eval/learned.h"
#include "graftkit/eval/measure.h"
#include "graftkit/eval/prompts.h"
#include "graftkit/graft/cast.h"
#include "graftkit/graft/engine.h"
#include "graftkit/graft/plan.h"
#include "graftkit/model/config.h"
#include "graftkit/model/weights.h"
#include "graftkit/tokenizer.h"

#include <string.h>

typedef struct quiz_part { /* prompts of one kind */
    gk_job *jobs;
    const gk_prompt **of_job;
    size_t n;
} quiz_part;

struct gk_quiz {
    gk_arena *a;
    const gk_config *c;
    size_t budget;
    quiz_part held_out, trained;
};

/* ---------------------------------------------------------------- what is asked */

static void add_prompt(gk_quiz *q, quiz_part *to, const gk_prompt *p) {
    if (p->dropped) return;
    gk_plan *plan = gk_arena_alloc(q->a, sizeof *plan);
    *plan = gk_plan_single(q->a, q->c, (int)p->tokens.n, 0);
    to->of_job[to->n] = p;
    to->jobs[to->n++] = (gk_job){.token = p->tokens.id, .n = (int)p->tokens.n, .plan = plan};
}

static quiz_part prompts_of(gk_quiz *q, size_t most) {
    return (quiz_part){.jobs = gk_arena_alloc(q->a, most * sizeof(gk_job)),
                       .of_job = gk_arena_alloc(q->a, most * sizeof(gk_prompt *))};
}

static bool some(const quiz_part *p, const gk_prompts *from, const char *path, gk_error *err) {
    if (p->n > 0) return true;
    return gk_fail(err, GK_AT_FILE(path), "mend the rows or the templates",
                   "none of the %zu prompts can be asked; the first: %s", from->n,
                   from->item[0].dropped ? from->item[0].dropped : "(it can)");
}

static bool load_held_out(gk_quiz *q, const gk_quiz_options *o, const gk_tok *tok, size_t *a_row,
                          gk_error *err) {
    gk_prompts p;
    if (!gk_prompts_load(q->a, &o->held_out, tok, q->c->max_positions, &p, err)) return false;
    q->held_out = prompts_of(q, p.n);
    for (size_t i = 0; i < p.n; i++) add_prompt(q, &q->held_out, &p.item[i]);
    *a_row = p.n_templates;
    return some(&q->held_out, &p, o->held_out.rows, err);
}

/* Row i is asked the templates i * a_row, i * a_row + 1, … of all files together, beginning anew behind the
 * last. */
static bool load_trained(gk_quiz *q, const gk_quiz_options *o, const gk_tok *tok, size_t a_row,
                         gk_error *err) {
    if (o->n_templates == 0) return true;
    gk_prompts *file = gk_arena_alloc(q->a, o->n_templates * sizeof *file);
    size_t n = 0, some_file = 0;
    for (size_t f = 0; f < o->n_templates; f++) {
        gk_prompt_options one = o->held_out;
        one.templates = o->templates[f];
        one.cut = one.maybe_none = true;
        if (!gk_prompts_load(q->a, &one, tok, q->c->max_positions, &file[f], err)) return false;
        n += file[f].n_templates;
        if (file[f].n_templates > 0)
            some_file = f;
        else
            gk_notice(GK_AT_FILE(one.templates), "is left out of the quiz: no template leads up to '%s'",
                      one.target);
    }
    if (n == 0) return true;
    if (a_row > n) a_row = n;
    q->trained = prompts_of(q, file[0].n_rows * a_row);
    for (size_t i = 0; i < file[0].n_rows * a_row; i++) {
        size_t t = i % n, f = 0;
        for (; t >= file[f].n_templates; f++) t -= file[f].n_templates;
        add_prompt(q, &q->trained, &file[f].item[i / a_row * file[f].n_templates + t]);
    }
    return some(&q->trained, &file[some_file], o->held_out.rows, err);
}

gk_quiz *gk_quiz_open(const gk_quiz_options *o, const gk_tok *tok, const gk_config *c, gk_error *err) {
    gk_arena *a = gk_arena_new();
    gk_quiz *q = gk_arena_alloc(a, sizeof *q);
    gk_config *copy = gk_arena_alloc(a, sizeof *copy);
    *copy = *c;
    *q = (gk_quiz){.a = a, .c = copy, .budget = o->budget_bytes ? o->budget_bytes : (size_t)256 << 20};
    size_t a_row;
    if (load_held_out(q, o, tok, &a_row, err) && load_trained(q, o, tok, a_row, err)) return q;
    gk_quiz_close(q);
    return NULL;
}

void gk_quiz_close(gk_quiz *q) {
    if (q) gk_arena_free(q->a);
}

/* ---------------------------------------------------------------- asking */

typedef struct asking {
    const quiz_part *part;
    int vocab;
    size_t top1, top5;
} asking;

static bool take_logits(void *ctx, size_t job, const float *logits) {
    asking *k = ctx;
    gk_score score;
    if (!gk_score_logits(logits, k->vocab, k->part->of_job[job]->target_id, &score, NULL)) return true;
    k->top1 += score.rank < 1;
    k->top5 += score.rank < 5;
    return true;
}

static bool ask(const gk_quiz *q, const quiz_part *p, const gk_model *m, gk_quiz_score *out, gk_error *err) {
    gk_cast cast = {.name = {"model"}, .model = {m}, .n = 1};
    asking k = {.part = p, .vocab = q->c->vocab};
    *out = (gk_quiz_score){0};
    if (p->n == 0) return true;
    if (!gk_graft_run(&cast, p->jobs, p->n, q->budget, take_logits, &k, NULL, err)) return false;
    *out = (gk_quiz_score){
        .n = p->n, .top1 = (double)k.top1 / (double)p->n, .top5 = (double)k.top5 / (double)p->n};
    return true;
}

size_t gk_quiz_bytes(const gk_quiz *q) {
    size_t held_out = gk_graft_memory(q->c, q->held_out.jobs, q->held_out.n, q->budget);
    size_t trained = gk_graft_memory(q->c, q->trained.jobs, q->trained.n, q->budget);
    return held_out > trained ? held_out : trained;
}

bool gk_quiz_ask(gk_quiz *q, const gk_model *m, gk_quiz_score *held_out, gk_quiz_score *trained,
                 gk_error *err) {
    return ask(q, &q->held_out, m, held_out, err) && ask(q, &q->trained, m, trained, err);
}
