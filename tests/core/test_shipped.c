/* test_shipped.c: which file a word of the command line means: a path here, a path below home, a name that
 * comes along or a file here, not both; and what is said where it means none. */
/* modules: core */
#include "core/shipped.h"
#include "tests/support/scratch.h"

static const char *find(scratch *s, const char *word, gk_error *err) {
    return gk_shipped_find(s->a, scratch_path(s, "home"), GK_SHIPPED_RECIPES, word, "--recipe", "auto", err);
}

/* A home with the recipes one and two, and the folder `here`, which is the current one from now on. */
static scratch start(void) {
    scratch s = scratch_new();
    ck_assert(gk_mkdirs(scratch_path(&s, "home/train/recipes"), NULL) &&
              gk_mkdirs(scratch_path(&s, "here/train/recipes"), NULL));
    scratch_file(&s, "home/train/recipes/two.yaml", "lr: 2");
    scratch_file(&s, "home/train/recipes/one-more.yaml", "lr: 1");
    scratch_file(&s, "home/train/recipes/one.yaml", "lr: 1");
    scratch_file(&s, "home/train/recipes/notes.txt", "no recipe");
    ck_assert_int_eq(chdir(scratch_path(&s, "here")), 0);
    return s;
}

START_TEST(names_are_those_that_come_along) {
    scratch s = start();
    gk_error err;
    const char **names;
    size_t n;
    ck_assert(gk_shipped_names(s.a, scratch_path(&s, "home"), GK_SHIPPED_RECIPES, &names, &n, &err));
    ck_assert_uint_eq(n, 3);
    ck_assert_str_eq(names[0], "one");
    ck_assert_str_eq(names[1], "one-more");
    ck_assert_str_eq(names[2], "two");
    ck_assert(!gk_shipped_names(s.a, scratch_path(&s, "here"), GK_SHIPPED_RECIPES, &names, &n, &err));
    assert_error_at(&err, scratch_path(&s, "here/train/recipes"), ": there is no recipe; ");
    ck_assert(!gk_shipped_names(s.a, scratch_path(&s, "nowhere"), GK_SHIPPED_SCHEMES, &names, &n, &err));
    scratch_free(&s);
}
END_TEST

START_TEST(a_name_means_what_comes_along_or_a_file_here) {
    scratch s = start();
    gk_error err;
    ck_assert_str_eq(find(&s, "one", NULL), scratch_path(&s, "home/train/recipes/one.yaml"));
    scratch_file(&s, "here/one", "lr: 9");
    scratch_file(&s, "here/mine", "lr: 9");
    ck_assert(gk_mkdirs("three", NULL));
    ck_assert_ptr_null(find(&s, "one", &err)); /* which of the two? */
    assert_error(&err,
                 "field '--recipe': 'one' is a file here, and a recipe that comes along; write ./one, or "
                 "train/recipes/one.yaml");
    ck_assert_str_eq(find(&s, "./one", NULL), "./one");
    ck_assert_str_eq(find(&s, "train/recipes/one.yaml", NULL),
                     scratch_path(&s, "home/train/recipes/one.yaml"));
    ck_assert_str_eq(find(&s, "mine", NULL), "mine");
    ck_assert_ptr_null(find(&s, "three", &err)); /* a folder */
    assert_error(&err,
                 "field '--recipe': 'three' is no recipe that comes along: there is no "
                 "train/recipes/three.yaml; give one of auto, one, one-more, two, or a file's path with a "
                 "/ or . in it");
    ck_assert_ptr_null(find(&s, "", &err));
    scratch_free(&s);
}
END_TEST

START_TEST(a_path_means_a_file_here_then_one_below_home) {
    scratch s = start();
    ck_assert_str_eq(find(&s, "train/recipes/one.yaml", NULL),
                     scratch_path(&s, "home/train/recipes/one.yaml"));
    scratch_file(&s, "here/train/recipes/one.yaml", "lr: 9");
    ck_assert_str_eq(find(&s, "train/recipes/one.yaml", NULL), "train/recipes/one.yaml");
    ck_assert_str_eq(find(&s, "mine.yaml", NULL), "mine.yaml"); /* whoever opens it complains */
    ck_assert_str_eq(find(&s, "/train/recipes/two.yaml", NULL), "/train/recipes/two.yaml");
    scratch_free(&s);
}
END_TEST

/* Every kind's folder is there in the source tree, with something of the kind in it. */
START_TEST(the_source_tree_has_every_kind) {
    gk_arena *a = gk_arena_new();
    for (gk_shipped k = 0; k < GK_N_SHIPPED; k++) {
        gk_error err = {0};
        const char **names;
        size_t n;
        ck_assert_msg(gk_shipped_names(a, GK_SOURCE_DIR, k, &names, &n, &err), "%s: %s", err.file, err.what);
        ck_assert(gk_exists(gk_shipped_path(a, GK_SOURCE_DIR, k, names[0])));
    }
    gk_arena_free(a);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("shipped");
    TCase *t = tcase_create("shipped");
    tcase_add_test(t, names_are_those_that_come_along);
    tcase_add_test(t, a_name_means_what_comes_along_or_a_file_here);
    tcase_add_test(t, a_path_means_a_file_here_then_one_below_home);
    tcase_add_test(t, the_source_tree_has_every_kind);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
