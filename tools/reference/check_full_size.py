#!/usr/bin/env python3
"""The four models of the method at full size, with random weights: do they open, do their logits match PyTorch's, and
what do loading, memory and speed come to on both sides?

    make && python3 tools/reference/check_full_size.py WORKDIR [NAME ...]

Each model is written to WORKDIR (3 to 6.5 GB), run by graftkit on 64 tokens from the mapped file, then by transformers
in fp32 and in bf16, and removed. Prints one line a model: the largest difference to fp32 relative to the scale of the
logits, positions whose likeliest token differs, seconds and peak resident memory of graftkit's whole run, tokens/s of
the forward pass and of greedy decoding on both sides. Exit code 1 when a difference exceeds 1e-4. With CSV=auto in the
environment the speeds are noted in bench/results/ (tools/bench/record.sh). Needs torch, transformers, safetensors.
"""
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = ROOT / "build/release/graftkit"
TOKENS, STEPS = 64, 16


def configs():
    import transformers as tf
    llama3 = dict(rope_type="llama3", rope_theta=500000.0, factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0,
                  original_max_position_embeddings=8192)
    return {
        "llama-3.2-1b": ("bfloat16", tf.LlamaConfig(
            vocab_size=128256, hidden_size=2048, intermediate_size=8192, num_hidden_layers=16, num_attention_heads=32,
            num_key_value_heads=8, head_dim=64, max_position_embeddings=131072, rms_norm_eps=1e-5,
            rope_parameters=llama3, tie_word_embeddings=True, bos_token_id=128000, eos_token_id=128001)),
        "pythia-2.8b": ("float16", tf.GPTNeoXConfig(
            vocab_size=50304, hidden_size=2560, intermediate_size=10240, num_hidden_layers=32, num_attention_heads=32,
            max_position_embeddings=2048, rotary_pct=0.25, bos_token_id=0, eos_token_id=0)),
        "gpt2-xl": ("float32", tf.GPT2Config(n_embd=1600, n_layer=48, n_head=25)),
        "gemma-1.1-2b": ("bfloat16", tf.GemmaConfig(
            vocab_size=256000, hidden_size=2048, intermediate_size=16384, num_hidden_layers=18, num_attention_heads=8,
            num_key_value_heads=1, head_dim=256, max_position_embeddings=8192)),
    }


def write(config, dtype, folder):
    """Weights that keep activations near 1 through all layers."""
    import torch
    from transformers import AutoModelForCausalLM
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    model = model.to(dtype).to_empty(device="cpu")
    model.tie_weights()
    gen = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 1:
                p.fill_(1.0 if name.endswith("weight") and config.model_type != "gemma" else 0.0)
            else:
                p.normal_(0, 0.02 if "embed" in name or "wte" in name or "wpe" in name else p.shape[1] ** -0.5,
                          generator=gen)
    model.save_pretrained(folder, max_shard_size="3GB")


def ours(folder, ids, out):
    text = " ".join(map(str, ids))
    begun = time.time()
    subprocess.run([BINARY, "logits", "--model", folder, "--ids", text, "--out", out, "--top", "0"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds = time.time() - begun
    rss = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2 ** 20
    said = subprocess.run([BINARY, "generate", "--model", folder, "--ids", text, "--tokens", str(STEPS), "--ignore-eos"],
                          check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    speeds = re.search(r"\(([\d.]+)/s\).*\(([\d.]+) tokens/s\)", said.stderr)
    return seconds, rss, float(speeds[1]), float(speeds[2]), [int(i) for i in said.stdout.split()]


def theirs(folder, ids, dtype):
    import torch
    from transformers import AutoModelForCausalLM
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    x = torch.tensor(ids)[None]
    with torch.no_grad():
        model(x)
        begun = time.time()
        logits = model(x).logits[0].float()
        forward = len(ids) / (time.time() - begun)
        begun = time.time()
        made = model.generate(x, max_new_tokens=STEPS, min_new_tokens=STEPS, do_sample=False, pad_token_id=0)
        decode = STEPS / (time.time() - begun - len(ids) / forward)
    return logits, forward, decode, made[0, len(ids):].tolist()


def note(peer, what, figures):
    import torch
    import transformers
    result = f"RESULT {figures} threads={torch.get_num_threads()}"
    if peer != "graftkit":
        result += f" isa={torch.backends.cpu.get_cpu_capability()} torch={torch.__version__} transformers={transformers.__version__}"
    subprocess.run([ROOT / "tools/bench/record.sh", os.environ.get("CSV", ""), peer, what], check=True, text=True,
                   env={**os.environ, "BIN": str(BINARY.parent)}, input=result + "\n")


def check(name, dtype, config, work):
    import torch
    from safetensors.torch import load_file
    folder, out = work / name, work / (name + ".logits.safetensors")
    write(config, getattr(torch, dtype), folder)
    ids = torch.randint(0, config.vocab_size, (TOKENS,), generator=torch.Generator().manual_seed(2)).tolist()
    seconds, rss, forward, decode, made = ours(folder, ids, out)
    got = load_file(out)["logits.0"]
    want, forward32, decode32, made32 = theirs(folder, ids, torch.float32)
    scale = want.abs().max().item()
    worst = (got - want).abs().max().item() / scale
    other = (got.argmax(-1) != want.argmax(-1)).sum().item()
    del want, got
    _, forward16, decode16, _ = theirs(folder, ids, torch.bfloat16)
    shutil.rmtree(folder)
    out.unlink()
    model = name + {"bfloat16": " BF16", "float16": " F16", "float32": " F32"}[dtype]
    note("graftkit", f"forward {model}", f"tokens_per_s={forward:.1f} whole_run_s={seconds:.1f} peak_gib={rss:.1f}")
    note("graftkit", f"decoding {model}", f"tokens_per_s={decode:.2f}")
    for peer, rates in (("torch", (forward32, decode32)), ("torch bf16", (forward16, decode16))):
        note(peer, f"forward {model}", f"tokens_per_s={rates[0]:.1f}")
        note(peer, f"decoding {model}", f"tokens_per_s={rates[1]:.2f}")
    print(f"{name:13} {dtype:8} difference {worst:.1e} of {scale:.1f}, {other} of {TOKENS} likeliest differ, "
          f"{'the same' if made == made32 else 'ANOTHER'} continuation; {seconds:.1f} s, {rss:.1f} GiB peak; forward "
          f"{forward:.1f} tokens/s (torch fp32 {forward32:.1f}, bf16 {forward16:.1f}); decoding {decode:.2f} "
          f"(torch {decode32:.2f}, {decode16:.2f})", flush=True)
    return worst <= 1e-4 and other == 0


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    work = pathlib.Path(sys.argv[1])
    work.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[2:]
    results = [check(name, dtype, config, work) for name, (dtype, config) in configs().items()
               if not wanted or name in wanted]
    sys.exit(0 if results and all(results) else 1)


if __name__ == "__main__":
    main()
