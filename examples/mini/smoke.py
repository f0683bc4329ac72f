"""Train both stages for a few minutes from nothing and look at what came out: `python smoke.py --minutes 5`, the target `make train-smoke`.

It fails where a loss does not fall, where the encoder leaks, or where the exported folder does not draw.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

HERE = Path(__file__).resolve().parent


def run(*args) -> None:
    subprocess.run([sys.executable, *map(str, args)], cwd=HERE, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out, model = Path(folder) / "run", Path(folder) / "model"
        run("train.py", "--device", options.device, "--minutes", options.minutes, "--vae-minutes", options.minutes * 0.4, "--out", out)
        run("train.py", "--device", options.device, "--stage", "unet", "--minutes", options.minutes * 0.7, "--vae-minutes", 0, "--resume",
            "--composers", 1, "--out", out)  # fmt: skip
        with (out / "log.csv").open() as file:
            rows = list(csv.DictReader(file))
        for stage in ("vae", "unet"):
            losses = [float(r["loss"]) for r in rows if r["stage"] == stage]
            assert len(losses) > 1 and losses[-1] < 0.8 * losses[0], f"{stage}: the loss did not fall: {losses}"
        run("export.py", "--out", out, "--to", model)
        words = load_file(model / "text_encoder" / "model.safetensors")
        projections = [v for k, v in words.items() if "out_proj" in k]
        assert projections and all(not v.any() for v in projections), "the text encoder's self-attention writes into other words"

        from gate_sampler import Model

        torch.manual_seed(0)
        pictures = Model(model, options.device).pictures(["A photo of a cat.", "A photo of two apples."], 1)
        assert pictures.shape == (2, 64, 64, 3) and np.ptp(pictures) > 30, "the pictures are of one colour"
    print(f"both stages train: {rows[-1]['images']} images, v-loss {rows[-1]['loss']}")


if __name__ == "__main__":
    main()
