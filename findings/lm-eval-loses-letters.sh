#!/bin/sh
# lm-evaluation-harness 0.4.11 (PyPI), how a context and its continuation are cut into tokens (TemplateLM._encode_pair, what every local model uses):
#
# 1. Where one token spans the two, the scored tokens begin BEHIND that token: the continuation loses its first letters, without an error or a warning.
#    Llama 3's and Qwen's pattern makes one word of "(" and the letters behind it: "f(" + "name" is scored as "ame".
# 2. All white space at the end of the context, line ends too, is taken from the context and scored with the continuation: the answer to
#    "A:\n" is read after "A:", and is exact only where the model would have said the line end too. The docstring says "spaces".
#
# Installs the packages into a temporary folder. Exit code 1: it behaves in another way now.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install lm_eval==0.4.11 tokenizers==0.23.3
"$dir/venv/bin/python" - <<'END'
from lm_eval.api.model import TemplateLM
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"  # Llama 3's
tok = Tokenizer(models.BPE())
tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PATTERN), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)])
tok.decoder = decoders.ByteLevel()
tok.train_from_iterator(["f(n) g(n) h(n)"] * 50, trainers.BpeTrainer(vocab_size=258, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                                                     show_progress=False))


class Causal(TemplateLM):  # a causal model's cutting of texts, without the model
    backend, eot_token_id = "causal", 0
    loglikelihood = _loglikelihood_tokens = loglikelihood_rolling = generate_until = None

    def tok_encode(self, text, **_):
        return tok.encode(text).ids


failed = False
for context, answer, want_context, want_scored in (("f(", "name", "f(", "ame"), ("A:\n", "Bob", "A:", "\nBob"), ("A: ", "Bob", "A:", " Bob")):
    before, scored = Causal()._encode_pair(context, answer)
    before, scored = tok.decode(before), tok.decode(scored)
    print(f"{context!r} + {answer!r}: context {before!r}, scored {scored!r}")
    failed |= (before, scored) != (want_context, want_scored)
raise SystemExit("lm_eval cuts in another way now" if failed else 0)
END
