/* tokenizer_config.c: the files beside a tokenizer: which class of transformers they ask for, what they say
 * of BOS, EOS and the space before a text. The tokens that they add are special_tokens.c's. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "tokenizer/tokenizer_config.h"

#include <string.h>

#define SETTINGS_BYTES_MAX ((size_t)16 << 20)
#define CONFIG_NAME "tokenizer_config.json"

const gk_tok__file *gk_tok__keep_file(gk_tok *t, const char *dir, const char *name, size_t max,
                                      gk_error *err) {
    gk_tok__file f = {.name = gk_arena_strdup(t->arena, name)};
    f.bytes = gk_read_file(t->arena, gk_path_join(t->arena, dir, name), max, &f.len, err);
    return f.bytes ? gk_tok__remember(t, f) : NULL;
}

const gk_tok__file *gk_tok__remember(gk_tok *t, gk_tok__file f) {
    if (t->n_files == t->files_cap) {
        size_t cap = 2 * t->files_cap + 8;
        gk_tok__file *more = gk_arena_alloc(t->arena, cap * sizeof *more);
        if (t->n_files) memcpy(more, t->file, t->n_files * sizeof *more);
        t->file = more;
        t->files_cap = cap;
    }
    t->file[t->n_files] = f;
    return &t->file[t->n_files++];
}

/* ---------------------------------------------------------------- classes */

#define END "<|endoftext|>"
/* BOS EOS UNK SEP PAD CLS MASK */
#define LLAMA_TOKENS \
    { "<s>", "</s>", "<unk>", NULL, NULL, NULL, NULL }
#define GEMMA_TOKENS \
    { "<bos>", "<eos>", "<unk>", NULL, "<pad>", NULL, "<mask>" }
static const gk_tok__class GENERIC = {.name = "TokenizersBackend", .generic = true};
static const gk_tok__class CLASSES[] = {
    {.name = "GPT2Tokenizer", .token = {END, END, END}, .byte_level = true},
    {.name = "GPTNeoXTokenizer", .token = {END, END, END, NULL, "<|padding|>"}, .byte_level = true},
    {.name = "Qwen2Tokenizer", .token = {NULL, END, END, NULL, END}, .byte_level = true},
    {.name = "LlamaTokenizer", .token = LLAMA_TOKENS, .metaspace = true},
    {.name = "CodeLlamaTokenizer", .token = LLAMA_TOKENS, .metaspace = true},
    {.name = "GemmaTokenizer", .token = GEMMA_TOKENS},
};

static bool is_class(const char *name, const char *plain) {
    size_t n = strlen(plain);
    return name && strncmp(name, plain, n) == 0 && (name[n] == '\0' || strcmp(name + n, "Fast") == 0);
}

/* One that is not in the table is generic, but keeps its name. */
static gk_tok__class class_named(const char *name) {
    for (size_t i = 0; i < sizeof CLASSES / sizeof *CLASSES; i++)
        if (is_class(name, CLASSES[i].name)) return CLASSES[i];
    gk_tok__class other = GENERIC;
    if (name && !is_class(name, "PreTrainedTokenizer") && !is_class(name, GENERIC.name)) other.name = name;
    return other;
}

static bool has_byte_level(const json_t *pre) {
    size_t i;
    const json_t *one;
    const char *type = json_string_value(json_object_get(pre, "type"));
    if (type && strcmp(type, "ByteLevel") == 0) return true;
    json_array_foreach(json_object_get(pre, "pretokenizers"), i, one) if (has_byte_level(one)) return true;
    return false;
}

/* As AutoTokenizer chooses: tokenizer_class of the tokenizer's settings, else of the model's; without one by
 * the model's type. Qwen 2's type and OLMo 2's overrule what the settings say. */
static gk_tok__class choose_class(const gk_tok__config *s, const json_t *model, const json_t *doc) {
    static const struct {
        const char *type, *class;
        bool overrules;
    } OF_TYPE[] = {{"gpt2", "GPT2Tokenizer", false},   {"gpt_neox", "GPTNeoXTokenizer", false},
                   {"gemma", "GemmaTokenizer", false}, {"gemma2", "GemmaTokenizer", false},
                   {"qwen2", "Qwen2Tokenizer", true},  {"olmo2", "TokenizersBackend", true}};
    const char *said = json_string_value(json_object_get(s->config, "tokenizer_class"));
    const char *type = json_string_value(json_object_get(model, "model_type"));
    if (!said) said = json_string_value(json_object_get(model, "tokenizer_class"));
    for (size_t i = 0; type && i < sizeof OF_TYPE / sizeof *OF_TYPE; i++)
        if (strcmp(type, OF_TYPE[i].type) == 0 && (!said || OF_TYPE[i].overrules))
            return class_named(OF_TYPE[i].class);
    if (is_class(said, "LlamaTokenizer") && doc && has_byte_level(json_object_get(doc, "pre_tokenizer")))
        return GENERIC;
    return class_named(said);
}

void gk_tok__config_else(gk_tok__config *s, const char *name) {
    if (is_class(s->class.name, GENERIC.name)) s->class = class_named(name);
}

/* ---------------------------------------------------------------- reading */

/* "model_max_length" is often 1e30 as an integer, which is too big for one: numbers are read as reals here.
 */
static json_t *parse(const gk_tok__file *f, const char *path, gk_error *err) {
    return gk_json_parse_reals(f->bytes, f->len, GK_AT_FILE(path), err);
}

/* A settings file that need not be there; it is kept for saving. */
static bool read_file(gk_tok *t, const char *dir, const char *name, json_t **out, gk_error *err) {
    const char *path = gk_path_join(t->arena, dir, name);
    if (!gk_exists(path)) return true;
    const gk_tok__file *f = gk_tok__keep_file(t, dir, name, SETTINGS_BYTES_MAX, err);
    *out = f ? parse(f, path, err) : NULL;
    return *out && (json_is_object(*out) ||
                    gk_fail(err, GK_AT_FILE(path), "a JSON object", "not a tokenizer configuration"));
}

static bool read_flag(const gk_tok__config *s, const char *key, gk_tok__maybe *out, gk_error *err) {
    const json_t *v = json_object_get(s->config, key);
    bool value = false;
    *out = GK_TOK__UNSAID;
    if (!v || json_is_null(v)) return true;
    if (!gk_json_bool(s->config, key, &value, GK_AT_FILE(gk_path_join(s->a, s->dir, CONFIG_NAME)), err))
        return false;
    *out = value ? GK_TOK__YES : GK_TOK__NO;
    return true;
}

/* config.json, or that of an adapter's base. It is the model's, so it is neither kept nor judged here: what
 * it says is taken where it can be. */
static json_t *model_config(gk_arena *a, const char *dir) {
    const char *own = gk_path_join(a, dir, "config.json"),
               *adapter = gk_path_join(a, dir, "adapter_config.json");
    if (gk_exists(own) || !gk_exists(adapter)) return gk_json_load(own, NULL);
    json_t *doc = gk_json_load(adapter, NULL);
    const char *base = json_string_value(json_object_get(doc, "base_model_name_or_path"));
    const char *beside = base && *base != '/' ? gk_path_join(a, dir, base) : NULL;
    if (beside && gk_exists(beside)) base = beside;
    json_t *model = base ? gk_json_load(gk_path_join(a, base, "config.json"), NULL) : NULL;
    json_decref(doc);
    return model;
}

bool gk_tok__config_read(gk_tok *t, const char *dir, const json_t *doc, gk_tok__config *out, gk_error *err) {
    *out = (gk_tok__config){.dir = dir, .complete = doc != NULL, .a = t->arena};
    gk_tok__maybe split;
    if (!read_file(t, dir, CONFIG_NAME, &out->config, err) ||
        !read_file(t, dir, "special_tokens_map.json", &out->map, err) ||
        !read_file(t, dir, "added_tokens.json", &out->added, err) ||
        !read_flag(out, "add_bos_token", &out->add_bos, err) ||
        !read_flag(out, "add_eos_token", &out->add_eos, err) ||
        !read_flag(out, "add_prefix_space", &out->prefix_space, err) ||
        !read_flag(out, "legacy", &out->legacy, err) || !read_flag(out, "split_special_tokens", &split, err))
        return false;
    out->split_special = split == GK_TOK__YES;
    if (json_object_get(out->config,
                        "added_tokens_decoder")) { /* the two older files count without it only */
        json_decref(out->map);
        json_decref(out->added);
        out->map = out->added = NULL;
    }
    out->model = model_config(t->arena, dir);
    out->class = choose_class(out, out->model, doc);
    if (out->class.generic) out->class.name = gk_arena_strdup(t->arena, out->class.name);
    return true;
}

void gk_tok__config_free(gk_tok__config *s) {
    json_decref(s->config);
    json_decref(s->map);
    json_decref(s->added);
    json_decref(s->model);
}

/* ---------------------------------------------------------------- the space before a text */

static bool cannot(const gk_tok__config *s, const char *why, gk_error *err) {
    return gk_fail(err, GK_AT_FIELD(gk_path_join(s->a, s->dir, CONFIG_NAME), "add_prefix_space"),
                   "the value that tokenizer.json has, or none", "%s, which is not built", why);
}

/* A step of that type: the steps themselves, or one of a Sequence of them. */
static json_t *step_of(json_t *steps, const char *list, const char *type, size_t *at) {
    size_t i;
    json_t *one;
    const char *have = json_string_value(json_object_get(steps, "type"));
    if (have && strcmp(have, type) == 0) return steps;
    json_array_foreach(json_object_get(steps, list), i, one) {
        have = json_string_value(json_object_get(one, "type"));
        *at = i;
        if (have && strcmp(have, type) == 0) return one;
    }
    return NULL;
}

static bool byte_level_prefix(const gk_tok__config *s, json_t *doc, gk_error *err) {
    json_t *pre = json_object_get(doc, "pre_tokenizer");
    size_t at;
    json_t *step = step_of(pre, "pretokenizers", "ByteLevel", &at);
    bool have = !json_is_false(json_object_get(step, "add_prefix_space")),
         want = s->prefix_space == GK_TOK__YES;
    if (!step || have == want) return true;
    if (step == pre || is_class(s->class.name, "Qwen2Tokenizer")) {
        json_object_set_new(step, "add_prefix_space", json_boolean(want));
        return true;
    }
    return s->prefix_space == GK_TOK__UNSAID ||
           cannot(s, "changes a ByteLevel that is one of several steps", err);
}

/* Leaves the steps of that type out. */
static void drop_step(json_t *doc, const char *key, const char *list, const char *type) {
    size_t at;
    json_t *steps = json_object_get(doc, key), *one = step_of(steps, list, type, &at);
    if (one && one == steps)
        json_object_set_new(doc, key, json_null());
    else if (one)
        json_array_remove(json_object_get(steps, list), at);
}

static void set_scheme(json_t *step, const char *scheme) {
    if (!step) return;
    json_object_set_new(step, "prepend_scheme", json_string(scheme));
    json_object_del(step, "add_prefix_space");
}

static bool metaspace_prefix(const gk_tok__config *s, json_t *doc, gk_error *err) {
    size_t at;
    json_t *step = step_of(json_object_get(doc, "pre_tokenizer"), "pretokenizers", "Metaspace", &at);
    json_t *back = step_of(json_object_get(doc, "decoder"), "decoders", "Metaspace", &at);
    bool prepends = step_of(json_object_get(doc, "normalizer"), "normalizers", "Prepend", &at) != NULL;
    const char *scheme = json_string_value(json_object_get(step, "prepend_scheme"));
    bool marks = step && (scheme ? strcmp(scheme, "never") != 0
                                 : !json_is_false(json_object_get(step, "add_prefix_space")));
    bool want = s->prefix_space == GK_TOK__YES;
    if (s->prefix_space == GK_TOK__UNSAID || want == (prepends || marks)) return true;
    if (want && !step) return cannot(s, "wants a space before a text, for which there is no step", err);
    scheme = !want ? "never" : s->legacy == GK_TOK__YES ? "always" : "first";
    set_scheme(step, scheme);
    set_scheme(back, scheme);
    if (want) return true;
    drop_step(doc, "normalizer", "normalizers", "Prepend");
    drop_step(doc, "decoder", "decoders", "Strip");
    return true;
}

bool gk_tok__config_prefix(const gk_tok__config *s, json_t *doc, gk_error *err) {
    return s->class.byte_level  ? byte_level_prefix(s, doc, err)
           : s->class.metaspace ? metaspace_prefix(s, doc, err)
                                : true;
}
