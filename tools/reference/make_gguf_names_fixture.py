#!/usr/bin/env python3
"""Writes tests/fixtures/tokenizer/gguf_names.json, for tests/test_gguf_names.c: for every name of a GGUF's pre-tokenizer that graftkit knows
what the tokenizer.json that it stands for makes of some texts, by `tokenizers`.

    python3 tools/reference/make_gguf_names_fixture.py

The normaliser, the pre-tokeniser and ignore_merges are those of the file named beside each; the vocabulary is one for all, small, and trained without
a pattern, so that its merges go across words, digits and line ends and every cut is seen. "<bos>" and "<|word|>" are added tokens. "only" is a piece that
no merges make: it is found where a word that is a piece is taken whole.
"""
import json

import tokenizer_texts
from check_tokenizers import ROOT
from make_tokenizer_fixtures import CORPUS
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

OUT = ROOT / "tests/fixtures/tokenizer/gguf_names.json"
ONLY = "Ġonly"
GPT4 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CASE = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+END|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
        r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*END|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
ENDINGS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
HAN = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
# The letters that deepseek-llm's file lists, as ranges of code points.
CASED = """41-5a 61-7a b5 c0-d6 d8-f6 f8-1ba 1bc-1bf 1c4-293 295-2af 370-373 376 377 37b-37d 37f 386 388-38a 38c 38e-3a1 3a3-3f5 3f7-481 48a-52f
531-556 10a0-10c5 13a0-13f5 13f8-13fd 1c90-1cba 1cbd-1cbf 1d00-1d2b 1d6b-1d77 1d79-1d9a 1e00-1f15 1f18-1f1d 1f20-1f45 1f48-1f4d 1f50-1f57 1f59 1f5b
1f5d 1f5f-1f7d 1f80-1fb4 1fb6-1fbc 1fbe 1fc2-1fc4 1fc6-1fcc 1fd0-1fd3 1fd6-1fdb 1fe0-1fec 1ff2-1ff4 1ff6-1ffc 2102 2107 210a-2113 2115 2119-211d
2124 2126 2128 212a-212d 212f-2134 2139 213c-213f 2145-2149 214e 2183 2184 2c00-2c7b 2c7e-2ce4 2ceb-2cee 2cf2 2cf3 a640-a66d a680-a69b a722-a76f
a771-a787 a78b-a78e ab70-abbf fb00-fb06 fb13-fb17 ff21-ff3a ff41-ff5a 10400-1044f 104b0-104d3 104d8-104fb 10c80-10cb2 10cc0-10cf2 118a0-118df
1e900-1e943""".split()
TEXTS = ["I only've 12345 of THEM, DON'T you'LL see?\r\n\n  x = 1/2;\n\t// 1931-2024\n", "Cafe\u0301 at night, \u00c5ngstr\u00f6m \u212b", "HTTPServer's camelCase iPhone15 and/or\n/usr",
         "only only  only", "a  \n b \r\n\r\n c\t\td   ", "१२३४ ½ Ⅻ ٣٤٥٦ ﹏ 。、「」 ～！", "中文一二 한국어123 日本語のカタカナ", "ῳ Ω K ǅ ⴀ Ꞑ 𐐀𞤀 ſ", "<|word|>x <|word|> only<|word|>\n",
         "`code` $x^2 + y_2 <= ~3 | \\ @#%& ``` \"quoted\""]


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def sequence(*steps):
    return pre_tokenizers.Sequence(list(steps))


def words(pattern):
    return sequence(split(pattern), pre_tokenizers.ByteLevel(False, use_regex=False))


def deepseek(*patterns):
    return sequence(*map(split, patterns), pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False, use_regex=False))


def letters():
    return "[" + "".join("-".join(chr(int(x, 16)) for x in r.split("-")) for r in CASED) + "]"


BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False)
DIGITS = sequence(pre_tokenizers.Digits(individual_digits=True), BYTES)
FALCON = sequence(pre_tokenizers.Punctuation("contiguous"), BYTES, pre_tokenizers.Digits(individual_digits=False), split("[0-9][0-9][0-9]"))
# names; the tokenizer.json; pre-tokeniser, NFC, ignore_merges, BOS where the file does not say
NAMES = [
    (["gpt-2", "phi-2"], "openai-community/gpt2, microsoft/phi-2", BYTES, False, False, False),
    (["olmo", "mpt"], "allenai/OLMo-1.7-7B-hf, EleutherAI/pythia-70m, mosaicml/mpt-7b", BYTES, True, False, False),
    (["smollm", "starcoder", "refact"], "HuggingFaceTB/SmolLM-135M, bigcode/starcoder2-3b, smallcloudai/Refact-1_6B-fim", DIGITS, False, False, False),
    (["command-r"], "CohereForAI/c4ai-command-r-v01", DIGITS, True, False, False),
    (["llama-bpe", "llama3", "llama-v3"], "meta-llama/Meta-Llama-3-8B", words(GPT4.replace("DIGITS", r"\p{N}{1,3}")), False, True, True),
    (["dbrx", "smaug-bpe"], "databricks/dbrx-base, abacusai/Smaug-Llama-3-70B-Instruct", words(GPT4.replace("DIGITS", r"\p{N}{1,3}")), False, False, False),
    (["qwen2", "deepseek-r1-qwen"], "Qwen/Qwen1.5-7B, deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", words(GPT4.replace("DIGITS", r"\p{N}")), True, False, False),
    (["tekken"], "mistralai/Mistral-Nemo-Base-2407", words(CASE.replace("END", "").replace("DIGITS", r"\p{N}")), False, True, True),
    (["gpt-4o"], "Xenova/gpt-4o", words(CASE.replace("END", ENDINGS).replace("DIGITS", r"\p{N}{1,3}")), False, False, False),
    (["falcon"], "tiiuae/falcon-7b", FALCON, False, False, False),
    (["deepseek-coder"], "deepseek-ai/deepseek-coder-6.7b-base", deepseek("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", HAN), False, False, False),
    (["deepseek-llm"], "deepseek-ai/deepseek-llm-7b-base",
     deepseek("[\r\n]", r"\s?" + letters() + "+", r"\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+", r"\s+$", HAN), False, False, False),
]


def vocabulary():
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(False, use_regex=False)
    tok.train_from_iterator(CORPUS + TEXTS * 2 + tokenizer_texts.make(400, seed=9),
                            trainers.BpeTrainer(vocab_size=900, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False, max_token_length=6))
    doc = json.loads(tok.to_str())["model"]
    pieces = sorted(doc["vocab"], key=doc["vocab"].get)
    drop = ONLY  # reached by no merge
    merges = [m for m in doc["merges"] if "".join(m) != drop]
    return [p for p in pieces if p != drop] + [drop], merges


def main():
    pieces, merges = vocabulary()
    ids = {p: i for i, p in enumerate(pieces)}
    made = {a + b for a, b in merges}
    assert ONLY not in made
    texts = TEXTS + [t for t in tokenizer_texts.make(900, seed=4) if 0 < len(t) < 90][::4][:60]
    groups = []
    for names, of, pre, nfc, whole, bos in NAMES:
        tok = Tokenizer(models.BPE(ids, [tuple(m) for m in merges], ignore_merges=whole))
        tok.pre_tokenizer, tok.decoder = pre, decoders.ByteLevel()
        if nfc:
            tok.normalizer = normalizers.NFC()
        tok.add_special_tokens([AddedToken("<bos>", normalized=False, special=True)])
        tok.add_tokens([AddedToken("<|word|>", normalized=False)])
        first = [tok.token_to_id("<bos>")] * bos
        groups.append({"names": names, "of": of, "ids": [" ".join(map(str, first + tok.encode(t).ids)) for t in texts]})
    same = [(a["names"][0], b["names"][0]) for a in groups for b in groups if a is not b and a["ids"] == b["ids"]]
    assert not same, same
    doc = {"pieces": pieces, "merges": [" ".join(m) for m in merges], "texts": texts, "groups": groups}
    OUT.write_text(json.dumps(doc, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(OUT, OUT.stat().st_size, len(pieces), len(texts))


main()
