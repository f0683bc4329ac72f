"""What goes wrong."""
from __future__ import annotations

import signal
from collections.abc import Sequence


class Error(Exception):
    """A request that was refused or failed, or a plugin that could not be started or reached.

    kind says who has to do something: INVALID_INPUT, UNKNOWN_HANDLE, CANCELLED, OUT_OF_MEMORY, UNAVAILABLE, INTERNAL, FAILED or
    OUT_OF_ORDER, as isac.v1.Kind without its prefix; docs/plugin.md tells what each asks for. message is the sentence to show. inputs
    names the fields that are wrong, where the plugin knows.
    """

    def __init__(self, message: str, *, kind: str = "INTERNAL", inputs: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.inputs = tuple(inputs)


class PluginDied(Error):
    """The process is gone. exit_code is its exit status, or -N where the signal N killed it; last_words are the last lines of its log."""

    def __init__(self, exit_code: int, last_words: str = "", *, doing: str = "") -> None:
        message = f"isac-plugin ended: {ending(exit_code)}"
        if doing:
            message = f"{doing}: {message}"
        if last_words:
            message += f"; it last wrote:\n{last_words}"
        super().__init__(message, kind="INTERNAL")
        self.exit_code = exit_code
        self.last_words = last_words


def ending(exit_code: int) -> str:
    """The end of a process in words."""
    if exit_code >= 0:
        return f"exit status {exit_code}"
    try:
        return f"killed by signal {-exit_code} ({signal.Signals(-exit_code).name})"
    except ValueError:
        return f"killed by signal {-exit_code}"
