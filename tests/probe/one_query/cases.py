"""Small classifiers for tests of searches on reference models."""

import torch
from torch import nn


def linear(weights):
    """Return a linear classifier, weights ``[classes, width]``."""
    network = nn.Linear(len(weights[0]), len(weights), bias=False).double()
    with torch.no_grad():
        network.weight.copy_(torch.tensor(weights, dtype=torch.float64))
    return network


def random_networks(count, width=4, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    networks = []
    for _ in range(count):
        network = nn.Sequential(nn.Linear(width, 5), nn.Tanh(), nn.Linear(5, classes)).double()
        with torch.no_grad():
            for tensor in network.parameters():
                tensor.copy_(draw(*tensor.shape))
        networks.append(network)
    inputs, labels = draw(7, width), torch.arange(7) % classes
    members = torch.rand(count, 7, generator=generator) < 0.5
    return networks, members, inputs, labels
