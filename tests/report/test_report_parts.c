/* test_report_parts.c: components at the last token and the hybrid: which schemes are judged by it, and what
 * is said. */
/* modules: report eval graft train model tokenizer core */
#include "eval/store/outcomes.h"
#include "tests/support/report_fixture.h"

static void set_rank(const bench *b, const char *scheme, int rank, const char *where) {
    alter(b, gk_arena_printf(b->s.a,
                             "UPDATE result SET rank = %d WHERE dropped IS NULL AND %s AND scheme ="
                             " (SELECT source FROM scheme WHERE name = '%s')",
                             rank, where, scheme));
}

static void must_have(const char *page, const char *what) {
    ck_assert_msg(strstr(page, what) != NULL, "the page has no \"%s\"", what);
}

static char *page_of(bench *b) {
    gk_report_options o = options(b);
    return write_report(b, &o);
}

static bench bench_of(const char *schemes) {
    bench b = bench_begin();
    gk_error err = {0};
    const char *text = gk_arena_printf(b.s.a, "set: mine\nschemes:\n%s", schemes);
    ck_assert_msg(gk_schemes_load(b.s.a, scratch_file(&b.s, "own.yaml", text), &b.schemes, &err), "%s",
                  err.what);
    make_store(&b);
    return b;
}

static gk_roles roles_of(bench *b) {
    gk_error err;
    gk_store *s = gk_store_open(b->db, &err);
    gk_outcomes all;
    gk_roles r;
    ck_assert_ptr_nonnull(s);
    ck_assert(gk_outcomes_read(s, b->s.a, &all, &err));
    gk_store_close(s);
    gk_roles_of(&all, b->s.a, &r);
    return r;
}

/* ---------------------------------------------------------------- which schemes are meant */

#define UP "layers: upper half"
#define MODELS                                                                                            \
    "  - {name: p}\n  - {name: s, grafts: [{at: all, donor: sft}]}\n  - {name: e, grafts: [{at: entity, " \
    "donor: sft}]}\n"
#define IN_TASK(name, parts, layers)                                                                       \
    "  - {name: " name ", recipient: task, grafts: [{at: last, donor: sft, components: " parts ", " layers \
    "}]}\n"
#define AFTER(name, parts, layers)                                                                      \
    "  - {name: " name ", grafts: [{at: entity, donor: sft}, {at: last, donor: sft, components: " parts \
    ", " layers "}]}\n"

START_TEST(parts_are_known_by_what_they_do) {
    bench b = bench_of(
        MODELS IN_TASK("a", "[attn, ffn]", UP) IN_TASK("b", "[o, ffn]", "layers: all") /* other layers */
        IN_TASK("c", "[ffn, o]", UP) IN_TASK("d", "ffn", UP) IN_TASK(
            "q", "[qkv, ffn]",
            UP) "  - {name: n, recipient: task}\n  - {name: m, recipient: other}\n" AFTER("f", "[attn, ffn]",
                                                                                          "layers: all")
            AFTER("g", "ffn", "layers: all"));
    gk_roles r = roles_of(&b);
    ck_assert_str_eq(r.task, "task");
    ck_assert_str_eq(r.in_task.none, "n");
    ck_assert_str_eq(r.in_task.attn_o_ffn, "a");
    ck_assert_str_eq(r.in_task.o_ffn, "c");
    ck_assert_str_eq(r.in_task.ffn, "d");
    ck_assert_ptr_null(r.in_task.o);
    ck_assert_str_eq(r.after_entity.none, "e");
    ck_assert_str_eq(r.after_entity.attn_o_ffn, "f");
    ck_assert_str_eq(r.after_entity.ffn, "g");
    ck_assert_ptr_null(r.after_entity.o_ffn);
    bench_free(&b);
    /* A donor that is the recipient elsewhere is no task model; without any model alone there is a donor
     * still. */
    b = bench_of("  - {name: x, recipient: sft, grafts: [{at: last, donor: pre, components: [attn, ffn], " UP
                 "}]}\n" MODELS);
    ck_assert_ptr_null(roles_of(&b).in_task.attn_o_ffn);
    bench_free(&b);
    b = bench_of(IN_TASK("a", "[attn, ffn]", UP));
    ck_assert_str_eq(roles_of(&b).in_task.attn_o_ffn, "a");
    ck_assert_ptr_null(roles_of(&b).in_task.none);
    bench_free(&b);
}
END_TEST

#define HYBRID(name, fe, rest, part)                                                           \
    "  - name: " name "\n    grafts:\n      - {at: entity, donor: task, components: " fe "}\n" \
    "      - {at: last, donor: task, components: [norms, ffn, attn], layers: lower half}\n"    \
    "      - {at: last, donor: task, components: " rest ", " UP "}\n"                          \
    "      - {at: last, donor: sft, components: " part ", " UP "}\n"
#define PART(name, layers) \
    "  - {name: " name ", grafts: [{at: last, donor: sft, components: [o, ffn], " layers "}]}\n"

START_TEST(the_hybrid_is_known_by_what_it_does) {
    bench b = bench_of(MODELS HYBRID("slip", "attn", "[qkv, gate, norms]", "[o, up, down]")
                           HYBRID("no norms", "attn", "qkv", "[o, ffn]")
                               HYBRID("qkv", "qkv", "[qkv, norms]", "[o, ffn]")
                                   PART("elsewhere", "layers: lower half") PART("part", UP)
                                       HYBRID("it", "attn", "[qkv, norms]", "[o, ffn]"));
    gk_roles r = roles_of(&b);
    ck_assert_str_eq(r.hybrid, "it");
    ck_assert_str_eq(r.hybrid_part, "part");
    bench_free(&b);
    b = bench_of(MODELS HYBRID("slip", "attn", "[qkv, gate, norms]", "[o, up, down]") PART("part", UP));
    r = roles_of(&b);
    ck_assert(!r.hybrid && !r.hybrid_part);
    bench_free(&b);
}
END_TEST

/* ---------------------------------------------------------------- what is said */

static bench after_entity(void) {
    bench b = bench_begin();
    gk_error err = {0};
    static const char *const files[] = {"position", "component_after_entity"};
    for (int i = 0; i < 2; i++)
        ck_assert(gk_schemes_load(b.s.a, home(&b, gk_arena_printf(b.s.a, "graft/schemes/%s.yaml", files[i])),
                                  &b.schemes, &err));
    make_store(&b);
    static const char *const high[] = {"SFT", "SFT-rh", "FE+LT", "FE | ATTN+O+FFN", "FE | O+FFN"},
                             *const low[] = {"PRE", "(FE+LT)^C", "FE"};
    for (int i = 0; i < 5; i++) set_rank(&b, high[i], 0, "1");
    for (int i = 0; i < 3; i++) set_rank(&b, low[i], 99, "1");
    set_rank(&b, "FE | FFN", 0, "1");
    set_rank(&b, "FE | FFN", 99, "prompt % 2");
    return b;
}

START_TEST(the_old_experiment_is_judged_alike) {
    bench b = after_entity();
    char *page = page_of(&b);
    must_have(page, "At the last token, once entity is grafted: attention and feed-forward 100.0%");
    must_have(page,
              "FE | O+FFN goes at least 85% of the way from FE to FE | ATTN+O+FFN</td><td>0.0% to 100.0%: "
              "100.0%</td><td class=\"yes\"");
    must_have(page, "FE | O+FFN is above FE | FFN</td><td>100.0%, 50.0%</td><td class=\"yes\"");
    /* 90% of every matrix is not 85% of the way where the start has much of it. */
    set_rank(&b, "FE", 0, "prompt % 4 < 2");
    set_rank(&b, "FE | O+FFN", 99, "prompt < 5");
    page = page_of(&b);
    must_have(page, "50.0% to 100.0%: 89.6%</td><td class=\"no\"");
    must_have(page, "O+FFN goes 79.2% of the way, less than the expected 85%");
    bench_free(&b);
}
END_TEST

/* A difference of one prompt may be chance, and is no claim; one the other way refutes it. */
START_TEST(chance_is_not_judged) {
    bench b = after_entity();
    set_rank(&b, "FE | FFN", 0, "1");
    set_rank(&b, "FE | FFN", 99, "prompt = 1");
    char *page = page_of(&b);
    must_have(page,
              "FE | O+FFN is above FE | FFN</td><td>100.0%, 97.9%</td><td class=\"unsaid\">? not judged: the "
              "difference is not significant");
    must_have(page, "FFN without O is not significantly below O+FFN");
    set_rank(&b, "FE | FFN", 0, "1");
    must_have(page_of(&b), "FE | O+FFN is above FE | FFN</td><td>100.0%, 100.0%</td><td class=\"no\"");
    bench_free(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("report_parts");
    TCase *t = tcase_create("report_parts");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, parts_are_known_by_what_they_do);
    tcase_add_test(t, the_hybrid_is_known_by_what_it_does);
    tcase_add_test(t, the_old_experiment_is_judged_alike);
    tcase_add_test(t, chance_is_not_judged);
    suite_add_tcase(s, t);
    return run_suite(s);
}
