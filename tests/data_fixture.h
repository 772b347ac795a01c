/* data_fixture.h: what the suites of datasets share: making one, and reading what was written. */
#ifndef GK_TESTS_DATA_FIXTURE_H
#define GK_TESTS_DATA_FIXTURE_H

#include "data/data.h"
#include "tests/scratch.h"

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
