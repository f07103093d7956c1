"""One target and its references, from arrays that the user computed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack.attack import Evidence
from imprint.lenses.membership.attack.duplicates import count_tied_rows, first_of_copies
from imprint.lenses.membership.attack.evaluation import check_both
from imprint.lenses.membership.cohort.references import (
    Cohort,
    References,
    completes_balanced_cohort,
)
from imprint.study.npz import Arrays, flags, numbers, read_npz

SignalKind = Literal["phi", "log_curvature"]

REQUIRED = ("target", "target_members")
OPTIONAL = (
    "signals",
    "members",
    "population",
    "population_signals",
    "curvature_signals",
    "curvature_target",
    "curvature_population",
    "curvature_population_signals",
    "mentr",
    "distance",
    "index",
)


GREATEST_SIGNAL = 1e100
"""Signals beyond it overflow when they are squared and multiplied."""


@dataclass(frozen=True)
class Case:
    """One target and everything known about it.

    Attributes:
        index: int64 ``[N]``.
        members: bool ``[N]``.
        evidence: what attacks may look at.
        copies: rows of the file that repeat another one, and are left out.
        tied: rows left that share all their signals with another one.
    """

    index: NDArray[np.int64]
    members: NDArray[np.bool_]
    evidence: Evidence
    copies: int
    tied: int


def read_case(file: Path, signal: SignalKind = "phi") -> Case:
    """Return one target and its references from an ``.npz`` file.

    Names: ``target [A, N]`` and ``target_members [N]``; with references ``signals [K, A, N]`` and
    ``members [K, N]``; ``population [A, Q]`` and ``population_signals [K, A, Q]`` of records that
    no model was trained on. A second signal, the log-curvature beside φ, has the same names with
    ``curvature_`` before them (``curvature_target``, ``curvature_signals`` …). ``mentr [A, N]`` is
    the modified entropy under the target, ``distance [A, N]`` that to its decision boundary,
    ``index [N]`` what the records are called. The first augmentation is the plain record.
    φ is log p_y − log Σ_{c≠y} p_c.

    Raises:
        ImprintError: a name is missing or unknown, shapes do not fit, or a value is not finite;
            the message says which.
    """
    arrays = read_npz(file, REQUIRED, OPTIONAL)
    _check_together(file, arrays)
    _check_shapes(file, arrays)
    first = _signals(file, arrays, "")
    second = _signals(file, arrays, "curvature_")
    kinds: dict[str, dict[str, NDArray[np.float64]]] = {signal: first}
    if second and signal == "log_curvature":
        raise ImprintError(
            f"{file}: with --signal log_curvature, target is the curvature already: "
            "leave the curvature_ arrays out, or say --signal phi"
        )
    if second:
        kinds["log_curvature"] = second
    members = flags(file, "target_members", arrays["target_members"])
    check_both(members)
    target = {kind: held["target"] for kind, held in kinds.items()}
    for name in ("mentr", "distance"):
        if name in arrays:
            target[name] = _bounded(file, name, numbers(file, name, arrays[name]))
    references = None
    if "members" in arrays:
        _check_apart(file, first["target"], first["signals"])
        references = _references(kinds, flags(file, "members", arrays["members"]), members)
    index = arrays.get("index", np.arange(len(members))).astype(np.int64)
    evidence = Evidence(target, references, _of(kinds, "population"))
    return _distinct(file, index if "index" in arrays else None, index, members, evidence)


def _check_apart(file: Path, target: NDArray[np.float64], signals: NDArray[np.float64]) -> None:
    """Check that the target does not judge itself.

    Raises:
        ImprintError: a reference has the target's signals, every one of them.
    """
    if np.ptp(target) == 0:
        return
    same = np.flatnonzero((signals == target).all(axis=(1, 2)))
    if len(same):
        raise ImprintError(
            f"{file}: signals[{same[0]}] are those of the target itself, which would judge itself: "
            "leave that row out of signals and members"
        )


def _references(
    kinds: Mapping[str, Mapping[str, NDArray[np.float64]]],
    masks: NDArray[np.bool_],
    members: NDArray[np.bool_],
) -> References:
    """Return the models that judge the target, with itself among them where it completes them."""
    signals, population = _of(kinds, "signals"), _of(kinds, "population_signals")
    if not completes_balanced_cohort(masks, members):
        return References(Cohort(signals, masks, population))
    own, own_population = _of(kinds, "target"), _of(kinds, "population")
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


def _distinct(
    file: Path,
    named: NDArray[np.int64] | None,
    index: NDArray[np.int64],
    members: NDArray[np.bool_],
    evidence: Evidence,
) -> Case:
    """Return the case with each record once.

    Raises:
        ImprintError: a name stands at rows that differ.
    """
    signals, masks = list(evidence.target.values()), [members[None]]
    if evidence.references is not None:
        cohort = evidence.references.cohort
        signals += [values.reshape(-1, len(members)) for values in cohort.signals.values()]
        masks.append(cohort.members)
    columns, memberships = np.concatenate(signals), np.concatenate(masks)
    first = first_of_copies(columns, memberships)
    if named is not None:
        _, starts, which = np.unique(named, return_index=True, return_inverse=True)
        namesake = starts[which]
        everything = np.concatenate([columns, memberships])
        differs = (everything != everything[:, namesake]).any(axis=0)
        if differs.any():
            row = int(np.flatnonzero(differs)[0])
            raise ImprintError(
                f"{file}: index {named[row]} names the rows {namesake[row]} and {row}, whose "
                "signals differ: give each record an index of its own"
            )
        first = np.minimum(first, namesake)
    kept = np.flatnonzero(first == np.arange(len(members)))
    copies, tied = len(members) - len(kept), count_tied_rows(columns[:, kept])
    if not copies:
        return Case(index, members, evidence, 0, tied)
    check_both(members[kept])
    return Case(index[kept], members[kept], evidence.records(kept), copies, tied)


def _of(
    kinds: Mapping[str, Mapping[str, NDArray[np.float64]]], name: str
) -> dict[str, NDArray[np.float64]]:
    return {kind: held[name] for kind, held in kinds.items() if name in held}


def _signals(file: Path, arrays: Arrays, prefix: str) -> dict[str, NDArray[np.float64]]:
    names = ("target", "signals", "population", "population_signals")
    return {
        name: _bounded(file, prefix + name, numbers(file, prefix + name, arrays[prefix + name]))
        for name in names
        if prefix + name in arrays
    }


def _bounded(file: Path, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values whose squares and products are finite.

    Raises:
        ImprintError: one is larger than ``GREATEST_SIGNAL``.
    """
    if np.abs(values).max() > GREATEST_SIGNAL:
        place = np.unravel_index(int(np.abs(values).argmax()), values.shape)
        where = ", ".join(map(str, place))
        raise ImprintError(
            f"{file}: {name}[{where}] is {values[place]:g}, beyond {GREATEST_SIGNAL:g}: no network "
            "has such a margin or log-curvature; clip it, or leave that record out"
        )
    return values


def _check_together(file: Path, arrays: Arrays) -> None:
    needs = {
        "signals": "members",
        "members": "signals",
        "population_signals": "signals",
        "curvature_signals": "curvature_target",
        "curvature_population": "curvature_target",
        "curvature_population_signals": "curvature_signals",
    }
    for name, other in needs.items():
        if name in arrays and other not in arrays:
            raise ImprintError(f"{file}: {name} is of no use without {other}: give both")
    if "curvature_target" in arrays and ("curvature_signals" in arrays) != ("signals" in arrays):
        raise ImprintError(f"{file}: give signals and curvature_signals of the same references")


def _check_shapes(file: Path, arrays: Arrays) -> None:
    """Check every shape against the sizes that target, signals and population set."""
    records = _size(arrays, "target_members", 0)
    models = _size(arrays, "members", 0)
    expected: dict[str, tuple[int | None, ...]] = {
        "target_members": (records,),
        "index": (records,),
        "mentr": (None, records),
        "distance": (None, records),
        "members": (models, records),
    }
    for prefix in ("", "curvature_"):
        augmentations = _size(arrays, prefix + "target", 0)
        asked = _size(arrays, prefix + "population", 1)
        if asked is None:
            asked = _size(arrays, prefix + "population_signals", 2)
        expected |= {
            prefix + "target": (augmentations, records),
            prefix + "signals": (models, augmentations, records),
            prefix + "population": (augmentations, asked),
            prefix + "population_signals": (models, augmentations, asked),
        }
    for name, array in arrays.items():
        shape = expected[name]
        fits = array.ndim == len(shape) and all(
            wanted is None or wanted == size
            for wanted, size in zip(shape, array.shape, strict=True)
        )
        if not fits or 0 in array.shape:
            told = ", ".join("any" if size is None else str(size) for size in shape)
            raise ImprintError(
                f"{file}: {name} has shape {list(array.shape)}, expected [{told}], nothing empty"
            )
        if name == "index" and array.dtype.kind not in "iu":
            raise ImprintError(f"{file}: index must hold whole numbers, not {array.dtype}")
        if name == "index" and array.max() > np.iinfo(np.int64).max:
            raise ImprintError(f"{file}: index {array.max()} is beyond 64 bits with a sign")


def _size(arrays: Arrays, name: str, axis: int) -> int | None:
    array = arrays.get(name)
    return None if array is None or array.ndim <= axis else array.shape[axis]
