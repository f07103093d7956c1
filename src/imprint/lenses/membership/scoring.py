"""Functions from signals to the scores of one attack, for the public namespace."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray
from imprint.core.bounds import bounds_of
from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_array
from imprint.lenses.membership.attack_kit.attack import ATTACKS, Attack, Evidence
from imprint.lenses.membership.study.case import (
    TARGET_KINDS,
    MembershipArrays,
    SignalKind,
    collect_evidence,
)
from imprint.study.array_file import arrays_from
from imprint.study.option_tree import field_docs

AXES = {"target": 2, "signals": 3, "population": 2, "population_signals": 3}
AXES |= {"features": 2, "population_features": 2}
"""Axes of each array with its axis of views or features, which may be left out."""
DOC = """{about}

Args:
    target, signals, members, population, population_signals: as in
        :func:`imprint.membership.attack`.
    target_members: bool ``[n_records]``, needed only where the target completes the references to
        a balanced cohort.
    signal: what the signals are, by default {signal}.
    features, population_features, trajectory, trajectory_signals: for learned attacks, as in
        :class:`imprint.lenses.membership.study.case.MembershipArrays`.
{settings}
Returns:
    float64 ``[n_records]``, higher where membership is more likely.

Raises:
    ImprintError: the attack lacks what it needs, or arrays do not fit one another.
"""


def check_arrays(arrays: Mapping[str, ArrayLike | None]) -> MembershipArrays:
    """Return checked arrays, with an axis of one view where there is none.

    Raises:
        ImprintError: an unknown name, or arrays that do not fit one another.
    """
    known = {name: as_array(values, name) for name, values in arrays.items() if values is not None}
    for name, values in known.items():
        axes = AXES.get(name.removeprefix("curvature_"), 2 if name in TARGET_KINDS else 0)
        if axes and values.ndim == axes - 1:
            known[name] = values[..., None, :]
    return arrays_from(MembershipArrays, known)


def make_settings(attack: str, values: Mapping[str, Any]) -> object:
    """Return settings of an attack as its dataclass.

    Raises:
        ImprintError: no such attack or setting, or a value out of range.
    """
    kind = ATTACKS.get(attack).Options
    known = [] if kind is None else [field.name for field in fields(kind)]
    for option in values:
        if option not in known:
            listed = ", ".join(known) or "none"
            raise ImprintError(f"attack {attack!r} has no option {option!r}; it has: {listed}")
    return None if kind is None else kind(**values)


def make_scorer(entry: Attack) -> Callable[..., FloatArray]:
    """Return a function from signals to the scores of an attack."""
    preferred = "phi" if "phi" in entry.reads else entry.reads[0]

    def score(
        target: ArrayLike,
        *,
        signals: ArrayLike | None = None,
        members: ArrayLike | None = None,
        population: ArrayLike | None = None,
        population_signals: ArrayLike | None = None,
        target_members: ArrayLike | None = None,
        signal: str = preferred,
        features: ArrayLike | None = None,
        population_features: ArrayLike | None = None,
        trajectory: ArrayLike | None = None,
        trajectory_signals: ArrayLike | None = None,
        **settings: Any,
    ) -> FloatArray:
        values = np.atleast_2d(as_array(target, "target"))
        if target_members is None:
            target_members = np.zeros(values.shape[-1], dtype=bool)
        arrays = {"target": values, "target_members": target_members, "signals": signals}
        arrays |= {"members": members, "population": population}
        arrays |= {"population_signals": population_signals, "features": features}
        arrays |= {"population_features": population_features, "trajectory": trajectory}
        checked = check_arrays({**arrays, "trajectory_signals": trajectory_signals})
        if signal in get_args(SignalKind):
            evidence = collect_evidence(checked, signal)  # type: ignore[arg-type]  # one of these
        else:
            evidence = Evidence({signal: checked.target})
        return entry.score(evidence, {entry.name: make_settings(entry.name, settings)})

    score.__name__ = score.__qualname__ = entry.name
    about = (sys.modules[entry.compute.__module__].__doc__ or "").strip()
    score.__doc__ = DOC.format(about=about, signal=preferred, settings=_describe_settings(entry))
    return score


def _describe_settings(entry: Attack) -> str:
    """Return the settings of an attack as lines of a docstring."""
    if entry.Options is None:
        return ""
    hints, bounds = get_type_hints(entry.Options), bounds_of(entry.Options)
    docs = field_docs(entry.Options)
    lines = []
    for field in fields(entry.Options):
        allowed = f", {bounds[field.name].describe()}" if field.name in bounds else ""
        text = f", {docs[field.name].rstrip('.')}" if field.name in docs else ""
        kind = getattr(hints[field.name], "__name__", str(hints[field.name]))
        lines.append(f"    {field.name}: {kind}{allowed}{text} (default {field.default}).\n")
    return "".join(lines)
