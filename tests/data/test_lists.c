/* test_lists.c: word lists and tables, and what the shipped ones hold.
 * modules: data core */
#include "data/data.h"
#include "data/internal.h"
#include "tests/support/scratch.h"

/* ---------------------------------------------------------------- lists */

START_TEST(list_skips_comments_and_blanks) {
    scratch s = scratch_new();
    gk_list l;
    const char *path = scratch_file(&s, "l.txt", "# head\n\n  Ada \r\nBo\n#Cy\nNew York");
    ck_assert(gk_list_load(s.a, path, &l, NULL));
    ck_assert_uint_eq(l.n, 3);
    ck_assert_str_eq(l.item[0], "Ada");
    ck_assert_str_eq(l.item[1], "Bo");
    ck_assert_str_eq(l.item[2], "New York");
    scratch_free(&s);
}
END_TEST

static void list_fails(const char *content, const char *message) {
    scratch s = scratch_new();
    gk_list l;
    gk_error err;
    const char *path = scratch_file(&s, "l.txt", content);
    ck_assert(!gk_list_load(s.a, path, &l, &err));
    assert_error_at(&err, path, message);
    scratch_free(&s);
}

START_TEST(list_refuses_bad_words) {
    list_fails("Ada\nBo\nAda\n", ":3: 'Ada' is in this list already");
    list_fails("Ada\nB\x01o\n", ":2: the word holds a control character");
    list_fails("\xff\n", ":1: the word is not UTF-8");
    list_fails("# nothing\n\n", ": there is no word here");
}
END_TEST

START_TEST(list_refuses_too_many_words) {
    scratch s = scratch_new();
    gk_buf text = {0};
    gk_list l;
    gk_error err;
    for (int i = 0; i <= GK_LIST_MAX; i++) gk_buf_printf(&text, "w%d\n", i);
    const char *path = scratch_file(&s, "l.txt", text.data);
    ck_assert(!gk_list_load(s.a, path, &l, &err));
    assert_error_at(&err, path, ":4097: the list has more than 4096 words");
    gk_buf_free(&text);
    scratch_free(&s);
}
END_TEST

/* First names, surnames, title words and cities: one word means one thing. Genres stand in lower case. */
START_TEST(shipped_lists_share_no_word) {
    static const char *const FILES[] = {"first_names", "surnames", "title_adjectives",
                                        "title_nouns", "cities",   "genres"};
    static const size_t AT_LEAST[] = {270, 340, 50, 60, 40, 10};
    gk_arena *a = gk_arena_new();
    json_t *seen = json_object();
    for (size_t f = 0; f < 6; f++) {
        gk_list l;
        const char *path = gk_arena_printf(a, "%s/data/lists/%s.txt", GK_SOURCE_DIR, FILES[f]);
        ck_assert(gk_list_load(a, path, &l, NULL));
        ck_assert_uint_ge(l.n, AT_LEAST[f]);
        for (size_t i = 0; i < l.n; i++) {
            for (const char *p = l.item[i]; *p; p++)
                ck_assert_msg((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z', "'%s' is not plain", l.item[i]);
            ck_assert_msg(!json_object_get(seen, l.item[i]), "'%s' stands in two lists", l.item[i]);
            json_object_set_new(seen, l.item[i], json_true());
        }
    }
    json_decref(seen);
    gk_arena_free(a);
}
END_TEST

/* ---------------------------------------------------------------- tables */

START_TEST(table_reads_cells) {
    scratch s = scratch_new();
    gk_data__tsv t;
    const char *path = scratch_file(&s, "t.tsv", "# head\n\nAda\t1 2\r\nBo\t3\n");
    ck_assert(gk_data__tsv_load(s.a, path, 2, &t, NULL));
    ck_assert_uint_eq(t.n, 2);
    ck_assert_str_eq(gk_data__tsv_at(&t, 0, 1), "1 2");
    ck_assert_str_eq(gk_data__tsv_at(&t, 1, 0), "Bo");
    ck_assert_int_eq(t.line[1], 4);
    scratch_free(&s);
}
END_TEST

static void table_fails(const char *content, const char *message) {
    scratch s = scratch_new();
    gk_data__tsv t;
    gk_error err;
    const char *path = scratch_file(&s, "t.tsv", content);
    ck_assert(!gk_data__tsv_load(s.a, path, 2, &t, &err));
    assert_error_at(&err, path, message);
    scratch_free(&s);
}

START_TEST(table_refuses_bad_lines) {
    table_fails("a\tb\na\tc\n", ":2: 'a' is in this table already");
    table_fails("a\tb\tc\n", ":1: the line has 3 columns, not 2");
    table_fails("# x\na\n", ":2: the line has 1 columns, not 2");
    table_fails("a\t\n", ":1: column 2 of the table's line is empty");
    table_fails("a\tb\x01\n", ":1: the line holds a control character");
    table_fails("a\t\xff\n", ":1: the line is not UTF-8");
    table_fails("# nothing\n", ": the table has no lines");
}
END_TEST

/* ---------------------------------------------------------------- the shipped ones */

static gk_list shipped_list(gk_arena *a, const char *name) {
    gk_list l;
    ck_assert(gk_list_load(a, gk_arena_printf(a, "%s/data/lists/%s.txt", GK_SOURCE_DIR, name), &l, NULL));
    return l;
}

static gk_data__tsv shipped_table(gk_arena *a, const char *name, size_t columns) {
    gk_data__tsv t;
    gk_error err;
    char text[2048];
    const char *path = gk_arena_printf(a, "%s/data/lists/%s.tsv", GK_SOURCE_DIR, name);
    if (!gk_data__tsv_load(a, path, columns, &t, &err))
        ck_abort_msg("%s", gk_error_text(&err, text, sizeof text));
    return t;
}

static bool in_list(const gk_list *l, const char *word, size_t len) {
    for (size_t i = 0; i < l->n; i++)
        if (strlen(l->item[i]) == len && strncmp(l->item[i], word, len) == 0) return true;
    return false;
}

/* gk_list_load refuses a name that comes twice. */
START_TEST(real_actors) {
    gk_arena *a = gk_arena_new();
    gk_list actors = shipped_list(a, "actors");
    ck_assert_uint_ge(actors.n, 600);
    for (size_t i = 0; i < actors.n; i++)
        ck_assert_msg(!strpbrk(actors.item[i], ";\t\"") && !strstr(actors.item[i], "  "), "'%s' is odd",
                      actors.item[i]);
    gk_arena_free(a);
}
END_TEST

START_TEST(real_films) {
    gk_arena *a = gk_arena_new();
    gk_list actors = shipped_list(a, "actors"), genres = shipped_list(a, "genres");
    gk_data__tsv films = shipped_table(a, "films", 6);
    ck_assert_uint_ge(films.n, 500);
    for (size_t i = 0; i < films.n; i++) {
        const char *title = gk_data__tsv_at(&films, i, 0), *genre = gk_data__tsv_at(&films, i, 2);
        long year = strtol(gk_data__tsv_at(&films, i, 1), NULL, 10),
             minutes = strtol(gk_data__tsv_at(&films, i, 3), NULL, 10);
        ck_assert_msg(year >= 1895 && year <= 2026, "%s: year %ld", title, year);
        ck_assert_msg(minutes >= 60 && minutes <= 260, "%s: %ld minutes", title, minutes);
        ck_assert_msg(in_list(&genres, genre, strlen(genre)) || strcmp(genre, "science fiction") == 0 ||
                          strcmp(genre, "war") == 0,
                      "%s: genre '%s'", title, genre);
        ck_assert_msg(!strchr("aeiou", *genre), "'a %s film' reads badly", genre);
        size_t leads = 0;
        for (const char *s = gk_data__tsv_at(&films, i, 4); *s; leads++) {
            size_t n = strcspn(s, ";");
            ck_assert_msg(in_list(&actors, s, n), "%s: '%.*s' is not in actors.txt", title, (int)n, s);
            s += n + (s[n] == ';');
        }
        ck_assert_msg(leads == 2, "%s has %zu leads", title, leads);
        const char *plot = gk_data__tsv_at(&films, i, 5);
        ck_assert_msg(!strchr(".!?", plot[strlen(plot) - 1]), "%s: the plot ends its sentence", title);
    }
    gk_arena_free(a);
}
END_TEST

START_TEST(battles) {
    gk_arena *a = gk_arena_new();
    gk_data__tsv t = shipped_table(a, "battles", 5);
    ck_assert_uint_ge(t.n, 300);
    for (size_t i = 0; i < t.n; i++) {
        const char *name = gk_data__tsv_at(&t, i, 0);
        ck_assert_msg(strncmp(name, "Battle o", 8) == 0, "'the %s' reads badly", name);
        ck_assert_str_ne(gk_data__tsv_at(&t, i, 1), gk_data__tsv_at(&t, i, 2));
    }
    gk_arena_free(a);
}
END_TEST

int main(void) {
    Suite *s = suite_create("lists");
    TCase *t = tcase_create("all");
    tcase_add_test(t, list_skips_comments_and_blanks);
    tcase_add_test(t, list_refuses_bad_words);
    tcase_add_test(t, list_refuses_too_many_words);
    tcase_add_test(t, shipped_lists_share_no_word);
    tcase_add_test(t, table_reads_cells);
    tcase_add_test(t, table_refuses_bad_lines);
    tcase_add_test(t, real_actors);
    tcase_add_test(t, real_films);
    tcase_add_test(t, battles);
    suite_add_tcase(s, t);
    return run_suite(s);
}
