"""Go on from an exported model: its float16 weights become the checkpoints that a run resumes from.

The optimizer's memory is not exported; the learning rate's warm-up gives it time to form anew.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file

import team


def checkpoints(folder: Path, out: Path) -> None:
    """Write out/vae.pt and out/unet.pt from a diffusers folder, unless they are there."""
    if team.rank() == 0:
        _keep(out / "vae.pt", {"model": weights(folder / "vae" / "diffusion_pytorch_model.safetensors")})
        unet = weights(folder / "unet" / "diffusion_pytorch_model.safetensors")
        text = weights(folder / "text_encoder" / "model.safetensors", "text_model.")
        scaling = json.loads((folder / "vae" / "config.json").read_text())["scaling_factor"]
        state = {"unet": unet, "text": text, "unet_raw": unet, "text_raw": text}
        _keep(out / "unet.pt", state | {"step": 0, "spent": 0.0, "scaling_factor": scaling})
    team.agreed(0.0)  # the others wait here for the files


def weights(file: Path, prefix: str = "") -> dict[str, torch.Tensor]:
    """A file's tensors in float32, by their names without the prefix."""
    return {k.removeprefix(prefix): v.float() for k, v in load_file(file).items()}


def _keep(path: Path, state: dict) -> None:
    if not path.exists():
        torch.save(state, path)
