/* check_job.c: does a job fit its models? */
#include "graft/internal.h"

static bool check_patches(const gk_cast *cast, int n_layers, const gk_plan *p, size_t i, gk_error *err) {
    size_t n = (size_t)p->n_patches * (size_t)p->n_tokens;
    if (p->n_patches != (p->patch ? n_layers + 1 : 0))
        return gk_fail(err, GK_NOWHERE, "make the plan from the same models as the job",
                       "job %zu: its plan has %d rows of patches, not %d", i, p->n_patches,
                       p->patch ? n_layers + 1 : 0);
    for (size_t j = 0; j < n; j++) {
        uint8_t patch = p->patch[j];
        if (patch == GK_PATCH_NONE) continue;
        int model = gk_patch_model(patch);
        if (patch >= GK_PATCH_KINDS || model >= cast->n)
            return gk_fail(err, GK_NOWHERE, NULL, "job %zu: its plan patches in %d of a cast of %d", i, patch,
                           cast->n);
        if (gk_patch_is_mean(patch) && !cast->mean[model])
            return gk_fail(err, GK_NOWHERE, "gk_graft_means computes it",
                           "job %zu: its plan asks for the mean of '%.80s', which the cast lacks", i,
                           cast->name[model]);
    }
    return true;
}

static bool check_plan(const gk_cast *cast, const gk_config *c, const gk_job *job, size_t i, gk_error *err) {
    const gk_plan *p = job->plan;
    int slots = gk_plan_slots(c);
    if (!p || !p->model || p->n_slots != slots || p->n_tokens != job->n)
        return gk_fail(err, GK_NOWHERE, "make the plan from the same tokens and models as the job",
                       "job %zu: its plan has %d slots and %d tokens, not %d and %d", i, p ? p->n_slots : 0,
                       p ? p->n_tokens : 0, slots, job->n);
    for (size_t j = 0; j < (size_t)slots * (size_t)job->n; j++)
        if (p->model[j] >= cast->n)
            return gk_fail(err, GK_NOWHERE, NULL, "job %zu: its plan asks for model %d of a cast of %d", i,
                           p->model[j], cast->n);
    return check_patches(cast, c->n_layers, p, i, err);
}

bool gk_graft__job_check(const gk_cast *cast, const gk_config *c, const gk_job *job, size_t i,
                         gk_error *err) {
    if (job->n < 1 || job->n > c->max_positions)
        return gk_fail(err, GK_NOWHERE, NULL, "job %zu has %d tokens; these models take 1 to %d", i, job->n,
                       c->max_positions);
    for (int t = 0; t < job->n; t++)
        if (job->token[t] < 0 || job->token[t] >= c->vocab)
            return gk_fail(err, GK_NOWHERE, "were the prompts tokenised with these models' tokenizer?",
                           "job %zu: token %d at position %d is outside the vocabulary of %d", i,
                           job->token[t], t, c->vocab);
    return check_plan(cast, c, job, i, err);
}
