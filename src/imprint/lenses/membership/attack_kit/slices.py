"""How well an attack separates members within slices of the records.

Slices are read beside one another, so that some stand out by chance: of 100 classes alike, five
have a 95 % interval that misses. Intervals stay nominal, since each answers for its own slice.
What is claimed of a slice is corrected for all claims about all slices together, by Holm's rule
(1979), which holds whatever their dependence:

- *above chance*: members of the slice score higher than its non-members (Mann and Whitney 1947);
- *differs*: its AUC is not that of all other records. Both are measured on other records, so they
  are independent; the distances to the limits of both intervals add in squares (Zou and Donner
  2008), and the difference is compared with that.

Slices of fewer than ``MIN_SIDE`` members or non-members are not judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import derive
from imprint.lenses.membership.attack_kit.evaluation import FPRS, evaluate
from imprint.lenses.membership.slice_findings import SliceFinding, SliceFindings
from imprint.stats.estimate import Estimate
from imprint.stats.holm import holm
from imprint.stats.roc import auc
from imprint.stats.tpr import too_few_negatives, true_positive_rate

MIN_SIDE = 10
"""Members, and non-members, from which a slice is judged."""
MAX_SLICES = 1000
"""Values of one column beyond which it names records, not groups."""


@dataclass(frozen=True, eq=False)
class Grouping:
    """Which slice each record is in.

    Attributes:
        names: of the slices.
        codes: int64 ``[N]``, the slice of each record.
    """

    names: tuple[str, ...]
    codes: IntArray


def make_grouping(values: ArrayLike, count: int, what: str) -> Grouping:
    """Return the slices of a column, by its distinct values in their order.

    Args:
        values: ``[N]``, texts, whole numbers or flags.
        count: N.
        what: name of the column, for errors.

    Raises:
        ImprintError: not one text or whole number a record, or too many different ones.
    """
    column = np.asarray(values)
    if column.dtype.kind == "O" and all(isinstance(value, str) for value in column.ravel()):
        column = column.astype(str)
    if column.dtype.kind not in "biuU" or column.shape != (count,):
        raise ImprintError(
            f"{what} must be one text or whole number for each of the {count} records, got "
            f"{column.dtype} {list(column.shape)}"
        )
    distinct, codes = np.unique(column, return_inverse=True)
    if len(distinct) > MAX_SLICES:
        raise ImprintError(
            f"{what} has {len(distinct)} different values: give a column of at most {MAX_SLICES}"
        )
    return Grouping(tuple(str(value) for value in distinct.tolist()), codes.astype(np.int64))


def right_and_wrong(correct: BoolArray) -> Grouping:
    """Return the slices of right and of wrong predictions; bool ``[N]``."""
    return Grouping(("wrong", "right"), np.asarray(correct).astype(np.int64))


def collect_groupings(
    count: int,
    labels: ArrayLike | None = None,
    correct: ArrayLike | None = None,
    groups: ArrayLike | Mapping[str, ArrayLike] | None = None,
    rows: IntArray | None = None,
) -> dict[str, Grouping]:
    """Return the slices that columns of the records name.

    Args:
        count: N, records that the columns are of.
        labels: classes ``[N]``.
        correct: bool ``[N]``, whether the model gets each record right.
        groups: one column ``[N]``, or several by name.
        rows: int64, the records to keep; None for all.

    Raises:
        ImprintError: as :func:`make_grouping`, or a group column named as another grouping.
    """
    columns: dict[str, ArrayLike] = {} if labels is None else {"class": labels}
    named = groups if isinstance(groups, Mapping) else {"group": groups}
    for name, values in named.items():
        if name in ("class", "prediction"):
            raise ImprintError(f"the column of groups {name!r} has a name that is taken: rename it")
        if values is not None:
            columns[str(name)] = values
    found = {name: make_grouping(values, count, name) for name, values in columns.items()}
    if correct is not None:
        flags = np.asarray(correct)
        if flags.shape != (count,) or not np.isin(flags, (0, 1)).all():
            raise ImprintError(f"correct must be one flag for each of the {count} records")
        found["prediction"] = right_and_wrong(flags.astype(bool))
    if rows is None:
        return found
    return {name: Grouping(each.names, each.codes[rows]) for name, each in found.items()}


def slice_attack(
    scores: FloatArray,
    members: BoolArray,
    groupings: Mapping[str, Grouping],
    attack: str = "",
    fprs: Sequence[float] = FPRS,
    seed: int = 0,
) -> SliceFindings:
    """Return what an attack shows of every slice.

    Args:
        scores: float64 ``[N]``, larger where membership is more likely.
        members: bool ``[N]``.
        groupings: slices by what they share.
        attack: its name.
        fprs: false positive rates in (0, 1), falling.
        seed: of the halves for balanced accuracy.

    Raises:
        ImprintError: scores that are not finite.
    """
    outside = scores[~members]
    fpr = next((rate for rate in fprs[::-1] if too_few_negatives(len(outside), rate) is None), None)
    slices = {
        (grouping, name): _slice(
            scores, members, each.codes == code, fpr, fprs, derive(seed, "slice", grouping, name)
        )
        for grouping, each in groupings.items()
        for code, name in enumerate(each.names)
    }
    adjusted = adjust_together(slices)
    found: dict[str, dict[str, SliceFinding]] = {grouping: {} for grouping in groupings}
    for (grouping, name), finding in adjusted.items():
        found[grouping][name] = finding
    claims = sum(
        isinstance(p, float) for each in slices.values() for p in (each.above_chance, each.differs)
    )
    return SliceFindings(attack, None if fpr is None else f"{fpr:g}", claims, found)


def adjust_together(
    slices: Mapping[tuple[str, str], SliceFinding],
) -> dict[tuple[str, str], SliceFinding]:
    """Return slices whose p-values are adjusted for all of them (Holm)."""
    raw = [(each.above_chance, each.differs) for each in slices.values()]
    known = np.array([p for pair in raw for p in pair if not isinstance(p, Missing)])
    values = iter(holm(known).tolist())
    adjusted = {}
    for (place, each), pair in zip(slices.items(), raw, strict=True):
        above, differs = (p if isinstance(p, Missing) else next(values) for p in pair)
        adjusted[place] = SliceFinding(**{**vars(each), "above_chance": above, "differs": differs})
    return adjusted


def _slice(
    scores: FloatArray,
    members: BoolArray,
    inside: BoolArray,
    fpr: float | None,
    fprs: Sequence[float],
    seed: int,
) -> SliceFinding:
    here, elsewhere = members[inside], members[~inside]
    counts = int(here.sum()), int((~here).sum())
    exposed: Estimate | Missing = Missing("there are too few non-members to place a threshold")
    if fpr is not None and counts[0]:
        exposed = true_positive_rate(scores[inside & members], scores[~members], fpr)
    elif not counts[0]:
        exposed = Missing("there is no member")
    if min(counts) < MIN_SIDE:
        why = Missing(
            f"{counts[0]} members and {counts[1]} non-members: slices of fewer than {MIN_SIDE} of "
            "either are not judged"
        )
        return SliceFinding(*counts, why, {}, why, exposed, why, why)
    own = scores[inside]
    measured = evaluate(own, here, fprs, seed)
    differs: float | Missing = Missing("the other records are too few to compare with")
    if min(elsewhere.sum(), (~elsewhere).sum()) >= MIN_SIDE:
        rest = scores[~inside]
        differs = difference_p_value(measured.auc, auc(rest[elsewhere], rest[~elsewhere]))
    return SliceFinding(
        *counts,
        measured.auc,
        measured.tpr_at_fpr,
        measured.balanced_accuracy,
        exposed,
        _higher_p_value(own[here], own[~here]),
        differs,
    )


def difference_p_value(first: Estimate, second: Estimate) -> float:
    """Return the two-sided p-value of two independent estimates of one value.

    >>> round(difference_p_value(Estimate(0.8, (0.7, 0.9), 9), Estimate(0.5, (0.4, 0.6), 9)), 6)
    3.2e-05
    """
    higher, lower = (first, second) if first.value >= second.value else (second, first)
    gap = higher.value - lower.value
    reach = float(np.hypot(higher.value - higher.low, lower.high - lower.value))
    if reach == 0:
        return 1.0 if gap == 0 else 0.0
    return float(2 * ndtr(-gap / reach * ndtri(0.975)))


def _higher_p_value(positives: FloatArray, negatives: FloatArray) -> float:
    from scipy.stats import mannwhitneyu

    if np.ptp(np.concatenate([positives, negatives])) == 0:
        return 1.0
    return float(mannwhitneyu(positives, negatives, alternative="greater").pvalue)
