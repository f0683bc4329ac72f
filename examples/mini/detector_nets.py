"""The two detectors' networks. Both take pictures [B,3,64,64] in -1..1.

Every layer is convolution, batch norm and ReLU; detector_export.py folds the norms away, so that
whoever runs the weights needs convolution, ReLU, addition, max pooling and enlarging only.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detector_target import CHANNELS_HEAT, CHANNELS_SEGMENTS


class Unit(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(self, ins: int, outs: int, size: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(ins, outs, size, stride, size // 2, bias=False)
        self.norm = nn.BatchNorm2d(outs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)), inplace=True)

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the one convolution that does the same when the norm is frozen."""
        scale = self.norm.weight / (self.norm.running_var + self.norm.eps).sqrt()
        return self.conv.weight * scale.view(-1, 1, 1, 1), self.norm.bias - self.norm.running_mean * scale


class Heatmap(nn.Module):
    """Centres and box sides on a grid of half the side: [B,16,32,32]. 0.54 M parameters.

    Strided convolutions downwards, sums upwards.
    """

    def __init__(self) -> None:
        super().__init__()
        self.a1, self.a2 = Unit(3, 32, stride=2), Unit(32, 32)
        self.b1, self.b2, self.b3 = Unit(32, 64, stride=2), Unit(64, 64), Unit(64, 64)
        self.c1, self.c2, self.c3 = Unit(64, 128, stride=2), Unit(128, 128), Unit(128, 128)
        self.u1, self.b4 = Unit(128, 64, size=1), Unit(64, 64)
        self.u2, self.a3 = Unit(64, 32, size=1), Unit(32, 64)
        self.head = nn.Conv2d(64, CHANNELS_HEAT, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        with torch.no_grad():
            self.head.bias.zero_()
            self.head.bias[:-4] = -4.0  # centres are rare: begin by seeing none

    def forward(self, x: Tensor) -> Tensor:
        a = self.a2(self.a1(x))
        b = self.b1(a)
        b = b + self.b3(self.b2(b))
        c = self.c1(b)
        c = c + self.c3(self.c2(c))
        b = self.b4(b + F.interpolate(self.u1(c), scale_factor=2))
        return self.head(self.a3(a + F.interpolate(self.u2(b), scale_factor=2)))


class Segments(nn.Module):
    """Class and core of every pixel: [B,14,64,64]. 0.41 M parameters.

    A U-Net: max pooling downwards, concatenation upwards, and four pixels a cell at the end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.d1 = Unit(3, 16)
        self.d2, self.d3 = Unit(16, 32), Unit(32, 32)
        self.d4, self.d5 = Unit(32, 64), Unit(64, 64)
        self.d6, self.d7 = Unit(64, 128), Unit(128, 128)
        self.u1, self.e1 = Unit(128, 64, size=1), Unit(128, 64)
        self.u2, self.e2 = Unit(64, 32, size=1), Unit(64, 64)
        self.head = nn.Conv2d(64, 4 * CHANNELS_SEGMENTS, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.d1(x), 2)
        wide = self.d3(self.d2(x))
        mid = self.d5(self.d4(F.max_pool2d(wide, 2)))
        deep = self.d7(self.d6(F.max_pool2d(mid, 2)))
        mid = self.e1(torch.cat([F.interpolate(self.u1(deep), scale_factor=2), mid], 1))
        wide = self.e2(torch.cat([F.interpolate(self.u2(mid), scale_factor=2), wide], 1))
        return F.pixel_shuffle(self.head(wide), 2)


NETS = {"heatmap": Heatmap, "segments": Segments}
