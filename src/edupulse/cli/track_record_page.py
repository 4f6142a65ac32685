"""A track record as a page for people: self-contained, light, made to be read and printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from edupulse.cli.charts import Chart, Line, Scale, chart
from edupulse.model.bootstrap import Estimate
from edupulse.model.card_fairness import COLUMNS as FAIRNESS_COLUMNS
from edupulse.model.card_fairness import crossed_gaps
from edupulse.model.evaluation import EVERYONE, NEW_ONSET, Evaluation, Result
from edupulse.model.gate import BOOSTING
from edupulse.model.track_record import SEEN, TrackRecord
from edupulse.panel.definition import OutcomeDefinition

METHODS = {
    "abc_rules": "ABC rules",
    "level_rules": "45-day level rules",
    "logistic_last_week": "logistic regression, last week",
    "boosting_last_week": "gradient boosting, last week",
    "boosting_20_weeks": "gradient boosting, 20 weeks",
    "gru_last_week": "network, last week only",
    "gru_attention": "network, 20 weeks",
    "latent_bound": "bound: the simulator's truth",
    f"gru_attention{SEEN}": "network, taught by these schools too",
}
COLUMNS = {
    "auroc": "AUROC",
    "average_precision": "average precision",
    "precision_5": "precision, top 5 %",
    "recall_5": "found, top 5 %",
    "precision_10": "precision, top 10 %",
    "recall_10": "found, top 10 %",
    "in_time_high": "named in time",
    "lead_days_high": "school days ahead",
}
RISK_COLUMNS = {
    "brier": "Brier score",
    "calibration_error": "calibration error",
    "calibration_slope": "slope",
    "mean_error": "mean error",
    "interval_width": "interval width",
    "coverage_on_track": "sets right, on track",
    "coverage_off_track": "sets right, off track",
}
GAINS = {
    "auroc": "AUROC",
    "average_precision": "average precision",
    "precision_10": "precision, top 10 %",
    "in_time_10": "named in time, top 10 %",
}
CANARIES = {
    "label_windows": "Do the periods that teach and the period that tests overlap?",
    "learned_until": "Had every label that taught the model closed when it says so?",
    "scaler": "Was anything but the training part used to scale the features?",
    "late_knowledge": "Do features use what came to be known only later?",
    "peek": "Do features look past their day?",
    "labels": "Do outcomes use what came to be known after they closed?",
}
_TENTHS = tuple((n / 10, f"{10 * n} %") for n in range(0, 11, 2))


@dataclass(frozen=True)
class Cell:
    """A figure and its interval, as text."""

    value: str
    interval: str = ""


@dataclass(frozen=True)
class Population:
    """One table of methods: who is judged, and a row of cells for each method."""

    title: str
    told: str
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def page(record: TrackRecord) -> str:
    """The whole page; everything that comes from records or names is escaped."""
    environment = Environment(
        loader=PackageLoader("edupulse.cli", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("track_record.html").render(
        record=record,
        evaluation=record.evaluation,
        everyone=record.evaluation.result(record.method),
        brief=tuple(brief(record)),
        charts=(reliability_chart(record), capacity_chart(record), ahead_chart(record)),
        columns=COLUMNS,
        risk_columns=RISK_COLUMNS,
        populations=tuple(_populations(record, COLUMNS)),
        gain_columns=GAINS,
        gains=tuple(_gains(record)),
        risks=tuple(_populations(record, RISK_COLUMNS)),
        canaries=CANARIES,
        fairness_columns=FAIRNESS_COLUMNS,
        crossed_gaps=crossed_gaps,
        off_track=_off_track(OutcomeDefinition.from_json(record.outcome)),
        cell=_cell,
        signed=_signed,
        percent=_percent,
        method=METHODS.get,
    )


def brief(record: TrackRecord) -> Iterator[str]:
    """The few sentences that a superintendent reads first, each with its interval."""
    evaluation, name = record.evaluation, record.method
    ours = evaluation.result(name).metrics
    rules = evaluation.result(record.gate.instead).metrics
    rate = evaluation.result(name).base_rate
    yield (
        f"Of 100 students whom each school's list of the top 10 % names, "
        f"{_hundred(ours['precision_10'])} went off track. By the best rules in use "
        f"({METHODS[record.gate.instead]}) it would have been {_hundred(rules['precision_10'])}; "
        f"of 100 students picked blindly, {100 * rate:.0f}."
    )
    if "in_time_high" in ours and "lead_days_high" in ours:
        lead = ours["lead_days_high"]
        yield (
            f"Of 100 students who went off track, {_hundred(ours['in_time_high'])} had been named "
            f"with a high risk before; half of those at least {lead.value:.0f} school days before "
            f"({lead.low:.0f} to {lead.high:.0f})."
        )
    error = ours["mean_error"]
    yield (
        "On the whole its risks were "
        + ("too high" if error.value > 0 else "too low")
        + f" by {abs(100 * error.value):.1f} percentage points "
        f"({100 * error.low:+.1f} to {100 * error.high:+.1f})."
    )
    yield from _onset(evaluation, name)
    if record.unseen is not None:
        there = record.unseen.result(name).metrics["precision_10"]
        cost = record.unseen.difference(name, name + SEEN, "precision_10")
        yield (
            f"In schools that taught it nothing, {_hundred(there)} of 100 named went off track: "
            f"{100 * cost.value:+.1f} ({100 * cost.low:+.1f} to {100 * cost.high:+.1f}) beside "
            "a model that the same schools taught too."
        )


def _off_track(outcome: OutcomeDefinition) -> str:
    """What counts as off track, in words."""
    core = "core " if outcome.core_only else ""
    parts = {
        "chronic_absence": f"absent {outcome.chronic_share / 10:g} % of the days or more",
        "course_failure": f"a failed {core}course",
        "withdrawal": "leaving school",
    }
    first = outcome.gap_days + 1
    until = "the end of the school year"
    if outcome.horizon_days is not None:
        until = f"{outcome.gap_days + outcome.horizon_days}"
    listed = ", ".join(parts[name] for name in outcome.parts)
    return (
        f"Off track means, in school days {first} to {until} after the day of a judgement, any of: "
        f"{listed}."
    )


def _onset(evaluation: Evaluation, name: str) -> Iterator[str]:
    found = [
        line
        for line in evaluation.results
        if (line.method, line.population) == (name, NEW_ONSET)
    ]  # fmt: skip
    for line in found:
        yield (
            "Among students without any warning sign yet, where early warning is hardest, "
            f"{_hundred(line.metrics['precision_10'])} of 100 named went off track; "
            f"{100 * line.base_rate:.0f} of 100 picked blindly."
        )


def reliability_chart(record: TrackRecord) -> Chart:
    """Said risk against what came, with the line on which both agree."""
    bins = [one for one in record.shapes.reliability if one.method == record.method]
    line = Line(
        METHODS[record.method],
        "ours",
        tuple(one.risk for one in bins),
        tuple(one.rate for one in bins),
    )
    return chart(
        "Does a risk mean what it says?",
        "Ten groups of students by the risk that was said, and how many of each went off track. "
        "On the dashed line both agree; above it the model was too hopeful, below too gloomy. "
        "Bars are 95 % intervals.",
        Scale("risk that was said", 0, 1, _TENTHS),
        Scale("went off track", 0, 1, _TENTHS),
        [line],
        guide=((0, 0), (1, 1)),
        guide_name="said and came agree",
    )


def capacity_chart(record: TrackRecord) -> Chart:
    """Precision of lists of several lengths."""
    rate = record.evaluation.result(record.method).base_rate
    shares = sorted({one.share for one in record.shapes.capacity})
    lines = []
    for name, look in _compared(record):
        mine = [one for one in record.shapes.capacity if one.method == name]
        lines.append(
            Line(
                METHODS[name],
                look,
                tuple(one.share for one in mine),
                tuple(one.precision for one in mine),
            )
        )
    most = max(shares, default=0.25)
    ticks = tuple((share, f"{share:.0%}") for share in shares)
    return chart(
        "How often is the list right?",
        "Of the students on a list of each school's highest risks, the share who went off track, "
        "by how long the list is. The dashed line is picking blindly. Bars are 95 % intervals.",
        Scale("length of the list, share of all students", 0, most * 1.05, ticks),
        Scale("of those named, went off track", 0, 1, _TENTHS),
        lines,
        guide=((0, rate), (most * 1.05, rate)),
        guide_name="picking blindly",
    )


def ahead_chart(record: TrackRecord) -> Chart:
    """How early the students who went off track had been named."""
    days = sorted({one.days for one in record.shapes.ahead})
    length = next((one.length for one in record.shapes.ahead), 0.0)
    lines = []
    for name, look in _compared(record):
        mine = [one for one in record.shapes.ahead if one.method == name]
        lines.append(
            Line(METHODS[name], look, tuple(one.days for one in mine),
                 tuple(one.share for one in mine))
        )  # fmt: skip
    return chart(
        "How early?",
        "Of the students who went off track, the share who had been named at least so many school "
        f"days before. Each method names {length:.0%} of the students of each school, as many as "
        "the network calls high. Bars are 95 % intervals.",
        Scale(
            "school days before the outcome",
            0,
            max(days, default=100) * 1.03,
            tuple((day, str(day)) for day in days),
        ),
        Scale("already named", 0, 1, _TENTHS),
        lines,
    )


def _compared(record: TrackRecord) -> list[tuple[str, str]]:
    """The methods of a chart with their looks: the best rules, the best trees, the network."""
    there = record.evaluation.methods
    trees = [name for name in BOOSTING if name in there][-1:]
    return [(record.gate.instead, "rules"), *((name, "trees") for name in trees),
            (record.method, "ours")]  # fmt: skip


def _populations(record: TrackRecord, columns: dict[str, str]) -> Iterator[Population]:
    titles = {
        EVERYONE: "Everyone",
        NEW_ONSET: "New onset: students without any warning sign on the as-of day",
    }
    found = [(title, record.evaluation, name) for name, title in titles.items()]
    if record.unseen is not None:
        found += [("Schools and students never seen", record.unseen, EVERYONE)]
    for title, evaluation, population in found:
        lines = [line for line in evaluation.results if line.population == population]
        shown = [line for line in lines if columns.keys() & line.metrics.keys()]
        if shown:
            yield Population(title, _who(shown[0]), tuple(_row(line, columns) for line in shown))


def _gains(record: TrackRecord) -> Iterator[Population]:
    """The network minus each other method, among everyone and among new onset."""
    ours = METHODS[record.method]
    for title, name in (("Everyone", EVERYONE), ("New onset", NEW_ONSET)):
        beside = record.evaluation.beside(record.method, name)
        rows = tuple(
            (METHODS.get(other, other), tuple(_signed(found.get(metric)) for metric in GAINS))
            for other, found in beside.items()
        )
        if rows:
            yield Population(f"{title}: {ours}, minus each other method", "", rows)


def _who(line: Result) -> str:
    return (
        f"{line.rows:,} judgements of {line.students:,} students, "
        f"{100 * line.base_rate:.1f} % went off track."
    )


def _row(line: Result, columns: dict[str, str]) -> tuple[str, tuple[Cell, ...]]:
    cells = tuple(_cell(line.metrics.get(name), name) for name in columns)
    return METHODS.get(line.method, line.method), cells


def _cell(found: Estimate | None, name: str = "") -> Cell:
    if found is None:
        return Cell("–")
    if name.startswith("lead_days"):
        return Cell(f"{found.value:.0f}", f"{found.low:.0f} to {found.high:.0f}")
    return Cell(f"{found.value:.3f}", f"{found.low:.3f} to {found.high:.3f}")


def _signed(found: Estimate | None) -> Cell:
    if found is None:
        return Cell("–")
    return Cell(f"{found.value:+.3f}", f"{found.low:+.3f} to {found.high:+.3f}")


def _hundred(found: Estimate) -> str:
    return f"{100 * found.value:.0f} ({100 * found.low:.0f} to {100 * found.high:.0f})"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"
