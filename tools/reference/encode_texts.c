/* encode_texts.c: graftkit's half of check_tokenizer.py, which builds and runs it. Not part of graftkit.
 * encode_texts MODEL FOLDER TEXTS: saves the tokenizer MODEL into FOLDER, then prints for every {"text": ...}
 * line of TEXTS the ids of the text and the text they decode to, as a JSON object a line. */
#include "tokenizer/tokenizer.h"

#include <string.h>

static int failed(const gk_error *err) {
    char text[1600];
    fprintf(stderr, "encode_texts: %s\n", gk_error_text(err, text, sizeof text));
    return 1;
}

static bool print_one(const gk_tok *t, const json_t *row, gk_place at, gk_error *err) {
    const char *text = NULL;
    gk_tokens tokens;
    gk_arena *a = gk_arena_new();
    bool ok = gk_json_str(row, "text", &text, at, err) &&
              gk_tok_encode(t, text, strlen(text), GK_BOS_DEFAULT, a, &tokens, err);
    char *decoded = ok ? gk_tok_decode(t, tokens.id, tokens.n, a, err) : NULL;
    if (decoded) {
        json_t *ids = json_array();
        for (size_t i = 0; i < tokens.n; i++) json_array_append_new(ids, json_integer(tokens.id[i]));
        json_t *out = json_pack("{s:o, s:s}", "ids", ids, "text", decoded);
        gk_jsonl_write(stdout, out);
        json_decref(out);
    }
    gk_arena_free(a);
    return decoded != NULL;
}

static bool print_all(const gk_tok *t, const char *path, gk_error *err) {
    gk_jsonl *r = gk_jsonl_open(path, err);
    if (!r) return false;
    json_t *row = NULL;
    int more;
    while ((more = gk_jsonl_next(r, &row, err)) > 0) {
        bool ok = print_one(t, row, gk_jsonl_place(r), err);
        json_decref(row);
        if (!ok) break;
    }
    gk_jsonl_close(r);
    return more == 0;
}

int main(int argc, char **argv) {
    gk_error err = {0};
    if (argc != 4) {
        fprintf(stderr, "usage: encode_texts MODEL FOLDER TEXTS\n");
        return 2;
    }
    gk_tok *t = gk_tok_load(argv[1], &err);
    if (!t) return failed(&err);
    bool ok = gk_tok_save(t, argv[2], &err) && print_all(t, argv[3], &err);
    gk_tok_free(t);
    return ok ? 0 : failed(&err);
}
