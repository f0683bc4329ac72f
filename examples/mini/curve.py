"""Draw a run's losses: `python curve.py --out RUN` writes RUN/loss.png from RUN/log.csv."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def draw(log: Path, to: Path) -> None:
    """The autoencoder's PSNR and the UNet's v-loss by images seen, of the stages that the log has."""
    with log.open() as file:
        rows = list(csv.DictReader(file))
    stages = {stage: [r for r in rows if r["stage"] == stage and (stage == "unet" or r["psnr"])] for stage in ("vae", "decoder", "unet")}
    panels = [p for p in (("vae", "decoder"), ("unet",)) if any(stages[s] for s in p)]
    figure, axes = plt.subplots(1, len(panels), figsize=(4.5 * len(panels), 3.2), squeeze=False)
    for panel, axis in zip(panels, axes[0], strict=True):
        for stage in panel:
            if part := stages[stage]:
                values = [float(r["loss" if stage == "unet" else "psnr"]) for r in part]
                axis.plot([int(r["images"]) / 1000 for r in part], values, label=stage)
        title = "UNet and text, v-loss" if panel == ("unet",) else "autoencoder, held-out PSNR (dB)"
        axis.set(title=title, xlabel="images seen, thousands")
        axis.grid(alpha=0.3)
        axis.legend()
    figure.tight_layout()
    figure.savefig(to, dpi=80)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    options = parser.parse_args()
    draw(options.out / "log.csv", options.out / "loss.png")
