/* adapter_fixture.h: the models, adapters and texts that make_lora_fixtures.py wrote with PEFT. */
#ifndef GK_TESTS_ADAPTER_FIXTURE_H
#define GK_TESTS_ADAPTER_FIXTURE_H

#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/model/adapter.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "model/arrays.h"
#include "tests/support/scratch.h"

#include <math.h>

#define MODELS GK_SOURCE_DIR "/tests/fixtures/model/"
#define ADAPTERS GK_SOURCE_DIR "/tests/fixtures/lora/"
enum { MAX_ROWS = 64, STEPS = 6 };

static const char *const NAMES[] = {"llama",    "llama-qv", "llama-top", "gpt2",  "gpt2-out", "neox",
                                    "neox-qkv", "gemma",    "gemma2",    "qwen2", "olmo2"};
enum { N_NAMES = sizeof NAMES / sizeof *NAMES };

static char why[2048]; /* the last error's text, for a failing assertion */

/* One fixture: base, adapter, torch's numbers, and the two sequences as one ragged batch. */
typedef struct fixture {
    scratch scratch;
    const char *name, *dir, *base;
    gk_model *model;
    gk_adapter *adapter;
    gk_safetensors *ref;
    int32_t token[MAX_ROWS], target[MAX_ROWS], rows[MAX_ROWS], start[3];
    gk_batch batch;
} fixture;

static inline const gk_array *find(const gk_safetensors *file, const char *kind, const char *of) {
    char name[256];
    snprintf(name, sizeof name, "%s%s", kind, of);
    const gk_array *a = gk_safetensors_find(file, name);
    ck_assert_msg(a != NULL, "no %s", name);
    return a;
}

static inline void read_texts(fixture *f) {
    gk_safetensors *file =
        gk_safetensors_open(gk_path_join(f->scratch.a, f->base, "reference.safetensors"), NULL);
    ck_assert_ptr_nonnull(file);
    for (int s = 0; s < 2; s++) {
        const gk_array *ids = find(file, "input_ids.", s ? "1" : "0");
        int n = (int)ids->shape[0], row = f->start[s];
        ck_assert_int_le(row + n, MAX_ROWS);
        for (int i = 0; i < n; i++) {
            f->token[row + i] = (int32_t)ids->data[i];
            f->target[row + i] = i + 1 < n ? (int32_t)ids->data[i + 1] : -1;
            f->rows[row + i] = row + i;
        }
        f->start[s + 1] = row + n;
    }
    gk_safetensors_close(file);
    f->batch = (gk_batch){f->start[2], 2, f->token, f->target, f->start};
}

static inline fixture begin(int i) {
    gk_error err = {0};
    fixture f = {.scratch = scratch_new(), .name = NAMES[i]};
    f.dir = gk_path_join(f.scratch.a, ADAPTERS, f.name);
    f.base = gk_adapter_base(f.dir, f.scratch.a, &err);
    f.model = f.base ? gk_model_load(f.base, &err) : NULL;
    f.adapter = f.model ? gk_adapter_load(f.dir, gk_model_config(f.model), &err) : NULL;
    ck_assert_msg(f.adapter != NULL, "%s", gk_error_text(&err, why, sizeof why));
    f.ref = gk_safetensors_open(gk_path_join(f.scratch.a, f.dir, "reference.safetensors"), &err);
    ck_assert_ptr_nonnull(f.ref);
    return f;
}

/* The batch points into *f. */
static inline void begin_with_texts(fixture *f, int i) {
    *f = begin(i);
    read_texts(f);
}

static inline void end(fixture *f) {
    gk_safetensors_close(f->ref);
    gk_adapter_free(f->adapter);
    gk_model_free(f->model);
    scratch_free(&f->scratch);
}

static inline gk_session *session(const fixture *f, bool backward, bool recompute, const gk_adapter *a) {
    gk_session_opts o = {.max_rows = MAX_ROWS, .backward = backward, .recompute = recompute, .adapter = a};
    gk_session *s = gk_session_make(gk_model_config(f->model), &o, NULL);
    ck_assert_ptr_nonnull(s);
    return s;
}

static inline float largest(const float *x, size_t n) {
    float m = 0;
    for (size_t i = 0; i < n; i++) m = fmaxf(m, fabsf(x[i]));
    return m;
}

static inline void assert_close(const fixture *f, const char *what, const float *got, const float *want,
                                size_t n, float tolerance) {
    float scale = largest(want, n);
    ck_assert_msg(scale > 0, "%s: %s is zero", f->name, what);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabsf(got[i] - want[i]) <= tolerance * scale, "%s: %s at %zu is %g and should be %g",
                      f->name, what, i, (double)got[i], (double)want[i]);
}

#endif
