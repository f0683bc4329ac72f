"""Starts the ComfyUI whose checkout COMFYUI names, with COMFYUI_PYTHON (default: this Python) as its interpreter."""
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from server import CHECKOUT, PLUGIN, Server  # noqa: E402


def pytest_collection_modifyitems(items):
    why = None if CHECKOUT else "COMFYUI names no checkout of ComfyUI: make test-comfyui COMFYUI=/path/to/checkout"
    if CHECKOUT and not PLUGIN.exists():
        why = f"{PLUGIN} is not built: make build"
    for item in items:
        if why and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=why))


def write_lora(path):
    """A LoRA of kohya's naming for attention layers of SD1, strong enough to be seen."""
    import torch
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(1)
    tensors = {}
    for block in ("down_blocks_0_attentions_0", "down_blocks_1_attentions_1", "mid_block_attentions_0", "up_blocks_2_attentions_2"):
        for layer, width in (("attn1_to_q", 320), ("attn2_to_k", 768)):
            name = f"lora_unet_{block}_transformer_blocks_0_{layer}"
            tensors[f"{name}.lora_down.weight"] = torch.randn(8, width, generator=generator) / 8
            tensors[f"{name}.lora_up.weight"] = torch.randn(320, 8, generator=generator) / 8
            tensors[f"{name}.alpha"] = torch.tensor(4.0)
    save_file(tensors, path)


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A folder with narrow checkpoints of random values, and a LoRA."""
    folder = tmp_path_factory.mktemp("comfyui")
    (folder / "models/checkpoints").mkdir(parents=True)
    for seed, family in enumerate(("sd1", "sdxl", "sd3")):
        out = folder / f"models/checkpoints/{family}.safetensors"
        command = [PLUGIN, "synth", "--family", family, "--size", "narrow", "--seed", str(seed), "--out", out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (folder / "models/loras").mkdir()
    write_lora(folder / "models/loras/strong.safetensors")
    return folder


@pytest.fixture(scope="session")
def comfyui(base):
    server = Server(base)
    yield server
    server.stop()
