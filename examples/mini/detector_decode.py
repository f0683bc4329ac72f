"""From the networks' answers to objects, and how good those are; numpy only, the same steps as in Go.

isac/bench/detect/mini does the same; detector_fixture.py makes the test that holds them together.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from artwork import CLASSES
from detector_scene import SIDE, Thing
from detector_shape import components
from detector_target import UNIT


@dataclass(frozen=True)
class Found:
    """One detection; box is x0, y0, x1, y1 in pixels."""

    name: str
    score: float
    box: tuple[float, float, float, float]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def iou(a, b) -> float:
    """Common area over joint area of two boxes."""
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    both = w * h
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def heatmap(y: np.ndarray, score: float, overlap: float) -> list[Found]:
    """Peaks of raw [16,32,32] at or above `score`; of two in one class with IoU above `overlap` the better."""
    p = sigmoid(y[:-4].astype(np.float64))
    wide = np.pad(p, ((0, 0), (1, 1), (1, 1)))
    around = np.max([wide[:, dy : dy + p.shape[1], dx : dx + p.shape[2]] for dy in range(3) for dx in range(3)], 0)
    out: list[Found] = []
    peaks = np.argwhere((p == around) & (p >= score))
    for kind, row, column in sorted(peaks.tolist(), key=lambda at: (-p[tuple(at)], at)):
        left, up, right, down = UNIT * np.exp(y[-4:, row, column].astype(np.float64))
        x, yy = 2 * column + 1, 2 * row + 1
        box = tuple(float(np.clip(v, 0, SIDE)) for v in (x - left, yy - up, x + right, yy + down))
        if all(f.name != CLASSES[kind] or iou(f.box, box) <= overlap for f in out):
            out.append(Found(CLASSES[kind], float(p[kind, row, column]), box))
    return out


def grow(labels: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Let all labels grow at once, pixel by pixel, through what is True in room; the lower label wins a tie."""
    labels = labels.copy()
    none = np.int32(1 << 20)
    while True:
        wide = np.pad(np.where(labels < 0, none, labels), 1, constant_values=none)
        least = np.min([wide[:-2, 1:-1], wide[2:, 1:-1], wide[1:-1, :-2], wide[1:-1, 2:]], 0)
        new = (labels < 0) & room & (least < none)
        if not new.any():
            return labels
        labels[new] = least[new]


def segments(y: np.ndarray, core: float, score: float, pixels: int) -> list[Found]:
    """Objects of raw [14,64,64]: a connected core of at least `pixels`, grown through the pixels that are
    no ground. Its class has the most votes; score = mean core x the winner's share of all votes."""
    y = y.astype(np.float64)
    p = np.exp(y[:-1] - y[:-1].max(0))
    p /= p.sum(0)
    inner = sigmoid(y[-1])
    labels, number = components(inner > core)
    regions = grow(labels, p[0] < 0.5)
    out = []
    for k in range(number):
        heart, region = labels == k, regions == k
        if heart.sum() < pixels:
            continue
        votes = p[1:, region].sum(1)
        kind = int(votes.argmax())
        sure = float(inner[heart].mean() * votes[kind] / region.sum())
        if sure < score:
            continue
        rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
        box = tuple(float(v) for v in (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
        out.append(Found(CLASSES[kind], sure, box))
    return sorted(out, key=lambda f: -f.score)


DECODE = {"heatmap": heatmap, "segments": segments}


def pairs(first: list[Found], second: list[Found], least: float = 0.5) -> list[tuple[int, int]]:
    """One-to-one pairs of one class with IoU >= least, best sum of scores first."""
    able = [
        (-(a.score + b.score), i, j)
        for i, a in enumerate(first)
        for j, b in enumerate(second)
        if a.name == b.name and iou(a.box, b.box) >= least
    ]
    out, left, right = [], set(), set()
    for _, i, j in sorted(able):
        if i not in left and j not in right:
            out.append((i, j))
            left.add(i)
            right.add(j)
    return out


def agreed(first: list[Found], second: list[Found]) -> list[Found]:
    """What both see: mean box and mean score."""
    return [
        Found(
            first[i].name,
            (first[i].score + second[j].score) / 2,
            tuple((u + v) / 2 for u, v in zip(first[i].box, second[j].box, strict=True)),
        )
        for i, j in pairs(first, second)
    ]


def judge(found: list[list[Found]], truths: list[list[Thing]]) -> dict[str, float]:
    """Over many pictures: exact (every object found, class and IoU >= .5, and nothing else), count (classes and
    counts alone), recall, precision, over (pictures in which something is found that is not there)."""
    hits = seen = there = exact = count = over = 0
    for finds, things in zip(found, truths, strict=True):
        want = [Found(t.name, 1.0, (t.x0, t.y0, t.x1, t.y1)) for t in things]
        matched = len(pairs(finds, want))
        hits, seen, there = hits + matched, seen + len(finds), there + len(want)
        exact += matched == len(finds) == len(want)
        got, asked = Counter(f.name for f in finds), Counter(t.name for t in things)
        count += got == asked
        over += any(got[name] > asked[name] for name in got)
    n = len(found)
    return {
        "exact": exact / n,
        "count": count / n,
        "recall": hits / max(there, 1),
        "precision": hits / max(seen, 1),
        "over": over / n,
    }
