/* checkpoint.h (model): models in files: Hugging Face folders and GGUF, read, written and looked into.
 *
 * Example:
 *     gk_model *m = gk_model_open("models/SmolLM2-135M", err);
 *     bool ok = m && gk_model_save(m, "copy", err);
 *     gk_model_free(m);
 *     return ok;
 */
#ifndef GRAFTKIT_MODEL_CHECKPOINT_H
#define GRAFTKIT_MODEL_CHECKPOINT_H

#include "graftkit/core/memory.h"
#include "graftkit/model/weights.h"

GK_PUBLIC_BEGIN

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
/* The same, but what is quantised stays as it is stored, in ggml's blocks, which products of few rows read as
 * they are: for decoding (gk_decoder) and gk_forward. Others refuse such a model: casts, adapters, saving. */
gk_model *gk_model_open_stored(const char *path, gk_error *err);
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

/* What GGUF files call the architecture of such a model; NULL where none are read. */
const char *gk_family_gguf(const gk_family *f);

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

/* A checkpoint that training left, RUN/checkpoint-<step>.safetensors, is a model by its path, wherever a path
 * of one is wanted: the weights of that step. Its tokenizer is its folder's. */
bool gk_is_checkpoint(const char *path);

GK_PUBLIC_END

#endif
