#!/bin/sh
# peft 0.21.2: of the keys of rank_pattern and alpha_pattern that match a module the first counts, and save_pretrained sorts them: an adapter whose
# patterns overlap has other scales when it is read again, without a word, or other ranks, and then cannot be read.
# Seen: given q_proj, layers.1.self_attn.q_proj; saved layers.1.self_attn.q_proj, q_proj; alpha_pattern: the logits differ; rank_pattern: RuntimeError.
set -e
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
python3 -m venv "$t/v"
"$t/v/bin/pip" -q install torch==2.13.0 transformers==5.24.0 peft==0.21.2
cat > "$t/run.py" <<'P'
import json
import sys
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

base, adapter = sys.argv[1] + "/base", sys.argv[1] + "/adapter"
torch.manual_seed(1)
LlamaForCausalLM(LlamaConfig(vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4)).save_pretrained(base)
load = lambda: AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
ids, patterns, seen = torch.tensor([[5, 17, 3, 44]]), {"q_proj": 2, "layers.1.self_attn.q_proj": 8}, []
for key in ("alpha_pattern", "rank_pattern"):
    m = get_peft_model(load(), LoraConfig(r=4, lora_alpha=4, target_modules=["q_proj"], init_lora_weights=False, **{key: patterns})).eval()
    m.save_pretrained(adapter)
    saved = list(json.load(open(adapter + "/adapter_config.json"))[key])
    try:
        with torch.no_grad():
            again = PeftModel.from_pretrained(load(), adapter).eval()(ids).logits
            seen.append("the same logits" if torch.allclose(again, m(ids).logits, atol=1e-6) else "the logits differ")
    except RuntimeError as e:
        seen.append("RuntimeError" if "size mismatch" in str(e) else str(e))
    print(f"{key}: given {', '.join(patterns)}; saved {', '.join(saved)}; {seen[-1]}")
sys.exit(seen != ["the logits differ", "RuntimeError"] or saved != sorted(patterns))
P
"$t/v/bin/python" "$t/run.py" "$t" 2>/dev/null
