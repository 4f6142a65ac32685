"""Opens a source of records, wherever it is and whatever it speaks, as one delivery."""

from __future__ import annotations

import fcntl
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from edupulse.school.errors import BadInput, NotReady
from edupulse.sources.csv_folder import csv_folder
from edupulse.sources.delivery import Delivery, Progress
from edupulse.sources.edfi.api import edfi_api
from edupulse.sources.edfi.delivery import EdFi
from edupulse.sources.edfi.descriptors import Words
from edupulse.sources.edfi.folder import edfi_folder
from edupulse.sources.mapping import DistrictMapping, read_mapping
from edupulse.sources.oneroster.api import oneroster_api
from edupulse.sources.oneroster.delivery import OneRoster, oneroster_csv
from edupulse.sources.oulad import oulad
from edupulse.sources.web import Credentials, Service
from edupulse.store.settings import edupulse_home


class Speaks(StrEnum):
    """What a source speaks."""

    CSV = "csv"
    EDFI = "edfi"
    ONEROSTER = "oneroster"
    OULAD = "oulad"


MAPPED = (Speaks.EDFI, Speaks.ONEROSTER)
"""Sources whose words a district's mapping translates; the others say everything in ours."""

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


@dataclass(frozen=True)
class Origin:
    """Where records come from: a folder, a file, or the address of a service.

    `credentials` are the service's, `token_url` where it signs in, if not where it says itself;
    `mapping` is the district's file of words.
    """

    speaks: Speaks
    place: str
    mapping: Path | None = None
    credentials: Credentials | None = None
    token_url: str | None = None

    @property
    def is_service(self) -> bool:
        """Is it an address, not a place on this machine?"""
        return "://" in self.place


@contextmanager
def opened(
    origin: Origin, since: str | None, told: Progress, kept: bytes | None = None
) -> Iterator[Delivery]:
    """The records of an origin, or those that changed after `since`, for as long as the context.

    `since` is the `through` of an earlier delivery, and `kept` is what that one `keeps`, if it was
    imported. Raises BadInput for a combination that the
    source cannot serve, SourceDown where a service does not answer.
    """
    _require_served(origin, since)
    mapping = read_mapping(origin.mapping) if origin.mapping else None
    match origin.speaks:
        case Speaks.CSV:
            yield csv_folder(Path(origin.place))
        case Speaks.OULAD:
            yield oulad(Path(origin.place))
        case Speaks.ONEROSTER if origin.is_service:
            with _kept(origin) as folder:
                read = _oneroster(origin, folder, since, kept, mapping, told)
                yield read
                read.finish()
        case Speaks.ONEROSTER:
            yield oneroster_csv(Path(origin.place), mapping)
        case Speaks.EDFI:
            with closing(_edfi(origin, since, kept, mapping, told)) as delivery:
                yield delivery


def _edfi(
    origin: Origin,
    since: str | None,
    kept: bytes | None,
    mapping: DistrictMapping | None,
    told: Progress,
) -> EdFi:
    words = Words(mapping)
    if not origin.is_service:
        return edfi_folder(Path(origin.place), words, told)
    version = None if since is None else int(since)
    return edfi_api(
        Service(origin.place), _required(origin), words, since=version, kept=kept, progress=told
    )


def _oneroster(
    origin: Origin,
    folder: Path,
    since: str | None,
    kept: bytes | None,
    mapping: DistrictMapping | None,
    told: Progress,
) -> OneRoster:
    """All of a service; its pages are kept until the records are, so that a cut reading goes on."""
    with closing(Service(origin.place)) as service:
        return oneroster_api(
            service,
            _required(origin),
            folder,
            mapping,
            token_url=origin.token_url,
            since=since,
            kept=kept,
            progress=told,
        )


@contextmanager
def _kept(origin: Origin) -> Iterator[Path]:
    """Where the pages of a service lie, for one reading at a time."""
    place = edupulse_home() / "reading" / sha256(origin.place.encode()).hexdigest()[:16]
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with place.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotReady(
                f"{origin.place} is being read already.", "Wait for the other reading to end."
            ) from None
        yield place


def _require_served(origin: Origin, since: str | None) -> None:
    if since is not None and not origin.is_service:
        raise BadInput("Files do not tell what changed.", "Read them whole.")
    if origin.mapping is not None and origin.speaks not in MAPPED:
        raise BadInput(
            "These files say everything in our words.",
            "Leave the mapping out.",
            file=str(origin.mapping),
        )
    if origin.is_service and origin.speaks not in MAPPED:
        raise BadInput(f"{origin.speaks} is no service.", "Give a folder.", field="place")
    if since is not None and origin.speaks is Speaks.EDFI and not since.isdecimal():
        raise BadInput(f"{since} is no change version.", "Give a whole number.")
    if since is not None and origin.speaks is Speaks.ONEROSTER and not _INSTANT.fullmatch(since):
        raise BadInput(f"{since} is no instant.", "Give it as 2026-03-16T06:00:00Z.")


def _required(origin: Origin) -> Credentials:
    if origin.credentials is None:
        raise BadInput("The service asks for a key and a secret.", "Give both by the environment.")
    return origin.credentials
