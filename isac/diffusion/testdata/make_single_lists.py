#!/usr/bin/env python3
"""Writes names and shapes of all tensors in the single files of Stable Diffusion 2.1 and SDXL, into testdata/shapes.

  git clone https://github.com/Stability-AI/stablediffusion
  git clone https://github.com/Stability-AI/generative-models
  git clone https://github.com/mlfoundations/open_clip
  make_single_lists.py stablediffusion generative-models open_clip

They come from the classes that those files were trained and saved with, built without weights and with the settings of their
published configurations (configs/stable-diffusion/v2-inference.yaml, configs/inference/sd_xl_base.yaml, ViT-H-14.json,
ViT-bigG-14.json). Run it again only if a list is doubted.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
import types
from pathlib import Path

import torch
from transformers import CLIPTextConfig, CLIPTextModel

SHAPES = Path(__file__).resolve().parent / "shapes"
UNET = dict(image_size=32, in_channels=4, out_channels=4, model_channels=320, num_res_blocks=2, num_head_channels=64,
            use_linear_in_transformer=True)
VAE = dict(double_z=True, z_channels=4, resolution=256, in_channels=3, out_ch=3, ch=128, ch_mult=[1, 2, 4, 4], num_res_blocks=2,
           attn_resolutions=[], dropout=0.0)
ABSENT = ("einops", "torchvision", "omegaconf", "pytorch_lightning", "ftfy", "cv2", "fsspec", "timm", "kornia", "PIL")


class Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Packages that the classes' modules import and that building a network does not call."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ABSENT:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        def anything(attribute):
            if attribute.startswith("__"):
                raise AttributeError(attribute)
            return type(attribute, (), {})
        module = types.ModuleType(spec.name)
        module.__getattr__ = anything
        return module

    def exec_module(self, module):
        pass


def package(name, folder):
    """A package without what its __init__ imports."""
    module = types.ModuleType(name)
    module.__path__ = [str(folder)]
    sys.modules[name] = module


def autoencoder(model):
    """Encoder, decoder and the two 1x1 convolutions of AutoencoderKL, which is only these and its training."""
    vae = torch.nn.Module()
    vae.encoder, vae.decoder = model.Encoder(**VAE), model.Decoder(**VAE)
    vae.quant_conv = torch.nn.Conv2d(8, 8, 1)
    vae.post_quant_conv = torch.nn.Conv2d(4, 4, 1)
    return vae


def open_clip_text(open_clip, width, heads, layers):
    """OpenCLIP's whole model without its picture tower, as both releases keep it."""
    model = open_clip.CLIP(
        embed_dim=width, vision_cfg=dict(image_size=28, layers=1, width=64, head_width=64, patch_size=14),
        text_cfg=dict(context_length=77, vocab_size=49408, width=width, heads=heads, layers=layers))
    del model.visual
    return model


def write(name, parts):
    tensors = {prefix + k: v for prefix, model in parts.items() for k, v in model.state_dict().items()}
    lines = [f"{k} {' '.join(map(str, v.shape))}".rstrip() for k, v in tensors.items()]
    (SHAPES / f"{name}.txt").write_text("\n".join(sorted(lines)) + "\n")
    print(f"{SHAPES / name}.txt: {len(lines)} tensors")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    ldm, sgm, clip = (Path(p).resolve() for p in sys.argv[1:])
    sys.path[:0] = [str(ldm)]
    for name in ["sgm", "sgm.modules", "sgm.modules.diffusionmodules", "open_clip"]:
        package(name, (clip / "src" if name == "open_clip" else sgm) / name.replace(".", "/"))
    sys.meta_path.append(Absent())
    load = importlib.import_module
    open_clip = load("open_clip.model")
    clip_l = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
    with torch.device("meta"):
        module = torch.nn.Module()
        module.text_model = CLIPTextModel(clip_l)
        positions = torch.nn.Module()  # transformers kept them as a tensor when SDXL was released
        positions.register_buffer("position_ids", torch.empty(1, 77, dtype=torch.long))
        write("sd21-single", {
            "model.diffusion_model.": load("ldm.modules.diffusionmodules.openaimodel").UNetModel(
                **UNET, attention_resolutions=[4, 2, 1], channel_mult=[1, 2, 4, 4], use_spatial_transformer=True, transformer_depth=1,
                context_dim=1024, legacy=False),
            "first_stage_model.": autoencoder(load("ldm.modules.diffusionmodules.model")),
            "cond_stage_model.model.": open_clip_text(open_clip, 1024, 16, 24),
        })
        write("sdxl-single", {
            "model.diffusion_model.": load("sgm.modules.diffusionmodules.openaimodel").UNetModel(
                **{k: v for k, v in UNET.items() if k != "image_size"}, attention_resolutions=[4, 2], channel_mult=[1, 2, 4],
                transformer_depth=[1, 2, 10], context_dim=2048, adm_in_channels=2816, num_classes="sequential",
                spatial_transformer_attn_type="softmax"),
            "first_stage_model.": autoencoder(load("sgm.modules.diffusionmodules.model")),
            "conditioner.embedders.0.transformer.": module,
            "conditioner.embedders.0.transformer.text_model.embeddings.": positions,
            "conditioner.embedders.1.model.": open_clip_text(open_clip, 1280, 20, 32),
        })


main()
