"""Strong neuron activation coverage: neurons above their training range (Ma et al. 2018).

The share of neurons j for which some input has a_j > u_j + s·σ_j, where u_j and σ_j are maximum
and standard deviation over training data; s = 0 by default.
"""

from __future__ import annotations

from imprint.lenses.coverage.criterion.criterion import criterion
from imprint.lenses.coverage.criterion.extremes import BeyondRange


@criterion("snac", "neurons driven above their training range")
class StrongActivationCoverage(BeyondRange):
    """Share of neurons that some input drives above their training range."""

    both_ends = False

    def ceiling(self, inputs: int) -> float:
        """Return 1: a single input may drive every neuron above its range."""
        return 1.0 if inputs else 0.0
