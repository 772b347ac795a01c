/* memory.c: what a run takes, before it takes it. */
#include "train/internal.h"

#include <inttypes.h>
#include <string.h>

gk_session_opts gk_train__session_opts(const gk_recipe *r, int rows, const gk_adapter *a,
                                       const uint32_t *frozen) {
    return (gk_session_opts){.max_rows = rows,
                             .backward = true,
                             .recompute = r->memory != GK_MEMORY_STANDARD,
                             .narrow = r->bf16 || r->memory == GK_MEMORY_LEAN,
                             .adapter = a,
                             .frozen = frozen};
}

/* `trained` of the vector's floats are. */
static void count_lean(const gk_recipe *r, const gk_config *c, const uint32_t *frozen, size_t floats,
                       size_t trained, gk_train_memory *m) {
    size_t front, window;
    gk_backprop_floats(c, frozen, &front, &window);
    m->weights = 2 * (uint64_t)floats;
    m->moments = 3 * (uint64_t)trained + trained / 32;
    m->gradients = 4 * (uint64_t)(front + window);
    m->best = r->keep_best ? m->weights : 0;
}

/* `adapter`: its floats, which are trained beside the model's; 0: none. */
static void count_full(const gk_recipe *r, size_t floats, size_t adapter, size_t trained,
                       gk_train_memory *m) {
    m->weights = (r->bf16 ? 6 : 4) * (uint64_t)floats + 4 * (uint64_t)adapter;
    m->gradients = 4 * (uint64_t)trained;
    m->moments = 8 * (uint64_t)trained;
    m->best = r->keep_best ? 4 * (uint64_t)(adapter > 0 ? adapter : floats) : 0;
}

/* An adapter is a matter of a moment to make, and is what its sizes are asked of. What the recipe freezes and
 * the model has not is refused elsewhere. */
void gk_train_memory_of(const gk_recipe *r, const gk_config *c, size_t floats, int rows, uint64_t epoch_bytes,
                        gk_train_memory *m) {
    *m = (gk_train_memory){0};
    gk_adapter *a = r->lora.rank > 0 ? gk_adapter_new(c, &r->lora, 0, NULL) : NULL;
    uint32_t *masks = gk_alloc(((size_t)c->n_layers + 1) * sizeof *masks);
    const uint32_t *frozen = !a && gk_recipe_frozen(r, c, masks, NULL) ? masks : NULL;
    size_t adapter = a ? gk_adapter_floats(a) : 0, still = 0;
    if (frozen) still = gk_trained_floats(c, NULL) - gk_trained_floats(c, frozen);
    if (r->memory == GK_MEMORY_LEAN)
        count_lean(r, c, frozen, floats, floats - still, m);
    else
        count_full(r, floats, adapter, a ? adapter : floats - still, m);
    gk_session_opts o = gk_train__session_opts(r, rows, a, frozen);
    m->activations = gk_session_size(c, &o);
    m->epochs = epoch_bytes + (a && epoch_bytes > 0 ? 4 * (uint64_t)floats : 0);
    gk_adapter_free(a);
    gk_free(masks);
    m->total = m->weights + m->gradients + m->moments + m->best + m->activations + m->epochs;
}

uint64_t gk_train_bytes(const gk_recipe *r, const gk_config *c, size_t floats) {
    gk_train_memory m;
    gk_train_memory_of(r, c, floats, (int)r->rows, 0, &m);
    return m.total;
}

/* ---------------------------------------------------------------- is there so much? */

static bool read_number(const char *path, const char *key, double unit, uint64_t *out) {
    FILE *f = fopen(path, "r");
    char line[256];
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) {
        uint64_t x;
        if (strncmp(line, key, strlen(key)) != 0 || sscanf(line + strlen(key), " %" SCNu64, &x) != 1)
            continue;
        *out = (uint64_t)((double)x * unit);
        found = true;
    }
    if (f) fclose(f);
    return found;
}

/* What the system could give without paging, and no more than is left of a control group's limit. */
static uint64_t available(void) {
    uint64_t system = UINT64_MAX, limit, used;
    read_number("/proc/meminfo", "MemAvailable:", 1024, &system);
    if (read_number("/sys/fs/cgroup/memory.max", "", 1, &limit) &&
        read_number("/sys/fs/cgroup/memory.current", "", 1, &used) && limit > used && limit - used < system)
        system = limit - used;
    return system;
}

void gk_train_memory_text(const gk_train_memory *m, char *out, size_t size) {
    const double gib = 1 << 30;
    snprintf(out, size,
             "memory: weights %.2f GiB, gradients %.2f, moments %.2f, best weights %.2f, activations %.2f, "
             "asking after an epoch %.2f: %.2f GiB",
             (double)m->weights / gib, (double)m->gradients / gib, (double)m->moments / gib,
             (double)m->best / gib, (double)m->activations / gib, (double)m->epochs / gib,
             (double)m->total / gib);
}

bool gk_train_fits(const gk_train_memory *m, uint64_t taken, uint64_t free_bytes, gk_error *err) {
    if (free_bytes == 0) free_bytes = available();
    if (m->total <= taken || m->total - taken <= free_bytes) return true;
    char sum[256];
    gk_train_memory_text(m, sum, sizeof sum);
    return gk_fail(err, GK_NOWHERE, "memory: recompute or lean, fewer rows, or a smaller model",
                   "the run does not fit: %s, and %.2f GiB are free", sum,
                   (double)(free_bytes + taken) / (double)(1 << 30));
}
