"""Groups for the audit: a label for each row, and nothing made up where nothing is on record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from edupulse.panel.panel import panel_of
from edupulse.pipeline.subgroups import AUDITED, subgroups
from edupulse.store.store import open_store
from pipeline.small_champion import IN_SEASON, import_frames, small_district


def test_every_row_gets_what_is_on_record_of_its_student(
    empty_database: Callable[[], str], tmp_path: Path
) -> None:
    frames = small_district()
    frames["demographics"] = frames["demographics"].filter(
        frames["demographics"]["student_id"] != frames["demographics"]["student_id"][0]
    )
    with open_store(empty_database()) as store:
        import_frames(store, tmp_path / "csv", frames)
        windows = panel_of(store.known(store.students_at(IN_SEASON), IN_SEASON)).windows
        twice = windows.take(np.repeat(np.arange(len(windows)), 2))
        labels = subgroups(store, twice)
        names = dict(
            store.student_names(windows.student.tolist())
            .select("student", "local_id").iter_rows()
        )  # fmt: skip
    on_record = {row["student_id"]: row for row in frames["demographics"].to_dicts()}
    assert set(labels) == {*AUDITED, "school", "grade_level"}
    for row, student in enumerate(twice.student.tolist()):
        theirs = on_record.get(names[student], dict.fromkeys(AUDITED))
        for name in AUDITED:
            said = theirs[name]
            expected = "" if said is None else str(said).lower() if isinstance(said, bool) else said
            assert labels[name][row] == expected
    assert set(labels["school"]) == {"H01", "M02"}
    assert set(labels["grade_level"]) <= {str(level) for level in range(-1, 13)}
