"""What district is wanted: size, years, seed, and the knobs of its truth."""

from __future__ import annotations

from dataclasses import dataclass

from edupulse.school.errors import BadInput

SCHOOL_SIZE = 500


@dataclass(frozen=True)
class DistrictPlan:
    """A district in full: the same plan gives the same bytes.

    `signal` scales how strongly engagement moves attendance, work and conduct (0: not at all).
    `group_hardship` scales how closely the audited groups follow a home's hardship (0: not at all,
    so that no group differs from another in anything that a student does).
    `referral_bias` multiplies the recorded referrals of the students of `biased_groups` for
    the same conduct. `missingness` is the chance that a school's attendance system is down for days
    in a year, and that a school beyond the sixth leaves out a kind of entry. An intervention adds
    `intervention_effect` (in standard deviations of engagement) to a random
    `intervention_share` of the students from week `intervention_week` of the last year on.
    """

    students: int = 3000
    years: int = 3
    seed: int = 1
    schools: int | None = None
    first_year: int = 2023
    signal: float = 1.0
    group_hardship: float = 1.0
    referral_bias: float = 1.0
    biased_groups: tuple[str, ...] = ("black",)
    missingness: float = 0.2
    intervention_share: float = 0.0
    intervention_effect: float = 0.5
    intervention_week: int = 8
    truth_pairs: int = 1000
    rollouts: int = 200
    block: int = 2500

    def __post_init__(self) -> None:
        """Refuse a plan that no district could follow."""
        _within("students", self.students, 1, 10_000_000)
        _within("years", self.years, 1, 12)
        _within("schools", self.school_count, 1, 9_999)
        _within("first_year", self.first_year, 1990, 2100)
        _within("signal", self.signal, 0.0, 3.0)
        _within("group_hardship", self.group_hardship, 0.0, 3.0)
        _within("referral_bias", self.referral_bias, 0.0, 10.0)
        _within("missingness", self.missingness, 0.0, 1.0)
        _within("intervention_share", self.intervention_share, 0.0, 1.0)
        _within("intervention_effect", self.intervention_effect, -3.0, 3.0)
        _within("intervention_week", self.intervention_week, 1, 40)
        _within("truth_pairs", self.truth_pairs, 0, 1_000_000)
        _within("rollouts", self.rollouts, 1, 100_000)
        _within("block", self.block, 1, 1_000_000)

    @property
    def school_count(self) -> int:
        """The number of schools: as wished, else one for every 500 students."""
        wished = max(1, round(self.students / SCHOOL_SIZE))
        return wished if self.schools is None else self.schools


def _within(field: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise BadInput(
            f"{value} is not possible.", f"Give a value from {low} to {high}.", field=field
        )
