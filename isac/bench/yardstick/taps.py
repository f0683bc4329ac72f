"""Attention processors for diffusers that keep whole attention maps, as published guidance code does it."""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F

# The formulas have one plain implementation in this repository. It sets defaults for its own work, which are not wanted here.
_before = torch.get_default_dtype(), torch.get_num_threads()
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "testdata"))
import make_isac as formulas  # noqa: E402

torch.set_default_dtype(_before[0])
torch.set_num_threads(_before[1])


class Maps:
    """Sums of softmax maps over layers and heads, by kind and resolution.

    Maps of one resolution are added up before they are made larger: the sum is the same, and it is cheaper than layer by layer.
    """

    def __init__(self, height, width):
        self.ratio = height / width
        self.guiding = False  # processors form whole maps; elsewhere they use the fused attention
        self.open = False  # they are kept: a second forward pass of a checkpoint must not add them again
        self.clear()

    def clear(self):
        self.sums, self.heads = {}, {}

    def add(self, kind, probabilities):
        """probabilities: [1, heads, queries, keys]."""
        if not self.open:
            return
        _, heads, queries, _ = probabilities.shape
        height = round((queries * self.ratio) ** 0.5)
        key = kind, (height, queries // height)
        total = probabilities[0].sum(dim=0).float()
        self.sums[key] = self.sums[key] + total if key in self.sums else total
        self.heads[kind] = self.heads.get(kind, 0) + heads

    def accumulated(self, divide):
        """SA [HW,HW] and CA [HW,tokens] on the finest grid, and that grid: (1)-(4)."""
        top = max((grid for _, grid in self.sums), key=lambda g: g[0] * g[1])
        out = {}
        for (kind, grid), total in self.sums.items():
            if grid != top:
                total = formulas.upsample_queries(total, grid, top)
                if kind == "self":
                    total = formulas.upsample_keys(total, grid, top, divide)
            out[kind] = out[kind] + total if kind in out else total
        return out["self"] / self.heads["self"], out["cross"] / self.heads["cross"], top


def split(x, heads):
    return x.reshape(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def joined(x):
    return x.transpose(1, 2).flatten(2)


class UNetProcessor:
    """For a UNet's attention: its own softmax for image and text."""

    def __init__(self, maps):
        self.maps = maps

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **_):
        cross = encoder_hidden_states is not None
        context = encoder_hidden_states if cross else hidden_states
        q, k, v = (split(t, attn.heads) for t in (attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context)))
        if self.maps.guiding:
            probabilities = torch.softmax(q @ k.transpose(-1, -2) * attn.scale, dim=-1)
            self.maps.add("cross" if cross else "self", probabilities)
            out = probabilities @ v
        else:
            out = F.scaled_dot_product_attention(q, k, v)
        return attn.to_out[1](attn.to_out[0](joined(out)))


class JointProcessor:
    """For an MMDiT's attention: one softmax over image and text. Image to image is self, image to text is cross."""

    def __init__(self, maps):
        self.maps = maps

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **_):
        def normed(t, norm):
            return t if norm is None else norm(t)

        q, k, v = (split(f(hidden_states), attn.heads) for f in (attn.to_q, attn.to_k, attn.to_v))
        q, k = normed(q, attn.norm_q), normed(k, attn.norm_k)
        image = q.shape[2]
        joint = encoder_hidden_states is not None
        if joint:
            more = (split(f(encoder_hidden_states), attn.heads) for f in (attn.add_q_proj, attn.add_k_proj, attn.add_v_proj))
            tq, tk, tv = more
            tq, tk = normed(tq, attn.norm_added_q), normed(tk, attn.norm_added_k)
            q, k, v = torch.cat([q, tq], 2), torch.cat([k, tk], 2), torch.cat([v, tv], 2)
        if self.maps.guiding and joint:
            probabilities = torch.softmax(q @ k.transpose(-1, -2) * attn.scale, dim=-1)
            self.maps.add("self", probabilities[:, :, :image, :image])
            self.maps.add("cross", probabilities[:, :, :image, image:])
            out = probabilities @ v
        else:
            out = F.scaled_dot_product_attention(q, k, v)
        out = joined(out)
        if not joint:
            return attn.to_out[1](attn.to_out[0](out))
        picture, text = out[:, :image], out[:, image:]
        if not attn.context_pre_only:
            text = attn.to_add_out(text)
        return attn.to_out[1](attn.to_out[0](picture)), text
