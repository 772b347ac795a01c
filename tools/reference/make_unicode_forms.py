#!/usr/bin/env python3
"""Writes tests/fixtures/unicode_forms.json: what the reference's normal forms make of all of Unicode, as hashes.

    python3.11 tools/reference/make_unicode_forms.py

The reference is the Python package tokenizers, whose forms are those of Unicode 9. Python's unicodedata (3.11: Unicode 14) is asked
as well: where the two differ, the text must have a character that tokenizer/unicode_inert.h lists, or the script fails.

The texts: every code point by itself, in blocks of 4096; every starter of a canonical composition with every character that can be
second in one, next to it and behind others; every leading consonant and vowel of Hangul with all that stands around the trailing ones. A
text ends in a line feed, which nothing composes with. tests/test_unicode.c makes the same texts.
"""
import hashlib
import json
import pathlib
import re
import unicodedata as u

from tokenizers import normalizers

ROOT = pathlib.Path(__file__).resolve().parents[2]
FORMS = {"NFC": normalizers.NFC(), "NFD": normalizers.NFD(), "NFKC": normalizers.NFKC(), "NFKD": normalizers.NFKD()}
BETWEEN = ["", "\u0334", "\u0327", "\u0301", "\u0345", "\u11a7", "\u05b0", "\u1abf", "\u20dd", "\u0f71", "x"]
INERT = {chr(c) for lo, hi in re.findall(r"\{(0x\w+), (0x\w+)\}", (ROOT / "tokenizer/unicode_inert.h").read_text())
         for c in range(int(lo, 16), int(hi, 16) + 1)}
GROUP = 16


def pairs():
    """The firsts and the seconds of canonical compositions, Hangul's and some that never compose among them."""
    firsts, seconds = set(), set()
    for c in range(0x110000):
        parts = u.decomposition(chr(c)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            firsts.add(int(parts[0], 16))
            seconds.add(int(parts[1], 16))
    firsts |= {0x1100, 0x1112, 0x1113, 0xA960, 0xAC00, 0xAC01, 0xC8E0, 0xD788, 0xD7A3, 0xD7B0, 0x61, 0x3131, 0x20}
    seconds |= {*range(0x1160, 0x1178), *range(0x11A6, 0x11C5), 0xD7B0, 0xD7CB, 0x31BF, 0xFF9E, 0x0315, 0x05BF}
    return sorted(firsts), sorted(seconds)


def hashed(text):
    """The hash of each form of the text."""
    out = []
    for name, form in FORMS.items():
        made = form.normalize_str(text)
        if made != u.normalize(name, text):
            for line in text.split("\n"):
                if form.normalize_str(line) != u.normalize(name, line) and not INERT & set(line):
                    raise SystemExit(f"{name} of {line!a}: not what Unicode says, and no newer character in it")
        out.append("" if made == text else hashlib.sha256(made.encode()).hexdigest()[:16])
    return out


def main():
    firsts, seconds = pairs()
    lines = lambda items: "".join(i + "\n" for i in items)
    points = [hashed(lines(chr(c) for c in range(b, b + 0x1000) if not 0xD800 <= c < 0xE000)) for b in range(0, 0x110000, 0x1000)]
    compositions = [hashed(lines(chr(f) + b + chr(s) for f in firsts[i:i + GROUP] for s in seconds for b in BETWEEN))
                    for i in range(0, len(firsts), GROUP)]
    hangul = [hashed(lines(x + chr(t) for v in range(0x1161, 0x1176) for x in (chr(l) + chr(v), u.normalize("NFC", chr(l) + chr(v)))
                           for t in range(0x11A6, 0x11C5))) for l in range(0x1100, 0x1113)]
    doc = dict(forms=list(FORMS), firsts=firsts, seconds=seconds, between=BETWEEN, group=GROUP, points=points, compositions=compositions,
               hangul=hangul)
    text = ",\n".join(f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in doc.items())
    (ROOT / "tests/fixtures/unicode_forms.json").write_text("{" + text + "}\n")


main()
