#!/usr/bin/env python3
"""Does transformers compute graftkit's logits from a folder that graftkit saved?

    make && python3 tools/reference/check_saved_model.py runs/default/base [LOGITS]

LOGITS is a safetensors file of what graftkit computed: input_ids.<s> [rows] and logits.<s> [rows, vocab] for sequences
s = 0, 1, …, all as F32. Without it, dump_logits.c is built and run for it. Exit code 1 when any logit differs by more
than 1e-4. Needs a built graftkit (--build) and a C compiler unless LOGITS is given, and torch, transformers, safetensors.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
LARGEST_DIFFERENCE = 1e-4


def dump(build, folder, out, work):
    """With the libraries that graftkit itself is linked with: oneDNN only if this build uses it."""
    build = build if build.is_absolute() else ROOT / build
    program = work / "dump_logits"
    symbols = subprocess.run(["nm", build / "libmodel.a"], check=True, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True).stdout
    multi = subprocess.run(["gcc", "-print-multiarch"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    libs = ["-lblis", *(["-ldnnl"] if "dnnl_sgemm" in symbols else []), *"-ljansson -lyaml -lcrypto -lm -lpthread".split()]
    subprocess.run(["gcc", "-std=c11", "-D_GNU_SOURCE", "-fopenmp", f"-I{ROOT}", ROOT / "tools/reference/dump_logits.c",
                    build / "libmodel.a", build / "libcore.a", f"-L/usr/lib/{multi}/blis-openmp", *libs, "-o", program],
                   check=True)
    subprocess.run([program, folder, out], check=True)


def compare(model, ours):
    """The largest difference, the number of rows, and of rows whose likeliest token is another one."""
    import torch
    worst, rows, other = 0.0, 0, 0
    for s in range(sum(name.startswith("input_ids.") for name in ours)):
        ids, logits = ours[f"input_ids.{s}"].to(torch.int64), ours[f"logits.{s}"]
        with torch.no_grad():
            theirs = model(ids[None]).logits[0]
        if theirs.shape != logits.shape:
            raise SystemExit(f"sequence {s}: transformers gives logits {list(theirs.shape)}, "
                             f"graftkit {list(logits.shape)}")
        difference = (theirs - logits).abs().max().item()
        worst = max(worst, difference if difference == difference else float("inf"))  # NaN compares with nothing
        rows += len(ids)
        other += (theirs.argmax(-1) != logits.argmax(-1)).sum().item()
    return worst, rows, other


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("logits", type=pathlib.Path, nargs="?")
    p.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    args = p.parse_args()
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    model, report = AutoModelForCausalLM.from_pretrained(args.folder, dtype=torch.float32, output_loading_info=True)
    wrong = {kind: names for kind, names in report.items() if names}
    if wrong:
        print(f"transformers did not find in the folder what it looked for: {wrong}")
    with tempfile.TemporaryDirectory() as work:
        logits = args.logits or pathlib.Path(work) / "logits.safetensors"
        if not args.logits:
            dump(args.build, args.folder, logits, pathlib.Path(work))
        worst, rows, other = compare(model.eval(), load_file(logits))
    print(f"RESULT model={model.config.model_type} rows={rows} max_abs_difference={worst:.3g} other_argmax={other} "
          f"unmatched_tensors={sum(len(names) for names in wrong.values())}")
    return 0 if rows and worst <= LARGEST_DIFFERENCE and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
