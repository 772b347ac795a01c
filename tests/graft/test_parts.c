/* test_parts.c: files of parts: their coalitions as plans, what is refused, and those that come along.
 * modules: graft model tokenizer core */
#include "graftkit/graft/parts.h"
#include "tests/support/plan_fixture.h"

static const gk_parts *parse_parts(stagehand *h, const char *text) {
    gk_error err = {0};
    const gk_parts *p = gk_parts_parse(h->s.a, text, strlen(text), "p.yaml", &err);
    ck_assert_msg(p != NULL, "%s: %s", text, err.what);
    return p;
}

static gk_schemes coalitions(stagehand *h, const gk_parts *p) {
    gk_schemes all = {0};
    gk_error err = {0};
    ck_assert_msg(gk_parts_coalitions(h->s.a, p, "pre", &all, &err), "%s", err.what);
    return all;
}

static gk_plan lay(stagehand *h, const gk_scheme *s) {
    gk_plan p;
    gk_error err = {0};
    bool ok = gk_plan_make(h->s.a, s, &h->cast, &PROMPT, FIELDS, N_FIELDS, &p, &err);
    ck_assert_msg(ok, "%s: %s", gk_scheme_name(s), err.what);
    return p;
}

static void same_plan(stagehand *h, const gk_scheme *s, const char *body) {
    gk_plan a = lay(h, s), b = plan(h, body);
    ck_assert_int_eq(a.n_slots, b.n_slots);
    ck_assert_msg(memcmp(a.model, b.model, (size_t)a.n_slots * N) == 0, "%s is not %s", gk_scheme_name(s),
                  body);
}

static const char PLACES[] = "parts:\n"
                             "  - {name: FE, grafts: [{at: entity, donor: sft}]}\n"
                             "  - {name: LT, grafts: [{at: last, donor: sft}]}\n"
                             "rest: else\n";

/* Every coalition is the scheme that one would write for it; the head stays the recipient's. */
START_TEST(coalitions_are_their_schemes) {
    static const char *const want[][2] = {{"none", "grafts: []"},
                                          {"FE", "grafts: [{at: entity, donor: sft}]"},
                                          {"LT", "grafts: [{at: last, donor: sft}]"},
                                          {"FE + LT", "grafts: [{at: [entity, last], donor: sft}]"},
                                          {"else", "grafts: [{at: {not: [entity, last]}, donor: sft}]"},
                                          {"FE + else", "grafts: [{at: {not: last}, donor: sft}]"},
                                          {"LT + else", "grafts: [{at: {not: entity}, donor: sft}]"},
                                          {"all", "grafts: [{at: all, donor: sft}]"}};
    stagehand h = start("gpt2", 3);
    gk_schemes all = coalitions(&h, parse_parts(&h, PLACES));
    ck_assert_uint_eq(all.n, 8);
    for (size_t i = 0; i < all.n; i++) {
        size_t n;
        const gk_axis *axis = gk_scheme_axes(all.item[i], &n);
        ck_assert_str_eq(gk_scheme_name(all.item[i]), want[i][0]);
        ck_assert_str_eq(gk_scheme_set(all.item[i]), "coalitions");
        same_plan(&h, all.item[i], want[i][1]);
        ck_assert_uint_eq(n, 3);
        for (size_t k = 0; k < 3; k++) ck_assert_str_eq(axis[k].value, i >> k & 1 ? GK_PART_IN : GK_PART_OUT);
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(gk_scheme_canonical(all.item[i]), gk_scheme_canonical(all.item[k]));
    }
    stop(&h);
}
END_TEST

/* A part of several grafts, components that no part has, and a rest of another donor. */
START_TEST(the_rest_is_what_no_other_part_has) {
    stagehand h = start("llama", 4);
    const gk_parts *p = parse_parts(&h, "parts:\n"
                                        "  - name: mixed\n"
                                        "    grafts: [{at: entity, donor: task, components: ffn, layers: "
                                        "upper half}, {at: last, donor: sft}]\n"
                                        "rest: {name: the others, donor: sft}\n");
    gk_schemes all = coalitions(&h, p);
    ck_assert_uint_eq(gk_parts_n(p), 2);
    ck_assert_str_eq(gk_parts_name(p, 1), "the others");
    gk_plan rest = lay(&h, all.item[2]), whole = lay(&h, all.item[3]);
    ck_assert_str_eq(row(&h, &rest, 3, GK_UP), "100011110");
    ck_assert_str_eq(row(&h, &rest, 1, GK_UP), "111111110");
    ck_assert_str_eq(row(&h, &rest, 3, GK_Q), "111111110");
    ck_assert_str_eq(row(&h, &rest, -1, GK_HEAD), "000000000");
    ck_assert_str_eq(row(&h, &whole, 3, GK_UP), "122211111");
    ck_assert_str_eq(row(&h, &whole, 3, GK_Q), "111111111");
    ck_assert_str_eq(row(&h, &whole, -1, GK_LNF), "000000000");
    stop(&h);
}
END_TEST

static const struct {
    const char *text, *at, *words;
} BAD[] = {
    {"parts: []\n", "p.yaml:1:8", "at least one part"},
    {"rest: r\n", "p.yaml", "at least one part"},
    {"parts: {name: a}\n", "p.yaml:1:8", "at least one part"},
    {"parts: [a]\n", "p.yaml:1:9", "map"},
    {"part: []\n", "p.yaml:1:1", "part"},
    {"parts: [{name: a, grafts: [{at: last, donor: sft}], head: sft}]\n", "p.yaml:1:53", "head"},
    {"parts: [{name: a, grafts: [{at: last, donor: sft, layer: 3}]}]\n", "p.yaml:1:51", "layer"},
    {"parts: [{name: a, grafts: []}]\n", "p.yaml:1:27", "part 'a' has no grafts"},
    {"parts: [{name: a}]\n", "p.yaml:1:9", "part 'a' has no grafts"},
    {"parts: [{grafts: [{at: last, donor: sft}]}]\n", "p.yaml:1:9", "name"},
    {"parts: [{name: '', grafts: [{at: last, donor: sft}]}]\n", "p.yaml:1:16", "empty"},
    {"parts: [{name: all, grafts: [{at: last, donor: sft}]}]\n", "p.yaml:1:16", "no part can be named 'all'"},
    {"parts: [{name: a + b, grafts: [{at: last, donor: sft}]}]\n", "p.yaml:1:16",
     "a coalition of several parts"},
    {"parts:\n- {name: a, grafts: [{at: 0, donor: sft}]}\n- {name: a, grafts: [{at: last, donor: sft}]}\n",
     "p.yaml:3:10", "part 'a' is already at line 2"},
    {"parts: [{name: a, grafts: [{at: last, donor: sft}]}]\nrest: a\n", "p.yaml:2:7",
     "part 'a' is already at line 1"},
    {"parts: [{name: a, grafts: [{at: last, donor: sft}]}]\nrest: [r]\n", "p.yaml:2:7", "text"},
    {"parts: [{name: a, grafts: [{at: last, donor: sft}]}]\nrest: {name: r, of: sft}\n", "p.yaml:2:17", "of"},
    {"parts: [{name: a, grafts: [{at: last, donor: sft}, {at: 0, donor: task}]}]\nrest: r\n", "p.yaml:2:7",
     "several donors, 'sft' and 'task'"},
    {"parts: [{name: a, grafts: [{at: last, donor: sft, layers: {of: all, drop: 1, seed: 1}}]}]\n",
     "p.yaml:1:28", "has no layer"},
    {"parts: [{name: a, grafts: [{at: last, donor: sft, components: embed, layers: 3}]}]\n", "p.yaml:1:63",
     "embed and pos belong to no layer"},
};

START_TEST(bad_files) {
    stagehand h = start("llama", 4);
    gk_error err = {0};
    char text[2048];
    ck_assert_ptr_null(gk_parts_parse(h.s.a, BAD[_i].text, strlen(BAD[_i].text), "p.yaml", &err));
    gk_error_text(&err, text, sizeof text);
    ck_assert_msg(strncmp(text, BAD[_i].at, strlen(BAD[_i].at)) == 0 && strstr(text, BAD[_i].words),
                  "'%s' is not at %s with '%s'", text, BAD[_i].at, BAD[_i].words);
    ck_assert_ptr_null(strchr(text, '\n'));
    stop(&h);
}
END_TEST

START_TEST(ten_parts_and_no_more) {
    stagehand h = start("llama", 4);
    gk_error err = {0};
    gk_buf b = {0};
    gk_buf_puts(&b, "parts:\n");
    for (int i = 0; i < 10; i++) {
        gk_buf_printf(&b, "  - {name: p%d, grafts: [{at: %d, donor: sft, layers: %d}]}\n", i, i % 5, i / 5);
    }
    gk_schemes all = coalitions(&h, parse_parts(&h, b.data));
    ck_assert_uint_eq(all.n, 1024);
    gk_buf_puts(&b, "rest: r\n");
    ck_assert_ptr_null(gk_parts_parse(h.s.a, b.data, b.len, "p.yaml", &err));
    ck_assert_str_eq(err.what,
                     "11 parts with the rest: there can be 10, since each one more doubles the coalitions");
    gk_buf_free(&b);
    stop(&h);
}
END_TEST

START_TEST(a_donor_that_is_the_recipient) {
    static const char *const texts[] = {
        "parts: [{name: a, grafts: [{at: last, donor: pre}]}]\n",
        "parts: [{name: a, grafts: [{at: last, donor: sft}]}]\nrest: {name: a rest, donor: pre}\n"};
    stagehand h = start("llama", 4);
    for (int i = 0; i < 2; i++) {
        gk_schemes all = {0};
        gk_error err = {0};
        ck_assert(!gk_parts_coalitions(h.s.a, parse_parts(&h, texts[i]), "pre", &all, &err));
        ck_assert_ptr_nonnull(strstr(err.what, "would be grafted from the recipient"));
        ck_assert_uint_eq(all.n, 0);
    }
    stop(&h);
}
END_TEST

static const struct {
    const char *first, *second, *error; /* NULL: they are apart */
} PAIRS[] = {
    {"{at: entity}", "{at: last}", NULL},
    {"{at: last, components: ffn}", "{at: last, components: [attn, norms]}", NULL},
    {"{at: last, layers: lower half}", "{at: last, layers: upper half}", NULL},
    {"{at: movie_title}", "{at: nowhere}", NULL}, /* gk_scheme_check speaks of that */
    {"{at: entity}", "{at: [3, last]}", "part 'one' and part 'two' both have token 3, embed in template 9"},
    {"{at: last}", "{at: preposition, components: q, layers: 2}",
     "part 'one' and part 'two' both have token 8, layer 2, q in template 9"},
    {"{at: last, layers: 1-2}", "{at: last, layers: 2-3, components: [o, down]}",
     "part 'one' and part 'two' both have token 8, layer 2, o in template 9"},
};

static const char *graft(stagehand *h, const char *map) {
    return gk_arena_printf(h->s.a, "[{donor: sft, %s]", map + 1);
}

START_TEST(parts_do_not_overlap) {
    stagehand h = start("llama", 4);
    gk_error err = {0};
    char text[2048];
    const gk_parts *p = parse_parts(
        &h, gk_arena_printf(h.s.a, "parts:\n- {name: one, grafts: %s}\n- {name: two, grafts:\n   %s}\n",
                            graft(&h, PAIRS[_i].first), graft(&h, PAIRS[_i].second)));
    bool apart = gk_parts_apart(h.s.a, p, &h.c, &PROMPT, FIELDS, N_FIELDS, "template 9", &err);
    ck_assert_int_eq(apart, PAIRS[_i].error == NULL);
    if (!apart) {
        gk_error_text(&err, text, sizeof text);
        ck_assert_msg(strncmp(text, "p.yaml:4:5: ", 12) == 0 && strstr(text, PAIRS[_i].error),
                      "'%s' is not '%s'", text, PAIRS[_i].error);
    }
    stop(&h);
}
END_TEST

static const char *const FAMILIES[] = {"llama", "gpt2", "gpt_neox", "gemma", "gemma2", "qwen2", "olmo2"};

/* Of every family they can be laid, do not overlap, and are all of it together. */
START_TEST(those_that_come_along) {
    static const char *const files[] = {"places", "streams"};
    stagehand h = start(FAMILIES[_i], 4);
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        gk_error err = {0};
        const char *path = gk_arena_printf(h.s.a, GK_SOURCE_DIR "/graft/parts/%s.yaml", files[f]);
        const gk_parts *p = gk_parts_load(h.s.a, path, &err);
        ck_assert_msg(p != NULL, "%s", err.what);
        gk_schemes all = coalitions(&h, p);
        ck_assert(gk_parts_apart(h.s.a, p, &h.c, &PROMPT, FIELDS, N_FIELDS, "a template", NULL));
        for (size_t i = 0; i < all.n; i++) lay(&h, all.item[i]);
        same_plan(&h, all.item[0], "grafts: []");
        same_plan(&h, all.item[all.n - 1], "grafts: [{at: all, donor: sft}]");
    }
    stop(&h);
}
END_TEST

int main(void) {
    Suite *s = suite_create("parts");
    TCase *t = tcase_create("parts");
    tcase_add_test(t, coalitions_are_their_schemes);
    tcase_add_test(t, the_rest_is_what_no_other_part_has);
    tcase_add_loop_test(t, bad_files, 0, sizeof BAD / sizeof *BAD);
    tcase_add_test(t, ten_parts_and_no_more);
    tcase_add_test(t, a_donor_that_is_the_recipient);
    tcase_add_loop_test(t, parts_do_not_overlap, 0, sizeof PAIRS / sizeof *PAIRS);
    tcase_add_loop_test(t, those_that_come_along, 0, sizeof FAMILIES / sizeof *FAMILIES);
    suite_add_tcase(s, t);
    return run_suite(s);
}
