"""The file in which a session and the plugin hand large latents to each other."""
from __future__ import annotations

import os
import secrets

from ._pb import isac_pb2 as pb
from .errors import Error
from .tensor import DTYPES, Tensor, from_message

# From this size on a file is faster than a message.
FROM = 1 << 20


class Exchange:
    """A session's file in the folder, where there is one; where it cannot be made or is full, tensors travel in messages."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._name = ""
        self._file = -1

    def send(self, tensor: Tensor) -> pb.Tensor:
        """The tensor as a request has it: with its elements in the file where that is worth it."""
        if self._folder and len(tensor.data) >= FROM:
            try:
                self._put(tensor.data)
                return pb.Tensor(dtype=DTYPES[tensor.dtype], shape=tensor.shape, shared=self._name)
            except OSError:  # full, say: the session does without from here on
                self.close()
        return tensor.message()

    def _put(self, data: bytes) -> None:
        if self._file < 0:
            self._name = "latents-" + secrets.token_hex(13)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            self._file = os.open(os.path.join(self._folder, self._name), flags, 0o600)
        os.ftruncate(self._file, len(data))
        os.lseek(self._file, 0, os.SEEK_SET)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def receive(self, message: pb.Tensor, size: int) -> Tensor:
        """The tensor of an answer, whose elements may be in the file; size is that of the request's."""
        if not message.shared:
            return from_message(message)
        if self._file < 0 or message.shared != self._name:
            raise Error(f"the plugin's answer is in a file {message.shared!r} that is not this session's")
        os.lseek(self._file, 0, os.SEEK_SET)
        parts, left = [], size
        while left:
            part = os.read(self._file, left)
            if not part:
                raise Error(f"the plugin's answer is cut short: {size - left} of {size} bytes are in its file")
            parts.append(part)
            left -= len(part)
        return from_message(message, parts[0] if len(parts) == 1 else b"".join(parts))

    def close(self) -> None:
        """Removes the file, and lets none be made again."""
        self._folder, folder = "", self._folder
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            try:
                os.unlink(os.path.join(folder, self._name))
            except OSError:
                pass  # the folder is removed with all that is in it
