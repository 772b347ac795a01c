#!/usr/bin/env python3
"""Writes tests/fixtures/tokenizer/: a tiny tokenizer.json of every style, texts, and what `tokenizers` makes of them.

    python3 tools/reference/make_tokenizer_fixtures.py [--tokenizers ../shared/tokenizers]

texts.json is a list of texts. NAME.json is {"tokenizer": the tokenizer.json, "ids": ids of every text as a string, "decoded": the text that the ids
decode to where that is not the text itself, null else}. real.json holds ids under the tokenizers in --tokenizers, which are not ours to ship.
"""
import argparse
import json
import pathlib

import tokenizer_texts
from check_tokenizers import ROOT, reference
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

OUT = ROOT / "tests/fixtures/tokenizer"
GPT4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CORPUS = [" ".join(tokenizer_texts.SCRIPTS[:3]), "don't stop 1234 times, they're  here\n\n  if (x) { return 2; }"] * 3 + [
    "Ada Abbott stars in a film with Bela Quimby. The quick brown foxes jumped over the lazier dogs in the hall", "日本語の 日本 中文字符"] * 4


def bpe(**settings):
    return Tokenizer(models.BPE(**settings))


def trained(tok, vocab, alphabet=(), special=()):
    tok.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=vocab, initial_alphabet=list(alphabet), special_tokens=list(special),
                                                        show_progress=False))
    return tok


def byte_level(pre, vocab=330, **settings):
    tok = bpe(**settings)
    tok.pre_tokenizer = pre
    tok.decoder = decoders.ByteLevel()
    return trained(tok, vocab, pre_tokenizers.ByteLevel.alphabet())


def gpt2():
    tok = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    tok.add_special_tokens([AddedToken("<|endoftext|>", normalized=False, special=True)])
    doc = json.loads(tok.to_str())
    doc["model"]["merges"] = [" ".join(m) for m in doc["model"]["merges"]]  # as older files have them
    return doc


def llama3():
    tok = byte_level(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(GPT4), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]))
    tok.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ("<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>")])
    tok.add_tokens([AddedToken("<mask>", lstrip=True, normalized=False), AddedToken("user", single_word=True), AddedToken("<pad>", rstrip=True)])
    bos = ("<|begin_of_text|>", tok.token_to_id("<|begin_of_text|>"))
    tok.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True),
                                              processors.TemplateProcessing(single="<|begin_of_text|> $A", special_tokens=[bos])])
    doc = json.loads(tok.to_str())
    doc["model"]["ignore_merges"] = True
    return doc


def smollm():
    tok = byte_level(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]))
    tok.normalizer = normalizers.NFC()
    tok.add_special_tokens(["<|endoftext|>", "<|im_start|>"])
    tok.add_tokens([AddedToken("  ", normalized=True), AddedToken("    ", normalized=True), AddedToken("caf\u00e9", normalized=True)])
    return json.loads(tok.to_str())


def mixed():
    tok = byte_level(pre_tokenizers.Sequence([pre_tokenizers.Split("-", "removed"), pre_tokenizers.Punctuation("contiguous"),
                                              pre_tokenizers.Split(Regex(r"\w+"), "merged_with_next", invert=True),
                                              pre_tokenizers.Digits(), pre_tokenizers.ByteLevel(add_prefix_space=True)]))
    tok.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex(r"\s{2,}"), " "),
                                           normalizers.Replace("fox", "cat")])
    tok.add_tokens([AddedToken("Foo", normalized=True), AddedToken("user", normalized=True, lstrip=True, rstrip=True)])
    return json.loads(tok.to_str())


def falcon():
    """Steps after ByteLevel, which see bytes as characters."""
    tok = byte_level(pre_tokenizers.Sequence([pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False),
                                              pre_tokenizers.Digits(), pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")]), vocab=300)
    return json.loads(tok.to_str())


def fallback(doc):
    """A vocabulary with <unk>, <s>, </s> and the 256 bytes before what was trained."""
    old = sorted((i, t) for t, i in doc["model"]["vocab"].items())
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)] + [t for _, t in old if t not in ("<unk>", "<s>", "</s>")]
    doc["model"].update(vocab={t: i for i, t in enumerate(pieces)}, byte_fallback=True, fuse_unk=True, unk_token="<unk>")
    doc["added_tokens"] = [{"id": i, "content": pieces[i], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                            "special": True} for i in range(3)]
    return doc


def gemma():
    tok = bpe(unk_token="<unk>")
    tok.normalizer = normalizers.Replace(" ", "▁")
    tok.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")  # for training alone
    trained(tok, 230)
    doc = fallback(json.loads(tok.to_str()))
    doc["pre_tokenizer"] = None
    doc["decoder"] = {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
                                                       {"type": "Fuse"}]}
    return doc


def llama2():
    doc = gemma()
    doc["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, doc["normalizer"]]}
    doc["decoder"]["decoders"].append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    doc["post_processor"] = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                             "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                             "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}
    return doc


def metaspace(scheme="first", fuse=False):
    tok = bpe(unk_token="<unk>", fuse_unk=fuse)
    tok.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=scheme == "first")
    tok.decoder = decoders.Metaspace(prepend_scheme=scheme)
    if scheme == "always":
        tok.normalizer = normalizers.NFKD()
    trained(tok, 230, special=["<unk>", "<s>", "</s>"])
    return json.loads(tok.to_str())


def words():
    tok = bpe(unk_token="<unk>", fuse_unk=True)
    tok.normalizer = normalizers.NFD()
    tok.pre_tokenizer = pre_tokenizers.Whitespace()
    trained(tok, 230, special=["<unk>"])
    tok.add_tokens([AddedToken("<mask>", lstrip=True, rstrip=True)])
    return json.loads(tok.to_str())


def write(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def expected(ref, texts):
    ids = [ref.encode(t) for t in texts]
    decoded = [ref.decode(i) for i in ids]
    return {"ids": [" ".join(map(str, i)) for i in ids], "decoded": [None if d == t else d for d, t in zip(decoded, texts)]}


class Plain:
    def __init__(self, doc):
        self.tok = Tokenizer.from_str(json.dumps(doc))

    def encode(self, text):
        return self.tok.encode(text).ids

    def decode(self, ids):
        return self.tok.decode(ids, skip_special_tokens=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--tokenizers", type=pathlib.Path, default=ROOT / "../shared/tokenizers")
    args = p.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    fixed = [t for t in tokenizer_texts.make(218) if len(t) < 120]
    texts = fixed + [t for t in tokenizer_texts.make(1200, seed=3)[218:] if len(t) < 40][:100]
    write(OUT / "texts.json", texts)
    styles = {"gpt2": gpt2(), "llama3": llama3(), "smollm": smollm(), "mixed": mixed(), "falcon": falcon(), "gemma": gemma(), "llama2": llama2(),
              "metaspace_first": metaspace(), "metaspace_always": metaspace("always", True), "words": words()}
    for name, doc in styles.items():
        write(OUT / f"{name}.json", {"tokenizer": doc, **expected(Plain(doc), texts)})
    real = texts[:: 6]
    write(OUT / "real.json", {"texts": real, **{d.name: expected(reference(d), real)["ids"] for d in sorted(args.tokenizers.iterdir())}})


if __name__ == "__main__":
    main()
