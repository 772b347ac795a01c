#!/usr/bin/env python3
"""Compares adapters that graftkit trains with PEFT, in both directions.

Usage: check_lora.py [GRAFTKIT]   (needs torch, transformers, peft, safetensors; build/release/graftkit)

For a model of each family that tests/fixtures/model/ has: graftkit trains an adapter for a few steps; PEFT opens the folder
and its logits on a text are compared with graftkit's and with those of the model that `graftkit merge` writes, opened by
transformers. Then what PEFT's save_pretrained writes of it must be, tensor by tensor, the bytes that graftkit wrote.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import peft
import torch
import transformers as tf
from safetensors.torch import load_file

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MODELS = os.path.join(ROOT, "tests", "fixtures", "model")
CASES = [("llama", "all-linear"), ("llama-gqa-biases", "q,v"), ("gpt2", "all-linear"), ("gpt2-inner", "o"), ("gpt2-gelu", "attn,up"),
         ("neox", "all-linear"), ("neox-sequential", "q,k,v,down"), ("gemma", "all-linear"), ("gemma2-untied", "attn"),
         ("qwen2", "ffn"), ("olmo2-gqa", "all-linear")]
IDS = [1, 7, 9, 30, 32, 4, 11]


def tokenizer(folder, vocab):
    """A BPE of single letters, as wide as the model."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = {("</s>", "<s>")[i] if i < 2 else letters[i - 2] if i - 2 < 26 else f"<{i}>": i for i in range(vocab)}
    with open(os.path.join(folder, "tokenizer.json"), "w") as f:
        json.dump({"version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": None, "post_processor": None,
                   "decoder": None, "model": {"type": "BPE", "vocab": words, "merges": []}}, f)


def run(*args):
    done = subprocess.run(args, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(args)}\n{done.stdout}{done.stderr}")
    return done.stdout


def graftkit_logits(binary, model, folder):
    out = os.path.join(folder, "logits.safetensors")
    run(binary, "logits", "--model", model, "--ids", ",".join(map(str, IDS)), "--out", out)
    return next(x for k, x in load_file(out).items() if "logits" in k)


def apart(a, b):
    return ((a - b).abs().max() / b.abs().max()).item()


def check(binary, name, targets, work):
    base, adapter, merged = (os.path.join(work, x) for x in ("base", "adapter", "merged"))
    shutil.copytree(os.path.join(MODELS, name), base)
    os.remove(os.path.join(base, "reference.safetensors"))
    model = tf.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="eager")
    tokenizer(base, model.config.vocab_size)
    texts = os.path.join(work, "texts.jsonl")
    with open(texts, "w") as f:
        for i in range(24):
            f.write(json.dumps({"text": "".join("abcdefghij"[(i * k) % 10] for k in range(12))}) + "\n")
    run(binary, "finetune", "--model", base, "--texts", texts, "--recipe", "relation", "--freeze", "none", "--lora-rank", "3",
        "--lora-targets", targets, "--epochs", "4", "--lr", "2e-2", "--warmup", "1", "--out", adapter)
    run(binary, "merge", "--adapter", adapter, "--out", merged)
    x = torch.tensor([IDS])
    with torch.no_grad():
        before = model(x).logits[0]
        theirs = peft.PeftModel.from_pretrained(model, adapter).eval()
        want = theirs(x).logits[0]
        whole = tf.AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32, attn_implementation="eager")(x).logits[0]
    again = os.path.join(work, "again")
    theirs.save_pretrained(again)
    a, b = (load_file(os.path.join(d, "adapter_model.safetensors")) for d in (adapter, again))
    same = a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
    figures = dict(moved=apart(before, want), ours=apart(graftkit_logits(binary, adapter, work), want), merged=apart(whole, want))
    print(f"{name:17} {targets:11} logits moved by {figures['moved']:.2e}; from PEFT: graftkit {figures['ours']:.1e}, "
          f"merged in transformers {figures['merged']:.1e}; {len(a)} tensors {'equal' if same else 'DIFFER'}")
    return same and figures["moved"] > 1e-2 and figures["ours"] < 1e-5 and figures["merged"] < 1e-5


def main():
    tf.logging.set_verbosity_error()
    binary = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build", "release", "graftkit"))
    good = True
    for name, targets in CASES:
        with tempfile.TemporaryDirectory() as work:
            good = check(binary, name, targets, work) and good
    sys.exit(0 if good else "some adapters differ")


if __name__ == "__main__":
    main()
