/* test_json.c: JSON and YAML documents, typed access, and what their errors say. */
/* modules: core */
#include "core/json.h"
#include "core/yaml.h"
#include "graftkit/core/template.h"
#include "tests/support/scratch.h"

static json_t *parse(const char *text, gk_error *e) {
    return gk_json_parse(text, strlen(text), GK_AT_FILE("c.json"), e);
}

/* ---------------------------------------------------------------- JSON */

START_TEST(json_syntax_errors_have_places) {
    static const struct {
        const char *text, *at;
    } bad[] = {{"{\n  \"a\": 1,\n  \"b\" 2\n}", ":3:7: not valid JSON: "},
               {"{\"a\": 1,\n \"a\": 2}", ":2:4: not valid JSON: duplicate object key"},
               {"", ":1:1: not valid JSON: "},
               {"[1, 2", ":1:5: not valid JSON: "},
               {"{} x", ":1:4: not valid JSON: "},
               {"{\"a\": \"\xFF\"}", ":1:"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gk_error e;
        ck_assert_ptr_null(parse(bad[i].text, &e));
        assert_error_at(&e, "c.json", bad[i].at);
    }
}
END_TEST

START_TEST(json_nested_text_counts_on_from_its_place) {
    gk_error e;
    ck_assert_ptr_null(gk_json_parse("[1 2]", 5, GK_AT_LINE("x", 10, 20), &e));
    assert_error_at(&e, "x", ":10:23: ");
    ck_assert_ptr_null(gk_json_parse("[\n1 2]", 6, GK_AT_LINE("x", 10, 20), &e));
    assert_error_at(&e, "x", ":11:3: ");
    ck_assert_ptr_null(gk_json_parse("[1]\0", 4, GK_AT_FILE("x"), &e)); /* a NUL is no white space */
    char deep[10000];
    memset(deep, '[', sizeof deep);
    ck_assert_ptr_null(gk_json_parse(deep, sizeof deep, GK_AT_FILE("x"), &e));
}
END_TEST

START_TEST(json_typed_access) {
    json_t *o = parse(
        "{\"i\": 5, \"r\": 2.5, \"b\": true, \"s\": \"text\", \"n\": null, \"o\": {}, \"a\": []}", NULL);
    gk_place at = GK_AT_FILE("c.json");
    gk_error e;
    int64_t i = 0;
    double x = 0;
    bool b = false;
    const char *s = NULL;
    ck_assert(gk_json_int(o, "i", 5, 5, &i, at, &e) && i == 5);
    ck_assert(gk_json_num(o, "i", &x, at, &e) && x == 5);
    ck_assert(gk_json_num(o, "r", &x, at, &e) && x == 2.5);
    ck_assert(gk_json_bool(o, "b", &b, at, &e) && b);
    ck_assert(gk_json_str(o, "s", &s, at, &e));
    ck_assert_str_eq(s, "text");

    ck_assert(!gk_json_int(o, "i", 6, 9, &i, at, &e));
    assert_error(&e, "c.json: field 'i': is 5; must be an integer from 6 to 9");
    ck_assert(!gk_json_int(o, "r", 0, 9, &i, at, &e));
    assert_error(&e, "c.json: field 'r': is 2.5; must be an integer from 0 to 9");
    ck_assert(!gk_json_num(o, "s", &x, at, &e));
    assert_error(&e, "c.json: field 's': is the string \"text\"; must be a finite number");
    ck_assert(!gk_json_bool(o, "n", &b, at, &e));
    assert_error(&e, "c.json: field 'n': is null; must be true or false");
    ck_assert(!gk_json_str(o, "none", &s, at, &e));
    assert_error(&e, "c.json: field 'none': is missing; must be a string");
    ck_assert(!gk_json_str(o, "a", &s, at, &e));
    assert_error(&e, "c.json: field 'a': is an array; must be a string");
    ck_assert(!gk_json_int(o, "o", 0, 1, &i, GK_AT_FIELD("c.json", "outer"), &e));
    assert_error(&e, "c.json: field 'outer.o': is an object; must be an integer from 0 to 1");
    ck_assert(!gk_json_int(json_object_get(o, "a"), "k", 0, 1, &i, GK_AT_FIELD("c.json", "a"), &e));
    assert_error(&e, "c.json: field 'a': is an array, so it has no member 'k'; must be an object");
    ck_assert(!gk_json_int(NULL, "k", 0, 1, &i, at, &e));
    ck_assert(i == 5 && x == 2.5 && b);
    ck_assert_str_eq(s, "text");
    json_decref(o);
}
END_TEST

START_TEST(json_save_and_load) {
    scratch s = scratch_new();
    char *path = scratch_path(&s, "a.json");
    gk_error e;
    json_t *o = parse("{\"z\": 0.1, \"a\": \"\xC3\xA9\", \"m\": [1]}", NULL), *back;
    ck_assert(gk_json_save(path, o, &e));
    ck_assert_str_eq(gk_read_file(s.a, path, 1000, NULL, NULL),
                     "{\n  \"z\": 0.10000000000000001,\n  \"a\": \"\xC3\xA9\",\n  \"m\": [\n    1\n  ]\n}\n");
    ck_assert_ptr_nonnull(back = gk_json_load(path, &e));
    ck_assert(json_equal(o, back));
    json_decref(o);
    json_decref(back);
    ck_assert(!gk_json_save(path, NULL, &e)); /* nothing to write: the old file stays */
    ck_assert(gk_exists(path));
    ck_assert_ptr_null(gk_json_load(scratch_path(&s, "none.json"), &e));
    assert_error_at(&e, s.dir, "/none.json: opening the file failed");
    scratch_free(&s);
}
END_TEST

START_TEST(jsonl_reads_line_by_line) {
    scratch s = scratch_new();
    char *path = scratch_file(&s, "a.jsonl", "{\"a\":1}\r\n\n   \n  {\"a\": 2}\n{\"a\":3}");
    gk_jsonl *r = gk_jsonl_open(path, NULL);
    json_t *o;
    static const long line[] = {1, 4, 5};
    static const char *const raw[] = {"{\"a\":1}", "  {\"a\": 2}", "{\"a\":3}"};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(gk_jsonl_next(r, &o, NULL), 1);
        ck_assert_int_eq(json_integer_value(json_object_get(o, "a")), i + 1);
        ck_assert_int_eq(gk_jsonl_place(r).line, line[i]);
        ck_assert_str_eq(gk_jsonl_place(r).file, path);
        ck_assert_str_eq(gk_jsonl_line(r), raw[i]);
        json_decref(o);
    }
    ck_assert_int_eq(gk_jsonl_next(r, &o, NULL), 0);
    ck_assert_ptr_null(o);
    ck_assert_int_eq(gk_jsonl_next(r, &o, NULL), 0);
    gk_jsonl_close(r);
    gk_jsonl_close(NULL);
    scratch_free(&s);
}
END_TEST

START_TEST(jsonl_errors_have_places) {
    static const struct {
        const char *text, *at;
    } bad[] = {{"{}\n\n{\"a\" 1}\n", ":3:6: not valid JSON"},
               {"{}\n[1]\n", ":2: this line is an array; each line must be one JSON object"},
               {"{}\n  {\"a\":1,\"a\":1}\n", ":2:12: not valid JSON: duplicate object key"},
               {"{}\n{\"a\":1} {\n", ":2:9: not valid JSON"}};
    scratch s = scratch_new();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gk_error e;
        char *path = scratch_file(&s, "a.jsonl", bad[i].text);
        gk_jsonl *r = gk_jsonl_open(path, &e);
        json_t *o;
        ck_assert_int_eq(gk_jsonl_next(r, &o, &e), 1);
        json_decref(o);
        ck_assert_int_eq(gk_jsonl_next(r, &o, &e), -1);
        ck_assert_ptr_null(o);
        assert_error_at(&e, path, bad[i].at);
        gk_jsonl_close(r);
    }
    gk_error e;
    json_t *o;
    ck_assert_ptr_null(gk_jsonl_open(scratch_path(&s, "none"), &e));
    gk_jsonl *folder = gk_jsonl_open(s.dir, &e); /* opens, but does not read */
    ck_assert(!folder || gk_jsonl_next(folder, &o, &e) == -1);
    assert_error_at(&e, s.dir, ": reading the file failed: Is a directory");
    gk_jsonl_close(folder);
    scratch_free(&s);
}
END_TEST

/* Python's json writes what is no JSON. Texts that say NaN stay, and so do places after it. */
START_TEST(jsonl_reads_nan_as_null) {
    scratch s = scratch_new();
    json_t *o;
    gk_error e;
    char *path = scratch_file(
        &s, "a.jsonl",
        "{\"a\": NaN, \"b\": \"NaN \\\" NaN\", \"c\": -Infinity, \"d\": [Infinity, 1], \"NaN\": 2}\n"
        "{\"a\": NaNa}\n");
    gk_jsonl *r = gk_jsonl_open(path, NULL);
    ck_assert_int_eq(gk_jsonl_next(r, &o, NULL), 1);
    ck_assert(json_is_null(json_object_get(o, "a")) && json_is_null(json_object_get(o, "c")));
    ck_assert_str_eq(json_string_value(json_object_get(o, "b")), "NaN \" NaN");
    ck_assert(json_is_null(json_array_get(json_object_get(o, "d"), 0)));
    ck_assert_int_eq(json_integer_value(json_object_get(o, "NaN")), 2);
    ck_assert_ptr_nonnull(strstr(gk_jsonl_line(r), "-Infinity"));
    json_decref(o);
    ck_assert_int_eq(gk_jsonl_next(r, &o, &e), -1);
    assert_error_at(&e, path, ":2:");
    gk_jsonl_close(r);
    scratch_free(&s);
}
END_TEST

/* Integers have no end in Python: what 64 bits do not hold is a real, and no integer where one is asked for.
 */
START_TEST(documents_may_hold_long_integers) {
    scratch s = scratch_new();
    gk_error e;
    int64_t n = 0;
    double x = 0;
    char *path = scratch_file(
        &s, "a.json",
        "{\"a\": 1000000000000000019884624838656, \"b\": [-99999999999999999999,9223372036854775807],"
        " \"c\": \"12345678901234567890123\", \"d\": 12345678901234567890.5, "
        "\"e\": 0.12345678901234567890123,\"f\":9223372036854775808}");
    json_t *o = gk_json_load(path, &e);
    ck_assert_ptr_nonnull(o);
    ck_assert(gk_json_num(o, "a", &x, GK_AT_FILE(path), &e) && x > 0.9e30 && x < 1.1e30);
    ck_assert(!gk_json_int(o, "a", 0, 1 << 20, &n, GK_AT_FILE(path), &e));
    assert_error_at(&e, path, ": field 'a': is 1e+30; must be an integer");
    const json_t *b = json_object_get(o, "b");
    ck_assert(json_is_real(json_array_get(b, 0)));
    ck_assert(json_integer_value(json_array_get(b, 1)) == INT64_MAX);
    ck_assert_str_eq(json_string_value(json_object_get(o, "c")), "12345678901234567890123");
    ck_assert(json_real_value(json_object_get(o, "e")) < 0.2 && json_is_real(json_object_get(o, "f")));
    json_decref(o);
    path = scratch_file(&s, "b.json", "{\"a\": 1000000000000000019884624838656, \"b\" 2}");
    ck_assert(!gk_json_load(path, &e));
    assert_error_at(&e, path, ":1:44: not valid JSON");
    scratch_free(&s);
}
END_TEST

/* Documents too; where a number is wanted the words come as strings, which no number is. Columns are the
 * file's. */
START_TEST(documents_may_hold_what_python_writes) {
    scratch s = scratch_new();
    gk_error e;
    double x;
    char *path = scratch_file(
        &s, "a.json", "{\"a\": NaN, \"b\": [-Infinity, \"Infinity\"], \"c\": {\"Infinity\": Infinity}}");
    json_t *o = gk_json_load(path, &e);
    ck_assert(json_is_null(json_object_get(o, "a")) &&
              json_is_null(json_array_get(json_object_get(o, "b"), 0)));
    ck_assert_str_eq(json_string_value(json_array_get(json_object_get(o, "b"), 1)), "Infinity");
    ck_assert(json_is_null(json_object_get(json_object_get(o, "c"), "Infinity")));
    json_decref(o);
    o = gk_json_load_words(path, &e);
    ck_assert_str_eq(json_string_value(json_array_get(json_object_get(o, "b"), 0)), "-Infinity");
    ck_assert(!gk_json_num(o, "a", &x, GK_AT_FILE(path), &e));
    assert_error_at(&e, path, ": field 'a': is the string \"NaN\"; must be a finite number");
    json_decref(o);
    static const struct {
        const char *text, *at;
    } bad[] = {{"{\"a\": NaN, \"b\" 2}", ":1:16: not valid JSON"},
               {"[NaN, -Infinity, Infinity, }", ":1:28: not valid JSON"},
               {"[NaN,\n NaN,\n  NaN ]]", ":3:8: not valid JSON"},
               {"{\"\\u0000\": 1, \"\\u0000b\" 2}", ":1:25: not valid JSON"},
               {"{NaN: 1}", ":1:"},
               {"[NaNa]", ":1:"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        path = scratch_file(&s, "b.json", bad[i].text);
        ck_assert_msg(!gk_json_load(path, &e), "%s", bad[i].text);
        assert_error_at(&e, path, bad[i].at);
        ck_assert_msg(!gk_json_load_words(path, &e), "%s", bad[i].text);
        assert_error_at(&e, path, bad[i].at);
    }
    scratch_free(&s);
}
END_TEST

/* U+0000 is JSON and no C string. In a document it comes marked; a line, whose texts go further, has none. */
START_TEST(a_nul_character_is_marked_or_refused) {
    scratch s = scratch_new();
    gk_error e;
    size_t len;
    json_t *o = parse("{\"\\u0000\": 1, \"x\\u0000y\": \"\\u0000\", \"\\uDBFF\\udfff\": "
                      "\"\xF4\x8F\xBF\xBF\", \"\\\\u0000\": 2}",
                      &e);
    ck_assert_uint_eq(json_object_size(o), 4);
    static const struct {
        const char *text;
        size_t len;
    } want[] = {{"\0", 1}, {"x\0y", 3}, {"\xF4\x8F\xBF\xBF", 4}, {"\\u0000", 6}};
    int i = 0;
    const char *key;
    json_t *v;
    json_object_foreach(o, key, v) {
        const char *plain = gk_json_plain(s.a, key, &len);
        ck_assert(len == want[i].len && memcmp(plain, want[i].text, len) == 0);
        i++;
    }
    json_decref(o);
    char *path = scratch_file(&s, "a.jsonl", "{\"a\": \"x\\u0000\"}\n{\"a\\u0000\": 1}\n");
    for (int line = 0; line < 2; line++) {
        gk_jsonl *r = gk_jsonl_open(path, &e);
        for (int k = 0; k <= line; k++) ck_assert_int_eq(gk_jsonl_next(r, &o, &e), -1);
        assert_error_at(&e, path, line ? ":2:" : ":1:");
        ck_assert_str_eq(e.what, "a text holds the character \\u0000, which no text may");
        gk_jsonl_close(r);
    }
    scratch_free(&s);
}
END_TEST

/* A byte order mark is no part of a file's text, and counts for no column; UTF-16 is refused. */
START_TEST(marks_at_the_head_of_files) {
#define BOM "\xEF\xBB\xBF"
    scratch s = scratch_new();
    gk_error e;
    json_t *o;
    size_t len, skip;
    ck_assert_str_eq(gk_read_file(s.a, scratch_file(&s, "a", BOM "x"), 10, &len, &e), "x");
    ck_assert_uint_eq(len, 1);
    ck_assert_str_eq(gk_read_file(s.a, scratch_file(&s, "a", BOM), 10, &len, &e), "");
    ck_assert_str_eq(gk_read_file(s.a, scratch_file(&s, "a", BOM BOM), 10, &len, &e),
                     BOM); /* one is the mark */
    ck_assert_str_eq(gk_read_file(s.a, scratch_file(&s, "a", "x" BOM), 10, &len, &e), "x" BOM);
    ck_assert_str_eq(gk_read_file(s.a, scratch_file(&s, "a", "\xEF\xBB"), 10, &len, &e), "\xEF\xBB");

    char *path = scratch_file(&s, "a.json", BOM "{\"a\" 1}");
    ck_assert(!gk_json_load(path, &e));
    assert_error_at(&e, path, ":1:6: not valid JSON");
    path = scratch_file(&s, "a.yaml", BOM "a: 1\na: 2\n");
    ck_assert(!gk_yaml_load(path, &e));
    assert_error_at(&e, path, ":2:1: the key 'a' is there twice");

    path = scratch_file(&s, "a.jsonl", BOM "\n" BOM "{}\n");
    gk_jsonl *r =
        gk_jsonl_open(path, &e); /* the first line is blank, the second has no mark at the file's head */
    ck_assert_int_eq(gk_jsonl_next(r, &o, &e), -1);
    assert_error_at(&e, path, ":2:1: not valid JSON");
    gk_jsonl_close(r);
    path = scratch_file(&s, "a.jsonl", BOM "{\"a\": 1}\r\n{\"b\": 2} x");
    r = gk_jsonl_open(path, &e);
    ck_assert_int_eq(gk_jsonl_next(r, &o, &e), 1);
    ck_assert_str_eq(gk_jsonl_line(r), "{\"a\": 1}");
    json_decref(o);
    ck_assert_int_eq(gk_jsonl_next(r, &o, &e), -1);
    assert_error_at(&e, path, ":2:10: not valid JSON");
    gk_jsonl_close(r);

    gk_template **t;
    path = scratch_file(&s, "t.jsonl", BOM "{\"template\": \"a {b\"}\n");
    ck_assert(!gk_templates_load(s.a, path, &t, &len, &e));
    assert_error_at(&e, path, ":1:17: ");

    static const char *const WIDE[] = {"\xFF\xFE{", "\xFE\xFFx"};
    for (int i = 0; i < 2; i++) {
        path = scratch_file(&s, "a.jsonl", WIDE[i]);
        ck_assert(!gk_json_load(path, &e));
        assert_error(&e, gk_arena_printf(s.a, "%s: byte 0: the file is UTF-16; save it as UTF-8", path));
        r = gk_jsonl_open(path, &e);
        ck_assert_int_eq(gk_jsonl_next(r, &o, &e), -1);
        assert_error(&e, gk_arena_printf(s.a, "%s: byte 0: the file is UTF-16; save it as UTF-8", path));
        gk_jsonl_close(r);
    }
    ck_assert(gk_text_begin("", 0, "x", &skip, &e) && skip == 0);
    scratch_free(&s);
}
END_TEST

START_TEST(jsonl_write_is_one_compact_line) {
    scratch s = scratch_new();
    char *path = scratch_path(&s, "a.jsonl");
    json_t *o = parse("{\"b\": \"x\\ny\", \"a\": [1, 2]}", NULL);
    FILE *f = fopen(path, "wb");
    gk_jsonl_write(f, o);
    gk_jsonl_write(f, o);
    fclose(f);
    json_decref(o);
    ck_assert_str_eq(gk_read_file(s.a, path, 1000, NULL, NULL),
                     "{\"b\":\"x\\ny\",\"a\":[1,2]}\n{\"b\":\"x\\ny\",\"a\":[1,2]}\n");
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- YAML */

static gk_yaml *yaml(const char *text, gk_error *e) {
    return gk_yaml_parse(text, strlen(text), "s.yaml", e);
}

START_TEST(yaml_walks_lists_and_maps) {
    gk_yaml *y = yaml("name: FE+LT\nrules:\n  - at: [first, last]\n    donor: sft\n  - 3\n", NULL);
    ck_assert_ptr_nonnull(y);
    gk_ynode root = gk_yaml_root(y), rules = gk_yaml_get(root, "rules");
    ck_assert_int_eq(gk_yaml_kind_of(root), GK_YAML_MAP);
    ck_assert_uint_eq(gk_yaml_len(root), 2);
    ck_assert_str_eq(gk_yaml_text(gk_yaml_key(root, 1)), "rules");
    ck_assert_str_eq(gk_yaml_text(gk_yaml_at(root, 0)), "FE+LT");
    ck_assert_int_eq(gk_yaml_kind_of(rules), GK_YAML_LIST);
    ck_assert_uint_eq(gk_yaml_len(rules), 2);
    gk_ynode at = gk_yaml_get(gk_yaml_at(rules, 0), "at");
    ck_assert_str_eq(gk_yaml_text(gk_yaml_at(at, 1)), "last");
    gk_place place = gk_yaml_place(gk_yaml_at(at, 1));
    ck_assert_str_eq(place.file, "s.yaml");
    ck_assert_int_eq(place.line, 3);
    ck_assert_int_eq(place.column, 17);
    ck_assert_int_eq(gk_yaml_kind_of(gk_yaml_get(root, "none")), GK_YAML_NONE);
    ck_assert_int_eq(gk_yaml_kind_of(gk_yaml_at(rules, 2)), GK_YAML_NONE);
    ck_assert_int_eq(gk_yaml_kind_of(gk_yaml_key(rules, 0)), GK_YAML_NONE);
    ck_assert_int_eq(gk_yaml_kind_of((gk_ynode){0}), GK_YAML_NONE);
    ck_assert_int_eq(gk_yaml_kind_of(gk_yaml_get(gk_yaml_get((gk_ynode){0}, "a"), "b")), GK_YAML_NONE);
    ck_assert_ptr_null(gk_yaml_text(rules));
    gk_yaml_free(y);
    gk_yaml_free(NULL);
}
END_TEST

START_TEST(yaml_bad_documents_have_places) {
    static const struct {
        const char *text, *at;
    } bad[] = {{"a: 1\nb: [1,\n", ":3:1: not valid YAML: "},
               {"a: 1\n\tb: 2\n", ":2:1: not valid YAML: "},
               {"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", ":5:3: the key 'c' is there twice (first on line 3)"},
               {"a: 1\n[b]: 2\n", ":2:1: this key is a list or a map"},
               {"a: &x [1]\nb: *x\n", ":1:4: this value has an alias"},
               {"&x [*x]", ":1:1: this value has an alias"},
               {"a: 1\n---\nb: 1\n", ":2:1: a second document starts here"},
               {"a: \"x\\0y\"", ":1:4: this text holds a NUL character"},
               {"a: \xFF\xFE", ": byte 3: not valid YAML: "}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gk_error e;
        ck_assert_ptr_null(yaml(bad[i].text, &e));
        assert_error_at(&e, "s.yaml", bad[i].at);
    }
}
END_TEST

START_TEST(yaml_typed_access) {
    gk_yaml *y = yaml("i: -5\nr: 2e-5\nb: false\ns: 12\nq: '12'\nnil:\nempty: ''\nl: [1]\nbig: "
                      "99999999999999999999\ninf: .inf\n",
                      NULL);
    gk_ynode m = gk_yaml_root(y);
    gk_error e;
    int64_t i = 0;
    double x = 0;
    bool b = true;
    const char *s = NULL;
    ck_assert(gk_yaml_int(gk_yaml_get(m, "i"), -5, 5, &i, &e) && i == -5);
    ck_assert(gk_yaml_num(gk_yaml_get(m, "r"), &x, &e) && x == 2e-5);
    ck_assert(gk_yaml_bool(gk_yaml_get(m, "b"), &b, &e) && !b);
    ck_assert(gk_yaml_str(gk_yaml_get(m, "s"), &s, &e));
    ck_assert_str_eq(s, "12");
    ck_assert(gk_yaml_str(gk_yaml_get(m, "empty"), &s, &e));
    ck_assert_str_eq(s, "");

    ck_assert(!gk_yaml_int(gk_yaml_get(m, "i"), 0, 5, &i, &e));
    assert_error(&e, "s.yaml:1:4: field 'i': is '-5'; must be an integer from 0 to 5");
    ck_assert(!gk_yaml_int(gk_yaml_get(m, "q"), 0, 50, &i, &e));
    assert_error(&e, "s.yaml:5:4: field 'q': is the quoted text '12'; must be an integer from 0 to 50");
    ck_assert(!gk_yaml_int(gk_yaml_get(m, "big"), INT64_MIN, INT64_MAX, &i, &e));
    ck_assert(!gk_yaml_num(gk_yaml_get(m, "inf"), &x, &e));
    assert_error(&e, "s.yaml:10:6: field 'inf': is '.inf'; must be a finite number");
    ck_assert(!gk_yaml_bool(gk_yaml_get(m, "l"), &b, &e));
    assert_error(&e, "s.yaml:8:4: field 'l': is a list; must be true or false");
    ck_assert(!gk_yaml_str(gk_yaml_get(m, "nil"), &s, &e));
    assert_error_at(&e, "s.yaml", ":6:5: field 'nil': is empty; must be a text");
    ck_assert(!gk_yaml_str(gk_yaml_get(m, "none"), &s, &e));
    assert_error(&e, "s.yaml:1:1: field 'none': is missing; must be a text");
    ck_assert(!gk_yaml_num((gk_ynode){0}, &x, &e));
    assert_error(&e, "is missing; must be a finite number");
    gk_yaml_free(y);
}
END_TEST

START_TEST(yaml_only_names_the_unknown_key) {
    static const char *const allowed[] = {"name", "donor", NULL};
    gk_error e;
    gk_yaml *y = yaml("name: a\ndonr: sft\n", NULL);
    ck_assert(!gk_yaml_only(gk_yaml_root(y), allowed, &e));
    assert_error(&e, "s.yaml:2:1: unknown key 'donr'; the keys allowed here are: name, donor");
    ck_assert(!gk_yaml_only(gk_yaml_get(gk_yaml_root(y), "name"), allowed, &e));
    assert_error_at(&e, "s.yaml", ":1:7: field 'name': is 'a'; must be a map");
    gk_yaml_free(y);
    y = yaml("donor: sft\n", NULL);
    ck_assert(gk_yaml_only(gk_yaml_root(y), allowed, &e));
    gk_yaml_free(y);
    y = yaml("", NULL);
    ck_assert_ptr_nonnull(y);
    ck_assert(!gk_yaml_only(gk_yaml_root(y), allowed, &e));
    gk_yaml_free(y);
}
END_TEST

START_TEST(yaml_load_reads_a_file) {
    scratch s = scratch_new();
    gk_error e;
    gk_yaml *y = gk_yaml_load(scratch_file(&s, "a.yaml", "a: \xC3\xA9\n"), &e);
    ck_assert_str_eq(gk_yaml_text(gk_yaml_get(gk_yaml_root(y), "a")), "\xC3\xA9");
    gk_yaml_free(y);
    ck_assert_ptr_null(gk_yaml_load(scratch_path(&s, "none"), &e));
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("json");
    TCase *t = tcase_create("json");
    tcase_add_test(t, json_syntax_errors_have_places);
    tcase_add_test(t, json_nested_text_counts_on_from_its_place);
    tcase_add_test(t, json_typed_access);
    tcase_add_test(t, json_save_and_load);
    tcase_add_test(t, jsonl_reads_line_by_line);
    tcase_add_test(t, jsonl_errors_have_places);
    tcase_add_test(t, jsonl_reads_nan_as_null);
    tcase_add_test(t, documents_may_hold_what_python_writes);
    tcase_add_test(t, documents_may_hold_long_integers);
    tcase_add_test(t, a_nul_character_is_marked_or_refused);
    tcase_add_test(t, marks_at_the_head_of_files);
    tcase_add_test(t, jsonl_write_is_one_compact_line);
    tcase_add_test(t, yaml_walks_lists_and_maps);
    tcase_add_test(t, yaml_bad_documents_have_places);
    tcase_add_test(t, yaml_typed_access);
    tcase_add_test(t, yaml_only_names_the_unknown_key);
    tcase_add_test(t, yaml_load_reads_a_file);
    suite_add_tcase(s, t);
    return run_suite(s);
}
