/* recipe.c: recipes: the keys, their bounds, reading YAML and options, and writing them down. */
#include "core/yaml.h"
#include "train/internal.h"
#include "train/json.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- the keys */

typedef enum key_kind { NUM, INT, BOOL, BETAS, SCHEDULE, LOSS, MEMORY, FREEZE, FILES, TARGETS } key_kind;

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
    {"decay_norms", BOOL, AT(adam.decay_norms), 0, 0, true, "BOOL",
     "decay norms and biases too; false: transformers' usual no-decay set"},
    {"clip", NUM, AT(clip), 0, 1e9, true, "X", "largest gradient norm; 0: no clipping"},
    {"schedule", SCHEDULE, AT(schedule), 0, 0, true, "NAME", "linear, cosine or constant"},
    {"warmup", INT, AT(warmup), 0, 1e9, true, "N", "steps of warm-up"},
    {"warmup_ratio", NUM, AT(warmup_ratio), 0, 1, true, "X", "warm-up as a share of all steps; 0: by warmup"},
    {"epochs", INT, AT(epochs), 1, 1e6, true, "N", "passes over the texts"},
    {"steps", INT, AT(steps), 0, 1e9, true, "N", "steps of the whole run; 0: by epochs"},
    {"batch", INT, AT(batch), 1, 1e6, true, "N", "texts a step"},
    {"tokens", INT, AT(tokens), 0, 1e9, true, "N", "most tokens a step, in whole texts; 0: by batch"},
    {"accumulate", INT, AT(accumulate), 1, 1e6, true, "N", "a step is so many times batch or tokens"},
    {"shuffle", BOOL, AT(shuffle), 0, 0, true, "BOOL", "shuffle the texts each epoch"},
    {"loss", LOSS, AT(loss), 0, 0, true, "NAME", "tokens that carry loss: all or answer"},
    {"mix", FILES, AT(mix), 0, 0, false, "FILE", "general text to mix in, or none; may be repeated"},
    {"mix_ratio", NUM, AT(mix_ratio), 0, 0.9, true, "X", "share of the tokens that is general text"},
    {"mix_rows", INT, AT(mix_rows), 0, 1e7, true, "N",
     "most tokens of a general text, longer ones are cut; 0: by rows and the model"},
    {"data_seed", INT, AT(data_seed), 0, 9007199254740992, true, "N",
     "decides held-out texts, order and mix; 0: the run's seed"},
    {"validation", NUM, AT(validation), 0, 0.9, true, "X", "share of the texts held out"},
    {"validate_steps", INT, AT(validate_steps), 0, 1e9, true, "N",
     "steps between validations; 0: each epoch"},
    {"patience", INT, AT(patience), 0, 1e6, true, "N",
     "stop after so many validations without a better one; 0: never"},
    {"keep_best", BOOL, AT(keep_best), 0, 0, true, "BOOL", "end with the best weights by validation loss"},
    {"freeze", FREEZE, AT(freeze), 0, 0, true, "NAMES",
     "components that stay as they are (lnf,attn,ffn@0-3), or none"},
    {"lora_rank", INT, AT(lora.rank), 0, GK_LORA_MOST_RANK, true, "N",
     "train a low-rank adapter of this rank instead of the model; 0: the model"},
    {"lora_alpha", NUM, AT(lora.alpha), 0, 1e6, true, "X", "the adapter's weight, times 1 / lora_rank"},
    {"lora_rslora", BOOL, AT(lora.rslora), 0, 0, true, "BOOL", "times 1 / sqrt(lora_rank) instead"},
    {"lora_targets", TARGETS, AT(lora.targets), 0, 0, true, "NAMES",
     "components that get one: q k v o gate up down, attn, ffn, all-linear"},
    {"bf16", BOOL, AT(bf16), 0, 0, true, "BOOL", "products of bf16 operands, with fp32 sums and weights"},
    {"memory", MEMORY, AT(memory), 0, 0, true, "NAME", "standard, recompute or lean"},
    {"rows", INT, AT(rows), 1, 1e7, true, "N", "most rows (tokens) of a micro-batch"},
    {"checkpoint_steps", INT, AT(checkpoint_steps), 0, 1e12, false, "N",
     "steps between checkpoints; 0: by time only"},
    {"checkpoint_seconds", NUM, AT(checkpoint_seconds), 0, 1e9, false, "X",
     "seconds between checkpoints; 0: by steps only"},
    {"keep_last", INT, AT(keep_last), 1, 1000, false, "N",
     "checkpoints that stay, after the end too where they are more than 1; the older ones go"},
    {"log_steps", INT, AT(log_steps), 1, 1e9, false, "N", "steps a metrics line"},
};
#undef AT
enum { N_KEYS = sizeof KEYS / sizeof *KEYS };
static const char *const SCHEDULES[] = {"linear", "cosine", "constant"};
static const char *const LOSSES[] = {"all", "answer"};
static const char *const MEMORIES[] = {"standard", "recompute", "lean"};

size_t gk_recipe_keys(void) {
    return N_KEYS;
}

gk_recipe_key gk_recipe_key_at(size_t i) {
    return (gk_recipe_key){KEYS[i].name, KEYS[i].arg, KEYS[i].help, KEYS[i].kind == FILES};
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
                     .accumulate = 1,
                     .shuffle = true,
                     .lora = {.alpha = 16, .targets = GK_LORA_ATTN | GK_LORA_FFN},
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

/* Which of n words the text is. */
static bool read_word(const char *text, const char *const *words, int n, const char *hint, int *out,
                      gk_place at, gk_error *err) {
    for (*out = 0; *out < n; ++*out)
        if (strcmp(text, words[*out]) == 0) return true;
    return wrong(text, hint, at, err);
}

static bool read_schedule(const char *text, gk_schedule *out, gk_place at, gk_error *err) {
    int i;
    bool ok = read_word(text, SCHEDULES, 3, "must be linear, cosine or constant", &i, at, err);
    if (ok) *out = (gk_schedule)i;
    return ok;
}

static bool read_loss(const char *text, gk_loss *out, gk_place at, gk_error *err) {
    int i;
    bool ok = read_word(text, LOSSES, 2, "must be all or answer", &i, at, err);
    if (ok) *out = (gk_loss)i;
    return ok;
}

static bool read_memory(const char *text, gk_memory *out, gk_place at, gk_error *err) {
    int i;
    bool ok = read_word(text, MEMORIES, 3, "must be standard, recompute or lean", &i, at, err);
    if (ok) *out = (gk_memory)i;
    return ok;
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

/* One file a line; "none" is no file. */
static bool read_files(const char *text, char out[GK_MIX_BYTES], gk_place at, gk_error *err) {
    size_t len = strlen(text);
    bool none = len == 0 || strcmp(text, "none") == 0;
    if (!none && (text[0] == '\n' || text[len - 1] == '\n' || strstr(text, "\n\n")))
        return gk_fail(err, at, "a file, or none", "a name is empty");
    if (len >= GK_MIX_BYTES)
        return gk_fail(err, at, "use shorter paths or fewer files",
                       "the names have %zu bytes, %d are the most", len, GK_MIX_BYTES - 1);
    memset(out, 0, GK_MIX_BYTES);
    if (!none) memcpy(out, text, len);
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
    case LOSS:
        return read_loss(text, to, at, err);
    case MEMORY:
        return read_memory(text, to, at, err);
    case FREEZE:
        return gk_train__freeze_parse(text, r, at, err);
    case FILES:
        return read_files(text, to, at, err);
    case TARGETS:
        return gk_train__targets_parse(text, to, at, err);
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

/* ---------------------------------------------------------------- what the keys say together */

/* Without a rank the model itself is trained: what is said of an adapter would be passed over. */
static bool check_lora(const gk_recipe *r, gk_error *err) {
    gk_recipe plain;
    gk_recipe_default(&plain);
    const char *field = r->lora.alpha != plain.lora.alpha       ? "lora_alpha"
                        : r->lora.targets != plain.lora.targets ? "lora_targets"
                        : r->lora.rslora                        ? "lora_rslora"
                                                                : NULL;
    return r->lora.rank > 0 || !field ||
           gk_fail(err, GK_AT_FIELD(NULL, field), "set `lora_rank`", "is given, but no adapter is trained");
}

bool gk_recipe_check(const gk_recipe *r, gk_error *err) {
    const struct {
        const char *field;
        bool asked;
    } after_validation[] = {{"keep_best", r->keep_best},
                            {"patience", r->patience > 0},
                            {"validate_steps", r->validate_steps > 0}};
    for (size_t i = 0; i < 3; i++)
        if (after_validation[i].asked && !(r->validation > 0))
            return gk_fail(err, GK_AT_FIELD(NULL, after_validation[i].field),
                           "hold texts out with `validation`", "there is no best step without validation");
    if (r->memory == GK_MEMORY_LEAN && (r->accumulate > 1 || r->lora.rank > 0))
        return gk_fail(err, GK_AT_FIELD(NULL, "memory"), "standard or recompute",
                       r->lora.rank > 0
                           ? "lean is for the model's own weights, and lora_rank trains an adapter"
                           : "lean updates during a step's one pass: it cannot accumulate");
    if (r->mix_ratio > 0 && !*r->mix)
        return gk_fail(err, GK_AT_FIELD(NULL, "mix_ratio"), "name files with `mix`",
                       "there is no general text to mix in");
    if (*r->mix && !(r->mix_ratio > 0))
        return gk_fail(err, GK_AT_FIELD(NULL, "mix"), "set `mix_ratio`",
                       "general text is given, but no share of it");
    if (r->mix_rows > 0 && !*r->mix)
        return gk_fail(err, GK_AT_FIELD(NULL, "mix_rows"), "name files with `mix`",
                       "there is no general text to mix in");
    return check_lora(r, err);
}

size_t gk_recipe_mix(const gk_recipe *r, gk_arena *a, const char *const **files) {
    size_t n = *r->mix != 0;
    for (const char *p = r->mix; *p; p++) n += *p == '\n';
    const char **list = gk_arena_alloc(a, (n + 1) * sizeof *list), *p = r->mix;
    for (size_t i = 0; i < n; i++) {
        size_t len = strcspn(p, "\n");
        list[i] = gk_arena_strndup(a, p, len);
        p += len + 1;
    }
    *files = list;
    return n;
}

int gk_recipe_mix_rows(const gk_recipe *r, const gk_config *c) {
    int64_t most = r->mix_rows > 0 ? r->mix_rows : r->rows;
    return most < c->max_positions ? (int)most : c->max_positions;
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
    case LOSS:
    case MEMORY:
    case FREEZE:
    case FILES:
    case TARGETS:
        break;
    }
    return gk_yaml_str(n, text, err);
}

/* The value's text; those of a list, where the key takes one, joined as `set` wants them. */
static bool value_text(const key *k, gk_ynode n, gk_buf *out, gk_error *err) {
    bool takes_list = k->kind == BETAS || k->kind == FREEZE || k->kind == FILES || k->kind == TARGETS;
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
        gk_buf_printf(out, "%s%s", i == 0 ? "" : k->kind == FILES ? "\n" : ",", s);
    }
    return true;
}

static bool load_key(const key *k, gk_ynode n, const gk_family *family, gk_recipe *out, gk_error *err) {
    gk_place at = gk_yaml_place(n);
    at.field = k->name;
    if (k->offset == offsetof(gk_recipe, lr) && gk_yaml_kind_of(n) == GK_YAML_MAP) {
        if (!only_families(n, err)) return false;
        n = gk_yaml_get(n, gk_family_name(family));
        if (gk_yaml_kind_of(n) == GK_YAML_NONE) {
            out->lr = NAN; /* --lr may still say it */
            return true;
        }
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
    case LOSS:
        return json_string(LOSSES[r->loss]);
    case MEMORY:
        return json_string(MEMORIES[r->memory]);
    case FREEZE:
        return gk_train__freeze_json(r);
    case FILES:
        break; /* their contents decide, and are told by their hash */
    case TARGETS:
        return gk_train__targets_json(r->lora.targets);
    }
    return NULL;
}

json_t *gk_recipe_json(const gk_recipe *r) {
    json_t *obj = json_object();
    for (size_t i = 0; i < N_KEYS; i++)
        if (KEYS[i].decides) json_object_set_new(obj, KEYS[i].name, value_json(r, &KEYS[i]));
    return obj;
}
