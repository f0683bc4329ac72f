"""The one isac-plugin of this ComfyUI: started when it is first needed, started again after it died, ended with ComfyUI."""
from __future__ import annotations

import os
import threading
from pathlib import Path

from . import host

PACK = Path(__file__).resolve().parent.parent
MISSING = (
    "ISAC Guidance needs two things that are not here: the Python package isac-client, and the program isac-plugin. "
    "How to get both: README.md of this node pack"
)


class Process:
    """Starts the plugin and keeps the last session's model loaded until ComfyUI wants the memory."""

    def __init__(self):
        self._lock = threading.RLock()
        self._plugin = None
        self._kept = None  # (checkpoint, session): an idle session keeps its model loaded
        self._counted, self._counts = None, False  # what ComfyUI counts for it, and whether it still does

    def plugin(self):
        """The running plugin. One that died is started again: what it was doing has failed with an error of its own."""
        with self._lock:
            if self._plugin is not None and not self._plugin.alive:
                host.log.warning("isac-plugin ended by itself; it is started again. Its last words: %s", self._plugin.last_words)
                self.stop()
            if self._plugin is None:
                self._plugin = _start()
            return self._plugin

    def open(self, checkpoint, **request):
        """A session. The model of the last one stays loaded if it is the same, and is given back first if it is another."""
        with self._lock:
            plugin = self.plugin()
            if self._kept is None or self._kept[0] != checkpoint:
                self._drop()
                host.make_room(host.file_size("checkpoints", checkpoint))
            session = plugin.guide(checkpoint=checkpoint.replace(os.sep, "/"), **request)
            self._drop()
            return session

    def keep(self, checkpoint, session):
        """Takes over a session that is done."""
        with self._lock:
            self._drop()
            self._kept = (checkpoint, session)
            if not self._counts:
                self._counted, self._counts = host.count(sum(self._taken().values()), self.free), True

    def free(self):
        """Gives the model's memory back; the process stays."""
        with self._lock:
            self._counts = False  # ComfyUI may be going through its models: what it counts stays until the next run
            if self._plugin is None or not self._plugin.alive:
                return
            self._drop()
            try:
                self._plugin.free(handles=True)
                host.log.info("ISAC Guidance: %s", self.holds())
            except Exception as error:
                host.log.warning("isac-plugin did not free its memory: %s", error)

    def holds(self) -> str:
        """What the process takes of its device's memory."""
        return "isac-plugin holds " + ", ".join(f"{size / 2**30:.1f} GiB on {name}" for name, size in self._taken().items())

    def _taken(self) -> dict:
        stats = self.plugin().stats()
        return {d.name: d.reserved_bytes for d in stats.devices if d.reserved_bytes} or {"cpu": stats.resident_bytes}

    def stop(self):
        with self._lock:
            self._drop()
            self._counts = False
            if self._plugin is not None:
                self._plugin.close()
                self._plugin = None

    def _drop(self):
        if self._kept is not None:
            kept, self._kept = self._kept[1], None
            try:
                kept.close()
            except Exception as error:  # its process may be gone
                host.log.debug("closing a session: %s", error)


def _start():
    try:
        import isac_client
    except ImportError as error:
        raise RuntimeError(f"{MISSING} ({error})") from None
    # Embeddings decide where the words stand, and LoRAs what they do.
    env = {f"ISAC_{kind.upper()}": os.pathsep.join(host.folders(kind)) for kind in ("loras", "embeddings")}
    beside = PACK / "bin" / ("isac-plugin.exe" if os.name == "nt" else "isac-plugin")
    path = os.environ.get("ISAC_PLUGIN") or (str(beside) if beside.exists() else None)
    device = os.environ.get("ISAC_DEVICE") or host.device()
    sha256 = os.environ.get("ISAC_PLUGIN_SHA256")
    plugin = isac_client.start(path, models=host.folders("checkpoints"), device=device, env=env, sha256=sha256)
    host.log.info("ISAC Guidance: isac-plugin runs as process %s on %s", plugin.pid, device)
    return plugin


PROCESS = Process()
