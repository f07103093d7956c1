"""Findings of ``coverage adversarial``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from imprint.core.missing import Missing
from imprint.stats.estimate import Estimate

Way = Literal["replace", "add"]


@dataclass(frozen=True)
class CoverageChange:
    """What adversarial inputs change in the value of one criterion, beside fresh clean inputs.

    Attributes:
        way: whether inputs of the set are replaced, or others are added.
        size: inputs of the set.
        share: of it that is replaced or added.
        inputs: how many these are.
        change: of the value, signed, mean over draws.
        relative: the same as a share of the value of the set; None where that is 0.
        ncov: the same as a share of the range of all changes of this criterion.
        fresh: change by the clean originals of the adversarial inputs in their place.
        excess: change less that, paired over draws.
        p: of no excess, two-sided, by exchanging the two of a draw.
        adjusted: p for all changes together (Holm).
    """

    way: Way
    size: int
    share: float
    inputs: int
    change: Estimate
    relative: float | None
    ncov: float
    fresh: Estimate
    excess: Estimate
    p: float
    adjusted: float


@dataclass(frozen=True)
class AttackFindings:
    """One attack.

    Attributes:
        attacked: correctly classified inputs that it changed.
        success: share of them that the network then gets wrong.
        changes: by criterion; empty where none was measured.
        unmeasured: why none was; None otherwise.
    """

    attacked: int
    success: Estimate | Missing
    changes: Mapping[str, tuple[CoverageChange, ...]]
    unmeasured: str | None = None


@dataclass(frozen=True)
class AdversarialChanges:
    """Whether criteria react to adversarial inputs in a test set.

    Attributes:
        correct: tests that the network classifies correctly, of which sets are drawn.
        epsilon: largest change of a pixel in [0, 1] by attacks that are held to one.
        draws: of each set.
        marks: by how much one mark raises the value of a criterion that counts some.
        ranges: range of all changes of a criterion, over attacks, sizes, shares and draws.
        attacks: by name.
        missing: why criteria were not measured, by name.
    """

    correct: int
    epsilon: float
    draws: int
    marks: Mapping[str, float]
    ranges: Mapping[str, float]
    attacks: Mapping[str, AttackFindings]
    missing: Mapping[str, str]


@dataclass(frozen=True)
class AdversarialFindings:
    """Findings of ``coverage adversarial``."""

    adversarial: AdversarialChanges
