/* gguf_pre.c: what the names in tokenizer.ggml.pre stand for: the normaliser, the pre-tokeniser and the
 * settings of the tokenizer.json that the converter had before it. Where llama.cpp approximates that file
 * with patterns of its own, the file counts. A name of which no tokenizer.json is known here is not in the
 * table. */
#include "tokenizer/internal.h"

#include <string.h>

/* Every member that the `tokenizers` library insists on, also where it has no other value here. */
#define BYTE_LEVEL_(use_regex) \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":" use_regex "}"
#define BYTE_LEVEL BYTE_LEVEL_("true")
#define BYTES_ONLY BYTE_LEVEL_("false")
#define ISOLATE(pattern)                                                                                \
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" pattern "\"},\"behavior\":\"Isolated\",\"invert\":" \
    "false}"
#define SPLIT(pattern) ISOLATE(pattern) ","
#define DIGITS(each) "{\"type\":\"Digits\",\"individual_digits\":" each "},"
#define SEQUENCE(steps) "{\"type\":\"Sequence\",\"pretokenizers\":[" steps "]}"

#define ENDINGS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define BEFORE_LETTERS "[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?"
#define SPACES "|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define WORDS_OF_GPT4(digits)                                     \
    SEQUENCE(SPLIT(ENDINGS "|" BEFORE_LETTERS "\\\\p{L}+|" digits \
                           "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*" SPACES) BYTES_ONLY)
/* Large letters, then small ones; what has no case is both. */
#define LARGE "[\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]"
#define SMALL "[\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]"
#define WORDS_BY_CASE(endings, digits)                                                                       \
    SEQUENCE(SPLIT(BEFORE_LETTERS LARGE "*" SMALL "+" endings "|" BEFORE_LETTERS LARGE "+" SMALL "*" endings \
                                        "|" digits "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*" SPACES)      \
                 BYTES_ONLY)

#define DIGITS_AND_WORDS SEQUENCE(DIGITS("true") BYTE_LEVEL)
#define FALCON                                                                                        \
    SEQUENCE("{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"}," BYTE_LEVEL "," DIGITS("false") \
                 ISOLATE("[0-9][0-9][0-9]"))

#define BLOOM SEQUENCE(SPLIT(" ?[^(\\\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+") BYTES_ONLY)

#define DEEPSEEK(words, punctuation, more)                                               \
    SEQUENCE(SPLIT("[\\r\\n]") SPLIT("\\\\s?" words "+") SPLIT("\\\\s?" punctuation "+") \
                 more SPLIT("[\\u4e00-\\u9fa5\\u0800-\\u4e00\\uac00-\\ud7ff]+") DIGITS("true") BYTES_ONLY)
/* Letters with a case, of an older Unicode and without some blocks: as the file lists them. */
#define CASED                                                                                    \
    "[A-Za-z\\u00b5\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u01ba\\u01bc-\\u01bf\\u01c4-\\u0293"  \
    "\\u0295-\\u02af\\u0370-\\u0373\\u0376\\u0377\\u037b-\\u037d\\u037f\\u0386\\u0388-\\u038a"   \
    "\\u038c\\u038e-\\u03a1\\u03a3-\\u03f5\\u03f7-\\u0481\\u048a-\\u052f\\u0531-\\u0556"         \
    "\\u10a0-\\u10c5\\u13a0-\\u13f5\\u13f8-\\u13fd\\u1c90-\\u1cba\\u1cbd-\\u1cbf\\u1d00-\\u1d2b" \
    "\\u1d6b-\\u1d77\\u1d79-\\u1d9a\\u1e00-\\u1f15\\u1f18-\\u1f1d\\u1f20-\\u1f45\\u1f48-\\u1f4d" \
    "\\u1f50-\\u1f57\\u1f59\\u1f5b\\u1f5d\\u1f5f-\\u1f7d\\u1f80-\\u1fb4\\u1fb6-\\u1fbc\\u1fbe"   \
    "\\u1fc2-\\u1fc4\\u1fc6-\\u1fcc\\u1fd0-\\u1fd3\\u1fd6-\\u1fdb\\u1fe0-\\u1fec\\u1ff2-\\u1ff4" \
    "\\u1ff6-\\u1ffc\\u2102\\u2107\\u210a-\\u2113\\u2115\\u2119-\\u211d\\u2124\\u2126\\u2128"    \
    "\\u212a-\\u212d\\u212f-\\u2134\\u2139\\u213c-\\u213f\\u2145-\\u2149\\u214e\\u2183\\u2184"   \
    "\\u2c00-\\u2c7b\\u2c7e-\\u2ce4\\u2ceb-\\u2cee\\u2cf2\\u2cf3\\ua640-\\ua66d\\ua680-\\ua69b"  \
    "\\ua722-\\ua76f\\ua771-\\ua787\\ua78b-\\ua78e\\uab70-\\uabbf\\ufb00-\\ufb06\\ufb13-\\ufb17" \
    "\\uff21-\\uff3a\\uff41-\\uff5a\\ud801\\udc00-\\ud801\\udc4f\\ud801\\udcb0-\\ud801\\udcd3"   \
    "\\ud801\\udcd8-\\ud801\\udcfb\\ud803\\udc80-\\ud803\\udcb2\\ud803\\udcc0-\\ud803\\udcf2"    \
    "\\ud806\\udca0-\\ud806\\udcdf\\ud83a\\udd00-\\ud83a\\udd43]"

/* llama.cpp's, where a file has no name. */
#define OF_LLAMA_CPP                                                                                        \
    SEQUENCE(SPLIT("[\\\\p{P}\\\\$\\\\+<=>\\\\^~\\\\|]+")                                                   \
                 SPLIT("'s|'t|'re|'ve|'m|'ll|'d| ?\\\\p{L}+| ?\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+|\\\\s+" \
                       "(?!\\\\S)") SPLIT("\\\\p{N}+") SPLIT("[0-9][0-9][0-9]") BYTES_ONLY)

enum { PLAIN = 0, NFC = 1, WHOLE = 2, BOS = 4 };

static const struct {
    const char *name, *pre_tokenizer;
    unsigned flags;
} PRES[] = {
    {"gpt-2", BYTE_LEVEL, PLAIN}, /* openai-community/gpt2 */
    {"phi-2", BYTE_LEVEL, PLAIN}, /* microsoft/phi-2: CodeGen's, GPT-2's again */
    {"olmo", BYTE_LEVEL, NFC},    /* allenai/OLMo-1.7-7B-hf, EleutherAI/pythia-*, gpt-neox-20b: one pattern */
    {"mpt", BYTE_LEVEL, NFC},     /* mosaicml/mpt-7b: GPT-NeoX's */
    {"smollm", DIGITS_AND_WORDS, PLAIN},                        /* HuggingFaceTB/SmolLM-135M */
    {"starcoder", DIGITS_AND_WORDS, PLAIN},                     /* bigcode/starcoder2-3b */
    {"refact", DIGITS_AND_WORDS, PLAIN},                        /* smallcloudai/Refact-1_6B-fim; Granite */
    {"command-r", DIGITS_AND_WORDS, NFC},                       /* CohereForAI/c4ai-command-r-v01 */
    {"llama-bpe", WORDS_OF_GPT4("\\\\p{N}{1,3}"), WHOLE | BOS}, /* meta-llama/Meta-Llama-3-8B */
    {"llama3", WORDS_OF_GPT4("\\\\p{N}{1,3}"), WHOLE | BOS},
    {"llama-v3", WORDS_OF_GPT4("\\\\p{N}{1,3}"), WHOLE | BOS},
    {"dbrx", WORDS_OF_GPT4("\\\\p{N}{1,3}"), PLAIN},        /* databricks/dbrx-base; OLMo 2 */
    {"smaug-bpe", WORDS_OF_GPT4("\\\\p{N}{1,3}"), PLAIN},   /* abacusai/Smaug-Llama-3-70B-Instruct */
    {"qwen2", WORDS_OF_GPT4("\\\\p{N}"), NFC},              /* Qwen/Qwen1.5-7B to Qwen3 */
    {"deepseek-r1-qwen", WORDS_OF_GPT4("\\\\p{N}"), NFC},   /* deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B */
    {"tekken", WORDS_BY_CASE("", "\\\\p{N}"), WHOLE | BOS}, /* mistralai/Mistral-Nemo-Base-2407 */
    {"gpt-4o", WORDS_BY_CASE(ENDINGS "?", "\\\\p{N}{1,3}"), PLAIN}, /* Xenova/gpt-4o */
    {"falcon", FALCON, PLAIN},                                      /* tiiuae/falcon-7b */
    {"bloom", BLOOM, PLAIN},                                        /* bigscience/bloom-560m */
    {"chatglm-bpe", WORDS_OF_GPT4("\\\\p{N}{1,3}"), PLAIN},         /* THUDM/glm-4-9b-chat */
    {"deepseek-coder", DEEPSEEK("\\\\p{L}", "\\\\p{P}", ), PLAIN},  /* deepseek-ai/deepseek-coder-6.7b-base */
    {"deepseek-llm",
     DEEPSEEK(CASED, "[!-/:-~\\uff01-\\uff0f\\uff1a-\\uff5e\\u2018-\\u201f\\u3000-\\u3002]",
              SPLIT("\\\\s+$")),
     PLAIN}, /* deepseek-ai/deepseek-llm-7b-base */
    {"default", OF_LLAMA_CPP, PLAIN},
};
enum { N_PRES = sizeof PRES / sizeof *PRES };

bool gk_tok__gguf_pre(const char *name, gk_tok__gguf_steps *out) {
    for (size_t i = 0; i < N_PRES; i++)
        if (strcmp(PRES[i].name, name) == 0) {
            unsigned f = PRES[i].flags;
            *out = (gk_tok__gguf_steps){.pre_tokenizer = PRES[i].pre_tokenizer,
                                        .nfc = f & NFC,
                                        .ignore_merges = f & WHOLE,
                                        .add_bos = f & BOS};
            return true;
        }
    return false;
}

const char *gk_tok__gguf_pre_at(size_t i) {
    return i < N_PRES ? PRES[i].name : NULL;
}
