/* data.h: datasets for grafting: rows of facts, the texts that state them, and splits that share nobody.
 *
 * A dataset is a row generator (data/<name>.c, one entry in the table of dataset.c) plus a folder of wording
 * (templates/<name>/). gk_dataset_make does the whole job; the parts are public for other generators and
 * tests.
 *
 * A row is a JSON object of scalar fields; in a file it is one line of metadata.jsonl. Fake Movies, Fake
 * Actors: id                   integer, unique in the whole dataset (base, then relation, then task rows),
 * from 0 first_actor, second_actor, main_character "First Surname"; no person stands in two rows, or twice in
 * one row movie_title          two or three words, unique in the whole dataset but for a leading "The"
 *   release_year         integer, 1990-2030
 *   genre, city          one word each
 *   box_office_earnings  integer, 1-10
 *
 * Output strings and arrays live in the arena given; the rest is released as the function says. All functions
 * are thread-safe as core.h defines it.
 */
#ifndef GK_DATA_H
#define GK_DATA_H

#include "core/core.h"

/* ---------------------------------------------------------------- word lists (list.c) */

#define GK_LIST_MAX 4096 /* words in one list: pairs of two lists still fit in memory */

typedef struct gk_list {
    const char **item;
    size_t n;
} gk_list;

/* One word (or phrase) a line, UTF-8; surrounding blanks, blank lines and lines that start with '#' are
 * skipped. Fails at file:line on a word that is there already, holds a control character or is not UTF-8, and
 * when there is no word at all or more than GK_LIST_MAX. */
bool gk_list_load(gk_arena *a, const char *path, gk_list *out, gk_error *err);

/* ---------------------------------------------------------------- wording (wording.c) */

/* The two fields that change places in the B2A direction: the model sees "A … B" in one and "B … A" in the
 * other. */
typedef struct gk_swap {
    const char *a, *b; /* b is the field that evaluation asks for */
} gk_swap;

/* A new reference to a copy of `row` with the values of its two swap fields exchanged. A field that is absent
 * on one side is absent on the other side afterwards. */
json_t *gk_row_swapped(const json_t *row, gk_swap swap);

/* A folder of wording. `all` holds the training templates (article.jsonl, then qa.jsonl), then the
 * paraphrases (paraphrases.jsonl), which only the base corpus uses. */
typedef struct gk_wording {
    gk_template **all, **eval;
    size_t n_training, n_all, n_eval; /* all[0 .. n_training) are the training templates */
    json_t *fillers;                  /* fillers.json: fixed values of fields that no row has; owned */
} gk_wording;

/* Loads article.jsonl, qa.jsonl, paraphrases.jsonl, eval.jsonl and fillers.json of folder `dir`; templates go
 * into `a`. Release with gk_wording_free, also after a failure. */
bool gk_wording_load(gk_arena *a, const char *dir, gk_wording *out, gk_error *err);
void gk_wording_free(gk_wording *w);

/* Fails when a template has a field that neither `row` nor the fillers have (file:line:column), and when an
 * evaluation prompt, its fillers filled in, stands word for word inside a training template or paraphrase in
 * either direction: such a prompt would test memory of the text, not of the fact. */
bool gk_wording_check(const gk_wording *w, const json_t *row, gk_swap swap, gk_error *err);

/* ---------------------------------------------------------------- texts (texts.c) */

typedef struct gk_rows {
    const char *path; /* the file they stand in, one a line from line 1: for messages */
    json_t **row;     /* owned, with the array */
    size_t n;
} gk_rows;
void gk_rows_free(gk_rows *r); /* not `path` */

/* Appends one {"text": "…"} line for every row x training template, rows outermost; `swapped` gives B2A.
 * Fails, naming the row's line and the field, when a row lacks a field of the first row or has no usable
 * value for one; and at the template's file:line:column when the first row lacks a field too. */
bool gk_texts_all(const gk_wording *w, const gk_rows *rows, gk_swap swap, bool swapped, gk_buf *out,
                  gk_error *err);

/* Appends n lines, each of a row drawn with weight 1 / (i + 1 + 0.05 * rows) (i: its index), a template drawn
 * evenly from w->all and a direction drawn evenly. Few rows are seen very often, many seldom. Fails as
 * gk_texts_all. */
bool gk_texts_zipf(const gk_wording *w, const gk_rows *rows, gk_swap swap, size_t n, gk_rng *rng, gk_buf *out,
                   gk_error *err);

/* ---------------------------------------------------------------- whole datasets (dataset.c) */

typedef struct gk_dataset_options {
    const char *name; /* "fake_movies_fake_actors" */
    const char *home; /* folder that holds data/lists and templates/<name> */
    const char *out;  /* folder to write; made when absent */
    int64_t seed;
    int64_t base_rows, base_texts, relation_rows, task_rows; /* each at least 1 */
} gk_dataset_options;
#define GK_DATASET_DEFAULTS                                                                  \
    {                                                                                        \
        .name = "fake_movies_fake_actors", .seed = 1, .base_rows = 200, .base_texts = 36000, \
        .relation_rows = 100, .task_rows = 100                                               \
    }

/* Makes the dataset and writes, below options->out:
 *   base/metadata.jsonl, base/texts.jsonl               (gk_texts_zipf)
 *   {relation,task}/{metadata,A2B,B2A}.jsonl            (gk_texts_all)
 *   tokenizer.jsonl   {"text"} lines to train a vocabulary on: the base texts, then a line for each name that
 * says it 30 times, so that it becomes one piece both at the start of a text and after a space card.json
 * counts, seed, list sizes, chance, and lines, bytes and sha256 of every file above The same options give the
 * same bytes. Nothing is written before all of it could be made. Files get their names only when all are on
 * disk, card.json last: a folder with a card.json is complete. *card (may be NULL) receives a new reference
 * to the card. Fails, naming what is available, on an unknown name and on more rows than the lists can give
 * without repeating a person or a film. */
bool gk_dataset_make(const gk_dataset_options *options, json_t **card, gk_error *err);

#endif
