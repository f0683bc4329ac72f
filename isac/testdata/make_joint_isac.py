#!/usr/bin/env python3
"""Writes joint_isac.json and joint_isac.safetensors: guided steps on layers with one softmax over image and text keys.

    .venv-ref/bin/python make_joint_isac.py

The guided step is make_isac.py's; only the accumulation is another: each head's joint softmax is formed in full and cut into its
image and its text keys, or a softmax is formed of each kind, and a second self-attention beside it counts or does not. Everything is in
double precision with autograd through everything, and shares nothing with the Go code.
"""

import json

import make_isac
import torch
import torch.nn.functional as F
from make_isac import HERE, PAPER, TWO, TYPED, Synthetic, upsample_keys, upsample_queries
from safetensors.torch import save_file


class Joint(Synthetic):
    """Joint layers have image keys that depend on x, as self-attention has, and constant text keys behind them."""

    def __init__(self, seed, channels, top, layers, tokens):
        super().__init__(seed, channels, top, [("self" if kind == "auxiliary" else kind, *rest) for kind, *rest in layers], tokens)
        self.layers = layers
        for i, (kind, _grid, heads, d) in enumerate(layers):
            if kind == "joint":
                self.tensors[f"{i}.k"] = self.rand(channels, heads * d) * 1.5
                self.tensors[f"{i}.text"] = self.rand(heads, tokens, d) * 1.5

    def run(self, x):
        out = []
        for i, (kind, (h, w), heads, d) in enumerate(self.layers):
            pixels = F.adaptive_avg_pool2d(x, (h, w))[0].reshape(self.channels, h * w).T
            q, k = (torch.tanh(pixels @ self.tensors[f"{i}.{n}"]).reshape(h * w, heads, d).permute(1, 0, 2) for n in "qk")
            text = self.tensors.get(f"{i}.text")
            out.append((kind, (h, w), q, k, text, d**-0.5))
        return out


def accumulate(renormalise, auxiliary):
    def maps(layers, top, divide):
        image, text = [], []
        for kind, grid, q, k, words, scale in layers:
            if kind == "auxiliary" and not auxiliary:
                continue
            for head in range(q.shape[0]):
                if words is None:
                    a, b = torch.softmax(scale * q[head] @ k[head].T, dim=-1), None
                elif renormalise:
                    a, b = (torch.softmax(scale * q[head] @ keys[head].T, dim=-1) for keys in (k, words))
                else:
                    whole = torch.softmax(scale * q[head] @ torch.cat([k[head], words[head]]).T, dim=-1)
                    a, b = whole[:, : k.shape[1]], whole[:, k.shape[1] :]
                image.append(upsample_keys(upsample_queries(a, grid, top), grid, top, divide))
                if b is not None:
                    text.append(upsample_queries(b, grid, top))
        return torch.stack(image).mean(dim=0), torch.stack(text).mean(dim=0)

    return maps


MODEL = {
    "seed": 11,
    "channels": 4,
    "top": (8, 6),
    "tokens": 9,
    "layers": [("joint", (8, 6), 2, 5), ("auxiliary", (8, 6), 3, 4), ("joint", (8, 6), 1, 4), ("joint", (4, 3), 2, 6)],
}
CASES = {
    # name: options, renormalise, auxiliary
    "typed": (TYPED, False, False),
    "paper": (PAPER, False, False),
    "typed-renormalised": (TYPED, True, False),
    "paper-renormalised": (PAPER, True, True),
    "typed-auxiliary": (TYPED, False, True),
    "softmax": (TYPED | {"cross_norm": "softmax100"}, False, False),
}


def main():
    model = Joint(**MODEL)
    tensors = {f"model/joint/{k}": v for k, v in model.tensors.items()}
    layers = [{"kind": kind, "grid": grid, "heads": heads, "d": d} for kind, grid, heads, d in MODEL["layers"]]
    notes = {"models": {"joint": {"top": MODEL["top"], "layers": layers}}, "cases": {}}
    for name, (o, renormalise, auxiliary) in CASES.items():
        make_isac.accumulate = accumulate(renormalise, auxiliary)
        found = make_isac.guide(model.tensors["x"], model.run, model.top, TWO, o, 3, 10)
        numbers = found.pop("numbers")
        tensors |= {f"case/{name}/{k}": found[k].detach().contiguous() for k in ("prop", "labels", "masks", "gradient", "stepped")}
        notes["cases"][name] = dict(
            model="joint",
            classes=[{"count": c, "tokens": t} for c, t in TWO],
            options=o | {"renormalise": renormalise, "auxiliary": auxiliary},
            index=3,
            count=10,
            **numbers,
        )
        print(f"{name:20} L_ins={numbers['instance']:8.4g} L_cls={numbers['cls']:8.4g} |grad|={found['gradient'].norm():.4g}")
    save_file(tensors, HERE / "joint_isac.safetensors")
    (HERE / "joint_isac.safetensors").chmod(0o644)
    (HERE / "joint_isac.json").write_text(json.dumps(notes, indent=1) + "\n")


if __name__ == "__main__":
    main()
