/* modules: graft model tokenizer core
 *
 * test_import_patch.c: patch configurations of the public code as schemes: every key means what it does
 * there, or is refused at its place. tools/reference/check_public_code.py compares the results of both. */
#include "graftkit/graft/import_patch.h"
#include "graftkit/graft/scheme.h"
#include "tests/support/scratch.h"

#define ALL                                                                                             \
    "{embeddings: true, q: true, k: true, v: true, o: true, gate: true, mlp_up: true, mlp_down: true, " \
    "ln_1: "                                                                                            \
    "true, ln_2: true}"
#define FE "  first_actor: {key: first_actor, targets: " ALL ", layers: all}\n"
#define LT(targets, layers) "  token_idx: {values: [-1], targets: " targets ", layers: " layers "}\n"
#define P(targets) "  preposition: {key: preposition, targets: " targets ", layers: all}\n"

static const gk_import_options PLAIN = {.set = "s", .entity = "first_actor"};

static bool import(scratch *s, const char *text, const gk_import_options *o, gk_import *out, gk_error *err) {
    const char *path = scratch_file(s, "fe_x.yaml", text);
    return gk_import_patches(s->a, &path, 1, NULL, o, out, err);
}

/* What stands behind "recipient: …" in the one scheme. */
static const char *body(scratch *s, const char *text, const gk_import_options *o) {
    gk_import out;
    gk_error err;
    char line[1024];
    ck_assert_msg(import(s, text, o, &out, &err), "%s\n%s", text, gk_error_text(&err, line, sizeof line));
    const char *at = strstr(out.schemes, "    recipient: ");
    ck_assert_ptr_nonnull(at);
    return at + strlen("    recipient: ");
}

static const struct {
    const char *patches, *family, *direction, *head;
    int layers;
    const char *body;
} GOOD[] = {
    {"patches:\n" FE, NULL, NULL, NULL, 0,
     "pre\n    grafts:\n      - {at: [entity], donor: sft, components: all}\n"},
    {"patches:\n" FE LT(ALL, "all"), NULL, "pre2sft", NULL, 0,
     "sft\n    grafts:\n      - {at: [entity, last], donor: pre, components: all}\n"},
    {"patches: {}\n", NULL, NULL, NULL, 0, "pre\n"},
    /* In the order of the public code, whatever that of the file: `other` is under all, token_idx over all.
     */
    {"patches:\n" LT("{q: true, k: true, v: true}",
                     "[0, 2]") "  other: {targets: {o: true}, layers: all}\n"
                               "  first_actor: {key: first_actor, targets: {o: true}}\n",
     NULL, NULL, NULL, 0,
     "pre\n    grafts:\n      - {at: [{not: [entity, last]}], donor: sft, components: o}\n"
     "      - {at: [last], donor: sft, components: [q, k, v], layers: [0, 2]}\n"},
    {"patches:\n" P("{o: true}") LT("{gate: true}", "third_quarter"), NULL, NULL, NULL, 0,
     "pre\n    grafts:\n      - {at: [{if_any: {all_of: [preposition, {not: [last]}]}}], donor: sft, "
     "components: o}\n"
     "      - {at: [last], donor: sft, components: gate, layers: [third_quarter]}\n"},
    /* No layers, null, an empty list and the third eighth graft nothing, and still take the place of others.
     */
    {"patches:\n  other: {targets: {o: true}, layers: all}\n" LT(ALL, "[third_eighth]"), NULL, NULL, NULL, 0,
     "pre\n    grafts:\n      - {at: [{not: [last]}], donor: sft, components: o}\n"},
    {"patches:\n  other: {targets: {o: true}, layers: all}\n" LT("{}", "all"), NULL, NULL, NULL, 0,
     "pre\n    grafts:\n      - {at: [{not: [last]}], donor: sft, components: o}\n"},
    {"patches:\n" LT(ALL, "null"), NULL, NULL, NULL, 0, "pre\n"},
    {"patches:\n" LT("{o: true}", "[first_quarter, second_quarter, third_quarter, fourth_quarter]"), NULL,
     NULL, NULL, 0, "pre\n    grafts:\n      - {at: [last], donor: sft, components: o}\n"},
    /* Token numbers, several patches of them. */
    {"patches:\n  token_idx: {values: [0, -1, -2], targets: {o: true}, layers: 3}\n"
     "  token_idx_b: {values: [-1], targets: {ln_1: true, ln_2: true}, layers: [1, first_eighth]}\n",
     NULL, NULL, NULL, 0,
     "pre\n    grafts:\n      - {at: [{if_any: {all_of: [[0, last, -2], {not: [last]}]}}], donor: sft, "
     "components: o, "
     "layers: [3]}\n      - {at: [last], donor: sft, components: [ln1, ln2], layers: [1, first_eighth]}\n"},
    /* q is the fused matrix of GPT-2 and GPT-NeoX; k, v and gate are nothing there. */
    {"patches:\n" LT("{q: true}", "all"), "llama", NULL, NULL, 0,
     "pre\n    grafts:\n      - {at: [last], donor: sft, components: q}\n"},
    {"patches:\n" LT("{q: true}", "all"), "gpt2", NULL, NULL, 0,
     "pre\n    grafts:\n      - {at: [last], donor: sft, components: [q, k, v]}\n"},
    {"patches:\n" LT("{k: true, v: true, gate: true, mlp_up: true}", "all"), "gpt_neox", NULL, NULL, 0,
     "pre\n    grafts:\n      - {at: [last], donor: sft, components: up}\n"},
    {"patches:\n" LT("{k: true, gate: true}", "all"), "gpt_neox", NULL, NULL, 0, "pre\n"},
    {"patches:\n" LT("{embeddings: true}", "[2]"), NULL, NULL, NULL, 0,
     "pre\n    grafts:\n      - {at: [last], donor: sft, components: embed}\n"},
    {"patches:\n" FE, NULL, "both2one", "always", 0,
     "task\n    head: {donor: sft, norm: recipient}\n    grafts:\n      - {at: [entity], donor: sft, "
     "components: all}\n"},
    /* Its last_token is never. */
    {"patches:\n" FE, NULL, NULL, "last_token", 0,
     "pre\n    grafts:\n      - {at: [entity], donor: sft, components: all}\n"},
    /* A hybrid: at the last token o, up and down of the upper half are the relation model's. */
    {"patches:\n" FE LT("{q: true, k: true, v: true, o: true, gate: true, mlp_down: true}", "all"), NULL,
     "hybrid", NULL, 0,
     "pre\n    grafts:\n      - {at: [{if_any: {all_of: [entity, {not: [last]}]}}], donor: task, components: "
     "all}\n"
     "      - {at: [last], donor: task, components: [q, k, v, gate]}\n"
     "      - {at: [last], donor: task, components: [o, down], layers: lower half}\n"
     "      - {at: [last], donor: sft, components: [o, down], layers: upper half}\n"},
    {"patches:\n" LT("{o: true, gate: true}", "[third_quarter, fourth_quarter]"), NULL, "hybrid", NULL, 6,
     "pre\n    grafts:\n      - {at: [last], donor: task, components: gate, layers: [2-5]}\n"
     "      - {at: [last], donor: task, components: o, layers: [2]}\n"
     "      - {at: [last], donor: sft, components: o, layers: [3, 4, 5]}\n"},
    {"patches:\n  preposition: {key: preposition, targets: {ln_1: true}, layers: all}\n", NULL, "hybrid",
     NULL, 0,
     "pre\n    grafts:\n      - {at: [{if_any: {all_of: [preposition, {not: [last]}]}}], donor: task, "
     "components: ln1}\n"
     "      - {at: [{if_any: {all_of: [preposition, last]}}], donor: task, components: ln1}\n"},
};

START_TEST(patches_become_grafts) {
    scratch s = scratch_new();
    gk_import_options o = {.set = "s",
                           .entity = "first_actor",
                           .family = GOOD[_i].family,
                           .direction = GOOD[_i].direction,
                           .lm_head = GOOD[_i].head,
                           .n_layers = GOOD[_i].layers};
    ck_assert_str_eq(body(&s, GOOD[_i].patches, &o), GOOD[_i].body);
    scratch_free(&s);
}
END_TEST

START_TEST(the_same_as_the_shipped_scheme) {
    scratch s = scratch_new();
    gk_import out;
    gk_error err;
    gk_schemes both = {0};
    ck_assert(import(&s,
                     "patches:\n  first_actor: {key: first_actor, targets: " ALL
                     "}\n  token_idx: {values: [-1], targets: " ALL "}\n  other: {targets: " ALL
                     ", layers: all}\n",
                     &PLAIN, &out, &err));
    static const char ours[] = "set: t\nas_published: true\nschemes:\n- name: x\n  recipient: pre\n"
                               "  grafts: [{at: {not: [entity, last]}, donor: sft}]\n";
    ck_assert(gk_schemes_parse(s.a, out.schemes, strlen(out.schemes), "a", 0, &both, &err));
    ck_assert(gk_schemes_parse(s.a, ours, sizeof ours - 1, "b", 0, &both, &err));
    ck_assert_str_eq(gk_scheme_canonical(both.item[0]), gk_scheme_canonical(both.item[1]));
    ck_assert_str_eq(gk_scheme_name(both.item[0]), "fe_x");
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- experiments */

#define EXPERIMENT(patching, model, direction, inference)                                              \
    "patching_flag: " patching "\nsmoke_test: false\nn_examples: null\nmodel: {pretrained: " model     \
    ", patch_direction: " direction "}\npaths: {dataset_name: x}\ninference_config: {" inference "}\n" \
    "analysis_config: {top_k: 20, target_key: second_actor}\n"
#define TEMPLATES                                                                                       \
    "test_templates:\n  sentence_1: {test_sentence_template: '{first_actor} {relation}', preposition: " \
    "with, relation: "                                                                                  \
    "acts, relation_preposition: in}\n"

START_TEST(an_experiment_says_the_rest) {
    scratch s = scratch_new();
    gk_import out;
    gk_error err;
    ck_assert(import(&s,
                     EXPERIMENT("true", "pythia-2.8b", "pre2sft",
                                "patch_lm_head: never, dropout_rate: 1.0, dropout_unit: layer, "
                                "dropout_strategy: count") TEMPLATES
                     "patch_config_filename: config_patches_fe.v2.yaml\npatch_config:\n  patches:\n  " FE,
                     &PLAIN, &out, &err));
    /* All layers are dropped; the embedding is in none. */
    ck_assert_str_eq(
        out.schemes,
        "# Patch configurations of the public code, by graftkit import-patch. Format: docs/schemes.md\n"
        "set: 's'\nas_published: true\nschemes:\n  - name: 'fe'\n    about: 'of fe_x.yaml'\n    recipient: "
        "sft\n"
        "    grafts:\n      - {at: [entity], donor: pre, components: embed}\n");
    ck_assert_str_eq(out.templates,
                     "{\"template\":\"{first_actor} "
                     "{relation}\",\"fillers\":{\"preposition\":\"with\",\"relation\":\"acts\","
                     "\"relation_preposition\":\"in\"}}\n");
    /* One model alone, whatever the patches. */
    ck_assert_str_eq(
        body(&s,
             EXPERIMENT("false", "gemma", "pre2sft",
                        "patch_lm_head: always") "patch_config_filename: no_patching.yaml\npatch_config:\n  "
                                                 "patches:\n  " FE,
             &PLAIN),
        "sft\n");
    /* By matrix it drops nothing. */
    ck_assert_str_eq(
        body(&s,
             EXPERIMENT("true", "gpt2", "sft2pre",
                        "patch_lm_head: never, dropout_rate: 0.4, dropout_unit: matrix") "patch_config:\n  "
                                                                                         "patches:\n  " LT(
                                                                                             "{ln_1: "
                                                                                             "true, o: "
                                                                                             "true}",
                                                                                             "all"),
             &PLAIN),
        "pre\n    grafts:\n      - {at: [last], donor: sft, components: o}\n");
    scratch_free(&s);
}
END_TEST

START_TEST(configurations_of_one_experiment) {
    scratch s = scratch_new();
    gk_import out;
    gk_error err;
    const char *experiment =
        scratch_file(&s, "e.yaml", EXPERIMENT("true", "llama3", "hybrid", "patch_lm_head: never") TEMPLATES);
    const char *two[] = {scratch_file(&s, "lt.yaml", "patches:\n" LT("{q: true}", "all")),
                         scratch_file(&s, "no_patching.yaml", "patches: {}\n")};
    ck_assert(gk_import_patches(s.a, two, 2, experiment, &PLAIN, &out, &err));
    ck_assert_ptr_nonnull(strstr(out.schemes, "  - name: 'lt'\n"));
    ck_assert_ptr_nonnull(strstr(out.schemes, "  - name: 'no_patching_sft2pre'\n"));
    ck_assert_ptr_nonnull(out.templates);
    const char *twice[] = {two[0], two[0]};
    ck_assert(!gk_import_patches(s.a, twice, 2, experiment, &PLAIN, &out, &err));
    ck_assert_ptr_nonnull(strstr(err.what, "the scheme would be named 'lt'"));
    ck_assert(!gk_import_patches(s.a, &experiment, 1, NULL, &PLAIN, &out, &err));
    ck_assert_ptr_nonnull(strstr(err.what, "the experiment has no patch_config"));
    gk_import_options o = PLAIN;
    o.lm_head = "never";
    ck_assert(!gk_import_patches(s.a, two, 2, experiment, &o, &out, &err));
    ck_assert_str_eq(err.field, "--lm-head");
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- what is refused */

static const struct {
    const char *text, *message;
} BAD[] = {
    {"patches: 1\n", ":1:10: field 'patches': patches must be a map"},
    {"patch: {}\n", ":1:1: unknown key 'patch'; the keys allowed here are: patches"},
    {"patches:\n  first_actor: {key: first_actor, target: {}}\n", ":2:35: unknown key 'target'"},
    {"patches:\n  first_actor: {key: first_actor, targets: {qq: true}}\n", ":2:45: unknown key 'qq'"},
    {"patches:\n  first_actor: {key: first_actor, targets: {q: 1}}\n",
     ":2:48: field 'q': is '1'; must be true or false"},
    {"patches:\n  first_actor: {key: first_actor, layers: all}\n",
     ":2:16: field 'first_actor': the patch has no targets"},
    {"patches:\n  first_actor: {targets: {}, layers: all}\n",
     ":2:16: field 'first_actor': the patch 'first_actor' has no key"},
    {"patches:\n  first_actor: {key: movie_title, targets: {}}\n",
     ":2:22: field 'key': the patch 'first_actor' has the key"},
    {"patches:\n  first_actor: {key: first_actor, values: [1], targets: {}}\n",
     ":2:43: field 'values': the public code does not read"},
    {"patches:\n  other: {key: x, targets: {}}\n", ":2:16: field 'key': the public code does not read"},
    {"patches:\n  last: {key: last, targets: {}}\n", ":2:3: 'last' cannot be a field"},
    {"patches:\n  token_idx: {targets: {}}\n", ": token_idx needs a list of tokens"},
    {"patches:\n  token_idx: {values: [a], targets: {}}\n",
     ":2:24: field 'values': is 'a'; must be an integer"},
    {"patches:\n" LT("{o: true}", "upper"), ":2:"},
    {"patches:\n" LT("{o: true}", "[seventh_eighth]"), "'seventh_eighth' is no layer and no group of layers"},
    {"patches:\n" LT("{o: true}", "['3']"), "is the quoted text '3'; must be an integer"},
    {"patches:\n" LT("{o: true}", "{not: 3}"), "is a map"},
    {"patches:\n" LT("{q: true, k: true}", "all"), "q, k and v differ, and q is all three"},
    {EXPERIMENT("true", "olmo", "sft2pre", "patch_lm_head: never") "patch_config: {patches: {}}\n",
     ":4:21: field 'pretrained': is 'olmo'"},
    {EXPERIMENT("true", "gemma", "sft2post", "patch_lm_head: never") "patch_config: {patches: {}}\n",
     ":4:45: field 'patch_direction': is 'sft2post'"},
    {EXPERIMENT("true", "gemma", "sft2pre", "patch_lm_head: never, top_p: 1") "patch_config: {patches: {}}\n",
     ":6:42: unknown key 'top_p'"},
    {EXPERIMENT("true", "gemma", "sft2pre", "dropout_rate: 0") "patch_config: {patches: {}}\n",
     "field 'patch_lm_head': is missing; the public code stops without it"},
    {EXPERIMENT("true", "gemma", "sft2pre",
                "patch_lm_head: never, dropout_rate: 0.2") "patch_config: {patches: {}}\n",
     ":6:56: field 'dropout_rate': the public code draws other layers at each token, of no seed"},
    {EXPERIMENT("true", "gemma", "sft2pre", "patch_lm_head: sometimes") "patch_config: {patches: {}}\n",
     "is 'sometimes'"},
    {EXPERIMENT("true", "gpt2", "sft2pre",
                "patch_lm_head: never") "patch_config: {patches: {token_idx: {values: [1], targets: "
                                        "{embeddings: true}}}}\n",
     "where the public code stops"},
    {"learning_rate: 3\n" EXPERIMENT("true", "gemma", "sft2pre",
                                     "patch_lm_head: never") "patch_config: {patches: {}}\n",
     ":1:1: unknown key 'learning_rate'"},
};

START_TEST(bad_files) {
    scratch s = scratch_new();
    gk_import out;
    gk_error err;
    char text[2048];
    ck_assert_msg(!import(&s, BAD[_i].text, &PLAIN, &out, &err), "%s", BAD[_i].text);
    ck_assert_ptr_null(out.schemes);
    gk_error_text(&err, text, sizeof text);
    ck_assert_msg(strstr(text, BAD[_i].message) != NULL, "'%s' is not in\n%s", BAD[_i].message, text);
    ck_assert_msg(strncmp(text, s.dir, strlen(s.dir)) == 0 && err.line > 0 && err.column > 0, "no place: %s",
                  text);
    scratch_free(&s);
}
END_TEST

START_TEST(bad_options) {
    static const gk_import_options bad[] = {{.set = "s", .entity = "e", .family = "olmo2"},
                                            {.set = "s", .entity = "e", .direction = "back"},
                                            {.set = "s", .entity = "e", .lm_head = "no"}};
    static const char *const field[] = {"--family", "--direction", "--lm-head"};
    scratch s = scratch_new();
    for (int i = 0; i < 3; i++) {
        gk_import out;
        gk_error err;
        ck_assert(!import(&s, "patches: {}\n", &bad[i], &out, &err));
        ck_assert_str_eq(err.field, field[i]);
    }
    gk_import_options hybrid = {.set = "s", .entity = "first_actor", .direction = "hybrid"};
    gk_import out;
    gk_error err;
    ck_assert(!import(&s, "patches:\n" LT("{o: true}", "third_quarter"), &hybrid, &out, &err));
    ck_assert_ptr_nonnull(strstr(err.hint, "--layers"));
    hybrid.n_layers = 2;
    ck_assert(!import(&s, "patches:\n" LT("{o: true}", "2"), &hybrid, &out, &err));
    ck_assert_ptr_nonnull(strstr(err.hint, "from 0 to 1"));
    scratch_free(&s);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("import_patch");
    tcase_add_loop_test(t, patches_become_grafts, 0, sizeof GOOD / sizeof *GOOD);
    tcase_add_test(t, the_same_as_the_shipped_scheme);
    tcase_add_test(t, an_experiment_says_the_rest);
    tcase_add_test(t, configurations_of_one_experiment);
    tcase_add_loop_test(t, bad_files, 0, sizeof BAD / sizeof *BAD);
    tcase_add_test(t, bad_options);
    Suite *s = suite_create("import_patch");
    suite_add_tcase(s, t);
    return run_suite(s);
}
