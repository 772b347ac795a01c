#!/usr/bin/env python3
"""Are the values, interactions, shares and intervals of `graftkit attribute` what their definitions give, from its store alone?

    make && python3 tools/reference/check_shapley.py DIR

DIR is the folder of an attribution: its results.db is read (which coalition a scheme is stands in the table axis), its
attribution.csv and interactions.csv are compared. Values and interactions are means over all orders in which parts may join, where
there are up to 7 parts, else by the subset formula. Exit code 1 where a number differs by more than 1e-9. Needs numpy.
"""
import csv
import itertools
import math
import pathlib
import sqlite3
import sys

import numpy as np

MASK = (1 << 64) - 1


def values_by_orders(v, n):
    """v[..., 2^n] -> [..., n]: what a part adds when it joins, averaged over all orders."""
    total = np.zeros(v.shape[:-1] + (n,))
    for order in itertools.permutations(range(n)):
        before = 0
        for i in order:
            total[..., i] += v[..., before | 1 << i] - v[..., before]
            before |= 1 << i
    return total / math.factorial(n)


def pair_by_orders(v, n, i, j):
    """The same of what two parts add that join together, less what each adds alone."""
    others = [k for k in range(n) if k not in (i, j)] + [None]
    total = np.zeros(v.shape[:-1])
    for order in itertools.permutations(others):
        s = sum(1 << k for k in order[: order.index(None)])
        total += v[..., s | 1 << i | 1 << j] - v[..., s | 1 << i] - v[..., s | 1 << j] + v[..., s]
    return total / math.factorial(n - 1)


def values_by_subsets(v, n):
    out = np.zeros(v.shape[:-1] + (n,))
    for i in range(n):
        for s in range(1 << n):
            if not s >> i & 1:
                size = bin(s).count("1")
                w = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
                out[..., i] += w * (v[..., s | 1 << i] - v[..., s])
    return out


def pair_by_subsets(v, n, i, j):
    out = np.zeros(v.shape[:-1])
    for s in range(1 << n):
        if not (s >> i | s >> j) & 1:
            size = bin(s).count("1")
            w = math.factorial(size) * math.factorial(n - size - 2) / math.factorial(n - 1)
            out += w * (v[..., s | 1 << i | 1 << j] - v[..., s | 1 << i] - v[..., s | 1 << j] + v[..., s])
    return out


def splitmix(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK
    z = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
    return x, z ^ z >> 31


def draws(seed, rows, resamples):
    """times[resamples, rows]: xoshiro256**, seeded as graftkit's stream "bootstrap"."""
    name = 0xCBF29CE484222325
    for c in b"bootstrap":
        name = (name ^ c) * 0x100000001B3 & MASK
    _, x = splitmix(seed)
    x ^= name
    s = []
    for _ in range(4):
        x, z = splitmix(x)
        s.append(z)
    times = np.zeros((resamples, rows), dtype=np.int64)
    for b in range(resamples):
        for _ in range(rows):
            while True:
                r = s[1] * 5 & MASK
                r = (r << 7 | r >> 57) & MASK
                out = r * 9 & MASK
                t = s[1] << 17 & MASK
                s[2] ^= s[0]
                s[3] ^= s[1]
                s[1] ^= s[2]
                s[0] ^= s[3]
                s[2] ^= t
                s[3] = (s[3] << 45 | s[3] >> 19) & MASK
                if out >= (1 << 64) % rows:
                    break
            times[b, out % rows] += 1
    return times


def read(db):
    coalition, parts = {}, {}
    for name, place, part, value in db.execute("SELECT s.name, a.ord, a.name, a.value FROM scheme s JOIN axis a ON a.scheme = s.id"):
        parts[place] = part
        coalition[name] = coalition.get(name, 0) | (value == "in") << place
    results = {}
    for name, prompt, rank, logprob, diff in db.execute(
            "SELECT s.name, r.prompt, r.rank, r.logprob, r.logit_diff FROM scheme s JOIN result r ON r.scheme = s.source"
            " JOIN prompt p ON p.id = r.prompt WHERE r.dropped IS NULL AND p.dropped IS NULL"):
        results.setdefault(prompt, {})[coalition[name]] = (diff, logprob, float(rank < 5))
    n = len(parts)
    kept = sorted(p for p, r in results.items() if len(r) == 1 << n)
    v = np.array([[results[p][c] for c in range(1 << n)] for p in kept])  # [prompt, coalition, metric]
    of = dict((p, (t, r)) for p, t, r in db.execute("SELECT id, template, row FROM prompt"))
    prompts = dict(db.execute("SELECT template, count(*) FROM prompt GROUP BY template"))
    return [parts[i] for i in range(n)], v, [of[p] for p in kept], prompts


def mean_and_ends(x, rows, seed, limits, cache):
    """Of a column of numbers: its mean, and its interval over rows."""
    order = list(dict.fromkeys(rows))
    place = np.array([order.index(r) for r in rows])
    count = np.bincount(place).astype(float)
    total = np.bincount(place, weights=x)
    if len(order) not in cache:
        cache[len(order)] = draws(seed, len(order), 2000)
    times = cache[len(order)]
    value = x.mean()
    low, high = np.percentile((times @ total) / (times @ count), [2.5, 97.5])
    if limits and np.ptp(total / count) < 1e-12:
        u = 1 - 0.025 ** ((count ** 2).sum() / count.sum() ** 2)
        low, high = value - u * (value - limits[0]), value + u * (limits[1] - value)
    elif len(order) < 2:
        low = high = math.nan
    return value, low, high


def number(text):
    return float(text) if text else math.nan


def main():
    folder = pathlib.Path(sys.argv[1])
    db = sqlite3.connect(folder / "results.db")
    parts, v, of, prompts = read(db)
    seed = int(db.execute("SELECT value FROM run WHERE key = 'seed'").fetchone()[0])
    n, cache, worst, compared = len(parts), {}, 0.0, 0
    single, double = (values_by_orders, pair_by_orders) if n <= 7 else (values_by_subsets, pair_by_subsets)
    want, seen = {}, set()
    for m, metric in enumerate(["logit_diff", "mean_logprob", "top5"]):
        w, share = v[..., m], metric == "top5"
        columns = {(p,): (x, (-1, 1) if share else None) for p, x in zip(parts, single(w, n).T)}
        for i, j in itertools.combinations(range(n), 2):
            columns[parts[i], parts[j]] = (double(w, n, i, j), (-2, 2) if share else None)
        columns["none",] = (w[:, 0], (0, 1) if share else None)
        columns["all",] = (w[:, -1], (0, 1) if share else None)
        columns["total",] = (w[:, -1] - w[:, 0], (-1, 1) if share else None)
        for template in ["pooled", *map(str, prompts)]:
            on = [k for k, (t, _) in enumerate(of) if template in ("pooled", str(t))]
            rows = [of[k][1] for k in on]
            left = (sum(prompts.values()) if template == "pooled" else prompts[int(template)]) - len(on)
            for key, (x, limits) in columns.items():
                got = mean_and_ends(x[on], rows, seed, limits, cache) if on else (math.nan,) * 3
                want[metric, template, *key] = (*got, len(on), len(set(rows)), left)
    for name, keys in (("attribution.csv", ["part"]), ("interactions.csv", ["part", "other"])):
        for row in csv.DictReader(open(folder / name, newline="", encoding="utf-8")):
            key = (row["metric"], row["template"], *(row[k] for k in keys))
            expect = want[key]
            seen.add(key)
            have = [number(row[k]) for k in ("value", "low", "high", "n", "facts", "left_out")]
            if row.get("share"):
                have.append(number(row["share"]))
                expect = (*expect, expect[0] / want[(*key[:2], "total")][0])
            for a, b in zip(have, expect):
                if math.isnan(a) != math.isnan(b):
                    sys.exit(f"{name}: {key}: {have} instead of {expect}")
                worst = max(worst, 0 if math.isnan(a) else abs(a - b))
            compared += 1
    if len(seen) < len(want):
        sys.exit(f"missing: {sorted(want.keys() - seen)[:3]}")
    print(f"{compared} rows of {n} parts, {len(of)} prompts: the largest difference is {worst:.3g}")
    sys.exit(int(worst > 1e-9))


if __name__ == "__main__":
    main()
