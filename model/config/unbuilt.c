/* unbuilt.c: model families that are known and not built, by what they have that no column of the table
 * says. */
#include "graftkit/model/config.h"
#include "model/config/family.h"

#include <string.h>

/* In the order of `graftkit models`; the names are transformers' model_types. A family that gets a row in
 * the table of families leaves this one (tests/tools/test_list.c). */
static const gk_unbuilt UNBUILT[] = {
    {"mamba mamba2 falcon_mamba", "state-space layers"},
    {"jamba bamba zamba zamba2 nemotron_h falcon_h1 granitemoehybrid plamo2",
     "state-space layers beside attention"},
    {"rwkv xlstm", "recurrent layers"},
    {"recurrent_gemma", "recurrent layers beside attention"},
    {"qwen3_next qwen3_5 qwen3_5_text qwen3_5_moe qwen3_5_moe_text kimi_linear minimax olmo_hybrid "
     "bailing_hybrid",
     "linear attention"},
    {"lfm2 lfm2_moe", "short convolutions beside attention"},
    {"deepseek_v2 deepseek_v3 deepseek_v32 minicpm3 glm4_moe_lite youtu longcat_flash",
     "multi-head latent attention"},
    {"gemma3n gemma3n_text", "inputs for each layer and several residual streams"},
    {"diffllama", "differential attention"},
    {"llama4 llama4_text", "attention in chunks and a temperature by position"},
    {"bert roberta distilbert electra albert deberta deberta-v2 modernbert xlm-roberta camembert",
     "attention in both directions"},
    {"t5 mt5 umt5 longt5 switch_transformers t5gemma bart mbart marian pegasus m2m_100 blenderbot",
     "an encoder beside the decoder"},
    {"whisper hubert wav2vec2 vit clip siglip", "sound or pictures as input"},
    {"reformer big_bird longformer", "sparse attention"},
    {"xlnet transfo-xl", "relative positions and a memory of segments"},
    {"ctrl", "sinusoidal positions"},
};
enum { N_UNBUILT = sizeof UNBUILT / sizeof *UNBUILT };

const gk_unbuilt *gk_unbuilt_at(size_t i) {
    return i < N_UNBUILT ? &UNBUILT[i] : NULL;
}

const char *gk_config__lacks(const char *model_type) {
    size_t n = strlen(model_type);
    if (n == 0 || strchr(model_type, ' ')) return NULL;
    for (size_t i = 0; i < N_UNBUILT; i++) {
        const char *names = UNBUILT[i].names;
        for (const char *at = strstr(names, model_type); at; at = strstr(at + 1, model_type))
            if ((at == names || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0')) return UNBUILT[i].lacks;
    }
    return NULL;
}
