"""What the two networks are to answer for a scene, and the store that training draws from."""

from __future__ import annotations

import numpy as np

from artwork import CLASSES
from detector_scene import IGNORED, SIDE, Truth

GRID = SIDE // 2  # the heatmap's side
MOST = 8  # objects a scene, at most
UNIT = 8.0  # pixels: the heatmap network gives the logarithm of distances in this unit
CHANNELS_HEAT = len(CLASSES) + 4  # a centre map a class; left, up, right, down
CHANNELS_SEGMENTS = 1 + len(CLASSES) + 1  # ground and classes; core


class Store:
    """Scenes as arrays, ready for batches."""

    def __init__(self, capacity: int) -> None:
        self.images = np.zeros((capacity, SIDE, SIDE, 3), np.uint8)
        self.labels = np.zeros((capacity, SIDE, SIDE), np.uint8)
        self.cores = np.zeros((capacity, SIDE, SIDE), np.uint8)
        self.boxes = np.zeros((capacity, MOST, 4), np.float32)
        self.kinds = np.full((capacity, MOST), -1, np.int64)  # class, -1 for none
        self.sure = np.zeros((capacity, MOST), bool)

    def put(self, at: int, truth: Truth, image: np.ndarray | None = None) -> None:
        """Scene `at`; `image` stands in for the truth's own picture."""
        self.images[at] = truth.image if image is None else image
        self.labels[at], self.cores[at] = truth.label, truth.core
        self.kinds[at] = -1
        for k, thing in enumerate(truth.things[:MOST]):
            self.boxes[at, k] = thing.x0, thing.y0, thing.x1, thing.y1
            self.kinds[at, k], self.sure[at, k] = CLASSES.index(thing.name), thing.sure


def bumps(boxes: np.ndarray, kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A round bump of height 1 around each object's centre cell: [B,K,GRID,GRID]; those cells [B,K,2] as x, y."""
    cell = np.clip((boxes[..., :2] + boxes[..., 2:]) / 4, 0, GRID - 1).astype(np.int64)
    sides = boxes[..., 2:] - boxes[..., :2]
    spread = np.maximum(0.8, 0.05 * np.sqrt(np.maximum(sides[..., 0] * sides[..., 1], 1)))[..., None]
    span = np.arange(GRID, dtype=np.float32)
    x, y = (np.exp(-(((span - cell[..., d, None]) / spread) ** 2) / 2) for d in (0, 1))
    bump = (y[..., :, None] * x[..., None, :]).astype(np.float32)
    bump[kinds < 0] = 0
    return bump, cell


def heat(boxes: np.ndarray, kinds: np.ndarray, sure: np.ndarray) -> tuple[np.ndarray, ...]:
    """For boxes [B,K,4] in pixels, classes [B,K] (-1: none) and whether they count:

    centres [B,C,GRID,GRID] in 0..1, exactly 1 at the centre cell; their weight (0 where an unsure
    object is); logarithms of the distances from a cell's middle to the box's left, upper, right and
    lower side [B,4,GRID,GRID], and the weight of those [B,1,GRID,GRID].
    """
    batch, most = kinds.shape
    bump, _ = bumps(boxes, kinds)
    centres = np.zeros((batch, len(CLASSES), GRID, GRID), np.float32)
    weight = np.ones_like(centres)
    for k in range(most):
        for b in np.flatnonzero(kinds[:, k] >= 0):
            kind = kinds[b, k]
            if sure[b, k]:
                np.maximum(centres[b, kind], bump[b, k], out=centres[b, kind])
            else:
                x0, y0, x1, y1 = (boxes[b, k] / 2).astype(int)
                weight[b, kind, y0 : y1 + 1, x0 : x1 + 1] = 0
    weight[centres == 1] = 1
    owner = bump.argmax(1)  # [B,GRID,GRID]
    near = np.take_along_axis(bump, owner[:, None], 1) > 0.5
    own = boxes[np.arange(batch)[:, None, None], owner]  # [B,GRID,GRID,4]
    middle = 2 * np.arange(GRID, dtype=np.float32) + 1
    x, y = middle[None, None, :], middle[None, :, None]
    sides = np.stack([x - own[..., 0], y - own[..., 1], own[..., 2] - x, own[..., 3] - y], 1)
    return centres, weight, np.log(np.maximum(sides, 1) / UNIT), near.astype(np.float32)


def segments(labels: np.ndarray, cores: np.ndarray) -> tuple[np.ndarray, ...]:
    """For label maps and core maps [B,SIDE,SIDE]: class of every pixel (int64, -100 where it does
    not count) and its weight; core 0 or 1 and its weight (0 where it does not count)."""
    known = labels != IGNORED
    kind = np.where(known, labels, 0).astype(np.int64)
    weight = np.where(kind > 0, 2.0, 1.0).astype(np.float32)
    told = cores != IGNORED
    core = np.where(told, cores, 0).astype(np.float32)
    # The rim between a core and the object's edge is what keeps neighbours apart.
    rim = (kind > 0) & (core == 0)
    heavy = np.where(rim, 3.0, np.where(kind > 0, 2.0, 1.0)) * told
    return np.where(known, kind, -100), weight * known, core, heavy.astype(np.float32)
