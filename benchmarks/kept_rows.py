"""Windows and outcomes in files, so that a second run of a benchmark builds nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from edupulse.panel.outcomes import Outcomes
from edupulse.panel.windows import Windows
from edupulse.pipeline.material import Material


def arrays_of(name: str, rows: Material) -> dict[str, np.ndarray]:
    """The arrays of some rows, each under the name of its part."""
    return {
        f"{name}.{field.name}": getattr(part, field.name)
        for part in (rows.windows, rows.outcomes)
        for field in fields(part)
    }


def material_of(name: str, kept: Mapping[str, Any]) -> Material:
    """The rows that `arrays_of` named so; a file from before `came_on` says it of no row."""
    unsaid = {f"{name}.came_on": np.full(kept[f"{name}.last"].shape, np.datetime64("NaT", "D"))}
    windows, outcomes = (
        kind(
            **{
                field.name: kept[path] if path in kept else unsaid[path]
                for field in fields(kind)
                for path in [f"{name}.{field.name}"]
            }
        )
        for kind in (Windows, Outcomes)
    )
    return Material(windows, outcomes)


def write(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new.npz")
    np.savez(beside, **arrays)
    beside.replace(path)
