"""Writes samplers.json: the way that k-diffusion's own samplers take with two small denoisers.

    .venv-ref/bin/python make_samplers.py FOLDER      (a clone of github.com/crowsonkb/k-diffusion)

Only k_diffusion/sampling.py of the clone is loaded; what it imports for other samplers is stubbed.
Each case has the start, the state at the start of every step, the result, and the recorded noise of
ancestral steps, in float64 and in float32.
"""

import importlib.util
import json
import sys
import types
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent


def k_diffusion(folder: str):
    for name in ["scipy", "scipy.integrate", "torchdiffeq", "torchsde"]:
        sys.modules[name] = types.ModuleType(name)
    sys.modules["scipy"].integrate = sys.modules["scipy.integrate"]
    sys.modules["torchdiffeq"].odeint = None
    package = types.ModuleType("k_diffusion")
    package.__path__ = [f"{folder}/k_diffusion"]
    utils = types.ModuleType("k_diffusion.utils")
    utils.append_dims = lambda x, dims: x[(...,) + (None,) * (dims - x.ndim)]
    package.utils = utils
    sys.modules |= {"k_diffusion": package, "k_diffusion.utils": utils}
    spec = importlib.util.spec_from_file_location("k_diffusion.sampling", f"{folder}/k_diffusion/sampling.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def mixture(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """The exact posterior mean where every element is drawn from .3 N(-1, .2²) + .7 N(.8, .2²)."""
    s = sigma.view(-1, 1, 1, 1)
    total = s**2 + 0.2**2
    means, weights = [-1.0, 0.8], [0.3, 0.7]
    like = [w * torch.exp(-((x - m) ** 2) / (2 * total)) for m, w in zip(means, weights)]
    posts = [(0.2**2 * x + s**2 * m) / total for m in means]
    return (like[0] * posts[0] + like[1] * posts[1]) / (like[0] + like[1] + 1e-30)


def wavy(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """No denoiser of anything, only smooth, and not linear in x and sigma."""
    s = sigma.view(-1, 1, 1, 1)
    return torch.tanh(x / (1 + s)) + 0.1 * torch.sin(3 * x / torch.sqrt(1 + s**2))


def main() -> None:
    k = k_diffusion(sys.argv[1])
    schedules = {
        "karras": k.get_sigmas_karras(7, 0.0291675, 14.614642).double(),
        "uneven": torch.tensor([9.0, 4.0, 3.5, 1.0, 0.9, 0.2, 0.05], dtype=torch.float64),  # does not end in 0
        "one": torch.tensor([2.5, 0.0], dtype=torch.float64),
    }
    cases = []
    for dtype in [torch.float64, torch.float32]:
        for name, denoise in {"mixture": mixture, "wavy": wavy}.items():
            for schedule, sigmas in schedules.items():
                for sampler in ["euler", "euler_ancestral", "dpmpp_2m", "heun"]:
                    generator = torch.Generator().manual_seed(len(cases))
                    x = torch.randn(1, 2, 2, 3, generator=generator, dtype=torch.float64) * sigmas[0]
                    noises, states = [], []

                    def noise(sigma: torch.Tensor, following: torch.Tensor) -> torch.Tensor:
                        noises.append(torch.randn(x.shape, generator=generator, dtype=torch.float64).to(dtype))
                        return noises[-1]

                    options = {"noise_sampler": noise} if sampler == "euler_ancestral" else {}
                    result = getattr(k, f"sample_{sampler}")(
                        denoise,
                        x.to(dtype),
                        sigmas.to(dtype),
                        disable=True,
                        callback=lambda now: states.append(now["x"].clone()),
                        **options,
                    )
                    cases.append(
                        {
                            "sampler": sampler,
                            "denoiser": name,
                            "schedule": schedule,
                            "type": str(dtype).split(".")[1],
                            "sigmas": sigmas.to(dtype).tolist(),
                            "shape": list(x.shape),
                            "x": x.to(dtype).flatten().tolist(),
                            "noises": [n.flatten().tolist() for n in noises],
                            "states": [s.flatten().tolist() for s in states],
                            "result": result.flatten().tolist(),
                        }
                    )
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (HERE / "samplers.json").write_text(f"[\n{lines}\n]\n")
    print(len(cases), "cases")


main()
