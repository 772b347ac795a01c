#!/usr/bin/env python3
"""Computes every statistic of a results store again, from its raw results alone, with numpy, scipy and statsmodels, and compares
with what `graftkit export` says. How each number is made is in docs/store.md (Computing them again) and docs/report.md; nothing
here was taken from the source. Shares, means, medians, differences and intervals must agree to 1e-9 of the larger, or
to 1e-12; p-values to 1e-9 of the larger, however small; counts and verdicts exactly. Columns of an export that are not
computed here are named.

  check_statistics.py STORE.db [GRAFTKIT]        (default build/release/graftkit)
"""
import collections
import csv
import math
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

RELATIVE, ABSOLUTE, RESAMPLES, EXACT = 1e-9, 1e-12, 2000, 500
U64 = (1 << 64) - 1


# ---------------------------------------------------------------- draws

class Rng:
    """xoshiro256**, seeded by splitmix64 from a seed and the name of a stream."""

    def __init__(self, seed, stream):
        name = 0xCBF29CE484222325
        for byte in stream.encode():
            name = (name ^ byte) * 0x100000001B3 & U64
        x = self.split(seed)[1] ^ name
        self.s = []
        for _ in range(4):
            x, z = self.split(x)
            self.s.append(z)

    @staticmethod
    def split(x):
        x = x + 0x9E3779B97F4A7C15 & U64
        z = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & U64
        z = (z ^ z >> 27) * 0x94D049BB133111EB & U64
        return x, z ^ z >> 31

    def next(self):
        s = self.s
        y = s[1] * 5 & U64
        out = (y << 7 & U64 | y >> 57) * 9 & U64
        t = s[1] << 17 & U64
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = s[3] << 45 & U64 | s[3] >> 19
        return out

    def below(self, n):
        while True:
            x = self.next()
            if x >= (1 << 64) % n:
                return x % n


DRAWS = {}


def draws(seed, rows):
    """[resamples, rows]: how often each row was drawn."""
    if (seed, rows) not in DRAWS:
        rng, times = Rng(seed, "bootstrap"), np.zeros((RESAMPLES, rows))
        for b in range(RESAMPLES):
            for _ in range(rows):
                times[b, rng.below(rows)] += 1
        DRAWS[seed, rows] = times
    return DRAWS[seed, rows]


def ends(values):
    """The middle 95%; linear between neighbours, as numpy has it."""
    values = values[~np.isnan(values)]
    return tuple(np.percentile(values, [2.5, 97.5])) if len(values) else (math.nan, math.nan)


def unseen(rows, level=0.95):
    """The upper end of Clopper and Pearson's interval for none of so many."""
    return stats.binomtest(0, rows).proportion_ci(level, "exact").high


# ---------------------------------------------------------------- the store

class Store:
    """Results by scheme: prompts that were evaluated, and how many of each template were not."""

    def __init__(self, path):
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        ask = lambda sql, *more: db.execute(sql, more).fetchall()
        self.seed = int(ask("SELECT value FROM run WHERE key = 'seed'")[0][0])
        fields = {t: {f for f, in ask("SELECT value FROM template u, json_each(u.fields) WHERE u.id = ?", t)}
                  for t, in ask("SELECT id FROM template ORDER BY id")}
        self.templates = list(fields)
        self.full = [t for t in fields if fields[t] == set().union(*fields.values())]
        prompts = ask("SELECT id, template, row, dropped FROM prompt ORDER BY id")
        self.dropped = collections.Counter(t for _, t, _, why in prompts if why)
        place = {i: (t, row) for i, t, row, _ in prompts}
        names = {table for table, in ask("SELECT name FROM sqlite_master")}
        twins = {s for s, in ask("SELECT scheme FROM twin")} if "twin" in names else set()
        self.schemes = [s for s in ask('SELECT id, source, "set", name FROM scheme ORDER BY ord, id') if s[0] not in twins]
        self.applies = collections.defaultdict(set)
        for scheme, template in ask("SELECT scheme, template FROM applies"):
            self.applies[scheme].add(template)
        self.twin = dict(ask('SELECT w."of", s.source FROM twin w JOIN scheme s ON s.id = w.scheme')) if twins else {}
        by_source = collections.defaultdict(list)
        for source, prompt, *numbers in ask("SELECT scheme, prompt, rank, prob, logprob, logit_diff, exact, whole_logprob, "
                                            "dropped FROM result ORDER BY scheme, prompt"):
            by_source[source].append((prompt, *place[prompt], *numbers))
        self.of, self.placebo, self.permuted = {}, {}, collections.defaultdict(list)
        if "permuted_result" in names:
            for source, prompt, *numbers in ask("SELECT scheme, prompt, rank, logprob, logit_diff FROM permuted_result "
                                                "ORDER BY scheme, prompt"):
                rank, logprob, ahead = numbers
                self.permuted[source].append((prompt, *place[prompt], rank, 0.0, logprob, ahead, None, None))
        for i, source, _, name in self.schemes:
            own = [r for r in by_source[source] if r[1] in self.applies[i]]
            self.of[name] = [r[:-1] for r in own if r[-1] is None], collections.Counter(r[1] for r in own if r[-1])
            if i in self.twin:
                self.placebo[i] = [r[:-1] for r in by_source[self.twin[i]] if r[-1] is None]
        self.planned = "contrast" in names and ask(
            'SELECT c."set", x.name, y.name, c.metric, c.margin FROM contrast c JOIN scheme x ON x.id = c.a '
            "JOIN scheme y ON y.id = c.b") or []
        self.coincide, self.left_out = set(), set()  # templates in which two schemes select the same
        if "coincidence" in names:
            name_of = {i: [n for _, source, _, n in self.schemes if source == i] for i, in ask("SELECT id FROM scheme")}
            for x, y, template, out in ask("SELECT scheme, other, template, left_out FROM coincidence"):
                self.coincide |= {(a, b, template) for a in name_of[x] for b in name_of[y]}
                if out:
                    self.left_out |= {(a, template) for a in name_of[x]}

    def pooled(self, name, applies):
        return [t for t in self.templates if t in applies and (name, t) not in self.left_out]

    def common(self, a, b):
        """Pairs of results on the prompts of both, by prompt."""
        out = lambda name, t: (name, t) in self.left_out or (a, b, t) in self.coincide or (b, a, t) in self.coincide
        other = {r[0]: r for r in self.of[b][0] if not out(b, r[1])}
        return [(r, other[r[0]]) for r in self.of[a][0] if r[0] in other and not out(a, r[1])]


PROMPT, TEMPLATE, ROW, RANK, PROB, LOGPROB, LOGIT_DIFF, EXACT_MATCH, WHOLE = range(9)
SHARES = {"top1": 1, "top5": 5, "top10": 10, "top50": 50, "top100": 100}
MEANS = {"mean_rank": RANK, "mean_prob": PROB, "mean_logprob": LOGPROB, "logit_diff": LOGIT_DIFF}
OF_WHOLE = {"exact": EXACT_MATCH, "whole_logprob": WHOLE}


def by_first(rows):
    """Rows as numbers from 0, in the order in which they first appear."""
    number = {}
    return np.array([number.setdefault(r, len(number)) for r in rows], int), len(number)


# ---------------------------------------------------------------- cells

def medians(ranks, weights):
    """Of each line of weights: the middle of the ranks at which the running weight reaches and passes one half."""
    run, half = np.cumsum(weights, axis=1), weights.sum(axis=1, keepdims=True) / 2
    return (ranks[np.argmax(run >= half, axis=1)] + ranks[np.argmax(run > half, axis=1)]) / 2


def mean_of(values, weights, row, times):
    """The weighted mean and those of all resamples, rows drawn whole; a row's weight of the metric."""
    sums, weight = (np.bincount(row, v, times.shape[1]) for v in (weights * values, weights))
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums.sum() / weight.sum(), times @ sums / (times @ weight), sums, weight


def cell(results, seed):
    out = {"n": len(results), "rows": 0, "n_whole": sum(r[WHOLE] is not None for r in results)}
    names = [*SHARES, *MEANS, *OF_WHOLE, "median_rank"]
    out.update({k: math.nan for m in names for k in (m, m + "_low", m + "_high")})
    if not results:
        return out
    row, out["rows"] = by_first([r[ROW] for r in results])
    times, column = draws(seed, out["rows"]), lambda k: np.array([r[k] for r in results], float)
    ranks, one = column(RANK), np.ones(len(results))
    values = {m: ranks < k for m, k in SHARES.items()} | {m: column(k) for m, k in MEANS.items()}
    whole = ~np.isnan(column(WHOLE))
    values |= {m: np.where(whole, column(k), 0) for m, k in OF_WHOLE.items()}
    for m, v in values.items():
        value, resampled, sums, weight = mean_of(v, whole * 1.0 if m in OF_WHOLE else one, row, times)
        low, high = ends(resampled)
        there = weight > 0
        if m in SHARES or m == "exact":
            shares = sums[there] / weight[there]
            if there.any() and np.ptp(shares) <= 1e-12:  # nothing can vary: exact, of as many rows as the weights are worth
                u = 1 - 0.025 ** (1 / (weight.sum() ** 2 / (weight ** 2).sum()))
                if (weight[there] == 1).all():
                    u = unseen(int(there.sum()))
                low, high = value - value * u, value + (1 - value) * u
        elif there.sum() < 2:
            low = high = math.nan
        out.update({m: value, m + "_low": low, m + "_high": high})
    order = np.argsort(ranks, kind="stable")
    out["median_rank"] = float(np.median(ranks))
    low, high = ends(medians(ranks[order], times[:, row[order]])) if out["rows"] > 1 else (math.nan, math.nan)
    out.update(median_rank_low=low, median_rank_high=high)
    return out


def icc(results, value):
    """ICC(1), by the F of a one-way analysis of variance and the mean number of prompts a row."""
    groups = collections.defaultdict(list)
    for r in results:
        groups[r[ROW]].append(float(value(r)))
    sizes, every = np.array([len(g) for g in groups.values()], float), [x for g in groups.values() for x in g]
    n, rows = sizes.sum(), len(sizes)
    if rows < 2 or n <= rows or np.ptp(every) == 0:
        return math.nan
    if all(min(g) == max(g) for g in groups.values()):
        return 1.0
    f = stats.f_oneway(*groups.values()).statistic
    return (f - 1) / (f - 1 + (n - (sizes ** 2).sum() / n) / (rows - 1))


def floor(name, results, seed):
    """The same cell with a placebo in the donor's place, or by another fact's target."""
    numbers = cell(results, seed)
    out = {f"{name}_{m}{end}": numbers[m + end] for m in ("top5", "logit_diff") for end in ("", "_low", "_high")}
    return out | {name + "_n": numbers["n"]}


def cells(store):
    for i, source, group, name in store.schemes:
        results, dropped = store.of[name]
        pools = {str(t): [t] if t in store.applies[i] else [] for t in store.templates}
        pools["pooled"] = store.pooled(name, store.applies[i])
        if store.full and len(store.full) < len(store.templates):
            for pool in ("full", "lacking"):
                pools[pool] = [t for t in store.pooled(name, store.applies[i]) if (t in store.full) == (pool == "full")]
        for pool, of in pools.items():
            within = lambda all_of: sorted((r for r in all_of if r[TEMPLATE] in of), key=lambda r: r[:2][::-1])
            own = within(results)
            numbers = cell(own, store.seed)
            numbers |= {"icc_top5": icc(own, lambda r: r[RANK] < 5), "icc_logit_diff": icc(own, lambda r: r[LOGIT_DIFF])}
            numbers |= floor("placebo", within(store.placebo.get(i, [])), store.seed)
            numbers |= floor("permuted", within(store.permuted[source]), store.seed)
            numbers["dropped"] = sum(store.dropped[t] + dropped[t] for t in of)
            yield (group, name, pool), numbers


# ---------------------------------------------------------------- differences

def split_p(more, fewer):
    return stats.binomtest(more, more + fewer).pvalue if more + fewer else 1.0


def holm(p):
    there = [i for i, x in enumerate(p) if not math.isnan(x)]
    out = [math.nan] * len(p)
    if there:
        for i, x in zip(there, multipletests([p[i] for i in there], method="holm")[1]):
            out[i] = x
    return out


def differences(store, exported):
    """Which references there are is read from the export; everything about them is not."""
    groups = collections.defaultdict(list)
    for line in exported:
        pairs = store.common(line["scheme"], line["reference"])
        out = {"n": len(pairs), "rows": 0, "rows_more": 0, "rows_fewer": 0, "p": math.nan}
        low = high = out["top5_difference"] = math.nan
        if pairs:
            row, rows = by_first([x[ROW] for x, _ in pairs])
            more = np.array([float(x[RANK] < 5) - (y[RANK] < 5) for x, y in pairs])
            value, resampled, sums, _ = mean_of(more, np.ones(len(more)), row, draws(store.seed, rows))
            low, high = ends(resampled)
            if high - low < 1e-12:
                u = unseen(rows)
                low, high = value - u * (1 + value), value + u * (1 - value)
            out.update(rows=rows, rows_more=int((sums > 0).sum()), rows_fewer=int((sums < 0).sum()), top5_difference=value)
            out["p"] = split_p(out["rows_more"], out["rows_fewer"])
        out.update(top5_difference_low=low, top5_difference_high=high)
        groups[line["set"]].append(((line["set"], line["scheme"], line["reference"]), out))
    for group in groups.values():
        least = [split_p(o["rows"], 0) if o["n"] else math.nan for _, o in group]
        for (key, out), p, smallest in zip(group, holm([o["p"] for _, o in group]), holm(least)):
            yield key, out | {"p_holm": p, "p_holm_least": smallest}


# ---------------------------------------------------------------- planned contrasts

def signed_rank(d):
    """Wilcoxon's test; where sizes are tied, by counting the sign patterns in whole numbers."""
    d = d[d != 0]
    if len(d) == 0:
        return 1.0
    if len(d) > EXACT:
        return stats.wilcoxon(d, method="asymptotic", correction=False).pvalue
    if len(set(np.abs(d))) == len(d):
        up = stats.rankdata(np.abs(d)) @ (d > 0) * 2 > len(d) * (len(d) + 1) / 2  # scipy's upper tail is 1 minus the lower
        return min(1.0, 2 * stats.wilcoxon(-d if up else d, method="exact", alternative="less").pvalue)
    twice = [int(r) for r in 2 * stats.rankdata(np.abs(d))]
    counts = collections.Counter({0: 1})
    for r in twice:
        step = collections.Counter(counts)
        for s, n in counts.items():
            step[s + r] += n
        counts = step
    above = sum(r for r, x in zip(twice, d) if x > 0)
    least = min(above, sum(twice) - above)
    return min(1.0, 2 * sum(n for s, n in counts.items() if s <= least) / 2 ** len(d))


def contrast(store, a, b, metric, margin):
    pairs = store.common(a, b)
    value = (lambda r: float(r[RANK] < 5)) if metric == "top5" else lambda r: r[LOGIT_DIFF]
    row, rows = by_first([x[ROW] for x, _ in pairs])
    out = {"n": len(pairs), "rows": rows, "templates": len({x[TEMPLATE] for x, _ in pairs}), "rows_more": 0, "rows_fewer": 0}
    out["margin"] = math.nan if margin is None else margin
    out.update({k: math.nan for k in ("mean_a", "mean_b", "difference", "difference_low", "difference_high", "p",
                                      "equal_low", "equal_high", "p_equal")})
    if not pairs:
        return out
    prompts = np.bincount(row)
    x, y = (np.bincount(row, [value(pair[k]) for pair in pairs]) / prompts for k in (0, 1))
    d = np.bincount(row, [value(p) - value(q) for p, q in pairs]) / prompts
    alike, share = np.ptp(d) < 1e-12, metric == "top5"
    out.update(mean_a=x.mean(), mean_b=y.mean(), difference=d.mean(), rows_more=int((d > 0).sum()), rows_fewer=int((d < 0).sum()))
    out["p"] = split_p(out["rows_more"], out["rows_fewer"]) if share else signed_rank(d)
    m, u = d.mean(), unseen(rows)
    low, high = ends(draws(store.seed, rows) @ d / rows) if share or rows > 1 else (math.nan, math.nan)
    if share and alike:
        low, high = m - u * (1 + m), m + u * (1 - m)
    out.update(difference_low=low, difference_high=high)
    if margin is None:
        return out
    if not alike:
        interval = stats.ttest_1samp(d, 0).confidence_interval(0.9)
        out.update(equal_low=interval.low, equal_high=interval.high, p_equal=ttost_paired(x, y, -margin, margin)[0])
    elif share:
        u = unseen(rows, 0.9)
        out.update(equal_low=m - u * (1 + m), equal_high=m + u * (1 - m))
        out["p_equal"] = ((1 - margin) / (1 - abs(m))) ** rows if abs(m) < margin else 1.0
    return out


def contrasts(store):
    groups = collections.defaultdict(list)
    for group, a, b, metric, margin in store.planned:
        groups[group].append(((group, a, b, metric), contrast(store, a, b, metric, margin)))
    for group in groups.values():
        corrected = holm([o[k] for _, o in group for k in ("p", "p_equal")])
        for i, (key, out) in enumerate(group):
            out["p_holm"], out["p_equal_holm"] = corrected[2 * i:2 * i + 2]
            differ, equal = out["p_holm"] < 0.05, out["p_equal_holm"] < 0.05
            out["verdict"] = ("not judged" if math.isnan(out["p_holm"]) else
                              ("different, but equivalent" if equal else "different") if differ else
                              "equivalent" if equal else "neither")
            yield key, out


# ---------------------------------------------------------------- comparing

class Tally:
    """How many numbers of each kind agree, and how far the farthest is off."""

    def __init__(self):
        self.kinds, self.bad, self.skipped = {}, [], []

    def compare(self, table, key, name, mine, told):
        is_p = name == "p" or name.startswith("p_")
        exact = isinstance(mine, (int, str))
        kind = ("verdict" if isinstance(mine, str) else "count" if exact else "p-value" if is_p else
                "interval" if name.endswith(("_low", "_high")) else "value")
        off = 0.0
        if isinstance(mine, str):
            good = mine == told
        else:
            x, y = float(mine), float(told) if told else math.nan
            good = x == y or math.isnan(x) and math.isnan(y)
            if not good and not exact and math.isfinite(x) and math.isfinite(y):
                off = abs(x - y) / max(abs(x), abs(y))
                good = off <= RELATIVE or not is_p and abs(x - y) <= ABSOLUTE
                off = off if off <= RELATIVE or not good else 0.0  # as good as zero, both
        n, most = self.kinds.get((table, kind), (0, 0.0))
        self.kinds[table, kind] = n + 1, max(most, off)
        if not good:
            self.bad.append(f"{table} {key}: {name} is {told!r}, not {mine!r}")

    def table(self, name, keys, computed, exported):
        lines = {tuple(line[k] for k in keys): line for line in exported}
        known = set(keys)
        for key, numbers in computed:
            line = lines.pop(key, None)
            if line is None:
                self.bad.append(f"{name} has no line {key}")
                continue
            for column, x in numbers.items():
                known.add(column)
                if column in line:
                    self.compare(name, key, column, x, line[column])
                else:
                    self.bad.append(f"{name} {key}: there is no column {column}")
        self.bad += [f"{name} has a line {key} that should not be" for key in lines]
        more = [c for c in (exported[0] if exported else []) if c not in known]
        if more:
            self.skipped.append(f"{name}: not computed here: {', '.join(more)}")

    def say(self):
        print(f"{'table':14} {'kind':10} {'numbers':>8}  largest relative deviation")
        for (table, kind), (n, most) in sorted(self.kinds.items()):
            print(f"{table:14} {kind:10} {n:8}  {most:.2g}")
        for line in self.skipped + self.bad[:20]:
            print(line)
        print(f"{sum(n for n, _ in self.kinds.values())} numbers, {len(self.bad)} differ")
        return 1 if self.bad else 0


def export(graftkit, db, folder, table):
    path = pathlib.Path(folder, table + ".csv")
    subprocess.run([graftkit, "export", "--db", db, "--" + table, path], check=True)
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    db, graftkit = sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else "build/release/graftkit"
    csv.field_size_limit(1 << 30)
    store, tally = Store(db), Tally()
    with tempfile.TemporaryDirectory() as folder:
        tally.table("cells", ("set", "scheme", "template"), cells(store), export(graftkit, db, folder, "cells"))
        told = export(graftkit, db, folder, "differences")
        tally.table("differences", ("set", "scheme", "reference"), differences(store, told), told)
        if store.planned:
            tally.table("contrasts", ("set", "a", "b", "metric"), contrasts(store),
                        export(graftkit, db, folder, "contrasts"))
    return tally.say()


if __name__ == "__main__":
    sys.exit(main())
