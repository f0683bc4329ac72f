"""Captions: the words for a set of objects, and the objects meant by such words.

A caption is made from counts {class: n}. Like the captions that Stable Diffusion was trained on,
it leaves the number of a plural out, or vague, about three times in ten.
"""

from __future__ import annotations

import random
import re

from artwork import CLASSES

NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5}
WORDS = {n: word for word, n in NUMBERS.items()}
VAGUE = ["some", "a few", "several", "many", ""]
TEMPLATES = ["a photo of {}", "A photo of {}.", "a picture of {}", "an image of {}", "{}"]
VAGUE_SHARE = 0.3
PLURALS = {c: c + "s" for c in CLASSES} | {"sheep": "sheep"}
SINGULARS = {plural: c for c, plural in PLURALS.items()} | {c: c for c in CLASSES}


def forms(name: str) -> list[str]:
    """The words that name a class: singular and plural."""
    return sorted({name, PLURALS[name]})


def article(word: str) -> str:
    """ "a" or "an"."""
    return "an" if word[0] in "aeiou" else "a"


def phrase(name: str, count: int, rng: random.Random, vague: float) -> str:
    """The words for `count` objects of one class; sometimes without the number."""
    if count == 1:
        # A bare noun too, for people type that: "cat".
        return name if rng.random() < 0.1 else f"{article(name)} {name}"
    number = rng.choice(VAGUE) if rng.random() < vague else WORDS[count]
    return f"{number} {PLURALS[name]}".strip()


def joined(parts: list[str], last: str = ", and ") -> str:
    """ "x", "x and y", "x, y, and z", or with another last."""
    return " and ".join(parts) if len(parts) < 3 else ", ".join(parts[:-1]) + last + parts[-1]


def enumerate_phrases(parts: list[str], rng: random.Random) -> str:
    """joined, with and without the last comma."""
    return joined(parts, " and " if len(parts) > 2 and rng.random() >= 0.6 else ", and ")


def write(counts: dict[str, int], rng: random.Random, vague: float = VAGUE_SHARE) -> str:
    """A caption for these objects, its classes in random order; `vague` is the part of the plurals without their number."""
    names = list(counts)
    rng.shuffle(names)
    words = enumerate_phrases([phrase(n, counts[n], rng, vague) for n in names], rng)
    # The paper's own form half of the time, since it is what is asked of the model later.
    template = TEMPLATES[rng.randrange(2)] if rng.random() < 0.6 else rng.choice(TEMPLATES)
    return template.format(words)


def read(text: str) -> dict[str, int | None]:
    """The objects that a caption names: class -> count, None where the number is vague."""
    counts: dict[str, int | None] = {}
    previous = ""
    for word in re.findall(r"[a-z]+", text.lower()):
        if word in SINGULARS:
            name = SINGULARS[word]
            if previous in NUMBERS:
                counts[name] = NUMBERS[previous]
            elif previous in ("a", "an") or (word == name and name != "sheep"):
                counts[name] = 1
            else:
                counts[name] = None
        previous = word
    return counts
