"""One student's page in the terminal: facts and strengths first, then the score, what and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from edupulse.cli.risk_table import BAND_STYLES
from edupulse.pipeline.explaining import Account
from edupulse.risk.risk import Factor, Risk, RulesResult, Stretch
from edupulse.risk.wording import FAMILIES_IN_WORDS, RULES_IN_WORDS

NOTE = (
    "▲ raised and ▽ lowered the score, beside what is typical of peers; the numbers are log-odds "
    "with their standard error. No cause is claimed. What a week shows looks back over days or "
    "months: “when” is the week in which it stood on the record."
)


def explanation_page(account: Account, number: str, name: str, as_of: datetime) -> RenderableType:
    """The whole page."""
    said = account.said
    title = Text.assemble((name, "bold"), f" ({number}), as known at {as_of:%Y-%m-%d %H:%M} UTC")
    return Group(title, *_facts(account), *(_scored(said) if isinstance(said, Risk) else ()),
                 *_without(account))  # fmt: skip


def diagnostics_page(risk: Risk) -> RenderableType:
    """What else the network computed, labelled as no explanation."""
    found = risk.diagnostics
    if found is None:
        return Text("\nWithout a score there are no diagnostics.")
    severities = (f"{name} {part:.0%}" for name, part in found.severity_probabilities.items())
    weeks = " ".join(f"{part:.0%}" for part in found.attention)
    return Group(
        _head("Diagnostics of the network: no explanation, and no ground for a decision"),
        _lines([f"Severity: {', '.join(severities)}.", f"Attention, oldest week first: {weeks}."]),
    )


def _facts(account: Account) -> Iterator[RenderableType]:
    yield _head("Facts")
    yield _lines(
        (fact.text for fact in account.facts) if account.facts else ["None is on record by then."]
    )


def _scored(risk: Risk) -> Iterator[RenderableType]:
    if risk.risk_score is None or risk.interval is None or risk.risk_category is None:
        return
    yield _head("Strengths")
    none = ["No fact that is better than typical surely lowered the score."]
    yield _lines(_factors(risk.strengths) if risk.strengths else none)
    yield _head("Score")
    yield _score(risk, risk.risk_score, risk.interval, risk.risk_category)
    named = {strength.feature for strength in risk.strengths}
    others = [factor for factor in risk.factors if factor.feature not in named]
    if others:
        yield _head("What else moved it most")
        yield _lines(_factors(others))
    if risk.stretches:
        yield _head("What and when")
        yield _when(risk.stretches)
    yield Text(NOTE, style="dim")


def _score(risk: Risk, score: float, interval: tuple[float, float], band: str) -> RenderableType:
    low, high = interval
    text = Text("  ")
    text.append(band, style=BAND_STYLES[band])
    text.append(f": {score:.0%} (between {low:.0%} and {high:.0%}) to be off track")
    if risk.horizon is not None:
        text.append(f" from {risk.horizon[0]} to {risk.horizon[1]}")
    text.append(f", says {risk.method} ({risk.model_version[:14]}).")
    for caveat in risk.caveats:
        text.append(f"\n  {caveat}", style="bold")
    return text


def _without(account: Account) -> Iterator[RenderableType]:
    if account.no_score is not None:
        yield _head("No score")
        yield _lines([account.no_score])
    if account.rules is not None:
        yield _head(f"By the rules ({account.rules.method}), without a score")
        yield _lines(_indicators(account.rules))


def _indicators(rules: RulesResult) -> Iterator[str]:
    fired = [indicator.text for indicator in rules.indicators]
    yield from (f"▲ fired: {text}" for text in fired)
    if not fired:
        yield "No indicator fired."
    yield from (f"· not observed: {RULES_IN_WORDS[name]}" for name in rules.not_observed)


def _factors(factors: Iterable[Factor]) -> Iterator[str]:
    for factor in factors:
        yield f"{_moved(factor.contribution)} ± {factor.stderr:.2f}  {factor.text}"


def _when(stretches: Iterable[Stretch]) -> Table:
    """Families down, stretches across; a dot where nothing surely moved the score."""
    moved = {(one.modality, one.weeks): one for one in stretches}
    columns = sorted({weeks for _, weeks in moved})
    table = Table(box=SIMPLE_HEAD, pad_edge=True)
    table.add_column("")
    for first, last in columns:
        table.add_column(first if first == last else f"{first} to {last}", justify="right")
    for family, words in FAMILIES_IN_WORDS.items():
        cells = (moved.get((family, weeks)) for weeks in columns)
        table.add_row(words, *("·" if one is None else _moved(one.contribution) for one in cells))
    return table


def _moved(contribution: float) -> str:
    return f"{'▲' if contribution > 0 else '▽'} {contribution:+.2f}"


def _head(words: str) -> Text:
    return Text(f"\n{words}", style="bold")


def _lines(lines: Iterable[str]) -> Group:
    return Group(*(Padding(Text(line), (0, 0, 0, 2)) for line in lines))
