"""The steps that attack every pair of checkpoints, and write tables and findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.device import DeviceName
from imprint.data.imageset import ImageSet
from imprint.lenses.dejavu.findings import TwoModelFindings
from imprint.lenses.dejavu.memorization.controls import (
    identical_models,
    permuted_labels,
    untrained_models,
)
from imprint.lenses.dejavu.memorization.legacy import legacy_arrays
from imprint.lenses.dejavu.memorization.slices import SlicedImages, class_scores, score_slices
from imprint.lenses.dejavu.memorization.two_model import (
    Side,
    accuracy_curve,
    outcomes_of,
    per_class,
    records,
    significance,
    top5_test,
    two_model,
)
from imprint.lenses.dejavu.options import AttackChoice
from imprint.lenses.dejavu.study.backgrounds import AttackedSet
from imprint.lenses.dejavu.study.guess import SIDES, Guesser
from imprint.lenses.dejavu.study.search import OTHER_METRIC, search_findings
from imprint.stats.control import Control
from imprint.stats.estimate import Estimate
from imprint.study.counted import uncounted
from imprint.study.finding import write_finding
from imprint.study.step import Step
from imprint.study.tables import Table, write_table

CURVE_PERCENTS = np.arange(10.0, 101.0)
SHOWN_NEIGHBOURS = 5


@dataclass(frozen=True)
class Pair:
    """Both directions of the test under one pair of models.

    Attributes:
        sides: A's images, then B's.
        target_neighbours: int64 ``[n, k]``, global indices of public images, in the crops' order.
        reference_neighbours: the same under the reference model.
        recall: of an approximate search, by model.
    """

    sides: tuple[Side, Side]
    target_neighbours: IntArray
    reference_neighbours: IntArray
    recall: Mapping[str, Estimate | None] = field(default_factory=dict)


def attack_pair(guesser: Guesser, attacked: AttackedSet, suffix: str = "") -> Pair:
    """Return both directions of the test under the checkpoints ``A{suffix}`` and ``B{suffix}``."""
    guesses = {name: guesser.guess(name + suffix, attacked.index) for name in SIDES}
    sides, targets, references = [], [], []
    for row, name in enumerate(SIDES):
        rows = attacked.side == row
        target, reference = guesses[name], guesses[SIDES[1 - row]]
        index = attacked.index[rows]
        votes = target.votes.rows(rows), reference.votes.rows(rows)
        sides.append(Side(name, index, guesser.images.labels[index], *votes))
        targets.append(target.neighbours[rows])
        references.append(reference.neighbours[rows])
    recall = {name: each.recall for name, each in guesses.items()}
    return Pair((sides[0], sides[1]), np.concatenate(targets), np.concatenate(references), recall)


@dataclass(frozen=True)
class AttackEncoders(Step):
    """Attack with the last checkpoints, the snapshots and the untrained networks.

    Writes ``findings.json`` and the tables ``records``, ``curve``, ``classes`` and, with
    snapshots, ``epochs``.

    Attributes:
        controls: whether untrained networks were embedded as well.
        last_epoch: of the last checkpoints.
    """

    images: ImageSet
    attacked: AttackedSet
    attack: AttackChoice
    controls: bool
    seed: int
    last_epoch: int
    embeddings: Path = uncounted()
    device: DeviceName = uncounted(default="auto")
    indexes: Path | None = uncounted(default=None)

    artefact = "tables/dejavu"

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """Embeddings, and the indexes of an approximate search."""
        return ("tables/embeddings", *(() if self.indexes is None else ("tables/search",)))

    @property
    def guesser(self) -> Guesser:
        """The guesses of the embedded networks."""
        return Guesser(self.embeddings, self.images, self.attack, self.device, indexes=self.indexes)

    def build(self, path: Path) -> None:
        """Write findings and tables."""
        path.mkdir(exist_ok=True)
        pair, classes, top = self._pair(), len(self.images.classes), self.attack.top_classes
        write_finding(path / "findings.json", self._findings(pair))
        write_table(path / "records.parquet", self._records(pair))
        write_table(path / "curve.parquet", accuracy_by_confidence(pair.sides, top))
        by_class = per_class(pair.sides, classes, top)
        scores = class_scores(self._sliced(pair), classes, self.seed)
        columns = {"index": np.arange(classes), **scores, **by_class}
        write_table(path / "classes.parquet", columns)
        pairs = {epoch: self._pair(f"@{epoch}") for epoch in self.guesser.snapshots}
        if pairs:
            pairs[self.last_epoch] = pair
            write_table(path / "epochs.parquet", score_by_epoch(pairs, top, self.seed))

    def _pair(self, suffix: str = "") -> Pair:
        return attack_pair(self.guesser, self.attacked, suffix)

    def _findings(self, pair: Pair) -> TwoModelFindings:
        percents, top, seed = self.attack.top_percent, self.attack.top_classes, self.seed
        other = None
        if self.attack.decision == "neighbours":
            # The choice of the distance must not carry the finding.
            choice = replace(self.attack, metric=OTHER_METRIC[self.attack.metric])
            guesser = replace(self.guesser, choice=choice)
            sides = attack_pair(guesser, self.attacked).sides
            other = two_model(sides, percents, top, seed)
        return TwoModelFindings(
            two_model=two_model(pair.sides, percents, top, seed),
            significance=significance(pair.sides, top),
            two_model_top5=top5_test(pair.sides, len(self.images.classes), percents, top, seed),
            two_model_other_metric=other,
            controls=self._controls(pair) if self.controls else None,
            slices=score_slices(self._sliced(pair), len(self.images.classes), seed),
            search=search_findings(self.attack, pair.recall),
        )

    def _sliced(self, pair: Pair) -> SlicedImages:
        outcomes = [outcomes_of(side, self.attack.top_classes) for side in pair.sides]
        labels = self.images.labels[self.attacked.index]
        return SlicedImages.of(outcomes, labels, self._seen_px())

    def _seen_px(self) -> FloatArray:
        return self.attacked.squares[:, 2] - self.attacked.squares[:, 0]

    def _controls(self, pair: Pair) -> dict[str, Control]:
        top, labels = self.attack.top_classes, self.images.labels
        controls = {
            "untrained": untrained_models(self._pair("@untrained").sides, top, self.seed),
            "identical": identical_models(pair.sides, top, self.seed),
        }
        if self.attack.decision == "neighbours":
            voters = pair.target_neighbours[:, : self.attack.voting or None]
            own = labels[self.attacked.index]
            classes = len(self.images.classes)
            controls["permuted"] = permuted_labels(voters, labels, own, classes, self.seed)
        return controls

    def _records(self, pair: Pair) -> Table:
        """Return one row an attacked image, A's before B's."""
        return {
            "index": self.attacked.index,
            "side": self.attacked.side,
            "seen_px": self._seen_px(),
            **records(pair.sides, self.attack.top_classes),
            "target_neighbours": pair.target_neighbours[:, :SHOWN_NEIGHBOURS],
            "reference_neighbours": pair.reference_neighbours[:, :SHOWN_NEIGHBOURS],
        }


@dataclass(frozen=True)
class WriteLegacyArrays(Step):
    """Write the arrays of the original release: every model attacking every set."""

    attack: AttackEncoders

    artefact = "legacy"

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the attack."""
        return self.attack.inputs

    def build(self, path: Path) -> None:
        """Write one ``.npy`` file an array."""
        path.mkdir(exist_ok=True)
        attacked = self.attack.attacked
        labels = self.attack.images.labels[attacked.index]
        for model in SIDES:
            guesses = self.attack.guesser.guess(model, attacked.index)
            for row, name in enumerate(SIDES):
                rows, title = attacked.side == row, f"{model}_attk_{name}"
                arrays = legacy_arrays(guesses, rows, attacked.index, labels, title)
                for stem, array in arrays.items():
                    np.save(path / f"{stem}.npy", array)


def score_by_epoch(pairs: Mapping[int, Pair], top: int, seed: int) -> Table:
    """Return one row a checkpoint: the test over all images."""
    rows = [two_model(pair.sides, (100,), top, seed)["100"] for pair in pairs.values()]
    names = ("target_accuracy", "reference_accuracy", "memorized", "forgotten", "correlated")
    return {
        "index": np.array(list(pairs), dtype=np.int64),
        "score": np.array([row.score.value for row in rows]),
        "score_low": np.array([row.score.low for row in rows]),
        "score_high": np.array([row.score.high for row in rows]),
        **{name: np.array([getattr(row, name).value for row in rows]) for name in names},
    }


def accuracy_by_confidence(sides: Sequence[Side], top: int) -> Table:
    """Return accuracy on the most confident p % of the images, the mean of both directions."""
    target = [accuracy_curve(side.target, side.labels, CURVE_PERCENTS, top) for side in sides]
    reference = [accuracy_curve(side.reference, side.labels, CURVE_PERCENTS, top) for side in sides]
    return {
        "index": np.arange(len(CURVE_PERCENTS)),
        "percent": CURVE_PERCENTS,
        "target_accuracy": np.mean(target, axis=0),
        "reference_accuracy": np.mean(reference, axis=0),
    }
