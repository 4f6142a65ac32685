"""A checkpoint: a folder named by the hash of its content. Reads and writes without torch."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter

from edupulse.features.catalog import CATALOG_VERSION, NAMES
from edupulse.model.calibration import Calibration
from edupulse.model.configuration import NetworkConfig, TrainingConfig
from edupulse.model.evaluation import Evaluation
from edupulse.model.gate import Decision
from edupulse.model.peers import PeerProfiles
from edupulse.model.scaling import Scaler
from edupulse.school.errors import BadInput, CatalogMismatch, NotFound

NETWORK, WEIGHTS, MANIFEST = "network.onnx", "weights.safetensors", "manifest.json"
EVALUATION, PEERS, CARD = "evaluation.json", "peers.npy", "card.md"
FILES = (NETWORK, WEIGHTS, MANIFEST, EVALUATION, PEERS, CARD)
FORMAT = 1
_PREFIX = "sha256:"


@dataclass(frozen=True)
class Provenance:
    """What a model was made for and from: nothing is trained without it.

    `outcome` is the outcome's definition, `policy` the bands', `data` says spans, as-of days, rows
    and fingerprints; all three are plain JSON. `trained_on` never lets a simulation pass as real.
    """

    outcome: Mapping[str, Any]
    policy: Mapping[str, Any]
    data: Mapping[str, Any]
    trained_on: Literal["simulated", "real"]

    def __post_init__(self) -> None:
        if not self.outcome or not self.data:
            raise BadInput(
                "A model needs the definition of its outcome and the origin of its data.",
                "Name both.",
            )


@dataclass(frozen=True)
class Manifest:
    """Everything about a checkpoint that is not weights: what it reads, how it was made, tables."""

    format: int
    method: str
    package_version: str
    catalog_version: str
    features: tuple[str, ...]
    network: NetworkConfig
    training: TrainingConfig
    seed: int
    rows: int
    epochs: int
    export_difference: float
    scaler_center: tuple[float, ...]
    scaler_gain: tuple[float, ...]
    scaler_limit: float
    calibration: Calibration
    peer_grade_levels: tuple[int, ...]
    peer_patterns: tuple[int, ...]
    provenance: Provenance
    gate: Decision
    scaler_knots: tuple[tuple[float, ...], ...] | None = None

    @property
    def scaler(self) -> Scaler:
        """The scaling that is also inside the network's graph."""
        center, gain = (
            np.array(values, dtype=np.float32) for values in (self.scaler_center, self.scaler_gain)
        )
        knots = None if self.scaler_knots is None else np.array(self.scaler_knots, np.float32)
        return Scaler(center, gain, self.scaler_limit, knots)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint as read and verified. `version` is `sha256:` and the hash of its content."""

    path: Path
    version: str
    manifest: Manifest
    evaluation: Evaluation
    peers: PeerProfiles
    network: bytes

    @property
    def calibration(self) -> Calibration:
        """The tables from logit to risk, interval and prediction set."""
        return self.manifest.calibration


_MANIFEST: TypeAdapter[Manifest] = TypeAdapter(Manifest)


def write_checkpoint(
    root: Path,
    *,
    network: bytes,
    weights: bytes,
    manifest: Manifest,
    evaluation: Evaluation,
    peers: PeerProfiles,
    card: str,
) -> Checkpoint:
    """Write a checkpoint under `root`, whole or not at all, and read it back.

    The same content written twice is one folder.
    """
    content = {
        NETWORK: network,
        WEIGHTS: weights,
        MANIFEST: _MANIFEST.dump_json(manifest, indent=1),
        EVALUATION: evaluation.to_json(),
        PEERS: peers.to_bytes(),
        CARD: card.encode(),
    }
    target = folder(root, _version(content))
    if not target.exists():
        _write_whole(root, target, content)
    return read_checkpoint(target, features=manifest.features, catalog=manifest.catalog_version)


def read_checkpoint(
    path: Path, *, features: Sequence[str] = NAMES, catalog: str = CATALOG_VERSION
) -> Checkpoint:
    """Read a checkpoint, verify its content, and that it is for these very features.

    Raises `NotFound` where a file is missing, `BadInput` where the content is not what the folder's
    name says, `CatalogMismatch` where it was trained on other features (law 8).
    """
    content = {name: _read(path / name) for name in FILES}
    version = _version(content)
    if folder(path.parent, version).name != path.name:
        raise BadInput(
            f"The checkpoint {path.name} is damaged or was changed: its content does not match.",
            "Restore the folder from a backup, or train again.",
        )
    manifest = _parse(content[MANIFEST])
    _require_catalog(manifest, tuple(features), catalog)
    peers = PeerProfiles.from_bytes(
        content[PEERS], manifest.peer_grade_levels, manifest.peer_patterns
    )
    evaluation = Evaluation.from_json(content[EVALUATION])
    return Checkpoint(path, version, manifest, evaluation, peers, content[NETWORK])


def folder(root: Path, version: str) -> Path:
    """Where the checkpoint of a version lies (its colon is no character for a file's name)."""
    return root / version.replace(":", "-")


def versions(root: Path) -> tuple[str, ...]:
    """The versions of all checkpoints under `root`, in order of their hash."""
    if not root.is_dir():
        return ()
    names = (path.name for path in root.iterdir() if path.is_dir())
    return tuple(sorted(name.replace("-", ":", 1) for name in names if name.startswith("sha256-")))


def _version(content: Mapping[str, bytes]) -> str:
    """The hash of the files' hashes, in a fixed order."""
    lines = (f"{name} {hashlib.sha256(content[name]).hexdigest()}\n" for name in FILES)
    return _PREFIX + hashlib.sha256("".join(lines).encode()).hexdigest()


def _write_whole(root: Path, target: Path, content: Mapping[str, bytes]) -> None:
    root.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".new-", dir=root))
    try:
        for name, part in content.items():
            with (beside / name).open("wb") as file:
                file.write(part)
                file.flush()
                os.fsync(file.fileno())
        beside.chmod(0o755)
        try:
            beside.rename(target)
        except OSError:
            if not target.exists():  # else another process wrote the same content first
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(
            f"The checkpoint {path.parent.name} lacks {path.name}.",
            "Name another checkpoint, or train one.",
        ) from error


def _parse(text: bytes) -> Manifest:
    try:
        return _MANIFEST.validate_json(text)
    except ValueError as error:
        raise BadInput(
            "The checkpoint's manifest is of another format.", "Train again with this version."
        ) from error


def _require_catalog(manifest: Manifest, features: tuple[str, ...], catalog: str) -> None:
    if manifest.catalog_version != catalog:
        raise CatalogMismatch(
            f"The checkpoint reads feature catalog {manifest.catalog_version}, here is {catalog}.",
            "Use a checkpoint trained with this version, or train one.",
        )
    if manifest.features != features:
        theirs, ours = len(manifest.features), len(features)
        raise CatalogMismatch(
            f"The checkpoint's features are not these in this order ({theirs} there, {ours} here).",
            "Use a checkpoint trained with this version, or train one.",
        )
