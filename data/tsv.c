/* tsv.c: tab-separated lists. */
#include "data/internal.h"
#include "graftkit/core/file.h"

#include <string.h>

enum { TABLE_FILE_MAX = 4 << 20, TABLE_ROWS_MAX = GK_LIST_MAX };

static bool check_line(const char *line, gk_place at, gk_error *err) {
    if (!gk_utf8_valid(line, strlen(line), NULL))
        return gk_fail(err, at, "save the table as UTF-8", "the line is not UTF-8");
    for (const char *p = line; *p; p++)
        if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7F)
            return gk_fail(err, at, "write plain text with tabs between the columns",
                           "the line holds a control character");
    return true;
}

/* Cuts `line` at its tabs into cell[0 .. columns). */
static bool cut(char *line, size_t columns, const char **cell, gk_place at, gk_error *err) {
    size_t n = 0;
    for (char *text; (text = strsep(&line, "\t")); n++) {
        if (n < columns) cell[n] = text;
        if (!*text)
            return gk_fail(err, at, "fill every column", "column %zu of the table's line is empty", n + 1);
    }
    return n == columns || gk_fail(err, at, "write one tab between two columns",
                                   "the line has %zu columns, not %zu", n, columns);
}

static bool add_line(gk_data__tsv *t, char *line, gk_place at, gk_error *err) {
    if (t->n == TABLE_ROWS_MAX)
        return gk_fail(err, at, NULL, "the table has more than %d lines", TABLE_ROWS_MAX);
    const char **cell = t->cell + t->n * t->columns;
    if (!check_line(line, at, err) || !cut(line, t->columns, cell, at, err)) return false;
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->cell[i * t->columns], cell[0]) == 0)
            return gk_fail(err, at, "name each thing once", "'%s' is in this table already", cell[0]);
    t->line[t->n++] = at.line;
    return true;
}

bool gk_data__tsv_load(gk_arena *a, const char *path, size_t columns, gk_data__tsv *out, gk_error *err) {
    size_t len;
    *out = (gk_data__tsv){.path = gk_arena_strdup(a, path), .columns = columns};
    char *rest = gk_read_file(a, path, TABLE_FILE_MAX, &len, err);
    if (!rest) return false;
    if (strlen(rest) != len) return gk_fail(err, GK_AT_BYTE(path, strlen(rest)), NULL, "NUL byte in a table");
    out->cell = gk_arena_alloc(a, TABLE_ROWS_MAX * columns * sizeof *out->cell);
    out->line = gk_arena_alloc(a, TABLE_ROWS_MAX * sizeof *out->line);
    char *line;
    for (long number = 1; (line = strsep(&rest, "\n")); number++) {
        size_t end = strlen(line);
        if (end > 0 && line[end - 1] == '\r') line[end - 1] = '\0';
        if (!*line || *line == '#') continue;
        if (!add_line(out, line, GK_AT_LINE(path, number, 0), err)) return false;
    }
    if (out->n == 0)
        return gk_fail(err, GK_AT_FILE(path), "write one thing a line", "the table has no lines");
    return true;
}

const char *gk_data__tsv_at(const gk_data__tsv *t, size_t row, size_t column) {
    return t->cell[row * t->columns + column];
}
