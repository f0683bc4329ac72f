"""Is this model fit to judge guidance? `python gate.py --model model` prints every gate with its bound; it exits with 1 where one is missed.

An object counts where both detectors of detector/ agree. DDIM, 20 steps, CFG 3. The bounds: single things are drawn right; the class word
decides what is drawn (the causal gate, gate_causal.py); its attention lies on the object; and in company the model fails as Stable
Diffusion does, so that there is something to mend.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

import autoencoder
import caption
import gate_causal
import gate_maps
from artwork import CLASSES, GROUPS
from detector_decode import agreed
from detector_run import Detector
from gate_sampler import Model, prompt
from run import Run

HERE = Path(__file__).resolve().parent
SEEDS = {"single": 24, "multi-class": {2: 5, 3: 3}, "multi-instance": 5, "causal": 24}
NAMED = {"multi-class #2, all present": (60, 85), "multi-class #3, all present": (10, 40), "multi-instance, exact": (40, 80)}


@dataclass(frozen=True)
class Gate:
    """One line of the table; percent, except decibels and areas."""

    name: str
    value: float
    low: float
    high: float
    number: int  # pictures, or scenes

    @property
    def passed(self) -> bool:
        return bool(self.low <= self.value <= self.high)

    def line(self) -> str:
        bound = f">= {self.low:g}" if self.high == float("inf") else f"{self.low:g} to {self.high:g}"
        return f"{self.name:50} {self.value:8.2f}   {bound:>12}   of {self.number:<5} {'passed' if self.passed else 'MISSED'}"


class Judge:
    """Counts what is in pictures: what both detectors see."""

    def __init__(self) -> None:
        self.detectors = [Detector(name) for name in ("heatmap", "segments")]

    def boxes(self, images: np.ndarray) -> list[list]:
        """The things in each picture uint8 [B,64,64,3]."""
        one, two = (d.detect(images) for d in self.detectors)
        return [agreed(a, b) for a, b in zip(one, two, strict=True)]

    def counts(self, images: np.ndarray) -> list[Counter]:
        return [Counter(found.name for found in things) for things in self.boxes(images)]


def share(hits: list[bool]) -> float:
    return 100 * sum(hits) / len(hits)


def single(model: Model, judge: Judge, seeds: int) -> tuple[list[Gate], dict[str, float]]:
    """One object of each class: exactly that object and nothing else."""
    wanted = [{c: 1} for c in CLASSES for _ in range(seeds)]
    seen = judge.counts(model.pictures([prompt(w) for w in wanted], 4_000_000))
    right = [s == w for s, w in zip(seen, wanted, strict=True)]
    by = {c: share(right[i * seeds : (i + 1) * seeds]) for i, c in enumerate(CLASSES)}
    return [Gate("one object, exactly right", share(right), 97, float("inf"), len(right))], by


def company(model: Model, judge: Judge, seeds: dict) -> list[Gate]:
    """Several classes, and several of one class."""
    rng, gates = random.Random(2026), []
    for k, times in seeds["multi-class"].items():
        wanted = []
        for group in GROUPS.values():
            for names in itertools.combinations(group, k):
                names = rng.sample(names, k)
                wanted += [dict.fromkeys(names, 1)] * times
        seen = judge.counts(model.pictures([prompt(w) for w in wanted], 1_000_000 * k))
        name = f"multi-class #{k}, all present"
        hits = [all(s[c] for c in w) for s, w in zip(seen, wanted, strict=True)]
        gates.append(Gate(name, share(hits), *NAMED[name], len(hits)))
    wanted = [{c: n} for n in sorted(caption.WORDS) for c in CLASSES for _ in range(seeds["multi-instance"])]
    seen = judge.counts(model.pictures([prompt(w) for w in wanted], 8_000_000))
    name = "multi-instance, exact"
    return [*gates, Gate(name, share([s == w for s, w in zip(seen, wanted, strict=True)]), *NAMED[name], len(wanted))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=HERE / "model", help="a diffusers folder")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--part", type=float, default=1.0, help="of the seeds, at least one each: a quick look")
    parser.add_argument("--to", type=Path, help="write the figures here too, as JSON")
    options = parser.parse_args()

    def part(n):
        return {k: part(v) for k, v in n.items()} if isinstance(n, dict) else max(1, round(n * options.part))

    seeds = part(SEEDS)
    model, judge = Model(options.model, options.device), Judge()
    gates, by_class = single(model, judge, seeds["single"])
    run = Run(options.device, HERE, False, False, scenes="underdescribed", exact=True)
    number = max(64, round(256 * options.part) // 64 * 64)
    gates.append(Gate("autoencoder, decibels", autoencoder.psnr(model.vae, run, number), 33, float("inf"), number))
    gates += [Gate(*row) for row in gate_causal.gates(model, judge, seeds["causal"])]
    gates += [Gate(*row) for row in gate_maps.gates(model, judge, max(1, round(60 * options.part)))]
    gates += company(model, judge, seeds)
    for gate in gates:
        print(gate.line())
    print("one object by class:", ", ".join(f"{c} {v:.0f}" for c, v in by_class.items()))
    if options.to:
        rows = [
            asdict(g) | {"value": round(float(g.value), 3), "high": None if g.high == float("inf") else g.high, "passed": g.passed}
            for g in gates
        ]
        options.to.write_text(json.dumps({"gates": rows, "by_class": by_class}, indent=1) + "\n")
    raise SystemExit(0 if all(gate.passed for gate in gates) else 1)


if __name__ == "__main__":
    main()
