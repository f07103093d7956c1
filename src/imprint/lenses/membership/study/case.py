"""One target model and its references, from arrays that the user computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.attack_kit.duplicates import (
    count_tied_rows,
    first_of_groups,
    group_rows,
)
from imprint.lenses.membership.attack_kit.evaluation import check_both
from imprint.lenses.membership.cohort.references import (
    Cohort,
    References,
    completes_balanced_cohort,
)
from imprint.lenses.membership.cohort.stored_signals import (
    SignalArray,
    StoredSignals,
    each_model,
    preceded_by,
)
from imprint.study.array_file import array, read_array_file
from imprint.study.stored_array import StoredArray

SignalKind = Literal["phi", "log_curvature", "loss"]
TARGET_KINDS = ("mentr", "entropy", "distance")
"""Signals of the target alone, beside ``target``."""

LARGEST_SIGNAL = 1e100
"""Signals beyond it overflow when they are squared and multiplied."""


SIGNAL: Mapping[str, Any] = {
    "largest": LARGEST_SIGNAL,
    "remedy": "no network has such a margin, log-curvature or loss; clip it, or leave that record "
    "out",
}
OPTIONAL: Mapping[str, Any] = {**SIGNAL, "optional": True}


@dataclass(frozen=True, kw_only=True, eq=False)
class MembershipArrays:
    """Signals of N records: of the target model and, if there are some, of K reference models.

    A signal is the logit margin φ = log p_y − log Σ_{c≠y} p_c, the log of the input-loss curvature,
    or a loss of any kind. A views of each record are given; the first is the plain record.
    """

    target_members: BoolArray = array("N", "whether the target was trained on it", kind="flag")
    target: FloatArray = array("A N", "signals of the target", **SIGNAL)
    members: BoolArray | None = array(
        "K N", "trained on it, by reference", kind="flag", optional=True, needs=("signals",)
    )
    signals: FloatArray | None = array(
        "K A N", "signals of the references", needs=("members",), stored=True, **OPTIONAL
    )
    population: FloatArray | None = array(
        "A Q", "signals of the target on records that no model was trained on", **OPTIONAL
    )
    population_signals: FloatArray | None = array(
        "K A Q", "likewise of the references", needs=("signals",), **OPTIONAL
    )
    curvature_target: FloatArray | None = array(
        "B N", "log-curvatures of the target, beside margins", **OPTIONAL
    )
    curvature_signals: FloatArray | None = array(
        "K B N", "likewise of the references", needs=("curvature_target",), stored=True, **OPTIONAL
    )
    curvature_population: FloatArray | None = array(
        "B R", "likewise of the population", needs=("curvature_target",), **OPTIONAL
    )
    curvature_population_signals: FloatArray | None = array(
        "K B R", "of both", needs=("curvature_signals",), **OPTIONAL
    )
    mentr: FloatArray | None = array("_ N", "modified entropies under the target", **OPTIONAL)
    entropy: FloatArray | None = array("_ N", "entropies of the target's predictions", **OPTIONAL)
    distance: FloatArray | None = array(
        "_ N", "distances to the target's decision boundary", **OPTIONAL
    )
    trajectory: FloatArray | None = array(
        "E N", "losses of the target at E checkpoints", needs=("trajectory_signals",), **OPTIONAL
    )
    trajectory_signals: FloatArray | None = array(
        "K E N",
        "likewise of the references",
        needs=("trajectory", "signals"),
        stored=True,
        **OPTIONAL,
    )
    features: FloatArray | None = array(
        "F N",
        "what learned attacks read of a record beside signals: its class, an embedding",
        **OPTIONAL,
    )
    population_features: FloatArray | None = array(
        "F Q", "likewise of the population", needs=("features", "population"), **OPTIONAL
    )
    index: IntArray | None = array("N", "names of the records", kind="whole", optional=True)

    def part(self, name: str, prefix: str = "") -> FloatArray | None:
        """Return an array by its name behind a prefix; None where it is missing."""
        values: FloatArray | None = getattr(self, prefix + name)
        return values

    def references(self, name: str) -> SignalArray | None:
        """Return signals of the references by the name of their array; None where missing."""
        values: FloatArray | StoredArray | None = getattr(self, name)
        if isinstance(values, StoredArray):
            models, views, records = values.shape
            return StoredSignals((models, views, records), values.row, values.row_part)
        return values


@dataclass(frozen=True)
class _KindOfSignal:
    """What is known of one kind of signal; None what is not.

    Attributes:
        target: float64 ``[A, N]``.
        signals: float64 ``[K, A, N]``, of the references.
        population: float64 ``[A, Q]``.
        population_signals: float64 ``[K, A, Q]``.
    """

    target: FloatArray | None
    signals: SignalArray | None
    population: FloatArray | None = None
    population_signals: FloatArray | None = None

    @classmethod
    def of(cls, arrays: MembershipArrays, prefix: str) -> _KindOfSignal:
        """Return the arrays whose names begin with a prefix."""
        return cls(
            arrays.part("target", prefix),
            arrays.references(f"{prefix}signals"),
            arrays.part("population", prefix),
            arrays.part("population_signals", prefix),
        )

    def arrays(self) -> list[SignalArray]:
        """Return what is known."""
        every = (self.target, self.signals, self.population, self.population_signals)
        return [each for each in every if each is not None]

    def map(self, change: Callable[[FloatArray], FloatArray]) -> _KindOfSignal:
        """Return a function of every value."""

        def of(values: FloatArray | None) -> FloatArray | None:
            return None if values is None else change(values)

        if isinstance(self.signals, StoredSignals):
            signals: SignalArray | None = self.signals.map(change)
        else:
            signals = of(self.signals)
        return _KindOfSignal(
            of(self.target), signals, of(self.population), of(self.population_signals)
        )


@dataclass(frozen=True)
class Case:
    """One target and everything known about it.

    Attributes:
        index: int64 ``[N]``.
        members: bool ``[N]``.
        evidence: what attacks may read.
        copies: rows that repeat another one, and are left out.
        tied: rows left that share all their signals with another one.
    """

    index: IntArray
    members: BoolArray
    evidence: Evidence
    copies: int
    tied: int


def read_case(file: Path, signal: SignalKind = "phi") -> Case:
    """Return one target and its references from an ``.npz`` file of :class:`MembershipArrays`.

    Raises:
        ImprintError: an array is missing or unknown, shapes do not fit, or a value cannot be.
    """
    return make_case(read_array_file(MembershipArrays, file), signal, str(file))


def make_case(arrays: MembershipArrays, signal: SignalKind = "phi", where: str = "arrays") -> Case:
    """Return one target and its references.

    Args:
        arrays: signals, checked one by one.
        signal: what ``target``, ``signals`` and ``population`` hold.
        where: what to call the source in errors.

    Raises:
        ImprintError: too few members or non-members, references that are the target itself, or
            one name of two records.
    """
    check_both(arrays.target_members)
    return _distinct(where, arrays, collect_evidence(arrays, signal, where))


def collect_evidence(
    arrays: MembershipArrays, signal: SignalKind = "phi", where: str = "arrays"
) -> Evidence:
    """Return what attacks may read, one row per record; arguments as :func:`make_case`.

    Raises:
        ImprintError: curvature twice, or references that are the target itself.
    """
    kinds = _signals_by_kind(arrays, signal, where)
    target = {kind: each.target for kind, each in kinds.items() if each.target is not None}
    known = (*TARGET_KINDS, "features")
    target |= {name: values for name in known if (values := arrays.part(name)) is not None}
    population = {
        kind: each.population for kind, each in kinds.items() if each.population is not None
    }
    if arrays.population_features is not None:
        population["features"] = arrays.population_features
    references = None
    signals = arrays.references("signals")
    if arrays.members is not None and signals is not None:
        _check_apart(where, arrays.target, signals)
        references = _references(kinds, arrays.members, arrays.target_members)
    return Evidence(target, references, population)


def _signals_by_kind(
    arrays: MembershipArrays, signal: SignalKind, where: str
) -> dict[str, _KindOfSignal]:
    """Return what is known of each kind of signal.

    Raises:
        ImprintError: curvature twice, or of other references than the margins.
    """
    first, second = (_KindOfSignal.of(arrays, prefix) for prefix in ("", "curvature_"))
    kinds: dict[str, _KindOfSignal] = {signal: first}
    if signal == "loss" and min(map(_least, first.arrays())) >= 0:
        kinds["log_loss"] = _log_losses(first)
    if second.target is not None and signal == "log_curvature":
        raise ImprintError(
            f"{where}: with --signal log_curvature, target is the curvature already: leave the "
            "curvature_ arrays out, or give --signal phi"
        )
    if second.target is not None and (second.signals is None) != (first.signals is None):
        raise ImprintError(f"{where}: give signals and curvature_signals of the same references")
    if second.target is not None:
        kinds["log_curvature"] = second
    if arrays.trajectory is not None:
        of_references = arrays.references("trajectory_signals")
        kinds["trajectory"] = _KindOfSignal(arrays.trajectory, of_references)
    return kinds


def _least(values: SignalArray) -> float:
    return min(float(each.min()) for each in each_model(values))


def _log_losses(losses: _KindOfSignal) -> _KindOfSignal:
    """Return logarithms, a loss of 0 raised to the least one that is positive in any of the arrays.

    So exact zeros, which rounding leaves of small losses, tie with the smallest loss that it shows.
    """
    positive = (each[each > 0] for values in losses.arrays() for each in each_model(values))
    least = min((float(values.min()) for values in positive if values.size), default=1.0)

    def log(values: FloatArray) -> FloatArray:
        return np.asarray(np.log(np.maximum(values, least)))

    return losses.map(log)


def _check_apart(where: str, target: FloatArray, signals: SignalArray) -> None:
    """Check that the target is not one of its own references.

    Raises:
        ImprintError: a reference has the target's signals, every one of them.
    """
    if np.ptp(target) == 0:
        return
    same = [row for row, each in enumerate(each_model(signals)) if (each == target).all()]
    if same:
        raise ImprintError(
            f"{where}: signals[{same[0]}] are those of the target itself, which cannot be its own "
            "reference: leave that row out of signals and members"
        )


def _references(
    kinds: Mapping[str, _KindOfSignal], masks: BoolArray, members: BoolArray
) -> References:
    """Return the reference models, with the target among them where it completes their cohort."""
    signals = {kind: each.signals for kind, each in kinds.items() if each.signals is not None}
    population = {
        kind: each.population_signals
        for kind, each in kinds.items()
        if each.population_signals is not None
    }
    if not completes_balanced_cohort(masks, members):
        return References(Cohort(signals, masks, population))
    own = {kind: each.target for kind, each in kinds.items() if each.target is not None}
    own_population = {
        kind: each.population for kind, each in kinds.items() if each.population is not None
    }
    cohort = Cohort(
        {kind: preceded_by(own[kind], values) for kind, values in signals.items()},
        np.concatenate([members[None], masks]),
        {
            kind: np.concatenate([own_population[kind][None], values])
            for kind, values in population.items()
            if kind in own_population
        },
    )
    return References(cohort, 0)


def _distinct(where: str, arrays: MembershipArrays, evidence: Evidence) -> Case:
    """Return the case with each record once.

    Raises:
        ImprintError: one name is given to rows that differ.
    """
    members, masks = arrays.target_members, arrays.target_members[None]
    if evidence.references is not None:
        masks = np.concatenate([masks, evidence.references.cohort.members])
    group = group_rows(_columns(evidence))
    first = first_of_groups(group, next(iter(evidence.target.values()))[0], masks)
    if arrays.index is not None:
        first = np.minimum(first, _first_of_name(where, arrays.index, evidence, masks))
    index = np.arange(len(members)) if arrays.index is None else arrays.index
    kept = np.flatnonzero(first == np.arange(len(members)))
    copies, tied = len(members) - len(kept), count_tied_rows(group[kept])
    if not copies:
        return Case(index, members, evidence, 0, tied)
    check_both(members[kept])
    return Case(index[kept], members[kept], evidence.records(kept), copies, tied)


def _columns(evidence: Evidence) -> Iterator[FloatArray]:
    """Yield every signal of the records, float64 ``[N]`` each."""
    for values in evidence.target.values():
        yield from values
    if evidence.references is not None:
        for signals in evidence.references.cohort.signals.values():
            for each in each_model(signals):
                yield from each


def _first_of_name(where: str, index: IntArray, evidence: Evidence, masks: BoolArray) -> IntArray:
    """Return the first row of the name of each row, int64 ``[N]``."""
    _, starts, which = np.unique(index, return_index=True, return_inverse=True)
    namesake: IntArray = starts[which]
    differs = np.zeros(len(index), dtype=bool)
    for column in (*masks, *(() if len(starts) == len(index) else _columns(evidence))):
        differs |= column != column[namesake]
    if differs.any():
        row = int(np.flatnonzero(differs)[0])
        raise ImprintError(
            f"{where}: index {index[row]} names the rows {namesake[row]} and {row}, whose "
            "signals differ: give each record an index of its own"
        )
    return namesake
