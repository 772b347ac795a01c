/* plot.c: gnuplot as a child process: a script and data files in, an <svg> element out. */
#include "report/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { N_FILES = GK__PLOT_DATA + 3 };
static const char *const FILES[N_FILES] = {"0", "1", "2", "plot.gp", "plot.svg", "stderr"};
static const char MISSING[] = "(none)"; /* what no number is written as */
static const size_t LARGEST_SVG = (size_t)64 << 20;

/* ---------------------------------------------------------------- the child */

static int spawn_in(const char *dir, pid_t *pid) {
    char *argv[] = {(char[]){"gnuplot"}, (char[]){"-d"}, (char[]){"plot.gp"}, NULL};
    posix_spawn_file_actions_t io;
    int rc = posix_spawn_file_actions_init(&io);
    if (rc) return rc;
    rc = posix_spawn_file_actions_addchdir_np(&io, dir);
    if (!rc) rc = posix_spawn_file_actions_addopen(&io, 0, "/dev/null", O_RDONLY, 0);
    if (!rc) rc = posix_spawn_file_actions_addopen(&io, 1, "/dev/null", O_WRONLY, 0);
    if (!rc) rc = posix_spawn_file_actions_addopen(&io, 2, "stderr", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    /* graftkit takes its signals in one thread and blocks them elsewhere; the child is to have them. */
    posix_spawnattr_t attr;
    sigset_t none;
    sigemptyset(&none);
    if (!rc) rc = posix_spawnattr_init(&attr);
    if (!rc) {
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
        rc = posix_spawnp(pid, argv[0], &io, &attr, argv, environ);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&io);
    return rc;
}

/* The first line with a word of the child's stderr: gnuplot sets its complaint between blank lines. */
static const char *complaint(gk_arena *a, const char *dir) {
    char *text = gk_read_file(a, gk_path_join(a, dir, "stderr"), (size_t)1 << 20, NULL, NULL), *line;
    const char *found = NULL;
    while (text && (line = strsep(&text, "\n"))) {
        line += strspn(line, " \t^");
        if (!*line) continue;
        found = line;
        if (strstr(line, "line ")) break; /* '"plot.gp" line 7: what is wrong' */
    }
    return found ? found : "it does not say why";
}

static bool run_gnuplot(gk_arena *a, const char *dir, gk_error *err) {
    static const char hint[] = "install gnuplot (Debian package gnuplot-nox) and see that it is in $PATH";
    pid_t pid;
    int rc = spawn_in(dir, &pid), status;
    if (rc) return gk_fail(err, GK_NOWHERE, hint, "starting gnuplot failed: %s", strerror(rc));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return gk_fail_errno(err, GK_NOWHERE, "waiting for gnuplot", errno);
    if (WIFSIGNALED(status))
        return gk_fail(err, GK_NOWHERE, hint, "gnuplot was ended by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) == 127) return gk_fail(err, GK_NOWHERE, hint, "gnuplot could not be started");
    if (WEXITSTATUS(status) != 0)
        return gk_fail(err, GK_NOWHERE, "graftkit is made for gnuplot 5.4 and 6.0",
                       "gnuplot failed (exit code %d): %.200s", WEXITSTATUS(status), complaint(a, dir));
    return true;
}

/* ---------------------------------------------------------------- its files */

/* Plain stdio: these files need not outlive a power failure. */
static bool write_file(const char *path, const gk_buf *text, gk_error *err) {
    FILE *f = fopen(path, "wbe");
    if (!f) return gk_fail_errno(err, GK_AT_FILE(path), "creating the file", errno);
    size_t written = text->len ? fwrite(text->data, 1, text->len, f) : 0;
    if (fclose(f) == 0 && written == text->len) return true;
    return gk_fail_errno(err, GK_AT_FILE(path), "writing the file", errno);
}

static bool write_files(gk_arena *a, const gk__plot *p, int id, const char *dir, gk_error *err) {
    gk_buf script = {0};
    gk_buf_printf(&script,
                  "set terminal svg size %d,%d dynamic noenhanced font 'sans-serif,%d' name 'fig%d'\n"
                  "set encoding utf8\nset output 'plot.svg'\nset datafile separator \"\\t\" missing \"%s\"\n",
                  p->width, p->height, GK__FONT_SIZE, id, MISSING);
    gk_buf_add(&script, p->script.data, p->script.len);
    bool ok = write_file(gk_path_join(a, dir, "plot.gp"), &script, err);
    for (int i = 0; ok && i < GK__PLOT_DATA; i++)
        ok = write_file(gk_path_join(a, dir, FILES[i]), &p->data[i], err);
    gk_buf_free(&script);
    return ok;
}

static void remove_files(gk_arena *a, const char *dir) {
    for (int i = 0; i < N_FILES; i++) unlink(gk_path_join(a, dir, FILES[i]));
    rmdir(dir);
}

static bool take_svg(const gk__plot *p, const char *text, size_t len, int id, gk_buf *out, gk_error *err) {
    const char *svg = strstr(text, "<svg"), *end = NULL;
    for (const char *at = svg; at && (at = strstr(at, "</svg>")); at++) end = at;
    if (strlen(text) != len || !end)
        return gk_fail(err, GK_NOWHERE, "graftkit is made for gnuplot 5.4 and 6.0",
                       "gnuplot wrote no SVG picture");
    gk__svg_add(p, id, svg, end, out);
    if (p->veils.len) {
        gk_buf_puts(out, "<g class=\"veils\" fill=\"#fff\" fill-opacity=\".86\" visibility=\"hidden\">");
        gk_buf_add(out, p->veils.data, p->veils.len);
        gk_buf_puts(out, "</g>");
    }
    gk_buf_puts(out, "</svg>\n");
    return true;
}

bool gk__plot_svg(const gk__plot *p, int id, gk_buf *out, gk_error *err) {
    gk_arena *a = gk_arena_new();
    const char *tmp = getenv("TMPDIR");
    char *dir = gk_arena_printf(a, "%s/graftkit-plot-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    bool ok = mkdtemp(dir) || gk_fail_errno(err, GK_AT_FILE(dir), "making a temporary folder", errno);
    if (ok) {
        size_t len;
        ok = write_files(a, p, id, dir, err) && run_gnuplot(a, dir, err);
        const char *svg =
            ok ? gk_read_file(a, gk_path_join(a, dir, "plot.svg"), LARGEST_SVG, &len, err) : NULL;
        ok = svg && take_svg(p, svg, len, id, out, err);
        remove_files(a, dir);
    }
    gk_arena_free(a);
    return ok;
}

const char *gk__plot_label(gk_arena *a, const char *text, size_t most) {
    size_t n = strlen(text), keep = n > most ? most - 1 : n;
    while (keep < n && keep > 0 && ((unsigned char)text[keep] & 0xC0) == 0x80) keep--;
    return keep < n ? gk_arena_printf(a, "%.*s\u2026", (int)keep, text) : *text ? text : " ";
}

/* Where a name is broken in two: at the " + ", or else the blank, nearest its middle; or nowhere (its
 * length). */
static size_t break_at(const char *name) {
    enum { LONG = 24 };
    static const char *const blanks[] = {" + ", " "};
    size_t n = strlen(name), best = n;
    for (int b = 0; b < 2 && best == n && n > LONG; b++)
        for (const char *at = name; (at = strstr(at, blanks[b])); at++) {
            size_t here = (size_t)(at - name) + strlen(blanks[b]) - 1;
            if (fabs((double)here - (double)n / 2) < fabs((double)best - (double)n / 2)) best = here;
        }
    return best;
}

int gk__plot_lines(gk_arena *a, const char *name, const char *line[2]) {
    enum { MOST = 34 };
    size_t cut = break_at(name), n = strlen(name);
    line[0] = gk__plot_label(a, gk_arena_strndup(a, name, cut), MOST);
    line[1] = cut < n ? gk__plot_label(a, name + cut + 1, MOST) : "";
    return cut < n ? 2 : 1;
}

void gk__plot_name(gk_arena *a, gk_buf *out, double y, double apart, const char *name) {
    const char *line[2];
    int n = gk__plot_lines(a, name, line);
    for (int i = 0; i < n; i++) {
        gk_buf_printf(out, "%g\t", n == 1 ? y : y + (i ? apart : -apart));
        gk__plain_text(out, line[i]);
        gk_buf_puts(out, "\n");
    }
}

/* DejaVu Sans at GK__FONT_SIZE, which is wider than most: what fits with it fits. */
double gk__plot_width(const char *text) {
    double sum = 0;
    for (const char *at = text; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if ((c & 0xC0) == 0x80) continue; /* within a character */
        sum += c >= 0x80                              ? 14
               : strchr("MWmw@%", c)                  ? 13.7
               : strchr("+^=<>~#&", c)                ? 11.8
               : strchr(" |,.:;'!()[]/\\-fijlrtI", c) ? 5.6
               : c >= 'A' && c <= 'Z'                 ? 9.8
                                                      : 8.9;
    }
    return sum;
}

void gk__plot_ends(gk_buf *out, double low, double high) {
    if (isnan(low) || isnan(high))
        gk_buf_printf(out, "\t%s\t%s", MISSING, MISSING);
    else
        gk_buf_printf(out, "\t%.9g\t%.9g", low, high);
}

void gk__plot_veil(gk__plot *p, double x, double y, double width, double height, const char *schemes) {
    gk_buf_printf(&p->veils, "<rect x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\" data-s=\"", x, y,
                  width, height);
    gk__html_text(&p->veils, schemes);
    gk_buf_puts(&p->veils, "\"/>");
}

void gk__plot_free(gk__plot *p) {
    gk_buf_free(&p->veils);
    gk_buf_free(&p->script);
    for (int i = 0; i < GK__PLOT_DATA; i++) gk_buf_free(&p->data[i]);
}
