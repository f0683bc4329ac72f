"""Stage 1: the autoencoder, on scenes composed as it goes."""

from __future__ import annotations

import time

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

import scene
import team
from latents import source
from models import autoencoder
from run import Run, lr_at, pixels

TEST_SEED = 1 << 40  # scenes from here on are never trained on
PEAK = 8e-4  # learning rate
# The first part of the time goes to quarter pictures: four times as many steps, and edges, which
# are what is hard, are local. Whole pictures then settle the norms and the attention.
CROPPED = 0.8
HELD = 160_000  # pictures that a GPU keeps at hand (2 GB)


def pictures(first: int, number: int, distribution: str) -> torch.Tensor:
    """Scenes as float [B,3,64,64] in -1..1, channels last."""
    images = np.stack([scene.draw(first + i, scene.DISTRIBUTIONS[distribution])[0] for i in range(number)])
    return pixels(torch.from_numpy(images))


def crop(x: torch.Tensor) -> torch.Tensor:
    """A random half-by-half part of the pictures, the same one for the whole batch."""
    half = x.shape[2] // 2
    top, left = torch.randint(half + 1, (2,)).tolist()
    part = x[:, :, top : top + half, left : left + half]
    return part.contiguous(memory_format=torch.channels_last)


class Album:
    """Pictures uint8 [N,64,64,3] on the GPU, of which batches are drawn; it grows by what the composing processes have ready."""

    def __init__(self, run: Run, number: int = HELD) -> None:
        self.source = source(run, 0)
        self.pictures = torch.empty((number, scene.SIDE, scene.SIDE, 3), dtype=torch.uint8, device=run.device)
        self.have = 0
        self.grow(min(number, 16_384), wait=True)

    def grow(self, number: int, wait: bool = False) -> None:
        images, _ = self.source.take(min(number, len(self.pictures) - self.have), wait)
        self.pictures[self.have : self.have + len(images)] = torch.from_numpy(images).to(self.pictures.device)
        self.have += len(images)

    def draw(self, number: int) -> torch.Tensor:
        """A random batch, float [number,3,64,64] in -1..1, channels last."""
        self.grow(2048)
        where = torch.randint(self.have, (number,), device=self.pictures.device)
        return pixels(self.pictures[where])


@torch.no_grad()
def psnr(vae: AutoencoderKL, run: Run, number: int = 256) -> float:
    """Mean over held-out scenes of the decibels of the reconstruction from the latent's mean."""
    total = 0.0
    for start in range(0, number, 64):
        x = pictures(TEST_SEED + start, 64, run.scenes).to(run.device)
        with run.autocast():
            y = vae.decode(vae.encode(x).latent_dist.mode()).sample
        error = ((y.float().clamp(-1, 1) - x) / 2).square().mean((1, 2, 3))
        total += (-10 * error.log10()).sum().item()
    return total / number


def train(run: Run, minutes: float, decoder_only: bool = False) -> None:
    """L1 plus squared error plus a little KL; saved to OUT/vae.pt for stage 2.

    With decoder_only the encoder stays as it is, so that the UNet's latents keep their meaning:
    a polish that can come after stage 2, as with Stable Diffusion's own "ft-mse" decoder.
    """
    name = "decoder" if decoder_only else "vae"
    peak = PEAK / 2 if decoder_only else PEAK
    batch = 128 if run.cuda else 12 // team.size()
    whole = batch * team.size()
    vae = autoencoder().to(run.device, memory_format=torch.channels_last)
    step, spent, scenes = 0, 0.0, 0
    state = run.load("vae", always=decoder_only)
    if state:
        vae.load_state_dict(state["model"])
        scenes = state.get("scenes", 0)
    if decoder_only:
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)
        scenes = scenes or 1 << 22
    learnt = [p for p in vae.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=peak, betas=(0.9, 0.95), weight_decay=1e-3, fused=run.cuda)
    if state and not decoder_only and "optimizer" in state:  # there is none where the weights come from a folder
        optimizer.load_state_dict(state["optimizer"])
        step, spent = state["step"], state["spent"]
    team.same_start(vae)

    def autoencode(x):
        mean, logvar = vae.quant_conv(vae.encoder(x)).chunk(2, 1)
        logvar = logvar.clamp(-30, 20)
        z = mean + (0.5 * logvar).exp() * torch.randn_like(mean)
        z = z.contiguous(memory_format=torch.channels_last)  # a slice of channels is not dense
        return vae.decoder(vae.post_quant_conv(z)), mean.float(), logvar.float()

    def save(**more):
        run.save("vae", model=vae.state_dict(), optimizer=optimizer.state_dict(), step=step,
                 spent=spent, scenes=scenes, **more)  # fmt: skip

    album = Album(run) if run.composers else None
    cropped = 0.0 if run.cuda else CROPPED
    began = time.time() - spent
    saved = time.time()
    while (spent := team.agreed(time.time() - began)) < minutes * 60:
        for group in optimizer.param_groups:
            group["lr"] = peak * lr_at(step, spent / (minutes * 60), warmup=100)
        x = album.draw(batch) if album else pictures(scenes + team.rank() * batch, batch, run.scenes).to(run.device)
        scenes += whole
        if spent < cropped * minutes * 60:
            x = crop(x)
        with run.autocast():
            y, mean, logvar = autoencode(x)
        y = y.float()
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
        loss = F.l1_loss(y, x) + 8 * F.mse_loss(y, x) + 2e-4 * kl
        loss.backward()
        team.average_gradients(learnt)
        torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        if team.rank() == 0 and (step % 200 == 0 or step == 10):
            run.log(name, step, scenes, loss.item(), spent, psnr=round(psnr(vae, run, 64), 2))
        if team.rank() == 0 and time.time() - saved > 180:
            save()
            saved = time.time()
    if album:
        album.source.close()
    if team.rank() == 0:
        final = psnr(vae, run)
        run.log(name, step, scenes, loss.item(), spent, psnr=round(final, 2))
        save(done=True, psnr=final)
    team.agreed(0.0)  # the others wait here for the file: stage 2 reads it
