"""What takes part in an evaluation."""

from __future__ import annotations

from typing import Protocol

from edupulse.model.curves import Array
from edupulse.model.rows import OutcomeRows, WindowRows


class Contender(Protocol):
    """A method that ranks students by need; the higher the score, the greater the need.

    `logit` says that the score is a log odds, which can be calibrated to a risk; a rule's is not.
    """

    @property
    def name(self) -> str: ...
    @property
    def logit(self) -> bool: ...
    def fit(self, windows: WindowRows, outcomes: OutcomeRows) -> None:
        """Learn from the rows with a known outcome."""

    def score(self, windows: WindowRows) -> Array:
        """One score a row."""
