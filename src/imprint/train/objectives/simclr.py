"""SimCLR: the normalised temperature-scaled cross-entropy (Chen et al. 2020, eq. 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch.nn import functional as F

from imprint.core.bounds import Bounds, Checked
from imprint.train.gather import gather, rank, world_size
from imprint.train.objective import OBJECTIVES, Objective


@dataclass(frozen=True)
class SimCLROptions(Checked):
    """Settings of SimCLR."""

    temperature: Annotated[float, Bounds(above=0)] = 0.15


@OBJECTIVES.register("simclr")
class SimCLR(Objective):
    """Two views of an image find each other among the views of all other images."""

    Options = SimCLROptions
    compares_directions = True

    def loss(self, embeddings: Sequence[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        """Return the loss of two views' embeddings."""
        first, second = embeddings
        return nt_xent(first, second, self.options.temperature)


def nt_xent(first: torch.Tensor, second: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the loss of two views' embeddings, each ``[b, d]``; natural logarithm.

    Each of this process's 2b views is compared with its partner and with the 2N − 2 other views
    of the batch of all processes.
    """
    local = F.normalize(torch.cat([first, second]), dim=1)
    everyone = torch.cat([F.normalize(gather(first), dim=1), F.normalize(gather(second), dim=1)])
    rows, total = len(first), len(first) * world_size()
    places = rank() * rows + torch.arange(rows, device=first.device)
    own = torch.cat([places, places + total])
    partner = torch.cat([places + total, places])
    similarities = local @ everyone.T / temperature
    similarities = similarities.scatter(1, own[:, None], float("-inf"))
    return F.cross_entropy(similarities, partner)
