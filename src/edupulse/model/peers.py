"""The typical window of a student's peers: what an explanation compares with. NumPy alone."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edupulse.model.rows import Bools, WindowRows
from edupulse.panel.splits import hashed_share
from edupulse.school.errors import BadInput

ANY = -127
#: Fewer rows than this are no peers; more than that change a median little and cost time.
_FEWEST, _MOST = 30, 1000


@dataclass(frozen=True, eq=False)
class PeerProfiles:
    """Median tracks `[G, W, F]`, NaN where most peers are unobserved, and whose they are.

    Group g are the training rows of `grade_level[g]` (`ANY`: of all) whose window observes the
    families in the bits of `pattern[g]` (`ANY`: whatever it observes). The last group is everyone.
    """

    grade_level: tuple[int, ...]
    pattern: tuple[int, ...]
    tracks: NDArray[np.float32]

    def of(self, grade_level: int, pattern: int) -> NDArray[np.float32]:
        """The track `[W, F]` of the closest peers: same grade and families, families, or anyone."""
        groups = list(zip(self.grade_level, self.pattern, strict=True))
        for key in ((grade_level, pattern), (ANY, pattern)):
            if key in groups:
                return self._track(groups.index(key))
        return self._track(-1)

    def of_grade(self, grade_level: int, pattern: int) -> bool:
        """Whether `of` gives peers of the same grade level."""
        return (grade_level, pattern) in zip(self.grade_level, self.pattern, strict=True)

    def _track(self, group: int) -> NDArray[np.float32]:
        track: NDArray[np.float32] = self.tracks[group]
        return track

    def to_bytes(self) -> bytes:
        """The tracks as a NumPy file; the keys stand in the manifest."""
        target = io.BytesIO()
        np.save(target, self.tracks, allow_pickle=False)
        return target.getvalue()

    @classmethod
    def from_bytes(
        cls, content: bytes, grade_level: Sequence[int], pattern: Sequence[int]
    ) -> PeerProfiles:
        """Read back (`BadInput` where it is not such a file)."""
        try:
            tracks = np.load(io.BytesIO(content), allow_pickle=False)
        except ValueError as error:
            raise BadInput("The peer profiles cannot be read.", "Train again.") from error
        return cls(tuple(grade_level), tuple(pattern), tracks)


def patterns(observed: Bools, families: Sequence[int]) -> NDArray[np.int64]:
    """Which families a window observes at all, as bits `[N]` (the first family is bit 0)."""
    seen = np.asarray(observed.any(axis=1))
    ends = np.cumsum(families)
    bits = [
        seen[:, end - size : end].any(axis=1) << place
        for place, (size, end) in enumerate(zip(families, ends, strict=True))
    ]
    return np.asarray(np.sum(bits, axis=0), dtype=np.int64)


def fit_peers(windows: WindowRows, families: Sequence[int]) -> PeerProfiles:
    """Profiles of the training rows: give no others."""
    pattern = patterns(windows.observed & windows.held[:, :, None], families)
    kept = list(_groups(np.asarray(windows.grade_level, dtype=np.int64), pattern))
    tracks = np.stack([_median_track(windows, _some(rows, windows)) for _, _, rows in kept])
    return PeerProfiles(
        tuple(grade for grade, _, _ in kept), tuple(which for _, which, _ in kept), tracks
    )


def _groups(
    grade_level: NDArray[np.int64], pattern: NDArray[np.int64]
) -> Iterator[tuple[int, int, Bools]]:
    """Grade and pattern, then pattern, then everyone: each group with enough rows."""
    for which in np.unique(pattern).tolist():
        same = pattern == which
        for grade in np.unique(grade_level[same]).tolist():
            rows = same & (grade_level == grade)
            if rows.sum() >= _FEWEST:
                yield grade, which, rows
        if same.sum() >= _FEWEST:
            yield ANY, which, same
    yield ANY, ANY, np.ones(len(pattern), dtype=bool)


def _some(rows: Bools, windows: WindowRows) -> NDArray[np.int64]:
    """At most about a thousand of the rows, always the same students."""
    share = _MOST / max(int(rows.sum()), 1)
    fewer = rows & hashed_share(windows.student, share, salt=17) if share < 1 else rows
    return np.flatnonzero(fewer if fewer.any() else rows)


def _median_track(windows: WindowRows, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Median `[W, F]` of what these rows observe; NaN where under half of those held do."""
    held = windows.held[rows]
    seen = windows.observed[rows] & held[:, :, None]
    ordered = np.sort(np.where(seen, windows.values[rows], np.nan), axis=0)  # NaN come last
    count = seen.sum(axis=0)
    middle = [np.maximum((count - 1 + odd) // 2, 0)[None] for odd in (0, 1)]
    ends = [np.take_along_axis(ordered, place, axis=0)[0] for place in middle]
    enough = (count > 0) & (2 * count >= held.sum(axis=0)[:, None])
    return np.where(enough, 0.5 * (ends[0] + ends[1]), np.nan).astype(np.float32)
