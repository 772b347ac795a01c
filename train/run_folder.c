/* run_folder.c: who owns a run's folder and what stands in it: nothing, this run, or one of other inputs. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/operators.h"
#include "train/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* ---------------------------------------------------------------- who owns the folder */

static bool lock_folder(gk_train__folder *f, const char *dir, gk_error *err) {
    f->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->lock < 0) return gk_fail_errno(err, GK_AT_FILE(dir), "opening the folder", errno);
    /* File systems without locks (some network ones) fail in other ways, and have to do without. */
    if (flock(f->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return gk_fail(err, GK_AT_FILE(dir), "wait for it, or use another --out",
                       "another process is training into this folder");
    return true;
}

static json_t *manifest_inputs(const gk_train__folder *f, gk_error *err) {
    json_t *manifest = gk_json_load(f->manifest, err);
    if (!manifest) return NULL;
    json_t *inputs = json_incref(json_object_get(manifest, "inputs"));
    json_decref(manifest);
    if (!inputs)
        gk_fail(err, GK_AT_FIELD(f->manifest, "inputs"), "--restart, or removing the file, starts over",
                "is missing: this is not the manifest of a training run");
    return inputs;
}

/* Whenever this is cut short, what is left is known as a run's, and no weights stand beside another's
 * configuration: what proves the folder to be ours goes last, weights go first. */
static bool clear(const gk_train__folder *f, gk_error *err) {
    const char *const files[] = {f->weights,    f->other_weights, f->config,  f->other_config,
                                 f->generation, f->metrics,       f->manifest};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        bool last = files[i] == f->manifest;
        if (last && !(gk_tok_remove(f->dir, err) && gk_train__checkpoint_files_remove(f->dir, err)))
            return false;
        if (unlink(files[i]) != 0 && errno != ENOENT)
            return gk_fail_errno(err, GK_AT_FILE(files[i]), "removing the file", errno);
    }
    return true;
}

/* The tokenizer's own files may stand there: a run that was killed in its first moment leaves them. */
static bool holds_nothing_else(const gk_train__folder *f, const gk_tok *tok, gk_error *err) {
    const char *const theirs[] = {f->weights,      f->config,     f->other_weights,
                                  f->other_config, f->generation, f->metrics};
    for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++)
        if (gk_exists(theirs[i]))
            return gk_fail(err, GK_AT_FILE(theirs[i]), "use another --out",
                           "the folder holds a file that no training run known here made");
    return !tok || gk_tok_fits(tok, f->dir, err);
}

/* What the folder's run was made from, as a new reference; for an unfinished one opens its newest sound
 * checkpoint. */
static json_t *inputs_there(gk_arena *a, gk_train__folder *f, bool finished, gk_error *err) {
    if (finished) return manifest_inputs(f, err);
    f->resume = gk_train__checkpoint_files_newest(a, f->dir, f->metrics, &f->skipped, err);
    return f->resume ? gk_train__checkpoint_inputs(f->resume, err) : NULL;
}

static bool look(gk_arena *a, gk_train__folder *f, const gk_train_job *job, const json_t *inputs,
                 gk_train__found *found, gk_error *err) {
    gk_train__checkpoint_file *list;
    bool finished = gk_exists(f->manifest),
         unfinished = gk_train__checkpoint_files_list(a, f->dir, &list) > 0;
    *found = GK_TRAIN__FRESH;
    if (!finished && !unfinished) return holds_nothing_else(f, job->tok, err);
    if (job->restart) return clear(f, err);
    json_t *there = inputs_there(a, f, finished, err);
    if (!there) return false;
    gk_train__inputs_align(there, inputs, gk_model_config(job->model));
    bool ok;
    if (job->replace && !json_equal(there, inputs)) {
        ok = clear(f, err);
    } else {
        *found = finished ? GK_TRAIN__FINISHED : GK_TRAIN__UNFINISHED;
        ok = gk_train__inputs_match(
            there, inputs, GK_AT_FILE(finished ? f->manifest : gk_train__checkpoint_path(f->resume)), err);
        /* A run that was killed between its manifest and this. */
        if (ok && finished && job->recipe->keep_last <= 1)
            ok = gk_train__checkpoint_files_remove(f->dir, err);
    }
    json_decref(there);
    return ok;
}

bool gk_train__folder_enter(gk_arena *a, const gk_train_job *job, const json_t *inputs, gk_train__folder *f,
                            gk_train__found *found, gk_error *err) {
    const bool lora = job->recipe->lora.rank > 0;
    char *weights[] = {gk_path_join(a, job->dir, "model.safetensors"),
                       gk_path_join(a, job->dir, "adapter_model.safetensors")};
    char *config[] = {gk_path_join(a, job->dir, "config.json"),
                      gk_path_join(a, job->dir, "adapter_config.json")};
    *f = (gk_train__folder){.lock = -1,
                            .dir = job->dir,
                            .metrics = gk_path_join(a, job->dir, "metrics.jsonl"),
                            .manifest = gk_path_join(a, job->dir, "train.json"),
                            .weights = weights[lora],
                            .config = config[lora],
                            .other_weights = weights[!lora],
                            .other_config = config[!lora],
                            .generation = gk_path_join(a, job->dir, "generation_config.json")};
    if (!gk_mkdirs(job->dir, err) || !lock_folder(f, job->dir, err)) return false;
    gk_train__checkpoint_files_sweep(job->dir);
    return look(a, f, job, inputs, found, err);
}

void gk_train__folder_leave(gk_train__folder *f) {
    gk_train__checkpoint_close(f->resume);
    f->resume = NULL;
    if (f->lock >= 0) close(f->lock);
    f->lock = -1;
}

/* ---------------------------------------------------------------- the manifest */

static json_t *kernels_json(void) {
    gk_gemm_info info;
    gk_gemm_describe(&info);
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "cpu", info.cpu, "blis", info.blis, "onednn", info.onednn,
                     "used", info.used, "sentencepiece", gk_tok_sentencepiece());
}

bool gk_train__manifest_write(const gk_train__folder *f, const json_t *inputs, const gk_train__state *s,
                              gk_error *err) {
    char hex[GK_SHA256_HEX];
    if (!gk_sha256_file(f->weights, hex, err)) return false;
    json_t *obj = json_object(), *end = gk_train__state_json(s);
    json_object_set_new(obj, "graftkit", json_string(GK_VERSION));
    json_object_set(obj, "inputs", (json_t *)(uintptr_t)inputs);
    json_object_update(obj, end);
    json_object_set_new(obj, "tokens_per_s", json_real(s->seconds > 0 ? (double)s->tokens / s->seconds : 0));
    json_object_set_new(obj, "threads", json_integer(gk_threads()));
    json_object_set_new(obj, "kernels", kernels_json());
    json_object_set_new(obj, "model_sha256", json_string(hex));
    bool ok = gk_json_save(f->manifest, obj, err);
    json_decref(end);
    json_decref(obj);
    return ok;
}

static bool weights_match(const gk_train__folder *f, const json_t *manifest, gk_error *err) {
    const char *want;
    char hex[GK_SHA256_HEX];
    if (!gk_json_str(manifest, "model_sha256", &want, GK_AT_FILE(f->manifest), err) ||
        !gk_sha256_file(f->weights, hex, err))
        return false;
    if (strcmp(hex, want) == 0) return true;
    return gk_fail(err, GK_AT_FILE(f->weights), "put the file back, or train again with --restart",
                   "the file is not the one that train.json was written for");
}

bool gk_train__manifest_read(const gk_train__folder *f, gk_train_result *out, gk_error *err) {
    json_t *manifest = gk_json_load(f->manifest, err);
    gk_train__state s = {0};
    bool ok = manifest && gk_train__state_parse(manifest, INT64_MAX, &s, GK_AT_FILE(f->manifest), err) &&
              weights_match(f, manifest, err);
    json_decref(manifest);
    if (!ok) return false;
    out->steps = out->resumed_at = s.step;
    out->tokens = s.tokens;
    out->seconds = s.seconds;
    out->loss = s.loss;
    out->valid_loss = s.valid_loss;
    out->best_step = s.best_step;
    out->stopped = s.stopped;
    return true;
}
