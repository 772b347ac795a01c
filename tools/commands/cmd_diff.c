/* cmd_diff.c: `graftkit diff`: how far two models of one architecture are apart, component by component. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "graftkit/core/progress.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/difference.h"
#include "graftkit/model/weights.h"
#include "graftkit/report.h"
#include "tools/tools.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct args {
    const char *a, *b, *out, *json, *figures;
    int64_t rank, threads;
} args;

/* ---------------------------------------------------------------- what is printed */

static bool in_table(const gk_config *c, gk_component comp) {
    return gk_component_in_layer(comp) && gk_config_has(c, comp);
}

static void say_row(const gk_diff *d, int layer, const char *name) {
    char text[GK_DIFF_TEXT];
    printf("%-6s", name);
    for (int i = 0; i < GK_N_COMPONENTS; i++)
        if (in_table(&d->config, (gk_component)i))
            printf(" %8s", gk_diff_text(gk_diff_relative_of(d, layer, (gk_component)i), text));
    if (layer >= 0) printf("  %8s", gk_diff_text(gk_diff_relative_of(d, layer, GK_N_COMPONENTS), text));
    printf("\n");
}

static void say_table(const gk_diff *d) {
    printf("|B - A| / |A|; 0: identical\n\n%-6s", "layer");
    for (int i = 0; i < GK_N_COMPONENTS; i++)
        if (in_table(&d->config, (gk_component)i)) printf(" %8s", gk_component_name((gk_component)i));
    printf("  %8s\n", "layer");
    for (int l = 0; l < d->config.n_layers; l++) {
        char name[16];
        snprintf(name, sizeof name, "%d", l);
        say_row(d, l, name);
    }
    say_row(d, -2, "all");
    printf("\n");
    for (int i = 0; i < GK_N_COMPONENTS; i++) {
        char text[GK_DIFF_TEXT];
        const gk_diff_item *t = gk_diff_find(d, -1, (gk_component)i);
        if (t) printf("%s %s   ", gk_component_name(t->comp), gk_diff_text(gk_diff_relative(t), text));
    }
    if (d->config.tied) printf("head = embed");
    printf("\n");
}

static void say_profile(const gk_diff *d) {
    int steps[GK_DIFF_STEPS], n = gk_diff_steps(d->rank, steps);
    bool any = false;
    for (size_t i = 0; i < d->n; i++) any |= d->item[i].n_sigma > 0;
    if (!any) return;
    printf("\nshare of |B - A|^2 in the first singular directions, median over layers\n\n%-6s %12s", "",
           "stable rank");
    for (int s = 0; s < n; s++) printf(" %8d", steps[s]);
    printf("\n");
    for (int i = 0; i < GK_N_COMPONENTS; i++) {
        gk_component c = (gk_component)i;
        if (isnan(gk_diff_median(d, c, 0))) continue;
        printf("%-6s %12.1f", gk_component_name(c), gk_diff_median(d, c, 0));
        for (int s = 0; s < n; s++) {
            double share = gk_diff_median(d, c, steps[s]);
            if (isnan(share))
                printf(" %8s", "-");
            else
                printf(" %7.1f%%", 100 * share);
        }
        printf("\n");
    }
}

static void say_whole(const gk_diff *d) {
    char text[GK_DIFF_TEXT];
    size_t values = 0, changed = 0, equal = 0;
    for (size_t i = 0; i < d->n; i++) {
        values += d->item[i].values;
        changed += d->item[i].changed;
        equal += d->item[i].changed == 0;
    }
    if (changed == 0)
        printf("\nthe weights are identical\n");
    else
        printf("\nmodel  %s; %.1f%% of the values differ; %zu of %zu components are identical\n",
               gk_diff_text(gk_diff_relative_of(d, -2, GK_N_COMPONENTS), text),
               100 * (double)changed / (double)values, equal, d->n);
}

/* ---------------------------------------------------------------- JSON */

/* JSON has no infinity and no NaN. */
static void put_num(json_t *o, const char *key, double x) {
    json_object_set_new(o, key, isfinite(x) ? json_real(x) : json_null());
}

static json_t *item_json(const gk_diff_item *i, const int *steps, int n) {
    json_t *o = json_object(), *share = json_object(), *sigma = json_array();
    json_object_set_new(o, "component", json_string(gk_component_name(i->comp)));
    json_object_set_new(o, "layer", i->layer < 0 ? json_null() : json_integer(i->layer));
    json_object_set_new(o, "shape", json_pack("[i, i]", i->out, i->in));
    json_object_set_new(o, "values", json_integer((json_int_t)i->values));
    json_object_set_new(o, "changed", json_integer((json_int_t)i->changed));
    put_num(o, "norm_a", i->norm_a);
    put_num(o, "norm_b", i->norm_b);
    put_num(o, "delta", i->delta);
    put_num(o, "relative", gk_diff_relative(i));
    put_num(o, "stable_rank", gk_diff_stable_rank(i));
    for (int s = 0; s < n; s++) {
        char key[16];
        snprintf(key, sizeof key, "%d", steps[s]);
        put_num(share, key, gk_diff_share(i, steps[s]));
    }
    json_object_set_new(o, "share", share);
    for (int s = 0; s < i->n_sigma; s++) json_array_append_new(sigma, json_real(i->sigma[s]));
    json_object_set_new(o, "singular_values", sigma);
    return o;
}

static json_t *diff_json(const args *g, const gk_diff *d) {
    int steps[GK_DIFF_STEPS], n = gk_diff_steps(d->rank, steps);
    json_t *o = json_object(), *items = json_array();
    json_object_set_new(o, "a", json_string(g->a));
    json_object_set_new(o, "b", json_string(g->b));
    json_object_set_new(o, "family", json_string(gk_family_name(d->config.family)));
    json_object_set_new(o, "layers", json_integer(d->config.n_layers));
    put_num(o, "relative", gk_diff_relative_of(d, -2, GK_N_COMPONENTS));
    for (size_t i = 0; i < d->n; i++) json_array_append_new(items, item_json(&d->item[i], steps, n));
    json_object_set_new(o, "components", items);
    return o;
}

/* ---------------------------------------------------------------- running */

static gk_diff *compare(const args *g, const gk_model *a, const gk_model *b, gk_error *err) {
    if (!gk_config_same(gk_model_config(a), gk_model_config(b))) /* say so before a bar is drawn */
        return gk_model_diff(a, b, (int)g->rank, NULL, err);
    gk_progress *p = gk_progress_start(stderr, "diff", (double)gk_model_count(a), "values");
    gk_diff *d = gk_model_diff(a, b, (int)g->rank, p, err);
    gk_progress_end(p, NULL);
    return d;
}

/* Before the work, so that it is not for nothing. The page's folder is made. */
static bool can_write(const args *g, gk_error *err) {
    const gk_named_path named[] = {{"--a", g->a, GK_MODEL},
                                   {"--b", g->b, GK_MODEL},
                                   {"--out", g->out, GK_OUTPUT},
                                   {"--json", g->json, GK_OUTPUT}};
    const char *slash = g->out ? strrchr(g->out, '/') : NULL;
    if (slash && slash != g->out) {
        gk_arena *a = gk_arena_new();
        bool ok = gk_mkdirs(gk_arena_strndup(a, g->out, (size_t)(slash - g->out)), err);
        gk_arena_free(a);
        if (!ok) return false;
    }
    return gk_check_outputs(named, sizeof named / sizeof *named, err) &&
           (!g->json || gk_out_check(g->json, err)) && (!g->out || gk_out_check(g->out, err));
}

static bool write_files(const args *g, const gk_diff *d, gk_error *err) {
    bool ok = true;
    if (g->json) {
        json_t *o = diff_json(g, d);
        ok = gk_json_save(g->json, o, err);
        json_decref(o);
    }
    return ok && ((!g->out && !g->figures) || gk_diff_write(d, g->a, g->b, g->out, g->figures, err));
}

/* Of a padded vocabulary the rows that both have are compared. */
static bool fit(const args *g, gk_model *a, gk_model *b, gk_error *err) {
    int of_a = gk_model_config(a)->vocab, of_b = gk_model_config(b)->vocab;
    bool more = of_a > of_b;
    if (of_a == of_b || !(more ? gk_model_fit_vocab(a, b, err) : gk_model_fit_vocab(b, a, err)))
        return of_a == of_b;
    if (gk_model_config(a)->vocab == gk_model_config(b)->vocab)
        gk_notice(GK_AT_FILE(more ? g->a : g->b),
                  "a vocabulary of %d rows, the other's has %d: those beyond are not "
                  "compared",
                  more ? of_a : of_b, more ? of_b : of_a);
    return true;
}

static int run(const args *g) {
    gk_error err;
    if (g->rank < 1 || g->rank > GK_MOST_RANK) {
        char hint[32];
        snprintf(hint, sizeof hint, "from 1 to %d", GK_MOST_RANK);
        gk_fail(&err, GK_AT_FIELD(NULL, "--rank"), hint, "is %" PRId64, g->rank);
        return gk_die("diff", &err);
    }
    gk_model *a = gk_model_open(g->a, &err), *b = a ? gk_model_open(g->b, &err) : NULL;
    gk_diff *d = b && can_write(g, &err) && fit(g, a, b, &err) ? compare(g, a, b, &err) : NULL;
    bool ok = d && write_files(g, d, &err);
    if (d) {
        printf("A  %s\nB  %s\n\n", g->a, g->b);
        say_table(d);
        say_profile(d);
        say_whole(d);
    }
    gk_diff_free(d);
    gk_model_free(a);
    gk_model_free(b);
    if (ok) return 0;
    int code = gk_die("diff", &err);
    return gk_interrupted() ? 130 : code;
}

int cmd_diff(int argc, char **argv) {
    args g = {.rank = 64};
    const gk_opt opts[] = {
        {"a", GK_OPT_STR, &g.a, "PATH", "a model: a Hugging Face folder, or a .gguf file", true},
        {"b", GK_OPT_STR, &g.b, "PATH", "another of the same architecture", true},
        {"rank", GK_OPT_INT, &g.rank, "K", "singular values of each difference", false},
        {"out", GK_OPT_STR, &g.out, "FILE", "write a page with a heatmap and rank profiles (HTML)", false},
        {"figures", GK_OPT_STR, &g.figures, "DIR", "a folder for the heatmap as SVG and PDF", false},
        {"json", GK_OPT_STR, &g.json, "FILE", "write the figures there (JSON)", false},
        {"threads", GK_OPT_INT, &g.threads, "N", "threads; 0: all cores", false},
    };
    gk_arena *arena = gk_arena_new();
    int code = gk_args("diff", "show how far two models of one architecture are apart", opts,
                       sizeof opts / sizeof *opts, argc, argv, arena);
    if (code < 0) {
        gk_use_threads(g.threads);
        code = run(&g);
    }
    gk_arena_free(arena);
    return code;
}
