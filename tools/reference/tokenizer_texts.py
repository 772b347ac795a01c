"""Texts that tokenizers disagree on: all scripts, emoji, combining marks, white space, digits, code, special tokens."""
import random

SCRIPTS = [
    "The quick brown fox jumps over the lazy dog", "naïve café Ångström Œuvre straße ĳ ﬁ ſ K", "Съешь же ещё этих мягких булок",
    "Ξεσκεπάζω την ψυχοφθόρα", "עברית שפה שמית", "اللغة العربية جميلة جدًّا", "हिन्दी में लिखना", "ภาษาไทยไม่มีช่องว่าง",
    "日本語のテキストです。カタカナ", "中文字符没有空格", "한국어 텍스트 조합", "한글 자모", "தமிழ் எழுத்து",
    "ქართული ენა", "Հայերեն լեզու", "አማርኛ", "বাংলা ভাষা", "ᏣᎳᎩ", "ཧོ་བོད་ཡིག", "မြန်မာ", "ខ្មែរ", "ⅣⅫ ①② ½ ٣٤٥ ๑๒ 𝟘𝟙 Ⓐⓑ",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈𐌰 𒀀𒁀", "ｆｕｌｌｗｉｄｔｈ ｶﾞｷﾞ ﾊﾟ", "Việt Nam tiếng Việt",
]
EMOJI = ["😀", "👩‍👩‍👧", "👍🏽", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "☃", "1️⃣", "👨‍💻", "\U0001fae0"]
SPACES = [" ", "  ", "   ", "    ", "\t", "\n", "\r\n", "\n\n", " \n ", "\t\t\n", "\u00a0", "\u2003", "\u3000", "\u200b", "\u2028",
          "\u1680", "\u180e", "\x0b", "\x0c", "\x85", " " * 17, "\n" * 9, "\ufeff", "\u200d", "\u200c"]
MARKS = ["e\u0301", "a\u0308\u0323", "a\u0323\u0308", "\u0301", "o\u0304\u0328", "\u212b", "\u1e9b\u0323", "q\u0307\u0323",
         "\uac00\u11a8", "\u1100\u1161\u11a8", "\u0344", "\u0958", "\ufb1d", "\u2126", "\u304b\u3099", "\uff76\uff9e", "\ufdfa", "\u0130"]
WORDS = ["don't", "I'll", "WE'RE", "they'Ve", "it's", "'S", "'ſ", "x=1;", "foo_bar", "camelCase", "HTTPServer", "if(a[i]!=b){", "//--==>",
         "$12,345.67", "3.14159", "0x1F", "user@example.com", "https://a.b/c?d=e&f#g", "...", "!!!???", "—", "“quoted”", "«»", "▁", "▁▁a", "Ġ", "ĊĊ"]
SPECIAL = ["<|endoftext|>", "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<s>", "</s>", "<unk>", "<bos>", "<eos>", "<pad>", "<0x41>",
           "<|padding|>", "<|", "|>", "<|endoftext", "<mask>", "<unused3>", "RWKV", "assistant", "user", "<|im_start|>"]


def piece(r):
    k = r.randrange(12)
    if k < 2:
        words = r.choice(SCRIPTS).split(" ")
        return " ".join(words[: r.randrange(1, len(words) + 1)])
    if k == 2:
        return r.choice(EMOJI) * r.choice([1, 1, 1, 2, 3])
    if k < 5:
        return r.choice(SPACES)
    if k == 5:
        return r.choice(MARKS)
    if k < 8:
        return r.choice(WORDS)
    if k == 8:
        return r.choice(SPECIAL)
    if k == 9:
        return "".join(r.choice("0123456789") for _ in range(r.randrange(1, 40)))
    if k == 10:
        return "".join(chr(r.choice([r.randrange(0x20, 0x7F), r.randrange(0xA0, 0x250), r.randrange(0x250, 0x2000)]))
                       for _ in range(r.randrange(1, 12)))
    # Any character, private ones and unassigned ones too.
    cps = [c for c in (r.randrange(1, 0x11_0000 if r.random() < 0.2 else 0x3_0000) for _ in range(r.randrange(1, 8)))]
    return "".join(chr(c) for c in cps if not 0xD800 <= c < 0xE000)


def make(n, seed=1):
    r = random.Random(seed)
    fixed = ["", " ", "a", "\n", "\t \t", *SCRIPTS, *EMOJI, *MARKS, *WORDS, *SPECIAL, *(f"a{s}b" for s in SPACES), *SPACES,
             *(f"a {s} b" for s in SPECIAL), *(f"{s}{s}" for s in SPECIAL), *(f"{m}{m}x{m}" for m in MARKS)]
    out = fixed[:n]
    while len(out) < n:
        out.append("".join(piece(r) + r.choice(["", " ", " "]) for _ in range(r.randrange(1, 20))))
    return out


def long_texts(length=100_000):
    """Without a space, which must not cost the square of the length."""
    r = random.Random(2)
    return ["a" * length, "".join(r.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(length)), "0123456789" * (length // 10),
            "日本語テキスト" * (length // 21), " " * length, "\u0301\u0323" * (length // 4), "-=" * (length // 2), "\n" * length]


INVALID = [b"\xff", b"ab\xc3(", b"\xe6\x9d", b"ok \xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"abc\x80"]
