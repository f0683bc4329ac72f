#!/usr/bin/env python3
"""Writes what the Go tests of isac compare themselves with: the method's equations, straight and naive, in PyTorch.

  make_isac.py synthetic       small invented attention layers, every map, loss and gradient, into isac/testdata
  make_isac.py mini [MODEL]    gradients of the loss through diffusers' UNet with the mini model (default examples/mini/model), into
                               isac/diffusion/testdata/guidance; run it after every new mini model, it takes seconds

It follows shared/paper/method.md with every map in full and autograd through everything: every head of every layer is upsampled
on its own, CA is propagated for all tokens, overlaps are maxima of whole products. It shares nothing with the Go code and is in
double precision. Equation numbers are the paper's.
"""

import hashlib
import json
import sys
from itertools import combinations
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)  # the work is small, and threads that wait for each other on a busy machine take minutes

PAPER = {
    "eta": 0.01,
    "step": "raw",
    "self_norm": "minmax",
    "cross_norm": "minmax",
    "divide": False,
    "schedule": "E",
    "merge": "mean",
    "weight": 1.0,
    "cluster_norm": "none",
}
TYPED = {
    "eta": 0.01,
    "step": "relative",
    "self_norm": "row",
    "cross_norm": "minmax-classes",
    "divide": True,
    "schedule": "E",
    "merge": "mean",
    "weight": 1.0,
    "cluster_norm": "minmax",
}


# ---------------------------------------------------------------------------------------------------- the method


def upsample_queries(a, grid, top):
    """One head's map [hw, M] to [HW, M]: each key's column is an image."""
    (h, w), (height, width) = grid, top
    images = a.T.reshape(-1, 1, h, w)
    return F.interpolate(images, size=(height, width), mode="bilinear", align_corners=False).reshape(-1, height * width).T


def upsample_keys(a, grid, top, divide):
    """One head's self-attention map [N, hw] to [N, HW]: each query's row is an image."""
    (h, w), (height, width) = grid, top
    images = a.reshape(-1, 1, h, w)
    out = F.interpolate(images, size=(height, width), mode="bilinear", align_corners=False).reshape(-1, height * width)
    return out / ((height / h) * (width / w)) if divide else out


def accumulate(layers, top, divide):
    """(1)-(4). layers: (kind, (h, w), q [heads, hw, d], k [heads, keys, d], scale)."""
    sums, heads = {}, {}
    for kind, grid, q, k, scale in layers:
        for head in range(q.shape[0]):
            a = torch.softmax(scale * q[head] @ k[head].T, dim=-1)
            a = upsample_queries(a, grid, top)
            if kind == "self":
                a = upsample_keys(a, grid, top, divide)
            sums[kind] = sums.get(kind, 0) + a
            heads[kind] = heads.get(kind, 0) + 1
    return sums["self"] / heads["self"], sums["cross"] / heads["cross"]


def minmax(a):
    """(14)"""
    return (a - a.min()) / (a.max() - a.min())


def propagate(sa, ca, classes, o):
    """(7), one column a class: [HW, k]."""
    if o["self_norm"] == "minmax":
        sa = minmax(sa)
    if o["cross_norm"] == "minmax":
        ca = minmax(ca)
    elif o["cross_norm"] == "minmax-classes":
        tokens = [t for _, ts in classes for t in ts]
        part = ca[:, tokens]
        ca = (ca - part.min()) / (part.max() - part.min())  # other columns leave [0,1], and are not read
    elif o["cross_norm"] == "minmax-each":
        low, high = ca.min(dim=0, keepdim=True).values, ca.max(dim=0, keepdim=True).values
        ca = (ca - low) / (high - low)
    elif o["cross_norm"] == "softmax100":
        ca = torch.cat([torch.zeros_like(ca[:, :1]), torch.softmax(100 * ca[:, 1:], dim=1)], dim=1)  # (13)
    prop = sa @ ca if o.get("propagation", True) else ca
    columns = []
    for _, ts in classes:
        c = prop[:, ts]
        columns.append(c.mean(dim=1) if o["merge"] == "mean" else c.max(dim=1).values)
    return sa, torch.stack(columns, dim=1)


def mpo(a, b):
    """(6)"""
    return (a * b).max()


def largest_overlap(masks):
    pairs = [mpo(masks[:, i], masks[:, j]) for i, j in combinations(range(masks.shape[1]), 2)]
    return torch.stack(pairs).max() if pairs else torch.zeros(())


def features(fg, index, top, weight, norm):
    height, width = top
    ys, xs = torch.linspace(-1, 1, height), torch.linspace(-1, 1, width)
    x, y = xs[index % width], ys[index // width]
    rows = minmax(fg) if norm == "minmax" else fg
    return torch.cat([rows, weight * x[:, None], weight * y[:, None]], dim=1)


def lloyd(points, n, seed):
    """K-means from random rows, to convergence: labels and the sum of squared distances."""
    g = torch.Generator().manual_seed(seed)
    centres = points[torch.randperm(len(points), generator=g)[:n]]
    labels = None
    for _ in range(300):
        new = torch.cdist(points, centres).argmin(dim=1)
        if labels is not None and torch.equal(new, labels):
            break
        labels = new
        if len(labels.unique()) < n:
            return None, float("inf")
        centres = torch.stack([points[labels == c].mean(dim=0) for c in range(n)])
    return labels, float(((points - centres[labels]) ** 2).sum())


def kmeans(points, n):
    """The tightest of 30 starts."""
    return min((lloyd(points, n, seed) for seed in range(30)), key=lambda r: r[1])


def weights(schedule, index, count):
    """Table 2; t runs T..1."""
    t = (count - index) / count
    return {"A": (1, 0), "B": (0, 1), "C": (0.5, 0.5), "D": (1 - t, t), "E": (t, 1 - t)}[schedule]


def guide(x, run, top, classes, o, index, count):
    """One guided step (Algorithm 1). run(x) gives the layers; classes: (count, token positions). Returns everything on the way."""
    x = x.clone().requires_grad_(True)
    sa_raw, ca_raw = accumulate(run(x), top, o["divide"])
    sa, prop = propagate(sa_raw, ca_raw, classes, o)
    n = sum(c for c, _ in classes)

    binary = prop > prop.mean(dim=0, keepdim=True)  # (9)
    index_fg = binary.any(dim=1).nonzero()[:, 0]
    fg = sa[index_fg][:, index_fg]  # (10), (11)
    points = features(fg.detach(), index_fg, top, o["weight"], o["cluster_norm"])
    labels, inertia = kmeans(points, n)
    masks = fg @ F.one_hot(labels, n).to(fg.dtype)  # (8)

    l_ins, l_cls = largest_overlap(masks), largest_overlap(prop)
    w_ins, w_cls = weights(o["schedule"], index, count)
    loss = w_ins * l_ins + w_cls * l_cls  # (5)
    (gradient,) = torch.autograd.grad(loss, x)
    step = o["eta"] * gradient
    if o["step"] == "relative":
        step = step * x.norm() / gradient.norm()
    grid = torch.full((top[0] * top[1],), -1, dtype=torch.int64)
    grid[index_fg] = labels
    return {
        "sa": sa_raw,
        "ca": ca_raw,
        "prop": prop,
        "labels": grid,
        "masks": masks,
        "features": points,
        "gradient": gradient,
        "stepped": x - step,
        "numbers": {
            "instance": l_ins.item(),
            "cls": l_cls.item(),
            "loss": loss.item(),
            "w_ins": w_ins,
            "w_cls": w_cls,
            "inertia": inertia,
            "foreground": len(index_fg),
        },
    }


# ---------------------------------------------------------------------------------------------------- invented layers


class Synthetic:
    """Layers whose q and k depend on x: the pooled latent through a weight and tanh; text keys are constants."""

    def __init__(self, seed, channels, top, layers, tokens):
        self.g = torch.Generator().manual_seed(seed)
        self.top, self.channels, self.layers, self.tensors = top, channels, layers, {}
        self.tensors["x"] = self.rand(1, channels, *top) * 2
        for i, (kind, _grid, heads, d) in enumerate(layers):
            self.tensors[f"{i}.q"] = self.rand(channels, heads * d) * 1.5
            shape = (channels, heads * d) if kind == "self" else (heads, tokens, d)
            self.tensors[f"{i}.k"] = self.rand(*shape) * 1.5

    def rand(self, *shape):
        return torch.randn(*shape, generator=self.g)

    def run(self, x):
        out = []
        for i, (kind, (h, w), heads, d) in enumerate(self.layers):
            pixels = F.adaptive_avg_pool2d(x, (h, w))[0].reshape(self.channels, h * w).T

            def project(w_, p=pixels, shape=(h * w, heads, d)):
                return torch.tanh(p @ w_).reshape(shape).permute(1, 0, 2)

            q, k = self.tensors[f"{i}.q"], self.tensors[f"{i}.k"]
            out.append((kind, (h, w), project(q), project(k) if kind == "self" else k, d**-0.5))
        return out


MODELS = {
    # Two resolutions, several heads.
    "square": {
        "seed": 3,
        "channels": 4,
        "top": (8, 8),
        "tokens": 10,
        "layers": [
            ("self", (8, 8), 2, 5),
            ("cross", (8, 8), 2, 5),
            ("self", (4, 4), 4, 6),
            ("cross", (4, 4), 4, 6),
            ("self", (8, 8), 3, 4),
            ("cross", (8, 8), 1, 4),
        ],
    },
    # Not square, a third resolution that does not divide the top one.
    "wide": {
        "seed": 5,
        "channels": 3,
        "top": (6, 10),
        "tokens": 7,
        "layers": [
            ("self", (6, 10), 2, 4),
            ("cross", (6, 10), 2, 4),
            ("self", (3, 5), 3, 4),
            ("cross", (3, 5), 3, 4),
            ("self", (4, 4), 1, 6),
            ("cross", (4, 4), 2, 6),
        ],
    },
}
TWO = [(2, [3]), (1, [6, 7])]
CASES = {
    # name: model, classes (count, tokens), options, step, count
    "paper": ("square", TWO, PAPER, 3, 10),
    "typed": ("square", TWO, TYPED, 3, 10),
    "typed-wide": ("wide", [(1, [2]), (2, [4]), (1, [5, 6])], TYPED, 2, 7),
    "paper-wide": ("wide", [(1, [2]), (2, [4]), (1, [5, 6])], PAPER, 2, 7),
    "paper-minmax": ("square", TWO, PAPER | {"cluster_norm": "minmax"}, 3, 10),
    "one-class": ("square", [(3, [4])], TYPED, 0, 10),
    "two-of-one": ("square", [(2, [5])], TYPED, 2, 10),
    "one-of-two": ("wide", [(1, [2]), (1, [4])], PAPER, 2, 10),
    "no-division": ("square", TWO, TYPED | {"divide": False}, 3, 10),
    "cross-none": ("square", TWO, TYPED | {"cross_norm": "none"}, 3, 10),
    "cross-each": ("square", TWO, TYPED | {"cross_norm": "minmax-each"}, 3, 10),
    "cross-all": ("square", TWO, TYPED | {"cross_norm": "minmax"}, 3, 10),
    "softmax": ("square", TWO, TYPED | {"cross_norm": "softmax100"}, 3, 10),
    "self-minmax": ("square", TWO, TYPED | {"self_norm": "minmax"}, 3, 10),
    "merge-max": ("square", TWO, PAPER | {"merge": "max"}, 3, 10),
    "coordinates": ("square", TWO, TYPED | {"weight": 3.0}, 3, 10),
    "schedule-A": ("square", TWO, TYPED | {"schedule": "A"}, 3, 10),
    "schedule-B": ("square", TWO, TYPED | {"schedule": "B"}, 3, 10),
    "schedule-C": ("square", TWO, PAPER | {"schedule": "C"}, 3, 10),
    "schedule-D": ("square", TWO, PAPER | {"schedule": "D"}, 3, 10),
    "last-step": ("square", TWO, TYPED, 9, 10),
}


def synthetic():
    tensors, notes = {}, {"models": {}, "cases": {}}
    for name, m in MODELS.items():
        model = MODELS[name]["model"] = Synthetic(**{k: v for k, v in m.items()})
        tensors |= {f"model/{name}/{k}": v for k, v in model.tensors.items()}
        notes["models"][name] = {
            "channels": m["channels"],
            "top": m["top"],
            "tokens": m["tokens"],
            "layers": [{"kind": kind, "grid": grid, "heads": heads, "d": d} for kind, grid, heads, d in m["layers"]],
        }
    for name, (model_name, classes, o, index, count) in CASES.items():
        model = MODELS[model_name]["model"]
        found = guide(model.tensors["x"], model.run, model.top, classes, o, index, count)
        numbers = found.pop("numbers")
        # Maps that do not depend on the options are kept once.
        keep = ["prop", "labels", "masks", "gradient", "stepped"] + (
            ["sa", "ca", "features"] if name in ("paper", "paper-minmax", "typed", "typed-wide", "paper-wide") else []
        )
        tensors |= {f"case/{name}/{k}": found[k].detach().contiguous() for k in keep}
        notes["cases"][name] = dict(
            model=model_name, classes=[{"count": c, "tokens": t} for c, t in classes], options=o, index=index, count=count, **numbers
        )
        print(
            f"{name:12} F={numbers['foreground']:3} L_ins={numbers['instance']:.4g} "
            f"L_cls={numbers['cls']:.4g} |grad|={found['gradient'].norm():.4g}"
        )
    save_file(tensors, HERE / "synthetic.safetensors")
    (HERE / "synthetic.safetensors").chmod(0o644)
    (HERE / "synthetic.json").write_text(json.dumps(notes, indent=1) + "\n")


# ---------------------------------------------------------------------------------------------------- the mini model


class Record:
    """A diffusers attention processor that computes plainly and keeps the layer's queries and keys."""

    def __init__(self, layers):
        self.layers = layers

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **_):
        cross = encoder_hidden_states is not None
        context = encoder_hidden_states if cross else hidden_states

        def split(t):
            return t[0].reshape(t.shape[1], attn.heads, -1).permute(1, 0, 2)

        q, k, v = split(attn.to_q(hidden_states)), split(attn.to_k(context)), split(attn.to_v(context))
        side = round(q.shape[1] ** 0.5)  # the mini model's latents are square
        self.layers.append(("cross" if cross else "self", (side, side), q, k, attn.scale))
        out = torch.softmax(attn.scale * q @ k.transpose(1, 2), dim=-1) @ v
        return attn.to_out[0](out.permute(1, 0, 2).reshape(1, q.shape[1], -1))


PROMPTS = [
    ("a photo of two cats and a dog", [("cats", 2), ("dog", 1)]),
    ("a photo of three apples", [("apples", 3)]),
    ("A photo of a horse, a cow, and a sheep.", [("horse", 1), ("cow", 1), ("sheep", 1)]),
]


def positions(tokenizer, prompt, word):
    """Where a word's tokens stand; the beginning-of-text token is 0. Words end in </w>."""
    at, pending = [], ""
    for i, piece in enumerate(tokenizer.tokenize(prompt)):
        at.append(i + 1)
        pending += piece.removesuffix("</w>")
        if piece.endswith("</w>"):
            if pending == word:
                return at
            at, pending = [], ""
    raise SystemExit(f"{word!r} is no word of {prompt!r}")


def mini(folder):
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    unet = UNet2DConditionModel.from_pretrained(folder / "unet").double().eval().requires_grad_(False)
    text = CLIPTextModel.from_pretrained(folder / "text_encoder").double().eval()
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    tensors, cases = {}, []
    for p, (prompt, wanted) in enumerate(PROMPTS):
        ids = tokenizer(prompt, padding="max_length", max_length=text.config.max_position_embeddings, return_tensors="pt").input_ids
        with torch.no_grad():
            context = text(ids).last_hidden_state
        classes = [(count, positions(tokenizer, prompt, word)) for word, count in wanted]
        for s, (timestep, index) in enumerate([(999, 0), (700, 3), (300, 7)]):
            x = torch.randn(
                1,
                unet.config.in_channels,
                unet.config.sample_size,
                unet.config.sample_size,
                generator=torch.Generator().manual_seed(100 * p + s),
                dtype=torch.float32,
            ).double()

            def run(x, timestep=timestep, context=context):
                layers = []
                unet.set_attn_processor(Record(layers))
                unet(x, timestep, encoder_hidden_states=context)
                return layers

            top = max((grid for _, grid, *_ in run(x)), key=lambda g: g[0] * g[1])
            for preset, o in (("paper", PAPER), ("typed", TYPED)):
                found = guide(x, run, top, classes, o, index, 10)
                numbers = found.pop("numbers")
                name = f"{p}-{timestep}-{preset}"
                tensors |= {f"{name}/{k}": found[k].detach().float().contiguous() for k in ("gradient", "stepped")}
                tensors |= {f"{name}/x": x.float(), f"{name}/labels": found["labels"]}
                cases.append(
                    dict(
                        name=name,
                        prompt=prompt,
                        preset=preset,
                        timestep=timestep,
                        index=index,
                        count=10,
                        height=top[0],
                        width=top[1],
                        classes=[{"count": c, "tokens": t} for c, t in classes],
                        **numbers,
                    )
                )
                print(
                    f"{name:14} F={numbers['foreground']:3} L_ins={numbers['instance']:.4g} "
                    f"L_cls={numbers['cls']:.4g} |grad|={found['gradient'].norm():.4g} |x|={x.norm():.4g}"
                )
    out = REPO / "isac" / "diffusion" / "testdata" / "guidance"
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out / "fixture.safetensors")
    sha = {
        n: hashlib.sha256((folder / n).read_bytes()).hexdigest()
        for n in ("unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors")
    }
    (out / "fixture.safetensors").chmod(0o644)
    (out / "fixture.json").write_text(json.dumps({"sha256": sha, "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["synthetic"]:
            synthetic()
        case ["mini", *rest] if len(rest) < 2:
            mini(Path(rest[0]) if rest else REPO / "examples" / "mini" / "model")
        case _:
            raise SystemExit(__doc__)
