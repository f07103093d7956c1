"""One target model and its references, from arrays that the user computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.attack_kit.duplicates import count_tied_rows, first_of_copies
from imprint.lenses.membership.attack_kit.evaluation import check_both
from imprint.lenses.membership.cohort.references import (
    Cohort,
    References,
    completes_balanced_cohort,
)
from imprint.lenses.membership.cohort.stored_signals import whole
from imprint.study.array_file import array, read_array_file

SignalKind = Literal["phi", "log_curvature", "loss"]
TARGET_KINDS = ("mentr", "entropy", "distance")
"""Signals of the target alone, beside ``target``."""

LARGEST_SIGNAL = 1e100
"""Signals beyond it overflow when they are squared and multiplied."""
PARTS = ("target", "signals", "population", "population_signals")
"""What is known of one kind of signal; of the curvature behind ``curvature_``."""


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
        "K A N", "signals of the references", needs=("members",), **OPTIONAL
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
        "K B N", "likewise of the references", needs=("curvature_target",), **OPTIONAL
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
        "K E N", "likewise of the references", needs=("trajectory", "signals"), **OPTIONAL
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
        """Return one of ``PARTS`` of a kind of signal; None where it is missing."""
        values: FloatArray | None = getattr(self, prefix + name)
        return values


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
    target = dict(_select(kinds, "target"))
    known = (*TARGET_KINDS, "features")
    target |= {name: values for name in known if (values := arrays.part(name)) is not None}
    population = _select(kinds, "population")
    if arrays.population_features is not None:
        population["features"] = arrays.population_features
    references = None
    if arrays.members is not None and arrays.signals is not None:
        _check_apart(where, arrays.target, arrays.signals)
        references = _references(kinds, arrays.members, arrays.target_members)
    return Evidence(target, references, population)


def _signals_by_kind(
    arrays: MembershipArrays, signal: SignalKind, where: str
) -> dict[str, dict[str, FloatArray]]:
    """Return what is known of each kind of signal, by the names in ``PARTS``.

    Raises:
        ImprintError: curvature twice, or of other references than the margins.
    """
    first, second = (
        {name: values for name in PARTS if (values := arrays.part(name, prefix)) is not None}
        for prefix in ("", "curvature_")
    )
    kinds: dict[str, dict[str, FloatArray]] = {signal: first}
    if signal == "loss" and min(float(values.min()) for values in first.values()) >= 0:
        kinds["log_loss"] = _log_losses(first)
    if second and signal == "log_curvature":
        raise ImprintError(
            f"{where}: with --signal log_curvature, target is the curvature already: leave the "
            "curvature_ arrays out, or give --signal phi"
        )
    if second and ("signals" in second) != ("signals" in first):
        raise ImprintError(f"{where}: give signals and curvature_signals of the same references")
    if second:
        kinds["log_curvature"] = second
    if arrays.trajectory is not None and arrays.trajectory_signals is not None:
        kinds["trajectory"] = {"target": arrays.trajectory, "signals": arrays.trajectory_signals}
    return kinds


def _log_losses(losses: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return logarithms, a loss of 0 raised to the least one that is positive in any of the arrays.

    So exact zeros, which rounding leaves of small losses, tie with the smallest loss that it shows.
    """
    positive = [values[values > 0] for values in losses.values()]
    least = min((float(values.min()) for values in positive if values.size), default=1.0)
    return {name: np.log(np.maximum(values, least)) for name, values in losses.items()}


def _check_apart(where: str, target: FloatArray, signals: FloatArray) -> None:
    """Check that the target is not one of its own references.

    Raises:
        ImprintError: a reference has the target's signals, every one of them.
    """
    if np.ptp(target) == 0:
        return
    same = np.flatnonzero((signals == target).all(axis=(1, 2)))
    if len(same):
        raise ImprintError(
            f"{where}: signals[{same[0]}] are those of the target itself, which cannot be its own "
            "reference: leave that row out of signals and members"
        )


def _references(
    kinds: Mapping[str, Mapping[str, FloatArray]], masks: BoolArray, members: BoolArray
) -> References:
    """Return the reference models, with the target among them where it completes their cohort."""
    signals, population = _select(kinds, "signals"), _select(kinds, "population_signals")
    if not completes_balanced_cohort(masks, members):
        return References(Cohort(signals, masks, population))
    own, own_population = _select(kinds, "target"), _select(kinds, "population")
    cohort = Cohort(
        {kind: np.concatenate([own[kind][None], values]) for kind, values in signals.items()},
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
    members = arrays.target_members
    signals, masks = list(evidence.target.values()), [members[None]]
    if evidence.references is not None:
        cohort = evidence.references.cohort
        signals += [whole(values).reshape(-1, len(members)) for values in cohort.signals.values()]
        masks.append(cohort.members)
    columns, memberships = np.concatenate(signals), np.concatenate(masks)
    first = first_of_copies(columns, memberships)
    if arrays.index is not None:
        everything = np.concatenate([columns, memberships])
        first = np.minimum(first, _first_of_name(where, arrays.index, everything))
    index = np.arange(len(members)) if arrays.index is None else arrays.index
    kept = np.flatnonzero(first == np.arange(len(members)))
    copies, tied = len(members) - len(kept), count_tied_rows(columns[:, kept])
    if not copies:
        return Case(index, members, evidence, 0, tied)
    check_both(members[kept])
    return Case(index[kept], members[kept], evidence.records(kept), copies, tied)


def _first_of_name(where: str, index: IntArray, columns: FloatArray) -> IntArray:
    """Return the first row of the name of each row, int64 ``[N]``."""
    _, starts, which = np.unique(index, return_index=True, return_inverse=True)
    namesake: IntArray = starts[which]
    differs = (columns != columns[:, namesake]).any(axis=0)
    if differs.any():
        row = int(np.flatnonzero(differs)[0])
        raise ImprintError(
            f"{where}: index {index[row]} names the rows {namesake[row]} and {row}, whose "
            "signals differ: give each record an index of its own"
        )
    return namesake


def _select(kinds: Mapping[str, Mapping[str, FloatArray]], name: str) -> dict[str, FloatArray]:
    """Return one of ``PARTS`` by kind of signal."""
    return {kind: parts[name] for kind, parts in kinds.items() if name in parts}
