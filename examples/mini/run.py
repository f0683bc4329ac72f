"""What both stages share: device, precision, learning rate, checkpoints and the log."""

from __future__ import annotations

import csv
import math
import os
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

COLUMNS = ["stage", "step", "images", "minutes", "loss", "images_per_s", "psnr", "pool", "time"]


@dataclass
class Run:
    """One training: where it runs and where it writes."""

    device: str
    out: Path
    resume: bool
    compile: bool
    rate: float = 1.0  # the learning rate's factor
    favour: str | None = None  # a class that stage 2 sees more of
    scenes: str = "described"  # which of scene.DISTRIBUTIONS
    leak: bool = True  # whether words' text states may hold other words
    composers: int = 0  # processes that compose scenes; without them the training does
    exact: bool = False  # float32 instead of bfloat16
    batch: int | None = None  # stage 2's batch, of all processes together

    @property
    def cuda(self) -> bool:
        return self.device.startswith("cuda")

    def autocast(self):
        """bfloat16 for whatever torch thinks can bear it; weights stay float32."""
        kind = "cuda" if self.cuda else "cpu"
        return torch.autocast(kind, torch.bfloat16) if not self.exact else nullcontext()

    def save(self, name: str, **state) -> None:
        """Write OUT/name.pt whole or not at all, so that a kill cannot spoil it."""
        part = self.out / f"{name}.part"
        torch.save(state, part)
        os.replace(part, self.out / f"{name}.pt")

    def load(self, name: str, always: bool = False) -> dict | None:
        """OUT/name.pt where this run resumes (or always) and it exists."""
        path = self.out / f"{name}.pt"
        if not (self.resume or always) or not path.exists():
            return None
        return torch.load(path, map_location=self.device, weights_only=True)

    def log(self, stage: str, step: int, images: int, loss: float, spent: float, **more) -> None:
        """A line on the screen and in log.csv."""
        row = dict.fromkeys(COLUMNS, "") | more
        row |= {
            "stage": stage,
            "step": step,
            "images": images,
            "minutes": round(spent / 60, 2),
            "loss": round(loss, 5),
            "images_per_s": round(images / max(spent, 1e-9), 1),
            "time": time.strftime("%H:%M:%S", time.gmtime()),
        }
        path = self.out / "log.csv"
        fresh = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            if fresh:
                writer.writeheader()
            writer.writerow(row)
        print(" ".join(f"{k}={v}" for k, v in row.items() if v != ""), flush=True)


def pixels(images: torch.Tensor) -> torch.Tensor:
    """Pictures uint8 [B,H,W,3] as float [B,3,H,W] in -1..1, channels last, on their device."""
    return images.permute(0, 3, 1, 2).float() / 127.5 - 1


def lr_at(step: int, done: float, warmup: int, flat: float = 0.4) -> float:
    """A part of the peak rate: linear warm-up, flat until `flat` of the time, then a cosine to 0."""
    if step < warmup:
        return (step + 1) / warmup
    if done < flat:
        return 1.0
    return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (done - flat) / (1 - flat)))
