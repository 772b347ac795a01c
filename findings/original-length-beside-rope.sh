#!/bin/sh
# transformers 5.24.0: original_max_position_embeddings beside rope_parameters overrides the one inside it, for rope_type llama3 (the config that
# save_pretrained wrote changes by one added key, and so do the logits); 4.57.1 reads the one inside.
# Seen: 5.24.0: inside 16, beside 8 -> computes with 8; 4.57.1 -> computes with 16.
set -e
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cat > "$t/run.py" <<'P'
import sys
import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

rope = dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)
new = transformers.__version__.startswith("5")
key = dict(rope_parameters={**rope, "rope_theta": 100.0}) if new else dict(rope_scaling=rope, rope_theta=100.0)
c = LlamaConfig(vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64,
                original_max_position_embeddings=8, **key)
m = LlamaForCausalLM(c)
here = m.model.rotary_emb.inv_freq
both = []
for n in (8, 16):
    key = {k: ({**v, "original_max_position_embeddings": n} if isinstance(v, dict) else v) for k, v in key.items()}
    d = LlamaConfig(vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64, **key)
    both.append(torch.equal(LlamaForCausalLM(d).model.rotary_emb.inv_freq, here))
got = {(True, False): 8, (False, True): 16}.get(tuple(both))
print(transformers.__version__, "inside 16, beside 8 -> computes with", got)
sys.exit(got != int(sys.argv[1]))
P
for v in "5.24.0 8" "4.57.1 16"; do
    set -- $v
    python3 -m venv "$t/$1"
    "$t/$1/bin/pip" -q install torch==2.13.0 transformers==$1 --extra-index-url https://download.pytorch.org/whl/cpu
    "$t/$1/bin/python" "$t/run.py" "$2" 2>/dev/null
done
