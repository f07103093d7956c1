"""Neuron boundary coverage: both ends of each neuron's training range (Ma et al. 2018).

Each neuron has two corners: below l_j − s·σ_j and above u_j + s·σ_j, from minimum, maximum and
standard deviation over training data; s = 0 by default. The value is the share of the 2n corners
that some input reaches.
"""

from __future__ import annotations

from imprint.lenses.coverage.criterion.criterion import criterion
from imprint.lenses.coverage.criterion.extremes import BeyondRange


@criterion("nbc", "neurons driven beyond either end of their training range")
class BoundaryCoverage(BeyondRange):
    """Share of the two corners of each neuron that some input reaches."""

    both_ends = True

    def ceiling(self, inputs: int) -> float:
        """Return 1, or one half for a single input, which reaches one corner a neuron at most."""
        return min(inputs, 2) / 2
