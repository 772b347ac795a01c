#!/usr/bin/env python3
"""graftkit's rate of encoding beside that of `tokenizers` or `sentencepiece`, on the same texts, alternating, one thread each.

    make bench CSV= && python3 tools/bench/bench_tokenizer_hf.py [--tokenizers ../shared/tokenizers] [--csv auto] [NAME…]

The best of five rounds of each; both in one run, since machines are shared. Fails when the numbers of ids differ. --csv: where
the figures are noted (record.sh).
"""
import argparse
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "reference"))
from check_tokenizers import ROOT, reference  # noqa: E402


def encode(ref):
    if hasattr(ref, "spm"):
        return lambda text: len(ref.spm.encode(text))
    return lambda text: len(ref.tok.encode(text, add_special_tokens=False))


def note(args, peer, name, figures):
    subprocess.run([ROOT / "tools/bench/record.sh", args.csv, peer, f"encoding {name}"], check=True, text=True,
                   env={**os.environ, "BIN": str(args.build), "THREADS": "1"}, input=f"RESULT {figures}\n")


def versions(ref):
    import sentencepiece
    import tokenizers
    return f"sentencepiece={sentencepiece.__version__}" if hasattr(ref, "spm") else f"tokenizers={tokenizers.__version__}"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", type=pathlib.Path)
    p.add_argument("--tokenizers", type=pathlib.Path, default=ROOT / "../shared/tokenizers")
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    p.add_argument("--csv", default="")
    args = p.parse_args()
    different = 0
    for path in args.names or sorted(d for d in args.tokenizers.iterdir() if d.is_dir()):
        with tempfile.TemporaryDirectory() as work:
            lines = pathlib.Path(work) / "texts.jsonl"
            out = subprocess.run([args.build / "bench_tokenizer", path, lines], check=True, stdout=subprocess.PIPE, text=True).stdout
            texts = [json.loads(line)["text"] for line in lines.read_text().split("\n") if line]
        rate, ids, load = re.search(r"mb_per_s=(\S+) ids=(\d+) load_s=(\S+)", out).groups()
        start = time.perf_counter()
        ref = reference(path)
        theirs_load, one = time.perf_counter() - start, encode(ref)
        best, size = 1e9, sum(len(t.encode()) for t in texts)
        for _ in range(5):
            start = time.perf_counter()
            n = sum(one(t) for t in texts)
            best = min(best, time.perf_counter() - start)
        different += n != int(ids)
        note(args, "graftkit", path.name, f"mb_per_s={rate} load_s={load}")
        note(args, "reference", path.name, f"mb_per_s={size / best / 1e6:.2f} load_s={theirs_load:.3f} isa={platform.machine()} {versions(ref)}")
        print(f"RESULT tokenizer={path.name} graftkit_mb_per_s={rate} reference_mb_per_s={size / best / 1e6:.2f} "
              f"ratio={float(rate) / (size / best / 1e6):.1f} ids={ids} reference_ids={n} load_s={load} reference_load_s={theirs_load:.3f}", flush=True)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
