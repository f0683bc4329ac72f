"""The plugin of this checkout ($ISAC_PLUGIN, or what make built), the mini model, and programs that only play a plugin."""
import os
import random
import struct
import sys
import textwrap
import time
from pathlib import Path

import pytest

import isac_client

ROOT = Path(__file__).resolve().parents[3]
MODELS = ROOT / "examples" / "mini"
# A step that would take minutes.
ENDLESS = {"method": "attend_excite", "options": {"end": 1, "tries": 100000, "threshold.first": 1}}


@pytest.fixture(scope="session")
def program():
    path = Path(os.environ.get("ISAC_PLUGIN", ROOT / "build" / "bin" / "isac-plugin"))
    if not path.exists():
        pytest.skip(f"{path} is not built: make build")
    return path


@pytest.fixture(scope="module")
def shared_plugin(program):
    with isac_client.start(program, models=[MODELS]) as plugin:
        if not plugin.describe().torch.loaded:
            pytest.skip(f"no libtorch: {plugin.describe().torch.error}")
        yield plugin


@pytest.fixture
def plugin(program):
    with isac_client.start(program, models=[MODELS]) as own:
        yield own


@pytest.fixture
def play(tmp_path, program):
    """Makes a program of a text in Python, with what it needs to play a plugin. Certificates it has from the real one."""
    start = f"""#!{sys.executable}
import os, subprocess, sys, time
def pair():
    return subprocess.run([{str(program)!r}, "certificate"], stdout=subprocess.PIPE, check=True).stdout
if sys.argv[1:] == ["certificate"]:
    sys.stdout.buffer.write(pair())
    sys.exit()
HOME = os.environ["PLUGIN_UNIX_SOCKET_DIR"]
"""

    def write(text):
        path = tmp_path / "isac-plugin"
        path.write_text(start + textwrap.dedent(text))
        path.chmod(0o755)
        return path

    return write


def noise(*shape, seed=1):
    draw = random.Random(seed)
    count = 1
    for n in shape:
        count *= n
    return isac_client.Tensor("float32", shape, struct.pack(f"<{count}f", *(draw.gauss(0, 1) for _ in range(count))))


def within(seconds, happened):
    """Looks until it is so."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # One that has ended and that nobody has waited for yet.
    return Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
