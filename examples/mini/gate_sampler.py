"""The model in plain diffusers, many prompts at once, for the gates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor

import caption
import models
import sample
import warm
from bpe import Tokenizer

STEPS = 20
BATCH = {"cpu": 24, "cuda": 384}


def prompt(wanted: dict[str, int]) -> str:
    """The paper's form: "A photo of a dog, two cats, and a horse."."""
    parts = [f"{caption.article(c)} {c}" if n == 1 else f"{caption.WORDS[n]} {caption.PLURALS[c]}" for c, n in wanted.items()]
    return f"A photo of {caption.joined(parts)}."


class Model:
    """The networks of a diffusers folder in float32, and DDIM."""

    def __init__(self, folder: Path, device: str) -> None:
        self.device, self.tokenizer = device, Tokenizer()
        self.unet = UNet2DConditionModel.from_pretrained(folder / "unet", low_cpu_mem_usage=False)
        self.vae = AutoencoderKL.from_pretrained(folder / "vae", low_cpu_mem_usage=False)
        self.text = models.text_encoder(len(self.tokenizer.ids))
        self.text.load_state_dict(warm.weights(folder / "text_encoder" / "model.safetensors", "text_model."))
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
        return sample.noise(number, seed, self.device)

    def sample(self, words: Tensor, noise: Tensor, watch: Callable[[int, Tensor, Tensor], None] | None = None) -> np.ndarray:
        """Pictures uint8 [B,64,64,3] of text states [B,32,128]; watch(step, latents, timestep) comes before each step."""
        both = torch.cat([self.states([""]).expand(len(words), -1, -1), words])
        return sample.denoise(self.unet, self.vae, self.vae.config.scaling_factor, self.scheduler, both, noise, watch)

    def pictures(self, prompts: list[str], seed: int) -> np.ndarray:
        """One picture a prompt, uint8 [B,64,64,3]."""
        batch = BATCH[self.device.split(":")[0]]
        parts = []
        for start in range(0, len(prompts), batch):
            some = prompts[start : start + batch]
            parts.append(self.sample(self.states(some), self.noise(len(some), seed + start)))
        return np.concatenate(parts)
