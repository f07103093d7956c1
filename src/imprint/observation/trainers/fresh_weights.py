"""Fresh weights for any network, in its own architecture."""

from __future__ import annotations

import copy

import torch
from torch import nn

from imprint.core.seeds import derive

SPREAD = 0.02
"""Standard deviation of fresh parameters that no layer draws itself, such as class tokens."""


def with_fresh_weights(module: nn.Module, seed: int) -> nn.Module:
    """Return a copy of a network whose trainable weights depend on ``seed`` alone.

    Layers draw theirs by ``reset_parameters``, as when they are built. Other parameters, such as
    tokens and positions, become normal with :data:`SPREAD`; those of one axis 1 (scales) or 0
    (shifts), as their name says. Frozen parameters stay: a network that was tuned on top of frozen
    layers is so again. Buffers that a layer does not reset stay.

    Args:
        module: any network.
        seed: of the weights.
    """
    fresh = copy.deepcopy(module)
    frozen = {id(each) for each in fresh.parameters() if not each.requires_grad}
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(derive(seed, "initial weights"))
        for part in fresh.modules():
            own = list(part.parameters(recurse=False))
            if all(id(each) in frozen for each in own) and own:
                continue
            reset = getattr(part, "reset_parameters", None)
            if callable(reset):
                reset()
            else:
                _draw(part, frozen)
    return fresh


def _draw(part: nn.Module, frozen: set[int]) -> None:
    for name, parameter in part.named_parameters(recurse=False):
        if id(parameter) in frozen:
            continue
        if parameter.ndim > 1:
            parameter.normal_(0.0, SPREAD)
        else:
            scale = any(word in name for word in ("weight", "scale", "gamma"))
            parameter.fill_(1.0 if scale else 0.0)
