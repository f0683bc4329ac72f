"""Writes tokenizer_cases.json and tiny/: what transformers' CLIPTokenizer makes of many texts.

    .venv-ref/bin/python make_tokenizer.py [folder that holds OpenAI's `clip` package]

There are two vocabularies: OpenAI's own, built here from ../openai/merges.txt.gz, and a tiny one that
lacks most bytes, so that unknown symbols occur. With the folder given (unzip PyPI's clip-anytorch),
OpenAI's SimpleTokenizer is asked too, with NFC for the part of ftfy that matters here; where it differs is printed.
"""

import gzip
import json
import random
import sys
import types
import unicodedata
from collections import Counter
from pathlib import Path

from transformers import CLIPTokenizer

HERE = Path(__file__).resolve().parent
START, END = "<|startoftext|>", "<|endoftext|>"

TEXTS = [
    "",
    " ",
    "a",
    "A photo of two cats and three dogs",
    "a  photo\tof\n\ntwo   cats ",
    "don't, can't; it's I'm you're they've we'll he'd",
    "DON'T IT'S 'Tis 'twas rock'n'roll dogs' o'clock 's 'm",
    "'super ''s '' !'s",
    "3 cats, 12 dogs, 2024-11-22, 3.14, 1,000,000",
    "Ⅷ ½ ² ٣ ๓ 𝟟",
    "(cat:1.2), [dog] {cow} <lora:x:1> a_b-c--d___e",
    "hello!!! what??? ... … — – “quotes” ‘single’",
    "café cafe\u0301 naïve Ångström A\u030angstro\u0308m",
    "İstanbul ISTANBUL ıi ǅ ẞ Σίσυφος ΣΑΣ",
    "ﬁne ﬀ Ｆｕｌｌ　ｗｉｄｔｈ",
    "猫と犬 고양이 кошка и собака קט חתול قطة बिल्ली แมว",
    "\u1112\u1161\u11ab\u1100\u1173\u11af",
    "🐱🐶 two 🐈‍⬛ and a 👩‍👩‍👧‍👦 flag 🇯🇵 ❤️ 1️⃣",
    "a\u00a0b\u2003c\u3000d\u200be\ufeff f",
    "line\r\nbreak\x0b\x0c\x1f\x7f\x00end",
    f"{START}a cat{END} and more",
    f"a {START} b{END}{END}c <|endoftext| |> {START.upper()}",
    "antidisestablishmentarianism supercalifragilisticexpialidocious",
    "http://example.com/a?b=c&d=e#f user@example.org C:\\path\\x",
    "1girl, masterpiece, best quality, (detailed:1.3), 8k, trending on artstation",
    "two bananas and an apple, three broccolis, a bear and a teddy bear",
    "x" * 300,
    "word " * 100,
    "a cat, " * 40,
    "🐱" * 60,
    "É" * 90,
    "&amp; &lt;b&gt; <b>bold</b>",
    "\u0301leading combining, q\u0323\u0307 reordered",
    "𝓯𝓪𝓷𝓬𝔂 𐍈 \U0001f9ff\U000e0041",
    "µ μ K Å Ω ſ",
]
TINY_CORPUS = """a photo of a cat and a dog two cats three dogs the cat's toy don't it's an apple and a banana
two bananas and three apples in the photo of the dog and the cats bears horses sheep cows elephants"""


def alphabet() -> list[str]:
    plain = [*range(33, 127), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in plain]
    return [chr(b) for b in plain] + [chr(256 + i) for i in range(len(rest))]


def openai() -> tuple[dict[str, int], list[tuple[str, str]]]:
    text = gzip.decompress((HERE.parent / "openai" / "merges.txt.gz").read_bytes()).decode()
    merges = [tuple(line.split()) for line in text.splitlines()]
    tokens = [*alphabet(), *[c + "</w>" for c in alphabet()], *map("".join, merges), START, END]
    return {token: i for i, token in enumerate(tokens)}, merges


def tiny() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Byte-pair encoding learned from a few words, over lower-case ASCII letters alone."""
    words = Counter(tuple(w[:-1]) + (w[-1] + "</w>",) for w in TINY_CORPUS.replace("'", " ").split())
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    merges: list[tuple[str, str]] = []
    for _ in range(40):
        pairs: Counter[tuple[str, str]] = Counter()
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += n
        best = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append(best)
        renewed: Counter[tuple[str, ...]] = Counter()
        for word, n in words.items():
            out, i = [], 0
            while i < len(word):
                if word[i : i + 2] == best:
                    out.append("".join(best))
                    i += 2
                else:
                    out.append(word[i])
                    i += 1
            renewed[tuple(out)] += n
        words = renewed
    tokens = [*letters, *[c + "</w>" for c in letters], *map("".join, merges), START, END]
    return {token: i for i, token in enumerate(tokens)}, merges


def random_texts(number: int) -> list[str]:
    rng = random.Random(7)
    ranges = [(0x20, 0x7E)] * 6 + [
        (0xA0, 0x24F),
        (0x300, 0x36F),
        (0x370, 0x52F),
        (0x5D0, 0x6FF),
        (0x900, 0x97F),
        (0xE00, 0xE7F),
        (0x1E00, 0x1FFF),
        (0x2000, 0x22FF),
        (0x3040, 0x30FF),
        (0x4E00, 0x4FFF),
        (0xAC00, 0xAD00),
        (0x1F300, 0x1F6FF),
        (0x9, 0xD),
    ]
    texts = []
    for _ in range(number):
        text = ""
        for _ in range(rng.randint(1, 6)):
            low, high = rng.choice(ranges)
            text += "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 5))) + rng.choice(["", " ", "'s", " 2"])
        texts.append(text)
    return texts


def byte_spans(text: str, offsets: list[tuple[int, int]]) -> list[list[int]]:
    at = [0]
    for character in text:
        at.append(at[-1] + len(character.encode()))
    return [[at[a], at[b]] for a, b in offsets]


def openai_tokenizer(folder: str):
    sys.path.insert(0, folder)
    sys.modules["ftfy"] = types.SimpleNamespace(fix_text=lambda text: unicodedata.normalize("NFC", text))
    package = types.ModuleType("clip")
    package.__path__ = [folder + "/clip"]
    sys.modules["clip"] = package
    from clip.simple_tokenizer import SimpleTokenizer

    return SimpleTokenizer()


def main() -> None:
    simple = openai_tokenizer(sys.argv[1]) if len(sys.argv) > 1 else None
    cases, agreed = [], 0
    for name, (vocab, merges) in {"openai": openai(), "tiny": tiny()}.items():
        tokenizer = CLIPTokenizer(vocab=vocab, merges=merges)
        if name == "tiny":
            (HERE / "tiny").mkdir(exist_ok=True)
            tokenizer.save_pretrained(HERE / "tiny")
            (HERE / "tiny" / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False) + "\n")
            (HERE / "tiny" / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
        for text in [*TEXTS, *random_texts(160)]:
            full = tokenizer(text, return_offsets_mapping=True)
            case = {
                "vocabulary": name,
                "text": text,
                "ids": full["input_ids"],
                "spans": byte_spans(text, full["offset_mapping"])[1:-1],
            }
            if text in TEXTS:
                cut = tokenizer(text, padding="max_length", truncation=True, max_length=77)
                case["padded"] = cut["input_ids"]
            cases.append(case)
            if name == "openai" and simple is not None and "&" not in text and START not in text:
                ours = simple.encode(text)
                if ours == full["input_ids"][1:-1]:
                    agreed += 1
                else:
                    print("OpenAI's own differs on", ascii(text)[:90])
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (HERE / "tokenizer_cases.json").write_text(f"[\n{lines}\n]\n")
    print(len(cases), "cases;", agreed, "agree with OpenAI's SimpleTokenizer")


main()
