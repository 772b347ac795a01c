/* shared.c: see fuzz.h. */
#include "graftkit/core/file.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Linked with --wrap=gk_map_open and --wrap=gk_map_close: the library's calls end here. The names are the
 * linker's. NOLINTBEGIN(bugprone-reserved-identifier) */
bool __wrap_gk_map_open(const char *path, gk_map *out, gk_error *err);
void __wrap_gk_map_close(gk_map *m);

static struct {
    const uint8_t *data;
    size_t size;
    int fd;
    char path[64];
    bool taken;
    volatile uint8_t sum;
} now = {.fd = -1};

const char *fuzz_file(const uint8_t *data, size_t size) {
    if (now.fd < 0) {
        now.fd = memfd_create("fuzz", MFD_CLOEXEC);
        if (now.fd < 0) abort();
        snprintf(now.path, sizeof now.path, "/proc/self/fd/%d", now.fd);
    }
    now.data = data;
    now.size = size;
    if (ftruncate(now.fd, 0) != 0 || pwrite(now.fd, data, size, 0) != (ssize_t)size) abort();
    return now.path;
}

bool __wrap_gk_map_open(const char *path, gk_map *out, gk_error *err) {
    (void)err;
    *out = (gk_map){.data = now.data, .size = now.size};
    snprintf(out->path, sizeof out->path, "%s", path);
    return true;
}

void __wrap_gk_map_close(gk_map *m) {
    *m = (gk_map){0};
}
/* NOLINTEND(bugprone-reserved-identifier) */

void fuzz_outcome(bool taken, const gk_error *err) {
    char text[4096];
    now.taken = taken;
    if (taken) return;
    gk_error_text(err, text, sizeof text);
    if (!err->what[0] || strpbrk(text, "\n\r\x1b")) abort();
}

bool fuzz_taken(void) {
    return now.taken;
}

void fuzz_touch(const void *bytes, size_t n) {
    uint8_t sum = 0;
    for (size_t i = 0; i < n; i++) sum = (uint8_t)(sum ^ ((const uint8_t *)bytes)[i]);
    now.sum = sum;
}
