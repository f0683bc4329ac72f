"""Do the class words' maps lie on the objects? The area under the curve of the propagated map against the boxes that the detectors find."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import caption
from artwork import GROUPS
from gate_sampler import BATCH, STEPS, prompt
from models import LATENT_SIDE, SIDE

if TYPE_CHECKING:
    from gate import Judge
    from gate_sampler import Model

FROM = 5  # the first step that counts
UNIT = SIDE // LATENT_SIDE


class Recorder:
    """A diffusers attention processor: sums of attention over heads and layers at full size, where it is on."""

    def __init__(self) -> None:
        self.on, self.own, self.cross, self.layers = False, 0, 0, [0, 0]

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None, **_):
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        b, n, _ = hidden_states.shape

        def heads(t: Tensor) -> Tensor:
            return t.view(b, -1, attn.heads, t.shape[-1] // attn.heads).transpose(1, 2)

        q, k, v = heads(attn.to_q(hidden_states)), heads(attn.to_k(context)), heads(attn.to_v(context))
        if self.on and n == LATENT_SIDE**2:
            mean = torch.softmax(q @ k.transpose(-1, -2) * attn.scale, -1).mean(1)
            if encoder_hidden_states is None:
                self.own, self.layers[0] = self.own + mean, self.layers[0] + 1
            else:
                self.cross, self.layers[1] = self.cross + mean, self.layers[1] + 1
        out = F.scaled_dot_product_attention(q, k, v, scale=attn.scale).transpose(1, 2).reshape(b, n, -1)
        return attn.to_out[1](attn.to_out[0](out))

    def propagated(self) -> Tensor:
        """SA·CA [B,256,32]: what the self-attention makes of the words' columns."""
        return (self.own / self.layers[0]) @ (self.cross / self.layers[1])


def area(values: np.ndarray, inside: np.ndarray) -> float:
    """The area under the curve: how often a value inside is above one outside; ties count half."""
    yes, no = values[inside], values[~inside]
    order = np.searchsorted(np.sort(no), yes, "left") + np.searchsorted(np.sort(no), yes, "right")
    return float(order.sum() / (2 * len(yes) * len(no)))


def inside(boxes: list, name: str) -> np.ndarray:
    """The places [256] whose middle lies in a box of the class."""
    middle = (np.arange(LATENT_SIDE) + 0.5) * UNIT
    mask = np.zeros((LATENT_SIDE, LATENT_SIDE), bool)
    for found in boxes:
        if found.name == name:
            x0, y0, x1, y1 = found.box
            mask |= ((middle > y0) & (middle < y1))[:, None] & ((middle > x0) & (middle < x1))[None]
    return mask.reshape(-1)


def gates(model: Model, judge: Judge, number: int) -> list[tuple]:
    """Rows of gate.Gate: the worst step's mean over classes that were drawn, for one word of each of two classes and for plurals."""
    rng = random.Random(7)
    two = [dict.fromkeys(rng.sample(names, 2), 1) for g in GROUPS.values() for names in itertools.combinations(g, 2)]
    plural = [{c: n} for g in GROUPS.values() for c in g for n in (2, 3)]
    rows = []
    for name, kinds, seed in (("two classes", two, 6_000_000), ("plurals", plural, 7_000_000)):
        value = worst(model, judge, rng.choices(kinds, k=number), seed)
        rows.append((f"maps on the objects, {name}, worst step", value, 0.9, float("inf"), number))
    return rows


def worst(model: Model, judge: Judge, wanted: list[dict[str, int]], seed: int) -> float:
    """The lowest, over the steps from FROM on, of the mean area."""
    recorder = Recorder()
    before = model.unet.attn_processors
    model.unet.set_attn_processor(recorder)
    areas: dict[int, list[float]] = {}
    batch = BATCH[model.device.split(":")[0]]
    for start in range(0, len(wanted), batch):
        some = wanted[start : start + batch]
        words = model.states([prompt(w) for w in some])
        maps: dict[int, np.ndarray] = {}

        def watch(step: int, x: Tensor, t: Tensor, words: Tensor = words, maps: dict[int, np.ndarray] = maps) -> None:
            if step < FROM or step % 3 != FROM % 3 and step != STEPS - 1:
                return
            recorder.on, recorder.own, recorder.cross, recorder.layers = True, 0, 0, [0, 0]
            model.unet(x, t, words)
            recorder.on = False
            maps[step] = recorder.propagated().cpu().numpy()

        things = judge.boxes(model.sample(words, model.noise(len(some), seed + start), watch))
        for i, w in enumerate(some):
            for name, n in w.items():
                mask = inside(things[i], name)
                if mask.any() and not mask.all():
                    places = positions(model.tokenizer, prompt(w), name if n == 1 else caption.PLURALS[name])
                    for step, m in maps.items():
                        areas.setdefault(step, []).append(area(m[i][:, places].mean(1), mask))
    model.unet.set_attn_processor(before)
    return min(float(np.mean(a)) for a in areas.values())


def positions(tokenizer, text: str, word: str) -> list[int]:
    """Where a word's tokens lie; the start token is 0."""
    places, pending = [], ""
    for i, piece in enumerate(tokenizer.split(text), 1):
        places.append(i)
        pending += piece.removesuffix("</w>")
        if piece.endswith("</w>"):
            if pending == word:
                return places
            places, pending = [], ""
    raise ValueError(f"{text!r} does not hold {word!r}")
