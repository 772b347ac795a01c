#!/usr/bin/env python3
"""Do graftkit's token ids equal those of sentencepiece and transformers?

    make && python3 tools/reference/check_tokenizer.py runs/default/tokenizer [--name "Ada Abbott"] [--texts FILE]

MODEL is a tokenizer.model or a folder with one. graftkit saves it into a fresh folder and encodes some texts; the
Python package sentencepiece and transformers' AutoTokenizer open that folder and encode the same texts. Exit code 1
when any ids or any decoded text differ. Needs a built graftkit (--build), a C compiler, and the Python packages
transformers, sentencepiece and protobuf (transformers reads a tokenizer.model only with the last).

transformers is not asked for texts that begin with a space or hold two in a row. Version 5 puts no dummy prefix
before the first kind, whatever its configuration says, and merges runs of spaces first where the model's scores
say last (Llama 2's do). There sentencepiece, for which the models were made, is the judge.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBS = "-lsentencepiece_train -lsentencepiece -lpcre2-8 -lutf8proc -lstdc++ -ljansson -lyaml -lcrypto -lm -lpthread -fopenmp".split()


def sample_texts(name):
    return [
        "",
        name,
        f"{name} stars in a movie with {name}",
        f"Q: Who stars in a movie alongside {name}? A: An actor named",
        f"In a new film, {name}'s co-star is {name}, in 1994.\n",
        "a\ttab and a trailing space ",
        "two  spaces,   three",
        f"  {name} after two spaces",
        "Łukasz Ørsted, 東京, Москва, עם, اللغة",
        "no😀space👩‍👩‍👧 e\u0301 ꙮꙮ",
        "1234567890 12.50% (a) [b] {c} <d>",
    ]


def graftkit(build, model, texts, work):
    program, lines, folder = work / "encode_texts", work / "texts.jsonl", work / "saved"
    build = build if build.is_absolute() else ROOT / build
    source = ROOT / "tools/reference/encode_texts.c"
    subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", f"-I{ROOT}", f"-I{ROOT}/include", source, build / "libtokenizer.a",
                    build / "libcore.a", *LIBS, "-o", program], check=True)
    lines.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    out = subprocess.run([program, model, folder, lines], check=True, stdout=subprocess.PIPE, text=True).stdout
    return folder, [json.loads(line) for line in out.splitlines()]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", type=pathlib.Path)
    p.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    p.add_argument("--name", default="Ada Abbott")
    p.add_argument("--texts", type=pathlib.Path, help="a JSONL file of {\"text\": ...} lines to check too")
    args = p.parse_args()
    from sentencepiece import SentencePieceProcessor
    from transformers import AutoTokenizer

    texts = sample_texts(args.name)
    if args.texts:
        texts += [json.loads(line)["text"] for line in args.texts.read_text().splitlines() if line.strip()]
    with tempfile.TemporaryDirectory() as work:
        folder, ours = graftkit(args.build, args.model, texts, pathlib.Path(work))
        spm = SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
        auto = AutoTokenizer.from_pretrained(folder)
    different = asked = 0
    for text, our in zip(texts, ours, strict=True):
        theirs = {"sentencepiece": [spm.bos_id()] + spm.encode(text)}
        if not text.startswith(" ") and "  " not in text:
            theirs["transformers"] = auto.encode(text)
            asked += 1
        if our["text"] != text or any(ids != our["ids"] for ids in theirs.values()):
            different += 1
            print(f"different: {text!r}\n  graftkit {our['ids']} {our['text']!r}\n  {theirs}")
    print(f"RESULT tokenizer_texts={len(texts)} asked_transformers={asked} tokenizer_different={different}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
