"""Students scored a second: ONNX Runtime beside torch and beside the matrix-multiply peak.

One thread and its own CPU time, repeats interleaved, medians: `python benchmarks/scoring.py`. The
fp32 peak is a square NumPy product. "Textbook" is torch with attention that projects every week.
The last line are the figures of the project's seed.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import onnxruntime
import psutil
import torch
from threadpoolctl import threadpool_limits

from architectures import TextbookAttention
from edupulse.model.configuration import SEEDS_NETWORK, NetworkConfig
from edupulse.model.export import INPUTS, OUTPUTS, to_onnx
from edupulse.model.networks.risk_network import Ensemble, RiskNetwork
from edupulse.model.scaling import fit_scaler

CHUNKS = (1, 32, 256)
SEED = {"100 students": "5 s", "one student": "100 ms", "memory": "500 MB"}


def main() -> None:
    """Measure the default size and the seed's, and print one table each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    with threadpool_limits(limits=1):
        torch.set_num_threads(1)
        for hidden in (NetworkConfig().hidden, 32, SEEDS_NETWORK.hidden):
            report(NetworkConfig(hidden=hidden), options.students, options.repeats)
    resident = psutil.Process().memory_info().rss / 2**20
    print(f"\nthis process, torch included: {resident:.0f} MB")
    print("the seed's own figures: " + ", ".join(f"{k} {v}" for k, v in SEED.items()))


def report(config: NetworkConfig, students: int, repeats: int) -> None:
    """Print one network's figures."""
    rows = windows(students, config)
    network = untrained(rows, config)
    plain = textbook(network, config)
    score = onnx_scorer(to_onnx(network, config))
    runs: dict[str, Callable[[], object]] = {
        "matrix multiply": square_product(),
        "torch, textbook": lambda: by_torch(plain, rows, students),
        "torch, all at once": lambda: by_torch(network, rows, students),
        "torch, chunks of 32": lambda: by_torch(network, rows, 32),
    }
    for chunk in CHUNKS:
        runs[f"onnx, chunks of {chunk}"] = lambda chunk=chunk: in_chunks(score, rows, chunk)
    seconds = interleaved(runs, repeats)
    peak = 2 * PRODUCT**3 / seconds.pop("matrix multiply")
    work = operations(config) * students
    print(f"\nhidden {config.hidden}: {operations(config) / 1e6:.2f} MFLOP a student,")
    print(f"peak {peak / 1e9:.1f} GFLOP/s, one thread, {students} students")
    print(f"{'':24}{'students/s':>12}{'x textbook':>12}{'x torch':>10}{'of peak':>10}")
    for name, taken in seconds.items():
        rate, share = students / taken, work / taken / peak
        textbook_ratio = seconds["torch, textbook"] / taken
        ratio = seconds["torch, all at once"] / taken
        print(f"{name:24}{rate:12.0f}{textbook_ratio:12.2f}{ratio:10.2f}{share:10.0%}")


PRODUCT = 1024


def square_product() -> Callable[[], object]:
    """A float32 product of two square matrices."""
    left, right = np.random.default_rng(0).random((2, PRODUCT, PRODUCT), dtype=np.float32)
    return lambda: left @ right


def windows(students: int, config: NetworkConfig) -> SimpleNamespace:
    """Random full windows, a fifth of the values unobserved."""
    rng = np.random.default_rng(1)
    shape = (students, config.weeks, config.features)
    observed = rng.random(shape) < 0.8
    values = np.where(observed, rng.normal(size=shape), np.nan).astype(np.float32)
    return SimpleNamespace(values=values, observed=observed, held=np.ones(shape[:2], dtype=bool))


def untrained(rows: SimpleNamespace, config: NetworkConfig) -> Ensemble:
    """A network of the right shape; its weights do not matter for its speed."""
    scaler = fit_scaler(rows.values, rows.observed)
    return Ensemble([RiskNetwork(config, scaler)]).eval()


def textbook(network: Ensemble, config: NetworkConfig) -> Ensemble:
    """The same network with the textbook's attention; its weights do not matter for its speed."""
    plain = copy.deepcopy(network)
    plain.members[0].attention = TextbookAttention(config.width, config.heads)
    return plain.eval()


def onnx_scorer(graph: bytes) -> Callable[..., object]:
    """One ONNX Runtime session on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])
    return lambda *arrays: session.run(list(OUTPUTS), dict(zip(INPUTS, arrays, strict=True)))


def in_chunks(score: Callable[..., object], rows: SimpleNamespace, chunk: int) -> None:
    """Score all rows, so many at a time."""
    for begin in range(0, len(rows.values), chunk):
        part = slice(begin, begin + chunk)
        score(rows.values[part], rows.observed[part], rows.held[part])


def by_torch(network: Ensemble, rows: SimpleNamespace, chunk: int) -> None:
    """The same by torch."""

    def score(*arrays: np.ndarray) -> object:
        return network(*(torch.from_numpy(array) for array in arrays))

    with torch.inference_mode():
        in_chunks(score, rows, chunk)


def interleaved(runs: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median CPU seconds of each, all run once in every round; the first round is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats + 1):
        for name, run in runs.items():
            begun = time.thread_time()
            run()
            taken[name].append(time.thread_time() - begun)
    return {name: statistics.median(times[1:]) for name, times in taken.items()}


def operations(config: NetworkConfig) -> float:
    """Multiplications and additions of one student's matrix products, counted by hand."""
    hidden, width, weeks = config.hidden, config.width, config.weeks
    cells = sum(
        2 * 3 * hidden * ((2 * family + 1 + hidden) + (2 * hidden + 1 + hidden))
        for family in config.families
    )
    affinity = 2 * width * width + weeks * width + config.heads * weeks
    pooled = config.heads * weeks * width + 2 * width * width + 2 * width * 5
    return 2.0 * (weeks * (cells + affinity) + pooled)


if __name__ == "__main__":
    main()
