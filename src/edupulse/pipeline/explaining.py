"""One student's page: the facts, then what the model or the rules say of them, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from edupulse.panel.panel import Panel, panel_of
from edupulse.pipeline.speaking import DEFAULT_RULES, Model, Said, Voice, horizon_days, voice_of
from edupulse.risk.assessment import by_rules
from edupulse.risk.explanation import typical
from edupulse.risk.facts import facts_of
from edupulse.risk.risk import Fact, RulesResult
from edupulse.risk.wording import no_score_in_words
from edupulse.school.errors import NotFound
from edupulse.store.store import Store


@dataclass(frozen=True)
class Account:
    """What is on record of one student, and what is said of it.

    `no_score` says why there is none, where there is none: the state, or that no checkpoint serves.
    Then `rules` are the indicators of a rule set, named as such.
    """

    student: int
    facts: tuple[Fact, ...]
    said: Said
    no_score: str | None
    rules: RulesResult | None


def explain_student(
    store: Store, name: str, as_of: datetime, *, voice: Voice | None = None
) -> Account:
    """The account of the student of that `student_id` or district's number; nothing is stored.

    Raises NotFound for a student who is not there, or was not enrolled as of the instant.
    """
    student = store.resolve_student(name)
    speaking = voice or voice_of(store)
    known = store.known([student], as_of)
    panel = panel_of(known)
    _require_enrolled(panel, as_of)
    ids = [str(id_) for id_ in store.student_ids([student]).values()]
    days = horizon_days(known, panel, speaking.outcome)
    (said,) = speaking.say(panel, ids, days, explained=True, stretches=True)
    no_score = no_score_in_words(said.state, int(panel.enrolled_days[0]), int(panel.days_left[0]))
    rules = said if isinstance(said, RulesResult) else None
    if no_score is not None and rules is None:
        (rules,) = by_rules(panel, DEFAULT_RULES, ids, days)
    return Account(student, _facts(panel, speaking), said, no_score or speaking.because, rules)


def _facts(panel: Panel, voice: Voice) -> tuple[Fact, ...]:
    peers = voice.assessor.peers if isinstance(voice, Model) else None
    reference = None if peers is None else typical(panel.windows, peers)
    return facts_of(panel.windows, reference, 0)


def _require_enrolled(panel: Panel, as_of: datetime) -> None:
    if panel.windows.school[0] < 0:
        raise NotFound(
            f"As known at {as_of:%Y-%m-%d %H:%M} UTC, the student was not enrolled on that day.",
            "Name a day of the student's enrollment with --as-of 2026-03-16.",
        )
