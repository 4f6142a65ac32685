"""Law 12 on trained networks whose truth is known: an explanation that fails here is not shown."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

from edupulse.features.catalog import FAMILIES
from edupulse.model.networks.risk_network import Ensemble, RiskNetwork
from edupulse.model.peers import fit_peers
from edupulse.model.scaling import Scaler
from edupulse.panel.windows import Windows
from edupulse.risk.explanation import Explanation, Reference, explain, typical
from edupulse.risk.views import by_family_and_stretch
from risk.planted_networks import CONFIG, SIZES, Planted, planted, planted_lately, scorer_of

pytestmark = pytest.mark.slow

SEEDS = (0, 1, 2)
TWELVE = {
    "families in four stretches of weeks": by_family_and_stretch(
        (slice(0, 5), slice(5, 10), slice(10, 15), slice(15, 20))
    ),
    "twelve groups of features": np.broadcast_to(np.arange(42) % 12, (20, 42)),
}
DELETED = 5


def explained(case: Planted, seed: int = 0) -> Explanation:
    return explain(case.scorer, case.windows, case.reference, seed=seed)


@pytest.fixture(params=SEEDS, scope="module")
def case(request: pytest.FixtureRequest) -> Planted:
    return planted(request.param)


@pytest.fixture(scope="module")
def found(case: Planted) -> Explanation:
    return explained(case)


@pytest.mark.parametrize("view", TWELVE.values(), ids=TWELVE)
def test_twelve_groups_agree_with_exact_shapley_values_within_the_standard_error(case, view):
    windows, reference = case.windows.take(range(4)), _rows(case.reference, slice(0, 4))
    exact = explain(case.scorer, windows, reference, view, evaluations=2**12)
    assert not exact.stderr.any()
    inside, error, stated = [], [], []
    for seed in range(6):
        sampled = explain(case.scorer, windows, reference, view, seed=seed)
        away = np.abs(sampled.contribution - exact.contribution)
        inside.append(away <= 1.96 * sampled.stderr)
        error.append(away**2)
        stated.append(sampled.stderr**2)
    assert 0.9 <= np.mean(inside) <= 0.99
    assert 0.7 < np.sqrt(np.mean(error) / np.mean(stated)) < 1.3


def test_what_was_planted_is_among_the_five_nine_times_in_ten(case, found):
    named = [set(found.strongest(row).tolist()) for row in range(len(case.windows))]
    assert np.mean([len(names & set(case.signal)) / 3 for names in named]) >= 0.9


def test_attention_over_weeks_would_not_find_what_was_planted(case):
    """So that the gate above is one: what sank others does not pass it."""
    first = np.argsort(-_attended(case), axis=1)[:, :5]
    assert np.mean([len({*names} & {*case.signal}) / 3 for names in first.tolist()]) < 0.6


def test_what_was_planted_moved_the_score_the_way_it_was_planted(case, found):
    moved = found.contribution[:, list(case.signal)]
    assert np.mean(np.sign(moved) == np.sign(case.push)) >= 0.9


@pytest.mark.parametrize("seed", SEEDS)
def test_when_is_found_too(seed):
    case = planted_lately(seed)
    found = explain(case.scorer, case.windows, case.reference, by_family_and_stretch())
    grades_lately = 3 * list(FAMILIES).index("grades") + 2
    first = [found.strongest(row, 1).tolist() for row in range(len(case.windows))]
    assert np.mean([one == [grades_lately] for one in first]) >= 0.9


def test_deleting_what_raised_the_score_lowers_it_more_than_random_or_attended_features(
    case, found
):
    named = _falls(case, np.argsort(-found.contribution, axis=1))
    draw = np.random.default_rng(0)
    rows = len(case.windows)
    random = np.mean([_falls(case, draw.random((rows, 42)).argsort(1)) for _ in range(10)], axis=0)
    attended = _falls(case, np.argsort(-_attended(case), axis=1))
    for other in (random, attended):
        ahead = named - other
        assert ahead.mean() > 3 * ahead.std() / np.sqrt(rows)
        assert (ahead > 0).mean() >= 0.9


def test_a_network_of_random_weights_is_explained_otherwise(case, found):
    """Sanity checks for saliency maps (Adebayo et al. 2018): all weights, then the head alone.

    What lies far from typical moves any network more, so ranks of sizes agree a little; they must
    agree less than half as well as those of two seeds, and the signs not at all.
    """
    torch.manual_seed(1)
    scaler = Scaler(case.network.members[0].center.numpy(), case.network.members[0].gain.numpy())
    blank = Ensemble([RiskNetwork(CONFIG, scaler)]).eval()
    other = explain(scorer_of(blank), case.windows, case.reference)
    assert _agreement(np.abs(found.contribution), np.abs(other.contribution)) < 0.4
    assert abs(_agreement(found.contribution, other.contribution)) < 0.2
    named = [set(other.strongest(row).tolist()) for row in range(len(case.windows))]
    assert np.mean([len(names & set(case.signal)) / 3 for names in named]) < 0.5
    beheaded = copy.deepcopy(case.network)
    beheaded.members[0].risk.reset_parameters()
    other = explain(scorer_of(beheaded), case.windows, case.reference)
    assert _agreement(found.contribution, other.contribution) < 0.5


def test_ranks_are_stable_over_sampling_seeds(case, found):
    for seed in (1, 2, 3):
        assert _agreement(found.contribution, explained(case, seed).contribution) >= 0.8


def test_the_unit_of_a_feature_does_not_matter(case, found):
    """Percent in place of parts, days in place of weeks: the scaler and the peers take it up."""
    unit = np.random.default_rng(0).choice((0.01, 1 / 7, 1, 60, 100), 42).astype(np.float32)
    network = copy.deepcopy(case.network)
    network.members[0].center *= torch.from_numpy(unit)
    network.members[0].gain /= torch.from_numpy(unit)
    asked, taught = (replace(w, values=w.values * unit) for w in (case.windows, case.taught))
    other = explain(scorer_of(network), asked, typical(asked, fit_peers(taught, SIZES)))
    np.testing.assert_allclose(other.contribution, found.contribution, atol=1e-3)


def _rows(reference: Reference, rows: slice) -> Reference:
    return Reference(reference.values[rows], reference.observed[rows], reference.same_grade[rows])


def _agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Kendall's rank correlation of all 42 contributions, the mean of the students."""
    pairs = zip(one, other, strict=True)
    return float(np.mean([kendalltau(mine, theirs).statistic for mine, theirs in pairs]))


def _falls(case: Planted, order: np.ndarray) -> np.ndarray:
    """How far the logit falls on average while the first features are made typical, float64[N]."""
    left = [_without(case, order[:, :gone]) for gone in range(DELETED + 1)]
    logits = np.array([case.scorer.score(windows).logit for windows in left])
    return (logits[0] - logits[1:]).mean(0)


def _without(case: Planted, gone: np.ndarray) -> Windows:
    values, observed = case.windows.values.copy(), case.windows.observed.copy()
    for row, features in enumerate(gone):
        values[row][:, features] = case.reference.values[row][:, features]
        observed[row][:, features] = case.reference.observed[row][:, features]
    return replace(case.windows, values=values, observed=observed)


def _attended(case: Planted) -> np.ndarray:
    """What attention over weeks can say of features: its weights on how far each lies off.

    float64[N, 42], in the network's own units; attention itself knows weeks, not features.
    """
    attention = case.scorer.score(case.windows).attention
    gain = case.network.members[0].gain.numpy()
    away = np.abs(case.windows.values - case.reference.values) * gain
    return np.einsum("nw,nwf->nf", attention, np.nan_to_num(away))
