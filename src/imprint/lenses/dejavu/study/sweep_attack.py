"""The step that attacks every checkpoint of a sweep; one row per point and epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.device import DeviceName
from imprint.data.imageset import ImageSet
from imprint.lenses.dejavu.findings import (
    Accuracies,
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
from imprint.lenses.dejavu.study.guess import SIDES, Guesser
from imprint.lenses.dejavu.study.search import search_findings
from imprint.lenses.dejavu.study.sweep_points import Setting
from imprint.lenses.dejavu.study.two_model_tables import attack_pair
from imprint.study.counted import uncounted
from imprint.study.finding import write_finding
from imprint.study.step import Step
from imprint.study.tables import write_table


@dataclass(frozen=True)
class AttackedPoint:
    """What the test of one point depends on: its encoders, views, crops and options.

    A card holds no paths, so the options of the images, which name a folder, are left out.
    """

    axis: str
    value: str
    folder: str
    views: tuple[str, str]
    attacked: AttackedSet
    attack: AttackChoice
    last_epoch: int
    seed: int

    @classmethod
    def of(cls, point: Setting, folder: str, attacked: AttackedSet) -> AttackedPoint:
        """Return a point of the sweep with the folder of its encoders and its crops."""
        options, attack = point.options, attack_of(point.options)
        where = point.axis, point.value, folder, point.views
        return cls(*where, attacked, attack, options.train.last_epoch, options.seed)


@dataclass(frozen=True)
class AttackSweep(Step):
    """Run the two-model test of every point at every snapshot, with its probes beside it.

    Writes ``points.parquet`` and ``findings.json``; ``probes`` has the accuracies of linear probes
    by folder of encoders, where there are any.
    """

    images: ImageSet
    points: tuple[AttackedPoint, ...]
    probes: Mapping[str, Accuracies]
    embeddings: Path = uncounted()
    device: DeviceName = uncounted(default="auto")
    indexes: Path | None = uncounted(default=None)

    artefact = "tables/dejavu_sweep"

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """Embeddings, and the indexes of an approximate search."""
        return ("tables/embeddings", *(() if self.indexes is None else ("tables/search",)))

    def build(self, path: Path) -> None:
        """Write findings and table."""
        path.mkdir()
        points = tuple(tested for point in self.points for tested in self._test(point))
        write_finding(path / "findings.json", SweepFindings(points))
        write_points(path / "points.parquet", points)

    def _test(self, point: AttackedPoint) -> Iterator[SweepPoint]:
        attack, probes = point.attack, self.probes.get(point.folder)
        percents, top = attack.top_percent, attack.top_classes
        tables, classes = self.embeddings / point.folder, len(self.images.classes)
        indexes = None if self.indexes is None else self.indexes / point.folder
        guesser = Guesser(tables, self.images, attack, self.device, *point.views, indexes)
        snapshots = [(epoch, f"@{epoch}") for epoch in guesser.snapshots]
        for epoch, suffix in (*snapshots, (point.last_epoch, "")):
            pair = attack_pair(guesser, point.attacked, suffix)
            sides = pair.sides
            yield SweepPoint(
                axis=point.axis,
                value=point.value,
                epoch=epoch,
                last=not suffix,
                top=top,
                two_model=two_model(sides, percents, top, point.seed),
                two_model_top5=top5_test(sides, classes, percents, top, point.seed),
                linear_probe=None if probes is None else {s: probes[s + suffix] for s in SIDES},
                search=search_findings(attack, pair.recall),
            )


def write_points(path: Path, points: Sequence[SweepPoint]) -> None:
    """Write one row per point, epoch, share of most confident images and number of top classes."""
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
