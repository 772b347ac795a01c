/* families.c: the table of model families. Its rows are in rows_NAME.c: how each one's config.json and
 * checkpoint tensors are called, and what it fixes. */
#include "model/config/family.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* In the order of lists and messages. */
#define ROWS(X)                                                                                   \
    X(llama)                                                                                      \
    X(gpt2)                                                                                       \
    X(gpt_neox)                                                                                   \
    X(gemma)                                                                                      \
    X(gemma2) X(qwen2) X(qwen3) X(olmo2) X(gemma3_text) X(mistral) X(seed_oss) X(smollm3) X(phi3) \
        X(starcoder2) X(olmo3) X(exaone4) X(gpt_neo)
#define X(name) extern const gk_family gk_config__##name;
ROWS(X)
#undef X
#define X(name) &gk_config__##name,
static const gk_family *const FAMILIES[] = {ROWS(X)};
#undef X

const gk_family *gk_family_find(const char *name) {
    for (size_t i = 0; i < COUNT(FAMILIES); i++)
        if (strcmp(name, FAMILIES[i]->name) == 0) return FAMILIES[i];
    return NULL;
}

const char *gk_family_name(const gk_family *f) {
    return f->name;
}

const char *gk_family_checkpoints(const gk_family *f) {
    return f->checkpoints;
}

bool gk_family_fuses_qkv(const gk_family *f) {
    for (size_t i = 0; i < f->n_rules; i++)
        if (f->rules[i].n_parts > 1 && f->rules[i].part[0] == GK_Q) return true;
    return false;
}

const gk_family *gk_family_at(size_t i) {
    return i < COUNT(FAMILIES) ? FAMILIES[i] : NULL;
}

static char list[16 * COUNT(FAMILIES)]; /* of all names, once somebody asked */

static void make_list(void) {
    size_t len = 0;
    for (size_t i = 0; i < COUNT(FAMILIES); i++)
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i ? ", " : "", FAMILIES[i]->name);
}

const char *gk_family_list(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_list);
    return list;
}
