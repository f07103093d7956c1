"""Collapse: a network that says nearly the same of every image.

The embeddings of a batch then have a standard deviation near 0. Objectives that compare
directions leave the length of embeddings free, so for them it is taken at unit length, in units
of 1/√d: 1 when d dimensions are used evenly (Chen & He 2021, section 4.1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional as F

from imprint.train.batch_norm import batch_moments
from imprint.train.objective import Objective

COLLAPSED = 0.01
"""Mean standard deviation below which embeddings count as collapsed."""


@torch.no_grad()
def spreads(embeddings: torch.Tensor) -> torch.Tensor:
    """Return the mean over dimensions of the standard deviation over a batch, ``[2]``.

    Args:
        embeddings: float32 ``[b, d]`` of this process; the batch is that of all processes.

    Returns:
        of the embeddings as they are; and at unit length, in units of 1/√d.
    """
    width = embeddings.shape[1]
    return torch.stack(
        [_spread(embeddings), _spread(F.normalize(embeddings, dim=1)) * math.sqrt(width)]
    )


def _spread(rows: torch.Tensor) -> torch.Tensor:
    _, variance, count = batch_moments(rows, [0])
    return (variance * count / (count - 1)).sqrt().mean()


def has_collapsed(objective: Objective, line: Mapping[str, Any]) -> bool:
    """Return whether the embeddings of an epoch, told by its line of the log, are one point."""
    return bool(watched_spread(objective, line) < COLLAPSED)


def watched_spread(objective: Objective, line: Mapping[str, Any]) -> float:
    """Return the standard deviation that tells a collapse under an objective."""
    return float(line["direction_std" if objective.compares_directions else "embedding_std"])


def collapse_news(
    log: Sequence[Mapping[str, Any]], epochs: int, objective: Objective, name: str
) -> str | None:
    """Return what to tell of a collapse: when it first shows, and when training ends in it.

    Args:
        log: the lines of all epochs that are done.
        epochs: of the whole training.
        objective: that was trained.
        name: what to call the network.
    """
    line = log[-1]
    begins = not any(earlier["collapsed"] for earlier in log[:-1])
    if not line["collapsed"] or not (begins or line["epoch"] == epochs):
        return None
    return (
        f"{name} collapsed in epoch {line['epoch']}: the standard deviation of its embeddings over "
        f"images is {watched_spread(objective, line):.2g}, so they hardly tell images apart: "
        "lower the learning rate, or change the settings of the objective"
    )
