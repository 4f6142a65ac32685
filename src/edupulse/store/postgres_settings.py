"""How the embedded server is set: durable, local only, roomy for bulk loads, silent about rows."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def file_content(port: int) -> str:
    """The text of its postgresql.conf, made anew for this machine at every start."""
    return "".join(f"{name} = '{value}'\n" for name, value in _settings(port).items())


def _settings(port: int) -> dict[str, object]:
    return {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 200,  # two workers and commands beside them
        "password_encryption": "scram-sha-256",
        "fsync": "on",
        "synchronous_commit": "on",
        "shared_buffers": f"{_shared_megabytes()}MB",
        "work_mem": "32MB",
        "maintenance_work_mem": "128MB",
        "wal_level": "minimal",  # a bulk load into a new table need not be logged row by row
        "max_wal_senders": 0,
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "dynamic_shared_memory_type": _shared_memory(),
        "huge_pages": "off",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        # Details and statements would carry the content of students' rows into the log.
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
    }


def _shared_megabytes() -> int:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return min(256, max(32, memory // 8))


def _shared_memory() -> str:
    shared = Path("/dev/shm")  # noqa: S108 – asked for its size alone: containers make it tiny
    roomy = shared.exists() and shutil.disk_usage(shared).total >= 2**30
    return "posix" if roomy or sys.platform == "darwin" else "mmap"
