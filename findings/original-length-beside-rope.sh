#!/bin/sh
# transformers 5.24.0: original_max_position_embeddings beside rope_parameters overrides the one inside it, for rope_type llama3 (yarn and longrope
# too): a stray key changes the logits of a complete configuration. rope_theta goes the other way round: the one inside counts.
# Seen: length: inside 16, beside 8 -> computes with 8; theta: inside 100, beside 7 -> computes with 100.
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
rope = dict(rope_type="llama3", rope_theta=100.0, factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)
torch.manual_seed(1)
LlamaForCausalLM(LlamaConfig(vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
                             max_position_embeddings=64, rope_parameters=rope)).save_pretrained(folder)
path = folder + "/config.json"
plain = json.load(open(path))


def angles(inside={}, beside={}):
    json.dump({**plain, **beside, "rope_parameters": {**rope, **inside}}, open(path, "w"))
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).model.rotary_emb.inv_freq


length, theta = angles(beside={"original_max_position_embeddings": 8}), angles(beside={"rope_theta": 7.0})
of_length = [n for n in (8, 16) if torch.equal(length, angles({"original_max_position_embeddings": n}))]
of_theta = [x for x in (7.0, 100.0) if torch.equal(theta, angles({"rope_theta": x}))]
print("length: inside 16, beside 8 -> computes with", *of_length, "; theta: inside 100, beside 7 -> computes with", *of_theta)
sys.exit(of_length != [8] or of_theta != [100.0])
P
"$t/v/bin/python" "$t/run.py" "$t/model" 2>/dev/null
