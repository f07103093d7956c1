"""The part on the attack during training: accuracy and agreeing votes of every tested epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.dejavu.page.verdict import in_points
from imprint.report.blocks import Block, Figures, Paragraph, Part
from imprint.report.figure import Axis, Lines, Series, estimates
from imprint.report.inputs import read_columns
from imprint.report.wording import count, percent, short_percent
from imprint.stats.bootstrap import mean_share, mean_share_difference
from imprint.stats.choices import widen_for_choices
from imprint.stats.estimate import Estimate
from imprint.study.tables import Table

SIDES = ("A", "B")


@dataclass(frozen=True)
class TestedEpoch:
    """What the attack found after an epoch, over the crops of A and of B.

    Attributes:
        epoch: epochs done.
        target: accuracy of the encoder that is trained on the image.
        reference: accuracy of the other one.
        score: the first less the second, paired by image.
        votes: mean number of agreeing votes per crop of the target, and of the reference.
        voters: neighbours that vote at most.
    """

    epoch: int
    target: Estimate
    reference: Estimate
    score: Estimate
    votes: tuple[float, float]
    voters: int


def online_attack(models: Path) -> list[Block]:
    """Return the part, or nothing where encoders A and B were not attacked as they trained.

    Args:
        models: folder of ``A/attack`` and ``B/attack``.

    Raises:
        ImprintError: a table is missing or damaged.
    """
    epochs = tested_epochs(models)
    if not epochs:
        return []
    text = (
        f"{_verdict(epochs)} Votes and neighbours of every crop are in "
        "models/A/attack and models/B/attack, one table an epoch."
    )
    blocks: list[Block] = [Paragraph(text, "plain"), Figures([online_figure(epochs)])]
    return [Part("While the encoders trained", blocks, "dejavu-online", "During training")]


def tested_epochs(models: Path) -> list[TestedEpoch]:
    """Return what the tables of both encoders say, by epoch; none where one has no table."""
    files = [
        {
            int(file.stem.removeprefix("epoch_")): file
            for file in sorted(folder.glob("epoch_*.parquet"))
        }
        for folder in (models / side / "attack" for side in SIDES)
    ]
    both = sorted(files[0].keys() & files[1].keys())
    return [_tested(epoch, files[0][epoch], files[1][epoch]) for epoch in both]


def _tested(epoch: int, *files: Path) -> TestedEpoch:
    names = ("side", "right", "votes", "neighbours")
    tables: Sequence[Table] = [read_columns(file, *names) for file in files]
    index = [table["index"] for table in tables]
    if not np.array_equal(index[0], index[1]):
        raise ImprintError(
            f"{files[0].parent} and {files[1].parent} hold other crops: delete both and run again"
        )
    of_a = tables[0]["side"] == 0
    right, votes = (
        (
            np.where(of_a, tables[0][name], tables[1][name]).astype(np.float64),
            np.where(of_a, tables[1][name], tables[0][name]).astype(np.float64),
        )
        for name in ("right", "votes")
    )
    random = generator(0, "online attack", epoch)
    return TestedEpoch(
        epoch,
        mean_share(right[0], random),
        mean_share(right[1], random),
        mean_share_difference(*right, random),
        (_mean(votes[0]), _mean(votes[1])),
        tables[0]["neighbours"].shape[1],
    )


def _mean(values: FloatArray) -> float:
    return float(values.mean())


def _verdict(epochs: Sequence[TestedEpoch]) -> str:
    shown = [e for e in epochs if widen_for_choices(e.score, len(epochs)).low > 0]
    last = epochs[-1]
    if not shown:
        return (
            f"At none of {count(len(epochs))} tested epochs does the déjà vu score stand above "
            f"noise; after epoch {count(last.epoch)} it is {in_points(last.score)}."
        )
    best = max(epochs, key=lambda each: each.score.value)
    return (
        f"The déjà vu score first stands above noise after epoch {count(shown[0].epoch)} "
        f"({in_points(shown[0].score)}) and is largest after epoch {count(best.epoch)} "
        f"({in_points(best.score)}), of {count(len(epochs))} tested epochs."
    )


def online_figure(epochs: Sequence[TestedEpoch]) -> Lines:
    """Return accuracy against epoch, and below it how many neighbours agree."""
    x = [float(each.epoch) for each in epochs]
    axis = Axis("epoch of training", whole=True)
    last = epochs[-1]
    agreeing = Lines(
        name="online-votes",
        title="",
        caption="",
        description="",
        x=axis,
        y=Axis("agreeing votes", low=0),
        series=[
            Series("", x, [each.votes[0] for each in epochs], colour="target", marker="dot"),
            Series("", x, [each.votes[1] for each in epochs], colour="reference", marker="dot"),
        ],
        legend="none",
        height=120,
    )
    return Lines(
        name="online-attack",
        title="Accuracy and votes",
        caption="Above, how often the encoder trained on an image and the other one name its "
        "object from the background, with 95% intervals; below, how many of the neighbours that "
        "vote have its class, the mean over crops.",
        description=f"Line plots over {count(len(epochs))} epochs: after epoch {count(last.epoch)} "
        f"the target is right on {percent(last.target.value)}, the reference on "
        f"{percent(last.reference.value)}.",
        x=axis,
        y=Axis("accuracy", short_percent, low=0),
        series=[
            estimates("target", x, [each.target for each in epochs], colour="target"),
            estimates("reference", x, [each.reference for each in epochs], colour="reference"),
        ],
        apart=True,
        below=agreeing,
    )
