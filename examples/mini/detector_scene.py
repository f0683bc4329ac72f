"""Scenes to train and to test detectors on: pictures, boxes, and which pixel belongs to what.

`observe` is scene.py's picture, pixel by pixel, with the truth beside it. `compose` is wilder: up
to six objects of many sizes, touching and cut by the frame, and things that are no objects.

What counts as an object: at least SEEN of one class's drawing is to be seen. At most UNSEEN of it
is nothing, like blobs of its colours, and like crosses of two classes (halves glued together, or
two drawings faded into each other). What lies between is left out of training and of no test.
A cross of two drawings of one class is an object of that class.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

import numpy as np

import scene
from artwork import CLASSES
from detector_shape import blob, core, ink_box

SIDE = scene.SIDE
SEEN, UNSEEN = 0.7, 0.5
EVEN = [1, 1, 1]  # drawing every artwork equally often
IGNORED = 255


@dataclass(frozen=True)
class Thing:
    """One object that is seen: its class and ink's box in pixels, x1 and y1 exclusive."""

    name: str
    x0: int
    y0: int
    x1: int
    y1: int
    sure: bool = True  # False: neither object nor nothing, to be left out


@dataclass(frozen=True)
class Truth:
    """What a picture shows. `label` is 0 for ground, 1 + class, or IGNORED; `core` 0, 1 or IGNORED."""

    image: np.ndarray  # uint8 [SIDE, SIDE, 3]
    things: list[Thing]
    label: np.ndarray  # uint8 [SIDE, SIDE]
    core: np.ndarray  # uint8 [SIDE, SIDE]


@dataclass(frozen=True)
class Patch:
    """Something to paste: colour times alpha and 1 - alpha, as scene.sprite gives them."""

    name: str | None  # None: no object
    colour: np.ndarray
    clear: np.ndarray
    whole: float = 1.0  # the part of the drawing that was not cut off
    drawing: int | None = None  # the artwork, where the patch is a whole drawing

    @property
    def mask(self) -> np.ndarray:
        return self.clear[..., 0] < 0.5


@cache
def _drawn_core(name: str, artwork: int, size: int) -> np.ndarray:
    return core(scene.sprite(name, artwork, size, False)[1][..., 0] < 0.5)


def drawing(name: str, artwork: int, size: int) -> Patch:
    """A whole sprite."""
    colour, clear = scene.sprite(name, artwork, size, False)
    return Patch(name, colour, clear, drawing=artwork)


def paste(image: np.ndarray, patches: list[tuple[Patch, int, int]]) -> Truth:
    """Paint patches with their upper left corner at (x, y), the last on top; image is changed."""
    owner = np.full((SIDE, SIDE), -1, np.int16)
    cores = np.zeros((SIDE, SIDE), np.uint8)
    for k, (patch, x, y) in enumerate(patches):
        size = len(patch.clear)
        rows, columns = slice(max(y, 0), min(y + size, SIDE)), slice(max(x, 0), min(x + size, SIDE))
        inside = slice(rows.start - y, rows.stop - y), slice(columns.start - x, columns.stop - x)
        mask = patch.mask[inside]
        image[rows, columns] = image[rows, columns] * patch.clear[inside] + patch.colour[inside]
        owner[rows, columns][mask] = k
        around = cores[rows, columns]
        around[mask] = 0
        if patch.name:
            whole = patch.mask
            heart = core(whole) if patch.drawing is None else _drawn_core(patch.name, patch.drawing, size)
            # One pixel stays free between a core and whatever lies on top of its object.
            top = slice(max(rows.start - 1, 0), rows.stop + 1), slice(max(columns.start - 1, 0), columns.stop + 1)
            wide = np.zeros((SIDE + 2, SIDE + 2), bool)
            wide[rows.start + 1 : rows.stop + 1, columns.start + 1 : columns.stop + 1] = mask
            near = wide[1:-1, 1:-1] | wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:]
            cores[top][near[top]] = 0
            around[heart[inside]] = 1
    return _truth((image + 0.5).clip(0, 255).astype(np.uint8), patches, owner, cores)


def _truth(image: np.ndarray, patches: list, owner: np.ndarray, cores: np.ndarray) -> Truth:
    things = []
    label = np.zeros((SIDE, SIDE), np.uint8)
    visible = np.bincount(owner[owner >= 0], minlength=len(patches)) if patches else []
    for k, (patch, x, y) in enumerate(patches):
        if not patch.name or not visible[k]:
            continue
        mine = owner == k
        part = patch.whole * visible[k] / patch.mask.sum()
        if part > UNSEEN:
            box = _clip(ink_box(patch.mask), x, y)
            things.append(Thing(patch.name, *box, sure=part >= SEEN))
            label[mine] = 1 + CLASSES.index(patch.name) if part >= SEEN else IGNORED
        if part < SEEN:
            cores[mine] = 0 if part <= UNSEEN else IGNORED
    return Truth(image, things, label, cores)


def _clip(box: tuple[int, int, int, int], x: int, y: int) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = box
    return max(x0 + x, 0), max(y0 + y, 0), min(x1 + x, SIDE), min(y1 + y, SIDE)


def observe(seed: int, artworks: list[int] | None = None) -> Truth:
    """scene.draw(seed)'s picture with the truth; other weights of the artworks give a sister of it."""
    weights = scene.ARTWORKS if artworks is None else artworks
    wanted = scene.counts(random.Random(f"scene-{seed}"))
    # From here on the same numbers are drawn in the same order as in scene.compose.
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    image = np.array(scene.ground(noise))
    names = [name for name, n in wanted.items() for _ in range(n)]
    rng.shuffle(names)
    boxes = scene.place(names, rng)
    herd = {name: rng.choices(range(3), weights)[0] for name in wanted}
    patches = []
    for box in boxes:
        artwork = herd[box.name] if rng.random() < 0.67 else rng.choices(range(3), weights)[0]
        rng.random()  # whether it is flipped: scene.FLIPPED is 0
        patches.append((drawing(box.name, artwork, box.size), box.x, box.y))
    return paste(image, patches)


def faded(first: Patch, second: Patch, share: float) -> Patch:
    """Two drawings of one size seen through each other."""
    name = first.name if first.name == second.name else None
    return Patch(
        name,
        first.colour * share + second.colour * (1 - share),
        first.clear * share + second.clear * (1 - share),
    )


def glued(first: Patch, second: Patch, share: float, upright: bool) -> Patch:
    """The left (or upper) part of one drawing against the rest of another."""
    name = first.name if first.name == second.name else None
    cut = round(len(first.clear) * share)
    axis = 0 if upright else 1
    colour, clear = (
        np.concatenate([np.split(a, [cut], axis)[0], np.split(b, [cut], axis)[1]], axis)
        for a, b in ((first.colour, second.colour), (first.clear, second.clear))
    )
    return Patch(name, colour, clear)


def severed(patch: Patch, share: float, side: int) -> Patch:
    """A drawing of which about `share` is left, cut along one of the four sides."""
    turned = np.rot90(patch.mask, side)
    ink = np.cumsum(turned.sum(0)) / turned.sum()
    cut = int(np.searchsorted(ink, share)) + 1
    colour, clear = np.rot90(patch.colour, side).copy(), np.rot90(patch.clear, side).copy()
    colour[:, cut:], clear[:, cut:] = 0, 1
    left = float(ink[min(cut, len(ink)) - 1])
    name = patch.name if left > UNSEEN else None
    return Patch(name, np.rot90(colour, -side).copy(), np.rot90(clear, -side).copy(), left)


def smear(size: int, rng: random.Random, noise: np.random.Generator) -> Patch:
    """A smooth blob in the colours of one class, or of two."""
    names = [rng.choice(CLASSES)] * 2 if rng.random() < 0.6 else rng.sample(CLASSES, 2)
    sprites = [scene.sprite(name, rng.randrange(3), 32, False) for name in names]
    inks = [colour[clear[..., 0] < 0.02] for colour, clear in sprites]
    colour, alpha = blob(size, inks, noise)
    return Patch(None, colour * alpha[..., None], 1 - alpha[..., None])


def other(size: int, rng: random.Random, noise: np.random.Generator) -> Patch:
    """Something that is no object, or hardly one; sometimes a cross within one class, which is one."""

    def sprite(name: str) -> Patch:
        return drawing(name, rng.randrange(3), size)

    kind = rng.random()
    if kind < 0.35:
        return smear(size, rng, noise)
    if kind < 0.55:
        return severed(sprite(rng.choice(CLASSES)), rng.uniform(0.2, 0.85), rng.randrange(4))
    a, b = rng.sample(CLASSES, 2)
    if rng.random() < 0.2:
        b = a
    share = rng.uniform(0.35, 0.65)
    if kind < 0.8:
        return glued(sprite(a), sprite(b), share, rng.random() < 0.5)
    return faded(sprite(a), sprite(b), share)


def compose(seed: int, nothings: float = 0.4) -> Truth:
    """Training scene number `seed`; `nothings` is how often something that is no object is in it."""
    rng, noise = random.Random(f"detector-{seed}"), np.random.default_rng([seed, 1])
    image = np.array(scene.ground(noise))
    number = rng.choices(range(7), [5, 25, 22, 16, 14, 12, 6])[0]
    weights = EVEN if rng.random() < 0.5 else scene.ARTWORKS
    herd = rng.random() < 0.45
    names = [rng.choice(CLASSES)] * number if herd else rng.choices(CLASSES, k=number)
    extra = rng.choices([0, 1, 2], [1 - nothings, nothings * 0.75, nothings * 0.25])[0]
    if rng.random() < 0.5:  # as scene.py has them
        low, high = scene.SIZES[min(max(number + extra, 1), 5)]
        overlap, outside = scene.OVERLAP, 0.0
    else:
        low, high = 14, 44
        overlap, outside = rng.choice([0.12, 0.25, 0.4]), rng.choice([0, 0, 0.2])
    todo: list[str | None] = [*names, *[None] * extra]
    rng.shuffle(todo)
    artwork = rng.choices(range(3), weights)[0]
    patches, boxes = [], []
    for name in todo:
        spot = _spot(boxes, low, high, overlap, outside, rng)
        if spot is None:
            continue  # no room: one thing less
        boxes.append(spot)
        if name is None:
            patch = other(spot.size, rng, noise)
        else:
            same = herd and rng.random() < 0.67
            patch = drawing(name, artwork if same else rng.choices(range(3), weights)[0], spot.size)
        patches.append((patch, spot.x, spot.y))
    return paste(image, patches)


def _spot(boxes: list[scene.Box], low: int, high: int, overlap: float, outside: float, rng: random.Random) -> scene.Box | None:
    """Room for one more, smaller as luck runs out."""
    for attempt in range(40):
        size = max(14, round(rng.randint(low, high) * (1 - 0.012 * attempt)))
        over = int(size * outside)
        box = scene.Box("", rng.randint(-over, SIDE - size + over), rng.randint(-over, SIDE - size + over), size)
        if all(scene.shared(box, b) <= overlap for b in boxes):
            return box
    return None


NOTHINGS = ["blob", "half", "hybrid"]


def nothing(kind: str, seed: int) -> Truth:
    """A picture of one thing that is no object: a blob, half a drawing or less, or a cross of two classes."""
    rng, noise = random.Random(f"{kind}-{seed}"), np.random.default_rng([seed, 2])
    image = np.array(scene.ground(noise))
    size = rng.randint(18, 40)
    a, b = (drawing(name, rng.randrange(3), size) for name in rng.sample(CLASSES, 2))
    share = rng.uniform(0.4, 0.6)
    if kind == "blob":
        patch = smear(size, rng, noise)
    elif kind == "half":
        patch = severed(a, rng.uniform(0.25, 0.45), rng.randrange(4))
    elif rng.random() < 0.5:
        patch = glued(a, b, share, rng.random() < 0.5)
    else:
        patch = faded(a, b, share)
    return paste(image, [(patch, rng.randint(0, SIDE - size), rng.randint(0, SIDE - size))])
