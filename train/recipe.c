#include "train/train.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- the keys */

typedef enum key_kind { NUM, INT, BOOL, BETAS, SCHEDULE, FREEZE } key_kind;

typedef struct key {
    const char *name;
    key_kind kind;
    size_t offset;
    double lo, hi;
    bool decides; /* the result depends on it */
    const char *arg, *help;
} key;

#define AT(member) offsetof(gk_recipe, member)
static const key KEYS[] = {
    {"lr", NUM, AT(lr), 0, 10, true, "X", "highest learning rate"},
    {"betas", BETAS, AT(adam), 0, 1, true, "B1,B2", "AdamW's decay of the two moments"},
    {"eps", NUM, AT(adam.eps), 1e-30, 1, true, "X", "AdamW's epsilon"},
    {"weight_decay", NUM, AT(adam.weight_decay), 0, 10, true, "X", "AdamW's decoupled weight decay"},
    {"decay_embed", BOOL, AT(adam.decay_embed), 0, 0, true, "BOOL", "decay embed and pos too"},
    {"decay_norms", BOOL, AT(adam.decay_norms), 0, 0, true, "BOOL", "decay norms and biases too"},
    {"clip", NUM, AT(clip), 0, 1e9, true, "X", "largest gradient norm; 0: no clipping"},
    {"schedule", SCHEDULE, AT(schedule), 0, 0, true, "NAME", "linear, cosine or constant"},
    {"warmup", INT, AT(warmup), 0, 1e9, true, "N", "steps of warm-up"},
    {"epochs", INT, AT(epochs), 1, 1e6, true, "N", "passes over the texts"},
    {"batch", INT, AT(batch), 1, 1e6, true, "N", "texts a step"},
    {"shuffle", BOOL, AT(shuffle), 0, 0, true, "BOOL", "shuffle the texts each epoch"},
    {"validation", NUM, AT(validation), 0, 0.9, true, "X", "share of the texts held out"},
    {"keep_best", BOOL, AT(keep_best), 0, 0, true, "BOOL", "end with the best weights by validation loss"},
    {"freeze", FREEZE, AT(adam.frozen), 0, 0, true, "NAMES", "components that stay as they are, or none"},
    {"rows", INT, AT(rows), 1, 1e7, true, "N", "most rows (tokens) of a micro-batch"},
    {"checkpoint_steps", INT, AT(checkpoint_steps), 0, 1e12, false, "N",
     "steps between checkpoints; 0: by time only"},
    {"checkpoint_seconds", NUM, AT(checkpoint_seconds), 0, 1e9, false, "X",
     "seconds between checkpoints; 0: by steps only"},
    {"keep_last", INT, AT(keep_last), 1, 1000, false, "N", "checkpoints kept; the older ones go"},
    {"log_steps", INT, AT(log_steps), 1, 1e9, false, "N", "steps a metrics line"},
};
#undef AT
enum { N_KEYS = sizeof KEYS / sizeof *KEYS };
static const char *const SCHEDULES[] = {"linear", "cosine", "constant"};

size_t gk_recipe_keys(void) {
    return N_KEYS;
}

gk_recipe_key gk_recipe_key_at(size_t i) {
    return (gk_recipe_key){KEYS[i].name, KEYS[i].arg, KEYS[i].help};
}

static const key *find_key(const char *name) {
    for (size_t i = 0; i < N_KEYS; i++)
        if (strcmp(KEYS[i].name, name) == 0) return &KEYS[i];
    return NULL;
}

void gk_recipe_default(gk_recipe *r) {
    *r = (gk_recipe){.lr = 1e-3,
                     .adam = {.beta1 = 0.9,
                              .beta2 = 0.999,
                              .eps = 1e-8,
                              .weight_decay = 0.01,
                              .decay_embed = true,
                              .decay_norms = true},
                     .clip = 1,
                     .schedule = GK_LINEAR,
                     .epochs = 1,
                     .batch = 16,
                     .shuffle = true,
                     .rows = 4096,
                     .checkpoint_seconds = 30,
                     .keep_last = 1,
                     .log_steps = 1};
}

/* ---------------------------------------------------------------- values from text */

static bool wrong(const char *text, const char *hint, gk_place at, gk_error *err) {
    return gk_fail(err, at, hint, "is '%.60s'", text);
}

static bool read_number(const char *text, double lo, double hi, double *out, gk_place at, gk_error *err) {
    char *end, hint[96];
    double x = strtod(text, &end);
    if (end != text && !*end && !isspace((unsigned char)*text) && x >= lo && x <= hi) {
        *out = x;
        return true;
    }
    snprintf(hint, sizeof hint, "must be a number from %g to %g", lo, hi);
    return wrong(text, hint, at, err);
}

static bool read_integer(const char *text, double lo, double hi, int64_t *out, gk_place at, gk_error *err) {
    char *end, hint[96];
    errno = 0;
    long long x = strtoll(text, &end, 10);
    bool ok = end != text && !*end && !isspace((unsigned char)*text) && errno == 0;
    if (ok && (double)x >= lo && (double)x <= hi) {
        *out = x;
        return true;
    }
    snprintf(hint, sizeof hint, "must be an integer from %.0f to %.0f", lo, hi);
    return wrong(text, hint, at, err);
}

static bool read_bool(const char *text, bool *out, gk_place at, gk_error *err) {
    *out = strcmp(text, "true") == 0;
    return *out || strcmp(text, "false") == 0 || wrong(text, "must be true or false", at, err);
}

static bool read_schedule(const char *text, gk_schedule *out, gk_place at, gk_error *err) {
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, SCHEDULES[i]) != 0) continue;
        *out = (gk_schedule)i;
        return true;
    }
    return wrong(text, "must be linear, cosine or constant", at, err);
}

static bool read_betas(const char *text, gk_adamw_opts *out, gk_place at, gk_error *err) {
    char *end = NULL, *last = NULL;
    double b1 = strtod(text, &end), b2 = *end == ',' ? strtod(end + 1, &last) : -1;
    if (!last || *last || !(b1 >= 0 && b1 < 1 && b2 >= 0 && b2 < 1))
        return wrong(text, "must be two numbers from 0 to below 1, as 0.9,0.999", at, err);
    out->beta1 = b1;
    out->beta2 = b2;
    return true;
}

static bool unknown_component(const char *name, gk_place at, gk_error *err) {
    char hint[160] = "components:";
    for (int c = 0; c < GK_N_COMPONENTS; c++) {
        size_t len = strlen(hint);
        snprintf(hint + len, sizeof hint - len, " %s", gk_component_name((gk_component)c));
    }
    return gk_fail(err, at, hint, "there is no component '%.40s'", name);
}

static bool read_freeze(const char *text, uint32_t *out, gk_place at, gk_error *err) {
    uint32_t mask = 0;
    if (strcmp(text, "none") == 0 || !*text) {
        *out = 0;
        return true;
    }
    for (const char *p = text;; p++) {
        char name[41];
        size_t len = strcspn(p, ",");
        gk_component c;
        snprintf(name, sizeof name, "%.*s", len < 40 ? (int)len : 40, p);
        if (!gk_component_parse(name, &c)) return unknown_component(name, at, err);
        mask |= 1u << c;
        p += len;
        if (!*p) break;
    }
    *out = mask;
    return true;
}

static bool set(gk_recipe *r, const key *k, const char *text, gk_place at, gk_error *err) {
    void *to = (char *)r + k->offset;
    switch (k->kind) {
    case NUM:
        return read_number(text, k->lo, k->hi, to, at, err);
    case INT:
        return read_integer(text, k->lo, k->hi, to, at, err);
    case BOOL:
        return read_bool(text, to, at, err);
    case SCHEDULE:
        return read_schedule(text, to, at, err);
    case BETAS:
        return read_betas(text, to, at, err);
    case FREEZE:
        return read_freeze(text, to, at, err);
    }
    return false;
}

bool gk_recipe_set(gk_recipe *r, const char *name, const char *text, gk_place at, gk_error *err) {
    const key *k = find_key(name);
    if (!k) return gk_fail(err, at, NULL, "a recipe has no key '%.60s'", name);
    gk_recipe next = *r;
    if (!set(&next, k, text, at, err)) return false;
    *r = next;
    return true;
}

/* ---------------------------------------------------------------- recipe files */

static bool only_known_keys(gk_ynode root, gk_error *err) {
    const char *allowed[N_KEYS + 2] = {"about"};
    for (size_t i = 0; i < N_KEYS; i++) allowed[i + 1] = KEYS[i].name;
    return gk_yaml_only(root, allowed, err);
}

static bool only_families(gk_ynode map, gk_error *err) {
    for (size_t i = 0; i < gk_yaml_len(map); i++) {
        gk_ynode k = gk_yaml_key(map, i);
        const char *name = gk_yaml_text(k);
        if (name && gk_family_find(name)) continue;
        return gk_fail(err, gk_yaml_place(k), gk_family_list(), "there is no family '%.40s'",
                       name ? name : "");
    }
    return true;
}

/* A scalar as gk_recipe_set wants it. A quoted number is a text, and is refused as one. */
static bool scalar_text(const key *k, gk_ynode n, const char **text, gk_error *err) {
    int64_t integer;
    double number;
    bool flag;
    switch (k->kind) {
    case NUM:
    case BETAS:
        if (!gk_yaml_num(n, &number, err)) return false;
        break;
    case INT:
        if (!gk_yaml_int(n, (int64_t)k->lo, (int64_t)k->hi, &integer, err)) return false;
        break;
    case BOOL:
        if (!gk_yaml_bool(n, &flag, err)) return false;
        break;
    case SCHEDULE:
    case FREEZE:
        break;
    }
    return gk_yaml_str(n, text, err);
}

/* The value's text; those of a list, where the key takes one, joined with commas. */
static bool value_text(const key *k, gk_ynode n, gk_buf *out, gk_error *err) {
    bool takes_list = k->kind == BETAS || k->kind == FREEZE;
    bool list = takes_list && gk_yaml_kind_of(n) == GK_YAML_LIST;
    const char *s;
    gk_buf_puts(out, "");
    if (takes_list && !list) { /* "0.9,0.999", "lnf,head" or "none" */
        if (!gk_yaml_str(n, &s, err)) return false;
        gk_buf_puts(out, s);
        return true;
    }
    for (size_t i = 0; i < (list ? gk_yaml_len(n) : 1); i++) {
        if (!scalar_text(k, list ? gk_yaml_at(n, i) : n, &s, err)) return false;
        gk_buf_printf(out, "%s%s", i ? "," : "", s);
    }
    return true;
}

static bool load_key(const key *k, gk_ynode n, const gk_family *family, gk_recipe *out, gk_error *err) {
    gk_place at = gk_yaml_place(n);
    at.field = k->name;
    if (k->offset == offsetof(gk_recipe, lr) && gk_yaml_kind_of(n) == GK_YAML_MAP) {
        if (!only_families(n, err)) return false;
        n = gk_yaml_get(n, gk_family_name(family));
        if (gk_yaml_kind_of(n) == GK_YAML_NONE)
            return gk_fail(err, at, "add it, or give one number for all", "has no value for the family %s",
                           gk_family_name(family));
        at.line = gk_yaml_place(n).line;
        at.column = gk_yaml_place(n).column;
    }
    gk_buf text = {0};
    n.key = k->name; /* also where it is one of a map's */
    bool ok = value_text(k, n, &text, err) && set(out, k, text.data, at, err);
    gk_buf_free(&text);
    return ok;
}

bool gk_recipe_load(const char *path, const gk_family *family, gk_recipe *out, gk_error *err) {
    gk_yaml *doc = gk_yaml_load(path, err);
    if (!doc) return false;
    gk_recipe r;
    gk_recipe_default(&r);
    gk_ynode root = gk_yaml_root(doc);
    bool ok = only_known_keys(root, err);
    for (size_t i = 0; ok && i < gk_yaml_len(root); i++) {
        const key *k = find_key(gk_yaml_text(gk_yaml_key(root, i)));
        if (k) ok = load_key(k, gk_yaml_at(root, i), family, &r, err);
    }
    gk_yaml_free(doc);
    if (ok) *out = r;
    return ok;
}

/* ---------------------------------------------------------------- for manifests */

static json_t *freeze_json(uint32_t mask) {
    json_t *list = json_array();
    for (int c = 0; c < GK_N_COMPONENTS; c++)
        if (mask >> c & 1u) json_array_append_new(list, json_string(gk_component_name((gk_component)c)));
    return list;
}

static json_t *value_json(const gk_recipe *r, const key *k) {
    const char *from = (const char *)r + k->offset;
    switch (k->kind) {
    case NUM:
        return json_real(*(const double *)from);
    case INT:
        return json_integer(*(const int64_t *)from);
    case BOOL:
        return json_boolean(*(const bool *)from);
    case SCHEDULE:
        return json_string(SCHEDULES[r->schedule]);
    case BETAS:
        return json_pack("[ff]", r->adam.beta1, r->adam.beta2);
    case FREEZE:
        return freeze_json(r->adam.frozen);
    }
    return NULL;
}

json_t *gk_recipe_json(const gk_recipe *r) {
    json_t *obj = json_object();
    for (size_t i = 0; i < N_KEYS; i++)
        if (KEYS[i].decides) json_object_set_new(obj, KEYS[i].name, value_json(r, &KEYS[i]));
    return obj;
}
