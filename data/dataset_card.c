/* dataset_card.c: what a dataset is: counts, how far its targets can be told apart, hashes. */
#include "core/json.h"
#include "data/internal.h"
#include "graftkit/core/file.h"

#include <string.h>

static const char *const DIRECTION[2] = {"A2B", "B2A"};
static const char *const SPLIT_NAME[GK_DATA__N_SPLITS] = {"base", "relation", "task"};

static json_t *list_sizes(const gk_data__making *m, const gk_data__generator *gen) {
    json_t *sizes = json_object();
    for (size_t i = 0; i < gen->n_lists; i++)
        json_object_set_new(sizes, gen->lists[i], json_integer((json_int_t)m->lists[i].n));
    json_object_update(sizes, m->tables);
    return sizes;
}

/* ---------------------------------------------------------------- targets */

static json_t *first_word(const json_t *value) {
    const char *s = json_string_value(value);
    return json_stringn(s, strcspn(s, " "));
}

static void count_key(json_t *count, const char *key, json_int_t *most) {
    json_int_t n = 1 + json_integer_value(json_object_get(count, key));
    json_object_set_new(count, key, json_integer(n));
    if (n > *most) *most = n;
}

/* How evenly the first words of the targets are spread: the best blind guess is right most_common times. */
static json_t *word_spread(const gk_rows *rows, const char *field) {
    json_t *count = json_object();
    json_int_t most = 0;
    for (size_t i = 0; i < rows->n; i++) {
        json_t *word = first_word(json_object_get(rows->row[i], field));
        count_key(count, json_string_value(word), &most);
        json_decref(word);
    }
    json_t *spread = json_pack("{s:I,s:I}", "distinct_first_words", (json_int_t)json_object_size(count),
                               "most_common", most);
    json_decref(count);
    return spread;
}

/* What the first evaluation template makes of the row. */
static bool first_prompt(const gk_data__making *m, const json_t *row, gk_arena *a, gk_rendered *out) {
    const gk_wording *w = m->wording;
    return gk_template_render(w->eval[0], row, w->fillers, GK_NOWHERE, a, out, NULL);
}

/* Whether the base corpus was read as tokens. */
static bool reads(const gk_data__making *m) {
    return m->opt->read_text && m->splits[GK_DATA__BASE].n > 0;
}

/* A model made of the base corpus has no use for a token that never stands there: its head cannot say it. */
static bool read_base(const gk_data__making *m, const gk_data__card_file *files, size_t n, gk_error *err) {
    bool ok = true;
    for (size_t i = 0; i < n && reads(m); i++) {
        if (strcmp(files[i].name, "base/texts.jsonl") != 0) continue;
        const char *line = files[i].bytes->data;
        for (const char *end; ok && line && (end = strchr(line, '\n')); line = end + 1) {
            json_t *obj = json_loadb(line, (size_t)(end - line), 0, NULL),
                   *text = json_object_get(obj, "text");
            ok = m->opt->read_text(m->opt->first_token_ctx, json_string_value(text), json_string_length(text),
                                   err);
            json_decref(obj);
        }
    }
    return ok;
}

/* The same for the first tokens, which are what a model is asked for, behind the first template's prompts. */
static bool add_token_spread(const gk_data__making *m, const gk_rows *rows, const char *field, json_t *spread,
                             gk_error *err) {
    if (!m->opt->first_token) return true;
    gk_arena *a = gk_arena_new();
    json_t *count = json_object();
    json_int_t most = 0, unseen = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < rows->n; i++) {
        char key[32];
        int32_t id;
        const char *target = json_string_value(json_object_get(rows->row[i], field));
        gk_rendered prompt;
        gk_arena_reset(a);
        bool asked = field == m->swap.b && first_prompt(m, rows->row[i], a, &prompt);
        ok = m->opt->first_token(m->opt->first_token_ctx, asked ? &prompt : NULL, target, &id, err);
        if (ok && reads(m)) unseen += !m->opt->was_read(m->opt->first_token_ctx, id);
        snprintf(key, sizeof key, "%d", ok ? (int)id : -1);
        count_key(count, key, &most);
    }
    if (ok && reads(m)) json_object_set_new(spread, "unseen_by_base", json_integer(unseen));
    json_object_set_new(spread, "distinct_first_tokens", json_integer((json_int_t)json_object_size(count)));
    json_object_set_new(spread, "most_common_token", json_integer(most));
    json_decref(count);
    gk_arena_free(a);
    return ok;
}

static bool add_targets(const gk_data__making *m, const gk_data__generator *gen, int s, json_t *out,
                        gk_error *err) {
    const gk_rows *rows = &m->splits[s];
    const char *const field[2] = {m->swap.b, m->swap.a};
    int directions = gen->texts || m->wording->n_reverse || !m->swap.exchange ? 1 : 2;
    for (int d = 0; d < directions; d++) {
        json_t *spread = word_spread(rows, field[d]);
        json_object_set_new(out, d ? "targets_B2A" : "targets_A2B", spread);
        if (!add_token_spread(m, rows, field[d], spread, err)) return false;
    }
    return true;
}

/* ---------------------------------------------------------------- splits and files */

static json_int_t lines_of(const gk_buf *b) {
    json_int_t lines = 0;
    for (size_t i = 0; i < b->len; i++) lines += b->data[i] == '\n';
    return lines;
}

static json_int_t texts_of(const gk_data__card_file *files, size_t n, const char *split, const char *name) {
    size_t len = strlen(split);
    for (size_t i = 0; i < n; i++) {
        const char *file = files[i].name;
        if (strncmp(file, split, len) == 0 && file[len] == '/' &&
            strncmp(file + len + 1, name, strlen(name)) == 0)
            return lines_of(files[i].bytes);
    }
    return 0;
}

static json_t *describe_split(const gk_data__making *m, const gk_data__generator *gen, int s,
                              const gk_data__card_file *files, size_t n_files, gk_error *err) {
    json_t *out = json_pack("{s:I}", "rows", (json_int_t)m->splits[s].n);
    const char *split = SPLIT_NAME[s];
    if (s == GK_DATA__BASE)
        json_object_set_new(out, "texts", json_integer(texts_of(files, n_files, split, "texts.")));
    else
        for (int d = 0; d < 2; d++)
            json_object_set_new(out, DIRECTION[d],
                                json_integer(texts_of(files, n_files, split, DIRECTION[d])));
    if (add_targets(m, gen, s, out, err)) return out;
    json_decref(out);
    return NULL;
}

static json_t *describe_file(const gk_data__card_file *f) {
    char hex[GK_SHA256_HEX];
    gk_sha256_bytes(f->bytes->len ? f->bytes->data : "", f->bytes->len, hex);
    return json_pack("{s:I,s:I,s:s}", "lines", lines_of(f->bytes), "bytes", (json_int_t)f->bytes->len,
                     "sha256", hex);
}

/* ---------------------------------------------------------------- samples */

static void add_sample(json_t *samples, const char *kind, const gk_data__card_file *files, size_t n,
                       const char *name) {
    for (size_t i = 0; i < n; i++) {
        const char *line = files[i].bytes->data, *end = line ? strchr(line, '\n') : NULL;
        if (strcmp(files[i].name, name) != 0 || !end) continue;
        json_t *obj = json_loadb(line, (size_t)(end - line), 0, NULL);
        json_object_set(samples, kind, json_object_get(obj, "text"));
        json_decref(obj);
    }
}

/* One text of each kind: the first that training has, and the first prompt with its answer. */
static json_t *describe_samples(const gk_data__making *m, const gk_data__card_file *files, size_t n) {
    json_t *samples = json_object();
    const gk_rows *rows = &m->splits[GK_DATA__RELATION];
    gk_rendered prompt;
    add_sample(samples, "base", files, n, "base/texts.jsonl");
    add_sample(samples, "A2B", files, n, "relation/A2B.jsonl");
    add_sample(samples, "B2A", files, n, "relation/B2A.jsonl");
    if (rows->n == 0 || !first_prompt(m, rows->row[0], m->a, &prompt)) return samples;
    const char *target = json_string_value(json_object_get(rows->row[0], m->swap.b));
    json_object_set_new(samples, "prompt", json_string(prompt.text));
    json_object_set_new(samples, "answer", json_sprintf("%s%s", prompt.seam, target));
    return samples;
}

/* ---------------------------------------------------------------- what is not there */

/* How often each reason was given; dropped.jsonl names every case. */
static json_t *describe_dropped(const gk_data__making *m) {
    json_t *reasons = json_object(), *entry;
    size_t i;
    json_int_t most = 0;
    json_array_foreach(m->dropped, i, entry)
        count_key(reasons, json_string_value(json_object_get(entry, "why")), &most);
    json_t *out = json_pack("{s:I,s:o,s:I}", "dropped", (json_int_t)json_array_size(m->dropped), "reasons",
                            reasons, "unused", (json_int_t)m->unused);
    const char *name = m->opt->source; /* without the folder it lies in: that is the machine's */
    for (const char *slash; name && (slash = strchr(name, '/')) && slash[1];) name = slash + 1;
    if (name) json_object_set_new(out, "name", json_string(name));
    return out;
}

/* `base`: whether there is a base corpus of templates, and so what it says them in. */
static json_t *describe_wording(const gk_wording *w, bool base) {
    json_t *out = json_pack("{s:I,s:I,s:I}", "training", (json_int_t)w->n_training, "paraphrases",
                            (json_int_t)(w->n_all - w->n_training), "evaluation", (json_int_t)w->n_eval);
    if (w->n_reverse) json_object_set_new(out, "reverse", json_integer((json_int_t)w->n_reverse));
    if (base)
        json_object_set_new(out, "base", json_string(gk_wording_has_base(w) ? "paraphrases" : "training"));
    return out;
}

json_t *gk_data__card_make(const gk_data__making *m, const gk_data__generator *gen,
                           const gk_data__card_file *files, size_t n_files, gk_error *err) {
    if (!read_base(m, files, n_files, err)) return NULL;
    double words = (double)m->n_first_words;
    json_t *card = json_pack("{s:s,s:s,s:I}", "name", gen->name, "graftkit", GK_VERSION, "seed",
                             (json_int_t)m->opt->seed);
    json_object_set_new(card, "entity", json_string(m->swap.a));
    json_object_set_new(card, "target", json_string(m->swap.b));
    json_object_set_new(card, "samples", describe_samples(m, files, n_files));
    json_object_set_new(card, "lists", list_sizes(m, gen));
    json_object_set_new(card, "templates",
                        describe_wording(m->wording, m->splits[GK_DATA__BASE].n > 0 && !gen->texts));
    if (m->n_first_words)
        json_object_set_new(card, "chance_first_word",
                            json_pack("{s:f,s:f}", "top1", 1 / words, "top5", words < 5 ? 1.0 : 5 / words));
    if (gen->source) json_object_set_new(card, "source", describe_dropped(m));
    if (m->opt->first_token)
        json_object_set_new(card, "tokenizer", json_string(m->opt->tokenizer ? m->opt->tokenizer : ""));
    json_t *splits = json_object(), *list = json_object();
    json_object_set_new(card, "splits", splits);
    json_object_set_new(card, "files", list);
    for (int s = 0; s < GK_DATA__N_SPLITS; s++) {
        if (m->splits[s].n == 0) continue;
        json_t *split = describe_split(m, gen, s, files, n_files, err);
        json_object_set_new(splits, SPLIT_NAME[s], split);
        if (split) continue;
        json_decref(card);
        return NULL;
    }
    for (size_t i = 0; i < n_files; i++) json_object_set_new(list, files[i].name, describe_file(&files[i]));
    return card;
}
