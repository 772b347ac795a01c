#!/usr/bin/env python3
"""Makes tests/fixtures/peft/: adapters that do more than add one product of one rank, as PEFT saves them, and the logits that PEFT computes
with them when it has read them again.

Usage: make_peft_fixtures.py   (needs torch, transformers, peft, safetensors; the models of tests/fixtures/model/)

Each folder receives adapter_config.json and adapter_model.safetensors, whose base is a folder of tests/fixtures/model/, and reference.safetensors
with logits.<s> for the two sequences in the base's own reference. "rows" more rows are added to the vocabulary before training.
"""
import json
import os
import shutil

import peft
import torch
import transformers as tf
from make_lora_fixtures import MODELS, sequences
from safetensors.torch import load_file, save_file

OUT = os.path.join(MODELS, "..", "peft")
Q, V, ALL = "q_proj", "v_proj", "all-linear"
CASES = {
    # ranks and scales of their own; the first key that matches counts, and is a regular expression
    "llama-patterns": ("llama", dict(r=3, lora_alpha=5, target_modules=ALL, rank_pattern={r"layers\.0\..*": 2, "q_proj": 4, "down": 1},
                                     alpha_pattern={"(k|v)_proj": 9, "model.layers.1.mlp.up_proj": 2.5})),
    "gemma2-patterns": ("gemma2", dict(r=2, lora_alpha=4, target_modules=ALL, use_rslora=True, rank_pattern={"o_proj": 4},
                                       alpha_pattern={r".*self_attn.[qo]_proj": 12, "o_proj": 1})),
    "neox-patterns": ("neox", dict(r=2, lora_alpha=4, target_modules=ALL, rank_pattern={"query_key_value": 3}, alpha_pattern={"layers.1.*": 7})),
    # DoRA
    "llama-dora": ("llama-gqa-biases", dict(r=2, lora_alpha=4, target_modules=ALL, use_dora=True)),
    "gpt2-dora": ("gpt2", dict(r=2, lora_alpha=4, target_modules=["c_attn", "c_proj"], use_dora=True, rank_pattern={"attn.c_proj": 3})),
    "neox-dora": ("neox", dict(r=2, lora_alpha=4, target_modules=["query_key_value", "dense"], use_dora=True, use_rslora=True)),
    "gemma-dora": ("gemma", dict(r=2, lora_alpha=3, target_modules=ALL, use_dora=True, alpha_pattern={"v_proj": 6})),
    "qwen2-dora": ("qwen2", dict(r=2, lora_alpha=4, target_modules=[Q, V], use_dora=True)),
    "olmo2-dora": ("olmo2", dict(r=2, lora_alpha=4, target_modules=ALL, use_dora=True, modules_to_save=["q_norm", "k_norm"])),
    # whole modules
    "llama-whole": ("llama", dict(r=2, lora_alpha=4, target_modules=[Q], modules_to_save=["embed_tokens", "lm_head"])),
    "llama-norms": ("llama", dict(r=2, lora_alpha=4, target_modules=[Q], modules_to_save=["norm"])),  # every name that ends so
    "tied-embed": ("llama-tied", dict(r=2, lora_alpha=4, target_modules=[Q], modules_to_save=["embed_tokens"])),
    "tied-head": ("llama-tied", dict(r=2, lora_alpha=4, target_modules=[Q], modules_to_save=["lm_head"])),
    "tied-both": ("qwen2-tied", dict(r=2, lora_alpha=4, target_modules=[Q], modules_to_save=["embed_tokens", "lm_head"])),
    "tied-kept": ("gemma2", dict(r=2, lora_alpha=4, target_modules=[Q], modules_to_save=["embed_tokens"], ensure_weight_tying=True)),
    "gpt2-whole": ("gpt2", dict(r=2, lora_alpha=4, target_modules=["c_fc"], modules_to_save=["attn.c_attn", "ln_f", "wpe"])),
    "neox-whole": ("neox", dict(r=2, lora_alpha=4, target_modules=["dense_4h_to_h"], modules_to_save=["attention", "lm_head"])),
    "gemma-whole": ("gemma", dict(r=2, lora_alpha=4, target_modules=[V], modules_to_save=["layers.1.mlp"])),
    # a vocabulary that grew, which PEFT notices by itself
    "llama-grown": ("llama", dict(r=2, lora_alpha=4, target_modules=[Q, V]), 3),
    "tied-grown": ("llama-tied", dict(r=2, lora_alpha=4, target_modules=[Q, V]), 5),
    "gpt2-grown": ("gpt2", dict(r=2, lora_alpha=4, target_modules=["c_attn"], use_dora=True), 2),
    "grown-saved": ("llama", dict(r=2, lora_alpha=4, target_modules=[Q], modules_to_save=["embed_tokens", "lm_head"]), 3),
    # biases, and a choice of modules
    "gpt2-biases": ("gpt2", dict(r=2, lora_alpha=4, target_modules=["c_attn"], bias="all")),
    "qwen2-biases": ("qwen2", dict(r=2, lora_alpha=4, target_modules=[Q, "o_proj"], bias="lora_only")),
    "olmo2-chosen": ("olmo2", dict(r=2, lora_alpha=4, target_modules=[Q, V, "up_proj"], exclude_modules=["1.self_attn.q_proj"],
                                   layers_to_transform=[1], layers_pattern="layers")),
    "llama-expression": ("llama", dict(r=2, lora_alpha=4, target_modules=r".*\.(0|1)\.mlp\.(up|gate)_proj", modules_to_save=["up"])),
    "neox-exact": ("neox", dict(r=2, lora_alpha=4, layers_to_transform=[0], target_modules=[  # whole names are in every layer
        "gpt_neox.layers.0.mlp.dense_4h_to_h", "gpt_neox.layers.1.attention.query_key_value", "dense"])),
    "gpt2-copies": ("gpt2", dict(r=2, lora_alpha=4, target_modules=["c_attn"], bias="all", modules_to_save=["mlp", "ln_1"])),
    "kept-grown": ("qwen2-tied", dict(r=2, lora_alpha=4, target_modules=[Q], modules_to_save=["embed_tokens", "lm_head"], ensure_weight_tying=True), 3),
    # refused here, whatever the logits
    "llama-head": ("llama", dict(r=2, lora_alpha=4, target_modules=[Q, "lm_head"])),
    "gpt2-embedding": ("gpt2", dict(r=2, lora_alpha=4, target_modules=["c_attn", "wte"])),
    # not kept tied, since PEFT does not know the embedding by this name
    "gpt2-not-kept": ("gpt2", dict(r=2, lora_alpha=4, target_modules=["c_attn"], modules_to_save=["wte"], ensure_weight_tying=True)),
}

REFUSED = ("llama-head", "gpt2-embedding")


def base_model(name, rows):
    model = tf.AutoModelForCausalLM.from_pretrained(os.path.join(MODELS, name), dtype=torch.float32, attn_implementation="eager")
    if rows:
        model.resize_token_embeddings(model.config.vocab_size + rows, mean_resizing=False)
    return model


def train(model, options, seed):
    fan = model.config.model_type == "gpt2"
    model = peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", fan_in_fan_out=fan, **options)).eval()
    gen = torch.Generator().manual_seed(7000 + seed)
    noise = lambda p: torch.randn(p.shape, generator=gen)
    with torch.no_grad():
        for n, p in model.named_parameters():
            if ".lora_A." in n or ".lora_B." in n:
                p.copy_(0.2 * noise(p))
            elif "lora_magnitude" in n:
                p.mul_(1 + 0.3 * noise(p))
            elif p.requires_grad:
                p.add_(0.2 * noise(p))
    return model


def settle(path, base):
    with open(path) as f:
        saved = json.load(f)
    saved["base_model_name_or_path"] = f"../../model/{base}"
    for key in ("target_modules", "modules_to_save"):
        if isinstance(saved[key], list):
            saved[key].sort()
    with open(path, "w") as f:
        json.dump(saved, f, indent=2)  # the order of the patterns counts
        f.write("\n")


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    for seed, (name, (base, options, *rows)) in enumerate(CASES.items()):
        folder, rows = os.path.join(OUT, name), rows[0] if rows else 0
        model = base_model(base, rows)
        if rows:  # the new rows, and all others, have learned something
            with torch.no_grad():
                for layer in {model.get_input_embeddings(), model.get_output_embeddings()}:
                    layer.weight.add_(0.2 * torch.randn(layer.weight.shape, generator=torch.Generator().manual_seed(seed)))
        trained = train(model, options, seed)
        trained.save_pretrained(folder)
        os.remove(os.path.join(folder, "README.md"))
        again = peft.PeftModel.from_pretrained(base_model(base, rows), folder).eval()
        with torch.no_grad():
            logits = [[m(input_ids=x[None], use_cache=False).logits[0].contiguous() for x in sequences(base)] for m in (trained, again)]
        apart = max((a - b).abs().max().item() for a, b in zip(*logits))
        if name not in REFUSED:
            save_file({f"logits.{s}": y for s, y in enumerate(logits[1])}, os.path.join(folder, "reference.safetensors"))
        settle(os.path.join(folder, "adapter_config.json"), base)
        tensors = load_file(os.path.join(folder, "adapter_model.safetensors"))
        others = sorted(k for k in tensors if ".lora_" not in k)
        print(name, f"read again differs by {apart:.1e};", len(tensors), "tensors;", others)


if __name__ == "__main__":
    main()
