/* hf.c: a model as a Hugging Face folder. The family's rules turn into slots, one for each tensor of the
 * file: its name and shape, and the components whose rows it holds. Loading and saving walk the same slots.
 */
#include "model/family.h"
#include "model/safetensors.h"

#include <stdlib.h>
#include <string.h>

typedef struct slot {
    char name[96];
    const gk__rule *rule;
    int layer; /* -1: outside the layers */
    bool bias;
    int out, in; /* of all parts together; in is 1 for a bias or norm */
    int64_t shape[2];
    int n_dims;
    const gk__entry *entry; /* when loading */
} slot;

typedef struct slots {
    const gk_config *cfg;
    slot *list;
    size_t n;
} slots;

/* ---------------------------------------------------------------- names */

/* Writes `pattern` with '#' as the layer's number, then `suffix`. */
static void make_name(const char *pattern, int layer, const char *suffix, char *out, size_t size) {
    const char *mark = strchr(pattern, '#');
    if (mark)
        snprintf(out, size, "%.*s%d%s%s", (int)(mark - pattern), pattern, layer, mark + 1, suffix);
    else
        snprintf(out, size, "%s%s", pattern, suffix);
}

static bool matches(const char *pattern, const char *name) {
    for (; *pattern; pattern++) {
        if (*pattern != '#') {
            if (*name++ != *pattern) return false;
            continue;
        }
        size_t digits = strspn(name, "0123456789");
        if (digits == 0) return false;
        name += digits;
    }
    return *name == '\0';
}

/* The name without the part that some files leave out. */
static const char *bare(const gk_family *f, const char *name) {
    size_t len = f->prefix ? strlen(f->prefix) : 0;
    return len && strncmp(name, f->prefix, len) == 0 ? name + len : name;
}

static bool is_buffer(const gk_family *f, const char *name) {
    for (const char *const *b = f->buffers; *b; b++)
        if (matches(bare(f, *b), bare(f, name))) return true;
    return false;
}

/* ---------------------------------------------------------------- slots */

static void add_slot(slots *s, const gk__rule *r, int layer, bool bias) {
    slot *t = &s->list[s->n];
    *t = (slot){.rule = r, .layer = layer, .bias = bias};
    for (int p = 0; p < r->n_parts; p++) {
        int out, in;
        if (!gk__component_shape(s->cfg, r->part[p], &out, &in)) return;
        if (bias && !gk__component_biased(s->cfg, r->part[p])) return;
        t->out += out;
        t->in = bias ? 1 : in;
    }
    bool vector = bias || gk_component_is_norm(r->part[0]);
    t->n_dims = vector ? 1 : 2;
    t->shape[0] = r->transposed && !vector ? t->in : t->out;
    t->shape[1] = r->transposed && !vector ? t->out : t->in;
    make_name(r->name, layer, bias ? ".bias" : ".weight", t->name, sizeof t->name);
    s->n++;
}

static bool in_layer(const gk__rule *r) {
    return gk_component_in_layer(r->part[0]);
}

/* Every tensor of the model in file order; what the rules say first, the layers, the rest. */
static slots make_slots(const gk_config *c) {
    const gk_family *f = c->family;
    slots s = {.cfg = c, .list = gk_alloc(2 * f->n_rules * (size_t)c->n_layers * sizeof *s.list)};
    size_t begin = 0, end;
    while (begin < f->n_rules) {
        /* A run of rules of one kind; a run of layer rules is repeated for every layer. */
        for (end = begin; end < f->n_rules && in_layer(&f->rules[end]) == in_layer(&f->rules[begin]);) end++;
        bool layered = in_layer(&f->rules[begin]);
        for (int layer = layered ? 0 : -1; layer < (layered ? c->n_layers : 0); layer++)
            for (size_t r = begin; r < end; r++) {
                add_slot(&s, &f->rules[r], layer, false);
                add_slot(&s, &f->rules[r], layer, true);
            }
        begin = end;
    }
    return s;
}

/* ---------------------------------------------------------------- between file and model */

/* dst [cols x rows] = src [rows x cols] transposed, in blocks so that neither side strides through memory. */
static void transpose(int rows, int cols, const float *src, int lds, float *dst, int ldd) {
    enum { BLOCK = 32 };
    for (int r0 = 0; r0 < rows; r0 += BLOCK)
        for (int c0 = 0; c0 < cols; c0 += BLOCK)
            for (int r = r0; r < rows && r < r0 + BLOCK; r++)
                for (int c = c0; c < cols && c < c0 + BLOCK; c++)
                    dst[(size_t)c * (size_t)ldd + (size_t)r] = src[(size_t)r * (size_t)lds + (size_t)c];
}

static bool is_transposed(const slot *s) {
    return s->rule->transposed && s->n_dims == 2;
}

/* The model's array for one part of a slot, of *out rows. */
static const float *part_of(const gk_model *m, const slot *s, int part, int *out) {
    gk_tensor t = gk_model_tensor(m, s->layer, s->rule->part[part]);
    *out = t.out;
    return s->bias ? t.b : t.w;
}

/* The row of the file's tensor where row `r` of part `p`, of `out` rows, stands; `before` rows of earlier
 * parts. */
static size_t file_row(const gk_config *c, const slot *s, int p, int before, int r) {
    if (!s->rule->by_head) return (size_t)(before + r);
    int head = r / c->head_dim;
    return (size_t)((head * s->rule->n_parts + p) * c->head_dim + r % c->head_dim);
}

static void read_slot(gk_model *m, const slot *s, const float *file) {
    int row = 0, out;
    size_t in = (size_t)s->in;
    for (int p = 0; p < s->rule->n_parts; p++, row += out) {
        float *w = gk_model_data(m) + (part_of(m, s, p, &out) - gk_model_data(m));
        if (is_transposed(s))
            transpose(s->in, out, file + row, s->out, w, s->in);
        else
            for (int r = 0; r < out; r++)
                memcpy(w + (size_t)r * in, file + file_row(gk_model_config(m), s, p, row, r) * in,
                       in * sizeof *w);
    }
}

static void write_slot(const gk_model *m, const slot *s, float *file) {
    int row = 0, out;
    size_t in = (size_t)s->in;
    for (int p = 0; p < s->rule->n_parts; p++, row += out) {
        const float *w = part_of(m, s, p, &out);
        if (is_transposed(s))
            transpose(out, s->in, w, s->in, file + row, s->out);
        else
            for (int r = 0; r < out; r++)
                memcpy(file + file_row(gk_model_config(m), s, p, row, r) * in, w + (size_t)r * in,
                       in * sizeof *w);
    }
}

/* ---------------------------------------------------------------- matching a file against the slots */

typedef struct indexed {
    const char *name; /* bare */
    const gk__entry *entry;
    bool used;
} indexed;

typedef struct loader {
    const char *path;
    const gk_config *cfg;
    slots slots;
    indexed *index; /* the file's tensors, sorted by name */
    size_t n_index;
} loader;

static int by_name(const void *a, const void *b) {
    return strcmp(((const indexed *)a)->name, ((const indexed *)b)->name);
}

static gk_place at_entry(const loader *l, const gk__entry *e) {
    return (gk_place){.file = l->path, .has_byte = true, .byte = e->begin, .field = e->array.name};
}

static bool make_index(loader *l, const gk_safetensors *file, gk_error *err) {
    const gk__entry *all;
    l->n_index = gk__safetensors_entries(file, &all);
    l->index = gk_alloc((l->n_index + 1) * sizeof *l->index);
    for (size_t i = 0; i < l->n_index; i++)
        l->index[i] = (indexed){.name = bare(l->cfg->family, all[i].array.name), .entry = &all[i]};
    qsort(l->index, l->n_index, sizeof *l->index, by_name);
    for (size_t i = 1; i < l->n_index; i++)
        if (strcmp(l->index[i - 1].name, l->index[i].name) == 0)
            return gk_fail(err, at_entry(l, l->index[i].entry), "keep one of the two",
                           "the tensor is there twice, as '%.80s' and as '%.80s'",
                           l->index[i - 1].entry->array.name, l->index[i].entry->array.name);
    return true;
}

static indexed *lookup(const loader *l, const char *name) {
    indexed key = {.name = bare(l->cfg->family, name)};
    return bsearch(&key, l->index, l->n_index, sizeof *l->index, by_name);
}

static char *shape_text(const int64_t *shape, int n, char *buf, size_t size) {
    size_t len = (size_t)snprintf(buf, size, "[");
    for (int i = 0; i < n; i++)
        len += (size_t)snprintf(buf + len, size - len, "%s%lld", i ? ", " : "", (long long)shape[i]);
    snprintf(buf + len, size - len, "]");
    return buf;
}

/* The index of the first NaN or infinity, or n. */
static size_t find_nonfinite(const float *x, size_t n) {
    enum { BLOCK = 4096 };
    for (size_t b = 0; b < n; b += BLOCK) {
        size_t end = n - b < BLOCK ? n : b + BLOCK;
        uint32_t bad = 0, bits;
        for (size_t i = b; i < end; i++) {
            memcpy(&bits, &x[i], sizeof bits);
            bad |= (bits & 0x7F800000u) == 0x7F800000u;
        }
        for (size_t i = b; bad && i < end; i++) {
            memcpy(&bits, &x[i], sizeof bits);
            if ((bits & 0x7F800000u) == 0x7F800000u) return i;
        }
    }
    return n;
}

static bool check_entry(const loader *l, const gk__entry *e, const int64_t *shape, int n_dims,
                        gk_error *err) {
    char want[96], have[96], hint[192];
    if (!e->array.data)
        return gk_fail(err, at_entry(l, e), "only F32 is supported so far", "the tensor's type is %s",
                       e->type->name);
    if (e->array.n_dims != n_dims || memcmp(e->array.shape, shape, (size_t)n_dims * sizeof *shape) != 0) {
        snprintf(hint, sizeof hint, "config.json asks for %s", shape_text(shape, n_dims, want, sizeof want));
        return gk_fail(err, at_entry(l, e), hint, "the tensor's shape is %s",
                       shape_text(e->array.shape, e->array.n_dims, have, sizeof have));
    }
    size_t n = (size_t)(e->end - e->begin) / sizeof(float), i = find_nonfinite(e->array.data, n);
    if (i == n) return true;
    gk_place at = at_entry(l, e);
    at.byte += i * sizeof(float);
    return gk_fail(err, at, "every weight must be a finite number", "the value at index %zu is %s", i,
                   e->array.data[i] != e->array.data[i] ? "NaN" : "infinite");
}

static bool match_slots(loader *l, gk_error *err) {
    char shape[96], hint[192];
    for (size_t i = 0; i < l->slots.n; i++) {
        slot *s = &l->slots.list[i];
        indexed *found = lookup(l, s->name);
        if (!found) {
            snprintf(hint, sizeof hint, "config.json asks for it with the shape %s",
                     shape_text(s->shape, s->n_dims, shape, sizeof shape));
            return gk_fail(err, GK_AT_FIELD(l->path, s->name), hint, "the tensor is missing");
        }
        if (!check_entry(l, found->entry, s->shape, s->n_dims, err)) return false;
        found->used = true;
        s->entry = found->entry;
    }
    return true;
}

/* Some writers store the head of a tied model too; it must then be the embedding. */
static bool match_tied_head(loader *l, gk_error *err) {
    const gk_family *f = l->cfg->family;
    indexed *embed = NULL, *head = NULL;
    for (size_t i = 0; i < f->n_rules; i++) {
        char name[96];
        make_name(f->rules[i].name, -1, ".weight", name, sizeof name);
        if (f->rules[i].part[0] == GK_EMBED) embed = lookup(l, name);
        if (f->rules[i].part[0] == GK_HEAD) head = lookup(l, name);
    }
    if (!l->cfg->tied || !head || !embed) return true;
    head->used = true;
    if (!check_entry(l, head->entry, embed->entry->array.shape, 2, err)) return false;
    if (memcmp(head->entry->array.data, embed->entry->array.data, head->entry->end - head->entry->begin) == 0)
        return true;
    return gk_fail(err, at_entry(l, head->entry), "set tie_word_embeddings to false, or drop this tensor",
                   "config.json ties the head to the embedding, but they differ");
}

static bool check_rest(const loader *l, gk_error *err) {
    for (size_t i = 0; i < l->n_index; i++) {
        const gk__entry *e = l->index[i].entry;
        if (!l->index[i].used && !is_buffer(l->cfg->family, e->array.name))
            return gk_fail(err, at_entry(l, e), "check that config.json belongs to this file",
                           "a %s model of %d layers has no such tensor", l->cfg->family->name,
                           l->cfg->n_layers);
    }
    return true;
}

/* ---------------------------------------------------------------- load */

/* Memory for the weights is taken only once every tensor has been found in the file. */
static gk_model *load_weights(const gk_safetensors *file, const char *path, const gk_config *c,
                              gk_error *err) {
    loader l = {.path = path, .cfg = c, .slots = make_slots(c)};
    gk_model *m = NULL;
    if (make_index(&l, file, err) && match_slots(&l, err) && match_tied_head(&l, err) && check_rest(&l, err))
        m = gk_model_blank(c, err);
    for (size_t i = 0; m && i < l.slots.n; i++)
        read_slot(m, &l.slots.list[i], l.slots.list[i].entry->array.data);
    gk_free(l.index);
    gk_free(l.slots.list);
    return m;
}

static bool check_layout(const char *dir, const char *weights, gk_arena *a, gk_error *err) {
    if (gk_exists(weights)) return true;
    if (gk_exists(gk_path_join(a, dir, "model.safetensors.index.json")))
        return gk_fail(err, GK_AT_FILE(weights), "save the model again in one piece",
                       "the folder holds a sharded checkpoint, which is not supported so far");
    if (gk_exists(gk_path_join(a, dir, "pytorch_model.bin")))
        return gk_fail(err, GK_AT_FILE(weights), "convert it to safetensors",
                       "the folder holds a pickled checkpoint");
    return true; /* opening it says what is wrong */
}

gk_model *gk_model_load(const char *dir, gk_error *err) {
    gk_arena *a = gk_arena_new();
    const char *path = gk_path_join(a, dir, "model.safetensors");
    gk_config c;
    gk_model *m = NULL;
    if (gk__config_load(gk_path_join(a, dir, "config.json"), &c, err) && check_layout(dir, path, a, err)) {
        gk_safetensors *file = gk_safetensors_open(path, err);
        if (file) m = load_weights(file, path, &c, err);
        gk_safetensors_close(file);
    }
    gk_arena_free(a);
    return m;
}

/* ---------------------------------------------------------------- save */

static gk_array make_array(const gk_model *m, const slot *s, float *scratch) {
    int out;
    gk_array a = {.name = s->name, .data = scratch, .shape = {s->shape[0], s->shape[1]}, .n_dims = s->n_dims};
    if (scratch)
        write_slot(m, s, scratch);
    else
        a.data = part_of(m, s, 0, &out);
    return a;
}

static bool save_slots(const gk_model *m, const slots *s, const char *path, gk_error *err) {
    gk_array *arrays = gk_alloc(s->n * sizeof *arrays);
    float **scratch =
        gk_alloc(s->n * sizeof *scratch); /* of the tensors that are not in the model as they stand */
    bool ok = true;
    for (size_t i = 0; ok && i < s->n; i++) {
        const slot *t = &s->list[i];
        if (t->rule->n_parts > 1 || is_transposed(t)) {
            scratch[i] = gk_try_alloc((size_t)t->out * (size_t)t->in * sizeof(float));
            if (!scratch[i])
                ok = gk_fail(err, GK_AT_FIELD(path, t->name), NULL, "not enough memory to lay it out");
        }
        if (ok) arrays[i] = make_array(m, t, scratch[i]);
    }
    json_t *meta = json_pack("{s:s}", "format", "pt"); /* transformers wants to know */
    ok = ok && gk_safetensors_save(path, arrays, s->n, meta, err);
    json_decref(meta);
    for (size_t i = 0; i < s->n; i++) gk_free(scratch[i]);
    gk_free(scratch);
    gk_free(arrays);
    return ok;
}

bool gk_model_save(const gk_model *m, const char *dir, gk_error *err) {
    if (!gk_mkdirs(dir, err)) return false;
    gk_arena *a = gk_arena_new();
    slots s = make_slots(gk_model_config(m));
    bool ok = save_slots(m, &s, gk_path_join(a, dir, "model.safetensors"), err) &&
              gk__config_save(gk_model_config(m), gk_path_join(a, dir, "config.json"), err);
    gk_free(s.list);
    gk_arena_free(a);
    return ok;
}
