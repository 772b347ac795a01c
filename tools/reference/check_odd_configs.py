"""Folders as others leave them: models of every family that transformers wrote, made odd, read by graftkit and by transformers.

Keys are left out, null, spelled as older versions did, or belong to other classes; names lack their prefix, tied pairs are stored under one
name or in two types, tensors are too many, split into files, in several types. graftkit must give the logits that transformers gives, within
1e-4 of their scale, or refuse with a line that names the key or tensor. What transformers cannot load, or loads with weights made up for
missing ones, graftkit must refuse.

    check_odd_configs.py GRAFTKIT [--seed N] [--n 60] [-v] [--keep FOLDER]
"""
import argparse
import json
import logging
import os
import random
import struct
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.update(TRANSFORMERS_VERBOSITY="critical", HF_HUB_OFFLINE="1")
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from transformers.utils.logging import disable_progress_bar

disable_progress_bar()
warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
torch.set_num_threads(1)

FAMILIES = ("llama", "gpt2", "gpt_neox", "gemma", "gemma2", "qwen2", "olmo2")
BASE = {"gpt2": "transformer.", "gpt_neox": "gpt_neox."}
EMBED = {"gpt2": "transformer.wte.weight", "gpt_neox": "gpt_neox.embed_in.weight"}
ACTS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "silu", "swish", "relu", "gelu_python", "quick_gelu", "tanh", "mish")
DEFAULTS = {  # settings that a configuration has when its class chooses them, small enough for a test
    "llama": ("rms_norm_eps", "max_position_embeddings", "num_key_value_heads", "hidden_act", "rope_parameters", "tie_word_embeddings",
              "attention_bias", "mlp_bias", "head_dim", "num_attention_heads", "bos_token_id", "eos_token_id"),
    "gpt2": ("n_positions", "n_layer", "n_head", "layer_norm_epsilon", "activation_function", "n_inner", "tie_word_embeddings",
             "scale_attn_weights", "bos_token_id"),
    "gpt_neox": ("layer_norm_eps", "rope_parameters", "use_parallel_residual", "attention_bias", "hidden_act", "max_position_embeddings",
                 "tie_word_embeddings"),
    "gemma": ("rms_norm_eps", "head_dim", "num_key_value_heads", "num_attention_heads", "hidden_act", "tie_word_embeddings",
              "max_position_embeddings", "rope_parameters"),
    "gemma2": ("num_key_value_heads", "num_attention_heads", "attn_logit_softcapping", "final_logit_softcapping",
               "query_pre_attn_scalar", "sliding_window", "layer_types", "head_dim", "rms_norm_eps", "hidden_activation",
               "tie_word_embeddings", "rope_parameters"),
    "qwen2": ("num_key_value_heads", "num_attention_heads", "rms_norm_eps", "use_sliding_window", "sliding_window", "max_window_layers",
              "layer_types", "rope_parameters", "max_position_embeddings"),
    "olmo2": ("rms_norm_eps", "num_key_value_heads", "attention_bias", "max_position_embeddings", "rope_parameters", "hidden_act",
              "eos_token_id", "tie_word_embeddings"),
}


def settings(family, r):
    """A small configuration, some of whose settings are the class's own."""
    own = {k for k in DEFAULTS[family] if r.random() < 0.4}
    v, layers = r.choice((50, 61, 64)), r.choice((2, 3))
    if family == "gpt2":
        d = 24
        c = dict(vocab_size=v, n_embd=d, n_layer=layers, n_head=4, n_positions=48, layer_norm_epsilon=1e-4, n_inner=40,
                 activation_function=r.choice(ACTS[:8]), bos_token_id=1, eos_token_id=2)
        if r.random() < 0.3:
            c["tie_word_embeddings"] = False
    else:
        c = dict(vocab_size=v, hidden_size=32, intermediate_size=40, num_hidden_layers=layers, num_attention_heads=4,
                 max_position_embeddings=48, bos_token_id=1, eos_token_id=2, pad_token_id=None,
                 tie_word_embeddings=r.random() < 0.5)
        act = "hidden_activation" if family == "gemma2" else "hidden_act"
        c[act] = r.choice(ACTS[:8])
        if family == "gpt_neox":
            c.update(layer_norm_eps=1e-4, use_parallel_residual=r.random() < 0.5, attention_bias=r.random() < 0.7)
        else:
            c.update(rms_norm_eps=1e-4, num_key_value_heads=r.choice((1, 2, 4)))
        if family in ("llama", "gemma", "gemma2", "olmo2"):
            c["attention_bias"] = r.random() < 0.3
        if family in ("gemma", "gemma2"):
            c["head_dim"] = 16
        if family == "gemma2":
            c.update(query_pre_attn_scalar=24, attn_logit_softcapping=r.choice((None, 5.0)),
                     final_logit_softcapping=r.choice((None, 3.0)), sliding_window=5)
        c["rope_parameters"] = rope(family, r)
        if "num_attention_heads" in own:
            n = {"llama": 32, "qwen2": 32, "olmo2": 32, "gemma": 16, "gemma2": 8, "gpt_neox": 64}[family]
            c["hidden_size"] = 4 * n
            c["num_key_value_heads"] = n
    for k in own:
        c.pop(k, None)
    return c, own


def rope(family, r):
    p = dict(rope_type="default", rope_theta=r.choice((100.0, 10000.0, 5e5)))
    if family == "gpt_neox":
        p["partial_rotary_factor"] = r.choice((0.25, 0.5, 1.0))
    kind = r.choice(("default",) * 5 + ("linear", "linear", "llama3", "llama3", "dynamic", "yarn"))
    if kind != "default":
        p.update(rope_type=kind, factor=r.choice((2.0, 4.0)))
    if kind == "dynamic":  # which transformers cannot compute with one pair of rotary dimensions
        p["partial_rotary_factor"] = 1.0
    if kind == "llama3":
        p.update(low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)
    if kind == "yarn":
        p.update(original_max_position_embeddings=16)
    return p


# ---------------------------------------------------------------- odd settings: (what is said of it) from (config as read, random, family)

def leave_out(j, r, family, own):
    for k in own:
        j.pop(k, None)
    return "without " + " ".join(sorted(own))


def older_rope(j, r, family, own):
    p = j.pop("rope_parameters", None) or {}
    for k, name in (("rope_theta", "rotary_emb_base" if family == "gpt_neox" else "rope_theta"), ("partial_rotary_factor", "rotary_pct")):
        if k in p:
            j[name] = p.pop(k)
    if p.get("rope_type", "default") != "default":
        p["type"] = p.pop("rope_type")
        j["rope_scaling"] = p
    else:
        j["rope_scaling"] = r.choice((None, {}, {"type": "default"}, {"rope_type": "default"}))
    return "rotary settings as in version 4"


def older_dtype(j, r, family, own):
    j["torch_dtype"] = j.pop("dtype", "float32")
    return "torch_dtype"


def aliases(j, r, family, own):
    if family != "gpt2":
        return older_rope(j, r, family, own)
    for k, a in (("n_embd", "hidden_size"), ("n_head", "num_attention_heads"), ("n_layer", "num_hidden_layers"),
                 ("n_positions", "max_position_embeddings")):
        if k in j and r.random() < 0.7:
            j[a] = j.pop(k)
    return "GPT-2's sizes by their general names"


def one(key, *values):
    def put(j, r, family, own):
        v = r.choice(values)
        j[key] = v(j) if callable(v) else v
        return f"{key} {json.dumps(j[key])}"
    return put


def layers(word):
    return lambda j: [word] * (j.get("num_hidden_layers") or j.get("n_layer") or 2)


def nothing(j, r, family, own):
    keys = [k for k in j if k not in ("model_type", "vocab_size")]
    k = r.choice(keys)
    j[k] = None
    return f"{k} null"


def strange(j, r, family, own):
    k = r.choice(("clip_qkv", "logit_scale", "embedding_multiplier", "residual_multiplier", "attention_multiplier", "qk_layernorm",
                  "num_experts", "parallel_attn", "alibi", "use_qk_norm", "scale_emb", "query_pre_attn_scalar", "attn_logit_softcapping",
                  "final_logit_softcapping", "mlp_bias", "attention_bias", "use_parallel_residual", "rms_norm_eps", "layer_norm_eps",
                  "rope_theta", "rotary_pct", "partial_rotary_factor", "head_dim", "num_key_value_heads", "n_inner", "pretraining_tp",
                  "no_rope_layers", "sliding_window_pattern", "original_max_position_embeddings", "auto_map", "attention_chunk_size"))
    if k in j:
        return nothing(j, r, family, own)
    j[k] = r.choice((True, 2, 0.5, 8)) if k != "auto_map" else {"AutoConfig": "x.Y"}
    return f"{k} {j[k]}"


SETTINGS = [leave_out, leave_out, older_rope, older_dtype, aliases, nothing, strange, strange,
            one("is_causal", False, True, None), one("use_bidirectional_attention", True, False, None),
            one("is_decoder", True, False), one("add_cross_attention", True, False), one("chunk_size_feed_forward", 0, 3),
            one("attention_dropout", 0.5), one("pruned_heads", {}, {"0": [1]}), one("scale_attn_weights", False, True),
            one("scale_attn_by_inverse_layer_idx", True, False), one("reorder_and_upcast_attn", True),
            one("use_sliding_window", True, False), one("sliding_window", None, 3, 4096), one("max_window_layers", 0, 1, 28),
            one("layer_types", layers("full_attention"), layers("sliding_attention"), None),
            one("eos_token_id", -1, [2, 3], [-1, 4], None), one("bos_token_id", -1, None), one("pad_token_id", -1, 0),
            one("time_step_limit", [0.0, float("inf")]), one("summary_first_dropout", float("nan")), one("norm_eps", float("-inf")),
            one("per_layer_config", None, {"0": {"num_key_value_heads": 1}}, {"1": {"sliding_window": 2}}),
            one("tie_word_embeddings", True, False), one("use_cache", False), one("text_config", {}), one("quantization_config", None),
            one("note", "a\0b")]


# ---------------------------------------------------------------- odd tensors: from (tensors, config, random, family)

def head_name(family):
    return "embed_out.weight" if family == "gpt_neox" else "lm_head.weight"


def embed_name(family):
    return EMBED.get(family, "model.embed_tokens.weight")


def tied(j, family):
    return j.get("tie_word_embeddings", family in ("gpt2", "gemma", "gemma2"))


def bare(t, j, r, family):
    p = BASE.get(family, "model.")
    for k in list(t):
        if k.startswith(p):
            t[k[len(p):]] = t.pop(k)
    return "names without " + p


def head_only(t, j, r, family):
    if tied(j, family) and embed_name(family) in t:
        t[head_name(family)] = t.pop(embed_name(family))
    return "the head's name for a tied pair"


def head_twice(t, j, r, family):
    if tied(j, family) and embed_name(family) in t:
        e = t[embed_name(family)] = t[embed_name(family)].bfloat16()
        t[head_name(family)] = e.to(r.choice((torch.float32, torch.bfloat16, torch.float64)), copy=True)
    return "a tied pair twice"


def head_other(t, j, r, family):
    if tied(j, family) and embed_name(family) in t:
        t[head_name(family)] = t[embed_name(family)] + 1
    return "a tied pair with two values"


def neox_head(t, j, r, family):
    if "embed_out.weight" in t:
        t["lm_head.weight"] = t.pop("embed_out.weight")
    return "lm_head in place of embed_out"


def left_over(t, j, r, family):
    p, d = BASE.get(family, "model."), 8
    layer = p + ("h.1." if family == "gpt2" else "layers.1.")
    attn = {"gpt2": "attn.", "gpt_neox": "attention."}.get(family, "self_attn.")
    all = {"score.weight": torch.zeros(2, d), "v_head.summary.weight": torch.zeros(1, d), "classifier.bias": torch.zeros(2),
           "qa_outputs.weight": torch.zeros(2, d), p + "position_ids": torch.arange(8)[None], "reward_head.weight": torch.zeros(1, d),
           layer + attn + "rotary_emb.inv_freq": torch.zeros(4), layer + attn + "rotary_emb.cos_cached": torch.zeros(1, 1, 8, 4),
           layer + attn + "bias": torch.ones(1, 1, 8, 8, dtype=torch.bool), layer + attn + "masked_bias": torch.tensor(-1e9)}
    for k in r.sample(sorted(all), r.randint(1, 3)):
        t[k] = all[k]
    return "tensors too many"


def stranger(t, j, r, family):
    p = BASE.get(family, "model.")
    k = r.choice((p + "layers.9.mlp.up_proj.weight", p + "layers.0.self_attn.q_proj.weight_scale", "lm_head.bias", p + "norm.extra",
                  embed_name(family)[:-6] + "bias"))
    t[k] = torch.zeros(4)
    return "a tensor of another model: " + k


def wrapped(t, j, r, family):
    w = r.choice(("module.", "_orig_mod.", "module._orig_mod."))
    for k in list(t):
        t[w + k] = t.pop(k)
    return "names behind " + w


def lost(t, j, r, family):
    k = r.choice(sorted(t))
    del t[k]
    return "without " + k


def types(t, j, r, family):
    kinds = r.choice(((torch.bfloat16,), (torch.float16,), (torch.float32, torch.bfloat16, torch.float16), (torch.float64,)))
    for k in t:
        if t[k].is_floating_point():
            t[k] = t[k].to(r.choice(kinds))
    return "types " + " ".join(str(k)[6:] for k in kinds)


TENSORS = [bare, bare, head_only, head_only, head_twice, head_twice, head_other, neox_head, left_over, left_over, stranger, wrapped, lost, types, types]


def write_tensors(folder, t, r):
    """One file, or several with an index, which may list a head that none of them has."""
    (folder / "model.safetensors").unlink()
    t = {k: v.contiguous() for k, v in t.items()}
    if r.random() < 0.7:
        save_file(t, folder / "model.safetensors", {"format": "pt"})
        return ""
    names, where = sorted(t), {}
    for i in (0, 1):
        part = f"model-0000{i + 1}-of-00002.safetensors"
        save_file({k: t[k] for k in names[i::2]}, folder / part, {"format": "pt"})
        where.update({k: part for k in names[i::2]})
    listed = "lm_head.weight" not in where and "embed_out.weight" not in where
    if listed:
        where["lm_head.weight"] = "model-00002-of-00002.safetensors"
    (folder / "model.safetensors.index.json").write_text(json.dumps(dict(metadata={}, weight_map=where)))
    return "two files" + (", an index that lists a head" if listed else "")


# ---------------------------------------------------------------- one folder

def make(folder, r):
    family = r.choice(FAMILIES)
    c, own = settings(family, r)
    torch.manual_seed(r.randint(0, 1 << 30))
    model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[family](**c)).float()
    for k, p in model.named_parameters():
        torch.nn.init.normal_(p, mean=1.0 if "norm" in k and "bias" not in k and "gemma" not in family else 0.0, std=0.2)
    model.tie_weights()
    model.save_pretrained(folder)
    j = json.loads((folder / "config.json").read_text())
    said = [family]
    for f in r.sample(SETTINGS, r.choice((1, 1, 2, 3))):
        said.append(f(j, r, family, own))
    text = json.dumps(j, indent=1)
    (folder / "config.json").write_text(text)
    if r.random() < 0.6:
        t = load_file(folder / "model.safetensors")
        for f in r.sample(TENSORS, r.choice((1, 1, 2))):
            said.append(f(t, j, r, family))
        said.append(write_tensors(folder, t, r))
    return family, "; ".join(s for s in said if s), j["vocab_size"] if isinstance(j.get("vocab_size"), int) else 50


VOID = ("attention_dropout", "attn_pdrop", "resid_pdrop", "embd_pdrop", "hidden_dropout", "classifier_dropout", "initializer_range",
        "summary_first_dropout", "use_cache", "pretraining_tp", "summary_type", "summary_use_proj", "summary_proj_to_labels")


def by_transformers(folder, ids):
    """Its logits, or None and why not. Where it stumbles over the type of a key that changes nothing, without that key."""
    try:
        model, info = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
        missing = set(info["missing_keys"]) | {k[0] if isinstance(k, tuple) else k for k in info["mismatched_keys"]}
        if missing:
            return None, "weights made up: " + " ".join(sorted(missing)[:3])
        with torch.no_grad():
            return model.eval()(torch.tensor([ids])).logits[0].numpy(), ""
    except Exception as e:
        key = str(e).split("for field '")[-1].split("'")[0]
        if key in VOID:
            path = folder / "config.json"
            text = path.read_text()
            path.write_text(json.dumps({k: v for k, v in json.loads(text).items() if k != key}))
            result = by_transformers(folder, ids)
            path.write_text(text)
            return result
        return None, f"{type(e).__name__}: {str(e).splitlines()[0][:120] if str(e) else ''}"


def by_graftkit(program, folder, ids):
    out = folder / "out.safetensors"
    p = subprocess.run([program, "logits", "--model", str(folder), "--ids", " ".join(map(str, ids)), "--threads", "1", "--out", str(out)],
                       capture_output=True, text=True)
    lines = [l for l in p.stderr.splitlines() if l.strip()]
    if p.returncode:
        return None, lines[-1] if lines else f"exit status {p.returncode}", lines
    raw = out.read_bytes()
    n = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8:8 + n])["logits.0"]
    a, b = head["data_offsets"]
    return np.frombuffer(raw[8 + n + a:8 + n + b], "<f4").reshape(head["shape"]), "", lines


def main():
    o = argparse.ArgumentParser()
    o.add_argument("graftkit")
    o.add_argument("--seed", type=int, default=1)
    o.add_argument("--n", type=int, default=60)
    o.add_argument("--keep", type=Path)
    o.add_argument("-v", action="store_true")
    o = o.parse_args()
    count = dict(equal=0, refused=0, both=0, WRONG=0)
    worst = 0.0
    for i in range(o.n):
        r = random.Random(f"{o.seed} {i}")
        with tempfile.TemporaryDirectory() as d:
            folder = (o.keep / f"{o.seed}-{i}") if o.keep else Path(d)
            folder.mkdir(parents=True, exist_ok=True)
            family, said, vocab = make(folder, r)
            ids = [r.randrange(min(vocab, 50)) for _ in range(14)]
            want, why = by_transformers(folder, ids)
            got, error, lines = by_graftkit(o.graftkit, folder, ids)
        named = error.startswith("graftkit ") and ": field '" in error
        off = None
        if want is not None and got is not None:
            off = float("inf") if want.shape != got.shape else float(np.abs(want - got).max() / max(np.abs(want).max(), 1e-9))
        if off is not None and off <= 1e-4:
            what, worst = "equal", max(worst, off)
        elif got is None and named:
            what = "refused" if want is not None else "both"
        else:
            what = "WRONG"
        count[what] += 1
        if o.v or what == "WRONG":
            print(f"{i}: {what}: {said}\n    transformers: {why or 'reads it'}\n    graftkit: {error or f'off by {off}'}")
    print(f"seed {o.seed}: {count['equal']} equal (at most {worst:.1e} of the scale), {count['refused']} refused by name, "
          f"{count['both']} refused by both, {count['WRONG']} WRONG")
    sys.exit(count["WRONG"] > 0)


main()
