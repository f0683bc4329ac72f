"""Train the mini model: `python train.py --device cpu --minutes 110 --out out/a [--resume]`.

Stage 1 is the autoencoder, stage 2 the UNet with the text encoder, on latents encoded beforehand.
`--device cuda` composes scenes by processes, keeps latents on the GPU and compiles the UNet; a few minutes there are hours here.
"""

from __future__ import annotations

import os
import sys

# glibc gives freed memory back to the kernel at once by default; getting it again page by page
# costs most of a training step. These are read when a process starts, hence the second start.
_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(1 << 28),
    "OMP_WAIT_POLICY": "passive",  # spinning threads would starve whoever shares the machine
}
if __name__ == "__main__" and not set(_MEMORY) <= set(os.environ):
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | _MEMORY)

import argparse
from pathlib import Path

import torch

import team


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--minutes", type=float, default=110, help="both stages together")
    parser.add_argument("--vae-minutes", type=float, help="stage 1 (default: a fifth)")
    parser.add_argument("--out", type=Path, default=Path("out/mini"))
    parser.add_argument("--stage", choices=["all", "vae", "unet", "decoder"], default="all")
    parser.add_argument("--resume", action="store_true", help="go on from OUT's checkpoints")
    parser.add_argument("--start", type=Path, help="a diffusers folder to go on from where OUT holds no checkpoint")
    parser.add_argument("--rate", type=float, default=1.0, help="factor of stage 2's learning rate")
    parser.add_argument("--favour", help="a class that stage 2 sees three times as much of, as it came out badly")
    parser.add_argument("--scenes", choices=["described", "underdescribed"], default="underdescribed", help="what captions leave out")
    parser.add_argument("--leak", action=argparse.BooleanOptionalAction, default=False, help="may a word's text state hold others")
    parser.add_argument("--batch", type=int, help="of stage 2 (default: 24, on a GPU 512)")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, help="torch.compile (default: on a GPU)")
    parser.add_argument("--composers", type=int, help="processes that compose scenes (default: 0; on a GPU all cores but two)")
    parser.add_argument("--workers", type=int, help="processes that train (default: cores; 1 on a GPU)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.device == "cpu":
        team.launch(options.workers or os.cpu_count() or 1)
        torch.set_num_threads(1 if team.size() > 1 else os.cpu_count() or 1)
    torch.manual_seed(options.seed * 1000 + team.rank())
    options.out.mkdir(parents=True, exist_ok=True)

    import autoencoder
    import fast
    from run import Run

    if options.start:
        import warm

        warm.checkpoints(options.start, options.out)
        options.resume = True
    gpu = options.device.startswith("cuda")
    run = Run(
        options.device, options.out, options.resume, gpu if options.compile is None else options.compile, options.rate, options.favour,
        options.scenes, options.leak, max(1, (os.cpu_count() or 1) - 2) if gpu and options.composers is None else options.composers or 0,
        options.batch,
    )  # fmt: skip
    if run.cuda:
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    else:
        fast.enable()
    if options.stage == "decoder":
        autoencoder.train(run, options.minutes, decoder_only=True)
        return
    first = options.minutes / 5 if options.vae_minutes is None else options.vae_minutes
    if options.stage != "unet":
        autoencoder.train(run, first)
    if options.stage != "vae":
        import denoiser

        denoiser.train(run, options.minutes - first)


if __name__ == "__main__":
    main()
