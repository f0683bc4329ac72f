"""Pictures that went through the autoencoder, made once for both detectors: generated ones look like that.

Some of their latents get noise, which the decoder turns into the smudges of a generated picture.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

import detector_scene as scenes

HERE = Path(__file__).resolve().parent
FIRST_SEED = 1 << 44  # scenes of the pool; those composed while training lie at twice this
BATCH = 32
CLEAN = 0.4  # the part of the pictures whose latents get no noise
NOISE = 0.35  # the most noise, as a part of the latents' standard deviation
SAVE_EVERY = 1024


def truth(index: int) -> scenes.Truth:
    """Pool scene `index`, before the autoencoder: one in three as scene.py draws them."""
    seed = FIRST_SEED + index
    if index % 3:
        return scenes.compose(seed)
    return scenes.observe(seed, scenes.EVEN if index % 2 else None)


def open_autoencoder(device: str, folder: Path = HERE / "model" / "vae") -> AutoencoderKL:
    """The mini model's frozen autoencoder in float32."""
    vae = AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float32).eval()
    return vae.requires_grad_(False).to(device, memory_format=torch.channels_last)


@torch.no_grad()
def autoencode(vae: AutoencoderKL, images: np.ndarray, noise: Tensor | None = None) -> np.ndarray:
    """Pictures uint8 [B,64,64,3] to the autoencoder's version of them; noise [B] in parts of the standard deviation."""
    x = torch.from_numpy(images).permute(0, 3, 1, 2).to(vae.device).float() / 127.5 - 1
    z = vae.encode(x).latent_dist.mode()
    if noise is not None:
        spread = noise.to(z).view(-1, 1, 1, 1) / vae.config.scaling_factor
        z = z + spread * torch.randn_like(z)
    y = vae.decode(z.contiguous(memory_format=torch.channels_last)).sample.float()
    y = ((y.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return y.permute(0, 2, 3, 1).cpu().numpy()


def load(path: Path) -> np.ndarray:
    """The pool's pictures so far, uint8 [N,64,64,3]."""
    if not path.exists():
        return np.empty((0, scenes.SIDE, scenes.SIDE, 3), np.uint8)
    return np.load(path)


def fill(path: Path, number: int, device: str, autocast) -> np.ndarray:
    """Grow the pool at `path` to `number` pictures, whole and saved now and then."""
    images = load(path)
    if len(images) >= number:
        return images[:number]
    vae = open_autoencoder(device)
    done = len(images)
    images = np.concatenate([images, np.empty((number - done, *images.shape[1:]), np.uint8)])
    began, first = time.time(), done
    while done < number:
        end = min(done + BATCH, number)
        torch.manual_seed(done)
        batch = np.stack([truth(i).image for i in range(done, end)])
        noise = torch.rand(len(batch)) * NOISE * (torch.rand(len(batch)) > CLEAN)
        with autocast():
            images[done:end] = autoencode(vae, batch, noise)
        done = end
        if done // SAVE_EVERY > (done - BATCH) // SAVE_EVERY or done == number:
            with open(path.with_suffix(".part"), "wb") as file:
                np.save(file, images[:done])
            os.replace(path.with_suffix(".part"), path)
            rate = (done - first) / (time.time() - began)
            print(f"pool {done}/{number} {rate:.1f} pictures/s", flush=True)
    return images
