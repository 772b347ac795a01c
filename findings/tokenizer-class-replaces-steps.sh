#!/bin/sh
# transformers 5.24.0: with "tokenizer_class": "GPT2Tokenizer" the pre-tokenizer of a tokenizer.json is replaced by plain ByteLevel. A tokenizer.json that cuts
# digits one by one (as SmolLM2's does, whose class that is) gives "1994" as one piece; `tokenizers` alone gives four.
# Exit code 1 when that is not so any more. Needs python3 with venv, and PyPI.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/env"
"$dir/env/bin/pip" install -q transformers==5.24.0 tokenizers==0.23.1 >/dev/null 2>&1
cd "$dir"
TRANSFORMERS_VERBOSITY=error HF_HUB_OFFLINE=1 env/bin/python - <<'P'
import json, os, sys
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer
vocab = {c: i for i, c in enumerate([*sorted(pre_tokenizers.ByteLevel.alphabet()), "19", "94", "1994", "<|endoftext|>"])}
tok = Tokenizer(models.BPE(vocab, [("1", "9"), ("9", "4"), ("19", "94")]))
tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
tok.decoder = decoders.ByteLevel()
os.mkdir("folder")
tok.save("folder/tokenizer.json")
json.dump({"model_type": "llama"}, open("folder/config.json", "w"))
json.dump({"tokenizer_class": "GPT2Tokenizer"}, open("folder/tokenizer_config.json", "w"))
theirs = AutoTokenizer.from_pretrained("folder").tokenize("1994")
print("transformers", theirs)
print("tokenizers  ", tok.encode("1994").tokens)
sys.exit(theirs != ["1994"] or tok.encode("1994").tokens != ["1", "9", "9", "4"])
P
