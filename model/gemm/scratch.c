/* scratch.c: see scratch.h. */
#include "graftkit/core/memory.h"
#include "model/gemm/scratch.h"

#include <pthread.h>

typedef struct thread_scratch {
    void *data[GK_GEMM__SCRATCHES];
    size_t bytes[GK_GEMM__SCRATCHES];
} thread_scratch;

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void free_scratch(void *p) {
    thread_scratch *s = p;
    for (int i = 0; i < GK_GEMM__SCRATCHES; i++) gk_free(s->data[i]);
    gk_free(s);
}

static void make_key(void) {
    pthread_key_create(&scratch_key, free_scratch);
}

void *gk_gemm__scratch(gk_gemm__scratch_use use, size_t bytes) {
    pthread_once(&scratch_once, make_key);
    thread_scratch *s = pthread_getspecific(scratch_key);
    if (!s) {
        s = gk_alloc(sizeof *s);
        pthread_setspecific(scratch_key, s);
    }
    if (s->bytes[use] < bytes) {
        gk_free(s->data[use]);
        s->data[use] = gk_alloc(bytes);
        s->bytes[use] = bytes;
    }
    return s->data[use];
}
