#!/usr/bin/env python3
"""The peer of bench_train's texts: how many real texts a second transformers' Trainer finetunes on, on the CPU.

  bench_texts_torch.py --tokenizer DIR --way padded --batch 4 texts.jsonl ...

Texts are {"text": ...} lines as `graftkit dataset` writes them; DIR holds tokenizer.json, or GPT-2's vocab.json and
merges.txt. The model has GPT-2 124M's shape and random weights. Ways: padded (every text to 512 tokens, as the public code
does), dynamic (to the longest of the batch, with batches of texts of similar length). --mode as bench_step_torch.py's. The
last line is RESULT name=value ...
"""
import argparse
import json
import os
import resource
import statistics
import tempfile
import time

import torch
import transformers as tf

PADDED = 512


class Clock(tf.TrainerCallback):
    """The seconds of each step, from the end of the one before: with data loading."""

    def __init__(self):
        self.took, self.last = [], None

    def on_step_end(self, args, state, control, **kwargs):
        now = time.perf_counter()
        if self.last is not None:
            self.took.append(now - self.last)
        self.last = now


def read_texts(files):
    return [json.loads(line)["text"] for path in files for line in open(path, encoding="utf-8")]


def load_tokenizer(folder):
    if os.path.exists(os.path.join(folder, "tokenizer.json")):
        return tf.PreTrainedTokenizerFast(tokenizer_file=os.path.join(folder, "tokenizer.json"))
    return tf.GPT2TokenizerFast(vocab=os.path.join(folder, "vocab.json"), merges=os.path.join(folder, "merges.txt"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="+")
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--way", choices=("padded", "dynamic"), default="dynamic")
    parser.add_argument("--mode", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=10, help="timed steps")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    tf.set_seed(1)
    tokenizer = load_tokenizer(args.tokenizer)
    tokenizer.pad_token = tokenizer.eos_token or "<|endoftext|>"
    padding = dict(padding="max_length", truncation=True, max_length=PADDED) if args.way == "padded" else {}
    texts = read_texts(args.texts)
    rows = [{k: v for k, v in tokenizer(t, **padding).items() if k in ("input_ids", "attention_mask")} for t in texts]
    lengths = [sum(r["attention_mask"]) for r in rows]
    model = tf.GPT2LMHeadModel(tf.GPT2Config(vocab_size=50257, n_embd=768, n_layer=12, n_head=12, n_positions=1024,
                                             resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
                                             attn_implementation="sdpa"))
    print(f"torch {torch.__version__}, transformers {tf.__version__}, {torch.get_num_threads()} threads; {args.way} "
          f"{args.mode}{' compiled' if args.compile else ''}; {len(texts)} texts of {statistics.mean(lengths):.1f} "
          f"tokens, {args.batch} a step", flush=True)
    clock = Clock()
    steps = args.warmup + args.steps
    with tempfile.TemporaryDirectory() as folder:
        options = tf.TrainingArguments(
            output_dir=folder, max_steps=steps, per_device_train_batch_size=args.batch, learning_rate=2e-5,
            weight_decay=0.01, max_grad_norm=1.0, lr_scheduler_type="linear", use_cpu=True, bf16=args.mode == "bf16",
            optim="adamw_torch_fused", save_strategy="no", report_to="none", logging_strategy="no",
            disable_tqdm=True, dataloader_pin_memory=False, torch_compile=args.compile,
            train_sampling_strategy="random" if args.way == "padded" else "group_by_length")
        trainer = tf.Trainer(model=model, args=options, train_dataset=rows, callbacks=[clock],
                             data_collator=tf.DataCollatorForLanguageModeling(tokenizer, mlm=False))
        loss = trainer.train().training_loss
    took = clock.took[-args.steps:]
    rate = args.batch / statistics.median(took)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{rate:.2f} texts/s (median of {len(took)} steps of {min(took):.2f} to {max(took):.2f} s); mean loss "
          f"{loss:.3f}; peak memory {peak:.2f} GiB")
    print(f"RESULT way={args.way} mode={args.mode} compiled={int(args.compile)} batch={args.batch} "
          f"texts_per_s={rate:.2f} best_texts_per_s={args.batch / min(took):.2f} peak_gib={peak:.2f} "
          f"threads={args.threads} isa={torch.backends.cpu.get_cpu_capability()} "
          f"torch={torch.__version__} transformers={tf.__version__}")


main()
