"""The 42 features, each declared once in `catalog.toml`: definition, bounds, missing rule, words.

Their order is the order of every panel and of every checkpoint. `docs/features.md`, the API's
descriptions and the portal's texts are made from these declarations.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

CATALOG_VERSION = "1"
"""Goes up with every change of a definition, the order or the number of features (law 8)."""

ATTENDANCE, GRADES, DISCIPLINE = "attendance", "grades", "discipline"


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of a student's instructional week.

    `low` and `high` bound every observed value. `better` says which values are good news about a
    student, where that is beyond dispute. `missing` says when it is not observed. `fact` is the
    raw fact in words, a format template of `value`.
    """

    name: str
    unit: str
    family: str
    doc: str
    low: float
    high: float
    better: Literal["higher", "lower", "neither"]
    missing: str
    fact: str

    def in_words(self, value: float) -> str:
        """The raw fact behind an observed value, for people."""
        return self.fact.format(value=value)

    def is_better(self, value: float, than: float) -> bool:
        """Whether a value is better news than another; never where that can be disputed."""
        return (value > than and self.better == "higher") or (
            value < than and self.better == "lower"
        )


def _declared() -> tuple[Feature, ...]:
    text = files(__package__).joinpath("catalog.toml").read_text(encoding="utf-8")
    features = []
    for row in tomllib.loads(text)["feature"]:
        low, high = row.pop("bounds")
        features.append(Feature(**row, low=float(low), high=float(high)))
    return tuple(features)


def _columns_of(family: str) -> slice:
    columns = [at for at, feature in enumerate(FEATURES) if feature.family == family]
    return slice(columns[0], columns[-1] + 1)


FEATURES: tuple[Feature, ...] = _declared()
NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
INDEX: Mapping[str, int] = MappingProxyType({name: at for at, name in enumerate(NAMES)})
FAMILIES: Mapping[str, slice] = MappingProxyType(
    {family: _columns_of(family) for family in (ATTENDANCE, GRADES, DISCIPLINE)}
)
"""Which columns of `values[..., 42]` belong to each family."""
