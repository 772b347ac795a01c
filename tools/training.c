/* training.c: what `base` and `finetune` share: options, recipe, one run and how its end is told. */
#include "graftkit/model/config.h"
#include "graftkit/train/corpus.h"
#include "graftkit/train/recipe.h"
#include "graftkit/train/training.h"
#include "tools/training.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- options */

static size_t shared_options(gk_training *t, gk_opt *o) {
    const gk_opt shared[] = {
        {"texts", GK_OPT_LIST, &t->texts, "FILE",
         "JSONL file of {\"text\"} or {\"prompt\", \"completion\"} lines; may be repeated", true},
        {"recipe", GK_OPT_STR, &t->recipe, "FILE", "a YAML recipe, or the name of one in train/recipes",
         false},
        {"out", GK_OPT_STR, &t->out, "DIR", "the run folder", true},
        {"seed", GK_OPT_INT, &t->seed, "N", "decides initial weights, held-out texts, order and mix", false},
        {"threads", GK_OPT_INT, &t->threads, "N", "0: all cores", false},
        {"replace", GK_OPT_FLAG, &t->replace, NULL,
         "start over where DIR holds a run with other inputs, or answers to other questions; else go on with "
         "it",
         false},
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
    t->lists = gk_arena_alloc(t->a, n * sizeof *t->lists);
    for (size_t i = 0; i < n; i++) {
        gk_recipe_key key = gk_recipe_key_at(i);
        char *help = gk_arena_printf(t->a, "%s [the recipe's]", key.help);
        void *dest = key.repeats ? (void *)&t->lists[i] : (void *)&t->overrides[i];
        o[i] = (gk_opt){
            option_name(t->a, key.name), key.repeats ? GK_OPT_LIST : GK_OPT_STR, dest, key.arg, help, false};
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

/* What a model of a size is finetuned with, by its parameters: what teaches a small one destroys a large one.
 */
static const struct {
    double below;
    const char *recipe, *mild, *range;
} SIZES[] = {{2e7, "relation", "relation-mild", "less than 20 million"},
             {5e8, "pretrained-100m", "pretrained-100m-mild", "20 to 500 million"},
             {2e9, "pretrained-1b", "paper-mild", "500 million to 2 billion"},
             {1e18, "pretrained-3b", "paper-mild", "2 billion and more"}};

const char *gk_training_choice(const char *word, size_t i) {
    const bool mild = strcmp(word, "auto-mild") == 0;
    if (i >= sizeof SIZES / sizeof *SIZES || (!mild && strcmp(word, "auto") != 0)) return NULL;
    return mild ? SIZES[i].mild : SIZES[i].recipe;
}

/* `auto` and `auto-mild`: chosen by the model's size, and said. Whether that is no small one. */
static bool choose(gk_training *t, const gk_model *m) {
    double n = (double)gk_model_count(m);
    size_t i = 0;
    while (n >= SIZES[i].below) i++;
    t->recipe = gk_training_choice(t->recipe, i);
    snprintf(t->chosen, sizeof t->chosen,
             "recipe %s, which is for models of %s parameters (this one has %.3g million)%s", t->recipe,
             SIZES[i].range, n / 1e6,
             i > 0 && gk_bf16_faster()
                 ? "; products in bf16, which is faster here, unless --bf16 says otherwise"
                 : "");
    return i > 0;
}

static const char *find_recipe(const gk_training *t, gk_error *err) {
    if (*t->chosen) return gk_shipped_path(t->a, gk_home(), GK_SHIPPED_RECIPES, t->recipe);
    return gk_shipped_find(t->a, gk_home(), GK_SHIPPED_RECIPES, t->recipe, "--recipe", GK_TRAINING_CHOICES,
                           err);
}

/* What the command line says for key i; NULL: nothing. */
static const char * override(const gk_training *t, size_t i) {
    const gk_strings *list = &t->lists[i];
    if (list->n == 0) return t->overrides[i];
    const char *text = list->item[0];
    for (size_t k = 1; k < list->n; k++) text = gk_arena_printf(t->a, "%s\n%s", text, list->item[k]);
    return text;
}

static int load_recipe(gk_training *t, const gk_model *m, gk_recipe *r) {
    gk_error err;
    const gk_config *c = gk_model_config(m);
    bool large = gk_training_choice(t->recipe, 0) && choose(t, m);
    const char *path = find_recipe(t, &err);
    if (!path || !gk_recipe_load(path, c->family, r, &err)) return gk_die(t->command, &err);
    if (large && gk_bf16_faster()) r->bf16 = true;
    bool untied = gk_recipe_untie(r, c);
    for (size_t i = 0; i < gk_recipe_keys(); i++) {
        const char *key = gk_recipe_key_at(i).name, *text = override(t, i);
        gk_place at = GK_AT_FIELD(NULL, gk_arena_printf(t->a, "--%s", option_name(t->a, key)));
        if (text && strcmp(key, "freeze") == 0) untied = false; /* the user says what stays */
        if (!text || gk_recipe_set(r, key, text, at, &err)) continue;
        return gk_die(t->command, &err);
    }
    if (isnan(r->lr)) {
        gk_fail(&err, GK_AT_FIELD(path, "lr"), "give --lr, or add it to the recipe",
                "has no value for the family %s", gk_family_name(c->family));
        return gk_die(t->command, &err);
    }
    if (untied && r->lora.rank == 0)
        fprintf(
            stderr,
            "graftkit %s: the head of this model is its embedding, so the recipe's freeze of head is left "
            "out and both are trained; --freeze lnf,head,embed would keep both\n",
            t->command);
    return gk_recipe_check(r, &err) ? 0 : gk_die(t->command, &err);
}

/* ---------------------------------------------------------------- texts */

typedef struct sources {
    gk_corpus *own, *mix; /* mix: NULL where the recipe mixes nothing in */
} sources;

static void free_texts(sources *t) {
    gk_corpus_free(t->own);
    gk_corpus_free(t->mix);
}

static void tell_mix(const gk_training *t, const gk_corpus *mix, int rows) {
    fprintf(stderr, "graftkit %s: general text: %zu documents", t->command, mix->documents);
    if (mix->left_out) fprintf(stderr, ", %zu of a single token left out", mix->left_out);
    if (mix->cut) fprintf(stderr, ", %zu longer than %d tokens cut", mix->cut, rows);
    fprintf(stderr, ": %zu texts\n", mix->n);
}

static bool load_texts(const gk_training *t, const gk_recipe *r, const gk_config *c, const gk_tok *tok,
                       sources *out, gk_error *err) {
    *out = (sources){.own = gk_corpus_load(tok, t->texts.item, t->texts.n, c->max_positions, r->loss, err)};
    if (!out->own || !(r->mix_ratio > 0)) return out->own != NULL;
    const char *const *files;
    size_t n = gk_recipe_mix(r, t->a, &files);
    out->mix = gk_corpus_load_mix(tok, files, n, gk_recipe_mix_rows(r, c), err);
    if (out->mix) tell_mix(t, out->mix, gk_recipe_mix_rows(r, c));
    return out->mix != NULL;
}

/* ---------------------------------------------------------------- the run */

static void tell_losses(const gk_train_result *r) {
    printf("loss %.4f", r->loss);
    if (isfinite(r->valid_loss)) printf(", validation loss %.4f", r->valid_loss);
    if (r->stopped) printf("; stopped early, the best was step %" PRId64, r->best_step);
    printf("\n");
}

static bool asks(const gk_training *t) {
    return t->learned.quiz || t->learned.general;
}

/* A run that was finished before lost its metrics, perhaps; it is finished all the same. */
static void tell_learned(const gk_training *t) {
    gk_error err;
    char line[2048];
    if (asks(t) && !gk_epoch_eval_tell(t->out, &err))
        fprintf(stderr, "graftkit %s: no table of what was learned: %s\n", t->command,
                gk_error_text(&err, line, sizeof line));
    const char *other = gk_epoch_eval_other(&t->learned, t->out);
    fflush(stdout);
    if (other)
        fprintf(stderr,
                "graftkit %s: note: %s was asked about %s than now, and its answers stay; --replace (make: "
                "REPLACE=1) trains anew and asks\n",
                t->command, t->out, other);
}

/* Which recipe was chosen, once nothing stands against the run. */
static void say_chosen(gk_training *t) {
    if (*t->chosen) fprintf(stderr, "graftkit %s: %s\n", t->command, t->chosen);
    t->chosen[0] = '\0';
}

static int tell(gk_training *t, const gk_train_result *r) {
    say_chosen(t);
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
    gk_training *t = ctx;
    say_chosen(t);
    fprintf(stderr, "graftkit %s: %s\n", t->command, line);
}

static bool ask(void *ctx, const gk_model *m, int64_t step, int64_t epochs, gk_line *line, gk_error *err) {
    const gk_training *t = ctx;
    (void)epochs;
    return gk_epoch_eval_ask(&t->learned, m, step, line, err);
}

static int train(gk_training *t, const gk_recipe *r, const sources *texts, gk_model *model,
                 const gk_tok *tok) {
    gk_error err;
    gk_train_result end;
    gk_train_job job = {.model = model,
                        .base = t->base,
                        .tok = tok,
                        .corpus = texts->own,
                        .mix = texts->mix,
                        .recipe = r,
                        .seed = (uint64_t)t->seed,
                        .dir = t->out,
                        .restart = t->restart || (t->replace && gk_epoch_eval_other(&t->learned, t->out)),
                        .replace = t->replace,
                        .progress = stderr,
                        .label = t->command,
                        .ctx = t,
                        .on_note = take_note,
                        .on_epoch = asks(t) ? ask : NULL,
                        .epoch_bytes = gk_epoch_eval_bytes(&t->learned)};
    return gk_train(&job, &end, &err) ? tell(t, &end) : gk_die(t->command, &err);
}

int gk_training_run(gk_training *t, gk_model *model, const gk_tok *tok) {
    gk_error err;
    gk_recipe recipe;
    const gk_config *c = gk_model_config(model);
    int code = load_recipe(t, model, &recipe);
    if (code != 0) return code;
    sources all;
    code = load_texts(t, &recipe, c, tok, &all, &err) ? train(t, &recipe, &all, model, tok)
                                                      : gk_die(t->command, &err);
    free_texts(&all);
    return code;
}
