"""The process: its pipes, its end."""
from __future__ import annotations

import logging
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from .errors import Error, PluginDied
from .log import Tail

LONGEST = 64 << 10


class Process:
    """A program that runs, whose output is read until it ends. Its standard input is the lifeline: a pipe that the kernel closes when
    this process dies, in whichever way."""

    def __init__(self, program: Path, env: Mapping[str, str], tail: Tail, gone: Callable[[], None]) -> None:
        self.tail = tail
        self.first_line = ""
        self.ended = threading.Event()
        self._first: queue.Queue[str | None] = queue.Queue()
        pipe = subprocess.PIPE
        try:
            self._popen = subprocess.Popen(
                [str(program)], env=dict(env), stdin=pipe, stdout=pipe, stderr=pipe,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows opens a console for a program without one
            )
        except OSError as error:
            raise Error(f"start {program}: {error}", kind="UNAVAILABLE") from error
        readers = [
            threading.Thread(target=self._read_out, name="isac-plugin stdout", daemon=True),
            threading.Thread(target=self._read_err, name="isac-plugin stderr", daemon=True),
        ]
        for reader in readers:
            reader.start()
        threading.Thread(target=self._watch, args=(readers, gone), name="isac-plugin end", daemon=True).start()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended: its status, or -N for the signal N; None while it runs."""
        return self._popen.returncode

    def _read_out(self) -> None:
        """Reads the handshake, and then what libraries print."""
        first = True
        for line in lines(self._popen.stdout):
            if first:
                self._first.put(line)
                first = False
            else:
                self.tail.add(line, logging.INFO)
        self._first.put(None)

    def _read_err(self) -> None:
        for line in lines(self._popen.stderr):
            self.tail.add(line)

    def _watch(self, readers: list[threading.Thread], gone: Callable[[], None]) -> None:
        self._popen.wait()
        # The last words may still be in the pipe; a child of the process may hold it open for ever.
        deadline = time.monotonic() + 1
        for reader in readers:
            reader.join(max(0.0, deadline - time.monotonic()))
        self.ended.set()
        gone()

    def handshake(self, deadline: float) -> str:
        """The first line that the process prints. deadline is of time.monotonic."""
        while True:
            try:
                line = self._first.get(timeout=0.05)
            except queue.Empty:
                if time.monotonic() < deadline:
                    continue
                why = "isac-plugin printed no handshake in the time that it has to start (start_timeout)"
                raise Error(why + said(self.tail.text()), kind="UNAVAILABLE") from None
            if line is not None:
                self.first_line = line.strip()
                return line
            self.ended.wait(2)
            if self.ended.is_set():
                raise PluginDied(self._popen.returncode, self.tail.text(), doing="start isac-plugin")
            raise Error("isac-plugin closed its standard output without a handshake" + said(self.tail.text()), kind="UNAVAILABLE")

    def end(self, grace: float) -> None:
        """Lets go of the lifeline, waits for the end, and kills after grace seconds."""
        try:
            self._popen.stdin.close()
        except OSError:
            pass
        if not self.wait(grace):
            self._popen.kill()
            self.wait(10)

    def kill(self) -> None:
        """Ends the process at once."""
        self.end(0)

    def wait(self, timeout: float) -> bool:
        """Waits for the end, until its last words are read, and tells whether it came."""
        return self.ended.wait(timeout)


def lines(pipe: IO[bytes]):
    """The lines of a pipe, very long ones in parts, until it closes."""
    with pipe:
        while True:
            try:
                line = pipe.readline(LONGEST)
            except (OSError, ValueError):
                return
            if not line:
                return
            yield line.decode("utf-8", "replace")


def said(words: str) -> str:
    """The last words, as the end of a sentence."""
    return f"; it last wrote:\n{words}" if words else ""
