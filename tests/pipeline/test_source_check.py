"""`edupulse sources check`: what it says of a source, and that it writes nothing."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edupulse.cli import app
from edupulse.features.catalog import NAMES
from edupulse.pipeline.source_check import SourceCheck, check_source
from edupulse.sources.csv_folder import csv_folder
from edupulse.sources.mapping import EVERY, DistrictMapping, SchoolDays
from edupulse.sources.oneroster.delivery import oneroster_csv
from pipeline.small_folder import small, write_folder
from sources.oneroster import tables
from sources.oneroster.server import CREDENTIALS, Provider, serving


def of_csv(folder: Path, **changes: str) -> SourceCheck:
    return check_source(csv_folder(write_folder(folder, small(**changes))))


def test_counts_are_those_of_the_files(tmp_path: Path) -> None:
    found = of_csv(tmp_path)
    kinds = {kind.kind: (kind.read, kind.good, kind.rejected) for kind in found.kinds}
    for name, text in small().items():
        rows = len(text.strip().splitlines()) - 1
        assert kinds[name] == (rows, rows, 0)
    assert found.is_clean


def test_a_bad_row_is_named_and_a_stranger_counted(tmp_path: Path) -> None:
    attendance = small()["attendance"] + "\n1,not a day,excused\n999,2025-09-16,excused"
    found = of_csv(tmp_path, attendance=attendance)
    [bad] = found.rejected_for
    assert (bad.file, bad.field, bad.rows, bad.lines) == ("attendance.csv", "date", 1, (6,))
    assert str(bad).startswith("1 x attendance.csv, date: ")
    assert str(bad).endswith("(line 6)")
    assert found.strangers == {("attendance", "student"): 1}
    assert not found.is_clean


def test_of_many_bad_rows_the_first_lines_are_told(tmp_path: Path) -> None:
    attendance = small()["attendance"] + "\n1,not a day,excused" * 7
    [bad] = of_csv(tmp_path, attendance=attendance).rejected_for
    assert str(bad).endswith("(line 6, 7, 8, 9, 10, …)")


def test_a_roster_alone_says_what_each_feature_waits_for(tmp_path: Path) -> None:
    week = SchoolDays(("*",), date(2025, 8, 18), date(2025, 9, 14), ("mon",), frozenset())
    mapping = DistrictMapping(
        schools={EVERY: {"records_gradebook": "true"}},
        calendar=(week,),
        tables={"oneroster": {"categories": {"Homework": "practice"}}},
    )
    found = check_source(tables.delivery_of(tmp_path, tables.small(), mapping))
    assert set(NAMES) - set(found.lacking) == {
        *("gpa_ytd", "gpa_term", "gpa_change_prev", "percent_slope_w8", "percent_volatility_w8"),
        *("max_drop_d20", "lowest_percent", "ela_percent", "math_percent", "core_percent"),
        *("core_elective_gap", "core_spread", "failing_share", "missing_work_rate_d20"),
    }
    assert found.lacking["assessment_practice_gap_d45"] == ("categories",)
    assert found.lacking["tardy_rate_d20"] == ("attendance", "records_tardies")
    [school] = found.schools
    assert (school.students, school.days, school.says) == (2, 4, ["gradebook"])
    assert (school.rows["marks"], school.seen["marks"]) == (2, 2)
    assert school.span["marks"] == (date(2025, 9, 5), date(2025, 9, 5))


def test_unmapped_words_are_counted_with_a_mapping_to_fill_in(tmp_path: Path) -> None:
    rows = tables.small()
    rows["categories"][0]["title"] = "Hausaufgabe"
    found = check_source(tables.delivery_of(tmp_path, rows))
    assert found.unmapped == {("categories", "Hausaufgabe"): 1}
    assert tomllib.loads(found.suggestions) == {"oneroster": {"categories": {"Hausaufgabe": ""}}}


@pytest.mark.parametrize("name", ["v1p0-grandbend", "v1p1-grandbend", "v1p1-nicelion"])
def test_the_third_partys_sets_are_checked_without_an_error(interop_data: Path, name: str) -> None:
    found = check_source(oneroster_csv(interop_data / "oneroster" / name))
    assert len(found.lacking) == len(NAMES)


def test_the_command_prints_the_page_and_writes_nothing_but_the_suggestion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("EDUPULSE_HOME", str(home))
    rows = tables.small()
    rows["categories"][0]["title"] = "Hausaufgabe"
    folder = tables.write_set(tmp_path / "set", rows)
    suggested = tmp_path / "suggested.toml"
    args = ["sources", "check", str(folder), "--from", "oneroster", "--suggest", str(suggested)]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, done.output
    for said in ("What would come in", "High School", "features lack nothing", "Hausaufgabe"):
        assert said in done.output
    assert not home.exists()
    assert "Hausaufgabe" in tomllib.loads(suggested.read_text())["oneroster"]["categories"]


def test_a_service_is_checked_as_a_folder_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDUPULSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EDUPULSE_SOURCE_KEY", CREDENTIALS.key)
    monkeypatch.setenv("EDUPULSE_SOURCE_SECRET", CREDENTIALS.secret)
    provider = Provider.of(tables.small())
    with serving(provider) as address:
        args = ["sources", "check", f"{address}{provider.base}", "--from", "oneroster"]
        signed = CliRunner().invoke(app, args)
        monkeypatch.setenv("EDUPULSE_SOURCE_TOKEN_URL", f"{address}token")
        by_token = CliRunner().invoke(app, args)
    assert signed.exit_code == by_token.exit_code == 0, signed.output
    assert "High School" in signed.output
    assert provider.tokens
    assert signed.output == by_token.output
    assert CREDENTIALS.secret not in signed.output
