/* test_recipe.c: recipe files, their overrides and their errors. */
/* modules: train model tokenizer core */
#include "core/shipped.h"
#include "graftkit/model/adapter.h"
#include "graftkit/model/config.h"
#include "graftkit/train/optimizer.h"
#include "graftkit/train/recipe.h"
#include "tests/support/scratch.h"
#include "train/json.h"

static const gk_family *llama(void) {
    return gk_family_find("llama");
}

/* ---------------------------------------------------------------- recipes */

static void check_freeze(const gk_recipe *r, const char *want) {
    json_t *all = gk_recipe_json(r);
    char *text = json_dumps(json_object_get(all, "freeze"), JSON_COMPACT);
    ck_assert_str_eq(text, want);
    free(text);
    json_decref(all);
}

static gk_config config_of(const char *family, int layers, bool tied) {
    gk_config c;
    gk_config_default(gk_family_find(family), 40, &c);
    c.n_layers = layers;
    c.tied = tied;
    return c;
}

/* All weights, loss of every token, linear decay to zero without warm-up, a fifth held out, best kept. */
static void check_paper(const gk_recipe *r, double lr, double weight_decay) {
    ck_assert(r->lr == lr && r->adam.weight_decay == weight_decay);
    ck_assert(r->adam.beta1 == 0.9 && r->adam.beta2 == 0.999 && r->adam.eps == 1e-8 && r->clip == 1);
    ck_assert(r->schedule == GK_LINEAR && r->warmup == 0 && r->warmup_ratio == 0);
    ck_assert(r->epochs == 10 && r->steps == 0 && r->batch == 4 && r->tokens == 0 && r->accumulate == 1);
    ck_assert(r->validation == 0.2 && r->validate_steps == 0 && r->keep_best && r->patience == 0);
    ck_assert(r->n_freeze == 0 && r->loss == GK_LOSS_ALL && r->shuffle);
}

/* What finetuning may not write into: what reads the tokens and what says the answer, and the lower third. */
static void check_lower_third(const gk_recipe *r) {
    const gk_config c = config_of("llama", 6, false);
    uint32_t masks[7], block = 0;
    for (int i = 0; i < GK_N_COMPONENTS; i++)
        if (gk_component_in_layer((gk_component)i) && gk_config_has(&c, (gk_component)i)) block |= 1u << i;
    ck_assert(gk_recipe_frozen(r, &c, masks, NULL));
    for (int l = 0; l < 6; l++) ck_assert_uint_eq(masks[l], l < 2 ? block : 0);
    ck_assert_uint_eq(masks[6], 1u << GK_EMBED | 1u << GK_LNF | 1u << GK_HEAD);
}

START_TEST(shipped_recipes_hold_the_default_protocol) {
    gk_recipe r;
    ck_assert(gk_recipe_load(GK_SOURCE_DIR "/train/recipes/base.yaml", llama(), &r, NULL));
    ck_assert_double_eq(r.lr, 2e-3);
    ck_assert_double_eq(r.adam.beta2, 0.99);
    ck_assert(r.warmup == 100 && r.epochs == 1 && r.batch == 16 && !r.shuffle && !r.adam.decay_embed);
    ck_assert_double_eq(r.validation, 0);
    ck_assert(gk_recipe_load(GK_SOURCE_DIR "/train/recipes/relation.yaml", llama(), &r, NULL));
    ck_assert_double_eq(r.lr, 2e-3);
    check_lower_third(&r);
    ck_assert(r.epochs == 5 && r.warmup_ratio == 0.019 && r.schedule == GK_LINEAR && r.shuffle);
    gk_recipe task;
    ck_assert(gk_recipe_load(GK_SOURCE_DIR "/train/recipes/task.yaml", llama(), &task, NULL));
    check_lower_third(&task);
    ck_assert_int_eq(task.epochs, 3);
    ck_assert_mem_eq(&r.adam.beta1, &task.adam.beta1, 4 * sizeof(double));
    ck_assert(gk_recipe_load(GK_SOURCE_DIR "/train/recipes/relation.yaml", gk_family_find("gpt2"), &r, NULL));
    ck_assert_double_eq(r.lr, 3e-3);
    ck_assert(gk_recipe_load(GK_SOURCE_DIR "/train/recipes/relation-mild.yaml", llama(), &r, NULL));
    ck_assert(r.lr == 4e-4 && r.adam.weight_decay == 0 && r.epochs == 10);
    check_lower_third(&r);
    ck_assert(gk_recipe_load(GK_SOURCE_DIR "/train/recipes/paper-aggressive.yaml", llama(), &r, NULL));
    check_paper(&r, 2e-5, 0.01);
    ck_assert(gk_recipe_load(GK_SOURCE_DIR "/train/recipes/paper-mild.yaml", llama(), &r, NULL));
    check_paper(&r, 2e-6, 0);
}
END_TEST

/* For every family, and fit to be trained by. */
START_TEST(every_shipped_recipe_loads) {
    scratch s = scratch_new();
    gk_error err;
    const char **names;
    size_t n;
    ck_assert(gk_shipped_names(s.a, GK_SOURCE_DIR, GK_SHIPPED_RECIPES, &names, &n, &err));
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; gk_family_at(k); k++) {
            gk_recipe r;
            const char *path = gk_shipped_path(s.a, GK_SOURCE_DIR, GK_SHIPPED_RECIPES, names[i]);
            ck_assert_msg(gk_recipe_load(path, gk_family_at(k), &r, &err) && gk_recipe_check(&r, &err),
                          "%s:%ld: %s %s", path, err.line, err.field, err.what);
            ck_assert_msg(r.lr > 0, "%s has no lr of family %zu", path, k);
        }
    scratch_free(&s);
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
    check_freeze(&r, "[\"q\",\"down\"]");
    ck_assert(r.schedule == GK_COSINE && !r.shuffle && r.epochs == before.epochs);
    ck_assert(gk_recipe_set(&r, "freeze", "none", GK_NOWHERE, NULL));
    ck_assert_int_eq(r.n_freeze, 0);
    ck_assert(gk_recipe_set(&r, "warmup_ratio", "0.03", GK_NOWHERE, NULL));
    ck_assert(gk_recipe_set(&r, "tokens", "4096", GK_NOWHERE, NULL));
    ck_assert(gk_recipe_set(&r, "loss", "answer", GK_NOWHERE, NULL));
    ck_assert(r.warmup_ratio == 0.03 && r.tokens == 4096 && r.loss == GK_LOSS_ANSWER);
}
END_TEST

/* Equal sets of names are equal recipes, in whatever order and grouping they are written. */
START_TEST(freeze_has_one_form) {
    static const struct {
        const char *text, *json;
    } forms[] = {
        {"head,lnf,head", "[\"lnf\",\"head\"]"},
        {"own_head,lnf", "[\"lnf\",\"own_head\"]"},
        {"own_head,head", "[\"head\"]"},
        {"attn", "[\"q\",\"k\",\"v\",\"o\"]"},
        {"o,qkv", "[\"q\",\"k\",\"v\",\"o\"]"},
        {"ffn@0-3,q@2,head", "[\"head\",\"gate@0-3\",\"up@0-3\",\"down@0-3\",\"q@2\"]"},
        {"down@0-3,head,q@2-2,ffn@0-3", "[\"head\",\"gate@0-3\",\"up@0-3\",\"down@0-3\",\"q@2\"]"},
        {"k@1/2", "[\"k@1/2\"]"},
        {"norms@5", "[\"ln1@5\",\"q_norm@5\",\"k_norm@5\",\"ln1_post@5\",\"ln2@5\",\"ln2_post@5\"]"},
        {"all",
         "[\"embed\",\"pos\",\"ln1\",\"q\",\"k\",\"v\",\"q_norm\",\"k_norm\",\"o\",\"ln1_post\",\"ln2\","
         "\"gate\",\"up\",\"down\",\"ln2_post\"]"},
        {"none", "[]"},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        gk_recipe r;
        gk_recipe_default(&r);
        ck_assert(gk_recipe_set(&r, "freeze", forms[i].text, GK_NOWHERE, NULL));
        check_freeze(&r, forms[i].json);
    }
}
END_TEST

static void check_masks(const char *freeze, const gk_config *c, const uint32_t *want) {
    gk_recipe r;
    gk_error err = {0};
    uint32_t masks[9];
    gk_recipe_default(&r);
    ck_assert(gk_recipe_set(&r, "freeze", freeze, GK_NOWHERE, NULL));
    ck_assert_msg(gk_recipe_frozen(&r, c, masks, &err), "%s", err.what);
    for (int l = 0; l <= c->n_layers; l++) ck_assert_uint_eq(masks[l], want[l]);
}

static void masks_refused(const char *freeze, const gk_config *c, const char *message) {
    gk_recipe r;
    gk_error err;
    uint32_t masks[9];
    gk_recipe_default(&r);
    ck_assert(gk_recipe_set(&r, "freeze", freeze, GK_NOWHERE, NULL));
    ck_assert(!gk_recipe_frozen(&r, c, masks, &err));
    assert_error(&err, message);
}

/* Where only an adapter is trained, what is frozen beside it need not leave anything or be untied. */
START_TEST(freezing_beside_an_adapter) {
    const gk_config c = config_of("gpt2", 2, true);
    gk_recipe r;
    uint32_t masks[3];
    gk_recipe_default(&r);
    r.lora.rank = 4;
    ck_assert(gk_recipe_set(&r, "freeze", "lnf,head", GK_NOWHERE, NULL));
    ck_assert(gk_recipe_frozen(&r, &c, masks, NULL) && masks[2] == (1u << GK_LNF | 1u << GK_HEAD));
    ck_assert(gk_recipe_set(&r, "freeze", "all,lnf,head", GK_NOWHERE, NULL));
    ck_assert(gk_recipe_frozen(&r, &c, masks, NULL));
    r.lora.rank = 0;
    ck_assert(!gk_recipe_frozen(&r, &c, masks, NULL));
}
END_TEST

/* The head of a tied model is let go unless the embedding stays too; `all` of some layers is no embedding. */
START_TEST(a_tied_head_is_untied) {
    const gk_config c = config_of("gpt2", 4, true);
    static const struct {
        const char *freeze;
        bool untied;
    } is[] = {{"lnf,head", true},
              {"lnf,head,all@1/2", true},
              {"lnf,head,ffn@0-1", true},
              {"embed,head,all@1/2", false}};
    for (size_t i = 0; i < sizeof is / sizeof *is; i++) {
        gk_recipe r;
        uint32_t masks[5];
        gk_recipe_default(&r);
        ck_assert(gk_recipe_set(&r, "freeze", is[i].freeze, GK_NOWHERE, NULL));
        ck_assert_msg(gk_recipe_untie(&r, &c) == is[i].untied, "%s", is[i].freeze);
        ck_assert_msg(gk_recipe_frozen(&r, &c, masks, NULL), "%s", is[i].freeze);
        ck_assert_msg(!!(masks[4] & 1u << GK_HEAD) == !is[i].untied, "%s", is[i].freeze);
    }
}
END_TEST

START_TEST(freezing_is_by_component_and_layer) {
    const gk_config c = config_of("llama", 4, false), gpt2 = config_of("gpt2", 3, true);
    const uint32_t q = 1u << GK_Q, ffn = 1u << GK_GATE | 1u << GK_UP | 1u << GK_DOWN, k = 1u << GK_K;
    const uint32_t block = 1u << GK_LN1 | q | k | 1u << GK_V | 1u << GK_O | 1u << GK_LN2 | ffn;
    check_masks("none", &c, (uint32_t[]){0, 0, 0, 0, 0});
    check_masks("lnf,head", &c, (uint32_t[]){0, 0, 0, 0, 1u << GK_LNF | 1u << GK_HEAD});
    check_masks("lnf,own_head", &c, (uint32_t[]){0, 0, 0, 0, 1u << GK_LNF | 1u << GK_HEAD});
    check_masks("lnf,own_head", &gpt2,
                (uint32_t[]){0, 0, 0, 1u << GK_LNF}); /* tied: it has none of its own */
    check_masks("q", &c, (uint32_t[]){q, q, q, q, 0});
    check_masks("ffn@1-2,q@2", &c, (uint32_t[]){0, ffn, ffn | q, 0, 0});
    check_masks("all@0-1", &c, (uint32_t[]){block, block, 0, 0, 0});
    check_masks("all", &c, (uint32_t[]){block, block, block, block, 1u << GK_EMBED});
    check_masks("k@2/2", &c, (uint32_t[]){0, 0, k, k, 0});
    check_masks("ffn", &gpt2,
                (uint32_t[]){ffn & ~(1u << GK_GATE), ffn & ~(1u << GK_GATE), ffn & ~(1u << GK_GATE), 0});
    masks_refused("gate@1", &gpt2, "field 'freeze': a gpt2 model has no component 'gate'");
    masks_refused("pos", &c, "field 'freeze': a llama model has no component 'pos'");
    masks_refused("q@2-4", &c,
                  "field 'freeze': the layers 2-4 are not all among the model's 4; layers count from 0");
    masks_refused("q@1/5", &c,
                  "field 'freeze': part 1/5 holds none of the model's 4 layers; layers count from 0");
    const gk_config flat =
        config_of("llama", 2, false); /* a group has no part of two layers that is a third */
    check_masks("embed,all@1/3", &flat, (uint32_t[]){0, 0, 1u << GK_EMBED});
    check_masks("all@2/3", &flat, (uint32_t[]){block, 0, 0});
    masks_refused("q@1/3", &flat,
                  "field 'freeze': part 1/3 holds none of the model's 2 layers; layers count from 0");
    masks_refused(
        "head", &gpt2,
        "field 'freeze': head is tied to embed in this model and cannot be frozen alone; freeze embed "
        "as well, or leave head out, or write own_head");
    masks_refused("all,lnf,head", &c, "field 'freeze': nothing is left to train; freeze less");
    masks_refused("all,lnf", &gpt2, "field 'freeze': nothing is left to train; freeze less");
}
END_TEST

static void check_refused(const char *key, const char *value, const char *message) {
    gk_recipe r;
    gk_error err;
    gk_recipe_default(&r);
    ck_assert(gk_recipe_check(&r, NULL));
    ck_assert(gk_recipe_set(&r, key, value, GK_NOWHERE, NULL));
    ck_assert(!gk_recipe_check(&r, &err));
    assert_error(&err, message);
}

START_TEST(keys_that_need_others) {
    check_refused(
        "keep_best", "true",
        "field 'keep_best': there is no best step without validation; hold texts out with `validation`");
    check_refused(
        "patience", "2",
        "field 'patience': there is no best step without validation; hold texts out with `validation`");
    check_refused(
        "validate_steps", "2",
        "field 'validate_steps': there is no best step without validation; hold texts out with `validation`");
    check_refused("mix_ratio", "0.5",
                  "field 'mix_ratio': there is no general text to mix in; name files with `mix`");
    check_refused("mix", "a.txt", "field 'mix': general text is given, but no share of it; set `mix_ratio`");
    check_refused("mix_rows", "9",
                  "field 'mix_rows': there is no general text to mix in; name files with `mix`");
    check_refused("lora_alpha", "8",
                  "field 'lora_alpha': is given, but no adapter is trained; set `lora_rank`");
    check_refused("lora_targets", "q",
                  "field 'lora_targets': is given, but no adapter is trained; set `lora_rank`");
    check_refused("lora_rslora", "true",
                  "field 'lora_rslora': is given, but no adapter is trained; set `lora_rank`");
}
END_TEST

START_TEST(files_of_general_text_are_a_list) {
    scratch s = scratch_new();
    gk_recipe r;
    const char *const *files;
    char *path = scratch_file(&s, "r.yaml", "mix: [\"a, b.txt\", c.jsonl]\nmix_ratio: 0.25\nrows: 100\n");
    ck_assert(gk_recipe_load(path, llama(), &r, NULL) && gk_recipe_check(&r, NULL));
    ck_assert_uint_eq(gk_recipe_mix(&r, s.a, &files), 2);
    ck_assert_str_eq(files[0], "a, b.txt");
    ck_assert_str_eq(files[1], "c.jsonl");
    gk_config c = config_of("llama", 1, false);
    c.max_positions = 64;
    ck_assert_int_eq(gk_recipe_mix_rows(&r, &c), 64);
    c.max_positions = 2000;
    ck_assert_int_eq(gk_recipe_mix_rows(&r, &c), 100);
    r.mix_rows = 50;
    ck_assert_int_eq(gk_recipe_mix_rows(&r, &c), 50);
    ck_assert(gk_recipe_set(&r, "mix", "none", GK_NOWHERE, NULL));
    ck_assert_uint_eq(gk_recipe_mix(&r, s.a, &files), 0);
    scratch_free(&s);
}
END_TEST

/* docs/training.md lists every key with its default, and no other. */
START_TEST(the_documentation_has_every_key) {
    scratch s = scratch_new();
    const char *page = gk_read_file(s.a, GK_SOURCE_DIR "/docs/training.md", 1 << 20, NULL, NULL);
    ck_assert_ptr_nonnull(page);
    gk_recipe standard, r;
    gk_recipe_default(&standard);
    for (size_t i = 0; i < gk_recipe_keys(); i++) {
        const char *key = gk_recipe_key_at(i).name;
        char begin[64], value[64];
        snprintf(begin, sizeof begin, "\n| `%s` | ", key);
        const char *row = strstr(page, begin);
        ck_assert_msg(row != NULL, "docs/training.md has no row for %s", key);
        row += strlen(begin);
        snprintf(value, sizeof value, "%.*s", (int)strcspn(row, "|") - 1, row);
        r = standard;
        ck_assert_msg(gk_recipe_set(&r, key, value, GK_NOWHERE, NULL), "%s: %s", key, value);
        ck_assert_msg(memcmp(&r, &standard, sizeof r) == 0, "the default of %s is not %s", key, value);
    }
    size_t rows = 0;
    for (const char *p = page; (p = strstr(p, "\n| `")); p++) rows++;
    ck_assert_uint_eq(rows, gk_recipe_keys());
    scratch_free(&s);
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
            "k_norm o ln1_post ln2 gate up down ln2_post lnf head; groups: all attn qkv ffn norms own_head; "
            "some layers "
            "only: ffn@0-3");
    refuses(
        "freeze", "q@3-1",
        "field 'freeze': 'q@3-1' names no layers; layers are 3, 0-3 or a part as 2/4 (the second quarter), "
        "from 0 on");
    refuses("freeze", "q@0/4",
            "field 'freeze': 'q@0/4' names no layers; layers are 3, 0-3 or a part as 2/4 (the "
            "second quarter), from 0 on");
    refuses("freeze", "q@",
            "field 'freeze': 'q@' names no layers; layers are 3, 0-3 or a part as 2/4 (the second "
            "quarter), from 0 on");
    refuses("freeze", "own_head@0", "field 'freeze': 'own_head' belongs to no layer; leave the layers out");
    refuses("freeze", "embed@0", "field 'freeze': 'embed' belongs to no layer; leave the layers out");
    refuses("steps", "-1", "field 'steps': is '-1'; must be an integer from 0 to 1000000000");
    refuses("tokens", "1e3", "field 'tokens': is '1e3'; must be an integer from 0 to 1000000000");
    refuses("accumulate", "0", "field 'accumulate': is '0'; must be an integer from 1 to 1000000");
    refuses("warmup_ratio", "3", "field 'warmup_ratio': is '3'; must be a number from 0 to 1");
    refuses("validate_steps", "x", "field 'validate_steps': is 'x'; must be an integer from 0 to 1000000000");
    refuses("patience", "-2", "field 'patience': is '-2'; must be an integer from 0 to 1000000");
    refuses("loss", "completion", "field 'loss': is 'completion'; must be all or answer");
    refuses("mix_ratio", "0.95", "field 'mix_ratio': is '0.95'; must be a number from 0 to 0.9");
    refuses("mix_rows", "-1", "field 'mix_rows': is '-1'; must be an integer from 0 to 10000000");
    refuses("data_seed", "-1", "field 'data_seed': is '-1'; must be an integer from 0 to 9007199254740992");
    refuses("mix", "a\n\nb", "field 'mix': a name is empty; a file, or none");
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
    file_refused(&s, "freeze: [q, embed@1]\n", ":1:9: field 'freeze': 'embed' belongs to no layer");
    file_refused(&s, "loss: answers\n", ":1:7: field 'loss': is 'answers'; must be all or answer");
    file_refused(&s, "mix: {a: b}\n", ":1:6: ");
    file_refused(&s, "mix: [a.txt, '']\n", ":1:6: field 'mix': a name is empty");
    file_refused(&s, "tokens: 1.5\n", ":1:9: field 'tokens': is '1.5'; must be an integer from 0");
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
    ck_assert(gk_recipe_set(&other, "mix", "a.txt", GK_NOWHERE, NULL)); /* what it holds decides */
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

int main(void) {
    Suite *s = suite_create("recipe");
    TCase *t = tcase_create("recipe");
    tcase_add_test(t, shipped_recipes_hold_the_default_protocol);
    tcase_add_test(t, every_shipped_recipe_loads);
    tcase_add_test(t, overrides_replace_one_key);
    tcase_add_test(t, malformed_values_are_refused);
    tcase_add_test(t, freeze_has_one_form);
    tcase_add_test(t, freezing_beside_an_adapter);
    tcase_add_test(t, a_tied_head_is_untied);
    tcase_add_test(t, freezing_is_by_component_and_layer);
    tcase_add_test(t, keys_that_need_others);
    tcase_add_test(t, files_of_general_text_are_a_list);
    tcase_add_test(t, the_documentation_has_every_key);
    tcase_add_test(t, file_errors_carry_their_place);
    tcase_add_test(t, targets_of_adapters);
    tcase_add_test(t, json_leaves_out_what_decides_nothing);
    suite_add_tcase(s, t);
    return run_suite(s);
}
