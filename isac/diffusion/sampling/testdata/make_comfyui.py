"""Writes comfyui.json: the ways that ComfyUI's own samplers take, for both kinds of noise.

    /path/to/python make_comfyui.py FOLDER      (a checkout of ComfyUI 0.3.64 and a Python that runs it)

ComfyUI's modules are imported as they are. The model is a small function with what they ask a wrapped model for, and
gives a second answer, the negative conditioning's, to samplers that ask for it. Noise is recorded. Each case has the
start, the state that was evaluated first in every step, the noises, and the result; nothing of ComfyUI is kept here
but numbers. In guided cases the model moves that state, by 0.05·(step, from 1).
float64 shows the formulas; what runs in float32 alone, and runs from noise alone (σ = 1), are float32.
"""

import inspect
import json
import types

import torch
from comfyui import HERE, Discrete, Flow, k, samplers, wavy


def negative(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    return 0.8 * wavy(x, sigma) - 0.1


class Wrapped:
    """A model as samplers see it."""

    def __init__(self, sampling, guided: bool) -> None:
        self.guided, self.steps = guided, 0
        patcher = types.SimpleNamespace(get_model_object=lambda name: sampling)
        inner = types.SimpleNamespace(model_sampling=sampling)
        self.inner_model = types.SimpleNamespace(model_patcher=patcher, inner_model=inner)

    def begin(self, n: int, disable: bool):
        """What samplers count their steps with."""
        for self.steps in range(1, n + 1):
            self.fresh = True
            yield self.steps - 1

    def __call__(self, x, sigma, model_options=None, **options) -> torch.Tensor:
        if self.guided and self.fresh:
            x += 0.05 * self.steps  # in place: the sampler goes on from the state that was moved
            self.fresh = False
        denoised = wavy(x, sigma.reshape(-1))
        for fn in (model_options or {}).get("sampler_post_cfg_function", []):
            denoised = fn({"denoised": denoised, "uncond_denoised": negative(x, sigma.reshape(-1))})
        return denoised


def way(kind: str, name: str, sampling, schedule: str, sigmas: list[float], dtype, seed: int, guided: bool = False) -> dict:
    generator = torch.Generator().manual_seed(seed)
    sigmas = torch.tensor(sigmas, dtype=dtype)
    x = torch.randn(2, 1, 1, 2, generator=generator, dtype=torch.float64).to(dtype) * sigmas[0]
    noises, states = [], []

    def noise(sigma, following) -> torch.Tensor:
        noises.append(torch.randn(x.shape, generator=generator, dtype=torch.float64).to(dtype))
        return noises[-1]

    function = samplers.sampler_object(name).sampler_function
    options = {"noise_sampler": noise} if "noise_sampler" in inspect.signature(function).parameters else {}
    used = sigmas.clone()  # uni_pc writes into it
    model = Wrapped(sampling, guided)
    k.trange = model.begin
    result = function(
        model, x.clone(), used, extra_args={}, disable=True, callback=lambda now: states.append(now["x"].clone()), **options
    )
    if sigmas[-1] == 0:  # then what follows in ComfyUI changes uni_pc's results alone
        result = sampling.inverse_noise_scaling(used[-1], result)

    def numbers(t: torch.Tensor) -> list[float]:
        return [float(f"{v:.12g}") for v in t.flatten().tolist()]

    return {
        "kind": kind,
        "guided": guided,
        "sampler": name,
        "denoiser": "wavy",
        "schedule": schedule,
        "type": str(dtype).split(".")[1],
        "sigmas": sigmas.tolist(),
        "shape": list(x.shape),
        "x": numbers(x),
        "noises": [numbers(n) for n in noises],
        "states": [numbers(s) for s in states],
        "result": numbers(result),
    }


def main() -> None:
    discrete = Discrete(types.SimpleNamespace(sampling_settings={}))
    flow = Flow(types.SimpleNamespace(sampling_settings={"shift": 3.0}))
    kinds = {
        "discrete": (discrete, samplers.calculate_sigmas(discrete, "karras", 7).tolist(), [9.0, 4.0, 3.5, 1.0, 0.9, 0.2], [2.5, 0.7, 0.0]),
        "flow": (flow, samplers.calculate_sigmas(flow, "normal", 7).tolist(), [0.95, 0.9, 0.5, 0.45, 0.1], [0.7, 0.3, 0.0]),
    }
    ways = []
    for kind, (sampling, whole, uneven, short) in kinds.items():
        for name in samplers.SAMPLER_NAMES:
            if name == "ddim" or name.endswith("_gpu"):
                continue  # euler, and what the name without _gpu is
            for schedule, sigmas in {"whole": whole, "uneven": uneven, "short": short}.items():
                single = name.startswith("uni_pc") or (kind, schedule) == ("flow", "whole")
                dtype = torch.float32 if single else torch.float64
                ways.append(way(kind, name, sampling, schedule, sigmas, dtype, len(ways)))
                # The others evaluate a copy, keep no steps, or correct a state that they had before.
                if schedule == "whole" and not name.startswith(("uni_pc", "dpm_fast", "dpm_adaptive", "sa_solver")):
                    ways.append(way(kind, name, sampling, schedule, sigmas, dtype, len(ways), guided=True))
    lines = ",\n".join(json.dumps(w, separators=(",", ":")) for w in ways)
    (HERE / "comfyui.json").write_text(f"[\n{lines}\n]\n")
    print(len(ways), "ways of ComfyUI")


main()
