/* modules: model core
 *
 * test_checkpoints.c: models as they lie in files: every type mapped and saved again byte for byte,
 * checkpoints in several files, GGUF. */
#include "core/json.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "model/checkpoint/files.h"
#include "model/checkpoint/safetensors.h"
#include "tests/support/fixture_models.h"
#include "tests/support/scratch.h"

#include <inttypes.h>
#include <math.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char why[2048];

static gk_model *open_model(const char *path) {
    gk_error err = {0};
    gk_model *m = gk_model_open(path, &err);
    ck_assert_msg(m != NULL, "%s", gk_error_text(&err, why, sizeof why));
    return m;
}

static gk_model *load_model(const char *path) {
    gk_error err = {0};
    gk_model *m = gk_model_load(path, &err);
    ck_assert_msg(m != NULL, "%s", gk_error_text(&err, why, sizeof why));
    return m;
}

static void save(const gk_model *m, const char *dir) {
    gk_error err = {0};
    ck_assert_msg(gk_model_save(m, dir, &err), "%s", gk_error_text(&err, why, sizeof why));
}

static const gk_checkpoint__stored *find(const gk_checkpoint__files *f, const char *name) {
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->list[i].name, name) == 0) return &f->list[i];
    return NULL;
}

static size_t values(const gk_checkpoint__stored *t) {
    size_t n = 1;
    for (int d = 0; d < t->n_dims; d++) n *= (size_t)t->shape[d];
    return n;
}

static void assert_same_files(const char *a_dir, const char *b_dir) {
    gk_checkpoint__files a, b;
    gk_error err = {0};
    ck_assert(gk_checkpoint__files_folder(a_dir, &a, &err) && gk_checkpoint__files_folder(b_dir, &b, &err));
    ck_assert_uint_eq(a.n, b.n);
    for (size_t i = 0; i < a.n; i++) {
        const gk_checkpoint__stored *x = &a.list[i], *y = find(&b, x->name);
        ck_assert_msg(y != NULL, "no %s", x->name);
        ck_assert_str_eq(x->type_name, y->type_name);
        ck_assert(x->n_dims == y->n_dims && memcmp(x->shape, y->shape, sizeof x->shape) == 0);
        ck_assert_msg(memcmp(x->data, y->data, values(x) * x->type->bytes) == 0, "%s differs", x->name);
    }
    gk_checkpoint__files_close(&a);
    gk_checkpoint__files_close(&b);
}

/* Fused, transposed and split by head; F32, F16 and BF16; every family. */
START_TEST(opened_and_saved_is_identical) {
    scratch s = scratch_new();
    gk_model *m = open_model(FOLDERS[_i]);
    ck_assert_ptr_null(gk_model_data(m));
    save(m, scratch_path(&s, "again"));
    assert_same_files(FOLDERS[_i], scratch_path(&s, "again"));
    gk_model *back = open_model(scratch_path(&s, "again"));
    ck_assert(gk_config_same(gk_model_config(m), gk_model_config(back)));
    ck_assert_uint_eq(gk_model_count(m), gk_model_count(back));
    gk_model_free(m);
    gk_model_free(back);
    scratch_free(&s);
}
END_TEST

/* What is loaded as floats and what is mapped are the same weights. */
START_TEST(opened_is_loaded) {
    gk_model *a = load_model(FOLDERS[_i]), *b = open_model(FOLDERS[_i]);
    const gk_param *list;
    size_t n = gk_model_params(a, &list);
    ck_assert_uint_gt(n, 0);
    for (size_t i = 0; i < n; i++) {
        gk_tensor x = gk_model_tensor(a, list[i].layer, list[i].comp),
                  y = gk_model_tensor(b, list[i].layer, list[i].comp);
        ck_assert(x.out == y.out && x.in == y.in && (x.b == NULL) == (y.b == NULL));
        float *got = gk_alloc(list[i].count * sizeof *got);
        const float *want = list[i].bias ? x.b : x.w, *have = list[i].bias ? y.b : got;
        if (!list[i].bias) gk_tensor_floats(y, 0, list[i].count, got);
        ck_assert_int_eq(memcmp(want, have, list[i].count * sizeof *got), 0);
        gk_free(got);
    }
    gk_model_free(a);
    gk_model_free(b);
}
END_TEST

/* Whether an address lies in a read-only mapping of the fixture's weights: pages that every process and model
 * that maps the file shares. */
static bool in_file(const void *p, const char *name) {
    FILE *maps = fopen("/proc/self/maps", "r");
    ck_assert_ptr_nonnull(maps);
    char line[1024];
    bool found = false;
    while (!found && fgets(line, sizeof line, maps)) {
        uintptr_t lo, hi;
        char mode[8];
        found = sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s", &lo, &hi, mode) == 3 && (uintptr_t)p >= lo &&
                (uintptr_t)p < hi && mode[1] == '-' && strstr(line, name);
    }
    fclose(maps);
    return found;
}

START_TEST(plain_matrices_stay_in_the_file) {
    gk_model *m = open_model(FIXTURES "llama-mqa"), *f32 = open_model(FIXTURES "llama"),
             *gpt2 = open_model(FIXTURES "gpt2");
    for (int c = GK_Q; c <= GK_DOWN; c++) {
        gk_tensor t = gk_model_tensor(m, 1, (gk_component)c), u = gk_model_tensor(f32, 1, (gk_component)c);
        if (!gk_config_has(gk_model_config(m), (gk_component)c)) continue;
        ck_assert_msg(
            in_file(gk_component_is_norm((gk_component)c) ? u.w : (const void *)t.h, "model.safetensors"),
            "%s was copied", gk_component_name((gk_component)c));
        ck_assert(in_file(u.w, "model.safetensors"));
    }
    ck_assert(gk_model_tensor(m, -1, GK_HEAD).type == GK_BF16);
    ck_assert(in_file(gk_model_tensor(m, -1, GK_HEAD).h, "model.safetensors"));
    ck_assert(!in_file(gk_model_tensor(gpt2, 0, GK_Q).w, "model.safetensors")); /* stored transposed */
    ck_assert(in_file(gk_model_tensor(gpt2, -1, GK_EMBED).w, "model.safetensors"));
    gk_model_free(m);
    gk_model_free(f32);
    gk_model_free(gpt2);
}
END_TEST

START_TEST(an_opened_model_cannot_be_trained) {
    gk_model *m = open_model(FIXTURES "llama");
    gk_error err = {0};
    gk_session *s = gk_session_new(gk_model_config(m), 4, true, &err);
    int32_t token[] = {1, 2}, target[] = {2, -1}, start[] = {0, 2};
    gk_batch b = {2, 1, token, target, start};
    double loss;
    int64_t n;
    float grad;
    ck_assert(!gk_forward_backward(s, m, &b, &(gk_backprop){.scale = 1, .grad = &grad}, &loss, &n, &err));
    ck_assert_str_eq(err.what, "the model was opened for reading only");
    gk_session_free(s);
    gk_model_free(m);
}
END_TEST

/* ---------------------------------------------------------------- several files */

typedef struct sharded {
    scratch s;
    gk_checkpoint__files from;
} sharded;

static const void *from_file(void *ctx, size_t i, gk_error *err) {
    (void)err;
    return ((const gk_checkpoint__stored *)ctx)[i].data;
}

/* A fixture in two files and an index, as transformers writes large models. */
static sharded shard(const char *fixture, const char *extra) {
    sharded h = {.s = scratch_new()};
    gk_error err = {0};
    char *dir = gk_path_join(h.s.a, FIXTURES, fixture);
    ck_assert(gk_checkpoint__files_folder(dir, &h.from, &err));
    scratch_file(&h.s, "config.json",
                 gk_read_file(h.s.a, gk_path_join(h.s.a, dir, "config.json"), 1 << 16, NULL, &err));
    json_t *map = json_object();
    for (size_t part = 0; part < 2; part++) {
        size_t first = part ? h.from.n / 2 : 0, n = part ? h.from.n - first : h.from.n / 2;
        const char *name = part ? "model-00002-of-00002.safetensors" : "model-00001-of-00002.safetensors";
        gk_safetensors__typed *list = gk_arena_alloc(h.s.a, n * sizeof *list);
        for (size_t i = 0; i < n; i++) {
            const gk_checkpoint__stored *t = &h.from.list[first + i];
            list[i] = (gk_safetensors__typed){.array = {.name = t->name, .n_dims = t->n_dims},
                                              .dtype = t->type_name};
            memcpy(list[i].array.shape, t->shape, sizeof t->shape);
            json_object_set_new(map, t->name, json_string(name));
        }
        ck_assert(gk_safetensors__write(scratch_path(&h.s, name), list, n, NULL, from_file,
                                        &h.from.list[first], &err));
    }
    if (extra) json_object_set_new(map, extra, json_string("model-00001-of-00002.safetensors"));
    json_t *index = json_pack("{s:{s:i}, s:o}", "metadata", "total_size", 1, "weight_map", map);
    ck_assert(gk_json_save(scratch_path(&h.s, "model.safetensors.index.json"), index, &err));
    json_decref(index);
    return h;
}

static void unshard(sharded *h) {
    gk_checkpoint__files_close(&h->from);
    scratch_free(&h->s);
}

START_TEST(several_files_are_one_model) {
    sharded h = shard("neox", NULL);
    gk_model *m = open_model(h.s.dir), *whole = load_model(FIXTURES "neox"), *loaded = load_model(h.s.dir);
    ck_assert_int_eq(
        memcmp(gk_model_data(whole), gk_model_data(loaded), gk_model_floats(whole) * sizeof(float)), 0);
    save(m, scratch_path(&h.s, "one"));
    assert_same_files(FIXTURES "neox", scratch_path(&h.s, "one"));
    gk_model_free(m);
    gk_model_free(whole);
    gk_model_free(loaded);
    unshard(&h);
}
END_TEST

START_TEST(a_part_that_is_gone_or_lacks_a_tensor) {
    gk_error err = {0};
    sharded h = shard("neox", "gpt_neox.nowhere.weight"); /* which no file has, and the model does not need */
    gk_model *m = gk_model_open(h.s.dir, &err);
    ck_assert_ptr_nonnull(m);
    gk_model_free(m);
    unshard(&h);
    h = shard("neox", NULL);
    char *second = scratch_path(&h.s, "model-00002-of-00002.safetensors");
    ck_assert_int_eq(remove(second), 0);
    ck_assert_ptr_null(gk_model_open(h.s.dir, &err));
    assert_error_at(&err, second, ": opening the file failed: No such file");
    unshard(&h);
}
END_TEST

/* The index of a large model takes megabytes. A pipe can be read once. */
START_TEST(an_index_is_read_once) {
    sharded h = shard("neox", NULL);
    gk_error err = {0};
    size_t len;
    char *path = scratch_path(&h.s, "model.safetensors.index.json");
    char *index = gk_read_file(h.s.a, path, 1 << 20, &len, &err);
    ck_assert(index && unlink(path) == 0 && mkfifo(path, 0600) == 0);
    for (int way = 0; way < 2; way++) {
        pid_t writer = fork();
        ck_assert_int_ge(writer, 0);
        if (writer == 0) {
            FILE *f = fopen(path, "wb");
            _exit(f && fwrite(index, 1, len, f) == len && fclose(f) == 0 ? 0 : 1);
        }
        gk_inspection *seen = way ? gk_inspect(h.s.dir, &err) : NULL;
        gk_model *m = way ? NULL : gk_model_open(h.s.dir, &err);
        ck_assert(seen || m);
        ck_assert(waitpid(writer, NULL, 0) == writer);
        gk_inspection_free(seen);
        gk_model_free(m);
    }
    unshard(&h);
}
END_TEST

/* ---------------------------------------------------------------- GGUF */

static const char *const GGUFS[] = {"llama-gqa-biases", "llama-mqa",  "qwen2", "gemma",
                                    "gemma2",           "gpt2-inner", "neox",  "olmo2"};
enum { N_GGUFS = sizeof GGUFS / sizeof *GGUFS };

/* One of the model's arrays: the same in both, but for norms that a file stores as 1 + weight. */
static void same_array(const float *a, const float *b, size_t n, bool rounded) {
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(rounded ? fabsf(a[i] - b[i]) <= 1.3e-7f * (1 + fabsf(a[i])) : a[i] == b[i],
                      "%g and %g at %zu", (double)a[i], (double)b[i], i);
}

/* A GGUF file is the folder that it was made from: configuration and weights. */
START_TEST(gguf_is_the_folder) {
    scratch s = scratch_new();
    gk_model *want = load_model(gk_path_join(s.a, FIXTURES, GGUFS[_i]));
    char *path = gk_arena_printf(s.a, "%s/tests/fixtures/gguf/%s.gguf", GK_SOURCE_DIR, GGUFS[_i]);
    gk_model *got = load_model(path), *mapped = open_model(path);
    gk_config c = *gk_model_config(got), d = *gk_model_config(want);
    /* The file has no member for this; the converter's readers take the head's size. */
    if (d.query_scale != 0) c.query_scale = d.query_scale;
    ck_assert(gk_config_same(&c, &d));
    ck_assert(c.bos_id == d.bos_id && c.eos_id == d.eos_id);
    const gk_param *list;
    size_t n = gk_model_params(want, &list);
    for (size_t i = 0; i < n; i++) {
        gk_tensor a = gk_model_tensor(want, list[i].layer, list[i].comp),
                  b = gk_model_tensor(got, list[i].layer, list[i].comp),
                  m = gk_model_tensor(mapped, list[i].layer, list[i].comp);
        bool rounded = c.norm_offset && gk_component_is_norm(list[i].comp);
        float *from_map = gk_alloc(list[i].count * sizeof *from_map);
        if (!list[i].bias) gk_tensor_floats(m, 0, list[i].count, from_map);
        same_array(list[i].bias ? a.b : a.w, list[i].bias ? b.b : b.w, list[i].count, rounded);
        same_array(list[i].bias ? a.b : a.w, list[i].bias ? m.b : from_map, list[i].count, rounded);
        gk_free(from_map);
    }
    gk_model_free(want);
    gk_model_free(got);
    gk_model_free(mapped);
    scratch_free(&s);
}
END_TEST

START_TEST(gguf_that_is_no_model) {
    gk_error err = {0};
    scratch s = scratch_new();
    char *path = gk_arena_printf(s.a, "%s/tests/fixtures/gguf/llama-mqa.gguf", GK_SOURCE_DIR);
    size_t len;
    char *bytes = gk_read_file(s.a, path, 1 << 20, &len, &err), *at = memmem(bytes, len, "llama", 5);
    memcpy(at, "llamb", 5); /* general.architecture comes first */
    char *bad = scratch_path(&s, "x.gguf");
    ck_assert(gk_write_file(bad, bytes, len, &err));
    ck_assert_ptr_null(gk_model_open(bad, &err));
    gk_error_text(&err, why, sizeof why);
    ck_assert_msg(strstr(why, "the architecture 'llamb' is not supported; supported: llama, qwen2"), "%s",
                  why);
    memcpy(at, "llama", 5);
    char *embed = memmem(bytes, len, "token_embd", 10);
    memcpy(embed, "token_xxxx", 10);
    ck_assert(gk_write_file(bad, bytes, len, &err));
    ck_assert_ptr_null(gk_model_open(bad, &err));
    ck_assert_ptr_nonnull(strstr(err.what, "token_embd.weight is missing"));
    memcpy(embed, "token_embd", 10);
    at = memmem(bytes, len, "blk.1.ffn_up", 12);
    at[4] = '7';
    ck_assert(gk_write_file(bad, bytes, len, &err));
    ck_assert_ptr_null(gk_model_open(bad, &err));
    ck_assert_str_eq(err.field, "blk.1.ffn_up.weight");
    ck_assert_str_eq(err.what, "the tensor is missing");
    scratch_free(&s);
}
END_TEST

int main(void) {
    find_folders();
    Suite *s = suite_create("checkpoints");
    TCase *t = tcase_create("checkpoints");
    tcase_add_loop_test(t, opened_and_saved_is_identical, 0, n_folders);
    tcase_add_loop_test(t, opened_is_loaded, 0, n_folders);
    tcase_add_test(t, plain_matrices_stay_in_the_file);
    tcase_add_test(t, an_opened_model_cannot_be_trained);
    tcase_add_test(t, several_files_are_one_model);
    tcase_add_test(t, a_part_that_is_gone_or_lacks_a_tensor);
    tcase_add_test(t, an_index_is_read_once);
    tcase_add_loop_test(t, gguf_is_the_folder, 0, N_GGUFS);
    tcase_add_test(t, gguf_that_is_no_model);
    suite_add_tcase(s, t);
    int code = run_suite(s);
    free_folders();
    return code;
}
