#!/usr/bin/env python3
"""Writes tests/fixtures/tokenizer/beside.json and beside.model: folders with side files, and what AutoTokenizer makes of texts in them.

    python3 tools/reference/make_beside_fixtures.py

beside.model is a small sentencepiece model, and the vocabularies of the others are those of gpt2.json and llama3.json there. The side
files are the named ones below, and some by chance, as check_beside.py makes them. Needs the packages transformers, sentencepiece, protobuf.
"""
import json
import os
import pathlib
import random
import tempfile

import check_beside

os.environ.update(TRANSFORMERS_VERBOSITY="error", HF_HUB_OFFLINE="1")
OUT = pathlib.Path(__file__).resolve().parents[2] / "tests/fixtures/tokenizer"
E = "<|endoftext|>"
GPT2 = dict(tokenizer_class="GPT2Tokenizer")
LLAMA = dict(tokenizer_class="LlamaTokenizer", add_bos_token=True)
PLAIN = dict(tokenizer_class="PreTrainedTokenizerFast")
TEXTS = ["<actor>Ada Vale<film>The Long Night", "who is <actor> Ada?", "a <pad> b <|im_end|>\n</s> the stars", "the stars", "aAda b Ada Vale"]


def token(content, **kw):
    return dict(dict(content=content, lstrip=False, rstrip=False, normalized=False, single_word=False, special=True), **kw)


def named():
    """(kind, tokenizer_config.json, special_tokens_map.json, added_tokens.json, model type)"""
    two = {"<actor>": 0, "<film>": 1}
    for kind, base in (("gpt2", GPT2), ("spm", LLAMA), ("json", PLAIN)):
        n = SIZES[kind]
        at = lambda t, first=n: {k: first + v for k, v in t.items()}
        yield kind, base, None, at(two), None
        yield kind, base, None, at(two, n + 9), None
        yield kind, base, None, {"<film>": n, "<actor>": n + 30}, None
        yield kind, dict(base, added_tokens_decoder={str(n + 5): token("<film>", special=False), str(n + 2): token("<actor>", rstrip=True)}), None, None, None
        yield kind, dict(base, added_tokens_decoder={str(n): token("Ada", single_word=True, special=False)}), {"eos_token": "<film>"}, at(two), None
        yield kind, dict(base, pad_token="<pad>", additional_special_tokens=["<film>", "<actor>"]), None, None, None
        yield kind, dict(base, extra_special_tokens={"image_token": "<actor>"}, video_token="<film>"), None, None, None
        yield kind, base, {"eos_token": "<|im_end|>", "pad_token": token("<pad>", lstrip=True) | {"special": False}, "additional_special_tokens": ["<film>"]}, None, None
        yield kind, dict(base, eos_token="<|im_end|>", split_special_tokens=True, additional_special_tokens=["<film>"]), None, at({"<actor>": 0}), None
        yield kind, dict(base, eos_token=token("<|im_end|>", lstrip=True, rstrip=True) | {"__type": "AddedToken"}), None, None, None
        yield kind, dict(base, add_prefix_space=True), None, at(two), None
        yield kind, dict(base, add_prefix_space=False), None, at(two), None
    for extra in (dict(legacy=True), dict(legacy=False), dict(legacy=True, add_prefix_space=False)):
        yield "spm", dict(LLAMA, **extra), None, {"<actor>": SIZES["spm"], "<film>": SIZES["spm"] + 1}, None
        yield "spm", dict(PLAIN, add_bos_token=True, **extra), None, {"<actor>": SIZES["spm"], "<film>": SIZES["spm"] + 1}, None
    yield "spm", dict(LLAMA, add_bos_token=False), None, None, None
    yield "gpt2", dict(GPT2, add_bos_token=True), None, None, None
    yield "gpt2", dict(tokenizer_class="GPTNeoXTokenizer"), None, None, "gpt_neox"
    yield "gpt2", dict(tokenizer_class="Qwen2Tokenizer"), None, None, "qwen2"
    yield "gpt2", None, None, {"<actor>": SIZES["gpt2"]}, "gpt2"
    yield "gpt2", dict(tokenizer_class="GPT2TokenizerFast", bos_token=None), None, None, None


SIZES = {}


def write_base(folder, kind):
    if kind == "spm":
        os.symlink(OUT / "beside.model", folder / "tokenizer.model")
        return
    tok = json.loads((OUT / ("gpt2.json" if kind == "gpt2" else "llama3.json")).read_text())["tokenizer"]
    if kind == "json":
        (folder / "tokenizer.json").write_text(json.dumps(tok))
        return
    merges = [m if isinstance(m, str) else " ".join(m) for m in tok["model"]["merges"]]
    (folder / "vocab.json").write_text(json.dumps(tok["model"]["vocab"]))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")


def reference(kind, files, texts):
    """What AutoTokenizer makes of them, or None."""
    from transformers import AutoTokenizer
    with tempfile.TemporaryDirectory() as d:
        d = pathlib.Path(d)
        write_base(d, kind)
        for name, content in files.items():
            (d / name).write_text(json.dumps(content))
        try:
            t = AutoTokenizer.from_pretrained(d)
        except ValueError:
            return None
        ids = [t(x)["input_ids"] for x in texts]
        return dict(ids=ids, decoded=[t.decode(i, skip_special_tokens=True) for i in ids], eos=-1 if t.eos_token_id is None else t.eos_token_id)


def case(kind, config, roles, added, model_type, texts):
    files = {"tokenizer_config.json": config, "special_tokens_map.json": roles, "added_tokens.json": added,
             "config.json": {"model_type": model_type or {"gpt2": "gpt2"}.get(kind, "llama")}}
    files = {k: v for k, v in files.items() if v is not None}
    made = reference(kind, files, texts)
    return made and dict(kind=kind, files=files, texts=texts, **made)


def by_chance(kind, like, count):
    """`count` folders whose files are made as check_beside.py makes them; no id takes the place of a piece."""
    done = i = 0
    while done < count:
        r = random.Random(f"{kind} {i}")
        i += 1
        own = json.loads((OUT / "llama3.json").read_text())["tokenizer"]["added_tokens"] if kind == "json" else []
        config, roles, added = check_beside.side_files(r, like, SIZES[kind], own)
        if kind == "spm":
            config = dict(dict(add_bos_token=True), **(config or {}))
        if any(int(k) < SIZES[kind] for k in (config or {}).get("added_tokens_decoder", {})) and kind == "spm":
            continue
        words = ["the stars", "Ada Vale", "in the film", "a", "<film>", *check_beside.NEW, *check_beside.OLD[like]]
        texts = [" ".join(r.choice(words) + r.choice(["", "", "b"]) + r.choice(words) for _ in range(4)) for _ in range(4)]
        if kind == "spm":
            texts = [t for t in texts if "  " not in t and "▁" not in t and not t.startswith(" ")]
        made = case(kind, config, roles, added, None, texts)
        if made and texts:
            done += 1
            yield made


def main():
    from sentencepiece import SentencePieceTrainer
    names = ["Ada Vale", "the stars", "in the film", "who is", "The Long Night"]
    text = [f"{a} {b} {c}." for a in names for b in names for c in names]
    SentencePieceTrainer.train(sentence_iterator=iter(text), model_prefix=str(OUT / "beside"), vocab_size=330, model_type="bpe", byte_fallback=True,
                               normalization_rule_name="identity", remove_extra_whitespaces=False, minloglevel=3, hard_vocab_limit=False)
    (OUT / "beside.vocab").unlink()
    SIZES.update(spm=330, **{k: len(json.loads((OUT / f"{f}.json").read_text())["tokenizer"]["model"]["vocab"]) for k, f in (("gpt2", "gpt2"), ("json", "llama3"))})
    cases = [c for n in named() if (c := case(*n, TEXTS))]
    for kind, like in (("gpt2", "gpt2"), ("spm", "llama2"), ("json", "llama3")):
        cases += by_chance(kind, like, 12)
    (OUT / "beside.json").write_text("[" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "]\n")
    print(f"{len(cases)} folders")


if __name__ == "__main__":
    main()
