/* search_write.c: the ladder, measured on both parts of the rows, as ladder.json, ladder.csv and
 * scheme.yaml. */
#include "core/json.h"
#include "eval/run/search.h"

#include <math.h>
#include <string.h>

static const char *const PART[GK_SEARCH__PARTS] = {"search", "held_out"};

/* ---------------------------------------------------------------- measuring */

static void add_rung(gk_search *s, const char *name, const bool *in) {
    gk_search_result *r = s->result;
    gk_search_rung *rung = &r->rung[r->n_rungs++];
    *rung = (gk_search_rung){.name = name, .in = in};
    for (size_t i = 0; i < s->cells.n; i++) rung->size += in[i];
    rung->share = gk_search__cells_share(&s->cells, &s->prompts, in);
}

static void list_rungs(gk_search *s) {
    gk_search_result *r = s->result;
    size_t n = s->cells.n;
    bool *none = gk_arena_alloc(s->a, n), *all = gk_arena_alloc(s->a, n), *rest = gk_arena_alloc(s->a, n);
    const bool *found = s->step[s->n_steps - 1].beam[0].in;
    memset(all, true, n);
    for (size_t i = 0; i < n; i++) rest[i] = !found[i];
    r->rung = gk_arena_alloc(s->a, (s->n_steps + 4) * sizeof *r->rung);
    add_rung(s, "PRE", none);
    for (size_t i = 0; i < s->n_steps; i++) {
        const gk_search__candidate *node = &s->step[i].beam[0];
        add_rung(s, gk_arena_printf(s->a, "rung %zu", i + 1), node->in);
        r->rung[r->n_rungs - 1].changed = s->cells.name[node->changed];
        r->rung[r->n_rungs - 1].dropped = s->step[i].drop;
    }
    r->n_ladder = s->n_steps;
    r->found = r->n_rungs;
    add_rung(s, "found", found);
    add_rung(s, "found^C", rest);
    add_rung(s, "SFT-rh", all);
}

/* PRE and SFT-rh, by whatever name: of what they recover of themselves no sample says more or less. */
static bool is_end(const gk_search *s, const gk_search_rung *rung) {
    return rung->size == 0 || rung->size == s->cells.n;
}

static bool measure_part(gk_search *s, int k, gk_error *err) {
    gk_search_result *r = s->result;
    size_t n = s->n_part[k], n_rungs = r->n_rungs;
    const bool **sets = gk_arena_alloc(s->a, n_rungs * sizeof *sets);
    for (size_t i = 0; i < n_rungs; i++) sets[i] = r->rung[i].in;
    gk_obs *obs = gk_alloc(n_rungs * n * sizeof *obs);
    bool ok =
        gk_search__score(s, k, sets, n_rungs, k == GK_SEARCH__SEARCHED ? "ladder" : "held out", obs, err);
    gk_obs_list *list = gk_arena_alloc(s->a, n_rungs * sizeof *list);
    gk_stats *stats = gk_arena_alloc(s->a, n_rungs * sizeof *stats);
    for (size_t i = 0; i < n_rungs; i++) list[i] = (gk_obs_list){obs + i * n, n};
    if (ok) gk_stats_compute_all(list, n_rungs, s->o.seed, GK_RESAMPLES, stats);
    for (size_t i = 0; ok && i < n_rungs; i++) {
        gk_search_score *score = k == GK_SEARCH__SEARCHED ? &r->rung[i].search : &r->rung[i].held_out;
        score->stats = stats[i];
        for (size_t j = 0; j < n; j++)
            if (!isfinite(list[i].obs[j].logprob)) score->not_finite++;
        gk_recovery(obs, obs + (n_rungs - 1) * n, list[i].obs, n, s->metric, s->o.seed, GK_RESAMPLES,
                    &score->recovery);
        if (is_end(s, &r->rung[i])) score->recovery.low = score->recovery.high = (double)NAN;
    }
    gk_paired ends;
    if (ok) gk_paired_compute(obs, obs + (n_rungs - 1) * n, n, s->o.top, s->o.seed, 0, &ends);
    if (ok) r->p_ends[k] = ends.p;
    gk_free(obs);
    return ok;
}

bool gk_search__measure(gk_search *s, gk_error *err) {
    gk_search_result *r = s->result = gk_arena_alloc(s->a, sizeof *r);
    r->cell = s->cells.name;
    r->n_cells = s->cells.n;
    r->n_positions = s->cells.n_spots;
    r->n_columns = s->cells.n_columns;
    r->metric = s->metric;
    for (int k = 0; k < GK_SEARCH__PARTS; k++) {
        r->rows[k] = s->rows[k];
        r->prompts[k] = s->n_part[k];
    }
    list_rungs(s);
    if (!measure_part(s, GK_SEARCH__SEARCHED, err) || !measure_part(s, GK_SEARCH__HELD_OUT, err))
        return false;
    r->reached = r->rung[r->found].search.recovery.value >= s->o.goal - 1e-12;
    return true;
}

/* ---------------------------------------------------------------- JSON */

static json_t *number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *interval(double low, double high) {
    json_t *list = json_array();
    json_array_append_new(list, number(low));
    json_array_append_new(list, number(high));
    return list;
}

static json_t *score_json(const gk_search_score *score) {
    json_t *obj = json_object();
    char key[64];
    json_object_set_new(obj, "n", json_integer((json_int_t)score->stats.n));
    json_object_set_new(obj, "recovery", number(score->recovery.value));
    json_object_set_new(obj, "recovery_ci", interval(score->recovery.low, score->recovery.high));
    json_object_set_new(obj, "recovery_undefined_draws", json_integer(score->recovery.undefined));
    for (int m = 0; m < GK_N_METRICS; m++) {
        const char *name = gk_metric_key((gk_metric)m);
        snprintf(key, sizeof key, "%s_ci", name);
        json_object_set_new(obj, name, number(score->stats.value[m]));
        json_object_set_new(obj, key, interval(score->stats.low[m], score->stats.high[m]));
    }
    json_object_set_new(obj, "not_finite", json_integer((json_int_t)score->not_finite));
    return obj;
}

static json_t *rung_json(const gk_search *s, const gk_search_rung *rung) {
    json_t *obj = json_object(), *cells = json_array();
    json_object_set_new(obj, "scheme", json_string(rung->name));
    if (rung->changed) {
        json_object_set_new(obj, "action", json_string(rung->dropped ? "drop" : "add"));
        json_object_set_new(obj, "cell", json_string(rung->changed));
    }
    json_object_set_new(obj, "size", json_integer((json_int_t)rung->size));
    json_object_set_new(obj, "share", json_real(rung->share));
    for (size_t i = 0; i < s->cells.n && rung->size < s->cells.n; i++)
        if (rung->in[i]) json_array_append_new(cells, json_string(s->cells.name[i]));
    json_object_set_new(obj, "cells", rung->size < s->cells.n ? cells : json_string("all"));
    if (rung->size == s->cells.n) json_decref(cells);
    json_object_set_new(obj, "search", score_json(&rung->search));
    json_object_set_new(obj, "held_out", score_json(&rung->held_out));
    return obj;
}

static json_t *cells_json(const gk_search__cells *c) {
    json_t *obj = json_object(), *spots = json_array(), *teams = json_array(), *names = json_array();
    for (size_t i = 0; i < c->n_spots; i++)
        json_array_append_new(spots, json_pack("{s:s, s:s}", "name", c->spot[i].name, "at", c->spot[i].at));
    for (size_t g = 0; g < c->n_teams; g++) {
        json_t *list = json_array();
        for (int i = 0; i < GK_LNF; i++)
            if (c->team[g].components & (1u << i) && gk_config_has(c->cfg, (gk_component)i))
                json_array_append_new(list, json_string(gk_component_name((gk_component)i)));
        json_array_append_new(teams, json_pack("{s:s, s:o}", "name", c->team[g].name, "components", list));
    }
    for (size_t i = 0; i < c->n; i++) json_array_append_new(names, json_string(c->name[i]));
    json_object_set_new(obj, "positions", spots);
    json_object_set_new(obj, "groups", teams);
    json_object_set_new(obj, "layer_blocks", json_integer((json_int_t)c->n_blocks));
    json_object_set_new(obj, "names", names);
    return obj;
}

static json_t *counts_json(const size_t n[GK_SEARCH__PARTS]) {
    return json_pack("{s:I, s:I}", PART[0], (json_int_t)n[0], PART[1], (json_int_t)n[1]);
}

static bool write_json(const gk_search *s, const char *path, gk_error *err) {
    const gk_search_result *r = s->result;
    json_t *obj = json_object(), *ladder = json_array(), *prompts = counts_json(r->prompts);
    json_object_set_new(prompts, "dropped", json_integer((json_int_t)s->prompts.n_dropped));
    json_object_set(obj, "run", s->identity);
    json_object_set_new(obj, "metric", json_string(gk_metric_key(s->metric)));
    json_object_set_new(obj, "rows", counts_json(r->rows));
    json_object_set_new(obj, "prompts", prompts);
    json_object_set_new(obj, "cells", cells_json(&s->cells));
    json_object_set_new(obj, "goal_reached", json_boolean(r->reached));
    json_object_set_new(
        obj, "p_ends", json_pack("{s:o, s:o}", PART[0], number(r->p_ends[0]), PART[1], number(r->p_ends[1])));
    json_object_set_new(obj, "PRE", rung_json(s, &r->rung[0]));
    json_object_set_new(obj, "SFT-rh", rung_json(s, &r->rung[r->n_rungs - 1]));
    for (size_t i = 0; i < r->n_ladder; i++) json_array_append_new(ladder, rung_json(s, &r->rung[1 + i]));
    json_object_set_new(obj, "ladder", ladder);
    json_object_set_new(obj, "found", rung_json(s, &r->rung[r->found]));
    json_object_set_new(obj, "complement", rung_json(s, &r->rung[r->found + 1]));
    bool ok = gk_json_save(path, obj, err);
    json_decref(obj);
    return ok;
}

/* ---------------------------------------------------------------- CSV */

static void csv_number(FILE *f, double x) {
    fputc(',', f);
    if (isfinite(x)) fprintf(f, "%.17g", x);
}

static void csv_score(FILE *f, const gk_search_score *score, gk_metric m) {
    fprintf(f, ",%zu", score->stats.n);
    csv_number(f, score->stats.value[m]);
    csv_number(f, score->stats.low[m]);
    csv_number(f, score->stats.high[m]);
    csv_number(f, score->recovery.value);
    csv_number(f, score->recovery.low);
    csv_number(f, score->recovery.high);
    csv_number(f, score->stats.value[GK_METRIC_mean_logprob]);
}

static bool write_csv(const gk_search *s, const char *path, gk_error *err) {
    const gk_search_result *r = s->result;
    gk_out out;
    if (!gk_out_open(path, &out, err)) return false;
    const char *m = gk_metric_key(s->metric);
    fputs("scheme,action,cell,size,share", out.f);
    for (int k = 0; k < GK_SEARCH__PARTS; k++)
        fprintf(
            out.f,
            ",%s_n,%s_%s,%s_%s_low,%s_%s_high,%s_recovery,%s_recovery_low,%s_recovery_high,%s_mean_logprob",
            PART[k], PART[k], m, PART[k], m, PART[k], m, PART[k], PART[k], PART[k], PART[k]);
    fputs("\r\n", out.f);
    for (size_t i = 0; i < r->n_rungs; i++) {
        const gk_search_rung *rung = &r->rung[i];
        gk_csv_text(out.f, rung->name);
        fprintf(out.f, ",%s,", !rung->changed ? "" : rung->dropped ? "drop" : "add");
        gk_csv_text(out.f, rung->changed ? rung->changed : "");
        fprintf(out.f, ",%zu", rung->size);
        csv_number(out.f, rung->share);
        csv_score(out.f, &rung->search, s->metric);
        csv_score(out.f, &rung->held_out, s->metric);
        fputs("\r\n", out.f);
    }
    return gk_out_commit(&out, err);
}

/* ---------------------------------------------------------------- schemes */

/* A YAML text in single quotes. */
static void add_quoted(gk_buf *b, const char *text) {
    gk_buf_puts(b, "'");
    for (; *text; text++) gk_buf_printf(b, *text == '\'' ? "''" : "%c", *text);
    gk_buf_puts(b, "'");
}

static void add_scheme(const gk_search *s, size_t i, gk_buf *b) {
    const gk_search_rung *rung = &s->result->rung[i];
    gk_buf_printf(b, "  - name: %s\n    about: ", rung->name);
    const char *verb = rung->dropped ? "without" : "and";
    if (rung->changed)
        add_quoted(b, gk_arena_printf(s->a, "%s %s", verb, rung->changed));
    else
        add_quoted(b, rung->size == 0            ? "the recipient alone"
                      : rung->size == s->cells.n ? "every cell"
                      : i == s->result->found    ? "what the search found"
                                                 : "every cell that was not found");
    gk_buf_printf(b, "\n    recipient: '%s'\n", s->in.cast.name[0]);
    if (rung->size > 0) gk_buf_puts(b, "    grafts:\n");
    gk_search__cells_yaml(&s->cells, s->in.cast.name[1], rung->in, b);
}

static bool write_schemes(const gk_search *s, const char *path, gk_error *err) {
    const gk_search_result *r = s->result;
    gk_buf b = {0};
    gk_buf_puts(&b, "# Written by graftkit search. PRE and SFT-rh are also in graft/schemes/position.yaml:\n"
                    "# to sweep both files into one store, take them out of one of them.\n"
                    "set: search\nabout: A small graft that suffices, the steps to it, and what is left\n"
                    "schemes:\n");
    for (size_t i = 0; i < r->n_rungs; i++) add_scheme(s, i, &b);
    bool ok = gk_write_file(path, b.data, b.len, err);
    gk_buf_free(&b);
    return ok;
}

bool gk_search__write(gk_search *s, gk_error *err) {
    const char *dir = s->o.out;
    return write_json(s, gk_path_join(s->a, dir, "ladder.json"), err) &&
           write_csv(s, gk_path_join(s->a, dir, "ladder.csv"), err) &&
           write_schemes(s, gk_path_join(s->a, dir, "scheme.yaml"), err);
}
