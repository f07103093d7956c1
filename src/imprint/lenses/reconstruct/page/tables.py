"""Recall and quality of samples as tables, for page and terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from imprint.core.missing import Missing
from imprint.lenses.reconstruct.findings import (
    Difference,
    EncoderRecall,
    ReconstructFindings,
    SampleQuality,
    SetRecall,
)
from imprint.lenses.reconstruct.quality.frechet import FrechetQuality
from imprint.lenses.reconstruct.quality.manifold import ManifoldQuality, ManifoldScores
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.wording import count, fixed, p_value, percent, plural, points, quantity

SIMILARITY = fixed(3)
SCORES = ("precision", "recall", "density", "coverage")
ROLES = ("target", "reference")


def recall_table(images: SetRecall, title: str = "", caption: str = "") -> Table:
    """Return what samples of a set of images have in common with them."""
    columns = [
        Column(plural(images.images, "image"), key="compared"),
        Column("original’s class", percent),
        Column("similarity to the original", SIMILARITY),
    ]
    return Table(columns, _recall_rows(images), title=title, caption=caption)


def _recall_rows(images: SetRecall) -> list[list[Value | Cell]]:
    rows: list[list[Value | Cell]] = [
        ["originals themselves (upper bound)", images.classifier_accuracy, None],
    ]
    for role, recall in images.encoders.items():
        rows.append([f"samples of the {role}", recall.class_share, recall.similarity])
    for role, recall in images.encoders.items():
        rows.append([f"{role}, other originals (chance)", *_chance(recall)])
    if images.class_share is not None:
        rows.append(
            [
                "target minus reference",
                _difference(images.class_share, percentage=True),
                _difference(images.similarity, percentage=False),
            ]
        )
    return rows


def _chance(recall: EncoderRecall) -> tuple[Value, Value]:
    return recall.class_share_shuffled, recall.similarity_shuffled


def _difference(difference: Difference | Missing | None, percentage: bool) -> Value | Cell:
    if difference is None or isinstance(difference, Missing):
        return difference
    write = points if percentage else fixed(3, sign=True)
    return Cell(difference.estimate, note=p_value(difference.p_value), write=write)


def quality_table(findings: ReconstructFindings, title: str = "", caption: str = "") -> Table:
    """Return the quality of samples beside that of real images, a row a measure."""
    quality = [findings.quality[role] for role in ROLES if role in findings.quality]
    columns = [
        Column("measure"),
        *(Column(role, quantity) for role in ROLES if role in findings.quality),
        Column("real against real", quantity),
    ]
    rows = [*_frechet_rows(quality), _kernel_row(quality), *_manifold_rows(quality)]
    return Table(columns, rows, title=title, caption=caption)


def _frechet_rows(quality: Sequence[SampleQuality]) -> list[list[Value | Cell]]:
    frechet = [each.frechet for each in quality]
    known = [each for each in frechet if isinstance(each, FrechetQuality)]
    if not known:
        return [["Fréchet distance", *(_missing(each) for each in frechet), None]]
    first = known[0]
    low, high = first.floor_range
    floor = Cell(first.floor, note=f"{quantity(low)} to {quantity(high)}")
    return [
        [
            f"Fréchet distance, {count(first.half)} against {count(first.half)}",
            *(_of(each, lambda measure: measure.at_half) for each in frechet),
            floor,
        ],
        [
            f"Fréchet distance, {count(first.n_generated)} against {count(first.n_real)}",
            *(_of(each, lambda measure: measure.value) for each in frechet),
            None,
        ],
    ]


def _kernel_row(quality: Sequence[SampleQuality]) -> list[Value | Cell]:
    return ["kernel distance", *(each.kernel for each in quality), Cell(0.0, note="on average")]


def _manifold_rows(quality: Sequence[SampleQuality]) -> list[list[Value | Cell]]:
    manifolds = [each.manifold for each in quality]
    known = [each for each in manifolds if isinstance(each, ManifoldQuality)]
    half = f", {plural(known[0].half, 'image')}" if known else ""
    rows: list[list[Value | Cell]] = []
    for name in SCORES:
        cells = [_of(each, lambda measure, name=name: _score(measure.at_half, name))
                 for each in manifolds]  # fmt: skip
        ceiling = _score(known[0].ceiling, name) if known else None
        rows.append([f"{name}{half}", *cells, ceiling])
    return rows


def _score(scores: ManifoldScores, name: str) -> Cell:
    return Cell(float(getattr(scores, name)), write=fixed(2) if name == "density" else percent)


def _of(
    measure: FrechetQuality | ManifoldQuality | Missing, value: Callable[..., Value | Cell]
) -> Value | Cell:
    return measure if isinstance(measure, Missing) else value(measure)


def _missing(measure: FrechetQuality | Missing) -> Value:
    return measure if isinstance(measure, Missing) else None
