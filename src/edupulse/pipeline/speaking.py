"""Who speaks of students, the champion or the rules, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import Field

from edupulse.model.checkpoint import Checkpoint, read_checkpoint
from edupulse.model.checkpoint import folder as folder_of
from edupulse.panel.definition import OFF_TRACK, OutcomeDefinition
from edupulse.panel.horizon import horizon, known_calendar
from edupulse.panel.panel import Panel, panel_of
from edupulse.panel.windows import Times
from edupulse.risk.assessment import RULE_SETS, Assessor, by_rules
from edupulse.risk.risk import Risk, RulesResult
from edupulse.school.errors import NotReady
from edupulse.school.knowledge import Known
from edupulse.store.checkpoints import CheckpointSettings, checkpoints, decisions
from edupulse.store.checkpoints import checkpoint as checkpoint_called
from edupulse.store.risks import StoredRisk
from edupulse.store.store import Store

DEFAULT_RULES = "abc_rules"
RULES_POLICY = "rules"

SIMULATED_CAVEAT = "The model learned from simulated students alone: it knows no real ones."

Said = Risk | RulesResult


@dataclass(frozen=True)
class Line:
    """What is said of one student, and the number by which the list is ranked."""

    student: int
    said: Said
    rank: float


@dataclass(frozen=True)
class Rules:
    """The rules that speak where no checkpoint serves."""

    method: str
    because: str
    outcome: OutcomeDefinition = OFF_TRACK

    def say(
        self,
        panel: Panel,
        ids: Sequence[str],
        days: tuple[Times, Times],
        *,
        explained: bool,  # noqa: ARG002 – rules are their own explanation
        stretches: bool = False,  # noqa: ARG002
    ) -> Sequence[Said]:
        """The indicators that fired, and no score."""
        return by_rules(panel, self.method, ids, days)

    def ranks(self, panel: Panel, _said: Sequence[Said]) -> list[float]:
        """By indicators flagged, then absence rate, then lowest percent."""
        return [float(score) for score in RULE_SETS[self.method].score(panel.windows)]


@dataclass(frozen=True)
class Model:
    """The checkpoint that serves."""

    assessor: Assessor
    because: None = None

    @property
    def method(self) -> str:
        """The checkpoint's variant."""
        return self.assessor.method

    @property
    def outcome(self) -> OutcomeDefinition:
        """What it predicts."""
        return self.assessor.outcome

    def say(
        self,
        panel: Panel,
        ids: Sequence[str],
        days: tuple[Times, Times],
        *,
        explained: bool,
        stretches: bool = False,
    ) -> Sequence[Said]:
        """Risks; with factors and strengths where `explained`, and with `stretches` where asked."""
        rows = np.arange(len(panel)) if explained else ()
        return self.assessor.assess(panel, ids, days, rows, stretches=stretches)

    def ranks(self, _panel: Panel, said: Sequence[Said]) -> list[float]:
        """By risk; who has none comes last."""
        return [
            one.risk_score if isinstance(one, Risk) and one.risk_score is not None else -1.0
            for one in said
        ]


Voice = Rules | Model


class Serving(CheckpointSettings):
    """Where checkpoints lie, and `version` (MODEL_VERSION): the hash of the one that serves, or
    `latest`, the one that was promoted."""

    version: str = Field(default="latest", validation_alias="MODEL_VERSION")

    @property
    def pinned(self) -> str | None:
        """The hash, where one is named."""
        return None if self.version == "latest" else self.version

    def speaks(self, champion: str) -> str:
        """The hash of what speaks here beside this champion; empty where rules do."""
        return self.pinned or champion


def voice_of(
    store: Store, *, force_simulated: bool = False, serving: Serving | None = None
) -> Voice:
    """Who speaks: the champion, or the rules with the reason why.

    `serving` may pin another checkpoint, and say where checkpoints lie; one whose gate failed does
    not speak, whoever names it. Raises NotFound or BadInput
    where the folder is missing or damaged: then nobody speaks in its place unasked. Raises
    NotReady for a champion that learned from simulated students where the records are real; with
    `force_simulated` it speaks, and every risk says so.
    """
    folder = _serving_folder(store, serving or Serving())
    if folder is not None:
        return _voice_of(store, read_checkpoint(folder), force_simulated)
    with store.writing() as connection:
        every, decided = checkpoints(connection), decisions(connection)
    if not every:
        return Rules(DEFAULT_RULES, "No checkpoint was trained yet.")
    rules = str(every[0].decision.get("instead", DEFAULT_RULES))
    if decided and decided[0].action == "retired":
        return Rules(rules, f"The checkpoint that served was retired: {decided[0].because}")
    return Rules(rules, "The newest checkpoint did not pass the checklist gate.")


def _voice_of(store: Store, checkpoint: Checkpoint, force_simulated: bool) -> Voice:
    """The model, also where the environment names it, only if its gate lets it serve."""
    gate = checkpoint.manifest.gate
    if not gate.serves:
        failed = ", ".join(gate.failed)
        return Rules(gate.instead, f"The checkpoint that is named did not pass its gate: {failed}.")
    return Model(Assessor.of(checkpoint, caveats=_caveats(store, checkpoint, force_simulated)))


def folder_called(store: Store, hash_: str) -> Path:
    """Where a checkpoint lies: where the environment says, if it is there, else as the registry
    says. Raises NotFound for one that neither knows."""
    path = CheckpointSettings().path
    if path is not None and folder_of(path, hash_).is_dir():
        return folder_of(path, hash_)
    with store.writing() as connection:
        return Path(checkpoint_called(connection, hash_).folder)


def require(store: Store, serving: Serving) -> None:
    """Raises NotFound or BadInput where a checkpoint is named that is not there, or not whole."""
    folder = None if serving.pinned is None else _serving_folder(store, serving)
    if folder is not None:
        read_checkpoint(folder)


def _serving_folder(store: Store, serving: Serving) -> Path | None:
    """Where the checkpoint lies that serves; None where the rules do."""
    if serving.pinned is not None and serving.path is not None:
        return folder_of(serving.path, serving.pinned)
    if serving.pinned is not None:
        with store.writing() as connection:
            return Path(checkpoint_called(connection, serving.pinned).folder)
    champion = store.champion()
    if champion is None:
        return None
    return Path(champion.folder) if serving.path is None else folder_of(serving.path, champion.hash)


def _caveats(store: Store, checkpoint: Checkpoint, force_simulated: bool) -> tuple[str, ...]:
    learned_from_real = checkpoint.manifest.provenance.trained_on == "real"
    if learned_from_real or store.simulated():
        return ()
    if not force_simulated:
        raise NotReady(
            "The checkpoint that serves learned from simulated students; these records are real.",
            "Train one on these records, or let the rules serve (`edupulse models retire`); "
            "to see its scores all the same, each marked, add --force-simulated.",
        )
    return (SIMULATED_CAVEAT,)


def lines_of(
    known: Known, voice: Voice, ids: Mapping[int, str], *, explained: bool
) -> Iterator[Line]:
    """What is said of each student of a `Known`, in order; `ids` are the UUIDs by key."""
    panel = panel_of(known)
    said = voice.say(
        panel,
        [ids[key] for key in known.students.tolist()],
        horizon_days(known, panel, voice.outcome),
        explained=explained,
    )
    ranks = voice.ranks(panel, said)
    for student, one, rank in zip(known.students.tolist(), said, ranks, strict=True):
        yield Line(student, one, rank)


def horizon_days(known: Known, panel: Panel, outcome: OutcomeDefinition) -> tuple[Times, Times]:
    """First and last day of each row's horizon; NaT where the year holds none."""
    windows = panel.windows
    span = horizon(known, windows.school, windows.as_of, outcome, known_calendar(known))
    none = np.datetime64("NaT", "D")
    first, last = (np.where(span.exists, d.astype("datetime64[D]"), none) for d in
                   (span.first, span.last))  # fmt: skip
    return first, last


def to_store(line: Line) -> StoredRisk:
    """What is kept of a line."""
    said = line.said
    if isinstance(said, RulesResult):
        state = "rules_only" if said.state == "scored" else said.state
        body = {**said.to_json(), "rank": line.rank}
        return StoredRisk(line.student, said.as_of, said.method, RULES_POLICY, state, body=body)
    return StoredRisk(
        line.student,
        said.as_of,
        said.method,
        said.policy_version,
        "band" if said.state == "scored" else said.state,
        said.model_version,
        said.risk_score,
        said.interval,
        said.to_json(),
    )
