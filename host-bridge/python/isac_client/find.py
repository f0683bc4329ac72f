"""Where the program is, and whether it is the one that is wanted."""
from __future__ import annotations

import hashlib
import hmac
import os
import shutil
import sys
from pathlib import Path

from .errors import Error

NAME = "isac-plugin.exe" if os.name == "nt" else "isac-plugin"


def find(path: str | os.PathLike[str] | None) -> Path:
    """The program: path, else $ISAC_PLUGIN, else beside Python's own programs, else in PATH."""
    for given, source in ((path, "path"), (os.environ.get("ISAC_PLUGIN"), "ISAC_PLUGIN")):
        if given:
            found = shutil.which(os.path.abspath(os.path.expanduser(os.fspath(given))))
            if not found:
                why = "is no program that can be run; give the path of isac-plugin"
                raise Error(f"{source} {os.fspath(given)!r} {why}", kind="UNAVAILABLE")
            return Path(found)
    beside = Path(sys.executable).parent if sys.executable else Path(sys.prefix)
    found = shutil.which(NAME, path=str(beside)) or shutil.which(NAME)
    if not found:
        why = f"neither {beside} nor any folder of PATH has it; give its path, or set ISAC_PLUGIN"
        raise Error(f"{NAME} not found: {why}", kind="UNAVAILABLE")
    return Path(os.path.abspath(found))


def check(program: Path, sha256: str) -> None:
    """Holds the file's SHA-256 against the one that was given, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with program.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    if not hmac.compare_digest(digest.hexdigest().encode(), sha256.strip().lower().encode()):
        raise Error(
            f"{program}: its SHA-256 is not the one that was expected, so it was not started; install the release that the sum belongs to",
            kind="UNAVAILABLE",
        )
