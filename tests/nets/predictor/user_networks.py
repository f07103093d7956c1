"""Functions of a user that return networks."""

from typing import Any

from torch import nn


def plain(outputs: int = 2) -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, outputs))


def broken() -> nn.Module:
    raise ValueError("no disk")


def text() -> Any:
    return "a network"
