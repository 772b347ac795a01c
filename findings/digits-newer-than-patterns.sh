#!/bin/sh
# tokenizers 0.23.3: the pre-tokenizer Digits takes numbers by the Unicode of its language's library (17), a pattern's \p{N} by that of the regular
# expressions (16): the digits U+11DE0 to 11DE9 are cut by Digits and are no \p{N}, so that Split(\p{N}) in its place gives other ids.
# Seen: Digits a|U+11DE1|b; Split aU+11DE1b 13 ['U+11DE0', …, 'U+11DE9', 'U+16FF4', 'U+16FF5', 'U+16FF6'] 0 (none the other way round).
set -e
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
python3 -m venv "$t/v"
"$t/v/bin/pip" -q install tokenizers==0.23.3
cat > "$t/run.py" <<'P'
import sys
from tokenizers import Regex, pre_tokenizers as p

steps = {"Digits": p.Digits(individual_digits=True), "Split": p.Split(Regex(r"\p{N}"), "isolated")}
cut = lambda step, c: len(steps[step].pre_tokenize_str("a" + c + "b")) == 3
show = lambda step: "|".join(s if s.isascii() else s.replace("\U00011de1", "U+11DE1") for s, _ in steps[step].pre_tokenize_str("a\U00011de1b"))
every = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
more = [c for c in every if cut("Digits", c) and not cut("Split", c)]
less = [c for c in every if cut("Split", c) and not cut("Digits", c)]
print("Digits", show("Digits") + "; Split", show("Split"), len(more), [f"U+{ord(c):X}" for c in more], len(less))
sys.exit([ord(c) for c in more] != [*range(0x11DE0, 0x11DEA), *range(0x16FF4, 0x16FF7)] or less != [])
P
"$t/v/bin/python" "$t/run.py"
