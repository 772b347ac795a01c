/* spm_train.c: training a sentencepiece model. */
#include "graftkit/core/file.h"
#include "tokenizer/internal.h"
#include "tokenizer/spm/spm.h"

#include <string.h>

/* <unk> <s> </s>, the 256 bytes, and one piece to learn. */
#define VOCAB_MIN 260
#define VOCAB_MAX (1 << 20)

/* The longest run of bytes without a space. */
static size_t longest_word(const char *text) {
    size_t longest = 0;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (n > longest) longest = n;
        text += n + (text[n] == ' ');
    }
    return longest;
}

static bool check_sentence(const char *text, size_t index, gk_error *err) {
    char name[48];
    snprintf(name, sizeof name, "sentence %zu", index);
    gk_place at = {.field = name};
    size_t len = strlen(text);
    if (len > GK_SPM__TEXT_MAX)
        return gk_fail(err, at, "a sentence a string", "%zu bytes; at most %zu can be learnt from", len,
                       GK_SPM__TEXT_MAX);
    size_t bad = 0;
    if (!gk_utf8_valid(text, len, &bad)) {
        at.has_byte = true;
        at.byte = bad;
        return gk_fail(err, at, "text in UTF-8", "the text is not UTF-8");
    }
    size_t word = longest_word(text);
    if (word > GK_SPM__WORD_MAX)
        return gk_fail(err, at, "text with spaces between words",
                       "a word of %zu bytes; at most %zu can be learnt from", word, GK_SPM__WORD_MAX);
    return true;
}

bool gk_tok_train(const char *const *sentences, size_t n, int vocab, const char *dir, gk_error *err) {
    if (vocab < VOCAB_MIN || vocab > VOCAB_MAX)
        return gk_fail(err, GK_AT_FIELD(NULL, "vocab"),
                       "260 (3 special tokens, 256 bytes, one more) to 1048576", "a vocabulary of %d pieces",
                       vocab);
    if (n == 0) return gk_fail(err, GK_NOWHERE, "one sentence or more", "no text to train a tokenizer on");
    for (size_t i = 0; i < n; i++)
        if (!check_sentence(sentences[i], i, err)) return false;
    char why[GK_SPM__WHY] = "";
    char *bytes = NULL;
    size_t len = 0;
    if (!gk_spm__train(sentences, n, vocab, &bytes, &len, why))
        return gk_fail(err, GK_NOWHERE,
                       "--vocab (make: VOCAB=) as many as the text can give, and more than it has characters",
                       "sentencepiece cannot train %d pieces: %s", vocab, why);
    gk_tok *t = gk_tok__from_memory(bytes, len, "the trained model", err);
    gk_spm__release(bytes);
    bool ok = t && gk_tok_save(t, dir, err);
    gk_tok_free(t);
    return ok;
}
