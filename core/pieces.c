/* pieces.c: the named pieces of an embedded file. */
#include "core/embed.h"

#include <string.h>

/* The name on a line that begins a piece, its length in *n; NULL where it is no such line. */
static const char *marked(const char *line, size_t *n) {
    static const char *const marks[] = {"<!-- [", "-- ["};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t skip = strlen(marks[i]);
        if (strncmp(line, marks[i], skip) != 0) continue;
        *n = strcspn(line + skip, "]\n");
        return line[skip + *n] == ']' ? line + skip : NULL;
    }
    return NULL;
}

static const char *next_line(const char *at) {
    at += strcspn(at, "\n");
    return *at ? at + 1 : at;
}

const char *gk_piece(const char *text, const char *name, size_t *n) {
    size_t len;
    for (const char *line = text; *line; line = next_line(line)) {
        const char *its = marked(line, &len);
        if (!its || len != strlen(name) || memcmp(its, name, len) != 0) continue;
        const char *begin = next_line(line), *end = begin;
        while (*end && !marked(end, &len)) end = next_line(end);
        while (end > begin && end[-1] == '\n') end--;
        *n = (size_t)(end - begin);
        return begin;
    }
    return NULL;
}
