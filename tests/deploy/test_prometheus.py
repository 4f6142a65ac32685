"""The rules for Prometheus: they fire as they say, on metrics that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY

from edupulse.api import metrics

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
SUFFIXES = re.compile(r"_(total|bucket|sum|count)$")


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not here (Debian: apt-get install prometheus)")
    return found


@pytest.mark.parametrize(
    "words", [("check", "config", "prometheus.yml"), ("test", "rules", "rules_test.yml")]
)
def test_promtool_finds_nothing_wrong(promtool: str, words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [promtool, *words], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def rules() -> list[dict]:
    groups = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_each_metric_of_a_rule_is_one_that_the_service_has() -> None:
    used = {SUFFIXES.sub("", name) for rule in rules() for name in
            re.findall(r"\bedupulse_\w+", rule["expr"])}  # fmt: skip
    counted = {family.name for family in REGISTRY.collect()}
    assert used <= counted | set(metrics.TOLD) | {"edupulse_up"}


def test_each_alert_says_what_to_do_and_is_tested() -> None:
    tested = (FOLDER / "rules_test.yml").read_text()
    for rule in rules():
        assert set(rule["annotations"]) == {"summary", "to_do"}
        assert f"alertname: {rule['alert']}" in tested
