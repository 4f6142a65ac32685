"""The audit as a person reads it: every group with its verdict, and the assumption behind it."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from edupulse.cli.audit_records import audit_text
from edupulse.model.bootstrap import Estimate
from edupulse.model.fairness.recording import ASSUMPTION, RateRatio, RecordsAudit


def printed(audit: RecordsAudit) -> str:
    told = StringIO()
    Console(width=120, file=told).print(audit_text(audit))
    return told.getvalue()


def test_every_group_is_told_with_its_ratio_and_verdict_and_the_assumption_is_stated() -> None:
    said = ("letter", "b", "a", 1200, 340, 99_000)
    ratio = Estimate(1.523, 1.31, 1.77)
    audit = RecordsAudit(
        (
            RateRatio(*said, ratio, 1e-5, 1.31, "more", "corrected p = 1e-05"),
            RateRatio(*said, Estimate(1.1, 0.8, 1.5), 0.9, 1.9, "unknown", "a ratio of 1.90 …"),
            RateRatio(
                "letter", "[c]", "a", 12, 3, 900, None, None, None, "unknown", "only 12 students"
            ),
        ),
        students=4000,
        referrals=1500,
        days=400_000,
    )
    text = printed(audit)
    assert "1,500 referrals, 4,000 students, 400,000 days" in text
    assert "1.52 (1.31–1.77)" in text
    assert "more corrected p = 1e-05" in text
    assert "letter: [c]" in text
    assert "unknown only 12 students" in text
    assert " ".join(ASSUMPTION.split()) in " ".join(text.split())
