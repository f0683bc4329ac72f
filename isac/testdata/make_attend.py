#!/usr/bin/env python3
"""Writes what the Go tests of isac/baseline compare Attend-and-Excite with: its loss, gradient and refined steps, in plain PyTorch.

  make_attend.py     on the layers of synthetic.safetensors beside this file (make_isac.py synthetic), into attend.safetensors

It is written from the paper and from what the published code computes: every head's map in full, a softmax over tokens but the first
and the last, a 3x3 convolution with reflected edges, the refinement as a loop of evaluations. It shares nothing with the Go code and
is in double precision.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

HERE = Path(__file__).resolve().parent
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

TENSORS = load_file(HERE / "synthetic.safetensors")
MODELS = json.loads((HERE / "synthetic.json").read_text())["models"]


def cross_layers(name, x):
    """(grid, [heads, positions, tokens]) of each cross-attention layer of a synthetic model."""
    for i, layer in enumerate(MODELS[name]["layers"]):
        if layer["kind"] != "cross":
            continue
        (h, w), heads, d = layer["grid"], layer["heads"], layer["d"]
        pixels = F.adaptive_avg_pool2d(x, (h, w))[0].flatten(1).T
        q = torch.tanh(pixels @ TENSORS[f"model/{name}/{i}.q"]).reshape(h * w, heads, d).transpose(0, 1)
        k = TENSORS[f"model/{name}/{i}.k"]
        yield (h, w), torch.softmax(q @ k.transpose(1, 2) / math.sqrt(d), dim=2)


def averaged(name, x, grid):
    """The mean over all heads of the layers of one grid, [h, w, tokens]; of all layers, upsampled to the finest, where grid is None."""
    layers = list(cross_layers(name, x))
    top = grid or max((g for g, _ in layers), key=lambda g: g[0] * g[1])
    heads = []
    for (h, w), maps in layers:
        for one in maps:
            image = one.T.reshape(1, -1, h, w)
            if (h, w) == tuple(top):
                heads.append(image[0])
            elif grid is None:
                heads.append(F.interpolate(image, size=tuple(top), mode="bilinear", align_corners=False)[0])
    return torch.stack(heads).mean(dim=0).permute(1, 2, 0)


def kernel():
    """What diffusers' GaussianSmoothing(kernel_size=3, sigma=0.5) convolves with: exp(-(d / 2 sigma)^2) along each side."""
    side = torch.exp(-((torch.tensor([-1.0, 0.0, 1.0]) / (2 * 0.5)) ** 2))
    both = side[:, None] * side[None, :]
    return (both / both.sum())[None, None]


def excited(name, x, grid, classes):
    """The smoothed map of each class: of several tokens the strongest at each position."""
    words = torch.softmax(100 * averaged(name, x, grid)[:, :, 1:-1], dim=2)
    maps = []
    for tokens in classes:
        smoothed = [F.conv2d(F.pad(words[None, None, :, :, t - 1], (1, 1, 1, 1), mode="reflect"), kernel())[0, 0] for t in tokens]
        maps.append(torch.stack(smoothed).amax(dim=0))
    return maps


def loss_of(maps):
    return max(torch.clamp(1 - m.max(), min=0) for m in maps)


def step(name, x, grid, classes, eta, index, count, threshold, tries):
    """One guided step as the published pipeline takes it: (loss before, gradient before, moves, the losses of all, latent after)."""
    size = eta * math.sqrt(torch.linspace(1, 0.5, count)[index])

    def evaluate(at):
        at = at.detach().clone().requires_grad_(True)
        loss = loss_of(excited(name, at, grid, classes))
        return loss, torch.autograd.grad(loss, at)[0]

    first, gradient = loss, slope = evaluate(x)
    losses = []
    if threshold is not None and loss > 1 - threshold:
        for _ in range(tries):
            loss, slope = evaluate(x)
            x = x - size * slope
            losses.append(loss.item())
            if loss <= 1 - threshold:
                break
        loss, slope = evaluate(x)
    losses.append(loss.item())
    return first.item(), gradient, losses, x - size * slope


TWO = [[6], [5]]
CASES = {
    # name: model, resolution that is asked for, grid that it is, classes, eta, index, count, threshold, tries
    "one": ("square", 8, (8, 8), [[4]], 0.5, 3, 10, None, 20),
    "two": ("square", 8, (8, 8), TWO, 0.5, 3, 10, None, 20),
    "several-tokens": ("square", 8, (8, 8), [[3, 5], [6, 7]], 0.5, 9, 10, None, 20),
    "quarter": ("square", 0, (4, 4), [[3], [6]], 0.5, 3, 10, None, 20),
    "wide": ("wide", 6, (6, 10), [[2], [4], [5]], 0.5, 2, 7, None, 20),
    "wide-coarse": ("wide", 3, (3, 5), [[2], [4]], 0.5, 0, 7, None, 20),
    "all": ("square", 0, None, TWO, 0.5, 3, 10, None, 20),
    "all-wide": ("wide", 0, None, [[2], [4, 5]], 0.5, 2, 7, None, 20),
    "only-step": ("square", 8, (8, 8), TWO, 0.5, 0, 1, None, 20),
    # Refined: reached on the way, given up, and nothing to do.
    "reached": ("square", 8, (8, 8), TWO, 0.3, 0, 10, 0.655, 20),
    "given-up": ("square", 4, (4, 4), [[3], [5]], 0.05, 2, 10, 0.9, 5),
    "one-try": ("square", 8, (8, 8), TWO, 0.3, 4, 10, 0.75, 1),
    "enough": ("square", 8, (8, 8), TWO, 0.5, 4, 10, 0.01, 20),
}


def main():
    tensors, notes = {}, {}
    for name, (model, asked, grid, classes, eta, index, count, threshold, tries) in CASES.items():
        x = TENSORS[f"model/{model}/x"]
        first, gradient, losses, after = step(model, x, grid, classes, eta, index, count, threshold, tries)
        tensors |= {f"case/{name}/gradient": gradient, f"case/{name}/stepped": after}
        tensors[f"case/{name}/maps"] = torch.stack(excited(model, x, grid, classes)).detach()
        notes[name] = dict(
            model=model, resolution=asked, accumulate=grid is None, classes=[{"count": 1, "tokens": t} for t in classes],
            eta=eta, index=index, count=count, threshold=threshold or 0, tries=tries, loss=first, moves=len(losses), last=losses[-1],
        )  # fmt: skip
        print(f"{name:15} moves={len(losses):2} losses={' '.join(f'{v:.4f}' for v in losses)} |grad|={gradient.norm():.4g}")
    save_file({k: v.contiguous() for k, v in tensors.items()}, HERE / "attend.safetensors")
    (HERE / "attend.safetensors").chmod(0o644)
    (HERE / "attend.json").write_text(json.dumps({"cases": notes}, indent=1) + "\n")


if __name__ == "__main__":
    main()
