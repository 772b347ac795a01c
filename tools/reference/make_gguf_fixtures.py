#!/usr/bin/env python3
"""Makes tests/fixtures/gguf/: some of the tiny models of tests/fixtures/model/ as GGUF files, laid out as llama.cpp's
converter lays them out.

Usage: make_gguf_fixtures.py [FOLDER]   (needs gguf, numpy, torch, transformers, safetensors, accelerate)

What the converter does to a checkpoint: ggml's names; llama's q and k rows interleave the two halves of each head; Gemma's
norms are stored as 1 + weight; GPT-2's matrices are transposed back; GPT-NeoX's q, k and v, fused head by head, follow
each other whole. transformers' own reader of GGUF drops biases, soft caps and scaled positions, but reads the plain Llama: its
logits from that file are compared with those of the original folder, so that the interleaving is not only this script's idea.
"""
import json
import os
import sys

import gguf
import numpy as np
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "fixtures")
CASES = [("llama-gqa-biases", "llama"), ("llama-mqa", "llama"), ("qwen2", "qwen2"), ("gemma", "gemma"),
         ("gemma2", "gemma2"), ("gpt2-inner", "gpt2"), ("neox", "gptneox"), ("olmo2", "olmo2")]
READ_BY_TRANSFORMERS = {"llama-mqa"}
LAYER_NAMES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
    "ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
    "attention.query_key_value": "attn_qkv", "attention.dense": "attn_output", "mlp.dense_h_to_4h": "ffn_up",
    "mlp.dense_4h_to_h": "ffn_down",
}
OUTER_NAMES = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
               "transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm",
               "gpt_neox.embed_in": "token_embd", "gpt_neox.final_layer_norm": "output_norm", "embed_out": "output"}


def rename(name, arch):
    base, kind = name.rsplit(".", 1)
    if base in OUTER_NAMES:
        return f"{OUTER_NAMES[base]}.{kind}"
    layer, rest = base.replace("gpt_neox.layers.", "").replace("model.layers.", "").replace("transformer.h.", "").split(".", 1)
    if rest == "post_attention_layernorm":
        to = "post_attention_norm" if arch in ("gemma2", "olmo2") else "ffn_norm"
    else:
        to = LAYER_NAMES[rest]
    return f"blk.{layer}.{to}.{kind}"


def halves_interleaved(x, heads):
    return x.reshape(heads, 2, x.shape[0] // heads // 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)


def parts_whole(x, heads):
    return x.reshape(heads, 3, -1, *x.shape[1:]).swapaxes(0, 1).reshape(x.shape)


def convert(name, x, arch, c):
    if arch == "llama" and "q_proj" in name:
        return halves_interleaved(x, c["num_attention_heads"])
    if arch == "llama" and "k_proj" in name:
        return halves_interleaved(x, c["num_key_value_heads"])
    if arch.startswith("gemma") and "norm" in name:
        return x + np.float32(1)
    if arch == "gpt2" and x.ndim == 2 and ".c_" in name:
        return np.ascontiguousarray(x.T)
    if arch == "gptneox" and "query_key_value" in name:
        return parts_whole(x, c["num_attention_heads"])
    return x


def write(folder, arch, path, **split):
    c = json.load(open(os.path.join(folder, "config.json")))
    w = gguf.GGUFWriter(path, arch, **split)
    rope = c.get("rope_parameters") or {}
    get = lambda *keys: next(c[k] for k in keys if k in c)
    d, heads = get("hidden_size", "n_embd"), get("num_attention_heads", "n_head")
    head_dim = c.get("head_dim") or d // heads
    w.add_vocab_size(c["vocab_size"])
    w.add_embedding_length(d)
    w.add_block_count(get("num_hidden_layers", "n_layer"))
    w.add_feed_forward_length(c.get("intermediate_size") or c.get("n_inner") or 4 * d)
    w.add_head_count(heads)
    w.add_context_length(get("max_position_embeddings", "n_positions"))
    if "num_key_value_heads" in c:
        w.add_head_count_kv(c["num_key_value_heads"])
        w.add_key_length(head_dim)
        w.add_value_length(head_dim)
    if "rms_norm_eps" in c:
        w.add_layer_norm_rms_eps(c["rms_norm_eps"])
    else:
        w.add_layer_norm_eps(get("layer_norm_eps", "layer_norm_epsilon"))
    if rope:
        w.add_rope_freq_base(rope.get("rope_theta", 10000.0))
        w.add_rope_dimension_count(int(head_dim * rope.get("partial_rotary_factor", 1)))
        if rope.get("rope_type") == "linear":
            w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            w.add_rope_scaling_factor(rope["factor"])
    if arch == "gemma2":
        w.add_attn_logit_softcapping(c["attn_logit_softcapping"])
        w.add_final_logit_softcapping(c["final_logit_softcapping"])
        w.add_sliding_window(c["sliding_window"])
    if arch == "gptneox":
        w.add_parallel_residual(c["use_parallel_residual"])
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    if split:  # a tokenizer too, of which only the first file has anything
        tokens = ["<unk>", "<s>", "</s>", *(f"<0x{b:02X}>" for b in range(256))]
        w.add_tokenizer_model("llama")
        w.add_token_list(tokens)
        w.add_token_scores([0.0] * len(tokens))
        w.add_token_types([2, 3, 3] + [6] * 256)
    with safe_open(os.path.join(folder, "model.safetensors"), "pt") as f:
        for name in f.keys():
            x = convert(name, f.get_tensor(name).float().numpy(), arch, c)
            half = x.ndim == 2 and "norm" not in name
            w.add_tensor(rename(name, arch), x.astype(np.float16) if half and exact(x) else x)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def exact(x):
    return np.array_equal(x.astype(np.float16).astype(np.float32), x)


def compare(folder, path):
    x = torch.arange(3, 23)[None]
    with torch.no_grad():
        want = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)(x).logits
        got = AutoModelForCausalLM.from_pretrained(os.path.dirname(path), gguf_file=os.path.basename(path),
                                                   dtype=torch.float32)(x).logits
    return (want - got).abs().max().item() / want.abs().max().item()


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "gguf")
    os.makedirs(root, exist_ok=True)
    for name, arch in CASES:
        folder, path = os.path.join(ROOT, "model", name), os.path.join(root, name + ".gguf")
        write(folder, arch, path)
        said = f"transformers' logits from it differ by {compare(folder, path):.1e}" if name in READ_BY_TRANSFORMERS else ""
        print(name, os.path.getsize(path), said)
    # Three parts, of which the first has the metadata only.
    write(os.path.join(ROOT, "model", "llama-mqa"), "llama", os.path.join(root, "parts.gguf"), split_max_tensors=12, small_first_shard=True)


if __name__ == "__main__":
    main()
