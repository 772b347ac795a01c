/* test_draw.c: drawings of plans, in letters and as SVG.
 * modules: report eval graft train model tokenizer core */
#include "graftkit/core/template.h"
#include "graftkit/graft/cast.h"
#include "graftkit/graft/plan.h"
#include "graftkit/graft/scheme.h"
#include "graftkit/model/config.h"
#include "graftkit/report.h"
#include "graftkit/tokenizer.h"
#include "tests/support/scratch.h"

enum { N = 4 };
static int32_t ids[N] = {1, 10, 11, 12};
static gk_span spans[N] = {{0, 0}, {0, 3}, {3, 7}, {7, 10}};
static const gk_tokens PROMPT = {ids, spans, N};
static const char *const TOKENS[N] = {"<s>", "Ann", "·R&D", "·in"}, *const LABELS[N] = {"", "first_actor", "",
                                                                                        "last"};
static const gk_field_span FIELDS[] = {{"first_actor", {0, 3}}};
static const gk_cast CAST = {.name = {"pre", "sft", "task", "sft-late"}, .n = 4};

static gk_drawing draw(scratch *s, gk_config *c, const char *family, int layers, const char *body) {
    gk_schemes all = {0};
    gk_error err = {0};
    gk_config_default(gk_family_find(family), 32, c);
    c->n_layers = layers;
    char *text = gk_arena_printf(s->a, "set: t\nschemes:\n- {name: <a & b>, about: why, %s}\n", body);
    ck_assert_msg(gk_schemes_load_for(s->a, scratch_file(s, "s.yaml", text), layers, &all, &err), "%s",
                  err.what);
    gk_plan *p = gk_arena_alloc(s->a, sizeof *p);
    ck_assert_msg(gk_plan_lay(s->a, all.item[0], &CAST, c, &PROMPT, FIELDS, 1, p, &err), "%s", err.what);
    return (gk_drawing){
        gk_scheme_name(all.item[0]), gk_scheme_about(all.item[0]), &CAST, c, p, TOKENS, LABELS};
}

static const char *letters(scratch *s, const gk_drawing *d, bool colour) {
    gk_buf b = {0};
    gk_draw_text(d, colour, &b);
    const char *text = gk_arena_strdup(s->a, b.data);
    gk_buf_free(&b);
    return text;
}

START_TEST(models_and_mixtures) {
    scratch s = scratch_new();
    gk_config c;
    gk_drawing d =
        draw(&s, &c, "llama", 3,
             "grafts: [{at: first_actor, donor: sft}, {at: last, donor: task, components: qkv, layers: "
             "1-2}, {at: last, donor: sft, components: [o, ffn], layers: 2}, {at: 2, donor: sft-late, "
             "layers: 0}], head: {last: sft}");
    ck_assert_str_eq(letters(&s, &d, false), "<a & b>: why\n"
                                             "     embed  0  1  2  lnf head\n"
                                             "   0   .    .  .  .   .   .    <s>\n"
                                             "   1   S    S  S  S   .   .    Ann   first_actor\n"
                                             "   2   .    U  .  .   .   .    ·R&D\n"
                                             "   3   .    .  1  2   S   S    ·in   last\n"
                                             "     . pre   S sft   T task   U sft-late\n"
                                             "     1 q k v from task, the rest from pre\n"
                                             "     2 o gate up down from sft, q k v from task, the rest from "
                                             "pre\n");
    scratch_free(&s);
}
END_TEST

/* Learned positions have a column; numbers of two digits end where those of one stand. */
START_TEST(columns_of_a_family) {
    scratch s = scratch_new();
    gk_config c;
    gk_drawing d = draw(&s, &c, "gpt2", 2, "grafts: [{at: all, donor: task}]");
    const char *text = letters(&s, &d, false);
    ck_assert_ptr_nonnull(strstr(text, "\n     embed pos  0  1  lnf head\n"));
    ck_assert_ptr_nonnull(strstr(text, "\n   2   T    T   T  T   .   .    ·R&D\n"));
    d = draw(&s, &c, "gpt2", 12, "grafts: [{at: last, donor: sft, components: [embed, pos]}]");
    text = letters(&s, &d, false);
    ck_assert_ptr_nonnull(strstr(text, "  8  9 10 11  lnf head\n"));
    ck_assert_ptr_nonnull(strstr(text, "\n   3   S    S   .  .  "));
    scratch_free(&s);
}
END_TEST

/* Where layers are many, cells are narrow and every second one is numbered; each letter stands under its
 * number's first digit. */
START_TEST(many_layers) {
    scratch s = scratch_new();
    gk_config c;
    gk_drawing d = draw(&s, &c, "llama", 40, "grafts: [{at: all, donor: sft, layers: 38}]");
    char *text = gk_arena_strdup(s.a, letters(&s, &d, false)), *line[3];
    line[0] = strtok(text, "\n");
    for (int i = 1; i < 3; i++) line[i] = strtok(NULL, "\n");
    ck_assert_ptr_nonnull(line[2]);
    ck_assert_int_eq(strstr(line[1], "38") - line[1], strchr(line[2], 'S') - line[2]);
    ck_assert_ptr_null(strstr(line[1], "39"));
    scratch_free(&s);
}
END_TEST

START_TEST(colours_do_not_change_the_letters) {
    scratch s = scratch_new();
    gk_config c;
    gk_drawing d = draw(&s, &c, "llama", 3, "grafts: [{at: last, donor: sft, components: o}]");
    const char *text = letters(&s, &d, true);
    ck_assert_ptr_nonnull(strstr(text, "\033[48;5;252"));
    char *bare = gk_arena_strdup(s.a, text), *to = bare;
    for (const char *p = text; *p; p++) {
        if (*p == '\033')
            p += strcspn(p, "m");
        else
            *to++ = *p;
    }
    *to = 0;
    const char *plain = letters(&s, &d, false);
    ck_assert_uint_eq(strcspn(plain, "1"), strcspn(bare, "1"));
    ck_assert_int_eq(strncmp(plain, bare, (size_t)(strstr(plain, "     . pre") - plain)), 0);
    scratch_free(&s);
}
END_TEST

/* After the embedding, after a layer; with a graft in the same cell. */
START_TEST(patches_are_drawn) {
    scratch s = scratch_new();
    gk_config c;
    gk_error err;
    gk_drawing d = draw(&s, &c, "llama", 3, "grafts: [{at: last, donor: sft, components: o, layers: 1}]");
    gk_plan *p = gk_arena_alloc(s.a, sizeof *p);
    *p = *d.plan;
    p->patch = gk_arena_alloc(s.a, 4 * N);
    p->patch[0 * N + 1] = gk_patch_mean(0);
    p->patch[2 * N + 3] = gk_patch_plain(2);
    p->patch[3 * N + 2] = gk_patch_plain(1);
    d.plan = p;
    ck_assert_ptr_nonnull(
        strstr(letters(&s, &d, false),
               "   0   .    .  .  .   .   .    <s>\n"
               "   1   1    .  .  .   .   .    Ann   first_actor\n"
               "   2   .    .  .  3   .   .    ·R&D\n"
               "   3   .    .  2  .   .   .    ·in   last\n"
               "     . pre   S sft   T task\n"
               "     1 all from pre, then replaced by the mean of pre\n"
               "     2 o from sft, the rest from pre, then replaced by the plain run of task\n"
               "     3 all from pre, then replaced by the plain run of sft\n"));
    char *path = scratch_path(&s, "p.svg");
    ck_assert_msg(gk_draw_svg(&d, 1, path, &err), "%s", err.what);
    const char *text = gk_read_file(s.a, path, 1 << 24, NULL, NULL);
    ck_assert_ptr_nonnull(strstr(text,
                                 "<title>layer 2, token 2 ·R&amp;D: all from pre, then replaced by the plain "
                                 "run of sft</title>"));
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- SVG */

static size_t count(const char *text, const char *word) {
    size_t n = 0;
    for (; (text = strstr(text, word)); text += strlen(word)) n++;
    return n;
}

/* Tags are closed in order, and no < or & stands bare. */
static void check_xml(const char *text) {
    const char *open[64];
    int depth = 0;
    for (const char *p = text; *p; p++) {
        if (*p == '&')
            ck_assert_msg(strncmp(p, "&amp;", 5) == 0 || strncmp(p, "&lt;", 4) == 0 ||
                              strncmp(p, "&gt;", 4) == 0,
                          "bare & at %.20s", p);
        if (*p != '<') continue;
        const char *end = strchr(p, '>');
        ck_assert_ptr_nonnull(end);
        if (p[1] == '/') {
            ck_assert_int_gt(depth, 0);
            size_t len = (size_t)(end - p - 2);
            ck_assert_msg(strncmp(open[--depth], p + 2, len) == 0, "closes another: %.20s", p);
        } else if (end[-1] != '/' && p[1] != '?') {
            ck_assert_int_lt(depth, 64);
            open[depth++] = p + 1;
        }
        p = end;
    }
    ck_assert_int_eq(depth, 0);
}

START_TEST(an_svg_holds_every_cell) {
    scratch s = scratch_new();
    gk_config c, c2;
    gk_error err;
    const gk_drawing both[] = {
        draw(&s, &c, "llama", 3,
             "grafts: [{at: first_actor, donor: sft}, {at: last, donor: task, components: qkv, layers: 2}]"),
        draw(&s, &c2, "gpt2", 2, "grafts: []")};
    char *path = scratch_path(&s, "plan.svg");
    ck_assert_msg(gk_draw_svg(both, 2, path, &err), "%s", err.what);
    const char *text = gk_read_file(s.a, path, 1 << 24, NULL, NULL);
    check_xml(text);
    ck_assert_uint_eq(count(text, "<title>"), 4 * (3 + 3) + 4 * (2 + 4));
    ck_assert_uint_eq(count(text, "&lt;a &amp; b&gt;"), 2);
    ck_assert_ptr_nonnull(strstr(text, "<title>layer 1, token 2 ·R&amp;D: all from pre</title>"));
    ck_assert_ptr_nonnull(
        strstr(text, "<title>layer 2, token 3 ·in: q k v from task, the rest from pre</title>"));
    ck_assert_ptr_nonnull(strstr(text, "<title>embed, token 1 Ann: all from sft</title>"));
    ck_assert_uint_eq(count(text, "stripes, from the left: ln1 q k v o ln2 gate up down"), 1);
    ck_assert(!gk_draw_svg(both, 2, scratch_path(&s, "no/such/folder.svg"), &err));
    scratch_free(&s);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("draw");
    tcase_add_test(t, models_and_mixtures);
    tcase_add_test(t, columns_of_a_family);
    tcase_add_test(t, many_layers);
    tcase_add_test(t, colours_do_not_change_the_letters);
    tcase_add_test(t, patches_are_drawn);
    tcase_add_test(t, an_svg_holds_every_cell);
    Suite *s = suite_create("draw");
    suite_add_tcase(s, t);
    return run_suite(s);
}
