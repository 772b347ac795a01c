/* test_seam.c: where a prompt ends and its answer begins: the rule by the text, and the tokens by the
 * references. modules: report eval graft train model tokenizer core */
#include "core/json.h"
#include "graftkit/core/template.h"
#include "graftkit/graft/cast.h"
#include "graftkit/graft/scheme.h"
#include "tests/support/eval_fixture.h"

#include <stdlib.h>

/* ---------------------------------------------------------------- the text */

static const char *const NOTHING[] = {
    "",
    " ",
    "with ",
    "with  ",
    "A:\n",
    "A:\r\n",
    "with\t",
    "with\xc2\xa0",     /* no-break space */
    "with\xe3\x80\x80", /* ideographic space */
    "with\xe2\x80\xaf",
    "with\xe2\x80\x8b",
    "with\xe2\x80\x8b\xe2\x80\x8f", /* narrow, zero width, before a mark */
    "with (",
    "with [",
    "with {",
    "with <",
    "with\xef\xbc\x88",
    "with \xe2\x9f\xa8",
    "with \"",
    "said:\"",
    "In \"Sun\", \"",
    "A 5\" nail is \"",
    "with '",
    "Bob's friend is '",
    "the actors' friend is '",
    "with `",
    "with \xe2\x80\x9c",
    "with \xe2\x80\x98",
    "mit \xe2\x80\x9e",
    "mit \xe2\x80\x9a",
    "avec \xc2\xab",
    "avec \xc2\xab\xc2\xa0",
    "mit \xc2\xbb",
    "med \xe2\x80\x9d",
    "con \xc2\xbf",
    "con \xc2\xa1",
    "costs $",
    "costs \xe2\x82\xac",
    "number #",
    "by @",
    "and/",
    "a_",
    "C:\\",
    "ex-",
    "it is\xe2\x80\x94",
    "\xe4\xb8\xbb\xe6\xbc\x94\xe6\x98\xaf", /* Chinese */
    "\xe7\xad\x94\xef\xbc\x9a",
    "\xe3\x80\x8e",
    "\xe4\xbb\x96\xe8\xaf\xb4\xe2\x80\x9c", /* its colon, quotes */
    "\xe4\xbb\x96\xe8\xaf\xb4\xe2\x80\x9c\xe5\xa4\xaa\xe9\x98\xb3\xe2\x80\x9d",
    "\xe3\x81\xaf",
    "\xe0\xb8\x84\xe0\xb8\xb7\xe0\xb8\xad",
    "\xe1\x80\x80",
    "\xe1\x9e\x80", /* kana, Thai, … */
};

static const char *const BLANK[] = {
    "with",
    "with1",
    "A:",
    "A.",
    "A,",
    "A;",
    "A?",
    "A!",
    "A\xe2\x80\xa6",
    "50%",
    "(1999)",
    "[1]",
    "\"Sun\"",
    "'Sun'",
    "the actors'",
    "\xe2\x80\x9cSun\xe2\x80\x9d",
    "\xe2\x80\x9eSun\xe2\x80\x9c",
    "\xe2\x80\x9dSun\xe2\x80\x9d",
    "\xe2\x80\x98Sun\xe2\x80\x99",
    "Bob\xe2\x80\x99s and the actors\xe2\x80\x99",
    "\xc2\xabSun\xc2\xbb",
    "\xc2\xab Sun \xc2\xbb",
    "\xc2\xbbSun\xc2\xab",
    "is -",
    "is \xe2\x80\x93",
    "a =",
    "5\xe2\x82\xac",
    "in C#",
    "`x`",
    "caf\x65\xcc\x81", /* a combining accent */
    "\xc3\xa9t\xc3\xa9",
    "\xce\xb5\xce\xaf\xce\xbd\xce\xb1\xce\xb9",
    "\xd1\x81",
    "\xd7\xa2\xd7\x9d",
    "\xd7\xa2\xd7\x9d\xe2\x80\x8f",
    "\xd9\x85\xd8\xb9",
    "\xe0\xa4\xb9\xe0\xa5\x88",
    "\xec\x88\x98\xeb\x8f\x84\xeb\x8a\x94", /* Hindi, Korean */
    "<b>",
    "\xff",
    "with\xe4\xb8",
};

START_TEST(the_end_of_the_prompt_decides) {
    for (size_t i = 0; i < sizeof NOTHING / sizeof *NOTHING; i++)
        ck_assert_msg(strcmp(gk_seam(NOTHING[i], strlen(NOTHING[i])), "") == 0, "'%s'", NOTHING[i]);
    for (size_t i = 0; i < sizeof BLANK / sizeof *BLANK; i++)
        ck_assert_msg(strcmp(gk_seam(BLANK[i], strlen(BLANK[i])), " ") == 0, "'%s'", BLANK[i]);
}
END_TEST

START_TEST(a_line_may_say_what_it_wants) {
    scratch s = scratch_new();
    gk_template **t;
    size_t n;
    gk_rendered r;
    gk_error err;
    static const char *const want[] = {"", " ", ": ", " "};
    char *path = scratch_file(&s, "t.jsonl",
                              "{\"template\": \"19\", \"target_delimiter\": \"\"}\n"
                              "{\"template\": \"\xe6\x98\xaf\", \"target_delimiter\": \" \"}\n"
                              "{\"template\": \"a\", \"target_delimiter\": \": \"}\n"
                              "{\"template\": \"a\"}\n");
    ck_assert(gk_templates_load(s.a, path, &t, &n, &err));
    for (size_t i = 0; i < n; i++) {
        ck_assert(gk_template_render(t[i], NULL, NULL, GK_NOWHERE, s.a, &r, &err));
        ck_assert_str_eq(r.seam, want[i]);
    }
    path = scratch_file(&s, "t.jsonl", "{\"template\": \"a\", \"target_delimiter\": 5}\n");
    ck_assert(!gk_templates_load(s.a, path, &t, &n, &err));
    assert_error_at(&err, path, ":1: field 'target_delimiter': is 5; must be a string");
    scratch_free(&s);
}
END_TEST

/* A key that nothing reads would leave the line with another seam, or without its fillers. */
START_TEST(a_mistyped_key_is_refused) {
    static const char *const keys[] = {"target_delimeter", "delimiter", "Target_Delimiter", "filler", ""};
    scratch s = scratch_new();
    gk_template **t;
    size_t n;
    gk_error err;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char *path = scratch_file(&s, "t.jsonl",
                                  gk_arena_printf(s.a,
                                                  "{\"template\": \"a\"}\n"
                                                  "{\"%s\": \"\", \"template\": \"b\"}\n",
                                                  keys[i]));
        ck_assert(!gk_templates_load(s.a, path, &t, &n, &err));
        assert_error_at(&err, path,
                        gk_arena_printf(s.a,
                                        ":2: unknown key '%s'; the keys known here are: template, fillers, "
                                        "target_delimiter",
                                        keys[i]));
    }
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- the tokens */

static json_t *fixture(const char *name) {
    json_t *all =
        gk_json_load(gk_arena_printf(fx_arena, GK_SOURCE_DIR "/tests/fixtures/%s.json", name), NULL);
    ck_assert_ptr_nonnull(all);
    return all;
}

static gk_tok *tokenizer(const char *name) {
    json_t *style = fixture(gk_arena_printf(fx_arena, "tokenizer/%s", name));
    const char *path = fx_path(gk_arena_printf(fx_arena, "%s.json", name));
    gk_error err;
    ck_assert(gk_json_save(path, json_object_get(style, "tokenizer"), &err));
    json_decref(style);
    gk_tok *tok = gk_tok_load(path, &err);
    ck_assert_msg(tok != NULL, "%s", err.what);
    return tok;
}

/* A line {key: text} for every text of the list. */
static void write_lines(const char *name, const char *key, const json_t *list) {
    gk_buf b = {0};
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *line = json_pack("{s:O}", key, json_array_get(list, i));
        char *dump = json_dumps(line, JSON_COMPACT);
        gk_buf_printf(&b, "%s\n", dump);
        free(dump);
        json_decref(line);
    }
    fx_write(name, b.data);
    gk_buf_free(&b);
}

static void check_entry(const gk_prompt *x, const char *seam, const json_t *e) {
    const json_t *ids = json_object_get(e, "ids"), *lm = json_object_get(e, "lm_eval");
    ck_assert_msg(!x->dropped, "'%s': %s", x->text, x->dropped);
    ck_assert_msg(strcmp(x->seam, seam) == 0, "'%s'", x->text);
    ck_assert_int_eq((json_int_t)x->tokens.n, json_integer_value(json_object_get(e, "n")));
    ck_assert_uint_eq(x->tokens.n + x->n_target, json_array_size(ids));
    for (size_t i = 0; i < json_array_size(ids); i++)
        ck_assert_int_eq(x->forced[i], json_integer_value(json_array_get(ids, i)));
    ck_assert_int_eq(memcmp(x->tokens.id, x->forced, x->tokens.n * sizeof *x->forced), 0);
    ck_assert_int_eq(x->target_id, x->forced[x->tokens.n]);
    for (size_t i = 0; i < json_array_size(lm); i++)
        ck_assert_int_eq(x->forced[x->tokens.n + i], json_integer_value(json_array_get(lm, i)));
}

START_TEST(tokens_are_those_of_the_whole_text) {
    json_t *all = fixture("seam"), *list;
    const json_t *prompts = json_object_get(all, "prompts"), *answers = json_object_get(all, "answers");
    size_t n = json_array_size(prompts), rows = json_array_size(answers), merged = 0, alike = 0, styles = 0;
    const char *name;
    gk_error err;
    write_lines("t.jsonl", "template", prompts);
    write_lines("one.jsonl", "b", answers);
    gk_prompt_options o = {
        .templates = fx_path("t.jsonl"), .rows = fx_path("one.jsonl"), .target = "b", .whole = true};
    json_object_foreach(json_object_get(all, "tokenizers"), name, list) {
        gk_tok *tok = tokenizer(name);
        gk_prompts p;
        ck_assert_msg(gk_prompts_load(fx_arena, &o, tok, 64, &p, &err), "%s", err.what);
        ck_assert_uint_eq(p.n, n * rows);
        for (size_t i = 0; i < p.n; i++) {
            const json_t *e = json_array_get(list, i % n * rows + i / n);
            check_entry(&p.item[i], json_string_value(json_array_get(json_object_get(all, "seams"), i % n)),
                        e);
            alike += json_is_array(json_object_get(e, "lm_eval"));
        }
        merged += p.n_merged;
        styles++;
        gk_tok_free(tok);
    }
    ck_assert_uint_eq(styles, 4);
    ck_assert_uint_ge(merged, 5);
    ck_assert_uint_gt(alike, 150);
    json_decref(all);
}
END_TEST

/* lm-evaluation-harness has the blank in target_delimiter, or at the end of the context: one prompt. */
START_TEST(a_blank_at_the_end_or_none_is_one_prompt) {
    gk_tok *tok = gk_tok_load(fx_path("tok"), NULL);
    fx_write("two.jsonl", "{\"template\": \"{first_actor} stars in Blue River alongside\"}\n"
                          "{\"template\": \"{first_actor} stars in Blue River alongside \"}\n");
    gk_prompt_options o = fx_options("r.db", "small.yaml", NULL).prompts;
    o.templates = fx_path("two.jsonl");
    gk_prompts p;
    ck_assert(gk_prompts_load(fx_arena, &o, tok, 64, &p, NULL));
    ck_assert_uint_gt(p.n_merged, 5);
    for (size_t i = 0; i < p.n; i += 2) {
        const gk_prompt *a = &p.item[i], *b = &p.item[i + 1];
        size_t n = a->tokens.n + a->n_target;
        ck_assert(!a->merged);
        /* A blank that is a token of its own belongs to the text that has it. */
        ck_assert_uint_eq(b->tokens.n, a->tokens.n + !b->merged);
        ck_assert_uint_eq(b->tokens.n + b->n_target, n);
        ck_assert_int_eq(memcmp(a->forced, b->forced, n * sizeof *a->forced), 0);
    }
    gk_tok_free(tok);
}
END_TEST

/* ---------------------------------------------------------------- what is kept, and the entity's name */

START_TEST(prompts_that_share_their_targets_first_token) {
    gk_tok *tok = gk_tok_load(fx_path("tok"), NULL);
    gk_prompt_options o = fx_options("r.db", "small.yaml", NULL).prompts;
    fx_write("shared.jsonl", "{\"id\": 1, \"first_actor\": \"Ada Kane\", \"second_actor\": \"River Lund\", "
                             "\"movie_title\": \"River Blue\"}\n"
                             "{\"id\": 2, \"first_actor\": \"Ada Kane\", \"second_actor\": \"Bo Lund\", "
                             "\"movie_title\": \"River Blue\"}\n");
    o.rows = fx_path("shared.jsonl");
    gk_prompts p;
    ck_assert(gk_prompts_load(fx_arena, &o, tok, 64, &p, NULL));
    ck_assert_uint_eq(p.n_shared_first, 1); /* the one template with the title */
    ck_assert_uint_eq(p.n_dropped, 1);
    ck_assert_ptr_nonnull(strstr(p.item[1].dropped, "also begins field 'movie_title'"));
    o.keep_shared_first = true;
    ck_assert(gk_prompts_load(fx_arena, &o, tok, 64, &p, NULL));
    ck_assert_uint_eq(p.n_dropped, 0);
    ck_assert_uint_eq(p.n_shared_first, 1);
    ck_assert(p.item[1].shared_first && !p.item[1].dropped && p.item[1].n_target > 0);
    gk_tok_free(tok);
    /* A store of the one is not continued with the other. */
    gk_sweep_options s = fx_options("kept.db", "small.yaml", NULL);
    fx_sweep(&s);
    s.prompts.keep_shared_first = true;
    fx_refused(&s, "another keep_shared_first (0 there, 1 now)");
    s.prompts.keep_shared_first = false;
    s.prompts.entity = "movie_title";
    fx_refused(&s, "another entity (first_actor there, movie_title now)");
}
END_TEST

START_TEST(schemes_call_the_entitys_field_entity) {
    gk_tok *tok = gk_tok_load(fx_path("tok"), NULL);
    gk_error err;
    gk_prompts p;
    fx_write("el.jsonl", "{\"element\": \"Blue\", \"by\": \"Ada Kane\", \"entity\": \"x\"}\n");
    fx_write("t.jsonl", "{\"template\": \"{element} alongside {element} stars\"}\n");
    gk_prompt_options o = {
        .templates = fx_path("t.jsonl"), .rows = fx_path("el.jsonl"), .target = "by", .entity = "element"};
    ck_assert(gk_prompts_load(fx_arena, &o, tok, 64, &p, &err));
    const gk_prompt *x = &p.item[0];
    ck_assert_uint_eq(x->n_fields, 4);
    for (int i = 0; i < 2; i++) {
        ck_assert_str_eq(x->fields[2 + i].field, GK_ENTITY);
        ck_assert_uint_eq(x->fields[2 + i].span.begin, x->fields[i].span.begin);
    }
    ck_assert_str_eq(p.fields[1], GK_ENTITY);
    gk_schemes shipped = {0};
    gk_cast cast = {.name = {"pre", "sft"}, .n = 2};
    static const char *const without[] = {"element", NULL};
    ck_assert(gk_schemes_load(fx_arena, GK_SOURCE_DIR "/graft/schemes/component_after_entity.yaml", &shipped,
                              &err));
    for (size_t i = 0; i < shipped.n; i++)
        ck_assert_msg(gk_scheme_check(shipped.item[i], &cast, p.fields, &err), "%s", err.what);
    ck_assert(!gk_scheme_check(shipped.item[0], &cast, without, &err));
    ck_assert_str_eq(err.hint, "name the field that prompts are about with --entity; known fields: element");
    o.entity = "elment";
    ck_assert(!gk_prompts_load(fx_arena, &o, tok, 64, &p, &err));
    assert_error(&err,
                 gk_arena_printf(
                     fx_arena,
                     "%s: field 'elment': no template has the entity's field; name a field of the templates",
                     o.templates));
    o.entity = "element";
    fx_write("t.jsonl", "{\"template\": \"{element} {entity}\"}\n");
    ck_assert(!gk_prompts_load(fx_arena, &o, tok, 64, &p, &err));
    assert_error_at(&err, o.templates,
                    ": field 'entity': schemes call the entity so, and 'element' is said to be it");
    o.entity = "first_actor";
    ck_assert(!gk_prompts_load(fx_arena, &o, tok, 64, &p, &err));
    assert_error_at(&err, o.templates, ": field 'first_actor': no template has the entity's field");
    o.maybe_entity = true; /* what nobody named is no matter: the field `entity` is */
    ck_assert(gk_prompts_load(fx_arena, &o, tok, 64, &p, &err));
    ck_assert_uint_eq(p.item[0].n_fields, 2);
    gk_tok_free(tok);
}
END_TEST

START_TEST(a_prompt_that_holds_its_answer_is_refused) {
    gk_tok *tok = gk_tok_load(fx_path("tok"), NULL);
    gk_error err;
    gk_prompts p;
    fx_write("rows.jsonl", "{\"element\": \"Blue\", \"by\": \"Ada Kane\"}\n");
    fx_write("t.jsonl", "{\"template\": \"{element} stars\"}\n{\"template\": \"{by} and {element} by\"}\n");
    gk_prompt_options o = {
        .templates = fx_path("t.jsonl"), .rows = fx_path("rows.jsonl"), .target = "by", .entity = "element"};
    ck_assert(!gk_prompts_load(fx_arena, &o, tok, 64, &p, &err));
    assert_error_at(
        &err, o.templates,
        ":2: the prompt holds its own answer, field 'by'; end the template where the target begins");
    o.target = "element";
    ck_assert(!gk_prompts_load(fx_arena, &o, tok, 64, &p, &err));
    assert_error(&err, "field '--target': 'element' is the entity's field; name another field");
    o.target = "by";
    fx_write("t.jsonl", "{\"template\": \"{element} stars with {by}\"}\n");
    ck_assert(!gk_prompts_load(fx_arena, &o, tok, 64, &p, &err));
    o.cut = true;
    ck_assert(gk_prompts_load(fx_arena, &o, tok, 64, &p, &err));
    ck_assert_str_eq(p.item[0].text, "Blue stars with ");
    gk_tok_free(tok);
}
END_TEST

/* As `dataset` reads them; a row without one goes by its line, which no other row is called. */
START_TEST(rows_go_by_their_ids) {
    gk_tok *tok = gk_tok_load(fx_path("tok"), NULL);
    gk_error err;
    gk_prompts p;
    static const char *const ids[] = {"25.0",  "25",         "\" 25 \"", "2.5",  "null",
                                      "\" \"", "\"line 5\"", "\"x\"",    "1e15", "1000000000000000"};
    static const struct {
        const char *key;
        bool again;
    } want[] = {{"25", false},
                {"25", true},
                {"25", true},
                {"2.5", false},
                {"line 5 (no id)", false},
                {"line 6", false},
                {"line 5", false},
                {"x", false},
                {"1000000000000000", false},
                {"1000000000000000", true}};
    gk_buf rows = {0};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        gk_buf_printf(&rows, "{\"id\": %s, \"element\": \"Blue\", \"by\": \"Ada Kane\"}\n", ids[i]);
    fx_write("rows.jsonl", rows.data);
    gk_buf_free(&rows);
    fx_write("t.jsonl", "{\"template\": \"{element} stars\"}\n");
    gk_prompt_options o = {
        .templates = fx_path("t.jsonl"), .rows = fx_path("rows.jsonl"), .target = "by", .entity = "element"};
    ck_assert(gk_prompts_load(fx_arena, &o, tok, 64, &p, &err));
    ck_assert_uint_eq(p.n, sizeof want / sizeof *want);
    for (size_t i = 0; i < p.n; i++) {
        ck_assert_str_eq(p.item[i].row_key, want[i].key);
        ck_assert_int_eq(p.item[i].dropped != NULL, want[i].again);
    }
    static const char *const bad[] = {"true", "[1]", "{}"}, *const says[] = {"true or false", "a list",
                                                                             "an object"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fx_write("rows.jsonl",
                 gk_arena_printf(fx_arena, "{\"element\": \"x\", \"by\": \"y\"}\n{\"id\": %s}\n", bad[i]));
        ck_assert(!gk_prompts_load(fx_arena, &o, tok, 64, &p, &err));
        assert_error_at(&err, o.rows,
                        gk_arena_printf(fx_arena,
                                        ":2: field 'id': is %s; must be a text or a number, or be left out",
                                        says[i]));
    }
    gk_tok_free(tok);
}
END_TEST

int main(void) {
    Suite *s = suite_create("seam");
    TCase *t = tcase_create("seam");
    tcase_add_checked_fixture(t, fx_start, fx_stop);
    tcase_add_test(t, the_end_of_the_prompt_decides);
    tcase_add_test(t, a_line_may_say_what_it_wants);
    tcase_add_test(t, a_mistyped_key_is_refused);
    tcase_add_test(t, a_prompt_that_holds_its_answer_is_refused);
    tcase_add_test(t, rows_go_by_their_ids);
    tcase_add_test(t, tokens_are_those_of_the_whole_text);
    tcase_add_test(t, a_blank_at_the_end_or_none_is_one_prompt);
    tcase_add_test(t, prompts_that_share_their_targets_first_token);
    tcase_add_test(t, schemes_call_the_entitys_field_entity);
    suite_add_tcase(s, t);
    return run_suite(s);
}
