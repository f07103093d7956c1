"""What adversarial inputs change in the coverage of sets, beside fresh clean inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.lenses.coverage.experiments.adversarial_findings import AttackFindings, CoverageChange
from imprint.lenses.coverage.measure.mixtures import (
    WAYS,
    MeasuredSets,
    Mixtures,
    mixture_counts,
)
from imprint.stats.bootstrap import mean, mean_count
from imprint.stats.estimate import Estimate
from imprint.stats.holm import holm
from imprint.stats.permutation import paired_permutation

MIN_RANGE = 1e-12

ByCriterion = dict[str, tuple[CoverageChange, ...]]


def changes_of(
    sets: Sequence[MeasuredSets],
    shares: Sequence[float],
    marks: Mapping[str, float],
    seed: int,
) -> dict[str, ByCriterion]:
    """Return the changes by attack and criterion; none where an attack has no sets.

    Args:
        sets: of every attack and size.
        shares: of a set that are replaced or added.
        marks: by how much one mark raises the value of a criterion that counts some.
        seed: of the resamples.
    """
    found: dict[str, ByCriterion] = {}
    for each in sets:
        by_criterion = found.setdefault(each.attack, {})
        if isinstance(each.mixtures, Missing):
            continue
        for name, mixtures in each.mixtures.items():
            whole = change_range(sets, name)
            more = tuple(changes(mixtures, each.size, shares, whole, marks.get(name), seed))
            by_criterion[name] = by_criterion.get(name, ()) + more
    return found


def change_range(sets: Sequence[MeasuredSets], name: str) -> float:
    """Return the range of all changes of one criterion, over attacks, sizes, shares and draws."""
    parts = [
        each.mixtures[name].changes.ravel()
        for each in sets
        if not isinstance(each.mixtures, Missing)
    ]
    return float(np.ptp(np.concatenate(parts))) if parts else 0.0


def changes(
    mixtures: Mixtures,
    size: int,
    shares: Sequence[float],
    whole_range: float,
    mark: float | None,
    seed: int,
) -> Iterator[CoverageChange]:
    """Yield the changes of one criterion by share and way.

    Args:
        mixtures: values on sets of this size.
        size: inputs of a set.
        shares: of a set.
        whole_range: of all changes of the criterion.
        mark: by how much one mark raises its value; None where it counts none.
        seed: of the resamples.
    """
    random = generator(seed, "mixture intervals")
    values = mixtures.changes
    for place, (share, count) in enumerate(zip(shares, mixture_counts(size, shares), strict=True)):
        for column, way in enumerate(WAYS):
            change, fresh = values[:, place, column, 0], values[:, place, column, 1]
            excess = _mean(change - fresh, mark, random)
            p = paired_permutation(change - fresh, random)
            yield CoverageChange(
                way=way,
                size=size,
                share=share,
                inputs=count,
                change=_mean(change, mark, random),
                relative=_relative(change, mixtures.alone),
                ncov=float(change.mean() / whole_range) if whole_range > MIN_RANGE else 0.0,
                fresh=_mean(fresh, mark, random),
                excess=excess,
                p=p,
                adjusted=p,
            )


def adjusted(attacks: Mapping[str, AttackFindings]) -> dict[str, AttackFindings]:
    """Return findings whose p-values are adjusted for all changes together."""
    known = [
        change.p
        for attack in attacks.values()
        for each in attack.changes.values()
        for change in each
    ]
    values = iter(holm(np.array(known)).tolist()) if known else iter(())
    return {
        attack: replace(
            found,
            changes={
                name: tuple(replace(change, adjusted=next(values)) for change in each)
                for name, each in found.changes.items()
            },
        )
        for attack, found in attacks.items()
    }


def _mean(values: FloatArray, mark: float | None, random: np.random.Generator) -> Estimate:
    return mean(values, random) if mark is None else mean_count(values, random, mark)


def _relative(change: FloatArray, alone: FloatArray) -> float | None:
    return float((change / alone).mean()) if (alone != 0).all() else None
