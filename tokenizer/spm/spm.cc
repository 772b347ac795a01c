// spm.cc: see spm.h. Every function that can throw runs its body inside guarded().
#include "tokenizer/spm/spm.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

namespace sp = sentencepiece;

struct gk_spm__model {
    sp::SentencePieceProcessor proc;
};

namespace {

void say(char *why, const char *text) {
    std::snprintf(why, GK_SPM__WHY, "%s", text);
}

// A status reads "FILE(12) [(condition)] the message"; a user needs the message, where there is one.
bool succeeded(const sp::util::Status &status, char *why) {
    if (status.ok()) return true;
    const char *text = status.message();
    const char *after = std::strstr(text, ")] ");
    say(why, after && after[3] ? after + 3 : text);
    return false;
}

template <typename Body> bool guarded(char *why, Body body) noexcept {
    try {
        return body();
    } catch (const std::exception &e) {
        say(why, e.what());
    } catch (...) {
        say(why, "the sentencepiece library failed without saying why");
    }
    return false;
}

char *copy_of(const std::string &s, size_t *len) {
    char *p = static_cast<char *>(std::malloc(s.size() + 1));
    if (!p) throw std::bad_alloc();
    std::memcpy(p, s.c_str(), s.size() + 1);
    *len = s.size();
    return p;
}

class Sentences : public sp::SentenceIterator {
  public:
    Sentences(const char *const *text, size_t n) : text_(text), n_(n) {
        if (n_ > 0) value_ = text_[0];
    }
    bool done() const override {
        return at_ >= n_;
    }
    void Next() override {
        if (++at_ < n_) value_ = text_[at_];
    }
    const std::string &value() const override {
        return value_;
    }
    sp::util::Status status() const override {
        return sp::util::Status();
    }

  private:
    const char *const *text_;
    size_t n_, at_ = 0;
    std::string value_;
};

} // namespace

const char *gk_spm__version(void) {
    return GK_SENTENCEPIECE_VERSION; // the library has no function that says it
}

gk_spm__model *gk_spm__open(const void *bytes, size_t len, bool prefix, char why[GK_SPM__WHY]) {
    gk_spm__model *m = nullptr;
    bool ok = guarded(why, [&] {
        // A message that is there twice is read as one, whose members are the later ones: a NormalizerSpec
        // (3) with add_dummy_prefix (3) behind the model changes that and nothing else.
        std::string all(static_cast<const char *>(bytes), len);
        all += {'\x1A', '\x02', '\x18', prefix ? '\x01' : '\x00'};
        m = new gk_spm__model;
        return succeeded(m->proc.LoadFromSerializedProto(all), why);
    });
    if (ok) return m;
    gk_spm__free(m);
    return nullptr;
}

void gk_spm__free(gk_spm__model *m) {
    delete m;
}

int gk_spm__size(const gk_spm__model *m) {
    return m->proc.GetPieceSize();
}
int gk_spm__bos(const gk_spm__model *m) {
    return m->proc.bos_id();
}
int gk_spm__eos(const gk_spm__model *m) {
    return m->proc.eos_id();
}
int gk_spm__unk(const gk_spm__model *m) {
    return m->proc.unk_id();
}
const char *gk_spm__piece(const gk_spm__model *m, int id) {
    return m->proc.IdToPiece(id).c_str();
}
int gk_spm__find(const gk_spm__model *m, const char *piece) {
    int id = m->proc.PieceToId(piece); // of what it does not know, the unknown piece's
    return m->proc.IdToPiece(id) == piece ? id : -1;
}
int gk_spm__byte(const gk_spm__model *m, int id) {
    unsigned value = 0;
    if (!m->proc.IsByte(id) || std::sscanf(gk_spm__piece(m, id), "<0x%2X>", &value) != 1) return -1;
    return static_cast<int>(value);
}
float gk_spm__score(const gk_spm__model *m, int id) {
    return m->proc.GetScore(id);
}
bool gk_spm__is_unused(const gk_spm__model *m, int id) {
    return m->proc.IsUnused(id);
}
bool gk_spm__is_control(const gk_spm__model *m, int id) {
    return m->proc.IsControl(id);
}
bool gk_spm__is_reserved(const gk_spm__model *m, int id) {
    return m->proc.IsControl(id) || m->proc.IsUnknown(id) || m->proc.IsByte(id);
}

bool gk_spm__encode(const gk_spm__model *m, const char *text, size_t len, gk_spm__token **out, size_t *n,
                    char why[GK_SPM__WHY]) {
    return guarded(why, [&] {
        sp::ImmutableSentencePieceText spt;
        if (!succeeded(m->proc.Encode(std::string_view(text, len), spt.mutable_proto()), why)) return false;
        size_t count = spt.pieces_size();
        auto *t = static_cast<gk_spm__token *>(std::calloc(count + 1, sizeof(gk_spm__token)));
        if (!t) throw std::bad_alloc();
        for (size_t i = 0; i < count; i++) {
            const auto piece = spt.pieces(static_cast<int>(i));
            t[i] = {static_cast<int32_t>(piece.id()), piece.begin(), piece.end()};
        }
        *out = t;
        *n = count;
        return true;
    });
}

bool gk_spm__decode(const gk_spm__model *m, const int32_t *id, size_t n, char **text, size_t *len,
                    char why[GK_SPM__WHY]) {
    return guarded(why, [&] {
        std::string s;
        if (!succeeded(m->proc.Decode(std::vector<int>(id, id + n), &s), why)) return false;
        *text = copy_of(s, len);
        return true;
    });
}

bool gk_spm__train(const char *const *sentences, size_t n, int vocab, char **model, size_t *len,
                   char why[GK_SPM__WHY]) {
    return guarded(why, [&] {
        // One thread, because with more the order of their results could decide between equals. minloglevel 3
        // keeps the library from writing to stderr (its level is one for the process).
        const std::unordered_map<std::string, std::string> options = {
            {"model_type", "bpe"},
            {"vocab_size", std::to_string(vocab)},
            {"character_coverage", "1.0"},
            {"byte_fallback", "true"},
            {"normalization_rule_name", "identity"},
            {"add_dummy_prefix", "true"},
            {"remove_extra_whitespaces", "false"},
            {"split_digits", "false"},
            {"max_sentence_length", std::to_string(GK_SPM__TEXT_MAX)},
            {"unk_id", "0"},
            {"bos_id", "1"},
            {"eos_id", "2"},
            {"pad_id", "-1"},
            {"num_threads", "1"},
            {"minloglevel", "3"},
        };
        Sentences source(sentences, n);
        std::string proto;
        if (!succeeded(sp::SentencePieceTrainer::Train(options, &source, &proto), why)) return false;
        *model = copy_of(proto, len);
        return true;
    });
}

void gk_spm__release(void *p) {
    std::free(p);
}
