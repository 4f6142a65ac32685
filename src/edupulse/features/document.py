"""`docs/features.md`, made from the catalog: `python -m edupulse.features.document > FILE`."""

from __future__ import annotations

from edupulse.features.catalog import CATALOG_VERSION, FAMILIES, FEATURES, Feature
from edupulse.features.reference import HANDING_IN_DAYS, LOOKBACK

_HEAD = f"""\
# The 42 features

Made from `src/edupulse/features/catalog.toml` (catalog version {CATALOG_VERSION}) by
`python -m edupulse.features.document`; a test holds it up to date. How each definition is read
where it leaves room: `decisions/0005-features.md`.

One vector a student and instructional week. In the panel as of an instant, a week uses the
versions known at that instant of what happened up to the week's end (its Sunday), or up to the
instant in the last week. `E` are a student's observed days: the instructional days of the school
of the primary enrollment that the coverage of that kind of record holds, at schools that record
it. `a` is the fraction of a day missed. Windows (`d20`, `d45`, `d60`, `ytd`) count those days,
`w8` instructional weeks. A missing mark counts 0 after {HANDING_IN_DAYS} more days of school.
Nothing older than {LOOKBACK} calendar days is looked at. What is not observed is NaN with
`observed = false`, never 0, and every observed value lies within its bounds. `better` says which
values are good news: only those are named as a student's strengths.
"""


def document() -> str:
    """The catalog as Markdown, a table a family."""
    return "\n".join([_HEAD, *(_table(family) for family in FAMILIES)])


def _table(family: str) -> str:
    columns = FAMILIES[family]
    rows = [_row(at, FEATURES[at]) for at in range(columns.start, columns.stop)]
    head = [
        f"## {family.capitalize()} ({len(rows)})",
        "",
        "| # | name | unit | definition | bounds | better | not observed when |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows, ""])


def _row(at: int, feature: Feature) -> str:
    bounds = f"{feature.low:g} to {feature.high:g}"
    name, better = f"`{feature.name}`", feature.better
    cells = (str(at + 1), name, feature.unit, feature.doc, bounds, better, feature.missing)
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(document(), end="")
