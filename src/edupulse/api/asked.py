"""A question about a student, its answer, and when an answer that was kept may be given again.

*When an answer that was kept may be given* (decision 34): it was computed at an instant not after
that of the asking, no day has ended at any school since, nothing that was stored then became known
since, what it speaks by serves here, and the versions of the student, of the reference and of the
registry are those that it rests on. Then to compute it now would give the same; its `as_of` is the
instant at which it was computed. An answer about a past instant holds while the versions do.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from edupulse.api.said import said_of
from edupulse.casework.disclosures import Asking
from edupulse.school.errors import NotFound
from edupulse.store.answers import key_of
from edupulse.store.risks import StoredRisk
from edupulse.store.standing import Basis, Prediction


@dataclass(frozen=True, slots=True)
class Ask:
    """One question: about whom, as of when (None: the instant of the asking), with factors?"""

    asking: Asking
    student_id: UUID
    as_of: datetime | None = None
    explained: bool = False

    @property
    def key(self) -> str:
        """Under which its answer lies in the cache."""
        return key_of(self.student_id, self.as_of, explained=self.explained)


@dataclass(frozen=True)
class Answer:
    """An answer as it is kept and given: `told` is the JSON of a `Said`.

    `student` is the key of the student whose UUID is `student_id`.
    """

    id: UUID
    student: int
    student_id: UUID
    as_of: datetime
    method: str
    checkpoint: str
    policy: str
    basis: Basis
    stands_until: datetime
    told: bytes

    @classmethod
    def of(cls, prediction: Prediction, id_: UUID, student_id: UUID, *, explained: bool) -> Answer:
        """What is stored under that id; reasons are told only to who asked for them."""
        risk = prediction.risk if explained else _bare(prediction.risk)
        said = said_of(risk, id_, student_id, explained=explained)
        told = said.model_dump_json(by_alias=True, exclude_none=True).encode()
        return cls(id_, risk.student, student_id, risk.as_of, risk.method, risk.checkpoint,
                   risk.policy, prediction.basis, prediction.stands_until, told)  # fmt: skip

    def holds(self, ask: Ask, basis: Basis, checkpoint: str) -> bool:
        """May it be given for this question, now that these are the versions and what serves?"""
        return self.basis == basis and self.answers(ask, checkpoint)

    def answers(self, ask: Ask, checkpoint: str | None) -> bool:
        """Would it answer this question by what serves, if its basis were the same still?"""
        if self.checkpoint != checkpoint:
            return False
        if ask.as_of is not None:
            return self.as_of == ask.as_of
        return self.as_of <= ask.asking.at < self.stands_until

    def to_bytes(self) -> bytes:
        """For the cache."""
        basis = [self.basis.student, self.basis.reference, self.basis.registry]
        head = [str(self.id), self.student, str(self.student_id), self.as_of.isoformat(),
                self.method, self.checkpoint, self.policy, basis,
                self.stands_until.isoformat()]  # fmt: skip
        return json.dumps(head).encode() + b"\n" + self.told

    @classmethod
    def from_bytes(cls, kept: bytes) -> Answer:
        """What `to_bytes` gave."""
        head, _, told = kept.partition(b"\n")
        id_, student, student_id, as_of, method, checkpoint, policy, basis, until = json.loads(head)
        return cls(UUID(id_), student, UUID(student_id), datetime.fromisoformat(as_of), method,
                   checkpoint, policy, Basis(*basis), datetime.fromisoformat(until),
                   told)  # fmt: skip


REASONS = ("factors", "strengths")
"""In the body of a stored risk: what moved the score."""


def _bare(risk: StoredRisk) -> StoredRisk:
    return replace(
        risk, body={name: part for name, part in risk.body.items() if name not in REASONS}
    )


Outcome = Answer | NotFound
"""Of each question: an answer, or that there is no such student (for this viewer)."""
