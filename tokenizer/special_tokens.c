/* special_tokens.c: the tokens that the files beside a tokenizer add to it, in the order in which
 * transformers adds them, for the order gives the ids: those of added_tokens_decoder (else of
 * added_tokens.json and of the tokenizer itself) by the id they are listed with, then those with a role
 * (bos_token …), then the additional ones. A token that the vocabulary has keeps its id; the others follow
 * the last one without a gap, whatever id is listed.
 */
#include "graftkit/core/file.h"
#include "tokenizer/tokenizer_config.h"

#include <stdlib.h>
#include <string.h>

static const char *const ROLES[GK_TOK__NAMES] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                                 "pad_token", "cls_token", "mask_token"};
static const char *const FLAGS[] = {"single_word", "lstrip", "rstrip"};

static int role_of(const char *key) {
    int i = 0;
    while (i < GK_TOK__NAMES && strcmp(key, ROLES[i]) != 0) i++;
    return i;
}

static bool ends_in_token(const char *key) {
    size_t n = strlen(key), end = strlen("_token");
    return n > end && strcmp(key + n - end, "_token") == 0;
}

static bool is_additional(const char *key) {
    return strcmp(key, "extra_special_tokens") == 0 || strcmp(key, "additional_special_tokens") == 0;
}

/* ---------------------------------------------------------------- what a file says of one token */

/* The string of "<s>" or of {"content": "<s>"}; NULL: neither. */
static const char *content_of(const json_t *v) {
    return json_string_value(json_is_object(v) ? json_object_get(v, "content") : v);
}

/* What a role is called, as a file says it; the map's word is the last where it counts. NULL: nothing is
 * said. */
static const json_t *role_said(const gk_tok__config *s, const char *key) {
    const json_t *v = json_object_get(s->map, key);
    return v ? v : json_object_get(s->config, key);
}

/* NULL: there is no such token. *said: a file says so, and not the class. */
static const char *role_name(const gk_tok__config *s, int role, bool *said) {
    const json_t *v = role_said(s, ROLES[role]);
    *said = v != NULL;
    return v ? content_of(v) : s->class.token[role];
}

/* ---------------------------------------------------------------- the list */

typedef struct list {
    gk_tok__config *s;
    json_t *tokens, *index; /* name -> place in tokens */
    json_t *listed;         /* the index as it was before tokens without ids */
    json_t *said;           /* what files and class say of those, each once */
    const json_t *vocab;
    int64_t next;
    gk_error *err;
} list;

static gk_place place(const list *l, const char *file, const char *field) {
    return GK_AT_FIELD(gk_path_join(l->s->a, l->s->dir, file), field);
}

static bool number_of(const json_t *v, int64_t *out) {
    double x = json_number_value(v);
    *out = (int64_t)x;
    return json_is_number(v) && x >= 0 && x < (double)(1 << 30) && (double)*out == x;
}

static int64_t id_of(const list *l, const char *content, bool *known) {
    int64_t id = 0;
    *known = number_of(json_object_get(l->vocab, content), &id);
    return *known ? id : l->next;
}

/* Adds or changes one; the flags are those of a tokenizer.json. A special token that a file does not say so
 * of is not looked for in the normalised text; once special, always special. */
static bool put(list *l, const json_t *token, bool special, gk_place at) {
    const char *content = content_of(token);
    if (!content) return gk_fail(l->err, at, "a string, or an object with \"content\"", "is no token");
    if (!*content) return true;
    const json_t *place = json_object_get(l->index, content), *said = json_object_get(token, "special");
    json_t *one = place ? json_array_get(l->tokens, (size_t)json_integer_value(place)) : json_object();
    special = special || json_is_true(said);
    if (!place) {
        bool known;
        int64_t id = id_of(l, content, &known);
        if (!known) l->next = id + 1;
        json_object_set_new(one, "id", json_integer(id));
        json_object_set_new(one, "content", json_string(content));
        json_object_set_new(l->index, content, json_integer((json_int_t)json_array_size(l->tokens)));
        json_array_append_new(l->tokens, one);
    }
    for (size_t i = 0; i < sizeof FLAGS / sizeof *FLAGS; i++)
        json_object_set_new(one, FLAGS[i], json_boolean(json_is_true(json_object_get(token, FLAGS[i]))));
    const json_t *normalized = json_object_get(token, "normalized");
    json_object_set_new(one, "normalized",
                        json_boolean(json_is_boolean(normalized) ? json_is_true(normalized) : !special));
    json_object_set_new(one, "special",
                        json_boolean(special || json_is_true(json_object_get(one, "special"))));
    return true;
}

/* Of those the flags are as listed; among the others the last word counts. */
static bool is_listed(const list *l, const json_t *token) {
    const char *content = content_of(token);
    return content && json_object_get(l->listed, content);
}

/* ---------------------------------------------------------------- listed with ids */

typedef struct listed {
    int64_t id;
    json_t *token; /* borrowed */
    size_t place;
} listed;

static int by_id(const void *a, const void *b) {
    const listed *x = a, *y = b;
    return x->id != y->id ? (x->id > y->id) - (x->id < y->id) : (x->place > y->place) - (x->place < y->place);
}

static bool is_own_role(const char *key, const json_t *v) {
    return ends_in_token(key) && role_of(key) == GK_TOK__NAMES && content_of(v);
}

/* What the class adds to the tokenizer under a role; NULL: nothing. */
static const char *granted(const gk_tok__config *s, int role) {
    return s->complete ? NULL : s->class.token[role];
}

/* Whether some file, or the class, gives the token one of transformers' roles. */
static bool has_role(const gk_tok__config *s, const char *content) {
    bool said;
    for (int i = 0; i < GK_TOK__NAMES; i++) {
        const char *name = role_name(s, i, &said);
        if (name && (said || granted(s, i)) && strcmp(name, content) == 0) return true;
    }
    return false;
}

/* The same when added_tokens.json is read: the class does not count yet, nor does a tokenizer_config.json
 * that has an object for the name. */
static bool has_early_role(const gk_tok__config *s, const char *content) {
    for (int i = 0; i < GK_TOK__NAMES; i++) {
        const json_t *v = role_said(s, ROLES[i]);
        const char *name =
            v && (json_is_string(v) || json_object_get(s->map, ROLES[i])) ? content_of(v) : NULL;
        if (name && strcmp(name, content) == 0) return true;
    }
    return false;
}

/* The same for roles of a model's own. */
static bool has_own_role(const json_t *from, const char *content) {
    const json_t *extra = json_object_get(from, "extra_special_tokens");
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)from, key,
                        v) if (is_own_role(key, v) && strcmp(content_of(v), content) == 0) return true;
    json_object_foreach((json_t *)(uintptr_t)(json_is_object(extra) ? extra : NULL), key,
                        v) if (content_of(v) && strcmp(content_of(v), content) == 0) return true;
    return false;
}

static bool in_array(const json_t *array, bool strings, const char *content) {
    size_t i;
    const json_t *v;
    json_array_foreach(array, i, v) {
        const char *other = strings ? json_string_value(v) : content_of(v);
        if (other && strcmp(other, content) == 0) return true;
    }
    return false;
}

static bool put_listed(list *l, listed *all, size_t n, gk_place at) {
    bool ok = true;
    qsort(all, n, sizeof *all, by_id);
    for (size_t i = 0; i < n && ok; i++) {
        const char *content = content_of(all[i].token);
        if (i + 1 < n && all[i].id == all[i + 1].id) continue; /* the last word on an id */
        ok = put(l, all[i].token,
                 content && (has_role(l->s, content) || has_own_role(l->s->config, content) ||
                             has_own_role(l->s->map, content)),
                 at);
    }
    return ok;
}

/* "added_tokens_decoder": {"50257": {"content": …}}. */
static bool put_decoder(list *l, json_t *decoder) {
    gk_place at = place(l, "tokenizer_config.json", "added_tokens_decoder");
    if (!json_is_object(decoder)) return gk_fail(l->err, at, "ids and tokens", "is no object");
    listed *all = gk_arena_alloc(l->s->a, (json_object_size(decoder) + 1) * sizeof *all);
    size_t n = 0;
    const char *key;
    json_t *token;
    json_object_foreach(decoder, key, token) {
        char *end;
        long long id = strtoll(key, &end, 10);
        if (*end || end == key || id < 0 || id > 1 << 30 || !json_is_object(token))
            return gk_fail(l->err, at, "an id and an object with \"content\"", "the entry \"%.40s\"", key);
        all[n] = (listed){id, token, n};
        n++;
    }
    return put_listed(l, all, n, at);
}

static bool is_additional_token(const gk_tok__config *s, const char *content);

/* "added_tokens.json": {"<actor>": 50257}, and the tokenizer's own tokens, which have the last word. */
static bool put_older(list *l, const json_t *own) {
    gk_place at = place(l, "added_tokens.json", NULL);
    size_t n = 0, i, room = json_object_size(l->s->added) + json_array_size(own) + 1;
    listed *all = gk_arena_alloc(l->s->a, room * sizeof *all);
    json_t *made = json_array(), *token;
    const json_t *index, *one;
    const char *content;
    bool ok = true;
    json_object_foreach(l->s->added, content, index) {
        bool special = has_early_role(l->s, content) || is_additional_token(l->s, content);
        int64_t id = 0;
        ok = ok && (number_of(index, &id) ||
                    gk_fail(l->err, at, "a token and its id", "the entry \"%.60s\"", content));
        token = json_pack("{s:s, s:b, s:b}", "content", content, "normalized", !special, "special", special);
        json_array_append_new(made, token);
        all[n] = (listed){id, token, n};
        n++;
    }
    json_array_foreach(own, i, one) {
        int64_t id = 0;
        number_of(json_object_get(one, "id"), &id);
        all[n] = (listed){id, (json_t *)(uintptr_t)one, n};
        n++;
    }
    ok = ok && put_listed(l, all, n, at);
    json_decref(made);
    return ok;
}

/* ---------------------------------------------------------------- with a role, and additional ones */

/* Adds a token that is not listed with an id. What was said in just these words before is not said again: in
 * between another may have had the last word. */
static bool put_unlisted(list *l, const json_t *token, bool special, gk_place at) {
    size_t i;
    const json_t *said;
    if (is_listed(l, token)) return true;
    json_array_foreach(l->said, i, said) if (json_equal(said, token)) return true;
    json_array_append(l->said, (json_t *)(uintptr_t)token);
    return put(l, token, special, at);
}

static bool put_role(list *l, const json_t *token, const char *file, const char *key) {
    if (!token || json_is_null(token)) return true;
    return put_unlisted(l, token, true, place(l, file, key));
}

static bool put_roles(list *l) {
    bool ok = true;
    for (int i = 0; i < GK_TOK__NAMES && ok; i++) {
        const json_t *said = role_said(l->s, ROLES[i]);
        bool by_map = json_object_get(l->s->map, ROLES[i]) != NULL;
        json_t *name = said               ? json_incref((json_t *)(uintptr_t)said)
                       : granted(l->s, i) ? json_string(granted(l->s, i))
                                          : json_null();
        ok = put_role(l, name, by_map ? "special_tokens_map.json" : "tokenizer_config.json", ROLES[i]);
        json_decref(name);
    }
    return ok;
}

/* Roles of a model's own: "image_token", or an extra_special_tokens that is an object. */
static bool put_own_roles(list *l, const json_t *from, const char *file) {
    const char *key;
    json_t *v;
    bool ok = true;
    json_object_foreach((json_t *)(uintptr_t)from, key, v) {
        ok = ok && (!is_own_role(key, v) || put_role(l, v, file, key));
    }
    const json_t *extra = json_object_get(from, "extra_special_tokens");
    json_object_foreach((json_t *)(uintptr_t)(json_is_object(extra) ? extra : NULL), key, v) ok =
        ok && put_role(l, v, file, key);
    return ok;
}

static bool is_empty(const json_t *v) {
    return !v || json_is_null(v) || (json_is_array(v) && json_array_size(v) == 0) ||
           (json_is_object(v) && json_object_size(v) == 0);
}

/* The lists of additional tokens that count, and whether there is one, be it empty: extra_special_tokens of
 * both files, or what the older name has where that is empty; the map's older name only where there is no
 * other. */
typedef struct lists {
    const json_t *item[2];
    bool any;
} lists;

static const json_t *list_of(const json_t *from, const char *key) {
    const json_t *v = json_object_get(from, key);
    return json_is_object(v) ? NULL : v;
}

static lists additional(const gk_tok__config *s, bool map_older) {
    static const char NEW[] = "extra_special_tokens", OLD[] = "additional_special_tokens";
    lists all = {.item = {list_of(s->config, NEW), list_of(s->map, NEW)}};
    const json_t *older = list_of(s->config, OLD);
    if (older && is_empty(json_object_get(s->config, NEW))) all.item[0] = older;
    all.any = all.item[0] || all.item[1];
    if (all.any || !map_older) return all;
    all.item[1] = list_of(s->map, OLD);
    all.any = all.item[1] != NULL;
    return all;
}

/* Where added_tokens.json is read, the map's older name is not looked at. */
static bool is_additional_token(const gk_tok__config *s, const char *content) {
    lists all = additional(s, false);
    return in_array(all.item[0], true, content) || in_array(all.item[1], false, content);
}

static bool put_additional(list *l, const json_t *array) {
    gk_place at = place(l, "tokenizer_config.json", "extra_special_tokens");
    size_t i;
    const json_t *token;
    if (array && !json_is_null(array) && !json_is_array(array))
        return gk_fail(l->err, at, "a list of tokens", "is no list");
    json_array_foreach(array, i, token) {
        bool unsaid = !json_object_get(token, "special");
        if (!put_unlisted(l, token, unsaid, at)) return false;
    }
    return true;
}

/* ---------------------------------------------------------------- the whole */

bool gk_tok__config_says(const gk_tok__config *s) {
    bool any = s->config || s->added;
    const char *key;
    json_t *v;
    json_object_foreach(s->map, key, v) any = any || ends_in_token(key) || is_additional(key);
    return any;
}

static void begin(list *l, const json_t *own) {
    size_t i;
    const json_t *one;
    l->next = (int64_t)json_object_size(l->vocab);
    json_array_foreach(own, i, one) {
        int64_t id;
        const char *content = content_of(one);
        if (content) json_object_set_new(l->index, content, json_integer((json_int_t)i));
        json_array_append_new(l->tokens, json_deep_copy(one));
        if (number_of(json_object_get(one, "id"), &id) && id >= l->next) l->next = id + 1;
    }
    l->s->first_new = l->next;
}

json_t *gk_tok__config_tokens(gk_tok__config *s, const json_t *own, const json_t *vocab, const json_t *spare,
                              gk_error *err) {
    list l = {.s = s, .tokens = json_array(), .index = json_object(), .vocab = vocab, .err = err};
    begin(&l, own);
    json_t *decoder = json_object_get(s->config, "added_tokens_decoder");
    lists more = additional(s, !spare);
    if (!more.any) more.item[0] = spare;
    bool ok = decoder ? put_decoder(&l, decoder) : put_older(&l, own);
    l.listed = json_copy(l.index);
    l.said = json_array();
    ok = ok && put_roles(&l) && put_own_roles(&l, s->map, "special_tokens_map.json") &&
         put_own_roles(&l, s->config, "tokenizer_config.json") && put_additional(&l, more.item[0]) &&
         put_additional(&l, more.item[1]);
    json_decref(l.listed);
    json_decref(l.said);
    json_decref(l.index);
    if (ok) return l.tokens;
    json_decref(l.tokens);
    return NULL;
}

gk_tok__listed *gk_tok__config_listed(const gk_tok__config *s, size_t *n) {
    json_t *decoder = json_object_get(s->config, "added_tokens_decoder");
    gk_tok__listed *all =
        gk_arena_alloc(s->a, (json_object_size(decoder) + json_object_size(s->added) + 1) * sizeof *all);
    const char *key;
    json_t *v;
    *n = 0;
    json_object_foreach(decoder, key, v) {
        const char *name = content_of(v);
        if (name) all[(*n)++] = (gk_tok__listed){strtoll(key, NULL, 10), name};
    }
    json_object_foreach(s->added, key, v) {
        int64_t id;
        if (number_of(v, &id)) all[(*n)++] = (gk_tok__listed){id, key};
    }
    return all;
}

/* ---------------------------------------------------------------- BOS and EOS */

static void from_model(const gk_tok__config *s, gk_tok *t, const bool known[2]) {
    static const char *const KEYS[] = {"bos_token_id", "eos_token_id"};
    for (int i = GK_TOK__BOS; i <= GK_TOK__EOS; i++) {
        const json_t *v = json_object_get(s->model, KEYS[i]);
        int64_t id;
        if (json_is_array(v)) v = json_array_get(v, 0);
        if (!known[i] && number_of(v, &id) && id < t->kind->size(t->model))
            *(i == GK_TOK__BOS ? &t->bos : &t->eos) = (int)id;
    }
}

void gk_tok__config_ends(const gk_tok__config *s, gk_tok *t) {
    bool known[2];
    for (int i = GK_TOK__BOS; i <= GK_TOK__EOS; i++) {
        int *out = i == GK_TOK__BOS ? &t->bos : &t->eos;
        const char *name = role_name(s, i, &known[i]);
        int id = name ? t->kind->find(t->model, name) : -1;
        /* What only the class names, and the tokenizer did not have, is nothing to begin or end a text with,
         * unless a file wants BOS; nor is an empty name. */
        bool wanted = i == GK_TOK__BOS && s->add_bos == GK_TOK__YES;
        if (!known[i]) known[i] = id >= 0 && (id < s->first_new || wanted);
        if (name && !*name) known[i] = false;
        if (known[i]) *out = id;
        known[i] =
            known[i] || (t->kind != &gk_tok__bpe_kind && *out >= 0); /* a sentencepiece model has its own */
    }
    if (!known[GK_TOK__BOS] || !known[GK_TOK__EOS]) from_model(s, t, known);
    t->own = (int)s->first_new;
}
