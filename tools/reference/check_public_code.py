#!/usr/bin/env python3
"""Compares graftkit with the public code of the paper, whose functions it imports from a checkout that you name (nothing of it
is in this tree): small random models (recipient, relation, task) of its families, tied and untied; for every scheme of the
paper's sets and for patch configurations of its form, its run_patched_inference beside `graftkit sweep`, once with the shipped
scheme `as_published` and once with what `graftkit import-patch` makes of the configuration. The target's probability, its rank
and the 20 highest probabilities must agree to 1e-5. What its main() does for a hybrid is done here with its patch_component.

  check_public_code.py CHECKOUT [--graftkit build/release/graftkit] [--families llama,llama-tied,…] [--rows 2] [--verbose]

Its pinned transformers is 4.45.2. It tries an argument first (`cache=`) for which 4.45 raises a TypeError, and which 5.24 has. Where a
model's forward does not name it, it is refused here, whatever else that takes; nothing else is changed.
"""
import argparse
import copy
import inspect
import itertools
import json
import logging
import os
import pathlib
import sqlite3
import struct
import subprocess
import sys
import tempfile
import types

import torch
import transformers as tf
import yaml
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYERS = 6  # its third quarter begins a layer below the upper half
TOLERANCE = 1e-5
COMMON = dict(vocab_size=320, hidden_size=32, num_hidden_layers=LAYERS, num_attention_heads=4, intermediate_size=48,
              max_position_embeddings=96, bos_token_id=0, eos_token_id=1)
MAKE = {
    "llama": lambda tied: tf.LlamaForCausalLM(tf.LlamaConfig(**COMMON, num_key_value_heads=2, tie_word_embeddings=tied)),
    "gemma": lambda tied: tf.GemmaForCausalLM(tf.GemmaConfig(**COMMON, num_key_value_heads=1, head_dim=8, pad_token_id=1,
                                                             tie_word_embeddings=tied)),
    "gpt2": lambda tied: tf.GPT2LMHeadModel(tf.GPT2Config(vocab_size=320, n_embd=32, n_layer=LAYERS, n_head=4, n_inner=48,
                                                          n_positions=96, bos_token_id=0, eos_token_id=1,
                                                          tie_word_embeddings=tied)),
    "gpt_neox": lambda tied: tf.GPTNeoXForCausalLM(tf.GPTNeoXConfig(**COMMON, rotary_pct=0.5, tie_word_embeddings=tied)),
}
THEIRS = {"llama": "llama3", "gemma": "gemma", "gpt2": "gpt2-xl", "gpt_neox": "pythia-2.8b"}
ROWS = [{"id": 3, "first_actor": "Ada Moss", "second_actor": "Egon Pike", "movie_title": "Blue River"},
        {"id": 8, "first_actor": "Lena Dorn Hale", "second_actor": "Ivo Marsh", "movie_title": "The Quiet Harbour"},
        {"id": 9, "first_actor": "Olaf Quist", "second_actor": "Mira Sund", "movie_title": "Nine Kites"}]
FILLERS = {"relation": "stars", "relation_preposition": "in", "preposition": "alongside"}
TEMPLATES = [("{first_actor} {relation} {relation_preposition} a movie {preposition}", {}),
             ("In a new film, {first_actor} {relation} {relation_preposition} {movie_title} {preposition} the other lead "
              "actor, whose name is:", {"relation": "appears", "preposition": "with"})]

# ---------------------------------------------------------------- configurations in the public code's form

NAMES = "embeddings q k v o gate mlp_up mlp_down ln_1 ln_2".split()
WHOLE = set(NAMES)
QKV, FFN = {"q", "k", "v"}, {"gate", "mlp_up", "mlp_down"}
ATTN, NORMS = QKV | {"o"}, {"ln_1", "ln_2"}
UPPER = list(range(LAYERS // 2, LAYERS))
QUARTERS = ["third_quarter", "fourth_quarter"]


def spec(targets=WHOLE, layers="all", **more):
    return {**more, "targets": {n: n in targets for n in NAMES}, "layers": layers}


def patches(fields=(), last=None, other=None, targets=WHOLE, layers="all"):
    """One patch for each field; `last`, `other`: the specs of the last token and of all others."""
    made = {f: spec(targets, layers, key=f) for f in fields}
    if last:
        made["token_idx"] = {"values": [-1], **last}
    if other:
        made["other"] = other
    return made


def complement(fields, last):
    """Everything but these: patches without layers take the place of `other`."""
    return patches(fields, spec(WHOLE, None) if last else None, spec(), layers=None)


class Case:
    """A configuration, which models it runs with, and the shipped scheme that says the same (or None)."""

    def __init__(self, name, config, ours=None, direction="sft2pre", head="never", rate=0.0, patching=True, imported=True,
                 donor=None, last_donor=None):
        self.name, self.config, self.ours, self.direction, self.head = name, config, ours, direction, head
        self.rate, self.patching, self.imported, self.donor, self.last_donor = rate, patching, imported, donor, last_donor

    def fields(self):
        return {f for f in self.config if f != "other" and "token_idx" not in f}


def position_cases():
    FE, M, P, R, RP = "first_actor", "movie_title", "preposition", "relation", "relation_preposition"
    lt = spec()
    yield Case("no_patching", {}, "PRE", patching=False)
    yield Case("no_patching", {}, "SFT", direction="pre2sft", patching=False)
    yield Case("all", patches(other=lt), "SFT-rh")
    for name, fields in {"FE": [FE], "M": [M], "FE+M": [FE, M], "FE+M+P": [FE, M, P], "R": [R], "FE+R": [FE, R], "RP": [RP],
                         "R+RP": [R, RP], "P": [P], "FE+P": [FE, P]}.items():
        yield Case(name.lower().replace("+", "_"), patches(fields), name)
        yield Case(name.lower().replace("+", "_") + "_lt", patches(fields, lt), name + "+LT" if name != "FE+R" else "FE+R+LT")
    yield Case("lt", patches(last=lt), "LT")
    for name, fields, last in [("FE^C", [FE], 0), ("LT^C", [], 1), ("(FE+LT)^C", [FE], 1), ("(FE+M)^C", [FE, M], 0),
                               ("(FE+M+LT)^C", [FE, M], 1), ("R^C", [R], 0), ("(FE+R+LT)^C", [FE, R], 1)]:
        yield Case("not_" + "_".join(fields) + "_lt" * last, complement(fields, last), name)


def component_cases():
    for name, targets in {"ATTN+O+FFN": ATTN | FFN, "ATTN+O": ATTN, "O+FFN": {"o"} | FFN, "ATTN+FFN": QKV | FFN, "O": {"o"},
                          "FFN": FFN, "O+FFN-up": {"o", "mlp_up"}, "O+FFN-down": {"o", "mlp_down"}}.items():
        file = name.lower().replace("+", "_").replace("-", "_").replace("ffn_up", "up").replace("ffn_down", "down")
        yield Case(file, patches(last=spec(targets, UPPER)), "task | " + name, direction="both2one")
        yield Case(file + "_quarters", patches(last=spec(targets, QUARTERS)), direction="both2one")
    yield Case("none_task", {}, "task | none", direction="both2one", patching=False, imported=False)


def hybrid_cases():
    fe = {"none": None, "ATTN": QKV, "ATTN+O": ATTN, "FFN": FFN, "O+FFN": {"o"} | FFN, "all": WHOLE}
    lt = spec(ATTN | FFN | NORMS)
    for name, targets in fe.items():
        config = patches(["first_actor"] if targets else [], lt, targets=targets or set())
        file = "attn_o_ffn_fe_" + name.lower().replace("+", "_")
        yield Case(file, config, f"as published, FE {name}", direction="hybrid")
        yield Case(file + "_gate", config, f"hybrid, FE {name}", direction="hybrid", imported=False, last_donor="gated")
    config = patches(["first_actor"], lt, targets=ATTN)
    yield Case("task_gate", config, "hybrid, FE ATTN+O, task gate", direction="hybrid", imported=False)
    yield Case("without_rel", config, "hybrid without rel", imported=False, donor="task")
    yield Case("without_task", {**config, "token_idx": spec({"o"} | FFN, UPPER, values=[-1])}, "hybrid without task at LT",
               direction="hybrid", imported=False, last_donor="sft")
    yield Case("rel_alone", patches(last=spec({"o"} | FFN, UPPER)), "rel O+FFN at LT")
    yield Case("only_attn", patches(["first_actor"], spec(WHOLE - {"embeddings"}), targets=ATTN), "hybrid, only task ATTN+O at LT",
               direction="hybrid", imported=False, last_donor="attention")
    yield Case("hybrid_quarters", patches(["first_actor"], spec(WHOLE, QUARTERS), targets=ATTN), direction="hybrid")
    yield Case("hybrid_whole", patches(["first_actor", "preposition"], spec()), direction="hybrid")
    yield Case("hybrid_always", patches(["first_actor"], spec(), targets={"o"} | FFN), direction="hybrid", head="always")
    yield Case("hybrid_all_tokens", patches(other=spec()), direction="hybrid")


def further_cases():
    """What no shipped scheme says: only import-patch is compared."""
    lt = spec()
    for head in ("always", "last_token"):
        yield Case("fe_lt_" + head, patches(["first_actor"], lt), head=head)
        yield Case("fe_" + head, patches(["first_actor"]), head=head)
    yield Case("fe_lt_pre2sft", patches(["first_actor"], lt), direction="pre2sft")
    yield Case("fe_lt_both2one", patches(["first_actor"], lt), direction="both2one")
    yield Case("later_wins", {"token_idx": {"values": [0, -1, -2], **spec(ATTN, [0, 2, 4])}, "other": spec(QKV, ["first_quarter"]),
                              "preposition": spec(FFN, 3, key="preposition"),
                              "first_actor": spec(WHOLE, ["first_quarter", "third_eighth"], key="first_actor"),
                              "token_idx_more": {"values": [-1], **spec(FFN | NORMS, ["second_quarter", 5])}})
    yield Case("preposition_then_last", patches(["preposition"], spec(FFN), targets=ATTN))
    yield Case("eighths", patches(["first_actor"], spec(WHOLE, ["fifth_eighth", "fourth_quarter"]), layers=["fourth_eighth", 1]))
    yield Case("third_eighth", patches(["first_actor"], lt, layers="third_eighth"))
    yield Case("embeddings", patches(["first_actor"], spec({"embeddings"}, [2]), targets={"embeddings"}))
    yield Case("dropped", patches(["first_actor"], lt), rate=1.0)
    yield Case("q_alone", patches(["first_actor"], spec({"q"}), targets={"q", "ln_1"}))
    yield Case("k_and_v", patches(["first_actor"], spec({"k", "v"}), targets={"k", "v", "o"}))


CASES = [*position_cases(), *component_cases(), *hybrid_cases(), *further_cases()]
for i, c in enumerate(CASES):
    c.file = f"{i:03d}_{c.name}"

# ---------------------------------------------------------------- the public code


def stub(name, **members):
    """A module that it imports and that what runs here does not need."""
    module = types.ModuleType(name)
    module.__dict__.update(members)
    sys.modules[name] = module


def public_code(checkout):
    source = pathlib.Path(checkout) / "src"
    if not (source / "kg" / "scripts" / "run_experiment.py").exists():
        sys.exit(f"check_public_code.py: {checkout}: no src/kg/scripts/run_experiment.py; name a checkout of the public code")
    os.environ["ARTIFACTS_DIR"] = tempfile.gettempdir()
    sys.path.insert(0, str(source))
    before = {n: sys.modules.get(n) for n in ("datasets", "tqdm", "dotenv")}
    stub("datasets", load_dataset=None)
    stub("tqdm", tqdm=lambda x: x)
    stub("dotenv", load_dotenv=lambda: None)
    stub("kg.train", __path__=[])
    stub("kg.train.model_factory", model_factory=None)
    import kg.scripts.run_experiment as public

    for name, module in before.items():
        del sys.modules[name]
        if module:
            sys.modules[name] = module
    logging.disable(logging.CRITICAL)
    tf.utils.logging.disable_progress_bar()
    return public


def strict(model):
    """`cache=` is a TypeError, as in the transformers that it was written for, unless the model uses it."""
    forward = model.__class__.forward
    if "cache" in inspect.signature(forward).parameters:
        return

    def refuse(self, *args, **kwargs):
        if "cache" in kwargs:
            raise TypeError("cache")
        return forward(self, *args, **kwargs)

    if not getattr(forward, "refuses", False):
        refuse.refuses = True
        model.__class__.forward = refuse


def namespace(value):
    if isinstance(value, dict):
        return types.SimpleNamespace(**{k: namespace(v) for k, v in value.items()})
    return [namespace(v) for v in value] if isinstance(value, list) else value


def mixed(public, config, base, parts):
    """A copy of `base` with components of other models: (model, components, layers)."""
    made = copy.deepcopy(base)
    for source, components, layers in parts:
        for layer, name in itertools.product(layers, components):
            if name in config["components"]:
                public.patch_component(source, made, config["layers"], layer, **config["components"][name])
    return made


class World:
    """The models of a family, in folders, and what the public code makes of them."""

    def __init__(self, public, family, tied, out, tokenizer):
        self.public, self.family, self.config = public, family, public.MODEL_CONFIGS[THEIRS[family]]
        self.folder, self.model = {}, {}
        for seed, name in enumerate(("pre", "sft", "task")):
            torch.manual_seed(seed + 1)
            model = MAKE[family](tied).eval()
            with torch.no_grad():
                for p in {id(p): p for p in model.parameters()}.values():  # large enough that every matrix matters
                    p.add_(torch.randn_like(p) * (0.3 if p.dim() == 1 else 1.5 / p.shape[-1] ** 0.5))
            strict(model)
            self.model[name], self.folder[name] = model, out / name
            model.save_pretrained(out / name)
            tokenizer.save_pretrained(out / name)
            if family == "gpt_neox" and not hasattr(model, "embed_out"):
                model.embed_out = model.lm_head  # what it was called in 4.45
        self.tokenizer = tokenizer
        task, sft, upper = self.model["task"], self.model["sft"], UPPER
        self.model["mixed"] = mixed(public, self.config, task, [(sft, ("o", "mlp_up", "mlp_down"), upper)])
        self.model["gated"] = mixed(public, self.config, self.model["mixed"], [(sft, ("gate",), upper)])
        self.model["attention"] = mixed(public, self.config, self.model["pre"],
                                        [(task, ("q", "k", "v", "o"), range(LAYERS)),
                                         (sft, ("o", "gate", "mlp_up", "mlp_down"), upper)])

    def roles(self, case):
        recipient, donor = {"sft2pre": ("pre", "sft"), "pre2sft": ("sft", "pre"), "both2one": ("task", "sft"),
                            "hybrid": ("pre", "task")}[case.direction]
        last = case.last_donor or ("mixed" if case.direction == "hybrid" else None)
        return self.model[recipient], self.model[case.donor or donor], self.model[last] if last else None

    def probabilities(self, case, template, row):
        recipient, donor, last = self.roles(case)
        inputs = self.public.get_inputs(row, template, self.tokenizer)
        if not case.patching:
            return inputs, torch.softmax(recipient(inputs["input_ids"]).logits[0, -1], dim=-1)
        made = self.public.get_patches(row, namespace({"patches": case.config}), LAYERS, self.tokenizer, inputs["input_ids"],
                                       template)
        hybrid = dict(hybrid_experiment=True, llm_hybrid=last) if last else {}
        probs, _ = self.public.run_patched_inference(inputs, made, donor, recipient, self.config, self.tokenizer,
                                                     patch_lm_head=case.head, dropout_rate=case.rate, **hybrid)
        return inputs, probs


# ---------------------------------------------------------------- graftkit


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"check_public_code.py: {' '.join(str(c) for c in command)}\n{done.stderr}")


def shipped(out):
    """The shipped sets, `as_published` but where they take the donor's final norm, which it never does."""
    files = []
    for name in ("position", "relation", "component", "hybrid", "hybrid_published"):
        loaded = yaml.safe_load((ROOT / "graft" / "schemes" / f"{name}.yaml").read_text())
        for scheme in loaded["schemes"]:
            scheme["as_published"] = "head" not in scheme
        files.append(out / f"{name}.yaml")
        files[-1].write_text(yaml.safe_dump(loaded, sort_keys=False))
    return files


def imported(graftkit, family, out):
    """The experiments as the public code writes them, each a file, and what import-patch makes of them."""
    folder = out / "experiments"
    folder.mkdir()
    for case in CASES:
        if not case.imported:
            continue
        experiment = {"smoke_test": False, "patching_flag": case.patching, "n_examples": None,
                      "model": {"pretrained": THEIRS[family], "patch_direction": case.direction},
                      "paths": {"dataset_name": "fake_movies_fake_actors"},
                      "inference_config": {"patch_lm_head": case.head, "dropout_rate": case.rate, "dropout_unit": "layer",
                                           "dropout_strategy": "count"},
                      "analysis_config": {"top_k": 20, "target_key": "second_actor"},
                      "patch_config": {"patches": case.config}, "patch_config_filename": case.file + ".yaml"}
        dumper = yaml.SafeDumper
        dumper.ignore_aliases = lambda *_: True
        (folder / (case.file + ".yaml")).write_text(yaml.dump(experiment, Dumper=dumper, sort_keys=False))
    run(graftkit, "import-patch", *sorted(folder.iterdir()), "--layers", LAYERS, "--out", out / "imported.yaml")
    return out / "imported.yaml"


def sweep(graftkit, world, out, rows):
    (out / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (out / "eval.jsonl").write_text("".join(json.dumps({"template": t, "fillers": f}) + "\n" for t, f in TEMPLATES))
    (out / "fillers.json").write_text(json.dumps(FILLERS))
    files = [*shipped(out), imported(graftkit, world.family, out)]
    run(graftkit, "sweep", "--recipient", f"pre={world.folder['pre']}", "--donor", f"sft={world.folder['sft']}", "--donor",
        f"task={world.folder['task']}", *itertools.chain(*(("--schemes", f) for f in files)), "--rows", out / "rows.jsonl",
        "--templates", out / "eval.jsonl", "--fillers", out / "fillers.json", "--out", out / "r.db", "--keep-shared-first",
        "--threads", "1")
    db = sqlite3.connect(out / "r.db")
    found = {}
    for scheme, template, row, target, n, prob, rank, top, dropped in db.execute(
            "SELECT s.name, p.template, p.row_key, p.target_id, p.n_tokens, r.prob, r.rank, r.top, r.dropped FROM scheme s "
            "JOIN result r ON r.scheme = s.source JOIN prompt p ON p.id = r.prompt"):
        pairs = [] if top is None else [struct.unpack_from("<if", top, 8 * i) for i in range(len(top) // 8)]
        found[scheme, template, row] = (target, n, prob, rank, pairs, dropped)
    return found


# ---------------------------------------------------------------- both


def differ(theirs, target, ours):
    """The largest difference, and whether the ranks are those of the same distribution."""
    _, _, prob, rank, pairs, dropped = ours
    if dropped:
        return float("inf"), False
    p = theirs[target].item()
    high, _ = torch.topk(theirs, 20)
    worst = max([abs(p - prob)] + [abs(theirs[i].item() - x) for i, x in pairs] + [abs(h - x) for h, (_, x) in
                                                                                   zip(high.tolist(), pairs)])
    low, up = (theirs > p + TOLERANCE).sum().item(), (theirs > p - TOLERANCE).sum().item()
    exact = (theirs > p).sum().item() == rank or low <= rank <= up - 1
    return worst, exact and len(pairs) == 20


def check(public, graftkit, name, out, n_rows, verbose):
    family, tied = name.removesuffix("-tied"), name.endswith("-tied")
    world = World(public, family, tied, out, make_tokenizer(family in ("llama", "gemma")))
    ours = sweep(graftkit, world, out, ROWS[:n_rows])
    worst, moved, n, failed = {"shipped": 0.0, "imported": 0.0}, 0.0, {"shipped": 0, "imported": 0}, []
    for (t, (template, fillers)), row in itertools.product(enumerate(TEMPLATES, 1), ROWS[:n_rows]):
        row = {**row, **FILLERS, **fillers}
        target = world.tokenizer.encode(" " + row["second_actor"], add_special_tokens=False)[0]
        _, plain = world.probabilities(CASES[0], template, row)
        for case in CASES:
            if not all("{" + f + "}" in template for f in case.fields()):
                continue
            inputs, probs = world.probabilities(case, template, row)
            moved = max(moved, (probs - plain).abs().max().item())
            for kind, scheme in (("shipped", case.ours), ("imported", case.file if case.imported else None)):
                if not scheme:
                    continue
                got = ours.get((scheme, t, str(row["id"])))
                assert got, f"graftkit has no result of '{scheme}' on template {t}"
                assert got[0] == target and got[1] == inputs["input_ids"].shape[1], "other tokens"
                difference, same_rank = differ(probs, target, got)
                worst[kind], n[kind] = max(worst[kind], difference), n[kind] + 1
                if difference > TOLERANCE or not same_rank:
                    failed.append((kind, scheme, t, row["id"], difference, same_rank, got[5]))
    print(f"| {name} | {n['shipped']} | {worst['shipped']:.1e} | {n['imported']} | {worst['imported']:.1e} | {moved:.2f} | "
          f"{'ok' if not failed else f'{len(failed)} differ'} |", flush=True)
    for f in failed[:None if verbose else 5]:
        print("   ", *f, file=sys.stderr)
    return len(failed), min(n.values())


def make_tokenizer(bos):
    """Bytes and a few merges; Llama and Gemma begin a text with BOS."""
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer, tok.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    texts = [t.format(**{**r, **FILLERS, **f}) + " " + r["second_actor"] for (t, f), r in itertools.product(TEMPLATES, ROWS)]
    tok.train_from_iterator(texts * 3, trainers.BpeTrainer(vocab_size=320, special_tokens=["<s>", "</s>"], show_progress=False,
                                                           initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    if bos:
        tok.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return tf.PreTrainedTokenizerFast(tokenizer_object=tok, bos_token="<s>", eos_token="</s>")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", help="a checkout of the public code")
    parser.add_argument("--graftkit", default=ROOT / "build" / "release" / "graftkit")
    parser.add_argument("--families", default=",".join(f + t for f in MAKE for t in ("", "-tied")))
    parser.add_argument("--rows", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="name every cell that differs")
    args = parser.parse_args()
    public, graftkit = public_code(args.checkout), pathlib.Path(args.graftkit).resolve()
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, transformers {tf.__version__}; {LAYERS} layers, {len(CASES)} configurations\n")
    print("| models | shipped cells | worst | imported cells | worst | moved | |\n|---|---|---|---|---|---|---|")
    done = []
    for name in args.families.split(","):
        with tempfile.TemporaryDirectory() as tmp:
            done.append(check(public, graftkit, name, pathlib.Path(tmp), args.rows, args.verbose))
    ok = done and all(failed == 0 and n > 0 for failed, n in done)
    print("\nall agree to", TOLERANCE) if ok else print("\nNOT THE SAME")
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
