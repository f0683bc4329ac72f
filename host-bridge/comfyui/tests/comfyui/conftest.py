"""Starts the ComfyUI whose checkout COMFYUI names, with COMFYUI_PYTHON (default: this Python) as its interpreter."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from server import ROOT, Server  # noqa: E402

CHECKOUT = os.environ.get("COMFYUI", "")
PLUGIN = Path(os.environ.get("ISAC_PLUGIN", ROOT / "build/bin/isac-plugin"))


def pytest_collection_modifyitems(items):
    why = None if CHECKOUT else "COMFYUI names no checkout of ComfyUI: make test-comfyui COMFYUI=/path/to/checkout"
    if CHECKOUT and not PLUGIN.exists():
        why = f"{PLUGIN} is not built: make build"
    for item in items:
        if why and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A folder with narrow checkpoints of random values."""
    folder = tmp_path_factory.mktemp("comfyui")
    (folder / "models/checkpoints").mkdir(parents=True)
    for family in ("sd1", "sdxl", "sd3"):
        out = folder / f"models/checkpoints/{family}.safetensors"
        subprocess.run([PLUGIN, "synth", "--family", family, "--size", "narrow", "--out", out], check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture(scope="session")
def comfyui(base):
    server = Server(CHECKOUT, base, os.environ.get("COMFYUI_PYTHON", sys.executable), PLUGIN)
    yield server
    server.stop()
