"""The folder that this process and the plugin have to themselves: the socket, large latents, temporary files."""
from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nothing is swept there
    fcntl = None

LOCK = "isac-plugin.lock"
# A socket's path may have about 104 bytes; what is put behind the base are /isac-xxxxxxxx/plugin0123456789.
LONGEST = 104 - 55
MEMORY = Path("/dev/shm")
# Less room than this in memory, as in a container's /dev/shm of 64 MiB, does not serve: temporary files of libraries go there too.
ROOM = 256 << 20


def base() -> Path:
    """Where the folder is made: in memory where there is room, for large latents; else where temporary files go."""
    try:
        free = shutil.disk_usage(MEMORY).free
        if os.access(MEMORY, os.W_OK | os.X_OK) and free >= ROOM:
            return MEMORY
    except OSError:
        pass
    temporary = Path(tempfile.gettempdir())
    if len(os.fsencode(temporary)) > LONGEST and Path("/tmp").is_dir():
        return Path("/tmp")
    return temporary


class Folder:
    """A private folder, mode 0700, with the mark that lets the plugin remove it should this process die."""

    def __init__(self, where: Path | None = None) -> None:
        where = where or base()
        sweep(where)
        self.path = Path(tempfile.mkdtemp(prefix="isac-", dir=where))
        mark = self.path / LOCK
        mark.touch(mode=0o600)
        # Without a lock (an exotic file system) the folder works as well, only nobody sweeps it: sweep needs the lock too.
        self._lock = lock(mark, shared=True)

    def remove(self) -> None:
        """Takes the folder away with all that is in it. The plugin may be doing the same just now. May be called again."""
        # Twice, for the plugin may be making its socket right now.
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)
        held, self._lock = self._lock, None
        if held is not None:
            os.close(held)


def lock(mark: Path, *, shared: bool) -> int | None:
    """An open file with a lock on it, or None."""
    if fcntl is None:
        return None
    try:
        file = os.open(mark, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    return file


def sweep(where: Path) -> None:
    """Removes the folders whose host and plugin are both gone, which only a kill of both leaves. One that is younger than a minute may
    belong to a host that has not locked it yet."""
    if fcntl is None:
        return
    for path in where.glob("isac-*"):
        try:
            info = path.lstat()
        except OSError:
            continue
        if not path.is_dir() or path.is_symlink() or info.st_uid != os.getuid() or time.time() - info.st_mtime < 60:
            continue
        held = lock(path / LOCK, shared=False)
        if held is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(held)
