/* modules: model core
 *
 * test_folders.c: checkpoints as other programs leave them: every fixture with other names, tied pairs under
 * either name, other types, tensors too many; equal to the plain folder, or refused with what is wrong. */
#include "core/json.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/weights.h"
#include "model/checkpoint/files.h"
#include "model/checkpoint/safetensors.h"
#include "model/formats/half.h"
#include "tests/support/fixture_models.h"
#include "tests/support/scratch.h"

enum { MOST = 96 };

/* ---------------------------------------------------------------- folders made of fixtures */

typedef struct tensor {
    gk_safetensors__typed as;
    const void *data;
} tensor;

typedef struct folder {
    scratch s;
    gk_checkpoint__files from;
    const char *fixture;
    tensor list[MOST];
    size_t n;
} folder;

static folder make(const char *fixture) {
    folder f = {.s = scratch_new()};
    f.fixture = gk_arena_strdup(f.s.a, fixture);
    gk_error err = {0};
    ck_assert(gk_checkpoint__files_folder(fixture, &f.from, &err));
    scratch_file(&f.s, "config.json",
                 gk_read_file(f.s.a, gk_path_join(f.s.a, fixture, "config.json"), 1 << 16, NULL, &err));
    ck_assert_uint_lt(f.from.n + 8, MOST);
    for (; f.n < f.from.n; f.n++) {
        const gk_checkpoint__stored *t = &f.from.list[f.n];
        f.list[f.n] = (tensor){{{.name = t->name, .n_dims = t->n_dims}, t->type_name}, t->data};
        memcpy(f.list[f.n].as.array.shape, t->shape, sizeof t->shape);
    }
    return f;
}

static void unmake(folder *f) {
    gk_checkpoint__files_close(&f->from);
    scratch_free(&f->s);
}

static tensor *find(folder *f, const char *name) {
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->list[i].as.array.name, name) == 0) return &f->list[i];
    return NULL;
}

static tensor *add(folder *f, const char *name, const char *dtype, const void *data, int n_dims, int64_t d0,
                   int64_t d1) {
    f->list[f->n] = (tensor){{{.name = name, .n_dims = n_dims, .shape = {d0, d1}}, dtype}, data};
    return &f->list[f->n++];
}

static const void *data_of(void *ctx, size_t i, gk_error *err) {
    (void)err;
    return ((const tensor *)ctx)[i].data;
}

/* Tensors [first, first + n) in a file of that name. */
static void write_file(folder *f, const char *name, size_t first, size_t n) {
    gk_error err = {0};
    gk_safetensors__typed list[MOST];
    for (size_t i = 0; i < n; i++) list[i] = f->list[first + i].as;
    ck_assert(
        gk_safetensors__write(scratch_path(&f->s, name), list, n, NULL, data_of, &f->list[first], &err));
}

static void write_one(folder *f) {
    write_file(f, "model.safetensors", 0, f->n);
}

static const char *embed_of(const char *fixture) {
    return strstr(fixture, "/gpt2")   ? "transformer.wte.weight"
           : strstr(fixture, "/neox") ? "gpt_neox.embed_in.weight"
                                      : "model.embed_tokens.weight";
}

static const char *head_of(const char *fixture) {
    return strstr(fixture, "/neox") ? "embed_out.weight" : "lm_head.weight";
}

static gk_model *opened(folder *f, bool mapped) {
    gk_error err = {0};
    char text[2048];
    gk_model *m = mapped ? gk_model_open(f->s.dir, &err) : gk_model_load(f->s.dir, &err);
    ck_assert_msg(m != NULL, "%s: %s", f->fixture, gk_error_text(&err, text, sizeof text));
    return m;
}

/* Read either way, the folder is the fixture's model. */
static void assert_equal(folder *f) {
    gk_model *want = gk_model_load(f->fixture, NULL), *got = opened(f, false), *mapped = opened(f, true);
    ck_assert_uint_eq(gk_model_floats(want), gk_model_floats(got));
    ck_assert_msg(memcmp(gk_model_data(want), gk_model_data(got), gk_model_floats(want) * sizeof(float)) == 0,
                  "%s", f->fixture);
    gk_tensor a = gk_model_tensor(want, -1, GK_HEAD), b = gk_model_tensor(mapped, -1, GK_HEAD);
    float x[256], y[256];
    gk_tensor_floats(a, 0, 256, x);
    gk_tensor_floats(b, 0, 256, y);
    ck_assert(a.out == b.out && a.in == b.in && memcmp(x, y, sizeof x) == 0);
    gk_model_free(want);
    gk_model_free(got);
    gk_model_free(mapped);
}

static void assert_refused(folder *f, const char *field, const char *what, const char *hint) {
    gk_error err = {0};
    char text[2048];
    ck_assert_msg(gk_model_open(f->s.dir, &err) == NULL, "%s was read, should say %s", f->fixture, what);
    ck_assert_msg(strstr(err.what, what) && strcmp(err.field, field) == 0 && strstr(err.hint, hint),
                  "%s\nshould name '%s' and say '%s; %s'", gk_error_text(&err, text, sizeof text), field,
                  what, hint);
}

static bool is_tied(const char *fixture) {
    gk_model *m = gk_model_open(fixture, NULL);
    bool tied = gk_model_config(m)->tied;
    gk_model_free(m);
    return tied;
}

/* ---------------------------------------------------------------- names */

START_TEST(names_without_their_prefix) {
    folder f = make(FOLDERS[_i]);
    static const char *const PREFIX[] = {"model.", "transformer.", "gpt_neox."};
    size_t bare = 0;
    for (size_t i = 0; i < f.n; i++)
        for (int p = 0; p < 3; p++) {
            const char *name = f.list[i].as.array.name;
            if (strncmp(name, PREFIX[p], strlen(PREFIX[p])) != 0) continue;
            f.list[i].as.array.name = name + strlen(PREFIX[p]);
            bare++;
        }
    ck_assert_uint_gt(bare, 10);
    write_one(&f);
    assert_equal(&f);
    unmake(&f);
}
END_TEST

START_TEST(names_of_wrappers_are_told) {
    static const struct {
        const char *before, *says, *hint;
    } CASE[] = {{"module.", "'module.' in the names is DataParallel's", "model.module"},
                {"_orig_mod.", "'_orig_mod.' in the names is torch.compile's", "model._orig_mod"},
                {"module._orig_mod.", "'_orig_mod.' in the names is torch.compile's", "model._orig_mod"},
                {"base_model.model.", "'base_model.model.' in the names is PEFT's", "merge_and_unload"},
                /* a model inside another one */
                {"language_model.", "ends in 'model.embed_tokens.weight', which is missing",
                 "take 'language_model.' out of the names"},
                {"model.", "ends in 'model.embed_tokens.weight', which is missing",
                 "take 'model.' out of the names"}};
    for (size_t c = 0; c < sizeof CASE / sizeof *CASE; c++) {
        folder f = make(FIXTURES "llama");
        for (size_t i = 0; i < f.n; i++)
            f.list[i].as.array.name = gk_arena_printf(f.s.a, "%s%s", CASE[c].before, f.list[i].as.array.name);
        write_one(&f);
        gk_error err = {0};
        ck_assert(gk_model_open(f.s.dir, &err) == NULL);
        assert_refused(&f, err.field, CASE[c].says, CASE[c].hint);
        ck_assert(strncmp(err.field, CASE[c].before, strlen(CASE[c].before)) == 0);
        unmake(&f);
    }
    folder f = make(FIXTURES "qwen2"); /* layers that were compiled one by one */
    find(&f, "model.layers.0.mlp.up_proj.weight")->as.array.name =
        "model.layers.0._orig_mod.mlp.up_proj.weight";
    write_one(&f);
    assert_refused(&f, "model.layers.0._orig_mod.mlp.up_proj.weight", "torch.compile's",
                   "take '_orig_mod.' out");
    unmake(&f);
}
END_TEST

/* transformers 5 calls GPT-NeoX's head lm_head. */
START_TEST(heads_of_neox_have_two_names) {
    folder f = make(FIXTURES "neox");
    find(&f, "embed_out.weight")->as.array.name = "lm_head.weight";
    write_one(&f);
    assert_equal(&f);
    tensor t = *find(&f, "lm_head.weight");
    add(&f, "embed_out.weight", "F32", t.data, 2, t.as.array.shape[0], t.as.array.shape[1]);
    write_one(&f);
    assert_refused(&f, "lm_head.weight", "has no such tensor", "");
    unmake(&f);
}
END_TEST

/* ---------------------------------------------------------------- tied pairs */

/* safetensors' save_model keeps the name that comes first: the head's. */
START_TEST(a_tied_pair_under_the_heads_name) {
    if (!is_tied(FOLDERS[_i])) return;
    folder f = make(FOLDERS[_i]);
    find(&f, embed_of(f.fixture))->as.array.name = head_of(f.fixture);
    write_one(&f);
    assert_equal(&f);
    gk_inspection *i = gk_inspect(f.s.dir, NULL);
    gk_model *m = opened(&f, false);
    ck_assert_ptr_nonnull(i);
    ck_assert_uint_eq(i->params, gk_model_count(m));
    gk_inspection_free(i);
    gk_model_free(m);
    unmake(&f);
}
END_TEST

/* The embedding rounded to bf16 twice: as bf16, and as F32 and F16 of the same values. */
START_TEST(a_tied_pair_in_two_types) {
    static const char *const TYPES[] = {"F32", "F16", "BF16"};
    for (size_t k = 0; k < 3; k++) {
        folder f = make(FIXTURES "llama-tied");
        tensor *embed = find(&f, "model.embed_tokens.weight");
        size_t n = (size_t)(embed->as.array.shape[0] * embed->as.array.shape[1]);
        uint16_t *narrow = gk_arena_alloc(f.s.a, n * 2), *half = gk_arena_alloc(f.s.a, n * 2);
        float *wide = gk_arena_alloc(f.s.a, n * 4);
        gk_half__f32_to_bf16(embed->data, narrow, n);
        gk_half__bf16_to_f32(narrow, wide, n);
        gk_half__f32_to_f16(wide, half, n);
        embed->as.dtype = "BF16";
        embed->data = narrow;
        const void *head[] = {wide, half, narrow};
        add(&f, "lm_head.weight", TYPES[k], head[k], 2, embed->as.array.shape[0], embed->as.array.shape[1]);
        write_one(&f);
        gk_model_free(opened(&f, true));
        wide[n - 1] += 1;
        gk_half__f32_to_f16(wide, half, n);
        narrow = gk_arena_alloc(f.s.a, n * 2);
        gk_half__f32_to_bf16(wide, narrow, n);
        const void *other[] = {wide, half, narrow};
        find(&f, "lm_head.weight")->data = other[k];
        write_one(&f);
        assert_refused(&f, "lm_head.weight", "ties the head to the embedding, but they differ",
                       "tie_word_embeddings");
        unmake(&f);
    }
}
END_TEST

/* Two files; the index lists `extra` too, which neither has. */
static void write_two(folder *f, const char *extra) {
    static const char *const NAME[] = {"model-00001-of-00002.safetensors",
                                       "model-00002-of-00002.safetensors"};
    gk_error err = {0};
    json_t *map = json_object();
    size_t half = f->n / 2;
    write_file(f, NAME[0], 0, half);
    write_file(f, NAME[1], half, f->n - half);
    for (size_t i = 0; i < f->n; i++)
        json_object_set_new(map, f->list[i].as.array.name, json_string(NAME[i >= half]));
    if (extra) json_object_set_new(map, extra, json_string(NAME[1]));
    json_t *index = json_pack("{s:{s:i}, s:o}", "metadata", "total_size", 1, "weight_map", map);
    ck_assert(gk_json_save(scratch_path(&f->s, "model.safetensors.index.json"), index, &err));
    json_decref(index);
}

START_TEST(an_index_that_lists_what_no_file_has) {
    folder f = make(FIXTURES "llama-tied");
    write_two(&f, "lm_head.weight");
    assert_equal(&f);
    unmake(&f);
    f = make(FIXTURES "llama"); /* whose head is its own */
    tensor *head = find(&f, "lm_head.weight");
    *head = f.list[--f.n];
    write_two(&f, "lm_head.weight");
    assert_refused(&f, "lm_head.weight", "the tensor is missing", "the configuration asks for it");
    unmake(&f);
}
END_TEST

/* ---------------------------------------------------------------- tensors too many */

static void hear(void *ctx, const char *line) {
    gk_buf_printf(ctx, "%s\n", line);
}

START_TEST(left_over_tensors_are_named_in_one_line) {
    static const float zero[64] = {0};
    static const struct {
        const char *fixture, *layer, *embed;
    } CASE[] = {{"llama", "model.layers.1.self_attn", "model"},
                {"gpt2", "transformer.h.1.attn", "transformer"},
                {"neox", "gpt_neox.layers.1.attention", "gpt_neox"},
                {"gemma2", "model.layers.1.self_attn", "model"},
                {"olmo2", "model.layers.1.self_attn", "model"}};
    for (size_t c = 0; c < sizeof CASE / sizeof *CASE; c++) {
        gk_buf heard = {0};
        char path[512];
        snprintf(path, sizeof path, FIXTURES "%s", CASE[c].fixture);
        folder f = make(path);
        add(&f, "v_head.summary.weight", "F32", zero, 2, 1, 16);
        add(&f, "score.weight", "F32", zero, 2, 2, 16);
        add(&f, gk_arena_printf(f.s.a, "%s.position_ids", CASE[c].embed), "I64", zero, 2, 1, 8);
        add(&f, gk_arena_printf(f.s.a, "%s.rotary_emb.inv_freq", CASE[c].layer), "F32", zero, 1, 4, 0);
        add(&f, gk_arena_printf(f.s.a, "%s.bias", CASE[c].layer), "BOOL", zero, 2, 8, 8);
        add(&f, gk_arena_printf(f.s.a, "%s.masked_bias", CASE[c].layer), "F32", zero, 0, 0, 0);
        write_one(&f);
        if (strcmp(CASE[c].fixture, "gpt2") == 0) { /* it has no rotary angles, and no class ever did */
            assert_refused(&f, "transformer.h.1.attn.rotary_emb.inv_freq", "has no such tensor", "");
            unmake(&f);
            continue;
        }
        assert_equal(&f);
        gk_notice_to(hear, &heard);
        gk_model_free(opened(&f, true));
        gk_notice_to(NULL, NULL);
        ck_assert_ptr_eq(strchr(heard.data, '\n'), strrchr(heard.data, '\n'));
        ck_assert(strstr(heard.data, "not used") && strstr(heard.data, "v_head.summary.weight") &&
                  strstr(heard.data, "score.weight") && strstr(heard.data, "layers.*."));
        gk_buf_free(&heard);
        unmake(&f);
    }
}
END_TEST

/* What a language model of this family would use if it had it. */
START_TEST(parts_of_another_model_are_refused) {
    static const float zero[32] = {0};
    static const char *const NAME[] = {"lm_head.bias",
                                       "model.norm.bias",
                                       "model.embed_tokens.weight_scale",
                                       "model.layers.2.mlp.up_proj.weight",
                                       "model.layers.0.mlp.up_proj.bias",
                                       "model.layers.0.self_attn.q_proj.weight_scale",
                                       "model.layers.0.self_attn.q_proj.lora_A.weight",
                                       "model.layers.0.self_attn.sinks",
                                       "layers.0.mlp.experts.0.up_proj.weight",
                                       "lm_head.qweight"};
    for (size_t i = 0; i < sizeof NAME / sizeof *NAME; i++) {
        folder f = make(FIXTURES "llama");
        add(&f, NAME[i], "F32", zero, 1, 16, 0);
        write_one(&f);
        assert_refused(&f, NAME[i], "a llama model of 2 layers has no such tensor", "config.json");
        unmake(&f);
    }
}
END_TEST

/* ---------------------------------------------------------------- vocabularies of two sizes */

/* The fixture with `more` rows behind its embedding and head. */
static folder padded(const char *fixture, int more) {
    char path[512];
    snprintf(path, sizeof path, FIXTURES "%s", fixture);
    folder f = make(path);
    gk_error err = {0};
    int64_t vocab = 0;
    const char *names[] = {embed_of(f.fixture), head_of(f.fixture)};
    for (int k = 0; k < 2; k++) {
        tensor *t = find(&f, names[k]);
        if (!t) continue;
        vocab = t->as.array.shape[0];
        size_t in = (size_t)t->as.array.shape[1], n = (size_t)vocab * in;
        float *rows = gk_arena_alloc(f.s.a, (n + (size_t)more * in) * sizeof *rows);
        memcpy(rows, t->data, n * sizeof *rows);
        for (size_t i = n; i < n + (size_t)more * in; i++) rows[i] = (float)(i % 7) + (float)k;
        t->data = rows;
        t->as.array.shape[0] += more;
    }
    json_t *doc = gk_json_load(scratch_path(&f.s, "config.json"), &err);
    json_object_set_new(doc, "vocab_size", json_integer(vocab + more));
    ck_assert(gk_json_save(scratch_path(&f.s, "config.json"), doc, &err));
    json_decref(doc);
    write_one(&f);
    return f;
}

static void assert_same_rows(const gk_model *a, gk_component ca, const gk_model *b, gk_component cb,
                             int first, int n) {
    gk_tensor x = gk_model_tensor(a, -1, ca), y = gk_model_tensor(b, -1, cb);
    ck_assert(x.in == y.in && first + n <= x.out && first + n <= y.out);
    float *p = gk_alloc(2 * (size_t)n * (size_t)x.in * sizeof *p), *q = p + (size_t)n * (size_t)x.in;
    gk_tensor_floats(x, (size_t)first * (size_t)x.in, (size_t)n * (size_t)x.in, p);
    gk_tensor_floats(y, (size_t)first * (size_t)x.in, (size_t)n * (size_t)x.in, q);
    ck_assert_int_eq(memcmp(p, q, (size_t)n * (size_t)x.in * sizeof *p), 0);
    gk_free(p);
}

static const char *const PADDED[] = {"llama", "llama-tied", "gpt2",  "gpt2-untied", "neox",
                                     "gemma", "gemma2",     "qwen2", "olmo2"};
enum { N_PADDED = sizeof PADDED / sizeof *PADDED };

START_TEST(a_vocabulary_is_fitted) {
    folder f = padded(PADDED[_i], 13);
    gk_error err = {0};
    gk_model *plain = gk_model_open(f.fixture, &err), *big = opened(&f, true), *again = opened(&f, true);
    int vocab = gk_model_config(plain)->vocab;
    ck_assert_int_eq(gk_model_config(big)->vocab, vocab + 13);
    ck_assert(gk_model_fit_vocab(big, plain, &err)); /* rows go */
    ck_assert(gk_config_same(gk_model_config(big), gk_model_config(plain)));
    ck_assert(gk_model_fit_vocab(plain, again, &err)); /* rows come */
    ck_assert(gk_config_same(gk_model_config(again), gk_model_config(plain)));
    static const gk_component both[] = {GK_EMBED, GK_HEAD};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(gk_model_tensor(big, -1, both[i]).out, vocab);
        assert_same_rows(big, both[i], again, both[i], 0, vocab);
        ck_assert_int_eq(gk_model_tensor(plain, -1, both[i]).out, vocab + 13);
        assert_same_rows(plain, both[i], again, both[i], 0, vocab + 13);
    }
    gk_model_free(plain);
    gk_model_free(big);
    gk_model_free(again);
    unmake(&f);
}
END_TEST

/* Where more than the vocabulary differs nothing is changed. */
START_TEST(other_models_are_not_fitted) {
    folder f = padded("llama", 13);
    gk_error err = {0};
    gk_model *big = opened(&f, true), *other = gk_model_open(FIXTURES "llama-mqa", &err);
    int vocab = gk_model_config(big)->vocab;
    ck_assert(gk_model_fit_vocab(big, other, &err));
    ck_assert_int_eq(gk_model_config(big)->vocab, vocab);
    ck_assert_int_eq(gk_model_tensor(big, -1, GK_EMBED).out, vocab);
    gk_model_free(big);
    gk_model_free(other);
    unmake(&f);
}
END_TEST

int main(void) {
    find_folders();
    Suite *s = suite_create("folders");
    TCase *t = tcase_create("folders");
    tcase_add_loop_test(t, names_without_their_prefix, 0, n_folders);
    tcase_add_test(t, names_of_wrappers_are_told);
    tcase_add_test(t, heads_of_neox_have_two_names);
    tcase_add_loop_test(t, a_tied_pair_under_the_heads_name, 0, n_folders);
    tcase_add_test(t, a_tied_pair_in_two_types);
    tcase_add_test(t, an_index_that_lists_what_no_file_has);
    tcase_add_test(t, left_over_tensors_are_named_in_one_line);
    tcase_add_test(t, parts_of_another_model_are_refused);
    tcase_add_loop_test(t, a_vocabulary_is_fitted, 0, N_PADDED);
    tcase_add_test(t, other_models_are_not_fitted);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    free_folders();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
