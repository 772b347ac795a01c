/* cmd_finetune.c: finetunes a model on texts. */
#include "graftkit/model/checkpoint.h"
#include "graftkit/train/corpus.h"
#include "tools/training.h"

typedef struct source {
    const char *model, *tokenizer;
    gk_epoch_eval_args learned;
} source;

static int finetune(gk_training *t, const source *s, gk_model *m, const gk_tok *tok) {
    gk_error err;
    if (!gk_epoch_eval_open(&s->learned, s->model, tok, m, &t->learned, &err))
        return gk_die(t->command, &err);
    int code = gk_training_run(t, m, tok);
    gk_epoch_eval_close(&t->learned);
    return code;
}

static int run(gk_training *t, const source *s) {
    gk_error err;
    if (gk_same_file(s->model, t->out)) {
        gk_fail(&err, GK_AT_FIELD(NULL, "--out"), "name another folder", "is the folder of --model");
        return gk_die(t->command, &err);
    }
    t->base = s->model;
    gk_tok *tok = s->tokenizer ? gk_tok_load(s->tokenizer, &err) : gk_tokenizer_of(s->model, &err);
    if (!tok) return gk_die(t->command, &err);
    gk_model *m = gk_model_load(s->model, &err);
    int code = m ? finetune(t, s, m, tok) : gk_die(t->command, &err);
    gk_model_free(m);
    gk_tok_free(tok);
    return code;
}

int cmd_finetune(int argc, char **argv) {
    gk_training t = {.command = argv[0], .a = gk_arena_new(), .recipe = "auto", .seed = 1};
    source s = {.learned = GK_EPOCH_EVAL_DEFAULTS};
    const gk_opt own[] = {
        {"model", GK_OPT_STR, &s.model, "DIR", "the model to start from", true},
        {"tokenizer", GK_OPT_STR, &s.tokenizer, "DIR", "its tokenizer [the model folder]", false},
        GK_EPOCH_EVAL_OPTS(&s.learned),
    };
    int code = gk_training_args(&t, "finetune a model on texts", own, sizeof own / sizeof *own, argc, argv);
    if (code < 0) code = run(&t, &s);
    gk_arena_free(t.a);
    return code;
}
