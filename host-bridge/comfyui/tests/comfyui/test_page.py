"""The nodes in ComfyUI's own editor: after a run, and with an error. ISAC_SHOTS=DIR keeps the pictures; with ISAC_EXAMPLES=1 the example
workflows are written again."""
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from server import PACK, ROOT

from examples import CHECKPOINT, EXAMPLES

NODES = ROOT / "host-bridge/web/node_modules/playwright-core"


@pytest.fixture
def editor(comfyui, tmp_path):
    if not NODES.exists() or not (os.environ.get("CHROMIUM") or shutil.which("chromium")):
        pytest.skip("playwright-core or chromium is missing: make test-e2e installs both")
    checkpoint = comfyui.base / "models/checkpoints" / CHECKPOINT
    if not checkpoint.exists():
        checkpoint.symlink_to("sd1.safetensors")

    def run(jobs):
        (tmp_path / "jobs.json").write_text(json.dumps(jobs))
        command = ["node", Path(__file__).parent / "page.mjs", f"http://127.0.0.1:{comfyui.port}/", tmp_path / "jobs.json"]
        env = {"CHROMIUM": shutil.which("chromium") or "", **os.environ}
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_in_the_editor(editor, tmp_path):
    shots = Path(os.environ.get("ISAC_SHOTS", tmp_path))
    api, places = EXAMPLES["two_cats_and_a_dog"](size=256, steps=4)
    wrong = json.loads(json.dumps(api))
    wrong["6"]["inputs"]["sampler_name"] = "uni_pc"
    said = editor([
        {"api": api, "places": places, "run": True, "shot": str(shots / "comfyui.png")},
        {"api": wrong, "places": places, "run": True, "fails": True, "shot": str(shots / "comfyui-error.png")},
    ])
    assert "execution_success" in said and "uni_pc cannot be guided" in said
    assert (shots / "comfyui.png").stat().st_size > 50_000


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run_as_they_are_written(comfyui, editor, name):
    nodes, places = EXAMPLES[name]()
    written = PACK / "example_workflows" / f"{name}.json"
    if os.environ.get("ISAC_EXAMPLES"):
        editor([{"api": nodes, "places": places, "workflow": str(written), "shot": str(written.with_suffix(".jpg"))}])
    saved = json.loads(written.read_text())
    assert {str(n["id"]): n["type"] for n in saved["nodes"]} == {i: n["class_type"] for i, n in nodes.items()}
    entry = comfyui.run(EXAMPLES[name](size=64, steps=3)[0])
    assert entry.status == "success", entry.error
