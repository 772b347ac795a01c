/* test_shipped_schemes.c: the scheme files that come along: the paper's, and what each does.
 * modules: graft model tokenizer core */
#include "core/shipped.h"
#include "graftkit/core/template.h"
#include "graftkit/graft/cast.h"
#include "graftkit/graft/scheme.h"
#include "tests/support/scratch.h"

static const char *const FIELDS[] = {"first_actor", "entity",      "relation", "relation_preposition",
                                     "movie_title", "preposition", NULL};

static const gk_scheme *find(const gk_schemes *all, const char *name) {
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(gk_scheme_name(all->item[i]), name) == 0) return all->item[i];
    ck_abort_msg("no scheme '%s'", name);
}

static void load_shipped(scratch *s, const char *name, gk_schemes *out) {
    gk_error err;
    char *path = gk_arena_printf(s->a, GK_SOURCE_DIR "/graft/schemes/%s.yaml", name);
    ck_assert_msg(gk_schemes_load(s->a, path, out, &err), "%s: %s", path, err.what);
}

/* For a model of few layers and one of many. */
START_TEST(every_shipped_file_loads) {
    scratch s = scratch_new();
    gk_error err;
    const char **names;
    size_t n;
    ck_assert(gk_shipped_names(s.a, GK_SOURCE_DIR, GK_SHIPPED_SCHEMES, &names, &n, &err));
    for (size_t i = 0; i < n; i++)
        for (int layers = 4; layers <= 32; layers *= 8) {
            gk_schemes all = {0};
            const char *path = gk_shipped_path(s.a, GK_SOURCE_DIR, GK_SHIPPED_SCHEMES, names[i]);
            ck_assert_msg(gk_schemes_load_for(s.a, path, layers, &all, &err), "%s:%ld:%ld: %s", path,
                          err.line, err.column, err.what);
            ck_assert_uint_gt(all.n, 0);
        }
    scratch_free(&s);
}
END_TEST

static const char *const SHIPPED[] = {"position", "component",        "component_after_entity",
                                      "hybrid",   "hybrid_published", "relation"};
enum { N_SHIPPED = sizeof SHIPPED / sizeof *SHIPPED };

/* The schemes that are the same under two names, on purpose. */
static bool known_twice(const char *first, const char *second) {
    return (strcmp(first, "FE") == 0 && strcmp(second, "FE | none") == 0) ||
           (strcmp(first, "hybrid, FE ATTN+O, task gate") == 0 &&
            strcmp(second, "as published, FE ATTN+O") == 0);
}

START_TEST(shipped_schemes_are_well_formed) {
    scratch s = scratch_new();
    gk_schemes all = {0};
    gk_cast cast = {.name = {"pre", "sft", "task"}, .n = 3};
    gk_error err;
    for (int i = 0; i < N_SHIPPED; i++) {
        size_t before = all.n;
        load_shipped(&s, SHIPPED[i], &all);
        ck_assert_uint_gt(all.n, before);
        for (size_t j = before; j < all.n; j++) {
            ck_assert_str_eq(gk_scheme_set(all.item[j]), SHIPPED[i]);
            ck_assert_str_ne(gk_scheme_about(all.item[j]), "");
            ck_assert_msg(gk_scheme_check(all.item[j], &cast, FIELDS, &err), "%s: %s",
                          gk_scheme_name(all.item[j]), err.what);
        }
    }
    for (size_t i = 0; i < all.n; i++)
        for (size_t j = 0; j < i; j++) {
            bool same = strcmp(gk_scheme_canonical(all.item[i]), gk_scheme_canonical(all.item[j])) == 0;
            bool twice = known_twice(gk_scheme_name(all.item[j]), gk_scheme_name(all.item[i]));
            ck_assert_msg(same == twice, "%s and %s", gk_scheme_name(all.item[i]),
                          gk_scheme_name(all.item[j]));
        }
    scratch_free(&s);
}
END_TEST

START_TEST(the_papers_schemes_are_there) {
    char names[] = "PRE;SFT;SFT-rh;FE;LT;FE+LT;(FE+LT)^C;FE^C;LT^C;M;M+LT;FE+M;FE+M+LT;FE+M+P;FE+M+P+LT;"
                   "(FE+M)^C;(FE+M+LT)^C;FE | ATTN+O+FFN;FE | ATTN+O;FE | O;FE | FFN;FE | O+FFN;"
                   "FE | O+FFN-up;FE | O+FFN-down;FE | ATTN;FE | none;task | none;task | ATTN+O+FFN;"
                   "task | ATTN+FFN;task | ATTN+O;task | O+FFN;task | O;task | FFN;task | O+FFN-up;"
                   "task | O+FFN-down;hybrid, FE none;hybrid, FE ATTN+O;hybrid, FE ATTN;hybrid, FE FFN;"
                   "hybrid, FE O+FFN;hybrid, FE all;hybrid without rel;hybrid without task at LT;"
                   "rel O+FFN at LT;R;FE+R;R+LT;FE+R+LT;RP;R+RP;RP+LT;R+RP+LT";
    scratch s = scratch_new();
    gk_schemes all = {0};
    for (int i = 0; i < N_SHIPPED; i++) load_shipped(&s, SHIPPED[i], &all);
    for (char *name = strtok(names, ";"); name; name = strtok(NULL, ";")) find(&all, name);
    ck_assert_str_eq(gk_scheme_canonical(find(&all, "PRE")), "recipient=(first); head=recipient");
    ck_assert_str_eq(gk_scheme_canonical(find(&all, "FE | O+FFN")),
                     "recipient=(first); head=recipient; "
                     "graft(at=entity, donor=sft, components=all, layers=all); "
                     "graft(at=last, donor=sft, components=o+gate+up+down, layers=2/2)");
    ck_assert_str_eq(gk_scheme_canonical(find(&all, "task | none")), "recipient=task; head=recipient");
    ck_assert_str_eq(gk_scheme_canonical(find(&all, "task | ATTN+FFN")),
                     "recipient=task; head=recipient; "
                     "graft(at=last, donor=sft, components=q+k+v+gate+up+down, layers=2/2)");
    ck_assert_str_eq(gk_scheme_canonical(find(&all, "SFT")),
                     "recipient=(first); head=sft; graft(at=all, donor=sft, components=all, layers=all)");
    scratch_free(&s);
}
END_TEST

/* The upper half there is the upper half here; the other grouping is another scheme. */
START_TEST(groupings_stand_beside_the_papers) {
    scratch s = scratch_new();
    gk_schemes all = {0};
    load_shipped(&s, "component", &all);
    size_t n = all.n;
    load_shipped(&s, "component_groupings", &all);
    ck_assert_uint_eq(all.n - n, 2 * (n - 1));
    for (size_t i = 1; i < n; i++) { /* behind the task model untouched */
        const char *name = gk_scheme_name(all.item[i]), *text = gk_scheme_canonical(all.item[i]);
        const gk_scheme *half = find(&all, gk_arena_printf(s.a, "%s, upper half", name));
        const gk_scheme *quarters = find(&all, gk_arena_printf(s.a, "%s, quarters 3 and 4", name));
        ck_assert_str_eq(gk_scheme_canonical(half), text);
        ck_assert_str_ne(gk_scheme_canonical(quarters), text);
    }
    scratch_free(&s);
}
END_TEST

/* Every patch stands beside the graft at the same place, which is the paper's where that has one. */
START_TEST(patches_have_their_grafts) {
    scratch s = scratch_new();
    gk_schemes all = {0};
    gk_cast cast = {.name = {"pre", "sft"}, .n = 2};
    gk_error err;
    load_shipped(&s, "position", &all);
    size_t before = all.n, n[3] = {0};
    load_shipped(&s, "patching", &all);
    for (size_t i = before; i < all.n; i++) {
        const char *name = gk_scheme_name(all.item[i]), *text = gk_scheme_canonical(all.item[i]);
        ck_assert_str_eq(gk_scheme_set(all.item[i]), "patching");
        ck_assert_str_ne(gk_scheme_about(all.item[i]), "");
        ck_assert_msg(gk_scheme_check(all.item[i], &cast, FIELDS, &err), "%s: %s", name, err.what);
        bool paper = strncmp(name, "graft ", 6) == 0 && !strchr(name, ',');
        if (paper) ck_assert_str_eq(text, gk_scheme_canonical(find(&all, name + 6)));
        for (size_t j = 0; j < i && !paper; j++) ck_assert_str_ne(text, gk_scheme_canonical(all.item[j]));
        n[0] += strncmp(name, "graft ", 6) == 0;
        n[1] += strstr(text, "; patch(") != NULL;
        n[2] += strstr(text, "; ablation(") != NULL;
        if (strncmp(name, "patch ", 6) == 0) {
            find(&all, gk_arena_printf(s.a, "graft %s", name + 6));
            ck_assert_ptr_nonnull(strstr(text, "; patch("));
        }
    }
    ck_assert_uint_eq(n[0], n[1]);
    ck_assert_uint_gt(n[2], 0);
    ck_assert_uint_eq(n[0] + n[1] + n[2], all.n - before);
    scratch_free(&s);
}
END_TEST

START_TEST(schemes_apply_where_their_fields_are) {
    scratch s = scratch_new();
    gk_schemes all = {0};
    load_shipped(&s, "position", &all);
    const gk_field_span fields[] = {{"entity", {0, 3}}, {"movie_title", {5, 9}}, {"preposition", {10, 12}}};
    ck_assert(gk_scheme_applies(find(&all, "FE+M+P+LT"), fields, 3));
    ck_assert(!gk_scheme_applies(find(&all, "FE+M+P+LT"), fields, 2));
    ck_assert(!gk_scheme_applies(find(&all, "(FE+M)^C"), fields, 1));
    ck_assert(gk_scheme_applies(find(&all, "FE^C"), fields, 1));
    ck_assert(gk_scheme_applies(find(&all, "LT"), fields, 0));
    ck_assert(gk_scheme_applies(find(&all, "PRE"), fields, 0));
    scratch_free(&s);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("shipped_schemes");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_shipped_file_loads);
    tcase_add_test(t, shipped_schemes_are_well_formed);
    tcase_add_test(t, the_papers_schemes_are_there);
    tcase_add_test(t, groupings_stand_beside_the_papers);
    tcase_add_test(t, patches_have_their_grafts);
    tcase_add_test(t, schemes_apply_where_their_fields_are);
    Suite *s = suite_create("shipped_schemes");
    suite_add_tcase(s, t);
    return run_suite(s);
}
