/* modules: model core
 *
 * test_config.c: components, families, and what a configuration may say. */
#include "graftkit/model/config.h"
#include "graftkit/model/weights.h"
#include "model/config/family.h"
#include "tests/support/scratch.h"

#include <math.h>

/* ---------------------------------------------------------------- tables */

START_TEST(test_components) {
    static const char *const names[] = {"embed",  "pos",    "ln1",      "q",        "k",   "v",
                                        "q_norm", "k_norm", "o",        "ln1_post", "ln2", "gate",
                                        "up",     "down",   "ln2_post", "lnf",      "head"};
    ck_assert_uint_eq(sizeof names / sizeof *names, GK_N_COMPONENTS);
    gk_component c = GK_HEAD;
    for (int i = 0; i < GK_N_COMPONENTS; i++) {
        ck_assert_str_eq(gk_component_name((gk_component)i), names[i]);
        ck_assert(gk_component_parse(names[i], &c));
        ck_assert_int_eq((int)c, i);
        bool outside = i == GK_EMBED || i == GK_POS || i == GK_LNF || i == GK_HEAD;
        ck_assert(gk_component_in_layer((gk_component)i) == !outside);
    }
    ck_assert(!gk_component_parse("attn", &c));
    ck_assert(!gk_component_parse("", &c));
    ck_assert_str_eq(gk_component_name(GK_N_COMPONENTS), "?");
}
END_TEST

/* The list in messages names exactly the families there are. */
static const char *const FAMILIES[] = {"llama", "gpt2",       "gpt_neox",    "gemma",   "gemma2",   "qwen2",
                                       "qwen3", "olmo2",      "gemma3_text", "mistral", "seed_oss", "smollm3",
                                       "phi3",  "starcoder2", "olmo3",       "exaone4", "gpt_neo"};
enum { N_FAMILIES = sizeof FAMILIES / sizeof *FAMILIES };

START_TEST(test_families) {
    char list[256];
    snprintf(list, sizeof list, "%s", gk_family_list());
    int n = 0;
    for (char *save, *name = strtok_r(list, ", ", &save); name; name = strtok_r(NULL, ", ", &save), n++) {
        const gk_family *f = gk_family_find(name);
        ck_assert_ptr_nonnull(f);
        ck_assert_str_eq(gk_family_name(f), name);
        bool fused = strcmp(name, "gpt2") == 0 || strcmp(name, "gpt_neox") == 0 || strcmp(name, "phi3") == 0;
        ck_assert_int_eq(gk_family_fuses_qkv(f), fused);
    }
    ck_assert_int_eq(n, N_FAMILIES);
    ck_assert_ptr_null(gk_family_find("bert"));
    ck_assert_ptr_null(gk_family_find(""));
}
END_TEST

START_TEST(test_defaults) {
    gk_config l, g;
    gk_error err = {0};
    gk_config_default(gk_family_find("llama"), 2000, &l);
    gk_config_default(gk_family_find("gpt2"), 2000, &g);
    ck_assert(gk_config_check(&l, GK_NOWHERE, &err));
    ck_assert(gk_config_check(&g, GK_NOWHERE, &err));
    ck_assert(l.d_model == 128 && l.n_layers == 6 && l.n_heads == 4 && l.d_ffn == 341 && !l.tied && l.rope &&
              !l.qkv_bias);
    ck_assert(g.d_model == 128 && g.n_layers == 6 && g.n_heads == 4 && g.d_ffn == 512 && !g.tied && !g.rope &&
              g.qkv_bias);
    ck_assert(gk_config_has(&l, GK_GATE) && !gk_config_has(&l, GK_POS));
    ck_assert(!gk_config_has(&g, GK_GATE) && gk_config_has(&g, GK_POS));
    ck_assert(gk_config_has(&l, GK_HEAD) && gk_config_has(&g, GK_O));
}
END_TEST

START_TEST(test_same) {
    gk_config a, b;
    gk_config_default(gk_family_find("llama"), 2000, &a);
    b = a;
    b.bos_id = 1; /* which id starts a text is no part of the weights' shape */
    ck_assert(gk_config_same(&a, &b));
    int *const ints[] = {&b.vocab,      &b.d_model,  &b.n_layers, &b.n_heads,
                         &b.n_kv_heads, &b.head_dim, &b.d_ffn,    &b.max_positions};
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        (*ints[i])++;
        ck_assert(!gk_config_same(&a, &b));
        (*ints[i])--;
    }
    b.rotary.theta *= 2;
    ck_assert(!gk_config_same(&a, &b));
    b = a, b.norm_eps *= 2;
    ck_assert(!gk_config_same(&a, &b));
    b = a, b.tied = true;
    ck_assert(!gk_config_same(&a, &b));
    gk_config_default(gk_family_find("gpt2"), 2000, &b);
    ck_assert(!gk_config_same(&a, &b));
}
END_TEST

static void assert_differ(const gk_config *a, const gk_config *b, const char *field, const char *x,
                          const char *y) {
    gk_config_diff d = {0};
    ck_assert(gk_config_difference(a, b, &d) && !gk_config_same(a, b));
    ck_assert_str_eq(d.field, field);
    ck_assert_str_eq(d.a, x);
    ck_assert_str_eq(d.b, y);
}

/* Named as the family's config.json does, else as gk_config does; numbers with digits enough to differ. */
START_TEST(test_difference_names_the_member) {
    gk_config a, b;
    gk_config_diff d = {.field = "left over"};
    gk_config_default(gk_family_find("llama"), 2000, &a);
    b = a, b.eos_id = 7;
    ck_assert(!gk_config_difference(&a, &b, &d));
    ck_assert_ptr_null(d.field);
    b = a, b.n_layers = 8;
    assert_differ(&a, &b, "num_hidden_layers", "6", "8");
    b.d_model = 64; /* the first in the list */
    assert_differ(&a, &b, "hidden_size", "128", "64");
    b = a, b.norm_eps = 1e-6f;
    assert_differ(&a, &b, "rms_norm_eps", "1e-05", "1e-06");
    b = a, b.rotary.theta = nextafterf(a.rotary.theta, 1e9f);
    assert_differ(&a, &b, "rope_theta", "10000", "10000.001");
    b = a, b.act = GK_RELU;
    assert_differ(&a, &b, "hidden_act", "silu", "relu");
    b = a, b.rotary_window.factor = 2;
    assert_differ(&a, &b, "rope_factor of sliding_attention", "0", "2");
    b = a, b.rotary.kind = GK_ROPE_LLAMA3;
    assert_differ(&a, &b, "rope_kind", "plain", "llama3");
    b = a, b.tied = true;
    assert_differ(&a, &b, "tie_word_embeddings", "false", "true");
    b = a, b.rotary_dim = a.head_dim; /* 0 means just that */
    ck_assert(gk_config_same(&a, &b));
    b.rotary_dim = 16;
    assert_differ(&a, &b, "rotary_dim", "32", "16");
    gk_config_default(gk_family_find("gpt2"), 2000, &b);
    assert_differ(&a, &b, "model_type", "llama", "gpt2");
}
END_TEST

/* The sizes that loaders expect are the sizes that the weights have. */
START_TEST(test_component_shapes) {
    gk_config c;
    gk_config_default(gk_family_find(FAMILIES[_i % N_FAMILIES]), 37, &c);
    c.n_layers = 1;
    c.tied = _i >= N_FAMILIES;
    if (!c.family->plain_heads) c.n_kv_heads = 2;
    gk_model *m = gk_model_blank(&c, NULL);
    ck_assert_ptr_nonnull(m);
    for (int i = 0; i < GK_N_COMPONENTS; i++) {
        gk_component comp = (gk_component)i;
        gk_tensor t = gk_model_tensor(m, gk_component_in_layer(comp) ? 0 : -1, comp);
        int out = 0, in = 0;
        bool there = gk_config__component_shape(&c, comp, &out, &in);
        if (comp == GK_HEAD && c.tied) {
            ck_assert(!there);
            continue;
        }
        ck_assert(there == (t.w != NULL));
        if (!there) continue;
        ck_assert_int_eq(out, t.out);
        ck_assert_int_eq(in, t.in);
        ck_assert(gk_config__component_biased(&c, comp) == (t.b != NULL));
    }
    gk_model_free(m);
}
END_TEST

/* ---------------------------------------------------------------- checks */

START_TEST(test_check_refuses) {
    gk_config good, c;
    gk_error err = {0};
    gk_config_default(gk_family_find("llama"), 2000, &good);
#define REFUSES(change, text)                                        \
    do {                                                             \
        c = good;                                                    \
        change;                                                      \
        ck_assert(!gk_config_check(&c, GK_AT_FILE("c.json"), &err)); \
        assert_error_at(&err, "c.json", text);                       \
    } while (0)
    REFUSES(c.family = NULL, ": the configuration names no model family; llama, gpt2");
    REFUSES(c.gated = false, ": norms, MLP and positions are not those of the llama family");
    REFUSES(c.qkv_bias = true,
            ": there are biases of q, k and v and none of o; a llama model has both, or neither");
    REFUSES(c.o_bias = true,
            ": there are biases of o and none of q, k and v; a llama model has both, or neither");
    REFUSES(c.vocab = 0, ": field 'vocab_size': is 0; must be from 1 to 16777216");
    REFUSES(c.d_model = -5, ": field 'hidden_size': is -5; must be from 1 to 65536");
    REFUSES(c.n_layers = INT32_MAX, ": field 'num_hidden_layers': is 2147483647; must be from 1 to 1024");
    REFUSES(c.head_dim = 4097, ": field 'head_dim': is 4097; must be from 1 to 4096");
    REFUSES(c.head_dim = 33, ": field 'head_dim': 33 of the 33 dimensions of a head are rotary;");
    REFUSES(c.n_kv_heads = 3, ": field 'num_key_value_heads': 3 key-value heads do not divide 4 heads");
    REFUSES(c.norm_eps = NAN, ": field 'rms_norm_eps': is nan; must be above 0 and below 1");
    REFUSES(c.norm_eps = 0, ": field 'rms_norm_eps': is 0;");
    REFUSES(c.rotary.theta = INFINITY, ": field 'rope_theta': is inf; must be a finite number above 0");
    REFUSES(c.rotary.theta = -1, ": field 'rope_theta': is -1;");
    REFUSES(c.bos_id = -2, ": field 'bos_token_id': is -2; must be a token id, or none");
    REFUSES(c.eos_id = -2, ": field 'eos_token_id': is -2;");
    c = good;
    c.bos_id = c.eos_id = 2000; /* beyond the vocabulary: such folders are there, and work */
    ck_assert(gk_config_check(&c, GK_AT_FILE("c.json"), &err));
    gk_config_default(gk_family_find("qwen2"), 2000, &good);
    REFUSES(c.o_bias = true, ": there are biases of o; a qwen2 model has none there");
    gk_config_default(gk_family_find("gpt2"), 2000, &good);
    REFUSES(c.qkv_bias = false, ": there are no biases of q, k and v; a gpt2 model has some there");
    REFUSES(c.n_kv_heads = 2,
            ": field 'n_head': 4 heads of 32 (2 of them for keys and values) do not make up");
    REFUSES(c.head_dim = 16,
            ": field 'n_head': 4 heads of 16 (4 of them for keys and values) do not make up a width of");
#undef REFUSES
}
END_TEST

int main(void) {
    Suite *s = suite_create("config");
    TCase *t = tcase_create("config");
    tcase_add_test(t, test_components);
    tcase_add_test(t, test_families);
    tcase_add_test(t, test_defaults);
    tcase_add_test(t, test_same);
    tcase_add_test(t, test_difference_names_the_member);
    tcase_add_loop_test(t, test_component_shapes, 0, 2 * N_FAMILIES);
    tcase_add_test(t, test_check_refuses);
    suite_add_tcase(s, t);
    return run_suite(s);
}
