#!/bin/sh
# transformers 5.24.0: "is_causal": null in config.json makes a Llama (any decoder) bidirectional; leaving the key out, or true, does not. null is read
# as false here, while in the keys next to it (head_dim, num_key_value_heads) null means the default.
# Seen: absent: causal; true: causal; null: sees later tokens; false: sees later tokens.
set -e
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
python3 -m venv "$t/v"
"$t/v/bin/pip" -q install torch==2.13.0 transformers==5.24.0 --extra-index-url https://download.pytorch.org/whl/cpu
cat > "$t/run.py" <<'P'
import json
import sys
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

folder = sys.argv[1]
torch.manual_seed(1)
LlamaForCausalLM(LlamaConfig(vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4)).save_pretrained(folder)
path = folder + "/config.json"
plain = json.load(open(path))
seen = {}
for name, more in (("absent", {}), ("true", {"is_causal": True}), ("null", {"is_causal": None}), ("false", {"is_causal": False})):
    json.dump({**plain, **more}, open(path, "w"))
    m = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        a, b = (m(torch.tensor([ids])).logits[0, 0] for ids in ([5, 17, 3], [5, 17, 44]))
    seen[name] = "causal" if torch.allclose(a, b) else "sees later tokens"
    print(f"{name}: {seen[name]}")
sys.exit(list(seen.values()) != ["causal", "causal", "sees later tokens", "sees later tokens"])
P
"$t/v/bin/python" "$t/run.py" "$t/model" 2>/dev/null
