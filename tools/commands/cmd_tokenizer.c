/* cmd_tokenizer.c: trains a small sentencepiece vocabulary on a corpus. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "graftkit/tokenizer.h"
#include "tools/tools.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct settings {
    gk_strings texts;
    int64_t vocab;
    const char *out;
    bool replace;
} settings;

typedef struct sentences {
    const char **item;
    size_t n, cap;
    gk_arena *a;
} sentences;

static void add(sentences *s, const char *text) {
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 4096;
        s->item = gk_grow(s->item, s->cap * sizeof *s->item, cap * sizeof *s->item);
        s->cap = cap;
    }
    s->item[s->n++] = text;
}

static bool add_texts(sentences *s, const char *path, gk_error *err) {
    gk_jsonl *in = gk_jsonl_open(path, err);
    if (!in) return false;
    json_t *obj;
    int got;
    while ((got = gk_jsonl_next(in, &obj, err)) > 0) {
        const char *text;
        bool ok = gk_json_str(obj, "text", &text, gk_jsonl_place(in), err);
        if (ok) add(s, gk_arena_strdup(s->a, text));
        json_decref(obj);
        if (!ok) break;
    }
    gk_jsonl_close(in);
    return got == 0;
}

static bool read_sentences(const settings *o, sentences *s, gk_error *err) {
    for (size_t i = 0; i < o->texts.n; i++)
        if (!add_texts(s, o->texts.item[i], err)) return false;
    return true;
}

/* Where a tokenizer stands already, the same one may be made again: it is, in a folder of its own, and
 * another is refused. */
static bool make_again(const settings *o, const sentences *s, gk_error *err) {
    char there[GK_SHA256_HEX], here[GK_SHA256_HEX] = "";
    const char *old = gk_path_join(s->a, o->out, "tokenizer.model");
    char *beside = gk_arena_printf(s->a, "%s/again-XXXXXX", o->out);
    if (!gk_exists(old)) return gk_check_folder(o->out, err);
    if (!mkdtemp(beside)) return gk_fail_errno(err, GK_AT_FILE(beside), "making a folder", errno);
    bool ok = gk_tok_train(s->item, s->n, (int)o->vocab, beside, err) && gk_sha256_file(old, there, err) &&
              gk_sha256_file(gk_path_join(s->a, beside, "tokenizer.model"), here, err);
    gk_tok_remove(beside, NULL);
    rmdir(beside);
    if (ok && strcmp(there, here) != 0)
        ok = gk_fail(err, GK_AT_FILE(old), "name another folder, or --replace (make: REPLACE=1)",
                     "the folder holds another tokenizer");
    return ok;
}

static bool make(const settings *o, const sentences *s, gk_error *err) {
    static const char *const TAKEN[] = {"tokenizer.model", "tokenizer_config.json", "tokenizer.json",
                                        "config.json", "train.json"};
    for (size_t i = 0; !o->replace && i < sizeof TAKEN / sizeof *TAKEN; i++)
        if (gk_exists(gk_path_join(s->a, o->out, TAKEN[i]))) return make_again(o, s, err);
    return gk_mkdirs(o->out, err) && gk_tok_train(s->item, s->n, (int)o->vocab, o->out, err);
}

static int run(const char *command, const settings *o) {
    gk_error err;
    sentences s = {.a = gk_arena_new()};
    bool ok = read_sentences(o, &s, &err) && make(o, &s, &err);
    if (ok) printf("%s: %d pieces from %zu sentences\n", o->out, (int)o->vocab, s.n);
    gk_free(s.item);
    gk_arena_free(s.a);
    return ok ? 0 : gk_die(command, &err);
}

int cmd_tokenizer(int argc, char **argv) {
    settings o = {.vocab = 2000};
    const gk_opt opts[] = {
        {"texts", GK_OPT_LIST, &o.texts, "FILE", "JSONL file of {\"text\": \"...\"} lines; may be repeated",
         true},
        {"vocab", GK_OPT_INT, &o.vocab, "N", "pieces of the vocabulary", false},
        {"out", GK_OPT_STR, &o.out, "DIR", "where the tokenizer goes", true},
        {"replace", GK_OPT_FLAG, &o.replace, NULL, "write over another tokenizer that is in --out", false},
    };
    gk_arena *a = gk_arena_new();
    int code = gk_args(argv[0], "train a small sentencepiece vocabulary on a corpus", opts,
                       sizeof opts / sizeof *opts, argc, argv, a);
    if (code < 0 && (o.vocab < 1 || o.vocab > 1000000)) {
        fprintf(stderr, "graftkit %s: --vocab must be 1 to 1000000\n", argv[0]);
        code = 1;
    }
    if (code < 0) code = run(argv[0], &o);
    gk_arena_free(a);
    return code;
}
