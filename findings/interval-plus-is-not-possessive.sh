#!/bin/sh
# tokenizers 0.23.1: in a pattern of a tokenizer.json, \p{N}{1,3}+ (as tiktoken's patterns have it, and there possessive) is "one to three digits, once or
# more": 1234567 stays one stretch, where \p{N}{1,3} cuts it into 123 456 7. ++, *+ and ?+ are possessive all the same. No warning.
# Exit code 1 when that is not so any more. Needs python3 with venv, and PyPI.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/env"
"$dir/env/bin/pip" install -q tokenizers==0.23.1 >/dev/null 2>&1
"$dir/env/bin/python" - <<'P'
import sys
from tokenizers import Regex, pre_tokenizers
cut = {}
for pattern in (r"\p{N}{1,3}", r"\p{N}{1,3}+", r"\p{N}{3}++7", r"\p{N}++7"):
    cut[pattern] = [part for part, _ in pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str("a 1234567")]
    print(pattern, cut[pattern])
sys.exit(cut != {r"\p{N}{1,3}": ["a ", "123", "456", "7"], r"\p{N}{1,3}+": ["a ", "1234567"], r"\p{N}{3}++7": ["a ", "1234567"],
                 r"\p{N}++7": ["a 1234567"]})
P
