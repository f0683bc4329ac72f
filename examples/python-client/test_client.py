"""Runs the client as its README says, against the plugin of this checkout ($ISAC_PLUGIN, or what make built)."""
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PLUGIN = Path(os.environ.get("ISAC_PLUGIN", ROOT / "build" / "bin" / "isac-plugin"))


@pytest.fixture
def client():
    if not PLUGIN.exists():
        pytest.skip(f"{PLUGIN} is not built: make build")
    env = {**os.environ, "PYTHONPATH": str(ROOT / "host-bridge" / "python")}

    def run(models):
        return subprocess.run([sys.executable, HERE / "client.py", PLUGIN, models], capture_output=True, text=True, timeout=120, env=env)

    return run


def test_three_steps(client):
    done = client(ROOT / "examples" / "mini")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "aims at 2 cat, 1 dog"
    assert len(lines) == 4
    assert all(re.fullmatch(rf"step {i}: loss 0\.\d{{4}}, 1 moves ", line) for i, line in enumerate(lines[1:], 1)), done.stdout


def test_an_error_is_a_sentence(client, tmp_path):
    empty = tmp_path / "models"
    empty.mkdir()
    done = client(empty)
    assert done.returncode != 0
    assert "client: checkpoint: " in done.stderr and "Traceback" not in done.stderr
