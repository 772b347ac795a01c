/* model.h: the zoo. One table-driven transformer: configuration, weights by (layer, component), the
 * operators on rows, forward, backward, Hugging Face folders.
 *
 * Shapes are written [rows x columns], row-major fp32. "n" rows are tokens; d = d_model, q_dim =
 * n_heads*head_dim, kv_dim = n_kv_heads*head_dim, f = d_ffn, V = vocab.
 *
 * Weights (gk_model) are immutable while shared; only training writes them. A gk_session holds one run's
 * activations and is private to one caller. Operators split their rows over the process's threads
 * (gk_threads) and give the same bits for the same shapes and thread count.
 */
#ifndef GK_MODEL_H
#define GK_MODEL_H

#include "core/core.h"

#include <string.h>

GK_PUBLIC_BEGIN

/* ---------------------------------------------------------------- components (config.c) */

/* The names used everywhere: code, command line, schemes, files, report. Layer-less ones have layer -1. Which
 * of them a model has follows from its configuration (gk_config_has). */
/* clang-format off */
#define GK_COMPONENTS(X)                                                                                    \
    X(EMBED, embed) X(POS, pos)                                                                             \
    X(LN1, ln1) X(Q, q) X(K, k) X(V, v) X(Q_NORM, q_norm) X(K_NORM, k_norm) X(O, o) X(LN1_POST, ln1_post)   \
    X(LN2, ln2) X(GATE, gate) X(UP, up) X(DOWN, down) X(LN2_POST, ln2_post)                                 \
    X(LNF, lnf) X(HEAD, head)
/* clang-format on */
typedef enum gk_component {
#define X(upper, lower) GK_##upper,
    GK_COMPONENTS(X)
#undef X
        GK_N_COMPONENTS
} gk_component;

const char *gk_component_name(gk_component c);
bool gk_component_parse(const char *name, gk_component *out);
bool gk_component_in_layer(gk_component c); /* ln1 … ln2_post: true; embed, pos, lnf, head: false */
bool gk_component_is_norm(gk_component c);

/* ---------------------------------------------------------------- configuration (config.c) */

typedef enum gk_norm_kind { GK_LAYERNORM, GK_RMSNORM } gk_norm_kind;
typedef enum gk_act_kind { GK_GELU, GK_GELU_TANH, GK_SILU, GK_RELU } gk_act_kind;
typedef enum gk_rope_kind { GK_ROPE_PLAIN, GK_ROPE_LINEAR, GK_ROPE_LLAMA3 } gk_rope_kind;

typedef struct gk_family gk_family; /* a row of the family table (families.c) */

enum { GK_MOST_IDS = 16 };
typedef struct gk_id_list {
    int n, id[GK_MOST_IDS];
} gk_id_list;

/* A block is x + attention(ln1 x), then y + mlp(ln2 y); variations are members below. */
typedef struct gk_config {
    const gk_family *family;
    int vocab, d_model, n_layers, n_heads, n_kv_heads, head_dim, d_ffn;
    int max_positions; /* longest sequence; learned positions have this many rows */
    gk_norm_kind norm;
    float norm_eps;
    bool norm_offset; /* norms multiply by 1 + their weight (Gemma) */
    bool pre_norm,
        post_norm; /* ln1, ln2 on what attention and MLP read; ln1_post, ln2_post on what they add */
    bool qk_norm;  /* q_norm, k_norm over all heads together, before the rotation (OLMo 2) */
    bool parallel; /* the MLP reads the block's input, not attention's output (GPT-NeoX) */
    gk_act_kind act;
    bool gated;     /* the MLP is act(gate) * up, else act(up) */
    bool rope;      /* rotary positions (half-split pairs, as in Hugging Face); else learned (`pos`) */
    int rotary_dim; /* leading dimensions of a head that are rotated; 0: all */
    float rope_theta;
    gk_rope_kind rope_kind;
    float rope_factor, rope_low, rope_high; /* linear: factor; llama3: factor and its two frequency factors */
    int rope_original;                      /* llama3: the positions the model was first trained on */
    bool qkv_bias, o_bias, mlp_bias;        /* LayerNorm has a bias always, RMSNorm never */
    float embed_scale;                      /* multiplies the embeddings; 1: none */
    float query_scale;                      /* scores are q.k / sqrt(this); 0: head_dim */
    float attn_softcap, final_softcap;      /* scores, logits become cap * tanh(x / cap); 0: none */
    int window; /* layers 0, 2, 4 … see only the latest this many rows; 0: all */
    bool tied;  /* head is embed */
    /* -1: none. What a tokenizer must know; they may lie beyond the vocabulary, and then name no token. */
    int bos_id, eos_id;
    gk_id_list more_eos; /* config.json may list several: those after eos_id */
    gk_id_list ends;     /* what generation_config.json has in place of them; none: it says nothing */
} gk_config;

/* By Hugging Face's model_type; NULL if unknown. */
const gk_family *gk_family_find(const char *name);
const char *gk_family_name(const gk_family *f);
const gk_family *gk_family_at(size_t i); /* in the table's order; NULL behind the last */
const char *gk_family_list(void);        /* "llama, gpt2, …" for messages */
/* The from-scratch recipe's shape for a family: d 128, 6 layers, 4 heads; a gated MLP of 341, another of 512.
 */
void gk_config_default(const gk_family *f, int vocab, gk_config *out);
/* Sets what follows from the sizes of a model made from scratch: head_dim = d / n_heads (> 0), and where the
 * family has them the rotated part of a head and the scales of embeddings and scores. */
void gk_config_derive(gk_config *c);
/* Consistent, positive and within sane bounds (no product overflows); `at` names the file for messages. */
bool gk_config_check(const gk_config *c, gk_place at, gk_error *err);
bool gk_config_has(const gk_config *c, gk_component comp);
/* All ids that end a generated text, as transformers takes them: generation_config.json's where it has any,
 * else config.json's. Of a GGUF file: end of text, of turn and of message. */
gk_id_list gk_config_ends(const gk_config *c);
/* Same architecture and shapes: may be grafted. */
bool gk_config_same(const gk_config *a, const gk_config *b);
typedef struct gk_config_diff {
    const char *field; /* as config.json calls it where it does (static) */
    char a[32], b[32]; /* both values */
} gk_config_diff;
/* The opposite of gk_config_same, and the first member that differs; `out` may be NULL. */
bool gk_config_difference(const gk_config *a, const gk_config *b, gk_config_diff *out);
const char *gk_act_name(gk_act_kind act);    /* "gelu_tanh", … */
const char *gk_rope_name(gk_rope_kind kind); /* "plain", … */

/* ---------------------------------------------------------------- weights (weights.c) */

typedef struct gk_model gk_model;

typedef enum gk_dtype { GK_F32, GK_F16, GK_BF16 } gk_dtype;

/* One component's weights; a view into the model. A matrix is [out x in] (a row an output); embed and pos
 * are [out = entries x in = d]; norms have in = 1. The weights are floats in w or, in a model that
 * gk_model_open gave, 16-bit ones in h; both are NULL where the model lacks the component. b is NULL where it
 * has no bias. */
typedef struct gk_tensor {
    const float *w, *b;
    int out, in;
    const uint16_t *h; /* of `type`, F16 or BF16 */
    gk_dtype type;
    bool narrow; /* products take h, which is BF16, and round what they multiply it with to bf16 too */
} gk_tensor;

/* A matrix [out x in] of low rank, scale B A: A [rank x in], B [out x rank] whose rows are ldb floats apart.
 * A view; rank 0: there is none. */
typedef struct gk_low_rank {
    const float *a, *b;
    int out, in, rank, ldb;
    float scale;
} gk_low_rank;

/* Values [first, first + n) of the weights, row after row, as floats (exact). */
void gk_tensor_floats(gk_tensor t, size_t first, size_t n, float *out);

/* A parameter array inside the flat vector that training sees. */
typedef struct gk_param {
    gk_component comp;
    int layer;            /* -1 for embed, pos, lnf, head */
    bool bias;            /* a bias, not a weight */
    size_t offset, count; /* in floats */
    int out, in;          /* as in gk_tensor; a bias has in = 1 */
} gk_param;

/* Fresh weights: embed, pos and head N(0, 0.02), matrices N(0, 1/sqrt(in)), o and down further by
 * 1/sqrt(2L), norms 1, biases 0; the same for the same seed. */
gk_model *gk_model_new(const gk_config *c, uint64_t seed, gk_error *err);
/* All-zero weights of that shape (norms too): for loaders and buffers. */
gk_model *gk_model_blank(const gk_config *c, gk_error *err);
/* Of a model that gk_model_open did not give; NULL when memory does not suffice. */
gk_model *gk_model_copy(const gk_model *m);
void gk_model_free(gk_model *m); /* NULL is fine */

const gk_config *gk_model_config(const gk_model *m);
gk_tensor gk_model_tensor(const gk_model *m, int layer, gk_component c); /* a tied head is embed's tensor */
/* The flat parameter vector (padding between arrays is zero and stays zero); NULL in a model that
 * gk_model_open gave: it has no such vector. */
float *gk_model_data(gk_model *m);
size_t gk_model_floats(const gk_model *m);
/* From now on products compute with bf16 operands and fp32 sums: a bf16 copy of the weights stands beside the
 * vector, [gk_model_floats], rounded by gk_bf16_round_weights, and whoever writes the vector keeps it up to
 * date. False: no memory. */
bool gk_model_narrow(gk_model *m, gk_error *err);
uint16_t *gk_model_narrowed(gk_model *m); /* that copy; NULL where there is none */
/* The same, and the float vector is given up: 2 bytes a parameter. Norms and biases stay floats, in a vector
 * of their own of *n; in the bf16 one their places are not used. False: no memory (the model is as it was, or
 * narrow). */
bool gk_model_lean(gk_model *m, gk_error *err);
float *gk_model_vectors(gk_model *m, size_t *n);        /* NULL in other models */
float *gk_model_vector(gk_model *m, const gk_param *p); /* a norm's or bias's part of it */
/* Rounds n floats to bf16: to nearest, ties to even. */
void gk_bf16_round(const float *in, uint16_t *out, size_t n);
/* One of the two bf16 that x lies between: the one larger in size as often as x is near it, if the lower 16
 * bits of `random` are evenly spread. What is a bf16 already stays, and so do infinities and NaN. */
static inline uint16_t gk_bf16_pick(float x, uint32_t random) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t up = bits + (random & 0xffff);
    return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? bits >> 16 | 0x40 : up >> 16);
}
/* Rounds weights `first`, first + 1 … of a model's vector to bf16, each by a threshold that its place has for
 * good. To nearest would not do: a quantised checkpoint has few different values, which all err the same way,
 * and the first small steps of training would move few weights or many at once. So the rounded weights follow
 * the floats without bias, and a copy made anew is the same copy. */
void gk_bf16_round_weights(const float *in, uint16_t *out, size_t n, size_t first);
/* Whether products of bf16 are made by this processor's instructions for them, through oneDNN. Elsewhere
 * narrow models give the same numbers, slowly. */
bool gk_bf16_fast(void);
/* Whether they take less time than products of fp32, by what the processor is: with AMX, and with AMD's
 * AVX-512, which multiplies twice as many. Intel's AVX-512 alone takes twice the time of fp32
 * (docs/speed.md). */
bool gk_bf16_faster(void);
/* Arrays, in file order; a tied head is not listed. */
size_t gk_model_params(const gk_model *m, const gk_param **list);
size_t gk_model_count(const gk_model *m); /* parameters, without padding */

/* ------------------------------------- checkpoints (load.c, save.c, files.c, gguf_model.c, safetensors.c) */

/* `path` is a Hugging Face folder (config.json and model.safetensors, or several files with
 * model.safetensors.index.json) or a GGUF file, whatever its name. Formats:
 * https://github.com/huggingface/safetensors and ggml's docs/gguf.md. F32, F16, BF16 and ggml's Q8_0, Q4_0,
 * Q4_1, Q5_0, Q5_1, Q2_K to Q6_K, IQ4_NL, IQ4_XS, TQ1_0, TQ2_0 and MXFP4 are read, all exactly. Every tensor
 * that the configuration asks for must be there once with its shape (of a tied pair under either name);
 * others are an error naming the tensor, but for those of no use to a language model, which a notice names.
 * Memory is taken only once all were found.
 *
 * As floats in memory of its own, which training may write; values must be finite. */
gk_model *gk_model_load(const char *path, gk_error *err);
/* For reading only: matrices stay in the mapped file as F32, F16 or BF16 wherever its layout lets the
 * operators read them in place, so that opening costs next to nothing, memory is taken as it is touched, and
 * models of one file share it. What is fused, transposed or quantised is unpacked (the last to floats). The
 * values are not looked at: whoever uses logits checks that they are finite. */
gk_model *gk_model_open(const char *path, gk_error *err);
/* Gives a model that gk_model_open gave the vocabulary of another whose configuration differs in nothing
 * else, as a donor with padded rows at the end of embedding and head needs it: rows that `to` does not have
 * are left out (they are never predicted), those that only `to` has are copied from it. Where the two differ
 * in more, nothing is changed. False: no memory. */
bool gk_model_fit_vocab(gk_model *m, const gk_model *to, gk_error *err);
/* Of a model that gk_model_open gave: its head is one of its own from now on, with the embedding's values
 * where it was tied. Nothing is copied. */
void gk_model_untie(gk_model *m);
/* Writes config.json and model.safetensors (each atomically, config.json last) and generation_config.json:
 * that of the folder which the model was read from, else, where the ids that end a text are others than
 * config.json's, one with these; a file of that name that was there goes, since it was of another model.
 * config.json keeps pad_token_id, sep_token_id and tokenizer_class of that folder. `dir` is made when absent.
 * A loaded or trained model is saved as F32; an opened one as the types it has, byte for byte the tensors
 * that were read (what was quantised: F32). */
bool gk_model_save(const gk_model *m, const char *dir, gk_error *err);
/* The files that hold the weights at `path`, in a fixed order (for fingerprints); names in `a`. */
bool gk_model_files(const char *path, gk_arena *a, const char ***list, size_t *n, gk_error *err);

/* What the headers of a checkpoint say (inspect.c); no value is read. */
typedef struct gk_tensor_info {
    const char *name, *type; /* as in the file */
    const char *file;        /* its path */
    int64_t shape[4];        /* rows first */
    int n_dims;
    uint64_t offset, bytes; /* of the values in the file */
    int n_parts;            /* components it holds; 0: no parameter (a buffer, a tied head's second copy) */
    gk_component part[3];
    int layer;     /* -1: outside the layers */
    bool bias;     /* of those components */
    bool in_place; /* gk_model_open leaves it in the file; else it unpacks it */
} gk_tensor_info;
enum { GK_MOST_TYPES = 16 };
typedef struct gk_type_info {
    const char *name;
    size_t params;
    uint64_t bytes;
} gk_type_info;
typedef struct gk_component_info {
    size_t params; /* over all layers, biases included; 0 for a tied head */
    uint64_t bytes;
    uint32_t types; /* bit i: some are of gk_inspection.type[i] */
} gk_component_info;
typedef struct gk_inspection {
    gk_config config;
    bool gguf;                        /* else safetensors */
    size_t n_files, n_tensors;        /* files that hold weights; tensors in them */
    const gk_tensor_info *tensor;     /* in file order */
    gk_type_info type[GK_MOST_TYPES]; /* of the parameters */
    size_t n_types;
    gk_component_info comp[GK_N_COMPONENTS];
    size_t params;
    uint64_t file_bytes, param_bytes;
    /* What gk_model_open maps and never copies (so much is read when every weight is used; the system may
     * drop it again and shares it among processes), and what it unpacks into memory of its own. */
    uint64_t mapped_bytes, unpacked_bytes;
    size_t vector_floats; /* gk_model_floats of the model that gk_model_load would give */
    gk_arena *memory;     /* internal */
} gk_inspection;
/* Fails as gk_model_open does, but for what only values can tell. NULL on failure. */
gk_inspection *gk_inspect(const char *path, gk_error *err);
void gk_inspection_free(gk_inspection *i); /* NULL is fine */

/* Named fp32 arrays in one safetensors file; used for checkpoints too. */
typedef struct gk_array {
    const char *name;
    const float *data;
    int64_t shape[4];
    int n_dims;
} gk_array;
/* Writes atomically; `meta` (may be NULL) is a flat object of strings stored under __metadata__. */
bool gk_safetensors_save(const char *path, const gk_array *arrays, size_t n, const json_t *meta,
                         gk_error *err);
/* An array of any of the format's types, by the format's name for it: "F32", "BF16", "U8", … */
typedef struct gk_typed_array {
    const char *name, *type;
    void *data;   /* gk_safetensors_save_typed only reads it */
    size_t count; /* elements */
} gk_typed_array;
size_t gk_typed_bytes(const gk_typed_array *a);
/* As gk_safetensors_save, array after array straight from where they are: no copy is made. */
bool gk_safetensors_save_typed(const char *path, const gk_typed_array *arrays, size_t n, const json_t *meta,
                               gk_error *err);
typedef struct gk_safetensors gk_safetensors;
/* Maps a file and checks its header: sizes, offsets (no overlap, no hole, no overflow), types,
 * unique names. The values are not looked at. count, at and find know the F32 tensors only, in the
 * order of their data. */
gk_safetensors *gk_safetensors_open(const char *path, gk_error *err);
size_t gk_safetensors_count(const gk_safetensors *s);
/* NULL past the end; lives as long as s. */
const gk_array *gk_safetensors_at(const gk_safetensors *s, size_t i);
const gk_array *gk_safetensors_find(const gk_safetensors *s, const char *name); /* NULL when absent */
const json_t *gk_safetensors_meta(const gk_safetensors *s);                     /* NULL when absent */
/* The one-dimensional array of that name, type and number of elements, in the map and perhaps unaligned;
 * NULL when the file has none. */
const void *gk_safetensors_typed(const gk_safetensors *s, const char *name, const char *type, size_t count);
void gk_safetensors_close(gk_safetensors *s);

/* ------------------------------------------------ a model in training (training.c) */

/* What config.json would say, as a new reference, and the way back. */
json_t *gk_config_json(const gk_config *c);
bool gk_config_parse(const json_t *doc, gk_place at, gk_config *out, gk_error *err);
/* A checkpoint that training left, RUN/checkpoint-<step>.safetensors, is a model by its path, wherever a path
 * of one is wanted: the weights of that step. Its tokenizer is its folder's. */
bool gk_is_checkpoint(const char *path);

/* ------------------------------------------------ how far two models are apart (diff.c, spectrum.c) */

/* One component of one layer: B - A, by value, whatever types they are stored in. */
typedef struct gk_diff_item {
    gk_component comp;
    int layer;              /* -1: outside the layers */
    int out, in;            /* of its matrix; a norm has in = 1 */
    size_t values, changed; /* weights and biases; those that are not equal */
    /* Frobenius norms of weights and biases together: |A|, |B|, |B - A|. Where the configuration's norms
     * multiply by 1 + weight, that is what |A| and |B| are of. */
    double norm_a, norm_b, delta;
    /* Of the matrix alone: |B - A| and its largest singular values, descending: as many as were asked for, or
     * as it has. None for norms and where the matrices are equal. */
    double matrix_delta;
    const double *sigma;
    int n_sigma;
} gk_diff_item;
typedef struct gk_diff {
    gk_config config;   /* A's */
    int rank;           /* singular values asked for */
    gk_diff_item *item; /* embed, pos, the layers, lnf, head (a tied one is not listed) */
    size_t n;
    gk_arena *memory; /* internal */
} gk_diff;
enum { GK_MOST_RANK = 256 };
/* NULL when the configurations differ (the error names the first member that does), a value is not finite,
 * rank is not within 0 (norms only) and GK_MOST_RANK, or gk_interrupted(). Reads the weights in blocks of
 * rows, a few times; `p` (may be NULL) counts up to gk_model_count(a). The same for the same thread count. */
gk_diff *gk_model_diff(const gk_model *a, const gk_model *b, int rank, gk_progress *p, gk_error *err);
void gk_diff_free(gk_diff *d); /* NULL is fine */
/* NULL when the models have no such component of their own; layer: -1 outside the layers. */
const gk_diff_item *gk_diff_find(const gk_diff *d, int layer, gk_component c);
/* |B - A| / |A|: 0 where equal, infinity where only A is 0. */
double gk_diff_relative(const gk_diff_item *i);
/* The same of several components together: layer -2 takes all layers and what is outside them;
 * GK_N_COMPONENTS all components. */
double gk_diff_relative_of(const gk_diff *d, int layer, gk_component c);
/* The share of |B - A|^2 in the matrix's first r singular directions; NaN where that is not known. */
double gk_diff_share(const gk_diff_item *i, int r);
/* |B - A|^2 / sigma_1^2: 1 for a difference of rank 1; NaN where there is no spectrum. */
double gk_diff_stable_rank(const gk_diff_item *i);

/* ------------------------------------------ that difference in its leading directions (factors.c) */

/* For each matrix (embed, pos and head among them; not norms and biases) the first singular directions of B -
 * A, as a product left x right: of all matrices of that rank the nearest to B - A (Eckart and Young 1936). By
 * randomised subspace iteration until another reading of the matrix would change the share of |B - A|^2 in
 * them by less than 1e-6 of it; deterministic for the same rank and thread count. A lower rank is the first
 * of these directions. */
typedef struct gk_factors gk_factors;
typedef struct gk_factors_opts {
    int rank; /* 1 or more; a matrix has at most its smaller side */
    /* A folder in which every matrix's factors are kept, made when absent, and a text that stands for both
     * models' weights (their hashes). Files of other weights, of a lower rank or damaged (checksums) are not
     * used and computed anew; each is written atomically. They are mapped: do not truncate them meanwhile.
     * NULL: in memory only. */
    const char *cache, *key;
    gk_progress *progress; /* counts matrices, gk_factors_total of them beyond `before`; may be NULL */
    size_t before;
} gk_factors_opts;
size_t gk_factors_total(const gk_config *c); /* matrices of such a model */
/* NULL when the configurations differ, a value is not finite, the cache cannot be written, memory does not
 * suffice, or gk_interrupted(). Keeps no reference to a and b. */
gk_factors *gk_factors_make(const gk_model *a, const gk_model *b, const gk_factors_opts *o, gk_error *err);
/* The first `rank` directions of one component, at most as many as there are; rank 0 where the matrices are
 * equal and for norms. A tied head has embed's. Lives as long as f. */
gk_low_rank gk_factors_of(const gk_factors *f, int layer, gk_component c, int rank);
size_t gk_factors_matrices(const gk_factors *f); /* those that differ */
size_t gk_factors_computed(const gk_factors *f); /* of them, those that no file had */
void gk_factors_free(gk_factors *f);             /* NULL is fine */

/* -------------------------------------------- low-rank adapters (adapter.c, adapter_file.c,
 * adapter_passes.c) */

/* LoRA (Hu et al. 2021): a matrix W of the base model gives x W^T + scale (x A^T) B^T, A [rank x in], B [out
 * x rank]; only A and B are trained. Components that the family's checkpoints store in one tensor (GPT-2's
 * and GPT-NeoX's q, k, v) are adapted together, with one A, as in PEFT. */
typedef struct gk_adapter gk_adapter;
enum { /* beside bits (1u << component) in gk_lora.targets: what the model has of them */
       GK_LORA_ATTN = 1 << 28,  /* q k v o */
       GK_LORA_FFN = 1 << 29,   /* gate up down */
       GK_LORA_MOST_RANK = 4096 /* of a new adapter */
};
typedef struct gk_lora {
    int64_t rank;
    double alpha;
    bool rslora; /* scale = alpha / sqrt(rank) (Kalajdzievski 2023), else alpha / rank */
    uint32_t targets;
} gk_lora;
/* As PEFT begins: A uniform within 1 / sqrt(in), drawn by the seed, B zero. Fails when a target is no matrix
 * of a layer, when the model lacks it, when only a part of a tensor is asked for, or for lack of memory. */
gk_adapter *gk_adapter_new(const gk_config *c, const gk_lora *o, uint64_t seed, gk_error *err);
/* The folder as PEFT saves it: adapter_config.json and adapter_model.safetensors (F32, F16 or BF16), for a
 * model of this configuration. A matrix may have a rank and a scale of its own (rank_pattern, alpha_pattern),
 * and rows of a given length (DoRA); norms, biases, embedding, head and other tensors may be there whole
 * (modules_to_save), the vocabulary another. What changes the computation in another way, tensors of no place
 * and values that are not finite are errors. */
gk_adapter *gk_adapter_load(const char *dir, const gk_config *c, gk_error *err);
/* Writes both files, F32, each atomically; `base` is what base_model_name_or_path becomes. `dir` is made when
 * absent. */
bool gk_adapter_save(const gk_adapter *a, const char *base, const char *dir, gk_error *err);
void gk_adapter_free(gk_adapter *a); /* NULL is fine */
const gk_config *gk_adapter_config(const gk_adapter *a);
int gk_adapter_rank(const gk_adapter *a); /* the largest */
/* Whether it does nothing but add scale B A; any other must be merged before the model is run. */
bool gk_adapter_low_rank(const gk_adapter *a);
bool gk_adapter_has(const gk_adapter *a, int layer, gk_component c);
/* What it adds to one component's matrix; rank 0 where it adds nothing. Lives as long as `a`. */
gk_low_rank gk_adapter_part(const gk_adapter *a, int layer, gk_component c);
/* All A and B in one vector, as gk_model_data, gk_model_floats, gk_model_params and gk_model_count give a
 * model's. Of a tensor's components `comp` is the first. */
float *gk_adapter_data(gk_adapter *a);
size_t gk_adapter_floats(const gk_adapter *a);
size_t gk_adapter_params(const gk_adapter *a, const gk_param **list);
size_t gk_adapter_count(const gk_adapter *a);
/* Adds scale B A to the matrices of a model of the configuration that the adapter was loaded for, and does
 * the rest; the model's vocabulary and whether its head is tied are then the adapter's. In one that
 * gk_model_open gave the changed tensors become floats in memory of their own, and a narrow model's copy
 * follows; a lean one is refused. After another failure (memory) the model is only good to be freed. */
bool gk_adapter_merge(const gk_adapter *a, gk_model *m, gk_error *err);
/* Whether `path` is a folder with an adapter instead of a model. gk_model_load and gk_model_open merge it
 * into its base, gk_model_files lists its files before its base's. */
bool gk_is_adapter(const char *path);
/* Where the base of an adapter's folder is: base_model_name_or_path, an absolute path or one from that folder
 * or from the working directory. In `a`; NULL when there is no such model here. */
const char *gk_adapter_base(const char *dir, gk_arena *a, gk_error *err);

/* -------------------------------------------------------- batches, forward, backward (session.c …) */

/* Rows of several sequences end to end, without padding. */
typedef struct gk_batch {
    int n_rows, n_seqs;
    const int32_t *token; /* [n_rows], 0 <= token < V */
    /* [n_rows], the id to predict at this row, or -1: no loss here. May be NULL in gk_forward */
    const int32_t *target;
    /* [n_seqs + 1]: sequence s is rows seq_start[s] .. seq_start[s+1]-1; positions count from 0 */
    const int32_t *seq_start;
} gk_batch;

typedef struct gk_session gk_session;
typedef struct gk_session_opts {
    bool narrow;  /* for models that gk_model_narrow or _lean made: gk_session_size counts what their products
                     take  besides */
    int max_rows; /* of a batch */
    bool backward; /* keep what gk_forward_backward needs */
    bool
        recompute; /* keep of each layer what it reads, and compute the rest again in the backward pass (Chen
                      et al. 2016): a layer's activations in memory, not all layers', for a third more time */
    const gk_adapter *adapter; /* added to the model in every pass; outlives the session. NULL: none */
} gk_session_opts;
gk_session *gk_session_make(const gk_config *c, const gk_session_opts *o, gk_error *err);
size_t gk_session_size(const gk_config *c, const gk_session_opts *o); /* bytes that gk_session_make takes */
/* The same without recompute. */
gk_session *gk_session_new(const gk_config *c, int max_rows, bool backward, gk_error *err);
size_t gk_session_bytes(const gk_config *c, int max_rows, bool backward);
void gk_session_free(gk_session *s);

/* Logits [n x V] of the listed rows. Fails on a token out of range or a sequence
 * longer than max_positions. */
bool gk_forward(gk_session *s, const gk_model *m, const gk_batch *b, const int32_t *rows, int n,
                float *logits, gk_error *err);
/* Sum (not mean) of the cross-entropy over the rows that have a target, and their number. */
bool gk_forward_loss(gk_session *s, const gk_model *m, const gk_batch *b, double *loss_sum,
                     int64_t *n_targets, gk_error *err);
/* Gradients of parameters [from, from + count) of the flat vector are complete and lie in grad[0 .. count):
 * whoever is told uses them and leaves zeros. */
typedef void gk_ready_fn(void *ctx, size_t from, size_t count, float *grad);
/* What a backward pass is to give. In a session with an adapter the model is frozen: `grad` is laid out as
 * gk_adapter_data, and the other members but `scale` are not used. */
typedef struct gk_backprop {
    float scale; /* of the loss */
    /* [n_layers + 1] masks, by layer, the last of what is outside the layers: bit (1u << component) is set
     * where the gradient is not wanted (its place is left alone). NULL: all are wanted. */
    const uint32_t *frozen;
    float *grad; /* laid out as gk_model_data, added to. NULL: the gradients come in pieces, see below */
    /* So that they never exist as a whole: `front` holds those of embed and pos until the end, `window` one
     * layer's at a time, after those of lnf and head. Both of gk_backprop_floats, all zeros; `ready` is
     * called for each piece, in the order in which they are complete: after the head, from the last layer
     * down, at the end for embed and pos. */
    float *front, *window;
    gk_ready_fn *ready;
    void *ctx;
} gk_backprop;
/* The floats of `front` and of `window` for a model of this configuration; weights.c. */
void gk_backprop_floats(const gk_config *c, size_t *front, size_t *window);
/* As gk_forward_loss, and adds d(scale * loss_sum)/d(parameter) to the gradients. The session must have been
 * made for it. Layers below the lowest one that has a wanted gradient are not gone through. */
bool gk_forward_backward(gk_session *s, const gk_model *m, const gk_batch *b, const gk_backprop *p,
                         double *loss_sum, int64_t *n_targets, gk_error *err);

/* Where the time of the last gk_forward_backward went, in seconds (of a thread, where several took parts of
 * the batch side by side): products; attention; norms, activations and what else goes row by row; softmax and
 * loss.
 */
typedef enum gk_phase {
    GK_PHASE_PRODUCTS,
    GK_PHASE_ATTENTION,
    GK_PHASE_ROWS,
    GK_PHASE_LOSS,
    GK_N_PHASES
} gk_phase;
void gk_session_phases(const gk_session *s, double seconds[GK_N_PHASES]);

/* -------------------------------------------------------- one growing sequence (decode.c) */

/* Computes each token once and keeps its keys and values. For one caller at a time; the model must outlive
 * it. */
typedef struct gk_decoder gk_decoder;
/* Room for a text of max_tokens, at most the model's max_positions. */
gk_decoder *gk_decoder_new(const gk_model *m, int max_tokens, gk_error *err);
void gk_decoder_free(gk_decoder *d); /* NULL is fine */
/* Appends n >= 1 tokens; logits [V] (NULL: not wanted) after the last. Fails on a token out of range, which
 * leaves the text as it was up to a chunk before, and when there is no room. */
bool gk_decoder_feed(gk_decoder *d, const int32_t *token, int n, float *logits, gk_error *err);
int gk_decoder_length(const gk_decoder *d);   /* tokens so far */
void gk_decoder_rewind(gk_decoder *d, int n); /* forgets all but the first n */

typedef struct gk_sampling {
    double temperature; /* 0: the likeliest token, the lower id among equals */
    int top_k;          /* only the k likeliest; 0: all */
    double top_p; /* only the likeliest that reach this probability together (Holtzman et al. 2020); 1: all */
} gk_sampling;
/* The next token. Logits must be finite. Thread-safe. */
int32_t gk_sample(const float *logits, int vocab, const gk_sampling *s, gk_rng *rng);

/* ---------------------------------------------------------------- operators on rows (ops_*.c) */

/* x[n x d] = embed_scale * embed[token]. */
void gk_op_embed(const gk_config *c, gk_tensor embed, int n, const int32_t *token, float *x);
/* x[n x d] += pos[position]; does nothing where the family has no learned positions (w NULL). */
void gk_op_pos(gk_tensor pos, int n, const int32_t *position, float *x);
/* y = norm(x), rows of ln.out: LayerNorm or RMSNorm as the config says. y may be x. */
void gk_op_norm(const gk_config *c, gk_tensor ln, int n, const float *x, float *y);
/* y[n x out] = x[n x in] W^T + b; ldx, ldy are row strides in floats. */
void gk_op_linear(gk_tensor t, int n, const float *x, int ldx, float *y, int ldy);
/* y[n x out] += scale (x A^T) B^T; low [n x rank] is scratch. */
void gk_op_low_rank(gk_low_rank l, int n, const float *x, int ldx, float *low, float *y, int ldy);
/* Rotates n rows of `heads` heads in place at their positions; nothing where the config has no RoPE. */
void gk_op_rope(const gk_config *c, int n, int heads, const int32_t *position, float *x, int ldx);
/* out[n x f] = act(gate) * up, or act(up) where the MLP is not gated (then gate is not read). */
void gk_op_act(const gk_config *c, int n, const float *gate, const float *up, float *out);
/* Query i (row i of q [n x q_dim]) attends to the n_ctx[i] rows ctx[i][0..] of k and v ([* x kv_dim]), its
 * own position included and last; out [n x q_dim]. Rotary positions are already applied. `layer` decides
 * whether only the latest of them are seen. */
void gk_op_attend(const gk_config *c, int layer, int n, const float *q, const int32_t *const *ctx,
                  const int32_t *n_ctx, const float *k, const float *v, float *out);
/* x += y, count floats. */
void gk_op_add(size_t count, float *x, const float *y);
/* x = cap * tanh(x / cap), count floats; nothing where cap is 0. */
void gk_op_softcap(float cap, size_t count, float *x);

/* ---------------------------------------------------------------- GEMM (gemm.c) */

/* Chooses the kernels once per process, before first use: BLIS's by CPU features unless BLIS_ARCH_TYPE is
 * set, oneDNN where it was built in. Called by everything that multiplies; calling it again does nothing. */
void gk_gemm_init(void);
typedef struct gk_gemm_info {
    char cpu[128];      /* model name */
    char features[128]; /* "avx512f avx2 fma …" */
    char blis[64];      /* "0.9.0, skx kernels (chosen by CPU features)" */
    char onednn[64];    /* "2.6.3" or "not built in (Debian: libdnnl-dev)" */
    char used[160];     /* which library runs which shapes */
} gk_gemm_info;
void gk_gemm_describe(gk_gemm_info *out);
/* C[m x n] = A[m x k] B[n x k]^T with `threads` threads, measured for about `seconds`: GFLOP/s, median
 * of the calls. library: "blis", "onednn", "auto" (the dispatch the models use) or "bf16" (that of narrow
 * models, of ready operands); 0 when that one is not built in, or the processor has no such products. */
double gk_gemm_measure(const char *library, int m, int n, int k, int threads, double seconds);
/* The fp32 FMA peak of `threads` cores, measured in registers: GFLOP/s. */
double gk_flops_peak(int threads, double seconds);

GK_PUBLIC_END

#endif
