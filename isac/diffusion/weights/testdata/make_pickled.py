"""Writes small files of torch.save, honest and hostile ones, and what they hold as safetensors: testdata/pickled.

The old layout names storages by addresses in memory, so those files differ each time.

Run from this folder's parent: python testdata/make_pickled.py
"""

import argparse
import collections
import os
import sys
import types
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

torch.set_num_threads(1)
OUT = Path(__file__).parent / "pickled"


def tensors():
    g = torch.Generator().manual_seed(1)
    r = torch.randn(4, 6, generator=g)
    out = collections.OrderedDict()
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2):
        out[f"float.{str(dtype)[6:]}"] = r.to(dtype)
    for dtype in (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8):
        out[f"whole.{str(dtype)[6:]}"] = (r * 20).abs().to(dtype)
    out["bool"] = r > 0
    out["views.transposed"] = r.t()
    out["views.permuted"] = torch.randn(2, 3, 4, generator=g).permute(2, 0, 1)
    out["views.rows"] = r[1:3]
    out["views.columns"] = r[:, 1:5:2]
    out["views.last"] = r[3, 5]
    out["views.tied"] = out["float.float32"]
    out["scalar"] = torch.tensor(3.5)
    out["empty"] = torch.zeros(0, 4)
    out["parameter"] = torch.nn.Parameter(r[:2].clone())
    return out


class Call:
    """Pickles as a call of something."""

    def __init__(self, what, *args):
        self.what, self.args = what, args

    def __reduce__(self):
        return self.what, self.args


def lightning():
    """What a training run of the first releases left beside the weights."""
    module = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    module.ModelCheckpoint = type("ModelCheckpoint", (), {"__module__": module.__name__})
    for name in ("pytorch_lightning", "pytorch_lightning.callbacks"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules[module.__name__] = module
    state = collections.OrderedDict(weight=torch.arange(6.0).reshape(2, 3), half=torch.ones(2, dtype=torch.float16))
    state._metadata = {"": {"version": 1}}
    return {
        "epoch": 22,
        "global_step": 2**40,
        "loss": 0.25,
        "seed": 2**200,
        "pytorch-lightning_version": "1.4.2",
        "callbacks": {module.ModelCheckpoint: {"monitor": "val", "best": np.float64(0.5), "dirpath": None, "kept": {1, 2}}},
        "hparams": argparse.Namespace(lr=1e-4, betas=(0.9, 0.99)),
        "optimizer_states": [{"state": {0: {"step": 1, "exp_avg": torch.ones(3)}}, "param_groups": [{"params": [0, 1]}]}],
        "state_dict": state,
    }


def embedding():
    return {
        "string_to_token": {"*": torch.tensor(265)},
        "string_to_param": {"*": torch.nn.Parameter(torch.arange(8.0).reshape(2, 4))},
        "name": "mine",
        "step": 500,
        "sd_checkpoint": None,
    }


def small_floats():
    """8-bit floats of every value, plain and scaled, and what they mean."""
    stored, meant = {}, {}
    for dtype in (torch.float8_e4m3fn, torch.float8_e5m2):
        every = torch.arange(256, dtype=torch.uint8).view(dtype).reshape(16, 16)
        name = str(dtype)[6:]
        stored[f"{name}.weight"], meant[f"{name}.weight"] = every, every.float()
        stored["scaled_fp8"] = torch.zeros(2, dtype=dtype)
        finite = torch.arange(120, dtype=torch.uint8).view(dtype).reshape(8, 15)
        one, rows = torch.tensor(0.0123), torch.linspace(0.1, 2, 8)
        stored[f"{name}.one.weight"], stored[f"{name}.one.scale_weight"] = finite, one
        meant[f"{name}.one.weight"] = finite.float() * one
        stored[f"{name}.rows.weight"], stored[f"{name}.rows.weight_scale"] = finite.clone(), rows.reshape(8, 1)
        meant[f"{name}.rows.weight"] = finite.float() * rows.reshape(8, 1)
    return stored, meant


def hostile(what, *args):
    return {"state_dict": {"weight": torch.ones(2)}, "extra": Call(what, *args)}


def main():
    OUT.mkdir(exist_ok=True)
    for old in OUT.iterdir():
        old.unlink()
    all_tensors = tensors()
    torch.save(all_tensors, OUT / "zip.pt")
    torch.save({"state_dict": all_tensors, "epoch": 3}, OUT / "wrapped.ckpt")
    torch.save(all_tensors, OUT / "protocol4.pt", pickle_protocol=4)
    torch.save(all_tensors, OUT / "legacy.pt", _use_new_zipfile_serialization=False)
    save_file({k: v.detach().contiguous().clone() for k, v in all_tensors.items()}, OUT / "expected.safetensors")
    stored, meant = small_floats()
    save_file(stored, OUT / "small.safetensors")
    save_file(meant, OUT / "small_meant.safetensors")
    torch.save(lightning(), OUT / "lightning.ckpt")
    torch.save(lightning(), OUT / "lightning_legacy.ckpt", _use_new_zipfile_serialization=False)
    torch.save(embedding(), OUT / "embedding.pt")
    for name, value in {
        "system": hostile(os.system, "touch hacked"),
        "eval": hostile(eval, "open('hacked', 'w')"),
        "getattr": hostile(getattr, "x", "upper"),
        "load": hostile(torch.load, "x"),
        "module": torch.nn.Sequential(torch.nn.Linear(2, 2)),
    }.items():
        torch.save(value, OUT / f"hostile_{name}.ckpt")
    torch.save(hostile(os.system, "touch hacked"), OUT / "hostile_system_legacy.ckpt", _use_new_zipfile_serialization=False)
    torch.save(hostile(os.system, "touch hacked"), OUT / "hostile_system4.ckpt", pickle_protocol=4)
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), OUT / "script.pt")
    torch.save([torch.ones(2)], OUT / "list.pt")
    torch.save({"step": 1}, OUT / "nothing.pt")
    whole = load_file(OUT.parent / "tiny_ldm.safetensors")  # of make_ldm.py
    zeros = torch.zeros(max(v.numel() for v in whole.values()), dtype=torch.float16)
    for name, v in whole.items():  # large ones share one storage, to keep the file small
        whole[name] = v if v.numel() < 64 else zeros[: v.numel()].view(v.shape)
    torch.save({"state_dict": whole, "global_step": 7}, OUT.parent / "tiny_ldm.ckpt", _use_new_zipfile_serialization=False)


main()
