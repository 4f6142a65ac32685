"""The part of the model card about fairness: every group with its intervals and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edupulse.model.bootstrap import Estimate
from edupulse.model.fairness.report import Fairness
from edupulse.model.fairness.subgroups import Subgroup

COLUMNS = {
    "base_rate": "off track",
    "auroc": "AUROC",
    "false_negative_rate": "missed",
    "false_positive_rate": "falsely high",
    "calibration_slope": "slope",
    "mean_error": "mean error",
}
"""The figures of a group, with the words for them in cards and tables."""


def fairness_section(fairness: Fairness | None) -> list[str]:
    """The section in Markdown; where no group was on record, it says so."""
    if fairness is None:
        return ["## Fairness", "", "No group was on record: nothing was audited.", ""]
    return [
        "## Fairness",
        "",
        *_legend(fairness),
        "",
        *_groups(fairness.groups),
        "",
        *_gaps(fairness),
        "",
        *_parts(fairness),
        "",
        *_proxies(fairness),
        "",
    ]


def _legend(fairness: Fairness) -> list[str]:
    margins = fairness.margins
    return [
        (
            f"Missed: the share of those who went off track whose risk was below"
            f" {fairness.threshold:.2f}. Falsely high: the share of the others whose risk was not."
            " Slope and mean error: of the calibration (1 and 0 are right). In brackets: 95 %"
            " bootstrap intervals over students. Beside a figure: the verdict on the gap to"
            " everyone else. `higher`, `lower`: no chance (Holm-corrected over all groups, 5 %)."
            f" `level`: the gap's interval lies within ±{margins.false_negative_rate:g}"
            f" (mean error ±{margins.mean_error:g}). `unknown`: too few students to tell."
            " Of fewer than 10 students nothing is shown."
        )
    ]


def _groups(groups: Iterable[Subgroup]) -> Iterator[str]:
    yield _row(["group", "students", "windows", *COLUMNS.values()])
    yield _row(["---"] * (3 + len(COLUMNS)))
    for one in groups:
        cells = [_cell(one, name) for name in COLUMNS]
        yield _row([f"{one.grouping}: {one.group}", f"{one.students}", f"{one.rows}", *cells])


def crossed_gaps(fairness: Fairness) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Of the intersections: what was judged, in a sentence, and each gap found with its verdict."""
    every = [gap for one in fairness.intersections for gap in one.gaps.values()]
    unknown = sum(gap.verdict == "unknown" for gap in every)
    found = []
    for one, rate in fairness.gaps_found:
        if one in fairness.intersections:
            gap = one.gaps[rate]
            told = f"{one.grouping}: {one.group}: {COLUMNS[rate]} {gap.verdict} ({gap.reason})"
            found.append((told, gap.verdict))
    sentence = (
        f"Intersections of two attributes: {len(fairness.intersections)} groups, {len(every)} gaps"
        f" judged, {len(found)} found, {unknown} unknown."
    )
    return sentence, tuple(found)


def _gaps(fairness: Fairness) -> list[str]:
    sentence, found = crossed_gaps(fairness)
    return [sentence, *(f"- {told}" for told, _ in found)]


def _parts(fairness: Fairness) -> Iterator[str]:
    yield (
        "Where gaps lie: between schools (what would be left if every student had the rate of all"
        " students of the same school) and within them; the two add up to the gap."
    )
    yield ""
    yield _row(["group", "rate", "gap to everyone else", "between schools", "within schools"])
    yield _row(["---"] * 5)
    for one in fairness.decompositions:
        parts = (_signed(part) for part in (one.gap, one.between, one.within))
        yield _row([f"{one.grouping}: {one.group}", COLUMNS[one.rate], *parts])


def _proxies(fairness: Fairness) -> Iterator[str]:
    yield (
        "Proxies: how well each group can be told from the features that never name it (AUROC out"
        " of sample by student; 0.5: this probe could not, 1: wholly)."
    )
    yield ""
    yield _row(["group", "students", "AUROC"])
    yield _row(["---"] * 3)
    for one in fairness.proxies:
        said = "unknown" if one.auroc is None else figure(one.auroc)
        yield _row([f"{one.grouping}: {one.group}", f"{one.students}", said])


def _cell(group: Subgroup, name: str) -> str:
    if name not in group.figures:
        return ""
    gap = group.gaps.get(name)
    return figure(group.figures[name]) + ("" if gap is None else f" {gap.verdict}")


def figure(estimate: Estimate) -> str:
    """A value with its interval."""
    return f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"


def _signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
