"""Fairness as a person reads it: figures with intervals, verdicts in words, what is unknown."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from edupulse.cli.fairness_table import fairness_tables
from edupulse.model.bootstrap import Estimate
from edupulse.model.fairness.decomposition import Decomposition
from edupulse.model.fairness.probe import Proxy
from edupulse.model.fairness.report import Fairness
from edupulse.model.fairness.subgroups import Margins, Subgroup
from edupulse.model.fairness.verdicts import Gap

MISSED = "false_negative_rate"


def printed(fairness: Fairness | None) -> str:
    told = StringIO()
    Console(width=140, file=told).print(fairness_tables(fairness))
    return told.getvalue()


def subgroup(name: str, verdict: str) -> Subgroup:
    gap = Gap(Estimate(0.1, 0.04, 0.16), 0.001, verdict, "+0.040 to +0.160")
    return Subgroup("letter", name, 700, 120, {MISSED: Estimate(0.412, 0.35, 0.48)}, {MISSED: gap})


def sample_fairness() -> Fairness:
    part = Estimate(0.05, 0.01, 0.09)
    return Fairness(
        "a_method",
        0.3,
        Margins(),
        (subgroup("a", "level"), subgroup("[b]", "higher"), Subgroup("letter", "c", 12, 4, {})),
        (subgroup("a × 1", "higher"), subgroup("a × 2", "unknown")),
        (Decomposition("letter", "[b]", MISSED, part, part, Estimate(0.0, -0.02, 0.02)),),
        (
            Proxy("letter", "[b]", 120, Estimate(0.912, 0.88, 0.94)),
            Proxy("letter", "c", 4, None),
        ),
    )


def test_groups_gaps_parts_and_proxies_are_told() -> None:
    text = printed(sample_fairness())
    assert "Fairness of a_method, at a risk of 0.30 or more" in text
    assert "0.412 level" in text
    assert "letter: [b]" in text
    assert "0.412 higher" in text
    assert "2 groups, 2 gaps judged, 1 found, 1 unknown" in text
    assert "letter: a × 1: missed higher" in text
    assert "+0.050 (+0.010 to +0.090)" in text
    assert "0.912 0.880–0.940" in text
    assert text.split("Proxies")[1].count("unknown") == 1


def test_where_no_group_is_on_record_it_says_so() -> None:
    assert "nothing was audited" in printed(None)
