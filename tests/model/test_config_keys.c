/* modules: model core
 *
 * test_config_keys.c: every key that transformers' configurations have (tests/fixtures/config/keys.json, made
 * by tools/reference/list_config_keys.py) is read, fixed, void or of no use; what changes transformers'
 * numbers is one of the first two; docs/config-keys.md says the same. GK_WRITE_DOCS=1 writes that page. */
#include "core/json.h"
#include "graftkit/model/config.h"
#include "graftkit/model/weights.h"
#include "model/config/family.h"
#include "tests/support/scratch.h"

#define LIST GK_SOURCE_DIR "/tests/fixtures/config/keys.json"
#define PAGE GK_SOURCE_DIR "/docs/config-keys.md"
enum { N_FAMILIES = 7 };
static const char *const FAMILIES[N_FAMILIES] = {"llama",  "gpt2",  "gpt_neox", "gemma",
                                                 "gemma2", "qwen2", "olmo2"};

static json_t *list(const char *part) {
    gk_error err = {0};
    char text[1024];
    json_t *doc = gk_json_load(LIST, &err);
    ck_assert_msg(doc != NULL, "%s", gk_error_text(&err, text, sizeof text));
    json_t *of = json_incref(json_object_get(doc, part));
    json_decref(doc);
    ck_assert_uint_gt(json_object_size(of), 5);
    return of;
}

/* ---------------------------------------------------------------- numbers that change */

START_TEST(what_changes_the_numbers_is_honoured_or_refused) {
    json_t *keys = list("keys"), *families, *what;
    const char *key, *family, *detail;
    ck_assert_uint_gt(json_object_size(keys), 700);
    json_object_foreach(keys, key, families) {
        json_object_foreach(families, family, what) {
            gk_config__key_use use = gk_config__key_of(gk_family_find(family), key, &detail);
            if (strcmp(json_string_value(what), "error") != 0)
                ck_assert_msg(use == GK_CONFIG__KEY_READ || use == GK_CONFIG__KEY_FIXED,
                              "'%s' changes what a %s model computes and is neither read nor refused", key,
                              family);
        }
    }
    json_decref(keys);
}
END_TEST

static bool read_text(scratch *s, const char *text, gk_config *c, gk_error *err) {
    return gk_config__load(scratch_file(s, "config.json", text), c, err);
}

/* A small configuration of the family with one more member. */
static bool with(scratch *s, const char *family, const char *key, const char *value, gk_config *c,
                 gk_error *err) {
    return read_text(s,
                     gk_arena_printf(s->a, "{\"model_type\":\"%s\",\"%s\":%s%s}", family, key, value,
                                     strcmp(family, "gemma2") == 0 ? ",\"sliding_window\":6" : ""),
                     c, err);
}

/* Every fixed key with another value is refused by its name; with its own, and null where that is false,
 * read. */
START_TEST(fixed_keys_have_one_value) {
    static const char *const OTHER[] = {
        "true", "false", "0", "1", "3", "\"x\"", "{\"0\":{\"num_key_value_heads\":1}}", "[1]"};
    json_t *keys = list("keys"), *v;
    scratch s = scratch_new();
    const char *key, *value;
    gk_error err = {0};
    gk_config c;
    size_t n = 0;
    json_object_foreach(keys, key, v) {
        for (int f = 0; f < N_FAMILIES; f++) {
            if (gk_config__key_of(gk_family_find(FAMILIES[f]), key, &value) != GK_CONFIG__KEY_FIXED) continue;
            ck_assert(with(&s, FAMILIES[f], key, value, &c, &err));
            ck_assert(with(&s, FAMILIES[f], key, "null", &c, &err) == (strcmp(value, "true") != 0));
            for (size_t i = 0; i < sizeof OTHER / sizeof *OTHER; i++) {
                if (strcmp(OTHER[i], value) == 0) continue;
                ck_assert_msg(!with(&s, FAMILIES[f], key, OTHER[i], &c, &err), "%s: %s %s", FAMILIES[f], key,
                              OTHER[i]);
                ck_assert_str_eq(err.field, key);
                n++;
            }
        }
    }
    ck_assert_uint_gt(n, 100);
    scratch_free(&s);
    json_decref(keys);
}
END_TEST

/* A class's own keys are all known: a plain file makes no noise. */
START_TEST(own_keys_are_known) {
    json_t *defaults = list("defaults"), *of, *v;
    const char *family, *key, *detail;
    json_object_foreach(defaults, family, of) {
        json_object_foreach(of, key, v) {
            ck_assert_msg(gk_config__key_of(gk_family_find(family), key, &detail) != GK_CONFIG__KEY_OTHER,
                          "%s: %s", family, key);
        }
    }
    json_decref(defaults);
}
END_TEST

/* A window that no text is longer than changes nothing. */
START_TEST(wide_windows_are_none) {
    scratch s = scratch_new();
    gk_error err = {0};
    gk_config c;
    ck_assert(with(&s, "llama", "sliding_window", "2048", &c, &err) && c.window == 0);
    ck_assert(!with(&s, "llama", "sliding_window", "2047", &c, &err));
    ck_assert(with(&s, "gemma", "attention_chunk_size", "8192", &c, &err));
    ck_assert(!with(&s, "gemma", "attention_chunk_size", "1024", &c, &err));
    scratch_free(&s);
}
END_TEST

/* Qwen 2's window: how wide it is, and in which of three layers; -1: refused. */
START_TEST(a_switched_window) {
    static const struct {
        const char *more;
        int window, layers;
    } CASE[] = {
        {"", 0, 0},
        {",\"sliding_window\":3", 0, 0},
        {",\"use_sliding_window\":false,\"sliding_window\":3,\"max_window_layers\":0", 0, 0},
        {",\"use_sliding_window\":true,\"sliding_window\":null,\"max_window_layers\":0", 0, 0},
        {",\"use_sliding_window\":true,\"sliding_window\":3,\"max_window_layers\":3", 0, 0},
        {",\"use_sliding_window\":true,\"sliding_window\":3,\"max_window_layers\":1", 3, 6},
        {",\"use_sliding_window\":true,\"sliding_window\":3,\"max_window_layers\":0", 3, 7},
        {",\"use_sliding_window\":true,\"sliding_window\":3", 0, 0}, /* from layer 28 on */
        {",\"use_sliding_window\":true,\"max_window_layers\":0", 4096, 7},
        {",\"use_sliding_window\":true,\"sliding_window\":3,\"max_window_layers\":0,"
         "\"layer_types\":[\"full_attention\",\"full_attention\",\"full_attention\"]",
         0, 0},
        {",\"use_sliding_window\":true,\"sliding_window\":3,"
         "\"layer_types\":[\"full_attention\",\"sliding_attention\",\"full_attention\"]",
         3, 2},
        {",\"layer_types\":[\"full_attention\",\"sliding_attention\",\"full_attention\"]", -1, 0},
        {",\"use_sliding_window\":1", -1, 0},
    };
    scratch s = scratch_new();
    gk_error err = {0};
    gk_config c;
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        const char *text =
            gk_arena_printf(s.a, "{\"model_type\":\"qwen2\",\"num_hidden_layers\":3%s}", CASE[i].more);
        ck_assert_msg(read_text(&s, text, &c, &err) == (CASE[i].window >= 0), "%s", text);
        if (CASE[i].window < 0) continue;
        ck_assert_int_eq(c.window, CASE[i].window);
        for (int l = 0; l < 3; l++)
            ck_assert_msg(gk_config_windowed(&c, l) == (CASE[i].layers >> l & 1), "%s", text);
    }
    scratch_free(&s);
}
END_TEST

static void hear(void *ctx, const char *line) {
    gk_buf_printf(ctx, "%s\n", line);
}

START_TEST(keys_of_no_use_are_named_in_one_line) {
    scratch s = scratch_new();
    gk_error err = {0};
    gk_config c;
    gk_buf heard = {0};
    gk_notice_to(hear, &heard);
    ck_assert(read_text(&s,
                        "{\"model_type\":\"llama\",\"clip_qkv\":8,\"logit_scale\":0.5,\"alibi\":null,"
                        "\"attention_dropout\":0.5,\"temperature\":2,\"use_cache\":false}",
                        &c, &err));
    gk_notice_to(NULL, NULL);
    ck_assert_ptr_nonnull(
        strstr(heard.data, "does not use for a llama model, nor does graftkit: clip_qkv, logit_scale\n"));
    ck_assert_ptr_eq(strchr(heard.data, '\n'), strrchr(heard.data, '\n'));
    gk_buf_free(&heard);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- absent keys */

/* The member as a number; -1 stands for a list of ids that is empty. */
static double member_of(const gk_config *c, const gk_config__field *f) {
    const char *at = (const char *)c + f->member;
    switch (f->kind) {
    case GK_CONFIG__NUM:
    case GK_CONFIG__CAP:
        return (double)*(const float *)(const void *)at;
    case GK_CONFIG__BOOL:
        return *(const bool *)at;
    case GK_CONFIG__ACT:
        return 0;
    default:
        return *(const int *)(const void *)at;
    }
}

/* A config.json that says nothing but its type has every value of the family's class. */
START_TEST(absent_keys_are_the_class_defaults) {
    json_t *defaults = list("defaults");
    scratch s = scratch_new();
    size_t compared = 0;
    for (int i = 0; i < N_FAMILIES; i++) {
        const gk_family *f = gk_family_find(FAMILIES[i]);
        const json_t *of = json_object_get(defaults, FAMILIES[i]);
        gk_error err = {0};
        gk_config c;
        ck_assert(read_text(&s, gk_arena_printf(s.a, "{\"model_type\":\"%s\"}", FAMILIES[i]), &c, &err));
        for (size_t k = 0; k < f->n_fields; k++) {
            const gk_config__field *field = &f->fields[k];
            const json_t *v = json_object_get(of, field->key);
            double got = member_of(&c, field);
            if (f->switched_window && field->member == offsetof(gk_config, window)) {
                ck_assert(got == 0); /* whatever the width, where the switch is off */
                continue;
            }
            if (json_is_number(v))
                ck_assert_msg((float)json_number_value(v) == (float)got, "%s: %s is %g", FAMILIES[i],
                              field->key, got);
            else if (json_is_boolean(v))
                ck_assert_msg(json_is_true(v) == (got != 0), "%s: %s is %g", FAMILIES[i], field->key, got);
            else if (field->kind == GK_CONFIG__ID || field->kind == GK_CONFIG__IDS)
                ck_assert_msg(json_is_null(v) && got == -1, "%s: %s is %g", FAMILIES[i], field->key, got);
            else if (field->kind == GK_CONFIG__ACT) { /* said, it is the same */
                gk_config said;
                const char *text = gk_arena_printf(s.a, "{\"model_type\":\"%s\",\"%s\":\"%s\"}", FAMILIES[i],
                                                   field->key, json_string_value(v));
                ck_assert(read_text(&s, text, &said, &err) && said.act == c.act);
            } else {
                ck_assert_msg(!v || json_is_null(v), "%s: %s", FAMILIES[i], field->key);
            }
            compared++;
        }
        ck_assert(c.n_kv_heads > 0 && c.head_dim > 0 && c.d_ffn > 0);
        ck_assert(!c.rope || c.rotary.theta == 1e4f);
        ck_assert_int_eq(c.rotary_dim, strcmp(FAMILIES[i], "gpt_neox") == 0 ? c.head_dim / 4 : 0);
    }
    ck_assert_uint_gt(compared, 80);
    scratch_free(&s);
    json_decref(defaults);
}
END_TEST

/* GPT-2's class knows its sizes by their general names too, and those count. */
START_TEST(general_names_of_gpt2) {
    scratch s = scratch_new();
    gk_error err = {0};
    gk_config c;
    ck_assert(read_text(&s,
                        "{\"model_type\":\"gpt2\",\"hidden_size\":16,\"n_embd\":32,\"num_hidden_layers\":3,"
                        "\"num_attention_heads\":2,\"max_position_embeddings\":40,\"n_ctx\":7}",
                        &c, &err));
    ck_assert(c.d_model == 16 && c.n_layers == 3 && c.n_heads == 2 && c.max_positions == 40 && c.d_ffn == 64);
    ck_assert(!read_text(&s, "{\"model_type\":\"gpt2\",\"hidden_size\":null}", &c, &err));
    ck_assert_str_eq(err.field, "hidden_size");
    scratch_free(&s);
}
END_TEST

/* Where the original length of a llama3 scaling stands, and an empty object in place of one. */
START_TEST(rotary_settings_in_odd_places) {
#define LLAMA3 "\"rope_type\":\"llama3\",\"factor\":4,\"low_freq_factor\":1,\"high_freq_factor\":4"
    static const struct {
        const char *more;
        int original;
        float theta;
    } CASE[] = {
        {"\"rope_scaling\":{" LLAMA3 "}", 2048, 1e4f},
        {"\"rope_scaling\":{" LLAMA3 ",\"original_max_position_embeddings\":16}", 16, 1e4f},
        {"\"rope_parameters\":{" LLAMA3 ",\"original_max_position_embeddings\":16},"
         "\"original_max_position_embeddings\":8",
         8, 1e4f},
        {"\"rope_scaling\":{},\"rope_parameters\":{" LLAMA3 ",\"rope_theta\":50}", 2048, 50},
        {"\"rope_scaling\":{" LLAMA3 "},\"rope_parameters\":{\"rope_theta\":50}", 2048, 1e4f},
    };
    scratch s = scratch_new();
    gk_error err = {0};
    gk_config c;
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        ck_assert(
            read_text(&s, gk_arena_printf(s.a, "{\"model_type\":\"llama\",%s}", CASE[i].more), &c, &err));
        ck_assert(c.rotary.kind == GK_ROPE_LLAMA3 && c.rotary.original == CASE[i].original &&
                  c.rotary.theta == CASE[i].theta);
    }
    ck_assert(!with(&s, "llama", "partial_rotary_factor", "0.5", &c, &err));
    ck_assert_str_eq(err.field, "partial_rotary_factor");
    ck_assert(
        !with(&s, "gemma2", "rope_parameters", "{\"full_attention\":{\"rope_type\":\"default\"}}", &c, &err));
    ck_assert_str_eq(err.field, "rope_parameters");
    ck_assert(!with(&s, "gpt_neox", "head_dim", "32", &c, &err));
    ck_assert_str_eq(err.field, "head_dim");
    ck_assert(with(&s, "gpt_neox", "head_dim", "96", &c, &err));
    scratch_free(&s);
}
END_TEST

/* Gemma's first files say "gelu" and mean tanh's form; gelu_python is exact there too, and is saved as such.
 */
START_TEST(gelus_of_gemma) {
    scratch s = scratch_new();
    gk_error err = {0};
    gk_config c, back;
    ck_assert(with(&s, "gemma", "hidden_act", "\"gelu\"", &c, &err) && c.act == GK_GELU_TANH);
    ck_assert(with(&s, "gemma", "hidden_act", "\"gelu_python\"", &c, &err) && c.act == GK_GELU);
    ck_assert(gk_config__save(&c, GK_F32, NULL, scratch_path(&s, "config.json"), &err));
    ck_assert(gk_config__load(scratch_path(&s, "config.json"), &back, &err) && back.act == GK_GELU);
    scratch_free(&s);
}
END_TEST

START_TEST(ids_of_minus_one_are_none) {
    scratch s = scratch_new();
    gk_error err = {0};
    gk_config c;
    ck_assert(with(&s, "llama", "eos_token_id", "-1", &c, &err) && c.eos_id == -1 &&
              gk_config_ends(&c).n == 0);
    ck_assert(with(&s, "llama", "eos_token_id", "[-1, 7, -1, 9]", &c, &err));
    ck_assert(c.eos_id == 7 && gk_config_ends(&c).n == 2 && gk_config_ends(&c).id[1] == 9);
    ck_assert(with(&s, "gemma", "bos_token_id", "-1", &c, &err) && c.bos_id == -1);
    ck_assert(with(&s, "gemma", "bos_token_id", "null", &c, &err) && c.bos_id == -1);
    scratch_file(&s, "generation_config.json", "{\"eos_token_id\": -1}");
    ck_assert(gk_config__generation_load(s.dir, &c, &err) && c.ends.n == 0);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- the page */

static const char INTRO[] = "# The keys of config.json\n"
                            "\n"
                            "What graftkit does about every key that a model's `config.json` can have. The "
                            "list is made from the configuration classes of\n"
                            "transformers 5.24 by `tools/reference/list_config_keys.py`: what every "
                            "configuration has, what the seven families' classes have, what\n"
                            "other causal language models' have, and what the shared code asks a "
                            "configuration for. The script also puts each of them, with several\n"
                            "values, into a small model of every family: what changes the logits of a whole "
                            "pass or of one through the cache must be honoured or\n"
                            "refused here, and a test holds that. This page is written by `GK_WRITE_DOCS=1 "
                            "build/release/tests/model/test_config_keys`.\n"
                            "\n"
                            "- *Read*: honoured; a value that is not built is refused by the key's name. An "
                            "absent key has the default of the family's class in\n"
                            "  transformers 5.24, whatever older versions had. `null` is taken where the "
                            "class takes it, else refused; an id of -1 is none.\n"
                            "- *Only*: transformers honours it, graftkit has one value; any other is refused "
                            "by name. A window that is no narrower than the model's\n"
                            "  positions is none.\n"
                            "- *Void*: no value changes a number, for the ground given.\n"
                            "- Everything else, and keys that are in no list: transformers keeps and ignores "
                            "them for this family, so ignoring them gives its\n"
                            "  numbers, and refusing would turn down folders for a stray note. A line on "
                            "stderr names those that are not null or empty, since a\n"
                            "  model that was trained by other code may have meant them.\n"
                            "\n"
                            "`NaN`, `Infinity` and `-Infinity`, which Python writes though they are no JSON, "
                            "are fine in a key that is not read and refused in one that is.\n"
                            "\n"
                            "| key | what becomes of it |\n"
                            "|---|---|\n";

static const char *const USE[] = {"read", "only", "void", ""};

/* "read: llama, gpt2; only `false`: gemma" */
static void put_uses(gk_buf *out, const char *key) {
    bool done[N_FAMILIES] = {false}, first = true;
    for (int i = 0; i < N_FAMILIES; i++) {
        const char *detail, *other;
        gk_config__key_use use = gk_config__key_of(gk_family_find(FAMILIES[i]), key, &detail);
        if (done[i] || use == GK_CONFIG__KEY_OTHER) continue;
        gk_buf who = {0};
        int n = 0;
        for (int k = i; k < N_FAMILIES; k++) {
            if (gk_config__key_of(gk_family_find(FAMILIES[k]), key, &other) != use ||
                strcmp(other, detail) != 0)
                continue;
            done[k] = true;
            gk_buf_printf(&who, "%s%s", n++ ? ", " : "", FAMILIES[k]);
        }
        gk_buf_printf(out, "%s%s", first ? "" : "; ", USE[use]);
        if (use == GK_CONFIG__KEY_FIXED) gk_buf_printf(out, " `%s`", detail);
        if (n < N_FAMILIES) gk_buf_printf(out, ": %s", who.data);
        if (use == GK_CONFIG__KEY_VOID) gk_buf_printf(out, "%s%s", n < N_FAMILIES ? ", " : ": ", detail);
        gk_buf_free(&who);
        first = false;
    }
}

/* Of no use to any family, or void for the same ground in all that do not ignore it: then *ground is that. */
static bool same_everywhere(const char *key, const char **ground) {
    const char *detail;
    *ground = "";
    for (int i = 0; i < N_FAMILIES; i++) {
        gk_config__key_use use = gk_config__key_of(gk_family_find(FAMILIES[i]), key, &detail);
        if (use != GK_CONFIG__KEY_OTHER && use != GK_CONFIG__KEY_VOID) return false;
        if (use == GK_CONFIG__KEY_VOID) *ground = detail;
    }
    return true;
}

/* The keys that have this ground everywhere, in lines. */
static void put_list(gk_buf *out, json_t *keys, const char *ground) {
    const char *key, *its;
    json_t *v;
    size_t width = 0;
    json_object_foreach(keys, key, v) {
        if (!same_everywhere(key, &its) || strcmp(its, ground) != 0) continue;
        if (width + strlen(key) > 130) width = 0, gk_buf_puts(out, "\n");
        gk_buf_printf(out, "%s`%s`", width ? " " : "", key);
        width += strlen(key) + 3;
    }
    gk_buf_puts(out, "\n");
}

static gk_buf page(void) {
    json_t *keys = list("keys"), *v, *grounds = json_object();
    gk_buf out = {0};
    const char *key, *ground;
    gk_buf_puts(&out, INTRO);
    json_object_foreach(keys, key, v) {
        if (same_everywhere(key, &ground)) {
            if (*ground) json_object_set_new(grounds, ground, json_null());
            continue;
        }
        gk_buf_printf(&out, "| `%s` | ", key);
        put_uses(&out, key);
        gk_buf_puts(&out, " |\n");
    }
    gk_buf_puts(&out, "\n## Void\n");
    json_object_foreach(grounds, ground, v) {
        gk_buf_printf(&out, "\n%c%s:\n", ground[0] - 'a' + 'A', ground + 1);
        put_list(&out, keys, ground);
    }
    gk_buf_puts(&out, "\n## Of no use to any of the seven families\n\n");
    put_list(&out, keys, "");
    json_decref(keys);
    json_decref(grounds);
    return out;
}

START_TEST(the_page_says_what_is_done) {
    gk_buf want = page();
    gk_arena *a = gk_arena_new();
    gk_error err = {0};
    if (getenv("GK_WRITE_DOCS")) ck_assert(gk_write_file(PAGE, want.data, want.len, &err));
    const char *have = gk_read_file(a, PAGE, 1 << 20, NULL, &err);
    ck_assert_msg(have && strcmp(have, want.data) == 0,
                  "docs/config-keys.md is not what model/config/config_keys.c does; GK_WRITE_DOCS=1 "
                  "build/release/tests/"
                  "test_config_keys writes it");
    gk_arena_free(a);
    gk_buf_free(&want);
}
END_TEST

int main(void) {
    Suite *s = suite_create("config_keys");
    TCase *t = tcase_create("config_keys");
    tcase_add_test(t, what_changes_the_numbers_is_honoured_or_refused);
    tcase_add_test(t, fixed_keys_have_one_value);
    tcase_add_test(t, own_keys_are_known);
    tcase_add_test(t, wide_windows_are_none);
    tcase_add_test(t, a_switched_window);
    tcase_add_test(t, keys_of_no_use_are_named_in_one_line);
    tcase_add_test(t, absent_keys_are_the_class_defaults);
    tcase_add_test(t, general_names_of_gpt2);
    tcase_add_test(t, rotary_settings_in_odd_places);
    tcase_add_test(t, gelus_of_gemma);
    tcase_add_test(t, ids_of_minus_one_are_none);
    tcase_add_test(t, the_page_says_what_is_done);
    suite_add_tcase(s, t);
    return run_suite(s);
}
