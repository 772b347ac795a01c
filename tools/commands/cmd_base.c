/* cmd_base.c: pretrains a new model from scratch. */
#include "graftkit/model/config.h"
#include "tools/training.h"

#include <inttypes.h>

enum { LARGEST = 1 << 24 }; /* of any size; gk_config_check knows closer limits */

typedef struct shape {
    const char *family, *tokenizer;
    int64_t d_model, layers, heads, kv_heads, ffn, positions; /* 0: the family's default */
} shape;

static int take(int64_t asked, int standard) {
    return asked == 0 ? standard : (int)asked;
}

static bool check_sizes(const shape *s, gk_error *err) {
    const struct {
        const char *option;
        int64_t n;
    } size[] = {{"--d-model", s->d_model},   {"--layers", s->layers}, {"--heads", s->heads},
                {"--kv-heads", s->kv_heads}, {"--ffn", s->ffn},       {"--positions", s->positions}};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        if (size[i].n > LARGEST)
            return gk_fail(err, GK_AT_FIELD(NULL, size[i].option), "must be at most 16777216", "is %" PRId64,
                           size[i].n);
    return true;
}

static bool make_config(const shape *s, const gk_tok *tok, gk_config *c, gk_error *err) {
    const gk_family *family = gk_family_find(s->family);
    if (!family)
        return gk_fail(err, GK_AT_FIELD(NULL, "--family"), gk_family_list(), "there is no family '%.40s'",
                       s->family);
    if (!check_sizes(s, err)) return false;
    gk_config_default(family, gk_tok_size(tok), c);
    c->d_model = take(s->d_model, c->d_model);
    c->n_layers = take(s->layers, c->n_layers);
    c->n_heads = take(s->heads, c->n_heads);
    c->n_kv_heads = take(s->kv_heads, s->heads ? c->n_heads : c->n_kv_heads);
    c->d_ffn = take(s->ffn, c->d_ffn);
    c->max_positions = take(s->positions, 128);
    c->bos_id = gk_tok_bos(tok);
    c->eos_id = gk_tok_eos(tok);
    if (c->n_heads > 0 && c->d_model > 0 && c->d_model % c->n_heads != 0)
        return gk_fail(err, GK_AT_FIELD(NULL, "--heads"), "choose a divisor of --d-model",
                       "%d heads do not divide d_model %d", c->n_heads, c->d_model);
    if (c->n_heads > 0) gk_config_derive(c);
    return gk_config_check(c, GK_NOWHERE, err);
}

static int run(gk_training *t, const shape *s) {
    gk_error err;
    gk_config c;
    gk_tok *tok = gk_tok_load(s->tokenizer, &err);
    if (!tok) return gk_die(t->command, &err);
    gk_model *m = make_config(s, tok, &c, &err) ? gk_model_new(&c, (uint64_t)t->seed, &err) : NULL;
    int code = m ? gk_training_run(t, m, tok) : gk_die(t->command, &err);
    gk_model_free(m);
    gk_tok_free(tok);
    return code;
}

int cmd_base(int argc, char **argv) {
    gk_training t = {.command = argv[0], .a = gk_arena_new(), .recipe = "base", .seed = 1};
    shape s = {.family = "llama"};
    const gk_opt own[] = {
        {"family", GK_OPT_STR, &s.family, "NAME", gk_family_list(), false},
        {"tokenizer", GK_OPT_STR, &s.tokenizer, "DIR", "a tokenizer folder or tokenizer.model", true},
        {"d-model", GK_OPT_INT, &s.d_model, "N", "width; 0: the family's default, as below", false},
        {"layers", GK_OPT_INT, &s.layers, "N", "layers", false},
        {"heads", GK_OPT_INT, &s.heads, "N", "attention heads", false},
        {"kv-heads", GK_OPT_INT, &s.kv_heads, "N", "key and value heads", false},
        {"ffn", GK_OPT_INT, &s.ffn, "N", "width inside the MLP", false},
        {"positions", GK_OPT_INT, &s.positions, "N", "longest sequence; 0: 128", false},
    };
    int code =
        gk_training_args(&t, "pretrain a new model from scratch", own, sizeof own / sizeof *own, argc, argv);
    if (code < 0) code = run(&t, &s);
    gk_arena_free(t.a);
    return code;
}
