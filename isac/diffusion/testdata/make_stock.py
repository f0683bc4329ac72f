#!/usr/bin/env python3
"""Writes testdata/stock: whole runs of ComfyUI's samplers with the tiny random models, from latents, behind masks, in areas, in parts.

  make_stock.py FOLDER      FOLDER is a checkout of comfyanonymous/ComfyUI (0.3.64); run this with the Python that it runs with

Networks, noise, schedules, samplers and conditionings are ComfyUI's own; only its number of groups in norms, 32, is the tiny models', 4.
"""

import copy
import json
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
sys.argv = [sys.argv[0], "--cpu"]

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy.model_base  # noqa: E402
import comfy.model_patcher  # noqa: E402
import comfy.ops  # noqa: E402
import comfy.sample  # noqa: E402
import comfy.sd  # noqa: E402
import comfy.supported_models  # noqa: E402
import comfy.utils  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

import nodes  # noqa: E402

HERE = Path(__file__).resolve().parent
OUT = HERE / "stock"
torch.set_num_threads(1)
torch.set_grad_enabled(False)

norm = torch.nn.GroupNorm.__init__


def four(self, num_groups, num_channels, *args, **kwargs):
    norm(self, 4 if num_groups == 32 else num_groups, num_channels, *args, **kwargs)


torch.nn.GroupNorm.__init__ = four
PREFIX = "model.diffusion_model."


def network(state):
    return {k.removeprefix(PREFIX): v.float() for k, v in state.items() if k.startswith(PREFIX)}


def sd2(state):
    config = dict(image_size=32, in_channels=4, out_channels=4, model_channels=8, num_res_blocks=[1, 1], channel_mult=(1, 2),
                  transformer_depth=[1, 0], transformer_depth_output=[1, 1, 0, 0], transformer_depth_middle=1, context_dim=32,
                  use_spatial_transformer=True, use_linear_in_transformer=True, num_head_channels=8, num_heads=-1, legacy=False,
                  attn_precision=torch.float32, adm_in_channels=None, dtype=torch.float32)
    settings = comfy.supported_models.SD20(config)
    settings.unet_config["num_head_channels"] = 8
    model = comfy.model_base.BaseModel(settings, comfy.model_base.ModelType.V_PREDICTION)
    model.diffusion_model.load_state_dict(network(state))
    return model


def vae(state):
    weights = {k.removeprefix("first_stage_model."): v.float() for k, v in state.items() if k.startswith("first_stage_model.")}
    config = dict(double_z=True, z_channels=4, resolution=32, in_channels=3, out_ch=3, ch=8, ch_mult=[1, 1], num_res_blocks=1,
                  attn_resolutions=[], dropout=0.0)
    made = comfy.sd.VAE(sd=weights, config={"params": {"ddconfig": config, "embed_dim": 4}}, dtype=torch.float32)
    made.downscale_ratio = made.upscale_ratio = 2
    return made


def run(model, cases, name, positive, negative, latent, out):
    """Each case is what common_ksampler is told beside the model, with sampler and conditionings of their own."""
    for key, case in cases.items():
        told = dict(seed=7, steps=6, cfg=3.0, sampler_name="euler", scheduler="normal", denoise=1.0)
        told.update(case)
        first = told.pop("positive", [positive[0]])
        second = told.pop("negative", [negative[0]])
        given = dict(told.pop("latent", {"samples": latent}))
        made = nodes.common_ksampler(model, positive=copy.deepcopy(first), negative=copy.deepcopy(second), latent=given, **told)
        out[f"{name}.{key}"] = made[0]["samples"]


def conditioning(g, count, tokens, width, pooled=0):
    made = []
    for _ in range(count):
        values = {"pooled_output": torch.randn(1, pooled, generator=g)} if pooled else {}
        made.append([torch.randn(1, tokens, width, generator=g), values])
    return made


def note(out, name, positive, negative):
    for side, conds in (("positive", positive), ("negative", negative)):
        for i, (hidden, values) in enumerate(conds):
            out[f"{name}.{side}.{i}"] = hidden
            if "pooled_output" in values:
                out[f"{name}.{side}.{i}.pooled"] = values["pooled_output"]


def area(cond, h, w, y, x, strength=1.0, share=False):
    place = ("percentage", h, w, y, x) if share else (h, w, y, x)
    return [cond[0], {**cond[1], "area": place, "strength": strength, "set_area_to_bounds": False}]


def behind(cond, mask, strength=1.0, bounds=False):
    return [cond[0], {**cond[1], "mask": mask, "mask_strength": strength, "set_area_to_bounds": bounds}]


def main():
    OUT.mkdir(exist_ok=True)
    g = torch.Generator().manual_seed(3)
    out = {}

    state = load_file(HERE / "tiny-sd2" / "single.safetensors")
    model = comfy.model_patcher.ModelPatcher(sd2(state), torch.device("cpu"), torch.device("cpu"))
    positive, negative = conditioning(g, 3, 5, 32), conditioning(g, 2, 5, 32)
    latent = torch.randn(2, 4, 12, 20, generator=g) * 2
    mask = torch.rand(1, 30, 50, generator=g)
    two = torch.rand(2, 12, 20, generator=g).round()
    blob = torch.zeros(1, 24, 40)
    blob[:, 4:22, 10:33] = 1
    cond_mask = torch.rand(1, 12, 20, generator=g)
    note(out, "sd2", positive, negative)
    out.update({"sd2.latent": latent, "sd2.mask": mask, "sd2.two": two, "sd2.blob": blob, "sd2.cond_mask": cond_mask})
    p, n = positive, negative
    left = dict(start_step=0, last_step=3, force_full_denoise=False)
    cases = {
        "whole": {},
        "denoise": dict(denoise=0.5),
        "denoise_heun": dict(denoise=0.6, sampler_name="heun"),
        "masked": dict(latent={"samples": latent, "noise_mask": mask}),
        "masked_two": dict(latent={"samples": latent, "noise_mask": two}, denoise=0.7, sampler_name="dpmpp_2m", scheduler="karras"),
        "indexed": dict(latent={"samples": latent, "batch_index": [3, 1]}),
        "stage1": left,
        "stage1_full": dict(start_step=0, last_step=3, force_full_denoise=True),
        "middle": dict(start_step=2, last_step=10000, force_full_denoise=True),
        "areas": dict(positive=[p[0], area(p[1], 8, 9, 2, 11, 1.3), area(p[2], 12, 10, 0, 0, 0.7)]),
        "only_area": dict(positive=[area(p[1], 6, 12, 3, 4)]),
        "negative_area": dict(negative=[n[0], area(n[1], 8, 8, 0, 12, 0.5)]),
        "area_cfg1": dict(positive=[p[0], area(p[1], 6, 8, 2, 4)], cfg=1.0),
        "cond_masks": dict(positive=[behind(p[0], cond_mask, 0.8), behind(p[1], 1 - cond_mask)]),
        "bounds": dict(positive=[p[0], behind(p[1], blob, 1.0, True)]),
        "share": dict(positive=[p[0], area(p[1], 0.5, 0.33, 0.25, 0.6, share=True)]),
        "masked_cfg_pp": dict(latent={"samples": latent, "noise_mask": mask}, sampler_name="euler_cfg_pp", denoise=0.6),
        "areas_cfg_pp": dict(positive=[p[0], area(p[1], 6, 8, 2, 4)], sampler_name="dpmpp_2m_cfg_pp", cfg=1.0),
        "middle_dpm_2": dict(start_step=1, last_step=4, force_full_denoise=True, sampler_name="dpm_2", scheduler="karras"),
        "middle_uni_pc": dict(start_step=1, last_step=4, force_full_denoise=False, sampler_name="uni_pc", steps=5),
        "combined": dict(positive=[p[0], p[1]], negative=[n[0], n[1]]),
        "concat": dict(positive=nodes.ConditioningConcat().concat([p[0]], [p[1]])[0]),
    }
    run(model, cases, "sd2", p, n, latent, out)
    rest = dict(start_step=3, last_step=10000, force_full_denoise=True, disable_noise=True, latent={"samples": out["sd2.stage1"]})
    run(model, {"stage2": rest}, "sd2", p, n, latent, out)

    encoder = vae(state)
    pixels = torch.rand(1, 19, 26, 3, generator=g)
    hole = (torch.rand(1, 19, 26, generator=g) > 0.8).float()
    out["vae.pixels"], out["vae.hole"] = pixels, hole
    out["vae.encoded"] = nodes.VAEEncode().encode(encoder, pixels)[0]["samples"]
    for grow in (0, 1, 3, 6):
        made = nodes.VAEEncodeForInpaint().encode(encoder, pixels, hole, grow)[0]
        out[f"vae.inpaint.{grow}"], out[f"vae.inpaint.{grow}.mask"] = made["samples"], made["noise_mask"]

    save_file({k: v.contiguous() for k, v in out.items()}, OUT / "fixture.safetensors")
    (OUT / "fixture.json").write_text(json.dumps({"seed": 7, "steps": 6, "cfg": 3.0}, indent=1) + "\n")


main()
