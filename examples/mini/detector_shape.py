"""Shapes: boxes, cores and blobs, on small arrays with numpy alone."""

from __future__ import annotations

import numpy as np
from PIL import Image


def ink_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """The smallest box x0, y0, x1, y1 (exclusive) around what is True."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def dilate(mask: np.ndarray, times: int) -> np.ndarray:
    """Grow by `times` pixels to all eight sides."""
    for _ in range(times):
        wide = np.pad(mask, 1)
        rows = wide[:-2] | wide[1:-1] | wide[2:]
        mask = rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]
    return mask


def erode(mask: np.ndarray, times: int) -> np.ndarray:
    """Shrink by `times` pixels; what lies outside the array counts as empty."""
    for _ in range(times):
        wide = np.pad(mask, 1)
        rows = wide[:-2] & wide[1:-1] & wide[2:]
        mask = rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]
    return mask


def components(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Connected parts, four neighbours a pixel: labels from 0 in reading order, -1 elsewhere; how many."""
    height, width = mask.shape
    labels = np.full(mask.shape, -1, np.int32)
    number = 0
    for y, x in zip(*np.nonzero(mask), strict=True):
        if labels[y, x] >= 0:
            continue
        labels[y, x] = number
        todo = [(int(y), int(x))]
        while todo:
            v, u = todo.pop()
            for b, a in ((v - 1, u), (v + 1, u), (v, u - 1), (v, u + 1)):
                if 0 <= b < height and 0 <= a < width and mask[b, a] and labels[b, a] < 0:
                    labels[b, a] = number
                    todo.append((b, a))
        number += 1
    return labels, number


def core(mask: np.ndarray) -> np.ndarray:
    """The inner part of a silhouette, one connected piece: where two objects touch, their cores do not.

    Gaps between legs are closed first, or an animal's core would fall apart; then the edge is
    taken off, and the largest piece is kept.
    """
    size = max(mask.shape)
    close, off = max(1, size // 12), max(2, round(size * 0.09))
    wide = np.pad(mask, close)
    closed = erode(dilate(wide, close), close)[close:-close, close:-close]
    for times in range(off, -1, -1):
        inner = erode(closed, times)
        if inner.sum() >= 8:
            break
    labels, number = components(inner)
    if number == 0:
        return inner
    return labels == np.bincount(labels[labels >= 0]).argmax()


def blob(size: int, inks: list[np.ndarray], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A smooth shape in colours drawn from `inks` ([N,3] each): colour [size,size,3], alpha [size,size]."""
    span = np.linspace(-1, 1, size, dtype=np.float32)
    x, y = np.meshgrid(span, span)
    angle, radius = np.arctan2(y, x), np.hypot(x * rng.uniform(1, 1.7), y * rng.uniform(1, 1.7))
    edge = np.full_like(x, 0.72)
    for k in (1, 2, 3, 4):
        edge += rng.uniform(0, 0.3 / k) * np.cos(k * angle + rng.uniform(0, 6.3))
    alpha = np.clip((edge - radius) * size / 2 / rng.uniform(0.8, 3) + 0.5, 0, 1)
    # Two or three colours, mixed by soft noise.
    colour = np.empty((size, size, 3), np.float32)
    colour[:] = inks[0][rng.integers(len(inks[0]))]
    for _ in range(rng.integers(1, 3)):
        ink = inks[rng.integers(len(inks))]
        coarse = rng.normal(0, 1, (rng.integers(2, 6),) * 2).astype(np.float32)
        share = np.asarray(Image.fromarray(coarse).resize((size, size), Image.BICUBIC))
        share = np.clip(share * rng.uniform(1, 4) + rng.uniform(-0.5, 0.5), 0, 1)[..., None]
        colour += share * (ink[rng.integers(len(ink))] - colour)
    return colour, alpha.astype(np.float32)
