"""A teacher: a copy of the network that follows it as a moving average (Grill et al. 2020, eq. 1).

Parameters are averaged. Its batch normalisation sees batches of its own, as the network's does,
so its running statistics are of its own making.
"""

from __future__ import annotations

import copy
import math
from typing import TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def new_teacher(student: Module) -> Module:
    """Return a copy of a module that takes no gradients."""
    return copy.deepcopy(student).requires_grad_(False)


def teacher_momentum(start: float, progress: float) -> float:
    """Return 1 − (1 − start) · (1 + cos(π · progress)) / 2: from ``start`` to exactly 1.

    >>> teacher_momentum(0.9, 0.0), teacher_momentum(0.9, 0.5), teacher_momentum(0.9, 1.0)
    (0.9, 0.95, 1.0)

    Args:
        start: momentum of the first step, in [0, 1].
        progress: share of the training that is done, in [0, 1].
    """
    return 1 - (1 - start) * (1 + math.cos(math.pi * progress)) / 2


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """Set every parameter of the teacher to momentum · teacher + (1 − momentum) · student."""
    for ours, theirs in zip(teacher.parameters(), student.parameters(), strict=True):
        ours.lerp_(theirs, 1 - momentum)
