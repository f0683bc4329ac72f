"""Run the exported detectors from their folder, as the Go program does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from detector_decode import DECODE, Found

HERE = Path(__file__).resolve().parent


def _heatmap(x: Tensor, conv) -> Tensor:
    a = conv("a2", conv("a1", x, stride=2))
    b = conv("b1", a, stride=2)
    b = b + conv("b3", conv("b2", b))
    c = conv("c1", b, stride=2)
    c = c + conv("c3", conv("c2", c))
    b = conv("b4", b + F.interpolate(conv("u1", c), scale_factor=2))
    return conv("head", conv("a3", a + F.interpolate(conv("u2", b), scale_factor=2)), relu=False)


def _segments(x: Tensor, conv) -> Tensor:
    wide = conv("d3", conv("d2", F.max_pool2d(conv("d1", x), 2)))
    mid = conv("d5", conv("d4", F.max_pool2d(wide, 2)))
    deep = conv("d7", conv("d6", F.max_pool2d(mid, 2)))
    mid = conv("e1", torch.cat([F.interpolate(conv("u1", deep), scale_factor=2), mid], 1))
    wide = conv("e2", torch.cat([F.interpolate(conv("u2", mid), scale_factor=2), wide], 1))
    return F.pixel_shuffle(conv("head", wide, relu=False), 2)


FORWARD = {"heatmap": _heatmap, "segments": _segments}


class Detector:
    """One of the folder's detectors."""

    def __init__(self, name: str, folder: Path = HERE / "detector") -> None:
        self.name = name
        settings = dict(json.loads((folder / "detector.json").read_text())["detectors"][name])
        self.weights = {k: v.float() for k, v in load_file(folder / settings.pop("file")).items()}
        self.settings = settings

    @torch.no_grad()
    def raw(self, images: np.ndarray) -> np.ndarray:
        """The network's answer, float32, for pictures uint8 [B,64,64,3]."""

        def conv(name: str, x: Tensor, stride: int = 1, relu: bool = True) -> Tensor:
            weight = self.weights[f"{name}.weight"]
            y = F.conv2d(x, weight, self.weights[f"{name}.bias"], stride, weight.shape[-1] // 2)
            return y.relu() if relu else y

        parts = []
        for batch in np.array_split(images, -(-len(images) // 64)):
            x = torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 127.5 - 1
            parts.append(FORWARD[self.name](x, conv).numpy())
        return np.concatenate(parts)

    def detect(self, images: np.ndarray) -> list[list[Found]]:
        """What is seen in each picture."""
        return [DECODE[self.name](y, **self.settings) for y in self.raw(images)]
