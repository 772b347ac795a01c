/* modules: train model tokenizer core
 *
 * test_inspect.c: what the headers of a checkpoint say, against the model that is then opened from it. */
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "graftkit/train/optimizer.h"
#include "graftkit/train/recipe.h"
#include "graftkit/train/training.h"
#include "model/checkpoint/files.h"
#include "model/weights/weights.h"
#include "tests/support/fixture_models.h"
#include "tests/support/scratch.h"

#include <jansson.h>
#include <malloc.h>
#include <sys/resource.h>

static char why[2048];

static gk_inspection *inspect(const char *path) {
    gk_error err = {0};
    gk_inspection *in = gk_inspect(path, &err);
    ck_assert_msg(in != NULL, "%s", gk_error_text(&err, why, sizeof why));
    return in;
}

/* ---------------------------------------------------------------- every family and type */

START_TEST(counts_are_the_models) {
    gk_inspection *in = inspect(FOLDERS[_i]);
    gk_model *m = gk_model_load(FOLDERS[_i], NULL);
    ck_assert(gk_config_same(&in->config, gk_model_config(m)));
    ck_assert_uint_eq(in->params, gk_model_count(m));
    ck_assert_uint_eq(in->vector_floats, gk_model_floats(m));
    size_t comp[GK_N_COMPONENTS] = {0}, by_type = 0;
    const gk_param *list;
    size_t n = gk_model_params(m, &list);
    for (size_t i = 0; i < n; i++) comp[list[i].comp] += list[i].count;
    for (int i = 0; i < GK_N_COMPONENTS; i++) ck_assert_uint_eq(in->comp[i].params, comp[i]);
    for (size_t i = 0; i < in->n_types; i++) by_type += in->type[i].params;
    ck_assert_uint_eq(by_type, in->params);
    gk_model_free(m);
    gk_inspection_free(in);
}
END_TEST

static bool in_files(const gk_checkpoint__files *f, const void *p) {
    for (size_t i = 0; i < f->n; i++)
        if ((const uint8_t *)p >= f->list[i].data && (const uint8_t *)p < f->list[i].data + f->list[i].bytes)
            return true;
    return false;
}

/* What is said to be mapped and to be unpacked is where the opened model's pointers lead. */
START_TEST(memory_is_the_opened_models) {
    gk_inspection *in = inspect(FOLDERS[_i]);
    gk_model *m = gk_model_open(FOLDERS[_i], NULL), *shape = gk_model_load(FOLDERS[_i], NULL);
    const gk_param *list;
    size_t n = gk_model_params(shape, &list), mapped = 0, unpacked = 0;
    for (size_t i = 0; i < n; i++) {
        gk_tensor t = gk_model_tensor(m, list[i].layer, list[i].comp);
        const void *at = list[i].bias ? (const void *)t.b : t.w ? (const void *)t.w : (const void *)t.h;
        size_t bytes = list[i].count * (list[i].bias || t.w ? sizeof(float) : sizeof(uint16_t));
        *(in_files(m->files, at) ? &mapped : &unpacked) += bytes;
    }
    ck_assert_uint_eq(in->mapped_bytes, mapped);
    ck_assert_uint_eq(in->unpacked_bytes, unpacked);
    gk_model_free(m);
    gk_model_free(shape);
    gk_inspection_free(in);
}
END_TEST

/* The bytes at the place that is named are the tensor's. */
START_TEST(places_are_right) {
    gk_inspection *in = inspect(FOLDERS[_i]);
    gk_checkpoint__files f;
    ck_assert(gk_checkpoint__files_folder(FOLDERS[_i], &f, NULL));
    ck_assert_uint_eq(in->n_tensors, f.n);
    uint64_t sum = 0;
    for (size_t i = 0; i < f.n; i++) {
        const gk_tensor_info *t = &in->tensor[i];
        ck_assert_str_eq(t->name, f.list[i].name);
        size_t values = 1;
        for (int d = 0; d < t->n_dims; d++) values *= (size_t)t->shape[d];
        ck_assert_uint_eq(t->bytes, values * f.list[i].type->bytes);
        uint8_t *bytes = malloc(t->bytes);
        FILE *file = fopen(t->file, "rb");
        ck_assert(file && fseek(file, (long)t->offset, SEEK_SET) == 0);
        ck_assert_uint_eq(fread(bytes, 1, t->bytes, file), t->bytes);
        ck_assert_int_eq(memcmp(bytes, f.list[i].data, t->bytes), 0);
        fclose(file);
        free(bytes);
        sum += t->n_parts ? t->bytes : 0;
    }
    ck_assert_uint_eq(in->param_bytes, sum);
    ck_assert_uint_gt(in->file_bytes, in->param_bytes);
    gk_checkpoint__files_close(&f);
    gk_inspection_free(in);
}
END_TEST

/* ---------------------------------------------------------------- without reading values */

static void add_tensor(json_t *header, const char *name, int64_t rows, int64_t columns, int64_t *at) {
    int64_t bytes = 2 * rows * (columns ? columns : 1);
    json_t *shape = columns ? json_pack("[I, I]", (json_int_t)rows, (json_int_t)columns)
                            : json_pack("[I]", (json_int_t)rows);
    json_object_set_new(header, name,
                        json_pack("{s:s, s:o, s:[I, I]}", "dtype", "BF16", "shape", shape, "data_offsets",
                                  (json_int_t)*at, (json_int_t)(*at + bytes)));
    *at += bytes;
}

/* A llama of 5 GB whose files are a header and a hole. */
static void write_hollow(scratch *s) {
    enum { D = 4096, F = 11008, V = 32000, LAYERS = 12 };
    scratch_file(s, "config.json",
                 "{\"model_type\": \"llama\", \"vocab_size\": 32000, \"hidden_size\": 4096, "
                 "\"intermediate_size\": 11008, \"num_hidden_layers\": 12, \"num_attention_heads\": 32, "
                 "\"max_position_embeddings\": 4096, \"rms_norm_eps\": 1e-5, \"rope_theta\": 10000.0, "
                 "\"bos_token_id\": 1, \"eos_token_id\": 2}");
    static const struct {
        const char *name;
        int rows, columns;
    } layer[] = {{"input_layernorm", D, 0},  {"post_attention_layernorm", D, 0},
                 {"self_attn.q_proj", D, D}, {"self_attn.k_proj", D, D},
                 {"self_attn.v_proj", D, D}, {"self_attn.o_proj", D, D},
                 {"mlp.gate_proj", F, D},    {"mlp.up_proj", F, D},
                 {"mlp.down_proj", D, F}};
    json_t *header = json_object();
    int64_t at = 0;
    add_tensor(header, "model.embed_tokens.weight", V, D, &at);
    for (int l = 0; l < LAYERS; l++)
        for (size_t i = 0; i < sizeof layer / sizeof *layer; i++)
            add_tensor(header, gk_arena_printf(s->a, "model.layers.%d.%s.weight", l, layer[i].name),
                       layer[i].rows, layer[i].columns, &at);
    add_tensor(header, "model.norm.weight", D, 0, &at);
    add_tensor(header, "lm_head.weight", V, D, &at);
    char *text = json_dumps(header, JSON_COMPACT);
    uint64_t len = strlen(text);
    FILE *f = fopen(scratch_path(s, "model.safetensors"), "wb");
    ck_assert(f && fwrite(&len, 8, 1, f) == 1 && fwrite(text, 1, len, f) == len && fflush(f) == 0);
    ck_assert_int_eq(ftruncate(fileno(f), (off_t)(8 + len) + at), 0);
    fclose(f);
    free(text);
    json_decref(header);
}

START_TEST(a_large_model_is_not_read) {
    scratch s = scratch_new();
    write_hollow(&s);
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    gk_inspection *in = inspect(s.dir);
    getrusage(RUSAGE_SELF, &after);
    ck_assert_uint_gt(in->file_bytes, 5000000000u);
    ck_assert_uint_eq(in->params, 2690748416u); /* 2 V D + 12 (4 D D + 3 D F + 2 D) + D */
    ck_assert_uint_gt(in->mapped_bytes, 5000000000u);
    ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 8 << 10); /* KiB */
    gk_inspection_free(in);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- bad input, memory of training */

START_TEST(errors_are_the_loaders) {
    scratch s = scratch_new();
    gk_error err = {0};
    ck_assert_ptr_null(gk_inspect(s.dir, &err));
    assert_error_at(&err, scratch_path(&s, "config.json"), ": opening the file failed: No such file");
    char *config = gk_read_file(s.a, FIXTURES "llama/config.json", 1 << 16, NULL, &err);
    scratch_file(&s, "config.json", config);
    ck_assert_ptr_null(gk_inspect(s.dir, &err));
    assert_error_at(&err, scratch_path(&s, "model.safetensors"), ": opening the file failed: No such file");
    ck_assert_int_eq(symlink(FIXTURES "gpt2/model.safetensors", scratch_path(&s, "model.safetensors")), 0);
    gk_error loading = {0};
    ck_assert_ptr_null(gk_inspect(s.dir, &err));
    ck_assert_ptr_null(gk_model_open(s.dir, &loading));
    assert_error(&err, gk_error_text(&loading, why, sizeof why));
    ck_assert_ptr_nonnull(strstr(why, "the tensor is missing"));
    scratch_free(&s);
}
END_TEST

/* The allocator's own count of what a run takes. Sanitizers' allocators do not count. */
START_TEST(training_takes_what_is_said) {
    gk_config c;
    gk_recipe r;
    gk_error err = {0};
    gk_config_default(gk_family_find("llama"), 2000, &c);
    gk_recipe_default(&r);
    r.rows = 512;
    struct mallinfo2 before = mallinfo2();
    gk_model *m = gk_model_new(&c, 1, &err);
    const gk_param *list;
    size_t n = gk_model_params(m, &list), floats = gk_model_floats(m);
    gk_adamw *adam = gk_adamw_new(list, n, floats, &r.adam, NULL, &err);
    float *grad = gk_alloc(floats * sizeof *grad);
    gk_session *s = gk_session_new(&c, (int)r.rows, true, &err);
    struct mallinfo2 after = mallinfo2();
    double want = (double)gk_train_bytes(&r, &c, floats);
    double have = (double)(after.uordblks + after.hblkhd) - (double)(before.uordblks + before.hblkhd);
    if (after.uordblks != 0) ck_assert_double_eq_tol(have / want, 1, 0.02);
    r.keep_best = true;
    ck_assert_double_eq((double)gk_train_bytes(&r, &c, floats) - want, (double)(floats * sizeof(float)));
    gk_session_free(s);
    gk_free(grad);
    gk_adamw_free(adam);
    gk_model_free(m);
}
END_TEST

int main(void) {
    find_folders();
    Suite *s = suite_create("inspect");
    TCase *t = tcase_create("inspect");
    tcase_add_loop_test(t, counts_are_the_models, 0, n_folders);
    tcase_add_loop_test(t, memory_is_the_opened_models, 0, n_folders);
    tcase_add_loop_test(t, places_are_right, 0, n_folders);
    tcase_add_test(t, a_large_model_is_not_read);
    tcase_add_test(t, errors_are_the_loaders);
    tcase_add_test(t, training_takes_what_is_said);
    suite_add_tcase(s, t);
    int code = run_suite(s);
    free_folders();
    return code;
}
