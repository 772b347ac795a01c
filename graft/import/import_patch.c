/* import_patch.c: files of patch configurations of the public code as one file of schemes. */
#include "graft/import/import.h"
#include "graftkit/graft/scheme.h"

#include <string.h>

/* Files stay open until all is said: places in them are borrowed. */
typedef struct importer {
    gk_arena *a;
    const gk_import_options *o;
    gk_graft__import_setting setting; /* of configurations without an experiment of their own */
    const char *templates, *templates_of;
    gk_graft__import_config *done;
    size_t n;
    gk_yaml **file;
    size_t n_files;
    gk_buf out;
} importer;

static gk_yaml *open_file(importer *m, const char *path, gk_error *err) {
    gk_yaml *y = gk_yaml_load(path, err);
    if (y) m->file[m->n_files++] = y;
    return y;
}

static bool is_there(gk_ynode map, const char *key) {
    return gk_yaml_kind_of(gk_yaml_get(map, key)) != GK_YAML_NONE;
}

/* All experiments of a set are evaluated on the same prompts. */
static bool take_templates(importer *m, const char *templates, const char *path, gk_error *err) {
    if (!templates) return true;
    if (m->templates && strcmp(m->templates, templates) != 0)
        return gk_fail(err, GK_AT_FIELD(path, "test_templates"), "import them one by one",
                       "differ from those of %.200s", m->templates_of);
    m->templates = templates;
    m->templates_of = path;
    return true;
}

static bool read_experiment(importer *m, const char *path, gk_error *err) {
    const char *templates = NULL;
    gk_yaml *y = path ? open_file(m, path, err) : NULL;
    if (!path) return gk_graft__import_options_setting(m->o, &m->setting, err);
    if (!y || !gk_graft__import_experiment(m->a, gk_yaml_root(y), path, m->o, &m->setting, &templates, err))
        return false;
    m->setting.name = NULL; /* each configuration has its own */
    return take_templates(m, templates, path, err);
}

static bool read_one(importer *m, const char *path, const char *experiment, gk_error *err) {
    gk_graft__import_config *c = &m->done[m->n];
    gk_graft__import_setting own = m->setting;
    const char *templates = NULL;
    gk_yaml *y = open_file(m, path, err);
    if (!y) return false;
    gk_ynode root = gk_yaml_root(y), config = root;
    if (is_there(root, "patch_config")) {
        if (experiment)
            return gk_fail(err, gk_yaml_place(gk_yaml_get(root, "patch_config")),
                           "leave the option --experiment out",
                           "the file is an experiment of its own, which stands beside %.200s", experiment);
        if (!gk_graft__import_experiment(m->a, root, path, m->o, &own, &templates, err) ||
            !take_templates(m, templates, path, err))
            return false;
        config = gk_yaml_get(root, "patch_config");
    } else if (is_there(root, "model") || is_there(root, "inference_config")) {
        return gk_fail(err, GK_AT_FILE(path), "give it as --experiment, beside patch configurations",
                       "the experiment has no patch_config");
    }
    if (!gk_graft__import_read(m->a, config, path, &own, m->o, c, err)) return false;
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->done[i].name, c->name) == 0)
            return gk_fail(err, GK_AT_FILE(path), "rename one of them",
                           "the scheme would be named '%.80s', as that of %.200s is", c->name,
                           m->done[i].path);
    m->n++;
    return true;
}

static void write_all(importer *m) {
    gk_buf_puts(&m->out, "# Patch configurations of the public code, by graftkit import-patch. Format: "
                         "docs/schemes.md\nset: ");
    gk_graft__import_quote(&m->out, m->o->set);
    gk_buf_puts(&m->out, "\nas_published: true\nschemes:\n");
    for (size_t i = 0; i < m->n; i++) gk_graft__import_write(m->a, &m->done[i], m->o->n_layers, &m->out);
}

static bool check_set(const char *name, gk_error *err) {
    bool line = *name != 0;
    for (const char *p = name; *p; p++) line &= (unsigned char)*p >= ' ';
    return line || gk_fail(err, GK_AT_FIELD(NULL, "--set"), "give it a short name",
                           "a name is one line without control characters");
}

bool gk_import_patches(gk_arena *a, const char *const *path, size_t n, const char *experiment,
                       const gk_import_options *o, gk_import *out, gk_error *err) {
    importer m = {.a = a, .o = o};
    gk_schemes schemes = {0};
    m.done = gk_arena_alloc(a, (n + 1) * sizeof *m.done);
    m.file = gk_arena_alloc(a, (n + 1) * sizeof *m.file);
    bool ok = check_set(o->set, err) && read_experiment(&m, experiment, err);
    for (size_t i = 0; ok && i < n; i++) ok = read_one(&m, path[i], experiment, err);
    if (ok) write_all(&m);
    ok = ok && gk_schemes_parse(a, m.out.data, m.out.len, "(imported)", 0, &schemes, err);
    *out = (gk_import){0};
    if (ok) *out = (gk_import){gk_arena_strndup(a, m.out.data, m.out.len), m.templates};
    for (size_t i = 0; i < m.n_files; i++) gk_yaml_free(m.file[i]);
    gk_buf_free(&m.out);
    return ok;
}
