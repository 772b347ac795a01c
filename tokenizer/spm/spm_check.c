/* spm_check.c: reads a tokenizer.model (a protobuf message, sentencepiece_model.proto) before the library
 * does.
 *
 * The library trusts its model: a damaged normaliser table or 65 nested user-defined symbols make it read
 * beyond its arrays. So everything it would index by is looked at here, and what graftkit does not honour is
 * refused here, with the byte where it stands.
 */
#include "graftkit/core/file.h"
#include "tokenizer/internal.h"
#include "tokenizer/spm/spm.h"

#include <math.h>
#include <string.h>

/* Wire types of protobuf. Groups (3, 4) are not used by sentencepiece. */
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* Fields of the messages that matter here, and the values of the enums. */
enum { MODEL_PIECES = 1, MODEL_TRAINER = 2, MODEL_NORMALIZER = 3, MODEL_DENORMALIZER = 5 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3, TYPE_USER_DEFINED = 4 };
enum { TRAINER_MODEL_TYPE = 3, TRAINER_SPACE_AS_SUFFIX = 24, TRAINER_BYTE_FALLBACK = 35 };
enum { MODEL_TYPE_UNIGRAM = 1, MODEL_TYPE_BPE = 2 };
enum { NORMALIZER_CHARSMAP = 2, NORMALIZER_DUMMY_PREFIX = 3, NORMALIZER_SQUEEZE = 4, NORMALIZER_ESCAPE = 5 };

/* Longer pieces than any real model has; the library recurses once for each part of a piece. */
#define PIECE_BYTES_MAX 4096
/* The library keeps at most 64 matches where user-defined symbols are prefixes of each other, and of n nested
 * symbols the longest has n characters or more. */
#define SYMBOL_CHARS_MAX 64

typedef struct reader {
    const uint8_t *bytes;
    size_t at, end;
    const char *file;
    gk_error *err;
} reader;

typedef struct field {
    uint32_t number, wire;
    uint64_t value;         /* of a varint or fixed field */
    size_t at, begin, size; /* where the field starts; the payload of a bytes field */
} field;

#define HINT_DAMAGED \
    "a tokenizer.model as sentencepiece wrote it; this one is damaged, cut short or something else"

static bool damaged(const reader *r, size_t at, const char *what) {
    return gk_fail(r->err, GK_AT_BYTE(r->file, at), HINT_DAMAGED, "not a sentencepiece model: %s", what);
}

static bool read_varint(reader *r, uint64_t *out) {
    size_t at = r->at;
    *out = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (r->at == r->end) return damaged(r, at, "it ends inside a number");
        uint8_t b = r->bytes[r->at++];
        *out |= (uint64_t)(b & 0x7F) << (shift < 64 ? shift : 63);
        if (!(b & 0x80)) return true;
    }
    return damaged(r, at, "a number longer than ten bytes");
}

static bool read_fixed(reader *r, unsigned bytes, uint64_t *out) {
    if (r->end - r->at < bytes) return damaged(r, r->at, "it ends inside a number");
    *out = 0;
    for (unsigned i = 0; i < bytes; i++) *out |= (uint64_t)r->bytes[r->at++] << (8 * i);
    return true;
}

/* The field at r->at < r->end. */
static bool read_field(reader *r, field *f) {
    uint64_t tag = 0;
    *f = (field){.at = r->at};
    if (!read_varint(r, &tag)) return false;
    if (tag > UINT32_MAX || tag >> 3 == 0) return damaged(r, f->at, "a field number that cannot be");
    f->number = (uint32_t)(tag >> 3);
    f->wire = (uint32_t)(tag & 7);
    switch (f->wire) {
    case WIRE_VARINT:
        return read_varint(r, &f->value);
    case WIRE_FIXED32:
        return read_fixed(r, 4, &f->value);
    case WIRE_FIXED64:
        return read_fixed(r, 8, &f->value);
    case WIRE_BYTES:
        break;
    default:
        return damaged(r, f->at, "a field of unknown type");
    }
    uint64_t size = 0;
    if (!read_varint(r, &size)) return false;
    if (size > r->end - r->at) return damaged(r, f->at, "a field that reaches beyond the end");
    f->begin = r->at;
    f->size = (size_t)size;
    r->at += f->size;
    return true;
}

static reader inside(const reader *r, const field *f) {
    return (reader){r->bytes, f->begin, f->begin + f->size, r->file, r->err};
}

static size_t chars_of(const uint8_t *s, size_t n) {
    size_t chars = 0;
    for (size_t i = 0; i < n; i++) chars += (s[i] & 0xC0) != 0x80;
    return chars;
}

static bool check_piece_text(const reader *r, const field *f) {
    if (f->size == 0 || f->size > PIECE_BYTES_MAX)
        return gk_fail(r->err, GK_AT_BYTE(r->file, f->at), "1 to 4096 bytes", "a piece of %zu bytes",
                       f->size);
    size_t bad = 0;
    if (!gk_utf8_valid((const char *)r->bytes + f->begin, f->size, &bad) ||
        memchr(r->bytes + f->begin, 0, f->size) != NULL)
        return gk_fail(r->err, GK_AT_BYTE(r->file, f->begin), "UTF-8 without NUL",
                       "a piece that is not text");
    return true;
}

static bool check_piece(const reader *model, const field *piece, gk_spm__facts *out) {
    reader r = inside(model, piece);
    size_t chars = 0;
    bool user_defined = false;
    while (r.at < r.end) {
        field f;
        if (!read_field(&r, &f)) return false;
        if (f.number == PIECE_TEXT && f.wire == WIRE_BYTES) {
            if (!check_piece_text(&r, &f)) return false;
            chars = chars_of(r.bytes + f.begin, f.size);
        } else if (f.number == PIECE_SCORE && f.wire == WIRE_FIXED32) {
            uint32_t bits = (uint32_t)f.value;
            float score;
            memcpy(&score, &bits, sizeof score);
            if (!isfinite(score))
                return gk_fail(r.err, GK_AT_BYTE(r.file, f.at), "a finite number", "a piece's score is %f",
                               (double)score);
        } else if (f.number == PIECE_TYPE && f.wire == WIRE_VARINT) {
            user_defined |= (uint32_t)f.value == TYPE_USER_DEFINED;
        }
    }
    out->user_defined |= user_defined;
    if (user_defined && chars > SYMBOL_CHARS_MAX)
        return gk_fail(r.err, GK_AT_BYTE(r.file, piece->at), "at most 64 characters",
                       "a user-defined symbol of %zu characters", chars);
    return true;
}

static bool check_trainer(const reader *model, const field *spec, uint32_t *model_type, gk_spm__facts *out) {
    reader r = inside(model, spec);
    while (r.at < r.end) {
        field f;
        if (!read_field(&r, &f)) return false;
        if (f.number == TRAINER_MODEL_TYPE && f.wire == WIRE_VARINT) *model_type = (uint32_t)f.value;
        if (f.number == TRAINER_BYTE_FALLBACK && f.wire == WIRE_VARINT) out->byte_fallback = f.value != 0;
        if (f.number == TRAINER_SPACE_AS_SUFFIX && f.wire == WIRE_VARINT && f.value != 0)
            return gk_fail(r.err, GK_AT_BYTE(r.file, f.at), "a model with treat_whitespace_as_suffix=false",
                           "this model gives a space to the word before it");
    }
    return true;
}

static bool check_charsmap(const reader *r, const field *f, gk_spm__facts *out) {
    gk_tok__charsmap map;
    const char *why = gk_tok__charsmap_open(&map, r->bytes + f->begin, f->size);
    out->charsmap = map.bytes;
    out->charsmap_len = map.len;
    out->longest = map.longest;
    return !why || gk_fail(r->err, GK_AT_BYTE(r->file, f->at), "a table as sentencepiece compiles it",
                           "the table of replacements cannot be used: %s", why);
}

static bool check_normalizer(const reader *model, const field *spec, gk_spm__facts *out) {
    reader r = inside(model, spec);
    while (r.at < r.end) {
        field f;
        if (!read_field(&r, &f)) return false;
        if (f.number == NORMALIZER_CHARSMAP && f.wire == WIRE_BYTES && f.size > 0 &&
            !check_charsmap(&r, &f, out))
            return false;
        if (f.wire != WIRE_VARINT) continue;
        if (f.number == NORMALIZER_DUMMY_PREFIX) out->dummy_prefix = f.value != 0;
        if (f.number == NORMALIZER_SQUEEZE) out->squeeze = f.value != 0;
        if (f.number == NORMALIZER_ESCAPE) out->escape = f.value != 0;
    }
    return true;
}

bool gk_spm__check(const void *bytes, size_t len, const char *file, gk_spm__facts *out, gk_error *err) {
    reader r = {bytes, 0, len, file, err};
    uint32_t model_type = MODEL_TYPE_UNIGRAM; /* what sentencepiece means where nothing is said */
    bool trainer = false, normalizer = false;
    gk_spm__facts back = {0};
    *out = (gk_spm__facts){.dummy_prefix = true, .squeeze = true, .escape = true};
    while (r.at < r.end) {
        field f;
        if (!read_field(&r, &f)) return false;
        if (f.wire != WIRE_BYTES) continue;
        trainer |= f.number == MODEL_TRAINER;
        normalizer |= f.number == MODEL_NORMALIZER;
        bool ok = true;
        switch (f.number) {
        case MODEL_PIECES:
            ok = check_piece(&r, &f, out);
            out->pieces++;
            break;
        case MODEL_TRAINER:
            ok = check_trainer(&r, &f, &model_type, out);
            break;
        case MODEL_NORMALIZER:
            ok = check_normalizer(&r, &f, out);
            break;
        case MODEL_DENORMALIZER:
            ok = check_normalizer(&r, &f, &back) &&
                 (!back.charsmap || gk_fail(err, GK_AT_BYTE(file, f.at), "a model without a denormalizer",
                                            "this model rewrites the text that ids decode to"));
            break;
        default:
            break;
        }
        if (!ok) return false;
    }
    if (out->pieces == 0) return damaged(&r, len, "no pieces before its end");
    /* Without them the library would go on with settings of its own: this is how a file cut short looks. */
    if (!trainer || !normalizer) return damaged(&r, len, "it ends before its settings");
    out->unigram = model_type == MODEL_TYPE_UNIGRAM;
    if (model_type != MODEL_TYPE_BPE && !out->unigram)
        return gk_fail(err, GK_AT_FIELD(file, "model_type"), "a model trained with model_type=bpe or unigram",
                       "sentencepiece model of type %u, which is not built", model_type);
    return true;
}
