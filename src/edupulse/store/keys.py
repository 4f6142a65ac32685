"""The district's keys: where they come from, and sealing one value with them (AES-256-GCM).

The first key seals, all of them open. A sealed value begins with its key's number, which is derived
from the key and tells nothing of it, so that no name of a key can be given twice.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from edupulse.school.errors import BadInput, NotReady
from edupulse.store.connection import is_embedded
from edupulse.store.settings import edupulse_home

KEY_BYTES = 32
NUMBER_BYTES, NONCE_BYTES = 4, 12
FILE = "keys"
"""The file in EDUPULSE_HOME that holds keys, for who does not set EDUPULSE_KEYS."""


class KeySettings(BaseSettings):
    """Read from the environment: EDUPULSE_KEYS, base64 keys of 32 bytes, the current one first."""

    keys: SecretStr | None = Field(default=None, validation_alias="EDUPULSE_KEYS")

    model_config = {"env_ignore_empty": True}


class Key:
    """One secret of 32 bytes; each use has a key of its own derived from it (HKDF-SHA-256)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.number = self.derived("number of the key", NUMBER_BYTES)
        self.cipher = AESGCM(self.derived("values"))

    def derived(self, use: str, length: int = KEY_BYTES, salt: bytes | None = None) -> bytes:
        """The key for one use."""
        made = HKDF(SHA256(), length, salt, f"edupulse 1: {use}".encode())
        return made.derive(self._secret)


@dataclass(frozen=True)
class Keyring:
    """The keys that there are: `current` seals, every one opens."""

    keys: tuple[Key, ...]

    @property
    def current(self) -> Key:
        """The key that seals."""
        return self.keys[0]

    def of(self, number: bytes) -> Key:
        """The key of that number. Raises NotReady where it is not among these."""
        for key in self.keys:
            if key.number == number:
                return key
        raise NotReady(
            f"What is sealed with key {number.hex()} cannot be read: that key is not here.",
            "Add it to EDUPULSE_KEYS, behind the current one; `edupulse keys show` lists those"
            " that are here.",
        )

    def seal(self, values: Sequence[bytes | None], places: Iterable[bytes]) -> list[bytes | None]:
        """Each value encrypted by the current key, bound to its place; nothing stays nothing."""
        number, encrypt = self.current.number, self.current.cipher.encrypt
        nonces = iter(_pieces(os.urandom(NONCE_BYTES * len(values)), NONCE_BYTES))
        return [
            None if value is None else number + nonce + encrypt(nonce, value, place)
            for value, place, nonce in zip(values, places, nonces, strict=True)
        ]

    def unseal(self, values: Sequence[bytes | None], places: Iterable[bytes]) -> list[bytes | None]:
        """The opposite. Raises NotReady for a missing key, or a value that stands elsewhere."""
        return [
            None if value is None else self._unsealed(value, place)
            for value, place in zip(values, places, strict=True)
        ]

    def _unsealed(self, value: bytes, place: bytes) -> bytes:
        key = self.of(value[:NUMBER_BYTES])
        nonce, told = value[NUMBER_BYTES:][:NONCE_BYTES], value[NUMBER_BYTES + NONCE_BYTES :]
        try:
            return key.cipher.decrypt(nonce, told, place)
        except InvalidTag:
            raise NotReady(
                "A sealed value does not open in its place: it was changed or moved outside of"
                " EduPulse.",
                "Look who wrote to the database, and restore a backup.",
            ) from None


def keyring() -> Keyring:
    """The keys of EDUPULSE_KEYS, and behind them those of the file in EDUPULSE_HOME.

    With the embedded database the file is made where there is neither. Raises NotReady where there
    are no keys, BadInput for keys that are none.
    """
    given, path = KeySettings().keys, keys_file()
    if given is None:
        return _read(_of_file(path))
    return _read(f"{given.get_secret_value()} {_of_file(path) if path.exists() else ''}")


def from_environment() -> bool:
    """Does EDUPULSE_KEYS give the current key? Else the file does."""
    return KeySettings().keys is not None


def keys_file() -> Path:
    """The file of keys, which may not exist."""
    return edupulse_home() / FILE


def add_key(path: Path) -> None:
    """Put a new key before those of the file."""
    _write(path, f"{_new_key()}\n{_of_file(path)}").replace(path)


@lru_cache(maxsize=4)
def _read(text: str) -> Keyring:
    keys = tuple(Key(_decoded(word)) for word in text.replace(",", " ").split())
    if not keys:
        raise _WRONG
    return Keyring(keys)


_WRONG = BadInput(
    "the keys are not what they should be.",
    "Give keys of 32 bytes in base64 (`openssl rand -base64 32`), with commas between.",
    field="EDUPULSE_KEYS",
)


def _decoded(word: str) -> bytes:
    try:
        secret = base64.b64decode(word, validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise _WRONG
    return secret


def _of_file(path: Path) -> str:
    """The file's keys; made first where the database is the embedded one."""
    if not path.exists():
        if not is_embedded():
            raise NotReady(
                "There is no key for names and contacts.",
                "Set EDUPULSE_KEYS to what `openssl rand -base64 32` prints, and keep a copy of it"
                " apart from the database's: without it nobody can read them again.",
            )
        _make(path)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise NotReady(f"Others may read the keys in {path}.", f"chmod 600 {path}")
    return path.read_text()


def _make(path: Path) -> None:
    """A file with a new key; of two processes that make one at a time, one wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = _write(path, f"{_new_key()}\n")
    try:
        os.link(made, path)
    except FileExistsError:
        pass
    finally:
        made.unlink()


def _write(path: Path, text: str) -> Path:
    """A new file beside `path`, readable by its owner alone, on the disk when this returns."""
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _pieces(whole: bytes, length: int) -> list[bytes]:
    return [whole[start : start + length] for start in range(0, len(whole), length)]
