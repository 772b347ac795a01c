/* replay.c: runs a fuzz target over its seeds, each a test of its own. Files called good… must be taken, all
 * others refused; none may crash. */
#include "tests/fuzz/fuzz.h"
#include "tests/support/scratch.h"

#include <dirent.h>

static struct dirent **seeds;
static int n_seeds;

static int is_seed(const struct dirent *e) {
    return e->d_name[0] != '.';
}

START_TEST(seed) {
    gk_arena *a = gk_arena_new();
    gk_error err = {0};
    const char *name = seeds[_i]->d_name;
    const char *dir = gk_path_join(a, GK_SOURCE_DIR "/tests/fuzz/seeds", fuzz_name);
    size_t size = 0;
    const char *bytes = gk_read_file(a, gk_path_join(a, dir, name), 16 << 20, &size, &err);
    ck_assert_msg(bytes != NULL, "cannot read %s: %s", name, err.what);
    /* exactly as many bytes as there are, so that a sanitizer sees the end */
    uint8_t *exact = malloc(size ? size : 1);
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    bool good = strncmp(name, "good", 4) == 0;
    ck_assert_msg(fuzz_taken() == good, "%s was %s", name, fuzz_taken() ? "taken" : "refused");
    gk_arena_free(a);
}
END_TEST

START_TEST(there_are_good_and_bad_seeds) {
    int good = 0;
    for (int i = 0; i < n_seeds; i++) good += strncmp(seeds[i]->d_name, "good", 4) == 0;
    ck_assert(good > 0 && n_seeds - good > 2);
}
END_TEST

int main(void) {
    char dir[512];
    snprintf(dir, sizeof dir, "%s/tests/fuzz/seeds/%s", GK_SOURCE_DIR, fuzz_name);
    n_seeds = scandir(dir, &seeds, is_seed, alphasort);
    if (n_seeds < 0) n_seeds = 0;
    Suite *s = suite_create(fuzz_name);
    TCase *t = tcase_create("seeds");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, there_are_good_and_bad_seeds);
    tcase_add_loop_test(t, seed, 0, n_seeds);
    suite_add_tcase(s, t);
    int code = run_suite(s);
    for (int i = 0; i < n_seeds; i++) free(seeds[i]);
    free(seeds);
    return code;
}
