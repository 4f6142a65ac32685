"""Stops the embedded server when its last user has left, however that user ended.

Every process that uses the server holds a shared lock on `users.lock` for as long as it lives. The
keeper is a small process of its own that waits for the exclusive lock, which the kernel grants when
the last holder is gone, by a clean exit or by SIGKILL. It needs the standard library alone, since
it is started as a script and lives as long as the server.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

FAST, IMMEDIATE = signal.SIGINT, signal.SIGQUIT


def taken(path: Path, mode: int) -> int | None:
    """An open file descriptor that holds the lock, or None if another holds it (LOCK_NB)."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, mode)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def postmaster(data: Path) -> int | None:
    """The process id of the living server of this data folder.

    None if its lock file is absent, stale, or names a process id that another program has by now.
    """
    try:
        first = (data / "postmaster.pid").read_text().split("\n")[0]
        process = abs(int(first))
    except (OSError, ValueError):
        return None
    return process if _serves(process, data) else None


def _serves(process: int, data: Path) -> bool:
    if not Path("/proc/self/stat").exists():
        command = ["/bin/ps", "-o", "command=", "-p", str(process)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        return str(data) in shown.stdout
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in "ZX" and Path(f"/proc/{process}/cwd").resolve() == data.resolve()
    except OSError:
        return False


def stop_server(data: Path, seconds: float = 60.0) -> bool:
    """Shut the server down: cleanly, and at once if it has not ended by then.

    Returns whether one was running. An immediate end is as safe as a power cut: the next start
    replays the log.
    """
    process = postmaster(data)
    if process is None:
        return False
    for signal_number in (FAST, IMMEDIATE):
        os.kill(process, signal_number)
        end = time.monotonic() + seconds
        while time.monotonic() < end and _serves(process, data):
            time.sleep(0.02)
    return True


def keep(place: Path, own_lock: int) -> None:
    """Wait until nobody uses the server of this place, stop it, and leave.

    `own_lock` is the descriptor of the lock that says that a keeper is there. It is given back
    while `start.lock` is held, so that whoever starts the server next sees that no keeper is left.
    """
    users = os.open(place / "users.lock", os.O_RDWR | os.O_CLOEXEC)
    starting = os.open(place / "start.lock", os.O_RDWR | os.O_CLOEXEC)
    while True:
        fcntl.flock(users, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_UN)  # else this keeper would wait for itself below
        fcntl.flock(starting, fcntl.LOCK_EX)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_still(place / "start.lock", starting):
                stop_server(place / "data")
            os.close(own_lock)
            return
        fcntl.flock(starting, fcntl.LOCK_UN)


def is_still(path: Path, descriptor: int) -> bool:
    """Whether the path names the open file: false once the place was removed, or made anew."""
    try:
        named = path.stat()
    except OSError:
        return False
    opened = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]))
