"""Milliseconds to explain a student, and how near to exact Shapley values, by network size.

Beside integrated gradients (IG; Sundararajan et al. 2017) in torch, 20 steps in one batch, from the
same reference, in the same run: `python benchmarks/explanation.py FOLDER`. The networks learn from
a simulated district (FOLDER as in simulated_rows.py) and explain students of its test period who
differ from typical in every family and stretch of weeks: others have fewer parts, and cost less.
One thread and its own CPU time, medians over students. A *distance* is Σ|found − exact| ÷ Σ|exact|:
of 12 groups (families in four stretches of weeks) from all 4,096 coalitions; of the 42 tracks from
16 times the evaluations. *Kendall* compares the 42 tracks of two sampling seeds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from scipy.stats import kendalltau
from threadpoolctl import threadpool_limits

from edupulse.features.catalog import FAMILIES
from edupulse.model.calibration import calibrate
from edupulse.model.configuration import NetworkConfig, TrainingConfig
from edupulse.model.export import to_onnx
from edupulse.model.networks.risk_network import Ensemble, RiskNetwork
from edupulse.model.peers import fit_peers
from edupulse.model.training import train
from edupulse.panel.splits import hashed_share
from edupulse.panel.windows import Windows
from edupulse.risk.explanation import EVALUATIONS, Explanation, Reference, explain, typical
from edupulse.risk.scoring import Scorer
from edupulse.risk.views import View, by_family_and_stretch, by_feature
from simulated_rows import District, district

STEPS = 20
SIZES = [columns.stop - columns.start for columns in FAMILIES.values()]
QUARTERS = tuple(slice(begin, begin + 5) for begin in range(0, 20, 5))
TWELVE = by_family_and_stretch(QUARTERS)
SEED = "integrated gradients, 20 steps, hidden 128, as measured elsewhere: 188 ms"

Numbers = np.ndarray


def main() -> None:
    """Measure each size and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hidden", type=int, nargs="+", default=(16, 32, 64, 128))
    parser.add_argument("--students", type=int, default=12)
    parser.add_argument("--rows", type=int, default=4000, help="windows to train on")
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    rows = district(options.folder, 1)
    print(f"{options.students} students, {EVALUATIONS} evaluations a view; {SEED}\n")
    print(f"{'':8}{'ms a student':>36}{'x IG':>7}{'distance, 12 groups':>24}{'42 tracks':>20}")
    print(
        f"{'hidden':8}{'tracks':>12}{'what, when':>12}{'IG':>12}{'':7}{'Shapley':>12}{'IG':>12}"
        f"{'Shapley':>10}{'IG':>10}{'Kendall':>10}"
    )
    with threadpool_limits(limits=1):
        torch.set_num_threads(1)
        for hidden in options.hidden:
            report(rows, hidden, options)


def report(rows: District, hidden: int, options: argparse.Namespace) -> None:
    """Train one size and print its line."""
    network, scorer, asked, reference = trained(rows, hidden, options)
    gradients = lambda row: integrated_gradients(network, asked, reference, row)  # noqa: E731
    ways: dict[str, Callable[[int], object]] = {
        "tracks": lambda row: one(scorer, asked, reference, row),
        "when": lambda row: one(scorer, asked, reference, row, by_family_and_stretch()),
        "gradients": gradients,
    }
    taken = medians(ways, len(asked))
    near = nearness(scorer, asked, reference, gradients)
    print(
        f"{hidden:<8}{taken['tracks']:12.0f}{taken['when']:12.0f}{taken['gradients']:12.0f}"
        f"{taken['tracks'] / taken['gradients']:7.1f}"
        f"{near['groups']:12.3f}{near['groups, gradients']:12.3f}"
        f"{near['tracks']:10.3f}{near['tracks, gradients']:10.3f}{near['Kendall']:10.2f}",
        flush=True,
    )


def trained(
    rows: District, hidden: int, options: argparse.Namespace
) -> tuple[RiskNetwork, Scorer, Windows, Reference]:
    """A network of that size, and the students to explain: equally spaced by their risk."""
    draw = np.random.default_rng(0)
    known = np.flatnonzero(rows.train.outcomes.known)
    taught = rows.train.take(np.sort(draw.choice(known, options.rows, replace=False)))
    config = NetworkConfig(hidden=hidden)
    found = train(
        taught.windows,
        taught.outcomes,
        validation=hashed_share(taught.windows.student, 0.1),
        network=config,
        training=TrainingConfig(epochs=options.epochs, learning_rate=3e-3),
    )
    logits, _ = found.predict(taught.windows)
    calibration = calibrate(logits, taught.outcomes.off_track, taught.windows.student)
    scorer = Scorer(to_onnx(found.network, config), calibration)
    peers = fit_peers(taught.windows, SIZES)
    tested = rows.test.windows.take(draw.choice(len(rows.test), 2000, replace=False))
    tested = tested.take(differing(tested, typical(tested, peers)))
    by_risk = np.argsort(-scorer.score(tested).risk)
    asked = tested.take(by_risk[np.linspace(0, len(tested) - 1, options.students).astype(int)])
    return member(found.network), scorer, asked, typical(asked, peers)


def differing(windows: Windows, reference: Reference) -> Numbers:
    """The rows that differ from their reference in every one of the twelve groups."""
    cells = (windows.observed != reference.observed) | (
        windows.observed & (windows.values != reference.values)
    )
    groups = [cells[:, group == TWELVE].any(1) for group in range(TWELVE.max() + 1)]
    return np.flatnonzero(np.all(groups, axis=0))


def member(network: Ensemble) -> RiskNetwork:
    """The only network of an ensemble of one."""
    (only,) = network.members
    assert isinstance(only, RiskNetwork)
    return only


def one(
    scorer: Scorer,
    windows: Windows,
    reference: Reference,
    row: int,
    view: View | None = None,
    evaluations: int = EVALUATIONS,
    seed: int = 0,
) -> Explanation:
    """The explanation of one student alone."""
    alone = Reference(*(part[row : row + 1] for part in vars(reference).values()))
    return explain(scorer, windows.take([row]), alone, view, evaluations, seed)


def integrated_gradients(
    network: RiskNetwork, windows: Windows, reference: Reference, row: int
) -> Numbers:
    """Each cell's part float64[W, F] of the logit, along the straight way from the reference.

    The flags of what is observed stay the student's: no gradient leads through them. Where nothing
    is typical, the way begins at the scaler's centre.
    """
    center = network.center.numpy()
    begin = np.where(reference.observed[row], reference.values[row], center)
    end = np.where(windows.observed[row], windows.values[row], begin)
    part = (np.arange(STEPS, dtype=np.float32)[:, None, None] + 0.5) / STEPS
    way = torch.from_numpy((begin + part * (end - begin)).astype(np.float32)).requires_grad_()
    flags = (windows.observed[row], windows.held[row])
    observed, held = (torch.from_numpy(np.repeat(flag[None], STEPS, 0)) for flag in flags)
    network(way, observed, held)[0].sum().backward()
    assert way.grad is not None
    moved: Numbers = (end - begin) * way.grad.numpy().mean(0)
    return np.where(windows.observed[row], moved, 0).astype(np.float64)


def nearness(
    scorer: Scorer,
    windows: Windows,
    reference: Reference,
    gradients: Callable[[int], Numbers],
) -> dict[str, float]:
    """How far both ways lie from the exact values, medians over a third of the students."""
    found: dict[str, list[float]] = {}
    for row in range(0, len(windows), 3):
        cells = gradients(row)
        for name, view, evaluations in (
            ("groups", TWELVE, 4096),
            ("tracks", by_feature(), 16 * EVALUATIONS),
        ):
            exact = one(scorer, windows, reference, row, view, evaluations, seed=99).contribution[0]
            ours = one(scorer, windows, reference, row, view).contribution[0]
            theirs = np.bincount(view.ravel(), cells.ravel(), exact.size)
            found.setdefault(name, []).append(distance(ours, exact))
            found.setdefault(f"{name}, gradients", []).append(distance(theirs, exact))
        again = one(scorer, windows, reference, row, seed=1).contribution[0]
        found.setdefault("Kendall", []).append(float(kendalltau(ours, again).statistic))
    return {name: statistics.median(values) for name, values in found.items()}


def distance(found: Numbers, exact: Numbers) -> float:
    """Σ|found − exact| ÷ Σ|exact|."""
    return float(np.abs(found - exact).sum() / np.abs(exact).sum())


def medians(ways: dict[str, Callable[[int], object]], students: int) -> dict[str, float]:
    """Median CPU milliseconds a student, all ways in turn; the first student warms up."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for row in [0, *range(students)]:
        for name, way in ways.items():
            begun = time.thread_time()
            way(row)
            taken[name].append(1e3 * (time.thread_time() - begun))
    return {name: statistics.median(times[1:]) for name, times in taken.items()}


if __name__ == "__main__":
    main()
