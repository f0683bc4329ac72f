#!/usr/bin/env python3
"""Writes small random upscaling networks and what they make of pictures, into this folder.

  make_upscale.py COMFYUI

COMFYUI is a checkout of ComfyUI (0.3.64); run this with the Python that it runs with. RRDBNet and SRVGG are written here anew, in plain
PyTorch, and are held against the networks that ComfyUI itself builds of the files, whose 32 channels of growth are 4 here; the tiles are
ComfyUI's (comfy.utils.tiled_scale).
"""

import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
sys.argv = [sys.argv[0], "--cpu"]

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy.utils  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from spandrel import ModelLoader  # noqa: E402

HERE = Path(__file__).resolve().parent
torch.set_num_threads(1)
torch.set_grad_enabled(False)
G = torch.Generator().manual_seed(4)

blocks = next(m for name, m in sys.modules.items() if name.endswith("__arch_helpers.block"))
dense = blocks.ResidualDenseBlock_5C.__init__


def narrow(self, nf, kernel_size=3, gc=32, *args, **kwargs):
    dense(self, nf, kernel_size, 4 if gc == 32 else gc, *args, **kwargs)


blocks.ResidualDenseBlock_5C.__init__ = narrow


def conv(state, name, i, o, k=3, bias=True, gain=1.0):
    state[name + ".weight"] = torch.randn(o, i, k, k, generator=G) * gain / (i * k * k) ** 0.5
    if bias:
        state[name + ".bias"] = torch.randn(o, generator=G) * 0.05


def rrdb_state(blocks, ups, width=8, growth=4, channels=3, plus=False):
    state = {}
    conv(state, "conv_first", channels, width)
    for i in range(blocks):
        for j in (1, 2, 3):
            at = f"body.{i}.rdb{j}."
            for k in range(5):
                conv(state, f"{at}conv{k + 1}", width + k * growth, width if k == 4 else growth, gain=1.5)
            if plus:
                conv(state, at + "conv1x1", width, growth, 1, bias=False)
    conv(state, "conv_body", width, width)
    for i in range(ups):
        conv(state, f"conv_up{i + 1}", width, width, gain=1.4)
    conv(state, "conv_hr", width, width, gain=1.4)
    conv(state, "conv_last", width, 3, gain=0.5)
    state["conv_last.bias"] += 0.5
    return {k: v.half().float() for k, v in state.items()}


def rrdb(state, x, blocks, ups, shuffle=1):
    """The network in plain PyTorch."""
    def c(name, x):
        weight = state[name + ".weight"]
        return F.conv2d(x, weight, state.get(name + ".bias"), padding=weight.shape[-1] // 2)

    def act(x):
        return F.leaky_relu(x, 0.2)

    x = F.pixel_unshuffle(x, shuffle) if shuffle > 1 else x
    x = h = c("conv_first", x)
    for i in range(blocks):
        y = h
        for j in (1, 2, 3):
            at, known = f"body.{i}.rdb{j}.", [y]
            for k in range(4):
                made = act(c(f"{at}conv{k + 1}", torch.cat(known, 1)))
                if k == 1 and at + "conv1x1.weight" in state:
                    made = made + c(at + "conv1x1", y)
                if k == 3 and at + "conv1x1.weight" in state:
                    made = made + known[2]
                known.append(made)
            y = c(at + "conv5", torch.cat(known, 1)) * 0.2 + y
        h = y * 0.2 + h
    x = x + c("conv_body", h)
    for i in range(ups):
        x = act(c(f"conv_up{i + 1}", F.interpolate(x, scale_factor=2, mode="nearest")))
    return c("conv_last", act(c("conv_hr", x)))


def second_release(state):
    made = {}
    for k, v in state.items():
        renames = ("body.", "RRDB_trunk."), (".rdb", ".RDB"), ("conv_body", "trunk_conv"), ("conv_hr", "HRconv"), ("conv_up", "upconv")
        for ours, theirs in renames:
            if not k.startswith("conv_body") or ours == "conv_body":
                k = k.replace(ours, theirs)
        made[k] = v
    return made


def first_release(state, blocks, ups):
    made = {}
    for k, v in state.items():
        parts = k.split(".")
        kind = parts[-1]
        if parts[0] == "body":
            name = f"model.1.sub.{parts[1]}.RDB{parts[2][3]}.{parts[3]}" + ("" if parts[3] == "conv1x1" else ".0")
        elif parts[0].startswith("conv_up"):
            name = f"model.{3 * int(parts[0][7:])}"
        else:
            name = {"conv_first": "model.0", "conv_body": f"model.1.sub.{blocks}", "conv_hr": f"model.{3 * ups + 2}",
                    "conv_last": f"model.{3 * ups + 4}"}[parts[0]]
        made[f"{name}.{kind}"] = v
    return made


def srvgg_state(convs, scale, width=8):
    state = {}
    conv(state, "body.0", 3, width)
    for i in range(convs + 1):
        state[f"body.{2 * i + 1}.weight"] = torch.rand(width, generator=G) * 0.5
        conv(state, f"body.{2 * i + 2}", width, 3 * scale * scale if i == convs else width, gain=0.3 if i == convs else 1.4)
    return {k: v.half().float() for k, v in state.items()}


def srvgg(state, x, scale):
    y, last = x, max(int(k.split(".")[1]) for k in state)
    for i in range(last + 1):
        weight = state[f"body.{i}.weight"]
        y = F.prelu(y, weight) if weight.dim() == 1 else F.conv2d(y, weight, state[f"body.{i}.bias"], padding=1)
    return F.pixel_shuffle(y, scale) + F.interpolate(x, scale_factor=scale, mode="nearest")


def main():
    out = {"picture": torch.rand(2, 3, 7, 10, generator=G), "wide": torch.rand(1, 3, 10, 531, generator=G)}
    out["pixel"] = torch.rand(1, 3, 1, 3, generator=G)
    out["wide"] = (out["wide"] * 255).round() / 255
    files = {}

    def case(name, written, forward, multiple=1):
        net = ModelLoader().load_from_state_dict({k: v.clone() for k, v in written.items()}).eval()
        x = out["picture"]
        h, w = x.shape[2:]
        padded = F.pad(x, (0, -w % multiple, 0, -h % multiple), "reflect")
        made = forward(padded)[..., : h * net.scale, : w * net.scale].clamp(0, 1)
        comfy_made = torch.cat([net(x[i:i + 1]) for i in range(2)])
        assert made.std() > 0.05 and (made - comfy_made).abs().max() < 1e-5, (name, (made - comfy_made).abs().max())
        out[name], files[name] = made, written
        return net

    two, four = rrdb_state(2, 1), rrdb_state(3, 2)
    case("new4", four, lambda x: rrdb(four, x, 3, 2))
    net = case("old2", first_release(two, 2, 1), lambda x: rrdb(two, x, 2, 1))
    trunk = rrdb_state(1, 2)
    case("trunk4", second_release(trunk), lambda x: rrdb(trunk, x, 1, 2))
    plus = rrdb_state(1, 1, plus=True)
    case("plus2", first_release(plus, 1, 1), lambda x: rrdb(plus, x, 1, 1))
    shuffled = rrdb_state(1, 2, channels=12)
    case("shuffled2", shuffled, lambda x: rrdb(shuffled, x, 1, 2, 2), multiple=4)
    small = srvgg_state(2, 4)
    case("compact4", small, lambda x: srvgg(small, x, 4))
    same = srvgg_state(1, 1)
    case("compact1", same, lambda x: srvgg(same, x, 1))
    for key in ("wide", "pixel"):
        tiles = dict(tile_x=512, tile_y=512, overlap=32, upscale_amount=net.scale)
        out[f"old2.{key}"] = comfy.utils.tiled_scale(out[key], lambda a: net(a), **tiles)
    out["wide"] = out["wide"].mul(255).round()
    out["old2.wide"] = out["old2.wide"][..., 900:]  # where two tiles meet, and the end
    for name, state in files.items():
        save_file({k: v.half().contiguous() for k, v in state.items()}, HERE / f"{name}.safetensors")
    wrapped = {"params_ema": {k: v.half() for k, v in files["compact4"].items()}}
    torch.save(wrapped, HERE / "wrapped.pth")
    save_file({k: (v.to(torch.uint8) if k == "wide" else v.contiguous()) for k, v in out.items()}, HERE / "fixture.safetensors")


main()
