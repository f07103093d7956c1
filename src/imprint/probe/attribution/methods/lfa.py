"""Feature ablation: F(x) − F(x with all places of one channel at 0).

One pass per channel, and none shared; a random part of the channels of each layer
(``options.channels``) is what large networks allow. Channels not taken away have no value.
"""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.core.seeds import generator
from imprint.probe.attribution.layer_attribution import (
    Question,
    Values,
    attributor,
    chunks,
    split_rows,
)


@attributor("lfa", "feature ablation")
def lfa(question: Question) -> Values:
    """Return one value per neuron, ``[b, width]``; NaN where a channel was not drawn."""
    with torch.no_grad():
        return {
            name: _of_layer(question, name, value.shape[question.outputs.axis(name)])
            for name, value in question.seen.values.items()
        }


def _of_layer(question: Question, name: str, width: int) -> Tensor:
    inputs, rows = question.inputs, len(question.inputs)
    whole = question.explained(question.seen.logits)
    drops = whole.new_full((rows, width), torch.nan)
    drawn = _channels(question, name, width)
    axis = question.outputs.axis(name)
    for part in chunks(len(drawn), rows, question.options.rows):
        channels = drawn[part]
        keep = torch.ones(len(channels), width, device=inputs.device)
        keep[torch.arange(len(channels)), channels] = 0

        def ablate(value: Tensor, keep: Tensor = keep) -> Tensor:
            mask = keep.to(value).repeat_interleave(rows, 0)
            shape = [len(mask)] + [1] * (value.ndim - 1)
            shape[axis] = width
            return value * mask.reshape(shape)

        repeated = inputs.repeat(len(channels), *[1] * (inputs.ndim - 1))
        logits = question.outputs.run(repeated, {name: ablate}).logits
        left = split_rows(question.explained(logits), len(channels), rows)
        drops[:, channels] = (whole - left).T
    return drops


def _channels(question: Question, name: str, width: int) -> Tensor:
    wanted = question.options.channels
    if wanted is None or wanted >= width:
        return torch.arange(width)
    order = generator(question.options.seed, "lfa", name).permutation(width)
    return torch.from_numpy(order[:wanted]).sort().values
