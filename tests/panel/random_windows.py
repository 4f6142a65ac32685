"""Windows of random features, with short histories and gaps."""

from __future__ import annotations

import numpy as np

from edupulse.panel.windows import Windows


def random_windows(rows: int, features: int = 42, weeks: int = 20, seed: int = 0) -> Windows:
    draw = np.random.default_rng(seed)
    length = draw.integers(1, weeks + 1, rows)
    held = np.arange(weeks) >= weeks - length[:, None]
    observed = held[:, :, None] & (draw.random((rows, weeks, features)) < 0.8)
    values = draw.normal(size=(rows, weeks, features)).astype(np.float32)
    mondays = np.datetime64("2024-09-02") + 7 * np.arange(weeks)
    return Windows(
        values=np.where(observed, values, np.nan).astype(np.float32),
        observed=observed,
        held=held,
        week_start=np.where(held, mondays, np.datetime64("NaT", "D")),
        student=np.arange(1, rows + 1, dtype=np.int32),
        as_of=np.full(rows, np.datetime64("2025-01-24T06:00:00", "us")),
        school=np.ones(rows, np.int32),
        grade_level=draw.integers(6, 13, rows).astype(np.int8),
    )
