"""Draws instance masks: one colour an instance, the more opaque the larger its soft mask is."""
from __future__ import annotations

import torch
from torch.nn import functional

from .reports import masks, strengths

# Colours that people of every colour vision tell apart (Okabe and Ito, 2008), as in the pictures of isac-plugin.
HEX = "E69F00 0072B2 009E73 CC79A7 56B4E9 D55E00 F0E442"
COLOURS = torch.tensor([list(bytes.fromhex(colour)) for colour in HEX.split()]) / 255
GREY = 0xEC / 255
FAINTEST = 0.4  # how strongly the weakest pixel of an instance covers what is below
OVER_PICTURE = 0.65


def resize(planes, height, width, smooth):
    """[N,h,w] -> [N,height,width]."""
    mode = {"mode": "bilinear", "align_corners": False} if smooth else {"mode": "nearest-exact"}
    return functional.interpolate(planes[:, None].float(), size=(height, width), **mode)[:, 0]


def paint(report, height, width, smooth, below=None):
    """A picture [height,width,3] of a report; below is a picture of that size to paint over."""
    out = torch.full((height, width, 3), GREY) if below is None else below[..., :3].float().cpu().clone()
    hard = masks(report)
    if hard is None:
        return out
    soft = strengths(report) * hard
    peak = soft.flatten(1).max(dim=1).values.clamp_min(1e-12)[:, None, None]
    cover = hard * (FAINTEST + (1 - FAINTEST) * soft / peak) * (1.0 if below is None else OVER_PICTURE)
    for i, plane in enumerate(resize(cover, height, width, smooth)):
        out += plane[..., None] * (COLOURS[i % len(COLOURS)] - out)
    return out.clamp(0, 1)
