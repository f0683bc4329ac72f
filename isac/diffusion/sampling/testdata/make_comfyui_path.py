"""Writes comfyui_path.json: the noise of ComfyUI's BrownianTreeNoiseSampler, on torchsde's BrownianTree.

    /path/to/python make_comfyui_path.py FOLDER      (a checkout of ComfyUI 0.3.64 and a Python that runs it)

Small latents, and larger ones, whose normal numbers PyTorch makes in another way. Questions overlap and go back. Then
whole runs of ComfyUI's samplers that have no noise but their seed's.
"""

import json
import types

import torch
from comfyui import HERE, Discrete, Flow, k, samplers, wavy


class Wrapped:
    def __init__(self, sampling) -> None:
        self.inner_model = types.SimpleNamespace(model_patcher=types.SimpleNamespace(get_model_object=lambda name: sampling))

    def __call__(self, x, sigma, **options) -> torch.Tensor:
        return wavy(x, sigma)


def runs() -> list[dict]:
    out = []
    kinds = {
        "discrete": Discrete(types.SimpleNamespace(sampling_settings={})),
        "flow": Flow(types.SimpleNamespace(sampling_settings={"shift": 3.0})),
    }
    for kind, sampling in kinds.items():
        sigmas = samplers.calculate_sigmas(sampling, "simple", 8)
        x = torch.randn(1, 4, 2, 3, generator=torch.Generator().manual_seed(5)) * sigmas[0]
        for name in ["dpmpp_sde", "dpmpp_sde_gpu", "dpmpp_2m_sde", "dpmpp_2m_sde_gpu", "dpmpp_2m_sde_heun", "dpmpp_3m_sde"]:
            function = samplers.sampler_object(name).sampler_function
            result = function(Wrapped(sampling), x.clone(), sigmas.clone(), extra_args={"seed": 77}, disable=True)
            out.append(
                {
                    "kind": kind,
                    "sampler": name,
                    "denoiser": "wavy",
                    "type": "float32",
                    "sigmas": sigmas.tolist(),
                    "shape": list(x.shape),
                    "x": x.flatten().tolist(),
                    "result": result.flatten().tolist(),
                }
            )
    return out


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
    (HERE / "comfyui_path.json").write_text(json.dumps({"paths": out, "runs": runs()}, separators=(",", ":")) + "\n")
    print(len(out), "paths")


main()
