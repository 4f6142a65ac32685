"""What may be told of groups: nothing of a few students, and nothing that gives them away."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edupulse.casework.track_record import judgement
from edupulse.model.bootstrap import Estimate
from edupulse.model.evaluation import AT_SCHOOL, EVERYONE, Evaluation, Result
from edupulse.model.fairness.report import Fairness
from edupulse.model.fairness.subgroups import Margins, Subgroup

FIGURE = {"base_rate": Estimate(0.2, 0.1, 0.3)}


def evaluation(schools: dict[str, int], groups: dict[tuple[str, str], int]) -> Evaluation:
    results = [
        Result("ours", population, students, students, 0.2, FIGURE)
        for population, students in {
            EVERYONE: sum(schools.values()),
            **{AT_SCHOOL + name: students for name, students in schools.items()},
        }.items()
    ]
    subgroups = tuple(
        Subgroup(grouping, group, n, n, FIGURE) for (grouping, group), n in groups.items()
    )
    fairness = Fairness("ours", 0.3, Margins(), subgroups, (), (), ())
    return Evaluation(tuple(results), (), 10, 0, {}, fairness)


def test_a_small_group_is_hidden_and_the_one_that_would_give_it_away() -> None:
    found = judgement(evaluation({"A": 100, "B": 50, "C": 9}, {("sex", "f"): 80, ("sex", "m"): 79}))
    assert [school for school, _ in found.schools] == ["A"]
    assert [one.group for one in found.groups] == ["m", "f"]
    assert found.hidden == 2


def test_small_groups_that_are_many_together_hide_each_other() -> None:
    found = judgement(evaluation({"A": 100, "B": 50, "C": 9, "D": 9}, {}))
    assert [school for school, _ in found.schools] == ["B", "A"]


SIZES = st.dictionaries(st.sampled_from("ABCDEF"), st.integers(1, 40), min_size=1)


@given(SIZES)
def test_no_group_of_a_few_students_can_be_worked_out_from_the_rest(sizes) -> None:
    found = judgement(evaluation(sizes, {}))
    shown = {school for school, _ in found.schools}
    assert all(sizes[school] >= 10 for school in shown)
    rest = sum(students for school, students in sizes.items() if school not in shown)
    assert rest == 0 or rest >= 10 or not shown
