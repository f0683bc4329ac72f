"""Writes schedules.json: ComfyUI's own noise levels.

    .venv-ref/bin/python make_schedules.py FOLDER      (a checkout of github.com/comfyanonymous/ComfyUI)

ComfyUI's functions are taken out of its files by name and run as they stand, without importing the
rest of it: simple_scheduler, ddim_scheduler and normal_scheduler of comfy/samplers.py,
ModelSamplingDiscrete of comfy/model_sampling.py, make_beta_schedule, get_sigmas_karras, and
rescale_zero_terminal_snr_sigmas where the checkout has it. Nothing of ComfyUI is kept here but numbers.
The committed numbers were made from a folder that held only these functions, of versions 0.3.x, word by
word, because the whole repository was too large to bring here.
"""

import ast
import json
import math
import sys
from pathlib import Path

import numpy
import torch

HERE = Path(__file__).resolve().parent


def take(path: Path, *names: str) -> dict:
    """The named functions and classes of a file, run apart from the rest of it."""
    space = {"torch": torch, "math": math, "np": numpy, "numpy": numpy}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in names:
            exec(compile(ast.Module([node], []), str(path), "exec"), space)
    return space


def betas_function(comfy: Path):
    return take(comfy / "ldm/modules/diffusionmodules/util.py", "make_beta_schedule")["make_beta_schedule"]


class Settings:
    def __init__(self, **settings) -> None:
        self.sampling_settings = settings


class Model:
    def __init__(self, sampling) -> None:
        self.model_sampling = sampling


def main() -> None:
    comfy = Path(sys.argv[1]) / "comfy"
    sampling = take(comfy / "model_sampling.py", "ModelSamplingDiscrete", "rescale_zero_terminal_snr_sigmas")
    sampling["make_beta_schedule"] = betas_function(comfy)
    functions = take(comfy / "samplers.py", "simple_scheduler", "ddim_scheduler", "normal_scheduler")
    karras = take(comfy / "k_diffusion/sampling.py", "get_sigmas_karras", "append_zero")["get_sigmas_karras"]
    # diffusers' name of a schedule: ComfyUI's
    settings = {"scaled_linear": Settings(), "linear": Settings(beta_schedule="sqrt_linear", linear_start=0.0001, linear_end=0.02)}
    out = []
    for name, setting in settings.items():
        s = sampling["ModelSamplingDiscrete"](setting)
        # Older versions take the model, newer ones its model_sampling.
        arg = s if functions["normal_scheduler"].__code__.co_varnames[0] == "model_sampling" else Model(s)
        schedules = {}
        for steps in [1, 2, 3, 4, 7, 10, 20, 25, 30, 50, 99, 333, 1000]:
            schedules |= {
                f"normal {steps}": functions["normal_scheduler"](arg, steps).tolist(),
                f"simple {steps}": functions["simple_scheduler"](arg, steps).tolist(),
                f"ddim_uniform {steps}": functions["ddim_scheduler"](arg, steps).tolist(),
                f"karras {steps}": karras(steps, float(s.sigma_min), float(s.sigma_max)).tolist(),
            }
            if steps > 99:  # long ones: a few values tell
                schedules = {k: v if len(v) < 200 else v[:5] + v[-5:] for k, v in schedules.items()}
        probes = [0.001, 0.03, 0.0413, 0.2, 0.5, 1, 1.5, 3.3333, 7, 14, 14.6, 20, 5000]
        times = [-3, 0, 0.5, 1, 10.25, 499.5, 500, 998.999, 999, 1200]
        out.append(
            {
                "betas": name,
                "start": s.linear_start,
                "end": s.linear_end,
                "sigmas": s.sigmas.tolist(),
                "schedules": schedules,
                "timesteps": [[p, int(s.timestep(torch.tensor(p)))] for p in probes],
                "times": [[t, float(s.sigma(torch.tensor(float(t))))] for t in times],
            }
        )
    if "rescale_zero_terminal_snr_sigmas" in sampling:
        raw = []
        discrete = sampling["ModelSamplingDiscrete"]
        discrete.set_sigmas = lambda self, sigmas: raw.append(sigmas)  # before they are rounded to float32
        discrete(None)
        out[0]["zero_snr"] = sampling["rescale_zero_terminal_snr_sigmas"](raw[0]).float().tolist()
    (HERE / "schedules.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(sum(len(o["schedules"]) for o in out), "schedules")


main()
