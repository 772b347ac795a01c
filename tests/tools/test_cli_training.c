/* modules: model core
 *
 * test_cli_training.c: finetuning as a person runs it: what is told, recipes and texts of one's own,
 * adapters, and what is refused. $GRAFTKIT names the binary (make test sets it). */
#include "core/json.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/weights.h"
#include "tests/support/cli_fixture.h"

#define ASK                                                           \
    "--eval-rows $D/data/relation/metadata.jsonl --eval-most 3 " EVAL \
    "--train-templates templates/fake_movies_fake_actors/qa.jsonl "

/* A line an epoch, the untaught model's first; a run that is finished tells it again. */
START_TEST(what_was_learned_is_told) {
    char out[16384];
    for (int again = 0; again < 2; again++) {
        ck_assert_int_eq(
            run(out, sizeof out, FINETUNE ASK "--recipe relation --epochs 2 --out $D/asked 2>/dev/null"), 0);
        char *table = strstr(out, "what was learned");
        ck_assert_msg(table != NULL, "%s", out);
        for (int epoch = 0; epoch <= 2; epoch++) {
            char row[16];
            snprintf(row, sizeof row, "\n%5d  ", epoch);
            ck_assert_msg(strstr(table, row) != NULL, "no epoch %d in\n%s", epoch, table);
        }
        ck_assert_ptr_null(strstr(table, "\n    3 "));
    }
    /* A run of steps may end within an epoch. */
    ck_assert_int_eq(run(out, sizeof out,
                         FINETUNE ASK
                         "--recipe relation --steps 5 --warmup-ratio 0 --out $D/steps 2>/dev/null"),
                     0);
    ck_assert_msg(strstr(out, "\n    1  ") && strstr(out, "\n  end  "), "%s", out);
    scratch s = scratch_new();
    gk_jsonl *in = gk_jsonl_open(in_run(&s, "asked/metrics.jsonl"), NULL);
    json_t *line;
    int64_t epochs = 0;
    while (gk_jsonl_next(in, &line, NULL) > 0) {
        if (json_object_get(line, "epochs")) {
            ck_assert_int_eq(json_integer_value(json_object_get(line, "epochs")), epochs++);
            ck_assert_int_eq(json_integer_value(json_object_get(line, "held_out_prompts")), 3 * 4);
            ck_assert_int_eq(json_integer_value(json_object_get(line, "trained_prompts")), 3 * 4);
        }
        json_decref(line);
    }
    gk_jsonl_close(in);
    ck_assert_int_eq(epochs, 3);
    scratch_free(&s);
}
END_TEST

/* Answers are those to the questions that were asked: others are said to be others, and asked anew where
 * that is wanted. */
START_TEST(other_questions_are_not_answered_by_old_answers) {
    scratch s = scratch_new();
    write_in_run(&s, "general.txt", "A text of one's own.\n\nAnd another paragraph of it.\n");
#define AGAIN FINETUNE "--recipe relation --epochs 1 --out $D/again "
    static const char NOTE[] = "was asked about other ";
    ck_assert_ptr_null(strstr(output_of(&s, AGAIN ASK), NOTE));
    ck_assert_ptr_null(strstr(output_of(&s, AGAIN ASK), NOTE));
    ck_assert_ptr_null(strstr(output_of(&s, AGAIN ASK "--replace"), NOTE));
    ck_assert_ptr_null(strstr(output_of(&s, AGAIN "--no-general"), NOTE)); /* nothing is asked */
    ck_assert_ptr_nonnull(
        strstr(output_of(&s, AGAIN ASK "--train-templates templates/fake_movies_fake_actors/article.jsonl"),
               "about other rows or words than"));
    ck_assert_ptr_nonnull(
        strstr(output_of(&s, AGAIN ASK "--keep-shared-first"), "about other rows or words than"));
    char *out = output_of(&s, AGAIN ASK "--general $D/general.txt");
    ck_assert_msg(strstr(out, "about other general text than") && strstr(out, "already finished"), "%s", out);
    out = output_of(&s, AGAIN ASK "--general $D/general.txt --replace");
    ck_assert_msg(!strstr(out, NOTE) && !strstr(out, "already finished"), "%s", out);
    succeeds(FINETUNE "--recipe relation --epochs 1 --out $D/unasked --no-general");
    out = output_of(&s, FINETUNE "--recipe relation --epochs 1 --out $D/unasked " ASK);
    ck_assert_msg(strstr(out, "other rows or words and other general text than"), "%s", out);
    scratch_free(&s);
}
END_TEST

/* What was forgotten is asked with the rest: of the shipped text or another, before and after, and how far
 * the weights have moved: not at all where they are frozen. */
START_TEST(what_was_forgotten_is_told) {
    scratch s = scratch_new();
    char *out = output_of(&s, FINETUNE "--epochs 2 --freeze lnf,head,q --out $D/forgets 2>/dev/null");
    ck_assert_msg(strstr(out, "general text") && strstr(out, "\n    2  "), "%s", out);
    ck_assert_msg(strstr(out, "|dW|/|W|: ") && strstr(out, ", k ") && !strstr(out, ", q "), "%s", out);
    ck_assert_msg(strstr(out, "the model did not read general text before"), "%s", out);
    gk_jsonl *in = gk_jsonl_open(in_run(&s, "forgets/metrics.jsonl"), NULL);
    json_t *line, *end = NULL;
    while (gk_jsonl_next(in, &line, NULL) > 0) {
        if (json_object_get(line, "general_loss")) {
            json_decref(end);
            end = json_incref(line);
        }
        json_decref(line);
    }
    gk_jsonl_close(in);
    /* The same as the comparison of the two folders says. */
    succeeds("diff --a $D/base --b $D/forgets --rank 1 --json $D/forgets.json");
    json_t *diff = gk_json_load(in_run(&s, "forgets.json"), NULL), *change = json_object_get(end, "change");
    double want = json_number_value(json_object_get(diff, "relative"));
    ck_assert_double_gt(want, 0);
    ck_assert_double_eq_tol(json_number_value(json_object_get(change, "all")), want, 1e-6 * want);
    ck_assert_double_eq(json_number_value(json_object_get(change, "q")), 0);
    ck_assert_ptr_null(json_object_get(change, "pos")); /* it has none */
    json_decref(diff);
    json_decref(end);

    write_in_run(&s, "own.txt", "A text of one's own.\n\nAnd another paragraph of it.\n");
    out = output_of(&s, FINETUNE "--epochs 1 --general $D/own.txt --out $D/forgets2 2>/dev/null");
    ck_assert_ptr_nonnull(strstr(out, "general text"));
    out = output_of(&s, FINETUNE "--epochs 1 --no-general --out $D/forgets3 2>/dev/null");
    ck_assert_msg(!strstr(out, "what was learned") && !strstr(out, "general"), "%s", out);
    refused(FINETUNE "--general $D/none.txt --out $D/no", "none.txt", "No such file");
    refused(FINETUNE "--general $D/own.txt --no-general --out $D/no", "--no-general", "beside --general");
    scratch_free(&s);
}
END_TEST

/* Nothing is known of a model but its size: a small one gets the small one's recipe, and it is said. */
START_TEST(a_recipe_is_chosen_by_size) {
    scratch s = scratch_new();
    char *out = output_of(&s, FINETUNE "--epochs 1 --no-general --out $D/auto");
    ck_assert_msg(strstr(out, "recipe relation, which is for models of less than 20 million parameters"),
                  "%s", out);
    json_t *m = gk_json_load(in_run(&s, "auto/train.json"), NULL);
    const json_t *recipe = json_object_get(json_object_get(m, "inputs"), "recipe");
    ck_assert_double_eq(json_number_value(json_object_get(recipe, "lr")), 2e-3);
    json_decref(m);
    out = output_of(&s, FINETUNE "--recipe auto-mild --epochs 1 --no-general --out $D/auto_mild");
    ck_assert_ptr_nonnull(strstr(out, "recipe relation-mild, "));
    /* 21 million parameters. */
    succeeds("base --family llama --layers 1 --d-model 512 --heads 4 --ffn 13000 --positions 64 "
             "--steps 1 "
             "--memory lean --rows 64 --batch 1 --warmup 0 --tokenizer $D/tokenizer --texts "
             "$D/data/relation/A2B.jsonl "
             "--recipe base --out $D/wide");
    out = output_of(
        &s, "finetune --model $D/wide --texts $D/data/relation/A2B.jsonl --steps 1 --batch 1 --no-general "
            "--bf16 false --out $D/wide2");
    ck_assert_msg(strstr(out, "recipe pretrained-100m, which is for models of 20 to 500 million"), "%s", out);
    refused(FINETUNE "--warmup 500 --warmup-ratio 0 --out $D/no", "'warmup'", "and the whole run has");
    scratch_free(&s);
}
END_TEST

/* The weights of a step, left by --keep-last, are a model by their path, and those that a run of so many
 * steps ends with. */
START_TEST(a_step_is_a_model) {
    scratch s = scratch_new();
    static const char *const memory[] = {"standard", "lean"};
#define STEADY \
    FINETUNE "--schedule constant --warmup-ratio 0 --no-general --validation 0 --memory %s --rows 4096 "
    for (int i = 0; i < 2; i++) {
        succeeds(gk_arena_printf(s.a, STEADY "--steps 2 --out $D/two%d", memory[i], i));
        const char *six = gk_arena_printf(
            s.a, STEADY "--steps 6 --checkpoint-steps 2 --keep-last 3 --out $D/six%d", memory[i], i);
        succeeds(six);
        succeeds(six); /* it is finished: they stay */
        char *step = gk_arena_printf(s.a, "logits --model $D/six%d/checkpoint-2.safetensors --ids 1,5,9", i);
        char *short_run = gk_arena_printf(s.a, "logits --model $D/two%d --ids 1,5,9", i);
        char *whole = gk_arena_printf(s.a, "logits --model $D/six%d --ids 1,5,9", i);
        ck_assert_str_eq(output_of(&s, step), output_of(&s, short_run));
        ck_assert_str_ne(output_of(&s, step), output_of(&s, whole));
        ck_assert(!gk_exists(in_run(&s, gk_arena_printf(s.a, "two%d/checkpoint-0.safetensors", i))));
    }
#define STEP "$D/six0/checkpoint-4.safetensors"
    succeeds("diff --a $D/base --b " STEP " --rank 1");
    succeeds("generate --model " STEP " --prompt A --tokens 2");
    succeeds("sweep --recipient pre=$D/base --donor sft=" STEP
             " --rows $D/data/relation/metadata.jsonl " EVAL POSITION "--limit 2 --out $D/step.db");
    succeeds("finetune --model " STEP
             " --texts $D/data/relation/A2B.jsonl --epochs 1 --lora-rank 2 --out $D/on_step");
    refused("logits --model $D/six0/checkpoint-3.safetensors --ids 1", "checkpoint-3.safetensors",
            "No such file");
    succeeds(
        FINETUNE
        "--steps 3 --checkpoint-steps 1 --keep-last 2 --warmup-ratio 0 --lora-rank 2 --out $D/lora_steps");
    refused("logits --model $D/lora_steps/checkpoint-2.safetensors --ids 1", "checkpoint-2.safetensors",
            "of an adapter");
    scratch_free(&s);
}
END_TEST

/* Neither a run nor a model nor another's tokenizer is written over. */
static const char *text_of(scratch *s, const char *name) {
    gk_error err = {0};
    const char *text = gk_read_file(s->a, in_run(s, name), 1 << 20, NULL, &err);
    ck_assert_msg(text != NULL, "%s: %s", err.file, err.what);
    return text;
}

START_TEST(nothing_is_replaced_unasked) {
    scratch s = scratch_new();
    succeeds(FINETUNE "--epochs 1 --no-general --lora-rank 2 --out $D/small");
    refused("merge --adapter $D/small --out $D/relation", "relation/train.json", "holds a model or a run");
    refused("merge --adapter $D/small --out $D/tokenizer", "tokenizer.model", "--replace");
    succeeds("merge --adapter $D/small --out $D/sum");
    refused("merge --adapter $D/small --out $D/sum", "sum/model.safetensors", "--replace");
    succeeds("merge --adapter $D/small --out $D/sum --replace");
    succeeds("tokenizer --texts $D/data/tokenizer.jsonl --vocab 900 --out $D/tokenizer"); /* the same */
    refused("tokenizer --texts $D/data/tokenizer.jsonl --vocab 800 --out $D/tokenizer",
            "holds another tokenizer", "--replace");
    refused("tokenizer --texts $D/data/tokenizer.jsonl --vocab 800 --out $D/base", "base/tokenizer.model",
            "--replace");
    ck_assert(!gk_exists(in_run(&s, "tokenizer.new")));
    /* A file of no run, in a folder without one, is somebody's. */
    static const char *const theirs[] = {"generation_config.json", "tokenizer_config.json",
                                         "tokenizer.model"};
    static const char *const makers[] = {
        FINETUNE "--epochs 1 --no-general --out $D/theirs",
        ("base --tokenizer $D/tokenizer --texts $D/data/base/texts.jsonl --d-model 16 --layers 1 --heads 1 "
         "--epochs 1 --warmup 1 --out $D/theirs"),
        "merge --adapter $D/small --out $D/theirs"};
    for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++) {
        const char *path = gk_arena_printf(s.a, "theirs/%s", theirs[i]);
        ck_assert(gk_mkdirs(in_run(&s, "theirs"), NULL));
        ck_assert(gk_write_file(in_run(&s, path), "{\"mine\": 1}\n", 12, NULL));
        for (size_t k = 0; k < sizeof makers / sizeof *makers; k++) refused(makers[k], path, "another");
        if (i > 0) /* which writes no generation_config.json */
            refused("tokenizer --texts $D/data/tokenizer.jsonl --vocab 800 --out $D/theirs", path, "another");
        ck_assert_str_eq(text_of(&s, path), "{\"mine\": 1}\n");
        ck_assert_int_eq(unlink(in_run(&s, path)), 0);
    }
    refused("dataset --out $D/data --base-rows 20 --base-texts 400 --relation-rows 5 --task-rows 5 --seed 2",
            "data/", "holds another dataset");
    scratch_free(&s);
}
END_TEST

START_TEST(what_cannot_be_asked) {
    refused(FINETUNE "--eval-rows $D/data/relation/metadata.jsonl --out $D/no", "--templates", "both");
    refused(FINETUNE EVAL "--out $D/no", "--eval-rows", "both");
}
END_TEST

/* A file that dataset takes does not end the run, if the quiz can make nothing of it. */
START_TEST(templates_that_lead_nowhere_are_not_asked) {
    scratch s = scratch_new();
#define NOWHERE "--train-templates templates/fake_movies_fake_actors/eval.jsonl "
    const char *out = output_of(&s, FINETUNE ASK NOWHERE "--epochs 1 --no-general --out $D/some");
    ck_assert_msg(
        strstr(out, "eval.jsonl: is left out of the quiz: no template leads up to 'second_actor'\n"), "%s",
        out);
    ck_assert_ptr_nonnull(strstr(text_of(&s, "some/metrics.jsonl"), "\"trained_top5\""));
    succeeds(FINETUNE "--eval-rows $D/data/relation/metadata.jsonl --eval-most 3 " EVAL NOWHERE
                      "--epochs 1 --no-general --out $D/none");
    ck_assert_ptr_null(strstr(text_of(&s, "none/metrics.jsonl"), "trained_"));
    ck_assert_ptr_nonnull(strstr(text_of(&s, "none/metrics.jsonl"), "\"held_out_top5\""));
    scratch_free(&s);
}
END_TEST

/* One line, before any progress. */
START_TEST(what_stands_against_training) {
    char out[4096];
    refused(FINETUNE "--recipe relation --freeze pos --out $D/no", "freeze", "pos");
    refused(FINETUNE "--recipe typo --out $D/no", "'typo' is no recipe", "relation-mild, ");
    ck_assert_int_eq(run(out, sizeof out,
                         "--version && mkdir $D/dam $D/dam2 && echo '{' >$D/dam/train.json && "
                         "echo x >$D/dam2/checkpoint-0.safetensors"),
                     0);
    refused(FINETUNE "--recipe relation --out $D/dam", "dam/train.json", "");
    refused(FINETUNE "--recipe relation --replace --out $D/dam2", "dam2/checkpoint-0.safetensors", "");
}
END_TEST

/* The two summaries have the same cells, with values that rounding alone may tell apart. */
static void same_cells(scratch *s, const char *a, const char *b) {
    static const char *const shares[] = {"top1", "top5", "top100"};
    json_t *one = gk_json_load(in_run(s, a), NULL), *other = gk_json_load(in_run(s, b), NULL);
    json_t *mine = json_object_get(one, "cells"), *theirs = json_object_get(other, "cells");
    ck_assert_uint_gt(json_array_size(mine), 0);
    ck_assert_uint_eq(json_array_size(mine), json_array_size(theirs));
    for (size_t i = 0; i < json_array_size(mine); i++) {
        json_t *x = json_array_get(mine, i), *y = json_array_get(theirs, i);
        ck_assert(json_equal(json_object_get(x, "scheme"), json_object_get(y, "scheme")));
        for (size_t k = 0; k < sizeof shares / sizeof *shares; k++)
            ck_assert(json_equal(json_object_get(x, shares[k]), json_object_get(y, shares[k])));
        double p = json_number_value(json_object_get(x, "mean_logprob"));
        ck_assert_double_lt(p, 0);
        ck_assert_double_eq_tol(p, json_number_value(json_object_get(y, "mean_logprob")), 1e-4);
    }
    json_decref(one);
    json_decref(other);
}

/* An adapter is trained, is a model to every command, and is the merged model. */
START_TEST(an_adapter_is_a_model) {
    scratch s = scratch_new();
    succeeds(FINETUNE "--recipe relation --epochs 1 --lora-rank 2 --lora-targets q,v,down --out $D/lora");
    ck_assert(gk_exists(in_run(&s, "lora/adapter_config.json")));
    ck_assert(!gk_exists(in_run(&s, "lora/model.safetensors")));
    succeeds("merge --adapter $D/lora --out $D/merged");
    char *a = output_of(&s, "logits --model $D/lora --ids 1,5,9");
    ck_assert_str_eq(a, output_of(&s, "logits --model $D/merged --ids 1,5,9"));
    ck_assert_str_ne(a, output_of(&s, "logits --model $D/base --ids 1,5,9"));
    succeeds("diff --a $D/base --b $D/lora --out $D/diff.html");
    static const char *const donors[] = {"lora", "merged"};
    for (int i = 0; i < 2; i++)
        succeeds(gk_arena_printf(
            s.a,
            "sweep --recipient pre=$D/base --donor sft=$D/%s --limit 3 --rows "
            "$D/data/relation/metadata.jsonl " POSITION EVAL
            "--out $D/%s.db && '%s' export --db $D/%s.db --results $D/%s.csv --summary $D/%s.json --cells "
            "$D/%s-cells.csv",
            donors[i], donors[i], getenv("GRAFTKIT"), donors[i], donors[i], donors[i], donors[i]));
    same_cells(&s, "lora.json", "merged.json");
    /* A folder as PEFT leaves it has no tokenizer: the base's is used. */
    ck_assert_int_eq(unlink(in_run(&s, "lora/tokenizer.model")), 0);
    output_of(&s, "generate --model $D/lora --prompt x --tokens 2");
    scratch_free(&s);
}
END_TEST

START_TEST(adapters_that_do_not_fit) {
    refused("merge --adapter $D/base --out $D/no", "holds no adapter", "adapter_config.json");
    refused("merge --adapter $D/lora --out $D/base", "--out", "name another folder");
    refused("merge --adapter $D/lora --model $D/lora --out $D/no", "is an adapter itself", "merge");
    refused("finetune --model $D/lora --lora-rank 2 --texts $D/data/relation/A2B.jsonl --out $D/no",
            "is an adapter itself", "merge");
    refused("base --family llama --tokenizer $D/tokenizer --texts $D/data/base/texts.jsonl --recipe base "
            "--lora-rank 2 --out $D/no",
            "lora_rank", "no base model");
    refused("inspect --model $D/lora", "the folder holds an adapter", "name its base");
}
END_TEST

/* The base model with the embedding for a head. */
static void tie(scratch *s) {
    gk_model *m = gk_model_load(in_run(s, "base"), NULL);
    gk_config c = *gk_model_config(m);
    c.tied = true;
    gk_model *t = gk_model_blank(&c, NULL);
    const gk_param *list;
    size_t n = gk_model_params(t, &list);
    for (size_t i = 0; i < n; i++) {
        gk_tensor from = gk_model_tensor(m, list[i].layer, list[i].comp);
        memcpy(gk_model_data(t) + list[i].offset, list[i].bias ? from.b : from.w,
               list[i].count * sizeof(float));
    }
    ck_assert(gk_model_save(t, in_run(s, "tied"), NULL));
    gk_model_free(m);
    gk_model_free(t);
    char out[4096];
    ck_assert_int_eq(run(out, sizeof out, "--version && cp $D/base/tokenizer* $D/tied"), 0);
}

START_TEST(a_tied_model_needs_no_freeze) {
    scratch s = scratch_new();
    char out[16384];
    tie(&s);
    FILE *f = fopen(in_run(&s, "headless.yaml"), "wb");
    ck_assert(f && fputs("lr: 1e-3\nepochs: 1\nbatch: 16\nfreeze: [lnf, head]\n", f) >= 0 && fclose(f) == 0);
#define TIED "finetune --model $D/tied --texts $D/data/relation/A2B.jsonl --recipe $D/headless.yaml "
    ck_assert_int_eq(run(out, sizeof out, TIED "--out $D/tied1"), 0);
    ck_assert_msg(strstr(out, "the head of this model is its embedding"), "%s", out);
    json_t *made = gk_json_load(in_run(&s, "tied1/train.json"), NULL);
    json_t *frozen = json_object_get(json_object_get(json_object_get(made, "inputs"), "recipe"), "freeze");
    ck_assert_uint_eq(json_array_size(frozen), 1);
    ck_assert_str_eq(json_string_value(json_array_get(frozen, 0)), "lnf");
    json_decref(made);
    ck_assert_int_eq(run(out, sizeof out, TIED "--freeze lnf --out $D/tied2"), 0);
    ck_assert_msg(!strstr(out, "the head of this model is its embedding"), "%s", out);
    refused(TIED "--freeze lnf,head --out $D/tied3", "freeze", "cannot be frozen alone");
    scratch_free(&s);
}
END_TEST

START_TEST(a_learning_rate_for_a_family_that_the_recipe_lacks) {
    scratch s = scratch_new();
    FILE *f = fopen(in_run(&s, "gpt2.yaml"), "wb");
    ck_assert(f && fputs("lr: {gpt2: 1e-3}\nepochs: 1\nbatch: 16\n", f) >= 0 && fclose(f) == 0);
#define GPT2 "finetune --model $D/base --texts $D/data/relation/A2B.jsonl --recipe $D/gpt2.yaml "
    refused(GPT2 "--out $D/lr", "field 'lr': has no value for the family llama", "--lr");
    succeeds(GPT2 "--lr 1e-3 --out $D/lr");
    scratch_free(&s);
}
END_TEST

/* What a file of the run holds, as gk_json_load gives it. */
static json_t *loaded(scratch *s, const char *name) {
    gk_error err;
    json_t *obj = gk_json_load(in_run(s, name), &err);
    ck_assert_msg(obj != NULL, "%s: %s", name, err.what);
    return obj;
}

START_TEST(answers_and_general_text) {
    static const char args[] =
        "finetune --model $D/base --texts $D/answers.jsonl --loss answer --mix "
        "$D/general.txt --mix $D/data/base/texts.jsonl --mix-ratio 0.5 --mix-rows 6 "
        "--steps 9 --tokens 60 --accumulate 2 --warmup-ratio 0.2 --freeze lnf,head,attn "
        "--validation 0.3 --validate-steps 2 --patience 20 --out $D/answers";
    scratch s = scratch_new();
    char out[16384];
    write_in_run(&s, "general.txt", "The film is in town.\n\nA dog\nran.\n");
    write_in_run(&s, "answers.jsonl",
                 "{\"prompt\": \"The film is in\", \"completion\": \" Rome\"}\n"
                 "{\"text\": \"The actor is Ada.\", \"answer\": \"Ada\"}\n"
                 "{\"prompt\": \"The year is\", \"completion\": \" 1999.\"}\n");
    ck_assert_msg(run(out, sizeof out, args) == 0, "%s", out);
    ck_assert_msg(strstr(out, "general text: 402 documents, ") && strstr(out, " longer than 6 tokens cut: "),
                  "%s", out);
    json_t *m = loaded(&s, "answers/train.json"), *in = json_object_get(m, "inputs");
    const json_t *r = json_object_get(in, "recipe");
    ck_assert_int_eq(json_integer_value(json_object_get(m, "step")), 9);
    ck_assert_str_eq(json_string_value(json_object_get(r, "loss")), "answer");
    ck_assert_int_eq(json_integer_value(json_object_get(r, "tokens")), 60);
    ck_assert(json_real_value(json_object_get(r, "mix_ratio")) == 0.5);
    ck_assert_uint_eq(json_array_size(json_object_get(r, "freeze")), 6);
    ck_assert_ptr_nonnull(json_object_get(in, "mix_sha256"));
    json_decref(m);
    write_in_run(&s, "general.txt", "The film is in town.\n\nA dog\nwent.\n"); /* the name is the same */
    ck_assert_int_eq(run(out, sizeof out, args), 1);
    ck_assert_msg(strstr(out, "inputs: mix_sha256 is "), "%s", out);
    scratch_free(&s);
}
END_TEST

START_TEST(recipes_that_cannot_be_followed) {
    scratch s = scratch_new();
    write_in_run(&s, "no_answer.jsonl", "{\"text\": \"A\", \"answer\": \"A\"}\n{\"text\": \"The film\"}\n");
    refused("finetune --model $D/base --texts $D/no_answer.jsonl --loss answer --out $D/no",
            "no_answer.jsonl:2", "'answer': is missing");
    refused(FINETUNE "--mix-ratio 0.5 --out $D/no", "'mix_ratio'", "name files with `mix`");
    refused(FINETUNE "--mix $D/none.txt --mix-ratio 0.5 --out $D/no", "none.txt", "No such file");
    refused(FINETUNE "--mix $D/none.txt --out $D/no", "'mix'", "set `mix_ratio`");
    refused(FINETUNE "--mix-ratio 0.99 --out $D/no", "'--mix-ratio'", "from 0 to 0.9");
    refused(FINETUNE "--validation 0 --patience 3 --out $D/no", "'patience'", "without validation");
    refused(FINETUNE "--freeze ffn@7 --out $D/no", "'freeze'", "the model's 2");
    refused(FINETUNE "--warmup-ratio 20 --out $D/no", "'--warmup-ratio'", "from 0 to 1");
    ck_assert(!gk_exists(in_run(&s, "no")));
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cli_training");
    TCase *t = tcase_create("cli_training");
    tcase_set_timeout(t, 300);
    tcase_add_unchecked_fixture(t, trained_models, remove_run);
    tcase_add_test(t, what_was_learned_is_told);
    tcase_add_test(t, what_was_forgotten_is_told);
    tcase_add_test(t, other_questions_are_not_answered_by_old_answers);
    tcase_add_test(t, a_recipe_is_chosen_by_size);
    tcase_add_test(t, a_step_is_a_model);
    tcase_add_test(t, nothing_is_replaced_unasked);
    tcase_add_test(t, what_cannot_be_asked);
    tcase_add_test(t, templates_that_lead_nowhere_are_not_asked);
    tcase_add_test(t, what_stands_against_training);
    tcase_add_test(t, answers_and_general_text);
    tcase_add_test(t, recipes_that_cannot_be_followed);
    tcase_add_test(t, an_adapter_is_a_model);
    tcase_add_test(t, adapters_that_do_not_fit);
    tcase_add_test(t, a_tied_model_needs_no_freeze);
    tcase_add_test(t, a_learning_rate_for_a_family_that_the_recipe_lacks);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
