/* trained_tokenizer.h: a small sentencepiece model, trained on the spot. */
#ifndef GK_TESTS_TRAINED_TOKENIZER_H
#define GK_TESTS_TRAINED_TOKENIZER_H

#include "tests/support/tokenizer_fixture.h"

#define VOCAB 400

/* "Łukasz Ørsted" and "東京" hold characters the trained model has never seen: byte fallback. */
static const char *const texts[] = {
    "",
    " ",
    "Ada",
    "Ada Abbott stars in a film with Bela Quimby.",
    "  two  spaces,\tand\na tab, a line end ",
    "Łukasz Ørsted",
    "東京 и Москва עם اللغة",
    "no😀space👩‍👩‍👧 e\xCC\x81",
    "<s> </s> <unk> <0x41> are text",
    "ꙮꙮ",
};

static const char *const first_names[] = {"Ada", "Bela", "Cosmo", "Dagny", "Emeric", "Fenella"};
static const char *const surnames[] = {"Abbott", "Quimby", "Marchetti", "Oyelaran", "Thackeray", "Zielinska"};

/* Sentences over the names, every name also 30 times by itself. */
static inline size_t corpus(const char ***out) {
    size_t n = 0, names = COUNT(first_names);
    const char **s = gk_arena_alloc(box.a, 1000 * sizeof *s);
    for (size_t i = 0; i < 200; i++)
        s[n++] = gk_arena_printf(box.a, "%s %s stars in the film number %zu together with %s %s.",
                                 first_names[i % names], surnames[i / 2 % names], i,
                                 first_names[i / 3 % names], surnames[i / 5 % names]);
    for (size_t i = 0; i < 30 * names; i++) {
        s[n++] = first_names[i % names];
        s[n++] = surnames[i % names];
    }
    *out = s;
    return n;
}

static inline gk_tok *trained(const char *name) {
    const char **s = NULL;
    size_t n = corpus(&s);
    ck_assert_msg(gk_tok_train(s, n, VOCAB, in_dir(name), &err), "%s", message());
    gk_tok *t = gk_tok_load(in_dir(name), &err);
    ck_assert_msg(t != NULL, "%s", message());
    return t;
}

static inline void check_round_trips(const gk_tok *t) {
    for (size_t i = 0; i < COUNT(texts); i++) {
        gk_tokens k = encoded(t, texts[i], GK_BOS_YES);
        ck_assert_int_eq(k.id[0], gk_tok_bos(t));
        ck_assert_uint_eq(k.span[0].end, 0);
        check_tiles(t, &k, strlen(texts[i]));
        const char *back = gk_tok_decode(t, k.id, k.n, box.a, &err);
        ck_assert_msg(back != NULL, "%s", message());
        ck_assert_str_eq(back, texts[i]);
        for (size_t j = 1; j < k.n; j++) ck_assert(k.id[j] != gk_tok_bos(t) && k.id[j] != gk_tok_eos(t));
    }
}

#endif
