"""Writes comfyui_schedules.json: the noise levels that ComfyUI's own KSampler chooses, for every scheduler.

    /path/to/python make_comfyui_schedules.py FOLDER      (a checkout of ComfyUI 0.3.64 and a Python that runs it)

ComfyUI's modules are imported as they are. Long schedules are kept by both ends. Of beta, which rounds, many numbers of
steps are kept by length and sum; of the quantiles under it, SciPy's own numbers.
"""

import json
import types

import scipy.stats
import torch
from comfyui import HERE, Discrete, Flow, samplers

STEPS = [1, 2, 3, 4, 5, 7, 8, 10, 16, 20, 25, 30, 50, 99, 333, 999, 1000]


def ends(sigmas: list[float]) -> list[float]:
    return sigmas if len(sigmas) < 60 else sigmas[:5] + sigmas[-5:]


def main() -> None:
    settings = types.SimpleNamespace
    kinds = {
        "discrete": Discrete(settings(sampling_settings={})),
        "flow": Flow(settings(sampling_settings={"shift": 3.0})),
        "unshifted": Flow(settings(sampling_settings={"shift": 1.0})),
    }
    out = {"kinds": {}, "ksampler": []}
    for kind, sampling in kinds.items():
        schedules = {}
        for name in samplers.SCHEDULER_NAMES:
            for steps in STEPS:
                if (name, steps) == ("kl_optimal", 1):
                    continue  # not a number
                schedules[f"{name} {steps}"] = ends(samplers.calculate_sigmas(sampling, name, steps).tolist())
        most = 400 if kind == "discrete" else 50  # the timesteps are the same
        beta = [samplers.calculate_sigmas(sampling, "beta", n) for n in range(1, most + 1)]
        out["kinds"][kind] = {"schedules": schedules, "beta": [[len(b), float(f"{float(b.double().sum()):.10g}")] for b in beta]}
        model = types.SimpleNamespace(get_model_object=lambda name, s=sampling: s)
        for sampler in ["euler", "dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2"]:
            for name in ["normal", "ddim_uniform", "beta", "karras"]:
                for steps, denoise in [(1, 1.0), (2, 1.0), (20, 1.0), (7, 0.5), (3, 0.3), (20, 0.75)]:
                    k = samplers.KSampler(model, steps, torch.device("cpu"), sampler, name, denoise)
                    out["ksampler"].append([kind, sampler, name, steps, denoise, k.sigmas.tolist()])
    shares = [i / 257 for i in range(1, 257)] + [1e-12, 1e-6, 1 - 1e-6]
    out["quantiles"] = [[s, float(scipy.stats.beta.ppf(s, 0.6, 0.6))] for s in shares]
    (HERE / "comfyui_schedules.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(sum(len(k["schedules"]) for k in out["kinds"].values()), "schedules,", len(out["ksampler"]), "of KSampler")


main()
