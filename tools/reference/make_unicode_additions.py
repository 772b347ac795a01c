#!/usr/bin/env python3
"""Writes tokenizer/unicode_additions.h: the characters that the reference's regular expressions know and libpcre2 10.42 (Unicode 14) does not.

    python3.11 tools/reference/make_unicode_additions.py > tokenizer/unicode_additions.h

Needs a Python whose unicodedata is Unicode 14 (3.11), and the Python package tokenizers.
"""
import unicodedata

from tokenizers import Regex, pre_tokenizers

assert unicodedata.unidata_version == "14.0.0"
NAMES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So".split()
NEW = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000 and unicodedata.category(chr(c)) == "Cn")

print("""/* unicode_additions.h: made by tools/reference/make_unicode_additions.py. Ranges of characters by general category that Unicode
 * has had since version 14, up to what the reference's regular expressions know (version 16). */
/* clang-format off */""")
for name in NAMES:
    cut = pre_tokenizers.Split(Regex(r"\p{%s}" % name), "removed").pre_tokenize_str(NEW)
    old = set("".join(part for part, _ in cut))
    ranges = []
    for c in (ord(ch) for ch in NEW if ch not in old):
        if ranges and ranges[-1][1] == c - 1:
            ranges[-1][1] = c
        else:
            ranges.append([c, c])
    line = ""
    for lo, hi in ranges:
        item = '{"%s", 0x%X, 0x%X}, ' % (name, lo, hi)
        if len(line + item) > 110:
            print(line.rstrip())
            line = ""
        line += item
    if line:
        print(line.rstrip())
print("/* clang-format on */")
