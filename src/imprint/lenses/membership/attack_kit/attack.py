"""What an attack reads, what it needs, and where attacks register themselves.

An attack is one file in ``lenses/membership/attacks``: a decorated function and, where it has
settings, a frozen dataclass of them. Nothing elsewhere names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.registry import Registry
from imprint.lenses.membership.cohort.references import References, derive_values

Sides = Literal["none", "any", "out", "both"]

DIRECTION = {"phi": 1.0, "log_curvature": -1.0, "log_loss": -1.0, "loss": -1.0}
"""A member's φ tends to be larger than a non-member's, its curvature and loss smaller."""
GAUSSIAN_KINDS = ("phi", "log_curvature", "log_loss")
"""Signals that are fitted by normal distributions, the best first."""
THRESHOLD_KINDS = ("phi", "log_curvature", "loss")
"""Signals that are compared with a threshold, the best first."""

AttackSettings = Mapping[str, Any]
"""Settings by attack, each of the dataclass ``Attack.Options``; those left out are the defaults."""


@dataclass(frozen=True)
class Evidence:
    """Everything that is known about one target model.

    Attributes:
        target: float64 ``[A, N]`` by kind: ``phi`` (logit margin), ``log_curvature``, ``mentr``,
            ``entropy``, ``distance`` to the decision boundary; where there are no margins,
            ``loss`` and, of losses that are nowhere negative, its logarithm ``log_loss``.
        references: the reference models; None when there are none.
        population: float64 ``[A, Q]`` by kind, the target on records that no model was trained on.
    """

    target: Mapping[str, FloatArray]
    references: References | None = None
    population: Mapping[str, FloatArray] = field(default_factory=dict)

    def target_values(self, name: str) -> FloatArray:
        """Return a signal or derived quantity of the target, float64 ``[A, N]``."""
        return derive_values(self.target, name)

    def population_values(self, name: str) -> FloatArray:
        """Return a signal or derived quantity of the target's population, float64 ``[A, Q]``."""
        return derive_values(self.population, name)

    def records(self, rows: IntArray) -> Evidence:
        """Return what is known about some of the records, int64 ``[n]``; the population stays."""
        references = self.references
        if references is not None:
            references = references.records(rows)
        return Evidence(
            {kind: values[:, rows] for kind, values in self.target.items()},
            references,
            self.population,
        )

    @property
    def reference_models(self) -> References:
        """The reference models, for attacks that declare that they need some."""
        if self.references is None:
            raise ValueError("this attack did not declare that it needs references")
        return self.references


@dataclass(frozen=True)
class Attack:
    """One method.

    Attributes:
        name: its name on the command line.
        compute: ``(evidence, kind) -> float64 [N]``, larger where membership is more likely;
            ``kind`` is the signal to read. With ``Options``, their instance is a third argument.
        reads: kinds of signal it can take, the best first.
        sides: which reference models it needs: ``both`` is IN and OUT models, though not of every
            record.
        spread: whether it needs a variance, so two models on one side of some record.
        population: whether it needs population records.
        views: how many views of each record it needs.
        Options: the dataclass of its settings; None where it has none.
    """

    name: str
    compute: Callable[..., FloatArray]
    reads: tuple[str, ...]
    sides: Sides
    spread: bool
    population: bool
    Options: type | None
    views: int = 1

    def missing(self, evidence: Evidence) -> str | None:
        """Return why this attack cannot be run on the evidence; None when it can."""
        evidence = self.readable(evidence)
        if self.kind(evidence) is None:
            return f"needs the signal {' or '.join(self.reads)}, which is not given"
        views = len(evidence.target[str(self.kind(evidence))])
        if views < self.views:
            return f"needs {self.views} views of each record or more, and there is {views}"
        if self.population and self.kind(evidence) not in evidence.population:
            return "needs population records, which are not given"
        if self.sides == "none":
            return None
        if evidence.references is None:
            return "needs reference models, and there are none"
        outside, inside = evidence.references.counts
        if not (outside.any() or inside.any()):
            return "needs reference models, and there are none"
        if self.sides in ("out", "both") and not outside.any():
            return "needs OUT models, and every reference was trained on every record"
        if self.sides == "both" and not inside.any():
            return "needs IN models, and no reference was trained on any record"
        if self.spread and max(outside.max(), inside.max()) < 2:
            return "needs a variance, and no record has two models on one side"
        return None

    def kind(self, evidence: Evidence) -> str | None:
        """Return which kind of signal it reads of the evidence; None where it can read none."""
        target = self.readable(evidence).target
        return next((kind for kind in self.reads if kind in target), None)

    def readable(self, evidence: Evidence) -> Evidence:
        """Return the evidence without signals of the target that its references lack.

        Only of attacks that compare the two, and of the kinds that are compared.
        """
        if self.sides == "none" or evidence.references is None:
            return evidence
        of_references = evidence.references.cohort.signals
        lacking = {
            kind for kind in evidence.target if kind in GAUSSIAN_KINDS and kind not in of_references
        }
        if not lacking:
            return evidence
        return replace(
            evidence,
            target={kind: rows for kind, rows in evidence.target.items() if kind not in lacking},
            population={
                kind: rows for kind, rows in evidence.population.items() if kind not in lacking
            },
        )

    def score(self, evidence: Evidence, settings: AttackSettings | None = None) -> FloatArray:
        """Return the score of every record, float64 ``[N]``.

        Raises:
            ImprintError: the evidence lacks what the attack needs, or a score is not finite.
        """
        evidence = self.readable(evidence)
        reason = self.missing(evidence)
        kind = self.kind(evidence)
        if reason is not None or kind is None:
            raise ImprintError(f"{self.name} {reason}: give it or choose another attack")
        if self.Options is None:
            scores = self.compute(evidence, kind)
        else:
            scores = self.compute(evidence, kind, (settings or {}).get(self.name) or self.Options())
        if not np.isfinite(scores).all():
            row = int(np.flatnonzero(~np.isfinite(scores))[0])
            raise ImprintError(
                f"{self.name}: the score of record {row} is {scores[row]}: "
                "check the signals of that record for extreme values"
            )
        return scores


ATTACKS: Registry[Attack] = Registry(
    "attack", "imprint.lenses.membership.attacks", group="imprint.attacks"
)

Compute = Callable[..., FloatArray]


def attack(
    name: str,
    *,
    reads: tuple[str, ...] = ("phi",),
    sides: Sides = "none",
    spread: bool = False,
    population: bool = False,
    views: int = 1,
    options: type | None = None,
) -> Callable[[Compute], Compute]:
    """Return a decorator that registers a score as the attack ``name``; see :class:`Attack`."""

    def enter(compute: Compute) -> Compute:
        entry = Attack(name, compute, reads, sides, spread, population, options, views)
        ATTACKS.register(name)(entry)
        return compute

    return enter
