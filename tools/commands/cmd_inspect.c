/* cmd_inspect.c: `graftkit inspect`: a model at a glance, and what it takes in memory, before anything of it
 * is loaded. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/session.h"
#include "graftkit/train/recipe.h"
#include "graftkit/train/training.h"
#include "tools/tools.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

typedef struct args {
    const char *model, *json;
    int64_t rows, threads;
    bool tensors;
} args;

/* ---------------------------------------------------------------- groups of components */

enum { N_GROUPS = 5 };
static const char *const GROUPS[N_GROUPS] = {"embed", "attention", "MLP", "norms", "head"};

static int group_of(gk_component c) {
    if (gk_component_is_norm(c)) return 3;
    switch (c) {
    case GK_EMBED:
    case GK_POS:
        return 0;
    case GK_GATE:
    case GK_UP:
    case GK_DOWN:
        return 2;
    case GK_HEAD:
        return 4;
    default:
        return 1;
    }
}

static gk_component_info group_sum(const gk_inspection *in, int group) {
    gk_component_info sum = {0};
    for (int i = 0; i < GK_N_COMPONENTS; i++) {
        if (group_of((gk_component)i) != group) continue;
        sum.params += in->comp[i].params;
        sum.bytes += in->comp[i].bytes;
        sum.types |= in->comp[i].types;
    }
    return sum;
}

/* ---------------------------------------------------------------- memory */

typedef struct memory {
    uint64_t session, evaluate;
    uint64_t vector, train_session,
        train; /* vector: the weights as floats, as often as moments and gradient */
} memory;

static memory memory_of(const gk_inspection *in, int rows) {
    gk_recipe r;
    gk_recipe_default(&r);
    r.rows = rows;
    memory m = {.session = gk_session_bytes(&in->config, rows, false),
                .vector = (uint64_t)in->vector_floats * sizeof(float),
                .train_session = gk_session_bytes(&in->config, rows, true),
                .train = gk_train_bytes(&r, &in->config, in->vector_floats)};
    m.evaluate = in->mapped_bytes + in->unpacked_bytes + m.session;
    return m;
}

static uint64_t memory_of_machine(void) {
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
}

/* ---------------------------------------------------------------- how things are written */

/* "98.4 MiB". */
static const char *size_text(gk_arena *a, uint64_t bytes) {
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double x = (double)bytes;
    size_t u = 0;
    for (; x >= 1000 && u + 1 < sizeof unit / sizeof *unit; u++) x /= 1024;
    return gk_arena_printf(a, u == 0 || x >= 100 ? "%.0f %s" : x >= 10 ? "%.1f %s" : "%.2f %s", x, unit[u]);
}

/* "134,515,008". */
static const char *count_text(gk_arena *a, uint64_t n) {
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n), to = 0;
    char *out = gk_arena_alloc(a, 2 * sizeof digits);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) out[to++] = ',';
        out[to++] = digits[i];
    }
    return out;
}

static const char *short_count(gk_arena *a, uint64_t n) {
    if (n < 1000000) return count_text(a, n);
    return n < 1000000000 ? gk_arena_printf(a, "%.4g million", (double)n / 1e6)
                          : gk_arena_printf(a, "%.4g billion", (double)n / 1e9);
}

static const char *types_text(gk_arena *a, const gk_inspection *in, uint32_t types) {
    const char *out = "";
    for (size_t i = 0; i < in->n_types; i++)
        if (types >> i & 1u) out = gk_arena_printf(a, "%s%s%s", out, *out ? " " : "", in->type[i].name);
    return out;
}

static const char *shape_text(gk_arena *a, const gk_tensor_info *t) {
    const char *out = "";
    for (int i = 0; i < t->n_dims; i++)
        out = gk_arena_printf(a, "%s%s%" PRId64, out, i ? " x " : "", t->shape[i]);
    return out;
}

/* "3 q k v bias"; "-" for what is no parameter. */
static const char *parts_text(gk_arena *a, const gk_tensor_info *t) {
    const char *out = t->layer >= 0 ? gk_arena_printf(a, "%d ", t->layer) : "";
    for (int p = 0; p < t->n_parts; p++)
        out = gk_arena_printf(a, "%s%s%s", out, p ? "+" : "", gk_component_name(t->part[p]));
    return t->n_parts == 0 ? "-" : t->bias ? gk_arena_printf(a, "%s bias", out) : out;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---------------------------------------------------------------- what is printed */

static void say_attention(gk_arena *a, const gk_config *c) {
    const char *shared =
        c->n_kv_heads == c->n_heads ? "" : gk_arena_printf(a, ", %d for keys and values", c->n_kv_heads);
    printf("attention   %d heads of %d%s%s", c->n_heads, c->head_dim, shared,
           c->qk_norm ? ", normed queries and keys" : "");
    if (c->query_scale != 0 && c->query_scale != (float)c->head_dim)
        printf(", scores / sqrt(%g)", (double)c->query_scale);
    if (c->attn_softcap > 0) printf(", scores capped at %g", (double)c->attn_softcap);
    int windowed = 0;
    for (int l = 0; l < c->n_layers; l++) windowed += gk_config_windowed(c, l);
    if (windowed) printf(", %d of %d layers see the latest %d rows", windowed, c->n_layers, c->window);
    if (c->scores_by_layer) printf(", scores divided by the layer's number");
    printf("\n");
}

static void say_positions(const gk_config *c) {
    printf("positions   up to %d, ", c->max_positions);
    if (!c->rope) {
        printf("learned\n");
        return;
    }
    printf("rotary, theta %g", (double)c->rotary.theta);
    if (c->rotary_dim && c->rotary_dim != c->head_dim)
        printf(", %d of %d dimensions", c->rotary_dim, c->head_dim);
    if (c->rotary.kind != GK_ROPE_PLAIN)
        printf(", %s scaling by %g", gk_rope_name(c->rotary.kind), (double)c->rotary.factor);
    if (c->rotary.kind == GK_ROPE_LLAMA3)
        printf(" (low %g, high %g, trained on %d)", (double)c->rotary.low, (double)c->rotary.high,
               c->rotary.original);
    printf("\n");
}

static void say_id(const char *name, int id) {
    if (id >= 0)
        printf(", %s %d", name, id);
    else
        printf(", no %s", name);
}

static void say_config(gk_arena *a, const gk_config *c) {
    printf("family      %s\n", gk_family_name(c->family));
    printf("shape       %d layers, width %d, MLP %d (%s%s)%s\n", c->n_layers, c->d_model, c->d_ffn,
           gk_act_name(c->act), c->gated ? ", gated" : "",
           c->parallel ? ", attention and MLP side by side" : "");
    say_attention(a, c);
    say_positions(c);
    const char *where = c->pre_norm && c->post_norm ? "before and after" : c->pre_norm ? "before" : "after";
    printf("norms       %s, eps %g, %s attention and MLP%s\n",
           c->norm == GK_RMSNORM ? "RMSNorm" : "LayerNorm", (double)c->norm_eps, where,
           c->norm_offset ? ", of 1 + weight" : "");
    bool any = c->qkv_bias || c->o_bias || c->mlp_bias;
    printf("biases      %s%s%s%s\n", c->qkv_bias ? "q k v " : "", c->o_bias ? "o " : "",
           c->mlp_bias ? "MLP" : "",
           any                       ? ""
           : c->norm == GK_LAYERNORM ? "in norms only"
                                     : "none");
    printf("vocabulary  %d, head %s", c->vocab, c->tied ? "tied to embed" : "of its own");
    say_id("bos", c->bos_id);
    say_id("eos", c->eos_id);
    gk_id_list ends = gk_config_ends(c);
    if (ends.n > 1 || (ends.n == 1 && ends.id[0] != c->eos_id)) {
        printf(", texts end at");
        for (int i = 0; i < ends.n; i++) printf("%s %d", i ? " or" : "", ends.id[i]);
    }
    if (c->embed_scale != 1) printf(", embeddings x %g", (double)c->embed_scale);
    if (c->final_softcap > 0) printf(", logits capped at %g", (double)c->final_softcap);
    printf("\n");
}

static void say_count(gk_arena *a, const gk_inspection *in, const char *name, bool group,
                      gk_component_info c) {
    printf("%s%-*s %15s %6.2f%% %12s  %s\n", group ? "" : "  ", group ? 12 : 10, name,
           count_text(a, c.params), 100 * (double)c.params / (double)in->params, size_text(a, c.bytes),
           types_text(a, in, c.types));
}

static void say_components(gk_arena *a, const gk_inspection *in) {
    printf("\n%-12s %15s %7s %12s  %s\n", "component", "parameters", "share", "on disk", "types");
    for (int g = 0; g < N_GROUPS; g++) {
        int members = 0;
        for (int i = 0; i < GK_N_COMPONENTS; i++)
            members += group_of((gk_component)i) == g && in->comp[i].params > 0;
        if (g == 4 && in->config.tied) printf("%-12s %15s\n", GROUPS[g], "= embed");
        if (members == 0) continue;
        say_count(a, in, GROUPS[g], true, group_sum(in, g));
        for (int i = 0; members > 1 && i < GK_N_COMPONENTS; i++)
            if (group_of((gk_component)i) == g && in->comp[i].params > 0)
                say_count(a, in, gk_component_name((gk_component)i), false, in->comp[i]);
    }
    gk_component_info all = {in->params, in->param_bytes, (uint32_t)((1ull << in->n_types) - 1)};
    say_count(a, in, "all", true, all);
    for (size_t i = 0; in->n_types > 1 && i < in->n_types; i++)
        say_count(a, in, in->type[i].name, false,
                  (gk_component_info){in->type[i].params, in->type[i].bytes, 1u << i});
}

static void say_memory(gk_arena *a, const gk_inspection *in, int rows) {
    memory m = memory_of(in, rows);
    printf("\nmemory for batches of %d tokens%s\n", rows,
           gk_threads() > 1 ? gk_arena_printf(a, ", %d threads", gk_threads()) : "");
    printf("  evaluate  %10s = %s mapped from disk + %s unpacked + %s activations\n",
           size_text(a, m.evaluate), size_text(a, in->mapped_bytes), size_text(a, in->unpacked_bytes),
           size_text(a, m.session));
    printf("  finetune  %10s = 4 x %s (fp32 weights, gradient, two moments) + %s activations\n",
           size_text(a, m.train), size_text(a, m.vector), size_text(a, m.train_session));
    if (memory_of_machine()) printf("  machine   %10s\n", size_text(a, memory_of_machine()));
}

static void say_tensors(gk_arena *a, const gk_inspection *in) {
    int name = 6, shape = 5;
    for (size_t i = 0; i < in->n_tensors; i++) {
        int n = (int)strlen(in->tensor[i].name), s = (int)strlen(shape_text(a, &in->tensor[i]));
        name = n > name ? n : name;
        shape = s > shape ? s : shape;
    }
    printf("\n%-*s %-5s %*s %15s %13s  %-16s %s\n", name, "tensor", "type", shape, "shape", "at byte",
           "bytes", "component", "file");
    for (size_t i = 0; i < in->n_tensors; i++) {
        const gk_tensor_info *t = &in->tensor[i];
        printf("%-*s %-5s %*s %15" PRIu64 " %13" PRIu64 "  %-16s %s\n", name, t->name, t->type, shape,
               shape_text(a, t), t->offset, t->bytes, parts_text(a, t), base_name(t->file));
    }
}

static void say(gk_arena *a, const args *g, const gk_inspection *in) {
    printf("%s: %s parameters, %s on disk in %zu %s%s (%zu tensors; %s)\n\n", g->model,
           short_count(a, in->params), size_text(a, in->file_bytes), in->n_files,
           in->gguf ? "GGUF file" : "safetensors file", in->n_files == 1 ? "" : "s", in->n_tensors,
           types_text(a, in, (uint32_t)((1ull << in->n_types) - 1)));
    say_config(a, &in->config);
    say_components(a, in);
    say_memory(a, in, (int)g->rows);
    if (g->tensors) say_tensors(a, in);
}

/* ---------------------------------------------------------------- JSON */

static void put_int(json_t *o, const char *key, uint64_t n) {
    json_object_set_new(o, key, json_integer((json_int_t)n));
}

static void put_num(json_t *o, const char *key, double x) {
    json_object_set_new(o, key, json_real(x));
}

static void put_bool(json_t *o, const char *key, bool x) {
    json_object_set_new(o, key, json_boolean(x));
}

static void put_text(json_t *o, const char *key, const char *text) {
    json_object_set_new(o, key, json_string(text));
}

static json_t *config_json(const gk_config *c) {
    json_t *o = json_object();
    put_text(o, "family", gk_family_name(c->family));
    const struct {
        const char *key;
        int value;
    } ints[] = {{"vocab", c->vocab},           {"d_model", c->d_model},
                {"n_layers", c->n_layers},     {"n_heads", c->n_heads},
                {"n_kv_heads", c->n_kv_heads}, {"head_dim", c->head_dim},
                {"d_ffn", c->d_ffn},           {"max_positions", c->max_positions},
                {"rotary_dim", c->rotary_dim}, {"rope_original", c->rotary.original},
                {"window", c->window},         {"bos_id", c->bos_id},
                {"eos_id", c->eos_id}};
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++)
        json_object_set_new(o, ints[i].key, json_integer(ints[i].value));
    gk_id_list ends = gk_config_ends(c);
    json_t *list = json_array();
    for (int i = 0; i < ends.n; i++) json_array_append_new(list, json_integer(ends.id[i]));
    json_object_set_new(o, "ends", list);
    put_text(o, "norm", c->norm == GK_RMSNORM ? "rmsnorm" : "layernorm");
    put_text(o, "act", gk_act_name(c->act));
    put_text(o, "rope_kind", c->rope ? gk_rope_name(c->rotary.kind) : "none");
    const struct {
        const char *key;
        float value;
    } nums[] = {{"norm_eps", c->norm_eps},          {"rope_theta", c->rotary.theta},
                {"rope_factor", c->rotary.factor},  {"rope_low", c->rotary.low},
                {"rope_high", c->rotary.high},      {"embed_scale", c->embed_scale},
                {"query_scale", c->query_scale},    {"attn_softcap", c->attn_softcap},
                {"final_softcap", c->final_softcap}};
    for (size_t i = 0; i < sizeof nums / sizeof *nums; i++) put_num(o, nums[i].key, (double)nums[i].value);
    const struct {
        const char *key;
        bool value;
    } bools[] = {{"norm_offset", c->norm_offset}, {"pre_norm", c->pre_norm},
                 {"post_norm", c->post_norm},     {"qk_norm", c->qk_norm != GK_QK_PLAIN},
                 {"parallel", c->parallel},       {"gated", c->gated},
                 {"qkv_bias", c->qkv_bias},       {"o_bias", c->o_bias},
                 {"mlp_bias", c->mlp_bias},       {"tied", c->tied}};
    for (size_t i = 0; i < sizeof bools / sizeof *bools; i++) put_bool(o, bools[i].key, bools[i].value);
    return o;
}

static json_t *count_json(const gk_inspection *in, gk_component_info c) {
    json_t *o = json_object(), *types = json_array();
    put_int(o, "parameters", c.params);
    put_num(o, "share", (double)c.params / (double)in->params);
    put_int(o, "bytes", c.bytes);
    for (size_t i = 0; i < in->n_types; i++)
        if (c.types >> i & 1u) json_array_append_new(types, json_string(in->type[i].name));
    json_object_set_new(o, "types", types);
    return o;
}

static json_t *memory_json(const gk_inspection *in, int rows) {
    memory m = memory_of(in, rows);
    json_t *o = json_object();
    put_int(o, "rows", (uint64_t)rows);
    put_int(o, "threads", (uint64_t)gk_threads());
    put_int(o, "mapped", in->mapped_bytes);
    put_int(o, "unpacked", in->unpacked_bytes);
    put_int(o, "session", m.session);
    put_int(o, "evaluate", m.evaluate);
    put_int(o, "train_vector", m.vector);
    put_int(o, "train_session", m.train_session);
    put_int(o, "finetune", m.train);
    return o;
}

static json_t *tensor_json(const gk_tensor_info *t) {
    json_t *o = json_object(), *shape = json_array(), *parts = json_array();
    put_text(o, "name", t->name);
    put_text(o, "type", t->type);
    for (int i = 0; i < t->n_dims; i++) json_array_append_new(shape, json_integer(t->shape[i]));
    json_object_set_new(o, "shape", shape);
    put_text(o, "file", t->file);
    put_int(o, "offset", t->offset);
    put_int(o, "bytes", t->bytes);
    for (int p = 0; p < t->n_parts; p++)
        json_array_append_new(parts, json_string(gk_component_name(t->part[p])));
    json_object_set_new(o, "components", parts);
    json_object_set_new(o, "layer", t->layer < 0 ? json_null() : json_integer(t->layer));
    put_bool(o, "bias", t->bias);
    put_bool(o, "in_place", t->in_place);
    return o;
}

static json_t *inspection_json(const args *g, const gk_inspection *in) {
    json_t *o = json_object(), *comps = json_object(), *groups = json_object(), *tensors = json_array();
    put_text(o, "model", g->model);
    put_text(o, "format", in->gguf ? "gguf" : "safetensors");
    put_int(o, "files", in->n_files);
    put_int(o, "file_bytes", in->file_bytes);
    put_int(o, "parameters", in->params);
    put_int(o, "parameter_bytes", in->param_bytes);
    json_object_set_new(o, "config", config_json(&in->config));
    for (int i = 0; i < GK_N_COMPONENTS; i++)
        if (in->comp[i].params)
            json_object_set_new(comps, gk_component_name((gk_component)i), count_json(in, in->comp[i]));
    json_object_set_new(o, "components", comps);
    for (int i = 0; i < N_GROUPS; i++)
        json_object_set_new(groups, GROUPS[i], count_json(in, group_sum(in, i)));
    json_object_set_new(o, "groups", groups);
    json_object_set_new(o, "memory", memory_json(in, (int)g->rows));
    for (size_t i = 0; i < in->n_tensors; i++) json_array_append_new(tensors, tensor_json(&in->tensor[i]));
    json_object_set_new(o, "tensors", tensors);
    return o;
}

/* ---------------------------------------------------------------- running */

static int run(gk_arena *a, const args *g) {
    gk_error err;
    if (g->rows < 1 || g->rows > 10000000) {
        gk_fail(&err, GK_AT_FIELD(NULL, "--rows"), "from 1 to 10000000", "is %" PRId64, g->rows);
        return gk_die("inspect", &err);
    }
    const gk_named_path named[] = {{"--model", g->model, GK_MODEL}, {"--json", g->json, GK_OUTPUT}};
    bool ok = gk_check_outputs(named, 2, &err) && (!g->json || gk_out_check(g->json, &err));
    gk_inspection *in = ok ? gk_inspect(g->model, &err) : NULL;
    ok = in != NULL;
    if (ok && g->json) {
        json_t *o = inspection_json(g, in);
        ok = gk_json_save(g->json, o, &err);
        json_decref(o);
    }
    if (ok) say(a, g, in);
    gk_inspection_free(in);
    return ok ? 0 : gk_die("inspect", &err);
}

int cmd_inspect(int argc, char **argv) {
    gk_recipe r;
    gk_recipe_default(&r);
    args g = {.rows = r.rows};
    const gk_opt opts[] = {
        {"model", GK_OPT_STR, &g.model, "PATH", "a Hugging Face folder, or a .gguf file", true},
        {"rows", GK_OPT_INT, &g.rows, "N", "tokens in a batch, for the memory that activations take", false},
        {"threads", GK_OPT_INT, &g.threads, "N", "threads; 0: all cores", false},
        {"tensors", GK_OPT_FLAG, &g.tensors, NULL, "list every tensor: type, shape, place in the file",
         false},
        {"json", GK_OPT_STR, &g.json, "FILE", "write all of it there (JSON)", false},
    };
    gk_arena *a = gk_arena_new();
    int code = gk_args("inspect", "show what a model is made of and the memory it takes", opts,
                       sizeof opts / sizeof *opts, argc, argv, a);
    if (code < 0) {
        gk_use_threads(g.threads);
        code = run(a, &g);
    }
    gk_arena_free(a);
    return code;
}
