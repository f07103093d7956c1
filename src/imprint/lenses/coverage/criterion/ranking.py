"""The most active neurons of each layer, the same on every device and for every batch size.

Equal activations rank by position, the first neuron first, which partial sorting alone does not
promise: each activation and its place are packed into one integer, so that no two are equal. Its
upper half holds the bits of the activation, turned to sort as the numbers do; its lower half the
place, counted from the end of the layer.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from imprint.neurons.activations import Batch

_PLACE = 0xFFFFFFFF


def most_active(batch: Batch, k: int) -> list[Tensor]:
    """Return the neurons of each layer with the k largest activations, the largest first.

    Criteria that read the same batch share the sorting.

    Returns:
        One int64 ``[b, min(k, width)]`` a layer, numbered within the layer.
    """
    ranked = batch.once("ranked", lambda: [_sorted_keys(part) for part in batch.by_layer()])
    return [
        keys.shape[1] - 1 - (keys[:, max(0, keys.shape[1] - k) :].flip(1) & _PLACE)
        for keys in ranked
    ]


def _sorted_keys(part: Tensor) -> Tensor:
    """Return activation and place of each neuron as integers, ascending in each row."""
    if part.dtype == torch.float64:
        # 64-bit activations leave no room for a place: counted from the end, places sort with them.
        return part.flip(1).sort(dim=1, stable=True).indices
    bits = (part.float() + 0.0).view(torch.int32)  # the sum turns −0 into 0
    ascending = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    places = torch.arange(part.shape[1] - 1, -1, -1, device=part.device)
    keys = (ascending.long() << 32) | places
    if keys.device.type == "cpu":  # several times as fast as torch.sort on short rows
        return torch.from_numpy(np.sort(keys.numpy(), axis=1))
    return keys.sort(dim=1).values
