/* encode_texts.c: graftkit's half of check_tokenizer.py and check_tokenizers.py, which build and run it. Not
 * part of graftkit.
 *
 * encode_texts TOKENIZER FOLDER TEXTS: saves the tokenizer into FOLDER ("-": does not), then prints for every
 * {"text": ...} or {"hex": ...} line of TEXTS the ids of the text and the text they decode to, as a JSON
 * object a line, or {"error": ...}. Fails when spans do not tile a text. */
#include "core/json.h"
#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/progress.h"
#include "graftkit/tokenizer.h"

#include <stdlib.h>
#include <string.h>

static int failed(const gk_error *err) {
    char text[1600];
    fprintf(stderr, "encode_texts: %s\n", gk_error_text(err, text, sizeof text));
    return 1;
}

/* The bytes of a row, which JSON can hold only where they are UTF-8 without NUL. */
static char *bytes_of(const json_t *row, size_t *len, gk_arena *a) {
    const char *text = json_string_value(json_object_get(row, "text"));
    const char *hex = json_string_value(json_object_get(row, "hex"));
    *len = text ? strlen(text) : hex ? strlen(hex) / 2 : 0;
    char *bytes = gk_arena_alloc(a, *len + 1);
    if (text) memcpy(bytes, text, *len);
    for (size_t i = 0; hex && i < *len; i++)
        bytes[i] = (char)strtol((const char[]){hex[2 * i], hex[2 * i + 1], 0}, NULL, 16);
    return bytes;
}

static bool tiles(const gk_tokens *k, size_t len) {
    uint32_t at = 0;
    for (size_t i = 0; i < k->n; at = k->span[i++].end)
        if (k->span[i].begin != at || k->span[i].end < at) return false;
    return at == len;
}

static bool print_one(const gk_tok *t, const json_t *row, gk_place at, gk_error *err) {
    gk_tokens tokens;
    gk_arena *a = gk_arena_new();
    size_t len = 0;
    const char *text = bytes_of(row, &len, a);
    char message[1600];
    char *decoded = NULL;
    bool encoded = gk_tok_encode(t, text, len, GK_BOS_DEFAULT, a, &tokens, err);
    if (encoded) decoded = gk_tok_decode(t, tokens.id, tokens.n, a, err);
    json_t *out = NULL;
    if (decoded) {
        json_t *ids = json_array();
        for (size_t i = 0; i < tokens.n; i++) json_array_append_new(ids, json_integer(tokens.id[i]));
        out = json_pack("{s:o, s:s}", "ids", ids, "text", decoded);
    } else {
        out = json_pack("{s:s}", "error", gk_error_text(err, message, sizeof message));
    }
    gk_jsonl_write(stdout, out);
    json_decref(out);
    bool ok = !encoded || tiles(&tokens, len) || gk_fail(err, at, NULL, "the spans do not tile the text");
    gk_arena_free(a);
    return ok;
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
        fprintf(stderr, "usage: encode_texts TOKENIZER FOLDER TEXTS\n");
        return 2;
    }
    double start = gk_now();
    gk_tok *t = gk_tok_load(argv[1], &err);
    if (!t) return failed(&err);
    fprintf(stderr, "loaded in %.3f s, %d ids, bos %d, eos %d\n", gk_now() - start, gk_tok_size(t),
            gk_tok_bos(t), gk_tok_eos(t));
    bool ok = (strcmp(argv[2], "-") == 0 || gk_tok_save(t, argv[2], &err)) && print_all(t, argv[3], &err);
    gk_tok_free(t);
    return ok ? 0 : failed(&err);
}
