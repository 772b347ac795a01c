/* run.c: one run from its start, or a checkpoint, to a model folder: the loop over the steps. */
#include "graftkit/core/progress.h"
#include "train/internal.h"
#include "train/json.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

typedef struct run {
    const gk_train_job *job;
    const gk_recipe *recipe;
    gk_arena *a;
    json_t *inputs;
    gk_train__folder folder;
    gk_train__step_texts *plan;
    int64_t total, warmup;
    gk_packer *packer;
    gk_session *session;
    uint32_t *frozen; /* masks, as in gk_session_opts */
    gk_train__trained trained;
    gk_train__update update;
    gk_train__metrics metrics;
    gk_train__state at;
    double began; /* when the run would have begun without its interruptions */
    double saved;
    gk_train__throughput pace;
    gk_progress *progress;
} run;

/* ---------------------------------------------------------------- what can be known before */

static bool check_texts(const gk_corpus *texts, const gk_config *c, gk_error *err) {
    if (texts->max_id >= c->vocab)
        return gk_fail(err, GK_NOWHERE, "use the model's own tokenizer",
                       "the texts have token id %d, the model's vocabulary ends at %d", texts->max_id,
                       c->vocab - 1);
    if (texts->longest > c->max_positions)
        return gk_fail(err, GK_NOWHERE, "shorten the texts or use a model with more positions",
                       "a text has %d tokens, the model takes %d", texts->longest, c->max_positions);
    return true;
}

static bool check_job(const gk_train_job *job, gk_error *err) {
    const gk_config *c = gk_model_config(job->model);
    const gk_recipe *r = job->recipe;
    if (!check_texts(job->corpus, c, err) || (job->mix && !check_texts(job->mix, c, err))) return false;
    if (!job->mix == (r->mix_ratio > 0))
        return gk_fail(err, GK_AT_FIELD(NULL, "mix_ratio"), "give the run general text where it is above 0",
                       job->mix ? "is 0, and there is general text" : "there is no general text");
    return gk_recipe_check(r, err);
}

static bool find_frozen(run *r, gk_error *err) {
    const gk_config *c = gk_model_config(r->job->model);
    r->frozen = gk_arena_alloc(r->a, ((size_t)c->n_layers + 1) * sizeof *r->frozen);
    return gk_recipe_frozen(r->recipe, c, r->frozen, err);
}

/* ---------------------------------------------------------------- start and end */

static gk_packer *new_packer(const gk_train_job *job) {
    const gk_recipe *r = job->recipe;
    bool few = r->tokens > 0 && r->tokens < r->rows;
    return gk_packer_new(job->corpus, job->mix, few ? r->tokens : r->rows,
                         r->tokens > 0 ? INT64_MAX : r->batch);
}

/* A lean step is one pass. */
static bool fits_one_pass(const run *r, gk_error *err) {
    const gk_recipe *rec = r->recipe;
    if (rec->memory != GK_MEMORY_LEAN) return true;
    gk_packer *all = gk_packer_new(r->job->corpus, r->job->mix, INT32_MAX, rec->tokens > 0 ? 1 : rec->batch);
    int64_t rows = rec->tokens > gk_packer_rows(all) ? rec->tokens : gk_packer_rows(all);
    gk_packer_free(all);
    return rows <= gk_packer_rows(r->packer) ||
           gk_fail(err, GK_AT_FIELD(NULL, "rows"), "more rows, or fewer texts or tokens a step",
                   "a step may have %" PRId64 " tokens, and lean takes it in one pass of %d rows", rows,
                   gk_packer_rows(r->packer));
}

/* The model is there already, as floats. */
static bool check_memory(run *r, gk_error *err) {
    const gk_train_job *job = r->job;
    gk_train_memory m;
    char line[320];
    size_t floats = gk_model_floats(job->model);
    gk_train_memory_of(r->recipe, gk_model_config(job->model), floats, gk_packer_rows(r->packer),
                       job->on_epoch ? job->epoch_bytes : 0, &m);
    gk_train_memory_text(&m, line, sizeof line);
    if (!gk_train_fits(&m, floats * sizeof(float), 0, err)) return false;
    if (!job->on_note) return true;
    job->on_note(job->ctx, line);
    gk_train__freeze_notes(r->recipe, gk_model_config(job->model), job->on_note, job->ctx);
    return true;
}

static bool take_memory(run *r, gk_error *err) {
    gk_session_opts opts =
        gk_train__session_opts(r->recipe, gk_packer_rows(r->packer), r->trained.adapter, r->frozen);
    if (!check_memory(r, err) || !gk_train__update_make(&r->update, r->job, &r->trained, r->frozen, err))
        return false;
    r->session = gk_session_make(gk_model_config(r->job->model), &opts, err);
    return r->session != NULL;
}

static bool warms_up(const run *r, gk_error *err) {
    return r->warmup <= r->total ||
           gk_fail(err, GK_AT_FIELD(NULL, "warmup"), "give fewer, or warmup_ratio instead of it",
                   "is %" PRId64 " steps, and the whole run has %" PRId64, r->warmup, r->total);
}

static bool prepare(run *r, gk_error *err) {
    if (!find_frozen(r, err)) return false;
    r->plan = gk_train__step_texts_new(r->job, err);
    if (!r->plan) return false;
    r->total = gk_train__step_texts_steps(r->plan);
    r->warmup = gk_train__step_texts_warmup(r->plan);
    r->at = (gk_train__state){.loss = NAN, .valid_loss = NAN, .best_loss = NAN};
    r->packer = new_packer(r->job);
    return gk_train__trained_make(r->job, r->frozen, &r->trained, err) && fits_one_pass(r, err) &&
           warms_up(r, err);
}

static bool save_checkpoint(run *r, gk_error *err) {
    gk_typed_array list[GK_TRAIN__MOST_ARRAYS];
    size_t n = gk_train__update_arrays(&r->update, list);
    r->at.seconds = gk_now() - r->began;
    if (r->metrics.f && !gk_train__metrics_sync(&r->metrics, &r->at.metrics_bytes, err)) return false;
    gk_arena *a = gk_arena_new();
    bool ok = gk_train__checkpoint_save(
        gk_train__checkpoint_files_path(a, r->folder.dir, r->at.step), list, n, r->inputs,
        r->trained.adapter ? NULL : gk_model_config(r->job->model), &r->at, err);
    gk_arena_free(a);
    if (ok) gk_train__checkpoint_files_prune(r->folder.dir, r->at.step, r->recipe->keep_last);
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
             gk_train__checkpoint_path(r->folder.resume));
    r->job->on_note(r->job->ctx, line);
}

static bool go_on(run *r, gk_error *err) {
    gk_typed_array list[GK_TRAIN__MOST_ARRAYS];
    size_t n = gk_train__update_arrays(&r->update, list);
    if (!gk_train__checkpoint_load(r->folder.resume, list, n, err) ||
        !gk_train__update_loaded(&r->update, err) ||
        !gk_train__checkpoint_state(r->folder.resume, r->total, &r->at, err))
        return false;
    tell_skipped(r);
    gk_train__checkpoint_close(r->folder.resume);
    r->folder.resume = NULL;
    gk_train__step_texts_seek(r->plan, r->at.step);
    r->began -= r->at.seconds;
    r->saved = gk_now();
    return true;
}

static bool tell_epoch(run *r, int64_t epochs, gk_error *err) {
    const gk_train_job *job = r->job;
    if (!job->on_epoch) return true;
    gk_model *merged = NULL;
    if (r->trained.adapter && !(merged = gk_train__trained_merged(&r->trained, job->model, err)))
        return false;
    gk_line line = {json_object()};
    bool ok = job->on_epoch(job->ctx, merged ? merged : job->model, r->at.step, epochs, &line, err);
    if (ok) gk_train__metrics_epoch(&r->metrics, &r->at, epochs, line.json);
    json_decref(line.json);
    gk_model_free(merged);
    return ok;
}

/* A fresh run leaves a checkpoint before its first step, so that its folder is known as its own from then on.
 * The tokenizer comes first of all: what stands in its way should be heard of now and not at the end. */
static bool begin(run *r, gk_train__found found, gk_error *err) {
    const gk_train_job *job = r->job;
    r->began = gk_now();
    if (job->tok && !gk_tok_save(job->tok, job->dir, err)) return false;
    if (found == GK_TRAIN__UNFINISHED ? !go_on(r, err) : !save_checkpoint(r, err)) return false;
    if (!gk_train__metrics_open(&r->metrics, r->folder.metrics, r->at.metrics_bytes, err)) return false;
    if (r->at.step == 0 && !tell_epoch(r, 0, err)) return false;
    gk_train__throughput_begin(&r->pace, job, &r->trained, r->update.frozen, gk_session_lowest(r->session),
                               &r->at, r->total);
    return true;
}

static bool finish(run *r, gk_error *err) {
    const gk_train_job *job = r->job;
    if (r->at.best_step > 0) gk_train__update_take_best(&r->update);
    r->at.seconds = gk_now() - r->began;
    if (!gk_train__metrics_sync(&r->metrics, &r->at.metrics_bytes, err) ||
        !gk_train__trained_save(&r->trained, job, err) ||
        !gk_train__manifest_write(&r->folder, r->inputs, &r->at, err))
        return false;
    /* The manifest outranks those that stay. */
    if (r->recipe->keep_last > 1)
        gk_train__checkpoint_files_prune(r->folder.dir, r->at.step, r->recipe->keep_last);
    else
        gk_train__checkpoint_files_remove(r->folder.dir, NULL);
    return true;
}

static void release(run *r) {
    gk_train__metrics_close(&r->metrics);
    gk_session_free(r->session);
    gk_packer_free(r->packer);
    gk_train__step_texts_free(r->plan);
    gk_train__update_free(&r->update);
    gk_train__trained_free(&r->trained);
    gk_train__folder_leave(&r->folder);
    json_decref(r->inputs);
    gk_arena_free(r->a);
}

/* ---------------------------------------------------------------- steps */

static bool diverged(const run *r, const char *what, double value, gk_error *err) {
    return gk_fail(err, GK_AT_FILE(r->job->dir),
                   "lower lr or clip, or warm up longer; the last checkpoint is kept",
                   "the %s is %g in step %" PRId64, what, value, r->at.step + 1);
}

static void log_step(run *r, int64_t epoch, double norm, double lr) {
    char note[128];
    if (r->at.step % r->recipe->log_steps == 0 || r->at.step == r->total) {
        gk_train__speed s = gk_train__throughput_since_log(&r->pace, &r->at);
        gk_train__metrics_step(&r->metrics, &r->at, epoch, norm, lr, &s);
    }
    gk_train__speed s = gk_train__throughput_now(&r->pace, &r->at);
    snprintf(note, sizeof note, "loss %.4f  lr %.2e  grad %.3f  %.0f tokens/s  %.0f%% of peak", r->at.loss,
             lr, norm, s.tokens_per_s, 100 * s.peak_share);
    gk_progress_update(r->progress, (double)r->at.step, note);
}

static bool step(run *r, const gk_train__next_texts *texts, gk_error *err) {
    const gk_recipe *rec = r->recipe;
    const int64_t t = r->at.step + 1;
    int64_t targets;
    double loss, lr = rec->lr * gk_schedule_factor(rec->schedule, r->at.step, r->warmup, r->total);
    gk_backprop back = gk_train__update_begin(&r->update, t, lr);
    if (!gk_texts_loss(r->packer, r->session, r->job->model, texts->text, texts->n, &back, &loss, &targets,
                       err))
        return false;
    if (!isfinite(loss)) return diverged(r, "loss", loss, err);
    double norm = gk_train__update_norm(&r->update);
    if (!isfinite(norm)) return diverged(r, "gradient's norm", norm, err);
    gk_train__update_end(&r->update, t, lr, norm);
    r->at.step++;
    r->at.tokens += targets;
    r->at.loss = loss;
    gk_train__throughput_step(&r->pace, r->job, texts);
    log_step(r, texts->epoch, norm, lr);
    return true;
}

static void compare_with_best(run *r, double loss) {
    gk_train__state *at = &r->at;
    if (at->best_step > 0 && loss >= at->best_loss) {
        at->since_best++;
        at->stopped = r->recipe->patience > 0 && at->since_best >= r->recipe->patience && at->step < r->total;
        return;
    }
    at->best_step = at->step;
    at->best_loss = loss;
    at->since_best = 0;
    gk_train__update_keep_best(&r->update);
}

static bool validate(run *r, int64_t epoch, gk_error *err) {
    const gk_split *split = gk_train__step_texts_split(r->plan);
    int64_t targets;
    double loss;
    if (split->n_valid == 0) return true;
    if (!gk_texts_loss(r->packer, r->session, r->job->model, split->valid, split->n_valid, NULL, &loss,
                       &targets, err))
        return false;
    if (!isfinite(loss)) return diverged(r, "validation loss", loss, err);
    r->at.valid_loss = loss;
    compare_with_best(r, loss);
    gk_train__metrics_valid(&r->metrics, &r->at, epoch);
    return true;
}

static bool validation_due(const run *r, const gk_train__next_texts *texts) {
    const int64_t every = r->recipe->validate_steps;
    return r->at.step == r->total || (every > 0 ? r->at.step % every == 0 : texts->ends_epoch);
}

static bool telling_due(const run *r, const gk_train__next_texts *texts) {
    return texts->ends_epoch || r->at.step == r->total || r->at.stopped;
}

static bool checkpoint_due(const run *r) {
    const gk_recipe *rec = r->recipe;
    return (rec->checkpoint_steps > 0 && r->at.step % rec->checkpoint_steps == 0) ||
           (rec->checkpoint_seconds > 0 && gk_now() - r->saved >= rec->checkpoint_seconds);
}

static bool train(run *r, gk_train_end *end, gk_error *err) {
    while (r->at.step < r->total && !r->at.stopped) {
        if (gk_interrupted()) {
            *end = GK_TRAIN_INTERRUPTED;
            return save_checkpoint(r, err);
        }
        gk_train__next_texts texts = gk_train__step_texts_next(r->plan);
        if (!step(r, &texts, err)) return false;
        if (validation_due(r, &texts) && !validate(r, texts.epoch, err)) return false;
        if (telling_due(r, &texts) && !tell_epoch(r, texts.epoch + texts.ends_epoch, err)) return false;
        if (r->at.step < r->total && checkpoint_due(r) && !save_checkpoint(r, err)) return false;
    }
    *end = GK_TRAIN_DONE;
    return finish(r, err);
}

static bool run_all(run *r, gk_train_result *out, gk_error *err) {
    gk_train__found found;
    if (!prepare(r, err) || !gk_train__folder_enter(r->a, r->job, r->inputs, &r->folder, &found, err))
        return false;
    out->total_steps = r->total;
    if (found == GK_TRAIN__FINISHED) {
        out->end = GK_TRAIN_ALREADY;
        return gk_train__manifest_read(&r->folder, out, err);
    }
    if (!take_memory(r, err) || !begin(r, found, err)) return false;
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
    out->best_step = r->at.best_step;
    out->stopped = r->at.stopped;
    return true;
}

bool gk_train(const gk_train_job *job, gk_train_result *out, gk_error *err) {
    *out = (gk_train_result){.loss = NAN, .valid_loss = NAN};
    if (!check_job(job, err)) return false;
    run r = {.job = job, .recipe = job->recipe, .a = gk_arena_new(), .folder = {.lock = -1}};
    r.inputs = gk_train__inputs_json(job);
    bool ok = run_all(&r, out, err);
    release(&r);
    return ok;
}
