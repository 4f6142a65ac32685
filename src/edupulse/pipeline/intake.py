"""Imports: from a source's delivery into the store, in one transaction, whole or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
from psycopg import Connection

from edupulse.pipeline.arrival import Arrival
from edupulse.pipeline.coverage import default_coverage
from edupulse.pipeline.desk import Desk
from edupulse.pipeline.import_report import (
    UNDATED,
    FileReport,
    ImportReport,
    reasons,
    write_rejected,
    write_report,
    write_suggestions,
)
from edupulse.pipeline.reach import Reach
from edupulse.school.errors import ImportRefused
from edupulse.school.fields import INSTANT
from edupulse.school.kind import Kind
from edupulse.school.records import COVERAGE, COVERED, KIND_BY_NAME, KINDS
from edupulse.sources.delivery import Delivery, Progress
from edupulse.sources.words import Translated
from edupulse.store.district import settle_origin, the_district
from edupulse.store.held import SCOPE, snapshot_scope, vanished
from edupulse.store.imports import any_import, begin_import, save_import
from edupulse.store.merge import Merged, merge
from edupulse.store.rows import NO_KEY
from edupulse.store.settings import edupulse_home
from edupulse.store.store import Store

FEWEST_TO_REFUSE = 20
"""Fewer rejected rows than this never refuse an import, whatever their share."""


def intake(
    store: Store,
    delivery: Delivery,
    *,
    now: datetime,
    historical: bool | None = None,
    snapshot: bool = False,
    limit: float = 0.05,
    progress: Progress | None = None,
    home: Path | None = None,
    also: Callable[[Connection, uuid.UUID], None] | None = None,
    number: uuid.UUID | None = None,
    patience: timedelta | None = None,
) -> ImportReport:
    """Import all that a source delivers, and write the report to `home/imports/<id>/`.

    `now` is the import's instant (aware). `historical`: rows without `known_at` are known from
    their kind's default date; None says: if this is the first import. `snapshot`: the files are
    complete, what is not there any more is retracted. `also` is done in the same transaction, told
    the import's id: `number`, or a new one. Raises ImportRefused, with nothing changed,
    where more than `limit` of a file's rows (and at least FEWEST_TO_REFUSE) are rejected, and
    NotReady where another import runs for longer than `patience`.
    """
    number = number or uuid.uuid4()
    folder = (home or edupulse_home()) / "imports" / str(number)
    now = now.astimezone(UTC)
    try:
        with store.writing() as connection:
            begin_import(connection, patience)
            first = not any_import(connection)
            district = the_district(connection)
            settle_origin(connection, delivery.simulated)
            desk = Desk(
                connection,
                district,
                now,
                historical=first if historical is None else historical,
            )
            running = _Import(desk, delivery, limit, snapshot, progress)
            running.run()
            report = running.report(number, folder)
            save_import(
                connection,
                number,
                started=now,
                mode=report.mode,
                source=report.source,
                report=report.as_json(),
            )
            if also is not None:
                also(connection, number)
    except ImportRefused as refusal:
        path = write_rejected(folder, delivery.ledger.rejections)
        raise ImportRefused(refusal.problem, f"{refusal.to_do} All of them: {path}") from None
    write_rejected(folder, delivery.ledger.rejections)
    write_report(folder, report)
    if isinstance(delivery, Translated) and delivery.words.unmapped:
        write_suggestions(folder, delivery.words.suggestions())
    return report


@dataclass
class _Import:
    desk: Desk
    delivery: Delivery
    limit: float
    snapshot: bool
    progress: Progress | None
    files: list[FileReport] = field(default_factory=list)
    reaches: dict[str, Reach] = field(default_factory=dict)
    covered: pl.DataFrame | None = None
    notes: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Kind by kind, in the order in which they refer to each other."""
        for kind in KINDS:
            if self.delivery.has(kind):
                self._take(kind)
        if not self.delivery.has(COVERAGE):
            self._extend_coverage()

    def _take(self, kind: Kind) -> None:
        arrival = Arrival(self.desk, self.delivery, kind)
        done = self._merged(kind, arrival.versions(self.progress))
        self._refuse_if_too_many(kind)
        self.reaches[kind.name] = arrival.reach
        if kind is COVERAGE:
            self.covered = arrival.covered
        gone = self._retract_vanished(kind, arrival) if self.snapshot else Merged()
        self.files.append(self._file(kind, arrival, done, gone))

    def _merged(self, kind: Kind, frames: Iterable[pl.DataFrame]) -> Merged:
        return merge(
            self.desk.connection,
            kind,
            frames,
            now=self.desk.now,
            historical=self.desk.historical,
        )

    def _refuse_if_too_many(self, kind: Kind) -> None:
        ledger = self.delivery.ledger
        read, rejected = ledger.read(kind), ledger.rejected(kind)
        if rejected >= FEWEST_TO_REFUSE and rejected > self.limit * read:
            raise ImportRefused(
                f"{kind.file}: {rejected:,} of {read:,} rows are bad, so nothing was imported.",
                "Correct them, or allow more.",
            )

    def _retract_vanished(self, kind: Kind, arrival: Arrival) -> Merged:
        """Retract what a complete file does not have any more, of kinds that it holds whole."""
        if snapshot_scope(kind) is None:
            return Merged()
        if self.delivery.ledger.rejected(kind) > arrival.rejected:
            # A row that could not be read may be the record that seems to be gone.
            self.notes.append(f"{kind.file}: nothing retracted, since some rows could not be read")
            return Merged()
        scope = self._scope(kind, arrival.reach)
        gone = vanished(self.desk.connection, kind, scope)
        retractions = gone.with_columns(
            known_from=pl.lit(self.desk.now, INSTANT),
            retracted=pl.lit(True),
            defaulted=pl.lit(False),
        )
        return self._merged(kind, [retractions])

    def _scope(self, kind: Kind, reach: Reach) -> pl.DataFrame:
        """How far the file reaches: its rows, and what the delivery's coverage file says."""
        if self.covered is not None and kind.coverage is not None:
            spans = self.covered.filter(pl.col("kind") == kind.coverage)
            days = spans.select("school", "observed_from", "observed_through")
            for school, first, last in days.iter_rows():
                reach.include(school, first, last)
        rows = [(key, *days) for key, days in reach.days.items()]
        return pl.DataFrame(rows, schema=SCOPE, orient="row")

    def _extend_coverage(self) -> None:
        reaches = {
            name: {school: days for school, days in reach.days.items() if school != NO_KEY}
            for name, reach in self.reaches.items()
            if name in COVERED
        }
        spans = default_coverage(self.desk.connection, reaches)
        if spans.height:
            self._merged(COVERAGE, [spans])

    def _file(self, kind: Kind, arrival: Arrival, done: Merged, gone: Merged) -> FileReport:
        read = self.delivery.ledger.read(kind)
        rejected = self.delivery.ledger.rejected(kind)
        return FileReport(
            kind=kind.name,
            read=read,
            rejected=rejected,
            new=done.new,
            revised=done.revised,
            unchanged=max(0, read - rejected - done.new - done.revised),
            retracted=done.retracted + gone.retracted,
            conflicts=done.conflicts,
            undated=arrival.undated,
        )

    def report(self, number: uuid.UUID, folder: Path) -> ImportReport:
        """What was done."""
        ledger = self.delivery.ledger
        said = [f"{note.file}: {note.what} ({note.count:,})" for note in ledger.notes]
        if self.desk.historical and any(self._is_history(file) for file in self.files):
            self.notes.append(UNDATED)
        return ImportReport(
            id=number,
            source=self.delivery.source,
            mode="snapshot" if self.snapshot else "upsert",
            historical=self.desk.historical,
            started=self.desk.now,
            files=tuple(self.files),
            rejected_for=reasons(ledger.rejections),
            notes=(*said, *self.notes),
            folder=folder,
        )

    @staticmethod
    def _is_history(file: FileReport) -> bool:
        return file.undated > 0 and KIND_BY_NAME[file.kind].occurred_on is not None
