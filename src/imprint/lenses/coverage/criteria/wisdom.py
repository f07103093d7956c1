"""WISDOM: the cells of importance-driven coverage over the neurons that attributors vote for.

The vote needs the network, so its table is given. Without one there is no WISDOM coverage, and
what stands in its place is the reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.cell_criterion import CellCriterion
from imprint.lenses.coverage.clusters.clusterers import CLUSTERERS
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.neurons.activations import ActivationTable


@dataclass(frozen=True)
class WisdomOptions:
    """Settings of WISDOM coverage."""

    m: int = 10
    """How many neurons to look at, the most voted first."""

    k: int = 2
    """Clusters of each neuron; 0 chooses 2 … 9 by silhouette."""

    clusterer: str = "exact"
    """Exact k-means, or one of scikit-learn's, as MeanShift, which finds its own number."""

    votes: tuple[float, ...] | None = None
    """Votes of every neuron, in the order of the layers."""

    def __post_init__(self) -> None:
        if self.m < 1:
            raise ImprintError(f"wisdom.m is {self.m}: it must be at least 1")
        if self.k < 0:
            raise ImprintError(f"wisdom.k is {self.k}: it must be 0 (by silhouette) or more")
        if self.clusterer != "exact" and self.clusterer not in CLUSTERERS:
            raise ImprintError(
                f"wisdom.clusterer is {self.clusterer!r}: choose one of exact, "
                f"{', '.join(CLUSTERERS)}"
            )


@CRITERIA.register("wisdom")
class WisdomCoverage(CellCriterion):
    """Share of the cells of voted neurons' clusters that some input reaches."""

    Options = WisdomOptions

    def choose(self, train: ActivationTable) -> IntArray:
        """Return the m most voted neurons; equal votes by their place.

        Raises:
            ImprintError: no votes, or not one for each neuron.
        """
        if self.options.votes is None:
            raise ImprintError(
                "wisdom looks at the neurons that attributors vote for, which needs the network: "
                "give a table of votes"
            )
        votes = np.array(self.options.votes, dtype=np.float64)
        if len(votes) != self.layers.neurons:
            raise ImprintError(
                f"wisdom has votes of {len(votes)} neurons, and the network has "
                f"{self.layers.neurons}: give one for each"
            )
        order = np.argsort(-np.where(np.isnan(votes), -np.inf, votes), kind="stable")
        voted = order[votes[order] > 0][: self.options.m]
        if not len(voted):
            raise ImprintError("wisdom: no neuron has a vote")
        return voted.astype(np.int64)
