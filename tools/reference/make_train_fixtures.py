#!/usr/bin/env python3
"""Makes tests/fixtures/train/: fifty steps of transformers models under torch.optim.AdamW, for tests/test_train_parity.c.

Usage: make_train_fixtures.py [FOLDER]   (needs torch, transformers, safetensors)

Each FOLDER/<name>/ receives config.json, model.safetensors (the weights before the first step) and reference.safetensors:
  settings      lr, beta1, beta2, eps, weight_decay, clip, warmup, steps; the schedule is linear, all parameters decay
  ids.<b>       batch b's token ids, its texts end to end; lengths.<b> says where they end. Step t takes batch t mod BATCHES
  loss, norm, lr        [steps]: mean cross-entropy over the batch's targets, what clip_grad_norm_ saw, the step's rate
  grad.<name>           the first step's gradient, before clipping
  after2.<name>, after50.<name>   [3, ...]: weights and both moments after so many steps. The schedule begins at lr 0: the
                        second step is the first to move a weight
Each text is run by itself, without padding; a batch's loss is the sum over its texts divided by the number of targets.
"""
import copy
import os
import sys

import torch
import transformers as tf
from safetensors.torch import save_file

from make_model_fixtures import gemma, gpt2, llama, neox, randomise

STEPS, WARMUP, LR, BETAS, EPS, DECAY, CLIP = 50, 5, 1e-3, (0.9, 0.999), 1e-8, 0.1, 1.0
VOCAB, BATCHES, SHORTEST, LONGEST = 23, 4, 2, 13
DUMPS = (2, STEPS)


def models():
    small = dict(vocab_size=VOCAB, hidden_size=10, intermediate_size=14, num_attention_heads=2, num_key_value_heads=1,
                 head_dim=6, max_position_embeddings=16)
    yield "llama", llama(**small)
    yield "gpt2", gpt2(vocab_size=VOCAB, n_embd=10, n_inner=14, n_head=2, n_positions=16)
    yield "gpt_neox", neox(0.5, vocab_size=VOCAB, hidden_size=8, intermediate_size=14, num_attention_heads=2,
                           max_position_embeddings=16)
    yield "gemma", gemma(**small)


def batches(gen):
    """Ragged ones: three to six texts of unequal length."""
    out = []
    for b in range(BATCHES):
        lengths = torch.randint(SHORTEST, LONGEST + 1, (3 + b,), generator=gen).tolist()
        out.append([torch.randint(0, VOCAB, (n,), generator=gen) for n in lengths])
    return out


def mean_loss(model, texts):
    total = 0
    for x in texts:
        logits = model(x[None], use_cache=False).logits[0]
        total = total + torch.nn.functional.cross_entropy(logits[:-1], x[1:], reduction="sum")
    return total / sum(len(x) - 1 for x in texts)


def name_in_file(model, name):
    return name.replace("lm_head", "embed_out") if model.config.model_type == "gpt_neox" else name


def train(model, data):
    opt = torch.optim.AdamW(model.parameters(), lr=LR, betas=BETAS, eps=EPS, weight_decay=DECAY, foreach=False)
    schedule = tf.get_linear_schedule_with_warmup(opt, WARMUP, STEPS)
    out = {"settings": torch.tensor([LR, *BETAS, EPS, DECAY, CLIP, WARMUP, STEPS])}
    for b, texts in enumerate(data):
        out[f"ids.{b}"] = torch.cat(texts).to(torch.float32)
        out[f"lengths.{b}"] = torch.tensor([float(len(x)) for x in texts])
    curve = {"loss": [], "norm": [], "lr": []}
    params = [(name_in_file(model, n), p) for n, p in model.named_parameters()]  # a tied head is listed once
    for step in range(STEPS):
        loss = mean_loss(model, data[step % BATCHES])
        loss.backward()
        if step == 0:
            out.update({"grad." + n: p.grad.clone() for n, p in params})
        curve["norm"].append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP).item())
        curve["loss"].append(loss.item())
        curve["lr"].append(schedule.get_last_lr()[0])
        opt.step()
        schedule.step()
        opt.zero_grad()
        if step + 1 in DUMPS:
            for n, p in params:
                state = opt.state[p]
                out[f"after{step + 1}.{n}"] = torch.stack([p.detach(), state["exp_avg"], state["exp_avg_sq"]])
    out.update({k: torch.tensor(v) for k, v in curve.items()})
    return out


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "fixtures", "train")
    torch.set_num_threads(1)
    for seed, (name, model) in enumerate(models()):
        model = model.to(torch.float32).eval()  # eval: no dropout
        randomise(model, 2000 + seed, torch.bfloat16)  # whose values the file holds, to be small
        with torch.no_grad():
            for p in model.parameters():  # gradients on both sides of the clip norm
                if p.dim() > 1:
                    p *= 0.5
        folder = os.path.join(root, name)
        copy.deepcopy(model).to(torch.bfloat16).save_pretrained(folder)  # not itself: its buffers would be rounded too
        os.remove(os.path.join(folder, "generation_config.json"))
        out = train(model, batches(torch.Generator().manual_seed(3000 + seed)))
        save_file({k: v.contiguous() for k, v in out.items()}, os.path.join(folder, "reference.safetensors"))
        clipped = sum(n > CLIP for n in out["norm"].tolist())
        print(name, sum(p.numel() for p in model.parameters()), "parameters; loss", out["loss"][0].item(), "to",
              out["loss"][-1].item(), f"; {clipped} of {STEPS} steps clipped;",
              {f: os.path.getsize(os.path.join(folder, f)) for f in sorted(os.listdir(folder))})


if __name__ == "__main__":
    main()
