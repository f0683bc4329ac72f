"""Writes comfyui_path.json: the noise of ComfyUI's BrownianTreeNoiseSampler, on torchsde's BrownianTree.

    /path/to/python make_comfyui_path.py FOLDER      (a checkout of ComfyUI 0.3.64 and a Python that runs it)

Small latents, and larger ones, whose normal numbers PyTorch makes in another way. Questions overlap and go back.
"""

import json
import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
FOLDER = sys.argv[1]
sys.argv = [sys.argv[0], "--cpu"]
sys.path.insert(0, FOLDER)
torch.set_num_threads(1)

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()
import comfy.k_diffusion.sampling as k  # noqa: E402


def main() -> None:
    levels = k.get_sigmas_karras(6, 0.0291675, 14.614642)
    out = []
    for seed, shape in [(0, (1, 1, 1, 3)), (42, (2, 1, 2, 2)), (2**40 + 5, (1, 1, 1, 3)), (2**64 - 1, (1, 4, 2, 3))]:
        sampler = k.BrownianTreeNoiseSampler(torch.zeros(shape), levels[levels > 0].min(), levels.max(), seed=seed, cpu=True)
        asked = [(a, b) for a, b in zip(levels[:-2], levels[1:-1])]
        between = torch.tensor(7.25)
        asked += [(levels[0], levels[3]), (levels[0], between), (levels[2], levels[1]), (levels[0], levels[-2]), (between, levels[4])]
        out.append(
            {
                "seed": seed,
                "sigmas": levels.tolist(),
                "shape": shape,
                "asked": [[float(a), float(b)] for a, b in asked],
                "noise": [sampler(a, b).flatten().tolist() for a, b in asked],
            }
        )
    (HERE / "comfyui_path.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(len(out), "paths")


main()
