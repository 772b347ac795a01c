/* headline.c: how far single positions and both of them go, in top-5 and in logit difference. */
#include "eval/store/outcomes.h"
#include "eval/store/write.h"

#include <math.h>

static const gk_tried *scheme_of(const gk_outcomes *o, const char *name) {
    return name ? gk_outcomes_of(o, name) : NULL;
}

static const gk_outcome *at_prompt(const gk_tried *t, size_t *k, int64_t prompt) {
    while (*k < t->n && t->item[*k].prompt < prompt) ++*k;
    return *k < t->n && t->item[*k].prompt == prompt ? &t->item[*k] : NULL;
}

bool gk_headline_of(const gk_outcomes *o, const gk_roles *who, uint64_t seed, gk_headline *out) {
    *out = (gk_headline){.pre = who->pre,
                         .fe = who->fe,
                         .lt = who->lt,
                         .both = who->both,
                         .rest = who->rest,
                         .sft = who->sft ? who->sft : who->sft_rh};
    const gk_tried *t[5] = {scheme_of(o, out->pre), scheme_of(o, out->sft), scheme_of(o, out->fe),
                            scheme_of(o, out->lt), scheme_of(o, out->both)};
    size_t at[5] = {0}, n = 0;
    for (int s = 0; s < 5; s++)
        if (!t[s] || t[s]->n == 0) return false;
    gk_obs *obs[5];
    for (int s = 0; s < 5; s++) obs[s] = gk_alloc(t[0]->n * sizeof *obs[s]);
    for (size_t i = 0; i < t[0]->n; i++) { /* all are by prompt; on those that all of them have */
        const gk_outcome *x[5] = {NULL};
        bool all = true;
        for (int s = 0; s < 5; s++) all &= (x[s] = at_prompt(t[s], &at[s], t[0]->item[i].prompt)) != NULL;
        for (int s = 0; all && s < 5; s++) obs[s][n] = gk_outcome_obs(x[s]);
        n += all;
    }
    const gk_additive_obs of = {obs[0], obs[1], obs[2], obs[3], obs[4]};
    gk_additive_of(&of, n, GK_METRIC_top5, seed, GK_RESAMPLES, &out->top5);
    gk_additive_of(&of, n, GK_METRIC_logit_diff, seed, GK_RESAMPLES, &out->logit_diff);
    for (int s = 0; s < 5; s++) gk_free(obs[s]);
    return n > 0;
}

static json_t *number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

static void put_share(json_t *to, const char *what, const gk_recovered *r) {
    json_t *share = json_object(), *ci = json_array();
    json_array_append_new(ci, number(r->low));
    json_array_append_new(ci, number(r->high));
    json_object_set_new(share, "value", number(r->value));
    json_object_set_new(share, "ci", ci);
    json_object_set_new(share, "undefined", json_integer(r->undefined));
    json_object_set_new(to, what, share);
}

static json_t *shares(const gk_additive *x) {
    json_t *of = json_object();
    put_share(of, "fe", &x->first);
    put_share(of, "lt", &x->second);
    put_share(of, "both", &x->both);
    put_share(of, "sum", &x->sum);
    put_share(of, "additive", &x->additive);
    return of;
}

json_t *gk_headline_json(const gk_outcomes *o, uint64_t seed) {
    gk_arena *a = gk_arena_new();
    gk_roles who;
    gk_headline h;
    gk_roles_of(o, a, &who);
    bool there = gk_headline_of(o, &who, seed, &h);
    const char *const name[][2] = {{"pre", h.pre},   {"fe", h.fe},     {"lt", h.lt},
                                   {"both", h.both}, {"rest", h.rest}, {"sft", h.sft}};
    json_t *all = json_object(), *schemes = json_object();
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        json_t *text = name[i][1] ? json_string(name[i][1]) : NULL;
        json_object_set_new(schemes, name[i][0], text ? text : json_null());
    }
    json_object_set_new(all, "schemes", schemes);
    json_object_set_new(all, "n", json_integer(there ? (json_int_t)h.top5.n : 0));
    json_object_set_new(all, "rows", json_integer(there ? (json_int_t)h.top5.rows : 0));
    json_object_set_new(all, "top5", there ? shares(&h.top5) : json_null());
    json_object_set_new(all, "logit_diff", there ? shares(&h.logit_diff) : json_null());
    gk_arena_free(a);
    return all;
}
