"""Figures of attacks: ROC curves, overlap of what they suspect, and its intersections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.cohort.agreement import (
    MIN_TOP_RECORDS,
    TopSetAgreement,
    agreement,
    overlaps,
    top_sets,
    top_size,
)
from imprint.report.figures.lines import Lines
from imprint.report.figures.matrix import Matrix
from imprint.report.figures.upset import Upset
from imprint.report.inputs import read_columns
from imprint.report.marks import Axis, Figure, Series
from imprint.report.wording import count, decimal, percent, plural, short_percent
from imprint.stats.roc import Roc, roc, tpr_at_fpr
from imprint.study.tables import Table

SAME = " = "
YARDSTICK = "loss"
MAX_CURVES = 4
MAX_ATTACKS = 10
MAX_INTERSECTIONS = 12
COLUMNS_PER_DECADE = 200


def read_scores(folder: Path, names: list[str]) -> tuple[Table, dict[str, FloatArray]]:
    """Return ``index`` and ``member`` of the records, and the score of each attack.

    Args:
        folder: ``membership`` of the study.
        names: of the attacks.

    Raises:
        ImprintError: a table is missing or damaged, or is not of the same records.
    """
    tables = {name: read_columns(folder / f"{name}.parquet", "score", "member") for name in names}
    first = tables[names[0]]
    for name, table in tables.items():
        if any(not np.array_equal(table[key], first[key]) for key in ("index", "member")):
            raise ImprintError(
                f"{folder / name}.parquet and {names[0]}.parquet are not of the same records: "
                f"delete {folder} and run again"
            )
    scores = {name: table["score"].astype(np.float64) for name, table in tables.items()}
    return {"index": first["index"], "member": first["member"].astype(bool)}, scores


@dataclass(frozen=True)
class Curve:
    """True positive rates by false positive rate, both float64 ``[m]``, level between places."""

    fpr: FloatArray
    tpr: FloatArray

    def at(self, rate: float) -> float:
        """Return the true positive rate at a false positive rate."""
        return float(self.tpr[np.searchsorted(self.fpr, rate * (1 + 1e-12), side="right") - 1])


def membership_figures(scores: Mapping[str, FloatArray], members: BoolArray) -> list[Figure]:
    """Return the figures of attacks on one network.

    Args:
        scores: float64 ``[N]`` by attack, the best first.
        members: bool ``[N]``.
    """
    rocs = {name: roc(score[members], score[~members]) for name, score in scores.items()}
    different = join_equal(
        {name: each.tpr.tobytes() + each.fpr.tobytes() for name, each in rocs.items()}
    )
    shown = with_yardstick(list(different))
    first = next(iter(rocs.values()))
    rest = len(different) - len(shown)
    left_out = (
        f" Left out: {plural(rest, 'more attack')} that order records differently." if rest else ""
    )
    figures: list[Figure] = [
        roc_figure(
            {label: exact_curve(rocs[different[label]]) for label in shown},
            1 / first.positives,
            f"Exact steps, no interpolation. {count(round(1 / first.resolution))} non-members "
            f"resolve no rate below {percent(first.resolution, 2)}, so nothing is drawn there. The "
            "dotted line is guessing. Attacks that order all records alike share a line."
            + left_out,
        )
    ]
    if len(scores) > 1:
        figures.append(_overlap_of_one_target(scores))
        figures += intersection_figures(agreement(list(scores), top_sets(scores)), 1)
    return figures


def join_equal(contents: Mapping[str, bytes]) -> dict[str, str]:
    """Return the first attack of each kind of content by the names of all that have it.

    >>> join_equal({"loss": b"1", "rmia": b"2", "mentr": b"1"})
    {'loss = mentr': 'loss', 'rmia': 'rmia'}
    """
    names: dict[bytes, list[str]] = {}
    for name, content in contents.items():
        names.setdefault(content, []).append(name)
    return {SAME.join(same): same[0] for same in names.values()}


def with_yardstick(labels: Sequence[str]) -> list[str]:
    """Return the first labels, and in place of the last that of the loss, the usual yardstick."""
    shown = list(labels[:MAX_CURVES])
    yardstick = [label for label in labels if YARDSTICK in label.split(SAME)]
    if yardstick and yardstick[0] not in shown:
        shown[-1] = yardstick[0]
    return shown


def roc_figure(curves: Mapping[str, Curve], least_tpr: float, caption: str) -> Lines:
    """Return true against false positive rates, both on logarithmic axes.

    Args:
        curves: by name, ``MAX_CURVES`` at most, from the same false positive rate on.
        least_tpr: the least true positive rate above 0.
        caption: below the figure.
    """
    low = float(next(iter(curves.values())).fpr[0])
    spoken = "; ".join(f"{name} {percent(curve.at(0.1))}" for name, curve in curves.items())
    guessing = Series("", [low, 1.0], [low, 1.0], colour="muted", dash="dotted", thin=True)
    steps = [
        Series(name, curve.fpr, np.maximum(curve.tpr, least_tpr), line="steps")
        for name, curve in curves.items()
    ]
    return Lines(
        name="membership-roc",
        title="ROC curves, both axes logarithmic",
        caption=caption,
        description=f"True against false positive rates from {short_percent(low)} on. TPR at 10% "
        f"FPR: {spoken}.",
        x=Axis("false positive rate", short_percent, low=low, high=1, log=True),
        y=Axis("true positive rate", short_percent, low=min(low, least_tpr), high=1.15, log=True),
        series=[guessing, *steps],
        height=270,
    )


def exact_curve(curve: Roc) -> Curve:
    """Return where a curve rises from its resolution on.

    Of places closer than half a plot unit the first is kept.
    """
    last_of_rate = np.append(np.diff(curve.fpr) > 0, True)
    fpr, tpr = curve.fpr[last_of_rate], curve.tpr[last_of_rate]
    seen = fpr > curve.resolution * (1 + 1e-12)
    start = tpr_at_fpr(curve, curve.resolution * (1 + 1e-12))
    x = np.concatenate([[curve.resolution], fpr[seen]])
    y = np.concatenate([[start], tpr[seen]])
    column = np.floor(np.log10(x) * COLUMNS_PER_DECADE)
    kept = np.append(True, np.diff(column) > 0)
    kept[-1] = True
    return Curve(x[kept], y[kept])


def _overlap_of_one_target(scores: Mapping[str, FloatArray]) -> Matrix:
    chosen = dict(list(scores.items())[:MAX_ATTACKS])
    records = len(next(iter(chosen.values())))
    size = top_size(records)
    share = "1%" if size > MIN_TOP_RECORDS else percent(size / records)
    return overlap_figure(
        list(chosen),
        overlaps(top_sets(chosen)),
        f"Of the {count(size)} records each attack scores highest (the top {share}; all that tie "
        "with the last), the percentage that is also among those of the other attack, relative to "
        "the smaller set. Attacks that agree by chance share about as large a percentage as the "
        "top is of all records.",
    )


def overlap_figure(names: Sequence[str], shares: FloatArray, caption: str) -> Matrix:
    """Return how far the top records of two attacks are the same, as a matrix.

    Args:
        names: of the attacks, ``MAX_ATTACKS`` at most.
        shares: float64 ``[m, m]`` in [0, 1].
        caption: below the figure.
    """
    apart = shares[~np.eye(len(names), dtype=bool)]
    spread = (
        f", from {percent(float(apart.min()), 0)} to {percent(float(apart.max()), 0)}"
        if len(apart)
        else ""
    )
    return Matrix(
        name="membership-agreement",
        title="Do attacks rank the same records highest?",
        caption=caption,
        description=f"Matrix: overlap of the top records of {len(names)} attacks{spread}.",
        names=names,
        values=shares,
        write=lambda value: f"{100 * value:.0f}",
    )


def intersection_figures(agreed: TopSetAgreement, models: int) -> list[Upset]:
    """Return which records exactly which attacks suspect together; nothing if all are alike.

    Args:
        agreed: what attacks agree on.
        models: how many targets.
    """
    if len(agreed.attacks) < 2:
        return []
    names = [SAME.join(same) for same in agreed.attacks]
    suspected = [(pattern, number) for pattern, number in agreed.intersections if any(pattern)]
    sizes = [sum(number for on, number in suspected if on[row]) for row in range(len(names))]
    hidden = sum(number for _, number in suspected[MAX_INTERSECTIONS:])
    mean = f" The mean over {plural(models, 'model')}." if models > 1 else ""
    rest = (
        [f"{plural(agreed.others, 'more attack')} with other top records"] if agreed.others else []
    )
    rest += [f"smaller bars, {write_records(hidden)} records together"] if hidden else []
    left_out = f" Left out: {'; '.join(rest)}." if rest else ""
    return [
        Upset(
            name="membership-upset",
            title="Which attacks share their top records?",
            caption="Each bar counts the records that are among the top of exactly the attacks "
            "with a dot below it, so no record counts twice; grey bars are of a single attack. "
            "Beside each name, the size of that attack's top; attacks with the same top share a "
            f"row.{mean}{left_out}",
            description=_describe_intersections(names, suspected),
            names=names,
            sizes=[write_records(size) for size in sizes],
            columns=suspected[:MAX_INTERSECTIONS],
            write=write_records,
        )
    ]


def write_records(value: float) -> str:
    """Return a number of records, or a mean number: with one decimal where it is small.

    >>> write_records(12), write_records(6.3), write_records(1234.6), write_records(0.01)
    ('12', '6.3', '1,235', '<0.1')
    """
    if value >= 10 or value == round(value):
        return count(value)
    return decimal(value) if value >= 0.05 else "<0.1"


def _describe_intersections(
    names: Sequence[str], suspected: Sequence[tuple[tuple[bool, ...], float]]
) -> str:
    by_all = sum(value for on, value in suspected if all(on))
    alone = sum(value for on, value in suspected if sum(on) == 1)
    largest = [
        f"{write_records(value)} by {' and '.join(np.array(names)[list(on)])}"
        for on, value in suspected[:3]
    ]
    return (
        f"Bars: records among the top of {len(names)} attacks, by which suspect them. Of "
        f"{write_records(sum(value for _, value in suspected))} in all, {write_records(by_all)} by "
        f"every attack, {write_records(alone)} by one alone. Largest: {'; '.join(largest)}."
    )
