"""ComfyUI's modules as they are, and models for its samplers. Imported by make_comfyui*.py, whose one argument is the checkout."""

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
import comfy.k_diffusion.sampling as k  # noqa: E402, F401
import comfy.model_sampling as ms  # noqa: E402
import comfy.samplers as samplers  # noqa: E402, F401


class Discrete(ms.ModelSamplingDiscrete, ms.EPS):
    pass


class Flow(ms.ModelSamplingDiscreteFlow, ms.CONST):
    pass


def wavy(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """The smooth function of make_samplers.py."""
    s = sigma.view(-1, 1, 1, 1)
    return torch.tanh(x / (1 + s)) + 0.1 * torch.sin(3 * x / torch.sqrt(1 + s**2))
