/* cmd_generate.c: continues texts, so that one sees that a model is alive. */
#include "core/json.h"
#include "graftkit/core/progress.h"
#include "graftkit/core/random.h"
#include "graftkit/model/config.h"
#include "graftkit/model/decode.h"
#include "tools/input_texts.h"

#include <math.h>
#include <string.h>

typedef struct settings {
    gk_input_texts_args texts;
    gk_sampling sampling;
    int64_t tokens, top_k, seed;
    bool json, ignore_eos;
} settings;

typedef struct run {
    const settings *o;
    const gk_input_texts *t;
    gk_arena *a; /* of one text */
    gk_rng rng;
    float *logits;
    int32_t *id; /* the text and its continuation */
    int n, prompt;
    size_t shown; /* bytes of them that are printed, or were in the text */
    double prompt_seconds, seconds;
    int64_t prompt_tokens, steps;
} run;

/* The text of all tokens so far: a token's text may depend on those before it. */
static char *decoded(run *r, gk_error *err) {
    return gk_tok_show(r->t->tok, r->id, (size_t)r->n, r->a, err);
}

/* Prints what the new token adds to the text. A character whose bytes are still to come waits. */
static bool show(run *r, bool last, gk_error *err) {
    if (r->o->json || !r->t->tok) return true;
    char *text = decoded(r, err);
    if (!text) return false;
    size_t len = strlen(text);
    static const char unfinished[] = "\xEF\xBF\xBD";
    if (!last && len >= 3 && strcmp(text + len - 3, unfinished) == 0) return true;
    if (len > r->shown) fwrite(text + r->shown, 1, len - r->shown, stdout);
    fflush(stdout);
    if (len > r->shown) r->shown = len;
    return true;
}

static bool check_logits(const float *x, int n, gk_error *err) {
    for (int i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return gk_fail(err, GK_NOWHERE, "the weights hold NaN or overflow on this text",
                           "the logits are not finite");
    return true;
}

/* What the model names; the tokenizer's EOS where it names none. */
static bool is_end(const run *r, int32_t id) {
    gk_id_list ends = gk_config_ends(gk_model_config(r->t->model));
    if (ends.n == 0 && r->t->tok) ends = (gk_id_list){1, {gk_tok_eos(r->t->tok)}};
    for (int i = 0; i < ends.n; i++)
        if (id == ends.id[i]) return !r->o->ignore_eos;
    return false;
}

static bool continue_text(run *r, gk_decoder *d, gk_error *err) {
    const gk_config *c = gk_model_config(r->t->model);
    double begun = gk_now();
    int most = r->prompt + (int)r->o->tokens;
    while (r->n < most && !gk_interrupted()) {
        if (!check_logits(r->logits, c->vocab, err)) return false;
        int32_t id = gk_sample(r->logits, c->vocab, &r->o->sampling, &r->rng);
        if (is_end(r, id)) break;
        r->id[r->n++] = id;
        if (!show(r, false, err)) return false;
        if (r->n == most || gk_decoder_length(d) == c->max_positions) break;
        if (!gk_decoder_feed(d, &id, 1, r->logits, err)) return false;
        r->steps++;
    }
    r->seconds += gk_now() - begun;
    return show(r, true, err);
}

static bool tell(run *r, const gk_input_text *text, gk_error *err) {
    if (!r->o->json) {
        if (!r->t->tok)
            for (int i = r->prompt; i < r->n; i++) printf("%s%d", i > r->prompt ? " " : "", r->id[i]);
        puts("");
        return true;
    }
    json_t *ids = json_array(), *line = json_object();
    for (int i = r->prompt; i < r->n; i++) json_array_append_new(ids, json_integer(r->id[i]));
    if (text->text) json_object_set_new(line, "prompt", json_string(text->text));
    json_object_set_new(line, "ids", ids);
    char *out = r->t->tok ? decoded(r, err) : NULL;
    if (out)
        json_object_set_new(line, "continuation", json_string(out + (strlen(out) < r->shown ? 0 : r->shown)));
    bool ok = out || !r->t->tok;
    if (ok) gk_jsonl_write(stdout, line);
    json_decref(line);
    return ok;
}

/* Takes the text in; its own tokens are not printed again. */
static bool start(run *r, const gk_input_text *text, gk_decoder *d, gk_error *err) {
    memcpy(r->id, text->id, (size_t)text->n * sizeof *r->id);
    r->n = r->prompt = text->n;
    r->shown = 0;
    if (r->t->tok) {
        const char *own = decoded(r, err);
        if (!own) return false;
        r->shown = strlen(own);
        if (!r->o->json) fputs(own, stdout);
    }
    double begun = gk_now();
    bool ok = gk_decoder_feed(d, text->id, text->n, r->logits, err);
    r->prompt_seconds += gk_now() - begun;
    r->prompt_tokens += text->n;
    return ok;
}

static bool one_text(run *r, const gk_input_text *text, gk_error *err) {
    const gk_config *c = gk_model_config(r->t->model);
    int64_t room = text->n + r->o->tokens;
    gk_decoder *d = gk_decoder_new(r->t->model, room < c->max_positions ? (int)room : c->max_positions, err);
    if (!d) return false;
    r->id = gk_arena_alloc(r->a, (size_t)room * sizeof *r->id);
    bool ok = start(r, text, d, err) && continue_text(r, d, err) && tell(r, text, err);
    gk_decoder_free(d);
    gk_arena_reset(r->a);
    return ok;
}

static int generate(const settings *o) {
    gk_error err;
    gk_input_texts t;
    gk_arena *a = gk_arena_new();
    if (!gk_input_texts_open(&o->texts, a, &t, &err)) {
        gk_arena_free(a);
        return gk_die("generate", &err);
    }
    run r = {.o = o, .t = &t, .a = gk_arena_new()};
    r.logits = gk_arena_alloc(a, (size_t)gk_model_config(t.model)->vocab * sizeof *r.logits);
    gk_rng_seed(&r.rng, (uint64_t)o->seed, "generate");
    bool ok = true;
    for (size_t i = 0; ok && i < t.n && !gk_interrupted(); i++) ok = one_text(&r, &t.text[i], &err);
    if (ok)
        fprintf(stderr,
                "generate: %lld prompt tokens in %.2f s (%.1f/s), %lld steps in %.2f s (%.1f tokens/s)\n",
                (long long)r.prompt_tokens, r.prompt_seconds,
                (double)r.prompt_tokens / (r.prompt_seconds > 0 ? r.prompt_seconds : 1), (long long)r.steps,
                r.seconds, (double)r.steps / (r.seconds > 0 ? r.seconds : 1));
    gk_arena_free(r.a);
    gk_input_texts_close(&t);
    gk_arena_free(a);
    return ok ? gk_interrupted() ? 130 : 0 : gk_die("generate", &err);
}

static bool check(const settings *o, gk_error *err) {
    if (o->tokens < 1 || o->tokens > 1 << 24)
        return gk_fail(err, GK_AT_FIELD(NULL, "--tokens"), "1 to 16777216", "is %lld", (long long)o->tokens);
    if (!(o->sampling.top_p > 0 && o->sampling.top_p <= 1))
        return gk_fail(err, GK_AT_FIELD(NULL, "--top-p"), "above 0, at most 1", "is %g", o->sampling.top_p);
    if (!(o->sampling.temperature >= 0))
        return gk_fail(err, GK_AT_FIELD(NULL, "--temperature"), "0 or more", "is %g",
                       o->sampling.temperature);
    return true;
}

int cmd_generate(int argc, char **argv) {
    settings o = {.sampling = {.top_p = 1}, .tokens = 64, .seed = 1};
    const gk_opt opts[] = {
        GK_INPUT_TEXTS_OPTS(&o.texts),
        {"tokens", GK_OPT_INT, &o.tokens, "N", "the longest continuation", false},
        {"temperature", GK_OPT_NUM, &o.sampling.temperature, "X", "0: always the likeliest token", false},
        {"top-k", GK_OPT_INT, &o.top_k, "N", "draw from the N likeliest only; 0: all", false},
        {"top-p", GK_OPT_NUM, &o.sampling.top_p, "X", "draw from the likeliest that reach X together", false},
        {"seed", GK_OPT_INT, &o.seed, "N", "decides what is drawn", false},
        {"ignore-eos", GK_OPT_FLAG, &o.ignore_eos, NULL, "go on after the end of a text", false},
        {"json", GK_OPT_FLAG, &o.json, NULL, "print a JSON line a text: prompt, ids, continuation", false},
    };
    gk_arena *a = gk_arena_new();
    int code =
        gk_args("generate", "continue texts with a model", opts, sizeof opts / sizeof *opts, argc, argv, a);
    if (code < 0) {
        gk_error err;
        gk_use_threads(o.texts.threads);
        o.sampling.top_k = (int)(o.top_k > 1 << 30 ? 0 : o.top_k);
        code = check(&o, &err) ? generate(&o) : gk_die("generate", &err);
    }
    gk_arena_free(a);
    return code;
}
