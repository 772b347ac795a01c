/* tree.h: the source tree as suites that look after it see it: its files, and what in them is code, a string
 * or words (comments, pages). */
#ifndef GK_TESTS_TREE_H
#define GK_TESTS_TREE_H

#include "tests/support/scratch.h"

#include <ctype.h>
#include <dirent.h>
#include <fnmatch.h>
#include <sys/stat.h>

typedef struct tree {
    gk_arena *a;
    char **path; /* from the root, no slash before it; unsorted */
    size_t n, cap;
} tree;

/* What was made, is data of a test or of another's making. */
static inline bool tree_passes(const char *path) {
    static const char *const not_ours[] = {"build", "runs", "tests/fixtures", "tests/fuzz/seeds", ".git"};
    for (size_t i = 0; i < sizeof not_ours / sizeof *not_ours; i++)
        if (strcmp(path, not_ours[i]) == 0) return true;
    return false;
}

static inline void tree_walk(tree *t, const char *root, const char *below) {
    DIR *d = opendir(*below ? gk_path_join(t->a, root, below) : root);
    ck_assert_msg(d != NULL, "cannot read %s/%s", root, below);
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        char *path = *below ? gk_path_join(t->a, below, e->d_name) : gk_arena_strdup(t->a, e->d_name);
        if (tree_passes(path) || lstat(gk_path_join(t->a, root, path), &st) != 0) continue;
        if (S_ISDIR(st.st_mode)) tree_walk(t, root, path);
        if (!S_ISREG(st.st_mode)) continue;
        if (t->n == t->cap) {
            char **more = gk_arena_alloc(t->a, (t->cap = 2 * t->cap + 64) * sizeof *more);
            if (t->n) memcpy(more, t->path, t->n * sizeof *more);
            t->path = more;
        }
        t->path[t->n++] = path;
    }
    closedir(d);
}

static inline tree tree_open(const char *root) {
    tree t = {.a = gk_arena_new()};
    tree_walk(&t, root, "");
    return t;
}

static inline void tree_free(tree *t) {
    gk_arena_free(t->a);
}

/* The path's last name ends in one of these: " .c .h ", or is one of them as it stands: " Makefile ". */
static inline bool tree_is(const char *path, const char *endings) {
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const char *dot = strrchr(name, '.');
    char word[80];
    snprintf(word, sizeof word, " %.70s ", dot ? dot : name);
    return strstr(endings, word) != NULL;
}

static inline char *tree_read(tree *t, const char *root, const char *path) {
    gk_error err;
    char *text = gk_read_file(t->a, gk_path_join(t->a, root, path), (size_t)1 << 24, NULL, &err);
    ck_assert_msg(text != NULL, "%s: %s", path, err.what);
    return text;
}

/* What does not keep a rule, a line each, of all that was looked at. */
typedef struct wrong {
    size_t n, looked_at;
    gk_buf text;
} wrong;

static inline void all_right(wrong *w, size_t least, const char *rule) {
    ck_assert_msg(w->n == 0, "%s; %zu of %zu do not keep this:%s", rule, w->n, w->looked_at, w->text.data);
    ck_assert_uint_ge(w->looked_at, least);
    gk_buf_free(&w->text);
}

/* ---------------------------------------------------------------- code, strings, words */

#define TREE_C " .c .h .cc .css .js "
#define TREE_SH " .sh .py .mk .yaml Makefile "
#define TREE_PAGE " .md "

enum { TREE_CODE = 'c', TREE_STRING = 's', TREE_WORDS = 'w' };

/* What each byte of the text is, in `kind`. C and its like: comments are words. */
static inline void tree_split_c(const char *text, char *kind) {
    char in = TREE_CODE, quote = 0;
    bool block = false;
    for (size_t i = 0; text[i]; i++) {
        char c = text[i], next = text[i + 1];
        kind[i] = in;
        if (in == TREE_WORDS) {
            bool ends = block ? c == '/' && text[i - 1] == '*' : c == '\n';
            if (ends) in = TREE_CODE;
        } else if (in == TREE_STRING) {
            if (c == '\\' && next)
                kind[++i] = in;
            else if (c == quote || c == '\n')
                in = TREE_CODE;
        } else if (c == '/' && (next == '/' || next == '*')) {
            block = next == '*';
            kind[i] = kind[i + 1] = in = TREE_WORDS;
            i++;
            if (block && text[i + 1]) { /* the star of an opening is none of an end */
                kind[i + 1] = in;
                i += text[i + 1] != '*';
            }
        } else if (c == '"' || c == '\'') {
            quote = c;
            kind[i] = in = TREE_STRING;
        }
    }
}

/* Scripts, makefiles, YAML: from a # that nothing stands right before; Python's long strings are words too.
 */
static inline void tree_split_sh(const char *text, char *kind) {
    char in = TREE_CODE;
    bool lengthy = false;
    for (size_t i = 0; text[i]; i++) {
        bool blank_before = i == 0 || isspace((unsigned char)text[i - 1]);
        bool three = strncmp(text + i, "\"\"\"", 3) == 0;
        if (three && (in == TREE_CODE || lengthy)) {
            lengthy = !lengthy;
            in = lengthy ? TREE_WORDS : TREE_CODE;
            kind[i] = kind[i + 1] = kind[i + 2] = TREE_WORDS;
            i += 2;
            continue;
        }
        if (in == TREE_CODE && text[i] == '#' && blank_before) in = TREE_WORDS;
        if (in == TREE_WORDS && !lengthy && text[i] == '\n') in = TREE_CODE;
        kind[i] = in;
    }
}

/* Pages: all but the blocks, which test_docs.c runs. */
static inline void tree_split_page(const char *text, char *kind) {
    bool block = false;
    for (size_t i = 0; text[i];) {
        size_t len = strcspn(text + i, "\n") + (strchr(text + i, '\n') != NULL);
        bool fence = strncmp(text + i + strspn(text + i, " "), "```", 3) == 0;
        memset(kind + i, block || fence ? TREE_CODE : TREE_WORDS, len);
        block ^= fence;
        i += len;
    }
}

/* The text with everything of another kind blanked, line ends kept, so that places stay; NULL for a file that
 * is none of these. `keep`: kinds, as "cs". */
static inline char *tree_only(tree *t, const char *path, const char *text, const char *keep) {
    size_t len = strlen(text);
    char *kind = gk_arena_alloc(t->a, len + 4), *out = gk_arena_strdup(t->a, text);
    if (tree_is(path, TREE_C))
        tree_split_c(text, kind);
    else if (tree_is(path, TREE_SH))
        tree_split_sh(text, kind);
    else if (tree_is(path, TREE_PAGE))
        tree_split_page(text, kind);
    else
        return NULL;
    for (size_t i = 0; i < len; i++)
        if (out[i] != '\n' && !strchr(keep, kind[i])) out[i] = ' ';
    return out;
}

static inline int tree_line(const char *text, const char *at) {
    int line = 1;
    for (; text < at; text++) line += *text == '\n';
    return line;
}

#endif
