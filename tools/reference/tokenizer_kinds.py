"""Tiny tokenizers of the kinds that model families publish: the steps of their tokenizer.json, over vocabularies trained here."""
import io
import json

import tokenizer_texts
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = tokenizer_texts.make(700, seed=9) + ["Ada Abbott stars in a film with Bela Quimby, who said: don't stop 1234 times"] * 20
SENTENCES = (tokenizer_texts.SCRIPTS + tokenizer_texts.WORDS[:22]) * 2 + CORPUS[-20:] * 2 + [f"{a} {b}" for a in tokenizer_texts.SCRIPTS[:4] for b in tokenizer_texts.WORDS]
GPT4 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
PHI4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
CASE = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+END|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*END|DIGITS| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
BLOOM = " ?[^(\\s|[.,!?…。，、।۔،])]+"
DEEPSEEK3 = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def split(pattern, behaviour="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behaviour, invert)


def sequence(*steps):
    return pre_tokenizers.Sequence(list(steps))


def gpt4(digits):
    return split(GPT4.replace("DIGITS", digits)), pre_tokenizers.ByteLevel(False, use_regex=False)


def by_case(end, digits):
    return split(CASE.replace("END", end).replace("DIGITS", digits)), pre_tokenizers.ByteLevel(False, use_regex=False)


def train(tok, vocab, alphabet=(), special=(), **more):
    tok.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=vocab, initial_alphabet=list(alphabet), special_tokens=list(special),
                                                        show_progress=False, **more))
    return tok


def lead(tok, *names):
    """Puts these before every text."""
    tok.add_special_tokens([AddedToken(n, normalized=False, special=True) for n in names])
    one = " ".join(f"{n}:0" for n in names) + " $A:0"
    tok.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single=one, pair=f"{one} $B:1", special_tokens=[(n, tok.token_to_id(n)) for n in names])])
    return tok


def byte_level(*steps, normalizer=None, vocab=600, bos=(), added=(), **settings):
    tok = Tokenizer(models.BPE(**settings))
    tok.pre_tokenizer = steps[0] if len(steps) == 1 else sequence(*steps)
    if normalizer:
        tok.normalizer = normalizer
    tok.decoder = decoders.ByteLevel()
    train(tok, vocab, pre_tokenizers.ByteLevel.alphabet())
    tok.add_special_tokens([AddedToken("<|endoftext|>", normalized=False, special=True)])
    tok.add_tokens(list(added))
    return lead(tok, *bos) if bos else tok


def whole_words(tok):
    doc = json.loads(tok.to_str())
    doc["model"]["ignore_merges"] = True
    return doc


def fallback(tok):
    """<unk>, <s>, </s> and the 256 bytes before what was trained, as converted sentencepiece models have them."""
    doc = json.loads(tok.to_str())
    old = sorted((i, t) for t, i in doc["model"]["vocab"].items())
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    pieces += [t for _, t in old if t not in pieces]
    doc["model"].update(vocab={t: i for i, t in enumerate(pieces)}, byte_fallback=True, fuse_unk=True, unk_token="<unk>")
    tok = Tokenizer.from_str(json.dumps(doc))
    tok.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in pieces[:3]])
    return tok


def spaced(normalizer, pre, decoder, bos="<s>"):
    tok = Tokenizer(models.BPE(unk_token="<unk>"))
    tok.normalizer = normalizers.Replace(" ", "▁")
    tok.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    tok = fallback(train(tok, 700))
    tok.normalizer, tok.pre_tokenizer, tok.decoder = normalizer, pre, decoder
    tok.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, tok.token_to_id(bos))])
    return tok


REPLACED = normalizers.Replace(" ", "▁")
BACK = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]


def mistral1():
    return spaced(normalizers.Sequence([normalizers.Prepend("▁"), REPLACED]), None, decoders.Sequence(BACK + [decoders.Strip(" ", 1, 0)]))


def mistral3():
    return spaced(None, pre_tokenizers.Metaspace("▁", "first", False), decoders.Sequence(BACK + [decoders.Strip(" ", 1, 0)]))


def gemma3():
    tok = spaced(REPLACED, pre_tokenizers.Split(" ", "merged_with_previous"), decoders.Sequence(BACK))
    tok.add_tokens([AddedToken("\n" * n, normalized=False) for n in range(1, 5)] + [AddedToken("▁▁", normalized=False), AddedToken("<b>", normalized=False)])
    return tok


# ---------------------------------------------------------------- Unigram


def sentencepiece_model(kind="unigram", vocab=900, character_coverage=0.98, **settings):
    """The bytes of a model, and the message."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(SENTENCES), model_writer=out, model_type=kind, vocab_size=vocab, num_threads=1,
                                             character_coverage=character_coverage,
                                             minloglevel=2, hard_vocab_limit=False, **settings)
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString(out.getvalue())
    return out.getvalue(), model


def small_rules(path):
    """A table of replacements of every kind: to nothing, to more, of several characters, of strings that begin each other."""
    rules = {"\ufb01": "fi", "\u2460": "1", "\u00ad": "", "\u00a0": " ", "\t": " ", "e\u0301": "\u00e9", "a\u0308": "\u00e4", "\u212b": "\u00c5", "\u201c": '"',
             "\u2026": "...", "\u304b\u3099": "\u304c", "ab": "ba", "abc": "x", "\u00aa": "a", "\u3000": " ", "\uff21": "A", "\u00bd": "1\u20442", "\r": "", "\r\n": "\n"}
    path.write_text("".join("{}\t{}\n".format(" ".join(f"{ord(c):X}" for c in k), " ".join(f"{ord(c):X}" for c in v)) for k, v in rules.items()))
    return path


def unigram(normalizer, pre, decoder=None, bos=None, byte_fallback=False, scores=None, unk=2):
    _, model = scores or sentencepiece_model(byte_fallback=byte_fallback, unk_id=2, bos_id=0, eos_id=1)
    tok = Tokenizer(models.Unigram([(p.piece, p.score) for p in model.pieces], unk, byte_fallback))
    if normalizer:
        tok.normalizer = normalizer
    tok.pre_tokenizer, tok.decoder = pre, decoder or decoders.Metaspace("▁", "always")
    tok.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ("<s>", "</s>", "<unk>")])
    tok.add_tokens([AddedToken("<mask>", lstrip=True, normalized=False), AddedToken("user", normalized=True)])
    if bos:
        tok.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, tok.token_to_id(bos))])
    return tok


def charsmap(rules=None):
    how = {"normalization_rule_tsv": str(rules)} if rules else {"normalization_rule_name": "nmt_nfkc"}
    return sentencepiece_model(**how)[1].normalizer_spec.precompiled_charsmap


def converted(table):
    return normalizers.Sequence(([normalizers.Precompiled(table)] if table else []) + [normalizers.Strip(left=False, right=True),
                                                                                         normalizers.Replace(Regex(" {2,}"), "▁")])


def unigrams(small):
    always = pre_tokenizers.Metaspace("▁", "always")
    full = charsmap()
    old = normalizers.Sequence([normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(),
                                normalizers.Lowercase(), normalizers.Precompiled(full)])
    return {"xglm": lambda: unigram(normalizers.Precompiled(full), sequence(pre_tokenizers.WhitespaceSplit(), always), bos="</s>"),
            "t5": lambda: unigram(converted(full), always), "quotes": lambda: unigram(old, always),
            "unigram_rules": lambda: unigram(normalizers.Precompiled(charsmap(small)), always),
            "llm_jp": lambda: unigram(converted(b""), pre_tokenizers.Metaspace("▁", "first"), byte_fallback=True, bos="<s>",
                                      decoder=decoders.Sequence(BACK + [decoders.Strip(" ", 1, 0)])),
            "unigram_whole": lambda: unigram(normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Strip()]),
                                             pre_tokenizers.Metaspace("▁", "never", False), byte_fallback=True)}


# ---------------------------------------------------------------- affixes


def affixes(prefix=None, suffix=None, bytes_too=False, **settings):
    more = {k: v for k, v in (("continuing_subword_prefix", prefix), ("end_of_word_suffix", suffix)) if v}
    tok = Tokenizer(models.BPE(unk_token="<unk>", **more, **settings))
    tok.pre_tokenizer, tok.decoder = pre_tokenizers.Whitespace(), decoders.BPEDecoder(suffix=suffix or prefix)
    special = ["<unk>"] + ([f"<0x{i:02X}>" for i in range(256)] if bytes_too else [])
    train(tok, 900, special=special, limit_alphabet=120, **more)
    doc = json.loads(tok.to_str())
    doc["added_tokens"] = doc["added_tokens"][:1]
    doc["model"]["byte_fallback"] = bytes_too
    return doc


def clip():
    tok = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    tok.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tok.pre_tokenizer = sequence(split(CLIP, "removed", True), pre_tokenizers.ByteLevel(False))
    tok.decoder = decoders.ByteLevel()
    train(tok, 700, pre_tokenizers.ByteLevel.alphabet(), special=["<|startoftext|>", "<|endoftext|>"], end_of_word_suffix="</w>")
    return tok


def kinds(work):
    """{name: tokenizer.json as an object}; `work` is a folder for what is in between."""
    plain, digits = pre_tokenizers.ByteLevel(False), pre_tokenizers.Digits(individual_digits=True)
    spaces = [AddedToken(" " * n, normalized=True) for n in range(2, 8)]
    made = {
        "bloom": lambda: byte_level(split(BLOOM), pre_tokenizers.ByteLevel(False, use_regex=False)),
        "starcoder": lambda: byte_level(digits, plain),
        "falcon": lambda: byte_level(pre_tokenizers.Punctuation("contiguous"), plain, pre_tokenizers.Digits(False), split("[0-9][0-9][0-9]")),
        "command_r": lambda: byte_level(digits, plain, normalizer=normalizers.NFC(), bos=["<BOS_TOKEN>"]),
        "opt": lambda: byte_level(plain, bos=["</s>"]),
        "codegen": lambda: byte_level(plain, added=spaces + [AddedToken("\t" * n, normalized=True) for n in range(2, 5)]),
        "neox": lambda: byte_level(plain, normalizer=normalizers.NFC(), added=spaces),
        "tekken": lambda: whole_words(byte_level(*by_case("", r"\p{N}"), bos=["<s>"])),
        "gpt_oss": lambda: whole_words(byte_level(*by_case("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", r"\p{N}{1,3}"))),
        "qwen3": lambda: byte_level(*gpt4(r"\p{N}"), normalizer=normalizers.NFC()),
        "smollm3": lambda: whole_words(byte_level(*gpt4(r"\p{N}{1,3}"), bos=["<|begin_of_text|>"])),
        "olmo2": lambda: byte_level(*gpt4(r"\p{N}{1,3}")),
        "glm4": lambda: byte_level(*gpt4(r"\p{N}{1,3}"), bos=["[gMASK]", "<sop>"]),
        "phi4": lambda: byte_level(split(PHI4), pre_tokenizers.ByteLevel(False, use_regex=False)),
        "deepseek3": lambda: byte_level(split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK3), pre_tokenizers.ByteLevel(False, use_regex=False),
                                        normalizer=normalizers.Sequence([])),
        "mistral1": mistral1, "mistral3": mistral3, "gemma3": gemma3,
        "suffix": lambda: affixes(suffix="</w>"), "prefix": lambda: affixes(prefix="##", fuse_unk=True),
        "both_affixes": lambda: affixes("@@", "_", bytes_too=True), "clip": clip,
        **unigrams(small_rules(work / "rules.tsv")),
    }
    docs = {name: make() for name, make in made.items()}
    return {name: d if isinstance(d, dict) else json.loads(d.to_str()) for name, d in docs.items()}


def sentencepiece_kinds(work):
    """{name: the bytes of a tokenizer.model}."""
    rules = small_rules(work / "rules.tsv")
    return {"spm_unigram": sentencepiece_model(normalization_rule_name="identity", remove_extra_whitespaces=False)[0],
            "spm_unigram_nfkc": sentencepiece_model(byte_fallback=True)[0],
            "spm_unigram_rules": sentencepiece_model(normalization_rule_tsv=str(rules), byte_fallback=True, user_defined_symbols=["<sep>", "user"])[0],
            "spm_bpe_nfkc": sentencepiece_model("bpe", byte_fallback=True)[0]}


def write(work):
    """A folder below `work` for each; their paths."""
    files = {name: ("tokenizer.json", json.dumps(doc).encode()) for name, doc in kinds(work).items()}
    files |= {name: ("tokenizer.model", model) for name, model in sentencepiece_kinds(work).items()}
    for name, (file, content) in files.items():
        (work / name).mkdir()
        (work / name / file).write_bytes(content)
    return sorted(work / name for name in files)
