#include "tools/training.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- options */

static size_t shared_options(gk_training *t, gk_opt *o) {
    const gk_opt shared[] = {
        {"texts", GK_OPT_LIST, &t->texts, "FILE", "JSONL file of {\"text\": \"...\"} lines; may be repeated",
         true},
        {"recipe", GK_OPT_STR, &t->recipe, "FILE", "a YAML recipe, or the name of one in train/recipes",
         false},
        {"out", GK_OPT_STR, &t->out, "DIR", "the run folder", true},
        {"seed", GK_OPT_INT, &t->seed, "N", "decides initial weights, held-out texts and order", false},
        {"threads", GK_OPT_INT, &t->threads, "N", "0: all cores", false},
        {"replace", GK_OPT_FLAG, &t->replace, NULL,
         "start over where DIR holds a run with other inputs; else go on with it", false},
        {"restart", GK_OPT_FLAG, &t->restart, NULL, "start over whatever run DIR holds", false},
    };
    memcpy(o, shared, sizeof shared);
    return sizeof shared / sizeof *shared;
}

static char *option_name(gk_arena *a, const char *key) {
    char *name = gk_arena_strdup(a, key);
    for (char *c = name; *c; c++)
        if (*c == '_') *c = '-';
    return name;
}

/* `--weight-decay X` for the recipe's weight_decay, and so on: texts, which the recipe parses. */
static size_t recipe_options(gk_training *t, gk_opt *o) {
    size_t n = gk_recipe_keys();
    t->overrides = gk_arena_alloc(t->a, n * sizeof *t->overrides);
    for (size_t i = 0; i < n; i++) {
        gk_recipe_key key = gk_recipe_key_at(i);
        char *help = gk_arena_printf(t->a, "%s [the recipe's]", key.help);
        o[i] = (gk_opt){option_name(t->a, key.name), GK_OPT_STR, &t->overrides[i], key.arg, help, false};
    }
    return n;
}

int gk_training_args(gk_training *t, const char *summary, const gk_opt *own, size_t n_own, int argc,
                     char **argv) {
    gk_opt *o = gk_arena_alloc(t->a, (n_own + 8 + gk_recipe_keys()) * sizeof *o);
    memcpy(o, own, n_own * sizeof *o);
    size_t n = n_own;
    n += shared_options(t, o + n);
    n += recipe_options(t, o + n);
    int code = gk_args(t->command, summary, o, n, argc, argv, t->a);
    if (code < 0) gk_use_threads(t->threads);
    return code;
}

/* ---------------------------------------------------------------- recipe */

static const char *recipe_path(const gk_training *t) {
    bool is_path = strchr(t->recipe, '/') || strchr(t->recipe, '.');
    return is_path ? t->recipe : gk_arena_printf(t->a, "%s/train/recipes/%s.yaml", gk_home(), t->recipe);
}

static int load_recipe(const gk_training *t, const gk_config *c, gk_recipe *r) {
    gk_error err;
    if (!gk_recipe_load(recipe_path(t), c->family, r, &err)) return gk_die(t->command, &err);
    for (size_t i = 0; i < gk_recipe_keys(); i++) {
        const char *key = gk_recipe_key_at(i).name, *text = t->overrides[i];
        gk_place at = GK_AT_FIELD(NULL, gk_arena_printf(t->a, "--%s", option_name(t->a, key)));
        if (!text || gk_recipe_set(r, key, text, at, &err)) continue;
        return gk_die(t->command, &err);
    }
    return 0;
}

/* ---------------------------------------------------------------- the run */

static void tell_losses(const gk_train_result *r) {
    printf("loss %.4f", r->loss);
    if (isfinite(r->valid_loss)) printf(", validation loss %.4f", r->valid_loss);
    printf("\n");
}

/* A run that was finished before lost its metrics, perhaps; it is finished all the same. */
static void tell_learned(const gk_training *t) {
    gk_error err;
    char line[2048];
    if (t->quiz && !gk_learned_tell(t->out, &err))
        fprintf(stderr, "graftkit %s: no table of what was learned: %s\n", t->command,
                gk_error_text(&err, line, sizeof line));
}

static int tell(const gk_training *t, const gk_train_result *r) {
    switch (r->end) {
    case GK_TRAIN_ALREADY:
        printf("%s: already finished: %" PRId64 " steps, ", t->out, r->steps);
        tell_losses(r);
        tell_learned(t);
        return 0;
    case GK_TRAIN_DONE:
        printf("%s: %" PRId64 " steps, %" PRId64 " tokens in %.1f s, ", t->out, r->steps, r->tokens,
               r->seconds);
        tell_losses(r);
        tell_learned(t);
        return 0;
    case GK_TRAIN_INTERRUPTED:
        break;
    }
    fprintf(stderr,
            "graftkit %s: interrupted after step %" PRId64 " of %" PRId64
            "; the same command %sgoes on from there\n",
            t->command, r->steps, r->total_steps, t->restart ? "without --restart " : "");
    return 130;
}

static void take_note(void *ctx, const char *line) {
    const gk_training *t = ctx;
    fprintf(stderr, "graftkit %s: %s\n", t->command, line);
}

static bool ask(void *ctx, const gk_model *m, int64_t step, int64_t epochs, json_t *line, gk_error *err) {
    const gk_training *t = ctx;
    (void)step, (void)epochs;
    return gk_learned_ask(t->quiz, m, line, err);
}

static int train(const gk_training *t, const gk_recipe *r, const gk_corpus *texts, gk_model *model,
                 const gk_tok *tok) {
    gk_error err;
    gk_train_result end;
    gk_train_job job = {.model = model,
                        .tok = tok,
                        .corpus = texts,
                        .recipe = r,
                        .seed = (uint64_t)t->seed,
                        .dir = t->out,
                        .restart = t->restart,
                        .replace = t->replace,
                        .progress = stderr,
                        .label = t->command,
                        .ctx = (void *)(uintptr_t)t,
                        .on_note = take_note,
                        .on_epoch = t->quiz ? ask : NULL};
    return gk_train(&job, &end, &err) ? tell(t, &end) : gk_die(t->command, &err);
}

int gk_training_run(const gk_training *t, gk_model *model, const gk_tok *tok) {
    gk_error err;
    gk_recipe recipe;
    const gk_config *c = gk_model_config(model);
    int code = load_recipe(t, c, &recipe);
    if (code != 0) return code;
    gk_corpus *texts = gk_corpus_load(tok, t->texts.item, t->texts.n, c->max_positions, &err);
    if (!texts) return gk_die(t->command, &err);
    code = train(t, &recipe, texts, model, tok);
    gk_corpus_free(texts);
    return code;
}
