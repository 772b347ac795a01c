/* learned.c: see learned.h. */
#include "tools/learned.h"

#include <inttypes.h>
#include <math.h>

bool gk_learned_open(const gk_learned_args *l, const gk_tok *tok, const gk_config *c, gk_quiz **out,
                     gk_error *err) {
    *out = NULL;
    if (!l->rows && !l->templates && l->trained.n == 0) return true;
    if (!l->rows || !l->templates)
        return gk_fail(err, GK_AT_FIELD(NULL, l->rows ? "--templates" : "--eval-rows"),
                       "give both, or neither", "is missing: rows are asked for in the words of templates");
    gk_quiz_options o = {.held_out = {.templates = l->templates,
                                      .fillers = l->fillers,
                                      .rows = l->rows,
                                      .target = l->target,
                                      .limit = l->limit,
                                      .keep_shared_first = l->keep_shared_first},
                         .templates = l->trained.item,
                         .n_templates = l->trained.n};
    *out = gk_quiz_open(&o, tok, c, err);
    return *out != NULL;
}

static void put_score(json_t *line, const char *who, const gk_quiz_score *s) {
    char key[32];
    if (s->n == 0) return;
    snprintf(key, sizeof key, "%s_prompts", who);
    json_object_set_new(line, key, json_integer((json_int_t)s->n));
    snprintf(key, sizeof key, "%s_top1", who);
    json_object_set_new(line, key, json_real(s->top1));
    snprintf(key, sizeof key, "%s_top5", who);
    json_object_set_new(line, key, json_real(s->top5));
}

bool gk_learned_ask(gk_quiz *quiz, const gk_model *m, json_t *line, gk_error *err) {
    gk_quiz_score held_out, trained;
    if (!gk_quiz_ask(quiz, m, &held_out, &trained, err)) return false;
    put_score(line, "trained", &trained);
    put_score(line, "held_out", &held_out);
    return true;
}

/* ---------------------------------------------------------------- the table */

typedef struct table {
    double sum, valid; /* of the losses since the last row; of the last validation */
    int64_t steps, rows, best_step;
} table;

/* Of a run that ends with its best weights, the step they are of; else -1. */
static int64_t kept_step(gk_arena *a, const char *dir) {
    json_t *m = gk_json_load(gk_path_join(a, dir, "train.json"), NULL);
    const json_t *recipe = json_object_get(json_object_get(m, "inputs"), "recipe");
    bool best = json_is_true(json_object_get(recipe, "keep_best"));
    int64_t step = best ? json_integer_value(json_object_get(m, "best_step")) : -1;
    json_decref(m);
    return step;
}

static void say_header(void) {
    printf("\nwhat was learned: the target is the likeliest next token (top-1), among the five likeliest "
           "(top-5)\n"
           "%5s  %9s  %9s    %-17s    %s\n%5s  %9s  %9s    %8s %8s    %8s %8s\n",
           "", "loss", "loss", "in words trained", "in other words", "epoch", "training", "held out", "top-1",
           "top-5", "top-1", "top-5");
}

static void say_share(const json_t *line, const char *key, const char *before) {
    const json_t *v = json_object_get(line, key);
    if (json_is_number(v))
        printf("%s%7.1f%%", before, 100 * json_number_value(v));
    else
        printf("%s%8s", before, "-");
}

static void say_loss(double x) {
    if (isfinite(x))
        printf("  %9.4f", x);
    else
        printf("  %9s", "-");
}

static void say_row(table *t, const json_t *line) {
    if (t->rows++ == 0) say_header();
    printf("%5" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(line, "epochs")));
    say_loss(t->steps ? t->sum / (double)t->steps : (double)NAN);
    say_loss(t->valid);
    say_share(line, "trained_top1", "    ");
    say_share(line, "trained_top5", " ");
    say_share(line, "held_out_top1", "    ");
    say_share(line, "held_out_top5", " ");
    bool kept = json_integer_value(json_object_get(line, "step")) == t->best_step;
    printf("%s\n", kept ? "  (kept: best on held-out texts)" : "");
    t->sum = 0;
    t->steps = 0;
}

static void take_line(table *t, const json_t *line) {
    const json_t *loss = json_object_get(line, "loss"), *valid = json_object_get(line, "valid_loss");
    if (json_object_get(line, "held_out_top5")) {
        say_row(t, line);
    } else if (json_is_number(valid)) {
        t->valid = json_number_value(valid);
    } else if (json_is_number(loss)) {
        t->sum += json_number_value(loss);
        t->steps++;
    }
}

bool gk_learned_tell(const char *dir, gk_error *err) {
    gk_arena *a = gk_arena_new();
    table t = {.valid = NAN, .best_step = kept_step(a, dir)};
    gk_jsonl *in = gk_jsonl_open(gk_path_join(a, dir, "metrics.jsonl"), err);
    json_t *line;
    int got = -1;
    while (in && (got = gk_jsonl_next(in, &line, err)) > 0) {
        take_line(&t, line);
        json_decref(line);
    }
    if (in) gk_jsonl_close(in);
    gk_arena_free(a);
    return got == 0;
}
