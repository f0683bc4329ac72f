"""Write a training's weights as a diffusers folder: float16, one file a network.

`python export.py --out RUN --to model`: files are written beside the folder and then renamed
into it, so that whoever loads the model meanwhile finds whole files.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import models
from bpe import END, FOLDER, START, Tokenizer

HERE = Path(__file__).resolve().parent


def build(run: Path) -> dict[str, torch.nn.Module]:
    """The three networks of a run, with averaged weights, in float16."""
    vae_state = torch.load(run / "vae.pt", map_location="cpu", weights_only=True)
    state = torch.load(run / "unet.pt", map_location="cpu", weights_only=True)
    tokenizer = Tokenizer()
    assert tokenizer.ids[END] == tokenizer.ids[START] + 1 == len(tokenizer.ids) - 1
    nets = {
        "vae": models.autoencoder(),
        "unet": models.unet(),
        "text_encoder": models.text_encoder(len(tokenizer.ids)),
    }
    nets["vae"].load_state_dict(vae_state["model"])
    nets["unet"].load_state_dict(state["unet"])
    nets["text_encoder"].load_state_dict(state["text"])
    nets["vae"].register_to_config(scaling_factor=state["scaling_factor"])
    for name, net in nets.items():
        net.eval().half()
        bad = [k for k, v in net.state_dict().items() if not torch.isfinite(v).all()]
        if bad:
            raise ValueError(f"{name}: not finite in float16: {bad}; lower the learning rate")
    return nets


def with_prefix(file: Path) -> None:
    """Put "text_model." before the names, as in SD1's checkpoints; transformers 5 leaves it out."""
    tensors = {f"text_model.{k.removeprefix('text_model.')}": v for k, v in load_file(file).items()}
    save_file(tensors, file, metadata={"format": "pt"})


def index() -> dict:
    """model_index.json: a StableDiffusionPipeline without the safety checker."""
    return {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.42.1",
        "feature_extractor": [None, None],
        "image_encoder": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }


def export(run: Path, to: Path) -> None:
    """Write run's model to the folder `to`, replacing what is there file by file."""
    part = to.with_name(to.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    for name, net in build(run).items():
        net.save_pretrained(part / name, safe_serialization=True)
    with_prefix(part / "text_encoder" / "model.safetensors")
    # transformers loads in the dtype that the config names, diffusers in float32: let them agree.
    config = part / "text_encoder" / "config.json"
    config.write_text(config.read_text().replace('"float16"', '"float32"'))
    models.scheduler().save_pretrained(part / "scheduler")
    shutil.copytree(FOLDER, part / "tokenizer")
    (part / "model_index.json").write_text(json.dumps(index(), indent=2) + "\n")
    for file in sorted(part.rglob("*")):
        if file.is_file():
            target = to / file.relative_to(part)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.chmod(0o644)
            os.replace(file, target)
    shutil.rmtree(part)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    parser.add_argument("--to", type=Path, default=HERE / "model")
    options = parser.parse_args()
    export(options.out, options.to)
    files = [f for f in options.to.rglob("*") if f.is_file()]
    print(options.to, round(sum(f.stat().st_size for f in files) / 1e6, 1), "MB")
