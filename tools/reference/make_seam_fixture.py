#!/usr/bin/env python3
"""Writes tests/fixtures/seam.json: prompts and answers as one text under the tokenizers of tests/fixtures/tokenizer/.

    python3 tools/reference/make_seam_fixture.py        # wants tokenizers 0.23 and lm_eval 0.4.11

{"prompts", "seams": what a reader expects between each prompt and its answer, "answers", "tokenizers": {NAME: a list by prompt and answer of {"ids": of
prompt + seam + answer by `tokenizers`, "n": ids before the first token that holds a character behind the prompt, "lm_eval": the answer's ids by
lm-evaluation-harness, where it cuts there too}}}.
lm-evaluation-harness is asked in both of its conventions: the blank in target_delimiter, and the blank at the end of the context.
"""
import json
import pathlib

from lm_eval.api.model import TemplateLM
from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKENIZERS = ["gpt2", "llama3", "smollm", "llama2"]
NAMES = ["Bela Quimby", "the hall", "1815"]
PROMPTS = [("Ada plays with", " "), ("Ada plays with ", ""), ("Ada plays with  ", ""), ('Ada plays with "', ""), ("Ada plays with (", ""),
           ("Ada plays with '", ""), ("Q: Who plays with Ada?\nA:\n", ""), ("Q: Who plays with Ada? A:", " "), ("Q: Who plays with Ada?", " "),
           ("Ada (1999)", " "), ('In "Blue River"', " "), ("In 1815", " "), ("Ada plays with\t", ""), ("Ada plays with\u00a0", ""),
           ("Ada spielt mit „", ""), ("Ada joue avec «\u00a0", ""), ("Ada joue dans « Rive »", " "), ("主演是", ""), ("他说“", "")]


class Causal(TemplateLM):
    """No model: only what cuts a pair of texts in tokens."""
    backend = "causal"
    eot_token_id = 0
    loglikelihood = _loglikelihood_tokens = loglikelihood_rolling = generate_until = None

    def __init__(self, tok):
        super().__init__()
        self.tok = tok

    def tok_encode(self, text, **_):
        return self.tok.encode(text).ids


def main():
    out, alike = {}, 0
    for name in TOKENIZERS:
        tok = Tokenizer.from_str(json.dumps(json.loads((ROOT / f"tests/fixtures/tokenizer/{name}.json").read_text())["tokenizer"]))
        lm = Causal(tok)
        out[name] = []
        for prompt, seam in PROMPTS:
            for answer in NAMES:
                whole = tok.encode(prompt + seam + answer)
                n = next(i for i, (_, end) in enumerate(whole.offsets) if end > len(prompt))
                cut = lm._encode_pair(prompt, seam + answer)[1]
                alike += cut == whole.ids[n:]
                out[name].append({"ids": whole.ids, "n": n, "lm_eval": cut if cut == whole.ids[n:] else None})
    head = {"prompts": [p for p, _ in PROMPTS], "seams": [s for _, s in PROMPTS], "answers": NAMES}
    lists = ",\n".join(f'"{k}": [\n' + ",\n".join(json.dumps(e, separators=(",", ":")) for e in v) + "]" for k, v in out.items())
    (ROOT / "tests/fixtures/seam.json").write_text(json.dumps(head)[:-1] + ',\n"tokenizers": {' + lists + "}}\n")
    print("lm_eval cuts alike:", alike, "of", len(TOKENIZERS) * len(PROMPTS) * len(NAMES))


if __name__ == "__main__":
    main()
