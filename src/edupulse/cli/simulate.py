"""`edupulse simulate`: a causal district with known truth, as a folder of files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from edupulse.cli.console import out, progress
from edupulse.simulator import DistrictPlan, Summary
from edupulse.simulator import simulate as write_district


class Form(StrEnum):
    """In whose words the records are written."""

    CSV = "csv"
    EDFI = "edfi"
    ONEROSTER = "oneroster"


class Compression(StrEnum):
    """How the CSV files are packed."""

    NONE = "none"
    ZST = "zst"


def simulate(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder for the files.")],
    students: Annotated[int, typer.Option(help="Students enrolled at a time.")] = 3000,
    years: Annotated[int, typer.Option(help="School years.")] = 3,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    schools: Annotated[
        int | None, typer.Option(help="Schools; default one for every 500 students.")
    ] = None,
    start_year: Annotated[int, typer.Option(help="The year in which the story begins.")] = 2023,
    signal: Annotated[
        float, typer.Option(help="How strongly engagement moves what schools see; 0: not at all.")
    ] = 1.0,
    group_hardship: Annotated[
        float, typer.Option(help="How closely groups follow hardship; 0: all behave alike.")
    ] = 1.0,
    referral_bias: Annotated[
        float, typer.Option(help="Recorded referrals of the biased groups for the same conduct.")
    ] = 1.0,
    biased_group: Annotated[
        list[str] | None, typer.Option(help="A race or ethnicity that the bias is for (repeat).")
    ] = None,
    missingness: Annotated[
        float, typer.Option(help="Chance of a system outage a school and year, and more (0 to 1).")
    ] = 0.2,
    intervention_share: Annotated[
        float, typer.Option(help="Share of students who get an intervention in the last year.")
    ] = 0.0,
    intervention_effect: Annotated[
        float, typer.Option(help="What it adds to their engagement, in standard deviations.")
    ] = 0.5,
    intervention_week: Annotated[
        int, typer.Option(help="The week of the last year in which it begins.")
    ] = 8,
    truth_pairs: Annotated[
        int, typer.Option(help="About how many (student, day) pairs get a true probability.")
    ] = 1000,
    rollouts: Annotated[int, typer.Option(help="Futures drawn for each pair.")] = 200,
    form: Annotated[
        Form,
        typer.Option(
            "--format", help="Our CSV folder, or what Ed-Fi or OneRoster can say of the same."
        ),
    ] = Form.CSV,
    compress: Annotated[Compression, typer.Option(help="Pack the files.")] = Compression.NONE,
) -> None:
    """Write a simulated district to a new folder, and beside it its truth (never imported)."""
    plan = DistrictPlan(
        students=students,
        years=years,
        seed=seed,
        schools=schools,
        first_year=start_year,
        signal=signal,
        group_hardship=group_hardship,
        referral_bias=referral_bias,
        biased_groups=tuple(biased_group or ("black",)),
        missingness=missingness,
        intervention_share=intervention_share,
        intervention_effect=intervention_effect,
        intervention_week=intervention_week,
        truth_pairs=truth_pairs,
        rollouts=rollouts,
    )
    with progress() as told:
        summary = write_district(
            plan,
            folder,
            compress=compress,
            form=form,
            progress=lambda part: told("Simulating", part),
        )
    _show(summary, form)


def _show(summary: Summary, form: Form) -> None:
    table = Table(title=f"A district of {summary.students:,} students over all years")
    table.add_column("file")
    table.add_column("rows", justify="right")
    for name, rows in summary.rows.items():
        table.add_row(name, f"{rows:,}")
    table.add_row("truth/probabilities", f"{summary.pairs:,}")
    out.print(table)
    folder = escape(str(summary.folder))
    how = "" if form is Form.CSV else f" --from {form} --mapping {folder}/mapping.toml"
    out.print(f"In {folder}. Next: edupulse import {folder}{how}")
