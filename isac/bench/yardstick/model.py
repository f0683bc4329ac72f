"""The denoiser of a diffusers folder: evaluations with classifier-free guidance, and attention maps with a gradient."""

import json
from pathlib import Path

import torch
from safetensors import safe_open
from taps import JointProcessor, Maps, UNetProcessor


class Inputs:
    """What both sides compute with: a file of latents, conditionings and the step, written by isac/bench/step --write."""

    def __init__(self, path, device, dtype):
        with safe_open(path, "pt") as f:
            self.step = json.loads(f.metadata()["step"])
            t = {k: f.get_tensor(k).to(device) for k in f.keys()}
        self.latent = t["latent"]
        self.text = torch.cat([t["negative"], t["positive"]]).to(dtype)
        self.pooled = torch.cat([t["negative.pooled"], t["positive.pooled"]]).to(dtype) if "positive.pooled" in t else None


class Model:
    def __init__(self, folder, inputs, device, dtype, checkpoint):
        import diffusers

        folder = Path(folder)
        self.inputs, self.dtype, self.device = inputs, dtype, device
        self.joint = (folder / "transformer").is_dir()
        kind, part = (diffusers.SD3Transformer2DModel, "transformer") if self.joint else (diffusers.UNet2DConditionModel, "unet")
        self.network = kind.from_pretrained(folder / part, torch_dtype=dtype).to(device).eval().requires_grad_(False)
        height, width = inputs.latent.shape[2:]
        self.maps = Maps(height, width)
        self.sizes = [8 * height, 8 * width, 0, 0, 8 * height, 8 * width]
        self.network.set_attn_processor((JointProcessor if self.joint else UNetProcessor)(self.maps))
        if checkpoint:
            self.network.enable_gradient_checkpointing()

    def evaluate(self, x, timestep, text, pooled):
        t = torch.full((len(x),), timestep, device=x.device)
        if self.joint:
            return self.network(x, text, pooled, t, return_dict=False)[0]
        more = {}
        if pooled is not None:
            ids = torch.tensor([self.sizes] * len(x), device=x.device, dtype=self.dtype)
            more["added_cond_kwargs"] = {"text_embeds": pooled, "time_ids": ids}
        return self.network(x, t, encoder_hidden_states=text, return_dict=False, **more)[0]

    @torch.no_grad()
    def step(self, x):
        """The evaluation of an unguided step: negative and positive in one batch, combined."""
        s, i = self.inputs.step, self.inputs
        both = torch.cat([x, x]).to(self.dtype)
        negative, positive = self.evaluate(both, s["timestep"], i.text, i.pooled).float().chunk(2)
        return negative + s["cfg"] * (positive - negative)

    def maps_of(self, x, timestep, divide):
        """SA, CA and their grid, of the conditional side."""
        self.maps.clear()
        self.maps.guiding = self.maps.open = True
        pooled = None if self.inputs.pooled is None else self.inputs.pooled[1:]
        self.evaluate(x.to(self.dtype), timestep, self.inputs.text[1:], pooled)
        self.maps.open = False
        return self.maps.accumulated(divide)

    def done(self):
        """The gradient was taken: the maps are not needed any more."""
        self.maps.guiding = False
        self.maps.clear()
