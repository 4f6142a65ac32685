"""Is the sequence worth it, and the size? Parts of the network left out or changed, one by one.

`nice python benchmarks/ablations.py --keep FOLDER` trains each variant on about 30,000 windows of a
simulated district, for three districts and seeds, tests it on that district's later test period,
and prints a markdown table: AUROC, average precision and precision at 10 % capacity as means over
the districts, with 95 % bootstrap intervals over students, and the paired difference from the first
variant. What is done is kept in FOLDER and not done again, so that a stopped run goes on, and
`--train-nothing` judges what is there. The rows beside the networks: boosting and a line on the
same windows, boosting on ten times as many, and the bound that the simulator's own probabilities
set.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from rich.progress import Progress

from architectures import Decaying, Transformer, WithoutAttention
from edupulse.model.baselines.boosting import Boosting, boosting_all_weeks
from edupulse.model.baselines.linear import LinearLastWeek
from edupulse.model.baselines.summaries import all_weeks
from edupulse.model.bootstrap import Estimate, estimated, resampled
from edupulse.model.configuration import SEEDS_NETWORK, NetworkConfig, TrainingConfig
from edupulse.model.gru_contender import GruContender
from edupulse.model.metrics import Ranking
from edupulse.panel.splits import hashed_share
from edupulse.pipeline.material import Material
from kept_rows import write
from simulated_rows import District, district

ROWS = 30_000
DISTRICTS = (1, 2, 3)
MANY = tuple(range(1, 11))
REPLICATES = 300
METRICS = ("auroc", "average_precision", "precision_10")
BOUND = "latent_bound"
FAMILIES = {"attendance": slice(0, 14), "grades": slice(14, 29), "discipline": slice(29, 42)}
TRAINING = TrainingConfig(learning_rate=3e-3, batch=512, epochs=5)


@dataclass(frozen=True)
class Variant:
    """What is changed: the contender of a seed, the features it reads, its districts."""

    make: Callable[[int], GruContender | Boosting | LinearLastWeek]
    without: str = ""
    districts: tuple[int, ...] = DISTRICTS


def gru(hidden: int = 16, training: TrainingConfig = TRAINING, **changed: object) -> Variant:
    """The network of that size, something else of it perhaps changed."""
    config = replace(NetworkConfig(hidden=hidden), **changed)
    return Variant(lambda seed: GruContender(config=config, training=training, seed=seed))


def without(family: str) -> Variant:
    """The network that does not have one family of features."""
    sizes = [part.stop - part.start for name, part in FAMILIES.items() if name != family]
    return replace(gru(families=tuple(sizes)), without=family)


def other(architecture: object) -> Variant:
    """Another network of the same width under the same heads."""
    config = NetworkConfig(hidden=16)
    return Variant(
        lambda seed: GruContender(
            config=config, training=TRAINING, seed=seed, architecture=architecture
        )
    )


VARIANTS: Mapping[str, Variant] = {
    "gru_16": gru(),
    "boosting_20_weeks": Variant(boosting_all_weeks),
    "logistic_last_week": Variant(lambda _: LinearLastWeek()),
    "last_week": gru(weeks=1),
    "without_attention": other(WithoutAttention),
    "without_attendance": without("attendance"),
    "without_grades": without("grades"),
    "without_discipline": without("discipline"),
    "gru_32": gru(32),
    "input_decay": other(Decaying),
    "transformer": other(Transformer),
    "mean_of_3": gru(training=replace(TRAINING, ensemble=3)),
    "gru_64": gru(64, replace(TRAINING, bfloat16=True)),
    "gru_128": replace(gru(SEEDS_NETWORK.hidden, replace(TRAINING, bfloat16=True)), districts=(1,)),
}
TEN_TIMES = "boosting_20_weeks_ten_times"


def learnt(found: District) -> Material:
    """About `ROWS` windows to learn from: whole students, by hash."""
    share = min(ROWS / len(found.train), 1.0)
    return found.train.take(hashed_share(found.train.windows.student, share, salt=5))


def cut(rows: Material, family: str) -> SimpleNamespace:
    """The windows without a family's features."""
    names = ("student", "school", "grade_level", "as_of", "held")
    kept = {name: getattr(rows.windows, name) for name in names}
    gone = np.r_[FAMILIES[family]] if family else []
    for name in ("values", "observed"):
        kept[name] = np.delete(getattr(rows.windows, name), gone, axis=2)
    return SimpleNamespace(**kept)


def scores(variant: Variant, found: District, seed: int) -> dict[str, np.ndarray | float | int]:
    """One variant trained on one district: its scores of the test rows and those of known truth."""
    rows = learnt(found)
    contender = variant.make(seed)
    begun, cpu = time.monotonic(), time.process_time()
    contender.fit(cut(rows, variant.without), rows.outcomes)
    spent = {"seconds": time.monotonic() - begun, "cpu_seconds": time.process_time() - cpu}
    parts = {"test": found.test, "truth": found.truth.material}
    scored = {name: contender.score(cut(part, variant.without)) for name, part in parts.items()}
    return scored | spent | {"rows": len(rows)}


@cache
def taught_by_many(folder: Path) -> tuple[Boosting, int]:
    """Boosting on 20 weeks taught by ten districts, ten times the windows, and how many."""
    tables, labels, students = [], [], []
    for place, seed in enumerate(MANY):
        rows = learnt(district(folder / "rows", seed))
        tables.append(all_weeks(rows.windows))
        labels.append(rows.outcomes.off_track)
        students.append(rows.windows.student + np.int32(place * 1_000_000))
    label = np.concatenate(labels)
    many = SimpleNamespace(table=np.concatenate(tables), student=np.concatenate(students))
    trees = Boosting(TEN_TIMES, lambda rows: rows.table)
    trees.fit(many, SimpleNamespace(off_track=label, known=np.ones(len(label), bool)))
    return trees, len(label)


def scores_of_many(folder: Path, found: District) -> dict[str, np.ndarray | int]:
    """Their scores of one district's test rows and of those of known truth."""
    trees, rows = taught_by_many(folder)
    parts = {"test": found.test, "truth": found.truth.material}
    tables = {name: SimpleNamespace(table=all_weeks(part.windows)) for name, part in parts.items()}
    return {name: trees.score(table) for name, table in tables.items()} | {"rows": rows}


def kept(folder: Path, name: str, seed: int) -> Path:
    """Where the scores of a variant on a district lie."""
    return folder / "scores" / f"{name}-{seed}.npz"


def train_missing(folder: Path, names: Sequence[str]) -> None:
    """Train whatever is not kept yet, one district after the other."""
    seeds = {name: VARIANTS[name].districts if name in VARIANTS else DISTRICTS for name in names}
    jobs = [
        (name, seed)
        for seed in DISTRICTS
        for name in names
        if seed in seeds[name] and not kept(folder, name, seed).exists()
    ]
    with Progress() as progress:
        task = progress.add_task("Training", total=len(jobs))
        for name, seed in jobs:
            progress.update(task, description=f"Training {name}, district {seed}")
            found = district(folder / "rows", seed)
            made = (
                scores_of_many(folder, found)
                if name == TEN_TIMES
                else scores(VARIANTS[name], found, seed)
            )
            write(kept(folder, name, seed), made)
            progress.advance(task)


def judged(
    rows: Material, found: Mapping[str, np.ndarray], seed: int
) -> dict[str, dict[str, np.ndarray]]:
    """Each metric of each score over the same resampled students, `[1 + REPLICATES]`."""
    students, place = np.unique(rows.windows.student, return_inverse=True)
    weights = resampled(len(students), REPLICATES, seed)[:, place]
    days = np.unique(rows.windows.as_of, return_inverse=True)[1]
    group = rows.windows.school.astype(np.int64) * (days.max() + 1) + days
    label = rows.outcomes.off_track
    metrics = {}
    for name, score in found.items():
        ranking = Ranking(score, label, weights)
        capacity = Ranking(score, label, weights, group).at_capacity(0.1)[0]
        metrics[name] = dict(
            zip(METRICS, (ranking.auroc(), ranking.average_precision(), capacity), strict=True)
        )
    return metrics


def results(folder: Path, names: Sequence[str]) -> dict[str, dict[str, object]]:
    """What is kept, judged: means over the districts a variant was trained on."""
    there: dict[str, dict[int, dict]] = {name: {} for name in (*names, BOUND)}
    known: dict[str, dict[int, dict]] = {name: {} for name in (*names, BOUND)}
    about: dict[str, dict[str, float]] = {}
    for seed in DISTRICTS:
        files = {
            name: kept(folder, name, seed) for name in names if kept(folder, name, seed).exists()
        }
        if not files:
            continue
        loaded = {name: dict(np.load(path)) for name, path in files.items()}
        found = district(folder / "rows", seed)
        for name, one in judged(
            found.test, {n: s["test"] for n, s in loaded.items()}, seed
        ).items():
            there[name][seed] = one
            spent = ("rows", "seconds", "cpu_seconds")
            about[name] = {
                what: float(loaded[name][what]) for what in spent if what in loaded[name]
            }
        truth = {name: one["truth"] for name, one in loaded.items()}
        truth[BOUND] = found.truth.probability
        for name, one in judged(found.truth.material, truth, seed).items():
            known[name][seed] = one
    first = names[0]
    lines = {name: line(there[name], there[first]) | about[name] for name in names if there[name]}
    for name in (*lines, BOUND):
        lines.setdefault(name, {})["truth_known"] = line(known[name], known[first])
    return lines


def line(own: Mapping[int, dict], first: Mapping[int, dict]) -> dict[str, object]:
    """Means over the districts: of each metric, and of its difference from the first variant."""
    made: dict[str, object] = {"districts": len(own)}
    for metric in METRICS:
        values = [own[seed][metric] for seed in own]
        made[metric] = as_dict(estimated(np.mean(values, axis=0)))
        made[f"{metric}_by_district"] = [float(value[0]) for value in values]
        paired = [own[seed][metric] - first[seed][metric] for seed in own if seed in first]
        if paired:
            made[f"{metric}_difference"] = as_dict(estimated(np.mean(paired, axis=0)))
    return made


def as_dict(estimate: Estimate | None) -> dict[str, float] | None:
    """For JSON."""
    return None if estimate is None else asdict(estimate)


def table(lines: Mapping[str, dict]) -> str:
    """The results as markdown."""
    columns = ("variant", "districts", "AUROC", "average precision", "precision at 10 %")
    more = ("AUROC − the first's", "AUROC where the truth is known")
    head = f"| {' | '.join(columns + more)} |"
    made = [head, "|---|---|---|---|---|---|---|"]
    for name, one in lines.items():
        truth = one["truth_known"]["auroc"]
        if "auroc" not in one:
            made.append(f"| {name} | | | | | | {cell(truth)} |")
            continue
        cells = " | ".join(cell(one[metric]) for metric in METRICS)
        difference = cell(one["auroc_difference"], "+.4f") if "auroc_difference" in one else ""
        made.append(f"| {name} | {one['districts']} | {cells} | {difference} | {cell(truth)} |")
    return "\n".join(made)


def cell(value: Mapping[str, float] | None, form: str = ".3f") -> str:
    """A value with its interval."""
    if value is None:
        return ""
    value_, low, high = (format(value[part], form) for part in ("value", "low", "high"))
    return f"{value_} ({low} to {high})"


def main() -> None:
    """Train what is missing, then judge everything that is kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, default=Path(".edupulse/ablations"))
    parser.add_argument("--variants", nargs="+", default=[*VARIANTS, TEN_TIMES])
    parser.add_argument("--train-nothing", action="store_true")
    chosen = parser.parse_args()
    if not chosen.train_nothing:
        train_missing(chosen.keep, chosen.variants)
    lines = results(chosen.keep, chosen.variants)
    (chosen.keep / "ablations.json").write_text(json.dumps(lines, indent=1))
    print(table(lines))


if __name__ == "__main__":
    main()
