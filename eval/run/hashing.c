/* hashing.c: the hashes of a run's model files, computed while the models are opened: SHA-256 of a gigabyte
 * takes a second, on one core. */
#include "eval/run/inputs.h"
#include "graftkit/model/checkpoint.h"

#include <pthread.h>
#include <string.h>

struct gk_run__hashing {
    pthread_t thread;
    bool started, ok;
    const char **path; /* the model's files */
    size_t n;
    const char *config; /* the file that says what the model is */
    gk_run_model *out;
    gk_error err;
};

/* One hash of several files: of their names and hashes, a line each. */
static bool hash_files(const char *const *path, size_t n, char hex[GK_SHA256_HEX], gk_error *err) {
    gk_buf text = {0};
    char one[GK_SHA256_HEX];
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        const char *slash = strrchr(path[i], '/');
        ok = gk_sha256_file(path[i], one, err);
        if (ok) gk_buf_printf(&text, "%s %s\n", slash ? slash + 1 : path[i], one);
    }
    if (ok && n == 1)
        memcpy(hex, one, sizeof one);
    else if (ok)
        gk_sha256_bytes(text.data, text.len, hex);
    gk_buf_free(&text);
    return ok;
}

static void *hash(void *ctx) {
    gk_run__hashing *h = ctx;
    h->ok = hash_files(h->path, h->n, h->out->sha256, &h->err);
    if (h->ok && h->n == 1 && strcmp(h->config, h->path[0]) == 0)
        memcpy(h->out->config_sha256, h->out->sha256, GK_SHA256_HEX);
    else if (h->ok)
        h->ok = gk_sha256_file(h->config, h->out->config_sha256, &h->err);
    return NULL;
}

bool gk_run__inputs_hash(gk_run__inputs *in, gk_arena *a, const char *path, int i, gk_error *err) {
    gk_run__hashing *h = gk_arena_alloc(a, sizeof *h);
    *h = (gk_run__hashing){.out = &in->info[i]};
    if (!gk_model_files(path, a, &h->path, &h->n, err)) return false;
    h->config = gk_path_join(a, path, gk_is_adapter(path) ? "adapter_config.json" : "config.json");
    if (!gk_exists(h->config)) h->config = h->path[0]; /* a GGUF file says itself what it is */
    in->hashing[i] = h;
    h->started = pthread_create(&h->thread, NULL, hash, h) == 0;
    if (!h->started) hash(h);
    return true;
}

bool gk_run__inputs_hashed(gk_run__inputs *in, gk_error *err) {
    bool ok = true;
    for (int i = 0; i < GK_MAX_MODELS; i++) {
        gk_run__hashing *h = in->hashing[i];
        if (!h) continue;
        if (h->started) pthread_join(h->thread, NULL);
        if (ok && !h->ok) {
            ok = false;
            if (err) *err = h->err;
        }
        in->hashing[i] = NULL;
    }
    return ok;
}
