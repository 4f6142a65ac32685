"""Audits the records themselves: is one group referred more often than another, else alike?"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from edupulse.model.fairness.groups import groupings
from edupulse.model.fairness.recording import RecordsAudit
from edupulse.model.fairness.recording import audit_records as audit
from edupulse.pipeline.material import Told, silent
from edupulse.pipeline.referrals import referral_rows, referrals_of
from edupulse.pipeline.subgroups import attribute_labels
from edupulse.school.errors import NotReady
from edupulse.store.store import Store

_BLOCK = 4096
"""Students whose days are laid out at once: keeps memory flat."""


def audit_records(store: Store, now: datetime, *, told: Told = silent) -> RecordsAudit:
    """The referrals of all students as known at `now`, group by group, beside the largest group.

    Raises NotReady where no school records incidents, or no group is on record.
    """
    students = store.ever_enrolled(now)
    parts = []
    for begin in range(0, students.size, _BLOCK):
        told("Counting referrals and days", begin / students.size)
        parts.append(referral_rows(store.known(students[begin : begin + _BLOCK], now)))
    told("Counting referrals and days", 1.0)
    rows = pl.concat(parts) if parts else pl.DataFrame()
    if rows.is_empty():
        raise NotReady(
            "No school has recorded incidents while a student was there.",
            "Import incidents, with their coverage and schools that record them.",
        )
    return audit_rows(rows, store.demographics(students))


def audit_rows(rows: pl.DataFrame, on_record: pl.DataFrame) -> RecordsAudit:
    """The audit of counted rows (see `referral_rows`) by the groups on record of their students."""
    groups = groupings(attribute_labels(on_record, rows["student"].to_numpy()))
    if not any(group.known.any() for group in groups):
        raise NotReady(
            "No group is on record for any student.",
            "Import demographics.csv: it is kept apart and serves the audit alone.",
        )
    return audit(referrals_of(rows), groups)
