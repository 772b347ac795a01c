/* test_file.c: mapped and whole-file input, atomic output, folders. */
/* modules: core */
#include "tests/support/scratch.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static size_t entries(const char *dir) {
    DIR *d = opendir(dir);
    ck_assert_ptr_nonnull(d);
    size_t n = 0;
    while (readdir(d)) n++;
    closedir(d);
    return n - 2;
}

static void assert_content(scratch *s, const char *path, const char *want) {
    char *got = gk_read_file(s->a, path, 1 << 20, NULL, NULL);
    ck_assert_ptr_nonnull(got);
    ck_assert_str_eq(got, want);
}

START_TEST(map_whole_and_empty_files) {
    scratch s = scratch_new();
    gk_map m;
    gk_error e;
    ck_assert(gk_map_open(scratch_file(&s, "a", "hello"), &m, &e));
    ck_assert_uint_eq(m.size, 5);
    ck_assert_int_eq(memcmp(m.data, "hello", 5), 0);
    gk_map_close(&m);
    ck_assert(gk_map_open(scratch_file(&s, "empty", ""), &m, &e));
    ck_assert_uint_eq(m.size, 0);
    ck_assert_ptr_nonnull(m.data);
    gk_map_close(&m);
    ck_assert(!gk_map_open(s.dir, &m, &e));
    assert_error_at(&e, s.dir, ": this is a folder");
    ck_assert(!gk_map_open("/dev/null", &m, &e));
    ck_assert(!gk_map_open(scratch_path(&s, "none"), &m, &e));
    assert_error_at(&e, s.dir, "/none: opening the file failed: No such file");
    char longest[2000] = {0};
    memset(longest, 'x', sizeof longest - 1);
    ck_assert(!gk_map_open(longest, &m, &e));
    ck_assert_ptr_nonnull(strstr(e.what, "path is longer than 511"));
    scratch_free(&s);
}
END_TEST

/* Pages of files that are in this process's memory (statm's third figure). */
static long shared_pages(void) {
    long size, resident, shared;
    FILE *f = fopen("/proc/self/statm", "r");
    ck_assert_int_eq(fscanf(f, "%ld %ld %ld", &size, &resident, &shared), 3);
    fclose(f);
    return shared;
}

static size_t count(const uint8_t *p, size_t n, uint8_t byte) {
    size_t found = 0;
    for (size_t i = 0; i < n; i++) found += p[i] == byte;
    return found;
}

START_TEST(what_is_forgotten_takes_no_memory_and_is_still_there) {
    enum { BYTES = 8 << 20 };
    scratch s = scratch_new();
    const char *path = scratch_path(&s, "large");
    char *text = gk_alloc(BYTES);
    memset(text, 'x', BYTES);
    FILE *f = fopen(path, "w");
    ck_assert_uint_eq(fwrite(text, 1, BYTES, f), BYTES);
    fclose(f);
    gk_map m;
    ck_assert(gk_map_open(path, &m, NULL));
    ck_assert_uint_eq(count(m.data, BYTES, 'x'), BYTES);
    long before = shared_pages();
    gk_map_forget(m.data + 100, BYTES - 200); /* but for the pages that it has a part of */
    long less = before - shared_pages();
    ck_assert_int_ge(less, BYTES / sysconf(_SC_PAGESIZE) * 9 / 10);
    ck_assert_uint_eq(count(m.data, BYTES, 'x'), BYTES);
    gk_map_forget(text, BYTES); /* not of a file */
    ck_assert_uint_eq(count((const uint8_t *)text, BYTES, 'x'), BYTES);
    gk_map_close(&m);
    gk_free(text);
    scratch_free(&s);
}
END_TEST

enum { CUT_BYTES = 1 << 20, KEPT_BYTES = 4096, READ_AT = 500000 };

static void *touch(void *m) {
    return (void *)(uintptr_t)((const volatile uint8_t *)((const gk_map *)m)->data)[READ_AT];
}

/* In a process of its own: maps the file, has it cut, reads where it no longer is. Returns the wait status
 * and what the process said. */
static int read_what_was_cut(const char *path, bool by_thread, char said[1024]) {
    int ends[2], status;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        gk_map m;
        pthread_t thread;
        dup2(ends[1], STDERR_FILENO);
        gk_map_guard();
        for (int i = 0; i < 1000; i++)
            if (!gk_map_open(path, &m, NULL) || (gk_map_close(&m), false)) _exit(9);
        if (!gk_map_open(path, &m, NULL) || truncate(path, KEPT_BYTES) != 0) _exit(9);
        if (!by_thread || pthread_create(&thread, NULL, touch, &m) != 0)
            touch(&m);
        else
            pthread_join(thread, NULL);
        _exit(0);
    }
    close(ends[1]);
    size_t n = 0;
    for (ssize_t got; n < 1023 && (got = read(ends[0], said + n, 1023 - n)) > 0;) n += (size_t)got;
    said[n] = 0;
    close(ends[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

START_TEST(a_mapped_file_that_is_cut_short) {
    scratch s = scratch_new();
    char *path = scratch_path(&s, "weights"), said[1024], *want;
    want = gk_arena_printf(s.a, "graftkit: %s: byte %d: the file can no longer be read there", path, READ_AT);
    for (int by_thread = 0; by_thread < 2; by_thread++) {
        ck_assert(gk_write_file(path, gk_arena_alloc(s.a, CUT_BYTES), CUT_BYTES, NULL));
        int status = read_what_was_cut(path, by_thread, said);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %d: %s", status, said);
        ck_assert_msg(strncmp(said, want, strlen(want)) == 0, "%s", said);
        ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
    }
    scratch_free(&s);
}
END_TEST

START_TEST(read_file_honours_its_limit) {
    scratch s = scratch_new();
    char *path = scratch_file(&s, "a", "12345");
    gk_error e;
    size_t n = 0;
    ck_assert_str_eq(gk_read_file(s.a, path, 5, &n, &e), "12345");
    ck_assert_uint_eq(n, 5);
    ck_assert_ptr_null(gk_read_file(s.a, path, 4, &n, &e));
    assert_error_at(&e, path, ": the file is larger than the 4 bytes");
    ck_assert_ptr_null(gk_read_file(s.a, s.dir, 5, &n, &e));
    ck_assert_ptr_null(gk_read_file(s.a, "/dev/zero", 100000, &n, &e));
    scratch_free(&s);
}
END_TEST

START_TEST(commit_replaces_and_abort_keeps) {
    scratch s = scratch_new();
    char *path = scratch_file(&s, "a", "old");
    gk_out out;
    gk_error e;
    ck_assert(gk_out_open(path, &out, &e));
    fputs("half of the n", out.f);
    fflush(out.f);
    assert_content(&s, path, "old");
    gk_out_abort(&out);
    assert_content(&s, path, "old");
    ck_assert_uint_eq(entries(s.dir), 1);

    ck_assert(gk_out_open(path, &out, &e));
    fputs("new", out.f);
    assert_content(&s, path, "old");
    ck_assert(gk_out_commit(&out, &e));
    assert_content(&s, path, "new");
    ck_assert_uint_eq(entries(s.dir), 1);
    scratch_free(&s);
}
END_TEST

START_TEST(two_writers_do_not_meet) {
    scratch s = scratch_new();
    char *path = scratch_path(&s, "a");
    gk_out one, two;
    ck_assert(gk_out_open(path, &one, NULL) && gk_out_open(path, &two, NULL));
    ck_assert_str_ne(one.temp, two.temp);
    fputs("one", one.f);
    fputs("two", two.f);
    ck_assert(gk_out_commit(&two, NULL) && gk_out_commit(&one, NULL));
    assert_content(&s, path, "one");
    ck_assert_uint_eq(entries(s.dir), 1);
    scratch_free(&s);
}
END_TEST

/* A file-size limit stands in for a full disk. */
START_TEST(failed_write_keeps_the_old_file) {
    scratch s = scratch_new();
    char *path = scratch_file(&s, "a", "old");
    gk_out out;
    gk_error e;
    static char block[1 << 16];
    ck_assert(gk_out_open(path, &out, &e));
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, small;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){4096, before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 4; i++) fwrite(block, 1, sizeof block, out.f);
    bool ok = gk_out_commit(&out, &e);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert(!ok);
    assert_error_at(&e, path, ": writing the file (the disk may be full) failed");
    assert_content(&s, path, "old");
    ck_assert_uint_eq(entries(s.dir), 1);
    scratch_free(&s);
}
END_TEST

START_TEST(output_refuses_what_it_must_not_replace) {
    scratch s = scratch_new();
    gk_error e;
    ck_assert(!gk_write_file("/dev/null", "x", 1, &e));
    assert_error_at(&e, "/dev/null", ": this is a device");
    ck_assert(!gk_write_file(s.dir, "x", 1, &e));
    ck_assert(!gk_write_file(scratch_path(&s, "no/such/dir/a"), "x", 1, &e));
    assert_error_at(&e, s.dir, "/no/such/dir/a: creating the file failed");
    gk_out out;
    ck_assert(!gk_out_open(scratch_path(&s, "no/a"), &out, &e));
    gk_out_abort(&out); /* harmless */
    ck_assert(!gk_out_commit(&out, &e));
    ck_assert_uint_eq(entries(s.dir), 0);
    scratch_free(&s);
}
END_TEST

/* The number of a process that has ended. */
static long dead_process(void) {
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    return (long)pid;
}

START_TEST(leavings_of_dead_processes_go) {
    scratch s = scratch_new();
    long dead = dead_process(), alive = (long)getpid();
    char *path = scratch_path(&s, "a");
    scratch_file(&s, gk_arena_printf(s.a, "a.tmp-%ld-0", dead), "half");
    scratch_file(&s, gk_arena_printf(s.a, "a.tmp-%ld-12", dead), "half");
    const char *stay[] = {gk_arena_printf(s.a, "b.tmp-%ld-0", dead),
                          gk_arena_printf(s.a, "a.tmp-%ld-0", alive),
                          gk_arena_printf(s.a, "a.tmp-%ld-0.txt", dead),
                          gk_arena_printf(s.a, "a.tmp-%ld-", dead),
                          "a.tmp-mine-0",
                          "a.tmp--1-0"};
    for (size_t i = 0; i < 6; i++) scratch_file(&s, stay[i], "kept");
    ck_assert(gk_write_file(path, "new", 3, NULL));
    assert_content(&s, path, "new");
    for (size_t i = 0; i < 6; i++) assert_content(&s, scratch_path(&s, stay[i]), "kept");
    ck_assert_uint_eq(entries(s.dir), 7);
    scratch_free(&s);
}
END_TEST

START_TEST(a_check_of_output_changes_nothing) {
    scratch s = scratch_new();
    gk_error e;
    char *path = scratch_file(&s, "a", "old");
    ck_assert(gk_out_check(path, &e) && gk_out_check(scratch_path(&s, "b"), &e));
    assert_content(&s, path, "old");
    ck_assert_uint_eq(entries(s.dir), 1);
    ck_assert(!gk_out_check(scratch_path(&s, "no/a"), &e));
    assert_error_at(&e, s.dir, "/no/a: creating the file failed");
    ck_assert(!gk_out_check(s.dir, &e));
    scratch_free(&s);
}
END_TEST

START_TEST(files_are_the_same_by_place_not_by_spelling) {
    scratch s = scratch_new();
    char *a = scratch_file(&s, "a", ""), *b = scratch_file(&s, "b", ""), *link = scratch_path(&s, "link");
    ck_assert_int_eq(symlink(a, link), 0);
    ck_assert(gk_same_file(a, a) && gk_same_file(a, link) && gk_same_file(a, scratch_path(&s, "./a")));
    ck_assert(!gk_same_file(a, b) && !gk_same_file(a, scratch_path(&s, "new")));
    ck_assert(gk_same_file(scratch_path(&s, "new"), scratch_path(&s, ".//new")));
    ck_assert(!gk_same_file(scratch_path(&s, "new"), scratch_path(&s, "other")));
    ck_assert(!gk_same_file(scratch_path(&s, "no/new"), scratch_path(&s, "nor/new")));
    scratch_free(&s);
}
END_TEST

START_TEST(output_follows_links) {
    scratch s = scratch_new();
    char *real = scratch_file(&s, "real", "old"), *link = scratch_path(&s, "link");
    ck_assert_int_eq(symlink(real, link), 0);
    ck_assert(gk_write_file(link, "new", 3, NULL));
    assert_content(&s, real, "new");
    struct stat st;
    ck_assert(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
    scratch_free(&s);
}
END_TEST

START_TEST(write_in_the_current_folder) {
    scratch s = scratch_new();
    ck_assert_int_eq(chdir(s.dir), 0);
    ck_assert(gk_write_file("plain", "x", 1, NULL));
    ck_assert(gk_exists("plain"));
    ck_assert(!gk_exists("other"));
    ck_assert_int_eq(chdir("/"), 0);
    scratch_free(&s);
}
END_TEST

START_TEST(mkdirs_makes_parents) {
    scratch s = scratch_new();
    gk_error e;
    char *deep = scratch_path(&s, "a/b//c/");
    ck_assert(gk_mkdirs(deep, &e) && gk_mkdirs(deep, &e));
    ck_assert(gk_write_file(scratch_path(&s, "a/b/c/f"), "", 0, &e));
    ck_assert(!gk_mkdirs(scratch_path(&s, "a/b/c/f"), &e));
    assert_error_at(&e, s.dir, "/a/b/c/f: there is a file in the way");
    ck_assert(!gk_mkdirs(scratch_path(&s, "a/b/c/f/g"), &e));
    ck_assert(!gk_mkdirs("/proc/graftkit/x", &e));
    ck_assert(!gk_mkdirs("", &e));
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("file");
    TCase *t = tcase_create("file");
    tcase_add_test(t, map_whole_and_empty_files);
    tcase_add_test(t, what_is_forgotten_takes_no_memory_and_is_still_there);
    tcase_add_test(t, a_mapped_file_that_is_cut_short);
    tcase_add_test(t, read_file_honours_its_limit);
    tcase_add_test(t, commit_replaces_and_abort_keeps);
    tcase_add_test(t, two_writers_do_not_meet);
    tcase_add_test(t, failed_write_keeps_the_old_file);
    tcase_add_test(t, output_refuses_what_it_must_not_replace);
    tcase_add_test(t, leavings_of_dead_processes_go);
    tcase_add_test(t, a_check_of_output_changes_nothing);
    tcase_add_test(t, files_are_the_same_by_place_not_by_spelling);
    tcase_add_test(t, output_follows_links);
    tcase_add_test(t, write_in_the_current_folder);
    tcase_add_test(t, mkdirs_makes_parents);
    suite_add_tcase(s, t);
    return run_suite(s);
}
