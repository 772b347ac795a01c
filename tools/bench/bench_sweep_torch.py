#!/usr/bin/env python3
"""The peers of `graftkit sweep`: the same cells (scheme x prompt) in PyTorch, a random part of them, timed.

  bench_sweep_torch.py --cells FILE --recipient DIR --donor DIR --way loop|select [--count 400] [--results FILE.csv]

FILE is what build/release/bench_sweep --cells wrote. Ways:
  loop    the method as it is defined and as the paper's public code runs it: for every token of the prompt a deep copy of
          the recipient, the donor's matrices copied in where the scheme has them at that position, one token with a KV cache
  select  one pass for a batch of cells of equal length: every matrix that some cell of the batch grafts is multiplied with
          both models' weights on all rows, and a mask selects; matrices that none or all of them graft are multiplied once;
          logits of the last token only
--results compares the target's log-probabilities with graftkit's (graftkit export --results). Loading is not timed. The
last line is RESULT name=value ...
"""
import argparse
import copy
import csv
import json
import random
import resource
import time

import torch
import transformers as tf

# (module in a layer or the model, components that it computes, whether its weight is stored transposed)
LAYERS = {
    "gpt2": ("transformer.h.", [("ln_1", "ln1"), ("attn.c_attn", "q k v"), ("attn.c_proj", "o"), ("ln_2", "ln2"),
                                ("mlp.c_fc", "up"), ("mlp.c_proj", "down")],
             [("transformer.wte", "embed"), ("transformer.wpe", "pos"), ("transformer.ln_f", "lnf"), ("lm_head", "head")]),
    "llama": ("model.layers.", [("input_layernorm", "ln1"), ("self_attn.q_proj", "q"), ("self_attn.k_proj", "k"),
                                ("self_attn.v_proj", "v"), ("self_attn.o_proj", "o"), ("post_attention_layernorm", "ln2"),
                                ("mlp.gate_proj", "gate"), ("mlp.up_proj", "up"), ("mlp.down_proj", "down")],
              [("model.embed_tokens", "embed"), ("model.norm", "lnf"), ("lm_head", "head")]),
}


def places(model):
    """(module name, [slots]) for every module with weights; a slot is (layer, component)."""
    prefix, inner, outer = LAYERS[model.config.model_type]
    for layer in range(model.config.num_hidden_layers):
        for name, comps in inner:
            yield f"{prefix}{layer}.{name}", [(layer, c) for c in comps.split()]
    for name, comp in outer:
        yield name, [(-1, comp)]


def load(path):
    model = tf.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="sdpa").eval()
    # A head of its own: which model it comes from does not follow the embedding.
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    model.config.tie_word_embeddings = False
    return model


def read_cells(path):
    with open(path) as f:
        slots = [tuple(s) for s in json.loads(f.readline())["slots"]]
        cells = [json.loads(line) for line in f]
    return slots, cells


def donor_slots(cell, slots):
    """By slot, the list of the models (0 recipient, 1 donor) of all tokens."""
    return {slots[s]: models for first, count, models in cell["plan"] for s in range(first, first + count)}


# ---------------------------------------------------------------- loop

def copy_part(to, donor, name, part, parts):
    """The part-th of `parts` components that the module holds, side by side (GPT-2's c_attn: columns)."""
    for key, value in donor.get_submodule(name).named_parameters(recurse=False):
        into = to.get_submodule(name).get_parameter(key)
        if parts == 1:
            into.copy_(value)
        else:
            into.chunk(parts, dim=-1)[part].copy_(value.chunk(parts, dim=-1)[part])


def run_loop(recipient, donor, cell, slots):
    plan, cache = donor_slots(cell, slots), tf.DynamicCache()
    for t, token in enumerate(cell["tokens"]):
        model = copy.deepcopy(recipient)
        for name, here in places(model):
            for i, slot in enumerate(here):
                if plan[slot][t]:
                    copy_part(model, donor, name, i, len(here))
        logits = model(torch.tensor([[token]]), past_key_values=cache, use_cache=True).logits
    return torch.log_softmax(logits[0, -1], -1)[cell["target"]].item()


# ---------------------------------------------------------------- select

class Select(torch.nn.Module):
    """Both models' module, and which rows take whose result."""

    def __init__(self, recipient, donor, slots, masks):
        super().__init__()
        self.recipient, self.donor, self.slots, self.masks = recipient, donor, slots, masks

    @property
    def weight(self):  # transformers looks at its type
        return self.recipient.weight

    def forward(self, x):
        masks = [self.masks[s] for s in self.slots]
        if not any(m.any() for m in masks):
            return self.recipient(x)
        if all(m.all() for m in masks):
            return self.donor(x)
        a, b = self.recipient(x), self.donor(x)
        width = a.shape[-1] // len(masks)
        parts = [torch.where(m[:, -a.shape[1]:, None], q, p)
                 for m, p, q in zip(masks, a.split(width, -1), b.split(width, -1))]
        return parts[0] if len(parts) == 1 else torch.cat(parts, -1)


def make_select(recipient, donor):
    model, masks = copy.deepcopy(recipient), {}
    for name, here in list(places(model)):
        parent, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(parent), leaf,
                Select(recipient.get_submodule(name), donor.get_submodule(name), here, masks))
    return model, masks


def run_select(model, masks, batch, slots):
    plans = [donor_slots(c, slots) for c in batch]
    for slot in slots:
        masks[slot] = torch.tensor([p[slot] for p in plans], dtype=torch.bool)
    logits = model(torch.tensor([c["tokens"] for c in batch]), use_cache=False, logits_to_keep=1).logits[:, -1]
    return torch.log_softmax(logits, -1).gather(1, torch.tensor([[c["target"]] for c in batch]))[:, 0].tolist()


def batches(cells, size):
    cells = sorted(cells, key=lambda c: len(c["tokens"]))
    while cells:
        n = 1
        while n < min(size, len(cells)) and len(cells[n]["tokens"]) == len(cells[0]["tokens"]):
            n += 1
        yield cells[:n]
        cells = cells[n:]


# ---------------------------------------------------------------- main

def compare(results, done):
    with open(results, newline="") as f:
        ours = {(r["scheme"], r["text"]): float(r["logprob"]) for r in csv.DictReader(f) if r["logprob"]}
    return max(abs(ours[c["scheme"], c["text"]] - p) for c, p in done)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("cells", "recipient", "donor", "way"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--count", type=int, default=400, help="cells")
    parser.add_argument("--batch", type=int, default=64, help="cells a pass (select)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--results")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
    slots, cells = read_cells(args.cells)
    recipient, donor = load(args.recipient), load(args.donor)
    some = random.Random(1).sample(cells, min(args.count, len(cells)))
    done = []
    if args.way == "loop":
        run_loop(recipient, donor, some[0] | {"tokens": some[0]["tokens"][:1]}, slots)
        begun = time.perf_counter()
        for cell in some:
            done.append((cell, run_loop(recipient, donor, cell, slots)))
    else:
        model, masks = make_select(recipient, donor)
        groups = list(batches(some, args.batch))
        run_select(model, masks, groups[0], slots)
        begun = time.perf_counter()
        for group in groups:
            done += zip(group, run_select(model, masks, group, slots))
    took = time.perf_counter() - begun
    rows = sum(len(c["tokens"]) for c in some)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"torch {torch.__version__}, transformers {tf.__version__}, {torch.get_num_threads()} threads, "
          f"{torch.backends.cpu.get_cpu_capability()}: {args.way}: {len(some)} of {len(cells)} cells, {rows} tokens, "
          f"{took:.2f} s, {took / len(some):.4f} s a cell; peak memory {peak:.2f} GiB")
    worst = compare(args.results, done) if args.results else float("nan")
    if args.results:
        print(f"largest difference of a target's log-probability to graftkit's: {worst:.2g}")
    print(f"RESULT way={args.way} seconds_a_cell={took / len(some):.6f} cells={len(some)} difference={worst:.3g} "
          f"peak_gib={peak:.2f} threads={args.threads} isa={torch.backends.cpu.get_cpu_capability()} "
          f"torch={torch.__version__} transformers={tf.__version__}")


main()
