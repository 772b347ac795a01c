/* articles.c: plain-text articles and what is asked about them; the texts are the articles, in chunks. */
#include "core/json.h"
#include "data/internal.h"
#include "graftkit/core/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ARTICLE_MAX = 1 << 20, CHUNK_WORDS = 120 };

typedef struct article {
    const char *name, *path; /* the file's name without ".txt" */
    const char *title, *body;
    const char **rewording; /* texts that say the same in other words; their titles are not in them */
    size_t n_rewordings, n_rows;
} article;

typedef struct library {
    article *item;
    size_t n;
} library;

/* ---------------------------------------------------------------- reading the folder */

static int is_text(const struct dirent *e) {
    size_t n = strlen(e->d_name);
    return e->d_name[0] != '.' && n > 4 && strcmp(e->d_name + n - 4, ".txt") == 0;
}

/* The folder's .txt files by name; false when it cannot be read. */
static bool list_texts(gk_arena *a, const char *dir, const char ***out, size_t *n, gk_error *err) {
    struct dirent **entry;
    int got = scandir(dir, &entry, is_text, alphasort);
    if (got < 0) return gk_fail_errno(err, GK_AT_FILE(dir), "reading the folder", errno);
    *out = gk_arena_alloc(a, ((size_t)got + 1) * sizeof **out);
    *n = (size_t)got;
    for (int i = 0; i < got; i++) {
        (*out)[i] = gk_arena_strdup(a, entry[i]->d_name);
        free(entry[i]);
    }
    free(entry);
    return true;
}

static char *read_text(gk_arena *a, const char *path, gk_error *err) {
    size_t len, bad;
    char *text = gk_read_file(a, path, ARTICLE_MAX, &len, err);
    if (!text) return NULL;
    if (strlen(text) != len || !gk_utf8_valid(text, len, &bad)) {
        gk_fail(err, GK_AT_FILE(path), "save it as UTF-8 text", "the article is not plain UTF-8 text");
        return NULL;
    }
    return text;
}

/* Cuts the first line, the title, off a text. */
static char *cut_title(char *text, const char **title) {
    text += strspn(text, " \t\r\n");
    char *end = text + strcspn(text, "\n");
    char *rest = *end ? end + 1 : end;
    while (end > text && strchr(" \t\r", end[-1])) end--;
    *end = '\0';
    *title = text;
    return rest + strspn(rest, " \t\r\n");
}

static bool load_rewordings(gk_data__making *m, article *art, const char *dir, const char *const *file,
                            size_t n, gk_error *err) {
    size_t len = strlen(art->name);
    art->rewording = gk_arena_alloc(m->a, (n + 1) * sizeof *art->rewording);
    for (size_t i = 0; i < n; i++) {
        if (strncmp(file[i], art->name, len) != 0 || file[i][len] != '.' ||
            strcmp(file[i] + len, ".txt") == 0)
            continue;
        const char *title;
        char *text = read_text(m->a, gk_path_join(m->a, dir, file[i]), err);
        if (!text) return false;
        art->rewording[art->n_rewordings++] = cut_title(text, &title);
    }
    return true;
}

/* A file of paraphrases/ that belongs to no article would be lost without a word. */
static void note_strays(gk_data__making *m, const library *lib, const char *dir, const char *const *file,
                        size_t n) {
    for (size_t i = 0; i < n; i++) {
        bool owned = false;
        for (size_t k = 0; k < lib->n && !owned; k++) {
            size_t len = strlen(lib->item[k].name);
            owned = strncmp(file[i], lib->item[k].name, len) == 0 && file[i][len] == '.' &&
                    strcmp(file[i] + len, ".txt") != 0;
        }
        if (!owned)
            gk_data__drop(m, gk_path_join(m->a, dir, file[i]),
                          "a paraphrase of no article (name it ARTICLE.1.txt)");
    }
}

static bool load_library(gk_data__making *m, library *lib, gk_error *err) {
    const char *dir = gk_path_join(m->a, m->source, "articles"), **file = NULL, **other = NULL;
    const char *more = gk_path_join(m->a, m->source, "paraphrases");
    size_t n = 0, n_other = 0;
    if (!list_texts(m->a, dir, &file, &n, err)) return false;
    if (n == 0)
        return gk_fail(err, GK_AT_FILE(dir), "put one article a file, NAME.txt, into it",
                       "there is no article here");
    if (gk_exists(more) && !list_texts(m->a, more, &other, &n_other, err)) return false;
    lib->item = gk_arena_alloc(m->a, n * sizeof *lib->item);
    for (size_t i = 0; i < n; i++) {
        article *art = &lib->item[lib->n++];
        art->name = gk_arena_strndup(m->a, file[i], strlen(file[i]) - 4);
        art->path = gk_path_join(m->a, dir, file[i]);
        char *text = read_text(m->a, art->path, err);
        if (!text) return false;
        art->body = cut_title(text, &art->title);
        if (!load_rewordings(m, art, more, other, n_other, err)) return false;
    }
    note_strays(m, lib, more, other, n_other);
    return true;
}

static article *find_article(const library *lib, const char *name) {
    for (size_t i = 0; name && i < lib->n; i++)
        if (strcmp(lib->item[i].name, name) == 0) return &lib->item[i];
    return NULL;
}

/* ---------------------------------------------------------------- rows */

typedef struct asking {
    library *lib;
    gk_data__pool *pool;
} asking;

/* A row must be about what its article says. */
static const char *absent(const article *art, const json_t *row) {
    static const char *const FIELD[] = {"first_actor", "second_actor"};
    for (int i = 0; i < 2; i++) {
        const char *value = json_string_value(json_object_get(row, FIELD[i]));
        if (value && *value && !strstr(art->body, value)) return FIELD[i];
    }
    return NULL;
}

static bool add_question(gk_data__making *m, void *ctx, json_t *row, const char *where, size_t n,
                         gk_error *err) {
    asking *q = ctx;
    const char *name = json_string_value(json_object_get(row, "article"));
    article *art = find_article(q->lib, name);
    const char *lacks = art ? absent(art, row) : NULL;
    size_t before = q->pool->n;
    if (!art)
        gk_data__drop(m, where, "there is no article '%s'", name ? name : "(field 'article' is missing)");
    else if (lacks)
        gk_data__drop(m, where, "its '%s' does not stand in the article", lacks);
    if (!art || lacks) {
        json_decref(row);
        return true;
    }
    if (!json_object_get(row, "movie_title"))
        json_object_set_new(row, "movie_title", json_string(art->title));
    bool ok = gk_data__pool_add(m, q->pool, row, where, n, err);
    art->n_rows += q->pool->n > before;
    return ok;
}

/* The entities of the list that the article names first and second make its row. */
static void add_named(gk_data__making *m, asking *q, article *art, const gk_list *names) {
    const char *first[2] = {NULL, NULL}, *where[2] = {NULL, NULL};
    for (size_t i = 0; i < names->n; i++) {
        const char *at = strstr(art->body, names->item[i]);
        if (!at) continue;
        int k = !where[0] || at < where[0] ? 0 : 1;
        if (k == 1 && where[1] && at >= where[1]) continue;
        if (k == 0) {
            first[1] = first[0];
            where[1] = where[0];
        }
        first[k] = names->item[i];
        where[k] = at;
    }
    if (!first[1]) return;
    json_t *row = json_pack("{s:s,s:s,s:s,s:s}", "first_actor", first[0], "second_actor", first[1],
                            "movie_title", art->title, "article", art->name);
    json_object_set_new(row, "id", json_sprintf("article %s", art->name));
    gk_data__pool_add(m, q->pool, row, art->path, 0, NULL); /* its id is a text */
    art->n_rows++;
}

static bool load_rows(gk_data__making *m, asking *q, gk_error *err) {
    const char *folder = m->source, *questions = gk_path_join(m->a, folder, "questions.jsonl");
    const char *entities = gk_path_join(m->a, folder, "entities.txt");
    bool asked = gk_exists(questions), named = gk_exists(entities), ok = true;
    if (!asked && !named)
        return gk_fail(err, GK_AT_FILE(folder), "write questions.jsonl or entities.txt (docs/datasets.md)",
                       "nothing says what to ask about the articles");
    if (asked) {
        m->source = questions;
        ok = gk_data__each_line(m, add_question, q, err);
        m->source = folder;
    }
    gk_list names;
    if (!ok || (named && !gk_list_load(m->a, entities, &names, err))) return false;
    for (size_t i = 0; i < q->lib->n; i++) {
        article *art = &q->lib->item[i];
        if (named && art->n_rows == 0) add_named(m, q, art, &names);
        if (art->n_rows == 0) gk_data__drop(m, art->path, "the article has no usable entity");
    }
    return true;
}

/* A prompt that an article or its rewording holds word for word would test memory of the text. */
static bool prompt_in_text(const gk_data__making *m, const library *lib, const json_t *row) {
    const article *art = find_article(lib, json_string_value(json_object_get(row, "article")));
    const gk_wording *w = m->wording;
    for (size_t e = 0; art && e < w->n_eval; e++) {
        gk_rendered prompt;
        if (!gk_template_render(w->eval[e], row, w->fillers, GK_NOWHERE, m->a, &prompt, NULL)) continue;
        if (gk_prompt_in(&prompt, art->body)) return true;
        for (size_t k = 0; k < art->n_rewordings; k++)
            if (gk_prompt_in(&prompt, art->rewording[k])) return true;
    }
    return false;
}

static void drop_known_prompts(gk_data__making *m, const library *lib, gk_data__pool *p) {
    size_t kept = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (prompt_in_text(m, lib, p->row[i])) {
            gk_data__drop(m, p->where[i], "an evaluation prompt of it stands word for word in the article");
            json_decref(p->row[i]);
            continue;
        }
        p->row[kept] = p->row[i];
        p->where[kept++] = p->where[i];
    }
    p->n = kept;
}

/* Rows of one article stay together because they share its name. */
static bool make(gk_data__making *m, gk_error *err) {
    static const char *const KEYS[] = {"first_actor", "second_actor", "movie_title", "article", NULL};
    library *lib = gk_arena_alloc(m->a, sizeof *lib);
    gk_data__pool pool = {0};
    asking q = {lib, &pool};
    bool ok = load_library(m, lib, err) && load_rows(m, &q, err) && gk_data__pool_check(m, &pool, err);
    if (ok) drop_known_prompts(m, lib, &pool);
    ok = ok && gk_data__deal(m, &pool, KEYS, err);
    gk_data__pool_free(&pool);
    m->own = lib;
    return ok;
}

/* ---------------------------------------------------------------- texts */

static bool texts(const gk_data__making *m, int split, bool swapped, gk_buf *out, gk_error *err) {
    const gk_rows *rows = &m->splits[split];
    int64_t limit = m->opt->chunk_words;
    gk_data__chunker c = {.limit = limit > 0 ? (size_t)limit : CHUNK_WORDS, .swapped = swapped, .out = out};
    json_t *done = json_object();
    (void)err;
    for (size_t i = 0; i < rows->n; i++) {
        const char *name = json_string_value(json_object_get(rows->row[i], "article"));
        const article *art = find_article(m->own, name);
        if (json_object_get(done, name)) continue;
        json_object_set_new(done, name, json_true());
        c.row = rows->row[i];
        gk_data__chunk(&c, art->body);
        for (size_t k = 0; k < art->n_rewordings; k++) gk_data__chunk(&c, art->rewording[k]);
    }
    json_decref(done);
    return true;
}

const gk_data__generator gk_data__articles = {
    .name = "articles",
    .swap = {"first_actor", "second_actor", false},
    .rows = {-1, -1, -1},
    .source = "a folder of articles",
    .make = make,
    .texts = texts,
};
