"""What is kept in memory while a version stays: exact, since whoever asks says which version."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """The `most` values used last, of one version. Read the version before what is kept by it."""

    def __init__(self, most: int) -> None:
        self._most, self._version = most, -1
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._lock = Lock()

    def find(self, version: int, key: Key) -> Value | None:
        """The value of this version; None where there is none."""
        with self._lock:
            if version != self._version or key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def keep(self, version: int, key: Key, value: Value) -> Value:
        """Keep a value that was made after the version had been read; returns it."""
        with self._lock:
            if version != self._version:
                self._values.clear()
                self._version = version
            self._values[key] = value
            self._values.move_to_end(key)
            if len(self._values) > self._most:
                self._values.popitem(last=False)
        return value

    def get(self, version: int, key: Key, make: Callable[[], Value]) -> Value:
        """The value that is kept, or a new one. Two who miss at a time both make it."""
        found = self.find(version, key)
        return self.keep(version, key, make()) if found is None else found
