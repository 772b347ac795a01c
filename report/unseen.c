/* unseen.c: the check that facts whose target begins with a token that the base never read are known as well
 * as others: what the gate wrote of them, beside what the store has. */
#include "core/json.h"
#include "report/internal.h"

#include <string.h>

static const double CLEAR = 0.05;
enum { GUESSES = 5 };

typedef struct fact {
    size_t prompts, hits;
    bool asked, unseen;
} fact;

static bool lists(const json_t *tokens, int64_t id) {
    size_t i;
    const json_t *t;
    json_array_foreach(tokens, i, t) {
        if (json_integer_value(t) == id) return true;
    }
    return false;
}

/* Both are in the order of prompts' ids. */
static void count(const gk_tried *tried, const gk_asked_token *token, size_t n, const json_t *tokens,
                  fact *facts) {
    for (size_t i = 0, k = 0; i < tried->n; i++) {
        const gk_outcome *o = &tried->item[i];
        fact *f = &facts[o->row];
        while (k < n && token[k].prompt < o->prompt) k++;
        f->asked = true;
        f->prompts++;
        f->hits += o->rank < GUESSES;
        if (k < n && token[k].prompt == o->prompt) f->unseen |= lists(tokens, token[k].target_id);
    }
}

/* A fact is known that is among the five guesses in more than half of its prompts. */
static void say(const gk_report__state *r, const fact *facts, size_t n_rows, gk_checks__check *out) {
    size_t n[2] = {0}, known[2] = {0};
    for (size_t i = 0; i < n_rows; i++) {
        if (!facts[i].asked) continue;
        n[facts[i].unseen]++;
        known[facts[i].unseen] += 2 * facts[i].hits > facts[i].prompts;
    }
    double p = gk_fisher_fewer(known[1], n[1], known[0], n[0]);
    out->holds = !(p < CLEAR);
    out->claim =
        "Targets that begin with what the base never read are known as well as others (p \u2265 .05)";
    out->seen = n[1] == 0 ? gk_arena_printf(r->a, "none of %zu facts has such a target", n[0])
                          : gk_arena_printf(r->a,
                                            "%zu of %zu facts have such a target: %zu of them known, of the "
                                            "others %zu of %zu; p = %.2g",
                                            n[1], n[0] + n[1], known[1], known[0], n[0], p);
    out->why = n[0] + n[1] == 0 || (n[0] == 0 && n[1] > 0) ? "there are no others to compare with" : NULL;
}

/* The rows that the gate looked at are those that were swept; true where one of the two does not say. */
static bool same_rows(const gk_report__state *r, const json_t *rows) {
    const char *hash = json_string_value(json_object_get(rows, "rows_sha256")),
               *swept = gk_report__run(r, "rows_sha256");
    return !hash || !swept || strcmp(hash, swept) == 0;
}

static bool judge(const gk_report__state *r, const json_t *rows, gk_checks__check *out) {
    const gk_tried *tried = gk_outcomes_of(&r->outcomes, r->pattern.ceiling_name);
    gk_asked_token *token;
    size_t n, n_rows = 0;
    if (!gk_store_asked_tokens(r->s, r->a, &token, &n, r->err)) return false;
    for (size_t i = 0; i < tried->n; i++)
        if (tried->item[i].row >= n_rows) n_rows = tried->item[i].row + 1;
    fact *facts = gk_arena_alloc(r->a, (n_rows + 1) * sizeof *facts);
    count(tried, token, n, json_object_get(rows, "tokens"), facts);
    say(r, facts, n_rows, out);
    if (same_rows(r, rows)) return true;
    out->seen = "";
    out->why = "the gate looked at other rows";
    return true;
}

bool gk_checks__unseen(const gk_report__state *r, gk_checks__check *out) {
    *out = (gk_checks__check){0};
    const char *ceiling = r->pattern.ceiling_name;
    if (!r->o->gate || !ceiling || !gk_outcomes_of(&r->outcomes, ceiling)) return true;
    json_t *gate = gk_json_load(r->o->gate, r->err), *rows = json_object_get(gate, "new_rows");
    bool ok = gate && (!rows || judge(r, rows, out));
    json_decref(gate);
    return ok;
}
