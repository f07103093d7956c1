"""Findings of ``coverage ablate``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.stats.estimate import Estimate
from imprint.stats.five_numbers import FiveNumbers


@dataclass(frozen=True)
class RandomDrop:
    """Drop of the accuracy without random neurons.

    Attributes:
        mean: over the draws.
        low, high: the range of 95 % of them.
        spread: of all draws; None in a study of an older version.
    """

    mean: float
    low: float
    high: float
    spread: FiveNumbers | None = None


@dataclass(frozen=True)
class ClassSpread:
    """How far the drop of the accuracy differs between classes.

    Attributes:
        classes: that have tests.
        leading: over classes, without the leading neurons of a method.
        random: over classes and draws, without random neurons, as many of each layer.
    """

    classes: int
    leading: FiveNumbers
    random: FiveNumbers


@dataclass(frozen=True)
class AblatedSet:
    """A network without the leading neurons of a method.

    Attributes:
        neurons: how many were taken away.
        drop: of the accuracy, in shares of 1, paired over the tests.
        matched: the same of random neurons, as many of each layer.
        excess: drop beyond the mean of these, paired over the tests.
        p: share of random draws whose drop is at least as large, the method among them.
        by_class: the drops on the tests of each class; None in a study of an older version.
    """

    neurons: int
    drop: Estimate
    matched: RandomDrop
    excess: Estimate
    p: float
    by_class: ClassSpread | None = None


@dataclass(frozen=True)
class PartDrop:
    """A network without one layer's neurons, or without one neuron."""

    layer: str
    neuron: int | None
    drop: Estimate


@dataclass(frozen=True)
class Ablation:
    """What a network loses without some of its neurons.

    Attributes:
        tests: images on which the accuracy was measured.
        accuracy: of the whole network.
        replacement: what the neurons give instead, zero or their mean.
        draws: random sets of each kind.
        methods: of each, the network without its leading neurons; or why there is none.
        anywhere: of as many random hidden neurons, by number of neurons.
        parts: without single layers or neurons, the largest drop first; None unless asked for.
    """

    tests: int
    accuracy: Estimate
    replacement: str
    draws: int
    methods: Mapping[str, tuple[AblatedSet, ...] | Missing]
    anywhere: Mapping[str, RandomDrop]
    parts: tuple[PartDrop, ...] | None = None

    @property
    def measured(self) -> Mapping[str, tuple[AblatedSet, ...]]:
        """The methods that ranked the neurons."""
        return {k: v for k, v in self.methods.items() if not isinstance(v, Missing)}

    @property
    def missing(self) -> Mapping[str, str]:
        """Why others did not."""
        return {k: v.missing for k, v in self.methods.items() if isinstance(v, Missing)}


@dataclass(frozen=True)
class AblationFindings:
    """Findings of ``coverage ablate``."""

    ablation: Ablation
