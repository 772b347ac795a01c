#!/bin/sh
# transformers 5.24.0: the ids in added_tokens.json and added_tokens_decoder only order the tokens. Listed with a gap behind a vocabulary of 257, {"<a>": 300,
# "<b>": 260} become <b> 257 and <a> 258: rows of the embedding other than the file names. No warning.
# Exit code 1 when that is not so any more. Needs python3 with venv, and PyPI.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/env"
"$dir/env/bin/pip" install -q transformers==5.24.0 tokenizers==0.23.1 >/dev/null 2>&1
cd "$dir"
TRANSFORMERS_VERBOSITY=warning HF_HUB_OFFLINE=1 env/bin/python - <<'P'
import json, os, sys
from tokenizers import pre_tokenizers
from transformers import AutoTokenizer
vocab = {c: i for i, c in enumerate([*sorted(pre_tokenizers.ByteLevel.alphabet()), "<|endoftext|>"])}
flags = dict(lstrip=False, rstrip=False, normalized=False, single_word=False, special=True)
found = []
for name, content in (("added_tokens.json", {"<a>": 300, "<b>": 260}),
                      ("tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer", "added_tokens_decoder": {
                          "300": dict(flags, content="<a>"), "260": dict(flags, content="<b>")}})):
    os.mkdir(name + ".d")
    json.dump({"model_type": "gpt2"}, open(name + ".d/config.json", "w"))
    json.dump(vocab, open(name + ".d/vocab.json", "w"))
    open(name + ".d/merges.txt", "w").write("#version: 0.2\n")
    json.dump(content, open(f"{name}.d/{name}", "w"))
    t = AutoTokenizer.from_pretrained(name + ".d")
    found.append(t.convert_tokens_to_ids(["<a>", "<b>"]))
    print(name, "lists <a> 300, <b> 260; they get", found[-1])
sys.exit(found != [[258, 257]] * 2)
P
