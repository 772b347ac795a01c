#!/bin/sh
# transformers 5.24.0: with "is_causal": null in its config.json a decoder is causal or not by how it is called: sdpa attention without a mask is causal,
# sdpa with a padding mask (as tokenizers make it) and eager attention see later tokens, as with false. Absent and true are causal throughout.
# Seen: sdpa null: causal, with a mask sees later tokens; eager null: sees later tokens, with a mask sees later tokens.
set -e
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
python3 -m venv "$t/v"
"$t/v/bin/pip" -q install torch==2.13.0 transformers==5.24.0
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
for how in ("sdpa", "eager"):
    for name, more in (("absent", {}), ("true", {"is_causal": True}), ("null", {"is_causal": None}), ("false", {"is_causal": False})):
        json.dump({**plain, **more}, open(path, "w"))
        m = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation=how).eval()
        with torch.no_grad():  # the first token's logits, with another last token; the mask pads a second row
            a, b = (m(torch.tensor([t])).logits[0, 0] for t in ([5, 17, 3], [5, 17, 44]))
            c, d = (m(torch.tensor([t, t]), attention_mask=torch.tensor([[1, 1, 1], [1, 1, 0]])).logits[0, 0] for t in ([5, 17, 3], [5, 17, 44]))
        seen[how, name] = ["causal" if torch.allclose(x, y) else "sees later tokens" for x, y in ((a, b), (c, d))]
        print(how, f"{name}: {seen[how, name][0]}, with a mask {seen[how, name][1]}")
ok = all(seen[h, n] == ["causal"] * 2 for h in ("sdpa", "eager") for n in ("absent", "true"))
later = "sees later tokens"
sys.exit(not (ok and seen["sdpa", "null"] == ["causal", later] and seen["eager", "null"] == [later, later]))
P
"$t/v/bin/python" "$t/run.py" "$t/model" 2>/dev/null
