"""Writes flow.json: ComfyUI's own noise levels, arithmetic and ancestral steps for rectified flow.

    .venv-ref/bin/python make_flow.py FOLDER      (a checkout of github.com/comfyanonymous/ComfyUI)

As in make_schedules.py, ComfyUI's functions are taken out of its files by name and run as they stand, without
importing the rest of it: time_snr_shift, ModelSamplingDiscreteFlow, CONST and reshape_sigma of
comfy/model_sampling.py, the schedulers of comfy/samplers.py, and get_sigmas_karras and
sample_euler_ancestral_RF of comfy/k_diffusion/sampling.py. Nothing of ComfyUI is kept here but numbers.
"""

import ast
import json
import math
import sys
import types
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
torch.set_num_threads(1)


def take(path: Path, *names: str) -> dict:
    """The named functions and classes of a file, run apart from the rest of it."""
    space = {"torch": torch, "math": math, "trange": lambda n, disable: range(n)}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in names:
            exec(compile(ast.Module([node], []), str(path), "exec"), space)
    return space


def wavy(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """The smooth function of make_samplers.py: no denoiser of anything, and not linear in x and sigma."""
    s = sigma.view(-1, 1, 1, 1)
    return torch.tanh(x / (1 + s)) + 0.1 * torch.sin(3 * x / torch.sqrt(1 + s**2))


class Wrapped:
    """wavy with what newer versions ask a wrapped model for."""

    def __init__(self, sampling) -> None:
        patcher = types.SimpleNamespace(get_model_object=lambda name: sampling)
        self.inner_model = types.SimpleNamespace(model_patcher=patcher)

    def __call__(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        return wavy(x, sigma)


def ancestral(sample, sampling) -> list[dict]:
    ways = []
    schedules = {"normal": sampling.normal(7), "uneven": torch.tensor([0.95, 0.9, 0.5, 0.45, 0.1, 0.02]), "one": torch.tensor([0.7, 0.0])}
    for dtype in (torch.float64, torch.float32):
        for name, sigmas in schedules.items():
            generator = torch.Generator().manual_seed(len(ways))
            x = torch.randn(1, 2, 2, 3, generator=generator, dtype=torch.float64)
            noises, states = [], []

            def noise(sigma: torch.Tensor, following: torch.Tensor) -> torch.Tensor:
                noises.append(torch.randn(x.shape, generator=generator, dtype=torch.float64).to(dtype))
                return noises[-1]

            result = sample(
                Wrapped(sampling),
                x.to(dtype),
                sigmas.to(dtype),
                disable=True,
                callback=lambda now: states.append(now["x"].clone()),
                noise_sampler=noise,
            )
            ways.append(
                {
                    "sampler": "euler_ancestral",
                    "denoiser": "wavy",
                    "schedule": name,
                    "type": str(dtype).split(".")[1],
                    "sigmas": sigmas.to(dtype).tolist(),
                    "shape": list(x.shape),
                    "x": x.to(dtype).flatten().tolist(),
                    "noises": [n.flatten().tolist() for n in noises],
                    "states": [s.flatten().tolist() for s in states],
                    "result": result.flatten().tolist(),
                }
            )
    return ways


def main() -> None:
    comfy = Path(sys.argv[1]) / "comfy"
    sampling = take(comfy / "model_sampling.py", "ModelSamplingDiscreteFlow", "CONST", "time_snr_shift", "reshape_sigma")
    functions = take(comfy / "samplers.py", "simple_scheduler", "ddim_scheduler", "normal_scheduler")
    k = take(comfy / "k_diffusion/sampling.py", "get_sigmas_karras", "append_zero", "sample_euler_ancestral_RF")

    class Sampling(sampling["ModelSamplingDiscreteFlow"], sampling["CONST"]):
        def normal(self, steps: int) -> torch.Tensor:
            return functions["normal_scheduler"](self, steps)

    out = {"shifts": []}
    for shift in (1.0, 3.0, 1.75):
        s = Sampling(types.SimpleNamespace(sampling_settings={"shift": shift}))
        schedules = {}
        for steps in [1, 2, 3, 7, 10, 20, 28, 30, 99, 1000]:
            schedules |= {
                f"normal {steps}": functions["normal_scheduler"](s, steps).tolist(),
                f"simple {steps}": functions["simple_scheduler"](s, steps).tolist(),
                f"ddim_uniform {steps}": functions["ddim_scheduler"](s, steps).tolist(),
                f"karras {steps}": k["get_sigmas_karras"](steps, float(s.sigma_min), float(s.sigma_max)).tolist(),
            }
            if steps > 50:  # long ones: both ends tell
                schedules = {k: v if len(v) < 60 else v[:5] + v[-5:] for k, v in schedules.items()}
        table = s.sigmas.tolist()
        g = torch.Generator().manual_seed(5)
        x, latent, output = (torch.randn(1, 2, 2, 2, generator=g) for _ in range(3))
        tensors = []
        for sigma in (table[0], 0.25, table[700], 1.0):
            t = torch.tensor([sigma])
            found = {
                "denoised": s.calculate_denoised(t, output, x),
                "noised": s.noise_scaling(t, x, latent),
                "input": s.calculate_input(t, x),
            }
            tensors.append({"sigma": sigma} | {n: v.flatten().tolist() for n, v in found.items()})
        out["shifts"].append(
            {
                "shift": shift,
                "sigmas": table,
                "schedules": schedules,
                "timesteps": [[p, float(s.timestep(torch.tensor(p)))] for p in (0.001, 0.1, 0.3333, 0.75, 1.0)],
                "times": [[t, float(s.sigma(torch.tensor(t)))] for t in (0.0, 0.5, 1.0, 10.25, 499.5, 998.999, 1000.0)],
                "x": x.flatten().tolist(),
                "latent": latent.flatten().tolist(),
                "output": output.flatten().tolist(),
                "at": tensors,
            }
        )
        if shift == 3.0:
            out["ways"] = ancestral(k["sample_euler_ancestral_RF"], s)
    (HERE / "flow.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(sum(len(o["schedules"]) for o in out["shifts"]), "schedules,", len(out["ways"]), "ways")


if __name__ == "__main__":
    main()
