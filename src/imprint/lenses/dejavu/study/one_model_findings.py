"""What the one-model test finds, and its tables, from votes and references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.data.index_list import write_index_list
from imprint.lenses.dejavu.memorization.calibration import Calibrated
from imprint.lenses.dejavu.memorization.one_model import (
    STRICTEST,
    OneModel,
    calibrated_references,
    correlated_by_class,
    excess,
    explained,
    judge,
    one_model,
    rank_claims,
)
from imprint.lenses.dejavu.memorization.two_model import (
    categories,
    memorization_strength,
    per_class,
    plain_findings,
    two_model,
)
from imprint.lenses.dejavu.memorization.votes import Votes
from imprint.stats import proportion
from imprint.study.tables import write_table

EXPLAINED_LIST = "explained.npy"
NONE_UNSEEN = "no image with a background is known to be unseen by the network"


@dataclass(frozen=True)
class Judged:
    """The attacked images, and those attacked for control, under the network and references.

    Attributes:
        index: int64 ``[n]``, global indices.
        labels: int64 ``[n]``.
        seen: bool ``[n]``, whether the network was trained on the image.
        model: votes of the neighbours.
        references: log-probabilities ``[n, C]`` by name.
        classes: number of classes C.
    """

    index: IntArray
    labels: IntArray
    seen: BoolArray
    model: Votes
    references: Mapping[str, FloatArray]
    classes: int


@dataclass(frozen=True)
class Found:
    """What came out.

    Attributes:
        seen: the test on images the network was trained on.
        unseen: the test on others, None without such images.
        findings: JSON values.
        excluded: bool, which of the seen images nothing is claimed of.
    """

    seen: OneModel
    unseen: OneModel | None
    findings: dict[str, Any]
    excluded: BoolArray


def find(
    judged: Judged,
    confidences: Sequence[float],
    top: int,
    seed: int,
    calibrate: bool = True,
    exclude: IntArray | None = None,
) -> Found:
    """Run the test.

    Args:
        judged: votes and references.
        confidences: percentages in (0, 100].
        top: a guess is right when the label is among this many classes.
        seed: of the bootstrap.
        calibrate: bring the references' entropies to one scale.
        exclude: global indices of images that nothing is claimed of.

    Raises:
        ImprintError: references that do not fit the images.
    """
    for name, rows in judged.references.items():
        if rows.shape != (len(judged.labels), judged.classes):
            raise ImprintError(
                f"reference {name} has shape {list(rows.shape)}, expected "
                f"{[len(judged.labels), judged.classes]}, one row a crop"
            )
    calibrated = calibrated_references(judged.references, judged.labels, calibrate)
    references = {name: each.log_probabilities for name, each in calibrated.items()}
    everything = judge(judged.index, judged.labels, judged.model, references)
    seen = everything.rows(judged.seen, "seen")
    unseen = everything.rows(~judged.seen, "unseen") if not judged.seen.all() else None
    listed = np.empty(0, dtype=np.int64) if exclude is None else exclude
    excluded = np.isin(seen.index, listed)
    findings = one_model(seen, confidences, top, seed)
    findings["calibration"] = _calibration(calibrated, calibrate)
    findings["claims"] = _claims(seen, top, excluded)
    findings["unseen"] = _unseen(seen, unseen, listed, confidences, top, seed)
    return Found(seen, unseen, findings, excluded)


def _calibration(calibrated: Mapping[str, Calibrated], used: bool) -> dict[str, Any]:
    return {"used": used, **{name: each.to_dict() for name, each in calibrated.items()}}


def _claims(seen: OneModel, top: int, excluded: BoolArray) -> dict[str, int]:
    """Return how many images no reference explains, and how many of them are excluded."""
    side = seen.side(STRICTEST)
    memorized = int((rank_claims(side, top) >= 0).sum())
    claimed = int((rank_claims(side, top, excluded) >= 0).sum())
    return {
        "memorized": memorized,
        "excluded": memorized - claimed,
        "claimed": claimed,
        "listed": int(excluded.sum()),
    }


def _unseen(
    seen: OneModel,
    unseen: OneModel | None,
    listed: IntArray,
    confidences: Sequence[float],
    top: int,
    seed: int,
) -> dict[str, Any]:
    """Return the test on images the network never saw: the bias of the references."""
    if unseen is None:
        return {"missing": NONE_UNSEEN}
    found = {
        name: {
            "test": plain_findings(two_model([unseen.side(name)], confidences, top, seed)),
            "excess": excess(seen.side(name), unseen.side(name), top, seed).to_dict(),
        }
        for name in seen.names
    }
    # By the rule that claims seen images: the list takes its images out here as well.
    excluded = np.isin(unseen.index, listed)
    claimed = int((rank_claims(unseen.side(STRICTEST), top, excluded) >= 0).sum())
    return {
        "against": found,
        "claimed_by_chance": proportion(claimed, len(unseen.index)).to_dict(),
    }


def write_found(
    folder: Path, found: Found, classes: int, top: int, extra: Mapping[str, Any]
) -> None:
    """Write ``records.parquet``, ``classes.parquet`` and ``explained.npy``.

    Args:
        folder: exists.
        found: of :func:`find`.
        classes: number of classes.
        top: as in the test.
        extra: further columns of the records, of the seen images.
    """
    write_table(folder / "records.parquet", {**_records(found, top), **extra})
    seen = found.seen
    shares = correlated_by_class(seen, classes, top)
    columns: dict[str, Any] = {
        "index": np.arange(classes),
        "n": np.bincount(seen.labels, minlength=classes),
    }
    for name in seen.names:
        found_by_class = per_class([seen.side(name)], classes, top)
        columns["accuracy"] = found_by_class["target_accuracy"]
        columns[f"{name}_accuracy"] = found_by_class["reference_accuracy"]
        columns[f"correlated_{name}"] = shares[name]
    write_table(folder / "classes.parquet", columns)
    write_index_list(folder / EXPLAINED_LIST, seen.index[explained(seen, top)])


def _records(found: Found, top: int) -> dict[str, Any]:
    """Return one row a seen image; ``rank`` is its place among claimed images, −1 for none."""
    seen = found.seen
    columns: dict[str, Any] = {
        "index": seen.index,
        "label": seen.labels,
        "prediction": seen.model.ranked[:, 0],
        "confidence": seen.model.confidence,
        "explained": explained(seen, top),
        "excluded": found.excluded,
        "rank": rank_claims(seen.side(STRICTEST), top, found.excluded),
    }
    for name in seen.names:
        side = seen.side(name)
        columns[f"{name}_prediction"] = side.reference.ranked[:, 0]
        columns[f"{name}_confidence"] = side.reference.confidence
        columns[f"{name}_category"] = categories(side, top).argmax(axis=1)
        columns[f"{name}_memorization"] = memorization_strength(side)
    return columns
