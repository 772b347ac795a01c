#!/usr/bin/env python3
"""Do graftkit's ids and decoded texts equal those of `tokenizers` and `sentencepiece`, for every tokenizer at hand?

    make && python3 tools/reference/check_tokenizers.py [--tokenizers ../shared/tokenizers] [--texts 2500] [NAME…]

Every folder under --tokenizers is one: a tokenizer.json, a tokenizer.model, or GPT-2's vocab.json and merges.txt; a folder or file
given as NAME is one too. Without a NAME so are tiny ones of the kinds that model families publish, which tokenizer_kinds.py makes.
Of two cuts with the same sum of scores releases of sentencepiece take one or the other: such ids of a Unigram model are no difference, and
are counted. Folders with more beside them are check_beside.py's. Exit code 1 when any ids or any decoded text differ, when spans do not tile a text (encode_texts.c looks), or
when a text that is not UTF-8 is taken. Needs a built graftkit, a C compiler, and the Python packages tokenizers, sentencepiece and protobuf.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import tokenizer_kinds
import tokenizer_texts

os.environ["TOKENIZERS_PARALLELISM"] = "false"
ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBS = "-lsentencepiece_train -lsentencepiece -lpcre2-8 -lutf8proc -lstdc++ -ljansson -lyaml -lcrypto -lm -lpthread -fopenmp".split()


def build_helper(build, work):
    program = work / "encode_texts"
    subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", f"-I{ROOT}", f"-I{ROOT}/include", ROOT / "tools/reference/encode_texts.c", build / "libtokenizer.a",
                    build / "libcore.a", *LIBS, "-o", program], check=True)
    return program


class Sentencepiece:
    def __init__(self, model):
        from sentencepiece import SentencePieceProcessor
        self.spm = SentencePieceProcessor(model_file=str(model))

    def encode(self, text):
        return [self.spm.bos_id()] + self.spm.encode(text)

    def inner(self, text):
        return self.spm.encode(text)

    def decode(self, ids):
        return self.spm.decode(ids)

    def is_tie(self, text, ours):
        """Whether these ids are as good as the reference's."""
        from sentencepiece import sentencepiece_model_pb2
        model = sentencepiece_model_pb2.ModelProto.FromString(self.spm.serialized_model_proto())
        if model.trainer_spec.model_type != model.trainer_spec.UNIGRAM or not ours:
            return False
        best = sum(map(self.spm.get_score, self.encode(text)))
        return self.decode(ours) == self.decode(self.encode(text)) and abs(sum(map(self.spm.get_score, ours)) - best) < 1e-5 * abs(best)


class Tokenizers:
    def __init__(self, tokenizer):
        self.tok = tokenizer

    def encode(self, text):
        return self.tok.encode(text).ids

    def inner(self, text):
        return self.tok.encode(text, add_special_tokens=False).ids

    def decode(self, ids):
        return self.tok.decode(ids, skip_special_tokens=True)

    def is_tie(self, text, ours):
        return False


def reference(path):
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    if path.is_file():
        return Tokenizers(Tokenizer.from_file(str(path))) if path.suffix == ".json" else Sentencepiece(path)
    if (path / "tokenizer.json").exists():
        return Tokenizers(Tokenizer.from_file(str(path / "tokenizer.json")))
    if (path / "tokenizer.model").exists():
        return Sentencepiece(path / "tokenizer.model")
    tok = Tokenizer(models.BPE.from_file(str(path / "vocab.json"), str(path / "merges.txt")))
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.add_special_tokens([AddedToken("<|endoftext|>", normalized=False, special=True)])
    return Tokenizers(tok)


def compare(path, program, texts, work, show):
    lines = work / "texts.jsonl"
    rows = [{"hex": t.encode().hex()} for t in texts] + [{"hex": b.hex()} for b in tokenizer_texts.INVALID]
    lines.write_text("".join(json.dumps(r) + "\n" for r in rows))
    run = subprocess.run([program, path, "-", lines], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode != 0:
        print(f"{path.name}: {run.stderr.strip()}")
        return 1
    ours = [json.loads(line) for line in run.stdout.split("\n") if line]
    ref, different, ties = reference(path), 0, 0
    for text, our in zip(texts, ours):
        ids = ref.encode(text)
        want = {"ids": ids, "text": ref.decode(ids).split("\0")[0]}
        if "drops the whole text" in our.get("error", "") and not ref.inner(text):
            continue  # the spans of no ids cannot tile a text, so graftkit says so
        if our != want and ref.is_tie(text, our.get("ids")):
            ties += 1
        elif our != want:
            different += 1
            if different <= show:
                print(f"{path.name}: different: {text[:200]!r}\n  graftkit  {str(our)[:600]}\n  reference {str(want)[:600]}")
    accepted = sum("UTF-8" not in our.get("error", "") for our in ours[len(texts):])
    print(f"{path.name:24} {len(texts)} texts, {different} different, {ties} ties, {accepted} of {len(tokenizer_texts.INVALID)} invalid texts accepted; "
          f"{run.stderr.strip()}", flush=True)
    return different + accepted


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", type=pathlib.Path)
    p.add_argument("--tokenizers", type=pathlib.Path, default=ROOT / "../shared/tokenizers")
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    p.add_argument("--texts", type=int, default=2500)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--show", type=int, default=3, help="differences to print of each")
    args = p.parse_args()
    texts = tokenizer_texts.make(args.texts, args.seed) + tokenizer_texts.long_texts()
    with tempfile.TemporaryDirectory() as work:
        paths = args.names or sorted(d for d in args.tokenizers.iterdir() if d.is_dir()) + tokenizer_kinds.write(pathlib.Path(work))
        program = build_helper(args.build, pathlib.Path(work))
        different = sum(compare(path, program, texts, pathlib.Path(work), args.show) for path in paths)
    print(f"RESULT tokenizers={len(paths)} texts_each={len(texts)} different={different}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
