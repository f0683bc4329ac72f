"""What the process writes: to the program's log as it comes, and the last lines kept for errors."""
from __future__ import annotations

import collections
import json
import logging
import threading
from collections.abc import Callable

LEVELS = {"trace": logging.DEBUG, "debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
CRASHES = ("panic: ", "fatal error: ", "SIG", "unexpected fault address", "runtime: ", "terminate called")
LINES = 12
LONGEST = 1000

Log = Callable[[int, str], None]


def entry(line: str) -> tuple[int, str]:
    """Level of logging and sentence of a line; those of hclog's JSON become "message: name=value"."""
    if line.startswith("{"):
        try:
            fields = json.loads(line)
            message = str(fields.pop("@message"))
        except (ValueError, KeyError, AttributeError):
            return logging.WARNING, line
        level = LEVELS.get(str(fields.pop("@level", "")), logging.INFO)
        rest = " ".join(f"{name}={value}" for name, value in fields.items() if not name.startswith("@"))
        return level, f"{message}: {rest}" if rest else message
    return logging.WARNING, line


class Tail:
    """Passes lines on, and keeps the last ones. Several threads may write to it."""

    def __init__(self, log: Log | None) -> None:
        self._log = log or logging.getLogger("isac_plugin").log
        self._lock = threading.Lock()
        self._last: collections.deque[str] = collections.deque(maxlen=LINES)
        self._crash: list[str] | None = None

    def add(self, line: str, level: int | None = None) -> None:
        """Takes a line of the process; level is that of lines that name none."""
        line = line.rstrip("\r\n")
        if not line:
            return
        found, sentence = entry(line)
        plain = sentence == line
        with self._lock:
            # A crash explains itself in its first lines, what follows are stacks.
            if self._crash is None and plain and line.startswith(CRASHES):
                self._crash = []
            if self._crash is not None and len(self._crash) < LINES:
                self._crash.append(sentence[:LONGEST])
            self._last.append(sentence[:LONGEST])
        try:
            self._log(level if plain and level is not None else found, sentence)
        except Exception:  # the log belongs to others; the process must not stand still because of it
            logging.getLogger("isac_plugin").exception("the log could not take a line of isac-plugin")

    def text(self) -> str:
        """The last lines, or the first ones of a crash."""
        with self._lock:
            return "\n".join(self._crash if self._crash is not None else self._last)
