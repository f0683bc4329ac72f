#!/usr/bin/env python3
"""Writes joint.json and joint.safetensors: maps of joint attention, where one softmax has image and text keys, and their gradients.

    .venv-ref/bin/python make_joint.py

Every head of every layer is computed, masked, sliced and upsampled on its own, in full and in double precision, with autograd through
everything: SA is the image keys' part and CA the text keys' part of the mean over all heads, either as slices of the joint softmax or
as softmaxes of their own. Nothing is shared with the Go code.
"""

import json
from pathlib import Path

import torch
from make_isac import upsample_keys, upsample_queries
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
TOP = (4, 6)
CLIP, T5 = ("text", 5, "clip"), ("text", 3, "t5")
PADDING = {"clip": 3, "t5": 2}  # how many tokens are attended to where there is a mask

# name, grid, heads, width of a head, segments
LAYERS = [
    ("blocks.0.attn", (4, 6), 3, 5, [("image", 24, ""), CLIP, T5]),
    ("blocks.0.attn2", (4, 6), 2, 5, [("image", 24, "")]),
    ("blocks.1.attn", (2, 3), 2, 4, [("image", 6, ""), CLIP, T5]),
    ("blocks.2.attn", (4, 6), 1, 4, [CLIP, ("image", 24, ""), T5]),
    ("blocks.3.attn", (2, 3), 1, 6, [CLIP, T5, ("image", 6, "")]),
]


def mask_of(segments):
    """Which keys are attended to: all of the image, and the text without its padding."""
    mask = []
    for kind, length, encoder in segments:
        mask += [kind == "image" or i < PADDING[encoder] for i in range(length)]
    return mask


def kinds_of(segments):
    return [kind for kind, length, _ in segments for _ in range(length)]


def maps(tensors, masked, renormalise, divide):
    total, heads = {"image": 0, "text": 0}, {"image": 0, "text": 0}
    for name, grid, n, d, segments in LAYERS:
        kinds, mask = kinds_of(segments), mask_of(segments)
        for head in range(n):
            scores = tensors[name + ".q"][0, head] @ tensors[name + ".k"][0, head].T / d**0.5
            if masked:
                scores = scores.masked_fill(~torch.tensor(mask)[None], float("-inf"))
            joint = scores.softmax(dim=1)
            for kind in ("image", "text"):
                columns = [i for i, k in enumerate(kinds) if k == kind]
                if not columns:
                    continue
                a = scores[:, columns].softmax(dim=1) if renormalise else joint[:, columns]
                a = upsample_queries(a, grid, TOP)
                if kind == "image":
                    a = upsample_keys(a, grid, TOP, divide)
                total[kind] = total[kind] + a
                heads[kind] += 1
    return total["image"] / heads["image"], total["text"] / heads["text"]


def main():
    g = torch.Generator().manual_seed(17)
    inputs, notes = {}, {"top": TOP, "layers": [], "cases": []}
    for name, grid, n, d, segments in LAYERS:
        inputs[name + ".q"] = torch.randn(1, n, grid[0] * grid[1], d, generator=g) * 1.3
        inputs[name + ".k"] = torch.randn(1, n, len(kinds_of(segments)), d, generator=g) * 1.3
        keys = [{"kind": kind, "length": length, "encoder": encoder} for kind, length, encoder in segments]
        notes["layers"].append({"name": name, "grid": grid, "scale": d**-0.5, "keys": keys, "mask": mask_of(segments)})
    pixels = TOP[0] * TOP[1]
    weight_self, weight_cross = torch.randn(pixels, pixels, generator=g), torch.randn(pixels, 8, generator=g)
    out = inputs | {"weight.self": weight_self, "weight.cross": weight_cross}
    for masked in (False, True):
        for renormalise in (False, True):
            for divide in (False, True):
                name = f"case{len(notes['cases'])}"
                notes["cases"].append({"name": name, "masked": masked, "renormalise": renormalise, "divide": divide})
                leaves = {k: v.clone().requires_grad_(True) for k, v in inputs.items()}
                sa, ca = maps(leaves, masked, renormalise, divide)
                ((sa * weight_self).sum() + (ca * weight_cross).sum()).backward()
                out |= {f"{name}.self": sa.detach(), f"{name}.cross": ca.detach()}
                out |= {f"{name}.grad.{k}": v.grad for k, v in leaves.items()}
                print(f"{name}: rows of SA sum to {sa.sum(1).mean():.4f}, rows of CA to {ca.sum(1).mean():.4f}")
    save_file({k: v.contiguous() for k, v in out.items()}, HERE / "joint.safetensors")
    (HERE / "joint.safetensors").chmod(0o644)
    (HERE / "joint.json").write_text(json.dumps(notes, indent=1) + "\n")


if __name__ == "__main__":
    main()
