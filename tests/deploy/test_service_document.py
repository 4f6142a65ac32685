"""docs/service.md names every setting with its default, and every metric."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from deploy.settings_classes import settings_classes
from edupulse.api import metrics
from edupulse.serve.settings import ServeSettings

DOCUMENT = (Path(__file__).parents[2] / "docs" / "service.md").read_text()
ROWS = re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", DOCUMENT, re.M)


def test_every_setting_is_documented() -> None:
    every = [field for one in settings_classes() for field in one.model_fields.values()]
    assert every
    named = {name for names, _ in ROWS for name in re.findall(r"`(\w+)`", names)}
    assert {str(field.validation_alias) for field in every} <= named


def test_an_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = list(settings_classes())
    names = {str(field.validation_alias) for one in ours for field in one.model_fields.values()}
    for name in names:
        monkeypatch.delenv(name, raising=False)
    absent = [one() for one in ours]
    for name in names:
        monkeypatch.setenv(name, "")
    assert [one() for one in ours] == absent


def test_the_defaults_of_the_service_are_those_of_the_document() -> None:
    told = {}
    for names, defaults in ROWS:
        found = re.findall(r"`(EDUPULSE_\w+)`", names)
        values = [defaults] if len(found) == 1 else defaults.split(", ")
        told |= dict(zip(found, values, strict=False))
    for field in ServeSettings.model_fields.values():
        default = field.default
        text = f"{default:g}" if isinstance(default, float) else str(default)
        assert told[str(field.validation_alias)] == text


def test_every_metric_is_documented() -> None:
    counted = {one.name for one in REGISTRY.collect() if one.name.startswith("edupulse_")}
    for name in counted | set(metrics.TOLD) | {"edupulse_up"}:
        assert name in DOCUMENT
