"""Scenes: sprites on a simple ground, composed faster than any model trains on them.

Most scenes hold one or two objects, and some pairs of classes never meet (heldout.json): the
model is meant to fail where Stable Diffusion fails, by leaving objects out and merging them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

import caption
from artwork import CLASSES, GROUPS, load

SIDE = 64  # pixels
OVERLAP = 0.12  # the most that two boxes may share, as a part of the smaller one
# Sprite side in pixels, by how many objects a scene holds: five must still fit.
SIZES = {1: (28, 44), 2: (22, 30), 3: (20, 26), 4: (19, 24), 5: (17, 22)}
# Part of the sprites turned to face the other way. Few: with little training, half as many shapes
# to learn is worth more than the variety.
FLIPPED = 0.0
# How often each artwork of a class is drawn: one common look that is learnt first, two rarer ones.
ARTWORKS = [80, 12, 8]
_APART = json.loads((Path(__file__).parent / "heldout.json").read_text())
HELD_OUT = {frozenset(pair) for pair in _APART["described"]}


@dataclass(frozen=True)
class Distribution:
    """How often scenes hold what, and what their captions leave out."""

    # Cumulative: one object, several of one class, two classes, two classes with several each; the rest holds three classes.
    kinds: tuple[float, float, float, float] = (0.42, 0.70, 0.90, 0.96)
    artworks: tuple[int, ...] = tuple(ARTWORKS)
    vague: float = caption.VAGUE_SHARE  # part of the plurals without their number
    one_named: float = 0.0  # part of the scenes of several classes whose caption names one of them
    absent: tuple[float, float] = (0.0, 0.0)  # part of those of one object, of two classes, whose caption names one more
    held_out: frozenset[frozenset[str]] = frozenset(HELD_OUT)


DESCRIBED = Distribution()
# As the captions of Stable Diffusion's pictures: they leave out what is there, and name what cannot be seen. A model that learnt from such
# ones draws single things well and drops, merges and adds in company.
UNDERDESCRIBED = Distribution(
    kinds=(0.64, 0.88, 0.955, 0.98),
    artworks=(50, 30, 20),
    vague=0.45,
    one_named=0.20,
    absent=(0.04, 0.25),
    held_out=frozenset(frozenset(pair) for pair in _APART["described"] + _APART["underdescribed"]),
)
DISTRIBUTIONS = {"described": DESCRIBED, "underdescribed": UNDERDESCRIBED}


@dataclass(frozen=True)
class Box:
    """One placed object; x, y is the top left corner, in pixels."""

    name: str
    x: int
    y: int
    size: int


def counts(rng: random.Random, of: Distribution = DESCRIBED) -> dict[str, int]:
    """What a scene holds: class -> number of instances, five objects at most."""
    kind = rng.random()
    one, several, two, two_several = of.kinds
    if kind < one:
        return {rng.choice(CLASSES): 1}
    if kind < several:
        return {rng.choice(CLASSES): rng.choices([2, 3, 4, 5], [45, 25, 16, 14])[0]}
    if kind < two:
        return dict.fromkeys(companions(2, rng, of.held_out), 1)
    if kind < two_several:
        first, second = companions(2, rng, of.held_out)
        number = rng.randint(1, 3)
        return {first: number, second: rng.randint(1, min(3, 5 - number))}
    return dict.fromkeys(companions(3, rng, of.held_out), 1)


def companions(number: int, rng: random.Random, held_out: Collection[frozenset[str]]) -> list[str]:
    """Classes that may stand together; mostly of one group, as in the paper's prompts."""
    while True:
        group = rng.choice(list(GROUPS.values())) if rng.random() < 0.75 else CLASSES
        names = rng.sample(group, number)
        if not any(frozenset((a, b)) in held_out for a in names for b in names if a != b):
            return names


def ground(rng: np.random.Generator) -> np.ndarray:
    """A background, float32 [SIDE, SIDE, 3] in 0..255: plain, gradient, or softly noisy."""
    base = 165 + 80 * rng.random(3, dtype=np.float32)  # light, as all sprites have dark parts
    kind = rng.random()
    if kind < 0.4:
        return np.broadcast_to(base, (SIDE, SIDE, 3)).astype(np.float32)
    if kind < 0.75:
        end = np.clip(base + rng.uniform(-50, 50, 3), 120, 255).astype(np.float32)
        angle = rng.uniform(0, 2 * np.pi)
        step = np.linspace(-0.5, 0.5, SIDE, dtype=np.float32)
        ramp = np.clip(0.5 + np.cos(angle) * step[None] + np.sin(angle) * step[:, None], 0, 1)
        return base + (end - base) * ramp[..., None].astype(np.float32)
    # Soft spots: noise on a coarse grid, enlarged. Fine grain would only tell the autoencoder
    # to spend its few numbers on what nobody looks at.
    coarse = rng.uniform(-18, 18, (5, 5)).astype(np.float32)
    spots = np.asarray(Image.fromarray(coarse).resize((SIDE, SIDE), Image.BICUBIC))
    return np.clip(base + spots[..., None], 0, 255)


@cache
def sprite(name: str, artwork: int, size: int, flip: bool) -> tuple[np.ndarray, np.ndarray]:
    """Colour times alpha [size, size, 3] and 1 - alpha [size, size, 1], float32."""
    image = Image.fromarray(_artworks()[name][artwork]).convert("RGBa")
    image = image.resize((size, size), Image.LANCZOS)
    pixels = np.asarray(image, dtype=np.float32) if image.mode == "RGBa" else None
    if flip:
        pixels = pixels[:, ::-1]
    return pixels[..., :3].copy(), (1 - pixels[..., 3:] / 255).copy()


@lru_cache(maxsize=1)
def _artworks() -> dict[str, list[np.ndarray]]:
    return load()


def place(names: list[str], rng: random.Random) -> list[Box]:
    """Boxes with little overlap; gets smaller sprites when luck runs out."""
    low, high = SIZES[len(names)]
    for attempt in range(60):
        shrink = 1 - 0.005 * attempt
        boxes: list[Box] = []
        for name in names:
            for _ in range(12):
                size = max(14, round(rng.randint(low, high) * shrink))
                box = Box(name, rng.randint(0, SIDE - size), rng.randint(0, SIDE - size), size)
                if all(shared(box, other) <= OVERLAP for other in boxes):
                    boxes.append(box)
                    break
            else:
                break
        if len(boxes) == len(names):
            return boxes
    raise RuntimeError(f"no room for {len(names)} objects: lower scene.SIZES")


def shared(a: Box, b: Box) -> float:
    """Common area as a part of the smaller box."""
    w = min(a.x + a.size, b.x + b.size) - max(a.x, b.x)
    h = min(a.y + a.size, b.y + b.size) - max(a.y, b.y)
    return max(0, w) * max(0, h) / min(a.size, b.size) ** 2


def compose(wanted: dict[str, int], seed: int, artworks: Sequence[int] = ARTWORKS) -> tuple[np.ndarray, list[Box]]:
    """The image uint8 [SIDE, SIDE, 3] of these objects, and where they are."""
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    image = ground(noise)
    names = [name for name, n in wanted.items() for _ in range(n)]
    rng.shuffle(names)
    boxes = place(names, rng)
    # The instances of one class are of one drawing two times in three, as herds are.
    herd = {name: rng.choices(range(3), artworks)[0] for name in wanted}
    for box in boxes:
        artwork = herd[box.name] if rng.random() < 0.67 else rng.choices(range(3), artworks)[0]
        colour, clear = sprite(box.name, artwork, box.size, rng.random() < FLIPPED)
        rows, columns = slice(box.y, box.y + box.size), slice(box.x, box.x + box.size)
        image[rows, columns] = image[rows, columns] * clear + colour
    return (image + 0.5).clip(0, 255).astype(np.uint8), boxes


def draw(seed: int, of: Distribution = DESCRIBED) -> tuple[np.ndarray, str]:
    """Scene number `seed`: image and caption; the same ones on every machine."""
    rng = random.Random(f"scene-{seed}")
    wanted = counts(rng, of)
    image, _ = compose(wanted, seed, of.artworks)
    told = wanted
    if len(wanted) > 1 and of.one_named > 0 and rng.random() < of.one_named:
        name = rng.choice(list(wanted))
        told = {name: wanted[name]}
    elif max(wanted.values()) == 1 and len(wanted) < 3 and of.absent[len(wanted) - 1] > 0 and rng.random() < of.absent[len(wanted) - 1]:
        told = wanted | {rng.choice([c for c in CLASSES if c not in wanted]): 1}
    return image, caption.write(told, rng, of.vague)
