#!/usr/bin/env python3
"""The peer of build/release/bench_train's full-size shapes: whole training steps of transformers models on the CPU.

  bench_step_torch.py [--shape gpt2-124m] [--mode fp32] [--batch 8] [--rows 128] [--steps 7] [--threads 2]

A step is forward, loss, backward, clip_grad_norm_, fused AdamW and zero_grad; dropout off, attention by sdpa. Modes: fp32,
fp32-compile, bf16 (autocast over fp32 weights), bf16-compile, bf16-pure (bf16 weights, gradients and moments). One mode a
process, so that the peak memory is its own. The last line is RESULT name=value ...
"""
import argparse
import contextlib
import resource
import statistics
import time

import torch
import transformers as tf


def gpt2_124m():
    return tf.GPT2LMHeadModel, tf.GPT2Config(vocab_size=50257, n_embd=768, n_layer=12, n_head=12, n_positions=1024,
                                             resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)


def llama(vocab, d, layers, heads, kv_heads, ffn):
    return tf.LlamaForCausalLM, tf.LlamaConfig(vocab_size=vocab, hidden_size=d, num_hidden_layers=layers,
                                               num_attention_heads=heads, num_key_value_heads=kv_heads,
                                               intermediate_size=ffn, max_position_embeddings=2048,
                                               tie_word_embeddings=True)


SHAPES = {  # name: (what makes it, texts a step)
    "gpt2-124m": (gpt2_124m, 8),
    "smollm2-135m": (lambda: llama(49152, 576, 30, 9, 3, 1536), 8),
    "llama-3.2-1b": (lambda: llama(128256, 2048, 16, 32, 8, 8192), 1),
}
MODES = ("fp32", "fp32-compile", "bf16", "bf16-compile", "bf16-pure")


def make(shape, mode):
    cls, config = SHAPES[shape][0]()
    config._attn_implementation = "sdpa"
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16 if mode == "bf16-pure" else torch.float32)
    model = cls(config).train()
    torch.set_default_dtype(before)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="gpt2-124m")
    parser.add_argument("--mode", choices=MODES, default="fp32")
    parser.add_argument("--batch", type=int, default=0, help="texts a step (0: the shape's)")
    parser.add_argument("--rows", type=int, default=128, help="tokens a text")
    parser.add_argument("--steps", type=int, default=7, help="timed steps")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    batch = args.batch or SHAPES[args.shape][1]
    model = make(args.shape, args.mode)
    count = sum(p.numel() for p in model.parameters())
    print(f"torch {torch.__version__}, transformers {tf.__version__}, {torch.get_num_threads()} threads, "
          f"{torch.backends.cpu.get_cpu_capability()}; {args.shape} {args.mode}: {count / 1e6:.1f} M parameters, "
          f"{batch} x {args.rows} tokens a step", flush=True)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    forward = torch.compile(model) if args.mode.endswith("-compile") else model
    autocast = args.mode in ("bf16", "bf16-compile")
    took, parts = [], []
    for step in range(args.warmup + args.steps):
        ids = torch.randint(0, model.config.vocab_size, (batch, args.rows))
        t = [time.perf_counter()]
        with torch.autocast("cpu", torch.bfloat16) if autocast else contextlib.nullcontext():
            loss = forward(input_ids=ids, labels=ids, use_cache=False).loss
        t.append(time.perf_counter())
        loss.backward()
        t.append(time.perf_counter())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        t.append(time.perf_counter())
        if step >= args.warmup:
            took.append(t[-1] - t[0])
            parts.append([b - a for a, b in zip(t, t[1:])])
        elif step == 0:
            print(f"first step {t[-1] - t[0]:.1f} s", flush=True)
    rate = batch * args.rows / statistics.median(took)
    forward_s, backward_s, update_s = (statistics.median(column) for column in zip(*parts))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{rate:.1f} tokens/s (median of {args.steps} steps of {min(took):.2f} to {max(took):.2f} s: forward "
          f"{forward_s:.2f}, backward {backward_s:.2f}, clip and AdamW {update_s:.2f}); loss {loss.item():.3f}; "
          f"peak memory {peak:.2f} GiB")
    print(f"RESULT shape={args.shape} mode={args.mode} tokens_per_s={rate:.1f} "
          f"best_tokens_per_s={batch * args.rows / min(took):.1f} peak_gib={peak:.2f} "
          f"threads={args.threads} isa={torch.backends.cpu.get_cpu_capability()} "
          f"torch={torch.__version__} transformers={tf.__version__}")


main()
