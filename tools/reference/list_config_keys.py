"""Which keys a config.json can have, and which of them change what a model of a family computes, by transformers.

The keys are those of PreTrainedConfig, of the families' classes, of every other causal language model's class, those that
transformers pops or renames when it reads a file, and those that its shared code asks a configuration for (masks, caches, positions,
loading: getattr(config, "…")). Each is put into the config.json of a tiny model of every family, with several values, and the logits are
compared with those without it: of one pass over a text, and of the same text token by token through the cache.

    list_config_keys.py OUT.json      # minutes; needs torch and transformers

OUT.json: {"transformers": version, "defaults": {family: {key: what the class has where a file says nothing}},
"keys": {key: {family: what}}}: what is "pass" or "cache" where some value changes those numbers,
"error" where transformers refuses some value and takes none that changes anything; a family in which no value does anything is left out.
"""
import ast
import copy
import dataclasses
import json
import logging
import multiprocessing
import os
import sys
import warnings
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, PreTrainedConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
torch.set_num_threads(1)

FAMILIES = ("llama", "gpt2", "gpt_neox", "gemma", "gemma2", "qwen2", "olmo2")
SHARED = ("masking_utils.py", "cache_utils.py", "modeling_utils.py", "modeling_rope_utils.py", "configuration_utils.py",
          "modeling_layers.py", "generation/utils.py", "integrations/heterogeneity/configuration_utils.py")
POPPED = ("torch_dtype", "rope_scaling", "rope_theta", "partial_rotary_factor", "rotary_pct", "rotary_emb_base", "name_or_path",
          "_name_or_path", "_commit_hash", "output_attentions", "attn_implementation", "_attn_implementation",
          "_experts_implementation", "per_layer_config", "num_labels", "torchscript", "use_return_dict", "model_type", "auto_map",
          "quantization_config", "pruned_heads", "tie_encoder_decoder", "cross_attention_hidden_size", "is_causal", "use_bfloat16",
          "tokenizer_class", "prefix", "sep_token_id", "task_specific_params", "finetuning_task", "tf_legacy_loss", "n_ctx",
          "configuration_files", "transformers_weights", "generator", "max_length", "layer_types", "skip")
TEXT = [5, 17, 3, 44, 9, 21, 30, 8, 12, 2]


def tiny(family):
    if family == "gpt2":
        return dict(model_type=family, vocab_size=61, n_embd=24, n_layer=2, n_head=4, n_positions=32)
    c = dict(model_type=family, vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
             max_position_embeddings=32, pad_token_id=None)
    if family != "gpt_neox":
        c.update(num_key_value_heads=2)
    if family in ("gemma", "gemma2"):
        c.update(head_dim=8)
    if family == "gemma2":
        c.update(sliding_window=6, query_pre_attn_scalar=24)
    return c


def asked_for(path):
    """The names that a source file asks a configuration for."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).split(".")[-1].endswith("config"):
            found.add(node.attr)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "hasattr") and len(node.args) > 1:
            if isinstance(node.args[1], ast.Constant) and "config" in ast.unparse(node.args[0]):
                found.add(node.args[1].value)
    return found


def all_keys():
    root = Path(transformers.__file__).parent
    keys = {f.name for f in dataclasses.fields(PreTrainedConfig)} | set(POPPED)
    keys |= set(GenerationConfig._get_default_generation_params())
    for model in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        keys |= {f.name for f in dataclasses.fields(CONFIG_MAPPING[model])} | set(CONFIG_MAPPING[model].attribute_map)
    for name in SHARED:
        keys |= asked_for(root / name)
    for family in FAMILIES:
        keys |= asked_for(root / "models" / family / f"modeling_{family}.py")
    methods = {k for k in dir(PreTrainedConfig) if callable(getattr(PreTrainedConfig, k, None))}
    return sorted(k for k in keys - methods if not k.startswith("__"))


def numbers(model):
    with torch.no_grad():
        whole = model(torch.tensor([TEXT])).logits
        cache, rows = None, []
        for t in TEXT:
            out = model(torch.tensor([[t]]), past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            rows.append(out.logits[:, -1])
    return whole, torch.stack(rows, 1)


def build(settings, weights):
    config = CONFIG_MAPPING[settings["model_type"]].from_dict(copy.deepcopy(settings))
    model = AutoModelForCausalLM.from_config(config, attn_implementation=None).float().eval()
    if weights is not None:
        model.load_state_dict(weights)
    model.tie_weights()
    return model


VALUES = (True, False, None, 0, 1, 3, 0.5, -1, "x", "gelu", ["sliding_attention", "full_attention"], ["x"], {}, {"1": {"sliding_window": 3}},
          {"rope_type": "linear", "factor": 4.0})


LLAMA3 = {"rope_type": "llama3", "rope_theta": 100.0, "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 16}


def differ(a, b):
    return a.shape != b.shape or not torch.allclose(a, b, atol=1e-5, equal_nan=True)


def probe(family, key, plain, weights, want):
    seen = set()
    if any(word in key for word in ("rope", "rotary", "position")) and family != "gpt2" and "rope_parameters" not in plain:
        scaled = {**plain, "rope_parameters": LLAMA3}
        seen.add(probe(family, key, scaled, weights, numbers(build(scaled, weights))))
        if "pass" in seen:
            return "pass"
    for v in VALUES:
        if key in plain and plain[key] == v:
            continue
        try:
            got = numbers(build({**plain, key: v}, weights))
        except Exception:
            seen.add("error")
            continue
        if differ(got[0], want[0]):
            return "pass"
        if differ(got[1], want[1]):
            seen.add("cache")
    return "cache" if "cache" in seen else "error" if "error" in seen else None


def defaults(family):
    """What the class has, but for what follows from other settings (its __post_init__ runs)."""
    cls = CONFIG_MAPPING[family]
    base = {f.name for f in dataclasses.fields(PreTrainedConfig)}
    return {f.name: getattr(cls, f.name, None) for f in dataclasses.fields(cls) if f.name not in base}


def probe_family(family):
    torch.manual_seed(1)
    plain = tiny(family)
    model = build(plain, None)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.3)
    weights = {k: v.clone() for k, v in model.state_dict().items()}
    want = numbers(build(plain, weights))
    found = {k: probe(family, k, plain, weights, want) for k in all_keys() if k != "model_type"}
    print(family, sum(v is not None for v in found.values()), file=sys.stderr, flush=True)
    return found


def main():
    keys = all_keys()
    print(len(keys), "keys", file=sys.stderr)
    with multiprocessing.Pool(2) as pool:
        by_family = dict(zip(FAMILIES, pool.map(probe_family, FAMILIES, 1)))
    found = {k: {f: by_family[f][k] for f in FAMILIES if by_family[f].get(k)} for k in keys}
    lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(found[k])}" for k in keys)
    own = ",\n".join(f"  {json.dumps(f)}: {json.dumps(defaults(f))}" for f in FAMILIES)
    Path(sys.argv[1]).write_text(
        f'{{"transformers": "{transformers.__version__}", "defaults": {{\n{own}\n}}, "keys": {{\n{lines}\n}}}}\n')


if __name__ == "__main__":
    main()
