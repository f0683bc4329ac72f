"""Certificates of the connection: this side's own, and the process's."""
from __future__ import annotations

import base64
import binascii
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .errors import Error

END = b"-----END CERTIFICATE-----\n"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


def make(program: Path, env: Mapping[str, str], timeout: float) -> Pair:
    """A new pair, made by the program itself: Python's own modules cannot make one. The key comes through a pipe and lies in no file."""
    try:
        done = subprocess.run(
            [str(program), "certificate"], env=dict(env), stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise Error(f"start {program}: {error}", kind="UNAVAILABLE") from error
    except subprocess.TimeoutExpired as error:
        why = "printed no certificate in the time that it has to start (start_timeout)"
        raise Error(f"{program} certificate {why}", kind="UNAVAILABLE") from error
    certificate, end, key = done.stdout.replace(b"\r\n", b"\n").partition(END)
    if done.returncode != 0 or not certificate.startswith(b"-----BEGIN CERTIFICATE-----") or not key.startswith(b"-----BEGIN "):
        words = done.stderr.decode("utf-8", "replace").strip()[-1000:]
        raise Error(
            f"{program} certificate ended with status {done.returncode} and printed no certificate with its key: is this program an"
            f" isac-plugin, of the same release as this client?{' It wrote: ' + words if words else ''}",
            kind="UNAVAILABLE",
        )
    return Pair(certificate + end, key)


def pem(field: str) -> bytes:
    """The certificate of a handshake, base64 of DER without padding, in PEM."""
    try:
        der = base64.b64decode(field + "=" * (-len(field) % 4), validate=True)
    except binascii.Error as error:
        raise Error(f"isac-plugin's handshake has {field[:40]!r} in the place of its certificate", kind="UNAVAILABLE") from error
    text = base64.b64encode(der)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return b"\n".join([b"-----BEGIN CERTIFICATE-----", *lines, END])
