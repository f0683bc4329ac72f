"""A ComfyUI of its own for tests: a folder with models and this pack, headless, on the CPU."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from paths import PACK, PLUGIN, ROOT  # noqa: E402

CHECKOUT = os.environ.get("COMFYUI", "")


class Server:
    def __init__(self, base, arguments=()):
        self.base, self.log = Path(base), Path(base) / "server.log"
        for name in ("models/checkpoints", "models/loras", "custom_nodes", "input", "output", "user", "temp"):
            (self.base / name).mkdir(parents=True, exist_ok=True)
        for name, target in (("isac", PACK), ("isac_probe", Path(__file__).parent / "probe")):
            with contextlib.suppress(FileExistsError):
                (self.base / "custom_nodes" / name).symlink_to(target)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "ISAC_PLUGIN": str(PLUGIN)}
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [env.get("PYTHONPATH"), str(ROOT / "host-bridge/python")]))
        python = os.environ.get("COMFYUI_PYTHON", sys.executable)
        command = [python, "main.py", "--cpu", "--base-directory", self.base, "--port", str(self.port), "--disable-auto-launch", *arguments]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(list(map(str, command)), cwd=CHECKOUT, env=env, stdout=log, stderr=log)
        self._await()

    def _await(self):
        for _ in range(240):
            if self.process.poll() is not None:
                raise RuntimeError(f"ComfyUI ended: {self.log.read_text()[-3000:]}")
            with contextlib.suppress(OSError):
                if not self.get("/object_info/ISACGuidance"):
                    raise RuntimeError(f"the pack was not loaded: {self.log.read_text()[-3000:]}")
                return
            time.sleep(0.5)
        raise RuntimeError("ComfyUI did not answer")

    def get(self, path):
        return json.load(urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}"))

    def post(self, path, body):
        url, kind = f"http://127.0.0.1:{self.port}{path}", {"Content-Type": "application/json"}
        request = urllib.request.Request(url, json.dumps(body).encode(), kind)
        try:
            with urllib.request.urlopen(request) as answer:
                return json.loads(answer.read() or "{}")
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()) from None

    def queue(self, graph):
        return self.post("/prompt", {"prompt": graph})["prompt_id"]

    def wait(self, prompt_id, seconds=600):
        """The history entry of a prompt that has ended."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            history = self.get(f"/history/{prompt_id}")
            if prompt_id in history:
                return Entry(history[prompt_id], self)
            time.sleep(0.1)
        raise TimeoutError(self.log.read_text()[-3000:])

    def run(self, graph, seconds=600):
        return self.wait(self.queue(graph), seconds)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(30)


class Entry:
    """How a prompt ended."""

    def __init__(self, entry, server):
        self.outputs, self.server = entry["outputs"], server
        self.status = entry["status"]["status_str"]
        self.messages = dict(entry["status"]["messages"])
        self.error = self.messages.get("execution_error", {}).get("exception_message", "")

    def latent(self, node):
        from safetensors.torch import load_file

        found = self.outputs[node]["latents"][0]
        return load_file(self.server.base / "output" / found["subfolder"] / found["filename"])["latent_tensor"]

    def text(self, node):
        return json.loads(self.outputs[node]["text"][0])
