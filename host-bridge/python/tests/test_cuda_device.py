"""Weights that are shared with the plugin on a real device; without one this is skipped. $ISAC_PLUGIN and its shim need CUDA."""
import json
import struct

import pytest
from conftest import MODELS, noise

import isac_client

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("there is no CUDA device", allow_module_level=True)

from isac_client import cuda  # noqa: E402


def weights():
    """The mini model's denoiser as a folder of diffusers has it."""
    data = (MODELS / "model" / "unet" / "diffusion_pytorch_model.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    types = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            part = bytearray(data[8 + size + begin : 8 + size + end])
            yield name, torch.frombuffer(part, dtype=types[entry["dtype"]]).reshape(entry["shape"]).to("cuda:0", torch.float32)


def held(plugin):
    """What the plugin holds on the device, in bytes."""
    return next(d.allocated_bytes for d in plugin.stats().devices if d.name == "cuda:0")


def test_shared_weights_on_the_device(program):
    checkpoint = {"checkpoint": "mini", "prompt": "two cats and a dog", "parametrisation": "model", "options": {"end": 1}}
    with isac_client.start(program, models=[MODELS], device="cuda:0", env={"ISAC_DTYPE": "float32"}) as plugin:
        latents = noise(1, 4, 16, 16)
        with plugin.guide(**checkpoint) as session:
            want = session.step(0, 20, latents, timestep=981).latents
        own = dict(weights())
        shared = cuda.share(own)
        before = held(plugin)
        with plugin.guide(**checkpoint, shared=shared) as session:
            assert not [note for note in session.opened.notes if "share" in note], session.opened.notes
            assert session.step(0, 20, latents, timestep=981).latents == want
            taken = held(plugin) - before
        with plugin.guide(**checkpoint) as session:
            whole = held(plugin) - before
        size = sum(w.numel() * w.element_size() for w in own.values())
        assert whole - taken > 0.9 * size, f"shared it takes {taken} bytes, alone {whole}, the denoiser has {size}"
        # What the host does to them is what the plugin sees.
        changed = {name: w + 0.1 if name == "conv_in.bias" else w for name, w in own.items()}
        with plugin.guide(**checkpoint, shared=cuda.share(changed)) as session:
            assert session.step(0, 20, latents, timestep=981).latents != want
        assert plugin.alive
