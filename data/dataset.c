/* dataset.c: a whole dataset, from word lists and templates to a folder with a card. */
#include "data/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const gk__generator *const GENERATORS[] = {&gk__fake_movies};
enum { N_GENERATORS = sizeof GENERATORS / sizeof *GENERATORS };

enum { BASE, RELATION, TASK, N_SPLITS };
static const char *const SPLIT_NAME[N_SPLITS] = {"base", "relation", "task"};
static const char *const DIRECTION[2] = {"A2B", "B2A"};
enum { ROWS_MAX = 1000000, TEXTS_MAX = 5000000, NAME_REPEATS = 30 };

/* A file of the dataset, made in memory first. */
typedef struct part {
    const char *name; /* relative to the dataset's folder */
    gk_buf bytes;
    gk_out out;
} part;
enum { MAX_PARTS = 16, MAX_LISTS = 16 };

typedef struct job {
    const gk_dataset_options *opt;
    const gk__generator *gen;
    gk_arena *a;
    gk_list lists[MAX_LISTS];
    gk_wording wording;
    gk_rows splits[N_SPLITS];
    part parts[MAX_PARTS];
    size_t n_parts;
    json_t *card;
} job;

/* ---------------------------------------------------------------- what is asked for */

static const gk__generator *find_generator(const char *name, gk_error *err) {
    gk_buf known = {0};
    gk_buf_puts(&known, "the datasets are:");
    for (size_t i = 0; i < N_GENERATORS; i++) {
        if (strcmp(GENERATORS[i]->name, name) == 0) {
            gk_buf_free(&known);
            return GENERATORS[i];
        }
        gk_buf_printf(&known, " %s", GENERATORS[i]->name);
    }
    gk_fail(err, GK_NOWHERE, known.data, "unknown dataset '%s'", name);
    gk_buf_free(&known);
    return NULL;
}

static bool in_range(const char *what, int64_t n, int64_t max, gk_error *err) {
    if (n >= 1 && n <= max) return true;
    gk_fail(err, GK_NOWHERE, NULL, "%" PRId64 " %s asked for; from 1 to %" PRId64 " can be made", n, what,
            max);
    return false;
}

static bool check_options(const gk_dataset_options *o, gk_error *err) {
    if (!o->out || !*o->out) return gk_fail(err, GK_NOWHERE, "name a folder", "no folder to write to");
    return in_range("base rows", o->base_rows, ROWS_MAX, err) &&
           in_range("base texts", o->base_texts, TEXTS_MAX, err) &&
           in_range("relation rows", o->relation_rows, ROWS_MAX, err) &&
           in_range("task rows", o->task_rows, ROWS_MAX, err);
}

/* ---------------------------------------------------------------- input and rows */

static bool load_inputs(job *j, gk_error *err) {
    const char *dir = gk_path_join(j->a, j->opt->home, "data/lists");
    for (size_t i = 0; i < j->gen->n_lists; i++) {
        const char *path = gk_arena_printf(j->a, "%s/%s.txt", dir, j->gen->lists[i]);
        if (!gk_list_load(j->a, path, &j->lists[i], err)) return false;
    }
    dir = gk_path_join(j->a, gk_path_join(j->a, j->opt->home, "templates"), j->gen->name);
    return gk_wording_load(j->a, dir, &j->wording, err);
}

static bool make_rows(job *j, gk_error *err) {
    const int64_t n[N_SPLITS] = {j->opt->base_rows, j->opt->relation_rows, j->opt->task_rows};
    for (int s = 0; s < N_SPLITS; s++) {
        j->splits[s].path = gk_arena_printf(j->a, "%s/metadata.jsonl", SPLIT_NAME[s]);
        j->splits[s].n = (size_t)n[s];
        j->splits[s].row = gk_alloc((size_t)n[s] * sizeof(json_t *));
    }
    return j->gen->make(j->lists, (uint64_t)j->opt->seed, j->splits, N_SPLITS, err);
}

/* ---------------------------------------------------------------- files in memory */

static gk_buf *add_part(job *j, const char *name) {
    part *p = &j->parts[j->n_parts++];
    p->name = name;
    return &p->bytes;
}

static void add_metadata(job *j, const gk_rows *rows) {
    gk_buf *out = add_part(j, rows->path);
    for (size_t i = 0; i < rows->n; i++) {
        char *line = json_dumps(rows->row[i], JSON_COMPACT);
        gk_buf_printf(out, "%s\n", line);
        free(line);
    }
}

static bool add_texts(job *j, gk_error *err) {
    gk_rng rng;
    gk_rng_seed(&rng, (uint64_t)j->opt->seed, "base texts");
    add_metadata(j, &j->splits[BASE]);
    if (!gk_texts_zipf(&j->wording, &j->splits[BASE], j->gen->swap, (size_t)j->opt->base_texts, &rng,
                       add_part(j, "base/texts.jsonl"), err))
        return false;
    for (int s = RELATION; s < N_SPLITS; s++) {
        add_metadata(j, &j->splits[s]);
        for (int d = 0; d < 2; d++) {
            gk_buf *out = add_part(j, gk_arena_printf(j->a, "%s/%s.jsonl", SPLIT_NAME[s], DIRECTION[d]));
            if (!gk_texts_all(&j->wording, &j->splits[s], j->gen->swap, d == 1, out, err)) return false;
        }
    }
    return true;
}

static void add_tokenizer_texts(job *j) {
    gk_buf *out = add_part(j, "tokenizer.jsonl");
    for (size_t i = 0; i < j->n_parts; i++)
        if (strcmp(j->parts[i].name, "base/texts.jsonl") == 0)
            gk_buf_add(out, j->parts[i].bytes.data, j->parts[i].bytes.len);
    for (size_t l = 0; l < j->gen->n_names; l++)
        for (size_t i = 0; i < j->lists[l].n; i++) {
            gk_buf text = {0};
            for (int k = 0; k < NAME_REPEATS; k++)
                gk_buf_printf(&text, "%s%s", k ? " " : "", j->lists[l].item[i]);
            json_t *line = json_pack("{s:s}", "text", text.data);
            char *dump = json_dumps(line, JSON_COMPACT);
            gk_buf_printf(out, "%s\n", dump);
            free(dump);
            json_decref(line);
            gk_buf_free(&text);
        }
}

/* ---------------------------------------------------------------- the card */

static json_t *list_sizes(const job *j) {
    json_t *sizes = json_object();
    for (size_t i = 0; i < j->gen->n_lists; i++)
        json_object_set_new(sizes, j->gen->lists[i], json_integer((json_int_t)j->lists[i].n));
    return sizes;
}

static json_t *first_word(const json_t *value) {
    const char *s = json_string_value(value);
    return json_stringn(s, strcspn(s, " "));
}

/* How evenly the first words of the targets are spread: the best blind guess is right most_common times. */
static json_t *target_spread(const gk_rows *rows, const char *field) {
    json_t *count = json_object();
    json_int_t most = 0;
    for (size_t i = 0; i < rows->n; i++) {
        json_t *word = first_word(json_object_get(rows->row[i], field));
        const char *key = json_string_value(word);
        json_int_t n = 1 + json_integer_value(json_object_get(count, key));
        json_object_set_new(count, key, json_integer(n));
        if (n > most) most = n;
        json_decref(word);
    }
    json_t *spread = json_pack("{s:I,s:I}", "distinct_first_words", (json_int_t)json_object_size(count),
                               "most_common", most);
    json_decref(count);
    return spread;
}

static json_t *describe_split(const job *j, int s) {
    const gk_rows *rows = &j->splits[s];
    json_t *out = json_pack("{s:I}", "rows", (json_int_t)rows->n);
    json_int_t a_direction = (json_int_t)(rows->n * j->wording.n_training);
    if (s == BASE)
        json_object_set_new(out, "texts", json_integer(j->opt->base_texts));
    else
        for (int d = 0; d < 2; d++) json_object_set_new(out, DIRECTION[d], json_integer(a_direction));
    json_object_set_new(out, "targets_A2B", target_spread(rows, j->gen->swap.b));
    json_object_set_new(out, "targets_B2A", target_spread(rows, j->gen->swap.a));
    return out;
}

static json_t *describe_file(const part *p) {
    char hex[GK_SHA256_HEX];
    json_int_t lines = 0;
    for (size_t i = 0; i < p->bytes.len; i++) lines += p->bytes.data[i] == '\n';
    gk_sha256_bytes(p->bytes.data, p->bytes.len, hex);
    return json_pack("{s:I,s:I,s:s}", "lines", lines, "bytes", (json_int_t)p->bytes.len, "sha256", hex);
}

static void make_card(job *j) {
    const gk_wording *w = &j->wording;
    double words = (double)j->lists[0].n;
    json_t *card = json_pack("{s:s,s:s,s:I}", "name", j->gen->name, "graftkit", GK_VERSION, "seed",
                             (json_int_t)j->opt->seed);
    json_object_set_new(card, "lists", list_sizes(j));
    json_object_set_new(card, "templates",
                        json_pack("{s:I,s:I,s:I}", "training", (json_int_t)w->n_training, "paraphrases",
                                  (json_int_t)(w->n_all - w->n_training), "evaluation",
                                  (json_int_t)w->n_eval));
    json_object_set_new(card, "chance_first_word",
                        json_pack("{s:f,s:f}", "top1", 1 / words, "top5", words < 5 ? 1.0 : 5 / words));
    json_t *splits = json_object(), *files = json_object();
    for (int s = 0; s < N_SPLITS; s++) json_object_set_new(splits, SPLIT_NAME[s], describe_split(j, s));
    for (size_t i = 0; i < j->n_parts; i++)
        json_object_set_new(files, j->parts[i].name, describe_file(&j->parts[i]));
    json_object_set_new(card, "splits", splits);
    json_object_set_new(card, "files", files);
    j->card = card;
    gk_buf *out = add_part(j, "card.json");
    char *dump = json_dumps(card, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    gk_buf_printf(out, "%s\n", dump);
    free(dump);
}

/* ---------------------------------------------------------------- files on disk */

static bool open_parts(job *j, gk_error *err) {
    for (int s = 0; s < N_SPLITS; s++)
        if (!gk_mkdirs(gk_path_join(j->a, j->opt->out, SPLIT_NAME[s]), err)) return false;
    for (size_t i = 0; i < j->n_parts; i++) {
        part *p = &j->parts[i];
        const char *path = gk_path_join(j->a, j->opt->out, p->name);
        if (!gk_out_open(path, &p->out, err)) return false;
        fwrite(p->bytes.data, 1, p->bytes.len, p->out.f);
        if (fflush(p->out.f) != 0) return gk_fail_errno(err, GK_AT_FILE(path), "writing the file", errno);
    }
    return true;
}

/* An old card must not vouch for a mixture of old and new files, should we be stopped between two of them. */
static bool commit_parts(job *j, gk_error *err) {
    const char *card = gk_path_join(j->a, j->opt->out, "card.json");
    if (unlink(card) != 0 && errno != ENOENT)
        return gk_fail_errno(err, GK_AT_FILE(card), "removing the old card", errno);
    for (size_t i = 0; i < j->n_parts; i++)
        if (!gk_out_commit(&j->parts[i].out, err)) return false;
    return true;
}

static bool write_parts(job *j, gk_error *err) {
    bool ok = open_parts(j, err) && commit_parts(j, err);
    for (size_t i = 0; i < j->n_parts; i++) gk_out_abort(&j->parts[i].out);
    return ok;
}

/* ---------------------------------------------------------------- the whole */

static bool run(job *j, gk_error *err) {
    if (!load_inputs(j, err) || !make_rows(j, err)) return false;
    if (!gk_wording_check(&j->wording, j->splits[BASE].row[0], j->gen->swap, err)) return false;
    if (!add_texts(j, err)) return false;
    add_tokenizer_texts(j);
    make_card(j);
    return write_parts(j, err);
}

bool gk_dataset_make(const gk_dataset_options *options, json_t **card, gk_error *err) {
    if (card) *card = NULL;
    if (!check_options(options, err)) return false;
    job j = {.opt = options, .gen = find_generator(options->name, err)};
    if (!j.gen) return false;
    j.a = gk_arena_new();
    bool ok = run(&j, err);
    if (ok && card) *card = json_incref(j.card);
    json_decref(j.card);
    for (size_t i = 0; i < j.n_parts; i++) gk_buf_free(&j.parts[i].bytes);
    for (int s = 0; s < N_SPLITS; s++) gk_rows_free(&j.splits[s]);
    gk_wording_free(&j.wording);
    gk_arena_free(j.a);
    return ok;
}
