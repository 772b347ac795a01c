/* dataset.c: a whole dataset, from word lists and templates to a folder with a card. */
#include "core/shipped.h"
#include "data/internal.h"
#include "graftkit/core/file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const gk_data__generator *const GENERATORS[] = {
    &gk_data__fake_movies, &gk_data__real_actors, &gk_data__real_movies,       &gk_data__battles,
    &gk_data__counterfact, &gk_data__articles,    &gk_data__invented_articles, &gk_data__own_rows};
enum { N_GENERATORS = sizeof GENERATORS / sizeof *GENERATORS };

static const char *const SPLIT_NAME[GK_DATA__N_SPLITS] = {"base", "relation", "task"};
static const char *const DIRECTION[2] = {"A2B", "B2A"};
enum { ROWS_MAX = 1000000, TEXTS_MAX = 5000000, BASE_TEXTS = 36000, NAME_REPEATS = 30 };

/* A file of the dataset, made in memory first. */
typedef struct dataset_file {
    const char *name; /* relative to the dataset's folder */
    gk_buf bytes;
    gk_out out;
} dataset_file;
enum { MAX_PARTS = 16, MAX_LISTS = 16 };

typedef struct job {
    const gk_dataset_options *opt;
    const gk_data__generator *gen;
    gk_arena *a;
    gk_list lists[MAX_LISTS];
    gk_wording wording;
    gk_data__making m;
    dataset_file parts[MAX_PARTS];
    size_t n_parts;
    json_t *card;
} job;

/* ---------------------------------------------------------------- what is asked for */

static const gk_data__generator *find_generator(const char *name, gk_error *err) {
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

size_t gk_dataset_kinds(void) {
    return N_GENERATORS;
}

gk_dataset_kind gk_dataset_kind_at(size_t i) {
    const gk_data__generator *g = GENERATORS[i];
    return (gk_dataset_kind){.name = g->name,
                             .source = g->source,
                             .has_base = g->rows[GK_DATA__BASE] > 0,
                             .names_fields = g->names};
}

static bool in_range(const char *what, int64_t n, int64_t least, int64_t max, gk_error *err) {
    if (n == -1 || (n >= least && n <= max)) return true;
    return gk_fail(err, GK_NOWHERE, NULL,
                   "%" PRId64 " %s asked for; from %" PRId64 " to %" PRId64 " can be made", n, what, least,
                   max);
}

static bool check_options(const gk_dataset_options *o, gk_error *err) {
    if (!o->out || !*o->out) return gk_fail(err, GK_NOWHERE, "name a folder", "no folder to write to");
    return in_range("base rows", o->base_rows, 0, ROWS_MAX, err) &&
           in_range("base texts", o->base_texts, 1, TEXTS_MAX, err) &&
           in_range("relation rows", o->relation_rows, 1, ROWS_MAX, err) &&
           in_range("task rows", o->task_rows, 0, ROWS_MAX, err) &&
           in_range("words a chunk", o->chunk_words, 1, ROWS_MAX, err);
}

static bool find_source(job *j, gk_error *err) {
    const gk_data__generator *gen = j->gen;
    if (!gen->source && j->opt->source)
        return gk_fail(err, GK_NOWHERE, "leave --source out",
                       "dataset '%s' is made of its own lists and takes no source", gen->name);
    j->m.source = j->opt->source;
    if (gen->source && !j->m.source)
        return gk_fail(err, GK_AT_FIELD(NULL, "--source"), gk_arena_printf(j->a, "name %s", gen->source),
                       "dataset '%s' is made of data of your own", gen->name);
    return !j->m.source || gk_data__folder_source(j->a, j->opt->out, j->m.source, err);
}

static bool name_field(const job *j, const char *option, const char *asked, const char **field,
                       gk_error *err) {
    if (asked && strcmp(asked, *field) != 0 && !j->gen->names)
        return gk_fail(err, GK_AT_FIELD(NULL, option), "leave the option out",
                       "the field of dataset '%s' is '%s'", j->gen->name, *field);
    if (asked) *field = asked;
    return **field || gk_fail(err, GK_AT_FIELD(NULL, option), "name a field of the rows", "is empty");
}

static bool name_fields(job *j, gk_error *err) {
    gk_swap *swap = &j->m.swap;
    *swap = j->gen->swap;
    swap->exchange = swap->exchange || j->opt->reverse;
    if (!name_field(j, "--entity", j->opt->entity, &swap->a, err) ||
        !name_field(j, "--target", j->opt->target, &swap->b, err))
        return false;
    return strcmp(swap->a, swap->b) != 0 || gk_fail(err, GK_AT_FIELD(NULL, "--target"), "name another field",
                                                    "'%s' is the entity's field", swap->b);
}

/* ---------------------------------------------------------------- input and rows */

/* A mistyped name would be as good as no file. What rows are read from may lie there too. */
static void tell_unread(const job *j, const char *dir) {
    static const char *const read[] = {"article.jsonl", "qa.jsonl",   "paraphrases.jsonl",
                                       "reverse.jsonl", "eval.jsonl", "fillers.json"};
    DIR *d = opendir(dir);
    for (const struct dirent *e; d && (e = readdir(d));) {
        size_t n = strlen(e->d_name), i = 0;
        while (i < sizeof read / sizeof *read && strcmp(read[i], e->d_name) != 0) i++;
        bool json = (n > 5 && strcmp(e->d_name + n - 5, ".json") == 0) ||
                    (n > 6 && strcmp(e->d_name + n - 6, ".jsonl") == 0);
        const char *path = gk_path_join(j->a, dir, e->d_name);
        if (json && i == sizeof read / sizeof *read && !(j->m.source && gk_same_file(path, j->m.source)))
            gk_notice(GK_AT_FILE(path),
                      "is not read: templates stand in article.jsonl, qa.jsonl, "
                      "paraphrases.jsonl, reverse.jsonl and eval.jsonl, fillers in fillers.json");
    }
    if (d) closedir(d);
}

static bool load_inputs(job *j, gk_error *err) {
    for (size_t i = 0; i < j->gen->n_lists; i++) {
        const char *path = gk_shipped_path(j->a, j->opt->home, GK_SHIPPED_LISTS, j->gen->lists[i]);
        if (!gk_list_load(j->a, path, &j->lists[i], err)) return false;
    }
    const char *dir = j->opt->templates;
    if (!dir) dir = gk_shipped_path(j->a, j->opt->home, GK_SHIPPED_TEMPLATES, j->gen->name);
    if (!j->opt->templates && j->gen->source && !gk_exists(dir))
        return gk_fail(err, GK_AT_FIELD(NULL, "--templates"),
                       "name a folder with article.jsonl and eval.jsonl",
                       "dataset '%s' needs templates of your own", j->gen->name);
    if (!gk_wording_load(j->a, dir, &j->wording, err)) return false;
    tell_unread(j, dir);
    return j->wording.n_training > 0 || j->gen->texts ||
           gk_fail(err, GK_AT_FILE(gk_path_join(j->a, dir, "article.jsonl")),
                   "write training templates into article.jsonl or qa.jsonl",
                   "there is no training template");
}

static bool make_rows(job *j, gk_error *err) {
    const int64_t asked[GK_DATA__N_SPLITS] = {j->opt->base_rows, j->opt->relation_rows, j->opt->task_rows};
    for (int s = 0; s < GK_DATA__N_SPLITS; s++) {
        gk_rows *rows = &j->m.splits[s];
        int64_t n = asked[s] >= 0 ? asked[s] : j->gen->rows[s];
        rows->path = gk_arena_printf(j->a, "%s/metadata.jsonl", SPLIT_NAME[s]);
        rows->n = n >= 0 ? (size_t)n : GK_DATA__UNSET;
        if (!j->gen->source) rows->row = gk_alloc(rows->n * sizeof(json_t *));
    }
    bool ok = j->gen->make(&j->m, err);
    for (int s = 0; s < GK_DATA__N_SPLITS; s++)
        if (!j->m.splits[s].row) j->m.splits[s].n = 0;
    return ok;
}

/* ---------------------------------------------------------------- files in memory */

static gk_buf *add_part(job *j, const char *name) {
    dataset_file *p = &j->parts[j->n_parts++];
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

static bool add_base(job *j, gk_error *err) {
    const gk_rows *rows = &j->m.splits[GK_DATA__BASE];
    gk_rng rng;
    size_t n = (size_t)(j->opt->base_texts >= 0 ? j->opt->base_texts : BASE_TEXTS);
    gk_rng_seed(&rng, (uint64_t)j->opt->seed, "base texts");
    add_metadata(j, rows);
    gk_buf *out = add_part(j, "base/texts.jsonl");
    if (!j->gen->texts) return gk_texts_zipf(&j->wording, rows, j->m.swap, n, &rng, out, err);
    for (int d = 0; d < 2; d++)
        if (!j->gen->texts(&j->m, GK_DATA__BASE, d == 1, out, err)) return false;
    return true;
}

static bool add_texts(job *j, gk_error *err) {
    if (j->m.splits[GK_DATA__BASE].n > 0 && !add_base(j, err)) return false;
    for (int s = GK_DATA__RELATION; s < GK_DATA__N_SPLITS; s++) {
        const gk_rows *rows = &j->m.splits[s];
        add_metadata(j, rows);
        for (int d = 0; d < 2; d++) {
            gk_buf *out = add_part(j, gk_arena_printf(j->a, "%s/%s.jsonl", SPLIT_NAME[s], DIRECTION[d]));
            if (j->gen->texts ? !j->gen->texts(&j->m, s, d == 1, out, err)
                              : !gk_texts_all(&j->wording, rows, j->m.swap, d == 1, out, err))
                return false;
        }
    }
    return true;
}

static void print_dropped(const job *j, gk_buf *out) {
    size_t i;
    json_t *entry;
    json_array_foreach(j->m.dropped, i, entry) {
        char *line = json_dumps(entry, JSON_COMPACT);
        gk_buf_printf(out, "%s\n", line);
        free(line);
    }
}

/* Where no dataset comes of it, why is what one wants to know: but a finished dataset or another's file is
 * not touched. */
static void keep_dropped(job *j) {
    gk_buf out = {0};
    const char *path = gk_path_join(j->a, j->opt->out, "dropped.jsonl");
    if (!j->gen->source || json_array_size(j->m.dropped) == 0 ||
        gk_exists(gk_path_join(j->a, j->opt->out, "card.json")) ||
        (gk_exists(path) && !gk_data__is_dropped_list(path)))
        return;
    print_dropped(j, &out);
    if (gk_mkdirs(j->opt->out, NULL)) gk_write_file(path, out.data, out.len, NULL);
    gk_buf_free(&out);
}

static void add_tokenizer_texts(job *j) {
    if (j->m.splits[GK_DATA__BASE].n == 0) return;
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

static void list_files(const job *j, gk_data__card_file files[MAX_PARTS]) {
    for (size_t i = 0; i < j->n_parts; i++)
        files[i] = (gk_data__card_file){j->parts[i].name, &j->parts[i].bytes};
}

static bool make_card(job *j, gk_error *err) {
    gk_data__card_file files[MAX_PARTS];
    list_files(j, files);
    j->card = gk_data__card_make(&j->m, j->gen, files, j->n_parts, err);
    if (!j->card) return false;
    gk_buf *out = add_part(j, "card.json");
    char *dump = json_dumps(j->card, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    gk_buf_printf(out, "%s\n", dump);
    free(dump);
    return true;
}

/* ---------------------------------------------------------------- files on disk */

static bool open_parts(job *j, gk_error *err) {
    for (int s = j->m.splits[GK_DATA__BASE].n ? GK_DATA__BASE : GK_DATA__RELATION; s < GK_DATA__N_SPLITS; s++)
        if (!gk_mkdirs(gk_path_join(j->a, j->opt->out, SPLIT_NAME[s]), err)) return false;
    for (size_t i = 0; i < j->n_parts; i++) {
        dataset_file *p = &j->parts[i];
        const char *path = gk_path_join(j->a, j->opt->out, p->name);
        if (!gk_out_open(path, &p->out, err)) return false;
        if (p->bytes.len) fwrite(p->bytes.data, 1, p->bytes.len, p->out.f);
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
    gk_data__card_file files[MAX_PARTS];
    list_files(j, files);
    if (j->opt->replace ? !gk_data__folder_remove(j->a, j->opt->out, files, j->n_parts, err)
                        : !gk_data__folder_check(j->a, j->opt->out, files, j->n_parts, err))
        return false;
    bool ok = open_parts(j, err) && commit_parts(j, err);
    for (size_t i = 0; i < j->n_parts; i++) gk_out_abort(&j->parts[i].out);
    return ok;
}

/* ---------------------------------------------------------------- the whole */

/* Which row lacks what is the rows' affair: here any field counts that some row has. */
static bool check_wording(const job *j, gk_error *err) {
    if (j->gen->source) return true; /* gk_data__pool_check has done it */
    json_t *known = json_object();
    for (int s = 0; s < GK_DATA__N_SPLITS; s++)
        for (size_t i = 0; i < j->m.splits[s].n; i++) json_object_update(known, j->m.splits[s].row[i]);
    bool ok = gk_wording_check(&j->wording, known, j->m.swap, err);
    json_decref(known);
    return ok;
}

/* What is asked for and would change nothing. */
static bool check_use(const job *j, gk_error *err) {
    const gk_dataset_options *o = j->opt;
    bool articles = j->gen->texts != NULL; /* texts that are there, not made from templates */
    if (o->reverse && articles)
        return gk_fail(err, GK_AT_FIELD(NULL, "--reverse"), "leave it out",
                       "the texts of dataset '%s' are as they are: nothing is exchanged", j->gen->name);
    if (o->reverse && j->wording.n_reverse)
        return gk_fail(err, GK_AT_FIELD(NULL, "--reverse"), "leave one of the two out",
                       "reverse.jsonl says already how texts from target to entity go");
    if (o->chunk_words != -1 && !articles)
        return gk_fail(err, GK_AT_FIELD(NULL, "--chunk-words"), "leave it out",
                       "dataset '%s' has no articles to cut", j->gen->name);
    bool none = articles || (o->base_rows == -1 && j->gen->rows[GK_DATA__BASE] <= 0);
    if (o->base_texts != -1 && none)
        return gk_fail(err, GK_AT_FIELD(NULL, "--base-texts"),
                       articles ? "leave it out" : "leave it out, or give --base-rows",
                       articles ? "the base texts of dataset '%s' are its articles"
                                : "dataset '%s' has no base corpus unless one is asked for",
                       j->gen->name);
    return true;
}

static bool run(job *j, gk_error *err) {
    if (!find_source(j, err) || !name_fields(j, err) || !load_inputs(j, err) ||
        !gk_templates_ask(j->wording.eval, j->wording.n_eval, j->m.swap.b, err) || !check_use(j, err))
        return false;
    if (!make_rows(j, err)) {
        keep_dropped(j);
        return false;
    }
    if (!check_wording(j, err) || !add_texts(j, err)) return false;
    add_tokenizer_texts(j);
    if (j->gen->source) print_dropped(j, add_part(j, "dropped.jsonl"));
    return make_card(j, err) && write_parts(j, err);
}

bool gk_dataset_make(const gk_dataset_options *options, json_t **card, gk_error *err) {
    if (card) *card = NULL;
    if (!check_options(options, err)) return false;
    const gk_data__generator *gen = find_generator(options->name, err);
    if (!gen) return false;
    job *j = gk_alloc(sizeof *j);
    *j = (job){.opt = options, .gen = gen, .a = gk_arena_new()};
    j->m = (gk_data__making){.a = j->a,
                             .opt = options,
                             .lists = j->lists,
                             .wording = &j->wording,
                             .tables = json_object(),
                             .dropped = json_array()};
    bool ok = run(j, err);
    if (ok && card) *card = json_incref(j->card);
    json_decref(j->card);
    json_decref(j->m.tables);
    json_decref(j->m.dropped);
    for (size_t i = 0; i < j->n_parts; i++) gk_buf_free(&j->parts[i].bytes);
    for (int s = 0; s < GK_DATA__N_SPLITS; s++) gk_rows_free(&j->m.splits[s]);
    gk_wording_free(&j->wording);
    gk_arena_free(j->a);
    gk_free(j);
    return ok;
}
