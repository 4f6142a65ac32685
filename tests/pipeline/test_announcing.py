"""What a nightly scoring announces: each band that changed, and no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

from edupulse.pipeline.scoring import score
from edupulse.store import webhooks
from edupulse.store.store import open_store
from pipeline.small_champion import (
    IN_SEASON,
    NOW,
    import_frames,
    let_serve,
    small_checkpoint,
    small_district,
)

WEEK = timedelta(days=7)


def test_each_band_that_changed_and_no_other(
    empty_database: Callable[[], str], tmp_path: Path
) -> None:
    with open_store(empty_database()) as store:
        import_frames(store, tmp_path / "csv", small_district())
        let_serve(store, small_checkpoint(tmp_path / "checkpoints"))
        with store.writing() as connection:
            url = "https://sis.example.org/"
            webhooks.add(connection, uuid4(), url, ["risk.band_changed"], by="t", now=NOW)
        bands: list[dict[int, str]] = []
        for week in range(3):
            score(store, IN_SEASON + week * WEEK)
            said = store.latest_risks().filter(state="band")
            rows = said.select("student", "body").iter_rows()
            bands.append({student: json.loads(body)["risk_category"] for student, body in rows})
        with store.writing() as connection:
            told = connection.execute("SELECT student, body FROM state.events").fetchall()
    changed = sorted(
        (student, before[student], band)
        for before, now in pairwise(bands)
        for student, band in now.items()
        if before.get(student, band) != band
    )
    assert changed, "the small champion moves somebody"
    assert sorted((student, body["before"], body["band"]) for student, body in told) == changed
