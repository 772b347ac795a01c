#!/bin/sh
# transformers 5.24.0: AutoTokenizer.from_pretrained(gguf_file=) cuts by GPT-2's pattern where it does not know tokenizer.ggml.pre, and never
# normalises: a converted SmolLM ("smollm"), Granite ("refact") or Command R keeps numbers whole where the model's own tokenizer.json cuts each
# digit, and a converted Qwen 2 or Pythia ("olmo") does not compose e + U+0301, as theirs does.
# Seen: smollm 1931 | e U+0301; refact 1931 | e U+0301; command-r 1931 | e U+0301; qwen2 1 9 3 1 | e U+0301; olmo 1931 | e U+0301.
set -e
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
python3 -m venv "$t/v"
"$t/v/bin/pip" -q install torch==2.13.0 transformers==5.24.0 gguf==0.19.0
cat > "$t/run.py" <<'P'
import sys
import gguf
from tokenizers import pre_tokenizers
from transformers import AutoTokenizer

pieces = sorted(pre_tokenizers.ByteLevel.alphabet()) + ["19", "31", "1931", "\u00c3\u00a9", "\u00cc\u0123"]  # the last two: é, and U+0301, by bytes
merges, seen = ["1 9", "3 1", "19 31", "\u00c3 \u00a9", "\u00cc \u0123"], {}
for pre in ("smollm", "refact", "command-r", "qwen2", "olmo"):
    w = gguf.GGUFWriter(sys.argv[1] + "/m.gguf", "llama")
    w.add_tokenizer_model("gpt2"), w.add_tokenizer_pre(pre), w.add_token_list(pieces), w.add_token_types([1] * len(pieces))
    w.add_token_merges(merges), w.add_bos_token_id(0), w.add_eos_token_id(0), w.add_block_count(1), w.add_context_length(8)
    w.add_embedding_length(8), w.add_feed_forward_length(8), w.add_head_count(1), w.add_layer_norm_rms_eps(1e-5)
    w.write_header_to_file(), w.write_kv_data_to_file(), w.write_tensors_to_file(), w.close()
    t = AutoTokenizer.from_pretrained(sys.argv[1], gguf_file="m.gguf")
    names = {"\u00c3\u00a9": "U+00E9", "\u00cc\u0123": "U+0301"}
    seen[pre] = " | ".join(" ".join(names.get(p, p) for p in t.tokenize(x)) for x in ("1931", "e\u0301"))
print("; ".join(f"{k} {v}" for k, v in seen.items()))
sys.exit(any(v != ("1 9 3 1" if k == "qwen2" else "1931") + " | e U+0301" for k, v in seen.items()))
P
"$t/v/bin/python" "$t/run.py" "$t" 2>/dev/null
