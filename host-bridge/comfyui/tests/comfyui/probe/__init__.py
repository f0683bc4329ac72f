"""Nodes for the tests of ISAC in the real ComfyUI: a sampler of hand-written loops, a recorder, and tensors that need no encoder."""
import hashlib
import json
import sys

import comfy.samplers
import torch
from isac_client import session as client
from isac_client.torch import from_tensor, to_tensor

from .loops import LOOPS

ANSWERS, SEEN = [], []  # of the plugin; of the model


def digest(tensor):
    return hashlib.sha256(to_tensor(tensor.float()).data).hexdigest()


def record_answers():
    step = client.Session.step

    def recorded(self, *args, **kwargs):
        stepped = step(self, *args, **kwargs)
        ANSWERS.append(digest(from_tensor(stepped.latents)))
        return stepped

    client.Session.step = recorded


record_answers()


def pack():
    return next(m for name, m in sys.modules.items() if name.endswith("isac.pack.guidance"))


class Record:
    """Has every evaluation of a model recorded."""

    INPUT_TYPES = classmethod(lambda cls: {"required": {"model": ("MODEL",)}})
    RETURN_TYPES, FUNCTION, CATEGORY = ("MODEL",), "run", "probe"

    def run(self, model):
        model = model.clone()

        def seen(executor, x, *args, **kwargs):
            SEEN.append(digest(x))
            return executor(x, *args, **kwargs)

        model.add_wrapper_with_key("predict_noise", "probe", seen)
        return (model,)

    @classmethod
    def IS_CHANGED(cls, model):
        ANSWERS.clear()
        SEEN.clear()
        return float("nan")


class Recorded:
    """Tells what was recorded once samples are there."""

    INPUT_TYPES = classmethod(lambda cls: {"required": {"samples": ("LATENT",)}})
    RETURN_TYPES, FUNCTION, CATEGORY, OUTPUT_NODE = (), "run", "probe", True

    def run(self, samples):
        return {"ui": {"text": [json.dumps({"answers": ANSWERS, "seen": SEEN})]}}


class Values:
    """Random conditioning and latents, the same for the same seed: no text encoder is asked."""

    INPUT_TYPES = classmethod(lambda cls: {"required": {n: ("INT", {"default": 0}) for n in cls.SIZES}})
    SIZES = ("tokens", "width", "pooled", "channels", "side", "batch", "seed")
    RETURN_TYPES, FUNCTION, CATEGORY = ("CONDITIONING", "CONDITIONING", "LATENT"), "run", "probe"

    def run(self, tokens, width, pooled, channels, side, batch, seed):
        generator = torch.Generator().manual_seed(seed)
        conds = []
        for _ in range(2):
            extra = {"pooled_output": torch.randn(1, pooled, generator=generator)} if pooled else {}
            conds.append([[torch.randn(1, tokens, width, generator=generator), extra]])
        return conds[0], conds[1], {"samples": torch.randn(batch, channels, side, side, generator=generator)}


class ByHand(comfy.samplers.Sampler):
    """A sampler whose formulas stand in loops.py, guided before each step."""

    def __init__(self, name, settings):
        self.name, self.settings = name, settings

    def sample(self, model_wrap, sigmas, extra_args, callback, noise, latent_image=None, denoise_mask=None, disable_pbar=False):
        guidance = pack()
        sampling = model_wrap.inner_model.model_sampling
        s, count, seed = self.settings, len(sigmas) - 1, extra_args["seed"]
        cond = model_wrap.conds["positive"][0]
        pooled = cond.get("pooled_output")
        encoded = (to_tensor(cond["cross_attn"]), None if pooled is None else to_tensor(pooled))
        session = guidance.PROCESS.plugin().guide(
            checkpoint=s["checkpoint"], prompt=s["prompt"], encoded=encoded, options=json.loads(s["options"]), images=noise.shape[0],
            seed=seed, parametrisation="comfyui", loras=json.loads(s["loras"]),
        )
        mask = 1 if denoise_mask is None else denoise_mask

        def guide(x, i):
            sigma = float(sigmas[i])
            moved = from_tensor(session.step(i, count, to_tensor(x), sigma=sigma, timestep=float(sampling.timestep(sigmas[i]))).latents)
            return x + mask * (moved - x)

        def denoise(x, sigma):
            y = x
            if denoise_mask is not None:
                y = x * mask + (latent_image + noise * sigma) * (1 - mask)
            d = model_wrap(y, sigma * x.new_ones([x.shape[0]]), model_options=extra_args["model_options"], seed=seed)
            return d if denoise_mask is None else d * mask + latent_image * (1 - mask)

        with session:
            x = sampling.noise_scaling(sigmas[0], noise, latent_image, self.max_denoise(model_wrap, sigmas))
            x = LOOPS[self.name](denoise, guide, x, sigmas, seed, sampling)
        return sampling.inverse_noise_scaling(sigmas[-1], x)


class HandSampler:
    """A SAMPLER for SamplerCustom."""

    INPUT_TYPES = classmethod(
        lambda cls: {"required": {n: ("STRING", {"default": ""}) for n in ("name", "checkpoint", "prompt", "options", "loras")}}
    )
    RETURN_TYPES, FUNCTION, CATEGORY = ("SAMPLER",), "run", "probe"

    def run(self, name, **settings):
        return (ByHand(name, settings),)


class Held:
    """Tells what the plugin holds: sessions, and its process."""

    INPUT_TYPES = classmethod(lambda cls: {"required": {}})
    RETURN_TYPES, FUNCTION, CATEGORY, OUTPUT_NODE = (), "run", "probe", True

    def run(self):
        plugin = pack().PROCESS.plugin()
        stats = plugin.stats()
        held = {"pid": plugin.pid, "sessions": stats.guidance_sessions, "tensors": stats.tensors, "resident": stats.resident_bytes}
        return {"ui": {"text": [json.dumps(held)]}}

    @classmethod
    def IS_CHANGED(cls):
        return float("nan")


NODE_CLASS_MAPPINGS = {
    "ProbeRecord": Record, "ProbeRecorded": Recorded, "ProbeValues": Values, "ProbeSampler": HandSampler, "ProbePlugin": Held,
}
