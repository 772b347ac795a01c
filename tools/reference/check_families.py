"""Random small models of every family, made by transformers, through all of graftkit.

    check_families.py GRAFTKIT [--family NAME ...] [--seed N] [--n 5] [--only K] [--keep FOLDER] [--strict] [-v]

tools/reference/families.py draws configurations, two of five of them odd; every parameter is drawn too, and config.json is written in turn as
transformers 5 does and as version 4 did. Of each folder that graftkit opens:

    logits     within 1e-4 of their scale of transformers', and the same likeliest token at every position of texts longer than the windows
    gradients  of the mean loss, each within 1e-4 of its scale
    saved      what graftkit saves opens in transformers, no tensor missing or left over, with the same logits
    engine     random grafts and patches of two models, against tests/support/definition.h
    finetune   the losses of two steps of `graftkit finetune`, against torch's AdamW
    decode     logits of tokens fed one by one, against those of the full pass
    gguf       where a family's row names its architecture in llama.cpp: the same logits from a GGUF file

What it refuses is counted, with its line. The exit status is 1 where a number is wrong; with --strict also where a family is refused.
GRAFTKIT is the program in its build folder, whose libraries check_model.c is linked with.
"""
import argparse
import copy
import json
import logging
import math
import os
import random
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.update(TRANSFORMERS_VERBOSITY="critical", HF_HUB_OFFLINE="1")
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils.logging import disable_progress_bar

import gguf_files
from families import FAMILIES, LONGEST, VOCAB, WIDEST

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 1e-4
PLAIN = dict(attn_implementation="eager", experts_implementation="eager")  # which take any width
CHECKS = ("logits", "gradients", "saved", "engine", "finetune", "decode", "gguf")
NOT_READ = set()  # architectures of GGUF files that graftkit refuses
disable_progress_bar()
warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
torch.set_num_threads(1)


class Wrong(Exception):
    pass


# ---------------------------------------------------------------- models and their folders

def auto(family):
    return AutoModelForCausalLM if family in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES else AutoModelForImageTextToText


def draw_weights(model, seed):
    """Every parameter: matrices by what they sum over, vectors about what a fresh model has where that is a constant."""
    g = torch.Generator().manual_seed(seed)
    conv = {id(m.weight) for m in model.modules() if type(m).__name__ == "Conv1D"}
    embed = {id(m.weight) for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    for p in model.parameters():
        x = torch.randn(p.shape, generator=g)
        flat = p.data.flatten()
        if p.dim() > 1 and not bool((flat == flat[0]).all()):
            x *= 0.5 if id(p) in embed else p.shape[0 if id(p) in conv else -1] ** -0.5
        else:  # norms, biases, and such
            x = 0.2 * x + (flat[0].item() if bool((flat == flat[0]).all()) else 0)
        p.data.copy_(x)
    model.tie_weights()
    return model


def as_version_4(j):
    """The same settings, where the older version wrote them."""
    for part in [j] + [v for k, v in j.items() if k == "text_config"]:
        part["torch_dtype"] = part.pop("dtype", None) or "float32"
        p = part.pop("rope_parameters", None) or {}
        nested = {k: v for k, v in p.items() if isinstance(v, dict)}
        if "full_attention" in nested:
            local, p = nested["sliding_attention"], dict(nested["full_attention"])
            if "gemma3" in str(part.get("model_type")):
                part["rope_local_base_freq"] = local["rope_theta"]
        neox = part.get("model_type") == "gpt_neox"
        for k, name in (("rope_theta", "rotary_emb_base" if neox else "rope_theta"), ("partial_rotary_factor", "rotary_pct" if neox else "partial_rotary_factor")):
            if k in p:
                part[name] = p.pop(k)
        if p:
            part["rope_scaling"] = None if p.get("rope_type", "default") == "default" else p
    return j


def make(folder, family, r, odd, older):
    """Two folders of one configuration; what is drawn and transformers cannot compute is drawn anew."""
    draw = FAMILIES[family][0]
    for last in (False,) * 19 + (True,):
        settings = draw(r, odd)
        try:
            torch.manual_seed(0)
            model = auto(family).from_config(CONFIG_MAPPING[family](**settings), **PLAIN).float().eval()
            logits_of(model, [list(range(LONGEST))])
            break
        except Exception:
            if last:
                raise
    for name in ("a", "b"):
        draw_weights(model, r.randrange(1 << 30)).save_pretrained(folder / name)
        path = folder / name / "config.json"
        if older:
            path.write_text(json.dumps(as_version_4(json.loads(path.read_text())), indent=1))
    return settings


def opened(folder, family, complete=True):
    model, info = auto(family).from_pretrained(folder, dtype=torch.float32, output_loading_info=True, **PLAIN)
    wrong = {k: sorted(map(str, v))[:4] for k, v in info.items() if v}
    if complete and wrong:
        raise Wrong(f"transformers opens it with {wrong}")
    return model.eval()


# ---------------------------------------------------------------- transformers' half

def logits_of(model, texts):
    with torch.no_grad():
        return [model(input_ids=torch.tensor([t]), use_cache=False).logits[0].float() for t in texts]


def loss_of(model, texts):
    total, n = 0.0, sum(len(t) - 1 for t in texts)
    for t in texts:
        if len(t) > 1:
            ids = torch.tensor([t])
            total = total + torch.nn.functional.cross_entropy(model(input_ids=ids, use_cache=False).logits[0, :-1].float(), ids[0, 1:], reduction="sum") / n
    return total


def gradients_of(model, texts, folder):
    """As a folder of weights, so that names and layout are the checkpoint's."""
    loss = loss_of(model, texts)
    loss.backward()
    holder = copy.deepcopy(model)
    for p, q in zip(holder.parameters(), model.parameters()):
        p.data = torch.zeros_like(q) if q.grad is None else q.grad
    holder.save_pretrained(folder)
    model.zero_grad()
    return loss.item(), tensors(folder)


def tensors(folder):
    return {k: v for f in sorted(Path(folder).glob("*.safetensors")) for k, v in load_file(f).items()}


def losses_of_steps(model, texts, lr):
    o = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    losses = []
    for _ in range(2):
        o.zero_grad()
        loss = loss_of(model, texts)
        loss.backward()
        o.step()
        losses.append(loss.item())
    return losses


# ---------------------------------------------------------------- graftkit's half

def build(program, work):
    """With the libraries that graftkit itself is linked with: oneDNN only if this build uses it."""
    libraries = [program.parent / f"lib{name}.a" for name in ("graft", "tokenizer", "model", "core")]
    symbols = subprocess.run(["nm", libraries[2]], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    multi = subprocess.run(["gcc", "-print-multiarch"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    out = work / "check_model"
    subprocess.run(["gcc", "-std=c11", "-O1", "-D_GNU_SOURCE", "-fopenmp", f"-I{ROOT}", f"-I{ROOT}/include", f"-DDEFINITION_VOCAB={VOCAB}",
                    f"-DDEFINITION_LONGEST={LONGEST}", f"-DDEFINITION_WIDEST={WIDEST}", ROOT / "tests/support/check_model.c", *libraries,
                    f"-L/usr/lib/{multi}/blis-openmp", "-lblis", *(["-ldnnl"] if "dnnl_sgemm" in symbols else []),
                    *"-ljansson -lyaml -lcrypto -lutf8proc -lpcre2-8 -lm -lpthread".split(), "-o", out], check=True)
    return out


def ran(*command):
    p = subprocess.run([str(c) for c in command], capture_output=True, text=True, env=dict(os.environ, OMP_NUM_THREADS="1"), timeout=300)
    lines = [l for l in p.stderr.splitlines() if l.strip()]
    return p.returncode, p.stdout, lines[-1] if lines else f"exit status {p.returncode}"


def needs(*command):
    code, out, error = ran(*command)
    if code:
        raise Wrong(f"{Path(command[0]).name} {command[1]}: {error}")
    return out


def off(want, got, floor=1e-9):
    """By the scale of what is wanted."""
    if want.shape != got.shape:
        raise Wrong(f"is {list(got.shape)}, not {list(want.shape)}")
    d = (want - got).abs().max().item() / max(want.abs().max().item(), floor) if want.numel() else 0.0
    return d if d == d else math.inf


def within(name, worst):
    if not worst <= TOLERANCE:
        raise Wrong(f"{name} off by {worst:.2g}")
    return worst


# ---------------------------------------------------------------- the checks: each returns the largest difference, or says what is wrong

def check_logits(x):
    worst = max(off(w, x.ours[f"logits.{s}"]) for s, w in enumerate(x.want))
    for s, w in enumerate(x.want):
        if (w.argmax(-1) != x.ours[f"logits.{s}"].argmax(-1)).any():
            raise Wrong(f"another token is the likeliest in text {s}; off by {worst:.2g}")
    return within("logits", worst)


def check_gradients(x):
    loss, want = gradients_of(x.model, x.texts, x.folder / "torch-gradients")
    got = tensors(x.folder / "gradients")
    within("loss", abs(loss - x.ours["loss"].item()) / loss)
    strange = sorted(set(got) - set(want)) or sorted(k for k in set(want) - set(got) if want[k].abs().max() > 0)
    if strange:
        raise Wrong(f"gradients of one side only: {' '.join(strange[:4])}")
    floor = 1e-2 * max(v.abs().max().item() for v in want.values())  # of what has none but for rounding
    worst, name = max((off(want[k], got[k], floor), k) for k in got)
    return within(f"gradient of {name}", worst)


def check_saved(x):
    j = json.loads((x.folder / "saved/config.json").read_text())
    return within("logits of what was saved", max(off(w, g) for w, g in zip(x.want, logits_of(opened(x.folder / "saved", j["model_type"]), x.texts))))


def check_engine(x):
    return within("engine", float(needs(x.tool, "engine", x.folder / "a", x.folder / "b", x.seed)))


def check_finetune(x):
    """All texts in each of two steps."""
    rows, lr = [gguf_files.text_of(t) for t in x.texts if len(t) > 1], 1e-3
    (x.folder / "texts.jsonl").write_text("".join(json.dumps(dict(text=t)) + "\n" for t in rows))
    gguf_files.write_tokenizer(x.folder / "tokenizer", VOCAB)
    needs(x.program, "finetune", "--model", x.folder / "a", "--tokenizer", x.folder / "tokenizer", "--texts", x.folder / "texts.jsonl", "--out", x.folder / "run",
          "--recipe", "base", "--lr", lr, "--betas", "0.9,0.999", "--eps", 1e-8, "--weight-decay", 0, "--clip", 0, "--schedule", "constant", "--warmup", 0,
          "--warmup-ratio", 0, "--steps", 2, "--batch", len(rows), "--log-steps", 1, "--no-general", "--threads", 1, "--validation", 0)
    lines = map(json.loads, (x.folder / "run/metrics.jsonl").read_text().splitlines())
    got = [l["loss"] for l in lines if "loss" in l]
    want = losses_of_steps(copy.deepcopy(x.model), [gguf_files.with_end(t) for t in x.texts if len(t) > 1], lr)
    if len(got) < 2:
        raise Wrong(f"finetune logs {len(got)} losses")
    return within(f"losses {got[:2]} of finetune, not {want},", max(abs(g - w) / w for g, w in zip(got, want)))


def check_decode(x):
    worst = 0.0
    for s, t in enumerate(x.texts):
        worst = max(worst, off(x.ours[f"logits.{s}"][(len(t) + 1) // 2 - 1:], x.ours[f"decoded.{s}"]))
    return within("decoding", worst)


def check_gguf(x):
    """None: the family's row has no architecture, or the file format cannot say this configuration."""
    arch = FAMILIES[x.family][1]
    path = x.folder / "model.gguf"
    if not arch or not gguf_files.write(path, arch, x.folder / "a", x.model.config):
        return None
    code, _, error = ran(x.program, "inspect", "--model", path)
    if code and "the architecture" in error and "is not supported" in error:
        NOT_READ.add(arch)
        return None
    needs(x.program, "logits", "--model", path, "--threads", 1, "--out", x.folder / "gguf.safetensors", *(w for t in x.texts for w in ("--ids", " ".join(map(str, t)))))
    got = load_file(x.folder / "gguf.safetensors")
    return within("logits of the GGUF file", max(off(w, got[f"logits.{s}"]) for s, w in enumerate(x.want)))


# ---------------------------------------------------------------- one configuration, and all

class Case:
    def __init__(self, o, tool, folder, family, number):
        self.folder, self.family, self.program, self.tool, self.seed = folder, family, o.graftkit, tool, number
        r = random.Random(f"{o.seed} {family} {number}")
        self.odd, self.older = number % 5 in (1, 3), number % 5 in (1, 4)
        self.settings = make(folder, family, r, self.odd, self.older)
        self.texts = [[r.randrange(VOCAB) for _ in range(n)] for n in (LONGEST, 1, r.randrange(2, LONGEST), r.randrange(2, LONGEST))]
        (folder / "ids").write_text("".join(" ".join(map(str, t)) + "\n" for t in self.texts))
        self.model = opened(folder / "a", family)
        self.want = logits_of(self.model, self.texts)

    def passes(self):
        """The line where graftkit refuses it."""
        code, _, error = ran(self.tool, "pass", self.folder / "a", self.folder / "ids", self.folder / "out.safetensors", self.folder / "saved", self.folder / "gradients")
        if code:
            return error.replace(str(self.folder), "").removeprefix("check_model: ")
        self.ours = load_file(self.folder / "out.safetensors")
        return None


def one(o, tool, folder, family, number, worst):
    """'right', 'refused' or 'WRONG', and what is said of it."""
    try:
        x = Case(o, tool, folder, family, number)
        refused = x.passes()
        if refused:
            return "refused", refused, x.settings
    except Exception as e:
        return "WRONG", f"is not made: {type(e).__name__}: {str(e)[:300]}", {}
    said = []
    for name in CHECKS:
        if o.check and name not in o.check:
            continue
        try:
            d = globals()["check_" + name](x)
            if d is not None:
                worst[name] = max(worst.get(name, 0.0), d)
        except Exception as e:
            said.append(f"{name}: {e if isinstance(e, Wrong) else f'{type(e).__name__}: {e}'}".replace(str(folder), "")[:400])
    return "WRONG" if said else "right", "; ".join(said), x.settings


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("graftkit", type=lambda s: Path(s).resolve())
    p.add_argument("--family", nargs="+", choices=sorted(FAMILIES), default=list(FAMILIES), metavar="NAME")
    p.add_argument("--check", nargs="+", choices=CHECKS)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--n", type=int, default=5)
    p.add_argument("--only", type=int, help="this one of the n configurations")
    p.add_argument("--keep", type=Path)
    p.add_argument("--strict", action="store_true", help="a refusal is an error too")
    p.add_argument("-v", action="store_true", help="all configurations")
    o = p.parse_args()
    total = dict(right=0, refused=0, WRONG=0)
    with tempfile.TemporaryDirectory() as work:
        tool = build(o.graftkit, Path(work))
        for family in o.family:
            count, worst = dict(right=0, refused=0, WRONG=0), {}
            for i in range(o.n) if o.only is None else [o.only]:
                folder = (o.keep or Path(work)) / f"{family}-{o.seed}-{i}"
                folder.mkdir(parents=True, exist_ok=True)
                what, said, settings = one(o, tool, folder, family, i, worst)
                count[what] += 1
                total[what] += 1
                if o.v or what == "WRONG" or (what == "refused" and count[what] == 1):
                    print(f"{family} {i}: {what}{': ' + said if said else ''}" + (f"\n    {settings}" if o.v or what == "WRONG" else ""), flush=True)
            print(f"{family}: {count['right']} right, {count['refused']} refused, {count['WRONG']} WRONG; " + " ".join(f"{k} {v:.1e}" for k, v in worst.items()), flush=True)
    if NOT_READ:
        print(f"GGUF files refused for their architecture: {' '.join(sorted(NOT_READ))}")
    print(f"RESULT seed={o.seed} right={total['right']} refused={total['refused']} wrong={total['WRONG']}")
    sys.exit(total["WRONG"] > 0 or (o.strict and (total["refused"] > 0 or bool(NOT_READ))))


if __name__ == "__main__":
    main()
