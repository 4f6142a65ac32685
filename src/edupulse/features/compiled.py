"""Loops that read like the specification and run as machine code.

Arrays go in and come out; the compiled code is kept on disk beside the source (or in the user's
cache, where that folder cannot be written). A loop may call only loops of its own module: a
kept caller does not notice that a loop of another module has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np

Loop = TypeVar("Loop", bound=Callable[..., Any])
Arrays = TypeVar("Arrays", bound=NamedTuple)


def compiled(loop: Loop) -> Loop:
    """The same function, compiled at its first call for the types of its arguments.

    Division by zero gives inf or NaN, as in NumPy. Other threads run while the loop does.
    """
    return cast(Loop, numba.njit(loop, cache=True, nogil=True, error_model="numpy"))


def reading(arrays: Arrays) -> Arrays:
    """The same arrays, none of which can be written to: their loop is compiled once.

    A frame's column comes read only or not, as it happens, and these are different types.
    """
    return cast(Arrays, type(arrays)(*map(_read_only, arrays)))  # type: ignore[call-overload]


def _read_only(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    flags = array.flags
    if flags.writeable or not flags.c_contiguous:
        array = np.ascontiguousarray(array).view()
        array.setflags(write=False)
    return array
