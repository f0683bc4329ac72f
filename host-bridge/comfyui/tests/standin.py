"""The part of ComfyUI that the pack hooks into, written from its documentation, so that the pack is tested where ComfyUI is not.

The real thing is tested by `make test-comfyui`. Samplers here are toys with the same order of evaluations and callbacks.
"""
import sys
import types
from collections import namedtuple

import torch

Executing = namedtuple("Executing", "prompt_id node_id")
CHANNELS, SIDE = 4, 16


class Interrupted(Exception):
    """What ComfyUI raises when the user has cancelled."""


class ComfyUI:
    """Modules of ComfyUI as the pack imports them, and what a test wants of them."""

    def __init__(self, folder):
        self.folder, self.texts, self.interrupted, self.freed = folder, [], False, []
        self.prompt, self.node_id, self.device = None, None, torch.device("cpu")
        self.kinds = {"checkpoints": [str(folder)], "loras": [str(folder / "loras")], "embeddings": []}

    def modules(self):
        management = self._module(
            "comfy.model_management", throw_exception_if_processing_interrupted=self._check, get_torch_device=lambda: self.device,
            free_memory=lambda size, device: self.freed.append((size, device)),
        )
        context = self._module(
            "comfy_execution.utils", get_executing_context=lambda: Executing("p", self.node_id) if self.node_id is not None else None
        )
        instance = types.SimpleNamespace(
            send_progress_text=lambda text, node_id: self.texts.append((node_id, text)),
            prompt_queue=types.SimpleNamespace(currently_running=self),
        )
        folders = self._module(
            "folder_paths", get_folder_paths=self.kinds.__getitem__, get_filename_list=lambda kind: ["mini"],
            get_full_path=lambda kind, name: None,
        )
        return {
            "comfy": self._module("comfy", model_management=management), "comfy.model_management": management, "folder_paths": folders,
            "comfy_execution": self._module("comfy_execution", utils=context), "comfy_execution.utils": context,
            "server": self._module("server", PromptServer=types.SimpleNamespace(instance=instance)),
        }

    def values(self):  # of what runs
        return [(0, "p", self.prompt, {}, [])]

    def _check(self):
        if self.interrupted:
            raise Interrupted

    @staticmethod
    def _module(name, **members):
        module = types.ModuleType(name)
        module.__dict__.update(members)
        return module


class EPS:
    """Models that predict noise: x = X_t·√(1+σ²)."""


class ModelSampling(EPS):
    def __init__(self):
        alphas = (1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2).cumprod(0)
        self.sigmas = ((1 - alphas) / alphas).sqrt().float()

    def timestep(self, sigma):
        return (sigma.log()[:, None] - self.sigmas.log()).abs().argmin(1).float()

    def schedule(self, steps):
        picked = self.sigmas.flip(0)[torch.linspace(0, 999, steps).long()]
        return torch.cat([picked, torch.zeros(1)])


class Patcher:
    """A MODEL."""

    def __init__(self):
        self.wrappers, self.callbacks, self.patches, self.backup, self.model_options = {}, {}, {}, {}, {}
        self.model = types.SimpleNamespace()

    def clone(self):
        other = Patcher()
        other.wrappers = {kind: {k: list(v) for k, v in keys.items()} for kind, keys in self.wrappers.items()}
        other.callbacks = {kind: {k: list(v) for k, v in keys.items()} for kind, keys in self.callbacks.items()}
        other.patches, other.model = self.patches, self.model
        return other

    def get_model_object(self, name):
        assert name == "model_sampling"
        return ModelSampling()

    def add_wrapper_with_key(self, kind, key, wrapper):
        self.wrappers.setdefault(kind, {}).setdefault(key, []).append(wrapper)

    def remove_wrappers_with_key(self, kind, key):
        self.wrappers.get(kind, {}).pop(key, None)

    def add_callback_with_key(self, kind, key, callback):
        self.callbacks.setdefault(kind, {}).setdefault(key, []).append(callback)

    def remove_callbacks_with_key(self, kind, key):
        self.callbacks.get(kind, {}).pop(key, None)

    def detach(self, unpatch_all=True):
        for callbacks in self.callbacks.get("on_detach_after", {}).values():
            for callback in callbacks:
                callback(self, unpatch_all)

    def wrapped(self, kind):
        return [w for wrappers in self.wrappers.get(kind, {}).values() for w in wrappers]


class Executor:
    """Calls a function through wrappers, the first outermost."""

    def __init__(self, function, class_obj, wrappers):
        self.function, self.class_obj, self.wrappers = function, class_obj, wrappers

    def __call__(self, *args, **kwargs):
        if not self.wrappers:
            return self.function(*args, **kwargs)
        return self.wrappers[0](Executor(self.function, self.class_obj, self.wrappers[1:]), *args, **kwargs)


class Sampler:
    """A SAMPLER around a function, as ComfyUI's KSAMPLER is."""

    def __init__(self, function):
        self.sampler_function = function

    def sample(self, guider, sigmas, extra_args, callback, noise, latent_image=None, denoise_mask=None, disable_pbar=False):
        def model(x, sigma, **_):
            guider.evaluations.append((float(sigma[0]), x.clone()))
            return toy(x, sigma[0])

        told = None if callback is None else lambda state: callback(state["i"], state["denoised"], state["x"], len(sigmas) - 1)
        return self.sampler_function(model, noise * sigmas[0], sigmas, extra_args=extra_args, callback=told, disable=disable_pbar)


def toy(x, sigma):
    """Denoises: a model that believes in a smooth picture."""
    return x / (1 + sigma**2)


class Guider:
    """Samples with a MODEL."""

    def __init__(self, patcher, hidden):
        self.model_patcher, self.evaluations, self.told = patcher, [], []
        self.conds = {"positive": [{"cross_attn": hidden}], "negative": [{"cross_attn": hidden}]}

    @torch.inference_mode()
    def sample(self, sampler, steps=4, batch=1, seed=5, mask=None, conds=None):
        sigmas = ModelSampling().schedule(steps)
        noise = torch.randn(batch, CHANNELS, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))

        def outer(noise):
            inner = Executor(sampler.sample, sampler, self.model_patcher.wrapped("sampler_sample"))
            return inner(self, sigmas, {"seed": seed}, lambda *state: self.told.append(state), noise, None, mask, True)

        return Executor(outer, self, self.model_patcher.wrapped("outer_sample"))(noise)


def sample_euler(model, x, sigmas, extra_args=None, callback=None, disable=None):
    for i in range(len(sigmas) - 1):
        d = model(x, sigmas[i] * x.new_ones(len(x)))
        if callback:
            callback({"x": x, "i": i, "sigma": sigmas[i], "denoised": d})
        x = x + (x - d) / sigmas[i] * (sigmas[i + 1] - sigmas[i])
    return x


def sample_heun(model, x, sigmas, extra_args=None, callback=None, disable=None):
    ones = x.new_ones(len(x))
    for i in range(len(sigmas) - 1):
        d = model(x, sigmas[i] * ones)
        if callback:
            callback({"x": x, "i": i, "sigma": sigmas[i], "denoised": d})
        slope = (x - d) / sigmas[i]
        after = sigmas[i + 1]
        if after > 0:
            there = x + slope * (after - sigmas[i])
            slope = (slope + (there - model(there, after * ones)) / after) / 2
        x = x + slope * (after - sigmas[i])
    return x


def sample_unipc(model, x, sigmas, extra_args=None, callback=None, disable=None):
    raise AssertionError("a sampler that is refused must not run")


def sample_lcm(model, x, sigmas, extra_args=None, callback=None, disable=None):
    """Has the name of one that is known, and evaluates twice."""
    for i in range(len(sigmas) - 1):
        model(x, sigmas[i] * x.new_ones(len(x)))
        d = model(x, sigmas[i] * x.new_ones(len(x)))
        if callback:
            callback({"x": x, "i": i, "sigma": sigmas[i], "denoised": d})
    return x


def sample_ddpm(model, x, sigmas, extra_args=None, callback=None, disable=None):
    """Has the name of one that is known, and goes on from a copy."""
    for i in range(len(sigmas) - 1):
        d = model(x.clone(), sigmas[i] * x.new_ones(len(x)))
        if callback:
            callback({"x": x, "i": i, "sigma": sigmas[i], "denoised": d})
    return x


def install(monkeypatch, comfyui):
    for name, module in comfyui.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
