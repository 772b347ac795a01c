#!/usr/bin/env python3
"""Reads what `graftkit export --public` wrote with the public code's own readers (its plotting and analyze_experiment, from a
checkout that you name) and compares their numbers with `graftkit export --cells`: top-1, top-5, mean rank and mean probability of
every scheme on every template, to 1e-9. Needs matplotlib, which its modules import.

  check_public_results.py CHECKOUT RESULTS.db [--graftkit build/release/graftkit]
"""
import argparse
import csv
import importlib
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]


def public_code(checkout, artifacts):
    os.environ["ARTIFACTS_DIR"] = str(artifacts)
    os.environ["MPLBACKEND"] = "Agg"
    sys.path.insert(0, str(pathlib.Path(checkout) / "src"))
    for name, members in {"datasets": dict(load_dataset=None), "dotenv": dict(load_dotenv=lambda: None),
                          "kg.train": dict(__path__=[]), "kg.train.model_factory": dict(model_factory=None)}.items():
        module = types.ModuleType(name)
        module.__dict__.update(members)
        sys.modules[name] = module
    import matplotlib

    if not hasattr(matplotlib.cm, "get_cmap"):  # dropped in 3.9
        matplotlib.cm.get_cmap = lambda name: matplotlib.colormaps[name]
    plotting = importlib.import_module("kg.plotting.plotting")
    analyze = importlib.import_module("kg.scripts.analyze_experiment")
    logging.disable(logging.CRITICAL)
    return plotting, analyze


def run(*command):
    subprocess.run([str(c) for c in command], check=True)


def cells(graftkit, db, out):
    """(scheme, template) -> its row."""
    run(graftkit, "export", "--db", db, "--cells", out / "cells.csv")
    with open(out / "cells.csv", newline="") as f:
        return {(r["scheme"], r["template"]): r for r in csv.DictReader(f)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout")
    parser.add_argument("db")
    parser.add_argument("--graftkit", default=ROOT / "build" / "release" / "graftkit")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        plotting, analyze = public_code(args.checkout, tmp / "artifacts")
        run(args.graftkit, "export", "--db", args.db, "--public", tmp / "public")
        ours = cells(args.graftkit, args.db, tmp)
        files = plotting.find_results_files(tmp / "public")
        organized = plotting.organize_results(files, tmp / "public", top_k=5)
        listed = sum(len(p) for heads in organized.values() for models in heads.values() for sents in models.values()
                     for p in sents.values())
        worst, n = 0.0, 0
        for file in files:
            loaded = json.loads(file.read_text())
            sentence = plotting.parse_path(file, tmp / "public")["sentence_id"].removeprefix("sentence_")
            cell = ours[loaded["patch_config"]["scheme"], sentence]
            theirs = plotting.calculate_metrics_from_file(file, top_k=5)
            read, _ = analyze.load_experiment_results(file.parent)
            pairs = [(theirs["top_k_accuracy"], cell["top5"]), (theirs["mean_target_rank"] - 1, cell["mean_rank"]),
                     (theirs["mean_target_prob"], cell["mean_prob"]), (read[0]["avg_prob"], cell["mean_prob"]),
                     (read[0]["avg_accuracy"], cell["top1"])]
            worst = max([worst] + [abs(a - float(b)) for a, b in pairs])
            assert len(loaded["results"]) == int(cell["n"]), f"{file}: {len(loaded['results'])} results, not {cell['n']}"
            n += 1
        applies = sum(1 for (_, t), c in ours.items() if t.isdigit() and c["applies"] == "true" and int(c["n"]) > 0)
        runs = sorted({f.parents[2] for f in files})
        for folder in runs:
            analyze.analyze_experiments(types.SimpleNamespace(paths=types.SimpleNamespace(results_dir=str(folder))))
        figures = len(list((tmp / "public").rglob("*_dropout_vs_prob.png")))
        plotting.plot_metric(organized, "top_k_accuracy", save=True, save_dir=tmp / "figures")
        plots = len(list((tmp / "figures").glob("*.png")))
        ok = n == listed == applies == figures and plots > 0 and worst <= 1e-9
        print(f"{n} files of {applies} cells; {listed} listed and {figures} drawn by its readers, {plots} bar charts; largest "
              f"difference {worst:.1e}: {'ok' if ok else 'FAILED'}")
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
