#!/usr/bin/env python3
"""Writes tokenizer/unicode_*.h: where the reference's Unicode is another than that of Debian 12's libraries.

    python3.11 tools/reference/make_unicode_additions.py

The first: characters that the reference's regular expressions know (Unicode 16) and libpcre2 10.42 (Unicode 14) does not, by category and (in a file
of its own) by script. The second: characters that Unicode 14 decomposes, composes or reorders and the reference's normal forms (Unicode 9) leave alone. The third:
punctuation that the reference's pre-tokeniser of that name does not know. Needs a Python whose unicodedata is Unicode 14 (3.11), and the
Python package tokenizers.
"""
import pathlib
import unicodedata as u

from tokenizers import Regex, normalizers, pre_tokenizers

assert u.unidata_version == "14.0.0"
HERE = pathlib.Path(__file__).resolve().parents[2] / "tokenizer"
SCRIPTS = dict(Arabic="Arab", Balinese="Bali", Common="Zyyy", Cyrillic="Cyrl", Devanagari="Deva", Egyptian_Hieroglyphs="Egyp", Han="Hani",
               Hiragana="Hira", Kannada="Knda", Katakana="Kana", Khitan_Small_Script="Kits", Khojki="Khoj", Lao="Laoo", Latin="Latn",
               Myanmar="Mymr")  # those that have grown; new ones libpcre2 refuses
NAMES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So".split()
ALL = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def ranges(chars):
    out = []
    for c in sorted(map(ord, chars)):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def write(name, what, items, between=", "):
    lines, line = [], ""
    for item in items:
        if len(line + item) > 110:
            lines.append(line.rstrip())
            line = ""
        line += item + between
    head = f"/* {name}: made by tools/reference/make_unicode_additions.py. {what} */\n/* clang-format off */\n"
    (HERE / name).write_text(head + "\n".join([*lines, line.rstrip()]) + "\n/* clang-format on */\n")


def additions(names):
    new = "".join(c for c in ALL if u.category(c) == "Cn")
    for name in names:
        cut = pre_tokenizers.Split(Regex(r"\p{%s}" % name), "removed").pre_tokenize_str(new)
        old = set("".join(part for part, _ in cut))
        for lo, hi in ranges(c for c in new if c not in old):
            for n in (name, SCRIPTS[name]) if name in SCRIPTS else (name,):
                yield '{"%s", 0x%X, 0x%X}' % (n, lo, hi)


def inert():
    nfd, nfkd, nfc = normalizers.NFD(), normalizers.NFKD(), normalizers.NFC()
    found = set()
    for c in ALL:
        marked = "a" + c + "\u0334"  # U+0334 goes before every mark of another class
        if nfkd.normalize_str(c) != u.normalize("NFKD", c) or nfd.normalize_str(marked) != u.normalize("NFD", marked):
            found.add(c)
        parts = u.normalize("NFD", c)
        if nfc.normalize_str(parts) != u.normalize("NFC", c):
            found.update(parts, c)
    return ["{0x%X, 0x%X}" % (lo, hi) for lo, hi in ranges(found)]


def unknown_punctuation():
    text = "".join(ALL)
    cut = lambda pre: set("".join(part for part, _ in pre.pre_tokenize_str(text)))
    marks = set(ALL) - cut(pre_tokenizers.Split(Regex(r"\p{P}"), "removed"))
    return ['"\\\\x{%X}-\\\\x{%X}"' % (lo, hi) for lo, hi in ranges(marks & cut(pre_tokenizers.Punctuation("removed")))]


write("unicode_additions.h", "Ranges of characters\n * by category that Unicode has had since version 14, up to version 16.", additions(NAMES))
write("unicode_scripts.h", "Ranges of characters\n * by script, and of Cf, that Unicode has had since version 14, up to version 16.", additions([*SCRIPTS, "Cf"]))
write("unicode_inert.h", "Ranges of characters\n * that Unicode has had since version 9 and that are part of normal forms.", inert())
write("unicode_unknown.h", "Ranges of punctuation\n * that the reference does not take for it, within a set of a pattern.", unknown_punctuation(), " ")
