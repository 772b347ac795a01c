/* test_core.c: errors, memory, UTF-8, hashes, progress lines, interruption. */
/* modules: core */
#include "graftkit/core/random.h"
#include "graftkit/core/threads.h"
#include "tests/support/scratch.h"

#include <signal.h>
#include <sys/wait.h>

/* ---------------------------------------------------------------- errors */

START_TEST(error_text_names_every_part) {
    gk_error e;
    gk_place at = {.file = "a.json", .line = 3, .column = 7, .field = "lr"};
    ck_assert(!gk_fail(&e, at, "must be positive", "is %d", -1));
    assert_error(&e, "a.json:3:7: field 'lr': is -1; must be positive");
    gk_fail(&e, GK_NOWHERE, NULL, "no room");
    assert_error(&e, "no room");
    gk_fail(&e, GK_AT_LINE("t.jsonl", 9, 0), NULL, "bad");
    assert_error(&e, "t.jsonl:9: bad");
    gk_fail(&e, GK_AT_LINE(NULL, 9, 2), NULL, "bad");
    assert_error(&e, "line 9:2: bad");
    gk_fail(&e, GK_AT_BYTE("m.safetensors", 0), "give a whole file", "cut short");
    assert_error(&e, "m.safetensors: byte 0: cut short; give a whole file");
    gk_fail_errno(&e, GK_AT_FILE("x"), "opening the file", 2);
    assert_error(&e, "x: opening the file failed: No such file or directory");
    ck_assert(!gk_fail(NULL, GK_NOWHERE, "hint", "nobody asked"));
}
END_TEST

START_TEST(error_may_be_built_from_itself) {
    gk_error e;
    gk_fail(&e, GK_AT_FILE("inner.txt"), "do this", "inner");
    gk_fail(&e, (gk_place){.file = e.file, .field = "f"}, e.hint, "outer: %s", e.what);
    assert_error(&e, "inner.txt: field 'f': outer: inner; do this");
}
END_TEST

START_TEST(error_text_is_one_clean_line_of_any_size) {
    gk_error e;
    char buf[8], all[2048], longer[2000];
    gk_fail(&e, GK_AT_FILE("a\nb"), NULL, "tab\there, escape \033[2J");
    assert_error(&e, "a b: tab here, escape  [2J");
    gk_fail(&e, GK_NOWHERE, NULL, "0123456789");
    ck_assert_str_eq(gk_error_text(&e, buf, sizeof buf), "0123456");
    gk_error_text(&e, buf, 0);

    for (size_t i = 0; i + 2 < sizeof longer; i += 2) memcpy(longer + i, "\xC3\xA9", 3);
    gk_fail(&e, GK_AT_FIELD(longer, longer), longer, "%s", longer);
    gk_error_text(&e, all, sizeof all);
    ck_assert(gk_utf8_valid(all, strlen(all), NULL));
    ck_assert_str_eq(e.what + strlen(e.what) - 5, "\xC3\xA9...");
    ck_assert(strncmp(e.file, "...\xC3\xA9", 5) == 0);
}
END_TEST

/* ---------------------------------------------------------------- memory */

static bool all_are(const void *p, size_t n, unsigned char value) {
    for (size_t i = 0; i < n; i++)
        if (((const unsigned char *)p)[i] != value) return false;
    return true;
}

START_TEST(arena_gives_aligned_zeroed_disjoint_memory) {
    gk_arena *a = gk_arena_new();
    unsigned char *p[200];
    for (size_t i = 0; i < 200; i++) {
        size_t n = 1 + 37 * i;
        p[i] = gk_arena_alloc(a, n);
        ck_assert_uint_eq((uintptr_t)p[i] % 64, 0);
        ck_assert(all_are(p[i], n, 0));
        memset(p[i], (int)i, n);
    }
    for (size_t i = 0; i < 200; i++) ck_assert(all_are(p[i], 1 + 37 * i, (unsigned char)i));
    ck_assert_ptr_ne(gk_arena_alloc(a, 0), gk_arena_alloc(a, 0));
    gk_arena_free(a);
}
END_TEST

START_TEST(arena_reset_reuses_and_clears_memory) {
    gk_arena *a = gk_arena_new();
    size_t sizes[] = {100, 70000, 3, 1 << 20, 200000, 64};
    size_t taken = 0;
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < 6; i++) {
            char *p = gk_arena_alloc(a, sizes[i]);
            ck_assert(all_are(p, sizes[i], 0));
            memset(p, 0x5A, sizes[i]);
        }
        if (round == 0) taken = gk_arena_bytes(a);
        ck_assert_uint_eq(gk_arena_bytes(a), taken);
        gk_arena_reset(a);
    }
    ck_assert_uint_ge(taken, (1 << 20) + 270000);
    gk_arena_free(a);
    gk_arena_free(NULL);
}
END_TEST

START_TEST(arena_strings) {
    gk_arena *a = gk_arena_new();
    ck_assert_str_eq(gk_arena_strdup(a, ""), "");
    ck_assert_str_eq(gk_arena_strndup(a, "abcdef", 3), "abc");
    ck_assert_str_eq(gk_arena_strndup(a, "ab", 30), "ab");
    const char *value = NULL;
    ck_assert_str_eq(gk_arena_named(a, "pre=a=b", &value), "pre");
    ck_assert_str_eq(value, "a=b");
    static const char *const unnamed[] = {"pre", "=dir", "pre=", "", NULL};
    for (size_t i = 0; i < sizeof unnamed / sizeof *unnamed; i++)
        ck_assert_ptr_null(gk_arena_named(a, unnamed[i], &value));
    ck_assert_str_eq(gk_arena_printf(a, "%s-%d", "x", 42), "x-42");
    ck_assert_str_eq(gk_path_join(a, "a", "b"), "a/b");
    ck_assert_str_eq(gk_path_join(a, "/", "b"), "/b");
    ck_assert_str_eq(gk_path_join(a, "", "b"), "b");
    gk_arena_free(a);
}
END_TEST

START_TEST(alloc_grow_and_sizes) {
    char *p = gk_alloc(10);
    memcpy(p, "123456789", 10);
    p = gk_grow(p, 10, 1000);
    ck_assert_uint_eq((uintptr_t)p % 64, 0);
    ck_assert_str_eq(p, "123456789");
    for (size_t i = 10; i < 1000; i++) ck_assert_int_eq(p[i], 0);
    p = gk_grow(p, 1000, 4);
    ck_assert_int_eq(memcmp(p, "1234", 4), 0);
    gk_free(p);
    gk_free(NULL);
    ck_assert_ptr_null(gk_try_alloc(SIZE_MAX));
    ck_assert_ptr_null(gk_try_alloc(SIZE_MAX - 64));
    size_t n = 0;
    ck_assert(gk_mul_size(1 << 20, 3, &n) && n == 3 << 20);
    ck_assert(!gk_mul_size(SIZE_MAX, 2, &n));
}
END_TEST

START_TEST(buf_grows_and_stays_terminated) {
    gk_buf b = {0};
    gk_buf_add(&b, "", 0);
    ck_assert_str_eq(b.data, "");
    for (int i = 0; i < 1000; i++) gk_buf_printf(&b, "%03d,", i);
    ck_assert_uint_eq(b.len, 4000);
    ck_assert_str_eq(b.data + 3996, "999,");
    gk_buf_puts(&b, "end");
    ck_assert_str_eq(b.data + 4000, "end");
    gk_buf_free(&b);
    ck_assert_ptr_null(b.data);
}
END_TEST

/* ---------------------------------------------------------------- UTF-8, SHA-256 */

START_TEST(utf8_validity) {
    static const char *const good[] = {"",
                                       "abc",
                                       "\xC2\x80",
                                       "\xDF\xBF",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xEF\xBF\xBF",
                                       "\xF0\x90\x80\x80",
                                       "\xF4\x8F\xBF\xBF"};
    static const struct {
        const char *text;
        size_t bad;
    } wrong[] = {
        {"ab\x80", 2},           {"\xC0\xAF", 0},         {"\xC1\xBF", 0},         {"x\xC3", 1},
        {"x\xC3(", 1},           {"\xE0\x9F\xBF", 0},     {"\xED\xA0\x80", 0},     {"\xC3\xA9\xE2\x82", 2},
        {"\xF0\x8F\xBF\xBF", 0}, {"\xF4\x90\x80\x80", 0}, {"\xF5\x80\x80\x80", 0}, {"a\xFF", 1}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert(gk_utf8_valid(good[i], strlen(good[i]), NULL));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t bad = 99;
        ck_assert(!gk_utf8_valid(wrong[i].text, strlen(wrong[i].text), &bad));
        ck_assert_uint_eq(bad, wrong[i].bad);
    }
    ck_assert(gk_utf8_valid("a\0b", 3, NULL));
    ck_assert(!gk_utf8_valid("\xE2\x82\xAC", 2, NULL));
}
END_TEST

/* Damage of every kind that a disk or a bug does: a bit, a word, a swap, a cut, zeros. */
START_TEST(checksum_notices_damage) {
    enum { LARGE = 3 * (1 << 20) + 13 };
    gk_threads_set(1);
    uint8_t *x = gk_alloc(LARGE);
    gk_rng rng;
    gk_rng_seed(&rng, 1, "checksum");
    for (size_t i = 0; i < LARGE; i++) x[i] = (uint8_t)gk_rng_u64(&rng);
    static const size_t sizes[] = {1, 7, 8, 9, 31, 32, 33, 100, 1 << 20, (1 << 20) + 1, LARGE};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        size_t n = sizes[k];
        uint64_t sound = gk_checksum(x, n);
        ck_assert(sound == gk_checksum(x, n));
        for (size_t i = 0; i < n; i += n < 200 ? 1 : n / 13) {
            for (int bit = 0; bit < 8; bit++) {
                x[i] ^= (uint8_t)(1 << bit);
                ck_assert_msg(gk_checksum(x, n) != sound, "bit %d of byte %zu of %zu", bit, i, n);
                x[i] ^= (uint8_t)(1 << bit);
            }
        }
        ck_assert(gk_checksum(x, n - 1) != sound && gk_checksum(x + 1, n - 1) != sound);
    }
    uint64_t sound = gk_checksum(x, LARGE);
    x[3] ^= 0x80, x[35] ^= 0x80; /* two signs in one lane */
    ck_assert(gk_checksum(x, LARGE) != sound);
    x[3] ^= 0x80, x[35] ^= 0x80;
    memset(x + 4096, 0, 4096);
    ck_assert(gk_checksum(x, LARGE) != sound);
    memset(x, 0, LARGE);
    ck_assert(gk_checksum(x, LARGE) != gk_checksum(x, LARGE - 1));
    x[0] = 1;
    sound = gk_checksum(x, LARGE);
    x[0] = 0, x[1 << 20] = 1; /* in another block */
    ck_assert(gk_checksum(x, LARGE) != sound);
    gk_free(x);
}
END_TEST

/* Checkpoints move between machines. */
START_TEST(checksum_is_the_same_everywhere) {
    enum { N = 2500000 };
    uint8_t *x = gk_alloc(N);
    for (size_t i = 0; i < N; i++) x[i] = (uint8_t)(i * 7 + i / 251);
    ck_assert_uint_eq(gk_checksum("", 0), 0xa52dd25b77621778u);
    ck_assert_uint_eq(gk_checksum("graftkit", 8), 0x71ae12f740db478cu);
    for (int threads = 1; threads <= 3; threads++) {
        gk_threads_set(threads);
        ck_assert_uint_eq(gk_checksum(x, N), 0x443297eaa0ac67a2u);
    }
    gk_free(x);
}
END_TEST

START_TEST(sha256_known_vectors) { /* FIPS 180-2, appendix B */
    char hex[GK_SHA256_HEX];
    gk_sha256_bytes("", 0, hex);
    ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    gk_sha256_bytes("abc", 3, hex);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    scratch s = scratch_new();
    gk_error e;
    char *million = gk_arena_alloc(s.a, 1000001);
    memset(million, 'a', 1000000);
    char *path = scratch_file(&s, "a", million);
    ck_assert(gk_sha256_file(path, hex, &e));
    ck_assert_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    ck_assert(!gk_sha256_file(scratch_path(&s, "none"), hex, &e));
    assert_error_at(&e, s.dir, "/none: opening the file failed");
    ck_assert(!gk_sha256_file(s.dir, hex, &e));
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- progress, interruption */

START_TEST(progress_off_a_terminal_is_plain_lines) {
    scratch s = scratch_new();
    char *path = scratch_file(&s, "log", "");
    FILE *f = fopen(path, "wb");
    gk_progress *p = gk_progress_start(f, "train", 1000, "steps");
    for (int i = 0; i <= 1000; i++) gk_progress_update(p, i, "loss 2.5");
    gk_progress_end(p, "done");
    fclose(f);
    char *text = gk_read_file(s.a, path, 10000, NULL, NULL);
    ck_assert_ptr_nonnull(strstr(text, "train"));
    ck_assert_ptr_nonnull(strstr(text, "100%"));
    ck_assert_ptr_nonnull(strstr(text, "1000/1000 steps"));
    ck_assert_ptr_null(strpbrk(text, "\r\033"));
    ck_assert_str_eq(text + strlen(text) - 5, "done\n");
    ck_assert_uint_lt(strlen(text), 1000); /* 1001 updates are not 1001 lines */
    scratch_free(&s);

    gk_progress_update(NULL, 1, NULL);
    gk_progress_end(NULL, NULL);
    ck_assert_ptr_null(gk_progress_start(NULL, "x", 1, "y"));
}
END_TEST

START_TEST(progress_survives_odd_numbers) {
    scratch s = scratch_new();
    FILE *f = fopen(scratch_path(&s, "log"), "wb");
    double odd[] = {0, -5, 1e30, 0.01, 5};
    for (size_t i = 0; i < 5; i++) {
        gk_progress *p = gk_progress_start(f, "x", odd[i], "u");
        for (size_t k = 0; k < 5; k++) gk_progress_update(p, odd[k], NULL);
        gk_progress_end(p, NULL);
    }
    ck_assert(!ferror(f));
    fclose(f);
    scratch_free(&s);
}
END_TEST

START_TEST(clock_goes_on) {
    double a = gk_now(), b = gk_now();
    ck_assert(b >= a);
}
END_TEST

START_TEST(first_interrupt_sets_a_flag) {
    gk_interrupt_catch();
    ck_assert(!gk_interrupted());
    ck_assert(interrupt_self(SIGINT));
}
END_TEST

START_TEST(second_interrupt_kills) {
    pid_t child = fork();
    if (child == 0) {
        gk_interrupt_catch();
        if (!interrupt_self(SIGTERM)) _exit(7);
        kill(getpid(), SIGINT);
        sleep(10);
        _exit(8);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGINT);
}
END_TEST

int main(void) {
    Suite *s = suite_create("core");
    TCase *t = tcase_create("core");
    tcase_add_test(t, error_text_names_every_part);
    tcase_add_test(t, error_may_be_built_from_itself);
    tcase_add_test(t, error_text_is_one_clean_line_of_any_size);
    tcase_add_test(t, arena_gives_aligned_zeroed_disjoint_memory);
    tcase_add_test(t, arena_reset_reuses_and_clears_memory);
    tcase_add_test(t, arena_strings);
    tcase_add_test(t, alloc_grow_and_sizes);
    tcase_add_test(t, buf_grows_and_stays_terminated);
    tcase_add_test(t, utf8_validity);
    tcase_add_test(t, sha256_known_vectors);
    tcase_add_test(t, checksum_notices_damage);
    tcase_add_test(t, checksum_is_the_same_everywhere);
    tcase_add_test(t, progress_off_a_terminal_is_plain_lines);
    tcase_add_test(t, progress_survives_odd_numbers);
    tcase_add_test(t, clock_goes_on);
    tcase_add_test(t, first_interrupt_sets_a_flag);
    tcase_add_test(t, second_interrupt_kills);
    suite_add_tcase(s, t);
    return run_suite(s);
}
