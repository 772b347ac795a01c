#include "train/internal.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct weights { /* all [floats] */
    size_t floats;
    float *data, *m, *v;
    float *best; /* NULL: not kept */
} weights;

typedef struct run {
    const gk_train_job *job;
    const gk_recipe *recipe;
    gk_arena *a;
    json_t *inputs;
    gk__folder folder;
    gk_split split;
    int64_t epoch_steps, total;
    uint32_t *order; /* of epoch order_epoch */
    int64_t order_epoch;
    gk_packer *packer;
    gk_session *session;
    gk_adamw *adam;
    float *grad;
    weights weights;
    gk__metrics metrics;
    gk__state at;
    double began; /* when the run would have begun without its interruptions */
    double saved;
    gk__pace pace;
    gk_progress *progress;
} run;

/* ---------------------------------------------------------------- what can be known before */

static int64_t steps_an_epoch(size_t n_train, int64_t batch) {
    return ((int64_t)n_train + batch - 1) / batch;
}

static bool check_frozen(const gk_config *c, uint32_t frozen, gk_error *err) {
    for (int i = 0; i < GK_N_COMPONENTS; i++) {
        gk_component comp = (gk_component)i;
        if ((frozen >> i & 1u) && !gk_config_has(c, comp))
            return gk_fail(err, GK_AT_FIELD(NULL, "freeze"), NULL, "a %s model has no component '%s'",
                           gk_family_name(c->family), gk_component_name(comp));
    }
    if (c->tied && (frozen >> GK_HEAD & 1u) && !(frozen >> GK_EMBED & 1u))
        return gk_fail(err, GK_AT_FIELD(NULL, "freeze"), "freeze embed as well, or leave head out",
                       "head is tied to embed in this model and cannot be frozen alone");
    return true;
}

static bool check_job(const gk_train_job *job, gk_error *err) {
    const gk_config *c = gk_model_config(job->model);
    const gk_recipe *r = job->recipe;
    if (job->corpus->max_id >= c->vocab)
        return gk_fail(err, GK_NOWHERE, "use the model's own tokenizer",
                       "the texts have token id %d, the model's vocabulary ends at %d", job->corpus->max_id,
                       c->vocab - 1);
    if (job->corpus->longest > c->max_positions)
        return gk_fail(err, GK_NOWHERE, "shorten the texts or use a model with more positions",
                       "a text has %d tokens, the model takes %d", job->corpus->longest, c->max_positions);
    if (r->keep_best && !(r->validation > 0))
        return gk_fail(err, GK_AT_FIELD(NULL, "keep_best"), "hold texts out with `validation`",
                       "there is no best step without validation");
    return check_frozen(c, r->adam.frozen, err);
}

/* ---------------------------------------------------------------- start and end */

uint64_t gk_train_bytes(const gk_recipe *r, const gk_config *c, size_t floats) {
    uint64_t vectors = r->keep_best ? 5 : 4;
    return vectors * floats * sizeof(float) + gk_session_bytes(c, (int)r->rows, true);
}

static bool take_memory(run *r, gk_error *err) {
    gk_model *m = r->job->model;
    const gk_param *params;
    size_t n = gk_model_params(m, &params), floats = gk_model_floats(m);
    r->adam = gk_adamw_new(params, n, floats, &r->recipe->adam, err);
    if (!r->adam) return false;
    r->grad = gk_try_alloc(floats * sizeof *r->grad);
    float *best = r->recipe->keep_best ? gk_try_alloc(floats * sizeof *best) : NULL;
    r->weights = (weights){.floats = floats,
                           .data = gk_model_data(m),
                           .m = gk_adamw_m(r->adam),
                           .v = gk_adamw_v(r->adam),
                           .best = best};
    if (!r->grad || (r->recipe->keep_best && !best))
        return gk_fail(err, GK_NOWHERE, "train a smaller model or on a larger machine",
                       "no memory for the gradient (%zu floats)", floats);
    r->packer = gk_packer_new(r->job->corpus, r->recipe->rows, r->recipe->batch);
    r->session = gk_session_new(gk_model_config(m), gk_packer_rows(r->packer), true, err);
    return r->session != NULL;
}

static bool prepare(run *r, gk_error *err) {
    const gk_train_job *job = r->job;
    if (!gk_split_make(r->a, job->corpus->n, r->recipe->validation, job->seed, &r->split, err)) return false;
    r->epoch_steps = steps_an_epoch(r->split.n_train, r->recipe->batch);
    r->total = r->epoch_steps * r->recipe->epochs;
    r->order = gk_arena_alloc(r->a, r->split.n_train * sizeof *r->order);
    r->order_epoch = -1;
    r->at = (gk__state){.loss = NAN, .valid_loss = NAN, .best_loss = NAN};
    return take_memory(r, err);
}

/* What a checkpoint holds. */
enum { MOST_ARRAYS = 4 };
static size_t list_arrays(const run *r, gk_typed_array list[MOST_ARRAYS]) {
    const weights *w = &r->weights;
    const char *const name[MOST_ARRAYS] = {"weights", "first_moment", "second_moment", "best_weights"};
    float *const data[MOST_ARRAYS] = {w->data, w->m, w->v, w->best};
    size_t n = w->best ? 4 : 3;
    for (size_t i = 0; i < n; i++) list[i] = (gk_typed_array){name[i], "F32", data[i], w->floats};
    return n;
}

static bool save_checkpoint(run *r, gk_error *err) {
    gk_typed_array list[MOST_ARRAYS];
    size_t n = list_arrays(r, list);
    r->at.seconds = gk_now() - r->began;
    if (r->metrics.f && !gk__metrics_sync(&r->metrics, &r->at.metrics_bytes, err)) return false;
    gk_arena *a = gk_arena_new();
    bool ok =
        gk__checkpoint_save(gk__kept_path(a, r->folder.dir, r->at.step), list, n, r->inputs, &r->at, err);
    gk_arena_free(a);
    if (ok) gk__kept_prune(r->folder.dir, r->at.step, r->recipe->keep_last);
    r->saved = gk_now();
    return ok;
}

/* The hints speak to those who have no other checkpoint. */
static void tell_skipped(const run *r) {
    gk_error why = r->folder.skipped.first;
    char text[1600], line[2400];
    if (r->folder.skipped.n == 0 || !r->job->on_note) return;
    why.hint[0] = '\0';
    snprintf(line, sizeof line, "%s; going on from %s", gk_error_text(&why, text, sizeof text),
             gk__checkpoint_path(r->folder.resume));
    r->job->on_note(r->job->ctx, line);
}

static bool go_on(run *r, gk_error *err) {
    gk_typed_array list[MOST_ARRAYS];
    size_t n = list_arrays(r, list);
    if (!gk__checkpoint_load(r->folder.resume, list, n, err) ||
        !gk__checkpoint_state(r->folder.resume, r->total, &r->at, err))
        return false;
    tell_skipped(r);
    gk__checkpoint_close(r->folder.resume);
    r->folder.resume = NULL;
    r->began -= r->at.seconds;
    r->saved = gk_now();
    return true;
}

static bool tell_epoch(run *r, gk_error *err) {
    const gk_train_job *job = r->job;
    if (!job->on_epoch) return true;
    json_t *line = json_object();
    int64_t epochs = r->at.step / r->epoch_steps;
    bool ok = job->on_epoch(job->ctx, job->model, r->at.step, epochs, line, err);
    if (ok) gk__metrics_epoch(&r->metrics, &r->at, epochs, line);
    json_decref(line);
    return ok;
}

/* A fresh run leaves a checkpoint before its first step, so that its folder is known as its own from then on.
 * The tokenizer comes first of all: what stands in its way should be heard of now and not at the end. */
static bool begin(run *r, gk__found found, gk_error *err) {
    const gk_train_job *job = r->job;
    r->began = gk_now();
    if (job->tok && !gk_tok_save(job->tok, job->dir, err)) return false;
    if (found == GK__UNFINISHED ? !go_on(r, err) : !save_checkpoint(r, err)) return false;
    if (!gk__metrics_open(&r->metrics, r->folder.metrics, r->at.metrics_bytes, err)) return false;
    if (r->at.step == 0 && !tell_epoch(r, err)) return false;
    gk__pace_begin(&r->pace, job, &r->split, &r->at, r->total);
    return true;
}

static bool finish(run *r, gk_error *err) {
    const gk_train_job *job = r->job;
    if (r->at.best_step > 0 && r->weights.best)
        memcpy(r->weights.data, r->weights.best, r->weights.floats * sizeof(float));
    r->at.seconds = gk_now() - r->began;
    if (!gk__metrics_sync(&r->metrics, &r->at.metrics_bytes, err) ||
        !gk_model_save(job->model, job->dir, err) || !gk__manifest_write(&r->folder, r->inputs, &r->at, err))
        return false;
    gk__kept_remove(r->folder.dir, NULL); /* were one to stay, the manifest beside it outranks it */
    return true;
}

static void release(run *r) {
    gk__metrics_close(&r->metrics);
    gk_session_free(r->session);
    gk_packer_free(r->packer);
    gk_free(r->grad);
    gk_free(r->weights.best);
    gk_adamw_free(r->adam);
    gk__folder_leave(&r->folder);
    json_decref(r->inputs);
    gk_arena_free(r->a);
}

/* ---------------------------------------------------------------- steps */

static bool diverged(const run *r, const char *what, double value, gk_error *err) {
    return gk_fail(err, GK_AT_FILE(r->job->dir),
                   "lower lr or clip, or warm up longer; the last checkpoint is kept",
                   "the %s is %g in step %" PRId64, what, value, r->at.step + 1);
}

static void log_step(run *r, double norm, double lr) {
    char note[128];
    if (r->at.step % r->recipe->log_steps == 0 || r->at.step == r->total) {
        gk__speed s = gk__pace_since_log(&r->pace, &r->at);
        gk__metrics_step(&r->metrics, &r->at, (r->at.step - 1) / r->epoch_steps, norm, lr, &s);
    }
    gk__speed s = gk__pace_now(&r->pace, &r->at);
    snprintf(note, sizeof note, "loss %.4f  lr %.2e  grad %.3f  %.0f tokens/s  %.0f%% of peak", r->at.loss,
             lr, norm, s.tokens_per_s, 100 * s.peak_share);
    gk_progress_update(r->progress, (double)r->at.step, note);
}

static bool step(run *r, gk_error *err) {
    const gk_recipe *rec = r->recipe;
    const int64_t epoch = r->at.step / r->epoch_steps, first = r->at.step % r->epoch_steps * rec->batch;
    if (r->order_epoch != epoch) {
        gk_epoch_order(&r->split, rec->shuffle, r->job->seed, epoch, r->order);
        r->order_epoch = epoch;
    }
    const int64_t left = (int64_t)r->split.n_train - first;
    int64_t targets;
    double loss;
    if (!gk_texts_loss(r->packer, r->session, r->job->model, r->order + first,
                       (size_t)(left < rec->batch ? left : rec->batch), rec->adam.frozen, r->grad, &loss,
                       &targets, err))
        return false;
    if (!isfinite(loss)) return diverged(r, "loss", loss, err);
    double norm = gk_adamw_norm(r->adam, r->grad);
    if (!isfinite(norm)) return diverged(r, "gradient's norm", norm, err);
    double lr = rec->lr * gk_schedule_factor(rec->schedule, r->at.step, rec->warmup, r->total);
    gk_adamw_step(r->adam, r->weights.data, r->grad, r->at.step + 1, lr, gk_clip_factor(norm, rec->clip));
    r->at.step++;
    r->at.tokens += targets;
    r->at.loss = loss;
    log_step(r, norm, lr);
    return true;
}

static bool validate(run *r, gk_error *err) {
    int64_t targets;
    double loss;
    if (r->split.n_valid == 0) return true;
    if (!gk_texts_loss(r->packer, r->session, r->job->model, r->split.valid, r->split.n_valid, 0, NULL, &loss,
                       &targets, err))
        return false;
    if (!isfinite(loss)) return diverged(r, "validation loss", loss, err);
    r->at.valid_loss = loss;
    gk__metrics_valid(&r->metrics, &r->at, (r->at.step - 1) / r->epoch_steps);
    if (r->at.best_step == 0 || loss < r->at.best_loss) {
        r->at.best_step = r->at.step;
        r->at.best_loss = loss;
        if (r->weights.best) memcpy(r->weights.best, r->weights.data, r->weights.floats * sizeof(float));
    }
    return true;
}

static bool checkpoint_due(const run *r) {
    const gk_recipe *rec = r->recipe;
    return (rec->checkpoint_steps > 0 && r->at.step % rec->checkpoint_steps == 0) ||
           (rec->checkpoint_seconds > 0 && gk_now() - r->saved >= rec->checkpoint_seconds);
}

static bool train(run *r, gk_train_end *end, gk_error *err) {
    while (r->at.step < r->total) {
        if (gk_interrupted()) {
            *end = GK_TRAIN_INTERRUPTED;
            return save_checkpoint(r, err);
        }
        if (!step(r, err)) return false;
        if (r->at.step % r->epoch_steps == 0 && !(validate(r, err) && tell_epoch(r, err))) return false;
        if (r->at.step < r->total && checkpoint_due(r) && !save_checkpoint(r, err)) return false;
    }
    *end = GK_TRAIN_DONE;
    return finish(r, err);
}

static bool run_all(run *r, gk_train_result *out, gk_error *err) {
    gk__found found;
    if (!prepare(r, err) || !gk__folder_enter(r->a, r->job, r->inputs, &r->folder, &found, err)) return false;
    out->total_steps = r->total;
    if (found == GK__FINISHED) {
        out->end = GK_TRAIN_ALREADY;
        return gk__manifest_read(&r->folder, out, err);
    }
    if (!begin(r, found, err)) return false;
    out->resumed_at = r->at.step;
    r->progress = gk_progress_start(r->job->progress, r->job->label, (double)r->total, "steps");
    bool ok = train(r, &out->end, err);
    gk_progress_end(r->progress, NULL);
    if (!ok) return false;
    out->steps = r->at.step;
    out->tokens = r->at.tokens;
    out->seconds = r->at.seconds;
    out->loss = r->at.loss;
    out->valid_loss = r->at.valid_loss;
    return true;
}

bool gk_train(const gk_train_job *job, gk_train_result *out, gk_error *err) {
    *out = (gk_train_result){.loss = NAN, .valid_loss = NAN};
    if (!check_job(job, err)) return false;
    run r = {.job = job, .recipe = job->recipe, .a = gk_arena_new(), .folder = {.lock = -1}};
    r.inputs = gk__inputs_json(job);
    bool ok = run_all(&r, out, err);
    release(&r);
    return ok;
}
