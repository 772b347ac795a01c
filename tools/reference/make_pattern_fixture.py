#!/usr/bin/env python3
"""Writes tests/fixtures/patterns.json: what the reference's regular expressions (Oniguruma's, in Ruby's syntax) find where those of libpcre2
find another thing as they stand.

    python3 tools/reference/make_pattern_fixture.py

"patterns": a pattern and the first 16 digits of the SHA-256 of its matches in the texts, "BEGIN END\\n" in bytes, an empty line behind each
text. "sets": the same of one text, which has every code point but surrogates. tests/test_patterns.c compares. Needs the Python package
tokenizers.
"""
import hashlib
import json
import pathlib

from tokenizers import Regex, pre_tokenizers

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests/fixtures/patterns.json"
TEXTS = ["abcd 1234567 aab aaa aaaa aaaaa bb BB ab Ab AC ac bC C", "'s 'S 'ſ it'll K Kelvin straße ﬁ", "a.b;c-d_e f\tg\nh\r\ni\x0bj\x0ck\x85l\u2028m\u00a0n\u180eo\u200bp",
         "१२३ ²³ ½ Ⅳ ⓐ 🅰 \U0001e4d0 é é ̈ ा ् $+<=>^`|~ ¢ © 「」 、", "{x} ] } a{ a{x} [a] (b) a|b a+ .. -- _ / \x07\x1b A", "हिन्दी में लिखना, اللغة العربية جدًّا",
         "漢字かな交じり文\n\nb a\nb  \n", "ab"]
PATTERNS = [  # intervals
    r"\p{N}{1,3}+", r"\d{2}+3", r"(?:a{1,2}b?){1,2}+", r"a{2,3}?", r"(a{2})?b", r"a{2}?b", r"[ab]{2}?", r"a{,2}b", r"a{2,}", r"x{0}y", r"a{x}", r"a{", r"}|\{",
    r"[^\r\n\p{L}\p{N}]?+\p{L}++",  # escapes
    r"\b\w+", r"\w+\b", r"\Bb", r"\b", r"\v", r"[\v\t]", r"\f|\e|\a", r"\u0041|\x41|\x{62}|\101", r"(a)\1", r"(?<n>a)\k<n>", r"[\w\s]+", r"[^\w]", r"\W+", r"[\d.]+", r"\D+", r"\R",
    # groups and flags
    r"(?m:a.b)", r"(?m)h.+", r"h.+", r"(?i)'s|k", r"(?i:'s|’t|'ll)", r"(?i)[k-s]+", r"(?i)\p{Lu}+", r"(?>a+)b", r"(?<=a|b)c", r"(?<!a)b(?!\w)", r"^.", r".$", r".\Z", r"\A.",
    # sets
    r"[[:punct:]]+", r"[^[:punct:]\s]+", r"[[:^space:]]+", r"[]a]", r"[^]a]+", r"[a\]b]", r"[-a]", r"[ -~]+"]
SETS = [r"\w", r"[\w]", r"\s", r"\d", r"\h", r"[[:punct:]]", r"[[:space:]]", r"[[:digit:]]", r"[[:word:]]", r"[[:xdigit:]]", r"[[:cntrl:]]",
        r"[[:blank:]]", r"[[:ascii:]]", r"[^[:punct:]]", r"\p{L}", r"\P{L}", r"\p{^N}", r"\p{M}", r"\p{P}", r"\p{S}", r"\p{lu}", r"\p{Cf}", r"\p{Zs}", r"\p{Han}",
        r"\p{Hani}", r"\p{latin}", r"\p{Cyrillic}", r"\p{Common}", r"\p{Arabic}", r"\P{Hiragana}", r"\p{Any}", r"\p{White_Space}", r"(?i)[k-s]"]


def matches(pattern, text):
    bytes_before = [0]
    for c in text:
        bytes_before.append(bytes_before[-1] + len(c.encode()))
    cut = pre_tokenizers.Split(Regex(pattern), "removed", invert=True).pre_tokenize_str(text)
    return "".join(f"{bytes_before[a]} {bytes_before[b]}\n" for _, (a, b) in cut) + "\n"


def digits(pattern, texts):
    return hashlib.sha256("".join(matches(pattern, t) for t in texts).encode()).hexdigest()[:16]


def main():
    every = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)
    doc = dict(texts=TEXTS, patterns={p: digits(p, TEXTS) for p in PATTERNS}, sets={p: digits(p, [every]) for p in SETS})
    OUT.write_text(json.dumps(doc, indent=0) + "\n")


main()
