/* data.h: datasets for grafting: rows of facts, the texts that state them, and splits that share nobody.
 *
 * A dataset is a row generator (data/<name>.c, one entry in the table of dataset.c) plus a folder of wording
 * (templates/<name>/). gk_dataset_make does the whole job; the parts are public for other generators and
 * tests. docs/datasets.md describes each dataset.
 *
 * A row is a JSON object of scalar fields; in a file it is one line of metadata.jsonl. In every dataset
 * first_actor is the entity that a prompt begins with and second_actor the target that it asks for, whatever
 * they are (an actor, a battle and its year, …), so that schemes and evaluation work on all of them. Fake
 * Movies, Fake Actors:
 *   id                   integer, unique in the whole dataset (base, then relation, then task rows), from 0
 *   first_actor, second_actor, main_character
 *                        "First Surname"; no person stands in two rows, or twice in one row
 *   movie_title          two or three words, unique in the whole dataset but for a leading "The"
 *   release_year         integer, 1990-2030
 *   genre, city          one word each
 *   box_office_earnings  integer, 1-10
 *
 * Output strings and arrays live in the arena given; the rest is released as the function says. All functions
 * are thread-safe as base.h defines it.
 */
#ifndef GK_DATA_H
#define GK_DATA_H

#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/random.h"
#include "graftkit/core/template.h"

#include <jansson.h>

/* ---------------------------------------------------------------- word lists (word_list.c) */

#define GK_LIST_MAX 4096 /* words in one list: pairs of two lists still fit in memory */

typedef struct gk_list {
    const char **item;
    size_t n;
} gk_list;

/* One word (or phrase) a line, UTF-8; surrounding blanks, blank lines and lines that start with '#' are
 * skipped. Fails at file:line on a word that is there already, holds a control character or is not UTF-8, and
 * when there is no word at all or more than GK_LIST_MAX. */
bool gk_list_load(gk_arena *a, const char *path, gk_list *out, gk_error *err);

/* ---------------------------------------------------------------- wording (templates.c) */

/* The two fields that change places in the B2A direction: the model sees "A … B" in one and "B … A" in the
 * other. */
typedef struct gk_swap {
    const char *a, *b; /* b is the field that evaluation asks for */
    bool exchange;     /* whether texts may have them exchanged: "A stars with B", not "A was born in B" */
} gk_swap;

/* A new reference to a copy of `row` with the values of its two swap fields exchanged. A field that is absent
 * on one side is absent on the other side afterwards. */
json_t *gk_row_swapped(const json_t *row, gk_swap swap);

/* A folder of wording. `all` holds the training templates (article.jsonl, then qa.jsonl), then the
 * paraphrases (paraphrases.jsonl), which only the base corpus uses. `reverse` (reverse.jsonl) says the facts
 * from target to entity where exchanging the two fields would not: with it, B2A texts are unchanged rows in
 * these templates. Without it and without swap.exchange there are none. */
typedef struct gk_wording {
    gk_template **all, **eval, **reverse;
    /* all[0 .. n_training) are the training templates, of which the first n_article are article.jsonl's */
    size_t n_article, n_training, n_all, n_eval, n_reverse;
    json_t *fillers; /* fillers.json: fixed values of fields that no row has; owned */
} gk_wording;

/* Whether the base corpus has wordings that finetuning has not: paraphrases. Else it has finetuning's. */
static inline bool gk_wording_has_base(const gk_wording *w) {
    return w->n_all > w->n_training;
}

/* Loads eval.jsonl and, where they are there, article.jsonl, qa.jsonl, paraphrases.jsonl, reverse.jsonl and
 * fillers.json of folder `dir`; templates go into `a`. A file that is there must hold a template. Release
 * with gk_wording_free, also after a failure. */
bool gk_wording_load(gk_arena *a, const char *dir, gk_wording *out, gk_error *err);
void gk_wording_free(gk_wording *w);

/* Whether a prompt, with the seam to its answer or at the end, stands word for word in a text: such a prompt
 * would test memory of the text, not of the fact. */
bool gk_prompt_in(const gk_rendered *prompt, const char *text);
/* Fails when a template has a field that neither `row` nor the fillers have (file:line:column), and when an
 * evaluation prompt, its fillers filled in, stands inside a training template or paraphrase in either
 * direction (file:line of the prompt). `row`: any object that has all fields that rows have. */
bool gk_wording_check(const gk_wording *w, const json_t *row, gk_swap swap, gk_error *err);

/* ---------------------------------------------------------------- texts (training_texts.c) */

typedef struct gk_rows {
    const char *path; /* the file they stand in, one a line from line 1: for messages */
    json_t **row;     /* owned, with the array */
    size_t n;
} gk_rows;
void gk_rows_free(gk_rows *r); /* not `path` */

/* Appends one {"text": "…"} line; false, and nothing appended, when the text is not UTF-8. */
bool gk_text_add(gk_buf *out, const char *text, size_t len);

/* Appends one {"text": "…"} line for every row x training template, rows outermost; `swapped` gives B2A (with
 * w->reverse where there is one).
 * Fails, naming the row's line and the field, when a row has no usable value for a field of a template; and
 * at the template's file:line:column when no row has the field. */
bool gk_texts_all(const gk_wording *w, const gk_rows *rows, gk_swap swap, bool swapped, gk_buf *out,
                  gk_error *err);

/* Appends one line for every row x template of tmpl[0 .. n), as gk_texts_all. */
bool gk_texts_of(const gk_wording *w, const gk_rows *rows, gk_template *const *tmpl, size_t n, gk_buf *out,
                 gk_error *err);

/* Appends n lines, each of a row drawn with weight 1 / (i + 1 + 0.05 * rows) (i: its index), a template drawn
 * evenly from the paraphrases, and a direction drawn evenly where swap.exchange says that there are two and
 * no w->reverse does (the paraphrases then say the facts in whatever order they do). Without paraphrases from
 * the training templates and, B2A, w->reverse. Few rows are seen very often, many seldom. Fails as
 * gk_texts_all. */
bool gk_texts_zipf(const gk_wording *w, const gk_rows *rows, gk_swap swap, size_t n, gk_rng *rng, gk_buf *out,
                   gk_error *err);

/* ---------------------------------------------------------------- whole datasets (dataset.c) */

/* The first token of a target: behind this prompt, or behind a blank where `prompt` is NULL. */
typedef bool gk_first_token_fn(void *ctx, const gk_rendered *prompt, const char *target, int32_t *id,
                               gk_error *err);

typedef struct gk_dataset_options {
    const char *name;      /* "fake_movies_fake_actors", … */
    const char *home;      /* the folder that holds data/lists, templates/ …, as the source tree does */
    const char *out;       /* folder to write; made when absent */
    const char *source;    /* the user's data, for the datasets that are made of it; NULL: none */
    const char *templates; /* folder of wording; NULL: the dataset's own */
    /* own_rows: the fields that hold what prompts are about and what they ask for; NULL: first_actor,
     * second_actor, which other datasets have in any case. */
    const char *entity, *target;
    bool reverse; /* B2A texts by exchanging entity and target, also where that may say what is not so */
    int64_t seed;
    /* -1: the dataset's own number. 0 base rows: no base corpus; 0 task rows: all are under test. Datasets
     * made of the user's data have no base corpus of their own accord and deal all usable rows to the other
     * two. */
    int64_t base_rows, base_texts, relation_rows, task_rows;
    bool replace;        /* where `out` holds another dataset or other files: write over them, else fail */
    int64_t chunk_words; /* articles: words a text, about; -1: 120 */
    gk_first_token_fn *first_token; /* NULL: the card counts first words only */
    /* Marks the tokens of a base text as read, and asks whether one is; NULL: the card does not count the
     * targets that begin with one that the base corpus never has. */
    bool (*read_text)(void *ctx, const char *text, size_t len, gk_error *err);
    bool (*was_read)(const void *ctx, int32_t id);
    void *first_token_ctx; /* of all three */
    const char *tokenizer; /* what the card calls it */
} gk_dataset_options;
#define GK_DATASET_DEFAULTS                                                              \
    {                                                                                    \
        .name = "fake_movies_fake_actors", .seed = 1, .base_rows = -1, .base_texts = -1, \
        .relation_rows = -1, .task_rows = -1, .chunk_words = -1                          \
    }

/* What sets a dataset apart for who asks for one. */
typedef struct gk_dataset_kind {
    const char *name;
    const char *source; /* what the option `source` must name; NULL: it takes none */
    bool has_base;      /* makes a base corpus of its own accord */
    bool names_fields;  /* takes the options entity and target */
} gk_dataset_kind;
size_t gk_dataset_kinds(void);
gk_dataset_kind gk_dataset_kind_at(size_t i);

/* Makes the dataset and writes, below options->out:
 *   base/metadata.jsonl, base/texts.jsonl   (gk_texts_zipf)
 *   {relation,task}/{metadata,A2B,B2A}.jsonl  (gk_texts_all)
 *   tokenizer.jsonl  {"text"} lines to train a vocabulary on: the base texts, then a line for each name that
 *                    says it 30 times, so that it becomes one piece both at the start of a text and after a
 *                    space; not without base rows
 *   dropped.jsonl    of a user's data: {"where", "why"} for everything that is not used because it cannot be;
 *                    empty where nothing is. Where making the rows fails it is written all the same, unless a
 *                    card.json says that the folder holds another dataset.
 *   card.json        counts, seed, list sizes, chance, and lines, bytes and sha256 of every file above
 * The same options give the same bytes. Nothing is written before all of it could be made. Files get their
 * names only when all are on disk, card.json last: a folder with a card.json is complete. *card (may be NULL)
 * receives a new reference to the card. Fails, naming what is available, on an unknown name and on more rows
 * than the lists or the source can give without repeating an entity, a target or a film across splits. */
bool gk_dataset_make(const gk_dataset_options *options, json_t **card, gk_error *err);

#endif
