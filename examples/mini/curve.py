"""Draw a run's losses: `python curve.py --out RUN` writes RUN/loss.png from RUN/log.csv."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def draw(log: Path, to: Path) -> None:
    """Left: the autoencoder's PSNR. Right: the UNet's v-loss. Both by images seen."""
    with log.open() as file:
        rows = list(csv.DictReader(file))
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    for name in ("vae", "decoder"):
        part = [r for r in rows if r["stage"] == name and r["psnr"]]
        left.plot([int(r["images"]) / 1000 for r in part], [float(r["psnr"]) for r in part], label=name)
    left.axhline(30, color="grey", linestyle=":")
    left.set(title="autoencoder, held-out PSNR (dB)", xlabel="scenes seen, thousands")
    left.legend()
    part = [r for r in rows if r["stage"] == "unet"]
    right.plot([int(r["images"]) / 1000 for r in part], [float(r["loss"]) for r in part])
    right.set(title="UNet and text, v-loss", xlabel="images seen, thousands", ylim=(0, 0.6))
    right.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(to, dpi=80)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    options = parser.parse_args()
    draw(options.out / "log.csv", options.out / "loss.png")
