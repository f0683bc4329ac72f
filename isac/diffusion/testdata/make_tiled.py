#!/usr/bin/env python3
"""Writes testdata/tiled: what ComfyUI's VAEDecodeTiled and VAEEncodeTiled make with the autoencoder of tiny-sd2.

  make_tiled.py FOLDER      FOLDER is a checkout of comfyanonymous/ComfyUI (0.3.64); run this with the Python that it runs with

Tiles, their blending, the network and the nodes are ComfyUI's own; only its number of groups in norms, 32, is the tiny model's, 4, and
its factor, 8, the tiny model's, 2. schemas.json has the two nodes' entries of /object_info.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
sys.argv = [sys.argv[0], "--cpu"]

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy.sd  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

import nodes  # noqa: E402

HERE = Path(__file__).resolve().parent
OUT = HERE / "tiled"
torch.set_num_threads(1)

norm = torch.nn.GroupNorm.__init__


def four(self, num_groups, num_channels, *args, **kwargs):
    norm(self, 4 if num_groups == 32 else num_groups, num_channels, *args, **kwargs)


torch.nn.GroupNorm.__init__ = four


def vae(state):
    weights = {k.removeprefix("first_stage_model."): v.float() for k, v in state.items() if k.startswith("first_stage_model.")}
    config = dict(double_z=True, z_channels=4, resolution=32, in_channels=3, out_ch=3, ch=8, ch_mult=[1, 1], num_res_blocks=1,
                  attn_resolutions=[], dropout=0.0)
    made = comfy.sd.VAE(sd=weights, config={"params": {"ddconfig": config, "embed_dim": 4}}, dtype=torch.float32)
    made.downscale_ratio = made.upscale_ratio = 2
    return made


def entry(name):
    made = nodes.NODE_CLASS_MAPPINGS[name]
    inputs = {group: {k: list(v) for k, v in members.items()} for group, members in made.INPUT_TYPES().items()}
    return {
        "input": inputs, "input_order": {group: list(members) for group, members in inputs.items()}, "output": list(made.RETURN_TYPES),
        "output_is_list": [False], "output_name": list(made.RETURN_TYPES), "name": name,
        "display_name": nodes.NODE_DISPLAY_NAME_MAPPINGS[name], "category": made.CATEGORY, "output_node": False,
    }


@torch.inference_mode()  # as ComfyUI runs its nodes
def main():
    OUT.mkdir(exist_ok=True)
    g = torch.Generator().manual_seed(5)
    model = vae(load_file(HERE / "tiny-sd2" / "single.safetensors"))
    latent = torch.randn(1, 4, 37, 51, generator=g)
    pixels = torch.rand(1, 75, 101, 3, generator=g)  # an edge of one pixel is cut off
    out = {"latent": latent, "pixels": pixels}
    # Overlaps that are too large for the tile are made smaller by the node that decodes.
    for size, overlap in ((64, 8), (64, 32), (96, 0)):
        out[f"decoded.{size}.{overlap}"] = nodes.VAEDecodeTiled().decode(model, {"samples": latent}, size, overlap)[0].contiguous()
    for size, overlap in ((64, 16), (64, 0)):
        out[f"encoded.{size}.{overlap}"] = nodes.VAEEncodeTiled().encode(model, pixels, size, overlap)[0]["samples"].contiguous()
    save_file(out, OUT / "fixture.safetensors")
    (OUT / "schemas.json").write_text(json.dumps({c: entry(c) for c in ("VAEDecodeTiled", "VAEEncodeTiled")}, indent=1) + "\n")


main()
