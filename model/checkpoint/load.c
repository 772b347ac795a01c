/* load.c: a checkpoint's tensors become a model: as one vector of floats that training may write, or mapped,
 * where a matrix stays in the file and takes memory only as it is read. */
#include "graftkit/core/file.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/adapter.h"
#include "model/checkpoint/load.h"
#include "model/checkpoint/unmatched.h"
#include "model/formats/half.h"
#include "model/weights/weights.h"

#include <stdlib.h>
#include <string.h>

typedef struct indexed {
    const char *name; /* bare */
    const gk_checkpoint__stored *stored;
    bool used;
} indexed;

typedef struct model_loader {
    const gk_config *cfg;
    const gk_checkpoint__files *files;
    gk_checkpoint__layout layout;
    gk_checkpoint__slots slots;
    indexed *index; /* the file's tensors, sorted by name */
    bool no_values; /* only what the headers say is looked at */
} model_loader;

/* ---------------------------------------------------------------- matching a file against the slots */

static int by_name(const void *a, const void *b) {
    return strcmp(((const indexed *)a)->name, ((const indexed *)b)->name);
}

static bool make_index(model_loader *l, gk_error *err) {
    size_t n = l->files->n;
    l->index = gk_alloc((n + 1) * sizeof *l->index);
    for (size_t i = 0; i < n; i++)
        l->index[i] = (indexed){.name = gk_checkpoint__bare_name(l->layout.prefix, l->files->list[i].name),
                                .stored = &l->files->list[i]};
    qsort(l->index, n, sizeof *l->index, by_name);
    for (size_t i = 1; i < n; i++)
        if (strcmp(l->index[i - 1].name, l->index[i].name) == 0)
            return gk_fail(err, gk_checkpoint__at(l->index[i].stored), "keep one of the two",
                           "the tensor is there twice, as '%.80s' and as '%.80s'",
                           l->index[i - 1].stored->name, l->index[i].stored->name);
    return true;
}

static indexed *lookup(const model_loader *l, const char *name) {
    indexed key = {.name = gk_checkpoint__bare_name(l->layout.prefix, name)};
    return bsearch(&key, l->index, l->files->n, sizeof *l->index, by_name);
}

static indexed *lookup_head(const model_loader *l) {
    const char *alias = l->layout.head_alias;
    char name[96];
    indexed *found = NULL;
    for (size_t i = 0; i < l->layout.n_rules; i++) {
        if (l->layout.rules[i].part[0] != GK_HEAD) continue;
        gk_checkpoint__slot_name(l->layout.rules[i].name, -1, ".weight", name, sizeof name);
        found = lookup(l, name);
        if (found || !alias) continue;
        gk_checkpoint__slot_name(alias, -1, ".weight", name, sizeof name);
        found = lookup(l, name);
    }
    return found;
}

/* A tied pair may be stored under either name, and the head's under another. */
static indexed *find_slot(const model_loader *l, const gk_checkpoint__slot *s) {
    indexed *found = lookup(l, s->name);
    bool head = s->rule->part[0] == GK_HEAD || (s->rule->part[0] == GK_EMBED && l->cfg->tied);
    return found || !head || s->bias ? found : lookup_head(l);
}

static bool check_stored(const gk_checkpoint__stored *t, const int64_t *shape, int n_dims, gk_error *err) {
    char want[96], have[96], hint[192];
    if (!t->type) {
        snprintf(hint, sizeof hint, "models are read from %s", gk_quant__list());
        return gk_fail(err, gk_checkpoint__at(t), hint, "the tensor's type is %.20s", t->type_name);
    }
    if (t->n_dims != n_dims || memcmp(t->shape, shape, (size_t)n_dims * sizeof *shape) != 0) {
        snprintf(hint, sizeof hint, "the configuration asks for %s",
                 gk_checkpoint__shape_text(shape, n_dims, want, sizeof want));
        return gk_fail(err, gk_checkpoint__at(t), hint, "the tensor's shape is %s",
                       gk_checkpoint__shape_text(t->shape, t->n_dims, have, sizeof have));
    }
    if (shape[n_dims - 1] % t->type->block != 0)
        return gk_fail(err, gk_checkpoint__at(t), NULL, "rows of %lld values do not fill blocks of %u",
                       (long long)shape[n_dims - 1], t->type->block);
    return true;
}

static bool match_slots(model_loader *l, gk_error *err) {
    for (size_t i = 0; i < l->slots.n; i++) {
        gk_checkpoint__slot *s = &l->slots.list[i];
        indexed *found = find_slot(l, s);
        if (!found) return gk_checkpoint__missing(&l->layout, l->files, s, err);
        if (!check_stored(found->stored, s->shape, s->n_dims, err)) return false;
        found->used = true;
        s->stored = found->stored;
    }
    return true;
}

/* Whether two tensors of one shape hold equal values, whatever their types. */
static bool same_values(const gk_checkpoint__stored *a, const gk_checkpoint__stored *b) {
    if (a->type == b->type) return memcmp(a->data, b->data, a->bytes) == 0;
    enum { ROWS = 8 };
    size_t in = (size_t)a->shape[1], n = ROWS * in;
    float *x = gk_alloc(2 * n * sizeof *x);
    bool same = true;
    for (size_t row = 0; same && row < (size_t)a->shape[0]; row += ROWS) {
        size_t rows = (size_t)a->shape[0] - row < ROWS ? (size_t)a->shape[0] - row : ROWS;
        const gk_checkpoint__stored *of[2] = {a, b};
        for (int i = 0; i < 2; i++)
            gk_quant__dequantise(of[i]->type,
                                 of[i]->data + row * in / of[i]->type->block * of[i]->type->bytes,
                                 x + (size_t)i * n, rows * in);
        for (size_t i = 0; same && i < rows * in; i++) same = x[i] >= x[n + i] && x[i] <= x[n + i];
    }
    gk_free(x);
    return same;
}

/* Some writers store the head of a tied model too; it must then be the embedding. */
static bool match_tied_head(model_loader *l, gk_error *err) {
    indexed *head = lookup_head(l);
    if (!l->cfg->tied || !head || head->used) return true;
    const gk_checkpoint__stored *embed = NULL;
    for (size_t i = 0; i < l->slots.n; i++)
        if (l->slots.list[i].rule->part[0] == GK_EMBED) embed = l->slots.list[i].stored;
    head->used = true;
    if (!embed || !check_stored(head->stored, embed->shape, 2, err)) return embed == NULL;
    if (l->no_values) return true;
    bool same = same_values(head->stored, embed);
    gk_map_forget(head->stored->data, head->stored->bytes);
    if (same) return true;
    return gk_fail(err, gk_checkpoint__at(head->stored),
                   "set tie_word_embeddings to false, or drop this tensor",
                   "config.json ties the head to the embedding, but they differ");
}

static bool check_rest(const model_loader *l, gk_error *err) {
    const gk_checkpoint__stored **rest = gk_alloc((l->files->n + 1) * sizeof *rest);
    size_t n = 0;
    for (size_t i = 0; i < l->files->n; i++)
        if (!l->index[i].used) rest[n++] = l->index[i].stored;
    bool ok = gk_checkpoint__unmatched(l->cfg, &l->layout, rest, n, err);
    gk_free(rest);
    return ok;
}

/* ---------------------------------------------------------------- values */

#define ROW_GRAIN 64

typedef struct read_job {
    const model_loader *l;
    const gk_checkpoint__slot *s;
    int part, before;
    float *out;     /* [rows x in], or NULL: */
    uint16_t *half; /* the same in the tensor's own 16-bit type */
} read_job;

/* Rows [r0, r1) of a part as floats. */
static void read_rows(const read_job *j, int r0, int r1, float *out) {
    const gk_checkpoint__slot *s = j->s;
    const gk_quant__type *q = s->stored->type;
    size_t in = (size_t)s->in, n = (size_t)(r1 - r0);
    if (gk_checkpoint__slot_transposed(s)) { /* no blocks: each file row has a run of the part's columns */
        float run[ROW_GRAIN];
        for (size_t i = 0; i < in; i++) {
            size_t at = i * (size_t)s->out + (size_t)(j->before + r0);
            gk_quant__dequantise(q, s->stored->data + at * q->bytes, run, n);
            for (size_t r = 0; r < n; r++) out[r * in + i] = run[r];
        }
        return;
    }
    size_t row_bytes = in * q->bytes / q->block;
    if (gk_checkpoint__slot_plain(s)) {
        gk_quant__dequantise(q, s->stored->data + (size_t)r0 * row_bytes, out, n * in);
        return;
    }
    for (size_t r = 0; r < n; r++) {
        size_t row = gk_checkpoint__slot_row(j->l->cfg, s, j->part, j->before, r0 + (int)r);
        gk_quant__dequantise(q, s->stored->data + row * row_bytes, out + r * in, in);
    }
}

static void read_range(void *ctx, size_t begin, size_t end) {
    const read_job *j = ctx;
    size_t in = (size_t)j->s->in;
    float *to = j->half ? gk_alloc((end - begin) * in * sizeof *to) : j->out + begin * in;
    read_rows(j, (int)begin, (int)end, to);
    if (j->l->layout.norms_plus_one && gk_component_is_norm(j->s->rule->part[0]))
        for (size_t i = 0; i < (end - begin) * in; i++) to[i] -= 1.0f;
    if (!j->half) return;
    if (j->s->stored->type->id == GK_QUANT__F16)
        gk_half__f32_to_f16(to, j->half + begin * in, (end - begin) * in);
    else
        gk_half__f32_to_bf16(to, j->half + begin * in, (end - begin) * in);
    gk_free(to);
}

static void read_part(const model_loader *l, const gk_checkpoint__slot *s, int part, int before, int rows,
                      float *out, uint16_t *half) {
    read_job j = {.l = l, .s = s, .part = part, .before = before, .out = out, .half = half};
    gk_parallel_for((size_t)rows, ROW_GRAIN, read_range, &j);
}

/* The index of the first NaN or infinity, or n. */
static size_t find_nonfinite(const float *x, size_t n) {
    enum { BLOCK = 4096 };
    for (size_t b = 0; b < n; b += BLOCK) {
        size_t end = n - b < BLOCK ? n : b + BLOCK;
        uint32_t bad = 0, bits;
        for (size_t i = b; i < end; i++) {
            memcpy(&bits, &x[i], sizeof bits);
            bad |= (bits & 0x7F800000u) == 0x7F800000u ? 1 : 0;
        }
        for (size_t i = b; bad && i < end; i++) {
            memcpy(&bits, &x[i], sizeof bits);
            if ((bits & 0x7F800000u) == 0x7F800000u) return i;
        }
    }
    return n;
}

/* Says which value of the file it is: the part's row and column, back to the place in the tensor. */
static bool check_finite(const model_loader *l, const gk_checkpoint__slot *s, int part, int before,
                         const float *x, size_t n, gk_error *err) {
    size_t i = find_nonfinite(x, n), in = (size_t)s->in;
    if (i == n) return true;
    size_t row = gk_checkpoint__slot_row(l->cfg, s, part, before, (int)(i / in)), at = row * in + i % in;
    if (gk_checkpoint__slot_transposed(s)) at = i % in * (size_t)s->out + row;
    gk_place place = gk_checkpoint__at(s->stored);
    place.byte += at / s->stored->type->block * s->stored->type->bytes;
    return gk_fail(err, place, "every weight must be a finite number", "the value at index %zu is %s", at,
                   x[i] != x[i] ? "NaN" : "infinite");
}

/* ---------------------------------------------------------------- for training: one vector */

static bool fill_vector(const model_loader *l, gk_model *m, gk_error *err) {
    for (size_t i = 0; i < l->slots.n; i++) {
        const gk_checkpoint__slot *s = &l->slots.list[i];
        int before = 0;
        for (int p = 0; p < s->rule->n_parts; p++) {
            gk_tensor t = gk_model_tensor(m, s->layer, s->rule->part[p]);
            float *to = m->data + ((s->bias ? t.b : t.w) - m->data);
            read_part(l, s, p, before, t.out, to, NULL);
            if (!check_finite(l, s, p, before, to, (size_t)t.out * (size_t)s->in, err)) return false;
            before += t.out;
        }
        gk_map_forget(s->stored->data, s->stored->bytes);
    }
    return true;
}

/* ---------------------------------------------------------------- for evaluation: mapped where it can be */

bool gk_checkpoint__slot_in_place(const gk_checkpoint__slot *s, const gk_checkpoint__layout *layout) {
    uint32_t type = s->stored->type->id;
    bool half = type == GK_QUANT__F16 || type == GK_QUANT__BF16;
    if (!gk_checkpoint__slot_plain(s) || (type != GK_QUANT__F32 && !(half && s->n_dims == 2))) return false;
    if ((uintptr_t)s->stored->data % s->stored->type->bytes != 0) return false;
    return !(layout->norms_plus_one && gk_component_is_norm(s->rule->part[0]));
}

static gk_dtype dtype_of(const gk_checkpoint__stored *t) {
    return t->type->id == GK_QUANT__F16 ? GK_F16 : t->type->id == GK_QUANT__BF16 ? GK_BF16 : GK_F32;
}

gk_dtype gk_checkpoint__slot_dtype(const gk_checkpoint__slot *s) {
    return s->n_dims == 2 ? dtype_of(s->stored) : GK_F32;
}

/* The file's own bytes, where they are what the operators read. */
static bool view(const gk_checkpoint__slot *s, const gk_checkpoint__layout *layout, gk_tensor *t) {
    const void *at = s->stored->data;
    if (!gk_checkpoint__slot_in_place(s, layout)) return false;
    if (s->bias)
        t->b = at;
    else if (gk_checkpoint__slot_dtype(s) == GK_F32)
        t->w = at;
    else
        t->h = at;
    return true;
}

/* Quantised rows, where they stand in the file or, where a layout has them in another order, copied. */
static bool keep_blocks(const model_loader *l, gk_model *m, const gk_checkpoint__slot *s, int part,
                        int before, gk_tensor *t) {
    const gk_quant__type *q = s->stored->type;
    if (!m->stored || q->block == 1 || s->n_dims != 2 || s->bias || gk_checkpoint__slot_transposed(s))
        return false;
    size_t row = (size_t)s->in / q->block * q->bytes;
    t->blocks = q;
    if (gk_checkpoint__slot_plain(s)) {
        t->q = s->stored->data;
        return true;
    }
    uint8_t *p = gk_try_alloc((size_t)t->out * row);
    if (!p) return false;
    m->own[m->n_own++] = p;
    t->q = p;
    for (int r = 0; r < t->out; r++)
        memcpy(p + (size_t)r * row,
               s->stored->data + gk_checkpoint__slot_row(l->cfg, s, part, before, r) * row, row);
    return true;
}

static bool own(const model_loader *l, gk_model *m, const gk_checkpoint__slot *s, int part, int before,
                gk_tensor *t, gk_error *err) {
    gk_dtype type = gk_checkpoint__slot_dtype(s);
    size_t n = (size_t)t->out * (size_t)s->in;
    void *p = gk_try_alloc(n * (type == GK_F32 ? sizeof(float) : sizeof(uint16_t)));
    if (!p)
        return gk_fail(err, gk_checkpoint__at(s->stored), "a machine with more memory",
                       "not enough memory for it");
    m->own[m->n_own++] = p;
    read_part(l, s, part, before, t->out, type == GK_F32 ? p : NULL, type == GK_F32 ? NULL : p);
    if (s->bias)
        t->b = p;
    else if (type == GK_F32)
        t->w = p;
    else
        t->h = p;
    return true;
}

static bool fill_mapped(const model_loader *l, gk_model *m, gk_error *err) {
    size_t n_vectors = 0;
    m->own = gk_alloc(3 * l->slots.n * sizeof *m->own);
    for (size_t i = 0; i < l->slots.n; i++) {
        const gk_checkpoint__slot *s = &l->slots.list[i];
        if (s->n_dims == 1) {
            bool other = n_vectors++ && m->vector_type != dtype_of(s->stored);
            m->vector_type = other ? GK_F32 : dtype_of(s->stored);
        }
        int before = 0;
        for (int p = 0; p < s->rule->n_parts; p++) {
            gk_tensor *t = gk_weights__tensor(m, s->layer, s->rule->part[p]);
            t->out = gk_checkpoint__slot_part_rows(l->cfg, s, p);
            if (!s->bias) {
                t->in = s->in;
                t->type = gk_checkpoint__slot_dtype(s);
            }
            if (!view(s, &l->layout, t) && !keep_blocks(l, m, s, p, before, t) &&
                !own(l, m, s, p, before, t, err))
                return false;
            before += t->out;
        }
        bool kept = gk_weights__tensor(m, s->layer, s->rule->part[0])->q == s->stored->data;
        if (!kept && !gk_checkpoint__slot_in_place(s, &l->layout))
            gk_map_forget(s->stored->data, s->stored->bytes);
    }
    if (l->cfg->tied) m->outer[GK_HEAD] = m->outer[GK_EMBED];
    return true;
}

/* ---------------------------------------------------------------- opening */

static bool match(model_loader *l, gk_error *err) {
    l->slots = gk_checkpoint__slots_make(l->cfg, &l->layout);
    bool ok = make_index(l, err) && match_slots(l, err) && match_tied_head(l, err) && check_rest(l, err);
    gk_free(l->index);
    l->index = NULL;
    if (ok) return true;
    gk_free(l->slots.list);
    return false;
}

/* Memory is taken only once every tensor has been found in the file. */
static gk_model *make(model_loader *l, gk_checkpoint__way way, gk_error *err) {
    if (!match(l, err)) return NULL;
    bool mapped = way != GK_CHECKPOINT__VECTOR;
    gk_model *m = mapped ? gk_weights__hollow(l->cfg) : gk_model_blank(l->cfg, err);
    if (m) m->stored = way == GK_CHECKPOINT__STORED;
    if (m && !(mapped ? fill_mapped(l, m, err) : fill_vector(l, m, err))) {
        gk_model_free(m);
        m = NULL;
    }
    gk_free(l->slots.list);
    return m;
}

/* transformers puts an adapter that stands beside a model upon it. */
static bool stands_alone(const char *path, gk_arena *a, gk_error *err) {
    bool adapter = gk_exists(gk_path_join(a, path, "adapter_config.json")) &&
                   (gk_exists(gk_path_join(a, path, "adapter_model.safetensors")) ||
                    gk_exists(gk_path_join(a, path, "adapter_model.bin")));
    return !adapter || gk_fail(err, GK_AT_FILE(path),
                               "move the adapter into a folder of its own, and name the one that is meant",
                               "the folder holds a model and an adapter (adapter_config.json)");
}

/* The configuration and the tensors at `path`, and how the one asks for the others. */
static bool open_files(const char *path, gk_checkpoint__files *files, gk_config *c,
                       gk_checkpoint__layout *layout, gk_error *err) {
    bool gguf = gk_checkpoint__is_file(path), ok;
    if (gk_is_adapter(path)) { /* gk_inspect: the openers have been to its base */
        ok = gk_fail(err, GK_AT_FILE(path), "name its base, or merge them first: graftkit merge",
                     "the folder holds an adapter, not a model");
    } else if (gguf && gk_exists(path) && !gk_gguf_is(path)) {
        ok = gk_fail(err, GK_AT_FILE(path), "name a Hugging Face folder, or a GGUF file",
                     "a model cannot be read from this file");
    } else if (gguf) {
        ok = gk_checkpoint__files_gguf(path, files, c, layout, err);
    } else {
        gk_arena *a = gk_arena_new();
        ok = stands_alone(path, a, err) && gk_config__load(gk_path_join(a, path, "config.json"), c, err) &&
             gk_config__generation_load(path, c, err) && gk_checkpoint__files_folder(path, files, err);
        if (ok) *layout = gk_checkpoint__layout_hf(c->family);
        gk_arena_free(a);
    }
    return ok;
}

static void close_files(gk_checkpoint__files *files) {
    gk_checkpoint__files_close(files);
    gk_free(files);
}

gk_model *gk_checkpoint__load(const char *path, gk_checkpoint__way way, gk_error *err) {
    gk_config c;
    gk_checkpoint__files *files = gk_alloc(sizeof *files);
    model_loader l = {.cfg = &c, .files = files};
    gk_model *m = open_files(path, files, &c, &l.layout, err) ? make(&l, way, err) : NULL;
    if (m && way != GK_CHECKPOINT__VECTOR) {
        m->files = files;
        m->close_files = close_files;
    } else {
        close_files(files);
    }
    if (!m || gk_checkpoint__is_file(path) || gk_config__pass_through_load(path, &m->kept, err)) return m;
    gk_model_free(m);
    return NULL;
}

bool gk_checkpoint__survey_open(const char *path, gk_checkpoint__survey *out, gk_error *err) {
    *out = (gk_checkpoint__survey){0};
    if (!open_files(path, &out->files, &out->cfg, &out->layout, err)) return false;
    model_loader l = {.cfg = &out->cfg, .files = &out->files, .layout = out->layout, .no_values = true};
    if (match(&l, err)) {
        out->slots = l.slots;
        return true;
    }
    gk_checkpoint__files_close(&out->files);
    return false;
}

void gk_checkpoint__survey_close(gk_checkpoint__survey *s) {
    gk_free(s->slots.list);
    gk_checkpoint__files_close(&s->files);
}
