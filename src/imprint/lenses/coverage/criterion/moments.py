"""Range, mean and variance of each neuron over training data, in one pass.

Batches of B rows with mean m_B and sum of squared deviations M_B merge with n earlier ones as

    m' = m + (m_B − m)·B/(n+B),   M' = M + M_B + (m_B − m)²·nB/(n+B)

(Chan, Golub, LeVeque 1983), so that neither batch size nor a large mean costs digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.neurons.activations import ActivationTable


@dataclass(frozen=True, eq=False)
class Moments:
    """What each neuron does over training data, ``[neurons]`` each.

    Attributes:
        count: number of inputs.
        low: smallest activation, in the precision of the training data.
        high: largest activation, likewise.
        mean: float64.
        variance: float64, the squared deviations divided by ``count``.
        lowest: int64, the first input with the smallest activation.
        highest: int64, the first input with the largest activation.
    """

    count: int
    low: Tensor
    high: Tensor
    mean: Tensor
    variance: Tensor
    lowest: Tensor
    highest: Tensor


def training_moments(train: ActivationTable) -> Moments:
    """Return range, mean and variance of each neuron; computed once for all criteria.

    Raises:
        ImprintError: no inputs, or rows with values that are infinite or not a number.
    """
    return train.once("moments", lambda: _moments(train))


def require_ranges(moments: Moments) -> None:
    """Refuse training data over which no neuron varies: every range would be a point.

    Raises:
        ImprintError: all neurons are constant.
    """
    if not bool((moments.high > moments.low).any()):
        count = moments.count
        over = "the one training input" if count == 1 else f"{count} training inputs"
        raise ImprintError(
            f"no neuron varies over {over}, so that none has a range: give training inputs that "
            "differ"
        )


def _moments(train: ActivationTable) -> Moments:
    if not len(train):
        raise ImprintError("there are no training activations: give at least one input")
    neurons = train.layers.neurons
    low = torch.full((neurons,), torch.inf)
    high = -low
    lowest, highest = (torch.zeros(neurons, dtype=torch.int64) for _ in range(2))
    mean, squares = (torch.zeros(neurons, dtype=torch.float64) for _ in range(2))
    count = bad = 0
    for batch in train.batches():
        smallest, largest = batch.values.min(0), batch.values.max(0)
        lowest = torch.where(smallest.values < low, smallest.indices + count, lowest)
        highest = torch.where(largest.values > high, largest.indices + count, highest)
        low = torch.minimum(low, smallest.values)
        high = torch.maximum(high, largest.values)
        bad += int((~torch.isfinite(batch.values)).any(1).sum())
        values = batch.values.double()
        own_mean = values.mean(0)
        difference = own_mean - mean
        total = count + len(batch)
        mean = mean + difference * (len(batch) / total)
        squares += (values - own_mean).square().sum(0)
        squares += difference.square() * (count * len(batch) / total)
        count = total
    if bad:
        raise ImprintError(
            f"{bad} of {count} training inputs have activations that are infinite or not a "
            "number: leave these inputs out, or look for the layer that overflows"
        )
    return Moments(count, low, high, mean, squares / count, lowest, highest)
