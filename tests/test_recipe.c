/* test_recipe.c: recipe files, their overrides and their errors; corpora and batch order. */
/* modules: train model tokenizer core */
#include "tests/scratch.h"
#include "train/train.h"

static const gk_family *llama(void) {
    return gk_family_find("llama");
}

/* ---------------------------------------------------------------- recipes */

START_TEST(shipped_recipes_hold_the_default_protocol) {
    gk_recipe r;
    ck_assert(gk_recipe_load(GK_SOURCE_DIR "/train/recipes/base.yaml", llama(), &r, NULL));
    ck_assert_double_eq(r.lr, 2e-3);
    ck_assert_double_eq(r.adam.beta2, 0.99);
    ck_assert(r.warmup == 100 && r.epochs == 1 && r.batch == 16 && !r.shuffle && !r.adam.decay_embed);
    ck_assert_double_eq(r.validation, 0);
    ck_assert(gk_recipe_load(GK_SOURCE_DIR "/train/recipes/relation.yaml", llama(), &r, NULL));
    ck_assert_double_eq(r.lr, 2e-3);
    ck_assert_uint_eq(r.adam.frozen, 1u << GK_LNF | 1u << GK_HEAD);
    ck_assert(r.epochs == 8 && r.warmup == 20 && r.schedule == GK_LINEAR && r.shuffle);
    gk_recipe task;
    ck_assert(gk_recipe_load(GK_SOURCE_DIR "/train/recipes/task.yaml", llama(), &task, NULL));
    ck_assert_mem_eq(&r.adam.beta1, &task.adam.beta1, 4 * sizeof(double));
    ck_assert(gk_recipe_load(GK_SOURCE_DIR "/train/recipes/relation.yaml", gk_family_find("gpt2"), &r, NULL));
    ck_assert_double_eq(r.lr, 3e-3);
    ck_assert(gk_recipe_load(GK_SOURCE_DIR "/train/recipes/paper-aggressive.yaml", llama(), &r, NULL));
    ck_assert(r.epochs == 10 && r.batch == 4 && r.keep_best && r.warmup == 0);
    ck_assert_double_eq(r.adam.beta2, 0.999);
    ck_assert(gk_recipe_load(GK_SOURCE_DIR "/train/recipes/paper-mild.yaml", llama(), &r, NULL));
    ck_assert_double_eq(r.adam.weight_decay, 0);
    ck_assert_double_eq(r.lr, 2e-6);
}
END_TEST

START_TEST(overrides_replace_one_key) {
    gk_recipe r, before;
    gk_recipe_default(&r);
    before = r;
    ck_assert(gk_recipe_set(&r, "lr", "5e-4", GK_NOWHERE, NULL));
    ck_assert(gk_recipe_set(&r, "betas", "0.8,0.95", GK_NOWHERE, NULL));
    ck_assert(gk_recipe_set(&r, "freeze", "q,down", GK_NOWHERE, NULL));
    ck_assert(gk_recipe_set(&r, "schedule", "cosine", GK_NOWHERE, NULL));
    ck_assert(gk_recipe_set(&r, "shuffle", "false", GK_NOWHERE, NULL));
    ck_assert_double_eq(r.lr, 5e-4);
    ck_assert_double_eq(r.adam.beta1, 0.8);
    ck_assert_double_eq(r.adam.beta2, 0.95);
    ck_assert_uint_eq(r.adam.frozen, 1u << GK_Q | 1u << GK_DOWN);
    ck_assert(r.schedule == GK_COSINE && !r.shuffle && r.epochs == before.epochs);
    ck_assert(gk_recipe_set(&r, "freeze", "none", GK_NOWHERE, NULL));
    ck_assert_uint_eq(r.adam.frozen, 0);
}
END_TEST

static void refuses(const char *key, const char *text, const char *message) {
    gk_recipe r, before;
    gk_error err;
    gk_recipe_default(&r);
    before = r;
    ck_assert(!gk_recipe_set(&r, key, text, GK_AT_FIELD(NULL, key), &err));
    assert_error(&err, message);
    ck_assert_mem_eq(&r, &before, sizeof r);
}

START_TEST(malformed_values_are_refused) {
    refuses("lr", "fast", "field 'lr': is 'fast'; must be a number from 0 to 10");
    refuses("lr", "nan", "field 'lr': is 'nan'; must be a number from 0 to 10");
    refuses("epochs", "0", "field 'epochs': is '0'; must be an integer from 1 to 1000000");
    refuses("epochs", "1.5", "field 'epochs': is '1.5'; must be an integer from 1 to 1000000");
    refuses("batch", "", "field 'batch': is ''; must be an integer from 1 to 1000000");
    refuses("betas", "0.9", "field 'betas': is '0.9'; must be two numbers from 0 to below 1, as 0.9,0.999");
    refuses("betas", "0.9,1",
            "field 'betas': is '0.9,1'; must be two numbers from 0 to below 1, as 0.9,0.999");
    refuses("keep_best", "yes", "field 'keep_best': is 'yes'; must be true or false");
    refuses("schedule", "step", "field 'schedule': is 'step'; must be linear, cosine or constant");
    refuses("freeze", "q,,k",
            "field 'freeze': there is no component ''; components: embed pos ln1 q k v q_norm "
            "k_norm o ln1_post ln2 gate up down ln2_post lnf head");
    refuses("colour", "red", "field 'colour': a recipe has no key 'colour'");
}
END_TEST

static void file_refused(scratch *s, const char *yaml, const char *rest) {
    gk_recipe r = {.lr = 42};
    gk_error err;
    char *path = scratch_file(s, "r.yaml", yaml);
    ck_assert(!gk_recipe_load(path, llama(), &r, &err));
    assert_error_at(&err, path, rest);
    ck_assert_double_eq(r.lr, 42);
}

START_TEST(file_errors_carry_their_place) {
    scratch s = scratch_new();
    file_refused(&s, "epochs: 2\nlearning_rate: 1\n", ":2:1: ");
    file_refused(&s, "epochs: 2\nbatch: many\n", ":2:8: field 'batch': is 'many'; must be an integer");
    file_refused(&s, "freeze: [lnf, hat]\n", ":1:9: field 'freeze': there is no component 'hat'");
    file_refused(&s, "lr: {gpt2: 1}\n", ":1:5: field 'lr': has no value for the family llama");
    file_refused(&s, "lr: {gpt9: 1}\n", ":1:6: there is no family 'gpt9'");
    file_refused(&s, "lr: 1\nlr: 2\n", ":2:1: ");
    file_refused(&s, "- lr\n", ":1:1: ");
    file_refused(&s, "lr:\n", ":1:");
    file_refused(&s, "betas: {a: 1}\n", ":1:8: ");
    file_refused(&s, "lr: [1]\n", ":1:5: field 'lr': is a list; must be a finite number");
    file_refused(&s, "lr: \"1e-3\"\n",
                 ":1:5: field 'lr': is the quoted text '1e-3'; must be a finite number");
    file_refused(&s, "lr: {llama: '1'}\n", ":1:13: field 'lr': is the quoted text '1'");
    file_refused(&s, "batch: '8'\n",
                 ":1:8: field 'batch': is the quoted text '8'; must be an integer from 1 to");
    file_refused(&s, "shuffle: 'true'\n", ":1:10: field 'shuffle': is the quoted text 'true'");
    file_refused(&s, "betas: [0.9, '0.99']\n", ":1:14: field 'betas': is the quoted text '0.99'");
    file_refused(&s, "schedule: [linear]\n", ":1:11: field 'schedule': is a list");
    file_refused(&s, "eps: 0\n", ":1:6: field 'eps': is '0'; must be a number from 1e-30 to 1");
    file_refused(&s, "# nothing but this\n",
                 ": there is nothing in the file; must be a map of 'key: value' lines");
    scratch_free(&s);
}
END_TEST

START_TEST(targets_of_adapters) {
    gk_recipe r;
    gk_recipe_default(&r);
    ck_assert(r.lora.rank == 0 && r.lora.targets == (GK_LORA_ATTN | GK_LORA_FFN));
    ck_assert(gk_recipe_set(&r, "lora_rank", "8", GK_NOWHERE, NULL));
    ck_assert(gk_recipe_set(&r, "lora_alpha", "12.5", GK_NOWHERE, NULL));
    ck_assert(gk_recipe_set(&r, "lora_rslora", "true", GK_NOWHERE, NULL));
    ck_assert(gk_recipe_set(&r, "lora_targets", "attn,down", GK_NOWHERE, NULL));
    ck_assert(r.lora.rank == 8 && r.lora.rslora && r.lora.targets == (GK_LORA_ATTN | 1u << GK_DOWN));
    ck_assert_double_eq(r.lora.alpha, 12.5);
    json_t *all = gk_recipe_json(&r);
    char *got = json_dumps(json_object_get(all, "lora_targets"), JSON_COMPACT);
    ck_assert_str_eq(got, "[\"attn\",\"down\"]");
    free(got);
    json_decref(all);
    refuses("lora_rank", "-1", "field 'lora_rank': is '-1'; must be an integer from 0 to 4096");
    refuses("lora_targets", "q_proj",
            "field 'lora_targets': there is no target 'q_proj'; names of q k v o gate up down attn ffn "
            "all-linear, with commas");
    refuses("lora_targets", "",
            "field 'lora_targets': there is no target ''; names of q k v o gate up down attn ffn "
            "all-linear, with commas");
}
END_TEST

START_TEST(json_leaves_out_what_decides_nothing) {
    gk_recipe r, other;
    gk_recipe_default(&r);
    other = r;
    other.checkpoint_steps = 5;
    other.log_steps = 7;
    json_t *a = gk_recipe_json(&r), *b = gk_recipe_json(&other);
    ck_assert(json_equal(a, b));
    json_decref(b);
    other.clip = 2;
    b = gk_recipe_json(&other);
    ck_assert(!json_equal(a, b));
    json_decref(a);
    json_decref(b);
}
END_TEST

/* ---------------------------------------------------------------- batches */

enum { N_TEXTS = 10 };
static const size_t START[N_TEXTS + 1] = {0, 2, 5, 9, 14, 20, 22, 25, 29, 34, 40};

static gk_corpus *small_corpus(void) {
    int32_t token[40];
    for (int i = 0; i < 40; i++) token[i] = 100 + i;
    return gk_corpus_from_ids(token, START, N_TEXTS, NULL);
}

START_TEST(packing_keeps_texts_whole_and_targets_inside) {
    gk_corpus *c = small_corpus();
    ck_assert_int_eq(c->longest, 5);
    ck_assert_int_eq(c->max_id, 139);
    gk_packer *p = gk_packer_new(c, 8, 100);
    uint32_t all[N_TEXTS];
    for (uint32_t i = 0; i < N_TEXTS; i++) all[i] = i;
    size_t done = 0, rows = 0;
    while (done < N_TEXTS) {
        gk_batch b;
        size_t n = gk_pack(p, all + done, N_TEXTS - done, &b);
        ck_assert(n > 0 && b.n_rows <= 8 && b.n_seqs == (int)n);
        for (size_t s = 0; s < n; s++) {
            size_t at = START[done + s];
            ck_assert_int_eq(b.seq_start[s + 1] - b.seq_start[s], (int)(START[done + s + 1] - at - 1));
            for (int i = b.seq_start[s]; i < b.seq_start[s + 1]; i++, at++) {
                ck_assert_int_eq(b.token[i], (int)(100 + at));
                ck_assert_int_eq(b.target[i], (int)(101 + at));
            }
        }
        done += n;
        rows += (size_t)b.n_rows;
    }
    ck_assert_uint_eq(rows, 30);
    gk_packer_free(p);
    p = gk_packer_new(c, 1, 100); /* raised to the longest text */
    ck_assert_int_eq(gk_packer_rows(p), 5);
    gk_packer_free(p);
    p = gk_packer_new(c, 1000, 2); /* lowered to the two longest */
    ck_assert_int_eq(gk_packer_rows(p), 10);
    gk_packer_free(p);
    gk_corpus_free(c);
}
END_TEST

START_TEST(split_and_order_follow_from_seed_and_epoch) {
    gk_arena *a = gk_arena_new();
    gk_split s, again, other;
    ck_assert(gk_split_make(a, 100, 0.2, 5, &s, NULL) && gk_split_make(a, 100, 0.2, 5, &again, NULL));
    ck_assert(gk_split_make(a, 100, 0.2, 6, &other, NULL));
    ck_assert_uint_eq(s.n_valid, 20);
    ck_assert_mem_eq(s.valid, again.valid, 20 * sizeof *s.valid);
    ck_assert_mem_ne(s.valid, other.valid, 20 * sizeof *s.valid);
    bool seen[100] = {false};
    for (size_t i = 0; i < 20; i++) seen[s.valid[i]] = true;
    for (size_t i = 0; i < 80; i++) {
        ck_assert(!seen[s.train[i]]);
        ck_assert(i == 0 || s.train[i] > s.train[i - 1]);
    }
    uint32_t x[80], y[80], sum = 0, want = 0;
    gk_epoch_order(&s, true, 5, 3, x);
    gk_epoch_order(&s, true, 5, 3, y);
    ck_assert_mem_eq(x, y, sizeof x);
    for (size_t i = 0; i < 80; i++) sum += x[i] * x[i], want += s.train[i] * s.train[i];
    ck_assert_uint_eq(sum, want);
    gk_epoch_order(&s, true, 5, 4, y);
    ck_assert_mem_ne(x, y, sizeof x);
    gk_epoch_order(&s, true, 6, 3, y);
    ck_assert_mem_ne(x, y, sizeof x);
    gk_epoch_order(&s, false, 5, 3, y);
    ck_assert_mem_eq(s.train, y, sizeof y);
    gk_error err;
    ck_assert(!gk_split_make(a, 1, 0.05, 5, &s, &err));
    assert_error(
        &err,
        "of 1 texts, 1 held out for validation leave none to train on; give more texts or hold out fewer");
    gk_arena_free(a);
}
END_TEST

/* ---------------------------------------------------------------- corpora */

static gk_tok *small_tokenizer(scratch *s) {
    const char *lines[200];
    for (size_t i = 0; i < 200; i++) lines[i] = i % 2 ? "the cat sat on the mat" : "a dog ran in the fog";
    char *dir = scratch_path(s, "tok");
    ck_assert(gk_mkdirs(dir, NULL));
    ck_assert(gk_tok_train(lines, 200, 300, dir, NULL));
    gk_tok *tok = gk_tok_load(dir, NULL);
    ck_assert_ptr_nonnull(tok);
    return tok;
}

START_TEST(texts_are_bos_ids_eos_in_order) {
    scratch s = scratch_new();
    gk_tok *tok = small_tokenizer(&s);
    const char *files[] = {
        scratch_file(&s, "a.jsonl", "{\"text\": \"the cat sat\"}\n\n{\"text\": \"a dog\", \"id\": 1}\n"),
        scratch_file(&s, "b.jsonl", "{\"text\": \"the fog ran\"}\n")};
    const char *texts[] = {"the cat sat", "a dog", "the fog ran"};
    gk_corpus *c = gk_corpus_load(tok, files, 2, 64, NULL);
    ck_assert_ptr_nonnull(c);
    ck_assert_uint_eq(c->n, 3);
    for (size_t i = 0; i < 3; i++) {
        gk_tokens t;
        ck_assert(gk_tok_encode(tok, texts[i], strlen(texts[i]), GK_BOS_YES, s.a, &t, NULL));
        ck_assert_uint_eq(c->start[i + 1] - c->start[i], t.n + 1);
        ck_assert_mem_eq(c->token + c->start[i], t.id, t.n * sizeof *t.id);
        ck_assert_int_eq(c->token[c->start[i + 1] - 1], gk_tok_eos(tok));
    }
    gk_corpus *other = gk_corpus_load(tok, files, 1, 64, NULL);
    ck_assert_str_ne(c->sha256, other->sha256);
    gk_corpus_free(other);
    gk_corpus_free(c);
    gk_tok_free(tok);
    scratch_free(&s);
}
END_TEST

static void corpus_refused(scratch *s, const gk_tok *tok, const char *jsonl, int max_rows, const char *rest) {
    gk_error err;
    const char *file = scratch_file(s, "t.jsonl", jsonl);
    ck_assert_ptr_null(gk_corpus_load(tok, &file, 1, max_rows, &err));
    assert_error_at(&err, file, rest);
}

START_TEST(bad_texts_are_named) {
    scratch s = scratch_new();
    gk_tok *tok = small_tokenizer(&s);
    corpus_refused(&s, tok, "{\"text\": \"a\"}\n{\"txt\": \"b\"}\n", 64, ":2: field 'text': is missing");
    corpus_refused(&s, tok, "{\"text\": \"\"}\n", 64, ":1: field 'text': is empty");
    corpus_refused(&s, tok, "{\"text\": 7}\n", 64, ":1: field 'text': is 7; must be a string");
    corpus_refused(&s, tok, "{\"text\": \"a\"\n", 64, ":1:");
    corpus_refused(&s, tok, "\n", 64, ": there is no text in this file");
    corpus_refused(&s, tok,
                   "{\"text\": \"a\"}\n{\"text\": \"the cat sat on the mat\"}\n"
                   "{\"text\": \"the cat sat on the cat sat\"}\n",
                   4, ":2: 2 of 3 texts are longer than the model's 4 positions; this, the first, has ");
    scratch_free(&s);
    gk_tok_free(tok);
}
END_TEST

int main(void) {
    Suite *s = suite_create("recipe");
    TCase *t = tcase_create("recipe");
    tcase_add_test(t, shipped_recipes_hold_the_default_protocol);
    tcase_add_test(t, overrides_replace_one_key);
    tcase_add_test(t, malformed_values_are_refused);
    tcase_add_test(t, file_errors_carry_their_place);
    tcase_add_test(t, targets_of_adapters);
    tcase_add_test(t, json_leaves_out_what_decides_nothing);
    tcase_add_test(t, packing_keeps_texts_whole_and_targets_inside);
    tcase_add_test(t, split_and_order_follow_from_seed_and_epoch);
    tcase_add_test(t, texts_are_bos_ids_eos_in_order);
    tcase_add_test(t, bad_texts_are_named);
    suite_add_tcase(s, t);
    return run_suite(s);
}
