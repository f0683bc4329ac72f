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
import compose
import team
from bpe import TEXT_LENGTH, Tokenizer
from models import LATENT_CHANNELS, LATENT_SIDE
from run import Run, pixels

FAVOUR = 3
FIRST_SEED = 1 << 30  # other scenes than the autoencoder saw


def source(run: Run, first: int) -> compose.Drawn | compose.Files:
    """Scenes of the run's distribution from number `first` on, composed here or by processes; every process of a team has its own."""
    first += team.rank() * (1 << 32)
    if run.composers:
        return compose.Files(run.scenes, first, run.composers)
    return compose.Drawn(run.scenes, first)


class Pool:
    """Latents float16 [N,4,16,16] (not yet scaled) and token ids int16 [N,32], on the device that trains."""

    def __init__(self, run: Run, vae: AutoencoderKL, capacity: int) -> None:
        self.run, self.vae, self.capacity = run, vae, capacity
        shape = (capacity, LATENT_CHANNELS, LATENT_SIDE, LATENT_SIDE)
        self.latents = torch.empty(shape, dtype=torch.float16, device=run.device)
        self.ids = torch.empty((capacity, TEXT_LENGTH), dtype=torch.int16, device=run.device)
        self.made = 0  # scenes encoded so far; the newest ones lie before made % capacity
        self.seen = 0  # scenes drawn so far
        # Not those scenes again that the run saw which this one resumes.
        again = int(time.time()) % (1 << 20) * 1024 if run.resume else 0
        self.source = source(run, FIRST_SEED + again)
        tokenizer = Tokenizer()
        names = caption.forms(run.favour) if run.favour else []
        self.favoured = [tokenizer.ids[piece] for name in names for piece in tokenizer.split(name)[:1]]

    def __len__(self) -> int:
        return min(self.made, self.capacity)

    @torch.no_grad()
    def grow(self, number: int, wait: bool = True) -> None:
        """Add `number` new scenes, over the oldest ones once the pool is full; those that are there, where it does not wait."""
        images, ids = self.source.take(number, wait)
        images, ids = self._kept(images, ids)
        for start in range(0, len(ids), 2048):
            x = pixels(torch.from_numpy(images[start : start + 2048]).to(self.run.device))
            with self.run.autocast():
                mean = self.vae.encode(x).latent_dist.mode()
            where = torch.arange(self.made, self.made + len(x), device=self.run.device) % self.capacity
            self.latents[where] = mean.to(torch.float16)
            self.ids[where] = torch.from_numpy(ids[start : start + 2048]).to(self.run.device, torch.int16)
            self.made += len(x)

    def _kept(self, images: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All of them, or with a favoured class: those that name it, and of the others one in FAVOUR."""
        turn = np.arange(self.seen, self.seen + len(ids)) % FAVOUR == 0
        self.seen += len(ids)
        if not self.favoured:
            return images, ids
        keep = turn | np.isin(ids, self.favoured).any(1)
        return images[keep], ids[keep]

    def fill(self, number: int) -> None:
        """Grow to at least `number` scenes."""
        while self.made < number:
            self.grow(min(4096, max(256, number - self.made)))

    def draw(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """A random batch: latents float32, ids; on the training device."""
        where = torch.randint(len(self), (number,), device=self.run.device)
        return self.latents[where].float().contiguous(memory_format=torch.channels_last), self.ids[where].long()

    def scaling_factor(self) -> float:
        """1 / standard deviation of the latents: stage 2 and diffusers multiply by it."""
        return 1.0 / self.latents[: len(self)].float().std().item()
