#!/bin/sh
# peft 0.21.2: LoraConfig(ensure_weight_tying=True, modules_to_save=[the embedding]) keeps embedding and head one matrix only where modules_to_save says
# embed_tokens or lm_head. Under the names that GPT-2 (wte) and GPT-NeoX (embed_in) have, whose heads are tied all the same, the pair parts: the
# head stays the base's, with a warning that no tied module is added.
# Seen: llama embed_tokens: head follows; gpt2 wte: head stays; gpt_neox embed_in: head stays.
set -e
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
python3 -m venv "$t/v"
"$t/v/bin/pip" -q install torch==2.13.0 transformers==5.24.0 peft==0.21.2
cat > "$t/run.py" <<'P'
import sys
import torch
import transformers as tf
from peft import LoraConfig, get_peft_model

small = dict(vocab_size=16, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, tie_word_embeddings=True)
cases = [(tf.LlamaConfig(**small), "embed_tokens", "q_proj"),
         (tf.GPT2Config(vocab_size=16, n_embd=8, n_layer=1, n_head=2, n_positions=8), "wte", "c_attn"),
         (tf.GPTNeoXConfig(**small, max_position_embeddings=8), "embed_in", "query_key_value")]
weight = lambda x: x.modules_to_save["default"].weight if hasattr(x, "modules_to_save") else x.weight
seen = {}
for config, embedding, target in cases:
    m = get_peft_model(tf.AutoModelForCausalLM.from_config(config),
                       LoraConfig(task_type="CAUSAL_LM", target_modules=[target], modules_to_save=[embedding], ensure_weight_tying=True))
    with torch.no_grad():
        weight(m.get_base_model().get_input_embeddings()).add_(1)
    base = m.get_base_model()
    follows = torch.equal(weight(base.get_input_embeddings()), weight(base.get_output_embeddings()))
    seen[config.model_type] = f"{config.model_type} {embedding}: head {'follows' if follows else 'stays'}"
print("; ".join(seen.values()))
sys.exit([s.split()[-1] for s in seen.values()] != ["follows", "stays", "stays"])
P
"$t/v/bin/python" "$t/run.py" 2>/dev/null
