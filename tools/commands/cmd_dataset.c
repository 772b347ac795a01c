/* cmd_dataset.c: `graftkit dataset`. */
#include "data/data.h"
#include "graftkit/core/template.h"
#include "graftkit/eval/prompts.h"
#include "graftkit/tokenizer.h"
#include "graftkit/train/corpus.h"
#include "tools/tools.h"

#include <stdlib.h>
#include <string.h>

static json_int_t number(const json_t *obj, const char *key) {
    return json_integer_value(json_object_get(obj, key));
}

static void print_split(const char *name, const json_t *split) {
    const json_t *base = json_object_get(split, "texts"), *targets = json_object_get(split, "targets_A2B");
    printf("  %-9s %6" JSON_INTEGER_FORMAT " rows, ", name, number(split, "rows"));
    if (base)
        printf("%7" JSON_INTEGER_FORMAT " texts", json_integer_value(base));
    else if (!number(split, "B2A"))
        printf("%7" JSON_INTEGER_FORMAT " texts from entity to target", number(split, "A2B"));
    else if (number(split, "A2B") == number(split, "B2A"))
        printf("%7" JSON_INTEGER_FORMAT " texts a direction", number(split, "A2B"));
    else
        printf("%" JSON_INTEGER_FORMAT " + %" JSON_INTEGER_FORMAT " texts (A2B, B2A)", number(split, "A2B"),
               number(split, "B2A"));
    printf("; %" JSON_INTEGER_FORMAT " different first words among the targets\n",
           number(targets, "distinct_first_words"));
    if (json_object_get(targets, "distinct_first_tokens"))
        printf("            %" JSON_INTEGER_FORMAT
               " different first tokens among the targets, the most common %" JSON_INTEGER_FORMAT " times\n",
               number(targets, "distinct_first_tokens"), number(targets, "most_common_token"));
    if (number(targets, "unseen_by_base"))
        printf("            %" JSON_INTEGER_FORMAT " targets begin with a token that the base corpus never "
               "has: a model made of it cannot say them\n",
               number(targets, "unseen_by_base"));
}

/* Five guesses take in all that there are. */
static void print_few(const json_t *splits) {
    const json_t *targets = json_object_get(json_object_get(splits, "relation"), "targets_A2B");
    if (json_object_get(targets, "distinct_first_tokens") && number(targets, "distinct_first_tokens") <= 5)
        printf("  so few first tokens that top-5 says nothing: end the prompts in a blank if that tells "
               "targets apart, or "
               "look at exact match\n  (docs/guide.md, \"Where the prompt ends\")\n");
}

static void print_source(const json_t *source, const char *out) {
    const char *why;
    json_t *n;
    if (!source) return;
    printf("  dropped: %" JSON_INTEGER_FORMAT "%s%s%s; usable but in no split: %" JSON_INTEGER_FORMAT "\n",
           number(source, "dropped"), number(source, "dropped") ? ", each named in " : "",
           number(source, "dropped") ? out : "", number(source, "dropped") ? "/dropped.jsonl" : "",
           number(source, "unused"));
    json_object_foreach(json_object_get(source, "reasons"), why, n)
        printf("  %7" JSON_INTEGER_FORMAT " x %s\n", json_integer_value(n), why);
}

/* One text of each kind, as written: JSON shows where blanks and line ends are. */
static void print_sample(const json_t *samples, const char *kind, const char *label) {
    const json_t *text = json_object_get(samples, kind);
    char *quoted = text ? json_dumps(text, JSON_ENCODE_ANY) : NULL;
    if (quoted) printf("  %-18s %s\n", label, quoted);
    free(quoted);
}

static void print_samples(const json_t *card, const gk_dataset_options *o) {
    const json_t *samples = json_object_get(card, "samples");
    printf("a text of each kind (entity: field '%s', target: field '%s'):\n",
           json_string_value(json_object_get(card, "entity")),
           json_string_value(json_object_get(card, "target")));
    print_sample(samples, "base", "base corpus");
    print_sample(samples, "A2B", "entity to target");
    print_sample(samples, "B2A", "target to entity");
    if (!json_object_get(samples, "B2A"))
        printf("  %-18s none: %s\n", "target to entity",
               strcmp(o->name, "articles") == 0 ? "no text names the target before the entity"
                                                : "write reverse.jsonl, or let --reverse (make: REVERSE=1) "
                                                  "exchange the two in every template");
    print_sample(samples, "prompt", "prompt");
    print_sample(samples, "answer", "its answer");
}

static void print_base_wording(const json_t *card) {
    const char *base = json_string_value(json_object_get(json_object_get(card, "templates"), "base"));
    if (base && strcmp(base, "training") == 0)
        printf("  the base corpus is in the training templates themselves, for there are no "
               "paraphrases.jsonl: finetuning "
               "says nothing\n  that is new but the facts\n");
}

static void print_card(const json_t *card, const gk_dataset_options *o) {
    const char *out = o->out;
    const json_t *chance = json_object_get(card, "chance_first_word");
    const char *name;
    json_t *split;
    printf("%s, seed %" JSON_INTEGER_FORMAT ", in %s\n", json_string_value(json_object_get(card, "name")),
           number(card, "seed"), out);
    json_object_foreach(json_object_get(card, "splits"), name, split) print_split(name, split);
    print_few(json_object_get(card, "splits"));
    if (chance)
        printf("  chance of a target's first word: top-1 %.2f%%, top-5 %.2f%%\n",
               100 * json_real_value(json_object_get(chance, "top1")),
               100 * json_real_value(json_object_get(chance, "top5")));
    print_base_wording(card);
    print_source(json_object_get(card, "source"), out);
    print_samples(card, o);
}

/* The tokenizer, and which of its tokens the base corpus has. */
typedef struct reader {
    gk_tok *tok;
    gk_arena *scratch;
    bool *read;
} reader;

static bool first_token(void *ctx, const gk_rendered *prompt, const char *target, int32_t *id,
                        gk_error *err) {
    const gk_tok *tok = ((reader *)ctx)->tok;
    return prompt ? gk_prompt_first(tok, prompt, target, id, err) : gk_tok_first(tok, target, id, err);
}

static bool read_text(void *ctx, const char *text, size_t len, gk_error *err) {
    reader *r = ctx;
    gk_tokens t;
    gk_arena_reset(r->scratch);
    if (!gk_tok_encode(r->tok, text, len, GK_BOS_DEFAULT, r->scratch, &t, err)) return false;
    for (size_t i = 0; i < t.n; i++) r->read[t.id[i]] = true;
    return true;
}

static bool was_read(const void *ctx, int32_t id) {
    return ((const reader *)ctx)->read[id];
}

static bool make(gk_dataset_options *o, const char *tokenizer, gk_error *err) {
    reader r = {0};
    if (tokenizer) {
        const char *slash = strrchr(tokenizer, '/');
        r.tok = gk_tokenizer_of(tokenizer, err);
        if (!r.tok) return false;
        r.scratch = gk_arena_new();
        r.read = gk_alloc((size_t)gk_tok_size(r.tok) * sizeof *r.read);
        o->first_token = first_token;
        o->read_text = read_text;
        o->was_read = was_read;
        o->first_token_ctx = &r;
        o->tokenizer = slash && slash[1] ? slash + 1 : tokenizer;
    }
    json_t *card = NULL;
    bool ok = gk_dataset_make(o, &card, err);
    if (card) print_card(card, o);
    json_decref(card);
    if (r.scratch) gk_arena_free(r.scratch);
    gk_free(r.read);
    gk_tok_free(r.tok);
    return ok;
}

int cmd_dataset(int argc, char **argv) {
    gk_dataset_options o = GK_DATASET_DEFAULTS;
    const char *tokenizer = NULL;
    const gk_opt opts[] = {
        {"name", GK_OPT_STR, &o.name, "NAME", "which dataset; `graftkit list datasets` shows them", false},
        {"out", GK_OPT_STR, &o.out, "DIR", "folder to write", true},
        {"seed", GK_OPT_INT, &o.seed, "S", "seed; the same seed gives the same bytes", false},
        {"base-rows", GK_OPT_INT, &o.base_rows, "N",
         "rows of the base corpus, 0 for none (default: the dataset's own number, as for the next three)",
         false},
        {"base-texts", GK_OPT_INT, &o.base_texts, "N", "texts of the base corpus", false},
        {"relation-rows", GK_OPT_INT, &o.relation_rows, "N",
         "rows under test (own data without a number: all that the task leaves)", false},
        {"task-rows", GK_OPT_INT, &o.task_rows, "N", "rows of the task model, 0 for none", false},
        {"source", GK_OPT_STR, &o.source, "PATH",
         "your own data: a CounterFact file, a folder of articles, or a metadata.jsonl (own_rows)", false},
        {"templates", GK_OPT_STR, &o.templates, "DIR", "folder of templates instead of the dataset's own",
         false},
        {"entity", GK_OPT_STR, &o.entity, "FIELD",
         "own_rows: the field that prompts are about (default: first_actor)", false},
        {"target", GK_OPT_STR, &o.target, "FIELD",
         "own_rows: the field that they ask for (default: second_actor)", false},
        {"reverse", GK_OPT_FLAG, &o.reverse, NULL,
         "texts from target to entity too, by exchanging the two; else only by reverse.jsonl", false},
        {"replace", GK_OPT_FLAG, &o.replace, NULL, "write over another dataset, or other files, in --out",
         false},
        {"chunk-words", GK_OPT_INT, &o.chunk_words, "N",
         "articles: about so many words a text (default: 120)", false},
        {"tokenizer", GK_OPT_STR, &tokenizer, "PATH",
         "a tokenizer, model folder or GGUF file: the card also counts the targets' first tokens", false},
    };
    gk_arena *a = gk_arena_new();
    int code = gk_args("dataset", "make a dataset: rows, training texts and splits", opts,
                       sizeof opts / sizeof *opts, argc, argv, a);
    if (code < 0) {
        gk_error err;
        o.home = gk_home();
        code = make(&o, tokenizer, &err) ? 0 : gk_die("dataset", &err);
    }
    gk_arena_free(a);
    return code;
}
