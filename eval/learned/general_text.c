/* general_text.c: how well a model still reads general text, and how far its weights have moved, before a
 * finetuning and during it. */
#include "eval/learned/forgetting.h"
#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/progress.h"
#include "graftkit/eval/learned.h"
#include "graftkit/model/adapter.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/difference.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "graftkit/tokenizer.h"
#include "graftkit/train/corpus.h"
#include "train/json.h"

#include <math.h>
#include <string.h>

enum { MOST_ROWS = 512 }; /* of a window and of a micro-batch */

struct gk_general {
    gk_config c;
    gk_corpus *texts;
    uint32_t *order;
    int64_t tokens;  /* predicted */
    uint64_t bytes;  /* of the file */
    char *base;      /* where the weights were before; NULL: unknown */
    uint64_t loaded; /* bytes that opening them takes */
    gk_arena *a;
};

static bool measure_base(gk_general *g, const char *base, size_t floats, gk_error *err) {
    if (!base || gk_is_adapter(base)) return true; /* which is refused elsewhere */
    g->base = gk_arena_strdup(g->a, base);
    if (gk_is_checkpoint(base)) {
        g->loaded = floats * sizeof(float);
        return true;
    }
    gk_inspection *i = gk_inspect(base, err);
    if (i) g->loaded = i->unpacked_bytes;
    gk_inspection_free(i);
    return i != NULL;
}

gk_general *gk_general_open(const char *file, const char *base, const gk_tok *tok, const gk_model *m,
                            gk_error *err) {
    const gk_config *c = gk_model_config(m);
    gk_arena *a = gk_arena_new();
    gk_general *g = gk_arena_alloc(a, sizeof *g);
    size_t bytes;
    int window = c->max_positions < MOST_ROWS ? c->max_positions : MOST_ROWS;
    *g = (gk_general){.c = *c, .a = a};
    if (gk_read_file(a, file, (size_t)1 << 26, &bytes, err) && measure_base(g, base, gk_model_floats(m), err))
        g->texts = gk_corpus_load_mix(tok, &file, 1, window, err);
    if (!g->texts) {
        gk_general_close(g);
        return NULL;
    }
    g->bytes = bytes;
    g->order = gk_arena_alloc(a, g->texts->n * sizeof *g->order);
    for (size_t i = 0; i < g->texts->n; i++) g->order[i] = (uint32_t)i;
    g->tokens = (int64_t)(g->texts->start[g->texts->n] - g->texts->n);
    return g;
}

void gk_general_close(gk_general *g) {
    if (!g) return;
    gk_corpus_free(g->texts);
    gk_arena_free(g->a);
}

static gk_session_opts session_opts(int rows) {
    return (gk_session_opts){.max_rows = rows};
}

size_t gk_general_size(const gk_general *g) {
    gk_session_opts o = session_opts(MOST_ROWS);
    size_t session = gk_session_size(&g->c, &o);
    return session > g->loaded ? session : (size_t)g->loaded;
}

static bool ask_loss(gk_general *g, const gk_model *m, json_t *line, gk_error *err) {
    int64_t targets = 0;
    double loss = 0;
    gk_packer *p = gk_packer_new(g->texts, NULL, MOST_ROWS, INT64_MAX);
    gk_session_opts o = session_opts(gk_packer_rows(p));
    gk_session *s = gk_session_make(&g->c, &o, err);
    bool ok = s && gk_texts_loss(p, s, m, g->order, g->texts->n, NULL, &loss, &targets, err);
    gk_session_free(s);
    gk_packer_free(p);
    if (!ok) return false;
    /* What is not finite has no place in JSON: null, which is as lost as can be. */
    json_object_set_new(line, "general_loss", isfinite(loss) ? json_real(loss) : json_null());
    json_object_set_new(line, "general_tokens", json_integer(g->tokens));
    json_object_set_new(line, "general_bytes", json_integer((json_int_t)g->bytes));
    return true;
}

static bool has(const gk_diff *d, gk_component c) {
    for (size_t i = 0; i < d->n; i++)
        if (d->item[i].comp == c) return true;
    return false;
}

static void put_change(json_t *to, const gk_diff *d, const char *name, gk_component c) {
    double x = gk_diff_relative_of(d, -2, c);
    if (isfinite(x)) json_object_set_new(to, name, json_real(x));
}

/* Components in all layers together; what the model has no weights of is not named. Who asks the run to stop
 * meanwhile gets a line without. */
static bool ask_change(const gk_general *g, const gk_model *m, json_t *line, gk_error *err) {
    gk_model *base = gk_model_open(g->base, err);
    gk_diff *d = base ? gk_model_diff(base, m, 0, NULL, err) : NULL;
    if (d) {
        json_t *change = json_object();
        put_change(change, d, "all", GK_N_COMPONENTS);
        for (int c = 0; c < GK_N_COMPONENTS; c++)
            if (has(d, (gk_component)c))
                put_change(change, d, gk_component_name((gk_component)c), (gk_component)c);
        json_object_set_new(line, "change", change);
    }
    gk_diff_free(d);
    gk_model_free(base);
    return d != NULL || gk_interrupted();
}

bool gk_general_ask(gk_general *g, const gk_model *m, int64_t step, gk_line *line, gk_error *err) {
    if (!ask_loss(g, m, line->json, err)) return false;
    return step == 0 || !g->base || ask_change(g, m, line->json, err);
}

/* ---------------------------------------------------------------- what it means */

static double number(const json_t *line, const char *key) {
    const json_t *v = json_object_get(line, key);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

bool gk_forgetting_read(const json_t *before, const json_t *after, gk_forgetting *out) {
    if (!json_object_get(before, "general_loss") || !json_object_get(after, "general_loss")) return false;
    const json_t *was = json_object_get(before, "general_sha256"),
                 *is = json_object_get(after, "general_sha256");
    if ((was || is) && !json_equal(was, is)) return false; /* a run that went on with another text */
    double loss = number(before, "general_loss"), then = number(after, "general_loss");
    double tokens = number(before, "general_tokens"), bytes = number(before, "general_bytes");
    *out = (gk_forgetting){.tokens = tokens, .before = exp(loss), .after = exp(then)};
    out->bits = loss * tokens / bytes / log(2);
    out->times = exp(then - loss);
    if (!(out->bits < GK_READS_BITS))
        out->verdict = GK_NO_LANGUAGE;
    else if (out->times <= GK_KEPT_TIMES)
        out->verdict = GK_KEPT;
    else /* a loss that is no number is lost, too */
        out->verdict = out->times <= GK_LOST_TIMES ? GK_FORGOT : GK_LOST;
    return true;
}

const char *gk_forgetting_text(const gk_forgetting *f, char *buf, size_t size) {
    static const char *const words[] = {
        [GK_KEPT] = "it has kept its language",
        [GK_FORGOT] = "it has forgotten some of its language",
        [GK_LOST] = "it has lost its language: what grafts of it show is not what a healthy model does"};
    if (f->verdict == GK_NO_LANGUAGE)
        snprintf(
            buf, size,
            "the model did not read general text before (%.1f bits a byte; a language model takes fewer than "
            "%.0f), so there was none to forget",
            f->bits, GK_READS_BITS);
    else if (isfinite(f->times))
        snprintf(buf, size, "perplexity of general text %.4g before, %.4g after (%.3g times): %s", f->before,
                 f->after, f->times, words[f->verdict]);
    else
        snprintf(buf, size, "perplexity of general text %.4g before, none after: %s", f->before,
                 words[f->verdict]);
    return buf;
}
