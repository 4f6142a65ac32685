from __future__ import annotations

import json

import pytest

from edupulse.panel.definition import FAILS_OR_WITHDRAWS, OFF_TRACK, OutcomeDefinition
from edupulse.school.errors import BadInput


@pytest.mark.parametrize("definition", [OFF_TRACK, FAILS_OR_WITHDRAWS])
def test_a_definition_comes_back_from_json(definition):
    plain = json.loads(json.dumps(definition.to_json()))
    assert OutcomeDefinition.from_json(plain) == definition


def test_a_definition_of_another_version_is_refused():
    with pytest.raises(BadInput):
        OutcomeDefinition.from_json({**OFF_TRACK.to_json(), "colour": "red"})


def test_an_unknown_part_is_refused():
    with pytest.raises(BadInput, match="withdrawal"):
        OutcomeDefinition("x", "1", parts=("suspension",))
