#!/usr/bin/env python3
"""Compares `graftkit sweep` with dynamic weight grafting as it is defined, in PyTorch: for every token of a prompt a copy of the
recipient with the donor's matrices copied in for the components and layers that the scheme grafts at that position (one
copy serves all grafted positions of a cell: they are alike), one token with a KV cache. Tiny random checkpoints of four families, made by transformers; schemes, positions, layers and
prompts are worked out here again, from docs/schemes.md. The largest difference of a target's probability must be <= 1e-4.

  check_grafts_torch.py build/release/graftkit [FAMILY…]
"""
import copy
import csv
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import sentencepiece as spm
import torch
import transformers as tf

N_LAYERS = 4
SMALL = dict(vocab_size=400, hidden_size=32, num_hidden_layers=N_LAYERS, num_attention_heads=4, intermediate_size=48,
             max_position_embeddings=64)
FAMILIES = {
    "gpt2": lambda: tf.GPT2LMHeadModel(tf.GPT2Config(vocab_size=400, n_embd=32, n_layer=N_LAYERS, n_head=4, n_inner=48,
                                                     n_positions=64)),
    "llama": lambda: tf.LlamaForCausalLM(tf.LlamaConfig(**SMALL, num_key_value_heads=2)),
    "neox": lambda: tf.GPTNeoXForCausalLM(tf.GPTNeoXConfig(**SMALL, rotary_pct=0.5)),
    "gemma": lambda: tf.GemmaForCausalLM(tf.GemmaConfig(**SMALL, num_key_value_heads=1, head_dim=8)),
}
# By component: the modules of a layer (or of the model) that compute it. GPT-2's and GPT-NeoX's q, k, v are one matrix,
# which no scheme here takes apart.
INNER = {
    "gpt2": ("transformer.h.{}.", {"ln1": "ln_1", "qkv": "attn.c_attn", "o": "attn.c_proj", "ln2": "ln_2", "up": "mlp.c_fc",
                                   "down": "mlp.c_proj"}),
    "neox": ("gpt_neox.layers.{}.", {"ln1": "input_layernorm", "qkv": "attention.query_key_value", "o": "attention.dense",
                                     "ln2": "post_attention_layernorm", "up": "mlp.dense_h_to_4h",
                                     "down": "mlp.dense_4h_to_h"}),
    "llama": ("model.layers.{}.", {"ln1": "input_layernorm", "q": "self_attn.q_proj", "k": "self_attn.k_proj",
                                   "v": "self_attn.v_proj", "o": "self_attn.o_proj", "ln2": "post_attention_layernorm",
                                   "gate": "mlp.gate_proj", "up": "mlp.up_proj", "down": "mlp.down_proj"}),
}
INNER["gemma"] = INNER["llama"]
OUTER = {"gpt2": ["transformer.wte", "transformer.wpe"], "neox": ["gpt_neox.embed_in"], "llama": ["model.embed_tokens"],
         "gemma": ["model.embed_tokens"]}
GROUPS = {"attn": ["qkv", "q", "k", "v", "o"], "qkv": ["qkv", "q", "k", "v"], "ffn": ["gate", "up", "down"],
          "norms": ["ln1", "ln2"], "o": ["o"], "up": ["up"], "down": ["down"]}
LAYERS = {"all": range(4), "lower half": range(2), "upper half": range(2, 4), "3/4": [2], "0": [0]}
POSITIONS = {"FE": "first_actor", "LT": "last", "M": "movie_title", "FE+LT": "[first_actor, last]",
             "(FE+LT)^C": "{not: [first_actor, last]}", "all": "all"}
TEMPLATES = ["{first_actor} stars in {movie_title} alongside", "Q: Who stars in {movie_title} with {first_actor}? A:"]
ROWS = [("Ada Moss", "Blue River", "Egon Pike")]


def schemes():
    """(name, position, components, layers), components "all" with all layers only."""
    for position in POSITIONS:
        yield f"{position} all", position, "all", "all"
    for position, group, layers in itertools.product(("LT", "(FE+LT)^C"), GROUPS, LAYERS):
        yield f"{position} {group} {layers}", position, group, layers


def write_world(out):
    lines = ["set: check", "schemes:", "  - {name: PRE}"]
    for name, position, group, layers in schemes():
        lines.append(f'  - {{name: "{name}", grafts: [{{at: {POSITIONS[position]}, donor: sft, components: {group}, layers: {layers}}}]}}')
    (out / "schemes.yaml").write_text("\n".join(lines) + "\n")
    (out / "eval.jsonl").write_text("".join(json.dumps({"template": t}) + "\n" for t in TEMPLATES))
    (out / "rows.jsonl").write_text("".join(
        json.dumps({"id": i, "first_actor": a, "movie_title": m, "second_actor": b}) + "\n" for i, (a, m, b) in enumerate(ROWS)))
    with open(out / "texts.jsonl", "w") as f:
        for (a, m, b), t in itertools.product(ROWS * 120, TEMPLATES):
            print(json.dumps({"text": t.format(first_actor=a, movie_title=m) + " " + b}), file=f)


def spans(template, row):
    """The text, and the bytes of each field."""
    values, text, found = dict(first_actor=row[0], movie_title=row[1]), template, {}
    for field in sorted(values, key=lambda f: template.index("{" + f + "}")):
        begin = text.index("{" + field + "}")
        text = text.replace("{" + field + "}", values[field])
        found[field] = (begin, begin + len(values[field]))
    return text, found


def encode(sp, text, fields):
    """Ids with BOS, and the tokens of each field: those that hold any of its bytes."""
    pieces, bounds = sp.encode(text, out_type=str), [0]
    for p in pieces:  # the texts are ASCII; the first piece's blank is not in the text
        bounds.append(bounds[-1] + (1 if p.startswith("<0x") else len(p) - (len(bounds) == 1)))
    assert bounds[-1] == len(text)
    ids = [sp.bos_id()] + sp.encode(text)
    tokens = {f: {i + 1 for i in range(len(pieces)) if bounds[i] < end and bounds[i + 1] > begin}
              for f, (begin, end) in fields.items()}
    return ids, tokens


def places(position, tokens, n):
    fe, lt, m = tokens["first_actor"], {n - 1}, tokens["movie_title"]
    return {"FE": fe, "LT": lt, "M": m, "FE+LT": fe | lt, "(FE+LT)^C": set(range(n)) - fe - lt, "all": set(range(n))}[position]


def modules(family, group, layers):
    prefix, inner = INNER[family]
    parts = list(inner) if group == "all" else [c for c in GROUPS[group] if c in inner]
    found = [prefix.format(layer) + inner[c] for layer in LAYERS[layers] for c in parts]
    return found + (OUTER[family] if group == "all" else [])


def grafted(recipient, donor, ids, where, what):
    """The next token's probabilities."""
    cache, changed = tf.DynamicCache(), copy.deepcopy(recipient)
    for name in what:
        changed.get_submodule(name).load_state_dict(donor.get_submodule(name).state_dict())
    for t, token in enumerate(ids):
        model = changed if t in where else recipient
        logits = model(torch.tensor([[token]]), past_key_values=cache, use_cache=True).logits
    return torch.softmax(logits[0, -1].double(), -1)


def make(family, seed, path):
    torch.manual_seed(seed)
    model = FAMILIES[family]().eval()
    for name, p in model.named_parameters():  # large enough that every matrix matters
        with torch.no_grad():
            p.add_(torch.randn_like(p) * (0.3 if p.dim() == 1 else 0.6 / p.shape[-1] ** 0.5))
    model.save_pretrained(path)
    return model


def untied(model):
    """The head is not the embedding that grafts change."""
    head = model.get_output_embeddings()
    head.weight = torch.nn.Parameter(head.weight.detach().clone())
    return model


def check(graftkit, family, out):
    folders = {name: out / family / name for name in ("pre", "sft")}
    pre, sft = (untied(make(family, seed, folders[name])) for name, seed in (("pre", 1), ("sft", 2)))
    for folder in folders.values():
        for f in (out / "tok").iterdir():
            (folder / f.name).write_bytes(f.read_bytes())
    db, table = out / f"{family}.db", out / f"{family}.csv"
    subprocess.run([graftkit, "sweep", "--recipient", f"pre={folders['pre']}", "--donor", f"sft={folders['sft']}", "--schemes",
                    out / "schemes.yaml", "--rows", out / "rows.jsonl", "--templates", out / "eval.jsonl", "--out", db],
                   check=True, capture_output=True)
    subprocess.run([graftkit, "export", "--db", db, "--results", table], check=True, capture_output=True)
    with open(table, newline="") as f:
        ours = {(r["scheme"], r["text"]): r for r in csv.DictReader(f) if not r["dropped"]}
    sp = spm.SentencePieceProcessor(model_file=str(out / "tok" / "tokenizer.model"))
    worst, moved, n = 0.0, 0.0, 0
    for template, row in itertools.product(TEMPLATES, ROWS):
        text, fields = spans(template, row)
        if ("PRE", text) not in ours:
            continue
        ids, tokens = encode(sp, text, fields)
        target = sp.encode(row[2])[0]
        plain = grafted(pre, sft, ids, set(), [])[target].item()
        assert int(ours["PRE", text]["n_tokens"]) == len(ids) and int(ours["PRE", text]["target_id"]) == target
        for name, position, group, layers in [("PRE", "LT", "o", "0"), *schemes()]:
            where = places(position, tokens, len(ids)) if name != "PRE" else set()
            p = grafted(pre, sft, ids, where, modules(family, group, layers))[target].item()
            worst = max(worst, abs(p - float(ours[name, text]["prob"])))
            moved, n = max(moved, abs(p - plain)), n + 1
    print(f"{family}: {n} cells, largest difference of a probability {worst:.2g} (grafts move it by up to {moved:.2g})", flush=True)
    return worst, n


def main():
    graftkit = pathlib.Path(sys.argv[1]).resolve()
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, transformers {tf.__version__}")
    with tempfile.TemporaryDirectory() as tmp:
        out = pathlib.Path(tmp)
        write_world(out)
        subprocess.run([graftkit, "tokenizer", "--texts", out / "texts.jsonl", "--vocab", "310", "--out", out / "tok"], check=True,
                       capture_output=True)
        results = [check(graftkit, family, out) for family in sys.argv[2:] or FAMILIES]
    worst, n = max(w for w, _ in results), sum(n for _, n in results)
    print(f"{n} cells, largest difference {worst:.2g}: {'ok' if worst <= 1e-4 and n else 'FAILED'}")
    sys.exit(not (worst <= 1e-4 and n))


main()
