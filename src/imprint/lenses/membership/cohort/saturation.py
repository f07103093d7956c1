"""How many reference models an attack needs: its strength by their number, and where it stops.

Every model of a cohort is the target in turn; of the others, the first k of a random order are its
references, so that the references of one target are nested in k. Several orders a target show how
much the choice of references matters. Gains from one k to the next are paired by target and order.

Membership must be drawn by independent coins: in a part of an exactly balanced cohort, how many
references were trained on a record would reveal whether the target was
(:mod:`imprint.lenses.membership.cohort.references`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.core.seeds import generator
from imprint.lenses.membership.attack_kit.attack import Attack, AttackSettings, Evidence
from imprint.lenses.membership.attack_kit.evaluation import check_both
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.stats.crossed import crossed_reach
from imprint.stats.estimate import Estimate
from imprint.stats.roc import area, roc, tpr_at_fpr
from imprint.stats.tpr import too_few_negatives

RECORD_GROUPS = 20


@dataclass(frozen=True)
class Strength:
    """How well one attack does with each number of references.

    Attributes:
        auc: float64 ``[sizes, orders, K]``, a target a column.
        tpr: the same of the true positive rate at one false positive rate, without interpolation;
            all NaN where a target has too few non-members to place its threshold.
        auc_without: float64 ``[groups, sizes, orders, K]``, without each group of records.
        tpr_without: likewise.
    """

    auc: FloatArray
    tpr: FloatArray
    auc_without: FloatArray
    tpr_without: FloatArray


@dataclass(frozen=True)
class ByReferences:
    """The strength of some attacks.

    Attributes:
        sizes: numbers of references, rising.
        strengths: by attack.
        skipped: by attack that could not be run with each of these numbers, why.
    """

    sizes: tuple[int, ...]
    strengths: Mapping[str, Strength]
    skipped: Mapping[str, str]


def choose_sizes(models: int, wanted: Sequence[float]) -> tuple[int, ...]:
    """Return the numbers of references to try, rising: those wanted, or 2, 4, 8, …, K − 1.

    >>> choose_sizes(12, ())
    (2, 4, 8, 11)

    Raises:
        ImprintError: a number that is not whole or not in [2, K − 1].
    """
    if not wanted:
        powers = [2**power for power in range(1, models.bit_length()) if 2**power < models - 1]
        return (*powers, models - 1)
    for size in wanted:
        if size != int(size) or not 2 <= size <= models - 1:
            raise ImprintError(
                f"{size:g} references of {models} models: choose whole numbers from 2 to "
                f"{models - 1}"
            )
    return tuple(sorted({int(size) for size in wanted}))


def by_references(
    cohort: Cohort,
    attacks: Sequence[Attack],
    sizes: Sequence[int],
    orders: int,
    fpr: float,
    settings: AttackSettings,
    others: Mapping[str, FloatArray],
    seed: int,
) -> ByReferences:
    """Attack every model of a cohort with growing numbers of references.

    Costs as many attacks as targets · orders · sizes; with all K − 1 others there is one order.

    Args:
        cohort: its members drawn by independent coins.
        attacks: which.
        sizes: numbers of references in [1, K − 1].
        orders: random orders of the references of each target.
        fpr: of the true positive rate.
        settings: of the attacks.
        others: further signals of each model as a target, float64 ``[K, A, N]``.
        seed: of the orders.

    Raises:
        ImprintError: no order, or a target with fewer than two members or non-members.
    """
    if orders < 1:
        raise ImprintError(f"{orders} choices of references: at least 1 is needed")
    for members in cohort.members:
        check_both(members)
    records = cohort.members.shape[1]
    groups = min(RECORD_GROUPS, records // 2)
    group = generator(seed, "groups of records").permutation(records) % groups
    shape = (len(sizes), orders, len(cohort))
    shapes = (shape, shape, (groups, *shape), (groups, *shape))
    strengths = {
        attack.name: Strength(*(np.full(each, np.nan) for each in shapes)) for attack in attacks
    }
    skipped: dict[str, str] = {}
    for target in track(range(len(cohort)), "attack with more and more models", len(cohort)):
        for order in range(orders):
            rows = _order(len(cohort), target, order, seed)
            for place, size in enumerate(sizes):
                at = (place, order, target)
                if order and size == len(cohort) - 1:
                    _repeat_first_order(strengths, at)
                    continue
                evidence = _evidence(cohort, target, rows[:size], others)
                for attack in attacks:
                    reason = attack.missing(evidence)
                    if reason is not None:
                        skipped[attack.name] = reason
                        continue
                    scores = attack.score(evidence, settings)
                    members = cohort.members[target]
                    _measure(strengths[attack.name], at, scores, members, group, fpr)
    fewest = int((~cohort.members).sum(axis=1).min())
    if too_few_negatives(fewest, fpr) is not None:
        for strength in strengths.values():
            strength.tpr[:] = strength.tpr_without[:] = np.nan
    complete = {name: strength for name, strength in strengths.items() if name not in skipped}
    return ByReferences(tuple(sizes), complete, skipped)


Place = tuple[int, int, int]
"""Of a size, an order and a target."""


def _repeat_first_order(strengths: Mapping[str, Strength], at: Place) -> None:
    """Fill in what another order of all K − 1 others gives: the same as the first."""
    place, order, target = at
    for strength in strengths.values():
        for values in vars(strength).values():
            values[..., place, order, target] = values[..., place, 0, target]


def _measure(
    strength: Strength,
    at: Place,
    scores: FloatArray,
    members: BoolArray,
    group: IntArray,
    fpr: float,
) -> None:
    """Fill in how strong scores are, on all records and without each group of them."""
    strength.auc[at], strength.tpr[at] = strength_of(scores, members, fpr)
    for left in range(len(strength.auc_without)):
        kept = group != left
        area_left, rate_left = strength_of(scores[kept], members[kept], fpr)
        strength.auc_without[(left, *at)] = area_left
        strength.tpr_without[(left, *at)] = rate_left


def strength_of(scores: FloatArray, members: BoolArray, fpr: float) -> tuple[float, float]:
    """Return the area under the curve and the TPR at ``fpr``, without interpolation."""
    positives, negatives = scores[members], scores[~members]
    return area(positives, negatives), tpr_at_fpr(roc(positives, negatives), fpr * (1 + 1e-12))


def over_targets(values: FloatArray, without: FloatArray) -> Estimate:
    """Return the mean of values with its interval over targets and records.

    Args:
        values: float64 ``[orders, K]``.
        without: float64 ``[groups, orders, K]``, without each group of records.
    """
    each = values.mean(axis=0)
    value, reach = float(each.mean()), float(crossed_reach(each, without.mean(axis=1)))
    return Estimate(value, (value - reach, value + reach), len(each))


def gains(values: FloatArray, without: FloatArray) -> list[Estimate]:
    """Return what each size adds to the one before, paired by target: ``[sizes − 1]``.

    Args:
        values: float64 ``[sizes, orders, K]``.
        without: float64 ``[groups, sizes, orders, K]``.
    """
    steps, without_steps = np.diff(values, axis=0), np.diff(without, axis=1)
    return [over_targets(step, without_steps[:, place]) for place, step in enumerate(steps)]


def saturated_at(
    sizes: Sequence[int], values: Sequence[Estimate], steps: Sequence[Estimate]
) -> int | None:
    """Return the least size from which on no step gains as much as the value is uncertain.

    A step gains where it adds at least half the width of the interval of what it leads to. None
    where the last step still does, or where there is a single size.

    Args:
        sizes: rising.
        values: at each size.
        steps: gains from each size to the next.
    """
    wide = [(value.ci95[1] - value.ci95[0]) / 2 for value in values[1:]]
    pairs = zip(steps, wide, strict=True)
    still = [place for place, (step, half) in enumerate(pairs) if step.value >= half > 0]
    first = still[-1] + 1 if still else 0
    return sizes[first] if first < len(sizes) - 1 else None


def _order(models: int, target: int, order: int, seed: int) -> IntArray:
    mixed = generator(seed, "references", target, order).permutation(models)
    return np.asarray(mixed[mixed != target])


def _evidence(
    cohort: Cohort, target: int, rows: IntArray, others: Mapping[str, FloatArray]
) -> Evidence:
    """Return one model as the target, and some of the others as its references."""
    references = Cohort(
        {kind: values[rows] for kind, values in cohort.signals.items()},
        cohort.members[rows],
        {kind: values[rows] for kind, values in cohort.population.items()},
    )
    return Evidence(
        {kind: values[target] for kind, values in {**cohort.signals, **others}.items()},
        References(references),
        {kind: values[target] for kind, values in cohort.population.items()},
    )
