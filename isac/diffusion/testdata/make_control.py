#!/usr/bin/env python3
"""Writes random control nets for the tiny models, and what they do to them, into testdata/control.

  make_control.py COMFYUI

COMFYUI is a checkout of ComfyUI (0.3.64); run this with the Python that it runs with, where diffusers is as well.
"net" cases are single evaluations of diffusers' ControlNetModel and UNet2DConditionModel, with PyTorch's gradient of the UNet's output
with respect to what both networks take in. "run" cases are whole runs of ComfyUI's KSampler behind its nodes ControlNetApply and
ControlNetApplyAdvanced; its hint encoder, whose channels are fixed, is built narrower here, and its number of groups in norms, 32, is 4.
"""

import copy
import json
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
sys.argv = [sys.argv[0], "--cpu"]

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy.cldm.cldm  # noqa: E402
import comfy.controlnet  # noqa: E402
import comfy.ldm.modules.diffusionmodules.openaimodel as openai  # noqa: E402
import comfy.model_base  # noqa: E402
import comfy.model_patcher  # noqa: E402
import comfy.supported_models  # noqa: E402
import comfy.utils  # noqa: E402
import torch  # noqa: E402
from diffusers import ControlNetModel, UNet2DConditionModel  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

import nodes  # noqa: E402

HERE = Path(__file__).resolve().parent
OUT = HERE / "control"
torch.set_num_threads(1)

norm = torch.nn.GroupNorm.__init__


def four(self, num_groups, num_channels, *args, **kwargs):
    norm(self, 4 if num_groups == 32 else num_groups, num_channels, *args, **kwargs)


torch.nn.GroupNorm.__init__ = four
CPU = torch.device("cpu")

# What ComfyUI asks of a UNet's configuration.
SHAPES = {
    "tiny-sd2": dict(model_channels=8, num_res_blocks=[1, 1], channel_mult=(1, 2), transformer_depth=[1, 0],
                     transformer_depth_output=[1, 1, 0, 0], transformer_depth_middle=1, context_dim=32,
                     adm_in_channels=None, attn_precision=torch.float32),
    "tiny-sdxl": dict(model_channels=8, num_res_blocks=[1, 1, 1], channel_mult=(1, 1, 2), transformer_depth=[0, 1, 2],
                      transformer_depth_output=[0, 0, 1, 1, 1, 2], transformer_depth_middle=2, context_dim=40, adm_in_channels=68,
                      num_classes="sequential"),
    "tiny": dict(model_channels=8, num_res_blocks=[2, 2, 2], channel_mult=[1, 2, 2], transformer_depth=[1, 1, 0, 0, 1, 1],
                 transformer_depth_output=[1, 1, 1, 0, 0, 0, 1, 1, 1], transformer_depth_middle=1),
}
HINT = {"tiny": (2, 3, 4), "tiny-sd2": (2, 3, 4, 5), "tiny-sdxl": (2, 3, 4, 5)}  # halved as often as the pair after the first


def config(name):
    return dict(image_size=32, in_channels=4, out_channels=4, use_spatial_transformer=True, use_linear_in_transformer=True,
                num_head_channels=8, num_heads=-1, legacy=False, dtype=torch.float32, **SHAPES[name])


def control_net(name):
    """A random net whose convolutions at the end are no zeros, in half precision's values."""
    unet = UNet2DConditionModel.from_pretrained(HERE / name / "unet").float()
    net = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=HINT[name]).float()
    for p in net.parameters():
        noise = torch.randn(p.shape, generator=G) * (0.3 if p.dim() > 1 else 0.1)
        p.data = (noise if p.abs().max() == 0 else p.data + 0.1 * noise).half().float()
    return unet.eval(), net.eval()


def released(name, state):
    """The first release's names."""
    names = {k: v for k, v in comfy.utils.unet_to_diffusers(SHAPES[name]).items()}
    made = {}
    for key, value in state.items():
        layer, _, kind = key.rpartition(".")
        parts = layer.split(".")
        if layer == "controlnet_mid_block":
            new = f"middle_block_out.0.{kind}"
        elif parts[0] == "controlnet_down_blocks":
            new = f"zero_convs.{parts[1]}.0.{kind}"
        elif layer == "controlnet_cond_embedding.conv_in":
            new = f"input_hint_block.0.{kind}"
        elif layer == "controlnet_cond_embedding.conv_out":
            new = f"input_hint_block.{4 * len(HINT[name]) - 2}.{kind}"
        elif parts[0] == "controlnet_cond_embedding":
            new = f"input_hint_block.{2 * int(parts[2]) + 2}.{kind}"
        else:
            new = names[key]
        made[new] = value
    return made


def half(state):
    return {k: v.half().contiguous() for k, v in state.items()}


def evaluations(name, unet, net, out):
    x = torch.randn(2, 4, 4, 6, generator=G)
    text = torch.randn(2, 5, unet.config.cross_attention_dim, generator=G)
    factor = 2 ** (len(HINT[name]) - 1)
    picture = torch.rand(2, 3, 4 * factor, 6 * factor, generator=G)
    weighting = torch.randn(2, 4, 4, 6, generator=G)
    added = {}
    if name == "tiny-sdxl":
        pooled = torch.randn(2, 68 - 6 * 8, generator=G)
        added = dict(added_cond_kwargs={"text_embeds": pooled, "time_ids": torch.tensor([[64.0, 64, 0, 0, 64, 64]]).repeat(2, 1)})
        out[f"net.{name}.pooled"] = pooled
    sizes = []
    for pool in (False, True):
        net.register_to_config(global_pool_conditions=pool)
        leaf = x.clone().requires_grad_(True)
        down, middle = net(leaf, 400, text, picture, return_dict=False, **added)
        if pool:  # diffusers averages for its pipelines' sake, to one pixel, which its own UNet cannot tell from a whole residual
            down = [d.expand(-1, -1, *size) for d, size in zip(down, sizes)]
            middle = middle.expand(-1, -1, *sizes[-1])
        sizes = [d.shape[2:] for d in (*down, middle)]
        made = unet(leaf, 400, text, down_block_additional_residuals=down, mid_block_additional_residual=middle, **added).sample
        key = f"net.{name}.pooled_" if pool else f"net.{name}."
        out[key + "out"] = made.detach()
        out[key + "grad"] = torch.autograd.grad((made * weighting).sum(), leaf)[0]
        out[key + "bottom"] = middle.detach()
        out[key + "skip"] = down[2].detach()
    net.register_to_config(global_pool_conditions=False)
    out.update({f"net.{name}.x": x, f"net.{name}.text": text, f"net.{name}.picture": picture, f"net.{name}.weighting": weighting})


def comfy_net(name, state, pool=False):
    told = {k: v for k, v in config(name).items() if k != "out_channels"}
    made = comfy.cldm.cldm.ControlNet(hint_channels=3, operations=comfy.ops.disable_weight_init, **told)
    layers = []
    while f"input_hint_block.{2 * len(layers)}.weight" in state or not layers:
        layers.append(None)
    for i in range(len(layers)):
        weight = state[f"input_hint_block.{2 * i}.weight"]
        stride = 2 if i % 2 == 0 and 0 < i < len(layers) - 1 else 1
        layers[i] = torch.nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1, stride=stride)
    between = [layer for conv in layers for layer in (conv, torch.nn.SiLU())][:-1]
    made.input_hint_block = openai.TimestepEmbedSequential(*between)
    made.load_state_dict({k: v.float() for k, v in state.items()})
    return comfy.controlnet.ControlNet(made.eval(), global_average_pooling=pool, load_device=CPU)


def model(name):
    state = {k.removeprefix("model.diffusion_model."): v.float() for k, v in load_file(HERE / name / "single.safetensors").items()
             if k.startswith("model.diffusion_model.")}
    kind = {"tiny-sd2": comfy.supported_models.SD20, "tiny-sdxl": comfy.supported_models.SDXL}[name]
    settings = kind(config(name))
    settings.unet_config["num_head_channels"] = 8
    if name == "tiny-sdxl":
        made = comfy.model_base.SDXL(settings)
        made.embedder = openai.Timestep(8) if hasattr(openai, "Timestep") else comfy.model_base.Timestep(8)
    else:
        made = comfy.model_base.BaseModel(settings, comfy.model_base.ModelType.V_PREDICTION)
    made.diffusion_model.load_state_dict(state)
    return comfy.model_patcher.ModelPatcher(made, CPU, CPU)


def conds(n, width, pooled=0):
    made = []
    for _ in range(n):
        text = torch.randn(1, 5, width, generator=G)
        made.append([text, {"pooled_output": torch.randn(1, pooled, generator=G)} if pooled else {}])
    return made


def sample(m, positive, negative, latent, **told):
    told = dict(seed=7, steps=6, cfg=3.0, sampler_name="euler", scheduler="normal", denoise=1.0) | told
    with torch.no_grad():
        told |= dict(positive=copy.copy(positive), negative=copy.copy(negative), latent={"samples": latent})
        return nodes.common_ksampler(m, **told)[0]["samples"]


def runs(name, state, out):
    m, net = model(name), comfy_net(name, state)
    apply, advanced = nodes.ControlNetApply().apply_controlnet, nodes.ControlNetApplyAdvanced().apply_controlnet
    wide = dict(SHAPES[name])["context_dim"]
    positive, negative = conds(2, wide, 20 if name == "tiny-sdxl" else 0), conds(1, wide, 20 if name == "tiny-sdxl" else 0)
    latent = torch.randn(2, 4, 12, 20, generator=G) * 2
    one, two, three = torch.rand(1, 13, 30, 3, generator=G), torch.rand(2, 20, 11, 3, generator=G), torch.rand(3, 9, 9, 3, generator=G)
    key = f"run.{name}."
    out.update({key + "latent": latent, key + "picture.one": one, key + "picture.two": two, key + "picture.three": three})
    for i, c in enumerate(positive + negative):
        out[f"{key}text.{i}"] = c[0]
        if "pooled_output" in c[1]:
            out[f"{key}pooled.{i}"] = c[1]["pooled_output"]
    p, n = positive[:1], negative
    area = [positive[1][0], {**positive[1][1], "area": (8, 9, 2, 11), "strength": 1.3, "set_area_to_bounds": False}]
    first = advanced(p, n, net, one, 0.9, 0.0, 1.0)
    cases = {
        "plain": (p, n),
        "apply": (apply(p, net, one, 0.8)[0], n),
        "advanced": advanced(p, n, net, one, 0.7, 0.2, 0.7),
        "positive": (advanced(p, n, net, one, 1.5, 0.0, 1.0)[0], n),
        "chained": advanced(*first, net, two, 0.5, 0.0, 0.4),
        "two": advanced(p, n, net, two, 1.0, 0.0, 1.0),
        "three": advanced(p, n, net, three, 1.0, 0.3, 1.0),
        "area": (apply([p[0], area], net, one, 1.0)[0], n),
        "only_area": (apply([area], net, one, 1.0)[0], n),
    }
    if name == "tiny-sdxl":
        cases = {k: cases[k] for k in ("apply", "advanced")}
    for case, (first, second) in cases.items():
        out[key + case] = sample(m, first, second, latent)
    if name == "tiny-sd2":
        pooled = comfy_net(name, state, pool=True)
        out[key + "pool"] = sample(m, *advanced(p, n, pooled, one, 1.0, 0.0, 1.0), latent)
        out[key + "cfg1"] = sample(m, cases["apply"][0], n, latent, cfg=1.0)
        out[key + "heun"] = sample(m, *cases["advanced"], latent, sampler_name="heun", scheduler="karras")


def main():
    OUT.mkdir(exist_ok=True)
    out = {}
    for name in ("tiny", "tiny-sd2", "tiny-sdxl"):
        unet, net = control_net(name)
        state = net.state_dict()
        told = {k: net.config[k] for k in ("attention_head_dim", "norm_num_groups")}
        under = released(name, state)
        if name != "tiny":
            (OUT / f"{name}.json").write_text(json.dumps(told) + "\n")
            save_file(half(state), OUT / f"{name}.safetensors")
        if name != "tiny-sdxl":
            (OUT / f"{name}-released.json").write_text(json.dumps(told) + "\n")
            prefix = "control_model." if name == "tiny" else ""
            save_file(half({prefix + k: v for k, v in under.items()}), OUT / f"{name}-released.safetensors")
        evaluations(name, unet, net, out)
        if name != "tiny":
            runs(name, under, out)
    save_file({k: v.contiguous() for k, v in out.items()}, OUT / "fixture.safetensors")
    (OUT / "fixture.json").write_text(json.dumps({"seed": 7, "steps": 6, "cfg": 3.0}) + "\n")


G = torch.Generator().manual_seed(5)
torch.manual_seed(5)
main()
