#!/usr/bin/env python3
"""Makes tests/fixtures/model/: tiny seeded models as transformers saves them, and what torch computes on them.

Usage: make_model_fixtures.py [FOLDER]   (needs torch, transformers, safetensors)

Each FOLDER/<name>/ receives config.json, model.safetensors and reference.safetensors. The reference holds, for a ragged
batch of two sequences run one by one: input_ids.<s>, logits.<s> [rows, vocab], loss (summed cross-entropy of predicting
each next token, over both sequences), and grad.<tensor name>: the gradient of that sum.
"""
import os
import sys

import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

VOCAB = 50
SEQUENCES = [[1, 17, 4, 33, 8, 21, 49], [1, 5, 5, 40, 2]]


def llama(tied):
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCAB, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=32, rms_norm_eps=1e-5, rope_theta=10000.0,
        tie_word_embeddings=tied, bos_token_id=1, eos_token_id=2, attn_implementation="eager"))


def gpt2(tied):
    return GPT2LMHeadModel(GPT2Config(
        vocab_size=VOCAB, n_embd=16, n_layer=2, n_head=4, n_positions=32, tie_word_embeddings=tied, bos_token_id=1,
        eos_token_id=2, attn_implementation="eager"))


def randomise(model, seed):
    """Weights large enough that every part matters: norms off 1, biases off 0."""
    gen = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=gen)
            if p.dim() == 1:
                p.copy_((1.0 if name.endswith("weight") else 0.0) + 0.2 * noise)
            else:
                p.copy_(0.3 * noise)


def reference(model):
    out = {}
    loss = torch.zeros((), dtype=torch.float32)
    for s, ids in enumerate(SEQUENCES):
        x = torch.tensor(ids)
        logits = model(x[None]).logits[0]
        loss = loss + torch.nn.functional.cross_entropy(logits[:-1], x[1:], reduction="sum")
        out[f"input_ids.{s}"] = x.to(torch.float32)
        out[f"logits.{s}"] = logits.detach().contiguous()
    loss.backward()
    out["loss"] = loss.detach().reshape(1)
    for name, p in model.named_parameters():  # a tied head is the embedding's parameter and is listed once
        out["grad." + name] = p.grad.contiguous()
    return out


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "fixtures", "model")
    cases = {"llama": llama(False), "llama-tied": llama(True), "gpt2": gpt2(True), "gpt2-untied": gpt2(False)}
    for seed, (name, model) in enumerate(cases.items()):
        model = model.to(torch.float32).eval()
        randomise(model, 1000 + seed)
        folder = os.path.join(root, name)
        os.makedirs(folder, exist_ok=True)
        model.save_pretrained(folder)
        generation = os.path.join(folder, "generation_config.json")
        if os.path.exists(generation):
            os.remove(generation)
        save_file(reference(model), os.path.join(folder, "reference.safetensors"))
        print(name, {f: os.path.getsize(os.path.join(folder, f)) for f in sorted(os.listdir(folder))})


if __name__ == "__main__":
    main()
