"""The pack against the stand-in of ComfyUI, with the real plugin and the mini model. The tests in comfyui/ need the real ComfyUI."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from paths import PACK, PLUGIN, ROOT  # noqa: E402

sys.path[:0] = [str(PACK), str(ROOT / "host-bridge/python")]
try:
    import torch  # noqa: F401
except ImportError:
    collect_ignore = ["test_run.py", "test_process.py", "standin.py", "comfyui"]


@pytest.fixture
def comfyui(monkeypatch):
    """The stand-in, with the mini model as a checkpoint."""
    import standin

    host = standin.ComfyUI(ROOT / "examples/mini")
    standin.install(monkeypatch, host)
    monkeypatch.setenv("ISAC_PLUGIN", str(PLUGIN))
    return host


@pytest.fixture(scope="session")
def started():
    """The pack's process, ended when all tests are done."""
    if not PLUGIN.exists():
        pytest.skip(f"{PLUGIN} is not built: make build")
    from pack.process import PROCESS

    yield PROCESS
    PROCESS.stop()
