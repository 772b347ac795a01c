/* pipeline.c: reads the steps and the variables of the pipeline. */
#include "graftkit/core/file.h"
#include "tools/pipeline.h"

#include <string.h>

/* "report: $(OUT)/report/index.html ## all of the above" */
static void add_step(gk_pipeline *p, char *line) {
    char *about = strstr(line, " ## ");
    size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyz-");
    if (!about || name == 0 || line[name] != ':') return;
    line[name] = '\0';
    p->step[p->n_steps++] = (gk_step){line, about + 4};
}

/* The word in the brackets at the end, up to a ; as run.mk takes it too. */
static const char *standard_of(gk_arena *a, const char *about) {
    const char *open = strrchr(about, '[');
    size_t n = open ? strspn(open + 1, "abcdefghijklmnopqrstuvwxyz0123456789._/-") : 0;
    return n && (open[1 + n] == ']' || open[1 + n] == ';') ? gk_arena_strndup(a, open + 1, n) : "";
}

static void add_variable(gk_arena *a, gk_pipeline *p, char *line) {
    if (strncmp(line, "#: ", 3) != 0) return;
    char *name = line + 3, *value = strchr(name, '='), *about = strstr(name, "  ");
    if (!value || !about || value > about) return;
    *value = *about = '\0';
    about += 1 + strspn(about + 1, " ");
    p->variable[p->n_variables++] = (gk_variable){name, value + 1, about, standard_of(a, about)};
}

bool gk_pipeline_read(gk_arena *a, gk_pipeline *out, gk_error *err) {
    *out = (gk_pipeline){.path = gk_shipped_path(a, gk_home(), GK_SHIPPED_PIPELINE, "run")};
    if (!gk_exists(out->path))
        return gk_fail(
            err, GK_AT_FILE(gk_home()),
            "install graftkit whole, or let GRAFTKIT_HOME name its share/graftkit or its source tree",
            "the folder lacks %s/run.mk", gk_shipped_folder(GK_SHIPPED_PIPELINE));
    char *text = gk_read_file(a, out->path, 1 << 20, NULL, err), *state = NULL;
    if (!text) return false;
    size_t lines = 1;
    for (const char *c = text; *c; c++) lines += *c == '\n';
    out->step = gk_arena_alloc(a, lines * sizeof *out->step);
    out->variable = gk_arena_alloc(a, lines * sizeof *out->variable);
    for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        add_step(out, line);
        add_variable(a, out, line);
    }
    return true;
}
