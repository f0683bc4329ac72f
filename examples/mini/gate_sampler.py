"""The model in plain diffusers, many prompts at once, for the gates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file
from torch import Tensor

import caption
import models
from bpe import Tokenizer
from models import LATENT_CHANNELS, LATENT_SIDE

STEPS, CFG = 20, 3.0
BATCH = {"cpu": 24, "cuda": 384}


def prompt(wanted: dict[str, int]) -> str:
    """The paper's form: "A photo of a dog, two cats, and a horse."."""
    parts = [f"{caption.article(c)} {c}" if n == 1 else f"{caption.WORDS[n]} {caption.PLURALS[c]}" for c, n in wanted.items()]
    words = " and ".join(parts) if len(parts) < 3 else ", ".join(parts[:-1]) + ", and " + parts[-1]
    return f"A photo of {words}."


class Model:
    """The networks of a diffusers folder in float32, and DDIM."""

    def __init__(self, folder: Path, device: str) -> None:
        self.device, self.tokenizer = device, Tokenizer()
        self.unet = UNet2DConditionModel.from_pretrained(folder / "unet", low_cpu_mem_usage=False)
        self.vae = AutoencoderKL.from_pretrained(folder / "vae", low_cpu_mem_usage=False)
        self.text = models.text_encoder(len(self.tokenizer.ids))
        weights = load_file(folder / "text_encoder" / "model.safetensors")
        own = {k.removeprefix("text_model."): k for k in self.text.state_dict()}
        loaded = {own[bare]: v for k, v in weights.items() if (bare := k.removeprefix("text_model.")) in own}
        self.text.load_state_dict(loaded)
        for net in (self.unet, self.vae, self.text):
            net.float().eval().requires_grad_(False).to(device)
        self.scheduler = models.scheduler()
        self.scheduler.set_timesteps(STEPS)

    @torch.no_grad()
    def states(self, prompts: list[str]) -> Tensor:
        """The words' text states [B,32,128]."""
        ids = torch.tensor([self.tokenizer.encode(p) for p in prompts], device=self.device)
        return self.text(ids).last_hidden_state.float()

    def noise(self, number: int, seed: int) -> Tensor:
        """Picture i starts from the noise of seed + i."""
        shape = (LATENT_CHANNELS, LATENT_SIDE, LATENT_SIDE)
        return torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(seed + i)) for i in range(number)]).to(self.device)

    @torch.no_grad()
    def sample(self, words: Tensor, noise: Tensor, watch: Callable[[int, Tensor, Tensor], None] | None = None) -> np.ndarray:
        """Pictures uint8 [B,64,64,3] of text states [B,32,128]; watch(step, latents, timestep) comes before each step."""
        empty = self.states([""]).expand(len(words), -1, -1)
        both, x = torch.cat([empty, words]), noise
        for i, t in enumerate(self.scheduler.timesteps):
            if watch:
                watch(i, x, t.to(self.device))
            v0, v = self.unet(torch.cat([x, x]), t.to(self.device), both).sample.chunk(2)
            x = self.scheduler.step(v0 + CFG * (v - v0), t, x).prev_sample
        pixels = self.vae.decode(x / self.vae.config.scaling_factor).sample
        return ((pixels.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()

    def pictures(self, prompts: list[str], seed: int) -> np.ndarray:
        """One picture a prompt, uint8 [B,64,64,3]."""
        batch = BATCH[self.device.split(":")[0]]
        parts = []
        for start in range(0, len(prompts), batch):
            some = prompts[start : start + batch]
            parts.append(self.sample(self.states(some), self.noise(len(some), seed + start)))
        return np.concatenate(parts)
