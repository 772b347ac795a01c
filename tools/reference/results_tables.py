#!/usr/bin/env python3
"""Writes the tables of the pages of docs/results from the CSV files that `make replication` wrote (TABLES=docs/results/tables), so
that no number of ours is typed. A table stands between <!-- table: NAME --> and <!-- end of table -->; what stands between
them is replaced. NAME is lines, seeds, layers or a set of schemes (EXPERIMENT, or EXPERIMENT/SET), and behind it scratch or
pretrained, which file it is of; or dose, refutations or dissociation, and planted, of planted pathways. Needs nothing but Python.

  results_tables.py [PAGE [FOLDER]]           (default: README.md, details.md and planted.md of docs/results; docs/results/tables)
  results_tables.py --check [PAGE [FOLDER]]   writes nothing; fails where the page has other numbers than the files
  results_tables.py --keep RUN…               what the tables of planted pathways show, of RUN/compare.csv and compare-seeds.csv
                                              (make experiment NAME=planted SEEDS=…), to docs/results/tables/planted.csv …
"""
import csv
import math
import pathlib
import re
import sys

# The 97.5% points of Student's distribution for 1, 2 … degrees of freedom.
T = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448, 2.1314]
NONE = "–"
FOLDER = pathlib.Path("docs/results/tables")


# ---------------------------------------------------------------- the files

class Column:
    """Runs that differ in their seed: FIRST-SEED, or FIRST-SEED-free."""

    def __init__(self, first, regime):
        self.first, self.regime, self.runs = first, regime, []

    def title(self):
        return f"{self.first.replace('_', ' ')}, {self.regime}"


class Tables:
    def __init__(self, folder, kind):
        self.cell, self.over, self.columns, self.order = {}, {}, [], {}
        with open(folder / f"{kind}.csv", newline="") as f:
            for row in csv.DictReader(f):
                where = row["experiment"], row["set"], row["scheme"]
                if row["template"] == "full":
                    where += ("full",)
                self.cell[row["run"], where] = {k: float(v) if v else math.nan for k, v in list(row.items())[5:]}
                self.order.setdefault(where[:2], {})[where[2]] = None
                self.add_run(row["run"])
        with open(folder / f"{kind}-seeds.csv", newline="") as f:
            for row in csv.DictReader(f):
                if row["metric"] == "top5":
                    where = row["experiment"], row["set"], row["scheme"]
                    self.over[tuple(row["runs"].split(", ")), where] = {
                        k: float(row[k]) if row[k] else math.nan for k in ("seeds", "mean", "sd", "t_low", "t_high")}
        self.columns.sort(key=lambda c: c.regime, reverse=True)

    def add_run(self, run):
        first, _, regime = re.fullmatch(r"(.+)-(\d+)(-free)?", run).groups()
        regime = "free" if regime else "frozen"
        column = next((c for c in self.columns if (c.first, c.regime) == (first, regime)), None)
        if not column:
            column = Column(first, regime)
            self.columns.append(column)
        if run not in column.runs:
            column.runs.append(run)

    def top5(self, run, where):
        """In percent; None: the run has no such scheme."""
        cell = self.cell.get((run, where))
        return None if cell is None else 100 * cell["top5"]

    def over_seeds(self, runs, where):
        """What graftkit compare computed over these seeds, in percent."""
        stat = self.over.get((tuple(runs), where))
        if stat is None:
            sys.exit(f"results_tables.py: the seeds' file has nothing of {', '.join(where)} over {', '.join(runs)}")
        mean = sum(self.top5(r, where) for r in runs) / len(runs)
        assert stat["seeds"] == len(runs) and abs(mean - 100 * stat["mean"]) < 0.01, (runs, where)
        return [100 * stat[k] for k in ("mean", "sd", "t_low", "t_high")]


def spread(values):
    """Mean, standard deviation and t interval."""
    n = len(values)
    mean = sum(values) / n
    sd = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1))
    half = T[n - 2] * sd / math.sqrt(n)
    return [mean, sd, mean - half, mean + half]


# ---------------------------------------------------------------- the paper's table

POSITION = ("position", "position")
TASK = ("component", "component")
AFTER = ("component_after_entity", "component_after_entity")
HYBRID = ("hybrid", "hybrid")
HEAD = ("head", "head")
MILD = ("training", "training")
ARTICLES = ("articles", "position")
PUBLISHED = ("published", "published")


def at(scheme, place=POSITION):
    return (place + (scheme,),)


def less(a, b):
    """a minus b: two places."""
    return a + b


def titled(scheme):
    """Over the templates that name the film alone, which those of the title are compared on."""
    return (POSITION + (scheme, "full"),)


class Line:
    """claim: what the paper says; measures: [name, what the paper has, a place or two]; rule: in words; holds: of the measures'
    numbers by name; ceiling, least: what has to be how much, since where a model has learned less, or grafts bring less, there
    is nothing to share out and every rule of shares holds."""

    def __init__(self, claim, measures, rule, holds, ceiling="SFT", least=50):
        self.claim, self.measures, self.rule, self.holds, self.ceiling, self.least = claim, measures, rule, holds, ceiling, least


ALL_AT_LT = "the paper's experiment, recipient task: q k v o, FFN"
LINES = [
    Line("FE+LT nearly recovers SFT",
         [("SFT", "100", at("SFT")), ("FE+LT", "nearly that", at("FE+LT")),
          ("FE+LT, as published", "", at("FE+LT, as published", PUBLISHED))],
         "FE+LT has 90% of SFT", lambda x: x["FE+LT"] >= 0.9 * x["SFT"]),
    Line("(FE+LT)^C is about PRE",
         [("PRE", "about 0", at("PRE")), ("(FE+LT)^C", "about 0", at("(FE+LT)^C"))],
         "at most 3 points above PRE", lambda x: x["(FE+LT)^C"] <= x["PRE"] + 3),
    Line("FE or LT alone is partial; which of them depends on the model",
         [("FE", "28 (GPT2-XL)", at("FE")), ("LT", "53 (Gemma)", at("LT")),
          ("LT, as published", "53 (Gemma)", at("LT, as published", PUBLISHED))],
         "one of them above PRE by 10 points and below 90% of SFT",
         lambda x: any(x["PRE"] + 10 < x[k] < 0.9 * x["SFT"] for k in ("FE", "LT"))),
    Line("The title alone is not enough; with LT it helps",
         [("M", "low", at("M")), ("LT, the same templates", "", titled("LT")), ("M+LT", "above LT", at("M+LT"))],
         "M at most 15 points above PRE, M+LT above LT",
         lambda x: x["M"] <= x["PRE"] + 15 and x["M+LT"] > x["LT, the same templates"]),
    Line("At the last token O+FFN does what ATTN+FFN does",
         [(ALL_AT_LT, "", at("task | ATTN+O+FFN", TASK)),
          ("… O+FFN", "about as much", at("task | O+FFN", TASK)),
          ("after the entity (ours): q k v o, FFN", "", at("FE | ATTN+O+FFN", AFTER)),
          ("… O+FFN, after FE", "", at("FE | O+FFN", AFTER))],
         "the paper's experiment: O+FFN has 85% of q k v o, FFN",
         lambda x: x["… O+FFN"] >= 0.85 * x[ALL_AT_LT], ALL_AT_LT, 20),
    Line("FFN without O loses much",
         [("the paper's experiment: FFN", "", at("task | FFN", TASK)),
          ("… minus O+FFN, points", "-29 (Gemma), -41 (Llama3)", less(at("task | FFN", TASK), at("task | O+FFN", TASK))),
          ("after the entity (ours): FFN minus O+FFN", "", less(at("FE | FFN", AFTER), at("FE | O+FFN", AFTER)))],
         "the paper's experiment: 18 points or more", lambda x: x["… minus O+FFN, points"] <= -18, ALL_AT_LT, 20),
    Line("Hybrid: the task's attention with relation O+FFN",
         [("hybrid, gate with its matrices", "", at("hybrid, FE ATTN+O", HYBRID)),
          ("hybrid as published (the task's gate)", "63 (Gemma), 34 (Llama3)", at("hybrid, FE ATTN+O, task gate", HYBRID)),
          ("relation O+FFN at LT alone", "", at("rel O+FFN at LT", HYBRID)),
          ("the task's attention alone at LT (ours, before)", "", at("hybrid, only task ATTN+O at LT", HYBRID))],
         "34 or more, and above relation O+FFN alone",
         lambda x: x["hybrid, gate with its matrices"] >= 34 and
         x["hybrid, gate with its matrices"] > x["relation O+FFN at LT alone"]),
    Line("The task's FFN at FE adds almost nothing",
         [("FFN at FE minus none, points", "about 0", less(at("hybrid, FE FFN", HYBRID), at("hybrid, FE none", HYBRID)))],
         "within 5 points of none", lambda x: abs(x["FFN at FE minus none, points"]) <= 5,
         "hybrid, gate with its matrices", 20),
    Line("Whose unembedding shifts single positions, not the pattern",
         [("LT, donor's head and norm", "", at("LT, donor's head always", HEAD)),
          ("FE+LT, donor's head and norm", "", at("FE+LT, donor's head always", HEAD))],
         "FE+LT has 90% of SFT under either head; – where both are the same, frozen",
         lambda x: None if x["LT"] == x["LT, donor's head and norm"] else
         min(x["FE+LT"], x["FE+LT, donor's head and norm"]) >= 0.9 * x["SFT"]),
    Line("Mild training: the same pattern, weaker single pathways",
         [("mild, whole", "", at("mild whole", MILD)), ("mild FE+LT", "", at("mild FE+LT", MILD)),
          ("mild FE", "", at("mild FE", MILD)), ("mild LT", "", at("mild LT", MILD)),
          ("mild (FE+LT)^C", "", at("mild (FE+LT)^C", MILD))],
         "mild FE+LT has 80% of the mild model, FE and LT are no higher than unmild",
         lambda x: x["mild FE+LT"] >= 0.8 * x["mild, whole"] and x["mild FE"] <= x["FE"] + 1 and x["mild LT"] <= x["LT"] + 1,
         "mild, whole"),
    Line("Articles: FE+LT nearly recovers SFT",
         [("articles: SFT", "", at("SFT", ARTICLES)), ("articles: FE+LT", "nearly that", at("FE+LT", ARTICLES)),
          ("articles: (FE+LT)^C", "about PRE", at("(FE+LT)^C", ARTICLES))],
         "FE+LT has 80% of SFT", lambda x: x["articles: FE+LT"] >= 0.8 * x["articles: SFT"], "articles: SFT"),
]
EACH_SEED = [("SFT", at("SFT")), ("PRE", at("PRE")), ("FE", at("FE")), ("LT", at("LT")), ("FE+LT", at("FE+LT")),
             ("(FE+LT)^C", at("(FE+LT)^C")), ("task, ATTN+O+FFN", at("task | ATTN+O+FFN", TASK)),
             ("task, O+FFN", at("task | O+FFN", TASK)), ("task, FFN", at("task | FFN", TASK)),
             ("hybrid", at("hybrid, FE ATTN+O", HYBRID)), ("rel O+FFN at LT", at("rel O+FFN at LT", HYBRID))]


# ---------------------------------------------------------------- cells of a table

def measure(t, run, places):
    """A scheme's top-5, or the difference of two; None: the run has not both."""
    x = [t.top5(run, p) for p in places]
    return None if None in x else x[0] if len(x) == 1 else x[0] - x[1]


def number(x):
    return f"{x:.1f}".replace("-0.0", "0.0")


def cell_of(t, column, places, brief=False):
    runs = [r for r in column.runs if measure(t, r, places) is not None]
    if not runs:
        return NONE
    if len(runs) == 1:
        x = measure(t, runs[0], places)
        cell = t.cell[runs[0], places[0]]
        return number(x) if len(places) > 1 else f"{number(x)} [{number(100 * cell['top5_low'])}, {number(100 * cell['top5_high'])}]"
    stat = t.over_seeds(runs, places[0]) if len(places) == 1 and len(places[0]) == 3 else spread([measure(t, r, places) for r in runs])
    text = f"{number(stat[0])} ({number(stat[1]) if stat[1] == stat[1] else '0.0'})"
    return text if brief or math.isnan(stat[2]) or stat[1] == 0 else f"{text} [{number(stat[2])}, {number(stat[3])}]"


def verdict(t, column, line, known):
    """Whether the line holds of the mean over seeds, and of which seeds it does not."""
    def numbers(runs):
        x = {}
        for name, places in known.items():
            values = [measure(t, r, places) for r in runs]
            if None not in values:
                x[name] = sum(values) / len(values)
        return x

    def holds(runs):
        try:
            x = numbers(runs)
            return line.holds(x) if x[line.ceiling] >= line.least else None
        except KeyError:
            return None

    def seeds(runs):
        return ", ".join(re.sub(r"-free$", "", r).rsplit("-", 1)[1] for r in runs)

    runs = [r for r in column.runs if holds([r]) is not None]
    if not runs:
        return NONE
    text = "**yes**" if holds(runs) else "**no**"
    others = [r for r in runs if holds([r]) != holds(runs)]
    text += f"; {'not' if holds(runs) else 'but'} seed {seeds(others)}" if others else ""
    little = [r for r in column.runs if r not in runs and numbers([r]).get(line.ceiling, line.least) < line.least]
    return text + (f"; without seed {seeds(little)}, which has too little" if little else "")


# ---------------------------------------------------------------- tables

def markdown(head, rows):
    return ["| " + " | ".join(r) + " |" for r in [head, ["---"] * len(head)] + rows]


def lines_table(t):
    rows, known = [], {name: places for line in LINES for name, _, places in line.measures}
    for line in LINES:
        claim = f"**{line.claim}**"
        for name, paper, places in line.measures:
            cells = [cell_of(t, c, places) for c in t.columns]
            if any(c != NONE for c in cells):
                rows.append([claim, escape(name), paper] + cells)
                claim = ""
        if not claim:
            rows.append(["", f"comes back: {line.rule}", ""] + [verdict(t, c, line, known) for c in t.columns])
    return markdown(["the paper says", "top-5, %", "the paper"] + [c.title() for c in t.columns], rows)


def seeds_table(t):
    tables = []
    for c in t.columns:
        rows = []
        for name, places in EACH_SEED:
            x = [measure(t, r, places) for r in c.runs]
            if any(v is not None for v in x):
                rows.append([escape(name)] + [NONE if v is None else number(v) for v in x])
        tables += ([""] if tables else []) + markdown([c.title()] + [r.removesuffix("-free") for r in c.runs], rows)
    return tables


def set_table(t, where):
    columns = [c for c in t.columns if any((r, where + (s,)) in t.cell for r in c.runs for s in t.order[where])]
    rows = [[escape(s)] + [cell_of(t, c, (where + (s,),), brief=True) for c in columns] for s in t.order[where]]
    return markdown(["top-5, %"] + [c.title() for c in columns], rows)


def layers_table(t):
    """Windows of layers down, components across; of the first column that has them."""
    where = "layers", "layers"
    windows, parts, found = {}, {}, {}
    column = next(c for c in t.columns if any(k[0] in c.runs and k[1][:2] == where for k in t.cell))
    for scheme in t.order[where]:
        m = re.fullmatch(r"LT (.+), layers (.+)", scheme)
        if m:
            windows[m[2]] = parts[m[1]] = None
            found[m[2], m[1]] = cell_of(t, column, (where + (scheme,),), brief=True)
    return markdown([f"{column.title()}: layers"] + list(parts), [[w] + [found.get((w, p), NONE) for p in parts] for w in windows])


def escape(name):
    return name.replace("|", "\\|")


# ---------------------------------------------------------------- planted pathways

DOSE = ("planted", "planted")
DOSE_LAST = ("planted", "planted_last")
DOSES = [(0, "trained")] + [(d, "trained") for d in (1, 2, 3, 4, 5, -1, -2, -3, -4, -5, 6)] + [(0, "frozen")] + [
    (d, "frozen") for d in (1, 2, 3, 4, 5, -1, -2, -3, -4, -5)]
GRAFTS = ["SFT-rh", "FE", "LT", "FE+LT", "(FE+LT)^C", "LT, lower half", "LT, upper half"]


def model_name(dose, embedding):
    name = "layers" if dose == 6 else "none" if dose == 0 else f"{'lower' if dose > 0 else 'upper'}{abs(dose)}"
    return name + ("_e" if embedding == "frozen" else "")


def dosed(graft, dose, embedding):
    """Where a graft of the model of that dose stands."""
    return at(f"{graft}: {dose}/6 frozen, embedding {embedding}", DOSE_LAST if "half" in graft else DOSE)


def of_planted(t):
    return [c for c in t.columns if any(measure(t, r, at("PRE", ("planted", "dissociation"))) is not None for r in c.runs)]


def dose_table(t):
    tables = []
    for c in of_planted(t):
        rows = [[f"`{model_name(*d)}`"] + [cell_of(t, c, dosed(g, *d), brief=True) for g in GRAFTS] for d in DOSES]
        tables += ([""] if tables else []) + markdown([f"{c.first}, {len(c.runs)} seeds, top-5, %"] + GRAFTS, rows)
    return tables


def refutations_table(t):
    """What would have refuted it, counted in each run."""
    columns = [r for c in of_planted(t) for r in c.runs]

    def learned(run):
        return [d for d in DOSES if measure(t, run, dosed("SFT-rh", *d)) >= 50]

    def told(run):
        layers = [d for d in learned(run) if d[0] not in (0, 6)]
        right = [d for d in layers if d[0] * (measure(t, run, dosed("LT", *d)) - measure(t, run, dosed("FE", *d))) > 0]
        return f"{len(right)} of {len(layers)}" + "".join(f"; not `{model_name(*d)}`" for d in layers if d not in right)

    def ends(run, graft, embedding):
        return " / ".join(number(measure(t, run, dosed(graft, d, embedding))) for d in (-5, -2, 0, 2, 5))

    def outside(run):
        pre = measure(t, run, at("PRE", ("planted", "dissociation")))
        return number(max(measure(t, run, dosed("(FE+LT)^C", *d)) - pre for d in DOSES))

    rows = [[f"models that learned their facts (SFT-rh of 50% or more), of {len(DOSES)}"] + [str(len(learned(r))) for r in columns],
            ["LT − FE has the sign of the freeze"] + [told(r) for r in columns]]
    for embedding in ("frozen", "trained"):
        rows += [[f"{g}, embedding {embedding}: −5, −2, 0, 2, 5 sixths frozen"] + [ends(r, g, embedding) for r in columns] for g in ("LT", "FE")]
    rows += [["the highest (FE+LT)^C, points above PRE"] + [outside(r) for r in columns],
             ["the embedding alone (`layers`): SFT-rh / FE / LT"] + [
                 " / ".join(number(measure(t, r, dosed(g, 6, "trained"))) for g in ("SFT-rh", "FE", "LT")) for r in columns]]
    return markdown(["top-5, %"] + columns, rows)


def dissociation_table(t):
    rows = []
    for c in t.columns:
        for where in (("planted", "dissociation"), ("planted_pretrained", "dissociation")):
            for regime in ("nothing frozen", "lower third frozen", "upper third frozen"):
                cells = [cell_of(t, c, at(f"{g}: {regime}", where)) for g in GRAFTS[:5]]
                if any(x != NONE for x in cells):
                    first = c.first if where[0] == "planted" else f"SmolLM2-135M, {c.first.replace('_', ' ')}"
                    rows.append([first, regime] + cells)
    return markdown(["", "top-5, %"] + GRAFTS[:5], rows)


def keep(runs):
    for name, columns in (("", "run experiment set scheme template n rows top5 top5_low top5_high logit_diff logit_diff_low logit_diff_high"),
                          ("-seeds", "runs experiment set scheme metric seeds mean sd t_low t_high low high")):
        with open(FOLDER / f"planted{name}.csv", "w", newline="") as out:
            write = csv.writer(out, lineterminator="\n")
            write.writerow(columns.split())
            for run in runs:
                with open(pathlib.Path(run) / f"compare{name}.csv", newline="") as f:
                    write.writerows([[brief(row[c]) for c in columns.split()] for row in csv.DictReader(f)
                                     if row.get("template", "pooled") == "pooled"])


def brief(value):
    """Five digits of a number that is no integer."""
    return f"{float(value):.5g}" if re.fullmatch(r"-?[0-9.]+(e-?[0-9]+)?", value) and re.search(r"[.e]", value) else value


def table(folder, name, kind):
    if not (folder / f"{kind}.csv").exists():
        sys.exit(f"results_tables.py: there is no {folder}/{kind}.csv: make replication writes it")
    t = Tables(folder, kind)
    if name == "lines":
        return lines_table(t)
    if name == "seeds":
        return seeds_table(t)
    if kind == "planted":
        return {"dose": dose_table, "refutations": refutations_table, "dissociation": dissociation_table}[name](t)
    where = tuple(name.split("/")) if "/" in name else (name, name)
    if where not in t.order:
        return ["Not run yet."]
    return layers_table(t) if name == "layers" else set_table(t, where)


def main(argv):
    if argv[:1] == ["--keep"]:
        return keep(argv[1:])
    check = argv[:1] == ["--check"]
    argv = argv[check:]
    folder = pathlib.Path(argv[1]) if len(argv) > 1 else FOLDER
    for page in argv[:1] or [f"docs/results/{name}.md" for name in ("README", "details", "planted")]:
        fill_page(pathlib.Path(page), folder, check)


def fill_page(page, folder, check):
    text = page.read_text()

    def fill(m):
        return "\n".join([m[1]] + table(folder, m[2], m[3]) + ["<!-- end of table -->"])

    new = re.sub(r"(<!-- table: (\S+) (scratch|pretrained|planted) -->)\n.*?<!-- end of table -->", fill, text, flags=re.S)
    if new.count("<!-- table:") != len(re.findall(r"<!-- table: \S+ (?:scratch|pretrained|planted) -->\n", new)):
        sys.exit("results_tables.py: a marker is not <!-- table: NAME scratch -->, … pretrained --> or … planted -->")
    if check and new != text:
        sys.exit(f"results_tables.py: {page} has other numbers than {folder}: run it without --check")
    if not check:
        page.write_text(new)


if __name__ == "__main__":
    main(sys.argv[1:])
