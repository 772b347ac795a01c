/* test_report_claims.c: what the report may say and what it may not: verdicts only where numbers can bear
 * them, schemes judged by what they graft, the run's own words, and a head and contents that fit the page. */
/* modules: report eval graft train model tokenizer core */
#include "eval/store/outcomes.h"
#include "tests/support/report_fixture.h"

static void set_rank(const bench *b, const char *scheme, int rank, const char *where) {
    alter(b, gk_arena_printf(b->s.a,
                             "UPDATE result SET rank = %d WHERE dropped IS NULL AND %s AND scheme ="
                             " (SELECT source FROM scheme WHERE name = '%s')",
                             rank, where, scheme));
}

static void set_half(const bench *b, const char *scheme) {
    set_rank(b, scheme, 0, "1");
    set_rank(b, scheme, 99, "prompt % 2");
}

/* The paper's pattern, as clear as can be. */
static void set_pattern(const bench *b) {
    static const char *const high[] = {
        "SFT", "SFT-rh", "FE+LT", "FE+M+LT", "task | ATTN+O+FFN", "task | O+FFN", "hybrid, FE ATTN+O"};
    static const char *const low[] = {"PRE", "(FE+LT)^C", "task | none", "task | O"};
    static const char *const half[] = {"FE", "LT", "task | FFN", "rel O+FFN at LT"};
    for (size_t i = 0; i < sizeof high / sizeof *high; i++) set_rank(b, high[i], 0, "1");
    for (size_t i = 0; i < sizeof low / sizeof *low; i++) set_rank(b, low[i], 99, "1");
    for (size_t i = 0; i < sizeof half / sizeof *half; i++) set_half(b, half[i]);
}

static void must_have(const char *page, const char *what) {
    ck_assert_msg(strstr(page, what) != NULL, "the page has no \"%s\"", what);
}

static void may_not_have(const char *page, const char *what) {
    const char *at = strstr(page, what);
    ck_assert_msg(!at, "the page has %.60s", at);
}

static char *page_of(bench *b) {
    gk_report_options o = options(b);
    return write_report(b, &o);
}

/* ---------------------------------------------------------------- verdicts */

/* Nothing is known, or all of it before: nothing is enough, and nothing holds for want of what could fail. */
START_TEST(no_verdict_without_a_way_to_go) {
    bench b = bench_new();
    static const char *const ends[] = {"UPDATE result SET rank = 99 WHERE dropped IS NULL",
                                       "UPDATE result SET rank = 0 WHERE dropped IS NULL"};
    for (int i = 0; i < 2; i++) {
        alter(&b, ends[i]);
        char *page = page_of(&b);
        may_not_have(page, "is enough");
        may_not_have(page, "recover");
        may_not_have(page, "leans on");
        must_have(page, "is not clearly above PRE");
        must_have(page, "Which positions suffice cannot be judged here: the ceiling");
        must_have(page, "Which components suffice cannot be judged here: ");
        must_have(page, "there is nothing to share out");
        must_have(page, "Checks of the models alone that hold: 1 of 2.");
        ck_assert_uint_eq(count(page, "class=\"unsaid\""), 7);
        ck_assert_uint_eq(count(page, "class=\"yes\"") + count(page, "class=\"no\""),
                          2); /* SFT and PRE themselves */
    }
    /* Near each other, but not equal: two prompts of all. */
    alter(&b, "UPDATE result SET rank = 99 WHERE dropped IS NULL");
    set_rank(&b, "SFT", 0, "prompt < 2");
    set_rank(&b, "SFT-rh", 0, "prompt < 2");
    set_rank(&b, "FE+LT", 0, "prompt < 2");
    must_have(page_of(&b), "is not clearly above PRE");
    bench_free(&b);
}
END_TEST

/* What PRE has already, a graft need not show. */
START_TEST(no_check_passes_by_what_pre_has) {
    bench b = bench_new();
    set_pattern(&b);
    set_rank(&b, "PRE", 0, "1");
    set_rank(&b, "PRE", 99, "prompt % 4 = 0"); /* 75% of all, and all where there is a film's title */
    char *page = page_of(&b);
    must_have(page,
              "FE+LT reaches at least 85% of the ceiling</td><td>100.0% of 100.0%</td><td class=\"yes\"");
    must_have(page, "FE+M+LT reaches at least 95% of the ceiling there</td><td>100.0% of 100.0%</td>"
                    "<td class=\"unsaid\">? not judged: PRE alone has 100.0% of 100.0%");
    /* Nor what the task model has: untouched it has 100% of what every matrix has. */
    set_pattern(&b);
    set_rank(&b, "task | none", 0, "1");
    page = page_of(&b);
    may_not_have(page, "is enough");
    must_have(page, "task | ATTN+O+FFN (100.0%) is not clearly above task | none (100.0%)");
    bench_free(&b);
}
END_TEST

START_TEST(few_facts_show_nothing) {
    bench b = bench_new();
    set_pattern(&b);
    alter(&b, "DELETE FROM result WHERE prompt IN (SELECT id FROM prompt WHERE row > 4); DELETE FROM prompt "
              "WHERE row > 4");
    char *page = page_of(&b);
    must_have(page, "With 5 facts no difference can be significant: a paired test gives no p below 0.062,");
    must_have(page, "pattern cannot be judged here: with 5 facts no difference can be significant.");
    must_have(
        page,
        "<p class=\"note\">position: with 5 facts no difference can be significant: the smallest p of a test "
        "is 0.062, and corrected for 32 comparisons it is not below 0.05.");
    ck_assert_uint_eq(count(page, "class=\"yes\"") + count(page, "class=\"no\""), 0);
    ck_assert_uint_eq(count(page, "class=\"sure\""), 0);
    may_not_have(page, "is enough");
    /* One fact: a share may be anything, of a mean nothing is known, and nothing of it is drawn. */
    alter(&b, "DELETE FROM result WHERE prompt > 3; DELETE FROM prompt WHERE row > 0");
    page = page_of(&b);
    must_have(page, ": 1 fact in 4 templates, 4 prompts");
    must_have(page, "100.0% [2.5, 100.0]");
    may_not_have(page, "nan");
    may_not_have(page, "NaN<");
    bench_free(&b);
    /* Twelve are enough, and then nothing of the kind is said. */
    b = bench_new();
    set_pattern(&b);
    page = page_of(&b);
    may_not_have(page, "no difference can be significant");
    must_have(page, "pattern holds (9 of 9 checks made)");
    bench_free(&b);
}
END_TEST

/* The smallest corrected p that there can be is exported, too. */
START_TEST(least_p_is_what_all_rows_give) {
    ck_assert_double_eq_tol(gk_least_p(5), 0.0625, 1e-15);
    ck_assert(isnan(gk_least_p(0)));
    bench b = bench_new();
    set_pattern(&b);
    gk_error err;
    gk_store *s = gk_store_open(b.db, &err);
    gk_outcomes all;
    gk_differences d;
    ck_assert(gk_outcomes_read(s, b.s.a, &all, &err));
    gk_differences_of(&all, b.s.a, 3, &d);
    gk_store_close(s);
    double position = 0;
    for (size_t i = 0; i < d.n; i++) position += strcmp(d.item[i].set, "position") == 0;
    for (size_t i = 0; i < d.n; i++) {
        const gk_difference *x = &d.item[i];
        ck_assert(x->p_holm_least <= x->p_holm + 1e-12);
        if (strcmp(x->set, "position") == 0)
            ck_assert_double_eq_tol(x->p_holm_least, position * 2 / 4096, 1e-12); /* 12 rows */
    }
    bench_free(&b);
}
END_TEST

/* Grafts keep the recipient's head: where the donor is worse under it, they are measured by that. */
START_TEST(ceiling_has_the_head_of_the_grafts) {
    bench b = bench_new();
    set_pattern(&b);
    set_half(&b, "SFT-rh");
    set_half(&b, "FE+LT");
    set_rank(&b, "FE", 99, "prompt > 23");
    char *page = page_of(&b);
    must_have(page, "FE+LT reaches at least 85% of the ceiling</td><td>51.1% of 51.1%</td><td class=\"yes\"");
    must_have(page, "100.0% of the ceiling: these two positions recover nearly all of it");
    must_have(page, "is SFT-rh: 50.0%");
    must_have(page, "PRE and SFT-rh, the ceiling");
    /* Better under the recipient's head: SFT itself is. */
    set_half(&b, "SFT");
    set_rank(&b, "SFT-rh", 0, "1");
    must_have(page_of(&b), "PRE and SFT, the ceiling");
    bench_free(&b);
}
END_TEST

START_TEST(five_guesses_of_five_targets_say_nothing) {
    bench b = bench_new();
    set_pattern(&b);
    alter(&b, "UPDATE prompt SET target_id = 300 + row % 5 WHERE target_id >= 0");
    char *page = page_of(&b);
    must_have(page, "five guesses take in all 5 different first tokens of the targets");
    ck_assert_uint_eq(count(page, "class=\"yes\""), 0);
    bench_free(&b);
}
END_TEST

/* A model that knows which answers there are, and no fact, has what blind guesses have. */
START_TEST(few_answers_are_no_knowledge) {
    bench b = bench_new();
    set_pattern(&b);
    alter(&b, "UPDATE prompt SET target_id = 300 + row % 10 WHERE target_id >= 0");
    set_rank(&b, "PRE", 0, "prompt % 4 = 0");
    char *page = page_of(&b);
    must_have(
        page,
        "PRE does not: top-5 at most that of five blind guesses, 50.0%</td><td>25.0%</td><td class=\"yes\"");
    must_have(page, "five blind guesses among the 10 different first tokens of the targets, 50.0%");
    may_not_have(page, "more than a model that has never seen these facts should");
    set_rank(&b, "PRE", 0, "prompt % 4 < 3");
    page = page_of(&b);
    must_have(page, "five blind guesses, 50.0%</td><td>75.0%</td><td class=\"no\"");
    must_have(page, "more than a model that has never seen these facts should");
    bench_free(&b);
}
END_TEST

/* The entity is the one that the sweep was told of, whatever else is grafted alone; a share of nothing is no
 * number. */
START_TEST(entity_is_what_the_sweep_was_told) {
    bench b = bench_begin();
    gk_error err;
    char *file = scratch_file(&b.s, "own.yaml",
                              "set: mine\nschemes:\n"
                              "  - {name: one, grafts: [{at: first_actor, donor: sft}]}\n"
                              "  - {name: ends, grafts: [{at: [last, first_actor], donor: sft}]}\n"
                              "  - {name: other, grafts: [{at: relation, donor: sft}]}\n"
                              "  - {name: others, grafts: [{at: [last, relation], donor: sft}]}\n");
    ck_assert(gk_schemes_load(b.s.a, file, &b.schemes, &err));
    make_store(&b);
    static const char *const told[] = {"first_actor", "relation", "nobody"},
                             *const fe[] = {"one", "other", "one"},
                             *const both[] = {"ends", "others", "ends"};
    for (int i = 0; i < 3; i++) {
        alter(&b, gk_arena_printf(b.s.a, "UPDATE run SET value = '%s' WHERE key = 'entity'", told[i]));
        gk_store *s = gk_store_open(b.db, &err);
        gk_outcomes all;
        gk_roles r;
        ck_assert(gk_outcomes_read(s, b.s.a, &all, &err));
        gk_store_close(s);
        gk_roles_of(&all, b.s.a, &r);
        ck_assert_str_eq(r.fe, fe[i]);
        ck_assert_str_eq(r.both, both[i]);
    }
    may_not_have(page_of(&b), "nan");
    bench_free(&b);
}
END_TEST

/* ---------------------------------------------------------------- what a scheme is */

static gk_kind kind(bench *b, const char *yaml) {
    gk_schemes list = {0};
    gk_error err = {0};
    const char *text = gk_arena_printf(b->s.a, "set: s\nschemes: [{name: SFT^C, %s}]\n", yaml);
    ck_assert_msg(gk_schemes_parse(b->s.a, text, strlen(text), "s.yaml", 6, &list, &err), "%s", err.what);
    return gk_kind_of(b->s.a, gk_scheme_canonical(list.item[0]));
}

START_TEST(kinds_follow_from_grafts) {
    bench b = {.s = scratch_new()};
    ck_assert_int_eq(kind(&b, "about: nothing"), GK_IS_ALONE);
    ck_assert_int_eq(kind(&b, "recipient: sft"), GK_IS_ALONE);
    ck_assert_int_eq(kind(&b, "grafts: [{at: all, donor: x}]"), GK_IS_ALONE);
    ck_assert_int_eq(kind(&b, "grafts: [{at: all, donor: x}], head: x"), GK_IS_ALONE);
    ck_assert_int_eq(kind(&b, "grafts: [{at: all, donor: x, layers: 1}]"), GK_IS_GRAFT);
    ck_assert_int_eq(kind(&b, "head: x"), GK_IS_GRAFT);
    ck_assert_int_eq(kind(&b, "grafts: [{at: [who, last], donor: x}]"), GK_IS_GRAFT);
    ck_assert_int_eq(kind(&b, "grafts: [{at: {not: [who, last]}, donor: x}]"), GK_IS_COMPLEMENT);
    ck_assert_int_eq(kind(&b, "grafts: [{at: {not: who}, donor: x}, {at: {not: last}, donor: y}]"),
                     GK_IS_COMPLEMENT);
    ck_assert_int_eq(kind(&b, "grafts: [{at: [{not: who}, last], donor: x}]"), GK_IS_GRAFT);
    ck_assert_int_eq(kind(&b, "patches: [{at: last, from: x}]"), GK_IS_PATCH);
    ck_assert_int_eq(kind(&b, "ablations: [{at: {not: last}}]"), GK_IS_ABLATION);
    scratch_free(&b.s);
}
END_TEST

/* The colours of the page's first figure. */
static const char *colours(bench *b, const char *page) {
    const char *at = strstr(page, "<svg"), *end = strstr(page, "</svg>");
    gk_buf text = {0};
    while ((at = strstr(at, "<polygon fill=")) && at < end) { /* a bar */
        at += strlen("<polygon fill=");
        gk_buf_add(&text, at, 9);
    }
    const char *kept = gk_arena_strdup(b->s.a, text.data);
    gk_buf_free(&text);
    return kept;
}

/* Names may say what they like: colours, ceiling, checks and tests stay. */
START_TEST(names_judge_nothing) {
    bench b = bench_new();
    keep_set(&b, "position");
    set_pattern(&b);
    char *page = page_of(&b);
    const char *before = colours(&b, page);
    size_t holds = count(page, "class=\"yes\"");
    ck_assert_uint_eq(holds, 6);
    alter(&b,
          "UPDATE scheme SET name = name || ' ';"
          "UPDATE scheme SET name = CASE trim(name) WHEN 'PRE' THEN 'base^C' WHEN 'SFT' THEN 'whole' WHEN "
          "'SFT-rh' THEN 'PRE'"
          " WHEN 'FE' THEN 'SFT at FE only' WHEN 'FE+LT' THEN 'patch' WHEN '(FE+LT)^C' THEN 'FE+LT'"
          " WHEN 'LT' THEN '(FE+LT)^C' WHEN 'FE^C' THEN 'FE' ELSE trim(name) END");
    page = page_of(&b);
    ck_assert_str_eq(colours(&b, page), before);
    ck_assert_uint_eq(count(page, "class=\"yes\""), holds);
    must_have(page, "whole knows the new facts");
    must_have(page, "base^C does not");
    must_have(page, "patch reaches at least 85% of the ceiling");
    must_have(page, "FE+LT is at most 5 points above");
    must_have(page, "position: against base^C, 16 comparisons");
    bench_free(&b);
}
END_TEST

/* Schemes under the donor's own head have the donor under it for their ceiling. */
START_TEST(roles_follow_the_head) {
    bench b = bench_begin();
    gk_error err;
    char *file =
        scratch_file(&b.s, "own.yaml",
                     "set: mine\nabout: Does the head matter? It should not.\nschemes:\n  - {name: nothing}\n"
                     "  - {name: all, grafts: [{at: all, donor: sft}], head: sft}\n"
                     "  - {name: rh, grafts: [{at: all, donor: sft}]}\n"
                     "  - {name: end, grafts: [{at: last, donor: sft}], head: sft}\n"
                     "  - {name: ends, grafts: [{at: [last, first_actor], donor: sft}], head: sft}\n"
                     "  - {name: one, grafts: [{at: first_actor, donor: sft}], head: sft}\n");
    ck_assert(gk_schemes_load(b.s.a, file, &b.schemes, &err));
    make_store(&b);
    gk_store *s = gk_store_open(b.db, &err);
    gk_outcomes all;
    gk_roles r;
    ck_assert(gk_outcomes_read(s, b.s.a, &all, &err));
    gk_store_close(s);
    gk_roles_of(&all, b.s.a, &r);
    ck_assert_str_eq(r.pre, "nothing");
    ck_assert_str_eq(r.sft, "all");
    ck_assert_str_eq(r.sft_rh, "rh");
    ck_assert_str_eq(r.head, "sft");
    ck_assert_str_eq(r.entity, "first_actor");
    ck_assert_str_eq(r.fe, "one");
    ck_assert_str_eq(r.lt, "end");
    ck_assert_str_eq(r.both, "ends");
    ck_assert(!r.rest && !r.all_three && !r.after_entity.o_ffn && !r.in_task.o_ffn && !r.hybrid);
    set_rank(&b, "all", 0, "1");
    set_rank(&b, "rh", 99, "1"); /* no graft here is under this head */
    char *page = page_of(&b);
    must_have(page, "nothing and all, the ceiling");
    must_have(page, "<p>Does the head matter? It should not.</p>");
    must_have(page, "\">mine: Does the head matter?</h2>");
    bench_free(&b);
}
END_TEST

/* ---------------------------------------------------------------- the run's own words */

START_TEST(sets_bear_what_their_files_say) {
    bench b = bench_new();
    char *page = page_of(&b);
    must_have(page, "<h2 id=\"set-1\">position: Which token positions need the finetuned weights</h2>");
    must_have(page, "<h2 id=\"set-2\">component: Which components recall the fact at the last token");
    must_have(page, "Schemes of the set \u201c&lt;script&gt;alert"); /* it says nothing of itself */
    alter(&b, "UPDATE scheme_set SET about = '<b>1</b> of 2.5? Yes. No' WHERE name = 'position'");
    page = page_of(&b);
    must_have(page, "<h2 id=\"set-1\">position: &lt;b&gt;1&lt;/b&gt; of 2.5?</h2>");
    must_have(page, "<p>&lt;b&gt;1&lt;/b&gt; of 2.5? Yes. No</p>");
    /* A store that was made before sets were kept. */
    alter(&b, "DROP TABLE scheme_set; DROP VIEW results");
    page = page_of(&b);
    must_have(page, "Schemes of the set \u201cposition\u201d");
    bench_free(&b);
}
END_TEST

static void own_bench(bench *b) {
    gk_error err = {0};
    *b = (bench){.s = scratch_new()};
    b->db = scratch_path(&b->s, "results.db");
    b->out = scratch_path(&b->s, "report/index.html");
    make_tokenizer(b);
    gk_buf rows = {0};
    for (int i = 0; i < 12; i++)
        gk_buf_printf(&rows,
                      "{\"id\":%d,\"element\":\"Q%cium\",\"finder\":\"%c. Tamm\",\"place\":\"Ada %d\"}\n", i,
                      'a' + i, 'A' + i, i);
    b->rows = scratch_file(&b->s, "rows.jsonl", rows.data);
    gk_buf_free(&rows);
    char *templates = scratch_file(&b->s, "eval.jsonl",
                                   "{\"template\":\"{element} was found by\"}\n"
                                   "{\"template\":\"{element} was found in {place} by\"}\n");
    gk_prompt_options o = {.templates = templates, .rows = b->rows, .target = "finder"};
    ck_assert_msg(gk_prompts_load(b->s.a, &o, b->tok, 512, &b->prompts, &err), "%s", err.what);
    char *file = scratch_file(&b->s, "own.yaml",
                              "set: places\nabout: Where finders are kept\nschemes:\n  - {name: PRE}\n"
                              "  - {name: SFT, grafts: [{at: all, donor: sft}], head: sft}\n"
                              "  - {name: El, grafts: [{at: element, donor: sft}]}\n"
                              "  - {name: End, grafts: [{at: last, donor: sft}]}\n"
                              "  - {name: El+End, grafts: [{at: [element, last], donor: sft}]}\n"
                              "  - {name: El+Pl+End, grafts: [{at: [element, last, place], donor: sft}]}\n");
    ck_assert_msg(gk_schemes_load(b->s.a, file, &b->schemes, &err), "%s", err.what);
    make_store(b);
    alter(b, gk_arena_printf(b->s.a,
                             "UPDATE run SET value = 'finder' WHERE key = 'target';"
                             "UPDATE run SET value = 'element' WHERE key = 'entity';"
                             "UPDATE run SET value = '%s' WHERE key = 'templates_file';"
                             "UPDATE run SET value = 'none' WHERE key = 'fillers'",
                             templates));
}

/* No word of the shipped films where the fields are the user's. */
START_TEST(own_fields_have_their_own_words) {
    bench b;
    own_bench(&b);
    set_rank(&b, "SFT", 0, "1");
    set_rank(&b, "El+End", 0, "1");
    set_rank(&b, "El+Pl+End", 0, "1");
    set_rank(&b, "PRE", 99, "1");
    for (int i = 0; i < 2; i++) {
        static const char *const films[] = {"actor", "Actor", "film", "Film", "movie", "Movie", "co-star"};
        char *page = page_of(&b), *body = strstr(page, "</style>");
        for (size_t k = 0; k < sizeof films / sizeof *films; k++) may_not_have(body, films[k]);
        if (i == 0) must_have(body, "<sub>El</sub>");
        if (i == 0) must_have(body, "<sub>End</sub>");
        if (i == 0) must_have(body, "<sub>place</sub>");
        alter(&b, "UPDATE prompt SET target_id = 20 + row"); /* the tokenizer begins all of them alike */
    }
    char *body = strstr(page_of(&b), "</style>");
    must_have(body, "With its weights at element and the last token only (El+End)");
    must_have(body, "Where there is place, El+Pl+End reaches");
    must_have(body, "; about: <code>element</code>; asked for: <code>finder</code>");
    must_have(body, "<strong>El</strong> grafts at <code>element</code>.");
    must_have(body, "the first token of <code>finder</code>");
    bench_free(&b);
}
END_TEST

/* ---------------------------------------------------------------- head, contents, what is folded */

START_TEST(head_and_contents_fit_the_page) {
    bench b = bench_new();
    alter(&b, "INSERT INTO run VALUES ('family', 'gpt2'), ('parameters', '124439808'), ('layers', '12'), "
              "('width', '768')");
    gk_error err;
    ck_assert(gk_mkdirs(scratch_path(&b.s, "sft"), &err));
    scratch_file(&b.s, "sft/train.json", "{\"inputs\": {\"seed\": \"42\"}}");
    gk_report_options o = options(&b);
    gk_report_model model = {"sft", scratch_path(&b.s, "sft")};
    o.models = &model;
    o.n_models = 1;
    o.card = scratch_file(
        &b.s, "card.json",
        "{\"name\": \"made_up\", \"seed\": 3, \"splits\": {}, \"source\": {\"name\": \"ores.jsonl\"}}");
    char *page = write_report(&b, &o);
    char *head = strstr(page, "<dl class=\"facts\">");
    head = gk_arena_strndup(b.s.a, head, (size_t)(strstr(head, "</dl>") - head));
    must_have(head, "gpt2, 124 million parameters (12 layers of width 768)");
    must_have(head, "<code>made_up</code> from <code>ores.jsonl</code>: 12 facts in 4 templates, 48 prompts");
    must_have(head, "data 3, sft 42, sweep 3");
    must_have(head, "sft <code>elsewhere</code>");
    ck_assert_uint_eq(count(strstr(page, "<ul class=\"summary\">"), "<ul"), 1);
    char *list = strstr(page, "<ul class=\"summary\">");
    ck_assert_uint_eq(count(gk_arena_strndup(b.s.a, list, (size_t)(strstr(list, "</ul>") - list)), "<li>"),
                      4);
    char *nav = strstr(page, "<nav");
    nav = gk_arena_strndup(b.s.a, nav, (size_t)(strstr(nav, "</nav>") - nav));
    size_t links = count(nav, "<a href=\"#");
    ck_assert_uint_eq(links, count(page, "<h2 id=\"") - 1); /* all but its own */
    for (const char *at = nav; (at = strstr(at, "href=\"#"));) {
        at += 7;
        must_have(page, gk_arena_printf(b.s.a, "<h2 id=\"%.*s\">", (int)strcspn(at, "\""), at));
    }
    must_have(page, "<details open><summary>position: against PRE, 16 comparisons");
    must_have(page, "<details><summary>position: against SFT-rh, 16 comparisons");
    check_balance(page);
    check_unique_ids(&b, page);
    /* Every seed the same, and sizes of every order. */
    scratch_file(&b.s, "sft/train.json", "{\"inputs\": {\"seed\": \"3\"}}");
    alter(&b, "UPDATE run SET value = '1235814400' WHERE key = 'parameters'");
    page = write_report(&b, &o);
    must_have(page, "<dt>Seed</dt><dd>3 throughout</dd>");
    must_have(page, "1.24 billion parameters");
    alter(&b, "UPDATE run SET value = '1712000' WHERE key = 'parameters'");
    must_have(write_report(&b, &o), "1.7 million parameters");
    bench_free(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("report_claims");
    TCase *t = tcase_create("report_claims");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, no_verdict_without_a_way_to_go);
    tcase_add_test(t, no_check_passes_by_what_pre_has);
    tcase_add_test(t, few_facts_show_nothing);
    tcase_add_test(t, least_p_is_what_all_rows_give);
    tcase_add_test(t, ceiling_has_the_head_of_the_grafts);
    tcase_add_test(t, five_guesses_of_five_targets_say_nothing);
    tcase_add_test(t, few_answers_are_no_knowledge);
    tcase_add_test(t, entity_is_what_the_sweep_was_told);
    tcase_add_test(t, kinds_follow_from_grafts);
    tcase_add_test(t, names_judge_nothing);
    tcase_add_test(t, roles_follow_the_head);
    tcase_add_test(t, sets_bear_what_their_files_say);
    tcase_add_test(t, own_fields_have_their_own_words);
    tcase_add_test(t, head_and_contents_fit_the_page);
    suite_add_tcase(s, t);
    return run_suite(s);
}
