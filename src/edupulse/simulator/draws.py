"""Random numbers by name: each draw is a hash of who, what and when, so no order matters.

A student's draw of a day is the same whatever block the student is computed in, and a rollout is
the same student with another key. The mixer is the finalizer of SplitMix64 (Steele, Lea & Flood
2014): keys are spread over all of 64 bits first, so one pass is that generator's own use.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

_ONE = np.uint64(0x9E3779B97F4A7C15)
_TWO = np.uint64(0xBF58476D1CE4E5B9)
_THREE = np.uint64(0x94D049BB133111EB)
_MASK = (1 << 64) - 1


def _mix(z: Keys) -> Keys:
    """The finalizer, in place: few passes over memory count more than anything else here."""
    z ^= z >> np.uint64(30)
    z *= _TWO
    z ^= z >> np.uint64(27)
    z *= _THREE
    z ^= z >> np.uint64(31)
    return z


@cache
def _name(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def tag(name: str, *steps: int) -> np.uint64:
    """One number for a named draw at the given steps (a day, a week, a slot)."""
    value = _name(name)
    for step in steps:
        value = (value ^ (step + 0x632BE59BD9B4E019)) * int(_ONE) & _MASK
        value ^= value >> 29
    return np.uint64(value)


def fork(keys: Keys, name: str, *steps: int) -> Keys:
    """A new key for each key: independent of all other names and steps."""
    return _mix(keys + tag(name, *steps))


def fork_by(keys: Keys, numbers: npt.NDArray[np.integer]) -> Keys:
    """A new key for each pair of key and number."""
    return _mix(keys ^ _mix((numbers.astype(np.uint64) + _ONE) * _TWO))


def root(seed: int, name: str, count: int, first: int = 0) -> Keys:
    """The keys of `count` things from number `first` on, under one seed."""
    numbers = np.arange(first, first + count, dtype=np.uint64)
    return fork_by(np.full(count, tag(name, seed)), numbers)


def uniform(keys: Keys, name: str, *steps: int) -> Floats:
    """Uniform on the open interval (0, 1), one for each key."""
    return _unit(fork(keys, name, *steps))


def normal(keys: Keys, name: str, *steps: int) -> Floats:
    """Standard normal, one for each key (Box and Muller 1958)."""
    bits = fork(keys, name, *steps)
    radius = np.sqrt(-2.0 * np.log(_unit(bits)))
    return np.asarray(radius * np.cos(2.0 * np.pi * _unit(_mix(bits + _ONE))))


def exponential(keys: Keys, name: str, *steps: int) -> Floats:
    """Exponential with mean 1, one for each key."""
    return np.asarray(-np.log(uniform(keys, name, *steps)))


def choose(keys: Keys, weights: npt.ArrayLike, name: str, *steps: int) -> npt.NDArray[np.int64]:
    """An index drawn by weight, one for each key; weights are `[choices]` or `[n, choices]`."""
    table = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    edges = np.cumsum(table, axis=1)
    point = uniform(keys, name, *steps) * edges[:, -1]
    index = (point[:, None] >= edges).sum(axis=1)
    return np.asarray(np.minimum(index, table.shape[1] - 1))


def _unit(bits: Keys) -> Floats:
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53 + 2.0**-54
