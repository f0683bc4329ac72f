#!/usr/bin/env python3
"""Writes testdata/stock: what ComfyUI's nodes say of themselves and what they make of small pictures, latents and masks.

  make_stock.py FOLDER      FOLDER is a checkout of comfyanonymous/ComfyUI (0.3.64); run this with the Python that it runs with

schemas.json has the entries of /object_info, but for what depends on files. pictures are image files of all kinds, with what Load Image
makes of them in fixture.safetensors. cases.json lists how each value there was made.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
sys.argv = [sys.argv[0], "--cpu"]

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy_extras.nodes_mask as extra  # noqa: E402
import folder_paths  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

import nodes  # noqa: E402

HERE = Path(__file__).resolve().parent
OUT = HERE / "stock"
PICTURES = OUT / "pictures"
torch.set_num_threads(1)

CLASSES = [
    "CLIPSetLastLayer", "ConditioningCombine", "ConditioningConcat", "ConditioningSetArea", "ConditioningSetAreaPercentage",
    "ConditioningSetMask", "ImageBatch", "ImageScale", "ImageScaleBy", "ImageToMask", "InvertMask", "KSamplerAdvanced",
    "LatentFromBatch", "LatentUpscale", "LatentUpscaleBy", "LoadImage", "LoadImageMask", "LoadLatent", "MaskToImage",
    "RepeatLatentBatch", "SaveLatent", "SetLatentNoiseMask", "VAEEncode", "VAEEncodeForInpaint", "VAELoader",
]
IMAGE_SIZES = [
    (20, 14, "disabled"), (7, 5, "center"), (30, 4, "center"), (12, 21, "disabled"), (0, 6, "disabled"), (9, 0, "center"),
    (0, 0, "disabled"),
]
LATENT_SIZES = [(96, 72, "disabled"), (64, 88, "center"), (0, 72, "disabled"), (104, 0, "center"), (0, 0, "disabled"), (8, 72, "disabled")]
FILES = {"image", "latent", "vae_name"}  # choices that depend on the machine


def entry(name):
    made = nodes.NODE_CLASS_MAPPINGS.get(name) or extra.NODE_CLASS_MAPPINGS[name]
    inputs = made.INPUT_TYPES()
    inputs = {group: {k: list(v) for k, v in members.items()} if group != "hidden" else members for group, members in inputs.items()}
    for k, v in inputs["required"].items():
        if k in FILES and isinstance(v[0], list):
            v[0] = []
        if k in ("sampler_name", "scheduler"):
            v[0] = k
    display = {**nodes.NODE_DISPLAY_NAME_MAPPINGS, **extra.NODE_DISPLAY_NAME_MAPPINGS}
    return {
        "input": inputs, "input_order": {group: list(members) for group, members in inputs.items()},
        "output": list(made.RETURN_TYPES), "output_is_list": [False] * len(made.RETURN_TYPES),
        "output_name": list(getattr(made, "RETURN_NAMES", made.RETURN_TYPES)), "name": name, "display_name": display.get(name, name),
        "category": made.CATEGORY, "output_node": getattr(made, "OUTPUT_NODE", False),
    }


def pictures():
    """Image files, 7×5 pixels. Of JPEG only one of one colour, which every decoder reads alike."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    r = np.random.default_rng(5)
    rgb = r.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    alpha = r.integers(0, 256, (5, 7, 1), dtype=np.uint8)
    rgba = Image.fromarray(np.concatenate([rgb, alpha], 2))
    plain = Image.fromarray(rgb)
    made = []

    def save(name, image, **options):
        image.save(PICTURES / name, **options)
        made.append(name)

    save("rgb.png", plain)
    save("rgba.png", rgba)
    save("gray.png", plain.convert("L"))
    save("gray-alpha.png", rgba.convert("LA"))
    save("palette.png", plain.quantize(8))
    clear = plain.quantize(8)
    save("palette-clear.png", clear, transparency=bytes(range(0, 256, 32)))
    save("keyed.png", plain, transparency=tuple(int(v) for v in rgb[2, 3]))
    save("gray16.png", Image.fromarray(r.integers(0, 65536, (5, 7), dtype=np.uint16)))
    save("bits.png", plain.convert("1"))
    save("flat.gif", plain.quantize(8))
    save("plain.bmp", plain)
    save("lossless.webp", rgba, lossless=True, exact=True)
    save("opaque.webp", plain, lossless=True)
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = turn
        save(f"turned-{turn}.png", plain, exif=exif)
    exif = Image.Exif()
    exif[0x0112] = 6
    save("turned.webp", plain, lossless=True, exif=exif)
    even = Image.new("RGB", (24, 16), (200, 30, 90))
    save("even.jpg", even, quality=95, subsampling=0)
    half = Image.new("L", (24, 16), 20)
    half.paste(220, (0, 0, 8, 16))
    save("turned.jpg", half, quality=100, exif=exif)
    return made


def main():
    OUT.mkdir(exist_ok=True)
    (OUT / "schemas.json").write_text(json.dumps({c: entry(c) for c in CLASSES}, indent=1) + "\n")
    out, cases = {}, []
    folder_paths.set_input_directory(str(PICTURES))
    names = pictures()
    for name in names:
        image, mask = nodes.LoadImage().load_image(name)
        if name == "gray16.png":  # with this Pillow ComfyUI takes all above 255 for white: the upper byte is what is meant
            upper = torch.from_numpy(np.array(Image.open(PICTURES / name)) >> 8).float() / 255
            image = upper[None, ..., None].repeat(1, 1, 1, 3)
        out[f"load.{name}.image"] = image
        if mask.shape[1:] != (64, 64):  # which stands for no alpha
            out[f"load.{name}.mask"] = mask
        for channel in ("alpha", "green"):
            made = nodes.LoadImageMask().load_image(name, channel)[0]
            if name == "gray16.png" and channel == "green":
                made = image[..., 1]
            out[f"mask.{name}.{channel}"] = made

    g = torch.Generator().manual_seed(9)
    image, latent = torch.rand(1, 9, 12, 3, generator=g), torch.randn(2, 4, 8, 10, generator=g)
    latent[0, :, 2, 3], latent[1, :, 4] = 0, latent[1, :, 5]
    latent[0, :, 6] = -latent[0, :, 7]
    out["image"], out["latent"] = image, latent

    def case(kind, made, **inputs):
        key = f"case.{len(cases)}"
        cases.append({"class": kind, "inputs": inputs})
        out[key] = made

    for method in nodes.ImageScale.upscale_methods:
        for width, height, crop in IMAGE_SIZES:
            made = nodes.ImageScale().upscale(image, method, width, height, crop)[0]
            case("ImageScale", made, upscale_method=method, width=width, height=height, crop=crop)
        for by in (0.37, 1.5, 1.0):
            case("ImageScaleBy", nodes.ImageScaleBy().upscale(image, method, by)[0], upscale_method=method, scale_by=by)
    for method in nodes.LatentUpscale.upscale_methods:
        for width, height, crop in LATENT_SIZES:
            made = nodes.LatentUpscale().upscale({"samples": latent}, method, width, height, crop)[0]["samples"]
            case("LatentUpscale", made, upscale_method=method, width=width, height=height, crop=crop)
        for by in (0.5, 1.5):
            made = nodes.LatentUpscaleBy().upscale({"samples": latent}, method, by)[0]["samples"]
            case("LatentUpscaleBy", made, upscale_method=method, scale_by=by)
    case("ImageBatch", nodes.ImageBatch().batch(image, image[:, :6, :11])[0])
    (OUT / "cases.json").write_text(json.dumps({"pictures": names, "cases": cases}, indent=1) + "\n")
    save_file({k: v.float().contiguous().clone() for k, v in out.items()}, OUT / "fixture.safetensors")


main()
