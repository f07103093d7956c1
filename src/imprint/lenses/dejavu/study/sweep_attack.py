"""The step that attacks every checkpoint of a sweep; one row a point and epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.device import DeviceName
from imprint.data.imageset import ImageSet
from imprint.lenses.dejavu.findings import (
    MemorizationEstimates,
    SweepFindings,
    SweepPoint,
    probe_accuracy,
)
from imprint.lenses.dejavu.memorization.two_model import (
    QUANTITIES,
    TOP_OF_SECOND_TEST,
    top5_test,
    two_model,
)
from imprint.lenses.dejavu.options import AttackChoice, attack_of
from imprint.lenses.dejavu.study.backgrounds import AttackedSet
from imprint.lenses.dejavu.study.encoders import Accuracies
from imprint.lenses.dejavu.study.guess import SIDES, Guesser
from imprint.lenses.dejavu.study.sweep_points import Setting
from imprint.lenses.dejavu.study.two_model_tables import attack_pair
from imprint.study.counted import uncounted
from imprint.study.finding import write_finding
from imprint.study.step import Step
from imprint.study.tables import write_table


@dataclass(frozen=True)
class SweptEncoders:
    """The encoders of one point, and how they are attacked.

    Attributes:
        axis: the option that is varied.
        value: of it, as text.
        folder: of the encoders.
        views: names of the views of public images and of crops.
        attacked: images and crops.
        attack: how neighbours vote.
        last_epoch: at which training ends.
        seed: of the bootstrap.
        probes: accuracies of linear probes by checkpoint; None without.
    """

    axis: str
    value: str
    folder: str
    views: tuple[str, str]
    attacked: AttackedSet
    attack: AttackChoice
    last_epoch: int
    seed: int
    probes: Accuracies | None

    @classmethod
    def of(
        cls,
        point: Setting,
        folder: str,
        views: tuple[str, str],
        attacked: AttackedSet,
        probes: Accuracies | None,
    ) -> SweptEncoders:
        """Return the encoders of a point of the sweep."""
        options = point.options
        attack, last_epoch = attack_of(options), options.train.last_epoch
        return cls(
            *(point.axis, point.value, folder, views, attacked),
            *(attack, last_epoch, options.seed, probes),
        )


@dataclass(frozen=True)
class AttackSweep(Step):
    """Run the two-model test of every point at every snapshot, with its probes beside it.

    Writes ``points.parquet`` and ``findings.json``.

    Attributes:
        images: labels and classes.
        encoders: of every point.
        embeddings: folder of the tables of :class:`EmbedViews`.
        device: where neighbours are searched.
    """

    images: ImageSet
    encoders: tuple[SweptEncoders, ...]
    embeddings: Path = uncounted()
    device: DeviceName = uncounted(default="auto")

    artefact = "tables/dejavu_sweep"
    inputs = ("tables/embeddings",)

    def build(self, path: Path) -> None:
        """Write findings and table."""
        path.mkdir()
        points = tuple(row for encoders in self.encoders for row in self._attack(encoders))
        write_finding(path / "findings.json", SweepFindings(points))
        write_points(path / "points.parquet", points)

    def _attack(self, encoders: SweptEncoders) -> Iterator[SweepPoint]:
        folder, attack = self.embeddings / encoders.folder, encoders.attack
        guesser = Guesser(folder, self.images, attack, self.device, *encoders.views)
        checkpoints = {epoch: f"@{epoch}" for epoch in guesser.snapshots}
        for epoch, suffix in (*checkpoints.items(), (encoders.last_epoch, "")):
            sides = attack_pair(guesser, encoders.attacked, suffix).sides
            percents, top, seed = attack.top_percent, attack.top_classes, encoders.seed
            probes = encoders.probes
            yield SweepPoint(
                axis=encoders.axis,
                value=encoders.value,
                epoch=epoch,
                last=not suffix,
                top=top,
                two_model=two_model(sides, percents, top, seed),
                two_model_top5=top5_test(sides, len(self.images.classes), percents, top, seed),
                linear_probe=None if probes is None else {s: probes[s + suffix] for s in SIDES},
            )


def write_points(path: Path, points: Sequence[SweepPoint]) -> None:
    """Write a row a point, epoch, share of most confident images and number of top classes."""
    rows: list[tuple[SweepPoint, float, int, MemorizationEstimates]] = [
        (point, float(percent), top, estimates)
        for point in points
        for top, test in (
            (point.top, point.two_model),
            (TOP_OF_SECOND_TEST, point.two_model_top5 or {}),
        )
        for percent, estimates in test.items()
    ]
    columns = {
        "index": np.arange(len(rows)),
        "axis": np.array([point.axis for point, *_ in rows]),
        "value": np.array([point.value for point, *_ in rows]),
        "epoch": np.array([point.epoch for point, *_ in rows]),
        "percent": np.array([percent for _, percent, *_ in rows]),
        "top": np.array([top for *_, top, _ in rows]),
    }
    for name in QUANTITIES:
        estimates = [getattr(each, name) for *_, each in rows]
        columns[name] = np.array([each.value for each in estimates])
        columns[f"{name}_low"] = np.array([each.low for each in estimates])
        columns[f"{name}_high"] = np.array([each.high for each in estimates])
    for part in ("train", "held_out"):
        columns[f"probe_{part}"] = np.array([probe_accuracy(point, part) for point, *_ in rows])
    write_table(path, columns)
