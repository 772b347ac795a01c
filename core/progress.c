/* progress.c: the clock, progress lines, and asking to stop. */
#include "graftkit/core/memory.h"
#include "graftkit/core/progress.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

double gk_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---------------------------------------------------------------- progress */

static const double REDRAW_S = 0.1, PLAIN_S = 5.0;
enum { BAR = 20 };

struct gk_progress {
    FILE *out;
    char label[64], unit[24], note[160];
    double total, done;
    double start, shown; /* times: of the start, of the last line */
    bool tty, based;
    double base_done, base_time; /* the first update: a resumed run does not start from 0 */
};

/* 12345678 as "12.3M". */
static const char *short_number(double x, char buf[24]) {
    static const char suffix[] = {'k', 'M', 'G', 'T'};
    if (x < 1e4) {
        snprintf(buf, 24, x == (double)(long)x || x >= 100 ? "%.0f" : "%.3g", x);
        return buf;
    }
    size_t i = 0;
    for (x /= 1e3; x >= 999.5 && i + 1 < sizeof suffix; i++) x /= 1e3;
    snprintf(buf, 24, "%.3g%c", x, suffix[i]);
    return buf;
}

static const char *clock_time(double s, char buf[24]) {
    long t = s > 0 && s < 1e8 ? (long)(s + 0.5) : 0;
    if (t >= 3600)
        snprintf(buf, 24, "%ld:%02ld:%02ld", t / 3600, t / 60 % 60, t % 60);
    else
        snprintf(buf, 24, "%ld:%02ld", t / 60, t % 60);
    return buf;
}

static double fraction(const gk_progress *p) {
    if (!(p->total > 0) || !(p->done > 0)) return 0;
    return p->done < p->total ? p->done / p->total : 1;
}

/* Units a second so far, 0 while unknown. */
static double rate(const gk_progress *p, double now) {
    bool later = p->based && p->done > p->base_done && now > p->base_time;
    double units = later ? p->done - p->base_done : 0;
    return units > 0 ? units / (now - p->base_time) : 0;
}

static void add_counts(const gk_progress *p, gk_buf *line) {
    char a[24], b[24];
    gk_buf_printf(line, "%s", short_number(p->done, a));
    if (p->total > 0) gk_buf_printf(line, "/%s", short_number(p->total, b));
    gk_buf_printf(line, " %s", p->unit);
}

static void add_state(const gk_progress *p, double now, bool last, gk_buf *line) {
    char text[24];
    add_counts(p, line);
    double per_s = rate(p, now);
    if (last) gk_buf_printf(line, " in %s", clock_time(now - p->start, text));
    if (per_s > 0) gk_buf_printf(line, "  %s/s", short_number(per_s, text));
    if (!last && per_s > 0 && p->total > p->done)
        gk_buf_printf(line, "  %s left", clock_time((p->total - p->done) / per_s, text));
    if (p->note[0]) gk_buf_printf(line, "  %s", p->note);
}

static size_t width_of(FILE *out) {
    struct winsize w;
    return ioctl(fileno(out), TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? (size_t)w.ws_col - 1 : 79;
}

/* Cuts the line to so many characters, for a wrapped line could not be redrawn; false when it had to. */
static bool fit(gk_buf *line, size_t width) {
    size_t chars = 0;
    for (size_t i = 0; i < line->len; i++) {
        if (((unsigned char)line->data[i] & 0xC0) != 0x80) chars++;
        if (chars <= width) continue;
        line->len = i;
        line->data[i] = '\0';
        return false;
    }
    return true;
}

static void compose(const gk_progress *p, double now, bool last, bool bar, gk_buf *line) {
    gk_buf_printf(line, "%s", p->label);
    if (p->total > 0) gk_buf_printf(line, "  %3.0f%%", 100 * fraction(p));
    if (bar) {
        int full = (int)(fraction(p) * BAR);
        gk_buf_printf(line, " [%.*s%.*s]", full, "####################", BAR - full, "                    ");
    }
    gk_buf_puts(line, "  ");
    add_state(p, now, last, line);
}

/* On a narrow terminal the bar makes room for what the note says. */
static void draw(gk_progress *p, double now, bool last) {
    gk_buf line = {0};
    bool bar = p->tty && !last && p->total > 0;
    compose(p, now, last, bar, &line);
    if (p->tty && !fit(&line, width_of(p->out)) && bar) {
        line.len = 0;
        compose(p, now, last, false, &line);
        fit(&line, width_of(p->out));
    }
    fprintf(p->out, "%s%s%s%s", p->tty ? "\r" : "", line.data, p->tty ? "\033[K" : "",
            p->tty && !last ? "" : "\n");
    fflush(p->out);
    gk_buf_free(&line);
    p->shown = now;
}

gk_progress *gk_progress_start(FILE *out, const char *label, double total, const char *unit) {
    if (!out) return NULL;
    gk_progress *p = gk_alloc(sizeof *p);
    p->out = out;
    p->total = total;
    snprintf(p->label, sizeof p->label, "%s", label ? label : "");
    snprintf(p->unit, sizeof p->unit, "%s", unit ? unit : "");
    p->tty = isatty(fileno(out)) == 1;
    p->start = gk_now();
    draw(p, p->start, false);
    return p;
}

static void set_note(gk_progress *p, const char *note) {
    if (note) snprintf(p->note, sizeof p->note, "%s", note);
}

void gk_progress_update(gk_progress *p, double done, const char *note) {
    if (!p) return;
    double now = gk_now();
    p->done = done;
    set_note(p, note);
    if (!p->based) {
        p->based = true;
        p->base_done = done;
        p->base_time = now;
    }
    if (now - p->shown >= (p->tty ? REDRAW_S : PLAIN_S)) draw(p, now, false);
}

void gk_progress_end(gk_progress *p, const char *note) {
    if (!p) return;
    set_note(p, note);
    draw(p, gk_now(), true);
    gk_free(p);
}

/* ---------------------------------------------------------------- interruption */

/* The one variable of the library that outlives a call: what waits for signals can reach no other. */
static atomic_bool stop_asked;

/* Signals are taken by a thread that does nothing else. A handler would run on the stack of whatever it
 * interrupts, and oneDNN's AVX-512 products keep data where the kernel puts a handler's frame: one signal
 * there corrupts the heap. */
static void *wait_for_signals(void *arg) {
    sigset_t *set = arg;
    int sig;
    while (sigwait(set, &sig) == 0) {
        if (atomic_exchange(&stop_asked, true)) {
            signal(sig, SIG_DFL);
            pthread_sigmask(SIG_UNBLOCK, set, NULL);
            raise(sig);
        }
    }
    return NULL;
}

void gk_interrupt_catch(void) {
    static sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_t thread;
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    /* One that is waiting already is taken here: the thread may get to it after all the work is done. */
    if (sigtimedwait(&set, NULL, &(struct timespec){0}) > 0) atomic_store(&stop_asked, true);
    if (pthread_create(&thread, NULL, wait_for_signals, &set) == 0)
        pthread_detach(thread);
    else
        pthread_sigmask(SIG_UNBLOCK, &set,
                        NULL); /* without the thread the signals end the process, as by default */
}

bool gk_interrupted(void) {
    return atomic_load(&stop_asked);
}
