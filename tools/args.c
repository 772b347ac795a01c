/* args.c: the command line of a sub-command, its --help, and how a failure is told. */
#include "graftkit/core/threads.h"
#include "tools/tools.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

typedef struct parsing {
    const char *command, *summary;
    const gk_opt *opts;
    size_t n;
    bool *seen; /* one an option */
    gk_arena *a;
} parsing;

char *gk_command_word(const char *name, char word[GK_COMMAND_WORD]) {
    snprintf(word, GK_COMMAND_WORD, "%s", name);
    for (char *p = word; *p; p++)
        if (*p == '_') *p = '-';
    return word;
}

/* ---------------------------------------------------------------- nearest word */

/* Levenshtein distance; words longer than the table are far from everything. */
static size_t distance(const char *a, const char *b) {
    enum { LONGEST = 40 };
    size_t row[LONGEST + 1], na = strlen(a), nb = strlen(b);
    if (na > LONGEST || nb > LONGEST) return SIZE_MAX;
    for (size_t j = 0; j <= nb; j++) row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[nb];
}

const char *gk_nearest(const char *word, const char *const *known, size_t n) {
    size_t best = 2 * strlen(word) / 5; /* more edits than that is no typing error */
    const char *nearest = NULL;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(word, known[i]);
        if (d > best || (d == best && nearest)) continue;
        best = d;
        nearest = known[i];
    }
    return nearest;
}

/* ---------------------------------------------------------------- --help */

static void add_default(const gk_opt *o, gk_buf *b) {
    if (o->required) {
        gk_buf_puts(b, " (required)");
    } else if (o->kind == GK_OPT_INT && *(const int64_t *)o->dest >= 0) {
        gk_buf_printf(b, " [%" PRId64 "]", *(const int64_t *)o->dest);
    } else if (o->kind == GK_OPT_NUM) {
        gk_buf_printf(b, " [%g]", *(const double *)o->dest);
    } else if (o->kind == GK_OPT_STR && *(const char *const *)o->dest) {
        gk_buf_printf(b, " [%s]", *(const char *const *)o->dest);
    } else if (o->kind == GK_OPT_LIST) {
        const gk_strings *list = o->dest;
        for (size_t i = 0; i < list->n; i++) gk_buf_printf(b, "%s%s", i ? ", " : " [", list->item[i]);
        if (list->n) gk_buf_puts(b, "]");
    }
}

/* Prints text in a roff document: dashes, backslashes and a first dot stay what they are. */
static void print_roff(const char *text) {
    if (*text == '.' || *text == '\'') fputs("\\&", stdout);
    for (; *text; text++) {
        if (*text == '\\') fputs("\\e", stdout);
        if (*text == '-') fputs("\\-", stdout);
        if (*text != '\\' && *text != '-') putchar(*text);
    }
}

void gk_help_line(const char *left, const char *right, bool roff) {
    if (!roff) {
        printf("  %-28s %s\n", left, right);
        return;
    }
    fputs(".TP\n.B ", stdout);
    print_roff(left);
    putchar('\n');
    print_roff(right);
    putchar('\n');
}

/* roff: as a section of the man page (cmd_man.c). */
static int print_help(const parsing *p, bool roff) {
    if (roff)
        printf(".SS %s\n", p->command);
    else
        printf("graftkit %s: %s\n\nusage: graftkit %s [options]\n", p->command, p->summary, p->command);
    if (roff) {
        print_roff(p->summary);
        fputs(".\n", stdout);
    }
    for (size_t i = 0; i < p->n; i++) {
        const gk_opt *o = &p->opts[i];
        gk_buf left = {0}, right = {0};
        gk_buf_printf(&left, "--%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        gk_buf_puts(&right, o->help);
        add_default(o, &right);
        gk_help_line(left.data, right.data, roff);
        gk_buf_free(&left);
        gk_buf_free(&right);
    }
    if (!roff) gk_help_line("--help", "print this", false);
    return 0;
}

/* ---------------------------------------------------------------- parsing */

/* Two options of one name: the second could never be set. */
static const char *defined_twice(const gk_opt *opts, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(opts[i].name, opts[k].name) == 0) return opts[i].name;
    return NULL;
}

static int usage_error(const parsing *p, const char *fmt, ...) GK_PRINTF(2, 3);
static int usage_error(const parsing *p, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char line[512];
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    fprintf(stderr, "graftkit %s: %s\n", p->command, line);
    return 1;
}

static int unknown_option(const parsing *p, const char *name) {
    const char **names = gk_arena_alloc(p->a, (p->n + 1) * sizeof *names);
    for (size_t i = 0; i < p->n; i++) names[i] = p->opts[i].name;
    names[p->n] = "help";
    const char *near = gk_nearest(name, names, p->n + 1);
    if (near) return usage_error(p, "unknown option '--%s'; did you mean --%s?", name, near);
    return usage_error(p, "unknown option '--%s'; see graftkit %s --help", name, p->command);
}

static int set_int(const parsing *p, const gk_opt *o, const char *value) {
    char *end;
    errno = 0;
    long long v = strtoll(value, &end, 10);
    if (end == value || *end || errno || v < 0)
        return usage_error(p, "--%s must be an integer of 0 or more, not '%s'", o->name, value);
    *(int64_t *)o->dest = v;
    return -1;
}

static int set_num(const parsing *p, const gk_opt *o, const char *value) {
    char *end;
    double v = strtod(value, &end);
    if (end == value || *end || !isfinite(v))
        return usage_error(p, "--%s must be a finite number, not '%s'", o->name, value);
    *(double *)o->dest = v;
    return -1;
}

/* The first use of the option replaces the default. */
static int add_item(const parsing *p, const gk_opt *o, const char *value, bool first) {
    gk_strings *list = o->dest;
    size_t n = first ? 0 : list->n;
    const char **items = gk_arena_alloc(p->a, (n + 1) * sizeof *items);
    if (n) memcpy(items, list->item, n * sizeof *items);
    items[n++] = value;
    *list = (gk_strings){items, n};
    return -1;
}

static int set_option(const parsing *p, const gk_opt *o, const char *value) {
    bool first = !p->seen[o - p->opts];
    p->seen[o - p->opts] = true;
    if (!first && o->kind != GK_OPT_LIST && o->kind != GK_OPT_FLAG)
        return usage_error(p, "--%s is given twice", o->name);
    if ((o->kind == GK_OPT_STR || o->kind == GK_OPT_LIST) && !*value)
        return usage_error(p, "--%s must not be empty: %s", o->name, o->help);
    switch (o->kind) {
    case GK_OPT_FLAG:
        *(bool *)o->dest = true;
        return -1;
    case GK_OPT_INT:
        return set_int(p, o, value);
    case GK_OPT_NUM:
        return set_num(p, o, value);
    case GK_OPT_STR:
        *(const char **)o->dest = value;
        return -1;
    case GK_OPT_LIST:
        return add_item(p, o, value, first);
    }
    return -1;
}

static const gk_opt *find(const parsing *p, const char *name) {
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->opts[i].name, name) == 0) return &p->opts[i];
    return NULL;
}

/* The option at argv[*i], and its value if that is the next word, past which *i moves. */
static int parse_one(const parsing *p, int *i, int argc, char **argv) {
    const char *word = argv[*i];
    if (strncmp(word, "--", 2) != 0 || !word[2])
        return usage_error(p, "'%s' is not an option; options start with --", word);
    size_t len = strcspn(word + 2, "=");
    const char *name = gk_arena_strndup(p->a, word + 2, len);
    const char *value = word[2 + len] ? word + 3 + len : NULL;
    const gk_opt *o = find(p, name);
    if (!o) return unknown_option(p, name);
    if (o->kind == GK_OPT_FLAG && value) return usage_error(p, "--%s takes no value", name);
    if (o->kind == GK_OPT_FLAG || value) return set_option(p, o, value);
    if (*i + 1 >= argc)
        return usage_error(p, "--%s needs a value%s%s", name, o->arg ? ": " : "", o->arg ? o->arg : "");
    return set_option(p, o, argv[++*i]);
}

int gk_args(const char *command, const char *summary, const gk_opt *opts, size_t n_opts, int argc,
            char **argv, gk_arena *a) {
    parsing p = {command, summary, opts, n_opts, gk_arena_alloc(a, n_opts * sizeof(bool)), a};
    /* Asked anywhere, --help comes before any complaint, and before options change the defaults that it
     * shows. */
    const char *twice = defined_twice(opts, n_opts);
    if (twice) return usage_error(&p, "a defect of graftkit: two options are called --%s", twice);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return print_help(&p, false);
        if (strcmp(argv[i], GK_HELP_ROFF) == 0) return print_help(&p, true);
    }
    for (int i = 1; i < argc; i++) {
        int code = parse_one(&p, &i, argc, argv);
        if (code >= 0) return code;
    }
    for (size_t i = 0; i < n_opts; i++)
        if (opts[i].required && !p.seen[i])
            return usage_error(&p, "--%s is required: %s", opts[i].name, opts[i].help);
    return -1;
}

/* ---------------------------------------------------------------- failures and numbers */

int gk_die(const char *command, const gk_error *err) {
    char text[2048];
    fprintf(stderr, "graftkit %s: %s\n", command, gk_error_text(err, text, sizeof text));
    return 1;
}

void gk_use_threads(int64_t n) {
    gk_threads_set((int)(n < 4096 ? n : 4096)); /* which has its own, lower limit */
}

bool gk_parse_bytes(const char *text, const char *option, size_t *out, gk_error *err) {
    static const char unit[] = "KMGT";
    char *end;
    double value = strtod(text, &end);
    const char *u = *end ? strchr(unit, *end) : NULL;
    for (const char *p = unit; u && p <= u; p++) value *= 1024;
    if (u) end++;
    if (u && strncmp(end, "iB", 2) == 0) end += 2;
    if (*end || end == text || !isfinite(value) || value < 1 << 20 || value > 1e15)
        return gk_fail(err, GK_AT_FIELD(NULL, option),
                       "write 1GiB, 512MiB or a number of bytes, 1MiB or more", "'%s' is no amount of memory",
                       text);
    *out = (size_t)value;
    return true;
}
