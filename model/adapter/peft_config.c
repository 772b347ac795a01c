/* peft_config.c: what an adapter_config.json of PEFT asks for: which modules are adapted, with which rank
 * and scale each, and which stand whole in the adapter. Names are matched as PEFT 0.21 matches them; what
 * changes the computation in another way is refused by name. */
#include "core/json.h"
#include "model/adapter/peft.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <math.h>
#include <pcre2.h>
#include <string.h>

enum {
    MOST_RANK = 1 << 20,
    MOST_PATTERNS = 1 << 16,
    MOST_STEPS = 20000 /* for a name: an honest pattern needs hundreds */
};

/* A key of rank_pattern or alpha_pattern, a member of a list of names. */
typedef struct pattern {
    pcre2_code *code; /* matches a whole name */
    double value;
} pattern;

typedef struct patterns {
    pattern *list;
    size_t n;
} patterns;

struct gk_peft__spec {
    gk_lora lora;
    bool dora, ensure_tied;
    json_t *doc;
    patterns rank, alpha, target, exclude, whole, layers;
    bool gave_up;    /* an expression took too many steps on a name */
    bool any_target; /* nothing says which modules are adapted, or all matrices are */
};

/* ---------------------------------------------------------------- patterns */

static bool add_pattern(patterns *p, const char *before, const char *text, const char *after, double value,
                        gk_place at, gk_error *err) {
    int code;
    PCRE2_SIZE place;
    gk_buf b = {0};
    gk_buf_printf(&b, "%s%s%s", before, text, after);
    p->list[p->n] = (pattern){
        .code = pcre2_compile((PCRE2_SPTR)b.data, b.len,
                              PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C, &code,
                              &place, NULL),
        .value = value};
    gk_buf_free(&b);
    if (p->list[p->n].code) {
        p->n++;
        return true;
    }
    return gk_fail(err, at, GK_PEFT__MERGE, "'%.80s' is no regular expression that can be used here", text);
}

static bool room(patterns *p, size_t n, gk_place at, gk_error *err) {
    if (n > MOST_PATTERNS) return gk_fail(err, at, NULL, "%zu names", n);
    p->list = gk_alloc((n + 1) * sizeof *p->list);
    return true;
}

static void free_patterns(patterns *p) {
    for (size_t i = 0; i < p->n; i++) pcre2_code_free(p->list[i].code);
    gk_free(p->list);
}

/* The first that matches; -1: none. */
static int find_pattern(gk_peft__spec *s, const patterns *p, const char *name) {
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(context, MOST_STEPS);
    int found = -1;
    for (size_t i = 0; i < p->n && found < 0; i++) {
        int rc = pcre2_match(p->list[i].code, (PCRE2_SPTR)name, strlen(name), 0, 0, data, context);
        if (rc >= 0) found = (int)i;
        if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) s->gave_up = true;
    }
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    return found;
}

/* ---------------------------------------------------------------- what is refused */

/* Members that change what the adapter computes: they must be absent or have a value that does not. */
static const char *const DEMANDS[] = {"lora_bias",         "use_qalora",
                                      "use_bdlora",        "layer_replication",
                                      "target_parameters", "arrow_config",
                                      "kasa_config",       "trainable_token_indices",
                                      "monteclora_config", "alora_invocation_tokens",
                                      "velora_config",     "target_modules_to_tie"};
/* Members that do not, whatever they say, or that are read elsewhere. */
static const char *const KNOWN[] = {"peft_type",          "auto_mapping",
                                    "peft_version",       "base_model_name_or_path",
                                    "revision",           "task_type",
                                    "inference_mode",     "r",
                                    "target_modules",     "exclude_modules",
                                    "lora_alpha",         "lora_dropout",
                                    "fan_in_fan_out",     "bias",
                                    "use_rslora",         "modules_to_save",
                                    "init_lora_weights",  "layers_to_transform",
                                    "layers_pattern",     "rank_pattern",
                                    "alpha_pattern",      "megatron_config",
                                    "megatron_core",      "loftq_config",
                                    "eva_config",         "corda_config",
                                    "lora_ga_config",     "use_dora",
                                    "qalora_group_size",  "runtime_config",
                                    "ensure_weight_tying"};

/* null, false, an empty list or object. */
static bool says_nothing(const json_t *v) {
    return !v || json_is_null(v) || json_is_false(v) || (json_is_array(v) && json_array_size(v) == 0) ||
           (json_is_object(v) && json_object_size(v) == 0);
}

static bool listed(const char *const *list, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0) return true;
    return false;
}

static bool check_demands(const json_t *doc, const char *path, gk_error *err) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)doc, key, v) {
        if (says_nothing(v) || listed(KNOWN, sizeof KNOWN / sizeof *KNOWN, key)) continue;
        if (listed(DEMANDS, sizeof DEMANDS / sizeof *DEMANDS, key))
            return gk_fail(err, GK_AT_FIELD(path, key), GK_PEFT__MERGE,
                           "this kind of adapter is not supported");
        return gk_fail(err, GK_AT_FIELD(path, key),
                       GK_PEFT__MERGE ", or set it to null if it changes nothing",
                       "this member is not known here");
    }
    return true;
}

/* Some ways to begin change the base model, which is then not the one that the adapter goes on. */
static bool check_init(const json_t *doc, const char *path, gk_error *err) {
    static const char *const harmless[] = {"gaussian", "eva", "orthogonal"};
    const json_t *v = json_object_get(doc, "init_lora_weights");
    const char *text = json_string_value(v);
    if (!text || listed(harmless, sizeof harmless / sizeof *harmless, text)) return true;
    return gk_fail(err, GK_AT_FIELD(path, "init_lora_weights"),
                   GK_PEFT__MERGE ", or save it as plain LoRA (path_initial_model_for_weight_conversion)",
                   "'%.40s' changes the base model as well", text);
}

/* ---------------------------------------------------------------- reading */

static bool read_pattern_map(const gk_peft__spec *s, const char *key, bool rank, patterns *out,
                             const char *path, gk_error *err) {
    json_t *map = json_object_get(s->doc, key), *v;
    gk_place at = GK_AT_FIELD(path, key);
    const char *name;
    if (says_nothing(map)) return true;
    if (!json_is_object(map)) return gk_fail(err, at, "an object of names and numbers", "is no object");
    if (!room(out, json_object_size(map), at, err)) return false;
    json_object_foreach(map, name, v) {
        double value = json_is_number(v) ? json_number_value(v) : (double)NAN;
        bool fits = rank ? json_is_integer(v) && value >= 1 && value <= MOST_RANK : isfinite(value) != 0;
        if (!fits)
            return gk_fail(err, at, rank ? "an integer from 1 to 1048576" : "a finite number",
                           "'%.80s' has no such number", name);
        if (!add_pattern(out, "(.*\\.)?(", name, ")", value, at, err)) return false;
    }
    return true;
}

/* A list of names, each matched with what stands around it; or of one string that is an expression itself. */
static bool read_names(const gk_peft__spec *s, const char *key, const char *before, const char *after,
                       bool literal, patterns *out, const char *path, gk_error *err) {
    const json_t *list = json_object_get(s->doc, key);
    gk_place at = GK_AT_FIELD(path, key);
    if (says_nothing(list)) return true;
    if (json_is_string(list) && literal)
        return room(out, 1, at, err) && add_pattern(out, "", json_string_value(list), "", 0, at, err);
    if (!json_is_array(list)) return gk_fail(err, at, "a list of names", "is no list");
    if (!room(out, json_array_size(list), at, err)) return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (!name || (literal && strstr(name, "\\E")))
            return gk_fail(err, at, "a list of names", "item %zu is no name", i + 1);
        gk_buf quoted = {0};
        gk_buf_printf(&quoted, literal ? "\\Q%s\\E" : "%s", name);
        bool ok = add_pattern(out, before, quoted.data, after, 0, at, err);
        gk_buf_free(&quoted);
        if (!ok) return false;
    }
    return true;
}

/* What stands before a layer's number, as one name or a list. */
static bool read_layers_pattern(gk_peft__spec *s, const char *path, gk_error *err) {
    static const char BEFORE[] = "(?:.*?\\.)?", AFTER[] = "\\.\\d+\\..*";
    const char *one = json_string_value(json_object_get(s->doc, "layers_pattern"));
    gk_place at = GK_AT_FIELD(path, "layers_pattern");
    if (!one) return read_names(s, "layers_pattern", BEFORE, AFTER, false, &s->layers, path, err);
    return !*one || (room(&s->layers, 1, at, err) && add_pattern(&s->layers, BEFORE, one, AFTER, 0, at, err));
}

static bool read_bias(const json_t *doc, const char *path, gk_error *err) {
    static const char *const kinds[] = {"none", "all", "lora_only"};
    const json_t *v = json_object_get(doc, "bias");
    const char *text = json_string_value(v);
    return !v || (text && listed(kinds, 3, text)) ||
           gk_fail(err, GK_AT_FIELD(path, "bias"), "none, all or lora_only", "is '%.40s'",
                   text ? text : "no text");
}

static bool flag(const json_t *doc, const char *key, bool *out, gk_place at, gk_error *err) {
    const json_t *v = json_object_get(doc, key);
    return !v || json_is_null(v) || gk_json_bool(doc, key, out, at, err);
}

static bool has_target(const json_t *target, const char *path, gk_error *err) {
    return !says_nothing(target) ||
           gk_fail(err, GK_AT_FIELD(path, "target_modules"),
                   "write the names of the modules that the adapter is for",
                   "names none: PEFT would take a list of its own for the architecture");
}

static bool read_spec(gk_peft__spec *s, const char *path, gk_error *err) {
    gk_place at = GK_AT_FILE(path);
    const json_t *doc = s->doc, *target = json_object_get(doc, "target_modules");
    const char *type, *all = json_string_value(target);
    if (!gk_json_str(doc, "peft_type", &type, at, err)) return false;
    if (strcmp(type, "LORA") != 0)
        return gk_fail(err, GK_AT_FIELD(path, "peft_type"), "must be LORA; of another kind " GK_PEFT__MERGE,
                       "is '%.40s'", type);
    s->any_target = all && strcmp(all, "all-linear") == 0;
    s->lora.rank = 8; /* what PEFT takes where they are not said */
    s->lora.alpha = 8;
    return (!json_object_get(doc, "r") || gk_json_int(doc, "r", 1, MOST_RANK, &s->lora.rank, at, err)) &&
           (!json_object_get(doc, "lora_alpha") || gk_json_num(doc, "lora_alpha", &s->lora.alpha, at, err)) &&
           check_demands(doc, path, err) && check_init(doc, path, err) && read_bias(doc, path, err) &&
           flag(doc, "use_rslora", &s->lora.rslora, at, err) && flag(doc, "use_dora", &s->dora, at, err) &&
           flag(doc, "ensure_weight_tying", &s->ensure_tied, at, err) && has_target(target, path, err) &&
           read_pattern_map(s, "rank_pattern", true, &s->rank, path, err) &&
           read_pattern_map(s, "alpha_pattern", false, &s->alpha, path, err) &&
           (s->any_target ||
            read_names(s, "target_modules", "(?:.*\\.)?", "", true, &s->target, path, err)) &&
           read_names(s, "exclude_modules", "(?:.*\\.)?", "", true, &s->exclude, path, err) &&
           read_names(s, "modules_to_save", "(?:^|.*\\.)", "(?:$|\\..*)", false, &s->whole, path, err) &&
           read_layers_pattern(s, path, err);
}

/* PEFT knows the ends of a model by these names only; under another, a copy is not kept tied. */
static bool saves_known_end(const json_t *doc) {
    const json_t *list = json_object_get(doc, "modules_to_save");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i)),
                   *dot = name ? strrchr(name, '.') : NULL;
        if (dot) name = dot + 1;
        if (name && (strcmp(name, "embed_tokens") == 0 || strcmp(name, "lm_head") == 0)) return true;
    }
    return false;
}

gk_peft__spec *gk_peft__spec_read(const char *path, gk_error *err) {
    json_t *doc = gk_json_load_words(path, err);
    if (!doc) return NULL;
    gk_peft__spec *s = gk_alloc(sizeof *s);
    s->doc = doc;
    if (read_spec(s, path, err)) return s;
    gk_peft__spec_free(s);
    return NULL;
}

gk_peft__spec *gk_peft__spec_plain(const gk_lora *o) {
    gk_peft__spec *s = gk_alloc(sizeof *s);
    s->lora = *o;
    s->any_target = true;
    return s;
}

void gk_peft__spec_free(gk_peft__spec *s) {
    if (!s) return;
    patterns *all[] = {&s->rank, &s->alpha, &s->target, &s->exclude, &s->whole, &s->layers};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free_patterns(all[i]);
    json_decref(s->doc);
    gk_free(s);
}

/* ---------------------------------------------------------------- what it says of a module */

const gk_lora *gk_peft__spec_lora(const gk_peft__spec *s) {
    return &s->lora;
}

bool gk_peft__spec_dora(const gk_peft__spec *s) {
    return s->dora;
}

bool gk_peft__spec_ensures_tied(const gk_peft__spec *s) {
    return s->ensure_tied && saves_known_end(s->doc);
}

int gk_peft__spec_rank(gk_peft__spec *s, const char *module) {
    int i = find_pattern(s, &s->rank, module);
    return (int)(i >= 0 ? s->rank.list[i].value : (double)s->lora.rank);
}

float gk_peft__spec_scale(gk_peft__spec *s, const char *module) {
    int i = find_pattern(s, &s->alpha, module), rank = gk_peft__spec_rank(s, module);
    double alpha = i >= 0 ? s->alpha.list[i].value : s->lora.alpha;
    return (float)(alpha / (s->lora.rslora ? sqrt((double)rank) : (double)rank));
}

static bool layer_chosen(gk_peft__spec *s, const char *module, int layer) {
    const json_t *v = json_object_get(s->doc, "layers_to_transform");
    if (!json_is_integer(v) && json_array_size(v) == 0) return true;
    if (s->layers.n && find_pattern(s, &s->layers, module) < 0) return false;
    if (json_is_integer(v)) return json_integer_value(v) == layer;
    for (size_t i = 0; i < json_array_size(v); i++)
        if (json_integer_value(json_array_get(v, i)) == layer) return true;
    return false;
}

/* By an expression, or by its whole name: then PEFT does not ask for its layer. */
static bool target_by_itself(const gk_peft__spec *s, const char *module) {
    const json_t *list = json_object_get(s->doc, "target_modules");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), module) == 0) return true;
    return json_is_string(list);
}

bool gk_peft__spec_targets(gk_peft__spec *s, const char *module, int layer) {
    if (find_pattern(s, &s->exclude, module) >= 0 || find_pattern(s, &s->whole, module) >= 0) return false;
    if (s->any_target) return true;
    if (find_pattern(s, &s->target, module) < 0) return false;
    return target_by_itself(s, module) || layer_chosen(s, module, layer);
}

bool gk_peft__spec_answered(const gk_peft__spec *s, const char *path, gk_error *err) {
    return !s->gave_up || gk_fail(err, GK_AT_FILE(path), "simpler expressions",
                                  "a pattern of adapter_config.json takes too many steps on a name");
}

/* PEFT compares the end of the name, dot or no dot; what is in a module comes with it. */
bool gk_peft__spec_whole(const gk_peft__spec *s, const char *module) {
    const json_t *list = s->doc ? json_object_get(s->doc, "modules_to_save") : NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        size_t n = strlen(name), len = 0;
        while (n && module[len]) {
            len += 1 + strcspn(module + len + 1,
                               "."); /* up to the next dot: of an outer module, at last its own */
            if (len >= n && memcmp(module + len - n, name, n) == 0) return true;
        }
    }
    return false;
}
