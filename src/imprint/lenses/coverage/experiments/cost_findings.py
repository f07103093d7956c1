"""Findings of ``coverage cost``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class CriterionCost:
    """What one criterion costs.

    Attributes:
        fit: seconds to learn from the training activations; None where nothing is learned.
        update: seconds to see all tests, their activations being there.
        ratio: of update to the bare forward pass.
        state_bytes: size of fit and state once all tests are seen.
        peak_bytes: of tensors and arrays that it holds at most at once while it fits or updates.
        value: coverage of the tests.
        ceiling: the largest value of as many tests; None where nothing bounds it.
    """

    fit: Estimate | None
    update: Estimate
    ratio: float
    state_bytes: int
    peak_bytes: int
    value: float
    ceiling: float | None = None


@dataclass(frozen=True)
class Discrimination:
    """What criteria tell apart, by a study of sensitivity of the same network.

    Attributes:
        tests: images of that study.
        pixels: what says which pixels are important.
        draws: of the noise.
        criteria: what important pixels add less what random ones do, as a share of both, by name.
    """

    tests: int
    pixels: str
    draws: int
    criteria: Mapping[str, Estimate]


@dataclass(frozen=True)
class Cost:
    """What coverage costs beside the forward pass that it needs; medians of seconds.

    Attributes:
        members: training images that criteria are fitted to.
        tests: images.
        batch_size: images a pass.
        layers, neurons: that are observed.
        device: where networks ran.
        threads: of the processor.
        repeats: of each time.
        forward: the bare forward pass over the tests.
        observed: the same with the activations of all neurons taken.
        together: the same with all criteria updated.
        observed_ratio, together_ratio: of these to the bare pass, the median over rounds.
        attribution: name of the attribution that ranks the neurons of IDC.
        importance: of that attribution, for an image of the training set; or why there is none.
        criteria: by name; or why one was not measured.
        discrimination: what criteria tell apart; None where no study of it was given.
    """

    members: int
    tests: int
    batch_size: int
    layers: int
    neurons: int
    device: str
    threads: int
    repeats: int
    forward: Estimate
    observed: Estimate
    together: Estimate
    observed_ratio: Estimate
    together_ratio: Estimate
    attribution: str
    importance: Estimate | Missing
    criteria: Mapping[str, CriterionCost | Missing]
    discrimination: Discrimination | None = None

    @property
    def measured(self) -> Mapping[str, CriterionCost]:
        """The criteria that were measured, the dearest update first."""
        known = {k: v for k, v in self.criteria.items() if not isinstance(v, Missing)}
        return dict(sorted(known.items(), key=lambda item: (-item[1].ratio, item[0])))

    @property
    def missing(self) -> Mapping[str, str]:
        """Why others were not."""
        return {k: v.missing for k, v in self.criteria.items() if isinstance(v, Missing)}


@dataclass(frozen=True)
class CostFindings:
    """Findings of ``coverage cost``."""

    cost: Cost
