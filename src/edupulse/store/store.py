"""The store: one object that opens the database and offers what the floors above may do with it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import polars as pl
from psycopg import Connection
from sqlalchemy import Engine, QueuePool

from edupulse.school.knowledge import History, Known, StudentKeys
from edupulse.store import (
    asking,
    audit,
    checkpoints,
    connection,
    district,
    fingerprint,
    histories,
    keys,
    moments,
    people,
    risks,
    schema,
    sealing,
)
from edupulse.store.asking import Asker, ask_as
from edupulse.store.line import Line
from edupulse.store.question import Found, Question
from edupulse.store.reading import Readers, Reading
from edupulse.store.round_trips import Asked, RoundTrips
from edupulse.store.standing import Prediction, let_stand
from edupulse.store.ties import Ties, ties


@dataclass(frozen=True)
class Store:
    """A database; made by `open_store` or `store_at`.

    Each method is one transaction of its own. `writing` and `snapshot` give a connection for more
    than one thing in one transaction, for the functions of the modules of this room. What is shown
    to somebody is read by `writing_as` and `snapshot_as`: as the service's role, which logs in
    itself where it has a login (`service_engine`, `service_readers`), else from the owner's.
    """

    engine: Engine
    readers: Readers
    tables: schema.Tables
    service_engine: Engine
    service_readers: Readers
    round_trips: RoundTrips

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: committed when the context ends well, else undone."""
        self.tables.ensure_newest()
        with connection.transaction(self.engine) as opened:
            yield opened

    @contextmanager
    def asking(self) -> Iterator[Asked]:
        """Questions of one state of the database, in one round trip: their answers come after."""
        self.tables.ensure_newest()
        with self.round_trips.asking() as asked:
            yield asked

    def answer(self, question: Question[Found]) -> Found:
        """The answer to one question."""
        with self.asking() as asked:
            told = asked.ask(question)
        return told()

    @contextmanager
    def writing_at_once(self) -> Iterator[Connection]:
        """As `writing`, in one round trip where no row is waited for."""
        self.tables.ensure_newest()
        with self.round_trips.writing() as opened:
            yield opened

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection without a transaction, for what lasts longer: the locks of a session."""
        with self.engine.connect() as opened:
            yield connection.driver_of(opened.execution_options(isolation_level="AUTOCOMMIT"))

    def line(self, statement: str) -> Line:
        """A statement that an event loop asks itself, on a connection apart from the pools."""

        def opened() -> Connection:
            self.tables.ensure_newest()
            return connection.apart(self.engine)

        return Line(opened, statement)

    @contextmanager
    def snapshot(self) -> Iterator[Reading]:
        """A read-only view of one state of the database."""
        self.tables.ensure_newest()
        with self.readers.reading() as opened:
            yield opened

    @contextmanager
    def writing_as(self, asker: Asker) -> Iterator[Connection]:
        """A transaction of the service's role, which finds the asker's own students alone.

        Raises NotReady where the role is not there.
        """
        self.tables.ensure_newest()
        with connection.transaction(self.service_engine) as opened:
            ask_as(opened, asker)
            yield opened

    @contextmanager
    def snapshot_as(self, asker: Asker) -> Iterator[Reading]:
        """A read-only view for the service's role: the asker's own students alone."""
        self.tables.ensure_newest()
        with self.service_readers.reading(asker) as opened:
            yield opened

    def ties(self, asker: Asker) -> Ties:
        """The records that tie the asker to students."""
        with self.snapshot() as opened:
            return ties(opened, asker)

    def shown(self, asker: Asker, parts: Iterable[str]) -> dict[str, tuple[bool, list[int]]]:
        """Part to what the second lock shows the asker of it: everyone, and these students."""
        with self.writing_as(asker) as opened:
            return {part: asking.shown(opened, part) for part in parts}

    def rights_version(self) -> int:
        """Grows with whatever a right rests on."""
        with self.writing() as opened:
            return moments.rights_version(opened)

    def moments(self, at: datetime) -> moments.Moments:
        """When rights change from `at` on, though no record comes."""
        with self.writing() as opened:
            return moments.moments(opened, at)

    def known(self, students: Sequence[int] | StudentKeys, as_of: datetime) -> Known:
        """What was known of these students at `as_of` (aware): the one door (law 1)."""
        with self.snapshot() as opened:
            return histories.known(opened, students, as_of)

    def history(
        self, students: Sequence[int] | StudentKeys, until: datetime | None = None
    ) -> History:
        """All versions of these students' records, or those known by `until`."""
        with self.snapshot() as opened:
            return histories.history(opened, students, until)

    def students_at(self, as_of: datetime, school: str | None = None) -> StudentKeys:
        """The keys of the students enrolled on the day of `as_of`; `school` is the district's id.

        Raises NotFound for a school that is not there.
        """
        with self.writing() as opened:
            key = None if school is None else people.school_key(opened, school)
        with self.snapshot() as opened_snapshot:
            return histories.students_at(opened_snapshot, as_of, key)

    def ever_enrolled(self, as_of: datetime) -> StudentKeys:
        """The keys of all students enrolled at any time, as known at `as_of`."""
        with self.snapshot() as opened:
            return histories.ever_enrolled(opened, as_of)

    def demographics(self, students: Sequence[int] | StudentKeys) -> pl.DataFrame:
        """Groups for the fairness audit alone; never an input of a score (law 15)."""
        with self.snapshot() as opened:
            return histories.demographics(opened, students)

    def student_names(self, students: Iterable[int]) -> pl.DataFrame:
        """UUID, the district's number and names of some students, by key, for people's screens."""
        with self.writing() as opened:
            return people.student_names(opened, students)

    def student_ids(self, students: Iterable[int]) -> dict[int, uuid.UUID]:
        """The UUIDs of some students."""
        with self.writing() as opened:
            return people.student_ids(opened, students)

    def resolve_student(self, name: str) -> int:
        """The key of a student by UUID or the district's number. Raises NotFound."""
        with self.writing() as opened:
            return people.resolve_student(opened, name)

    def fingerprint(self) -> str:
        """Changes when the records change."""
        with self.writing() as opened:
            return fingerprint.fingerprint(opened)

    def simulated(self) -> bool | None:
        """Are the records a simulation's? None before the first import."""
        with self.writing() as opened:
            return district.is_simulated(opened)

    def save_risks(
        self,
        said: Iterable[risks.StoredRisk],
        entries: Sequence[audit.Entry] = (),
        standing: Iterable[Prediction] = (),
    ) -> risks.Saved:
        """Store answers, and in the same transaction what the audit log says of them.

        The same answer to the same question stays as it was first stored. Those `standing` among
        them spare the next who asks the computing.
        """
        with self.writing() as opened:
            saved = risks.save_risks(opened, said)
            let_stand(opened, standing)
            audit.append(opened, entries)
            return saved

    def latest_risks(
        self, students: Iterable[int] | None = None, as_of: datetime | None = None
    ) -> pl.DataFrame:
        """The newest stored answer about each student, riskiest first."""
        with self.writing() as opened:
            return risks.latest_risks(opened, students, as_of)

    def weekly_risks(self, students: Iterable[int], until: datetime) -> pl.DataFrame:
        """Student, risk and band of the last score of each week, by student and week."""
        with self.writing() as opened:
            return risks.weekly_risks(opened, students, until)

    def connections(self) -> tuple[int, int]:
        """How many connections of the pools are in use, and how many idle; readers apart."""
        pools = {self.engine.pool, self.service_engine.pool}
        both = [(pool.checkedout(), pool.checkedin()) for pool in pools
                if isinstance(pool, QueuePool)]  # fmt: skip
        return sum(used for used, _ in both), sum(idle for _, idle in both)

    def vacuum(self) -> None:
        """Give back the space of deleted rows, so that their content goes from the files."""
        with self.engine.connect() as opened:
            plain = opened.execution_options(isolation_level="AUTOCOMMIT")
            plain.exec_driver_sql("VACUUM")

    def require_keys(self) -> None:
        """Raises NotReady where names and contacts cannot be read with the keys that are here."""
        keys.keyring()
        with self.writing() as opened:
            sealing.held_index_key(opened)

    def champion(self) -> checkpoints.Registered | None:
        """The checkpoint that serves; None where the rules do."""
        with self.writing() as opened:
            return checkpoints.champion(opened)


@contextmanager
def open_store(url: str | None = None, service_url: str | None = None) -> Iterator[Store]:
    """Open the database at `url`, or that of the settings, with its tables in their newest form.

    `service_url` is the address for the service's role. Raises DatabaseDown where the database does
    not answer.
    """
    with store_at(url, service_url) as store:
        store.tables.ensure_newest()
        yield store


@contextmanager
def store_at(url: str | None = None, service_url: str | None = None) -> Iterator[Store]:
    """The same without asking the database: it may be down, and come back, or come later.

    Whatever is asked of the store meanwhile raises DatabaseDown.
    """
    service: connection.Address = service_url
    if url is None and service_url is None and connection.has_service_login():
        service = connection.service_url
    with ExitStack() as opened:
        engine, readers = _pools(opened, url)
        as_service = _pools(opened, service) if service else (engine, readers)
        round_trips = RoundTrips(partial(connection.apart, engine))
        opened.callback(round_trips.close)
        yield Store(engine, readers, schema.Tables(engine), *as_service, round_trips)


def _pools(opened: ExitStack, url: connection.Address) -> tuple[Engine, Readers]:
    engine, readers = connection.engine(url), Readers(url)
    opened.callback(engine.dispose)
    opened.callback(readers.close)
    return engine, readers
