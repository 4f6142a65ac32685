"""The page and the tables: the same figures, self-contained, escaped, and readable."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO

import pytest
from rich.console import Console

from cli.test_fairness_table import sample_fairness
from edupulse.cli.charts import Line, Scale, chart
from edupulse.cli.evaluation_table import evaluation_tables
from edupulse.cli.track_record_page import METHODS, brief, page
from edupulse.cli.track_record_table import beyond_tables, canary_lines
from edupulse.model.bootstrap import Estimate
from edupulse.model.track_record import TrackRecord
from edupulse.panel.definition import FAILS_OR_WITHDRAWS
from model.sample_record import sample_record


@pytest.fixture(scope="module")
def record() -> TrackRecord:
    return sample_record("<script>alert('North & South')</script>")


@pytest.fixture(scope="module")
def html(record: TrackRecord) -> str:
    return page(record)


class Balanced(HTMLParser):
    """Every tag that opens is closed in its order."""

    VOID = ("meta", "line", "circle", "rect", "path", "polyline", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_well_formed_and_has_its_parts(html):
    parser = Balanced()
    parser.feed(html)
    assert parser.open == []
    assert parser.seen.count("figure") == 3
    assert parser.seen.count("h1") == 1


def test_the_page_asks_no_other_host_and_runs_nothing(html):
    assert not re.search(r"(src|href|url)\s*[=(]", html)
    assert "http" not in html.replace("http-equiv", "")
    assert "<script" not in html
    assert len(html) < 200_000


def test_what_comes_from_records_is_escaped(html):
    assert "&lt;script&gt;alert(&#39;North &amp; South&#39;)" in html


def test_every_method_and_its_figures_are_on_the_page(record, html):
    for line in record.evaluation.results:
        assert METHODS[line.method] in html
        assert f"{line.metrics['auroc'].value:.3f}" in html
    assert "simulated students" in html


def test_the_gain_over_every_other_method_is_paired_on_the_page_and_in_the_terminal(record, html):
    console = Console(width=160, record=True, file=StringIO())
    console.print(beyond_tables(record))
    said = console.export_text()
    for other in ("abc_rules", "boosting_20_weeks"):
        for population in ("everyone", "new_onset"):
            gain = record.evaluation.difference(record.method, other, "auroc", population)
            assert f"{gain.low:+.3f} to {gain.high:+.3f}" in html
            assert f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})" in said


def test_fairness_is_whole_on_the_page(record):
    judged = replace(record.evaluation, fairness=sample_fairness())
    html = page(replace(record, evaluation=judged))
    assert "2 groups, 2 gaps judged, 1 found, 1 unknown" in html
    assert "letter: a × 1: missed higher" in html
    assert "+0.050<small>+0.010 to +0.090" in html
    assert "0.912<small>0.880 to 0.940" in html
    parser = Balanced()
    parser.feed(html)
    assert parser.open == []


def test_a_real_district_gets_no_warning_of_a_simulation(record):
    assert "simulated students" not in page(replace(record, trained_on="real"))


def test_what_was_not_asked_is_said(record, html):
    assert "Could not be asked: the records changed since the training" in html
    without = page(replace(record, unseen=None, unseen_because="it was not asked for"))
    assert "Schools never seen were left out: it was not asked for" in without


def test_the_brief_says_what_the_figures_say(record):
    first = next(iter(brief(record)))
    metrics = record.evaluation.result(record.method).metrics["precision_10"]
    assert (
        f"{100 * metrics.value:.0f} ({100 * metrics.low:.0f} to {100 * metrics.high:.0f})" in first
    )


def test_the_page_says_what_off_track_means(record, html):
    assert "in school days 6 to 65 after" in html
    assert "absent 10 % of the days or more, a failed core course, leaving school." in html
    other = page(replace(record, outcome=FAILS_OR_WITHDRAWS.to_json()))
    assert "1 to the end of the school year after" in other
    assert "a failed course, leaving school." in other


def test_the_terminal_shows_the_same_figures(record):
    console = Console(width=160, record=True, file=StringIO())
    console.print(canary_lines(record))
    console.print(evaluation_tables(record.evaluation))
    console.print(beyond_tables(record))
    said = console.export_text()
    for line in record.evaluation.results:
        assert f"{line.metrics['precision_10'].value:.3f}" in said
    assert "not asked  scaler" in said
    assert "<script>" in said  # a terminal runs nothing


def test_a_chart_puts_its_points_where_they_belong():
    tenth = tuple((n / 10, str(n)) for n in range(11))
    line = Line("one", "ours", (0.0, 1.0), (Estimate(0.0, 0.0, 0.5), Estimate(1.0, 0.5, 1.0)))
    made = chart("t", "told", Scale("x", 0, 1, tenth), Scale("y", 0, 1, tenth), [line])
    [drawn] = made.lines
    first, last = drawn.places
    assert (first.x, first.y) == (made.left, made.bottom)
    assert (last.x, last.y) == (made.right, made.top)
    assert made.top < first.high < first.low == made.bottom
