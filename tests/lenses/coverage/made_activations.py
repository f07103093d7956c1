"""Small made-up activations that the tests of coverage criteria share."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.neurons.activations import ActivationTable, Batch, Layers

LAYERS = Layers(("first", "second", "third"), (5, 9, 3))
CLASSES = 3


def table(
    values: NDArray[np.float32], layers: Layers = LAYERS, labels: NDArray[np.int64] | None = None
) -> ActivationTable:
    return ActivationTable(layers, np.asarray(values, dtype=np.float32), labels)


def training(inputs: int = 120, seed: int = 1) -> ActivationTable:
    """Three classes around different means, and one neuron that never varies."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, inputs)
    means = np.random.default_rng(0).normal(size=(CLASSES, LAYERS.neurons))
    values = (means[labels] + random.normal(size=(inputs, LAYERS.neurons))).astype(np.float32)
    values[:, 7] = 0.5
    return table(values, labels=labels)


def unseen(inputs: int = 60, seed: int = 2) -> Batch:
    """As training but wider, with some values on a coarse grid, and repeated inputs."""
    train = training(inputs, seed)
    assert train.labels is not None
    values = torch.from_numpy(train.values) * 1.3
    values[::3] = values[::3].round()
    values[-5:] = values[:5]
    labels = torch.from_numpy(train.labels)
    labels[-5:] = labels[:5]
    return Batch(LAYERS, values, labels)


def batch(
    values: list[list[float]], layers: Layers | None = None, labels: list[int] | None = None
) -> Batch:
    tensor = torch.tensor(values)
    found: Tensor | None = None if labels is None else torch.tensor(labels)
    return Batch(layers or Layers(("only",), (tensor.shape[1],)), tensor, found)
