/* data_fixture.h: what the suites of datasets share: making one, and reading what was written. */
#ifndef GK_TESTS_DATA_FIXTURE_H
#define GK_TESTS_DATA_FIXTURE_H

#include "core/json.h"
#include "data/data.h"
#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "tests/support/scratch.h"

static const char *const SPLITS[] = {"base", "relation", "task"};

static inline void make(const gk_dataset_options *o, json_t **card) {
    gk_error err;
    char text[2048];
    if (!gk_dataset_make(o, card, &err)) ck_abort_msg("%s", gk_error_text(&err, text, sizeof text));
}

/* The objects of a JSONL file, as an array. */
static inline json_t *read_lines(scratch *s, const char *name) {
    gk_error err;
    gk_jsonl *r = gk_jsonl_open(scratch_path(s, name), &err);
    ck_assert_ptr_nonnull(r);
    json_t *all = json_array(), *obj;
    int got;
    while ((got = gk_jsonl_next(r, &obj, &err)) == 1) json_array_append_new(all, obj);
    ck_assert_int_eq(got, 0);
    gk_jsonl_close(r);
    return all;
}

static inline const char *str(const json_t *obj, const char *key) {
    const char *s = json_string_value(json_object_get(obj, key));
    ck_assert_msg(s && *s, "no text in '%s'", key);
    return s;
}

static inline void hash_of(scratch *s, const char *name, char hex[GK_SHA256_HEX]) {
    ck_assert(gk_sha256_file(scratch_path(s, name), hex, NULL));
}

/* The same seed gives the same bytes, over themselves too, and another seed other texts. The card holds the
 * hash of every file, so its own pins every byte. A change of lists, templates, generator or version changes
 * it: then look at the texts and update it. */
static inline void assert_pinned(gk_dataset_options o, const char *card) {
    scratch s = scratch_new(), again = scratch_new();
    char hex[GK_SHA256_HEX], other[GK_SHA256_HEX];
    o.out = s.dir;
    make(&o, NULL);
    make(&o, NULL);
    hash_of(&s, "card.json", hex);
    ck_assert_msg(strcmp(hex, card) == 0, "%s: the card's hash is %s", o.name, hex);
    o.out = again.dir;
    make(&o, NULL);
    hash_of(&again, "card.json", other);
    ck_assert_str_eq(hex, other);
    o.seed = 2;
    o.replace = true;
    make(&o, NULL);
    hash_of(&again, "relation/A2B.jsonl", other);
    hash_of(&s, "relation/A2B.jsonl", hex);
    ck_assert_str_ne(hex, other);
    scratch_free(&s);
    scratch_free(&again);
}

/* Making it fails with a one-line message that holds `message`. */
static inline void dataset_fails(const gk_dataset_options *o, const char *message) {
    gk_error err;
    char text[2048];
    json_t *card;
    ck_assert(!gk_dataset_make(o, &card, &err));
    ck_assert_ptr_null(card);
    gk_error_text(&err, text, sizeof text);
    ck_assert_msg(strstr(text, message), "'%s' not in '%s'", message, text);
    ck_assert_ptr_null(strchr(text, '\n'));
}

#endif
