"""Findings of ``coverage classes``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.lenses.coverage.experiments.ablation_findings import RandomDrop
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class CommonNeuron:
    """A neuron that leads for several classes, and for how many."""

    layer: str
    neuron: int
    classes: int


@dataclass(frozen=True)
class ClassDrop:
    """A network without the leading neurons of one class.

    Attributes:
        tests: of the class.
        own: drop of the accuracy on them; or why it is not known.
        others: drop of the accuracy on the tests of other classes.
        random: drop on the tests of the class without random neurons of the same layers.
        accuracy: of the whole network on them; None of earlier versions.
    """

    tests: int
    own: Estimate | Missing
    others: float
    random: RandomDrop
    accuracy: float | None = None

    @property
    def is_clear(self) -> bool:
        """Whether the class loses more than without any of the random neurons."""
        return not isinstance(self.own, Missing) and self.own.low > self.random.high


@dataclass(frozen=True)
class ClassNeurons:
    """The leading neurons of each class by one attribution.

    Attributes:
        common: neurons that lead for two classes or more, those of most classes first.
        overlap: share of the leading neurons of one class that lead for another, by class.
        drops: by class.
        leading: of the first classes, numbered among all neurons, the most important first; None of
            earlier versions.
    """

    common: tuple[CommonNeuron, ...]
    overlap: tuple[tuple[float, ...], ...]
    drops: Mapping[str, ClassDrop]
    leading: tuple[tuple[int, ...], ...] | None = None

    @property
    def clear(self) -> list[str]:
        """The classes that lose more than without random neurons."""
        return [name for name, drop in self.drops.items() if drop.is_clear]


@dataclass(frozen=True)
class SharedByMethods:
    """Leading neurons of the classes that every attribution names, of those that some does."""

    every: int
    some: int


@dataclass(frozen=True)
class ClassStudy:
    """Neurons of classes, and what the classes lose without them.

    Attributes:
        tests: images on which accuracies were measured.
        accuracy: of the whole network.
        neurons: leading ones of each class.
        replacement: what they give instead, zero or their mean.
        draws: random sets for each class.
        classes: names.
        methods: by attribution; or why there is none.
        layers: neurons of each; None of earlier versions, as what follows.
        shared_by_class: neurons that the attributions agree on, by class; None as well of one.
        shared_by_layer: the same by layer, summed over the classes.
    """

    tests: int
    accuracy: Estimate
    neurons: int
    replacement: str
    draws: int
    classes: tuple[str, ...]
    methods: Mapping[str, ClassNeurons | Missing]
    layers: Mapping[str, int] | None = None
    shared_by_class: Mapping[str, SharedByMethods] | None = None
    shared_by_layer: Mapping[str, SharedByMethods] | None = None

    @property
    def measured(self) -> Mapping[str, ClassNeurons]:
        """The attributions that ranked the neurons."""
        return {k: v for k, v in self.methods.items() if not isinstance(v, Missing)}

    @property
    def missing(self) -> Mapping[str, str]:
        """Why others did not."""
        return {k: v.missing for k, v in self.methods.items() if isinstance(v, Missing)}


@dataclass(frozen=True)
class ClassFindings:
    """Findings of ``coverage classes``."""

    by_class: ClassStudy
