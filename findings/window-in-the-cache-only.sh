#!/bin/sh
# transformers 5.24.0: "sliding_window" in the config.json of a model whose class has no window (Llama, GPT-2, GPT-NeoX, Gemma, OLMo 2) changes nothing in
# a pass over a whole text, but the cache drops keys and values by it: the same text fed token by token, as generate() does, has other logits.
# Seen: llama, sliding_window 3, 8 tokens: whole pass as without the key: True; token by token as the whole pass: without the key True, with it False.
set -e
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
python3 -m venv "$t/v"
"$t/v/bin/pip" -q install torch==2.13.0 transformers==5.24.0
cat > "$t/run.py" <<'P'
import sys
import torch
from transformers import LlamaConfig, LlamaForCausalLM

ids = [5, 17, 3, 44, 9, 21, 30, 8]
size = dict(vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4)


def numbers(**more):
    torch.manual_seed(1)
    m = LlamaForCausalLM(LlamaConfig(**size, **more)).eval()
    with torch.no_grad():
        for p in m.parameters():
            p.normal_(std=0.3)
        cache, rows = None, []
        for i in ids:
            out = m(torch.tensor([[i]]), past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            rows.append(out.logits[0, 0])
        return m(torch.tensor([ids])).logits[0], torch.stack(rows)


whole, cached = numbers()
whole_window, cached_window = numbers(sliding_window=3)
same = lambda a, b: torch.allclose(a, b, atol=1e-4)
seen = [same(whole, whole_window), same(whole, cached), same(whole_window, cached_window)]
print("whole pass as without the key:", seen[0], "; token by token as the whole pass: without the key", seen[1], ", with it", seen[2])
sys.exit(seen != [True, True, False])
P
"$t/v/bin/python" "$t/run.py" 2>/dev/null
