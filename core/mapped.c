/* mapped.c: a mapped file that loses its end while it is read. The system then sends SIGBUS; the handler here
 * says which file it was and ends the process. It can say so only from a register of what is mapped, which it
 * may read at any moment: mappings that do not move, each filled before its address is set. */
#include "core/mapped.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST = 256, EXIT_CODE = 1, STACK_BYTES = 64 << 10 };

/* More files than this at once are mapped all the same; the message then lacks a name. */
static struct mapping {
    atomic_uintptr_t begin; /* 0: free */
    size_t size;
    char path[sizeof((gk_map *)0)->path];
} mappings[MOST];
static pthread_mutex_t mappings_lock = PTHREAD_MUTEX_INITIALIZER;

void gk_mapped__add(const gk_map *m) {
    if (m->size == 0) return;
    pthread_mutex_lock(&mappings_lock);
    for (size_t i = 0; i < MOST; i++) {
        struct mapping *s = &mappings[i];
        if (atomic_load(&s->begin) != 0) continue;
        s->size = m->size;
        memcpy(s->path, m->path, sizeof s->path);
        atomic_store(&s->begin, (uintptr_t)m->data);
        break;
    }
    pthread_mutex_unlock(&mappings_lock);
}

void gk_mapped__remove(const gk_map *m) {
    if (m->size == 0) return;
    pthread_mutex_lock(&mappings_lock);
    for (size_t i = 0; i < MOST; i++) {
        if (atomic_load(&mappings[i].begin) != (uintptr_t)m->data) continue;
        atomic_store(&mappings[i].begin, 0);
        break;
    }
    pthread_mutex_unlock(&mappings_lock);
}

static bool is_mapped(uintptr_t begin, uintptr_t end) {
    bool found = false;
    pthread_mutex_lock(&mappings_lock);
    for (size_t i = 0; i < MOST && !found; i++) {
        uintptr_t at = atomic_load(&mappings[i].begin);
        found = at != 0 && begin >= at && end <= at + mappings[i].size;
    }
    pthread_mutex_unlock(&mappings_lock);
    return found;
}

void gk_map_forget(const void *p, size_t n) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)p, end = begin + n;
    if (!is_mapped(begin, end)) return;
    begin = (begin + page - 1) / page * page; /* whole pages: what stands beside may be in use */
    end = end / page * page;
    if (end > begin) madvise((void *)begin, end - begin, MADV_DONTNEED);
}

/* ---------------------------------------------------------------- the handler */

/* Only what is safe in a signal handler: no stdio, no allocation. */
static void say(const char *text) {
    size_t n = strlen(text);
    while (n > 0) {
        ssize_t wrote = write(STDERR_FILENO, text, n);
        if (wrote <= 0) return;
        text += wrote;
        n -= (size_t)wrote;
    }
}

static void say_number(uint64_t n) {
    char digits[24], *at = digits + sizeof digits - 1;
    *at = 0;
    do *--at = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    say(at);
}

/* It never returns, so that it does no harm that it may run on the stack of a thread inside oneDNN, which
 * keeps data where the kernel puts a handler's frame (docs/speed.md). */
static void on_bus_error(int sig, siginfo_t *info, void *context) {
    (void)context;
    uintptr_t at = (uintptr_t)info->si_addr;
    for (size_t i = 0; i < MOST; i++) {
        uintptr_t begin = atomic_load(&mappings[i].begin);
        if (begin == 0 || at < begin || at - begin >= mappings[i].size) continue;
        say("graftkit: ");
        say(mappings[i].path);
        say(": byte ");
        say_number(at - begin);
        say(": the file can no longer be read there: it was made shorter, or the disk fails; keep it as it "
            "is "
            "while graftkit reads it\n");
        _exit(EXIT_CODE);
    }
    signal(sig, SIG_DFL); /* not of a mapped file: what would have happened without us */
    raise(sig);
}

void gk_map_guard(void) {
    static char stack[STACK_BYTES];
    stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaltstack(&own, NULL);
    sigaction(SIGBUS, &action, NULL);
}
