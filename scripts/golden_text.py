#!/usr/bin/env python3
"""Writes tests/golden/text/NAME/: small tokenisers of each kind, and what `tokenizers` makes of hard texts.

tokenizer.json is trained here on the text of this script; cases.json has for each text its ids (without and with
special tokens), and the text that they decode to (with and without special tokens).
Usage: python scripts/golden_text.py
"""
import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

OUT = pathlib.Path(__file__).parent.parent / "tests/golden/text"

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")
DEEPSEEK = r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
ODD = r"\bx|[\w&&[^\d_]]+|\h{2}|(?m:a.b)|^.|.$|\p{Han}+|\p{^L}{2}+|\p{Greek}|[\S&&[^a-f]]{3,}+|a(?i)bc|\u00e9?+"

TRAINING = [
    "The quick brown fox jumps over the lazy dog. It's what we've said: they're here, I'll go, you'd stay, I'm off.",
    "def add(a, b):\n    return a + b\n\n\nfor i in range(10):\n\tprint(i, 3.14159, 1000000)\n",
    "Les élèves naïfs ont mangé du gâteau. Ünïcödé straße. Привет, мир! Γειά σου Κόσμε.",
    "你好，世界。这是一个测试。日本語のテキスト、カタカナ。한국어 문장입니다. שלום עולם مرحبا بالعالم हिन्दी में",
    "think think thinking therefore the then there 12 123 1234 12345 ... !!! ??? -- == => :: // \\\\ ||",
    "😀😃😄 👨‍👩‍👧‍👦 🇩🇪🇫🇷 ❤️ ☕️ 🏳️‍🌈",
]

ADDED = [
    AddedToken("<|im_start|>", special=True, normalized=False), AddedToken("<|im_end|>", special=True, normalized=False),
    AddedToken("<|im_end|>x", special=True, normalized=False), AddedToken("<think>", normalized=False),
    AddedToken("</think>", normalized=False), AddedToken("<left>", lstrip=True, normalized=False),
    AddedToken("<right>", rstrip=True, normalized=True), AddedToken("<both>", lstrip=True, rstrip=True, special=True),
    AddedToken("word", single_word=True, normalized=True), AddedToken("ﬁx", normalized=True),
    AddedToken("ab cd", normalized=False, single_word=True), AddedToken("\n\n\n", normalized=False),
]

PIECES = [
    "", " ", "   ", "\n", "\r\n", "\t", "\n\n\n", "\x00", "\x1b[0m", "\u0085", "\u2028", "\u2029", "\u00a0", "\u3000", "\u180e", "\ufeff",
    "\u200b", "\u200d", "\u200e", "Hello, world!", "don't DON'T I'Ve we'LL 'ſ", "123456 ١٢٣ Ⅷ ½ ² 1e-5", "你好世界", "日本語", "한국어", "한",
    "e\u0301 a\u0323\u0300 a\u0300\u0323\u0345", "Å \u212b A\u030a", "ﬁx ﬀ ① ㍿", "שָׁלוֹם עולם", "العربية", "हिन्दी क्", "ไทย", "ß ẞ İ ı Σς",
    "👨‍👩‍👧‍👦", "🇩🇪", "❤️", "a.b x_y xx", "foo(bar)[0]->baz::qux", "<|im_start|>user\nhi<|im_end|>", "<|im_end|>x y", "<think>a</think>",
    "a <left> b", "a <right>  \n b", " <both> <both> ", "word words sword  word", "ab cd xab cd", "<|im_start", "mixed \t \n spaces  \u00a0 end ",
    "\U00031350\U0002ebf0\ua7cb\U0001e030\u1ac1\u0898", "\U00011935\U00011930\U00011938", "a" * 300, "ab" * 200, "é" * 99, "!?" * 50, "1" * 50, " " * 70 + "x",
]


def texts():
    out = list(PIECES) + TRAINING
    neighbours = len(PIECES) - 6  # the last ones are long
    return out + ["".join(PIECES[(i * 7 + k * 5) % neighbours] for k in range(5)) for i in range(24)]


def byte_level(use_regex=False, prefix=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=use_regex)


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


STYLES = {
    "gpt2": (None, byte_level(True)),
    "smollm": (None, pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level(True)])),
    "llama3": (None, pre_tokenizers.Sequence([split(LLAMA3), byte_level()])),
    "qwen2": (normalizers.NFC(), pre_tokenizers.Sequence([split(QWEN2), byte_level()])),
    "deepseek": (normalizers.Sequence([]), pre_tokenizers.Sequence([split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK), byte_level()])),
    "odd": (normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase(), normalizers.Replace(Regex(r"\s{2,}"), "  ")]),
            pre_tokenizers.Sequence([split(r"[\r\n]", "removed"), split(r"[.,!?]", "merged_with_previous"), split(r"\t", "merged_with_next"),
                                     split(r"[aeiou]{2}", "contiguous", True), split(ODD), byte_level(False, True)])),
    "metaspace": (None, pre_tokenizers.Metaspace(prepend_scheme="first")),
}


def build(name):
    normalizer, pre_tokenizer = STYLES[name]
    fallback = name == "metaspace"
    tokenizer = Tokenizer(models.BPE(byte_fallback=fallback, unk_token="<unk>" if fallback else None, fuse_unk=fallback))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    special = ["<s>", "</s>"] + (["<unk>"] + [f"<0x{b:02X}>" for b in range(256)] if fallback else [])
    trainer = trainers.BpeTrainer(vocab_size=560 if fallback else 420, special_tokens=special, show_progress=False,
                                  initial_alphabet=[] if fallback else pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(TRAINING, trainer)
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]) \
        if fallback else decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False) if name == "gpt2" else processors.Sequence(
        [processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])])
    tokenizer.add_tokens(ADDED)
    spec = json.loads(tokenizer.to_str())
    if name == "llama3":
        spec["model"]["ignore_merges"] = True
        merges = spec["model"]["merges"]
        spec["model"]["merges"] = [" ".join(m) for m in merges[:-20]]  # the older form; the last tokens are whole words only
    return spec


def main():
    total = 0
    for name in STYLES:
        folder = OUT / name
        folder.mkdir(parents=True, exist_ok=True)
        spec = build(name)
        (folder / "tokenizer.json").write_text(json.dumps(spec, ensure_ascii=False, separators=(",", ":")) + "\n")
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        cases = []
        for text in texts():
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            full = tokenizer.encode(text).ids
            whole, bare = tokenizer.decode(full, skip_special_tokens=False), tokenizer.decode(full)
            cases.append([text, ids, len(full) - len(ids), whole if whole != text else None, bare if bare != text else None])
        (folder / "cases.json").write_text(json.dumps(cases, ensure_ascii=True, separators=(",", ":")).replace("],[\"", "],\n[\"") + "\n")
        total += sum(f.stat().st_size for f in folder.iterdir())
    print(total, "bytes")


if __name__ == "__main__":
    main()
