"""A copy of any network that knows nothing: its weights in random order.

What an architecture has of its own, such as the tokens of a transformer, is initialised by rules
that only its code knows. The numbers of every weight in random order keep their scale and lose all
that training put into their arrangement. Batch-norm takes its statistics anew.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from numpy.typing import NDArray
from torch.nn.modules.batchnorm import _BatchNorm

from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.nets.predictor.module import run
from imprint.nets.predictor.predictor import NetworkPredictor


@torch.no_grad()
def untrained_copy(
    network: NetworkPredictor, batches: Iterable[NDArray[Any]], seed: int
) -> NetworkPredictor:
    """Return a copy whose weights are in random order; the network itself stays as it is.

    Args:
        network: any.
        batches: inputs ``[b, …]`` that batch-norm takes its statistics from.
        seed: of the order.

    Raises:
        ImprintError: the network cannot be copied.
    """
    try:
        shuffled = copy.deepcopy(network)
    except Exception as error:  # modules of users may hold anything
        raise ImprintError(f"the network cannot be copied ({type(error).__name__})") from error
    for name, weights in shuffled.module.named_parameters():
        if weights.is_floating_point():
            order = generator(seed, "untrained copy", name).permutation(weights.numel())
            places = torch.from_numpy(order).to(weights.device)
            weights.copy_(weights.flatten()[places].view_as(weights))
    _take_statistics(shuffled, batches)
    return shuffled


def _take_statistics(network: NetworkPredictor, batches: Iterable[NDArray[Any]]) -> None:
    norms = [part for part in network.module.modules() if isinstance(part, _BatchNorm)]
    norms = [norm for norm in norms if norm.running_mean is not None]
    if not norms:
        return
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches
        norm.train()
    for inputs in batches:
        run(network.module, network.to_inputs(inputs))
    for norm in norms:
        norm.eval()
