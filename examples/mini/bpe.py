"""The tokenizer: CLIP's byte-pair encoding with a vocabulary of its own.

`python bpe.py` trains it on captions and a list of everyday words and writes tokenizer/. The
encoder below is the textbook one, against which transformers' and the Go one are tested.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections import Counter
from pathlib import Path

import caption
import scene

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "tokenizer"
START, END = "<|startoftext|>", "<|endoftext|>"
MERGES = 480
TEXT_LENGTH = 32  # tokens a prompt, start and end among them; SD1 has 77
# Python's re has no \p{L}; [^\W\d_] is the same set but for a few marks that no prompt holds.
PIECES = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+")


def alphabet() -> dict[int, str]:
    """byte -> printable character, OpenAI's table, in its order."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {b: chr(b) for b in plain}
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + len(table) - len(plain))
    return table


BYTES = alphabet()


def pieces(text: str) -> list[str]:
    """Lower-cased words, digits and runs of punctuation."""
    return PIECES.findall(re.sub(r"\s+", " ", text).strip().lower())


def symbols(piece: str) -> tuple[str, ...]:
    """The piece as single bytes' characters, the last one marked as the end of a word."""
    letters = [BYTES[b] for b in piece.encode()]
    return (*letters[:-1], letters[-1] + "</w>")


def merged(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    """The word with every such pair joined, from the left."""
    out, i = [], 0
    while i < len(word):
        if word[i : i + 2] == pair:
            out.append(word[i] + word[i + 1])
            i += 2
        else:
            out.append(word[i])
            i += 1
    return tuple(out)


def learn(frequency: Counter[str], number: int) -> list[tuple[str, str]]:
    """The `number` most useful merges, most useful first; ties go to the alphabet."""
    words = {symbols(piece): n for piece, n in frequency.items()}
    merges = []
    for _ in range(number):
        pairs: Counter[tuple[str, str]] = Counter()
        for word, n in words.items():
            for pair in itertools.pairwise(word):
                pairs[pair] += n
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = {merged(word, best): n for word, n in words.items()}
    return merges


class Tokenizer:
    """Textbook CLIP: split, merge by rank, look up."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.ids: dict[str, int] = json.loads((folder / "vocab.json").read_text())
        lines = (folder / "merges.txt").read_text().splitlines()[1:]
        self.ranks = {tuple(line.split()): rank for rank, line in enumerate(lines) if line}

    def split(self, text: str) -> list[str]:
        """The tokens of a text, without start and end."""
        tokens: list[str] = []
        for piece in pieces(text):
            word = symbols(piece)
            while True:
                pairs = [p for p in itertools.pairwise(word) if p in self.ranks]
                if not pairs:
                    break
                word = merged(word, min(pairs, key=self.ranks.__getitem__))
            tokens.extend(word)
        return tokens

    def encode(self, text: str, length: int = TEXT_LENGTH) -> list[int]:
        """Start, tokens, end, then more ends up to `length`, as Stable Diffusion 1 pads."""
        ids = [self.ids[token] for token in self.split(text)][: length - 2]
        end = self.ids[END]
        return [self.ids[START], *ids, *[end] * (length - 1 - len(ids))]


def corpus(number: int = 4000) -> Counter[str]:
    """How often a word should count: captions as drawn, every listed word a little."""
    rng = random.Random(0)
    frequency: Counter[str] = Counter()
    for _ in range(number):
        frequency.update(pieces(caption.write(scene.counts(rng), rng)))
    for word in (HERE / "words.txt").read_text().split():
        frequency[word] += 6
    # A plural that no prompt in the paper has need not be one token: "broccolis" stays two, so
    # that code which looks for a class's tokens meets a class of more than one.
    frequency["broccolis"] = 1
    return frequency


def main() -> None:
    merges = learn(corpus(), MERGES)
    singles = list(BYTES.values())
    vocabulary = [*singles, *[s + "</w>" for s in singles], *[a + b for a, b in merges], START, END]
    FOLDER.mkdir(exist_ok=True)
    ids = {token: i for i, token in enumerate(vocabulary)}
    (FOLDER / "vocab.json").write_text(json.dumps(ids, ensure_ascii=False) + "\n")
    lines = ["#version: 0.2", *[f"{a} {b}" for a, b in merges]]
    (FOLDER / "merges.txt").write_text("\n".join(lines) + "\n")
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    (FOLDER / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n")
    config = special | {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": TEXT_LENGTH,
        "do_lower_case": True,
        "add_prefix_space": False,
        "errors": "replace",
    }
    (FOLDER / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    print(len(ids), "tokens")


if __name__ == "__main__":
    main()
