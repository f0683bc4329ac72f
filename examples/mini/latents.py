"""The pool: scenes encoded to latents ahead of time, so that stage 2 never waits for stage 1.

The pool grows and then renews itself while training goes on: a few new scenes now and then cost
little, and no scene is seen so often that it is learnt by heart.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from diffusers import AutoencoderKL

import caption
import scene
import team
from bpe import TEXT_LENGTH, Tokenizer
from models import LATENT_CHANNELS, LATENT_SIDE
from run import Run

FAVOUR = 3
FIRST_SEED = 1 << 30  # other scenes than the autoencoder saw


class Pool:
    """Latents float16 [N,4,16,16] (not yet scaled) and token ids [N,32], in main memory."""

    def __init__(self, run: Run, vae: AutoencoderKL, capacity: int) -> None:
        self.run, self.vae, self.capacity = run, vae, capacity
        self.tokenizer = Tokenizer()
        shape = (capacity, LATENT_CHANNELS, LATENT_SIDE, LATENT_SIDE)
        self.latents = torch.empty(shape, dtype=torch.float16)
        self.ids = torch.empty((capacity, TEXT_LENGTH), dtype=torch.int64)
        self.seen = 0  # scenes drawn so far
        self.made = 0  # scenes encoded so far; the newest ones lie before made % capacity
        # Every process its own scenes, and not those again of the run that this one resumes.
        again = int(time.time()) % (1 << 20) * 1024 if run.resume else 0
        self.base = FIRST_SEED + again + team.rank() * (1 << 32)

    def __len__(self) -> int:
        return min(self.made, self.capacity)

    @torch.no_grad()
    def grow(self, number: int) -> None:
        """Add `number` new scenes, over the oldest ones once the pool is full."""
        scenes = [self.next() for _ in range(number)]
        images = torch.from_numpy(np.stack([image for image, _ in scenes])).permute(0, 3, 1, 2)
        x = images.to(self.run.device).float() / 127.5 - 1
        with self.run.autocast():
            mean = self.vae.encode(x).latent_dist.mode()
        where = torch.arange(self.made, self.made + number) % self.capacity
        self.latents[where] = mean.to("cpu", torch.float16)
        self.ids[where] = torch.tensor([self.tokenizer.encode(words) for _, words in scenes])
        self.made += number

    def next(self) -> tuple[np.ndarray, str]:
        """The next scene; of those without the favoured class only one in FAVOUR counts."""
        while True:
            self.seen += 1
            image, words = scene.draw(self.base + self.seen - 1)
            if self.run.favour is None or self.run.favour in caption.read(words) or self.seen % FAVOUR == 0:
                return image, words

    def fill(self, number: int) -> None:
        """Grow to at least `number` scenes."""
        while self.made < number:
            self.grow(256)

    def draw(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """A random batch: latents float32, ids; on the training device."""
        where = torch.randint(len(self), (number,))
        latents = self.latents[where].to(self.run.device).float()
        return latents.contiguous(memory_format=torch.channels_last), self.ids[where].to(self.run.device)

    def scaling_factor(self) -> float:
        """1 / standard deviation of the latents: stage 2 and diffusers multiply by it."""
        return 1.0 / self.latents[: len(self)].float().std().item()
