"""The prompt as ComfyUI encoded it, for the session: guidance reads the same conditioning that the model denoises with."""
from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Encoded:
    hidden: object  # [1,L,D]
    pooled: object | None  # [1,P]
    sizes: dict | None  # SDXL's
    notes: list = field(default_factory=list)


SIZES = ("height", "width", "crop_h", "crop_w", "target_height", "target_width")
NAMES = ("height", "width", "top", "left", "target_height", "target_width")


def positive(guider) -> Encoded:
    """The positive conditioning of a guider that is sampling. Of several the first that stands for the whole picture is taken."""
    conds = getattr(guider, "conds", {}).get("positive") or []
    conds = [c for c in conds if c.get("cross_attn") is not None]
    if not conds:
        raise ValueError("ISAC Guidance: the sampler has no positive prompt; connect one, its attention shows where the instances are")
    whole = [c for c in conds if c.get("area") is None and c.get("mask") is None]
    notes = []
    if len(conds) > 1:
        which = "the first that stands for the whole picture" if whole else "the first"
        notes.append(f"the positive prompt is made of {len(conds)}: guidance reads {which}")
    cond = (whole or conds)[0]
    if cond.get("control") is not None:
        notes.append("guidance evaluates the model without its ControlNet")
    pooled = cond.get("pooled_output")
    return Encoded(cond["cross_attn"][:1], pooled[:1] if pooled is not None else None, _sizes(cond), notes)


def _sizes(cond):
    """What the encoder node said of the picture's size. Nodes that say nothing leave it to the model: the whole picture."""
    if not any(name in cond for name in SIZES):
        return None
    height, width = cond.get("height", 768), cond.get("width", 768)
    defaults = (height, width, 0, 0, height, width)
    return {name: int(cond.get(theirs, default)) for name, theirs, default in zip(NAMES, SIZES, defaults)}
