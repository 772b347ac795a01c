#!/usr/bin/env python3
"""Makes tests/fixtures/lora/: small seeded adapters as PEFT saves them, and what torch computes with them.

Usage: make_lora_fixtures.py   (needs torch, transformers, peft, safetensors; the models of tests/fixtures/model/)

Each folder receives adapter_config.json and adapter_model.safetensors, whose base is a folder of tests/fixtures/model/, and
reference.safetensors. It holds, for the two sequences in the base's own reference: logits.<s>; loss, the cross-entropy summed
over both; grad.<tensor>, the gradients of that sum; and of STEPS steps of torch.optim.AdamW on the mean loss: losses [STEPS] and
after.<tensor>, the adapter's weights at the end.
"""
import json
import os

import peft
import torch
import transformers as tf
from safetensors.torch import load_file, save_file

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "..", "tests", "fixtures", "model")
OUT = os.path.join(HERE, "..", "..", "tests", "fixtures", "lora")
STEPS = 6
ADAMW = dict(lr=1e-2, betas=(0.9, 0.99), eps=1e-6, weight_decay=0.1)

CASES = {
    "llama": ("llama", dict(r=3, lora_alpha=5, target_modules="all-linear"), torch.float32),
    "llama-qv": ("llama-gqa-biases", dict(r=2, lora_alpha=8, target_modules=["q_proj", "v_proj"]), torch.bfloat16),
    "llama-top": ("llama-tied", dict(r=2, lora_alpha=4, target_modules=["k_proj", "down_proj"], layers_to_transform=[1]),
                  torch.float32),
    "gpt2": ("gpt2", dict(r=3, lora_alpha=6, target_modules=["c_attn", "c_proj", "c_fc"]), torch.float32),
    "gpt2-out": ("gpt2-inner", dict(r=2, lora_alpha=2, target_modules=["attn.c_proj"]), torch.float32),
    "neox": ("neox", dict(r=3, lora_alpha=6, target_modules="all-linear"), torch.float32),
    "neox-qkv": ("neox-sequential", dict(r=2, lora_alpha=3.5, target_modules=["query_key_value"]), torch.float16),
    "gemma": ("gemma", dict(r=4, lora_alpha=8, target_modules="all-linear", use_rslora=True), torch.float32),
    "gemma2": ("gemma2", dict(r=2, lora_alpha=4, target_modules="all-linear"), torch.float32),
    "qwen2": ("qwen2", dict(r=2, lora_alpha=4, target_modules=["q_proj", "k_proj", "v_proj", "gate_proj"]), torch.float32),
    "olmo2": ("olmo2", dict(r=2, lora_alpha=4, target_modules="all-linear"), torch.float32),
}


def is_adapter(name):
    return ".lora_A." in name or ".lora_B." in name


def file_name(name):
    return name.replace(".default", "")


def sequences(base):
    ref = load_file(os.path.join(MODELS, base, "reference.safetensors"))
    return [ref[f"input_ids.{s}"].long() for s in range(2)]


def loss_of(model, texts, logits=None):
    total = torch.zeros(())
    for x in texts:
        y = model(input_ids=x[None], use_cache=False).logits[0]
        if logits is not None:
            logits.append(y.detach().contiguous())
        total = total + torch.nn.functional.cross_entropy(y[:-1], x[1:], reduction="sum")
    return total


def reference(model, texts):
    params = {file_name(n): p for n, p in model.named_parameters() if is_adapter(n)}
    logits = []
    loss = loss_of(model, texts, logits)
    loss.backward()
    out = {f"logits.{s}": y for s, y in enumerate(logits)}
    out["loss"] = loss.detach().reshape(1)
    out.update({"grad." + n: p.grad.clone() for n, p in params.items()})
    targets = sum(len(x) - 1 for x in texts)
    optimiser = torch.optim.AdamW(params.values(), **ADAMW)
    losses = []
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = loss_of(model, texts) / targets
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    out["losses"] = torch.tensor(losses)
    out.update({"after." + n: p.detach().clone() for n, p in params.items()})
    return out


def main():
    for seed, (name, (base, options, dtype)) in enumerate(CASES.items()):
        model = tf.AutoModelForCausalLM.from_pretrained(os.path.join(MODELS, base), dtype=torch.float32,
                                                        attn_implementation="eager")
        fan = model.config.model_type == "gpt2"
        config = peft.LoraConfig(task_type="CAUSAL_LM", fan_in_fan_out=fan, **options)
        model = peft.get_peft_model(model, config).eval()
        gen = torch.Generator().manual_seed(4000 + seed)
        with torch.no_grad():
            for n, p in model.named_parameters():
                p.requires_grad_(is_adapter(n))
                if is_adapter(n):
                    p.copy_((0.2 * torch.randn(p.shape, generator=gen)).to(dtype))
        folder = os.path.join(OUT, name)
        model.save_pretrained(folder)
        os.remove(os.path.join(folder, "README.md"))
        weights = os.path.join(folder, "adapter_model.safetensors")
        save_file({k: v.to(dtype) for k, v in load_file(weights).items()}, weights, metadata={"format": "pt"})
        path = os.path.join(folder, "adapter_config.json")
        with open(path) as f:
            saved = json.load(f)
        saved["base_model_name_or_path"] = f"../../model/{base}"
        if isinstance(saved["target_modules"], list):
            saved["target_modules"].sort()
        with open(path, "w") as f:
            json.dump(saved, f, indent=2, sort_keys=True)
            f.write("\n")
        save_file(reference(model, sequences(base)), os.path.join(folder, "reference.safetensors"))
        print(name, {f: os.path.getsize(os.path.join(folder, f)) for f in sorted(os.listdir(folder))})


if __name__ == "__main__":
    main()
