#!/usr/bin/env python3
"""Does graftkit read what stands beside a tokenizer as transformers' AutoTokenizer does?

    make && python3 tools/reference/check_beside.py [--folders 40] [--texts 100] [--seed 1] [NAME…]

For each tokenizer below --tokenizers (gpt2, llama2, llama3, gemma, pythia; NAME picks some) it makes --folders folders with
side files by chance: added_tokens.json, added_tokens_decoder, special_tokens_map.json, tokens with a role, additional ones, all
flags, names that the vocabulary has, ids with gaps and out of order, add_prefix_space, split_special_tokens, legacy,
add_bos_token. graftkit and AutoTokenizer encode --texts texts in each, which hold those tokens, and decode the ids. Exit code 1
when any differ. Folders that AutoTokenizer cannot open are counted, and so are those that graftkit refuses.

Of a tokenizer.model the texts have no two blanks in a row, none at the begin and no U+2581: there docs/tokenizers.md says what
graftkit follows. Needs a built graftkit, a C compiler, and the Python packages transformers, sentencepiece and protobuf.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import check_tokenizers
import tokenizer_texts

os.environ.update(TRANSFORMERS_VERBOSITY="error", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
ROOT = pathlib.Path(__file__).resolve().parents[2]
# Classes whose steps are those of the file, and the model types that lead to them.
KINDS = {"gpt2": (["GPT2Tokenizer", "GPT2TokenizerFast", None], ["gpt2"]),
         "llama2": (["LlamaTokenizer", "LlamaTokenizerFast", "PreTrainedTokenizerFast", None], ["llama"]),
         "llama3": (["PreTrainedTokenizerFast", "PreTrainedTokenizer", "LlamaTokenizer", None], ["llama", "olmo2"]),
         "gemma": (["GemmaTokenizer", "GemmaTokenizerFast", None], ["gemma", "gemma2"]),
         "pythia": (["GPTNeoXTokenizer", "GPTNeoXTokenizerFast", None], ["gpt_neox"])}
OLD = {"gpt2": ["<|endoftext|>", "the", "Ġstars", " a"], "llama2": ["<s>", "</s>", "<unk>", "▁the", "stars"],
       "llama3": ["<|eot_id|>", "<|begin_of_text|>", "the", "<|reserved_special_token_3|>"], "gemma": ["<bos>", "<eos>", "<pad>", "the", "<unused7>"],
       "pythia": ["<|endoftext|>", "<|padding|>", "the", "    "]}
NEW = ["<actor>", "<film>", "[PAD]", "<|im_start|>", "<|im_end|>", "Ada", "Ada Vale", "<x> y", "\n\n", "É", "é", "#", "##", "<|im", "東京", "tok en"]
ROLES = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]


def token(r, name, typed=False):
    t = dict(content=name, lstrip=r.random() < 0.3, rstrip=r.random() < 0.3, single_word=r.random() < 0.2, normalized=r.random() < 0.3,
             special=r.random() < 0.7)
    return dict(t, __type="AddedToken") if typed else t


def side_files(r, kind, n_pieces, own):
    """tokenizer_config.json, special_tokens_map.json, added_tokens.json: each an object or None. An added_tokens_decoder begins with
    the tokenizer.json's `own` tokens, which classes that build their steps anew would forget."""
    any_of = lambda k: r.sample([*NEW, *r.sample(OLD[kind], 2)], k)
    config, roles_map, added = {}, None, None
    name = r.choice(KINDS[kind][0])
    if name:
        config["tokenizer_class"] = name
    if r.random() < 0.5:
        config["added_tokens_decoder"] = {str(r.choice([n_pieces + i, n_pieces + 3 * i, n_pieces + r.randrange(40), r.randrange(n_pieces) if not own else n_pieces + 7])): token(r, t)
                                          for i, t in enumerate(any_of(r.randrange(0, 6)))}
        config["added_tokens_decoder"] |= {str(t["id"]): {k: v for k, v in t.items() if k != "id"} for t in own}
    for role in r.sample(ROLES, r.randrange(0, 4)):
        config[role] = r.choice([any_of(1)[0], r.choice(OLD[kind]), token(r, any_of(1)[0], True)])
    if r.random() < 0.1:
        config[r.choice(["bos_token", "eos_token", "pad_token"])] = None
    if r.random() < 0.4:
        config[r.choice(["extra_special_tokens", "additional_special_tokens"])] = any_of(r.randrange(0, 4))
    elif r.random() < 0.2:
        config["extra_special_tokens"] = {"image_token": any_of(1)[0], "boi_token": any_of(1)[0]}
    if r.random() < 0.15:
        config["video_token"] = any_of(1)[0]
    for key, p in (("add_prefix_space", 0.4), ("split_special_tokens", 0.15), ("add_bos_token", 0.5), ("legacy", 0.5)):
        if r.random() < p:
            config[key] = r.random() < 0.5
    if r.random() < 0.5:
        roles_map = {role: r.choice([any_of(1)[0], dict(list(token(r, any_of(1)[0]).items())[:5])]) for role in r.sample(ROLES, r.randrange(0, 4))}
        if r.random() < 0.4:
            roles_map[r.choice(["extra_special_tokens", "additional_special_tokens"])] = any_of(2)
    if r.random() < 0.5:
        names = [t for t in any_of(r.randrange(1, 6))]
        added = {t: n_pieces + (i if r.random() < 0.8 else r.randrange(60)) for i, t in enumerate(names)}
    return (config if config or r.random() < 0.8 else None), roles_map, added


def make_folder(out, source, kind, r, n_pieces):
    shutil.copytree(source, out, copy_function=os.symlink)
    own = json.loads((source / "tokenizer.json").read_text())["added_tokens"] if (source / "tokenizer.json").exists() else []
    config, roles_map, added = side_files(r, kind, n_pieces, own)
    if kind == "llama2":  # where it says nothing transformers 5 puts no BOS, and without such a file reads other things
        config = dict(config or {})
        config.setdefault("add_bos_token", True)
    for name, content in (("tokenizer_config.json", config), ("special_tokens_map.json", roles_map), ("added_tokens.json", added)):
        (out / name).unlink(missing_ok=True)
        if content is not None:
            (out / name).write_text(json.dumps(content, ensure_ascii=r.random() < 0.5))
    (out / "config.json").write_text(json.dumps({"model_type": r.choice(KINDS[kind][1])}))


def make_texts(r, kind, n, seed):
    pieces = [*NEW, *OLD[kind], *OLD[kind]]
    texts = []
    for base in tokenizer_texts.make(3 * n + 400, seed)[400:]:
        cut = sorted(r.randrange(len(base) + 1) for _ in range(r.randrange(0, 4)))
        for at in reversed(cut):
            base = base[:at] + r.choice(["", " ", "  ", "\n", "a"]) + r.choice(pieces) + r.choice(["", " ", "  ", "b"]) + base[at:]
        if kind != "llama2" or ("  " not in base and "▁" not in base and not base.startswith(" ")):
            texts.append(base)
        if len(texts) == n:
            break
    return texts


def compare(program, folder, texts, work, show):
    """(texts that differ, "": compared, else what hindered it)."""
    from transformers import AutoTokenizer
    try:
        auto = AutoTokenizer.from_pretrained(folder)
    except Exception as e:  # whatever it is, there is nothing to compare with
        return 0, f"AutoTokenizer: {type(e).__name__} {str(e)[:80]}"
    lines = work / "texts.jsonl"
    lines.write_text("".join(json.dumps({"hex": t.encode().hex()}) + "\n" for t in texts))
    run = subprocess.run([program, folder, "-", lines], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode:
        return 0, run.stderr.strip()
    different = 0
    for text, our in zip(texts, (json.loads(line) for line in run.stdout.split("\n") if line), strict=True):
        ids = auto(text)["input_ids"]
        want = {"ids": ids, "text": auto.decode(ids, skip_special_tokens=True).split("\0")[0]}
        if not ids and "drops the whole text" in our.get("error", ""):
            continue
        if our != want:
            different += 1
            if different <= show:
                files = {f: (folder / f).read_text()[:1500] for f in ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "config.json")
                         if (folder / f).exists()}
                print(f"different: {text!r}\n  graftkit  {our}\n  reference {want}\n  {type(auto).__name__} {files}")
    return different, ""


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", default=sorted(KINDS))
    p.add_argument("--tokenizers", type=pathlib.Path, default=ROOT / "../shared/tokenizers")
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    p.add_argument("--folders", type=int, default=40)
    p.add_argument("--texts", type=int, default=100)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--show", type=int, default=1, help="differences to print of each folder")
    args = p.parse_args()
    from transformers import AutoTokenizer
    total = compared = 0
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        program = check_tokenizers.build_helper(args.build, work)
        for kind in args.names:
            source, different, hindered = (args.tokenizers / kind).resolve(), 0, []
            (work / kind).mkdir()
            n_pieces = {"gpt2": 50257, "llama2": 32000, "llama3": 128256, "gemma": 256000, "pythia": 50281}[kind]
            for i in range(args.folders):
                r = random.Random(f"{args.seed} {kind} {i}")
                make_folder(work / kind / str(i), source, kind, r, n_pieces)
                d, why = compare(program, work / kind / str(i), make_texts(r, kind, args.texts, args.seed * 1000 + i), work, args.show)
                different += d
                hindered += [why] if why else []
            done = args.folders - len(hindered)
            print(f"{kind}: {done} folders of {args.folders} compared, {done * args.texts} texts, {different} different", flush=True)
            for why in sorted(set(hindered)):
                print(f"  {hindered.count(why)} not compared: {why}")
            total += different
            compared += done * args.texts
    print(f"RESULT beside_texts={compared} different={total}")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
