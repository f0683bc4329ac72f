"""Writes tiny_ldm.safetensors and sd15_ldm.txt: models under the names of the first Stable Diffusion release.

    .venv-ref/bin/python make_ldm.py

tiny_ldm.safetensors has the tensors of ../../testdata/tiny, sd15_ldm.txt the names and shapes of all of Stable
Diffusion 1.5 (from ../../testdata/shapes). The names are made here from diffusers' ones, the other way round
than in Go, and then given to diffusers' own single-file conversion, which has to give back what we began with.
Run it again when the tiny model changes.
"""

import re
from pathlib import Path

import torch
from diffusers.loaders import single_file_utils as official
from safetensors.torch import load_file, save_file

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent / "testdata"
Tensors = dict[str, torch.Tensor]

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
UNET_ENDS = {
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}


def unet_name(name: str, depth: int) -> str:
    """depth is the number of resnets of a down block; an up block has one more."""
    layer, weight = name.rsplit(".", 1)
    if layer in UNET_ENDS:
        return f"{UNET_ENDS[layer]}.{weight}"
    if m := re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", name):
        kind, i, rest = m.groups()
        place = 1 if kind == "attentions" else 2 * int(i)
        return f"middle_block.{place}.{inner(kind, rest)}"
    side, block, kind, i, rest = re.fullmatch(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.*)", name).groups()
    block, i = int(block), int(i)
    if kind == "downsamplers":
        return f"input_blocks.{(block + 1) * (depth + 1)}.0.{rest.replace('conv', 'op')}"
    if kind == "upsamplers":
        return f"output_blocks.{block * (depth + 1) + depth}.UP.{rest}"  # UP: 1 or 2, see number_upsamplers
    row = f"input_blocks.{1 + block * (depth + 1) + i}" if side == "down" else f"output_blocks.{block * (depth + 1) + i}"
    return f"{row}.{0 if kind == 'resnets' else 1}.{inner(kind, rest)}"


def inner(kind: str, rest: str) -> str:
    if kind == "attentions":
        return rest
    layer, weight = rest.rsplit(".", 1)
    return f"{RESNET[layer]}.{weight}"


def number_upsamplers(tensors: Tensors) -> Tensors:
    """An upsampler comes after the attention of its output block, or after the resnet where there is none."""
    out = {}
    for name, t in tensors.items():
        block = name.split(".UP.")[0]
        attention = any(other.startswith(block + ".1.") for other in tensors)
        out[name.replace(".UP.", ".2." if attention else ".1.")] = t
    return out


def vae_name(name: str, levels: int) -> str:
    name = re.sub(r"mid_block\.resnets\.([01])", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    name = re.sub(r"decoder\.up_blocks\.(\d)", lambda m: f"decoder.up.{levels - 1 - int(m[1])}", name)
    for new, old in {
        "encoder.down_blocks.": "encoder.down.",
        ".resnets.": ".block.",
        "mid_block.attentions.0.group_norm": "mid.attn_1.norm",
        "mid_block.attentions.0.to_q": "mid.attn_1.q",
        "mid_block.attentions.0.to_k": "mid.attn_1.k",
        "mid_block.attentions.0.to_v": "mid.attn_1.v",
        "mid_block.attentions.0.to_out.0": "mid.attn_1.proj_out",
        "conv_shortcut": "nin_shortcut",
        "conv_norm_out": "norm_out",
        "downsamplers.0": "downsample",
        "upsamplers.0": "upsample",
    }.items():
        name = name.replace(new, old)
    return name


def ldm(unet: Tensors, vae: Tensors, text: Tensors, depth: int) -> Tensors:
    levels = 1 + max(int(n.split(".")[2]) for n in vae if n.startswith("decoder.up_blocks."))
    out = {"model.diffusion_model." + n: t for n, t in number_upsamplers({unet_name(n, depth): t for n, t in unet.items()}).items()}
    for name, t in vae.items():
        old = vae_name(name, levels)
        if ".attn_1." in old and t.ndim == 2:
            t = t[:, :, None, None]  # linear layers were 1x1 convolutions
        out["first_stage_model." + old] = t
    for name, t in text.items():
        out["cond_stage_model.transformer.text_model." + name.removeprefix("text_model.")] = t
    return {k: t.contiguous() for k, t in out.items()}


def check(single: Tensors, unet: Tensors, vae: Tensors, text: Tensors, depth: int) -> None:
    """diffusers reads it back to the same tensors."""
    levels = 1 + max(int(n.split(".")[2]) for n in vae if n.startswith("decoder.up_blocks."))
    back = {
        "unet": official.convert_ldm_unet_checkpoint(
            dict(single), {"layers_per_block": depth, "class_embed_type": None, "addition_embed_type": None}
        ),
        "vae": official.convert_ldm_vae_checkpoint(dict(single), {"down_block_types": [0] * levels, "up_block_types": [0] * levels}),
        "text": official.convert_ldm_clip_checkpoint(dict(single), "cond_stage_model.transformer."),
    }
    for part, want in {"unet": unet, "vae": vae, "text": text}.items():
        got = {k.removeprefix("text_model."): t for k, t in back[part].items()}
        want = {k.removeprefix("text_model."): t for k, t in want.items()}
        assert got.keys() == want.keys(), (part, got.keys() ^ want.keys())
        for name, t in want.items():
            assert got[name].shape == t.shape, (part, name, got[name].shape, t.shape)
            assert t.is_meta or torch.equal(got[name], t), (part, name)


def listed(name: str) -> Tensors:
    lines = (line.split() for line in (SHARED / "shapes" / name).read_text().splitlines())
    return {line[0]: torch.empty([int(n) for n in line[1:]], device="meta") for line in lines if line}


def main() -> None:
    parts = [SHARED / "tiny" / p for p in ["unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"]]
    tiny = [load_file(p.with_suffix(".safetensors")) for p in parts]
    single = ldm(*tiny, depth=2)
    check(single, *tiny, depth=2)
    save_file(single, HERE / "tiny_ldm.safetensors")

    sd15 = [listed(f"sd15-{part}.txt") for part in ["unet", "vae", "text"]]
    single = ldm(*sd15, depth=2)
    check(single, *sd15, depth=2)
    lines = [" ".join([name, *map(str, t.shape)]) for name, t in sorted(single.items())]
    (HERE / "sd15_ldm.txt").write_text("\n".join(lines) + "\n")
    print(len(tiny[0]) + len(tiny[1]) + len(tiny[2]), "tensors of the tiny model,", len(lines), "of Stable Diffusion 1.5")


if __name__ == "__main__":
    main()
