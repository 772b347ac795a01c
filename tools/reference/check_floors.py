#!/usr/bin/env python3
"""Computes again what check_statistics.py does not: which target stands in for which (`permuted`), which template is the exception
for which scheme (`coincidence`), the headline's shares in summary.json, and, of several runs, compare-seeds.csv. How each is
made is in docs/store.md; nothing here was taken from the source. Numbers must agree to 1e-9 of the larger.

  check_floors.py STORE.db [GRAFTKIT [RUN RUN ...]]        (default build/release/graftkit; runs are replicates)
"""
import collections
import csv
import hashlib
import json
import math
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

import numpy as np
from scipy import stats

from check_statistics import LOGIT_DIFF, RANK, RESAMPLES, ROW, TEMPLATE, Rng, Store, by_first, draws, ends

BAD, SEEN = [], collections.Counter()


def expect(kind, what, mine, told):
    SEEN[kind] += 1
    same = mine == told
    if not same and isinstance(mine, float) and told is not None:
        same = math.isclose(mine, float(told or "nan"), rel_tol=1e-9, abs_tol=1e-12)
    if not same and isinstance(mine, float) and math.isnan(mine):
        same = told in (None, "")
    if not same:
        BAD.append(f"{kind} {what}: is {told!r}, not {mine!r}")


# ---------------------------------------------------------------- what stands in the store

def check_permuted(db):
    seed = db.execute("SELECT value FROM run WHERE key = 'permuted_seed'").fetchone()[0]
    told = {p: (other, token, why is not None) for p, other, token, why in db.execute("SELECT * FROM permuted")}
    sha = lambda what, x: hashlib.sha256(f"{seed}|{what}|{x}".encode()).hexdigest()
    by_template = collections.defaultdict(list)
    for prompt, template, key, token in db.execute("SELECT id, template, row_key, target_id FROM prompt WHERE dropped IS NULL"):
        by_template[template].append((sha("token", token), sha("row", key), prompt, token))
    for facts in by_template.values():
        facts.sort()
        most = max(collections.Counter(f[3] for f in facts).values())
        for i, (_, _, prompt, _) in enumerate(facts):
            other = facts[(i + most) % len(facts)]
            mine = (None, None, True) if 2 * most > len(facts) else (other[2], other[3], False)
            expect("permuted", prompt, mine, told.pop(prompt, None))
    expect("permuted", "more", {}, told)


def check_coincidence(db):
    of = collections.defaultdict(dict)
    for scheme, template, plan, last in db.execute("SELECT scheme, template, plan, last FROM selection"):
        of[scheme][template] = plan, last
    mine = {}
    for a in of:
        for b in of:
            both = of[a].keys() & of[b].keys()
            apart = [t for t in both if of[a][t][0] != of[b][t][0]]
            for t in both - set(apart) if a != b else ():
                mine[a, b, t] = int(any(of[a][u][1] != of[a][t][1] for u in apart))
    expect("coincidence", "all", mine, {(a, b, t): out for a, b, t, out in db.execute("SELECT * FROM coincidence")})


# ---------------------------------------------------------------- the headline

METRICS = {"top5": lambda r: float(r[RANK] < 5), "logit_diff": lambda r: r[LOGIT_DIFF]}


def pooled(store, name):
    return [r for r in store.of[name][0] if (name, r[TEMPLATE]) not in store.left_out]


def check_headline(store, told):
    names = [told["schemes"][k] for k in ("pre", "sft", "fe", "lt", "both")]
    if None in names:
        return expect("headline", "n", 0, told["n"])
    by_prompt = [{r[0]: r for r in pooled(store, n)} for n in names]
    prompts = sorted(set.intersection(*map(set, by_prompt)))
    expect("headline", "n", len(prompts), told["n"])
    row, rows = by_first([by_prompt[0][p][ROW] for p in prompts])
    expect("headline", "rows", rows, told["rows"])
    times = np.vstack([np.ones(rows), draws(store.seed, rows)])
    for metric, value in METRICS.items():
        pre, sft, fe, lt, both = (times @ np.bincount(row, [value(b[p]) for p in prompts]) / (times @ np.bincount(row))
                                  for b in by_prompt)
        with np.errstate(invalid="ignore", divide="ignore"):
            way = np.where(sft > pre, sft - pre, np.nan)
            share = {"fe": (fe - pre) / way, "lt": (lt - pre) / way, "both": (both - pre) / way,
                     "sum": (fe + lt - 2 * pre) / way}
            share["additive"] = np.where(both > pre, share["sum"] / share["both"], np.nan)
        for name, x in share.items():
            low, high = ends(x[1:])
            if name in ("fe", "lt", "both") and metric == "top5" and np.nanmax(x[1:]) - np.nanmin(x[1:]) < 1e-12:
                off = (1 - 0.025 ** (1 / rows)) / way[0]
                low, high = x[0] - off, x[0] + off
            of = told[metric][name]
            for key, mine, its in (("value", x[0], of["value"]), ("low", low, of["ci"][0]), ("high", high, of["ci"][1])):
                expect("headline", f"{metric} {name} {key}", float(mine), its)
            expect("headline", f"{metric} {name} undefined", int(np.isnan(x[1:]).sum()), of["undefined"])


# ---------------------------------------------------------------- over seeds

def over_seeds(seeds, seed):
    """`seeds`: of each run its prompts' rows and values."""
    means = np.array([np.mean(v) for _, v in seeds])
    n = len(seeds)
    out = {"mean": means.mean(), "sd": means.std(ddof=1) if n > 1 else math.nan}
    t = stats.t.ppf(0.975, n - 1) * out["sd"] / math.sqrt(n) if out["sd"] > 1e-12 else math.nan
    sums = []
    for rows, values in seeds:
        row, k = by_first(rows)
        sums.append((np.bincount(row), np.bincount(row, values), k))
    rng, drawn = Rng(seed, "seeds"), []
    for _ in range(RESAMPLES if n > 1 else 0):
        total = 0.0
        for _ in range(n):
            count, of_row, k = sums[rng.below(n)]
            at = [rng.below(k) for _ in range(k)]
            total += of_row[at].sum() / count[at].sum()
        drawn.append(total / n)
    low, high = ends(np.array(drawn)) if drawn and np.ptp(drawn) > 1e-12 else (math.nan, math.nan)
    return out | {"t_low": out["mean"] - t, "t_high": out["mean"] + t, "low": low, "high": high}


def check_seeds(graftkit, runs, folder):
    table = pathlib.Path(folder, "seeds.csv")
    command = [graftkit, "compare", "--seeds", "--out", pathlib.Path(folder, "page.html"), "--seeds-csv", table]
    subprocess.run(command + [x for r in runs for x in ("--run", r)], check=True, stdout=subprocess.DEVNULL)
    stores = [Store(pathlib.Path(r, "results.db")) for r in runs]
    with open(table, newline="", encoding="utf-8") as f:
        lines = list(csv.DictReader(f))
    if not lines:
        BAD.append("compare-seeds.csv is empty")
    for line in lines[:: max(1, len(lines) // 24)]:  # a generator in Python takes its time: two dozen of them
        value = METRICS[line["metric"]]
        seeds = [([r[ROW] for r in own], [value(r) for r in own])
                 for own in (pooled(s, line["scheme"]) for s in stores if line["scheme"] in s.of) if own]
        expect("seeds", line["scheme"], str(len(seeds)), line["seeds"])
        for key, mine in over_seeds(seeds, stores[0].seed).items():
            expect("seeds", f"{line['scheme']} {line['metric']} {key}", float(mine), line[key])


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    path, graftkit, runs = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "build/release/graftkit", sys.argv[3:]
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    check_permuted(db)
    check_coincidence(db)
    with tempfile.TemporaryDirectory() as folder:
        summary = pathlib.Path(folder, "summary.json")
        subprocess.run([graftkit, "export", "--db", path, "--summary", summary], check=True)
        check_headline(Store(path), json.loads(summary.read_text(encoding="utf-8"))["headline"])
        if runs:
            check_seeds(graftkit, runs, folder)
    for line in BAD[:20]:
        print(line)
    print(", ".join(f"{kind} {n}" for kind, n in SEEN.items()) + f"; {len(BAD)} differ")
    return 1 if BAD else 0


if __name__ == "__main__":
    sys.exit(main())
