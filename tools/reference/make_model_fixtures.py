#!/usr/bin/env python3
"""Makes tests/fixtures/model/: tiny seeded models as transformers saves them, and what torch computes on them.

Usage: make_model_fixtures.py [FOLDER]   (needs torch, transformers, safetensors)

Each FOLDER/<name>/ receives config.json, model.safetensors and reference.safetensors. The reference holds, for a ragged
batch of two sequences run one by one: input_ids.<s>, logits.<s> [rows, vocab], loss (summed cross-entropy of predicting
each next token, over both sequences), and grad.<tensor name>: the gradient of that sum. The numbers are fp32; the weights
of most models are stored as BF16 or F16, whose values fp32 holds exactly.
"""
import os
import sys

import torch
import transformers as tf
from safetensors.torch import save_file

SHORT = [[1, 17, 4, 33, 8, 21, 49], [1, 5, 5, 40, 2]]
LLAMA3 = dict(rope_type="llama3", rope_theta=500.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=16)


def sequences(vocab):
    """One that is long enough for scaled positions and short windows, one short."""
    gen = torch.Generator().manual_seed(vocab)
    return [torch.randint(0, vocab, (n,), generator=gen).tolist() for n in (41, 5)]


def common(**over):
    """Sizes that are no multiples of 8 or 16."""
    out = dict(vocab_size=37, hidden_size=21, intermediate_size=27, num_hidden_layers=2, num_attention_heads=3,
               num_key_value_heads=1, head_dim=6, max_position_embeddings=64, bos_token_id=1, eos_token_id=2,
               pad_token_id=None, attn_implementation="eager", tie_word_embeddings=False)
    out.update(over)
    return {k: v for k, v in out.items() if v is not ...}


def llama(**over):
    return tf.LlamaForCausalLM(tf.LlamaConfig(**common(**over)))


def gpt2(**over):
    out = dict(vocab_size=37, n_embd=21, n_layer=2, n_head=3, n_positions=48, bos_token_id=1, eos_token_id=2,
               attn_implementation="eager")
    out.update(over)
    return tf.GPT2LMHeadModel(tf.GPT2Config(**out))


def neox(pct, **over):
    rope = dict(rope_type="default", rope_theta=10000.0, partial_rotary_factor=pct)
    return tf.GPTNeoXForCausalLM(tf.GPTNeoXConfig(**common(
        num_key_value_heads=..., head_dim=..., rope_parameters=rope, **{"hidden_size": 24, **over})))


def gemma(**over):
    return tf.GemmaForCausalLM(tf.GemmaConfig(**common(**{"tie_word_embeddings": True, **over})))


def gemma2(**over):
    sizes = dict(tie_word_embeddings=True, sliding_window=7, query_pre_attn_scalar=10)
    return tf.Gemma2ForCausalLM(tf.Gemma2Config(**common(**{**sizes, **over})))


def qwen2(**over):
    return tf.Qwen2ForCausalLM(tf.Qwen2Config(**common(**over)))


def olmo2(**over):
    sizes = dict(hidden_size=18, head_dim=...)
    return tf.Olmo2ForCausalLM(tf.Olmo2Config(**common(**{**sizes, **over})))


def cases():
    small = dict(vocab_size=50, hidden_size=16, intermediate_size=24, num_attention_heads=4, num_key_value_heads=2,
                 head_dim=4, max_position_embeddings=32)
    small2 = dict(vocab_size=50, n_embd=16, n_head=4, n_positions=32)
    yield "llama", llama(**small), torch.float32
    yield "llama-tied", llama(**small, tie_word_embeddings=True), torch.float32
    yield "gpt2", gpt2(**small2), torch.float32
    yield "gpt2-untied", gpt2(**small2, tie_word_embeddings=False), torch.float32
    yield "llama-mqa", llama(), torch.bfloat16
    yield "llama-llama3", llama(rope_parameters=LLAMA3, num_key_value_heads=3, tie_word_embeddings=True), torch.bfloat16
    yield "llama-gqa-biases", llama(attention_bias=True, mlp_bias=True, hidden_size=20, num_attention_heads=4,
                                    num_key_value_heads=2, rope_parameters=dict(rope_type="linear", factor=2.0, rope_theta=100.0)), torch.float16
    yield "llama-gelu", llama(hidden_act="gelu", num_hidden_layers=1), torch.bfloat16
    yield "gpt2-gelu", gpt2(activation_function="gelu", tie_word_embeddings=False), torch.bfloat16
    yield "gpt2-relu", gpt2(activation_function="relu"), torch.float16
    yield "gpt2-inner", gpt2(n_inner=30, n_embd=18, n_layer=3), torch.bfloat16
    yield "neox", neox(0.25), torch.float16
    yield "neox-sequential", neox(1.0, use_parallel_residual=False, hidden_size=18), torch.float16
    yield "neox-half-rotary", neox(0.5, hidden_size=36, hidden_act="gelu_new"), torch.bfloat16
    yield "neox-tied", neox(0.25, tie_word_embeddings=True, hidden_act="relu"), torch.bfloat16
    yield "neox-no-bias", neox(0.75, attention_bias=False, num_hidden_layers=3), torch.bfloat16
    yield "gemma", gemma(), torch.bfloat16
    yield "gemma-gqa", gemma(hidden_size=20, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=3), torch.bfloat16
    yield "gemma-full", gemma(num_key_value_heads=3, head_dim=10), torch.float16
    yield "gemma-untied", gemma(tie_word_embeddings=False), torch.bfloat16
    yield "gemma-bias-relu", gemma(attention_bias=True, hidden_act="relu"), torch.bfloat16
    yield "gemma2", gemma2(), torch.bfloat16
    yield "gemma2-no-caps", gemma2(attn_logit_softcapping=None, final_logit_softcapping=None), torch.bfloat16
    yield "gemma2-low-caps", gemma2(attn_logit_softcapping=1.5, final_logit_softcapping=2.0,
                                    num_key_value_heads=3), torch.bfloat16
    yield "gemma2-window-2", gemma2(sliding_window=2, num_hidden_layers=3), torch.bfloat16
    yield "gemma2-untied", gemma2(tie_word_embeddings=False, hidden_size=24, num_attention_heads=4,
                                  num_key_value_heads=2), torch.float16
    yield "qwen2", qwen2(), torch.bfloat16
    yield "qwen2-tied", qwen2(tie_word_embeddings=True, num_key_value_heads=3), torch.bfloat16
    yield "qwen2-gqa", qwen2(hidden_size=20, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=3), torch.float16
    yield "qwen2-llama3", qwen2(rope_parameters=LLAMA3), torch.bfloat16
    yield "qwen2-gelu", qwen2(hidden_act="gelu_pytorch_tanh", head_dim=10), torch.bfloat16
    yield "olmo2", olmo2(), torch.bfloat16
    yield "olmo2-full", olmo2(num_key_value_heads=3, tie_word_embeddings=True), torch.bfloat16
    yield "olmo2-gqa", olmo2(num_attention_heads=4, num_key_value_heads=2, hidden_size=24), torch.float16
    yield "olmo2-bias", olmo2(attention_bias=True, num_hidden_layers=3), torch.bfloat16
    yield "olmo2-llama3", olmo2(rope_parameters=LLAMA3, hidden_size=30), torch.bfloat16


def randomise(model, seed, dtype):
    """Weights large enough that every part matters: norms off their start, biases off 0; exact in `dtype`."""
    gen = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=gen)
            if p.dim() == 1:
                start = 1.0 if name.endswith("weight") and "gemma" not in model.config.model_type else 0.0
                p.copy_(start + 0.2 * noise)
            else:
                p.copy_(0.3 * noise)
            p.copy_(p.to(dtype))


def reference(model):
    out = {}
    loss = torch.zeros((), dtype=torch.float32)
    for s, ids in enumerate(SHORT if model.config.vocab_size == 50 else sequences(model.config.vocab_size)):
        x = torch.tensor(ids)
        logits = model(x[None], use_cache=False).logits[0]
        loss = loss + torch.nn.functional.cross_entropy(logits[:-1], x[1:], reduction="sum")
        out[f"input_ids.{s}"] = x.to(torch.float32)
        out[f"logits.{s}"] = logits.detach().contiguous()
    loss.backward()
    out["loss"] = loss.detach().reshape(1)
    for name, p in model.named_parameters():  # a tied head is the embedding's parameter and is listed once
        if model.config.model_type == "gpt_neox":
            name = name.replace("lm_head", "embed_out")  # as it is called in the file
        out["grad." + name] = p.grad.contiguous()
    return out


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "fixtures", "model")
    for seed, (name, model, dtype) in enumerate(cases()):
        model = model.to(torch.float32).eval()
        randomise(model, 1000 + seed, dtype)
        folder = os.path.join(root, name)
        os.makedirs(folder, exist_ok=True)
        save_file(reference(model), os.path.join(folder, "reference.safetensors"))
        model.to(dtype).save_pretrained(folder)
        generation = os.path.join(folder, "generation_config.json")
        if os.path.exists(generation):
            os.remove(generation)
        print(name, {f: os.path.getsize(os.path.join(folder, f)) for f in sorted(os.listdir(folder))})


if __name__ == "__main__":
    main()
