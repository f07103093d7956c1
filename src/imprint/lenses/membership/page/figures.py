"""The plots of the membership section: what each shows, and the sentence under it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from markupsafe import Markup

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.cohort.agreement import (
    MIN_TOP_RECORDS,
    Agreement,
    agreement,
    overlaps,
    top_sets,
    top_size,
)
from imprint.lenses.membership.page import plots as plots
from imprint.report.inputs import read_columns
from imprint.report.section import Figure
from imprint.report.wording import count, percent, plural
from imprint.stats import Roc, roc
from imprint.study.tables import Table

SAME = " = "
YARDSTICK = "loss"


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


def membership_figures(scores: Mapping[str, FloatArray], members: BoolArray) -> list[Figure]:
    """Return the plots of the membership section.

    Args:
        scores: float64 ``[N]`` by attack, the best first.
        members: bool ``[N]``.
    """
    curves = _different(
        {name: roc(score[members], score[~members]) for name, score in scores.items()}
    )
    shown = _chosen(curves)
    least = next(iter(curves.values())).resolution
    rest = len(curves) - len(shown)
    tail = f" Left out: {plural(rest, 'more attack')} of another order." if rest else ""
    figures = [
        Figure(
            "Members found, by the false alarms allowed",
            Markup(plots.log_roc(shown)),
            f"Exact steps, no interpolation. {count(round(1 / least))} non-members show no rate "
            f"below {percent(least, 2)}, so nothing is drawn there. The dotted line is guessing. "
            f"Attacks that order all records alike share a line.{tail}",
        )
    ]
    if len(scores) > 1:
        figures.append(_agreement(scores))
        figures += intersection_figure(agreement(list(scores), top_sets(scores)), 1)
    return figures


def _different(curves: Mapping[str, Roc]) -> dict[str, Roc]:
    """Return the curves that differ, each under the names of all attacks that have it."""
    names: dict[bytes, list[str]] = {}
    for name, curve in curves.items():
        names.setdefault(curve.tpr.tobytes() + curve.fpr.tobytes(), []).append(name)
    return {SAME.join(same): curves[same[0]] for same in names.values()}


def _chosen(curves: Mapping[str, Roc]) -> dict[str, Roc]:
    """Return the best curves, and in place of the last that of the loss, the usual yardstick."""
    names = list(curves)
    shown = names[: plots.MOST_CURVES]
    yardstick = [name for name in names if YARDSTICK in name.split(SAME)]
    if yardstick and yardstick[0] not in shown:
        shown[-1] = yardstick[0]
    return {name: curves[name] for name in shown}


def _agreement(scores: Mapping[str, FloatArray]) -> Figure:
    chosen = dict(list(scores.items())[: plots.MOST_ATTACKS])
    records = len(next(iter(chosen.values())))
    size = top_size(records)
    what = "1%" if size > MIN_TOP_RECORDS else percent(size / records)
    return Figure(
        "Do attacks suspect the same records?",
        Markup(plots.agreement_matrix(list(chosen), overlaps(top_sets(chosen)))),
        f"Of the {count(size)} records each attack suspects most (the top {what}; all that tie "
        "with the last), the percentage that the other attack suspects as well, of the smaller "
        "set. Attacks that agree for no reason would share about as much as the top is of all.",
    )


def intersection_figure(found: Agreement, models: int) -> list[Figure]:
    """Return which records are suspected by which attacks together; nothing if all are alike.

    Args:
        found: what attacks agree on.
        models: how many targets.
    """
    if len(found.attacks) < 2:
        return []
    names = [SAME.join(same) for same in found.attacks]
    bars = [number for pattern, number in found.counts if any(pattern)]
    unseen = sum(bars[plots.MOST_INTERSECTIONS :])
    mean = f"The mean over {plural(models, 'model')}. " if models > 1 else ""
    rest = [f"{plural(found.others, 'more attack')} with other suspects"] if found.others else []
    rest += [f"smaller bars, {plots.records(unseen)} records together"] if unseen else []
    tail = f"Left out: {'; '.join(rest)}." if rest else ""
    return [
        Figure(
            "Which records do attacks suspect together?",
            Markup(plots.upset(names, found.counts)),
            "Each bar counts the records that are among the most suspected of exactly the attacks "
            "with a dot below it, so no record counts twice; grey bars are of one attack alone. "
            "Beside each name, how many that attack suspects in all; attacks that suspect the same "
            f"share a row. {mean}{tail}".strip(),
        )
    ]
