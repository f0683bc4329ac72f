"""Train the mini model's two detectors: `python detector.py --minutes 15 --out out/det [--resume]`.

The minutes are for each of them, not counting the pool of autoencoded pictures that is made first.
"""

# ruff: noqa: E402 - the allocator's environment must be set before torch is imported
from __future__ import annotations

import os
import sys

# See train.py: the allocator reads these when a process starts.
_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(1 << 28),
    "OMP_WAIT_POLICY": "passive",
}
if __name__ == "__main__" and not set(_MEMORY) <= set(os.environ):
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | _MEMORY)

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import detector_pool as pool
import detector_scene as scenes
import detector_target as target
from detector_nets import NETS
from run import Run, lr_at

PEAK = 2e-3  # learning rate
BATCH = 64  # half from the pool, half composed lately
RING = 4096  # scenes composed lately
FRESH = 20  # new ones a step


def augment(x: Tensor) -> Tensor:
    """Change light, colour and sharpness a little; pictures [B,3,64,64] in -1..1."""
    b = len(x)
    x = x * (1 + 0.08 * torch.randn(b, 1, 1, 1, device=x.device)) + 0.05 * torch.randn(b, 3, 1, 1, device=x.device)
    soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    share = torch.rand(b, 1, 1, 1, device=x.device).sub_(0.5).clamp_min_(0) * 1.6  # none for half of them
    x = torch.lerp(x, soft, share)
    grain = 0.03 * torch.rand(b, 1, 1, 1, device=x.device)
    return (x + grain * torch.randn_like(x)).clamp_(-1, 1).contiguous(memory_format=torch.channels_last)


def heatmap_loss(y: Tensor, store: target.Store, at: np.ndarray) -> Tensor:
    """CenterNet's focal loss, and the distance of log sides near the centres."""
    parts = target.heat(store.boxes[at], store.kinds[at], store.sure[at])
    centres, weight, sides, near = (torch.from_numpy(part).to(y.device) for part in parts)
    logits, guess = y[:, :-4].float(), y[:, -4:].float()
    p = logits.sigmoid()
    hit = (centres == 1).float()
    found = hit * (1 - p) ** 2 * F.logsigmoid(logits)
    spared = (1 - hit) * (1 - centres) ** 4 * weight * p**2 * F.logsigmoid(-logits)
    focal = -(found + spared).sum() / hit.sum().clamp_min(1)
    size = (F.smooth_l1_loss(guess, sides, reduction="none", beta=0.1) * near).sum() / near.sum().clamp_min(1)
    return focal + size


def segments_loss(y: Tensor, store: target.Store, at: np.ndarray) -> Tensor:
    """Cross entropy of the classes and of the cores."""
    parts = target.segments(store.labels[at], store.cores[at])
    kind, weight, core, heavy = (torch.from_numpy(part).to(y.device) for part in parts)
    y = y.float()
    classes = F.cross_entropy(y[:, :-1], kind, reduction="none")
    inner = F.binary_cross_entropy_with_logits(y[:, -1], core, reduction="none")
    return (classes * weight).sum() / weight.sum() + (inner * heavy).sum() / heavy.sum()


LOSSES = {"heatmap": heatmap_loss, "segments": segments_loss}


def fill(run: Run, number: int) -> tuple[target.Store, int]:
    """The pool, its truths and room for RING composed scenes behind it; the pool's length."""
    images = pool.fill(run.out / "pool.npy", number, run.device, run.autocast)
    store = target.Store(len(images) + RING)
    for i, image in enumerate(images):
        store.put(i, pool.truth(i), image)
    return store, len(images)


def train(run: Run, name: str, minutes: float, store: target.Store, pooled: int) -> None:
    """Train one detector; saved to OUT/name.pt."""
    net = NETS[name]().to(run.device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=PEAK, weight_decay=1e-3)
    step, spent, composed = 0, 0.0, 0
    if state := run.load(name):
        net.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent, composed = state["step"], state["spent"], state["composed"]
    rng = np.random.default_rng([step, len(name)])

    def compose(number: int) -> None:
        nonlocal composed
        for _ in range(number):
            store.put(pooled + composed % RING, scenes.compose(2 * pool.FIRST_SEED + composed))
            composed += 1

    def save(**more) -> None:
        run.save(name, model=net.state_dict(), optimizer=optimizer.state_dict(), step=step, spent=spent,
                 composed=composed, **more)  # fmt: skip

    compose(RING // 4)
    ready = RING // 4
    began, saved, total = time.time() - spent, time.time(), 0.0
    while (spent := time.time() - began) < minutes * 60:
        for group in optimizer.param_groups:
            group["lr"] = PEAK * lr_at(step, spent / (minutes * 60), warmup=100)
        compose(FRESH)
        ready = min(RING, ready + FRESH)
        newest = (composed - 1 - rng.integers(ready, size=BATCH // 2)) % RING
        at = np.concatenate([rng.integers(pooled, size=BATCH // 2), pooled + newest])
        x = torch.from_numpy(store.images[at]).to(run.device).permute(0, 3, 1, 2).float() / 127.5 - 1
        with run.autocast():
            y = net(augment(x))
        loss = LOSSES[name](y, store, at)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        total += loss.item()
        if step % 100 == 0:
            run.log(name, step, step * BATCH, total / 100, spent, pool=pooled)
            total = 0.0
        if time.time() - saved > 60:
            save()
            saved = time.time()
    save(done=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--minutes", type=float, default=15, help="for each detector")
    parser.add_argument("--out", type=Path, default=Path("out/detector"))
    parser.add_argument("--which", choices=[*NETS, "both"], default="both")
    parser.add_argument("--pool", type=int, default=4096, help="autoencoded pictures")
    parser.add_argument("--resume", action="store_true", help="go on from OUT's checkpoints")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    run = Run(options.device, options.out, options.resume, compile=False)
    store, pooled = fill(run, options.pool)
    for name in NETS if options.which == "both" else [options.which]:
        train(run, name, options.minutes, store, pooled)


if __name__ == "__main__":
    main()
