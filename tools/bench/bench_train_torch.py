"""The peer of tools/bench/bench_train.c: the same batches through transformers and torch.optim.AdamW on the CPU.

  build/release/bench_train --write batches.txt
  python3 tools/bench/bench_train_torch.py batches.txt [--compile]

Texts are padded to the longest of their batch and masked; tokens are counted without padding, as there.
"""
import argparse
import statistics
import time

import torch
import transformers

SHAPE = dict(vocab_size=2000, bos_token_id=1, eos_token_id=2)


def model_of(family):
    if family == "llama":
        config = transformers.LlamaConfig(hidden_size=128, num_hidden_layers=6, num_attention_heads=4,
                                          intermediate_size=341, max_position_embeddings=128, rms_norm_eps=1e-5,
                                          tie_word_embeddings=False, **SHAPE)
        return transformers.LlamaForCausalLM(config)
    config = transformers.GPT2Config(n_embd=128, n_layer=6, n_head=4, n_inner=512, n_positions=128, resid_pdrop=0,
                                     embd_pdrop=0, attn_pdrop=0, tie_word_embeddings=False, **SHAPE)
    return transformers.GPT2LMHeadModel(config)


def read(path):
    with open(path) as f:
        return [[[int(i) for i in line.split()] for line in batch.splitlines()]
                for batch in f.read().split("\n\n") if batch.strip()]


def padded(batch):
    longest = max(map(len, batch))
    ids = torch.tensor([t + [0] * (longest - len(t)) for t in batch])
    mask = torch.tensor([[1] * len(t) + [0] * (longest - len(t)) for t in batch])
    return ids, mask, ids.masked_fill(mask == 0, -100), sum(map(len, batch))


def run(family, batches, compiled):
    torch.manual_seed(1)
    model = model_of(family)
    step_model = torch.compile(model, dynamic=True) if compiled else model
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    rates = []
    for ids, mask, labels, tokens in map(padded, batches):
        start = time.perf_counter()
        loss = step_model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        rates.append(tokens / (time.perf_counter() - start))
    rate = statistics.median(rates[10:])
    print(f"{family:6s} {'compiled' if compiled else 'eager':8s} {rate:8.0f} tokens/s (last loss {loss.item():.3f})")
    return rate


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("batches")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    batches = read(args.batches)
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, {torch.get_num_threads()} threads")
    rates = {f: run(f, batches, args.compile) for f in ("llama", "gpt2")}
    print("RESULT " + " ".join(f"{f}_tokens_per_s={r:.0f}" for f, r in rates.items())
          + f" isa={torch.backends.cpu.get_cpu_capability()} torch={torch.__version__} transformers={transformers.__version__}")


main()
