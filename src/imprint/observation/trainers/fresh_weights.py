"""Fresh weights for any network, in its own architecture."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from imprint.core.seeds import derive
from imprint.core.user_types import is_of

SPREAD = 0.02
"""Standard deviation of fresh parameters that no layer draws itself, such as class tokens."""
INITIALISED = "_is_hf_initialized"
"""What transformers marks, and then leaves alone."""


def with_fresh_weights(module: nn.Module, seed: int) -> nn.Module:
    """Return a copy of a network whose trainable weights depend on ``seed`` alone.

    Layers draw theirs by ``reset_parameters``, as when they are built; models of transformers by
    their own rule. Other parameters, such as tokens and positions, become normal with
    :data:`SPREAD`; those of one axis 1 (scales) or 0 (shifts), as their name says. Frozen
    parameters stay, with the buffers of layers that have no others: a network that was tuned on
    top of frozen layers is so again. Buffers that no layer resets stay.

    Args:
        module: any network.
        seed: of the weights.
    """
    fresh = copy.deepcopy(module)
    frozen = {name for name, each in fresh.named_parameters() if not each.requires_grad}
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(derive(seed, "initial weights"))
        _reset(fresh)
        kept, state = module.state_dict(), fresh.state_dict()
        for name in (*frozen, *_frozen_buffers(fresh)):
            if name in state:
                state[name].copy_(kept[name])
    return fresh


def _reset(part: Any) -> None:
    if is_of(part, "transformers:PreTrainedModel"):
        _reset_transformers(part)
        return
    reset = getattr(part, "reset_parameters", None)
    if callable(reset):
        reset()
    else:
        for name, parameter in part.named_parameters(recurse=False):
            _draw(name, parameter)
    for child in part.children():
        _reset(child)


def _reset_transformers(model: Any) -> None:
    for marked in (*model.modules(), *model.parameters(), *model.buffers()):
        if hasattr(marked, INITIALISED):
            delattr(marked, INITIALISED)
    model.initialize_weights()


def _draw(name: str, parameter: nn.Parameter) -> None:
    if parameter.ndim > 1:
        parameter.normal_(0.0, SPREAD)
    else:
        scale = any(word in name for word in ("weight", "scale", "gamma"))
        parameter.fill_(1.0 if scale else 0.0)


def _frozen_buffers(module: nn.Module) -> list[str]:
    """Return the buffers of layers all of whose own parameters are frozen."""
    return [
        f"{path}.{name}" if path else name
        for path, part in module.named_modules()
        if (own := list(part.parameters(recurse=False)))
        and not any(each.requires_grad for each in own)
        for name, _ in part.named_buffers(recurse=False)
    ]
