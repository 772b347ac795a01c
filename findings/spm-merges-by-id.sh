#!/bin/sh
# transformers 5.24.0, class LlamaTokenizer on a tokenizer.model: BPE merges are ranked by the piece's id, not by its score. Models whose runs of blanks
# stand first and score last (Llama 2's) get ids that they never saw: "the  stars" is ▁the ▁▁ st ars, by sentencepiece 0.2.1 ▁the ▁ ▁stars.
# Exit code 1 when that is not so any more. Needs python3 with venv, and PyPI.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/env"
"$dir/env/bin/pip" install -q transformers==5.24.0 tokenizers==0.23.1 sentencepiece==0.2.1 protobuf==6.33.0 >/dev/null 2>&1
cd "$dir"
TRANSFORMERS_VERBOSITY=error HF_HUB_OFFLINE=1 env/bin/python - <<'P'
import json, os, sys
import sentencepiece as sp
from sentencepiece import sentencepiece_model_pb2 as pb
from transformers import AutoTokenizer
pieces = [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), *((f"<0x{b:02X}>", 0, 6) for b in range(256))]
# As in Llama 2: the run of blanks has a low id and the lowest score.
words = ["▁▁", "▁t", "st", "ar", "he", "▁the", "▁st", "ars", "▁stars"]
pieces += [(w, -1e9 if w == "▁▁" else -float(i), 1) for i, w in enumerate(words)] + [(c, -100.0 - i, 1) for i, c in enumerate("▁thesar")]
m = pb.ModelProto()
for text, score, kind in pieces:
    p = m.pieces.add(); p.piece, p.score, p.type = text, score, kind
m.trainer_spec.model_type, m.trainer_spec.byte_fallback, m.trainer_spec.vocab_size = 2, True, len(pieces)
m.normalizer_spec.name, m.normalizer_spec.remove_extra_whitespaces = "identity", False
os.mkdir("folder")
open("folder/tokenizer.model", "wb").write(m.SerializeToString())
json.dump({"model_type": "llama"}, open("folder/config.json", "w"))
json.dump({"tokenizer_class": "LlamaTokenizer"}, open("folder/tokenizer_config.json", "w"))
theirs = AutoTokenizer.from_pretrained("folder").tokenize("the  stars")
judge = sp.SentencePieceProcessor(model_file="folder/tokenizer.model").encode("the  stars", out_type=str)
print("transformers ", theirs)
print("sentencepiece", judge)
sys.exit(theirs != ["▁the", "▁▁", "st", "ars"] or judge != ["▁the", "▁", "▁stars"])
P
