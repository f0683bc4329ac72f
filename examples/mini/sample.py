"""Draw a grid of samples from fixed prompts and seeds: `python sample.py --model model`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

import caption
from artwork import CLASSES
from bpe import Tokenizer
from models import LATENT_CHANNELS, LATENT_SIDE, scheduler

SINGLE = [f"A photo of {caption.article(c)} {c}." for c in CLASSES]
MULTIPLE = [
    "A photo of two cats.",
    "A photo of three apples.",
    "A photo of four dogs.",
    "A photo of five cats.",
    "A photo of five bananas.",
    "A photo of a dog and a cat.",
    "A photo of a horse and a sheep.",
    "A photo of a cat and a horse.",  # a held-out pair
    "A photo of a pizza and a carrot.",
    "A photo of a dog, a cat, and a horse.",
    "A photo of an apple, a donut, and a carrot.",
    "A photo of a dog, a cat, a horse, and a cow.",
]
PROMPTS = SINGLE + MULTIPLE
STEPS, GUIDANCE, PER_PROMPT = 25, 3.0, 4


def noise(number: int, seed: int, device: str | torch.device) -> Tensor:
    """What sampling starts from, [number,4,16,16]; image i's is that of seed + i, on every device."""
    shape = (LATENT_CHANNELS, LATENT_SIDE, LATENT_SIDE)
    return torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(seed + i)) for i in range(number)]).to(device)


@torch.no_grad()
def images(unet, text, vae, scaling: float, prompts: list[str], seed: int = 0) -> np.ndarray:
    """One image a prompt, uint8 [B,64,64,3]; image i starts from the noise of seed + i."""
    device = next(unet.parameters()).device
    tokenizer, ddim = Tokenizer(), scheduler()
    ids = torch.tensor([tokenizer.encode(p) for p in ["", *prompts]], device=device)
    words = text(ids).last_hidden_state.float()
    n = len(prompts)
    both = torch.cat([words[:1].expand(n, -1, -1), words[1:]])
    x = noise(n, seed, device)
    ddim.set_timesteps(STEPS)
    with torch.autocast(device.type, torch.bfloat16):
        return denoise(unet, vae, scaling, ddim, both, x)


@torch.no_grad()
def denoise(
    unet, vae, scaling: float, ddim, both: Tensor, x: Tensor, watch: Callable[[int, Tensor, Tensor], None] | None = None
) -> np.ndarray:
    """Images uint8 [B,64,64,3] of noise x [B,4,16,16] and text states [2B,32,128], those without words first.

    watch(step, latents, timestep) comes before each step.
    """
    for i, t in enumerate(ddim.timesteps):
        at = t.to(x.device)
        if watch:
            watch(i, x, at)
        v0, v = unet(torch.cat([x, x]), at, both).sample.float().chunk(2)
        x = ddim.step(v0 + GUIDANCE * (v - v0), t, x).prev_sample
    pixels = vae.decode(x / scaling).sample.float()
    pixels = ((pixels.clamp(-1, 1) + 1) * 127.5).round().byte()
    return pixels.permute(0, 2, 3, 1).cpu().numpy()


def sheet(pictures: np.ndarray, prompts: list[str], columns: int = 3) -> Image.Image:
    """Blocks of one prompt's images with the prompt over them."""
    per, side = len(pictures) // len(prompts), pictures.shape[1]
    width, height = per * (side + 2) + 6, side + 16
    rows = -(-len(prompts) // columns)
    out = Image.new("RGB", (columns * width, rows * height), "white")
    pen = ImageDraw.Draw(out)
    for i, prompt in enumerate(prompts):
        x, y = i % columns * width, i // columns * height
        pen.text((x + 2, y + 1), prompt, fill="black", font_size=11)
        for j in range(per):
            picture = Image.fromarray(pictures[i * per + j])
            out.paste(picture, (x + j * (side + 2), y + 14))
    return out


def grid(unet, text, vae, scaling: float, path: Path) -> None:
    """Write the grid of all PROMPTS, PER_PROMPT images each."""
    wanted = [p for p in PROMPTS for _ in range(PER_PROMPT)]
    parts = [images(unet, text, vae, scaling, wanted[i : i + 48], seed=i) for i in range(0, len(wanted), 48)]
    sheet(np.concatenate(parts), PROMPTS).save(path, optimize=True)


if __name__ == "__main__":
    from diffusers import StableDiffusionPipeline

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path(__file__).parent / "model")
    parser.add_argument("--to", type=Path, default=Path("samples.png"))
    options = parser.parse_args()
    pipe = StableDiffusionPipeline.from_pretrained(options.model)
    grid(pipe.unet, pipe.text_encoder, pipe.vae, pipe.vae.config.scaling_factor, options.to)
