/* graft.c: one prompt through two models: what would follow if the donor's weights computed nothing of the
 * prompt, only one entity in it and the last token, or all of it.
 *
 *     cc graft.c $(pkg-config --cflags --libs graftkit) -o graft
 *     ./graft runs/base runs/sft "Ada Moss stars in Green Rain with" "Ada Moss"
 */
#include <graftkit/graftkit.h>
#include <string.h>

static const char SCHEMES[] = "set: example\n" /* docs/schemes.md explains every word */
                              "schemes:\n"
                              "  - {name: PRE}\n"
                              "  - {name: FE+LT, grafts: [{at: [entity, last], donor: sft}]}\n"
                              "  - {name: SFT, grafts: [{at: all, donor: sft}], head: sft}\n";
enum { N_SCHEMES = 3, TOP = 5, WORKING_MEMORY = 256 << 20 };

typedef struct results {
    int vocab;
    gk_score score[N_SCHEMES];
    gk_error *err;
} results;

/* Called for each job with the logits behind its last token, in no particular order. */
static bool take(void *ctx, size_t job, const float *logits) {
    results *r = (results *)ctx;
    return gk_score_logits(logits, r->vocab, 0, &r->score[job], r->err);
}

static bool graft(const gk_cast *cast, const gk_tok *tok, const char *prompt, const char *entity, gk_arena *a,
                  gk_error *err) {
    const char *at = strstr(prompt, entity);
    if (!at) return gk_fail(err, GK_NOWHERE, NULL, "the prompt does not have \"%s\" in it", entity);
    const uint32_t begin = (uint32_t)(at - prompt);
    const gk_field_span field = {GK_ENTITY, {begin, begin + (uint32_t)strlen(entity)}};
    const gk_config *c = gk_model_config(cast->model[0]);
    gk_tokens tokens;
    gk_schemes schemes = {NULL, 0, 0, NULL, 0};
    if (!gk_tok_encode(tok, prompt, strlen(prompt), GK_BOS_DEFAULT, a, &tokens, err) ||
        !gk_schemes_parse(a, SCHEMES, strlen(SCHEMES), "SCHEMES", c->n_layers, &schemes, err))
        return false;
    gk_plan plan[N_SCHEMES]; /* whose weights compute each token in each layer and component */
    gk_job job[N_SCHEMES];
    for (int i = 0; i < N_SCHEMES; i++) {
        if (!gk_plan_make(a, schemes.item[i], cast, &tokens, &field, 1, &plan[i], err)) return false;
        const gk_job one = {tokens.id, (int)tokens.n, &plan[i]};
        job[i] = one;
    }
    results r;
    r.vocab = c->vocab;
    r.err = err;
    if (!gk_graft_run(cast, job, N_SCHEMES, WORKING_MEMORY, take, &r, NULL, err)) return false;
    for (int i = 0; i < N_SCHEMES; i++) {
        printf("%s\n", gk_scheme_name(schemes.item[i]));
        for (int k = 0; k < TOP && k < r.score[i].n_top; k++)
            printf("%6.2f%% %s\n", 100 * (double)r.score[i].top_prob[k],
                   gk_tok_show(tok, &r.score[i].top_id[k], 1, a, err));
    }
    return true;
}

int main(int argc, char **argv) {
    if (argc != 5) return fprintf(stderr, "usage: graft RECIPIENT DONOR PROMPT ENTITY\n"), 2;
    gk_error err;
    gk_arena *a = gk_arena_new();
    gk_model *pre = gk_model_open(argv[1], &err), *sft = pre ? gk_model_open(argv[2], &err) : NULL;
    gk_tok *tok = sft ? gk_tokenizer_of(argv[1], &err) : NULL;
    gk_tok *other = tok ? gk_tokenizer_of(argv[2], &err) : NULL;
    gk_cast cast = {{"pre", "sft"}, {pre, sft}, {NULL}, 2, {NULL}, false};
    bool ok =
        other &&
        (gk_tok_same(tok, other) || gk_fail(&err, GK_AT_FILE(argv[2]), NULL, "is of another tokenizer")) &&
        graft(&cast, tok, argv[3], argv[4], a, &err);
    char text[1024];
    if (!ok) fprintf(stderr, "graft: %s\n", gk_error_text(&err, text, sizeof text));
    gk_tok_free(other);
    gk_tok_free(tok);
    gk_model_free(sft);
    gk_model_free(pre);
    gk_arena_free(a);
    return ok ? 0 : 1;
}
