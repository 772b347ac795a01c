/* internal.h: what a row generator hands to dataset.c, and what generators share. Internal to data/. */
#ifndef GK_DATA_INTERNAL_H
#define GK_DATA_INTERNAL_H

#include "data/data.h"

/* ---------------------------------------------------------------- one dataset in the making */

enum { GK_DATA__BASE, GK_DATA__RELATION, GK_DATA__TASK, GK_DATA__N_SPLITS };

#define GK_DATA__UNSET SIZE_MAX /* rows of a split: as many as the source gives */

/* What a generator works with; everything is dataset.c's. */
typedef struct gk_data__making {
    gk_arena *a;
    const gk_dataset_options *opt;
    const gk_list *lists; /* the generator's, in their order */
    const gk_wording *wording;
    gk_rows splits[GK_DATA__N_SPLITS]; /* .n: rows asked for; .path is set */
    gk_swap swap;                      /* the generator's, with the user's names */
    const char *source;                /* what the user gave, a file or a folder; NULL: nothing */
    size_t n_first_words;              /* out: how many first words a target could have had; 0: unknown */
    json_t *tables;                    /* out: lines of each table used, for the card */
    json_t *dropped;                   /* out: an array of {"where", "why"}, see gk_data__drop */
    size_t unused;                     /* out: usable rows of a source that no split asked for */
    void *own;                         /* the generator's, from make to texts; in the arena */
} gk_data__making;

typedef struct gk_data__generator {
    const char *name; /* of the dataset and of its folder in templates/ */
    gk_swap swap;
    bool names; /* whether the user may name its fields */
    /* Files of data/lists, without ".txt". The first n_names are kept whole by the tokenizer. */
    const char *const *lists;
    size_t n_lists, n_names;
    int64_t rows[GK_DATA__N_SPLITS]; /* where the options give none; -1: GK_DATA__UNSET (base: none) */
    const char *source;              /* what the option `source` must name; NULL: it takes none */
    /* Fills splits[s].row with new references. Without a source: an array of splits[s].n NULLs, which it
     * fills. With one: it makes the arrays itself (gk_data__deal). No two splits share anything a fact is
     * about.
     */
    bool (*make)(gk_data__making *m, gk_error *err);
    /* Appends the texts of a split in one direction; NULL: rows x templates. */
    bool (*texts)(const gk_data__making *m, int split, bool swapped, gk_buf *out, gk_error *err);

} gk_data__generator;

extern const gk_data__generator gk_data__fake_movies, gk_data__real_actors, gk_data__real_movies,
    gk_data__battles, gk_data__counterfact, gk_data__articles, gk_data__invented_articles, gk_data__own_rows;

/* The rows of Fake Movies, Fake Actors (fake_movies.c). `from_end`: people and films are taken from the other
 * end of the same draw, so that they are none of those that a dataset of the same seed and this size takes.
 */
bool gk_data__fake_film_rows(gk_data__making *m, bool from_end, gk_error *err);

/* Where a template stands, as "qa.jsonl:2"; in the arena. */
const char *gk_data__template_line(gk_arena *a, const gk_template *t);

/* ---------------------------------------------------------------- articles in pieces (chunks.c) */

typedef struct gk_data__chunker {
    size_t limit;      /* words of a chunk; a longer sentence is one by itself */
    const json_t *row; /* whose entity and target say which way a chunk goes */
    bool swapped;      /* add the chunks that name the target before the entity, else the others */
    gk_buf *out;
    gk_buf text; /* the chunk in the making */
    size_t words;
} gk_data__chunker;
/* Appends the chunks of a text that go that way, cut between sentences. */
void gk_data__chunk(gk_data__chunker *c, const char *body);

/* ---------------------------------------------------------------- tables (tsv.c) */

typedef struct gk_data__tsv {
    const char *path;
    size_t columns, n;
    const char **cell; /* [n * columns] */
    long *line;        /* where each row stands */
} gk_data__tsv;
/* Lines of `columns` cells with a tab between them; empty lines and lines that start with '#' are skipped.
 * Fails at file:line on an empty cell, another number of cells, control characters, text that is not UTF-8,
 * and a first cell that is there already. */
bool gk_data__tsv_load(gk_arena *a, const char *path, size_t columns, gk_data__tsv *out, gk_error *err);
const char *gk_data__tsv_at(const gk_data__tsv *t, size_t row, size_t column);

/* ---------------------------------------------------------------- two-word names (two_word_names.c) */

/* Every pair of two lists' words in random order, taken from the front: none comes twice. */
typedef struct gk_data__two_words {
    const gk_list *left, *right;
    uint32_t *order; /* left index * right->n + right index */
    size_t n, taken;
    uint32_t *used; /* [left->n + right->n] how often each word stands in a pair that _spread took */
} gk_data__two_words;
gk_data__two_words gk_data__two_words_new(const gk_list *left, const gk_list *right, uint64_t seed,
                                          const char *stream);
void gk_data__two_words_free(gk_data__two_words *p);
const char *gk_data__two_words_left(const gk_data__two_words *p, uint32_t pair);
const char *gk_data__two_words_right(const gk_data__two_words *p, uint32_t pair);
/* Takes `want` pairs that share no word with each other, nor with the `have` that stand in `got` already,
 * behind which they go; false when none are left. */
bool gk_data__two_words_take(gk_data__two_words *p, size_t have, size_t want, uint32_t *got);
/* The same with none there, of words that came least often so far: a few hundred pairs have every word of two
 * lists of a few hundred. From the first half of the order, as long as it has such pairs. */
bool gk_data__two_words_spread(gk_data__two_words *p, size_t want, uint32_t *got);

/* The pair stays taken, but its words did not come: _spread will take them again. */
void gk_data__two_words_unuse(gk_data__two_words *p, uint32_t pair);

/* ---------------------------------------------------------------- decks (deck.c) */

/* The numbers 0 .. n-1, shuffled, dealt one by one, and shuffled again when all are dealt. */
typedef struct gk_data__deck {
    size_t *card, n, dealt;
} gk_data__deck;
gk_data__deck gk_data__deck_new(gk_arena *a, size_t n);
size_t gk_data__deck_deal(gk_data__deck *d, gk_rng *rng);

/* ---------------------------------------------------------------- rows that a user gave (row_splits.c) */

/* Notes that something of the source is not used: where it stands ("file:line") and why. */
void gk_data__drop(gk_data__making *m, const char *where, const char *why_fmt, ...) GK_PRINTF(3, 4);

/* Rows read from a source; those that cannot be used are dropped as they are added. */
typedef struct gk_data__pool {
    json_t **row; /* owned, with the array */
    const char **where;
    size_t *number; /* what a row without an id is to be called; GK_DATA__UNSET: it has one */
    size_t n, room;
    size_t n_source; /* above every number */
    json_t *ids;     /* seen so far, as a set */
    json_t *known;   /* the fields of any row, dropped ones too, as a set */
} gk_data__pool;
void gk_data__pool_free(gk_data__pool *p);
/* Adds a row (the reference is taken) that stands at `where` (kept: arena). Dropped instead: a row whose id
 * came before, whose entity or target (fields m->swap) is missing, empty or not a text or a
 * number, or whose target is its entity. Blanks around entity and target go. Fails at an id
 * that is neither text nor number. `n` is `where`'s number: gk_data__pool_check calls a row without an id so.
 */
bool gk_data__pool_add(gk_data__making *m, gk_data__pool *p, json_t *row, const char *where, size_t n,
                       gk_error *err);
/* Gives ids to rows without one, no two alike and none that any row has. Drops the rows that some template of
 * the wording cannot be filled with, and those of which a prompt stands word for word in a text. Fails as
 * gk_wording_check, with the fields of all rows. */
bool gk_data__pool_check(gk_data__making *m, gk_data__pool *p, gk_error *err);
/* Deals the pool in random order into the splits, as many rows as each asks for (GK_DATA__UNSET: base none,
 * the others half of what is there). No two splits share a value of one of the `keys` (NULL-terminated field
 * names): a row that two splits claim is dropped. Fails when a split stays short of what was asked for. */
bool gk_data__deal(gk_data__making *m, gk_data__pool *p, const char *const *keys, gk_error *err);

/* Calls fn for each object of the JSONL file m->source: the reference is fn's, `where` is "file:line" in the
 * arena, n counts from 0. Fails at file:line on a line that is no object. (own_rows.c) */
typedef bool gk_data__line_fn(gk_data__making *m, void *ctx, json_t *row, const char *where, size_t n,
                              gk_error *err);
bool gk_data__each_line(gk_data__making *m, gk_data__line_fn *fn, void *ctx, gk_error *err);

/* ---------------------------------------------------------------- the card (dataset_card.c) */

/* One file of the dataset, for its line in the card. */
typedef struct gk_data__card_file {
    const char *name;
    const gk_buf *bytes;
} gk_data__card_file;
/* output_folder.c. Whether the file names dropped rows, or none: a dataset that came to nothing leaves one.
 */
bool gk_data__is_dropped_list(const char *path);
/* Fails where the source is one of the files that a dataset in `dir` has, or that the one there has: it would
 * be lost. */
bool gk_data__folder_source(gk_arena *a, const char *dir, const char *source, gk_error *err);
/* Fails at the first of the files whose place in `dir` holds something else: another dataset's, or
 * what no dataset made. */
bool gk_data__folder_check(gk_arena *a, const char *dir, const gk_data__card_file *files, size_t n,
                           gk_error *err);
/* Removes what the card that stands in `dir` lists and the new dataset has not. */
bool gk_data__folder_remove(gk_arena *a, const char *dir, const gk_data__card_file *files, size_t n,
                            gk_error *err);
/* A new reference to the card; NULL with a message when a target has no token. */
json_t *gk_data__card_make(const gk_data__making *m, const gk_data__generator *gen,
                           const gk_data__card_file *files, size_t n_files, gk_error *err);

#endif
