"""Small networks of every kind of layer, and gradients of one record at a time."""

import torch
from torch import nn

from imprint.probe.influence_kit.question import Trained

ROWS = 5


class Attention(nn.Module):
    """A transformer with a position table and a token mean."""

    def __init__(self):
        super().__init__()
        self.tokens, self.places = nn.Embedding(7, 6), nn.Parameter(torch.randn(4, 6))
        self.block = nn.TransformerEncoderLayer(6, 2, 8, dropout=0.1, batch_first=True)
        self.head = nn.Linear(6, 3)

    def forward(self, tokens):
        return self.head(self.block(self.tokens(tokens) + self.places).mean(1))


class Shared(nn.Module):
    """One layer called twice, and one whose weight is used without calling it."""

    def __init__(self):
        super().__init__()
        self.first, self.again, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        x = self.again(self.again(self.first(x)).relu())
        return x @ self.head.weight.T + self.head.bias


class Sequential2(nn.Module):
    """Layers that see the batch as their second axis."""

    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.Linear(1, 5), nn.Linear(5, 3)

    def forward(self, x):
        return self.head(self.layer(x.T[..., None]).relu().mean(0))


def convolutions():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, stride=2),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 6, (3, 1), groups=2, dilation=(1, 1), bias=False),
        nn.GroupNorm(3, 6),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 3),
    )


def signals():
    return nn.Sequential(
        nn.Conv1d(2, 4, 3, padding=1), nn.GELU(), nn.Conv1d(4, 4, 2, groups=4), nn.Flatten(),
        nn.LayerNorm(20), nn.Linear(20, 3),
    )  # fmt: skip


def recurrent():
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.memory, self.head = nn.GRU(3, 4, batch_first=True), nn.Linear(4, 3)

        def forward(self, x):
            return self.head(self.memory(x)[0][:, -1])

    return Last()


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def problem(name):
    """Return a network in evaluation mode with records of every class."""
    torch.manual_seed(0)
    networks = {
        "convolutions": (convolutions, numbers(ROWS, 2, 6, 6)),
        "signals": (signals, numbers(ROWS, 2, 6)),
        "attention": (Attention, torch.randint(0, 7, (ROWS, 4))),
        "shared": (Shared, numbers(ROWS, 4)),
        "second axis": (Sequential2, numbers(ROWS, ROWS)),
        "recurrent": (recurrent, numbers(ROWS, 4, 3)),
    }
    make, inputs = networks[name]
    network = make().double().eval()
    labels = torch.arange(ROWS) % 3
    return Trained(network, inputs, labels, inputs[:2], labels[:2], torch.arange(ROWS), damping=0.1)


NAMES = ("convolutions", "signals", "attention", "shared", "second axis", "recurrent")


def one_at_a_time(trained, inputs, labels):
    """Return the gradient of each loss, by autograd, ``[n, p]`` in the order of parameters."""
    weights = list(trained.network.parameters())
    rows = []
    for row in range(len(inputs)):
        loss = trained.losses(trained.network(inputs[row : row + 1]), labels[row : row + 1])
        rows.append(torch.cat([each.flatten() for each in torch.autograd.grad(loss[0], weights)]))
    return torch.stack(rows)
