/* word_list.c: word lists. */
#include "data/data.h"
#include "graftkit/core/file.h"

#include <string.h>

enum { LIST_FILE_MAX = 1 << 20 };

static const char *const BLANKS = " \t\r";

static bool add_word(gk_list *l, const char *word, gk_place at, gk_error *err) {
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->item[i], word) == 0)
            return gk_fail(err, at, "name each word once", "'%s' is in this list already", word);
    if (l->n == GK_LIST_MAX) return gk_fail(err, at, NULL, "the list has more than %d words", GK_LIST_MAX);
    l->item[l->n++] = word;
    return true;
}

static bool check_word(const char *word, gk_place at, gk_error *err) {
    if (!gk_utf8_valid(word, strlen(word), NULL))
        return gk_fail(err, at, "save the list as UTF-8", "the word is not UTF-8");
    for (const char *p = word; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            return gk_fail(err, at, "write one plain word a line", "the word holds a control character");
    return true;
}

/* Cuts `line` down to its word; NULL when there is none. */
static char *word_of(char *line) {
    char *word = line + strspn(line, BLANKS);
    size_t len = strlen(word);
    while (len > 0 && strchr(BLANKS, word[len - 1])) len--;
    word[len] = '\0';
    return len == 0 || word[0] == '#' ? NULL : word;
}

bool gk_list_load(gk_arena *a, const char *path, gk_list *out, gk_error *err) {
    size_t len;
    *out = (gk_list){0};
    char *rest = gk_read_file(a, path, LIST_FILE_MAX, &len, err);
    if (!rest) return false;
    if (strlen(rest) != len)
        return gk_fail(err, GK_AT_BYTE(path, strlen(rest)), NULL, "NUL byte in a word list");
    out->item = gk_arena_alloc(a, GK_LIST_MAX * sizeof *out->item);
    char *line;
    for (long number = 1; (line = strsep(&rest, "\n")); number++) {
        const char *word = word_of(line);
        gk_place at = GK_AT_LINE(path, number, 0);
        if (word && (!check_word(word, at, err) || !add_word(out, word, at, err))) return false;
    }
    if (out->n == 0) return gk_fail(err, GK_AT_FILE(path), "write one word a line", "there is no word here");
    return true;
}
