"""An archive in one file: named pieces, compressed, and encrypted as one stream.

The file's key is derived from the district's current key and a random salt. The stream goes in
chunks, each sealed under its number and whether it is the last (the STREAM construction of Hoang,
Reyhanitabar, Rogaway and Vizár, 2015), so that nothing can be changed, moved, or cut off unseen.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from edupulse.school.errors import BadInput
from edupulse.store.keys import NUMBER_BYTES, Key, keyring

MAGIC = b"EDUPULSE BACKUP 1\n"
SALT_BYTES = 16
CHUNK = 1 << 20
_TAG = 16

Told = Callable[[float], None]
"""Told the part that is done, 0 to 1."""


@dataclass(frozen=True)
class Writer:
    """Puts pieces into an archive."""

    tar: tarfile.TarFile

    def put(self, name: str, content: bytes) -> None:
        """Add one piece."""
        piece = tarfile.TarInfo(name)
        piece.size = len(content)
        self.tar.addfile(piece, io.BytesIO(content))


@contextmanager
def written(path: Path) -> Iterator[Writer]:
    """A new archive at `path`, which is there once it is whole and on the disk.

    Raises BadInput where a file is there already, or none can be made.
    """
    half = path.with_name(f"{path.name}.half")
    if path.exists():
        raise BadInput("there is such a file already.", "Name another one.", file=str(path))
    try:
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise BadInput(f"cannot be written: {error.strerror}.", file=str(path)) from None
    try:
        packer = zstandard.ZstdCompressor()
        with os.fdopen(descriptor, "wb") as file:
            with (
                closing(_Sealer(file, keyring().current)) as sealer,
                packer.stream_writer(cast(IO[bytes], sealer), closefd=False) as packed,
                tarfile.open(fileobj=packed, mode="w|") as tar,
            ):
                yield Writer(tar)
            file.flush()
            os.fsync(file.fileno())
        half.rename(path)
    finally:
        half.unlink(missing_ok=True)


def pieces(path: Path, told: Told) -> Iterator[tuple[str, bytes]]:
    """Name and content of each piece, in order.

    Raises BadInput for a file that is no archive or not as it was written, NotReady where its key
    is missing.
    """
    with _opened(path) as file:
        size = max(os.fstat(file.fileno()).st_size, 1)
        source = io.BufferedReader(_Unsealer(file, path))
        plain = zstandard.ZstdDecompressor().stream_reader(source)
        try:
            with tarfile.open(fileobj=plain, mode="r|") as tar:
                for piece in tar:
                    content = tar.extractfile(piece)
                    yield piece.name, content.read() if content else b""
                    told(file.tell() / size)
        except (tarfile.TarError, zstandard.ZstdError):
            raise _broken(path) from None
        if source.read(1):
            raise _broken(path)


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}.", file=str(path)) from None


class _Sealer(io.RawIOBase):
    def __init__(self, file: IO[bytes], key: Key) -> None:
        salt = os.urandom(SALT_BYTES)
        self._head = MAGIC + key.number + salt
        self._cipher = AESGCM(key.derived("backup", salt=salt))
        self._file, self._held, self._number = file, bytearray(), 0
        file.write(self._head)

    def writable(self) -> bool:
        return True

    def write(self, content: bytes) -> int:  # type: ignore[override]
        self._held += content
        while len(self._held) > CHUNK:  # what comes last is known at the end alone
            self._seal(CHUNK, last=False)
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._seal(len(self._held), last=True)
        super().close()

    def _seal(self, length: int, *, last: bool) -> None:
        chunk = bytes(self._held[:length])
        del self._held[:length]
        self._file.write(self._cipher.encrypt(_nonce(self._number, last), chunk, self._head))
        self._number += 1


class _Unsealer(io.RawIOBase):
    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._head = file.read(len(MAGIC) + NUMBER_BYTES + SALT_BYTES)
        if not self._head.startswith(MAGIC):
            raise BadInput("is no backup of EduPulse.", file=str(path))
        number, salt = self._head[len(MAGIC) :][:NUMBER_BYTES], self._head[-SALT_BYTES:]
        self._cipher = AESGCM(keyring().of(number).derived("backup", salt=salt))
        self._file, self._path, self._number = file, path, 0
        self._sealed = file.read(CHUNK + _TAG)
        self._plain = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if not self._plain and self._sealed:
            self._open_next()
        count = min(len(buffer), len(self._plain))
        buffer[:count], self._plain = self._plain[:count], self._plain[count:]
        return count

    def _open_next(self) -> None:
        following = self._file.read(CHUNK + _TAG)
        nonce = _nonce(self._number, last=not following)
        try:
            self._plain = self._cipher.decrypt(nonce, self._sealed, self._head)
        except InvalidTag:
            raise _broken(self._path) from None
        self._sealed, self._number = following, self._number + 1


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _broken(path: Path) -> BadInput:
    return BadInput(
        "is not as it was written: it was cut off or changed.",
        "Take another copy of this backup, or another backup.",
        file=str(path),
    )
