"""WISDOM: the cells of importance-driven coverage over the neurons that attributions vote for.

The vote needs the network, so its table is an option. Without one there is no WISDOM coverage, and
the reason is reported in its place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.cell_criterion import CellCriterion, CellOptions
from imprint.lenses.coverage.criterion.criterion import criterion
from imprint.neurons.activations import ActivationTable


@dataclass(frozen=True)
class VotedCellOptions(CellOptions):
    """Settings of WISDOM coverage."""

    votes: tuple[float, ...] | None = None
    """Votes of every neuron, in the order of the layers."""


@criterion("wisdom", "cells of the neurons that several attributions vote for")
class WisdomCoverage(CellCriterion):
    """Share of the cells of voted neurons' clusters that some input reaches."""

    Options = VotedCellOptions

    def choose(self, train: ActivationTable) -> IntArray:
        """Return the m most voted neurons; equal votes by their place.

        Raises:
            ImprintError: no votes, or not one for each neuron.
        """
        if self.options.votes is None:
            raise ImprintError(
                "wisdom observes the neurons that attributions vote for, which need the network: "
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
