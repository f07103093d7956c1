"""The ROC of every attack as a table of its corners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray
from imprint.report.result import Result
from imprint.report.table import Column, Table
from imprint.report.wording import significant
from imprint.stats.roc import Roc, roc


@dataclass(frozen=True, repr=False)
class RocPoints(Result):
    """The points at which ROC curves turn; between them a curve is a straight line.

    Attributes:
        attack: text ``[p]``.
        fpr: float64 ``[p]``, rising within an attack.
        tpr: float64 ``[p]``, likewise.
        threshold: float64 ``[p]``: scores from it on are called members; +∞ calls none.
    """

    attack: NDArray[np.str_]
    fpr: FloatArray
    tpr: FloatArray
    threshold: FloatArray

    def tables(self) -> Sequence[Table]:
        """Return one row a point."""
        columns = [
            Column("Attack"),
            *(Column(name, significant) for name in ("FPR", "TPR", "Threshold")),
        ]
        values = zip(
            self.attack.tolist(),
            self.fpr.tolist(),
            self.tpr.tolist(),
            self.threshold.tolist(),
            strict=True,
        )
        return [Table(columns, [list(row) for row in values], title="ROC points")]

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the columns of the table of a study."""
        return {
            "index": np.arange(len(self.fpr)),
            "attack": self.attack,
            "fpr": self.fpr,
            "tpr": self.tpr,
            "threshold": self.threshold,
        }


def roc_points(scores: Mapping[str, FloatArray], members: BoolArray) -> RocPoints:
    """Return where the ROC of each attack turns.

    Args:
        scores: float64 ``[N]`` by attack.
        members: bool ``[N]``.
    """
    names: list[str] = []
    points = []
    for name, score in scores.items():
        curve = roc(score[members], score[~members])
        kept = turning_points(curve)
        names += [name] * len(kept)
        points.append(np.stack([curve.fpr[kept], curve.tpr[kept], curve.threshold[kept]]))
    return RocPoints(np.array(names, dtype=np.str_), *np.concatenate(points, axis=1))


def turning_points(curve: Roc) -> NDArray[np.intp]:
    """Return the vertices at which a curve changes its direction, and both ends.

    Upright and level runs of single records keep their ends alone.
    """
    right = np.rint(curve.tpr * curve.positives).astype(np.int64)
    wrong = np.rint(curve.fpr * curve.negatives).astype(np.int64)
    rise, run = np.diff(right), np.diff(wrong)
    turns = rise[:-1] * run[1:] != rise[1:] * run[:-1]
    return np.flatnonzero(np.concatenate([[True], turns, [True]]))
