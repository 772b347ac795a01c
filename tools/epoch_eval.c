/* epoch_eval.c: see epoch_eval.h. */
#include "core/json.h"
#include "eval/learned/forgetting.h"
#include "graftkit/model/config.h"
#include "graftkit/train/training.h"
#include "tools/epoch_eval.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static bool open_quiz(const gk_epoch_eval_args *l, const gk_tok *tok, const gk_config *c, gk_quiz **out,
                      gk_error *err) {
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

static bool open_general(const gk_epoch_eval_args *l, const char *base, const gk_tok *tok, const gk_model *m,
                         gk_epoch_eval *out, gk_error *err) {
    if (l->no_general && l->general)
        return gk_fail(err, GK_AT_FIELD(NULL, "--no-general"), "give one of them", "stands beside --general");
    if (l->no_general) return true;
    gk_arena *a = gk_arena_new();
    const char *path = l->general ? gk_find(a, GK_SHIPPED_GENERAL, "--general", l->general, err)
                                  : gk_shipped_path(a, gk_home(), GK_SHIPPED_GENERAL, "prose");
    if (path) out->general = gk_general_open(path, base, tok, m, err);
    bool ok = out->general && gk_sha256_file(path, out->general_sha256, err);
    gk_arena_free(a);
    return ok;
}

static bool add_hash(gk_buf *b, const char *path, gk_error *err) {
    char hex[GK_SHA256_HEX] = "";
    if (path && !gk_sha256_file(path, hex, err)) return false;
    gk_buf_printf(b, "%s\n", hex);
    return true;
}

/* Of all that decides what is asked for the rows. */
static bool hash_quiz(const gk_epoch_eval_args *l, char hex[GK_SHA256_HEX], gk_error *err) {
    gk_buf b = {0};
    gk_buf_printf(&b, "%s\n%" PRId64 "\n%d\n", l->target, l->limit, l->keep_shared_first);
    bool ok = add_hash(&b, l->rows, err) && add_hash(&b, l->templates, err) && add_hash(&b, l->fillers, err);
    for (size_t i = 0; ok && i < l->trained.n; i++) ok = add_hash(&b, l->trained.item[i], err);
    gk_sha256_bytes(b.data, b.len, hex);
    gk_buf_free(&b);
    return ok;
}

bool gk_epoch_eval_open(const gk_epoch_eval_args *l, const char *base, const gk_tok *tok, const gk_model *m,
                        gk_epoch_eval *out, gk_error *err) {
    *out = (gk_epoch_eval){0};
    if (open_quiz(l, tok, gk_model_config(m), &out->quiz, err) &&
        (!out->quiz || hash_quiz(l, out->quiz_sha256, err)) && open_general(l, base, tok, m, out, err))
        return true;
    gk_epoch_eval_close(out);
    return false;
}

void gk_epoch_eval_close(gk_epoch_eval *l) {
    gk_quiz_close(l->quiz);
    gk_general_close(l->general);
    *l = (gk_epoch_eval){0};
}

size_t gk_epoch_eval_bytes(const gk_epoch_eval *l) {
    size_t quiz = l->quiz ? gk_quiz_bytes(l->quiz) : 0,
           general = l->general ? gk_general_size(l->general) : 0;
    return quiz > general ? quiz : general;
}

static void put_score(gk_line *line, const char *who, const gk_quiz_score *s) {
    char key[32];
    if (s->n == 0) return;
    snprintf(key, sizeof key, "%s_prompts", who);
    gk_line_count(line, key, (int64_t)s->n);
    snprintf(key, sizeof key, "%s_top1", who);
    gk_line_num(line, key, s->top1);
    snprintf(key, sizeof key, "%s_top5", who);
    gk_line_num(line, key, s->top5);
}

static bool ask_quiz(gk_quiz *quiz, const gk_model *m, gk_line *line, gk_error *err) {
    gk_quiz_score held_out, trained;
    if (!gk_quiz_ask(quiz, m, &held_out, &trained, err)) return false;
    put_score(line, "trained", &trained);
    put_score(line, "held_out", &held_out);
    return true;
}

bool gk_epoch_eval_ask(const gk_epoch_eval *l, const gk_model *m, int64_t step, gk_line *line,
                       gk_error *err) {
    if (l->quiz) gk_line_text(line, "quiz_sha256", l->quiz_sha256);
    if (l->general) gk_line_text(line, "general_sha256", l->general_sha256);
    return (!l->quiz || ask_quiz(l->quiz, m, line, err)) &&
           (!l->general || gk_general_ask(l->general, m, step, line, err));
}

/* What is asked now and was not then, or otherwise. Answers without a hash are taken as they are. */
static bool differs(const json_t *line, const char *key, const char *answer, const char *sha256) {
    const char *there = json_string_value(json_object_get(line, key));
    return *sha256 && (there ? strcmp(there, sha256) != 0 : !json_object_get(line, answer));
}

const char *gk_epoch_eval_other(const gk_epoch_eval *l, const char *dir) {
    gk_arena *a = gk_arena_new();
    gk_jsonl *in = gk_jsonl_open(gk_path_join(a, dir, "metrics.jsonl"), NULL);
    bool quiz = in && l->quiz, general = in && l->general;
    json_t *line;
    for (bool first = true; in && gk_jsonl_next(in, &line, NULL) > 0;) {
        if (json_object_get(line, "epochs")) { /* a line of answers */
            if (first) quiz = general = first = false;
            quiz |= differs(line, "quiz_sha256", "held_out_top5", l->quiz_sha256);
            general |= differs(line, "general_sha256", "general_loss", l->general_sha256);
        }
        json_decref(line);
    }
    if (in) gk_jsonl_close(in);
    gk_arena_free(a);
    return quiz && general ? "other rows or words and other general text"
           : quiz          ? "other rows or words"
           : general       ? "other general text"
                           : NULL;
}

/* ---------------------------------------------------------------- the table */

typedef struct epoch_table {
    double sum, valid;                      /* of the losses since the last row; of the last validation */
    int64_t steps, rows, best_step, epochs; /* epochs: of the last row */
    json_t *first, *end;                    /* the lines before training and of the model that came out */
} epoch_table;

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
           "%5s  %9s  %9s    %-17s    %-17s    %s\n%5s  %9s  %9s    %8s %8s    %8s %8s    %s\n",
           "", "loss", "loss", "in words trained", "in other words", "general text", "epoch", "training",
           "held out", "top-1", "top-5", "top-1", "top-5", "perplexity");
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

static void say_row(epoch_table *t, const json_t *line) {
    if (t->rows++ == 0) say_header();
    int64_t epochs = json_integer_value(json_object_get(line, "epochs"));
    if (t->rows > 1 && epochs == t->epochs) /* the run ended within an epoch */
        printf("%5s", "end");
    else
        printf("%5" PRId64, epochs);
    t->epochs = epochs;
    say_loss(t->steps ? t->sum / (double)t->steps : (double)NAN);
    say_loss(t->valid);
    say_share(line, "trained_top1", "    ");
    say_share(line, "trained_top5", " ");
    say_share(line, "held_out_top1", "    ");
    say_share(line, "held_out_top5", " ");
    const json_t *general = json_object_get(line, "general_loss");
    if (json_is_number(general))
        printf("  %12.5g", exp(json_number_value(general)));
    else
        printf("  %12s", "-");
    bool kept = json_integer_value(json_object_get(line, "step")) == t->best_step;
    if (!t->first) t->first = json_deep_copy(line);
    if (kept || t->best_step <= 0) {
        json_decref(t->end);
        t->end = json_deep_copy(line);
    }
    printf("%s\n", kept ? "  (kept: best on held-out texts)" : "");
    t->sum = 0;
    t->steps = 0;
}

static void take_line(epoch_table *t, const json_t *line) {
    const json_t *loss = json_object_get(line, "loss"), *valid = json_object_get(line, "valid_loss");
    if (json_object_get(line, "held_out_top5") || json_object_get(line, "general_loss")) {
        say_row(t, line);
    } else if (json_is_number(valid)) {
        t->valid = json_number_value(valid);
    } else if (json_is_number(loss)) {
        t->sum += json_number_value(loss);
        t->steps++;
    }
}

/* "|dW|/|W|: all 0.031; q 0.024, …" */
static void say_change(const json_t *change) {
    const char *name, *before = "; ";
    json_t *x;
    if (!change) return;
    printf("how far the weights have moved, |dW|/|W|: %.3g in all",
           json_number_value(json_object_get(change, "all")));
    json_object_foreach((json_t *)(uintptr_t)change, name, x) {
        if (strcmp(name, "all") == 0 || !(json_number_value(x) > 0)) continue;
        printf("%s%s %.3g", before, name, json_number_value(x));
        before = ", ";
    }
    printf("\n");
}

static void say_forgotten(const epoch_table *t) {
    gk_forgetting f;
    char text[512];
    if (!t->first || !t->end) return;
    say_change(json_object_get(t->end, "change"));
    if (gk_forgetting_read(t->first, t->end, &f)) printf("%s\n", gk_forgetting_text(&f, text, sizeof text));
}

bool gk_epoch_eval_tell(const char *dir, gk_error *err) {
    gk_arena *a = gk_arena_new();
    epoch_table t = {.valid = NAN, .best_step = kept_step(a, dir)};
    gk_jsonl *in = gk_jsonl_open(gk_path_join(a, dir, "metrics.jsonl"), err);
    json_t *line;
    int got = -1;
    while (in && (got = gk_jsonl_next(in, &line, err)) > 0) {
        take_line(&t, line);
        json_decref(line);
    }
    if (in) gk_jsonl_close(in);
    if (got == 0) say_forgotten(&t);
    json_decref(t.first);
    json_decref(t.end);
    gk_arena_free(a);
    return got == 0;
}
